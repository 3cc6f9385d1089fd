"""Experiments of the figures alone: the row's simulations put together, and closed forms on the very same draws.

Each is a measure(rng, replicates, **setting) -> array (replicates, ...). Those without randomness repeat one result.
Where a closed form stands beside the literal computation, both see the same split: the generator is copied before use.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations import self_distillation as simulation
from simulations.self_distillation.data import data_pool, noisy_labels, one_hot, split
from theory import self_distillation as theory

__all__ = [
    "digits_both",
    "left_out_terms",
    "network_paths",
    "pair_filters",
    "problem_losses",
    "smooth_problem",
    "tables_both",
    "toy_filters",
    "toy_recursion",
    "toy_schedule_losses",
]

Array = NDArray[np.float64]
CLASSES = 10


def _repeated(result: ArrayLike, replicates: int) -> Array:
    """The same result for each replicate."""
    array = np.asarray(result, dtype=float)
    return np.repeat(array[None], replicates, axis=0)


# ---------------------------------------------------------------- without randomness


def toy_recursion(rng: np.random.Generator, replicates: int, *, alphas: ArrayLike, ridge: float) -> Array:
    """Return the fits of every step on the toy's grid of 101 points by one solve a step: (replicates, steps, 101)."""
    grid, _ = simulation.toy_grid()
    cross = simulation.toy_kernel(grid)
    fits = simulation.literal_fits(simulation.toy_kernel(), simulation.TOY_TARGETS, ridge, alphas, cross_gram=cross)
    return _repeated(fits, replicates)


def toy_filters(rng: np.random.Generator, replicates: int, *, alphas: ArrayLike, ridge: float) -> Array:
    """Return by how much every step multiplies each eigenvector of the toy's kernel: (replicates, steps, 11).

    The eigenvectors, by falling eigenvalue, are the targets of the recursion.
    """
    kernel = simulation.toy_kernel()
    vectors = np.linalg.eigh(kernel)[1][:, ::-1]
    return _repeated(np.sum(vectors * simulation.literal_fits(kernel, vectors, ridge, alphas), axis=1), replicates)


def pair_filters(
    rng: np.random.Generator, replicates: int, *, pairs: ArrayLike, ridge: float, alphas: ArrayLike
) -> Array:
    """Return the filters of pairs of eigenvalues by the recursion on a diagonal kernel: (replicates, pairs, steps, 2).

    `pairs` (pairs, 2).
    """
    filters = [simulation.literal_fits(np.diag(pair), np.ones(2), ridge, alphas) for pair in np.asarray(pairs)]
    return _repeated(filters, replicates)


def toy_schedule_losses(rng: np.random.Generator, replicates: int, *, schedules: ArrayLike, ridge: float) -> Array:
    """Return the toy's loss at the last step of each row of `schedules`: (replicates, schedules)."""
    losses = [simulation.toy_losses(schedule, ridge)[-1] for schedule in np.asarray(schedules, dtype=float)]
    return _repeated(losses, replicates)


def smooth_problem(draw: int) -> tuple[Array, Array, Array, Array]:
    """Return kernel, targets, kernel to new points, clean targets there of problem number `draw`.

    60 training points in the unit square, a smooth function of them with noise of deviation 0.6, an RBF kernel, 200 new
    points without noise.

    >>> [array.shape for array in smooth_problem(0)]
    [(60, 60), (60,), (200, 60), (200,)]
    """
    rng = np.random.default_rng([draw, 60])
    inputs = rng.random((260, 2))
    clean = np.sin(5.0 * inputs[:, 0]) + np.cos(4.0 * inputs[:, 1] + inputs[:, 0])
    train = inputs[:60]
    kernel, cross = (simulation.rbf_kernel(rows, train, 12.0) for rows in (train, inputs[60:]))
    return kernel, clean[:60] + 0.6 * rng.standard_normal(60), cross, clean[60:]


def problem_losses(
    rng: np.random.Generator, replicates: int, *, draw: int, ridge: float, schedules: list[list[float]]
) -> Array:
    """Return the mean squared error at the last step of each of `schedules` (of any lengths) on `smooth_problem(draw)`:
    (replicates, schedules)."""
    kernel, targets, cross, clean = smooth_problem(draw)
    fits = [simulation.literal_fits(kernel, targets, ridge, schedule, cross_gram=cross)[-1] for schedule in schedules]
    return _repeated(np.mean((np.array(fits) - clean) ** 2, axis=1), replicates)


# ---------------------------------------------------------------- estimates by refits


def left_out_terms(
    rng: np.random.Generator,
    replicates: int,
    *,
    samples: int,
    features: int,
    ridges: ArrayLike,
    signal_power: float,
    noise_variance: float,
) -> Array:
    """Return left-out A, B, C of one distillation, isotropic inputs, by refits: (replicates, ridges, 3).

    A and B are the mean squared left-out errors of ridge and of its pure student, C their mean product; `ridges`
    divided by n.
    """
    results = []
    few = features < samples
    for _ in range(replicates):
        inputs = rng.standard_normal((samples, features))
        signal = rng.choice((-1.0, 1.0), features) * np.sqrt(signal_power / features)
        labels = inputs @ signal + np.sqrt(noise_variance) * rng.standard_normal(samples)
        leave = simulation.left_out_primal_predictions if few else simulation.left_out_predictions
        given = inputs if few else inputs @ inputs.T
        rows = []
        for ridge in np.asarray(ridges, dtype=float):
            first, second = labels - leave(given, labels, samples * ridge, (0.0,))
            rows.append([np.mean(first**2), np.mean(second**2), np.mean(first * second)])
        results.append(rows)
    return np.array(results)


# ---------------------------------------------------------------- real data, both routes on the same draws


