"""Which bag size to use under label privacy, where the best one jumps, and the floor that ridge regression sets.

In the limit n -> infinity privacy noise is all that counts and the risk is proportional to V(rho, k)/k, V the variance
per sigma^2. At bag level V/k = 1/(psi - k) favours k = 1, at instance level V/k = 1/[k^2 (psi - 1)] favours large bags;
between bags of 1 and of K the order changes where V(rho, K)/K = 1/(psi - 1). On the path of weights this is quadratic
in x = 1 - c: with A = 1 + (K - 1)/psi and B = 1/alpha2,

    x = (A - 1)/{A + sqrt[1 - (A - 1)(B - 1)]},    rho_c = x (alpha1 - 1 + x)/[(1 - x)(alpha2 - x)].

At finite n bias and label noise count too: the risk is that of `private_risk`, with noise per label v = 2 k b_L^2 +
(label noise), gain g, and slope along the path of weights, in the letters of `optimum` and up to a positive factor,

    u B + [(1 - g)/g] D^2 - [v/(g^2 r^2)] (1 - u) v_learned.

Ridge regression on the private bag means with the matched ridge is the best linear rule. Its limit risk R solves

    R/r^2 + alpha1 R/(v/g^2 + R) = 1,

and rises with k at every privacy level: with ridge, aggregation buys nothing. All are limits in d (asymptotic).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import elementwise

from theory._checks import check_integer, check_range
from theory.aggregate_responses._state import (
    Samples,
    bias_terms,
    evaluate,
    plain,
    ratio,
    read_bag_size,
    read_interpolation,
    read_ratio,
    read_samples,
    scaled,
)
from theory.aggregate_responses.alternatives import ridge_risk
from theory.aggregate_responses.privacy import (
    label_channel,
    laplace_scale,
    private_risk,
    read_epsilon,
    read_powers,
    read_threshold,
)

__all__ = [
    "OptimalBagSize",
    "bag_size_threshold",
    "optimal_bag_size",
    "optimal_bag_size_limit",
    "private_ridge_balance",
    "private_ridge_floor",
]

Array = NDArray[np.float64]
MOST_BAGS = 10**6  # sizes compared in one call
LARGEST_NOISE = 1e300  # per label; more of it changes nothing that is returned
LOG_WEIGHTS = np.concatenate([[-340.0], np.linspace(-60.0, 60.0, 481), [340.0]])  # scanned for the best weight


class OptimalBagSize(NamedTuple):
    """The best `bag_size`, the weight `interpolation` used with it, and the risk `total` there; arrays if given any."""

    bag_size: int | NDArray[np.int64]
    interpolation: float | Array
    total: float | Array


def optimal_bag_size(
    samples_per_feature: ArrayLike,
    largest: int,
    interpolation: ArrayLike | None = None,
    *,
    epsilon: ArrayLike,
    threshold: ArrayLike,
    signal: ArrayLike = 1.0,
    noise_variance: ArrayLike = 0.0,
    adjacency: str = "replace",
    clipped: bool = True,
) -> OptimalBagSize:
    """Return (bag_size, interpolation, total) of the smallest `private_risk` over whole bag sizes 1..largest.

    At the given weight, or (None) jointly with the best weight for each bag size: weight 0 and a scan of weights from
    1e-148 to 1e148, refined by the root of the risk's slope. Asymptotic in d; the minimum of the formula is exact.

    samples_per_feature: psi = n/d, > 1.
    largest: largest bag size tried, a single whole number, 1 <= largest <= 1e6.
    interpolation: weight rho in [0, inf] at which bag sizes are compared, or None for the best one.
    epsilon: label privacy eps, in (0, inf].
    threshold: clipping level T, > 0, often `clipping_threshold(n, C)`.
    signal: squared norm r^2 of the coefficients, >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0; with signal 0 it must be > 0.
    adjacency: "replace" or "zero-out", as in `laplace_scale`.
    clipped: whether labels are clipped, or only the noise is that of clipping.

    All but `largest` broadcast; scalars give plain numbers. Limits: the smallest of equal bag sizes; for bags of 1
    the weight has no effect and the best one is given as 0; where small weights > 0 beat 0 and all larger ones, the
    smallest scanned. Raises `ValueError` outside the domains. Source: derived, claim ar.D5.

    >>> best = optimal_bag_size(20, 12, 1.0, epsilon=1.0, threshold=4.823, noise_variance=0.5, adjacency="zero-out",
    ...     clipped=False)
    >>> best.bag_size, round(best.total, 4)  # (0.75^2 + 3/(16*19)) + (0.5 + 2*4.823^2/4)/(4*19)
    (4, 0.732)
    """
    size = check_integer("largest", largest, low=1, high=MOST_BAGS)
    psi, rho = _read_cells(samples_per_feature, interpolation)
    level = read_threshold(threshold)
    r2, noise = read_powers(signal, noise_variance)
    arguments = {"epsilon": read_epsilon(epsilon), "threshold": level, "signal": r2, "noise_variance": noise}
    columns = {name: value[..., None] for name, value in arguments.items()}
    bags = np.arange(1.0, size + 1.0)
    weight = _best_weight(psi, bags, columns, adjacency, clipped) if rho is None else np.asarray(rho)
    total = np.asarray(private_risk(psi, bags, weight, **columns, adjacency=adjacency, clipped=clipped).total)
    return _pick(bags, weight, total)


def optimal_bag_size_limit(
    samples_per_feature: ArrayLike, largest: int, interpolation: ArrayLike | None = None
) -> OptimalBagSize:
    """Return (bag_size, interpolation, total) of the smallest V(rho, k)/k, the limit of risk/ln n, over k = 1..largest.

    At the given weight, or (None) jointly over weights in [0, 1]. `total` is in units of 2 f^2 C^2/eps^2
    (`private_limit_risk`). As V falls with every weight > 0, the joint optimum is at weight 1 and the largest
    bags, 1/[k^2 (psi - 1)]; only the minimum-norm bag level (weight 0, psi < k) can beat that, for psi below
    (1 + sqrt(5))/2 and large bags. Asymptotic in d and n; the minimum of the formula is exact.

    samples_per_feature: psi = n/d, > 1.
    largest: largest bag size tried, a single whole number, 1 <= largest <= 1e6.
    interpolation: weight rho in [0, inf] at which bag sizes are compared, or None for the best in [0, 1].

    `samples_per_feature`, `interpolation` broadcast. Limit: without a bound on weights there is no optimum, V -> 0.
    Raises `ValueError` outside the domains. Source: paper, optimal bag size under label privacy; claim ar.D4.

    >>> best = optimal_bag_size_limit(5, 4, 0.0)  # 1/(5 - 1)
    >>> best.bag_size, round(best.total, 12), optimal_bag_size_limit(5, 4).bag_size
    (1, 0.25, 4)
    """
    size = check_integer("largest", largest, low=1, high=MOST_BAGS)
    psi, rho = _read_cells(samples_per_feature, interpolation)
    bags = np.arange(1.0, size + 1.0)
    weights = np.array([[0.0], [1.0]]) if rho is None else np.asarray(rho)[..., None, :]
    unit = evaluate(Samples(psi[..., None, :], psi[..., None, :] - 1.0), bags, weights).variance / bags
    row = np.where(unit.argmin(axis=-2) > 0, 1.0, 0.0) if rho is None else rho
    return _pick(bags, np.asarray(row), unit.min(axis=-2))


def bag_size_threshold(samples_per_feature: ArrayLike, largest: ArrayLike) -> float | Array:
    """Return rho_c in [0, 1): the weight above which bags of size K beat bags of 1 in the limit ln n -> inf.

    The root of V(rho, K)/K = 1/(psi - 1), in the closed form of the module head. Exact for the limit.

    samples_per_feature: psi = n/d, > 1.
    largest: bag size K, real, > 1.

    Both broadcast; scalars give a float. Limits: about 1/(2 psi) at large psi, for every K; 0 where bags of K win at
    every weight > 0, psi^2 (K - 1) <= K^2 (K - psi). Raises `ValueError` outside the domains.
    Source: paper for the jump, derived for its place, claim ar.D4.

    >>> round(bag_size_threshold(6, 2), 4), round(bag_size_threshold(6, 5), 5)
    (0.0576, 0.02803)
    """
    psi = read_samples(samples_per_feature, None, low=1.0).psi
    bag = read_ratio("largest", largest, low=1.0, open_low=True)
    alpha2 = psi * ((bag - 1.0) / bag)
    rise, inverse = (bag - 1.0) / psi, 1.0 / alpha2
    root = np.sqrt(np.maximum(1.0 - rise * (inverse - 1.0), 0.0))
    x = rise / (1.0 + rise + root)
    ahead = (psi - bag) / bag + x  # alpha1 - c
    return plain(np.asarray(np.where(ahead > 0.0, ratio(x * ahead, (1.0 - x) * np.maximum(alpha2 - x, 0.0)), 0.0)))


def private_ridge_floor(
    samples_per_feature: ArrayLike,
    bag_size: ArrayLike,
    *,
    epsilon: ArrayLike,
    threshold: ArrayLike,
    signal: ArrayLike = 1.0,
    noise_variance: ArrayLike = 0.0,
    adjacency: str = "replace",
    clipped: bool = False,
) -> float | Array:
    """Return the limit risk of the best linear rule on private bag means: ridge with the matched ridge.

    With noise per label v (divided by g^2 if clipped, as the release may be divided by g) and lambda = v/r^2,
    R/r^2 = 2 lambda/{beta + sqrt(beta^2 + 4 lambda)}, beta = alpha1 - 1 + lambda: the root of `private_ridge_balance`.
    It lies below `private_risk` with the same `clipped` at every weight and rises with the bag size. Asymptotic in d,
    exact as a function.

    samples_per_feature: psi = n/d, > 0.
    bag_size: bag size k, real, >= 1.
    epsilon: label privacy eps, in (0, inf].
    threshold: clipping level T, > 0.
    signal: squared norm r^2 of the coefficients, >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0; with signal 0 it must be > 0.
    adjacency: "replace" or "zero-out", as in `laplace_scale`.
    clipped: whether labels are clipped, or only the noise is that of clipping (unlike in `private_risk`, the default).

    All numbers broadcast; scalars give a float. Limits: r^2 as epsilon -> 0; r^2 max(0, 1 - psi/k) without any noise.
    Raises `ValueError` outside the domains. Source: derived, claim ar.D6.

    >>> # s = 2 T^2/eps^2 = 50, noise 0.5 + 50/1 = 50.5, psi = 20: R + 20 R/(50.5 + R) = 1
    >>> round(private_ridge_floor(20, 1, epsilon=1.0, threshold=5.0, noise_variance=0.5, adjacency="zero-out"), 4)
    0.7192
    """
    rows, noise, r2 = _ridge_terms(
        samples_per_feature, bag_size, epsilon, threshold, signal, noise_variance, adjacency, clipped
    )
    return ridge_risk(rows, 1.0, signal=r2, noise_variance=noise)


def private_ridge_balance(
    total: ArrayLike,
    samples_per_feature: ArrayLike,
    bag_size: ArrayLike,
    *,
    epsilon: ArrayLike,
    threshold: ArrayLike,
    signal: ArrayLike = 1.0,
    noise_variance: ArrayLike = 0.0,
    adjacency: str = "replace",
    clipped: bool = False,
) -> float | Array:
    """Return R/r^2 + alpha1 R/(v + R), which is 1 at the `private_ridge_floor`: its implicit equation, exact.

    It is also R/r^2 + kappa R/(1 + R/v) with the information rate kappa = alpha1/v = psi/(k sigma^2 + s), s = 2 k^2
    b_L^2 independent of k: v and kappa both fall with k and the left side rises in each, so the floor rises with k.

    total: the risk R tried, >= 0.
    samples_per_feature: psi = n/d, > 0.
    bag_size: bag size k, real, >= 1.
    epsilon: label privacy eps, in (0, inf].
    threshold: clipping level T, > 0.
    signal: squared norm r^2 of the coefficients, > 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    adjacency: "replace" or "zero-out".
    clipped: as in `private_ridge_floor`.

    All numbers broadcast; scalars give a float. Limit: 0 at R = 0. Raises `ValueError` outside the domains.
    Source: derived, claim ar.D6.

    >>> round(private_ridge_balance(1.0, 20, 4, epsilon=2.0, threshold=4.0, noise_variance=0.5), 12)  # v = 8.5
    1.526315789474
    """
    check_range("signal", signal, low=0.0, open_low=True)
    risk = check_range("total", total, low=0.0)
    rows, noise, r2 = _ridge_terms(
        samples_per_feature, bag_size, epsilon, threshold, signal, noise_variance, adjacency, clipped
    )
    return plain(ratio(risk, r2) + scaled(rows, ratio(risk, noise + risk)))


def _ridge_terms(
    psi: ArrayLike,
    bag_size: ArrayLike,
    epsilon: ArrayLike,
    threshold: ArrayLike,
    signal: ArrayLike,
    noise: ArrayLike,
    adjacency: str,
    clipped: bool,
) -> tuple[Array, Array, Array]:
    """Return bag rows per feature alpha1, noise per label in units of the signal's gain, and signal, after checks."""
    r2, variance = read_powers(signal, noise)
    scale = laplace_scale(threshold, bag_size, epsilon, adjacency=adjacency)
    bags = read_bag_size(bag_size)
    gain, error = label_channel(np.asarray(threshold, float), bags, scale, r2, variance, clipped)
    rows, error, r2 = np.broadcast_arrays(
        read_samples(psi, None).psi / bags, np.minimum(ratio(error, gain**2), LARGEST_NOISE), r2
    )
    return rows, error, r2


