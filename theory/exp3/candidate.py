"""A wrong candidate on the data of another learning rate: its probabilities, its cliff, its likelihood (derived).

One arm with mean loss 1, the others free; data of eta, candidate r eta, limit eta -> 0 at s = eta t. With p,
q the probabilities of the lossy arm under truth and candidate, and x, z the log-odds against it, dx/ds = 1 and dz/ds =
r p/q, hence int q dz = r int p dx:

    log(K(1 - q)/(K - 1)) = r log(K(1 - p)/(K - 1)),    p = 1/(1 + (K - 1) e^s);    K = 2: 1 - q = (2(1 - p))^r/2

For r > 1 the right side reaches its end, q = 0, at a finite time: the cliff, behind which the candidate finds the data
impossible. The tangent at r = 1 is p h of `mean_field_path`. With L(s) = log(K(1 - p)/(K - 1)), c = log(K/(K - 1)) and
u = -log(1 - q) = c - r L = r (c - L) - (r - 1) c the likelihood is, by p ds = dL and the dilogarithm,

    int p log q ds = [H(c) - H(u(S))]/r,    H(u) = int_0^u log(1 - e^-t) dt = u log(1 - e^-u) - Li2(1 - e^-u).

Gains (one arm rewarded, p its probability) are s -> -s throughout: p rises, 1 - p of the never-rewarded arms falls, the
feedback is stabilising and there is no cliff. A loss l of the one arm: all functions at scaled_time l eta T, and the
likelihood for eta l T. Limits with relative error of order eta over the smallest probability; as functions accurate to
about 1e-13. Letters: head of the package.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import spence

from theory._checks import check_range
from theory.exp3._cells import LARGEST, Array, as_given, in_rows, read_arms, read_flag

__all__ = ["candidate_log_likelihood", "candidate_probability", "cliff_time"]

REACH = 50.0  # e^-50 is nothing beside 1
_ROOTS, _WEIGHTS = np.polynomial.legendre.leggauss(20)
NODES, PARTS = 0.5 * (_ROOTS + 1.0), 0.5 * _WEIGHTS


def candidate_probability(
    scaled_time: ArrayLike, ratio: ArrayLike, n_arms: int = 2, gains: bool = False
) -> float | Array:
    """Return q(s), the candidate's probability of the lossy (rewarded) arm, on data of the true rate (asymptotic).

    1 - q = ((K-1)/K) [K(1-p)/(K-1)]^r before the cliff, 0 after it. Evaluated as 1 - e^-u, so that a small q keeps
    its digits.

    scaled_time: s = eta t for loss 1, eta l t for loss l; from 0 to 1e150, any shape.
    ratio: r = eta'/eta, candidate over true rate, from 1e-150 to 1e150, broadcast against `scaled_time`.
    n_arms: K, 2, 3, ..., at most 1e15.
    gains: whether the one arm is rewarded instead.

    Scalars give a float, arrays an array. Limits: 1/K at s = 0; p at r = 1; 1 - ((K-1)/K)^(1-r) as s -> inf for r < 1;
    0 from `cliff_time` on for r > 1. Raises `ValueError` outside the domain. Source: derived, claim ex.D6.

    >>> round(candidate_probability(np.log(1.5), 2.0), 12)  # p = 2/5, 1 - q = (6/5)^2/2
    0.28
    """
    time, rate, arms, shape = _read(scaled_time, ratio, n_arms)
    rarity = np.maximum(_rarity(time, rate, arms, read_flag("gains", gains)), 0.0)
    with np.errstate(under="ignore"):
        return as_given(-np.expm1(-rarity), shape)


def cliff_time(ratio: ArrayLike, n_arms: int = 2) -> float | Array:
    """Return s_c, the scaled time at which the candidate r eta gives the lossy arm probability 0 (asymptotic).

    1 - p(s_c) = ((K-1)/K)^(1-1/r), that is e^-s_c = 1 - K (1 - ((K-1)/K)^(1/r)); K = 2: -log(2^(1-1/r) - 1). With
    gains there is none.

    ratio: r = eta'/eta, candidate over true rate, from 1e-150 to 1e150, any shape.
    n_arms: K, 2, 3, ..., at most 1e15.

    A scalar gives a float, an array an array; divide by l for a loss l. Limits: inf for r <= 1; ~ -log((r-1) (K-1)
    log(K/(K-1))) as r -> 1; ~ K log(K/(K-1))/r as r -> inf. Raises `ValueError` outside the domain.
    Source: derived, claim ex.D6.

    >>> round(cliff_time(2.0), 12)  # -log(sqrt(2) - 1)
    0.88137358702
    """
    rate = _read_ratio(ratio)
    arms = read_arms(n_arms)
    end = -np.log1p(-1.0 / arms)
    late = np.clip(rate, 1.0, 2.0)
    with np.errstate(divide="ignore"):
        near = -np.log((arms - 1) * np.expm1((late - 1.0) / late * end))
    far = -np.log1p(arms * np.expm1(-end / np.maximum(rate, 2.0)))
    return as_given(np.where(rate < 2.0, near, far), rate.shape)


def candidate_log_likelihood(
    scaled_time: ArrayLike, ratio: ArrayLike, n_arms: int = 2, gains: bool = False
) -> float | Array:
    """Return the limit of eta L_T(r eta), S = eta T, on data of the rate eta (asymptotic).

    int_0^S [p log q + (1 - p) log((1 - q)/(K - 1))] ds; the term in log(K - 1) names the other arms and does not depend
    on r. Largest at r = 1, where the second derivative in r is -J(S) of `mean_field_information`.

    scaled_time: S = eta T for loss 1, eta l T for loss l, and then the limit of eta l L; from 0 to 1e150, any shape.
    ratio: r = eta'/eta, candidate over true rate, from 1e-150 to 1e150, broadcast against `scaled_time`.
    n_arms: K, 2, 3, ..., at most 1e15.
    gains: whether the one arm is rewarded instead.

    Scalars give a float, arrays an array. Limits: -S log K for small S; finite up to the cliff, -inf behind
    it. Raises `ValueError` outside the domain. Source: derived, claim ex.D6.

    >>> round(candidate_log_likelihood(1e-4, 3.0, n_arms=4) / 1e-4, 3)  # -log(4)
    -1.386
    """
    time, rate, arms, shape = _read(scaled_time, ratio, n_arms)
    end, gains = -np.log1p(-1.0 / arms), read_flag("gains", gains)
    moved = _log_rise(time, arms, gains)
    last = np.maximum(_rarity(time, rate, arms, gains), 0.0)
    low, high = (np.full_like(last, end), last) if gains else (last, np.full_like(last, end))
    total = _log_integral(low, high, rate * np.abs(moved)) / rate - np.log(arms - 1) * _others_time(time, arms, gains)
    total = total - _others_integral(time, rate, arms, gains)
    if not gains:
        total = np.where(time > cliff_time(rate, arms), -np.inf, total)
    return as_given(total, shape)


def _read(scaled_time: ArrayLike, ratio: ArrayLike, n_arms: int) -> tuple[Array, Array, int, tuple[int, ...]]:
    """Return times and ratios in rows (cells,), the number of arms, and the cells' shape."""
    (time, rate), shape = in_rows(
        scaled_time=check_range("scaled_time", check_range("scaled_time", scaled_time, low=0.0), high=LARGEST),
        ratio=_read_ratio(ratio),
    )
    return time, rate, read_arms(n_arms), shape


