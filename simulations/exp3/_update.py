"""The one compiled update of Exp3, in log space: whoever simulates and whoever evaluates a likelihood inlines it.

Where losses are positive the recursion is chaotic in the learning rate (ex.D11), so a likelihood written with another
order of operations than the simulator's is minus infinity at the true rate. Nothing below is compiled with fast-math:
equal operations give equal bits wherever they are inlined.

Log weights y, g = dy/d(eta), c = d2y/d(eta)2; law p = softmax(y), then mixed with the uniform one. Of the drawn arm:
h = d log p, h2 = d2 log p, r = +-l m/(p + ix), u = p/(p + ix), m = t^-exponent the multiplier of round t = 1, 2, ...
    y -= eta r,  g -= r (1 - eta u h),  c -= r (eta (2 u^2 h^2 - u (h^2 + h2)) - 2 u h).
The cumulative form is y_{t+1} = -eta m_t (sum of the estimates up to t): y, g, c are scaled by m_t/m_{t-1} first.

Two arms need only the differences x = y_0 - y_1, dx, ddx: one exponential a round; any number of them is in `_many`.
An arm with p < exp(-700) that pays is dead for ever (y = -inf), unless implicit exploration bounds the estimate;
sensitivities saturate at 1e130 and 1e260, so nothing becomes NaN.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import njit

from simulations.exp3._elementary import exp_minus, log1p_unit, log_normal

__all__ = [
    "DEAD",
    "LIMIT",
    "Options",
    "increment",
    "limit_y",
    "log_of_odds",
    "mix",
    "multiplier",
    "saturate_c",
    "saturate_g",
    "step",
    "two_arms",
    "two_arms_log",
    "two_laws",
    "two_move",
]

DEAD = math.exp(-700.0)  # an arm less probable than this dies when it pays; exp stays a normal number
LIMIT = 1e-6 * 2.0**52  # a condition beyond it leaves fewer than six digits
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


@njit(cache=True, error_model="numpy", forceinline=True)
def log_of_odds(odds_against: float, y: float, total: float) -> float:
    """Return log p of an arm from the odds against it, or, where they are above 1, from log(weight) `y` and `total`."""
    near = 0.0 - log1p_unit(min(odds_against, 1.0))
    far = y - log_normal(total)
    return near if odds_against <= 1.0 else far


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
