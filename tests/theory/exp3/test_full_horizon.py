"""The full horizon: all histories enumerated, the end of the exact ladder against its parameter-free map."""

import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.exp3 import (
    full_horizon_standard_deviation,
    ladder,
    mle_standard_deviation,
    parameter_free_ladder,
)

rule = settings(derandomize=True, deadline=None, max_examples=40)


def enumerated_information(learning_rate, rounds, arms, loss):
    """Return E score^2 over all histories, the score by a complex step in the learning rate."""
    total = 0.0
    for history in itertools.product(range(arms), repeat=rounds):
        eta, y, likelihood = learning_rate + 1e-30j, np.zeros(arms, dtype=complex), 0j
        for arm in history:
            p = np.exp(y) / np.exp(y).sum()
            likelihood += np.log(p[arm])
            if arm == 0:
                y[0] -= eta * loss / p[0]
        total += np.exp(likelihood.real) * (likelihood.imag / 1e-30) ** 2
    return total


# --- identities and limits


def test_the_map_in_symbols():
    """log p -> log p - eta l/p for p << 1 in y = p/(eta l), and the information of a finished level in D."""
    eta, p, slope, l = sp.symbols("eta p D l", positive=True)
    y = p / (eta * l)
    step = sp.log(p) - eta * l / p
    # d/dlog eta at p = p(eta), dlog p/dlog eta = D
    derivative = eta * sp.diff(step, eta) + slope * p * sp.diff(step, p)
    assert sp.simplify(derivative - (slope + (slope - 1) / y)) == 0
    odds_slope = -slope / (1 - p)  # eta dx/d eta
    assert sp.simplify(odds_slope**2 * p * (1 - p) / p - slope**2 / (1 - p)) == 0


def test_known_values():
    rounds = np.array([1e2, 3e2, 1e3, 3e3, 1e4, 3e4, 1e5])
    value = full_horizon_standard_deviation(rounds, 0.5, 1.0) * rounds**0.5
    np.testing.assert_allclose(value, [0.688, 0.471, 0.395, 0.459, 0.333, 0.339, 0.211], atol=5e-4)


def test_limits():
    assert full_horizon_standard_deviation(1, 0.5, 0.8) == np.inf
    assert full_horizon_standard_deviation(1e300, 0.0, 1e-150, loss=0.5e150) == pytest.approx(
        2 / 10165.9096**0.5, rel=1e-6
    )
    assert full_horizon_standard_deviation(2, 0.0, 1e-200, loss=1e-150) == np.inf
    assert full_horizon_standard_deviation(1e300, 0.0, 0.5) == pytest.approx(2 / 10165.9096**0.5, rel=1e-6)
    end = parameter_free_ladder(2.0, -5.0, 30)
    assert end.reduced_probability[-1] == 0.0
    assert end.sensitivity[-1] == -np.inf
    assert not np.isnan(end.sensitivity).any()
    assert parameter_free_ladder(2.0, -5.0, 0).sensitivity.tolist() == [-5.0]


def test_all_rounds_know_more_than_the_truncation():
    for rounds in (10_000, 100_000):
        eta = 0.8 * rounds**-0.5
        assert full_horizon_standard_deviation(rounds, 0.5, 0.8) < 0.2 * mle_standard_deviation(eta, 2.0, [1.0, 0.0])


# --- oracle


@pytest.mark.parametrize(("rounds", "arms", "loss"), [(2, 2, 0.7), (7, 2, 0.7), (5, 3, 1.4)])
def test_enumerated_histories(rounds, arms, loss):
    eta = 0.2 * rounds**-0.3
    expected = 1 / (eta * np.sqrt(enumerated_information(eta, rounds, arms, loss)))
    value = full_horizon_standard_deviation(rounds, 0.3, 0.2, arms, loss)
    assert value == pytest.approx(expected, rel=1e-12)  # 243 histories of some ten roundings


