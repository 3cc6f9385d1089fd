"""Information and pulls of the ladder, from two rounds to 1e300: enumeration, partial fractions, plateaus."""

import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from theory.exp3 import _matrix_powers as powers
from theory.exp3 import (
    exit_information,
    exit_time,
    expected_pulls,
    information_plateaus,
    ladder,
    ladder_information,
    mean_field_information,
    sharp_probability_bound,
)

EPS = np.finfo(float).eps
rule = settings(derandomize=True, deadline=None, max_examples=40)


def steepest(rounds, eta, arms, loss):
    """Return eta dx/d eta of the deepest level that is left within the rounds with a chance of 1e-6 or more."""
    x, slope = ladder(eta, 400, arms, loss)
    with np.errstate(over="ignore", under="ignore"):
        return eta * slope[(x < np.log(rounds) + 14.0) & np.isfinite(slope)].max()


# --- identities and limits


def test_published_values():
    assert ladder_information(12, 0.3) == pytest.approx(70.30294907960094, rel=1e-14)
    assert ladder_information(7, 0.4, 3) == pytest.approx(5.593641428625, rel=1e-12)  # digits given
    horizons = [1e2, 1e3, 1e4, 1e5, 1e6, 1e10, 1e100, 1e300]
    half = [74.2, 125.8, 624.3, 4432, 10130.7, 10165.9096, 10165.9096, 10165.9096]
    assert ladder_information(horizons, 0.5) == pytest.approx(half, rel=5e-4)  # digits given
    one = [5.267, 22.5, 171.1, 607.7, 636.89, 636.890061, 636.890061, 636.890061]
    assert ladder_information(horizons, 1.0) == pytest.approx(one, rel=1e-3)
    assert expected_pulls([1e2, 1e300], 0.5) == pytest.approx([2.995, 4.0], abs=5e-4)


def test_one_and_two_rounds_by_hand():
    eta, arms, loss = 0.3, 5, 0.7
    p = 1.0 / (1.0 + 4.0 * np.exp(arms * eta * loss))
    assert ladder_information(1, eta, arms, loss) == 0.0
    assert expected_pulls(1, eta, arms, loss) == pytest.approx(0.2)
    assert ladder_information(2, eta, arms, loss) == pytest.approx(0.2 * (arms * loss) ** 2 * p * (1 - p))
    assert expected_pulls(2, eta, arms, loss) == pytest.approx(0.2 + 0.8 * 0.2 + 0.2 * p)


def test_the_loss_estimate_is_unbiased():
    """E x_{N_n} = eta l n: what the estimator adds to the log-odds in a round is eta l on average."""
    eta, loss, n = 0.2, 0.6, 6
    x, _ = ladder(eta, n, 3, loss)
    p = 1.0 / (1.0 + 2.0 * np.exp(x))
    state = np.eye(1, n + 1)[0]
    for _ in range(n):
        state = state * (1 - p) + np.concatenate(([0.0], (state * p)[:-1]))
    assert state @ x == pytest.approx(eta * loss * n, rel=1e-13)
    assert expected_pulls(n, eta, 3, loss) == pytest.approx(state @ np.arange(n + 1), rel=1e-13)


def test_small_rates_follow_the_mean_field():
    """eta^3 I_T -> the integral of (K - 1) e^s log^2(K/(K - 1 + e^-s)), with an error of order eta e^S."""
    for arms, scaled_time in ((2, 2.0), (5, 2.0)):
        limit = quad(lambda s, k=arms: (k - 1) * np.exp(s) * np.log(k / (k - 1 + np.exp(-s))) ** 2, 0, scaled_time)[0]
        gaps = []
        for eta in (0.01, 0.005):
            loss = 0.5
            rounds = round(scaled_time / (eta * loss))
            gaps.append(eta**3 * loss * ladder_information(rounds, eta, arms, loss) / limit - 1.0)
        assert abs(gaps[1]) < 0.02
        assert gaps[0] / gaps[1] == pytest.approx(2.0, rel=0.2)  # next order: eta


