"""The experiment as it is written down: samples, bags of consecutive rows, mean labels, a least-squares solve per rho.

x ~ N(0, I_d), y = x'theta0 + noise, bags of k samples; the learner sees all x and the mean label of each bag, and
minimises sum_a [k (ybar_a - xbar_a'theta)^2 + rho sum_i ((x_i - xbar_a)'theta)^2], the solution of least norm where
there are several. Slow on purpose: it is the yardstick of the reduced experiments and of their speed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from simulations.aggregate_responses._arguments import check_interpolations, check_setting
from simulations.aggregate_responses.bags import bag_means, split_evenly, stacked_rows

__all__ = ["draw_direction", "fit_aggregates", "literal_errors"]

Array = NDArray[np.float64]
Sizes = NDArray[np.int64]


def draw_direction(rng: np.random.Generator, d: int, power: float) -> Array:
    """Return a vector (d,) of uniform direction and squared length `power`, drawn by `rng`.

    >>> float(np.sum(draw_direction(np.random.default_rng(0), 3, 4.0) ** 2).round(12))
    4.0
    """
    direction = rng.standard_normal(d)
    return math.sqrt(power) * direction / np.linalg.norm(direction)


def fit_aggregates(inputs: Array, means: Array, sizes: Sizes, interpolation: float) -> Array:
    """Return the least-norm minimiser theta (d,) of the interpolating square loss.

    `inputs` (n, d) holds the samples in rows, `means` (bags,) the mean labels, `sizes` (bags,) the bag sizes, and
    `interpolation` rho >= 0 is 0 for the bag loss, 1 for the instance loss.

    One feature, one bag of two: the bag loss fits the mean, the instance loss shrinks.

    >>> bag = np.array([[1.0], [3.0]]), np.array([4.0]), np.array([2])
    >>> fit_aggregates(*bag, 0.0).round(12).tolist(), fit_aggregates(*bag, 1.0).round(12).tolist()
    ([2.0], [1.6])
    """
    between, within = stacked_rows(inputs, sizes)
    targets = np.sqrt(sizes) * means
    if interpolation > 0:
        between = np.concatenate([between, math.sqrt(interpolation) * within])
        targets = np.concatenate([targets, np.zeros(len(inputs))])
    return np.asarray(np.linalg.lstsq(between, targets, rcond=None)[0], dtype=np.float64)


def literal_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    d: int,
    bag_size: float,
    interpolations: Iterable[float],
    signal: float,
    noise_variance: float,
) -> Array:
    """Return |theta - theta0|^2, the excess prediction risk, for every rho, (replicates, interpolations).

    `rng` is the only source of randomness and draws samples, theta0 (uniform direction, squared length `signal`
    >= 0) and label noise of variance `noise_variance` >= 0 afresh for each of `replicates` >= 1; `n` >= 1 samples and
    `d` >= 1 features; `bag_size` >= 1 must divide n (a mean size such as 2.5 gives bags of the two sizes next to it,
    each weighted by its size); `interpolations` lists rho >= 0. Raises `ValueError` outside these domains.

    Without noise the bag loss finds theta0 once there are as many bags as features:

    >>> setting = dict(n=12, d=3, bag_size=3, interpolations=(0.0, 1.0), signal=2.0, noise_variance=0.0)
    >>> errors = literal_errors(np.random.default_rng(0), 4, **setting)
    >>> bool(np.all(errors[:, 0] < 1e-20)), bool(np.all(errors[:, 1] > 0))
    (True, True)
    """
    count, n, d, bags, signal, noise = check_setting(replicates, n, d, bag_size, signal, noise_variance)
    rhos, sizes = check_interpolations(interpolations), split_evenly(n, bags)
    errors = np.empty((count, rhos.size))
    for row in errors:
        inputs, truth = rng.standard_normal((n, d)), draw_direction(rng, d, signal)
        labels = inputs @ truth + math.sqrt(noise) * rng.standard_normal(n)
        means = bag_means(labels, sizes)
        row[:] = [np.sum((fit_aggregates(inputs, means, sizes, rho) - truth) ** 2) for rho in rhos]
    return errors
