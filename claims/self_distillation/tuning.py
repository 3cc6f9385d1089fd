"""Claims sd.R4 to sd.R6: what the best weight of the truth gains over the best ridge, and where it gains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.self_distillation._marchenko_pastur import mixed_risk
from claims.self_distillation._populations import DANG, GAUSSIAN, SIZES, at_ratio, model, times
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- R4: a prior without preferred directions


def _random_spectrum(seed: int, spread: float) -> Array:
    """Twenty-four eigenvalues, log-normal with standard deviation `spread` of the logarithm, drawn from `seed`."""
    return np.exp(spread * np.random.default_rng(int(seed)).standard_normal(24))


def _bayes_risk(
    which: str = "right",
    *,
    seed: int,
    spread: float,
    ratio: float,
    signal_power: float,
    noise_variance: float,
    **_: Any,
) -> float:
    """Risk at the best ridge: sigma^2 (kappa/lam* - 1) at lam* = gamma sigma^2/r^2, or the risk at a wrong ridge."""
    s = _random_spectrum(seed, spread)
    if which != "right":
        power = np.full(s.size, signal_power / s.size)
        ridge = ratio * noise_variance**0.5 / signal_power if "deviation" in which else noise_variance / signal_power
        return float(theory.limit_excess_risk(s, power, noise_variance, ratio, ridge, 1.0).total)
    ridge = ratio * noise_variance / signal_power
    low, high = ridge, ridge + ratio * s.mean()

    def excess(kappa: float) -> float:
        return kappa * (1 - ratio * float(np.mean(s / (s + kappa)))) - ridge

    kappa = float(brentq(excess, low, high, xtol=1e-300, rtol=1e-15))  # pyright: ignore[reportArgumentType]
    return noise_variance * (kappa / ridge - 1)


def _tuned_risks(
    align: float = 0.0,
    factor: float = 1.0,
    *,
    seed: int,
    spread: float,
    ratio: float,
    signal_power: float,
    noise_variance: float,
    multiple: float,
) -> Array:
    """[best of two steps, best of three] at the ridge `multiple` times the best; `align` turns beta to large modes."""
    s = _random_spectrum(seed, spread)
    power = signal_power * s**align / np.sum(s**align)
    ridge = multiple * theory.bayes_ridge(signal_power, noise_variance, ratio)
    two = theory.optimal_mixing(s, power, noise_variance, ratio, ridge).excess_risk
    return factor * np.array([two, theory.joint_risk(s, power, noise_variance, ratio, ridge, 3)])


R4 = Claim(
    id="sd.R4",
    title="Without preferred directions no distillation beats the best ridge",
    statement=(
        r"\beta\sim N(0,\tfrac{r^2}{p}I):\quad R_{sd}^*(\lambda)\ \ge\ R(\lambda^*)="
        r"\sigma^2\Big(\frac{\kappa(\lambda^*)}{\lambda^*}-1\Big),\qquad \lambda^*=\gamma\sigma^2/r^2"
    ),
    source="derived",
    provenance="derived",
    assumptions=("proportional limit, any Sigma", "any ridge; students of two and of three steps, any real weights"),
    proof=r"At $\lambda^*$ ridge regression is the posterior mean, which no function of the data beats on average.",
    equations={
        "theory.self_distillation.bayes_ridge": "lambda^*",
        "theory.self_distillation.optimal_mixing": "R_sd^* of two steps",
        "theory.self_distillation.joint_risk": "R_sd^* of three steps",
    },
    kind="bound",
    margin=1e-9,
    measure=_bayes_risk,
    predict=_tuned_risks,
    domain={
        "seed": Range(0, 100_000, integer=True),
        "spread": Range(0.1, 1.5),
        "ratio": Range(0.1, 8.0, log=True),
        "signal_power": Range(0.1, 10.0, log=True),
        "noise_variance": Range(0.05, 5.0, log=True),
        "multiple": Range(0.01, 100.0, log=True),
    },
    restarts=400,
    mutants=(
        Mutant(name="signal along the large modes", predict=partial(_tuned_risks, 2.0)),
        Mutant(name="half a percent stronger", predict=partial(_tuned_risks, 0.0, 0.995)),
        Mutant(name="sigma^2/r^2 without gamma", measure=partial(_bayes_risk, "without gamma")),
        Mutant(name="sigma for sigma^2 in the best ridge", measure=partial(_bayes_risk, "deviation")),
    ),
    scales={"quick": {"restarts": 60}},
)


# ---------------------------------------------------------------- R5: a signal with preferred directions


@lru_cache(maxsize=64)
def _least(
    steps: int, size: int, features: int, spectrum: tuple[Any, ...], signal: tuple[Any, ...], *powers: float
) -> float:
    """Least risk of so many `steps` over all ridges and schedules; a search, so kept for the next caller."""
    population = {"samples": size, "features": features, "spectrum": spectrum, "signal": signal}
    arguments = model(**population, signal_power=powers[0], noise_variance=powers[1])
    return theory.best_joint_risk(*arguments, steps).excess_risk


def _tuned(
    steps: tuple[int, ...] = (1, 2),
    share: float = 1.0,
    *,
    ridges: Any,
    alphas: Any,
    samples: int,
    features: int,
    spectrum: Any,
    signal: Any,
    signal_power: float,
    noise_variance: float,
) -> Array:
    """[least risk of ridge, of two steps] over all ridges and weights, of which the experiment takes one near them.

    `steps` and `share` of the gain spoil it.
    """
    del ridges, alphas
    key = samples, features, tuple(spectrum), tuple(signal), signal_power, noise_variance
    risks = np.array([_least(count, *key) for count in steps])
    return risks[0] + np.array([0.0, share]) * (risks - risks[0])


R5 = Claim(
    id="sd.R5",
    title="With preferred directions two tuned steps beat the tuned ridge",
    statement=(
        r"\min_{\lambda,\alpha}R_2(\lambda,\alpha)<\min_\lambda R_1(\lambda):\ "
        r"\text{0.2006 for 0.2428, 0.3261 for 0.3958}"
    ),
    source=f"derived; agrees with the abstract of {DANG}",
    provenance="derived",
    assumptions=(GAUSSIAN, "an eighth of the directions carries most of the signal", "ridges and alpha* of p = inf"),
    equations={"theory.self_distillation.best_joint_risk": "both minima"},
    kind="limit",
    predict=_tuned,
    measure=simulation.distilled_risks,
    settings=(
        {
            "ratio": 0.5,
            "ridges": (0.308, 1.865),
            "alphas": (2.618,),
            "spectrum": ("ar1", 0.6),
            "signal": ("top", 0.125, 0.8),
            "signal_power": 1.3,
            "noise_variance": 0.7,
        },
        {
            "ratio": 1.5,
            "ridges": (0.2614, 1.662),
            "alphas": (2.743,),
            "spectrum": ("ar1", 0.7),
            "signal": ("top", 0.125, 0.9),
            "signal_power": 1.3,
            "noise_variance": 0.4,
        },
    ),
    columns=(0, 9),
    outputs=("tuned ridge", "two tuned steps"),
    sizes=SIZES,
    at_size=at_ratio,
    margin=0.01,
    budget=12_000,
    mutants=(
        Mutant(name="two steps gain nothing", predict=partial(_tuned, (1, 1))),
        Mutant(name="half the gain", predict=partial(_tuned, (1, 2), 0.5)),
        Mutant(name="the two exchanged", predict=partial(_tuned, (2, 1))),
        Mutant(name="four percent too large", predict=partial(times, 1.04, _tuned)),
    ),
    scales={"quick": {"sizes": (8, 16, 32, 64), "margin": 0.05, "budget": 4000}},
)


# ---------------------------------------------------------------- R6: very small and very large ridges


def _end(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """The setting at a ridge `size` times away from 1, towards the end it is about."""
    return {**setting, "far": size}


def _mixed(*, ratio: float, signal_power: float, noise_variance: float, large: bool, far: float) -> float:
    """Least risk of the two-step student at ridge far or 1/far."""
    return mixed_risk(ratio, far if large else 1 / far, signal_power, noise_variance)


def _ends(
    which: str = "right", *, ratio: float, signal_power: float, noise_variance: float, large: bool, far: float
) -> float:
    """The limit at one end, or what a wrong formula gives there."""
    del far
    r2, v = signal_power, noise_variance * ratio
    if which == "right":
        return theory.isotropic_limits(r2, noise_variance, ratio)[large]
    if which == "sigma for sigma^2":
        return theory.isotropic_limits(r2, noise_variance**0.5, ratio)[large]
    if which == "samples and features exchanged":
        return theory.isotropic_limits(r2, noise_variance, 1 / ratio)[large]
    if large:
        return r2 * ratio * (r2 + noise_variance) / (r2 * (1 + ratio) + noise_variance)
    m1, m2, m3 = 1 / (1 - ratio), 1 / (1 - ratio) ** 3, (1 + ratio) / (1 - ratio) ** 5
    if which == "nothing gained":
        return v * m1
    return v * m1 - (v * m2) ** 2 / (r2 * m2 + v * (m3 / (1 + ratio)))  # m3 without 1 + gamma


ENDS = (
    {"ratio": 0.4, "signal_power": 1.7, "noise_variance": 0.6},
    {"ratio": 2.3, "signal_power": 0.8, "noise_variance": 1.4},
)
R6 = Claim(
    id="sd.R6",
    title="Equal eigenvalues: the best two-step risk at both ends of the ridge",
    statement=(
        r"\lambda\to\infty:\ R^*\to\frac{r^2\gamma(r^2+\sigma^2)}{r^2(1+\gamma)+\sigma^2\gamma},\qquad "
        r"\lambda\to 0,\ \gamma<1:\ "
        r"R^*\to\sigma^2\gamma m_1-\frac{(\sigma^2\gamma m_2)^2}{r^2m_2+\sigma^2\gamma m_3},\quad "
        r"m_1=\tfrac1{1-\gamma},\ m_2=\tfrac1{(1-\gamma)^3},\ m_3=\tfrac{1+\gamma}{(1-\gamma)^5}"
    ),
    source="derived",
    provenance="derived",
    assumptions=("Sigma = I, proportional limit", "for gamma > 1 the moments at 1/gamma, and r^2 (1 - 1/gamma) more"),
    equations={"theory.self_distillation.isotropic_limits": "both limits"},
    kind="limit",
    deterministic=True,
    predict=_ends,
    measure=_mixed,
    settings=tuple({**end, "large": large} for end in ENDS for large in (False, True)),
    sizes=(250, 500, 1000, 2000, 4000),
    at_size=_end,
    powers=(1.0, 2.0, 3.0),
    margin=1e-7,  # the fourth power of 1/250, with the factors of the smallest eigenvalue 0.13
    mutants=(
        Mutant(name="sigma for sigma^2", predict=partial(_ends, "sigma for sigma^2")),
        Mutant(name="samples and features exchanged", predict=partial(_ends, "samples and features exchanged")),
        Mutant(name="nothing gained at small ridge", predict=partial(_ends, "nothing gained"), settings=(0,)),
        Mutant(name="third moment without 1 + gamma", predict=partial(_ends, "third moment"), settings=(0,)),
        Mutant(name="noise without gamma at large ridge", predict=partial(_ends, "large"), settings=(1, 3)),
        Mutant(name="a millionth too large", predict=partial(times, 1 + 1e-6, _ends)),
    ),
)

CLAIMS = (R4, R5, R6)
