"""The resolvent trace t of the two-weight Wishart matrix and the unit risks that it gives, without cancellation.

With e = psi - 1, t is the positive root of rho e t^2 + beta t - 1 = 0, beta = (alpha1 - 1) + rho (alpha2 - 1). Bag
means and contrasts change places under rho -> 1/rho, t -> rho t, which carries weights above 1 to weights below it. In
p = 1 - v = 1/(1 + t) and q = 1 - u = 1/(1 + rho t) everything is a sum of non-negative terms:

    D = c p + x q,   bias/r^2 = x^2 + psi alpha1 alpha2 (u v)^2/D,   variance/sigma^2 = alpha1 v^2/D.

For psi < 1 every positive weight gives the same minimum-norm interpolant: c = alpha1 and

    bias/r^2 = (1 - alpha1)^2 + alpha1 [(1 - alpha1)^2 + alpha1 alpha2]/(1 - psi),
    variance/sigma^2 = alpha1/(1 - psi).

The minimum-norm minimiser of the bag loss alone (rho = 0, psi < k) has bias/r^2 = 1 - alpha1 and
variance/sigma^2 = alpha1/(1 - alpha1). Derived, claims ar.T1, ar.C1 to ar.C5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range

Array = NDArray[np.float64]
LARGEST_RATIO = 1e100  # of samples per feature and bag sizes: products of three of them stay floats
SPLIT = 2.0**27 + 1.0  # Veltkamp's constant: halves of a float64 whose products are exact


@dataclass(frozen=True)
class State:
    """One entry per cell, letters of the module head; `t` is inf and `spread` 0 where psi <= 1.

    samples, excess: psi, e = psi - 1. bag_rows, within_rows: alpha1, alpha2. shrinkage, deficit: c and x = 1 - c.
    learned_bag, missed_bag: v, p. learned_within, missed_within: u, q. spread: D.
    fluctuation: bias/r^2 - x^2. variance: variance/sigma^2.
    """

    samples: Array
    excess: Array
    bag_rows: Array
    within_rows: Array
    t: Array
    learned_bag: Array
    missed_bag: Array
    learned_within: Array
    missed_within: Array
    shrinkage: Array
    deficit: Array
    spread: Array
    fluctuation: Array
    variance: Array

    @property
    def bias(self) -> Array:
        """bias/r^2 = x^2 + fluctuation."""
        return self.deficit**2 + self.fluctuation


class Samples(NamedTuple):
    """Samples per feature psi and psi - 1, each to full precision."""

    psi: Array
    excess: Array


def read_samples(
    samples_per_feature: ArrayLike | None, excess_samples: ArrayLike | None, *, low: float = 0.0
) -> Samples:
    """Return psi > low (0 or 1), <= 1e100, and psi - 1 from whichever argument was given; refuse both and neither."""
    if (samples_per_feature is None) == (excess_samples is None):
        given = "neither" if excess_samples is None else "both"
        raise ValueError(f"give either samples_per_feature or excess_samples (with None for the first), got {given}")
    if excess_samples is not None:
        excess = read_ratio("excess_samples", excess_samples, low=low - 1.0, open_low=True)
        return Samples(1.0 + excess, excess)
    psi = read_ratio("samples_per_feature", samples_per_feature, low=low, open_low=True)  # pyright: ignore[reportArgumentType]
    return Samples(psi, psi - 1.0)


def read_bag_size(bag_size: ArrayLike, *, above_one: bool = False) -> Array:
    """Return the bag size after checking that it is >= 1 (> 1 where bags of one decide nothing) and <= 1e100."""
    return read_ratio("bag_size", bag_size, low=1.0, open_low=above_one)


def read_ratio(name: str, value: ArrayLike, *, low: float, open_low: bool = False) -> Array:
    """Return a value above `low`, and below the largest of which products of three are floats."""
    return check_range(name, check_range(name, value, low=low, open_low=open_low), high=LARGEST_RATIO)


def read_interpolation(interpolation: ArrayLike) -> Array:
    """Return the weight rho in [0, inf]."""
    return check_range("interpolation", interpolation, low=0.0, allow_inf=True)


def evaluate(samples: Samples, bag_size: Array, interpolation: Array, *, minimum_norm: bool = True) -> State:
    """Return the state of checked cells, which broadcast.

    With `minimum_norm` interpolation 0 is the minimum-norm bag level, otherwise the limit interpolation -> 0+.
    """
    psi, e, k, rho = np.broadcast_arrays(*samples, bag_size, interpolation)
    alpha1, alpha2 = psi / k, psi * ((k - 1.0) / k)
    t, s = _traces(np.maximum(e, 0.0), k, rho)
    with np.errstate(divide="ignore", over="ignore"):
        v, p, u, q = 1.0 / (1.0 + 1.0 / t), 1.0 / (1.0 + t), 1.0 / (1.0 + 1.0 / s), 1.0 / (1.0 + s)
    c, x = alpha1 * v, alpha2 * u
    spread = c * p + x * q
    fluctuation = ratio(psi * alpha1 * alpha2 * (u * v) ** 2, spread)
    variance = ratio(alpha1 * v**2, spread)
    # fewer samples than features: every positive weight interpolates the bag means with equal predictions in each bag
    few, missed = e < 0.0, (k - 1.0 - e) / k
    c, x = np.where(few, alpha1, c), np.where(few, missed, x)
    extra = alpha1 * (missed**2 + alpha1 * alpha2)
    fluctuation, variance = np.where(few, ratio(extra, -e), fluctuation), np.where(few, ratio(alpha1, -e), variance)
    bag = (rho == 0.0) & (e < k - 1.0) & minimum_norm
    c, x = np.where(bag, alpha1, c), np.where(bag, missed, x)
    fluctuation = np.where(bag, alpha1 * missed, fluctuation)
    variance = np.where(bag, ratio(alpha1, missed), variance)
    return State(psi, e, alpha1, alpha2, t, v, p, u, q, c, x, spread, fluctuation, variance)


def scaled(factor: Array, unit: Array) -> Array:
    """Return factor times a unit risk, either of which may be inf; 0 where either is 0."""
    factor, unit = np.broadcast_arrays(factor, unit)
    with np.errstate(over="ignore"):
        return np.multiply(factor, unit, out=np.zeros(factor.shape), where=(factor > 0.0) & (unit > 0.0))


def bias_terms(state: State) -> tuple[Array, Array]:
    """Return the non-negative parts of B = rising - falling, whose sign is that of the bias's slope (`optimum`)."""
    pull = state.samples * state.learned_bag
    rising = state.within_rows * state.spread**2 + pull * state.shrinkage**2 * state.missed_bag
    return rising, pull * state.deficit**2 * state.missed_within


