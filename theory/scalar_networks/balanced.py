"""Equal weights: the one-dimensional map of gradient descent and its bifurcations (Kreisler et al., 2023; derived).

If all weights equal w, a step is f(w) = w - eta F(w), F(w) = (w^D - 1) w^(D-1). Its landmarks, by step size:

    eta = 2/D        the fixed point w = 1 loses stability to a two-cycle (first doubling)
    second doubling  the two-cycle loses stability: f'(w_a) f'(w_b) = -1
    f(f(w_c)) = 0    the critical point w_c, f'(w_c) = 0, lands on 0 in two steps: orbits reach the other sign
    crisis           f(w_c) is the two-cycle w <-> -w around the bounded orbits (even depth); beyond, almost all escape

All are roots of one equation each. A two-cycle (a, b), b < 1 < a, has F(a) = -F(b) and eta = (a - b)/F(a): one
parameter b. Parametrised by w_c, eta = 1/F'(w_c), and the last two read eta (v^D - 1) v^(D-2) = 1 or 2, v = f(w_c).
All weights are carried as log w^D.

At depth two: second doubling sqrt(5) - 1; f(f(w_c)) = 0 at 3 sqrt(3)/2 - 1; crisis at 2, where f is -T_3 (Chebyshev).
Symbols: see the head of the package. Exact, evaluated to about 1e-14.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from theory._checks import check_integer, check_number, check_range
from theory.scalar_networks._cells import Array, as_given

__all__ = [
    "BalancedCycle",
    "balanced_two_cycle",
    "crisis_step",
    "first_doubling_step",
    "second_doubling_step",
    "zero_crossing_step",
]


@dataclass(frozen=True)
class BalancedCycle:
    """Two-cycle of equal weights at depth two; NaN throughout where there is none (eta <= 1).

    lower: the product below 1.
    upper: the product above 1.
    multiplier: slope of the twofold map, 9 - 2 (1 + eta)^2; the cycle is stable while it lies in (-1, 1).
    """

    lower: float | Array
    upper: float | Array
    multiplier: float | Array


def balanced_two_cycle(step_size: ArrayLike) -> BalancedCycle:
    """Return the two-cycle of equal weights at depth two, and its multiplier (exact).

    With y + 1/y = 1 + eta the products are 1 + (1 - y)/eta and 1 + (1 - 1/y)/eta; the cycle exists for eta > 1 and is
    stable for eta < sqrt(5) - 1.

    step_size: the step size eta, > 0; any shape.

    Scalars give floats; NaN where eta <= 1, as there is no cycle; multiplier -inf where it overflows. Raises
    `ValueError` outside the domain.
    Source: derived, claim sn.T7.

    >>> cycle = balanced_two_cycle(1.5)  # y = 1/2 and 2: products 4/3 and 1/3
    >>> round(cycle.lower, 12), round(cycle.upper, 12), cycle.multiplier
    (0.333333333333, 1.333333333333, -3.5)
    """
    step = check_range("step_size", step_size, low=0.0, open_low=True)
    eta = np.where(step > 1.0, step, np.nan)
    large = 0.5 * (1.0 + eta) + 0.5 * np.sqrt(eta - 1.0) * np.sqrt(eta + 3.0)
    with np.errstate(over="ignore"):
        multiplier = 9.0 - 2.0 * (1.0 + eta) ** 2
    parts = (1.0 + (1.0 - large) / eta, 1.0 + (1.0 - 1.0 / large) / eta, multiplier)
    return BalancedCycle(*(as_given(np.atleast_1d(part).ravel(), step.shape) for part in parts))


def first_doubling_step(depth: float) -> float:
    """Return 2/depth, the step size at which the minimum with equal weights loses stability (exact).

    depth: the depth D, an integer from 2 to 1000.

    Raises `ValueError` outside the domain. Source: derived, claim sn.T8.

    >>> first_doubling_step(4)
    0.5
    """
    return 2.0 / _read_depth(depth)


def second_doubling_step(depth: float) -> float:
    """Return the step size at which the two-cycle of equal weights loses stability (exact).

    The root of f'(a) f'(b) = -1 along the two-cycles F(a) = -F(b), eta = (a - b)/F(a).

    depth: the depth D, an integer from 2 to 1000.

    Raises `ValueError` outside the domain. Source: derived, claims sn.T7 and sn.T8.

    >>> round(second_doubling_step(2), 12)  # sqrt(5) - 1
    1.2360679775
    """
    layers = _read_depth(depth)

    def excess(low: float) -> float:
        eta, high = _cycle_through(low, layers)
        return (1.0 - eta * _slope(low, layers)) * (1.0 - eta * _slope(high, layers)) + 1.0

    low = width = -0.02  # the multiplier falls from 1 as the cycle opens: step down to its first passage of -1
    while excess(low) > 0.0:
        low += width
    return _cycle_through(_root(excess, low, low - width), layers)[0]


def zero_crossing_step(depth: float) -> float:
    """Return the step size at which the critical point of f lands on 0 in two steps: f(f(w_c)) = 0 (exact).

    Below it, orbits of equal positive weights stay positive.

    depth: the depth D, an integer from 2 to 1000.

    Raises `ValueError` outside the domain. Source: derived, claims sn.T7 and sn.T8.

    >>> round(zero_crossing_step(2), 12)  # 3 sqrt(3)/2 - 1
    1.598076211353
    """
    return _critical_step(_read_depth(depth), 1.0)


def crisis_step(depth: float) -> float:
    """Return the step size at which bounded orbits of equal weights meet the cycle w <-> -w around them (exact).

    Beyond it almost all orbits escape. For even depth, where f is odd.

    depth: the depth D, an even integer from 2 to 1000.

    Raises `ValueError` outside the domain and at odd depth, where f has no symmetric cycle.
    Source: derived, claims sn.T7 and sn.T8.

    >>> round(crisis_step(2), 12)
    2.0
    """
    layers = _read_depth(depth)
    if layers % 2:
        raise ValueError(f"depth must be even: at odd depth there is no cycle w <-> -w, got depth={layers}")
    return _critical_step(layers, 2.0)


def _read_depth(depth: float) -> int:
    """Return the depth as an int after checking its range."""
    return check_integer("depth", check_number("depth", depth, low=2.0, high=1000.0))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of a function that changes sign between `low` and `high`, to rounding."""
    root = brentq(function, low, high, xtol=1e-17)
    return float(root)  # pyright: ignore[reportArgumentType]


