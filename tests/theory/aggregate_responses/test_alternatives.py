"""Ridge, EasyLLP, best gain: corner formulas, the posterior mean's equation, 60 digits, order of the competitors."""

import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.aggregate_responses import (
    crossover_snr,
    easyllp_crossover_snr,
    easyllp_risk,
    gain_corrected_risk,
    limit_risk,
    optimal_gain_interpolation,
    optimal_interpolation,
    ridge_risk,
    shrinkage,
)

EPS = np.finfo(float).eps
FEW = 16 * EPS

psis = st.floats(-2.0, 2.5).map(lambda x: 1.0 + 10.0**x)
sizes = st.floats(1.05, 30.0)
noises = st.floats(-3.0, 3.0).map(lambda x: 10.0**x)


# --- identities and limits


def test_reference_values():
    assert ridge_risk([6, 2], [3, 4], signal=1.0, noise_variance=1.0) == pytest.approx([0.414214, 0.780776], abs=5e-7)
    interpolated = optimal_interpolation([6, 2], [3, 4], 1.0).total
    assert interpolated == pytest.approx([0.446080, 0.903000], abs=5e-7)
    weight = optimal_gain_interpolation([6, 2], 1.0)
    assert weight == pytest.approx([0.143, 0.333], abs=5e-4)
    corrected = gain_corrected_risk([6, 2], [3, 4], weight, signal=1.0, noise_variance=1.0)
    assert corrected.total == pytest.approx([0.436492, 0.868517], abs=5e-7)
    assert easyllp_risk(6, 2, signal=1, noise_variance=1).total == pytest.approx(0.6, rel=FEW)


def test_easyllp_is_k_times_instance_level():
    for psi, k in itertools.product((0.05, 0.6, 0.95, 1.2, 3.0, 20.0), (1.0, 1.5, 3.0, 10.0)):
        instance = limit_risk(psi, k, 1.0, signal=2.3, noise_variance=0.37)
        c = shrinkage(psi, k, 1.0)
        scatter = instance.bias - (1 - c) ** 2 * 2.3
        got = easyllp_risk(psi, k, signal=2.3, noise_variance=0.37)
        # k^2 times the cancelled scatter
        assert got.bias == pytest.approx((1 - k * c) ** 2 * 2.3 + k**2 * scatter, rel=1e-12, abs=1e-12)
        assert got.variance == pytest.approx(k**2 * instance.variance, rel=FEW)


def test_easyllp_crossover_in_symbols():
    psi, k, snr = sp.symbols("psi k snr", positive=True)
    easy = ((k - 1) * snr + k) / (psi - 1)
    bag = 1 / (psi / k - 1)
    instance = (k - 1) * ((k - 1) * (psi - 1) + 1) / (k**2 * (psi - 1)) * snr + 1 / (k * (psi - 1))
    low, high = k / (psi - k), k * (k + 1) / ((k - 1) * (psi - k - 2))
    assert sp.simplify((easy - bag).subs(snr, low)) == 0
    assert sp.simplify((easy - instance).subs(snr, high)) == 0
    # high/low - 1 > 0 for psi > k + 2: EasyLLP is never the best of the three
    assert sp.simplify(high / low - 1 - 2 * (psi - 1) / ((k - 1) * (psi - k - 2))) == 0
    assert easyllp_crossover_snr(7.0, 2.5) == pytest.approx((2.5 / 4.5, 2.5 * 3.5 / (1.5 * 2.5)), rel=FEW)
    assert easyllp_crossover_snr([4.5, 3.0], 2.5).instance == pytest.approx([np.inf, np.inf])


def test_best_gain_weight_in_symbols():
    """Q = (psi alpha2 u^2 + s)/(alpha1 D) is stationary in x exactly at rho = s/(s + psi), s = 1/SNR."""
    x, a, b, s = sp.symbols("x alpha1 alpha2 s", positive=True)
    v, u = (1 - x) / a, x / b
    q = ((a + b) * b * u**2 + s) / (a * (1 - (1 - x) ** 2 / a - x**2 / b))
    rho = u * (1 - v) / (v * (1 - u))
    # (v - u) of the slope's sign condition is a positive multiple of 1 - rho
    claimed = (a + b) * rho - s * (1 - rho)
    factor = sp.factor(sp.together(sp.diff(q, x)) / sp.together(claimed))
    values = [{x: sp.Rational(2, 5), a: sp.Rational(3, 2), b: 2}, {x: sp.Rational(7, 10), a: sp.Rational(1, 2), b: 4}]
    for point in values:
        left = factor.subs(point)
        assert sp.simplify(sp.diff(left, s)) == 0  # the same zero in s
        assert left > 0


