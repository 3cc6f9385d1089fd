"""Solver of the fixed point of random-feature ridge regression (Simon et al., 2024): safeguarded, batched Newton.

The pair (gamma, kappa) solves n = z + ridge/kappa and k = z + k kappa/gamma with z = sum_i lambda_i/(lambda_i + gamma).
Eliminating kappa leaves one monotone equation, ridge = gamma (k - z) (n - z) / k. In t = 1/gamma it reads g(t) = 0 with

    g(t) = z(t) - min(n, k) + a(t),        a = 2 w / (d + sqrt(d^2 + 4 w)),   w = k ridge t,   d = |k - n|,

where a is the smaller of the two slacks n - z and k - z, and a + d the larger. z and a are concave and increasing in t,
so is g: a Newton step from anywhere lands below the root, and steps from below climb to it. The logarithmic slopes of z
and a change no faster than t and 1/t, so a relative step e encloses the root in [t (1 + e), t / (1 - e)]; the iteration
stops at |e| < 2e-9, after which the error is below e^2.

No digits are lost: the slacks come from w and d, never from n - z; and z - min(n, k) is summed as (number of modes with
lambda_i > gamma) - min(n, k), exact for whole sizes, minus the unlearned parts of those modes plus the learned parts of
the others. Eigenvalues and ridge are first divided by a power of two, so that scales of 1e-100 or 1e100 do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_vector
from theory.random_features._cells import blocks

Array = NDArray[np.float64]
MAX_STEPS = 200
STEP_TOLERANCE = 2e-9
LONG = 512  # modes from which cells are summed one by one instead of together
LEAP = 40.0  # in ln t, the furthest that one trial runs ahead
# Relative to the largest eigenvalue: eigenvalues and ridge/n below it count as 0, ridge/n above its inverse as inf.
NEGLIGIBLE = 2.0**-900


class SolveError(ArithmeticError):
    """A root was not found to full accuracy; the message carries cell, bracket, residual and a remedy."""


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues in units of 2^exponent: `scaled` in the caller's order, `ascending` the positive ones, sorted.

    `tails` holds the sums of all but the `heads` = 0, 1, 2, ... largest, the heads growing by a factor sqrt(2).
    """

    scaled: Array
    ascending: Array
    exponent: int
    heads: Array
    tails: Array

    @property
    def rank(self) -> int:
        """Number of positive eigenvalues."""
        return self.ascending.size


@dataclass(frozen=True)
class FixedPoint:
    """Solution, one entry per cell: `inverse` = 2^exponent/gamma in [0, inf], slacks n - z and k - z, gamma, kappa."""

    inverse: Array
    sample_slack: Array
    feature_slack: Array
    gamma: Array
    kappa: Array


@dataclass(frozen=True)
class Geometry:
    """What the slacks need of (n, k), free of overflow at k = inf: all but `smaller` and `gap` divided by max(n, k)."""

    smaller: Array  # min(n, k)
    gap: Array  # |k - n|
    relative_gap: Array
    relative_features: Array  # k / max(n, k)
    reciprocal: Array  # 1 / max(n, k)

    def of(self, cells: NDArray[np.intp] | NDArray[np.bool_]) -> Geometry:
        """The same for a selection of cells."""
        return Geometry(*(getattr(self, name)[cells] for name in self.__dataclass_fields__))


def read_spectrum(eigenvalues: ArrayLike) -> Spectrum:
    """Check the eigenvalues, divide them by the power of two at the largest, sort the positive ones."""
    given = check_vector("eigenvalues", eigenvalues, low=0.0)
    exponent = int(np.frexp(given.max())[1]) - 1
    scaled = np.ldexp(given, -exponent) if exponent else given.copy()
    if scaled.min() < NEGLIGIBLE:
        scaled[scaled < NEGLIGIBLE] = 0.0
    reverse = scaled[::-1]
    ascending = np.ascontiguousarray(reverse) if np.all(reverse[:-1] <= reverse[1:]) else np.sort(scaled)
    ascending = ascending[np.searchsorted(ascending, 0.0, side="right") :]
    rank = ascending.size
    if not rank:
        return Spectrum(scaled, ascending, exponent, np.zeros(1), np.zeros(1))
    heads = np.floor(2.0 ** np.arange(-1.0, np.log2(rank), 0.5)).astype(int)
    heads = heads[np.diff(heads, prepend=-1) > 0]
    tails = np.add.reduceat(ascending[::-1], heads)[::-1].cumsum()[::-1]
    return Spectrum(scaled, ascending, exponent, heads.astype(float), tails)


def inverse_of(gamma: Array, spectrum: Spectrum) -> Array:
    """Return 2^exponent/gamma, inf at gamma = 0."""
    mantissa, power = np.frexp(gamma)
    with np.errstate(divide="ignore", over="ignore"):
        return np.ldexp(1.0 / mantissa, spectrum.exponent - power)


