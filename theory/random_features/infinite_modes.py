"""Risk of random features with power-law modes, for "More is Better" (Simon, Karkada, Ghosh, Belkin, ICLR 2024).

Model: eigenvalues lambda_i = i^-alpha and target powers v_i^2 = i^-beta, infinitely many (or the first `modes`).
Ridge regression on k Gaussian features of n Gaussian samples with label noise. With z = sum e_i, s = sum e_i f_i,
A = sum v_i^2 f_i^2, B = sum v_i^2 e_i f_i (module `series`) and the slacks p = n - z, r = k - z:
    ridge = gamma p r / k,   kappa = gamma r / k,
    test = n [(A + noise)(s + r) + B s] / [s (p + r) + p r],   train = (p/n)^2 test.

=======  ===============  ============================================================  =====================
letter   argument         meaning                                                       domain
=======  ===============  ============================================================  =====================
n        n                number of samples, real                                       > 0
k        k                number of random features, real; inf is kernel regression     > 0, inf allowed
delta    ridge            added to the n x n feature kernel                             >= 0
alpha    alpha            decay exponent of the eigenvalues                             1 < alpha <= 40
beta     beta             decay exponent of the target powers                           1 < beta < 2 alpha + 1
sigma^2  noise_variance   label noise, also in the test labels                          >= 0
M        modes            number of modes                                               whole >= 1, or inf
gamma    (returned)       implicit ridge of the kernel; kappa <= gamma that of the features
=======  ===============  ============================================================  =====================

Conventions that bite: no 1/n before the ridge; nothing is normalised (the target's power is zeta(beta)); the test error
contains the noise. Exact: the sums, gamma, kappa and the formulas above as functions of their arguments. Asymptotic:
the formulas as a description of a finite experiment (relative error of order 1/n away from n = k).
With finitely many modes and n or k within a few units of them, gamma loses digits: its relative error is 1e-16 z/s.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import zeta

from theory.random_features._cells import as_given, in_a_row, read_noise, read_ridge, read_sizes
from theory.random_features.fixed_point import SolveError
from theory.random_features.series import (
    LARGEST,
    SMALLEST,
    check_decay,
    check_exponents,
    power_law_sum,
    power_law_sums,
    read_modes,
)

__all__ = ["power_law_regularization", "power_law_risk", "power_law_train_error"]

Array = NDArray[np.float64]

_ITERATIONS = 200  # Newton needs about 6; bisection of the widest bracket in double precision about 60
_STEP = 1e-9  # last Newton step in ln gamma: the error after it is of order its square


class _Cells(NamedTuple):
    """Solved cells in a row: sizes, implicit ridge gamma, slacks p = n - z and r = k - z (inf at k = inf)."""

    n: Array
    k: Array
    gamma: Array
    sample_slack: Array
    feature_slack: Array


def power_law_regularization(
    n: ArrayLike, k: ArrayLike, ridge: ArrayLike, alpha: float, modes: float = np.inf
) -> tuple[float | Array, float | Array]:
    """Return the implicit ridges (gamma, kappa) of power-law modes, exact up to rounding (1e-12 relative).

    They solve n = z(gamma) + ridge/kappa and k = z(gamma) + k kappa/gamma with z = sum 1/(1 + gamma i^alpha).
    `n`: samples, > 0, `k`: features, > 0 or inf, `ridge`: >= 0; these three broadcast. `alpha`: eigenvalue exponent,
    > 1; `modes`: number of modes, whole or inf. Both results have the units of the ridge.
    Limits: k = inf gives kappa = gamma; ridge = 0 gives z(gamma) = min(n, k), with kappa = 0 where k <= n; ridge = 0
    with min(n, k) >= modes gives gamma = kappa = 0. Raises `ValueError` for bad input, `RuntimeError` if the root
    was not reached. Source: derived (rf.F1, rf.T2).

    One mode, n = 2, k = inf, ridge 1: 2 = 1/(1 + gamma) + 1/gamma has the root 1/sqrt(2):

    >>> gamma, kappa = power_law_regularization(2, float("inf"), 1.0, alpha=1.5, modes=1)
    >>> round(float(gamma), 12), round(float(kappa), 12)
    (0.707106781187, 0.707106781187)
    """
    alpha = check_decay(alpha)
    (samples, features, ridges), shape = in_a_row(*read_sizes(n, k), read_ridge(ridge))
    cells = _solve(samples, features, ridges, alpha, read_modes(modes))
    share = np.ones_like(cells.gamma)
    np.divide(cells.feature_slack, cells.k, out=share, where=np.isfinite(cells.k))
    return as_given(cells.gamma, shape), as_given(cells.gamma * share, shape)


def power_law_risk(
    n: ArrayLike,
    k: ArrayLike,
    ridge: ArrayLike,
    alpha: float,
    beta: float,
    noise_variance: ArrayLike = 0.0,
    modes: float = np.inf,
) -> float | Array:
    """Return the mean squared test error, noise included, for power-law eigenvalues and targets.

    The value of the closed form is exact up to rounding (1e-12 relative); as the error of an experiment it is
    asymptotic in n and k. n [(A + noise)(s + r) + B s] / [s (p + r) + p r], letters as in the module's head.
    `n`: samples, > 0, `k`: features, > 0 or inf, `ridge`: >= 0, `noise_variance`: >= 0; these four broadcast.
    `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1); `modes`: number of modes, whole
    or inf. Limits: ridge = 0 with n = k < modes gives inf; ridge = 0 with min(n, k) >= modes gives
    noise n/(n - modes), inf at n = modes unless the noise is 0.
    Raises `ValueError` for bad input. Source: derived (rf.F1, rf.F2, rf.T2).

    One mode with n = 2, k = inf, ridge 1 has f = sqrt(2) - 1 and learns the target up to f^2 n/(n - e^2):

    >>> round(float(power_law_risk(2, float("inf"), 1.0, alpha=1.5, beta=1.5, modes=1)), 12)
    0.207106781187
    """
    test, _, shape = _errors(n, k, ridge, alpha, beta, noise_variance, modes)
    return as_given(test, shape)


def power_law_train_error(
    n: ArrayLike,
    k: ArrayLike,
    ridge: ArrayLike,
    alpha: float,
    beta: float,
    noise_variance: ArrayLike = 0.0,
    modes: float = np.inf,
) -> float | Array:
    """Return the mean squared training error, (p/n)^2 times the test error, for power-law eigenvalues and targets.

    Exact as a closed form (1e-12 relative), asymptotic as the error of an experiment.
    `n`: samples, > 0, `k`: features, > 0 or inf, `ridge`: >= 0, `noise_variance`: >= 0; these four broadcast.
    `alpha`: eigenvalue exponent, > 1; `beta`: target exponent, in (1, 2 alpha + 1); `modes`: number of modes, whole
    or inf. Limits: ridge = 0 gives 0 for n <= min(k, modes), also at n = k where the test error is infinite.
    Raises `ValueError` for bad input. Source: derived (rf.F1, rf.T2).

    One mode with n = 2, k = inf, ridge 1: p/n = 1/sqrt(2), so half of the test error:

    >>> round(float(power_law_train_error(2, float("inf"), 1.0, alpha=1.5, beta=1.5, modes=1)), 12)
    0.103553390593
    """
    test, cells, shape = _errors(n, k, ridge, alpha, beta, noise_variance, modes)
    train = np.zeros_like(test)
    np.multiply((cells.sample_slack / cells.n) ** 2, test, out=train, where=cells.sample_slack > 0.0)
    return as_given(train, shape)


def _errors(
    n: ArrayLike,
    k: ArrayLike,
    ridge: ArrayLike,
    alpha: float,
    beta: float,
    noise_variance: ArrayLike,
    modes: float,
) -> tuple[Array, _Cells, tuple[int, ...]]:
    """Test error in a row, the solved cells and the shape to give back, after checking every argument."""
    alpha, beta = check_exponents(alpha, beta)
    arrays, shape = in_a_row(*read_sizes(n, k), read_ridge(ridge), read_noise(noise_variance))
    samples, features, ridges, noise = arrays
    cells = _solve(samples, features, ridges, alpha, read_modes(modes))
    sums = power_law_sums(cells.gamma, alpha, beta, modes)
    test = _test_error(cells, sums.degrees_of_freedom_gap, sums.missed_power, sums.shared_power, noise)
    for i in np.flatnonzero(cells.gamma == 0.0):
        test[i] = _all_learned(cells.n[i], cells.k[i], noise[i], alpha, beta, modes)
    return test, cells, shape


def _test_error(cells: _Cells, gap: Array, missed: Array, shared: Array, noise: Array) -> Array:
    """n [A + noise + B s/(s+r)] / [p + s r/(s+r)]: the head's formula divided by s + r, which allows r = inf."""
    endless = np.isinf(cells.feature_slack)
    slack = np.where(endless, 0.0, cells.feature_slack)
    whole = np.where(gap + slack > 0.0, gap + slack, 1.0)
    bound, free = np.where(endless, 0.0, gap / whole), np.where(endless, 1.0, slack / whole)
    denominator = cells.sample_slack + gap * free
    test = np.full_like(denominator, np.inf)
    numerator = cells.n * (missed + noise + shared * bound)
    np.divide(numerator, denominator, out=test, where=denominator > 0.0)
    return test


def _all_learned(n: float, k: float, noise: float, alpha: float, beta: float, modes: float) -> float:
    """Limit of ridge 0 when n and k both reach the number of modes; the noise-free n = k = modes is n B/(3 s)."""
    if n > modes:
        return noise * n / (n - modes)
    if noise > 0.0 or k > modes:
        return np.inf if noise > 0.0 else 0.0
    sums = power_law_sums(1e-20 * modes**-alpha, alpha, beta, modes)
    return n * float(sums.shared_power / sums.degrees_of_freedom_gap) / 3.0


def _solve(n: Array, k: Array, ridge: Array, alpha: float, modes: float) -> _Cells:
    """Find gamma and the slacks of every cell, the limits of vanishing and huge ridge included.

    gamma is the root of z(gamma) = min(n, k) - slack(w) with w = k ridge/gamma: eliminating kappa leaves p r = w with
    |p - r| = |k - n| = d, so the smaller slack is 2w/(d + sqrt(d^2 + 4w)) and the larger is it plus d, free of
    cancellation at any ridge. The difference of the two sides falls monotonically in ln gamma.
    """
    least = np.minimum(n, k)
    with np.errstate(over="ignore"):
        share = ridge / n
    huge = share > LARGEST
    learned = (share < SMALLEST) & (least >= modes)
    gamma = np.where(huge, share, 0.0)
    smaller, larger = np.zeros_like(n), np.abs(k - n)
    todo = np.flatnonzero(~(huge | learned))
    if todo.size:
        gamma[todo] = _root(n[todo], k[todo], ridge[todo], alpha, modes)
        smaller[todo], larger[todo], _ = _slacks(n[todo], k[todo], ridge[todo], gamma[todo])
    rest = np.where(learned, least - (modes if np.isfinite(modes) else 0.0), least)
    smaller = np.where(huge | learned, rest, smaller)
    larger = np.where(huge | learned, rest + larger, larger)
    return _Cells(n, k, gamma, np.where(n <= k, smaller, larger), np.where(n <= k, larger, smaller))


def _slacks(n: Array, k: Array, ridge: Array, gamma: Array) -> tuple[Array, Array, Array]:
    """(smaller slack, larger slack, d smaller/d ln gamma); for k = inf the slacks are ridge/gamma and inf."""
    finite = np.isfinite(k)
    features = np.where(finite, k, 1.0)
    w, d = features * (ridge / gamma), np.where(finite, np.abs(features - n), 0.0)
    root = np.sqrt(d * d + 4.0 * w)
    smaller, slope = np.zeros_like(w), np.zeros_like(w)
    np.divide(2.0 * w, d + root, out=smaller, where=w > 0.0)
    np.divide(-w, root, out=slope, where=w > 0.0)
    alone = ridge / gamma
    return np.where(finite, smaller, alone), np.where(finite, smaller + d, np.inf), np.where(finite, slope, -alone)


def _bracket(n: Array, k: Array, ridge: Array, alpha: float, modes: float) -> tuple[Array, Array]:
    """gamma below and above the root, from C gamma^(-1/alpha) - 1 < z < min(C gamma^(-1/alpha), zeta(alpha)/gamma).

    Below: gamma >= ridge/n because ridge = gamma p r/k; z <= m = min(n, k) gives the other bound (for finitely many
    modes through z >= M/(1 + gamma M^alpha)). Above: z <= m/2 leaves p r/k >= n/4, so gamma >= 4 ridge/n is enough.
    """
    least = np.minimum(n, k)
    constant = (np.pi / alpha) / np.sin(np.pi * min(1.0, alpha - 1.0) / alpha)
    below = (constant / (least + 1.0)) ** alpha
    if np.isfinite(modes):
        below = np.maximum(0.0, modes - least) / (least * modes**alpha)
    with np.errstate(over="ignore"):
        above = np.minimum((2.0 * constant / least) ** alpha, 2.0 * zeta(alpha) / least)
    return np.maximum(below, ridge / n), np.maximum(above, 4.0 * (ridge / n))


def _root(n: Array, k: Array, ridge: Array, alpha: float, modes: float) -> Array:
    """Root gamma of z = min(n, k) - slack by Newton in ln gamma, kept inside a shrinking bracket; see `_solve`."""
    low, high = _bracket(n, k, ridge, alpha, modes)
    if np.any(low < SMALLEST):
        i = int(np.argmin(low))
        got = f"n={float(n[i])!r}, k={float(k[i])!r}, alpha={alpha!r}"
        raise ValueError(f"min(n, k)^alpha must be < 1e250 or so, got {got}")
    gamma, least, active = low.copy(), np.minimum(n, k), np.arange(n.size)
    for _ in range(_ITERATIONS):
        g = gamma[active]
        smaller, _, slope = _slacks(n[active], k[active], ridge[active], g)
        z, s = (power_law_sum(g, alpha, 0, missed, 1, modes) for missed in (0, 1))
        excess = z - (least[active] - smaller)
        low[active] = np.where(excess > 0.0, g, low[active])
        high[active] = np.where(excess < 0.0, g, high[active])
        step = excess / (s - slope)
        trial = g * np.exp(np.clip(step, -700.0, 700.0))
        last = np.abs(step) < _STEP
        halfway = np.sqrt(low[active]) * np.sqrt(high[active])
        accept = last | ((trial >= low[active]) & (trial <= high[active]))
        gamma[active] = np.where(accept, trial, halfway)
        active = active[~last]
        if active.size == 0:
            return gamma
    i = int(active[0])
    raise SolveError(
        f"gamma not reached at n={n[i]}, k={k[i]}, ridge={ridge[i]}, alpha={alpha}: bracket [{low[i]}, {high[i]}], "
        f"relative residual {step[0]}; try a larger ridge or a size off the degenerate one"
    )
