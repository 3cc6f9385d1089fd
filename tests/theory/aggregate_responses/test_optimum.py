"""Best weight, crossover and slopes: the quartic at 60 digits, closed forms, reference values, sign structure."""

import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from theory.aggregate_responses import (
    bias_slope_polynomial,
    crossover_snr,
    limit_risk,
    optimal_interpolation,
    optimal_snr,
    risk_slope,
    shrinkage,
    vanishing_interpolation_risk,
)

EPS = np.finfo(float).eps
FEW = 16 * EPS
# The weight is a root in ln(weight), found to 4 eps of |ln weight| <= 35; one subtraction of condition <= 100 is left
WEIGHT_ACCURACY = 1e4 * EPS

psis = st.floats(-3.0, 2.5).map(lambda x: 1.0 + 10.0**x)
sizes = st.floats(1.05, 30.0)
snrs = st.floats(-3.0, 4.0).map(lambda x: 10.0**x)


# --- identities and limits


def test_slopes_in_symbols():
    """dbias/dx, dvariance/dx, dx/drho of the module's head, P as the one subtraction, and its signs at the ends."""
    x, a, b, rho, t = sp.symbols("x alpha1 alpha2 rho t", positive=True)
    c, psi = 1 - x, a + b
    spread = 1 - c**2 / a - x**2 / b
    poly = psi * x**3 - 4 * b * x**2 + (b**2 + 4 * b - 3 * a * b) * x + b * (a * b + a - b - 1)
    bias, variance = x**2 * (1 + (1 - 2 * x) / b) / spread, c**2 / (a * spread)
    assert sp.simplify(sp.diff(bias, x) - 2 * x * poly / (a * b**2 * spread**2)) == 0
    u, v = x / b, c / a
    assert sp.simplify(sp.diff(variance, x) + 2 * v * (1 - u) / spread**2) == 0
    inner = b * spread**2 + psi * v * (c**2 * (1 - v) - x**2 * (1 - u))
    assert sp.simplify(poly - a * b * inner) == 0
    assert sp.expand(poly.subs(x, 1 - a) + a * (1 - a) ** 2 * (psi - 1)) == 0
    assert sp.expand(poly.subs(x, b) - b * (1 - b) ** 2 * (psi - 1)) == 0
    assert sp.expand(poly.subs(x, 1) - a * (1 - b) ** 2) == 0
    # dx/drho by the implicit function theorem on alpha1 t/(1 + t) + alpha2 rho t/(1 + rho t) = 1
    equation = a * t / (1 + t) + b * rho * t / (1 + rho * t)
    slope = -sp.diff(equation, rho) / sp.diff(equation, t)
    u, v = rho * t / (1 + rho * t), t / (1 + t)
    moved = sp.diff(b * u, rho) + sp.diff(b * u, t) * slope
    unit_variance = a * v**2 / (a * v * (1 - v) + b * u * (1 - u))
    assert sp.simplify(moved - b * (1 - u) ** 2 * unit_variance) == 0


def test_crossover_in_symbols():
    """The thresholds are (variance of bag - of instance)/(bias of instance - of bag) of the corner formulas."""
    psi, k = sp.symbols("psi k", positive=True)
    bias, variance = (k - 1) * ((k - 1) * (psi - 1) + 1) / (k**2 * (psi - 1)), 1 / (k * (psi - 1))
    above = k * ((k + 1) * psi - k) / ((psi - k) * ((k - 1) * (psi - 1) + 1))
    assert sp.simplify((1 / (psi / k - 1) - variance) / bias - above) == 0
    below = k * (k * psi * (psi - 1) - (k - psi)) / ((k - psi) * (k * (psi**2 - 3 * psi + 3) + psi - 2))
    assert sp.simplify((psi / (k - psi) - variance) / (bias - 1 + psi / k) - below) == 0


@pytest.mark.parametrize(
    ("psi", "k", "threshold"),
    [(6, 2, 4 / 3), (6, 5, 155 / 21), (3.5, 3, 11.0), (2, 4, 3.0), (1.5, 3, 6 / 7), (1.1, 3, 0.0), (3, 3, np.inf)],
)
def test_crossover_examples(psi, k, threshold):
    assert crossover_snr(psi, k) == pytest.approx(threshold, rel=FEW)


def test_crossover_reference_values_and_limits():
    assert crossover_snr([6, 50, 3], [5, 10, 10]) == pytest.approx([7.38, 0.3054, 2.4424], abs=1e-3)  # printed digits
    assert crossover_snr([0.3, 1.0], 2.5) == pytest.approx([0.0, 0.0])
    assert 1e9 * crossover_snr(1e9, 4) == pytest.approx(20 / 3, rel=1e-7)  # k (k + 1)/(k - 1), next order 1/psi
    assert crossover_snr(None, 3, excess_samples=2.0 + 2.0**-40) == pytest.approx(3 * 9 / 5 * 2.0**40, rel=1e-11)


