"""Mean-field information: the sensitivity equations by Taylor steps, closed forms, the ladder, simulated paths."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.exp3 import (
    equal_losses_information,
    ladder_information,
    mean_field_information,
    mean_field_path,
    mle_standard_deviation,
    prediction_constant,
    scaled_exit_time,
)

EPS = np.finfo(float).eps
rule = settings(derandomize=True, deadline=None, max_examples=60)
losses_ = st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=6)
# exponents of up to 700 and sums over up to 700 panels, each rounded once: 700 eps = 1.6e-13
TIGHT = 3e-13


def sampled_information(learning_rate, losses, rounds, paths, seed, weighted=True):
    """Return (mean, standard error) of eta^2 times the path information, naive recursion over many paths at once."""
    rng = np.random.default_rng(seed)
    y, g = np.zeros((paths, len(losses))), np.zeros((paths, len(losses)))
    total, here = np.zeros(paths), np.arange(paths)
    for _ in range(rounds):
        p = np.exp(y - y.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        h = g - (p * g).sum(axis=1, keepdims=True)
        total += (p * h**2).sum(axis=1)
        arm = (p.cumsum(axis=1) < rng.random((paths, 1))).sum(axis=1)
        pay = np.asarray(losses)[arm] / p[here, arm]
        y[here, arm] -= learning_rate * pay
        g[here, arm] -= pay * (1.0 - learning_rate * h[here, arm] * weighted)
    total *= learning_rate**2
    return total.mean(), total.std() / np.sqrt(paths)


# --- identities and limits


def test_mean_sensitivity_in_symbols():
    """m = log(Z/K) solves (m Z)' = Z' (1 + m), and the scores then obey h' = l h + mu - l."""
    s, l1, l2, l3 = sp.symbols("s l1 l2 l3", real=True)
    z = sp.exp(-l1 * s) + sp.exp(-l2 * s) + sp.exp(-l3 * s)
    m = sp.log(z / 3)
    assert sp.simplify(sp.diff(m * z, s) - sp.diff(z, s) * (1 + m)) == 0
    gamma, mu = sp.Function("gamma")(s), -sp.diff(z, s) / z
    slope = -l1 * (1 - (gamma - m))  # gamma' for arm 1
    assert sp.simplify(slope - sp.diff(m, s) - (l1 * (gamma - m) + mu - l1)) == 0


@pytest.mark.parametrize(
    ("losses", "information", "ratio"),
    [
        ((1.0, 0.0), 1.29989, 0.28836),
        ((0.8, 0.3), 0.39807, 0.42742),
        ((0.9, 0.6, 0.3, 0.0), 0.58742, 0.20337),
        ((0.2, 0.4, 0.6, 0.8), None, 0.22684),
        ((1.0, 0.9, 0.0), 1.25837, None),
        ((0.9, 0.5, 0.1), 0.6096, None),
        ((-1.0, 0.0), 0.27638, None),
    ],
)
def test_known_values_at_two(losses, information, ratio):
    value = mean_field_information(2.0, losses)
    if information is not None:
        assert value == pytest.approx(information, abs=1e-5)  # five printed digits
    if ratio is not None:
        assert prediction_constant(2.0, losses) / value == pytest.approx(ratio, abs=1e-5)


@pytest.mark.parametrize("losses", [[0.7, 0.2], [0.7, 0.0, 0.4], [-0.3, 0.9, 0.9, 0.1, 0.0]])
def test_small_times(losses):
    for time in (1e-3, 1e-6, 1e-60):
        lead = time**3 * np.var(losses) / 3.0
        # the next term is relatively of order S
        assert mean_field_information(time, losses) == pytest.approx(lead, rel=3 * time + 1e-13)
        assert prediction_constant(time, losses) == pytest.approx(lead / len(losses), rel=3 * time + 1e-13)


