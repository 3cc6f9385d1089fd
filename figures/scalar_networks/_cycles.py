"""The stable two-cycle of the quasi-static map, by its own equation g(g(p)) = p."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory.scalar_networks import quasi_static_map, two_cycle_half_width

__all__ = ["two_cycle"]

Array = NDArray[np.float64]
SCAN = 400


def two_cycle(minima: Array, step_size: float | Array) -> tuple[Array, Array]:
    """Return the lower and the upper product of the two-cycle born at the edge, for `minima` (cells, depth).

    The smallest x > 0 with g(g(1 + x)) = 1 + x: bracketed on a grid of the size of sqrt(delta/kappa), then bisected.
    `step_size` (cells,) or one. nan below the edge, eta phi <= 2.

    >>> lower, upper = two_cycle(np.array([[1.0, 1.0]]), 1.5)  # equal weights: products 1/3 and 4/3
    >>> lower.round(9).tolist(), upper.round(9).tolist()
    ([0.333333333], [1.333333333])
    """
    step = np.broadcast_to(np.asarray(step_size, dtype=float), minima.shape[:1])
    width = np.asarray(two_cycle_half_width(minima, step))
    grid = np.linspace(0.02, 1.6, SCAN)
    beyond = np.stack([_returned(minima, step, 1.0 + width * size) for size in grid]) <= 0.0
    first = np.argmax(beyond, axis=0)
    known = beyond.any(axis=0) & (first > 0)
    low, high = width * grid[np.maximum(first - 1, 0)], width * grid[first]
    for _ in range(60):
        middle = (low + high) / 2
        inside = _returned(minima, step, 1.0 + middle) > 0.0
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    upper = np.where(known, 1.0 + low, np.nan)
    lower = np.asarray(quasi_static_map(minima, np.where(known, upper, 1.0), step))
    return np.where(known, lower, np.nan), upper


def _returned(minima: Array, step: Array, product: Array) -> Array:
    """g(g(p)) - p."""
    once = np.maximum(np.asarray(quasi_static_map(minima, product, step)), 0.0)
    return np.asarray(quasi_static_map(minima, once, step)) - product
