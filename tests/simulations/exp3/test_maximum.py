"""The maximum of the likelihood: against dense grids of a plain likelihood, exact laws, scale covariance."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.exp3 import CLASSIC, Variant, enumerate_histories, log_likelihood, maximum_likelihood, simulate
from simulations.exp3.maximum import Estimate


def plain(
    rates: np.ndarray, arms: np.ndarray, losses: np.ndarray, n_arms: int, variant: Variant = CLASSIC
) -> np.ndarray:
    """Log-likelihoods at many rates, from the definition."""
    weights = np.zeros((n_arms, rates.size))
    value = np.zeros(rates.size)
    with np.errstate(all="ignore"):
        for arm, loss in zip(arms, losses, strict=True):
            law = np.exp(weights - weights.max(axis=0))
            law = (1 - variant.mixing) * law / law.sum(axis=0) + variant.mixing / n_arms
            value += np.log(law[arm])
            paid = np.zeros(rates.size) if loss == 0 else loss / (law[arm] + variant.implicit_exploration)
            weights[arm] += rates * paid if variant.gains else -rates * paid
            weights = np.clip(weights, -1e300, 1e300)
    return np.where(np.isnan(value), -np.inf, value)


def same(found: Estimate, other: Estimate, row: int) -> None:
    """Assert that entry `row` of a batch is the result for one history, bit by bit."""
    for field in fields(Estimate):
        one, many = getattr(found, field.name), getattr(other, field.name)[row]
        assert one == many or (one != one and many != many), field.name


# --- identities and limits


def test_a_history_whose_maximum_is_known() -> None:
    """Log-odds 2 eta l after one loss l; then m draws of the lossy arm and k of the other are m, k coin tosses."""
    for loss, m, k in ((0.7, 1, 9), (1.3, 2, 3), (0.01, 3, 40)):
        arms, losses = [0] + [0] * m + [1] * k, [loss] + [0.0] * (m + k)
        found = maximum_likelihood(arms, losses, 2, (0.1 / loss, 10 / loss))
        p = m / (m + k)
        # the value is flat to 1e-16 within 1e-8, the score is not: Newton leaves rounding of the score only
        assert found.learning_rate == pytest.approx(math.log(1 / p - 1) / (2 * loss), rel=1e-13)
        assert found.log_likelihood == pytest.approx(math.log(0.5) + m * math.log(p) + k * math.log(1 - p), rel=1e-14)
        assert (found.flat, found.at_bound, found.modes, found.unresolved, found.reliable) == (False, 0, 1, 0, True)


def test_flat_histories() -> None:
    """One arm, one round, no loss before the last round that counts: the likelihood is a number, its maximum is not."""
    for arms, losses, n_arms, stop in (
        ([0, 0, 0], [0.3, 0.2, 0.9], 1, None),
        ([2], [0.4], 3, None),
        ([0, 1, 1, 0], [0.0, 0.0, 0.0, 0.8], 2, None),
        ([0, 1, 1, 0], [0.0, 0.5, 0.0, 0.8], 2, 2),
    ):
        found = maximum_likelihood(arms, losses, n_arms, (0.1, 3.0), stop)
        assert found.flat
        assert math.isnan(found.learning_rate)
        assert found.log_likelihood == pytest.approx(-(stop or len(arms)) * math.log(n_arms), rel=1e-15)
        assert (found.at_bound, found.modes, found.unresolved, found.reliable) == (0, 0, 0, True)
    assert not maximum_likelihood([0, 1, 1, 0], [0.0, 0.5, 0.0, 0.8], 2, (0.1, 3.0), 3).flat
    assert maximum_likelihood([0, 1, 1], [0.5, 0.5, 0.0], 2, (0.1, 3.0), variant=Variant(mixing=1.0)).flat


def test_the_supremum_at_infinity_is_the_upper_end() -> None:
    """A loss, then only the other arm: the likelihood rises for ever, in doubles until it is 0 exactly."""
    for high in (0.5, 30.0, 1e6):
        found = maximum_likelihood([0, 1, 1, 1], [0.8, 0.0, 0.0, 0.0], 2, (0.01, high))
        assert (found.learning_rate, found.at_bound, found.modes) == (high, 1, 1)
    found = maximum_likelihood([0, 0, 0, 1], [0.8, 0.0, 0.0, 0.0], 2, (2.0, 30.0))
    assert (found.learning_rate, found.at_bound, found.modes) == (2.0, -1, 1)


def test_no_rate_explains_a_dead_arm() -> None:
    arms, losses = [0, 0, 0, 0], [0.8] * 4
    found = maximum_likelihood(arms, losses, 2, (50.0, 3000.0))
    assert (found.log_likelihood, found.at_bound, found.modes, found.flat) == (-math.inf, -1, 0, False)


def test_exact_law_of_flat_histories_and_of_the_upper_end() -> None:
    """n = 6, eta = .4, losses (1, 0): flat with probability 2^-5, at the upper end with .2272 (four digits known)."""
    histories = enumerate_histories(0.4, [1.0, 0.0], 6)
    found = maximum_likelihood(histories.arms, histories.losses, 2, (0.05, 5.0))
    assert float(histories.mean(found.flat)) == pytest.approx(2**-5, rel=1e-13)
    assert float(histories.mean(found.at_bound == 1)) == pytest.approx(0.2272, abs=5e-5)


# --- oracle

SETTINGS = [
    (2, (0.8, 0.3), 0.05, 40, CLASSIC),
    (2, (0.5, 0.5), 0.05, 40, CLASSIC),
    (2, (1.4, 0.0), 0.2, 60, CLASSIC),
    (4, (0.9, 0.6, 0.3, 0.0), 0.05, 60, CLASSIC),
    (3, (-0.4, 0.3, 0.7), 0.1, 30, CLASSIC),
    (2, (0.8, 0.3), 0.1, 40, Variant(gains=True)),
    (3, (0.8, 0.3, 0.1), 0.1, 40, Variant(mixing=0.1)),
    (2, (0.8, 0.3), 0.1, 40, Variant(implicit_exploration=0.05)),
]


@pytest.mark.parametrize(("n_arms", "mean_losses", "rate", "rounds", "variant"), SETTINGS)
def test_against_dense_grids(
    n_arms: int, mean_losses: tuple[float, ...], rate: float, rounds: int, variant: Variant
) -> None:
    """On [eta/20, 20 eta] no point of 4001 is higher; next to the maximum the plain likelihood is lower."""
    arms, losses = simulate(rate, mean_losses, rounds, 12, seed=3, variant=variant)
    bounds = (rate / 20, 20 * rate)
    found = maximum_likelihood(arms, losses, n_arms, bounds, variant=variant)
    assert not np.any(found.unresolved)
    for i in range(len(arms)):
        grid = plain(np.geomspace(*bounds, 4001), arms[i], losses[i], n_arms, variant)
        scale = 1e-9 * (1 + abs(found.log_likelihood[i]))  # chaos: condition up to 1e4 times rounding of each term
        assert found.log_likelihood[i] >= np.max(grid) - scale
        around = found.learning_rate[i] * np.array([1 - 1e-4, 1.0, 1 + 1e-4])
        lower, top, upper = plain(around, arms[i], losses[i], n_arms, variant)
        assert top == pytest.approx(found.log_likelihood[i], abs=scale)
        assert found.at_bound[i] == 1 or upper <= top + scale
        assert found.at_bound[i] == -1 or lower <= top + scale


def test_modes_are_counted_as_on_a_grid() -> None:
    """Spikes far above the truth: the modes within 50 of the best on 20001 points, and none missed by the search."""
    arms, losses = simulate(0.05, [0.8, 0.3], 40, 60, seed=11)
    found = maximum_likelihood(arms, losses, 2, (0.0025, 1.0))
    several = 0
    for i in range(len(arms)):
        grid = plain(np.geomspace(0.0025, 1.0, 20001), arms[i], losses[i], 2)
        inner = grid[1:-1]
        peaks = (inner >= grid[:-2]) & (inner > grid[2:]) & (inner > grid.max() - 50)
        several += peaks.sum() > 1
        assert found.modes[i] >= (peaks.sum() > 1) + 1
    assert several >= 2
    assert found.log_likelihood.shape == (60,)


def test_modes_far_below_the_maximum_count() -> None:
    """A history whose second mode is 16 below the first."""
    arms, losses = simulate(0.2, [0.9, 0.1, 0.4], 25, 1, seed=3, first_replicate=136)
    grid = plain(np.geomspace(0.01, 4.0, 20_001), arms[0], losses[0], 3)
    peaks = grid[1:-1][(grid[1:-1] >= grid[:-2]) & (grid[1:-1] > grid[2:])]
    assert np.sort(grid.max() - peaks) == pytest.approx([0, 16], abs=0.1)
    assert maximum_likelihood(arms[0], losses[0], 3, (0.01, 4.0)).modes == 2


def test_what_counts_as_unresolved() -> None:
    """Cells at an end of which information times squared width, for the logarithm of the rate, exceeds 1."""
    arms, losses = simulate(0.2, [1.0, 0.0], 12, 40, seed=3)
    found = maximum_likelihood(arms, losses, 2, (0.05, 0.5), per_decade=3, refinements=0)
    rates = np.geomspace(0.05, 0.5, 4)
    information = log_likelihood(rates, arms, losses, 2).information * rates**2
    width = math.log(10) / 3
    expected = np.sum(np.maximum(information[:, 1:], information[:, :-1]) * width**2 > 1, axis=1)
    np.testing.assert_array_equal(found.unresolved, np.where(found.flat, 0, expected))
    assert set(expected.tolist()) >= {2, 3}


# --- properties


@given(
    seed=st.integers(0, 10**6),
    scale=st.floats(1e-6, 1e6),
    losses=st.sampled_from([(0.8, 0.3), (1.4, 0.0), (0.9, 0.6, 0.3, 0.0)]),
)
@settings(max_examples=30)
def test_losses_times_c_make_rates_over_c(seed: int, scale: float, losses: tuple[float, ...]) -> None:
    arms, paid = simulate(0.1, losses, 30, 1, seed=seed)
    one = maximum_likelihood(arms[0], paid[0], len(losses), (0.02, 0.5))
    other = maximum_likelihood(arms[0], paid[0] * scale, len(losses), (0.02 / scale, 0.5 / scale))
    assert (one.flat, one.at_bound, one.modes) == (other.flat, other.at_bound, other.modes)
    if not one.flat:
        # rounding of the scaled losses moves the score by its condition, some 1e3, over a curvature of order 1
        assert other.learning_rate * scale == pytest.approx(one.learning_rate, rel=1e-9)
        assert other.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-10)


def test_the_score_is_zero_inside_and_points_outward_at_the_ends() -> None:
    arms, losses = simulate(0.2, [0.9, 0.1, 0.4], 25, 200, seed=5)
    found = maximum_likelihood(arms, losses, 3, (0.1, 0.4))
    assert {-1, 0, 1} == set(found.at_bound.tolist())
    for i in range(len(arms)):
        value, score, hessian = log_likelihood(found.learning_rate[i], arms[i], losses[i], 3)
        assert value == found.log_likelihood[i]
        if found.at_bound[i]:
            assert score * found.at_bound[i] > 0
        else:
            assert abs(score / hessian) < 1e-10 * found.learning_rate[i]
            assert hessian < 0


def test_a_batch_is_its_histories_and_its_stops() -> None:
    arms, losses = simulate(0.1, [0.8, 0.3], 50, 8, seed=7)
    stops = np.array([1, 2, 7, 20, 33, 49, 50, 50])
    found = maximum_likelihood(arms, losses, 2, (0.01, 1.0), stops)
    for i, stop in enumerate(stops):
        same(maximum_likelihood(arms[i], losses[i], 2, (0.01, 1.0), int(stop)), found, i)
        same(maximum_likelihood(arms[i, :stop], losses[i, :stop], 2, (0.01, 1.0)), found, i)


def test_what_no_refinement_leaves_unresolved() -> None:
    """Losses (.8, .3): without refinement cells stay doubtful, and in some histories a spike is missed."""
    arms, losses = simulate(0.05, [0.8, 0.3], 40, 200, seed=2)
    coarse = maximum_likelihood(arms, losses, 2, (0.0025, 1.0), refinements=0)
    fine = maximum_likelihood(arms, losses, 2, (0.0025, 1.0))
    missed = fine.log_likelihood > coarse.log_likelihood + 1e-6
    assert np.all(fine.unresolved == 0)
    assert missed.sum() >= 5
    assert np.all(coarse.unresolved[missed] > 0)
    assert not np.any(coarse.log_likelihood > fine.log_likelihood + 1e-9)


def test_the_error_shrinks_like_the_information() -> None:
    """Relative error at S = 2, losses (.8, .3): bounded by 1/sqrt(information) up to sampling; see ex.D4."""
    rate, rounds = 0.01, 200
    arms, losses = simulate(rate, [0.8, 0.3], rounds, 400, seed=9)
    found = maximum_likelihood(arms, losses, 2, (rate / 3, 3 * rate))
    information = log_likelihood(rate, arms, losses, 2).information.mean()
    ratio = np.std(found.learning_rate / rate) * rate * math.sqrt(information)
    assert 0.85 < ratio < 1.25  # 1 up to O(rate) terms and 3.5 % of sampling error


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bounds": (2.0, 0.5)}, r"bounds must be \(low, high\) with low < high, got low=2.0 and high=0.5"),
        ({"bounds": (0.5, 0.5)}, r"with low < high"),
        ({"bounds": (0.0, 0.5)}, r"bounds must be > 0 and <= 1e\+20, got bounds\[0\]=0.0"),
        ({"bounds": (-1.0, 0.5)}, r"bounds must be > 0"),
        ({"bounds": (0.1, math.inf)}, r"bounds must be"),
        ({"bounds": (0.1, math.nan)}, r"bounds must be"),
        ({"bounds": 0.1}, r"bounds must be two numbers \(low, high\), got shape \(\)"),
        ({"bounds": (0.1, 0.2, 0.3)}, r"bounds must be two numbers"),
        ({"bounds": (1e-200, 1.0)}, r"bounds must span less than 100 decades"),
        ({"bounds": "ab"}, r"bounds must be a real number or an array"),
        ({"n_arms": 0}, r"n_arms must be >= 1"),
        ({"n_arms": 1.5}, r"n_arms must be an integer"),
        ({"n_arms": 1}, r"arms must be >= 0 and <= 0, got arms\[1\]=1"),
        ({"arms": [0, -1, 0]}, r"arms must be >= 0"),
        ({"arms": [0, 0.5, 0]}, r"arms must be integers, got arms\[1\]=0.5"),
        ({"arms": [], "losses": []}, r"arms must have shape"),
        ({"arms": [0, 1]}, r"arms and losses must have the same shape, got \(2,\) and \(3,\)"),
        ({"losses": [0.1, math.nan, 0.0]}, r"losses must be"),
        ({"losses": [0.1, math.inf, 0.0]}, r"losses must be"),
        ({"losses": ["a", "b", "c"]}, r"losses must be a real number"),
        ({"arms": np.zeros((2, 2, 3), int), "losses": np.ones((2, 2, 3))}, r"\(rounds,\) or \(replicates, rounds\)"),
        ({"stop": 0}, r"stop must be >= 1 and <= 3, got stop=0"),
        ({"stop": 4}, r"stop must be >= 1 and <= 3"),
        ({"stop": 1.5}, r"stop must be integers, got 1.5"),
        ({"stop": [1, 2]}, r"stop must be one number or one for each of 1 replicates, got shape \(2,\)"),
        ({"variant": {"gains": True}}, r"variant must be a Variant, got variant=\{'gains': True\}"),
        ({"per_decade": 0}, r"per_decade must be >= 1"),
        ({"refinements": -1}, r"refinements must be >= 0"),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    arguments = {"arms": [0, 1, 0], "losses": [0.5, 0.2, 0.5], "n_arms": 2, "bounds": (0.1, 1.0), "stop": None}
    with pytest.raises(ValueError, match=message):
        maximum_likelihood(**(arguments | change))
