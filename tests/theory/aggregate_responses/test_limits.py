"""Limit risks: every regime's corner formula, three derivations of the main theorem, 60 digits, monotonicity."""

import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.aggregate_responses import limit_risk, saddle_point, shrinkage, vanishing_interpolation_risk, wachter_risk

EPS = np.finfo(float).eps
SCALES = {"signal": 2.3, "noise_variance": 0.37}
# measured worst case over the oracle's box 7 eps: about a dozen roundings, each of condition 1
FEW = 16 * EPS

psis = st.floats(-6.0, 3.0).map(lambda x: 10.0**x)  # psi - 1
sizes = st.floats(1.05, 30.0)
weights = st.floats(-9.0, 9.0).map(lambda x: 10.0**x)


# --- identities and limits


def test_forms_of_the_theorem_agree_in_symbols():
    """The textbook form in p1, p2, the one-parameter form and the sum without subtraction are one function."""
    t, rho, a = sp.symbols("t rho alpha1", positive=True)
    v, u = t / (1 + t), rho * t / (1 + rho * t)
    b = (1 - a * v) / u  # the fixed point
    c, x = a * v, b * u
    p1, p2 = a / (1 + t) ** 2, b * rho / (1 + rho * t) ** 2
    spread = c * (1 - v) + x * (1 - u)
    bias = (1 - c) ** 2 + t * (p1 * (1 - c) ** 2 + rho * p2 * c**2) / (p1 + p2)
    assert sp.simplify(bias - x**2 - (a + b) * a * b * (u * v) ** 2 / spread) == 0
    assert sp.simplify(t * p1 / (p1 + p2) - a * v**2 / spread) == 0
    one = 1 - c**2 / a - x**2 / b
    assert sp.simplify(one - spread) == 0
    assert sp.simplify(bias - x**2 * (1 + (1 - 2 * x) / b) / one) == 0


@pytest.mark.parametrize(("psi", "k"), [(4.0, 2.0), (6.0, 2.5), (20.0, 5.0), (3.5, 3.0)])
def test_bag_level(psi, k):
    assert limit_risk(psi, k, 0.0, **SCALES) == pytest.approx(
        (0.0, 0.37 / (psi / k - 1), 0.37 / (psi / k - 1)), rel=FEW
    )
    assert vanishing_interpolation_risk(psi, k, **SCALES) == limit_risk(psi, k, 0.0, **SCALES)


@pytest.mark.parametrize(("psi", "k"), [(4.0, 2.0), (6.0, 2.5), (1.2, 5.0), (3.5, 10.0), (7.0, 1.0)])
def test_instance_level(psi, k):
    bias = (k - 1) * ((k - 1) * (psi - 1) + 1) / (k**2 * (psi - 1))
    got = limit_risk(psi, k, 1.0, **SCALES)
    assert got[:2] == pytest.approx((2.3 * bias, 0.37 / (k * (psi - 1))), rel=FEW)
    assert shrinkage(psi, k, 1.0) == pytest.approx(1 / k, rel=FEW)


@pytest.mark.parametrize(("psi", "k"), [(0.6, 2.0), (0.95, 1.0), (1.0, 3.0), (1.2, 3.0), (4.5, 5.0), (1e-20, 4.0)])
def test_minimum_norm_bag_level(psi, k):
    a = psi / k
    got = limit_risk(psi, k, 0.0, **SCALES)
    assert got[:2] == pytest.approx((2.3 * (1 - a), 0.37 * a / (1 - a)), rel=FEW)
    assert shrinkage(psi, k, 0.0) == pytest.approx(a, rel=FEW)


@pytest.mark.parametrize(("psi", "k"), [(0.6, 2.0), (0.95, 1.0), (0.05, 10.0), (1e-20, 4.0)])
@pytest.mark.parametrize("weight", [1e-9, 0.3, 1.0, 1e9, np.inf])
def test_fewer_samples_than_features(psi, k, weight):
    a, b = psi / k, psi * (1 - 1 / k)
    got = limit_risk(psi, k, weight, **SCALES)
    bias = (1 - a) ** 2 + (a * (1 - a) ** 2 + b * a**2) / (1 - psi)
    assert got[:2] == pytest.approx((2.3 * bias, 0.37 * a / (1 - psi)), rel=20 * FEW)  # 1 - psi rounds at psi = .95
    assert vanishing_interpolation_risk(psi, k, **SCALES) == got
    assert shrinkage(psi, k, weight) == pytest.approx(a, rel=FEW)


