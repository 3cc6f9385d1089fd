"""The literal experiment: its fit against the normal equations and against the loss, its law against exact moments."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmarks.aggregate_responses_simulation import vectorised_errors
from simulations.aggregate_responses.bags import bag_losses, bag_means
from simulations.aggregate_responses.literal import draw_direction, fit_aggregates, literal_errors

SIZES = np.array([3, 1, 4, 2, 2])

# --- identities and limits


@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0, 4.0])
def test_fit_solves_the_normal_equations(rho: float) -> None:
    rng = np.random.default_rng(1)
    inputs, labels = rng.standard_normal((12, 3)), rng.standard_normal(12)
    means, centres = bag_means(labels, SIZES), bag_means(inputs, SIZES)
    between = centres.T @ (SIZES[:, None] * centres)
    matrix = (1 - rho) * between + rho * inputs.T @ inputs
    expected = np.linalg.solve(matrix, centres.T @ (SIZES * means))
    np.testing.assert_allclose(fit_aggregates(inputs, means, SIZES, rho), expected, rtol=1e-10)  # condition < 1e3


def test_instance_fit_is_least_squares_on_mean_labels() -> None:
    rng = np.random.default_rng(2)
    inputs, means = rng.standard_normal((12, 3)), rng.standard_normal(5)
    expected = np.linalg.lstsq(inputs, np.repeat(means, SIZES), rcond=None)[0]
    np.testing.assert_allclose(fit_aggregates(inputs, means, SIZES, 1.0), expected, rtol=1e-11)


def test_fewer_samples_than_features_interpolate_whatever_the_weight() -> None:
    rng = np.random.default_rng(3)
    inputs, means = rng.standard_normal((12, 15)), rng.standard_normal(5)
    fits = [fit_aggregates(inputs, means, SIZES, rho) for rho in (1e-3, 1.0, 50.0)]
    np.testing.assert_allclose(inputs @ fits[0], np.repeat(means, SIZES), rtol=1e-8)
    np.testing.assert_allclose(fits[1:], [fits[0]] * 2, rtol=1e-6, atol=1e-9)  # least norm: the same solution
    bag_fit = fit_aggregates(inputs, means, SIZES, 0.0)
    np.testing.assert_allclose(bag_means(inputs, SIZES) @ bag_fit, means, rtol=1e-10)
    assert np.linalg.norm(bag_fit) < np.linalg.norm(fits[0])


# --- oracle


@pytest.mark.parametrize("rho", [0.0, 0.4, 1.0])
def test_fit_minimises_the_interpolating_loss(rho: float) -> None:
    rng = np.random.default_rng(4)
    inputs, labels = rng.standard_normal((12, 3)), rng.standard_normal(12)

    def loss(theta: np.ndarray) -> float:
        bag, instance = bag_losses(labels, inputs @ theta, SIZES)
        return (1 - rho) * bag + rho * instance

    found = minimize(loss, np.zeros(3), tol=1e-12).x
    fit = fit_aggregates(inputs, bag_means(labels, SIZES), SIZES, rho)
    np.testing.assert_allclose(found, fit, atol=2e-6)  # finite-difference gradients leave about 1e-7


def test_a_replicate_recomputed_from_the_same_numbers() -> None:
    """Inputs, direction, noise, in this order; the mean size 2.5 makes bags of 3, 3, 2 and 2."""
    setting = {"n": 10, "d": 3, "bag_size": 2.5, "signal": 1.7, "noise_variance": 0.3}
    error = literal_errors(np.random.default_rng(9), 1, interpolations=(0.6,), **setting)[0, 0]
    rng = np.random.default_rng(9)
    inputs, direction, noise = rng.standard_normal((10, 3)), rng.standard_normal(3), rng.standard_normal(10)
    truth = math.sqrt(1.7) * direction / math.sqrt(direction @ direction)
    labels, first = inputs @ truth + math.sqrt(0.3) * noise, np.zeros((10, 10))
    for start, stop in ((0, 3), (3, 6), (6, 8), (8, 10)):
        first[start:stop, start:stop] = 1 / (stop - start)
    weight = first + 0.6 * (np.eye(10) - first)  # projections on bag means and on what is left
    theta = np.linalg.solve(inputs.T @ weight @ inputs, inputs.T @ first @ labels)
    np.testing.assert_allclose(error, np.sum((theta - truth) ** 2), rtol=1e-10)


@pytest.mark.parametrize(
    ("n", "d", "k", "bias", "variance"),
    [(30, 4, 3, 0.0, 4 / 5), (24, 15, 3, 1 - 8 / 15, 8 / 6), (24, 4, 1, 0.0, 4 / 19)],
)
def test_bag_level_has_known_mean(
    n: int, d: int, k: int, bias: float, variance: float, means_agree: Callable[..., None]
) -> None:
    """d/(m - d - 1) with at least d + 2 bags; 1 - m/d and m/(d - m - 1) with at most d - 2."""
    setting = {"n": n, "d": d, "bag_size": k, "signal": 1.7, "noise_variance": 0.3}
    errors = literal_errors(np.random.default_rng(5), 3000, interpolations=(0.0,), **setting)
    means_agree(errors, [1.7 * bias + 0.3 * variance])


def test_the_vectorised_way_of_the_benchmark_is_the_same_experiment() -> None:
    rhos, sizes = (0.01, 0.3, 2.0), {"n": 24, "d": 4, "signal": 1.7}
    fast = vectorised_errors(np.random.default_rng(8), bags=8, rhos=rhos, noise=0.3, **sizes)
    setting = {"bag_size": 3, "interpolations": rhos, "noise_variance": 0.3, **sizes}
    np.testing.assert_allclose(fast, literal_errors(np.random.default_rng(8), 1, **setting)[0], rtol=1e-9)


# --- properties


def test_direction_has_its_length_and_no_preference(means_agree: Callable[..., None]) -> None:
    rng = np.random.default_rng(6)
    drawn = np.array([draw_direction(rng, 3, 2.5) for _ in range(3000)])
    np.testing.assert_allclose(np.sum(drawn**2, axis=1), 2.5, rtol=1e-14)
    means_agree(drawn, np.zeros(3))
    means_agree(drawn**2, np.full(3, 2.5 / 3))


def test_deterministic() -> None:
    setting = {"n": 8, "d": 3, "bag_size": 2, "interpolations": (0.0, 0.1), "signal": 1.7, "noise_variance": 0.3}
    first, second = (literal_errors(np.random.default_rng(7), 2, **setting) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 2)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicates": 0}, r"replicates must be >= 1, got replicates=0\.0"),
        ({"n": 2.5}, r"n must be an integer, got n=2\.5"),
        ({"d": 0}, r"d must be >= 1, got d=0\.0"),
        ({"bag_size": 5}, r"bag_size must divide n into a whole number of bags, got bag_size=5\.0 and n=12"),
        ({"bag_size": 24}, r"bag_size must divide n into a whole number of bags, got bag_size=24\.0 and n=12"),
        ({"bag_size": 0.5}, r"bag_size must be >= 1, got bag_size=0\.5"),
        ({"interpolations": (0.1, -1.0)}, r"interpolations must be >= 0, got interpolations\[1\]=-1\.0"),
        ({"interpolations": (math.inf,)}, r"interpolations must be >= 0 and finite, got interpolations\[0\]=inf"),
        ({"interpolations": ("0+",)}, r"interpolations must be a real number or an array"),
        ({"interpolations": "0+"}, r"interpolations must be a list of numbers, got '0\+'"),
        ({"interpolations": 0.3}, r"interpolations must be a list of numbers, got 0\.3"),
        ({"interpolations": ()}, r"interpolations must have shape"),
        ({"signal": -1.0}, r"signal must be >= 0"),
        ({"noise_variance": math.nan}, r"noise_variance must be >= 0, got noise_variance=nan"),
    ],
)
def test_bad_settings(change: dict, message: str) -> None:
    setting = {"replicates": 1, "n": 12, "d": 3, "bag_size": 2, "interpolations": (0.1,)}
    with pytest.raises(ValueError, match=message):
        literal_errors(np.random.default_rng(0), **(setting | {"signal": 1.7, "noise_variance": 0.3} | change))
