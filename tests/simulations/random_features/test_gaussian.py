"""The exact-in-law samplers against explicit matrices, enumeration, quadrature and the literal experiment."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import ks_2samp

from simulations.random_features._draws import wishart_root
from simulations.random_features.gaussian import (
    draw_samples,
    errors_of,
    gaussian_errors,
    sample_moments,
    sample_side,
)
from simulations.random_features.literal import draw_labelled, feature_map, literal_weights
from simulations.random_features.sides import ModeSide, draw_features
from simulations.random_features.task import Task, gaussian_task

RIDGES = np.array([0.0, 0.02, 0.7])
ROUNDING = 1e-9  # squared condition of the small matrices drawn here (below 1e5) times eps, with a factor of 50


def small_task(modes: int, noise: float = 0.3) -> Task:
    index = np.arange(1, modes + 1)
    return gaussian_task(2.5 * index**-1.2, 1.7 * index**-0.8, noise)


def literal_population(rng: np.random.Generator, n: int, k: float, task: Task, count: int) -> np.ndarray:
    """Replicates (count, ridges, 2) of the explicit experiment with the exact population error of its weights."""
    result = np.empty((count, RIDGES.size, 2))
    for replicate in result:
        inputs, labels = draw_labelled(rng, n, task)
        projection = None if math.isinf(k) else rng.standard_normal((int(k), task.modes))
        mapping = feature_map(projection, task.eigenvalues)
        for row, ridge in zip(replicate, RIDGES, strict=True):
            weights = literal_weights(inputs, labels, mapping, ridge)
            row[0] = np.sum((weights - task.target) ** 2) + task.noise_variance
            row[1] = np.mean((labels - inputs @ weights) ** 2)
    return result


def chi_square_rule(dof: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Trapezoidal rule in log t for chi^2_dof / dof: analytic and decaying at both ends, hence exponentially exact."""
    if math.isinf(dof):
        return np.ones(1), np.ones(1)
    logarithm = np.linspace(-90.0, 6.0, nodes)
    weight = np.exp(dof * logarithm / 2 - dof * np.exp(logarithm) / 2)
    return np.exp(logarithm), weight / weight.sum()


def one_mode_quadrature(n: int, k: float, ridge: float, task: Task, nodes: int = 900) -> tuple[float, float]:
    """Exact [test, train] for one mode: |x|^2 ~ chi^2_n and |g|^2 / k ~ chi^2_k / k are all that enters."""
    (square, s_weight), (strength, t_weight) = chi_square_rule(n, nodes), chi_square_rule(k, nodes)
    square, strength = n * square[:, None], task.eigenvalues[0] * strength
    kept = ridge / (strength * square + ridge)
    power, noise = task.target[0] ** 2, task.noise_variance
    test = power * kept**2 + noise * strength**2 * square / (strength * square + ridge) ** 2 + noise
    train = ((square * power + noise) * kept**2 + (n - 1) * noise) / n
    return float(s_weight @ test @ t_weight), float(s_weight @ train @ t_weight)


def one_sample_quadrature(k: float, ridge: float, task: Task) -> tuple[float, float]:
    """Exact [test, train] for one sample in two modes.

    The kernel is H t with H = x'Lx and t ~ chi^2_k/k. The predictor is t L x y/(H t + ridge) plus a part along the
    features that x does not see, of mean 0 and mean square (t/k) (H tr L - x'L^2 x) y^2/(H t + ridge)^2.
    """
    (radius, r_weight), (strength, t_weight) = chi_square_rule(2, 300), chi_square_rule(k, 300)
    angle = 2 * np.pi * np.arange(48)[:, None, None] / 48
    square, t = 2 * radius[:, None], strength[None, None, :]
    x = np.sqrt(square) * np.array([np.cos(angle), np.sin(angle)])
    spectrum, target = task.eigenvalues[:, None, None, None], task.target[:, None, None, None]
    height, second = np.sum(spectrum * x**2, axis=0), np.sum((spectrum * x) ** 2, axis=0)
    signal, cross = np.sum(target * x, axis=0), np.sum(target * spectrum * x, axis=0)
    energy, shrunk = signal**2 + task.noise_variance, height * t + ridge
    size = t**2 * second + t / k * (height * np.sum(task.eigenvalues) - second)
    test = task.power + task.noise_variance - 2 * t * signal * cross / shrunk + energy * size / shrunk**2
    return tuple(float(r_weight @ part.mean(axis=0) @ t_weight) for part in (test, energy * (ridge / shrunk) ** 2))


