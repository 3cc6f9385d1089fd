"""The population side of the proportional limit: effective ridge and edges of the sample spectrum. Not public.

mu(kappa) = kappa - gamma mean_k s_k kappa/(s_k + kappa) = kappa [1 - gamma + gamma mean_k kappa/(s_k + kappa)], and
mu'(kappa) = 1 - gamma mean_k s_k^2/(s_k + kappa)^2. mu increases on (kappa_-, inf) and on (-inf, kappa_+), where
kappa_- > -s_min and kappa_+ < -s_max are the two outer zeros of mu'; the positive sample eigenvalues lie in
[-mu(kappa_-), -mu(kappa_+)]. On the first interval mu is convex and kappa <= mu + gamma mean(s), on the second it is
concave and kappa >= mu: Newton's iteration from these ends is monotone. In the open upper half-plane the solution is
unique, because kappa -> mu + gamma mean_k s_k kappa/(s_k + kappa) maps that half-plane strictly into itself; this map
is also the step taken where Newton's would leave {Im kappa >= Im mu} or not shrink the residual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from theory._checks import check_number, check_vector

__all__ = ["Population", "SolveError", "complex_kappa", "population", "read_population", "real_kappa"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
STEPS = 500


class SolveError(RuntimeError):
    """An iteration did not settle; the message names the argument, the residual and a remedy."""


@dataclass(frozen=True)
class Population:
    """Distinct positive eigenvalues s, `shares` gamma count/p (summing to gamma over all modes), `power` sum beta^2.

    `aspect` is the sum of the shares; `lower`, `upper` are the edges of the positive sample spectrum, `turns` the
    (kappa_-, kappa_+) that belong to them.
    """

    s: Array
    shares: Array
    power: Array
    aspect: float
    lower: float
    upper: float
    turns: tuple[float, float]

    def ridge_of(self, kappa: ArrayLike) -> NDArray:
        """mu(kappa), elementwise; without cancellation for kappa > 0 and aspect <= 1."""
        k = np.asarray(kappa)[..., None]
        return k[..., 0] * (1.0 - self.aspect + (self.shares * (k / (self.s + k))).sum(-1))

    def slope(self, kappa: ArrayLike) -> NDArray:
        """mu'(kappa) = 1 - gamma mean s^2/(s + kappa)^2, elementwise, written like `ridge_of`."""
        k = np.asarray(kappa)[..., None]
        ratio = k / (self.s + k)
        return 1.0 - self.aspect + (self.shares * ratio * (2.0 - ratio)).sum(-1)

    def learned(self, kappa: ArrayLike) -> NDArray:
        """gamma mean s/(s + kappa): the limit of the hat matrix's normalised trace."""
        return (self.shares * (self.s / (self.s + np.asarray(kappa)[..., None]))).sum(-1)

    def spread(self, kappa: ArrayLike) -> NDArray:
        """gamma mean s kappa/(s + kappa) = kappa - mu, elementwise, without cancellation."""
        k = np.asarray(kappa)[..., None]
        return (self.shares * self.s * (k / (self.s + k))).sum(-1)


def population(s: Array, power: Array, aspect_ratio: float) -> Population:
    """The `Population` of checked arrays: equal eigenvalues merged, modes of eigenvalue 0 dropped."""
    distinct, where, counts = np.unique(s, return_inverse=True, return_counts=True)
    powers = np.zeros_like(distinct)
    np.add.at(powers, where, power)
    kept = distinct > 0.0
    distinct, powers, shares = distinct[kept], powers[kept], aspect_ratio * counts[kept] / s.size
    aspect = aspect_ratio * float(counts[kept].sum() / s.size)  # exactly 1 where that matters

    def excess(kappa: float) -> float:
        ratio = distinct / (distinct + kappa)
        return float((shares * ratio * ratio).sum()) - 1.0

    root = np.sqrt(aspect)
    low, high = distinct[0], distinct[-1]
    right = (high if root >= 1.0 else low) * (root - 1.0)
    left = low * (np.sqrt(shares[0]) - 1.0)
    inner = _outer_zero(excess, float(left), float(right))
    outer = _outer_zero(excess, -float(high * (1.0 + np.sqrt(shares[-1]))), -float(high * (1.0 + root)))
    edges = distinct, shares, powers, aspect
    draft = Population(*edges, 0.0, 0.0, (inner, outer))
    lower, upper = (max(0.0, -float(draft.ridge_of(turn))) for turn in (inner, outer))
    return Population(*edges, lower, upper, (inner, outer))


