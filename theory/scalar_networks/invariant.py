"""The set of weights that gradient descent does not leave and in which the GFS sharpness falls (Kreisler et al., 2023).

S(B), B in (1, 2], holds the weights with phi <= 2 sqrt(2)/eta and 0 < pi <= B for which the quasi-static map g (see
`quasi_static_map`) sends (0, B] into itself, without the smallest weight turning its sign:

    eta (p - 1) p <= u_min(p)   and   g(p) <= B   for all p in (0, B].

The left side of the first over its right side grows with p on (1, 2], so p = B decides. It makes all factors
1 - eta (p - 1) p/u_i of g lie in [0, 1] for p >= 1, so that g(p) <= p <= B there: the second needs the largest value
of g over (0, 1], which is found on a grid in log u_min (features have width 1 there), refined fivefold, with the
limit p -> 0.

Symbols: see the head of the package. Reconstructed from an outline of the paper's definition.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.scalar_networks._cells import Array, flags, in_rows, product_of, read_step, read_weights
from theory.scalar_networks._solver import balances_of, solve_level
from theory.scalar_networks.flow import sharpness_at
from theory.scalar_networks.monotone import EDGE

__all__ = ["invariant_set"]

DEEPEST = 40.0  # u_min is followed down to e^-40 of its value at product 1; the limit 0 is added
GRID = 256
BLOCK = 2**21  # numbers per temporary array


def invariant_set(weights: ArrayLike, step_size: ArrayLike, bound: ArrayLike) -> bool | NDArray[np.bool_]:
    """Return whether the weights lie in S(bound): sharpness and product stay in their bounds for ever (exact).

    Checked over samples, not proved: gradient descent does not leave S(bound), and phi never rises in it. The set
    for one bound is invariant; the smallest bound that fits the current weights may grow along the way.

    weights: the weights, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.
    step_size: the step size eta, > 0, broadcast against the leading axes of `weights`.
    bound: the bound B of the product, in (1, 2], broadcast likewise.

    One network gives a bool, several an array; False at products <= 0. The largest value of g has a relative error of
    1e-10. Raises `ValueError` outside the domain. Source: paper, reconstructed from an outline; claim sn.T3.

    >>> invariant_set([2.0, 0.5], 0.4, [1.4, 1.6])  # b = 3.75: g is largest at p -> 0, eta b = 1.5
    array([False,  True])
    """
    rows, (step, most), shape = in_rows(
        read_weights(weights),
        step_size=read_step(step_size),
        bound=check_range("bound", bound, low=1.0, high=2.0, open_low=True),
    )
    product, balances = product_of(rows), balances_of(rows)
    lowest = solve_level(balances).squared
    with np.errstate(over="ignore"):
        inside = (product > 0.0) & (product <= most) & (sharpness_at(lowest) * step <= EDGE)
    at_bound = solve_level(balances, most).squared.min(axis=-1)
    inside &= step * (most - 1.0) * most <= at_bound
    if inside.any():
        start = lowest[inside].min(axis=-1)
        inside[inside] = _largest_product(balances[inside], start, step[inside]) <= most[inside]
    return flags(inside, shape)


def _largest_product(balances: Array, start: Array, step: Array) -> Array:
    """Return the supremum of g over products in (0, 1]; `start` is u_min at product 1, the arguments rows of cells."""
    size = max(1, BLOCK // (GRID * balances.shape[-1]))
    pieces = [slice(first, first + size) for first in range(0, len(start), size)]
    return np.concatenate([_largest_in_block(balances[piece], start[piece], step[piece]) for piece in pieces])


def _largest_in_block(balances: Array, start: Array, step: Array) -> Array:
    others = np.sort(balances, axis=-1)[:, 1:]
    limit = np.log(step) + np.log(np.where(others > 0.0, others, 1.0)).sum(axis=-1)
    limit = np.where((others > 0.0).all(axis=-1), limit, -np.inf)
    points = np.broadcast_to(np.linspace(-DEEPEST, 0.0, GRID), (len(start), GRID))
    best, reach = limit, DEEPEST / GRID
    for _ in range(5):
        values = _log_map(points, balances, start, step)
        best = np.maximum(best, values.max(axis=-1))
        centre = np.take_along_axis(points, values.argmax(axis=-1)[:, None], axis=-1)
        points = np.minimum(centre + reach * np.linspace(-1.0, 1.0, 33), 0.0)
        reach /= 16.0
    return np.exp(best)


def _log_map(points: Array, balances: Array, start: Array, step: Array) -> Array:
    """Return log g at u_min = start * exp(points), shape (cells, points); the product is at most 1 there."""
    squared = (start[:, None] * np.exp(points))[..., None] + balances[:, None, :]
    logs = np.log(squared)
    product = np.minimum(0.5 * logs.sum(axis=-1), 0.0)
    push = step[:, None] * -np.expm1(product)
    with np.errstate(under="ignore"):
        factors = np.log1p(push[..., None] * np.exp(product[..., None] - logs)).sum(axis=-1)
    return product + factors
