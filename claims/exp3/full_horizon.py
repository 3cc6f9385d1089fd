"""Claims ex.D12: all rounds instead of a truncation; the rate n^-alpha, and what is not true of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.exp3 import _ladder as route
from claims.exp3._paper import ABSTRACT, DECREASING, DERIVED, LADDER, LOSSES
from simulations.exp3 import measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
ALL_ROUNDS = "the likelihood of all n rounds, no truncation"


# ---------------------------------------------------------------- D12: between eta/log n and eta


def _between(which: str = "right", *, log_rate: float, exponent: float, n_arms: int) -> Array:
    """[relative deviation/eta, 1/(2 log n)] from n = eta^(-1/alpha) rounds; or what would be smaller or larger."""
    eta = np.exp(log_rate)
    rounds = float(np.round(eta ** (-1.0 / exponent)))
    ratio = float(theory.full_horizon_standard_deviation(rounds, exponent, eta * rounds**exponent, n_arms)) / eta
    least = 0.5 / np.log(rounds)
    if which == "falls no faster than eta^(1/2)":
        least = 0.5 / np.sqrt(eta)
    if which == "no logarithm":
        least = 0.5
    if which == "at most a third of eta":
        ratio = 3.0 * ratio
    if which == "a third of eta^(4/3)":
        ratio = ratio * 3.0 * eta ** (-1.0 / 3.0)
    return np.array([ratio, least])


def _limits(*, log_rate: float, exponent: float, n_arms: int) -> Array:
    """[1, relative deviation/eta]."""
    return np.array([1.0, _between(log_rate=log_rate, exponent=exponent, n_arms=n_arms)[0]])


D12 = Claim(
    id="ex.D12",
    title="All rounds: the relative error is of order n^-alpha, up to a logarithm",
    statement=(
        r"\eta=\theta n^{-\alpha}:\quad \frac{\eta}{2\log n}\le\frac1{\eta\sqrt{I_n}}\le\eta"
        r"\qquad(\text{truncated at }S/\eta\text{ rounds: }\sqrt{\eta/J(S)})"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(
        LOSSES,
        LADDER,
        DECREASING,
        ALL_ROUNDS,
        "eta from 0.004 to 0.1, alpha from 0.3 to 0.5, theta = 1; the constants are not sharp",
    ),
    proof=(
        "The last levels of the ladder, with p of order eta l and below, have d log p/d log eta of order 1/eta, times "
        "a factor that the deepest level reached makes a power of log n; each finished one adds its square to eta^2 I."
    ),
    equations={"theory.exp3.full_horizon_standard_deviation": "1/(eta sqrt(I_n)) from all rounds"},
    kind="bound",
    predict=_limits,
    measure=_between,
    settings=({"n_arms": 2},),
    domain={"log_rate": Range(float(np.log(0.004)), float(np.log(0.1))), "exponent": Range(0.3, 0.5)},
    restarts=20,
    mutants=tuple(
        Mutant(name=name, measure=partial(_between, name))
        for name in (
            "falls no faster than eta^(1/2)",
            "no logarithm",
            "at most a third of eta",
            "a third of eta^(4/3)",
        )
    ),
    scales={"quick": {"restarts": 6}},
)


# ---------------------------------------------------------------- D12.exact


def _by_ladder(*, rounds: int, exponent: float, scale: float, n_arms: int, loss: float) -> float:
    """The relative Cramer-Rao deviation by the theory."""
    return float(theory.full_horizon_standard_deviation(rounds, exponent, scale, n_arms, loss))


def _by_rounds(which: str = "right", *, rounds: int, exponent: float, scale: float, n_arms: int, loss: float) -> float:
    """The same round by round, or a wrong version."""
    eta = scale * rounds ** -(exponent / 2.0 if which == "alpha/2" else exponent)
    p, slope = np.array(list(route.levels(eta, n_arms, loss))).T
    information = route.by_rounds(1.0 - p, slope**2 * p * (1.0 - p), rounds - (which == "a round less") * rounds // 50)
    if which == "relative to theta without eta":
        return information**-0.5
    return information ** (-1.0 if which == "variance" else -0.5) / eta


D12_EXACT = Claim(
    id="ex.D12.exact",
    title="The relative error from all rounds, exactly",
    statement=r"\frac1{\eta\sqrt{I_n}},\ \eta=\theta n^{-\alpha},\ I_n\text{ of ex.D2}",
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER, DECREASING, ALL_ROUNDS),
    equations={"theory.exp3.full_horizon_standard_deviation": "powers of the ladder's matrix"},
    kind="identity",
    margin=1e-10,  # rounding: as many additions as rounds, 7e-15 seen
    predict=_by_ladder,
    measure=_by_rounds,
    settings=(
        {"rounds": 400, "exponent": 0.5, "scale": 1.3, "n_arms": 2, "loss": 0.7},
        {"rounds": 3000, "exponent": 0.35, "scale": 0.8, "n_arms": 3, "loss": 0.9},
        {"rounds": 900, "exponent": 0.6, "scale": 2.1, "n_arms": 5, "loss": 0.6},
    ),
    mutants=(
        Mutant(name="two percent of the rounds less", measure=partial(_by_rounds, "a round less")),
        *(
            Mutant(name=name, measure=partial(_by_rounds, name))
            for name in ("alpha/2", "variance", "relative to theta without eta")
        ),
    ),
)


# ---------------------------------------------------------------- D12.map


def _end_of_ladder(learning_rate: float, n_arms: int, loss: float) -> tuple[Array, Array]:
    """y and D along the exact ladder, from the last level with y >= 5."""
    p, slope = np.array(list(route.levels(learning_rate, n_arms, loss))).T
    start = int(np.flatnonzero(p >= 5.0 * learning_rate * loss)[-1])
    return p[start:] / (learning_rate * loss), -learning_rate * slope[start:] * (1.0 - p[start:])


def _exact_end(*, learning_rate: float, n_arms: int, loss: float, levels: int) -> Array:
    """y and D of the exact ladder, `levels` levels after the start."""
    return np.stack(_end_of_ladder(learning_rate, n_arms, loss))[:, 1 : levels + 1]


def _mapped(which: str = "right", *, learning_rate: float, n_arms: int, loss: float, levels: int) -> Array:
    """The same by the parameter-free map, or a wrong version."""
    y, d = (float(part[0]) for part in _end_of_ladder(learning_rate, n_arms, loss))
    if which == "right":
        found = theory.parameter_free_ladder(y, d, levels)
        return np.stack([found.reduced_probability, found.sensitivity])[:, 1:]
    path = []
    for _ in range(levels):
        fall = {"y (1 - 1/y)": max(1.0 - 1.0 / y, 1e-9), "y e^(-y)": np.exp(-y)}.get(which, np.exp(-1.0 / y))
        d = d if which == "D constant" else d * np.exp(1.0 / y) if which == "D grows as 1/y" else d + (d - 1.0) / y
        y = y * fall
        path.append((y, d))
    return np.array(path).T


D12_MAP = Claim(
    id="ex.D12.map",
    title="The end of the ladder has no parameter",
    statement=(
        r"y=\frac p{\eta\ell},\ D=\frac{\partial\log p}{\partial\log\eta}:\quad y\leftarrow ye^{-1/y},\ "
        r"D\leftarrow D\Bigl(1+\frac1y\Bigr)-\frac1y\qquad(p\ll1)"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER, "relative error O(p), multiplied by 1/y at each level below y = 1"),
    proof="log p falls by eta l (1 - p)/p at a pull, up to O(p): differentiate in log eta.",
    equations={"theory.exp3.parameter_free_ladder": "the map"},
    kind="identity",
    margin=5e-3,  # the map is the limit of small p; 6e-4 seen
    predict=_mapped,
    measure=_exact_end,
    settings=(
        {"learning_rate": 2e-5, "n_arms": 2, "loss": 0.7, "levels": 6},
        {"learning_rate": 3e-5, "n_arms": 3, "loss": 0.9, "levels": 6},
        {"learning_rate": 1e-4, "n_arms": 5, "loss": 0.3, "levels": 5},
    ),
    mutants=(
        *(
            Mutant(name=name, predict=partial(_mapped, name))
            for name in ("y (1 - 1/y)", "y e^(-y)", "D constant", "D grows as 1/y")
        ),
        Mutant(name="D without -1/y", equivalent="D is of order 1/eta here: the term is a part in 10^4 of it"),
    ),
)


# ---------------------------------------------------------------- D12.mle, and what is not true


def _for_rounds(setting: Any, size: float) -> dict[str, Any]:
    """The `setting` with `size` rounds at the rate size^-1/2."""
    return {**setting, "rounds": int(size), "learning_rate": float(size) ** -0.5}


def _mean_absolute_error(
    which: str = "right", *, learning_rate: float, rounds: int, low: float, high: float, loss: float
) -> float:
    """1.1 times the Cramer-Rao deviation, or a wrong version."""
    del low, high
    deviation = float(theory.full_horizon_standard_deviation(rounds, 0.0, learning_rate, 2, loss))
    if which == "truncated at 2/eta rounds":
        deviation = float(np.sqrt(learning_rate * loss / theory.mean_field_information(2.0, (1.0, 0.0))))
    if which == "square of the deviation":
        deviation = deviation**2
    if which == "half the deviation":
        deviation = 0.5 * deviation
    if which == "deviation 3 eta":
        deviation = 3.0 * learning_rate
    return 1.1 * deviation


BOUNDS = {"low": 0.4, "high": 2.5, "loss": 0.8}

D12_MLE = Claim(
    id="ex.D12.mle",
    title="The maximum-likelihood estimator from all rounds has an error of this size",
    statement=r"\mathbb E\Bigl|\frac{\hat\eta}\eta-1\Bigr|\approx\frac{1.1}{\eta\sqrt{I_n}}",
    source=DERIVED,
    provenance="derived",
    assumptions=(
        LOSSES,
        LADDER,
        DECREASING,
        ALL_ROUNDS,
        "within 50 % at all settings: the factor changes with n, like the phase of the last levels",
    ),
    equations={
        "theory.exp3.full_horizon_standard_deviation": "the Cramer-Rao deviation",
        "simulations.exp3.measures.ladder_estimates": "the estimator's errors",
    },
    kind="tendency",
    margin=0.5,  # the factor moves with the ladder's phase, by a third as seen
    predict=_mean_absolute_error,
    measure=measures.ladder_estimates,
    settings=tuple({"learning_rate": n**-0.5, "rounds": n, **BOUNDS} for n in (400, 1600, 6400, 25600)),
    outputs=("mean absolute error",),
    columns=(1,),
    budget=1024,
    block=256,
    mutants=tuple(
        Mutant(name=name, predict=partial(_mean_absolute_error, name))
        for name in ("truncated at 2/eta rounds", "square of the deviation", "deviation 3 eta", "half the deviation")
    ),
    scales={"quick": {"budget": 256}},
)


def _half_of_alpha(*, low: float, high: float, loss: float, rounds: int = 0, learning_rate: float = 0.0) -> float:
    """The exponent of the error if it fell like n^(-alpha/2), alpha = 1/2."""
    del low, high, loss, rounds, learning_rate
    return 0.25


T3_UNTRUNCATED = Claim(
    id="ex.T3.untruncated",
    title="Truncation costs nothing: the error falls like n^(-alpha/2) without it too (false)",
    statement=(
        r"\hat\eta\text{ from all }n\text{ rounds},\ \eta=\theta n^{-\alpha}:\quad "
        r"\mathbb E|\hat\eta/\eta-1|\asymp n^{-\alpha/2}"
    ),
    source="reading the truncation as a technical device only; " + ABSTRACT,
    provenance="reconstructed",
    assumptions=(LOSSES, LADDER, DECREASING, ALL_ROUNDS, "alpha = 1/2"),
    equations={"simulations.exp3.measures.ladder_estimates": "the estimator's absolute errors"},
    kind="rate",
    expected="refuted",
    corrected_by="ex.D12",
    margin=0.1,  # a fourth of the gap to the true exponent
    predict=_half_of_alpha,
    measure=measures.ladder_estimates,
    settings=(BOUNDS,),
    outputs=("mean absolute error",),
    columns=(1,),
    sizes=(400, 1600, 6400, 25600),
    at_size=_for_rounds,
    budget=8192,
    block=256,
)


def _chi_square(*, learning_rate: float, rounds: int, low: float, high: float, loss: float) -> Array:
    """Mean of chi^2 with one degree of freedom, twice."""
    del learning_rate, rounds, low, high, loss
    return np.ones(2)


D12_WILKS = Claim(
    id="ex.D12.wilks",
    title="Without truncation the likelihood ratio is chi-square too (false)",
    statement=(
        r"2[L_n(\hat\eta)-L_n(\eta)],\ 2\sum_{t\le n}\mathrm{KL}(p_t\|\hat p_t)\ \to\ \chi^2_1"
        r"\quad\text{from all }n\text{ rounds}"
    ),
    source="carrying the limit law of the truncated likelihood over to all rounds",
    provenance="derived",
    assumptions=(LOSSES, LADDER, DECREASING, ALL_ROUNDS, "alpha = 1/2, theta = 1.25 in units of the loss"),
    equations={"simulations.exp3.measures.ladder_estimates": "likelihood ratios and divergences"},
    kind="limit",
    expected="refuted",
    corrected_by="ex.D12",
    margin=0.1,  # a tenth of the excess that refutes it
    predict=_chi_square,
    measure=measures.ladder_estimates,
    settings=tuple({"learning_rate": 1.25 * n**-0.5, "rounds": n, **BOUNDS} for n in (1600, 102400)),
    outputs=("likelihood ratio", "twice the divergence"),
    columns=(7, 9),
    budget=8192,
    block=512,
    scales={"quick": {"budget": 2048}},
)

CLAIMS = (D12, D12_EXACT, D12_MAP, D12_MLE, T3_UNTRUNCATED, D12_WILKS)