def test_levels_that_nobody_reaches_are_no_obstacle():
    rate = 1.5 / 8000  # arrivals at the deepest of its levels underflow to 0
    scaled = rate**3 * 0.5 * ladder_information(8000, rate, n_arms=4, loss=0.5)
    # the limit's error: 1.2 eta, of order eta/p; p = 1/7.4
    assert scaled == pytest.approx(mean_field_information(0.75, [1.0, 0.0, 0.0, 0.0]), rel=2 * rate * 7.4)


def test_finished_levels_stand_still():
    for eta, arms in ((0.5, 2), (1.0, 2), (0.3, 4)):
        levels = information_plateaus(eta, arms)
        inside = 0.5 * (levels.log10_start[0] + min(levels.log10_end[0], 300.0))
        height = ladder_information(np.round(10.0**inside), eta, arms)
        assert levels.information[0] == pytest.approx(height, rel=0.01)  # the admitted change
        x, _ = ladder(eta, int(levels.pulls[0]), arms)
        before = np.exp(-x[levels.pulls[0] - 1]) / (arms - 1.0 + np.exp(-x[levels.pulls[0] - 1]))  # p of the last level
        assert exit_information(eta, 0.999 * before, arms) == pytest.approx(levels.information[0], rel=1e-13)


def test_exit_information_counts_the_level_at_the_threshold():
    eta, arms, loss = 0.3, 4, 0.7
    p = sharp_probability_bound(2, eta, arms, loss)
    assert exit_information(eta, p, arms, loss) == pytest.approx((arms * loss) ** 2 * (1 - p), rel=4 * EPS)
    assert exit_information(eta, p * (1 + 4 * EPS), arms, loss) == 0.0


def test_few_rounds_at_tiny_rates():
    """x' = K l N and p = 1/K up to eta: (K - 1) l^2 (E N_1^2 + E N_2^2) for three rounds, N binomial."""
    arms, loss = 3, 0.7
    expected = (arms - 1) * loss**2 * (1 / arms + 2 / arms * (1 - 1 / arms) + 4 / arms**2)
    assert ladder_information(3, 1e-12, arms, loss) == pytest.approx(expected, rel=1e-11)  # eta, some tens


def test_thousands_of_levels_are_followed_to_their_end():
    """Nobody is lost where squaring takes over: after 60000 rounds J(6)/eta^3, with an error of order eta e^6."""
    eta = 1e-4
    scaled = eta**3 * ladder_information(60_000, eta)
    assert scaled == pytest.approx(mean_field_information(6.0, [1.0, 0.0]), rel=0.04)


def test_heights_beyond_float64_in_units_of_the_loss(oracle):
    """dx/da of the last level is 1e290, its square times loss^2 is a number."""
    rate, arms, loss = 220.19, 3, 220.19e-150
    found = information_plateaus(1e150, arms, loss)
    with mp.workdps(700):
        (_, _), (first, one), (_, two) = oracle.ladder_rungs(rate, 2, arms, 1.0)
        expected = mp.mpf(loss) ** 2 * (one**2 * (1 - oracle.ladder_probability(first, arms)) + two**2)
    assert found.pulls.tolist() == [2, 3]
    # eta l is rounded: 661 eps in log x'
    assert found.information[1] == pytest.approx(float(expected), rel=1e-11)


def test_plateaus_of_very_many_arms():
    """The sensitivity of the last level is beyond float64, its log-odds are not: the plateaus before it remain."""
    eta, arms = 1.155444859918095e-17, 10**15
    found = information_plateaus(eta, arms)
    log_odds, slope = (values[found.pulls[-1] - 1] for values in ladder(eta, int(found.pulls[-1]), arms))
    assert 1e280 < log_odds < 1e290
    assert np.isinf(slope)
    assert np.isinf(found.information[-1])
    assert len(found.pulls) >= 2
    assert np.isfinite(found.information[0])


# --- oracle


def test_enumeration_of_all_histories(oracle):
    for eta, n, arms, loss in ((0.3, 8, 2, 1.0), (0.4, 5, 3, 0.7), (1.1, 7, 2, 0.3), (0.05, 5, 4, 1.9)):
        expected = oracle.ladder_enumerated(eta, eta, n, arms, loss)[0]
        assert ladder_information(n, eta, arms, loss) == pytest.approx(expected, rel=1e-13)