def _read_cells(psi: ArrayLike, interpolation: ArrayLike | None) -> tuple[Array, Array | None]:
    """Return psi > 1 and the weight, if any, with a last axis for bag sizes."""
    samples = read_samples(psi, None, low=1.0).psi[..., None]
    return samples, None if interpolation is None else read_interpolation(interpolation)[..., None]


def _best_weight(psi: Array, bags: Array, columns: dict[str, Array], adjacency: str, clipped: bool) -> Array:
    """Return the weight of the smallest private risk in every cell, 0 included."""
    scale = laplace_scale(columns["threshold"], bags, columns["epsilon"], adjacency=adjacency)
    r2, noise = columns["signal"], columns["noise_variance"]
    gain, error = label_channel(columns["threshold"], bags, scale, r2, noise, clipped)
    psi, bags, gain, error, r2 = (
        np.array(row) for row in np.broadcast_arrays(psi, bags, gain, np.minimum(error, LARGEST_NOISE), r2)
    )
    cells = tuple(row.ravel() for row in (psi, bags, gain, error, r2))

    def risk(log_weight: Array, *rows: Array) -> Array:
        return _along_path(log_weight, *rows)[0]

    def slope(log_weight: Array, *rows: Array) -> Array:
        return _along_path(log_weight, *rows)[1]

    curve = risk(LOG_WEIGHTS[:, None], *cells)
    best = curve.argmin(axis=0)
    low, high = LOG_WEIGHTS[np.maximum(best - 1, 0)], LOG_WEIGHTS[np.minimum(best + 1, LOG_WEIGHTS.size - 1)]
    weight = np.exp(LOG_WEIGHTS[best])
    turns = (slope(low, *cells) < 0.0) & (slope(high, *cells) > 0.0)
    if np.any(turns):
        rows = tuple(row[turns] for row in cells)
        weight[turns] = np.exp(elementwise.find_root(slope, (low[turns], high[turns]), args=rows).x)
    at_zero = risk(np.full(weight.shape, -np.inf), *cells)
    weight[(at_zero <= risk(np.log(weight), *cells)) | (cells[1] == 1.0)] = 0.0
    return weight.reshape(psi.shape)


