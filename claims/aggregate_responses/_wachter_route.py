"""Slopes, best weights and crossings of the risk by averages over the Wachter law: a route without the fixed point.

With w = rho (1 - b)/(b + rho (1 - b)) and g = b/(b + rho (1 - b))^2 the limit risks per unit of signal and noise are
(psi <w^2> - <w>^2)/(psi - 1) and <g>/(psi - 1); their derivatives in rho are averages as well.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from theory import aggregate_responses as theory

__all__ = ["best_weight", "crossover", "slopes", "unit_risk"]

Array = NDArray[np.float64]
WIDEST = math.log(1e7)  # of the weights searched, either side of 1


def slopes(psi: float, k: float, rho: float) -> tuple[float, float]:
    """Derivatives in `rho` of bias/r^2 and variance/sigma^2 at samples per feature `psi`, bag size `k`."""

    def average(which: str) -> float:
        def value(b: Array) -> Array:
            mixed = b + rho * (1 - b)
            w, slope = rho * (1 - b) / mixed, b * (1 - b) / mixed**2
            return {"w": w, "slope": slope, "both": w * slope, "g": -2 * b * (1 - b) / mixed**3}[which]

        return theory.wachter_average(value, psi, k)

    bias = 2 * (psi * average("both") - average("w") * average("slope")) / (psi - 1)
    return bias, average("g") / (psi - 1)


def _inverse(b: Array) -> Array:
    """1/b, infinite at 0."""
    with np.errstate(divide="ignore"):
        return 1 / b


def unit_risk(psi: float, k: float, rho: float) -> tuple[float, float]:
    """bias/r^2 and variance/sigma^2 at weight `rho` > 0, or at bag level, `rho` = 0, for `psi` > `k`."""
    if rho == 0.0:
        return 0.0, theory.wachter_average(_inverse, psi, k) / (psi - 1)
    risk = theory.wachter_risk(psi, k, rho, signal=1.0, noise_variance=1.0)
    return float(risk.bias), float(risk.variance)


def best_weight(psi: float, k: float, snr: float) -> tuple[float, float]:
    """The weight > 0 where the slope of the risk turns positive, and the risk there in units of the signal."""

    def slope(log_weight: float) -> float:
        bias, variance = slopes(psi, k, math.exp(log_weight))
        return math.exp(log_weight) * (bias + variance / snr)

    root = float(brentq(slope, -WIDEST, WIDEST, xtol=1e-14, rtol=1e-14))  # pyright: ignore[reportArgumentType]
    bias, variance = unit_risk(psi, k, math.exp(root))
    return math.exp(root), bias + variance / snr


def crossover(psi: float, k: float) -> float:
    """The SNR at which bag level and instance level have equal risks, by bisection; 0 where bag level always wins."""
    bag = unit_risk(psi, k, 0.0) if psi > k else (1 - psi / k, (psi / k) / (1 - psi / k))
    instance = unit_risk(psi, k, 1.0)

    def excess(log_snr: float) -> float:
        return math.exp(log_snr) * (instance[0] - bag[0]) + instance[1] - bag[1]

    if excess(-WIDEST) >= 0:
        return 0.0
    return math.exp(float(brentq(excess, -WIDEST, WIDEST, xtol=1e-14, rtol=1e-14)))  # pyright: ignore[reportArgumentType]
