"""Measures on the power-law task: eigenvalues i^-alpha, target power i^-beta, i = 1..modes (alpha = 0: isotropic).

Every measure has the form measure(rng, replicates, **setting) -> array (replicates, ...): it is deterministic given
the state of `rng`, its settings are numbers, tuples of numbers or strings ("inf" for infinitely many features), and
it never returns NaN. The last axis holds [test MSE, train MSE]; the test MSE includes the noise variance. Settings
outside the stated domains raise `ValueError`, a spectrum too steep for float64 `ArithmeticError`.

The experiment is the paper's, on its Gaussian data; the way it is drawn is derived in `gaussian`. The measures serve
rf.F1 to rf.F5, rf.F8, rf.T1, rf.T1c, rf.T1m, rf.T2 and rf.E1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.random_features._arguments import averages_noise, check_counts, check_ridges, check_size
from simulations.random_features._draws import batches
from simulations.random_features.gaussian import (
    draw_samples,
    errors_of,
    gaussian_errors,
)
from simulations.random_features.sides import ModeSide, draw_features
from simulations.random_features.task import Task, gaussian_task, power_law_task

__all__ = [
    "fixed_features_panel",
    "fixed_samples_panel",
    "power_law_errors",
    "size_grid_errors",
    "spectrum_errors",
]

Array = NDArray[np.float64]


def power_law_errors(
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
    """Return [test MSE, train MSE] of random-feature regression on the power-law task, (replicates, ridges, 2).

    Exact in law at any sizes (see `gaussian`); replicates are independent, the ridges of one replicate share its draw.

    `rng` is the only source of randomness; `replicates` >= 1; `n` >= 1 samples; `k` >= 1 features, inf (or "inf") for
    kernel ridge regression; `ridges` >= 0 in the units of the eigenvalues, without 1/n, 0 for the solution of least
    norm; `alpha` >= 0 (0: isotropic) and `beta` >= 0 the exponents; `modes` >= 1; `noise_variance` >= 0 of training
    and test labels; `target_scale` >= 0 multiplies the target power; `noise` "drawn", or "averaged" for errors averaged
    over the label noise: exact in the mean, with 2 to 10 times less spread. At ridge 0 and n = k the mean is infinite.

    At a huge ridge the predictor is zero, test = target power + noise variance = 4 (1 + 1/4) + 1/2:

    >>> setting = dict(n=3, k=5, ridges=(1e12,), alpha=1.0, beta=2.0, modes=2, noise_variance=0.5, target_scale=4.0)
    >>> np.round(power_law_errors(np.random.default_rng(0), 2, **setting)[:, 0, 0], 6).tolist()
    [5.5, 5.5]
    """
    task = power_law_task(alpha, beta, modes, noise_variance, target_scale)
    return gaussian_errors(rng, replicates, n, k, ridges, task, noise)


def spectrum_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    k: float,
    ridges: ArrayLike,
    eigenvalues: ArrayLike,
    target_power: ArrayLike,
    noise_variance: float,
    noise: str = "drawn",
) -> Array:
    """Return [test MSE, train MSE] on Gaussian data with any spectrum, (replicates, ridges, 2).

    As `power_law_errors` with the spectrum given: `eigenvalues` (modes,) >= 0, not all 0, and `target_power` (modes,)
    >= 0, the squared target coefficients. `rng`, `replicates`, `n`, `k`, `ridges`, `noise_variance`, `noise` as there.

    >>> setting = dict(n=3, k="inf", ridges=(1e12,), eigenvalues=(1.0, 0.0), target_power=(1.0, 0.25))
    >>> spectrum_errors(np.random.default_rng(0), 1, **setting, noise_variance=0.5).round(6)[0, 0, 0].tolist()
    1.75
    """
    task = gaussian_task(eigenvalues, target_power, noise_variance)
    return gaussian_errors(rng, replicates, n, k, ridges, task, noise)


def fixed_samples_panel(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    feature_counts: ArrayLike,
    ridges: ArrayLike,
    alpha: float,
    beta: float,
    modes: int,
    noise_variance: float,
    noise: str = "drawn",
) -> Array:
    """Return [test MSE, train MSE] for many numbers of features on one training set, (replicates, sizes, ridges, 2).

    Exact in law at each size; within a replicate all sizes share the training set, as in the paper, while features
    are drawn afresh for each, so neighbouring points are correlated. `feature_counts` lists k >= 1, inf allowed; `rng`,
    `replicates`, `n`, `ridges`, `alpha`, `beta`, `modes`, `noise_variance`, `noise` as in `power_law_errors`.

    >>> setting = dict(n=3, feature_counts=(2, 9), ridges=(0.1,), alpha=1.5, beta=1.5, modes=20, noise_variance=0.5)
    >>> fixed_samples_panel(np.random.default_rng(0), 4, **setting).shape
    (4, 2, 1, 2)
    """
    task = power_law_task(alpha, beta, modes, noise_variance)
    count, samples = int(check_size("replicates", replicates)), int(check_size("n", n))
    sizes, penalties = check_counts("feature_counts", feature_counts, allow_inf=True), check_ridges(ridges)
    average = averages_noise(noise)
    steps = batches(count, samples, task.modes)
    return np.concatenate([_sample_row(rng, batch, samples, sizes, penalties, task, average) for batch in steps])


def fixed_features_panel(
    rng: np.random.Generator,
    replicates: int,
    *,
    k: float,
    sample_counts: ArrayLike,
    ridges: ArrayLike,
    alpha: float,
    beta: float,
    modes: int,
    noise_variance: float,
    noise: str = "drawn",
) -> Array:
    """Return [test MSE, train MSE] for many numbers of samples on one feature draw, (replicates, sizes, ridges, 2).

    Exact in law at each size; within a replicate all sizes share the k features, while training sets are drawn afresh
    for each. `sample_counts` lists n >= 1; `k` >= 1 is finite; `rng`, `replicates`, `ridges`, `alpha`, `beta`, `modes`,
    `noise_variance`, `noise` as in `power_law_errors`.

    >>> setting = dict(k=3, sample_counts=(2, 9), ridges=(0.1,), alpha=1.5, beta=1.5, modes=20, noise_variance=0.5)
    >>> fixed_features_panel(np.random.default_rng(0), 4, **setting).shape
    (4, 2, 1, 2)
    """
    task = power_law_task(alpha, beta, modes, noise_variance)
    count, features = int(check_size("replicates", replicates)), int(check_size("k", k))
    sizes, penalties = [int(n) for n in check_counts("sample_counts", sample_counts)], check_ridges(ridges)
    average = averages_noise(noise)
    steps = batches(count, features, task.modes)
    return np.concatenate([_feature_row(rng, batch, features, sizes, penalties, task, average) for batch in steps])


def size_grid_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    sample_counts: ArrayLike,
    feature_counts: ArrayLike,
    ridges: ArrayLike,
    alpha: float,
    beta: float,
    modes: int,
    noise_variance: float,
    noise: str = "drawn",
) -> Array:
    """Return [test MSE, train MSE] on a grid of sizes, (replicates, sample counts, feature counts, ridges, 2).

    Exact in law in each cell. The smaller size of a cell is the conditioned one: cells with n < k of one n share a
    training set, cells with k <= n of one k share a feature draw. `sample_counts` lists n >= 1, `feature_counts` k >= 1
    (inf allowed), and `rng`, `replicates`, `ridges`, `alpha`, `beta`, `modes`, `noise_variance`, `noise` are as in
    `power_law_errors`. A cell costs about min(n, k)^3 flops, a row modes * min(n, k)^2 more.

    >>> setting = dict(sample_counts=(2, 9), feature_counts=(3, 4, 5), ridges=(0.1,), alpha=1.5, beta=1.5, modes=20)
    >>> size_grid_errors(np.random.default_rng(0), 2, **setting, noise_variance=0.5).shape
    (2, 2, 3, 1, 2)
    """
    task = power_law_task(alpha, beta, modes, noise_variance)
    rows = [int(n) for n in check_counts("sample_counts", sample_counts)]
    columns, penalties = check_counts("feature_counts", feature_counts, allow_inf=True), check_ridges(ridges)
    count = int(check_size("replicates", replicates))
    average = averages_noise(noise)
    steps = batches(count, min(max(rows), max(int(min(k, task.modes)) for k in columns)), task.modes)
    return np.concatenate([_grid(rng, batch, rows, columns, penalties, task, average) for batch in steps])


def _grid(
    rng: np.random.Generator,
    batch: int,
    rows: list[int],
    columns: list[float],
    ridges: Array,
    task: Task,
    average: bool,
) -> Array:
    """A batch of grids, conditioned on the smaller size of each cell: (batch, rows, columns, ridges, 2)."""
    grid = np.empty((batch, len(rows), len(columns), ridges.size, 2))
    for i, n in enumerate(rows):
        if wider := [j for j, k in enumerate(columns) if n < k]:
            grid[:, i, wider] = _sample_row(rng, batch, n, [columns[j] for j in wider], ridges, task, average)
    for j, k in enumerate(columns):
        if taller := [i for i, n in enumerate(rows) if k <= n]:
            grid[:, taller, j] = _feature_row(rng, batch, int(k), [rows[i] for i in taller], ridges, task, average)
    return grid


def _sample_row(
    rng: np.random.Generator, batch: int, n: int, sizes: list[float], ridges: Array, task: Task, average: bool
) -> Array:
    """One training set per batch item, all feature counts: (batch, sizes, ridges, 2)."""
    if n < task.modes:
        samples = draw_samples(rng, batch, n, task, average)
        fits = (samples.fit(rng, k, ridges) for k in sizes)
    else:
        side = ModeSide(task)
        data = side.data(rng, batch, n)
        fits = (side.fit(data, side.features(rng, batch, k), ridges, n, average) for k in sizes)
    return np.stack([errors_of(fit, n) for fit in fits], axis=1)


def _feature_row(
    rng: np.random.Generator, batch: int, k: int, sizes: list[int], ridges: Array, task: Task, average: bool
) -> Array:
    """One feature draw per batch item, all sample counts: (batch, sizes, ridges, 2)."""
    if k < task.modes:
        drawn = draw_features(rng, batch, k, task)
        fits = (drawn.fit(rng, n, ridges, average) for n in sizes)
    else:
        side = ModeSide(task)
        features = side.features(rng, batch, k)
        fits = (side.fit(side.data(rng, batch, n), features, ridges, n, average) for n in sizes)
    return np.stack([errors_of(fit, n) for fit, n in zip(fits, sizes, strict=True)], axis=1)
