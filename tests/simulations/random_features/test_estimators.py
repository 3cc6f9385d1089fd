"""GCV, anchors and proxies: explicit matrices and known distributions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import chi2, f, kstest

from simulations.random_features.estimators import (
    _gcv,
    gcv_estimates,
    proxy_statistics,
    ridgeless_anchor,
)
from simulations.random_features.power_law import power_law_errors
from simulations.random_features.ridge_path import ridge_path
from simulations.random_features.task import power_law_task

TASK = {"alpha": 1.2, "beta": 0.8, "noise_variance": 0.35}
REPLICATES = 4000


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (4, 4)])
def test_gcv_is_its_definition(shape: tuple[int, int]) -> None:
    design, response = rng().standard_normal((2, *shape)), rng(2).standard_normal((2, shape[0]))
    ridges, n = np.array([0.05, 0.9]), shape[0]
    estimates = _gcv(ridge_path(design, response, ridges), n)
    for item, (matrix, labels) in enumerate(zip(design, response, strict=True)):
        for j, ridge in enumerate(ridges):
            inverse = np.linalg.inv(matrix @ matrix.T + ridge * np.eye(n))
            trace = np.trace(inverse)
            train = np.mean((ridge * inverse @ labels) ** 2)
            # inverses of condition below 1e4
            np.testing.assert_allclose(estimates[item, j], [1 / trace, train / (ridge / n * trace) ** 2], rtol=1e-10)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (4, 4)])
def test_gcv_at_ridge_zero_is_its_limit(shape: tuple[int, int]) -> None:
    design, response = rng().standard_normal((2, *shape)), rng(2).standard_normal((2, shape[0]))
    limit, near = np.moveaxis(_gcv(ridge_path(design, response, np.array([0.0, 1e-7])), shape[0]), 1, 0)
    np.testing.assert_allclose(near, limit, rtol=1e-4, atol=1e-7)  # ridge over the smallest eigenvalue, above 0.01
    if shape[0] > shape[1]:
        assert np.all(limit[:, 0] == 0)


@pytest.mark.parametrize(("n", "k"), [(4, 6), (6, 4), (12, 15), (5, math.inf)])
def test_gcv_comes_with_the_errors_of_the_same_draw(n: int, k: float) -> None:
    setting = {"n": n, "k": k, "ridges": (0.0, 0.2), "modes": 9, "target_scale": 1.8, **TASK}
    np.testing.assert_allclose(
        gcv_estimates(rng(), 3, **setting)[..., 2:], power_law_errors(rng(), 3, **setting), rtol=1e-12, atol=1e-20
    )


@pytest.mark.parametrize(("n", "k"), [(4, 6), (6, 4), (12, 15), (5, math.inf)])
def test_gcv_averaged_over_noise(n: int, k: float, means_agree: Callable[..., None]) -> None:
    setting = {"n": n, "k": k, "ridges": (0.05, 0.6), "modes": 9, "target_scale": 1.8, **TASK}
    averaged = gcv_estimates(rng(22), REPLICATES, noise="averaged", **setting)
    means_agree(averaged, gcv_estimates(rng(23), REPLICATES, **setting))


# --- oracle


@pytest.mark.parametrize(("n", "k", "modes"), [(20, 5, 300), (14, 6, 6)])
def test_anchor_has_its_exact_law(n: int, k: int, modes: int, means_agree: Callable[..., None]) -> None:
    ratios = ridgeless_anchor(rng(13), REPLICATES, n=n, k=k, modes=modes, **TASK)
    means_agree(ratios, [(n - 1) / (n - k - 1), (n - k) / n])
    # a true equality fails with probability 1e-6, for the fixed seeds once and for all
    assert kstest((ratios[:, 0] - 1) * (n - k + 1) / k, f(k, n - k + 1).cdf).pvalue > 1e-6
    assert kstest(ratios[:, 1] * n, chi2(n - k).cdf).pvalue > 1e-6


def test_proxies_from_explicit_matrices() -> None:
    sizes, modes = (7, 2, 5), 40
    task = power_law_task(1.2, 0.8, modes)
    measured = proxy_statistics(rng(14), 1, sample_counts=sizes, modes=modes, alpha=1.2, beta=0.8)[0]
    everything = rng(14).standard_normal((max(sizes), modes))
    for row, n in zip(measured, sizes, strict=True):
        inputs = everything[:n]
        inverse = np.linalg.inv(inputs @ np.diag(task.eigenvalues) @ inputs.T)
        responses = task.eigenvalues[:, None] * inputs.T @ inverse
        clean = np.sum((responses @ inputs @ task.target - task.target) ** 2)
        noise = 1 + np.sum(responses**2)
        # kernel matrices of condition below 1e3
        np.testing.assert_allclose(row, [1 / np.trace(inverse), clean, noise], rtol=1e-10)


def test_proxies_are_ridgeless_errors(means_agree: Callable[..., None]) -> None:
    setting = {"alpha": 1.2, "beta": 0.8, "modes": 60}
    proxies = proxy_statistics(rng(15), REPLICATES, sample_counts=(6,), **setting)[:, 0]
    ridgeless = {"n": 6, "k": math.inf, "ridges": (0.0,), **setting}
    means_agree(proxies[:, 1], power_law_errors(rng(16), REPLICATES, noise_variance=0.0, **ridgeless)[:, 0, 0])
    noise = power_law_errors(rng(17), REPLICATES, noise_variance=2.5, target_scale=0.0, **ridgeless)[:, 0, 0]
    means_agree(2.5 * proxies[:, 2], noise)
    kappa = gcv_estimates(rng(18), REPLICATES, noise_variance=0.0, **ridgeless)[:, 0, 0]
    means_agree(proxies[:, 0], kappa)


# --- properties


@pytest.mark.parametrize("ridge", [0.0, 1e-12, 1e8])
def test_estimates_are_finite(ridge: float) -> None:
    for n, k in [(1, 1), (5, 5), (3, 7), (7, 3), (9, 9), (30, 12)]:
        setting = {"n": n, "k": k, "ridges": (ridge,), "modes": 9, **TASK}
        assert np.all(np.isfinite(gcv_estimates(rng(21), 2, **setting)))


# --- bad input


@pytest.mark.parametrize("measure", [gcv_estimates])
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
    with pytest.raises(ValueError, match=message):
        measure(rng(), **setting)


def test_bad_sizes() -> None:
    for n, k, modes in [(5, 4, 9), (20, 7, 6)]:
        with pytest.raises(ValueError, match=rf"k must be <= n - 2 and <= modes, got k={k}, n={n}, modes={modes}"):
            ridgeless_anchor(rng(), 1, n=n, k=k, modes=modes, **TASK)
    with pytest.raises(ValueError, match=r"noise_variance must be > 0"):
        ridgeless_anchor(rng(), 1, n=9, k=3, modes=9, alpha=1.0, beta=1.0, noise_variance=0.0)
    with pytest.raises(ValueError, match=r"sample_counts must be < modes, got sample_counts=9, modes=9"):
        proxy_statistics(rng(), 1, sample_counts=(3, 9), alpha=1.0, beta=1.0, modes=9)
