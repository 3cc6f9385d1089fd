"""Spectral filters of self-distillation (Borup, Andersen, "Even your Teacher Needs Guidance", 2021).

Model. In the eigenbasis of the Gram matrix step t multiplies the targets by b^(t):
    b^(t) = a [alpha_t + (1 - alpha_t) b^(t-1)],   b^(0) = 1,   a = d/(d + lambda)
and for a constant alpha, with q = (1 - alpha) a,
    b^(t) = (alpha d + lambda q^t)/(alpha d + lambda),   b^(inf) = alpha d/(alpha d + lambda)   if |q| < 1.

========  ===========  =================================================  =====================================
letter    argument     meaning                                            domain
========  ===========  =================================================  =====================================
d         eigenvalues  eigenvalues of the Gram matrix, any order          >= 0
lambda    ridge        ridge, not multiplied by the number of points      >= 0
alpha_t   alphas       weights of the true targets from the second step   real
alpha     alpha        the same weight at all steps                       real; step=inf: convergence interval
t         step         number of fits                                     1, 2, ..., inf
========  ===========  =================================================  =====================================

Conventions that bite: step 1 is plain ridge regression; a schedule of length T - 1 makes T steps; at ridge 0 every
mode with d > 0 is fitted at every step (b = 1) and a mode with d = 0 at none, the limit ridge -> 0+ taken first.
Exact, evaluated without cancellation for alpha in [0, 1]; outside, terms of both signs meet and the errors are
relative to their sizes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.self_distillation._spectrum import broadcast, gains, read_alphas, residuals, split

__all__ = [
    "constant_filter",
    "constant_residual",
    "convergence_interval",
    "convergence_rate",
    "from_loss_weights",
    "spectral_filter",
    "spectral_residual",
    "steps_to_tolerance",
]

Array = NDArray[np.float64]

_FAR = 700.0  # exponents from which exp may overflow


def spectral_filter(eigenvalues: ArrayLike, ridge: ArrayLike, alphas: ArrayLike) -> Array:
    """Return the filters b^(1), ..., b^(T) of a schedule, first axis step (exact).

    b^(t) = a [alpha_t + (1 - alpha_t) b^(t-1)], b^(1) = a = d/(d + ridge). Relative error below 3 T eps for alphas in
    [0, 1], where 0 <= b <= 1.

    eigenvalues: d, >= 0, any shape.
    ridge: ridge, >= 0 or inf (nothing is fitted); broadcasts with `eigenvalues`. Limits: see `constant_filter`.
    alphas: (alpha_2, ..., alpha_T), real; empty gives plain ridge regression.

    Raises `ValueError` outside these domains. Source: derived (sd.A1, sd.A5).

    >>> spectral_filter(3.0, 1.0, [0.2])  # 3/4, then 3/4 (0.2 + 0.8 * 3/4)
    array([0.75, 0.6 ])
    """
    d, lam = broadcast(eigenvalues=_read("eigenvalues", eigenvalues), ridge=_read_ridge(ridge))
    learned, _ = split(d, lam)
    return learned * gains(learned, read_alphas(alphas))


def spectral_residual(eigenvalues: ArrayLike, ridge: ArrayLike, alphas: ArrayLike) -> Array:
    """Return 1 - b^(1), ..., 1 - b^(T) of a schedule, first axis step, without subtraction (exact).

    1 - b^(t) = (1 - a) + (1 - alpha_t) a (1 - b^(t-1)): one-signed for alphas <= 1, relative error below 4 T eps.

    eigenvalues: d, >= 0, any shape.
    ridge: ridge, >= 0 or inf; broadcasts with `eigenvalues`.
    alphas: (alpha_2, ..., alpha_T), real; empty gives plain ridge regression.

    Raises `ValueError` outside these domains. Source: derived (sd.A2, section 5.3 of the derivations).

    >>> spectral_residual(3.0, 1.0, [0.2])
    array([0.25, 0.4 ])
    """
    d, lam = broadcast(eigenvalues=_read("eigenvalues", eigenvalues), ridge=_read_ridge(ridge))
    return residuals(*split(d, lam), read_alphas(alphas))


def constant_filter(eigenvalues: ArrayLike, ridge: ArrayLike, alpha: ArrayLike, step: ArrayLike) -> Array:
    """Return b^(t) for a constant alpha in closed form, at any step and in the limit (exact).

    (alpha d + ridge q^t)/(alpha d + ridge), q = (1 - alpha) d/(d + ridge); at step inf alpha d/(alpha d + ridge), the
    filter of plain ridge regression with ridge/alpha. Evaluated as a [alpha (1 + q + ... + q^(t-2)) + q^(t-1)] with a
    stable geometric sum: a few eps for alpha in [0, 1], times the exponent t |log q| where q^t dominates.

    eigenvalues: d, >= 0.
    ridge: ridge, >= 0 or inf (nothing is fitted).
    alpha: weight of the true targets at every step after the first, real.
    step: t, whole numbers >= 1, or inf.

    All broadcast. Limits: alpha = 0 at step inf is 0 (collapse); d = 0 is 0; ridge = 0 is 1 for d > 0 at every step,
    the limit of vanishing ridge at a fixed step. Filters too large for float64 (|q| > 1) are +-inf.
    Raises `ValueError` outside these domains and where step = inf diverges: alpha must lie in
    (-ridge/d, 2 + ridge/d), see `convergence_interval`. Source: paper (reconstructed), derived (sd.A2, sd.A3).

    >>> float(constant_filter(6.0, 1.0, 0.5, float("inf")))  # 6/(6 + 1/0.5)
    0.75
    """
    return _constant(eigenvalues, ridge, alpha, step)[0][()]


def constant_residual(eigenvalues: ArrayLike, ridge: ArrayLike, alpha: ArrayLike, step: ArrayLike) -> Array:
    """Return 1 - b^(t) for a constant alpha in closed form, without subtraction (exact).

    ridge (1 - q^t)/(alpha d + ridge) = (1 - a)(1 + q + ... + q^(t-1)), q = (1 - alpha) d/(d + ridge); at step inf
    ridge/(alpha d + ridge). A few eps for alpha in [0, 1].

    eigenvalues: d, >= 0.
    ridge: ridge, >= 0 or inf (nothing is fitted).
    alpha: weight of the true targets at every step after the first, real.
    step: t, whole numbers >= 1, or inf.

    All broadcast; limits and errors as in `constant_filter`. Source: derived (sd.A2).

    >>> float(constant_residual(1e20, 1.0, 0.0, 7))  # 7 ridge/d; 1 - b would be 0
    7e-20
    """
    return _constant(eigenvalues, ridge, alpha, step)[1][()]


def convergence_interval(largest_eigenvalue: ArrayLike, ridge: ArrayLike) -> tuple[Array, Array]:
    """Return (low, high): repeated distillation with a constant alpha converges for low < alpha < high (exact).

    (-ridge/d, 2 + ridge/d), equivalent to |1 - alpha| d/(d + ridge) < 1 for the largest eigenvalue d. The limit is
    ridge regression with ridge/alpha, also for alpha < 0, where that ridge lies below -d.

    largest_eigenvalue: d, > 0.
    ridge: ridge, > 0; broadcasts.

    Raises `ValueError` outside these domains. Source: derived (sd.A3).

    >>> low, high = convergence_interval(4.0, 1.0)
    >>> float(low), float(high)
    (-0.25, 2.25)
    """
    d, lam = broadcast(
        largest_eigenvalue=check_range("largest_eigenvalue", largest_eigenvalue, low=0.0, open_low=True),
        ridge=check_range("ridge", ridge, low=0.0, open_low=True),
    )
    with np.errstate(over="ignore", under="ignore"):
        margin = lam / d
    return (-margin)[()], (2.0 + margin)[()]


def convergence_rate(largest_eigenvalue: ArrayLike, ridge: ArrayLike, alpha: ArrayLike) -> Array:
    """Return r = |1 - alpha| d/(d + ridge), the factor by which a step shrinks the distance to the limit (exact).

    ||y^(t) - y^(inf)|| <= r^t ||y - y^(inf)||; the quotient of successive distances tends to r, from below for alpha in
    [0, 1], if the targets have weight on the top mode. r >= 1 means divergence.

    largest_eigenvalue: d, the largest eigenvalue, >= 0.
    ridge: ridge, >= 0.
    alpha: weight of the true targets, real; all broadcast.

    Raises `ValueError` outside these domains. Source: derived (sd.A4).

    >>> float(convergence_rate(3.0, 1.0, 0.5))
    0.375
    """
    d, lam, al = broadcast(
        largest_eigenvalue=_read("largest_eigenvalue", largest_eigenvalue),
        ridge=_read("ridge", ridge),
        alpha=check_range("alpha", alpha),
    )
    return (np.abs(1.0 - al) * split(d, lam)[0])[()]


def steps_to_tolerance(
    largest_eigenvalue: ArrayLike, ridge: ArrayLike, alpha: ArrayLike, tolerance: ArrayLike
) -> Array:
    """Return the least step t >= 1 with r^t <= tolerance, r = `convergence_rate`; inf where r >= 1 (exact).

    max(1, ceil(log tolerance/log r)): from then on ||y^(t) - y^(inf)|| <= tolerance ||y - y^(inf)||.

    largest_eigenvalue: d, the largest eigenvalue, >= 0.
    ridge: ridge, >= 0.
    alpha: weight of the true targets, real.
    tolerance: admitted distance relative to that of the targets, in (0, 1); all broadcast.

    Raises `ValueError` outside these domains. Source: derived (sd.A4).

    >>> float(steps_to_tolerance(3.0, 1.0, 1 / 3, 0.1))  # r = 1/2
    4.0
    """
    d, lam, al, tol = broadcast(
        largest_eigenvalue=_read("largest_eigenvalue", largest_eigenvalue),
        ridge=_read("ridge", ridge),
        alpha=check_range("alpha", alpha),
        tolerance=check_range("tolerance", tolerance, low=0.0, high=1.0, open_low=True, open_high=True),
    )
    log_rate = _log_contraction(d, lam, al)
    with np.errstate(divide="ignore", over="ignore"):
        steps = np.maximum(1.0, np.ceil(np.log(tol) / log_rate))
    return np.where(log_rate < 0.0, steps, np.inf)[()]


def from_loss_weights(truth_weight: ArrayLike, teacher_weight: ArrayLike, ridge: ArrayLike) -> tuple[Array, Array]:
    """Return (alpha, ridge) of the problem whose two losses have weights that need not sum to 1 (exact).

    (w_y/2)||f - y||^2 + (w_d/2)||f - teacher||^2 + (ridge/2)||f||^2 has the minimiser of the problem with
    alpha = w_y/W and ridge/W, W = w_y + w_d: the sum divides the ridge too.

    truth_weight: w_y, weight of the loss against the true targets, real.
    teacher_weight: w_d, weight of the loss against the previous fits, real.
    ridge: ridge of that objective, >= 0; all broadcast.

    Raises `ValueError` outside these domains and unless the weights' sum is positive. Source: derived (section 2.3).

    >>> alpha, ridge = from_loss_weights(1.0, 3.0, 2.0)
    >>> float(alpha), float(ridge)
    (0.25, 0.5)
    """
    truth, teacher, lam = broadcast(
        truth_weight=check_range("truth_weight", truth_weight),
        teacher_weight=check_range("teacher_weight", teacher_weight),
        ridge=_read("ridge", ridge),
    )
    total = truth + teacher
    if np.any(total <= 0.0):
        raise ValueError(f"truth_weight + teacher_weight must be > 0, got {float(np.min(total))!r}")
    return (truth / total)[()], (lam / total)[()]


def _read(name: str, value: ArrayLike) -> Array:
    """Return a finite array >= 0."""
    return check_range(name, value, low=0.0)


def _read_ridge(ridge: ArrayLike) -> Array:
    """Return an array of ridges >= 0, inf admitted."""
    return check_range("ridge", ridge, low=0.0, allow_inf=True)


def _constant(eigenvalues: ArrayLike, ridge: ArrayLike, alpha: ArrayLike, step: ArrayLike) -> tuple[Array, Array]:
    """Return (filter, residual) for a constant alpha."""
    d, lam, al, t = broadcast(
        eigenvalues=_read("eigenvalues", eigenvalues),
        ridge=_read_ridge(ridge),
        alpha=check_range("alpha", alpha),
        step=check_range("step", step, low=1.0, allow_inf=True),
    )
    if np.any(t != np.floor(t)):
        raise ValueError(f"step must be a whole number or inf, got step={float(t[t != np.floor(t)][0])!r}")
    _check_convergence(d, lam, al, t)
    finite = np.isfinite(t)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        now, limit = _at_step(d, lam, al, np.where(finite, t, 1.0)), _at_infinity(d, lam, al)
    exact = (d > 0.0).astype(float)
    b, r = (np.where(finite, x, y) for x, y in zip(now, limit, strict=True))
    return np.where(lam > 0.0, b, exact), np.where(lam > 0.0, r, 1.0 - exact)


def _check_convergence(d: Array, lam: Array, al: Array, t: Array) -> None:
    """Refuse step=inf outside the convergence interval of alpha, which the message states."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        margin = np.where((d > 0.0) & (lam > 0.0), lam / d, np.inf)
    bad = np.isinf(t) & ~((-al < margin) & (al - 2.0 < margin))
    if np.any(bad):
        first = tuple(np.argwhere(bad)[0])
        low, high, got = float(-margin[first]), float(2.0 + margin[first]), float(al[first])
        where = f"eigenvalue {float(d[first])!r}, ridge {float(lam[first])!r}"
        raise ValueError(f"alpha must be > {low!r} and < {high!r} for step=inf ({where}), got alpha={got!r}")


