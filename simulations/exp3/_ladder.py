"""Compiled kernels of the ladder: rounds of pulls drawn by waiting times, and their likelihood.

`eta` is the learning rate times the loss, `others` = K - 1 the number of lossless arms as a float; derivatives are with
respect to `eta`. Nothing here cancels: with a = (K-1) e^x, log p = -log1p(a) and log(1 - p) = -log1p(1/a).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._threefry import threefry

__all__ = ["LEVEL", "climb_one", "count_levels", "draw_pulls", "fill_ladder", "first_fault", "law", "likelihoods"]

Array = NDArray[np.float64]
_STREAM = 2  # 0 and 1 are the arms and losses of `simulate`
_LANES = 16
_FINEST = 2.0**-65  # the smallest -log U
_DEATH = 700.0  # a pull at -log p beyond it is the last one
_STEEP = 600.0  # others e^x stays below 1e305
_LARGEST_X, _LARGEST_G, _LARGEST_C = 1e305, 1e130, 1e260  # where x and its derivatives saturate
LEVEL = 6  # log p, log(1 - p), their first derivatives, their second ones


@njit(cache=True, error_model="numpy", inline="always")
def law(x: float, others: float) -> tuple[float, float, float]:
    """Return log p, log(1 - p) and p at log-odds `x` of one lossless arm; p = 0 beyond the range of doubles."""
    if x > _STEEP:
        small = math.exp(-x) / others
        return -x - math.log(others), -small, small
    a = others * math.exp(x)
    return -math.log1p(a), -math.log1p(1.0 / a), 1.0 / (1.0 + a)


@njit(cache=True, error_model="numpy", inline="always")
def climb_one(x: float, dx: float, ddx: float, eta: float, others: float) -> tuple[float, float, float]:
    """Return x, dx/d eta and its derivative after a pull at `x`; x is inf once the arm is dead."""
    if x + math.log(others) > _DEATH:
        return math.inf, 0.0, 0.0
    a = others * math.exp(x)
    new = x + eta * (1.0 + a)
    first = dx + 1.0 + a + eta * a * dx
    second = ddx + 2.0 * a * dx + eta * a * (ddx + dx * dx)
    return min(new, _LARGEST_X), min(first, _LARGEST_G), min(second, _LARGEST_C)


@njit(cache=True, error_model="numpy")
def count_levels(eta: float, others: float, rounds: float, most: int) -> int:
    """Return a bound on the pulls in `rounds` rounds that no random number exceeds; `most` if it is beyond that."""
    x, levels = 0.0, 0
    while levels < most and levels < rounds:
        _, log_q, _ = law(x, others)
        if x == math.inf or 1.0 + np.floor(_FINEST / -log_q) > rounds:
            break
        levels += 1
        x, _, _ = climb_one(x, 0.0, 0.0, eta, others)
    return max(levels, 1)


@njit(cache=True, error_model="numpy", inline="always")
def _exponential(word: np.uint64) -> float:
    """A standard exponential variable from 64 random bits, fine at both ends: no value is 0 or infinite."""
    half = np.uint64(1) << np.uint64(63)
    if word < half:
        return -math.log1p(-(np.float64(word) + 0.5) * 2.0**-64)
    return -math.log((np.float64(~word) + 0.5) * 2.0**-64)


@njit(cache=True, error_model="numpy")
def draw_pulls(
    eta: float,
    others: float,
    rounds: float,
    seed: int,
    first_replicate: int,
    pulls: Array,
    counts: NDArray[np.int64],
) -> None:
    """Write the rounds of the pulls to `pulls` (replicates, levels), zeros at first, and their numbers to `counts`."""
    scale = np.empty(pulls.shape[1])  # 1 / -log(1 - p)
    x = 0.0
    for m in range(scale.size):
        scale[m] = -1.0 / law(x, others)[1]
        x, _, _ = climb_one(x, 0.0, 0.0, eta, others)
    keys = np.empty(2, np.uint64)
    words = np.empty((2, _LANES), np.uint64)
    keys[0] = np.uint64(seed)
    for i in range(counts.size):
        keys[1] = np.uint64(first_replicate + i)
        now, m = 0.0, 0
        while m < scale.size:
            place = m % (2 * _LANES)
            if place == 0:
                for lane in range(_LANES):
                    words[0, lane], words[1, lane] = np.uint64(m // 2 + lane), np.uint64(_STREAM)
                threefry(keys, words[0], words[1])
            now += 1.0 + np.floor(_exponential(words[place & 1, place >> 1]) * scale[m])
            if now > rounds:
                break
            pulls[i, m] = now
            m += 1
        counts[i] = m


@njit(cache=True, error_model="numpy")
def fill_ladder(eta: float, others: float, table: Array) -> None:
    """Write to `table` (levels, LEVEL) log p and log(1 - p) with two derivatives at every level; -inf once dead."""
    x = dx = ddx = 0.0
    for m in range(len(table)):
        row = table[m]
        if x == math.inf:
            row[:] = 0.0
            row[0] = row[2] = row[4] = -math.inf
            continue
        row[0], row[1], p = law(x, others)
        q = -math.expm1(row[0])
        bend = p * q * dx * dx
        row[2], row[3] = -q * dx, p * dx
        row[4], row[5] = -q * ddx - bend, p * ddx - bend
        x, dx, ddx = climb_one(x, dx, ddx, eta, others)


@njit(cache=True, error_model="numpy")
def likelihoods(rates: Array, others: float, pulls: Array, rounds: float, out: Array) -> None:
    """Write value and two derivatives to `out` (3, rates, histories); rows of `pulls` are rounds and then zeros."""
    table = np.empty((pulls.shape[1] + 1, LEVEL))
    for j in range(rates.size):
        fill_ladder(rates[j], others, table)
        for i in range(len(pulls)):
            value = score = hessian = last = 0.0
            m = 0
            while m < pulls.shape[1] and pulls[i, m] > 0.0:
                idle = pulls[i, m] - last - 1.0
                value += table[m, 0] + idle * table[m, 1]
                score += table[m, 2] + idle * table[m, 3]
                hessian += table[m, 4] + idle * table[m, 5]
                last = pulls[i, m]
                m += 1
            idle = rounds - last
            out[0, j, i] = value + idle * table[m, 1]
            out[1, j, i] = score + idle * table[m, 3]
            out[2, j, i] = hessian + idle * table[m, 5]


@njit(cache=True, error_model="numpy")
def first_fault(pulls: Array) -> tuple[int, int]:
    """Return (row, column) of the first entry that is no increasing whole round nor a closing zero; -1 if all are."""
    for i in range(len(pulls)):
        last, ended = 0.0, False
        for m in range(pulls.shape[1]):
            now = pulls[i, m]
            if now == 0.0:
                ended = True
            elif ended or now <= last or now != np.floor(now):
                return i, m
            last = now
    return -1, -1
