"""Claims rf.F6 to rf.F8: estimates from the data alone, ensembles and the variance split, exact small sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_genlaguerre

from assay.claim import Claim, Mutant
from claims.random_features.framework import GAUSSIAN, QUICK_SIZES, SIZES, at_ratio
from claims.random_features.wrong_formulas import sums, task_of
from simulations import random_features as simulation
from theory import random_features as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
TASK = {"alpha": 1.5, "beta": 1.3, "modes": 1500, "noise_variance": 0.3}
RIDGES = (0.05, 0.5)


def _times(factor: float, predict: Callable[..., Array], **setting: Any) -> Array:
    """The prediction of `predict` at `setting`, multiplied by `factor`."""
    return factor * predict(**setting)


# ---------------------------------------------------------------- F6: kappa and the test error from training data


def _trace_predictions(
    swap: bool = False, power: float = 2.0, *, n: float, k: float, ridges: Any, noise_variance: float, **task: Any
) -> Array:
    """[kappa, test error] at each ridge; `swap` puts gamma for kappa, `power` != 2 misnormalises the estimate."""
    spectrum = task_of(**task)
    gamma, kappa = theory.implicit_regularization(n, k, np.asarray(ridges), spectrum[0])
    risk = theory.risk(n, k, np.asarray(ridges), *spectrum, noise_variance)
    shrink = np.asarray(ridges) / (n * np.asarray(kappa))
    return np.stack([gamma if swap else kappa, risk * shrink ** (2.0 - power)], axis=-1)


def _train_for_test(*, n: float, k: float, ridges: Any, noise_variance: float, **task: Any) -> Array:
    """[kappa, train error]: the estimate as if it were not corrected at all."""
    return _trace_predictions(False, 0.0, n=n, k=k, ridges=ridges, noise_variance=noise_variance, **task)


F6 = Claim(
    id="rf.F6",
    title="Kappa and the test error can be read off the training data",
    statement=(
        r"\frac{1}{\mathrm{tr}(K+\delta)^{-1}} \to \kappa,\qquad "
        r"\frac{E_{tr}}{\left(\frac{\delta}{n}\mathrm{tr}(K+\delta)^{-1}\right)^2} \to E_{te}"
    ),
    source="derived; generalised cross-validation, here at finite k too",
    provenance="derived",
    assumptions=(GAUSSIAN, "n, k -> infinity at fixed n/k", "ridge > 0"),
    equations={
        "theory.random_features.implicit_regularization": "kappa",
        "theory.random_features.risk": "E_te",
    },
    kind="limit",
    predict=_trace_predictions,
    measure=simulation.gcv_estimates,
    settings=tuple({"ratio": ratio, "ridges": RIDGES, **TASK} for ratio in (0.5, 3.0, math.inf)),
    columns=(0, 1, 4, 5),
    outputs=tuple(f"{what} at ridge {ridge:g}" for ridge in RIDGES for what in ("kappa", "test error")),
    sizes=SIZES,
    at_size=at_ratio,
    margin=0.015,
    budget=12000,
    mutants=(
        Mutant(name="gamma for kappa", predict=partial(_trace_predictions, True), settings=(0, 1)),
        Mutant(name="normaliser not squared", predict=partial(_trace_predictions, False, 1.0)),
        Mutant(name="train error for test error", predict=_train_for_test),
        Mutant(name="four percent too large", predict=partial(_times, 1.04, _trace_predictions)),
    ),
    scales={"quick": {"sizes": QUICK_SIZES, "margin": 0.06, "budget": 4000}},
)


# ---------------------------------------------------------------- F7: ensembles and the variance split


MEMBERS = (1, 3, 10, math.inf)


def _ensemble_predictions(
    power: float = 1.0,
    plain_ridge: bool = False,
    *,
    n: float,
    k: float,
    ridges: Any,
    members: Any,
    noise_variance: float,
    **task: Any,
) -> Array:
    """Errors of averages (members, ridges); `power` != 1 misstates 1/m, `plain_ridge` keeps the ridge in the limit."""
    spectrum, ridges = task_of(**task), np.asarray(ridges)
    if power == 1.0 and not plain_ridge:
        count = np.asarray(members, dtype=float)[:, None]
        return np.asarray(theory.ensemble_risk(n, k, ridges, *spectrum, noise_variance, members=count))
    one = np.asarray(theory.risk(n, k, ridges, *spectrum, noise_variance))
    limit = theory.ensemble_risk(n, k, ridges, *spectrum, noise_variance, members=math.inf)
    if plain_ridge:
        limit = theory.risk(n, math.inf, ridges, *spectrum, noise_variance)
    share = np.asarray([m**-power for m in members])[:, None]
    return share * one + (1 - share) * np.asarray(limit)


F7_ENSEMBLE = Claim(
    id="rf.F7",
    title="Averaging random-feature predictors",
    statement=(
        r"E_m = \frac{E}{m}+\left(1-\frac1m\right)\frac{n}{n-q}(A+\sigma^2);\quad m\to\infty:\ "
        r"\text{kernel regression with ridge } \gamma(n-z)\ge\delta"
    ),
    source="derived; the limit is the implicit ridge of Jacot et al. (2020)",
    provenance="derived",
    assumptions=(GAUSSIAN, "independent features, the same data", "n, k -> infinity at fixed n/k"),
    equations={"theory.random_features.ensemble_risk": "E_m"},
    kind="limit",
    predict=_ensemble_predictions,
    measure=simulation.ensemble_errors,
    settings=tuple({"ratio": ratio, "ridges": RIDGES, "members": MEMBERS, **TASK} for ratio in (0.5, 1.0)),
    outputs=tuple(f"m = {m:g}, ridge {ridge:g}" for m in MEMBERS for ridge in RIDGES),
    sizes=(16, 32, 64, 128),
    at_size=at_ratio,
    margin=0.015,
    budget=8000,
    mutants=(
        Mutant(name="1/sqrt(m)", predict=partial(_ensemble_predictions, 0.5)),
        Mutant(name="1/m^2", predict=partial(_ensemble_predictions, 2.0)),
        Mutant(name="limit with the plain ridge", predict=partial(_ensemble_predictions, 1.0, True)),
        Mutant(name="four percent too large", predict=partial(_times, 1.04, _ensemble_predictions)),
    ),
    scales={"quick": {"sizes": (12, 24, 48, 96), "margin": 0.06, "budget": 4000}},
)

SPLIT_TASK = {"alpha": 1.5, "beta": 1.3, "modes": 400, "noise_variance": 0.3, "noise": "averaged"}
SPLIT_RIDGES = (0.1, 0.5)
PARTS = ("squared bias", "feature variance", "sample variance", "interaction")


def _split_predictions(*, n: float, k: float, ridges: Any, noise_variance: float, **task: Any) -> Array:
    """[squared bias, feature variance, sample variance, interaction] at each ridge."""
    parts = theory.decomposition(n, k, np.asarray(ridges), *task_of(**task), noise_variance)
    fields = (parts.squared_bias, parts.feature_variance, parts.sample_variance, parts.interaction)
    return np.stack([np.asarray(field) for field in fields], axis=-1)


def _wrong_split(which: str, *, n: float, k: float, ridges: Any, noise_variance: float, **task: Any) -> Array:
    """The split with feature variance over k, without noise in the sample variance, or with the features' share
    counted as samples'."""
    right = _split_predictions(n=n, k=k, ridges=ridges, noise_variance=noise_variance, **task)
    spectrum = task_of(**task)
    for row, ridge in zip(right, ridges, strict=True):
        gamma, _ = theory.implicit_regularization(n, k, ridge, spectrum[0])
        x = sums(n, k, float(gamma), spectrum, noise_variance)
        if which == "k":
            row[1] = x.B * x.s / k
        elif which == "no noise":
            row[2] = x.q / (n - x.q) * x.A
        else:
            row[1], row[2] = row[2], row[1]
    return right


