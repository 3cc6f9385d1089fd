"""The ladder by waiting times: its law against all histories and the rounds one by one, its likelihood, its maximum."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulations.exp3 import (
    PrecisionWarning,
    enumerate_histories,
    ladder_log_likelihood,
    ladder_maximum_likelihood,
    log_likelihood,
    maximum_likelihood,
    simulate,
    simulate_ladder,
)
from simulations.exp3._ladder import _exponential, climb_one, law
from simulations.exp3._ladder_search import _bounds

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
EPS = float(np.finfo(float).eps)


def rounds_of_pulls(arms: Arms) -> Array:
    """The rounds in which arm 0 is drawn, (histories, levels), zeros after the last."""
    pulls = np.zeros(arms.shape)
    for row, history in zip(pulls, arms, strict=True):
        where = np.flatnonzero(history == 0) + 1
        row[: where.size] = where
    return pulls


def constant(pulls: Array, rounds: float, n_arms: int) -> Array:
    """The logarithm of the probability of which lossless arms are drawn."""
    return -(rounds - np.count_nonzero(pulls, axis=-1)) * math.log(n_arms - 1)


def levels(rate: float, count: int, n_arms: int = 2) -> Array:
    """Probabilities of the first levels."""
    x, found = 0.0, []
    for _ in range(count):
        odds = (n_arms - 1) * math.exp(x)
        found.append(1 / (1 + odds))
        x += rate * (1 + odds)
    return np.array(found)


def agree_with_rounds(
    found: tuple[Array, Array, Array], pulls: Array, arms: Arms, losses: Array, n_arms: int, rates: Array
) -> None:
    """Assert that `found` is the likelihood of the rounds, where its condition number leaves digits to compare."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrecisionWarning)
        expected = log_likelihood(rates, arms, losses, n_arms)
    fine = expected.condition < 1e3
    assert np.mean(fine) > 0.5
    value = found[0] + constant(pulls, arms.shape[1], n_arms)[:, None]
    np.testing.assert_allclose(value[fine], expected.value[fine], rtol=1e-12)
    # sensitivities are sums of terms up to the condition, squared in the Hessian, each to some 1e-15
    size = 1e3 / rates.min()
    np.testing.assert_allclose(found[1][fine], expected.score[fine], rtol=1e-11, atol=1e-13 * size)
    np.testing.assert_allclose(found[2][fine], expected.hessian[fine], rtol=1e-11, atol=1e-13 * size**2)


# --- identities and limits


def test_probabilities_of_all_patterns_sum_to_one() -> None:
    arms = enumerate_histories(0.4, [1.0, 0.0], 9).arms
    for n_arms in (2, 5):
        value, _, _ = ladder_log_likelihood(0.4, rounds_of_pulls(arms), 9, n_arms=n_arms)
        assert np.exp(value).sum() == pytest.approx(1, abs=1e-14)


def test_no_pull_leaves_the_first_level() -> None:
    value, score, hessian = ladder_log_likelihood([0.1, 7.0], [0.0, 0.0], 1e12, n_arms=4)
    np.testing.assert_allclose(value, 1e12 * math.log1p(-0.25), rtol=4 * EPS)
    np.testing.assert_array_equal([score, hessian], 0.0)
    for pulls, rounds in (([0], 5), ([5], 5)):
        found = ladder_maximum_likelihood(pulls, rounds, (0.1, 2.0))
        assert found.flat
        assert math.isnan(found.learning_rate)
        assert found.at_bound == 0
        assert found.log_likelihood == pytest.approx(5 * math.log(0.5))


