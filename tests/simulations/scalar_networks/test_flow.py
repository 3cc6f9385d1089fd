"""Gradient flow by two routes, and quasi-static descent against its definition."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.optimize import brentq

from simulations.scalar_networks.descent import gradient_descent
from simulations.scalar_networks.flow import flow_to_product, gradient_flow, quasi_static_descent


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


def test_equal_weights_go_to_one_and_minima_stay() -> None:
    np.testing.assert_allclose(flow_to_product(np.full((2, 5), 0.3)), 1.0, rtol=1e-15)
    np.testing.assert_allclose(flow_to_product([1.7, 1.7, 1.7], 8.0), 2.0, rtol=1e-15)
    np.testing.assert_allclose(flow_to_product([-4.0, -0.5, 0.5]), [-4.0, -0.5, 0.5], rtol=1e-15)
    np.testing.assert_array_equal(gradient_flow([4.0, 0.5, 0.5]), [4.0, 0.5, 0.5])


def test_saddles_end_the_flow() -> None:
    np.testing.assert_array_equal(gradient_flow([0.0, 3.0, 0.0]), [0.0, 3.0, 0.0])
    np.testing.assert_allclose(gradient_flow([1.0, -1.0]), 0.0, atol=1e-11)  # stops at speed 1e-12


def test_a_negative_product_flips_the_smallest_weight() -> None:
    limit = gradient_flow([2.0, -0.5, 1.5])
    assert np.all(np.sign(limit) == 1)
    np.testing.assert_allclose(limit, flow_to_product([2.0, 0.5, 1.5]), rtol=1e-10)


# --- oracle


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_both_routes_meet(depth: int) -> None:
    weights = np.exp(0.7 * rng(depth).standard_normal((12, depth)))
    weights[::2, :2] *= -1
    # the integration's own tolerance: 1e-13 a step, some hundred steps
    np.testing.assert_allclose(gradient_flow(weights), flow_to_product(weights), rtol=1e-10)


@pytest.mark.parametrize("depth", [2, 3, 4, 9, 40])
def test_points_of_a_flow_line_at_40_digits(depth: int) -> None:
    weights = 10.0 ** rng(depth).uniform(-2, 2, (20, depth))
    weights[::3, 1:] = weights[::3, :1] * (1 + 1e-9 * rng().random((7, depth - 1)))
    products = 10.0 ** rng(7).uniform(-6, 3, 20)
    found = flow_to_product(weights, products)
    with mpmath.workdps(40):
        for point, start, product in zip(found, weights, products, strict=True):
            squares = [mpmath.mpf(float(w)) ** 2 for w in start]
            excess = [u - min(squares) for u in squares]

            def gap(y: Any, excess: list[Any] = excess, product: float = product) -> Any:
                return mpmath.fsum(mpmath.log(mpmath.exp(y) + b) for b in excess) - 2 * mpmath.log(float(product))

            y = mpmath.findroot(gap, 2 * mpmath.log(float(np.min(point))))
            exact = [float(mpmath.sqrt(mpmath.exp(y) + b)) for b in excess]
            # the condition number of log z is at most depth; its rounding is 1e-14 of its own size, up to 400
            np.testing.assert_allclose(point, exact, rtol=1e-12 * depth)


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_quasi_static_descent_by_root_bracketing(depth: int) -> None:
    weights = flow_to_product(np.exp(0.5 * rng(depth).standard_normal((5, depth))), 1.2)
    eta = 2.05 / np.sum(flow_to_product(weights) ** -2.0, axis=1)
    run = quasi_static_descent(weights, eta, 8)
    for k, start in enumerate(weights):
        excess, product = start**2 - np.min(start**2), float(np.prod(start))
        for t in range(9):
            assert run.products[k, t] == pytest.approx(product, rel=1e-9)  # brentq to 1e-14, a few steps
            log_least = brentq(
                lambda y, e=excess, p=product: float(np.sum(np.log(np.exp(y) + e)) - 2 * np.log(p)), -60, 20, xtol=1e-14
            )
            force = eta[k] * (product - 1) * product
            product *= float(np.prod(1 - force / (np.exp(log_least) + excess)))


# --- properties


def test_the_first_quasi_static_step_is_gradient_descents() -> None:
    weights = np.exp(rng(3).standard_normal((40, 4)))
    eta = 0.05 * np.min(weights, axis=1) ** 2
    after = np.prod(gradient_descent(weights, eta, 1).weights, axis=1)
    run = quasi_static_descent(weights, eta, 1)
    stayed = run.escape_time < 0
    assert np.count_nonzero(stayed) > 20
    np.testing.assert_allclose(run.products[stayed, 1], after[stayed], rtol=1e-12)


def test_just_above_the_edge_two_products_alternate() -> None:
    run = quasi_static_descent([2.0, 0.55], 2.02 / 4.25, 20_000, skip=19_996)
    low, high = np.sort(run.products[-2:])
    assert low < 1 < high
    np.testing.assert_allclose(run.products[:-2], run.products[2:], rtol=1e-12)


def test_products_that_leave_are_flagged_and_repeated() -> None:
    run = quasi_static_descent([[3.0, 2.0], [1.0, 1.0]], 0.25, 6)
    assert run.escape_time.tolist() == [1, -1]
    np.testing.assert_array_equal(run.products, [[6.0] * 7, [1.0] * 7])
    assert quasi_static_descent([3.0, 2.0], [0.1, 0.2], 6, skip=2, every=2).products.shape == (2, 3)


# --- bad input


def test_bad_points() -> None:
    for function in (flow_to_product, lambda w: quasi_static_descent(w, 0.1, 3)):
        with pytest.raises(ValueError, match=r"weights must have a positive product"):
            function([1.0, -2.0])
        with pytest.raises(ValueError, match=r"weights must have a positive product"):
            function([1.0, 0.0])
    for function in (flow_to_product, gradient_flow):
        with pytest.raises(ValueError, match=r"depth >= 2, got shape \(1,\)"):
            function([1.0])
    with pytest.raises(ValueError, match=r"product must be > 0, got product=0\.0"):
        flow_to_product([1.0, 2.0], 0.0)
    with pytest.raises(ValueError, match=r"steps must be >= 0"):
        quasi_static_descent([1.0, 2.0], 0.1, -1)
    with pytest.raises(ValueError, match=r"tolerance must be > 0"):
        gradient_flow([1.0, 2.0], tolerance=0.0)


def test_what_float64_cannot_hold_says_so() -> None:
    weights = np.full(100, 1e6)
    weights[0] = 1.0
    with pytest.raises(ArithmeticError, match=r"gradient flow from \[1e\+200, 1\.0\] has speed inf after time 0"):
        gradient_flow([1e200, 1.0])
    with pytest.raises(ArithmeticError, match=r"the smallest square on the flow line, or the largest"):
        flow_to_product([1e160, 1e-160])
    with pytest.raises(ArithmeticError, match=r"the smallest square on the flow line, or the largest"):
        flow_to_product(weights)
    with pytest.raises(ValueError, match=r"positive product of at most 1e8, got product inf"):
        quasi_static_descent([1e200, 1e200], 0.1, 3)


def test_a_flow_that_does_not_arrive_says_so() -> None:
    with pytest.raises(ArithmeticError, match=r"speed .* after time 0\.01 .*raise longest"):
        gradient_flow([1.0, 2.0], longest=0.01)
