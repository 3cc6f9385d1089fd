"""Exact-in-law samplers of random-feature regression on Gaussian data, at a cost that does not grow with both sizes.

The experiment: x ~ N(0, I_M), y = v'x + noise, n samples; G is k x M with N(0, 1) entries; the predictor is
ridge regression on phi(x) = G diag(lambda)^(1/2) x / sqrt(k), kernel matrix K = Phi Phi', (K + ridge I)^-1, no 1/n.
k = inf is kernel ridge regression with K = X diag(lambda) X'. Nothing is approximated; what is integrated out
(test points, test noise, the part of G orthogonal to the data) is integrated exactly.

Three ways to draw the same law, chosen by the sizes; in each, a square root of a Wishart matrix (Bartlett) replaces
the long side, and every ridge comes from one eigendecomposition:
* samples:  X is drawn, H = X L X' = C C'; given X the features at the data are C T / sqrt(k), T T' ~ Wishart_n(k).
* features: G is drawn, Psi = G L G' / k; given G the pairs (phi, y) are Gaussian, their Gram matrix Wishart(n).
* modes:    for n, k >= M (H and Psi singular): Gram of (x, noise) ~ Wishart_{M+1}(n), G'G ~ Wishart_M(k).
Modes of eigenvalue 0 are seen by no predictor: their target power is noise, and is moved there exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.random_features._arguments import averages_noise, check_ridges, check_size
from simulations.random_features._draws import batches, cholesky, normal_blocks, solve, wishart_root
from simulations.random_features.ridge_path import RidgePath, ridge_path
from simulations.random_features.sides import ModeSide, draw_features
from simulations.random_features.task import Task

__all__ = [
    "SampleSide",
    "draw_fit",
    "draw_samples",
    "errors_of",
    "gaussian_errors",
    "sample_moments",
    "sample_side",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SampleSide:
    """What a feature draw needs to know of a batch of training sets; C is the Cholesky root of H = X L X'.

    `root` C (batch, n, n); `response` y (batch, n); `second` C^-1 X L^2 X' C^-T (batch, n, n); `cross` C^-1 X L v
    (batch, n); `orthogonal` tr L - tr second (batch,), the feature variance that the data do not see; `floor` the
    test error of the zero predictor, target power plus noise variance; `hidden_noise` the variance of label noise that
    is not in the response but averaged over.
    """

    root: Array
    response: Array
    second: Array
    cross: Array
    orthogonal: Array
    floor: float
    hidden_noise: float = 0.0

    def draw(self, rng: np.random.Generator, k: float) -> Array | None:
        """Return whitened features C^-1 Phi, shape (batch, n, min(n, k)), for k fresh features; None for k = inf.

        `rng` is the source of randomness, `k` the number of features, an integer or inf.
        """
        if math.isinf(k):
            return None
        batch, n = self.response.shape
        return wishart_root(rng, batch, n, int(k)) / math.sqrt(k)

    def solve(self, whitened: Array | None, k: float, ridges: Array) -> tuple[RidgePath, Array, Array | float]:
        """Return the path of ridge regression on `whitened` features, `k` of them, with `weights`, `spread` of `risk`.

        `whitened` as `draw` returns it, `ridges` (ridges,) >= 0.
        """
        if whitened is None:
            path = ridge_path(self.root, self.response, ridges)
            return path, path.coefficients, 0.0
        path = ridge_path(self.root @ whitened, self.response, ridges)
        return path, whitened @ path.coefficients, np.sum(path.coefficients**2, axis=1) / k

    def risk(self, weights: Array, spread: Array | float) -> Array:
        """Return the test MSE (batch, ridges) given data and features at the data, mean over all else, exact.

        `weights` C'X-coordinates t of the predictor's mean part (batch, n, ridges): it has mode coefficients
        L X' C^-T t; `spread` (batch, ridges) is |a|^2 / k, the variance it has per unit of `orthogonal`.
        """
        seen = np.sum(weights * (self.second @ weights - 2 * self.cross[:, :, None]), axis=1)
        return self.floor + seen + spread * self.orthogonal[:, None]

    def fit(self, rng: np.random.Generator, k: float, ridges: Array) -> tuple[RidgePath, Array]:
        """Return path and test MSE (batch, ridges) of one fresh draw of `k` features per training set.

        `rng` is the source of randomness, `ridges` (ridges,) >= 0.
        """
        whitened = self.draw(rng, k)
        path, weights, spread = self.solve(whitened, k, ridges)
        test = self.risk(weights, spread)
        if self.hidden_noise == 0:
            return path, test
        directions = path.directions() if whitened is None else whitened @ path.directions()
        power = np.sum(directions * (self.second @ directions), axis=1)
        power += path.eigenvalues / k * self.orthogonal[:, None]
        test += self.hidden_noise * path.noise_gain(power)
        return path.with_noise(self.hidden_noise, self.response.shape[1]), test


def sample_moments(blocks: Iterable[Array], noise: Array, task: Task) -> tuple[Array, Array, Array, Array]:
    """Return X L X' and X L^2 X' (batch, n, n), X v + noise and X L v (batch, n) of inputs X given by columns.

    `blocks` yields the columns in order, (batch, n, any) each, and has them overwritten; `noise` (batch, n) is added
    to the labels; `task` holds L = diag(eigenvalues) and v.

    >>> from simulations.random_features.task import gaussian_task
    >>> first, *_ = sample_moments([np.array([[[3.0]]])], np.zeros((1, 1)), gaussian_task([2.0], [1.0]))
    >>> first.round(12).tolist()
    [[[18.0]]]
    """
    batch, n = noise.shape
    first, second = np.zeros((2, batch, n, n))
    response, cross, start = noise.copy(), np.zeros((batch, n)), 0
    for block in blocks:
        modes = slice(start, start := start + block.shape[-1])
        scale, target = np.sqrt(task.eigenvalues[modes]), task.target[modes]
        response += block @ target
        block *= scale
        cross += block @ (scale * target)
        first += block @ block.swapaxes(-1, -2)
        block *= scale
        second += block @ block.swapaxes(-1, -2)
    return first, second, response, cross


def sample_side(blocks: Iterable[Array], noise: Array, task: Task, hidden_noise: float = 0.0) -> SampleSide:
    """Return the summary of training sets whose inputs X come as `blocks` of columns, (batch, n, any) each.

    `noise` (batch, n) is added to the labels, `hidden_noise` the variance of noise to be averaged over instead; `task`
    must have more modes than samples. Raises `ArithmeticError` when the kernel matrix is singular to machine
    precision. The blocks are overwritten.
    """
    first, second, response, cross = sample_moments(blocks, noise, task)
    root = cholesky(first)
    second = solve(root, solve(root, second).swapaxes(-1, -2))
    cross = solve(root, cross[:, :, None])[:, :, 0]
    unseen = np.maximum(float(np.sum(task.eigenvalues)) - np.trace(second, axis1=1, axis2=2), 0.0)
    return SampleSide(root, response, second, cross, unseen, task.power + task.noise_variance, hidden_noise)


def draw_samples(rng: np.random.Generator, batch: int, n: int, task: Task, average: bool = False) -> SampleSide:
    """Return `batch` independent training sets of `n` samples of `task`, n < modes; `rng` draws X and the noise.

    With `average` the label noise is not drawn but averaged over.

    >>> from simulations.random_features.task import gaussian_task
    >>> side = draw_samples(np.random.default_rng(0), 2, 3, gaussian_task([1.0] * 5, [0.25] * 5, 0.5))
    >>> side.fit(np.random.default_rng(1), 4, np.array([0.1, 2.0]))[1].shape
    (2, 2)
    """
    drawn, hidden = (0.0, task.noise_variance) if average else (task.noise_variance, 0.0)
    noise = math.sqrt(drawn) * (np.zeros((batch, n)) if average else rng.standard_normal((batch, n)))
    return sample_side(normal_blocks(rng, batch, n, task.modes), noise, task, hidden)


def draw_fit(
    rng: np.random.Generator, batch: int, n: int, k: float, ridges: Array, task: Task, average: bool = False
) -> tuple[RidgePath, Array]:
    """Return paths and test MSE (batch, ridges) of independent draws by the cheapest exact way for these sizes.

    `rng` is the source of randomness, `batch` the number of draws, `n` samples, `k` features or inf, `ridges` >= 0,
    `task` the task, `average` whether label noise is averaged over. The smaller side is the conditioned one; mode
    space when modes are fewer than both.

    >>> from simulations.random_features.task import gaussian_task
    >>> draw_fit(np.random.default_rng(0), 2, 5, 4, np.array([0.1]), gaussian_task([1.0], [0.25], 0.5))[1].shape
    (2, 1)
    """
    if n < min(k, task.modes):
        return draw_samples(rng, batch, n, task, average).fit(rng, k, ridges)
    if k < task.modes:
        return draw_features(rng, batch, int(k), task).fit(rng, n, ridges, average)
    side = ModeSide(task)
    return side.fit(side.data(rng, batch, n), side.features(rng, batch, k), ridges, n, average)


def errors_of(fit: tuple[RidgePath, Array], n: int) -> Array:
    """Return [test MSE, train MSE] (batch, ridges, 2) of a `fit` (path, test MSE) on `n` samples."""
    path, test = fit
    return np.stack([test, path.residual() / n], axis=-1)


def gaussian_errors(
    rng: np.random.Generator,
    replicates: int,
    n: int,
    k: float,
    ridges: ArrayLike,
    task: Task,
    noise: str = "drawn",
) -> Array:
    """Return [test MSE, train MSE] of independent replicates at one (n, k), shape (replicates, ridges, 2).

    Exact in law, except that the test error is already averaged over test points and, for n < k, over the part of the
    features that the training data do not see (its mean is unchanged, its variance smaller).

    `rng` is the only source of randomness; `replicates` >= 1; `n` >= 1 samples; `k` >= 1 features or inf; `ridges` >= 0
    in the units of the eigenvalues, 0 is the solution of least norm; `task` from `gaussian_task`; `noise` "drawn", or
    "averaged" for errors averaged over the label noise: exact in the mean, with 2 to 10 times less spread. Raises
    `ValueError` for a size that is no integer or a negative ridge.

    At ridge 1e9 the predictor is zero: test = target power + noise variance.

    >>> from simulations.random_features.task import gaussian_task
    >>> errors = gaussian_errors(np.random.default_rng(0), 2, 3, 4, [1e9], gaussian_task([1.0], [0.25], 0.5))
    >>> np.round(errors[:, 0, 0], 6).tolist()
    [0.75, 0.75]
    """
    count, samples = int(check_size("replicates", replicates)), int(check_size("n", n))
    features, penalties = check_size("k", k, allow_inf=True), check_ridges(ridges)
    average = averages_noise(noise)
    parts = [
        errors_of(draw_fit(rng, batch, samples, features, penalties, task, average), samples)
        for batch in batches(count, int(min(samples, features, task.modes)), task.modes)
    ]
    return np.concatenate(parts)
