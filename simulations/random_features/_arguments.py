"""Checks of sizes and ridges shared by the experiments of this row."""

from __future__ import annotations

import math
import reprlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_range

__all__ = ["averages_noise", "check_counts", "check_ridges", "check_size"]


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
    try:
        number = math.inf if value == "inf" else float(check_range(name, value, allow_inf=True))
    except (TypeError, ValueError):
        number = math.nan
    if (allow_inf and number == math.inf) or (math.isfinite(number) and number >= 1 and number == math.floor(number)):
        return number if math.isinf(number) else int(number)
    domain = "an integer >= 1 or inf" if allow_inf else "an integer >= 1"
    raise ValueError(f"{name} must be {domain}, got {name}={reprlib.repr(value)}")


def check_counts(name: str, values: ArrayLike, *, allow_inf: bool = False) -> list[float]:
    """Return a non-empty list of sizes, each as in `check_size`; `name`, `allow_inf` likewise, `values` 1-D.

    >>> check_counts("feature_counts", (3, 5))
    [3, 5]
    """
    listed = np.asarray(values, dtype=object).tolist()  # as objects, "inf" does not turn its neighbours into text
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"{name} must be a non-empty list of sizes, got {name}={values!r}")
    return [check_size(f"{name}[{i}]", value, allow_inf=allow_inf) for i, value in enumerate(listed)]


def check_ridges(ridges: ArrayLike) -> NDArray[np.float64]:
    """Return `ridges`, the non-empty 1-D list of ridges >= 0, as a float64 array.

    >>> check_ridges((0.0, 0.5))
    array([0. , 0.5])
    """
    array = check_range("ridges", ridges, low=0.0)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"ridges must have shape (ridges,) with at least one ridge, got shape {array.shape}")
    return array


def averages_noise(noise: str) -> bool:
    """Return whether `noise` says "averaged" rather than "drawn".

    >>> averages_noise("averaged"), averages_noise("drawn")
    (True, False)
    """
    if noise not in ("drawn", "averaged"):
        raise ValueError(f"noise must be 'drawn' or 'averaged', got noise={noise!r}")
    return noise == "averaged"
