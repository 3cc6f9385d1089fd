"""Prediction error: all histories enumerated, the bounds between distances, simulated maximum-likelihood errors."""

import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.exp3 import (
    likelihood_ratio_quantile,
    mean_field_information,
    mean_field_path,
    mean_prediction_error,
    prediction_bound,
    prediction_constant,
    prediction_quantile,
)

rule = settings(derandomize=True, deadline=None, max_examples=60)


def probabilities(learning_rate, arms, losses):
    """Return the probabilities before each round of one history, shape (rounds, K), naively."""
    y, path = np.zeros(losses.shape[-1]), []
    for arm in arms:
        p = np.exp(y - y.max())
        path.append(p / p.sum())
        y[arm] -= learning_rate * losses[arm] / path[-1][arm]
    return np.array(path)


# --- identities and limits


def test_the_exponential_identity_behind_the_bound():
    """E exp((L(eta') - L(eta))/2)/prod rho_t = 1 over all 2^7 histories."""
    losses, total = np.array([0.8, 0.3]), 0.0
    for arms in itertools.product(range(2), repeat=7):
        true, other = probabilities(0.08, arms, losses), probabilities(0.13, arms, losses)
        at = np.arange(7), list(arms)
        total += np.sqrt(true[at] * other[at]).prod() / np.sqrt(true * other).sum(axis=1).prod()
    assert total == pytest.approx(1.0, rel=1e-13)  # 128 terms


def test_bound_is_the_logarithm():
    bound = prediction_bound(42, 0.5)
    assert bound.hellinger == pytest.approx(np.log(84.0), rel=1e-15)
    assert bound.hellinger == pytest.approx(4.43, abs=2e-3)
    assert bound.squared_two_norm == 4 * bound.hellinger
    assert bound.squared_one_norm == 8 * bound.hellinger
    assert prediction_bound(1, 0.0).hellinger == 0.0
    assert prediction_bound(10**22, 0.0).hellinger == pytest.approx(22 * np.log(10), rel=1e-15)
    assert prediction_bound(3, 1 - 1e-15).hellinger == pytest.approx(np.log(3e15), rel=1e-2)  # 1 - 1e-15 rounds


def test_limits_of_the_mean_error():
    for losses in ([0.7, 0.2], [0.9, 0.6, 0.3, 0.0, -0.4]):
        for time in (0.0, 1e-200, 1e-90, 1e-9):
            assert mean_prediction_error(time, losses) == pytest.approx(1 / len(losses), rel=1e-7)
    assert mean_prediction_error(2.0, [0.4, 0.4, 0.4]) == pytest.approx(1 / 3, rel=1e-15)
    assert mean_prediction_error(2.0, [0.4, 0.4 + 1e-9]) == pytest.approx(1 / 2, rel=1e-6)
    late = mean_prediction_error([600.0, 700.0, 800.0], [1.0, 0.1])
    np.testing.assert_allclose(np.diff(np.log(late)), -90.0, rtol=1e-9)  # J like e^(1.1 S), Q like e^(0.2 S)
    assert prediction_quantile([0.0, 1.0], 2.0, [0.7, 0.2]).tolist() == [0.0, np.inf]
    assert prediction_quantile(1.0, 1e5, [1.0, 0.0]) == np.inf


def test_known_mean_errors():
    expected = {(1.0, 0.0): 0.28836, (0.8, 0.3): 0.42742, (0.9, 0.6, 0.3, 0.0): 0.20337, (0.2, 0.4, 0.6, 0.8): 0.22684}
    for losses, value in expected.items():
        assert mean_prediction_error(2.0, losses) == pytest.approx(value, abs=6e-6)


# --- oracle


def test_quantiles_of_chi_square_at_thirty_digits():
    bad = []
    with mp.workdps(30):
        for level in (1e-12, 1e-3, 0.5, 0.9, 0.95, 0.999, 1 - 1e-9):
            value = likelihood_ratio_quantile(level)
            back = mp.erf(mp.sqrt(mp.mpf(value) / 2))
            # the quantile's condition: level/(value density), upper tail 1 - level with error eps/(1 - level)
            if not abs(back - mp.mpf(level)) <= 1e-13 * min(mp.mpf(level), 40 * (1 - mp.mpf(level)) + mp.mpf(10) ** -3):
                bad.append((level, value, float(back)))
    assert not bad
    assert likelihood_ratio_quantile(0.0) == 0.0
    assert likelihood_ratio_quantile(1.0) == np.inf


def test_distances_are_ordered_as_the_bound_needs():
    rng = np.random.default_rng(0)
    for arms in (2, 3, 10):
        p, q = rng.dirichlet(np.full(arms, 0.3), (2, 2000))
        log_affinity = -np.log(np.sqrt(p * q).sum(axis=1))
        assert (np.abs(p - q).sum(axis=1) ** 2 <= 8 * log_affinity + 1e-12).all()
        assert (((p - q) ** 2).sum(axis=1) <= 4 * log_affinity + 1e-12).all()


