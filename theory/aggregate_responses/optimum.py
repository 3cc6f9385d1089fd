"""Which weight is best, which of bag and instance level wins, and how bias and variance move (Javanmard et al., 2024).

With p = 1 - v, q = 1 - u, c, x, D = c p + x q of the package's head, the derivatives along the path of weights are

    dx/drho = alpha2 q^2 V,   dbias/dx = 2 r^2 (u/D^2) B,   dvariance/dx = -2 sigma^2 v q/D^2,
    V = alpha1 v^2/D,         B = alpha2 D^2 + psi v (c^2 p - x^2 q) = P(x)/(alpha1 alpha2).

So the variance always falls; the bias rises where P > 0 (everywhere for psi >= k), and a weight is stationary exactly
where u B = v q/SNR, which has one subtraction in it. P is the polynomial of `bias_slope_polynomial`. Between
weight 0+ and inf the slope of the risk turns from - to +; that it turns once is checked (20 000 settings), not proved.

All are properties of the proportional limit (asymptotic for the experiment). Symbols: see the head of the package.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import elementwise

from theory._checks import check_range
from theory.aggregate_responses._state import (
    Samples,
    bias_terms,
    evaluate,
    excess_rows,
    plain,
    ratio,
    read_bag_size,
    read_interpolation,
    read_samples,
    scaled,
)
from theory.aggregate_responses.limits import LimitRisk

__all__ = [
    "OptimalInterpolation",
    "bias_slope_polynomial",
    "crossover_snr",
    "optimal_interpolation",
    "optimal_snr",
    "risk_slope",
]

Array = NDArray[np.float64]
LARGEST_NOISE = 1e300  # 1/SNR; more of it moves no optimum
LOG_RANGE = 340.0  # ln of the largest weight searched, 1e147; beyond it the best weight counts as inf (0)


class OptimalInterpolation(NamedTuple):
    """The best weight `interpolation` in [0, inf] and the risk `total` there, in units of the signal r^2."""

    interpolation: float | Array
    total: float | Array


def optimal_interpolation(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    snr: ArrayLike,
    *,
    excess_samples: ArrayLike | None = None,
) -> OptimalInterpolation:
    """Return (interpolation, total): the best weight in (0, inf] and its risk, in units of the signal r^2.

    The root of the quartic x P(x) = alpha2 (alpha2 - x)(1 - x)/SNR, mapped to the weight; solved in the logarithm of
    the weight, where no digits are lost. Asymptotic in d; the minimum of the limit is exact up to rounding. For psi < k
    it is the best weight > 0: the minimum-norm bag level, `limit_risk` at weight 0, is not on this path and may be
    better.

    samples_per_feature: psi = n/d, > 1; None if `excess_samples` is given. (At psi <= 1 all weights > 0 are alike.)
    bag_size: k, the (mean) bag size, real, >= 1; at 1 all weights are alike and 0 is returned.
    snr: r^2/sigma^2, in (0, inf]; inf is no noise.
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give floats. Limits: about 1/(snr psi (1 - 1/k)) at large psi; 0 without noise for psi >= k;
    inf, total 1, where alpha2 = psi (1 - 1/k) is 1 and snr (3 alpha1 - 1) <= 1, the only case without a finite root.
    Weights beyond 1e147 (below 1e-147) count as inf (0). Raises `ValueError` outside the domains.
    Source: derived, claim ar.T3.

    >>> best = optimal_interpolation(4, 3, 3 / 5)  # instance level is best at snr = k/((k - 1) psi - 2 k + 3) = 3/5
    >>> round(best.interpolation, 10), round(best.total, 10)  # bias 14/27 + noise (5/3)/9
    (1.0, 0.7037037037)
    """
    samples = read_samples(samples_per_feature, excess_samples, low=1.0)
    size, given = read_bag_size(bag_size), check_range("snr", snr, low=0.0, open_low=True, allow_inf=True)
    psi, excess, size, given = (np.array(row) for row in np.broadcast_arrays(*samples, size, given))
    with np.errstate(over="ignore"):
        noise = 1.0 / given
    weight = np.zeros(noise.shape)
    live = size > 1.0
    weight[live] = _stationary(Samples(psi[live], excess[live]), size[live], noise[live])
    state = evaluate(Samples(psi, excess), size, weight, minimum_norm=False)
    return OptimalInterpolation(plain(weight), plain(state.bias + scaled(noise, state.variance)))


def optimal_snr(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    interpolation: ArrayLike,
    *,
    excess_samples: ArrayLike | None = None,
) -> float | Array:
    """Return the SNR at which a given weight is the best one: v q/(u B) in the letters of the module's head.

    The inverse of `optimal_interpolation`, in closed form: alpha2 (alpha2 - x)(1 - x)/(x P(x)); at instance level
    k/((k - 1) psi - 2 k + 3). Exact for the proportional limit (asymptotic in d).

    samples_per_feature: psi = n/d, > 1; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, > 1.
    interpolation: weight rho of the within-bag spread, in [0, inf].
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give a float. Limits: inf where the bias does not rise (P <= 0, possible for psi < k): the
    best weight lies above at every SNR; inf at weight 0; at weight inf 0, but where alpha2 = 1 it is 1/(3 alpha1 - 1)
    (inf if that is negative). Raises `ValueError` outside the domains. Source: derived, claim ar.T3.

    >>> round(optimal_snr(4, 3, 1.0), 12)
    0.6
    """
    samples = read_samples(samples_per_feature, excess_samples, low=1.0)
    size, weight = read_bag_size(bag_size, above_one=True), read_interpolation(interpolation)
    state = evaluate(samples, size, weight, minimum_norm=False)
    rising, falling = bias_terms(state)
    found = ratio(state.learned_bag * state.missed_within, state.learned_within * np.maximum(rising - falling, 0.0))
    found = np.where(rising <= falling, np.inf, found)
    even = np.isinf(weight) & (excess_rows(samples.excess, size)[1] == 0.0)
    slack = 3.0 * state.bag_rows - 1.0
    return plain(np.where(even, ratio(np.ones_like(slack), np.maximum(slack, 0.0)), found))


def crossover_snr(
    samples_per_feature: ArrayLike | None, bag_size: ArrayLike, *, excess_samples: ArrayLike | None = None
) -> float | Array:
    """Return the SNR below which instance level (weight 1) has the smaller risk, above which bag level (weight 0) has.

    psi > k: k ((k + 1) psi - k)/{(psi - k) [(k - 1)(psi - 1) + 1]}. 1 < psi < k, against the minimum-norm bag level:
    k max(0, k psi (psi - 1) - (k - psi))/{(k - psi) [k (psi^2 - 3 psi + 3) + psi - 2]}. Exact for the proportional
    limit (asymptotic in d).

    samples_per_feature: psi = n/d, > 0; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, > 1 (at 1 the two levels are the same).
    excess_samples: psi - 1, > -1, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give a float. Limits: inf at psi = k; 0 where bag level wins at every SNR: psi <= 1, and a
    little above; about k (k + 1)/((k - 1) psi) at large psi. Raises `ValueError` outside the domains.
    Source: paper, lemma on the SNR threshold, in a form derived here; claim ar.T2.

    >>> round(crossover_snr(6, 2), 12), round(crossover_snr(2, 4), 12)  # 2*16/(4*6), 4*6/(2*4)
    (1.333333333333, 3.0)
    """
    psi, excess = read_samples(samples_per_feature, excess_samples)
    k = read_bag_size(bag_size, above_one=True)
    gap = excess - (k - 1.0)
    above = k * ((k + 1.0) * excess + 1.0)
    below = k * np.maximum(excess * (k * psi + 1.0) - (k - 1.0), 0.0)
    # k (psi^2 - 3 psi + 3) + psi - 2 in e = psi - 1
    loss = np.where(gap > 0.0, (k - 1.0) * excess + 1.0, (k - 1.0) * (1.0 - excess) + k * excess**2)
    threshold = ratio(np.where(gap > 0.0, above, below), np.abs(gap) * loss)
    return plain(threshold)


def risk_slope(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    interpolation: ArrayLike,
    *,
    signal: ArrayLike,
    noise_variance: ArrayLike,
    excess_samples: ArrayLike | None = None,
) -> LimitRisk:
    """Return the derivatives of bias, variance and risk with respect to the weight, from the module's head.

    The variance never rises; the bias never falls for psi >= k, and falls first for psi < k. Exact for the
    proportional limit (asymptotic in d).

    samples_per_feature: psi = n/d, > 1; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, >= 1; at 1 all slopes are 0.
    interpolation: weight rho of the within-bag spread, in (0, inf).
    signal: r^2, squared length of the coefficients, >= 0.
    noise_variance: sigma^2, variance of the label noise, >= 0.
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give floats. Raises `ValueError` outside the domains.
    Source: derived, claims ar.M1, ar.M2.

    >>> slope = risk_slope(4, 3, 1.0, signal=3.0, noise_variance=5.0)  # v = 1/4, D = 3/4, V = 1/9, dx = 1/6
    >>> round(slope.variance, 12), round(abs(slope.total), 12)
    (-0.555555555556, 0.0)
    """
    weight = check_range("interpolation", interpolation, low=0.0, open_low=True)
    state = evaluate(read_samples(samples_per_feature, excess_samples, low=1.0), read_bag_size(bag_size), weight)
    rising, falling = bias_terms(state)
    deficit = ratio(state.within_rows * state.missed_within**2 * state.variance, state.spread**2)
    r2, noise = check_range("signal", signal, low=0.0), check_range("noise_variance", noise_variance, low=0.0)
    with np.errstate(over="ignore"):
        bias = scaled(2.0 * r2 * state.learned_within * np.abs(rising - falling), deficit) * np.sign(rising - falling)
        variance = -scaled(2.0 * noise * state.learned_bag * state.missed_within, deficit)
    return LimitRisk(*(plain(part) for part in np.broadcast_arrays(bias, variance, bias + variance)))


def bias_slope_polynomial(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    deficit: ArrayLike,
    *,
    excess_samples: ArrayLike | None = None,
) -> float | Array:
    """Return P(x), whose sign is that of the bias's slope in the weight.

    P = (alpha1 + alpha2) x^3 - 4 alpha2 x^2 + (alpha2^2 + 4 alpha2 - 3 alpha1 alpha2) x
    + alpha2 (alpha1 alpha2 + alpha1 - alpha2 - 1), with dbias/dx = 2 r^2 x P/(alpha1 alpha2^2 D^2). At the ends of the
    path P(1 - alpha1) = -alpha1 (1 - alpha1)^2 (psi - 1), P(alpha2) = alpha2 (1 - alpha2)^2 (psi - 1). Exact.

    samples_per_feature: psi = n/d, > 1; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size, real, >= 1.
    deficit: x = 1 - c, in [0, 1]; on the path of weights max(0, 1 - alpha1) <= x <= min(1, alpha2).
    excess_samples: psi - 1, > 0, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give a float. Rounding is relative to the largest term. Raises `ValueError` outside the
    domains. Source: derived, claims ar.M2, ar.T3.

    >>> bias_slope_polynomial(4, 2, 1.0)  # alpha1 (1 - alpha2)^2
    2.0
    """
    psi, _ = read_samples(samples_per_feature, excess_samples, low=1.0)
    k, x = read_bag_size(bag_size), check_range("deficit", deficit, low=0.0, high=1.0)
    alpha1, alpha2 = psi / k, psi * ((k - 1.0) / k)
    linear = alpha2 * (alpha2 + 4.0 - 3.0 * alpha1)
    return plain(((psi * x - 4.0 * alpha2) * x + linear) * x + alpha2 * (alpha2 + 1.0) * (alpha1 - 1.0))


def _stationary(samples: Samples, bag_size: Array, noise: Array) -> Array:
    """Return the weight where the risk stops falling, for cells in a row with bag_size > 1 and noise = 1/SNR."""

    def slope(log_weight: Array, psi: Array, excess: Array, k: Array, noise: Array) -> Array:
        state = evaluate(Samples(psi, excess), k, np.exp(log_weight))
        rising, falling = bias_terms(state)
        up = state.learned_within * rising
        down = state.learned_within * falling + noise * state.learned_bag * state.missed_within
        return np.divide(up - down, up + down, out=np.zeros_like(up), where=up + down > 0.0)

    cells = (samples.psi, samples.excess, bag_size, np.minimum(noise, LARGEST_NOISE))
    ends = np.full_like(bag_size, LOG_RANGE)
    at_low, at_high = slope(-ends, *cells), slope(ends, *cells)
    even = excess_rows(samples.excess, bag_size)[1] == 0.0  # alpha2 = 1: no root at faint signals
    hopeless = even & (noise >= 3.0 * samples.psi / bag_size - 1.0)
    inner = (at_low < 0.0) & (at_high > 0.0) & ~hopeless
    weight = np.where(at_low >= 0.0, 0.0, np.inf)
    if np.any(inner):
        rows = tuple(row[inner] for row in cells)
        found = elementwise.find_root(slope, (-ends[inner], ends[inner]), args=rows, maxiter=400)
        weight[inner] = np.exp(found.x)
    return weight
