"""Three to eight arms in lanes: the arithmetic of one leaf of `_many`, 64 likelihoods or runs at a time.

A tile is one vector of rows of 64 numbers, one a lane: rows that every kernel on lanes shares, rows of the drawn arm,
then the weights, log weights, g and c of all arms. Loops over arms surround loops over lanes. Lanes are
treated one by one only to fetch and to put back what belongs to the arm that each has drawn, and where weights have to
be measured anew.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._elementary import exp_any
from simulations.exp3._update import (
    LIMIT,
    Options,
    increment,
    limit_y,
    log_of_odds,
    saturate_c,
    saturate_g,
    step,
)

__all__ = [
    "ARM",
    "ETA",
    "FEW",
    "HESSIAN",
    "INFORMATION",
    "LANES",
    "LOSS",
    "SCORE",
    "STEEPEST",
    "VALUE",
    "add_few",
    "draw_few",
    "move_few",
    "new_tile",
    "pay_few",
]

Array = NDArray[np.float64]
LANES = 64  # enough that short loops are not unrolled before they can become vector instructions
FEW = 8  # arms; the work grows with them, and blocks take over
# rows that all kernels on lanes share; ARM is 1 - 2 arm where there are two arms
ETA, ARM, LOSS, VALUE, SCORE, HESSIAN, INFORMATION, STEEPEST = (LANES * i for i in range(8))
_P, _H, _K, _W, _Y, _G, _C, _REST, _REFERENCE, _TOTAL, _SPREAD, _SUM, _CHAINS = (LANES * i for i in range(8, 21))
_LEFT, _COIN = _H, _C  # runs have no use for derivatives
_ARMS = 24 * LANES  # then w, y, g, c of arm 0, 1, ...


@njit(cache=True, error_model="numpy")
def new_tile(n: int) -> Array:
    """Return the tile of `n` arms in the first round."""
    s = np.zeros(_ARMS + 4 * n * LANES)
    for i in range(LANES):
        s[_TOTAL + i] = n
        for k in range(n):
            s[_ARMS + k * LANES + i] = 1.0
    return s


@njit(cache=True, error_model="numpy")
def _sum_weights(s: Array, n: int) -> int:
    """Sum the weights of all lanes in the four chains of `_many`; how many sums are outside [0.5, 1e6]."""
    s[_CHAINS : _CHAINS + 4 * LANES] = 0.0
    for k in range(n):
        w, chain = _ARMS + k * LANES, _CHAINS + k % 4 * LANES
        for i in range(LANES):
            s[chain + i] += s[w + i]
    outside = 0
    for i in range(LANES):
        first, second = s[_CHAINS + i] + s[_CHAINS + LANES + i], s[_CHAINS + 2 * LANES + i] + s[_CHAINS + 3 * LANES + i]
        total = first + second
        s[_SUM + i] = total
        outside += not (total >= 0.5 and total <= 1e6)
    return outside


@njit(cache=True, error_model="numpy")
def _choose(s: Array, n: int, derivatives: bool) -> None:
    """The drawn arm's w, y, g, c, the weight of the others and the probability; w leaves its place until `_weigh`."""
    for i in range(LANES):
        at = _ARMS + int(s[ARM + i]) * LANES + i
        s[_W + i], s[_Y + i] = s[at], s[at + n * LANES]
        if derivatives:
            s[_G + i], s[_C + i] = s[at + 2 * n * LANES], s[at + 3 * n * LANES]
        s[at] = 0.0
    _sum_weights(s, n)
    for i in range(LANES):
        own, rest = s[_W + i], s[_SUM + i]
        p = own / (rest + own)
        s[_REST + i], s[_P + i] = rest, p


@njit(cache=True, error_model="numpy")
def add_few(s: Array, n: int) -> int:
    """Add the round of all lanes to their sums; return how many lanes have lost more digits than they may."""
    _choose(s, n, True)
    for i in range(LANES):
        s[_H + i], s[_K + i] = 0.0, 0.0
    for k in range(n):
        w, g, c = _ARMS + k * LANES, _ARMS + (2 * n + k) * LANES, _ARMS + (3 * n + k) * LANES
        for i in range(LANES):
            s[_H + i] += s[w + i] * (s[_G + i] - s[g + i])
            s[_K + i] += s[w + i] * (s[_C + i] - s[c + i])
    over = 0
    for i in range(LANES):
        rest, own, y = s[_REST + i], s[_W + i], s[_Y + i]
        log_p = log_of_odds(rest / own, y - s[_REFERENCE + i], s[_TOTAL + i])
        h, k2 = s[_H + i] / s[_TOTAL + i], s[_K + i] / s[_TOTAL + i] - s[_SPREAD + i]
        s[_H + i], s[_K + i] = h, k2
        s[VALUE + i] += log_p
        s[SCORE + i] += h
        s[HESSIAN + i] += k2
        s[INFORMATION + i] += s[_SPREAD + i]
        steepest = max(s[STEEPEST + i], abs(h) / max(1.0, -log_p))
        s[STEEPEST + i] = steepest
        over += s[ETA + i] * steepest > LIMIT
    for i in range(LANES):
        s[_ARMS + int(s[ARM + i]) * LANES + i] = s[_W + i]
    return over


