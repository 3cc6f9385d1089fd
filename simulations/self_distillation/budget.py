"""Self-distillation under a budget of training error: every step is the smoothest function that fits well enough.

Step t minimises |f|^2_H subject to (alpha |f - y|^2 + (1 - alpha) |f - y^(t-1)|^2) / n <= budget, with y^(0) = y and
f the values at the training points. With z = alpha y + (1 - alpha) y^(t-1) the left side is
(|f - z|^2 + alpha (1 - alpha) |y - y^(t-1)|^2) / n, so f is the ridge fit to z whose ridge makes |f - z|^2 equal to
what is left of the budget; f = 0 (ridge inf) once |z|^2 is within it. The ridge is found by a scalar root search in
which every trial is a fit by a dense solve. alpha = 0 is the setting of Mobahi, Farajtabar and Bartlett (2020).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from simulations._checks import check_number
from simulations.self_distillation._arguments import check_alphas, check_problem
from simulations.self_distillation._linear import solve

__all__ = ["budget_fits"]

Array = NDArray[np.float64]


def budget_fits(gram: ArrayLike, targets: ArrayLike, budget: float, alphas: ArrayLike = ()) -> tuple[Array, Array]:
    """Return the training fits (steps, n[, outputs]) and ridges (steps,) of self-distillation under a `budget`.

    `gram` (n, n) symmetric; `targets` (n,) or (n, outputs); `budget` > 0 on the mean squared loss of each step;
    `alphas` the schedule (alpha_2, ..., alpha_t) in [0, 1]. Once a fit is 0 its ridge is inf. Raises
    `ArithmeticError` when no function meets the budget (singular kernel, or an alpha (1 - alpha) |y - y^(t-1)|^2 / n
    beyond it).

    One point of kernel 3 and target 2, budget 1: the residuals are 1 each, the ridges 3 (fit 1 of 2), then collapse.

    >>> fits, ridges = budget_fits([[3.0]], [2.0], 1.0, (0.0,))
    >>> fits.round(9).tolist(), ridges.round(9).tolist()
    ([[1.0], [0.0]], [3.0, inf])
    """
    gram, truth, _ = check_problem(gram, targets)
    allowed = check_number("budget", budget, low=0.0, open_low=True) * len(gram)
    schedule = check_alphas(alphas)
    if np.any((schedule < 0) | (schedule > 1)):
        raise ValueError(f"alphas must be >= 0 and <= 1, got alphas={schedule.tolist()}")
    fits, ridges = [truth], []
    for alpha in [0.0, *schedule]:
        target = alpha * truth + (1 - alpha) * fits[-1]
        left = allowed - alpha * (1 - alpha) * float(np.sum((truth - fits[-1]) ** 2))
        ridges.append(_ridge(gram, target, left))
        fits.append(_fit(gram, target, ridges[-1]))
    return np.stack(fits[1:]), np.array(ridges)


def _fit(gram: Array, target: Array, ridge: float) -> Array:
    """The ridge fit to `target`, 0 at ridge inf."""
    if math.isinf(ridge):
        return np.zeros_like(target)
    return gram @ solve(gram + ridge * np.eye(len(gram)), target)


def _ridge(gram: Array, target: Array, allowed: float) -> float:
    """The ridge at which the squared residual of the fit to `target` is `allowed`; inf where that of 0 is within it."""
    if np.sum(target**2) <= allowed * (1 + 1e-14):
        return math.inf

    def excess(logarithm: float) -> float:
        ridge = math.exp(logarithm)
        residual = ridge * solve(gram + ridge * np.eye(len(gram)), target)
        return float(np.sum(residual**2)) - allowed

    scale = math.log(max(float(np.trace(gram)), 1e-300))
    low, high = scale - 1.0, scale + 1.0
    while excess(low) > 0:
        low -= 2.0
        if low < scale - 34.0:  # ridges below 1e-15 of the trace do not change the kernel matrix in float64
            raise ArithmeticError(f"no function leaves a squared residual of at most {allowed:.3g}: enlarge the budget")
    while excess(high) <= 0:
        high += 2.0
    return math.exp(float(brentq(excess, low, high, xtol=1e-14)))  # pyright: ignore[reportArgumentType]
