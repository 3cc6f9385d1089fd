"""Optimal mixing of ridge regression with its pure student, in the limit (sd.O2, sd.O8.limit, sd.R1, sd.R6).

The two-step student beta^(2) = (1 - xi) beta^(1) + xi M beta^(1), xi = 1 - alpha_2, has excess risk

    R(xi) = A + 2 xi (C - A) + xi^2 (A + B - 2 C),    xi* = (A - C)/(A + B - 2 C),    R* = A - (A - C)^2/(A + B - 2 C)

with A of ridge, B of the pure student (xi = 1) and C their cross term. C - A and A + B - 2 C are evaluated as quadratic
forms of their own, with the residual filter m (1 - m) of the difference M beta^(1) - beta^(1), so they keep their
digits where they vanish: for a small ridge (like lam and lam^2) and for a large one.

A = `ridge`, B = `distilled`, C = `cross`, xi = `mixing`; the other symbols: see `excess_risk`. Everything is a
deterministic equivalent (asymptotic, relative distance O(1/n)); the ridge is divided by n.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_number, check_range
from theory.self_distillation._contour import forms, trace
from theory.self_distillation._population import Population, read_population
from theory.self_distillation.excess_risk import students

__all__ = ["Mixing", "RiskTerms", "isotropic_limits", "naive_gcv_limits", "optimal_mixing", "risk_terms"]

Array = NDArray[np.float64]


class RiskTerms(NamedTuple):
    """Risk of ridge regression A, of its pure student B, and the cross term C; floats or arrays."""

    ridge: float | Array
    distilled: float | Array
    cross: float | Array


class Mixing(NamedTuple):
    """Optimal weight xi* = 1 - alpha_2* of the student's own fits, any real, and the excess risk there."""

    mixing: float | Array
    excess_risk: float | Array


def risk_terms(
    spectrum: ArrayLike,
    signal_power: ArrayLike,
    noise_variance: ArrayLike,
    aspect_ratio: ArrayLike,
    ridge: ArrayLike,
) -> RiskTerms:
    """Return the limit excess risks A, B and their cross term C = <b1 - beta, b2 - beta>_Sigma (asymptotic in n).

    b1 is ridge regression, b2 = M b1 its pure student (alpha_2 = 0).

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0.
    signal_power: squared coefficients beta_k^2, shape (modes,), >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    aspect_ratio: gamma = p/n, > 0.
    ridge: ridge divided by n, > 0, any shape.

    Test errors, and the cross term of test residuals, are these plus sigma^2. Fields have the shape of `ridge`.
    Limits: all three tend to the interpolator's risk for ridge -> 0, to sum_k s_k beta_k^2 for ridge -> inf.
    Raises `ValueError` outside these domains. Source: derived (sd.R1); the two-step case is Dang et al., 2026.

    >>> terms = risk_terms([1.0], [1.0], 1.0, 0.5, 1.0)
    >>> [round(1.0 + term, 5) for term in terms]
    [1.45521, 1.64991, 1.51228]
    """
    model, noise, ridges = _read(spectrum, signal_power, noise_variance, aspect_ratio, ridge)
    rows = np.empty((3, ridges.size))
    for i, lam in enumerate(ridges.flat):
        bias, variance = forms(model, lam, lambda x, lam=lam: students(x, lam, np.zeros(1)))
        gram = bias + noise * variance
        rows[:, i] = gram[0, 0], gram[1, 1], gram[0, 1]
    return RiskTerms(*_shaped(rows, ridges.shape))


