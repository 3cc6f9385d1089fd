"""Measures beyond the two errors: GCV, ensembles, the variance split, ridgeless anchors, exponents by proxy.

All have the form measure(rng, replicates, **setting) -> array (replicates, ...) of `power_law` and run on its task:
eigenvalues i^-alpha, target power target_scale * i^-beta, i = 1..modes. Test errors include the noise variance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_range
from simulations.random_features._arguments import averages_noise, check_counts, check_ridges, check_size
from simulations.random_features._draws import batches, normal_blocks
from simulations.random_features.gaussian import (
    ModeSide,
    draw_features,
    draw_fit,
    draw_samples,
    errors_of,
    sample_moments,
)
from simulations.random_features.ridge_path import RidgePath, ridge_path
from simulations.random_features.task import Task, power_law_task

__all__ = ["ensemble_errors", "gcv_estimates", "proxy_statistics", "ridgeless_anchor", "variance_split"]

Array = NDArray[np.float64]
_MEMBERS_FOR_LIMIT = 8  # feature draws behind the estimate at infinitely many members, when no finite count asks more


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


def ensemble_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    k: float,
    ridges: ArrayLike,
    members: ArrayLike,
    alpha: float,
    beta: float,
    modes: int,
    noise_variance: float,
    target_scale: float = 1.0,
) -> Array:
    """Return the test MSE of the average of m predictors, (replicates, members, ridges).

    The m predictors have independent feature draws and the same training set. Exact in law given the data, averaged
    over test points and over the part of the features that the data do not see (its variance falls like 1/m). The
    first m of one list of draws are averaged for every m, so members of a replicate are correlated. m = inf is the
    unbiased estimate from the pairs of distinct draws, at least 8 of them.

    `members` lists m >= 1, inf (or "inf") allowed; `rng`, `replicates`, `n`, `k`, `ridges`, `alpha`, `beta`, `modes`,
    `noise_variance`, `target_scale` as in `gcv_estimates`.

    With kernel ridge regression (k = inf) the members are equal and averaging changes nothing:

    >>> setting = dict(n=4, k="inf", ridges=(0.1,), alpha=1.5, beta=1.5, modes=20, noise_variance=0.5)
    >>> errors = ensemble_errors(np.random.default_rng(0), 1, members=(1, 3), **setting)
    >>> bool(abs(errors[0, 0, 0] / errors[0, 1, 0] - 1) < 1e-12)
    True
    """
    task = power_law_task(alpha, beta, modes, noise_variance, target_scale)
    count, samples = int(check_size("replicates", replicates)), int(check_size("n", n))
    features, penalties = check_size("k", k, allow_inf=True), check_ridges(ridges)
    sizes = check_counts("members", members, allow_inf=True)
    return np.concatenate(
        [
            _ensemble(rng, batch, samples, features, penalties, sizes, task)
            for batch in batches(count, min(samples, task.modes), task.modes)
        ]
    )


def _ensemble(
    rng: np.random.Generator, batch: int, n: int, k: float, ridges: Array, sizes: list[float], task: Task
) -> Array:
    """A batch of ensembles: running sums of weights and spreads, read off at each size: (batch, sizes, ridges).

    The limit uses that the risk is quadratic in the average: with J draws, (J^2 risk(mean) - sum of risks)/(J^2 - J)
    keeps the products of distinct draws only, whose unseen parts are independent (spread 0).
    """
    finite = [int(m) for m in sizes if not math.isinf(m)]
    draws = max([*finite, _MEMBERS_FOR_LIMIT if len(finite) < len(sizes) else 1])
    if n < task.modes:
        samples = draw_samples(rng, batch, n, task)
        risk = samples.risk
    else:
        side = ModeSide(task)
        data = side.data(rng, batch, n)

        def risk(weights: Array, spread: Array | float) -> Array:
            return side.risk(weights) + spread

    result = np.empty((batch, len(sizes), ridges.size))
    total, spreads, alone = np.zeros(()), np.zeros(()), np.zeros(())
    for m in range(1, draws + 1):
        if n < task.modes:
            _, weights, spread = samples.solve(samples.draw(rng, k), k, ridges)
        else:
            (_, weights), spread = side.weights(data, side.features(rng, batch, k), ridges), 0.0
        total, spreads, alone = total + weights, spreads + spread, alone + risk(weights, 0.0)
        for where in (i for i, size in enumerate(sizes) if size == m):
            result[:, where] = risk(total / m, spreads / m**2)
    for where in (i for i, size in enumerate(sizes) if math.isinf(size)):
        result[:, where] = (draws**2 * risk(total / draws, 0.0) - alone) / (draws**2 - draws)
    return result


def variance_split(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    k: int,
    ridges: ArrayLike,
    alpha: float,
    beta: float,
    modes: int,
    noise_variance: float,
    target_scale: float = 1.0,
    noise: str = "drawn",
) -> Array:
    """Return unbiased [squared bias, feature variance, sample variance, interaction], (replicates, ridges, 4).

    From two training sets (inputs and noise) and two feature draws the four predictors give errors e_ab = w_ab - v in
    mode space (a: data, b: features). With <> averaged over the choices, bias = <e_11, e_22>; feature variance =
    <e_11, e_21> - bias (same features, other data); sample variance = <e_11, e_12> - bias (same data, other
    features: the variance, over data and noise, of the feature-averaged predictor); the interaction is the rest of
    <e_11, e_11>. The four sum to the test MSE less the noise variance. Single values may be negative.

    `k` >= 1 is finite; `rng`, `replicates`, `n`, `ridges`, `alpha`, `beta`, `modes`, `noise_variance`, `target_scale`,
    `noise` as in `gcv_estimates`. Explicit in mode space: the cost grows like modes * n * k, meant for modes <= 1000.

    >>> setting = dict(n=4, k=5, ridges=(1e9,), alpha=1.0, beta=2.0, modes=2, noise_variance=0.5)
    >>> np.round(variance_split(np.random.default_rng(0), 1, **setting)[0, 0], 6).tolist()
    [1.25, 0.0, 0.0, 0.0]
    """
    task = power_law_task(alpha, beta, modes, noise_variance, target_scale)
    count, samples, features = (
        int(check_size(name, value)) for name, value in (("replicates", replicates), ("n", n), ("k", k))
    )
    penalties, average = check_ridges(ridges), averages_noise(noise)
    steps = batches(count, max(samples, features), task.modes)
    return np.concatenate([_split(rng, batch, samples, features, penalties, task, average) for batch in steps]) + 0.0


def _split(rng: np.random.Generator, batch: int, n: int, k: int, ridges: Array, task: Task, average: bool) -> Array:
    """A batch of 2 x 2 designs: (batch, ridges, 4)."""
    inputs = rng.standard_normal((2, batch, n, task.modes))
    labels = inputs @ task.target
    if not average:
        labels += math.sqrt(task.noise_variance) * rng.standard_normal((2, batch, n))
    maps = np.sqrt(task.eigenvalues / k)[:, None] * rng.standard_normal((2, batch, task.modes, k))
    paths = [[ridge_path(x @ b, y, ridges) for b in maps] for x, y in zip(inputs, labels, strict=True)]
    error = np.array([[b @ path.coefficients for b, path in zip(maps, row, strict=True)] for row in paths])
    products = _products(error - task.target[:, None])
    bias = (products[0, 0, 1, 1] + products[0, 1, 1, 0]) / 2
    same_features = (products[0, 0, 1, 0] + products[0, 1, 1, 1]) / 2
    same_data = (products[0, 0, 0, 1] + products[1, 0, 1, 1]) / 2
    total = np.einsum("ababxr->xr", products) / 4
    if average:
        shared = [_noise_products(maps, row) for row in paths]
        same_data += task.noise_variance * sum(both[0, 1] for both in shared) / 2
        total += task.noise_variance * sum(both[0, 0] + both[1, 1] for both in shared) / 4
    parts = [bias, same_features - bias, same_data - bias, total - same_features - same_data + bias]
    return np.stack(parts, axis=-1)


def _products(error: Array) -> Array:
    """Inner products over modes of all pairs of the four errors: (2, 2, 2, 2, batch, ridges)."""
    flat = np.moveaxis(error.reshape(4, *error.shape[2:]), 2, 0)
    products = np.array([[np.sum(flat[:, i] * flat[:, j], axis=0) for j in range(4)] for i in range(4)])
    return products.reshape(2, 2, 2, 2, *products.shape[2:])


def _noise_products(maps: Array, paths: list[RidgePath]) -> Array:
    """Mean product, over unit label noise on one training set, of the weights from two feature draws.

    The noise e gives weights W diag(1/(D + ridge)) U' e with W = map times directions and U the left singular vectors;
    the trace of a product of two is a quadratic form in 1/(D + ridge): (2, 2, batch, ridges).
    """
    weights = [b @ path.directions() for b, path in zip(maps, paths, strict=True)]
    floors = [np.where(path.eigenvalues > 0, path.eigenvalues, np.inf) for path in paths]
    lefts = [path.design @ path.directions() / floor[:, None] for path, floor in zip(paths, floors, strict=True)]
    scales = [1 / (floor[:, :, None] + path.ridges) for path, floor in zip(paths, floors, strict=True)]
    pairs = [
        [
            np.einsum(
                "bir,bij,bjr->br",
                scales[i],
                (weights[i].swapaxes(1, 2) @ weights[j]) * (lefts[i].swapaxes(1, 2) @ lefts[j]),
                scales[j],
                optimize=True,
            )
            for j in range(2)
        ]
        for i in range(2)
    ]
    return np.array(pairs)


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
    moment is finite only for n - k >= 8; take sizes there.

    `rng` is the only source of randomness; `replicates` >= 1; `n` samples; 1 <= `k` <= min(n - 2, modes) features;
    `alpha`, `beta` >= 0 the exponents; `modes`; `noise_variance` > 0.

    >>> setting = dict(n=20, k=5, alpha=1.5, beta=1.5, modes=30, noise_variance=0.5)
    >>> ratios = ridgeless_anchor(np.random.default_rng(0), 3, **setting)
    >>> ratios.shape, bool(np.all(ratios[:, 0] > 1))
    ((3, 2), True)
    """
    task = power_law_task(
        alpha, beta, modes, float(check_range("noise_variance", noise_variance, open_low=True, low=0.0))
    )
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
    n^-alpha, n^(1-beta) and tend to alpha. Exact given the inputs. The sizes of a replicate are nested subsets of one
    training set, hence correlated.

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
