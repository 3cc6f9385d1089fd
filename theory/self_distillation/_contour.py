"""Quadratic forms of spectral filters in the proportional limit, by a contour integral. Not public.

For an estimator phi(S) X^T y/n, with residual filter r(x) = 1 - x phi(x), Cauchy's formula and the one- and two-point
equivalents of the resolvent give, on a contour around the sample spectrum with ridges mu = -x,

    bias(r1, r2)      = sum_jl a1_j a2_l H_jl,    a_j = w_j r(x_j)/x_j
    H_jl              = kappa_j kappa_l (Z_l - Z_j)/(mu_j - mu_l),    Z(kappa) = sum_k s_k beta_k^2/(s_k + kappa)
    variance(p1, p2)  = sigma^2 sum_j w_j p1(x_j) p2(x_j) (kappa_j - mu_j)

because 1 - df2(mu1, mu2) = (mu1 - mu2)/(kappa1 - kappa2): no matrix over nodes and modes is needed. H_jj is the limit
kappa_j^2 [sum_k s_k beta_k^2/(s_k + kappa_j)^2]/mu'(kappa_j). If the contour leaves out x = 0, the null space of S is
one more node with a = r(0), kappa = kappa(0).

The contour is the circle with centre on the positive axis, of Hale, Higham and Trefethen (2008, method 1): in
z = x + shift it separates [low, high] from (-inf, 0] and carries nodes that are equispaced in an elliptic coordinate,
so the trapezoidal rule converges like exp(-pi^2 N/(log(high/low) + 3)), N nodes in all. Two choices:

* around 0: encloses [0, s_+], leaves out x <= -c, c = min(lam, s_+), with shift = low = c/2. There Re x > -lam/2, so
  |x/(x + lam)| < 1 and no number of steps amplifies rounding.
* in the gap: encloses [s_-, s_+], leaves out x <= 0; taken for c < s_-/4. All filters then have their natural small
  size on the contour, so quantities that vanish with the ridge keep their relative accuracy.

Every second node is a rule of its own: its distance from the whole rule is the square root of the error that is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ellipj, ellipkm1

from theory.self_distillation._population import Population, SolveError, complex_kappa, real_kappa

__all__ = ["Contour", "contour", "forms", "trace"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Filters = Callable[[NDArray], tuple[NDArray, NDArray]]
AGREEMENT, FLOOR, LARGEST = 1e-7, 1e-4, 2048


@dataclass(frozen=True)
class Contour:
    """Nodes x in the upper half-plane, weights w of dx/(2 pi i), kappa there; kappa0 if 0 lies outside, else None."""

    x: Complex
    w: Complex
    kappa: Complex
    kappa0: float | None


def contour(model: Population, margin: float, nodes: int = 0) -> Contour:
    """The contour for filters that are analytic for x > -`margin`; `nodes` (even) in all, by default the usual need."""
    c = min(margin, model.upper)
    gap = c < 0.25 * model.lower
    shift, low = (0.0, model.lower) if gap else (0.5 * c, 0.5 * c)
    high = model.upper + shift
    if not nodes:
        nodes = 4 * int(np.ceil((40.0 * (np.log(high / low) + 3.0) / np.pi**2 + 16.0) / 4.0))
    z, w = _circle(low, high, nodes // 2)
    x = z - shift
    return Contour(x, w, complex_kappa(-x, model), real_kappa(0.0, model) if gap else None)


def _circle(low: float, high: float, half: int) -> tuple[Complex, Complex]:
    """Nodes z in the upper half-plane and weights of dz/(2 pi i) around [low, high]; `half` is even.

    z = m (1 + k sn)/(1 - k sn), m = sqrt(low high), at sn(t + i K'/2) = [(1 + k) s + i c d]/[sqrt(k) (1 + k s^2)] with
    s, c, d the real functions of t; z(-t) = m^2/conj(z(t)). The left half is computed, with 1 + k sn written as a sum
    of positive terms, and the right half is its mirror image.
    """
    ratio, middle = np.sqrt(high / low), np.sqrt(low) * np.sqrt(high)
    co = 2.0 / (ratio + 1.0)  # 1 - k
    k = (high - low) / (np.sqrt(high) + np.sqrt(low)) ** 2
    root = np.sqrt(k)
    complement = co * (1.0 + k)  # k'^2
    quarter = float(ellipkm1(complement))
    spacing = 2.0 * quarter / half
    sn, cn, dn, _ = ellipj((np.arange(half // 2) + 0.5) * spacing, k * k)
    a, c, d = cn / dn, np.sqrt(complement) * sn / dn, np.sqrt(complement) / dn  # s = -a at t - K
    e, q, below = c * c / (1.0 + a), co / (1.0 + root), 1.0 + k * a * a  # 1 - a, 1 - sqrt(k)
    numerator = (e * (co + k * e) + a * q * (1.0 + k) + 1j * root * c * d) / below  # 1 + k sn
    ksn = numerator - 1.0
    speed = (1.0 + k) * (co + k * c * c) / below  # d sn/dt = -i speed sn
    left = middle * numerator / (2.0 - numerator)
    slope = -2j * middle * ksn * speed / (2.0 - numerator) ** 2
    right = (middle**2 / left.conj())[::-1]
    z = np.concatenate([left, right])
    dz = np.concatenate([slope, (middle**2 * (slope / left**2).conj())[::-1]])
    return z, 0.5j / np.pi * spacing * dz


def forms(
    model: Population, margin: float, filters: Filters, *, differences: bool = False, diagonal: bool = False
) -> tuple[Array, Array]:
    """Gram matrices (bias, variance at unit noise) of the estimators, each of shape (filters, filters).

    `diagonal` returns their diagonals alone. `differences`: all rows but the first are differences of estimators, with
    r = -x phi instead of 1 - x phi.

    `filters` maps x, shape (nodes,), to (residual r, shrinkage phi), each of shape (filters, nodes), analytic for
    Re x > -margin/2 with singularities only at x <= -margin. Nodes double until both diagonals are settled.
    """
    path = contour(model, margin)
    while True:
        residual, shrinkage = filters(path.x)
        at_zero = np.ones(len(residual)) if path.kappa0 else None  # nothing is lost at kappa(0) = 0
        if at_zero is not None and differences:
            at_zero[1:] = 0.0
        bias, gap_of_bias = _bias(model, path, residual, at_zero)
        variance, gap_of_variance = _sum(path.w * model.spread(path.kappa), shrinkage)
        if gap_of_bias <= AGREEMENT and gap_of_variance <= AGREEMENT:
            return (np.diag(bias), np.diag(variance)) if diagonal else (bias, variance)
        path = _finer(model, margin, path, max(gap_of_bias, gap_of_variance))


def _finer(model: Population, margin: float, path: Contour, change: float) -> Contour:
    """The contour with twice the nodes."""
    if path.x.size >= LARGEST:
        raise SolveError(
            f"contour integral did not settle with {2 * path.x.size} nodes (relative change {change:.1e}); "
            f"use fewer steps or smaller weights"
        )
    return contour(model, margin, 4 * path.x.size)


def _sum(weights: Complex, values: Complex) -> tuple[Array, float]:
    """Gram matrix sum_j weights_j f_j g_j over the whole contour, and the relative change by half of the nodes."""
    upper = (values * weights) @ values.T
    signs = np.where(np.arange(weights.size) % 2, -1.0, 1.0)
    change = 2.0 * ((values * values) @ (weights * signs)).imag
    return 2.0 * upper.real, _relative(change, 2.0 * np.diag(upper).real, np.abs(values) ** 2 @ np.abs(weights))


def _bias(model: Population, path: Contour, residual: NDArray, at_zero: NDArray | None) -> tuple[Array, float]:
    """Gram matrix of the squared bias, and the relative change by half of the nodes."""
    amplitude = residual * (path.w / path.x)
    same, opposite = _two_point(model, path)
    even = np.arange(path.x.size) % 2 == 0
    a, b = amplitude * even, amplitude * ~even
    right = amplitude @ same + amplitude.conj() @ opposite.T
    total: Array = 2.0 * (right @ amplitude.T).real
    # half of the nodes: the even ones of the upper half, the mirror images of the odd ones
    half = np.einsum("fj,fj->f", a @ same + 2.0 * (b.conj() @ opposite.T), a)
    half = 4.0 * (half + np.einsum("fj,fj->f", b @ same, b).conj())
    change = half - np.diag(total)
    if at_zero is not None:
        ends, corner = _null_space(model, path)
        reach = amplitude * ends
        cross = 2.0 * reach.sum(1).real
        total = total + np.outer(at_zero, cross) + np.outer(cross, at_zero) + corner * np.outer(at_zero, at_zero)
        alternating = np.where(even, 1.0, -1.0)
        change = change + 4.0j * at_zero * (reach * alternating).sum(1).imag
    size = np.abs(amplitude)
    terms = np.einsum("fj,fj->f", size @ (np.abs(same) + np.abs(opposite)), size)
    return total, _relative(change, np.diag(total), terms)


def _two_point(model: Population, path: Contour) -> tuple[Complex, Complex]:
    """H between upper nodes, and between upper nodes (rows) and mirrored ones (columns)."""
    k, x = path.kappa, path.x
    weight = model.s * model.power
    z = (weight / (model.s + k[:, None])).sum(1)
    spacing = x[None, :] - x[:, None]
    np.fill_diagonal(spacing, 1.0)
    same = np.outer(k, k) * (z[None, :] - z[:, None]) / spacing
    np.fill_diagonal(same, k * k * (weight / (model.s + k[:, None]) ** 2).sum(1) / model.slope(k))
    opposite = np.outer(k, k.conj()) * (z.conj()[None, :] - z[:, None]) / (x.conj()[None, :] - x[:, None])
    return same, opposite


def _null_space(model: Population, path: Contour) -> tuple[Complex, float]:
    """H between x = 0 and the upper nodes, and H at x = 0."""
    k0 = path.kappa0 or 0.0
    weight = model.s * model.power
    apart = (weight / ((model.s + path.kappa[:, None]) * (model.s + k0))).sum(1)  # (Z_l - Z_0)/(kappa_0 - kappa_l)
    ends = k0 * path.kappa * apart * (k0 - path.kappa) / path.x
    return ends, float(k0 * k0 * (weight / (model.s + k0) ** 2).sum() / model.slope(k0))


def trace(model: Population, margin: float, filters: Callable[[Complex], Complex]) -> tuple[Array, Array]:
    """Limits of (1/n) tr f(S) and of beta^T S f(S) beta for filters f with f(0) = 0, each of shape (filters,).

    `filters` maps x, shape (nodes,), to values of shape (filters, nodes), analytic as in `forms`.
    """
    path = contour(model, margin)
    while True:
        missed = path.kappa[:, None] / (model.s + path.kappa[:, None])
        values = filters(path.x)
        counted = path.w / path.x * (model.shares * missed).sum(1)
        signal = path.w * (model.power * missed).sum(1)
        (first, change), (second, other) = _linear(counted, values), _linear(signal, values)
        if max(change, other) <= AGREEMENT:
            return first, second
        path = _finer(model, margin, path, max(change, other))


def _linear(weights: Complex, values: NDArray) -> tuple[Array, float]:
    """Sums of weights_j f_j over the whole contour, and their change by half of the nodes."""
    terms = values * weights
    signs = np.where(np.arange(weights.size) % 2, -1.0, 1.0)
    total = 2.0 * terms.sum(1).real
    return total, _relative(2.0 * (terms * signs).sum(1).imag, total, np.abs(terms).sum(1))


def _relative(change: NDArray, value: Array, terms: Array) -> float:
    """The largest change by half of the nodes, such that its square is the relative error that is left.

    The error after N nodes is about terms rho^-N, so the one that is left is change^2/terms: it is held against the
    value, but never below 1e-4 of the terms: what is left is then 1e-18 of them, below their rounding.
    """
    scale = np.sqrt(np.maximum(np.abs(value), FLOOR * terms) * terms)
    return float(np.max(np.divide(np.abs(change), scale, out=np.zeros(scale.shape), where=scale > 0.0)))
