"""The Wachter law and the scalar min-max problem: mass, moments, arcsine law, brute-force integrals, eigenvalues."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.aggregate_responses import (
    limit_risk,
    saddle_point,
    shrinkage,
    wachter_atoms,
    wachter_average,
    wachter_density,
    wachter_edges,
    wachter_risk,
)

EPS = np.finfo(float).eps
QUADRATURE = 100 * EPS  # rules agree to 4e-15; sums of a few hundred terms

psis = st.floats(-1.5, 2.0).map(lambda x: 1.0 + 10.0**x)
sizes = st.floats(1.05, 30.0)


# --- identities and limits


def test_arcsine_law():
    """alpha1 = alpha2 = 1: density 1/(pi sqrt(b (1 - b))), moments 1/2, 3/8, 5/16."""
    assert wachter_edges(2, 2) == (0.0, 1.0)
    assert wachter_atoms(2, 2) == (0.0, 0.0)
    for power, moment in ((0, 1.0), (1, 1 / 2), (2, 3 / 8), (3, 5 / 16)):
        assert wachter_average(lambda b, power=power: b**power, 2, 2) == pytest.approx(moment, rel=QUADRATURE)
    b = np.array([0.01, 0.3, 0.5, 0.99])
    assert wachter_density(b, 2, 2) == pytest.approx(1 / (np.pi * np.sqrt(b * (1 - b))), rel=QUADRATURE)
    assert wachter_density([0.0, 1.0], 2, 2) == pytest.approx([np.inf, np.inf])


@pytest.mark.parametrize("psi", [1.001, 1.2, 1.5, 3.0, 6.0, 50.0])
@pytest.mark.parametrize("k", [1.0, 1.5, 3.0, 6.0, 20.0])
def test_mass_and_first_moments(psi, k):
    """Mass 1; mean 1/k; second moment from E tr B^2 of m of n rows, as d -> infinity."""
    assert wachter_average(np.ones_like, psi, k) == pytest.approx(1.0, rel=QUADRATURE)
    assert wachter_average(lambda b: b, psi, k) == pytest.approx(1 / k, rel=QUADRATURE)
    a = psi / k
    second = a * (psi * (1 + a) - a) / psi**3
    assert wachter_average(lambda b: b * b, psi, k) == pytest.approx(second, rel=QUADRATURE)


def test_edges_are_the_printed_ones():
    for psi, k in [(1.2, 3.0), (4.0, 2.0), (6.0, 2.5), (30.0, 7.0)]:
        a, b = psi / k, psi * (1 - 1 / k)
        printed = [(np.sqrt(a * (psi - 1)) + s * np.sqrt(b)) ** 2 / psi**2 for s in (-1, 1)]
        assert wachter_edges(psi, k) == pytest.approx(tuple(printed), rel=1e-12)  # the printed lower end cancels
    assert wachter_edges(3.0, 3.0)[0] == 0.0
    assert wachter_edges(1.5, 3.0)[1] == 1.0
    low, high = wachter_edges(None, 3.0, excess_samples=2.0 + 2.0**-30)  # (alpha1 - 1)^2/(2 sqrt(2))^2
    assert low == pytest.approx((2.0**-30 / 3) ** 2 / 8, rel=1e-8)
    assert high < 1.0


def test_atoms():
    assert wachter_atoms(1.2, 3.0) == pytest.approx((0.6, 0.2), rel=QUADRATURE)
    assert wachter_atoms(6.0, 3.0) == (0.0, 0.0)
    assert wachter_atoms(6.0, 1.0) == (0.0, 1.0)
    assert wachter_average(lambda b: 5.0 * b + 1.0, 6.0, 1.0) == pytest.approx(6.0, rel=QUADRATURE)


def test_instance_and_divergent_limits():
    risk = wachter_risk(6.0, 3.0, 1.0, signal=2.3, noise_variance=0.37)
    assert risk[:2] == pytest.approx((2.3 * (4 / 9 + 2 / 45), 0.37 / 15), rel=QUADRATURE)
    near = wachter_risk(None, 3.0, 0.3, excess_samples=1e-6, signal=2.3, noise_variance=0.37)
    direct = limit_risk(None, 3.0, 0.3, excess_samples=1e-6, signal=2.3, noise_variance=0.37)
    assert near == pytest.approx(direct, rel=1e-9)  # the edges are 1e-6 apart; psi <w^2> - <w>^2


# --- oracle


@pytest.mark.parametrize(("psi", "k", "rho"), [(1.2, 3.0, 0.3), (4.0, 2.0, 0.03), (6.0, 2.5, 20.0), (3.0, 3.0, 0.5)])
def test_averages_by_brute_force(psi, k, rho):
    """tanh-sinh quadrature of the printed density at 30 digits, atoms added by hand."""
    with mp.workdps(30):
        p, a = mp.mpf(psi), mp.mpf(psi) / mp.mpf(k)
        b = p - a
        low, high = ((mp.sqrt(a * (p - 1)) + s * mp.sqrt(b)) ** 2 / p**2 for s in (-1, 1))

        def gain(x):
            return x / (x + rho * (1 - x)) ** 2

        def density(x):
            return p * mp.sqrt(abs((high - x) * (x - low))) / (2 * mp.pi * x * (1 - x)) * gain(x)

        expected = float(mp.quad(density, [low, (low + high) / 2, high]) + max(mp.mpf(0), 1 - b))
    got = wachter_average(lambda x: x / (x + rho * (1 - x)) ** 2, psi, k)
    assert got == pytest.approx(expected, rel=1e-12)  # brute force at psi = k: abs() of a rounded edge
    middle = sum(wachter_edges(psi, k)) / 2
    assert wachter_density(middle, psi, k) == pytest.approx(
        psi * (wachter_edges(psi, k)[1] - wachter_edges(psi, k)[0]) / 2 / (2 * np.pi * middle * (1 - middle)), rel=1e-14
    )


@pytest.mark.parametrize(("n", "d", "m"), [(300, 100, 75), (260, 200, 130)])
def test_eigenvalues_of_a_matrix_beta(n, d, m):
    """One draw: linear statistics have standard deviation O(1/d) and mean shift O(1/d); 6/d is beyond both."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(n, d))
    q = np.linalg.qr(rows)[0]
    b = np.clip(np.linalg.eigvalsh(q[:m].T @ q[:m]), 0.0, 1.0)
    low, high = wachter_edges(n / d, n / m)
    zero, one = wachter_atoms(n / d, n / m)
    assert np.sum(b < 1e-9) == round(zero * d)
    assert np.sum(b > 1 - 1e-9) == round(one * d)
    inside = b[(b > 1e-9) & (b < 1 - 1e-9)]
    assert low - 0.05 < inside.min() < inside.max() < high + 0.05  # edges fluctuate by d^-2/3 = 0.05 of the width
    for function in (np.square, np.sqrt, lambda x: 1 / (x + 0.3)):
        assert np.mean(function(b)) == pytest.approx(wachter_average(function, n / d, n / m), abs=6 / d)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(psi=psis, k=sizes, log_weight=st.floats(-6.0, 6.0))
