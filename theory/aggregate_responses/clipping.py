"""Labels clipped to [-T, T]: what is left of a Gaussian label, to full precision in both tails.

For y ~ N(0, s^2) and a = T/s a clipped label is y_c = g y + (a part uncorrelated with y), with the gain
g = P(|y| < T) = erf(a/sqrt(2)) and E y_c^2 = s^2 [g - 2 a phi(a)] + 2 T^2 Q(a), phi and Q the normal density and upper
tail. For small a the bracket is the incomplete gamma function P(3/2, a^2/2); for large a the differences are taken
by hand in the continued fraction of the Mills ratio R = Q/phi. All results are exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, erfc, gammainc

from theory._checks import check_range
from theory.aggregate_responses._state import plain

__all__ = ["ClippedMoments", "clipped_label_moments", "clipping_threshold"]

Array = NDArray[np.float64]
FAR = 3.0  # thresholds in standard deviations above which the distortion is a product of continued fractions
BEYOND = 1e3  # thresholds in standard deviations that clip nothing in float64
DEPTH = 80  # of the continued fraction; at FAR it has converged to 1e-17


class ClippedMoments(NamedTuple):
    """Moments of a clipped label y_c; floats or arrays.

    gain: g = E[y y_c]/E y^2, in (0, 1]. second_moment: E y_c^2. distortion: E y_c^2 - g^2 E y^2 >= 0, the variance of
    the part of y_c that is uncorrelated with y.
    """

    gain: float | Array
    second_moment: float | Array
    distortion: float | Array


def clipped_label_moments(threshold: ArrayLike, variance: ArrayLike) -> ClippedMoments:
    """Return the exact (gain, second_moment, distortion) of y ~ N(0, s^2) clipped to [-T, T].

    With a = T/s: gain g = erf(a/sqrt(2)), second moment s^2 P(3/2, a^2/2) + T^2 erfc(a/sqrt(2)), P the regularised
    incomplete gamma function, and distortion = second moment - g^2 s^2, each to about 1e-14 in both tails.

    threshold: clipping level T, > 0 or inf, in the units of the labels.
    variance: label variance s^2, > 0.

    Both broadcast; scalars give floats. Limits: T -> inf gives (1, s^2, 0); T -> 0 gives g -> a sqrt(2/pi), second
    moment T^2. Raises `ValueError` outside the domains. Source: derived, claim ar.D3.

    >>> moments = clipped_label_moments(1e-8, 4.0)  # g = T sqrt(2/pi)/2, E y_c^2 = T^2
    >>> round(moments.gain * 1e8, 6), round(moments.second_moment * 1e16, 6)
    (0.398942, 1.0)
    """
    level = check_range("threshold", threshold, low=0.0, open_low=True, allow_inf=True)
    spread = check_range("variance", variance, low=0.0, open_low=True)
    return ClippedMoments(*(plain(part) for part in moments(level, spread)))


def clipping_threshold(samples: ArrayLike, clipping: ArrayLike) -> float | Array:
    """Return the paper's clipping level T = C sqrt(ln n), exact.

    With C^2 > 2 (r^2 + sigma^2) the chance that any of the n labels is clipped vanishes as n grows; at n = 2000 and
    C^2 = 2.04 (r^2 + sigma^2) it is still several percent, and `private_risk` includes it.

    samples: number of samples n, > 1.
    clipping: the constant C, > 0, in the units of the labels.

    Both broadcast. Raises `ValueError` outside the domains. Source: paper, mechanism for label privacy, claim ar.D2.

    >>> round(clipping_threshold(np.e**4, 1.5), 12)
    3.0
    """
    n = check_range("samples", samples, low=1.0, open_low=True)
    constant = check_range("clipping", clipping, low=0.0, open_low=True)
    return plain(np.asarray(constant * np.sqrt(np.log(n))))


def moments(threshold: Array, variance: Array) -> tuple[Array, Array, Array]:
    """Return gain, second moment and distortion of clipped labels."""
    ratio, variance = np.broadcast_arrays(np.asarray(threshold / np.sqrt(variance)), variance)
    gain = erf(ratio / np.sqrt(2.0))
    near = np.minimum(ratio, FAR)
    tail = erfc(near / np.sqrt(2.0))  # P(|y| > T)
    second = gammainc(1.5, 0.5 * near**2) + near**2 * tail
    distortion = second - erf(near / np.sqrt(2.0)) ** 2
    far = ratio > FAR
    second = np.where(far, 1.0 - _lost_second(np.clip(ratio, FAR, BEYOND)), second)
    distortion = np.where(far, _far_distortion(np.clip(ratio, FAR, BEYOND)), distortion)
    return gain, variance * second, variance * distortion


def _mills(ratio: Array) -> tuple[Array, Array, Array, Array]:
    """Return (Mills ratio R, q1, q2, density) with R = 1/(a + q1), q1 = 1/(a + q2), q2 = 2/(a + 3/(a + ...))."""
    tail = np.zeros_like(ratio)
    for order in range(DEPTH, 1, -1):
        tail = order / (ratio + tail)
    first = 1.0 / (ratio + tail)
    return 1.0 / (ratio + first), first, tail, np.exp(-0.5 * ratio**2) / np.sqrt(2.0 * np.pi)


def _lost_second(ratio: Array) -> Array:
    """Return 1 - E y_c^2/s^2 = 2 [a phi - (a^2 - 1) Q] far out, Q = R phi."""
    mills, first, _, density = _mills(ratio)
    return 2.0 * density * mills * (1.0 + ratio * first)


def _far_distortion(ratio: Array) -> Array:
    """Return E y_c^2/s^2 - g^2 far out, 2 phi R q1 q2 - 4 Q^2 with Q = R phi: the parts that cancel are gone."""
    mills, first, second, density = _mills(ratio)
    return 2.0 * density * mills * (first * second) - 4.0 * (density * mills) ** 2


def lost_gain(threshold: Array, variance: Array) -> Array:
    """Return 1 - g = erfc(a/sqrt(2)), with its digits."""
    return np.asarray(erfc(threshold / np.sqrt(2.0 * variance)))