def ratio(numerator: Array, denominator: Array) -> Array:
    """Return numerator/denominator of non-negative numbers; over 0 it is inf, or 0 where the numerator is 0 too."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    limit = np.where(numerator > 0.0, np.inf, 0.0)
    with np.errstate(over="ignore"):
        return np.divide(numerator, denominator, out=limit, where=denominator > 0.0)


def plain(value: Array) -> float | Array:
    """Return a 0-d array as a float and others as they are."""
    return float(value) if np.ndim(value) == 0 else value


def excess_rows(excess: Array, bag_size: Array) -> tuple[Array, Array]:
    """Return alpha1 - 1 = (e - (k - 1))/k and alpha2 - 1 = (e (k - 1) - 1)/k, each to a rounding."""
    others = bag_size - 1.0  # exact in float64
    product = excess * others
    near = np.abs(product - 1.0) < 0.5  # elsewhere the rounding of the product does not matter
    error = np.where(near, _product_error(np.where(near, excess, 0.0), np.where(near, others, 0.0)), 0.0)
    return (excess - others) / bag_size, ((product - 1.0) + error) / bag_size


def _traces(excess: Array, bag_size: Array, interpolation: Array) -> tuple[Array, Array]:
    """Return t and rho t at psi >= 1, in [0, inf]; at interpolation 0 and inf the limits."""
    first, second = excess_rows(excess, bag_size)
    low = interpolation <= 1.0
    with np.errstate(divide="ignore", over="ignore", invalid="ignore", under="ignore"):
        weight = np.where(low, interpolation, 1.0 / interpolation)
        beta = np.where(low, first, second) + weight * np.where(low, second, first)
        root = np.hypot(beta, 2.0 * np.sqrt(weight) * np.sqrt(excess))
        smaller = 2.0 / (beta + root)  # of the two roots' forms, the one without cancellation at beta >= 0
        larger = 0.5 * (root - beta) / excess
        heavy = np.where(beta >= 0.0, smaller, larger / weight)
        light = np.where(beta >= 0.0, np.where(weight > 0.0, weight * smaller, 0.0), larger)
    return np.where(low, heavy, light), np.where(low, light, heavy)


def _product_error(a: Array, b: Array) -> Array:
    """Return what rounding took from a*b (Dekker's product), exactly."""
    product = a * b
    high_a, high_b = a * SPLIT - (a * SPLIT - a), b * SPLIT - (b * SPLIT - b)
    low_a, low_b = a - high_a, b - high_b
    return ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
