"""Soft labels: their moments, and least squares on them as a multiple of the instance-level fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simulations.aggregate_responses.jacobi import gain_errors
from simulations.aggregate_responses.literal import fit_aggregates
from simulations.aggregate_responses.soft_labels import soft_label_errors, soft_label_moments, soft_labels

SETTING = {"n": 30, "d": 6, "bag_size": 3, "signal": 1.7, "noise_variance": 0.3}

# --- identities and limits


def test_prior_zero_is_k_times_the_instance_fit() -> None:
    rng = np.random.default_rng(1)
    inputs, means, sizes = rng.standard_normal((12, 3)), rng.standard_normal(4), np.full(4, 3)
    fit = np.linalg.lstsq(inputs, soft_labels(means, sizes, 0.0), rcond=None)[0]
    np.testing.assert_allclose(fit, 3 * fit_aggregates(inputs, means, sizes, 1.0), rtol=1e-11)


def test_bags_of_one_keep_their_labels() -> None:
    labels = np.random.default_rng(2).standard_normal(5)
    for prior in (0.0, 0.4, "estimated"):
        np.testing.assert_allclose(soft_labels(labels, np.ones(5, dtype=int), prior), labels, rtol=1e-13, atol=1e-15)


# --- oracle


def test_estimated_prior_weighs_bags_by_their_size() -> None:
    means, sizes = np.array([1.0, 0.25]), np.array([1, 4])
    prior = 2 / 5
    expected = [prior + 0.6, *[prior + 4 * (0.25 - prior)] * 4]
    np.testing.assert_allclose(soft_labels(means, sizes, "estimated"), expected, rtol=1e-14)


def test_risk_by_two_routes(means_agree: Callable[..., None]) -> None:
    literal = soft_label_errors(np.random.default_rng(3), 2000, **SETTING)
    averaged = gain_errors(np.random.default_rng(4), 4000, interpolations=(1.0,), gains=(3.0,), **SETTING)
    means_agree(literal, averaged)


@pytest.mark.parametrize("bag_size", [1, 3, 5])
def test_unbiased_with_k_times_the_variance(bag_size: int, means_agree: Callable[..., None]) -> None:
    setting = {"n": 30, "bag_size": bag_size, "probability": 0.3, "prior": 0.3}
    moments = soft_label_moments(np.random.default_rng(5), 4000, **setting)
    means_agree(moments, [0.3, bag_size * 0.21, 0.21])


# --- properties


def test_shape_and_determinism() -> None:
    for prior in (0.2, "estimated"):
        first, second = (soft_label_errors(np.random.default_rng(6), 3, prior=prior, **SETTING) for _ in range(2))
        assert first.shape == (3, 1)
        np.testing.assert_array_equal(first, second)


# --- bad input


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"prior must be a real number"):
        soft_label_errors(np.random.default_rng(0), 1, prior="guessed", **SETTING)
    with pytest.raises(ValueError, match=r"probability must be >= 0 and <= 1, got probability=1\.5"):
        soft_label_moments(np.random.default_rng(0), 1, n=4, bag_size=2, probability=1.5, prior=0.5)
    with pytest.raises(ValueError, match=r"bag_size must divide n"):
        soft_label_moments(np.random.default_rng(0), 1, n=4, bag_size=3, probability=0.5, prior=0.5)
