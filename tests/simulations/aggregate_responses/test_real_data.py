"""Real data: reductions to ordinary fits, losses against their definitions, the spike at as many bags as features."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from simulations.aggregate_responses._training import fit_classifiers, fit_networks
from simulations.aggregate_responses.real_data import (
    TRAINING_SIZES,
    _split,
    classification_accuracy,
    diabetes_errors,
    diabetes_network_errors,
)

# --- identities and limits


def test_bags_of_one_ignore_the_weight() -> None:
    errors = diabetes_errors(np.random.default_rng(1), 2, bag_size=1, interpolations=(0.0, 0.4, 1.0))
    np.testing.assert_allclose(errors[:, 1:], errors[:, :1].repeat(2, axis=1), rtol=1e-9)  # condition 20, squared


@pytest.mark.parametrize("data", list(TRAINING_SIZES))
def test_features_are_standardised_on_the_training_set(data: str) -> None:
    train, labels, test, others = _split(np.random.default_rng(8), data)
    np.testing.assert_allclose(train.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(train.std(axis=0), 1.0, rtol=1e-12)
    assert len(train) == len(labels) == TRAINING_SIZES[data]
    assert len(test) == len(others) > TRAINING_SIZES[data] / 5


def test_instance_level_is_least_squares_on_mean_labels() -> None:
    error = diabetes_errors(np.random.default_rng(2), 1, bag_size=8, interpolations=(1.0,))[0, 0]
    from sklearn.datasets import load_diabetes

    inputs, labels = load_diabetes(return_X_y=True)
    order = np.random.default_rng(2).permutation(442)
    train, test = order[:352], order[352:]
    inputs = (inputs - inputs[train].mean(axis=0)) / inputs[train].std(axis=0)
    labels = (labels - labels[train].mean()) / labels[train].std()
    means = np.repeat(labels[train].reshape(44, 8).mean(axis=1), 8)
    fit = np.linalg.solve(inputs[train].T @ inputs[train], inputs[train].T @ means)
    np.testing.assert_allclose(error, np.mean((labels[test] - inputs[test] @ fit) ** 2), rtol=1e-9)


# --- oracle


@pytest.mark.parametrize("pooling", ["score", "probability"])
def test_classifier_minimises_its_loss(pooling: str) -> None:
    rng = np.random.default_rng(3)
    inputs, tests = rng.standard_normal((1, 12, 2)), np.eye(2)[None]
    means = np.array([[1 / 3, 2 / 3, 0.0, 2 / 3]])

    def loss(parameters: np.ndarray) -> float:
        scores = inputs[0] @ parameters[:2] + parameters[2]
        chances = 1 / (1 + np.exp(-scores.reshape(4, 3)))
        level = chances.mean(axis=1) if pooling == "probability" else 1 / (1 + np.exp(-scores.reshape(4, 3).mean(1)))
        bag = -np.mean(means[0] * np.log(level) + (1 - means[0]) * np.log(1 - level))
        y = means[0][:, None]
        return 0.7 * bag + 0.3 * -np.mean(y * np.log(chances) + (1 - y) * np.log(1 - chances))

    best = minimize(loss, np.zeros(3), tol=1e-12).x
    options = {"bag_size": 3, "steps": 4000, "learning_rate": 0.02, "weight_decay": 0.0}
    scores = fit_classifiers(inputs, means, tests, np.array([0.3]), pooling=pooling, **options)
    np.testing.assert_allclose(scores[0, 0], best[:2] + best[2], atol=1e-3)  # Adam's step size at the end


def test_network_fits_bag_means_and_spread_as_told() -> None:
    """One bag of two with labels' mean 1: at weight 0 the mean is fitted, at a huge weight both predictions are."""
    inputs, means = np.array([[[1.0, 0.0], [0.0, 1.0]]]), np.ones((1, 1))
    options = {"bag_size": 2, "widths": (8,), "steps": 600, "learning_rate": 0.02}
    fitted = fit_networks(4, inputs, means, inputs, np.array([0.0, 5.0]), **options)
    np.testing.assert_allclose(fitted[0].mean(axis=1), 1.0, atol=1e-3)
    np.testing.assert_allclose(fitted[0, 1], 1.0, atol=1e-2)
    assert np.ptp(fitted[0, 0]) > 0.05  # nothing pulls them together