def _outer_zero(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """The zero of mu' between a point where it is <= 0 (`inside`) and one where it is >= 0 (`outside`)."""
    if inside == outside or excess(inside) <= 0.0:
        return inside
    if excess(outside) >= 0.0:
        return outside
    return float(brentq(excess, inside, outside, rtol=1e-14, xtol=1e-300))  # pyright: ignore[reportArgumentType]


def read_population(spectrum: ArrayLike, aspect_ratio: ArrayLike, signal_power: ArrayLike | None = None) -> Population:
    """Check the arguments that describe the population, and return it."""
    s = check_vector("spectrum", spectrum, low=0.0)
    if not s.any():
        raise ValueError("spectrum must have a positive entry, got zeros only")
    aspect = check_number("aspect_ratio", aspect_ratio, low=0.0, open_low=True)
    if signal_power is None:
        return population(s, np.zeros_like(s), aspect)
    power = check_vector("signal_power", signal_power, low=0.0)
    if power.size != s.size:
        raise ValueError(
            f"signal_power must have one entry for each entry of spectrum, "
            f"got signal_power of shape {power.shape} and spectrum of shape {s.shape}"
        )
    return population(s, power, aspect)


def real_kappa(mu: float, model: Population) -> float:
    """kappa at a real ridge outside of minus the positive sample spectrum; Newton, monotone (see the module head)."""
    if mu == 0.0 and model.aspect <= 1.0:
        return 0.0
    beyond = mu < -model.upper
    kappa = mu if beyond else mu + float((model.shares * model.s).sum())
    for _ in range(STEPS):
        step = float((model.ridge_of(kappa) - mu) / model.slope(kappa))
        kappa -= step
        if abs(step) <= 4e-16 * abs(kappa) or (step < 0.0) != beyond:  # rounding turns the monotone steps round
            return kappa
    raise SolveError(f"effective ridge did not settle at ridge={mu:g} (last step {step:.1e}); scale the spectrum to 1")


def complex_kappa(mu: Complex, model: Population) -> Complex:
    """kappa at ridges `mu`, shape (nodes,), off the real axis; symmetric under conjugation."""
    flip = mu.imag < 0.0
    target: Complex = np.where(flip, mu.conj(), mu).astype(np.complex128)
    kappa = _isotropic_guess(target, model)
    value, slope = _ridge_and_slope(kappa, model)
    for _ in range(STEPS):
        residual = value - target
        newton = kappa - residual / slope
        settled = np.abs(newton - kappa) <= 1e-13 * np.abs(kappa)  # the residual is rounding: Newton's step stands
        if np.all(settled):
            kappa = newton
            break
        value, slope = _ridge_and_slope(newton, model)
        good = (newton.imag >= target.imag * (1 - 1e-12)) & (np.abs(value - target) <= np.abs(residual))
        if np.all(good | settled):
            kappa = newton
            continue
        kappa = np.where(good | settled, newton, kappa - residual)  # mu + spread(kappa)
        value, slope = _ridge_and_slope(kappa, model)
    else:
        raise SolveError(f"effective ridge did not settle (residual {np.abs(residual).max():.1e}) at a complex ridge")
    return np.where(flip, kappa.conj(), kappa)


def _ridge_and_slope(kappa: Complex, model: Population) -> tuple[Complex, Complex]:
    """mu(kappa) and mu'(kappa) at once."""
    ratio = kappa[:, None] / (model.s + kappa[:, None])
    shares, rest = model.shares.astype(np.complex128), 1.0 - model.aspect
    first = ratio @ shares
    ratio *= 2.0 - ratio
    return kappa * (rest + first), rest + ratio @ shares


def _isotropic_guess(mu: Complex, model: Population) -> Complex:
    """The solution in the upper half-plane if all eigenvalues equalled their mean: a quadratic equation."""
    mean = float((model.shares * model.s).sum()) / model.aspect
    b = mu + mean * (model.aspect - 1.0)
    root = np.sqrt(b * b + 4.0 * mean * mu)
    root = np.where((b.conj() * root).real < 0.0, -root, root)
    large = 0.5 * (b + root)
    small = -mean * mu / large
    return np.where(large.imag > small.imag, large, small)
