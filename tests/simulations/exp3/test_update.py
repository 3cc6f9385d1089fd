"""The compiled update: functions and laws of two arms, against numpy in extended and mpmath in many digits."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from numba import njit

from simulations.exp3 import _update as update
from simulations.exp3._elementary import exp_minus, log1p_unit
from simulations.exp3.variant import CLASSIC, Variant

EPS = float(np.finfo(float).eps)
PLAIN = CLASSIC.options()


@njit(error_model="numpy")
def each_exp(a: np.ndarray, out: np.ndarray) -> None:
    for i in range(a.size):
        out[i] = exp_minus(a[i])


@njit(error_model="numpy")
def each_log1p(e: np.ndarray, out: np.ndarray) -> None:
    for i in range(e.size):
        out[i] = log1p_unit(e[i])


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


def test_two_arms_at_both_ends_of_the_log_odds() -> None:
    assert update.two_arms(0.0) == (0.5, 0.5)
    assert update.two_arms(math.inf) == (1.0, 0.0)
    assert update.two_arms_log(-3e4) == (-3e4, 0.0)
    assert update.two_arms_log(math.inf) == (0.0, -math.inf)
    np.testing.assert_allclose(update.two_arms(40.0), (1.0, math.exp(-40)), rtol=2 * EPS)


def test_an_arm_dies_only_where_nothing_bounds_its_estimate() -> None:
    tiny = 0.9 * update.DEAD
    assert update.step(0.3, tiny, 1.0, PLAIN) == math.inf
    assert update.step(-0.3, tiny, 1.0, PLAIN) == -math.inf
    assert update.step(0.0, tiny, 1.0, PLAIN) == 0.0
    assert update.step(0.3, tiny, 1.0, Variant(implicit_exploration=0.2).options()) == pytest.approx(1.5, rel=2 * EPS)
    assert math.isfinite(update.step(0.3, 1.1 * update.DEAD, 1.0, PLAIN))
    assert update.step(0.3, 0.6, 1.0, Variant(gains=True).options()) == pytest.approx(-0.5, rel=2 * EPS)


def test_sensitivities_saturate_and_are_never_nan() -> None:
    assert update.saturate_g(-1e200) == -1e130
    assert update.saturate_c(math.inf) == 1e260
    for h in (0.0, 1e130, -1e130):
        for r in (1e305, -1e305, math.inf):
            x = update.two_move(0.1, 1e130, -1e260, -1.0, 1e20, r, 1e-304, h, 1e260, PLAIN)
            assert not any(map(math.isnan, x))


def test_multipliers() -> None:
    assert update.multiplier(9, PLAIN) == 1.0
    assert update.multiplier(9, Variant(rate_exponent=0.5).options()) == pytest.approx(1 / 3, rel=2 * EPS)


# --- oracle


def test_exp_and_log1p_against_extended_precision() -> None:
    a = np.concatenate([rng(2).uniform(0, 708, 20_000), 10 ** rng(3).uniform(-20, 2.8, 20_000), [0.0]])
    out = np.empty_like(a)
    each_exp(a, out)
    exact = np.exp(-a.astype(np.longdouble))
    assert np.max(np.abs(out - exact) / exact) < EPS  # reduction, polynomial, scaling: half a unit each
    e = np.concatenate([rng(4).uniform(0, 1, 20_000), 10 ** rng(5).uniform(-300, 0, 20_000), [1.0]])
    out = np.empty_like(e)
    each_log1p(e, out)
    exact = np.log1p(e.astype(np.longdouble))
    assert np.max(np.abs(out - exact) / exact) < 2 * EPS  # the quotient, the polynomial, their product
    ends = np.array([0.0, 708.1, 1e308, math.inf])
    each_exp(ends, out)
    np.testing.assert_array_equal(out[:4], [1.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("x", [0.0, 1e-9, -0.3, 5.0, -40.0, 300.0, -690.0])
def test_two_laws_are_the_derivatives_of_the_softmax(x: float) -> None:
    """p, log p, d log p and d2 log p along x + s dx + s^2/2 ddx."""
    dx, ddx = 3.7, -11.3
    with mpmath.workdps(1300):

        def log_p(side: int, s: Any) -> Any:
            return -mpmath.log(1 + mpmath.exp(-side * (mpmath.mpf(x) + s * dx + s * s / 2 * ddx)))

        expected = []
        for side in (1, -1):
            value = [log_p(side, mpmath.mpf(10) ** -200 * k) for k in (-1, 0, 1)]
            first = (value[2] - value[0]) / 2 * mpmath.mpf(10) ** 200
            second = (value[2] - 2 * value[1] + value[0]) * mpmath.mpf(10) ** 400
            expected += [float(q) for q in (mpmath.exp(value[1]), value[1], first, second)]
    found = update.two_laws(x, dx, ddx)
    # relative to each number, except that p ddx and p (1 - p) dx^2 may cancel in the last
    np.testing.assert_allclose(found[:8], expected, rtol=40 * EPS)
    assert found[8] == pytest.approx(found[0] * found[4] * dx**2, rel=4 * EPS)


# --- properties


def test_mixing_bounds_probabilities_and_has_the_derivatives_of_the_logarithm() -> None:
    options, p, h, k = Variant(mixing=0.2).options(), 0.05, 1.7, -4.0
    mixed, first, second = update.mix(p, h, k, 4, options)
    assert mixed == pytest.approx(0.8 * p + 0.05, rel=2 * EPS)
    assert first == pytest.approx(0.8 * p * h / mixed, rel=4 * EPS)
    assert second == pytest.approx(0.8 * p * (k + h * h) / mixed - first**2, rel=8 * EPS)
    assert update.mix(p, h, k, 4, PLAIN) == (p, h, k)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixing": 1.5}, r"mixing must be >= 0 and <= 1, got mixing=1\.5"),
        ({"mixing": math.nan}, r"mixing must be >= 0 and <= 1, got mixing=nan"),
        ({"implicit_exploration": -0.1}, r"implicit_exploration must be >= 0 and <= 1"),
        ({"rate_exponent": [0.5, 0.6]}, r"rate_exponent must be a single real number, got shape \(2,\)"),
        ({"rate_exponent": 11.0}, r"rate_exponent must be >= 0 and <= 10"),
        ({"gains": 1}, r"gains must be True or False, got gains=1"),
        ({"cumulative": "yes"}, r"cumulative must be True or False"),
    ],
)
def test_bad_variants(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Variant(**change)
