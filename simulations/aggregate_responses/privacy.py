"""Label-private bag means: labels clipped to [-T, T], averaged in bags, Laplace noise on every mean, then the fit.

The scale of the noise is T / (k epsilon) where a neighbouring data set has one label set to zero ("zero-out"), twice
that where one label is replaced by any other ("replace"). Features are public; bags are disjoint, so that the budget
of one bag is the budget of all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_range
from simulations.aggregate_responses._arguments import check_interpolations, check_setting
from simulations.aggregate_responses.bags import bag_means, split_evenly, stacked_rows
from simulations.aggregate_responses.linear import response_map
from simulations.aggregate_responses.literal import draw_direction, fit_aggregates

__all__ = ["laplace_scale", "privacy_loss", "private_errors", "private_literal_errors", "release_means"]

Array = NDArray[np.float64]
Sizes = NDArray[np.int64]
_FACTOR = {"zero-out": 1.0, "replace": 2.0}


def laplace_scale(bag_size: ArrayLike, *, epsilon: float, threshold: float, adjacency: str) -> Array:
    """Return the scale factor T / (k epsilon) of the noise, factor 1 or 2, with the shape of `bag_size`.

    `bag_size` k >= 1; `epsilon` > 0 the privacy budget; `threshold` T > 0 the clipping level; `adjacency` "zero-out"
    or "replace".

    >>> float(laplace_scale(4, epsilon=0.5, threshold=3.0, adjacency="replace"))
    3.0
    """
    if not isinstance(adjacency, str) or adjacency not in _FACTOR:
        raise ValueError(f"adjacency must be 'zero-out' or 'replace', got adjacency={adjacency!r}")
    budget = check_number("epsilon", epsilon, low=0.0, open_low=True)
    level = check_number("threshold", threshold, low=0.0, open_low=True)
    return np.asarray(_FACTOR[adjacency] * level / (check_range("bag_size", bag_size, low=1.0) * budget))


def release_means(rng: np.random.Generator, labels: Array, sizes: Sizes, scale: Array, threshold: float) -> Array:
    """Return the private means (bags,): of the clipped `labels` (n,), plus Laplace noise of `scale` (bags,).

    `rng` draws the noise; `sizes` (bags,) the bag sizes; `threshold` > 0 clips.

    >>> release_means(np.random.default_rng(0), np.array([9.0, 1.0]), np.array([2]), np.zeros(1), 3.0).tolist()
    [2.0]
    """
    return bag_means(np.clip(labels, -threshold, threshold), sizes) + rng.laplace(0.0, scale, len(sizes))


def private_literal_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    d: int,
    bag_size: float,
    interpolations: Iterable[float],
    signal: float,
    noise_variance: float,
    epsilon: float,
    threshold: float,
    adjacency: str,
) -> Array:
    """Return |theta - theta0|^2 of the fit to private means, literally, (replicates, interpolations).

    One release serves every rho. `epsilon`, `threshold` and `adjacency` as in `laplace_scale`; `rng`, `replicates`,
    `n`, `d`, `bag_size`, `interpolations`, `signal` and `noise_variance` as in `literal.literal_errors`.

    Hardly any noise, no clipping, a bag for each sample: least squares.

    >>> setting = dict(n=8, d=2, bag_size=1, interpolations=(0.5,), signal=2.0, noise_variance=0.0)
    >>> private = dict(epsilon=1e12, threshold=1e3, adjacency="replace")
    >>> bool(private_literal_errors(np.random.default_rng(0), 1, **setting, **private)[0, 0] < 1e-15)
    True
    """
    count, n, d, bags, signal, noise = check_setting(replicates, n, d, bag_size, signal, noise_variance)
    rhos, sizes = check_interpolations(interpolations), split_evenly(n, bags)
    scale = laplace_scale(sizes, epsilon=epsilon, threshold=threshold, adjacency=adjacency)
    errors = np.empty((count, rhos.size))
    for row in errors:
        inputs, truth = rng.standard_normal((n, d)), draw_direction(rng, d, signal)
        labels = inputs @ truth + math.sqrt(noise) * rng.standard_normal(n)
        means = release_means(rng, labels, sizes, scale, threshold)
        row[:] = [np.sum((fit_aggregates(inputs, means, sizes, rho) - truth) ** 2) for rho in rhos]
    return errors


def private_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    d: int,
    bag_size: float,
    interpolations: Iterable[float],
    signal: float,
    noise_variance: float,
    epsilon: float,
    threshold: float,
    adjacency: str,
) -> Array:
    """Return the mean of |theta - theta0|^2 over the Laplace noise, given samples and labels.

    Shape (replicates, interpolations). Exact: the fit is linear in the released means, whose noise has variance
    2 scale^2. Arguments `rng`, `replicates`, `n`, `d`, `bag_size`, `interpolations`, `signal`, `noise_variance`,
    `epsilon`, `threshold` and `adjacency` as in `private_literal_errors`.

    >>> setting = dict(n=8, d=2, bag_size=1, interpolations=(0.5,), signal=2.0, noise_variance=0.0)
    >>> private = dict(epsilon=1e12, threshold=1e3, adjacency="replace")
    >>> bool(private_errors(np.random.default_rng(0), 1, **setting, **private)[0, 0] < 1e-15)
    True
    """
    count, n, d, bags, signal, noise = check_setting(replicates, n, d, bag_size, signal, noise_variance)
    rhos, sizes = check_interpolations(interpolations), split_evenly(n, bags)
    scale = laplace_scale(sizes, epsilon=epsilon, threshold=threshold, adjacency=adjacency)
    errors = np.empty((count, rhos.size))
    for row in errors:
        inputs, truth = rng.standard_normal((n, d)), draw_direction(rng, d, signal)
        labels = inputs @ truth + math.sqrt(noise) * rng.standard_normal(n)
        targets = np.sqrt(sizes) * bag_means(np.clip(labels, -threshold, threshold), sizes)
        rows = np.concatenate(stacked_rows(inputs, sizes))
        for j, rho in enumerate(rhos):
            weights = np.concatenate([np.ones(bags), np.full(n, rho)])
            response = response_map(rows, weights, 0.0, rank=n if rho > 0 else bags, responding=bags)
            laplace_part = np.sum(response**2 @ (2 * sizes * scale**2))
            row[j] = np.sum((response @ targets - truth) ** 2) + laplace_part
    return errors


def privacy_loss(
    *,
    bag_size: int,
    epsilon: float,
    threshold: float,
    adjacency: str,
    neighbours: str = "replace",
    clip: bool = True,
    largest_label: float | None = None,
) -> float:
    """Return the largest log likelihood ratio of a released mean between neighbouring labels, by search.

    Two bags differ in one label: replaced by any other where `neighbours` is "replace", set to zero where it is
    "zero-out". The search runs over both labels in [-largest_label, largest_label] and over released values. The noise
    is that of `laplace_scale` for `bag_size`, a whole number >= 1, `epsilon` > 0, `threshold` > 0 and `adjacency`.
    Without `clip` the labels are averaged as they are, and the loss grows with `largest_label` (None: three times the
    threshold).

    Source: derived (ar.D1).

    The scale for labels set to zero loses twice its epsilon where a label is replaced:

    >>> setting = dict(bag_size=3, epsilon=0.7, threshold=2.0, adjacency="zero-out")
    >>> round(privacy_loss(**setting), 12), round(privacy_loss(**setting, neighbours="zero-out"), 12)
    (1.4, 0.7)
    """
    size = check_integer("bag_size", bag_size, low=1)
    scale = float(laplace_scale(size, epsilon=epsilon, threshold=threshold, adjacency=adjacency))
    if not isinstance(neighbours, str) or neighbours not in _FACTOR:
        raise ValueError(f"neighbours must be 'zero-out' or 'replace', got neighbours={neighbours!r}")
    largest = 3 * threshold if largest_label is None else check_number("largest_label", largest_label, low=0.0)
    labels = np.union1d(np.linspace(-largest, largest, 41), np.clip([-threshold, threshold], -largest, largest))
    others = np.zeros(1) if neighbours == "zero-out" else labels
    rest = 0.37 * threshold * (size - 1)  # what the other labels of the bag add up to, the same for both
    first, second = ((np.clip(x, -threshold, threshold) if clip else x) for x in (labels, others))
    first, second = (first + rest) / size, (second + rest) / size
    released = np.concatenate([first, [first[0] - 3 * scale, first[-1] + 3 * scale]])
    first, second = (-np.abs(released[:, None] - x) / scale for x in (first, second))  # log densities + log(2 scale)
    return float(np.max(np.abs(first[:, :, None] - second[:, None, :])))
