"""The drop of the sharpness over one step: symbols at depth two, 120-digit drops, quadrature of the path slope."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theory.scalar_networks import (
    gfs_sharpness,
    gradient_flow_solution,
    second_order_decrement,
    sharpness_decrement,
    sharpness_path_slope,
)

EPS = np.finfo(float).eps


def kick(weights, eta):
    product = np.prod(weights)
    return eta * (product - 1.0) * product


# --- identities and limits


def test_depth_two_in_symbols():
    b, e, u1, u2, path = sp.symbols("b e u1 u2 l", positive=True)
    phi = sp.sqrt(b**2 + 4)
    # second order: -(d phi) for b -> b (1 - e^2), to first order in e^2, is e^2 (phi^2 - 4)/phi
    first = -sp.diff(phi.subs(b, b * (1 - e)), e).subs(e, 0)
    assert sp.simplify(first - (phi**2 - 4) / phi) == 0
    # path: phi^2/2 = (b^2 (1 - l/(u1 u2))^2 + 4)/2, and t_1 t_2 = 1
    slope = sp.diff((b**2 * (1 - path / (u1 * u2)) ** 2 + 4) / 2, path)
    assert sp.simplify(slope + b**2 * (1 - path / (u1 * u2)) / (u1 * u2)) == 0


@pytest.mark.parametrize(
    ("w", "eta"), [((2.0, 1.0), 0.5), ((0.05, 1.2), 1.6), ((1e6, 1.0 + 1e-6), 1e-12), ((0.0, 0.7), 0.3)]
)
def test_depth_two_in_closed_form(w, eta):
    b, e = (w[0] - w[1]) * (w[0] + w[1]), eta * (w[0] * w[1] - 1.0)
    before, after = np.hypot(b, 2.0), np.hypot(b * (1.0 - e * e), 2.0)
    expected = b * b * e * e * (2.0 - e * e) / (before + after)
    assert sharpness_decrement(w, eta) == pytest.approx(expected, rel=50 * EPS)
    leading = e * e * (before**2 - 4.0) / before
    assert second_order_decrement(w, eta) == pytest.approx(leading, rel=50 * EPS)


def test_zero_drops_are_zero():
    assert sharpness_decrement([2.0, 0.5], 0.4) == 0.0  # at a minimum
    assert sharpness_decrement([1.3, -1.3, -1.3], 0.4) == 0.0  # equal sizes
    assert second_order_decrement([1.3, 1.3, 1.3], 0.4) == 0.0


def test_undefined_at_saddles_and_infinite_beyond_float64():
    assert np.isnan(sharpness_decrement([0.0, 0.0, 2.0], 0.1))
    assert np.isnan(second_order_decrement([1.0, -1.0], 0.1))
    assert sharpness_decrement([1e140, 1.0, 2.0], 1e100) == -np.inf


def test_second_order_error_is_linear_in_the_deviation():
    s = gradient_flow_solution([1.7, 0.9, 0.4])
    errors = []
    for x in (1e-2, 1e-3):
        w = s * (1.0 + x) ** (1.0 / 3.0)
        errors.append(sharpness_decrement(w, 0.15) / second_order_decrement(w, 0.15) - 1.0)
    assert errors[0] / errors[1] == pytest.approx(10.0, rel=0.05)  # next order: x
    assert abs(errors[1]) < 2e-3


# --- oracle


def test_drops_at_every_size(oracle):
    """Balanced to 1e-6 and far apart, from 1e-9 beside the minimum to far from it, steps small and beyond the edge."""
    rng = np.random.default_rng(2)
    bad = []
    for width in (1e-6, 1e-2, 0.5, 2.0):
        for x in (-0.5, 1e-9, -1e-4, 0.3):
            for edge in (0.1, 2.5, 6.0):
                depth = int(rng.choice([2, 3, 4, 8]))
                s = gradient_flow_solution(np.exp(width * rng.normal(size=depth)))
                w = s * (1.0 + x) ** (1.0 / depth)
                eta = edge / gfs_sharpness(w)
                # pi - 1 is known to depth eps, which enters squared; the rest are some ten roundings a weight
                tolerance = 4 * depth * EPS / abs(x) + 1e-13
                value, expected = sharpness_decrement(w, eta), oracle.drop(w, eta)
                if not abs(value - expected) <= tolerance * abs(expected):
                    bad.append((width, x, edge, depth, value, expected))
    assert not bad


def test_drops_from_zero_and_negative_products(oracle):
    for w, eta in (
        ([0.0, 1.2, 0.7], 0.3),
        ([-0.2, 1.2, 0.7], 0.3),
        ([-0.2, 0.9, 1.7, 1.1], 2.0),
        ([31.6, 31.8, 35.2], 1.1355e-6),
        ([1e-7, 1.3e-7, 2.0], 0.4),
    ):
        assert sharpness_decrement(w, eta) == pytest.approx(oracle.drop(w, eta), rel=1e-12)


@pytest.mark.parametrize(("w", "eta"), [((0.8, 1.1, 1.9), 0.4), ((0.5, 0.9, 1.3, 1.6), 0.5), ((2.0, 1.0), 0.5)])
def test_path_slope_integrates_to_the_drop(w, eta):
    nodes, parts = np.polynomial.legendre.leggauss(40)  # analytic beyond the interval: geometric convergence
    end = kick(w, eta) ** 2
    integral = 0.5 * end * np.dot(parts, sharpness_path_slope(w, 0.5 * end * (nodes + 1.0)))
    before = gfs_sharpness(w)
    after = before - sharpness_decrement(w, eta)
    assert -integral == pytest.approx((before**2 - after**2) / 2.0, rel=1e-12)


def test_path_slope_is_the_derivative_at_sixty_digits(oracle):
    with mp.workdps(oracle.DIGITS):
        for w, place in (((0.8, 1.1, 1.9), 0.3), ((0.5, -0.9, 1.3, 1.6), 2.0), ((1.2, 0.3), 0.9)):
            u = [mp.mpf(x) ** 2 for x in w]

            def half_square(path, u=u):
                return oracle.sharpness([mp.sqrt(x + path / x) for x in u], oracle.FINE) ** 2 / 2

            h = mp.mpf(10) ** -25  # error of the difference h^2
            slope = (half_square(place + h) - half_square(place - h)) / (2 * h)
            # differences of squares keep 1e-14 relative at these gaps
            assert sharpness_path_slope(w, place) == pytest.approx(float(slope), rel=1e-13)


# --- properties


def test_broadcasting_equals_a_loop():
    rng = np.random.default_rng(4)
    w, eta = rng.normal(size=(3, 1, 4)), np.array([0.1, 0.7])
    for function in (sharpness_decrement, second_order_decrement, sharpness_path_slope):
        together = function(w, eta)
        assert together.shape == (3, 2)
        for i, j in np.ndindex(3, 2):
            alone = function(w[i, 0], eta[j])
            assert isinstance(alone, float)
            assert alone == pytest.approx(together[i, j], rel=1e-12)


def test_signs_and_order_do_not_matter():
    w = np.array([0.4, 1.7, 0.9, 1.2])
    value = sharpness_decrement(w, 0.6)
    assert sharpness_decrement(-w[[2, 0, 3, 1]], 0.6) == pytest.approx(value, rel=1e-13)
    assert second_order_decrement(-w[[2, 0, 3, 1]], 0.6) == pytest.approx(second_order_decrement(w, 0.6), rel=1e-13)


# --- bad input


@pytest.mark.parametrize("function", [sharpness_decrement, second_order_decrement])
def test_bad_steps(function):
    with pytest.raises(ValueError, match=r"step_size must be > 0, got step_size=-0\.1"):
        function([0.4, 1.3], -0.1)
    with pytest.raises(ValueError, match=r"depth >= 2, got shape \(1,\)"):
        function([0.4], 0.1)


def test_bad_paths():
    with pytest.raises(ValueError, match=r"path must be >= 0, got path=-0\.1"):
        sharpness_path_slope([0.4, 1.3], -0.1)
    with pytest.raises(ValueError, match=r"weights must not be 0"):
        sharpness_path_slope([0.4, 0.0], 0.1)