def test_risk_by_averages_is_the_fixed_points(psi, k, log_weight):
    weight = np.exp(log_weight)
    scales = {"signal": 2.3, "noise_variance": 0.37}
    direct = limit_risk(psi, k, weight, **scales)
    # 1/(psi - 1) amplifies the quadrature's error
    assert wachter_risk(psi, k, weight, **scales) == pytest.approx(direct, rel=1e-11)
    assert wachter_average(lambda b: weight * (1 - b) / (b + weight * (1 - b)), psi, k) == pytest.approx(
        1 - shrinkage(psi, k, weight), rel=1e-11
    )


@settings(derandomize=True, deadline=None, max_examples=60)
@given(psi=psis, k=sizes, log_weight=st.floats(-5.0, 5.0), log_noise=st.floats(-5.0, 5.0))
def test_saddle_is_the_fixed_points(psi, k, log_weight, log_noise):
    weight, noise = np.exp(log_weight), 2.3 * np.exp(log_noise)
    point = saddle_point(psi, k, weight, signal=2.3, noise_variance=noise)
    assert point.total == pytest.approx(limit_risk(psi, k, weight, signal=2.3, noise_variance=noise).total, rel=1e-10)
    assert point.shrinkage == pytest.approx(shrinkage(psi, k, weight), rel=1e-10)
    assert point.total == pytest.approx((1 - point.shrinkage) ** 2 * 2.3 + point.scatter, rel=1e-14)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(psi=psis, k=sizes)