@pytest.mark.parametrize(
    ("psi", "k", "snr", "weight", "total"),
    [
        (6, 2, 1, 0.316408, 0.327892),
        (6, 3, 10, 0.0209114, 0.0868699),
        (20, 5, 5, 0.0118878, 0.0615952),
        (2, 4, 1, 4.72208, 0.903000),
        (1.2, 3, 1, 29.3299, 2.56121),
    ],
)
def test_reference_optima(psi, k, snr, weight, total):
    best = optimal_interpolation(psi, k, snr)
    assert best == (pytest.approx(weight, rel=5e-6), pytest.approx(total, rel=5e-6))  # printed digits
    assert limit_risk(psi, k, 1.0, signal=1.0, noise_variance=1 / snr).total > best.total


def test_best_weight_against_bag_size():
    """At fixed psi and SNR the best weight falls with the bag size, then turns upward near k = psi (printed digits)."""
    sizes = [2, 3, 4, 5, 6, 8, 12, 20]
    printed = [0.0257, 0.0209, 0.0195, 0.0193, 0.0199, 0.0224, 0.0292, 0.0395]
    assert optimal_interpolation(6, sizes, 10).interpolation == pytest.approx(printed, abs=5e-5)
    assert optimal_interpolation(3, [2, 20], 10).interpolation == pytest.approx([0.0455, 0.2565], abs=5e-5)
    falling = optimal_interpolation(6, sizes, 0.5).interpolation
    assert np.all(np.diff(falling) < 0)


def test_large_psi_is_ridge():
    assert optimal_interpolation(100, 5, 10).interpolation == pytest.approx(0.00123, abs=5e-6)  # against 0.00125
    for snr in (0.3, 7.0):
        weight = optimal_interpolation(1e8, 5, snr).interpolation
        assert weight == pytest.approx(1 / (snr * 1e8 * 0.8), rel=1e-6)  # next order 1/psi


@pytest.mark.parametrize(("psi", "k"), [(6.0, 3.0), (2.0, 4.0), (3.0, 2.5), (40.0, 7.0)])
def test_instance_level_is_best_at_one_snr(psi, k):
    snr = k / ((k - 1) * psi - 2 * k + 3)
    assert optimal_snr(psi, k, 1.0) == pytest.approx(snr, rel=FEW)
    assert optimal_interpolation(psi, k, snr).interpolation == pytest.approx(1.0, rel=WEIGHT_ACCURACY)
    assert optimal_interpolation(psi, k, 1.1 * snr).interpolation < 1.0


@pytest.mark.parametrize("k", [1.7, 3.0, 12.0])
def test_instance_level_may_be_passed_at_every_snr(k):
    edge = 2 - 1 / (k - 1)
    for psi in {0.5 + 0.5 * edge, edge - 1e-6} if edge > 1 else ():
        assert optimal_snr(psi, k, 1.0) == np.inf
        assert optimal_interpolation(psi, k, np.inf).interpolation > 1.0
        assert risk_slope(psi, k, 1.0, signal=1.7, noise_variance=0.0).bias < 0.0
    assert risk_slope(max(edge, 1.0) + 1e-6, k, 1.0, signal=1.7, noise_variance=0.0).bias > 0.0


@pytest.mark.parametrize(("psi", "k"), [(1.5, 3.0), (2.0, 2.0), (3.0, 1.5)])
def test_one_contrast_per_feature(psi, k):
    """alpha2 = 1: the quartic is x ((alpha1 + 1) x + 2 alpha1 - 2) = 1/SNR, a root needs SNR > 1/(3 alpha1 - 1)."""
    a = psi / k
    edge = 1 / (3 * a - 1)
    assert optimal_snr(psi, k, np.inf) == pytest.approx(edge, rel=FEW)
    for snr in (0.2 * edge, edge * (1 - 1e-9)):
        assert optimal_interpolation(psi, k, snr) == (np.inf, 1.0)
    for snr in (1.1 * edge, 30 * edge):
        best = optimal_interpolation(psi, k, snr)
        x = 1 - shrinkage(psi, k, best.interpolation)
        assert x * ((a + 1) * x + 2 * a - 2) == pytest.approx(1 / snr, rel=1e-12)
        assert best.total < 1.0
    assert optimal_interpolation(psi, k * (1 + 1e-6), 0.2 * edge).interpolation < np.inf


def test_one_contrast_per_feature_without_enough_bags():
    """alpha2 = 1, alpha1 = 1/4 < 1/3: no SNR makes a finite weight stationary."""
    psi, k = 1.25, 5.0
    assert optimal_snr(psi, k, np.inf) == np.inf
    assert optimal_interpolation(psi, k, [0.1, 10.0, np.inf]).interpolation == pytest.approx([np.inf] * 3)


