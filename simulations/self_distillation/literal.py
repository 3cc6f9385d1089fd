"""The proportional regime with everything literal: drawn noise, a fresh solve at every step, refits without each point.

The yardstick of `proportional` and `estimates`: the same model, arguments and units (ridges divided by n), nothing
integrated out but the test points, whose mean is a quadratic form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.self_distillation._arguments import check_alphas, check_ridges, check_size
from simulations.self_distillation._designs import draw_inputs
from simulations.self_distillation._linear import solve
from simulations.self_distillation.recursion import (
    left_out_predictions,
    left_out_primal_predictions,
    literal_coefficients,
)
from simulations.self_distillation.task import LinearTask, Named, linear_task

__all__ = ["left_out_risks", "literal_risks"]

Array = NDArray[np.float64]


def literal_risks(
    rng: np.random.Generator,
    replicates: int,
    *,
    samples: int,
    features: int,
    ridges: ArrayLike,
    alphas: ArrayLike = (),
    spectrum: Named = ("isotropic", 1.0),
    signal: Named = ("isotropic",),
    signal_power: float,
    noise_variance: float,
) -> Array:
    """Return the excess risk of every step by a fresh solve each, shape (replicates, ridges, steps).

    Data, noise and the signs of beta are drawn. `alphas` is the schedule; `rng`, `replicates`, `samples`, `features`,
    `ridges`, `spectrum`, `signal`, `signal_power`, `noise_variance` as in the head of `proportional`.

    >>> setting = dict(samples=3, features=2, ridges=(1e9,), signal_power=0.5, noise_variance=0.25)
    >>> literal_risks(np.random.default_rng(0), 1, alphas=(0.5,), **setting).round(6).tolist()
    [[[0.5, 0.5]]]
    """
    schedule, penalties = check_alphas(alphas), check_ridges(ridges)
    task = linear_task(features, spectrum, signal, signal_power, noise_variance)
    size, count = check_size("samples", samples), check_size("replicates", replicates)
    result = np.empty((count, penalties.size, schedule.size + 1))
    for row in result:
        inputs, labels, signal_now = _draw_labelled(rng, size, task)
        for column, ridge in zip(row, size * penalties, strict=True):
            errors = literal_coefficients(inputs, labels, ridge, schedule) - signal_now
            column[:] = errors**2 @ task.eigenvalues
    return result


def left_out_risks(
    rng: np.random.Generator,
    replicates: int,
    *,
    samples: int,
    features: int,
    ridges: ArrayLike,
    alphas: ArrayLike = (),
    spectrum: Named = ("isotropic", 1.0),
    signal: Named = ("isotropic",),
    signal_power: float,
    noise_variance: float,
) -> Array:
    """Return [test error, left-out, corrected, naive estimate] with everything literal: (replicates, ridges, steps, 4).

    Data and noise are drawn; every step is refitted by a fresh solve; the left-out estimate refits the whole recursion
    without each point; the other two (see `estimates`) apply their definitions to
    explicit matrices. Slow: samples^4 operations a ridge.
    The test error is over the population of test points. `alphas` is the schedule; `samples` >= 2; `rng`, `replicates`,
    `features`, `ridges`, `spectrum`, `signal`, `signal_power`, `noise_variance` as in the head of `proportional`.

    >>> setting = dict(samples=3, features=2, ridges=(1e9,), signal_power=0.5, noise_variance=0.25)
    >>> left_out_risks(np.random.default_rng(0), 1, alphas=(0.5,), **setting)[0, 0, :, 0].round(6).tolist()
    [0.75, 0.75]
    """
    schedule, penalties = check_alphas(alphas), check_ridges(ridges)
    task = linear_task(features, spectrum, signal, signal_power, noise_variance)
    size, count = check_size("samples", samples, low=2), check_size("replicates", replicates)
    return np.stack([_left_out_trial(rng, size, penalties, schedule, task) for _ in range(count)])


def _draw_labelled(rng: np.random.Generator, samples: int, task: LinearTask) -> tuple[Array, Array, Array]:
    """Return inputs (samples, features), noisy labels (samples,) and the signal beta (features,) with random signs."""
    inputs = draw_inputs(rng, 1, samples, task)[0]
    signal = np.sqrt(task.squares) * rng.choice((-1.0, 1.0), task.squares.size)
    return inputs, inputs @ signal + np.sqrt(task.noise_variance) * rng.standard_normal(samples), signal


def _left_out_trial(rng: np.random.Generator, size: int, ridges: Array, alphas: Array, task: LinearTask) -> Array:
    """One trial of `left_out_risks`: (ridges, steps, 4)."""
    inputs, labels, signal = _draw_labelled(rng, size, task)
    kernel, few = inputs @ inputs.T, inputs.shape[1] < size
    rows = []
    for ridge in size * ridges:
        errors = literal_coefficients(inputs, labels, ridge, alphas) - signal
        truth = errors**2 @ task.eigenvalues + task.noise_variance
        leave = left_out_primal_predictions if few else left_out_predictions
        left_out = np.mean((labels - leave(inputs if few else kernel, labels, ridge, alphas)) ** 2, axis=1)
        hat = solve(kernel + ridge * np.eye(size), kernel)
        rows.append(np.stack([truth, left_out, *_literal_estimates(hat, labels, alphas)], axis=-1))
    return np.stack(rows)


def _literal_estimates(hat: Array, labels: Array, alphas: Array) -> tuple[Array, Array]:
    """Corrected and naive estimates of every step by their definitions, from hat matrix and labels: (steps,) each."""
    size = len(hat)
    powers = [np.trace(np.linalg.matrix_power(hat, k)) / size for k in range(1, alphas.size + 2)]
    smoother, weights, left_out, target = hat, [], labels, labels
    corrected, naive = [], []
    for s, alpha in enumerate([1.0, *alphas]):
        if s:
            smoother = hat @ (alpha * np.eye(size) + (1 - alpha) * smoother)
            target = alpha * labels + (1 - alpha) * left_out
        weights = [(1 - alpha) * weight for weight in weights]
        tail = sum((w * l for w, l in zip(weights, powers[1:], strict=False)), np.zeros(size))
        left_out = (smoother @ labels - powers[0] * target + tail) / (1 - powers[0])
        weights = [left_out - target, *weights]
        corrected.append(np.mean((labels - left_out) ** 2))
        naive.append(np.mean((labels - smoother @ labels) ** 2) / (1 - np.trace(smoother) / size) ** 2)
    return np.array(corrected), np.array(naive)