@pytest.mark.parametrize(("psi", "k"), [(1.2, 3.0), (2.0, 4.0), (4.5, 5.0), (3.0, 10.0)])
def test_vanishing_interpolation(psi, k):
    a, b = psi / k, psi * (1 - 1 / k)
    got = vanishing_interpolation_risk(psi, k, **SCALES)
    expected = 2.3 * (1 - a) * (a + psi - 1) / (psi - 1), 0.37 * a * b / ((1 - a) * (psi - 1))
    assert got[:2] == pytest.approx(expected, rel=FEW)
    assert limit_risk(psi, k, 1e-100, **SCALES) == pytest.approx(got, rel=FEW)
    assert limit_risk(psi, k, 1e-8, **SCALES) == pytest.approx(got, rel=1e-5)  # O(weight)
    assert limit_risk(psi, k, 0.0, **SCALES).bias < 0.9 * got.bias


@pytest.mark.parametrize(("psi", "k"), [(1.2, 3.0), (1.5, 2.0), (3.0, 1.25), (7.0, 1.0)])
def test_infinite_interpolation_below_one_contrast_per_feature(psi, k):
    a, b = psi / k, psi * (1 - 1 / k)
    got = limit_risk(psi, k, np.inf, **SCALES)
    assert got[:2] == pytest.approx((2.3 * a * b / (psi - 1), 0.37 * (1 - b) / (psi - 1)), rel=4 * FEW)
    assert limit_risk(psi, k, 1e100, **SCALES) == pytest.approx(got, rel=FEW)
    assert shrinkage(psi, k, np.inf) == pytest.approx(1 - b, rel=4 * FEW)


@pytest.mark.parametrize(("psi", "k"), [(4.0, 2.0), (2.0, 2.0), (1.5, 3.0), (6.0, 3.0)])
def test_infinite_interpolation_forbids_everything(psi, k):
    assert limit_risk(psi, k, np.inf, **SCALES) == (2.3, 0.0, 2.3)
    # alpha2 = 1: the approach is as slow as weight^-1/2
    assert limit_risk(psi, k, 1e30, **SCALES) == pytest.approx((2.3, 0.0, 2.3), rel=1e-14, abs=1e-14)
    assert shrinkage(psi, k, np.inf) == 0.0


@pytest.mark.parametrize("weight", [0.0, 1e-9, 0.3, 1.0, 1e9, np.inf])
@pytest.mark.parametrize("psi", [0.4, 1.5, 6.0, 300.0])
def test_bags_of_one_are_least_squares(psi, weight):
    expected = (0.0, 0.37 / (psi - 1)) if psi > 1 else (2.3 * (1 - psi), 0.37 * psi / (1 - psi))
    assert limit_risk(psi, 1.0, weight, **SCALES)[:2] == pytest.approx(expected, rel=FEW)
    assert shrinkage(psi, 1.0, weight) == pytest.approx(min(1.0, psi), rel=FEW)


def test_divergences():
    inf = np.inf
    for weight in (1e-9, 0.3, 1.0, 1e9, inf):
        assert limit_risk(1.0, 3.0, weight, **SCALES) == (inf, inf, inf)
        assert limit_risk(1.0, 1.0, weight, **SCALES) == (0.0, inf, inf)
        assert limit_risk(1.0, 3.0, weight, signal=0.0, noise_variance=0.0) == (0.0, 0.0, 0.0)
        assert limit_risk(1.0, 3.0, weight, signal=0.0, noise_variance=0.4) == (0.0, inf, inf)
    assert limit_risk(3.0, 3.0, 0.0, **SCALES) == (0.0, inf, inf)
    assert limit_risk(3.0, 3.0, 0.0, signal=2.3, noise_variance=0.0) == (0.0, 0.0, 0.0)
    assert vanishing_interpolation_risk(3.0, 3.0, **SCALES) == (0.0, inf, inf)
    assert vanishing_interpolation_risk(1.0, 3.0, **SCALES) == (inf, inf, inf)
    # just beside the divergence: bias/r^2 -> alpha1 alpha2/e, variance/sigma^2 -> alpha1 alpha2/e with c = 1/k
    near = limit_risk(None, 3.0, 1.0, excess_samples=1e-12, **SCALES)
    assert near.bias == pytest.approx(2.3 * 2 / 9 * 1e12, rel=1e-11)
    assert near.variance == pytest.approx(0.37 / 3 * 1e12, rel=FEW)


