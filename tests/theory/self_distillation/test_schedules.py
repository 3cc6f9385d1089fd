"""Best weights: textbook minima, every support of the simplex at 50 digits, greedy, joint, the back-map, messages."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.self_distillation import (
    coefficients_to_schedule,
    fits,
    greedy_schedule,
    iterated_tikhonov_schedule,
    optimal_alpha,
    optimal_schedule,
    schedule_to_coefficients,
)

EPS = np.finfo(float).eps


def problem(seed=0, n=25, new=30, outputs=1, width=1.0):
    """Return gram, targets, cross_gram, validation targets: a noisy curve seen through a Gaussian kernel."""
    rng = np.random.default_rng(20240900 + seed)
    inputs, others = rng.uniform(-2, 2, n), rng.uniform(-2, 2, new)

    def curve(x):
        return np.stack([np.sin((2 + k) * x) for k in range(outputs)], axis=1)

    targets = curve(inputs) + 0.6 * rng.normal(size=(n, outputs))
    validation = curve(others) + 0.6 * rng.normal(size=(new, outputs))
    gram = np.exp(-width * (inputs[:, None] - inputs) ** 2)
    return gram, targets, np.exp(-width * (others[:, None] - inputs) ** 2), validation


def loss_of(gram, targets, ridge, alphas, cross, validation):
    """Return the validation loss of the last step."""
    return np.sum((fits(gram, targets, ridge, alphas, cross)[-1] - validation) ** 2)


# --- identities and limits


def test_identical_fits_leave_the_loss_flat():
    assert optimal_alpha([1.0, 2.0], [0.3, 0.4], [0.3, 0.4]) == (1.0, True)
    assert optimal_alpha([1.0, 2.0], [0.3, 0.4], [0.3, 0.4]).flat is True
    gram, targets, cross, validation = problem(n=5, width=30.0)
    assert list(greedy_schedule(gram, targets, 0.0, 3, cross, validation).alphas) == [1.0, 1.0]
    alphas, loss = optimal_schedule(gram, targets, 0.0, 3, cross, validation)
    assert loss == pytest.approx(loss_of(gram, targets, 0.0, [], cross, validation), rel=1e-12)
    assert np.all(np.isfinite(alphas))


def test_two_forms_of_the_optimum():
    rng = np.random.default_rng(20240901)
    y, f, g = 3.0 * rng.normal(size=(3, 7, 2))
    expected = 1.0 - np.sum((y - f) * (g - f)) / np.sum((g - f) ** 2)
    assert optimal_alpha(y, f, g).alpha == pytest.approx(expected, rel=1e-13)
    assert optimal_alpha(y, g, f).alpha == pytest.approx(1.0 - expected, rel=1e-12)  # roles swapped


def test_extreme_sizes_do_not_overflow():
    for scale in (1e-200, 1e200):
        best = optimal_alpha(scale * np.array([1.0, 2.0]), scale * np.array([2.0, 2.0]), scale * np.array([0.0, 1.0]))
        assert best == (pytest.approx(0.6, rel=8 * EPS), False)


def test_training_data_always_ask_for_two_or_more():
    rng = np.random.default_rng(20240902)
    for seed in range(20):
        gram, targets, _, _ = problem(seed)
        ridge = float(10.0 ** rng.uniform(-3, 2))
        best = greedy_schedule(gram, targets, ridge, 2, gram, targets, constrained=False).alphas[0]
        assert best >= 2.0 - 1e-9
        z, d = (lambda e: (e[1].T @ targets, e[0][:, None]))(np.linalg.eigh(gram))
        a, missed = d / (d + ridge), ridge / (d + ridge)
        expected = 1.0 + np.sum(z**2 * a * missed**2) / np.sum(z**2 * a**2 * missed**2)
        assert best == pytest.approx(expected, rel=1e-9)


def test_tangent_of_the_ridge_path():
    """The two-step gain is R'^2/(4 ||f'||^2) in log ridge, with derivatives by central differences."""
    gram, targets, cross, validation = problem()
    ridge, h = 0.4, 1e-4
    f = [fits(gram, targets, ridge * np.exp(k * h), [], cross)[0] for k in (-1, 0, 1)]
    slope = (f[2] - f[0]) / (2 * h)
    residual = f[1] - validation
    alpha = 1.0 + np.sum(residual * slope) / np.sum(slope**2)
    schedule = greedy_schedule(gram, targets, ridge, 2, cross, validation, constrained=False)
    assert schedule.alphas[0] == pytest.approx(alpha, rel=1e-6)  # h^2
    gain = np.sum(residual * slope) ** 2 / np.sum(slope**2)
    assert schedule.losses[0] - schedule.losses[1] == pytest.approx(gain, rel=1e-6)


def test_iterated_tikhonov_coefficients():
    """1 - (1 - a)^m = a sum_j c_j a^j: c_j = (-1)^j binomial(m, j + 1)."""
    assert list(iterated_tikhonov_schedule(1)) == []
    assert list(iterated_tikhonov_schedule(2)) == [2.0]
    assert list(iterated_tikhonov_schedule(3)) == [1.5, 3.0]
    for order in (4, 9):
        c = schedule_to_coefficients(iterated_tikhonov_schedule(order))
        expected = [(-1) ** j * float(mp.binomial(order, j + 1)) for j in range(order)]
        assert c == pytest.approx(expected, rel=1e-12)


def test_erased_steps():
    """alpha_T = 1 erases all before; the back-map then says 1 for them."""
    assert list(schedule_to_coefficients([0.3, 0.6, 1.0])) == [1.0, 0.0, 0.0, 0.0]
    assert list(coefficients_to_schedule([1.0, 0.0, 0.0, 0.0])) == [1.0, 1.0, 1.0]
    assert coefficients_to_schedule(schedule_to_coefficients([0.3, 1.0, 0.6])) == pytest.approx([1.0, 1.0, 0.6])
    assert list(coefficients_to_schedule([1.0])) == []
    assert list(schedule_to_coefficients([])) == [1.0]


def test_coefficients_that_no_schedule_has_are_approached():
    wanted = np.array([1.0, -0.5, 0.5])  # s = 1, 0, 0.5
    alphas = coefficients_to_schedule(wanted)
    assert np.all(np.isfinite(alphas))
    assert schedule_to_coefficients(alphas) == pytest.approx(wanted, abs=4e-8)


# --- oracle


@pytest.mark.parametrize(
    ("steps", "seed", "ridge"), [(2, 0, 0.5), (3, 1, 0.05), (4, 2, 0.01), (5, 3, 2.0), (6, 4, 0.1)]
)
@pytest.mark.parametrize("constrained", [True, False])
def test_every_support(oracle, steps, seed, ridge, constrained):
    """50 digits for the quadratic programme; the basis itself is float64, its condition below 1e5."""
    gram, targets, cross, validation = problem(seed, n=12, new=15, outputs=2)
    columns = oracle.basis(gram, targets, ridge, steps, cross)
    _, expected = oracle.best_coefficients(columns, validation.ravel(), constrained)
    alphas, loss = optimal_schedule(gram, targets, ridge, steps, cross, validation, constrained)
    assert loss == pytest.approx(expected, rel=1e-10)
    assert loss_of(gram, targets, ridge, alphas, cross, validation) == pytest.approx(expected, rel=1e-9)
    if constrained:
        assert np.all((alphas >= 0.0) & (alphas <= 1.0))


def test_back_map_against_the_recursion(oracle):
    rng = np.random.default_rng(20240903)
    for _ in range(60):
        alphas = rng.uniform(-1.5, 2.5, rng.integers(0, 9))
        c = schedule_to_coefficients(alphas)
        assert c == pytest.approx(oracle.coefficients(alphas), rel=32 * EPS, abs=0)
        # the tail sums cancel where alphas lie outside [0, 1], and a factor 1 - alpha near 0 is divided by
        worst = np.abs(c).sum() / np.min(np.abs(np.cumprod(np.r_[1.0, 1.0 - alphas[::-1]])))
        assert coefficients_to_schedule(c) == pytest.approx(alphas, abs=64 * EPS * worst * 4.0)


def test_greedy_against_a_scan():
    gram, targets, cross, validation = problem(5)
    schedule = greedy_schedule(gram, targets, 0.3, 5, cross, validation)
    for t in range(2, 6):
        before = list(schedule.alphas[: t - 2])
        scan = [loss_of(gram, targets, 0.3, [*before, a], cross, validation) for a in np.linspace(0, 1, 41)]
        assert schedule.losses[t - 1] <= min(scan) * (1 + 1e-12)
        here = loss_of(gram, targets, 0.3, schedule.alphas[: t - 1], cross, validation)
        assert schedule.losses[t - 1] == pytest.approx(here, rel=1e-11)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 500), ridge=st.floats(-4.0, 2.0).map(lambda x: 10.0**x), outputs=st.integers(1, 2))
def test_joint_beats_greedy_and_falls_with_the_steps(seed, ridge, outputs):
    gram, targets, cross, validation = problem(seed, 15, 20, outputs)
    greedy = greedy_schedule(gram, targets, ridge, 7, cross, validation)
    assert np.all(greedy.losses <= greedy.losses[0] * (1 + 1e-10))  # alpha = 1 is always there
    joint, free = np.inf, np.inf
    for steps in range(1, 8):
        alphas, loss = optimal_schedule(gram, targets, ridge, steps, cross, validation)
        assert loss <= min(joint, greedy.losses[steps - 1]) * (1 + 1e-10)
        assert np.all((alphas >= 0.0) & (alphas <= 1.0))
        assert loss_of(gram, targets, ridge, alphas, cross, validation) == pytest.approx(loss, rel=1e-10)
        best = optimal_schedule(gram, targets, ridge, steps, cross, validation, constrained=False)[1]
        assert best <= min(loss, free) * (1 + 1e-10)
        joint, free = loss, best


@pytest.mark.parametrize("ridge", [0.02, 0.3, 4.0])
@pytest.mark.parametrize("steps", [2, 4, 6])
def test_no_move_inside_the_simplex_descends(steps, ridge):
    """At the constrained optimum the loss has no slope towards any vertex, the student of one power of the hat matrix.

    The method stops at 1e-13 of the product of the two lengths; the fits themselves carry a hundred times eps more.
    """
    gram, targets, cross, validation = problem(seed=3)
    alphas, _ = optimal_schedule(gram, targets, ridge, steps, cross, validation)
    vertices = fits(gram, targets, ridge, [0.0] * (steps - 1), cross).reshape(steps, -1)
    best = schedule_to_coefficients(alphas) @ vertices
    rest = best - validation.ravel()
    moves = vertices - best
    slopes = moves @ rest / (np.linalg.norm(moves, axis=1) * np.linalg.norm(rest) + 1e-300)
    assert np.all(slopes >= -1e-11)


def test_greedy_losses_can_rise():
    """Found by search: clipped greedy weights lose from one step to the next."""
    rises = 0
    for seed in range(60):
        gram, targets, cross, validation = problem(seed, 15, 20)
        losses = greedy_schedule(gram, targets, 0.02, 8, cross, validation).losses
        rises += bool(np.any(np.diff(losses) > 1e-6 * losses[0]))
    assert rises > 0


def test_enough_steps_reach_every_filter():
    """Two modes, three steps, free weights: the validation set in the span is fitted exactly."""
    gram = np.diag([2.0, 0.5])
    alphas, loss = optimal_schedule(gram, [1.0, 3.0], 0.7, 3, gram, [-4.0, 6.0], constrained=False)
    assert loss < 1e-24
    assert fits(gram, [1.0, 3.0], 0.7, alphas)[-1] == pytest.approx([-4.0, 6.0], rel=1e-11)


@pytest.mark.parametrize("ridge", [1e-12, 1e-9, 1e9, 1e12])
def test_extreme_ridges(ridge):
    """The best weight leaves [0, 1] like 1/ridge or ridge; the loss stays that of the tangent."""
    gram, targets, cross, validation = problem(7, n=6, new=9, width=8.0)
    d, vectors = np.linalg.eigh(gram)
    z = vectors.T @ targets
    if ridge < 1.0:  # f = f_0 - s K^-2 y
        start, direction = cross @ vectors @ (z / d[:, None]), cross @ vectors @ (z / d[:, None] ** 2)
    else:  # f = s k y, whatever the scale s
        start, direction = 0.0 * validation, cross @ targets
    miss = validation - start
    expected = np.sum(miss**2) - np.sum(miss * direction) ** 2 / np.sum(direction**2)
    schedule = greedy_schedule(gram, targets, ridge, 2, cross, validation, constrained=False)
    assert schedule.losses[1] == pytest.approx(expected, rel=1e-6)
    loss = optimal_schedule(gram, targets, ridge, 2, cross, validation, constrained=False)[1]
    assert loss == pytest.approx(expected, rel=1e-6)


def test_shapes():
    gram, targets, cross, validation = problem(outputs=2)
    assert optimal_schedule(gram, targets, 0.3, 1, cross, validation)[0].shape == (0,)
    assert greedy_schedule(gram, targets, 0.3, 1, cross, validation).losses.shape == (1,)
    flat = optimal_schedule(gram, targets[:, 0], 0.3, 4, cross, validation[:, 0])
    column = optimal_schedule(gram, targets[:, :1], 0.3, 4, cross, validation[:, :1])
    assert flat[1] == column[1]
    assert isinstance(flat[1], float)


# --- bad input


def test_bad_predictions():
    with pytest.raises(
        ValueError, match=r"one non-empty shape, got validation_targets \(1,\), first \(2,\), distilled"
    ):
        optimal_alpha([1.0], [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"one non-empty shape, got validation_targets \(0,\)"):
        optimal_alpha([], [], [])
    with pytest.raises(ValueError, match=r"first must be a number, got first\[0\]=nan"):
        optimal_alpha([1.0], [np.nan], [1.0])


def test_coefficients_must_sum_to_one():
    with pytest.raises(ValueError, match=r"coefficients must sum to 1, got sum 1\.000001"):
        coefficients_to_schedule([0.5, 0.500001])
    assert coefficients_to_schedule([0.5, 0.5 + 1e-12]) == pytest.approx([0.5], rel=1e-11)


def test_no_endless_schedules():
    with pytest.raises(ValueError, match=r"steps must be >= 1 and <= 10000, got steps=1e\+300"):
        greedy_schedule([[1.0]], [1.0], 1.0, 1e300, [[1.0]], [0.4])
    with pytest.raises(ValueError, match=r"order must be >= 1 and <= 10000, got order=1e\+300"):
        iterated_tikhonov_schedule(1e300)


def test_bad_coefficients():
    with pytest.raises(ValueError, match=r"coefficients must sum to 1, got sum 0\.75"):
        coefficients_to_schedule([0.5, 0.25])
    with pytest.raises(ValueError, match=r"coefficients must have shape \(steps,\) with steps >= 1"):
        coefficients_to_schedule([])
    with pytest.raises(ValueError, match=r"order must be >= 1 and <= 10000, got order=0\.0"):
        iterated_tikhonov_schedule(0)


@pytest.mark.parametrize("function", [greedy_schedule, optimal_schedule])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gram": np.ones((2, 3))}, r"gram must be square, got shape \(2, 3\)"),
        ({"gram": [[1.0, 3.0], [3.0, 1.0]]}, r"gram must have no negative eigenvalues"),
        ({"ridge": -0.1}, r"ridge must be >= 0, got ridge=-0\.1"),
        ({"steps": 0}, r"steps must be >= 1 and <= 10000, got steps=0\.0"),
        ({"steps": 2.5}, r"steps must be an integer, got steps=2\.5"),
        ({"targets": [1.0]}, r"targets and gram must have as many rows, got 1 and 2"),
        ({"cross_gram": [[1.0]]}, r"cross_gram must have a column for each row of gram, got 1 and 2"),
        ({"validation_targets": [1.0, 2.0]}, r"validation_targets and cross_gram must have as many rows, got 2 and 1"),
        ({"validation_targets": []}, r"validation_targets must have shape .*not empty, got shape \(0,\)"),
        ({"cross_gram": np.ones((0, 2)), "validation_targets": []}, r"cross_gram must have shape .*got shape \(0, 2\)"),
        ({"validation_targets": [[1.0]]}, r"validation_targets and targets must have the same"),
    ],
)
def test_bad_arguments(function, change, message):
    arguments = {
        "gram": np.eye(2),
        "targets": [1.0, 2.0],
        "ridge": 0.1,
        "steps": 3,
        "cross_gram": [[0.5, 0.2]],
        "validation_targets": [1.0],
    }
    with pytest.raises(ValueError, match=message):
        function(**(arguments | change))
