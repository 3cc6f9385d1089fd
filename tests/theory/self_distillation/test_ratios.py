"""Ratios of filters: the authors' plotted values, the sign rule and the overshoot over random pairs, messages."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.self_distillation import (
    constant_filter,
    filter_ratios,
    overshoot_step,
    ratio_bounds,
    ratio_growth_threshold,
)

EPS = np.finfo(float).eps

ridges = st.floats(-2.0, 2.0).map(lambda x: 10.0**x)
smaller = st.floats(-2.0, 1.0).map(lambda x: 10.0**x)
quotients = st.floats(1.05, 50.0)
schedules = st.lists(st.floats(0.02, 0.98), min_size=1, max_size=12)


# --- identities and limits


def test_sign_rule_is_the_sign_of_the_change():
    """b_k' b_j - b_j' b_k = alpha (a_k b_j - a_j b_k) + (1 - alpha) b_k b_j (a_k - a_j)."""
    ak, aj, bk, bj, alpha = sp.symbols("a_k a_j b_k b_j alpha")
    after = [a * (alpha + (1 - alpha) * b) for a, b in ((ak, bk), (aj, bj))]
    claimed = alpha * (ak * bj - aj * bk) + (1 - alpha) * bk * bj * (ak - aj)
    assert sp.expand(after[0] * bj - after[1] * bk - claimed) == 0


def test_ratios_of_the_toy_as_plotted(oracle):
    gram = oracle.toy_kernel(oracle.TOY_INPUTS, oracle.TOY_INPUTS)
    d = np.linalg.eigvalsh(gram)[::-1]
    ratios = filter_ratios(d[8], d[9], oracle.TOY_RIDGE, [0.25] * 5)
    assert ratios == pytest.approx([1.1400, 1.2407, 1.2874, 1.2973, 1.2930, 1.2863], abs=5e-5)  # printed digits
    assert ratios[4] < ratios[3]  # "sparsification grows with every step" fails
    first = filter_ratios(d[9], d[10], oracle.TOY_RIDGE, [0.25] * 5)
    assert first[4] < first[3]


def test_pure_distillation_is_a_power():
    ratios = filter_ratios(4.0, 1.5, 0.8, [0.0] * 9)
    one = (4.0 / 4.8) / (1.5 / 2.3)
    assert ratios == pytest.approx(one ** np.arange(1, 11), rel=64 * EPS)
    assert filter_ratios(4.0, 1e-200, 0.8, [0.0] * 9)[-1] == np.inf
    assert ratio_bounds(4.0, 1.5, 0.8, np.inf)[1] == np.inf
    assert ratio_bounds(4.0, 4.0, 0.8, np.inf)[1] == 1.0


def test_vanished_filters_keep_their_ratio():
    """Filters underflow (a = 1e-12, 40 steps), their ratio does not."""
    ratios = filter_ratios(1.03e-12, 1e-12, 1.0, [0.0] * 39)
    assert ratios[-1] == pytest.approx(1.03**40, rel=1e-11)


def test_equal_eigenvalues():
    assert list(filter_ratios(2.0, 2.0, 0.3, [0.4, 0.0])) == [1.0, 1.0, 1.0]
    assert overshoot_step(2.0, 2.0, 0.4) == pytest.approx(6.0, rel=4 * EPS)
    assert overshoot_step(2.0 * (1 + 1e-9), 2.0, 0.4) == pytest.approx(6.0, rel=1e-8)  # the next order
    near = ratio_growth_threshold(2.0 * (1 + 1e-9), 2.0, 0.4, [0.3, 0.1, 0.6])
    assert ratio_growth_threshold(2.0, 2.0, 0.4, [0.3, 0.1, 0.6]) == pytest.approx(near, rel=1e-8)


def test_no_ridge_means_no_sparsification():
    assert overshoot_step(3.0, 1.0, 0.0) == np.inf
    assert list(filter_ratios(3.0, 1.0, 0.0, [0.2, 0.3])) == [1.0, 1.0, 1.0]
    assert ratio_bounds(3.0, 1.0, 0.0, np.inf) == (1.0, 1.0)


# --- oracle


def test_ratios_against_the_recursion(oracle):
    rng = np.random.default_rng(20240602)
    for _ in range(80):
        ridge, low = 10.0 ** rng.uniform(-8, 8, 2)
        high = low * (1.0 + 10.0 ** rng.uniform(-9, 6))
        alphas = rng.uniform(0.0, 1.0, 8)
        above, below = oracle.recursion(high, ridge, alphas)[0], oracle.recursion(low, ridge, alphas)[0]
        expected = [float(x / y) for x, y in zip(above, below, strict=True)]
        assert filter_ratios(high, low, ridge, alphas) == pytest.approx(expected, rel=64 * EPS)


def test_threshold_against_the_textbook_formula(oracle):
    rng = np.random.default_rng(20240603)
    for _ in range(80):
        ridge, low = 10.0 ** rng.uniform(-6, 6, 2)
        high = low * (1.0 + 10.0 ** rng.uniform(-9, 3))
        alphas = rng.uniform(0.0, 1.0, 5)
        with mp.workdps(60):
            above, below = oracle.recursion(high, ridge, alphas)[0], oracle.recursion(low, ridge, alphas)[0]
            ak, aj = above[0], below[0]
            gain = [bk * bj * (ak - aj) for bk, bj in zip(above, below, strict=True)]
            loss = [aj * bk - ak * bj for bk, bj in zip(above, below, strict=True)]
            expected = [float(g / (g + x)) for g, x in zip(gain, loss, strict=True)]
        assert ratio_growth_threshold(high, low, ridge, alphas) == pytest.approx(expected, rel=64 * EPS)


def test_overshoot_against_high_precision():
    rng = np.random.default_rng(20240604)
    for _ in range(200):
        ridge, low = (float(x) for x in 10.0 ** rng.uniform(-12, 12, 2))
        high = float(low * (1.0 + 10.0 ** rng.uniform(-12, 12)))
        with mp.workdps(60):
            dk, dj, lam = mp.mpf(high), mp.mpf(low), mp.mpf(ridge)
            expected = float(mp.log(dk / dj) / mp.log(dk / (dk + lam) / (dj / (dj + lam))))
        assert overshoot_step(high, low, ridge) == pytest.approx(expected, rel=16 * EPS)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=200)
@given(low=smaller, quotient=quotients, ridge=ridges, alphas=schedules)
def test_sign_rule_and_bounds(low, quotient, ridge, alphas):
    high = low * quotient
    ratios = filter_ratios(high, low, ridge, alphas)
    thresholds = ratio_growth_threshold(high, low, ridge, alphas)[:-1]
    clear = np.abs(np.array(alphas) - thresholds) > 1e-9  # at the threshold the sign is rounding
    grows = np.diff(ratios) > 0.0
    resolved = np.abs(np.diff(ratios)) > 64 * EPS * ratios[1:]
    assert np.all((grows == (np.array(alphas) < thresholds))[clear & resolved])
    least, most = ratio_bounds(high, low, ridge, np.arange(1, len(alphas) + 2))
    assert np.all(ratios >= least * (1 - 64 * EPS))
    assert np.all(ratios <= most * (1 + 64 * EPS))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(low=smaller, quotient=quotients, ridge=ridges, alpha=st.floats(0.02, 0.98))
def test_overshoot(low, quotient, ridge, alpha):
    """R_t > R_inf exactly if t > t*, whatever alpha; never monotone in t."""
    high, steps = low * quotient, np.arange(1, 30)
    limit = constant_filter(high, ridge, alpha, np.inf) / constant_filter(low, ridge, alpha, np.inf)
    ratios = constant_filter(high, ridge, alpha, steps) / constant_filter(low, ridge, alpha, steps)
    start = overshoot_step(high, low, ridge)
    assert start > 1.0
    clear = (np.abs(ratios / limit - 1.0) > 64 * EPS) & (np.abs(steps - start) > 1e-9)
    assert np.all(((ratios > limit) == (steps > start))[clear])


def test_first_distillation_always_sparsifies():
    assert ratio_growth_threshold([3.0, 1e9], [2.0, 1e-9], [0.4, 7.0], []) == pytest.approx(1.0, abs=0)


def test_shapes():
    assert filter_ratios([[2.0], [3.0]], [1.0, 0.5, 2.0], 0.3, [0.1]).shape == (2, 2, 3)
    assert ratio_growth_threshold([[2.0], [3.0]], 1.0, 0.3, [0.1]).shape == (2, 2, 1)
    assert isinstance(overshoot_step(2.0, 1.0, 0.3), float)


# --- bad input


@pytest.mark.parametrize("function", [filter_ratios, ratio_growth_threshold])
def test_bad_schedules(function):
    with pytest.raises(ValueError, match=r"alphas must be >= 0 and <= 1, got alphas\[1\]=1\.2"):
        function(2.0, 1.0, 0.3, [0.1, 1.2])
    with pytest.raises(ValueError, match=r"alphas must have shape \(steps - 1,\)"):
        function(2.0, 1.0, 0.3, 0.5)


def test_bad_eigenvalues():
    with pytest.raises(ValueError, match=r"larger_eigenvalue must be >= smaller_eigenvalue, got .*1\.0, .*2\.0"):
        overshoot_step(1.0, 2.0, 0.3)
    with pytest.raises(ValueError, match=r"smaller_eigenvalue must be > 0, got smaller_eigenvalue=0\.0"):
        ratio_bounds(1.0, 0.0, 0.3, 2)
    with pytest.raises(ValueError, match=r"step must be >= 1, got step=0\.5"):
        ratio_bounds(2.0, 1.0, 0.3, 0.5)
    with pytest.raises(ValueError, match=r"ridge must be >= 0, got ridge=-0\.3"):
        filter_ratios(2.0, 1.0, -0.3, [])
