"""Kernel self-distillation on real data: digits with noisy labels, and tuned students on small tables.

Every replicate is a fresh random split (and fresh label noise) of data that scikit-learn bundles. Digits: pixels in
[0, 1], RBF kernel, one-hot targets without centring, errors against the clean labels of the test points. Tables: linear
ridge regression, features standardised and targets centred by their training means and deviations, classes one-hot.
MSE is the mean over points and outputs.

The ridge is added to the kernel matrix of digits without 1/n; for the tables it is divided by the number of training
points. Settings outside the stated domains raise `ValueError`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_number, check_range
from simulations.self_distillation._arguments import check_alphas, check_ridges, check_size
from simulations.self_distillation._linear import solve
from simulations.self_distillation.data import data_pool, noisy_labels, one_hot, split
from simulations.self_distillation.filters import filter_steps, settled_step
from simulations.self_distillation.recursion import left_out_primal_predictions, literal_coefficients
from simulations.self_distillation.toy import rbf_kernel

__all__ = ["best_alpha", "digits_classes", "digits_errors", "digits_greedy_errors", "table_errors"]

Array = NDArray[np.float64]
_CLASSES = 10


def best_alpha(first: ArrayLike, pure: ArrayLike, truth: ArrayLike) -> float:
    """Return the alpha that brings alpha * first + (1 - alpha) * pure closest to `truth` in squares.

    `first` the predictions of the first model, `pure` those of the student without truth, `truth` the targets there,
    all of one shape; found by least squares. Equal predictions leave alpha open: 1 is returned, no distillation.

    >>> round(best_alpha([1.0, 2.0], [0.0, 1.0], [0.5, 1.0]), 12)
    0.25
    """
    given = {"first": first, "pure": pure, "truth": truth}
    one, none, aim = (check_range(name, values) for name, values in given.items())
    if not one.shape == none.shape == aim.shape or one.size == 0:
        raise ValueError(
            f"first, pure and truth must have one shape, not empty, got {one.shape}, {none.shape} and {aim.shape}"
        )
    if np.array_equal(one, none):
        return 1.0
    return float(np.linalg.lstsq((one - none).reshape(-1, 1), (aim - none).ravel(), rcond=None)[0][0])


def digits_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    ridge: float,
    alphas: ArrayLike,
    steps: int,
    samples: int = 600,
    width: float = 0.05,
    label_noise: float = 0.4,
) -> Array:
    """Return [test MSE, accuracy] of every step and of the limit, shape (replicates, alphas, steps + 1, 2).

    `alphas` lists constant weights of the truth in [0, 1], each a case of its own; after `steps` >= 1 steps follows the
    limit of infinitely many. `ridge` > 0; 1 <= `samples` < 1797 training points, the others are test points; `width` >=
    0 of the kernel exp(-width |x - x'|^2); `label_noise` in [0, 1] the share of training labels redrawn; `rng` the only
    source of randomness, `replicates` >= 1.

    A huge ridge predicts 0, and a one-hot row has mean square 1/10:

    >>> setting = dict(ridge=1e9, alphas=(0.5,), steps=1, samples=20)
    >>> digits_errors(np.random.default_rng(0), 1, **setting)[0, 0, :, 0].round(6).tolist()
    [0.1, 0.1]
    """
    constants, count = check_alphas(alphas), check_size("steps", steps)
    if constants.size == 0 or np.any((constants < 0) | (constants > 1)):
        raise ValueError(f"alphas must be a non-empty list of numbers in [0, 1], got alphas={constants.tolist()}")
    schedules = np.repeat(constants[:, None], count - 1, axis=1)
    penalty = check_ridges([ridge])
    results = []
    for _ in range(check_size("replicates", replicates)):
        values, parts, rotated, truth = _digits_eigensystem(rng, samples, width, label_noise)
        stages = [*filter_steps(values, penalty, schedules), settled_step(values, penalty, constants)]
        gains = np.stack([(stage.gain / stage.shrunk)[:, 0] for stage in stages], axis=1)
        results.append(_scores(rotated @ (gains[..., None] * parts), truth))
    return np.stack(results)


def digits_classes(
    rng: np.random.Generator,
    replicates: int,
    *,
    ridge: float,
    steps: ArrayLike,
    samples: int = 600,
    width: float = 0.05,
    label_noise: float = 0.0,
) -> Array:
    """Return how many classes are still predicted on the test points without truth (alpha = 0), (replicates, steps).

    `steps` lists the step numbers to look at; `rng`, `replicates`, `ridge`, `samples`, `width`, `label_noise` as in
    `digits_errors`. Filters are taken relative to the largest, so that thousands of steps do not underflow.

    >>> digits_classes(np.random.default_rng(0), 1, ridge=0.5, steps=(1,), samples=100).tolist()
    [[10.0]]
    """
    counts = [check_size(f"steps[{i}]", step) for i, step in enumerate(np.atleast_1d(steps))]
    penalty = check_number("ridge", ridge, low=0.0, open_low=True)
    result = np.empty((check_size("replicates", replicates), len(counts)))
    for row in result:
        values, parts, rotated, _ = _digits_eigensystem(rng, samples, width, label_noise)
        with np.errstate(divide="ignore"):
            decay = np.log(values) - np.log(values + penalty)
        for i, step in enumerate(counts):
            # fits L^t y; predictions k(x) (K + ridge)^-1 L^(t-1) y
            weights = np.exp((step - 1) * (decay - decay.max())) / (values + penalty)
            row[i] = np.unique(np.argmax(rotated @ (weights[:, None] * parts), axis=1)).size
    return result


def digits_greedy_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    ridge: float,
    steps: int,
    samples: int = 600,
    validation: int = 300,
    width: float = 0.05,
    label_noise: float = 0.4,
    clip: bool = True,
) -> Array:
    """Return [validation MSE, test MSE, accuracy, alpha] of every step when each picks its own alpha.

    Shape (replicates, steps, 4). Step t refits to alpha y + (1 - alpha) y^(t-1) with the alpha that is best for the
    validation points, moved into [0, 1] where `clip` says so; the first step reports alpha 1. `validation` >= 1 clean
    points are set aside; `rng`, `replicates`, `ridge`, `steps`, `samples`, `width`, `label_noise` as in
    `digits_errors`.

    >>> setting = dict(ridge=0.1, steps=2, samples=20, validation=10)
    >>> digits_greedy_errors(np.random.default_rng(0), 1, **setting)[0, 0, 3].item()
    1.0
    """
    penalty, count = check_number("ridge", ridge, low=0.0, open_low=True), check_size("steps", steps)
    inputs, classes = data_pool("digits")
    clean, results = one_hot(classes, _CLASSES), []
    for _ in range(check_size("replicates", replicates)):
        train, chosen, test = split(rng, len(inputs), samples, validation)
        targets = one_hot(noisy_labels(rng, classes[train], _CLASSES, label_noise), _CLASSES)
        kernel, cross = (rbf_kernel(inputs[part], inputs[train], width) for part in (train, np.r_[chosen, test]))
        hat = solve(kernel + penalty * np.eye(train.size), np.hstack([kernel, cross.T])).T  # rows: k(x)(K + ridge)^-1
        first = hat @ targets
        fits, alpha, rows = first, 1.0, []
        for step in range(count):
            if step:
                pure = hat @ fits[: train.size]
                seen = slice(train.size, train.size + chosen.size)
                alpha = best_alpha(first[seen], pure[seen], clean[chosen])
                alpha = float(np.clip(alpha, 0, 1)) if clip else alpha
                fits = alpha * first + (1 - alpha) * pure
            _, held, others = np.split(fits, np.cumsum([train.size, chosen.size]))
            rows.append([np.mean((held - clean[chosen]) ** 2), *_scores(others, clean[test]), alpha])
        results.append(rows)
    return np.array(results)


def table_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    data: str,
    ridges: ArrayLike,
    samples: int,
    validation: int,
) -> Array:
    """Return test MSE [, accuracy] of ridge and of tuned two-step students, shape (replicates, ridges, 5, 1 or 2).

    The five: ridge; the student with the alpha that is best on the test points themselves (oracle); with the best for
    exact left-out predictions, by refits, on the training points; with the best for the validation points; the last
    with that alpha moved into [0, 1]. `data` is "diabetes" (MSE only), "breast_cancer" or "wine" (MSE and accuracy);
    `ridges` > 0, divided by the number of training points; `samples` >= 2 training and `validation` >= 1 validation
    points, all others are test points; `rng` the only source of randomness, `replicates` >= 1.

    >>> setting = dict(data="wine", ridges=(0.1, 1.0), samples=60, validation=30)
    >>> table_errors(np.random.default_rng(0), 2, **setting).shape
    (2, 2, 5, 2)
    """
    penalties = check_ridges(ridges)
    if data not in (names := ("diabetes", "breast_cancer", "wine")):
        raise ValueError(f"data must be one of {', '.join(names)}, got data={data!r}")
    inputs, targets = data_pool(data)
    truth = targets[:, None] if data == "diabetes" else one_hot(targets, int(targets.max()) + 1)
    check_size("samples", samples, low=2)
    results = []
    for _ in range(check_size("replicates", replicates)):
        parts = split(rng, len(inputs), samples, validation)
        results.append([_table_split(inputs, truth, parts, ridge * samples) for ridge in penalties])
    return np.array(results)


def _table_split(inputs: Array, truth: Array, parts: list[NDArray[np.intp]], ridge: float) -> Array:
    """One split at one ridge without 1/n: (5, 1 or 2)."""
    train, chosen, test = parts
    spread = inputs[train].std(axis=0)
    design = (inputs - inputs[train].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    centre = truth[train].mean(axis=0)
    targets = truth[train] - centre
    first, pure = design @ literal_coefficients(design[train], targets, ridge, (0.0,)) + centre
    left_out = left_out_primal_predictions(design[train], targets, ridge, (0.0,))
    oracle, held = (best_alpha(first[part], pure[part], truth[part]) for part in (test, chosen))
    alphas = [1.0, oracle, best_alpha(left_out[0], left_out[1], targets), held, min(max(held, 0.0), 1.0)]
    students = np.stack([alpha * first[test] + (1 - alpha) * pure[test] for alpha in alphas])
    return _scores(students, truth[test])


def _digits_eigensystem(
    rng: np.random.Generator, samples: int, width: float, label_noise: float
) -> tuple[Array, Array, Array, Array]:
    """Eigenvalues d and V'Y of a training set, k(x) V at the test points, one-hot truth there."""
    inputs, classes = data_pool("digits")
    train, test = split(rng, len(inputs), samples)
    targets = one_hot(noisy_labels(rng, classes[train], _CLASSES, label_noise), _CLASSES)
    values, vectors = np.linalg.eigh(rbf_kernel(inputs[train], inputs[train], width))
    rotated = rbf_kernel(inputs[test], inputs[train], width) @ vectors
    return np.maximum(values, 0.0), vectors.T @ targets, rotated, one_hot(classes[test], _CLASSES)


def _scores(predictions: Array, truth: Array) -> Array:
    """MSE, and accuracy where there are several outputs, of predictions (..., points, outputs): (..., 1 or 2)."""
    error = np.mean((predictions - truth) ** 2, axis=(-2, -1))
    if truth.shape[1] == 1:
        return error[..., None]
    accuracy = np.mean(np.argmax(predictions, axis=-1) == np.argmax(truth, axis=-1), axis=-1)
    return np.stack([error, accuracy], axis=-1)
