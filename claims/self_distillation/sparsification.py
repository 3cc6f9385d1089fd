"""Claims sd.S1 to sd.S4: the ratio of two filters from step to step, its bounds, its overshoot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.self_distillation._paper import CODE, PAPER
from claims.self_distillation.algebra import RIDGE, wrong_predictions
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
PAIR = "d_k > d_j > 0, R_t = b_k/b_j at step t"
PAIRS = {"smaller": Range(1e-2, 1e2, log=True), "factor": Range(1.05, 100.0, log=True)}
RIDGES = {"ridge": Range(1e-2, 1e2, log=True)}


def _literal_filters(smaller: float, factor: float, ridge: float, alphas: Any) -> Array:
    """(b_k, b_j) of every step, by refits with a diagonal kernel and targets 1."""
    return simulation.literal_fits(np.diag([factor * smaller, smaller]), [1.0, 1.0], ridge, alphas)


def _literal_ratios(smaller: float, factor: float, ridge: float, alphas: Any) -> Array:
    """R_1, R_2, ... by refits."""
    filters = _literal_filters(smaller, factor, ridge, alphas)
    return filters[:, 0] / filters[:, 1]


def _drawn_schedule(draw: int, step: int) -> Array:
    """Weights (alpha_2, ..., alpha_step) in [0, 1]: small, anything or large, by number."""
    rng = np.random.default_rng([draw, step])
    return rng.random(step - 1) ** rng.choice([4.0, 1.0, 0.3])


# ---------------------------------------------------------------- S1: without true targets


def _pure_ratios(*, smaller: float, factor: float, ridge: float, steps: int) -> Array:
    """R_1, ..., R_steps for alpha = 0, by refits."""
    return _literal_ratios(smaller, factor, ridge, np.zeros(steps - 1))


def _pure_powers(which: str = "right", *, smaller: float, factor: float, ridge: float, steps: int) -> Array:
    """(a_k/a_j)^t, or wrong versions."""
    if which == "right":
        return theory.filter_ratios(factor * smaller, smaller, ridge, np.zeros(steps - 1))
    t = np.arange(1.0, steps + 1.0)
    one = factor * (smaller + ridge) / (factor * smaller + ridge)
    return {
        "(a_k/a_j)^(t + 1)": one ** (t + 1),
        "eigenvalues for filters": factor**t,
        "ratio relative to the first fit": one ** (t - 1),
        "t times the first ratio": t * one,
    }[which]


S1 = Claim(
    id="sd.S1",
    title="Pure distillation sparsifies geometrically",
    statement=r"\alpha=0:\quad R_t=\left(\frac{a_k}{a_j}\right)^t,\ \text{strictly increasing, diverging}",
    source=f"{PAPER}; {CODE}, where the limit is drawn as 0",
    provenance="paper",
    assumptions=(RIDGE, PAIR),
    equations={
        "theory.self_distillation.filter_ratios": "R_t",
        "simulations.self_distillation.literal_fits": "R_t by refits",
    },
    kind="identity",
    margin=1e-12,
    predict=_pure_powers,
    measure=_pure_ratios,
    settings=(
        {"smaller": 0.3, "factor": 1.2, "ridge": 0.2, "steps": 6},
        {"smaller": 0.02, "factor": 40.0, "ridge": 5.0, "steps": 15},
        {"smaller": 70.0, "factor": 3.0, "ridge": 0.01, "steps": 9},
    ),
    mutants=wrong_predictions(
        _pure_powers,
        "(a_k/a_j)^(t + 1)",
        "eigenvalues for filters",
        "ratio relative to the first fit",
        "t times the first ratio",
    ),
)


# ---------------------------------------------------------------- S2: the sign rule


def _balanced_weight(*, smaller: float, factor: float, ridge: float, alphas: Any) -> float:
    """The next weight at which the ratio stands still, by a root search over refits."""

    def growth(alpha: float) -> float:
        ratios = _literal_ratios(smaller, factor, ridge, (*alphas, alpha))
        return float(np.log(ratios[-1] / ratios[-2]))

    return float(brentq(growth, 0.0, 1.0, xtol=1e-14))  # pyright: ignore[reportArgumentType]


def _threshold(which: str = "right", *, smaller: float, factor: float, ridge: float, alphas: Any) -> float:
    """The threshold of the next weight, or wrong versions of it."""
    if which == "right":
        return float(theory.ratio_growth_threshold(factor * smaller, smaller, ridge, alphas)[-1])
    if which == "one step earlier":
        return float(theory.ratio_growth_threshold(factor * smaller, smaller, ridge, alphas)[-2])
    ak, aj = factor * smaller / (factor * smaller + ridge), smaller / (smaller + ridge)
    bk, bj = _filters_by_recursion(ak, aj, alphas)
    pull, hold = bk * bj * (ak - aj), aj * bk - ak * bj
    if which == "k and j exchanged":
        hold = ak * bk - aj * bj
    if which == "filters not multiplied":
        pull = ak - aj
    return pull / hold if which == "without 1 - alpha" else pull / (pull + hold)


def _filters_by_recursion(ak: float, aj: float, alphas: Any) -> tuple[float, float]:
    """(b_k, b_j) after the schedule, for wrong versions."""
    bk, bj = ak, aj
    for alpha in alphas:
        bk, bj = ak * (alpha + (1 - alpha) * bk), aj * (alpha + (1 - alpha) * bj)
    return bk, bj


S2_THRESHOLD = Claim(
    id="sd.S2.threshold",
    title="The weight at which sparsification stands still",
    statement=(
        r"R_{t+1}=R_t \iff \alpha_{t+1}=\frac{b_kb_j(a_k-a_j)}{b_kb_j(a_k-a_j)+a_jb_k-a_kb_j}"
        r"\quad(b\text{ at step }t)"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, PAIR, "weights in [0, 1], not all 1 before"),
    equations={
        "theory.self_distillation.ratio_growth_threshold": "the threshold",
        "simulations.self_distillation.literal_fits": "the ratios by refits",
    },
    kind="identity",
    margin=1e-9,
    predict=_threshold,
    measure=_balanced_weight,
    settings=(
        {"smaller": 0.3, "factor": 1.4, "ridge": 0.2, "alphas": (0.25,)},
        {"smaller": 0.05, "factor": 30.0, "ridge": 1.7, "alphas": (0.4, 0.1, 0.7)},
        {"smaller": 6.0, "factor": 2.5, "ridge": 3.0, "alphas": (0.0, 0.2, 0.05, 0.6, 0.1)},
    ),
    mutants=wrong_predictions(
        _threshold, "without 1 - alpha", "k and j exchanged", "filters not multiplied", "one step earlier"
    ),
)


def _growth(*, smaller: float, factor: float, ridge: float, draw: int, step: int, alpha: float) -> float:
    """log R_(t+1)/R_t, by refits."""
    ratios = _literal_ratios(smaller, factor, ridge, (*_drawn_schedule(draw, step), alpha))
    return float(np.log(ratios[-1] / ratios[-2]))


def _both_signs(value: float) -> Array:
    """[sign, -sign]: two numbers that are both bounded by those of the same sign alone."""
    return np.array([np.sign(value), -np.sign(value)])


def _growth_signs(**point: Any) -> Array:
    return _both_signs(_growth(**point))


def _rule_signs(
    which: str = "right", *, smaller: float, factor: float, ridge: float, draw: int, step: int, alpha: float
) -> Array:
    """The signs that the threshold, or a wrong version of it, says."""
    before = tuple(_drawn_schedule(draw, step))
    return _both_signs(_threshold(which, smaller=smaller, factor=factor, ridge=ridge, alphas=before) - alpha)


def _always_grows(**_: Any) -> Array:
    """The signs if every step sparsified."""
    return _both_signs(1.0)


def _clearly_changes(**point: Any) -> bool:
    """Whether the ratio changes by more than rounding."""
    return abs(_growth(**point)) > 1e-9


S2 = Claim(
    id="sd.S2",
    title="When a step sparsifies",
    statement=(
        r"\operatorname{sgn}(R_{t+1}-R_t)=\operatorname{sgn}\big(\alpha_{t+1}(a_kb_j-a_jb_k)"
        r"+(1-\alpha_{t+1})\,b_kb_j(a_k-a_j)\big)"
    ),
    source=f"{PAPER}, which has a condition of this kind; this form derived",
    provenance="reconstructed",
    assumptions=(RIDGE, PAIR, "any weights in [0, 1]"),
    proof="Cross-multiply b'_k/b'_j > b_k/b_j with b' = a (alpha + (1 - alpha) b).",
    equations={
        "theory.self_distillation.ratio_growth_threshold": "the sign changes there",
        "simulations.self_distillation.literal_fits": "the ratios by refits",
    },
    kind="bound",
    relative=False,
    margin=0.5,  # signs
    admissible=_clearly_changes,
    predict=_rule_signs,
    measure=_growth_signs,
    domain={
        **PAIRS,
        **RIDGES,
        "draw": Range(0, 10**6, integer=True),
        "step": Range(2, 12, integer=True),
        "alpha": Range(0.0, 1.0),
    },
    restarts=3000,
    mutants=(
        *wrong_predictions(_rule_signs, "without 1 - alpha", "k and j exchanged", "filters not multiplied"),
        Mutant(name="every step sparsifies", predict=_always_grows),
    ),
    scales={"quick": {"restarts": 150}, "paper": {"restarts": 30_000}},
)


# ---------------------------------------------------------------- S3: bounds


def _ratio_both_sides(*, smaller: float, factor: float, ridge: float, draw: int, step: int) -> Array:
    """[-R_t, R_t], by refits."""
    ratio = _literal_ratios(smaller, factor, ridge, _drawn_schedule(draw, step))[-1]
    return np.array([-ratio, ratio])


def _bounds_both_sides(
    which: str = "right", *, smaller: float, factor: float, ridge: float, draw: int, step: int
) -> Array:
    """[-lower bound, upper bound], or wrong versions."""
    low, high = (float(x) for x in theory.ratio_bounds(factor * smaller, smaller, ridge, step))
    return {
        "right": np.array([-low, high]),
        "upper bound a power less": np.array([-low, high / low]),
        "upper bound d_k/d_j": np.array([-low, factor]),
        "lower bound squared": np.array([-(low**2), high]),
        "lower bound one percent larger": np.array([-1.01 * low, high]),
    }[which]


S3 = Claim(
    id="sd.S3",
    title="Sparsification lies between ridge regression and pure distillation",
    statement=r"\frac{a_k}{a_j}\le R_t\le\left(\frac{a_k}{a_j}\right)^t\quad\text{for every schedule in }[0,1]",
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, PAIR, "any weights in [0, 1]"),
    proof="R_t = (a_k/a_j) (alpha + (1 - alpha) b_k)/(alpha + (1 - alpha) b_j), and the mediant lies in [1, R_(t-1)].",
    equations={
        "theory.self_distillation.ratio_bounds": "both bounds",
        "simulations.self_distillation.literal_fits": "R_t by refits",
    },
    kind="bound",
    margin=1e-12,
    predict=_bounds_both_sides,
    measure=_ratio_both_sides,
    domain={**PAIRS, **RIDGES, "draw": Range(0, 10**6, integer=True), "step": Range(1, 15, integer=True)},
    restarts=3000,
    mutants=wrong_predictions(
        _bounds_both_sides,
        "upper bound a power less",
        "upper bound d_k/d_j",
        "lower bound squared",
        "lower bound one percent larger",
    ),
    scales={"quick": {"restarts": 100}, "paper": {"restarts": 30_000}},
)


# ---------------------------------------------------------------- S4: overshoot


def _beyond_limit(*, smaller: float, factor: float, ridge: float, alpha: float, step: int) -> float:
    """log R_t/R_inf, R_t by refits, R_inf by one fit with ridge/alpha."""
    ratio = _literal_ratios(smaller, factor, ridge, np.full(step - 1, alpha))[-1]
    return float(np.log(ratio / _literal_ratios(smaller, factor, ridge / alpha, ())[0]))


def _overshoot_signs(**point: Any) -> Array:
    return _both_signs(_beyond_limit(**point))


def _clearly_off(**point: Any) -> bool:
    """Whether the ratio differs from its limit by more than rounding."""
    return abs(_beyond_limit(**point)) > 1e-10


def _timing_signs(
    which: str = "right", *, smaller: float, factor: float, ridge: float, alpha: float, step: int
) -> Array:
    """The signs of t - t*, or of wrong versions."""
    d, one = factor * smaller, factor * (smaller + ridge) / (factor * smaller + ridge)
    start = {
        "alpha inside": np.log(factor) / np.log(d / (d + ridge / alpha) * (smaller + ridge / alpha) / smaller),
        "only for neighbouring eigenvalues": 1 + smaller / ridge,
        "never beyond the limit": np.inf,
        "beyond the limit at once": np.log(one) / np.log(factor),
    }.get(which, theory.overshoot_step(d, smaller, ridge))
    return _both_signs(step - float(start) - (1 if which == "one step later" else 0))


S4 = Claim(
    id="sd.S4",
    title="Sparsification overshoots its limit, at a step that does not depend on alpha",
    statement=(
        r"\alpha\in(0,1)\text{ constant}:\quad R_t>R_\infty\iff t>t^*=\frac{\log(d_k/d_j)}{\log(a_k/a_j)}\in(1,\infty)"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, PAIR, "alpha in (0, 1), the same at every step"),
    proof=(
        "R_t/R_inf = (1 + q_k^t ridge/(alpha d_k))/(1 + q_j^t ridge/(alpha d_j)) exceeds 1 iff (a_k/a_j)^t > d_k/d_j. "
        "As R_1 < R_inf, R_t rises, exceeds its limit and comes down to it."
    ),
    equations={
        "theory.self_distillation.overshoot_step": "t*",
        "simulations.self_distillation.literal_fits": "the ratios by refits",
    },
    kind="bound",
    relative=False,
    margin=0.5,  # signs
    admissible=_clearly_off,
    predict=_timing_signs,
    measure=_overshoot_signs,
    domain={**PAIRS, **RIDGES, "alpha": Range(0.02, 0.98), "step": Range(1, 30, log=True, integer=True)},
    restarts=3000,
    mutants=wrong_predictions(
        _timing_signs,
        "alpha inside",
        "only for neighbouring eigenvalues",
        "never beyond the limit",
        "one step later",
        "beyond the limit at once",
    ),
    scales={"quick": {"restarts": 200}, "paper": {"restarts": 30_000}},
)


def _toy_ratio(*, alpha: float, k: int, step: int) -> float:
    """R_t between the modes k and k + 1 of the toy (1 is the largest), by refits."""
    kernel = simulation.toy_kernel()
    vectors = np.linalg.eigh(kernel)[1][:, ::-1][:, k - 1 : k + 1]
    fits = simulation.literal_fits(kernel, vectors, simulation.TOY_RIDGE, np.full(step - 1, alpha))[-1]
    top, low = np.sum(vectors * fits, axis=0)
    return float(top / low)


def _toy_next_ratio(*, alpha: float, k: int, step: int) -> float:
    """R_(t+1) there, by the closed recursion of the ratio."""
    d = np.linalg.eigvalsh(simulation.toy_kernel())[::-1]
    return float(theory.filter_ratios(d[k - 1], d[k], simulation.TOY_RIDGE, np.full(step, alpha))[-1])


S4_INCREASING = Claim(
    id="sd.S4.increasing",
    title="Every step sparsifies more (false for alpha in (0, 1))",
    statement=r"\alpha\in[0,1]\;\Rightarrow\; R_{t+1}\ge R_t\ \text{for all } t",
    source=f"{CODE}: wording of the README; its own plot for alpha = 0.25 shows the contrary",
    provenance="paper",
    assumptions=("the toy; counterexample: alpha = 0.25, ninth ratio, R_4 = 1.297 > R_5 = 1.293",),
    expected="refuted",
    corrected_by="sd.S4",
    equations={
        "theory.self_distillation.filter_ratios": "R_(t+1)",
        "simulations.self_distillation.literal_fits": "R_t by refits",
    },
    kind="bound",
    margin=1e-6,
    predict=_toy_next_ratio,
    measure=_toy_ratio,
    settings=tuple(
        {"alpha": alpha, "k": k, "step": step}
        for alpha, k, step in ((0.0, 9, 4), (0.25, 9, 2), (0.25, 9, 4), (0.25, 10, 4))
    ),
)

CLAIMS = (S1, S2, S2_THRESHOLD, S3, S4, S4_INCREASING)
