"""Squared regression: the literal recursion, the flow by two routes, the Hessian by differences, the counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulations.scalar_networks.regression import (
    regression_descent,
    regression_flow,
    regression_flow_by_integration,
    regression_hessian,
    regression_rises,
)

Array = NDArray[np.float64]


def task(samples: int, features: int, seed: int = 1, scale: float = 0.7) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((samples, features)), 1.3 * rng.standard_normal(samples)
    return x, y, scale * rng.standard_normal((2, features))


# --- identities and limits


def test_a_fitted_point_stays_and_is_its_own_limit() -> None:
    x, _, w = task(4, 9)
    y = x @ (w[0] ** 2 - w[1] ** 2)
    run = regression_descent(x, y, w, 0.05, 20, record=("loss", "flow_sharpness", "sharpness"))
    np.testing.assert_allclose(run.weights, w, rtol=1e-13)
    np.testing.assert_allclose(run.records["loss"], 0, atol=1e-28)
    np.testing.assert_allclose(run.records["flow_sharpness"], run.records["sharpness"], rtol=1e-12)
    np.testing.assert_allclose(regression_flow(x, y, w), w, rtol=1e-13)


def test_products_contract_along_descent_and_stay_along_the_flow() -> None:
    x, y, w = task(4, 9)
    gradient = 2 / 4 * x.T @ (x @ (w[0] ** 2 - w[1] ** 2) - y)
    moved = regression_descent(x, y, w, 0.03, 1).weights
    np.testing.assert_allclose(moved[0] * moved[1], w[0] * w[1] * (1 - (0.03 * gradient) ** 2), rtol=1e-13)
    limit = regression_flow(x, y, w)
    np.testing.assert_allclose(limit[0] * limit[1], w[0] * w[1], rtol=1e-13)
    np.testing.assert_allclose(x @ (limit[0] ** 2 - limit[1] ** 2), y, atol=1e-12)


def test_one_feature_is_the_scalar_network_of_depth_two() -> None:
    """u^2 - v^2 = (u + v)(u - v): the flow keeps u v, the limit has u^2 - v^2 = y."""
    u, v = regression_flow([[2.0]], [3.0], [[1.1], [0.4]])[:, 0]
    assert u * v == pytest.approx(0.44, rel=1e-14)
    assert 2 * (u**2 - v**2) == pytest.approx(3.0, rel=1e-14)


# --- oracle


@pytest.mark.parametrize(("samples", "features", "scale"), [(1, 2, 0.7), (3, 8, 0.1), (5, 20, 0.7), (5, 20, 3.0)])
def test_newton_meets_the_integrated_flow(samples: int, features: int, scale: float) -> None:
    x, y, w = task(samples, features, samples, scale)
    # the integration's tolerance, 1e-11 a step over some hundred steps
    np.testing.assert_allclose(
        regression_flow(x, y, w), regression_flow_by_integration(x, y, w), rtol=1e-8, atol=1e-10 * scale
    )


def test_orbit_is_the_literal_recursion() -> None:
    x, y, w = task(3, 6)
    run = regression_descent(x, y, w, 0.04, 25, record=("weights", "loss"), every=5)
    u, v = w.copy()
    for t in range(26):
        residual = [sum(x[k, i] * (u[i] ** 2 - v[i] ** 2) for i in range(6)) - y[k] for k in range(3)]
        if t % 5 == 0:
            np.testing.assert_allclose(run.records["weights"][t // 5], [u, v], rtol=1e-12)
            assert run.records["loss"][t // 5] == pytest.approx(sum(r * r for r in residual) / 6, rel=1e-11, abs=1e-25)
        slope = [2 / 3 * sum(x[k, i] * residual[k] for k in range(3)) for i in range(6)]
        u = np.array([u[i] - 0.04 * slope[i] * u[i] for i in range(6)])
        v = np.array([v[i] + 0.04 * slope[i] * v[i] for i in range(6)])


def test_hessian_is_the_difference_of_gradients() -> None:
    x, y, w = task(3, 5)

    def gradient(point: Array) -> Array:
        return (point - regression_descent(x, y, point.reshape(2, 5), 1.0, 1).weights.ravel()).ravel()

    shifts = 1e-5 * np.eye(10)
    numeric = np.array([gradient(w.ravel() + s) - gradient(w.ravel() - s) for s in shifts]) / 2e-5
    np.testing.assert_allclose(regression_hessian(x, y, w), numeric, atol=1e-8)  # rounding 1e-15 / 1e-5, h^2 = 1e-10
    record = regression_descent(x, y, w, 0.1, 0, record=("sharpness", "flow_sharpness")).records
    assert record["sharpness"][0] == pytest.approx(np.linalg.eigvalsh(numeric)[-1], abs=1e-7)
    limit = regression_hessian(x, y, regression_flow(x, y, w))
    assert record["flow_sharpness"][0] == pytest.approx(np.linalg.eigvalsh(limit)[-1], rel=1e-10)


# --- properties


def test_flow_of_many_points_is_the_flow_of_each() -> None:
    x, y, _ = task(4, 9)
    points = 10.0 ** np.random.default_rng(3).uniform(-2, 1, (6, 2, 2, 9))
    many = regression_flow(x, y, points)
    for index in np.ndindex(6, 2):
        np.testing.assert_allclose(many[index], regression_flow(x, y, points[index]), rtol=1e-9)


def test_counts_near_a_minimum_and_from_a_small_start() -> None:
    """Near minima of weights of order one nothing rises up to 2.4; from small weights it does, even at edge 1."""
    setting = {"samples": 5, "features": 20, "steps": 200}
    rng = np.random.default_rng
    for edge in (1.0, 2.1, 2.4):
        counts = regression_rises(rng(1), 8, edge=edge, perturbation=0.01, **setting)
        assert counts.shape == (8, 4)
        assert np.all(counts[:, :2] <= [0, 1e-9])
        assert np.all(counts[:, 3] <= edge)
        assert np.all((counts[:, 2] > 0) == (edge > 2))
    assert np.sum(regression_rises(rng(1), 30, edge=1.0, weight_scale=0.2, **setting)[:, 0]) > 0
    again = [regression_rises(rng(2), 3, edge=2.0, **setting) for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_a_diverging_orbit_ends() -> None:
    x, y, w = task(3, 6)
    run = regression_descent(x, y, 5 * w, 1.0, 50, record=("loss", "weights"))
    assert 0 < run.escape_time < 50
    assert run.times.tolist() == list(range(run.escape_time))
    assert np.all(np.isfinite(run.records["loss"]))
    assert np.all(np.isfinite(run.weights))


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": [1.0]}, r"inputs and targets must have the same number of samples, got 2 and 1"),
        ({"inputs": [1.0]}, r"inputs must have shape \(samples, features\)"),
        ({"weights": np.ones((2, 4))}, r"weights must have shape \(2, features\) with features=3, got shape \(2, 4\)"),
        ({"weights": np.ones((5, 2, 3))}, r"weights must have shape \(2, features\)"),
        ({"step_size": 0.0}, r"step_size must be > 0"),
        ({"steps": -1}, r"steps must be >= 0"),
        ({"record": ("speed",)}, r"record must be distinct names out of loss, sharpness"),
        ({"targets": [1.0, np.nan]}, r"targets must be a number, got targets\[1\]=nan"),
    ],
)
def test_bad_tasks(change: dict[str, Any], message: str) -> None:
    good = {"inputs": np.ones((2, 3)), "targets": [1.0, 2.0], "weights": np.ones((2, 3)), "step_size": 0.1, "steps": 2}
    with pytest.raises(ValueError, match=message):
        regression_descent(**(good | change))


def test_bad_flows_and_measures() -> None:
    with pytest.raises(ArithmeticError, match=r"finds no interpolating limit"):
        regression_flow(np.ones((2, 3)), [1.0, 2.0], np.ones((2, 3)))
    with pytest.raises(ArithmeticError, match=r"finds no interpolating limit"):
        regression_flow([[1.0]], [3.0], [[0.0], [1.0]])
    with pytest.raises(ValueError, match=r"samples must be < features, got samples=5 and features=5"):
        regression_rises(np.random.default_rng(), 1, samples=5, features=5, edge=1.0, steps=3)
    with pytest.raises(ValueError, match=r"edge must be > 0"):
        regression_rises(np.random.default_rng(), 1, samples=2, features=5, edge=0.0, steps=3)
