"""Claims ex.D8: how well the most likely of finitely many candidates predicts, for every adversary and any horizon."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.exp3 import _naive as naive
from claims.exp3._paper import DERIVED, LOSSES
from simulations import exp3 as simulation
from simulations.exp3 import candidate_measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
TURNING = ((0.9, 0.2, 0.6), (0.1, 0.8, 0.5), (0.7, 0.6, 0.0)) * 8  # losses that change every round


# ---------------------------------------------------------------- D8: the probability


def _allowed(
    which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, ratios: Any, levels: Any
) -> Array:
    """The largest probabilities of distances beyond `levels`: the bounds solved for delta; or a wrong version."""
    del learning_rate, mean_losses, rounds
    sure, less = (theory.prediction_bound(len(ratios), confidence) for confidence in (0.0, 1.0 - np.exp(-1.0)))
    start = np.array([sure.hellinger, sure.squared_two_norm, sure.squared_one_norm])
    slope = np.array([less.hellinger, less.squared_two_norm, less.squared_one_norm]) - start
    if which == "a quarter of the bound":
        start, slope = start / 4.0, slope / 4.0
    if which == "norms 4 and 8 times smaller instead of larger":
        start, slope = start[0] / np.array([1.0, 4.0, 8.0]), slope[0] / np.array([1.0, 4.0, 8.0])
    if which == "norms without 4 and 8":
        start, slope = start[[0, 0, 0]], slope[[0, 0, 0]]
    return np.minimum(1.0, np.exp((start - np.asarray(levels)) / slope))


NOT_ATTAINED = "the number of candidates enters by a union bound, which no learner here comes near"

D8 = Claim(
    id="ex.D8",
    title="Prediction error of the most likely candidate, without any assumption",
    statement=(
        r"\hat\theta=\arg\max_GL,\ \theta\in G,\ \rho_t=\sum_k\sqrt{p_{k,t}(\theta)p_{k,t}(\hat\theta)}:\quad "
        r"P\Bigl(\sum_t-\log\rho_t>\log\frac{|G|}\delta\Bigr)\le\delta,\quad "
        r"\sum_t\|\hat p_t-p_t\|_2^2\le4\log\frac{|G|}\delta,\ \sum_t\|\hat p_t-p_t\|_1^2\le8\log\frac{|G|}\delta"
        r"\text{ with probability}\ge1-\delta"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "finitely many candidates, the truth among them", "no truncation; losses of any kind"),
    proof=(
        "E exp((L(theta') - L(theta))/2)/prod rho_t = 1 (ex.D8.identity), Markov's inequality, a union over G, and "
        "L of the maximiser is no less than L(theta); norms: ex.D8.norms."
    ),
    equations={
        "theory.exp3.prediction_bound": "log(|G|/delta) and its multiples",
        "simulations.exp3.candidate_measures.finite_set_exceedances": "how often they are exceeded",
    },
    kind="probability",
    predict=_allowed,
    measure=candidate_measures.finite_set_exceedances,
    settings=(
        # two arms, three candidates: the levels of delta = .5 and of .1
        {
            "learning_rate": 0.05,
            "mean_losses": (0.8, 0.3),
            "rounds": 60,
            "ratios": (0.5, 1.0, 2.0),
            "levels": (1.7917, 7.1669, 14.3338),
        },
        {
            "learning_rate": 0.2,
            "mean_losses": (0.8, 0.3),
            "rounds": 25,
            "ratios": (0.3, 1.0, 5.0),
            "levels": (3.4011, 13.6046, 27.2092),
        },
        # seven rounds and a candidate for whom a paying arm is dead: distances that are nearly as likely as they can be
        {
            "learning_rate": 0.02,
            "mean_losses": (0.7, 0.3),
            "rounds": 7,
            "ratios": (1.0, 400.0),
            "levels": (1.2, 2.2, 4.5),
        },
        {
            "learning_rate": 0.05,
            "mean_losses": (0.9, 0.6, 0.3, 0.0),
            "rounds": 20,
            "ratios": (1.0, 6.0, 20.0, 100.0),
            "levels": (2.0794, 8.3178, 16.6355),
        },
        {
            "learning_rate": 0.1,
            "mean_losses": TURNING,
            "rounds": 24,
            "ratios": (0.3, 1.0, 3.0, 7.0),
            "levels": (2.0794, 8.3178, 16.6355),
        },
    ),
    outputs=("affinity", "squared 2-norm", "squared 1-norm"),
    budget=4096,
    block=512,
    mutants=(
        *(
            Mutant(name=name, predict=partial(_allowed, name), settings=(2,))
            for name in (
                "a quarter of the bound",
                "norms 4 and 8 times smaller instead of larger",
                "norms without 4 and 8",
            )
        ),
        Mutant(name="no union over the candidates", equivalent=NOT_ATTAINED),
    ),
    scales={"quick": {"budget": 2048}},
)


# ---------------------------------------------------------------- D8.identity


def _one(*, learning_rate: float, ratio: float, mean_losses: Any, rounds: int) -> float:
    """1, whatever the setting."""
    del learning_rate, ratio, mean_losses, rounds
    return 1.0


def _tilted(which: str = "right", *, learning_rate: float, ratio: float, mean_losses: Any, rounds: int) -> float:
    """E exp((L(candidate) - L(truth))/2)/prod rho_t over all histories, or a wrong version."""
    n_arms, other = len(mean_losses), ratio * learning_rate
    truth = simulation.enumerate_histories(learning_rate, mean_losses, rounds)
    value = simulation.enumerate_histories(learning_rate, mean_losses, rounds, candidate=other).value
    p = naive.laws(learning_rate, truth.arms, truth.losses, n_arms).real
    q = naive.laws(other, truth.arms, truth.losses, n_arms).real
    used = slice(1, None) if which == "affinity of the law after the draw" else slice(None, -1)
    p, q = p[:, used], q[:, used]
    affinity = np.sum(p * q if which == "affinity without roots" else np.sqrt(p * q), axis=2)
    half = 1.0 if which == "ratio for its root" else 0.5
    if which == "affinity of the law in the first round":
        affinity = np.broadcast_to(affinity[:, :1], affinity.shape)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        tilted = np.exp(half * (value - truth.value)) / np.prod(affinity, axis=1)
    return float(truth.mean(tilted))


D8_IDENTITY = Claim(
    id="ex.D8.identity",
    title="The identity behind the prediction bound",
    statement=(
        r"\mathbb E_\theta\Bigl[e^{(L_n(\theta')-L_n(\theta))/2}\Big/\prod_{t\le n}\rho_t(\theta,\theta')\Bigr]=1"
        r"\quad\text{for every }\theta'\text{ and every environment}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "laws of the two rates that are not disjoint"),
    proof="Given the past, E sqrt(q_{A_t}/p_{A_t}) = rho_t: a product martingale.",
    equations={"simulations.exp3.enumerate_histories": "all histories, their probabilities and log-likelihoods"},
    kind="identity",
    margin=1e-11,  # rounding: sums over all histories, 2e-16 seen
    predict=_one,
    measure=_tilted,
    settings=(
        {"learning_rate": 0.2, "ratio": 1.6, "mean_losses": (0.8, 0.3), "rounds": 7},
        {"learning_rate": 0.35, "ratio": 0.4, "mean_losses": (0.7, 0.0), "rounds": 7},
        {"learning_rate": 0.15, "ratio": 2.5, "mean_losses": (0.9, 0.4, 0.1), "rounds": 5},
        {"learning_rate": 0.3, "ratio": 0.7, "mean_losses": (0.6, -0.3, 0.2, 0.5), "rounds": 4},
    ),
    mutants=tuple(
        Mutant(name=name, measure=partial(_tilted, name))
        for name in (
            "affinity without roots",
            "ratio for its root",
            "affinity of the law after the draw",
            "affinity of the law in the first round",
        )
    ),
)


# ---------------------------------------------------------------- D8.norms


def _pair(a: float, b: float, c: float, d: float) -> Array:
    """Two laws on three arms by their log-odds against the last one, (2, 3)."""
    weights = np.exp(np.array([[a, b, 0.0], [a + c, b + d, 0.0]]))
    return weights / np.sum(weights, axis=1, keepdims=True)


def _squares(*, a: float, b: float, c: float, d: float) -> Array:
    """Squared 2-norm and squared 1-norm of the difference of the laws."""
    p, q = _pair(a, b, c, d)
    return np.array([np.sum((q - p) ** 2), np.sum(np.abs(q - p)) ** 2])


def _by_affinity(which: str = "right", *, a: float, b: float, c: float, d: float) -> Array:
    """Their bounds, multiples of -log of the affinity; or a wrong version."""
    p, q = _pair(a, b, c, d)
    bound = theory.prediction_bound(7, 0.9)
    factors = np.array([bound.squared_two_norm, bound.squared_one_norm]) / bound.hellinger
    gap = 0.5 * np.sum((np.sqrt(q) - np.sqrt(p)) ** 2)
    log = -np.log1p(-gap)
    if which == "2 log(1/rho)":
        log = 0.5 * log
    if which == "factors five percent smaller":
        factors = 0.95 * factors
    if which == "the same factor for both norms":
        factors = factors[[0, 0]]
    return factors * (gap**2 if which == "square of 1 - rho" else log)


D8_NORMS = Claim(
    id="ex.D8.norms",
    title="The affinity bounds the norms",
    statement=(
        r"-\log\sum_k\sqrt{p_kq_k}\ \ge\ 1-\sum_k\sqrt{p_kq_k}\ \ge\ \tfrac18\|q-p\|_1^2\ \ge\ \tfrac14\|q-p\|_2^2"
    ),
    source=DERIVED,
    provenance="derived",
    proof=(
        "|q-p|_1 = sum |sqrt q - sqrt p| (sqrt q + sqrt p), Cauchy-Schwarz; the positive and the negative part of "
        "q - p have equal sums, hence |q-p|_1^2 >= 2 |q-p|_2^2."
    ),
    equations={"theory.exp3.prediction_bound": "4 and 8 times the bound of the affinity"},
    kind="bound",
    margin=1e-7,  # nearly equal laws: differences of 1e-8
    predict=_by_affinity,
    measure=_squares,
    settings=({},),
    domain={
        "a": Range(-6.0, 6.0),
        "b": Range(-12.0, 6.0),
        "c": Range(0.01, 8.0),
        "d": Range(-6.0, 6.0),
    },
    restarts=120,
    mutants=tuple(
        Mutant(name=name, predict=partial(_by_affinity, name))
        for name in (
            "2 log(1/rho)",
            "factors five percent smaller",
            "the same factor for both norms",
            "square of 1 - rho",
        )
    ),
    scales={"quick": {"restarts": 60}},
)


# ---------------------------------------------------------------- D8.divergence


@lru_cache(maxsize=16)
def _martingale(
    which: str, learning_rate: float, ratios: Any, mean_losses: Any, rounds: int
) -> tuple[Any, Array, Array]:
    """The enumeration, and M_T and sum KL of every candidate, both (candidates, histories), or wrong versions."""
    n_arms = len(mean_losses)
    truth = simulation.enumerate_histories(learning_rate, mean_losses, rounds)
    p = naive.laws(learning_rate, truth.arms, truth.losses, n_arms).real[:, :-1]
    values, divergences = [], []
    for ratio in ratios:
        other = ratio * learning_rate
        values.append(simulation.enumerate_histories(learning_rate, mean_losses, rounds, candidate=other).value)
        q = naive.laws(other, truth.arms, truth.losses, n_arms).real[:, :-1]
        terms = p * np.log(p / q)
        if which == "M11":
            terms = q * np.log(q / p)
        if which == "Jeffreys":
            terms = (p - q) * np.log(p / q)
        divergences.append(np.sum(terms, axis=(1, 2)) * (0.5 if which == "half" else 1.0))
    forward = np.array(divergences)
    return truth, np.array(values) - truth.value + forward, forward


def _means(which: str = "right", *, learning_rate: float, ratios: Any, mean_losses: Any, rounds: int) -> Array:
    """E M_T of every candidate."""
    truth, martingale, _ = _martingale(which, learning_rate, ratios, mean_losses, rounds)
    return np.array([float(truth.mean(row)) for row in martingale])


def _no_mean(*, learning_rate: float, ratios: Any, mean_losses: Any, rounds: int) -> Array:
    """0, once a candidate."""
    del learning_rate, mean_losses, rounds
    return np.zeros(len(ratios))


FAR = (
    {"learning_rate": 0.25, "ratios": (0.5, 0.8, 1.3), "mean_losses": (0.8, 0.3), "rounds": 6},
    {"learning_rate": 0.2, "ratios": (0.3, 1.5), "mean_losses": (0.9, 0.6, 0.3, 0.0), "rounds": 4},
)

D8_MARTINGALE = Claim(
    id="ex.D8.martingale",
    title="Log-likelihood ratio plus divergences is a martingale",
    statement=(
        r"M_T(\theta')=L_T(\theta')-L_T(\theta)+\sum_{t\le T}\mathrm{KL}(p_t(\theta)\,\|\,p_t(\theta')):\quad "
        r"\mathbb E_\theta M_T(\theta')=0"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "a fixed candidate"),
    equations={"simulations.exp3.enumerate_histories": "all histories"},
    kind="identity",
    margin=1e-11,  # rounding: sums over all histories, 4e-16 seen
    relative=False,
    predict=_no_mean,
    measure=_means,
    settings=FAR,
    mutants=(
        Mutant(name="M11: divergence reversed, KL(p^|p)", measure=partial(_means, "M11")),
        Mutant(name="symmetric divergence", measure=partial(_means, "Jeffreys")),
        Mutant(name="half the divergence", measure=partial(_means, "half")),
    ),
)


def _worst_excess(which: str = "right", *, learning_rate: float, ratios: Any, mean_losses: Any, rounds: int) -> float:
    """Largest of sum KL(p|p^) - M_T(p^) over all histories, p^ the most likely candidate's law; or wrong versions."""
    _, martingale, _ = _martingale("right", learning_rate, ratios, mean_losses, rounds)
    _, _, divergence = _martingale(which, learning_rate, ratios, mean_losses, rounds)
    if which == "twice":
        divergence = 2.0 * divergence
    chosen = np.argmax(martingale - _martingale("right", learning_rate, ratios, mean_losses, rounds)[2], axis=0)
    if which == "candidate drawn blindly":
        chosen = np.zeros_like(chosen)
    histories = np.arange(martingale.shape[1])
    return float(np.max(divergence[chosen, histories] - martingale[chosen, histories]))


