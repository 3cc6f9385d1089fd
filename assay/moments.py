"""Count, mean and central sums of replicates: the only statistics that travel from a simulation to a verdict.

With x_1 … x_n the replicates of one output: mean = Σx/n, m2 = Σ(x − mean)², m3 = Σ(x − mean)³. Two groups combine
exactly (Chan, Golub and LeVeque 1979 for m2; Pébay 2008 for m3), so raw samples need not be kept. Everything is
elementwise over the outputs' shape and float64.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Moments", "combine", "merge"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Count and central sums of `count` replicates of an array of outputs.

    `count` >= 1 replicates; `mean`, `m2`, `m3` are float64 arrays of the outputs' shape (0-dimensional for a single
    number): the mean and the sums of squared and cubed deviations from it, in the outputs' unit to the powers 1, 2, 3.

    >>> m = Moments.of([1.0, 2.0, 6.0])
    >>> m.count, float(m.mean), float(m.m2), float(m.m3)
    (3, 3.0, 14.0, 18.0)
    """

    count: int
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]
    m3: NDArray[np.float64]

    @staticmethod
    def of(samples: ArrayLike) -> Moments:
        """Return the moments of `samples`, an array of shape (replicates, …), replicates >= 1; exact up to rounding.

        The mean is computed twice, the second time on the deviations, so a large common offset costs no digits and
        constant samples give m2 = m3 = 0 exactly. Raises `ValueError` when there are no replicates or when samples are
        not finite (saying how many), `OverflowError` when a cube of a deviation exceeds the float range. Source:
        derived.

        >>> float(Moments.of([5.0, 5.0]).m2)
        0.0
        """
        x = np.asarray(samples, dtype=np.float64)
        _check_samples(x)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = x.mean(axis=0)
            mean = mean + (x - mean).mean(axis=0)
            deviation = x - mean
            square = deviation * deviation
            m2, m3 = square.sum(axis=0), (square * deviation).sum(axis=0)
        return _checked(x.shape[0], mean, m2, m3)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the outputs."""
        return self.mean.shape

    @property
    def variance(self) -> NDArray[np.float64]:
        """Unbiased variance m2/(count − 1); inf for a single replicate, which says nothing about the spread."""
        return self.m2 / (self.count - 1) if self.count > 1 else np.full_like(self.m2, np.inf)

    @property
    def standard_deviation(self) -> NDArray[np.float64]:
        """Square root of `variance`."""
        return np.sqrt(self.variance)

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """Standard deviation of the mean, sqrt(variance/count)."""
        return np.sqrt(self.variance / self.count)

    @property
    def skewness(self) -> NDArray[np.float64]:
        """Sample skewness (m3/count)/(m2/count)^1.5, free of powers that overflow; 0 where the variance is 0."""
        spread = self.m2 > 0
        m2 = np.where(spread, self.m2, 1.0)
        return np.where(spread, (self.m3 / m2) / np.sqrt(m2 / self.count), 0.0)

    def linear(self, scale: ArrayLike, offset: ArrayLike = 0.0) -> Moments:
        """Return the moments of samples·scale + offset, exact up to rounding.

        `scale` and `offset` are finite and broadcast against the outputs' shape: with scale = 1/predicted and offset =
        −1 these are the moments of the relative errors. Raises `ValueError` when `scale` or `offset` is not finite,
        `OverflowError` beyond the float range. Source: derived.

        >>> m = Moments.of([1.0, 2.0, 6.0]).linear(-2.0, 1.0)
        >>> float(m.mean), float(m.m2), float(m.m3)
        (-5.0, 56.0, -144.0)
        """
        a, b = np.asarray(scale, dtype=np.float64), np.asarray(offset, dtype=np.float64)
        for name, value in (("scale", a), ("offset", b)):
            if not np.all(np.isfinite(value)):
                raise ValueError(f"{name} must be finite, got {name}={value!r}")
        with np.errstate(over="ignore", invalid="ignore"):
            mean = self.mean * a + b
            m2, m3 = self.m2 * a * a, self.m3 * a * a * a
        return _checked(self.count, mean, *(np.broadcast_to(m, mean.shape) for m in (m2, m3)))

    def select(self, index: Any) -> Moments:
        """Return the moments of the outputs picked by `index`, any numpy index into the outputs' shape.

        >>> float(Moments.of([[1.0, 5.0], [3.0, 9.0]]).select(1).mean)
        7.0
        """
        return Moments(self.count, *(np.asarray(m[index]) for m in (self.mean, self.m2, self.m3)))


def merge(a: Moments, b: Moments) -> Moments:
    """Return the moments of both groups of replicates together; exact up to rounding.

    `a` and `b` are moments of outputs of one shape. With d = mean_b − mean_a and n = n_a + n_b:
    mean = mean_a + d n_b/n, m2 = m2_a + m2_b + d² n_a n_b/n,
    m3 = m3_a + m3_b + d³ n_a n_b (n_a − n_b)/n² + 3 d (n_a m2_b − n_b m2_a)/n.
    Raises `ValueError` when the shapes differ, `OverflowError` beyond the float range.
    Source: Chan, Golub and LeVeque 1979; Pébay 2008.

    >>> whole = merge(Moments.of([1.0, 2.0]), Moments.of([6.0]))
    >>> whole.count, float(whole.mean), float(whole.m2), float(whole.m3)
    (3, 3.0, 14.0, 18.0)
    """
    if a.shape != b.shape:
        raise ValueError(f"moments to merge must have one shape, got {a.shape} and {b.shape}")
    n = a.count + b.count
    part_a, part_b = a.count / n, b.count / n
    with np.errstate(over="ignore", invalid="ignore"):
        d = b.mean - a.mean
        m2 = a.m2 + b.m2 + d * d * (a.count * part_b)
        bias = d * d * d * (a.count * part_b * (part_a - part_b))
        m3 = a.m3 + b.m3 + bias + 3.0 * d * (part_a * b.m2 - part_b * a.m2)
        return _checked(n, a.mean + d * part_b, m2, m3)


def combine(groups: Iterable[Moments]) -> Moments:
    """Return the moments of all `groups`, an iterable of one or more `Moments` of one shape, merged in their order.

    The order fixes the last bits: merging in block order makes a result independent of who finished first. Raises
    `ValueError` when there are no groups or their shapes differ. Source: derived.

    >>> combine([Moments.of([1.0]), Moments.of([2.0]), Moments.of([6.0])]).count
    3
    """
    parts = list(groups)
    if not parts:
        raise ValueError("groups must hold at least one Moments, got none")
    return functools.reduce(merge, parts)


def _check_samples(x: NDArray[np.float64]) -> None:
    if x.ndim == 0 or x.shape[0] == 0:
        raise ValueError(f"samples must have shape (replicates, ...) with replicates >= 1, got shape {x.shape}")
    bad = int(np.count_nonzero(~np.isfinite(x)))
    if bad:
        raise ValueError(f"samples must be finite, got {bad} of {x.size} that are not")


def _checked(count: int, mean: NDArray, m2: NDArray, m3: NDArray) -> Moments:
    arrays = [np.asarray(m, dtype=np.float64) for m in (mean, m2, m3)]
    if not all(np.all(np.isfinite(m)) for m in arrays):
        raise OverflowError("central sums exceed the float range: rescale the outputs before taking moments")
    return Moments(int(count), *arrays)