# --- identities and limits


@pytest.mark.parametrize(("n", "k", "modes"), [(2, 2, 4), (2, 3, 4), (3, 2, 5), (1, 5, 2), (3, 4, 5)])
def test_unseen_features_are_averaged_exactly(n: int, k: int, modes: int) -> None:
    """Given X and the features at the data, G's unseen part is Gaussian: signs have the same second moments."""
    rng, task = np.random.default_rng(11), small_task(modes)
    inputs, noise = rng.standard_normal((n, modes)), 0.4 * rng.standard_normal(n)
    labels = inputs @ task.target + noise
    scaled = inputs * np.sqrt(task.eigenvalues)
    seen, unseen = np.split(np.linalg.svd(scaled)[2], [n])
    fixed = rng.standard_normal((k, n)) @ seen
    side = sample_side([inputs[None].copy()], noise[None], task)
    whitened = np.linalg.solve(side.root, scaled @ fixed.T / np.sqrt(k))
    path, weights, spread = side.solve(whitened, k, RIDGES)
    average, train, count = np.zeros(RIDGES.size), np.zeros(RIDGES.size), 0
    for signs in itertools.product((-1.0, 1.0), repeat=k * (modes - n)):
        mapping = feature_map(fixed + np.reshape(signs, (k, modes - n)) @ unseen, task.eigenvalues)
        predictors = [literal_weights(inputs, labels, mapping, ridge) for ridge in RIDGES]
        average += [np.sum((w - task.target) ** 2) + task.noise_variance for w in predictors]
        train += [np.mean((labels - inputs @ w) ** 2) for w in predictors]
        count += 1
    np.testing.assert_allclose(side.risk(weights, spread)[0], average / count, rtol=ROUNDING)
    np.testing.assert_allclose(path.residual()[0] / n, train / count, rtol=ROUNDING, atol=1e-20)


@pytest.mark.parametrize(("n", "modes"), [(1, 2), (3, 5), (4, 30)])
def test_kernel_limit_of_given_data(n: int, modes: int) -> None:
    rng, task = np.random.default_rng(12), small_task(modes)
    inputs, noise = rng.standard_normal((n, modes)), 0.4 * rng.standard_normal(n)
    side = sample_side([inputs[None, :, :1].copy(), inputs[None, :, 1:].copy()], noise[None], task)
    path, test = side.fit(rng, math.inf, RIDGES)
    kernel = inputs @ np.diag(task.eigenvalues) @ inputs.T
    for j, ridge in enumerate(RIDGES):
        dual = np.linalg.solve(kernel + ridge * np.eye(n), inputs @ task.target + noise)
        weights = task.eigenvalues * (inputs.T @ dual)
        np.testing.assert_allclose(
            test[0, j], np.sum((weights - task.target) ** 2) + task.noise_variance, rtol=ROUNDING
        )
        np.testing.assert_allclose(path.residual()[0, j], ridge**2 * dual @ dual, rtol=ROUNDING, atol=1e-20)


@pytest.mark.parametrize(("n", "k", "modes"), [(2, 3, 7), (3, 3, 7), (1, 1, 5)])
def test_given_features_and_data(n: int, k: int, modes: int) -> None:
    """For n <= k the drawn Gaussian matrix is the whitened data itself: rebuild the trial from the same numbers."""
    task = small_task(modes)
    projection = np.random.default_rng(13).standard_normal((k, modes))
    mapping = feature_map(projection, task.eigenvalues)
    side = draw_features(np.random.default_rng(13), 1, k, task)
    np.testing.assert_allclose(side.root[0] @ side.root[0].T, mapping.T @ mapping, rtol=ROUNDING)
    np.testing.assert_allclose(side.root[0] @ side.target[0], mapping.T @ task.target, rtol=ROUNDING)
    best = np.linalg.lstsq(mapping, task.target, rcond=None)[0]
    rho = np.sum((task.target - mapping @ best) ** 2) + task.noise_variance
    np.testing.assert_allclose(side.unexplained[0], rho, rtol=ROUNDING)
    errors = errors_of(side.fit(np.random.default_rng(14), n, RIDGES), n)[0]
    white = wishart_root(np.random.default_rng(14), 1, k + 1, n)[0]
    features, labels = (side.root[0] @ white[:k]).T, side.target[0] @ white[:k] + math.sqrt(rho) * white[k]
    for row, ridge in zip(errors, RIDGES, strict=True):
        coefficients = literal_weights(features, labels, np.eye(k), ridge)
        test = np.sum((mapping @ coefficients - task.target) ** 2) + task.noise_variance
        train = np.mean((labels - features @ coefficients) ** 2)
        np.testing.assert_allclose(row, [test, train], rtol=ROUNDING, atol=1e-20)


