"""Ensembles and the variance split: explicit averages, exact one-mode laws, unbiasedness."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from simulations.random_features.literal import draw_labelled, feature_map, literal_weights
from simulations.random_features.power_law import power_law_errors
from simulations.random_features.task import power_law_task
from simulations.random_features.variance import ensemble_errors, variance_split

TASK = {"alpha": 1.2, "beta": 0.8, "noise_variance": 0.35}
REPLICATES = 4000


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def log_rule(dof: float, nodes: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Trapezoidal rule in log t for chi^2_dof / dof, exponentially exact."""
    logarithm = np.linspace(-90.0, 6.0, nodes)
    weight = np.exp(dof * logarithm / 2 - dof * np.exp(logarithm) / 2)
    return np.exp(logarithm), weight / weight.sum()


# --- identities and limits


@pytest.mark.parametrize(("n", "modes"), [(4, 9), (12, 9)])
def test_one_member_is_the_single_predictor(n: int, modes: int, means_agree: Callable[..., None]) -> None:
    setting = {"n": n, "k": 6, "ridges": (0.1, 0.9), "modes": modes, "target_scale": 1.8, **TASK}
    ensembles = ensemble_errors(rng(3), REPLICATES, members=(1,), **setting)[:, 0]
    means_agree(ensembles, power_law_errors(rng(4), REPLICATES, **setting)[..., 0])


@pytest.mark.parametrize("n", [4, 12])
def test_ensembles_are_linear_in_one_over_members(n: int, means_agree: Callable[..., None]) -> None:
    """E_m = E_1 / m + (1 - 1/m) E_inf for independent draws on given data: exact in the mean."""
    setting = {"n": n, "k": 5, "ridges": (0.1, 0.9), "modes": 9, **TASK}
    one, three, limit = np.moveaxis(ensemble_errors(rng(5), REPLICATES, members=(1, 3, "inf"), **setting), 1, 0)
    means_agree(three - one / 3 - limit * 2 / 3, np.zeros(2))
    means_agree(limit, (100 * ensemble_errors(rng(6), 1000, members=(100,), **setting)[:, 0] - one.mean(axis=0)) / 99)


def test_split_sums_to_the_test_error_and_vanishes_for_zero_predictors(means_agree: Callable[..., None]) -> None:
    setting = {"n": 4, "k": 6, "ridges": (0.1, 0.9), "modes": 9, "target_scale": 1.8, **TASK}
    parts = variance_split(rng(7), REPLICATES, **setting)
    errors = power_law_errors(rng(8), REPLICATES, **setting)
    means_agree(parts.sum(axis=-1) + TASK["noise_variance"], errors[..., 0])
    silent = variance_split(rng(9), 2, **(setting | {"ridges": (1e12,)}))
    # the predictor is below (sum of eigenvalues times labels, < 1e3) / ridge
    power = power_law_task(1.2, 0.8, 9, target_scale=1.8).power
    np.testing.assert_allclose(silent[:, 0], [[power, 0, 0, 0]] * 2, rtol=1e-8, atol=1e-8)


# --- oracle


@pytest.mark.parametrize(("n", "k", "modes"), [(4, 5, 9), (12, 5, 9), (5, 4, 7)])
def test_ensembles_against_explicit_averages(n: int, k: int, modes: int, means_agree: Callable[..., None]) -> None:
    task, draws, generator = power_law_task(1.2, 0.8, modes, 0.35), 3, rng(10)
    explicit = np.empty((1500, 2))
    for row in explicit:
        inputs, labels = draw_labelled(generator, n, task)
        maps = [feature_map(generator.standard_normal((k, modes)), task.eigenvalues) for _ in range(draws)]
        for j, ridge in enumerate((0.1, 0.9)):
            mean = np.mean([literal_weights(inputs, labels, mapping, ridge) for mapping in maps], axis=0)
            row[j] = np.sum((mean - task.target) ** 2) + task.noise_variance
    setting = {"n": n, "k": k, "ridges": (0.1, 0.9), "modes": modes, **TASK}
    means_agree(ensemble_errors(rng(11), REPLICATES, members=(draws,), **setting)[:, 0], explicit)


