"""Claims rf.T1, rf.T1c and rf.T1m: more data and more features never hurt, at the best ridge."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.random_features.framework import PAPER
from theory import random_features as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
EQUIVALENT = "holds for the eigenframework's deterministic equivalent (rf.F1), not for single data sets"


# ---------------------------------------------------------------- tasks and their best errors


def _drawn_task(*, alpha: float, beta: float, modes: int, draw: int, sparse: bool) -> tuple[Array, Array]:
    """A power law with log-normal jitter, drawn by number `draw`; `sparse` keeps about a third of the target."""
    rng = np.random.default_rng([draw, modes])
    index = np.arange(1, modes + 1, dtype=float)
    eigenvalues = np.sort(index**-alpha * np.exp(0.7 * rng.standard_normal(modes)))[::-1]
    power = index**-beta * np.exp(0.7 * rng.standard_normal(modes))
    if sparse:
        power *= rng.random(modes) < 1 / 3
        power[rng.integers(modes)] += 0.1  # something learnable is left
    return eigenvalues, power


def _least_risk(n: float, k: float, noise: float, task: tuple[Array, Array]) -> float:
    """The smallest test error over all ridges; `noise` in units of the target's total power."""
    return float(theory.optimal_ridge(n, k, *task, noise * task[1].sum())[1])


def _least_before(*, n: float, k: float, more_n: float, more_k: float, noise: float, **task: Any) -> float:
    """The best error with n samples and k features."""
    return _least_risk(n, k, noise, _drawn_task(**task))


def _least_after(*, n: float, k: float, more_n: float, more_k: float, noise: float, **task: Any) -> float:
    """The best error with `more_n` samples and `more_k` features added."""
    return _least_risk(n + more_n, k + more_k, noise, _drawn_task(**task))


def _least_at_infinite_width(*, n: float, k: float, noise: float, **task: Any) -> float:
    """The best error of kernel regression on the same samples."""
    return _least_risk(n, math.inf, noise, _drawn_task(**task))


def _least_at_width(*, n: float, k: float, noise: float, **task: Any) -> float:
    """The best error with k features."""
    return _least_risk(n, k, noise, _drawn_task(**task))


def _scaled(factor: float, **point: Any) -> float:
    """`factor` times the best error with k features."""
    return factor * _least_at_width(**point)


def _ridgeless_at_width(*, n: float, k: float, noise: float, **task: Any) -> float:
    """The error without ridge at k features (finite off n = k)."""
    eigenvalues, power = _drawn_task(**task)
    return float(theory.risk(n, k, 0.0, eigenvalues, power, noise * power.sum()))


def _ridgeless_at_infinite_width(*, n: float, k: float, noise: float, **task: Any) -> float:
    """The error without ridge at infinite width."""
    return _ridgeless_at_width(n=n, k=math.inf, noise=noise, **task)


def _at_fixed_ridge(
    after: bool, *, n: float, k: float, more_n: float, more_k: float, noise: float, depth: float = 0.0, **task: Any
) -> float:
    """The error at a small fixed ridge, before or `after` adding samples and features; `depth` is not used."""
    eigenvalues, power = _drawn_task(**task)
    n, k = (n + more_n, k + more_k) if after else (n, k)
    return float(theory.risk(n, k, 1e-4 * eigenvalues[0], eigenvalues, power, noise * power.sum()))


def _at_fixed_ratio(
    after: bool, *, n: float, k: float, more_n: float, more_k: float, noise: float, **task: Any
) -> float:
    """The error at train/test = 0.01, before or `after`; the largest ratio below it where features are too few."""
    eigenvalues, power = _drawn_task(**task)
    n, k = (n + more_n, k + more_k) if after else (n, k)
    learned = min(0.9 * n, 0.999 * k, 0.999 * eigenvalues.size)
    gamma, _ = theory.implicit_regularization(learned, math.inf, 0.0, eigenvalues)
    return float(theory.at_gamma(gamma, n, k, eigenvalues, power, noise * power.sum()).risk)


def _least_train_error(
    after: bool, *, n: float, k: float, more_n: float, more_k: float, noise: float, **task: Any
) -> float:
    """The ridgeless train error, which is the smallest one, before or `after`."""
    eigenvalues, power = _drawn_task(**task)
    n, k = (n + more_n, k + more_k) if after else (n, k)
    return float(theory.train_error(n, k, 0.0, eigenvalues, power, noise * power.sum()))


