"""Distilled networks: what weights of the truth must mean, reproducible draws, estimates of alpha."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulations.self_distillation.kernel_data import best_alpha
from simulations.self_distillation.networks import network_alphas, network_errors, network_outputs

SMALL = {"samples": 60, "validation": 40, "iterations": 30, "hidden": (8,)}


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


def test_the_truth_alone_from_the_same_start_repeats_the_first_network() -> None:
    outputs = network_outputs(rng(), alphas=(1.0, 0.2), steps=3, shared_start=True, **SMALL)
    np.testing.assert_allclose(outputs.test[0, 1:], outputs.test[0, [0, 0]], rtol=1e-9)
    assert np.max(np.abs(outputs.test[1, 1] - outputs.test[1, 0])) > 1e-3
    np.testing.assert_allclose(outputs.test[1, 0], outputs.test[0, 0], rtol=1e-3)  # shared, up to single precision


def test_a_fresh_start_changes_the_network() -> None:
    outputs = network_outputs(rng(), alphas=(1.0, 1.0), steps=2, **SMALL)
    assert np.max(np.abs(outputs.test[0, 1] - outputs.test[0, 0])) > 1e-2


def test_steps_do_not_look_ahead() -> None:
    """Two steps are the first two of three; each weight is what it is alone."""
    short = network_outputs(rng(), alphas=(0.3, 0.9), steps=2, shared_start=True, **SMALL)
    long = network_outputs(rng(), alphas=(0.0, 0.3), steps=3, shared_start=True, **SMALL)
    np.testing.assert_allclose(
        long.validation[1, :2], short.validation[0], rtol=1e-3
    )  # single precision over 60 iterations


# --- oracle


def test_a_student_by_hand() -> None:
    """Without hidden layers: Adam on the mixed targets, written out in numpy."""
    setting = {"alphas": (0.25,), "steps": 2, "label_noise": 0.0, "shared_start": True, "weight_decay": 0.02}
    outputs = network_outputs(rng(), samples=60, validation=40, iterations=25, hidden=(), **setting)

    from simulations._jax import jax
    from simulations._networks import initialise
    from simulations.self_distillation.data import data_pool, one_hot, split

    generator, (pool, classes) = rng(), data_pool("digits")
    train, chosen, _ = split(generator, len(pool), 60, 40)
    generator.random(60), generator.integers(10, size=60)  # what the label noise draws
    ((start, _),) = initialise(jax.random.key(int(generator.integers(2**31))), (64, 10))
    inputs, labels = pool[train] - 0.5, one_hot(classes[train], 10)

    def softmax(logits: np.ndarray) -> np.ndarray:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def train_on(targets: np.ndarray) -> np.ndarray:
        """Weights with a last row of offsets; only the weights are penalised."""
        parameters = np.vstack([np.asarray(start), np.zeros(10)])
        design, first, second = np.hstack([inputs, np.ones((60, 1))]), 0.0, 0.0
        for step in range(1, 26):
            fits = softmax(design @ parameters)
            error = 2 * (fits - targets) / targets.size
            slope = fits * (error - np.sum(error * fits, axis=1, keepdims=True))
            gradient = design.T @ slope + 0.02 * parameters * (np.arange(65) < 64)[:, None]
            first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
            update = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
            parameters = parameters - 2e-3 * update
        return parameters

    teacher = train_on(labels)
    fits = softmax(np.hstack([inputs, np.ones((60, 1))]) @ teacher)
    student = train_on(0.25 * labels + 0.75 * fits)
    held = np.hstack([pool[chosen] - 0.5, np.ones((40, 1))])
    # single precision (6e-8), amplified where an update divides a small gradient by its own size
    np.testing.assert_allclose(outputs.validation[0, 0], softmax(held @ teacher), rtol=1e-3)
    np.testing.assert_allclose(outputs.validation[0, 1], softmax(held @ student), rtol=1e-3)


def test_measures_reduce_the_outputs() -> None:
    outputs = network_outputs(rng(), alphas=(0.0, 1.0), steps=2, **SMALL)
    errors = network_errors(rng(), 1, alphas=(0.0, 1.0), steps=2, **SMALL)[0]
    np.testing.assert_allclose(errors[..., 0], np.mean((outputs.test - outputs.test_truth) ** 2, axis=(2, 3)))
    estimate = network_alphas(rng(), 1, alphas=(0.0, 1.0), **SMALL)[0]
    expected = best_alpha(outputs.validation[0, 0], outputs.validation[0, 1], outputs.validation_truth)
    np.testing.assert_allclose(estimate[0], expected, rtol=1e-12)
    np.testing.assert_allclose(estimate[4], errors[0, 0, 0], rtol=1e-12)
    assert estimate[2] in errors[:, 1, 0]
    assert estimate[3] in errors[:, 1, 0]


def test_columns_of_the_estimated_weight() -> None:
    """The row of `network_alphas` from the outputs of the same run, where the columns differ."""
    grid = (0.0, 0.3, 0.6, 0.9)
    differ = 0
    for seed in (1, 2, 3):
        outputs = network_outputs(rng(seed), alphas=grid, steps=2, **SMALL)
        got = network_alphas(rng(seed), 1, alphas=grid, **SMALL)[0]
        held = [np.mean((out[1] - outputs.validation_truth) ** 2) for out in outputs.validation]
        test = [np.mean((out[1] - outputs.test_truth) ** 2) for out in outputs.test]
        best, nearest = int(np.argmin(held)), min(range(4), key=lambda i: abs(grid[i] - got[0]))
        np.testing.assert_allclose(got[1:4], [grid[best], test[nearest], test[best]], rtol=1e-12)
        gap = np.mean((outputs.validation[0, 0] - outputs.validation[0, 1]) ** 2)
        np.testing.assert_allclose(got[5], gap, rtol=1e-12)
        differ += best != nearest
    assert differ > 0


# --- properties


def test_deterministic_and_between_zero_and_one() -> None:
    first, second = (network_errors(rng(), 2, alphas=(0.0, 0.5), steps=2, **SMALL) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 2, 2, 2)
    assert np.all((first >= 0) & (first <= 1))
    outputs = network_outputs(rng(), alphas=(0.0, 0.5), steps=2, **SMALL)
    np.testing.assert_allclose(outputs.test.sum(axis=-1), 1.0, rtol=1e-6)  # ten terms in single precision


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alphas": (1.5,)}, r"alphas must be a non-empty list of numbers in \[0, 1\]"),
        ({"alphas": ()}, r"alphas must be a non-empty list of numbers in \[0, 1\]"),
        ({"steps": 0}, r"steps must be >= 1"),
        ({"iterations": 0}, r"iterations must be >= 1"),
        ({"hidden": (0,)}, r"hidden must be >= 1"),
        ({"learning_rate": 0.0}, r"learning_rate must be > 0"),
        ({"weight_decay": -1.0}, r"weight_decay must be >= 0"),
        ({"samples": 1797}, r"samples and validation must leave a test point"),
        ({"label_noise": -0.1}, r"label_noise must be >= 0 and <= 1"),
        ({"replicates": 0}, r"replicates must be >= 1"),
    ],
)
def test_bad_settings(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network_errors(rng(), **({"replicates": 1, "alphas": (0.5,), "steps": 2, **SMALL} | change))


def test_the_grid_must_hold_the_student_without_truth() -> None:
    with pytest.raises(ValueError, match=r"alphas must hold 0, the student without truth, got alphas=\[0\.5\]"):
        network_alphas(rng(), 1, alphas=(0.5,), **SMALL)


@pytest.mark.parametrize("hidden", [3, None, ((4, 4),)])
def test_bad_hidden(hidden: Any) -> None:
    with pytest.raises(ValueError, match="hidden must be a tuple of widths, got hidden="):
        network_errors(rng(), 1, alphas=(0.5,), steps=1, **(SMALL | {"hidden": hidden}))
