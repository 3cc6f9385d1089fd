"""ReLU features on digits: the limit kernel, its eigensystem, and errors recomputed from explicit matrices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from sklearn.datasets import load_digits

from simulations.random_features.digits import (
    POOL_SIZE,
    arc_cosine_kernel,
    digits_eigensystem,
    digits_errors,
    digits_grid_errors,
    digits_pool,
    relu_features,
)

RIDGES = (0.01, 0.6)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


def test_pool() -> None:
    inputs, labels = digits_pool()
    pixels, digit = load_digits(return_X_y=True)
    assert inputs.shape == (POOL_SIZE, 64)
    np.testing.assert_allclose(inputs.mean(axis=0), 0.0, atol=1e-13)
    assert np.mean(inputs**2) == pytest.approx(1.0, rel=1e-13)
    np.testing.assert_allclose(
        inputs[3] - inputs[8], (pixels[3] - pixels[8]) / pixels.std(axis=0).__pow__(2).mean() ** 0.5
    )
    np.testing.assert_array_equal(labels == 1, digit % 2 == 1)
    np.testing.assert_array_equal(np.abs(labels), 1.0)
    for array in (inputs, labels, *digits_eigensystem()):
        assert not array.flags.writeable


def test_kernel_of_equal_opposite_and_orthogonal_inputs() -> None:
    point = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_allclose(arc_cosine_kernel(point, 3 * point), 3 * np.sum(point**2) / 3, rtol=1e-12)
    np.testing.assert_allclose(arc_cosine_kernel(point, -point), 0.0, atol=1e-15)
    np.testing.assert_allclose(
        arc_cosine_kernel(point, [[2.0, 1.0, 0.0]]), 5.25**0.5 * 5**0.5 / (3 * np.pi), rtol=1e-12
    )
    assert arc_cosine_kernel(point, np.zeros((1, 3))) == 0.0


def test_eigensystem_rebuilds_kernel_and_target() -> None:
    inputs, labels = digits_pool()
    eigenvalues, power = digits_eigensystem()
    kernel = arc_cosine_kernel(inputs, inputs)
    assert np.all(np.diff(eigenvalues) <= 0)
    assert np.all(eigenvalues > 0)
    # sums over 1797 modes: backward error of the eigensolver, N eps
    assert np.sum(eigenvalues) == pytest.approx(np.trace(kernel) / POOL_SIZE, rel=1e-11)
    assert np.sum(eigenvalues**2) == pytest.approx(np.sum(kernel**2) / POOL_SIZE**2, rel=1e-11)
    assert np.sum(power) == pytest.approx(1.0, rel=1e-11)
    assert np.sum(power * eigenvalues) == pytest.approx(labels @ kernel @ labels / POOL_SIZE**2, rel=1e-11)
    image = kernel @ labels / POOL_SIZE
    assert np.sum(power * eigenvalues**2) == pytest.approx(image @ image / POOL_SIZE, rel=1e-11)


# --- oracle


@pytest.mark.parametrize("angle", [0.3, 1.2, 2.8])
def test_kernel_is_the_gaussian_integral(angle: float) -> None:
    """E relu(a) relu(b) in the plane: radius^3 integral times the angle where both are positive."""
    left, right = np.array([[1.7, 0.0]]), 0.6 * np.array([[np.cos(angle), np.sin(angle)]])
    both = quad(lambda t: np.cos(t) * np.cos(t - angle), angle - np.pi / 2, np.pi / 2, epsabs=1e-13)[0]
    # w ~ N(0, 2/d I), d = 2: variance 1, E r^2 = 2 spread over the circle
    np.testing.assert_allclose(arc_cosine_kernel(left, right), 1.7 * 0.6 * 2 * both / (2 * np.pi), rtol=1e-10)


def test_features_have_the_kernel_as_mean(means_agree: Callable[..., None]) -> None:
    inputs = digits_pool()[0][:3]
    features = relu_features(rng(), inputs, 50_000) * math.sqrt(50_000)
    products = np.einsum("ik,jk->kij", features, features)
    means_agree(products, arc_cosine_kernel(inputs, inputs))


@pytest.mark.parametrize("k", [7, 40, 120, math.inf])
def test_errors_from_explicit_matrices(k: float) -> None:
    """Replay the draws: a random order of the pool, then the weights; the same by dense solves."""
    n, generator = 40, rng(2)
    measured = digits_errors(rng(2), 1, n=n, k=k, ridges=RIDGES)[0]
    order = generator.permutation(POOL_SIZE)
    inputs, labels = (part[order] for part in digits_pool())
    if math.isinf(k):
        kernel = arc_cosine_kernel(inputs, inputs[:n])
    else:
        weights = math.sqrt(2 / (64 * k)) * generator.standard_normal((64, int(k)))
        features = np.where(inputs @ weights > 0, inputs @ weights, 0.0)
        kernel = features @ features[:n].T
    for row, ridge in zip(measured, RIDGES, strict=True):
        miss = labels - kernel @ np.linalg.solve(kernel[:n] + ridge * np.eye(n), labels[:n])
        # eps * largest eigenvalue of the kernel matrix (about 40) / ridge, with a factor of 1000
        np.testing.assert_allclose(row, [np.mean(miss[n:] ** 2), np.mean(miss[:n] ** 2)], rtol=1e-9)


# --- properties


def test_grid_shares_subsets_and_features() -> None:
    setting = {"sample_counts": (12, 30), "ridges": RIDGES}
    first, second = (digits_grid_errors(rng(3), 2, feature_counts=(20, math.inf), **setting) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 2, 2, 2, 2)
    kernel = digits_grid_errors(rng(3), 1, feature_counts=("inf",), **setting)
    np.testing.assert_array_equal(first[0, :, 1], kernel[0, :, 0])
    single = digits_errors(rng(3), 1, n=30, k=20, ridges=RIDGES)
    np.testing.assert_array_equal(first[0, 1, 0], single[0])


def test_replicates_differ_and_stay_finite() -> None:
    errors = digits_errors(rng(4), 3, n=25, k=25, ridges=(0.0, 1e-9, 1.0))
    assert np.all(np.isfinite(errors))
    assert len(np.unique(errors[:, 2, 0])) == 3
    assert np.all(np.diff(errors[..., 1], axis=1) >= -1e-12)


def test_last_point_alone_is_a_test_set() -> None:
    errors = digits_errors(rng(5), 1, n=POOL_SIZE - 1, k=20, ridges=(0.1,))
    assert errors.shape == (1, 1, 2)


# --- bad input


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match=r"n must be < 1797, the size of the pool, got n=1797"):
        digits_errors(rng(), 1, n=POOL_SIZE, k=3, ridges=RIDGES)
    with pytest.raises(ValueError, match=r"sample_counts must be < 1797, the size of the pool, got 1797"):
        digits_grid_errors(rng(), 1, sample_counts=(4, POOL_SIZE), feature_counts=(3,), ridges=RIDGES)
    with pytest.raises(ValueError, match=r"feature_counts\[1\] must be an integer >= 1 or inf"):
        digits_grid_errors(rng(), 1, sample_counts=(4,), feature_counts=("inf", 0), ridges=RIDGES)
    for k in (0, 1.5, "x", "3", [3], 1j, 10**400):
        with pytest.raises(ValueError, match=r"^k must be an integer >= 1 or inf, got k="):
            digits_errors(rng(), 1, n=4, k=k, ridges=RIDGES)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"^n must be an integer >= 1, got n='x'"):
        digits_errors(rng(), 1, n="x", k=3, ridges=RIDGES)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"ridges must be >= 0"):
        digits_errors(rng(), 1, n=4, k=3, ridges=(-0.1,))
    with pytest.raises(ValueError, match=r"replicates must be an integer >= 1"):
        digits_errors(rng(), 0, n=4, k=3, ridges=RIDGES)
    with pytest.raises(ValueError, match=r"left and right must have the same width, got \(1, 2\) and \(1, 3\)"):
        arc_cosine_kernel([[1.0, 2.0]], [[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match=r"right must be a matrix of shape \(points, d\), got shape \(2,\)"):
        arc_cosine_kernel([[1.0, 2.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"inputs must be .*, got inputs\[0, 0\]=nan"):
        relu_features(rng(), [[float("nan")]], 3)
    for bad in ({}, "text", [[1j]], [["1.5"]]):
        with pytest.raises(ValueError, match=r"inputs must be a real number or an array of them"):
            relu_features(rng(), bad, 3)  # pyright: ignore[reportArgumentType]
        with pytest.raises(ValueError, match=r"left must be a real number or an array of them"):
            arc_cosine_kernel(bad, [[1.0]])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"k must be an integer >= 1, got k=1\.5"):
        relu_features(rng(), [[1.0]], 1.5)