def optimal_mixing(
    spectrum: ArrayLike,
    signal_power: ArrayLike,
    noise_variance: ArrayLike,
    aspect_ratio: ArrayLike,
    ridge: ArrayLike,
) -> Mixing:
    """Return the best mixing xi* of the two-step student and its limit excess risk R* (asymptotic in n).

    xi* = -<b1 - beta, d>/<d, d> with d = M b1 - b1 = lam db1/dlam and Sigma's inner product, equal to
    -lam R'(lam)/(2 <d, d>): positive where more ridge would help. Any real; alpha_2* = 1 - xi*. R* <= ridge's risk.

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0.
    signal_power: squared coefficients beta_k^2, shape (modes,), >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    aspect_ratio: gamma = p/n, > 0.
    ridge: ridge divided by n, > 0, any shape.

    Fields have the shape of `ridge`. Limits: xi* grows like 1/ridge for ridge -> 0 and like -ridge for ridge -> inf,
    while R* stays finite (closed forms for equal eigenvalues: `isotropic_limits`). xi* = 0 where ridge is optimal, and
    where there is neither signal nor noise: d = 0, the risk does not depend on xi.
    Raises `ValueError` outside these domains. Source: derived (sd.O2, sd.R1).

    >>> best = optimal_mixing([1.0], [2.0], 0.5, 0.4, 0.1)  # the optimal ridge 0.4 * 0.5/2: nothing to gain
    >>> abs(best.mixing) < 1e-12
    True
    >>> round(optimal_mixing([1.0], [1.0], 1.0, 2.0, 0.1).mixing, 2)
    4.08
    """
    model, noise, ridges = _read(spectrum, signal_power, noise_variance, aspect_ratio, ridge)
    rows = np.empty((2, ridges.size))
    for i, lam in enumerate(ridges.flat):
        bias, variance = forms(model, lam, lambda x, lam=lam: _tangent(x, lam), differences=True)
        gram = bias + noise * variance
        slope, curvature = gram[0, 1], gram[1, 1]
        mixing = -slope / curvature if curvature > 0.0 else 0.0
        rows[:, i] = mixing, gram[0, 0] + mixing * slope
    return Mixing(*_shaped(rows, ridges.shape))


def naive_gcv_limits(
    spectrum: ArrayLike,
    signal_power: ArrayLike,
    noise_variance: ArrayLike,
    aspect_ratio: ArrayLike,
    ridge: ArrayLike,
) -> RiskTerms:
    """Return the limits of the naive generalised cross-validation of A, B, C: inconsistent for B and C.

    <r_a, r_b>/n / [(1 - tr L_a/n)(1 - tr L_b/n)] with the training residuals r_a, r_b of hat matrices L_a, L_b taken
    from L = X (S + lam)^-1 X^T/n and L^2. The first term tends to ridge's test error, the others not to the student's:
    the leave-one-out factor of L^2 is not 1 - tr L^2/n, as the left-out point enters twice. The mixing it selects is
    (A - C)/(A + B - 2 C) of these terms, which loses digits for a ridge below about 1e-4.

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0.
    signal_power: squared coefficients beta_k^2, shape (modes,), >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0; part of these terms, unlike in `risk_terms`.
    aspect_ratio: gamma = p/n, > 0.
    ridge: ridge divided by n, > 0, any shape.

    Fields have the shape of `ridge`. Asymptotic in n. Raises `ValueError` outside these domains.
    Source: derived (sd.O8.limit).

    >>> [round(term, 5) for term in naive_gcv_limits([1.0], [1.0], 1.0, 0.5, 1.0)]
    [1.45521, 1.61808, 1.50544]
    """
    model, noise, ridges = _read(spectrum, signal_power, noise_variance, aspect_ratio, ridge)
    rows = np.empty((3, ridges.size))
    for i, lam in enumerate(ridges.flat):
        rows[:, i] = _naive(model, noise, lam)
    return RiskTerms(*_shaped(rows, ridges.shape))


