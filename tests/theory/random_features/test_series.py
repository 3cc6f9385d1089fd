"""Sums over power-law modes: against closed forms, plain addition and Euler-Maclaurin at 40 digits."""

from functools import cache

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.random_features import series
from theory.random_features.series import check_exponents, power_law_sum, power_law_sums

DIGITS = 40
# Every sum is a few hundred positive terms or series terms with ratios <= 2/3 and signed cancellation below a factor
# 5; the powers x^alpha carry alpha ln(x) eps. Together 30 eps at most; asked for is 1e-12, held here is 2e-14.
ACCURACY = 2e-14


@cache
def _roots_of_unity(count: int) -> list:
    with mp.workdps(DIGITS):
        return [mp.expjpi(mp.mpf(2) * i / count) for i in range(count)]


def _exact(gamma, alpha, beta, missed, learned, modes=None):
    """The sum at 40 digits: addition, then Euler-Maclaurin with derivatives from Cauchy's integral."""
    with mp.workdps(DIGITS):
        g, a, b = mp.mpf(gamma), mp.mpf(alpha), mp.mpf(beta)
        radius = g ** (-1 / a)
        start = 30 if radius > 60 else int(radius) + 31  # keeps the poles |x| = radius outside the Cauchy circle

        def summand(x):
            u = g * x**a
            return x**-b * u**missed / (1 + u) ** (missed + learned)

        def integral_beyond(x):
            parameters = (a * learned + b - 1) / a, (a * missed + 1 - b) / a
            return g ** ((b - 1) / a) / a * mp.betainc(*parameters, 0, 1 / (1 + g * x**a))

        def derivatives(x):
            turns = _roots_of_unity(64)
            values = [summand(x + x / 3 * turn) for turn in turns]
            total = mp.mpf(0)
            for order in range(1, 23, 2):
                coefficient = mp.fsum(v * turns[-i * order % 64] for i, v in enumerate(values)).real / 64
                total += mp.bernoulli(order + 1) / (order + 1) * coefficient / (x / 3) ** order
            return total

        if modes is not None and modes <= start + 60:
            return mp.fsum(summand(mp.mpf(i)) for i in range(1, modes + 1))
        x = mp.mpf(start)
        total = mp.fsum(summand(mp.mpf(i)) for i in range(1, start))
        total += summand(x) / 2 - derivatives(x) + integral_beyond(x)
        if modes is None:
            return total
        y = mp.mpf(modes)
        return total + summand(y) / 2 + derivatives(y) - integral_beyond(y)


def _bad_points(cells, accuracy=ACCURACY):
    """Every (relative error, cell) beyond the accuracy, worst first."""
    found = []
    for cell in cells:
        gamma, alpha, beta, missed, learned, *modes = cell
        got = power_law_sum(gamma, alpha, beta, missed, learned, *modes)
        with mp.workdps(DIGITS):
            error = float(abs(mp.mpf(float(got)) / _exact(*cell) - 1))
        if not error <= accuracy:
            found.append((error, cell))
    return sorted(found, reverse=True)


# --- identities and limits


@pytest.mark.parametrize("gamma", [1e-12, 3e-7, 2e-3, 0.04, 0.7, 5.0, 3e3, 1e6])
def test_inverse_square_modes_have_a_hyperbolic_closed_form(gamma):
    # sum 1/(1+g i^2) = (x coth x - 1)/2, x = pi/sqrt g; s = -g dz/dg; for v_i^2 = lambda_i: A = g s, B = g q.
    with mp.workdps(50):
        x = mp.pi / mp.sqrt(mp.mpf(gamma))
        z = (x * mp.coth(x) - 1) / 2
        s = (x * mp.coth(x) - x**2 / mp.sinh(x) ** 2) / 4
        expected = [float(value) for value in (z, z - s, s, gamma * s, gamma * (z - s))]
    sums = power_law_sums(gamma, 2.0, 2.0)
    got = [
        sums.degrees_of_freedom,
        sums.degrees_of_freedom_2,
        sums.degrees_of_freedom_gap,
        sums.missed_power,
        sums.shared_power,
    ]
    np.testing.assert_allclose(got, expected, rtol=ACCURACY)


