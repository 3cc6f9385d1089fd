"""Optimal mixing, naive cross-validation and joint optima in the limit: printed values, closed forms, plateaus."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.self_distillation.excess_risk import bayes_ridge, excess_risk
from theory.self_distillation.joint_optimum import best_joint_risk, joint_risk
from theory.self_distillation.mixing import isotropic_limits, naive_gcv_limits, optimal_mixing, risk_terms

# Quadratic forms known to some 100 eps each (see the tests of the risk); xi* divides two of them.
ACCURACY = 2e-13
SPECTRUM, POWER, NOISE = [0.7, 2.3, 0.11, 0.4], [0.9, 0.3, 1.1, 0.2], 0.6

spectra = st.lists(
    st.tuples(st.floats(-2.0, 1.5).map(lambda x: 10.0**x), st.sampled_from([0.02, 0.7, 4.0])), min_size=1, max_size=6
)
aspects = st.sampled_from([0.1, 0.5, 0.97, 1.0, 1.2, 2.5, 8.0])
ridges = st.floats(-4.0, 3.0).map(lambda x: 10.0**x)
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


def spiked(spikes, bulk, modes=1_000_000):
    """A spectrum of ones with spikes (eigenvalue, power), `bulk` power shared by the others."""
    s, power = np.ones(modes), np.full(modes, bulk / (modes - len(spikes)))
    for k, (eigenvalue, signal) in enumerate(spikes):
        s[k], power[k] = eigenvalue, signal
    return s, power


# --- identities and limits


@pytest.mark.parametrize(
    ("gamma", "ridge", "true", "naive", "mixing", "chosen"),
    [
        (0.5, 1.0, (1.45521, 1.64991, 1.51228), (1.61808, 1.50544), -0.7083, -0.805),
        (2.0, 0.1, (2.22771, 2.06450, 2.13470), (2.13404, 2.17756), 4.0787, 7.5645),
        (2.0, 5.0, (1.81904, 1.92472, 1.85484), (1.89955, 1.84808), -1.0500, -1.294),
    ],
)
def test_printed_values_of_naive_cross_validation(gamma, ridge, true, naive, mixing, chosen):
    task = ([1.0], [1.0], 1.0, gamma, ridge)
    a, b, c = naive_gcv_limits(*task)
    assert np.add(risk_terms(*task), 1.0) == pytest.approx(true, abs=5e-6)  # half a unit of the last digit
    assert (a, b, c) == pytest.approx((true[0], *naive), abs=5e-6)
    assert optimal_mixing(*task).mixing == pytest.approx(mixing, abs=5e-5)
    assert (a - c) / (a + b - 2 * c) == pytest.approx(chosen, abs=5e-4)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.5])
def test_cross_validation_is_right_for_ridge_alone(gamma):
    lams = [0.01, 0.3, 20.0]
    naive, terms = (f(SPECTRUM, POWER, NOISE, gamma, lams) for f in (naive_gcv_limits, risk_terms))
    np.testing.assert_allclose(naive.ridge, terms.ridge + NOISE, rtol=1e-12)
    assert (np.abs(naive.distilled / (terms.distilled + NOISE) - 1.0) > 1e-4).all()


@pytest.mark.parametrize("gamma", [0.5, 2.5])
def test_isotropic_limits(gamma):
    small, large = isotropic_limits(1.4, NOISE, gamma)
    gaps = optimal_mixing([1.0, 1.0], [0.5, 0.9], NOISE, gamma, [1e-5, 1e-6]).excess_risk - small
    # O(ridge), the next order is ridge/s_- relatively
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=1e-2)
    assert abs(gaps[1]) < 1e-4 * small
    gaps = optimal_mixing([1.0, 1.0], [0.5, 0.9], NOISE, gamma, [1e5, 1e6]).excess_risk - large
    assert gaps[0] / gaps[1] == pytest.approx(10.0, rel=1e-2)
    assert abs(gaps[1]) < 1e-4 * large


def test_isotropic_limits_at_the_edges():
    assert isotropic_limits(1.4, NOISE, 1.0)[0] == np.inf
    assert isotropic_limits(1.4, 0.0, 1.0)[0] == 0.0
    assert isotropic_limits(0.0, 0.0, 0.5) == (0.0, 0.0)
    assert isotropic_limits(0.0, NOISE, 0.5)[1] == 0.0
    assert isotropic_limits(1.4, NOISE, 1.0 + 1e-9)[0] > 1e7  # grows like 1/|1 - gamma|


def test_nothing_to_gain_without_signal_and_noise():
    assert optimal_mixing(SPECTRUM, np.zeros(4), 0.0, 0.5, 0.3) == (0.0, 0.0)


@pytest.mark.parametrize("gamma", [0.4, 1.0, 1.6])
def test_an_isotropic_prior_leaves_nothing_to_mix(gamma):
    flat = np.full(4, 0.35)
    best = bayes_ridge(1.4, NOISE, gamma)
    found = optimal_mixing(SPECTRUM, flat, NOISE, gamma, best)
    assert found.mixing == pytest.approx(0.0, abs=1e-12)
    others = optimal_mixing(SPECTRUM, flat, NOISE, gamma, best * np.array([0.01, 0.5, 2.0, 100.0]))
    assert (others.excess_risk > found.excess_risk).all()
    assert (others.mixing * [1, 1, -1, -1] > 0.0).all()  # too small a ridge wants more shrinkage
    deeper = joint_risk(SPECTRUM, flat, NOISE, gamma, best, 6)
    assert deeper == pytest.approx(found.excess_risk, rel=1e-11)


@pytest.mark.parametrize(
    ("spikes", "bulk", "values"),
    [
        ((), 1.0, (0.28077641,) * 5),
        (((6.0, 0.8),), 0.2, (0.205551, 0.153756, 0.153756, 0.152815, 0.152815)),
        (((6.0, 0.2), (20.0, 0.7)), 0.1, (0.158726, 0.108230, 0.096432, 0.096432)),
    ],
)
def test_printed_values_of_the_joint_optimum(spikes, bulk, values):
    task = (*spiked(spikes, bulk), 0.5, 0.5) if spikes else ([1.0], [1.0], 0.5, 0.5)
    for steps, value in enumerate(values, start=1):
        # half a unit of the last digit, and spikes that hold 1e-6 of the modes instead of none
        assert best_joint_risk(*task, steps).excess_risk == pytest.approx(value, abs=2e-6 if spikes else 5e-9)


@pytest.mark.parametrize("gamma", [0.5, 1.7])
def test_plateau(gamma):
    """At the interior ridge that is best for T steps, step T + 1 gains nothing, and elsewhere it does."""
    for steps in (1, 2, 3):
        task = (*spiked(((6.0, 0.8),), 0.2, modes=40), NOISE, gamma)
        ridge, least = best_joint_risk(*task, steps)
        assert 0.01 < ridge < 1000.0  # the grid ends at 1e5
        # the minimiser is known to 1e-7 or so: its square enters; directions of step 4 are solved to about 1e-11
        assert joint_risk(*task, ridge, steps + 1) == pytest.approx(least, rel=1e-9)
        away = joint_risk(*task, 3 * ridge, steps), joint_risk(*task, 3 * ridge, steps + 1)
        assert away[1] < away[0] * (1 - 1e-9)


# --- oracle


@pytest.mark.parametrize("gamma", [0.5, 0.99, 1.0, 1.01, 2.5])
@pytest.mark.parametrize("ridge", [1e-9, 1e-6, 1e-4, 0.3, 50.0, 1e6])
def test_two_steps_match_the_closed_sums(limits, gamma, ridge):
    """Relative accuracy from vanishing to huge ridge, where the closed sums in float64 have no digit left."""
    a, b, c, mixing, least = limits.closed_terms(SPECTRUM, POWER, NOISE, gamma, ridge)
    task = (SPECTRUM, POWER, NOISE, gamma, ridge)
    assert risk_terms(*task) == pytest.approx((a, b, c), rel=ACCURACY)
    assert optimal_mixing(*task) == pytest.approx((mixing, least), rel=ACCURACY)
    assert joint_risk(*task, 2) == pytest.approx(least, rel=ACCURACY)


# --- properties


@given(spectra, aspects, ridges)
@hypothesis_settings
def test_mixing_is_the_vertex_of_the_parabola(modes, gamma, ridge):
    s, power = np.array(modes).T
    task = (s, power, NOISE, gamma, ridge)
    mixing, least = optimal_mixing(*task)
    a, b, c = risk_terms(*task)
    assert excess_risk(*task, [1.0 - mixing]).total[1] == pytest.approx(least, rel=1e-9)
    curve = [a + 2 * xi * (c - a) + xi**2 * (a + b - 2 * c) for xi in (0.0, 1.0, 0.3)]
    direct = [excess_risk(*task, [1.0 - xi]).total[1] for xi in (0.0, 1.0, 0.3)]
    np.testing.assert_allclose(curve, direct, rtol=1e-11)
    assert least <= min(a, b) * (1 + 1e-12)


@given(spectra, aspects, ridges)
@hypothesis_settings
def test_mixing_follows_the_slope_of_the_ridge_path(modes, gamma, ridge):
    s, power = np.array(modes).T
    low, high = excess_risk(s, power, NOISE, gamma, ridge * np.exp([-1e-4, 1e-4])).total[0]
    slope, (mixing, least) = (high - low) / 2e-4, optimal_mixing(s, power, NOISE, gamma, ridge)
    risk = excess_risk(s, power, NOISE, gamma, ridge).total[0]
    # R(xi) = R + xi dR/dlog(ridge) + ...: the gain is -xi* dR/dlog(ridge)/2; central differences leave 1e-8 of R
    assert risk - least == pytest.approx(-0.5 * mixing * slope, rel=1e-4, abs=1e-7 * risk * (1 + abs(mixing)))


@given(spectra, aspects, ridges)
@hypothesis_settings
def test_more_steps_never_hurt_the_joint_optimum(modes, gamma, ridge):
    s, power = np.array(modes).T
    best = np.array([joint_risk(s, power, NOISE, gamma, ridge, steps) for steps in range(1, 8)])
    assert (np.diff(best) <= 1e-11 * best[0]).all()
    some = excess_risk(s, power, NOISE, gamma, ridge, (0.3, -0.4, 1.2, 0.0)).total
    assert (best[: some.size] <= some * (1 + 1e-11)).all()


def test_ridges_broadcast():
    lams = np.array([[0.1], [2.0]])
    assert optimal_mixing(SPECTRUM, POWER, NOISE, 0.5, lams).mixing.shape == (2, 1)
    assert joint_risk(SPECTRUM, POWER, NOISE, 0.5, lams, 3).shape == (2, 1)
    assert risk_terms(SPECTRUM, POWER, NOISE, 0.5, lams).cross.shape == (2, 1)
    alone = optimal_mixing(SPECTRUM, POWER, NOISE, 0.5, 2.0)
    assert isinstance(alone.mixing, float)
    assert alone.mixing == optimal_mixing(SPECTRUM, POWER, NOISE, 0.5, lams).mixing[1, 0]


# --- bad input


@pytest.mark.parametrize("function", [risk_terms, optimal_mixing, naive_gcv_limits])
@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, [-1.0, 1.0], r"spectrum must be >= 0, got spectrum\[0\]=-1.0"),
        (1, [0.3], "signal_power must have one entry for each entry of spectrum"),
        (2, -0.5, "noise_variance must be >= 0"),
        (3, 0.0, "aspect_ratio must be > 0"),
        (4, 0.0, "ridge must be > 0, got ridge=0.0"),
        (4, np.inf, "ridge must be > 0 and finite"),
    ],
)
def test_bad_arguments(function, position, value, message):
    arguments: list = [[1.0, 2.0], [0.3, 0.4], 0.5, 0.5, 0.1]
    arguments[position] = value
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_bad_steps_and_signal():
    with pytest.raises(ValueError, match="steps must be >= 1"):
        joint_risk([1.0], [0.3], 0.5, 0.5, 0.1, 0)
    with pytest.raises(ValueError, match="steps must be an integer"):
        best_joint_risk([1.0], [0.3], 0.5, 0.5, 1.5)
    with pytest.raises(ValueError, match="signal must be >= 0"):
        isotropic_limits(-1.0, 0.5, 0.5)
    with pytest.raises(ValueError, match="aspect_ratio must be > 0"):
        bayes_ridge(1.0, 0.5, 0.0)
