"""Any number of arms: the law of Exp3 and its update in O(log K), by leaves of eight arms under a binary tree of sums.

Weights are exp(y - reference). Each node of the tree keeps the sum of the weights below it, and, for likelihoods, the
sums of w g and of w c, the mean of g and the sum of w (g - mean)^2. A move changes one arm, hence its leaf, which is
summed anew, and the nodes above it. So nothing drifts, as nothing is ever subtracted: what is left of an arm's
competitors, and with it odds, score and Hessian at full relative precision, is its leaf without it and the sums of the
siblings on the way to the root. Simulator and likelihood inline the same functions, so their probabilities have equal
bits.

Children of node i are 2i and 2i + 1, the root is 1, leaves are the last half. Arms behind the last one weigh nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._elementary import exp_any
from simulations.exp3._update import Options, limit_y, log_of_odds

__all__ = [
    "LEAF",
    "Moments",
    "Weights",
    "draw",
    "law_of",
    "log_of",
    "move",
    "new_moments",
    "new_weights",
    "refresh",
    "sensitive_law_of",
    "spread",
]

Array = NDArray[np.float64]
LEAF = 8  # arms whose weights are summed directly


class Weights(NamedTuple):
    """`w` (whole leaves,) weights; `y` (K,) log weights; `sums` (nodes,) of weights, the reference first.

    The sum of all weights is sums[1].
    """

    w: Array
    y: Array
    sums: Array


class Moments(NamedTuple):
    """`g` and `c` (whole leaves,) of the arms; `nodes` (nodes, 4): sums of w g and w c, mean of g, its scatter."""

    g: Array
    c: Array
    nodes: Array


# --- weights


@njit(cache=True, error_model="numpy", forceinline=True)
def _sum_leaf(w: Array, low: int) -> float:
    """The sum of the leaf that starts at arm `low`."""
    first, second = (
        (w[low] + w[low + 4]) + (w[low + 1] + w[low + 5]),
        (w[low + 2] + w[low + 6]) + (w[low + 3] + w[low + 7]),
    )
    return first + second


@njit(cache=True, error_model="numpy", forceinline=True)
def _sum_all(weights: Weights) -> None:
    """Sum all weights, leaf by leaf and node by node."""
    w, _, sums = weights
    half = sums.size // 2
    for b in range(w.size // LEAF):
        sums[half + b] = _sum_leaf(w, b * LEAF)
    for node in range(half - 1, 0, -1):
        sums[node] = sums[2 * node] + sums[2 * node + 1]


@njit(cache=True, error_model="numpy", forceinline=True)
def _rebuild(weights: Weights) -> None:
    """Measure all weights from the largest log weight."""
    w, y, sums = weights
    top = y[0]
    for k in range(1, y.size):
        top = max(top, y[k])
    for k in range(y.size):
        w[k] = exp_any(y[k] - top)
    sums[0] = top
    _sum_all(weights)


@njit(cache=True, error_model="numpy", forceinline=True)
def new_weights(n: int) -> Weights:
    """Return the weights of `n` arms in the first round."""
    leaves, half = (n + LEAF - 1) // LEAF, 1
    while half < leaves:
        half *= 2
    weights = Weights(np.zeros(leaves * LEAF), np.zeros(n), np.zeros(2 * half))
    weights.w[:n] = 1.0
    _sum_all(weights)
    return weights


@njit(cache=True, error_model="numpy", forceinline=True)
def _others_in_leaf(w: Array, arm: int) -> float:
    """The weight of the other arms in the leaf of `arm`, summed like the leaf."""
    low, at = arm - arm % LEAF, arm % LEAF
    a = (w[low] if at != 0 else 0.0) + (w[low + 4] if at != 4 else 0.0)
    b = (w[low + 1] if at != 1 else 0.0) + (w[low + 5] if at != 5 else 0.0)
    c = (w[low + 2] if at != 2 else 0.0) + (w[low + 6] if at != 6 else 0.0)
    d = (w[low + 3] if at != 3 else 0.0) + (w[low + 7] if at != 7 else 0.0)
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy", forceinline=True)
def law_of(weights: Weights, arm: int) -> tuple[float, float]:
    """Return the softmax probability of `arm` and the odds against it, both with full relative precision."""
    w, sums, outside = weights.w, weights.sums, 0.0
    node = sums.size // 2 + arm // LEAF
    while node > 1:
        outside += sums[node ^ 1]
        node >>= 1
    rest, own = _others_in_leaf(w, arm) + outside, w[arm]
    return own / (rest + own), rest / own


@njit(cache=True, error_model="numpy", forceinline=True)
def log_of(weights: Weights, arm: int, odds_against: float) -> float:
    """Return the logarithm of the softmax probability of `arm` from the odds against it."""
    return log_of_odds(odds_against, weights.y[arm] - weights.sums[0], weights.sums[1])


@njit(cache=True, error_model="numpy", forceinline=True)
def move(weights: Weights, arm: int, change: float, ratio: float) -> bool:
    """Scale all log weights by `ratio`, subtract `change` from that of `arm`, bring weights and sums up to date.

    Return whether all weights have changed; else only that of `arm` has.
    """
    w, y, sums = weights
    if ratio != 1.0:
        for k in range(y.size):
            y[k] *= ratio
    y[arm] = limit_y(y[arm] - change)
    if ratio == 1.0:
        w[arm] = exp_any(y[arm] - sums[0])
        node, total = sums.size // 2 + arm // LEAF, _sum_leaf(w, arm - arm % LEAF)
        sums[node] = total
        while node > 1:
            total += sums[node ^ 1]
            node >>= 1
            sums[node] = total
    if ratio != 1.0 or not 0.5 <= sums[1] <= 1e6:
        _rebuild(weights)
        return True
    return False


@njit(cache=True, error_model="numpy", forceinline=True)
def draw(weights: Weights, uniform: float, options: Options) -> int:
    """Return the arm that `uniform` in (0, 1) stands for: below `mixing` any arm, above it one of the softmax."""
    w, n, sums = weights.w, weights.y.size, weights.sums
    if options.mixing > 0.0:
        if uniform < options.mixing:
            return min(int(uniform / options.mixing * n), n - 1)
        uniform = (uniform - options.mixing) / (1.0 - options.mixing)
    left, node, half = uniform * sums[1], 1, sums.size // 2
    while node < half:
        node *= 2
        low = sums[node]
        if left >= low:
            left -= low
            node += 1
    start = (node - half) * LEAF
    for k in range(start, start + LEAF):
        if left < w[k]:
            return k
        left -= w[k]
    best = 0  # rounding went past the end
    for k in range(n):
        if w[k] > w[best]:
            best = k
    return best


# --- sensitivities


@njit(cache=True, error_model="numpy", forceinline=True)
def new_moments(n: int) -> Moments:
    """Return the sensitivities of `n` arms in the first round."""
    leaves, half = (n + LEAF - 1) // LEAF, 1
    while half < leaves:
        half *= 2
    return Moments(np.zeros(leaves * LEAF), np.zeros(leaves * LEAF), np.zeros((2 * half, 4)))


@njit(cache=True, error_model="numpy", forceinline=True)
def _leaf_moments(weights: Weights, moments: Moments, b: int) -> tuple[float, float, float, float]:
    """The sums of w g and w c, the mean of g and its scatter in leaf `b`."""
    w, (g, c, _) = weights.w, moments
    total, first, second, third = weights.sums[weights.sums.size // 2 + b], 0.0, 0.0, 0.0
    low = b * LEAF
    for k in range(low, low + LEAF):
        first += w[k] * g[k]
        second += w[k] * c[k]
    mean = first / total if total > 0.0 else 0.0
    for k in range(low, low + LEAF):
        third += w[k] * (g[k] - mean) * (g[k] - mean)
    return first, second, mean, third


@njit(cache=True, error_model="numpy", forceinline=True)
def _merge(
    nodes: Array, sums: Array, node: int, first: float, second: float, mean: float, scatter: float
) -> tuple[float, float, float, float]:
    """What belongs to the parent of `node`, which has the moments given."""
    other, total = node ^ 1, sums[node >> 1]
    share = 1.0 / total if total > 0.0 else 0.0
    away = mean - nodes[other, 2]
    between = away * away * (sums[node] * (sums[other] * share))
    first, second = first + nodes[other, 0], second + nodes[other, 1]
    return first, second, first * share, (scatter + nodes[other, 3]) + between


@njit(cache=True, error_model="numpy", forceinline=True)
def refresh(weights: Weights, moments: Moments, arm: int, everything: bool) -> None:
    """Bring the tree of `moments` up to date after a change of `arm`, or of `everything`."""
    nodes, sums = moments.nodes, weights.sums
    half = sums.size // 2
    if everything:
        for b in range(weights.w.size // LEAF):
            node = half + b
            nodes[node, 0], nodes[node, 1], nodes[node, 2], nodes[node, 3] = _leaf_moments(weights, moments, b)
        for parent in range(half - 1, 0, -1):
            node = 2 * parent
            own = nodes[node, 0], nodes[node, 1], nodes[node, 2], nodes[node, 3]
            nodes[parent, 0], nodes[parent, 1], nodes[parent, 2], nodes[parent, 3] = _merge(nodes, sums, node, *own)
        return
    node = half + arm // LEAF
    first, second, mean, scatter = _leaf_moments(weights, moments, arm // LEAF)
    nodes[node, 0], nodes[node, 1], nodes[node, 2], nodes[node, 3] = first, second, mean, scatter
    while node > 1:
        first, second, mean, scatter = _merge(nodes, sums, node, first, second, mean, scatter)
        node >>= 1
        nodes[node, 0], nodes[node, 1], nodes[node, 2], nodes[node, 3] = first, second, mean, scatter


@njit(cache=True, error_model="numpy", forceinline=True)
def spread(weights: Weights, moments: Moments) -> float:
    """Return the variance of g under the softmax: the information that a round carries."""
    return moments.nodes[1, 3] / weights.sums[1]


@njit(cache=True, error_model="numpy", forceinline=True)
def sensitive_law_of(weights: Weights, moments: Moments, arm: int) -> tuple[float, float, float, float]:
    """Return what `law_of` returns, with its operations, then g and c of `arm` less their means under the softmax."""
    w, _, sums = weights
    g, c, nodes = moments
    outside, first, second, own_g, own_c = 0.0, 0.0, 0.0, g[arm], c[arm]
    outside_g, outside_c = 0.0, 0.0
    node, low = sums.size // 2 + arm // LEAF, arm - arm % LEAF
    while node > 1:
        outside += sums[node ^ 1]
        outside_g += nodes[node ^ 1, 0]
        outside_c += nodes[node ^ 1, 1]
        node >>= 1
    for k in range(low, low + LEAF):
        first += w[k] * (own_g - g[k])
        second += w[k] * (own_c - c[k])
    first += outside * own_g - outside_g
    second += outside * own_c - outside_c
    rest, own = _others_in_leaf(w, arm) + outside, w[arm]
    return own / (rest + own), rest / own, first / sums[1], second / sums[1]
