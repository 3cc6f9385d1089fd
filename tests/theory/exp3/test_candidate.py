"""A wrong candidate: its two log-odds integrated, 45 digits, the cliff, the information as a second derivative."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theory.exp3 import (
    candidate_log_likelihood,
    candidate_probability,
    cliff_time,
    mean_field_information,
    mean_field_path,
)

EPS = np.finfo(float).eps
rule = settings(derandomize=True, deadline=None, max_examples=100)
ratios_ = st.floats(-2.0, 2.0).map(lambda x: 10.0**x)
arms_ = st.sampled_from([2, 3, 5, 100])


def entropy(p):
    return -(p * np.log(p) + (1 - p) * np.log1p(-p))


# --- identities and limits


def test_power_law_in_symbols():
    """dz/ds = r p/q along 1 - q = ((K-1)/K) [K(1-p)/(K-1)]^r, z the log-odds against the lossy arm."""
    s, r, arms = sp.symbols("s r K", positive=True)
    p = 1 / (1 + (arms - 1) * sp.exp(s))
    q = 1 - (arms - 1) / arms * (arms * (1 - p) / (arms - 1)) ** r
    gap = sp.diff(sp.log((1 - q) / q), s) - r * p / q
    for values in ({r: sp.Rational(3, 2), arms: 2, s: sp.Rational(1, 2)}, {r: sp.Rational(1, 3), arms: 5, s: 2}):
        assert abs(sp.N(gap.subs(values), 40)) < 1e-35


@pytest.mark.parametrize(
    ("time", "ratio", "arms", "value"),
    [(1.8, 0.5, 2, 0.34496), (0.808426, 1.5, 2, 0.18631), (0.528824, 2.0, 2, 0.20819), (1.0, 1.2, 5, 0.05913)],
)
def test_known_values(time, ratio, arms, value):
    assert candidate_probability(time, ratio, arms) == pytest.approx(value, abs=6e-6)


def test_known_values_with_gains():
    assert 1.0 - candidate_probability(2.0, 1.7, gains=True) == pytest.approx(0.04369, abs=6e-6)


def test_known_cliffs():
    assert cliff_time(2.0) == pytest.approx(0.8814, abs=5e-5)
    assert cliff_time(1.5) == pytest.approx(1.3474, abs=5e-5)
    assert cliff_time([0.3, 1.0]).tolist() == [np.inf, np.inf]
    for arms in (2, 7):
        end = np.log(arms / (arms - 1))
        assert cliff_time(1e12, arms) == pytest.approx(arms * end / 1e12, rel=1e-11)  # next term 1/ratio
        assert cliff_time(1 + 1e-12, arms) == pytest.approx(-np.log((arms - 1) * end * ((1 + 1e-12) - 1)), rel=1e-11)


def test_limits_of_the_probability():
    for arms in (2, 6):
        start = candidate_probability(0.0, [0.2, 1.0, 9.0], arms)
        np.testing.assert_allclose(start, 1.0 / arms, rtol=4 * EPS)
        assert candidate_probability(5000.0, 0.4, arms) == pytest.approx(1 - (1 - 1 / arms) ** 0.6, rel=1e-14)
        assert candidate_probability(cliff_time(1.4, arms) * (1 + 1e-12), 1.4, arms) == 0.0
        assert candidate_probability(5000.0, 1.0, arms, gains=True) == 1.0
        times = np.array([0.1, 3.0, 40.0, 600.0])
        # the true rate, also where p is far below rounding of 1
        np.testing.assert_allclose(
            candidate_probability(times, 1.0, arms), 1 / (1 + (arms - 1) * np.exp(times)), rtol=1e-13
        )


def test_gains_of_very_many_arms():
    """1 - q = (1 - 1/K) (1/(K - 1 + e^s) K)^r: the rewarded arm takes over only at s = log K."""
    for arms in (10**6, 10**15):
        for time in (0.5, 29.9, 30.1, 40.0, 699.0, 701.0):
            expected = -mp.expm1(
                mp.log1p(-mp.mpf(1) / arms) - 0.7 * mp.log1p(mp.expm1(mp.mpf(time)) / arms)
            )  # both logs of one sign
            assert candidate_probability(time, 0.7, arms, gains=True) == pytest.approx(float(expected), rel=1e-14)


def test_tangent_is_the_score():
    times, step = np.array([0.3, 1.0, 2.5]), 1e-5
    for gains in (False, True):
        path = mean_field_path(times, [1.0, 0.0, 0.0], gains=gains)
        rise = candidate_probability(times, 1 + step, 3, gains) - candidate_probability(times, 1 - step, 3, gains)
        # central difference: step^2 and eps/step
        np.testing.assert_allclose(rise / (2 * step), (path.probability * path.score)[:, 0], rtol=1e-8)


def test_second_derivative_of_the_likelihood_is_the_information():
    step = 2e-3
    for arms, time, gains in ((2, 1.0, False), (4, 2.0, False), (2, 2.0, True), (3, 6.0, True)):
        ratios = 1.0 + step * np.arange(-2, 3)
        values = candidate_log_likelihood(time, ratios, arms, gains)
        curvature = np.dot([-1, 16, -30, 16, -1], values) / (12 * step**2)
        expected = -mean_field_information(time, [1.0] + [0.0] * (arms - 1), gains)
        assert curvature == pytest.approx(expected, rel=2e-5)  # step^4 times the sixth derivative, and eps/step^2
        assert abs(np.dot([1, -8, 0, 8, -1], values)) / (12 * step) < 1e-6  # the true rate is the maximum


def test_likelihood_of_the_truth_is_minus_the_entropy():
    roots, weights = np.polynomial.legendre.leggauss(60)
    for gains in (False, True):
        p = mean_field_path(1.5 * (roots + 1), [0.0, 1.0], gains=gains).probability[:, 1]
        expected = -1.5 * (weights * entropy(p)).sum()
        assert candidate_log_likelihood(3.0, 1.0, gains=gains) == pytest.approx(expected, rel=1e-13)


def test_limits_of_the_likelihood():
    assert candidate_log_likelihood(0.0, 3.0) == 0.0
    cliff = cliff_time(3.0)
    assert np.isfinite(candidate_log_likelihood(cliff, 3.0))
    assert candidate_log_likelihood(np.nextafter(cliff, 9.0), 3.0) == -np.inf
    assert candidate_log_likelihood(1e-9, 50.0, 7) == pytest.approx(-1e-9 * np.log(7), rel=1e-6)
    # beyond the transition a slow candidate loses log(1 - q) each unit of time
    loss = candidate_log_likelihood(900.0, 0.5, 3) - candidate_log_likelihood(300.0, 0.5, 3)
    assert loss == pytest.approx(600.0 * (0.5 * np.log(2 / 3) - np.log(2)), rel=1e-12)
    # with gains all draws fall on the rewarded arm
    late = candidate_log_likelihood([100.0, 800.0], 0.5, 3, gains=True)
    assert late[0] == pytest.approx(late[1], rel=1e-12)


# --- oracle


def test_probability_at_45_digits(oracle):
    bad = []
    with mp.workdps(400):
        for arms in (2, 5, 1000):
            for ratio in (1e-3, 0.5, 1.0, 1 + 1e-12, 1.2, 3.0, 1e4):
                for time in (1e-9, 1e-3, 0.3, 0.88, 2.0, 10.0, 26.0, 300.0):
                    for gains in (False, True):
                        p, q = oracle.candidate_probability(time, ratio, arms, gains)
                        value = candidate_probability(time, ratio, arms, gains)
                        # conditions of q in s and in r, d(1-q)/ds = r p (1-q); at the cliff q is known to that only
                        known = 8 * EPS * (q + ratio * p * (1 + time) + mp.mpf(1) / arms * (ratio > 1))
                        if not abs(value - q) <= known:
                            bad.append((arms, ratio, time, gains, value, float(q)))
    assert not bad


def test_likelihood_by_quadrature(oracle):
    bad = []
    with mp.workdps(20):
        for arms in (2, 30):
            for ratio in (0.02, 1.0 + 1e-9, 1.5, 8.0):
                for share in (1e-4, 0.3, 0.999999):
                    for gains in (False, True):
                        time = share * (30.0 if gains else min(cliff_time(ratio, arms), 30.0))
                        expected = oracle.candidate_log_likelihood(time, ratio, arms, gains)
                        value = candidate_log_likelihood(time, ratio, arms, gains)
                        if not abs(value - expected) <= 1e-13 * abs(expected):  # some hundred roundings
                            bad.append((arms, ratio, time, gains, value, float(expected)))
    assert not bad


@pytest.mark.parametrize(
    ("time", "ratio", "arms", "gains"),
    [(1.07, 1.5, 2, False), (1.19, 1.5, 2, False), (90.0, 0.5, 10**15, True), (90.0, 0.5, 10**15, False)],
)
def test_likelihood_short_of_the_cliff_and_of_very_many_arms(oracle, time, ratio, arms, gains):
    """q = .09 and .05 at the end; and 1 - p = 1e15 e^-s, gone only after 85 units of time."""
    with mp.workdps(25):
        expected = float(oracle.candidate_log_likelihood(time, ratio, arms, gains))
    assert candidate_log_likelihood(time, ratio, arms, gains) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("gains", [False, True])
@pytest.mark.parametrize(("ratio", "arms"), [(0.6, 2), (1.3, 4)])
def test_log_odds_integrated(ratio, arms, gains):
    """The candidate's weights move by r l/q each time the arm is drawn, with probability p."""
    sign = -1.0 if gains else 1.0
    time = 3.0 if gains else min(3.0, 0.9 * cliff_time(ratio, arms))

    def speed(s, z):
        p, q = 1 / (1 + (arms - 1) * np.exp(sign * s)), 1 / (1 + (arms - 1) * np.exp(z))
        return sign * ratio * p / q

    z = solve_ivp(speed, (0.0, time), [0.0], method="DOP853", rtol=1e-12, atol=1e-13).y[0, -1]
    expected = 1 / (1 + (arms - 1) * np.exp(z))
    assert candidate_probability(time, ratio, arms, gains) == pytest.approx(expected, rel=1e-10)  # of the solver