def _along_path(
    log_weight: Array, psi: Array, bags: Array, gain: Array, error: Array, signal: Array
) -> tuple[Array, Array]:
    """Return the private risk at a weight, and its slope in the weight over the sum of the slope's parts."""
    state = evaluate(Samples(psi, psi - 1.0), bags, np.exp(log_weight))
    risk = signal * ((1.0 - gain * state.shrinkage) ** 2 + gain**2 * state.fluctuation) + scaled(error, state.variance)
    rising, falling = bias_terms(state)
    pull = signal * gain**2 * state.learned_within
    up = pull * rising + signal * gain * (1.0 - gain) * state.spread**2
    down = pull * falling + error * state.learned_bag * state.missed_within
    return risk, np.divide(up - down, up + down, out=np.zeros_like(risk), where=up + down > 0.0)


def _pick(bags: Array, weight: Array, total: Array) -> OptimalBagSize:
    """Return the best bag size along the last axis, with its weight and risk."""
    best = total.argmin(axis=-1)[..., None]
    size = np.asarray(bags[best[..., 0]], dtype=np.int64)
    chosen = np.take_along_axis(np.broadcast_to(weight, total.shape), best, axis=-1)[..., 0]
    risk = np.take_along_axis(total, best, axis=-1)[..., 0]
    return OptimalBagSize(int(size) if size.ndim == 0 else size, plain(chosen), plain(risk))
