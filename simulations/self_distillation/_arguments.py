"""Checks of sizes, ridges, schedules and matrices shared by the experiments of this row."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_matrix, check_range, check_vector

__all__ = ["check_alphas", "check_problem", "check_ridges", "check_size", "check_targets", "frozen"]

Array = NDArray[np.float64]


def check_size(name: str, value: float, low: int = 1) -> int:
    """Return a count, an integer >= `low`; `name` is the argument's name in messages, `value` what was given.

    >>> check_size("samples", 0)
    Traceback (most recent call last):
        ...
    ValueError: samples must be >= 1, got samples=0.0
    """
    return check_integer(name, value, low=low)


def check_ridges(ridges: ArrayLike) -> Array:
    """Return `ridges`, the non-empty 1-D list of ridges > 0, as a float64 array.

    >>> check_ridges((0.5, 2.0))
    array([0.5, 2. ])
    """
    return check_vector("ridges", ridges, axis="ridges", low=0.0, open_low=True)


def check_alphas(alphas: ArrayLike, *, several: bool = False) -> Array:
    """Return a schedule (alpha_2, ..., alpha_t) of finite numbers as a 1-D array, empty for plain ridge.

    `alphas` is the schedule; with `several` it may also be a matrix with one schedule a row, and a matrix is returned.

    >>> check_alphas((), several=True).shape, check_alphas(((0.2,), (0.5,)), several=True).shape
    ((1, 0), (2, 1))
    """
    array = check_range("alphas", alphas)
    if array.ndim not in ((1, 2) if several else (1,)) or array.shape[0] == 0 < array.ndim - 1:
        shapes = "(steps - 1,) or (schedules, steps - 1)" if several else "(steps - 1,)"
        raise ValueError(f"alphas must have shape {shapes}, got shape {array.shape}")
    return np.atleast_2d(array) if several else array


def check_targets(targets: ArrayLike, count: int) -> Array:
    """Return `targets` as an array (count,) or (count, outputs), `count` the number of training points.

    >>> check_targets([1.0, 2.0], 3)
    Traceback (most recent call last):
        ...
    ValueError: targets must have shape (3,) or (3, outputs), got shape (2,)
    """
    array = check_range("targets", targets)
    if array.ndim not in (1, 2) or array.shape[0] != count or array.size == 0:
        raise ValueError(f"targets must have shape ({count},) or ({count}, outputs), got shape {array.shape}")
    return array


def check_problem(
    gram: ArrayLike, targets: ArrayLike, cross_gram: ArrayLike | None = None
) -> tuple[Array, Array, Array]:
    """Return `gram` (n, n) symmetric, `targets` (n,) or (n, outputs), `cross_gram` (points, n), by default the kernel.

    >>> check_problem([[1.0, 2.0]], [1.0])
    Traceback (most recent call last):
        ...
    ValueError: gram must be a square matrix, got shape (1, 2)
    """
    gram = check_matrix("gram", gram)
    if gram.shape[0] != gram.shape[1]:
        raise ValueError(f"gram must be a square matrix, got shape {gram.shape}")
    # products of one matrix with itself are symmetric up to rounding in sums of at most a few thousand terms
    if not np.allclose(gram, gram.T, rtol=1e-10, atol=1e-12 * np.abs(gram).max()):
        raise ValueError("gram must be a symmetric matrix")
    rows = gram if cross_gram is None else check_matrix("cross_gram", cross_gram)
    if rows.shape[1] != len(gram):
        raise ValueError(f"cross_gram and gram must have as many columns, got shapes {rows.shape} and {gram.shape}")
    return gram, check_targets(targets, len(gram)), rows


def frozen(array: ArrayLike) -> Array:
    """Return a contiguous read-only copy of `array`, safe to share between callers."""
    copy = np.array(array, dtype=np.float64)
    copy.setflags(write=False)
    return copy
