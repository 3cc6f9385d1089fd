"""Reading the arguments of the mean-field functions, and giving results back in the shape that was asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range, check_vector

Array = NDArray[np.float64]
LARGEST_TIME = 1e5  # scaled_time * max |mean_losses|: one panel of the quadrature for each unit of it


def as_given(values: Array, shape: tuple[int, ...]) -> float | Array:
    """Return a float where there is one cell without axes, else the array in the given shape."""
    return values.reshape(shape) if shape else float(values.ravel()[0])


def read_losses(mean_losses: ArrayLike, gains: bool) -> Array:
    """Return the mean losses (minus the mean gains) as an array (arms,), arms >= 2."""
    losses = check_vector("mean_losses", mean_losses, axis="arms")
    if len(losses) < 2:
        raise ValueError("mean_losses must have shape (arms,) with arms >= 2, got shape (1,)")
    check_range("mean_losses", np.abs(losses), high=1e150)
    return -losses if read_flag("gains", gains) else losses


def read_flag(name: str, value: bool) -> bool:
    """Return `value` after checking that it is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {name}={value!r}")
    return bool(value)


def read_course(
    scaled_time: ArrayLike, mean_losses: ArrayLike, gains: bool
) -> tuple[Array, Array, float, tuple[int, ...]]:
    """Return times (cells,) and losses (arms,) in the unit of the largest |loss|, that unit, and the cells' shape.

    All losses times c is the same course at time c S; J, Q and the times are divided by c.
    """
    losses = read_losses(mean_losses, gains)
    times = check_range("scaled_time", scaled_time, low=0.0)
    unit = float(np.abs(losses).max()) or 1.0
    with np.errstate(over="ignore", under="ignore"):
        product = times * unit
    if np.any(product > LARGEST_TIME):
        raise ValueError(
            f"scaled_time * max |mean_losses| must be <= {LARGEST_TIME:g}, got scaled_time={float(times.max())!r} "
            f"and max |mean_losses|={unit!r}"
        )
    return product.ravel(), losses / unit, unit, times.shape
