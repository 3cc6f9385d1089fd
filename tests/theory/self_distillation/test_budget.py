"""Residual budgets: collapse in closed form, the ridge by bisection at 40 digits, bounds on survivors, messages."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.self_distillation import collapse_bounds, fits, residual_budget_fits

EPS = np.finfo(float).eps


def problem(seed=0, n=9, features=20, outputs=1):
    rng = np.random.default_rng(20241000 + seed)
    inputs = rng.normal(size=(n, features))
    return inputs @ inputs.T / 3.0, rng.normal(size=(n, outputs))


# --- identities and limits


def test_one_mode_walks_to_zero_by_the_root_of_the_budget():
    """One point: each fit is sqrt(budget) closer to 0, with ridge d r/(1 - r), r = sqrt(budget)/|target|."""
    chain = residual_budget_fits([[2.5]], [-3.1], 0.49, [0.0] * 5)
    assert chain.fits[:, 0] == pytest.approx([-2.4, -1.7, -1.0, -0.3, 0.0, 0.0], abs=1e-13)
    r = 0.7 / np.array([3.1, 2.4, 1.7, 1.0])
    assert chain.ridges == pytest.approx([*(2.5 * r / (1 - r)), np.inf, np.inf], rel=1e-12)
    assert chain.survivors == 4
    assert collapse_bounds([-3.1], 0.49) == (4, 19)  # 3.1/0.7 = 4.43, its square 19.6


def test_targets_within_the_budget_collapse_at_once():
    gram, targets = problem()
    chain = residual_budget_fits(gram, targets, 1.01 * np.mean(targets**2), [0.0, 0.0])
    assert not np.any(chain.fits)
    assert np.all(np.isinf(chain.ridges))
    assert chain.survivors == 0
    assert collapse_bounds(targets, 1.01 * np.mean(targets**2)) == (0, 0)


@pytest.mark.parametrize("gap", [1e-3, 1e-9, 1e-14])
def test_just_before_collapse(gap):
    """budget = (1 - gap) mean y^2: ridge 2 sum d z^2/(gap sum z^2) as gap -> 0."""
    d, z = np.array([0.3, 2.0, 7.0]), np.array([1.3, -0.8, 0.4])
    budget = (1.0 - gap) * np.mean(z**2)
    exact_gap = (np.sum(z**2) - 3 * budget) / np.sum(z**2)  # what rounding left of it
    ridge = residual_budget_fits(np.diag(d), z, budget, []).ridges[0]
    assert ridge == pytest.approx(2 * np.sum(d * z**2) / np.sum(z**2) / exact_gap, rel=20 * gap + 8 * EPS / exact_gap)


def test_tiny_budget_needs_a_tiny_ridge():
    """ridge = sqrt(n eps/sum z^2/d^2) as the budget vanishes."""
    d, z = np.array([0.3, 2.0, 7.0]), np.array([1.3, -0.8, 0.4])
    for budget in (1e-12, 1e-100, 1e-250):
        ridge = residual_budget_fits(np.diag(d), z, budget, []).ridges[0]
        assert ridge == pytest.approx(np.sqrt(3 * budget / np.sum(z**2 / d**2)), rel=1e-5)  # next order ridge/d


def test_out_of_reach_part_of_the_targets():
    """gram diag(2, 0): the second target cannot be fitted."""
    gram, targets = np.diag([2.0, 0.0]), np.array([3.0, 0.5])
    chain = residual_budget_fits(gram, targets, 0.25, [0.0])  # 2 * 0.25 = 0.25 + (residual 0.5)^2
    assert chain.fits[0] == pytest.approx([2.5, 0.0], abs=1e-13)
    # then only the first target is left: 2 * 0.25 = (residual)^2
    assert chain.fits[1] == pytest.approx([2.5 - np.sqrt(0.5), 0.0], abs=1e-13)
    exact = residual_budget_fits(gram, targets, 0.125, [])
    assert exact.ridges[0] == 0.0
    assert exact.fits[0] == pytest.approx([3.0, 0.0], abs=1e-13)


def test_tiny_budget_of_two_modes():
    """lambda^2 (p_1/d_1^2 + p_2/d_2^2) = n eps up to lambda/d; the explained part would lose all digits."""
    ridge = residual_budget_fits(np.diag([1.0, 100.0]), [0.7, 5.0], 1e-24, []).ridges[0]
    assert ridge == pytest.approx(np.sqrt(2e-24 / (0.7**2 + 0.05**2)), rel=1e-11)


@pytest.mark.parametrize("seed", range(12))
def test_the_budget_may_be_just_what_is_out_of_reach(seed):
    """Targets whose part outside the range is the whole budget, up to rounding, have a fit."""
    rng = np.random.default_rng([20240733, seed])
    inputs, targets = rng.normal(size=(9, 2)), rng.normal(size=9)
    rest = targets - inputs @ np.linalg.lstsq(inputs, targets, rcond=None)[0]
    chain = residual_budget_fits(inputs @ inputs.T, targets, np.sum(rest**2) / 9, [])
    assert chain.fits[0] == pytest.approx(targets - rest, abs=1e-6)  # lambda of the size of sqrt(eps)


# --- oracle


def ridge_by_bisection(eigenvalues, target, allowed):
    """Return the ridge with sum (ridge/(ridge + d))^2 z^2 = allowed, by halving its logarithm at 40 digits."""
    with mp.workdps(40):
        low, high = mp.mpf(-200), mp.mpf(200)
        for _ in range(140):
            middle = (low + high) / 2
            ridge = mp.exp(middle)
            value = mp.fsum((ridge / (ridge + d)) ** 2 * z**2 for d, z in zip(eigenvalues, target, strict=True))
            low, high = (middle, high) if value < allowed else (low, middle)
        return float(mp.exp(low))


def test_ridges_over_many_decades():
    rng = np.random.default_rng(20241001)
    for _ in range(40):
        d = 10.0 ** rng.uniform(-10, 3, 5)
        z = rng.normal(size=5) * 10.0 ** rng.uniform(-3, 3, 5)
        share = 10.0 ** rng.uniform(-12, -0.01)
        expected = ridge_by_bisection(d, z, share * np.sum(z**2))
        got = residual_budget_fits(np.diag(d), z, share * np.sum(z**2) / 5, []).ridges[0]
        assert got == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("alphas", [[0.0] * 6, [0.3, 0.05, 0.0, 0.1]])
def test_chain_step_by_step(alphas):
    """Each fit is plain ridge regression on its target, and the residual uses up what the budget leaves."""
    gram, targets = problem(outputs=2)
    budget = 0.12
    chain = residual_budget_fits(gram, targets, budget, alphas)
    fit = targets
    for t, alpha in enumerate([1.0, *alphas]):
        target = alpha * targets + (1 - alpha) * fit
        allowed = 9 * budget - alpha * (1 - alpha) * np.sum((targets - fit) ** 2)
        if np.isinf(chain.ridges[t]):
            assert np.sum(target**2) <= allowed
            assert not np.any(chain.fits[t])
        else:
            assert chain.fits[t] == pytest.approx(fits(gram, target, chain.ridges[t], [])[0], rel=1e-10, abs=1e-12)
            assert np.sum((chain.fits[t] - target) ** 2) == pytest.approx(allowed, rel=1e-10)
            weighted = alpha * (chain.fits[t] - targets) ** 2 + (1 - alpha) * (chain.fits[t] - fit) ** 2
            assert np.sum(weighted) / 9 == pytest.approx(budget, rel=1e-10)
        fit = chain.fits[t]


def test_new_points():
    gram, targets = problem()
    chain = residual_budget_fits(gram, targets, 0.2, [0.0, 0.0])
    again = residual_budget_fits(gram, targets, 0.2, [0.0, 0.0], gram[:4])
    assert again.fits == pytest.approx(chain.fits[:, :4], rel=1e-11, abs=1e-13)
    assert list(again.ridges) == list(chain.ridges)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(seed=st.integers(0, 1000), n=st.integers(1, 12), share=st.floats(-2.5, -0.05).map(lambda x: 10.0**x))
def test_bounds_on_survivors(seed, n, share):
    gram, targets = problem(seed, n)
    budget = share * np.mean(targets**2)
    least, most = collapse_bounds(targets, budget)
    chain = residual_budget_fits(gram, targets, budget, [0.0] * (most + 1))
    assert least <= chain.survivors <= most
    norms = np.linalg.norm(chain.fits[: chain.survivors, :, 0], axis=1)
    assert np.all(np.diff(norms) < 0.0)
    assert np.all(np.isinf(chain.ridges[chain.survivors :]))


def test_bounds_are_attained():
    """One mode attains the lower bound; modes of very different size, lost one a step, attain the upper one."""
    for length in (1.3, 2.6, 7.9):
        assert residual_budget_fits([[0.8]], [length], 1.0, [0.0] * 80).survivors == collapse_bounds([length], 1.0)[0]
    z = np.full(3, 0.99)
    budget = 0.99**2 * 1.0001 / 3
    assert collapse_bounds(z, budget) == (1, 2)
    assert residual_budget_fits(np.diag([1.0, 1e-7, 1e-14]), z, budget, [0.0] * 4).survivors == 2


@pytest.mark.parametrize("scale", [1e-120, 1e120])
def test_scales(scale):
    gram, targets = problem()
    chain = residual_budget_fits(gram, targets, 0.2, [0.0, 0.4])
    other = residual_budget_fits(scale * gram, targets / scale, 0.2 / scale**2, [0.0, 0.4])
    assert other.ridges == pytest.approx(scale * chain.ridges, rel=1e-11)
    assert scale * other.fits == pytest.approx(chain.fits, rel=1e-10, abs=1e-12)


# --- bad input


def test_infeasible_budgets():
    with pytest.raises(
        ValueError, match=r"budget must admit a fit at step 1: 1 of the squared target is out of reach, 0\.4 is left"
    ):
        residual_budget_fits(np.diag([2.0, 0.0]), [3.0, 1.0], 0.2, [])
    # after a collapse half of the true targets asks for a weighted loss of at least ||y||^2/4 = 2.25 > 1
    with pytest.raises(ValueError, match=r"budget must admit a fit at step 4"):
        residual_budget_fits([[1.0]], [3.0], 1.0, [0.0, 0.0, 0.5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(2), [1.0, 2.0], 0.0, []), r"budget must be > 0, got budget=0\.0"),
        ((np.eye(2), [1.0, 2.0], 0.1, [1.2]), r"alphas must be >= 0 and <= 1, got alphas\[0\]=1\.2"),
        ((np.eye(2), [1.0], 0.1, []), r"targets and gram must have as many rows, got 1 and 2"),
        ((np.ones((2, 3)), [1.0, 2.0], 0.1, []), r"gram must be square"),
        ((np.eye(2), [1.0, 2.0], 0.1, [], [[1.0]]), r"cross_gram must have a column for each row of gram, got 1 and 2"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        residual_budget_fits(*arguments)


def test_bad_bounds():
    with pytest.raises(ValueError, match=r"targets must have shape .*got shape \(0,\)"):
        collapse_bounds([], 0.1)
    with pytest.raises(ValueError, match=r"budget must be > 0, got budget=-1\.0"):
        collapse_bounds([1.0], -1.0)
