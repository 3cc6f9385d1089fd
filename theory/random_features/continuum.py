"""Sums over power-law modes replaced by integrals, for "More is Better" (Simon, Karkada, Ghosh, Belkin, ICLR 2024).

Model: eigenvalues i^-alpha, target powers i^-beta, i = 1, 2, ...; n samples, k features, implicit ridge gamma. To
leading order in gamma, with w = (beta-1)/alpha,
    z = sum e_i         ~ C gamma^(-1/alpha),      C = (pi/alpha)/sin(pi/alpha),
    s = sum e_i f_i     ~ z/alpha,
    A = sum v_i^2 f_i^2 ~ D gamma^w,               D = (1/alpha) pi (1-w)/sin(pi w)   (1/alpha at w = 1),
    B = sum v_i^2 e_i f_i ~ A (beta-1)/(alpha-beta+1)  for beta < alpha + 1 only.

=====  ====================  ==============================================  =====================
n      n                     number of samples, real                         > 0
k      k                     number of random features; inf is KRR           > 0, inf allowed
z      degrees_of_freedom    number of modes learned                         [1e-50, min(n, k)]
alpha  alpha                 decay exponent of the eigenvalues               1 < alpha <= 40
beta   beta                  decay exponent of the target powers             1 < beta < 2 alpha + 1
=====  ====================  ==============================================  =====================

Conventions that bite: eigenvalues and targets start at 1 and are not normalised; errors include the label noise.
Everything here is asymptotic. Relative errors of the leading terms: -1/(2n) for z, of order n^-(2 alpha+1-beta) for A,
n^-(alpha+1-beta) for B. The first is removed by the half-sample shift: the sum over i >= 1 is the integral from 1/2, so
z + 1/2 = C gamma^(-1/alpha) holds to order gamma.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.random_features._cells import SMALLEST, as_given, in_a_row, read_noise, read_samples, read_sizes
from theory.random_features.series import check_exponents

__all__ = [
    "clean_ridgeless_risk",
    "clean_risk_prefactor",
    "continuum_risk",
    "convergence_exponent",
    "leading_constants",
    "proxy_exponents",
]

Array = NDArray[np.float64]


def leading_constants(alpha: float, beta: float) -> tuple[float, float]:
    """Return (C, D): z ~ C gamma^(-1/alpha) and A ~ D gamma^((beta-1)/alpha) as gamma -> 0, themselves exact.

    C = (pi/alpha)/sin(pi/alpha), D = (1/alpha) pi (1-w)/sin(pi w), w = (beta-1)/alpha, D = 1/alpha at w = 1.
    `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1). The sines are taken of the
    distance to the nearest pole, so that no digits are lost near alpha = 1, w = 1 and w = 2.
    Raises `ValueError` outside these domains. Source: derived by Mellin transform (rf.L, rf.T2).

    >>> [round(x, 9) for x in leading_constants(2.0, 3.0)]  # pi/2 and the resonance w = 1
    [1.570796327, 0.5]
    """
    alpha, beta = check_exponents(alpha, beta)
    constant = (np.pi / alpha) / np.sin(np.pi * min(1.0, alpha - 1.0) / alpha)
    off = (alpha + 1.0 - beta) / alpha
    edge = min(beta - 1.0, 2.0 * alpha + 1.0 - beta) / alpha
    ratio = 1.0 / np.sinc(off) if abs(off) < 0.5 else np.pi * abs(off) / np.sin(np.pi * edge)
    return float(constant), float(ratio / alpha)


def clean_risk_prefactor(alpha: float, beta: float) -> float:
    """Return P: the test error without noise and ridge at k = inf is P n^(1-beta) as n -> inf.

    P = alpha D C^(beta-1) with the constants of `leading_constants`, exact.
    `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1).
    Raises `ValueError` outside these domains. Source: derived (rf.T2).

    >>> round(clean_risk_prefactor(2.0, 3.0), 9)  # (pi/2)^2
    2.4674011
    """
    constant, missed = leading_constants(alpha, beta)
    return float(alpha) * missed * constant ** (float(beta) - 1.0)


def clean_ridgeless_risk(n: ArrayLike, alpha: float, beta: float, half_sample_shift: bool = True) -> float | Array:
    """Return the test error of kernel regression without noise and without ridge, asymptotic in n.

    P n (n + 1/2)^-beta with the shift, relative error of order n^-min(2 alpha+1-beta, alpha+1);
    P n^(1-beta) without, relative error of order n^-min(1, 2 alpha+1-beta).
    `n`: samples, array, > 0; `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1);
    `half_sample_shift`: whether z + 1/2 rather than z is equated with the integral.
    Raises `ValueError` outside these domains. Source: derived (rf.H, rf.T2).

    >>> round(float(clean_ridgeless_risk(2.0, 2.0, 3.0)), 9)  # (pi/2)^2 * 2 / 2.5^3
    0.315827341
    """
    samples = read_samples(n)
    prefactor = clean_risk_prefactor(alpha, beta)
    with np.errstate(over="ignore"):  # n = 1e-50 and beta = 8 exceed the largest float: inf
        if half_sample_shift:
            return (prefactor * samples * (samples + 0.5) ** -float(beta))[()]
        return (prefactor * samples ** (1.0 - float(beta)))[()]


def convergence_exponent(alpha: float, beta: float) -> float:
    """Return min(1, 2 alpha + 1 - beta), the power of 1/n with which the finite-n error of T2's asymptotics falls.

    `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1). The 1 comes from the half sample,
    the other from the modes that are learned first. Raises `ValueError` outside these domains. Source: derived (rf.T2).

    >>> convergence_exponent(1.5, 1.25), convergence_exponent(2.0, 4.5)
    (1.0, 0.5)
    """
    alpha, beta = check_exponents(alpha, beta)
    return min(1.0, 2.0 * alpha + 1.0 - beta)


def proxy_exponents(alpha: float, beta: float) -> tuple[float, float, float]:
    """Return (slope of kappa, slope of the clean risk, noise amplification): what measured learning curves reveal.

    At ridge 0 and k = inf, as n -> inf: kappa ~ n^-alpha, the noise-free test error ~ n^(1-beta), and on a target that
    is pure noise of variance 1 the test error tends to alpha. The log-log slopes and the limit are returned.
    `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1).
    Raises `ValueError` outside these domains. Source: derived (rf.P).

    >>> proxy_exponents(1.5, 1.25)
    (-1.5, -0.25, 1.5)
    """
    alpha, beta = check_exponents(alpha, beta)
    return -alpha, 1.0 - beta, alpha


def continuum_risk(
    degrees_of_freedom: ArrayLike,
    n: ArrayLike,
    k: ArrayLike,
    alpha: float,
    beta: float,
    noise_variance: ArrayLike = 0.0,
) -> tuple[float | Array, float | Array]:
    """Return (test error, ridge) in closed form, sums over modes replaced by integrals; no equation is solved.

    Asymptotic: relative error of order n^-min(1, alpha+1-beta). With z = `degrees_of_freedom`, p = n - z, r = k - z:
    gamma = (C/z)^alpha, s = z/alpha, A = D gamma^((beta-1)/alpha), B = A (beta-1)/(alpha-beta+1),
    test = n [(A + noise)(s + r) + B s]/[s (p + r) + p r], ridge = gamma p r/k, constants as in `leading_constants`.
    Walking z over (0, min(n, k)] draws the curve over all ridges; its minimum gives the best use of n and k.
    `degrees_of_freedom`: z, in [1e-50, min(n, k)]; `n`: samples, > 0; `k`: features, > 0 or inf; `noise_variance`:
    >= 0; these four broadcast. `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, alpha + 1) (beyond,
    B is set by the first modes). Limits: z = min(n, k) is ridge 0; at n = k = z the test error is inf.
    Raises `ValueError` outside these domains. Source: derived (rf.F1, rf.L).

    alpha = beta = 2: C = pi/2, D = pi/4, so at z = 10, n = 20, k = inf: A = pi^2/80, test = 20 A/15:

    >>> test, ridge = continuum_risk(10.0, 20.0, float("inf"), alpha=2.0, beta=2.0)
    >>> round(test, 9), round(ridge, 9)
    (0.164493407, 0.24674011)
    """
    constant, missed_constant = leading_constants(alpha, beta)
    if beta >= alpha + 1.0:
        raise ValueError(f"beta must be < alpha + 1, got alpha={alpha!r}, beta={beta!r}")
    given = check_range("degrees_of_freedom", degrees_of_freedom, low=0.0, open_low=True)
    check_range("degrees_of_freedom", given, low=SMALLEST)
    (z, samples, features, noise), shape = in_a_row(given, *read_sizes(n, k), read_noise(noise_variance))
    wrong = z > np.minimum(samples, features)
    if np.any(wrong):
        i = int(np.argmax(wrong))
        got = f"degrees_of_freedom={float(z[i])!r}, n={float(samples[i])!r}, k={float(features[i])!r}"
        raise ValueError(f"degrees_of_freedom must be <= min(n, k), got {got}")
    finite, slack = np.isfinite(features), np.where(np.isfinite(features), features - z, 1.0)
    with np.errstate(over="ignore"):  # a steep spectrum at tiny z: beyond the largest float A, B and gamma are inf
        gamma, missed = (constant / z) ** alpha, missed_constant * (constant / z) ** (beta - 1.0)
        shared = missed * (beta - 1.0) / (alpha + 1.0 - beta)
    gap = z / alpha
    bound = np.where(finite, gap / (gap + slack), 0.0)  # s/(s + r)
    free = np.where(finite, slack / (gap + slack), 1.0)  # r/(s + r)
    unused = np.divide(slack, features, out=np.ones_like(z), where=finite)  # r/k
    spread = samples - z + gap * free
    test = np.full_like(z, np.inf)
    variance = np.multiply(shared, bound, out=np.zeros_like(z), where=bound > 0.0)
    slacks = (samples - z) * unused
    with np.errstate(over="ignore"):
        np.divide(samples * (missed + noise + variance), spread, out=test, where=spread > 0.0)
        ridge = np.multiply(gamma, slacks, out=np.zeros_like(z), where=slacks > 0.0)
    return as_given(test, shape), as_given(ridge, shape)
