"""How well kernel regression should fit its training data, for "More is Better" (Simon, Karkada, Ghosh, Belkin, 2024).

Model: kernel ridge regression (k = inf) with eigenvalues i^-alpha, target powers i^-beta, n samples and label noise of
variance sigma^2 = (relative noise) * (test error without noise and ridge at the same n). The fitting ratio is
R = train error / test error = (p/n)^2. As n -> inf, with r = sqrt(R):
    test(r) = P n^(1-beta) F(r),   F(r) = [(1-r)^(1-beta) + alpha relative_noise] / [1 + (alpha-1) r].

=============  ================  ====================================================  =====================
n              n                 number of samples, real                               > 0
alpha          alpha             decay exponent of the eigenvalues                     1 < alpha <= 1e50
beta           beta              decay exponent of the target powers                   1 < beta < 2 alpha + 1
sigma_rel^2    relative_noise    noise variance over the clean ridgeless test error    [0, 1e100]
R = r^2        ratio             train error / test error                              [0, 1]
=============  ================  ====================================================  =====================

Conventions that bite: R is train over test, not its inverse and not its root r; the noise shrinks with n as the clean
test error does (a noise of fixed variance gives R -> 1); the test error contains the noise.
Asymptotic: everything but the two `power_law_*` functions, which are exact in the sums; errors fall like
n^-min(1, 2 alpha+1-beta), and with the half-sample shift the 1/n part is gone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import elementwise
from scipy.special import zeta

from theory._checks import check_range
from theory.random_features._cells import as_given, read_samples
from theory.random_features.continuum import clean_ridgeless_risk
from theory.random_features.fixed_point import SolveError
from theory.random_features.infinite_modes import power_law_regularization, power_law_risk
from theory.random_features.series import power_law_sum, power_law_sums

__all__ = [
    "fitting_ratio_cost",
    "fitting_ratio_risk",
    "optimal_fitting_ratio",
    "overfitting_threshold",
    "power_law_fitting_ratio",
    "power_law_overfitting_threshold",
    "shifted_fitting_ratio",
]

Array = NDArray[np.float64]

_STEEPEST = 1e50  # largest alpha of the asymptotic functions, likewise; the sums stop at 40
_LOUDEST = 1e100  # largest relative noise, so that no product overflows
_NEWTON_STEPS = 100  # convex from the right start: about 6 are used
_SCAN = 64  # points of the scan over gamma from which the optimum is polished


def overfitting_threshold(alpha: ArrayLike, beta: ArrayLike) -> Array:
    """Return (beta - alpha)/(alpha (alpha - 1)): up to this relative noise the best fitting ratio is 0 (asymptotic).

    Negative for beta < alpha: then no noise level, not even 0, makes interpolation optimal.
    `alpha`: eigenvalue exponents, > 1; `beta`: target exponents, in (1, 2 alpha + 1); both broadcast.
    Raises `ValueError` outside these domains. Source: paper, Corollary 1 (reconstructed), derived again (rf.C1).

    >>> float(overfitting_threshold(2.0, 2.5))
    0.25
    """
    a, b = _exponents(alpha, beta)
    return ((b - a) / (a * (a - 1.0)))[()]


def optimal_fitting_ratio(alpha: ArrayLike, beta: ArrayLike, relative_noise: ArrayLike) -> Array:
    """Return R*, the ratio train/test error at the best ridge as n -> inf (asymptotic; the ratio, not its root).

    R* = r^2, r the root in [0, 1) of alpha - beta - (alpha-1) beta r + alpha (alpha-1) relative_noise (1-r)^beta = 0,
    or R* = 0 where the left side is not positive at r = 0. Always < 1; without noise r = (alpha-beta)/((alpha-1) beta).
    `alpha`: eigenvalue exponents, > 1; `beta`: target exponents, in (1, 2 alpha + 1); `relative_noise`: label-noise
    variance over the clean ridgeless test error at the same n, >= 0; all three broadcast.
    Raises `ValueError` outside these domains. Source: paper, Theorem 2 (reconstructed), derived again (rf.T2).

    >>> round(float(optimal_fitting_ratio(1.5, 1.25, 0.0)), 12)  # r = 0.25/(0.5 * 1.25) = 0.4
    0.16
    """
    a, b, noise = _broadcast(alpha, beta, relative_noise)
    at_zero = (a - b) + a * (a - 1.0) * noise
    with np.errstate(divide="ignore", over="ignore"):
        by_noise = ((b - 1.0) / ((a - 1.0) * noise)) ** (1.0 / b)
    y = np.minimum(np.minimum(1.0, a * (b - 1.0) / ((a - 1.0) * b)), by_noise)
    for _ in range(_NEWTON_STEPS):
        value = (a - 1.0) * b * y - a * (b - 1.0) + a * (a - 1.0) * noise * y**b
        step = value / ((a - 1.0) * b * (1.0 + a * noise * y ** (b - 1.0)))
        y = y - step
        if np.all(np.abs(step) <= 1e-9 * y):
            break
    root = np.clip(1.0 - y, 0.0, np.nextafter(1.0, 0.0))
    # 1 - y loses relative accuracy as r -> 0; there one more step in r itself, from the value at r = 0, restores it.
    small = np.minimum(root, 0.25)
    fine = at_zero - (a - 1.0) * b * small + a * (a - 1.0) * noise * np.expm1(b * np.log1p(-small))
    polished = small + fine / ((a - 1.0) * b * (1.0 + a * noise * (1.0 - small) ** (b - 1.0)))
    root = np.where(root < 0.25, polished, root)
    return np.where(at_zero > 0.0, root * root, 0.0)[()]


def fitting_ratio_cost(ratio: ArrayLike, alpha: ArrayLike, beta: ArrayLike, relative_noise: ArrayLike) -> Array:
    """Return the test error at fitting ratio `ratio` over the least possible one, as n -> inf (asymptotic), >= 1.

    F(sqrt(ratio))/F(r*) with F(r) = [(1-r)^(1-beta) + alpha relative_noise]/[1 + (alpha-1) r] and r*^2 the ratio
    `optimal_fitting_ratio`.
    `ratio`: train/test error, in [0, 1]; `alpha`: eigenvalue exponents, > 1; `beta`: target exponents, in
    (1, 2 alpha + 1); `relative_noise`: noise variance over the clean ridgeless test error, >= 0; all four broadcast.
    Limits: inf at ratio = 1; ratio = 0 is the cost of interpolation. Raises `ValueError` outside these domains.
    Source: derived (rf.S).

    >>> round(float(fitting_ratio_cost(0.25, 2.0, 3.0, 0.0)), 12)  # F(1/2) = 4/1.5, F(0) = 1
    2.666666666667
    """
    given = check_range("ratio", ratio, low=0.0, high=1.0)
    a, b, noise = _broadcast(alpha, beta, relative_noise)
    best = np.sqrt(optimal_fitting_ratio(a, b, noise))
    with np.errstate(over="ignore"):
        return (_shape(np.sqrt(given), a, b, noise) / _shape(best, a, b, noise))[()]


def fitting_ratio_risk(
    ratio: ArrayLike,
    n: ArrayLike,
    alpha: float,
    beta: float,
    relative_noise: ArrayLike,
    half_sample_shift: bool = True,
) -> Array:
    """Return the test error of kernel regression tuned to the fitting ratio `ratio`, noise included (asymptotic in n).

    P n^(1-beta) F(sqrt(ratio)), P the clean risk's prefactor. With the shift, m = n + 1/2 and rho = n sqrt(ratio)/m:
    P n m^-beta [(1-rho)^(1-beta) + alpha relative_noise n/m] / [1 + (alpha-1) rho].
    `ratio`: train/test error, in [0, 1]; `n`: samples, > 0; `relative_noise`: noise variance over the clean ridgeless
    test error, >= 0; these broadcast. `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1);
    `half_sample_shift`: whether z + 1/2 rather than z is equated with the integral; then the relative error is of order
    n^-min(2 alpha+1-beta, alpha+1), else n^-min(1, 2 alpha+1-beta). ratio = 1 gives inf without the shift and a
    large finite number with it. Raises `ValueError` outside these domains. Source: derived (rf.T2, rf.H).

    >>> round(float(fitting_ratio_risk(0.25, 10.0, 2.0, 3.0, 0.0, half_sample_shift=False)), 12)  # (pi/20)^2 * 4/1.5
    0.065797362674
    """
    r = np.sqrt(check_range("ratio", ratio, low=0.0, high=1.0))
    clean = clean_ridgeless_risk(n, alpha, beta, half_sample_shift)
    samples = read_samples(n)
    a, b, noise = _broadcast(alpha, beta, relative_noise)
    if half_sample_shift:
        r, noise = r * samples / (samples + 0.5), noise * samples / (samples + 0.5)
    shape = _shape(r, a, b, noise)
    with np.errstate(over="ignore"):
        return np.multiply(clean, shape, out=np.full(np.broadcast(clean, shape).shape, np.inf), where=shape < np.inf)[
            ()
        ]


def shifted_fitting_ratio(n: ArrayLike, alpha: ArrayLike, beta: ArrayLike, relative_noise: ArrayLike) -> Array:
    """Return the best fitting ratio at n samples with the half-sample shift: asymptotic, one order beyond R*.

    (m/n)^2 optimal_fitting_ratio(alpha, beta, relative_noise n/m) with m = n + 1/2: the minimum of `fitting_ratio_risk`
    with the shift. Error of order n^-min(2 alpha+1-beta, alpha+1) instead of n^-min(1, 2 alpha+1-beta).
    `n`: samples, > 0; `alpha`: eigenvalue exponents, > 1; `beta`: target exponents, in (1, 2 alpha + 1);
    `relative_noise`: noise variance over the clean ridgeless test error, >= 0; all four broadcast. At small n the
    result may exceed 1 and is cut there. Raises `ValueError` outside these domains. Source: derived (rf.H, rf.T2).

    >>> round(float(shifted_fitting_ratio(10.0, 1.5, 1.25, 0.0)), 12)  # (10.5/10)^2 * 0.16
    0.1764
    """
    samples = read_samples(n)
    noise = check_range("relative_noise", relative_noise, low=0.0, high=_LOUDEST)
    share = samples / (samples + 0.5)
    return np.minimum(1.0, optimal_fitting_ratio(alpha, beta, noise * share) / share**2)[()]


def power_law_fitting_ratio(n: ArrayLike, alpha: float, beta: float, relative_noise: ArrayLike) -> Array:
    """Return R_n = train/test error at the best ridge for n samples, k = inf: exact in the infinite sums.

    The noise variance is relative_noise * power_law_risk(n, inf, 0, alpha, beta). With z, q, A functions of gamma, the
    test error n (A + noise)/(n - q) is minimised over gamma with z <= n (z = n is ridge 0), by a scan and a root of
    sum v^2 e f^2/(A + noise) = sum e^2 f/(n - q); R_n = (1 - z/n)^2. Tends to `optimal_fitting_ratio` as n -> inf.
    `n`: samples, > 0, `relative_noise`: noise variance over the clean ridgeless test error, >= 0; these broadcast.
    `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1).
    Raises `ValueError` outside these domains. Source: derived (rf.T2).

    A target matched to the kernel (alpha = beta) without noise is best interpolated, at every n:

    >>> round(float(power_law_fitting_ratio(30.0, 1.5, 1.5, 0.0)), 12)
    0.0
    """
    samples = read_samples(n)
    relative = check_range("relative_noise", relative_noise, low=0.0, high=_LOUDEST)
    samples, relative = np.broadcast_arrays(samples, relative)
    count, noise = samples.ravel(), (relative * power_law_risk(samples, np.inf, 0.0, alpha, beta)).ravel()
    least = np.atleast_1d(power_law_regularization(count, np.inf, 0.0, alpha)[0])
    # Above this gamma the error only rises: its slope is dominated by sum e^2 f/n against sum v^2 e f^2/(A + noise).
    most = np.maximum(100.0 * (zeta(beta) + noise) * zeta(2.0 * alpha) / (zeta(alpha + beta) * count), 100.0 * least)
    grid = np.exp(np.linspace(np.log(least), np.log(most), _SCAN, axis=-1))
    sums = power_law_sums(grid, alpha, beta)
    test = (sums.missed_power + noise[:, None]) / (count[:, None] - sums.degrees_of_freedom_2)
    best = np.argmin(test, axis=-1)
    rows = np.arange(count.size)
    low, high = grid[rows, np.maximum(best - 1, 0)], grid[rows, np.minimum(best + 1, _SCAN - 1)]
    interior = (best > 0) | (_slope(low, count, noise, alpha, beta) < 0.0)
    gamma = least.copy()
    if np.any(interior):
        args = (count[interior], noise[interior])
        gamma[interior] = _stationary_point(low[interior], high[interior], args, alpha, beta)
    slack = 1.0 - np.atleast_1d(power_law_sum(gamma, alpha, 0, 0, 1)) / count
    return np.where(interior, slack, 0.0).reshape(samples.shape)[()] ** 2


def power_law_overfitting_threshold(n: ArrayLike, alpha: float, beta: float) -> float | Array:
    """Return the relative noise up to which ridge 0 is a minimum at n samples, k = inf: exact in the infinite sums.

    With the sums taken at z = n, (A1 s/Q1 - A)/E0, where A1 = sum v^2 e f^2, Q1 = sum e^2 f and E0 = n A/s is the clean
    ridgeless error: there the slope of the test error in gamma changes sign. Negative where no noise is low enough.
    Tends to `overfitting_threshold` as n -> inf.
    `n`: samples, array, > 0; `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1).
    Raises `ValueError` outside these domains. Source: derived (rf.C1).

    A target matched to the kernel (alpha = beta) has its best ridge at the noise variance, at every n:

    >>> abs(round(power_law_overfitting_threshold(30.0, 1.5, 1.5), 12))
    0.0
    """
    samples = read_samples(n)
    count = samples.ravel()
    gamma = np.atleast_1d(power_law_regularization(count, np.inf, 0.0, alpha)[0])
    sums = power_law_sums(gamma, alpha, beta)
    gap, missed = sums.degrees_of_freedom_gap, sums.missed_power
    rise, fall = power_law_sum(gamma, alpha, beta, 2, 1), power_law_sum(gamma, alpha, 0, 1, 2)
    return as_given((rise * gap / fall - missed) * gap / (count * missed), samples.shape)


def _stationary_point(low: Array, high: Array, args: tuple[Array, Array], alpha: float, beta: float) -> Array:
    """Root of `_slope` between `low` and `high`; `args` holds n and the noise variance."""
    found = elementwise.find_root(lambda g, n, noise: _slope(g, n, noise, alpha, beta), (low, high), args=args)
    if not np.all(found.success):
        i = int(np.argmin(found.success))
        raise SolveError(
            f"no minimum of the test error found at n={args[0][i]}, noise variance {args[1][i]}, alpha={alpha}, "
            f"beta={beta}: gamma in [{low[i]}, {high[i]}]; vary n or the noise a little"
        )
    return found.x


def _slope(gamma: Array, n: Array, noise: Array, alpha: float, beta: float) -> Array:
    """Half of d ln(test error)/d ln gamma at k = inf."""
    sums = power_law_sums(gamma, alpha, beta)
    rise = power_law_sum(gamma, alpha, beta, 2, 1) / (sums.missed_power + noise)
    return rise - power_law_sum(gamma, alpha, 0, 1, 2) / (n - sums.degrees_of_freedom_2)


def _shape(r: Array, a: Array, b: Array, noise: Array) -> Array:
    """F(r), the asymptotic test error over the clean ridgeless one; inf at r = 1."""
    with np.errstate(divide="ignore", over="ignore"):
        return (np.exp((1.0 - b) * np.log1p(-r)) + a * noise) / (1.0 + (a - 1.0) * r)


def _exponents(alpha: ArrayLike, beta: ArrayLike) -> tuple[Array, Array]:
    """Arrays of exponents, broadcast against each other and checked."""
    a = check_range("alpha", check_range("alpha", alpha, low=1.0, open_low=True), high=_STEEPEST)
    b = check_range("beta", beta, low=1.0, open_low=True)
    a, b = np.broadcast_arrays(a, b)
    wrong = b >= 2.0 * a + 1.0
    if np.any(wrong):
        raise ValueError(f"beta must be < 2*alpha + 1, got alpha={float(a[wrong][0])!r}, beta={float(b[wrong][0])!r}")
    return a, b


def _broadcast(alpha: ArrayLike, beta: ArrayLike, relative_noise: ArrayLike) -> tuple[Array, Array, Array]:
    """The three parameters of the asymptotic theory as arrays of one shape."""
    a, b = _exponents(alpha, beta)
    noise = check_range("relative_noise", relative_noise, low=0.0, high=_LOUDEST)
    a, b, noise = np.broadcast_arrays(a, b, noise)
    return a, b, noise
