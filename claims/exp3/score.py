"""Claims ex.D1: the likelihood's score has mean zero and the variance that the information says, also when stopped."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.exp3 import _naive as naive
from claims.exp3._paper import DERIVED, LOSSES
from simulations import exp3 as simulation
from simulations.exp3 import measures

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- D1: over all histories


def _evaluated(learning_rate: float, histories: simulation.Enumeration, n_arms: int) -> Array:
    """Score, Hessian and path information of every history up to its own stop by the compiled code, (histories, 3)."""
    out = np.zeros((len(histories.arms), 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", simulation.PrecisionWarning)  # of histories that never happen
        for stop in np.unique(histories.stops[histories.stops > 0]).tolist():
            here = histories.stops == stop
            drawn, paid = histories.arms[here], histories.losses[here]
            found = simulation.log_likelihood(learning_rate, drawn, paid, n_arms, stop=stop)
            out[here] = np.column_stack([found.score, found.hessian, found.information])
    return out


def _moments(
    which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, threshold: float = 0.0
) -> Array:
    """[total probability, 1 + E score, E score^2, -E Hessian, E path information]; or a wrong version."""
    n_arms = len(mean_losses)
    histories = simulation.enumerate_histories(learning_rate, mean_losses, rounds, threshold=threshold)
    score, hessian, information = _evaluated(learning_rate, histories, n_arms).T
    seen = (histories.arms, histories.losses)
    chance = histories.probabilities
    if which == "M4":
        law = naive.laws(learning_rate, *seen, n_arms)
        chance = naive.seen_probability(law, histories.arms, np.full(len(chance), rounds), late=True).real
    if which == "M12":
        information = naive.pulled_information(learning_rate, *seen, histories.stops, n_arms)
    if which == "one round more":
        longer = np.minimum(histories.stops + 1, rounds)
        law = naive.laws(learning_rate + 1j * naive.STEP, *seen, n_arms)
        score = naive.score_of(naive.seen_probability(law, histories.arms, longer))
    possible = chance > 0
    columns = np.column_stack([np.ones(len(chance)), score, score**2, -hessian, information])
    return chance[possible] @ columns[possible] + np.array([0.0, 1.0, 0.0, 0.0, 0.0])


def _identities(
    factor: float = 1.0, *, learning_rate: float, mean_losses: Any, rounds: int, threshold: float = 0.0
) -> Array:
    """[1, 1, I, I, I], I the sum of (dP/d eta)^2/P over histories by a complex step; I times `factor` is wrong."""
    n_arms, arms = len(mean_losses), naive.all_arms(len(mean_losses), rounds)
    law = naive.laws(learning_rate + 1j * naive.STEP, arms, np.asarray(mean_losses, float)[arms], n_arms)
    inside = np.min(law.real, axis=2)[:, :-1] >= threshold
    stops = np.where(np.all(inside, axis=1), rounds, np.argmin(inside, axis=1))
    chance = naive.seen_probability(law, arms, np.full(len(arms), rounds)).real
    information = factor * float(chance @ naive.score_of(naive.seen_probability(law, arms, stops)) ** 2)
    return np.array([1.0, 1.0, information, information, information])


D1 = Claim(
    id="ex.D1",
    title="The score has mean zero, and its variance is the information",
    statement=(
        r"\mathbb E\,L_\tau'(\eta)=0,\quad \mathbb E\,L_\tau'(\eta)^2=-\mathbb E\,L_\tau''(\eta)="
        r"\mathbb E\sum_{t\le\tau}\sum_kp_{k,t}h_{k,t}^2=I_\tau\quad\text{for every stopping time }\tau"
        r"\text{ of the learner's own process}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "any losses, negative ones included", "tau does not depend on the candidate"),
    proof=(
        "Given the past the score of a round has mean sum_k p_k h_k = 0, so L' is a martingale; its predictable "
        "variance is sum_k p_k h_k^2, and d/d eta of sum_k p_k h_k = 0 gives minus the Hessian. Whether round t counts "
        "is known before the draw."
    ),
    equations={
        "simulations.exp3.enumerate_histories": "every history and its probability",
        "simulations.exp3.log_likelihood": "score, Hessian, path information",
    },
    kind="identity",
    margin=1e-9,  # sums over histories of which some have sensitivities of 1e9
    predict=_identities,
    measure=_moments,
    settings=(
        {"learning_rate": 0.3, "mean_losses": (0.8, 0.3), "rounds": 8},
        {"learning_rate": 0.45, "mean_losses": (0.7, -0.4), "rounds": 7},
        {"learning_rate": 0.25, "mean_losses": (0.7, 0.4, 0.1), "rounds": 5},
        {"learning_rate": 0.15, "mean_losses": (0.9, 0.6, 0.3, 0.0), "rounds": 4},
        {"learning_rate": 0.3, "mean_losses": (0.8, 0.3), "rounds": 10, "threshold": 0.15},
        {"learning_rate": 0.35, "mean_losses": (0.9, 0.2, 0.0), "rounds": 6, "threshold": 0.12},
    ),
    outputs=("total probability", "1 + mean score", "mean squared score", "minus mean Hessian", "mean information"),
    mutants=(
        Mutant(name="M4: law after the draw instead of before it", measure=partial(_moments, "M4"), settings=(0, 2)),
        Mutant(
            name="M12: information counted once per pull instead of per round",
            measure=partial(_moments, "M12"),
            settings=(0, 2),
        ),
        Mutant(
            name="stopped after the round that leaves the threshold, and the information before it",
            measure=partial(_moments, "one round more"),
            settings=(4, 5),
        ),
        Mutant(name="information two percent too large", predict=partial(_identities, 1.02)),
        Mutant(
            name="second sensitivity without -2 h (M8)",
            equivalent="its term is centred given the past: the mean Hessian stays; ex.D1.derivatives refutes it",
        ),
    ),
)


# ---------------------------------------------------------------- D1.derivatives: on one history


def _differences(*, learning_rate: float, arms: Any, losses: Any, n_arms: int) -> Array:
    """[L, L', L''] by differences with 80 digits."""
    return naive.precise_derivatives(learning_rate, arms, losses, n_arms)


def _compiled(*, learning_rate: float, arms: Any, losses: Any, n_arms: int) -> Array:
    """[L, L', L''] by the compiled recursions."""
    return np.array([*simulation.log_likelihood(learning_rate, arms, losses, n_arms)])


def _lacking(which: str, *, learning_rate: float, arms: Any, losses: Any, n_arms: int) -> Array:
    """[L, L', L''] by recursions that lack a term."""
    return np.array(naive.score_and_hessian(which, learning_rate, arms, losses, n_arms))


def _unweighted(*, learning_rate: float, arms: Any, losses: Any, n_arms: int) -> Array:
    """[L, L', L''] with losses that are not divided by the probability (M3)."""
    weights, out = np.zeros(n_arms), np.zeros(3)
    for arm, loss in zip(arms, losses, strict=True):
        p = np.exp(learning_rate * weights)
        p /= np.sum(p)
        out += [np.log(p[arm]), weights[arm] - p @ weights, (p @ weights) ** 2 - p @ weights**2]
        weights[arm] -= loss
    return out


LACKING = {
    "M8: second sensitivity without -2 h": "M8",
    "second sensitivity with h once": "h once",
    "Hessian without the variance of the sensitivities": "Hessian without the variance of g",
    "score without feedback through the importance weight": "no feedback in the score",
}

D1_DERIVATIVES = Claim(
    id="ex.D1.derivatives",
    title="Score and Hessian of one history by recursions",
    statement=(
        r"g_a\leftarrow g_a-\frac l{p_a}(1-\eta h_a),\quad c_a\leftarrow c_a-\frac l{p_a}"
        r"\bigl(-2h_a+\eta(h_a^2-h^{(2)}_a)\bigr),\quad "
        r"L'=\sum_th_{A_t},\ L''=\sum_th^{(2)}_{A_t},\ h_a=g_a-\sum_jp_jg_j"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "the identities of ex.D1 do not see the term -2 h: derivatives are checked path by path"),
    equations={"simulations.exp3.log_likelihood": "value, score, Hessian"},
    kind="identity",
    margin=1e-9,  # rounding of derivatives in double precision, 3e-16 seen
    predict=_differences,
    measure=_compiled,
    settings=(
        {"learning_rate": 0.3, "arms": (0, 0, 1), "losses": (0.7, 0.7, 0.0), "n_arms": 2},
        {"learning_rate": 0.21, "arms": (0, 1, 0, 1, 1, 0), "losses": (0.8, 0.3, 0.8, 0.3, 0.3, 0.8), "n_arms": 2},
        {"learning_rate": 0.17, "arms": (2, 0, 1, 1, 0, 2), "losses": (0.1, 0.9, 0.4, 0.4, 0.9, 0.6), "n_arms": 3},
        {"learning_rate": 0.4, "arms": (3, 0, 1, 3, 4, 3), "losses": (-0.2, 0.9, 0.4, 0.6, -0.5, 0.0), "n_arms": 5},
    ),
    outputs=("log-likelihood", "score", "Hessian"),
    mutants=(
        *(Mutant(name=name, measure=partial(_lacking, which)) for name, which in LACKING.items()),
        Mutant(name="M3: no importance weight in the likelihood", measure=_unweighted),
    ),
)


# ---------------------------------------------------------------- D1.random: losses that are random


def _expected_squares(
    which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, bernoulli: bool = True
) -> Array:
    """[I, I, I] by all arms and all losses, the score taken by a complex step; or a wrong version."""
    means = np.asarray(mean_losses, dtype=float)
    pairs = naive.all_arms(2 * len(means), rounds)
    arms, losses = pairs % len(means), (pairs // len(means)).astype(float)
    if which == "losses replaced by their means":
        losses = means[arms]
    law = naive.laws(learning_rate + 1j * naive.STEP, arms, losses, len(means))
    seen = naive.seen_probability(law, arms, np.full(len(arms), rounds))
    chance = np.where(pairs // len(means) == 1, means[arms], 1.0 - means[arms])
    weight = seen.real * np.prod(chance, axis=1)
    information = float(weight @ naive.score_of(seen) ** 2)
    factor = {"fifteen percent too large": 1.15, "variance for its root": information**-0.5}.get(which, 1.0)
    return np.full(3, information * factor)


D1_RANDOM = Claim(
    id="ex.D1.random",
    title="The same with random losses",
    statement=(
        r"l_{k,t}\in\{0,1\}\ \text{independent of the draw}:\quad"
        r"\mathbb E\,L'(\eta)^2=-\mathbb E\,L''(\eta)=\mathbb E\sum_{t\le n}\sum_kp_{k,t}h_{k,t}^2"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "the law of the losses does not depend on eta"),
    equations={"simulations.exp3.measures.score_moments": "runs and their derivatives"},
    kind="exact",
    predict=_expected_squares,
    measure=measures.score_moments,
    settings=(
        {"learning_rate": 0.06, "mean_losses": (0.7, 0.2), "rounds": 6, "bernoulli": True},
        {"learning_rate": 0.05, "mean_losses": (0.9, 0.5, 0.1), "rounds": 5, "bernoulli": True},
    ),
    outputs=("squared score", "minus Hessian", "information"),
    columns=(1, 2, 3),
    budget=6_000_000,
    block=4096,
    mutants=tuple(
        Mutant(name=name, predict=partial(_expected_squares, name))
        for name in ("losses replaced by their means", "fifteen percent too large", "variance for its root")
    ),
    scales={"quick": {"margin": 0.05, "budget": 400_000}},
)

CLAIMS = (D1, D1_DERIVATIVES, D1_RANDOM)
