"""The recursion on eigenvalues: what every step does to one eigenvector of the kernel, for many ridges and schedules.

With a = d / (d + ridge) the step-t fit multiplies the part of y along an eigenvector by
    b_t = a (alpha_t + (1 - alpha_t) b_(t-1)),   b_0 = 1,
so one eigendecomposition serves all steps, ridges and schedules. Nothing but this recursion is used; 1 - b_t is carried
along by its own recursion, so that neither end loses digits. Settings outside the stated domains raise `ValueError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.self_distillation._arguments import check_alphas, check_problem, check_ridges

__all__ = ["Step", "all_predictions", "filter_steps", "settled_step"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """Filters of one step.

    `kept` b and `lost` 1 - b, the parts of an eigenvector's target that the fit keeps and loses; `gain` b / a, the
    factor on the coefficients of plain ridge; `shrunk` d + ridge. All of shape (..., schedules, ridges, modes) or
    broadcast to it.
    """

    kept: Array
    lost: Array
    gain: Array
    shrunk: Array


def filter_steps(eigenvalues: Array, ridges: Array, alphas: Array) -> Iterator[Step]:
    """Yield the `Step` of t = 1, 2, ..., one more than there are columns in `alphas`.

    `eigenvalues` (..., modes) >= 0; `ridges` (ridges,) > 0; `alphas` (schedules, steps - 1).

    >>> [step.kept.item() for step in filter_steps(np.array([3.0]), np.array([1.0]), np.array([[0.5]]))]
    [0.75, 0.65625]
    """
    values = eigenvalues[..., None, None, :]
    shrunk = values + ridges[:, None]
    ratio, complement = values / shrunk, ridges[:, None] / shrunk
    ones = np.ones((alphas.shape[0], 1, 1))
    kept, lost, gain = ones * ratio, ones * complement, ones * np.ones_like(ratio)
    yield Step(kept, lost, gain, shrunk)
    for column in alphas.T:
        alpha = column[:, None, None]
        gain = alpha + (1 - alpha) * kept
        kept, lost = ratio * gain, complement + (1 - alpha) * ratio * lost
        yield Step(kept, lost, gain, shrunk)


def settled_step(eigenvalues: Array, ridges: Array, alphas: Array) -> Step:
    """Return the fixed point of the recursion for constant weights: b = a (alpha + (1 - alpha) b) solved for b.

    `eigenvalues` (..., modes) >= 0; `ridges` (ridges,) > 0; `alphas` (alphas,), a constant alpha each, with
    |1 - alpha| < 1 + ridge / largest eigenvalue for the recursion to get there.

    >>> settled_step(np.array([3.0]), np.array([1.0]), np.array([0.5])).kept.round(12).item()  # 3 / (3 + 1 / 0.5)
    0.6
    """
    values, alpha = eigenvalues[..., None, None, :], alphas[:, None, None]
    shrunk = values + ridges[:, None]
    rest = (ridges[:, None] + alpha * values) / shrunk  # 1 - (1 - alpha) a without cancellation
    gain = alpha / rest
    return Step(values / shrunk * gain, ridges[:, None] / shrunk / rest, gain, shrunk)


def all_predictions(
    gram: ArrayLike, targets: ArrayLike, ridges: ArrayLike, alphas: ArrayLike, *, cross_gram: ArrayLike | None = None
) -> Array:
    """Return predictions for all schedules, ridges and steps from one eigendecomposition.

    Shape (schedules, ridges, steps, points[, outputs]); equal to `literal_fits` up to rounding. `gram` (n, n)
    symmetric without negative eigenvalues; `targets` (n,) or (n, outputs); `ridges` (ridges,) > 0 without 1/n;
    `alphas` (schedules, steps - 1), or one schedule (steps - 1,); `cross_gram` (points, n), by default the kernel.

    >>> all_predictions([[3.0]], [1.0], [1.0], [[0.5]])[0, 0, :, 0].tolist()
    [0.75, 0.65625]
    """
    gram, truth, rows = check_problem(gram, targets, cross_gram)
    penalties, schedules = check_ridges(ridges), check_alphas(alphas, several=True)
    values, vectors = np.linalg.eigh(gram)
    if values[0] < -1e-9 * max(values[-1], 0.0):
        raise ValueError(f"gram must have no negative eigenvalue, got {values[0]:.3g}")
    values, rotated = np.maximum(values, 0.0), rows @ vectors
    steps = filter_steps(values, penalties, schedules)
    if truth.ndim == 1:
        weights = [step.gain / step.shrunk * (vectors.T @ truth) for step in steps]
        return np.stack([weight @ rotated.T for weight in weights], axis=2)
    parts = vectors.T @ truth
    return np.stack([rotated @ ((step.gain / step.shrunk)[..., None] * parts) for step in steps], axis=2)
