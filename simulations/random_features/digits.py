"""ReLU random features and their limit kernel on real data: the 1797 handwritten digits of scikit-learn.

Inputs x (64 pixels) are centred and scaled to mean square 1 per pixel over the pool; the target is +1 for odd, -1 for
even digits, without noise. Features relu(w'x) / sqrt(k) with w ~ N(0, 2/64 I); their kernel tends to
    k(x, x') = sqrt(q q') / (2 pi) * (sin t + (pi - t) cos t),  q = 2 |x|^2 / 64,  t the angle between x and x'.
Training sets are subsets of the pool and the rest of the pool is the test set; the ridge is added to the kernel
matrix itself, no 1/n. The eigensystem is that of K/N on the pool of N = 1797 points. Settings outside the stated
domains raise `ValueError`. A stand-in for the paper's experiments on images (rf.E2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_range
from simulations.random_features._arguments import check_counts, check_ridges, check_size
from simulations.random_features._draws import cholesky, solve
from simulations.random_features.ridge_path import ridge_path

__all__ = [
    "POOL_SIZE",
    "arc_cosine_kernel",
    "digits_eigensystem",
    "digits_errors",
    "digits_grid_errors",
    "digits_pool",
    "relu_features",
]

Array = NDArray[np.float64]
POOL_SIZE = 1797


@lru_cache(maxsize=1)
def digits_pool() -> tuple[Array, Array]:
    """Return inputs (1797, 64), column mean 0 and overall mean square 1, and targets (1797,) +-1; read-only arrays.

    >>> inputs, labels = digits_pool()
    >>> inputs.shape, round(float(np.mean(inputs**2)), 12), int(labels[1])
    ((1797, 64), 1.0, 1)
    """
    from sklearn.datasets import load_digits  # imported here: it costs most of a second, and only digits need it

    pixels, digit = load_digits(return_X_y=True)
    inputs = pixels - pixels.mean(axis=0)
    inputs /= np.sqrt(np.mean(inputs**2))
    labels = np.where(digit % 2 == 1, 1.0, -1.0)
    return _frozen(inputs), _frozen(labels)


def arc_cosine_kernel(left: ArrayLike, right: ArrayLike) -> Array:
    """Return the limit kernel of ReLU features, shape (rows of left, rows of right), exact.

    E relu(w'x) relu(w'x') over w ~ N(0, 2/d I). `left` and `right` hold inputs in rows, (any, d) each. A zero
    input has kernel 0.

    For x = x' it is |x|^2 / d, for orthogonal inputs |x||x'| / (pi d):

    >>> (arc_cosine_kernel([[2.0, 0.0]], [[2.0, 0.0], [0.0, 3.0]]) * [1.0, np.pi]).round(9).tolist()
    [[2.0, 3.0]]
    """
    first, second = _matrix("left", left), _matrix("right", right)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"left and right must have the same width, got {first.shape} and {second.shape}")
    size = np.outer(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    cosine = np.divide(first @ second.T, size, out=np.zeros_like(size), where=size > 0)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    return size / (math.pi * first.shape[1]) * (np.sin(angle) + (math.pi - angle) * np.cos(angle))


def relu_features(rng: np.random.Generator, inputs: ArrayLike, k: int) -> Array:
    """Return k random ReLU features relu(w'x) / sqrt(k), w ~ N(0, 2/d I), shape (points, k).

    `rng` draws the weights, `inputs` (points, d) holds the points in rows, `k` >= 1.

    >>> relu_features(np.random.default_rng(0), [[1.0, 2.0], [0.0, 0.0]], 3)[1].tolist()
    [0.0, 0.0, 0.0]
    """
    points, count = _matrix("inputs", inputs), int(check_size("k", k))
    width = points.shape[1]
    weights = math.sqrt(2 / (width * count)) * rng.standard_normal((width, count))
    return np.maximum(points @ weights, 0.0)


@lru_cache(maxsize=1)
def _pool_kernel() -> Array:
    """The limit kernel on the whole pool."""
    inputs, _ = digits_pool()
    return _frozen(arc_cosine_kernel(inputs, inputs))


@lru_cache(maxsize=1)
def digits_eigensystem() -> tuple[Array, Array]:
    """Return eigenvalues of K/N, decreasing, and target powers v_i^2 = (u_i'y)^2 / N, (1797,) each; read-only.

    u_i are the orthonormal eigenvectors of the limit kernel on the pool, so that the functions sqrt(N) u_i have mean
    square 1 on the pool and the powers sum to the target's mean square, 1: no part of the target is left out.
    All eigenvalues are > 0, from 0.33 down to 7e-7.

    >>> eigenvalues, target_power = digits_eigensystem()
    >>> round(float(eigenvalues.sum()), 9), round(float(target_power.sum()), 9)
    (1.0, 1.0)
    """
    _, labels = digits_pool()
    values, vectors = np.linalg.eigh(_pool_kernel() / POOL_SIZE)
    power = (vectors.T @ labels) ** 2 / POOL_SIZE
    return _frozen(np.maximum(values[::-1], 0.0)), _frozen(power[::-1])


def digits_errors(rng: np.random.Generator, replicates: int, *, n: int, k: float, ridges: ArrayLike) -> Array:
    """Return [test MSE, train MSE] of ReLU-feature regression on digits, shape (replicates, ridges, 2).

    Each replicate trains on a fresh random subset with fresh features and is tested on the rest of the pool.

    `rng` is the only source of randomness; `replicates` >= 1; 1 <= `n` < 1797 training points; `k` >= 1 features, inf
    (or "inf") for the limit kernel; `ridges` >= 0 in the units of the kernel, without 1/n, 0 for least norm.

    At a huge ridge the predictor is zero and the target has mean square 1:

    >>> digits_errors(np.random.default_rng(0), 1, n=5, k=3, ridges=(1e9,)).round(6).tolist()
    [[[1.0, 1.0]]]
    """
    samples, features = check_size("n", n), check_size("k", k, allow_inf=True)
    if samples >= POOL_SIZE:
        raise ValueError(f"n must be < {POOL_SIZE}, the size of the pool, got n={samples}")
    grid = digits_grid_errors(rng, replicates, sample_counts=(samples,), feature_counts=(features,), ridges=ridges)
    return grid[:, 0, 0]


def digits_grid_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    sample_counts: ArrayLike,
    feature_counts: ArrayLike,
    ridges: ArrayLike,
) -> Array:
    """Return [test MSE, train MSE] on a grid of sizes, (replicates, sample counts, feature counts, ridges, 2).

    In a replicate the training sets are nested (leading points of one random order), and the features of one k are
    shared by all n; features of different k are independent. `sample_counts` lists n, `feature_counts` k; `rng`,
    `replicates`, `ridges` and the domains as in `digits_errors`. One row or one column is a panel.

    >>> setting = dict(sample_counts=(5, 9), feature_counts=(3, "inf", 7), ridges=(0.1,))
    >>> digits_grid_errors(np.random.default_rng(0), 1, **setting).shape
    (1, 2, 3, 1, 2)
    """
    rows = [int(n) for n in check_counts("sample_counts", sample_counts)]
    columns, penalties = check_counts("feature_counts", feature_counts, allow_inf=True), check_ridges(ridges)
    if max(rows) >= POOL_SIZE:
        raise ValueError(f"sample_counts must be < {POOL_SIZE}, the size of the pool, got {max(rows)}")
    grids = np.empty((int(check_size("replicates", replicates)), len(rows), len(columns), penalties.size, 2))
    for grid in grids:
        order = rng.permutation(POOL_SIZE)
        for j, k in enumerate(columns):
            solve_cell = _feature_cell(rng, order, k)
            for i, n in enumerate(rows):
                grid[i, j] = solve_cell(n, penalties)
    return grids


def _feature_cell(rng: np.random.Generator, order: NDArray[np.int64], k: float) -> Callable[[int, Array], Array]:
    """Draw k features and return the function (n, ridges) -> errors (ridges, 2) of the first n points in `order`.

    The limit kernel (k = inf) has the Cholesky root of its training block as features.
    """
    inputs, labels = (part[order] for part in digits_pool())
    if math.isinf(k):
        kernel = _pool_kernel()

        def draw(n: int) -> tuple[Array, Array]:
            rows = kernel[order[:n]][:, order]  # n rows only: all of the pool's would cost most of the replicate
            root = cholesky(rows[:, :n])
            return root, solve(root, rows[:, n:]).T

    else:
        features = relu_features(rng, inputs, int(k))

        def draw(n: int) -> tuple[Array, Array]:
            return features[:n], features[n:]

    def errors(n: int, ridges: Array) -> Array:
        train, test = draw(n)
        path = ridge_path(train[None], labels[None, :n], ridges)
        misses = labels[n:, None] - test @ path.coefficients[0]
        return np.stack([np.mean(misses**2, axis=0), path.residual()[0] / n], axis=-1)

    return errors


def _matrix(name: str, value: ArrayLike) -> Array:
    """Return `value` as a float64 matrix; NaN and infinities are refused."""
    array = check_range(name, value)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must be a matrix of shape (points, d), got shape {array.shape}")
    return array


def _frozen(array: Array) -> Array:
    """Return a contiguous read-only copy, safe to share between callers."""
    copy = np.array(array, dtype=np.float64)
    copy.setflags(write=False)
    return copy
