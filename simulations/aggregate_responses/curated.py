"""Bags chosen by the expected label: instance-level bias of a fixed design, and bags that make it small.

With P the averaging within bags, the instance-level fit has mean X^+ P X theta0, so its bias is -X^+ (I - P) X theta0,
of squared length <= (within-bag sum of squares of the expected labels) / (smallest eigenvalue of X'X). The best bags
of given equal sizes are blocks of consecutive sorted values; with a least size k, blocks of k to 2k - 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_matrix, check_vector
from simulations.aggregate_responses._arguments import check_listed_bags, check_setting
from simulations.aggregate_responses.bags import bag_means, split_evenly, within_bag_spread
from simulations.aggregate_responses.conditional import design_errors
from simulations.aggregate_responses.literal import draw_direction

__all__ = ["best_block_sizes", "curated_errors", "instance_bias"]

Array = NDArray[np.float64]


def instance_bias(inputs: ArrayLike, coefficients: ArrayLike, bag_sizes: ArrayLike) -> Array:
    """Return [squared bias, its bound] of the instance-level fit on a fixed design, shape (2,).

    `inputs` X (n, d) of full column rank holds the samples in rows, those of a bag next to each other;
    `coefficients` theta0 (d,); `bag_sizes` (bags,) sums to n.

    Source: derived (ar.X5).

    One feature: the fit is 8/10 of the coefficient 5.

    >>> instance_bias([[1.0], [3.0]], [5.0], (2,)).round(12).tolist()
    [1.0, 5.0]
    """
    design, truth = (
        check_matrix("inputs", inputs, axes=("samples", "features")),
        check_vector("coefficients", coefficients, axis="features"),
    )
    sizes = check_listed_bags(bag_sizes)
    if design.shape != (sizes.sum(), truth.size):
        raise ValueError(
            f"inputs must have shape (sum of bag_sizes, coefficients) = ({sizes.sum()}, {truth.size}), "
            f"got shape {design.shape}"
        )
    expected = design @ truth
    rest = expected - np.repeat(bag_means(expected, sizes), sizes)
    bias = np.linalg.lstsq(design, rest, rcond=None)[0]
    smallest = np.linalg.svd(design, compute_uv=False)[-1] ** 2
    return np.array([bias @ bias, len(design) * within_bag_spread(expected, sizes) / smallest])


def best_block_sizes(values: ArrayLike, least: int) -> NDArray[np.int64]:
    """Return the sizes of blocks of the sorted values with the least within-block sum of squares.

    `values` (n,) in any order; every block has at least `least` <= n of them. Exact, by dynamic programming over
    blocks of `least` to 2 least - 1, O(n least).

    Source: derived (ar.X5).

    >>> best_block_sizes([9.0, 1.0, 1.5, 9.5, 8.5], 2).tolist()
    [2, 3]
    """
    array = np.sort(check_vector("values", values, axis="samples"))
    size = check_integer("least", least, low=1, high=array.size)
    array = array - array.mean()  # the sums of squares below then lose no digits to a common offset
    sums, squares = (np.concatenate([[0.0], np.cumsum(x)]) for x in (array, array**2))
    cost, last = np.full(array.size + 1, np.inf), np.zeros(array.size + 1, dtype=np.int64)
    cost[0] = 0.0
    for end in range(size, array.size + 1):
        starts = np.arange(max(end - 2 * size + 1, 0), end - size + 1)
        within = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / (end - starts)
        best = int(np.argmin(cost[starts] + within))
        cost[end], last[end] = (cost[starts] + within)[best], starts[best]
    sizes, end = [], array.size
    while end > 0:
        sizes.append(end - last[end])
        end = last[end]
    return np.array(sizes[::-1], dtype=np.int64)


def curated_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    d: int,
    bag_size: float,
    signal: float,
    noise_variance: float,
) -> Array:
    """Return [bias, variance, bound of the bias] of instance level with random and with sorted bags.

    Shape (replicates, 2, 3): rows "random", "sorted by expected label". `rng` draws x ~ N(0, I) and theta0; the noise
    is averaged. `replicates`, `n` >= d, `d`, `bag_size`, `signal` and `noise_variance` as in `literal.literal_errors`.

    >>> setting = dict(n=12, d=2, bag_size=3, signal=2.0, noise_variance=0.3)
    >>> errors = curated_errors(np.random.default_rng(0), 50, **setting).mean(axis=0)
    >>> bool(errors[1, 0] < errors[0, 0] / 2), bool(np.all(errors[:, 0] <= errors[:, 2]))
    (True, True)
    """
    count, n, d, bags, signal, noise = check_setting(replicates, n, d, bag_size, signal, noise_variance)
    if n < d:
        raise ValueError(f"n must be >= d, got n={n} and d={d}")
    sizes, errors = split_evenly(n, bags), np.empty((count, 2, 3))
    for replicate in errors:
        inputs, truth = rng.standard_normal((n, d)), draw_direction(rng, d, signal)
        for row, order in zip(replicate, (np.arange(n), np.argsort(inputs @ truth)), strict=True):
            bias, bound = instance_bias(inputs[order], truth, sizes)
            row[:] = bias, noise * design_errors(inputs[order], sizes, np.ones(1))[0, 1], bound
    return errors
