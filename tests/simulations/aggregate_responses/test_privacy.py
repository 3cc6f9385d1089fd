"""Private bag means: exact privacy loss by search, the mechanism step by step, its risk by two routes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from simulations.aggregate_responses.bags import bag_means
from simulations.aggregate_responses.literal import draw_direction, fit_aggregates, literal_errors
from simulations.aggregate_responses.privacy import (
    laplace_scale,
    privacy_loss,
    private_errors,
    private_literal_errors,
    release_means,
)

PRIVACY = {"epsilon": 0.7, "threshold": 1.9, "adjacency": "replace"}
SETTING = {"n": 24, "d": 4, "bag_size": 3, "interpolations": (0.0, 0.4), "signal": 1.7, "noise_variance": 0.3}

# --- identities and limits


@pytest.mark.parametrize("bag_size", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.1, 0.7, 4.0])
def test_privacy_loss_is_the_budget_where_scale_and_neighbours_fit(bag_size: int, epsilon: float) -> None:
    setting = {"bag_size": bag_size, "epsilon": epsilon, "threshold": 1.9}
    for adjacency in ("replace", "zero-out"):
        loss = privacy_loss(adjacency=adjacency, neighbours=adjacency, **setting)
        np.testing.assert_allclose(loss, epsilon, rtol=1e-12)
    np.testing.assert_allclose(privacy_loss(adjacency="zero-out", **setting), 2 * epsilon, rtol=1e-12)
    half = privacy_loss(adjacency="replace", neighbours="zero-out", **setting)
    np.testing.assert_allclose(half, epsilon / 2, rtol=1e-12)


def test_without_clipping_the_loss_grows_with_the_labels() -> None:
    setting = {"bag_size": 4, **PRIVACY}
    losses = [privacy_loss(clip=False, largest_label=x, **setting) for x in (1.9, 19.0)]
    np.testing.assert_allclose(losses, [0.7, 7.0], rtol=1e-12)
    np.testing.assert_allclose(privacy_loss(largest_label=19.0, **setting), 0.7, rtol=1e-12)


def test_hardly_any_noise_and_no_clipping_is_the_literal_experiment() -> None:
    private = private_errors(np.random.default_rng(1), 3, **SETTING, epsilon=1e15, threshold=1e3, adjacency="zero-out")
    np.testing.assert_allclose(private, literal_errors(np.random.default_rng(1), 3, **SETTING), rtol=1e-9)


# --- oracle


def test_release_step_by_step() -> None:
    labels, sizes = np.array([5.0, -0.4, 0.3, -7.0, 1.0]), np.array([2, 3])
    scale = laplace_scale(sizes, **PRIVACY)
    np.testing.assert_allclose(scale, [2 * 1.9 / (2 * 0.7), 2 * 1.9 / (3 * 0.7)], rtol=1e-15)
    released = release_means(np.random.default_rng(2), labels, sizes, scale, 1.9)
    noise = np.random.default_rng(2).laplace(0.0, scale)
    np.testing.assert_allclose(released - noise, [(1.9 - 0.4) / 2, (0.3 - 1.9 + 1.0) / 3], rtol=1e-14)


def test_noise_has_variance_two_scales_squared(means_agree: Callable[..., None]) -> None:
    scale = np.full(20_000, 1.3)
    released = release_means(np.random.default_rng(3), np.zeros(20_000), np.ones(20_000, dtype=int), scale, 1.9)
    means_agree(released**2, 2 * 1.3**2)


def test_averaged_noise_given_labels(means_agree: Callable[..., None]) -> None:
    """Many releases of the same labels, literally, against the average; then both measures against each other."""
    averaged = private_errors(np.random.default_rng(4), 1, **SETTING, **PRIVACY)[0]
    rng, sizes = np.random.default_rng(4), np.full(8, 3)
    inputs, truth = rng.standard_normal((24, 4)), draw_direction(rng, 4, 1.7)
    labels = inputs @ truth + math.sqrt(0.3) * rng.standard_normal(24)
    clipped, scale = bag_means(np.clip(labels, -1.9, 1.9), sizes), 2 * 1.9 / (3 * 0.7)
    means = clipped[:, None] + rng.laplace(0.0, scale, (8, 20_000))
    for rho, expected in zip(SETTING["interpolations"], averaged, strict=True):
        response = np.stack([fit_aggregates(inputs, row, sizes, rho) for row in np.eye(8)], axis=1)
        means_agree(np.sum((response @ means - truth[:, None]) ** 2, axis=0), expected)


def test_averaged_and_literal_measures(means_agree: Callable[..., None]) -> None:
    literal = private_literal_errors(np.random.default_rng(5), 2000, **SETTING, **PRIVACY)
    means_agree(literal, private_errors(np.random.default_rng(6), 1000, **SETTING, **PRIVACY))


# --- properties


def test_replacing_labels_costs_four_times_the_noise() -> None:
    errors = {
        key: private_errors(np.random.default_rng(7), 2, **SETTING, **(PRIVACY | change))
        for key, change in {
            "replace": {},
            "zero": {"adjacency": "zero-out"},
            "more": {"epsilon": 1.4},
            "none": {"epsilon": 1e12},
        }.items()
    }
    np.testing.assert_allclose(errors["zero"], errors["more"], rtol=1e-13)
    extra = {key: value - errors["none"] for key, value in errors.items()}
    np.testing.assert_allclose(extra["replace"], 4 * extra["zero"], rtol=1e-9)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": 0.0}, r"epsilon must be > 0, got epsilon=0\.0"),
        ({"threshold": -1.0}, r"threshold must be > 0, got threshold=-1\.0"),
        ({"threshold": math.nan}, r"threshold must be > 0, got threshold=nan"),
        ({"adjacency": "add"}, r"adjacency must be 'zero-out' or 'replace', got adjacency='add'"),
        ({"bag_size": 5}, r"bag_size must divide n into a whole number of bags"),
        ({"interpolations": (-1.0,)}, r"interpolations must be >= 0"),
    ],
)
@pytest.mark.parametrize("measure", [private_errors, private_literal_errors])
def test_bad_settings(measure: Callable[..., np.ndarray], change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(np.random.default_rng(0), 1, **(SETTING | PRIVACY | change))


def test_bad_search() -> None:
    with pytest.raises(ValueError, match=r"neighbours must be 'zero-out' or 'replace', got neighbours='add'"):
        privacy_loss(bag_size=2, neighbours="add", **PRIVACY)
    with pytest.raises(ValueError, match=r"bag_size must be an integer, got bag_size=2\.5"):
        privacy_loss(bag_size=2.5, **PRIVACY)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"bag_size must be >= 1, got bag_size\[1\]=0\.0"):
        laplace_scale([2, 0], **PRIVACY)
    with pytest.raises(ValueError, match=r"largest_label must be >= 0"):
        privacy_loss(bag_size=2, largest_label=-1.0, **PRIVACY)
