"""Claims ex.T1 and ex.D9: with a constant rate and one lossy arm no estimator is fast."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.exp3 import _ladder as route
from claims.exp3 import _naive as naive
from claims.exp3._paper import ABSTRACT, CONSTANT, DERIVED, LADDER, LOSSES
from simulations import exp3 as simulation
from simulations.exp3 import bound_measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
LOW, HIGH, AFFINITY = 0.5, 1.5, 0.9
HORIZONS = (1, 2, 3, 4, 6, 8, 10, 13, 15, 20, 40, 80, 150, 300)


@cache
def _found(points: int, horizon: float, rounds: float, n_arms: int, loss: float) -> tuple[float, float, float]:
    """The pair of rates farthest apart with affinity .9 after `rounds`, and its affinity by many digits.

    `horizon`, the decimal logarithm of `rounds`, sets how many digits those are; `points` first rates are tried.
    """
    gap, one, two = theory.indistinguishable_gap(rounds, LOW, HIGH, AFFINITY, n_arms, loss, points)
    exact = route.precise_affinity(float(one), float(two), int(rounds), n_arms, loss, int(horizon) + 40)
    return float(gap), float(one), float(exact)


def _pair(points: int = 21, *, horizon: float, n_arms: int, loss: float) -> Array:
    """[distance of the pair, its affinity]."""
    gap, _, affinity = _found(points, horizon, min(float(round(10.0**horizon)), 1e300), n_arms, loss)
    return np.array([gap, affinity])


def _needed(
    power: str, constant: float, affinity: float = AFFINITY - 1e-6, *, horizon: float, n_arms: int, loss: float
) -> Array:
    """[constant/speed(n), affinity], the speed a function of n that `power` names."""
    del n_arms, loss
    log = horizon * np.log(10.0)
    speed = {"log": log, "loglog": np.log(log), "root of log": np.sqrt(log), "root of loglog": np.sqrt(np.log(log))}
    return np.array([constant / speed[power], affinity])


SETTINGS = (
    *({"horizon": horizon, "n_arms": 2, "loss": 1.0} for horizon in HORIZONS),
    *({"horizon": horizon, "n_arms": 3, "loss": 0.7} for horizon in (3, 12, 60)),
)
QUICK = tuple({"horizon": horizon, "n_arms": 2, "loss": 1.0} for horizon in (1, 4, 13, 40, 80))
LE_CAM = (
    r"\max_{i=1,2}P_{\eta_i}\bigl(|\hat\eta-\eta_i|\ge\tfrac12|\eta_1-\eta_2|\bigr)\ge"
    r"\tfrac12\sum\min(P_{\eta_1},P_{\eta_2})\ge\tfrac12\bigl(1-\sqrt{1-\rho_n^2}\bigr)"
)

T1 = Claim(
    id="ex.T1",
    title="With a constant rate no estimator converges faster than 1/log n",
    statement=(
        r"\forall\hat\eta\ \exists\eta\in[\tfrac12,\tfrac32]:\quad"
        r"P_\eta\Bigl(|\hat\eta-\eta|\ge\frac{c}{2\log n}\Bigr)\ge.28,\quad c=1.4,\quad 10\le n\le10^{300}"
    ),
    source=ABSTRACT,
    provenance="reconstructed",
    assumptions=(
        CONSTANT,
        LADDER,
        "a zero-loss arm is needed: see ex.D11",
        "weighed here: at each of the settings' horizons two rates at least c/log n apart whose laws have affinity .9 "
        "(by another route), which with ex.D9.bound holds every estimator to that",
    ),
    equations={"theory.exp3.indistinguishable_gap": "the pair of rates"},
    kind="bound",
    predict=_pair,
    measure=partial(_needed, "log", 1.4),
    settings=SETTINGS,
    mutants=(
        Mutant(name="constant 1.6", measure=partial(_needed, "log", 1.6)),
        Mutant(name="decimal logarithm", measure=partial(_needed, "log", 1.4 * np.log(10.0))),
        Mutant(name="1/sqrt(log n)", measure=partial(_needed, "root of log", 1.4)),
        Mutant(name="affinity .91", measure=partial(_needed, "log", 1.4, 0.91)),
    ),
    scales={"quick": {"settings": QUICK}},
)

D9 = Claim(
    id="ex.D9",
    title="The worst case decays no faster than 1/loglog n",
    statement=(
        r"\forall\hat\eta\ \exists\eta\in[\tfrac12,\tfrac32]:\quad"
        r"P_\eta\Bigl(|\hat\eta-\eta|\ge\frac{c}{2\log\log n}\Bigr)\ge.28,\quad c=.2,\quad 10\le n\le10^{300}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(
        CONSTANT,
        LADDER,
        "the largest distance of two rates with affinity .9 times loglog n: .55, .95, .84, .65, .25, .26 to .32 at "
        "n = 10, 1e4, 1e6, 1e8, 1e13, 1e15 to 1e300; up to 1e10 the edge 1.5 of the set limits it",
        "each pair is certified by powers of a matrix with 40 digits more than the horizon has; by ex.D9.bound every "
        "estimator errs by half its distance with probability .28 at one of its rates",
    ),
    equations={"theory.exp3.indistinguishable_gap": "the pair of rates"},
    kind="bound",
    predict=partial(_pair, 31),
    measure=partial(_needed, "loglog", 0.2),
    settings=SETTINGS,
    mutants=(
        Mutant(name="constant .3", measure=partial(_needed, "loglog", 0.3)),
        Mutant(name="1/sqrt(loglog n)", measure=partial(_needed, "root of loglog", 0.2)),
        Mutant(name="affinity .91", measure=partial(_needed, "loglog", 0.2, 0.91)),
    ),
    scales={"quick": {"settings": QUICK}},
)


def _log_of(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """`size` is the decimal logarithm of the horizon."""
    return {**setting, "horizon": size}


def _distance(*, horizon: float, n_arms: int, loss: float) -> float:
    """The distance of the pair of rates."""
    return float(_pair(horizon=horizon, n_arms=n_arms, loss=loss)[0])


def _first_power(**_: Any) -> float:
    """The exponent of 1/log n."""
    return 1.0


T1_SHARP = Claim(
    id="ex.T1.sharp",
    title="1/log n is the exact order of the worst case (false)",
    statement=(
        r"\max\{|\eta-\eta'|:\rho_n(\eta,\eta')\ge.9,\ \eta,\eta'\in[\tfrac12,\tfrac32]\}="
        r"\Theta\Bigl(\frac1{\log n}\Bigr)"
    ),
    source="derived: a reading of the lower bound as if it were attained; false",
    provenance="derived",
    assumptions=(
        CONSTANT,
        LADDER,
        "counterexample: from n = 1e15 to 1e300 the distance falls like (log n)^-0.14, from .075 to .049 only",
        "size is log10 n",
    ),
    equations={"theory.exp3.indistinguishable_gap": "the pair of rates"},
    expected="refuted",
    corrected_by="ex.D9",
    kind="rate",
    deterministic=True,
    margin=0.2,
    predict=_first_power,
    measure=_distance,
    settings=({"n_arms": 2, "loss": 1.0},),
    sizes=(15, 40, 80, 150, 300),
    at_size=_log_of,
    scales={"quick": {"sizes": (15, 40, 80)}},
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
    margin=1e-10,
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


# ---------------------------------------------------------------- T1.estimator


def _recovered(
    which: str = "right",
    *,
    learning_rate: float,
    other: float,
    rounds: float,
    low: float,
    high: float,
    n_arms: int,
    loss: float,
) -> float:
    """The largest mean probability of coming closer than half the distance, or a wrong version."""
    del low, high
    point = (rounds, learning_rate, other, n_arms, loss)
    rho = float(theory.ladder_affinity(*point))
    return {
        "right": 1.0 - float(theory.two_point_bound(*point)),
        "half the affinity": 1.0 - 0.5 * rho,
        "without the root": 1.0 - 0.5 * rho**2,
        "errors of one half more": 1.0 - 1.5 * float(theory.two_point_bound(*point)),
    }[which]


def _task(learning_rate: float, other: float, rounds: float, n_arms: int = 2, loss: float = 1.0) -> dict[str, Any]:
    """A setting; the maximum is sought in a wider interval of rates than [.5, 1.5]."""
    task = {"learning_rate": learning_rate, "other": other, "rounds": rounds, "low": 0.4, "high": 2.0}
    return {**task, "n_arms": n_arms, "loss": loss}


T1_ESTIMATOR = Claim(
    id="ex.T1.estimator",
    title="Neither the maximum of the likelihood nor the best test of two rates does better than the bound",
    statement=(
        r"\tfrac12\sum_{i=1,2}P_{\eta_i}\bigl(|\hat\eta-\eta_i|<\tfrac12|\eta_1-\eta_2|\bigr)\le"
        r"\tfrac12\bigl(1+\sqrt{1-\rho_n^2}\bigr)"
    ),
    source=f"derived, ex.D9; an instance of ex.T1 ({ABSTRACT})",
    provenance="reconstructed",
    assumptions=(
        CONSTANT,
        LADDER,
        "all n rounds used, by waiting times",
        "estimators: the MLE on [.4, 2]; the likelier rate",
    ),
    equations={
        "theory.exp3.two_point_bound": "one minus the right side",
        "theory.exp3.ladder_affinity": "rho_n",
        "simulations.exp3.bound_measures.recovered_rates": "how often the estimators are close",
    },
    kind="probability",
    predict=_recovered,
    measure=bound_measures.recovered_rates,
    settings=(
        _task(1.0, 1.4837, 100.0),
        _task(1.0706, 1.5, 1e4),
        _task(1.2765, 1.5, 1e8),
        _task(0.65, 0.7247, 1e15),
        _task(0.8, 0.8549, 1e150),
        _task(0.9, 1.2, 1e5, 4, 0.7),
    ),
    outputs=bound_measures.RECOVERY_OUTPUTS,
    budget=12_000,
    block=1024,
    mutants=tuple(
        Mutant(name=name, predict=partial(_recovered, name), settings=(0, 3))
        for name in ("half the affinity", "without the root", "errors of one half more")
    ),
    scales={
        "quick": {
            "budget": 4000,
            "settings": (
                _task(1.0, 1.4837, 100.0),
                _task(0.7, 0.775, 1e8),
                _task(0.65, 0.7247, 1e15),
                _task(0.65, 0.7247, 1e15),
            ),
        }
    },
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

CLAIMS = (T1, T1_ESTIMATOR, T1_SHARP, D9, D9_AFFINITY, D9_AVERAGE, D9_BOUND)
