"""The invariant set: depth two by hand, a dense grid, gradient descent that stays inside."""

import numpy as np
import pytest

from theory.scalar_networks import gfs_sharpness, gradient_flow_solution, invariant_set, quasi_static_map
from theory.scalar_networks._solver import balances_of, solve_level

CAP = 2.0 * np.sqrt(2.0)


def sample(depth, cells, seed):
    """Return weights, step sizes and bounds around the set, with products between 0 and the bound."""
    rng = np.random.default_rng(seed)
    s = gradient_flow_solution(np.exp(rng.normal(size=(cells, depth)) * rng.choice([0.1, 0.5, 1.2], (cells, 1))))
    eta = rng.uniform(0.5, 1.0, cells) * CAP / (s**-2.0).sum(axis=-1)
    bound = rng.uniform(1.0001, 2.0, cells)
    products = bound * rng.random(cells)
    return s, np.sqrt(solve_level(balances_of(s), products).squared), eta, bound


# --- identities and limits


def test_depth_two_by_hand():
    # b = 3.75, eta = .4: g falls from eta b = 1.5 at product 0 to 1 at product 1; u_min(1.6) = .58 > .4 * 1.6 * .6
    np.testing.assert_array_equal(invariant_set([2.0, 0.5], 0.4, [1.49, 1.51, 1.6]), [False, True, True])
    # eta = .5: g(0) = 1.875, but u_min(1.9) = (sqrt(3.75^2 + 4 1.9^2) - 3.75)/2 = .79 < .5 * 1.9 * .9
    assert not invariant_set([2.0, 0.5], 0.5, 1.9)
    assert invariant_set([2.0, 0.5], 0.4, 1.6) is True
    np.testing.assert_array_equal(invariant_set([2.0, 0.5], 0.4, 1.5 + np.array([-1e-11, 1e-11])), [False, True])


def test_products_and_sharpness_outside():
    assert not invariant_set([2.0, 0.9], 0.3, 1.7)  # product 1.8
    assert not invariant_set([2.0, -0.5], 0.3, 1.7)
    assert not invariant_set([0.0, 2.0], 0.3, 1.7)
    assert not invariant_set([2.0, 0.5], 2.84 / 4.25, 2.0)  # eta phi = 2.84 > 2 sqrt(2)


def test_equal_weights():
    # depth 3: g = (w - eta (w^3 - 1) w^2)^3 has its largest value over (0, 1] where its derivative vanishes
    w = np.linspace(0.0, 1.0, 200_001)
    top = np.max((w - 0.7 * (w**3 - 1.0) * w**2) ** 3)
    assert invariant_set([0.9, 0.9, 0.9], 0.7, top * (1 + 1e-9))
    assert not invariant_set([0.9, 0.9, 0.9], 0.7, top * (1 - 1e-9))


# --- oracle


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_dense_grid_of_products(depth):
    s, w, eta, bound = sample(depth, 120, depth)
    inside = invariant_set(w, eta, bound)
    p = np.concatenate([10.0 ** np.linspace(-14.0, -1.0, 300), np.linspace(0.1, 1.0, 600)])
    for cell in range(len(s)):
        beyond = np.linspace(1.0, bound[cell], 200)
        grid = np.concatenate([p, beyond])
        level = solve_level(np.repeat(balances_of(s[cell][None]), grid.size, axis=0), grid).squared.min(axis=-1)
        gentle = np.all(eta[cell] * (grid - 1.0) * grid <= level)
        top = quasi_static_map(s[cell], grid, eta[cell]).max()
        if abs(top / bound[cell] - 1.0) > 1e-4:  # the grid finds the top to 1e-5
            expected = gentle and top <= bound[cell] and eta[cell] * gfs_sharpness(w[cell]) <= CAP
            assert inside[cell] == expected
    assert 10 < inside.sum() < 110


# --- properties


@pytest.mark.parametrize("depth", [2, 3, 4, 8])
def test_gradient_descent_stays_inside_and_the_sharpness_falls(depth):
    _, w, eta, bound = sample(depth, 1500, 100 + depth)
    inside = invariant_set(w, eta, bound)
    assert inside.sum() > 150
    w, eta, bound = w[inside], eta[inside], bound[inside]
    for _ in range(3):
        phi = gfs_sharpness(w)
        product = np.prod(w, axis=-1, keepdims=True)
        w = w * (1.0 - eta[:, None] * (product - 1.0) * product / w**2)
        # a hair above the bound: rounding of points on its boundary
        assert invariant_set(w, eta, np.minimum(bound * (1 + 1e-12), 2.0)).all()
        assert (gfs_sharpness(w) <= phi * (1 + 1e-13)).all()


def test_broadcasting():
    w = np.random.default_rng(0).normal(size=(3, 1, 4))
    assert invariant_set(w, [0.1, 0.2], 1.5).shape == (3, 2)
    assert invariant_set(w[0, 0], 0.1, 1.5) is bool(invariant_set(w, [0.1, 0.2], 1.5)[0, 0])


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2.0, 0.5], 0.4, 1.0), r"bound must be > 1 and <= 2, got bound=1\.0"),
        (([2.0, 0.5], 0.4, 2.1), r"bound must be > 1 and <= 2, got bound=2\.1"),
        (([2.0, 0.5], -0.4, 1.5), r"step_size must be > 0, got step_size=-0\.4"),
        (([2.0], 0.4, 1.5), r"depth >= 2, got shape \(1,\)"),
        (([2.0, 0.5], [0.4, 0.5], [1.5, 1.6, 1.7]), r"step_size, bound must broadcast"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        invariant_set(*arguments)