TASKS = {
    "alpha": Range(0.3, 3.0),
    "beta": Range(0.0, 3.0),
    "modes": Range(5, 300, log=True, integer=True),
    "draw": Range(0, 10**6, integer=True),
}
SIZES = {"n": Range(1, 400, log=True), "k": Range(1, 400, log=True)}
STEPS = {"more_n": Range(0, 50), "more_k": Range(0, 50)}
NOISES = tuple(
    {"noise": noise, "sparse": sparse} for noise, sparse in ((0.0, False), (0.01, True), (1.0, False), (10.0, True))
)


def _pair(name: str, function: Callable[..., float]) -> Mutant:
    """The mutant that compares `function` before and after, in place of the best error."""
    return Mutant(name=name, predict=partial(function, False), measure=partial(function, True))


T1_WORDS = (
    r"n'\ge n,\ k'\ge k \;\Rightarrow\; \min_{\delta\ge0}E_{te}(n',k',\delta)\le\min_{\delta\ge0}E_{te}(n,k,\delta)"
)
T1_PROOF = (
    "At fixed gamma, E = n/(n - q - s^2/(k - q)) (A + B s/(k - q) + sigma^2) falls in n and in k term by term, and the "
    "admissible set {gamma: z(gamma) <= min(n, k)} grows with both; every admissible gamma is a ridge >= 0, since "
    "ridge = gamma (k - z)(n - z)/k."
)
T1 = Claim(
    id="rf.T1",
    title="Theorem 1: more is better",
    statement=T1_WORDS,
    source=f"{PAPER}, Theorem 1 (statement recalled, proof derived)",
    provenance="reconstructed",
    assumptions=(EQUIVALENT, "the ridge is tuned at either size"),
    proof=T1_PROOF,
    equations={"theory.random_features.optimal_ridge": "min over the ridge"},
    kind="bound",
    predict=_least_before,
    measure=_least_after,
    settings=NOISES,
    domain={**TASKS, **SIZES, **STEPS},
    restarts=150,
    mutants=(
        _pair("at a fixed ridge", _at_fixed_ridge),
        _pair("at a fixed fitting ratio", _at_fixed_ratio),
        _pair("for the least train error", _least_train_error),
        Mutant(name="more is worse", predict=_least_after, measure=_least_before),
    ),
    scales={"quick": {"restarts": 30, "settings": NOISES[1:3]}, "paper": {"restarts": 2000}},
)


def _at_fixed_gamma(quantity: str, after: bool, *, depth: float, **point: Any) -> float:
    """The `quantity` ("risk", "train_error") at one gamma, `depth` decades above the least admissible at the smaller
    size."""
    n, k, more_n, more_k = (point.pop(name) for name in ("n", "k", "more_n", "more_k"))
    noise = point.pop("noise")
    eigenvalues, power = _drawn_task(**point)
    least, _ = theory.implicit_regularization(n, k, 0.0, eigenvalues)
    gamma = max(float(least), 1e-9 * eigenvalues[-1]) * 10.0**depth
    n, k = (n + more_n, k + more_k) if after else (n, k)
    point_at_gamma = theory.at_gamma(gamma, n, k, eigenvalues, power, noise * power.sum())
    return float(getattr(point_at_gamma, quantity))


T1_GAMMA = Claim(
    id="rf.T1.gamma",
    title="The stronger statement that proves Theorem 1",
    statement=r"\text{at fixed } \gamma:\quad E_{te}(n',k')\le E_{te}(n,k)\quad\text{for } n'\ge n,\ k'\ge k",
    source="derived",
    provenance="derived",
    assumptions=(EQUIVALENT, "z(gamma) <= min(n, k), so that the ridge is >= 0"),
    proof=T1_PROOF,
    equations={"theory.random_features.at_gamma": "E_te at a chosen gamma"},
    kind="bound",
    predict=partial(_at_fixed_gamma, "risk", False),
    measure=partial(_at_fixed_gamma, "risk", True),
    settings=NOISES,
    domain={**TASKS, **SIZES, **STEPS, "depth": Range(0.01, 4.0)},
    restarts=300,
    mutants=(
        Mutant(
            name="the other way",
            predict=partial(_at_fixed_gamma, "risk", True),
            measure=partial(_at_fixed_gamma, "risk", False),
        ),
        _pair("for the train error", partial(_at_fixed_gamma, "train_error")),
        _pair("at a fixed ridge", _at_fixed_ridge),
    ),
    scales={"quick": {"restarts": 60, "settings": NOISES[1:3]}, "paper": {"restarts": 4000}},
)


# ---------------------------------------------------------------- when is it strict, and what is false


