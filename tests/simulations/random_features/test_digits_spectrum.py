"""Spectra and ridgeless proxies of subsets of the digits against explicit matrices and the errors' own measure."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.random_features import arc_cosine_kernel, digits_eigensystem, digits_errors, digits_pool
from simulations.random_features.digits import POOL_SIZE
from simulations.random_features.digits_spectrum import digits_proxies, digits_spectrum

EPS = np.finfo(float).eps


def subset(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernel matrix and labels of the first n points of the first random order."""
    inputs, labels = digits_pool()
    chosen = np.random.default_rng(seed).permutation(POOL_SIZE)[:n]
    return arc_cosine_kernel(inputs[chosen], inputs[chosen]), labels[chosen]


# --- identities and limits


def test_powers_sum_to_the_targets_mean_square_and_eigenvalues_to_the_trace():
    values, power = np.moveaxis(digits_spectrum(np.random.default_rng(4), 3, n=37), -1, 0)
    assert np.allclose(power.sum(axis=1), 1.0, rtol=100 * EPS, atol=0)  # orthogonal transforms of 37 numbers
    kernel, _ = subset(4, 37)
    assert values[0].sum() == pytest.approx(np.trace(kernel) / 37, rel=100 * EPS)
    assert np.all(np.diff(values, axis=1) <= 0)
    assert np.all(power >= 0)


def test_the_whole_pool_has_the_eigensystem_of_the_pool():
    values, power = digits_spectrum(np.random.default_rng(4), 1, n=POOL_SIZE)[0].T
    expected, target = digits_eigensystem()
    assert np.max(np.abs(values - expected)) < 1000 * EPS  # of the largest, 0.33: eigh's backward error
    assert np.max(np.abs(np.cumsum(power) - np.cumsum(target))) < 1e-6  # single vectors turn within close pairs


# --- oracle


def test_the_proxies_are_those_of_the_kernel_matrix():
    kernel, _ = subset(9, 25)
    kappa = digits_proxies(np.random.default_rng(9), 1, sample_counts=(10, 25))[0, :, 0]
    for value, n in zip(kappa, (10, 25), strict=True):
        expected = 1 / np.sum(1 / np.linalg.eigvalsh(kernel[:n, :n]))
        # the condition of these matrices is about 1e3
        assert value == pytest.approx(expected, rel=1e4 * EPS)


def test_the_ridgeless_error_is_that_of_the_error_measure():
    # both draw the same order of the pool first, and the limit kernel draws nothing else
    for n in (12, 60):
        ours = digits_proxies(np.random.default_rng(2), 1, sample_counts=(n,))[0, 0, 1]
        theirs = digits_errors(np.random.default_rng(2), 1, n=n, k="inf", ridges=(0.0,))[0, 0, 0]
        assert ours == pytest.approx(theirs, rel=1e6 * EPS)  # two solves with condition below 1e5


def test_target_power_belongs_to_its_eigenvalue():
    kernel, labels = subset(3, 20)
    values, power = digits_spectrum(np.random.default_rng(3), 1, n=20)[0].T
    # y'K^m y / n = sum of (n lambda)^m times the power, whatever the vectors' signs
    for m in (1, 2, 3):
        expected = labels @ np.linalg.matrix_power(kernel, m) @ labels / 20
        assert np.sum((20 * values) ** m * power) == pytest.approx(expected, rel=1000 * EPS)


# --- properties


def test_replicates_differ_and_come_again():
    one, two = digits_proxies(np.random.default_rng(1), 2, sample_counts=(8, 16))
    again = digits_proxies(np.random.default_rng(1), 2, sample_counts=(8, 16))
    assert not np.array_equal(one, two)
    assert np.array_equal(again, np.stack([one, two]))


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: digits_spectrum(rng, 1, n=1798), "n must be <= 1797, got n=1798"),
        (lambda rng: digits_spectrum(rng, 1, n=0), "n must be an integer >= 1, got n=0"),
        (lambda rng: digits_spectrum(rng, 0, n=5), "replicates must be an integer >= 1, got replicates=0"),
        (lambda rng: digits_proxies(rng, 1, sample_counts=(5, 1797)), "sample_counts must be <= 1796"),
        (lambda rng: digits_proxies(rng, 1, sample_counts=()), "sample_counts must be a non-empty list"),
    ],
)
def test_sizes_outside_the_pool_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0))
