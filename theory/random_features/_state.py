"""The sums over modes behind test and train error of solved cells, and the errors that they give.

The letters are those of `errors`. The limit gamma -> 0 is taken term by term; where p -> 0 as well (n = rank), p and s
vanish with ratio 1, and B/s tends to a constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.random_features._cells import blocks
from theory.random_features._solver import Spectrum, learned_split, measure, solve

Array = NDArray[np.float64]


@dataclass(frozen=True)
class State:
    """Solved cells in a row, one entry per cell; the letters are those of the module head."""

    n: Array
    p: Array
    r: Array
    s: Array
    q: Array
    bias: Array  # A
    shared: Array  # B
    noise: Array
    singular: NDArray[np.bool_]  # the limit gamma = p = 0
    shared_per_spread: float  # B/s in that limit

    @property
    def unexplained(self) -> Array:
        """N = A + sigma^2."""
        return self.bias + self.noise

    @property
    def spread_share(self) -> Array:
        """h = s/(s + r), 0 at k = inf; where s and r vanish they do so with ratio 1."""
        return _ratio(self.s, self.s + self.r, np.full_like(self.s, 0.5))

    @property
    def slack_share(self) -> Array:
        """g = r/(s + r), 1 at k = inf."""
        finite = np.where(np.isfinite(self.r), self.r, 1.0)
        return np.where(np.isfinite(self.r), _ratio(finite, self.s + finite, np.full_like(self.s, 0.5)), 1.0)


def evaluate(n: Array, k: Array, ridge: Array, noise: Array, spectrum: Spectrum, target: Array) -> State:
    """Solve checked cells in a row and return their sums."""
    point = solve(n, k, ridge, spectrum)
    return state_at(n, point.sample_slack, point.feature_slack, noise, point.inverse, spectrum, target)


def state_at(n: Array, p: Array, r: Array, noise: Array, inverse: Array, spectrum: Spectrum, target: Array) -> State:
    """Return the sums at 1/gamma = `inverse` (0 and inf included) with the slacks p and r."""
    s, q, bias, shared = np.empty((4, inverse.size))
    for cells in blocks(np.arange(inverse.size), spectrum.scaled.size):
        odds = np.where(np.isinf(inverse[cells]), 0.0, inverse[cells])[:, None] * spectrum.scaled
        missed = 1.0 / (1.0 + odds)
        learned = odds * missed
        q[cells] = (learned * learned).sum(axis=1)
        learned *= missed
        s[cells], shared[cells] = learned.sum(axis=1), (learned * target).sum(axis=1)
        bias[cells] = (missed * missed * target).sum(axis=1)
    zero = np.isinf(inverse)
    q[zero], bias[zero] = spectrum.rank, target[spectrum.scaled == 0.0].sum()
    singular = zero & (p == 0.0)
    return State(n, p, r, s, q, bias, shared, noise, singular, _shared_per_spread(spectrum, target))


def slacks_at(inverse: Array, n: Array, k: Array, spectrum: Spectrum) -> tuple[Array, Array]:
    """Return n - z and k - z at 1/gamma = `inverse`; NaN where z > min(n, k) beyond rounding."""
    geometry = measure(n, k)
    smaller = np.empty_like(inverse)
    for cells in blocks(np.arange(inverse.size), spectrum.rank):
        capped = np.minimum(inverse[cells], 2.0**1000)
        count, remainder, spread = learned_split(capped, spectrum)
        excess = (count - geometry.smaller[cells]) + remainder
        rounding = 64.0 * np.finfo(float).eps * spread
        smaller[cells] = np.where(np.abs(excess) <= rounding, 0.0, np.where(excess < 0.0, -excess, np.nan))
    remaining = geometry.smaller - spectrum.rank
    smaller = np.where(np.isinf(inverse), np.where(remaining >= 0.0, remaining, np.nan), smaller)
    larger = smaller + geometry.gap
    return np.where(n <= k, smaller, larger), np.where(n <= k, larger, smaller)


def risk_of(state: State) -> Array:
    """Return the test error of a state."""
    numerator = state.unexplained + state.shared * state.spread_share
    denominator = state.p + state.s * state.slack_share
    limit = np.where(state.singular, _singular_variance(state), 0.0)
    diverging = np.where(state.singular, state.unexplained, numerator) > 0.0
    return _ratio(state.n * numerator, denominator, np.where(diverging, np.inf, limit))


def train_error_of(state: State, test: Array) -> Array:
    """Return the train error that belongs to the test error."""
    return np.multiply((state.p / state.n) ** 2, test, out=np.zeros_like(test), where=state.p > 0.0)


def parts_of(state: State) -> tuple[Array, Array, Array, Array, Array]:
    """Return the five parts of the test error in the order of `Decomposition`."""
    n, p, s, q, unexplained, share = state.n, state.p, state.s, state.q, state.unexplained, state.spread_share
    feature = state.shared * share
    infinite = np.where(unexplained > 0.0, np.inf, 0.0)
    sample = _ratio(unexplained * q, p + s, infinite)
    numerator = n * unexplained * _ratio(s, p + s, np.full_like(s, 0.5)) * share + feature * (q + s * share)
    vanishing = _ratio(n * unexplained, 4.0 * state.r, infinite) + _singular_variance(state)
    otherwise = np.where(state.singular, vanishing, np.where(numerator > 0.0, np.inf, 0.0))
    interaction = _ratio(numerator, p + s * state.slack_share, otherwise)
    return state.bias, feature, sample, interaction, state.noise


def _singular_variance(state: State) -> Array:
    """Limit of n B h/(p + s g) as gamma = p = s -> 0: B/s stays, h = g = 1/2 where k = rank too, else h = 0."""
    share = np.where(state.r > 0.0, 0.0, 1.0 / 3.0)
    return state.n * share * state.shared_per_spread


def _shared_per_spread(spectrum: Spectrum, target: Array) -> float:
    """Limit of B/s for gamma -> 0: (sum v_i^2/lambda_i)/(sum 1/lambda_i), in units free of overflow."""
    positive = spectrum.scaled > 0.0
    if not spectrum.rank:
        return 0.0
    weight = spectrum.ascending[0] / spectrum.scaled[positive]
    return float((weight * target[positive]).sum() / weight.sum())


def _ratio(numerator: Array, denominator: Array, otherwise: Array) -> Array:
    """Return the quotient, and `otherwise` where the denominator is 0; inf where it exceeds the largest float."""
    with np.errstate(over="ignore"):
        return np.divide(numerator, denominator, out=otherwise.astype(float), where=denominator > 0.0)
