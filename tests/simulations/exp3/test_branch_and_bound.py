"""The certified maximum: enclosures against high precision, dense grids, the search without proof, narrow spikes."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.exp3 import certified_maximum, maximum_likelihood, simulate
from simulations.exp3._enclosures import lower_bound, upper_bound

HISTORIES = [((0.8, 0.3), 0.05, 40), ((0.5, 0.5), 0.05, 40), ((1.4, 0.0), 0.3, 40), ((0.0, 0.3), 0.7, 30)]


def plain(rates: np.ndarray, arms: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Log-likelihoods at many rates, by the log-odds against the drawn arm."""
    x, value = np.zeros(rates.size), np.zeros(rates.size)
    with np.errstate(over="ignore", invalid="ignore"):
        for arm, loss in zip(arms, losses, strict=True):
            z = x if arm == 0 else -x
            value -= np.logaddexp(0.0, z)
            z = z + rates * loss * (1.0 + np.exp(z)) if loss else z
            x = z if arm == 0 else -z
    return np.where(np.isnan(value), -np.inf, value)


def precise(rate: float, arms: np.ndarray, losses: np.ndarray) -> tuple[mpmath.mpf, int]:
    """The log-likelihood with 150 digits, and of how many rounds: it ends where the log-odds exceed 1000.

    Until then a step multiplies an error by up to 1000, so 30 steps leave 60 digits.
    """
    with mpmath.workdps(150):
        x, value = mpmath.mpf(0), mpmath.mpf(0)
        for t, (arm, loss) in enumerate(zip(arms, losses, strict=True)):
            if abs(x) > 1000:
                return value, t
            z = x if arm == 0 else -x
            value -= mpmath.log1p(mpmath.exp(z))
            z += mpmath.mpf(rate) * mpmath.mpf(float(loss)) * (1 + mpmath.exp(z))
            x = z if arm == 0 else -z
        return value, len(arms)