F7_SPLIT = Claim(
    id="rf.F7.split",
    title="Where the error comes from: bias, features, samples, interaction",
    statement=(
        r"\text{bias}^2=A,\quad V_F=\frac{Bs}{k-q},\quad V_D=\frac{n}{n-q}(A+\sigma^2)-A-\sigma^2,\quad "
        r"\text{interaction}=E-\sigma^2-A-V_F-V_D\ge 0"
    ),
    source="derived",
    provenance="derived",
    assumptions=(GAUSSIAN, "n, k -> infinity at fixed n/k"),
    equations={"theory.random_features.decomposition": "the four parts"},
    kind="limit",
    relative=False,
    predict=_split_predictions,
    measure=simulation.variance_split,
    settings=tuple({"ratio": ratio, "ridges": SPLIT_RIDGES, **SPLIT_TASK} for ratio in (0.5, 1.25)),
    outputs=tuple(f"{part} at ridge {ridge:g}" for ridge in SPLIT_RIDGES for part in PARTS),
    sizes=(16, 32, 64, 128),
    at_size=at_ratio,
    margin=0.015,
    budget=12000,
    mutants=(
        Mutant(name="feature variance over k", predict=partial(_wrong_split, "k")),
        Mutant(name="no noise in the sample variance", predict=partial(_wrong_split, "no noise")),
        Mutant(name="features and samples exchanged", predict=partial(_wrong_split, "exchanged")),
    ),
    scales={"quick": {"sizes": (10, 20, 40, 80), "margin": 0.05, "budget": 8000}},
)


