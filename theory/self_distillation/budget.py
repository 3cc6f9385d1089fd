"""Self-distillation with a residual budget instead of a ridge (Mobahi, Farajtabar, Bartlett, NeurIPS 2020).

Model. Step t minimises ||f||^2 subject to (1/n) sum_i (f(x_i) - z_i)^2 <= eps, z_t = alpha_t y + (1 - alpha_t) y^(t-1):
ridge regression with the ridge lambda_t at which the budget is used up,
    sum_i (lambda_t/(lambda_t + d_i))^2 (v_i^T z_t)^2 = n eps      (increasing in lambda_t),
and f = 0 (collapse) once ||z_t||^2 <= n eps. With alpha_t between 0 and 1 the budget is that of the weighted loss, of
which alpha_t (1 - alpha_t) ||y - y^(t-1)||^2 is lost beforehand.

========  ==========  ===================================================  ==================
letter    argument    meaning                                              domain
========  ==========  ===================================================  ==================
K         gram        kernel matrix of the training points (n, n)          symmetric, d >= 0
y         targets     training targets, (n,) or (n, outputs)               real
eps       budget      admitted squared residual per point                  > 0
alpha_t   alphas      weights of the true targets from the second step     [0, 1]
========  ==========  ===================================================  ==================

Conventions that bite: the budget is per point, sums over outputs included (one ridge for all outputs); the ridge is
not multiplied by n. Exact; the ridge is a root found to about 1e-14.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from theory._checks import check_number, check_range
from theory.self_distillation._spectrum import (
    EPS,
    decompose,
    inverse,
    read_alphas,
    read_cross,
    read_gram,
    split,
)

__all__ = ["BudgetFits", "collapse_bounds", "residual_budget_fits"]

Array = NDArray[np.float64]


class BudgetFits(NamedTuple):
    """Fits of all steps, the ridge of each step (inf: collapse), and how many fits are not 0."""

    fits: Array
    ridges: Array
    survivors: int


def residual_budget_fits(
    gram: ArrayLike, targets: ArrayLike, budget: float, alphas: ArrayLike, cross_gram: ArrayLike | None = None
) -> BudgetFits:
    """Return (fits, ridges, survivors): the chain of steps 1, ..., T under a residual budget (exact).

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    budget: eps, admitted squared residual per point, > 0.
    alphas: (alpha_2, ..., alpha_T), in [0, 1]; zeros are Mobahi's chain, empty a single fit.
    cross_gram: kernel between m new points and the training points, shape (m, n); without it the fits are those at the
        training points.

    Limits: fit 0 and ridge inf once the targets lie within the budget; ridge 0 where it equals what no fit can reach.
    Raises `ValueError` outside these domains, for shapes that disagree, and where no function meets the budget (targets
    outside the range of gram, or a weighted loss whose least value exceeds it), naming the step.
    Source: Mobahi et al. (reconstructed), derived (sd.M1, sd.M2).

    >>> chain = residual_budget_fits([[1.0]], [3.0], 1.0, [0.0, 0.0])  # each fit is 1 closer to 0
    >>> chain.fits.ravel().round(12), chain.survivors
    (array([2., 1., 0.]), 2)
    """
    kernel, eps = read_gram(gram), check_number("budget", budget, low=0.0, open_low=True)
    weights = read_alphas(check_range("alphas", alphas, low=0.0, high=1.0))
    modes = decompose(kernel, targets, 0.0)
    reach = None if cross_gram is None else read_cross(cross_gram, kernel.shape[0]) @ modes.vectors
    allowed = eps * kernel.shape[0]
    y = modes.coordinates
    fits, ridges, fit = [], [], y
    for step, alpha in enumerate(np.r_[1.0, weights], start=1):
        target = alpha * y + (1.0 - alpha) * fit
        ridge = _ridge(modes.eigenvalues, target, allowed - alpha * (1.0 - alpha) * np.sum((y - fit) ** 2), step)
        fit = split(modes.eigenvalues, ridge)[0][:, None] * target
        dual = inverse(modes.eigenvalues, ridge)[:, None] * target
        fits.append(modes.vectors @ fit if reach is None else reach @ dual)
        ridges.append(ridge)
    survivors = int(np.sum(np.isfinite(ridges)))
    return BudgetFits(modes.shaped(np.stack(fits)), np.array(ridges), survivors)


def collapse_bounds(targets: ArrayLike, budget: float) -> tuple[int, int]:
    """Return (least, most) number of fits that are not 0 in a chain without true targets (exact bounds).

    ceil(s) - 1 and ceil(s^2) - 1 with s = ||y||/sqrt(n eps), for every gram that admits the first fit: each fit is
    shorter than its target by at most sqrt(n eps), and its square by at least n eps. Rounded outwards where s or s^2 is
    whole to 12 digits.

    targets: y, shape (n,) or (n, outputs).
    budget: eps, admitted squared residual per point, > 0.

    Both 0 where the targets lie within the budget. Raises `ValueError` outside these domains.
    Source: derived, the first as in Mobahi et al. (sd.M1, sd.M2, each sharpened by one).

    >>> collapse_bounds([3.0], 0.8)  # s = 3.35, s^2 = 11.25
    (3, 11)
    """
    y, eps = check_range("targets", targets), check_number("budget", budget, low=0.0, open_low=True)
    if y.ndim not in (1, 2) or y.size == 0:
        raise ValueError(f"targets must have shape (points,) or (points, outputs), not empty, got shape {y.shape}")
    ratio = float(np.sum((y / np.sqrt(eps)) ** 2)) / y.shape[0]
    least, most = np.ceil(np.sqrt(ratio) * (1.0 - 1e-12)) - 1.0, np.ceil(ratio * (1.0 + 1e-12)) - 1.0
    return max(0, int(least)), 0 if ratio <= 1.0 else int(most)


def _ridge(eigenvalues: Array, target: Array, allowed: float, step: int) -> float:
    """Return the ridge at which the squared residual is `allowed`; inf where f = 0 stays within it."""
    power = np.sum(target**2, axis=1)
    total = float(power.sum())
    if allowed >= total:
        return np.inf
    positive = eigenvalues > 0.0
    lost = float(power[~positive].sum())
    if allowed < lost * (1.0 - 64.0 * EPS * power.size):
        needed = f"{lost:.6g} of the squared target is out of reach, {allowed:.6g} is left of n times the budget"
        raise ValueError(f"budget must admit a fit at step {step}: {needed}")
    d, p = eigenvalues[positive], power[positive]
    spare = allowed - lost
    if spare <= 0.0:
        return 0.0

    kept = total - allowed  # what the fit must explain

    def excess(log_ridge: float) -> float:  # both forms increase; each is free of cancellation where it is used
        learned, missed = split(d, math.exp(log_ridge))
        if spare < kept:
            return float(np.sum(missed**2 * p)) - spare
        return kept - float(np.sum(learned * (1.0 + missed) * p))

    left = np.sqrt(spare / (spare + kept))  # lambda/(lambda + d) if all modes had the same eigenvalue d
    log_odds = np.log(left) + np.log1p(left) - np.log(kept / (spare + kept))
    low, high = np.log(d[0]) + log_odds - 1e-9, np.log(d[-1]) + log_odds + 1e-9
    root = float(brentq(excess, low, high, xtol=1e-14, rtol=4.0 * EPS))  # pyright: ignore[reportArgumentType]
    return math.exp(root)
