"""Other targets and data: gradient descent in both units step by step, exact data arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.scalar_networks import data_problem, gfs_sharpness, loss, sharpness, unit_problem

EPS = np.finfo(float).eps
rule = settings(derandomize=True, deadline=None, max_examples=60)


def descend(w, eta, curvature, target, steps):
    """Return the iterates of gradient descent on curvature (product - target)^2/2, products of others naive."""
    path = [w]
    for _ in range(steps):
        others = np.array([np.prod(np.delete(w, i)) for i in range(len(w))])
        w = w - eta * curvature * (np.prod(w) - target) * others
        path.append(w)
    return np.array(path)


# --- identities and limits


def test_by_hand():
    unit = unit_problem([4.0, 3.0], 0.1, 4.0, 3.0)
    np.testing.assert_allclose(unit.weights, [2.0, 1.5], rtol=4 * EPS)
    assert unit.step_size == pytest.approx(1.2, rel=4 * EPS)
    assert unit.sharpness_factor == pytest.approx(12.0, rel=4 * EPS)
    assert unit.loss_factor == pytest.approx(48.0, rel=4 * EPS)


def test_target_one_changes_nothing():
    unit = unit_problem([0.4, -3.0, 1.7], 0.3, 1.0)
    np.testing.assert_array_equal(unit.weights, [0.4, -3.0, 1.7])
    assert (unit.step_size, unit.sharpness_factor, unit.loss_factor) == (0.3, 1.0, 1.0)


# --- oracle


@pytest.mark.parametrize("target", [2.7, -0.4])
def test_both_descents_are_one(target):
    w, eta, curvature = np.array([0.8, 1.1, -0.6, 1.4]), 0.07, 1.9
    unit = unit_problem(w, eta, target, curvature)
    own = descend(w, eta, curvature, target, 25)
    other = descend(unit.weights, unit.step_size, 1.0, 1.0, 25)
    # a stable descent: rounding does not grow beyond the number of steps
    np.testing.assert_allclose(unit_problem(own, eta, target, curvature).weights, other, rtol=1e-12)
    own_loss = 0.5 * curvature * (np.prod(own, axis=-1) - target) ** 2
    np.testing.assert_allclose(own_loss, unit.loss_factor * loss(other), rtol=1e-10)


def test_sharpness_by_differences():
    w, target, curvature, h = np.array([0.8, 1.1, 1.4]), 2.7, 1.9, 1e-4
    unit = unit_problem(w, 0.1, target, curvature)

    def value(v):
        return 0.5 * curvature * (np.prod(v) - target) ** 2

    hessian = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            a, b = h * np.eye(3)[i], h * np.eye(3)[j]
            hessian[i, j] = (value(w + a + b) - value(w + a - b) - value(w - a + b) + value(w - a - b)) / (4 * h * h)
    # differences err by h^2, and by rounding 1e-16/h^2 = 1e-8
    assert unit.sharpness_factor * sharpness(unit.weights) == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-6)


def test_data_in_rational_arithmetic():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=7), rng.normal(size=7) + 0.5
    fx, fy = [Fraction(float(v)) for v in x], [Fraction(float(v)) for v in y]
    square = sum(v * v for v in fx) / 7
    target = sum(u * v for u, v in zip(fx, fy, strict=True)) / 7 / square
    floor = sum((v - target * u) ** 2 for u, v in zip(fx, fy, strict=True)) / 14
    problem = data_problem(x, y)
    # sums of seven terms; the mixed one has both signs, of condition below 10
    assert problem.curvature == pytest.approx(float(square), rel=10 * EPS)
    assert problem.target == pytest.approx(float(target), rel=100 * EPS)
    assert problem.floor == pytest.approx(float(floor), rel=100 * EPS)
    for product in (0.3, -1.2):
        full = np.mean((x * product - y) ** 2) / 2
        split = problem.curvature * (product - problem.target) ** 2 / 2 + problem.floor
        assert split == pytest.approx(full, rel=100 * EPS)


# --- properties


@rule
@given(
    w=st.lists(st.floats(0.1, 5.0), min_size=2, max_size=6),
    eta=st.floats(0.01, 2.0),
    target=st.floats(0.05, 50.0),
    factor=st.floats(0.1, 10.0),
)
def test_units_compose(w, eta, target, factor):
    """Changing the target in two steps equals changing it in one."""
    once = unit_problem(w, eta, target * factor)
    first = unit_problem(w, eta, factor)
    twice = unit_problem(first.weights, first.step_size, target)
    np.testing.assert_allclose(twice.weights, once.weights, rtol=20 * EPS)
    assert twice.step_size == pytest.approx(once.step_size, rel=20 * EPS)
    assert once.step_size * gfs_sharpness(once.weights) == pytest.approx(
        eta * once.sharpness_factor * gfs_sharpness(once.weights), rel=20 * EPS
    )


def test_data_and_targets_at_the_ends_of_float64():
    huge = data_problem([1e200, 1.0], [1.0, 2.0])  # residuals 1 - 1 and 2 - 1e-200
    assert (huge.curvature, huge.floor) == (np.inf, 1.0)
    assert huge.target == pytest.approx(1e-200, rel=4 * EPS)
    tiny = data_problem([3e-160, 1e-160], [6e-160, 2e-160])
    assert tiny.target == pytest.approx(2.0, rel=4 * EPS)
    assert tiny.curvature == pytest.approx(5e-320, rel=1e-3)  # subnormal
    unit = unit_problem([1.0, 2.0], 0.1, 1e300)
    assert unit.loss_factor == np.inf
    assert unit.sharpness_factor == pytest.approx(1e300, rel=1e-13)  # a power rounds like its logarithm, 690 eps


def test_broadcasting():
    unit = unit_problem(np.ones((3, 1, 4)), [0.1, 0.2], 2.0)
    assert unit.weights.shape == (3, 2, 4)
    assert unit.step_size.shape == (3, 2)
    assert isinstance(unit_problem([1.0, 2.0], 0.1, 2.0).loss_factor, float)


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], 0.1, 0.0), r"target must not be 0"),
        (([1.0, 2.0], 0.1, np.nan), r"target must be .*got target=nan"),
        (([1.0, 2.0], 0.1, 1.0, 0.0), r"curvature must be > 0, got curvature=0\.0"),
        (([1.0, 2.0], -0.1, 1.0), r"step_size must be > 0"),
        (([1.0], 0.1, 1.0), r"depth >= 2"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        unit_problem(*arguments)


def test_bad_data():
    with pytest.raises(ValueError, match=r"labels must have one entry .*got 1 labels, 2 inputs"):
        data_problem([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match=r"inputs must not all be 0"):
        data_problem([0.0, 0.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"inputs must have shape \(samples,\)"):
        data_problem([[1.0]], [1.0])