# ---------------------------------------------------------------- F8: exact at any size


def _anchor_ratios(which: str = "exact", *, n: int, k: int, **_: Any) -> Array:
    """[test, train] over the projection residual; `which` = "asymptotic" or "off by one" spoils them."""
    if which == "asymptotic":
        return np.array([n / (n - k), (n - k) / n])
    if which == "off by one":
        return np.array([(n - 1) / (n - k - 1), (n - k - 1) / n])
    if which == "train of test":
        return np.array([(n - 1) / (n - k - 1), (n - k - 1) / (n - 1)])
    return np.array([(n - 1) / (n - k - 1), (n - k) / n])


ANCHOR_TASK = {"alpha": 1.2, "beta": 1.6, "modes": 40, "noise_variance": 0.3}
F8 = Claim(
    id="rf.F8",
    title="Ridgeless with few features: exact at every size",
    statement=(
        r"\delta=0,\ k<n-1:\quad \mathbb E[E_{te}\mid G]=\rho\,\frac{n-1}{n-k-1},\qquad "
        r"\mathbb E[E_{tr}\mid G]=\rho\,\frac{n-k}{n}"
    ),
    source="derived (Gaussian design with k regressors)",
    provenance="derived",
    assumptions=(GAUSSIAN, "rho = residual of projecting the target on the drawn features, noise included"),
    equations={"simulations.random_features.ridgeless_anchor": "both ratios measured"},
    kind="exact",
    predict=_anchor_ratios,
    measure=simulation.ridgeless_anchor,
    settings=({"n": 12, "k": 3, **ANCHOR_TASK}, {"n": 20, "k": 9, **ANCHOR_TASK}, {"n": 40, "k": 25, **ANCHOR_TASK}),
    outputs=("test error / rho", "train error / rho"),
    budget=400_000,
    block=4096,
    mutants=(
        Mutant(name="n/(n - k) for the test error", predict=partial(_anchor_ratios, "asymptotic")),
        Mutant(name="n - k - 1 for the train error", predict=partial(_anchor_ratios, "off by one")),
        Mutant(name="train error over n - 1", predict=partial(_anchor_ratios, "train of test")),
        Mutant(name="two percent too large", predict=partial(_times, 1.02, _anchor_ratios)),
    ),
    scales={"quick": {"margin": 0.02, "budget": 200_000}},
)


