"""The ladder, its exit times and the sure bounds: hand values, mpmath, enumerated adversaries."""

import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.exp3 import (
    admissible_truncation,
    exit_information,
    exit_time,
    ladder,
    sharp_probability_bound,
    sure_probability_bound,
)

EPS = np.finfo(float).eps
RATES = (1e-4, 3e-3, 0.02, 0.13, 0.5, 1.7, 30.0, 4e3)
rule = settings(derandomize=True, deadline=None, max_examples=60)
ARMS = ((2, 1.3), (3, 0.07), (7, 25.0), (10**6, 0.6))

# --- identities and limits


def test_first_levels_by_hand():
    eta, loss, arms = 0.3, 0.7, 4
    x, slope = ladder(eta, 2, arms, loss)
    first = eta * loss * arms
    assert x[:2] == pytest.approx([0.0, first])
    assert x[2] == pytest.approx(first + eta * loss * (1 + 3 * np.exp(first)))
    assert slope[2] == pytest.approx(
        loss * arms + loss * (1 + 3 * np.exp(first)) + eta * loss * 3 * np.exp(first) * loss * arms
    )


def test_published_exit_times():
    # means of the table, confirmed there by 20000 replicates each
    for (arms, eta, threshold), mean in {
        (2, 0.1, 0.05): 39.836,
        (2, 0.02, 0.01): 236.174,
        (4, 0.02, 0.02): 160.18,
        (2, 0.5, 0.1): 6.7183,
    }.items():
        assert exit_time(eta, threshold, arms).mean == pytest.approx(mean, rel=3e-5)  # digits given


def test_mean_exit_time_telescopes():
    for eta, threshold, (arms, loss) in itertools.product(RATES[1:], (0.2, 1e-3, 1e-12), ARMS):
        mean, _, least = exit_time(eta, threshold, arms, loss)
        x, slope = ladder(eta, int(least) - 1, arms, loss)
        # x carries the roundings of all levels, each amplified as a change of eta is
        tolerance = 20 * EPS * (1 + eta * slope[-1] / max(x[-1], eta))
        assert mean == pytest.approx(1.0 + x[-1] / (eta * loss), rel=tolerance)


@pytest.mark.parametrize("arms", [2, 3, 7, 49])
def test_thresholds_from_the_uniform_probability_on(arms):
    assert exit_time(0.3, 1.0 / arms + 1e-9, arms) == (1.0, 0.0, 1.0)
    assert exit_time(0.3, 0.99, arms) == (1.0, 0.0, 1.0)
    at = exit_time(0.3, 1.0 / arms, arms)  # the first lossy pull ends it
    assert at == pytest.approx((1.0 + arms, arms * (arms - 1.0), 2.0))
    assert admissible_truncation(0.3, 1.0 / arms + 1e-9, arms) == (0.0, 0.0)
    assert admissible_truncation(0.3, 1.0 / arms, arms) == (1.0, 1.0)


def test_overflow_is_infinite():
    x, slope = ladder([0.5, 200.0], 7)
    assert np.isinf(x[0, 5:]).all()
    assert np.isfinite(slope[0, :5]).all()
    assert np.isinf(slope[1, 3:]).all()
    assert not np.isnan(slope).any()
    assert exit_time(0.5, 1e-200).variance < np.inf
    assert exit_time(3.0, 1e-300).mean < np.inf
    assert sharp_probability_bound([3, 6, 10**300], 0.5)[1:].tolist() == [0.0, 0.0]


def test_rates_below_rounding_of_the_uniform_probability():
    """At the threshold 1/K the first pull is the exit however small the rate; below it the ladder is too long."""
    for arms in (2, 3, 4):
        for eta in (1e-17, 1e-150):
            assert exit_time(eta, 1.0 / arms, arms) == pytest.approx((1.0 + arms, arms * (arms - 1.0), 2.0))
            assert exit_information(eta, 1.0 / arms, arms) == 0.0


def test_linear_bounds_by_hand():
    assert sure_probability_bound([1, 2, 4, 9], 0.02, 4, 2.5) == pytest.approx([0.25, 0.2, 0.1, 0.0])
    assert admissible_truncation(0.02, 0.1, 4, 2.5).linear == 4.0  # (0.25 - 0.1)/0.05 = 3, whole up to rounding
    assert admissible_truncation(0.02, 0.101, 4, 2.5).linear == 3.0
    assert admissible_truncation(0.1, 0.2).linear == 4.0  # 0.3/0.1 is 3 less a rounding


