"""Claims ex.D2: with one lossy arm everything is on a ladder: likelihood, information, information before an exit."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.exp3 import _ladder as route
from claims.exp3._paper import DERIVED, LADDER, LOSSES
from simulations import exp3 as simulation
from simulations.exp3 import measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _losses(n_arms: int, loss: float) -> list[float]:
    """The losses of the ladder's arms, the lossy one first."""
    return [loss] + [0.0] * (n_arms - 1)


# ---------------------------------------------------------------- D2: information three ways


def _closed(*, learning_rate: float, rounds: int, n_arms: int, loss: float) -> Array:
    """The information by the theory, three times."""
    return np.full(3, theory.ladder_information(rounds, learning_rate, n_arms, loss))


def _three_ways(*, learning_rate: float, rounds: int, n_arms: int, loss: float) -> Array:
    """The information over all histories, by levels round by round, and by a matrix power with 40 digits."""
    histories = simulation.enumerate_histories(learning_rate, _losses(n_arms, loss), rounds)
    p, slope = np.array(list(route.levels(learning_rate, n_arms, loss))).T
    return np.array(
        [
            float(histories.mean(histories.information)),
            route.by_rounds(1.0 - p, slope**2 * p * (1.0 - p), rounds),
            route.precise_information(learning_rate, rounds, n_arms, loss, 40),
        ]
    )


def _wrong_information(which: str, *, learning_rate: float, rounds: int, n_arms: int, loss: float) -> float:
    """A wrong version of the information, round by round."""
    p, slope = np.array(list(route.levels(learning_rate, n_arms, loss))).T
    if which == "no feedback":
        slope = np.concatenate(([0.0], np.cumsum(loss / p)[:-1]))
    if which == "loss left out of the sensitivity":
        slope = slope / loss
    if which == "K - 1 for K":
        p = np.array(list(route.levels(learning_rate, n_arms + 1, loss))).T[0][: len(p)]
        slope = slope[: len(p)]
    gain = slope**2 * p * (1.0 if which == "p for p (1 - p)" else 1.0 - p)
    if which == "M12":
        gain = gain * p  # only in rounds in which the lossy arm is drawn
    return route.by_rounds(1.0 - p, gain, rounds - (which == "a round late"))


D2_WRONG = {
    "M12: information counted once per lossy pull instead of per round": "M12",
    "sensitivity without feedback": "no feedback",
    "loss left out of the sensitivity": "loss left out of the sensitivity",
    "p for p (1 - p)": "p for p (1 - p)",
    "off by one round": "a round late",
    "one arm too many": "K - 1 for K",
}

D2 = Claim(
    id="ex.D2",
    title="The ladder: exact information with one lossy arm",
    statement=(
        r"x_{m+1}=x_m+\eta\ell\,(1+(K-1)e^{x_m}),\ p_m=\frac1{1+(K-1)e^{x_m}},\ "
        r"x'_{m+1}=x'_m+\frac\ell{p_m}+\eta\ell\frac{1-p_m}{p_m}x'_m:\quad "
        r"I_n=\sum_{t\le n}\sum_mP(N_{t-1}=m)\,x_m'^2p_m(1-p_m)=\sum_mx_m'^2(1-p_m)P(N_n>m)"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER, "N_t: lossy pulls in t rounds"),
    proof="The lossy arm's weight falls at its own pulls only, by an amount that its probability fixes.",
    equations={
        "theory.exp3.ladder_information": "the sum over levels",
        "simulations.exp3.enumerate_histories": "all histories",
    },
    kind="identity",
    margin=1e-10,  # rounding: as many additions as rounds, 1e-15 seen
    predict=_closed,
    measure=_three_ways,
    settings=(
        {"learning_rate": 0.3, "rounds": 12, "n_arms": 2, "loss": 0.7},
        {"learning_rate": 0.4, "rounds": 7, "n_arms": 3, "loss": 0.6},
        {"learning_rate": 0.55, "rounds": 5, "n_arms": 5, "loss": 0.9},
        {"learning_rate": 0.03, "rounds": 10, "n_arms": 2, "loss": 2.3},
    ),
    outputs=("all histories", "round by round", "matrix power"),
    mutants=tuple(Mutant(name=name, predict=partial(_wrong_information, which)) for name, which in D2_WRONG.items()),
)


# ---------------------------------------------------------------- D2.waiting: the sufficient statistic


def _likelihood(*, learning_rate: float, arms: Any, n_arms: int, loss: float) -> Array:
    """[L, L'] of a history, arm by arm."""
    losses = np.where(np.asarray(arms) == 0, loss, 0.0)
    return np.array([*simulation.log_likelihood(learning_rate, arms, losses, n_arms)][:2])


