"""Traces of functions of B and 1 - B from a bidiagonal root, in one pass of pivots and their first two derivatives.

B = R R' with R upper bidiagonal of squared diagonal e_i and squared superdiagonal f_i. The pivots of s + c B are
    q_i = h_i + c f_i,    h_i = s + c e_i h_(i-1) / q_(i-1),    h_0 / q_0 = 1,
sums of positive terms; logarithmic derivatives of their product are the traces. O(size) a value, no eigenvalues.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["shifted_traces", "weighted_traces"]

Array = NDArray[np.float64]


@numba.njit(cache=True)
def shifted_traces(diagonal, superdiagonal, shift):
    """Return tr (B + shift)^-1 and tr (B + shift)^-2.

    `diagonal` and `superdiagonal` hold the squares e and f of R, (size,) each, the last f being 0; `shift` >= 0.

    >>> shifted_traces(np.array([2.0]), np.array([0.0]), 2.0)
    (0.25, 0.0625)
    """
    first, second, ratio, slope, bend = 0.0, 0.0, 1.0, 0.0, 0.0  # h/q and its two derivatives in the shift
    for i in range(diagonal.size):
        e, f = diagonal[i], superdiagonal[i]
        h, h1, h2 = shift + e * ratio, 1 + e * slope, e * bend
        inverse = 1 / (h + f)
        term = h1 * inverse
        first += term
        second += term * term - h2 * inverse  # h2 <= 0
        ratio = h * inverse
        slope = f * term * inverse
        bend = f * (h2 - 2 * h1 * term) * inverse * inverse
    return first, second


@numba.njit(cache=True)
def weighted_traces(diagonal, superdiagonal, shift):
    """Return tr B K^-1 and tr (B K^-1)^2 for K = shift + (1 - shift) B.

    `diagonal` and `superdiagonal` as in `shifted_traces`; 0 < `shift` <= 1. Exact at shift = 1, where K = 1.

    >>> weighted_traces(np.array([0.25]), np.array([0.0]), 0.5)
    (0.4, 0.16000000000000003)
    """
    weight = 1 - shift
    first, second, ratio, slope, bend = 0.0, 0.0, 1.0, 0.0, 0.0  # h/q and its derivatives in the weight of B
    for i in range(diagonal.size):
        e, f = diagonal[i], superdiagonal[i]
        h = shift + weight * e * ratio
        h1, h2 = e * (ratio + weight * slope), e * (2 * slope + weight * bend)
        inverse = 1 / (h + weight * f)
        q1 = h1 + f
        term = q1 * inverse
        first += term
        second += term * term - h2 * inverse
        ratio = h * inverse
        change = weight * h1 - h
        slope = f * change * inverse * inverse
        bend = f * (weight * h2 - 2 * change * term) * inverse * inverse
    return first, second
