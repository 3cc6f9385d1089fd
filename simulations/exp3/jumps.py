"""The ladder by geometric jumps: one arm with a constant loss among lossless ones, at a cost per pull, not per round.

The probability of the lossy arm depends on the number m of its pulls alone (ex.D2):
    x_0 = 0,  x_{m+1} = x_m + eta l (1 + (K-1) e^{x_m}),  p_m = 1/(1 + (K-1) e^{x_m}),
so the waiting times are independent, W_m ~ Geometric(p_m), and the rounds of the pulls are a sufficient statistic. The
levels end where 1/p_m exceeds the horizon: the x_m are a tower of exponentials. Rounds are float64: exact up to 2^53,
to relative precision 1e-16 beyond, up to 1e300.

The log-likelihood here is the log-probability of the rounds of the pulls. That of the drawn arms has in addition the
constant -(rounds - pulls) log(K - 1), which of the lossless arms was drawn; it is left out, because at 1e15 rounds it
would swallow the digits of the rest. With two arms it is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_range
from simulations.exp3._arguments import LARGEST, check_learning_rate
from simulations.exp3._ladder import count_levels, draw_pulls, first_fault, likelihoods
from simulations.exp3._ladder_search import maximise_all
from simulations.exp3.maximum import check_bounds

__all__ = [
    "LadderEstimate",
    "LadderHistories",
    "check_ladder",
    "check_pulls",
    "ladder_log_likelihood",
    "ladder_maximum_likelihood",
    "simulate_ladder",
]

Array = NDArray[np.float64]
_MOST_ROUNDS = 1e300
_MOST_NUMBERS = 2**28  # 2 GiB of rounds of pulls
_MOST_KEY = 2**62


@dataclass(frozen=True)
class LadderHistories:
    """Runs on the ladder: the rounds 1, 2, ... of the lossy pulls.

    `pulls` (replicates, levels), rounds of the first, second, ... pull, 0 after the last one; `counts` (replicates,),
    how many pulls there are.
    """

    pulls: Array
    counts: NDArray[np.int64]


def simulate_ladder(
    learning_rate: float,
    rounds: float,
    replicates: int,
    seed: int,
    *,
    n_arms: int = 2,
    loss: float = 1.0,
    first_replicate: int = 0,
) -> LadderHistories:
    """Return the rounds of the lossy arm's pulls in independent runs, a `LadderHistories`; exact in law.

    To rounding, that is, and to 2^-64 a pull, the resolution of the random numbers. `learning_rate` > 0; `rounds` from
    1 to 1e300, whole; `replicates` >= 1; `seed` and `first_replicate` whole numbers in [0, 2^62]: replicate i is a
    function of seed and first_replicate + i alone, and its pulls do not depend on `rounds`; `n_arms` >= 2, of which one
    pays `loss` > 0 and the others nothing. The random numbers are not those of `simulate`. Raises `ValueError` outside
    these domains, and where the pulls would be more than 2^28 numbers. Time: some 20 ns a pull. Derived, ex.D2.

    At rate 1 the levels are x = 0, 2, 10.4 and 32869: three pulls and no more, even in 1e15 rounds:

    >>> simulate_ladder(1.0, 1e15, 100, seed=1).counts.max()
    np.int64(3)
    """
    eta, horizon, n_arms = check_ladder(learning_rate, rounds, n_arms, loss)
    count = check_integer("replicates", replicates, low=1)
    seed = check_integer("seed", seed, low=0, high=_MOST_KEY)
    first = check_integer("first_replicate", first_replicate, low=0, high=_MOST_KEY)
    levels = count_levels(eta, n_arms - 1.0, horizon, _MOST_NUMBERS // count + 1)
    if levels * count > _MOST_NUMBERS:
        raise ValueError(
            f"replicates times pulls must be <= {_MOST_NUMBERS}, got replicates={count} and up to {levels} pulls; "
            f"ask for fewer at a time by first_replicate"
        )
    pulls, counts = np.zeros((count, levels)), np.zeros(count, np.int64)
    draw_pulls(eta, n_arms - 1.0, horizon, seed, first, pulls, counts)
    return LadderHistories(np.ascontiguousarray(pulls[:, : max(1, int(counts.max()))]), counts)


def ladder_log_likelihood(
    learning_rate: ArrayLike, pulls: ArrayLike, rounds: float, *, n_arms: int = 2, loss: float = 1.0
) -> tuple[Array, Array, Array]:
    """Return log-likelihood, score and Hessian of candidate rates given the rounds of the lossy pulls; exact.

    sum_m [log p_m + (W_m - 1) log(1 - p_m)] + (rounds - last) log(1 - p_M), M pulls with waiting times W_m, the last
    one in round `last`; without the constant of the module's head. A cost per pull, whatever the rounds.

    `learning_rate` > 0, any shape; `pulls` (..., levels), rounds of the pulls, increasing, then zeros; `rounds` from 1
    to 1e300, whole; `n_arms` >= 2; `loss` > 0. Shapes pulls.shape[:-1] + learning_rate.shape. Limits as in
    `log_likelihood`: at -log p > 700 a pull kills the arm, and the next one makes all three -inf. Raises `ValueError`
    outside these domains. Derived, ex.D2.

    A pull in round 1 makes x = 2 eta = 1; three rounds without one have probability (1 - p)^3, p = 1/(1 + e):

    >>> value, score, _ = ladder_log_likelihood(0.5, [1], 4)
    >>> round(float(value), 6), round(float(-np.log(2) - 3 * np.log1p(np.exp(-1))), 6)
    (-1.632932, -1.632932)
    """
    rates = check_learning_rate(learning_rate)
    unit, horizon, n_arms = check_ladder(1.0, rounds, n_arms, loss)
    table = check_pulls(pulls, horizon)
    out = np.empty((3, rates.size, len(table)))
    likelihoods(rates.ravel() * unit, n_arms - 1.0, table, horizon, out)
    shape = (*np.shape(pulls)[:-1], *rates.shape)
    value, score, hessian = (part.T.reshape(shape) * unit**power for power, part in enumerate(out))
    return value, score, hessian


@dataclass(frozen=True)
class LadderEstimate:
    """The maximum of a ladder's log-likelihood over an interval of rates: of one history, or arrays, one entry each.

    `learning_rate`: where the maximum is, NaN where the likelihood is `flat`. `log_likelihood` there, without the
    constant of the module's head; -inf where it is so on the whole interval. `at_bound`: -1 or 1 where the maximum is
    the lower or upper end of the interval, else 0. `cells`: the intervals looked at. `resolved`: every interval was
    excluded or found concave, so no higher maximum exists but for rounding.
    """

    learning_rate: Any
    log_likelihood: Any
    flat: Any
    at_bound: Any
    cells: Any
    resolved: Any


def ladder_maximum_likelihood(
    pulls: ArrayLike, rounds: float, bounds: tuple[float, float], *, n_arms: int = 2, loss: float = 1.0
) -> LadderEstimate:
    """Return the learning rate of highest likelihood in an interval, given the rounds of the lossy pulls; global.

    p_m falls with the rate, x'_m and x''_m rise with it, so the ladders at the two ends of an interval bound value,
    score and Hessian in between. Intervals are halved (in the log) until the bound is below the best value found, the
    score has one sign, or the likelihood is concave; Newton's method does the rest, to rounding.

    `pulls` (levels,) or (..., levels), rounds of the pulls, increasing, then zeros; `rounds` from 1 to 1e300, whole;
    `bounds` = (low, high), 0 < low < high <= 1e20, in the unit 1/loss; `n_arms` >= 2; `loss` > 0. A history without a
    pull before its last round is flat. Raises `ValueError` outside these domains. A cost per pull, whatever the rounds.
    Derived, ex.D2.

    A pull in round 1 makes p = 1/(1 + e^(2 eta)); then one pull in round 5 is likeliest at p = 1/4, eta = log(3)/2:

    >>> found = ladder_maximum_likelihood([1, 5], 5, (0.01, 10.0))
    >>> round(found.learning_rate, 12), round(float(np.log(3)) / 2, 12), found.at_bound
    (0.549306144334, 0.549306144334, 0)
    """
    unit, horizon, n_arms = check_ladder(1.0, rounds, n_arms, loss)
    table = check_pulls(pulls, horizon)
    low, high = check_bounds(bounds)
    found, places = np.empty((len(table), 2)), np.zeros((len(table), 3), np.int64)
    maximise_all(table, horizon, n_arms - 1.0, low * unit, high * unit, found, places)
    flat = (table[:, 0] == 0.0) | (table[:, 0] == horizon)
    sides = np.where(flat, 0, places[:, 0])
    rates = np.select([flat, sides < 0, sides > 0], [np.nan, low, high], np.clip(found[:, 0] / unit, low, high))
    shape = np.shape(pulls)[:-1]
    values = (rates, found[:, 1], flat, sides, places[:, 1], places[:, 2] == 0)
    return LadderEstimate(*(value.reshape(shape) if shape else value.item() for value in values))


def check_ladder(learning_rate: float, rounds: float, n_arms: int, loss: float) -> tuple[float, float, int]:
    """Return `learning_rate` times `loss`, which is all that matters, `rounds` as a float and `n_arms` as an integer.

    >>> check_ladder(0.5, 10, 2, 0.5)
    (0.25, 10.0, 2)
    """
    eta = check_number("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    horizon = check_number("rounds", rounds, low=1.0, high=_MOST_ROUNDS)
    if not horizon.is_integer():
        raise ValueError(f"rounds must be an integer, got rounds={rounds!r}")
    paid = check_number("loss", loss, low=0.0, high=LARGEST, open_low=True)
    return eta * paid, horizon, check_integer("n_arms", n_arms, low=2, high=LARGEST)


def check_pulls(pulls: ArrayLike, rounds: float) -> Array:
    """Return `pulls` (..., levels) as (histories, levels), increasing whole rounds up to `rounds`, then zeros.

    >>> check_pulls([2, 5, 0], 9.0)
    array([[2., 5., 0.]])
    """
    given = check_range("pulls", pulls, low=0.0, high=rounds)
    if given.ndim == 0 or given.size == 0:
        raise ValueError(f"pulls must have shape (..., levels) with levels >= 1, got shape {given.shape}")
    table = np.ascontiguousarray(given.reshape(-1, given.shape[-1]))
    row, column = first_fault(table)
    if row >= 0:
        raise ValueError(
            f"pulls must be increasing whole rounds followed by zeros only, got {float(table[row, column])!r} at place "
            f"{column} of history {row}"
        )
    return table
