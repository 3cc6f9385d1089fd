"""The global maximum of a ladder's likelihood in the rate, by bounds that hold on whole intervals of rates.

With waiting times W_m, w = 1 and M pulls (the last wait, without a pull at its end, is W_M, w = 0)
    L = sum w log p_m + (W_m - w) log(1 - p_m),  L' = sum x' (W p - w),
    L'' = sum x'' (W p - w) - W p (1-p) x'^2.
p_m falls with the rate while x', x'' >= 0 rise with it, so ladders at the two ends bound all three in between.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._ladder import climb_one, law

__all__ = ["maximise_all"]

Array = NDArray[np.float64]
_GRID = 17  # first points; the best of them and its neighbours start Newton's method
_DEEPEST = 45  # halvings: cells of 1e-13 of the interval are left unresolved
_STEPS = 100


@njit(cache=True, error_model="numpy")
def _evaluate(eta: float, others: float, waits: Array, pulls: int) -> tuple[float, float, float]:
    """Return value, score and Hessian at `eta`; `waits` holds `pulls` waiting times and the idle rounds at the end."""
    x = dx = ddx = 0.0
    value = score = hessian = 0.0
    for m in range(pulls + 1):
        drawn = 1.0 if m < pulls else 0.0
        if x == math.inf:
            return (-math.inf, -math.inf, -math.inf) if m < pulls else (value, score, hessian)
        log_p, log_q, p = law(x, others)
        surplus = waits[m] * p - drawn
        value += drawn * log_p + (waits[m] - drawn) * log_q
        score += dx * surplus
        hessian += ddx * surplus - waits[m] * p * -math.expm1(log_p) * dx * dx
        if m < pulls:
            x, dx, ddx = climb_one(x, dx, ddx, eta, others)
    return value, score, hessian


@njit(cache=True, error_model="numpy")
def _bounds(
    low: float, high: float, others: float, waits: Array, pulls: int, enough: float
) -> tuple[float, float, float, float]:
    """Return an upper bound on the value over [`low`, `high`], bounds on the score, an upper bound on the Hessian.

    Ends early with the first once it is below `enough`.
    """
    x = dx = ddx = y = dy = ddy = 0.0  # the ladders at both ends
    roof = least = most = bend = 0.0
    for m in range(pulls + 1):
        drawn, wait = (1.0 if m < pulls else 0.0), waits[m]
        if x == math.inf:
            return (-math.inf if m < pulls else roof), least, most, bend
        log_p, _, p = law(x, others)
        if y == math.inf:
            q = log_q = 0.0
        else:
            _, log_q, q = law(y, others)
        roof += drawn * log_p + (wait - drawn) * log_q
        if roof < enough:
            break
        largest, smallest = wait * p - drawn, wait * q - drawn
        if y == math.inf:
            dy = ddy = math.inf
        most += largest * (dy if largest > 0.0 else dx)
        if smallest != 0.0:  # a dead arm that is not drawn: 0 times infinity
            least += smallest * (dx if smallest > 0.0 else dy)
        spread = wait * min(-p * math.expm1(log_p), q * (1.0 - q))
        bend += largest * (ddy if largest > 0.0 else ddx) - spread * dx * dx
        if m < pulls:
            x, dx, ddx = climb_one(x, dx, ddx, low, others)
            if y != math.inf:
                y, dy, ddy = climb_one(y, dy, ddy, high, others)
    return roof, least, most, bend


@njit(cache=True, error_model="numpy")
def _climb(low: float, high: float, others: float, waits: Array, pulls: int) -> tuple[float, float]:
    """Return the maximum in [`low`, `high`], and its value, where the score changes its sign at most once."""
    value, score, _ = _evaluate(high, others, waits, pulls)
    if score >= 0.0:
        return high, value
    value, score, _ = _evaluate(low, others, waits, pulls)
    if score <= 0.0:
        return low, value
    eta = math.sqrt(low * high)
    for _ in range(_STEPS):
        value, score, hessian = _evaluate(eta, others, waits, pulls)
        if score > 0.0:
            low = eta
        elif score < 0.0:
            high = eta
        else:
            break
        new = eta - score / hessian
        if not (hessian < 0.0 and low < new < high):
            new = low + 0.5 * (high - low)
        if abs(new - eta) <= 1e-15 * eta or new <= low or new >= high:
            break
        eta = new
    return eta, value


@njit(cache=True, error_model="numpy")
def _start(low: float, high: float, others: float, waits: Array, pulls: int) -> tuple[float, float]:
    """Return a good rate and its value: the best of a grid, climbed from."""
    step = math.log(high / low) / (_GRID - 1)
    best, place = -math.inf, 0
    for i in range(_GRID):
        value, _, _ = _evaluate(low * math.exp(i * step), others, waits, pulls)
        if value > best:
            best, place = value, i
    left = low * math.exp(max(place - 1, 0) * step)
    right = min(low * math.exp(min(place + 1, _GRID - 1) * step), high)
    eta, value = _climb(left, right, others, waits, pulls)
    return (eta, value) if value >= best else (low * math.exp(place * step), best)


@njit(cache=True, error_model="numpy")
def _maximise(low: float, high: float, others: float, waits: Array, pulls: int) -> tuple[float, float, int, int]:
    """Return the maximum over [`low`, `high`], its value, how many cells were looked at and how many stay open."""
    best, value = _start(low, high, others, waits, pulls)
    cells = unresolved = 0
    stack = np.empty((_DEEPEST + 2, 3))
    stack[0, 0], stack[0, 1], stack[0, 2] = low, high, 0.0
    size = 1
    while size > 0:
        size -= 1
        left, right, depth = stack[size]
        cells += 1
        roof, least, most, bend = _bounds(left, right, others, waits, pulls, value)
        if roof < value:
            continue
        if least > 0.0 or most < 0.0:
            eta = right if least > 0.0 else left
            found, _, _ = _evaluate(eta, others, waits, pulls)
        elif bend < 0.0:
            eta, found = _climb(left, right, others, waits, pulls)
        elif depth < _DEEPEST:
            middle = math.sqrt(left * right)
            stack[size, 0], stack[size, 1], stack[size, 2] = left, middle, depth + 1.0
            stack[size + 1, 0], stack[size + 1, 1], stack[size + 1, 2] = middle, right, depth + 1.0
            size += 2
            continue
        else:
            unresolved += 1
            eta = math.sqrt(left * right)
            found, _, _ = _evaluate(eta, others, waits, pulls)
        if found > value:
            best, value = eta, found
    return best, value, cells, unresolved


@njit(cache=True, error_model="numpy")
def maximise_all(
    pulls: Array, rounds: float, others: float, low: float, high: float, found: Array, places: NDArray[np.int64]
) -> None:
    """Maximise the likelihood of every row of `pulls` over [`low`, `high`].

    Write rate and value to `found` (histories, 2); side of the interval, cells and unresolved ones to `places`.
    """
    waits = np.empty(pulls.shape[1] + 1)
    for i in range(len(pulls)):
        last, m = 0.0, 0
        while m < pulls.shape[1] and pulls[i, m] > 0.0:
            waits[m] = pulls[i, m] - last
            last = pulls[i, m]
            m += 1
        waits[m] = rounds - last
        if m == 0 or pulls[i, 0] == rounds:  # the same whatever the rate
            found[i, 0], found[i, 1] = low, _evaluate(low, others, waits, m)[0]
            continue
        best, value, cells, unresolved = _maximise(low, high, others, waits, m)
        found[i, 0], found[i, 1] = best, value
        places[i, 0] = -1 if best <= low else (1 if best >= high else 0)
        places[i, 1], places[i, 2] = cells, unresolved
