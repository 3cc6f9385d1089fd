"""Bags of consecutive samples, their means, and the losses that can be formed from them for any predictions.

With bags a of sizes k_a, labels y, predictions f, a loss l and bag means (bar):
    bag loss        (1/n) sum_a k_a l(ybar_a, fbar_a)            instance loss   (1/n) sum_a sum_i l(ybar_a, f_i)
    spread          (1/n) sum_a sum_i (f_i - fbar_a)^2
For equal bags the bag loss is the mean over bags. The interpolating loss with weight rho is (1 - rho) bag + rho
instance. Predictions are scores: the mean stands inside the loss and is a mean of scores, not of probabilities.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_vector
from simulations.aggregate_responses._arguments import check_listed_bags

__all__ = [
    "LOSSES",
    "bag_losses",
    "bag_means",
    "pairwise_spread",
    "split_evenly",
    "stacked_rows",
    "within_bag_spread",
]

Array = NDArray[np.float64]
Sizes = NDArray[np.int64]

LOSSES: dict[str, Callable[[Array, Array], Array]] = {
    "square": lambda y, s: (y - s) ** 2,
    "logistic": lambda y, s: np.logaddexp(0.0, s) - y * s,
    "poisson": lambda y, s: np.exp(s) - y * s,
    "huber": lambda y, s: np.where(np.abs(y - s) <= 1, (y - s) ** 2 / 2, np.abs(y - s) - 0.5),
}


def split_evenly(n: int, bags: int) -> Sizes:
    """Return the sizes of `bags` bags of `n` samples in all, equal or one apart; 1 <= `bags` <= `n`.

    >>> split_evenly(10, 4).tolist()
    [3, 3, 2, 2]
    """
    samples = check_integer("n", n, low=1)
    count = check_integer("bags", bags, low=1, high=samples)
    short, longer = divmod(samples, count)
    return np.full(count, short) + (np.arange(count) < longer)


def bag_means(values: Array, sizes: Sizes) -> Array:
    """Return the means over consecutive rows of `values` (n, ...), (bags, ...); `sizes` (bags,) sums to n.

    >>> bag_means(np.array([1.0, 3.0, 5.0]), np.array([2, 1])).tolist()
    [2.0, 5.0]
    """
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sums = np.add.reduceat(values, starts, axis=0)
    return np.asarray(sums / sizes.reshape(-1, *(1,) * (values.ndim - 1)), dtype=np.float64)


def stacked_rows(inputs: Array, sizes: Sizes) -> tuple[Array, Array]:
    """Return sqrt(k_a) times the bag means (bags, d) and the rows less their bag means (n, d).

    `inputs` (n, d) holds the samples in rows, `sizes` (bags,) the bag sizes. The Gram matrices of the two are A1 and
    A2, and A1 + A2 = X'X.

    >>> means, rest = stacked_rows(np.array([[1.0], [3.0]]), np.array([2]))
    >>> (means**2).round(12).tolist(), rest.tolist()
    ([[8.0]], [[-1.0], [1.0]])
    """
    means = bag_means(inputs, sizes)
    return np.sqrt(sizes)[:, None] * means, inputs - np.repeat(means, sizes, axis=0)


def _checked(values: ArrayLike, bag_sizes: ArrayLike, name: str) -> tuple[Array, Sizes]:
    """Values of all samples and the sizes of their bags, which must fit."""
    array, sizes = check_vector(name, values, axis="samples"), check_listed_bags(bag_sizes)
    if sizes.sum() != array.size:
        raise ValueError(f"bag_sizes must sum to the number of {name}, got {sizes.sum()} and {array.size}")
    return array, sizes


def bag_losses(labels: ArrayLike, predictions: ArrayLike, bag_sizes: ArrayLike, loss: str = "square") -> Array:
    """Return [bag loss, instance loss] of any predictions, shape (2,); the instance loss sees only mean labels.

    `labels` and `predictions` (n,) of all samples, those of a bag next to each other; `bag_sizes` (bags,) >= 1 sums to
    n; `loss` is "square", "logistic" (log(1 + e^s) - ys), "poisson" (e^s - ys) or "huber" (quadratic within 1).

    >>> bag_losses([0.0, 2.0], [1.0, 3.0], (2,)).tolist()
    [1.0, 2.0]
    """
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got loss={loss!r}")
    targets, sizes = _checked(labels, bag_sizes, "labels")
    scores, _ = _checked(predictions, sizes, "predictions")
    means, function = bag_means(targets, sizes), LOSSES[loss]
    per_bag = sizes / scores.size * function(means, bag_means(scores, sizes))
    return np.array([np.sum(per_bag), np.mean(function(np.repeat(means, sizes), scores))], dtype=np.float64)


def within_bag_spread(values: ArrayLike, bag_sizes: ArrayLike) -> float:
    """Return (1/n) sum_a sum_i (f_i - fbar_a)^2.

    `values` f (n,), those of a bag next to each other; `bag_sizes` (bags,) >= 1 sums to n.

    >>> within_bag_spread([1.0, 3.0, 7.0], (2, 1)) * 3
    2.0
    """
    array, sizes = _checked(values, bag_sizes, "values")
    return float(np.mean((array - np.repeat(bag_means(array, sizes), sizes)) ** 2))


def pairwise_spread(values: ArrayLike, bag_sizes: ArrayLike) -> float:
    """Return sum_a sum_(i, j in a) (f_i - f_j)^2 / (2 k_a n) by listing the ordered pairs: the same number.

    `values` and `bag_sizes` as in `within_bag_spread`.

    >>> pairwise_spread([1.0, 3.0, 7.0], (2, 1)) * 3
    2.0
    """
    array, sizes = _checked(values, bag_sizes, "values")
    parts = np.split(array, np.cumsum(sizes)[:-1])
    return float(sum(np.sum((part[:, None] - part) ** 2) / (2 * part.size) for part in parts) / array.size)