def test_reference_values():
    """Values of the two central examples, printed to six digits."""
    assert limit_risk(4, 2, 0.3, signal=1, noise_variance=1)[:2] == pytest.approx((0.140787, 0.362319), abs=5e-7)
    assert limit_risk(6, 3, 0.3, signal=1, noise_variance=1)[:2] == pytest.approx((0.240553, 0.206452), abs=5e-7)
    bias = limit_risk(1.2, 3, [0.3, 1.0, 3.0, 10.0], signal=1, noise_variance=1).bias
    assert bias == pytest.approx([1.658, 1.556, 1.500, 1.502], abs=5e-4)  # falls, then rises to 1.6
    assert vanishing_interpolation_risk(1.2, 3, signal=1, noise_variance=1).bias == pytest.approx(1.8, rel=FEW)


# --- oracle

EXCESSES = (1e-12, 1e-6, 0.05, 0.25, 0.5, 2.0, 5.0, 19.0, 1e4)
SIZES = (1.0, 1.0 + 2.0**-20, 1.5, 2.0, 2.5, 3.0, 6.0, 40.0)
WEIGHTS = (1e-12, 0.03, 0.3, 1.0, 3.0, 1e3, 1e10)


def test_sixty_digits(oracle):
    """Every cell of the box, with psi - 1 = 1e-12, psi = k and alpha2 = 1 among them, to a few roundings."""
    bad = []
    rounded = [(0.1, 11.0, 1e14), (0.1, 11.0, 1e20)]  # 0.1 * 10 rounds to alpha2 = 1, which the weight would magnify
    for excess, k, rho in [*itertools.product(EXCESSES, SIZES, WEIGHTS), *rounded]:
        got = limit_risk(None, k, rho, excess_samples=excess, signal=1.0, noise_variance=1.0)
        found = (got.bias, got.variance, shrinkage(None, k, rho, excess_samples=excess))
        for name, a, b in zip(("bias", "variance", "c"), found, oracle.unit_risks(excess, k, rho), strict=True):
            if not abs(a - b) <= FEW * b + (1e-40 if k == 1.0 else 0.0):
                bad.append((excess, k, rho, name, a, b))
    assert not bad


def test_variance_is_the_response_of_the_trace(oracle):
    for excess, k, rho in [(3.0, 2.0, 0.3), (0.2, 3.0, 7.0), (5.0, 6.0, 1e-3), (0.5, 3.0, 40.0)]:
        got = limit_risk(None, k, rho, excess_samples=excess, signal=0.0, noise_variance=0.7).variance
        assert got == pytest.approx(0.7 * oracle.unit_variance_by_response(excess, k, rho), rel=FEW)


@pytest.mark.parametrize("psi", [1.05, 1.5, 3.0, 6.0, 20.0])
@pytest.mark.parametrize("k", [1.3, 2.0, 2.5, 3.0, 6.0])
def test_three_routes_to_the_theorem(psi, k):
    """Fixed point, scalar min-max problem and averages over the Wachter law."""
    for rho in (1e-3, 0.03, 0.3, 1.0, 3.0, 1e3):
        direct = limit_risk(psi, k, rho, **SCALES)
        # the quadrature's 1e-14 and, near psi = 1, the cancellation of psi <w^2> - <w>^2, 1/(psi - 1) at most
        assert wachter_risk(psi, k, rho, **SCALES) == pytest.approx(direct, rel=2e-12)
        saddle = saddle_point(psi, k, rho, **SCALES)
        # equations solved to 1e-15..1e-14 with condition up to 1/(psi - 1)
        assert saddle.total == pytest.approx(direct.total, rel=1e-12)
        assert saddle.shrinkage == pytest.approx(shrinkage(psi, k, rho), rel=1e-12)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=200)
@given(excess=psis, k=sizes, rho=weights, more=st.floats(1.01, 10.0))
def test_more_weight_less_variance_less_shrinkage_factor(excess, k, rho, more):
    both = np.array([rho, rho * more])
    risk = limit_risk(None, k, both, excess_samples=excess, **SCALES)
    assert risk.variance[1] < risk.variance[0] * (1 + FEW)
    c = shrinkage(None, k, both, excess_samples=excess)
    assert c[1] <= c[0] * (1 + FEW)
    if excess >= k - 1:
        assert risk.bias[1] >= risk.bias[0] * (1 - FEW)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(excess=psis, k=sizes, rho=weights, signal=st.floats(0.0, 9.0), noise=st.floats(0.0, 9.0))
def test_parts_scale_and_add_up(excess, k, rho, signal, noise):
    unit = limit_risk(None, k, rho, excess_samples=excess, signal=1.0, noise_variance=1.0)
    risk = limit_risk(None, k, rho, excess_samples=excess, signal=signal, noise_variance=noise)
    assert risk == (signal * unit.bias, noise * unit.variance, risk.bias + risk.variance)
    assert limit_risk(1.0 + excess, k, rho, signal=signal, noise_variance=noise).total == pytest.approx(
        limit_risk(None, k, rho, excess_samples=(1.0 + excess) - 1.0, signal=signal, noise_variance=noise).total
    )


