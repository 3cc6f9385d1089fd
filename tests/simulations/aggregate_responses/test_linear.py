"""Ridge, anisotropy, unequal bags and groups: against stacked least squares, the isotropic route and each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simulations.aggregate_responses.conditional import conditional_errors
from simulations.aggregate_responses.linear import Population, bag_errors, group_errors, response_map
from simulations.aggregate_responses.literal import fit_aggregates

ISOTROPIC = {"noise_variance": 0.3, "target_power": (1.7,)}

# --- identities and limits


@pytest.mark.parametrize(("n", "d", "k"), [(24, 4, 3), (24, 10, 3), (24, 30, 3)])
def test_isotropic_without_ridge_is_the_other_route(n: int, d: int, k: int) -> None:
    """The same samples are drawn; averaging over signs and over directions agree for equal powers."""
    rhos = (0.0, 0.3, 1.0, 4.0)
    grid = bag_errors(
        np.random.default_rng(1), 2, d=d, bag_sizes=(k,), bag_counts=(n // k,), interpolations=rhos, **ISOTROPIC
    )
    setting = {"n": n, "d": d, "bag_size": k, "signal": 1.7, "noise_variance": 0.3}
    other = conditional_errors(np.random.default_rng(1), 2, interpolations=rhos, **setting)
    np.testing.assert_allclose(grid[:, :, 0], other, rtol=1e-8, atol=1e-11)  # squared conditions below 1e6


def test_vanishing_ridge() -> None:
    setting = {"d": 10, "bag_sizes": (3,), "bag_counts": (8,), "interpolations": (0.0, 0.5), **ISOTROPIC}
    errors = bag_errors(np.random.default_rng(2), 2, ridges=(0.0, 1e-9), **setting)
    np.testing.assert_allclose(errors[:, :, 1], errors[:, :, 0], rtol=1e-5)  # first order in ridge d / eigenvalue


def test_a_tiny_weight_loses_no_digits() -> None:
    """Fewer bags than features: rho alone makes the minimiser unique, and rho = 1e-12 must not drown in rounding."""
    setting = {"n": 24, "d": 10, "bag_size": 3, "signal": 1.7, "noise_variance": 0.3}
    tiny = bag_errors(
        np.random.default_rng(1), 2, d=10, bag_sizes=(3,), bag_counts=(8,), interpolations=(1e-12,), **ISOTROPIC
    )
    limit = conditional_errors(np.random.default_rng(1), 2, interpolations=("0+",), **setting)
    np.testing.assert_allclose(tiny[:, :, 0], limit, rtol=1e-7)  # condition 1e6 / 0.1 times eps, a factor of 50


def test_scaling_of_features_without_ridge_does_nothing() -> None:
    """Without ridge and with a unique minimiser the covariance drops out, given theta0'S theta0 = 1.7."""
    setting = {"d": 4, "bag_sizes": (2, 5), "bag_counts": (4, 2), "interpolations": (0.3,), "noise_variance": 0.3}
    white = bag_errors(np.random.default_rng(3), 2, eigenvalues=(1.0, 1.0), target_power=(1.2, 0.5), **setting)
    steep = bag_errors(
        np.random.default_rng(3), 2, eigenvalues=(4.0, 0.25), target_power=(1.2 / 4, 0.5 / 0.25), **setting
    )
    np.testing.assert_allclose(steep, white, rtol=1e-10)


# --- oracle