def test_sharp_truncation_by_greedy_draws():
    """One arm drawn in every round: the last round before p < threshold is the truncation, one less than the exit."""
    for arms, eta, threshold, loss in (
        (2, 0.3, 0.2, 0.9),
        (3, 0.05, 0.1, 1.7),
        (5, 0.4, 0.15, 0.2),
        (2, 2.0, 0.4, 0.3),
    ):
        y, rounds = np.zeros(arms), 0
        while (p := np.exp(y) / np.exp(y).sum()).min() >= threshold:
            y[0] -= eta * loss / p[0]
            rounds += 1
        assert admissible_truncation(eta, threshold, arms, loss).sharp == rounds
        assert exit_time(eta, threshold, arms, loss).sure_lower_bound == rounds + 1


# --- oracle


def test_ladder_at_every_scale(oracle):
    bad = []
    for eta, (arms, loss) in itertools.product(RATES, ARMS):
        x, slope = ladder(eta, 12, arms, loss)
        with mp.workdps(90):
            rungs = oracle.ladder_rungs(eta, 12, arms, loss)
        amplified = 1.0
        for level, (log_odds, steepness) in enumerate(rungs):
            if not log_odds < 1e300:
                bad += [] if np.isinf(x[level + 1 :]).all() else [(eta, arms, loss, level)]
                break
            # roundings of x act like relative changes of eta by eps, on x and on log x' of all later levels
            tolerance = 10 * EPS * amplified
            fits = abs(x[level] - log_odds) <= tolerance * log_odds + 10 * EPS * eta * abs(steepness)
            if steepness < 1e300:
                fits &= abs(slope[level] - steepness) <= tolerance * steepness
            else:
                fits &= slope[level] > 1e299
            amplified += float(min(eta * abs(steepness), mp.mpf(10) ** 10))
            bad += [] if fits else [(eta, arms, loss, level, x[level], float(log_odds))]
    assert bad == []


def test_ladder_up_to_the_end_of_float64(oracle):
    """x_m = 704.5 leads to x_{m+1} = 1e305, past e^700 and short of overflow."""
    x, _ = ladder(0.070955, 40)
    deepest = int(np.flatnonzero(np.isfinite(x))[-1])
    with mp.workdps(60):
        path = oracle.ladder_log_odds(0.070955, deepest, 2, 1.0)
    assert 702.0 < x[deepest - 1] < 709.0
    # 16 digits, amplified by eta dx/d eta = 1e5 to 1e-10 in x_m, which is its relative error in x_{m+1} times 704
    assert x[deepest] == pytest.approx(float(path[deepest]), rel=1e-7)


def test_exit_times_at_every_scale(oracle):
    bad = []
    for eta, (arms, loss) in itertools.product(RATES[2:], ARMS):
        for threshold in (0.9 / arms, 0.1 / arms, 1e-4 / arms, 1e-20, 1e-100):
            found = exit_time(eta, threshold, arms, loss)
            with mp.workdps(60):
                path = oracle.ladder_log_odds(eta, int(found.sure_lower_bound) + 1, arms, loss)
                p = [oracle.ladder_probability(min(x, 1000), arms) for x in path]
                first = next(m for m, q in enumerate(p) if q < threshold)
                mean, variance = 1 + mp.fsum(1 / q for q in p[:first]), mp.fsum((1 - q) / q**2 for q in p[:first])
            slope = ladder(eta, max(first - 1, 0), arms, loss)[1][-1]
            # roundings of all levels, and log p of the last one before the exit
            tolerance = 20 * EPS * (1.0 + 0.1 * first + eta * slope)
            good = found == pytest.approx((float(mean), float(variance), first + 1.0), rel=tolerance)
            bad += [] if good else [(eta, arms, loss, threshold, found)]
    assert bad == []


def test_exit_time_against_the_chain_itself():
    """Mean and variance from the distribution: a chain on the levels, round by round."""
    eta, threshold, arms, loss = 0.21, 0.03, 3, 0.8
    found = exit_time(eta, threshold, arms, loss)
    x, _ = ladder(eta, int(found.sure_lower_bound) - 2, arms, loss)
    p = 1.0 / (1.0 + 2.0 * np.exp(x))
    state, later = np.eye(1, len(p))[0], [1.0]  # P(T > t) = P(fewer than m pulls in t - 1 rounds)
    while later[-1] > 1e-18:
        state = state * (1.0 - p) + np.concatenate(([0.0], (state * p)[:-1]))
        later.append(state.sum())
    later = np.array(later)
    mean = 1.0 + later.sum()
    assert found.mean == pytest.approx(mean, rel=1e-12)  # thousands of roundings
    square = 1.0 + np.sum((2.0 * np.arange(1, len(later) + 1) + 1.0) * later)
    assert found.variance == pytest.approx(square - mean**2, rel=1e-10)