def _nothing(*, learning_rate: float, ratios: Any, mean_losses: Any, rounds: int) -> float:
    """0: what the bound allows."""
    del learning_rate, ratios, mean_losses, rounds
    return 0.0


D8_SURE = Claim(
    id="ex.D8.sure",
    title="The divergence of the most likely candidate lies below the martingale, in every history",
    statement=r"\sum_{t\le T}\mathrm{KL}(p_t(\theta)\,\|\,p_t(\hat\theta))\le M_T(\hat\theta)\quad\text{surely}",
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "theta-hat maximises L over a set that contains theta", "M_T as in ex.D8.martingale"),
    proof="The difference is L(theta) - L(theta-hat) <= 0.",
    equations={"simulations.exp3.enumerate_histories": "all histories"},
    kind="bound",
    relative=False,
    predict=_nothing,
    measure=_worst_excess,
    settings=(
        {"learning_rate": 0.25, "ratios": (0.5, 0.8, 1.0, 1.3), "mean_losses": (0.8, 0.3), "rounds": 6},
        {"learning_rate": 0.2, "ratios": (0.3, 1.0, 1.5), "mean_losses": (0.9, 0.6, 0.3, 0.0), "rounds": 4},
    ),
    mutants=(
        Mutant(name="M11: divergence reversed, KL(p^|p)", measure=partial(_worst_excess, "M11")),
        Mutant(name="twice the divergence", measure=partial(_worst_excess, "twice")),
        Mutant(
            name="a candidate that is not the most likely", measure=partial(_worst_excess, "candidate drawn blindly")
        ),
    ),
)

CLAIMS = (D8, D8_IDENTITY, D8_NORMS, D8_MARTINGALE, D8_SURE)