def test_a_pull_of_a_dead_arm_is_impossible() -> None:
    """At rate 1 the fourth pull in a row has a finite probability, exp(-32526), and is the arm's last."""
    value, score, _ = ladder_log_likelihood(1.0, [1, 2, 3, 4], 4)
    expected = log_likelihood(1.0, [0] * 4, [1.0] * 4, 2)
    assert float(value) == pytest.approx(expected.value, rel=1e-13)
    assert float(score) == pytest.approx(expected.score, rel=1e-13)
    assert [float(part) for part in ladder_log_likelihood(1.0, [1, 2, 3, 4, 5], 9)] == [-math.inf] * 3
    assert float(ladder_log_likelihood(1.0, [1, 2, 3, 4], 1e9)[0]) == float(value)
    found = ladder_maximum_likelihood(np.arange(1, 40), 39, (5.0, 50.0))
    assert found.log_likelihood == -math.inf


def test_maximum_at_an_end_is_said_to_be_there() -> None:
    once = ladder_maximum_likelihood([1], 30, (0.05, 5.0))  # never again: the higher the rate the better
    assert (once.learning_rate, once.at_bound) == (5.0, 1)
    often = ladder_maximum_likelihood(np.arange(1, 12), 12, (0.05, 5.0))
    assert (often.learning_rate, often.at_bound) == (0.05, -1)
    assert (ladder_maximum_likelihood([1], 30, (0.1, 2.5), loss=0.5).learning_rate) == 2.5


# --- oracle


@pytest.mark.parametrize("n_arms", [2, 3])
def test_likelihood_of_every_history_is_the_one_of_the_rounds(n_arms: int) -> None:
    means = [0.7] + [0.0] * (n_arms - 1)
    truth = enumerate_histories(0.5, means, 7)
    pulls = rounds_of_pulls(truth.arms)
    rates = np.array([0.2, 0.5, 0.9])
    found = ladder_log_likelihood(rates, pulls, 7, n_arms=n_arms, loss=0.7)
    agree_with_rounds(found, pulls, truth.arms, truth.losses, n_arms, rates)
    chances = np.exp(found[0][:, 1] + constant(pulls, 7, n_arms))
    np.testing.assert_allclose(chances, truth.probabilities, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("n_arms", "rate", "loss"), [(2, 0.1, 1.0), (2, 0.01, 0.3), (4, 0.3, 0.6)])
def test_likelihood_of_long_histories_is_the_one_of_the_rounds(n_arms: int, rate: float, loss: float) -> None:
    means = [loss] + [0.0] * (n_arms - 1)
    arms, losses = simulate(rate, means, 3000, 6, 3)
    pulls = rounds_of_pulls(arms)
    rates = rate * np.array([0.8, 1.0, 1.01])
    found = ladder_log_likelihood(rates, pulls, 3000, n_arms=n_arms, loss=loss)
    agree_with_rounds(found, pulls, arms, losses, n_arms, rates)


@pytest.mark.parametrize(("n_arms", "rate", "loss"), [(2, 0.5, 0.6), (3, 0.4, 1.0)])
def test_pulls_have_the_exact_law_of_short_runs(
    n_arms: int, rate: float, loss: float, means_agree: Callable[..., None]
) -> None:
    """Probabilities of every number of pulls and of the first two rounds, by all histories of 7 rounds."""
    exact = enumerate_histories(rate, [loss] + [0.0] * (n_arms - 1), 7)
    drawn = simulate_ladder(rate, 7, 40_000, 5, n_arms=n_arms, loss=loss)
    counts, pulls = np.count_nonzero(exact.arms == 0, axis=1), rounds_of_pulls(exact.arms)
    sample = np.zeros((40_000, 7))
    sample[:, : drawn.pulls.shape[1]] = drawn.pulls
    np.testing.assert_array_equal(drawn.counts, np.count_nonzero(sample, axis=1))
    events = [(drawn.counts == count, counts == count) for count in range(8)]
    events += [(sample[:, level] == now, pulls[:, level] == now) for level in (0, 1, 2) for now in range(8)]
    likely = 0
    for seen, event in events:
        chance = exact.mean(event)
        if chance > 1e-3:
            means_agree(seen.astype(float)[:, None], [chance])
            likely += 1
        else:
            assert np.mean(seen) < 2e-3
    assert likely > 18