def test_no_adversary_gets_below_the_bounds():
    """Random and greedy losses and draws; pulling one arm at the largest loss attains the sharp bound."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        arms, eta, most = int(rng.integers(2, 6)), 10.0 ** rng.uniform(-2, 0), 10.0 ** rng.uniform(-1, 1)
        greed = rng.random()
        y = np.zeros(arms)
        for t in range(1, 15):
            p = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
            if p.min() < 1e-6:
                break  # rounding of y shows below
            assert p.min() >= sharp_probability_bound(t, eta, arms, most) * (1 - 1e-9)
            assert p.min() >= sure_probability_bound(t, eta, arms, most) - 1e-15
            arm = p.argmin() if rng.random() < greed else rng.integers(arms)
            y[arm] -= eta * most * (1.0 if rng.random() < greed else rng.random()) / p[arm]
    x, _ = ladder(0.3, 3, 4, 0.2)
    assert sharp_probability_bound([1, 2, 3, 4], 0.3, 4, 0.2) == pytest.approx(1.0 / (1.0 + 3.0 * np.exp(x)))


# --- properties


@rule
@given(st.floats(-3, 1), st.floats(-6, -0.31), st.integers(2, 9), st.floats(-1, 1))
def test_truncations_are_the_largest_admissible(log_rate, log_threshold, arms, log_loss):
    eta, threshold, most = 10.0**log_rate, 10.0**log_threshold, 10.0**log_loss
    linear, sharp = admissible_truncation(eta, threshold, arms, most)
    assert linear <= sharp == exit_time(eta, threshold, arms, most).sure_lower_bound - 1.0
    for bound, last in ((sure_probability_bound, linear), (sharp_probability_bound, sharp)):
        slack = 1e-11 * threshold
        assert last == 0.0 or bound(last, eta, arms, most) >= threshold - slack
        assert bound(last + 1.0, eta, arms, most) <= threshold + slack


@rule
@given(st.floats(-3, 1), st.floats(-1, 1), st.integers(2, 9))
def test_only_rate_times_loss_matters(log_rate, log_loss, arms):
    eta, loss = 10.0**log_rate, 10.0**log_loss
    x, slope = ladder(eta, 6, arms, loss)
    y, other = ladder(eta * loss, 6, arms)
    np.testing.assert_array_equal(x, y)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(slope, loss * other, rtol=4 * EPS)
    assert exit_time(eta, 0.01, arms, loss) == exit_time(eta * loss, 0.01, arms)


def test_broadcasting_equals_a_loop():
    eta, threshold = np.array([[0.1], [0.7]]), np.array([0.2, 0.01, 1e-9])
    together = exit_time(eta, threshold, 3)
    cut = admissible_truncation(eta, threshold, 3)
    for i, j in np.ndindex(2, 3):
        alone = exit_time(eta[i, 0], threshold[j], 3)
        assert all(isinstance(value, float) for value in alone)
        assert alone == tuple(column[i, j] for column in together)
        assert admissible_truncation(eta[i, 0], threshold[j], 3) == tuple(column[i, j] for column in cut)
    assert ladder(eta, 4)[0].shape == (2, 1, 5)
    assert ladder(0.1, 0)[0].shape == (1,)
    assert isinstance(sharp_probability_bound(3, 0.1), float)
    assert sharp_probability_bound([[1], [40]], [0.1, 0.2, 0.3]).shape == (2, 3)


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ladder(-0.1, 3), r"learning_rate must be > 0 and <= 1e\+150, got learning_rate=-0\.1"),
        (lambda: ladder(0.1, -1), r"levels must be >= 0"),
        (lambda: ladder(0.1, 2.5), r"levels must be an integer, got levels=2\.5"),
        (lambda: ladder(0.1, 3, 1), r"n_arms must be >= 2"),
        (lambda: ladder(0.1, 3, [2, 3]), r"n_arms must be a single real number"),
        (lambda: ladder(0.1, 3, loss=0.0), r"loss must be > 0"),
        (lambda: ladder("0.1", 3), r"learning_rate must be a real number"),
        (lambda: exit_time(0.1, 0.0), r"threshold must be > 0 and <= 1, got threshold=0\.0"),
        (lambda: exit_time(0.1, np.nan), r"threshold must be > 0 and <= 1, got threshold=nan"),
        (lambda: exit_time([0.1, 0.2], [0.1, 0.2, 0.3]), r"learning_rate, threshold, loss must broadcast"),
        (lambda: exit_time(1e-12, 0.1), r"learning_rate \* loss must be larger, got 1e-12"),
        (lambda: sure_probability_bound(0, 0.1), r"rounds must be >= 1"),
        (lambda: sharp_probability_bound([2, 2.5], 0.1), r"rounds must be whole numbers, got rounds\[1\]=2\.5"),
        (lambda: admissible_truncation(0.1, 1.5), r"threshold must be > 0 and <= 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
