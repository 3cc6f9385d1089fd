"""Risk for infinitely many power-law modes: against 80-digit closed forms, stored values, the finite-spectrum code."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.random_features.errors import risk, train_error
from theory.random_features.fixed_point import implicit_regularization
from theory.random_features.infinite_modes import power_law_regularization, power_law_risk, power_law_train_error
from theory.random_features.series import power_law_sums
from theory.random_features.spectra import power_law

INF = float("inf")
# Sums are good to 2e-14 and gamma to that times z/s <= alpha; the risk multiplies a handful of them.
ACCURACY = 2e-13

# lambda_i = v_i^2 = i^-1.5, 10 000 modes, noise 0.5: n, k, ridge, gamma, kappa, test error, train error, from
# 30-digit arithmetic; 15 digits printed, hence 5e-15 on top of the accuracy.
STORED = [
    (256, 100, 0.1, 0.004300612991853, 0.000589268377092606, 1.19824929931741, 0.526551655086523),
    (256, 256, 0.1, 0.00198641357669715, 0.000880876156674321, 1.13346290714192, 0.222893637707861),
    (256, 1000, 0.001, 0.000803997866476477, 0.000599515492042016, 1.22435484972862, 5.19788366103147e-5),
    (256, 10000, 10, 0.0422669029289743, 0.042186769701163, 1.06759813785664, 0.915325017785394),
    (1000, 256, 0.01, 0.000816702418044012, 1.33655974890463e-5, 0.935489497818479, 0.523675384525264),
    (256, INF, 0.1, 0.00135531502905944, 0.00135531502905944, 0.883987962287779, 0.0734320938581779),
]


def _inverse_square_sums(gamma, beta):
    """z, s, A, B for alpha = 2 and beta in {2, 4} at the working precision, from hyperbolic functions."""
    x = mp.pi / mp.sqrt(gamma)
    z = (x * mp.coth(x) - 1) / 2
    s = (x * mp.coth(x) - x**2 / mp.sinh(x) ** 2) / 4
    if beta == 2:
        return z, s, gamma * s, gamma * (z - s)
    return z, s, gamma**2 * (z - s), gamma * (mp.zeta(2) - gamma * z - gamma * (z - s))


def _exact_errors(n, k, ridge, beta, noise):
    """gamma, kappa, test, train for alpha = 2 by bisection at 80 digits of the equation before any simplification."""
    with mp.workdps(80):
        n, k, ridge, noise = (mp.mpf(x) for x in (n, k, ridge, noise))
        size = n if mp.isinf(k) else min(n, k)

        def excess(t):  # falls with t = ln gamma; positive where z exceeds what the slacks allow
            gamma = mp.exp(t)
            z = _inverse_square_sums(gamma, 2)[0]
            share = 1 if mp.isinf(k) else (k - z) / k
            return mp.inf if z >= size else ridge - gamma * share * (n - z)

        low, high = mp.mpf(-80), mp.mpf(40)
        while high - low > mp.mpf(10) ** -70:
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) > 0 else (low, middle)
        gamma = mp.exp(high)
        z, s, missed, shared = _inverse_square_sums(gamma, beta)
        q = z - s
        kappa = gamma if mp.isinf(k) else gamma * (k - z) / k
        if mp.isinf(k):
            test = n / (n - q) * (missed + noise)
        else:  # the paper's form, with bias_i = f_i - kappa e_i f_i/gamma k/(k - q)
            bias = missed + shared - kappa / gamma * k / (k - q) * shared
            test = (bias + noise) / (1 - (q * (k - 2 * z) + z**2) / (n * (k - q)))
        return [float(x) for x in (gamma, kappa, test, (1 - z / n) ** 2 * test)]


# --- identities and limits


@pytest.mark.parametrize("row", STORED)
def test_stored_values_of_the_synthetic_task(row):
    n, k, ridge, *expected = row
    got = [
        *power_law_regularization(n, k, ridge, 1.5, modes=10_000),
        power_law_risk(n, k, ridge, 1.5, 1.5, 0.5, modes=10_000),
        power_law_train_error(n, k, ridge, 1.5, 1.5, 0.5, modes=10_000),
    ]
    np.testing.assert_allclose(got, expected, rtol=ACCURACY)


@pytest.mark.parametrize(("n", "k"), [(7.5, 40.0), (40.0, 7.5), (12.0, 12.0), (9.0, INF), (0.4, 3.0)])
def test_both_equations_of_the_framework_hold(n, k):
    gamma, kappa = power_law_regularization(n, k, 0.03, 1.7)
    z = float(power_law_sums(gamma, 1.7, 1.7).degrees_of_freedom)
    assert z + 0.03 / kappa == pytest.approx(n, rel=ACCURACY, abs=0)
    assert kappa == pytest.approx(gamma * (1 - z / k), rel=10 * ACCURACY, abs=0)  # k - z loses up to a digit here


def test_swapping_samples_and_features_keeps_gamma():
    # gamma(n, k, ridge) = gamma(k, n, ridge k/n), since ridge k = gamma (k - z)(n - z)
    for n, k, ridge in [(30.0, 80.0, 0.02), (3.0, 2.0, 5.0)]:
        there, back = (
            power_law_regularization(n, k, ridge, 1.3)[0],
            power_law_regularization(k, n, ridge * k / n, 1.3)[0],
        )
        assert there == pytest.approx(back, rel=ACCURACY, abs=0)


def test_kernel_limit_and_its_first_correction():
    # k (E - E_inf) -> n s/(s+p) [(A+noise) s/(s+p) + B] + n [2 A1/(s+p) - (A+noise)(s1+s)/(s+p)^2] z p/(p+s)
    n, ridge, alpha, beta, noise = 20.0, 0.13, 1.5, 1.9, 0.3
    at_infinity = power_law_risk(n, INF, ridge, alpha, beta, noise)
    gamma, _ = power_law_regularization(n, INF, ridge, alpha)
    i = np.arange(1.0, 400_001.0)
    f = gamma * i**alpha / (1 + gamma * i**alpha)
    sums = power_law_sums(gamma, alpha, beta)
    z, s, a, b = (
        float(x) for x in (sums.degrees_of_freedom, sums.degrees_of_freedom_gap, sums.missed_power, sums.shared_power)
    )
    a1, s1 = np.sum(i**-beta * f**2 * (1 - f)), np.sum((1 - f) * f * (1 - 2 * f))
    p = ridge / gamma
    assert at_infinity == pytest.approx(n / (n - z + s) * (a + noise), rel=ACCURACY, abs=0)
    slope = n * s / (s + p) * ((a + noise) * s / (s + p) + b)
    slope += n * (2 * a1 / (s + p) - (a + noise) * (s1 + s) / (s + p) ** 2) * z * p / (p + s)
    k = 1e7  # next term of relative order z/k; the sum to 4e5 leaves 1e-3 of s1, read off 400 000^(1-1.5)
    assert k * (power_law_risk(n, k, ridge, alpha, beta, noise) - at_infinity) == pytest.approx(slope, rel=1e-3, abs=0)


def test_matched_target_is_best_at_ridge_noise_over_scale():
    # alpha = beta, k = inf: the optimum is at ridge = noise exactly, and the curve is flat there to second order
    ridge = 0.07 * np.array([0.9, 1.0, 1.1])
    left, middle, right = power_law_risk(25.0, INF, ridge, 1.6, 1.6, 0.07)
    assert middle < min(left, right)
    near = power_law_risk(25.0, INF, 0.07 * np.array([1 - 1e-4, 1 + 1e-4]), 1.6, 1.6, 0.07)
    assert abs(near[1] - near[0]) < 1e-9 * middle  # a slope of 1 % of E/ridge would give 2e-6


def test_ridgeless_limits():
    # n < k: all samples fitted; k < n: train/test = (1 - k/n)^2 and kappa = 0; n = k: the peak, with fitted samples
    gamma, kappa = power_law_regularization([30.0, 80.0, 30.0], [80.0, 30.0, 30.0], 0.0, 1.4)
    np.testing.assert_allclose(power_law_sums(gamma, 1.4, 1.4).degrees_of_freedom, 30.0, rtol=ACCURACY)
    np.testing.assert_allclose(kappa, [gamma[0] * 50 / 80, 0.0, 0.0], rtol=ACCURACY)
    test = power_law_risk([30.0, 80.0, 30.0], [80.0, 30.0, 30.0], 0.0, 1.4, 2.2, 0.3)
    train = power_law_train_error([30.0, 80.0, 30.0], [80.0, 30.0, 30.0], 0.0, 1.4, 2.2, 0.3)
    assert np.all(np.isfinite(test[:2]))
    assert test[2] == INF
    np.testing.assert_allclose(train, [0.0, (50 / 80) ** 2 * test[1], 0.0], rtol=ACCURACY)


def test_peak_grows_like_the_inverse_root_of_the_ridge():
    test = power_law_risk(30.0, 30.0, [1e-16, 1e-18, 1e-20], 1.4, 2.2, 0.3)
    # p = r = sqrt(k ridge/gamma): the correction is of relative order p/s = 1e-7
    np.testing.assert_allclose(test[1:] / test[:-1], 10.0, rtol=1e-6)


def test_huge_ridge_learns_nothing():
    zeta = float(mp.zeta(2.2))
    gamma, kappa = power_law_regularization(30.0, [5.0, INF], [[1e280], [INF]], 1.4)
    np.testing.assert_array_equal(gamma[1], INF)
    np.testing.assert_allclose(gamma[0], 1e280 / 30, rtol=ACCURACY)
    np.testing.assert_array_equal(kappa, gamma)
    for ridge in (1e15, 1e280, INF):  # at 1e15 a share of 1e-13 is learned
        np.testing.assert_allclose(power_law_risk(30.0, [5.0, INF], ridge, 1.4, 2.2, 0.3), zeta + 0.3, rtol=1e-12)
        np.testing.assert_allclose(
            power_law_train_error(30.0, [5.0, INF], ridge, 1.4, 2.2, 0.3), zeta + 0.3, rtol=1e-12
        )


def test_tiny_and_huge_sizes_and_ridges_stay_finite():
    for n in (1e-30, 1e-3, 1e9):
        for k in (1e-30, 1e9, INF):
            for ridge in (0.0, 1e-200, 1e100):
                test = power_law_risk(n, k, ridge, 4.5, 3.2, 0.3)
                assert test > 0.3
                assert np.isfinite(test) or (n == k and ridge == 0.0)
                train = power_law_train_error(n, k, ridge, 4.5, 3.2, 0.3)
                assert train <= test * (1 + ACCURACY)  # equal at the largest ridge


def test_single_mode_in_closed_form():
    # M = 1: z = 1/(1+gamma), e f = gamma/(1+gamma)^2; k = inf leaves a quadratic for gamma
    n, ridge, noise = 3.0, 0.7, 0.2
    gamma = ((1 - n + ridge) + np.sqrt((1 - n + ridge) ** 2 + 4 * n * ridge)) / (2 * n)
    e = 1 / (1 + gamma)
    test = n * ((1 - e) ** 2 + noise) / (n - e**2)
    assert power_law_regularization(n, INF, ridge, 1.5, modes=1)[0] == pytest.approx(gamma, rel=ACCURACY, abs=0)
    assert power_law_risk(n, INF, ridge, 1.5, 2.5, noise, modes=1) == pytest.approx(test, rel=ACCURACY, abs=0)
    train = (1 - e / n) ** 2 * test
    assert power_law_train_error(n, INF, ridge, 1.5, 2.5, noise, modes=1) == pytest.approx(train, rel=ACCURACY, abs=0)


def test_every_mode_learned_without_ridge():
    test = power_law_risk([9.0, 9.0, 6.0, 6.0], [7.0, INF, 8.0, 6.0], 0.0, 1.5, 2.5, 0.3, modes=6)
    np.testing.assert_allclose(test, [0.9, 0.9, INF, INF], rtol=ACCURACY)
    assert power_law_regularization(9.0, 7.0, 0.0, 1.5, modes=6) == (0.0, 0.0)
    clean = power_law_risk([9.0, 6.0], 8.0, 0.0, 1.5, 2.5, modes=6)
    np.testing.assert_array_equal(clean, [0.0, 0.0])
    # n = k = M without noise: n sum v^2/lambda / (3 sum 1/lambda), approached like gamma ~ ridge^(1/3)
    i = np.arange(1.0, 7.0)
    limit = 6 * np.sum(i**-1.0) / (3 * np.sum(i**1.5))
    assert power_law_risk(6.0, 6.0, 0.0, 1.5, 2.5, modes=6) == pytest.approx(limit, rel=ACCURACY, abs=0)
    assert power_law_risk(6.0, 6.0, 1e-24, 1.5, 2.5, modes=6) == pytest.approx(limit, rel=1e-6, abs=0)


def test_scalars_give_scalars_and_arrays_broadcast():
    assert isinstance(power_law_risk(20, 30, 0.1, 1.5, 1.5), float)
    assert isinstance(power_law_train_error(20, 30, 0.1, 1.5, 1.5), float)
    assert all(isinstance(x, float) for x in power_law_regularization(20, 30, 0.1, 1.5))
    grid = power_law_risk(np.array([[20.0], [25.0]]), [30.0, 20.0, INF], 0.1, 1.5, 1.5, [0.0, 0.2, 0.4])
    assert grid.shape == (2, 3)
    assert grid[1, 2] == pytest.approx(power_law_risk(25.0, INF, 0.1, 1.5, 1.5, 0.4), rel=ACCURACY, abs=0)


# --- oracle


def test_against_eighty_digits_on_nasty_cells():
    # n = k at ridges down to 1e-20, k = inf, ridge 1e6, non-integer and tiny sizes, both orders of n and k
    sizes = [(20.0, 20.0), (20.0, 21.0), (21.0, 20.0), (3.7, 55.0), (55.0, 3.7), (0.3, 0.3), (0.2, 9.0), (400.0, INF)]
    bad = []
    for n, k in sizes:
        for ridge in (1e-20, 1e-12, 1e-5, 0.03, 2.0, 1e6):
            for beta, noise in ((2, 0.0), (4, 0.37)):
                expected = _exact_errors(n, k, ridge, beta, noise)
                got = [
                    *power_law_regularization(n, k, ridge, 2.0),
                    power_law_risk(n, k, ridge, 2.0, float(beta), noise),
                    power_law_train_error(n, k, ridge, 2.0, float(beta), noise),
                ]
                error = np.max(np.abs(np.array(got) / np.array(expected) - 1))
                if not error <= ACCURACY:
                    bad.append((error, n, k, ridge, beta, noise))
    assert sorted(bad, reverse=True) == []


def test_against_the_finite_spectrum_code():
    # Two routes to the same numbers: all eigenvalues one by one, or a dozen of them and an integral for the rest.
    rng = np.random.default_rng(20)
    for alpha, beta, modes in [(1.12, 1.36, 3000), (1.5, 2.5, 500), (2.5, 1.3, 40), (1.5, 3.7, 10)]:
        n, k = 10.0 ** rng.uniform(-0.5, np.log10(0.8 * modes), (2, 60))
        k[:6], k[6:12] = INF, n[6:12]
        ridge = 10.0 ** rng.uniform(-14, 4, 60)
        ridge[12:18] = 0.0
        n[18:24], ridge[18:24] = 2.0 * modes, 10.0 ** -np.arange(1.0, 25.0, 4.0)  # more samples than modes
        k[18:21] = 3.0 * modes
        eigenvalues, target = power_law(alpha, beta, modes)
        expected = [
            *implicit_regularization(n, k, ridge, eigenvalues),
            risk(n, k, ridge, eigenvalues, target, 0.21),
            train_error(n, k, ridge, eigenvalues, target, 0.21),
        ]
        got = [
            *power_law_regularization(n, k, ridge, alpha, modes=modes),
            power_law_risk(n, k, ridge, alpha, beta, 0.21, modes=modes),
            power_law_train_error(n, k, ridge, alpha, beta, 0.21, modes=modes),
        ]
        np.testing.assert_allclose(got, expected, rtol=ACCURACY)


def test_truncation_approaches_the_infinite_sum():
    # The tail beyond M takes gamma^-1 M^(1-alpha)/(alpha-1) modes: at alpha = 1.8 the difference falls like M^-0.8
    infinite = power_law_risk(40.0, 60.0, 0.02, 1.8, 2.3, 0.1)
    gap = [power_law_risk(40.0, 60.0, 0.02, 1.8, 2.3, 0.1, modes=10**e) - infinite for e in (8, 10, 12)]
    np.testing.assert_allclose(np.array(gap[1:]) / gap[:-1], 10**-1.6, rtol=1e-2)


# --- properties

_sizes = st.floats(-0.7, 4.0).map(lambda x: 10.0**x)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(_sizes, _sizes, st.floats(-18.0, 6.0), st.floats(1.01, 5.0), st.floats(0.02, 0.98), st.floats(0.0, 4.0))
def test_errors_are_ordered_and_affine_in_the_noise(n, k, exponent, alpha, place, noise):
    ridge, beta = 10.0**exponent, 1.0 + 2.0 * alpha * place
    gamma, kappa = power_law_regularization(n, k, ridge, alpha)
    assert 0.0 < kappa <= gamma
    test = power_law_risk(n, k, ridge, alpha, beta, [noise, 2 * noise, 0.0])
    train = power_law_train_error(n, k, ridge, alpha, beta, noise)
    assert noise < test[0]
    assert 0.0 <= train <= test[0]
    assert test[1] - test[0] == pytest.approx(test[0] - test[2], rel=1e-9, abs=1e-12 * test[0])
    z = float(power_law_sums(gamma, alpha, beta).degrees_of_freedom)
    assert z <= min(n, k) * (1 + 1e-13)


@settings(derandomize=True, deadline=None, max_examples=20)
@given(_sizes, _sizes, st.floats(1.05, 4.0), st.floats(0.05, 0.95), st.floats(0.0, 2.0), st.floats(0.1, 1.0))
def test_best_ridge_makes_more_of_everything_better(n, k, alpha, place, noise, more):
    # On a common grid of gamma the error falls in n and in k; here the ridge grid is fine enough for 1 %.
    ridge, beta = np.r_[0.0, np.geomspace(1e-9, 1e4, 400)], 1.0 + 2.0 * alpha * place
    best = [
        np.min(power_law_risk(samples, features, ridge, alpha, beta, noise))
        for samples, features in ((n, k), (n * (1 + more), k), (n, k * (1 + more)), (n, INF))
    ]
    assert np.all(best[1:] <= best[0] * 1.01)


# --- bad input


@pytest.mark.parametrize("function", [power_law_risk, power_law_train_error])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 5.0, 0.1, 1.5, 1.5), r"n must be > 0.*, got n=0.0"),
        ((3.0, [2.0, -5.0], 0.1, 1.5, 1.5), r"k must be > 0.*, got k\[1\]=-5.0"),
        ((3.0, 5.0, -0.1, 1.5, 1.5), r"ridge must be >= 0.*, got ridge=-0.1"),
        ((3.0, 5.0, 0.1, 1.0, 1.5), r"alpha must be > 1, got alpha=1.0"),
        ((3.0, 5.0, 0.1, 1.5, 4.0), r"beta must be < 2\*alpha \+ 1, got alpha=1.5, beta=4.0"),
        ((3.0, 5.0, 0.1, 1.5, 1.5, -0.2), r"noise_variance must be >= 0.*, got noise_variance=-0.2"),
        ((3.0, 5.0, 0.1, 1.5, 1.5, 0.2, 7.5), r"modes must be a whole number or inf, got modes=7.5"),
        (([3.0, 4.0], [5.0, 6.0, 7.0], 0.1, 1.5, 1.5), r"shapes"),
        ((3.0, 5.0, 0.1, 1000, 1.5), r"alpha must be <= 40, got alpha=1000.0"),
        ((3.0, 5.0, 0.1, [1.5, 2.0], 1.5), r"alpha must be a single real number, got shape \(2,\)"),
        ((3.0, 5.0, 0.1, 1.5, [1.5]), r"beta must be a single real number, got shape \(1,\)"),
        ((3.0, 5.0, 0.1, "1.5", 1.5), r"alpha must be a real number or an array of them, got alpha='1.5'"),
        ((3.0, 5.0, 0.1, 10**400, 1.5), r"alpha must be a real number or an array of them, got alpha=1000"),
        ((3.0, 5.0, 0.1, 1.5, 1.5, 0.2, 1e300), r"modes must be <= 2\^52 or inf, got modes=1e\+300"),
        ((3.0, 5.0, 0.1, 1.5, 1.5, 0.2, [7]), r"modes must be a single real number, got shape \(1,\)"),
        ((3.0, 5.0, 0.1, 1.5, 1.5, "0.2"), r"noise_variance must be a real number or an array"),
    ],
)
def test_bad_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_regularization_checks_its_scalars():
    with pytest.raises(ValueError, match=r"alpha must be <= 40, got alpha=1000.0"):
        power_law_regularization(3.0, 5.0, 0.1, 1000)
    with pytest.raises(ValueError, match=r"modes must be <= 2\^52 or inf, got modes=1e\+300"):
        power_law_regularization(3.0, 5.0, 0.1, 1.5, modes=1e300)


def test_sizes_beyond_double_precision_are_refused():
    with pytest.raises(ValueError, match=r"min\(n, k\)\^alpha must be < 1e250 or so, got n=1e\+48"):
        power_law_regularization(1e48, INF, 0.0, 6.0)