@pytest.mark.parametrize("gamma", [1e-9, 0.013, 40.0])
def test_inverse_fourth_powers_as_targets_reduce_to_the_unweighted_sums(gamma):
    # alpha = 2, beta = 4: A = g^2 q and B = g (zeta(2) - g z - g q), by partial fractions.
    with mp.workdps(50):
        x = mp.pi / mp.sqrt(mp.mpf(gamma))
        z = (x * mp.coth(x) - 1) / 2
        q = z - (x * mp.coth(x) - x**2 / mp.sinh(x) ** 2) / 4
        expected = [float(gamma**2 * q), float(gamma * (mp.zeta(2) - gamma * z - gamma * q))]
    sums = power_law_sums(gamma, 2.0, 4.0)
    np.testing.assert_allclose([sums.missed_power, sums.shared_power], expected, rtol=ACCURACY)


@pytest.mark.parametrize(("alpha", "beta"), [(1.12, 1.36), (1.5, 2.5), (3.0, 6.5), (2.0, 1.2)])
def test_shares_add_up_to_one_in_every_sum(alpha, beta):
    # f + e = 1: each sum is the sum of its two neighbours.
    gamma = np.array([1e-11, 1e-5, 1e-2, 0.3, 20.0, 1e5])
    for missed, learned, weight in [(0, 1, 0), (1, 1, 0), (0, 2, 0), (1, 0, beta), (1, 1, beta), (0, 0, beta)]:
        whole = power_law_sum(gamma, alpha, weight, missed, learned)
        parts = power_law_sum(gamma, alpha, weight, missed + 1, learned)
        parts = parts + power_law_sum(gamma, alpha, weight, missed, learned + 1)
        np.testing.assert_allclose(parts, whole, rtol=ACCURACY)


@pytest.mark.parametrize(("alpha", "beta"), [(1.5, 1.25), (1.12, 1.36), (2.0, 3.0), (1.5, 3.9)])
def test_mellin_series_at_small_gamma(alpha, beta):
    # z, s, A and B as power series in gamma with zeta values (the resonance beta = alpha + 1 in its limit); at 1e-6
    # four terms leave 1e-24.
    gamma = 1e-6
    with mp.workdps(DIGITS):
        g, a, b = mp.mpf(gamma), mp.mpf(alpha), mp.mpf(beta)
        w, c = (b - 1) / a, mp.pi / a / mp.sin(mp.pi / a)
        z = c * g ** (-1 / a) + mp.fsum((-g) ** j * mp.zeta(-a * j) for j in range(4))
        s = c / a * g ** (-1 / a) - mp.fsum(j * (-g) ** j * mp.zeta(-a * j) for j in range(1, 4))
        lead = 1 / a if w == 1 else mp.pi * (1 - w) / (a * mp.sin(mp.pi * w))
        missed = lead * g**w + mp.fsum((-1) ** j * (j + 1) * g ** (2 + j) * mp.zeta(b - a * (2 + j)) for j in range(4))
        first = 1 if w == 1 else 0
        shared = mp.fsum((-1) ** j * (j + 1) * g ** (1 + j) * mp.zeta(b - a * (1 + j)) for j in range(first, 4))
        shared += g * (mp.euler - (1 + mp.log(g)) / a) if w == 1 else mp.pi * w / (a * mp.sin(mp.pi * w)) * g**w
    sums = power_law_sums(gamma, alpha, beta)
    got = [sums.degrees_of_freedom, sums.degrees_of_freedom_gap, sums.missed_power, sums.shared_power]
    np.testing.assert_allclose(got, [float(x) for x in (z, s, missed, shared)], rtol=ACCURACY)


def test_correction_rule_has_the_moments_of_its_weight():
    # int y^(2j-1)/(exp(2 pi y)+1) dy = (1 - 2^(1-2j)) |B_2j|/(4j), exact up to twice the number of nodes; the nodes
    # come from an eigenvalue problem with condition of order 1, the high moments weigh the outermost with height^2j.
    height, weight = series._abel_plana_rule()
    for j in range(1, 2 * height.size + 1):
        moment = float((1 - mp.mpf(2) ** (1 - 2 * j)) * abs(mp.bernoulli(2 * j)) / (4 * j))
        assert weight @ height ** (2 * j - 1) == pytest.approx(moment, rel=1e-13 * j, abs=0)


