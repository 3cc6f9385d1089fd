"""Random starting points of gradient descent that visit what a property of one step depends on.

Each sampler has the form sampler(rng, replicates, **setting) -> array (replicates, depth + 1): the weights, then the
step size. They take the extremes on purpose: squares over many orders of magnitude, clusters of nearly equal ones,
step sizes on the boundary of a condition. What follows from a point (one step, its flow limit) is left to the caller.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulations._checks import check_integer, check_number
from simulations.scalar_networks.flow import flow_to_product

__all__ = ["edge_starts", "pair_starts"]

Array = NDArray[np.float64]
_INSIDE = 1 - 1e-12  # a boundary step size stays inside its condition after rounding


def pair_starts(
    rng: np.random.Generator,
    replicates: int,
    *,
    depth: int,
    decades: float = 8.0,
    first: float = 2.0,
    third: float = 1.0,
) -> Array:
    """Return points and step sizes with a^2 <= `first` u_1 u_2 and a^2 <= `third` u_1 u_3, (replicates, depth + 1).

    u_1 <= u_2 <= ... are the squared weights, a = eta (pi - 1) pi. Half of the step sizes lie on the boundary of the
    conditions, the others inside it. Half of the points have squares log-uniform over `decades` > 0 orders of
    magnitude around 1, the others are clusters: squares equal up to a factor 1 + 10^(-3..0) around such a value.
    Signs are random. At depth 2 only the first condition applies.

    `rng` is the only source of randomness; `replicates` >= 1; `depth` >= 2; `first` > 0; `third` > 0, inf drops the
    condition. Source: the conditions of sn.T1.

    >>> *weights, step_size = pair_starts(np.random.default_rng(0), 1, depth=3)[0]
    >>> a, (one, two, three) = step_size * (np.prod(weights) - 1) * np.prod(weights), np.sort(np.square(weights))
    >>> bool(a**2 <= 2 * one * two), bool(a**2 <= one * three)
    (True, True)
    """
    count, depth = check_integer("replicates", replicates, low=1), check_integer("depth", depth, low=2)
    decades = check_number("decades", decades, low=0.0, open_low=True)
    first = check_number("first", first, low=0.0, open_low=True)
    third = check_number("third", third, low=0.0, open_low=True, allow_inf=True)
    squares = _squares(rng, count, depth, decades)
    weights = np.sqrt(squares) * rng.choice([-1.0, 1.0], squares.shape)
    least = np.sort(squares, axis=1)
    limit = first * least[:, 0] * least[:, 1]
    if depth > 2 and math.isfinite(third):
        limit = np.minimum(limit, third * least[:, 0] * least[:, 2])
    share = np.where(rng.random(count) < 0.5, _INSIDE, rng.random(count))
    product = np.prod(weights, axis=1)
    step_size = share * np.sqrt(limit) / np.abs((product - 1) * product)
    return np.column_stack([weights, step_size])


def edge_starts(
    rng: np.random.Generator,
    replicates: int,
    *,
    depth: int,
    products: tuple[float, float],
    edges: tuple[float, float],
    spread: float = 3.0,
) -> Array:
    """Return points and step sizes with given eta phi at the flow limit and given products, (replicates, depth + 1).

    A minimum is drawn first: log squares uniform with a width that is itself uniform on (0, `spread`], or a cluster,
    half of the time with the smallest one nearly doubled, scaled to product 1. Its sharpness phi is the sum of inverse
    squares. The point lies on the flow line through that minimum, at a product uniform on `products`, half of the time
    log-uniform; the step size is an edge uniform on `edges`, divided by phi, one time in four the upper edge. So the
    flow limit of the point is known by construction. All weights are positive.

    `rng` is the only source of randomness; `replicates` >= 1; `depth` >= 2; `products` and `edges` are pairs
    (lowest, highest) with 0 < lowest <= highest; `spread` > 0, in units of e-folds. Source: the conditions of sn.T2.

    >>> *weights, step_size = edge_starts(
    ...     np.random.default_rng(1), 1, depth=3, products=(0.5, 0.5), edges=(2.5, 2.5)
    ... )[0]
    >>> round(float(np.prod(weights)), 9), round(float(step_size * np.sum(flow_to_product(weights) ** -2.0)), 9)
    (0.5, 2.5)
    """
    count, depth = check_integer("replicates", replicates, low=1), check_integer("depth", depth, low=2)
    spread = check_number("spread", spread, low=0.0, open_low=True)
    lowest, highest = _pair("products", products)
    lower, upper = _pair("edges", edges)
    squares = _squares(rng, count, depth, 1.0)
    logs = np.log(squares) * rng.uniform(0, spread, (count, 1)) / math.log(10)
    logs.sort(axis=1)
    logs[:, 1] = np.where(rng.random(count) < 0.5, logs[:, 0] + 10.0 ** rng.uniform(-4, 0, count), logs[:, 1])
    minima = np.exp((logs - logs.mean(axis=1, keepdims=True)) / 2)
    minima[:, -1] = 1 / np.prod(minima[:, :-1], axis=1)
    edge = np.where(rng.random(count) < 0.25, upper * _INSIDE, rng.uniform(lower, upper, count))
    step_size = edge / np.sum(minima**-2.0, axis=1)
    uniform = rng.uniform(lowest, highest, count)
    product = np.where(
        rng.random(count) < 0.5, uniform, np.exp(rng.uniform(math.log(lowest), math.log(highest), count))
    )
    return np.column_stack([flow_to_product(minima, product), step_size])


def _squares(rng: np.random.Generator, count: int, depth: int, decades: float) -> Array:
    """Squares (count, depth): half log-uniform over `decades` around 1, half clusters around such a value."""
    wide = 10.0 ** (decades * (rng.random((count, depth)) - 0.5))
    near = wide[:, :1] * (1 + 10.0 ** rng.uniform(-3, 0, (count, 1)) * rng.random((count, depth)))
    return np.where(rng.random((count, 1)) < 0.5, wide, near)


def _pair(name: str, values: tuple[float, float]) -> tuple[float, float]:
    """The ends of an interval of positive numbers."""
    if np.size(values) != 2:
        raise ValueError(f"{name} must be a pair (lowest, highest), got {name}={values!r}")
    low, high = (check_number(f"{name}[{i}]", value, low=0.0, open_low=True) for i, value in enumerate(values))
    if low > high:
        raise ValueError(f"{name} must be a pair (lowest, highest), got {name}={values!r}")
    return low, high
