"""Measures on the search for the maximum of Exp3's likelihood: how many maxima there are, whether the highest is found.

Measures and the settings that they share as in `measures`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer
from simulations.exp3._tasks import check_task, interval, likelihoods, parts
from simulations.exp3.branch_and_bound import certified_maximum
from simulations.exp3.maximum import PER_DECADE, maximum_likelihood

__all__ = ["MISSED_OUTPUTS", "missed_maxima", "several_modes"]

Array = NDArray[np.float64]
MISSED_OUTPUTS = ("missed", "not_proven", "bound_beaten")
_DENSE = 20, 50  # passes, and rates in each, that try to beat a proven bound


def several_modes(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    low: float,
    high: float,
    bernoulli: bool = False,
    **variant: Any,
) -> Array:
    """Return 1 for runs of which the likelihood has more than one maximum on [`low`, `high`] times the true rate.

    Maxima as `maximum_likelihood` counts them, ends included, those more than 50 below the highest left out; shape
    (replicates, 1). 0 < `low` < `high`, without unit; `rng`, `replicates`, `learning_rate`, `mean_losses`, `rounds`,
    `bernoulli` and `variant` as in the head of `measures`. Source: ex.D13.

    >>> setting = dict(learning_rate=0.05, mean_losses=(0.9, 0.0), rounds=40, low=0.05, high=20.0)
    >>> several_modes(np.random.default_rng(0), 3, **setting).tolist()
    [[0.0], [0.0], [0.0]]
    """
    task = check_task(learning_rate, mean_losses, rounds, bernoulli, None, variant)
    bounds = interval(task.learning_rate, low, high)
    out = np.empty((check_integer("replicates", replicates, low=1), 1))
    for runs in parts(rng, len(out), task):
        fit = maximum_likelihood(runs.arms, runs.losses, task.n_arms, bounds, variant=task.variant)
        out[runs.rows, 0] = fit.modes > 1
    return out


def missed_maxima(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    low: float,
    high: float,
    bernoulli: bool = False,
    per_decade: int = PER_DECADE,
    refinements: int = 256,
    tolerance: float = 1e-3,
) -> Array:
    """Return what the certificate says of the search for the maximum, 0 or 1, columns `MISSED_OUTPUTS`.

    On [`low`, `high`] times the true rate. missed: the highest likelihood found by `maximum_likelihood` lies below what
    `certified_maximum` proves of the highest one, its upper bound less its gap. not_proven: the gap is more than twice
    `tolerance`. bound_beaten: one of 1000 rates, equidistant in the logarithm, has a higher likelihood than the upper
    bound, which would disprove the proof.

    `mean_losses` (2,) or (rounds, 2); `per_decade`, `refinements` as in `maximum_likelihood`, `tolerance` > 0 as in
    `certified_maximum`; 0 < `low` < `high`, without unit; `rng`, `replicates`, `learning_rate`, `rounds` and
    `bernoulli` as in the head of `measures`. Source: ex.D13.

    >>> setting = dict(learning_rate=0.05, mean_losses=(0.8, 0.3), rounds=40, low=0.05, high=20.0)
    >>> missed_maxima(np.random.default_rng(0), 2, **setting).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    task = check_task(learning_rate, mean_losses, rounds, bernoulli, None, {})
    if task.n_arms != 2:
        raise ValueError(f"mean_losses must be those of two arms, got {task.n_arms}")
    bounds = interval(task.learning_rate, low, high)
    how: dict[str, Any] = {"per_decade": per_decade, "refinements": refinements}
    out = np.empty((check_integer("replicates", replicates, low=1), len(MISSED_OUTPUTS)))
    for runs in parts(rng, len(out), task):
        fit = maximum_likelihood(runs.arms, runs.losses, 2, bounds, **how)
        proof = certified_maximum(runs.arms, runs.losses, bounds, tolerance=tolerance)
        missed = ~fit.flat & (fit.log_likelihood < proof.upper_bound - proof.gap)
        dense = np.geomspace(*bounds, _DENSE[0] * _DENSE[1]).reshape(_DENSE)
        highest = np.max([np.max(likelihoods(task, runs, rates), axis=1) for rates in dense], axis=0)
        beaten = highest > proof.upper_bound + 1e-12 * np.abs(highest)  # rounding of the likelihoods
        out[runs.rows] = np.column_stack([missed, ~(proof.gap <= 2 * tolerance), beaten])
    return out