@pytest.mark.parametrize("modes", [1, 2, 11, 12, 13, 24, 25, 400, 100_000])
@pytest.mark.parametrize("gamma", [1e-13, 1e-6, 3e-3, 0.4, 900.0])
def test_finitely_many_modes_by_addition(modes, gamma):
    i = np.arange(1.0, modes + 1.0)
    f, e = gamma * i**1.3 / (1 + gamma * i**1.3), 1 / (1 + gamma * i**1.3)
    for beta, missed, learned in [(0, 0, 1), (0, 1, 1), (0, 0, 2), (2.2, 2, 0), (2.2, 1, 1), (2.3, 1, 1), (3.4, 2, 0)]:
        direct = np.sum(i**-beta * f**missed * e**learned)
        # plain addition of 1e5 positive terms, pairwise: 20 eps beside the accuracy of the sum itself
        assert power_law_sum(gamma, 1.3, beta, missed, learned, modes) == pytest.approx(direct, rel=3e-14, abs=0)


def test_limits_of_the_implicit_ridge():
    sums = power_law_sums([0.0, np.inf], 1.5, 2.0)
    np.testing.assert_array_equal(sums.degrees_of_freedom, [np.inf, 0.0])
    np.testing.assert_array_equal(sums.degrees_of_freedom_2, [np.inf, 0.0])
    np.testing.assert_array_equal(sums.degrees_of_freedom_gap, [np.inf, 0.0])
    np.testing.assert_allclose(sums.missed_power, [0.0, np.pi**2 / 6], rtol=ACCURACY)
    np.testing.assert_array_equal(sums.shared_power, [0.0, 0.0])
    few = power_law_sums([0.0, np.inf], 1.5, 2.0, modes=3)
    np.testing.assert_array_equal(few.degrees_of_freedom, [3.0, 0.0])
    np.testing.assert_array_equal(few.degrees_of_freedom_gap, [0.0, 0.0])
    np.testing.assert_allclose(few.missed_power, [0.0, 1 + 1 / 4 + 1 / 9], rtol=ACCURACY)
    assert power_law_sum(0.0, 1.5, 2.0, 0, 2) == pytest.approx(np.pi**2 / 6, rel=ACCURACY, abs=0)
    # beyond the first mode's eigenvalue z falls like zeta(alpha)/gamma
    assert power_law_sum(1e200, 2.0, 0, 0, 1) == pytest.approx(np.pi**2 / 6 * 1e-200, rel=ACCURACY, abs=0)


def test_shape_follows_gamma():
    assert np.ndim(power_law_sum(0.3, 1.5, 0, 0, 1)) == 0
    many = power_law_sum(np.geomspace(1e-8, 1e3, 6000).reshape(2, 3000), 3.0, 0, 0, 1)
    assert many.shape == (2, 3000)  # more cells than one chunk, on both sides of the change of cut
    one_by_one = [power_law_sum(g, 3.0, 0, 0, 1) for g in np.geomspace(1e-8, 1e3, 6000)[::500]]
    np.testing.assert_allclose(many.ravel()[::500], one_by_one, rtol=ACCURACY)


# --- oracle

_GAMMAS = [1e-12, 1e-9, 1e-6, 1e-4, 1e-3, 0.02, 0.1, 0.5, 2.0, 30.0, 1e3, 1e6]


@pytest.mark.parametrize("alpha", [1.001, 1.12, 1.5, 2.5, 4.0, 9.0])
def test_unweighted_sums_on_the_box(alpha):
    cells = [(g, alpha, 0, a, b) for g in _GAMMAS[:: 1 if alpha in (1.12, 4.0) else 2] for a, b in ((0, 1), (1, 1))]
    assert _bad_points([*cells, (1e-5, alpha, 0, 0, 2), (0.2, alpha, 0, 1, 2), (3.0, alpha, 0, 0, 2)]) == []


