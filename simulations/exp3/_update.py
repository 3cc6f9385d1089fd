"""The one compiled update of Exp3, in log space: whoever simulates and whoever evaluates a likelihood inlines it.

Where losses are positive the recursion is chaotic in the learning rate (ex.D11), so a likelihood written with another
order of operations than the simulator's is minus infinity at the true rate. Nothing below is compiled with fast-math:
equal operations give equal bits wherever they are inlined. (numba's cache does not see a change here in the kernels of
other modules: after an edit delete this folder's __pycache__.)

Log weights y, g = dy/d(eta), c = d2y/d(eta)2; law p = softmax(y), then mixed with the uniform one. Of the drawn arm:
h = d log p, h2 = d2 log p, r = +-l m/(p + ix), u = p/(p + ix), m = t^-exponent the multiplier of round t = 1, 2, ...
    y -= eta r,  g -= r (1 - eta u h),  c -= r (eta (2 u^2 h^2 - u (h^2 + h2)) - 2 u h).
The cumulative form is y_{t+1} = -eta m_t (sum of the estimates up to t): y, g, c are scaled by m_t/m_{t-1} first.

Two arms need only the differences x = y_0 - y_1, dx, ddx: one exponential a round. Any number of arms is held in
blocks of 32 whose weights exp(y - reference) are summed anew, block by block, when one of them changes: O(sqrt(K)) and
no drift, as nothing is ever subtracted. An arm with p < exp(-700) that pays is dead for ever (y = -inf), unless
implicit exploration bounds the estimate; sensitivities saturate at 1e130 and 1e260, so nothing becomes NaN.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._elementary import exp_any, exp_minus, log1p_unit, log_normal

__all__ = [
    "BLOCK",
    "DEAD",
    "LIMIT",
    "Options",
    "block_moments",
    "draw",
    "increment",
    "law_of",
    "limit_y",
    "log_of",
    "log_of_odds",
    "mix",
    "move",
    "multiplier",
    "new_weights",
    "saturate_c",
    "saturate_g",
    "sensitivity",
    "spread",
    "step",
    "two_arms",
    "two_arms_log",
    "two_laws",
    "two_move",
]

Array = NDArray[np.float64]
BLOCK = 32  # arms whose weights are summed together
DEAD = math.exp(-700.0)  # an arm less probable than this dies when it pays; exp stays a normal number
LIMIT = 1e-6 * 2.0**52  # a condition |eta h| beyond it leaves fewer than six digits
_LARGEST = 1e305  # estimates and log weights stop here
_LARGEST_G, _LARGEST_C = 1e130, 1e260


class Options(NamedTuple):
    """What `Variant` means to the kernels.

    `sign`: 1.0 losses, -1.0 gains; `mixing` and `exploration` in [0, 1]; `exponent` >= 0 of the rate per round.
    """

    sign: float
    mixing: float
    exploration: float
    exponent: float
    cumulative: bool


# --- one draw


@njit(cache=True, error_model="numpy", forceinline=True)
def multiplier(t: int, options: Options) -> float:
    """Return t^-exponent, the factor of the learning rate after round `t` = 1, 2, ..."""
    return 1.0 if options.exponent == 0.0 else t ** (-options.exponent)


@njit(cache=True, error_model="numpy", forceinline=True)
def mix(p: float, h: float, h2: float, n_arms: int, options: Options) -> tuple[float, float, float]:
    """Return (p, h, h2) of an arm after mixing with the uniform law, from those of the softmax."""
    if options.mixing == 0.0:
        return p, h, h2
    share = (1.0 - options.mixing) * p
    mixed = share + options.mixing / n_arms
    first = share * h / mixed
    return mixed, first, share * (h2 + h * h) / mixed - first * first


@njit(cache=True, error_model="numpy", forceinline=True)
def step(loss: float, p: float, factor: float, options: Options) -> float:
    """Return the estimate r (with its sign and multiplier `factor`) from `loss` and the drawn arm's probability `p`.

    Infinite where the arm dies: then, and only then.
    """
    signed = options.sign * factor * loss
    r = min(max(signed / (p + options.exploration), -_LARGEST), _LARGEST)
    r = math.copysign(math.inf, signed) if p < DEAD and options.exploration == 0.0 else r
    return r if loss != 0.0 else 0.0


@njit(cache=True, error_model="numpy", forceinline=True)
def limit_y(value: float) -> float:
    """Return `value`, at most 1e305, so that differences of log weights exist."""
    return min(value, _LARGEST)


@njit(cache=True, error_model="numpy", forceinline=True)
def saturate_g(value: float) -> float:
    """Return `value` within +-1e130."""
    return min(max(value, -_LARGEST_G), _LARGEST_G)


@njit(cache=True, error_model="numpy", forceinline=True)
def saturate_c(value: float) -> float:
    """Return `value` within +-1e260."""
    return min(max(value, -_LARGEST_C), _LARGEST_C)


@njit(cache=True, error_model="numpy", forceinline=True)
def increment(eta: float, r: float, p: float, h: float, h2: float, options: Options) -> tuple[float, float]:
    """Return what g and c of the drawn arm lose (y loses eta r); `r` from `step`, nothing where that is infinite."""
    s = h if options.exploration == 0.0 else p / (p + options.exploration) * h
    u = 1.0 if options.exploration == 0.0 else p / (p + options.exploration)
    first = r * (1.0 - eta * s)
    second = r * (eta * (2.0 * s * s - u * (h * h + h2)) - 2.0 * s)
    alive = abs(r) < math.inf
    return first if alive else 0.0, second if alive else 0.0


# --- two arms


@njit(cache=True, error_model="numpy", forceinline=True)
def two_arms(x: float) -> tuple[float, float]:
    """Return the softmax probabilities of arms 0 and 1 at log-odds `x`, both with full relative precision."""
    e = exp_minus(abs(x))
    large = 1.0 / (1.0 + e)
    small = e * large
    return large if x >= 0.0 else small, small if x >= 0.0 else large


@njit(cache=True, error_model="numpy", forceinline=True)
def two_arms_log(x: float) -> tuple[float, float]:
    """Return the logarithms of what `two_arms` returns; the smaller one may be as low as -inf."""
    large = 0.0 - log1p_unit(exp_minus(abs(x)))
    return large if x >= 0.0 else large + x, large - x if x >= 0.0 else large


@njit(cache=True, error_model="numpy", forceinline=True)
def two_laws(x: float, dx: float, ddx: float) -> tuple[float, float, float, float, float, float, float, float, float]:
    """Return p, log p, h, h2 of arm 0, the same of arm 1, and sum p h^2, without mixing."""
    p0, p1 = two_arms(x)
    log0, log1 = two_arms_log(x)
    information = p0 * p1 * dx * dx
    return p0, log0, p1 * dx, p1 * ddx - information, p1, log1, -p0 * dx, -p0 * ddx - information, information


@njit(cache=True, error_model="numpy", forceinline=True)
def two_move(
    x: float, dx: float, ddx: float, side: float, eta: float, r: float, p: float, h: float, k: float, options: Options
) -> tuple[float, float, float]:
    """Return x, dx, ddx after a draw of arm 0 (`side` 1.0) or 1 (-1.0) with estimate `r` and law `p`, `h`, `k`."""
    first, second = increment(eta, r, p, h, k, options)
    return x - side * (eta * r), saturate_g(dx - side * first), saturate_c(ddx - side * second)


# --- any number of arms


@njit(cache=True, error_model="numpy", forceinline=True)
def _sum(values: Array, low: int, high: int) -> float:
    """The sum of values[low:high], in four chains."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    i = low
    while i + 3 < high:
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
        i += 4
    while i < high:
        a += values[i]
        i += 1
    return (a + b) + (c + d)