def test_zero_equal_and_infinite():
    assert mean_field_information(0.0, [0.7, 0.2]) == 0.0
    assert mean_field_information(3.0, [0.7, 0.7, 0.7]) == 0.0
    assert prediction_constant(3.0, [0.0, 0.0]) == 0.0
    assert mean_field_information(1e4, [0.7, 0.2]) == np.inf
    assert np.isfinite(prediction_constant(1e5, [1.0, 0.0]))
    assert mle_standard_deviation(0.3, 0.0, [0.7, 0.2]) == np.inf
    assert mle_standard_deviation(0.3, 2.0, [0.7, 0.7]) == np.inf
    assert 0.0 < mle_standard_deviation(0.3, 1000.0, [0.9, 0.0]) < 1e-190  # J overflows, the deviation does not
    assert scaled_exit_time([0.4, 0.4], 0.1) == np.inf
    assert scaled_exit_time([0.4, 0.4, 0.1], 0.4) == 0.0
    assert scaled_exit_time([0.4, 0.4], 0.6) == 0.0
    assert scaled_exit_time([0.4, 0.4], 0.5) == np.inf  # 1/K is never passed
    assert scaled_exit_time([0.8, 0.3, 0.3, 0.1], 0.25) == 0.0
    below = EPS * np.arange(1, 10)  # over the mean gap, 0.8 - 1.5/4
    np.testing.assert_allclose(scaled_exit_time([0.8, 0.3, 0.3, 0.1], 0.25 * (1 - below)), below / 0.425, rtol=1e-12)
    assert equal_losses_information(0.0, 0.7, 3) == 0.0
    assert equal_losses_information(1e200, 1e200) == np.inf
    assert equal_losses_information(1e200, -1e200) == np.inf


def test_large_times_of_one_lossy_arm():
    """J grows like (K - 1) log^2(K/(K - 1)) e^S, for a loss l at S l and divided by l."""
    for arms in (2, 5):
        lead = (arms - 1) * np.log(arms / (arms - 1)) ** 2 * np.exp(40.0) / 0.4
        # the correction is e^-S S relatively, and rounding of the exponent
        assert mean_field_information(100.0, [0.0] * (arms - 1) + [0.4]) == pytest.approx(lead, rel=1e-13)


def test_path_is_the_softmax_and_its_scores_are_centred():
    losses, times = [0.9, -0.2, 0.35], np.array([0.0, 0.5, 3.0, 20.0])
    path = mean_field_path(times, losses)
    weights = np.exp(-times[:, None] * np.array(losses))
    np.testing.assert_allclose(path.probability, weights / weights.sum(axis=1, keepdims=True), rtol=1e-14)
    centred = (path.probability * path.score).sum(axis=1)
    # rounding of the largest term
    assert (np.abs(centred) <= 1e-14 * np.abs(path.probability * path.score).max(axis=1)).all()
    np.testing.assert_array_equal(path.score[0], np.zeros(3))


def test_path_gives_information_and_constant():
    grid = np.linspace(0.0, 2.5, 4001)
    path = mean_field_path(grid, [0.9, 0.5, 0.1])
    weights = np.full(grid.size, 2.0)
    weights[1::2], weights[[0, -1]] = 4.0, 1.0
    simpson = weights * (grid[1] - grid[0]) / 3.0
    value = (simpson[:, None] * path.probability * path.score**2).sum()
    moved = (simpson[:, None] * (path.probability * path.score) ** 2).sum()
    assert mean_field_information(2.5, [0.9, 0.5, 0.1]) == pytest.approx(value, rel=1e-11)  # Simpson: step^4/180
    assert prediction_constant(2.5, [0.9, 0.5, 0.1]) == pytest.approx(moved, rel=1e-11)


def test_one_lossy_arm_has_its_sensitivity():
    """gamma = -log(K (1 - p)/(K - 1))/p for the lossy arm, 0 for the others."""
    times = np.array([0.3, 2.0, 12.0])
    path = mean_field_path(times / 0.6, [0.0, 0.6, 0.0])
    p = path.probability[:, 1]
    np.testing.assert_allclose(path.sensitivity[:, 1], -np.log(1.5 * (1 - p)) / p, rtol=1e-12)
    assert np.abs(path.sensitivity[:, [0, 2]]).max() < 1e-15


def test_exit_time_of_one_lossy_arm():
    level = np.array([1e-300, 1e-8, 0.05, 0.1999])
    expected = np.log((1 - level) / (4 * level)) / 0.7
    np.testing.assert_allclose(scaled_exit_time([0.7, 0, 0, 0, 0], level), expected, rtol=1e-12)  # .1999: 2000 eps
    assert scaled_exit_time([0.9, 0.6, 0.3, 0.0], 0.05) == pytest.approx(2.72418, abs=1e-5)


