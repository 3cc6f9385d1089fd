"""Risks for equal population eigenvalues by the Marchenko-Pastur law: a route without effective ridges or contours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mixed_risk"]

Array = NDArray[np.float64]
NODES = 2000


def law(ratio: float) -> tuple[Array, Array]:
    """Eigenvalues and weights of the spectrum of X'X/n for Sigma = I, p/n = `ratio`; the mass at 0 included.

    s = 1 + ratio + 2 sqrt(ratio) cos(theta), weight (2/pi) sin(theta)^2/s, by the midpoint rule in theta.
    """
    angle = np.pi * (np.arange(NODES) + 0.5) / NODES
    s = 1 + ratio + 2 * ratio**0.5 * np.cos(angle)
    weight = 2 / NODES * np.sin(angle) ** 2 / s
    return np.r_[s, 0.0], np.r_[weight, max(0.0, 1 - 1 / ratio)]


def mixed_risk(ratio: float, ridge: float, signal: float, noise: float) -> float:
    """Least excess risk of the two-step student over its mixing, beta of squared norm `signal`, at `ridge`.

    A - <e, d>^2/<d, d> with the error e of ridge and the difference d of the two students, both as integrals.
    """
    s, weight = law(ratio)
    missed, kept = ridge / (s + ridge), s / (s + ridge)
    residuals = missed, missed * kept
    shrinkages = 1 / (s + ridge), -missed / (s + ridge)

    def form(i: int, j: int) -> float:
        bias = signal * residuals[i] * residuals[j]
        return float(np.sum(weight * (bias + noise * ratio * shrinkages[i] * shrinkages[j] * s)))

    return form(0, 0) - form(0, 1) ** 2 / form(1, 1)
