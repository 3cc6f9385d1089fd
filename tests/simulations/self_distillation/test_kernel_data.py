"""Real data: fast errors against refits at every step, tuned weights against grids, published orders of magnitude."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simulations.self_distillation.data import data_pool, noisy_labels, one_hot, split
from simulations.self_distillation.kernel_data import (
    best_alpha,
    digits_classes,
    digits_errors,
    digits_greedy_errors,
    table_errors,
)
from simulations.self_distillation.recursion import literal_fits
from simulations.self_distillation.toy import rbf_kernel


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def digits_problem(samples: int, label_noise: float) -> tuple[np.ndarray, ...]:
    """Kernel, noisy one-hot targets, cross kernel, test classes, from the numbers the measures draw."""
    generator = rng()
    inputs, classes = data_pool("digits")
    train, test = split(generator, len(inputs), samples)
    targets = one_hot(noisy_labels(generator, classes[train], 10, label_noise), 10)
    kernels = (rbf_kernel(inputs[part], inputs[train], 0.05) for part in (train, test))
    return *kernels, targets, classes[test]


# --- identities and limits


def test_digits_errors_are_those_of_refits() -> None:
    kernel, cross, targets, classes = digits_problem(60, 0.4)
    errors = digits_errors(rng(), 1, ridge=0.02, alphas=(0.0, 0.3), steps=3, samples=60)[0]
    for row, alpha in zip(errors, (0.0, 0.3), strict=True):
        fits = literal_fits(kernel, targets, 0.02, [alpha] * 60, cross_gram=cross)
        mse = np.mean((fits - one_hot(classes, 10)) ** 2, axis=(1, 2))
        np.testing.assert_allclose(row[:3, 0], mse[:3], rtol=1e-8)  # condition 60 / 0.02, three steps
        np.testing.assert_array_equal(row[:3, 1], np.mean(fits[:3].argmax(axis=2) == classes, axis=1))
    np.testing.assert_allclose(errors[1, 3, 0], mse[-1], rtol=1e-7)  # 0.7^61 is 4e-10
    np.testing.assert_allclose(errors[0, 3, 0], 0.1, rtol=1e-14)  # without truth nothing is left of the fit


def test_classes_are_counted_as_in_refits() -> None:
    kernel, cross, targets, _ = digits_problem(60, 0.0)
    fits = literal_fits(kernel, targets, 0.5, [0.0] * 99, cross_gram=cross)
    steps = (1, 10, 40, 100)
    counted = digits_classes(rng(), 1, ridge=0.5, steps=steps, samples=60)[0]
    assert counted.tolist() == [np.unique(fits[t - 1].argmax(axis=1)).size for t in steps]


def test_thousands_of_steps_leave_one_class_and_do_not_underflow() -> None:
    """(d/(d + 5))^20000 is below float64 for all modes; the kernel is positive, so the top mode names one class."""
    assert digits_classes(rng(), 1, ridge=5.0, steps=(1, 20_000), samples=60).tolist() == [[10.0, 1.0]]
    # a narrow kernel is nearly the identity: all modes decay alike, to 1e-441 here, and all classes stay
    assert digits_classes(rng(), 1, ridge=1e9, steps=(50,), samples=60, width=5.0).tolist() == [[10.0]]


def test_greedy_alphas_cannot_be_improved_on_validation_data() -> None:
    setting = {"ridge": 0.02, "steps": 3, "samples": 60, "validation": 50}
    free = digits_greedy_errors(rng(), 2, clip=False, **setting)
    clipped = digits_greedy_errors(rng(), 2, **setting)
    assert np.all((clipped[..., 3] >= 0) & (clipped[..., 3] <= 1))
    assert np.all(free[:, 1, 0] <= clipped[:, 1, 0] + 1e-15)
    assert np.all(clipped[..., 0] <= clipped[:, :1, 0] + 1e-15)  # alpha = 1 is always at hand
    np.testing.assert_array_equal(free[:, 0], clipped[:, 0])


# --- oracle


def test_greedy_by_refits_on_a_grid() -> None:
    generator, inputs = rng(), data_pool("digits")[0]
    classes = data_pool("digits")[1]
    train, chosen, test = split(generator, len(inputs), 60, 50)
    targets = one_hot(noisy_labels(generator, classes[train], 10, 0.4), 10)
    kernel, held, others = (rbf_kernel(inputs[part], inputs[train], 0.05) for part in (train, chosen, test))
    rows = digits_greedy_errors(rng(), 1, ridge=0.02, steps=3, samples=60, validation=50)[0]
    fits = literal_fits(kernel, targets, 0.02, rows[1:, 3], cross_gram=np.vstack([held, others]))
    held_out = np.mean((fits[:, :50] - one_hot(classes[chosen], 10)) ** 2, axis=(1, 2))
    np.testing.assert_allclose(rows[:, 0], held_out, rtol=1e-8)
    np.testing.assert_allclose(
        rows[:, 1], np.mean((fits[:, 50:] - one_hot(classes[test], 10)) ** 2, axis=(1, 2)), rtol=1e-8
    )
    for alpha in np.linspace(0, 1, 21):
        other = literal_fits(kernel, targets, 0.02, (alpha,), cross_gram=held)[1]
        assert np.mean((other - one_hot(classes[chosen], 10)) ** 2) >= rows[1, 0] - 1e-14


def test_best_alpha_is_the_minimum() -> None:
    generator = rng()
    first, pure, truth = generator.standard_normal((3, 5, 2))
    best = best_alpha(first, pure, truth)

    def loss(alpha: float) -> float:
        return float(np.sum((alpha * first + (1 - alpha) * pure - truth) ** 2))

    assert all(loss(best) < loss(best + step) for step in (-1e-4, 1e-4))
    assert best_alpha(first, first, truth) == 1.0


def test_diabetes_as_measured_before() -> None:
    """Over-regularised ridge is repaired by one tuned distillation; 40 other splits gave 3992 and 3194."""
    errors = table_errors(rng(), 12, data="diabetes", ridges=(0.3, 3.0), samples=110, validation=66)[..., 0]
    mean, error = errors.mean(axis=0), errors.std(axis=0, ddof=1) / np.sqrt(12)
    assert abs(mean[1, 0] - 3992) < 5 * error[1, 0]
    assert np.all(mean[1, 1:4] < 0.86 * mean[1, 0])
    assert np.all(mean[0, 1:4] > 0.95 * mean[0, 0])
    assert np.all(errors[..., 1] <= errors.min(axis=-1) + 1e-9)  # the oracle is best on its own test points


def test_tuned_students_by_refits() -> None:
    """All five predictors of one split, each alpha by a scan of refits."""
    inputs, targets = data_pool("diabetes")
    errors = table_errors(rng(), 1, data="diabetes", ridges=(0.3,), samples=30, validation=20)[0, 0, :, 0]
    train, chosen, test = split(rng(), len(inputs), 30, 20)
    design = (inputs - inputs[train].mean(axis=0)) / inputs[train].std(axis=0)
    kernel, aims = design @ design[train].T, targets - targets[train].mean()

    def student(alpha: float, kept: np.ndarray, rows: np.ndarray) -> np.ndarray:
        gram = kernel[np.ix_(train[kept], kept)]
        return literal_fits(gram, aims[train[kept]], 0.3 * 30, (alpha,), cross_gram=kernel[np.ix_(rows, kept)])[1]

    def best(loss: Callable[[float], float]) -> float:
        low, middle, high = loss(-2.0), loss(0.0), loss(2.0)
        return (low - high) / (low + high - 2 * middle)

    every = np.arange(30)

    def mean_error(alpha: float, rows: np.ndarray) -> float:
        return float(np.mean((student(alpha, every, rows) - aims[rows]) ** 2))

    def left_out(alpha: float) -> float:
        others = (student(alpha, np.delete(every, i), train[[i]])[0] - aims[train[i]] for i in every)
        return float(np.mean(np.square(list(others))))

    held = best(lambda alpha: mean_error(alpha, chosen))
    alphas = [1.0, best(lambda alpha: mean_error(alpha, test)), best(left_out), held, float(np.clip(held, 0, 1))]
    np.testing.assert_allclose(errors, [mean_error(alpha, test) for alpha in alphas], rtol=1e-9)
    assert np.unique(errors.round(6)).size == 5 - (held == alphas[4])


def test_noisy_labels_are_wrong_as_often_as_said() -> None:
    labels = noisy_labels(rng(), np.full(20_000, 3.0), 10, 0.4)
    assert abs(np.mean(labels != 3) - 0.36) < 5 * np.sqrt(0.36 * 0.64 / 20_000)  # one in 1e6
    assert set(labels) == set(range(10))


# --- properties


@pytest.mark.parametrize(("data", "columns"), [("diabetes", 1), ("breast_cancer", 2), ("wine", 2)])
def test_tables(data: str, columns: int) -> None:
    first, second = (table_errors(rng(), 2, data=data, ridges=(0.1, 9.0), samples=50, validation=30) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2, 2, 5, columns)
    assert np.all(np.isfinite(first))


def test_pools_are_read_only_and_splits_disjoint() -> None:
    inputs, _ = data_pool("wine")
    with pytest.raises(ValueError, match="read-only"):
        inputs[0, 0] = 0.0
    parts = split(rng(), 11, 3, 2)
    assert sorted(np.concatenate(parts).tolist()) == list(range(11))


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ridge": 0.0}, r"ridges must be > 0"),
        ({"alphas": (1.2,)}, r"alphas must be a non-empty list of numbers in \[0, 1\]"),
        ({"alphas": ()}, r"alphas must be a non-empty list of numbers in \[0, 1\]"),
        ({"steps": 0}, r"steps must be >= 1, got steps=0"),
        ({"samples": 1797}, r"samples and validation must leave a test point out of 1797, got 1797"),
        ({"label_noise": 1.5}, r"label_noise must be >= 0 and <= 1"),
        ({"width": -1.0}, r"width must be >= 0"),
        ({"replicates": 0}, r"replicates must be >= 1"),
    ],
)
def test_bad_digits(change: dict, message: str) -> None:
    setting = {"replicates": 1, "ridge": 0.1, "alphas": (0.5,), "steps": 2, "samples": 20} | change
    with pytest.raises(ValueError, match=message):
        digits_errors(rng(), **setting)


def test_bad_tables() -> None:
    with pytest.raises(ValueError, match=r"data must be one of diabetes, breast_cancer, wine, got data='digits'"):
        table_errors(rng(), 1, data="digits", ridges=(0.1,), samples=20, validation=10)
    with pytest.raises(ValueError, match=r"samples must be >= 2, got samples=1"):
        table_errors(rng(), 1, data="wine", ridges=(0.1,), samples=1, validation=10)
    with pytest.raises(ValueError, match=r"data must be one of digits"):
        data_pool("iris")
    with pytest.raises(ValueError, match=r"first, pure and truth must have one shape"):
        best_alpha([1.0], [1.0, 2.0], [1.0])


def test_bad_predictions() -> None:
    with pytest.raises(ValueError, match="pure must be a real number or an array of them, got pure='x'"):
        best_alpha([1.0], "x", [1.0])  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"first, pure and truth must have one shape, not empty, got \(0,\)"):
        best_alpha([], [], [])
