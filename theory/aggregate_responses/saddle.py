"""The scalar min-max problem behind the limit risks, by the convex Gaussian min-max theorem (Javanmard et al., 2024).

The residual theta_hat - theta0 splits into (c - 1) theta0 and a part of length s orthogonal to theta0. In the limit the
loss behaves like, with r^2 = signal,

    min over c, s  max over b1, b2 >= 0 of   b1 sqrt(alpha1 [(1 - c)^2 r^2 + s^2 + sigma^2])
        + b2 sqrt(alpha2 [c^2 r^2 + s^2]) - s sqrt(b1^2 + b2^2) - b1^2/2 - b2^2/(2 rho),

and the risk is (1 - c)^2 r^2 + s^2 at the saddle. With (b1, b2) = b (cos f, sin f) the maximum over b is
(L - s)^2/(2 M), L = cos f sqrt(alpha1 [...]) + sin f sqrt(alpha2 [...]), M = cos^2 f + sin^2 f/rho, which leaves three
equations. A derivation of the limit that shares nothing with the resolvent trace: it serves as a check on `limit_risk`.

Asymptotic in d like `limit_risk`. Symbols: see the head of the package; s, b and f stand only here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root

from theory._checks import check_number

__all__ = ["SaddlePoint", "saddle_point"]

Array = NDArray[np.float64]
LEAST_SAMPLES = 1.001
RESIDUAL = 1e-12  # of the three equations, whose terms are of order 1


class SaddlePoint(NamedTuple):
    """The saddle: `shrinkage` c, `scatter` s^2, and the risk `total` = (1 - c)^2 r^2 + s^2; floats."""

    shrinkage: float
    scatter: float
    total: float


def saddle_point(
    samples_per_feature: float, bag_size: float, interpolation: float, *, signal: float, noise_variance: float
) -> SaddlePoint:
    """Return the saddle of the scalar min-max problem in the module's head, solved without the fixed point.

    Newton-like iteration on the three equations of stationarity from a fixed set of starts; the saddle is unique. Its
    `total` is the limit risk (asymptotic in d), to about 1e-12 for weights between 1e-3 and 1e3.

    samples_per_feature: psi = n/d, >= 1.001, a number; towards 1 the equations lose digits like 1/(psi - 1).
    bag_size: k, the (mean) bag size n/m, real, > 1, a number.
    interpolation: weight rho of the within-bag spread, in (0, inf), a number.
    signal: r^2, squared length of the coefficients, > 0, a number.
    noise_variance: sigma^2, variance of the label noise, >= 0, a number.

    Raises `ValueError` outside the domains and `RuntimeError`, with the best residual, where no start converges
    (extreme weights or sizes). Source: derived, claim ar.T1.

    >>> point = saddle_point(4, 2, 1.0, signal=3.0, noise_variance=0.6)
    >>> round(point.shrinkage, 10), round(point.total, 10)
    (0.5, 1.1)
    """
    psi = check_number("samples_per_feature", samples_per_feature, low=LEAST_SAMPLES)
    k = check_number("bag_size", bag_size, low=1.0, open_low=True)
    rho = check_number("interpolation", interpolation, low=0.0, open_low=True)
    r2 = check_number("signal", signal, low=0.0, open_low=True)
    noise = check_number("noise_variance", noise_variance, low=0.0) / r2
    sizes = np.sqrt([psi / k, psi * (k - 1.0) / k])
    best = np.inf
    starts = ((c, s, f) for s in (0.5, 2.0, 0.1, 8.0) for c in (0.5, 0.9, 0.1) for f in (0.8, 0.3, 1.3))
    for c, s, angle in starts:
        with np.errstate(all="ignore"):  # steps that leave the range of floats do not converge
            found = root(_equations, [c, np.log(s), angle], args=(sizes, rho, noise), method="hybr", tol=1e-15)
            c, s, angle = found.x[0], np.exp(found.x[1]), found.x[2]
            residual = float(np.max(np.abs(_equations(found.x, sizes, rho, noise))))
        best = min(best, residual)
        if residual < RESIDUAL and 0.0 < c < 1.0 and 0.0 < angle < 0.5 * np.pi:
            return SaddlePoint(float(c), float(r2 * s**2), float(r2 * ((1.0 - c) ** 2 + s**2)))
    raise RuntimeError(f"no saddle found: smallest residual {best:.1e} > {RESIDUAL:.0e}; use a weight closer to 1")


def _equations(point: Array, sizes: Array, rho: float, noise: float) -> Array:
    """Return the derivatives of (L - s)/sqrt(M) in c, s and the angle, each up to a positive factor; r^2 = 1."""
    c, s, angle = point[0], np.exp(min(point[1], 300.0)), point[2]
    across, along = np.cos(angle), np.sin(angle)
    first = np.hypot(np.hypot(1.0 - c, s), np.sqrt(noise))
    second = np.hypot(c, s)
    in_c = along * sizes[1] * c / second - across * sizes[0] * (1.0 - c) / first
    in_s = across * sizes[0] * s / first + along * sizes[1] * s / second - 1.0
    # per unit weight of each direction: (L - s)/M = b
    slack = across * sizes[0] * first + along * sizes[1] * second - s
    turn = (across * sizes[1] * second - along * sizes[0] * first) * (rho * across**2 + along**2)
    in_angle = (turn - slack * along * across * (1.0 - rho)) / ((first + second) * (1.0 + rho))
    return np.array([in_c, in_s, in_angle])