def solve(n: Array, k: Array, ridge: Array, spectrum: Spectrum) -> FixedPoint:
    """Solve checked cells in a row, the limits of vanishing and huge ridge included."""
    with np.errstate(over="ignore"):
        scaled_ridge = np.ldexp(ridge, -spectrum.exponent)
        share = scaled_ridge / n
    scaled_ridge = np.where(share < NEGLIGIBLE, 0.0, scaled_ridge)
    exhausted = (scaled_ridge == 0.0) & (np.minimum(n, k) >= spectrum.rank)
    huge = share > 1.0 / NEGLIGIBLE
    inverse = np.where(huge, 0.0, np.inf)
    learned = np.where(huge, 0.0, float(spectrum.rank))
    sample_slack, feature_slack = n - learned, k - learned
    cells = np.flatnonzero(~(exhausted | huge))
    for part in blocks(cells, spectrum.heads.size):
        geometry = measure(n[part], k[part])
        inverse[part] = climb(geometry, scaled_ridge[part], spectrum)
        smaller, larger, _ = slacks(geometry, scaled_ridge[part] * inverse[part])
        fewer_samples = n[part] <= k[part]
        sample_slack[part] = np.where(fewer_samples, smaller, larger)
        feature_slack[part] = np.where(fewer_samples, larger, smaller)
    return _with_units(n, k, ridge, spectrum, FixedPoint(inverse, sample_slack, feature_slack, inverse, inverse))


def _with_units(n: Array, k: Array, ridge: Array, spectrum: Spectrum, point: FixedPoint) -> FixedPoint:
    """Attach gamma and kappa = gamma (k - z)/k in the caller's units; at huge ridge gamma = ridge/n."""
    with np.errstate(divide="ignore", over="ignore"):
        gamma = np.where(point.inverse > 0.0, np.ldexp(1.0 / point.inverse, spectrum.exponent), ridge / n)
    share = share_of_features(point.feature_slack, k)
    kappa = np.multiply(gamma, share, out=np.zeros_like(gamma), where=share > 0.0)
    return FixedPoint(point.inverse, point.sample_slack, point.feature_slack, gamma, kappa)


def share_of_features(feature_slack: Array, k: Array) -> Array:
    """Return (k - z)/k = kappa/gamma, 1 at k = inf."""
    return np.divide(feature_slack, k, out=np.ones_like(k), where=np.isfinite(k))


def measure(n: Array, k: Array) -> Geometry:
    """Gather the combinations of the sizes that the slacks need."""
    smaller, larger = np.minimum(n, k), np.maximum(n, k)
    finite = np.isfinite(larger)
    gap = larger - smaller
    relative_gap = np.divide(gap, larger, out=np.ones_like(gap), where=finite)
    relative_features = np.divide(k, larger, out=np.ones_like(gap), where=finite)
    return Geometry(smaller, gap, relative_gap, relative_features, 1.0 / larger)


def slacks(geometry: Geometry, load: Array) -> tuple[Array, Array, Array]:
    """Return the smaller slack a, the larger a + d, and da/dln t, at load = ridge/gamma; all 0 at load = d = 0."""
    weight = load * geometry.relative_features
    root = np.sqrt(geometry.relative_gap**2 + 4.0 * weight * geometry.reciprocal)
    smaller, slope = np.zeros_like(root), np.zeros_like(root)
    np.divide(2.0 * weight, geometry.relative_gap + root, out=smaller, where=root > 0.0)
    np.divide(weight, root, out=slope, where=root > 0.0)
    return smaller, smaller + geometry.gap, slope


def climb(geometry: Geometry, ridge: Array, spectrum: Spectrum) -> Array:
    """Newton's iteration for g(t) = 0 (module head); `ridge` in units of 2^exponent.

    A step ends below the root wherever it starts (one that undoes nearly all of t does so only up to rounding and is
    dropped). Where z saturates, min(n, k) just at a gap of the spectrum or at its rank, steps only double t: after
    three such steps the trial goes 2, 4, 8, ... steps at once, to the geometric middle of the bracket at most.
    """
    trial = start(geometry, ridge, spectrum)
    root, cells = trial.copy(), np.arange(trial.size)
    bound, ceiling, streak = trial, np.full(trial.size, np.inf), np.zeros(trial.size)
    step = residual = trial
    for _ in range(MAX_STEPS):
        count, remainder, spread = learned_split(trial, spectrum)
        slack, _, slope = slacks(geometry, ridge * trial)
        residual = (count - geometry.smaller) + remainder + slack
        step = np.divide(-residual, spread + slope, out=np.zeros_like(trial), where=spread + slope > 0.0)
        after = np.where(step > -0.9, trial * (1.0 + step), 0.0)
        near = np.abs(step) < STEP_TOLERANCE
        if near.any():
            root[cells[near]] = after[near]
            if near.all():
                return root
            geometry, cells, ridge = geometry.of(~near), cells[~near], ridge[~near]
            trial, bound, ceiling, streak, step, residual, after = (
                row[~near] for row in (trial, bound, ceiling, streak, step, residual, after)
            )
        bound = np.maximum(bound, after)
        ceiling = np.where(step < 0.0, np.minimum(ceiling, trial / (1.0 + np.abs(step))), ceiling)
        streak = np.where(step < 0.0, streak, np.where(step > 0.5, streak + 1.0, 0.0))
        trial = bound
        if streak.max() > 2.0:
            ahead = np.exp2(np.clip(streak - 2.0, 0.0, 10.0)) - 1.0
            leap = np.exp(np.minimum(ahead * np.log1p(np.maximum(step, 0.0)), LEAP))
            middle = np.minimum(np.sqrt(bound) * np.sqrt(ceiling), 1.0 / NEGLIGIBLE)
            trial = np.maximum(np.minimum(bound * leap, middle), bound)
    raise _failure(geometry, ridge, step, residual, (bound, ceiling), spectrum.exponent)