def _read_ratio(ratio: ArrayLike) -> Array:
    """Return the ratios after checking that they lie between 1e-150 and 1e150."""
    return check_range("ratio", check_range("ratio", ratio, low=0.0, open_low=True), low=1.0 / LARGEST, high=LARGEST)


def _log_rise(time: Array, arms: int, gains: bool) -> Array:
    """Return log(K(1 - p)/(K - 1)): from 0 to log(K/(K-1)) with losses, from 0 to -inf with gains."""
    with np.errstate(under="ignore"):
        if not gains:
            return -np.log1p(np.expm1(-time) / arms)
        near = np.log1p(np.expm1(np.minimum(time, 700.0)) / arms)
        return -np.where(time < 700.0, near, time - np.log(arms))


def _rarity(time: Array, rate: Array, arms: int, gains: bool) -> Array:
    """Return u = -log(1 - q), without cancellation but at the cliff, where it changes sign."""
    end = -np.log1p(-1.0 / arms)
    rise = _log_rise(time, arms, gains)
    with np.errstate(under="ignore", over="ignore"):
        late = rate * np.log1p(np.exp(-time) / (arms - 1)) - (rate - 1.0) * end
        return np.where(rise > 0.5 * end, late, end - rate * rise)


def _others_time(time: Array, arms: int, gains: bool) -> Array:
    """Return int_0^S (1 - p) ds, with gains log(K/(1 + (K - 1) e^-S))."""
    moved = _log_rise(time, arms, gains)
    if not gains:
        return time - moved
    with np.errstate(under="ignore"):
        return np.where(time < 30.0, time + moved, np.log(arms) - np.log1p((arms - 1) * np.exp(-time)))


def _others_integral(time: Array, rate: Array, arms: int, gains: bool) -> Array:
    """Return int_0^S (1 - p) u ds: Gauss panels to where p (with gains 1 - p) is 0 to rounding, then its constant."""
    reach = np.minimum(time, REACH + np.log(arms))
    panels = max(1, int(np.ceil(reach.max(initial=0.0))))
    places = (np.arange(panels)[:, None] + NODES).ravel() / panels
    weights = np.tile(PARTS, panels) / panels
    at = reach[:, None] * places
    sign = -1.0 if gains else 1.0
    with np.errstate(under="ignore"):
        share = 1.0 / (1.0 + np.exp(-sign * at) / (arms - 1))
    rarity = _rarity(at, rate[:, None], arms, gains)
    rest = 0.0 if gains else np.maximum(time - reach, 0.0) * np.maximum(1.0 - rate, 0.0) * -np.log1p(-1.0 / arms)
    with np.errstate(invalid="ignore"):
        return reach * (share * rarity * weights).sum(axis=-1) + rest


def _log_integral(low: Array, high: Array, width: Array) -> Array:
    """Return the integral of log(1 - e^-u) from `low` to `high`; `width` is their distance, accurate when small."""
    near = width < low
    start = np.where(near, low, 1.0)
    at = start[:, None] + np.where(near, width, 0.0)[:, None] * NODES
    direct = width * (np.log(-np.expm1(-at)) * PARTS).sum(axis=-1)
    return np.where(near, direct, _primitive(high) - _primitive(low))


def _primitive(u: Array) -> Array:
    """Return H(u) = int_0^u log(1 - e^-t) dt."""
    q = -np.expm1(-u)
    small = np.minimum(q, 0.1)
    series = sum(small**k / k**2 for k in range(1, 17))
    return u * np.log(np.where(q > 0.0, q, 1.0)) - np.where(q < 0.1, series, spence(1.0 - q))
