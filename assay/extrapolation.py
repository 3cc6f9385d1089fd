"""Finite size: extrapolate deviations measured at several sizes to infinity, or fit the power of their decay.

Both are weighted least squares with a residual check; a fit whose residual chi-square passes its .999
quantile is reported as not fitting rather than used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

__all__ = ["Extrapolation", "PowerFit", "extrapolate", "fit_power"]

RESIDUAL_QUANTILE = 0.999


@dataclass(frozen=True)
class Extrapolation:
    """A fit ``deviation(n) = intercept + sum_j slope_j n^-power_j`` and whether it describes the data."""

    intercept: float
    standard_error: float
    slopes: tuple[float, ...]
    powers: tuple[float, ...]
    chi_square: float
    degrees_of_freedom: int

    @property
    def fits(self) -> bool:
        """Whether the residual chi-square lies below its .999 quantile."""
        return _fits(self.chi_square, self.degrees_of_freedom)

    @property
    def inflation(self) -> float:
        """Factor by which residuals exceed their errors where the fit does not describe the data, else 1."""
        return 1.0 if self.fits else float(np.sqrt(self.chi_square / self.degrees_of_freedom))


@dataclass(frozen=True)
class PowerFit:
    """A fit ``|quantity(n)| = c n^-exponent`` with the exponent's standard error, and whether it describes the data."""

    exponent: float
    standard_error: float
    chi_square: float
    degrees_of_freedom: int

    @property
    def fits(self) -> bool:
        """Whether the residual chi-square lies below its .999 quantile (of values with known errors)."""
        return _fits(self.chi_square, self.degrees_of_freedom)

    @property
    def inflation(self) -> float:
        """Factor by which residuals exceed their errors where the fit does not describe the data, else 1."""
        return 1.0 if self.fits else float(np.sqrt(self.chi_square / self.degrees_of_freedom))


def extrapolate(
    sizes: ArrayLike, deviations: ArrayLike, standard_errors: ArrayLike, powers: Sequence[float] = (1.0,)
) -> Extrapolation:
    """Weighted least squares of deviations on ``[1, n^-p1, n^-p2, ...]``; the intercept is the claim at n = infinity.

    `sizes` (J,) > 0; `deviations` (J,) and their `standard_errors` (J,) > 0; `powers` > 0, fewer than J - 1,
    so that a residual remains. Raises `ValueError` where sizes are too few or span less than a factor 8.

    >>> fit = extrapolate([10, 20, 40, 80], [0.1, 0.05, 0.025, 0.0125], [1e-3] * 4)
    >>> abs(fit.intercept) < 1e-12, round(fit.slopes[0], 9), fit.fits
    (True, 1.0, True)
    """
    n = np.asarray(sizes, dtype=float)
    if n.size < len(powers) + 2:
        raise ValueError(f"sizes must number at least {len(powers) + 2} for powers={tuple(powers)}, got {n.size}")
    if n.max() < 8 * n.min():
        raise ValueError(f"sizes must span a factor >= 8, got {n.min():g}..{n.max():g}")
    design = np.column_stack([np.ones_like(n), *(n**-p for p in powers)])
    solution, covariance, chi_square = _weighted_fit(design, deviations, standard_errors)
    return Extrapolation(
        intercept=float(solution[0]),
        standard_error=float(np.sqrt(covariance[0, 0])),
        slopes=tuple(float(x) for x in solution[1:]),
        powers=tuple(powers),
        chi_square=chi_square,
        degrees_of_freedom=n.size - design.shape[1],
    )


def fit_power(sizes: ArrayLike, values: ArrayLike, standard_errors: ArrayLike | None = None) -> PowerFit:
    """Exponent a of ``|value| = c n^-a`` by weighted least squares of log means on log sizes.

    `sizes` (J,) > 0 with J >= 3; `values` (J,) nonzero means (logarithms are taken of means, never of
    replicates); `standard_errors` (J,) of the values, or None for deterministic values (equal weights, and
    the standard error then measures the misfit). Raises `ValueError` for fewer sizes or a zero value.

    >>> fit_power([10, 100, 1000], [0.3, 0.03, 0.003]).exponent.__round__(9)
    1.0
    """
    n, value = np.asarray(sizes, dtype=float), np.abs(np.asarray(values, dtype=float))
    if n.size < 3:
        raise ValueError(f"sizes must number at least 3, got {n.size}")
    if np.any(value == 0):
        raise ValueError(f"values must be nonzero to fit a power, got 0 at size {n[value == 0][0]:g}")
    design = np.column_stack([np.ones_like(n), -np.log(n)])
    relative = np.ones_like(n) if standard_errors is None else np.asarray(standard_errors, dtype=float) / value
    solution, covariance, chi_square = _weighted_fit(design, np.log(value), relative)
    freedom = n.size - 2
    scale = chi_square / freedom if standard_errors is None else 1.0
    return PowerFit(
        exponent=float(solution[1]),
        standard_error=float(np.sqrt(covariance[1, 1] * scale)),
        chi_square=chi_square,
        degrees_of_freedom=freedom,
    )


def _fits(chi_square: float, degrees_of_freedom: int) -> bool:
    return bool(chi_square <= chi2.ppf(RESIDUAL_QUANTILE, degrees_of_freedom))


def _weighted_fit(
    design: NDArray[np.float64], values: ArrayLike, standard_errors: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Solution, covariance and residual chi-square of a least-squares fit with known standard errors."""
    errors = np.asarray(standard_errors, dtype=float)
    if not np.all((errors > 0) & np.isfinite(errors)):
        raise ValueError(f"standard_errors must be > 0 and finite, got standard_errors={errors.tolist()}")
    weight = 1.0 / errors
    whitened, target = design * weight[:, None], np.asarray(values, dtype=float) * weight
    q, r = np.linalg.qr(whitened)
    solution = np.asarray(np.linalg.solve(r, q.T @ target), dtype=float)
    inverse = np.asarray(np.linalg.inv(r), dtype=float)
    residual = target - whitened @ solution
    return solution, inverse @ inverse.T, float(residual @ residual)