def _single_mode_errors(
    dof: int = 0,
    scale: bool = True,
    moved: bool = False,
    *,
    n: int,
    k: int,
    ridges: Any,
    noise_variance: float,
    target_scale: float,
    **_: Any,
) -> Array:
    """[test, train] at each ridge for one mode: expectations over S ~ chi^2_n and T ~ chi^2_k / k by quadrature.

    The switches spoil it: `dof` is added to n, `scale` = False forgets the 1/k, `moved` drops T^2 from the noise.
    """
    s, weight_s = _chi_square_rule(n + dof)
    t, weight_t = _chi_square_rule(k)
    t = t / k if scale else t
    weight = weight_s[:, None] * weight_t
    rows = []
    for ridge in ridges:
        denominator = (t * s[:, None] + ridge) ** 2
        bias = target_scale * np.sum(weight * ridge**2 / denominator)
        noise = np.sum(weight * (1.0 if moved else t**2) * s[:, None] / denominator)
        along = np.sum(weight * ridge**2 * (target_scale * s[:, None] + noise_variance) / denominator)
        rows.append(
            [bias + noise_variance * noise + noise_variance, (noise_variance * (n - 1) + along) / n],
        )
    return np.array(rows)


def _chi_square_rule(dof: int, points: int = 120) -> tuple[Array, Array]:
    """Nodes and weights for expectations over a chi-square variable."""
    node, weight = roots_genlaguerre(points, dof / 2 - 1)
    return 2 * node, weight / weight.sum()


def _equivalent_errors(*, n: int, k: int, ridges: Any, noise_variance: float, **task: Any) -> Array:
    """The deterministic equivalent at this small size: asymptotically right, here wrong by tens of percent."""
    spectrum, ridges = task_of(**task), np.asarray(ridges)
    test = theory.risk(n, k, ridges, *spectrum, noise_variance)
    return np.stack([test, theory.train_error(n, k, ridges, *spectrum, noise_variance)], axis=-1)


ONE = {"alpha": 1.5, "beta": 1.5, "modes": 1, "noise_variance": 0.3, "target_scale": 2.5, "ridges": (0.4, 3.0)}
F8_SINGLE = Claim(
    id="rf.F8.single",
    title="One mode: exact at every size",
    statement=(
        r"M=1:\quad E_{te}=v^2\,\mathbb E\!\left[\tfrac{\delta^2}{(TS+\delta)^2}\right]"
        r"+\sigma^2\,\mathbb E\!\left[\tfrac{T^2S}{(TS+\delta)^2}\right]+\sigma^2,"
        r"\quad S\sim\chi^2_n,\ T\sim\chi^2_k/k,\quad "
        r"nE_{tr}=\sigma^2(n-1)+\mathbb E\!\left[\tfrac{\delta^2(v^2S+\sigma^2)}{(TS+\delta)^2}\right]"
    ),
    source="derived",
    provenance="derived",
    assumptions=("Gaussian data and features", "one mode with eigenvalue 1", "ridge > 0"),
    equations={"simulations.random_features.power_law_errors": "measured at modes = 1"},
    kind="exact",
    predict=_single_mode_errors,
    measure=simulation.power_law_errors,
    settings=({"n": 3, "k": 2, **ONE}, {"n": 2, "k": 7, **ONE}, {"n": 9, "k": 4, **ONE}),
    outputs=tuple(f"{what} error at ridge {ridge:g}" for ridge in (0.4, 3.0) for what in ("test", "train")),
    budget=4_000_000,
    block=4096,
    mutants=(
        Mutant(name="n + 1 degrees of freedom", predict=partial(_single_mode_errors, 1)),
        Mutant(name="features not divided by k", predict=partial(_single_mode_errors, 0, False)),
        Mutant(name="noise without T^2", predict=partial(_single_mode_errors, 0, True, True)),
        Mutant(name="deterministic equivalent in place of the exact mean", predict=_equivalent_errors),
        Mutant(name="two percent too large", predict=partial(_times, 1.02, _single_mode_errors)),
    ),
    scales={"quick": {"margin": 0.02, "budget": 200_000}},
)

CLAIMS = (F6, F7_ENSEMBLE, F7_SPLIT, F8, F8_SINGLE)
