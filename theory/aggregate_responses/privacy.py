"""Label-private aggregation: clipped labels, Laplace noise on bag means, and the limit risk of the fit that follows.

The mechanism clips every label to [-T, T], releases per bag the mean of the clipped labels plus Laplace noise of scale
b_L, and fits features to the released means (post-processing). Changing one label moves one mean by at most f T/k, with
f = 2 if a label is replaced by any other and f = 1 if neighbours differ by setting a label to 0. So

    b_L = f T/(k eps)    is eps-label-private, and no more: the largest log-likelihood ratio is exactly f T/(k b_L).

The printed scale T/(k eps) is eps-private for zero-out neighbours and 2 eps-private for replaced labels. On a bag mean
the noise has variance 2 b_L^2, which counts as 2 k b_L^2 per label. With labels y ~ N(0, s^2), s^2 = r^2 + sigma^2, and
a = T/s, clipping leaves the gain g = E[y y_c]/s^2 = erf(a/sqrt(2)) and labels g x.theta_0 + e, where the error e is
uncorrelated with x and has variance  E y_c^2 - g^2 r^2. In the letters of the package's head

    risk = (1 - g c)^2 r^2 + g^2 (bias/r^2 - x^2) r^2 + (E y_c^2 - g^2 r^2 + 2 k b_L^2) variance/sigma^2,

and without clipping g = 1, E y_c^2 = s^2. Risks are limits in d (asymptotic, O(1/d)); scales and losses are exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.aggregate_responses._state import (
    evaluate,
    plain,
    read_bag_size,
    read_interpolation,
    read_samples,
    scaled,
)
from theory.aggregate_responses.clipping import lost_gain, moments
from theory.aggregate_responses.limits import LimitRisk

__all__ = [
    "laplace_scale",
    "privacy_loss",
    "private_limit_risk",
    "private_risk",
]

Array = NDArray[np.float64]
LEAST_THRESHOLD, LARGEST_THRESHOLD = 1e-140, 1e150  # whose squares are floats
SENSITIVITY = {"replace": 2.0, "zero-out": 1.0}  # f: largest change of a clipped label, in units of the threshold


def laplace_scale(
    threshold: ArrayLike, bag_size: ArrayLike, epsilon: ArrayLike, *, adjacency: str = "replace"
) -> float | Array:
    """Return the smallest Laplace scale b_L = f T/(k eps) on a bag mean that is eps-label-private, exact.

    threshold: clipping level T, > 0 (from 1e-140 to 1e150).
    bag_size: bag size k, real, >= 1; of unequal bags the smallest needs the largest scale.
    epsilon: privacy eps, in (0, inf].
    adjacency: "replace" (a label becomes any other, f = 2) or "zero-out" (it becomes 0, f = 1: the printed scale).

    All numbers broadcast. Limits: 0 at epsilon = inf, inf where it exceeds float64. Raises `ValueError` outside the
    domains.
    Source: derived, claim ar.D1; the scale with f = 1 is the paper's.

    >>> laplace_scale(3.0, 4, 0.5), laplace_scale(3.0, 4, 0.5, adjacency="zero-out")
    (3.0, 1.5)
    """
    level, bags, eps = read_threshold(threshold), read_bag_size(bag_size), read_epsilon(epsilon)
    with np.errstate(over="ignore"):
        return plain(np.asarray(read_sensitivity(adjacency) * level / bags / eps))


def privacy_loss(
    threshold: ArrayLike, bag_size: ArrayLike, scale: ArrayLike, *, adjacency: str = "replace"
) -> float | Array:
    """Return the exact privacy loss f T/(k b_L): the largest log-likelihood ratio of a release over neighbours.

    It is reached, at any released value beyond both means, so the mechanism is private at this level and at none below.

    threshold: clipping level T, > 0 (from 1e-140 to 1e150).
    bag_size: bag size k, real, >= 1.
    scale: Laplace scale b_L on the bag mean, > 0.
    adjacency: "replace" (f = 2) or "zero-out" (f = 1).

    All numbers broadcast. Raises `ValueError` outside the domains. Source: derived, claim ar.D1.

    >>> printed = laplace_scale(3.0, 4, 0.5, adjacency="zero-out")
    >>> privacy_loss(3.0, 4, printed)  # the printed scale, against replaced labels: twice epsilon
    1.0
    """
    level, bags = read_threshold(threshold), read_bag_size(bag_size)
    width = check_range("scale", scale, low=0.0, open_low=True)
    with np.errstate(over="ignore"):
        return plain(np.asarray(read_sensitivity(adjacency) * level / bags / width))


def private_risk(
    samples_per_feature: ArrayLike,
    bag_size: ArrayLike,
    interpolation: ArrayLike,
    *,
    epsilon: ArrayLike,
    threshold: ArrayLike,
    signal: ArrayLike = 1.0,
    noise_variance: ArrayLike = 0.0,
    adjacency: str = "replace",
    clipped: bool = True,
) -> LimitRisk:
    """Return (bias, variance, total) of the interpolating fit to private bag means, at a finite clipping level.

    clipped: bias (1 - g c)^2 r^2 + g^2 (bias/r^2 - x^2) r^2, variance (distortion + g^2 sigma^2 + 2 k b_L^2)
    variance/sigma^2, with g and distortion from `clipped_label_moments` and the plain limits of `limit_risk`.
    Otherwise g = 1, distortion = 0: what clipping would cost is left out, the noise for it is not. Asymptotic in d
    (O(1/d)), exact as a function. "Variance" holds all error of labels.

    samples_per_feature: psi = n/d, > 0.
    bag_size: bag size k, real, >= 1.
    interpolation: weight rho of the within-bag spread, in [0, inf]; 0 is bag level, of minimum norm.
    epsilon: label privacy eps, in (0, inf]; inf adds no noise.
    threshold: clipping level T, > 0 (from 1e-140 to 1e150), often `clipping_threshold(n, C)`.
    signal: squared norm r^2 of the coefficients, >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0; with signal 0 it must be > 0.
    adjacency: "replace" or "zero-out", as in `laplace_scale`.
    clipped: whether labels are clipped, or only the noise is that of clipping.

    All numbers broadcast; scalars give floats. Limits: those of `limit_risk`; the private noise dominates for small
    epsilon (inf where its variance exceeds float64). Raises `ValueError` outside the domains.
    Source: derived, claims ar.D3 (clipped) and ar.D5 (not).

    >>> risk = private_risk(6, 2, 0.0, epsilon=4.0, threshold=2.0, noise_variance=0.5, clipped=False)
    >>> risk.variance  # (0.5 + 2 * 2 * (2 * 2/(2 * 4))^2) * 1/(6/2 - 1)
    0.75
    """
    r2, noise = read_powers(signal, noise_variance)
    scale = laplace_scale(threshold, bag_size, epsilon, adjacency=adjacency)
    gain, error = label_channel(np.asarray(threshold, float), np.asarray(bag_size, float), scale, r2, noise, clipped)
    state = evaluate(
        read_samples(samples_per_feature, None), read_bag_size(bag_size), read_interpolation(interpolation)
    )
    lost = lost_gain(np.asarray(threshold, float), r2 + noise) if clipped else np.zeros(())
    bias = scaled(r2, (lost + gain * state.deficit) ** 2) + scaled(r2 * gain**2, state.fluctuation)
    variance = scaled(error, state.variance)
    return LimitRisk(*(plain(part) for part in np.broadcast_arrays(bias, variance, bias + variance)))


def private_limit_risk(
    samples_per_feature: ArrayLike,
    bag_size: ArrayLike,
    interpolation: ArrayLike,
    *,
    epsilon: ArrayLike,
    clipping: ArrayLike,
    adjacency: str = "replace",
) -> float | Array:
    """Return the limit of risk/ln n for T = C sqrt(ln n): 2 f^2 C^2/(k eps^2) times variance/sigma^2 of `limit_risk`.

    Noise of privacy alone: bias and label noise are O(1) beside ln n, which is 7.6 at n = 2000, so prefer
    `private_risk` for a finite n. Asymptotic in d and n, exact as a function; needs C^2 > 2 (r^2 + sigma^2).

    samples_per_feature: psi = n/d, > 0.
    bag_size: bag size k, real, >= 1.
    interpolation: weight rho of the within-bag spread, in [0, inf].
    epsilon: label privacy eps, in (0, inf].
    clipping: the constant C, > 0.
    adjacency: "replace" (f = 2) or "zero-out" (f = 1: the printed risk).

    All numbers broadcast; scalars give a float. Limits: inf where the variance is; 0 at rho = inf with alpha2 >= 1.
    Raises `ValueError` outside the domains. Source: paper, risk under label privacy, claim ar.D2.

    >>> private_limit_risk(6, 2, 0.0, epsilon=0.5, clipping=3.0)  # 2 * 4 * 9/(2 * 0.25) * 1/(6/2 - 1)
    72.0
    """
    k, eps = read_bag_size(bag_size), read_epsilon(epsilon)
    constant = check_range("clipping", clipping, low=0.0, open_low=True)
    with np.errstate(over="ignore"):
        factor = 2.0 * (read_sensitivity(adjacency) * constant / eps) ** 2 / k
    state = evaluate(read_samples(samples_per_feature, None), k, read_interpolation(interpolation))
    return plain(scaled(factor, state.variance))


def label_channel(
    threshold: Array, bag_size: Array, scale: ArrayLike, signal: Array, noise: Array, clipped: bool
) -> tuple[Array, Array]:
    """Return gain g and error variance per label of the released means, for checked arguments."""
    with np.errstate(over="ignore"):
        private = 2.0 * bag_size * np.asarray(scale) ** 2
    if not clipped:
        return np.ones(()), noise + private
    gain, _, distortion = moments(threshold, signal + noise)
    return gain, distortion + gain**2 * noise + private


def read_powers(signal: ArrayLike, noise_variance: ArrayLike) -> tuple[Array, Array]:
    """Return signal and noise variance, both >= 0 and not both 0 (labels that vanish have no clipping)."""
    r2 = check_range("signal", signal, low=0.0)
    noise = check_range("noise_variance", noise_variance, low=0.0)
    if np.any(r2 + noise == 0.0):
        raise ValueError("signal and noise_variance must not both be 0, got signal=0.0 with noise_variance=0.0")
    return r2, noise


def read_threshold(threshold: ArrayLike) -> Array:
    """Return the clipping level, > 0 (1e-140 to 1e150, whose squares are floats)."""
    level = check_range("threshold", threshold, low=0.0, open_low=True)
    return check_range("threshold", level, low=LEAST_THRESHOLD, high=LARGEST_THRESHOLD)


def read_epsilon(epsilon: ArrayLike) -> Array:
    """Return the privacy level in (0, inf]."""
    return check_range("epsilon", epsilon, low=0.0, open_low=True, allow_inf=True)


def read_sensitivity(adjacency: str) -> float:
    """Return f of an adjacency."""
    if not isinstance(adjacency, str) or adjacency not in SENSITIVITY:
        raise ValueError(f"adjacency must be 'replace' or 'zero-out', got adjacency={adjacency!r}")
    return SENSITIVITY[adjacency]