@pytest.mark.parametrize(("n", "k", "ridge"), [(3, 2, 0.4), (2, 6, 1.1)])
def test_split_with_one_mode_is_exact(n: int, k: int, ridge: float, means_agree: Callable[..., None]) -> None:
    """w = T (S v + sqrt(S) noise) / (T S + ridge), S ~ chi^2_n (data), T ~ chi^2_k / k (features)."""
    power, noise = 1.7, 0.35
    (data, s_weight), (features, t_weight) = log_rule(n), log_rule(k)
    gain = features[None, :] * n * data[:, None] / (features[None, :] * n * data[:, None] + ridge)
    noisy = gain**2 / (n * data[:, None])
    mean = s_weight @ gain @ t_weight
    by_data, by_features = gain @ t_weight, s_weight @ gain
    bias = power * (mean - 1) ** 2
    feature = power * (by_features**2 @ t_weight - mean**2)
    sample = power * (s_weight @ by_data**2 - mean**2) + noise * (s_weight @ (by_data**2 / (n * data)))
    total = power * (s_weight @ (gain - 1) ** 2 @ t_weight) + noise * (s_weight @ noisy @ t_weight)
    setting = {"n": n, "k": k, "ridges": (ridge,), "alpha": 1.2, "beta": 0.8, "modes": 1, "noise_variance": noise}
    for mode in ("drawn", "averaged"):
        parts = variance_split(rng(12), 30_000, target_scale=power, noise=mode, **setting)[:, 0]
        means_agree(parts, [bias, feature, sample, total - bias - feature - sample])


@pytest.mark.parametrize(("n", "k"), [(4, 6), (6, 4), (5, 5)])
def test_split_averaged_over_noise(n: int, k: int, means_agree: Callable[..., None]) -> None:
    setting = {"n": n, "k": k, "ridges": (0.1, 0.9), "modes": 9, "alpha": 1.2, "beta": 0.8, "noise_variance": 2.4}
    averaged, drawn = (variance_split(rng(24), REPLICATES, noise=mode, **setting) for mode in ("averaged", "drawn"))
    means_agree(averaged, variance_split(rng(25), REPLICATES, **setting))
    assert np.all(averaged[:, 1].std(axis=0) < drawn[:, 1].std(axis=0))


# --- properties


@pytest.mark.parametrize("members", [(2, 1, 4), (1, "inf"), (3,)])
def test_ensembles_are_deterministic_and_ordered_as_asked(members: tuple[float, ...]) -> None:
    setting = {"n": 4, "k": 5, "ridges": (0.1, 0.9), "modes": 9, **TASK}
    first, second = (ensemble_errors(rng(19), 3, members=members, **setting) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (3, len(members), 2)
    assert np.all(np.isfinite(first))


def test_nested_members_share_their_draws() -> None:
    setting = {"n": 4, "k": 5, "ridges": (0.1,), "modes": 9, **TASK}
    pair = ensemble_errors(rng(20), 1, members=(2, 1), **setting)
    np.testing.assert_array_equal(pair[:, 1], ensemble_errors(rng(20), 1, members=(1,), **setting)[:, 0])


@pytest.mark.parametrize("ridge", [0.0, 1e-12, 1e8])
def test_measures_are_finite(ridge: float) -> None:
    for n, k in [(1, 1), (5, 5), (3, 7), (7, 3), (9, 9), (30, 12)]:
        setting = {"n": n, "k": k, "ridges": (ridge,), "modes": 9, **TASK}
        assert np.all(np.isfinite(ensemble_errors(rng(21), 2, members=(1, "inf"), **setting)))
        for noise in ("drawn", "averaged"):
            assert np.all(np.isfinite(variance_split(rng(21), 2, noise=noise, **setting)))


# --- bad input


@pytest.mark.parametrize("measure", [ensemble_errors, variance_split])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 0}, r"n must be an integer >= 1"),
        ({"k": 2.5}, r"k must be an integer >= 1"),
        ({"ridges": (-1.0,)}, r"ridges must be >= 0"),
        ({"modes": 0}, r"modes must be an integer >= 1"),
        ({"noise_variance": -1.0}, r"noise_variance must be >= 0"),
        ({"replicates": 0}, r"replicates must be an integer >= 1"),
        ({"target_scale": -1.0}, r"target_scale must be >= 0"),
    ],
)
def test_bad_settings(measure: Callable[..., np.ndarray], change: dict[str, float], message: str) -> None:
    setting = {"replicates": 1, "n": 3, "k": 4, "ridges": (0.1,), "modes": 5, **TASK} | change
    extra = {"members": (1,)} if measure is ensemble_errors else {}
    with pytest.raises(ValueError, match=message):
        measure(rng(), **setting, **extra)


def test_bad_sizes() -> None:
    setting = {"n": 3, "ridges": (0.1,), "modes": 5, **TASK}
    with pytest.raises(ValueError, match=r"members\[1\] must be an integer >= 1 or inf, got members\[1\]=0"):
        ensemble_errors(rng(), 1, k=4, members=(2, 0), **setting)
    with pytest.raises(ValueError, match=r"k must be an integer >= 1, got k=inf"):
        variance_split(rng(), 1, k=math.inf, **setting)
    with pytest.raises(ValueError, match=r"noise must be 'drawn' or 'averaged', got noise='none'"):
        variance_split(rng(), 1, k=4, noise="none", **setting)
