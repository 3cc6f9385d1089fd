"""Where gradient descent on a scalar network stays bounded, which minimum it finds, and how chaotic it is.

Maps of starting points, the probability of a bounded orbit, and Lyapunov exponents of equal weights at large steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_range
from simulations.scalar_networks.descent import BOUND, gradient_descent

__all__ = ["Basin", "basin", "bounded_orbits", "lyapunov_exponents"]

Array = NDArray[np.float64]
_AT_ONCE = 2**18  # orbits run together: some tens of megabytes at most
_DROPPED = 1000  # steps before exponents are averaged


@dataclass(frozen=True)
class Basin:
    """A map of starting points (w_1, w_2), w_1 along the columns.

    `first` (points,) and `second` (points,): the coordinates of columns and rows. `escape_time` (points, points): the
    step at which the orbit left the bound, -1 if it stayed. `settle_time` (points, points): the step, a multiple of
    16, at which it had settled in a minimum, -1 if it had not. `signs` (points, points): the signs of the last point,
    bit i set where weight i is negative; of a settled orbit they name the minimum.
    """

    first: Array
    second: Array
    escape_time: NDArray[np.int64]
    settle_time: NDArray[np.int64]
    signs: NDArray[np.int64]


def basin(
    step_size: float,
    *,
    rest: ArrayLike = (),
    points: int = 2000,
    half_width: float = 4.0,
    steps: int = 1000,
) -> Basin:
    """Return the fate of gradient descent from a square grid of starting points, as a `Basin`.

    The grid has `points` x `points` cells (`points` >= 1) over [-`half_width`, `half_width`]^2, started at their
    centres, so that with an even number none lies on an axis. `rest` holds the other starting weights of a slice
    at depth 2 + len(rest), none for depth 2; like `half_width` > 0 they are at most 1e8 in size. `step_size` > 0;
    `steps` >= 0, after which an orbit counts as bounded. An orbit has settled within 1e-12 of product 1 at an
    attracting minimum. A few seconds at 2000 x 2000. The map of sn.T6.

    At a small step a point goes to the minimum on its side of the line w_1 + w_2 = 0; one on it goes to the saddle 0:

    >>> basin(0.1, points=4, half_width=1.5).signs[0].tolist()
    [3, 3, 3, 2]
    """
    others = (
        np.atleast_1d(check_range("rest", check_range("rest", rest), low=-BOUND, high=BOUND))
        if np.size(rest)
        else np.empty(0)
    )
    if others.ndim != 1:
        raise ValueError(f"rest must have shape (depth - 2,), got shape {others.shape}")
    rate = check_number("step_size", step_size, low=0.0, open_low=True)
    points = check_integer("points", points, low=1)
    half_width = check_number("half_width", half_width, low=0.0, high=BOUND, open_low=True)
    axis = half_width * (2 * np.arange(points) + 1 - points) / points
    escape, settle, signs = (np.empty((points, points), np.int64) for _ in range(3))
    rows = max(1, _AT_ONCE // points)
    for start in range(0, points, rows):
        part = slice(start, min(start + rows, points))
        weights = np.empty((part.stop - start, points, 2 + others.size))
        weights[..., 0], weights[..., 1], weights[..., 2:] = axis, axis[part, None], others
        run = gradient_descent(weights, rate, steps, tolerance=1e-12)
        escape[part], settle[part] = run.escape_time, run.settle_time
        signs[part] = np.signbit(run.weights) @ (1 << np.arange(2 + others.size))
    return Basin(axis, axis.copy(), escape, settle, signs)


def bounded_orbits(
    rng: np.random.Generator, replicates: int, *, depth: int, step_size: float, half_width: float, steps: int = 2000
) -> Array:
    """Return 1 where gradient descent from a uniform point stayed bounded and 0 where not, (replicates, 1).

    The mean estimates the bounded share of the cube [-`half_width`, `half_width`]^depth; bounded means |w| <= 1e8 for
    `steps` >= 0 steps, which overestimates by the orbits that escape later.

    `rng` draws the points; `replicates` >= 1; `depth` >= 2; `step_size` > 0; 0 < `half_width` <= 1e8. Source: sn.T6.

    >>> bounded_orbits(np.random.default_rng(0), 3, depth=2, step_size=0.5, half_width=0.9).ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    count, depth = check_integer("replicates", replicates, low=1), check_integer("depth", depth, low=2)
    half_width = check_number("half_width", half_width, low=0.0, high=BOUND, open_low=True)
    points = rng.uniform(-half_width, half_width, (count, depth))
    run = gradient_descent(points, check_number("step_size", step_size), steps, tolerance=1e-12)
    return (~run.escaped).astype(np.float64)[:, None]


def lyapunov_exponents(rng: np.random.Generator, replicates: int, *, depth: int, step_size: float, steps: int) -> Array:
    """Return time averages along orbits of equal weights, w <- w - eta (w^D - 1) w^(D-1), shape (replicates, 3).

    Columns: the Lyapunov exponent, the mean of log |f'(w)|; the exponent transverse to equal weights, the mean of
    log |1 + a/w^2|, a = eta (w^D - 1) w^D; and the mean of log |1 - a/w^2|, the growth of w itself (0 for an orbit
    that neither grows nor dies). Averages are over `steps` >= 1 steps after 1000 that are dropped; their error falls
    like steps^(-1/2), and at the edge of boundedness faster.

    `rng` draws the starts, uniform on (0.2, 1); `replicates` >= 1 orbits; `depth` D >= 2; `step_size` eta > 0. Raises
    `ArithmeticError` if an orbit escapes: beyond the crisis, or at it by rounding (use eta = 2 - 1e-12 for 2).
    Source: sn.T7, sn.T8.

    Where w = 1 attracts, the exponents are log |1 - eta D|, 0 and 0:

    >>> lyapunov_exponents(np.random.default_rng(0), 1, depth=3, step_size=0.5, steps=10).round(9).tolist()
    [[-0.693147181, 0.0, 0.0]]
    """
    count, depth = check_integer("replicates", replicates, low=1), check_integer("depth", depth, low=2)
    steps = check_integer("steps", steps, low=1)
    rate = check_number("step_size", step_size, low=0.0, open_low=True)
    means = np.empty((count, 3))
    for k, start in enumerate(rng.uniform(0.2, 1.0, count)):
        if not _exponents(start, depth, rate, steps, means[k]):
            raise ArithmeticError(f"an orbit of equal weights escaped at depth={depth}, step_size={rate!r}; lower it")
    return means


@njit(cache=True, error_model="numpy")
def _exponents(weight: float, depth: int, eta: float, steps: int, means: Array) -> bool:
    """Fill `means` (3,) along the orbit of `weight`; return whether it stayed bounded."""
    for _ in range(_DROPPED):
        weight -= eta * (weight**depth - 1.0) * weight ** (depth - 1)
    means[:] = 0.0
    along = across = size = 1.0
    for t in range(steps):
        power = weight ** (depth - 2)
        product = power * weight * weight
        ratio = eta * (product - 1.0) * power
        along *= 1.0 - eta * ((2 * depth - 1) * product - (depth - 1)) * power
        across *= 1.0 + ratio
        size *= 1.0 - ratio
        weight -= ratio * weight
        if t % 8 == 7 or t == steps - 1:  # eight factors cannot overflow; one logarithm for all
            means[0] += math.log(abs(along))
            means[1] += math.log(abs(across))
            means[2] += math.log(abs(size))
            along = across = size = 1.0
            if not abs(weight) <= BOUND:
                return False
    means /= steps
    return True
