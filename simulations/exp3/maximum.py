"""Maximum-likelihood estimation of the learning rate of Exp3, many histories at once, compiled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_range
from simulations.exp3._arguments import LARGEST, check_history, check_n_arms
from simulations.exp3._likelihood import LIMIT
from simulations.exp3._search import COLUMNS, CONDITION, RATE, VALUE, History, look, maximise
from simulations.exp3._update import Options
from simulations.exp3.variant import CLASSIC, Variant, check_variant

__all__ = [
    "PER_DECADE",
    "Estimate",
    "check_bounds",
    "check_stops",
    "flat_histories",
    "grid_size",
    "maximum_likelihood",
]

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
PER_DECADE = 30  # points of the first grid


@dataclass(frozen=True)
class Estimate:
    """The maximum of a log-likelihood over an interval of learning rates: of one history, or arrays, one entry each.

    `learning_rate`: where the maximum is, NaN where the likelihood is `flat`: the same for every rate. `log_likelihood`
    there, -inf where it is so on the whole interval. `at_bound`: -1 or 1 where the maximum is the lower or upper end of
    the interval, which says little about the estimate but its side, else 0. `modes`: the local maxima seen, ends
    included, that are no more than 50 below the maximum; 0 where flat or -inf. `unresolved`: cells of the refined grid
    in which the likelihood may still have a narrow spike that was not seen. `reliable`: double precision leaves at
    least six digits of every log-probability at the maximum (condition number times 2^-52 <= 1e-6).
    """

    learning_rate: Any
    log_likelihood: Any
    flat: Any
    at_bound: Any
    modes: Any
    unresolved: Any
    reliable: Any


def maximum_likelihood(
    arms: ArrayLike,
    losses: ArrayLike,
    n_arms: int,
    bounds: tuple[float, float],
    stop: ArrayLike | None = None,
    *,
    variant: Variant = CLASSIC,
    per_decade: int = PER_DECADE,
    refinements: int = 256,
) -> Estimate:
    """Return the learning rate of highest likelihood in an interval, as an `Estimate`; mode by mode.

    The likelihood of eta is the product of the probabilities that Exp3 with rate eta gives to the drawn arms; the
    maximum depends on the interval, because far above the true rate there may be spikes as high as they are narrow.
    Search: a grid in log(eta), halved where the information sum_t sum_k p h^2 says that more could be between, then
    Newton's method in every bracket, to rounding unless a spike is as narrow as 1e-8 of its rate: there the value may
    fall short by some 1e-4. Not a proof that no spike was missed; for two arms `certified_maximum` is one.

    `arms` and `losses` (rounds,) or (replicates, rounds): the arms drawn, from 0 to `n_arms` - 1, and what was paid, up
    to 1e20 in size; `n_arms` >= 1 the arms that there are; `bounds` = (low, high) with 0 < low < high <= 1e20, in the
    unit 1/loss; `stop`: the likelihood is that of the first `stop` rounds, one whole number from 1 to rounds or one for
    each replicate, all rounds by default; `variant`: see `Variant`. `per_decade` >= 1: points of the first grid in a
    factor 10, at least 2 in all; `refinements` >= 0: points that may be added to it, after which cells stay
    `unresolved`. Raises `ValueError` outside these domains. Time: some 100 evaluations of the likelihood a history.
    Sources: derived, ex.D4 (law of the estimate), ex.D11 (spikes); the flat case and the ends as in ex.E1.

    A loss 1 of arm 0 makes the log-odds 2 eta, and then arms 0, 1, 1, 1 at no further loss have p (1 - p)^3 with
    p = 1/(1 + e^(2 eta)): highest at p = 1/4, eta = log(3)/2:

    >>> found = maximum_likelihood([0, 0, 1, 1, 1], [1.0, 0.0, 0.0, 0.0, 0.0], 2, (0.01, 10.0))
    >>> round(found.learning_rate, 9), round(math.log(3) / 2, 9), found.modes
    (0.549306144, 0.549306144, 1)
    """
    count = check_n_arms(n_arms)
    drawn, paid, stops, shape = check_stops(arms, losses, count, stop)
    low, high = check_bounds(bounds)
    grid = grid_size(low, high, check_integer("per_decade", per_decade, low=1, high=10**6))
    room = grid + check_integer("refinements", refinements, low=0, high=10**7)
    flat = flat_histories(paid, stops, count, check_variant(variant))
    found, places = np.empty((len(drawn), COLUMNS)), np.zeros((len(drawn), 3), np.int64)
    _estimate(drawn, paid, stops, flat, count, low, high, grid, room, variant.options(), found, places)
    values = (
        np.where(flat, np.nan, found[:, RATE]),
        found[:, VALUE],
        flat,
        *places.T,
        found[:, CONDITION] <= LIMIT,
    )
    return Estimate(*(value.reshape(shape) if shape else value.item() for value in values))


def check_bounds(bounds: ArrayLike) -> tuple[float, float]:
    """Return `bounds` = (low, high) as two floats, 0 < low < high <= 1e20.

    >>> check_bounds([1, 2])
    (1.0, 2.0)
    """
    pair = check_range("bounds", bounds, low=0.0, high=LARGEST, open_low=True)
    if pair.shape != (2,):
        raise ValueError(f"bounds must be two numbers (low, high), got shape {pair.shape}")
    low, high = map(float, pair)
    if not low < high:
        raise ValueError(f"bounds must be (low, high) with low < high, got low={low!r} and high={high!r}")
    if low < high / 1e100:
        raise ValueError(f"bounds must span less than 100 decades, got low={low!r} and high={high!r}")
    return low, high


def check_stops(
    arms: ArrayLike, losses: ArrayLike, n_arms: int, stop: ArrayLike | None
) -> tuple[Arms, Array, NDArray[np.int64], tuple[int, ...]]:
    """Return `arms` and `losses` as (histories, rounds), the rounds that count (histories,) and the shape of histories.

    `arms` from 0 to `n_arms` - 1; `stop` None, one whole number, or one for each history of (replicates, rounds).

    >>> check_stops([[0, 1, 1], [1, 1, 1]], np.ones((2, 3)), 2, [3, 1])[2:]
    (array([3, 1]), (2,))
    """
    drawn, paid, shape = check_history(arms, losses, n_arms, None)
    if len(shape) > 1:
        raise ValueError(
            f"arms must have shape (rounds,) or (replicates, rounds), got shape {(*shape, drawn.shape[1])}"
        )
    rounds = drawn.shape[1]
    used = check_range("stop", rounds if stop is None else stop, low=1, high=rounds)
    if used.shape not in ((), shape):
        raise ValueError(f"stop must be one number or one for each of {len(drawn)} replicates, got shape {used.shape}")
    if np.any(used != np.floor(used)):
        raise ValueError(f"stop must be integers, got {stop!r}")
    return drawn, paid, np.array(np.broadcast_to(used, len(drawn)), np.int64), shape


def flat_histories(losses: Array, stops: NDArray[np.int64], n_arms: int, variant: Variant) -> NDArray[np.bool_]:
    """Return, for each history, whether its likelihood is the same for every rate: nothing learnt before the last draw.

    `losses` (histories, rounds), `stops` (histories,), `n_arms` and `variant` as in `maximum_likelihood`.

    >>> flat_histories(np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), np.array([3, 3]), 2, CLASSIC)
    array([ True, False])
    """
    if n_arms == 1 or variant.mixing == 1.0:
        return np.ones(len(losses), np.bool_)
    return ~np.any((losses != 0.0) & (np.arange(1, losses.shape[1] + 1) < stops[:, None]), axis=1)


def grid_size(low: float, high: float, per_decade: int) -> int:
    """Return how many points, ends included, a grid on [`low`, `high`] has with at least `per_decade` in a factor 10.

    >>> grid_size(0.1, 10.0, 30)
    61
    """
    return max(2, math.ceil(per_decade * math.log10(high / low)) + 1)


@njit(cache=True, error_model="numpy")
def _estimate(
    arms: Arms,
    losses: Array,
    stops: NDArray[np.int64],
    flat: NDArray[np.bool_],
    n_arms: int,
    low: float,
    high: float,
    grid: int,
    room: int,
    options: Options,
    found: Array,
    places: NDArray[np.int64],
) -> None:
    """Fill `found` (histories, columns of a row) and `places` (histories, 3): bound hit, modes, unresolved cells."""
    table = np.empty((room, COLUMNS))
    for i in range(arms.shape[0]):
        history = History(arms[i, : stops[i]], losses[i, : stops[i]], n_arms, options)
        if flat[i]:
            look(low, history, -np.inf, found[i])
        else:
            places[i] = maximise(low, high, grid, history, table, found[i])
