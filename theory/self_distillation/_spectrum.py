"""What the modules of self-distillation share: checked input, the Gram matrix in its eigenbasis, one-step filters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from theory._checks import check_matrix, check_number, check_range, check_vector

Array = NDArray[np.float64]

EPS = float(np.finfo(float).eps)
ASYMMETRY = 1e-10  # largest |K - K^T| over the largest |K|: kernels computed by matrix products reach 1e-15
NEGATIVE = 256.0  # in units of n eps times the largest eigenvalue: what rounding makes of a zero eigenvalue


@dataclass(frozen=True)
class Modes:
    """Eigenvalues (n,), ascending; `vectors` (n, n), times sqrt(weight) row by row; `coordinates` V^T sqrt(w) y (n, c).

    `flat` says that the targets were given as one vector, so that results lose their last axis.
    """

    eigenvalues: Array
    vectors: Array
    coordinates: Array
    flat: bool

    def shaped(self, values: Array) -> Array:
        """Return `values` (..., c) in the shape that the targets had."""
        return values[..., 0] if self.flat else values


def read_alphas(alphas: ArrayLike) -> Array:
    """Return the schedule as a vector, possibly empty."""
    array = check_range("alphas", alphas)
    if array.ndim != 1:
        raise ValueError(f"alphas must have shape (steps - 1,), got shape {array.shape}")
    return array


def read_gram(gram: ArrayLike) -> Array:
    """Return the Gram matrix, made exactly symmetric."""
    matrix = check_matrix("gram", gram, axes=("points", "points"))
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"gram must be square, got shape {matrix.shape}")
    gap = np.abs(matrix - matrix.T)
    if gap.max() > ASYMMETRY * np.abs(matrix).max():
        i, j = (int(k) for k in np.unravel_index(gap.argmax(), gap.shape))
        here, there = float(matrix[i, j]), float(matrix[j, i])
        raise ValueError(f"gram must be symmetric, got gram[{i}, {j}]={here!r} and gram[{j}, {i}]={there!r}")
    return 0.5 * matrix + 0.5 * matrix.T


def read_targets(name: str, targets: ArrayLike, points: int, other: str) -> tuple[Array, bool]:
    """Return targets as (points, outputs), and whether they were one vector; `other` names what has `points` rows."""
    array = check_range(name, targets)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(f"{name} must have shape (points,) or (points, outputs), not empty, got shape {array.shape}")
    if array.shape[0] != points:
        raise ValueError(f"{name} and {other} must have as many rows, got {array.shape[0]} and {points}")
    return (array[:, None], True) if array.ndim == 1 else (array, False)


def read_cross(cross_gram: ArrayLike, points: int) -> Array:
    """Return the kernel between new and training points."""
    matrix = check_matrix("cross_gram", cross_gram, axes=("new points", "points"))
    if matrix.shape[1] != points:
        raise ValueError(f"cross_gram must have a column for each row of gram, got {matrix.shape[1]} and {points}")
    return matrix


def read_ridge(ridge: ArrayLike) -> float:
    """Return the ridge, a number >= 0 or inf."""
    return check_number("ridge", ridge, low=0.0, allow_inf=True)


def decompose(gram: Array, targets: ArrayLike, ridge: float, sample_weights: ArrayLike | None = None) -> Modes:
    """Return sqrt(w) K sqrt(w) and the targets in its eigenbasis, eigenvalues >= 0.

    At ridge 0 eigenvalues that are zero up to rounding count as zero: the limit ridge -> 0+ of the fits.
    """
    values, flat = read_targets("targets", targets, gram.shape[0], "gram")
    root = np.ones(gram.shape[0])
    if sample_weights is not None:
        root = np.sqrt(check_vector("sample_weights", sample_weights, axis="points", low=0.0))
        if root.size != gram.shape[0]:
            raise ValueError(f"sample_weights and gram must have as many rows, got {root.size} and {gram.shape[0]}")
    scale = np.ldexp(1.0, -int(np.frexp(np.abs(gram).max())[1]))  # keeps eigh away from over- and underflow
    eigenvalues, vectors = eigh(scale * root[:, None] * gram * root)
    eigenvalues /= scale
    unit = gram.shape[0] * EPS * max(float(eigenvalues[-1]), 0.0)
    if eigenvalues[0] < -NEGATIVE * unit:
        got = f"eigenvalues from {float(eigenvalues[0]):.6g} to {float(eigenvalues[-1]):.6g}"
        raise ValueError(f"gram must have no negative eigenvalues, got {got}")
    eigenvalues = np.where(eigenvalues > (unit if ridge == 0.0 else 0.0), eigenvalues, 0.0)
    return Modes(eigenvalues, root[:, None] * vectors, vectors.T @ (root[:, None] * values), flat)


def split(eigenvalues: Array, ridge: Array | float) -> tuple[Array, Array]:
    """Return a = d/(d + ridge) and 1 - a, each to relative rounding; at ridge 0 a = 1 for d > 0, else 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        learned = np.where(eigenvalues > 0.0, 1.0 / (1.0 + ridge / eigenvalues), 0.0)
        at_zero = np.where(eigenvalues > 0.0, 0.0, 1.0)
        missed = np.where(np.asarray(ridge) > 0.0, 1.0 / (1.0 + eigenvalues / ridge), at_zero)
    return learned, missed


def inverse(eigenvalues: Array, ridge: float) -> Array:
    """Return 1/(d + ridge), and 0 where both are 0."""
    total = eigenvalues + ridge
    return np.divide(1.0, total, out=np.zeros_like(total), where=total > 0.0)


def gains(learned: Array, alphas: Array) -> Array:
    """Return C_t = b_t/a for all steps, first axis step: C_1 = 1, C_t = alpha_t + (1 - alpha_t) a C_(t-1)."""
    steps = np.empty((alphas.size + 1, *learned.shape))
    steps[0] = 1.0
    for t, alpha in enumerate(alphas):
        steps[t + 1] = alpha + (1.0 - alpha) * learned * steps[t]
    return steps


def residuals(learned: Array, missed: Array, alphas: Array) -> Array:
    """Return r_t = 1 - b_t for all steps, first axis step: r_1 = 1 - a, r_t = (1 - a) + (1 - alpha_t) a r_(t-1)."""
    steps = np.empty((alphas.size + 1, *learned.shape))
    steps[0] = missed
    for t, alpha in enumerate(alphas):
        steps[t + 1] = missed + (1.0 - alpha) * learned * steps[t]
    return steps


def broadcast(**arrays: Array) -> list[Array]:
    """Return the named arrays in their common shape."""
    try:
        return list(np.broadcast_arrays(*arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"arguments must broadcast together, got shapes {shapes}") from error
