"""Weights and sensitivities of many arms in a tree: laws against numpy, sums after long walks, draws, lost scales."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulations.exp3 import _many as many
from simulations.exp3.variant import CLASSIC, Variant

PLAIN = CLASSIC.options()
SIZES = [1, 3, 8, 9, 32, 33, 64, 65, 1000]


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def weights(y: np.ndarray) -> many.Weights:
    """The weights of given log weights, reached by moving one arm after the other."""
    state = many.new_weights(y.size)
    for arm in range(y.size):
        many.move(state, arm, -float(y[arm]), 1.0)
    return state


def moments(state: many.Weights, g: np.ndarray, c: np.ndarray) -> many.Moments:
    """The moments of given sensitivities, reached by changing one arm after the other."""
    found = many.new_moments(g.size)
    for arm in range(g.size):
        found.g[arm], found.c[arm] = g[arm], c[arm]
        many.refresh(state, found, arm, False)
    return found


def law(y: np.ndarray) -> np.ndarray:
    p = np.exp(y - np.max(y))
    return p / np.sum(p)


# --- identities and limits


@pytest.mark.parametrize("n", SIZES)
def test_the_first_round_is_uniform(n: int) -> None:
    state, flat = many.new_weights(n), many.new_moments(n)
    for arm in {0, n // 2, n - 1}:
        assert many.sensitive_law_of(state, flat, arm) == (1 / n, n - 1, 0.0, 0.0)
    assert (state.sums[0], state.sums[1], many.spread(state, flat)) == (0.0, n, 0.0)


def test_laws_of_arms_beyond_the_range_of_exp() -> None:
    state = weights(np.array([-1e5, 0.0, -2e300]))
    assert many.log_of(state, 0, many.law_of(state, 0)[1]) == -1e5
    assert many.log_of(state, 2, many.law_of(state, 2)[1]) == -2e300
    assert many.law_of(state, 1) == (1.0, 0.0)
    many.move(state, 1, math.inf, 1.0)  # the best arm dies; the others are weighed anew
    assert many.law_of(state, 0)[0] == 1.0
    assert many.log_of(state, 1, many.law_of(state, 1)[1]) == -math.inf


# --- oracle


@pytest.mark.parametrize("n", SIZES)
def test_many_arms_against_numpy(n: int) -> None:
    y = 6 * rng(n).standard_normal(n)
    g, c = 50 * rng(n + 1).standard_normal(n), 900 * rng(n + 2).standard_normal(n)
    state, p = weights(y), law(y)
    found = moments(state, g, c)
    scale = np.abs(g).max() ** 2
    assert many.spread(state, found) == pytest.approx(np.sum(p * (g - p @ g) ** 2), abs=1e-14 * scale)
    for arm in {0, n // 2, n - 1}:
        q, odds, h, k = many.sensitive_law_of(state, found, arm)
        assert (q, odds) == many.law_of(state, arm)
        assert q == pytest.approx(p[arm], rel=1e-13)  # exponents up to 25 carry 25 eps into exp, twice
        assert many.log_of(state, arm, odds) == pytest.approx(math.log(p[arm]), rel=1e-13, abs=1e-13)
        assert h == pytest.approx(g[arm] - p @ g, abs=1e-13 * scale**0.5)
        assert k == pytest.approx(c[arm] - p @ c, abs=1e-10)


def test_an_arm_that_has_nearly_everything_keeps_its_digits() -> None:
    """Odds, score and spread near 1e-130 relative to g, where a difference of sums would leave nothing."""
    n, best = 50, 20
    y, g = np.full(n, -300.0), np.linspace(-70.0, 30.0, n)
    y[best] = 0.0
    state = weights(y)
    found, others = moments(state, g, g**2), np.delete(g, best)
    q, odds, h, k = many.sensitive_law_of(state, found, best)
    tiny = math.exp(-300.0)
    assert (q, odds) == (1.0, pytest.approx(49 * tiny, rel=1e-13))  # log weights of 300: 300 eps
    assert h == pytest.approx(tiny * np.sum(g[best] - others), rel=1e-12)
    assert k == pytest.approx(tiny * np.sum(g[best] ** 2 - others**2), rel=1e-12)
    assert many.spread(state, found) == pytest.approx(tiny * np.sum((g[best] - others) ** 2), rel=1e-12)


# --- properties


@pytest.mark.parametrize("n", [3, 40, 200, 1000])
def test_sums_do_not_drift(n: int) -> None:
    """A long walk of moves leaves the state that its log weights have when they are set at once."""
    state = many.new_weights(n)
    for arm, change in zip(rng(n).integers(0, n, 20_000), rng(n + 1).exponential(0.3, 20_000), strict=True):
        many.move(state, int(arm), float(change), 1.0)
    p = law(state.y)
    assert 0.5 <= state.sums[1] <= 1e6
    np.testing.assert_allclose(state.w[:n] / state.sums[1], p, rtol=1e-12)  # log weights near -100: 100 eps
    assert many.move(state, 0, 0.0, 0.5)  # scaling touches every arm
    np.testing.assert_allclose(state.w[:n] / state.sums[1], law(state.y), rtol=1e-13)


@pytest.mark.parametrize("n", [40, 1000])
def test_one_path_is_enough(n: int) -> None:
    """Moments brought up to date arm by arm are those of all leaves and nodes formed anew."""
    state, walked = weights(rng(3).standard_normal(n)), many.new_moments(n)
    for arm in rng(4).integers(0, n, 3000):
        walked.g[arm] += rng(arm).normal()
        walked.c[arm] -= 3 * walked.g[arm] ** 2
        many.refresh(state, walked, int(arm), many.move(state, int(arm), 0.05, 1.0))
    anew = many.Moments(walked.g, walked.c, np.zeros_like(walked.nodes))
    many.refresh(state, anew, 0, True)
    size = np.max(np.abs(anew.nodes), axis=0)
    assert np.all(np.abs(walked.nodes - anew.nodes) <= 1e-15 * size)  # the order of two sums of a scatter


@pytest.mark.parametrize("mixing", [0.0, 0.3])
def test_draws_have_the_law_of_the_weights(mixing: float) -> None:
    n, count = 70, 40_000
    y = rng(9).standard_normal(n)
    y[5] = -800.0
    state, options = weights(y), Variant(mixing=mixing).options()
    drawn = [many.draw(state, (i + 0.5) / count, options) for i in range(count)]
    p = (1 - mixing) * law(y) + mixing / n
    # a grid of uniforms: every arm's interval, or two of them, ends within one step
    np.testing.assert_allclose(np.bincount(drawn, minlength=n) / count, p, atol=2 / count)
    assert many.draw(state, 1 - 2.0**-53, options) == n - 1


def test_draws_beyond_the_last_weight_stay_among_the_arms() -> None:
    for n in (9, 33, 1000):
        y = rng(n).standard_normal(n)
        y[-1] = -1e4
        state = weights(y)
        arm = many.draw(state, 1 - 2.0**-53, PLAIN)
        assert state.w[arm] > 0.0
