"""The histogram of eigenvalues: its mass and mean, the two ways to draw them, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.aggregate_responses.bags import split_evenly
from simulations.aggregate_responses.jacobi import bidiagonal_squares, draw_cosines
from simulations.aggregate_responses.spectrum import eigenvalue_density

BINS = tuple(np.linspace(0.0, 1.0, 9).tolist())

# --- identities and limits


@pytest.mark.parametrize(("n", "d", "k"), [(24, 7, 3), (12, 9, 4), (9, 8, 1.5)])
def test_the_density_has_mass_one(n, d, k):
    density = eigenvalue_density(np.random.default_rng(3), 5, n=n, d=d, bag_size=k, edges=BINS)
    # sums of a dozen terms
    np.testing.assert_allclose(density @ np.diff(BINS), 1.0, rtol=1e-13)


def test_fewer_bags_than_features_leave_zeros_outside_bins_that_begin_above_rounding():
    setting = {"n": 20, "d": 9, "bag_size": 4}  # 5 bags: 4 zeros
    inside = eigenvalue_density(np.random.default_rng(4), 6, edges=(1e-9, 1.0), **setting)
    np.testing.assert_allclose(inside * (1 - 1e-9), 5 / 9, rtol=1e-13)


# --- oracle


def test_squared_cosines_of_the_angles_between_bags_and_features():
    # B has the eigenvalues of P_bags P_features: cos^2 of the angles between the two subspaces of sample space
    n, d, k = 15, 4, 3
    inputs = np.random.default_rng(8).standard_normal((1, n, d))[0]
    sizes = split_evenly(n, n // k)
    bags = np.repeat(np.eye(len(sizes)), sizes, axis=0) / np.sqrt(k)
    cosines = np.linalg.svd(bags.T @ np.linalg.qr(inputs)[0], compute_uv=False)
    density = eigenvalue_density(np.random.default_rng(8), 1, n=n, d=d, bag_size=k, edges=BINS)
    expected = np.histogram(cosines**2, BINS)[0] / (d * np.diff(BINS))
    np.testing.assert_allclose(density[0], expected, rtol=1e-13)


def test_the_same_law_as_the_beta_variates():
    n, d, k, count = 18, 5, 3, 3000
    direct = eigenvalue_density(np.random.default_rng(1), count, n=n, d=d, bag_size=k, edges=BINS)
    diagonal, superdiagonal, _, _ = bidiagonal_squares(*draw_cosines(np.random.default_rng(2), count, n, d, n // k))
    other = np.empty_like(direct)
    for row, main, above in zip(other, diagonal, superdiagonal, strict=True):
        root = np.diag(np.sqrt(main)) + np.diag(np.sqrt(above[:-1]), 1)
        row[:] = np.histogram(np.linalg.eigvalsh(root @ root.T), BINS)[0] / (d * np.diff(BINS))
    error = np.sqrt((direct.var(axis=0) + other.var(axis=0)) / count)
    # five standard errors in eight bins: false alarm below 1e-5
    assert np.all(np.abs(direct.mean(axis=0) - other.mean(axis=0)) < 5 * error)


# --- properties


def test_the_mean_eigenvalue_is_the_share_of_bags():
    fine = np.linspace(0.0, 1.0, 401)
    density = eigenvalue_density(np.random.default_rng(5), 4000, n=20, d=6, bag_size=2.5, edges=fine)
    means = density @ (np.diff(fine) * (fine[1:] + fine[:-1]) / 2)
    # E tr B = d m / n; five standard errors, bins of 1/400 shift a mean by less than 1/800
    assert abs(means.mean() - 8 / 20) < 5 * means.std() / np.sqrt(means.size) + 1 / 800


# --- bad input


def test_bad_input_is_named():
    rng, setting = np.random.default_rng(0), {"n": 12, "d": 3, "bag_size": 2}
    with pytest.raises(ValueError, match=r"n must be >= d, got n=12 and d=13"):
        eigenvalue_density(rng, 1, **{**setting, "d": 13}, edges=BINS)
    with pytest.raises(ValueError, match=r"edges must be at least two increasing numbers, got edges=\[0.5, 0.2\]"):
        eigenvalue_density(rng, 1, **setting, edges=(0.5, 0.2))
    with pytest.raises(ValueError, match=r"edges must be at least two increasing numbers, got edges=\[0.5\]"):
        eigenvalue_density(rng, 1, **setting, edges=(0.5,))
    with pytest.raises(ValueError, match=r"edges must be >= 0 and <= 1, got edges\[1\]=1.5"):
        eigenvalue_density(rng, 1, **setting, edges=(0.5, 1.5))
    with pytest.raises(ValueError, match=r"bag_size must divide n"):
        eigenvalue_density(rng, 1, **{**setting, "bag_size": 5}, edges=BINS)
    with pytest.raises(ValueError, match=r"replicates"):
        eigenvalue_density(rng, 0, **setting, edges=BINS)
