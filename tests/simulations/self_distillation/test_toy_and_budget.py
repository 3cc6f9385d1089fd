"""The eleven-point toy against published losses, and refits under a residual budget."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from simulations.self_distillation.budget import budget_fits
from simulations.self_distillation.recursion import literal_fits, settled_fits
from simulations.self_distillation.toy import TOY_INPUTS, TOY_TARGETS, rbf_kernel, toy_grid, toy_kernel, toy_losses

PUBLISHED = {
    0.0: (0.16477, 0.15076, 0.14915, 0.15561, 0.16735, 0.18251),
    0.25: (0.16477, 0.15309, 0.14958, 0.14903, 0.14946, 0.15011),
    0.35: (0.16477, 0.15424, 0.15089, 0.14983, 0.14954, 0.14948),
}

# --- identities and limits


def test_kernels_agree() -> None:
    points = np.array([0.0, 0.33, 2.0])
    np.testing.assert_allclose(rbf_kernel(points[:, None], TOY_INPUTS[:, None], 80.0), toy_kernel(points), rtol=1e-11)
    far = rbf_kernel([[1e6], [1e6 + 0.5]], [[1e6]], 2.0)
    np.testing.assert_allclose(far[:, 0], [1.0, math.exp(-0.5)], rtol=1e-9)  # 1e6 eps in the distance


def test_budget_steps_are_ridge_fits_within_the_budget() -> None:
    kernel, budget = toy_kernel(), 0.02
    fits, ridges = budget_fits(kernel, TOY_TARGETS, budget, (0.0, 0.2, 0.1))
    teacher = TOY_TARGETS
    for alpha, fit, ridge in zip((0.0, 0.0, 0.2, 0.1), fits, ridges, strict=True):
        target = alpha * TOY_TARGETS + (1 - alpha) * teacher
        np.testing.assert_allclose(fit, literal_fits(kernel, target, ridge)[0], rtol=1e-10)
        loss = alpha * np.mean((fit - TOY_TARGETS) ** 2) + (1 - alpha) * np.mean((fit - teacher) ** 2)
        np.testing.assert_allclose(loss, budget, rtol=1e-11)  # the root is found to 1e-14 in log ridge
        teacher = fit


def test_a_tiny_budget_is_met_by_a_tiny_ridge() -> None:
    """One point of kernel 3 and target 2: ridge/(3 + ridge) = 1e-10/2; below 1e-15 of the trace the search gives up."""
    fits, ridges = budget_fits([[3.0]], [2.0], 1e-20)
    np.testing.assert_allclose(ridges, [1.5e-10], rtol=1e-9)
    np.testing.assert_allclose(fits, [[2.0]], rtol=1e-9)


# --- oracle


@pytest.mark.parametrize("alpha", PUBLISHED)
def test_published_losses(alpha: float) -> None:
    """The README of the authors' repository and its notebook, to all printed digits."""
    np.testing.assert_allclose(toy_losses([alpha] * 5), PUBLISHED[alpha], atol=5.1e-6)


@pytest.mark.parametrize(("alpha", "published"), [(0.25, 0.15250), (0.35, 0.14959)])
def test_published_limits(alpha: float, published: float) -> None:
    fits, _ = settled_fits(toy_kernel(), TOY_TARGETS, 0.2, alpha)
    target = alpha * TOY_TARGETS + (1 - alpha) * fits
    grid, sine = toy_grid()
    predictions = literal_fits(toy_kernel(), target, 0.2, cross_gram=toy_kernel(grid))[0]
    np.testing.assert_allclose(np.mean((predictions - sine) ** 2), published, atol=5.1e-6)


def test_the_smoothest_function_in_the_budget() -> None:
    """Minimal norm under the constraint, by a general solver on three points."""
    inputs = np.array([[0.0], [0.4], [1.0]])
    kernel, targets = rbf_kernel(inputs, inputs, 2.0), np.array([1.0, -0.5, 0.7])
    fits, _ = budget_fits(kernel, targets, 0.1)
    constraint = {"type": "ineq", "fun": lambda c: 0.1 - np.mean((kernel @ c - targets) ** 2)}
    found = minimize(
        lambda c: c @ kernel @ c, np.linalg.solve(kernel, targets), constraints=[constraint], options={"ftol": 1e-13}
    )
    np.testing.assert_allclose(kernel @ found.x, fits[0], atol=1e-5)  # sqrt of the solver's tolerance


# --- properties


def test_budget_ends_in_collapse_within_its_bounds() -> None:
    """Non-zero fits: at least |y| / sqrt(n eps) - 1, at most |y|^2 / (n eps), rounded up."""
    budget = 0.05
    fits, ridges = budget_fits(toy_kernel(), TOY_TARGETS, budget, [0.0] * 20)
    alive = int(np.sum(np.isfinite(ridges)))
    ratio = np.sum(TOY_TARGETS**2) / (11 * budget)
    assert math.sqrt(ratio) - 1 <= alive <= math.ceil(ratio)
    assert np.all(fits[alive:] == 0)
    assert np.all(np.any(fits[:alive] != 0, axis=1))


def test_budget_with_several_outputs_counts_all_of_them() -> None:
    targets = np.stack([TOY_TARGETS, -0.5 * TOY_TARGETS[::-1]], axis=1)
    fits, _ = budget_fits(toy_kernel(), targets, 0.1, (0.0,))
    np.testing.assert_allclose(np.sum((fits[0] - targets) ** 2), 1.1, rtol=1e-11)


# --- bad input


def test_bad_budgets() -> None:
    with pytest.raises(ValueError, match=r"budget must be > 0, got budget=0\.0"):
        budget_fits([[1.0]], [1.0], 0.0)
    with pytest.raises(ValueError, match=r"alphas must be >= 0 and <= 1"):
        budget_fits([[1.0]], [1.0], 0.1, (1.2,))
    with pytest.raises(ArithmeticError, match=r"enlarge the budget"):
        budget_fits([[1.0, 1.0], [1.0, 1.0]], [1.0, -1.0], 0.1)  # the same point with two labels
    with pytest.raises(ArithmeticError, match=r"enlarge the budget"):
        budget_fits([[1.0]], [1.0], 0.2, (0.0, 0.0, 0.5))  # the fit is 0 by now; half of y, half of 0 costs 1/4


def test_bad_kernels() -> None:
    with pytest.raises(ValueError, match=r"left and right must have the same width, got \(1, 1\) and \(1, 2\)"):
        rbf_kernel([[1.0]], [[1.0, 2.0]], 1.0)
    with pytest.raises(ValueError, match=r"width must be >= 0, got width=-1\.0"):
        rbf_kernel([[1.0]], [[1.0]], -1.0)


def test_bad_points() -> None:
    with pytest.raises(ValueError, match=r"points must have shape \(any,\) with any >= 1, got shape \(\)"):
        toy_kernel(0.5)
    with pytest.raises(ValueError, match=r"points must be a number, got points\[0\]=nan"):
        toy_kernel([np.nan])
    with pytest.raises(ValueError, match=r"points must be >= 2, got points=1\.0"):
        toy_grid(1)