@pytest.mark.parametrize("alpha", [1.12, 1.5, 3.0])
def test_weighted_sums_on_the_box_with_resonances_and_edges(alpha):
    # w = (beta-1)/alpha at and 1e-9, 1e-5 beside the resonance 1, just inside both ends 0 and 2, and the zeros of
    # zeta at negative even arguments: beta - alpha (1 + j) = -2, -4.
    ends = [1.0001, (2 * alpha + 1) * (1 - 1e-12)]
    resonances = [1 + alpha, 1 + alpha * (1 + 1e-9), 1 + alpha * (1 - 1e-9), 1 + alpha * (1 + 1e-5)]
    zeros = [beta for j in (2, 3, 4) for m in (2, 4) if 1 < (beta := j * alpha - m) < 2 * alpha + 1]
    cells = [
        (_GAMMAS[(3 * i + j) % len(_GAMMAS)], alpha, beta, a, b)
        for i, beta in enumerate([*ends, *resonances, *zeros, 1 + 0.6 * alpha, 1 + 1.7 * alpha])
        for j, (a, b) in enumerate([(2, 0), (1, 1), (2, 0), (1, 1)])
    ]
    assert _bad_points(cells) == []


def test_accidental_zeros_of_the_measured_exponents():
    # MNIST's exponents: zeta(1.36 - 3*1.12) = zeta(-2) = 0 in the series for A and B
    cells = [(g, 1.12, 1.36, a, b) for g in (1e-10, 1e-3, 0.1, 0.9) for a, b in ((2, 0), (1, 1), (2, 1))]
    assert _bad_points(cells) == []


@pytest.mark.parametrize("alpha", [2.2, 3.0, 6.0, 9.0])
def test_poles_of_the_summand_near_the_cut(alpha):
    # x = gamma^(-1/alpha) exp(+-i pi/alpha) walks past the cut between the modes that are added and the integral
    radii = [1.5, 3.0, 5.0, 8.0, 10.0, 10.6, 11.3, 12.0, 14.0, 17.0, 21.0, 26.0, 33.0]
    cells = [(radius**-alpha, alpha, beta, 1, 1) for radius in radii for beta in (0, 1 + 0.8 * alpha)]
    assert _bad_points(cells) == []


def test_a_billion_modes_cost_nothing():
    # With alpha = 1.05 the modes beyond 1e9 still carry a third of z at gamma = 1e-9.
    cells = [(g, 1.05, beta, a, b, 10**9) for g in (1e-12, 1e-9, 0.3) for beta, a, b in ((0, 0, 1), (2.05, 1, 1))]
    # the tail beyond the last mode is subtracted: z over (alpha - 1) bounds what cancels, a factor 20
    assert _bad_points(cells, accuracy=20 * ACCURACY) == []


# --- properties


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    st.floats(1.01, 6.0),
    st.floats(0.01, 0.99),
    st.floats(-12.0, 5.0),
    st.floats(0.01, 3.0),
)
def test_monotone_and_between_the_integrals(alpha, place, exponent, factor):
    beta = 1.0 + 2.0 * alpha * place
    gamma = 10.0**exponent * np.array([1.0, np.exp(factor)])
    sums = power_law_sums(gamma, alpha, beta)
    assert sums.degrees_of_freedom[1] < sums.degrees_of_freedom[0]
    assert sums.missed_power[1] > sums.missed_power[0]
    constant = (np.pi / alpha) / np.sin(np.pi / alpha) * gamma ** (-1 / alpha)
    # a sum over i >= 1 of a falling function lies between the integrals from 1 and from 0; 1e-12 for rounding
    assert np.all(sums.degrees_of_freedom <= constant * (1 + 1e-12))
    assert np.all(sums.degrees_of_freedom >= constant * (1 - 1e-12) - 1)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(st.floats(1.05, 5.0), st.floats(0.05, 0.95), st.floats(-9.0, 3.0))
