"""Claims ex.D9.affinity, ex.D9.bound, ex.D9.average: what the lower bounds are made of."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.exp3 import _ladder as route
from claims.exp3 import _naive as naive
from claims.exp3._paper import CONSTANT, DERIVED, LADDER, LOSSES
from simulations import exp3 as simulation
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
LE_CAM = (
    r"\max_{i=1,2}P_{\eta_i}\bigl(|\hat\eta-\eta_i|\ge\tfrac12|\eta_1-\eta_2|\bigr)\ge"
    r"\tfrac12\sum\min(P_{\eta_1},P_{\eta_2})\ge\tfrac12\bigl(1-\sqrt{1-\rho_n^2}\bigr)"
)


# ---------------------------------------------------------------- D9.affinity


def _affinities(*, learning_rate: float, other: float, rounds: int, n_arms: int, loss: float) -> Array:
    """The affinity by the theory, three times."""
    return np.full(3, theory.ladder_affinity(rounds, learning_rate, other, n_arms, loss))


def _affinities_again(*, learning_rate: float, other: float, rounds: int, n_arms: int, loss: float) -> Array:
    """The affinity over all histories where these are few, round by round to 20 000 rounds, and with many digits."""
    digits = len(str(int(rounds))) + 40
    exact = float(route.precise_affinity(learning_rate, other, int(rounds), n_arms, loss, digits))
    stepwise = route.affinity(learning_rate, other, int(rounds), n_arms, loss) if rounds <= 20_000 else exact
    every = stepwise
    if rounds <= 12 and n_arms**rounds <= 5000:
        losses = [loss] + [0.0] * (n_arms - 1)
        seen = simulation.enumerate_histories(learning_rate, losses, rounds, candidate=other)
        every = float(np.sum(np.sqrt(seen.probabilities) * np.exp(0.5 * seen.value)))
    return np.array([every, stepwise, exact])


def _wrong_affinity(which: str, **point: Any) -> float:
    """A wrong version of the affinity."""
    rho = float(theory.ladder_affinity(**point))
    if which == "a round fewer":
        return float(theory.ladder_affinity(**{**point, "rounds": point["rounds"] - 1}))
    if which == "loss left out":
        return float(theory.ladder_affinity(**{**point, "loss": 1.0}))
    return {"square": rho**2, "squared distance counted twice": 2.0 * rho - 1.0}[which]


D9_AFFINITY = Claim(
    id="ex.D9.affinity",
    title="The exact affinity of two rates",
    statement=(
        r"\rho_n=\sum_{\text{histories}}\sqrt{P_\eta P_{\eta'}}=e_0^{\mathsf T}B^n\mathbf 1,\quad "
        r"B_{mm}=\sqrt{(1-p_m)(1-p'_m)},\ B_{m,m+1}=\sqrt{p_mp'_m}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER),
    equations={
        "theory.exp3.ladder_affinity": "the power of B",
        "simulations.exp3.enumerate_histories": "all histories under both rates",
    },
    kind="identity",
    margin=1e-10,  # rounding: sums over histories, 3e-14 seen
    predict=_affinities,
    measure=_affinities_again,
    settings=(
        {"learning_rate": 0.3, "other": 0.5, "rounds": 12, "n_arms": 2, "loss": 0.7},
        {"learning_rate": 0.9, "other": 0.4, "rounds": 7, "n_arms": 3, "loss": 1.2},
        {"learning_rate": 0.11, "other": 0.16, "rounds": 400, "n_arms": 4, "loss": 0.8},
        {"learning_rate": 0.3, "other": 0.31, "rounds": 15_000, "n_arms": 2, "loss": 0.9},
        {"learning_rate": 0.7, "other": 0.76, "rounds": 10**15, "n_arms": 2, "loss": 0.9},
        {"learning_rate": 0.75, "other": 0.81, "rounds": 10**80, "n_arms": 3, "loss": 1.1},
    ),
    outputs=("all histories", "round by round", "many digits"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_wrong_affinity, name), settings=(0, 1, 2))
        for name in ("a round fewer", "squared distance counted twice", "loss left out", "square")
    ),
)


# ---------------------------------------------------------------- D9.bound


def _least_error(*, learning_rate: float, share: float, rounds: int, n_arms: int, loss: float) -> float:
    """The mean error probability of the best test between two rates, over all histories by the naive route."""
    arms = naive.all_arms(n_arms, rounds)
    losses, stops = np.where(arms == 0, loss, 0.0), np.full(len(arms), rounds)
    seen = [
        naive.seen_probability(naive.laws(rate, arms, losses, n_arms), arms, stops).real
        for rate in (learning_rate, learning_rate * share)
    ]
    return 0.5 * float(np.sum(np.minimum(*seen)))


def _two_points(
    which: str = "right", *, learning_rate: float, share: float, rounds: int, n_arms: int, loss: float
) -> float:
    """The bound of the theory, or a wrong version."""
    point = (rounds, learning_rate, learning_rate * share, n_arms, loss)
    bound = float(theory.two_point_bound(*point))
    rho = float(theory.ladder_affinity(*point))
    return {
        "right": bound,
        "half the affinity": 0.5 * rho,
        "affinity for its square": 0.5 * (1.0 - np.sqrt(1.0 - rho)),
        "without the root": 0.5 * rho**2,
        "a tenth too large": 1.1 * bound,
        "twice": 2.0 * bound,
    }[which]


D9_BOUND = Claim(
    id="ex.D9.bound",
    title="No test of two rates errs less than their affinity says",
    statement=LE_CAM,
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER),
    proof="An estimator gives a test; the mean error of the best test is (1 - TV)/2, and TV^2 <= 1 - rho^2 (Cauchy).",
    equations={"theory.exp3.two_point_bound": "the bound", "theory.exp3.ladder_affinity": "rho_n"},
    kind="bound",
    predict=_least_error,
    measure=_two_points,
    settings=({"n_arms": 2, "loss": 0.7}, {"n_arms": 3, "loss": 1.2}),
    domain={
        "learning_rate": Range(0.05, 1.5, log=True),
        "share": Range(1.001, 3.0, log=True),
        "rounds": Range(1, 6, integer=True),
    },
    restarts=300,
    mutants=tuple(
        Mutant(name=name, measure=partial(_two_points, name))
        for name in ("half the affinity", "affinity for its square", "without the root", "a tenth too large", "twice")
    ),
    scales={"quick": {"restarts": 30, "settings": ({"n_arms": 3, "loss": 1.2},)}},
)


# ---------------------------------------------------------------- D9.average


def _average(which: str = "right", *, rounds: int, low: float, high: float, n_arms: int, loss: float) -> float:
    """The bound of the theory, or a wrong version."""
    bound = float(theory.van_trees_bound(rounds, low, high, n_arms, loss))
    if which == "without the prior's information":
        return (bound**-2 - (2.0 * np.pi / (high - low)) ** 2) ** -0.5
    if which == "prior's information pi^2/width^2":
        return (bound**-2 - 3.0 * (np.pi / (high - low)) ** 2) ** -0.5
    if which == "one over the mean root of the information":
        rates = np.linspace(low, high, 201)
        weight = np.sin(np.pi * (rates - low) / (high - low)) ** 2
        return (
            float(np.average(np.asarray(theory.ladder_information(rounds, rates, n_arms, loss)) ** 0.5, weights=weight))
            ** -1
        )
    return bound


def _average_again(*, rounds: int, low: float, high: float, n_arms: int, loss: float) -> float:
    """The same: 200 equidistant rates under the prior, the information with 40 digits more than the horizon."""
    rates = low + (high - low) * (np.arange(200) + 0.5) / 200
    weight = 2.0 * np.sin(np.pi * (rates - low) / (high - low)) ** 2 / 200
    digits = len(str(int(rounds))) + 20
    values = [route.precise_information(float(r), int(rounds), n_arms, loss, digits) for r in rates]
    return float(weight @ np.array(values) + (2.0 * np.pi / (high - low)) ** 2) ** -0.5


D9_AVERAGE = Claim(
    id="ex.D9.average",
    title="A bound on the average risk",
    statement=(
        r"\int\mathbb E_\eta(\hat\eta-\eta)^2\pi(\eta)\,d\eta\ge\Bigl(\int I_n\pi+\frac{4\pi^2}{w^2}\Bigr)^{-1},\quad"
        r"\pi(\eta)=\frac2w\cos^2\frac{\pi(\eta-\text{mid})}w"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(
        CONSTANT,
        LADDER,
        "checked: the value of the right side; the inequality is van Trees'",
        "on [.5, 1.5] its root times log n is .67, .66, .69, .80, .86, .65, .39 at n = 1e3, 1e4, 1e8, 1e12, 1e20, "
        "1e40, 1e80: the average follows 1/log n over the practical range",
    ),
    equations={"theory.exp3.van_trees_bound": "the root of the right side"},
    kind="identity",
    margin=1e-4,  # the second route's rule of rectangles
    predict=_average,
    measure=_average_again,
    settings=(
        {"rounds": 1000, "low": 0.5, "high": 1.5, "n_arms": 2, "loss": 1.0},
        {"rounds": 10**6, "low": 0.6, "high": 1.3, "n_arms": 3, "loss": 0.7},
    ),
    mutants=tuple(
        Mutant(name=name, predict=partial(_average, name))
        for name in (
            "without the prior's information",
            "prior's information pi^2/width^2",
            "one over the mean root of the information",
        )
    ),
    scales={"quick": {"settings": ({"rounds": 1000, "low": 0.5, "high": 1.5, "n_arms": 2, "loss": 0.8},)}},
)

CLAIMS = (D9_AFFINITY, D9_AVERAGE, D9_BOUND)
