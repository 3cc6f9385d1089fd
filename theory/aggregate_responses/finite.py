"""Expected risks of bag- and instance-level regression at finite size, for Gaussian features: no limit is taken.

With the Gram matrices A1 of the m scaled bag means and A2 of the n - m within-bag rows, both independent Wisharts, the
estimate is (A1 + rho A2)^-1 Z1^T(Z1 theta_0 + w), w ~ N(0, sigma^2 I). Bag level (rho = 0) needs inverse Wishart
moments alone; instance level (rho = 1) also those of the matrix beta B = (A1 + A2)^-1/2 A1 (A1 + A2)^-1/2, whose
eigenvalues b_i give every other rho through

    w_i = rho (1 - b_i)/(b_i + rho (1 - b_i)),    g_i = b_i/(b_i + rho (1 - b_i))^2,
    E bias = r^2 {(n - 1) E sum w_i^2 - E (sum w_i)^2}/[d (n - d - 1)],    E variance = sigma^2 E sum g_i/(n - d - 1).

For one feature b is Beta(m/2, (n - m)/2), and one-dimensional quadrature is exact for every rho. The bags may have
different sizes: with bag losses weighted by size only n and m matter. All results are exact expectations; where the
expectation does not exist they are inf. Bias is ||E[estimate | features] - theta_0||^2, variance the trace of the
conditional covariance. Symbols: n, d, m = `n`, `d`, `bags`, r^2 = `signal`, sigma^2 = `noise_variance`, rho =
`interpolation`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, log_expit

from theory._checks import check_range
from theory.aggregate_responses._state import plain, ratio

__all__ = ["ExpectedRisk", "exact_bag_risk", "exact_instance_risk", "exact_one_feature_risk", "exact_risk_from_traces"]

Array = NDArray[np.float64]
LARGEST_SIZE = 1e12  # products of four sizes stay far below overflow
LARGEST_QUADRATURE = 1e6  # samples; the nodes of the quadrature grow with their root


class ExpectedRisk(NamedTuple):
    """Expected squared `bias`, `variance` and their sum `total`, the excess prediction risk; floats or arrays."""

    bias: float | Array
    variance: float | Array
    total: float | Array


def exact_bag_risk(
    n: ArrayLike, d: ArrayLike, bags: ArrayLike, *, signal: ArrayLike = 1.0, noise_variance: ArrayLike = 0.0
) -> ExpectedRisk:
    """Return the exact expected (bias, variance, total) of the bag-level estimate; of minimum norm where bags < d.

    bags > d + 1: bias 0, variance sigma^2 d/(bags - d - 1). bags < d - 1: bias r^2 (1 - bags/d), variance
    sigma^2 bags/(d - bags - 1). It does not depend on n beyond bags <= n.

    n: number of samples, whole, >= 1.
    d: number of features, whole, >= 1.
    bags: number of bags m, whole, 1 <= m <= n; bags may differ in size if each is weighted by its size.
    signal: squared norm r^2 of the coefficients, >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.

    All broadcast; scalars give floats. Limit: the variance is inf for |bags - d| <= 1 (unless sigma^2 = 0), the bias
    stays finite. Raises `ValueError` outside the domains. Source: derived, claim ar.E0.

    >>> exact_bag_risk(20, 3, 10, signal=2.0, noise_variance=0.5)  # 0.5 * 3/(10 - 3 - 1)
    ExpectedRisk(bias=0.0, variance=0.25, total=0.25)
    """
    _, d, bags, r2, noise = _read_sizes(n, d, bags, signal, noise_variance)
    bias = r2 * np.maximum(d - bags, 0.0) / d
    variance = ratio(noise * np.minimum(bags, d), np.maximum(np.abs(bags - d) - 1.0, 0.0))
    return _parts(bias, variance)


def exact_instance_risk(
    n: ArrayLike, d: ArrayLike, bags: ArrayLike, *, signal: ArrayLike = 1.0, noise_variance: ArrayLike = 0.0
) -> ExpectedRisk:
    """Return the exact expected (bias, variance, total) of the instance-level estimate; of minimum norm where n < d.

    n > d + 1, with s = n - m and e = n - d - 1, all terms positive:

        bias = r^2 s [m (n d - 2)/e + n s + n - 2]/[n (n - 1)(n + 2)],    variance = sigma^2 m d/(n e).

    n < d - 1, with f = d - n - 1 (and then any rho > 0 gives the same estimate):

        bias = r^2 [d - m + m s/f]/d,    variance = sigma^2 m/f.

    n: number of samples, whole, >= 1.
    d: number of features, whole, >= 1.
    bags: number of bags m, whole, 1 <= m <= n; bags may differ in size.
    signal: squared norm r^2 of the coefficients, >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.

    All broadcast; scalars give floats. Limits: for |n - d| <= 1 the variance is inf (unless sigma^2 = 0), the bias too
    where d > 1, bags < n and r^2 > 0; with bags = n it is ordinary least squares. Raises `ValueError` outside the
    domains. Source: derived, claims ar.E1 (n > d + 1) and ar.E2 (n < d - 1).

    >>> risk = exact_instance_risk(4, 1, 2, signal=3.0, noise_variance=0.5)  # E (1 - b)^2 = 1/3 for uniform b
    >>> round(risk.bias, 12), risk.variance
    (1.0, 0.125)
    """
    n, d, bags, r2, noise = _read_sizes(n, d, bags, signal, noise_variance)
    slack = np.maximum(np.abs(n - d) - 1.0, 0.0)
    within = n - bags
    tall, spread = n >= d, bags * within
    fixed = np.where(tall, within * (n * within + n - 2.0), 0.0)
    scale = np.where(tall, n * np.maximum(n - 1.0, 1.0) * (n + 2.0), d)
    singular = np.where(tall, spread * np.where(d > 1.0, n * d - 2.0, 0.0), spread)
    single = np.where(d == 1.0, spread, 0.0)  # (n d - 2)/e = 1 cancels for one feature, at n = 2 as well
    fixed = np.where(tall, fixed + single, d - bags)
    bias = r2 * (fixed / scale) + ratio(r2 * singular / scale, slack)
    variance = ratio(noise * bags * np.where(tall, d / n, 1.0), slack)
    return _parts(bias, variance)


def exact_risk_from_traces(
    n: ArrayLike,
    d: ArrayLike,
    *,
    missed_squares: ArrayLike,
    missed_squared: ArrayLike,
    gain: ArrayLike,
    signal: ArrayLike = 1.0,
    noise_variance: ArrayLike = 0.0,
) -> ExpectedRisk:
    """Return the exact expected (bias, variance, total) at any rho, n > d + 1, from expected traces of the matrix beta.

    bias = r^2 [(n - 1) E sum w_i^2 - E (sum w_i)^2]/[d (n - d - 1)], variance = sigma^2 E sum g_i/(n - d - 1), with
    w_i, g_i of the module head. Linear in the three expectations, so it also turns replicates into unbiased ones.

    n: number of samples, whole, > d + 1.
    d: number of features, whole, >= 1.
    missed_squares: E sum_i w_i^2, in [0, d].
    missed_squared: E (sum_i w_i)^2, in [0, d^2].
    gain: E sum_i g_i, >= 0.
    signal: squared norm r^2 of the coefficients, >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.

    All broadcast; scalars give floats. Limit: traces that belong to no ensemble can give a bias < 0. Raises
    `ValueError` outside the domains. Source: derived, claim ar.E3.

    >>> # one feature, four samples, two bags, rho = 1: w = 1 - b, g = b with b uniform
    >>> risk = exact_risk_from_traces(
    ...     4, 1, missed_squares=1 / 3, missed_squared=1 / 3, gain=0.5, signal=3.0, noise_variance=0.5)
    >>> round(risk.bias, 12), risk.variance
    (1.0, 0.125)
    """
    sizes = _read_whole("n", n), _read_whole("d", d)
    r2 = check_range("signal", signal, low=0.0)
    noise = check_range("noise_variance", noise_variance, low=0.0)
    traces = (
        check_range("missed_squares", missed_squares, low=0.0),
        check_range("missed_squared", missed_squared, low=0.0),
        check_range("gain", gain, low=0.0),
    )
    n, d, squares, squared, gains, r2, noise = np.broadcast_arrays(*sizes, *traces, r2, noise)
    _refuse_pair(n <= d + 1.0, "n must be > d + 1", n=n, d=d)
    _refuse_pair(squares > d, "missed_squares must be <= d", missed_squares=squares, d=d)
    _refuse_pair(squared > d * d, "missed_squared must be <= d^2", missed_squared=squared, d=d)
    slack = n - d - 1.0
    return _parts(r2 * ((n - 1.0) * squares - squared) / (d * slack), noise * gains / slack)


def exact_one_feature_risk(
    n: ArrayLike, bags: ArrayLike, interpolation: ArrayLike, *, signal: ArrayLike = 1.0, noise_variance: ArrayLike = 0.0
) -> ExpectedRisk:
    """Return the exact expected (bias, variance, total) for one feature at any rho: the small-size anchor of them all.

    bias = r^2 E w^2, variance = sigma^2 E g/(n - 2), w = rho (1 - b)/(b + rho (1 - b)), g = b/(b + rho (1 - b))^2, with
    b ~ Beta(m/2, (n - m)/2). The integrals use the trapezoidal rule in ln(b/(1 - b)), in which the integrands are
    analytic and decay exponentially: relative accuracy 1e-12.

    n: number of samples, whole, 2 <= n <= 1e6.
    bags: number of bags m, whole, 1 <= m <= n.
    interpolation: weight rho of the within-bag spread, in [0, inf); 0 bag level, 1 instance level.
    signal: squared coefficient r^2, >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.

    All broadcast; scalars give floats. Limits: the variance is inf for n = 2, and for bags <= 2 at rho = 0 (unless
    sigma^2 = 0); bags = n is ordinary least squares at every rho. Raises `ValueError` outside the domains.
    Source: derived, claim ar.E3 at d = 1.

    >>> risk = exact_one_feature_risk(4, 2, 1.0, signal=3.0, noise_variance=0.5)  # b uniform: 3 * 1/3, 0.5 * 0.5/2
    >>> round(risk.bias, 12), round(risk.variance, 12)
    (1.0, 0.125)
    """
    samples = check_range("n", n, low=2.0, high=LARGEST_QUADRATURE)
    rho = check_range("interpolation", interpolation, low=0.0)
    n, _, bags, r2, noise, rho = _read_sizes(samples, 1.0, bags, signal, noise_variance, rho)
    bias, variance = np.zeros(n.shape), np.empty(n.shape)
    for cell in np.ndindex(n.shape):
        count, groups, weight = float(n[cell]), float(bags[cell]), float(rho[cell])
        if groups == count or weight == 0.0:
            variance[cell] = ratio(noise[cell], np.maximum(groups - 2.0, 0.0))
            continue
        squares, gain = _one_feature_integrals(0.5 * groups, 0.5 * (count - groups), weight)
        bias[cell] = r2[cell] * squares
        variance[cell] = ratio(noise[cell] * gain, np.asarray(count - 2.0))
    return _parts(bias, variance)


def _one_feature_integrals(first: float, second: float, rho: float) -> tuple[float, float]:
    """Return E w^2 and E g for b ~ Beta(first, second), by the trapezoidal rule in y = ln(b/(1 - b)).

    In y the density is sigmoid(y)^first sigmoid(-y)^second/B, w = sigmoid(ln rho - y), g = sigmoid(y - ln rho)^2/b.
    The step resolves the bell's width; the range ends where the slowest tail, exp(-first |y|) or exp(-second y), is
    below 1e-19.
    """
    level, middle = np.log(rho), np.log(first / second)
    step = min(0.2, 0.5 / np.sqrt(1.0 + first * second / (first + second)))
    low = min(level, middle, 0.0) - 45.0 / first - 5.0
    high = max(level, middle, 0.0) + 45.0 / second + 5.0
    y = np.arange(low, high, step)
    log_b, log_rest = log_expit(y), log_expit(-y)
    log_density = first * log_b + second * log_rest - betaln(first, second)
    missed = step * np.exp(log_density + 2.0 * log_expit(level - y)).sum()
    gain = step * np.exp(log_density - log_b + 2.0 * log_expit(y - level)).sum()
    return float(missed), float(gain)


def _read_sizes(
    n: ArrayLike, d: ArrayLike, bags: ArrayLike, signal: ArrayLike, noise: ArrayLike, *others: Array
) -> tuple[Array, ...]:
    """Check sizes and powers, and return them and the checked `others` in one shape."""
    sizes = _read_whole("n", n), _read_whole("d", d), _read_whole("bags", bags)
    r2, variance = check_range("signal", signal, low=0.0), check_range("noise_variance", noise, low=0.0)
    together = np.broadcast_arrays(*sizes, r2, variance, *others)
    _refuse_pair(together[2] > together[0], "bags must be <= n", bags=together[2], n=together[0])
    return together


def _read_whole(name: str, value: ArrayLike) -> Array:
    """Return an array of whole numbers from 1 to the largest size."""
    array = check_range(name, value, low=1.0, high=LARGEST_SIZE)
    if np.any(array != np.rint(array)):
        raise ValueError(f"{name} must be whole numbers, got {name}={float(array[array != np.rint(array)].flat[0])!r}")
    return array


def _refuse_pair(bad: NDArray[np.bool_], rule: str, **pair: Array) -> None:
    """Raise for the first cell in which two arguments disagree, naming both."""
    if np.any(bad):
        cell = tuple(np.argwhere(bad)[0])
        raise ValueError(f"{rule}, got " + " with ".join(f"{name}={array[cell]:g}" for name, array in pair.items()))


def _parts(bias: Array, variance: Array) -> ExpectedRisk:
    """Return both parts and their sum as they were given: floats or arrays."""
    return ExpectedRisk(plain(bias), plain(variance), plain(bias + variance))