def _pull(log: float, depth: int) -> float:
    """Return F(w)/w = (w^D - 1) w^(D-2) at log w^D = `log`, without cancellation near 0."""
    return math.expm1(log) * math.exp((1.0 - 2.0 / depth) * log)


def _slope(log: float, depth: int) -> float:
    """Return F'(w) = ((2 D - 1) w^D - (D - 1)) w^(D-2) at log w^D = `log`."""
    return (depth * math.exp(log) + (depth - 1) * math.expm1(log)) * math.exp((1.0 - 2.0 / depth) * log)


def _cycle_through(low: float, depth: int) -> tuple[float, float]:
    """Return (step size, log w^D of the upper weight) of the two-cycle whose lower weight has log w^D = `low`."""
    goal = -_pull(low, depth) * math.exp(low / depth)
    top = math.log(2.0)  # F >= sqrt(2) there, and -F < 1/2 below 1
    high = _root(lambda log: _pull(log, depth) * math.exp(log / depth) - goal, 0.0, top)
    return math.exp(low / depth) * math.expm1((high - low) / depth) / goal, high


def _critical_step(depth: int, level: float) -> float:
    """Return the step size at which v = f(w_c) has eta (v^D - 1) v^(D-2) = level."""

    def excess(critical: float) -> float:
        eta = 1.0 / _slope(critical, depth)
        value = critical + depth * math.log1p(-eta * _pull(critical, depth))  # log v^D > 0
        size = value + math.log(-math.expm1(-value)) + (1.0 - 2.0 / depth) * value
        return math.log(eta) + size - math.log(level)

    bottom = math.log((depth - 1) / (2 * depth - 1))  # F' = 0: eta runs from infinity there to 1/D at 0
    share = 0.5
    while excess(share * bottom) < 0.0:
        share = 0.5 * (1.0 + share)
    return 1.0 / _slope(_root(excess, share * bottom, 1e-6 * bottom), depth)
