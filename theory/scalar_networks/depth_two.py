"""Depth two in closed form: boundedness, the critical step size, the chaotic boundary (Kreisler et al., 2023; derived).

With P = w_1 + w_2, Q = w_1 - w_2, e = eta (pi - 1), a step of gradient descent is P <- P (1 - e), Q <- Q (1 + e);
pi = (P^2 - Q^2)/4, the difference of squares b = P Q obeys b <- b (1 - e^2), and phi = sqrt(b^2 + 4). The quantity

    N = 4 + eta^2 (pi - 1) - eta (w_1^2 + w_2^2)    obeys    N <- N (1 + eta^2 pi (pi - 1)),

and for eta < 2 the factor is at least 1 - eta^2/4 > 0: the sign of N is kept. N >= 0 is the inside of the ellipse
eta P^2/(4 (2 + eta)) + eta Q^2/(4 (2 - eta)) = 1, so orbits with N >= 0 are bounded for ever. On the ellipse,
P = 2 sqrt((2 + eta)/eta) cos(theta), Q = 2 sqrt((2 - eta)/eta) sin(theta), e = 2 cos(2 theta), and the step is
theta <- pi - 3 theta: chaos with Lyapunov exponent log 3. Orbits with N < 0 diverge, except from a set of measure zero
(numerically; not proved).

Symbols: see the head of the package. Exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory._checks import check_range
from theory.scalar_networks._cells import Array, as_given, in_rows, read_pair, read_step

__all__ = ["bounded_area", "chaotic_boundary", "critical_step_size", "depth_two_invariant"]


def depth_two_invariant(weights: ArrayLike, step_size: ArrayLike) -> float | Array:
    """Return N = 4 + eta^2 (pi - 1) - eta (w_1^2 + w_2^2), whose sign gradient descent keeps for eta < 2 (exact).

    N >= 0: the orbit stays bounded. N < 0: it diverges, except from a set of measure zero. If it converges to pi = 1,
    then eta phi tends to 4 - N_0 prod_t (1 + eta^2 pi_t (pi_t - 1)).

    weights: the weights, shape (..., 2), any signs, at most 1e150 in size.
    step_size: the step size eta, in (0, 1e150], broadcast against the leading axes of `weights`.

    One network and step give a float, several an array; +-inf where it overflows. Evaluated as
    4 - eta^2 - eta [P^2 (2 - eta) + Q^2 (2 + eta)]/4 for eta <= 2. Raises `ValueError` outside the domain.
    Source: derived, claim sn.T6.

    >>> round(depth_two_invariant([2.0, 0.5], 0.4), 12)  # at a minimum 4 - eta phi
    2.3
    """
    rows, (step,), shape = in_rows(read_pair(weights), step_size=read_step(step_size))
    first, second = rows[:, 0], rows[:, 1]
    near = np.minimum(step, 2.0)
    with np.errstate(over="ignore"):
        inner = ((first + second) ** 2 * (2.0 - near) + (first - second) ** 2 * (2.0 + near)) / 4.0
        outer = first**2 + second**2 - step * (first * second)
        return as_given((2.0 - step) * (2.0 + step) - step * np.where(step <= 2.0, inner, outer), shape)


def critical_step_size(weights: ArrayLike) -> float | Array:
    """Return eta_c, the step size at which the orbit from the weights ceases to be bounded (exact).

    eta_c = 8/(S + hypot(b, 2 (pi - 2))) with S = w_1^2 + w_2^2, b = w_1^2 - w_2^2: the smallest root of N. It is at
    most 2, and 2 for w_1 = w_2 with pi <= 2. Orbits with eta < eta_c are bounded (proved), those with eta > eta_c
    diverge (numerically, up to measure zero); convergence to a minimum also needs eta < 1, as phi >= 2.

    weights: the weights, shape (..., 2), any signs, at most 1e150 in size.

    One network gives a float, several an array. Raises `ValueError` outside the domain.
    Source: derived, claim sn.T6; an exact critical step size is also announced by Liang and Montufar (2025).

    >>> round(critical_step_size([2.0, 0.5]), 12)  # at a minimum 4/phi
    0.941176470588
    """
    rows, _, shape = in_rows(read_pair(weights))
    first, second = rows[:, 0], rows[:, 1]
    spread = np.hypot((first - second) * (first + second), 2.0 * (first * second - 2.0))
    return as_given(8.0 / (first**2 + second**2 + spread), shape)


def bounded_area(step_size: ArrayLike) -> float | Array:
    """Return the area of the bounded initialisations in the plane of the weights, 2 pi sqrt(4 - eta^2)/eta (exact).

    It is the area of the ellipse N >= 0; bounded orbits outside have measure zero (numerically).

    step_size: the step size eta, in (0, 2]; any shape.

    A scalar gives a float. Limit: 0 at eta = 2. Raises `ValueError` outside the domain. Source: derived, claim sn.T6.

    >>> round(bounded_area(1.2) / np.pi, 12)  # 2 * 1.6/1.2
    2.666666666667
    """
    step = _read_bounded_step(step_size)
    area = 2.0 * np.pi * np.sqrt((2.0 - step) * (2.0 + step)) / step
    return as_given(np.atleast_1d(area).ravel(), step.shape)


def chaotic_boundary(step_size: ArrayLike, angle: ArrayLike) -> Array:
    """Return the weights (w_1, w_2) on the ellipse N = 0 at the given angle (exact).

    w = (P + Q, P - Q)/2 with P = 2 sqrt((2 + eta)/eta) cos(theta), Q = 2 sqrt((2 - eta)/eta) sin(theta). One step of
    gradient descent leads from theta to pi - 3 theta.

    step_size: the step size eta, in (0, 2].
    angle: theta in radians, broadcast against `step_size`.

    Returns an array (..., 2). Raises `ValueError` outside the domain. Source: derived, claim sn.T6.

    >>> chaotic_boundary(0.4, 0.0)  # the corner w_1 = w_2 = sqrt(1 + 2/eta)
    array([2.44948974, 2.44948974])
    """
    step, theta = np.broadcast_arrays(_read_bounded_step(step_size), check_range("angle", angle))
    total = np.sqrt((2.0 + step) / step) * np.cos(theta)
    difference = np.sqrt((2.0 - step) / step) * np.sin(theta)
    return np.stack([total + difference, total - difference], axis=-1)


def _read_bounded_step(step_size: ArrayLike) -> Array:
    """Return the step size after checking that it lies in (0, 2]."""
    return check_range("step_size", step_size, low=0.0, high=2.0, open_low=True)
