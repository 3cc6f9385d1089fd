"""Measures of ensembles of feature draws and of the variance split over data and features.

Both have the form measure(rng, replicates, **setting) -> array (replicates, ...) and run on the power-law task:
eigenvalues i^-alpha, target power target_scale * i^-beta, i = 1..modes. Settings outside the stated domains raise
`ValueError`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.random_features._arguments import averages_noise, check_counts, check_ridges, check_size
from simulations.random_features._draws import batches
from simulations.random_features.gaussian import draw_samples
from simulations.random_features.ridge_path import RidgePath, ridge_path
from simulations.random_features.sides import ModeSide
from simulations.random_features.task import Task, power_law_task

__all__ = ["ensemble_errors", "variance_split"]

Array = NDArray[np.float64]
_MEMBERS_FOR_LIMIT = 8  # feature draws behind the estimate at infinitely many members, when no finite count asks more


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
    `noise_variance`, `target_scale` as in `power_law.power_law_errors`.

    Source: derived (rf.F7).

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
    `noise` as in `power_law.power_law_errors`. Explicit in mode space: the cost grows like modes * n * k, meant for
    modes <= 1000. Source: derived (rf.F7).

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