def test_limits():
    assert optimal_interpolation(6, 3, np.inf) == (0.0, 0.0)
    assert optimal_interpolation(3, 3, np.inf) == (0.0, 0.0)
    assert optimal_interpolation(6, 1, 0.5) == (0.0, pytest.approx(0.4, rel=FEW))
    best = optimal_interpolation(1.2, 3, np.inf)
    assert best.interpolation == pytest.approx(5.0858, rel=1e-4)
    assert best.total < vanishing_interpolation_risk(1.2, 3, signal=1.0, noise_variance=0.0).total
    assert optimal_snr([6.0, 1.2], 3, 0.0) == pytest.approx([np.inf, np.inf])
    assert optimal_snr([6.0, 1.2], 3, np.inf) == pytest.approx([0.0, 0.0])
    faint = optimal_interpolation(6, 3, 1e-9)
    assert faint.total == pytest.approx(1.0, abs=1e-8)
    assert faint.interpolation > 1e4


def test_best_weight_may_lose_to_what_is_not_on_its_path():
    """psi < k: minimum-norm bag level and the zero predictor beat every weight > 0."""
    best = optimal_interpolation(1.2, 3, 1.0).total
    bag = limit_risk(1.2, 3, 0.0, signal=1.0, noise_variance=1.0).total
    assert bag == pytest.approx(0.6 + 0.4 / 0.6, rel=FEW)
    assert best > 2.0 * bag > 2.0


# --- oracle


def test_the_quartic_at_sixty_digits(oracle):
    cells = itertools.product(
        (1e-6, 0.2, 0.5, 1.0, 5.0, 19.0, 300.0), (1.05, 1.5, 2.5, 3.0, 6.0, 20.0), (0.03, 1.0, 70.0)
    )
    bad, seen = [], 0
    for excess, k, snr in cells:
        if excess * (k - 1) == 1.0:
            continue  # alpha2 = 1 has its own test
        roots = oracle.best_weights(excess, k, snr)
        got = optimal_interpolation(None, k, snr, excess_samples=excess)
        weight, total = roots[0]
        seen += 1
        near = abs(got.interpolation - weight) <= WEIGHT_ACCURACY * weight and abs(got.total - total) <= FEW * total
        back = optimal_snr(None, k, weight, excess_samples=excess)
        if len(roots) != 1 or not near or abs(back - snr) > WEIGHT_ACCURACY * snr:
            bad.append((excess, k, snr, roots, got, back))
    assert not bad
    assert seen > 100


@pytest.mark.parametrize(("psi", "k"), [(6, 2), (6, 5), (3.5, 3), (50, 10), (2, 4), (3, 10), (1.5, 3), (1.4, 2.5)])
def test_crossover_by_root_finding(psi, k):
    def gap(log_snr):
        noise = np.exp(-log_snr)
        bag, instance = (limit_risk(psi, k, w, signal=1.0, noise_variance=noise).total for w in (0.0, 1.0))
        return bag - instance

    # the risks' few eps over a slope of order 1 in ln SNR
    assert np.log(crossover_snr(psi, k)) == pytest.approx(brentq(gap, -9, 9, xtol=1e-14), abs=1e-12)


@pytest.mark.parametrize(
    ("psi", "k", "weight"), [(4, 2, 0.3), (1.2, 3, 0.2), (1.2, 3, 20.0), (9, 5, 1e-3), (2, 1, 0.5)]
)
def test_slopes_by_differences(psi, k, weight):
    step = 1e-4 * weight
    up, down = (limit_risk(psi, k, weight + s, signal=2.3, noise_variance=0.37) for s in (step, -step))
    slope = risk_slope(psi, k, weight, signal=2.3, noise_variance=0.37)
    for a, b, got in zip(up, down, slope, strict=True):
        assert got == pytest.approx((a - b) / (2 * step), rel=1e-6, abs=1e-9)  # step^2 and eps/step