@pytest.mark.parametrize(("n", "k", "modes"), [(3, 5, 9), (4, 2, 9), (3, math.inf, 6), (3, 3, 4)])
def test_averaged_noise_of_given_data_and_features(n: int, k: float, modes: int) -> None:
    """Errors are quadratic in the noise: their mean is the value at 0 plus half second differences on a basis."""
    rng, task = np.random.default_rng(29), small_task(modes)
    inputs = rng.standard_normal((1, n, modes))
    basis = np.concatenate([np.zeros((1, n)), np.eye(n), -np.eye(n)]) * math.sqrt(task.noise_variance)
    side = sample_side([np.repeat(inputs, 2 * n + 1, axis=0)], basis, task)
    fits = [side.fit(np.random.default_rng(30), k, RIDGES)] if math.isinf(k) else []
    if not fits:
        whitened = np.repeat(wishart_root(np.random.default_rng(30), 1, n, int(k)) / math.sqrt(k), 2 * n + 1, axis=0)
        path, weights, spread = side.solve(whitened, k, RIDGES)
        fits = [(path, side.risk(weights, spread))]
    errors = errors_of(fits[0], n)
    mean = errors[0] + np.sum((errors[1 : n + 1] + errors[n + 1 :]) / 2 - errors[0], axis=0)
    quiet = sample_side([inputs.copy()], np.zeros((1, n)), task, hidden_noise=task.noise_variance)
    averaged = errors_of(quiet.fit(np.random.default_rng(30), k, RIDGES), n)[0]
    np.testing.assert_allclose(averaged, mean, rtol=ROUNDING, atol=1e-20)


@pytest.mark.parametrize(("n", "k", "modes"), [(2, 3, 7), (3, 3, 7), (4, 3, 7), (9, 2, 5)])
def test_averaged_noise_of_given_features_and_data(n: int, k: int, modes: int) -> None:
    """The same identity conditioned on the features, from explicit regressions on noise along each sample."""
    task = small_task(modes)
    mapping = feature_map(np.random.default_rng(13).standard_normal((k, modes)), task.eigenvalues)
    side = draw_features(np.random.default_rng(13), 1, k, task)
    averaged = errors_of(side.fit(np.random.default_rng(14), n, RIDGES, average=True), n)[0]
    white = wishart_root(np.random.default_rng(14), 1, k + 1, n)[0][:k]
    white = np.pad(white, ((0, 0), (0, n - white.shape[1])))  # a rotation of the samples leaves the others without x
    features, labels = (side.root[0] @ white).T, side.target[0] @ white
    for row, ridge in zip(averaged, RIDGES, strict=True):

        def errors(noise: np.ndarray, ridge: float = ridge) -> np.ndarray:
            coefficients = literal_weights(features, labels + noise, np.eye(k), ridge)
            test = np.sum((mapping @ coefficients - task.target) ** 2) + task.noise_variance
            return np.array([test, np.mean((labels + noise - features @ coefficients) ** 2)])

        basis, start = math.sqrt(side.unexplained[0]) * np.eye(n), errors(np.zeros(n))
        mean = start + sum((errors(e) + errors(-e)) / 2 - start for e in basis)
        np.testing.assert_allclose(row, mean, rtol=ROUNDING, atol=1e-20)


