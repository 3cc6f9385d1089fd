"""One eigendecomposition against refits at every step; the ends of the filters."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from simulations.self_distillation.filters import all_predictions, filter_steps, settled_step
from simulations.self_distillation.recursion import literal_fits, settled_fits

SCHEDULES = np.array([(0.0, 0.0, 0.0), (0.3, -0.4, 1.6), (1.0, 0.2, 0.9)])

# --- identities and limits


@pytest.mark.parametrize(("n", "p", "outputs"), [(6, 4, 0), (4, 6, 3), (1, 1, 0)])
def test_all_predictions_are_the_literal_ones(n: int, p: int, outputs: int) -> None:
    rng = np.random.default_rng(1)
    design, others = rng.standard_normal((n, p)), rng.standard_normal((3, p))
    targets = rng.standard_normal((n, outputs) if outputs else n)
    kernel, cross, ridges = design @ design.T, others @ design.T, (0.05, 2.0)
    fast = all_predictions(kernel, targets, ridges, SCHEDULES, cross_gram=cross)
    for i, alphas in enumerate(SCHEDULES):
        for j, ridge in enumerate(ridges):
            # condition at most 40 / 0.05, four steps
            expected = literal_fits(kernel, targets, ridge, alphas, cross_gram=cross)
            np.testing.assert_allclose(fast[i, j], expected, rtol=1e-10, atol=1e-11)
    alone = all_predictions(kernel, targets, ridges, SCHEDULES[1])
    np.testing.assert_allclose(alone[0, 1], literal_fits(kernel, targets, 2.0, SCHEDULES[1]), rtol=1e-10, atol=1e-11)


def test_the_settled_filter_is_where_the_recursion_settles() -> None:
    kernel, targets = np.diag([0.0, 0.3, 4.0]), np.array([1.3, 0.7, -2.0])
    for alpha in (0.15, 0.8):
        step = settled_step(np.diag(kernel), np.array([0.7]), np.array([alpha]))
        np.testing.assert_allclose(step.kept[0, 0] * targets, settled_fits(kernel, targets, 0.7, alpha)[0], atol=1e-12)
    nothing = settled_step(np.array([0.0, 0.3]), np.array([0.7]), np.zeros(1))
    np.testing.assert_array_equal(nothing.kept, np.zeros((1, 1, 2)))
    np.testing.assert_allclose(nothing.lost, 1.0, rtol=1e-15)


# --- oracle


def test_filters_with_50_digits_over_all_magnitudes() -> None:
    values = np.concatenate([[0.0], np.logspace(-12, 6, 19)])
    ridges = np.logspace(-12, 6, 7)
    schedules = SCHEDULES[[0, 2]]  # weights in [0, 1]: nothing cancels
    steps = list(filter_steps(values, ridges, schedules))
    with mpmath.workdps(50):
        for i, alphas in enumerate(schedules):
            for j, ridge in enumerate(ridges):
                ratio = [mpmath.mpf(d) / (mpmath.mpf(d) + mpmath.mpf(ridge)) for d in values]
                kept = [mpmath.mpf(1)] * len(ratio)
                for step, alpha in zip(steps, (1, *alphas), strict=True):
                    kept = [
                        a * (mpmath.mpf(alpha) + (1 - mpmath.mpf(alpha)) * b) for a, b in zip(ratio, kept, strict=True)
                    ]
                    lost = [float(1 - b) for b in kept]
                    # a dozen operations of positive terms
                    np.testing.assert_allclose(step.kept[i, j], [float(b) for b in kept], rtol=4e-15)
                    np.testing.assert_allclose(step.lost[i, j], lost, rtol=4e-15)
                    product = step.gain[i, j] * values / step.shrunk[0, j]
                    np.testing.assert_allclose(product, step.kept[i, j], rtol=4e-15)


# --- properties


def test_kept_and_lost_sum_to_one_for_any_schedule() -> None:
    for step in filter_steps(np.logspace(-6, 6, 9), np.logspace(-3, 3, 4), SCHEDULES):
        np.testing.assert_allclose(step.kept + step.lost, 1.0, rtol=1e-14)


# --- bad input


def test_how_negative_an_eigenvalue_may_be() -> None:
    assert all_predictions(np.diag([1.0, -1e-12]), [1.0, 2.0], [0.5], ()).shape == (1, 1, 1, 2)
    with pytest.raises(ValueError, match="gram must have no negative eigenvalue, got -1e-06"):
        all_predictions(np.diag([1.0, -1e-6]), [1.0, 2.0], [0.5], ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gram": [[1.0, 2.0], [2.0, 1.0]]}, r"gram must have no negative eigenvalue, got -1"),
        ({"ridges": []}, r"ridges must have shape \(ridges,\) with ridges >= 1"),
        ({"ridges": [0.1, 0.0]}, r"ridges must be > 0, got ridges\[1\]=0\.0"),
        ({"alphas": [[[0.1]]]}, r"alphas must have shape \(steps - 1,\) or \(schedules, steps - 1\)"),
        ({"alphas": np.zeros((0, 3))}, r"alphas must have shape \(steps - 1,\) or \(schedules, steps - 1\)"),
    ],
)
def test_bad_settings(change: dict, message: str) -> None:
    good = {"gram": [[2.0, 0.5], [0.5, 1.0]], "targets": [1.0, 2.0], "ridges": [0.5], "alphas": [[0.5]]}
    with pytest.raises(ValueError, match=message):
        all_predictions(**(good | change))
