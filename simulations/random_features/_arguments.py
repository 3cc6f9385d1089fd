"""Checks of sizes and ridges shared by the experiments of this row."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_range, check_vector

__all__ = ["check_counts", "check_ridges", "check_size"]


def check_size(name: str, value: float | str, *, allow_inf: bool = False) -> float:
    """Return a count of samples, features or modes: an integer >= 1, or inf where `allow_inf`.

    `name` is the argument's name in messages; `value` may be the text "inf", so that a setting survives JSON.

    >>> check_size("k", "inf", allow_inf=True)
    inf
    >>> check_size("n", 2.5)
    Traceback (most recent call last):
        ...
    ValueError: n must be an integer >= 1, got n=2.5
    """
    number = float(value)
    whole = math.isinf(number) and number > 0 if math.isinf(number) else number == math.floor(number) and number >= 1
    if not whole or (math.isinf(number) and not allow_inf):
        raise ValueError(f"{name} must be an integer >= 1{' or inf' if allow_inf else ''}, got {name}={value}")
    return number if math.isinf(number) else int(number)


def check_counts(name: str, values: ArrayLike, *, allow_inf: bool = False) -> list[float]:
    """Return a non-empty list of sizes, each as in `check_size`; `name`, `allow_inf` likewise, `values` 1-D.

    >>> check_counts("feature_counts", (3, 5))
    [3, 5]
    """
    listed = np.asarray(values).tolist()
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"{name} must be a non-empty list of sizes, got {name}={values!r}")
    return [check_size(f"{name}[{i}]", value, allow_inf=allow_inf) for i, value in enumerate(listed)]


def check_ridges(ridges: ArrayLike) -> NDArray[np.float64]:
    """Return `ridges`, the non-empty 1-D list of ridges >= 0, as a float64 array.

    >>> check_ridges((0.0, 0.5))
    array([0. , 0.5])
    """
    return check_vector("ridges", check_range("ridges", ridges, low=0.0))
