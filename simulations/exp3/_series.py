"""Arithmetic of functions of the learning rate by their value and first two derivatives at one point.

Every elementary operation carries its derivatives along, so the derivatives of whatever is computed follow from the
definition of it alone. The entries are floats, arrays of them, or numbers of any precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Series", "reciprocal", "through"]


@dataclass(frozen=True, slots=True)
class Series:
    """A function at one point: its `value` and its `first` and `second` derivative."""

    value: Any
    first: Any
    second: Any

    def __add__(self, other: Any) -> Series:
        if isinstance(other, Series):
            return Series(self.value + other.value, self.first + other.first, self.second + other.second)
        return Series(self.value + other, self.first, self.second)

    def each(self, function: Callable[[Any], Any]) -> Series:
        """The series of `function` of the entries, for a linear one such as indexing or summing."""
        return Series(function(self.value), function(self.first), function(self.second))

    def __neg__(self) -> Series:
        return Series(-self.value, -self.first, -self.second)

    def __sub__(self, other: Any) -> Series:
        return self + -other

    def __mul__(self, other: Any) -> Series:
        if isinstance(other, Series):
            mixed = self.first * other.first
            return Series(
                self.value * other.value,
                self.first * other.value + self.value * other.first,
                self.second * other.value + mixed + mixed + self.value * other.second,
            )
        return Series(self.value * other, self.first * other, self.second * other)


def through(series: Series, value: Any, slope: Any, bend: Any) -> Series:
    """A function of `series`, given its `value` and its own derivatives `slope` and `bend` at the value of `series`."""
    return Series(value, slope * series.first, slope * series.second + bend * series.first * series.first)


def reciprocal(series: Series) -> Series:
    """One over `series`."""
    inverse = 1 / series.value
    return through(series, inverse, -inverse * inverse, 2 * inverse * inverse * inverse)
