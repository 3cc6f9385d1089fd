"""When a step of gradient descent cannot raise the GFS sharpness: sufficient conditions (Kreisler et al., 2023).

A step of gradient descent multiplies the difference of squares w_i^2 - w_j^2 by 1 - a^2/(u_i u_j), with
a = eta (pi - 1) pi and u_i = w_i^2. With u_(1) <= u_(2) <= ... the squares in order of size,

    a^2 <= 2 u_(1) u_(2)   and   a^2 <= u_(1) u_(3) (depth >= 3)   imply   phi(w') <= phi(w),
    phi(w) <= 2 sqrt(2)/eta   and   0 < pi <= P_D                   imply the two conditions above.

The first pair alone does not suffice from depth 3 on; at depth two it is necessary as well, unless |w_1| = |w_2|.
P_D solves (P - 1) P^e = 1 with e = 1 - 2/D, except e = 1/2 at D = 3. All ratios a^2/(u_i u_j) are evaluated as
products of the other weights, so zero weights are exact.

Symbols: see the head of the package. Exact statements, evaluated up to rounding at their boundaries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_integer, check_number
from theory.scalar_networks._cells import Array, flags, in_rows, product_of, read_step, read_weights, scaled_excess
from theory.scalar_networks._solver import balances_of, solve_level
from theory.scalar_networks.flow import minimum_reached, sharpness_at

__all__ = ["descent_condition", "maximal_product", "monotone_region"]

EDGE = 2.0 * np.sqrt(2.0)  # largest eta * phi of the theorem; no larger constant holds at any depth


def descent_condition(weights: ArrayLike, step_size: ArrayLike) -> bool | NDArray[np.bool_]:
    """Return whether the pair conditions hold, under which one step cannot raise the GFS sharpness (exact).

    a^2 <= 2 u_(1) u_(2) and, from depth 3 on, a^2 <= u_(1) u_(3). Sufficient at every depth and sign of the product;
    at depth two also necessary unless |w_1| = |w_2|, and the condition is |eta (pi - 1)| <= sqrt(2).

    weights: the weights, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.
    step_size: the step size eta, > 0, broadcast against the leading axes of `weights`.

    One network and step give a bool, several an array. False where no minimum is reached (see `reaches_minimum`).
    Raises `ValueError` outside the domain. Source: derived, claim sn.T1.

    >>> descent_condition([0.05, 1.2], [1.0, 1.6])  # eta * 0.94 against sqrt(2)
    array([ True, False])
    """
    rows, (step,), shape = in_rows(read_weights(weights), step_size=read_step(step_size))
    return flags(pairs_allow(rows, step) & minimum_reached(rows), shape)


def monotone_region(weights: ArrayLike, step_size: ArrayLike) -> bool | NDArray[np.bool_]:
    """Return whether phi(w) <= 2 sqrt(2)/eta and 0 < pi <= P_D: then phi(w') <= phi(w) after one step (exact).

    phi is `gfs_sharpness`, P_D is `maximal_product`. The constant 2 sqrt(2) cannot be raised at any depth.

    weights: the weights, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.
    step_size: the step size eta, > 0, broadcast against the leading axes of `weights`.

    One network and step give a bool, several an array; False at products <= 0. Raises `ValueError` outside the domain.
    Source: derived, after the paper's theorem; claim sn.T2.

    >>> monotone_region([2.0, 0.5], [0.66, 0.67])  # phi = 4.25, and 2 sqrt(2)/4.25 = 0.6655
    array([ True, False])
    """
    rows, (step,), shape = in_rows(read_weights(weights), step_size=read_step(step_size))
    product = product_of(rows)
    with np.errstate(over="ignore"):
        below = sharpness_at(solve_level(balances_of(rows)).squared) * step <= EDGE
    return flags(below & (product > 0.0) & (product <= maximal_product(rows.shape[-1])), shape)


def maximal_product(depth: float) -> float:
    """Return P_D, the largest product for which the theorem of `monotone_region` holds (exact).

    The root P > 1 of (P - 1) P^e = 1, e = 1 - 2/D, but e = 1/2 at D = 3. P_2 = 2, P_3 = P_4 = 1.7549, then falling.

    depth: the depth D, an integer >= 2; inf gives the limit (1 + sqrt(5))/2.

    Raises `ValueError` for depths below 2 and for fractions. Source: derived, claim sn.T2.

    >>> maximal_product(2)
    2.0
    >>> round(maximal_product(float("inf")), 12)  # the golden ratio
    1.61803398875
    """
    if check_number("depth", depth, low=2.0, allow_inf=True) == np.inf:
        exponent = 1.0
    else:
        layers = check_integer("depth", depth, low=2.0)
        exponent = 0.5 if layers == 3 else 1.0 - 2.0 / layers
    product = 2.0  # log(P - 1) + e log P is concave: from above, the first step lands below, the rest climb
    for _ in range(8):
        rise = np.log(product - 1.0) + exponent * np.log(product)
        product -= rise / (1.0 / (product - 1.0) + exponent / product)
    return float(product)


def pairs_allow(rows: Array, step: Array) -> NDArray[np.bool_]:
    """Return the flags of the two pair conditions for rows (cells, depth), saddles not excluded."""
    sizes = np.sort(np.abs(rows), axis=-1)
    first = np.abs(scaled_excess(rows, step, sizes[:, 2:])) <= np.sqrt(2.0)
    if rows.shape[-1] == 2:
        return first
    second = np.abs(scaled_excess(rows, step, np.delete(sizes, [0, 2], axis=-1))) <= 1.0
    return first & second
