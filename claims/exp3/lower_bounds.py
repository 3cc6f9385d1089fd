"""Claims ex.T1 and ex.D9: with a constant rate and one lossy arm no estimator is fast, whatever it does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.exp3 import _ladder as route
from claims.exp3._paper import ABSTRACT, CONSTANT, DERIVED, LADDER
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
    margin=0.2,  # a fourth of the gap to the exponent found
    predict=_first_power,
    measure=_distance,
    settings=({"n_arms": 2, "loss": 1.0},),
    sizes=(15, 40, 80, 150, 300),
    at_size=_log_of,
    scales={"quick": {"sizes": (15, 40, 80)}},
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
            "budget": 1500,
            "settings": (
                _task(1.0, 1.4837, 100.0),
                _task(0.7, 0.775, 1e8),
                _task(0.65, 0.7247, 1e15),
                _task(0.8, 0.8549, 1e150),
            ),
        }
    },
)


CLAIMS = (T1, T1_ESTIMATOR, T1_SHARP, D9)