def test_no_better_weight_on_a_grid():
    rng = np.random.default_rng(7)
    psi, k = 1 + 10 ** rng.uniform(-2, 2, 60), 1 + 10 ** rng.uniform(-1, 1.5, 60)
    snr = 10 ** rng.uniform(-2, 2, 60)
    best = optimal_interpolation(psi, k, snr)
    grid = np.geomspace(1e-9, 1e9, 2000)[:, None]
    curve = limit_risk(psi, k, grid, signal=1.0, noise_variance=1 / snr).total
    assert np.all(best.total <= curve.min(axis=0) * (1 + FEW))
    turns = np.diff(np.sign(np.diff(curve, axis=0) * (np.abs(np.diff(curve, axis=0)) > 1e-13 * curve[1:])), axis=0)
    assert np.all((turns > 0).sum(axis=0) <= 2)  # through a flat stretch a single minimum is two steps of the sign


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(psi=psis, k=sizes, snr=snrs)
def test_best_weight_is_stationary_and_helps(psi, k, snr):
    best = optimal_interpolation(psi, k, snr)
    slope = risk_slope(psi, k, best.interpolation, signal=1.0, noise_variance=1 / snr)
    # up to the rounding of the slope's two parts and of the root
    assert abs(slope.total) <= WEIGHT_ACCURACY * (abs(slope.bias) + abs(slope.variance))
    if psi > k:
        assert best.total < limit_risk(psi, k, 0.0, signal=1.0, noise_variance=1 / snr).total
    if psi * (1 - 1 / k) > 1 + 1e-3:
        assert best.total < 1.0
    more = optimal_interpolation(psi, k, 2 * snr)
    assert more.interpolation < best.interpolation  # more signal, less weight
    assert more.total < best.total


@settings(derandomize=True, deadline=None, max_examples=100)
@given(psi=psis, k=sizes, log_weight=st.floats(-15.0, 15.0))
def test_signs_of_the_slopes(psi, k, log_weight):
    weight = np.exp(log_weight)
    slope = risk_slope(psi, k, weight, signal=1.3, noise_variance=0.4)
    assert slope.variance < 0.0
    deficit = 1.0 - shrinkage(psi, k, weight)
    poly = bias_slope_polynomial(psi, k, deficit)
    if psi >= k:
        assert slope.bias > 0.0
    if abs(poly) > 1e-12 * psi**3:
        assert np.sign(poly) == np.sign(slope.bias)
    if psi < k:
        assert risk_slope(psi, k, 1e-14, signal=1.3, noise_variance=0.4).bias < 0.0


def test_broadcasting_equals_a_loop():
    psi, k, snr = np.array([1.5, 8.0])[:, None, None], np.array([1.0, 3.0, 9.0])[:, None], [0.3, 7.0]
    best = optimal_interpolation(psi, k, snr)
    for i, j, l in np.ndindex(2, 3, 2):
        alone = optimal_interpolation(psi[i, 0, 0], k[j, 0], snr[l])
        assert all(isinstance(part, float) for part in alone)
        assert (best.interpolation[i, j, l], best.total[i, j, l]) == alone
    assert optimal_interpolation([], 2, 0.3).total.shape == (0,)


def test_no_signal_at_all():
    """Signals so faint that 1/SNR is no float: the estimate is suppressed wherever that is possible."""
    assert optimal_interpolation(4.3, 2.3, 1e-320).interpolation > 1e100
    assert optimal_interpolation(4.3, 2.3, 1e-290).total == pytest.approx(1.0, rel=1e-6)


def test_slopes_of_one_part_alone():
    for scales in ({"signal": 0.0, "noise_variance": 0.7}, {"signal": 1.7, "noise_variance": 0.0}):
        slope, full = (risk_slope(4.3, 2.3, 0.4, **x) for x in (scales, {"signal": 1.7, "noise_variance": 0.7}))
        assert slope.bias == (full.bias if scales["signal"] else 0.0)
        assert slope.variance == (full.variance if scales["noise_variance"] else 0.0)


# --- bad input


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (optimal_interpolation, (1.0, 3, 0.5), r"samples_per_feature must be > 1, got samples_per_feature=1\.0"),
        (optimal_interpolation, (2.0, 0.9, 0.5), r"bag_size must be >= 1, got bag_size=0\.9"),
        (optimal_interpolation, (2.0, 3, 0.0), r"snr must be > 0, got snr=0\.0"),
        (optimal_interpolation, (2.0, 3, np.nan), r"snr must be > 0, got snr=nan"),
        (optimal_interpolation, (None, 3, 1.0), r"give either samples_per_feature or excess_samples"),
        (optimal_snr, (2.0, 1.0, 0.5), r"bag_size must be > 1, got bag_size=1\.0"),
        (optimal_snr, (2.0, 3.0, -0.5), r"interpolation must be >= 0"),
        (crossover_snr, (2.0, 1.0), r"bag_size must be > 1"),
        (crossover_snr, ([2.0, -1.0], 3.0), r"samples_per_feature must be > 0, got samples_per_feature\[1\]=-1\.0"),
        (bias_slope_polynomial, (2.0, 3.0, 1.2), r"deficit must be >= 0 and <= 1, got deficit=1\.2"),
    ],
)
def test_bad_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_bad_weight_of_a_slope():
    with pytest.raises(ValueError, match=r"interpolation must be > 0"):
        risk_slope(2.0, 3.0, 0.0, signal=1.0, noise_variance=0.2)
