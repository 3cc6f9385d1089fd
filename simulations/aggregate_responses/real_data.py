"""Aggregate responses on scikit-learn's bundled data: diabetes (regression), breast cancer and digits (two classes).

A replicate is a random split into training and test set; features are standardised on the training set, and so are the
labels of the regression, so that errors are in units of their variance. Bags are made of consecutive rows of the random
order. A stand-in for the paper's experiment on Boston housing (ar.P2), whose data are no longer bundled.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_vector
from simulations.aggregate_responses._arguments import check_bags, check_interpolations
from simulations.aggregate_responses.bags import bag_means, split_evenly
from simulations.aggregate_responses.literal import fit_aggregates

__all__ = ["TRAINING_SIZES", "classification_accuracy", "diabetes_errors", "diabetes_network_errors"]

Array = NDArray[np.float64]
TRAINING_SIZES = {"diabetes": 352, "breast cancer": 448, "digits": 1408}  # near 80 %, with many divisors


@lru_cache(maxsize=3)
def _pool(name: str) -> tuple[Array, Array]:
    """Features and labels; the classes of digits are odd and even. Constant pixels of digits are left out."""
    from sklearn import datasets  # imported here: it costs most of a second, and only real data need it

    load = {"diabetes": datasets.load_diabetes, "breast cancer": datasets.load_breast_cancer}.get(name)
    inputs, labels = (load or datasets.load_digits)(return_X_y=True)
    inputs = inputs[:, np.std(inputs, axis=0) > 0.5] if name == "digits" else inputs
    return np.asarray(inputs, dtype=np.float64), np.asarray(labels % 2 if name == "digits" else labels, dtype=float)


def _split(rng: np.random.Generator, name: str) -> tuple[Array, Array, Array, Array]:
    """Training inputs and labels, test inputs and labels of a random split, features standardised."""
    inputs, labels = _pool(name)
    order, size = rng.permutation(len(labels)), TRAINING_SIZES[name]
    train, test = inputs[order[:size]], inputs[order[size:]]
    centre, scale = train.mean(axis=0), train.std(axis=0)
    return (train - centre) / scale, labels[order[:size]], (test - centre) / scale, labels[order[size:]]


def _diabetes_split(rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """The same for diabetes, labels standardised as well."""
    train, labels, test, others = _split(rng, "diabetes")
    centre, scale = labels.mean(), labels.std()
    return train, (labels - centre) / scale, test, (others - centre) / scale


def diabetes_errors(
    rng: np.random.Generator, replicates: int, *, bag_size: float, interpolations: Iterable[float]
) -> Array:
    """Return the test MSE of the linear model for every rho, in units of the label variance, (replicates, rhos).

    352 training and 90 test patients, 10 features; least squares of least norm. `rng` draws the splits, `replicates`
    >= 1 of them; `bag_size` >= 1 divides 352; `interpolations` lists rho >= 0.

    One bag: its mean label, 0, is all that is known.

    >>> errors = diabetes_errors(np.random.default_rng(0), 1, bag_size=352, interpolations=(0.5,))
    >>> bool(0.6 < errors[0, 0] < 1.5)
    True
    """
    n, bags = check_bags(TRAINING_SIZES["diabetes"], bag_size)
    rhos, sizes = check_interpolations(interpolations), split_evenly(n, bags)
    errors = np.empty((check_integer("replicates", replicates, low=1), rhos.size))
    for row in errors:
        train, labels, test, others = _diabetes_split(rng)
        means = bag_means(labels, sizes)
        row[:] = [np.mean((others - test @ fit_aggregates(train, means, sizes, rho)) ** 2) for rho in rhos]
    return errors


def _whole_bags(name: str, bag_size: int) -> NDArray[np.int64]:
    """Sizes of the bags of a training set, equal and whole."""
    n, bags = check_bags(TRAINING_SIZES[name], check_integer("bag_size", bag_size, low=1))
    return split_evenly(n, bags)


def diabetes_network_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    bag_size: int,
    interpolations: Iterable[float],
    widths: ArrayLike = (64, 64, 64),
    steps: int = 600,
    learning_rate: float = 1e-3,
) -> Array:
    """Return the test MSE of a ReLU network for every rho, in units of the label variance, (replicates, rhos).

    Every replicate is one split and one start, shared by all rho; all are trained together. `rng` draws splits and
    first weights, `replicates` >= 1; `bag_size` >= 1 is whole and divides 352; `interpolations` lists rho >= 0;
    `widths` of the hidden layers; `steps` >= 1 full-batch steps of Adam with `learning_rate` > 0.

    >>> setting = dict(bag_size=88, interpolations=(0.0, 1.0), widths=(3,), steps=2)
    >>> diabetes_network_errors(np.random.default_rng(0), 2, **setting).shape
    (2, 2)
    """
    from simulations.aggregate_responses._training import fit_networks

    rhos, sizes = check_interpolations(interpolations), _whole_bags("diabetes", bag_size)
    count, steps = check_integer("replicates", replicates, low=1), check_integer("steps", steps, low=1)
    rate = check_number("learning_rate", learning_rate, low=0.0, open_low=True)
    hidden = tuple(check_integer("widths", w, low=1) for w in check_vector("widths", widths, axis="layers"))
    splits = [_diabetes_split(rng) for _ in range(count)]
    train, labels, test, others = (np.stack(part) for part in zip(*splits, strict=True))
    means = np.stack([bag_means(y, sizes) for y in labels])
    seed, options = int(rng.integers(2**31)), {"widths": hidden, "steps": steps, "learning_rate": rate}
    predictions = fit_networks(seed, train, means, test, rhos, bag_size=int(sizes[0]), **options)
    return np.mean((others[:, None, :] - predictions) ** 2, axis=-1)


def classification_accuracy(
    rng: np.random.Generator,
    replicates: int,
    *,
    data: str,
    bag_size: int,
    interpolations: Iterable[float],
    pooling: str,
    steps: int = 300,
    learning_rate: float = 0.05,
    weight_decay: float = 0.0,
) -> Array:
    """Return the test accuracy of logistic regression on mean labels for every rho, (replicates, rhos).

    The loss is (1 - rho) bag loss + rho instance loss, logistic; in the bag loss stands the mean score where `pooling`
    is "score", the mean probability where it is "probability". `data` is "breast cancer" (448 training, 121 test
    samples, 30 features) or "digits" (1408, 389; odd against even). `rng` draws the splits, `replicates` >= 1;
    `bag_size` >= 1 is whole and divides the training size; `interpolations` lists rho in [0, 1]; `steps` >= 1
    full-batch steps of AdamW from zero with `learning_rate` > 0 and `weight_decay` >= 0.

    >>> setting = dict(data="breast cancer", bag_size=1, interpolations=(0.0, 1.0), pooling="score", steps=50)
    >>> accuracy = classification_accuracy(np.random.default_rng(0), 2, **setting)
    >>> bool(np.all(accuracy > 0.9)), bool(np.ptp(accuracy, axis=1).max() == 0)
    (True, True)
    """
    from simulations.aggregate_responses._training import fit_classifiers

    if data not in ("breast cancer", "digits"):
        raise ValueError(f"data must be 'breast cancer' or 'digits', got data={data!r}")
    if pooling not in ("score", "probability"):
        raise ValueError(f"pooling must be 'score' or 'probability', got pooling={pooling!r}")
    rhos, sizes = check_interpolations(interpolations), _whole_bags(data, bag_size)
    check_vector("interpolations", rhos, high=1.0)
    count, steps = check_integer("replicates", replicates, low=1), check_integer("steps", steps, low=1)
    rate = check_number("learning_rate", learning_rate, low=0.0, open_low=True)
    decay = check_number("weight_decay", weight_decay, low=0.0)
    splits = [_split(rng, data) for _ in range(count)]
    train, labels, test, others = (np.stack(part) for part in zip(*splits, strict=True))
    means = np.stack([bag_means(y, sizes) for y in labels])
    options = {"bag_size": int(sizes[0]), "pooling": pooling, "steps": steps}
    scores = fit_classifiers(train, means, test, rhos, learning_rate=rate, weight_decay=decay, **options)
    return np.mean((scores > 0) == (others[:, None, :] > 0.5), axis=-1)