def test_exchanging_means_and_contrasts_mirrors_the_law(psi, k):
    low, high = wachter_edges(psi, k)
    mirrored = wachter_edges(psi, k / (k - 1.0))
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-13)
    assert 0.0 <= low < high <= 1.0
    middle = 0.5 * (low + high)
    assert wachter_density(middle, psi, k) > 0.0
    assert wachter_density([0.5 * low, 1.0 - 0.5 * (1.0 - high)], psi, k) == pytest.approx([0.0, 0.0])


def test_broadcasting():
    b = np.linspace(0.0, 1.0, 7)
    both = wachter_density(b, [[4.0], [1.5]], 2.5)
    assert both.shape == (2, 7)
    assert np.all(both[1] == wachter_density(b, 1.5, 2.5))
    assert isinstance(wachter_density(0.3, 4, 2), float)
    assert wachter_edges([4.0, 5.0], 2)[0].shape == (2,)
    assert isinstance(wachter_atoms(4, 2)[0], float)


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wachter_edges(1.0, 2), r"samples_per_feature must be > 1, got samples_per_feature=1\.0"),
        (lambda: wachter_atoms(2.0, 0.5), r"bag_size must be >= 1"),
        (lambda: wachter_density(1.2, 2.0, 2), r"b must be >= 0 and <= 1, got b=1\.2"),
        (lambda: wachter_average(np.ones_like, [2.0, 3.0], 2), r"samples_per_feature must be a single real number"),
        (lambda: wachter_average(np.ones_like, 3.0, [2.0]), r"bag_size must be a single real number"),
        (lambda: wachter_risk(3.0, 2, 0.0, signal=1.1, noise_variance=0.2), r"interpolation must be > 0"),
        (lambda: wachter_risk(3.0, 2, 0.3, signal=-1.1, noise_variance=0.2), r"signal must be >= 0"),
        (lambda: saddle_point(1.0, 2, 0.3, signal=1.1, noise_variance=0.2), r"samples_per_feature must be >= 1\.001"),
        (lambda: saddle_point(3.0, 1, 0.3, signal=1.1, noise_variance=0.2), r"bag_size must be > 1"),
        (lambda: saddle_point(3.0, 2, 0.3, signal=0.0, noise_variance=0.2), r"signal must be > 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_convergence_is_said():
    with pytest.raises(RuntimeError, match="no convergence with 2097152 nodes"):
        wachter_average(lambda b: np.sign(b - 0.3), 3.0, 2.0)
    with pytest.raises(RuntimeError, match="no saddle found: smallest residual"):
        saddle_point(1.5, 3.0, 1e30, signal=2.0, noise_variance=0.2)


def test_arguments_out_of_reach():
    with pytest.raises(ValueError, match="function must be a function of an array, got function=3"):
        wachter_average(3.0, 3.0, 2.0)
    for weight in (1e-160, 1e160):
        with pytest.raises(ValueError, match=r"interpolation must be >= 1e-150 and <= 1e\+150"):
            wachter_risk(3.0, 2.0, weight, signal=2.0, noise_variance=0.2)
    for scales in ({"signal": 1e-320, "noise_variance": 0.2}, {"signal": 2.0, "noise_variance": 1e300}):
        with pytest.raises(RuntimeError, match="no saddle found"):
            saddle_point(3.0, 2.0, 0.3, **scales)