def _by_waiting(which: str = "right", *, learning_rate: float, arms: Any, n_arms: int, loss: float) -> Array:
    """[L, L'] from the waiting times of the lossy pulls, or a wrong version."""
    pulls = np.flatnonzero(np.asarray(arms) == 0) + 1
    log_odds, slope = (np.asarray(part) for part in theory.ladder(learning_rate, len(pulls), n_arms, loss))
    p = 1.0 / (1.0 + (n_arms - 1) * np.exp(np.minimum(log_odds, 700.0)))
    free = np.diff(np.concatenate(([0], pulls, [len(arms) + 1]))) - 1.0  # rounds without a lossy pull at each level
    if which == "waiting times one too long":
        free[:-1] += 1.0
    if which == "no censored term":
        free[-1] = 0.0
    constant = 0.0 if which == "no choice among lossless arms" else np.sum(free) * np.log(n_arms - 1)
    value = np.sum(np.log(p[:-1])) + free @ np.log1p(-p) - constant
    score = -np.sum(((1.0 - p) * slope)[:-1]) + free @ (p * slope)
    return np.array([value, -score if which == "score of the wrong sign" else score])


D2_WAITING = Claim(
    id="ex.D2.waiting",
    title="Waiting times of lossy pulls carry the whole likelihood",
    statement=(
        r"L_n(\eta)=\sum_{m<M}[\log p_m+(W_m-1)\log(1-p_m)]+\bigl(n-\textstyle\sum W_m\bigr)\log(1-p_M)-(n-M)\log(K-1)"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER, "M lossy pulls in n rounds, W_m the waiting time of pull m + 1"),
    equations={
        "theory.exp3.ladder": "x_m and x'_m",
        "simulations.exp3.log_likelihood": "the likelihood of the drawn arms",
    },
    kind="identity",
    margin=1e-11,  # rounding: a sum over rounds, 1e-15 seen
    predict=_by_waiting,
    measure=_likelihood,
    settings=(
        {"learning_rate": 0.3, "arms": (1, 0, 1, 1, 0, 0, 1, 1, 1), "n_arms": 2, "loss": 0.7},
        {"learning_rate": 0.2, "arms": (0, 2, 1, 1, 0, 2, 2, 0, 1, 0), "n_arms": 3, "loss": 1.4},
        {"learning_rate": 0.5, "arms": (0, 3, 0, 4, 2, 1, 1), "n_arms": 5, "loss": 0.6},
    ),
    outputs=("log-likelihood", "score"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_by_waiting, name))
        for name in (
            "waiting times one too long",
            "no censored term",
            "no choice among lossless arms",
            "score of the wrong sign",
        )
    ),
)


# ---------------------------------------------------------------- D2.exit: information before the first exit


def _before_exit(
    which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, threshold: float
) -> float:
    """The information collected before the exit, or a wrong version."""
    del rounds
    arms, loss = len(mean_losses), mean_losses[0]
    value = float(theory.exit_information(learning_rate, threshold, arms, loss))
    p, slope = np.array(list(route.levels(learning_rate, arms, loss))).T
    here = p >= threshold
    if which == "a level more":
        here = np.arange(len(p)) <= np.count_nonzero(here)
    if which in ("a level more", "without 1 - p"):
        return float(np.sum((slope**2 * (1.0 if which == "without 1 - p" else 1.0 - p))[here]))
    return value * {"fifteen percent too large": 1.15, "loss for its square": 1.0 / loss}.get(which, 1.0)


D2_EXIT = Claim(
    id="ex.D2.exit",
    title="Information before the first exit",
    statement=(
        r"T_\varepsilon=\min\{t:\min_kp_{k,t}<\varepsilon\}:\quad\mathbb E\sum_{t<T_\varepsilon}\sum_kp_{k,t}h_{k,t}^2="
        r"\sum_{m<m_\varepsilon}x_m'^2(1-p_m)"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER, "runs of 600 or 900 rounds, in which all but one in 1e8 have left"),
    proof="A finished level lasts 1/p_m rounds on average, each worth x'_m^2 p_m (1 - p_m).",
    equations={
        "theory.exp3.exit_information": "the sum over levels",
        "simulations.exp3.measures.score_moments": "runs stopped at their exit",
    },
    kind="exact",
    predict=_before_exit,
    measure=measures.score_moments,
    settings=(
        {"learning_rate": 0.2, "mean_losses": (0.7, 0.0), "rounds": 600, "threshold": 0.04},
        {"learning_rate": 0.15, "mean_losses": (0.8, 0.0, 0.0), "rounds": 900, "threshold": 0.03},
    ),
    outputs=("information",),
    columns=(3,),
    budget=400_000,
    block=1024,
    mutants=tuple(
        Mutant(name=name, predict=partial(_before_exit, name))
        for name in ("a level more", "without 1 - p", "fifteen percent too large", "loss for its square")
    ),
    scales={"quick": {"margin": 0.05, "budget": 12_000}},
)

CLAIMS = (D2, D2_WAITING, D2_EXIT)
