"""By how much one step of gradient descent lowers the GFS sharpness (after Kreisler et al., 2023; derived).

Let t_i = s_i^2 be the squares at the gradient-flow limit of w, t'_i those of the next iterate w', u_i = w_i^2,
a = eta (pi - 1) pi. Differences of squares obey t'_i - t'_j = (t_i - t_j)(1 - a^2/(u_i u_j)), so that
t'_i - t_i = a^2/u_i + const. With t(l) the limit for squares u_i + l/u_i, t(0) = t and t(a^2) = t':

    d(phi^2/2)/dl = - sum_{i<j} (u_i - u_j)^2 (1 - l/(u_i u_j))/(u_i u_j t_i^2 t_j^2)

To second order in x = pi - 1 the step lowers phi by eta^2 x^2 (q_3 - q_2^2/q_1), q_k = sum_i t_i^-k. The finite step is
a covariance as well. Let M(., .) be the logarithmic mean, c_i = 1/M(t_i, t'_i), n_i = M(1/t_i, 1/t'_i),
d_i = t'_i - t_i. Both products are 1, so sum_i c_i d_i = 0, and 1/t_i - 1/t'_i = c_i d_i n_i gives

    phi(w) - phi(w') = sum_i c_i d_i (n_i - <n>)    for any <n>,

in which a d_i or n_i - <n> is a small number formed from small numbers: nothing cancels near balanced weights or near
the minimum. The n_i - n_m come from M(x, y) = int_0^1 x^(1-s) y^s ds.

Symbols: see the head of the package. Exact unless stated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.scalar_networks._cells import (
    Array,
    as_given,
    excess_parts,
    in_rows,
    others_parts,
    read_step,
    read_weights,
    scaled_excess,
    value_of,
)
from theory.scalar_networks._solver import balances_of, solve_level
from theory.scalar_networks.flow import minimum_reached, sharpness_at

__all__ = ["second_order_decrement", "sharpness_decrement", "sharpness_path_slope"]

_ROOTS, _WEIGHTS = np.polynomial.legendre.leggauss(32)
NODES, PARTS = 0.5 * (_ROOTS + 1.0), 0.5 * _WEIGHTS  # on [0, 1]; exp(R s) to rounding for |R| up to 30


def sharpness_decrement(weights: ArrayLike, step_size: ArrayLike) -> float | Array:
    """Return phi(w) - phi(w'), the drop of the GFS sharpness over one step of gradient descent (exact).

    Positive where the sharpness falls; evaluated as the covariance of the module head, so that a drop far below the
    rounding of phi keeps its digits.

    weights: the weights w, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.
    step_size: the step size eta, > 0, broadcast against the leading axes of `weights`.

    One network and step give a float, several an array. NaN where no minimum is reached from w (see
    `reaches_minimum`). Limits: 0 at product 1 and at weights of equal size; -inf where phi(w') overflows.
    Raises `ValueError` outside the domain. Source: derived, claims sn.T4 and sn.T5.

    >>> round(sharpness_decrement([2.0, 1.0], 0.5), 12)  # e = 1/2, b = 3 -> 3 (1 - 1/4): 13^0.5 - 9.0625^0.5
    0.595152630766
    """
    rows, (step,), shape = in_rows(read_weights(weights), step_size=read_step(step_size))
    drop = np.where(minimum_reached(rows), _drop(rows, step), np.nan)
    return as_given(drop, shape)


def second_order_decrement(weights: ArrayLike, step_size: ArrayLike) -> float | Array:
    """Return eta^2 (pi - 1)^2 (q_3 - q_2^2/q_1), the drop of the GFS sharpness to second order in pi - 1 (asymptotic).

    The relative error of the drop falls like |pi - 1|. The bracket is >= 0, and 0 only if all |s_i| are equal; at
    depth two it is (phi^2 - 4)/phi.

    weights: the weights w, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.
    step_size: the step size eta, > 0, broadcast against the leading axes of `weights`.

    One network and step give a float, several an array. NaN where no minimum is reached (see `reaches_minimum`);
    inf where it overflows. Raises `ValueError` outside the domain. Source: derived, claim sn.T4.

    >>> w = [2 * 1.001**0.5, 0.5 * 1.001**0.5]  # near (2, 1/2): eta^2 x^2 (4.25^2 - 4)/4.25
    >>> round(second_order_decrement(w, 0.4) / (0.16e-6 * 14.0625 / 4.25), 2)
    1.0
    """
    rows, (step,), shape = in_rows(read_weights(weights), step_size=read_step(step_size))
    balances = balances_of(rows)
    level = solve_level(balances)
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        steep = 1.0 / level.squared
        total = steep.sum(axis=-1)
        shares = steep / total[:, None]
        away = -balances * steep * steep.max(axis=-1, keepdims=True)  # 1/t_i - 1/t_min
        away = away - (shares * away).sum(axis=-1, keepdims=True)
        bracket = total * (shares * away**2).sum(axis=-1)
        value = bracket * value_of(*excess_parts(rows)) ** 2 * step**2
    value = np.where(np.isinf(total), np.inf, value)
    return as_given(np.where(minimum_reached(rows), value, np.nan), shape)


def sharpness_path_slope(weights: ArrayLike, path: ArrayLike) -> float | Array:
    """Return d(phi^2/2)/dl at l = `path` along the squares u_i + l/u_i; one step runs from l = 0 to a^2 (exact).

    -sum_{i<j} (u_i - u_j)^2 (1 - l/(u_i u_j))/(u_i u_j t_i^2 t_j^2), t the squares of the gradient-flow limit at l.
    Its integral over [0, a^2], a = eta (pi - 1) pi, is phi(w')^2/2 - phi(w)^2/2.

    weights: the weights, shape (..., depth), depth >= 2, none zero, at most 1e150 in size; only u_i = w_i^2 enter.
    path: the position l, >= 0, broadcast against the leading axes of `weights`.

    One network and position give a float, several an array. Raises `ValueError` outside the domain and at zero weights.
    Source: derived, claim sn.T5.

    >>> round(sharpness_path_slope([1.25**0.5, 1.0], 0.0), 12)  # depth two: -b^2/(u_1 u_2), t_1 t_2 = 1
    -0.05
    """
    rows, (place,), shape = in_rows(read_weights(weights), path=check_range("path", path, low=0.0))
    if np.any(rows == 0.0):
        raise ValueError("weights must not be 0: the path divides by their squares")
    squares = rows**2
    moved = _path_balances(rows, squares, place)
    squared = solve_level(moved).squared
    sizes = np.abs(rows)
    gaps = (sizes[:, :, None] - sizes[:, None, :]) * (sizes[:, :, None] + sizes[:, None, :])
    pairs = squares[:, :, None] * squares[:, None, :]
    terms = gaps**2 / pairs * (1.0 - place[:, None, None] / pairs)
    terms = terms / (squared[:, :, None] * squared[:, None, :]) ** 2
    return as_given(-0.5 * terms.sum(axis=(-2, -1)), shape)


def _path_balances(rows: Array, squares: Array, place: Array) -> Array:
    """Return the balances of the squares u_i + l/u_i, without cancellation."""
    lowest = np.argmin(squares + place[:, None] / squares, axis=-1)[:, None]
    low, size = np.take_along_axis(np.abs(rows), lowest, axis=-1), np.abs(rows)
    factor = 1.0 - place[:, None] / (squares * np.take_along_axis(squares, lowest, axis=-1))
    return _settled((size - low) * (size + low) * factor)


def _settled(gaps: Array) -> Array:
    """Return gaps shifted so that the smallest is 0; they are already, up to rounding at ties."""
    return gaps - gaps.min(axis=-1, keepdims=True)


def _pair_ratios(rows: Array, step: Array, index: NDArray[np.intp]) -> Array:
    """Return a^2/(u_i u_k) for all i and one k = index per cell, shape (cells, depth); exact at zero weights.

    The entry i = k stands for no pair; it is 0.
    """
    ratios = np.zeros_like(rows)
    for i in range(rows.shape[-1]):
        others = rows.copy()
        others[:, i] = 1.0
        np.put_along_axis(others, index, 1.0, axis=-1)
        with np.errstate(over="ignore", under="ignore"):
            ratios[:, i] = np.where(index[:, 0] == i, 0.0, scaled_excess(rows, step, others) ** 2)
    return ratios


def _stepped_balances(rows: Array, step: Array) -> Array:
    """Return the balances after one step: gaps to the new smallest weight, each times 1 - a^2/(u_i u_k)."""
    kick = scaled_excess(rows, step, np.ones((len(rows), 1)))[:, None]
    sizes, others = np.abs(rows), value_of(*others_parts(rows))
    lowest = np.argmin(np.abs(rows - kick * others), axis=-1)[:, None]
    low = np.take_along_axis(sizes, lowest, axis=-1)
    gaps = (sizes - low) * (sizes + low)
    return _settled(np.where(gaps == 0.0, 0.0, gaps * (1.0 - _pair_ratios(rows, step, lowest))))


def _drop(rows: Array, step: Array) -> Array:
    """Return the drop of phi for rows (cells, depth): a difference where it is large, else the covariance."""
    balances = balances_of(rows)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        moved = _stepped_balances(rows, step)
        lost = ~(moved.max(axis=-1) < 1e300)  # phi after the step is beyond float64
        before, after = solve_level(balances).squared, solve_level(np.where(lost[:, None], balances, moved)).squared
        phi = sharpness_at(before)
        direct = np.where(lost | np.isinf(phi), -np.inf, phi) - np.where(lost, 0.0, sharpness_at(after))
        small = np.abs(direct) < 0.1 * phi
        small &= (before.min(axis=-1) > 1e-290) & (after.min(axis=-1) > 1e-290)
        if small.any():
            direct[small] = _covariance(rows[small], step[small], balances[small], before[small], after[small])
    return direct


def _covariance(rows: Array, step: Array, balances: Array, before: Array, after: Array) -> Array:
    """Return sum_i c_i d_i (n_i - <n>), measured from the weight that is smallest before the step."""
    start = np.argmin(np.abs(rows), axis=-1)[:, None]
    change = -balances * _pair_ratios(rows, step, start)  # t'_i - t_i up to a constant
    low, low_after = (np.take_along_axis(t, start, axis=-1) for t in (before, after))
    logs, logs_after = _log_ratio(before, low, balances), _log_ratio(after, low_after, balances + change)
    weight = 1.0 / _log_mean(before, after)
    share = weight / weight.sum(axis=-1, keepdims=True)
    base = np.exp(-NODES * np.log(low_after / low)) / low  # the integrand of M at the reference weight
    mixed = (1.0 - NODES) * logs[..., None] + NODES * logs_after[..., None]
    rise = (base[:, None, :] * np.expm1(-mixed) * PARTS).sum(axis=-1)  # n_i minus that of the reference
    rise = rise - (share * rise).sum(axis=-1, keepdims=True)
    change = change - (share * change).sum(axis=-1, keepdims=True)
    return (weight * change * rise).sum(axis=-1)


def _log_ratio(value: Array, reference: Array, gap: Array) -> Array:
    """Return log(value/reference), from their gap where they are close."""
    near = np.abs(gap) < 0.5 * reference
    return np.where(near, np.log1p(np.where(near, gap, 0.0) / reference), np.log(value / reference))


def _log_mean(x: Array, y: Array) -> Array:
    """Return the logarithmic mean (y - x)/log(y/x) of positive arrays, by the series of sinh where they are close."""
    log = np.log(y / x)
    near = np.abs(log) < 0.5
    half = (0.5 * np.where(near, log, 0.0)) ** 2
    series = np.ones_like(half)
    for k in (5, 4, 3, 2, 1):  # sinh(h)/h; the next term is below 1e-17
        series = 1.0 + half / (2 * k * (2 * k + 1)) * series
    return np.where(near, np.sqrt(x) * np.sqrt(y) * series, (y - x) / np.where(near, 1.0, log))