def test_every_horizon_and_rate(oracle):
    bad = []
    box = itertools.product(
        (0.05, 0.3, 0.9, 5.0, 40.0), ((2, 1.2), (3, 0.6), (1000, 2.5)), (2, 9, 1e5, 1e12, 1e60, 1e300)
    )
    for eta, (arms, loss), n in box:
        found = [ladder_information(n, eta, arms, loss), expected_pulls(n, eta, arms, loss)]
        expected = oracle.ladder_information(n, eta, arms, loss)
        tolerance = 20 * EPS * (10.0 + steepest(n, eta, arms, loss))  # log p of the level that is being left
        if found != pytest.approx(expected, rel=tolerance, abs=1e-300):
            bad.append((eta, arms, loss, n, found, expected))
    assert bad == []


def test_ladders_of_many_levels(oracle, monkeypatch):
    """Levels followed in time and then squared, against partial fractions; and all squared, none followed."""
    for n in (40, 700, 1e5, 1e40):
        expected = oracle.ladder_information(n, 0.0065)
        found = [ladder_information(n, 0.0065), expected_pulls(n, 0.0065)]
        tolerance = 10 * EPS * (100.0 + steepest(n, 0.0065, 2, 1.0))  # a hundred levels
        assert found == pytest.approx(expected, rel=tolerance)
    horizons = [60, 1000, 3e4, 1e9]
    mixed = ladder_information(horizons, 0.002)
    monkeypatch.setattr(powers, "BLOCK", 10_000)
    np.testing.assert_allclose(mixed, ladder_information(horizons, 0.002), rtol=1e-11)
    monkeypatch.setattr(powers, "BLOCK", 4)
    few = ladder_information([9, 200, 1e9], 0.05)
    monkeypatch.setattr(powers, "BLOCK", 48)
    np.testing.assert_allclose(few, ladder_information([9, 200, 1e9], 0.05), rtol=1e-12)


def test_probabilities_below_float64():
    """x_1 = 720: p is subnormal, n p is not. n x'^2 p/K with the first round's delay."""
    n, eta = 1e290, 360.0
    assert ladder_information(n, eta) == pytest.approx(4.0 * np.exp(np.log(n) - 720.0), rel=1e-12)
    assert ladder_information(n, 1e4) == 0.0


def test_exit_information_at_every_scale(oracle):
    for eta, (arms, loss), threshold in itertools.product((0.003, 0.1, 0.8), ((2, 1.2), (6, 0.3)), (0.15, 0.01, 1e-6)):
        least = int(exit_time(eta, threshold, arms, loss).sure_lower_bound)
        with mp.workdps(60):
            rungs = oracle.ladder_rungs(eta, least - 2, arms, loss)
            expected = float(mp.fsum(s**2 * (1 - oracle.ladder_probability(x, arms)) for x, s in rungs))
        tolerance = 20 * EPS * (1.0 + eta * float(rungs[-1][1]))  # x' is as well known as log p before it
        assert exit_information(eta, threshold, arms, loss) == pytest.approx(expected, rel=tolerance)


def test_ends_of_plateaus_by_their_definition():
    """The bounds of the docstring, optimised by nobody: e^(-theta n) E e^(theta S) = tolerance, n sum x'^2 p q = it."""
    eta, arms, loss, tolerance = 0.25, 3, 0.8, 0.05
    found = information_plateaus(eta, arms, loss, tolerance)
    x, slope = ladder(eta, 40, arms, loss)
    p = 1.0 / (1.0 + (arms - 1.0) * np.exp(np.minimum(x, 650.0)))
    with np.errstate(over="ignore", invalid="ignore"):
        gain = slope**2 * (1.0 - p)
        threat = np.where(x < 650.0, gain * p, 0.0)  # levels beyond are no threat
    checked = 0
    for pulls, height, start, end in zip(*found, strict=True):
        if x[pulls - 1] < 600.0:
            last, before = p[pulls - 1], p[:pulls]
            theta = -np.log1p(-last / 2)
            log_mean = -np.log(1.0 - last / (2 * before)).sum()  # of e^(theta S), a product of geometric ones
            assert start == pytest.approx(np.log10((log_mean - np.log(tolerance)) / theta), rel=1e-12)
            assert height == pytest.approx(gain[:pulls].sum(), rel=1e-11)
            if threat[pulls:].sum() > 0.0:
                assert end == pytest.approx(np.log10(tolerance * height / threat[pulls:].sum()), rel=1e-11)
            checked += 1
    assert checked