# --- properties


@rule
@given(time=st.floats(0.0, 50.0), ratio=ratios_, arms=arms_)
def test_probability_falls_with_time_and_rate(time, ratio, arms):
    q = candidate_probability([time, 1.01 * time], ratio, arms)
    assert 0.0 <= q[1] <= q[0] * (1 + 1e-13) <= (1 + 2e-13) / arms
    assert candidate_probability(time, 1.01 * ratio, arms) <= q[0] * (1 + 1e-13) + 2 * EPS
    gained = candidate_probability([time, 1.01 * time], ratio, arms, gains=True)
    assert 1 >= gained[1] >= gained[0] * (1 - 1e-13) >= (1 - 2e-13) / arms


@rule
@given(ratio=st.floats(1.0 + 1e-9, 1e6), arms=arms_)
def test_the_probability_vanishes_at_the_cliff(ratio, arms):
    cliff = cliff_time(ratio, arms)
    assert 0.0 < cliff < np.inf
    before = candidate_probability(cliff * (1 - 1e-6), ratio, arms)
    assert 0.0 < before < 1e-4
    assert candidate_probability(cliff * (1 + 1e-6), ratio, arms) == 0.0
    assert cliff_time(1.001 * ratio, arms) < cliff


@rule
@given(time=st.floats(1e-3, 50.0), ratio=ratios_, arms=arms_, gains=st.booleans())
def test_the_truth_is_most_likely(time, ratio, arms, gains):
    value, best = candidate_log_likelihood(time, [ratio, 1.0], arms, gains)
    assert value <= best * (1 - 1e-13)
    assert best < 0.0


