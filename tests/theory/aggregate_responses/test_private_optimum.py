"""Best bag size, its jump, and the ridge floor: printed values, minimisation by value, roots by bisection, messages."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar

from theory.aggregate_responses import (
    Group,
    bag_size_threshold,
    clipped_label_moments,
    clipping_threshold,
    group_risk,
    laplace_scale,
    limit_risk,
    optimal_bag_size,
    optimal_bag_size_limit,
    private_limit_risk,
    private_ridge_balance,
    private_ridge_floor,
    private_risk,
)

EPS = np.finfo(float).eps
LEVEL = clipping_threshold(2000, 1.01 * np.sqrt(3))
SETTING = {"threshold": LEVEL, "signal": 1.0, "noise_variance": 0.5, "adjacency": "zero-out", "clipped": False}
LABELS = {"signal": 2.3, "noise_variance": 0.6}


def unit_variance(psi, k, rho):
    return limit_risk(psi, k, rho, signal=0.0, noise_variance=1.0).variance


# --- identities and limits


@pytest.mark.parametrize(
    ("psi", "largest", "printed", "unit"),
    [
        (6, 2, 0.0576, 5e-5),
        (6, 5, 0.02803, 5e-6),
        (10, 2, 0.0401, 5e-5),
        (10, 5, 0.02727, 5e-6),
        (20, 2, 0.02237, 5e-6),
        (20, 5, 0.018569, 5e-7),
        (50, 2, 0.009562, 5e-7),
        (50, 5, 0.008876, 5e-7),
    ],
)
def test_threshold_to_its_printed_digits(psi, largest, printed, unit):
    assert bag_size_threshold(psi, largest) == pytest.approx(printed, abs=unit)


@pytest.mark.parametrize("largest", [2, 3.5, 40])
def test_threshold_at_many_samples(largest):
    psi = 1e9
    assert psi * bag_size_threshold(psi, largest) == pytest.approx(0.5, rel=50 * largest / psi)  # next order K/psi


def test_threshold_is_zero_where_large_bags_always_win():
    for psi, largest in ((2, 10), (6, 40), (1.2, 3), (3, 5)):
        assert psi**2 * (largest - 1) < largest**2 * (largest - psi)
        assert bag_size_threshold(psi, largest) == 0.0
        assert unit_variance(psi, largest, 1e-9) / largest < 1 / (psi - 1)
    assert bag_size_threshold(3, 3) > 0.0  # K = psi: bag level diverges, so a weight is needed


def test_best_bag_size_in_the_limit():
    assert optimal_bag_size_limit(20, 5, 0.0).bag_size == 1
    best = optimal_bag_size_limit(20, 5)
    assert best == (5, 1.0, pytest.approx(1 / (25 * 19), rel=40 * EPS))
    below, above = bag_size_threshold(20, 5) * np.array([0.999, 1.001])
    assert optimal_bag_size_limit(20, 5, [below, above]).bag_size.tolist() == [1, 5]
    # few samples: the minimum-norm bag level of huge bags, psi/[k (k - psi)], beats instance level, 1/[k^2 (psi - 1)]
    assert optimal_bag_size_limit(1.5, 40) == (40, 0.0, pytest.approx(1.5 / (40 * 38.5), rel=40 * EPS))


@pytest.mark.parametrize(("epsilon", "size"), [(0.5, 11), (1.0, 4), (2.0, 2), (3.0, 1)])
def test_best_bag_size_at_instance_level(epsilon, size):
    assert optimal_bag_size(20, 15, 1.0, epsilon=epsilon, **SETTING).bag_size == size


@pytest.mark.parametrize(("epsilon", "size"), [(0.5, 4), (1.0, 2), (2.0, 2), (5.0, 1), (8.0, 1)])
def test_best_bag_size_with_its_best_weight(epsilon, size):
    assert optimal_bag_size(20, 15, epsilon=epsilon, **SETTING).bag_size == size


def test_a_printed_joint_optimum():
    best = optimal_bag_size(20, 15, epsilon=1.0, **SETTING)
    assert best.total == pytest.approx(0.7252, abs=5e-5)
    assert best.interpolation == pytest.approx(2.68, abs=5e-3)


def test_floor_to_its_printed_digits_and_at_its_limits():
    floor = private_ridge_floor(
        20, [1, 2, 3, 5, 10], epsilon=1.0, threshold=5.0, noise_variance=0.5, adjacency="zero-out"
    )
    assert floor == pytest.approx([0.7192, 0.7239, 0.7286, 0.7375, 0.7578], abs=5e-5)  # printed to four digits
    assert private_ridge_floor(6, 3, epsilon=1e-9, threshold=5.0, **LABELS) == pytest.approx(2.3, rel=1e-15)
    noiseless = {"epsilon": np.inf, "threshold": 5.0, "signal": 2.3, "noise_variance": 0.0}
    assert private_ridge_floor(6, 3, **noiseless) == 0.0
    assert private_ridge_floor(1.5, 3, **noiseless) == pytest.approx(1.15, rel=8 * EPS)


# --- oracle


@pytest.mark.parametrize(("psi", "largest"), [(6, 2), (6, 5), (1.5, 1.2), (3.3, 3.2), (80, 70), (1e4, 9)])
def test_threshold_by_bisection(psi, largest):
    root = brentq(
        lambda x: np.log(unit_variance(psi, largest, np.exp(x)) * (psi - 1) / largest), -40.0, 0.0, xtol=1e-14
    )
    # the variance carries a few roundings; its slope in ln rho is about rho, so rounding of the root is eps/rho
    assert bag_size_threshold(psi, largest) == pytest.approx(np.exp(root), rel=1e-13 + 64 * EPS / np.exp(root))


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize(("psi", "epsilon", "level"), [(20, 1.0, 4.8), (6, 3.0, 1.1), (2.5, 8.0, 0.3), (1.3, 2.0, 2.0)])
def test_joint_optimum_by_value(psi, epsilon, level, clipped):
    """Bounded minimisation in ln(weight) for each bag size, from a grid; values are flat, so weights agree to 1e-6."""
    fixed = {"epsilon": epsilon, "threshold": level, "clipped": clipped, **LABELS}
    best = optimal_bag_size(psi, 8, **fixed)
    grid = np.linspace(-12, 12, 97)
    risks = []
    for k in range(1, 9):
        curve = private_risk(psi, k, np.exp(grid), **fixed).total
        start = grid[np.argmin(curve)]
        found = minimize_scalar(
            lambda x, k=k: private_risk(psi, k, np.exp(x), **fixed).total,
            bounds=(start - 0.3, start + 0.3),
            method="bounded",
            options={"xatol": 1e-9},
        )
        risks.append((min(found.fun, private_risk(psi, k, 0.0, **fixed).total), k, np.exp(found.x)))
    total, size, weight = min(risks)
    assert best.bag_size == size
    assert best.total == pytest.approx(total, rel=1e-12)  # the bounded search stops 1e-9 from a flat minimum
    if best.interpolation > 0.0:
        assert best.interpolation == pytest.approx(weight, rel=1e-6)


def test_fixed_weights_by_a_loop():
    for psi, rho, clipped in product((1.4, 7.0), (0.0, 0.2, 3.0), (False, True)):
        fixed = {"epsilon": 2.0, "threshold": 1.7, "clipped": clipped, **LABELS}
        totals = [private_risk(psi, k, rho, **fixed).total for k in range(1, 13)]
        best = optimal_bag_size(psi, 12, rho, **fixed)
        assert best == (1 + int(np.argmin(totals)), rho, pytest.approx(min(totals), rel=40 * EPS))


@pytest.mark.parametrize("clipped", [False, True])
def test_floor_solves_its_equation(clipped):
    arguments = {"epsilon": 2.0, "threshold": 1.7, "clipped": clipped, **LABELS}
    for psi, k in product((0.4, 1.0, 3.0, 50.0), (1, 2.5, 9)):
        floor = private_ridge_floor(psi, k, **arguments)
        assert private_ridge_balance(floor, psi, k, **arguments) == pytest.approx(1.0, rel=64 * EPS)
        root = brentq(lambda r: private_ridge_balance(r, psi, k, **arguments) - 1.0, 0.0, 2.3, xtol=1e-15)  # noqa: B023
        assert floor == pytest.approx(root, rel=1e-12)


def test_floor_of_clipped_labels_is_that_of_labels_divided_by_the_gain():
    gain, _, distortion = clipped_label_moments(1.1, 2.9)
    error = distortion + gain**2 * 0.6 + 2 * 4 * laplace_scale(1.1, 4, 0.9) ** 2
    got = private_ridge_floor(11, 4, epsilon=0.9, threshold=1.1, clipped=True, **LABELS)
    plain = group_risk([Group(11 / 4, 1.0, 1.0, error / gain**2)], signal_power=[2.3], ridge=error / gain**2 / 2.3)
    assert got == pytest.approx(plain.total, rel=1e-12)


def test_balance_in_terms_of_the_information_rate():
    """R/r^2 + kappa R/(1 + R/(lambda r^2)), kappa = psi/(k sigma^2 + s), lambda r^2 = sigma^2 + s/k."""
    s = 2 * 2**2 * 1.7**2 / 0.9**2
    noise, kappa = 0.6 + s / 4, 11 / (4 * 0.6 + s)
    got = private_ridge_balance(0.8, 11, 4, epsilon=0.9, threshold=1.7, **LABELS)
    assert got == pytest.approx(0.8 / 2.3 + kappa * 0.8 / (1 + 0.8 / noise), rel=16 * EPS)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    psi=st.floats(0.2, 60.0),
    k=st.floats(1.0, 20.0),
    rho=st.floats(-8, 6).map(np.exp),
    epsilon=st.floats(-3, 4).map(np.exp),
    level=st.floats(-2, 2).map(np.exp),
    clipped=st.booleans(),
)
def test_floor_is_a_floor_and_rises_with_bags(psi, k, rho, epsilon, level, clipped):
    arguments = {"epsilon": epsilon, "threshold": level, "clipped": clipped, **LABELS}
    floor = private_ridge_floor(psi, [k, 1.1 * k], **arguments)
    assert floor[1] >= floor[0] * (1 - 32 * EPS)
    assert np.all(private_risk(psi, k, [0.0, rho], **arguments).total >= floor[0] * (1 - 400 * EPS))


@settings(derandomize=True, deadline=None, max_examples=40)
@given(psi=st.floats(1.001, 200.0), rho=st.floats(-9, 5).map(np.exp), largest=st.integers(2, 12))
def test_best_bags_in_the_limit_are_at_an_end(psi, rho, largest):
    assert optimal_bag_size_limit(psi, largest, rho).bag_size in (1, largest)
    jump = bag_size_threshold(psi, largest)
    assert 0.0 <= jump < 1.0
    if abs(rho / jump - 1) > 1e-9 if jump else True:
        assert optimal_bag_size_limit(psi, largest, rho).bag_size == (largest if rho > jump else 1)


def test_limit_in_units_of_the_private_limit_risk():
    best = optimal_bag_size_limit(20, 6, 0.3)
    risks = private_limit_risk(20, np.arange(1, 7), 0.3, epsilon=0.7, clipping=3.0)
    assert best.total * 2 * 4 * 9 / 0.49 == pytest.approx(risks.min(), rel=40 * EPS)


def test_broadcasting_equals_a_loop():
    psi, epsilon = np.array([[3.0], [20.0]]), np.array([0.5, 2.0])
    for weight in (None, 0.4):
        best = optimal_bag_size(psi, 6, weight, epsilon=epsilon, threshold=2.0, **LABELS)
        assert best.bag_size.dtype == np.int64
        for i, j in np.ndindex(2, 2):
            alone = optimal_bag_size(psi[i, 0], 6, weight, epsilon=epsilon[j], threshold=2.0, **LABELS)
            assert isinstance(alone.bag_size, int)
            assert alone == pytest.approx(tuple(part[i, j] for part in best), rel=1e-12)


def test_without_any_information_the_best_is_not_to_learn():
    labels = {"epsilon": 1e-200, "threshold": 2.0, **LABELS}
    for clipped in (False, True):
        assert private_ridge_floor(6, 3, clipped=clipped, **labels) == pytest.approx(LABELS["signal"], rel=1e-12)
    best = optimal_bag_size(6, 4, **labels)
    assert not np.isnan(best.total)
    assert not np.isnan(best.interpolation)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"largest": 0}, r"largest must be >= 1"),
        ({"largest": 2.5}, r"largest must be an integer, got largest=2\.5"),
        ({"samples_per_feature": 1.0}, r"samples_per_feature must be > 1"),
        ({"interpolation": -1.0}, r"interpolation must be >= 0"),
        ({"epsilon": 0.0}, r"epsilon must be > 0, got epsilon=0\.0"),
        ({"threshold": -2.0}, r"threshold must be > 0, got threshold=-2\.0"),
        ({"threshold": "wide"}, r"threshold must be a real number"),
        ({"adjacency": "swap"}, r"adjacency must be 'replace' or 'zero-out'"),
        ({"noise_variance": np.nan}, r"noise_variance must be"),
    ],
)
@pytest.mark.parametrize("weight", [None, 0.5])
def test_bad_arguments(change, message, weight):
    arguments = {"samples_per_feature": 6, "largest": 4, "interpolation": weight, "epsilon": 1.0, "threshold": 2.0}
    with pytest.raises(ValueError, match=message):
        optimal_bag_size(**{**arguments, **LABELS, **change})


def test_bad_bags():
    with pytest.raises(ValueError, match=r"largest must be > 1, got largest=1\.0"):
        bag_size_threshold(6, 1)
    with pytest.raises(ValueError, match=r"samples_per_feature must be > 1"):
        bag_size_threshold(0.9, 3)
    with pytest.raises(ValueError, match=r"signal must be > 0"):
        private_ridge_balance(0.5, 6, 3, epsilon=1.0, threshold=2.0, signal=0.0, noise_variance=0.4)
    with pytest.raises(ValueError, match=r"total must be >= 0"):
        private_ridge_balance(-0.5, 6, 3, epsilon=1.0, threshold=2.0, **LABELS)


@pytest.mark.parametrize("largest", [0, 2.5, 10**6 + 1, 1e12])
def test_bad_largest_bag(largest):
    with pytest.raises(ValueError, match="largest must be"):
        optimal_bag_size(6, largest, 0.3, epsilon=1.0, threshold=2.0, **LABELS)
    with pytest.raises(ValueError, match="largest must be"):
        optimal_bag_size_limit(6, largest, 0.3)
