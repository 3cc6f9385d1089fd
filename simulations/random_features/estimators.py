"""Measures beyond the two errors: GCV, ridgeless anchors, exponents by proxy.

All have the form measure(rng, replicates, **setting) -> array (replicates, ...) of `power_law` and run on its task:
eigenvalues i^-alpha, target power target_scale * i^-beta, i = 1..modes. Test errors include the noise variance.
Settings outside the stated domains raise `ValueError`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_number
from simulations.random_features._arguments import averages_noise, check_counts, check_ridges, check_size
from simulations.random_features._draws import batches, normal_blocks
from simulations.random_features.gaussian import (
    draw_fit,
    errors_of,
    sample_moments,
)
from simulations.random_features.ridge_path import RidgePath
from simulations.random_features.sides import draw_features
from simulations.random_features.task import Task, power_law_task

__all__ = ["gcv_estimates", "proxy_statistics", "ridgeless_anchor"]

Array = NDArray[np.float64]


def gcv_estimates(
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
    noise: str = "drawn",
) -> Array:
    """Return [kappa estimate, GCV estimate, test MSE, train MSE] per ridge, shape (replicates, ridges, 4).

    kappa estimate = 1 / tr (K + ridge)^-1 and GCV estimate = train MSE / ((ridge / n) tr (K + ridge)^-1)^2, both from
    training data alone; at ridge 0 their limits: 0 and train MSE / (1 - k/n)^2 for k < n, else the ratio of the
    quantities divided by ridge^2.

    `rng` is the only source of randomness; `replicates` >= 1; `n` >= 1 samples; `k` >= 1 features or inf; `ridges`
    >= 0 without 1/n; `alpha`, `beta` >= 0 the exponents; `modes` >= 1; `noise_variance` >= 0; `target_scale` >= 0;
    `noise` "drawn", or "averaged" over: exact in the mean, with 2 to 10 times less spread.

    Source: derived (rf.F6).

    As the ridge grows the predictor vanishes and GCV becomes the train error, kappa estimate becomes ridge / n:

    >>> setting = dict(n=4, k=5, ridges=(1e9,), alpha=1.5, beta=1.5, modes=20, noise_variance=0.5)
    >>> kappa, gcv, test, train = gcv_estimates(np.random.default_rng(0), 1, **setting)[0, 0]
    >>> round(float(kappa / 1e9), 6), round(float(gcv / train), 6)
    (0.25, 1.0)
    """
    task = power_law_task(alpha, beta, modes, noise_variance, target_scale)
    count, samples = int(check_size("replicates", replicates)), int(check_size("n", n))
    features, penalties = check_size("k", k, allow_inf=True), check_ridges(ridges)
    average, parts = averages_noise(noise), []
    for batch in batches(count, int(min(samples, features, task.modes)), task.modes):
        fit = draw_fit(rng, batch, samples, features, penalties, task, average)
        parts.append(np.concatenate([_gcv(fit[0], samples), errors_of(fit, samples)], axis=-1))
    return np.concatenate(parts)


def _gcv(path: RidgePath, n: int) -> Array:
    """[1 / tr (K + ridge)^-1, GCV], multiplied out by the ridge where K is singular so that ridge 0 is its limit."""
    kept = path.eigenvalues > 0
    null = n - np.sum(kept, axis=1)
    factor = np.where(null[:, None] > 0, path.ridges, 1.0)
    scale = np.where(kept, path.eigenvalues, 1.0)[:, :, None] + path.ridges
    shrink = np.where(kept[:, :, None], factor[:, None, :] / scale, 0.0)
    trace = np.sum(shrink, axis=1) + null[:, None]
    energy = np.einsum("brd,br->bd", shrink**2, path.energies) + np.where(null > 0, path.rest, 0.0)[:, None]
    return np.stack([factor / trace, n * energy / trace**2], axis=-1)


def ridgeless_anchor(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    k: int,
    alpha: float,
    beta: float,
    modes: int,
    noise_variance: float,
) -> Array:
    """Return [test MSE / rho, train MSE / rho] of the ridgeless solution with k < n - 1 features, (replicates, 2).

    rho is the error of the best predictor on the drawn features, noise included. The expectations are exact at any
    size: (n - 1)/(n - k - 1) and (n - k)/n. The test ratio has 1 + chi^2_k / chi^2_{n-k+1} as its law, so its fourth
    moment is finite only for n - k >= 8; take sizes there. Source: derived (rf.F8).

    `rng` is the only source of randomness; `replicates` >= 1; `n` samples; 1 <= `k` <= min(n - 2, modes) features;
    `alpha`, `beta` >= 0 the exponents; `modes`; `noise_variance` > 0.

    >>> setting = dict(n=20, k=5, alpha=1.5, beta=1.5, modes=30, noise_variance=0.5)
    >>> ratios = ridgeless_anchor(np.random.default_rng(0), 3, **setting)
    >>> ratios.shape, bool(np.all(ratios[:, 0] > 1))
    ((3, 2), True)
    """
    task = power_law_task(alpha, beta, modes, check_number("noise_variance", noise_variance, open_low=True, low=0.0))
    count, samples, features = (
        int(check_size(name, value)) for name, value in (("replicates", replicates), ("n", n), ("k", k))
    )
    if features > min(samples - 2, task.modes):
        raise ValueError(f"k must be <= n - 2 and <= modes, got k={k}, n={n}, modes={modes}")
    parts = []
    for batch in batches(count, features, task.modes):
        side = draw_features(rng, batch, features, task)
        errors = errors_of(side.fit(rng, samples, np.zeros(1)), samples)
        parts.append(errors[:, 0] / side.unexplained[:, None])
    return np.concatenate(parts)


def proxy_statistics(
    rng: np.random.Generator,
    replicates: int,
    *,
    sample_counts: ArrayLike,
    alpha: float,
    beta: float,
    modes: int,
) -> Array:
    """Return [kappa estimate, clean test MSE, pure-noise test MSE] of ridgeless kernel regression per size.

    Shape (replicates, sizes, 3): 1 / tr K^-1; the test error at noise 0; and the test error, test noise included, of
    labels that are noise of variance 1, averaged over the noise: 1 + tr K^-1 (X L^2 X') K^-1. As n grows they follow
    n^-alpha, n^(1-beta) and tend to alpha (rf.P). Exact given the inputs. The sizes of a replicate are nested subsets
    of one training set, hence correlated.

    `sample_counts` lists n, 1 <= n < modes (take modes >> n); `rng` is the only source of randomness; `replicates` >=
    1; `alpha`, `beta` >= 0 the exponents; `modes` the number of modes.

    >>> proxy_statistics(np.random.default_rng(0), 2, sample_counts=(3, 6), alpha=1.5, beta=1.5, modes=50).shape
    (2, 2, 3)
    """
    task = power_law_task(alpha, beta, modes)
    count = int(check_size("replicates", replicates))
    sizes = [int(n) for n in check_counts("sample_counts", sample_counts)]
    if max(sizes) >= task.modes:
        raise ValueError(f"sample_counts must be < modes, got sample_counts={max(sizes)}, modes={modes}")
    return np.stack([_proxies(rng, sizes, task) for _ in range(count)])


def _proxies(rng: np.random.Generator, sizes: list[int], task: Task) -> Array:
    """One training set and its leading subsets: (sizes, 3)."""
    largest = max(sizes)
    blocks = normal_blocks(rng, 1, largest, task.modes)
    first, second, labels, cross = (part[0] for part in sample_moments(blocks, np.zeros((1, largest)), task))
    rows = np.empty((len(sizes), 3))
    for row, n in zip(rows, sizes, strict=True):
        inverse = np.linalg.inv(first[:n, :n])
        dual = inverse @ labels[:n]
        spread = inverse @ second[:n, :n]
        clean = task.power - 2 * cross[:n] @ dual + dual @ second[:n, :n] @ dual
        row[:] = 1 / np.trace(inverse), clean, 1 + np.sum(spread * inverse.T)
    return rows
