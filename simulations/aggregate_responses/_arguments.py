"""Checks of bags, interpolation weights and counts shared by the experiments of this row."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_vector

__all__ = ["ALMOST_ZERO", "check_bags", "check_interpolations", "check_listed_bags", "check_setting"]

Array = NDArray[np.float64]
ALMOST_ZERO = 1e-300  # stands for rho -> 0+: positive, and lost beside every eigenvalue that is not exactly 0


def check_bags(n: int, bag_size: float) -> tuple[int, int]:
    """Return the number of samples `n` >= 1 and of bags n / `bag_size`, which must be a whole number; bag_size >= 1.

    A mean bag size need not be whole: the bags then have the two sizes next to it.

    >>> check_bags(10, 2.5)
    (10, 4)
    >>> check_bags(10, 3)
    Traceback (most recent call last):
        ...
    ValueError: bag_size must divide n into a whole number of bags, got bag_size=3.0 and n=10
    """
    samples = check_integer("n", n, low=1)
    size = check_number("bag_size", bag_size, low=1.0)
    bags = round(samples / size)
    if bags < 1 or abs(bags * size - samples) > 1e-9 * samples:
        raise ValueError(f"bag_size must divide n into a whole number of bags, got bag_size={size!r} and n={samples}")
    return samples, bags


def check_listed_bags(values: ArrayLike, name: str = "bag_sizes", axis: str = "bags") -> NDArray[np.int64]:
    """Return `values`, a list of whole numbers >= 1, as an integer array.

    `name` is the argument's name and `axis` that of its axis in messages.

    >>> check_listed_bags((2, 3))
    array([2, 3])
    """
    counts = check_vector(name, values, axis=axis, low=1.0)
    if np.any(counts != np.floor(counts)):
        raise ValueError(f"{name} must be whole numbers, got {name}={reprlib.repr(counts.tolist())}")
    return counts.astype(np.int64)


def check_interpolations(interpolations: Iterable[float | str], *, limits: bool = False) -> Array:
    """Return the list of weights rho >= 0 of the within-bag spread as an array.

    With `limits`, `interpolations` may hold "0+" for the limit rho -> 0, which is not rho = 0 where bags are fewer
    than features and is returned as `ALMOST_ZERO`, and inf or "inf" for rho -> inf.

    >>> check_interpolations((0, 0.5, "0+", "inf"), limits=True).tolist()
    [0.0, 0.5, 1e-300, inf]
    >>> check_interpolations((0.5, -1.0))
    Traceback (most recent call last):
        ...
    ValueError: interpolations must be >= 0, got interpolations[1]=-1.0
    """
    if isinstance(interpolations, str) or not isinstance(interpolations, Iterable):
        raise ValueError(f"interpolations must be a list of numbers, got {reprlib.repr(interpolations)}")
    words = {"0+": ALMOST_ZERO, "inf": math.inf} if limits else {}
    listed = [words.get(x, x) if isinstance(x, str) else x for x in interpolations]
    return check_vector("interpolations", listed, axis="interpolations", low=0.0, allow_inf=limits)


def check_setting(
    replicates: int, n: int, d: int, bag_size: float, signal: float, noise_variance: float
) -> tuple[int, int, int, int, float, float]:
    """Return replicates, n, d, bags, signal and noise variance, checked.

    `replicates`, `n`, `d` >= 1 are whole; `bag_size` as in `check_bags`; `signal`, `noise_variance` >= 0.

    >>> check_setting(1, 6, 2, 3, 1.7, 0.3)
    (1, 6, 2, 2, 1.7, 0.3)
    """
    samples, bags = check_bags(n, bag_size)
    count, features = check_integer("replicates", replicates, low=1), check_integer("d", d, low=1)
    signal = check_number("signal", signal, low=0.0)
    return count, samples, features, bags, signal, check_number("noise_variance", noise_variance, low=0.0)
