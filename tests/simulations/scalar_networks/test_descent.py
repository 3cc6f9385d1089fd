"""Gradient descent of many scalar networks: the literal recursion, zero weights, escapes, records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulations.scalar_networks import descent
from simulations.scalar_networks.descent import gradient_descent, hessian, loss, sharpness

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def literal_orbit(weights: list[float], eta: float, steps: int) -> Array:
    """The recursion as written down, weight by weight."""
    path = [list(weights)]
    for _ in range(steps):
        old = path[-1]
        residual = math.prod(old) - 1
        path.append([w - eta * residual * math.prod(old[:i] + old[i + 1 :]) for i, w in enumerate(old)])
    return np.array(path)


def near_minima(count: int, depth: int, edge: float) -> tuple[Array, Array]:
    """Points with product 1.1 and the step sizes that put their minima at `edge`, about."""
    weights = np.exp(0.4 * rng(depth).standard_normal((count, depth)))
    weights *= (1.1 / np.prod(weights, axis=1, keepdims=True)) ** (1 / depth)
    return weights, edge / np.sum(weights**-2.0, axis=1)


# --- identities and limits


def test_a_minimum_stays_and_zero_steps_do_nothing() -> None:
    weights = np.array([[2.0, 0.5], [-4.0, -0.25]])
    run = gradient_descent(weights, 0.3, 50, record=("weights", "loss"))
    np.testing.assert_array_equal(run.records["weights"], np.broadcast_to(weights[:, None], (2, 51, 2)))
    np.testing.assert_array_equal(run.records["loss"], 0.0)
    start = rng().standard_normal((3, 5))
    np.testing.assert_array_equal(gradient_descent(start, 0.7, 0).weights, start)


@pytest.mark.parametrize("depth", [2, 3, 7])
def test_two_zero_weights_are_a_saddle_and_one_is_left_at_once(depth: int) -> None:
    point = np.full(depth, 1.3)
    point[0] = 0.0
    moved = gradient_descent(point, 0.2, 1).weights
    assert moved[0] == pytest.approx(0.2 * 1.3 ** (depth - 1), rel=4 * EPS * depth)  # w = eta * product of the others
    np.testing.assert_array_equal(moved[1:], 1.3)
    point[1] = 0.0
    np.testing.assert_array_equal(gradient_descent(point, 0.2, 9).weights, point if depth > 2 else [0.0, 0.0])


def test_balances_at_depth_three_follow_their_recursion() -> None:
    weights, eta = np.array([1.4, 0.9, 0.7]), 0.23
    product = np.prod(weights)
    a = eta * (product - 1) * product
    old, new = weights**2, gradient_descent(weights, eta, 1).weights ** 2
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected = (old[i] - old[j]) * (1 - a**2 / (old[i] * old[j]))
        assert new[i] - new[j] == pytest.approx(expected, abs=8 * EPS)


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_sharpness_of_a_minimum_is_the_sum_of_inverse_squares(depth: int) -> None:
    weights = np.exp(rng(3).standard_normal((50, depth)))
    weights[:, -1] = 1 / np.prod(weights[:, :-1], axis=1)
    # the Hessian has entries of the size of its top eigenvalue, each a product of depth factors
    np.testing.assert_allclose(sharpness(weights), np.sum(weights**-2, axis=1), rtol=50 * depth * EPS)


# --- oracle


@pytest.mark.parametrize("depth", [2, 3, 4, 5, 16, 70])
@pytest.mark.parametrize("edge", [0.7, 2.2])
def test_orbits_are_the_literal_recursion(depth: int, edge: float) -> None:
    weights, eta = near_minima(150, depth, edge)  # two full blocks and a part
    weights[5] *= -1
    weights[6, 0] = 0.0
    weights[7, :2] = 0.0
    weights[8, 1] = 1e-300
    weights[9] *= 1e-3
    eta[5:10] = 0.05 / depth
    steps = 30
    run = gradient_descent(weights, eta, steps, record=("weights",))
    expected = np.array([literal_orbit(w.tolist(), e, steps) for w, e in zip(weights, eta, strict=True)])
    assert not np.any(run.escaped)
    # each step rounds depth products; an orbit at edge 2.2 multiplies errors by at most 1.3 a step near its minimum
    np.testing.assert_allclose(run.records["weights"], expected, rtol=1e-9 * depth, atol=1e-11)
    np.testing.assert_allclose(run.records["weights"][:, 1], expected[:, 1], rtol=4 * depth * EPS, atol=depth * EPS)
    np.testing.assert_array_equal(run.records["weights"][:, -1], run.weights)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_hessian_is_the_difference_of_gradients(depth: int) -> None:
    point = rng(depth).standard_normal(depth)
    point[0] = 0.0

    def gradient(w: Array) -> Array:
        return -(gradient_descent(w, 1.0, 1).weights - w)

    numeric = np.empty((depth, depth))
    for j in range(depth):
        shift = 1e-5 * (np.arange(depth) == j)
        numeric[:, j] = (gradient(point + shift) - gradient(point - shift)) / 2e-5
    np.testing.assert_allclose(hessian(point), numeric, atol=1e-8)  # h^2 = 1e-10 and rounding 1e-16 / 1e-5
    assert sharpness(point) == pytest.approx(np.linalg.eigvalsh(numeric)[-1], abs=1e-8)


def test_records_are_the_quantities_at_the_recorded_times() -> None:
    weights, eta = near_minima(70, 4, 1.7)
    run = gradient_descent(weights, eta, 23, record=("loss", "product", "sharpness", "weights"), skip=2, every=5)
    assert run.times.tolist() == [2, 7, 12, 17, 22]
    points = run.records["weights"]
    for k, t in enumerate(run.times):
        np.testing.assert_array_equal(points[:, k], gradient_descent(weights, eta, int(t)).weights)
    np.testing.assert_array_equal(run.records["product"], np.prod(points, axis=-1))
    np.testing.assert_array_equal(run.records["loss"], loss(points))
    np.testing.assert_allclose(run.records["sharpness"], sharpness(points), rtol=1e-13)


@pytest.mark.parametrize("depth", [2, 3, 9])
def test_escape_is_the_first_step_beyond_the_bound(depth: int) -> None:
    weights = rng(depth).uniform(0.5, 2.5, (200, depth))
    run = gradient_descent(weights, 0.9, 12, record=("weights",), bound=1e3)
    assert 20 < np.count_nonzero(run.escaped) < 200
    for k, start in enumerate(weights):
        path = literal_orbit(start.tolist(), 0.9, 5)
        beyond = np.flatnonzero(np.max(np.abs(path), axis=1) > 1e3)
        if beyond.size:
            assert run.escape_time[k] == beyond[0]
            np.testing.assert_allclose(run.weights[k], path[beyond[0] - 1], rtol=1e-10)
            np.testing.assert_array_equal(
                run.records["weights"][k, beyond[0] :], np.broadcast_to(run.weights[k], (13 - beyond[0], depth))
            )


# --- properties


def test_orbits_do_not_depend_on_their_block() -> None:
    weights, eta = near_minima(200, 3, 2.9)
    weights[::7] *= 3.0  # some escape, which must not disturb their neighbours
    weights[::11, 0] = 0.0
    together = gradient_descent(weights, eta, 300, tolerance=1e-12)
    alone = [gradient_descent(w, e, 300, tolerance=1e-12) for w, e in zip(weights, eta, strict=True)]
    np.testing.assert_array_equal(together.weights, [run.weights for run in alone])
    np.testing.assert_array_equal(together.escape_time, [run.escape_time for run in alone])
    np.testing.assert_array_equal(together.settle_time, [run.settle_time for run in alone])


@pytest.mark.parametrize("depth", [2, 4, 64, 150])
def test_diverging_orbits_are_flagged_and_finite(depth: int) -> None:
    weights = 10.0 ** rng(depth).uniform(-2, 8, (300, depth))
    weights[::3, 0] = 0.0  # products overflow to infinity and meet zeros
    run = gradient_descent(weights, 1.5, 200, record=("weights",))
    assert np.all(np.isfinite(run.weights))
    assert np.all(np.isfinite(run.records["weights"]))
    assert np.all(np.abs(run.weights) <= descent.BOUND)
    assert np.all(run.escaped | (np.max(np.abs(run.weights), axis=1) < 1e3))
    values = gradient_descent(weights[:20], 1.5, 3, record=("loss", "product", "sharpness"), every=3).records
    assert not any(np.any(np.isnan(value)) for value in values.values())


def test_an_escape_is_seen_where_the_product_underflows() -> None:
    """1e-300 * 1e-30 is zero, yet the first weight is pushed by 0.5 * 1e-30 * 1e48."""
    start = [1e-300, 1e-30, *[1e8] * 6]
    run = gradient_descent(start, 0.5, 1)
    assert run.escape_time == 1
    np.testing.assert_array_equal(run.weights, start)


def test_a_zero_weight_makes_the_product_zero_whatever_the_others() -> None:
    assert loss([1e200, 1e200, 0.0]) == 0.5
    assert loss([1e-200, 1e-200, 1e300, 1e100]) == 0.0  # no partial product underflows
    assert loss(np.ones(3000)) == 0.0
    run = gradient_descent([[1e8] * 60 + [0.0]], 0.1, 2, record=("product", "loss"))
    np.testing.assert_array_equal(run.records["product"], 0.0)
    np.testing.assert_array_equal(run.records["loss"], 0.5)


def test_steps_that_are_not_recorded_take_no_memory() -> None:
    run = gradient_descent([2.0, 0.5], 0.1, 10**14, tolerance=1e-9)
    assert run.settle_time == 0
    assert run.times.size == 0


def test_settled_orbits_are_at_attracting_minima() -> None:
    weights, eta = near_minima(500, 3, 1.9)
    run = gradient_descent(weights, eta, 5000, tolerance=1e-11)
    settled = run.settle_time >= 0
    assert np.count_nonzero(settled) > 400
    assert np.all(run.settle_time[settled] % 16 == 0)
    assert np.all(np.abs(np.prod(run.weights[settled], axis=1) - 1) <= 1e-11)
    longer = gradient_descent(weights, eta, 5000).weights
    np.testing.assert_allclose(run.weights[settled], longer[settled], atol=1e-8)  # the tail is 1e-11 / (1 - rate)


def test_no_orbit_settles_at_a_repelling_minimum() -> None:
    minimum = [2.0, 0.5, 1.0]  # sharpness 5.25
    assert gradient_descent(minimum, 1.99 / 5.25, 40, tolerance=1e-9).settle_time == 0
    assert gradient_descent(minimum, 2.01 / 5.25, 40, tolerance=1e-9).settle_time == -1


def test_overflow_is_infinite() -> None:
    assert loss([1e200, 1e200]) == np.inf
    assert sharpness([1e200, 1e200]) == np.inf
    assert not np.all(np.isfinite(hessian([1e200, 1e200])))


def test_shapes_broadcast() -> None:
    run = gradient_descent(np.full((4, 1, 3), 1.1), [0.1, 0.2], 6, record=("product",), every=3)
    assert run.weights.shape == (4, 2, 3)
    assert run.escape_time.shape == (4, 2)
    assert run.records["product"].shape == (4, 2, 3)
    assert np.unique(run.weights[:, 0]).size == 1
    single = gradient_descent([1.1, 1.1, 1.1], 0.2, 6)
    np.testing.assert_array_equal(single.weights, run.weights[0, 1])
    assert single.escape_time.shape == ()
    assert single.times.size == 0


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1.0]}, r"weights must have shape \(\.\.\., depth\) with depth >= 2, got shape \(1,\)"),
        ({"weights": 3.0}, r"weights must have shape \(\.\.\., depth\) with depth >= 2, got shape \(\)"),
        ({"weights": np.empty((0, 3))}, r"weights must have shape .*got shape \(0, 3\)"),
        ({"weights": [1.0, math.nan]}, r"weights must be a number, got weights\[1\]=nan"),
        ({"weights": [1.0, math.inf]}, r"weights must be finite, got weights\[1\]=inf"),
        ({"weights": [1.0, 1j]}, r"weights must be a real number or an array"),
        ({"weights": "ab"}, r"weights must be a real number or an array"),
        ({"weights": [1.0, 1e9]}, r"weights must be at most bound=1e\+08 in magnitude, got 1e\+09"),
        ({"step_size": 0.0}, r"step_size must be > 0, got step_size=0\.0"),
        ({"step_size": -0.1}, r"step_size must be > 0, got step_size=-0\.1"),
        ({"step_size": math.inf}, r"step_size must be > 0 and finite"),
        ({"step_size": [0.1, 0.2, 0.3], "weights": np.ones((2, 2))}, r"weights and step_size must broadcast"),
        ({"steps": -1}, r"steps must be >= 0, got steps=-1"),
        ({"steps": 1e300}, r"steps must be <= 1e\+15, got steps=1e\+300"),
        ({"step_size": []}, r"step_size must not be empty, got shape \(0,\)"),
        ({"record": None}, r"record must be distinct names out of .*got record=\(None,\)"),
        ({"steps": 1.5}, r"steps must be an integer, got steps=1\.5"),
        ({"record": ("loss", "speed")}, r"record must be distinct names out of weights, product, loss, sharpness"),
        ({"record": ("loss", "loss")}, r"record must be distinct names"),
        ({"every": 0}, r"every must be >= 1, got every=0"),
        ({"skip": 4}, r"skip must be <= steps, got skip=4 and steps=3"),
        ({"bound": 0.0}, r"bound must be > 0, got bound=0\.0"),
        ({"tolerance": -1e-9}, r"tolerance must be >= 0"),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gradient_descent(**({"weights": [1.5, 2.0], "step_size": 0.1, "steps": 3} | change))


@pytest.mark.parametrize("function", [loss, hessian, sharpness])
def test_bad_points(function: Any) -> None:
    with pytest.raises(ValueError, match=r"depth >= 2"):
        function([2.0])
    with pytest.raises(ValueError, match=r"weights must be finite"):
        function([2.0, math.inf])
