"""Claims ex.T2 and ex.D3: how long no probability can be small, and when one first is."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.exp3 import _ladder as route
from claims.exp3._paper import ABSTRACT, DERIVED, LADDER, LOSSES, MEAN_FIELD
from simulations import exp3 as simulation
from simulations.exp3 import bound_measures, process_measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
ROUNDS = 8
MOVES = {f"{name}{t}": Range(0.0, 1.0) for t in range(ROUNDS) for name in ("draw", "loss")}


def _worst_course(*, learning_rate: float, n_arms: int, loss: float, greed: float, **moves: float) -> Array:
    """min_k p_{k,t}, t = 1, ..., against an adversary, in probabilities; it draws as it likes and pays up to `loss`.

    A draw below `greed` takes the least probable arm at full loss, so that `greed` >= 1 is the ladder; else the arm
    and the loss are what the move says, losses 0 and `loss` each a quarter of the time.
    """
    weights, out = np.ones(n_arms), np.empty(ROUNDS + 1)
    for t in range(ROUNDS):
        p = weights / np.sum(weights)
        out[t] = np.min(p)
        draw, size = moves[f"draw{t}"], moves[f"loss{t}"]
        arm, paid = int(np.argmin(p)), loss
        if draw >= greed:
            arm = min(int((draw - greed) / (1.0 - greed) * n_arms), n_arms - 1) if greed < 1.0 else 0
            paid = loss * min(max(2.0 * size - 0.5, 0.0), 1.0)
        weights[arm] *= np.exp(-learning_rate * paid / p[arm]) if p[arm] > 1e-290 else 0.0
    out[ROUNDS] = np.min(weights) / np.sum(weights)
    return out


# ---------------------------------------------------------------- D3: the bounds


def _bounds(which: str = "right", *, learning_rate: float, n_arms: int, loss: float, **_: float) -> Array:
    """The linear and the sharp bound of every round, or wrong versions; scaled so that 1 is log-probability 1."""
    t = np.arange(1, ROUNDS + 2)
    late = np.maximum(t - 1, 1)
    linear = theory.sure_probability_bound(t, learning_rate, n_arms, loss)
    sharp = theory.sharp_probability_bound(t, learning_rate, n_arms, loss)
    if which == "linear with t - 2":
        linear = theory.sure_probability_bound(late, learning_rate, n_arms, loss)
    if which == "ladder one level behind":
        sharp = theory.sharp_probability_bound(late, learning_rate, n_arms, loss)
    if which == "linear with the loss squared":
        linear = theory.sure_probability_bound(t, learning_rate * loss, n_arms, loss)
    if which == "ladder without importance weights (M3)":
        sharp = 1.0 / (1.0 + (n_arms - 1) * np.exp(learning_rate * loss * (t - 1)))
    if which == "ladder of a rate five percent smaller":
        sharp = theory.sharp_probability_bound(t, 0.95 * learning_rate, n_arms, loss)
    return np.concatenate([np.asarray(linear), np.asarray(sharp)])


def _attained(**point: Any) -> Array:
    """The smallest probabilities, against both bounds."""
    return np.tile(_worst_course(**point), 2)


D3 = Claim(
    id="ex.D3",
    title="No probability can fall faster than the ladder's",
    statement=(
        r"0\le l_t\le\ell\ \Rightarrow\ \min_kp_{k,t}\ge p^{\mathrm{ladder}}_{t-1}\ge\tfrac1K-\eta\ell(t-1)"
        r"\quad\text{for every history, hence } T_\varepsilon\ge m_\varepsilon+1"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "losses chosen by any adversary, draws by any chance; searched: 8 rounds"),
    proof=(
        "A draw at loss l multiplies the arm's odds by e^(-eta l/p), and e^-u >= 1 - u gives p' >= p - eta l; arms "
        "that are not drawn gain. The log-odds map x -> x + eta l (1 + e^x) increases, so drawing one arm always at "
        "full loss is the fastest way down."
    ),
    equations={
        "theory.exp3.sure_probability_bound": "the linear bound",
        "theory.exp3.sharp_probability_bound": "the ladder",
    },
    kind="bound",
    relative=False,
    margin=1e-12,  # rounding: the bound is attained, 2e-16 beyond it seen
    predict=_attained,
    measure=_bounds,
    settings=tuple({"n_arms": n_arms, "loss": loss} for n_arms, loss in ((2, 0.7), (3, 1.6), (5, 0.4))),
    domain={"learning_rate": Range(0.003, 0.6, log=True), "greed": Range(0.0, 1.3), **MOVES},
    restarts=1500,
    mutants=tuple(
        Mutant(name=name, measure=partial(_bounds, name))
        for name in (
            "linear with t - 2",
            "ladder one level behind",
            "linear with the loss squared",
            "ladder without importance weights (M3)",
            "ladder of a rate five percent smaller",
        )
    ),
    scales={"quick": {"restarts": 150}, "paper": {"restarts": 40_000}},
)


# ---------------------------------------------------------------- T2: truncations that are sure


def _threshold(n_arms: int, share: float) -> float:
    """A threshold below 1/K."""
    return share / n_arms


def _truncated(
    extra: int = 0, *, learning_rate: float, ratio: float, n_arms: int, loss: float, share: float, **moves: float
) -> Array:
    """epsilon over the smallest probability up to either truncation, by the largest rate, plus `extra` rounds."""
    level = _threshold(n_arms, share)
    stops = theory.admissible_truncation(learning_rate, level, n_arms, loss)
    point = {"learning_rate": ratio * learning_rate, "n_arms": n_arms, "loss": loss, **moves}
    course = _worst_course(**point)
    return np.array([level / np.min(course[: int(min(stop, ROUNDS)) + extra]) for stop in stops])


def _one(**_: Any) -> float:
    """The bound 1."""
    return 1.0


def _at_smallest_rate(*, ratio: float, learning_rate: float, **point: Any) -> Array:
    """The same for truncations chosen by the smallest rate of the class, and used at the largest."""
    low = theory.admissible_truncation(
        0.6 * learning_rate, _threshold(point["n_arms"], point["share"]), point["n_arms"], point["loss"]
    )
    moves = {name: value for name, value in point.items() if name != "share"}
    course = _worst_course(learning_rate=learning_rate * max(ratio, 0.6), **moves)
    level = _threshold(point["n_arms"], point["share"])
    return np.array([level / np.min(course[: int(min(stop, ROUNDS))]) for stop in low])


def _loss_ignored(*, n_arms: int, loss: float, share: float, ratio: float, learning_rate: float, **moves: Any) -> Array:
    """The same for truncations that take losses up to 1 for granted."""
    level = _threshold(n_arms, share)
    stops = theory.admissible_truncation(learning_rate, level, n_arms, 1.0)
    course = _worst_course(learning_rate=ratio * learning_rate, n_arms=n_arms, loss=loss, **moves)
    return np.array([level / np.min(course[: int(min(stop, ROUNDS))]) for stop in stops])


T2 = Claim(
    id="ex.T2",
    title="A truncation that keeps every probability above a threshold",
    statement=(
        r"\Upsilon_n=\Bigl\lfloor\frac{1/K-\varepsilon}{\ell R\,n^{-\alpha}}\Bigr\rfloor+1:\quad"
        r"p^\theta_{k,t}\ge\varepsilon\ \text{for all }k,\ t\le\Upsilon_n,\ \theta\in[r,R]\text{ and every history};"
        r"\quad\text{the largest such truncation is } m_\varepsilon(R n^{-\alpha})"
    ),
    source=f"{ABSTRACT}; the form of the truncation recalled, weak; the rule here is derived",
    provenance="reconstructed",
    assumptions=(LOSSES, "losses in [0, l]", "R n^-alpha the largest rate, ratio <= 1 the candidate's over it"),
    proof="ex.D3 at the largest rate: both bounds fall with the rate.",
    equations={"theory.exp3.admissible_truncation": "the truncations"},
    kind="bound",
    predict=_one,
    measure=_truncated,
    settings=tuple({"n_arms": n_arms, "loss": loss} for n_arms, loss in ((2, 1.6), (3, 1.3), (5, 2.5))),
    domain={
        "learning_rate": Range(0.01, 0.3, log=True),
        "share": Range(0.05, 0.95),
        "ratio": Range(0.5, 1.0),
        "greed": Range(0.0, 1.3),
        **MOVES,
    },
    restarts=1500,
    mutants=(
        Mutant(name="one round more than the ladder allows", measure=partial(_truncated, 1)),
        Mutant(name="by the smallest rate of the class", measure=_at_smallest_rate),
        Mutant(name="losses up to 1 taken for granted", measure=_loss_ignored),
    ),
    scales={"quick": {"restarts": 150}, "paper": {"restarts": 40_000}},
)


def _truncations(which: str = "right", *, learning_rate: float, share: float, n_arms: int, loss: float) -> Array:
    """[linear, sharp] truncations by the theory, or a wrong version of them."""
    level = _threshold(n_arms, share)
    linear, sharp = theory.admissible_truncation(learning_rate, level, n_arms, loss)
    quotient = (1.0 / n_arms - level) / (learning_rate * loss)
    wrong = {"ceiling": np.ceil(quotient) + 1, "no + 1": np.floor(quotient), "ceiling, no + 1": np.ceil(quotient) + 2}
    shift = {"exit at m_eps": -1, "exit at m_eps + 2": 1}.get(which, 0)
    return np.array([wrong.get(which, linear), sharp + shift])


@cache
def _by_search(*, learning_rate: float, share: float, n_arms: int, loss: float) -> Array:
    """[rounds that the exact linear recursion stays above, rounds before the earliest exit over all adversaries].

    The adversaries draw any arms and pay 0, half or all of the loss.
    """
    level = _threshold(n_arms, share)
    linear, height = 0, Fraction(1, n_arms)
    while height >= Fraction(level):
        linear, height = linear + 1, height - Fraction(learning_rate) * Fraction(loss)
    pairs = list(itertools.product(range(n_arms), (0.0, 0.5 * loss, loss)))
    for rounds in itertools.count(1):
        choices = np.array(list(itertools.product(range(len(pairs)), repeat=rounds)))
        arms, losses = np.moveaxis(np.array(pairs)[choices], -1, 0)
        wait = np.concatenate([arms, np.zeros((len(arms), 1))], axis=1)
        paid = np.concatenate([losses, np.zeros((len(arms), 1))], axis=1)
        last = simulation.replay(learning_rate, wait, paid, n_arms).log_probabilities[:, rounds]
        if np.any(np.min(last, axis=1) < np.log(level)):
            return np.array([float(linear), float(rounds)])
    raise AssertionError("unreachable")


T2_LARGEST = Claim(
    id="ex.T2.largest",
    title="How long the two truncations are",
    statement=(
        r"\max\{t:\tfrac1K-\eta\ell(t-1)\ge\varepsilon\}=\Bigl\lfloor\frac{1/K-\varepsilon}{\eta\ell}\Bigr\rfloor+1,\quad"
        r"\min_{\text{histories}}T_\varepsilon=m_\varepsilon+1"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "every history of losses 0, l/2, l, searched to the end"),
    equations={
        "theory.exp3.admissible_truncation": "both numbers of rounds",
        "simulations.exp3.replay": "probabilities along every history",
    },
    kind="identity",
    predict=_truncations,
    measure=_by_search,
    settings=(
        {"learning_rate": 0.21, "share": 0.15, "n_arms": 2, "loss": 0.7},
        {"learning_rate": 0.13, "share": 0.4, "n_arms": 2, "loss": 0.9},
        {"learning_rate": 0.13, "share": 0.3, "n_arms": 3, "loss": 0.8},
        {"learning_rate": 0.07, "share": 0.45, "n_arms": 4, "loss": 0.9},
    ),
    outputs=("linear", "sharp"),
    mutants=(
        Mutant(name="M10: linear bound with the ceiling", predict=partial(_truncations, "ceiling")),
        Mutant(name="M10: linear bound without + 1", predict=partial(_truncations, "no + 1")),
        Mutant(
            name="T_eps >= m_eps + 2, which the greedy history breaks",
            predict=partial(_truncations, "exit at m_eps + 2"),
        ),
        Mutant(name="T_eps >= m_eps, which no history attains", predict=partial(_truncations, "exit at m_eps")),
    ),
)


# ---------------------------------------------------------------- D3.law: the law of the exit


def _exit(which: str = "right", *, learning_rate: float, mean_losses: Any, threshold: float, max_rounds: int) -> Array:
    """[E T, E T^2] of the exit, or a wrong version."""
    del max_rounds
    arms, loss = len(mean_losses), mean_losses[0]
    mean, variance, _ = theory.exit_time(learning_rate, threshold, arms, loss)
    mean, variance = float(mean), float(variance)
    if which == "M3":
        step = learning_rate * loss
        pulls = np.arange(int(np.ceil(np.log((1.0 - threshold) / threshold / (arms - 1)) / step)))
        mean = 1.0 + float(np.sum(1.0 + (arms - 1) * np.exp(step * pulls)))
    if which == "M9":
        mean = float(theory.scaled_exit_time(mean_losses, threshold)) / learning_rate
    if which == "loss forgotten":
        mean *= loss
    if which == "without + 1":
        mean -= 1.0
    if which == "variance 1/p^2":
        p = np.array([p for p, _ in route.levels(learning_rate, arms, loss) if p >= threshold])
        variance = float(np.sum(1.0 / p**2))
    return np.array([mean, mean**2 + variance])


EXIT_WRONG = {
    "M3: no importance weight": "M3",
    "M9: no overshoot, E T = s_eps/eta": "M9",
    "loss forgotten": "loss forgotten",
    "exit counted from 0": "without + 1",
    "variance of a sum of 1/p^2": "variance 1/p^2",
}

D3_LAW = Claim(
    id="ex.D3.law",
    title="The law of the first exit on the ladder",
    statement=(
        r"T_\varepsilon=1+\sum_{m<m_\varepsilon}\mathrm{Geom}(p_m):\quad\mathbb E\,T_\varepsilon="
        r"1+\frac{x_{m_\varepsilon}}{\eta\ell},\quad\operatorname{Var}T_\varepsilon=\sum_{m<m_\varepsilon}\frac{1-p_m}{p_m^2}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER),
    proof="x_{m+1} - x_m = eta l/p_m telescopes; equivalently the loss estimates are unbiased and stopped.",
    equations={
        "theory.exp3.exit_time": "mean and variance",
        "simulations.exp3.bound_measures.exit_moments": "runs up to their exit",
    },
    kind="exact",
    predict=_exit,
    measure=bound_measures.exit_moments,
    settings=(
        {"learning_rate": 0.1, "mean_losses": (0.7, 0.0), "threshold": 0.05, "max_rounds": 5000},
        {"learning_rate": 0.1, "mean_losses": (1.0, 0.0), "threshold": 0.05, "max_rounds": 5000},
        {"learning_rate": 0.05, "mean_losses": (0.6, 0.0, 0.0, 0.0), "threshold": 0.03, "max_rounds": 9000},
        {"learning_rate": 0.5, "mean_losses": (1.3, 0.0), "threshold": 0.1, "max_rounds": 2000},
    ),
    outputs=("mean", "second moment"),
    budget=3_000_000,
    block=4096,
    mutants=tuple(Mutant(name=name, predict=partial(_exit, which)) for name, which in EXIT_WRONG.items()),
    scales={"quick": {"margin": 0.05, "budget": 60_000}},
)


# ---------------------------------------------------------------- D3.limit: small rates


def _scaled_exit(
    which: str = "right",
    *,
    learning_rate: float,
    mean_losses: Any,
    thresholds: Any,
    max_rounds: int,
    bernoulli: bool = False,
) -> Array:
    """s_eps/eta at every threshold, or a wrong version."""
    del max_rounds, bernoulli
    losses, arms = np.asarray(mean_losses), len(mean_losses)
    if which == "one lossy arm":
        return np.array([np.log((1 - e) / ((arms - 1) * e)) / learning_rate for e in thresholds])
    if which == "differences of losses squared":
        losses = losses**2
    times = np.asarray(theory.scaled_exit_time(losses, thresholds)) / learning_rate
    if which == "log 1/eps over the gap":
        return -np.log(thresholds) / float(np.ptp(losses)) / learning_rate
    return times * (8.0 / 7.0 if which == "a seventh late" else 1.0)


def _at_rate(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """`size` is one over the learning rate."""
    return {**setting, "learning_rate": 1.0 / size, "max_rounds": int(60 * size)}


D3_LIMIT = Claim(
    id="ex.D3.limit",
    title="First exits at small rates",
    statement=(
        r"\eta\,T_\varepsilon\to s_\varepsilon,\quad\min_k\operatorname{softmax}(-s_\varepsilon\bar\ell)_k=\varepsilon"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, MEAN_FIELD, "any losses, random ones too; size is 1/eta, and the mean drifts up like O(eta)"),
    equations={
        "theory.exp3.scaled_exit_time": "s_eps",
        "simulations.exp3.process_measures.exit_rounds": "runs up to their exits",
    },
    kind="limit",
    predict=_scaled_exit,
    measure=process_measures.exit_rounds,
    settings=(
        {"mean_losses": (0.9, 0.6, 0.3, 0.0), "thresholds": (0.1, 0.05)},
        {"mean_losses": (0.8, 0.3), "thresholds": (0.25, 0.1)},
        {"mean_losses": (0.8, 0.5, 0.1), "thresholds": (0.15, 0.08), "bernoulli": True},
    ),
    outputs=("first threshold", "second threshold"),
    columns=(0, 1),
    sizes=(40, 80, 160, 320, 640),
    powers=(1.0, 2.0),
    at_size=_at_rate,
    budget=60_000,
    block=512,
    mutants=tuple(
        Mutant(name=name, predict=partial(_scaled_exit, name))
        for name in ("one lossy arm", "differences of losses squared", "log 1/eps over the gap", "a seventh late")
    ),
    scales={"quick": {"margin": 0.06, "budget": 4000}},
)

CLAIMS = (T2, T2_LARGEST, D3, D3_LAW, D3_LIMIT)
