"""Checks of weights, step sizes and recorded quantities shared by the experiments of this row."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_range

__all__ = ["check_orbits", "check_record", "check_schedule", "check_weights"]

Array = NDArray[np.float64]
_MOST = 1e15  # steps; still exact as floats


def check_weights(weights: ArrayLike, name: str = "weights") -> Array:
    """Return `weights` as a finite float64 array of shape (..., depth) with depth >= 2; `name` for messages.

    >>> check_weights([1.5, 2.0])
    array([1.5, 2. ])
    """
    array = check_range(name, weights)
    if array.ndim == 0 or array.shape[-1] < 2 or array.size == 0:
        raise ValueError(f"{name} must have shape (..., depth) with depth >= 2, got shape {array.shape}")
    return array


def check_orbits(weights: ArrayLike, step_size: ArrayLike) -> tuple[Array, Array, tuple[int, ...]]:
    """Return fresh arrays: `weights` (orbits, depth) and `step_size` (orbits,), broadcast, and the shape of orbits.

    >>> check_orbits([[1.5, 2.0], [1.0, 3.0]], 0.25)[1:]
    (array([0.25, 0.25]), (2,))
    """
    points = check_weights(weights)
    rates = check_range("step_size", step_size, low=0.0, open_low=True)
    if rates.size == 0:
        raise ValueError(f"step_size must not be empty, got shape {rates.shape}")
    try:
        shape = np.broadcast_shapes(points.shape[:-1], rates.shape)
    except ValueError:
        raise ValueError(
            f"weights and step_size must broadcast, got orbits {points.shape[:-1]} and step sizes {rates.shape}"
        ) from None
    depth = points.shape[-1]
    flat = np.array(np.broadcast_to(points, (*shape, depth)), order="C").reshape(-1, depth)
    return flat, np.array(np.broadcast_to(rates, shape), order="C").reshape(-1), shape


def check_schedule(
    steps: int, skip: int, every: int, *, recorded: bool = True
) -> tuple[int, int, int, NDArray[np.int64]]:
    """Return `steps` >= 0, 0 <= `skip` <= steps and `every` >= 1 as integers, and the times skip, skip + every, ...

    All are at most 1e15; there are no times where nothing is `recorded`.

    >>> check_schedule(7, 1, 3)[3].tolist()
    [1, 4, 7]
    """
    steps = _count("steps", steps, 0)
    skip = _count("skip", skip, 0)
    every = _count("every", every, 1)
    if skip > steps:
        raise ValueError(f"skip must be <= steps, got skip={skip} and steps={steps}")
    times = np.arange(skip, steps + 1, every, dtype=np.int64) if recorded else np.empty(0, np.int64)
    return steps, skip, every, times


def _count(name: str, value: int, least: int) -> int:
    """A whole number from `least` to 1e15."""
    return check_integer(name, check_integer(name, value, low=least), high=_MOST)


def check_record(record: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return `record`, a tuple of names out of `known`, each at most once.

    >>> check_record(("loss",), ("loss", "product"))
    ('loss',)
    """
    names = tuple(record) if isinstance(record, tuple | list) else (record,)
    if any(name not in known for name in names) or len(set(names)) < len(names):
        raise ValueError(f"record must be distinct names out of {', '.join(known)}, got record={names!r}")
    return names
