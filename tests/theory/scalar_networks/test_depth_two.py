"""Depth two: polynomial identities, the invariant along orbits, the ellipse, boundedness of simulated orbits."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.scalar_networks import (
    bounded_area,
    chaotic_boundary,
    critical_step_size,
    depth_two_invariant,
    gfs_sharpness,
)

EPS = np.finfo(float).eps
rule = settings(derandomize=True, deadline=None, max_examples=80)


def step(w, eta):
    e = eta * (w[..., 0] * w[..., 1] - 1.0)
    return np.stack([w[..., 0] - e * w[..., 1], w[..., 1] - e * w[..., 0]], axis=-1)


# --- identities and limits


@pytest.fixture(scope="module")
def symbols():
    """Give weights, step size, the next weights, and N as a function."""
    w1, w2, eta = sp.symbols("w1 w2 eta")
    e = eta * (w1 * w2 - 1)
    return w1, w2, eta, w1 - e * w2, w2 - e * w1, lambda a, b: 4 + eta**2 * (a * b - 1) - eta * (a**2 + b**2)


def test_invariant_in_symbols(symbols):
    w1, w2, eta, v1, v2, quantity = symbols
    product, e = w1 * w2, eta * (w1 * w2 - 1)
    assert sp.expand(quantity(v1, v2) - quantity(w1, w2) * (1 + eta**2 * product * (product - 1))) == 0
    assert sp.expand((v1**2 - v2**2) - (w1**2 - w2**2) * (1 - e**2)) == 0
    assert sp.expand(v1 * v2 - (product * (1 + e**2) - e * (w1**2 + w2**2))) == 0


def test_ellipse_in_symbols(symbols):
    w1, w2, eta, _, _, quantity = symbols
    total, difference = w1 + w2, w1 - w2
    ellipse = total**2 * eta / (4 * (2 + eta)) + difference**2 * eta / (4 * (2 - eta))
    assert sp.simplify(quantity(w1, w2) - (4 - eta**2) * (1 - ellipse)) == 0
    spread = (w1**2 - w2**2) ** 2 + 4 * (w1 * w2 - 2) ** 2
    assert sp.expand(spread - ((w1**2 + w2**2) ** 2 - 16 * (w1 * w2 - 1))) == 0


def test_invariant_at_a_minimum_is_the_distance_to_twice_the_edge():
    assert depth_two_invariant([1.6, 0.625], 0.3) == pytest.approx(
        4.0 - 0.3 * gfs_sharpness([1.6, 0.625]), rel=10 * EPS
    )
    assert depth_two_invariant([0.0, 0.0], 0.3) == pytest.approx(4.0 - 0.09, rel=4 * EPS)
    assert depth_two_invariant([1e150, 1.0], 1e100) == -np.inf
    assert depth_two_invariant([2.0, 0.7], 3.0) == pytest.approx(4.0 + 9.0 * 0.4 - 3.0 * 4.49, rel=10 * EPS)


def test_critical_step_sizes():
    assert critical_step_size([0.7, 0.7]) == pytest.approx(2.0, rel=4 * EPS)
    assert critical_step_size([0.0, 0.0]) == 2.0
    assert critical_step_size([1.6, 0.625]) == pytest.approx(4.0 / gfs_sharpness([1.6, 0.625]), rel=10 * EPS)
    assert critical_step_size([1e150, 1e-3]) == pytest.approx(4e-300, rel=10 * EPS)


def test_triple_angle():
    eta, theta = 0.7, np.linspace(-3.0, 3.0, 41)
    w = chaotic_boundary(eta, theta)
    np.testing.assert_allclose(depth_two_invariant(w, eta), 0.0, atol=40 * EPS)  # of terms of size 4
    np.testing.assert_allclose(step(w, eta), chaotic_boundary(eta, np.pi - 3.0 * theta), atol=60 * EPS)
    np.testing.assert_allclose(eta * (w[:, 0] * w[:, 1] - 1.0), 2.0 * np.cos(2.0 * theta), atol=20 * EPS)


def test_invariant_keeps_its_digits_near_step_two():
    step = 2.0 - 2.0**-30  # equal weights 1000: N = (2 - eta) (2 + eta - 10^6 eta)
    assert depth_two_invariant([1e3, 1e3], step) == pytest.approx(2.0**-30 * (2.0 + step - 1e6 * step), rel=8 * EPS)


# --- oracle


def test_telescoped_sharpness_at_thirty_digits():
    """At depth two eta phi_t - ... : N_T = N_0 prod (1 + eta^2 pi (pi - 1)) over 50 steps."""
    with mp.workdps(40):
        w, eta = (mp.mpf("1.9"), mp.mpf("0.6")), mp.mpf("0.4")
        factor = mp.mpf(1)
        for _ in range(50):
            product = w[0] * w[1]
            factor *= 1 + eta**2 * product * (product - 1)
            w = (w[0] - eta * (product - 1) * w[1], w[1] - eta * (product - 1) * w[0])
        predicted = 4 - depth_two_invariant([1.9, 0.6], 0.4) * factor
        assert float(predicted / eta) == pytest.approx(gfs_sharpness([float(w[0]), float(w[1])]), rel=100 * EPS)


@pytest.mark.parametrize("eta", [0.1, 0.5, 0.999, 1.3, 1.8])
def test_bounded_orbits_are_those_with_non_negative_invariant(eta):
    rng = np.random.default_rng(7)
    w = rng.uniform(-1.0, 1.0, (4000, 2)) * 1.3 * np.sqrt(2.0 * (2.0 + eta) / eta)
    quantity = depth_two_invariant(w, eta)
    critical = critical_step_size(w)
    sure = np.abs(quantity) > 1e-3  # closer to the ellipse, rounding needs more steps than are made here
    np.testing.assert_array_equal(eta < critical[sure], quantity[sure] > 0.0)
    bounded = np.ones(len(w), dtype=bool)
    for _ in range(1000):
        w = step(w, eta)
        bounded &= np.abs(w).max(axis=-1) < 1e4
        w[~bounded] = 0.0
    np.testing.assert_array_equal(bounded[sure], quantity[sure] > 0.0)


def test_area_by_counting():
    eta, rng = 0.5, np.random.default_rng(11)
    inside = (depth_two_invariant(rng.uniform(-4.0, 4.0, (100_000, 2)), eta) >= 0.0).mean()
    # standard error sqrt(.38 * .62/1e5) = .0015; four of them
    assert 64.0 * inside == pytest.approx(bounded_area(eta), abs=64.0 * 0.0062)
    assert bounded_area(2.0) == 0.0


# --- properties


@rule
@given(
    a=st.floats(-20.0, 20.0),
    b=st.floats(-20.0, 20.0),
    eta=st.floats(0.01, 3.0),
)
def test_critical_step_is_the_first_root(a, b, eta):
    critical = critical_step_size([a, b])
    assert 0.0 < critical <= 2.0 * (1.0 + 4 * EPS)
    scale = 4.0 + critical * (a * a + b * b) + critical**2 * abs(a * b)
    assert abs(depth_two_invariant([a, b], critical)) <= 20 * EPS * scale
    if eta < critical * (1.0 - 1e-9):
        assert depth_two_invariant([a, b], eta) > -20 * EPS * scale


@rule
@given(a=st.floats(-3.0, 3.0), b=st.floats(-3.0, 3.0), eta=st.floats(0.05, 1.95))
def test_invariant_along_a_step(a, b, eta):
    before, after = depth_two_invariant([a, b], eta), depth_two_invariant(step(np.array([a, b]), eta), eta)
    product = a * b
    # terms of up to eta^4 (pi^2 + ...) ~ 1e5 are rounded once each
    assert after == pytest.approx(before * (1.0 + eta**2 * product * (product - 1.0)), rel=1e-12, abs=1e-9)


def test_broadcasting():
    w, eta = np.random.default_rng(0).normal(size=(3, 1, 2)), np.array([0.3, 0.8])
    assert depth_two_invariant(w, eta).shape == (3, 2)
    assert critical_step_size(w).shape == (3, 1)
    assert chaotic_boundary(eta, np.zeros((4, 1))).shape == (4, 2, 2)
    assert isinstance(critical_step_size([0.3, 0.4]), float)
    assert isinstance(bounded_area(0.3), float)


# --- bad input


def test_depth_other_than_two():
    for function in (lambda w: depth_two_invariant(w, 0.1), critical_step_size):
        with pytest.raises(
            ValueError, match=r"weights must have shape \(\.\.\., 2\): depth two only, got shape \(3,\)"
        ):
            function([1.3, 0.4, 0.2])


def test_bad_steps():
    with pytest.raises(ValueError, match=r"step_size must be > 0, got step_size=0\.0"):
        depth_two_invariant([1.3, 0.4], 0.0)
    with pytest.raises(ValueError, match=r"step_size must be > 0 and <= 2, got step_size=2\.5"):
        bounded_area(2.5)
    with pytest.raises(ValueError, match=r"angle must be finite, got angle=inf"):
        chaotic_boundary(0.5, np.inf)
