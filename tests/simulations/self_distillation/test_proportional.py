"""Fast risks against enumeration given X, against refits with drawn noise, against exact one-mode laws."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from simulations.self_distillation._designs import draw_designs, draw_inputs
from simulations.self_distillation.literal import literal_risks
from simulations.self_distillation.proportional import (
    distilled_risks,
    relative_deviations,
    settled_risks,
    two_step_risks,
)
from simulations.self_distillation.recursion import literal_coefficients
from simulations.self_distillation.task import LinearTask, linear_task, signal_squares, spectrum_values

SIZES = [(7, 3), (3, 6), (4, 4)]
TASK = {"spectrum": ("power", 1.2, 2.0), "signal": ("power", 0.7), "signal_power": 1.3, "noise_variance": 0.6}
ALPHAS = (0.3, -0.4, 1.6)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def covariance_of_students(inputs: np.ndarray, task: LinearTask, ridge: float) -> np.ndarray:
    """Mean of <e_s, Sigma e_t> over noise (a basis of it) and all signs of beta, by refits: (steps, steps)."""
    n, p = inputs.shape
    total = np.zeros((4, 4))
    for signs in itertools.product((-1.0, 1.0), repeat=p):
        beta = np.array(signs) * np.sqrt(task.squares)
        errors = literal_coefficients(inputs, inputs @ beta, n * ridge, ALPHAS) - beta
        total += (errors * task.eigenvalues) @ errors.T / 2**p
    for unit in np.eye(n):
        moved = literal_coefficients(inputs, unit, n * ridge, ALPHAS)
        total += task.noise_variance * (moved * task.eigenvalues) @ moved.T
    return total


# --- identities and limits


@pytest.mark.parametrize(("n", "p"), SIZES)
def test_given_the_design_all_is_exact(n: int, p: int) -> None:
    """The design is redrawn from the same numbers; signs are enumerated, noise goes over a basis."""
    task = linear_task(p, *TASK.values())
    inputs, setting = draw_inputs(rng(), 1, n, task)[0], {"samples": n, "features": p, "ridges": (0.03, 0.9)}
    risks = distilled_risks(rng(), 1, alphas=ALPHAS, **setting, **TASK)[0]
    assert risks.shape == (2, 4, 3)
    np.testing.assert_allclose(risks[..., 0], risks[..., 1] + risks[..., 2], rtol=1e-14)
    for row, ridge in zip(risks, (0.03, 0.9), strict=True):
        expected = np.diag(covariance_of_students(inputs, task, ridge))
        np.testing.assert_allclose(row[:, 0], expected, rtol=1e-9)  # condition 50 / 0.03, squared errors
    pairs = two_step_risks(rng(), 1, **setting, **TASK)[0]
    pure = distilled_risks(rng(), 1, alphas=(0.0,), **setting, **TASK)[0]
    np.testing.assert_allclose(pairs[:, :2], pure[..., 0], rtol=1e-12)
    np.testing.assert_allclose(pairs[:, 3], pairs[:, 0] - pairs[:, 2], atol=1e-13)
    np.testing.assert_allclose(pairs[:, 4], pairs[:, 0] + pairs[:, 1] - 2 * pairs[:, 2], atol=1e-13)
    for xi in (-2.0, 0.4, 3.0):
        student = distilled_risks(rng(), 1, alphas=(1 - xi,), **setting, **TASK)[0, :, 1, 0]
        np.testing.assert_allclose(pairs[:, 0] - 2 * xi * pairs[:, 3] + xi**2 * pairs[:, 4], student, rtol=1e-11)


@pytest.mark.parametrize(("n", "p"), SIZES)
def test_the_limit_is_that_of_many_steps(n: int, p: int) -> None:
    setting = {"samples": n, "features": p, "ridges": (0.3, 0.9), **TASK}
    limits = settled_risks(rng(), 2, alphas=(0.4, 1.0), **setting)
    steps = distilled_risks(rng(), 2, alphas=np.array([[0.4] * 80, [1.0] * 80]), **setting)
    np.testing.assert_allclose(limits, steps[:, :, :, -1], rtol=1e-12)  # 0.6^80 = 2e-18


def test_signs_are_averaged_without_touching_the_mean_of_schedules() -> None:
    """A matrix of schedules gives what each gives alone."""
    setting = {"samples": 5, "features": 8, "ridges": (0.3,), **TASK}
    both = distilled_risks(rng(), 3, alphas=[(0.1, 0.2), (0.7, -0.3)], **setting)
    for i, alphas in enumerate([(0.1, 0.2), (0.7, -0.3)]):
        np.testing.assert_allclose(both[:, i], distilled_risks(rng(), 3, alphas=alphas, **setting), rtol=1e-12)


def test_deviations_are_those_of_the_risks() -> None:
    setting = {"samples": 5, "features": 3, "ridges": (0.03, 0.9), "alphas": ALPHAS, **TASK}
    reference = np.linspace(0.2, 3.0, 8).reshape(2, 4)
    deviations = relative_deviations(rng(), 3, reference=reference, **setting)
    risks = distilled_risks(rng(), 3, **setting)[..., 0]
    np.testing.assert_allclose((1 + deviations) * reference, risks, rtol=1e-14)


# --- oracle


@pytest.mark.parametrize(("n", "p"), SIZES)
def test_refits_with_drawn_noise_have_the_same_mean(n: int, p: int, means_agree: Callable[..., None]) -> None:
    setting = {"samples": n, "features": p, "ridges": (0.2, 0.9), "alphas": ALPHAS[:2], **TASK}
    drawn, averaged = literal_risks(rng(2), 2000, **setting), distilled_risks(rng(3), 4000, **setting)[..., 0]
    means_agree(drawn, averaged)
    assert np.all(averaged.std(axis=0) < drawn.std(axis=0))


def test_one_feature_by_quadrature(means_agree: Callable[..., None]) -> None:
    """p = 1: S = s chi^2_n / n, and the risk of each step is an explicit function of it."""
    n, s, power, noise, ridge = 3, 1.7, 1.3, 0.6, 0.4
    logarithm = np.linspace(-60.0, 6.0, 4000)  # trapezoidal rule in log chi^2, exponentially exact
    weight = np.exp(n * logarithm / 2 - np.exp(logarithm) / 2)
    d = s * np.exp(logarithm) / n
    a, kept, expected = d / (d + ridge), 1.0, []
    for alpha in (1.0, *ALPHAS):
        kept = a * (alpha + (1 - alpha) * kept)
        risk = s * ((1 - kept) ** 2 * power + noise * kept**2 / (n * d))
        expected.append(np.sum(weight * risk) / np.sum(weight))
    setting = {"samples": n, "features": 1, "ridges": (ridge,), "alphas": ALPHAS, "spectrum": ("isotropic", s)}
    risks = distilled_risks(rng(4), 20_000, signal_power=power, noise_variance=noise, **setting)
    means_agree(risks[:, 0, :, 0], expected)


def test_spectra_and_signals_by_hand() -> None:
    np.testing.assert_allclose(spectrum_values(("power", 1.2, 3.0), 3), [3, 3 * 2**-1.2, 3 * 3**-1.2], rtol=1e-15)
    matrix = [[1, 0.25, 0.0625], [0.25, 1, 0.25], [0.0625, 0.25, 1]]
    np.testing.assert_allclose(spectrum_values(("ar1", 0.25), 3), np.linalg.eigvalsh(matrix)[::-1], rtol=1e-14)
    assert spectrum_values(("isotropic", 0.3), 2).tolist() == [0.3, 0.3]
    assert spectrum_values(("spikes", 6.0, 20.0), 4).tolist() == [6.0, 20.0, 1.0, 1.0]
    np.testing.assert_allclose(signal_squares(("spikes", 0.5, 0.3), 4, 2.0), [1.0, 0.6, 0.2, 0.2], rtol=1e-14)
    np.testing.assert_allclose(signal_squares(("power", 1.0), 2, 3.0), [2.0, 1.0], rtol=1e-14)
    np.testing.assert_allclose(signal_squares(("top", 0.1, 0.9), 3, 1.5), [1.35, 0.075, 0.075], rtol=1e-14)
    np.testing.assert_allclose(signal_squares(("top", 0.38, 0.8), 5, 1.5), [0.6, 0.6, 0.1, 0.1, 0.1], rtol=1e-13)


# --- properties


def test_deterministic_and_of_the_promised_shapes() -> None:
    setting = {"samples": 5, "features": 8, "ridges": (1e-9, 0.3, 1e9), **TASK}
    for measure, more, shape in (
        (distilled_risks, {"alphas": ALPHAS}, (3, 3, 4, 3)),
        (settled_risks, {"alphas": (0.2, 1.0)}, (3, 2, 3, 3)),
        (two_step_risks, {}, (3, 3, 5)),
        (literal_risks, {"alphas": ALPHAS}, (3, 3, 4)),
    ):
        first, second = (measure(rng(), 3, **setting, **more) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.shape == shape
        assert np.all(np.isfinite(first))


def test_batches_do_not_mix() -> None:
    """Many small designs at once are the same as each in its turn."""
    task = linear_task(3, *TASK.values())
    whole = draw_designs(rng(), 4, 5, task)
    generator = rng()
    for i in range(4):
        alone = draw_designs(generator, 1, 5, task)
        np.testing.assert_allclose(whole.pairs[i], alone.pairs[0], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(whole.values[i], alone.values[0], rtol=1e-12)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicates": 0}, r"replicates must be >= 1, got replicates=0"),
        ({"samples": 2.5}, r"samples must be an integer, got samples=2\.5"),
        ({"features": 0}, r"features must be >= 1"),
        ({"ridges": (-1.0,)}, r"ridges must be > 0, got ridges\[0\]=-1\.0"),
        ({"ridges": 0.3}, r"ridges must have shape \(ridges,\)"),
        ({"alphas": (np.nan,)}, r"alphas must be a number|alphas must be finite"),
        ({"spectrum": "isotropic"}, r"spectrum 'isotropic' takes 1 number\(s\), got spectrum='isotropic'"),
        ({"spectrum": ("white", 1.0)}, r"spectrum must start with one of isotropic, power, spikes, ar1"),
        ({"spectrum": ("power", 1.2)}, r"spectrum 'power' takes 2 number"),
        ({"spectrum": ("ar1", 1.0)}, r"spectrum\[1\] must be > -1 and < 1"),
        ({"spectrum": ("spikes", -2.0)}, r"the eigenvalues of spectrum must be > 0"),
        ({"spectrum": ("spikes", 1.0, 2.0, 3.0, 4.0, 5.0)}, r"spectrum 'spikes' takes 1 to 4 number"),
        ({"signal": ("top", 1.5, 0.5)}, r"signal\[1\] must be >= 0 and <= 1"),
        ({"signal": ("spikes", 0.7, 0.7)}, r"the shares of signal must be >= 0 and sum to 1"),
        ({"signal": ("flat",)}, r"signal must start with one of isotropic, power, top, spikes"),
        ({"signal_power": -1.0}, r"signal_power must be >= 0"),
        ({"noise_variance": "0.1"}, r"noise_variance must be a real number"),
    ],
)
def test_bad_settings(change: dict, message: str) -> None:
    setting = {"replicates": 1, "samples": 3, "features": 4, "ridges": (0.1,), "alphas": (0.5,), **TASK} | change
    for measure in (distilled_risks, literal_risks):
        with pytest.raises(ValueError, match=message):
            measure(rng(), **setting)


def test_bad_references() -> None:
    setting = {"samples": 3, "features": 4, "ridges": (0.1,), "alphas": (0.5,), **TASK}
    for reference, message in (
        ([1.0, 2.0], r"reference must have shape \(ridges, steps\)"),
        ([[1.0]], r"reference must have shape \(1, 2\), one number for each ridge and step, got \(1, 1\)"),
        ([[1.0, 0.0]], r"reference must be > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            relative_deviations(rng(), 1, reference=reference, **setting)


def test_bad_limits() -> None:
    for alphas in ((), (1.2,)):
        with pytest.raises(ValueError, match=r"alphas must be a non-empty list of numbers in \[0, 1\]"):
            settled_risks(rng(), 1, samples=3, features=4, ridges=(0.1,), alphas=alphas, **TASK)
