"""The experiment as it is written down: explicit inputs, explicit projections, one dense solve per ridge.

x ~ N(0, I_M), y = v'x + noise; G is k x M with N(0, 1) entries; phi(x) = G diag(lambda)^(1/2) x / sqrt(k);
prediction phi(x)' Phi' (K + ridge I)^-1 y with K = Phi Phi'; mean squares on the n training and on fresh test points,
test labels noisy too. Slow on purpose: it is the yardstick of the exact-in-law samplers and of their speed.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.random_features._arguments import check_ridges, check_size
from simulations.random_features.task import Task, power_law_task

__all__ = ["draw_labelled", "feature_map", "literal_errors", "literal_weights", "ridge_predictions"]

Array = NDArray[np.float64]


def feature_map(projection: Array | None, eigenvalues: Array) -> Array:
    """Return B = diag(lambda)^(1/2) G' / sqrt(k), shape (modes, k): the features of inputs X are X B.

    `projection` is G (k, modes), None for kernel ridge regression, whose features are all modes; `eigenvalues`
    (modes,) > 0.

    >>> feature_map(np.array([[1.0, 3.0]]), np.array([4.0, 1.0])).tolist()
    [[2.0], [3.0]]
    """
    scale = np.sqrt(eigenvalues)
    return np.diag(scale) if projection is None else scale[:, None] * projection.T / math.sqrt(len(projection))


def draw_labelled(rng: np.random.Generator, n: int, task: Task) -> tuple[Array, Array]:
    """Return inputs (n, modes) ~ N(0, I) and noisy labels (n,) of `task`; `rng` draws them, `n` >= 1.

    >>> from simulations.random_features.task import gaussian_task
    >>> inputs, labels = draw_labelled(np.random.default_rng(0), 3, gaussian_task([1.0], [4.0]))
    >>> bool(np.all(labels == 2 * inputs[:, 0]))
    True
    """
    inputs = rng.standard_normal((n, task.modes))
    return inputs, inputs @ task.target + math.sqrt(task.noise_variance) * rng.standard_normal(n)


def ridge_predictions(features: Array, labels: Array, others: Array, ridge: float) -> Array:
    """Return the predictions (points,) of ridge regression by one dense solve; least norm at ridge 0.

    `features` (n, k) and `labels` (n,) of the training set, `others` (points, k) the features of the points, `ridge`
    >= 0 added to the kernel matrix.

    >>> ridge_predictions(np.array([[1.0], [2.0]]), np.array([1.0, 2.0]), np.array([[3.0]]), 5.0).round(12).tolist()
    [1.5]
    """
    if ridge == 0:
        return others @ np.linalg.lstsq(features, labels, rcond=None)[0]
    kernel = features @ features.T
    return others @ (features.T @ np.linalg.solve(kernel + ridge * np.eye(len(kernel)), labels))


def literal_weights(inputs: Array, labels: Array, mapping: Array, ridge: float) -> Array:
    """Return the mode coefficients w (modes,) of the predictor w'x.

    `inputs` (n, modes), `labels` (n,), `mapping` (modes, k) from `feature_map`, `ridge` >= 0.

    >>> literal_weights(np.array([[1.0], [2.0]]), np.array([1.0, 2.0]), np.array([[2.0]]), 5.0).round(12).tolist()
    [0.8]
    """
    return ridge_predictions(inputs @ mapping, labels, mapping, ridge)


def literal_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    k: float,
    ridges: ArrayLike,
    alpha: float,
    beta: float,
    modes: int,
    noise_variance: float,
    target_scale: float = 1.0,
    test_points: int = 1000,
) -> Array:
    """Return [test MSE, train MSE] of the literal experiment on the power-law task, (replicates, ridges, 2).

    `rng` is the only source of randomness; `replicates` >= 1; `n` >= 1 samples; `k` >= 1 features, inf (or "inf") for
    kernel ridge regression; `ridges` >= 0, without 1/n, 0 for the solution of least norm; `alpha` >= 0 and `beta` >= 0
    the exponents; `modes` >= 1; `noise_variance` >= 0 of training and test labels; `target_scale` >= 0 multiplies the
    target power; `test_points` >= 1 fresh noisy test points. Raises `ValueError` outside these domains.

    >>> setting = dict(n=3, k=5, ridges=(0.1, 1.0), alpha=1.5, beta=1.5, modes=20, noise_variance=0.5, test_points=7)
    >>> literal_errors(np.random.default_rng(0), 2, **setting).shape
    (2, 2, 2)
    """
    task = power_law_task(alpha, beta, modes, noise_variance, target_scale)
    count, samples = int(check_size("replicates", replicates)), int(check_size("n", n))
    features, penalties = check_size("k", k, allow_inf=True), check_ridges(ridges)
    points = int(check_size("test_points", test_points))
    return np.stack([_trial(rng, samples, features, penalties, task, points) for _ in range(count)])


def _trial(rng: np.random.Generator, n: int, k: float, ridges: Array, task: Task, points: int) -> Array:
    """One literal trial: (ridges, 2)."""
    inputs, labels = draw_labelled(rng, n, task)
    test_inputs, test_labels = draw_labelled(rng, points, task)
    projection = None if math.isinf(k) else rng.standard_normal((int(k), task.modes))
    mapping = feature_map(projection, task.eigenvalues)
    train, test = inputs @ mapping, test_inputs @ mapping
    errors = np.empty((ridges.size, 2))
    for row, ridge in zip(errors, ridges, strict=True):
        row[0] = np.mean((test_labels - ridge_predictions(train, labels, test, ridge)) ** 2)
        row[1] = np.mean((labels - ridge_predictions(train, labels, train, ridge)) ** 2)
    return errors