# --- properties


@rule
@given(st.floats(-1.3, 0.5), st.integers(2, 6), st.floats(-1, 1), st.floats(0.4, 290))
def test_information_grows_and_scales(log_rate, arms, log_loss, log_rounds):
    eta, loss = 10.0**log_rate, 10.0**log_loss
    n = np.floor(10.0**log_rounds)
    more = ladder_information([n, 2 * n, 8 * n], eta, arms, loss)
    assert (np.diff(more) >= -1e-11 * more[:-1]).all()
    assert more[0] == pytest.approx(loss**2 * ladder_information(n, eta * loss, arms), rel=4 * EPS)
    pulls = expected_pulls([n, 2 * n], eta, arms, loss)
    assert pulls[0] <= min(n / arms, pulls[1] * (1 + 1e-12)) * (1 + 1e-12)


@settings(rule, max_examples=25)
@given(st.floats(-1.5, 0.7), st.integers(2, 6), st.sampled_from([0.1, 1e-3]))
def test_plateaus_are_flat_over_their_whole_length(log_rate, arms, tolerance):
    eta, loss = 10.0**log_rate, 0.8
    found = information_plateaus(eta, arms, loss, tolerance)
    assert (found.log10_start <= found.log10_end).all()
    assert found.log10_end[-1] == np.inf
    assert (found.log10_end[:-1] <= found.log10_start[1:]).all()  # equal where both round to x/log 10
    for height, start, end in zip(*found[1:], strict=True):
        if start < 295.0:
            ends = np.round(10.0 ** np.array([start + 0.01, min(end, 299.0)]))
            assert ladder_information(ends, eta, arms, loss) == pytest.approx([height, height], rel=tolerance)


def test_broadcasting_equals_a_loop():
    rounds, eta = np.array([[3], [70], [10**9]]), np.array([0.004, 0.2, 0.9, 0.2])
    for function in (ladder_information, expected_pulls):
        together = function(rounds, eta, 3, 0.7)
        assert together.shape == (3, 4)
        for i, j in np.ndindex(3, 4):
            alone = function(int(rounds[i, 0]), eta[j], 3, 0.7)
            assert isinstance(alone, float)
            assert alone == pytest.approx(together[i, j], rel=1e-12)
    falling = ladder_information([900, 7, 30], 0.2)  # horizons in any order
    assert falling.tolist() == [ladder_information(n, 0.2) for n in (900, 7, 30)]
    assert ladder_information(10**300, 0.5) == ladder_information(1e300, 0.5)
    assert exit_information([0.1, 0.2], [[0.1], [0.2]]).shape == (2, 2)


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ladder_information(0, 0.3), r"rounds must be >= 1"),
        (lambda: ladder_information(1.5, 0.3), r"rounds must be whole numbers, got rounds=1\.5"),
        (lambda: ladder_information(1e301, 0.3), r"rounds must be >= 1 and <= 1e\+300"),
        (lambda: ladder_information(9, [0.3, -1.0]), r"learning_rate must be > 0 .* got learning_rate\[1\]=-1\.0"),
        (lambda: ladder_information([9, 8], [0.3, 1.0, 2.0]), r"rounds, learning_rate, loss must broadcast"),
        (lambda: ladder_information(10**6, 1e-7), r"learning_rate \* loss must be larger, got 1e-07"),
        (lambda: expected_pulls(9, 0.3, 2.5), r"n_arms must be an integer"),
        (lambda: exit_information(0.3, 2.0), r"threshold must be > 0 and <= 1"),
        (lambda: information_plateaus([0.3, 0.4]), r"learning_rate must be a single real number, got shape \(2,\)"),
        (lambda: information_plateaus(0.3, tolerance=1.0), r"tolerance must be > 0 and < 1"),
        (lambda: information_plateaus(0.3, loss=-1.0), r"loss must be > 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
