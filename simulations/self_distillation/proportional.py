"""Self-distilled ridge regression in the proportional regime: risks of all steps from one decomposition a design.

Model: rows x_i = Sigma^(1/2) g_i, y = x'beta + noise; beta^(1) = (S + ridge I)^-1 X'y/n with S = X'X/n, then
beta^(t) = alpha_t beta^(1) + (1 - alpha_t) (S + ridge I)^-1 S beta^(t-1). Risk is the excess risk
(b - beta)' Sigma (b - beta); the test error adds the noise variance. Here the ridge is divided by n, unlike in the
kernel form: lambda = n ridge.

Only X is random in what is returned. The label noise is integrated out, and so are the signs of beta in the
eigenvectors of Sigma, on which no mean depends because g is as likely as -g in every coordinate. Exact in the mean at
finite size.

Arguments shared by all measures: `rng` the only source of randomness; `replicates` >= 1; `samples` n >= 1; `features`
p >= 1; `ridges` > 0; `spectrum`, `signal`, `signal_power`, `noise_variance` as in `task.linear_task`. Settings outside
the stated domains raise `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_matrix
from simulations.self_distillation._arguments import check_alphas, check_ridges, check_size
from simulations.self_distillation._designs import Designs, batches, draw_designs
from simulations.self_distillation.filters import Step, filter_steps, settled_step
from simulations.self_distillation.task import LinearTask, Named, linear_task

__all__ = ["distilled_risks", "relative_deviations", "settled_risks", "two_step_risks"]

Array = NDArray[np.float64]


def distilled_risks(
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
    """Return [excess risk, bias, variance] of every step, shape (replicates, [schedules,] ridges, steps, 3).

    `alphas` is the schedule (alpha_2, ..., alpha_t), empty for plain ridge, or a matrix with a schedule a row, in which
    case the output has an axis of schedules. `rng`, `replicates`, `samples`, `features`, `ridges`, `spectrum`,
    `signal`, `signal_power`, `noise_variance` as in the head of this module.

    At a huge ridge all students are 0, and the risk is beta' Sigma beta:

    >>> setting = dict(samples=3, features=2, ridges=(1e9,), signal_power=0.5, noise_variance=0.25)
    >>> distilled_risks(np.random.default_rng(0), 1, alphas=(0.5,), **setting).round(6)[0, 0].tolist()
    [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]
    """
    schedules, penalties = check_alphas(alphas, several=True), check_ridges(ridges)
    task = linear_task(features, spectrum, signal, signal_power, noise_variance)

    def risks(designs: Designs) -> Array:
        steps = filter_steps(designs.values, penalties, schedules)
        return np.stack([_risk(designs, step, task.noise_variance) for step in steps], axis=3)

    result = over_designs(rng, replicates, samples, task, risks)
    return result if np.ndim(alphas) == 2 else result[:, 0]


def relative_deviations(
    rng: np.random.Generator,
    replicates: int,
    *,
    reference: ArrayLike,
    samples: int,
    features: int,
    ridges: ArrayLike,
    alphas: ArrayLike = (),
    spectrum: Named = ("isotropic", 1.0),
    signal: Named = ("isotropic",),
    signal_power: float,
    noise_variance: float,
) -> Array:
    """Return excess risk / `reference` - 1 of every step, shape (replicates, ridges, steps).

    `reference` (ridges, steps) > 0 holds what the risks are compared with, their limits say; `alphas` is one schedule;
    `rng`, `replicates`, `samples`, `features`, `ridges`, `spectrum`, `signal`, `signal_power`, `noise_variance` as in
    the head of this module.

    >>> setting = dict(samples=3, features=2, ridges=(1e9,), signal_power=0.5, noise_variance=0.25)
    >>> relative_deviations(np.random.default_rng(0), 1, reference=[[0.25]], **setting).round(6).tolist()
    [[[1.0]]]
    """
    compared = check_matrix("reference", reference, axes=("ridges", "steps"), low=0.0, open_low=True)
    shape = check_ridges(ridges).size, check_alphas(alphas).size + 1
    if compared.shape != shape:
        raise ValueError(f"reference must have shape {shape}, one number for each ridge and step, got {compared.shape}")
    population = {"spectrum": spectrum, "signal": signal, "signal_power": signal_power}
    sizes = {"samples": samples, "features": features, "noise_variance": noise_variance}
    risks = distilled_risks(rng, replicates, ridges=ridges, alphas=alphas, **population, **sizes)
    return risks[..., 0] / compared - 1


def settled_risks(
    rng: np.random.Generator,
    replicates: int,
    *,
    samples: int,
    features: int,
    ridges: ArrayLike,
    alphas: ArrayLike,
    spectrum: Named = ("isotropic", 1.0),
    signal: Named = ("isotropic",),
    signal_power: float,
    noise_variance: float,
) -> Array:
    """Return [excess risk, bias, variance] after infinitely many steps, shape (replicates, alphas, ridges, 3).

    `alphas` lists constant weights of the truth in [0, 1], each a case of its own; the fixed point of the recursion is
    taken on every eigenvalue. `rng`, `replicates`, `samples`, `features`, `ridges`, `spectrum`, `signal`,
    `signal_power`, `noise_variance` as in the head of this module.

    Without truth the student forgets everything:

    >>> setting = dict(samples=3, features=2, ridges=(0.1,), signal_power=0.5, noise_variance=0.25)
    >>> settled_risks(np.random.default_rng(0), 1, alphas=(0.0,), **setting)[0, 0].round(9).tolist()
    [[0.5, 0.5, 0.0]]
    """
    constants, penalties = check_alphas(alphas), check_ridges(ridges)
    if constants.size == 0 or np.any((constants < 0) | (constants > 1)):
        raise ValueError(f"alphas must be a non-empty list of numbers in [0, 1], got alphas={constants.tolist()}")
    task = linear_task(features, spectrum, signal, signal_power, noise_variance)

    def risks(designs: Designs) -> Array:
        return _risk(designs, settled_step(designs.values, penalties, constants), task.noise_variance)

    return over_designs(rng, replicates, samples, task, risks)


def two_step_risks(
    rng: np.random.Generator,
    replicates: int,
    *,
    samples: int,
    features: int,
    ridges: ArrayLike,
    spectrum: Named = ("isotropic", 1.0),
    signal: Named = ("isotropic",),
    signal_power: float,
    noise_variance: float,
) -> Array:
    """Return [A, B, C, A - C, A + B - 2C] of one distillation, shape (replicates, ridges, 5).

    A is the excess risk of ridge f_1, B that of the pure student g (alpha_2 = 0), C the mean product of their errors;
    the student (1 - xi) f_1 + xi g, xi = 1 - alpha_2, has the risk A - 2 xi (A - C) + xi^2 (A + B - 2C). The last two
    are formed from the filter of f_1 - g, not by subtraction, and keep their digits at small ridges. `rng`,
    `replicates`, `samples`, `features`, `ridges`, `spectrum`, `signal`, `signal_power`, `noise_variance` as in the head
    of this module.

    >>> setting = dict(samples=3, features=2, ridges=(1e9,), signal_power=0.5, noise_variance=0.25)
    >>> two_step_risks(np.random.default_rng(0), 1, **setting)[0, 0].round(6).tolist()
    [0.5, 0.5, 0.5, -0.0, 0.0]
    """
    penalties = check_ridges(ridges)
    task = linear_task(features, spectrum, signal, signal_power, noise_variance)

    def risks(designs: Designs) -> Array:
        first, second = filter_steps(designs.values, penalties, np.zeros((1, 1)))
        moved = first.kept * first.lost  # f_1 - g in the eigenbasis, = b_1 - b_2, and of the gains 1 - b_1
        pairs = ((first.lost, first.lost), (second.lost, second.lost), (first.lost, second.lost))
        biases = [designs.bias(*pair) for pair in pairs]
        biases += [designs.bias(first.lost, -moved, (1, 0)), designs.bias(moved, moved, (0, 0))]
        gains = ((first.gain, first.gain), (second.gain, second.gain), (first.gain, second.gain))
        gains = (*gains, (first.gain, first.lost), (first.lost, first.lost))
        variances = [designs.variance(left / first.shrunk, right / first.shrunk) for left, right in gains]
        totals = [b + task.noise_variance * v for b, v in zip(biases, variances, strict=True)]
        return np.stack(totals, axis=-1)[:, 0]

    return over_designs(rng, replicates, samples, task, risks)


def over_designs(
    rng: np.random.Generator, replicates: int, samples: int, task: LinearTask, measure: Callable[[Designs], Array]
) -> Array:
    """Apply `measure` to batches of fresh designs that add up to `replicates`, and join the results."""
    count, size = check_size("replicates", replicates), check_size("samples", samples)
    parts = batches(count, size, task.eigenvalues.size)
    return np.concatenate([measure(draw_designs(rng, batch, size, task)) for batch in parts])


def _risk(designs: Designs, step: Step, noise_variance: float) -> Array:
    """[excess risk, bias, variance] of the estimates with the filters of `step`: (batch, schedules, ridges, 3)."""
    gain = step.gain / step.shrunk
    bias, variance = designs.bias(step.lost, step.lost), noise_variance * designs.variance(gain, gain)
    return np.stack([bias + variance, bias, variance], axis=-1)