@pytest.mark.parametrize("gains", [False, True])
def test_extreme_arguments_give_numbers(gains):
    times, ratios = np.array([0.0, 1e-300, 2.0, 1e5, 1e150]), np.array([[1e-150], [1.0], [1e150]])
    for arms in (2, 10**6):
        assert not np.isnan(candidate_log_likelihood(times, ratios, arms, gains)).any()
        q = candidate_probability(times, ratios, arms, gains)
        assert ((q >= 0.0) & (q <= 1.0)).all()


def test_broadcasting():
    times, ratios = np.array([0.2, 0.5]), np.array([[0.5], [1.0], [1.5]])
    for function in (candidate_probability, candidate_log_likelihood):
        values = function(times, ratios, 3)
        assert values.shape == (3, 2)
        assert values[2, 1] == pytest.approx(function(0.5, 1.5, 3), rel=1e-13)
        assert isinstance(function(0.5, 1.5, 3), float)
        assert function(np.empty(0), 1.5).shape == (0,)
    assert isinstance(cliff_time(2.0), float)
    assert cliff_time([[2.0, 0.5]]).shape == (1, 2)


# --- bad input


@pytest.mark.parametrize("function", [candidate_probability, candidate_log_likelihood])
def test_bad_candidates(function):
    with pytest.raises(ValueError, match=r"scaled_time must be >= 0, got scaled_time=-1\.0"):
        function(-1.0, 0.7)
    with pytest.raises(ValueError, match=r"ratio must be > 0, got ratio\[1\]=0\.0"):
        function(1.0, [0.7, 0.0])
    with pytest.raises(ValueError, match=r"ratio must be >= 1e-150 and <= 1e\+150, got ratio=1e\+151"):
        function(1.0, 1e151)
    with pytest.raises(ValueError, match=r"n_arms must be >= 2 and .*, got n_arms=1\.0"):
        function(1.0, 0.7, 1)
    with pytest.raises(
        ValueError, match=r"scaled_time, ratio must broadcast, got shapes scaled_time \(2,\), ratio \(3,\)"
    ):
        function([1.0, 2.0], [0.7, 0.8, 0.9])
    with pytest.raises(ValueError, match=r"gains must be True or False, got gains=3"):
        function(1.0, 0.7, 2, 3)


def test_bad_cliffs():
    with pytest.raises(ValueError, match=r"ratio must be > 0, got ratio=-2\.0"):
        cliff_time(-2.0)
    with pytest.raises(ValueError, match=r"n_arms must be an integer, got n_arms=2\.5"):
        cliff_time(2.0, 2.5)
    with pytest.raises(ValueError, match=r"n_arms must be >= 2 and <= 1e\+15, got n_arms=1e\+300"):
        cliff_time(2.0, 1e300)
