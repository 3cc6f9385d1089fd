"""The literal recursion: its objectives, its forms against each other, 40-digit solves, refits without a point."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from simulations.self_distillation.recursion import (
    left_out_predictions,
    left_out_primal_predictions,
    literal_coefficients,
    literal_fits,
    loss_weighted_fits,
    settled_fits,
)

ALPHAS = (0.3, -0.4, 1.6)


def problem(n: int = 6, p: int = 4, outputs: int = 0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, p)), rng.standard_normal((n, outputs) if outputs else n)


def applied(inputs: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Predictions of every step from coefficients (steps, features[, outputs])."""
    return np.stack([inputs @ step for step in coefficients])


# --- identities and limits


@pytest.mark.parametrize(("n", "p", "outputs"), [(6, 4, 0), (4, 6, 0), (5, 5, 3), (1, 1, 2)])
def test_primal_and_dual_agree(n: int, p: int, outputs: int) -> None:
    design, targets = problem(n, p, outputs)
    others = np.random.default_rng(2).standard_normal((3, p))
    dual = literal_fits(design @ design.T, targets, 0.7, ALPHAS, cross_gram=others @ design.T)
    primal = literal_coefficients(design, targets, 0.7, ALPHAS)
    # condition of the solves below (40 / 0.7), four steps: 1e-13 with room
    np.testing.assert_allclose(dual, applied(others, primal), rtol=1e-11, atol=1e-12)
    fits = literal_fits(design @ design.T, targets, 0.7, ALPHAS)
    np.testing.assert_allclose(fits, applied(design, primal), rtol=1e-11, atol=1e-12)


def test_truth_only_stays_at_the_first_step() -> None:
    design, targets = problem()
    fits = literal_fits(design @ design.T, targets, 0.7, (1.0, 1.0))
    np.testing.assert_allclose(fits[1:], [fits[0]] * 2, rtol=1e-14)


def test_every_step_minimises_its_objective() -> None:
    design, targets = problem()
    fits = literal_coefficients(design, targets, 0.7, (0.3, 0.6))
    for alpha, before, after in zip((0.3, 0.6), fits, fits[1:], strict=False):
        teacher = design @ before

        def objective(b: np.ndarray, alpha: float = alpha, teacher: np.ndarray = teacher) -> float:
            truth, other = np.sum((design @ b - targets) ** 2), np.sum((design @ b - teacher) ** 2)
            return (alpha * truth + (1 - alpha) * other + 0.7 * b @ b) / 2

        # a minimum known to sqrt(eps) of the objective's scale
        np.testing.assert_allclose(after, minimize(objective, np.zeros(4), tol=1e-10).x, atol=1e-6)


def test_loss_weights_with_sum_one_are_the_recursion_and_others_are_not() -> None:
    design, targets = problem()
    kernel = design @ design.T
    same = loss_weighted_fits(kernel, targets, 0.7, truth_weight=0.3, teacher_weight=0.7, steps=3)
    np.testing.assert_allclose(same, literal_fits(kernel, targets, 0.7, (0.3, 0.3)), rtol=1e-11)
    double = loss_weighted_fits(kernel, targets, 0.7, truth_weight=0.6, teacher_weight=1.4, steps=3)
    np.testing.assert_allclose(double, literal_fits(kernel, targets, 0.35, (0.3, 0.3)), rtol=1e-11)


