"""Conditions for monotone sharpness: depth two in symbols, worked counterexamples, sampling at the boundary."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theory.scalar_networks import (
    descent_condition,
    gfs_sharpness,
    gradient_flow_solution,
    maximal_product,
    monotone_region,
    network_product,
    sharpness,
    sharpness_decrement,
)
from theory.scalar_networks._solver import balances_of, solve_level

EPS = np.finfo(float).eps
CAP = 2.0 * np.sqrt(2.0)


def step(weights, eta):
    """Return the weights (..., depth), none 0, after one step with step sizes (...)."""
    product = np.prod(weights, axis=-1, keepdims=True)
    return weights * (1.0 - np.asarray(eta)[..., None] * (product - 1.0) * product / weights**2)


def moved_to(solutions, products):
    """Return weights with the given products on the flow lines of `solutions`."""
    return np.sqrt(solve_level(balances_of(solutions), products).squared)


# --- identities and limits


def test_depth_two_is_an_equivalence_in_symbols():
    b, e = sp.symbols("b e", positive=True)
    before, after = b**2 + 4, (b * (1 - e**2)) ** 2 + 4  # phi^2
    assert sp.factor(before - after) == sp.factor(b**2 * e**2 * (2 - e**2))


def test_depth_two_condition_is_the_excess():
    w, eta = np.array([0.7, 1.9]), np.linspace(0.1, 9.0, 60)  # product 1.33
    np.testing.assert_array_equal(descent_condition(w, eta), eta * (1.33 - 1.0) <= np.sqrt(2.0))
    np.testing.assert_array_equal(descent_condition([-1.0, 0.4], eta), eta * 1.4 <= np.sqrt(2.0))


def test_worked_counterexamples():
    """Values at 50 digits: the step raises the sharpness where a condition fails."""
    assert not descent_condition([0.05, 1.2], 1.6)
    after = step(np.array([0.05, 1.2]), 1.6)
    assert gfs_sharpness(after) == pytest.approx(2.7002, abs=5e-5)  # from 2.4630
    # depth three: the first condition holds, the second fails
    w, eta = np.array([31.6, 31.8, 35.2]), 1.1355e-6
    product = np.prod(w)
    kick = (eta * (product - 1.0) * product) ** 2
    assert w[0] ** 2 * w[2] ** 2 < kick < 2.0 * w[0] ** 2 * w[1] ** 2
    assert not descent_condition(w, eta)
    # printed to two digits after the point; the step cancels 1e-2 of the weights at worst
    assert gfs_sharpness(step(w, eta)) == pytest.approx(21121.06, abs=0.01)


def test_maximal_products():
    worked = {2: 2.0, 3: 1.7548776662466927, 4: 1.7548776662466927, 8: 1.6782112972939676, 16: 1.6464334728022625}
    for depth, expected in worked.items():
        assert maximal_product(depth) == pytest.approx(expected, rel=4 * EPS)
    assert maximal_product(np.inf) == pytest.approx((1 + np.sqrt(5)) / 2, rel=4 * EPS)
    assert maximal_product(10**9) == pytest.approx(maximal_product(np.inf), rel=1e-9)  # off by 1/depth


def test_region_by_hand():
    # phi = 4.25 at (2, 1/2); the product 1.9 of (2, .95) is below P_2 = 2 and above P_3
    np.testing.assert_array_equal(monotone_region([2.0, 0.5], np.array([2.82, 2.84]) / 4.25), [True, False])
    assert monotone_region([2.0, 0.95], 0.1)
    assert not monotone_region([2.0, 0.95, 1.0], 0.1)


def test_zero_weights_are_exact():
    # one zero: a^2/(u_1 u_2) = (eta prod of the others but one)^2
    assert descent_condition([0.0, 1.5, 2.0], 0.49)  # (eta * 2)^2 <= 2 and (eta * 1.5)^2 <= 1
    assert descent_condition([0.0, 1.5, 2.0], 0.66)  # 1.32 <= sqrt(2), 0.99 <= 1
    assert not descent_condition([0.0, 1.5, 2.0], 0.67)  # 1.005 > 1
    assert not descent_condition([0.0, 1.1, 2.0], 0.71)  # 1.42 > sqrt(2)
    assert not descent_condition([0.0, 0.0, 2.0], 1e-3)  # a saddle
    assert not descent_condition([1.0, -1.0], 1e-3)  # ends at a saddle
    assert not monotone_region([0.0, 2.0], 1e-3)  # the theorem wants a positive product
    assert not monotone_region([-0.9, 0.8], 0.3)  # eta phi = 0.6


def test_huge_products_do_not_overflow():
    assert not descent_condition([1e100] * 4, 1e-300)
    # pi = 1e200, a^2/(u_1 u_2) = (eta 1e200)^2
    assert descent_condition([1e100, 1e100], 1.4e-200)
    assert not descent_condition([1e100, 1e100], 1.5e-200)


# --- oracle


def test_maximal_product_at_thirty_digits():
    with mp.workdps(30):
        for depth in (2, 3, 4, 5, 7, 64, 1001):
            exponent = mp.mpf(1) / 2 if depth == 3 else 1 - mp.mpf(2) / depth
            root = mp.findroot(
                lambda p, e=exponent: (p - 1) * p**e - 1, (mp.mpf("1.5"), mp.mpf("2.1")), solver="anderson"
            )
            assert maximal_product(depth) == pytest.approx(float(root), rel=4 * EPS)


def test_conditions_at_sixty_digits():
    rng = np.random.default_rng(2)
    answers = []
    with mp.workdps(60):
        for _ in range(400):
            depth = int(rng.integers(2, 7))
            w = np.exp(rng.normal(size=depth)) * rng.choice([-1.0, 1.0], depth)
            eta = 10.0 ** rng.uniform(-2, 1)
            u = sorted(mp.mpf(x) ** 2 for x in w)
            product = mp.fprod(mp.mpf(x) for x in w)
            a = mp.mpf(eta) * (product - 1) * product
            expected = a**2 <= 2 * u[0] * u[1] and (depth == 2 or a**2 <= u[0] * u[2])
            assert descent_condition(w, eta) == expected
            answers.append(expected)
    assert 50 < sum(answers) < 350


# --- properties


@pytest.mark.parametrize("depth", [2, 3, 4, 10])
def test_the_conditions_forbid_an_increase(depth):
    """Sharpness never rises under the conditions, half of the samples lying on their boundary."""
    rng = np.random.default_rng(depth)
    cells = 4000
    u = 10.0 ** (rng.uniform(-4.0, 4.0, (cells, depth)) * rng.choice([1.0, 0.2], (cells, 1)))
    clustered = u[:, :1] * (1.0 + 10.0 ** rng.uniform(-3.0, 0.0, (cells, depth)))
    u = np.where(rng.random((cells, 1)) < 0.5, u, clustered)
    u /= np.exp(np.log(u).mean(axis=-1, keepdims=True) - rng.uniform(-1.5, 1.0, (cells, 1)))  # products from 0.05^D
    w = np.sqrt(u)
    w[:, 0] *= rng.choice([-1.0, 1.0], cells)
    product = np.prod(w, axis=-1)
    first = np.sort(u, axis=-1)
    most = np.sqrt(2.0 * first[:, 0] * first[:, 1])
    if depth > 2:
        most = np.minimum(most, np.sqrt(first[:, 0] * first[:, 2]))
    share = np.where(rng.random(cells) < 0.5, 1.0 - 1e-9, rng.random(cells))
    eta = share * most / np.abs((product - 1.0) * product)
    held = descent_condition(w, eta)
    assert held.all()
    phi = gfs_sharpness(w)
    # rounding of the drop: a few eps of phi
    assert (sharpness_decrement(w, eta) >= -20 * EPS * phi).all()


@pytest.mark.parametrize("depth", [2, 3, 4, 8])
def test_the_theorem(depth):
    """Below 2 sqrt(2)/eta and with products up to P_D the pair conditions hold, so the sharpness cannot rise."""
    rng = np.random.default_rng(depth)
    s = np.exp(rng.normal(size=(5000, depth)) * rng.choice([0.01, 0.5, 2.0], (5000, 1)))
    s = gradient_flow_solution(s)
    products = np.where(rng.random(5000) < 0.5, 10.0 ** rng.uniform(-6.0, 0.0, 5000), rng.uniform(0.5, 1.0, 5000) * 2)
    w = moved_to(s, products)
    phi = gfs_sharpness(w)
    eta = CAP / phi * np.where(rng.random(5000) < 0.5, 1.0 - 1e-9, rng.random(5000))
    inside = monotone_region(w, eta)
    assert inside.sum() > 2000
    # at the boundary the product that is asked for and the one of the weights differ by rounding
    clear = np.abs(products - maximal_product(depth)) > 1e-9
    np.testing.assert_array_equal(inside[clear], products[clear] <= maximal_product(depth))
    assert descent_condition(w[inside], eta[inside]).all()
    assert (sharpness_decrement(w[inside], eta[inside]) >= -20 * EPS * phi[inside]).all()


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_the_constant_cannot_be_raised(depth):
    """Two small weights, product near 0: the sharpness rises at eta phi just above 2 sqrt(2), falls just below."""
    s = np.ones(depth)
    s[:2], s[2:] = [1e-5, 1e-5 * (1 + 1e-3)], 1e10 ** (1.0 / max(depth - 2, 1))
    s = gradient_flow_solution([1.0, 1.001]) if depth == 2 else gradient_flow_solution(s)
    w = moved_to(s[None], np.array([1e-9]))[0]
    phi = gfs_sharpness(w)
    # the margin covers the distance of the two weights, 1e-3, squared, and the product 1e-9
    assert sharpness_decrement(w, CAP * (1.0 - 1e-4) / phi) > 0.0
    assert sharpness_decrement(w, CAP * (1.0 + 1e-4) / phi) < 0.0


def test_the_current_sharpness_is_no_substitute():
    w, eta = np.array([0.05, 1.2]), 1.6
    assert sharpness(w) * eta < CAP + 0.8  # 2.16 * 1.6: not far above
    assert sharpness_decrement(w, eta) < 0.0
    w = np.array([0.05, 0.9])  # product near 0: small curvature, large step
    eta = 1.55
    assert sharpness(w) * eta < CAP < gfs_sharpness(w) * eta
    assert sharpness_decrement(w, eta) < 0.0


def test_broadcasting():
    w, eta = np.random.default_rng(1).normal(size=(3, 1, 4)), np.array([0.1, 2.0])
    assert descent_condition(w, eta).shape == monotone_region(w, eta).shape == (3, 2)
    assert descent_condition(w[0, 0], 0.1) is bool(descent_condition(w, eta)[0, 0])
    assert monotone_region(w[1, 0], 2.0) is bool(monotone_region(w, eta)[1, 1])
    assert network_product(w).shape == (3, 1)


# --- bad input


@pytest.mark.parametrize("function", [descent_condition, monotone_region])
@pytest.mark.parametrize(
    ("weights", "eta", "message"),
    [
        ([1.3], 0.1, r"depth >= 2, got shape \(1,\)"),
        ([1.3, np.nan], 0.1, r"weights\[1\]=nan"),
        ([1.3, 0.4], 0.0, r"step_size must be > 0, got step_size=0\.0"),
        ([1.3, 0.4], [0.1, -0.2], r"step_size must be > 0, got step_size\[1\]=-0\.2"),
        ([1.3, 0.4], np.inf, r"step_size must be .*finite, got step_size=inf"),
        (np.ones((3, 2)), [0.1, 0.2], r"broadcast with the leading axes .*step_size \(2,\) and weights \(3, 2\)"),
    ],
)
def test_bad_arguments(function, weights, eta, message):
    with pytest.raises(ValueError, match=message):
        function(weights, eta)


def test_bad_depth():
    with pytest.raises(ValueError, match=r"depth must be >= 2, got depth=1\.0"):
        maximal_product(1)
    with pytest.raises(ValueError, match=r"depth must be an integer, got depth=2\.5"):
        maximal_product(2.5)
    with pytest.raises(ValueError, match=r"depth must be a single real number"):
        maximal_product([2, 3])