@settings(derandomize=True, deadline=None, max_examples=100)
@given(excess=psis, k=sizes, rho=weights)
def test_bag_means_and_contrasts_change_places(excess, k, rho):
    """k -> k/(k - 1) exchanges alpha1 and alpha2; with weight 1/rho the shrinkage factor becomes its deficit."""
    c = shrinkage(None, k, rho, excess_samples=excess)
    other = shrinkage(None, k / (k - 1.0), 1.0 / rho, excess_samples=excess)
    assert c + other == pytest.approx(1.0, abs=1e-7)  # k/(k - 1) rounds; condition up to 1e8 near both ends


def test_broadcasting_equals_a_loop():
    psi, k, rho = np.array([0.7, 1.0, 1.5, 8.0])[:, None, None], np.array([1.0, 2.5, 9.0])[:, None], [0.0, 0.3, np.inf]
    risk, c = limit_risk(psi, k, rho, **SCALES), shrinkage(psi, k, rho)
    for i, j, l in np.ndindex(4, 3, 3):
        cell = psi[i, 0, 0], k[j, 0], rho[l]
        assert tuple(part[i, j, l] for part in risk) == limit_risk(*cell, **SCALES)
        assert c[i, j, l] == shrinkage(*cell)
    assert all(isinstance(part, float) for part in limit_risk(4, 2, 0.3, **SCALES))
    assert limit_risk([], 2, 0.3, **SCALES).total.shape == (0,)
    assert limit_risk(4, 2, 0.3, signal=[1.0, 2.0], noise_variance=0.3).variance.shape == (2,)


def test_the_ends_of_the_domain():
    smallest = limit_risk(4.3, 2.3, 1e-320, **SCALES)
    assert smallest == pytest.approx(vanishing_interpolation_risk(4.3, 2.3, **SCALES), rel=1e-14)
    crowd = limit_risk(1e100, 2.3, [0.0, 1.0], **SCALES)
    np.testing.assert_allclose(crowd.bias, [0.0, SCALES["signal"] * (1.3 / 2.3) ** 2], rtol=1e-14)
    few = limit_risk(1e-300, 1e100, [0.0, 1.0], **SCALES)
    np.testing.assert_allclose(few.bias, SCALES["signal"], rtol=1e-14)
    assert limit_risk(1.0 + 1e-12, 2.0, 1.0, signal=1e300, noise_variance=0.3).total == np.inf  # beyond floats


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples_per_feature": 0.0}, r"samples_per_feature must be > 0, got samples_per_feature=0\.0"),
        ({"samples_per_feature": np.nan}, r"samples_per_feature must be > 0"),
        ({"samples_per_feature": np.inf}, r"samples_per_feature must be > 0 and finite"),
        ({"bag_size": [2.0, 0.5]}, r"bag_size must be >= 1, got bag_size\[1\]=0\.5"),
        ({"interpolation": -0.1}, r"interpolation must be >= 0, got interpolation=-0\.1"),
        ({"interpolation": "0.1"}, r"interpolation must be a real number"),
        ({"signal": -2.0}, r"signal must be >= 0"),
        ({"noise_variance": 1j}, r"noise_variance must be a real number"),
        ({"excess_samples": 0.2}, r"give either samples_per_feature or excess_samples .* got both"),
        ({"samples_per_feature": None}, r"give either samples_per_feature or excess_samples .* got neither"),
        (
            {"samples_per_feature": None, "excess_samples": -1.0},
            r"excess_samples must be > -1, got excess_samples=-1\.0",
        ),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"samples_per_feature": 4.0, "bag_size": 2.0, "interpolation": 0.3, **SCALES} | change
    with pytest.raises(ValueError, match=message):
        limit_risk(**arguments)
    if "interpolation" not in change:
        arguments.pop("interpolation")
        with pytest.raises(ValueError, match=message):
            vanishing_interpolation_risk(**arguments)


@pytest.mark.parametrize("name", ["samples_per_feature", "bag_size"])
def test_sizes_whose_products_are_no_floats(name):
    arguments = {"samples_per_feature": 4.0, "bag_size": 2.0, "interpolation": 0.3, **SCALES, name: 1e155}
    with pytest.raises(ValueError, match=rf"{name} must be <= 1e\+100, got {name}=1e\+155"):
        limit_risk(**arguments)