def _log_contraction(d: Array, lam: Array, al: Array) -> Array:
    """Return log |q|, q = (1 - alpha) d/(d + ridge), to relative rounding for alpha in [0, 1]; -inf where q = 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        mixing = np.where(al < 1.0, np.log1p(-al), np.log(np.abs(1.0 - al)))
        return np.where(d > 0.0, mixing - np.log1p(lam / d), -np.inf)


def _at_step(d: Array, lam: Array, al: Array, t: Array) -> tuple[Array, Array]:
    """Return (filter, residual) at finite steps, for ridge > 0."""
    learned, missed = split(d, lam)
    log_q, xi = _log_contraction(d, lam, al), 1.0 - al
    sign = np.where(xi < 0.0, -1.0, 1.0)
    # exp(n log q) errs by n |log q| eps, a power of the rounded q by n eps
    last = sign ** (t - 1.0) * np.where(
        np.abs(log_q) < 1.0, np.exp((t - 1.0) * log_q), (np.abs(xi) * learned) ** (t - 1.0)
    )
    b = learned * (al * _geometric(log_q, sign, t - 1.0) + last)
    r = missed * _geometric(log_q, sign, t)
    # where q^t overflows the small factor 1 - a goes into the exponent
    far = t * log_q > _FAR
    growth = sign**t * np.exp(t * log_q + np.log(missed))
    one_less_q = np.where(sign > 0.0, -np.expm1(log_q), 1.0 + np.exp(log_q))
    b = np.where(far, (al * learned + growth) / one_less_q, b)
    return b, np.where(far, (missed - growth) / one_less_q, r)


def _geometric(log_q: Array, sign: Array, terms: Array) -> Array:
    """Return 1 + q + ... + q^(terms - 1), q = sign exp(log_q)."""
    power = terms * log_q
    rising = np.where(log_q == 0.0, terms, np.expm1(power) / np.expm1(log_q))
    top = np.where(terms % 2.0 == 0.0, -np.expm1(power), 1.0 + np.exp(power))
    return np.where(terms > 0.0, np.where(sign > 0.0, rising, top / (1.0 + np.exp(log_q))), 0.0)


def _at_infinity(d: Array, lam: Array, al: Array) -> tuple[Array, Array]:
    """Return (filter, residual) in the limit, for ridge > 0 and alpha in the convergence interval."""
    b = 1.0 / (1.0 + lam / d / al)
    r = 1.0 / (1.0 + al * (d / lam))
    return np.where((al == 0.0) | (d == 0.0), 0.0, b), np.where(al == 0.0, 1.0, r)