def isotropic_limits(signal: ArrayLike, noise_variance: ArrayLike, aspect_ratio: ArrayLike) -> tuple[float, float]:
    """Return the limits of the optimally mixed excess risk R* for ridge -> 0 and ridge -> inf, Sigma = I (asymptotic).

    ridge -> 0: r^2 (1 - 1/gamma)_+ + sigma^2 gamma M_1 - (sigma^2 gamma M_2)^2/(r^2 M_2 + sigma^2 gamma M_3), M_j the
    inverse moments of the positive sample eigenvalues: 1/(1 - gamma), 1/(1 - gamma)^3, (1 + gamma)/(1 - gamma)^5 for
    gamma < 1, and gamma^(-j-1) times those at 1/gamma for gamma > 1.
    ridge -> inf: r^2 gamma (r^2 + sigma^2)/[r^2 (1 + gamma) + sigma^2 gamma], the best multiple of X^T y.

    signal: r^2, squared norm of beta, >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    aspect_ratio: gamma = p/n, > 0.

    Returns two floats. Limits: at gamma = 1 the first is inf unless the noise is 0. The distance of R* from them is
    O(ridge) and O(1/ridge). Raises `ValueError` outside these domains. Source: derived (sd.R6).

    >>> isotropic_limits(2.0, 0.0, 0.5)  # 0, and 2 * 0.5 * 2/3
    (0.0, 0.6666666666666666)
    """
    r2 = check_number("signal", signal, low=0.0)
    noise = check_number("noise_variance", noise_variance, low=0.0)
    gamma = check_number("aspect_ratio", aspect_ratio, low=0.0, open_low=True)
    whole = r2 * (1.0 + gamma) + noise * gamma
    large = r2 * gamma * ((r2 + noise) / whole) if whole else 0.0
    if noise == 0.0:
        return r2 * max(0.0, 1.0 - 1.0 / gamma), large
    if gamma == 1.0:
        return np.inf, large
    ratio, scale = min(gamma, 1.0 / gamma), min(1.0, 1.0 / gamma)
    gap = abs(1.0 - gamma) / max(1.0, gamma)
    m1, m2, m3 = scale**2 / gap, scale**3 / gap**3, scale**4 * (1.0 + ratio) / gap**5
    v = noise * gamma
    return r2 * max(0.0, 1.0 - 1.0 / gamma) + v * m1 - (v * m2) * (v * m2 / (r2 * m2 + v * m3)), large


def _read(
    spectrum: ArrayLike, signal_power: ArrayLike, noise_variance: ArrayLike, aspect_ratio: ArrayLike, ridge: ArrayLike
) -> tuple[Population, float, Array]:
    """Check the common arguments."""
    model = read_population(spectrum, aspect_ratio, signal_power)
    noise = check_number("noise_variance", noise_variance, low=0.0)
    return model, noise, check_range("ridge", ridge, low=0.0, open_low=True)


def _tangent(x: NDArray, lam: float) -> tuple[NDArray, NDArray]:
    """Residuals and shrinkages of ridge regression and of the difference between its pure student and itself."""
    missed = lam / (x + lam)
    return np.array([missed, missed * (x / (x + lam))]), np.array([1.0 / (x + lam), -missed / (x + lam)])


def _naive(model: Population, noise: float, lam: float) -> tuple[float, float, float]:
    """Naive terms A, B, C. Signal: beta^T S (1 - B_a)(1 - B_b) beta. Noise: 1 - tr(L_a + L_b - L_a L_b)/n."""

    def filters(x: NDArray) -> NDArray:
        m, f = x / (x + lam), lam / (x + lam)
        second = f * (1.0 + m)  # 1 - m^2
        return np.array([m, m * m, m**3, m**4, f * f, second * second, f * second])

    counted, signal = trace(model, lam, filters)
    one, two, three, four = counted[:4]
    first, last, both = signal[4:]
    a, b = 1.0 - one, 1.0 - two
    return (
        (first + noise * (1.0 - 2.0 * one + two)) / a**2,
        (last + noise * (1.0 - 2.0 * two + four)) / b**2,
        (both + noise * (1.0 - one - two + three)) / (a * b),
    )


def _shaped(rows: Array, shape: tuple[int, ...]) -> list[float | Array]:
    """The rows in `shape`, as floats where that is a single number."""
    return [row.reshape(shape) if shape else float(row[0]) for row in rows]
