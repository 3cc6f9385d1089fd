"""How well to fit: sympy for the asymptotic form, direct minimisation over the ridge for the finite one."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from theory.random_features.continuum import clean_ridgeless_risk, clean_risk_prefactor, convergence_exponent
from theory.random_features.fitting import (
    fitting_ratio_cost,
    fitting_ratio_risk,
    optimal_fitting_ratio,
    overfitting_threshold,
    power_law_fitting_ratio,
    power_law_overfitting_threshold,
    shifted_fitting_ratio,
)
from theory.random_features.infinite_modes import power_law_regularization, power_law_risk, power_law_train_error
from theory.random_features.series import power_law_sums

INF = float("inf")
ALPHA, BETA, NOISE, R = sp.symbols("alpha beta sigma r", positive=True)
SHAPE = ((1 - R) ** (1 - BETA) + ALPHA * NOISE) / (1 + (ALPHA - 1) * R)
# One root of a smooth equation with slope of order 1, squared.
ACCURACY = 1e-14

# alpha, beta, relative noise: CIFAR10, SVHN and MNIST exponents among them
TASKS = [
    (1.5, 1.25, 0.0),
    (1.17, 1.14, 0.0),
    (1.22, 1.20, 1.3),
    (1.12, 1.36, 5.0),
    (1.5, 1.5, 1.0),
    (2.0, 2.5, 0.26),
    (2.0, 4.5, 3.0),
    (3.0, 2.2, 50.0),
]


def _shape(r, alpha, beta, noise):
    """F(r), typed a second time."""
    return ((1 - r) ** (1 - beta) + alpha * noise) / (1 + (alpha - 1) * r)


# --- identities and limits


def test_stationary_points_of_the_error_solve_the_equation_of_the_optimal_ratio():
    # dF/dr = -(1-r)^-beta [alpha - beta - (alpha-1) beta r + alpha (alpha-1) noise (1-r)^beta]/(1+(alpha-1) r)^2
    equation = ALPHA - BETA - (ALPHA - 1) * BETA * R + ALPHA * (ALPHA - 1) * NOISE * (1 - R) ** BETA
    slope = -((1 - R) ** -BETA) * equation / (1 + (ALPHA - 1) * R) ** 2
    difference = sp.powsimp(sp.expand(sp.together((sp.diff(SHAPE, R) - slope) * (1 + (ALPHA - 1) * R) ** 2)))
    assert sp.simplify(difference * (1 - R) ** BETA) == 0
    assert SHAPE.subs({R: 0, NOISE: 0}) == 1
    assert sp.simplify(equation.subs(R, 1) + ALPHA * (BETA - 1)) == 0
    assert sp.solve(equation.subs(R, 0), NOISE) == [(BETA - ALPHA) / (ALPHA * (ALPHA - 1))]


def test_error_at_a_ratio_from_the_leading_sums():
    # n (A + noise)/(n - q) with z = n (1-r), s = z/alpha, A = D (C/z)^(beta-1), noise = sigma alpha D (C/n)^(beta-1)
    n, lead, constant = sp.symbols("n D C", positive=True)
    z = n * (1 - R)
    noise = NOISE * ALPHA * lead * (constant / n) ** (BETA - 1)
    test = n * (lead * (constant / z) ** (BETA - 1) + noise) / (n - z + z / ALPHA)
    prefactor = ALPHA * lead * constant ** (BETA - 1)
    point = {ALPHA: sp.Rational(8, 5), BETA: sp.Rational(9, 7), NOISE: sp.Rational(2, 3), R: sp.Rational(3, 8)}
    ratio = test / (prefactor * n ** (1 - BETA) * SHAPE)
    assert sp.simplify(sp.powsimp(sp.expand_power_base(ratio.subs(point)))) == 1


@pytest.mark.parametrize(
    ("alpha", "beta", "noise", "root"),
    [
        (1.5, 1.25, 0.0, 0.4),
        (1.17, 1.14, 0.0, 0.15480),
        (1.5, 1.5, 1.0, 0.43016),
        (1.12, 1.36, 5.0, 0.43296),
        (2.0, 2.5, 0.26, 0.00527),
    ],
)
def test_known_optima(alpha, beta, noise, root):
    # roots printed to five decimals
    assert np.sqrt(optimal_fitting_ratio(alpha, beta, noise)) == pytest.approx(root, abs=5.1e-6)


def test_ratios_of_the_measured_exponents():
    # CIFAR10, SVHN without noise; MNIST at relative noise 0, 1, 5, 50; printed to four digits and less
    np.testing.assert_allclose(optimal_fitting_ratio([1.17, 1.22], [1.14, 1.20], 0.0), [0.0240, 0.0057], atol=5e-5)
    mnist = optimal_fitting_ratio(1.12, 1.36, [0.0, 1.0, 5.0, 50.0])
    np.testing.assert_array_equal(mnist[:2], [0.0, 0.0])
    np.testing.assert_allclose(mnist[2:], [0.1875, 0.771], atol=5e-4)
    assert overfitting_threshold(1.12, 1.36) == pytest.approx(1.79, abs=5e-3)


@pytest.mark.parametrize("gap", [1e-9, 1e-4, 0.03, 0.4])
def test_noise_free_root_in_closed_form(gap):
    # (alpha - beta)/((alpha-1) beta), with relative accuracy also where it is tiny
    alpha, beta = 1.5, 1.5 - gap
    expected = ((alpha - beta) / ((alpha - 1) * beta)) ** 2
    assert optimal_fitting_ratio(alpha, beta, 0.0) == pytest.approx(expected, rel=10 * ACCURACY, abs=0)


def test_threshold_separates_fitting_exactly_from_fitting_with_care():
    alpha, beta = np.array([2.0, 1.3, 3.0]), np.array([2.5, 1.7, 3.3])
    edge = overfitting_threshold(alpha, beta)
    np.testing.assert_allclose(edge, [0.25, 0.4 / 0.39, 0.05], rtol=ACCURACY * 10)
    np.testing.assert_array_equal(optimal_fitting_ratio(alpha, beta, 0.999 * edge), 0.0)
    above = optimal_fitting_ratio(alpha, beta, 1.001 * edge)
    assert np.all(above > 0.0)
    # just above, R grows like the square of the excess: r = excess/(slope at 0)
    slope = (alpha - 1) * beta * (1 + alpha * edge)
    np.testing.assert_allclose(np.sqrt(above), 0.001 * edge * alpha * (alpha - 1) / slope, rtol=0.01)
    assert overfitting_threshold(1.5, 1.25) < 0.0


def test_interpolation_cost_and_divergence():
    # F(0)/F(.4) = 1.2/0.6^-0.25 at (1.5, 1.25, 0)
    assert fitting_ratio_cost(0.0, 1.5, 1.25, 0.0) == pytest.approx(1.2 * 0.6**0.25, rel=ACCURACY, abs=0)
    assert fitting_ratio_cost(0.0, 1.5, 1.25, 0.0) == pytest.approx(1.056, abs=5e-4)
    assert fitting_ratio_cost(0.16, 1.5, 1.25, 0.0) == pytest.approx(1.0, rel=ACCURACY, abs=0)
    assert fitting_ratio_cost(1.0, 1.5, 1.25, 0.3) == INF
    # for beta >= alpha without noise, (1-r)^(1-beta)/(1+(alpha-1) r)
    assert fitting_ratio_cost(0.49, 1.4, 1.8, 0.0) == pytest.approx(0.3**-0.8 / 1.28, rel=ACCURACY, abs=0)


def test_curve_at_finite_size_contains_the_clean_error_and_the_optimum():
    for shift in (False, True):
        start = fitting_ratio_risk(0.0, 40.0, 1.4, 1.8, 0.0, shift)
        assert start == pytest.approx(clean_ridgeless_risk(40.0, 1.4, 1.8, shift), rel=ACCURACY, abs=0)
    # without the shift: prefactor, power of n and shape, each typed separately
    got = fitting_ratio_risk(0.2, 40.0, 1.4, 1.8, 0.6, False)
    expected = clean_risk_prefactor(1.4, 1.8) * 40.0**-0.8 * _shape(0.2**0.5, 1.4, 1.8, 0.6)
    assert got == pytest.approx(expected, rel=ACCURACY, abs=0)
    # with it: the minimum over the ratio is the shifted optimum
    best = shifted_fitting_ratio(40.0, 1.4, 1.8, 1.6)
    found = minimize_scalar(
        lambda ratio: fitting_ratio_risk(ratio, 40.0, 1.4, 1.8, 1.6), bounds=(0, 0.99), options={"xatol": 1e-10}
    )
    assert best == pytest.approx(found.x, abs=1e-7)  # a minimum located by values: root of eps


def test_fixed_noise_variance_ends_in_pure_averaging():
    # noise not scaled with n: relative noise grows like n^(beta-1) and R tends to 1 (a mutant of the scaling)
    n = np.array([1e2, 1e6, 1e10])
    relative = 0.3 / clean_ridgeless_risk(n, 1.6, 1.9)
    ratio = optimal_fitting_ratio(1.6, 1.9, relative)
    assert np.all(np.diff(ratio) > 0)
    assert ratio[-1] > 0.999


# --- oracle


@pytest.mark.parametrize(("alpha", "beta", "noise"), TASKS)
def test_asymptotic_optimum_by_direct_minimisation(alpha, beta, noise):
    r = np.linspace(0.0, 1.0, 200_001)[:-1]
    values = _shape(r, alpha, beta, noise)
    best = int(np.argmin(values))
    # step 5e-6, and values equal to eps over root(eps): 2e-8
    assert np.sqrt(optimal_fitting_ratio(alpha, beta, noise)) == pytest.approx(r[best], abs=6e-6)
    ratio = np.array([0.0, 0.1, 0.5, 0.97])
    cost = fitting_ratio_cost(ratio, alpha, beta, noise)
    np.testing.assert_allclose(cost, _shape(np.sqrt(ratio), alpha, beta, noise) / values[best], rtol=1e-9)


@pytest.mark.parametrize(("alpha", "beta", "noise"), [*TASKS, (1.5, 3.5, 200.0)])
@pytest.mark.parametrize("n", [3.0, 47.0])
def test_finite_optimum_by_minimising_the_error_over_the_ridge(alpha, beta, noise, n):
    # the public errors, scanned over the ridge and polished: knows nothing of gamma
    variance = noise * power_law_risk(n, INF, 0.0, alpha, beta)
    grid = np.r_[0.0, np.geomspace(1e-9, 1e5, 2000)]
    values = power_law_risk(n, INF, grid, alpha, beta, variance)
    best = int(np.argmin(values))
    ridge = grid[best]
    if best > 0:
        found = minimize_scalar(
            lambda t: power_law_risk(n, INF, np.exp(t), alpha, beta, variance),
            bounds=(np.log(grid[best]) - 0.03, np.log(grid[best]) + 0.03),
            method="bounded",
            options={"xatol": 1e-12},
        )
        ridge = np.exp(found.x)
    ratio = power_law_train_error(n, INF, ridge, alpha, beta, variance) / power_law_risk(
        n, INF, ridge, alpha, beta, variance
    )
    # a minimum located by values: root of 1e-14
    assert power_law_fitting_ratio(n, alpha, beta, noise) == pytest.approx(ratio, abs=1e-6)


def test_convergence_to_the_asymptotic_ratio():
    n = np.array([30.0, 1e2, 1e3, 1e4, 1e5])
    gap = power_law_fitting_ratio(n, 1.5, 1.25, 0.0) - 0.16
    np.testing.assert_allclose(gap, [5.2e-3, 1.6e-3, 1.6e-4, 1.6e-5, 1.6e-6], rtol=0.01)  # two digits printed
    # the half-sample shift removes 1/n: what stays is of order n^-(alpha+1), at n = 1e5 rounding
    rest = power_law_fitting_ratio(n, 1.5, 1.25, 0.0) - shifted_fitting_ratio(n, 1.5, 1.25, 0.0)
    assert np.all(np.abs(rest) < 1.2 * n**-2.5)


@pytest.mark.parametrize(("alpha", "beta", "noise"), [task for task in TASKS if task != (2.0, 2.5, 0.26)])
def test_rate_of_convergence(alpha, beta, noise):
    n = np.array([1e5, 1e6])
    gap = np.abs(power_law_fitting_ratio(n, alpha, beta, noise) - optimal_fitting_ratio(alpha, beta, noise))
    # the next orders are smaller by n^-0.24 (MNIST) at worst: slope off by .05
    assert np.log10(gap[0] / gap[1]) == pytest.approx(convergence_exponent(alpha, beta), abs=0.08)


@pytest.mark.parametrize(("alpha", "beta"), [(2.0, 2.5), (1.12, 1.36), (1.3, 1.7), (1.5, 1.25)])
def test_finite_threshold_separates_and_converges(alpha, beta):
    edge = power_law_overfitting_threshold([20.0, 1e6], alpha, beta)
    # order n^-min(1, 2 alpha+1-beta, alpha+1-beta) at worst n^-0.76 (1.12, 1.36), constant of order 1
    assert edge[1] == pytest.approx(overfitting_threshold(alpha, beta), abs=1e-4)
    if edge[0] > 0.0:
        assert power_law_fitting_ratio(20.0, alpha, beta, 0.99 * edge[0]) == 0.0
        assert power_law_fitting_ratio(20.0, alpha, beta, 1.01 * edge[0]) > 0.0
    else:
        assert power_law_fitting_ratio(20.0, alpha, beta, 0.0) > 0.0


def test_curves_at_a_thousand_samples():
    # shifted curve against exact sums along the whole curve in one stroke: choose gamma, read off R and the error
    alpha, beta, noise, n = 1.5, 1.25, 0.8, 1000.0
    lowest = power_law_regularization(n, INF, 0.0, alpha)[0]
    gamma = lowest * np.geomspace(1.0, 200.0, 9)
    sums = power_law_sums(gamma, alpha, beta)
    variance = noise * power_law_risk(n, INF, 0.0, alpha, beta)
    exact = n * (sums.missed_power + variance) / (n - sums.degrees_of_freedom_2)
    ratio = np.maximum(0.0, 1.0 - sums.degrees_of_freedom / n) ** 2
    shifted, plain = (fitting_ratio_risk(ratio, n, alpha, beta, noise, shift) for shift in (True, False))
    # orders (z)^-2.5 with z down to 30, and 1/z
    np.testing.assert_allclose(shifted, exact, rtol=3e-5)
    np.testing.assert_allclose(plain, exact, rtol=2e-2)
    assert np.max(np.abs(plain / exact - 1)) > 20 * np.max(np.abs(shifted / exact - 1))


# --- properties

_exponents = st.tuples(st.floats(1.02, 5.0), st.floats(0.01, 0.99)).map(lambda t: (t[0], 1.0 + 2.0 * t[0] * t[1]))
_noises = st.one_of(st.just(0.0), st.floats(-4.0, 6.0).map(lambda x: 10.0**x))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(_exponents, _noises, st.floats(0.0, 0.999))
def test_the_optimum_is_an_optimum_and_stays_below_one(exponents, noise, ratio):
    alpha, beta = exponents
    best = optimal_fitting_ratio(alpha, beta, noise)
    assert 0.0 <= best < 1.0
    assert (best > 0.0) == (noise > overfitting_threshold(alpha, beta))
    assert fitting_ratio_cost(ratio, alpha, beta, noise) >= 1.0 - 1e-12
    # residual of the defining equation relative to its terms; 1 - r keeps 1e-16/(1-r) of relative accuracy
    r = np.sqrt(best)
    terms = np.array([alpha - beta, -(alpha - 1) * beta * r, alpha * (alpha - 1) * noise * (1 - r) ** beta])
    if best > 0.0:
        assert abs(np.sum(terms)) <= 1e-13 * np.max(np.abs(terms)) / (1 - r)


@pytest.mark.parametrize("alpha", [1 + 1e-12, 1.5, 50.0, 1e6])
@pytest.mark.parametrize("place", [1e-9, 0.5, 1 - 1e-6])
def test_extreme_arguments_stay_in_range(alpha, place):
    beta = 1 + 2 * alpha * place
    for noise in (0.0, 1e-300, 1e-9, 1e100):
        assert 0.0 <= optimal_fitting_ratio(alpha, beta, noise) < 1.0
        assert 0.0 <= shifted_fitting_ratio(0.7, alpha, beta, noise) <= 1.0
        assert np.all(fitting_ratio_cost([0.0, 0.4, 1.0], alpha, beta, noise) >= 1.0 - 1e-12)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(_exponents, st.floats(0.01, 20.0), st.floats(1.05, 4.0))
def test_more_noise_asks_for_less_fitting(exponents, noise, factor):
    alpha, beta = exponents
    quiet, loud = optimal_fitting_ratio(alpha, beta, [noise, noise * factor])
    assert loud >= quiet
    assert loud > quiet or loud == 0.0


def test_arrays_broadcast_and_scalars_stay_scalars():
    assert np.ndim(optimal_fitting_ratio(1.5, 1.25, 0.1)) == 0
    assert optimal_fitting_ratio([[1.5], [2.0]], 1.25, [0.0, 1.0, 2.0]).shape == (2, 3)
    assert fitting_ratio_cost([[0.1], [0.2]], 1.5, [1.25, 1.3], 0.1).shape == (2, 2)
    assert power_law_fitting_ratio([[30.0], [40.0]], 1.5, 1.25, [0.0, 1.0, 2.0]).shape == (2, 3)
    assert np.ndim(power_law_fitting_ratio(30.0, 1.5, 1.25, 0.4)) == 0
    assert shifted_fitting_ratio([30.0, 40.0], 1.5, 1.25, 0.4).shape == (2,)


def test_no_nan_over_the_whole_domain():
    """Ends of every domain, infinities allowed, NaN not; ratios stay in [0, 1] and costs at or above 1."""
    one = np.nextafter(1.0, 2.0)
    n, ratio = np.array([1e-50, 0.3, 1e50])[:, None], np.array([0.0, 1e-300, 0.4, 1.0])
    for alpha in (one, 1.7, 40.0, 1e10, 1e50):
        for beta in (one, 0.5 * (one + alpha), alpha, 1.99 * alpha):
            for noise in (0.0, 1e-300, 0.3, 1e100):
                best, shifted = optimal_fitting_ratio(alpha, beta, noise), shifted_fitting_ratio(n, alpha, beta, noise)
                assert np.all((best >= 0.0) & (best < 1.0) & (shifted >= 0.0) & (shifted <= 1.0))
                # where the noise outweighs r by 1e100 the root of R is only known to eps: a cost of 1 - 1e-9 at worst
                assert np.all(fitting_ratio_cost(ratio, alpha, beta, noise) > 1.0 - 1e-9)
                if alpha <= 40.0:
                    for shift in (False, True):
                        assert np.all(fitting_ratio_risk(ratio, n, alpha, beta, noise, shift) >= 0.0)


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: overfitting_threshold(1.0, 1.5), r"alpha must be > 1, got alpha=1.0"),
        (
            lambda: overfitting_threshold([1.5, 2.0], [4.0, 4.0]),
            r"beta must be < 2\*alpha \+ 1, got alpha=1.5, beta=4.0",
        ),
        (lambda: optimal_fitting_ratio(1.5, 0.9, 0.1), r"beta must be > 1, got beta=0.9"),
        (
            lambda: optimal_fitting_ratio(1.5, 1.5, -0.1),
            r"relative_noise must be >= 0 and <= 1e\+100, got relative_noise=-0.1",
        ),
        (lambda: fitting_ratio_cost(1.2, 1.5, 1.5, 0.1), r"ratio must be >= 0 and <= 1, got ratio=1.2"),
        (lambda: fitting_ratio_risk(-0.2, 9.0, 1.5, 1.5, 0.1), r"ratio must be >= 0 and <= 1, got ratio=-0.2"),
        (lambda: fitting_ratio_risk(0.2, 0.0, 1.5, 1.5, 0.1), r"n must be > 0.*, got n=0.0"),
        (lambda: shifted_fitting_ratio(-3.0, 1.5, 1.5, 0.1), r"n must be > 0.*, got n=-3.0"),
        (
            lambda: shifted_fitting_ratio(3.0, 1.5, 1.5, -0.1),
            r"relative_noise must be >= 0 and <= 1e\+100, got relative_noise=-0.1",
        ),
        (lambda: shifted_fitting_ratio(1e-200, 2.0, 2.5, 0.1), r"n must be >= 1e-50 and <= 1e\+50, got n=1e-200"),
        (lambda: optimal_fitting_ratio(1e160, 2.5, 0.1), r"alpha must be <= 1e\+50, got alpha=1e\+160"),
        (lambda: fitting_ratio_cost(0.2, [2.0, 1e160], 2.5, 0.1), r"alpha must be <= 1e\+50, got alpha\[1\]=1e\+160"),
        (lambda: overfitting_threshold(1e160, 2.5), r"alpha must be <= 1e\+50, got alpha=1e\+160"),
        (lambda: fitting_ratio_risk(0.2, 1e-200, 2.0, 2.5, 0.1), r"n must be >= 1e-50 and <= 1e\+50, got n=1e-200"),
        (lambda: fitting_ratio_risk(0.2, 9.0, [2.0], 2.5, 0.1), r"alpha must be a single real number, got shape"),
        (lambda: power_law_overfitting_threshold(0.0, 1.5, 1.5), r"n must be > 0.*, got n=0.0"),
        (lambda: power_law_fitting_ratio(0.0, 1.5, 1.5, 0.1), r"n must be > 0.*, got n=0.0"),
        (lambda: power_law_fitting_ratio(9.0, 1.5, 4.5, 0.1), r"beta must be < 2\*alpha \+ 1, got alpha=1.5, beta=4.5"),
        (
            lambda: power_law_fitting_ratio(9.0, 1.5, 1.5, -1.5),
            r"relative_noise must be >= 0 and <= 1e\+100, got relative_noise=-1.5",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
