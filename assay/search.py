"""Bounds are judged by trying to break them: random restarts, then local ascent from the worst points found.

The domain maps every argument to a `Range`; the search works in the unit cube so that linear, logarithmic
and integer arguments are treated alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Range", "SearchResult", "maximize"]


@dataclass(frozen=True)
class Range:
    """One argument's interval: `low` <= value <= `high`, sampled linearly or in the logarithm, possibly integer.

    >>> Range(1, 1000, log=True, integer=True).at(0.5)
    32
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.high or (self.log and self.low <= 0):
            raise ValueError(f"a Range needs low <= high, and low > 0 where log: got low={self.low}, high={self.high}")

    def at(self, fraction: float) -> float | int:
        """The value at `fraction` in [0, 1] of the way from low to high."""
        fraction = float(fraction)  # numpy scalars would leak into settings and records
        if self.log:
            value = math.exp(math.log(self.low) + fraction * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + fraction * (self.high - self.low)
        value = min(max(value, self.low), self.high)
        return round(value) if self.integer else value


@dataclass(frozen=True)
class SearchResult:
    """The worst case met: its score and point, and how many admissible points out of all were scored."""

    score: float
    point: dict[str, Any]
    admissible: int
    evaluations: int


def maximize(
    score: Callable[[dict[str, Any]], float | None],
    domain: Mapping[str, Range],
    rng: np.random.Generator,
    restarts: int,
    ascents: int = 4,
    steps: int = 60,
    stop_above: float = math.inf,
) -> SearchResult:
    """Maximise `score` over `domain` by `restarts` random points and a local ascent from each of the best ones.

    `score(point)` returns a number, or None where the point violates the hypotheses (not admissible);
    `domain` maps argument names to `Range`; `rng` is the generator; `ascents` is how many of the best points are
    improved, by `steps` trials of an evolution strategy whose step adapts to its success; the search ends early
    once a score exceeds `stop_above`. Raises `ArithmeticError` if a score is NaN.

    >>> peak = maximize(lambda x: -(x["a"] - 0.3) ** 2, {"a": Range(0, 1)}, np.random.default_rng(0), 20)
    >>> abs(peak.point["a"] - 0.3) < 0.01
    True
    """
    names = list(domain)
    tried: list[tuple[float, NDArray[np.float64]]] = []
    count = 0

    def evaluate(unit: NDArray[np.float64]) -> float:
        nonlocal count
        count += 1
        point = {name: domain[name].at(u) for name, u in zip(names, unit, strict=True)}
        value = score(point)
        if value is None:
            return -math.inf
        if math.isnan(value):
            raise ArithmeticError(f"the score is NaN at {point}")
        tried.append((value, unit))
        return value

    for _ in range(restarts):
        if evaluate(rng.random(len(names))) > stop_above:
            break
    for value, start in sorted(tried, key=lambda pair: -pair[0])[:ascents]:
        if max(pair[0] for pair in tried) > stop_above:
            break
        _ascend(evaluate, start, value, rng, steps, stop_above)
    if not tried:
        return SearchResult(-math.inf, {}, 0, count)
    best, unit = max(tried, key=lambda pair: pair[0])
    point = {name: domain[name].at(u) for name, u in zip(names, unit, strict=True)}
    return SearchResult(best, point, len(tried), count)


def _ascend(
    evaluate: Callable[[NDArray[np.float64]], float],
    point: NDArray[np.float64],
    value: float,
    rng: np.random.Generator,
    steps: int,
    stop_above: float,
) -> None:
    """A (1+1) evolution strategy in the unit cube; the step grows on success and shrinks on failure (1/5 rule)."""
    width = 0.1
    for _ in range(steps):
        if value > stop_above:
            return
        candidate = np.clip(point + width * rng.standard_normal(point.size), 0.0, 1.0)
        trial = evaluate(candidate)
        if trial > value:
            point, value, width = candidate, trial, min(width * 1.5, 0.5)
        else:
            width = max(width * 0.9, 1e-6)
