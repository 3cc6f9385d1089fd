"""Averages given the samples: against the literal fit on the same samples in every regime, and against exact means."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import null_space

from simulations.aggregate_responses._arguments import ALMOST_ZERO
from simulations.aggregate_responses.bags import bag_means, split_evenly, stacked_rows
from simulations.aggregate_responses.conditional import conditional_errors, design_errors
from simulations.aggregate_responses.literal import fit_aggregates, literal_errors

SHAPES = [(24, 4, 8), (24, 10, 8), (24, 20, 8), (24, 30, 8), (24, 24, 8), (24, 20, 22), (9, 4, 9), (10, 3, 1)]


def by_fits(inputs: np.ndarray, sizes: np.ndarray, rho: float) -> list[float]:
    """Bias and variance per unit from the literal fit, which is linear in the mean labels."""
    bags, d = len(sizes), inputs.shape[1]
    response = np.stack([fit_aggregates(inputs, row, sizes, rho) for row in np.eye(bags)], axis=1)
    missed = np.eye(d) - response @ bag_means(inputs, sizes)
    return [float(np.sum(missed**2) / d), float(np.sum(response**2 / sizes))]


def sample(n: int, d: int, bags: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(seed).standard_normal((n, d)), split_evenly(n, bags)


# --- identities and limits


@pytest.mark.parametrize(("n", "d", "bags"), SHAPES)
def test_equals_the_literal_fit_on_the_same_samples(n: int, d: int, bags: int) -> None:
    design = sample(n, d, bags)
    rhos = np.array([0.0, 1e-3, 0.3, 1.0, 7.0])
    expected = [by_fits(*design, rho) for rho in rhos]
    # squares of conditions up to 1e3 (square samples), times 1/1e-3 of the smallest weight, times eps; else 1e-12
    np.testing.assert_allclose(design_errors(*design, rhos), expected, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(("n", "d", "bags"), [(24, 10, 8), (24, 4, 8), (24, 30, 8)])
def test_vanishing_weight(n: int, d: int, bags: int) -> None:
    design = sample(n, d, bags)
    limit = design_errors(*design, np.array([ALMOST_ZERO]))[0]
    np.testing.assert_allclose(limit, by_fits(*design, 1e-8), rtol=1e-5, atol=1e-8)  # first order in rho, and 1e-8
    without = design_errors(*design, np.zeros(1))[0]
    assert np.allclose(limit, without, rtol=1e-9, atol=1e-12) == (bags >= d)


def test_infinite_weight_without_and_with_room_in_the_null_space() -> None:
    design = sample(24, 10, 8)
    np.testing.assert_allclose(design_errors(*design, np.array([math.inf])), [[1.0, 0.0]], atol=1e-12)
    inputs, sizes = sample(24, 10, 18)
    between, within = stacked_rows(inputs, sizes)
    free = null_space(within, rcond=1e-10)
    response = free @ np.linalg.pinv(between @ free)
    expected = [np.sum((np.eye(10) - response @ between) ** 2) / 10, np.sum(response**2)]
    np.testing.assert_allclose(design_errors(inputs, sizes, np.array([math.inf]))[0], expected, rtol=1e-10)


def test_bags_of_one_are_least_squares() -> None:
    inputs, sizes = sample(9, 4, 9)
    expected = np.trace(np.linalg.inv(inputs.T @ inputs))
    errors = design_errors(inputs, sizes, np.array([0.0, 0.5, math.inf]))
    np.testing.assert_allclose(errors[:, 1], expected, rtol=1e-11)
    assert np.all(errors[:, 0] < 1e-25)


# --- oracle


@pytest.mark.parametrize("shape", [(24, 4, 3), (24, 10, 3), (24, 30, 2)])
def test_same_mean_as_the_literal_experiment(shape: tuple[int, int, int], means_agree: Callable[..., None]) -> None:
    setting = dict(zip(("n", "d", "bag_size"), shape, strict=True)) | {"signal": 1.7, "noise_variance": 0.3}
    rhos = (0.03, 0.3, 1.0, 3.0)
    literal = literal_errors(np.random.default_rng(2), 2000, interpolations=rhos, **setting)
    averaged = conditional_errors(np.random.default_rng(3), 1000, interpolations=rhos, **setting).sum(axis=-1)
    means_agree(literal, averaged)


def instance_mean(n: int, d: int, m: int) -> list[float]:
    """Known mean bias and variance per unit at instance level, n > d + 1."""
    top = (n - m) * (n**3 - (m + d) * n**2 + 2 * d * m * n + (m - d - 3) * n + 2 * (d - m + 1))
    return [top / (n * (n - 1) * (n + 2) * (n - d - 1)), m * d / (n * (n - d - 1))]


@pytest.mark.parametrize(
    ("n", "d", "k", "rho", "expected"),
    [
        (30, 4, 3, 0.0, [0.0, 4 / 5]),
        (24, 15, 3, 0.0, [1 - 8 / 15, 8 / 6]),
        (24, 6, 3, 1.0, instance_mean(24, 6, 8)),
        (24, 12, 4, 1.0, instance_mean(24, 12, 6)),
        (12, 20, 3, 0.4, [(400 - 80 - 240 - 20 - 16 + 96 + 4) / (20 * 7), 4 / 7]),
    ],
)
def test_exact_means(
    n: int, d: int, k: int, rho: float, expected: list[float], means_agree: Callable[..., None]
) -> None:
    setting = {"n": n, "d": d, "bag_size": k, "signal": 1.7, "noise_variance": 0.3}
    errors = conditional_errors(np.random.default_rng(4), 3000, interpolations=(rho,), **setting)[:, 0]
    exact = np.array(expected) * [1.7, 0.3]
    if expected[0] == 0 or rho == 0:  # no spread in the bias
        np.testing.assert_allclose(errors[:, 0], exact[0], atol=1e-12)
        errors, exact = errors[:, 1:], exact[1:]
    means_agree(errors, exact)


# --- properties


def test_linear_in_signal_and_noise() -> None:
    setting = {"n": 24, "d": 10, "bag_size": 3, "interpolations": (0.0, "0+", 0.3, "inf")}
    draws = [
        conditional_errors(np.random.default_rng(5), 2, signal=s, noise_variance=v, **setting)
        for s, v in ((1.7, 0.3), (3.4, 0.9))
    ]
    np.testing.assert_allclose(draws[1], draws[0] * [2.0, 3.0], rtol=1e-13)
    assert np.all(np.isfinite(draws[0]))


def test_variance_falls_with_the_weight() -> None:
    errors = design_errors(*sample(24, 10, 8), np.array([ALMOST_ZERO, 1e-3, 0.1, 1.0, 30.0, math.inf]))
    assert np.all(np.diff(errors[:, 1]) < 0)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bag_size": 5}, r"bag_size must divide n"),
        ({"bag_size": 0}, r"bag_size must be >= 1, got bag_size=0\.0"),
        ({"interpolations": ("0-",)}, r"interpolations must be a real number or an array"),
        ({"interpolations": (-0.1,)}, r"interpolations must be >= 0, got interpolations\[0\]=-0\.1"),
        ({"interpolations": (math.nan,)}, r"interpolations must be >= 0, got interpolations\[0\]=nan"),
        ({"signal": [1.0]}, r"signal must be a single real number"),
    ],
)
def test_bad_settings(change: dict, message: str) -> None:
    setting = {"replicates": 1, "n": 12, "d": 3, "bag_size": 2, "interpolations": (0.1,)}
    with pytest.raises(ValueError, match=message):
        conditional_errors(np.random.default_rng(0), **(setting | {"signal": 1.7, "noise_variance": 0.3} | change))