def random_history(seed: int, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Arms and losses without any law behind them; a third of the losses are 0, the others over four decades."""
    rng = np.random.default_rng(seed)
    arms = rng.integers(0, 2, rounds).astype(np.int16)
    losses = np.where(rng.random(rounds) < 1 / 3, 0.0, 10 ** rng.uniform(-4, 0, rounds))
    return arms, losses


# --- identities and limits


def test_a_history_whose_maximum_is_known() -> None:
    """Log-odds 2 eta l after one loss l; then m draws of the lossy arm and k of the other are m, k coin tosses."""
    for loss, m, k in ((0.7, 1, 9), (1.3, 2, 3)):
        arms, losses = [0] + [0] * m + [1] * k, [loss] + [0.0] * (m + k)
        found = certified_maximum(arms, losses, (0.1 / loss, 10 / loss), tolerance=1e-8)
        p = m / (m + k)
        exact = math.log(0.5) + m * math.log(p) + k * math.log(1 - p)
        assert found.learning_rate == pytest.approx(math.log(1 / p - 1) / (2 * loss), rel=1e-13)
        assert found.log_likelihood == pytest.approx(exact, rel=1e-14)
        assert exact <= found.upper_bound <= exact + 1e-8
        assert found.resolved
        assert 0 < found.gap <= 1.001e-8


def test_flat_histories_and_ends() -> None:
    flat = certified_maximum([0, 1, 1], [0.0, 0.0, 0.7], (0.1, 3.0))
    assert math.isnan(flat.learning_rate)
    assert flat.log_likelihood == pytest.approx(-3 * math.log(2), rel=1e-15)
    assert 0 < flat.gap < 1e-12  # rounding of three terms, outward
    assert flat.resolved
    rising = certified_maximum([0, 1, 1], [0.8, 0.0, 0.0], (0.1, 40.0))
    assert (rising.learning_rate, rising.resolved) == (40.0, True)
    assert certified_maximum([0, 0, 1], [0.8, 0.0, 0.0], (2.0, 40.0)).learning_rate == 2.0


def test_no_rate_explains_a_dead_arm() -> None:
    """In double precision the value is -inf; the bound is finite, as the exact value is, and absurdly low."""
    found = certified_maximum([0, 0, 0, 0], [0.8] * 4, (50.0, 3000.0))
    assert found.log_likelihood == -math.inf
    assert -math.inf < found.upper_bound < -1e200
    assert (found.gap, found.resolved) == (math.inf, True)


# --- oracle


@pytest.mark.parametrize(("mean_losses", "rate", "rounds"), HISTORIES)
def test_against_dense_grids_and_the_other_search(mean_losses: tuple[float, ...], rate: float, rounds: int) -> None:
    arms, losses = simulate(rate, mean_losses, rounds, 12, seed=4)
    bounds = (rate / 20, 20 * rate)
    found = certified_maximum(arms, losses, bounds)
    other = maximum_likelihood(arms, losses, 2, bounds)
    assert np.all(found.resolved)
    for i in range(len(arms)):
        top = plain(np.geomspace(*bounds, 20001), arms[i], losses[i]).max()
        assert top <= found.upper_bound[i]
        assert found.log_likelihood[i] >= top - 1e-3
        assert found.upper_bound[i] <= found.log_likelihood[i] + 1e-3
        assert found.gap[i] <= 1.001e-3
        below = lower_bound(found.learning_rate[i], arms[i], losses[i])
        assert found.gap[i] == pytest.approx(found.upper_bound[i] - below, rel=1e-15)
    np.testing.assert_allclose(other.log_likelihood, found.log_likelihood, rtol=1e-9)
    single = (other.modes == 1) & ~other.flat
    # same Newton from the same start; only a higher mode would make a difference
    np.testing.assert_allclose(other.learning_rate[single], found.learning_rate[single], rtol=1e-9)


@pytest.mark.parametrize("rate", [1e-6, 0.01, 0.3, 2.0, 50.0])
def test_enclosures_against_high_precision(rate: float) -> None:
    """At one rate both bounds enclose the value of 60 digits, to rounding where the history is not chaotic."""
    for seed in range(12):
        arms, losses = random_history(seed, 25)
        exact, rounds = precise(rate, arms, losses)
        arms, losses = arms[:rounds], losses[:rounds]
        upper, lower = upper_bound(rate, rate, arms, losses, -math.inf), lower_bound(rate, arms, losses)
        assert lower <= exact <= upper
        if rate < 0.1:
            assert upper - lower < 1e-8  # 25 steps that widen a last bit by up to 1 + eta l / p


# --- properties


@given(
    seed=st.integers(0, 10**6),
    rounds=st.integers(1, 30),
    low=st.floats(-3, 1),
    width=st.floats(0, 2),
    inside=st.floats(0, 1),
    limit=st.floats(-60, 0),
)
@settings(max_examples=200)
def test_no_rate_of_an_interval_is_above_its_bound(
    seed: int, rounds: int, low: float, width: float, inside: float, limit: float
) -> None:
    """What pruning rests on: the bound holds inside, also when it ends early; ended early it is below the limit."""
    arms, losses = random_history(seed, rounds)
    ends, rate = (10**low, 10 ** (low + width)), 10 ** (low + inside * width)
    rate = min(max(rate, ends[0]), ends[1])
    value, rounds = precise(rate, arms, losses)
    arms, losses = arms[:rounds], losses[:rounds]
    bound = upper_bound(*ends, arms, losses, -math.inf)
    early = upper_bound(*ends, arms, losses, limit)
    assert value <= bound
    assert value <= early
    assert early >= limit or value < limit
    assert abs(early - bound) < 1e-9 or early < limit


@given(seed=st.integers(0, 10**6), rounds=st.integers(3, 14), tolerance=st.sampled_from([1e-1, 1e-3, 1e-6]))
@settings(max_examples=60)
def test_the_maximum_is_never_discarded(seed: int, rounds: int, tolerance: float) -> None:
    arms, losses = random_history(seed, rounds)
    found = certified_maximum(arms, losses, (0.01, 30.0), tolerance=tolerance)
    grid = plain(np.geomspace(0.01, 30.0, 2001), arms, losses)
    assert grid.max() <= found.upper_bound
    assert found.resolved
    assert found.upper_bound <= found.log_likelihood + tolerance
    assert found.log_likelihood >= grid.max() - tolerance


def test_losses_times_c_make_rates_over_c() -> None:
    arms, losses = simulate(0.1, [0.8, 0.3], 30, 5, seed=8)
    one = certified_maximum(arms, losses, (0.01, 1.0))
    other = certified_maximum(arms, losses * 1e3, (1e-5, 1e-3))
    np.testing.assert_allclose(other.learning_rate * 1e3, one.learning_rate, rtol=1e-9)
    np.testing.assert_allclose(other.log_likelihood, one.log_likelihood, rtol=1e-10)


def test_spikes_that_grids_miss() -> None:
    """Losses (.8, .3), 40 rounds at .05 on [eta/20, 20 eta]: 200 points miss the maximum in about 15 % of histories."""
    arms, losses = simulate(0.05, [0.8, 0.3], 40, 100, seed=6)
    found = certified_maximum(arms, losses, (0.0025, 1.0))
    grid = np.array([plain(np.geomspace(0.0025, 1.0, 200), a, l).max() for a, l in zip(arms, losses, strict=True)])
    spikes = found.log_likelihood - grid > 0.5
    assert 2 <= spikes.sum() <= 30
    assert np.all(found.learning_rate[spikes] > 0.15)  # far above the truth
    assert np.all(found.resolved)
    other = maximum_likelihood(arms, losses, 2, (0.0025, 1.0))
    np.testing.assert_allclose(other.log_likelihood, found.log_likelihood, rtol=1e-9)


def test_a_batch_is_its_histories_and_its_stops() -> None:
    arms, losses = simulate(0.1, [0.8, 0.3], 20, 3, seed=7)
    stops = np.array([2, 11, 20])
    found = certified_maximum(arms, losses, (0.01, 1.0), stops)
    for i, stop in enumerate(stops):
        one = certified_maximum(arms[i, :stop], losses[i, :stop], (0.01, 1.0))
        for name in ("learning_rate", "log_likelihood", "upper_bound", "gap", "nodes", "resolved"):
            np.testing.assert_array_equal(getattr(one, name), getattr(found, name)[i], err_msg=name)


def test_a_search_cut_short_still_proves_a_bound() -> None:
    arms, losses = simulate(0.05, [0.8, 0.3], 40, 1, seed=6)
    full = certified_maximum(arms[0], losses[0], (0.0025, 1.0))
    previous = math.inf
    for nodes in (1, 10, 100):
        cut = certified_maximum(arms[0], losses[0], (0.0025, 1.0), max_nodes=nodes)
        assert not cut.resolved
        assert cut.nodes == nodes
        assert cut.upper_bound > cut.log_likelihood + 1e-3  # what is left open is not counted as done
        assert full.log_likelihood <= cut.upper_bound <= previous
        assert cut.gap == pytest.approx(cut.upper_bound - cut.log_likelihood, abs=1e-9)
        previous = cut.upper_bound


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"losses": [0.5, -0.2, 0.5]}, r"losses must be >= 0, got losses\[1\]=-0.2"),
        ({"losses": [0.5, 1e-60, 0.5]}, r"losses must be 0 or >= 1e-50, got 1e-60"),
        ({"losses": [0.5, math.nan, 0.5]}, r"losses must be >= 0"),
        ({"losses": [0.5, 0.5]}, r"arms and losses must have the same shape"),
        ({"arms": [0, 2, 1]}, r"arms must be >= 0 and <= 1, got arms\[1\]=2"),
        ({"arms": [], "losses": []}, r"arms must have shape"),
        ({"bounds": (1.0, 0.1)}, r"bounds must be \(low, high\) with low < high"),
        ({"bounds": (1e-60, 1e-10)}, r"bounds must be >= 1e-50"),
        ({"bounds": 2, "stop": (0.1, 1.0)}, r"bounds must be two numbers"),  # the number of arms given by mistake
        ({"stop": 4}, r"stop must be >= 1 and <= 3"),
        ({"tolerance": 0.0}, r"tolerance must be > 0"),
        ({"max_nodes": 0}, r"max_nodes must be >= 1"),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"arms": [0, 1, 0], "losses": [0.5, 0.2, 0.5], "bounds": (0.1, 1.0)}
    with pytest.raises(ValueError, match=message):
        certified_maximum(**(arguments | change))
