"""Best ridge: the matched prior, two minima, a textbook minimisation at 40 digits, monotonicity, messages."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.random_features import optimal_ridge, power_law, risk, train_error

EPS = np.finfo(float).eps
# The slope's sign is lost where its terms cancel to 32 eps; the terms change by their own size over an e-fold of
# ridge times s/p <= 1e4 in these tests.
RIDGE_ACCURACY = 32 * EPS * 1e4
RISK_ACCURACY = 400 * EPS  # the risk's own; the error of the ridge enters squared

CLUSTERS = (np.r_[np.full(4, 1.0), np.full(20, 0.01)], np.r_[np.full(4, 1.0), np.full(20, 0.25)])

sizes = st.floats(0.5, 60.0)
features = st.one_of(sizes, st.just(np.inf))
tasks = st.lists(
    st.tuples(st.floats(-6.0, 1.0).map(lambda x: 10.0**x), st.sampled_from([0.0, 0.02, 0.7, 4.0])),
    min_size=1,
    max_size=9,
)


# --- identities and limits


def test_slope_expression_is_the_derivative():
    """The hand-cancelled sign is dE/dln(gamma) up to a positive factor, for two modes in symbols."""
    g, n, k, noise = sp.symbols("gamma n k sigma2", positive=True)
    lam, v = sp.symbols("l1:3", positive=True), sp.symbols("w1:3", positive=True)
    e = [x / (x + g) for x in lam]
    f = [g / (x + g) for x in lam]
    s = sum(x * y for x, y in zip(e, f, strict=True))
    c = sum(x * x * y for x, y in zip(e, f, strict=True))
    bias = sum(w * y * y for w, y in zip(v, f, strict=True))
    shared = sum(w * x * y for w, x, y in zip(v, e, f, strict=True))
    missed = sum(w * x * y * y for w, x, y in zip(v, e, f, strict=True))
    p, r, total = n - sum(e), k - sum(e), bias + noise
    denominator = s * (p + r) + p * r
    error = n * (total * (s + r) + shared * s) / denominator
    numerator = missed * r * denominator + shared * (c * p * r - s**3) - total * (c * r**2 + s**2 * (s + r))
    claimed = 2 * n * numerator / denominator**2
    point = {lam[0]: 3, lam[1]: sp.Rational(2, 7), v[0]: sp.Rational(5, 3), v[1]: sp.Rational(1, 4)}
    point |= {n: sp.Rational(7, 2), k: sp.Rational(9, 2), noise: sp.Rational(3, 5)}
    difference = (g * sp.diff(error, g) - claimed).subs(point)
    assert sp.cancel(sp.together(difference)) == 0  # as a function of gamma
    point |= {n: sp.Rational(9, 4), k: sp.Rational(17, 8)}
    assert sp.cancel(sp.together((g * sp.diff(error, g) - claimed).subs(point))) == 0


@pytest.mark.parametrize("noise", [1e-3, 0.2, 0.5, 40.0])
@pytest.mark.parametrize("n", [7.3, 60.0, 400.0])
def test_matched_prior(n, noise):
    eigenvalues, _ = power_law(1.5, 0.0, 500)
    ridge, error = optimal_ridge(n, np.inf, eigenvalues, 2.5 * eigenvalues, noise)
    assert ridge == pytest.approx(noise / 2.5, rel=RIDGE_ACCURACY)
    assert error == risk(n, np.inf, ridge, eigenvalues, 2.5 * eigenvalues, noise)


def test_matched_prior_without_noise_interpolates():
    eigenvalues, _ = power_law(1.5, 0.0, 500)
    assert optimal_ridge(60, np.inf, eigenvalues, 2.5 * eigenvalues)[0] == 0.0


@pytest.mark.parametrize(("k", "printed", "unit"), [(60, 0.743, 5e-4), (1e4, 0.2036, 5e-5)])
def test_finite_features_want_more_ridge_than_the_matched_prior(k, printed, unit):
    eigenvalues, target = power_law(1.5, 1.5, 500)
    assert optimal_ridge(60, k, eigenvalues, target, 0.2)[0] == pytest.approx(printed, abs=unit)


def test_nothing_to_learn_wants_infinite_ridge():
    assert optimal_ridge(5, 7, [1.3, 0.0], [0.0, 0.4], 0.3) == (np.inf, pytest.approx(0.7, rel=RISK_ACCURACY))
    assert optimal_ridge(5, np.inf, [0.0, 0.0], [0.5, 0.4], 0.0) == (np.inf, pytest.approx(0.9, rel=RISK_ACCURACY))
    assert optimal_ridge(5, 7, [1.3, 0.2], [0.0, 0.0], 0.3) == (np.inf, 0.3)


def test_everything_learnable_without_noise_wants_none():
    assert optimal_ridge(5, 7, [1.3, 0.2], [0.5, 0.4]) == (0.0, 0.0)
    assert optimal_ridge(5, 7, [1.3, 0.2], [0.0, 0.0]) == (0.0, 0.0)


def test_faint_signal_wants_a_large_but_finite_ridge():
    ridge, error = optimal_ridge(20, np.inf, [1.3, 0.2], [1e-9, 0.0], 0.7)
    # gamma -> inf: -2 v^2 lambda/gamma + sigma^2 sum lambda^2/(n gamma^2); ridge = n gamma
    assert ridge == pytest.approx(0.7 * (1.3**2 + 0.2**2) / (1e-9 * 1.3), rel=1e-6)
    # the next order is 1.3/gamma = 4e-8; the gain of 1e-18 is below rounding
    assert error == pytest.approx(0.7 + 1e-9, rel=RISK_ACCURACY)


@pytest.mark.parametrize("noise", [3e-20, 3e-55, 3e-60, 3e-100, 3e-200, 3e-260])
def test_vanishing_noise_at_full_rank(noise):
    """n = rank < k: E -> n [noise/gamma + gamma (a + b T/r)]/(2 T), T = sum 1/lambda, a, b = sum v^2/lambda^2, /lambda.

    Here T = a = 7, b = 3, r = k - rank = 1: gamma^2 = noise/28, ridge = gamma^2 T r/k = noise/16,
    E = 3 sqrt(28 noise)/7.
    """
    spectrum = [1.0, 0.5, 0.25]
    ridge, error = optimal_ridge(3, 4, spectrum, spectrum, noise)
    # the next order is gamma * sum 1/lambda = 2e-9 at the largest noise; the errors of the root as above
    assert ridge == pytest.approx(noise / 16, rel=1e-8)
    assert error == pytest.approx(3 / 7 * np.sqrt(28 * noise), rel=1e-8)


@pytest.mark.parametrize("noise", [3e-56, 3e-100, 3e-250, 5e-324])
@pytest.mark.parametrize("k", [3, 4, np.inf])
@pytest.mark.parametrize("scale", [1.3, 1e-200, 1e200])
def test_a_finite_minimum_is_never_passed_over(k, noise, scale):
    spectrum = scale * np.array([1.0, 0.5, 0.25])
    ridge, error = optimal_ridge(3, k, spectrum, [1.0, 0.5, 0.25], noise)
    assert ridge > 0.0
    assert risk(3, k, 0.0, spectrum, [1.0, 0.5, 0.25], noise) == np.inf
    # n = k = rank: E -> n B/(3 s) = sum v^2/lambda / sum 1/lambda = 3/7; else the error vanishes with the noise
    assert error == pytest.approx(3 / 7, rel=1e-8) if k == 3 else error < 1e-20
    others = [risk(3, k, ridge * step, spectrum, [1.0, 0.5, 0.25], noise) for step in (3.0, 1e10, 1e30)]
    assert error <= min(others) * (1 + RISK_ACCURACY)


def test_no_cells():
    ridge, error = optimal_ridge([], 7, [1.3, 0.2], [0.5, 0.4], 0.3)
    assert ridge.shape == error.shape == (0,)
    assert optimal_ridge(4, np.ones((0, 2)), [1.3, 0.2], [0.5, 0.4])[0].shape == (0, 2)


# --- oracle


def textbook_minimum(n, k, eigenvalues, target, noise):
    """Return (ridge, risk) at the smallest textbook error over gamma, found by scan and derivative at 40 digits."""
    with mp.workdps(40):
        lam, v = [mp.mpf(float(x)) for x in eigenvalues], [mp.mpf(float(x)) for x in target]

        def error(u):
            g = mp.exp(u)
            z, q = mp.fsum(x / (x + g) for x in lam), mp.fsum((x / (x + g)) ** 2 for x in lam)
            kappa, ratio = (g, 1) if k == np.inf else (g * (k - z) / k, k / (k - q))
            bracket = q if k == np.inf else (q * (k - 2 * z) + z * z) / (k - q)
            bias = mp.fsum(w * (g / (x + g) - kappa * x / (x + g) ** 2 * ratio) for x, w in zip(lam, v, strict=True))
            return (bias + noise) / (1 - bracket / n), kappa * (n - z)

        grid = [mp.mpf(j) / 20 - 12 for j in range(400)]
        inside = [u for u in grid if mp.fsum(x / (x + mp.exp(u)) for x in lam) < min(n, k)]
        best = min(inside, key=lambda u: error(u)[0])
        root = mp.findroot(lambda u: mp.diff(lambda x: error(x)[0], u), (best - 0.05, best + 0.05), solver="anderson")
        return float(error(root)[1]), float(error(root)[0])


@pytest.mark.parametrize(
    ("n", "k", "task", "noise"),
    [
        (10, np.inf, CLUSTERS, 0.3),  # two minima: the lower at the smaller ridge
        (10, np.inf, CLUSTERS, 2.0),  # two minima: the lower at the larger ridge
        (12, 30, CLUSTERS, 0.6),
        (9, 9, (power_law(1.3, 0.8, 25)), 0.4),
        (30, 12, (power_law(1.3, 0.8, 25)), 0.4),
        (7.5, 20, ([0.3, 2.0, 0.01, 0.4], [0.0, 0.5, 3.0, 0.2]), 0.05),
        (40, 55, ([0.3, 2.0, 0.01, 0.4], [0.0, 0.5, 3.0, 0.2]), 0.05),
    ],
)
def test_textbook_minimum(n, k, task, noise):
    ridge, error = textbook_minimum(n, k, *task, noise)
    got = optimal_ridge(n, k, *task, noise)
    assert got[0] == pytest.approx(ridge, rel=RIDGE_ACCURACY)
    assert got[1] == pytest.approx(error, rel=RISK_ACCURACY)


def test_both_minima_exist_and_golden_section_would_miss_one():
    """Each noise level has its global minimum on another side of the same barrier."""
    for noise, near, far in ((0.3, 0.02, 3.8), (2.0, 5.7, 0.16)):
        best, error = optimal_ridge(10, np.inf, *CLUSTERS, noise)
        assert best == pytest.approx(near, rel=0.1)  # printed to two digits
        grid = np.geomspace(min(near, far), max(near, far), 60)
        curve = risk(10, np.inf, grid, *CLUSTERS, noise)
        other = risk(10, np.inf, far, *CLUSTERS, noise)
        assert curve.max() > 1.001 * max(error, other)  # a barrier
        assert other > 1.01 * error


def test_no_better_ridge_on_dense_grids():
    rng = np.random.default_rng(20240515)
    grid = np.r_[0.0, np.geomspace(1e-20, 1e8, 700)]
    for _ in range(60):
        modes = int(rng.integers(2, 60))
        eigenvalues = np.arange(1.0, modes + 1) ** -rng.uniform(0.3, 3) * np.exp(rng.normal(size=modes))
        target = np.arange(1.0, modes + 1) ** -rng.uniform(0, 3) * (rng.random(modes) < rng.choice([0.1, 0.4, 1.0]))
        n, noise = float(rng.integers(1, 80)), rng.choice([0.0, 0.01, 1.3, 10.0]) * target.sum()
        k = float(rng.choice([rng.integers(1, 80), n, np.inf]))
        ridge, error = optimal_ridge(n, k, eigenvalues, target, noise)
        curve = risk(n, k, grid, eigenvalues, target, noise)
        assert error <= curve.min() * (1 + RISK_ACCURACY), (n, k, ridge)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=40)
@given(n=sizes, k=features, task=tasks, noise=st.sampled_from([0.0, 0.03, 2.5]), more=st.floats(1.02, 2.0))
def test_more_is_better_at_the_best_ridge(n, k, task, noise, more):
    eigenvalues, target = zip(*task, strict=True)
    error = optimal_ridge([n, n * more, n, n], [k, k, k * more, np.inf], eigenvalues, target, noise)[1]
    assert error[1] <= error[0] * (1 + RISK_ACCURACY)
    assert error[2] <= error[0] * (1 + RISK_ACCURACY)
    assert error[3] <= error[2] * (1 + RISK_ACCURACY)
    if sum(target) > 0.0 and noise > 0.0 and any(x * w > 1e-3 for x, w in task):
        assert error[1] < error[0]  # strict: something can be learned and the minimum is positive


def test_more_is_worse_at_fixed_ridge():
    """The theorem needs the best ridge: at ridge 1e-4 both directions fail beside n = k."""
    eigenvalues, _ = power_law(1.5, 0.0, 1000)
    errors = risk([50, 100, 100, 100], [100, 50, 99, 100], 1e-4, eigenvalues, eigenvalues, 0.1)
    assert errors == pytest.approx([1.11, 1.05, 9.84, 10.10], abs=5e-3)  # printed to two decimals


def test_more_can_be_worse_for_the_train_error():
    eigenvalues, target = power_law(1.5, 1.2, 200)
    assert train_error(40, 30, 0.1, eigenvalues, target, 0.3) < train_error(60, 30, 0.1, eigenvalues, target, 0.3)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(n=sizes, k=features, task=tasks, noise=st.sampled_from([0.03, 2.5]), shift=st.integers(-200, 200))
def test_scale(n, k, task, noise, shift):
    eigenvalues, target = zip(*task, strict=True)
    ridge, error = optimal_ridge(n, k, eigenvalues, target, noise)
    scaled = optimal_ridge(n, k, np.ldexp(eigenvalues, shift), target, noise)
    assert scaled == (np.ldexp(ridge, shift), error)


def test_broadcasting_equals_a_loop():
    eigenvalues, target = power_law(1.2, 1.1, 50)
    n, k = np.array([[3.0], [9.0]]), np.array([9.0, 30.0, np.inf])
    ridge, error = optimal_ridge(n, k, eigenvalues, target, 0.3)
    assert ridge.shape == error.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        alone = optimal_ridge(n[i, 0], k[j], eigenvalues, target, 0.3)
        assert isinstance(alone[0], float)
        # the grids of the scan differ, hence the brackets, not the roots
        assert (ridge[i, j], error[i, j]) == pytest.approx(alone, rel=RIDGE_ACCURACY)


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 3, [1.3], [0.5], 0.2), r"n must be > 0, got n=0\.0"),
        ((4, -3, [1.3], [0.5], 0.2), r"k must be > 0, got k=-3\.0"),
        ((4, 3, [-1.3], [0.5], 0.2), r"eigenvalues must be >= 0, got eigenvalues\[0\]=-1\.3"),
        ((4, 3, [1.3], [0.5, 0.1], 0.2), r"got 2 in target_power, 1 in eigenvalues"),
        ((4, 3, [1.3], [0.5], -0.2), r"noise_variance must be >= 0, got noise_variance=-0\.2"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        optimal_ridge(*arguments)
