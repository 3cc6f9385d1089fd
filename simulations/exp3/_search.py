"""The maximum of a log-likelihood over an interval of rates, compiled: grid, refinement, Newton in every bracket.

The table holds one row a rate, in increasing order: rate, value, score, Hessian, information, condition. An evaluation
ends early once its value is `DEPTH` below the best one known; such a row has value -inf and the information of the
rounds it went through. Likelihoods have narrow spikes far above the true rate (ex.D11), so cells between rows are
halved while information times squared width (both for the logarithm of the rate) exceeds 1 at an end: then the law of
the history changes inside the cell.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._lanes import LANES, evaluate_lanes, plain
from simulations.exp3._likelihood import evaluate
from simulations.exp3._update import Options

__all__ = ["COLUMNS", "CONDITION", "NOISE", "RATE", "SCORE", "VALUE", "History", "climb", "look", "maximise"]

Array = NDArray[np.float64]
DEPTH = 50.0  # modes lower than this below the best one are not looked for
COLUMNS = 6
RATE, VALUE, SCORE, HESSIAN, INFORMATION, CONDITION = range(COLUMNS)
NOISE = 1e-9  # differences of values, relative, that decide nothing
_FEW = 8  # rates that are not worth a pass of all lanes
_CLOSE = 1e-9  # the step after one that is as short as this is lost in rounding
_STEPS = 100  # bisection alone needs some 50


class History(NamedTuple):
    """What counts of one run: `arms` and `losses` (rounds,), how many arms there are, the variant of the learner."""

    arms: NDArray[np.int16]
    losses: Array
    n_arms: int
    options: Options


@njit(cache=True, error_model="numpy")
def look(rate: float, history: History, limit: float, row: Array) -> None:
    """Fill `row` at `rate`; the value is -inf where it is not above `limit`."""
    row[RATE] = rate
    row[VALUE], row[SCORE], row[HESSIAN], row[INFORMATION], row[CONDITION], _ = evaluate(
        rate, history.arms, history.losses, history.n_arms, history.options, limit
    )
    if not row[VALUE] > limit or math.isnan(row[SCORE]):
        row[VALUE] = -np.inf


@njit(cache=True, error_model="numpy")
def climb(left: Array, right: Array, history: History, limit: float, row: Array) -> None:
    """Fill `row` at a maximum between the rows `left` and `right`: Newton's method for the log rate, safeguarded.

    The value must rise from both ends inwards, or not fall from one to the other against the slope there.
    """
    low, high = math.log(left[RATE]), math.log(right[RATE])
    value_low, value_high = left[VALUE], right[VALUE]
    best = left if value_low >= value_high else right
    best_rate, best_value = best[RATE], best[VALUE]
    rise, fall = left[RATE] * left[SCORE], right[RATE] * right[SCORE]
    smooth = min(value_low, value_high) > -np.inf and rise > 0.0 > fall
    u, last = low + (high - low) * (rise / (rise - fall) if smooth else 0.5), high - low
    for _ in range(_STEPS):
        look(math.exp(u), history, limit, row)
        value, noise = row[VALUE], NOISE * (1.0 + abs(row[VALUE]))
        slope = row[RATE] * row[SCORE]
        bend = slope + row[RATE] * row[RATE] * row[HESSIAN]
        if value > best_value:
            best_rate, best_value = row[RATE], value
        rises = value > -np.inf and slope > 0.0
        if value == -np.inf:
            rises = value_low == -np.inf
        elif rises and value < value_low - noise:
            rises = False
        elif not rises and value < value_high - noise:
            rises = True
        if rises:
            low, value_low = u, value
        else:
            high, value_high = u, value
        move = -slope / bend if value > -np.inf and bend < 0.0 else np.inf
        if abs(move) <= _CLOSE:
            look(math.exp(u + move), history, limit, row)
            break
        if not low < u + move < high or abs(move) > 0.5 * abs(last):
            move = 0.5 * (low + high) - u
        last = move
        u += move
    if not row[VALUE] >= best_value - NOISE * (1.0 + abs(best_value)):
        look(best_rate, history, -np.inf, row)


@njit(cache=True, error_model="numpy")
def _fill(table: Array, count: int, missing: int, history: History, best: float) -> float:
    """Fill those of `count` rows whose value is NaN, `missing` in number, at their rates; return the best value."""
    if history.n_arms == 2 and missing > _FEW and plain(history.options):
        rates, found, where = np.empty(missing), np.empty((missing, COLUMNS)), np.empty(missing, np.int64)
        some = 0
        for i in range(count):
            if math.isnan(table[i, VALUE]):
                where[some], rates[some] = i, table[i, RATE]
                some += 1
        arms, losses = history.arms.reshape((1, -1)), history.losses.reshape((1, -1))
        for start in range(0, missing, LANES):
            evaluate_lanes(rates, arms, losses, start, history.options, found)
        for i in range(missing):
            table[where[i], VALUE:] = found[i, :5]
            if found[i, 0] > best:
                best = found[i, 0]
        for i in range(missing):
            if not table[where[i], VALUE] > best - DEPTH:  # information of the first rounds only
                look(rates[i], history, best - DEPTH, table[where[i]])
    else:
        for i in range(count):
            if math.isnan(table[i, VALUE]):
                look(table[i, RATE], history, best - DEPTH, table[i])
                best = max(best, table[i, VALUE])
    return best


@njit(cache=True, error_model="numpy")
def _doubtful(first: Array, second: Array) -> bool:
    """Whether the law of the history may change between two rows."""
    width = math.log(second[RATE] / first[RATE])
    information = max(first[INFORMATION] * first[RATE] ** 2, second[INFORMATION] * second[RATE] ** 2)
    return not information * width * width <= 1.0 and width > 1e-14


@njit(cache=True, error_model="numpy")
def _refine(table: Array, count: int, history: History, best: float) -> tuple[int, int, float]:
    """Halve doubtful cells until there are none or `table` is full; return rows, doubtful cells and the best value."""
    while True:
        doubtful = 0
        for i in range(count - 1):
            doubtful += _doubtful(table[i], table[i + 1])
        if doubtful == 0 or count + doubtful > table.shape[0]:
            return count, doubtful, best
        to = count + doubtful - 1
        count = to + 1
        for i in range(count - doubtful - 1, 0, -1):
            halve = _doubtful(table[i - 1], table[i])
            table[to] = table[i]
            to -= 1
            if halve:
                table[to, RATE], table[to, VALUE] = math.sqrt(table[i - 1, RATE] * table[to + 1, RATE]), np.nan
                to -= 1
        best = _fill(table, count, doubtful, history, best)


@njit(cache=True, error_model="numpy")
def _direction(row: Array, floor: float) -> int:
    """1 where the value rises with the rate, -1 where it falls, 0 where it is flat, 2 where it is below `floor`."""
    if not (row[VALUE] >= floor and row[VALUE] > -np.inf):
        return 2
    return (row[SCORE] > 0.0) - (row[SCORE] < 0.0)


@njit(cache=True, error_model="numpy")
def _peak(first: Array, second: Array, floor: float) -> bool:
    """Whether there is a maximum between two neighbouring rows that are not flat."""
    before, after = _direction(first, floor), _direction(second, floor)
    if before == 2 or after == 2:
        return (before == 1) or (after == -1)
    if before == after:
        noise = NOISE * (1.0 + abs(first[VALUE]))
        return before * (first[VALUE] - second[VALUE]) > noise
    return before == 1


@njit(cache=True, error_model="numpy")
def maximise(low: float, high: float, grid: int, history: History, table: Array, row: Array) -> tuple[int, int, int]:
    """Fill `row` at the maximum over [`low`, `high`]; return where it is (-1 low, 0 inside, 1 high), modes, unresolved.

    `grid` >= 2 rows are looked at first and `table` (rows, 6) has room for more.
    """
    for i in range(grid):
        table[i, RATE], table[i, VALUE] = low * (high / low) ** (i / (grid - 1)), np.nan
    table[0, RATE], table[grid - 1, RATE] = low, high
    count, unresolved, best = _refine(table, grid, history, _fill(table, grid, grid, history, -np.inf))
    floor = best - DEPTH
    modes, at_bound, previous = 0, 0, -1
    top = -np.inf
    trial = np.empty_like(row)
    for i in range(count):
        direction = _direction(table[i], floor)
        if direction == 0:
            continue
        if previous < 0 and direction == -1:
            modes, at_bound, top = 1, -1, table[0, VALUE]
        elif previous >= 0 and _peak(table[previous], table[i], floor):
            modes += 1
            climb(table[previous], table[i], history, floor, trial)
            if trial[VALUE] > top:
                at_bound, top = 0, trial[VALUE]
                row[:] = trial
        previous = i
    if previous < 0 or _direction(table[previous], floor) == 1:
        modes += 1
        if table[count - 1, VALUE] >= top:
            at_bound, top = 1, table[count - 1, VALUE]
    if modes == 0:  # the value is -inf everywhere
        at_bound = -1
    if at_bound:
        look(low if at_bound < 0 else high, history, -np.inf, row)
    return at_bound, modes, unresolved
