"""The maximum of the likelihood of Exp3's learning rate with a proof that there is none higher: two arms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_range
from simulations.exp3._enclosures import SMALLEST, lower_bound, upper_bound
from simulations.exp3._search import COLUMNS, NOISE, RATE, SCORE, VALUE, History, climb, look, maximise
from simulations.exp3._update import Options
from simulations.exp3.maximum import PER_DECADE, check_bounds, check_stops, flat_histories, grid_size
from simulations.exp3.variant import CLASSIC

__all__ = ["CertifiedMaximum", "certified_maximum"]

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
_WAITING = 256  # cells at once: one for each halving, and after 70 halvings the ends are neighbouring doubles
_LOWEST = -1e280  # counts as -inf: an arm dead in double precision has a finite probability, but not above e^_LOWEST


@dataclass(frozen=True)
class CertifiedMaximum:
    """A maximum with its certificate: of one history, or arrays, one entry each.

    `learning_rate`: NaN where the likelihood is the same for every rate. `log_likelihood`: the value there in double
    precision. `upper_bound`: no rate between the bounds has a higher log-likelihood; proven, whatever the rest says.
    `gap`: `upper_bound` minus a proven lower bound of the log-likelihood at `learning_rate`; the most by which the
    latter can fall short of the maximum. inf where double precision proves nothing at that rate. `nodes`: intervals
    that were bounded. `resolved`: the search ended by itself, so that `upper_bound` is at most the tolerance above
    `log_likelihood`.
    """

    learning_rate: Any
    log_likelihood: Any
    upper_bound: Any
    gap: Any
    nodes: Any
    resolved: Any


def certified_maximum(
    arms: ArrayLike,
    losses: ArrayLike,
    bounds: tuple[float, float],
    stop: ArrayLike | None = None,
    *,
    tolerance: float = 1e-3,
    max_nodes: int = 1_000_000,
) -> CertifiedMaximum:
    """Return the learning rate of highest likelihood of a two-armed history, and a proof, as a `CertifiedMaximum`.

    Branch and bound. For two arms and losses >= 0 the log-odds after each round are monotone in those before it and in
    the rate, so for an interval of rates two scalar recursions enclose them, round by round, rounded outward; the sum
    of the highest possible log p bounds the likelihood from above, and so does the sum over the first rounds alone. An
    interval whose bound is below the best value seen plus `tolerance` is done with; another is halved (in the log).
    Finds spikes of any narrowness; the start is the search of `maximum_likelihood`. Exact within `gap`.

    `arms` and `losses` (rounds,) or (replicates, rounds): arms 0 or 1 as drawn, what was paid, each 0 or between 1e-50
    and 1e20; `bounds` = (low, high) with 1e-50 <= low < high <= 1e20, in the unit 1/loss; `stop`: rounds of the
    likelihood, one whole number from 1 to rounds or one for each replicate, all rounds by default. `tolerance` > 0 on
    the log-likelihood; `max_nodes` >= 1 for each history. Raises `ValueError` outside these domains. Time: thousands of
    nodes, each up to two exponentials a round: milliseconds a history of 40 rounds, tens of milliseconds for losses
    (.8, .3) over 160 rounds. Source: derived, ex.D11.

    A loss 1 of arm 0 makes the log-odds 2 eta, and then arms 0, 1, 1, 1 at no further loss have p (1 - p)^3 with
    p = 1/(1 + e^(2 eta)): highest at p = 1/4, eta = log(3)/2, times 1/2 for the first draw:

    >>> found = certified_maximum([0, 0, 1, 1, 1], [1.0, 0.0, 0.0, 0.0, 0.0], (0.01, 10.0), tolerance=1e-6)
    >>> round(found.learning_rate, 9), round(found.log_likelihood, 9), found.gap < 1.1e-6
    (0.549306144, -2.942487759, True)
    >>> round(math.log(1/2 * 1/4 * (3/4)**3), 9)
    -2.942487759
    """
    low, high = check_bounds(bounds)
    check_range("bounds", bounds, low=SMALLEST)
    drawn, paid, stops, shape = check_stops(arms, check_range("losses", losses, low=0.0), 2, stop)
    if np.any((paid > 0.0) & (paid < SMALLEST)):
        raise ValueError(f"losses must be 0 or >= {SMALLEST:g}, got {float(paid[paid > 0.0].min())!r}")
    tolerance = check_number("tolerance", tolerance, low=0.0, open_low=True)
    most = check_integer("max_nodes", max_nodes, low=1, high=2**60)
    flat = flat_histories(paid, stops, 2, CLASSIC)
    found, nodes = np.empty((len(drawn), 4)), np.empty((len(drawn), 2), np.int64)
    grid = grid_size(low, high, PER_DECADE)
    _certify(drawn, paid, stops, flat, low, high, grid, tolerance, most, CLASSIC.options(), found, nodes)
    values = (np.where(flat, np.nan, found[:, 0]), *found.T[1:], nodes[:, 0], nodes[:, 1] > 0)
    return CertifiedMaximum(*(value.reshape(shape) if shape else value.item() for value in values))


@njit(cache=True, error_model="numpy")
def _branch(
    low: float, high: float, history: History, tolerance: float, most: int, best: Array
) -> tuple[float, int, bool]:
    """Return a bound of the likelihood on [`low`, `high`], nodes, and whether all is done; `best` is replaced."""
    cells, trial = np.empty((_WAITING, 3)), np.empty(COLUMNS)
    cells[0, 0], cells[0, 1], cells[0, 2] = low, high, 0.0
    waiting, nodes, bound, resolved = 1, 0, -np.inf, True
    while waiting:
        waiting -= 1
        left, right, above = cells[waiting]
        limit = max(best[VALUE], _LOWEST) + tolerance
        if above >= limit and nodes < most:
            nodes += 1
            above = min(above, upper_bound(left, right, history.arms, history.losses, limit))
        middle = math.sqrt(left * right)
        if above < limit or nodes >= most or not left < middle < right:
            bound = max(bound, above)
            resolved &= above < limit
            continue
        look(middle, history, best[VALUE], trial)
        if trial[VALUE] > best[VALUE]:
            best[:] = trial
        cells[waiting, 0], cells[waiting, 1], cells[waiting, 2] = middle, right, above
        cells[waiting + 1, 0], cells[waiting + 1, 1], cells[waiting + 1, 2] = left, middle, above
        waiting += 2
    return bound, nodes, resolved


@njit(cache=True, error_model="numpy")
def _polish(low: float, high: float, history: History, best: Array) -> None:
    """Replace `best` by the maximum of its mode: walk upwards in growing steps until the value falls, then Newton."""
    ends = np.empty((2, COLUMNS))
    trial = np.empty(COLUMNS)
    up = best[SCORE] > 0.0
    step = 1e-12
    while low < best[RATE] < high:
        rate = best[RATE] * (1.0 + step) if up else best[RATE] / (1.0 + step)
        look(min(max(rate, low), high), history, -np.inf, trial)
        if trial[VALUE] < best[VALUE] or (trial[SCORE] > 0.0) != up:
            ends[0], ends[1] = (best, trial) if up else (trial, best)
            climb(ends[0], ends[1], history, -np.inf, trial)
            if trial[VALUE] > best[VALUE] - NOISE * (1.0 - best[VALUE]):
                best[:] = trial
            return
        best[:] = trial
        step *= 4.0


@njit(cache=True, error_model="numpy")
def _certify(
    arms: Arms,
    losses: Array,
    stops: NDArray[np.int64],
    flat: NDArray[np.bool_],
    low: float,
    high: float,
    grid: int,
    tolerance: float,
    most: int,
    options: Options,
    found: Array,
    nodes: NDArray[np.int64],
) -> None:
    """Fill `found` (histories, 4): rate, value, bound, gap; and `nodes` (histories, 2): nodes, whether all is done."""
    best, first, table = np.empty(COLUMNS), np.empty(COLUMNS), np.empty((2 * grid, COLUMNS))
    for i in range(arms.shape[0]):
        history = History(arms[i, : stops[i]], losses[i, : stops[i]], 2, options)
        if flat[i]:
            look(low, history, -np.inf, best)
            bound, nodes[i, 0], nodes[i, 1] = upper_bound(low, low, history.arms, history.losses, -np.inf), 1, 1
        else:
            maximise(low, high, grid, history, table, first)
            best[:] = first
            bound, nodes[i, 0], nodes[i, 1] = _branch(low, high, history, tolerance, most, best)
            if best[VALUE] - first[VALUE] > NOISE * (1.0 - best[VALUE]):
                _polish(low, high, history, best)
            else:
                best[:] = first
        below = lower_bound(best[RATE], history.arms, history.losses)
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = best[RATE], best[VALUE], bound, bound - below