@pytest.mark.parametrize("weighting", ["samples", "bags"])
@pytest.mark.parametrize(("rho", "ridge"), [(0.0, 0.2), (0.6, 0.0), (0.6, 0.2), (0.0, 0.0)])
def test_against_stacked_least_squares(weighting: str, rho: float, ridge: float) -> None:
    """Recompute from the same samples by lstsq on the rows of the stated loss, theta0 and noise sign by sign."""
    d, sizes = 4, np.array([2, 2, 2, 5, 5, 5])
    variances, power = np.array([1.9, 1.9, 0.2, 0.2]), np.array([0.4, 0.4, 1.1, 1.1])
    errors = bag_errors(
        np.random.default_rng(4),
        1,
        d=d,
        bag_sizes=(2, 5),
        bag_counts=(3, 3),
        interpolations=(rho,),
        ridges=(ridge,),
        eigenvalues=(1.9, 0.2),
        target_power=(0.8, 2.2),
        noise_variance=0.3,
        weighting=weighting,
    )[0, 0, 0]
    inputs = np.random.default_rng(4).standard_normal((21, d)) * np.sqrt(variances)
    rows, targets = [], []
    for a, size in enumerate(sizes):
        bag = inputs[sizes[:a].sum() : sizes[: a + 1].sum()]
        weight = 1.0 if weighting == "samples" else 21 / 6 / size
        rows += [np.sqrt(weight * size) * bag.mean(axis=0), *np.sqrt(weight * rho) * (bag - bag.mean(axis=0))]
        targets += [np.sqrt(weight * size) * (np.arange(6) == a), *np.zeros((size, 6))]
    stack = np.vstack([*rows, np.sqrt(ridge * d) * np.eye(d)])
    response = np.linalg.lstsq(stack, np.vstack([*targets, np.zeros((d, 6))]), rcond=None)[0]  # mean labels -> theta
    means = np.array([inputs[sizes[:a].sum() : sizes[: a + 1].sum()].mean(axis=0) for a in range(6)])
    missed = np.eye(d) - response @ means
    bias, variance = variances @ missed**2 @ power, variances @ response**2 @ (0.3 / sizes)
    np.testing.assert_allclose(errors, [bias, variance], rtol=1e-10, atol=1e-25)  # a bias of 0 is 0 squared eps


def test_bias_is_an_average_over_signs() -> None:
    population = Population(np.array([1.9, 0.2]), np.array([0.4, 1.1]))
    rng = np.random.default_rng(5)
    response, rows = rng.standard_normal((2, 3)), rng.standard_normal((3, 2))
    gains = np.array([1.0, 0.5, -0.3])
    total = 0.0
    for signs in ((1, 1), (1, -1)):
        truth = np.array(signs) * np.sqrt(population.power)
        error = response @ (gains * (rows @ truth)) - truth
        total += population.variances @ error**2 / 2
    np.testing.assert_allclose(population.errors(response, rows, gains, np.zeros(3))[0], total, rtol=1e-13)


def test_least_norm_response_is_the_literal_fit() -> None:
    inputs, sizes = np.random.default_rng(6).standard_normal((12, 20)), np.full(4, 3)
    rows = np.concatenate([np.sqrt(3) * inputs.reshape(4, 3, 20).mean(axis=1), inputs])
    rows[4:] -= np.repeat(inputs.reshape(4, 3, 20).mean(axis=1), 3, axis=0)
    response = response_map(rows, np.array([1.0] * 4 + [0.4] * 12), 0.0, rank=12, responding=4)
    means = np.array([0.3, -1.0, 2.0, 0.7])
    np.testing.assert_allclose(
        response @ (np.sqrt(3) * means), fit_aggregates(inputs, means, sizes, 0.4), rtol=1e-8, atol=1e-12
    )


def test_groups_and_bags_have_the_same_mean(means_agree: Callable[..., None]) -> None:
    features = {"d": 6, "eigenvalues": (1.9, 0.2), "target_power": (0.8, 2.2), "ridges": (0.2, 1.1)}
    bags = bag_errors(
        np.random.default_rng(7),
        1500,
        bag_sizes=(3,),
        bag_counts=(8,),
        interpolations=(0.4,),
        noise_variance=0.3,
        **features,
    )[:, 0]
    groups = group_errors(
        np.random.default_rng(8),
        1500,
        group_rows=(8, 16),
        weights=(1.0, 0.4),
        gains=(1.0, 0.0),
        noise_variances=(0.3, 0.0),
        **features,
    )
    means_agree(bags, groups)


def test_equal_weight_for_every_bag_as_groups(means_agree: Callable[..., None]) -> None:
    bags = bag_errors(
        np.random.default_rng(9),
        1500,
        d=5,
        bag_sizes=(2, 6),
        bag_counts=(6, 4),
        interpolations=(0.4,),
        weighting="bags",
        **ISOTROPIC,
    )[:, 0]
    mean = 36 / 10
    groups = group_errors(
        np.random.default_rng(10),
        1500,
        d=5,
        group_rows=(6, 4, 6, 20),
        weights=(mean / 2, mean / 6, 0.4 * mean / 2, 0.4 * mean / 6),
        gains=(1.0, 1.0, 0.0, 0.0),
        noise_variances=(0.3, 0.3, 0.0, 0.0),
        target_power=(1.7,),
    )
    means_agree(bags, groups)