def _not_smaller(*, n: float, k: float, more_n: float, more_k: float, noise: float, **task: Any) -> float:
    """1 where the best error did not fall strictly, else 0."""
    before = _least_before(n=n, k=k, more_n=more_n, more_k=more_k, noise=noise, **task)
    return float(not _least_after(n=n, k=k, more_n=more_n, more_k=more_k, noise=noise, **task) < before)


def _falls_less(
    fraction: float, *, n: float, k: float, more_n: float, more_k: float, noise: float, **task: Any
) -> float:
    """1 where the best error did not fall by `fraction`, else 0."""
    before = _least_before(n=n, k=k, more_n=more_n, more_k=more_k, noise=noise, **task)
    after = _least_after(n=n, k=k, more_n=more_n, more_k=more_k, noise=noise, **task)
    return float(not after < (1 - fraction) * before)


def _not_smaller_at_full_rank(*, n: float, k: float, noise: float, **point: Any) -> float:
    """As `_not_smaller` without noise and with at least as many samples and features as modes: all errors are 0."""
    return _not_smaller(n=n + point["modes"], k=k + point["modes"], noise=0.0, **point)


def _not_smaller_unlearnable(*, n: float, k: float, more_n: float, more_k: float, noise: float, **task: Any) -> float:
    """As `_not_smaller` for a target that lives in one mode of eigenvalue 0."""
    eigenvalues = np.append(_drawn_task(**task)[0], 0.0)
    power = np.append(np.zeros(eigenvalues.size - 1), 2.0)
    before = _least_risk(n, k, noise, (eigenvalues, power))
    return float(not _least_risk(n + more_n, k + more_k, noise, (eigenvalues, power)) < before)


def _zero(**_: Any) -> float:
    """The number 0, for statements that something never happens."""
    return 0.0


def _strictness_conditions(*, n: float, k: float, noise: float, more_n: float, more_k: float, **task: Any) -> bool:
    """Whether sizes grow, something is learnable, and the smaller size does not reach error 0."""
    eigenvalues, power = _drawn_task(**task)
    return more_n + more_k > 0 and bool(np.any(eigenvalues * power > 0)) and (noise > 0 or min(n, k) < eigenvalues.size)


WHOLE_STEPS = {"more_n": Range(0, 20, integer=True), "more_k": Range(0, 20, integer=True)}
T1_STRICT = Claim(
    id="rf.T1.strict",
    title="When more is strictly better",
    statement=(
        r"\text{strict for }(n',k')\ne(n,k)\text{ if some } v_i^2\lambda_i>0 \text{ and } "
        r"\min_\delta E_{te}(n,k,\delta)>0"
    ),
    source="derived; the second condition is missing where the theorem is quoted",
    provenance="derived",
    assumptions=(EQUIVALENT, "some v_i^2 lambda_i > 0", "the minimum at the smaller size is > 0"),
    equations={"theory.random_features.optimal_ridge": "min over the ridge"},
    kind="bound",
    relative=False,
    margin=0.5,
    admissible=_strictness_conditions,
    predict=_zero,
    measure=_not_smaller,
    settings=({"noise": 0.0, "sparse": False}, {"noise": 0.3, "sparse": False}),
    domain={
        **TASKS,
        **WHOLE_STEPS,
        "n": Range(1, 100, log=True, integer=True),
        "k": Range(1, 100, log=True, integer=True),
    },
    restarts=150,
    scales={"quick": {"restarts": 30}, "paper": {"restarts": 1000}},
    mutants=(
        Mutant(name="also with error 0 already", measure=_not_smaller_at_full_rank),
        Mutant(name="also with nothing learnable", measure=_not_smaller_unlearnable),
        Mutant(name="by one percent at least", measure=partial(_falls_less, 0.01)),
    ),
)

POINT = {"alpha": 1.0, "beta": 1.0, "modes": 20, "draw": 1, "more_n": 1, "more_k": 0}
T1_ALWAYS = Claim(
    id="rf.T1.always",
    title="More is always strictly better (false)",
    statement=(
        r"(n',k')\ne(n,k),\ \exists i: v_i^2\lambda_i>0 \;\Rightarrow\; "
        r"\min_\delta E_{te}(n',k')<\min_\delta E_{te}(n,k)"
    ),
    source=f"{PAPER}, Theorem 1 with the one condition that is recalled for strictness",
    provenance="reconstructed",
    assumptions=(EQUIVALENT, "counterexample: no noise, finite rank, n and k at least the rank: both errors are 0"),
    expected="refuted",
    corrected_by="rf.T1.strict",
    kind="bound",
    relative=False,
    margin=0.5,
    predict=_zero,
    measure=_not_smaller,
    settings=({**POINT, "n": 25, "k": 30, "noise": 0.0, "sparse": False},),
)