# --- oracle


def test_sensitivity_equations_by_taylor_steps(oracle):
    cases = [
        ((0.9, 0.6, 0.3, 0.0), 1e-6),
        ((0.9, 0.6, 0.3, 0.0), 2.0),
        ((0.2, 0.4, 0.6, 0.8), 5.0),
        ((1.0, 0.9, 0.0), 20.0),
    ]
    cases += [
        ((3e-3, 2e-3), 700.0),
        ((4e5, 1e5, 3e5), 1e-5),
        ((1.0, -0.7, 0.2), 9.0),
        ((-1.0, 0.0), 6.0),
        ((0.5, -0.5), 8.0),
    ]
    cases += [
        ((0.7, 0.701), 40.0),
        ((0.8, 0.8, 0.3, 0.3), 3.0),
        ((0.7, 0.7 + 1e-9), 4.0),
        ((-0.9, -0.5, -0.1), 10.0),
        ((0.6, 0.0), 1e-4),
    ]
    bad = []
    with mp.workdps(oracle.DIGITS):
        for losses, time in cases:
            information, moved, shares, _, scores = oracle.mean_field_course(time, losses)
            path = mean_field_path(time, losses)
            got = [mean_field_information(time, losses), prediction_constant(time, losses), *path.probability]
            expected = [information, moved, *shares]
            # near ties: a difference of 1e-9 between losses is known to eps/1e-9, twice in J
            near = np.abs(np.diff(losses)).min()
            margin = TIGHT + (4 * EPS / near if near else 0.0)
            bad += [
                (losses, time, a, b) for a, b in zip(got, expected, strict=True) if not abs(a - b) <= margin * abs(b)
            ]
            top = max(abs(h) for h in scores)
            bad += [
                (losses, time, a, b) for a, b in zip(path.score, scores, strict=True) if not abs(a - b) <= margin * top
            ]
    assert not bad


def test_dilogarithms_from_tiny_to_overflowing(oracle):
    bad = []
    for arms, loss in ((2, 0.4), (3, 1.7), (50, 0.9)):
        times = np.array([1e-6, 1e-4, 0.01, 0.2, 0.3, 1.0, 5.0, 29.0, 31.0, 200.0, 700.0])
        values = mean_field_information(times / loss, [0.0] * (arms - 1) + [loss])
        for time, value in zip(times, values, strict=True):
            expected = oracle.mean_field_one_lossy(time, arms) / loss
            # the time itself is rounded: e^S is known to S eps
            if not abs(value - expected) <= TIGHT * expected:
                bad.append((arms, loss, time, value, expected))
    assert not bad


def test_two_arms_by_nested_quadrature(oracle):
    with mp.workdps(20):
        for time, first, second in ((2.0, 0.8, 0.3), (1.3, 0.2, 0.9), (5.0, 0.7, -0.4)):
            expected = float(oracle.mean_field_two_arms(time, first, second))
            assert mean_field_information(time, [first, second]) == pytest.approx(expected, rel=TIGHT)
            assert mean_field_information(time, [second, first]) == pytest.approx(expected, rel=TIGHT)


@pytest.mark.parametrize(("arms", "loss"), [(2, 0.8), (4, 0.5)])
def test_limit_of_the_exact_ladder(arms, loss):
    """eta^3 I_T at three rates: the error is linear in eta, what is left after two extrapolations is cubic."""
    time = 1.5
    values = []
    for rounds in (500, 1000, 2000):
        eta = time / rounds
        values.append(eta**3 * ladder_information(rounds, eta, arms, loss))
    first = [2 * values[1] - values[0], 2 * values[2] - values[1]]
    limit = (4 * first[1] - first[0]) / 3
    expected = mean_field_information(time, [loss] + [0.0] * (arms - 1))
    assert values[-1] == pytest.approx(expected, rel=2e-3)
    assert limit == pytest.approx(expected, rel=2e-7)  # measured 2e-8 and 4e-8


def test_simulated_information():
    eta, losses = 0.01, (0.9, 0.6, 0.3, 0.0)
    mean, error = sampled_information(eta, losses, 200, 4000, 0)
    expected = mean_field_information(2.0, losses)
    assert abs(eta * mean - expected) < 4 * eta * error + 0.01 * expected  # bias of order eta e^(S l): 0.6 % here
    without, _ = sampled_information(eta, losses, 200, 400, 0, weighted=False)
    assert eta * without < 0.6 * expected  # without feedback through the weights