def test_pulls_have_the_law_of_the_rounds_one_by_one(means_agree: Callable[..., None]) -> None:
    arms, _ = simulate(0.05, [0.8, 0.0], 2000, 2000, 11)
    drawn = simulate_ladder(0.05, 2000, 20_000, 12, loss=0.8)
    slow = rounds_of_pulls(arms)
    assert drawn.counts.min() > 5
    means_agree(np.log(drawn.pulls[:, :6]), np.log(slow[:, :6]))
    means_agree(drawn.counts[:, None].astype(float), np.count_nonzero(slow, axis=1)[:, None].astype(float))
    means_agree((drawn.counts[:, None] - 20.0) ** 2, (np.count_nonzero(slow, axis=1)[:, None] - 20.0) ** 2)


@pytest.mark.parametrize(("rate", "rounds"), [(8.0, 1e6), (30.0, 2e25), (200.0, 1e173)])
def test_rare_pulls_beyond_any_loop(rate: float, rounds: float, means_agree: Callable[..., None]) -> None:
    """After the first pull p = 1/(1 + e^(2 rate)): a second one within n rounds has probability 1 - e^(-n p)."""
    drawn = simulate_ladder(rate, rounds, 20_000, 1)
    p = 1 / (1 + math.exp(2 * rate))
    means_agree((drawn.counts == 2).astype(float)[:, None], [-math.expm1(-(rounds - 2) * p)])
    second = drawn.pulls[drawn.counts == 2, 1]
    assert np.all(second > drawn.pulls[drawn.counts == 2, 0])
    total = rounds * p  # waits are exponential, given that they are below n
    means_agree(second[:, None] / rounds, [1 / total - 1 / math.expm1(total)])


@pytest.mark.parametrize(("rate", "n_arms"), [(0.3, 2), (0.04, 3)])
def test_maximum_is_the_one_of_the_rounds(rate: float, n_arms: int) -> None:
    means = [1.0] + [0.0] * (n_arms - 1)
    arms, losses = simulate(rate, means, 400, 60, 9)
    bounds = (rate / 10, rate * 10)
    slow = maximum_likelihood(arms, losses, n_arms, bounds)
    fast = ladder_maximum_likelihood(rounds_of_pulls(arms), 400, bounds, n_arms=n_arms)
    assert np.all(fast.resolved)
    np.testing.assert_array_equal(fast.flat, slow.flat)
    np.testing.assert_array_equal(fast.at_bound, slow.at_bound)
    np.testing.assert_allclose(fast.learning_rate, slow.learning_rate, rtol=1e-9)


@pytest.mark.parametrize(("rate", "rounds"), [(0.5, 1e15), (0.02, 1e15), (0.1, 1e4), (1e-3, 1e3)])
def test_no_point_of_a_fine_grid_is_higher(rate: float, rounds: float) -> None:
    drawn = simulate_ladder(rate, rounds, 10, 21)
    low, high = rate / 20, rate * 20
    found = ladder_maximum_likelihood(drawn.pulls, rounds, (low, high))
    assert np.all(found.resolved)
    grid = np.unique(np.concatenate([np.geomspace(low, high, 4001), rate * (1 + np.linspace(-0.01, 0.01, 2001))]))
    value, _, _ = ladder_log_likelihood(grid, drawn.pulls, rounds)
    assert np.all(value.max(axis=1) <= found.log_likelihood + 1e-9)
    for eta, pulls, side in zip(found.learning_rate, drawn.pulls, found.at_bound, strict=True):
        _, score, hessian = ladder_log_likelihood(eta, pulls, rounds)
        assert side or (hessian < 0 and abs(score) <= 1e-9 * abs(hessian) * eta)


# --- properties


def test_runs_are_addressed_by_seed_and_replicate_and_do_not_see_the_horizon() -> None:
    whole = simulate_ladder(0.05, 5000, 50, 4)
    part = simulate_ladder(0.05, 5000, 7, 4, first_replicate=30)
    np.testing.assert_array_equal(part.counts, whole.counts[30:37])
    np.testing.assert_array_equal(part.pulls, whole.pulls[30:37, : part.pulls.shape[1]])
    short = simulate_ladder(0.05, 80, 50, 4)
    width = short.pulls.shape[1]
    np.testing.assert_array_equal(short.pulls, np.where(whole.pulls <= 80, whole.pulls, 0.0)[:, :width])
    assert not np.array_equal(simulate_ladder(0.05, 5000, 50, 5).pulls, whole.pulls)


