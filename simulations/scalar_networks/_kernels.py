"""Compiled gradient descent of many scalar networks, in blocks of 64 orbits that stay in cache.

A block holds its weights as a tile (depth, 64): every inner loop runs over the 64 orbits and becomes vector
instructions. That needs error_model="numpy"; Python's check for division by zero would stop the vectoriser. A step is
w_i - c / w_i with c = eta (pi - 1) pi, one division a weight. Where the product pi is zero or subnormal that form is
wrong, and the orbit takes the step by products of the other weights instead, which is exact at zero weights. Depth two
needs no division at all. Every orbit's arithmetic is its own: results depend neither on the block nor on threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["ORBITS", "descend"]

Array = NDArray[np.float64]
ORBITS = 64  # a tile of 64 orbits at depth 16 is 8 KiB; the vector length divides it on every machine
_LEAST = 1e-280  # below it the product has too few digits left for c / w_i
_PATIENCE = 16  # steps between two looks whether orbits have settled


@njit(cache=True, error_model="numpy")
def _step_two(now: Array, new: Array, eta: Array, bound: float) -> int:
    """Write one step at depth two from `now` to `new`; return how many weights are not within `bound`."""
    outside = 0
    for lane in range(ORBITS):
        first, second = now[0, lane], now[1, lane]
        rate = eta[lane] * (first * second - 1.0)
        new[0, lane] = first - rate * second
        new[1, lane] = second - rate * first
        outside += not (abs(new[0, lane]) <= bound and abs(new[1, lane]) <= bound)
    return outside


@njit(cache=True, error_model="numpy")
def _step_lane(now: Array, new: Array, eta: Array, lane: int) -> None:
    """Write one step of orbit `lane` by products of the other weights, without division."""
    depth = now.shape[0]
    before = 1.0
    for i in range(depth):
        new[i, lane] = before
        before *= now[i, lane]
    after = eta[lane] * (before - 1.0)
    for i in range(depth - 1, -1, -1):
        new[i, lane] = now[i, lane] - after * new[i, lane]
        after *= now[i, lane]


@njit(cache=True, error_model="numpy")
def _step(now: Array, new: Array, eta: Array, bound: float, product: Array, force: Array) -> int:
    """Write one step at any depth from `now` to `new`; return how many weights are not within `bound`."""
    depth = now.shape[0]
    for lane in range(ORBITS):
        product[lane] = now[0, lane]
    for i in range(1, depth):
        for lane in range(ORBITS):
            product[lane] *= now[i, lane]
    tiny = 0
    for lane in range(ORBITS):
        force[lane] = eta[lane] * (product[lane] - 1.0) * product[lane]
        tiny += abs(product[lane]) < _LEAST
    outside = 0
    for i in range(depth):
        for lane in range(ORBITS):
            weight = now[i, lane]
            weight -= force[lane] / weight
            new[i, lane] = weight
            outside += not abs(weight) <= bound
    if tiny:
        for lane in range(ORBITS):
            if abs(product[lane]) < _LEAST:
                _step_lane(now, new, eta, lane)
        outside += 1  # unknown now: let the caller look
    return outside


@njit(cache=True, error_model="numpy")
def _stop(tile: Array, eta: Array, lane: int, final: Array) -> None:
    """Store orbit `lane` in `final` and put a fixed point in its place."""
    for i in range(tile.shape[0]):
        final[i] = tile[i, lane]
        tile[i, lane] = 1.0
    eta[lane] = 0.0


@njit(cache=True, error_model="numpy")
def _settled(tile: Array, eta: Array, lane: int, tolerance: float) -> bool:
    """Whether orbit `lane` is within `tolerance` of product 1, where its step size makes that minimum attract."""
    product, steepness = 1.0, 0.0
    for i in range(tile.shape[0]):
        product *= tile[i, lane]
        steepness += 1.0 / tile[i, lane] ** 2
    return abs(product - 1.0) <= tolerance and eta[lane] * steepness < 2.0


@njit(cache=True, error_model="numpy")
def _record(now: Array, final: Array, stopped: NDArray[np.bool_], out: Array) -> None:
    """Copy the block's weights to `out` (orbits, depth); those of stopped orbits are in `final`."""
    for lane in range(final.shape[0]):
        for i in range(now.shape[0]):
            out[lane, i] = final[lane, i] if stopped[lane] else now[i, lane]


@njit(cache=True, error_model="numpy")
def _descend_block(
    steps: int,
    skip: int,
    every: int,
    bound: float,
    tolerance: float,
    tiles: Array,
    eta: Array,
    final: Array,
    escape: NDArray[np.int64],
    settle: NDArray[np.int64],
    out: Array,
) -> None:
    """Run one block: `tiles` (2, depth, 64) starts in its first half, `final` (orbits, depth) receives the ends."""
    count, running = final.shape[0], final.shape[0]
    stopped = np.zeros(ORBITS, np.bool_)
    product, force = np.empty(ORBITS), np.empty(ORBITS)
    now, new = tiles[0], tiles[1]
    for t in range(steps + 1):
        if tolerance > 0.0 and t % _PATIENCE == 0:
            for lane in range(count):
                if not stopped[lane] and _settled(now, eta, lane, tolerance):
                    _stop(now, eta, lane, final[lane])
                    settle[lane], stopped[lane] = t, True
                    running -= 1
        if t >= skip and (t - skip) % every == 0:
            _record(now, final, stopped, out[:, (t - skip) // every])
        if t == steps:
            break
        if running == 0 and out.shape[1] == 0:
            break
        outside = _step_two(now, new, eta, bound) if now.shape[0] == 2 else _step(now, new, eta, bound, product, force)
        if outside:
            for lane in range(count):
                worst = 0.0
                for i in range(now.shape[0]):
                    if not abs(new[i, lane]) <= bound:
                        worst = np.inf
                if worst > bound:
                    _stop(now, eta, lane, final[lane])
                    new[:, lane] = 1.0
                    escape[lane], stopped[lane] = t + 1, True
                    running -= 1
        now, new = new, now
    for lane in range(count):
        if not stopped[lane]:
            _stop(now, eta, lane, final[lane])


@njit(cache=True, error_model="numpy")
def descend(
    weights: Array,
    step_size: Array,
    steps: int,
    skip: int,
    every: int,
    bound: float,
    tolerance: float,
    escape: NDArray[np.int64],
    settle: NDArray[np.int64],
    out: Array,
) -> None:
    """Replace `weights` (orbits, depth) by the ends of their orbits; fill `escape`, `settle` and `out`.

    `step_size` (orbits,); `steps` >= 0; `skip`, `every` and `out` (orbits, times, depth) say what to record, no times
    to record nothing (then `skip` must exceed `steps`); `bound` on |w|, `tolerance` on |product - 1| (0: never
    settle); `escape` and `settle` (orbits,) hold -1.
    """
    count, depth = weights.shape
    tiles, eta = np.empty((2, depth, ORBITS)), np.empty(ORBITS)
    for start in range(0, count, ORBITS):
        end = min(start + ORBITS, count)
        tiles[:], eta[:] = 1.0, 0.0
        for lane in range(end - start):
            eta[lane] = step_size[start + lane]
            for i in range(depth):
                tiles[0, i, lane] = weights[start + lane, i]
        _descend_block(
            steps,
            skip,
            every,
            bound,
            tolerance,
            tiles,
            eta,
            weights[start:end],
            escape[start:end],
            settle[start:end],
            out[start:end],
        )
