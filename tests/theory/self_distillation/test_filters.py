"""Filters: closed form against the recursion at 60 digits over 24 decades, limits, monotonicity, messages."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.self_distillation import (
    constant_filter,
    constant_residual,
    convergence_interval,
    convergence_rate,
    from_loss_weights,
    spectral_filter,
    spectral_residual,
    steps_to_tolerance,
)

EPS = np.finfo(float).eps
DECADES = (0.0, 1e-12, 3e-9, 2e-4, 0.3, 1.7, 41.0, 6e4, 1e9, 1e12)
RIDGES = (1e-12, 5e-7, 0.02, 0.9, 3.1, 7e5, 1e12)
INSIDE = (0.0, 1e-300, 1e-12, 3e-5, 0.04, 0.35, 0.5, 0.77, 0.999, 1.0 - 1e-12, 1.0)
OUTSIDE = (-5.3, -1.0, -0.2, -1e-7, 1.0 + 1e-9, 1.6, 2.0, 2.3, 17.0)
STEPS = 200

positive = st.floats(-12.0, 12.0).map(lambda x: 10.0**x)
weights = st.floats(0.0, 1.0)


# --- identities and limits


@pytest.mark.parametrize("steps", range(1, 8))
def test_closed_form_solves_the_recursion(steps):
    d, lam, alpha = sp.symbols("d lambda alpha", positive=True)
    a = d / (d + lam)
    b = sp.Integer(1)
    for t in range(steps):
        b = a * ((alpha if t else 1) + (1 - alpha if t else 0) * b)
    q = (1 - alpha) * a
    claimed = (alpha * d + lam * q**steps) / (alpha * d + lam)
    assert sp.cancel(sp.together(b - claimed)) == 0


def test_true_targets_only_is_ridge_regression():
    d = np.array(DECADES)
    for step in (1, 2, 9, np.inf):
        assert constant_filter(d, 0.7, 1.0, step) == pytest.approx(d / (d + 0.7), rel=4 * EPS)
    assert constant_filter(d, 0.7, -3.3, 1) == pytest.approx(d / (d + 0.7), rel=4 * EPS)  # alpha has no effect yet


def test_no_true_targets_collapse():
    d = np.array([0.0, 0.4, 3e12])
    assert constant_filter(d, 0.7, 0.0, 5) == pytest.approx((d / (d + 0.7)) ** 5, rel=16 * EPS)
    assert list(constant_filter(d, 0.7, 0.0, np.inf)) == [0.0, 0.0, 0.0]
    assert list(constant_residual(d, 0.7, 0.0, np.inf)) == [1.0, 1.0, 1.0]


def test_limits_in_alpha_and_step_do_not_commute():
    assert constant_filter(2.0, 0.5, 0.0, np.inf) == 0.0
    assert constant_filter(2.0, 0.5, 1e-9, np.inf) == pytest.approx(4e-9, rel=1e-8)  # alpha d/ridge to first order
    assert constant_filter(2.0, 0.5, 1e-9, 3) == pytest.approx(0.8**3, rel=1e-8)


@pytest.mark.parametrize("step", [1, 2, 30, np.inf])
@pytest.mark.parametrize("alpha", [-7.0, 0.0, 0.3, 1.0, 2.0, 9.0])
def test_no_ridge_fits_every_mode_with_an_eigenvalue(alpha, step):
    assert list(constant_filter([0.0, 1e-300, 4.0], 0.0, alpha, step)) == [0.0, 1.0, 1.0]
    assert list(constant_residual([0.0, 1e-300, 4.0], 0.0, alpha, step)) == [1.0, 0.0, 0.0]


def test_the_limit_is_ridge_regression_with_more_ridge():
    d = np.array(DECADES)
    for alpha in (0.05, 0.8, 1.9):
        assert constant_filter(d, 0.6, alpha, np.inf) == pytest.approx(d / (d + 0.6 / alpha), rel=8 * EPS)


def test_negative_effective_ridge():
    """alpha = -0.2 with ridge 3 at d = 5: q = 1.2 * 5/8 = 3/4, limit -1/(3 - 1)."""
    assert constant_filter(5.0, 3.0, -0.2, np.inf) == pytest.approx(-0.5, rel=8 * EPS)
    assert constant_filter(5.0, 3.0, -0.2, 200) == pytest.approx(-0.5, rel=1e-13)  # 0.75^200 = 1e-25


def test_divergence_overflows_to_signed_infinity():
    assert constant_filter(5.0, 3.0, -9.0, 5000) == -np.inf  # limit of b/q^t: ridge/(alpha d + ridge) < 0
    assert constant_residual(5.0, 3.0, -9.0, 5000) == np.inf
    assert constant_filter(5.0, 3.0, 9.0, 5000) == np.inf
    assert constant_filter(5.0, 3.0, 9.0, 5001) == -np.inf


def test_small_missed_share_outlives_an_overflowing_power():
    """d = 1e30, ridge 1: q^t = 2^1030 overflows, b = 1 - 1e-30 (1 + q + ...) does not."""
    expected = float(1 - mp.mpf(10) ** -30 * (mp.mpf(2) ** 1030 - 1))
    assert constant_filter(1e30, 1.0, -1.0, 1030) == pytest.approx(expected, rel=1e-12)  # 1030 eps


def test_iterates_of_a_contraction():
    """e_t = q^t (1 - b_inf) exactly, so the rate is that of the largest eigenvalue."""
    d, ridge, alpha = np.array([0.2, 1.1, 6.0]), 0.4, 0.15
    limit = constant_filter(d, ridge, alpha, np.inf)
    z = np.array([1.3, -0.4, 0.9])
    rate = convergence_rate(6.0, ridge, alpha)
    distance = [np.linalg.norm((constant_filter(d, ridge, alpha, t) - limit) * z) for t in range(1, 80)]
    whole = np.linalg.norm((1.0 - limit) * z)
    assert np.all(distance <= rate ** np.arange(1, 80) * whole * (1 + 1e-12))
    quotient = np.array(distance[1:]) / distance[:-1]
    assert np.all(np.diff(quotient[:30]) > 0.0)
    assert quotient[40] == pytest.approx(rate, rel=1e-3)
    assert rate == pytest.approx(0.85 * 6.0 / 6.4, rel=4 * EPS)


def test_steps_to_tolerance():
    assert steps_to_tolerance(3.0, 1.0, 1 / 3, 0.1) == 4.0  # 1/16 <= 0.1 < 1/8
    assert steps_to_tolerance(3.0, 1.0, 1.0, 0.1) == 1.0
    assert steps_to_tolerance(0.0, 1.0, 0.3, 0.1) == 1.0
    assert steps_to_tolerance(3.0, 0.0, 0.0, 0.1) == np.inf
    assert steps_to_tolerance(3.0, 1.0, -0.5, 0.1) == np.inf  # r = 9/8
    assert steps_to_tolerance(3.0, 1.0, 7 / 3, 0.99) == np.inf  # r = 1
    # r = 1 - 1e-13 to first order
    assert steps_to_tolerance(1.0, 1e-13, 0.0, 0.5) == pytest.approx(np.log(2.0) * 1e13, rel=1e-12)


def test_steps_to_tolerance_are_the_first():
    """r^t <= tolerance at that step and not before, r = 0.3 ... 0.9999."""
    for alpha in (0.6, 0.1, 1e-2, 1e-4):
        for tolerance in (0.37, 1e-3, 2.3e-9):
            step, rate = steps_to_tolerance(3e9, 1.0, alpha, tolerance), convergence_rate(3e9, 1.0, alpha)
            assert rate**step <= tolerance < rate ** (step - 1)


def test_infinite_ridge_keeps_nothing():
    assert list(spectral_filter([0.0, 3.0], np.inf, [0.2])[1]) == [0.0, 0.0]
    assert list(spectral_residual([0.0, 3.0], np.inf, [0.2])[1]) == [1.0, 1.0]
    for step in (1, 2, 7, np.inf):
        for alpha in (-3.0, 0.0, 0.4, 1.0, 5.0):
            assert list(constant_filter([0.0, 3.0], np.inf, alpha, step)) == [0.0, 0.0]
            assert list(constant_residual([0.0, 3.0], np.inf, alpha, step)) == [1.0, 1.0]


def test_convergence_interval():
    low, high = convergence_interval([4.0, 0.1], 0.5)
    assert list(low) == [-0.125, -5.0]
    assert list(high) == [2.125, 7.0]
    assert convergence_rate(4.0, 0.5, low[0]) == pytest.approx(1.0, rel=4 * EPS)
    assert convergence_rate(4.0, 0.5, high[0]) == pytest.approx(1.0, rel=4 * EPS)


def test_loss_weights_divide_the_ridge_too():
    alpha, ridge = from_loss_weights(0.6, 1.8, 0.72)
    assert (alpha, ridge) == (pytest.approx(0.25, rel=4 * EPS), pytest.approx(0.3, rel=4 * EPS))
    # the objective's own stationary point: w_y (f - y) + w_d (f - g) + 0.72 f/d = 0, y = 1, g = 0.8, d = 2.3
    f = (0.6 + 1.8 * 0.8) / (0.6 + 1.8 + 0.72 / 2.3)
    assert 2.3 / (2.3 + ridge) * (alpha + (1 - alpha) * 0.8) == pytest.approx(f, rel=8 * EPS)


# --- oracle


def _errors(oracle, alphas, least_digits=60):
    """Yield (cell, errors of filter and residual over the sizes of their terms, steps 1 to 200)."""
    steps = np.arange(1, STEPS + 1)
    for d in DECADES:
        for ridge in RIDGES:
            for alpha in alphas:
                filters, complements = oracle.recursion(d, ridge, [alpha] * (STEPS - 1), least_digits)
                a = d / (d + ridge)
                q = abs(1.0 - alpha) * a
                power = np.concatenate([[1.0], np.cumprod(np.full(STEPS - 1, q))])
                total = np.cumsum(power)
                before = np.concatenate([[0.0], total[:-1]])
                size_b = a * (abs(alpha) * before + power)
                size_r = ridge / (d + ridge) * total
                b = np.array([float(x) for x in filters])
                r = np.array([float(x) for x in complements])
                got_b, got_r = constant_filter(d, ridge, alpha, steps), constant_residual(d, ridge, alpha, steps)
                tiny = 1e-300
                yield (d, ridge, alpha), np.abs(got_b - b) / (size_b + tiny), np.abs(got_r - r) / (size_r + tiny)


def test_closed_form_inside(oracle):
    """alpha in [0, 1]: all terms have one sign, so these are relative errors; exp and powers lose t |log q| eps."""
    worst_b, worst_r = 0.0, 0.0
    for _, error_b, error_r in _errors(oracle, INSIDE):
        worst_b, worst_r = max(worst_b, error_b.max()), max(worst_r, error_r.max())
    assert worst_b < 300 * EPS
    assert worst_r < 8 * EPS


def test_closed_form_outside(oracle):
    """Outside [0, 1] errors are relative to the sizes of the terms; log q loses eps |log(1 - alpha)| a step."""
    bad = [
        (cell, error_b.max(), error_r.max())
        for cell, error_b, error_r in _errors(oracle, OUTSIDE, 300)
        if max(error_b.max(), error_r.max()) > 4 * STEPS * EPS
    ]
    assert not bad


def test_limit_is_where_the_recursion_goes(oracle):
    for d, ridge, alpha in ((0.3, 2.0, 0.04), (41.0, 3.1, 0.35), (1e-6, 0.02, 1.9), (4.0, 3.0, -0.3), (1e5, 2.0, 0.9)):
        steps = [alpha] * 3000
        filters, complements = oracle.recursion(d, ridge, steps, 40)
        assert constant_filter(d, ridge, alpha, np.inf) == pytest.approx(float(filters[-1]), rel=1e-13, abs=0)
        assert constant_residual(d, ridge, alpha, np.inf) == pytest.approx(float(complements[-1]), rel=1e-13, abs=0)


@pytest.mark.parametrize("alpha", INSIDE)
def test_limit_over_all_decades(alpha):
    with mp.workdps(40):
        for d in DECADES:
            for ridge in RIDGES:
                whole = mp.mpf(alpha) * d + mp.mpf(ridge)
                b, r = float(mp.mpf(alpha) * d / whole), float(mp.mpf(ridge) / whole)
                assert constant_filter(d, ridge, alpha, np.inf) == pytest.approx(b, rel=8 * EPS, abs=1e-307)
                assert constant_residual(d, ridge, alpha, np.inf) == pytest.approx(r, rel=8 * EPS, abs=0)


def test_schedules(oracle):
    rng = np.random.default_rng(20240601)
    for _ in range(150):
        d, ridge = 10.0 ** rng.uniform(-12, 12, 2)
        alphas = rng.uniform(0.0, 1.0, rng.integers(0, 12))
        filters, complements = oracle.recursion(d, ridge, alphas)
        tolerance = 4 * EPS * (alphas.size + 1)  # four roundings a step
        assert spectral_filter(d, ridge, alphas) == pytest.approx([float(b) for b in filters], rel=tolerance, abs=0)
        assert spectral_residual(d, ridge, alphas) == pytest.approx(
            [float(r) for r in complements], rel=tolerance, abs=0
        )


# --- properties


@settings(derandomize=True, deadline=None, max_examples=200)
@given(d=positive, ridge=positive, alpha=weights, step=st.integers(1, 300), more=weights)
def test_bounds_and_monotonicity(d, ridge, alpha, step, more):
    """a^t <= b <= a; b falls with t and rises with alpha."""
    b = constant_filter(d, ridge, alpha, step)
    slack = 1 + 300 * EPS
    a = d / (d + ridge)
    assert 0.0 <= b <= a * slack
    assert constant_filter(d, ridge, 0.0, step) <= b * slack + 1e-300
    assert constant_filter(d, ridge, alpha, step + 1) <= b * slack
    assert constant_filter(d, ridge, alpha, np.inf) <= b * slack
    assert b <= constant_filter(d, ridge, max(alpha, more), step) * slack + 1e-300
    assert b + constant_residual(d, ridge, alpha, step) == pytest.approx(1.0, rel=300 * EPS)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(d=positive, ridge=positive, alpha=st.floats(-3.0, 4.0), step=st.integers(1, 12), shift=st.integers(-300, 300))
def test_only_the_quotient_of_eigenvalue_and_ridge_matters(d, ridge, alpha, step, shift):
    scaled = constant_filter(np.ldexp(d, shift), np.ldexp(ridge, shift), alpha, step)
    assert scaled == constant_filter(d, ridge, alpha, step)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(d=positive, ridge=positive, alpha=weights, steps=st.integers(1, 15))
def test_constant_schedule_equals_closed_form(d, ridge, alpha, steps):
    tolerance = 16 * EPS * steps
    t = np.arange(1, steps + 1)
    assert spectral_filter(d, ridge, [alpha] * (steps - 1)) == pytest.approx(
        constant_filter(d, ridge, alpha, t), rel=tolerance, abs=1e-300
    )
    assert spectral_residual(d, ridge, [alpha] * (steps - 1)) == pytest.approx(
        constant_residual(d, ridge, alpha, t), rel=tolerance, abs=0
    )


def test_filters_need_not_fall_when_alpha_changes():
    b = spectral_filter(2.0, 1.0, [0.0, 1.0])
    assert b[1] < b[2]


def test_shapes():
    d, ridge = np.array([[1.0], [2.0]]), np.array([0.1, 0.2, 0.3])
    assert constant_filter(d, ridge, 0.5, 4).shape == (2, 3)
    assert spectral_filter(d, ridge, [0.5, 0.2]).shape == (3, 2, 3)
    assert isinstance(constant_filter(1.0, 0.5, 0.5, 4), float)
    assert constant_residual(d, 0.2, 0.3, np.inf)[1, 0] == constant_residual(2.0, 0.2, 0.3, np.inf)


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 0.1, 0.5, 2), r"eigenvalues must be >= 0, got eigenvalues=-1\.0"),
        (([1.0, 2.0], -0.1, 0.5, 2), r"ridge must be >= 0, got ridge=-0\.1"),
        ((1.0, -np.inf, 0.5, 2), r"ridge must be >= 0, got ridge=-inf"),
        ((np.inf, 1.0, 0.5, 2), r"eigenvalues must be >= 0 and finite, got eigenvalues=inf"),
        ((1.0, 0.1, np.nan, 2), r"alpha must be a number, got alpha=nan"),
        ((1.0, 0.1, "0.5", 2), r"alpha must be a real number"),
        ((1.0, 0.1, 0.5, 0), r"step must be >= 1, got step=0\.0"),
        ((1.0, 0.1, 0.5, 2.5), r"step must be a whole number or inf, got step=2\.5"),
        (
            ([1.0, 2.0], [0.1, 0.2, 0.3], 0.5, 2),
            r"must broadcast together, got shapes eigenvalues \(2,\), ridge \(3,\)",
        ),
        (
            (4.0, 0.5, -0.125, np.inf),
            r"alpha must be > -0\.125 and < 2\.125 for step=inf .*eigenvalue 4\.0, ridge 0\.5",
        ),
        (([0.0, 4.0], 0.5, [0.3, 2.2], np.inf), r"alpha must be > -0\.125 and < 2\.125 .*got alpha=2\.2"),
    ],
)
def test_bad_arguments(arguments, message):
    for function in (constant_filter, constant_residual):
        with pytest.raises(ValueError, match=message):
            function(*arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spectral_filter(1.0, 0.1, 0.5), r"alphas must have shape \(steps - 1,\), got shape \(\)"),
        (lambda: spectral_residual(1.0, 0.1, [[0.5]]), r"alphas must have shape \(steps - 1,\), got shape \(1, 1\)"),
        (lambda: spectral_filter(1.0, 0.1, [0.5, np.nan]), r"alphas must be a number, got alphas\[1\]=nan"),
        (lambda: convergence_interval(0.0, 0.1), r"largest_eigenvalue must be > 0, got largest_eigenvalue=0\.0"),
        (lambda: convergence_rate(1.0, -0.1, 0.5), r"ridge must be >= 0, got ridge=-0\.1"),
        (lambda: steps_to_tolerance(1.0, 0.1, 0.5, 1.0), r"tolerance must be > 0 and < 1, got tolerance=1\.0"),
        (lambda: from_loss_weights(1.0, -1.0, 0.5), r"truth_weight \+ teacher_weight must be > 0, got 0\.0"),
    ],
)
def test_bad_arguments_elsewhere(call, message):
    with pytest.raises(ValueError, match=message):
        call()