def test_limits_of_ridge():
    assert ridge_risk(4.5, 3, signal=2.3, noise_variance=0.0) == 0.0
    assert ridge_risk(1.5, 3, signal=2.3, noise_variance=0.0) == pytest.approx(1.15, rel=FEW)
    assert ridge_risk(4.5, 3, signal=0.0, noise_variance=0.4) == 0.0
    assert ridge_risk(3.0, 3, signal=2.3, noise_variance=0.0) == 0.0
    assert ridge_risk(3.0, 3, signal=2.3, noise_variance=1e-20) == pytest.approx(np.sqrt(2.3e-20), rel=1e-9)
    assert ridge_risk(2.0, 3, signal=2.3, noise_variance=1e30) == pytest.approx(2.3, rel=FEW)
    faint = 2.0 * (1 - 2 / 3) ** -1 * 1e-20  # alpha1 > 1: sigma^2/(alpha1 - 1)
    assert ridge_risk(4.0, 3, signal=2.3, noise_variance=faint) == pytest.approx(3 * faint, rel=1e-14)


def test_limits_of_the_gain():
    inf, scales = np.inf, {"signal": 2.3, "noise_variance": 0.37}
    assert gain_corrected_risk(1.0, 3, 0.5, **scales) == (0.0, 2.3)
    assert gain_corrected_risk(3.0, 3, 0.0, **scales) == (0.0, 2.3)
    assert gain_corrected_risk(6.0, 3, 0.5, signal=0.0, noise_variance=0.3) == (0.0, 0.0)
    assert gain_corrected_risk(6.0, 3, 0.0, signal=2.3, noise_variance=0.0) == (1.0, 0.0)
    assert gain_corrected_risk(2.0, 2, inf, **scales).total == 2.3
    beyond = gain_corrected_risk(6.0, 3, inf, **scales)
    assert beyond.gain == inf
    assert beyond.total == pytest.approx(gain_corrected_risk(6.0, 3, 1e12, **scales).total, rel=1e-10)
    assert beyond.total < 2.3
    # minimum-norm bag level: c = alpha1, S = r^2 alpha1 (1 - alpha1) + sigma^2 alpha1/(1 - alpha1)
    a = 1.2 / 3
    scatter = 2.3 * a * (1 - a) + 0.37 * a / (1 - a)
    total = 2.3 * scatter / (a * a * 2.3 + scatter)
    assert gain_corrected_risk(1.2, 3, 0.0, **scales).total == pytest.approx(total, rel=FEW)
    assert optimal_gain_interpolation(3.0, inf) == 0.0


# --- oracle


@pytest.mark.parametrize("psi", [0.3, 0.99, 1.5, 3.0, 6.0, 300.0])
@pytest.mark.parametrize("k", [1.0, 1.5, 3.0, 10.0])
def test_ridge_risk_solves_its_implicit_equation(psi, k):
    """R/r^2 + kappa R/(1 + R/(lambda r^2)) = 1, kappa = alpha1 r^2/sigma^2 per unit: the posterior mean's balance."""
    for noise in (1e-9, 0.02, 0.9, 50.0, 1e9):
        tau = ridge_risk(psi, k, signal=2.3, noise_variance=noise) / noise
        balance = psi / k * tau / (1 + tau) + noise / 2.3 * tau
        assert balance == pytest.approx(1.0, rel=4 * FEW)


def test_gain_at_sixty_digits(oracle):
    bad = []
    for excess, k, rho, noise in itertools.product(
        (1e-9, 0.2, 2.0, 19.0), (1.5, 3.0, 10.0), (1e-9, 0.3, 1e6), (0.03, 2.0)
    ):
        got = gain_corrected_risk(None, k, rho, excess_samples=excess, signal=1.0, noise_variance=noise)
        gain, total = oracle.gain_corrected(excess, k, rho, noise)
        if abs(got.gain - gain) > FEW * gain or abs(got.total - total) > FEW * total:
            bad.append((excess, k, rho, noise, got, gain, total))
    assert not bad


def test_best_gain_weight_on_a_grid():
    grid = np.geomspace(1e-8, 1e4, 4001)
    for psi, k, noise in [(6, 3, 0.7), (2, 4, 3.0), (1.2, 3, 0.2), (20, 5, 0.05)]:
        best = gain_corrected_risk(
            psi, k, optimal_gain_interpolation(psi, 2.3 / noise), signal=2.3, noise_variance=noise
        )
        curve = gain_corrected_risk(psi, k, grid, signal=2.3, noise_variance=noise).total
        assert best.total <= curve.min() * (1 + FEW)
        assert best.total == pytest.approx(curve.min(), rel=1e-5)  # grid step 0.7 %, squared


# --- properties