def test_logarithmic_derivatives(alpha, place, exponent):
    # gamma d/dgamma: z -> -s, s -> sum e f (2e-1), A -> 2 sum v^2 e f^2, by a five-point rule: truncation h^4 = 1e-12
    # times fifth derivatives of order 10, rounding 1e-15/h = 1e-12.
    beta, h = 1.0 + 2.0 * alpha * place, 1e-3
    gamma = 10.0**exponent * np.exp(h * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
    rule = np.array([1.0, -8.0, 0.0, 8.0, -1.0]) / (12.0 * h)
    sums = power_law_sums(gamma, alpha, beta)
    middle = gamma[2]
    bend = 2 * power_law_sum(middle, alpha, 0, 1, 2) - sums.degrees_of_freedom_gap[2]
    for values, slope in (
        (sums.degrees_of_freedom, -sums.degrees_of_freedom_gap[2]),
        (sums.degrees_of_freedom_gap, bend),
        (sums.degrees_of_freedom_2, -2 * power_law_sum(middle, alpha, 0, 1, 2)),
        (sums.missed_power, 2 * power_law_sum(middle, alpha, beta, 2, 1)),
    ):
        assert rule @ values == pytest.approx(slope, rel=1e-9, abs=1e-10 * values[2])


@pytest.mark.parametrize("alpha", [1.5, 12.0, 40.0])
@pytest.mark.parametrize("modes", [1, 30, np.inf])
def test_finite_over_the_whole_domain(alpha, modes):
    """No warning, no NaN, and shares that add up, at the steepest spectrum and the ends of the range of gamma."""
    gamma = 10.0 ** np.linspace(-250.0, 240.0, 50)
    total = power_law_sum(np.inf, alpha, 2.5, 1, 0, modes)
    missed, learned = (power_law_sum(gamma, alpha, 2.5, *powers, modes) for powers in ((1, 0), (0, 1)))
    np.testing.assert_allclose(missed + learned, total, rtol=ACCURACY)


# --- bad input


def test_exponents_are_checked_together():
    with pytest.raises(ValueError, match=r"alpha must be > 1, got alpha=1.0"):
        check_exponents(1.0, 1.5)
    with pytest.raises(ValueError, match=r"beta must be > 1, got beta=0.5"):
        check_exponents(1.5, 0.5)
    with pytest.raises(ValueError, match=r"beta must be < 2\*alpha \+ 1, got alpha=1.5, beta=4.0"):
        check_exponents(1.5, 4.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1, 1.5, 2.0, 1, 1), r"gamma must be >= 0, got gamma=-0.1"),
        (([0.2, np.nan], 1.5, 2.0, 1, 1), r"gamma must be >= 0, got gamma\[1\]=nan"),
        ((1e-260, 1.5, 2.0, 1, 1), r"gamma must be 0 or >= 1e-250, got gamma=1e-260"),
        ((0.2, 0.9, 0, 0, 1), r"alpha must be > 1, got alpha=0.9"),
        ((0.2, 1.5, 2.0, 4, 1), r"missed must be one of 0, 1, 2, 3, got missed=4"),
        ((0.2, 1.5, 2.0, 1, -1), r"learned must be one of 0, 1, 2, 3, got learned=-1"),
        ((0.2, 1.5, 0, 1, 0), r"learned must be >= 1 when beta is 0, got beta=0, learned=0"),
        ((0.2, 1.5, 2.0, 1, 1, 2.5), r"modes must be a whole number or inf, got modes=2.5"),
        ((0.2, 1.5, 2.0, 1, 1, 0), r"modes must be >= 1, got modes=0.0"),
        ((0.2, 1.5, 2.0, 1, 1, 1e300), r"modes must be <= 2\^52 or inf, got modes=1e\+300"),
        ((0.2, 1.5, 2.0, 1, 1, [7.0]), r"modes must be a single real number, got shape \(1,\)"),
        ((0.2, 1.5, 2.0, 1, 1, "7"), r"modes must be a real number or an array of them, got modes='7'"),
        ((0.2, 1000.0, 2.0, 1, 1), r"alpha must be <= 40, got alpha=1000.0"),
        ((0.2, 1000.0, 0, 1, 1), r"alpha must be <= 40, got alpha=1000.0"),
        ((0.2, [1.5, 2.0], 2.0, 1, 1), r"alpha must be a single real number, got shape \(2,\)"),
        ((0.2, 1.5, [2.0], 1, 1), r"beta must be a single real number, got shape \(1,\)"),
        (
            (1e200, 40.0, 2.0, 1, 1, 1e5),
            r"gamma\*\(modes \+ 1\)\^alpha must be <= 1e\+300, got gamma=1e\+200, alpha=40.0",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        power_law_sum(*arguments)
