"""Weighted least squares with a ridge on bag means and within-bag rows, features of any variances, bags of any sizes.

Bias and variance are exact given the samples: averaged over label noise and over the signs of theta0's coefficients,
under which the law of the samples does not change. Rows r of weight w_r whose target is gain_r x_r'theta0 + noise:
    minimise sum_r w_r (target_r - x_r'theta)^2 + ridge d |theta|^2,
with excess prediction risk (theta - theta0)' S (theta - theta0), S = diag(eigenvalues) the covariance of the features.
A bag is one row sqrt(k) xbar of gain 1 and k - 1 rows of gain 0 without noise, of weight rho times the bag's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import pinv, solve_triangular

from simulations._checks import check_integer, check_number, check_vector
from simulations.aggregate_responses._arguments import check_interpolations, check_listed_bags
from simulations.aggregate_responses.bags import stacked_rows

__all__ = ["Population", "bag_errors", "group_errors", "response_map"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """Features and target: `variances` (d,) of the features, `power` (d,) the squared coefficients of theta0."""

    variances: Array
    power: Array

    def draw(self, rng: np.random.Generator, rows: int, features: str = "normal") -> Array:
        """Return `rows` samples (rows, d) drawn by `rng`; `features` are "normal" or "signs" times their deviation.

        >>> Population(np.array([4.0]), np.ones(1)).draw(np.random.default_rng(0), 2, "signs").tolist()
        [[2.0], [2.0]]
        """
        shape = rows, self.variances.size
        white = rng.standard_normal(shape) if features == "normal" else 2.0 * rng.integers(0, 2, shape) - 1
        return np.asarray(white * np.sqrt(self.variances), dtype=np.float64)

    def errors(self, response: Array, rows: Array, gains: Array, noise: Array) -> Array:
        """Return [bias, variance] (2,) of theta = `response` @ targets.

        `response` (d, rows) from `response_map`, `rows` (rows, d); `gains` (rows,) and `noise` (rows,), the variances,
        of their targets.

        >>> population = Population(np.array([1.0]), np.array([4.0]))
        >>> population.errors(np.array([[0.5]]), np.array([[1.0]]), np.ones(1), np.array([2.0])).tolist()
        [1.0, 0.5]
        """
        missed = np.eye(self.variances.size) - response @ (gains[:, None] * rows)
        return np.array([self.variances @ missed**2 @ self.power, self.variances @ response**2 @ noise])


def _population(d: int, eigenvalues: ArrayLike, target_power: ArrayLike) -> Population:
    """Features of equally many of each variance; the target power of a variance is shared evenly."""
    features = check_integer("d", d, low=1)
    variances = check_vector("eigenvalues", eigenvalues, axis="atoms", low=0.0, open_low=True)
    power = check_vector("target_power", target_power, axis="atoms", low=0.0)
    if power.size != variances.size:
        raise ValueError(
            f"target_power and eigenvalues must have the same length, got {power.size} and {variances.size}"
        )
    each, left = divmod(features, variances.size)
    if left:
        raise ValueError(f"d must be a multiple of the number of eigenvalues, got d={features} and {variances.size}")
    return Population(np.repeat(variances, each), np.repeat(power / max(each, 1), each))


def response_map(rows: Array, weights: Array, penalty: float, *, rank: int, responding: int) -> Array:
    """Return P (d, responding) with theta = P @ targets of the first `responding` rows, the others' targets being 0.

    `rows` (rows, d), `weights` (rows,) >= 0, `penalty` >= 0 of |theta|^2; `rank` that the rows of positive weight have
    if they are in general position: below d without penalty, theta is the solution of least norm.

    >>> rows = np.array([[1.0], [2.0]])
    >>> response_map(rows, np.array([1.0, 0.5]), 1.0, rank=1, responding=1).tolist()
    [[0.25]]
    """
    d, used = rows.shape[1], weights > 0
    roots = np.sqrt(weights[used])
    scaled, response = roots[:, None] * rows[used], np.zeros((d, len(rows)))
    if penalty > 0 or rank >= d:  # orthogonal factors: normal equations would square a condition of 1/sqrt(rho)
        factor, triangle = np.linalg.qr(np.concatenate([scaled, np.sqrt(penalty) * np.eye(d)]))
        response[:, used] = solve_triangular(triangle, factor[: roots.size].T) * roots
    else:
        response[:, used] = pinv(scaled) * roots
    return response[:, :responding]


def bag_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    d: int,
    bag_sizes: ArrayLike,
    bag_counts: ArrayLike,
    interpolations: Iterable[float],
    noise_variance: float,
    ridges: ArrayLike = (0.0,),
    eigenvalues: ArrayLike = (1.0,),
    target_power: ArrayLike = (1.0,),
    weighting: str = "samples",
    features: str = "normal",
) -> Array:
    """Return [bias, variance] given the samples for every rho and ridge, (replicates, interpolations, ridges, 2).

    The loss is sum_a v_a [k_a (ybar_a - xbar_a'theta)^2 + rho sum_i ((x_i - xbar_a)'theta)^2] + ridge d |theta|^2.
    `rng` draws the samples of each of `replicates` >= 1; `d` >= 1 features; `bag_counts` (sizes,) bags of each of the
    `bag_sizes` (sizes,), whole numbers >= 1; `interpolations` lists rho >= 0; `noise_variance` >= 0 of the labels;
    `ridges` >= 0. `eigenvalues` (atoms,) > 0 lists the features' variances, equally many features having each (so d is
    a multiple of their number), `target_power` (atoms,) >= 0 the squared length of theta0 on the features of each.
    `weighting` is "samples" (v_a = 1) or "bags" (v_a = mean bag size / k_a: every bag counts the same); `features` are
    "normal" or "signs" (+-1 times the deviation). Raises `ValueError` outside these domains, and
    `numpy.linalg.LinAlgError` where few signs make the samples, or at rho = 0 the bag means, linearly dependent and no
    ridge decides between the fits.

    A huge ridge leaves the whole signal as bias:

    >>> setting = dict(d=4, bag_sizes=(2, 3), bag_counts=(4, 2), interpolations=(0.5,), noise_variance=0.3)
    >>> errors = bag_errors(np.random.default_rng(0), 1, ridges=(1e12,), target_power=(1.7,), **setting)
    >>> errors.round(9).tolist()
    [[[[1.7, 0.0]]]]
    """
    for name, value, known in (
        ("weighting", weighting, ("samples", "bags")),
        ("features", features, ("normal", "signs")),
    ):
        if value not in known:
            raise ValueError(f"{name} must be {known[0]!r} or {known[1]!r}, got {name}={value!r}")
    kinds, counts = check_listed_bags(bag_sizes), check_listed_bags(bag_counts, "bag_counts", "sizes")
    if kinds.size != counts.size:
        raise ValueError(f"bag_counts and bag_sizes must have the same length, got {counts.size} and {kinds.size}")
    sizes = np.repeat(kinds, counts)
    population, noise = _population(d, eigenvalues, target_power), check_number("noise_variance", noise_variance, low=0)
    rhos, penalties = check_interpolations(interpolations), check_vector("ridges", ridges, axis="ridges", low=0.0)
    result = np.empty((check_integer("replicates", replicates, low=1), rhos.size, penalties.size, 2))
    weights = np.ones(sizes.size) if weighting == "samples" else np.mean(sizes) / sizes
    for replicate in result:
        inputs = population.draw(rng, int(sizes.sum()), features)
        if features == "signs" and np.any(penalties == 0):
            _refuse_dependent(inputs, sizes, rhos)
        replicate[:] = _grid(inputs, sizes, weights, rhos, penalties, population, noise)
    return result


def _refuse_dependent(inputs: Array, sizes: NDArray[np.int64], rhos: Array) -> None:
    """Raise if samples (for rho > 0) or bag means (for rho = 0) do not have the rank of a general position."""
    used = [("samples", inputs)] if np.any(rhos > 0) else []
    used += [("bag means", stacked_rows(inputs, sizes)[0])] if np.any(rhos == 0) else []
    for name, rows in used:
        if np.linalg.matrix_rank(rows) < min(rows.shape):
            raise np.linalg.LinAlgError(
                f"the {name} of a replicate are linearly dependent, which +-1 features allow for few of them "
                f"(shape {rows.shape}): use more samples for each feature, or a ridge > 0"
            )


def _grid(
    inputs: Array,
    sizes: NDArray[np.int64],
    weights: Array,
    rhos: Array,
    penalties: Array,
    population: Population,
    noise: float,
) -> Array:
    """[bias, variance] of one design for every rho and ridge."""
    bags, (n, d) = len(sizes), inputs.shape
    between, within = stacked_rows(inputs, sizes)
    rows, result = np.concatenate([between, within]), np.empty((rhos.size, penalties.size, 2))
    for i, rho in enumerate(rhos):
        each = np.concatenate([weights, rho * np.repeat(weights, sizes)])
        for j, ridge in enumerate(penalties):
            response = response_map(rows, each, ridge * d, rank=n if rho > 0 else bags, responding=bags)
            result[i, j] = population.errors(response, between, np.ones(bags), np.full(bags, noise))
    return result


def group_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    d: int,
    group_rows: ArrayLike,
    weights: ArrayLike,
    gains: ArrayLike,
    noise_variances: ArrayLike,
    ridges: ArrayLike = (0.0,),
    eigenvalues: ArrayLike = (1.0,),
    target_power: ArrayLike = (1.0,),
) -> Array:
    """Return [bias, variance] given Gaussian rows in groups, for every ridge, (replicates, ridges, 2).

    `group_rows` (groups,) counts the independent rows of each group, `weights` (groups,) >= 0 is their weight in the
    loss, `gains` (groups,) and `noise_variances` (groups,) >= 0 make their targets gain x'theta0 + noise. `rng`,
    `replicates`, `d`, `ridges`, `eigenvalues` and `target_power` as in `bag_errors`, which is the case of two groups
    of bags and within-bag rows, (1, rho) the weights, (1, 0) the gains and (noise, 0) the noise variances.

    Source: derived (ar.X1).

    >>> setting = dict(d=2, group_rows=(4, 3), weights=(1.0, 0.3), gains=(1.0, 1.0), noise_variances=(0.0, 0.0))
    >>> bool(np.all(group_errors(np.random.default_rng(0), 5, **setting) < 1e-20))
    True
    """
    counts = check_listed_bags(group_rows, "group_rows", "groups")
    listed = {"weights": weights, "noise_variances": noise_variances}
    values = {name: check_vector(name, value, axis="groups", low=0.0) for name, value in listed.items()}
    values["gains"] = check_vector("gains", gains, axis="groups")
    for name, value in values.items():
        if value.size != counts.size:
            raise ValueError(f"{name} and group_rows must have the same length, got {value.size} and {counts.size}")
    population = _population(d, eigenvalues, target_power)
    penalties = check_vector("ridges", ridges, axis="ridges", low=0.0)
    each, noise, gain = (np.repeat(values[name], counts) for name in ("weights", "noise_variances", "gains"))
    rank, result = int(np.sum(each > 0)), np.empty((check_integer("replicates", replicates, low=1), penalties.size, 2))
    for replicate in result:
        rows = population.draw(rng, each.size)
        for row, ridge in zip(replicate, penalties, strict=True):
            response = response_map(rows, each, ridge * population.power.size, rank=rank, responding=each.size)
            row[:] = population.errors(response, rows, gain, noise)
    return result