def test_moments_of_blocks_are_those_of_the_whole() -> None:
    rng, task = np.random.default_rng(15), small_task(6)
    inputs, noise = rng.standard_normal((2, 3, 6)), rng.standard_normal((2, 3))
    parts = [inputs[..., :1].copy(), inputs[..., 1:5].copy(), inputs[..., 5:].copy()]
    first, second, labels, cross = sample_moments(parts, noise, task)
    spectrum = np.diag(task.eigenvalues)
    # sums of six products: a few eps
    np.testing.assert_allclose(first, inputs @ spectrum @ inputs.swapaxes(1, 2), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(second, inputs @ spectrum**2 @ inputs.swapaxes(1, 2), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(labels, inputs @ task.target + noise, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(cross, inputs @ (task.eigenvalues * task.target), rtol=1e-13, atol=1e-14)


def test_modes_without_eigenvalue_are_noise() -> None:
    rng = np.random.default_rng(16)
    spectrum, power = [2.0, 0.0, 0.5, 0.0], [0.3, 0.2, 0.6, 0.7]
    inputs = rng.standard_normal((5, 4))
    task = gaussian_task(spectrum, power, 0.25)
    assert task.noise_variance == pytest.approx(0.25 + 0.2 + 0.7, rel=1e-15)
    np.testing.assert_allclose(task.target, np.sqrt([0.3, 0.6]))
    kernel = inputs @ np.diag(spectrum) @ inputs.T
    np.testing.assert_allclose(
        kernel, inputs[:, [0, 2]] @ np.diag(task.eigenvalues) @ inputs[:, [0, 2]].T, rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("sizes", [(4, 6, 12), (6, 4, 12), (9, 14, 5)], ids=["samples", "features", "modes"])
def test_huge_ridge_predicts_zero(sizes: tuple[int, int, int], means_agree: Callable[..., None]) -> None:
    n, k, modes = sizes
    task = small_task(modes)
    errors = gaussian_errors(np.random.default_rng(17), 20_000, n, k, [1e12], task)[:, 0]
    trivial = task.power + task.noise_variance
    np.testing.assert_allclose(errors[:, 0], trivial, rtol=1e-8)  # ratio of Gram norm (< 1e3) to ridge
    means_agree(errors[:, 1], trivial)


@pytest.mark.parametrize(("n", "modes"), [(5, 14), (3, 9)])
def test_isotropic_interpolation_exact(n: int, modes: int, means_agree: Callable[..., None]) -> None:
    """Least norm, n < modes: power (1 - n/modes) + noise (1 + n/(modes - n - 1)), exact at any size."""
    task = gaussian_task([1.3] * modes, [0.4] * modes, 0.3)
    errors = gaussian_errors(np.random.default_rng(18), 20_000, n, math.inf, [0.0], task)[:, 0]
    means_agree(errors[:, 0], task.power * (1 - n / modes) + 0.3 * (1 + n / (modes - n - 1)))
    assert np.max(errors[:, 1]) < 1e-20  # interpolation: squared rounding


@pytest.mark.parametrize("k", [5, 7, math.inf])
def test_least_squares_exact(k: float, means_agree: Callable[..., None]) -> None:
    """With n - 1 > modes and k >= modes the ridgeless fit is least squares in all modes: k drops out."""
    n, task = 16, small_task(5)
    errors = gaussian_errors(np.random.default_rng(19), 20_000, n, k, [0.0], task)[:, 0]
    means_agree(errors[:, 0], 0.3 * (n - 1) / (n - 5 - 1))
    means_agree(errors[:, 1], 0.3 * (n - 5) / n)


@pytest.mark.parametrize(("n", "k", "modes"), [(17, 4, 9), (17, 4, 4), (17, 4, 2000)])
def test_ridgeless_anchor_given_features(n: int, k: int, modes: int, means_agree: Callable[..., None]) -> None:
    side = draw_features(np.random.default_rng(20), 4000, k, small_task(modes))
    errors = errors_of(side.fit(np.random.default_rng(21), n, np.zeros(1)), n)[:, 0] / side.unexplained[:, None]
    means_agree(errors[:, 0], (n - 1) / (n - k - 1))
    means_agree(errors[:, 1], (n - k) / n)


# --- oracle


@pytest.mark.parametrize(
    ("n", "k", "modes"),
    [
        (4, 6, 12),
        (4, 4, 12),
        (6, 4, 12),
        (8, 3, 9),
        (9, 14, 5),
        (5, 9, 5),
        (3, math.inf, 10),
        (9, math.inf, 4),
        (1, 2, 3),
    ],
)
def test_law_of_the_literal_experiment(n: int, k: float, modes: int, means_agree: Callable[..., None]) -> None:
    """Means of both errors; the whole law of the train error, and of the test error where nothing is averaged."""
    task = small_task(modes)
    fast = gaussian_errors(np.random.default_rng(22), 12_000, n, k, RIDGES, task)
    slow = literal_population(np.random.default_rng(23), n, k, task, 2500)
    # at ridge 0 moments exist below the order (|n - min(k, modes)| + 1)/2: compare means where the variance does
    start = 0 if abs(n - min(k, modes)) >= 4 else 1
    means_agree(fast[:, start:, 0], slow[:, start:, 0])
    means_agree(fast[:, 1:, 1], slow[:, 1:, 1])
    smooth = gaussian_errors(np.random.default_rng(31), 12_000, n, k, RIDGES, task, noise="averaged")
    means_agree(smooth[:, start:, 0], slow[:, start:, 0])
    means_agree(smooth[:, 1:, 1], slow[:, 1:, 1])
    assert np.all(smooth[:, 2].std(axis=0) < fast[:, 2].std(axis=0))  # the largest ridge: no heavy tails
    averaged = n < min(k, modes) and not math.isinf(k)
    for j in range(1, RIDGES.size):
        # a true equality fails with probability 1e-6, for the fixed seeds once and for all
        assert ks_2samp(fast[:, j, 1], slow[:, j, 1]).pvalue > 1e-6
        assert averaged or ks_2samp(fast[:, j, 0], slow[:, j, 0]).pvalue > 1e-6
        assert not averaged or fast[:, j, 0].var() < slow[:, j, 0].var()


@pytest.mark.parametrize(("n", "k", "ridge"), [(1, 1, 0.5), (3, 2, 0.4), (2, 7, 3.0), (6, 1, 0.9), (2, math.inf, 0.4)])
def test_one_mode_against_quadrature(n: int, k: float, ridge: float, means_agree: Callable[..., None]) -> None:
    task = gaussian_task([1.6], [2.3], 0.45)
    exact = one_mode_quadrature(n, k, ridge, task)
    # the rule's own error: two steps agree to rounding of 900^2 positive terms
    np.testing.assert_allclose(exact, one_mode_quadrature(n, k, ridge, task, nodes=1300), rtol=1e-11)
    for noise in ("drawn", "averaged"):
        means_agree(gaussian_errors(np.random.default_rng(24), 40_000, n, k, [ridge], task, noise)[:, 0], exact)


@pytest.mark.parametrize(
    ("n", "k", "ridge", "test", "train"),
    [
        (256, 100, 0.1, 1.19824929931741, 0.526551655086523),
        (1000, 256, 0.01, 0.935489497818479, 0.523675384525264),
        (256, math.inf, 0.1, 0.883987962287779, 0.0734320938581779),
    ],
)
def test_large_size_limit(n: int, k: float, ridge: float, test: float, train: float) -> None:
    """The asymptotic values of the eigenframework, 1.5-power task: exact up to O(1/n), here 0.7 / n at most."""
    index = np.arange(1, 10_001)
    task = gaussian_task(index**-1.5, index**-1.5, 0.5)
    errors = gaussian_errors(np.random.default_rng(25), 16, n, k, [ridge], task, noise="averaged")[:, 0]
    spread = errors.std(axis=0, ddof=1) / np.sqrt(16)
    assert np.all(np.abs(errors.mean(axis=0) - [test, train]) < 5 * spread + 0.01 * np.array([test, train]))


@pytest.mark.parametrize("k", [2, 5, math.inf])
@pytest.mark.parametrize("noise", ["drawn", "averaged"])
def test_one_sample_in_two_modes_exact(k: float, noise: str, means_agree: Callable[..., None]) -> None:
    task, ridges = small_task(2), np.array([0.2, 0.9])
    errors = gaussian_errors(np.random.default_rng(31), 40_000, 1, k, ridges, task, noise)
    means_agree(errors, [one_sample_quadrature(k, ridge, task) for ridge in ridges])


# --- properties


@pytest.mark.parametrize("sizes", [(4, 6, 12), (6, 4, 12), (9, 14, 5), (3, math.inf, 12)])
@pytest.mark.parametrize("factor", [1e-6, 3.7, 1e5])
def test_units(sizes: tuple[int, float, int], factor: float) -> None:
    """Scaling eigenvalues and ridge together changes nothing; scaling target and noise powers scales the errors."""
    n, k, modes = sizes
    task = small_task(modes)
    reference = gaussian_errors(np.random.default_rng(26), 3, n, k, RIDGES, task)
    kernel = Task(factor * task.eigenvalues, task.target, task.noise_variance)
    same = gaussian_errors(np.random.default_rng(26), 3, n, k, factor * RIDGES, kernel)
    np.testing.assert_allclose(same, reference, rtol=ROUNDING, atol=1e-20)
    labels = Task(task.eigenvalues, math.sqrt(factor) * task.target, factor * task.noise_variance)
    larger = gaussian_errors(np.random.default_rng(26), 3, n, k, RIDGES, labels)
    np.testing.assert_allclose(larger, factor * reference, rtol=ROUNDING, atol=1e-20 * factor)


def test_same_state_same_numbers_and_finite() -> None:
    task = small_task(6)
    for n, k in [(1, 1), (1, 9), (9, 1), (6, 6), (5, 7), (30, 40), (4, math.inf)]:
        first, second = (gaussian_errors(np.random.default_rng(27), 2, n, k, RIDGES, task) for _ in range(2))
        assert np.array_equal(first, second)
        assert np.all(np.isfinite(first))
        assert np.all(first >= 0)
        assert np.all(np.diff(first[..., 1], axis=1) >= -1e-12)  # train error grows with the ridge


def test_sides_agree_where_several_apply(means_agree: Callable[..., None]) -> None:
    n, k, task, rng = 4, 6, small_task(9), np.random.default_rng(28)
    ridges = np.array([0.2])
    by_samples = errors_of(draw_samples(rng, 20_000, n, task).fit(rng, k, ridges), n)
    by_features = errors_of(draw_features(rng, 20_000, k, task).fit(rng, n, ridges), n)
    side = ModeSide(task)
    by_modes = errors_of(side.fit(side.data(rng, 20_000, n), side.features(rng, 20_000, k), ridges, n), n)
    means_agree(by_samples, by_features)
    means_agree(by_samples, by_modes)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicates": 0}, r"replicates must be an integer >= 1, got replicates=0"),
        ({"n": 2.5}, r"n must be an integer >= 1, got n=2\.5"),
        ({"n": math.inf}, r"n must be an integer >= 1, got n=inf"),
        ({"k": 0}, r"k must be an integer >= 1 or inf, got k=0"),
        ({"ridges": [0.1, -0.2]}, r"ridges must be >= 0.*ridges\[1\]=-0\.2"),
        ({"ridges": 0.1}, r"ridges must have shape \(ridges,\)"),
        ({"noise": "none"}, r"noise must be 'drawn' or 'averaged', got noise='none'"),
    ],
)
def test_bad_settings(change: dict[str, object], message: str) -> None:
    setting = {"replicates": 2, "n": 3, "k": 4, "ridges": [0.1], "task": small_task(5)} | change
    with pytest.raises(ValueError, match=message):
        gaussian_errors(np.random.default_rng(0), **setting)


@pytest.mark.parametrize(
    ("spectrum", "power", "noise", "message"),
    [
        ([1.0, -2.0], [1.0, 1.0], 0.1, r"eigenvalues must be >= 0.*eigenvalues\[1\]=-2\.0"),
        ([0.0], [1.0], 0.1, r"eigenvalues must hold at least one value > 0"),
        ([1.0, 2.0], [1.0], 0.1, r"target_power and eigenvalues must have the same length, got 1 and 2"),
        ([1.0], [-1.0], 0.1, r"target_power must be >= 0"),
        ([1.0], [1.0], -0.1, r"noise_variance must be >= 0"),
    ],
)
def test_bad_tasks(spectrum: list[float], power: list[float], noise: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gaussian_task(spectrum, power, noise)
