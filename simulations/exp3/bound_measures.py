"""Measures to hold against bounds and exact laws: moments of exits, and how often estimators tell two rates apart.

Measures and the settings that they share as in `measures`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number
from simulations.exp3._arguments import LARGEST
from simulations.exp3._tasks import KEYS
from simulations.exp3.jumps import ladder_log_likelihood, ladder_maximum_likelihood, simulate_ladder
from simulations.exp3.maximum import check_bounds
from simulations.exp3.simulation import exit_times
from simulations.exp3.variant import Variant

__all__ = ["EXIT_OUTPUTS", "RECOVERY_OUTPUTS", "exit_moments", "recovered_rates"]

Array = NDArray[np.float64]
EXIT_OUTPUTS = ("exit", "squared_exit")
RECOVERY_OUTPUTS = ("maximum_likelihood", "likelihood_ratio")


def exit_moments(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    threshold: float,
    max_rounds: int,
    bernoulli: bool = False,
    **variant: Any,
) -> Array:
    """Return the first round with a probability below `threshold`, and its square: columns `EXIT_OUTPUTS`.

    A run that has not got there by round `max_rounds` >= 1 is an error, as its moments would be wrong: a `ValueError`.
    `threshold` in (0, 1]; `rng`, `replicates` >= 1, `learning_rate`, `mean_losses`, `bernoulli` and `variant` as in
    `measures`. Source: ex.D3.

    >>> setting = dict(learning_rate=0.5, mean_losses=(1.0, 1.0), threshold=0.3, max_rounds=9)
    >>> exit_moments(np.random.default_rng(0), 1, **setting).tolist()  # one draw makes the log-odds 1
    [[2.0, 4.0]]
    """
    rounds = check_integer("max_rounds", max_rounds, low=1)
    how: dict[str, Any] = {"max_rounds": rounds, "bernoulli": bernoulli, "variant": Variant(**variant)}
    exits = exit_times(learning_rate, mean_losses, threshold, replicates, int(rng.integers(KEYS)), **how)
    if np.any(exits > rounds):
        raise ValueError(
            f"max_rounds must be larger, got max_rounds={rounds}: {np.count_nonzero(exits > rounds)} of {len(exits)} "
            f"runs have no probability below threshold={threshold!r} by then"
        )
    return np.column_stack([exits, exits.astype(np.float64) ** 2]).astype(np.float64)


def recovered_rates(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    other: float,
    rounds: float,
    low: float,
    high: float,
    n_arms: int = 2,
    loss: float = 1.0,
) -> Array:
    """Return whether estimators of a rate that a fair coin chose err by less than half the distance of the two.

    1 where |estimate - truth| < |other - learning_rate|/2, else 0; columns `RECOVERY_OUTPUTS`: the maximum-likelihood
    estimate on [`low`, `high`], and the likelier one of the two rates. One lossy arm, all rounds, by geometric jumps.
    Where nothing can be learned (no lossy pull before the last round) both say `learning_rate`.

    `learning_rate` and `other`, both > 0, are distinct; `rounds` from 1 to 1e300, whole; 0 < `low` < `high`, rates;
    `n_arms` >= 2, of which one pays `loss` > 0; `rng`, `replicates` >= 1. Source: ex.D9.

    >>> setting = dict(learning_rate=0.4, other=0.7, rounds=1, low=0.1, high=2.0)
    >>> found = recovered_rates(np.random.default_rng(0), 1000, **setting)  # a single round says nothing
    >>> bool(np.all(found[:, 0] == found[:, 1])), bool(abs(np.mean(found) - 0.5) < 0.1)
    (True, True)
    """
    pair = [
        check_number(name, value, low=0.0, high=LARGEST, open_low=True)
        for name, value in (("learning_rate", learning_rate), ("other", other))
    ]
    if pair[0] == pair[1]:
        raise ValueError(f"learning_rate and other must differ, got {pair[0]!r} for both")
    bounds, count = check_bounds((low, high)), check_integer("replicates", replicates, low=1)
    arms: dict[str, Any] = {"n_arms": n_arms, "loss": loss}
    second, out = int(rng.binomial(count, 0.5)), np.empty((count, len(RECOVERY_OUTPUTS)))
    for truth, rows in zip(pair, (slice(second, count), slice(0, second)), strict=True):
        size, seed = rows.stop - rows.start, int(rng.integers(KEYS))
        if size:
            pulls = simulate_ladder(truth, rounds, size, seed, **arms).pulls
            fit = ladder_maximum_likelihood(pulls, rounds, bounds, **arms)
            values = ladder_log_likelihood(pair, pulls, rounds, **arms)[0]
            chosen = np.where(values[:, 1] > values[:, 0], pair[1], pair[0])
            estimates = np.column_stack([np.where(fit.flat, pair[0], fit.learning_rate), chosen])
            out[rows] = np.abs(estimates - truth) < abs(pair[1] - pair[0]) / 2
    return out[rng.permutation(count)]
