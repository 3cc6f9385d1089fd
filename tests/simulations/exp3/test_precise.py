"""Exp3 in many digits: digits agree with more digits, doubles agree until chaos, towers and what lies beyond them."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from simulations.exp3 import (
    PrecisionWarning,
    Variant,
    literal_log_likelihood,
    literal_simulate,
    log_likelihood,
    precise_log_likelihood,
    precise_replay,
    precise_simulate,
    replay,
)
from simulations.exp3.precise import precise_arithmetic

UNIFORMS = np.random.default_rng(1).random(1000)
CHAOS = {"learning_rate": 0.5, "mean_losses": [0.8, 0.3]}

# --- identities and limits


def test_precision_is_its_own_and_leaves_mpmath_alone() -> None:
    before = mpmath.mp.dps
    value, _, _ = precise_log_likelihood(0.25, [1, 1], [2.0, 0.0], 2, digits=200)
    assert mpmath.mp.dps == before
    with mpmath.workdps(210):  # the log-odds are 0.25 * 2 / 0.5 = 1
        expected = -mpmath.log(2) - mpmath.log(1 + mpmath.e)
        assert abs(mpmath.mpf(str(value)) - expected) < mpmath.mpf(10) ** -198


def test_a_tower_of_probabilities_is_climbed_exactly() -> None:
    """Rate 1: x = 0, 2, 3 + e^2, then itself + 1 + exp(itself), then e^32869, whose probability has an exponent too."""
    arms, losses = [0] * 6, [1.0] * 6
    replayed = precise_replay(1.0, arms, losses, 2, digits=60)
    with mpmath.workdps(60):
        x = mpmath.mpf(0)
        for t in range(5):
            odds = replayed.log_probabilities[t, 1] - replayed.log_probabilities[t, 0]
            assert abs(odds - x) <= x * mpmath.mpf(10) ** -50
            if t < 4:
                x += 1 + mpmath.exp(x)
        assert mpmath.log10(x) > 14000
    value = precise_log_likelihood(1.0, arms, losses, 2, digits=60)[0]
    assert mpmath.isfinite(value)
    assert float(value) == -math.inf  # beyond any double
    assert log_likelihood(1.0, arms, losses, 2).value == -math.inf
    assert precise_log_likelihood(1.0, arms * 2, losses * 2, 2, digits=60)[0] == -math.inf


def test_a_dead_arm_has_no_score() -> None:
    found = precise_replay(1.0, [0] * 8, [1.0] * 8, 2, digits=30)
    assert found.log_probabilities[-1, 0] == -math.inf
    assert (found.scores[-1] == 0).all()
    assert found.information[-1] == 0


# --- oracle


def test_chaos_of_positive_losses_has_the_known_size() -> None:
    """One path, losses (.8, .3), rate .5: the sensitivity of the log-odds and the information grow exponentially."""
    arms, losses = precise_simulate(**CHAOS, uniforms=UNIFORMS[:500], digits=150)
    found = precise_replay(0.5, arms, losses, 2, digits=150)
    sensitivity = abs(found.scores[:, 0] - found.scores[:, 1]).astype(float)[[99, 199, 499]]
    np.testing.assert_allclose(sensitivity, [2.4e2, 1.7e6, 2.1e10], rtol=0.05)  # known to two digits
    information = np.cumsum(found.information).astype(float)[[99, 199, 499]]
    np.testing.assert_allclose(information, [4.6e3, 4.7e11, 2.3e16], rtol=0.05)


def test_half_the_digits_give_the_same_path_and_the_same_25_digits() -> None:
    few, many = (precise_simulate(**CHAOS, uniforms=UNIFORMS[:400], digits=digits) for digits in (100, 200))
    np.testing.assert_array_equal(few[0], many[0])
    few, many = (precise_log_likelihood(0.5, *many, 2, digits=digits) for digits in (100, 200))
    for less, more in zip(few, many, strict=True):
        assert abs(float(less / more - 1)) < 1e-25


def test_doubles_lose_as_many_digits_as_the_sensitivity_says() -> None:
    arms, losses = precise_simulate(**CHAOS, uniforms=UNIFORMS[:400], digits=120)
    exact, double = precise_replay(0.5, arms, losses, 2, digits=120), replay(0.5, arms, losses, 2)
    error = np.abs((exact.log_probabilities - double.log_probabilities).astype(float))
    sensitivity = np.maximum.accumulate(np.abs(exact.scores).astype(float).max(axis=1))
    assert error[-1].max() > 1e-10
    # each of 400 roundings of a few units grows at most as the rate's own error does
    assert np.all(error.max(axis=1) <= 400 * 2.0**-52 * (1 + sensitivity))
    start = slice(0, 60)
    np.testing.assert_allclose(double.scores[start], exact.scores[start].astype(float), rtol=1e-9)
    np.testing.assert_allclose(double.information[start], exact.information[start].astype(float), rtol=1e-9)


@pytest.mark.parametrize("variant", [Variant(), Variant(gains=True), Variant(mixing=0.1, rate_exponent=0.5)])
def test_floats_and_many_digits_are_the_same_function(variant: Variant) -> None:
    rng = np.random.default_rng(2)
    arms, losses = rng.integers(0, 3, 15), rng.uniform(-0.5, 1.0, 15)
    exact = precise_log_likelihood(0.07, arms, losses, 3, digits=40, variant=variant)
    for found in (
        literal_log_likelihood(0.07, arms, losses, 3, variant=variant),
        tuple(log_likelihood(0.07, arms, losses, 3, variant=variant)),
    ):
        np.testing.assert_allclose(found, [float(number) for number in exact], rtol=1e-11)  # conditions below 1e3


# --- properties


def test_the_same_uniforms_draw_the_same_arms_until_doubles_are_lost() -> None:
    exact = precise_simulate(**CHAOS, uniforms=UNIFORMS, digits=60)[0]
    double = literal_simulate(**CHAOS, uniforms=UNIFORMS)[0]
    apart = np.flatnonzero(exact != double)
    assert 300 < apart[0] < 1000


def test_a_rate_that_is_off_by_1e_12_is_refuted_where_chaos_has_its_way() -> None:
    arms, losses = precise_simulate(**CHAOS, uniforms=UNIFORMS, digits=60)
    true, off = (precise_log_likelihood(rate, arms, losses, 2, digits=60)[0] for rate in (0.5, 0.5 * (1 + 1e-12)))
    assert -700 < true < 0
    assert off < -1e4
    with pytest.warns(PrecisionWarning):
        log_likelihood(0.5, arms, losses, 2)


def test_stop_uses_the_first_rounds() -> None:
    arms, losses = [0, 1, 1, 0], [0.4, 0.9, 0.2, 0.7]
    whole = precise_replay(0.3, arms, losses, 2, digits=20)
    part = precise_replay(0.3, arms, losses, 2, digits=20, stop=3)
    assert (part.log_probabilities == whole.log_probabilities[:3]).all()
    value, score, _ = precise_log_likelihood(0.3, arms, losses, 2, digits=20, stop=3)
    drawn = whole.log_probabilities[range(3), arms[:3]]
    assert abs(value - sum(drawn)) < 1e-18
    assert abs(score - sum(whole.scores[range(3), arms[:3]])) < 1e-18


# --- bad input


@pytest.mark.parametrize(
    ("digits", "message"),
    [
        (10, r"digits must be >= 15 and <= 10000, got digits=10\.0"),
        (10**6, r"digits must be >= 15 and <= 10000"),
        (30.5, r"digits must be an integer, got digits=30\.5"),
        ("many", r"digits must be a real number"),
        ([30, 40], r"digits must be a single real number, got shape \(2,\)"),
    ],
)
def test_bad_digits(digits: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        precise_arithmetic(digits)


def test_bad_histories() -> None:
    with pytest.raises(ValueError, match=r"arms must be >= 0 and <= 1, got arms\[0\]=2"):
        precise_log_likelihood(0.3, [2], [0.0], 2, digits=20)
    with pytest.raises(ValueError, match=r"learning_rate must be > 0"):
        precise_replay(0.0, [1], [0.0], 2, digits=20)
    with pytest.raises(ValueError, match=r"uniforms must be >= 0 and < 1"):
        precise_simulate(0.3, [1.0, 0.0], [1.5], digits=20)
