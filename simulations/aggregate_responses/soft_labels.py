"""Soft labels made of bag means (EasyLLP): k (ybar - p) + p, unbiased for a sample's own label given its features.

p is the prior, the mean of the labels, known or estimated by the mean of the bag means. Least squares on the soft
labels with p = 0 is k times the instance-level fit.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulations._checks import check_integer, check_number
from simulations.aggregate_responses._arguments import check_bags, check_setting
from simulations.aggregate_responses.bags import bag_means, split_evenly
from simulations.aggregate_responses.literal import draw_direction

__all__ = ["soft_label_errors", "soft_label_moments", "soft_labels"]

Array = NDArray[np.float64]
Sizes = NDArray[np.int64]


def soft_labels(means: Array, sizes: Sizes, prior: float | str) -> Array:
    """Return k_a (ybar_a - p) + p for every sample, (n,).

    `means` (bags,) holds the mean labels, `sizes` (bags,) the bag sizes, `prior` p, "estimated" for the mean label.

    >>> soft_labels(np.array([0.5]), np.array([2]), 0.25).tolist()
    [0.75, 0.75]
    """
    p = np.average(means, weights=sizes) if prior == "estimated" else check_number("prior", prior)
    return np.repeat(sizes * (means - p) + p, sizes)


def soft_label_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    d: int,
    bag_size: float,
    signal: float,
    noise_variance: float,
    prior: float | str = 0.0,
) -> Array:
    """Return |theta - theta0|^2 of least squares (least norm) on soft labels, literally, (replicates, 1).

    `prior` is a number or "estimated"; the labels have mean 0. `rng`, `replicates`, `n`, `d`, `bag_size`, `signal`
    and `noise_variance` as in `literal.literal_errors`. The same, averaged and fast: `jacobi.gain_errors`.

    Source: derived (ar.X3).

    >>> setting = dict(n=8, d=2, bag_size=1, signal=2.0, noise_variance=0.0)
    >>> bool(soft_label_errors(np.random.default_rng(0), 1, **setting)[0, 0] < 1e-20)
    True
    """
    count, n, d, bags, signal, noise = check_setting(replicates, n, d, bag_size, signal, noise_variance)
    sizes, errors = split_evenly(n, bags), np.empty((count, 1))
    for row in errors:
        inputs, truth = rng.standard_normal((n, d)), draw_direction(rng, d, signal)
        labels = inputs @ truth + math.sqrt(noise) * rng.standard_normal(n)
        soft = soft_labels(bag_means(labels, sizes), sizes, prior)
        row[0] = np.sum((np.linalg.lstsq(inputs, soft, rcond=None)[0] - truth) ** 2)
    return errors


def soft_label_moments(
    rng: np.random.Generator, replicates: int, *, n: int, bag_size: int, probability: float, prior: float | str
) -> Array:
    """Return sample means of [s, (s - p)^2, (s - p)(y - p)] for soft labels s of Bernoulli(p) labels, (replicates, 3).

    With the true prior their expectations are p, k p (1 - p) and p (1 - p): unbiased, and k times the variance. `rng`
    draws the labels, `replicates` >= 1; `n` >= 1 samples in bags of `bag_size` >= 1, which divides n; `probability` p
    in [0, 1]; `prior` a number or "estimated".

    Source: derived (ar.X3).

    >>> soft_label_moments(np.random.default_rng(0), 1, n=4, bag_size=2, probability=1.0, prior=1.0).tolist()
    [[1.0, 0.0, 0.0]]
    """
    n, bags = check_bags(n, bag_size)
    p, sizes = check_number("probability", probability, low=0.0, high=1.0), split_evenly(n, bags)
    moments = np.empty((check_integer("replicates", replicates, low=1), 3))
    for row in moments:
        labels = (rng.random(n) < p).astype(float)
        soft = soft_labels(bag_means(labels, sizes), sizes, prior)
        row[:] = np.mean(soft), np.mean((soft - p) ** 2), np.mean((soft - p) * (labels - p))
    return moments