def test_waits_of_one_run_are_independent(means_agree: Callable[..., None]) -> None:
    """Random words come 32 at a time: waits 1, 2, 31, 32 and 64 pulls apart have uncorrelated logarithms."""
    drawn = simulate_ladder(1e-3, 2000, 4000, 8)
    waits = np.log(np.diff(drawn.pulls[:, : drawn.counts.min()], axis=1))
    waits -= waits.mean(axis=0)
    assert waits.shape[1] > 200
    for apart in (1, 2, 31, 32, 33, 64):
        means_agree((waits[:, 5] * waits[:, 5 + apart])[:, None], [0.0])
    assert waits.shape[0] == len(np.unique(drawn.pulls[:, :40], axis=0))


def test_bounds_hold_on_whole_intervals_of_rates() -> None:
    for rate, rounds, width in [
        (0.3, 200, 1.3),
        (0.02, 3000, 1.02),
        (0.02, 3000, 1.5),
        (0.5, 1e15, 1.05),
        (2.0, 9, 3.0),
    ]:
        for pulls in simulate_ladder(rate, rounds, 8, 2).pulls:
            rows = pulls[pulls > 0]
            waits = np.append(np.diff(rows, prepend=0.0), rounds - rows[-1]) if rows.size else np.array([rounds])
            for low in rate * np.array([0.3, 0.9, 1.0, 1.6]):
                grid = np.linspace(low, low * width, 41)
                value, score, hessian = ladder_log_likelihood(grid, rows if rows.size else [0.0], rounds)
                roof, least, most, bend = _bounds(low, low * width, 1.0, waits, rows.size, -math.inf)
                fine = value > -1e100
                assert roof >= value.max() * (1 - np.sign(value.max()) * 1e-12)
                assert np.all(least <= score[fine] + 1e-9 * np.abs(score[fine]))
                assert np.all(most >= score[fine] - 1e-9 * np.abs(score[fine]))
                assert np.all(bend >= hessian[fine] - 1e-9 * np.abs(hessian[fine]))


def test_bounds_close_as_the_interval_shrinks() -> None:
    waits = np.array([2.0, 1.0, 7.0, 30.0])
    value, score, hessian = ladder_log_likelihood(0.4, [2, 3, 10], 40)
    roof, least, most, bend = _bounds(0.4, 0.4 * (1 + 1e-10), 1.0, waits, 3, -math.inf)
    np.testing.assert_allclose([roof, least, most, bend], [value, score, score, hessian], rtol=1e-7)


def test_only_rate_times_loss_matters() -> None:
    one, other = simulate_ladder(0.06, 900, 20, 4, loss=0.5), simulate_ladder(0.03, 900, 20, 4)
    np.testing.assert_array_equal(one.pulls, other.pulls)
    first = ladder_log_likelihood(0.07, one.pulls, 900, loss=0.5)
    second = ladder_log_likelihood(0.035, one.pulls, 900)
    for power in range(3):
        np.testing.assert_allclose(first[power], second[power] * 0.5**power, rtol=1e-13)
    fits = [ladder_maximum_likelihood(one.pulls, 900, (0.01 / loss, 1 / loss), loss=loss) for loss in (0.5, 1.0)]
    np.testing.assert_allclose(0.5 * fits[0].learning_rate, fits[1].learning_rate, rtol=1e-12)


def test_the_ends_of_the_random_words_are_finite() -> None:
    for word in (0, 1, 2**63 - 1, 2**63, 2**64 - 1):
        value = _exponential(np.uint64(word))
        assert value == pytest.approx(-math.log1p(-(word + 0.5) / 2**64) if word < 2**60 else value, rel=1e-15)
        assert 2.0**-65 <= value <= 65 * math.log(2)
    assert _exponential(np.uint64(2**64 - 1)) == pytest.approx(65 * math.log(2))
    assert _exponential(np.uint64(2**63)) == pytest.approx(math.log(2))