def digits_both(
    rng: np.random.Generator,
    replicates: int,
    *,
    ridge: float,
    alphas: ArrayLike,
    steps: int,
    samples: int,
    width: float,
    label_noise: float,
) -> Array:
    """Return [test MSE, accuracy] by the recursion and by the closed form: (replicates, 2, alphas, steps + 1, 2).

    The last step is the limit; arguments as in `simulations.self_distillation.digits_errors`.
    """
    shape = {"samples": samples, "width": width, "label_noise": label_noise}
    results = []
    for _ in range(replicates):
        twin = deepcopy(rng)
        literal = simulation.digits_errors(rng, 1, ridge=ridge, alphas=alphas, steps=steps, **shape)[0]
        results.append([literal, _digits_closed(twin, ridge, np.asarray(alphas, dtype=float), steps, **shape)])
    return np.array(results)


def _digits_closed(
    rng: np.random.Generator, ridge: float, alphas: Array, steps: int, samples: int, width: float, label_noise: float
) -> Array:
    """(alphas, steps + 1, 2) by the filter of constant weights at steps 1, 2, ..., inf."""
    inputs, classes = data_pool("digits")
    train, test = split(rng, len(inputs), samples)
    targets = one_hot(noisy_labels(rng, classes[train], CLASSES, label_noise), CLASSES)
    values, vectors = np.linalg.eigh(simulation.rbf_kernel(inputs[train], inputs[train], width))
    values = np.maximum(values, np.finfo(float).tiny)  # the filter over the eigenvalue has a limit at 0
    counts = np.append(np.arange(1.0, steps + 1), np.inf)
    filters = theory.constant_filter(values, ridge, alphas[:, None, None], counts[:, None]) / values
    rotated = simulation.rbf_kernel(inputs[test], inputs[train], width) @ vectors
    predictions = rotated @ (filters[..., None] * (vectors.T @ targets))
    truth = one_hot(classes[test], CLASSES)
    accuracy = np.mean(predictions.argmax(axis=-1) == truth.argmax(axis=-1), axis=-1)
    return np.stack([np.mean((predictions - truth) ** 2, axis=(-2, -1)), accuracy], axis=-1)


def tables_both(
    rng: np.random.Generator,
    replicates: int,
    *,
    data: str,
    ridges: ArrayLike,
    fine: ArrayLike,
    samples: int,
    validation: int,
) -> Array:
    """Return the test MSE of the five predictors of `table_errors`, (replicates, ridges + fine, 5).

    First by refits at `ridges`, then by the closed forms at the ridges `fine`; both divided by `samples`.
    """
    sizes = {"samples": samples, "validation": validation}
    results = []
    for _ in range(replicates):
        twin = deepcopy(rng)
        literal = simulation.table_errors(rng, 1, data=data, ridges=ridges, **sizes)[0, :, :, 0]
        results.append(np.concatenate([literal, _tables_closed(twin, data, np.asarray(fine, dtype=float), **sizes)]))
    return np.array(results)


def _tables_closed(rng: np.random.Generator, data: str, ridges: Array, samples: int, validation: int) -> Array:
    """(ridges, 5) by fits in the kernel form, exact leave-one-out and the closed form of the best weight."""
    inputs, targets = data_pool(data)
    truth = targets[:, None] if data == "diabetes" else one_hot(targets, int(targets.max()) + 1)
    train, chosen, test = split(rng, len(inputs), samples, validation)
    design = (inputs - inputs[train].mean(axis=0)) / inputs[train].std(axis=0)
    aims = truth - truth[train].mean(axis=0)
    gram, cross = design[train] @ design[train].T, design @ design[train].T
    rows = []
    for ridge in samples * ridges:
        first, pure = theory.fits(gram, aims[train], ridge, [0.0], cross)
        oracle, held = (theory.optimal_alpha(aims[at], first[at], pure[at]).alpha for at in (test, chosen))
        alphas = [1.0, oracle, theory.leave_one_out_alpha(gram, aims[train], ridge).alpha, held, np.clip(held, 0, 1)]
        rows.append([np.mean((a * first[test] + (1 - a) * pure[test] - aims[test]) ** 2) for a in alphas])
    return np.array(rows)


# ---------------------------------------------------------------- networks


def network_paths(
    rng: np.random.Generator,
    replicates: int,
    *,
    alphas: ArrayLike,
    steps: int,
    label_noise: float,
    samples: int,
    validation: int,
    iterations: int,
    hidden: tuple[int, ...],
) -> Array:
    """Return [test MSE, accuracy] of every student, then of mixed outputs: (replicates, alphas, steps + 1, 2).

    The mixture is alpha f + (1 - alpha) g of the first network f and its student without truth g, so the first of
    `alphas` must be 0; arguments as in `simulations.self_distillation.network_outputs`; all start from the same
    weights.
    """
    setting = {"label_noise": label_noise, "samples": samples, "validation": validation, "iterations": iterations}
    results = []
    for _ in range(replicates):
        outputs = simulation.network_outputs(
            rng, alphas=alphas, steps=steps, hidden=tuple(hidden), shared_start=True, **setting
        )
        weights = np.asarray(alphas, dtype=float)[:, None, None]
        mixed = weights * outputs.test[0, 0] + (1 - weights) * outputs.test[0, 1]
        everything = np.concatenate([outputs.test, mixed[:, None]], axis=1)
        error = np.mean((everything - outputs.test_truth) ** 2, axis=(-2, -1))
        accuracy = np.mean(everything.argmax(axis=-1) == outputs.test_truth.argmax(axis=-1), axis=-1)
        results.append(np.stack([error, accuracy], axis=-1))
    return np.array(results)
