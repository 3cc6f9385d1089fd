"""Reading the arguments of the public functions, and giving results back in the shape that was asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_integer, check_range, check_vector

Array = NDArray[np.float64]
LARGEST = 1e150  # learning rates, losses, times and ratios whose products stay finite
MOST_ROUNDS = 1e300
LARGEST_TIME = 1e5  # scaled_time * max |mean_losses|: one panel of the quadrature for each unit of it


def as_given(values: Array, shape: tuple[int, ...]) -> float | Array:
    """Return a float where there is one cell without axes, else the array in the given shape."""
    return values.reshape(shape) if shape else float(values.ravel()[0])


def in_rows(**arguments: Array) -> tuple[list[Array], tuple[int, ...]]:
    """Return the arguments, broadcast against each other, as rows of cells, and their common shape."""
    try:
        shape = np.broadcast_shapes(*(value.shape for value in arguments.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {value.shape}" for name, value in arguments.items())
        raise ValueError(f"{', '.join(arguments)} must broadcast, got shapes {shapes}") from error
    return [np.broadcast_to(value, shape).ravel() for value in arguments.values()], shape


def read_rate(learning_rate: ArrayLike, name: str = "learning_rate") -> Array:
    """Return the learning rate as an array after checking 0 < learning_rate <= 1e150."""
    return check_range(name, learning_rate, low=0.0, high=LARGEST, open_low=True)


def read_loss(loss: ArrayLike) -> Array:
    """Return the loss as an array after checking 0 < loss <= 1e150."""
    return check_range("loss", loss, low=0.0, high=LARGEST, open_low=True)


def read_arms(n_arms: int) -> int:
    """Return the number of arms after checking that it is a whole number from 2 to 1e15."""
    return check_integer("n_arms", n_arms, low=2, high=1e15)


def read_rounds(rounds: ArrayLike) -> Array:
    """Return the rounds as floats after checking that they are whole numbers from 1 to 1e300."""
    array = check_range("rounds", rounds, low=1.0, high=MOST_ROUNDS)
    bad = np.argwhere(array != np.floor(array))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        index = f"[{', '.join(map(str, where))}]" if where else ""
        raise ValueError(f"rounds must be whole numbers, got rounds{index}={float(array[where])!r}")
    return array


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
