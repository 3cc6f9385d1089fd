"""Cells (n, k, ridge, ...) in a row: broadcasting, checking and cutting into blocks, for the modules of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range, check_vector

Array = NDArray[np.float64]
SMALLEST, LARGEST = 1e-50, 1e50  # finite sizes
BLOCK = 2**13  # numbers per temporary array: several fit in the cache, and none is handed back to the system


def read_sizes(n: ArrayLike, k: ArrayLike) -> tuple[Array, Array]:
    """Return the sizes as arrays after checking 0 < n < inf, 0 < k <= inf, and that their products cannot overflow."""
    samples = read_samples(n)
    features = check_range("k", k, low=0.0, open_low=True, allow_inf=True)
    check_range("k", np.where(np.isinf(features), LARGEST, features), low=SMALLEST, high=LARGEST)
    return samples, features


def read_samples(n: ArrayLike) -> Array:
    """Return the numbers of samples as an array after checking 0 < n < inf and the range of sizes."""
    return check_range("n", check_range("n", n, low=0.0, open_low=True), low=SMALLEST, high=LARGEST)


def read_ridge(ridge: ArrayLike) -> Array:
    """Return the ridge as an array after checking 0 <= ridge <= inf."""
    return check_range("ridge", ridge, low=0.0, allow_inf=True)


def read_target(target_power: ArrayLike, modes: int) -> Array:
    """Return the target power as a vector of `modes` entries >= 0."""
    power = check_vector("target_power", target_power, low=0.0)
    if power.size != modes:
        raise ValueError(
            f"target_power must have one entry for each of the eigenvalues: "
            f"got {power.size} in target_power, {modes} in eigenvalues"
        )
    return power


def read_noise(noise_variance: ArrayLike) -> Array:
    """Return the noise variance as an array after checking 0 <= noise_variance < inf."""
    return check_range("noise_variance", noise_variance, low=0.0)


def in_a_row(*arrays: Array) -> tuple[tuple[Array, ...], tuple[int, ...]]:
    """Broadcast, and return the flattened arrays with the common shape; name the shapes if they do not fit."""
    try:
        together = np.broadcast_arrays(*arrays)
    except ValueError as error:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"arguments must broadcast to one shape, got shapes {shapes}") from error
    return tuple(array.ravel() for array in together), together[0].shape


def as_given(row: Array, shape: tuple[int, ...]) -> float | Array:
    """Return a float where every argument was a scalar, else the array in the common shape."""
    return row.reshape(shape) if shape else float(row[0])


def blocks(cells: NDArray[np.intp], modes: int) -> Iterator[NDArray[np.intp]]:
    """Cut `cells` into pieces whose cells x modes temporaries stay in the cache."""
    size = max(1, BLOCK // max(1, modes))
    for first in range(0, cells.size, size):
        yield cells[first : first + size]
