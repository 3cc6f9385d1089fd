"""Cross-validation from the data: enumeration of signs and noise given X, left-out refits, known limits."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from simulations.self_distillation._designs import draw_inputs
from simulations.self_distillation.estimates import corrected_residuals, cross_validation_risks, two_step_estimates
from simulations.self_distillation.literal import _literal_estimates, left_out_risks
from simulations.self_distillation.proportional import distilled_risks, two_step_risks
from simulations.self_distillation.task import linear_task

SIZES = [(7, 3), (3, 6), (4, 4)]
TASK = {"spectrum": ("power", 1.2, 2.0), "signal": ("power", 0.7), "signal_power": 1.3, "noise_variance": 0.6}
ALPHAS = (0.3, -0.4, 1.6)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


@pytest.mark.parametrize(("n", "p"), SIZES)
def test_given_the_design_the_estimates_are_means_over_noise_and_signs(n: int, p: int) -> None:
    task = linear_task(p, *TASK.values())
    inputs = draw_inputs(rng(), 1, n, task)[0]
    fast = cross_validation_risks(rng(), 1, samples=n, features=p, ridges=(0.2,), alphas=ALPHAS, **TASK)[0, 0]
    hat = inputs @ np.linalg.solve(inputs.T @ inputs + n * 0.2 * np.eye(p), inputs.T)
    mean = np.zeros((2, 4))
    for signs in itertools.product((-1.0, 1.0), repeat=p):
        beta = np.array(signs) * np.sqrt(task.squares)
        mean += np.array(_literal_estimates(hat, inputs @ beta, np.array(ALPHAS))) / 2**p
    for unit in np.eye(n):  # estimates are quadratic in y, so noise adds its own
        mean += task.noise_variance * np.array(_literal_estimates(hat, unit, np.array(ALPHAS)))
    np.testing.assert_allclose(fast[:, 1:].T, mean, rtol=1e-9)  # condition 50 / 0.2, squares of differences


@pytest.mark.parametrize(("n", "p"), SIZES)
def test_the_three_measures_share_their_truth(n: int, p: int) -> None:
    setting = {"samples": n, "features": p, "ridges": (0.2, 0.9), **TASK}
    risks = cross_validation_risks(rng(), 3, alphas=(0.0,), **setting)
    noiseless = distilled_risks(rng(), 3, alphas=(0.0,), **setting)[..., 0]
    np.testing.assert_allclose(risks[..., 0], noiseless + 0.6, rtol=1e-12)
    pairs = two_step_estimates(rng(), 3, **setting)
    np.testing.assert_allclose(pairs[..., :2], risks.swapaxes(-1, -2), rtol=1e-12)
    np.testing.assert_allclose(pairs[..., 0, :] - 0.6, two_step_risks(rng(), 3, **setting)[..., :3], rtol=1e-11)


def test_mixing_two_students_mixes_their_estimates() -> None:
    """Residuals are affine in alpha_2, so A, B and C give the corrected estimate of every two-step student."""
    setting = {"samples": 6, "features": 4, "ridges": (0.2, 0.9), **TASK}
    pairs = two_step_estimates(rng(), 3, **setting)[..., 1, :]
    for xi in (-1.5, 0.3, 2.0):
        mixed = (1 - xi) ** 2 * pairs[..., 0] + xi**2 * pairs[..., 1] + 2 * xi * (1 - xi) * pairs[..., 2]
        student = cross_validation_risks(rng(), 3, alphas=(1 - xi,), **setting)[:, :, 1, 1]
        np.testing.assert_allclose(mixed, student, rtol=1e-11)


def test_corrected_residuals_are_exact_where_all_diagonals_are_equal() -> None:
    """A circulant kernel has equal diagonals of all powers: the correction is then the left-out refit itself."""
    from scipy.linalg import circulant

    from simulations.self_distillation.recursion import left_out_predictions

    kernel, targets = circulant([2.0, 0.7, 0.2, 0.2, 0.7]), rng().standard_normal(5)
    values, vectors = np.linalg.eigh(kernel)
    ratios, complement = values / (values + 0.4), 0.4 / (values + 0.4)
    traces = np.array([np.mean(ratios**k) for k in range(1, 5)])
    factors = corrected_residuals(ratios, complement, traces, np.array(ALPHAS))
    residuals = [vectors @ (factor * (vectors.T @ targets)) for factor in factors]
    np.testing.assert_allclose(residuals, targets - left_out_predictions(kernel, targets, 0.4, ALPHAS), atol=1e-12)


# --- oracle


@pytest.mark.parametrize(
    ("n", "p", "ridge", "true", "naive"),
    [
        (1000, 500, 1.0, (1.45521, 1.64991, 1.51228), (1.61808, 1.50544)),
        (500, 1000, 0.1, (2.22771, 2.06450, 2.13470), (2.13404, 2.17756)),
        (500, 1000, 5.0, (1.81904, 1.92472, 1.85484), (1.89955, 1.84808)),
    ],
)
def test_isotropic_limits(n: int, p: int, ridge: float, true: tuple, naive: tuple) -> None:
    """Marchenko-Pastur integrals, |beta|^2 = noise = 1: the correction tends to the truth, the naive form does not."""
    setting = {"samples": n, "features": p, "ridges": (ridge,), "signal_power": 1.0, "noise_variance": 1.0}
    ways = two_step_estimates(rng(), 2, **setting).mean(axis=0)[0]
    # 1/n corrections and spread of two designs: below 0.3 % at these sizes; B and C of the naive form are off by more
    np.testing.assert_allclose(ways[0], true, rtol=3e-3)
    np.testing.assert_allclose(ways[1], true, rtol=3e-3)
    np.testing.assert_allclose(ways[2, 1:], naive, rtol=3e-3)


@pytest.mark.parametrize(("n", "p"), [(10, 4), (6, 9)])
def test_literal_estimates_have_the_same_means(n: int, p: int, means_agree: Callable[..., None]) -> None:
    setting = {"samples": n, "features": p, "ridges": (0.5,), "alphas": ALPHAS[:2], **TASK}
    literal = left_out_risks(rng(2), 600, **setting)
    means_agree(literal[..., [0, 2, 3]], cross_validation_risks(rng(3), 4000, **setting))


def test_left_out_estimates_are_unbiased_at_one_sample_less(means_agree: Callable[..., None]) -> None:
    """The left-out error is the test error at n - 1 samples and the same ridge before division by n."""
    setting = {"features": 4, "alphas": ALPHAS[:2], **TASK}
    literal = left_out_risks(rng(4), 1000, samples=9, ridges=(0.5,), **setting)[..., 1]
    means_agree(literal, distilled_risks(rng(5), 4000, samples=8, ridges=(0.5 * 9 / 8,), **setting)[..., 0] + 0.6)


# --- properties


def test_deterministic_and_finite() -> None:
    setting = {"samples": 5, "features": 8, "ridges": (1e-6, 1e6), **TASK}
    for measure, more, shape in (
        (cross_validation_risks, {"alphas": ALPHAS}, (3, 2, 4, 3)),
        (two_step_estimates, {}, (3, 2, 3, 3)),
        (left_out_risks, {"alphas": ALPHAS}, (3, 2, 4, 4)),
    ):
        first, second = (measure(rng(), 3, **setting, **more) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.shape == shape
        assert np.all(np.isfinite(first))


# --- bad input


def test_bad_settings() -> None:
    setting = {"samples": 3, "features": 4, "ridges": (0.1,), **TASK}
    for measure in (cross_validation_risks, two_step_estimates, left_out_risks):
        with pytest.raises(ValueError, match=r"replicates must be >= 1, got replicates=0"):
            measure(rng(), 0, **setting)
        with pytest.raises(ValueError, match=r"ridges must be > 0, got ridges\[0\]=0\.0"):
            measure(rng(), 1, **(setting | {"ridges": (0.0,)}))
    with pytest.raises(ValueError, match=r"samples must be >= 2, got samples=1"):
        left_out_risks(rng(), 1, **(setting | {"samples": 1}))
