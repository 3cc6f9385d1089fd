"""Estimates of a student's test error from its training data alone, beside the test error itself.

Corrected generalised cross-validation follows the exact leave-one-out of the whole recursion with the diagonals of L^k
replaced by their means l_k = tr L^k / n, L = S (S + ridge I)^-1 being the hat matrix: with p_t for the left-out
prediction, t_1 = y, t_s = alpha_s y + (1 - alpha_s) p_(s-1), c_(s,1) = p_s - t_s, c_(s,k) = (1 - alpha_s) c_(s-1,k-1),
    p_s (1 - l_1) = B_s(L) y - l_1 t_s + sum_(k>=2) c_(s,k) l_k,
and the estimate is |y - p_t|^2 / n. Naive generalised cross-validation divides |y - B_t(L) y|^2 / n by
(1 - tr B_t(L) / n)^2, in products of two students by the two factors; it is exact in the limit for plain ridge only.
The model, the ridges (divided by n) and the shared arguments are those of `proportional`; test errors and
estimates hold the noise variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.self_distillation._arguments import check_alphas, check_ridges
from simulations.self_distillation._designs import Designs
from simulations.self_distillation.filters import filter_steps
from simulations.self_distillation.proportional import over_designs
from simulations.self_distillation.task import Named, linear_task

__all__ = ["corrected_residuals", "cross_validation_risks", "two_step_estimates"]

Array = NDArray[np.float64]


def corrected_residuals(ratios: Array, complement: Array, traces: Array, alphas: Array) -> list[Array]:
    """Return the factors by which y - p_s multiplies each mode of y, for every step s of one schedule.

    `ratios` a = d / (d + ridge) and `complement` 1 - a, shape (..., modes); `traces` l_k = tr L^k / n, (..., steps),
    from k = 1; `alphas` (steps - 1,) the schedule. A mode outside the row space has a = 0.

    For plain ridge the residual is that of the training fit over 1 - l_1:

    >>> corrected_residuals(np.array([0.5]), np.array([0.5]), np.array([0.2]), np.array([]))[0].tolist()
    [0.625]
    """
    first = traces[..., :1]
    missing, lost, weights = complement / (1 - first), complement, [-(complement / (1 - first))]
    residuals = [missing]  # y - p_s; weights holds c_(s,1), c_(s,2), ...; t_s - y = -(1 - alpha_s)(y - p_(s-1))
    for alpha in alphas:
        lost = complement + (1 - alpha) * ratios * lost
        carried = [(1 - alpha) * weight for weight in weights]
        tail = sum((w * traces[..., k : k + 1] for k, w in enumerate(carried, start=1)), np.zeros_like(ratios))
        # p (1 - l_1) = B - l_1 t + tail, so (y - p)(1 - l_1) = (1 - B) - l_1 (y - t) - tail
        missing = (lost - first * (1 - alpha) * residuals[-1] - tail) / (1 - first)
        weights = [(1 - alpha) * residuals[-1] - missing, *carried]
        residuals.append(missing)
    return residuals


def cross_validation_risks(
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
    """Return [test error, corrected estimate, naive estimate] of every step, shape (replicates, ridges, steps, 3).

    All three are averages over the label noise and the signs of beta given X. `alphas` is the schedule; `rng`,
    `replicates`, `samples`, `features`, `ridges`, `spectrum`, `signal`, `signal_power`, `noise_variance` as in the head
    of `proportional`.

    >>> setting = dict(samples=3, features=2, ridges=(1e9,), signal_power=0.5, noise_variance=0.25)
    >>> cross_validation_risks(np.random.default_rng(0), 2, **setting).shape
    (2, 1, 1, 3)
    """
    schedule, penalties = check_alphas(alphas), check_ridges(ridges)
    task = linear_task(features, spectrum, signal, signal_power, noise_variance)

    def risks(designs: Designs) -> Array:
        students = _students(designs, penalties, schedule)
        return np.stack([_products(designs, one, one, task.noise_variance) for one in students], axis=2)

    return over_designs(rng, replicates, samples, task, risks)


def two_step_estimates(
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
    """Return A, B, C of one distillation by three ways, shape (replicates, ridges, 3, 3): [way, letter].

    The ways are the truth, the corrected and the naive estimate; A is the test error of ridge, B that of the pure
    student (alpha_2 = 0), C the mean product of their errors; the best weight is xi* = (A - C) / (A + B - 2C). All are
    averages over the label noise and the signs of beta given X. `rng`, `replicates`, `samples`, `features`, `ridges`,
    `spectrum`, `signal`, `signal_power`, `noise_variance` as in the head of `proportional`.

    >>> setting = dict(samples=3, features=2, ridges=(1e9,), signal_power=0.5, noise_variance=0.25)
    >>> two_step_estimates(np.random.default_rng(0), 2, **setting)[0, 0, 0].round(6).tolist()
    [0.75, 0.75, 0.75]
    """
    penalties = check_ridges(ridges)
    task = linear_task(features, spectrum, signal, signal_power, noise_variance)

    def risks(designs: Designs) -> Array:
        first, second = _students(designs, penalties, np.zeros(1))
        pairs = ((first, first), (second, second), (first, second))
        return np.stack([_products(designs, *pair, task.noise_variance) for pair in pairs], axis=-1)

    return over_designs(rng, replicates, samples, task, risks)


@dataclass(frozen=True)
class _Student:
    """One step of one schedule, for all ridges: filters (batch, ridges, modes) and numbers (batch, ridges).

    `lost` 1 - b; `factor` on X'y/n; `residual` the factor of the corrected residual, `outside` its value where a = 0;
    `freedom` 1 - tr B / n.
    """

    lost: Array
    factor: Array
    residual: Array
    outside: Array
    freedom: Array


def _students(designs: Designs, ridges: Array, schedule: Array) -> list[_Student]:
    """The students of every step."""
    size, missing = designs.samples, designs.samples - designs.values.shape[1]
    steps = list(filter_steps(designs.values, ridges, schedule[None]))
    ratios, complement = steps[0].kept[:, 0], steps[0].lost[:, 0]
    traces = np.stack([np.sum(ratios**k, axis=-1) / size for k in range(1, len(steps) + 1)], axis=-1)
    inside = corrected_residuals(ratios, complement, traces, schedule)
    outside = corrected_residuals(np.zeros((1, 1, 1)), np.ones((1, 1, 1)), traces, schedule)
    return [
        _Student(
            step.lost[:, 0],
            step.gain[:, 0] / step.shrunk[:, 0],
            within,
            without[..., 0],
            (np.sum(step.lost[:, 0], axis=-1) + missing) / size,
        )
        for step, within, without in zip(steps, inside, outside, strict=True)
    ]


def _products(designs: Designs, left: _Student, right: _Student, noise_variance: float) -> Array:
    """Mean product of the errors of two students: [truth, corrected, naive], shape (batch, ridges, 3)."""
    size, missing = designs.samples, designs.samples - designs.values.shape[1]
    power, rest = designs.response_power(noise_variance)[:, None, :], missing * noise_variance
    spread = designs.variance(left.factor, right.factor) + 1
    truth = designs.bias(left.lost, right.lost) + noise_variance * spread
    corrected = np.sum(left.residual * right.residual * power, axis=-1) + rest * left.outside * right.outside
    naive = (np.sum(left.lost * right.lost * power, axis=-1) + rest) / (left.freedom * right.freedom)
    return np.stack([truth, corrected / size, naive / size], axis=-1)