def test_simulated_prediction_error():
    """One Newton step from the truth is the MLE to leading order: its error is score/information."""
    eta, losses, rounds, paths = 0.005, np.array([0.9, 0.6, 0.3, 0.0]), 400, 3000
    rng = np.random.default_rng(1)
    y, g, score = np.zeros((paths, 4)), np.zeros((paths, 4)), np.zeros(paths)
    squares, information, here = np.zeros(paths), np.zeros(paths), np.arange(paths)
    for _ in range(rounds):
        p = np.exp(y - y.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        h = g - (p * g).sum(axis=1, keepdims=True)
        arm = (p.cumsum(axis=1) < rng.random((paths, 1))).sum(axis=1)
        score += h[here, arm]
        squares += ((p * h) ** 2).sum(axis=1)
        information += (p * h**2).sum(axis=1)
        pay = losses[arm] / p[here, arm]
        y[here, arm] -= eta * pay
        g[here, arm] -= pay * (1 - eta * h[here, arm])
    errors = squares * (score / information) ** 2
    expected = mean_prediction_error(eta * rounds, losses)
    # 4 sigma of a chi^2 mean is 4 sqrt(2/3000) = 10 %; the bias is of order eta e^(S l) = 3 %
    assert errors.mean() == pytest.approx(expected, rel=0.13)
    below = (errors < prediction_quantile(0.5, eta * rounds, losses)).mean()
    assert below == pytest.approx(0.5, abs=0.05)  # 4 sigma = 0.037
    assert squares.mean() * eta**3 == pytest.approx(prediction_constant(eta * rounds, losses), rel=0.05)


# --- properties


@rule
@given(time=st.floats(0.01, 30.0), losses=st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=5, unique=True))
def test_mean_error_is_the_ratio_and_at_most_one(time, losses):
    value = mean_prediction_error(time, losses)
    information = mean_field_information(time, losses)
    assert 0.0 < value <= 1.0
    if information > 1e-290:
        assert value == pytest.approx(prediction_constant(time, losses) / information, rel=1e-12)


@rule
@given(time=st.floats(0.01, 20.0), losses=st.lists(st.floats(-1.0, 1.0), min_size=2, max_size=5, unique=True))
def test_mean_error_is_an_average_of_the_path(time, losses):
    """Q/J lies between the extremes of sum (p h)^2/sum p h^2 along the path."""
    path = mean_field_path(np.linspace(0.0, time, 200)[1:], losses)
    shares = ((path.probability * path.score) ** 2).sum(axis=1) / (path.probability * path.score**2).sum(axis=1)
    low, high = min(shares.min(), 1 / len(losses)), max(shares.max(), 1 / len(losses))
    assert low * 0.99 <= mean_prediction_error(time, losses) <= high * 1.01  # the grid misses the extremes a little


def test_shapes():
    assert prediction_bound(5, [[0.5, 0.9]]).squared_two_norm.shape == (1, 2)
    assert isinstance(prediction_bound(5, 0.5).hellinger, float)
    values = prediction_quantile(np.array([[0.5], [0.9]]), [1.0, 2.0, 3.0], [0.7, 0.2])
    assert values.shape == (2, 3)
    expected = likelihood_ratio_quantile(0.9) * mean_prediction_error(3.0, [0.7, 0.2])
    assert values[1, 2] == pytest.approx(expected, rel=1e-13)
    assert isinstance(prediction_quantile(0.5, 2.0, [0.7, 0.2]), float)
    same = mean_prediction_error(2.0, [-0.7, -0.2])
    assert mean_prediction_error(2.0, [0.7, 0.2], gains=True) == same
    assert prediction_quantile(0.5, 2.0, [0.7, 0.2], gains=True) == likelihood_ratio_quantile(0.5) * same


# --- bad input


def test_bad_bounds():
    with pytest.raises(ValueError, match=r"confidence must be >= 0 and < 1, got confidence=1\.0"):
        prediction_bound(5, 1.0)
    with pytest.raises(ValueError, match=r"candidates must be >= 1, got candidates=0\.0"):
        prediction_bound(0, 0.5)
    with pytest.raises(ValueError, match=r"candidates must be an integer, got candidates=2\.5"):
        prediction_bound(2.5, 0.5)


def test_bad_quantiles():
    with pytest.raises(ValueError, match=r"probability must be >= 0 and <= 1, got probability=1\.5"):
        likelihood_ratio_quantile(1.5)
    with pytest.raises(ValueError, match=r"probability must be .*got probability\[1\]=nan"):
        prediction_quantile([0.5, np.nan], 2.0, [0.7, 0.2])
    with pytest.raises(ValueError, match=r"probability, scaled_time must broadcast"):
        prediction_quantile([0.5, 0.9], [1.0, 2.0, 3.0], [0.7, 0.2])
    with pytest.raises(ValueError, match=r"scaled_time must be >= 0"):
        mean_prediction_error(-1.0, [0.7, 0.2])