def test_network_without_hidden_layer_is_weighted_least_squares() -> None:
    """Bag means with weight 1, centred rows with weight rho: intercept and slopes solve the normal equations."""
    rng, bag, rhos = np.random.default_rng(9), 3, np.array([0.3, 2.5])
    inputs, means = rng.standard_normal((1, 12, 2)), rng.standard_normal((1, 4))
    options = {"bag_size": bag, "widths": (), "steps": 4000, "learning_rate": 0.02}
    fitted = fit_networks(4, inputs, means, inputs, rhos, **options)
    rows = np.column_stack([inputs[0], np.ones(12)])
    level = rows.reshape(4, bag, 3).mean(axis=1)
    rest = rows - np.repeat(level, bag, axis=0)
    for prediction, rho in zip(fitted[0], rhos, strict=True):
        best = np.linalg.solve(level.T @ level / 4 + rho * rest.T @ rest / 12, level.T @ means[0] / 4)
        np.testing.assert_allclose(prediction, rows @ best, atol=2e-3)  # Adam's step size at the end


def test_accuracy_counts_scores_on_the_right_side_of_zero() -> None:
    setting = {"bag_size": 8, "steps": 40, "learning_rate": 0.05, "weight_decay": 0.0, "pooling": "score"}
    accuracy = classification_accuracy(np.random.default_rng(3), 1, data="digits", interpolations=(0.4,), **setting)
    train, labels, test, others = _split(np.random.default_rng(3), "digits")
    means = labels.reshape(-1, 8).mean(axis=1)
    scores = fit_classifiers(train[None], means[None], test[None], np.array([0.4]), **setting)[0, 0]
    hits = [score > 0 if label == 1 else score <= 0 for score, label in zip(scores, others, strict=True)]
    np.testing.assert_allclose(accuracy, [[np.mean(hits)]], rtol=1e-12)


# --- properties


def test_a_small_weight_removes_the_spike_at_as_many_bags_as_features() -> None:
    """11 bags and 10 features; medians, since the spike has no mean to speak of."""
    errors = diabetes_errors(np.random.default_rng(5), 40, bag_size=32, interpolations=(0.0, 0.025, 1.0))
    bag, best, instance = np.median(errors, axis=0)
    assert bag > 2 * best
    assert best < instance < 1.2


def test_network_measure_is_deterministic_and_learns() -> None:
    setting = {"bag_size": 4, "interpolations": (0.0, 0.5), "widths": (16,), "steps": 60, "learning_rate": 0.01}
    first, second = (diabetes_network_errors(np.random.default_rng(6), 2, **setting) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 2)
    assert np.all(first < 0.9)  # predicting the mean has error 1


@pytest.mark.parametrize("data", ["breast cancer", "digits"])
def test_classification_learns_from_small_bags(data: str) -> None:
    setting = {"bag_size": 4, "interpolations": (0.0, 0.1), "steps": 100}
    accuracy = classification_accuracy(np.random.default_rng(7), 2, data=data, pooling="probability", **setting)
    assert np.all(accuracy.mean(axis=0) > 0.8)
    decayed = classification_accuracy(
        np.random.default_rng(7), 2, data=data, pooling="probability", weight_decay=1.0, **setting
    )
    assert not np.array_equal(accuracy, decayed)


# --- bad input


def test_bad_input() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"bag_size must divide n into a whole number of bags, got bag_size=7\.0"):
        diabetes_errors(rng, 1, bag_size=7, interpolations=(0.1,))
    with pytest.raises(ValueError, match=r"bag_size must be an integer, got bag_size=2\.75"):
        diabetes_network_errors(rng, 1, bag_size=2.75, interpolations=(0.1,))  # pyright: ignore
    setting = {"data": "digits", "bag_size": 4, "interpolations": (0.0,), "pooling": "score"}
    for change, message in (
        ({"data": "wine"}, r"data must be 'breast cancer' or 'digits', got data='wine'"),
        ({"pooling": "sum"}, r"pooling must be 'score' or 'probability', got pooling='sum'"),
        ({"interpolations": (1.5,)}, r"interpolations must be <= 1, got interpolations\[0\]=1\.5"),
        ({"steps": 0}, r"steps must be >= 1, got steps=0\.0"),
        ({"learning_rate": 0.0}, r"learning_rate must be > 0, got learning_rate=0\.0"),
        ({"weight_decay": -1.0}, r"weight_decay must be >= 0, got weight_decay=-1\.0"),
    ):
        with pytest.raises(ValueError, match=message):
            classification_accuracy(rng, 1, **(setting | change))