def test_sample_weights_repeat_samples() -> None:
    """Weight 2 equals the sample twice, weight 0 the sample left out: the same function at every step."""
    design, targets = problem(4, 3)
    kernel, rows = design @ design.T, [0, 1, 1, 3]
    weighted = literal_fits(kernel, targets, 0.7, ALPHAS, sample_weights=[1.0, 2.0, 0.0, 1.0])
    doubled = literal_fits(kernel[np.ix_(rows, rows)], targets[rows], 0.7, ALPHAS, cross_gram=kernel[:, rows])
    np.testing.assert_allclose(weighted, doubled, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("alpha", [0.15, 0.6, 1.4])
def test_the_recursion_settles_where_a_step_changes_nothing(alpha: float) -> None:
    design, targets = problem()
    kernel = design @ design.T
    fits, steps = settled_fits(kernel, targets, 0.7, alpha)
    again = literal_fits(kernel, alpha * targets + (1 - alpha) * fits, 0.7)[0]
    np.testing.assert_allclose(fits, again, atol=1e-12)
    assert 3 < steps < 1000
    np.testing.assert_allclose(literal_fits(kernel, targets, 0.7, [alpha] * steps)[-1], fits, atol=1e-12)


# --- oracle


def test_against_solves_with_40_digits() -> None:
    design, targets = problem(3, 2, 0, seed=5)
    for ridge in (1e-6, 1.0, 1e6):
        with mpmath.workdps(40):
            inputs = mpmath.matrix(design.tolist())
            kernel, truth = inputs * inputs.T, mpmath.matrix(targets.tolist())
            fits, expected = truth, []
            for alpha in (1, *map(mpmath.mpf, ALPHAS)):
                target = alpha * truth + (1 - alpha) * fits
                fits = kernel * mpmath.lu_solve(kernel + mpmath.mpf(ridge) * mpmath.eye(3), target)
                expected.append([float(value) for value in fits])
        # eps times the condition of the matrix, at most 10 / 1e-6, and four steps
        np.testing.assert_allclose(literal_fits(design @ design.T, targets, ridge, ALPHAS), expected, rtol=1e-7)


@pytest.mark.parametrize(("n", "p", "outputs"), [(6, 3, 0), (4, 7, 2)])
def test_left_out_predictions_by_hand(n: int, p: int, outputs: int) -> None:
    design, targets = problem(n, p, outputs)
    left_out = left_out_predictions(design @ design.T, targets, 0.7, ALPHAS)
    np.testing.assert_allclose(left_out_primal_predictions(design, targets, 0.7, ALPHAS), left_out, atol=1e-11)
    for i in range(n):
        rest = [j for j in range(n) if j != i]
        coefficients = literal_coefficients(design[rest], targets[rest], 0.7, ALPHAS)
        np.testing.assert_allclose(left_out[:, i], np.tensordot(coefficients, design[i], (1, 0)), atol=1e-11)


def test_left_out_ridge_by_the_known_shortcut() -> None:
    """One step: y_i - p_i = (y_i - f_i) / (1 - L_ii)."""
    design, targets = problem()
    kernel = design @ design.T
    hat = np.linalg.solve(kernel + 0.7 * np.eye(6), kernel)
    expected = targets - (targets - hat @ targets) / (1 - np.diag(hat))
    np.testing.assert_allclose(left_out_predictions(kernel, targets, 0.7)[0], expected, rtol=1e-11)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.integers(1, 6), st.integers(1, 6), st.floats(1e-3, 1e3), st.floats(0.1, 30.0), st.integers(0, 99))
def test_linear_in_targets_and_blind_to_scale(n: int, p: int, ridge: float, scale: float, seed: int) -> None:
    design, targets = problem(n, p, 2, seed)
    kernel = design @ design.T
    fits = literal_fits(kernel, targets, ridge, ALPHAS)
    # condition at most 1e5, four steps
    np.testing.assert_allclose(literal_fits(scale * kernel, targets, scale * ridge, ALPHAS), fits, atol=1e-9)
    both = literal_fits(kernel, targets[:, 0] - scale * targets[:, 1], ridge, ALPHAS)
    np.testing.assert_allclose(both, fits[..., 0] - scale * fits[..., 1], atol=1e-9)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ridge": 0.0}, r"ridge must be > 0, got ridge=0\.0"),
        ({"ridge": [0.1]}, r"ridge must be a single real number"),
        ({"gram": [[1.0, 0.5]]}, r"gram must be a square matrix, got shape \(1, 2\)"),
        ({"gram": [[1.0, 0.5], [0.1, 1.0]]}, r"gram must be a symmetric matrix"),
        ({"targets": [1.0]}, r"targets must have shape \(2,\) or \(2, outputs\), got shape \(1,\)"),
        ({"targets": [1.0, np.nan]}, r"targets must be a number, got targets\[1\]=nan"),
        ({"alphas": 0.5}, r"alphas must have shape \(steps - 1,\), got shape \(\)"),
        ({"alphas": "0.5"}, r"alphas must be a real number"),
        ({"cross_gram": [[1.0]]}, r"cross_gram and gram must have as many columns"),
        ({"sample_weights": [1.0, -1.0]}, r"sample_weights must be >= 0, got sample_weights\[1\]=-1\.0"),
        ({"sample_weights": [1.0]}, r"sample_weights and gram must have as many samples, got 1 and 2"),
    ],
)
def test_bad_fits(change: dict, message: str) -> None:
    good = {"gram": [[1.0, 0.5], [0.5, 1.0]], "targets": [1.0, 2.0], "ridge": 0.5}
    with pytest.raises(ValueError, match=message):
        literal_fits(**(good | change))


def test_bad_others() -> None:
    with pytest.raises(ValueError, match=r"truth_weight and teacher_weight must not both be 0"):
        loss_weighted_fits([[1.0]], [1.0], 0.5, truth_weight=0.0, teacher_weight=0.0, steps=2)
    with pytest.raises(ValueError, match=r"at least 2 samples to leave one out, got 1"):
        left_out_predictions([[1.0]], [1.0], 0.5)
    with pytest.raises(ArithmeticError, match=r"did not settle"):
        settled_fits([[1.0]], [1.0], 0.5, 4.0)
    with pytest.raises(ArithmeticError, match=r"did not settle"):
        settled_fits([[9.0]], [1.0], 0.5, 0.01, most_steps=3)