def _fixed_ridge_risk(
    after: bool, *, n: float, k: float, new_n: float, new_k: float, ridge: float, noise: float
) -> float:
    """The error at `ridge` of the task lambda_i = v_i^2 = i^-1.5, 1000 modes, before or `after`."""
    n, k = (new_n, new_k) if after else (n, k)
    return float(theory.risk(n, k, ridge, *theory.power_law(1.5, 1.5, 1000), noise))


T1_RIDGE = Claim(
    id="rf.T1.fixed-ridge",
    title="More is better at a fixed ridge (false)",
    statement=r"n'\ge n,\ k'\ge k \;\Rightarrow\; E_{te}(n',k',\delta)\le E_{te}(n,k,\delta)",
    source="a common reading of Theorem 1; false: the double-descent peak at n = k",
    provenance="derived",
    assumptions=("the ridge is not tuned",),
    expected="refuted",
    corrected_by="rf.T1",
    kind="bound",
    predict=partial(_fixed_ridge_risk, False),
    measure=partial(_fixed_ridge_risk, True),
    settings=tuple(
        {"n": n, "k": k, "new_n": 100, "new_k": 100, "ridge": 1e-4, "noise": 0.1}
        for n, k in ((50, 100), (100, 50), (100, 99))
    ),
)

T1C = Claim(
    id="rf.T1c",
    title="Infinite width is optimal",
    statement=r"\min_\delta E_{te}(n,\infty,\delta)\le\min_\delta E_{te}(n,k,\delta)",
    source=f"{PAPER}, corollary of Theorem 1 (recalled)",
    provenance="reconstructed",
    assumptions=(EQUIVALENT, "the ridge is tuned at either width"),
    proof=T1_PROOF,
    equations={"theory.random_features.optimal_ridge": "min over the ridge, k = inf"},
    kind="bound",
    predict=_least_at_width,
    measure=_least_at_infinite_width,
    settings=NOISES,
    domain={**TASKS, **SIZES},
    restarts=150,
    mutants=(
        Mutant(name="finite width is better", predict=_least_at_infinite_width, measure=_least_at_width),
        Mutant(name="by one percent at least", predict=partial(_scaled, 0.99)),
        Mutant(name="without a ridge", predict=_ridgeless_at_width, measure=_ridgeless_at_infinite_width),
    ),
    scales={"quick": {"restarts": 30, "settings": NOISES[1:3]}, "paper": {"restarts": 2000}},
)


# ---------------------------------------------------------------- the optimum of a matched prior


def _best_ridge(*, n: float, scale: float, noise: float, alpha: float) -> float:
    """The optimal ridge of kernel regression for target power = scale * eigenvalues."""
    eigenvalues, _ = theory.power_law(alpha, alpha, 800)
    return float(theory.optimal_ridge(n, math.inf, eigenvalues, scale * eigenvalues, noise)[0])


def _matched_ridge(which: str = "noise/scale", *, n: float, scale: float, noise: float, alpha: float) -> float:
    """noise/scale, or a wrong version of it."""
    return {
        "noise/scale": noise / scale,
        "noise": noise,
        "noise*scale": noise * scale,
        "per sample": noise / scale / n,
    }[which]


T1M = Claim(
    id="rf.T1m",
    title="The best ridge for a matched prior",
    statement=r"v_i^2=c\lambda_i,\ k=\infty:\quad \delta^*=\sigma^2/c,\ \text{the only stationary point}",
    source="derived: dE/dln(gamma) is proportional to (c ridge - sigma^2) sum 2 e^2 f",
    provenance="derived",
    assumptions=(EQUIVALENT, "target power proportional to the eigenvalues", "infinitely many features"),
    equations={"theory.random_features.optimal_ridge": "delta*"},
    kind="identity",
    margin=1e-8,
    predict=_matched_ridge,
    measure=_best_ridge,
    settings=tuple(
        {"n": n, "scale": c, "noise": s, "alpha": a}
        for n, c, s, a in ((60, 1.0, 0.5, 1.5), (256, 3.0, 0.2, 1.5), (33.3, 0.1, 0.02, 1.1), (500, 7.0, 40.0, 2.2))
    ),
    mutants=tuple(
        Mutant(name=f"{which} in place of noise/scale", predict=partial(_matched_ridge, which))
        for which in ("noise", "noise*scale", "per sample")
    ),
)

CLAIMS = (T1, T1_GAMMA, T1_STRICT, T1_ALWAYS, T1_RIDGE, T1C, T1M)
