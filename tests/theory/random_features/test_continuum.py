"""Sums replaced by integrals: the integrals themselves, the exact sums they approach, and how fast."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.random_features.continuum import (
    clean_ridgeless_risk,
    clean_risk_prefactor,
    continuum_risk,
    convergence_exponent,
    leading_constants,
    proxy_exponents,
)
from theory.random_features.infinite_modes import power_law_regularization, power_law_risk
from theory.random_features.series import power_law_sums

INF = float("inf")
# A few elementary functions, sines taken of well-conditioned arguments; powers up to 3.
ACCURACY = 2e-14

EXPONENTS = [(1.5, 1.25), (1.17, 1.14), (2.0, 2.5), (1.12, 1.36), (1.5, 2.5), (1.5, 3.5), (3.0, 6.2)]


# --- identities and limits


@pytest.mark.parametrize(("alpha", "beta"), EXPONENTS)
def test_constants_are_the_integrals_that_replace_the_sums(alpha, beta):
    # int_0^inf dx/(1+x^alpha) and int_0^inf x^-beta (x^alpha/(1+x^alpha))^2 dx by the trapezoidal rule in t = ln x: the
    # integrands are analytic in |Im t| < pi/alpha, so a step of 0.05 leaves exp(-2 pi^2/(0.05 alpha)) < 1e-50, and the
    # slowest tail exp(-0.12 |t|) is below 1e-20 at the ends
    t = 0.05 * np.arange(-8000.0, 8001.0)
    counted = 0.05 * np.sum(np.exp(t - np.logaddexp(0.0, alpha * t)))
    missed = 0.05 * np.sum(np.exp((1.0 - beta) * t - 2.0 * np.logaddexp(0.0, -alpha * t)))
    # sums of 1e4 terms with exponents up to 700: 700 eps
    np.testing.assert_allclose(leading_constants(alpha, beta), [counted, missed], rtol=2e-13)


@pytest.mark.parametrize("alpha", [1 + 1e-9, 1.5, 4.0])
@pytest.mark.parametrize("off", [0.0, 1e-12, -1e-12, 1e-3, 0.49, 0.51, -0.51, 0.999999, -0.999999])
def test_constants_beside_their_removable_and_true_poles(alpha, off):
    beta = alpha + 1 - off * alpha
    with mp.workdps(40):
        a, b = mp.mpf(alpha), mp.mpf(beta)
        w = (b - 1) / a
        counted = mp.pi / a / mp.sin(mp.pi / a)
        missed = (mp.mpf(1) if w == 1 else mp.pi * (1 - w) / mp.sin(mp.pi * w)) / a
    np.testing.assert_allclose(leading_constants(alpha, beta), [float(counted), float(missed)], rtol=ACCURACY)


@pytest.mark.parametrize(("alpha", "beta"), EXPONENTS)
def test_prefactor_is_the_limit_of_the_clean_ridgeless_error(alpha, beta):
    n = 1e7
    ratio = power_law_risk(n, INF, 0.0, alpha, beta) / (clean_risk_prefactor(alpha, beta) * n ** (1 - beta))
    # error constant of order 1, read off below
    assert ratio == pytest.approx(1.0, rel=2.0 * n ** -convergence_exponent(alpha, beta), abs=0)


@pytest.mark.parametrize(
    ("alpha", "beta", "plain", "shifted"),
    [(1.5, 1.25, 6.2e-3, 2.5e-6), (1.17, 1.14, 5.6e-3, 3.3e-5), (2.0, 2.5, 1.2e-2, 1.4e-6)],
)
def test_half_sample_shift_at_a_hundred_samples(alpha, beta, plain, shifted):
    exact = power_law_risk(100.0, INF, 0.0, alpha, beta)
    # values to two digits
    assert abs(clean_ridgeless_risk(100.0, alpha, beta, False) / exact - 1) == pytest.approx(plain, rel=0.05, abs=0)
    assert abs(clean_ridgeless_risk(100.0, alpha, beta) / exact - 1) == pytest.approx(shifted, rel=0.05, abs=0)


def test_shift_is_no_help_where_low_modes_dominate():
    # 2 alpha + 1 - beta = 1/2: relative errors like n^-1/2 with and without
    for alpha, beta in [(2.0, 4.5), (1.5, 3.5)]:
        exact = power_law_risk([1e4, 1e6], INF, 0.0, alpha, beta)
        for shift in (False, True):
            error = clean_ridgeless_risk(np.array([1e4, 1e6]), alpha, beta, shift) / exact - 1
            assert error[1] / error[0] == pytest.approx(0.1, rel=0.05)  # next order n^-1/2 of the lead: 1 % and less


# --- oracle


@pytest.mark.parametrize(("alpha", "beta"), EXPONENTS)
@pytest.mark.parametrize("shift", [False, True])
def test_rate_of_the_clean_error(alpha, beta, shift):
    # without shift n^-min(1, 2 alpha+1-beta), with shift n^-min(2 alpha+1-beta, alpha+1)
    n = np.array([2e3, 8e3])
    exact = power_law_risk(n, INF, 0.0, alpha, beta)
    error = np.abs(clean_ridgeless_risk(n, alpha, beta, shift) / exact - 1)
    slope = np.log(error[0] / error[1]) / np.log(4.0)
    low = 2 * alpha + 1 - beta
    expected = min(low, alpha + 1) if shift else convergence_exponent(alpha, beta)
    # at the larger size the error is above 1e-11 (rounding 1e-13); competing orders at least n^-0.2 smaller bend the
    # slope by up to 0.12
    assert slope == pytest.approx(expected, abs=0.12)


@pytest.mark.parametrize(
    ("alpha", "beta", "errors"),
    [(1.5, 1.25, (6e-3, 6e-4)), (1.17, 1.14, (6e-3, 6e-4)), (2.0, 2.5, (4e-2, 1.5e-3)), (1.12, 1.36, (2e-2, 3e-3))],
)
def test_closed_form_of_the_random_feature_power_law(alpha, beta, errors):
    for n, error in zip((100.0, 1000.0), errors, strict=True):
        worst = 0.0
        for z in n * np.array([0.1, 0.5, 0.9]):
            test, ridge = continuum_risk(z, n, 3 * n, alpha, beta, 0.02)
            worst = max(worst, abs(test / power_law_risk(n, 3 * n, ridge, alpha, beta, 0.02) - 1))
        assert worst < 3 * error  # stored values are typical errors, one digit


def test_closed_form_meets_the_exact_sums_as_sizes_grow():
    # alpha+1-beta = 1.25: order 1/n, at n = 1e6 below 2e-5
    for k, noise in [(INF, 0.013), (3e6, 0.013), (4e5, 0.0)]:
        for share in (0.03, 0.4, 0.95):
            z = share * min(1e6, k)
            test, ridge = continuum_risk(z, 1e6, k, 1.5, 1.25, noise)
            assert test == pytest.approx(power_law_risk(1e6, k, ridge, 1.5, 1.25, noise), rel=2e-5, abs=0)


def test_proxies_are_the_slopes_of_exact_learning_curves():
    alpha, beta = 1.3, 1.2
    slope, risk_slope, amplification = proxy_exponents(alpha, beta)
    n = np.array([1e5, 1e6])
    kappa = power_law_regularization(n, INF, 0.0, alpha)[1]
    clean = power_law_risk(n, INF, 0.0, alpha, beta)
    noise = power_law_risk(n, INF, 0.0, alpha, beta, 0.7) - clean
    # all three approach their limits with relative error 1/n
    assert np.log10(kappa[1] / kappa[0]) == pytest.approx(slope, abs=1e-4)
    assert np.log10(clean[1] / clean[0]) == pytest.approx(risk_slope, abs=1e-4)
    assert noise[1] / 0.7 == pytest.approx(amplification, rel=1e-4, abs=0)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=40)
@given(st.floats(1.1, 4.0), st.floats(0.05, 0.9), st.floats(0.02, 0.98))
def test_closed_form_limits_and_duality(alpha, place, share):
    beta = 1.0 + alpha * place
    n, k, noise = 350.0, 800.0, 0.05
    z = share * n
    test, ridge = continuum_risk(z, n, k, alpha, beta, noise)
    wide, wide_ridge = continuum_risk(z, n, INF, alpha, beta, noise)
    almost, almost_ridge = continuum_risk(z, n, 1e15, alpha, beta, noise)
    assert almost == pytest.approx(wide, rel=1e-9)  # relative difference of order n/k
    assert almost_ridge == pytest.approx(wide_ridge, rel=1e-9, abs=0)
    assert test > wide  # at fixed z more features only help
    # ridge k is symmetric in n and k, and s (p + r) + p r too: test(n,k)/n and test(k,n)/k differ by the slack in front
    back, back_ridge = continuum_risk(z, k, n, alpha, beta, noise)
    assert ridge * k == pytest.approx(back_ridge * n, rel=1e-12, abs=0)
    s, r, p = z / alpha, k - z, n - z
    missed = (wide * (s + p) / n) - noise
    shared = missed * (beta - 1) / (alpha + 1 - beta)
    numerator, swapped = ((missed + noise) * (s + slack) + shared * s for slack in (r, p))
    assert (test / n) / (back / k) == pytest.approx(numerator / swapped, rel=1e-9, abs=0)
    assert test == pytest.approx(n * numerator / (s * (p + r) + p * r), rel=1e-9, abs=0)


def test_closed_form_at_the_ends():
    sums = power_law_sums(1e-7, 1.5, 1.25)
    z = float(sums.degrees_of_freedom)
    peak, ridge = continuum_risk(z, z, z, 1.5, 1.25, 0.1)
    assert (peak, ridge) == (INF, 0.0)
    _, ridgeless = continuum_risk([20.0, 20.0], [20.0, 50.0], [50.0, 20.0], 1.5, 1.25)
    np.testing.assert_array_equal(ridgeless, [0.0, 0.0])


@pytest.mark.parametrize("alpha", [np.nextafter(1.0, 2.0), 1.5, 40.0])
def test_no_nan_over_the_whole_domain(alpha):
    """The ends of every domain: what exceeds the largest float is inf."""
    sizes = np.array([1e-50, 0.3, 1e50])
    n, k, z = sizes[:, None, None], np.r_[sizes, np.inf][:, None], np.array([1e-50, 0.3])
    n, k = np.maximum(n, z), np.maximum(k, z)
    for beta in (np.nextafter(1.0, 2.0), alpha, np.nextafter(alpha + 1.0, 0.0)):
        test, ridge = continuum_risk(z, n, k, alpha, beta, 0.3)
        assert np.all(test > 0.0)
        assert np.all(ridge >= 0.0)
        assert np.all(ridge[np.broadcast_to(np.minimum(n, k) == z, ridge.shape)] == 0.0)
        assert np.all(clean_ridgeless_risk(sizes, alpha, beta, half_sample_shift=False) >= 0.0)


# --- bad input


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"beta must be < 2\*alpha \+ 1, got alpha=1.5, beta=4.5"):
        leading_constants(1.5, 4.5)
    with pytest.raises(ValueError, match=r"alpha must be > 1, got alpha=0.5"):
        clean_risk_prefactor(0.5, 1.5)
    with pytest.raises(ValueError, match=r"n must be > 0.*, got n=0.0"):
        clean_ridgeless_risk(0.0, 1.5, 1.5)
    with pytest.raises(ValueError, match=r"beta must be > 1, got beta=1.0"):
        convergence_exponent(1.5, 1.0)
    with pytest.raises(ValueError, match=r"alpha must be > 1, got alpha=1.0"):
        proxy_exponents(1.0, 1.5)
    with pytest.raises(ValueError, match=r"beta must be < alpha \+ 1, got alpha=1.5, beta=2.5"):
        continuum_risk(10.0, 20.0, 30.0, 1.5, 2.5)
    with pytest.raises(ValueError, match=r"<= min\(n, k\), got degrees_of_freedom=25.0, n=20.0, k=30.0"):
        continuum_risk(25.0, 20.0, 30.0, 1.5, 1.5)
    with pytest.raises(ValueError, match=r"degrees_of_freedom must be > 0, got degrees_of_freedom=0.0"):
        continuum_risk(0.0, 20.0, 30.0, 1.5, 1.5)
    with pytest.raises(ValueError, match=r"degrees_of_freedom must be >= 1e-50, got degrees_of_freedom=5e-324"):
        continuum_risk(5e-324, 5, np.inf, 1.5, 1.25)
    with pytest.raises(ValueError, match=r"n must be >= 1e-50 and <= 1e\+50, got n=1e-200"):
        clean_ridgeless_risk(1e-200, 2.0, 4.5)
    with pytest.raises(ValueError, match=r"alpha must be <= 40, got alpha=1000.0"):
        leading_constants(1000, 1.5)
    with pytest.raises(ValueError, match=r"alpha must be a single real number, got shape \(1,\)"):
        proxy_exponents([1.5], 1.25)
    with pytest.raises(ValueError, match=r"noise_variance must be >= 0, got noise_variance=-0.5"):
        continuum_risk(5.0, 20.0, 30.0, 1.5, 1.5, -0.5)