def learned_split(inverse: Array, spectrum: Spectrum) -> tuple[Array, Array, Array]:
    """Return (count, remainder, s) at 1/gamma = `inverse`: z = count + remainder, count = modes with lambda_i > gamma.

    The remainder, learned parts of the other modes minus unlearned parts of these, is at most 2 s in size, so z minus a
    whole number keeps all digits. So does s, the sum of the parts c minus that of c^2, since no part exceeds 1/2.
    """
    out = np.empty((3, inverse.size))
    if spectrum.rank >= LONG:
        scratch = np.empty((2, spectrum.rank))
        for cell, t in enumerate(inverse):
            out[:, cell] = _split_one(float(t), spectrum.ascending, *scratch)
    else:
        for cells in blocks(np.arange(inverse.size), spectrum.rank):
            odds = inverse[cells, None] * spectrum.ascending
            parts = np.minimum(odds, 1.0) / (1.0 + odds)
            mostly = odds > 1.0
            out[0, cells] = np.count_nonzero(mostly, axis=1)
            out[1, cells] = np.where(mostly, -parts, parts).sum(axis=1)
            out[2, cells] = (parts * (1.0 - parts)).sum(axis=1)
    return out[0], out[1], out[2]


def _split_one(inverse: float, ascending: Array, odds: Array, missed: Array) -> tuple[float, float, float]:
    """Return what `learned_split` does for one cell, in place, touching memory as little as possible."""
    np.multiply(ascending, inverse, out=odds)
    np.add(odds, 1.0, out=missed)
    np.divide(1.0, missed, out=missed)
    cut = int(np.searchsorted(odds, 1.0, side="right"))
    learned, unlearned = odds[:cut], missed[cut:]
    learned *= missed[:cut]
    little, lot = float(np.add.reduce(learned)), float(np.add.reduce(unlearned))
    spread = little + lot - float(learned @ learned) - float(unlearned @ unlearned)
    return float(odds.size - cut), little - lot, spread


def start(geometry: Geometry, ridge: Array, spectrum: Spectrum) -> Array:
    """Return t with g <= 0: the best of the roots for the bounds z <= j + t sum_{i>j} lambda_i, several j."""
    beyond = np.maximum(geometry.smaller[:, None] - spectrum.heads, 0.0)
    fewer = beyond * geometry.reciprocal[:, None]
    gap = geometry.relative_gap[:, None]
    more = fewer + gap
    load = (geometry.relative_features * ridge)[:, None]
    total = (fewer + more) * spectrum.tails + load
    part = np.divide(load, total, out=np.zeros_like(total), where=beyond > 0.0)
    root = np.sqrt((gap * (1.0 - part) / np.where(beyond > 0.0, fewer + more, 1.0)) ** 2 + part * (2.0 - part))
    candidate = np.zeros_like(total)
    np.divide(beyond * more, total * (0.5 + 0.5 * root), out=candidate, where=beyond > 0.0)
    return candidate.max(axis=1)


def _failure(
    geometry: Geometry, ridge: Array, step: Array, residual: Array, bracket: tuple[Array, Array], unit: int
) -> SolveError:
    """Describe the cell that is furthest from its root."""
    worst = int(np.argmax(np.abs(step)))
    low, high, given = np.ldexp([1.0 / bracket[1][worst], 1.0 / bracket[0][worst], ridge[worst]], unit)
    return SolveError(
        f"gamma not found in {MAX_STEPS} steps at min(n, k)={geometry.smaller[worst]:.17g}, "
        f"|k - n|={geometry.gap[worst]:.17g}, ridge={given:.17g}: bracket [{low:.17g}, {high:.17g}], "
        f"residual {residual[worst]:.3g} modes, last relative step {step[worst]:.3g}; "
        "remedy: raise the ridge, or drop eigenvalues that lie many decades below the rest"
    )