@pytest.mark.parametrize("arms", [2, 3])
def test_simulated_information_of_equal_losses(arms):
    loss, time, values = 0.5, 1.5, []
    for rounds in (75, 150):  # relative bias of order eta, removed by one extrapolation
        values.append(sampled_information(time / rounds, [loss] * arms, rounds, 8000, arms))
    limit, error = 2 * values[1][0] - values[0][0], np.hypot(2 * values[1][1], values[0][1])
    expected = equal_losses_information(time, loss, arms)
    assert abs(limit - expected) < 4 * error + 0.01 * expected  # 4 sigma: 6e-5 false alarms; eta^2 left
    assert error < 0.05 * expected


def test_equal_losses_at_fifty_digits():
    bad = []
    with mp.workdps(50):
        for time in (1e-8, 1e-3, 0.1, 0.7, 2.0, 300.0):
            for loss in (-3.0, -0.5, -1e-4, 1e-4, 0.5, 0.714, 0.7143, 1.1):
                ell, s = mp.mpf(loss), mp.mpf(time)
                expected = 4 * ell / 2 * ((mp.exp(2 * ell * s) - 1) / (2 * ell) - s)
                if not abs(equal_losses_information(time, loss, 5) - expected) <= 700 * EPS * expected:
                    bad.append((time, loss))
    assert not bad
    assert equal_losses_information(2.0, 0.5) == pytest.approx(1.0973, abs=1e-4)


def test_exit_times_by_bisection():
    bad = []
    with mp.workdps(40):
        for losses in ([0.9, 0.6, 0.3, 0.0], [0.8, 0.8, 0.1], [-0.4, 0.3], [5e-4, 3e-4, 2e-4], [300.0, 299.9]):
            for level in (1e-250, 1e-9, 0.01, 0.2, 0.249):
                top = mp.mpf(max(losses))
                low, high = mp.mpf(0), mp.mpf(10) ** 8
                for _ in range(120):
                    s = (low + high) / 2
                    p = 1 / mp.fsum(mp.exp((top - mp.mpf(x)) * s) for x in losses)
                    low, high = (s, high) if p > mp.mpf(level) else (low, s)
                width = abs(top - min(losses)) / abs(top)
                # log(1/(K eps)) near K eps = 1, and the difference of the losses
                margin = 20 * EPS * (1 / width + 1 / abs(len(losses) * level - 1))
                value = scaled_exit_time(losses, level)
                if not abs(value - low) <= margin * low:
                    bad.append((losses, level, value, low))
    assert not bad


# --- properties


@rule
@given(
    losses=losses_, time=st.floats(-3.0, 1.5).map(lambda x: 10.0**x), unit=st.floats(-8.0, 8.0).map(lambda x: 10.0**x)
)
def test_losses_are_a_unit_of_time(losses, time, unit):
    """J(S; c l) = J(c S; l)/c, Q likewise; the path at S for losses c l is that at c S."""
    scaled = [unit * x for x in losses]
    for function in (mean_field_information, prediction_constant):
        # c l is rounded: near ties lose eps/difference, J is quadratic in it and dwarfed by its larger parts else
        near = EPS * max(map(abs, losses), default=0.0)
        expected = function(time, losses) / unit
        assert function(time / unit, scaled) == pytest.approx(
            expected, rel=1e-12, abs=10 * (near * time) ** 2 * time / unit
        )


@rule
@given(losses=losses_, time=st.floats(0.0, 20.0), order=st.randoms(use_true_random=False))
def test_arms_are_exchangeable_and_gains_are_negative_losses(losses, time, order):
    shuffled = list(losses)
    order.shuffle(shuffled)
    value = mean_field_information(time, losses)
    assert mean_field_information(time, shuffled) == pytest.approx(value, rel=1e-12, abs=1e-30)
    assert mean_field_information(time, [-x for x in losses], gains=True) == value
    assert prediction_constant(time, [-x for x in losses], gains=True) == prediction_constant(time, losses)


