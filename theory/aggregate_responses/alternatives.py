"""What competes with the interpolating losses: ridge on the bag means, EasyLLP, the best gain (Javanmard et al., 2024).

Bayes ridge. Adding ridge lambda d |theta|^2 to the bag loss with lambda = sigma^2/r^2 gives the posterior mean for
theta0 ~ N(0, r^2 I/d); its risk sigma^2 tau, tau = 2/(b + sqrt(b^2 + 4 lambda)), b = alpha1 - 1 + lambda, bounds every
weight from below. EasyLLP with soft labels k y-bar is exactly k times the instance-level estimate. The best gain
gamma = c r^2/(c^2 r^2 + S), S = risk - (1 - c)^2 r^2, multiplies the estimate of any weight:

    risk r^2 Q/(1 + Q),   Q = S/(c^2 r^2) = (psi alpha2 u^2 + 1/SNR)/(alpha1 D)   (psi > 1, rho > 0);

Q is smallest at rho = 1/(1 + psi SNR) whatever the bag size, since its slope has the sign of psi rho - (1 - rho)/SNR.

All are limits of the finite experiment (asymptotic in d). Symbols: see the head of the package.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.aggregate_responses._state import (
    evaluate,
    plain,
    ratio,
    read_bag_size,
    read_interpolation,
    read_samples,
    scaled,
)
from theory.aggregate_responses.limits import LimitRisk

__all__ = [
    "EasyLLPCrossover",
    "GainCorrection",
    "easyllp_crossover_snr",
    "easyllp_risk",
    "gain_corrected_risk",
    "optimal_gain_interpolation",
    "ridge_risk",
]

Array = NDArray[np.float64]


class EasyLLPCrossover(NamedTuple):
    """EasyLLP beats bag level at SNR < `bag`, instance level at SNR > `instance`; floats or arrays in [0, inf]."""

    bag: float | Array
    instance: float | Array


class GainCorrection(NamedTuple):
    """The best factor `gain` on the estimate, and the risk `total` after it; floats or arrays, >= 0."""

    gain: float | Array
    total: float | Array


def ridge_risk(
    samples_per_feature: ArrayLike, bag_size: ArrayLike, *, signal: ArrayLike, noise_variance: ArrayLike
) -> float | Array:
    """Return the risk of the best ridge on the bag means: the Bayes risk for an isotropic Gaussian theta0.

    sigma^2 tau = 2 r^2 sigma^2/(B + sqrt(B^2 + 4 r^2 sigma^2)), B = r^2 (alpha1 - 1) + sigma^2. No weight, gain or
    EasyLLP does better. Asymptotic in d, exact as a function.

    samples_per_feature: psi = n/d, > 0.
    bag_size: k, the (mean) bag size n/m, real, >= 1; the risk rises with it.
    signal: r^2, squared length of the coefficients, >= 0.
    noise_variance: sigma^2, variance of the label noise, >= 0.

    All broadcast; scalars give a float. Limits: without noise r^2 max(0, 1 - alpha1), finite at every psi.
    Raises `ValueError` outside the domains. Source: derived, claim ar.T4.

    >>> round(ridge_risk(8, 4, signal=2.0, noise_variance=4.0), 12)  # B = 6: 16/(6 + sqrt(36 + 32))
    1.123105625618
    """
    psi, k = check_range("samples_per_feature", samples_per_feature, low=0.0, open_low=True), read_bag_size(bag_size)
    r2, noise = check_range("signal", signal, low=0.0), check_range("noise_variance", noise_variance, low=0.0)
    middle = r2 * ((psi - k) / k) + noise
    geometric = np.sqrt(r2) * np.sqrt(noise)
    root = np.hypot(middle, 2.0 * geometric)
    return plain(np.where(middle > 0.0, ratio(2.0 * geometric**2, middle + root), 0.5 * (root - middle)))


def easyllp_risk(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    *,
    signal: ArrayLike,
    noise_variance: ArrayLike,
    excess_samples: ArrayLike | None = None,
) -> LimitRisk:
    """Return bias, variance and risk of least squares on the soft labels k y-bar (EasyLLP with prior mean 0).

    Its estimate is k times the instance-level one: unbiased over the features, bias (k - 1) r^2/(psi - 1), variance
    k sigma^2/(psi - 1) for psi > 1; for psi < 1, by minimum norm, bias r^2 {(1 - psi)^2
    + psi [k - 1 + (1 - psi)^2]/(1 - psi)}, variance k psi sigma^2/(1 - psi). Asymptotic in d.

    samples_per_feature: psi = n/d, > 0; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size n/m, real, >= 1; at 1 it is least squares.
    signal: r^2, squared length of the coefficients, >= 0.
    noise_variance: sigma^2, variance of the label noise, >= 0.
    excess_samples: psi - 1, > -1, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give floats. Limits: inf at psi = 1. Raises `ValueError` outside the domains.
    Source: derived, claim ar.X3.

    >>> risk = easyllp_risk(6, 3, signal=2.0, noise_variance=0.5)  # 2*2/5, 3*.5/5
    >>> [round(float(x), 12) for x in risk]
    [0.8, 0.3, 1.1]
    """
    psi, excess = read_samples(samples_per_feature, excess_samples)
    k = read_bag_size(bag_size)
    missing = np.maximum(-excess, 0.0)
    reached = np.where(excess < 0.0, psi, 1.0)
    spread = ratio(reached * (k - 1.0 + missing**2), np.abs(excess))
    bias = scaled(check_range("signal", signal, low=0.0), missing**2 + spread)
    noise = check_range("noise_variance", noise_variance, low=0.0)
    variance = scaled(noise, ratio(reached * k, np.abs(excess)))
    return LimitRisk(*(plain(part) for part in np.broadcast_arrays(bias, variance, bias + variance)))


def easyllp_crossover_snr(
    samples_per_feature: ArrayLike | None, bag_size: ArrayLike, *, excess_samples: ArrayLike | None = None
) -> EasyLLPCrossover:
    """Return the SNRs where EasyLLP meets bag level (it wins below) and instance level (it wins above).

    bag: k/(psi - k). instance: k (k + 1)/[(k - 1)(psi - k - 2)] for psi > k + 2, else inf (it never wins). The second
    is always above the first: EasyLLP is never the best of the three. Exact for the proportional limit (asymptotic).

    samples_per_feature: psi = n/d, > k (bag level with enough bags); None if `excess_samples` is given.
    bag_size: k, the (mean) bag size n/m, real, > 1.
    excess_samples: psi - 1, > k - 1, instead of `samples_per_feature`.

    All broadcast; scalars give floats. Limits: bag is inf at psi -> k. Raises `ValueError` outside the domains, where
    psi <= k naming both. Source: derived, claim ar.X3.

    >>> easyllp_crossover_snr(10, 4)  # 4/6 and 20/(3*4)
    EasyLLPCrossover(bag=0.6666666666666666, instance=1.6666666666666667)
    """
    psi, excess = read_samples(samples_per_feature, excess_samples)
    k = read_bag_size(bag_size, above_one=True)
    gap = excess - (k - 1.0)
    if np.any(gap <= 0.0):
        at = np.unravel_index(int(np.argmax(gap <= 0.0)), gap.shape)
        psi, k = (float(row[at]) for row in np.broadcast_arrays(psi, k))
        raise ValueError(f"samples_per_feature must exceed bag_size, got samples_per_feature={psi!r}, bag_size={k!r}")
    room = np.maximum(gap - 2.0, 0.0)
    return EasyLLPCrossover(plain(k / gap), plain(ratio(k * (k + 1.0), (k - 1.0) * room)))


def gain_corrected_risk(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    interpolation: ArrayLike,
    *,
    signal: ArrayLike,
    noise_variance: ArrayLike,
    excess_samples: ArrayLike | None = None,
) -> GainCorrection:
    """Return (gain, total): the factor on the interpolating estimate that minimises the risk, and that risk.

    gain = c r^2/(c^2 r^2 + S) = 1/[c (1 + Q)], total = r^2 Q/(1 + Q), letters of the module's head; asymptotic in d.

    samples_per_feature: psi = n/d, > 0; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size n/m, real, >= 1.
    interpolation: weight rho of the within-bag spread, in [0, inf]; 0 is the minimum-norm bag level.
    signal: r^2, squared length of the coefficients, >= 0.
    noise_variance: sigma^2, variance of the label noise, >= 0.
    excess_samples: psi - 1, > -1, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give floats. Limits: where the risk itself is inf the gain is 0, total r^2; at weight inf
    with alpha2 >= 1, where the estimate vanishes, the limit of weights -> inf (gain inf; total r^2 at alpha2 = 1);
    without signal gain and total are 0. Raises `ValueError` outside the domains. Source: derived, claim ar.X4.

    >>> gain_corrected_risk(2, 2, 1.0, signal=4.0, noise_variance=2.0)  # c = 1/2, S = 4/4 + 2/2: gain 2/(1 + 2)
    GainCorrection(gain=0.6666666666666666, total=2.6666666666666665)
    """
    k, weight = read_bag_size(bag_size), read_interpolation(interpolation)
    state = evaluate(read_samples(samples_per_feature, excess_samples), k, weight)
    r2, noise = check_range("signal", signal, low=0.0), check_range("noise_variance", noise_variance, low=0.0)
    per_noise = ratio(state.variance, state.shrinkage**2)
    path = (state.excess > 0.0) & ((weight > 0.0) | (state.excess > k - 1.0))
    per_noise = np.where(path, ratio(np.ones_like(state.spread), state.bag_rows * state.spread), per_noise)
    per_signal = ratio(state.fluctuation, state.shrinkage**2)
    pull = state.samples * state.within_rows * state.learned_within**2
    per_signal = np.where(path, ratio(pull, state.bag_rows * state.spread), per_signal)
    scatter = scaled(r2, per_signal) + scaled(noise, per_noise)  # r^2 Q
    share = 1.0 / (1.0 + ratio(scatter, r2 + np.zeros_like(scatter)))
    share = np.where(r2 > 0.0, share, 0.0)
    total = np.where(np.isinf(scatter), r2, np.where(np.isinf(scatter), 0.0, scatter) * share)
    gain = ratio(share, state.shrinkage)
    return GainCorrection(*(plain(part) for part in np.broadcast_arrays(gain, total)))


def optimal_gain_interpolation(samples_per_feature: ArrayLike, snr: ArrayLike) -> float | Array:
    """Return the weight that is best together with the best gain: 1/(1 + psi SNR), at every bag size.

    The minimum of `gain_corrected_risk` over weights > 0; exact for the proportional limit (asymptotic in d). It lies
    in (0, 1): with the gain free, no weight beyond instance level is of use.

    samples_per_feature: psi = n/d, > 1.
    snr: r^2/sigma^2, in (0, inf]; inf is no noise.

    Both broadcast; scalars give a float. Limits: 0 at snr inf. Raises `ValueError` outside the domains.
    Source: derived, claim ar.X4.

    >>> optimal_gain_interpolation(4, 0.75)
    0.25
    """
    psi = check_range("samples_per_feature", samples_per_feature, low=1.0, open_low=True)
    return plain(1.0 / (1.0 + psi * check_range("snr", snr, low=0.0, open_low=True, allow_inf=True)))
