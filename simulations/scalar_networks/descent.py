"""Gradient descent on the scalar network L(w) = (w_1 w_2 ... w_D - 1)^2 / 2, for many orbits at once.

w_i <- w_i - eta (pi - 1) prod_{j != i} w_j, pi = prod w_j: the recursion itself, whose compiled form is in `_kernels`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_number
from simulations.scalar_networks._arguments import check_orbits, check_record, check_schedule, check_weights
from simulations.scalar_networks._kernels import descend

__all__ = ["BOUND", "Descent", "gradient_descent", "hessian", "loss", "sharpness"]

Array = NDArray[np.float64]
BOUND = 1e8  # an orbit with a larger weight is given up as unbounded
_RECORDS = ("weights", "product", "loss", "sharpness")


@dataclass(frozen=True)
class Descent:
    """Orbits of descent: where they ended, when they stopped, what was recorded on the way.

    `weights` (..., depth): the last points, always finite. `escape_time` (...): the first step at which a weight left
    the bound, -1 where none did; such an orbit stops at its last point within the bound. `settle_time` (...): the step
    at which the orbit was found settled, -1 if it was not. `times` (times,): the recorded steps, none if nothing was.
    `records`: name -> array (..., times), for weights (..., times, depth); after an orbit has stopped its last point is
    repeated.
    """

    weights: Array
    escape_time: NDArray[np.int64]
    settle_time: NDArray[np.int64]
    times: NDArray[np.int64]
    records: dict[str, Array]

    @property
    def escaped(self) -> NDArray[np.bool_]:
        """Whether the orbits left the bound, (...)."""
        return self.escape_time >= 0


def gradient_descent(
    weights: ArrayLike,
    step_size: ArrayLike,
    steps: int,
    *,
    record: tuple[str, ...] = (),
    every: int = 1,
    skip: int = 0,
    bound: float = BOUND,
    tolerance: float = 0.0,
) -> Descent:
    """Return orbits of gradient descent on (pi - 1)^2 / 2 as a `Descent`; exact up to rounding.

    Beyond about 30 steps of a chaotic orbit rounding has grown to its size: compare statistics then, not digits.

    `weights` (..., depth), depth >= 2, any signs; `step_size` > 0, broadcasts against the leading axes; `steps` >= 0.
    `record` names what to keep at the times `skip`, `skip` + `every`, ... up to `steps`: "weights", "product", "loss",
    "sharpness" (the top eigenvalue of the Hessian at the point). `bound` > 0: an orbit stops and is flagged before the
    step that would take a weight beyond it in magnitude. `tolerance` >= 0: an orbit stops once its product is that
    close to 1 and the minimum there attracts (eta sum 1/w_i^2 < 2), looked at every 16 steps; 0 never stops one.

    Raises `ValueError` outside these domains. The model of sn.T1 to sn.T11.

    From (2, 1) the residual is 1: w <- (2 - 1/4, 1 - 2/4):

    >>> gradient_descent([2.0, 1.0], 0.25, 1).weights.tolist()
    [1.75, 0.5]
    >>> gradient_descent([3.0, 4.0], 5.0, 100).escape_time
    array(3)
    """
    flat, rates, shape = check_orbits(weights, step_size)
    names = check_record(record, _RECORDS)
    steps, skip, every, times = check_schedule(steps, skip, every, recorded=bool(names))
    bound = check_number("bound", bound, low=0.0, open_low=True)
    tolerance = check_number("tolerance", tolerance, low=0.0)
    if np.max(np.abs(flat)) > bound:
        raise ValueError(f"weights must be at most bound={bound:g} in magnitude, got {np.max(np.abs(flat)):g}")
    depth = flat.shape[1]
    kept = np.empty((len(flat), len(times), depth))
    escape, settle = np.full(len(flat), -1, np.int64), np.full(len(flat), -1, np.int64)
    descend(flat, rates, steps, skip if names else steps + 1, every, bound, tolerance, escape, settle, kept)
    points = kept.reshape(*shape, -1, depth)
    return Descent(
        weights=flat.reshape(*shape, depth),
        escape_time=escape.reshape(shape),
        settle_time=settle.reshape(shape),
        times=times,
        records={name: _derived(name, points) for name in names},
    )


def _derived(name: str, points: Array) -> Array:
    """The recorded quantity `name` at `points` (..., depth)."""
    if name == "weights":
        return points
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if name == "sharpness":
            return _top(points)
        product = _product(points)
        return product if name == "product" else (product - 1) ** 2 / 2


def _product(points: Array) -> Array:
    """Products of the weights `points` (..., depth); no partial product overflows, so a zero weight gives zero."""
    mantissas, exponents = np.frexp(points)
    low = np.abs(mantissas) < math.sqrt(0.5)  # to [0.7, 1.41): their products stay moderate
    shift = np.sum(exponents - low, axis=-1)
    return np.asarray(np.ldexp(np.prod(np.where(low, 2 * mantissas, mantissas), axis=-1), shift))


def loss(weights: ArrayLike) -> Array | float:
    """Return the loss (pi - 1)^2 / 2 at `weights` (..., depth), shape (...), a float for one point.

    >>> loss([2.0, 1.5])
    2.0
    """
    value = _derived("loss", check_weights(weights))
    return value if value.ndim else float(value)


def hessian(weights: ArrayLike) -> Array:
    """Return the Hessian of the loss at `weights` (..., depth), shape (..., depth, depth).

    H_ii = p_i^2 and H_ij = (2 pi - 1) p_ij, p_i and p_ij being the products without i, and without i and j: no
    division, so zero weights are nothing special. Entries that overflow are not finite.

    >>> hessian([2.0, 0.0]).tolist()
    [[0.0, -1.0], [-1.0, 4.0]]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _hessian(check_weights(weights))


def sharpness(weights: ArrayLike) -> Array | float:
    """Return the largest eigenvalue of the Hessian at `weights` (..., depth), shape (...), a float for one point.

    At a minimum (product 1) it is sum 1/w_i^2; inf where the Hessian overflows.

    >>> round(sharpness([2.0, 0.5]), 12)
    4.25
    """
    value = _derived("sharpness", check_weights(weights))
    return value if value.ndim else float(value)


def _hessian(points: Array) -> Array:
    """Second derivatives at `points` (..., depth)."""
    depth = points.shape[-1]
    spread = np.repeat(points[..., None, :], depth, axis=-2)
    index = np.arange(depth)
    spread[..., index, index] = 1.0  # row i: the weights without i
    before = np.cumprod(spread, axis=-1)
    after = np.cumprod(spread[..., ::-1], axis=-1)[..., ::-1]
    pairs = np.ones_like(spread)
    pairs[..., 1:] = before[..., :-1]
    pairs[..., :-1] *= after[..., 1:]
    singles = before[..., -1]
    matrix = (2 * np.prod(points, axis=-1)[..., None, None] - 1) * pairs
    matrix[..., index, index] = singles**2
    return (matrix + np.swapaxes(matrix, -1, -2)) / 2


def _top(points: Array) -> Array:
    """Largest Hessian eigenvalue at `points` (..., depth); inf where the Hessian overflows."""
    matrix = _hessian(points)
    fine = np.all(np.isfinite(matrix), axis=(-1, -2))
    top = np.full(matrix.shape[:-2], np.inf)
    if np.any(fine):
        top[fine] = np.linalg.eigvalsh(matrix[fine])[..., -1]
    return top
