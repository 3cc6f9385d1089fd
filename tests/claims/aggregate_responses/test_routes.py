"""The routes that the claims on the limit compare with the theory: each is right where the answer is known by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from claims.aggregate_responses import _wachter_route as wachter
from claims.aggregate_responses import _wrong_limits as limits

SETTING = {"n": 6, "d": 1, "bag_size": 3, "interpolations": (0.3, 1.0, 4.0), "signal": 1.7, "noise_variance": 0.6}

# --- identities and limits


def test_instance_level_by_hand():
    """n/d = 4, k = 2: bias 1/4 + 1/12, variance 1/(2*3) per unit."""
    # bisection in ln t to 1e-14, and a few roundings
    by_hand = [1 / 3 * 1.7, 0.6 / 6]
    found = limits.wrong("right", **{**SETTING, "n": 4, "bag_size": 2, "interpolations": (1.0,)})
    np.testing.assert_allclose(found, [by_hand], rtol=1e-12)
    assert wachter.unit_risk(4, 2, 1.0) == pytest.approx((1 / 3, 1 / 6), rel=1e-12)  # quadrature to 1e-14


def test_bag_level_by_hand():
    assert wachter.unit_risk(6, 3, 0.0) == pytest.approx((0.0, 1.0), rel=1e-12)  # 1/(6/3 - 1); quadrature to 1e-14


def test_the_crossover_by_hand():
    """2 (3*6 - 2)/((6 - 2)(5 + 1)) = 4/3 at (6, 2); at (1.1, 3) bag level always wins."""
    assert wachter.crossover(6, 2) == pytest.approx(4 / 3, rel=1e-12)
    assert wachter.crossover(1.1, 3) == 0.0


# --- oracle


def test_the_theorem_by_bisection_is_the_theory():
    np.testing.assert_allclose(limits.wrong("right", **SETTING), limits.right(**SETTING), rtol=1e-12)  # as above


@pytest.mark.parametrize(("psi", "k", "rho"), [(6, 3, 0.3), (1.2, 3, 5.0), (3, 2.5, 0.05)])
def test_slopes_are_difference_quotients(psi, k, rho):
    step = 1e-4 * rho
    up, down = (np.array(wachter.unit_risk(psi, k, rho + h)) for h in (step, -step))
    # the square of the relative step, times third derivatives of order 10
    np.testing.assert_allclose(wachter.slopes(psi, k, rho), (up - down) / (2 * step), rtol=1e-6)


# --- properties


@pytest.mark.parametrize("name", limits.WRONG)
def test_every_wrong_version_differs(name):
    setting = {**SETTING, "interpolations": (0.3,)}
    deviation = limits.wrong(name, **setting) / limits.right(**setting) - 1
    assert np.max(np.abs(deviation)) > 0.05


@pytest.mark.parametrize("snr", [0.2, 1.0, 8.0])
def test_the_best_weight_is_a_minimum(snr):
    weight, risk = wachter.best_weight(6, 3, snr)
    for factor in (0.9, 1.1):
        bias, variance = wachter.unit_risk(6, 3, factor * weight)
        assert bias + variance / snr > risk


# --- bad input


def test_fewer_rows_than_features_have_no_trace():
    with pytest.raises(ValueError, match="sign"):  # the equation has no root
        limits.cell(0.3, 0.2, 1.0, 1.0, 1.0)
    assert math.isfinite(limits.cell(0.3, 0.8, 1.0, 1.0, 1.0).t)
