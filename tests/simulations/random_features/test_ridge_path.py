"""Ridge regression from one eigendecomposition against dense solves."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations.random_features.ridge_path import ridge_path

RIDGES = np.array([0.0, 1e-3, 0.3, 40.0])
SHAPES = [(1, 1), (2, 5), (5, 2), (4, 4), (1, 7), (7, 1)]


def draw(shape: tuple[int, int], seed: int = 3, batch: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((batch, *shape)), rng.standard_normal((batch, shape[0]))


# --- identities and limits


@pytest.mark.parametrize("shape", SHAPES)
def test_ridge_zero_is_the_least_norm_solution(shape: tuple[int, int]) -> None:
    design, response = draw(shape)
    path = ridge_path(design, response, np.zeros(1))
    for item in range(2):
        expected = np.linalg.lstsq(design[item], response[item], rcond=None)[0]
        # 1e-10: squared condition of these seeds (below 1e4) times eps, with a factor of 100
        np.testing.assert_allclose(path.coefficients[item, :, 0], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_residual_is_that_of_the_coefficients(shape: tuple[int, int]) -> None:
    design, response = draw(shape)
    path = ridge_path(design, response, RIDGES)
    residual = response[:, :, None] - design @ path.coefficients
    # 1e-10 as above; at ridge 0 and full row rank both are 0 up to squared rounding
    np.testing.assert_allclose(path.residual(), np.sum(residual**2, axis=1), rtol=1e-10, atol=1e-20)


def test_rank_deficient_designs_drop_the_null_directions() -> None:
    design, response = draw((6, 2))
    for copies in (2, 4):  # 6 x 4 and 6 x 8, both of rank 2: either Gram matrix is the smaller one
        repeated = np.concatenate([design] * copies, axis=2)
        path = ridge_path(repeated, response, RIDGES)
        for item in range(2):
            expected = np.linalg.lstsq(repeated[item], response[item], rcond=None)[0]
            np.testing.assert_allclose(path.coefficients[item, :, 0], expected, rtol=1e-10)
            rest = np.sum((response[item] - repeated[item] @ expected) ** 2)
            np.testing.assert_allclose(path.residual()[item, 0], rest, rtol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_directions_carry_the_coefficients(shape: tuple[int, int]) -> None:
    design, response = draw(shape)
    path = ridge_path(design, response, RIDGES)
    directions = path.directions()
    grams = directions.swapaxes(1, 2) @ directions
    diagonal = path.eigenvalues[:, :, None] * np.eye(path.eigenvalues.shape[1])
    # orthogonality of computed eigenvectors: eps * largest eigenvalue, below 50
    np.testing.assert_allclose(grams, diagonal, atol=1e-12)
    unit = np.eye(shape[0])
    by_basis = sum(ridge_path(design, np.tile(e, (2, 1)), RIDGES).coefficients ** 2 for e in unit).sum(axis=1)
    # squared condition as above
    np.testing.assert_allclose(path.noise_gain(path.eigenvalues), by_basis, rtol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_noise_average_of_the_residual(shape: tuple[int, int]) -> None:
    design, response = draw(shape)
    path, unit = ridge_path(design, response, RIDGES), np.eye(shape[0])
    added = sum(ridge_path(design, np.tile(e, (2, 1)), RIDGES).residual() for e in unit)
    averaged = path.with_noise(np.array([0.3, 0.7]), shape[0]).residual()
    expected = path.residual() + np.array([[0.3], [0.7]]) * added
    np.testing.assert_allclose(averaged, expected, rtol=1e-9, atol=1e-20)


# --- oracle


@pytest.mark.parametrize("shape", [(2, 5), (5, 2), (4, 4)])
def test_against_dense_solves_with_50_digits(shape: tuple[int, int]) -> None:
    design, response = draw(shape, batch=1)
    path = ridge_path(design, response, RIDGES[1:])
    with mpmath.workdps(50):
        features, labels = mpmath.matrix(design[0].tolist()), mpmath.matrix(response[0].tolist())
        for j, ridge in enumerate(RIDGES[1:]):
            kernel = features * features.T + mpmath.mpf(float(ridge)) * mpmath.eye(shape[0])
            dual = mpmath.lu_solve(kernel, labels)
            weights = [float(w) for w in features.T * dual]
            loss = float(mpmath.mpf(float(ridge)) ** 2 * mpmath.norm(dual) ** 2)
            # eps * largest eigenvalue / ridge <= 2e-16 * 40 / 1e-3 = 1e-11
            np.testing.assert_allclose(path.coefficients[0, :, j], weights, rtol=1e-11)
            np.testing.assert_allclose(path.residual()[0, j], loss, rtol=1e-10)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(1, 6), st.floats(0.1, 30.0), st.integers(0, 99))
def test_scale_and_monotone_residual(samples: int, features: int, scale: float, seed: int) -> None:
    design, response = draw((samples, features), seed)
    path = ridge_path(design, response, RIDGES)
    scaled = ridge_path(scale * design, response, scale**2 * RIDGES)
    # the smallest ridge bounds the condition of all but column 0: 60/1e-3 * eps = 1e-11
    np.testing.assert_allclose(scale * scaled.coefficients[..., 1:], path.coefficients[..., 1:], rtol=1e-9, atol=1e-11)
    assert np.all(np.diff(path.residual(), axis=1) >= -1e-12)
    assert np.all(path.residual() <= np.sum(response**2, axis=1)[:, None] * (1 + 1e-12))


def test_batch_items_do_not_mix() -> None:
    design, response = draw((3, 4), batch=5)
    whole = ridge_path(design, response, RIDGES)
    for item in range(5):
        alone = ridge_path(design[item : item + 1], response[item : item + 1], RIDGES)
        np.testing.assert_allclose(whole.coefficients[item], alone.coefficients[0], rtol=1e-12)
