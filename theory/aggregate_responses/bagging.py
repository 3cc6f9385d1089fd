"""Which samples to put into one bag: one-dimensional clustering with a smallest size, and the bias that it bounds.

At a fixed design with full column rank the instance-level estimate misses theta_0 by  -X^+ (I - S'S) X theta_0  in the
mean, (I - S'S) the within-bag part of a vector of labels. Hence

    squared bias <= spread/lambda_min(X'X),    spread = sum over bags of the squares of E y_i about the bag's mean,

and bags of similar expected labels make it small. For bags of one size the smallest spread has consecutive blocks of
the sorted values; for a smallest size k it has blocks of k to 2 k - 1 of them (larger ones may be split), which a
recursion over the last block finds in O(n k). All results are exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_integer, check_matrix, check_number, check_vector

__all__ = ["Bagging", "bag_spread", "consecutive_bags", "instance_bias_bound", "smallest_spread_bags"]

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


class Bagging(NamedTuple):
    """`bags`: the bag 0, 1, ... of every value, shape (n,), in the order of the values; `spread`: `bag_spread`."""

    bags: Labels
    spread: float


def bag_spread(values: ArrayLike, bags: ArrayLike) -> float:
    """Return the within-bag spread: the sum over bags of squared differences from the bag's mean, exact.

    values: numbers to be bagged (expected labels), shape (n,), finite.
    bags: the bag of each value, whole numbers >= 0, shape (n,).

    Limit: 0 for bags of one or of equal values. Raises `ValueError` outside the domains. Source: derived, claim ar.X5.

    >>> bag_spread([1.0, 3.0, 7.0, 7.0], [0, 0, 1, 1])
    2.0
    """
    numbers, labels = check_vector("values", values, axis="n"), check_vector("bags", bags, axis="n", low=0.0)
    if labels.size != numbers.size:
        raise ValueError(f"bags must have one entry for each of values: got {labels.size} and {numbers.size}")
    if np.any(labels != np.rint(labels)):
        raise ValueError(f"bags must be whole numbers, got bags={float(labels[labels != np.rint(labels)][0])!r}")
    _, index = np.unique(labels, return_inverse=True)
    counts = np.bincount(index)
    centred = numbers - (np.bincount(index, weights=numbers) / counts)[index]
    centred -= (np.bincount(index, weights=centred) / counts)[index]  # what rounding left of the mean
    return float(centred @ centred)


def consecutive_bags(values: ArrayLike, size: int) -> Bagging:
    """Return the bags of equal size with the smallest spread: consecutive blocks of the sorted values. Exact.

    values: numbers to be bagged, shape (n,), finite.
    size: bag size k, a whole number >= 1 that divides n.

    Limits: size 1 and size n give every value its own bag and one bag for all. Raises `ValueError` outside the domains.
    Source: Javanmard, Fahrbach and Mirrokni (PriorBoost, 2024), as known second-hand; claim ar.X5.

    >>> consecutive_bags([5.0, 1.0, 2.0, 8.0], 2)
    Bagging(bags=array([1, 0, 0, 1]), spread=5.0)
    """
    numbers = check_vector("values", values, axis="n")
    block = check_integer("size", size, low=1)
    if numbers.size % block:
        raise ValueError(f"size must divide the number of values, got size={block} with {numbers.size} values")
    return _as_bagging(numbers, np.arange(0, numbers.size, block))


def smallest_spread_bags(values: ArrayLike, smallest: int) -> Bagging:
    """Return the bags of at least `smallest` values with the least spread, the exact optimum in O(n k) steps.

    Over last blocks of k..2k - 1 sorted values: best(e) = min over sizes j of best(e - j) + spread of the block.

    values: numbers to be bagged, shape (n,), finite.
    smallest: least number k of values in a bag, a whole number, 1 <= k <= n.

    Limits: k = 1 gives every value its own bag, k > n/2 one bag. Raises `ValueError` outside the domains.
    Source: derived, claim ar.X5.

    >>> smallest_spread_bags([0.0, 9.0, 1.0, 8.0, 2.0], 2)
    Bagging(bags=array([0, 1, 0, 1, 0]), spread=2.5)
    """
    numbers = check_vector("values", values, axis="n")
    count, least = numbers.size, check_integer("smallest", smallest, low=1)
    if least > count:
        raise ValueError(f"smallest must be <= the number of values, got smallest={least} with {count} values")
    costs = _block_spreads(np.sort(numbers), min(2 * least - 1, count))
    best, last = np.full(count + 1, np.inf), np.zeros(count + 1, dtype=np.int64)
    best[0] = 0.0
    for end in range(least, count + 1):
        sizes = np.arange(least, min(2 * least - 1, end) + 1)
        totals = best[end - sizes] + costs[sizes, end - sizes]
        choice = int(totals.argmin())
        best[end], last[end] = totals[choice], sizes[choice]
    starts, end = [], count
    while end > 0:
        end -= int(last[end])
        starts.append(end)
    return _as_bagging(numbers, np.array(starts[::-1]))


def instance_bias_bound(features: ArrayLike, spread: float) -> float:
    """Return spread/lambda_min(X'X), which the squared bias of the instance-level estimate does not exceed.

    For features held fixed and bags chosen from the expected labels; an upper bound, exact up to rounding.

    features: design X, shape (n, d), finite.
    spread: within-bag spread of the expected labels, >= 0, from `bag_spread`; a single number.

    Limit: inf where the columns are dependent, n < d included. Raises `ValueError` outside the domains.
    Source: derived, claim ar.X5.

    >>> round(instance_bias_bound([[2.0, 0.0], [0.0, 3.0], [0.0, 0.0]], 0.5), 12)
    0.125
    """
    design = check_matrix("features", features)
    within = check_number("spread", spread, low=0.0)
    singular = np.linalg.svd(design, compute_uv=False)
    noise = singular[0] * max(design.shape) * np.finfo(float).eps
    if design.shape[0] < design.shape[1] or singular[-1] <= noise:
        return np.inf
    return float(within / singular[-1] ** 2)


def _as_bagging(values: Array, starts: NDArray[np.int64]) -> Bagging:
    """Return the bags of blocks of sorted values that begin at `starts`."""
    marks = np.zeros(values.size, dtype=np.int64)
    marks[starts[1:]] = 1
    bags = np.empty(values.size, dtype=np.int64)
    bags[np.argsort(values, kind="stable")] = np.cumsum(marks)
    return Bagging(bags, bag_spread(values, bags))


def _block_spreads(ordered: Array, longest: int) -> Array:
    """Return the spread of every block by size and start, shape (longest + 1, n), from running means; inf if too long.

    Adding x to j values of mean a adds (x - a)^2 j/(j + 1): nothing is subtracted from a larger sum.
    """
    count = ordered.size
    spreads = np.full((longest + 1, count), np.inf)
    mean, total = ordered.copy(), np.zeros(count)
    spreads[1] = total
    for size in range(1, longest):
        step = ordered[size:] - mean[:-1]
        total = total[:-1] + step**2 * (size / (size + 1.0))
        mean = mean[:-1] + step / (size + 1.0)
        spreads[size + 1, : count - size] = total
    return spreads