# --- properties


def test_only_the_number_of_bags_matters_where_samples_count_the_same(means_agree: Callable[..., None]) -> None:
    mixed, even = (
        bag_errors(
            np.random.default_rng(seed), 1500, d=5, bag_sizes=b, bag_counts=c, interpolations=(0.4,), **ISOTROPIC
        )[:, 0, 0]
        for seed, b, c in ((11, (2, 6), (6, 2)), (12, (3,), (8,)))
    )
    means_agree(mixed, even)


def test_signs_are_signs_of_the_right_size() -> None:
    drawn = Population(np.array([4.0, 0.25]), np.ones(2)).draw(np.random.default_rng(13), 400, "signs")
    np.testing.assert_array_equal(np.abs(drawn), np.tile([2.0, 0.5], (400, 1)))
    assert np.all(np.abs(np.mean(drawn > 0, axis=0) - 0.5) < 4.9 * 0.5 / 20)  # one failure in 10^6
    setting = {"d": 10, "bag_sizes": (3,), "bag_counts": (20,), "interpolations": (0.4,), **ISOTROPIC}
    normal, signs = (
        bag_errors(np.random.default_rng(14), 200, features=f, **setting).mean(axis=0) for f in ("normal", "signs")
    )
    np.testing.assert_allclose(signs, normal, rtol=0.1)  # they differ by O(1/d)
    assert not np.array_equal(signs, normal)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bag_counts": (1, 2)}, r"bag_counts and bag_sizes must have the same length, got 2 and 1"),
        ({"bag_counts": (1.5,)}, r"bag_counts must be whole numbers, got bag_counts=\[1\.5\]"),
        ({"bag_sizes": (0.5,)}, r"bag_sizes must be >= 1, got bag_sizes\[0\]=0\.5"),
        ({"d": 5, "eigenvalues": (1.0, 2.0), "target_power": (1.0, 1.0)}, r"d must be a multiple of the number of"),
        ({"eigenvalues": (1.0, 2.0)}, r"target_power and eigenvalues must have the same length, got 1 and 2"),
        ({"eigenvalues": (0.0,)}, r"eigenvalues must be > 0, got eigenvalues\[0\]=0\.0"),
        ({"ridges": (-0.1,)}, r"ridges must be >= 0, got ridges\[0\]=-0\.1"),
        ({"weighting": "equal"}, r"weighting must be 'samples' or 'bags', got weighting='equal'"),
        ({"features": "relu"}, r"features must be 'normal' or 'signs', got features='relu'"),
        ({"interpolations": (-1.0,)}, r"interpolations must be >= 0"),
        ({"noise_variance": -1.0}, r"noise_variance must be >= 0"),
    ],
)
def test_bad_bags(change: dict, message: str) -> None:
    setting = {"d": 4, "bag_sizes": (3,), "bag_counts": (8,), "interpolations": (0.4,), "noise_variance": 0.3}
    with pytest.raises(ValueError, match=message):
        bag_errors(np.random.default_rng(0), 1, **(setting | change))


@pytest.mark.parametrize("name", ["weights", "gains", "noise_variances"])
def test_bad_group(name: str) -> None:
    setting = {"d": 4, "group_rows": (8, 3), "weights": (1, 1), "gains": (1, 0), "noise_variances": (0.3, 0.2)}
    with pytest.raises(ValueError, match=rf"{name} and group_rows must have the same length, got 1 and 2"):
        group_errors(np.random.default_rng(0), 1, **(setting | {name: (1.0,)}))


def test_dependent_signs_are_refused() -> None:
    """Two features of +-1: some of 30 draws of two bags have parallel rows; a ridge decides between the fits."""
    setting = {"d": 2, "bag_sizes": (1,), "bag_counts": (2,), "noise_variance": 0.3, "features": "signs"}
    for rho in (0.0, 0.5):
        with pytest.raises(np.linalg.LinAlgError, match=r"linearly dependent.*use more samples for each feature"):
            bag_errors(np.random.default_rng(0), 30, interpolations=(rho,), **setting)
    assert np.all(bag_errors(np.random.default_rng(0), 30, interpolations=(0.5,), ridges=(0.1,), **setting) >= 0)
