"""Gradient flow on the scalar network, and the descent that would never leave its balances.

dw_i/dt = -(pi - 1) prod_{j != i} w_j keeps every balance w_i^2 - w_j^2. Two routes along it: `gradient_flow`
integrates the equation as it stands; `flow_to_product` solves for the point with given balances and product.
Quasi-static descent moves the product as a step of gradient descent does and keeps the balances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from simulations._checks import check_number, check_range
from simulations.scalar_networks._arguments import check_orbits, check_schedule, check_weights

__all__ = ["QuasiStatic", "flow_to_product", "gradient_flow", "quasi_static_descent"]

Array = NDArray[np.float64]


def gradient_flow(weights: ArrayLike, *, tolerance: float = 1e-12, longest: float = 1e6) -> Array:
    """Return the limits of gradient flow from `weights` (..., depth), by integrating its equation; same shape.

    Order 8(5,3), relative and absolute error 1e-13 a step: about 1e-11 in the limit, a millisecond to a second a
    point. Slow where the largest and the smallest time scale are far apart. Where the flow ends in a saddle (two
    zero weights, or a negative product with ties for the smallest weight) that saddle is returned.

    `weights` (..., depth), depth >= 2; the flow is followed until its speed is below `tolerance` > 0. Raises
    `ArithmeticError` if it is not after time `longest` > 0. The independent route to the flow's minimum of sn.T1.

    The balance 49/16 - 25/16 = 3/2 stays and the product becomes 1: the squares are 2 and 1/2.

    >>> gradient_flow([1.75, 1.25]).round(9).tolist()
    [1.414213562, 0.707106781]
    """
    points = check_weights(weights)
    tolerance = check_number("tolerance", tolerance, low=0.0, open_low=True)
    longest = check_number("longest", longest, low=0.0, open_low=True)
    with np.errstate(over="ignore", invalid="ignore"):  # where the speed overflows the integrator gives up
        ends = [_integrate(point, tolerance, longest) for point in points.reshape(-1, points.shape[-1])]
    return np.array(ends).reshape(points.shape)


def _velocity(_time: float, point: Array) -> Array:
    """Minus the gradient of the loss at `point` (depth,)."""
    before = np.concatenate([[1.0], np.cumprod(point[:-1])])
    after = np.concatenate([np.cumprod(point[:0:-1])[::-1], [1.0]])
    return (1.0 - before[-1] * point[-1]) * before * after


def _integrate(point: Array, tolerance: float, longest: float) -> Array:
    """The limit from one `point` (depth,)."""

    def slow(time: float, point: Array) -> float:
        return float(np.max(np.abs(_velocity(time, point)))) - tolerance

    slow.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    if slow(0.0, point) <= 0.0:
        return point.copy()
    path = solve_ivp(_velocity, (0.0, longest), point, method="DOP853", rtol=1e-13, atol=1e-14, events=slow)
    if path.status != 1:
        raise ArithmeticError(
            f"gradient flow from {point.tolist()} has speed {slow(0.0, path.y[:, -1]) + tolerance:.2g} after time "
            f"{path.t[-1]:g} ({path.message}); raise longest or tolerance"
        )
    return path.y[:, -1]


def flow_to_product(weights: ArrayLike, product: ArrayLike = 1.0) -> Array:
    """Return the point of the flow line through `weights` (positive product) whose product is `product`; exact.

    With z the smallest square and B_i >= 0 the excesses of the others over it, sum_i log(z + B_i) = 2 log `product`
    is solved for log z by Newton's method, which is global: the left side is convex with slope between 1 and depth.

    `weights` (..., depth), depth >= 2, with product > 0; signs are kept; `product` > 0 broadcasts against the leading
    axes. Raises `ValueError` for weights whose product is not positive, `ArithmeticError` where a square
    leaves float64. Source: the quasi-static map of sn.T3, sn.T9.

    The squares 49/16 and 25/16 differ by 3/2, as do 2 and 1/2, whose product is 1:

    >>> flow_to_product([1.75, 1.25]).round(9).tolist()
    [1.414213562, 0.707106781]
    """
    points = check_weights(weights)
    targets = check_range("product", product, low=0.0, open_low=True)
    signs = np.sign(points)
    if np.any(np.prod(signs, axis=-1) <= 0):
        raise ValueError(f"weights must have a positive product, got a point with sign {np.prod(signs, axis=-1).min()}")
    shape = np.broadcast_shapes(points.shape[:-1], targets.shape)
    excess = np.broadcast_to(_excess(points), (*shape, points.shape[-1])).reshape(-1, points.shape[-1])
    squares = _squares_at(np.ascontiguousarray(excess), np.broadcast_to(targets, shape).ravel())
    if not np.all(np.isfinite(squares) & (squares > 0)):
        raise ArithmeticError(
            "the smallest square on the flow line, or the largest, leaves float64; bring the weights closer to 1"
        )
    return np.broadcast_to(signs, (*shape, points.shape[-1])) * np.sqrt(squares).reshape(*shape, points.shape[-1])


@dataclass(frozen=True)
class QuasiStatic:
    """Orbits of quasi-static descent.

    `products` (..., times): the products at the steps `times` (times,); an orbit that stopped repeats its last one.
    `escape_time` (...): the step that would have taken the product to zero, below it or beyond 1e8, -1 if none did.
    """

    products: Array
    times: NDArray[np.int64]
    escape_time: NDArray[np.int64]


def quasi_static_descent(
    weights: ArrayLike, step_size: ArrayLike, steps: int, *, every: int = 1, skip: int = 0
) -> QuasiStatic:
    """Return the products of quasi-static descent: each step's product is gradient descent's, the balances stay.

    pi <- pi prod_i (1 - a / u_i) with a = eta (pi - 1) pi and u_i the squares that have the starting balances and
    product pi. Exact up to rounding, but chaotic orbits lose their digits.

    `weights` (..., depth) with positive product, at most 1e8, depth >= 2; `step_size` > 0 broadcasts against the
    leading axes; `steps` >= 0; products are kept at the times `skip`, `skip` + `every`, ... Raises `ValueError`
    outside these domains. Source: the quasi-static map of sn.T3, sn.T6 and sn.T9.

    From (2, 1): e = 1/4, pi (1 + e^2) - e (2^2 + 1^2) = 0.875:

    >>> quasi_static_descent([2.0, 1.0], 0.25, 1).products.round(12).tolist()
    [2.0, 0.875]
    """
    points, rates, shape = check_orbits(weights, step_size)
    steps, skip, every, times = check_schedule(steps, skip, every)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        first = np.prod(points, axis=-1)
    if not np.all((first > 0) & (first <= 1e8)):
        worst = first[~((first > 0) & (first <= 1e8))][0]
        raise ValueError(f"weights must have a positive product of at most 1e8, got product {worst:g}")
    products, escape = np.empty((len(points), len(times))), np.full(len(points), -1, np.int64)
    _quasi_static(_excess(points), first, rates, steps, skip, every, products, escape)
    return QuasiStatic(products.reshape(*shape, -1), times, escape.reshape(shape))


def _excess(points: Array) -> Array:
    """Squares of the weights minus the smallest one, without cancellation; `points` (..., depth)."""
    size = np.abs(points)
    least = size.min(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        return (size - least) * (size + least)


@njit(cache=True, error_model="numpy")
def _log_least(excess: Array, goal: float, start: float) -> float:
    """Solve sum_i log(z + B_i) = `goal` for log z by Newton's method from `start`; `excess` (depth,) holds B."""
    depth = len(excess)
    y = start
    for _ in range(200):
        z = math.exp(y)
        logs, factor, slope = 0.0, 1.0, 0.0
        for i in range(depth):
            ratio = 1.0 + excess[i] / z
            factor *= ratio
            slope += 1.0 / ratio
            if factor > 1e100:
                logs += math.log(factor)
                factor = 1.0
        change = (depth * y + logs + math.log(factor) - goal) / slope
        y -= change
        if abs(change) <= 1e-14 * max(1.0, abs(y)):
            break
    return y


