"""Measures on the power-law task: same law in every form, right task, right shapes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from simulations.random_features.gaussian import gaussian_errors
from simulations.random_features.power_law import (
    fixed_features_panel,
    fixed_samples_panel,
    power_law_errors,
    size_grid_errors,
    spectrum_errors,
)
from simulations.random_features.task import gaussian_task, power_law_task

RIDGES = (0.03, 0.8)
TASK = {"alpha": 1.3, "beta": 0.7, "noise_variance": 0.4}
REPLICATES = 4000


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


def test_power_law_task() -> None:
    task = power_law_task(1.5, 0.5, 4, 0.3, 2.5)
    np.testing.assert_allclose(task.eigenvalues, [1, 2**-1.5, 3**-1.5, 1 / 8], rtol=1e-15)
    np.testing.assert_allclose(task.target**2, [2.5, 2.5 / 2**0.5, 2.5 / 3**0.5, 1.25], rtol=1e-15)
    assert task.noise_variance == 0.3
    assert task.power == pytest.approx(np.sum(task.target**2), rel=1e-15)


@pytest.mark.parametrize(("n", "k"), [(3, 5), (5, 3), (9, "inf"), (12, 14)])
def test_one_size_is_the_general_sampler_on_that_task(n: int, k: float) -> None:
    errors = power_law_errors(rng(), 5, n=n, k=k, ridges=RIDGES, modes=8, target_scale=1.9, **TASK)
    index = np.arange(1, 9)
    task = gaussian_task(index**-1.3, 1.9 * index**-0.7, 0.4)
    np.testing.assert_allclose(errors, gaussian_errors(rng(), 5, n, float(k), RIDGES, task), rtol=1e-12)
    given = {"eigenvalues": tuple(index**-1.3), "target_power": tuple(1.9 * index**-0.7), "noise_variance": 0.4}
    np.testing.assert_allclose(errors, spectrum_errors(rng(), 5, n=n, k=k, ridges=RIDGES, **given), rtol=1e-12)


def test_exponent_zero_is_isotropic() -> None:
    setting = {"n": 3, "k": 6, "ridges": RIDGES, "noise_variance": 0.2}
    errors = power_law_errors(rng(), 5, alpha=0.0, beta=0.0, modes=7, target_scale=0.3, **setting)
    task = gaussian_task([1.0] * 7, [0.3] * 7, 0.2)
    np.testing.assert_allclose(errors, gaussian_errors(rng(), 5, 3, 6, RIDGES, task), rtol=1e-12)


@pytest.mark.parametrize("modes", [9, 40])
def test_panel_shares_the_training_set(modes: int) -> None:
    setting = {"ridges": RIDGES, "modes": modes, **TASK}
    errors = fixed_samples_panel(rng(), 3, n=12, feature_counts=("inf", 4, "inf"), **setting)
    np.testing.assert_array_equal(errors[:, 0], errors[:, 2])
    assert np.all(errors[:, 0] != errors[:, 1])
    assert len(np.unique(errors[:, 0, 0, 0])) == 3


@pytest.mark.parametrize(("k", "modes"), [(5, 30), (5, 4)])
def test_panel_shares_the_features(k: int, modes: int) -> None:
    """With very many samples the error is that of the best predictor on the features: fixed by them, up to k / n."""
    setting = {"ridges": (1e-3, 1e-2), "modes": modes, **TASK}
    errors = fixed_features_panel(rng(), 3, k=k, sample_counts=(10**9, 7, 2 * 10**9), **setting)
    np.testing.assert_allclose(errors[:, 0, :, 0], errors[:, 2, :, 0], rtol=1e-6)
    if modes > k:
        assert len(np.unique(errors[:, 0, 0, 0].round(6))) == 3


def test_infinitely_many_features_is_the_limit(means_agree: Callable[..., None]) -> None:
    setting = {"n": 6, "ridges": RIDGES, "modes": 30, **TASK}
    limit = power_law_errors(rng(2), REPLICATES, k=math.inf, **setting)
    means_agree(power_law_errors(rng(3), REPLICATES, k=10**7, **setting), limit)


# --- oracle


@pytest.mark.parametrize(("n", "modes"), [(5, 25), (7, 4)])
def test_panel_of_features_has_the_law_of_single_cells(n: int, modes: int, means_agree: Callable[..., None]) -> None:
    setting = {"n": n, "ridges": RIDGES, "modes": modes, **TASK}
    counts = (1, 3, n, 11, math.inf)
    panel = fixed_samples_panel(rng(4), REPLICATES, feature_counts=counts, **setting)
    assert panel.shape == (REPLICATES, 5, 2, 2)
    for j, k in enumerate(counts):
        means_agree(panel[:, j], power_law_errors(rng(5), REPLICATES, k=k, **setting))


@pytest.mark.parametrize(("k", "modes"), [(5, 25), (7, 4)])
def test_panel_of_samples_has_the_law_of_single_cells(k: int, modes: int, means_agree: Callable[..., None]) -> None:
    setting = {"k": k, "ridges": RIDGES, "modes": modes, **TASK}
    counts = (1, 3, k, k + 1, 30)
    panel = fixed_features_panel(rng(6), REPLICATES, sample_counts=counts, **setting)
    assert panel.shape == (REPLICATES, 5, 2, 2)
    for i, n in enumerate(counts):
        means_agree(panel[:, i], power_law_errors(rng(7), REPLICATES, n=n, **setting))


def test_grid_has_the_law_of_single_cells(means_agree: Callable[..., None]) -> None:
    rows, columns = (2, 6, 9), (3, 6, 20, math.inf)
    setting = {"ridges": RIDGES, "modes": 7, **TASK}
    grid = size_grid_errors(rng(8), 2000, sample_counts=rows, feature_counts=columns, **setting)
    assert grid.shape == (2000, 3, 4, 2, 2)
    for i, n in enumerate(rows):
        for j, k in enumerate(columns):
            means_agree(grid[:, i, j], power_law_errors(rng(9), REPLICATES, n=n, k=k, **setting))


@pytest.mark.parametrize("modes", [25, 4])
def test_averaged_noise_in_panels_and_grid(modes: int, means_agree: Callable[..., None]) -> None:
    setting = {"ridges": RIDGES, "modes": modes, "alpha": 1.3, "beta": 0.7, "noise_variance": 6.5}
    counts = (3, 8)
    grid = size_grid_errors(rng(13), 2000, sample_counts=counts, feature_counts=counts, noise="averaged", **setting)
    for i, size in enumerate(counts):
        samples = fixed_samples_panel(rng(14), 2000, n=size, feature_counts=counts, noise="averaged", **setting)
        features = fixed_features_panel(rng(15), 2000, k=size, sample_counts=counts, noise="averaged", **setting)
        for j, other in enumerate(counts):
            drawn = power_law_errors(rng(16), REPLICATES, n=size, k=other, **setting)
            for errors in (grid[:, i, j], samples[:, j]):
                means_agree(errors, drawn)
                assert np.all(errors[:, 1].std(axis=0) < drawn[:, 1].std(axis=0))
            drawn = power_law_errors(rng(17), REPLICATES, n=other, k=size, **setting)
            means_agree(features[:, j], drawn)
            assert np.all(features[:, j, 1].std(axis=0) < drawn[:, 1].std(axis=0))


# --- properties


def test_measures_are_deterministic_and_finite() -> None:
    sizes = {"sample_counts": (1, 6, 40), "feature_counts": (1, 6, 40)}
    calls = [
        lambda r: size_grid_errors(r, 2, ridges=(0.0, 1e-9, 1e6), modes=12, **sizes, **TASK),
        lambda r: fixed_samples_panel(r, 2, n=6, feature_counts=(6, 12), ridges=(0.0,), modes=12, **TASK),
        lambda r: fixed_features_panel(r, 2, k=6, sample_counts=(6, 12), ridges=(0.0,), modes=12, **TASK),
        lambda r: power_law_errors(r, 2, n=12, k=12, ridges=(0.0,), modes=12, **TASK),
    ]
    for call in calls:
        first, second = call(rng(10)), call(rng(10))
        np.testing.assert_array_equal(first, second)
        assert first.dtype == np.float64
        assert np.all(np.isfinite(first))
        assert np.all(first >= 0)


def test_mode_order_of_a_given_spectrum_is_free(means_agree: Callable[..., None]) -> None:
    setting = {"n": 4, "k": 6, "ridges": RIDGES, "noise_variance": 0.2}
    forward = {"eigenvalues": (2.0, 1.0, 0.3, 0.1, 0.05, 0.0), "target_power": (0.1, 0.9, 0.3, 0.4, 0.2, 0.6)}
    backward = {name: values[::-1] for name, values in forward.items()}
    first = spectrum_errors(rng(11), REPLICATES, **setting, **forward)
    means_agree(first, spectrum_errors(rng(12), REPLICATES, **setting, **backward))


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": -0.1}, r"alpha must be >= 0.*got alpha=-0\.1"),
        ({"beta": float("nan")}, r"beta must be >= 0.*got beta=nan"),
        ({"modes": 0}, r"modes must be an integer >= 1, got modes=0"),
        ({"noise_variance": -1.0}, r"noise_variance must be >= 0"),
        ({"replicates": 0}, r"replicates must be an integer >= 1"),
        ({"ridges": ()}, r"ridges must have shape \(ridges,\)"),
        ({"noise": "none"}, r"noise must be 'drawn' or 'averaged'"),
    ],
)
@pytest.mark.parametrize("name", ["one", "samples", "features", "grid"])
def test_bad_settings(name: str, change: dict[str, float], message: str) -> None:
    measure, sizes = {
        "one": (power_law_errors, {"n": 3, "k": 4}),
        "samples": (fixed_samples_panel, {"n": 3, "feature_counts": (4,)}),
        "features": (fixed_features_panel, {"k": 3, "sample_counts": (4,)}),
        "grid": (size_grid_errors, {"sample_counts": (3,), "feature_counts": (4,)}),
    }[name]
    setting = {"replicates": 1, "ridges": RIDGES, "modes": 5, **sizes, **TASK} | change
    with pytest.raises(ValueError, match=message):
        measure(rng(), **setting)


def test_bad_sizes() -> None:
    setting = {"ridges": RIDGES, "modes": 5, **TASK}
    with pytest.raises(ValueError, match=r"target_scale must be >= 0"):
        power_law_errors(rng(), 1, n=3, k=4, target_scale=-1.0, **setting)
    with pytest.raises(ValueError, match=r"feature_counts\[1\] must be an integer >= 1 or inf"):
        fixed_samples_panel(rng(), 1, n=3, feature_counts=(4, 0), **setting)
    with pytest.raises(ValueError, match=r"sample_counts\[0\] must be an integer >= 1, got sample_counts\[0\]=inf"):
        fixed_features_panel(rng(), 1, k=3, sample_counts=(math.inf,), **setting)
    with pytest.raises(ValueError, match=r"k must be an integer >= 1, got k=inf"):
        fixed_features_panel(rng(), 1, k=math.inf, sample_counts=(3,), **setting)
    with pytest.raises(ValueError, match=r"feature_counts must be a non-empty list"):
        size_grid_errors(rng(), 1, sample_counts=(3,), feature_counts=(), **setting)
    with pytest.raises(ValueError, match=r"same length, got 1 and 2"):
        spectrum_errors(
            rng(), 1, n=2, k=3, ridges=RIDGES, eigenvalues=(1.0, 0.5), target_power=(1.0,), noise_variance=0.1
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": [1.5]}, r"alpha must be a single real number, got shape \(1,\)"),
        ({"beta": [1.5, 2.0]}, r"beta must be a single real number, got shape \(2,\)"),
        ({"noise_variance": [0.1]}, r"noise_variance must be a single real number, got shape \(1,\)"),
        ({"target_scale": [1.7]}, r"target_scale must be a single real number, got shape \(1,\)"),
        ({"alpha": "1.5"}, r"alpha must be a real number or an array of them, got alpha='1\.5'"),
        ({"alpha": 10**400}, r"alpha must be a real number or an array of them, got alpha=1000"),
        ({"modes": "7"}, r"modes must be an integer >= 1, got modes='7'"),
        ({"modes": 1e17}, r"modes must be <= 1e\+09, got modes=1e\+17"),
        ({"modes": 10**400}, r"modes must be an integer >= 1, got modes=1000"),
    ],
)
def test_task_takes_single_numbers(change: dict[str, object], message: str) -> None:
    setting = {"alpha": 1.5, "beta": 1.2, "modes": 5, "noise_variance": 0.1, "target_scale": 1.7}
    with pytest.raises(ValueError, match=message):
        power_law_task(**(setting | change))  # pyright: ignore[reportArgumentType]