@settings(derandomize=True, deadline=None, max_examples=100)
@given(psi=psis, k=sizes, noise=noises)
def test_order_of_the_competitors(psi, k, noise):
    """Ridge <= best weight with best gain <= best weight alone <= instance level; ridge <= everything."""
    scales = {"signal": 2.3, "noise_variance": noise}
    floor = ridge_risk(psi, k, **scales) * (1 - FEW)
    gained = gain_corrected_risk(psi, k, optimal_gain_interpolation(psi, 2.3 / noise), **scales).total
    alone = 2.3 * optimal_interpolation(psi, k, 2.3 / noise).total
    instance = limit_risk(psi, k, 1.0, **scales).total
    assert floor <= gained <= alone * (1 + FEW)
    assert alone <= instance * (1 + FEW)
    assert floor <= easyllp_risk(psi, k, **scales).total
    assert floor <= limit_risk(psi, k, 0.0, **scales).total
    assert gained < 2.3


@settings(derandomize=True, deadline=None, max_examples=100)
@given(psi=psis, k=sizes, weight=st.sampled_from([0.0, 1e-3, 0.4, 1.0, 30.0]), noise=noises)
def test_gain_is_the_best_factor(psi, k, weight, noise):
    c, risk = shrinkage(psi, k, weight), limit_risk(psi, k, weight, signal=2.3, noise_variance=noise).total
    got = gain_corrected_risk(psi, k, weight, signal=2.3, noise_variance=noise)
    scatter = risk - (1 - c) ** 2 * 2.3

    def at(gain):
        return (1 - gain * c) ** 2 * 2.3 + gain**2 * scatter

    # scatter by subtraction: eps of the risk; times gain^2
    slack = 1e-13 * (1 + risk * got.gain**2)
    assert got.total == pytest.approx(at(got.gain), rel=1e-12, abs=slack)
    assert got.total <= min(at(0.9 * got.gain), at(1.1 * got.gain)) + slack
    assert got.total <= risk * (1 + FEW)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(k=st.floats(1.1, 20.0), gap=st.floats(0.05, 50.0), noise=noises)
def test_easyllp_is_never_the_best_of_three(k, gap, noise):
    scales = {"signal": 2.3, "noise_variance": noise}
    psi = k + gap
    easy = easyllp_risk(psi, k, **scales).total
    others = [limit_risk(psi, k, weight, **scales).total for weight in (0.0, 1.0)]
    assert easy >= min(others) * (1 - FEW)
    snr, meets = 2.3 / noise, easyllp_crossover_snr(psi, k)
    if abs(snr / meets.bag - 1) > 1e-9:
        assert (easy < others[0]) == (snr < meets.bag)
    if np.isfinite(meets.instance) and abs(snr / meets.instance - 1) > 1e-9:
        assert (easy < others[1]) == (snr > meets.instance)
    assert meets.bag < crossover_snr(psi, k)


def test_broadcasting():
    risk = easyllp_risk([[2.0], [0.5]], [1.0, 2.0, 3.0], signal=2.3, noise_variance=0.37)
    assert all(part.shape == (2, 3) for part in risk)
    assert ridge_risk([2.0, 3.0], 2.0, signal=1.1, noise_variance=0.2).shape == (2,)
    assert gain_corrected_risk(4.0, 2.0, [0.0, 1.0], signal=2.3, noise_variance=0.3).gain.shape == (2,)
    assert all(isinstance(part, float) for part in gain_corrected_risk(4, 2, 1, signal=2.3, noise_variance=0.3))


def test_nothing_to_learn_needs_no_gain():
    for noise in (0.0, 0.4):
        assert gain_corrected_risk(4.0, 2.0, [0.0, 0.3], signal=0.0, noise_variance=noise).gain == pytest.approx([0, 0])
        assert gain_corrected_risk(4.0, 2.0, 0.3, signal=0.0, noise_variance=noise) == (0.0, 0.0)


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ridge_risk(0.0, 2, signal=1.1, noise_variance=0.2), r"samples_per_feature must be > 0"),
        (lambda: ridge_risk(2.0, 0.2, signal=1.1, noise_variance=0.2), r"bag_size must be >= 1, got bag_size=0\.2"),
        (lambda: ridge_risk(2.0, 2, signal=-1.1, noise_variance=0.2), r"signal must be >= 0, got signal=-1\.1"),
        (lambda: easyllp_risk(2.0, 2, signal=1.1, noise_variance=-0.2), r"noise_variance must be >= 0"),
        (
            lambda: easyllp_crossover_snr([5.0, 2.0], 3),
            r"must exceed bag_size, got samples_per_feature=2\.0, bag_size=3\.0",
        ),
        (lambda: gain_corrected_risk(2.0, 2, -1, signal=1.1, noise_variance=0.2), r"interpolation must be >= 0"),
        (lambda: optimal_gain_interpolation(0.9, 2), r"samples_per_feature must be > 1"),
        (lambda: optimal_gain_interpolation(3.0, np.nan), r"snr must be > 0, got snr=nan"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