@njit(cache=True, error_model="numpy")
def _squares_at(excess: Array, products: Array) -> Array:
    """Squares with the balances of `excess` (orbits, depth) and the product of the weights as in `products`."""
    squares = np.empty_like(excess)
    for k in range(len(excess)):
        goal = 2.0 * math.log(products[k])
        squares[k] = excess[k] + math.exp(_log_least(excess[k], goal, max(0.0, goal)))
    return squares


@njit(cache=True, error_model="numpy")
def _quasi_static(
    excess: Array,
    first: Array,
    rates: Array,
    steps: int,
    skip: int,
    every: int,
    products: Array,
    escape: NDArray[np.int64],
) -> None:
    """Fill `products` (orbits, times) and `escape` (orbits,) from balances, `first` products and step sizes."""
    for k in range(len(excess)):
        product, y = first[k], max(0.0, 2.0 * math.log(first[k]))
        for t in range(steps + 1):
            if t >= skip and (t - skip) % every == 0:
                products[k, (t - skip) // every] = product
            if t == steps or escape[k] >= 0:
                continue
            y = _log_least(excess[k], 2.0 * math.log(product), y)
            force, moved = rates[k] * (product - 1.0) * product, product
            for i in range(excess.shape[1]):
                moved *= 1.0 - force / (excess[k, i] + math.exp(y))
            if 0.0 < moved <= 1e8:
                product = moved
            else:
                escape[k] = t + 1
