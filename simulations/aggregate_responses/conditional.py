"""Bias and variance given the samples, for all rho at once: label noise and the direction of theta0 averaged exactly.

With A1 = k Xbar'Xbar and A2 the within-bag Gram matrix, theta = (A1 + rho A2)^-1 A1-part of the labels, so that
    bias = signal / d * |I - (A1 + rho A2)^-1 A1|_F^2,    variance = noise variance * tr H^-1 A1 H^-1.
One simultaneous diagonalisation A1 = N b N', A2 = N (1 - b) N' serves every rho. Where bags are fewer than features
rho = 0 means the solution of least norm, and "0+" the limit rho -> 0, which is another solution.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from simulations.aggregate_responses._arguments import ALMOST_ZERO, check_interpolations, check_setting
from simulations.aggregate_responses.bags import split_evenly, stacked_rows

__all__ = ["conditional_errors", "design_errors", "spectral_weights"]

Array = NDArray[np.float64]
Sizes = NDArray[np.int64]


def spectral_weights(between: Array, within: Array, interpolations: Array) -> tuple[Array, Array]:
    """Return w = rho (1 - b) / (b + rho (1 - b)) and g = b / (b + rho (1 - b))^2, (interpolations, d) each.

    `between` (d,) holds b and `within` (d,) 1 - b, exact zeros where they are zeros; `interpolations` rho in [0, inf],
    rho > 0 if some b is 0.

    >>> w, g = spectral_weights(np.array([0.5, 0.0]), np.array([0.5, 1.0]), np.array([3.0, np.inf]))
    >>> w.tolist(), g.tolist()
    ([[0.75, 1.0], [1.0, 1.0]], [[0.125, 0.0], [0.0, 0.0]])
    """
    with np.errstate(divide="ignore"):  # 1/0 = inf is meant
        first = np.minimum(1.0, np.maximum(1 / interpolations, ALMOST_ZERO))[:, None]  # weights of A1 and A2, the
    second = np.minimum(1.0, interpolations)[:, None]  # larger of them 1
    level = first * between + second * within
    return second * within / level, (first * between / level) * (first / level)


def design_errors(inputs: Array, sizes: Sizes, interpolations: Array) -> Array:
    """Return [bias, variance] of the given samples per unit of signal and noise variance, (interpolations, 2).

    `inputs` (n, d) in rows, in general position; `sizes` (bags,) of the bags of consecutive rows; `interpolations`
    (interpolations,) in [0, inf], `ALMOST_ZERO` for the limit rho -> 0.

    One feature, one bag of two: A1 = 8, A2 = 2.

    >>> design = np.array([[1.0], [3.0]]), np.array([2])
    >>> design_errors(*design, np.array([0.0, 1.0])).round(12).tolist()
    [[0.0, 0.125], [0.04, 0.08]]
    """
    (n, d), bags = inputs.shape, len(sizes)
    result, least_norm = np.empty((interpolations.size, 2)), (interpolations == 0) & (bags < d)
    if np.any(least_norm):
        rows = stacked_rows(inputs, sizes)[0]
        result[least_norm] = 1 - bags / d, np.trace(np.linalg.inv(rows @ rows.T))
    rest = ~least_norm
    if n < d:
        result[rest] = _interpolator_errors(inputs, sizes)
    elif np.any(rest):
        result[rest] = _pencil_errors(*stacked_rows(inputs, sizes), interpolations[rest])
    return result


def _interpolator_errors(inputs: Array, sizes: Sizes) -> tuple[float, float]:
    """Fewer samples than features: for every rho > 0 theta = X^+ P y, P the projection on vectors constant in bags."""
    gram, weights = inputs @ inputs.T, np.repeat(1 / np.sqrt(sizes), sizes)
    basis = weights[:, None] * (np.repeat(np.arange(len(sizes)), sizes)[:, None] == np.arange(len(sizes)))  # P = J J'
    small, large = basis.T @ np.linalg.solve(gram, basis), basis.T @ gram @ basis
    d = inputs.shape[1]
    return (d - 2 * len(sizes) + np.sum(small * large)) / d, float(np.trace(small))


def _pencil_errors(between: Array, within: Array, interpolations: Array) -> Array:
    """At least as many samples as features, and rho > 0 or at least as many bags: all rho from one eigensystem."""
    bags, d = between.shape
    root = np.linalg.cholesky(between.T @ between + within.T @ within)
    half = solve_triangular(root, between.T, lower=True)
    values, vectors = np.linalg.eigh(half @ half.T)
    values = np.clip(values, 0.0, 1.0)
    values[: max(d - bags, 0)] = 0.0  # ranks are known: rounding must not blur the ends
    values[d - max(d - (len(within) - bags), 0) :] = 1.0
    basis = root @ vectors
    dual = solve_triangular(root.T, vectors)  # columns of the inverse transpose of the basis
    overlap = dual.T @ dual
    w, g = spectral_weights(values, 1 - values, interpolations)
    bias = np.einsum("ri,ij,rj->r", w, (basis.T @ basis) * overlap, w, optimize=True) / d
    return np.stack([bias, g @ np.diag(overlap)], axis=-1)


def conditional_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    d: int,
    bag_size: float,
    interpolations: Iterable[float | str],
    signal: float,
    noise_variance: float,
) -> Array:
    """Return [bias, variance] given the samples x ~ N(0, I), (replicates, interpolations, 2); their sum is the risk.

    Exact given the samples, which `rng` draws; averaged over label noise and the direction of theta0. `interpolations`
    lists rho >= 0, "0+" for the limit rho -> 0 and inf (or "inf") for rho -> inf; `replicates`, `n`, `d`, `bag_size`,
    `signal` and `noise_variance` as in `literal.literal_errors`.

    With one sample in each bag there is nothing to interpolate:

    >>> setting = dict(n=9, d=3, bag_size=1, signal=2.0, noise_variance=0.3)
    >>> errors = conditional_errors(np.random.default_rng(0), 1, interpolations=(0.0, 0.5, "inf"), **setting)
    >>> errors[0, :, 0].tolist(), bool(np.ptp(errors[0, :, 1]) < 1e-15)
    ([0.0, 0.0, 0.0], True)
    """
    count, n, d, bags, signal, noise = check_setting(replicates, n, d, bag_size, signal, noise_variance)
    rhos, sizes = check_interpolations(interpolations, limits=True), split_evenly(n, bags)
    designs = (rng.standard_normal((n, d)) for _ in range(count))
    return np.array([signal, noise]) * np.stack([design_errors(inputs, sizes, rhos) for inputs in designs])
