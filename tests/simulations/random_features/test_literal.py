"""The literal experiment: small cases by hand, its parts against definitions, its law against exact moments."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from simulations.random_features.literal import (
    draw_labelled,
    feature_map,
    literal_errors,
    literal_weights,
    ridge_predictions,
)
from simulations.random_features.task import gaussian_task, power_law_task

# --- identities and limits


def test_feature_map_has_the_kernel_of_the_paper() -> None:
    rng = np.random.default_rng(1)
    spectrum, projection, inputs = np.array([2.0, 0.7, 0.1]), rng.standard_normal((4, 3)), rng.standard_normal((5, 3))
    features = inputs @ feature_map(projection, spectrum)
    by_definition = np.array([projection @ (np.sqrt(spectrum) * x) / 2.0 for x in inputs])
    np.testing.assert_allclose(features, by_definition, rtol=1e-13)
    kernel = inputs @ feature_map(None, spectrum) @ feature_map(None, spectrum).T @ inputs.T
    np.testing.assert_allclose(kernel, inputs @ np.diag(spectrum) @ inputs.T, rtol=1e-13)


def test_random_kernel_has_the_kernel_as_mean(means_agree: Callable[..., None]) -> None:
    rng, spectrum = np.random.default_rng(2), np.array([2.0, 0.7, 0.1])
    maps = np.array([feature_map(rng.standard_normal((5, 3)), spectrum) for _ in range(4000)])
    products = maps @ maps.swapaxes(1, 2)
    means_agree(products[:, [0, 1, 2, 0], [0, 1, 2, 1]], [2.0, 0.7, 0.1, 0.0])


def test_predictions_solve_the_penalised_least_squares() -> None:
    rng = np.random.default_rng(3)
    features, labels, others = rng.standard_normal((6, 3)), rng.standard_normal(6), rng.standard_normal((2, 3))
    primal = np.linalg.solve(features.T @ features + 0.4 * np.eye(3), features.T @ labels)
    np.testing.assert_allclose(ridge_predictions(features, labels, others, 0.4), others @ primal, rtol=1e-12)
    least = np.linalg.pinv(features) @ labels
    np.testing.assert_allclose(ridge_predictions(features, labels, others, 0.0), others @ least, rtol=1e-12)
    near = ridge_predictions(features.T, labels[:3], others @ features.T, 1e-9)
    limit = ridge_predictions(features.T, labels[:3], others @ features.T, 0.0)
    np.testing.assert_allclose(near, limit, rtol=1e-7)  # ridge over the smallest eigenvalue, about 1


def test_weights_predict() -> None:
    rng = np.random.default_rng(4)
    inputs, labels, mapping = rng.standard_normal((4, 6)), rng.standard_normal(4), rng.standard_normal((6, 3))
    points = rng.standard_normal((2, 6))
    weights = literal_weights(inputs, labels, mapping, 0.2)
    expected = ridge_predictions(inputs @ mapping, labels, points @ mapping, 0.2)
    np.testing.assert_allclose(points @ weights, expected, rtol=1e-12)


@pytest.mark.parametrize("k", [3, 7, math.inf])
def test_a_trial_recomputed_from_the_same_numbers(k: float) -> None:
    """Inputs, noise, test inputs, test noise, projection, in this order; then the definitions, kernel and all."""
    setting = {"n": 4, "ridges": (0.2, 1.7), "alpha": 0.6, "beta": 0.4, "modes": 5, "noise_variance": 0.3}
    errors = literal_errors(np.random.default_rng(9), 1, k=k, target_scale=1.7, test_points=6, **setting)[0]
    rng, index = np.random.default_rng(9), np.arange(1, 6)
    inputs, noise, others, test_noise = (rng.standard_normal(shape) for shape in ((4, 5), 4, (6, 5), 6))
    root, target = index**-0.3, math.sqrt(1.7) * index**-0.2
    projection = math.sqrt(5) * np.eye(5) if math.isinf(k) else rng.standard_normal((int(k), 5))
    train, test = (x @ np.diag(root) @ projection.T / math.sqrt(len(projection)) for x in (inputs, others))
    labels, test_labels = inputs @ target + math.sqrt(0.3) * noise, others @ target + math.sqrt(0.3) * test_noise
    for row, ridge in zip(errors, (0.2, 1.7), strict=True):
        dual = np.linalg.inv(train @ train.T + ridge * np.eye(4)) @ labels
        expected = [np.mean((y - x @ train.T @ dual) ** 2) for x, y in ((test, test_labels), (train, labels))]
        np.testing.assert_allclose(row, expected, rtol=1e-10)  # condition below 1e3 times eps, squared residuals


# --- oracle


def test_labels(means_agree: Callable[..., None]) -> None:
    task = gaussian_task([1.0, 0.2], [0.9, 0.4], 0.3)
    inputs, labels = draw_labelled(np.random.default_rng(5), 40_000, task)
    means_agree((labels - inputs @ task.target) ** 2, 0.3)
    means_agree(labels**2, 1.6)
    means_agree(inputs**2, [1.0, 1.0])
    means_agree(labels * inputs[:, 0], math.sqrt(0.9))


@pytest.mark.parametrize("k", [3, 9, math.inf])
def test_ridgeless_least_squares_exact(k: float, means_agree: Callable[..., None]) -> None:
    """With k >= modes the fit is least squares in 3 modes: noise (n - 1)/(n - 4), train noise (n - 3)/n."""
    setting = {"n": 15, "ridges": (0.0,), "alpha": 0.6, "beta": 0.4, "modes": 3, "noise_variance": 0.3}
    errors = literal_errors(np.random.default_rng(6), 4000, k=k, test_points=20, **setting)[:, 0]
    means_agree(errors, [0.3 * 14 / 11, 0.3 * 12 / 15])


def test_huge_ridge_predicts_zero(means_agree: Callable[..., None]) -> None:
    setting = {"n": 4, "k": 5, "ridges": (1e12,), "alpha": 0.6, "beta": 0.4, "modes": 3, "noise_variance": 0.3}
    errors = literal_errors(np.random.default_rng(7), 4000, target_scale=1.7, test_points=5, **setting)[:, 0]
    means_agree(errors, np.full(2, power_law_task(0.6, 0.4, 3, 0.3, 1.7).power + 0.3))


# --- properties


def test_deterministic_finite_and_monotone_in_the_ridge() -> None:
    setting = {"n": 6, "k": 4, "ridges": (0.0, 0.1, 3.0), "alpha": 1.5, "beta": 1.5, "modes": 9, "noise_variance": 0.3}
    first, second = (literal_errors(np.random.default_rng(8), 3, test_points=9, **setting) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (3, 3, 2)
    assert np.all(np.isfinite(first))
    assert np.all(np.diff(first[..., 1], axis=1) > 0)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicates": 0}, r"replicates must be an integer >= 1, got replicates=0"),
        ({"n": 0}, r"n must be an integer >= 1, got n=0"),
        ({"k": 1.5}, r"k must be an integer >= 1 or inf, got k=1\.5"),
        ({"ridges": (-1.0,)}, r"ridges must be >= 0.*ridges\[0\]=-1\.0"),
        ({"alpha": -1.0}, r"alpha must be >= 0"),
        ({"noise_variance": -1.0}, r"noise_variance must be >= 0"),
        ({"test_points": 0}, r"test_points must be an integer >= 1, got test_points=0"),
    ],
)
def test_bad_settings(change: dict[str, float], message: str) -> None:
    setting = {"replicates": 1, "n": 3, "k": 4, "ridges": (0.1,), "alpha": 1.5, "beta": 1.5, "modes": 5}
    with pytest.raises(ValueError, match=message):
        literal_errors(np.random.default_rng(0), **(setting | {"noise_variance": 0.1} | change))
