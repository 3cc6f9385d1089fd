"""Rigorous enclosures for the proofs by subdivision, in ball arithmetic (python-flint's `arb`).

Every function takes intervals (low, high) of floats and returns one that surely contains all values of its formula.

`pair_ratios` works in coordinates without any root. At a minimum of depth three with squares t_1 <= t_2 <= t_3 let
sigma = t_1/t_2, tau = t_2/t_3, and let v = u_1/t_1 say where on its flow line the point is. Then

    u_2/t_2 = 1 - (1 - v) sigma,    u_3/t_3 = 1 - (1 - v) sigma tau,    pi^2 = v (u_2/t_2) (u_3/t_3),
    phi t_1 = m = 1 + sigma + sigma tau,    and with eta phi = E
    a^2/(u_1 u_2) = E^2 (pi - 1)^2 sigma (u_3/t_3)/m^2,    a^2/(u_1 u_3) = E^2 (pi - 1)^2 sigma tau (u_2/t_2)/m^2.

sigma and tau run over [0, 1]: every imbalance is covered, and tau = 0 is depth two.

`invariant_ratio` works at depth two in the coordinates of the ellipse: x = eta P^2/(4 (2 + eta)),
y = eta Q^2/(4 (2 - eta)), with P = w_1 + w_2, Q = w_1 - w_2, so that N = (4 - eta^2)(1 - x - y); a step is
x <- x (1 - e)^2, y <- y (1 + e)^2. With x = rho (1 + tilt)/2, y = rho (1 - tilt)/2 that is

    e = eta (pi - 1) = rho (2 tilt + eta) - eta,    x' + y' = rho (1 + e (e - 2 tilt)),

and x' + y' = 1 at rho = 1, where e = 2 tilt. So N'/N = (1 - x' - y')/(1 - rho) is the slope of x' + y' between rho and
1. It is enclosed by the rules of slope arithmetic from these two lines; no closed form of N'/N is used.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["invariant_ratio", "pair_ratios", "product"]

Interval = tuple[float, float]
BITS = 64


def _ball(interval: Interval) -> Any:
    """A ball that contains `interval`."""
    from flint import arb

    return arb(interval[0]).union(arb(interval[1]))


def _ends(ball: Any) -> Interval:
    """An interval of floats that contains `ball`."""
    low, high = float(ball.lower()), float(ball.upper())
    return math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


def _corners(function: Any, *intervals: Interval) -> Any:
    """The range of a `function` that is monotone in each argument, the others held, from its values at the corners."""
    from flint import arb

    points = [[]]
    for low, high in intervals:
        points = [[*point, arb(end)] for point in points for end in {low, high}]
    values = [function(*point) for point in points]
    hull = values[0]
    for value in values[1:]:
        hull = hull.union(value)
    return hull


def _second(v: Any, sigma: Any) -> Any:
    """u_2/t_2."""
    return 1 - (1 - v) * sigma


def _third(v: Any, sigma: Any, tau: Any) -> Any:
    """u_3/t_3."""
    return 1 - (1 - v) * sigma * tau


def _product(v: Interval, sigma: Interval, tau: Interval) -> Any:
    """A ball that contains pi, which is monotone in every argument on either side of v = 1."""
    if v[0] < 1 < v[1]:
        return _product((v[0], 1.0), sigma, tau).union(_product((1.0, v[1]), sigma, tau))
    return _corners(lambda v, s, t: (v * _second(v, s) * _third(v, s, t)).sqrt(), v, sigma, tau)


def product(*, v: Interval, sigma: Interval, tau: Interval) -> Interval:
    """The product pi in the coordinates of `pair_ratios`; `v` > 0, `sigma` and `tau` in [0, 1]."""
    return _ends(_product(v, sigma, tau))


def pair_ratios(edge: float, *, v: Interval, sigma: Interval, tau: Interval) -> tuple[Interval, Interval]:
    """[a^2/(2 u_1 u_2), a^2/(u_1 u_3)] at eta phi = `edge`, a float, taken as it is; `v` > 0, `sigma`, `tau` in [0, 1].

    With k = sigma (1 + tau), sigma/m^2 = h(k)/(1 + tau) and sigma tau/m^2 = h(k) tau/(1 + tau), h(k) = k/(1 + k)^2.
    """
    from flint import arb

    scale = arb(edge) ** 2 * (_product(v, sigma, tau) - 1) ** 2 * _hump(sigma, tau)
    first = scale * _corners(lambda t: 1 / (1 + t), tau) * _corners(_third, v, sigma, tau) / 2
    second = scale * _corners(lambda t: t / (1 + t), tau) * _corners(_second, v, sigma)
    return _ends(first), _ends(second)


def _hump(sigma: Interval, tau: Interval) -> Any:
    """The range of k/(1 + k)^2, k = sigma (1 + tau): it rises up to 1/4 at k = 1 and falls beyond."""
    from flint import arb

    lowest, highest = (arb(s) * (1 + arb(t)) for s, t in zip(sigma, tau, strict=True))
    values = [k / (1 + k) ** 2 for k in (lowest, highest)]
    hull = values[0].union(values[1])
    return hull if highest < 1 or lowest > 1 else hull.union(arb(1) / 4)


class _Slope:
    """A polynomial f of rho on a cell: balls for its value there, its value at 1, and (f(rho) - f(1))/(rho - 1)."""

    def __init__(self, value: Any, at_one: Any, slope: Any) -> None:
        self.value, self.at_one, self.slope = value, at_one, slope

    def __add__(self, other: Any) -> _Slope:
        if not isinstance(other, _Slope):
            return _Slope(self.value + other, self.at_one + other, self.slope)
        return _Slope(self.value + other.value, self.at_one + other.at_one, self.slope + other.slope)

    def __mul__(self, other: Any) -> _Slope:
        if not isinstance(other, _Slope):
            return _Slope(self.value * other, self.at_one * other, self.slope * other)
        slope = self.slope * other.value + self.at_one * other.slope
        return _Slope(self.value * other.value, self.at_one * other.at_one, slope)


def invariant_ratio(*, eta: Interval, rho: Interval, tilt: Interval) -> Interval:
    """N'/N at depth two for `eta` in (0, 2), `rho` >= 0 and `tilt` in [-1, 1]."""
    from flint import arb

    step, lean, radius = _ball(eta), _ball(tilt), _Slope(_ball(rho), arb(1), arb(1))
    steep = 2 * lean + step
    kick = _Slope(radius.value * steep - step, 2 * lean, steep)  # e = eta (pi - 1) = rho (2 tilt + eta) - eta
    rest = _Slope((radius.value - 1) * steep, arb(0), steep)  # e - 2 tilt, 0 at rho = 1
    return _ends((radius * (kick * rest + 1)).slope)
