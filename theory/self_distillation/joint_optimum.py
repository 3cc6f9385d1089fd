"""The best schedule of T self-distillation steps in the proportional limit, and the best ridge for it (sd.O4, sd.O10).

With free weights alpha_2, ..., alpha_T the students reach every b = sum_j c_j M^j b1 with sum_j c_j = 1, that is every
residual filter (1 - m) P(m) with a polynomial P of degree T - 1 and P(0) = 1. The excess risk is quadratic in c:

    rho_T(lam) = min_c R(c) = A - g^T D^-1 g,    D_ij = <d_i, d_j>,    g_i = <b1 - beta, d_i>,

with directions d_i of residual filter (1 - m) m U_i(m), U_i Chebyshev polynomials on the range of m, so that D is well
conditioned. rho_T decreases in T. At an interior minimiser lam_T of rho_T whose schedule uses its last step,
c_(T-1) != 0, rho_(T+1)(lam_T) = rho_T(lam_T): the derivative of c's student in log lam is then the one direction that
step T + 1 adds (sd.O10).

Everything is a deterministic equivalent (asymptotic); the ridge is divided by n. Symbols: see `excess_risk`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from theory._checks import check_integer, check_number, check_range
from theory.self_distillation._contour import forms
from theory.self_distillation._population import Population, read_population

__all__ = ["BestRidge", "best_joint_risk", "joint_risk"]

Array = NDArray[np.float64]
DECADES, PER_DECADE = 5.0, 8
CONDITION = 1e-13  # eigenvalues of the scaled D below this are rounding


class BestRidge(NamedTuple):
    """A ridge, divided by n, and the least excess risk that is reached there."""

    ridge: float
    excess_risk: float


def joint_risk(
    spectrum: ArrayLike,
    signal_power: ArrayLike,
    noise_variance: ArrayLike,
    aspect_ratio: ArrayLike,
    ridge: ArrayLike,
    steps: ArrayLike,
) -> float | Array:
    """Return rho_T(ridge), the least limit excess risk of `steps` steps over all real schedules (asymptotic in n).

    It is the minimum over c with sum c = 1 of the risk of sum_j c_j M^j (S + lam)^-1 X^T y/n. steps = 1 is ridge, 2 is
    `optimal_mixing`. Relative error about 1e-12 for up to ten steps.

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0.
    signal_power: squared coefficients beta_k^2, shape (modes,), >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    aspect_ratio: gamma = p/n, > 0.
    ridge: ridge divided by n, > 0, any shape.
    steps: number T of fits, an integer in [1, 20].

    Has the shape of `ridge`; never increases with `steps`. The schedule itself is not unique where a weight is 1.
    Raises `ValueError` outside these domains. Source: derived (sd.O4, sd.O10).

    >>> best = joint_risk([1.0], [2.0], 0.5, 0.4, 0.1, 4)  # the optimal ridge of equal eigenvalues
    >>> abs(best - joint_risk([1.0], [2.0], 0.5, 0.4, 0.1, 1)) < 1e-14
    True
    """
    model = read_population(spectrum, aspect_ratio, signal_power)
    noise = check_number("noise_variance", noise_variance, low=0.0)
    ridges = check_range("ridge", ridge, low=0.0, open_low=True)
    count = check_integer("steps", steps, low=1, high=20)
    best = np.array([_joint(model, noise, float(lam), count) for lam in ridges.flat])
    return best.reshape(ridges.shape) if ridges.ndim else float(best[0])


def best_joint_risk(
    spectrum: ArrayLike,
    signal_power: ArrayLike,
    noise_variance: ArrayLike,
    aspect_ratio: ArrayLike,
    steps: ArrayLike,
) -> BestRidge:
    """Return the ridge with the least `joint_risk`, and that risk (asymptotic in n).

    Every valley of a grid of 8 ridges a decade, five decades to either side of gamma mean(s), is refined by Brent's
    method; a flat minimum gives any of its points, and a minimum beyond the grid its end.

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0.
    signal_power: squared coefficients beta_k^2, shape (modes,), >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    aspect_ratio: gamma = p/n, > 0.
    steps: number T of fits, an integer in [1, 20]; 1 is the best plain ridge.

    Raises `ValueError` outside these domains. Source: derived (sd.O10).

    >>> best = best_joint_risk([1.0], [2.0], 0.5, 0.4, 1)
    >>> round(best.ridge, 6)  # gamma sigma^2/r^2
    0.1
    """
    model = read_population(spectrum, aspect_ratio, signal_power)
    noise = check_number("noise_variance", noise_variance, low=0.0)
    count = check_integer("steps", steps, low=1, high=20)

    def value(log_ridge: float) -> float:
        return _joint(model, noise, float(np.exp(log_ridge)), count)

    centre = float(np.log((model.shares * model.s).sum()))
    grid = centre + np.log(10.0) * np.linspace(-DECADES, DECADES, int(2 * DECADES * PER_DECADE) + 1)
    values = np.array([value(point) for point in grid])
    walls = np.concatenate([[np.inf], values, [np.inf]])
    found = [(values.min(), grid[values.argmin()])]
    for low in np.flatnonzero((values <= walls[:-2]) & (values <= walls[2:])):  # every valley of the grid
        ends = grid[max(low - 1, 0)], grid[min(low + 1, grid.size - 1)]
        valley: Any = minimize_scalar(value, bounds=ends, method="bounded", options={"xatol": 1e-9})
        found.append((valley.fun, valley.x))
    least, point = min(found)
    return BestRidge(float(np.exp(point)), float(least))


def _joint(model: Population, noise: float, lam: float, steps: int) -> float:
    """rho_T at one ridge; D is scaled to a unit diagonal, directions that are rounding are left out."""
    bias, variance = forms(model, lam, lambda x: _directions(model, x, lam, steps - 1), differences=True)
    gram = bias + noise * variance
    size = np.sqrt(np.maximum(np.diag(gram)[1:], 0.0))
    used = np.flatnonzero(size > 0.0)
    if not used.size:
        return max(0.0, float(gram[0, 0]))
    slope = gram[0, 1:][used] / size[used]
    values, vectors = np.linalg.eigh(gram[1:, 1:][np.ix_(used, used)] / np.outer(size[used], size[used]))
    kept = values > CONDITION * values[-1]
    gains = (vectors.T @ slope)[kept] ** 2 / values[kept]
    return max(0.0, float(gram[0, 0] - gains.sum()))


def _directions(model: Population, x: NDArray, lam: float, count: int) -> tuple[NDArray, NDArray]:
    """Residuals and shrinkages of ridge regression and of the directions (1 - m) m U_i(m), i < `count`."""
    missed, kept = lam / (x + lam), x / (x + lam)
    low, high = (edge / (edge + lam) for edge in (model.lower, model.upper))
    scaled = (2.0 * kept - low - high) / (high - low)
    basis = np.polynomial.chebyshev.chebvander(scaled, max(count - 1, 0)).T[:count]
    residual = np.concatenate([missed[None], missed * kept * basis])
    return residual, np.concatenate([1.0 / (x[None] + lam), -missed / (x + lam) * basis])
