"""The quasi-static map and its normal form: depth two, Taylor coefficients at 60 digits, the worked constants."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from theory.scalar_networks import gradient_flow_solution, normal_form, quasi_static_map, two_cycle_half_width
from theory.scalar_networks.quasi_static import symmetric_sums

EPS = np.finfo(float).eps
solutions = st.lists(st.floats(-2.0, 2.0).map(np.exp), min_size=2, max_size=7).map(gradient_flow_solution)
rule = settings(derandomize=True, deadline=None, max_examples=60)


# --- identities and limits


def test_symmetric_sums_are_the_power_sums():
    p = sp.symbols("p1:5")
    rho = [sum(x**k for x in p) for k in (1, 2, 3)]
    e2 = sum(p[i] * p[j] for i in range(4) for j in range(i))
    e3 = sum(p[i] * p[j] * p[k] for i in range(4) for j in range(i) for k in range(j))
    assert sp.expand(rho[0] ** 2 - rho[1] - 2 * e2) == 0
    assert sp.expand(rho[0] ** 3 - 3 * rho[0] * rho[1] + 2 * rho[2] - 6 * e3) == 0
    # with sum p = 1: kappa in both forms
    r2, r3 = sp.symbols("rho2 rho3")
    two, three = (1 - r2) / 2, (1 - 3 * r2 + 2 * r3) / 6
    assert sp.expand(32 * two**2 - 8 * three - sp.Rational(4, 3) * (6 * r2**2 - 9 * r2 - 2 * r3 + 5)) == 0
    first, second = symmetric_sums(np.array([[0.5, 0.3, 0.2]]))
    assert first[0] == pytest.approx(0.15 + 0.1 + 0.06, rel=4 * EPS)
    assert second[0] == pytest.approx(0.03, rel=4 * EPS)


def test_normal_form_of_depth_two_in_symbols():
    """Taylor coefficients of p (1 + e^2) - e sqrt(b^2 + 4 p^2) at p = 1 against the general formula."""
    eta, phi, x = sp.symbols("eta phi x", positive=True)
    e = eta * x
    closed = (1 + x) * (1 + e**2) - e * sp.sqrt(phi**2 - 4 + 4 * (1 + x) ** 2)
    taylor = sp.series(closed, x, 0, 4).removeO()
    edge, e2 = eta * phi, 1 / phi**2  # p_1 p_2 = 1/(t_1 t_2 phi^2)
    assert sp.simplify(taylor.coeff(x, 1) - (1 - edge)) == 0
    assert sp.simplify(taylor.coeff(x, 2) - edge * (edge - 4) * e2) == 0
    assert sp.simplify(taylor.coeff(x, 3) - edge * (8 * e2**2 + (edge - 2) * e2)) == 0


@pytest.mark.parametrize("eta", [0.3, 0.5, 0.9])
def test_depth_two_at_the_edge(eta):
    b = np.sqrt((2 / eta) ** 2 - 4)
    s = np.sqrt([(2 / eta + b) / 2, 2 / (2 / eta + b)])
    form = normal_form(s, eta)
    assert form.kappa == pytest.approx(2 * eta**4, rel=1e-13)
    assert form.multiplier == pytest.approx(-1.0, rel=1e-13)
    assert form.kappa == pytest.approx(form.alpha**2 + form.gamma, rel=1e-13)


@pytest.mark.parametrize("eta", [0.2, 0.6])
def test_map_at_depth_two(eta):
    s, p = np.array([1.6, 0.625]), np.array([0.0, 1e-300, 1e-8, 0.3, 1.0, 1.4, 50.0])
    b, e = s[0] ** 2 - s[1] ** 2, eta * (p - 1.0)
    root = np.sqrt(b * b + 4.0 * p * p)
    # the two terms of the closed form cancel: compare on their scale
    scale = p * (1.0 + e * e) + np.abs(e) * root
    np.testing.assert_allclose(
        quasi_static_map(s, p, eta),
        p * (1.0 + e * e) - e * root,
        atol=0,
        rtol=20 * EPS * np.max(scale / np.abs(p * (1.0 + e * e) - e * root)),
    )


def test_the_limit_of_small_products():
    s = gradient_flow_solution([1.9, 0.7, 0.6])
    limit = 0.4 * (s[0] ** 2 - s[2] ** 2) * (s[1] ** 2 - s[2] ** 2)
    assert quasi_static_map(s, 0.0, 0.4) == pytest.approx(limit, rel=20 * EPS)
    assert quasi_static_map(s, 1e-9, 0.4) == pytest.approx(limit, rel=1e-7)
    assert quasi_static_map([1.0, 1.0, 1.0], 0.0, 0.4) == 0.0  # ties for the smallest weight
    assert quasi_static_map([2.0, 0.5], 1e150, 1e10) == np.inf


def test_equal_weights_make_the_balanced_map():
    p = np.array([0.1, 0.9, 1.7])
    w = p ** (1 / 3)
    np.testing.assert_allclose(quasi_static_map(np.ones(3), p, 0.4), (w - 0.4 * (p - 1) * w**2) ** 3, rtol=20 * EPS)


# --- oracle


def test_map_at_every_scale(oracle):
    rng = np.random.default_rng(8)
    with mp.workdps(oracle.DIGITS):
        for depth in (2, 3, 5, 12):
            for width in (0.1, 1.0, 3.0):
                s = gradient_flow_solution(np.exp(width * rng.normal(size=depth)))
                for p in (1e-12, 0.2, 0.999, 1.5):
                    eta = rng.uniform(0.2, 2.8) / (s**-2.0).sum()
                    expected = float(oracle.quasi_static(s, p, eta))
                    # s fixes the line only up to rounding of its largest square against the smallest
                    assert quasi_static_map(s, p, eta) == pytest.approx(expected, rel=1e-13 * depth)


def test_taylor_coefficients_at_high_precision(oracle):
    """Central differences of the brute-force map at 120 digits."""
    h = mp.mpf(10) ** -15
    with mp.workdps(oracle.DIGITS):
        for w, eta in (([1.7, 0.9, 0.4], 0.25), ([1.4, 0.4], 0.3), ([2.0, 1.3, 0.9, 0.8, 0.3], 0.2)):
            # exact product 1: the line of w, whose solution is s
            g = [oracle.quasi_static(w, 1 + k * h, eta) - 1 for k in (-2, -1, 1, 2)]
            linear = (g[0] - 8 * g[1] + 8 * g[2] - g[3]) / (12 * h)
            alpha = (g[1] + g[2]) / (2 * h**2)
            gamma = (g[3] - 2 * g[2] + 2 * g[1] - g[0]) / (12 * h**3)
            form = normal_form(gradient_flow_solution(w), eta)
            for value, expected in ((form.multiplier, linear), (form.alpha, alpha), (form.gamma, gamma)):
                assert value == pytest.approx(float(expected), rel=1e-12)  # differences err by h^2


@pytest.mark.parametrize("w", [[1.7, 0.9, 0.4], [1.4, 0.4], [1.5, 1.1, 0.9, 0.8, 0.6, 0.5]])
def test_two_cycle_of_the_map(w):
    s = gradient_flow_solution(w)
    errors = []
    for excess in (1e-2, 1e-3):
        eta = (2.0 + excess) / (s**-2.0).sum()
        predicted = two_cycle_half_width(s, eta)

        def twice(p, eta=eta):
            return quasi_static_map(s, quasi_static_map(s, p, eta), eta) - p

        upper = brentq(twice, 1.0 + 0.5 * predicted, 1.0 + 2.0 * predicted, xtol=1e-14)
        errors.append(0.5 * (upper - quasi_static_map(s, upper, eta)) / predicted - 1.0)
    assert abs(errors[1]) < 1e-3
    assert errors[0] / errors[1] == pytest.approx(10.0, rel=0.1)  # linear in the excess


# --- properties


@rule
@given(s=solutions, eta=st.floats(0.01, 2.0), p=st.floats(0.01, 3.0))
def test_fixed_point_and_order(s, eta, p):
    eta = eta / (s**-2.0).sum()
    assert quasi_static_map(s, 1.0, eta) == pytest.approx(1.0, rel=100 * EPS)
    value = quasi_static_map(s, p, eta)
    assert (value - p) * (1.0 - p) >= -100 * EPS  # every step starts towards product 1
    assert quasi_static_map(-s[::-1] if len(s) % 2 == 0 else s[::-1], p, eta) == pytest.approx(value, rel=1e-12)


@rule
@given(s=solutions)
def test_kappa_lies_between_newton_s_bounds(s):
    form = normal_form(s, 2.0 / (s**-2.0).sum())
    share = s**-2.0 / (s**-2.0).sum()
    second = symmetric_sums(share[None])[0][0]
    assert 80 / 3 * second**2 * (1 - 100 * EPS) <= form.kappa <= 32 * second**2 * (1 + 100 * EPS)


def test_broadcasting():
    s = gradient_flow_solution(np.random.default_rng(0).normal(size=(3, 1, 4)))
    eta = np.array([0.1, 0.2])
    assert quasi_static_map(s, 0.4, eta).shape == (3, 2)
    assert normal_form(s, eta).kappa.shape == two_cycle_half_width(s, eta).shape == (3, 2)
    assert isinstance(quasi_static_map(s[0, 0], 0.4, 0.1), float)
    assert isinstance(normal_form(s[0, 0], 0.1).alpha, float)
    assert two_cycle_half_width([2.0, 0.5], 0.4) == 0.0  # below the edge
    assert two_cycle_half_width([1e100, 1e-100], 1.0) == np.inf  # kappa = 32/phi^4 underflows


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2.0, 0.6], 0.4, 0.1), r"solution must have product 1, got product 1\.2"),
        (([[2.0, 0.5], [2.0, -0.5]], 0.4, 0.1), r"solution must have product 1, got product -1 at solution\[1\]"),
        (([0.0, 3.0], 0.4, 0.1), r"solution must have product 1, got product 0"),
        (([1.0], 0.4, 0.1), r"solution must have shape \(\.\.\., depth\) with depth >= 2"),
        (([2.0, 0.5], -0.4, 0.1), r"product must be >= 0 and <= 1e\+150, got product=-0\.4"),
        (([2.0, 0.5], 0.4, 0.0), r"step_size must be > 0"),
        (([2.0, np.nan], 0.4, 0.1), r"solution\[1\]=nan"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        quasi_static_map(*arguments)


def test_bad_steps():
    with pytest.raises(ValueError, match=r"step_size must keep step_size \* phi <= 1e\+70, got step_size=1e\+80"):
        normal_form([2.0, 0.5], 1e80)
    with pytest.raises(ValueError, match=r"step_size must be <= 1e\+150, got step_size=1e\+160"):
        two_cycle_half_width([2.0, 0.5], 1e160)


@pytest.mark.parametrize("function", [normal_form, two_cycle_half_width])
def test_bad_solutions(function):
    with pytest.raises(ValueError, match=r"solution must have product 1, got product 1\.2"):
        function([2.0, 0.6], 0.1)
