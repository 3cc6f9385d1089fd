"""Limit risk of any schedule: worked values, closed limits, three independent oracles, invariances."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.self_distillation.effective_ridge import effective_ridge, spectrum_edges
from theory.self_distillation.excess_risk import bayes_ridge, excess_risk, filter_risk, limit_excess_risk, students

# The contour's sums have about 100 terms of the size of the result, each with some 10 eps: 2e-13 is ten times that.
ACCURACY = 2e-13
SPECTRUM, POWER, NOISE = [0.7, 2.3, 0.11, 0.4], [0.9, 0.3, 1.1, 0.2], 0.6
WORKED_SPECTRUM, WORKED_POWER = 5.0 / np.arange(1, 13) ** 1.2, 1.0 / (np.arange(12) + 2.0)
SCHEDULES = [(), (0.2,), (0.2, 0.6, -0.3), (0.0, 0.0, 0.0, 1.7, 0.4)]

spectra = st.lists(
    st.tuples(st.floats(-3.0, 1.5).map(lambda x: 10.0**x), st.sampled_from([0.0, 0.02, 0.7, 4.0])),
    min_size=1,
    max_size=6,
)
aspects = st.sampled_from([0.1, 0.5, 0.97, 1.0, 1.2, 2.5, 8.0])
ridges = st.floats(-6.0, 4.0).map(lambda x: 10.0**x)
schedules = st.lists(st.floats(-0.5, 1.5), max_size=6)
hypothesis_settings = settings(derandomize=True, deadline=None, max_examples=40)


@pytest.fixture(scope="module")
def limits():
    """Give tests the module `oracle_asymptotics.py` that lies beside them."""
    path = Path(__file__).with_name("oracle_asymptotics.py")
    spec = importlib.util.spec_from_file_location("self_distillation_oracle_asymptotics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- identities and limits


@pytest.mark.parametrize(
    ("gamma", "ridge", "bias", "variance"), [(0.5, 0.3, 0.34963, 0.06708), (2.5, 0.05, 0.44866, 0.63853)]
)
def test_worked_values(gamma, ridge, bias, variance):
    power = WORKED_POWER / WORKED_POWER.sum()
    risk = excess_risk(WORKED_SPECTRUM, power, NOISE, gamma, ridge, (0.2, 0.6, -0.3))
    assert risk.bias[-1] == pytest.approx(bias, abs=5e-6)  # half a unit of the fifth digit
    assert risk.variance[-1] == pytest.approx(NOISE * variance, abs=5e-6 * NOISE)


def test_ridge_by_hand():
    kappa = (1.5 + np.sqrt(1.5**2 + 24.0)) / 2.0  # kappa (1 - 0.5/(2 + kappa)) = 3: kappa^2 - 1.5 kappa - 6 = 0
    df2 = 0.25 * (2.0 / (2.0 + kappa)) ** 2
    risk = excess_risk([2.0, 2.0], [0.1, 0.2], 0.6, 0.25, 3.0)
    assert risk.bias[0] == pytest.approx(0.6 * (kappa / (2.0 + kappa)) ** 2 / (1.0 - df2), rel=ACCURACY)
    assert risk.variance[0] == pytest.approx(0.6 * df2 / (1.0 - df2), rel=ACCURACY)


@pytest.mark.parametrize("gamma", [0.3, 2.5])
def test_ridge_zero_is_the_limit(gamma):
    at_zero = excess_risk(SPECTRUM, POWER, NOISE, gamma, 0.0, (0.2, 0.6))
    small = excess_risk(SPECTRUM, POWER, NOISE, gamma, 1e-10, (0.2, 0.6))
    assert at_zero.total.shape == (3,)
    np.testing.assert_allclose(at_zero.total, small.total, rtol=1e-8)  # distance O(ridge/s_-), s_- = 0.02
    if gamma < 1:
        np.testing.assert_allclose(at_zero.total, NOISE * gamma / (1 - gamma), rtol=1e-14)
        assert (at_zero.bias == 0.0).all()


def test_as_many_samples_as_features():
    assert excess_risk(SPECTRUM, POWER, NOISE, 1.0, 0.0).total[0] == np.inf
    assert excess_risk(SPECTRUM, POWER, 0.0, 1.0, 0.0).total[0] == 0.0
    grown = excess_risk(SPECTRUM, POWER, NOISE, 1.0, [1e-8, 1e-10]).variance[0]
    assert grown[1] / grown[0] == pytest.approx(10.0, rel=1e-2)  # ridge^(-1/2), corrections of order sqrt(ridge/s)
    assert limit_excess_risk(SPECTRUM, POWER, NOISE, 1.0, 0.0, 0.5).total == np.inf


def test_large_ridge_learns_nothing():
    risk = excess_risk(SPECTRUM, POWER, NOISE, 0.5, 1e15, (0.5,))
    np.testing.assert_allclose(risk.total, np.dot(SPECTRUM, POWER), rtol=1e-13)  # distance O(s/ridge) = 1e-15
    np.testing.assert_allclose(risk.variance, 0.0, atol=1e-15)


def test_truth_alone_repeats_ridge_and_ridge_broadcasts():
    lams = np.array([[0.01, 0.3, 7.0]])
    risk = excess_risk(SPECTRUM, POWER, NOISE, 0.8, lams, (1.0, 1.0))
    assert risk.total.shape == (3, 1, 3)
    np.testing.assert_allclose(risk.total[2], risk.total[0], rtol=ACCURACY)
    alone = excess_risk(SPECTRUM, POWER, NOISE, 0.8, 0.3)
    assert risk.total[0, 0, 1] == pytest.approx(alone.total[0], rel=ACCURACY)


@pytest.mark.parametrize(("ridge", "alpha"), [(0.3, 0.25), (0.3, 1.7), (2.0, -0.1), (2.0, 2.1), (50.0, -0.9)])
@pytest.mark.parametrize("gamma", [0.5, 2.5])
def test_many_steps_reach_the_amplified_ridge(gamma, ridge, alpha):
    _, upper = spectrum_edges(SPECTRUM, gamma)
    contraction = abs(1 - alpha) * upper / (upper + ridge)
    steps = int(np.ceil(-30.0 / np.log(contraction)))  # contraction^steps = 1e-13
    many = excess_risk(SPECTRUM, POWER, NOISE, gamma, ridge, np.full(steps - 1, alpha))
    limit = limit_excess_risk(SPECTRUM, POWER, NOISE, gamma, ridge, alpha)
    # truncation 1e-13 times steps; negative weights cancel between the two terms of the bias
    assert many.total[-1] == pytest.approx(limit.total, rel=1e-10)
    if alpha > 0:
        plain = excess_risk(SPECTRUM, POWER, NOISE, gamma, ridge / alpha)
        assert limit.bias == pytest.approx(plain.bias[0], rel=ACCURACY)
        assert limit.variance == pytest.approx(plain.variance[0], rel=ACCURACY)


def test_pure_distillation_collapses():
    power = np.dot(SPECTRUM, POWER)
    assert limit_excess_risk(SPECTRUM, POWER, NOISE, 0.5, 0.3, 0.0) == pytest.approx((power, 0.0, power), rel=1e-15)
    assert excess_risk(SPECTRUM, POWER, NOISE, 0.5, 30.0, np.zeros(40)).total[-1] == pytest.approx(power, rel=1e-14)


@pytest.mark.parametrize(("schedule", "order"), [((2.0,), 2), ((1.5, 3.0), 3)])
def test_unconstrained_students_are_iterated_tikhonov(schedule, order):
    lam = 0.4

    def residual(x):
        return (lam / (x + lam)) ** order

    iterated = filter_risk(SPECTRUM, POWER, NOISE, 1.7, lambda x: (1 - residual(x)) / x, residual, margin=lam)
    student = excess_risk(SPECTRUM, POWER, NOISE, 1.7, lam, schedule)
    assert iterated == pytest.approx((student.bias[-1], student.variance[-1], student.total[-1]), rel=ACCURACY)


def test_optimal_ridge_of_an_isotropic_prior():
    assert bayes_ridge(0.0, 0.5, 2.0) == np.inf
    assert bayes_ridge(0.0, 0.0, 2.0) == 0.0
    np.testing.assert_allclose(bayes_ridge([2.0, 4.0], 0.5, 0.4), [0.1, 0.05])
    flat, best = np.full(4, 0.35), bayes_ridge(1.4, NOISE, 1.6)
    slope = np.diff(excess_risk(SPECTRUM, flat, NOISE, 1.6, best * np.array([0.999, 1.001])).total[0])[0]
    curve = excess_risk(SPECTRUM, flat, NOISE, 1.6, best * np.array([0.5, 1.0, 2.0])).total[0]
    assert abs(slope) < 1e-6 * curve[1]  # third order in the step of 1e-3; elsewhere it is of first order
    assert curve[1] < min(curve[0], curve[2])


# --- oracle


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("ridge", [1e-4, 0.3, 50.0])
def test_schedules_match_a_contour_around_the_pole(limits, gamma, ridge):
    expected = limits.schedule_parts(SPECTRUM, POWER, gamma, ridge, SCHEDULES)
    for alphas, (bias, variance) in zip(SCHEDULES, expected, strict=True):
        risk = excess_risk(SPECTRUM, POWER, NOISE, gamma, ridge, alphas)
        assert risk.bias[-1] == pytest.approx(bias, rel=ACCURACY), alphas
        assert risk.variance[-1] == pytest.approx(NOISE * variance, rel=ACCURACY, abs=1e-15), alphas
        assert risk.total[-1] == pytest.approx(bias + NOISE * variance, rel=ACCURACY), alphas


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 2.5])
@pytest.mark.parametrize("ridge", [1e-4, 1e-2, 0.3, 5.0, 50.0])
@pytest.mark.parametrize("alphas", [(), (0.2, 0.6, -0.3), (0.0,) * 39, (0.25,) * 39, (0.02,) * 99])
def test_equal_eigenvalues_match_marchenko_pastur(limits, gamma, ridge, alphas):
    bias, variance = limits.marchenko_pastur(
        1.4, gamma, lambda x: students(x, ridge, alphas)[0][-1], lambda x: students(x, ridge, alphas)[1][-1]
    )
    risk = excess_risk([1.0, 1.0], [0.5, 0.9], NOISE, gamma, ridge, alphas)
    # 40 000 terms summed in float64 leave about 1e-13 in the oracle; 40 steps multiply the rounding of m by 80
    tolerance = 1e-12
    assert risk.bias[-1] == pytest.approx(bias, rel=tolerance)
    assert risk.variance[-1] == pytest.approx(NOISE * variance, rel=tolerance, abs=1e-14)
    assert risk.total[-1] == pytest.approx(bias + NOISE * variance, rel=tolerance)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("time", [1e-3, 0.4, 20.0])
def test_gradient_flow_matches_marchenko_pastur(limits, gamma, time):
    def shrinkage(x):
        return -np.expm1(-time * x) / x

    def residual(x):
        return np.exp(-time * x)

    bias, variance = limits.marchenko_pastur(1.4, gamma, residual, shrinkage)
    risk = filter_risk([1.0], [1.4], NOISE, gamma, shrinkage, residual, margin=1 / time)
    assert risk.bias == pytest.approx(bias, rel=1e-12)
    assert risk.variance == pytest.approx(NOISE * variance, rel=1e-12)


# --- properties


@given(spectra, aspects, ridges, schedules, st.sampled_from([1e-6, 0.37, 2e5]))
@hypothesis_settings
def test_units_of_the_spectrum_drop_out(modes, gamma, ridge, alphas, unit):
    s, power = np.array(modes).T
    one = excess_risk(s, power, NOISE, gamma, ridge * s.max(), alphas)
    other = excess_risk(unit * s, power / unit, NOISE, gamma, unit * ridge * s.max(), alphas)
    np.testing.assert_allclose(one.total, other.total, rtol=1e-11)  # six steps of weights up to 1.5 cancel some digits


@given(spectra, aspects, ridges, schedules)
@hypothesis_settings
def test_parts_add_up_and_are_linear_in_signal_and_noise(modes, gamma, ridge, alphas):
    s, power = np.array(modes).T
    risk = excess_risk(s, power, NOISE, gamma, ridge, alphas)
    assert (risk.bias >= 0.0).all()
    assert (risk.variance >= 0.0).all()
    np.testing.assert_array_equal(risk.total, risk.bias + risk.variance)
    double = excess_risk(s, 2 * power, 3 * NOISE, gamma, ridge, alphas)
    np.testing.assert_allclose(double.bias, 2 * risk.bias, rtol=1e-14)
    np.testing.assert_allclose(double.variance, 3 * risk.variance, rtol=1e-14)


@given(spectra, aspects, ridges, schedules)
@hypothesis_settings
def test_order_and_multiplicity_do_not_matter(modes, gamma, ridge, alphas):
    s, power = np.array(modes).T
    one = excess_risk(s, power, NOISE, gamma, ridge, alphas)
    twice = excess_risk(np.tile(s[::-1], 2), np.tile(power[::-1], 2) / 2, NOISE, gamma, ridge, alphas)
    np.testing.assert_allclose(one.total, twice.total, rtol=1e-12)


@given(spectra, aspects, ridges)
@hypothesis_settings
def test_ridge_is_the_closed_form(modes, gamma, ridge):
    s, power = np.array(modes).T
    contour = excess_risk(s, power, NOISE, gamma, ridge)
    closed = limit_excess_risk(s, power, NOISE, gamma, ridge, 1.0)
    assert contour.bias[0] == pytest.approx(closed.bias, rel=1e-11, abs=1e-16)
    assert contour.variance[0] == pytest.approx(closed.variance, rel=1e-11)


@given(spectra, aspects, ridges, schedules)
@hypothesis_settings
def test_modes_without_variance_only_change_the_aspect_ratio(modes, gamma, ridge, alphas):
    s, power = np.array(modes).T
    padded = excess_risk([*s, *np.zeros(s.size)], [*power, *np.ones(s.size)], NOISE, 2 * gamma, ridge, alphas)
    np.testing.assert_allclose(padded.total, excess_risk(s, power, NOISE, gamma, ridge, alphas).total, rtol=1e-11)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ridge": -0.1}, r"ridge must be >= 0, got ridge=-0.1"),
        ({"ridge": [0.1, np.nan]}, r"ridge must be >= 0, got ridge\[1\]=nan"),
        ({"aspect_ratio": 0.0}, r"aspect_ratio must be > 0, got aspect_ratio=0.0"),
        ({"aspect_ratio": [0.5]}, r"aspect_ratio must be a single real number"),
        ({"noise_variance": -1.0}, r"noise_variance must be >= 0"),
        ({"spectrum": [1.0, -1.0]}, r"spectrum must be >= 0, got spectrum\[1\]=-1.0"),
        ({"spectrum": [0.0, 0.0]}, r"spectrum must have a positive entry"),
        ({"signal_power": [1.0]}, r"signal_power must have one entry for each entry of spectrum"),
        ({"signal_power": [1.0, -2.0]}, r"signal_power must be >= 0"),
        ({"alphas": [[0.5]]}, r"alphas must have shape"),
        ({"alphas": ["0.5"]}, r"alphas must be a real number"),
    ],
)
def test_bad_arguments_of_the_risk(change, message):
    arguments = {"spectrum": [1.0, 2.0], "signal_power": [0.3, 0.4], "noise_variance": 0.5}
    arguments |= {"aspect_ratio": 0.5, "ridge": 0.1, "alphas": [0.2]}
    with pytest.raises(ValueError, match=message):
        excess_risk(**(arguments | change))


def test_weights_outside_the_interval_of_convergence():
    _, upper = spectrum_edges([1.0], 0.5)
    inside = -0.999 * 2.0 / upper
    assert np.isfinite(limit_excess_risk([1.0], [0.3], 0.5, 0.5, 2.0, inside).total)
    assert effective_ridge(2.0 / inside, [1.0], 0.5) < -1.0
    for alpha in (-2.0 / upper, 2.0 + 2.0 / upper, 5.0):
        with pytest.raises(ValueError, match="alpha must be in"):
            limit_excess_risk([1.0], [0.3], 0.5, 0.5, 2.0, alpha)
    with pytest.raises(ValueError, match="alpha must be in"):
        limit_excess_risk([1.0], [0.3], 0.5, 0.5, 0.0, 0.0)


def test_margin_of_a_filter():
    with pytest.raises(ValueError, match="margin must be > 0"):
        filter_risk([1.0], [0.3], 0.5, 0.5, np.ones_like, np.ones_like, margin=0.0)
