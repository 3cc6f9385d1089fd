"""The Wachter law of the matrix-beta eigenvalues b, and the limit risks as averages over it (Javanmard et al., 2024).

With A1, A2 the Gram matrices of bag means and contrasts, the eigenvalues b in [0, 1] of
(A1 + A2)^-1/2 A1 (A1 + A2)^-1/2 follow, for psi > 1,

    density psi sqrt((b+ - b)(b - b-))/[2 pi b (1 - b)] on [b-, b+],
    b+- = (sqrt(alpha1 (psi - 1)) +- sqrt(alpha2))^2/psi^2,
    atoms of mass (1 - alpha1)_+ at 0 and (1 - alpha2)_+ at 1,

and a second derivation of the limit of bias and variance, without any fixed point, is

    w = rho (1 - b)/(b + rho (1 - b)),  g = b/(b + rho (1 - b))^2:
    bias/r^2 = (psi <w^2> - <w>^2)/(psi - 1),   variance/sigma^2 = <g>/(psi - 1).

Averages substitute b = middle + half cos(angle): the midpoint rule then converges geometrically. Asymptotic in d (the
empirical law of the eigenvalues converges to this one). Symbols: see the head of the package.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_number, check_range
from theory.aggregate_responses._state import excess_rows, plain, read_bag_size, read_samples
from theory.aggregate_responses.limits import LimitRisk

__all__ = ["wachter_atoms", "wachter_average", "wachter_density", "wachter_edges", "wachter_risk"]

Array = NDArray[np.float64]
FIRST_NODES, MOST_NODES = 64, 2**21
LEAST_WEIGHT = 1e-150  # its square is a float
NEAR = 0.01  # an edge so close to 0 or 1 has the kernel's pole beside it, which is integrated in closed form
AGREEMENT = 4e-15  # relative to the largest partial sum; two rules that agree so well have both converged


def wachter_edges(
    samples_per_feature: ArrayLike | None, bag_size: ArrayLike, *, excess_samples: ArrayLike | None = None
) -> tuple[float | Array, float | Array]:
    """Return (b-, b+), the ends of the continuous part of the law; exact for the law, which is a limit in d.

    b+- = (sqrt(alpha1 (psi - 1)) +- sqrt(alpha2))^2/psi^2, evaluated without cancellation.

    samples_per_feature: psi = n/d, > 1; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, >= 1; at 1 both ends are 1 - 1/psi, where no mass is left: all sits at 1.
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give floats. Limits: b- = 0 at psi = k, b+ = 1 at alpha2 = 1. Raises `ValueError` outside the
    domains. Source: derived, claim ar.E3.

    >>> wachter_edges(2, 2)  # alpha1 = alpha2 = 1: the arcsine law
    (0.0, 1.0)
    """
    psi, excess = read_samples(samples_per_feature, excess_samples, low=1.0)
    k = read_bag_size(bag_size)
    first, second = excess_rows(excess, k)
    wide = np.sqrt(psi / k * excess) + np.sqrt(psi * ((k - 1.0) / k))
    # alpha1 e - alpha2 = psi (alpha1 - 1); 1 - b+ is b- with the two groups of rows exchanged
    low = (first / wide) ** 2
    crossed = np.sqrt(psi * ((k - 1.0) / k) * excess) + np.sqrt(psi / k)
    return plain(low), plain(1.0 - (second / crossed) ** 2)


def wachter_atoms(
    samples_per_feature: ArrayLike | None, bag_size: ArrayLike, *, excess_samples: ArrayLike | None = None
) -> tuple[float | Array, float | Array]:
    """Return the masses of the law at b = 0 and b = 1: (max(0, 1 - alpha1), max(0, 1 - alpha2)); exact for the law.

    samples_per_feature: psi = n/d, > 1; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, >= 1; at 1 all mass sits at 1.
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give floats. Raises `ValueError` outside the domains. Source: derived, claim ar.E3.

    >>> wachter_atoms(1.5, 6)  # alpha1 = 1/4, alpha2 = 5/4
    (0.75, 0.0)
    """
    excess = read_samples(samples_per_feature, excess_samples, low=1.0).excess
    first, second = excess_rows(excess, read_bag_size(bag_size))
    return plain(np.maximum(0.0, -first)), plain(np.maximum(0.0, -second))


def wachter_density(
    b: ArrayLike,
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    *,
    excess_samples: ArrayLike | None = None,
) -> float | Array:
    """Return the density of the continuous part of the law at b; with the atoms its mass is 1. Exact for the law.

    psi sqrt((b+ - b)(b - b-))/[2 pi b (1 - b)] inside the edges, 0 outside.

    b: eigenvalue, in [0, 1].
    samples_per_feature: psi = n/d, > 1; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, >= 1.
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give a float. Limits: inf at an edge that has reached 0 (psi = k) or 1 (alpha2 = 1).
    Raises `ValueError` outside the domains. Source: derived, claim ar.E3.

    >>> round(wachter_density(0.5, 2, 2) * np.pi, 12)  # arcsine law 1/(pi sqrt(b (1 - b)))
    2.0
    """
    value = check_range("b", b, low=0.0, high=1.0)
    psi, _ = read_samples(samples_per_feature, excess_samples, low=1.0)
    low, high = wachter_edges(samples_per_feature, bag_size, excess_samples=excess_samples)
    inside = np.sqrt(np.maximum(high - value, 0.0)) * np.sqrt(np.maximum(value - low, 0.0))
    room = 2.0 * np.pi * value * (1.0 - value)
    ends = np.where(((value == 0.0) & (low == 0.0)) | ((value == 1.0) & (high == 1.0)), np.inf, 0.0)
    psi, inside, room, ends = np.broadcast_arrays(psi, inside, room, ends)
    return plain(np.divide(psi * inside, room, out=np.array(ends), where=room > 0.0))


def wachter_average(
    function: Callable[[Array], ArrayLike],
    samples_per_feature: float | None,
    bag_size: float,
    *,
    excess_samples: float | None = None,
) -> float:
    """Return the average of a function of b over the law, atoms included; quadrature to about 1e-14.

    The integral in the angle of b = middle + half cos(angle), by midpoint rules of doubling size until two agree; where
    an edge is close to 0 (1), function(0)/b (function(1)/(1 - b)) is taken off and integrated in closed form.

    function: smooth function of b, takes an array of values in [0, 1] and gives the values, same shape.
    samples_per_feature: psi = n/d, > 1, a number; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, >= 1, a number.
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    Limit in d, like the law. At bag size 1 it is the function at 1. Raises `ValueError` outside the domains, and
    `RuntimeError` where 2^21 nodes do not settle it (a function singular on the edges or within about 1e-10 of
    them). Source: derived, claim ar.E3.

    >>> round(wachter_average(lambda b: b, 6, 3), 12)  # the mean is 1/k
    0.333333333333
    """
    if not callable(function):
        raise ValueError(f"function must be a function of an array, got function={function!r}")
    psi, excess = _single(samples_per_feature, excess_samples)
    k = check_number("bag_size", bag_size, low=1.0)
    low, high = (float(edge) for edge in wachter_edges(None, k, excess_samples=excess))
    at_ends = [float(np.asarray(function(np.array([place])))[0]) for place in (0.0, 1.0)]
    masses = [float(mass) for mass in wachter_atoms(None, k, excess_samples=excess)]
    total = sum(mass * value for mass, value in zip(masses, at_ends, strict=True) if mass > 0.0)
    if high <= low:
        return total
    near = (low < NEAR and np.isfinite(at_ends[0]), 1.0 - high < NEAR and np.isfinite(at_ends[1]))
    anchors = [value if close else 0.0 for value, close in zip(at_ends, near, strict=True)]
    # psi/(2 pi) times the integrals of sqrt((b+ - b)(b - b-)) over b and over 1 - b
    poles = [0.25 * psi * (np.sqrt(to) - np.sqrt(of)) ** 2 for of, to in ((low, high), (1.0 - high, 1.0 - low))]
    total += float(np.dot(anchors, poles))
    nodes, before = FIRST_NODES, np.inf
    while nodes <= MOST_NODES:
        terms = _terms(function, anchors, psi, low, high, nodes)
        value = float(terms.sum())
        if abs(value - before) <= AGREEMENT * (float(np.abs(terms).sum()) + float(np.dot(np.abs(anchors), poles))):
            return total + value
        nodes, before = 2 * nodes, value
    raise RuntimeError(f"no convergence with {MOST_NODES} nodes on [{low!r}, {high!r}]; use a smoother function")


def wachter_risk(
    samples_per_feature: float | None,
    bag_size: float,
    interpolation: float,
    *,
    signal: float,
    noise_variance: float,
    excess_samples: float | None = None,
) -> LimitRisk:
    """Return `limit_risk` by averages over the Wachter law, an independent route without the fixed point.

    bias/r^2 = (psi <w^2> - <w>^2)/(psi - 1), variance/sigma^2 = <g>/(psi - 1); asymptotic in d, quadrature to 1e-12
    (times 1/(psi - 1) near psi = 1).

    samples_per_feature: psi = n/d, > 1, a number; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, >= 1, a number; at 1 the bias is 0.
    interpolation: weight rho of the within-bag spread, in [1e-150, 1e150], a number.
    signal: r^2, squared length of the coefficients, >= 0, a number.
    noise_variance: sigma^2, variance of the label noise, >= 0, a number.
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    Raises `ValueError` outside the domains, `RuntimeError` as `wachter_average`; both ends of the law at once near
    0 and 1 with extreme weights need the most nodes. Source: derived, claims ar.T1, ar.E3.

    >>> risk = wachter_risk(4, 2, 1.0, signal=3.0, noise_variance=0.6)
    >>> [round(x, 12) for x in risk]
    [1.0, 0.1, 1.1]
    """
    rho = check_number("interpolation", interpolation, low=0.0, open_low=True)
    check_number("interpolation", rho, low=LEAST_WEIGHT, high=1.0 / LEAST_WEIGHT)
    psi, excess = _single(samples_per_feature, excess_samples)

    def average(power: int, gain: bool) -> float:
        def value(b: Array) -> Array:
            mixed = b + rho * (1.0 - b)
            return b / mixed**2 if gain else (rho * (1.0 - b) / mixed) ** power

        return wachter_average(value, None, bag_size, excess_samples=excess)

    bias = (psi * average(2, False) - average(1, False) ** 2) / excess
    variance = average(0, True) / excess
    r2, noise = check_number("signal", signal, low=0.0), check_number("noise_variance", noise_variance, low=0.0)
    return LimitRisk(r2 * bias, noise * variance, r2 * bias + noise * variance)


def _single(samples_per_feature: ArrayLike | None, excess_samples: ArrayLike | None) -> tuple[float, float]:
    """Return psi and psi - 1 as single numbers."""
    psi, excess = read_samples(samples_per_feature, excess_samples, low=1.0)
    name = "samples_per_feature" if excess_samples is None else "excess_samples"
    return check_number(name, psi), check_number(name, excess)


def _terms(
    function: Callable[[Array], ArrayLike], anchors: list[float], psi: float, low: float, high: float, nodes: int
) -> Array:
    """Return the terms of the midpoint rule with `nodes` angles in (0, pi), anchors/b, anchors/(1 - b) taken off."""
    angle = np.pi * (np.arange(nodes) + 0.5) / nodes
    width = high - low
    down, up = width * np.sin(angle / 2.0) ** 2, width * np.cos(angle / 2.0) ** 2  # b+ - b and b - b-
    b, rest = low + up, (1.0 - high) + down
    values = np.asarray(function(b))
    kernel = (values - anchors[0]) / b + (values - anchors[1]) / rest
    return kernel * (psi / (2.0 * nodes)) * down * up
