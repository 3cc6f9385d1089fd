"""Fits: the authors' toy losses, literal refits, weights, several outputs, long runs without underflow, messages."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.self_distillation import (
    constant_fit,
    fits,
    from_loss_weights,
    iterated_tikhonov_schedule,
    pure_distillation_classes,
    schedule_to_coefficients,
)

EPS = np.finfo(float).eps
# mean squared errors of steps 1, ..., 6 and of the limit on 101 points, as printed by the authors
TOY_LOSSES = {
    0.0: (0.16477, 0.15076, 0.14915, 0.15561, 0.16735, 0.18251, 0.49505),
    0.25: (0.16477, 0.15309, 0.14958, 0.14903, 0.14946, 0.15011, 0.15250),
    0.35: (0.16477, 0.15424, 0.15089, 0.14983, 0.14954, 0.14948, 0.14959),
}


def problem(seed=0, n=14, features=9, new=6, outputs=2):
    """Return gram, cross_gram and targets of a linear kernel, rank-deficient for features < n."""
    rng = np.random.default_rng(20240700 + seed)
    inputs, others = rng.normal(size=(n, features)), rng.normal(size=(new, features))
    return inputs @ inputs.T / 3.0, others @ inputs.T / 3.0, rng.normal(size=(n, outputs))


# --- identities and limits


@pytest.mark.parametrize("alpha", TOY_LOSSES)
def test_toy_losses(oracle, alpha):
    grid = np.linspace(0.0, 1.0, 101)
    gram = oracle.toy_kernel(oracle.TOY_INPUTS, oracle.TOY_INPUTS)
    cross = oracle.toy_kernel(grid, oracle.TOY_INPUTS)
    finite = fits(gram, oracle.TOY_TARGETS, oracle.TOY_RIDGE, [alpha] * 5, cross)
    limit = constant_fit(gram, oracle.TOY_TARGETS, oracle.TOY_RIDGE, alpha, np.inf, cross)
    losses = np.mean((np.vstack([finite, limit]) - np.sin(2 * np.pi * grid)) ** 2, axis=1)
    assert losses == pytest.approx(TOY_LOSSES[alpha], abs=5e-6)  # all printed digits
    if alpha == 0.25:
        assert limit.max() == pytest.approx(0.938, abs=1e-3)  # read off the authors' figure


def test_the_limit_is_ridge_regression_with_more_ridge():
    gram, cross, targets = problem()
    for alpha in (0.2, 0.9, 1.7):
        limit = constant_fit(gram, targets, 0.6, alpha, np.inf, cross)
        assert limit == pytest.approx(fits(gram, targets, 0.6 / alpha, [], cross)[0], rel=1e-12)  # eps times condition
    assert not np.any(constant_fit(gram, targets, 0.6, 0.0, np.inf, cross))


def test_negative_effective_ridge():
    """alpha < 0 inside the interval: K (K + (ridge/alpha) I)^-1 y, an indefinite system."""
    gram, _, targets = problem(n=6, features=9)
    top = np.linalg.eigvalsh(gram)[-1]
    alpha = -0.6 * 2.0 / top
    expected = gram @ np.linalg.solve(gram + 2.0 / alpha * np.eye(6), targets)
    assert constant_fit(gram, targets, 2.0, alpha, np.inf) == pytest.approx(expected, rel=1e-11)


def test_iterated_tikhonov_is_a_schedule():
    gram, _, targets = problem()
    missed = np.linalg.inv(np.eye(14) + gram / 0.6)
    for order in (1, 2, 3, 5):
        last = fits(gram, targets, 0.6, iterated_tikhonov_schedule(order))[-1]
        expected = targets - np.linalg.matrix_power(missed, order) @ targets
        assert last == pytest.approx(expected, rel=1e-12, abs=1e-13)


def test_direct_formula():
    """Sum_j c_j L^(j+1) y with the coefficients of the schedule."""
    gram, _, targets = problem()
    alphas = [0.3, -0.4, 1.2, 0.7]
    hat = gram @ np.linalg.inv(gram + 0.6 * np.eye(14))
    terms = [c * np.linalg.matrix_power(hat, j + 1) for j, c in enumerate(schedule_to_coefficients(alphas))]
    assert fits(gram, targets, 0.6, alphas)[-1] == pytest.approx(sum(terms) @ targets, rel=1e-12, abs=1e-13)


def test_no_ridge_interpolates_at_every_step():
    gram, _, targets = problem(n=6, features=9)
    assert fits(gram, targets, 0.0, [0.3, -2.0]) == pytest.approx(np.broadcast_to(targets, (3, 6, 2)), rel=1e-11)


def test_no_ridge_is_the_minimum_norm_fit():
    gram, cross, targets = problem()  # rank 9 of 14
    expected = cross @ np.linalg.pinv(gram, rcond=1e-12) @ targets
    for step in fits(gram, targets, 0.0, [0.3, 0.0], cross):
        assert step == pytest.approx(expected, rel=1e-11)
    assert constant_fit(gram, targets, 0.0, 0.0, np.inf, cross) == pytest.approx(expected, rel=1e-11)


def test_loss_weights_that_do_not_sum_to_one():
    """Gradient of w_y/2 ||f - y||^2 + w_d/2 ||f - previous||^2 + ridge/2 ||f||^2 vanishes at the fit."""
    gram, _, targets = problem(n=6, features=9)
    alpha, ridge = from_loss_weights(0.9, 2.3, 0.7)
    first, second = fits(gram, targets, ridge, [alpha])
    dual = np.linalg.solve(gram, second)
    gradient = 0.9 * (second - targets) + 2.3 * (second - first) + 0.7 * dual
    assert np.abs(gradient).max() < 1e-10 * np.abs(dual).max()  # eps times the condition of gram


def test_pure_distillation_keeps_one_class(oracle):
    """A positive kernel has a positive top mode: the classes die out one by one."""
    rng = np.random.default_rng(20240710)
    inputs = rng.normal(size=(60, 3))
    gram = np.exp(-0.5 * ((inputs[:, None] - inputs) ** 2).sum(axis=2))
    targets = np.eye(5)[rng.integers(0, 5, 60)]
    alive = [len(set(pure_distillation_classes(gram, targets, 3.0, t))) for t in (1, 40, 10**5, np.inf)]
    assert alive[0] == 5
    assert alive == sorted(alive, reverse=True)
    assert alive[-2:] == [1, 1]
    mode = np.linalg.eigh(gram)[1][:, -1]
    assert set(pure_distillation_classes(gram, targets, 3.0, np.inf)) == {np.argmax(np.sign(mode[0]) * mode @ targets)}


def test_opposite_sides_of_the_top_mode_get_two_classes():
    inputs = np.array([[2.0, 0.1], [1.0, -0.3], [-1.5, 0.2]])
    targets = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    # mode about (2, 1, -1.5): scores 2, 1, -1.5 times the side
    assert list(pure_distillation_classes(inputs @ inputs.T, targets, 0.3, np.inf)) == [0, 0, 2]


def test_a_zero_kernel_predicts_nothing():
    assert not np.any(fits(np.zeros((3, 3)), [1.0, 2.0, 3.0], 0.2, [0.4]))
    assert list(pure_distillation_classes(np.zeros((2, 2)), np.eye(2), 0.2, 7)) == [0, 0]
    assert not np.any(fits(np.zeros((3, 3)), [1.0, 2.0, 3.0], 0.0, [0.4]))


def test_new_points_outside_the_range_of_the_gram():
    """A new point may weigh an eigenvector of eigenvalue 0, which C_t then multiplies by alpha_t and not by 1."""
    gram, cross, targets = np.ones((2, 2)), [[1.0, -0.5]], [3.0, 1.0]
    for step in (1, 2, 3):
        expected = fits(gram, targets, 0.7, [0.3] * (step - 1), cross)[-1]
        assert constant_fit(gram, targets, 0.7, 0.3, step, cross) == pytest.approx(expected, rel=1e-13)
    dual = np.linalg.solve(gram + 0.7 * np.eye(2), targets)
    assert constant_fit(gram, targets, 0.7, 0.3, 1, cross) == pytest.approx(np.array(cross) @ dual, rel=1e-13)


def test_huge_ridge_fits_nothing():
    gram, _, targets = problem()
    assert not fits(gram, targets, np.inf, [0.3, -1.0]).any()
    assert not constant_fit(gram, targets, np.inf, 0.3, np.inf).any()


def test_equal_top_modes_all_survive():
    """Two top eigenvalues that are equal up to rounding: the limit is the projection on both eigenvectors."""
    rng = np.random.default_rng(20240731)
    for _ in range(20):
        basis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
        targets = rng.normal(size=(6, 3))
        expected = (basis[:, :2] @ basis[:, :2].T @ targets).argmax(axis=1)
        gram = basis @ np.diag([2.0, 2.0, 1.0, 0.5, 0.2, 0.1]) @ basis.T
        assert np.array_equal(pure_distillation_classes(gram, targets, 0.4, np.inf), expected)


@pytest.mark.parametrize("seed", range(8))
def test_eigenvalues_that_are_rounding_fit_nothing_without_ridge(seed):
    rng = np.random.default_rng([20240732, seed])
    inputs, new, targets = rng.normal(size=(12, 4)), rng.normal(size=(3, 4)), rng.normal(size=12)
    expected = new @ np.linalg.lstsq(inputs, targets, rcond=None)[0]
    got = fits(inputs @ inputs.T, targets, 0.0, [], new @ inputs.T)[0]
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)  # a mode of 1e-16 would put in errors of size 1


# --- oracle


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 50),
    n=st.integers(1, 15),
    ridge=st.floats(-3.0, 3.0).map(lambda x: 10.0**x),
    alphas=st.lists(st.floats(-1.0, 2.0), max_size=5),
    weighted=st.booleans(),
)
def test_literal_refits(oracle, seed, n, ridge, alphas, weighted):
    """Refits lose eps times the condition, up to 1e5 here, and grow up to 3^5 through alphas outside [0, 1]."""
    gram, cross, targets = problem(seed, n)
    weights = None
    if weighted:
        weights = np.random.default_rng(seed).choice([0.0, 0.2, 1.0, 3.7], n)
        weights[0] = 0.4
    size = np.abs(targets).max() * np.prod([1.0 + 2.0 * abs(1.0 - alpha) for alpha in alphas])
    for rows in (gram, cross):
        expected = oracle.refits(gram, targets, ridge, alphas, rows, weights)
        got = fits(gram, targets, ridge, alphas, None if rows is gram else rows, weights)
        tolerance = 1e-13 * size * (1.0 + np.abs(rows).max() / ridge)
        assert np.abs(got - expected).max() <= tolerance
        last = fits(gram, targets, ridge, [0.3] * 4, None if rows is gram else rows, weights)[-1]
        closed = constant_fit(gram, targets, ridge, 0.3, 5, None if rows is gram else rows, weights)
        assert np.abs(closed - last).max() <= tolerance


def test_long_run_classes_against_high_precision():
    gram, cross, _ = problem(n=8, features=12)
    targets = np.eye(3)[[0, 1, 2, 0, 1, 2, 2, 1]]
    with mp.workdps(200):
        kernel = mp.matrix(gram.tolist())
        hat = kernel * mp.inverse(kernel + mp.mpf(0.7) * mp.eye(8))
        dual = mp.inverse(kernel + mp.mpf(0.7) * mp.eye(8)) * mp.matrix(targets.tolist())
        reach, start = mp.matrix(cross.tolist()), mp.matrix(dual)
        for step in (2, 60, 3000):
            dual = hat ** (step - 1) * start
            scores = reach * dual
            expected = [max(range(3), key=lambda c: scores[i, c]) for i in range(6)]
            assert list(pure_distillation_classes(gram, targets, 0.7, step, cross)) == expected


# --- properties


def test_a_weight_of_zero_drops_the_point():
    gram, cross, targets = problem(n=6, features=9)
    weights = np.array([0.3, 0.0, 2.0, 1.1, 0.0, 0.7])
    keep = weights > 0.0
    with_zero = fits(gram, targets, 0.4, [0.2, 0.6], cross, weights)
    without = fits(gram[np.ix_(keep, keep)], targets[keep], 0.4, [0.2, 0.6], cross[:, keep], weights[keep])
    assert with_zero == pytest.approx(without, rel=1e-12)


def test_whole_weights_are_copies():
    gram, cross, targets = problem(n=4, features=9)
    rows = [0, 0, 1, 2, 2, 2, 3]
    copied = fits(gram[np.ix_(rows, rows)], targets[rows], 0.4, [0.2, 0.6], cross[:, rows])
    assert fits(gram, targets, 0.4, [0.2, 0.6], cross, [2.0, 1.0, 3.0, 1.0]) == pytest.approx(copied, rel=1e-11)


def test_common_factor_of_weights_divides_the_ridge():
    gram, cross, targets = problem()
    heavy = fits(gram, targets, 0.4, [0.2], cross, np.full(14, 2.5))
    assert heavy == pytest.approx(fits(gram, targets, 0.4 / 2.5, [0.2], cross), rel=1e-11)


def test_linear_in_targets_and_shapes():
    gram, cross, targets = problem()
    both = fits(gram, targets, 0.4, [0.2, 0.6], cross)
    assert both.shape == (3, 6, 2)
    assert fits(gram, targets[:, 0], 0.4, [0.2, 0.6], cross) == pytest.approx(both[..., 0], rel=1e-12)
    assert constant_fit(gram, targets, 0.4, 0.3, 7).shape == (14, 2)
    assert constant_fit(gram, targets[:, 1], 0.4, 0.3, np.inf).shape == (14,)


@pytest.mark.parametrize("scale", [1e-290, 1e290])
def test_common_scale_of_kernel_and_ridge(scale):
    gram, cross, targets = problem()
    expected = fits(gram, targets, 0.4, [0.2], cross)
    assert fits(scale * gram, targets, scale * 0.4, [0.2], scale * cross) == pytest.approx(expected, rel=1e-11)


# --- bad input

EYE = [[1.0, 0.2], [0.2, 1.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [1.0], 0.1, []), r"gram must have shape \(points, points\) with both >= 1, got shape \(1,\)"),
        ((np.ones((2, 3)), [1.0, 2.0], 0.1, []), r"gram must be square, got shape \(2, 3\)"),
        (([[1.0, 0.2], [0.3, 1.0]], [1.0, 2.0], 0.1, []), r"symmetric, got gram\[0, 1\]=0\.2 and gram\[1, 0\]=0\.3"),
        (([[1.0, 2.0], [2.0, 1.0]], [1.0, 2.0], 0.1, []), r"no negative eigenvalues, got eigenvalues from -1 to 3"),
        (([[-1.0]], [1.0], 0.1, []), r"no negative eigenvalues, got eigenvalues from -1 to -1"),
        (([[np.nan]], [1.0], 0.1, []), r"gram must be a number, got gram\[0, 0\]=nan"),
        ((EYE, [1.0, 2.0], -0.1, []), r"ridge must be >= 0, got ridge=-0\.1"),
        ((EYE, [1.0, 2.0], [0.1, 0.2], []), r"ridge must be a single real number, got shape \(2,\)"),
        ((EYE, [1.0, 2.0, 3.0], 0.1, []), r"targets and gram must have as many rows, got 3 and 2"),
        ((EYE, 1.0, 0.1, []), r"targets must have shape \(points,\) or \(points, outputs\), .*got shape \(\)"),
        ((EYE, [1.0, 2.0], 0.1, 0.5), r"alphas must have shape \(steps - 1,\), got shape \(\)"),
        ((EYE, [1.0, 2.0], 0.1, [], [[1.0]]), r"cross_gram must have a column for each row of gram, got 1 and 2"),
        ((EYE, [1.0, 2.0], 0.1, [], np.ones((0, 2))), r"cross_gram must have shape \(new points, points\)"),
        ((EYE, [1.0, 2.0], 0.1, [], None, [1.0]), r"sample_weights and gram must have as many rows, got 1 and 2"),
        ((EYE, [1.0, 2.0], 0.1, [], None, [1.0, -1.0]), r"sample_weights must be >= 0, got sample_weights\[1\]=-1\.0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        fits(*arguments)


def test_divergent_limit_names_the_interval_of_the_largest_eigenvalue():
    gram = np.diag([1.0, 4.0, 0.0])
    with pytest.raises(ValueError, match=r"alpha must be > -0\.125 and < 2\.125 for step=inf .*got alpha=-0\.5"):
        constant_fit(gram, [1.0, 2.0, 3.0], 0.5, -0.5, np.inf)
    with pytest.raises(ValueError, match=r"step must be a single real number, got shape \(2,\)"):
        constant_fit(gram, [1.0, 2.0, 3.0], 0.5, 0.5, [1, 2])


def test_how_much_rounding_a_gram_may_hold():
    assert fits([[1.0, 0.5], [0.5 + 1e-13, 1.0]], [1.0, 2.0], 0.5, []).shape == (1, 2)
    with pytest.raises(ValueError, match=r"gram must be symmetric, got gram\[0, 1\]=0\.5 and gram\[1, 0\]=0\.500001"):
        fits([[1.0, 0.5], [0.500001, 1.0]], [1.0, 2.0], 0.5, [])
    assert fits(np.diag([1.0, -1e-14]), [1.0, 2.0], 0.5, []).shape == (1, 2)
    with pytest.raises(ValueError, match=r"no negative eigenvalues, got eigenvalues from -1e-11 to 1"):
        fits(np.diag([1.0, -1e-11]), [1.0, 2.0], 0.5, [])


def test_filters_beyond_float64():
    with pytest.raises(ValueError, match=r"alpha must keep the filters within float64, got alpha=1e\+300 at step=3"):
        constant_fit(np.eye(2), [1.0, 2.0], 0.5, 1e300, 3)


def test_classes_need_several_outputs():
    with pytest.raises(ValueError, match=r"targets must have shape \(points, classes\) with classes >= 2"):
        pure_distillation_classes(EYE, [1.0, 2.0], 0.1, 3)
    with pytest.raises(ValueError, match=r"step must be a whole number or inf, got step=1\.5"):
        pure_distillation_classes(EYE, np.eye(2), 0.1, 1.5)