@rule
@given(losses=losses_, times=st.lists(st.floats(0.0, 20.0), min_size=1, max_size=5))
def test_many_times_at_once_and_monotone(losses, times):
    values = mean_field_information(np.array([times]), losses)
    assert values.shape == (1, len(times))
    single = [mean_field_information(t, losses) for t in times]
    np.testing.assert_allclose(values[0], single, rtol=1e-12, atol=1e-200)  # other panels, same integral
    ordered = np.sort(values[0])
    np.testing.assert_array_equal(ordered, values[0][np.argsort(times, kind="stable")])
    constants = prediction_constant(np.array(times), losses)
    assert (constants <= values[0] * (1 + 1e-12)).all()  # p <= 1


def test_feedback_makes_information_depend_on_more_than_differences():
    assert mean_field_information(2.0, [0.9, 0.4]) > 1.2 * mean_field_information(2.0, [0.5, 0.0])
    assert mean_field_information(2.0, [1.0, 0.0]) > 4 * mean_field_information(2.0, [1.0, 0.0], gains=True)


def test_blocks_of_panels_join_without_a_seam(monkeypatch):
    losses, times = [0.9, -0.3, 0.4], np.linspace(0.0, 30.0, 7)
    whole = mean_field_information(times, losses)
    monkeypatch.setattr("theory.exp3._course.BLOCK", 100)
    np.testing.assert_array_equal(mean_field_information(times, losses), whole)


def test_deviation_and_shapes():
    eta, times = np.array([[0.1], [0.02]]), np.array([0.5, 2.0, 4.0])
    value = mle_standard_deviation(eta, times, [0.8, 0.3])
    expected = np.sqrt(eta / mean_field_information(times, [0.8, 0.3]))
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    assert isinstance(mle_standard_deviation(0.1, 2.0, [0.8, 0.3]), float)
    path = mean_field_path(np.ones((2, 3)), [0.8, 0.3, 0.1, 0.0])
    assert path.score.shape == path.probability.shape == path.sensitivity.shape == (2, 3, 4)
    assert mean_field_path(1.0, [0.8, 0.3]).score.shape == (2,)
    assert mean_field_information(np.empty(0), [0.8, 0.3]).shape == (0,)
    assert scaled_exit_time([0.8, 0.3], [[0.1], [0.2]]).shape == (2, 1)


# --- bad input


@pytest.mark.parametrize("function", [mean_field_information, prediction_constant, mean_field_path])
def test_bad_courses(function):
    with pytest.raises(ValueError, match=r"scaled_time must be >= 0, got scaled_time=-0\.5"):
        function(-0.5, [0.7, 0.2])
    with pytest.raises(ValueError, match=r"mean_losses must have shape \(arms,\) with arms >= 2, got shape \(1,\)"):
        function(0.5, [0.7])
    with pytest.raises(ValueError, match=r"mean_losses must have shape \(arms,\) with arms >= 1, got shape \(\)"):
        function(0.5, 0.7)
    with pytest.raises(ValueError, match=r"mean_losses must be .*got mean_losses\[1\]=nan"):
        function(0.5, [0.7, np.nan])
    with pytest.raises(
        ValueError, match=r"scaled_time \* max \|mean_losses\| must be <= 100000, got scaled_time=1e\+30"
    ):
        function(1e30, [0.7, 0.2])
    with pytest.raises(ValueError, match=r"gains must be True or False, got gains='yes'"):
        function(0.5, [0.7, 0.2], gains="yes")


def test_bad_rates_levels_and_arms():
    with pytest.raises(ValueError, match=r"learning_rate must be > 0, got learning_rate=0\.0"):
        mle_standard_deviation(0.0, 2.0, [0.7, 0.2])
    with pytest.raises(ValueError, match=r"learning_rate, scaled_time must broadcast, got shapes"):
        mle_standard_deviation([0.1, 0.2], [1.0, 2.0, 3.0], [0.7, 0.2])
    with pytest.raises(ValueError, match=r"threshold must be > 0 and < 1, got threshold\[1\]=1\.0"):
        scaled_exit_time([0.7, 0.2], [0.1, 1.0])
    with pytest.raises(ValueError, match=r"n_arms must be an integer, got n_arms=2\.5"):
        equal_losses_information(2.0, 0.5, 2.5)
    with pytest.raises(ValueError, match=r"scaled_time, loss must broadcast"):
        equal_losses_information([1.0, 2.0], [0.5, 0.6, 0.7])