def test_levels_are_the_recursion_up_to_the_end_of_doubles() -> None:
    x = dx = ddx = 0.0
    for p in levels(0.4, 4, n_arms=3):
        assert law(x, 2.0)[2] == pytest.approx(p, rel=1e-12)
        x, dx, ddx = climb_one(x, dx, ddx, 0.4, 2.0)
    for x in (0.0, 30.0, 599.9, 600.1, 699.0, 745.0, 1e200):
        log_p, log_q, p = law(x, 5.0)
        assert log_p == pytest.approx(-x - math.log(5.0) - math.log1p(math.exp(-x) / 5.0), rel=4 * EPS)
        assert log_q <= 0.0
        assert p == pytest.approx(-math.expm1(log_q), rel=1e-12)


def test_shapes() -> None:
    pulls = simulate_ladder(0.2, 50, 6, 1).pulls.reshape(2, 3, -1)
    value, _, _ = ladder_log_likelihood(np.full((4, 1), 0.2), pulls, 50)
    assert value.shape == (2, 3, 4, 1)
    assert ladder_maximum_likelihood(pulls, 50, (0.1, 1.0)).at_bound.shape == (2, 3)
    assert isinstance(ladder_maximum_likelihood(pulls[0, 0], 50, (0.1, 1.0)).learning_rate, float)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, r"learning_rate must be > 0 and <= 1e\+20, got learning_rate=0\.0"),
        ({"rounds": 0}, r"rounds must be >= 1 and <= 1e\+300, got rounds=0\.0"),
        ({"rounds": 10.5}, r"rounds must be an integer, got rounds=10\.5"),
        ({"replicates": 0}, r"replicates must be >= 1, got replicates=0"),
        ({"seed": -1}, r"seed must be >= 0"),
        ({"n_arms": 1}, r"n_arms must be >= 2"),
        ({"loss": -0.5}, r"loss must be > 0"),
        ({"first_replicate": 0.5}, r"first_replicate must be an integer"),
        ({"learning_rate": 1e-6, "rounds": 1e9, "replicates": 10**6}, r"replicates times pulls must be <= 268435456"),
    ],
)
def test_bad_runs(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_ladder(**({"learning_rate": 0.3, "rounds": 10, "replicates": 2, "seed": 1} | change))


def likelihood_of(pulls: Any) -> Any:
    return ladder_log_likelihood(0.3, pulls, 10)


def maximum_of(pulls: Any) -> Any:
    return ladder_maximum_likelihood(pulls, 10, (0.1, 1.0))


@pytest.mark.parametrize("function", [likelihood_of, maximum_of])
@pytest.mark.parametrize(
    ("pulls", "message"),
    [
        ([2, 2], r"pulls must be increasing whole rounds followed by zeros only, got 2\.0 at place 1 of history 0"),
        ([[1, 2], [0, 3]], r"got 3\.0 at place 1 of history 1"),
        ([1.5], r"got 1\.5 at place 0 of history 0"),
        ([11], r"pulls must be >= 0 and <= 10, got pulls\[0\]=11\.0"),
        ([], r"pulls must have shape \(\.\.\., levels\) with levels >= 1, got shape \(0,\)"),
        (3, r"pulls must have shape \(\.\.\., levels\)"),
        ([math.nan], r"pulls must be .*got pulls\[0\]=nan"),
    ],
)
def test_bad_pulls(function: Callable[..., Any], pulls: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(pulls)


def test_bad_bounds() -> None:
    with pytest.raises(ValueError, match=r"bounds must be \(low, high\) with low < high"):
        ladder_maximum_likelihood([1, 2], 10, (1.0, 0.1))
    with pytest.raises(ValueError, match=r"learning_rate must not be empty"):
        ladder_log_likelihood([], [1, 2], 10)
