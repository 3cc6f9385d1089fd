"""Errors of random-feature ridge regression on large grids of cells: tabulate the sums once, then solve anywhere.

The sums z, s, q, A, B of Simon et al. (2024) depend on gamma only and are analytic in u = ln gamma for |Im u| < pi.
`tabulate` interpolates them by octaves at Chebyshev nodes, once for a spectrum (degree 12; error falls by 18 per
degree, so rounding decides). `tabulated_*` then solve each cell at a cost that does not depend on the number of modes:
bisection over the octaves, one chord, then the Newton iteration of the direct solver on the polynomials.

In octave j gamma = 2^(j + x/2), -1 <= x <= 1, in units of a power of two; the table holds z minus the number of modes
above 2^j, so that n - z keeps its digits as in the direct solution. Cells whose gamma falls outside the tabulated range
(ridge far above or far below the eigenvalues) are solved directly, at the usual cost.
Symbols: see the head of the package. Exact to about 1e-13 as functions of their arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.random_features._cells import as_given, blocks, in_a_row, read_noise, read_ridge, read_sizes, read_target
from theory.random_features._solver import (
    MAX_STEPS,
    NEGLIGIBLE,
    STEP_TOLERANCE,
    Geometry,
    SolveError,
    Spectrum,
    learned_split,
    measure,
    read_spectrum,
    share_of_features,
    slacks,
    solve,
)
from theory.random_features._state import State, evaluate, risk_of, train_error_of

__all__ = ["Table", "tabulate", "tabulated_regularization", "tabulated_risk", "tabulated_train_error"]

Array = NDArray[np.float64]
DEGREE = 12
MARGIN = 24  # octaves tabulated below the smallest and above the largest positive eigenvalue
ENOUGH = 1e200  # a ridge/gamma that leaves no mode learned at any size
CELLS = 4096  # cells solved together: their coefficients fit in the cache


@dataclass(frozen=True, eq=False)
class Table:
    """Tabulated sums of one spectrum and target, made by `tabulate`.

    spectrum: eigenvalues in units of a power of two.
    target_power: squared target coefficients, shape (modes,), in the order of the eigenvalues.
    octaves: the j of each interval, consecutive whole numbers, shape (intervals,).
    counts: number of modes with eigenvalues above 2^j, shape (intervals,).
    coefficients: of the powers of x for z - counts, s, q, A, B, shape (degree + 1, 5, intervals).
    """

    spectrum: Spectrum
    target_power: Array
    octaves: Array
    counts: Array
    coefficients: Array


def tabulate(eigenvalues: ArrayLike, target_power: ArrayLike) -> Table:
    """Return the `Table` of a spectrum and a target, which the `tabulated_*` functions take in place of both.

    It covers gamma from 2^-24 times the smallest positive eigenvalue to 2^24 times the largest; about 1 ms for each
    thousand modes and each ten octaves.

    eigenvalues: kernel eigenvalues, shape (modes,), >= 0, any order, any common scale.
    target_power: squared target coefficients, shape (modes,), >= 0, in the order of the eigenvalues.

    Raises `ValueError` outside the domains. Source: derived, claim rf.F1.

    >>> tabulate([1.0, 0.25], [3.0, 2.0]).octaves[[0, -1]].tolist()  # from 2^-2 and 2^0, 24 octaves more on either side
    [-26.0, 24.0]
    """
    spectrum = read_spectrum(eigenvalues)
    target = read_target(target_power, spectrum.scaled.size)
    if not spectrum.rank:
        return Table(spectrum, target, np.empty(0), np.empty(0), np.empty((DEGREE + 1, 5, 0)))
    low, high = np.frexp(spectrum.ascending[[0, -1]])[1]
    octaves = np.arange(low - MARGIN - 1.0, high + MARGIN)
    nodes = np.polynomial.chebyshev.chebpts1(DEGREE + 1)
    inverse = (np.exp2(-octaves)[:, None] * np.exp2(-0.5 * nodes)).ravel()
    counts = np.count_nonzero(spectrum.ascending > np.exp2(octaves)[:, None], axis=1).astype(float)
    values = _sums(inverse, np.repeat(counts, nodes.size), spectrum, target).reshape(5, octaves.size, nodes.size)
    return Table(spectrum, target, octaves, counts, _to_powers(values, nodes))


def _to_powers(values: Array, nodes: Array) -> Array:
    """Return the coefficients of powers, shape (degree + 1, functions, intervals), from values at Chebyshev nodes.

    In two steps, Chebyshev coefficients by orthogonal sums, then whole-number combinations of them: the matrix of both
    steps has entries of 1e5, whose rounding would cost 5 digits.
    """
    count = nodes.size
    basis = np.polynomial.chebyshev.chebvander(nodes, count - 1)
    coefficients = np.einsum("xd,fix->dfi", basis, values) * (2.0 / count)
    coefficients[0] *= 0.5
    powers = [np.polynomial.chebyshev.cheb2poly(row) for row in np.eye(count)]
    whole = np.stack([np.pad(row, (0, count - row.size)) for row in powers], axis=1)
    return np.einsum("pd,dfi->pfi", whole, coefficients)


def _sums(inverse: Array, counts: Array, spectrum: Spectrum, target: Array) -> Array:
    """Return z - `counts`, s, q, A, B at each 1/gamma of `inverse`, shape (5, points)."""
    out = np.empty((5, inverse.size))
    for cells in blocks(np.arange(inverse.size), spectrum.scaled.size):
        count, remainder, out[1, cells] = learned_split(inverse[cells], spectrum)
        out[0, cells] = (count - counts[cells]) + remainder
        odds = inverse[cells, None] * spectrum.scaled
        missed = 1.0 / (1.0 + odds)
        learned = odds * missed
        out[2, cells] = (learned * learned).sum(axis=1)
        out[3, cells] = (missed * missed) @ target
        out[4, cells] = (learned * missed) @ target
    return out


def tabulated_regularization(
    table: Table, n: ArrayLike, k: ArrayLike, ridge: ArrayLike
) -> tuple[float | Array, float | Array]:
    """Return (gamma, kappa) as `implicit_regularization` does, from a table: exact to about 1e-13.

    table: from `tabulate`; anything else is refused.
    n: number of samples, real, > 0.
    k: number of random features, real, > 0, or inf.
    ridge: ridge, in [0, inf], in units of the eigenvalues, no 1/n.

    `n`, `k`, `ridge` broadcast; limits as for `implicit_regularization`. Raises `ValueError` outside the domains.
    Source: paper, equations of the eigenframework, claim rf.F1.

    >>> gamma, kappa = tabulated_regularization(tabulate([1.0] * 100, [0.01] * 100), 25, 50, 0.0)
    >>> round(gamma, 12), round(kappa, 12)
    (3.0, 1.5)
    """
    (samples, features, ridges), shape = in_a_row(*read_sizes(n, k), read_ridge(ridge))
    gamma, state = _evaluate(table, samples, features, ridges, np.zeros_like(samples))
    return as_given(gamma, shape), as_given(gamma * share_of_features(state.r, features), shape)


def tabulated_risk(
    table: Table, n: ArrayLike, k: ArrayLike, ridge: ArrayLike, noise_variance: ArrayLike = 0.0
) -> float | Array:
    """Return the test error as `risk` does, from a table, in a few microseconds a cell.

    Exact to about 1e-13 as the deterministic equivalent; asymptotic as the error of an experiment.

    table: from `tabulate`; anything else is refused.
    n: number of samples, real, > 0.
    k: number of random features, real, > 0, or inf.
    ridge: ridge, in [0, inf], in units of the eigenvalues, no 1/n.
    noise_variance: label-noise variance, >= 0.

    `n`, `k`, `ridge`, `noise_variance` broadcast; limits as for `risk`. Raises `ValueError` outside the domains.
    Source: paper, eigenframework, claim rf.F1.

    >>> round(tabulated_risk(tabulate([1.0] * 100, [0.01] * 100), 30, 60, 0.0, 0.25), 10)
    2.0071428571
    """
    (samples, features, ridges, noise), shape = in_a_row(
        *read_sizes(n, k), read_ridge(ridge), read_noise(noise_variance)
    )
    return as_given(risk_of(_evaluate(table, samples, features, ridges, noise)[1]), shape)


def tabulated_train_error(
    table: Table, n: ArrayLike, k: ArrayLike, ridge: ArrayLike, noise_variance: ArrayLike = 0.0
) -> float | Array:
    """Return the train error as `train_error` does, from a table.

    Exact to about 1e-13 as the deterministic equivalent; asymptotic as the error of an experiment.

    table: from `tabulate`; anything else is refused.
    n: number of samples, real, > 0.
    k: number of random features, real, > 0, or inf.
    ridge: ridge, in [0, inf], in units of the eigenvalues, no 1/n.
    noise_variance: label-noise variance, >= 0.

    `n`, `k`, `ridge`, `noise_variance` broadcast; limits as for `train_error`. Raises `ValueError` outside the domains.
    Source: paper, eigenframework, claim rf.F1.

    >>> round(tabulated_train_error(tabulate([1.0] * 100, [0.01] * 100), 60, 30, 0.0, 0.25), 10)  # 1.9/4
    0.475
    """
    (samples, features, ridges, noise), shape = in_a_row(
        *read_sizes(n, k), read_ridge(ridge), read_noise(noise_variance)
    )
    state = _evaluate(table, samples, features, ridges, noise)[1]
    return as_given(train_error_of(state, risk_of(state)), shape)


def _evaluate(table: Table, n: Array, k: Array, ridge: Array, noise: Array) -> tuple[Array, State]:
    """Return gamma and the state of cells in a row: from the table where it reaches, else from the direct solution."""
    if not isinstance(table, Table):
        raise ValueError(f"table must come from tabulate, got {type(table).__name__}")
    spectrum, cells = table.spectrum, n.size
    gamma, sums = np.empty(cells), np.empty((6, cells))
    outside = np.ones(cells, dtype=bool)
    with np.errstate(over="ignore"):
        scaled_ridge = np.ldexp(ridge, -spectrum.exponent)
    scaled_ridge[scaled_ridge < NEGLIGIBLE * n] = 0.0
    for first in range(0, cells if table.octaves.size else 0, CELLS):
        piece = np.arange(first, min(first + CELLS, cells))
        piece = piece[np.isfinite(scaled_ridge[piece])]
        geometry = measure(n[piece], k[piece])
        found, octave, (low, high) = _locate(table, geometry, scaled_ridge[piece])
        inside = piece[found]
        geometry = geometry.of(found)
        inverse, values = _newton(table, geometry, scaled_ridge[inside], octave[found], low[found], high[found])
        less, more, _ = slacks(geometry, scaled_ridge[inside] * inverse)
        fewer = n[inside] <= k[inside]
        with np.errstate(over="ignore"):
            gamma[inside] = np.ldexp(1.0 / inverse, spectrum.exponent)
        sums[:, inside] = np.vstack([np.where(fewer, less, more), np.where(fewer, more, less), values])
        outside[inside] = False
    p, r, s, q, bias, shared = sums
    state = State(n, p, r, s, q, bias, shared, noise, np.zeros(cells, dtype=bool), 0.0)
    if not outside.any():
        return gamma, state
    direct = solve(n[outside], k[outside], ridge[outside], spectrum)
    gamma[outside] = direct.gamma
    exact = evaluate(n[outside], k[outside], ridge[outside], noise[outside], spectrum, table.target_power)
    return gamma, _merge(state, exact, outside)


def _merge(state: State, exact: State, outside: NDArray[np.bool_]) -> State:
    """Write the directly solved cells into the state."""
    for name in ("p", "r", "s", "q", "bias", "shared", "singular"):
        getattr(state, name)[outside] = getattr(exact, name)
    return replace(state, shared_per_spread=exact.shared_per_spread)


def _locate(
    table: Table, geometry: Geometry, ridge: Array
) -> tuple[NDArray[np.intp], NDArray[np.intp], tuple[Array, Array]]:
    """Return the cells whose root is tabulated, and for every cell the octave's index and g at its two ends.

    g = z - min(n, k) + a falls with gamma: bisection over the ends of the octaves.
    """
    edges = np.append(table.octaves - 0.5, table.octaves[-1] + 0.5)
    left = np.einsum("di,d->i", table.coefficients[:, 0], (-1.0) ** np.arange(DEGREE + 1))
    remainder = np.append(left, table.coefficients[:, 0, -1].sum())
    counts, inverse = np.append(table.counts, table.counts[-1]), np.exp2(-edges)

    def residual(edge: NDArray[np.intp]) -> Array:
        with np.errstate(over="ignore"):
            load = np.minimum(ridge * inverse[edge], ENOUGH)
        return (counts[edge] - geometry.smaller) + remainder[edge] + slacks(geometry, load)[0]

    low = np.zeros(ridge.size, dtype=np.intp)
    high = np.full(ridge.size, table.octaves.size, dtype=np.intp)
    at_low, at_high = residual(low), residual(high)
    found = np.flatnonzero((at_low >= 0.0) & (at_high <= 0.0))
    while np.any(high - low > 1):
        middle = (low + high) // 2
        value = residual(middle)
        above = value >= 0.0
        low, at_low = np.where(above, middle, low), np.where(above, value, at_low)
        high, at_high = np.where(above, high, middle), np.where(above, at_high, value)
    return found, low, (at_low, at_high)


def _newton(
    table: Table, geometry: Geometry, ridge: Array, octave: NDArray[np.intp], at_low: Array, at_high: Array
) -> tuple[Array, Array]:
    """Return 1/gamma and s, q, A, B of cells whose octave is known: a chord in t = 1/gamma, then Newton from below."""
    centre, counts = np.exp2(-table.octaves[octave]), table.counts[octave]
    coefficients = np.ascontiguousarray(table.coefficients[:, :2, octave])
    rise = at_low - at_high
    part = np.divide(-at_high, rise, out=np.zeros_like(rise), where=rise > 0.0)
    relative = np.exp2(-0.5) + part * (np.exp2(0.5) - np.exp2(-0.5))  # t in units of its value at the centre
    moving = np.ones(ridge.size, dtype=bool)
    residual = relative
    for _ in range(MAX_STEPS):
        remainder, spread = _horner(coefficients, -2.0 * np.log2(relative))
        slack, _, slope = slacks(geometry, ridge * (relative * centre))
        residual = (counts - geometry.smaller) + remainder + slack
        step = -residual / (spread + slope)
        relative = np.where(moving, relative * (1.0 + step), relative)  # a cell's result never depends on its company
        moving &= np.abs(step) >= STEP_TOLERANCE
        if not moving.any():
            return relative * centre, _horner(table.coefficients[:, 1:, octave], -2.0 * np.log2(relative))
    worst = int(np.argmax(np.abs(residual) * moving))
    low, high = np.ldexp(np.exp2(table.octaves[octave[worst]] + [-0.5, 0.5]), table.spectrum.exponent)
    raise SolveError(
        f"gamma not found in {MAX_STEPS} steps at min(n, k)={geometry.smaller[worst]:.17g}, "
        f"|k - n|={geometry.gap[worst]:.17g}: bracket [{low:.17g}, {high:.17g}], residual {residual[worst]:.3g} modes; "
        "remedy: use the direct functions for this cell"
    )


def _horner(coefficients: Array, x: Array) -> Array:
    """Return polynomials, shape (functions, cells), at one x per cell; coefficients (degree + 1, functions, cells)."""
    value = coefficients[-1].copy()
    for row in coefficients[-2::-1]:
        value *= x
        value += row
    return value
