"""Argument checks at the public doors of `theory`: one message shape for every function.

The messages name the argument, its domain and the offending value (with its index in an array):
``ridge must be >= 0, got ridge[2]=-0.1``.
"""

from __future__ import annotations

import reprlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_integer", "check_matrix", "check_number", "check_range", "check_vector"]


def check_range(
    name: str,
    value: ArrayLike,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    open_low: bool = False,
    open_high: bool = False,
    allow_inf: bool = False,
) -> NDArray[np.float64]:
    """Return `value` as a float64 array after checking that every entry lies in the stated interval.

    `name` is the argument's name in messages; `low`, `high` the ends of its domain, excluded when
    `open_low`, `open_high`; `allow_inf` admits +inf. Raises `ValueError`; NaN, text, complex numbers and
    integers beyond float64 are always refused.

    >>> check_range("ridge", 0.5, low=0.0)
    array(0.5)
    >>> check_range("ridge", [1.0, -0.1], low=0.0)
    Traceback (most recent call last):
        ...
    ValueError: ridge must be >= 0, got ridge[1]=-0.1
    """
    array = _as_floats(name, value)
    bad = np.isnan(array) | (array <= low if open_low else array < low) | (array >= high if open_high else array > high)
    if not allow_inf:
        bad |= np.isinf(array)
    if np.any(bad):
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        index = f"[{', '.join(map(str, where))}]" if where else ""
        got = float(array[where])
        domain = _domain(low, high, open_low, open_high, finite=bool(np.isinf(got)) and not allow_inf)
        raise ValueError(f"{name} must be {domain}, got {name}{index}={got!r}")
    return array


def check_number(name: str, value: ArrayLike, **interval: float) -> float:
    """Return `value`, a single number, as a float; `name` and `interval` as in `check_range`.

    >>> check_number("alpha", [1.5, 2.0], low=1.0)
    Traceback (most recent call last):
        ...
    ValueError: alpha must be a single real number, got shape (2,)
    """
    array = _as_floats(name, value)
    if array.ndim:
        raise ValueError(f"{name} must be a single real number, got shape {array.shape}")
    return float(check_range(name, array, **interval))  # pyright: ignore[reportArgumentType]


def check_integer(name: str, value: ArrayLike, **interval: float) -> int:
    """Return `value`, a single whole number, as an int; `name` and `interval` as in `check_range`.

    >>> check_integer("steps", 3.0, low=1)
    3
    >>> check_integer("steps", 2.5, low=1)
    Traceback (most recent call last):
        ...
    ValueError: steps must be an integer, got steps=2.5
    """
    number = check_number(name, value, **interval)
    if not number.is_integer():
        raise ValueError(f"{name} must be an integer, got {name}={number!r}")
    return int(number)


def check_vector(name: str, value: ArrayLike, *, axis: str = "modes", **interval: float) -> NDArray[np.float64]:
    """Return `value` as a non-empty 1-D float64 array; `name` and `interval` as in `check_range`.

    `axis` is the name of its only axis in messages.

    >>> check_vector("eigenvalues", [[1.0]], low=0.0)
    Traceback (most recent call last):
        ...
    ValueError: eigenvalues must have shape (modes,) with modes >= 1, got shape (1, 1)
    """
    array = check_range(name, value, **interval)  # pyright: ignore[reportArgumentType]
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must have shape ({axis},) with {axis} >= 1, got shape {array.shape}")
    return array


def check_matrix(
    name: str, value: ArrayLike, *, axes: tuple[str, str] = ("rows", "columns"), **interval: float
) -> NDArray[np.float64]:
    """Return `value` as a non-empty 2-D float64 array; `name` and `interval` as in `check_range`.

    `axes` are the names of its axes in messages.

    >>> check_matrix("inputs", [1.0, 2.0], axes=("samples", "features"))
    Traceback (most recent call last):
        ...
    ValueError: inputs must have shape (samples, features) with both >= 1, got shape (2,)
    """
    array = check_range(name, value, **interval)  # pyright: ignore[reportArgumentType]
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must have shape ({axes[0]}, {axes[1]}) with both >= 1, got shape {array.shape}")
    return array


def _as_floats(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return `value` as a float64 array; refuse what numpy would convert but nobody means as a number."""
    try:
        given = np.asarray(value)
        texts = given.dtype == object and any(isinstance(item, str | bytes) for item in given.ravel())
        if given.dtype.kind in "biufO" and not texts:
            return np.asarray(given, dtype=np.float64)
        cause = None
    except (TypeError, ValueError, OverflowError) as error:
        cause = error
    raise ValueError(f"{name} must be a real number or an array of them, got {name}={reprlib.repr(value)}") from cause


def _domain(low: float, high: float, open_low: bool, open_high: bool, finite: bool) -> str:
    """Words for the interval: '>= 0', '> 0 and < 2', '>= 0 and finite'."""
    parts = []
    if low > -np.inf:
        parts.append(f"{'>' if open_low else '>='} {low:g}")
    if high < np.inf:
        parts.append(f"{'<' if open_high else '<='} {high:g}")
    if finite or not parts:
        parts.append("finite" if finite else "a number")
    return " and ".join(parts)
