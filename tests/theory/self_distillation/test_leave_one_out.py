"""Leave-one-out: brute-force refits of the whole chain, vanishing ridge, cross-validation right and naive, messages."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.self_distillation import (
    corrected_gcv,
    corrected_gcv_alpha,
    leave_one_out,
    leave_one_out_alpha,
    naive_gcv,
    naive_gcv_alpha,
    optimal_alpha,
)

EPS = np.finfo(float).eps


def problem(seed=0, n=12, features=20, outputs=2):
    """Return a linear kernel and targets; rank-deficient for features < n."""
    rng = np.random.default_rng(20240800 + seed)
    inputs = rng.normal(size=(n, features))
    return inputs @ inputs.T / 3.0, rng.normal(size=(n, outputs))


def circulant(n=9):
    """Return a kernel on a circle: all diagonals of functions of it are constant."""
    angle = 2 * np.pi * np.arange(n) / n
    return np.exp(1.3 * np.cos(angle[:, None] - angle))


# --- identities and limits


def test_two_steps_without_true_targets():
    """y - p_2 = [(y - L^2 y) - (y - L y)(l_1 - l_2)/(1 - l_1)]/(1 - l_1)."""
    gram, targets = problem()
    hat = gram @ np.linalg.inv(gram + 0.7 * np.eye(12))
    one, two = (np.diag(np.linalg.matrix_power(hat, k))[:, None] for k in (1, 2))
    first, second = targets - hat @ targets, targets - hat @ hat @ targets
    expected = (second - first * (one - two) / (1 - one)) / (1 - one)
    got = leave_one_out(gram, targets, 0.7, [0.0])
    assert targets - got[0] == pytest.approx(first / (1 - one), rel=1e-12)
    assert targets - got[1] == pytest.approx(expected, rel=1e-11)


def test_a_lonely_point_is_predicted_as_zero():
    assert leave_one_out([[2.0]], [3.0], 0.4, [0.1, -3.0]) == pytest.approx(0.0, abs=1e-14)
    gram = np.diag([2.0, 0.3, 5.0])
    assert leave_one_out(gram, [1.0, -2.0, 3.0], 0.4, [0.6, 1.7]) == pytest.approx(0.0, abs=1e-14)
    for ridge in (1e-5, 0.37, 4.1, 9e6):  # no weight moves a prediction by more than rounding
        for before in ([], [0.6], [0.6, 1.7]):
            assert leave_one_out_alpha(gram, [1.0, -2.1, 3.3], ridge, before) == (1.0, True)


def test_vanishing_ridge():
    """At ridge 0 the chain interpolates what it sees: all steps agree, and small ridges tend to it."""
    gram, targets = problem(features=40)
    zero = leave_one_out(gram, targets, 0.0, [0.3, -1.0])
    inverse = np.linalg.inv(gram)
    expected = targets - inverse @ targets / np.diag(inverse)[:, None]
    for step in zero:
        assert step == pytest.approx(expected, rel=1e-11)
    assert leave_one_out(gram, targets, 1e-13, [0.3, -1.0]) == pytest.approx(zero, rel=1e-11)
    assert leave_one_out_alpha(gram, targets, 0.0) == (1.0, True)
    assert corrected_gcv(gram, targets, 0.0, [0.3]) == pytest.approx(
        corrected_gcv(gram, targets, 1e-13, [0.3]), rel=1e-11
    )
    assert naive_gcv(gram, targets, 0.0, [0.3]) == pytest.approx(naive_gcv(gram, targets, 1e-13, [0.3]), rel=1e-11)


def test_huge_ridge():
    gram, targets = problem()
    assert leave_one_out(gram, targets, np.inf, [0.3, -1.0]) == pytest.approx(0.0, abs=1e-14)
    assert leave_one_out_alpha(gram, targets, np.inf) == (1.0, True)
    assert naive_gcv_alpha(gram, targets, np.inf) == (1.0, True)
    assert corrected_gcv(gram, targets, np.inf, [0.3]) == pytest.approx(np.mean(targets**2), rel=1e-13)


def test_a_gram_of_zeros_predicts_zero():
    assert leave_one_out(np.zeros((3, 3)), [1.0, -2.0, 3.0], 0.4, [0.6]) == pytest.approx(0.0, abs=1e-14)
    assert corrected_gcv(np.zeros((3, 3)), [1.0, -2.0, 3.0], 0.4, [0.6]) == pytest.approx(14 / 3, rel=1e-14)
    assert leave_one_out_alpha(np.zeros((3, 3)), [1.0, -2.0, 3.0], 0.4).flat


def test_classical_generalised_cross_validation():
    gram, targets = problem()
    hat = gram @ np.linalg.inv(gram + 0.7 * np.eye(12))
    classical = np.mean((targets - hat @ targets) ** 2) / (1 - np.trace(hat) / 12) ** 2
    assert corrected_gcv(gram, targets, 0.7, [0.2])[0] == pytest.approx(classical, rel=1e-12)
    assert naive_gcv(gram, targets, 0.7, [0.2])[0] == pytest.approx(classical, rel=1e-12)


def test_naive_formula():
    gram, targets = problem()
    hat = gram @ np.linalg.inv(gram + 0.7 * np.eye(12))
    total = 0.2 * hat + 0.8 * hat @ hat
    expected = np.mean((targets - total @ targets) ** 2) / (1 - np.trace(total) / 12) ** 2
    assert naive_gcv(gram, targets, 0.7, [0.2])[1] == pytest.approx(expected, rel=1e-12)
    first = (targets - hat @ targets) / (1 - np.trace(hat) / 12)
    second = (targets - hat @ hat @ targets) / (1 - np.trace(hat @ hat) / 12)
    best = optimal_alpha(np.zeros_like(targets), first, second)
    assert naive_gcv_alpha(gram, targets, 0.7).alpha == pytest.approx(best.alpha, rel=1e-11)


def test_equal_diagonals_make_cross_validation_leave_one_out():
    """On the circle l_k is the same for all points, so the corrected score is the exact one; the naive is not."""
    gram, targets = circulant(), problem(n=9)[1]
    alphas = [0.0, -0.3, 0.6, 1.4]
    exact = np.mean((targets - leave_one_out(gram, targets, 0.7, alphas)) ** 2, axis=(1, 2))
    assert corrected_gcv(gram, targets, 0.7, alphas) == pytest.approx(exact, rel=1e-12)
    assert np.all(np.abs(naive_gcv(gram, targets, 0.7, alphas)[1:] / exact[1:] - 1) > 1e-3)
    for before in ([], [0.2], [0.2, -0.4]):
        assert corrected_gcv_alpha(gram, targets, 0.7, before).alpha == pytest.approx(
            leave_one_out_alpha(gram, targets, 0.7, before).alpha, rel=1e-10
        )


# --- oracle


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 40),
    n=st.integers(2, 14),
    features=st.sampled_from([3, 9, 20]),
    ridge=st.floats(-2.0, 3.0).map(lambda x: 10.0**x),
    alphas=st.lists(st.floats(-1.0, 2.0), max_size=5),
)
def test_brute_force(oracle, seed, n, features, ridge, alphas):
    """The refits lose eps times a condition up to 1e4; alphas outside [0, 1] amplify by up to 3 a step."""
    gram, targets = problem(seed, n, features)
    size = np.abs(targets).max() * np.prod([1.0 + abs(alpha) + abs(1.0 - alpha) for alpha in alphas])
    expected = oracle.left_out(gram, targets, ridge, alphas)
    assert np.abs(leave_one_out(gram, targets, ridge, alphas) - expected).max() <= 1e-11 * size


def test_high_precision_at_tiny_ridge():
    """ridge 1e-9: 1 - l_1 = 1e-9 would lose nine digits by subtraction; p_t - p_1 is of the size of the ridge."""
    gram, targets = problem(n=6)
    alphas, ridge = [0.3, -0.8], 1e-9
    got = leave_one_out(gram, targets, ridge, alphas)
    with mp.workdps(50):
        kernel, y = mp.matrix(gram.tolist()), mp.matrix(targets.tolist())
        for i in range(6):
            rest = [j for j in range(6) if j != i]
            inner = mp.matrix([[kernel[a, b] + (mp.mpf(ridge) if a == b else 0) for b in rest] for a in rest])
            solve = mp.inverse(inner)
            target = start = mp.matrix([[y[a, c] for c in range(2)] for a in rest])
            reach = mp.matrix([[kernel[i, a] for a in rest]])
            for step in range(3):
                dual = solve * target
                assert got[step, i] == pytest.approx([float(x) for x in reach * dual], rel=1e-12)
                if step < 2:
                    fit = mp.matrix([[kernel[a, b] for b in rest] for a in rest]) * dual
                    target = mp.mpf(alphas[step]) * start + (1 - mp.mpf(alphas[step])) * fit


def test_best_weight_against_a_scan(oracle):
    gram, targets = problem(seed=3)
    for before in ([], [0.4], [0.4, -0.2]):
        best = leave_one_out_alpha(gram, targets, 0.7, before)
        assert not best.flat

        def score(alpha, before=before):
            return np.sum((oracle.left_out(gram, targets, 0.7, [*before, alpha])[-1] - targets) ** 2)

        # a parabola through three points has its vertex where the differences say
        low, middle, high = score(-2.0), score(0.0), score(2.0)
        vertex = (low - high) / (low + high - 2 * middle)
        assert best.alpha == pytest.approx(vertex, rel=1e-9)


def exact_best_weight(gram, targets, ridge, before, weights):
    """The vertex of the weighted leave-one-out score by refits at 60 digits."""
    with mp.workdps(60):
        n, top, bottom = len(gram), mp.mpf(0), mp.mpf(0)
        for i in range(n):
            rest = [j for j in range(n) if j != i and weights[j] > 0]
            inner = mp.matrix([[mp.mpf(float(gram[a, b])) for b in rest] for a in rest])
            system = inner + mp.mpf(ridge) * mp.diag([1 / mp.mpf(float(weights[a])) for a in rest])
            truth = mp.matrix([[mp.mpf(float(y)) for y in targets[a]] for a in rest])
            reach = mp.matrix([[mp.mpf(float(gram[i, a])) for a in rest]])
            solve = mp.inverse(system)
            first = dual = solve * truth
            for alpha in [*before, 0.0]:
                alpha = mp.mpf(alpha)
                dual = solve * (alpha * truth + (1 - alpha) * inner * dual)
            one, none = reach * first, reach * dual
            for c in range(truth.cols):
                step = one[c] - none[c]
                top += mp.mpf(float(weights[i])) * (mp.mpf(float(targets[i][c])) - none[c]) * step
                bottom += mp.mpf(float(weights[i])) * step**2
        return float(top / bottom)


@pytest.mark.parametrize("ridge", [1e-40, 1e-12, 1e-4, 0.7, 1e4, 1e12, 1e40])
@pytest.mark.parametrize("before", [[], [0.3, -0.8]])
def test_best_weight_at_all_sizes_of_the_ridge(ridge, before):
    """1 - alpha grows like 1/ridge and like ridge; p(1) - p(0), a vanishing difference, keeps its digits throughout."""
    gram, targets = problem(seed=5, n=5, features=9)
    best = leave_one_out_alpha(gram, targets, ridge, before)
    assert not best.flat
    expected = exact_best_weight(gram, targets, ridge, before, np.ones(5))
    assert best.alpha == pytest.approx(expected, rel=1e-11)  # eps times a condition of a few hundred


@pytest.mark.parametrize("ridge", [1e-40, 1e-9, 1e-3, 0.7, 1e3, 1e9])
def test_best_weight_of_averaged_diagonals_at_all_sizes_of_the_ridge(ridge):
    """On the circle both are the same; the naive one against its definition at 110 digits."""
    gram, targets = circulant(), problem(n=9)[1]
    corrected = corrected_gcv_alpha(gram, targets, ridge, [0.4])
    exact = leave_one_out_alpha(gram, targets, ridge, [0.4])
    assert not corrected.flat
    assert corrected.alpha == pytest.approx(exact.alpha, rel=1e-7)  # condition 1e6: the smallest eigenvalues
    values, vectors = np.linalg.eigh(gram)
    with mp.workdps(110):
        learned = [mp.mpf(d) / (mp.mpf(d) + mp.mpf(ridge)) for d in values]
        shares = [mp.fsum(1 - a**k for a in learned) / 9 for k in (1, 2)]
        first, second = ([(1 - a**k) / share for a in learned] for k, share in zip((1, 2), shares, strict=True))
        power = [mp.mpf(x) for x in np.sum((vectors.T @ targets) ** 2, axis=1)]
        top = mp.fsum(p * g * (g - f) for p, f, g in zip(power, first, second, strict=True))
        expected = top / mp.fsum(p * (g - f) ** 2 for p, f, g in zip(power, first, second, strict=True))
    assert naive_gcv_alpha(gram, targets, ridge).alpha == pytest.approx(float(expected), rel=1e-7)


@pytest.mark.parametrize("ridge", [0.05, 4.0])
@pytest.mark.parametrize("alphas", [[], [0.3, -0.4, 1.6]])
def test_sample_weights_against_refits(oracle, ridge, alphas):
    """Every step of every chain refitted without the point; a point of weight 0 is predicted by the chain of all."""
    gram, targets = problem(seed=2, n=8)
    weights = np.array([0.3, 2.0, 0.0, 1.7, 0.6, 5.0, 0.0, 0.9])
    got = leave_one_out(gram, targets, ridge, alphas, weights)
    for i in range(8):
        rest = np.arange(8) != i
        inner, row = gram[np.ix_(rest, rest)], gram[i : i + 1, rest]
        expected = oracle.refits(inner, targets[rest], ridge, alphas, row, weights[rest])[:, 0]
        assert got[:, i] == pytest.approx(expected, rel=1e-10, abs=1e-12)
    best = leave_one_out_alpha(gram, targets, ridge, alphas, weights)
    assert best.alpha == pytest.approx(exact_best_weight(gram, targets, ridge, alphas, weights), rel=1e-9)
    one = leave_one_out(gram, targets[:, 1], ridge, alphas, list(weights))
    assert one == pytest.approx(got[..., 1], rel=1e-12)


# --- properties


def test_one_output_at_a_time():
    gram, targets = problem()
    both = leave_one_out(gram, targets, 0.7, [0.2, 0.5])
    assert both.shape == (3, 12, 2)
    assert leave_one_out(gram, targets[:, 1], 0.7, [0.2, 0.5]) == pytest.approx(both[..., 1], rel=1e-12)
    assert leave_one_out(gram, targets[:, 1], 0.7, []).shape == (1, 12)


def test_true_targets_only_repeat_ridge_regression():
    gram, targets = problem()
    steps = leave_one_out(gram, targets, 0.7, [1.0, 1.0])
    assert steps[1] == pytest.approx(steps[0], rel=1e-12)
    scores = corrected_gcv(gram, targets, 0.7, [0.0, 1.0])
    assert scores[2] == pytest.approx(scores[0], rel=1e-12)  # alpha = 1 erases what came before
    assert leave_one_out(gram, targets, 0.7, [0.3, 1.0])[2] == pytest.approx(steps[0], rel=1e-12)


def test_rotations_leave_cross_validation_alone():
    gram, targets = problem()
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(12, 12)))[0]
    turned = rotation @ gram @ rotation.T
    assert corrected_gcv(turned, rotation @ targets, 0.7, [0.1, -0.6]) == pytest.approx(
        corrected_gcv(gram, targets, 0.7, [0.1, -0.6]), rel=1e-11
    )


@pytest.mark.parametrize("scale", [1e-250, 1e250])
def test_common_scale(scale):
    gram, targets = problem()
    expected = leave_one_out(gram, targets, 0.7, [0.2, 0.5])
    assert leave_one_out(scale * gram, targets, scale * 0.7, [0.2, 0.5]) == pytest.approx(expected, rel=1e-11)


def test_naive_form_misleads_where_the_corrected_one_does_not():
    """Isotropic features, p = 2n, ridge/n = 0.1, noise and signal 1: 1 - alpha is 4.08, the naive limit 7.57."""
    rng = np.random.default_rng(20240810)
    right, wrong = [], []
    n, p = 200, 400
    for _ in range(30):
        inputs = rng.normal(size=(n, p))
        targets = inputs @ (rng.normal(size=p) / np.sqrt(p)) + rng.normal(size=n)
        gram = inputs @ inputs.T
        right.append(1.0 - corrected_gcv_alpha(gram, targets, 0.1 * n).alpha)
        wrong.append(1.0 - naive_gcv_alpha(gram, targets, 0.1 * n).alpha)
    # the limits are more than six standard errors apart; each estimate within four of its own
    for values, limit in ((right, 4.08), (wrong, 7.57)):
        error = np.std(values) / np.sqrt(len(values))
        assert error < 3.49 / 6
        assert abs(np.mean(values) - limit) < 4 * error


# --- bad input


@pytest.mark.parametrize(
    "function", [leave_one_out, corrected_gcv, naive_gcv, leave_one_out_alpha, corrected_gcv_alpha]
)
def test_bad_arguments(function):
    with pytest.raises(ValueError, match=r"ridge must be > 0 where gram has a zero eigenvalue, got ridge=0\.0"):
        function(np.ones((2, 2)), [1.0, 2.0], 0.0, [])
    with pytest.raises(ValueError, match=r"ridge must be >= 0, got ridge=-0\.1"):
        function(np.eye(2), [1.0, 2.0], -0.1, [])
    with pytest.raises(ValueError, match=r"targets and gram must have as many rows, got 3 and 2"):
        function(np.eye(2), [1.0, 2.0, 3.0], 0.1, [])
    with pytest.raises(ValueError, match=r"alphas must have shape \(steps - 1,\), got shape \(1, 1\)"):
        function(np.eye(2), [1.0, 2.0], 0.1, [[0.2]])
    with pytest.raises(ValueError, match=r"no negative eigenvalues"):
        function([[0.0, 1.0], [1.0, 0.0]], [1.0, 2.0], 0.1, [])


@pytest.mark.parametrize("function", [leave_one_out, leave_one_out_alpha])
def test_bad_sample_weights(function):
    with pytest.raises(ValueError, match=r"sample_weights must be >= 0, got sample_weights\[1\]=-1\.0"):
        function(np.eye(2), [1.0, 2.0], 0.1, [], [1.0, -1.0])
    with pytest.raises(ValueError, match=r"sample_weights and gram must have as many rows, got 3 and 2"):
        function(np.eye(2), [1.0, 2.0], 0.1, [], [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"ridge must be > 0 where gram has a zero eigenvalue, got ridge=0\.0"):
        function(np.eye(2), [1.0, 2.0], 0.0, [], [1.0, 0.0])


def test_bad_naive_weight():
    with pytest.raises(ValueError, match=r"gram must be square, got shape \(2, 3\)"):
        naive_gcv_alpha(np.ones((2, 3)), [1.0, 2.0], 0.1)
