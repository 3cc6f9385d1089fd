"""Quasi-static gradient descent moves the product at fixed balances: its map and normal form (Kreisler et al., 2023).

Let s be a minimum, t_i = s_i^2, and u_i = t_i + xi the squares with product p^2 on the same gradient-flow line. A step
of gradient descent from there has the product

    g(p) = p prod_i (1 - eta (p - 1) p/u_i),

and quasi-static gradient descent then resets the balances to those of s: a map of the product alone. With
E = eta phi, p_i = (1/t_i)/phi and the elementary symmetric sums e_2 = sum_{i<j} p_i p_j, e_3 of the p_i,

    g(1 + x) = 1 + (1 - E) x + alpha x^2 + gamma x^3 + ...
    alpha = E (E - 4) e_2,    gamma = E [8 e_2^2 + (E - 2) e_2 - (E^2 - 6 E + 12) e_3]

At the edge E = 2, kappa = alpha^2 + gamma = 32 e_2^2 - 8 e_3 lies between (80/3) e_2^2 and 32 e_2^2 (Newton's
inequality, e_3 <= (2/3) e_2^2): the period doubling of the product is supercritical at every minimum. With
delta = E - 2 > 0 the two-cycle has half-width sqrt(delta/kappa) to leading order.

Symbols: see the head of the package. The map is exact, the half-width asymptotic with relative error O(delta).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory._checks import check_range
from theory.scalar_networks._cells import Array, as_given, in_rows, product_of, read_solution, read_step
from theory.scalar_networks._solver import balances_of, solve_level

__all__ = ["NormalForm", "normal_form", "quasi_static_map", "two_cycle_half_width"]

STEEPEST = 1e70  # eta phi whose fourth power is a float


@dataclass(frozen=True)
class NormalForm:
    """Taylor coefficients of the quasi-static map at product 1; floats or arrays in the leading shape.

    multiplier: 1 - eta phi, the slope.
    alpha: coefficient of x^2.
    gamma: coefficient of x^3.
    kappa: alpha^2 + gamma; the second iterate is x - 2 kappa x^3 at the edge eta phi = 2.
    """

    multiplier: float | Array
    alpha: float | Array
    gamma: float | Array
    kappa: float | Array


def quasi_static_map(solution: ArrayLike, product: ArrayLike, step_size: ArrayLike) -> float | Array:
    """Return g(p), the product after one step of gradient descent from product p on the flow line of s (exact).

    g(p) = p prod_i (1 - eta (p - 1) p/u_i), u_i = s_i^2 + xi with prod u_i = p^2. At depth two
    g(p) = p (1 + e^2) - e sqrt(b^2 + 4 p^2) with e = eta (p - 1), b = s_1^2 - s_2^2.

    solution: the minimum s, shape (..., depth), depth >= 2, product 1 up to 1e-9, e.g. a `gradient_flow_solution`.
    product: the product p, in [0, 1e150], broadcast against the leading axes of `solution`.
    step_size: the step size eta, > 0, broadcast likewise.

    One cell gives a float, several an array. Limit: p = 0 gives eta prod_{i != m} (s_i^2 - s_m^2), s_m the smallest.
    g may be negative where a weight turns its sign; +-inf where it overflows. Raises `ValueError` outside the domain
    and where the product of `solution` is not 1. Source: derived (name and role recalled from the paper), claim sn.T9.

    >>> quasi_static_map([2.0, 0.5], [0.0, 1.0], 0.4)  # b = 3.75: the limit eta b, and the fixed point
    array([1.5, 1. ])
    """
    goal = check_range("product", product, low=0.0, high=1e150)
    rows, (start, step), shape = in_rows(read_solution(solution), product=goal, step_size=read_step(step_size))
    balances = np.sort(balances_of(rows), axis=-1)
    vanishing = start < 1e-300
    squared = solve_level(balances, np.where(vanishing, 1.0, start)).squared
    squared = np.where(vanishing[:, None], balances, squared)
    push = step * (start - 1.0)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        first = start - push * product_of(squared[:, 1:])  # the smallest weight's factor times p, finite as p -> 0
        safe = np.where(squared[:, 1:] > 0.0, squared[:, 1:], 1.0)
        factors = 1.0 - push[:, None] * start[:, None] / safe
        value = product_of(np.concatenate([first[:, None], factors], axis=-1))
    return as_given(value, shape)


def normal_form(solution: ArrayLike, step_size: ArrayLike) -> NormalForm:
    """Return multiplier, alpha, gamma and kappa of the quasi-static map at product 1 (exact).

    The formulas of the module head; nothing cancels where one p_i dominates.

    solution: the minimum s, shape (..., depth), depth >= 2, product 1 up to 1e-9.
    step_size: the step size eta, > 0, broadcast against the leading axes of `solution`.

    Raises `ValueError` outside the domain, where the product of `solution` is not 1, and at eta phi > 1e70, where kappa
    would overflow. Source: derived, claim sn.T9.

    >>> form = normal_form([1.9318516525781366, 0.5176380902050415], 0.5)  # depth two, phi = 4: kappa = 2 eta^4
    >>> round(form.multiplier, 12), round(form.kappa, 12)
    (-1.0, 0.125)
    """
    rows, (step,), shape = in_rows(read_solution(solution), step_size=read_step(step_size))
    steep = 1.0 / rows**2
    total = steep.sum(axis=-1)
    second, third = symmetric_sums(steep / total[:, None])
    with np.errstate(over="ignore"):
        edge = step * total
    if np.any(edge > STEEPEST):
        raise ValueError(f"step_size must keep step_size * phi <= {STEEPEST:g}, got step_size={float(step.max())!r}")
    alpha = edge * (edge - 4.0) * second
    gamma = edge * (8.0 * second**2 + (edge - 2.0) * second - (edge**2 - 6.0 * edge + 12.0) * third)
    parts = (1.0 - edge, alpha, gamma, alpha**2 + gamma)
    return NormalForm(*(as_given(part, shape) for part in parts))


def two_cycle_half_width(solution: ArrayLike, step_size: ArrayLike) -> float | Array:
    """Return sqrt(delta/kappa), the half-width of the product's two-cycle just beyond the edge (asymptotic).

    delta = eta phi - 2, kappa = 32 e_2^2 - 8 e_3 as at the edge. The relative error falls like delta; 0 below
    the edge, inf where one share is so large that kappa underflows.

    solution: the minimum s, shape (..., depth), depth >= 2, product 1 up to 1e-9.
    step_size: the step size eta, > 0, broadcast against the leading axes of `solution`.

    One cell gives a float, several an array. Raises `ValueError` outside the domain. Source: derived, claim sn.T9.

    >>> round(two_cycle_half_width([1.0, 1.0], 1.02), 12)  # p = 1/2, 1/2: e_2 = 1/4, kappa = 2, delta = 0.04
    0.141421356237
    """
    rows, (step,), shape = in_rows(read_solution(solution), step_size=read_step(step_size))
    steep = 1.0 / rows**2
    total = steep.sum(axis=-1)
    second, third = symmetric_sums(steep / total[:, None])
    kappa = 32.0 * second**2 - 8.0 * third
    with np.errstate(over="ignore", divide="ignore"):
        excess = step * total - 2.0
        beyond = excess > 0.0
        width = np.sqrt(np.divide(excess, kappa, out=np.zeros_like(excess), where=beyond))
    return as_given(width, shape)


def symmetric_sums(shares: Array) -> tuple[Array, Array]:
    """Return e_2 and e_3 of shares (cells, depth), as sums of positive terms; the largest share comes last."""
    ordered = np.sort(shares, axis=-1)
    ones = np.cumsum(ordered, axis=-1)[:, :-1]
    twos = np.cumsum(ordered[:, 1:] * ones, axis=-1)
    third = (ordered[:, 2:] * twos[:, :-1]).sum(axis=-1)
    return twos[:, -1], third
