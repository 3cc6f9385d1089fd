"""How self-distillation sparsifies: ratios of the filters of two modes (Borup, Andersen, 2021).

Model. R_t = b_k^(t)/b_j^(t) for eigenvalues d_k >= d_j > 0, with a = d/(d + lambda), b^(t) = a C_t and
    C_1 = 1,    C_t = alpha_t + (1 - alpha_t) a C_(t-1),    R_1 = a_k/a_j.

========  ==================  ========================================  ========
letter    argument            meaning                                   domain
========  ==================  ========================================  ========
d_k       larger_eigenvalue   the larger of two eigenvalues             >= d_j
d_j       smaller_eigenvalue  the smaller one                           > 0
lambda    ridge               ridge, not multiplied by n                >= 0
alpha_t   alphas              weights of the true targets, t = 2, ...   [0, 1]
========  ==================  ========================================  ========

Conventions that bite: the ratio is larger over smaller, so sparsification means that R > 1 grows. Exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.self_distillation._spectrum import broadcast, gains, read_alphas, split

__all__ = ["filter_ratios", "overshoot_step", "ratio_bounds", "ratio_growth_threshold"]

Array = NDArray[np.float64]


def filter_ratios(
    larger_eigenvalue: ArrayLike, smaller_eigenvalue: ArrayLike, ridge: ArrayLike, alphas: ArrayLike
) -> Array:
    """Return R_1, ..., R_T, the larger mode's filter over the smaller's, first axis step (exact).

    larger_eigenvalue: d_k, >= d_j.
    smaller_eigenvalue: d_j, > 0.
    ridge: ridge, >= 0; the first three broadcast.
    alphas: (alpha_2, ..., alpha_T), each in [0, 1]; empty gives R_1 = a_k/a_j alone.

    With alphas 0 it is (a_k/a_j)^t, inf where that is too large for float64. With a constant alpha in (0, 1) it rises,
    exceeds its limit and comes down to it, see `overshoot_step`. Raises `ValueError` outside these domains.
    Source: derived (sd.S1, sd.S4).

    >>> filter_ratios(4.0, 1.0, 1.0, [0.0])  # a = 4/5 and 1/2
    array([1.6 , 2.56])
    """
    dk, dj, lam = _read(larger_eigenvalue, smaller_eigenvalue, ridge)
    weights = _read_weights(alphas)
    low = split(dj, lam)[0]
    ratios = np.empty((weights.size + 1, *dk.shape))
    ratios[0] = _one_step_ratio(dk, dj, lam)
    gain = gains(low, weights)
    with np.errstate(over="ignore"):
        for t, alpha in enumerate(weights):
            taught = (1.0 - alpha) * low * gain[t]  # the part of C_(t+1) that comes from the previous fit
            share = taught / (alpha + taught) if alpha > 0.0 else np.ones_like(low)
            ratios[t + 1] = ratios[0] * ((1.0 - share) + share * ratios[t])
    return ratios


def ratio_bounds(
    larger_eigenvalue: ArrayLike, smaller_eigenvalue: ArrayLike, ridge: ArrayLike, step: ArrayLike
) -> tuple[Array, Array]:
    """Return (a_k/a_j, (a_k/a_j)^t), between which R_t lies for every schedule in [0, 1] (exact, both attained).

    The lower bound is alpha_t = 1, the upper one alpha = 0 at all steps.

    larger_eigenvalue: d_k, >= d_j.
    smaller_eigenvalue: d_j, > 0.
    ridge: ridge, >= 0.
    step: t, >= 1 or inf; all broadcast.

    Limits: the upper bound is inf at step inf, or 1 where d_k = d_j or ridge = 0. Raises `ValueError` outside these
    domains. Source: derived (sd.S3).

    >>> low, high = ratio_bounds(4.0, 1.0, 1.0, 2)
    >>> float(low), round(float(high), 12)
    (1.6, 2.56)
    """
    dk, dj, lam = _read(larger_eigenvalue, smaller_eigenvalue, ridge)
    dk, dj, lam, t = broadcast(
        larger_eigenvalue=dk, smaller_eigenvalue=dj, ridge=lam, step=check_range("step", step, low=1.0, allow_inf=True)
    )
    low = _one_step_ratio(dk, dj, lam)
    with np.errstate(over="ignore", invalid="ignore"):
        high = np.where(low > 1.0, low**t, 1.0)
    return low[()], high[()]


def ratio_growth_threshold(
    larger_eigenvalue: ArrayLike, smaller_eigenvalue: ArrayLike, ridge: ArrayLike, alphas: ArrayLike
) -> Array:
    """Return thresholds: R_(t+1) > R_t exactly if alpha_(t+1) < threshold[t-1], t = 1, ..., T, first axis t (exact).

    b_k b_j (a_k - a_j)/[b_k b_j (a_k - a_j) + a_j b_k - a_k b_j] = C_k C_j/(C_k C_j + e), b and C those of step t and
    e = (C_k - C_j)/(a_k - a_j) by its own recursion e_t = (1 - alpha_t)(a_k e_(t-1) + C_j^(t-1)), e_1 = 0, which never
    subtracts. The first entry is 1: the first distillation always sparsifies (unless alpha_2 = 1).

    larger_eigenvalue: d_k, >= d_j.
    smaller_eigenvalue: d_j, > 0.
    ridge: ridge, >= 0; the first three broadcast.
    alphas: (alpha_2, ..., alpha_T) so far, each in [0, 1].

    Limit: for d_k = d_j, where all ratios are 1, the limit of neighbouring eigenvalues. Raises `ValueError` outside
    these domains. Source: derived; the paper has a condition of this kind (sd.S2).

    >>> ratio_growth_threshold(4.0, 1.0, 1.0, [0.0])  # C = 4/5 and 1/2 at step 2, e = 1: 0.4/1.4
    array([1.        , 0.28571429])
    """
    dk, dj, lam = _read(larger_eigenvalue, smaller_eigenvalue, ridge)
    weights = _read_weights(alphas)
    top, low = split(dk, lam)[0], split(dj, lam)[0]
    above, below = gains(top, weights), gains(low, weights)
    slope = np.zeros_like(above)
    for t, alpha in enumerate(weights):
        slope[t + 1] = (1.0 - alpha) * (top * slope[t] + below[t])
    product = above * below
    return np.divide(product, product + slope, out=np.zeros_like(product), where=product > 0.0)


def overshoot_step(larger_eigenvalue: ArrayLike, smaller_eigenvalue: ArrayLike, ridge: ArrayLike) -> Array:
    """Return t* = log(d_k/d_j)/log(a_k/a_j): R_t exceeds its limit exactly if t > t* (exact).

    For every constant alpha in (0, 1), and independent of it; in (1, inf). As R_1 < R_inf the ratio is never monotone
    in t: it rises, overshoots and returns.

    larger_eigenvalue: d_k, >= d_j.
    smaller_eigenvalue: d_j, > 0.
    ridge: ridge, >= 0; all broadcast.

    Limits: 1 + d/ridge for d_k = d_j = d; inf at ridge = 0, where all ratios are 1. Raises `ValueError` outside these
    domains. Source: derived (sd.S4).

    >>> round(float(overshoot_step(4.0, 1.0, 2.0)), 12)  # a = 2/3 and 1/3: log 4/log 2
    2.0
    """
    dk, dj, lam = _read(larger_eigenvalue, smaller_eigenvalue, ridge)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap = (dk - dj) / dj
        step = np.log1p(gap) / np.log1p(gap * split(dk, lam)[1])
        return np.where(lam == 0.0, np.inf, np.where(gap > 0.0, step, 1.0 + dj / lam))[()]


def _one_step_ratio(dk: Array, dj: Array, lam: Array) -> Array:
    """Return a_k/a_j = 1 + (d_k/d_j - 1)(1 - a_k)."""
    with np.errstate(over="ignore"):
        return 1.0 + (dk - dj) / dj * split(dk, lam)[1]


def _read(larger: ArrayLike, smaller: ArrayLike, ridge: ArrayLike) -> list[Array]:
    """Return the two eigenvalues and the ridge in their common shape."""
    dk, dj, lam = broadcast(
        larger_eigenvalue=check_range("larger_eigenvalue", larger, low=0.0, open_low=True),
        smaller_eigenvalue=check_range("smaller_eigenvalue", smaller, low=0.0, open_low=True),
        ridge=check_range("ridge", ridge, low=0.0),
    )
    if np.any(dk < dj):
        at = tuple(np.argwhere(dk < dj)[0])
        raise ValueError(
            "larger_eigenvalue must be >= smaller_eigenvalue, "
            f"got larger_eigenvalue={float(dk[at])!r}, smaller_eigenvalue={float(dj[at])!r}"
        )
    return [dk, dj, lam]


def _read_weights(alphas: ArrayLike) -> Array:
    """Return a schedule whose weights lie in [0, 1]."""
    return read_alphas(check_range("alphas", alphas, low=0.0, high=1.0))