@njit(cache=True, error_model="numpy", forceinline=True)
def _sum_block(state: Array, n: int, b: int) -> None:
    """Sum the weights of block `b` anew."""
    state[2 * n + b] = _sum(state, b * BLOCK, min((b + 1) * BLOCK, n))


@njit(cache=True, error_model="numpy", forceinline=True)
def _rebuild(state: Array, n: int) -> None:
    """Measure all weights from the largest log weight."""
    top = state[n]
    for k in range(n + 1, 2 * n):
        top = max(top, state[k])
    for k in range(n):
        state[k] = exp_any(state[n + k] - top)
    for b in range(state.size - 2 - 2 * n):
        _sum_block(state, n, b)
    state[-2], state[-1] = top, _sum(state, 2 * n, state.size - 2)


@njit(cache=True, error_model="numpy", forceinline=True)
def new_weights(n: int) -> Array:
    """Return the state of `n` arms in the first round, one vector:

    weights w = exp(y - reference) at 0 ... n - 1, log weights y at n ... 2n - 1, sums of w by block from 2n on, then
    the reference, then the sum of all weights.
    """
    state = np.zeros(2 * n + (n + BLOCK - 1) // BLOCK + 2)
    _rebuild(state, n)
    return state


@njit(cache=True, error_model="numpy", forceinline=True)
def _rest_of(state: Array, n: int, arm: int) -> float:
    """The weight of all arms but `arm`: its probability is w/(rest + w), without cancellation."""
    b, kept = arm // BLOCK, state[arm]
    state[arm] = 0.0
    rest = _sum(state, b * BLOCK, min((b + 1) * BLOCK, n))
    state[arm] = kept
    if n > BLOCK:
        block = state[2 * n + b]
        state[2 * n + b] = 0.0
        rest += _sum(state, 2 * n, state.size - 2)
        state[2 * n + b] = block
    return rest


@njit(cache=True, error_model="numpy", forceinline=True)
def law_of(state: Array, n: int, arm: int) -> tuple[float, float]:
    """Return the softmax probability of `arm` and the odds against it, both with full relative precision."""
    rest, own = _rest_of(state, n, arm), state[arm]
    return own / (rest + own), rest / own


@njit(cache=True, error_model="numpy", forceinline=True)
def log_of(state: Array, n: int, arm: int, odds_against: float) -> float:
    """Return the logarithm of the softmax probability of `arm` from the odds against it."""
    return log_of_odds(odds_against, state[n + arm] - state[-2], state[-1])


@njit(cache=True, error_model="numpy", forceinline=True)
def log_of_odds(odds_against: float, y: float, total: float) -> float:
    """Return log p of an arm from the odds against it, or, where they are above 1, from log(weight) `y` and `total`."""
    near = 0.0 - log1p_unit(min(odds_against, 1.0))
    far = y - log_normal(total)
    return near if odds_against <= 1.0 else far


@njit(cache=True, error_model="numpy", forceinline=True)
def move(state: Array, n: int, arm: int, change: float, ratio: float) -> bool:
    """Scale all log weights by `ratio`, subtract `change` from that of `arm`, bring weights and sums up to date.

    Return whether all blocks have changed; else only that of `arm` has.
    """
    if ratio != 1.0:
        for k in range(n, 2 * n):
            state[k] *= ratio
    state[n + arm] = limit_y(state[n + arm] - change)
    if ratio == 1.0:
        state[arm] = exp_any(state[n + arm] - state[-2])
        _sum_block(state, n, arm // BLOCK)
        state[-1] = _sum(state, 2 * n, state.size - 2)
    if ratio != 1.0 or not 0.5 <= state[-1] <= 1e6:
        _rebuild(state, n)
        return True
    return False


@njit(cache=True, error_model="numpy", forceinline=True)
def draw(state: Array, n: int, uniform: float, options: Options) -> int:
    """Return the arm that `uniform` in (0, 1) stands for: below `mixing` any arm, above it one of the softmax."""
    if options.mixing > 0.0:
        if uniform < options.mixing:
            return min(int(uniform / options.mixing * n), n - 1)
        uniform = (uniform - options.mixing) / (1.0 - options.mixing)
    left, b, last = uniform * state[-1], 2 * n, state.size - 3
    while b < last and left >= state[b]:
        left -= state[b]
        b += 1
    for k in range((b - 2 * n) * BLOCK, min((b - 2 * n + 1) * BLOCK, n)):
        if left < state[k]:
            return k
        left -= state[k]
    best = 0  # rounding went past the end
    for k in range(n):
        if state[k] > state[best]:
            best = k
    return best


@njit(cache=True, error_model="numpy", forceinline=True)
def block_moments(state: Array, n: int, g: Array, c: Array, b: int, means: Array) -> None:
    """Fill means[:, b] with the weighted means of `g` and `c` in block `b` and with the variance of g there."""
    weight, first, second, third = state[2 * n + b], 0.0, 0.0, 0.0
    low, high = b * BLOCK, min((b + 1) * BLOCK, n)
    if weight > 0.0:
        for k in range(low, high):
            first += state[k] * g[k]
            second += state[k] * c[k]
        first /= weight
        second /= weight
        for k in range(low, high):
            third += state[k] * (g[k] - first) * (g[k] - first)
        third /= weight
    means[0, b], means[1, b], means[2, b] = first, second, third


@njit(cache=True, error_model="numpy", forceinline=True)
def spread(state: Array, n: int, means: Array) -> float:
    """Return the variance of g under the softmax from `means` by block: the information that a round carries."""
    blocks, total = means.shape[1], state[-1]
    if blocks == 1:
        return means[2, 0]
    overall, variance = 0.0, 0.0
    for b in range(blocks):
        overall += state[2 * n + b] * means[0, b]
    overall /= total
    for b in range(blocks):
        deviation = means[0, b] - overall
        variance += state[2 * n + b] * (means[2, b] + deviation * deviation)
    return variance / total


@njit(cache=True, error_model="numpy", forceinline=True)
def sensitivity(state: Array, arm: int, values: Array, means: Array, row: int) -> float:
    """Return values[arm] less the mean of `values` under the softmax; means[row] holds those by block."""
    n, b, own, total = values.size, arm // BLOCK, values[arm], 0.0
    for k in range(b * BLOCK, min((b + 1) * BLOCK, n)):
        total += state[k] * (own - values[k])
    for other in range(means.shape[1]):
        if other != b:
            total += state[2 * n + other] * (own - means[row, other])
    return total / state[-1]
