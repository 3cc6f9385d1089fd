"""Random-feature regression conditioned on the features, and in mode space: two exact ways to draw the same law.

See `gaussian` for the experiment and for when each is used. A training set enters by its Gram matrix alone, which is
Wishart: Bartlett's triangle stands for any number of samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulations.random_features._draws import cholesky, normal_blocks, solve, wishart_root
from simulations.random_features.ridge_path import RidgePath, ridge_path
from simulations.random_features.task import Task

__all__ = ["FeatureSide", "ModeSide", "draw_features"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureSide:
    """What a data draw needs to know of a batch of feature draws; C is the Cholesky root of Psi = G L G' / k.

    `root` C (batch, k, k); `target` C^-1 G L^(1/2) v / sqrt(k) (batch, k), the target's best coefficients;
    `unexplained` (batch,) the target power that the features cannot express plus the noise variance.
    """

    root: Array
    target: Array
    unexplained: Array

    def fit(self, rng: np.random.Generator, n: int, ridges: Array, average: bool = False) -> tuple[RidgePath, Array]:
        """Return path and test MSE (batch, ridges) on one fresh training set of `n` samples per feature draw.

        `rng` is the source of randomness, `ridges` (ridges,) >= 0. With `average` the errors are averaged over label
        noise and unexplained target, which given the features is independent noise.
        """
        batch, k = self.target.shape
        white = wishart_root(rng, batch, k + 1, n)
        design = (self.root @ white[:, :k]).swapaxes(-1, -2)
        response = np.einsum("bi,bij->bj", self.target, white[:, :k])
        if not average:
            response += np.sqrt(self.unexplained)[:, None] * white[:, k]
        path = _compressed_path(design, response, ridges, k)
        back = self.root.swapaxes(-1, -2)
        error = back @ path.coefficients - self.target[:, :, None]
        test = self.unexplained[:, None] + np.sum(error**2, axis=1)
        if not average:
            return path, test
        power = np.sum((back @ path.directions()) ** 2, axis=1)
        test += self.unexplained[:, None] * path.noise_gain(power)
        return path.with_noise(self.unexplained, n), test


def _compressed_path(design: Array, response: Array, ridges: Array, size: int) -> RidgePath:
    """Ridge path of data drawn as a Bartlett triangle of `size` + 1 rows, whose last row, if any, has no features."""
    path = ridge_path(design[:, :size], response[:, :size], ridges)
    return replace(path, rest=path.rest + np.sum(response[:, size:] ** 2, axis=1))


def draw_features(rng: np.random.Generator, batch: int, k: int, task: Task) -> FeatureSide:
    """Return `batch` independent draws of `k` features for `task`, k < modes; `rng` draws G.

    >>> from simulations.random_features.task import gaussian_task
    >>> side = draw_features(np.random.default_rng(0), 2, 3, gaussian_task([1.0] * 5, [0.25] * 5, 0.5))
    >>> side.fit(np.random.default_rng(1), 40, np.array([0.1, 2.0]))[1].shape
    (2, 2)
    """
    gram, cross, start = np.zeros((batch, k, k)), np.zeros((batch, k)), 0
    for block in normal_blocks(rng, batch, k, task.modes):
        modes = slice(start, start := start + block.shape[-1])
        block *= np.sqrt(task.eigenvalues[modes] / k)
        cross += block @ task.target[modes]
        gram += block @ block.swapaxes(-1, -2)
    root = cholesky(gram)
    target = solve(root, cross[:, :, None])[:, :, 0]
    unexplained = np.maximum(task.power - np.sum(target**2, axis=1), 0.0) + task.noise_variance
    return FeatureSide(root, target, unexplained)


@dataclass(frozen=True)
class ModeSide:
    """Training sets and features in mode space, for few modes: `task`, and how to draw either side.

    >>> from simulations.random_features.task import gaussian_task
    >>> side = ModeSide(gaussian_task([1.0], [0.25], 0.5))
    >>> rng = np.random.default_rng(0)
    >>> side.fit(side.data(rng, 2, 5), side.features(rng, 2, 4), np.array([0.1]), 5)[1].shape
    (2, 1)
    """

    task: Task

    def data(self, rng: np.random.Generator, batch: int, n: int) -> Array:
        """Return T (batch, modes + 1, min(modes + 1, n)): [x, noise / sd] of `n` samples, compressed; `rng` draws."""
        return wishart_root(rng, batch, self.task.modes + 1, n)

    def features(self, rng: np.random.Generator, batch: int, k: float) -> Array:
        """Return B (batch, modes, min(modes, k)), B B' ~ L^(1/2) G'G L^(1/2) / k, L for `k` = inf; drawn by `rng`."""
        scale = np.sqrt(self.task.eigenvalues)
        if math.isinf(k):
            return np.broadcast_to(np.diag(scale), (batch, scale.size, scale.size))
        return scale[:, None] * wishart_root(rng, batch, scale.size, int(k)) / math.sqrt(k)

    def weights(self, data: Array, features: Array, ridges: Array, average: bool = False) -> tuple[RidgePath, Array]:
        """Return the path and the predictor's mode coefficients (batch, modes, ridges).

        `data` and `features` as returned by the methods of these names, `ridges` (ridges,) >= 0; with `average` the
        labels carry no noise.
        """
        modes = self.task.modes
        inputs = data[:, :modes].swapaxes(-1, -2)
        response = inputs @ self.task.target
        if not average:
            response = response + math.sqrt(self.task.noise_variance) * data[:, modes]
        path = _compressed_path(inputs @ features, response, ridges, modes)
        return path, features @ path.coefficients

    def fit(
        self, data: Array, features: Array, ridges: Array, n: int, average: bool = False
    ) -> tuple[RidgePath, Array]:
        """Return path and test MSE (batch, ridges) of `n` samples; `data`, `features`, `ridges` as in `weights`.

        With `average` both are averaged over label noise.
        """
        path, weights = self.weights(data, features, ridges, average)
        test = self.risk(weights)
        if not average:
            return path, test
        power = np.sum((features @ path.directions()) ** 2, axis=1)
        test += self.task.noise_variance * path.noise_gain(power)
        return path.with_noise(self.task.noise_variance, n), test

    def risk(self, weights: Array) -> Array:
        """Return the test MSE (batch, ridges) of the mode coefficients `weights` (batch, modes, ridges), exact."""
        return self.task.noise_variance + np.sum((weights - self.task.target[:, None]) ** 2, axis=1)