@njit(cache=True, error_model="numpy")
def _rebuild(s: Array, n: int, i: int) -> None:
    """Measure the weights of lane `i` from its largest log weight."""
    top = s[_ARMS + n * LANES + i]
    for k in range(1, n):
        top = max(top, s[_ARMS + (n + k) * LANES + i])
    for k in range(n):
        s[_ARMS + k * LANES + i] = exp_any(s[_ARMS + (n + k) * LANES + i] - top)
    s[_REFERENCE + i] = top


@njit(cache=True, error_model="numpy")
def _weigh(s: Array, n: int, derivatives: bool) -> None:
    """Put the new y of drawn arms (and their g and c) in place and bring weights and sums up to date."""
    for i in range(LANES):
        s[_W + i] = exp_any(s[_Y + i] - s[_REFERENCE + i])
    for i in range(LANES):
        at = _ARMS + int(s[ARM + i]) * LANES + i
        s[at], s[at + n * LANES] = s[_W + i], s[_Y + i]
        if derivatives:
            s[at + 2 * n * LANES], s[at + 3 * n * LANES] = s[_G + i], s[_C + i]
    if _sum_weights(s, n):
        for i in range(LANES):
            if not 0.5 <= s[_SUM + i] <= 1e6:
                _rebuild(s, n, i)
        _sum_weights(s, n)
    for i in range(LANES):
        s[_TOTAL + i] = s[_SUM + i]


@njit(cache=True, error_model="numpy")
def move_few(s: Array, n: int, options: Options) -> None:
    """The update of all lanes after `add_few`, with the variance of g that the next round carries."""
    for i in range(LANES):
        p, h, k, eta, loss = s[_P + i], s[_H + i], s[_K + i], s[ETA + i], s[LOSS + i]
        y, g, c = s[_Y + i], s[_G + i], s[_C + i]
        r = step(loss, p, 1.0, options)
        first, second = increment(eta, r, p, h, k, options)
        y, g, c = limit_y(y - eta * r), saturate_g(g - first), saturate_c(c - second)
        s[_Y + i], s[_G + i], s[_C + i] = y, g, c
    _weigh(s, n, True)
    for i in range(LANES):
        s[_H + i], s[_K + i] = 0.0, 0.0
    for k in range(n):
        w, g = _ARMS + k * LANES, _ARMS + (2 * n + k) * LANES
        for i in range(LANES):
            s[_H + i] += s[w + i] * s[g + i]
    for i in range(LANES):
        s[_H + i] /= s[_TOTAL + i]
    for k in range(n):
        w, g = _ARMS + k * LANES, _ARMS + (2 * n + k) * LANES
        for i in range(LANES):
            deviation = s[g + i] - s[_H + i]
            s[_K + i] += s[w + i] * deviation * deviation
    for i in range(LANES):
        s[_SPREAD + i] = s[_K + i] / s[_TOTAL + i]


# --- runs


@njit(cache=True, error_model="numpy")
def draw_few(s: Array, n: int, uniforms: Array, coins: Array, place: int, losses: Array, bernoulli: bool) -> None:
    """Draw the arms of all lanes and look up what they pay in `losses` (n,), probabilities where `bernoulli`."""
    for i in range(LANES):
        s[_LEFT + i], s[_COIN + i], s[ARM + i] = uniforms[i, place] * s[_TOTAL + i], coins[i, place], -1.0
    for k in range(n):
        w, loss = _ARMS + k * LANES, losses[k]
        for i in range(LANES):
            left, weight, arm, paid = s[_LEFT + i], s[w + i], s[ARM + i], s[LOSS + i]
            hit = (arm < 0.0) & (left < weight)
            s[ARM + i] = k if hit else arm
            s[LOSS + i] = loss if hit else paid
            s[_LEFT + i] = left - weight
    for i in range(LANES):
        if s[ARM + i] < 0.0:  # rounding went past the end
            best = 0
            for k in range(1, n):
                if s[_ARMS + k * LANES + i] > s[_ARMS + best * LANES + i]:
                    best = k
            s[ARM + i], s[LOSS + i] = best, losses[best]
    if bernoulli:
        for i in range(LANES):
            s[LOSS + i] = 1.0 if s[_COIN + i] < s[LOSS + i] else 0.0


@njit(cache=True, error_model="numpy")
def pay_few(s: Array, n: int, eta: float, threshold: float, options: Options) -> int:
    """Update all lanes; return how many now have a probability below `threshold`, left in the rows of `SCORE`."""
    _choose(s, n, False)
    for i in range(LANES):
        loss, p, y = s[LOSS + i], s[_P + i], s[_Y + i]
        r = step(loss, p, 1.0, options)
        s[_Y + i] = limit_y(y - eta * r)
    _weigh(s, n, False)
    if threshold <= 0.0:
        return 0
    for i in range(LANES):
        s[SCORE + i] = s[_ARMS + i]
    for k in range(1, n):
        for i in range(LANES):
            s[SCORE + i] = min(s[SCORE + i], s[_ARMS + k * LANES + i])
    below = 0
    for i in range(LANES):
        s[SCORE + i] /= s[_TOTAL + i]
        below += s[SCORE + i] < threshold
    return below
