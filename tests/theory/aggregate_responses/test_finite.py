"""Exact finite-size risks: rational arithmetic, the matrix-beta route, mpmath integrals, literal draws, messages."""

from fractions import Fraction
from itertools import product

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.aggregate_responses import (
    exact_bag_risk,
    exact_instance_risk,
    exact_one_feature_risk,
    exact_risk_from_traces,
    limit_risk,
)

EPS = np.finfo(float).eps
ROUNDING = 16 * EPS  # a dozen products and sums of non-negative terms
QUADRATURE = 1e-12  # the trapezoidal rule's promise: rounding of exponents up to 700 (700 eps) and of its step
SCALES = {"signal": 2.5, "noise_variance": 0.3}

SIZES = [
    (n, d, m)
    for n, d in product((1, 2, 3, 4, 7, 12), (1, 2, 3, 5, 9))
    for m in {1, 2, 3, n // 2, n - 1, n}
    if 0 < m <= n
]


# --- identities and limits


@pytest.mark.parametrize(("psi", "k"), [(4, 2), (6, 3), (2, 4)])
def test_first_correction_to_the_limit_at_instance_level(psi, k):
    """d (bias - limit) -> (k - 1)(psi^2 - 2 psi + 2)/[k^2 psi (psi - 1)^2], d (variance - limit) -> 1/[k (psi-1)^2]."""
    d = 40_000
    exact, limit = exact_instance_risk(psi * d, d, psi * d // k, **SCALES), limit_risk(psi, k, 1.0, **SCALES)
    bias = (k - 1) * (psi**2 - 2 * psi + 2) / (k**2 * psi * (psi - 1) ** 2)
    # the next order is a few parts in d; rounding of the difference is 1e-16 d
    assert d * (exact.bias - limit.bias) == pytest.approx(2.5 * bias, rel=20 / d)
    assert d * (exact.variance - limit.variance) == pytest.approx(0.3 / (k * (psi - 1) ** 2), rel=20 / d)


@pytest.mark.parametrize(("psi", "k"), [(4, 2), (2, 4)])
def test_bag_level_tends_to_its_limit(psi, k):
    d = 10**6
    exact, limit = exact_bag_risk(psi * d, d, psi * d // k, **SCALES), limit_risk(psi, k, 0.0, **SCALES)
    assert exact == pytest.approx(limit, rel=5 / d)  # the next order is at most 2/d


def test_fewer_samples_than_features_tend_to_their_limit():
    exact, limit = exact_instance_risk(6 * 10**5, 10**6, 2 * 10**5, **SCALES), limit_risk(0.6, 3, 0.7, **SCALES)
    assert exact == pytest.approx(limit, rel=1e-5)


def test_bags_of_one_are_least_squares():
    for n, d in [(9, 3), (3, 9), (4, 4), (5, 4), (4, 5), (1, 1), (2, 1)]:
        assert exact_instance_risk(n, d, n, **SCALES) == pytest.approx(exact_bag_risk(n, d, n, **SCALES), rel=ROUNDING)


def test_where_the_expected_variance_does_not_exist():
    for m in (4, 5, 6):
        assert exact_bag_risk(20, 5, m, **SCALES).variance == np.inf
        assert exact_bag_risk(20, 5, m, signal=2.5, noise_variance=0.0).variance == 0.0
    for n in (4, 5, 6):
        risk = exact_instance_risk(n, 5, 2, **SCALES)
        assert risk == (np.inf, np.inf, np.inf)
        assert exact_instance_risk(n, 5, 2, signal=0.0, noise_variance=0.0) == (0.0, 0.0, 0.0)
    assert exact_bag_risk(20, 5, 4, **SCALES).bias == pytest.approx(0.5)
    # one feature: 0 <= 1 - b <= 1, so the bias exists at n = 2 as well; b of m = 1 has E (1 - b)^2 = 3/8
    assert exact_instance_risk(2, 1, 1, **SCALES).bias == pytest.approx(2.5 * 3 / 8, rel=ROUNDING)


# --- oracle


def beta_moments(n, d, m):
    """Return E tr B, E (tr B)^2, E tr B^2 of the matrix beta with m of n degrees of freedom, as fractions."""
    below = n * (n - 1) * (n + 2)
    square = Fraction(d * m * (d * m * n + d * m - 2 * d - 2 * m + 2 * n), below)
    return Fraction(d * m, n), square, Fraction(d * m * (n * (d + m + 1) - d * m - 2), below)


@pytest.mark.parametrize(("n", "d", "m"), [size for size in SIZES if size[0] > size[1] + 1])
def test_instance_level_from_moments_of_the_matrix_beta(n, d, m):
    """The bias is [(n - 1) E tr W^2 - E (tr W)^2]/[d (n - d - 1)], W = I - B, in exact rational arithmetic."""
    trace, squared, squares = beta_moments(n, d, m)
    missed_squares, missed_squared = d - 2 * trace + squares, d * d - 2 * d * trace + squared
    bias = ((n - 1) * missed_squares - missed_squared) / (d * (n - d - 1))
    variance = trace / (n - d - 1)
    got = exact_instance_risk(n, d, m, **SCALES)
    assert got.bias == pytest.approx(2.5 * float(bias), rel=ROUNDING)
    assert got.variance == pytest.approx(0.3 * float(variance), rel=ROUNDING)
    expanded = (n - m) * (n**3 - (m + d) * n**2 + 2 * d * m * n + (m - d - 3) * n + 2 * (d - m + 1))
    assert bias == Fraction(expanded, n * (n - 1) * (n + 2) * (n - d - 1))
    from_traces = exact_risk_from_traces(
        n, d, missed_squares=float(missed_squares), missed_squared=float(missed_squared), gain=float(trace), **SCALES
    )
    # the difference of the two traces loses at most a factor n
    assert from_traces == pytest.approx(got, rel=n * ROUNDING, abs=ROUNDING)


@pytest.mark.parametrize(("n", "m", "rho"), [(6, 2, 1.0), (9, 3, 1.0), (9, 3, 0.2), (7, 4, 5.0)])
def test_two_features_by_quadrature_of_the_eigenvalue_density(n, m, rho):
    """Density |b1 - b2| prod b^((m - 3)/2) (1 - b)^((n - m - 3)/2): the traces and, at rho = 1, the instance level."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    angle, by = np.pi / 4 * (nodes + 1), np.pi / 4 * weights  # b = sin^2(angle) removes the roots at the ends
    first = angle[:, None] * np.ones(60)
    second = angle[:, None] * (nodes + 1) / 2  # second < first: the kink of |b1 - b2| is an edge
    cells = by[:, None] * weights * angle[:, None] / 2
    b = np.sin([first, second]) ** 2
    density = cells * (b[0] - b[1])
    for value, at in zip(b, (first, second), strict=True):
        density = density * value ** ((m - 3) / 2) * (1 - value) ** ((n - m - 3) / 2) * np.sin(2 * at)
    density /= density.sum()
    missed = rho * (1 - b) / (b + rho * (1 - b))
    gain = (density * (b / (b + rho * (1 - b)) ** 2).sum(axis=0)).sum()
    squares, squared = (density * (missed**2).sum(axis=0)).sum(), (density * missed.sum(axis=0) ** 2).sum()
    got = exact_risk_from_traces(n, 2, missed_squares=squares, missed_squared=squared, gain=gain, **SCALES)
    if rho == 1.0:
        assert got == pytest.approx(exact_instance_risk(n, 2, m, **SCALES), rel=1e-12)  # 60 nodes: to rounding
    else:
        assert got.bias == pytest.approx(literal_risk(n, 2, m, rho, 20_000)[0][0], rel=0.05)  # 5 % is > 4 errors


def literal_risk(n, d, m, rho, draws):
    """Return means and standard errors of conditional (bias, variance) over Gaussian rows, by pseudo-inverses."""
    z = np.random.default_rng([n, d, m]).normal(size=(draws, n, d))
    weighted = z * np.sqrt(np.r_[np.ones(m), np.full(n - m, rho)])[:, None]
    pinv = np.linalg.pinv(weighted)[:, :, :m]
    miss = pinv @ z[:, :m] - np.eye(d)
    samples = np.stack([2.5 * (miss**2).sum((1, 2)) / d, 0.3 * (pinv**2).sum((1, 2))])
    return samples.mean(axis=1), samples.std(axis=1) / np.sqrt(draws)


@pytest.mark.parametrize(("n", "d", "m"), [(12, 3, 4), (14, 5, 2), (12, 3, 11), (3, 12, 1), (4, 13, 2), (10, 2, 7)])
def test_literal_draws(n, d, m):
    """Conditional bias and variance of drawn designs; |n - d| > 7 keeps their fourth moments finite."""
    for rho, exact in ((1.0, exact_instance_risk), (0.0, exact_bag_risk)):
        if rho == 0.0 and abs(m - d) < 6:
            continue
        mean, error = literal_risk(n, d, m, rho, 4000)
        expected = exact(n, d, m, **SCALES)
        # 4.5 standard errors: false alarm 7e-6 for each of some 20 numbers; 1e-12 for parts without spread
        assert np.all(np.abs(mean - expected[:2]) <= 4.5 * error + 1e-12), (rho, mean, expected, error)


def beta_integrals(n, m, rho):
    """Return E w^2 and E g for b ~ Beta(m/2, (n - m)/2), as hypergeometric functions of 1 - 1/rho at 30 digits."""
    with mp.workdps(30):
        p, q, z = mp.mpf(m) / 2, mp.mpf(n - m) / 2, 1 - 1 / mp.mpf(rho)
        squares = q * (q + 1) / ((p + q) * (p + q + 1)) * mp.hyp2f1(2, p, p + q + 2, z)
        gain = p / (p + q) / mp.mpf(rho) ** 2 * mp.hyp2f1(2, p + 1, p + q + 1, z)
        return float(squares), float(gain)


def test_one_feature_against_hypergeometric_functions():
    worst = []
    for n, m, rho in product((2, 3, 5, 40, 700), (1, 2, 4, 13, 39, 350), (1e-9, 1e-3, 0.3, 1.0, 2.5, 1e3, 1e9)):
        if m >= n:
            continue
        squares, gain = beta_integrals(n, m, rho)
        got = exact_one_feature_risk(n, m, rho, **SCALES)
        pairs = [(got.bias, 2.5 * squares)] + ([(got.variance, 0.3 * gain / (n - 2))] if n > 2 else [])
        worst += [(n, m, rho, a, b) for a, b in pairs if abs(a - b) > QUADRATURE * abs(b)]
    assert not worst


def test_one_feature_meets_bag_and_instance_level():
    for n, m in product((3, 8, 50), (1, 2, 3, 5)):
        if m > n:
            continue
        assert exact_one_feature_risk(n, m, 1.0, **SCALES) == pytest.approx(
            exact_instance_risk(n, 1, m, **SCALES), rel=QUADRATURE
        )
        assert exact_one_feature_risk(n, m, 0.0, **SCALES) == pytest.approx(exact_bag_risk(n, 1, m, **SCALES))


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(n=st.integers(1, 10**9), d=st.integers(1, 10**9), share=st.floats(0.0, 1.0))
def test_no_digit_is_lost(n, d, share):
    """The rational functions in expanded form, evaluated in fractions, at sizes up to 1e9."""
    m = max(1, min(n, int(share * n)))
    got = exact_instance_risk(n, d, m, **SCALES)
    if n > d + 1:
        top = (n - m) * (n**3 - (m + d) * n**2 + 2 * d * m * n + (m - d - 3) * n + 2 * (d - m + 1))
        bias = Fraction(top, n * (n - 1) * (n + 2) * (n - d - 1))
    elif n < d - 1:
        bias = Fraction(d * d - d * m - d * n - d - m * m + 2 * m * n + m, d * (d - n - 1))
    else:
        return
    assert got.bias == pytest.approx(2.5 * float(bias), rel=ROUNDING)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(n=st.integers(4, 60), m=st.integers(1, 59), rho=st.floats(-8, 8).map(np.exp), more=st.floats(1.01, 3.0))
def test_more_weight_less_variance_more_bias(n, m, rho, more):
    """For one feature w rises and g falls with the weight at every b."""
    if m >= n:
        return
    risk = exact_one_feature_risk(n, m, [rho, rho * more], **SCALES)
    assert risk.bias[1] > risk.bias[0]
    assert risk.variance[1] < risk.variance[0]
    assert np.array_equal(risk.total, risk.bias + risk.variance)


def test_broadcasting_equals_a_loop():
    n, m = np.array([[9], [30]]), np.array([1, 4, 9])
    for exact in (
        lambda n, m: exact_bag_risk(n, 3, m, **SCALES),
        lambda n, m: exact_instance_risk(n, 3, m, **SCALES),
        lambda n, m: exact_one_feature_risk(n, m, 0.4, **SCALES),
    ):
        together = exact(n, m)
        for i, j in np.ndindex(2, 3):
            alone = exact(n[i, 0], m[j])
            assert isinstance(alone.total, float)
            assert alone == tuple(part[i, j] for part in together)


# --- bad input


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (exact_bag_risk, (4, 2, 5), r"bags must be <= n, got bags=5 with n=4"),
        (exact_bag_risk, (4, 2, 1.5), r"bags must be whole numbers, got bags=1\.5"),
        (exact_bag_risk, (4, 0, 2), r"d must be >= 1"),
        (exact_instance_risk, (0, 2, 1), r"n must be >= 1"),
        (exact_instance_risk, (4, 2, "2"), r"bags must be a real number"),
        (exact_instance_risk, (4, 2, np.nan), r"bags must be"),
        (exact_one_feature_risk, (4, 2, -0.1), r"interpolation must be >= 0, got interpolation=-0\.1"),
        (exact_one_feature_risk, (1, 1, 0.1), r"n must be >= 2"),
        (exact_one_feature_risk, (4, 2, np.inf), r"interpolation must be"),
    ],
)
def test_bad_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments, **SCALES)


def test_bad_powers_and_traces():
    with pytest.raises(ValueError, match=r"signal must be >= 0, got signal=-1\.0"):
        exact_instance_risk(9, 2, 3, signal=-1.0, noise_variance=0.3)
    with pytest.raises(ValueError, match=r"noise_variance must be >= 0"):
        exact_bag_risk(9, 2, 3, signal=1.5, noise_variance=-0.3)
    traces = {"missed_squares": 0.5, "missed_squared": 0.5, "gain": 0.5}
    with pytest.raises(ValueError, match=r"n must be > d \+ 1, got n=3 with d=2"):
        exact_risk_from_traces(3, 2, **traces, **SCALES)
    with pytest.raises(ValueError, match=r"missed_squares must be <= d, got missed_squares=2\.5 with d=2"):
        exact_risk_from_traces(9, 2, **{**traces, "missed_squares": 2.5}, **SCALES)
    with pytest.raises(ValueError, match=r"missed_squared must be <= d\^2"):
        exact_risk_from_traces(9, 2, **{**traces, "missed_squared": 4.5}, **SCALES)
