"""Where gradient flow ends from given weights, and the sharpness there: the GFS sharpness of Kreisler et al. (2023).

Gradient flow dw_i/dt = -(pi - 1) prod_{j != i} w_j conserves every difference of squares. Let B_i = w_i^2 - min w^2
and z in (0, 1] the root of prod_i (z + B_i) = 1. The limit has squares t_i = z + B_i, and its loss has the Hessian
v v^T with v_i = 1/s_i, so that its largest eigenvalue is phi = sum_i 1/t_i.

Signs survive, except that a network with negative product turns the sign of its smallest weight, which passes through
0; one zero weight leaves 0 with the sign that makes the product positive. Two or more zero weights are a stationary
saddle, and from a negative product with two or more weights tied for the smallest size the flow runs into one (the tied
weights reach 0 together): no minimum is reached, and there is no GFS sharpness.

Symbols: see the head of the package. Exact; evaluated to about 1e-14 relative while phi < 1e290.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.scalar_networks._cells import Array, as_given, flags, product_parts, read_weights
from theory.scalar_networks._solver import balances_of, solve_level

__all__ = ["gfs_sharpness", "gradient_flow_solution", "reaches_minimum"]


def reaches_minimum(weights: ArrayLike) -> bool | NDArray[np.bool_]:
    """Return whether gradient flow from the weights ends at a minimum; else the GFS sharpness is undefined (exact).

    False at two or more zero weights, and at a negative product with an exact tie for the smallest |w|.

    weights: the weights, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.

    One network gives a bool, several an array over the leading axes. Raises `ValueError` outside the domain.
    Source: derived, claim sn.T1.

    >>> reaches_minimum([[1.0, -1.0], [1.0, -0.9], [0.0, 3.0], [0.0, 0.0]])
    array([False,  True,  True, False])
    """
    array = read_weights(weights)
    rows = array.reshape(-1, array.shape[-1])
    return flags(minimum_reached(rows), array.shape[:-1])


def gradient_flow_solution(weights: ArrayLike) -> Array:
    """Return s, the limit of gradient flow from the weights: product 1, same differences of squares (exact).

    |s_i| = sqrt(z + B_i) with B_i = w_i^2 - min w^2 and prod (z + B_i) = 1; signs as in the module head.

    weights: the weights, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.

    Returns an array of the shape of `weights`. NaN, in all weights of a network, where no minimum is reached (see
    `reaches_minimum`). Limit: the smallest weight is 0 where it underflows, below 1e-308. Raises `ValueError` outside
    the domain. Source: derived, claim sn.T1.

    >>> gradient_flow_solution([np.sqrt(1.5), 0.0])  # squares 2 and 1/2 differ by 1.5
    array([1.41421356, 0.70710678])
    """
    array = read_weights(weights)
    rows = array.reshape(-1, array.shape[-1])
    sizes = solve_level(balances_of(rows)).sizes()
    signs = np.where(np.signbit(rows), -1.0, 1.0)
    odd = np.signbit(signs.prod(axis=-1))
    lowest = np.argmin(np.abs(rows), axis=-1)
    signs[odd, lowest[odd]] *= -1.0
    solution = np.where(minimum_reached(rows)[:, None], signs * sizes, np.nan)
    return solution.reshape(array.shape)


def gfs_sharpness(weights: ArrayLike) -> float | Array:
    """Return phi, the sharpness of the minimum that gradient flow reaches from the weights (exact).

    phi = sum_i 1/(z + B_i) = sum_i 1/s_i^2 with s the `gradient_flow_solution`; phi >= depth, equal if all |w_i| are
    equal. It depends on the squares of the weights only.

    weights: the weights, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.

    One network gives a float, several an array over the leading axes. NaN where no minimum is reached (see
    `reaches_minimum`); inf where phi overflows. Raises `ValueError` outside the domain.
    Source: paper (definition), closed form derived, claim sn.T1.

    >>> gfs_sharpness([np.sqrt(1.5), 0.0])  # depth two: sqrt(b^2 + 4), b = 1.5
    2.5
    """
    array = read_weights(weights)
    rows = array.reshape(-1, array.shape[-1])
    sharpness = sharpness_at(solve_level(balances_of(rows)).squared)
    return as_given(np.where(minimum_reached(rows), sharpness, np.nan), array.shape[:-1])


def sharpness_at(squared: Array) -> Array:
    """Return sum_i 1/t_i for squared weights (cells, depth), inf where that overflows."""
    with np.errstate(divide="ignore", over="ignore"):
        return (1.0 / squared).sum(axis=-1)


def minimum_reached(rows: Array) -> NDArray[np.bool_]:
    """Return the flags of `reaches_minimum` for rows (cells, depth)."""
    sizes = np.abs(rows)
    lowest = sizes.min(axis=-1, keepdims=True)
    tied = (sizes == lowest).sum(axis=-1) > 1
    positive = product_parts(rows)[0] > 0.0
    return positive | ~tied