@pytest.mark.parametrize(("eta", "arms", "loss"), [(1e-4, 2, 0.7), (1e-4, 4, 0.6)])
def test_the_end_of_the_exact_ladder(eta, arms, loss):
    log_odds, slope = ladder(eta, int(1.3 / (eta * loss)), arms, loss)
    small = log_odds < 700
    p = 1 / (1 + (arms - 1) * np.exp(log_odds[small]))
    y, sensitivity = p / (eta * loss), -eta * slope[small] * (1 - p)
    first = np.flatnonzero(y < 5)[0]
    last = np.flatnonzero(y > 0.02)[-1]
    assert 4 <= last - first <= 10
    end = parameter_free_ladder(y[first], sensitivity[first], int(last - first))
    # relative error of order p = 3e-4, times 1/y in the last steps
    np.testing.assert_allclose(end.reduced_probability, y[first : last + 1], rtol=2e-2)
    np.testing.assert_allclose(end.reduced_probability[:-2], y[first : last - 1], rtol=2e-3)
    np.testing.assert_allclose(end.sensitivity, sensitivity[first : last + 1], rtol=2e-3)


# --- properties


@pytest.mark.parametrize(("rounds", "factor", "loss"), [(300, 0.4, 1.9), (4000, 1.5, 0.4), (70_000, 0.7, 0.6)])
def test_the_loss_is_a_unit_of_the_rate(rounds, factor, loss):
    """Only eta l enters the probabilities: relative errors depend on theta l."""
    value = full_horizon_standard_deviation(rounds, 0.5, factor, loss=loss)
    # products are rounded in another order, and a level multiplies that by 1/y
    assert value == pytest.approx(full_horizon_standard_deviation(rounds, 0.5, factor * loss), rel=1e-9)
    assert 0.05 < value * rounds**0.5 < 2.0  # of order n^-alpha


@rule
@given(y=st.floats(0.01, 100.0), slope=st.floats(-1e6, 0.0), levels=st.integers(0, 40))
def test_the_map_falls_and_composes(y, slope, levels):
    end = parameter_free_ladder(y, slope, levels)
    assert (np.diff(end.reduced_probability) <= 0).all()
    assert (end.sensitivity[1:] <= end.sensitivity[:-1]).all()
    if levels and end.reduced_probability[1] > 0.0:
        again = parameter_free_ladder(end.reduced_probability[1], end.sensitivity[1], levels - 1)
        np.testing.assert_array_equal(again.reduced_probability, end.reduced_probability[1:])
        np.testing.assert_array_equal(again.sensitivity, end.sensitivity[1:])


def test_shapes():
    assert full_horizon_standard_deviation([[10.0], [100.0]], [0.4, 0.5, 0.6], 0.8).shape == (2, 3)
    assert isinstance(full_horizon_standard_deviation(10, 0.5, 0.8), float)
    assert parameter_free_ladder([1.0, 2.0], [[-3.0]], 4).sensitivity.shape == (5, 1, 2)


# --- bad input


def test_bad_horizons():
    with pytest.raises(ValueError, match=r"rounds must be >= 1 and .*, got rounds=0\.0"):
        full_horizon_standard_deviation(0, 0.5, 0.8)
    with pytest.raises(ValueError, match=r"rounds must be whole numbers, got rounds=10\.5"):
        full_horizon_standard_deviation(10.5, 0.5, 0.8)
    with pytest.raises(ValueError, match=r"exponent must be >= 0, got exponent=-0\.5"):
        full_horizon_standard_deviation(10, -0.5, 0.8)
    with pytest.raises(ValueError, match=r"scale must be > 0, got scale\[1\]=0\.0"):
        full_horizon_standard_deviation(10, 0.5, [0.8, 0.0])
    with pytest.raises(ValueError, match=r"scale \* rounds\*\*-exponent must be > 0 and <= 1e\+150"):
        full_horizon_standard_deviation(1e300, 2.0, 0.8)
    with pytest.raises(ValueError, match=r"loss must be > 0 and <= 1e\+150, got loss=1e\+160"):
        full_horizon_standard_deviation(10, 0.5, 0.8, loss=1e160)
    with pytest.raises(ValueError, match=r"rounds, exponent, scale, loss must broadcast"):
        full_horizon_standard_deviation([10, 20], [0.1, 0.2, 0.3], 0.8)


def test_bad_starts():
    with pytest.raises(ValueError, match=r"reduced_probability must be > 0, got reduced_probability=0\.0"):
        parameter_free_ladder(0.0, -3.0, 2)
    with pytest.raises(ValueError, match=r"sensitivity must be <= 0, got sensitivity=1\.0"):
        parameter_free_ladder(1.0, 1.0, 2)
    with pytest.raises(ValueError, match=r"levels must be >= 0, got levels=-1\.0"):
        parameter_free_ladder(1.0, -3.0, -1)
