"""Where gradient descent comes to rest below the edge of stability (Kreisler et al., 2023, study it; formula derived).

Near the edge the squared amplitude Q = (pi - 1)^2 and the excess delta = eta phi - 2 obey, per step,

    d log Q/dt = 2 (delta - kappa Q),    d delta/dt = -c Q,    kappa = 32 e_2^2 - 8 e_3,   c = 8 (rho_3 - rho_2^2)

with p_i = s_i^-2/phi, rho_k = sum_i p_i^k and e_2, e_3 the symmetric sums of `normal_form`, all at eta phi = 2. With
r = 2 kappa/c orbits are r kappa Q = r delta + 1 + C e^(r delta), and Q -> 0 at the excess

    delta_inf = -(1 + W_0(K))/r,    K = (r kappa Q_0 - r delta_0 - 1) e^(-r delta_0 - 1),    W_0 the Lambert function.

r -> 0 is reflection, delta_inf = -sqrt(delta_0^2 + c Q_0); r delta_0 >> 1 is the adiabatic floor -1/r = -c/(2 kappa).
Solved for Y = 1 + W_0(K) >= 0 in the form psi(Y) = psi(y) + h e^y, psi(y) = 1 - (1 - y) e^y, y = -r delta_0,
h = r kappa Q_0: nothing cancels at the branch point K = -1/e, and nothing overflows.

The shape p changes on the way down, along a curve that to leading order does not depend on the orbit:
dt_i/dtau = 1/t_i - q_2/q_1, followed from s(w) until phi = 2/eta (the landing shape).

Symbols: see the head of the package. Asymptotic for small excess and amplitude: at pi - 1 = 1e-3 and excess up to 0.6
the error of delta_inf was below 2 % at depth >= 3 with r > 100 and r delta_0 > 7; elsewhere mostly below 7 %, 20 % at
worst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import LSODA

from theory._checks import check_range
from theory.scalar_networks._cells import (
    Array,
    as_given,
    excess_parts,
    in_rows,
    read_solution,
    read_step,
    read_weights,
    value_of,
)
from theory.scalar_networks.flow import gfs_sharpness, gradient_flow_solution
from theory.scalar_networks.quasi_static import symmetric_sums

__all__ = ["EdgeConstants", "edge_constants", "final_excess", "final_sharpness", "landing_shape"]

FARTHEST = 1e250  # flow time by which the landing shape is reached


@dataclass(frozen=True)
class EdgeConstants:
    """Constants of the slow motion at the edge, for one shape; floats or arrays in the leading shape.

    kappa: restoring strength; the product's two-cycle has half-width sqrt(delta/kappa).
    decay: c, by how much eta phi falls per step and squared amplitude; at most 27/32, 0 for equal weights.
    ratio: r = 2 kappa/c; inf for equal weights.
    """

    kappa: float | Array
    decay: float | Array
    ratio: float | Array


def edge_constants(solution: ArrayLike) -> EdgeConstants:
    """Return kappa, c and r of the slow motion at eta phi = 2, for the shape of a minimum (exact).

    kappa = 32 e_2^2 - 8 e_3, c = 8 (rho_3 - rho_2^2), r = 2 kappa/c; they depend on the ratios s_i/s_j only. At depth
    two kappa = 2 eta^4, c = 2 eta^2 (1 - eta^2) with eta = 2/phi.

    solution: the minimum s, shape (..., depth), depth >= 2, product 1 up to 1e-9.

    Raises `ValueError` outside the domain and where the product is not 1. Source: derived, claims sn.T9 and sn.T10.

    >>> edge = edge_constants([1.9318516525781366, 0.5176380902050415])  # phi = 4, eta = 1/2
    >>> round(edge.kappa, 12), round(edge.decay, 12), round(edge.ratio, 12)
    (0.125, 0.375, 0.666666666667)
    """
    rows, _, shape = in_rows(read_solution(solution))
    steep = 1.0 / rows**2
    kappa, decay, ratio = _constants(steep / steep.sum(axis=-1, keepdims=True))
    return EdgeConstants(as_given(kappa, shape), as_given(decay, shape), as_given(ratio, shape))


def landing_shape(weights: ArrayLike, step_size: ArrayLike) -> Array:
    """Return the minimum s* on the edge, phi = 2/eta, at which the orbit from the weights is expected to land.

    Follows dt_i/dtau = 1/t_i - q_2/q_1 from the gradient-flow limit of `weights` (integrated to about 1e-9); orbits
    follow this curve to leading order in (pi - 1)^2 (asymptotic). If eta phi <= 2 already, the limit itself.

    weights: the weights w, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.
    step_size: the step size eta, in (0, 2/depth], broadcast against the leading axes of `weights`: no minimum has
        phi < depth, so larger steps cannot converge.

    Returns an array (..., depth). NaN where no minimum is reached from w (see `reaches_minimum`). Raises `ValueError`
    outside the domain. Source: derived, claim sn.T10.

    >>> landing_shape([3.0, 1 / 3], 0.5)  # depth two: phi = 4, the squares are 2 +- sqrt(3)
    array([1.93185165, 0.51763809])
    """
    array = read_weights(weights)
    rows, (step,), shape = in_rows(gradient_flow_solution(array), step_size=_read_landing_step(step_size, array))
    return _landed(rows, step).reshape(*shape, rows.shape[-1])


def final_excess(excess: ArrayLike, deviation: ArrayLike, kappa: ArrayLike, decay: ArrayLike) -> float | Array:
    """Return delta_inf = eta phi_inf - 2 <= 0, the final excess of the slow motion at the edge (asymptotic).

    -(1 + W_0(K))/r of the module head: exact for the slow system, asymptotic for gradient descent.

    excess: delta_0 = eta phi_0 - 2 at the start, real.
    deviation: pi_0 - 1 at the start, real; its square is the amplitude.
    kappa: restoring strength, > 0, as in `EdgeConstants`.
    decay: c, >= 0, as in `EdgeConstants`.

    All broadcast; scalars give a float. Limits: at decay 0 min(delta_0, 0), at deviation 0 and delta_0 <= 0 delta_0.
    Raises `ValueError` outside the domain. Source: derived, claim sn.T10.

    >>> round(final_excess(0.3, 0.2, 1e-9, 4.0), 6)  # reflection: -(0.3^2 + 4 * 0.2^2)^0.5
    -0.5
    """
    start, offset, pull, fall = np.broadcast_arrays(
        check_range("excess", excess),
        check_range("deviation", deviation),
        check_range("kappa", kappa, low=0.0, open_low=True),
        check_range("decay", decay, low=0.0),
    )
    value = _final(*(np.atleast_1d(part).ravel() for part in (start, offset, pull, fall)))
    return as_given(value, start.shape)


def final_sharpness(weights: ArrayLike, step_size: ArrayLike) -> float | Array:
    """Return the GFS sharpness to which gradient descent from the weights is expected to converge (asymptotic).

    (2 + delta_inf)/eta with `final_excess` at the constants of the `landing_shape`; delta_0 = eta phi(w) - 2,
    Q_0 = (pi - 1)^2. For small delta_0 and pi - 1; errors in the module head.

    weights: the weights w, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.
    step_size: the step size eta, in (0, 2/depth], broadcast against the leading axes of `weights`.

    One network and step give a float, several an array. NaN where no minimum is reached from w (see
    `reaches_minimum`). Limits: phi(w) at product 1 below the edge; depth for equal weights. Raises `ValueError` outside
    the domain. Source: derived, claim sn.T10.

    >>> round(0.4 * final_sharpness([2.0, 0.5], 0.4), 12)  # a minimum with eta phi = 1.7 < 2 stays
    1.7
    >>> start = [4.0 * 1.0001**0.5, 0.25 * 1.0001**0.5]  # eta phi_0 = 2.008; r = 0.03: reflected to about 1.992
    >>> 1.99 < 0.125 * final_sharpness(start, 0.125) < 1.994
    True
    """
    array = read_weights(weights)
    solution, sharp = gradient_flow_solution(array), np.asarray(gfs_sharpness(array))
    stacked = np.concatenate([array, solution, sharp[..., None]], axis=-1)
    rows, (step,), shape = in_rows(stacked, step_size=_read_landing_step(step_size, array))
    depth = array.shape[-1]
    deviation, phi = value_of(*excess_parts(rows[:, :depth])), rows[:, -1]
    steep = _landed(rows[:, depth:-1], step) ** -2.0
    result = np.full(len(rows), np.nan)
    known = ~np.isnan(phi)
    kappa, decay, _ = _constants(steep[known] / steep[known].sum(axis=-1, keepdims=True))
    excess = _final(step[known] * phi[known] - 2.0, deviation[known], kappa, decay)
    result[known] = (2.0 + excess) / step[known]
    return as_given(result, shape)


def _read_landing_step(step_size: ArrayLike, weights: Array) -> Array:
    """Return the step size after checking that some minimum of this depth is stable under it."""
    step, most = read_step(step_size), 2.0 / weights.shape[-1]
    if np.any(step > most):
        raise ValueError(
            f"step_size must be <= 2/depth = {most:.6g}, since phi >= depth at every minimum, "
            f"got step_size={float(step.max())!r} with depth {weights.shape[-1]}"
        )
    return step


def _constants(shares: Array) -> tuple[Array, Array, Array]:
    """Return kappa, c and r for shares p_i of shape (cells, depth)."""
    second, third = symmetric_sums(shares)
    pairs = shares[:, :, None] * shares[:, None, :] * (shares[:, :, None] - shares[:, None, :]) ** 2
    kappa, decay = 32.0 * second**2 - 8.0 * third, 4.0 * pairs.sum(axis=(-2, -1))
    with np.errstate(divide="ignore", over="ignore"):
        return kappa, decay, np.divide(2.0 * kappa, decay)


def _landed(solutions: Array, step: Array) -> Array:
    """Return the landing shapes for solutions (cells, depth); NaN rows stay."""
    landed = solutions.copy()
    for cell, eta in enumerate(step):
        sharp = (solutions[cell] ** -2.0).sum()
        if eta * solutions.shape[-1] >= 2.0:
            landed[cell] = np.copysign(1.0, solutions[cell]) + 0.0 * solutions[cell]
        elif eta * sharp > 2.0:
            steep = _follow(-2.0 * np.log(np.abs(solutions[cell])), np.log(2.0 / eta))
            landed[cell] = np.copysign(np.exp(-0.5 * steep), solutions[cell])
    return landed


def _follow(logs: Array, goal: float) -> Array:
    """Return log(1/t_i) where the flow d log(1/t_i) = -p_i (p_i - rho_2) reaches log phi = goal."""

    def speed(_: float, state: Array) -> Array:
        shares = np.exp(state - state.max())
        shares /= shares.sum()
        return -shares * ((shares[:, None] - shares) @ shares)

    solver = LSODA(speed, 0.0, logs, FARTHEST, rtol=1e-11, atol=1e-12)
    if np.logaddexp.reduce(logs) <= goal:
        return logs
    while np.logaddexp.reduce(solver.y) > goal:
        message = solver.step()
        if solver.status == "failed":
            above = np.logaddexp.reduce(solver.y) - goal
            raise RuntimeError(
                f"landing shape: log phi is {above:.3g} above its goal {goal:.6g}: {message}; "
                "remedy: a step size farther below 2/depth"
            )
    inside, low, high = solver.dense_output(), solver.t_old, solver.t
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if np.logaddexp.reduce(inside(middle)) > goal else (low, middle)
    return inside(high)


def _final(excess: Array, deviation: Array, kappa: Array, decay: Array) -> Array:
    """Return -Y/r for rows of cells; decay 0 leaves the excess where it is, or at the edge."""
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        ratio = np.divide(2.0 * kappa, decay)
        rise = ratio * kappa * deviation**2
        moving = np.isfinite(ratio) & np.isfinite(rise)
    ratio, rise = np.where(moving, ratio, 1.0), np.where(moving, rise, 0.0)
    return np.where(moving, -_rest(-ratio * excess, rise) / ratio, np.minimum(excess, 0.0))


def _rest(start: Array, rise: Array) -> Array:
    """Return Y >= 0 with psi(Y) = psi(start) + rise e^start, psi(y) = 1 - (1 - y) e^y; rise >= 0."""
    deep = start > 30.0
    near = np.where(deep, 0.0, start)
    with np.errstate(under="ignore"):
        goal = _psi(near) + np.where(deep, 0.0, rise) * np.exp(near)
    y = np.minimum(np.sqrt(2.0 * goal), 1.0 + np.log1p(goal))  # psi there is above the goal, psi is convex: y falls
    for _ in range(60):
        y = y - np.where(y > 0.0, (_psi(y) - goal) / np.where(y > 0.0, y * np.exp(y), 1.0), 0.0)
    if not deep.any():
        return y
    low = np.where(deep, start, 31.0)
    level = low + np.log(low - 1.0 + rise)
    far = low  # y + log(y - 1) is concave and below the level there: y climbs
    for _ in range(60):
        far = far - (far + np.log(far - 1.0) - level) / (1.0 + 1.0 / (far - 1.0))
    return np.where(deep, far, y)


def _psi(y: Array) -> Array:
    """Return 1 - (1 - y) e^y = int_0^y s e^s ds, by its series sum_k y^k/(k (k-2)!) near 0."""
    small = np.where(np.abs(y) < 1.0, y, 0.0)
    term, series = small**2, np.zeros_like(y)
    for k in range(2, 24):
        series = series + term / k
        term = term * small / (k - 1)
    return np.where(np.abs(y) < 1.0, series, 1.0 - (1.0 - y) * np.exp(np.minimum(y, 700.0)))
