"""The best ridge of random-feature ridge regression (Simon et al., 2024): all local minima are found and compared.

At fixed sizes the test error E is a function of u = ln gamma alone. In the letters of `errors`, with
a = sum v_i^2 e_i f_i^2 and c = sum e_i^2 f_i, the derivative dE/du has the sign of

    a g (p + s g) + B h p g c/s - B s h^2 - N (c g^2 + s h),

from which everything that cancels identically has been removed by hand. The curve can have several minima; they lie
where the sign turns from - to +. It is scanned on a grid of u (steps <= 0.15, at least 200 points; one table of sums
serves all cells) that a tiny ridge closes below and that ends where the sign must be +. Each turn is refined in
ln ridge, where no slack loses digits. Ridge 0 is a candidate where the sign begins with +. Where its error is inf the
scan begins at the smallest ridge that the solver tells from 0, and that ridge is a candidate too.

Symbols: see the head of the package. Exact: the minimum of the deterministic equivalent as a function of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from theory.random_features._cells import as_given, blocks, in_a_row, read_noise, read_sizes, read_target
from theory.random_features._solver import NEGLIGIBLE, Spectrum, learned_split, read_spectrum, share_of_features, solve
from theory.random_features._state import evaluate, risk_of

__all__ = ["optimal_ridge"]

Array = NDArray[np.float64]
SCAN_STEP = 0.15  # in ln gamma, where every sum is analytic in a strip of half-width pi: nothing is as narrow as this
SCAN_POINTS = 200
LOWEST = 1e-40  # what stands for ridge 0+, relative to the smallest ridge scanned


@dataclass(frozen=True)
class Sums:
    """Sums over modes, one entry per point: 1/gamma, z as count + remainder, and s, c, A, B, a of the module head."""

    inverse: Array
    count: Array
    remainder: Array
    s: Array
    c: Array
    bias: Array
    shared: Array
    missed_shared: Array


def optimal_ridge(
    n: ArrayLike,
    k: ArrayLike,
    eigenvalues: ArrayLike,
    target_power: ArrayLike,
    noise_variance: ArrayLike = 0.0,
) -> tuple[float | Array, float | Array]:
    """Return (ridge, risk): the ridge of the smallest test error, and that error.

    The global minimum over [0, inf] of `risk`, a deterministic equivalent (asymptotic for the experiment); the minimum
    itself is exact up to rounding. The ridge is a root of the derivative,
    found to about 1e-14 of gamma s, the scale of ridges on which the curve bends (comparing values would give 1e-8).

    n: number of samples, real, > 0.
    k: number of random features, real, > 0, or inf.
    eigenvalues: kernel eigenvalues, shape (modes,), >= 0, any order.
    target_power: squared target coefficients, shape (modes,), >= 0.
    noise_variance: label-noise variance, >= 0.

    `n`, `k`, `noise_variance` broadcast. Limits: ridge inf where nothing can be learned (all v_i^2 lambda_i = 0), ridge
    0 where interpolation is best or everything is 0. With v_i^2 = c lambda_i and k = inf it is noise_variance/c. Where
    ridge 0 has risk inf (n = rank <= k with noise) the ridge is > 0 and the risk finite, at any noise; ridges below
    n 2^-899 of the largest eigenvalue, which noise beneath 1e-180 of the target can want, are rounded up to it.
    Raises `ValueError` outside the domains. Source: derived, claims rf.T1, rf.T1m.

    >>> ridge, error = optimal_ridge(40, float("inf"), [1.0, 0.5, 0.25], [3.0, 1.5, 0.75], 0.6)  # noise/c = 0.6/3
    >>> round(ridge, 10)
    0.2
    """
    (samples, features, noise), shape = in_a_row(*read_sizes(n, k), read_noise(noise_variance))
    spectrum = read_spectrum(eigenvalues)
    target = read_target(target_power, spectrum.scaled.size)
    ridge = np.where(target.sum() + noise > 0.0, np.inf, 0.0)
    if samples.size and np.any(spectrum.scaled * target > 0.0):
        unit = replace(spectrum, exponent=0)
        grid = _grid(samples, features, noise, unit, target)
        best = np.array([_best(*cell, grid, unit, target) for cell in zip(samples, features, noise, strict=True)])
        with np.errstate(over="ignore"):
            ridge = np.ldexp(best, spectrum.exponent)
        ridge[(ridge == 0.0) & (best > 0.0)] = np.nextafter(0.0, 1.0)  # a ridge > 0 that underflows is still not 0
    error = risk_of(evaluate(samples, features, ridge, noise, spectrum, target))
    return as_given(ridge, shape), as_given(error, shape)


def _grid(n: Array, k: Array, noise: Array, spectrum: Spectrum, target: Array) -> Sums:
    """Return the sums on a grid of ln gamma that reaches from the ridgeless end of every cell to where E must rise."""
    least = solve(n, k, np.zeros_like(n), spectrum).inverse
    lowest = np.min(np.where(np.isinf(least), 1e-3 * spectrum.ascending[0], 1.0 / least))
    trace, smaller = spectrum.ascending.sum(), np.minimum(n, k)
    curvature = (noise + target.sum()) * ((spectrum.ascending**2).sum() + trace**2 / k)
    noisy = curvature / (n * (spectrum.scaled * target).sum())  # gamma >> this: the signal -1/gamma outweighs 1/gamma^2
    highest = np.max(np.maximum(10.0, np.maximum(4.0 * trace / smaller, 10.0 * noisy)))
    low, high = np.log(lowest), np.log(highest)
    points = max(SCAN_POINTS, int(np.ceil((high - low) / SCAN_STEP)))
    return _sums(np.exp(-np.linspace(low, high, points)), spectrum, target)


def _sums(inverse: Array, spectrum: Spectrum, target: Array) -> Sums:
    """Return the sums at each 1/gamma of `inverse`."""
    count, remainder, s, c, bias, shared, missed_shared = np.empty((7, inverse.size))
    for cells in blocks(np.arange(inverse.size), spectrum.scaled.size):
        count[cells], remainder[cells], s[cells] = learned_split(inverse[cells], spectrum)
        odds = inverse[cells, None] * spectrum.scaled
        missed = 1.0 / (1.0 + odds)
        learned = odds * missed
        bias[cells] = (missed * missed) @ target
        c[cells] = (learned * learned * missed).sum(axis=1)
        learned *= missed
        shared[cells] = learned @ target
        missed_shared[cells] = (learned * missed) @ target
    return Sums(inverse, count, remainder, s, c, bias, shared, missed_shared)


def _slope(p: Array, r: Array, noise: float, sums: Sums) -> Array:
    """Return the module head's expression over the sum of its terms' sizes, in [-1, 1]; 0 where it is rounding."""
    s, shared = sums.s, sums.shared
    finite = np.isfinite(r)
    total = np.where(finite & (s + r > 0.0), s + r, 1.0)
    h = np.where(finite, s / total, 0.0)
    g = np.where(finite, np.where(finite, r, 1.0) / total, 1.0)
    ratio = np.divide(sums.c, s, out=np.zeros_like(s), where=s > 0.0)
    unit = np.where(np.maximum(s, p) > 0.0, np.maximum(s, p), 1.0)  # divided out: s and p may both be of order 1e-130
    p, s = p / unit, s / unit
    rising = sums.missed_shared * g * (p + s * g) + shared * h * p * g * ratio
    falling = shared * s * h**2 + (sums.bias + noise) * s * (ratio * g**2 + h)
    size = rising + falling
    slope = np.divide(rising - falling, size, out=np.zeros_like(size), where=size > 0.0)
    return np.where(np.abs(slope) < 32.0 * np.finfo(float).eps, 0.0, slope)


def _best(n: float, k: float, noise: float, grid: Sums, spectrum: Spectrum, target: Array) -> float:
    """Return the best ridge of one cell, in the units of `spectrum`."""
    gap, smaller = abs(k - n), min(n, k)
    slack = (smaller - grid.count) - grid.remainder
    inside = slack > 64.0 * np.finfo(float).eps * grid.s
    little, large = slack[inside], slack[inside] + gap
    p, r = (little, large) if n <= k else (large, little)
    seen = Sums(*(getattr(grid, name)[inside] for name in grid.__dataclass_fields__))
    ridges = p * share_of_features(r, np.full_like(r, k)) / seen.inverse

    def at(log_ridge: float) -> float:
        point = solve(np.array([n]), np.array([k]), np.exp([log_ridge]), spectrum)
        inverse = np.minimum(point.inverse, 2.0**1000)
        return float(_slope(point.sample_slack, point.feature_slack, noise, _sums(inverse, spectrum, target))[0])

    diverging = bool(np.isinf(_risk_at(np.zeros(1), n, k, noise, spectrum, target)[0]))
    faintest = 2.0 * NEGLIGIBLE * n
    lowest = faintest if diverging else ridges[0] * LOWEST
    logs = np.log(np.maximum(np.r_[lowest, ridges], np.finfo(float).tiny))
    slopes = np.r_[at(logs[0]), _slope(p, r, noise, seen)]
    logs, slopes = logs[slopes != 0.0], slopes[slopes != 0.0]
    turns = np.flatnonzero((slopes[:-1] < 0.0) & (slopes[1:] > 0.0))
    found = [0.0] if not slopes.size or slopes[0] > 0.0 else []
    found += [float(np.exp(_root(at, logs[i], logs[i + 1]))) for i in turns]
    found += [np.inf] if slopes.size and slopes[-1] < 0.0 else []
    candidates = np.array([*found, faintest] if diverging else found)
    return float(candidates[np.argmin(_risk_at(candidates, n, k, noise, spectrum, target))])


def _risk_at(ridge: Array, n: float, k: float, noise: float, spectrum: Spectrum, target: Array) -> Array:
    """Return the test error of one cell at several ridges."""
    row = np.ones_like(ridge)
    return risk_of(evaluate(n * row, k * row, ridge, noise * row, spectrum, target))


def _root(slope: Callable[[float], float], low: float, high: float) -> float:
    """Return the zero of `slope` in [low, high]; an end where rounding has already taken the sign away is that zero."""
    at_low, at_high = slope(low), slope(high)
    if at_low >= 0.0 or at_high <= 0.0:
        return low if abs(at_low) < abs(at_high) else high
    return float(brentq(slope, low, high, xtol=1e-13, rtol=8.9e-16))  # pyright: ignore[reportArgumentType]
