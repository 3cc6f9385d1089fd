"""Eigensystems and ridgeless proxies of the limit kernel on random subsets of the digits.

As in `digits`: inputs centred and scaled, target +-1 for odd and even digits, the closed kernel of ReLU features. A
subset's own n x n kernel matrix is all that an experimenter sees; its eigenvalues depend on n, and the proxies
1 / tr K^-1 and ridgeless test error are what the paper fits exponents to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.random_features._arguments import check_counts, check_size
from simulations.random_features.digits import POOL_SIZE, arc_cosine_kernel, digits_pool

__all__ = ["digits_proxies", "digits_spectrum"]

Array = NDArray[np.float64]


def digits_spectrum(rng: np.random.Generator, replicates: int, *, n: int) -> Array:
    """Return [eigenvalues of K/n, target powers] of random subsets of the digits, (replicates, n, 2), decreasing.

    The target power of mode i is (u_i'y)^2 / n, u_i the unit eigenvectors of the subset's kernel matrix K, y its
    labels; the powers of a replicate sum to 1. `rng` draws the subsets; `replicates` >= 1; 1 <= `n` <= 1797 points.
    Raises `ValueError` outside these domains.

    >>> sample = digits_spectrum(np.random.default_rng(0), 2, n=1)
    >>> sample.shape, sample[:, :, 1].tolist()
    ((2, 1, 2), [[1.0], [1.0]])
    """
    count, points = int(check_size("replicates", replicates)), _check_points("n", n, POOL_SIZE)
    inputs, labels = digits_pool()
    result = np.empty((count, points, 2))
    for sample in result:
        chosen = rng.permutation(POOL_SIZE)[:points]
        values, vectors = np.linalg.eigh(arc_cosine_kernel(inputs[chosen], inputs[chosen]) / points)
        sample[:, 0] = np.maximum(values[::-1], 0.0)
        sample[:, 1] = (vectors.T @ labels[chosen])[::-1] ** 2 / points
    return result


def digits_proxies(rng: np.random.Generator, replicates: int, *, sample_counts: ArrayLike) -> Array:
    """Return [1 / tr K^-1, ridgeless test MSE] of the limit kernel on digits per size, (replicates, sizes, 2).

    The sizes of a replicate are nested subsets of one random order, hence correlated; tested on the rest of the pool.
    `rng` draws the order; `replicates` >= 1; `sample_counts` lists n, 1 <= n < 1797. Raises `ValueError` outside
    these domains.

    One point with kernel k(x, x) = 1 / (1 / k(x, x)):

    >>> rng = np.random.default_rng(0)
    >>> first = np.random.default_rng(0).permutation(1797)[0]
    >>> kappa = digits_proxies(rng, 1, sample_counts=(1,))[0, 0, 0]
    >>> bool(abs(kappa / np.mean(digits_pool()[0][first] ** 2) - 1) < 1e-12)
    True
    """
    count = int(check_size("replicates", replicates))
    sizes = [_check_points("sample_counts", n, POOL_SIZE - 1) for n in check_counts("sample_counts", sample_counts)]
    inputs, labels = digits_pool()
    result = np.empty((count, len(sizes), 2))
    for rows in result:
        order = rng.permutation(POOL_SIZE)
        kernel = arc_cosine_kernel(inputs[order], inputs[order[: max(sizes)]])
        response = labels[order]
        for row, n in zip(rows, sizes, strict=True):
            inverse = np.linalg.inv(kernel[:n, :n])
            misses = response[n:] - kernel[n:, :n] @ (inverse @ response[:n])
            row[:] = 1 / np.trace(inverse), np.mean(misses**2)
    return result


def _check_points(name: str, value: float, most: int) -> int:
    """Return a number of points of the pool, at most `most`."""
    points = int(check_size(name, value))
    if points > most:
        raise ValueError(f"{name} must be <= {most}, got {name}={points}")
    return points
