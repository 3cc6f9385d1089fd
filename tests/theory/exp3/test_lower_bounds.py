"""Affinities and lower bounds: enumeration, symmetric polynomials, exact Bayes risks, dense quadrature."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.exp3 import (
    indistinguishable_gap,
    ladder,
    ladder_affinity,
    ladder_information,
    two_point_bound,
    van_trees_bound,
)

EPS = np.finfo(float).eps
rule = settings(derandomize=True, deadline=None, max_examples=40)


def histories(rates, rounds, arms, loss):
    """Return P(pulls of the lossy arm) of all 2^rounds patterns, (rates, patterns), from the definition in floats."""
    chances = []
    for pattern in itertools.product((0, 1), repeat=rounds):
        odds, chance = np.full(len(rates), arms - 1.0), np.ones(len(rates))
        for pulled in pattern:
            p = 1.0 / (1.0 + odds)
            chance = chance * (p if pulled else 1.0 - p)
            if pulled:
                odds = odds * np.exp(np.minimum(rates * loss / p, 300.0 - np.log(odds)))  # no history of any weight
        chances.append(chance)
    return np.array(chances).T


# --- identities and limits


def test_nothing_to_tell_apart():
    assert ladder_affinity(1, 0.3, 0.8, 3, 0.7) == 1.0
    assert ladder_affinity([5, 1e40], 0.3, 0.3, 3, 0.7) == pytest.approx([1.0, 1.0], abs=0)
    assert two_point_bound(1, 0.3, 0.8) == 0.5
    assert two_point_bound(1e9, 0.3, 0.3) == 0.5


def test_small_probabilities_of_error_keep_their_digits():
    """(1 - sqrt(1 - rho^2))/2 -> rho^2/4."""
    n, eta, other = [200, 600, 2000], 0.3, 1.4
    rho = ladder_affinity(n, eta, other)
    assert rho.max() < 1e-7
    np.testing.assert_allclose(two_point_bound(n, eta, other), rho**2 / 4.0, rtol=1e-13)  # rho^2 relatively


def test_nothing_to_estimate():
    assert indistinguishable_gap(1, 0.2, 0.7) == (pytest.approx(0.5), 0.2, 0.7)
    assert van_trees_bound(1, 0.2, 0.7) == pytest.approx(0.5 / (2.0 * np.pi))


def test_two_rounds_by_hand():
    eta, other, arms, loss = 0.3, 0.5, 4, 0.7
    p, q = (1.0 / (1.0 + 3.0 * np.exp(arms * e * loss)) for e in (eta, other))
    rho = 0.75 + 0.25 * (np.sqrt(p * q) + np.sqrt((1 - p) * (1 - q)))
    assert ladder_affinity(2, eta, other, arms, loss) == pytest.approx(rho, rel=4 * EPS)
    assert two_point_bound(2, eta, other, arms, loss) == pytest.approx((1 - np.sqrt(1 - rho**2)) / 2, rel=1e-13)


def test_close_rates_have_the_fisher_information():
    """1 - rho_n -> I_n d^2/8: sqrt(1 - rho^2) = d sqrt(I_n)/2, visible in the bound down to d = 1e-7."""
    for n, eta, arms, loss in ((7, 0.3, 3, 0.7), (1e5, 0.5, 2, 1.3), (3000, 0.01, 2, 0.8), (1e200, 0.2, 2, 1.1)):
        d = 1e-5 / np.sqrt(ladder_information(n, eta, arms, loss))
        distance = 1.0 - 2.0 * two_point_bound(n, eta - d / 2, eta + d / 2, arms, loss)
        # eta +- d/2 keep eps eta/d of d, the bound eps/1e-5; skewness enters as d^2
        assert distance == pytest.approx(5e-6, rel=1e-4)


def test_published_gaps():
    """Gaps of the 21-point search; where the edge 1.5 cut them the present search moves eta as well and finds more."""
    horizons = [10, 1e2, 1e4, 1e8, 1e15, 1e40, 1e80, 1e300]
    published = [0.650, 0.484, 0.400, 0.200, 0.0747, 0.0676, 0.0610, 0.0494]
    found = indistinguishable_gap(horizons, 0.5, 1.5)
    np.testing.assert_array_less(np.array(published) - 6e-4, found.gap)
    np.testing.assert_allclose(found.gap[4:], published[4:], atol=2e-4)
    assert (found.gap[:4] < np.array(published[:4]) + 0.05).all()  # a step of the grid
    rho = ladder_affinity(horizons, found.learning_rate, found.other)
    assert (rho >= 0.9).all()


def test_published_average_risks():
    horizons = np.array([1e3, 1e4, 1e6, 1e8, 1e12, 1e20, 1e40, 1e80])
    # beyond 1e12 the numbers of a dense quadrature: a coarse one misses the steep ends of the levels
    expected = [0.67, 0.66, 0.66, 0.69, 0.80, 0.806, 0.586, 0.439]
    np.testing.assert_allclose(van_trees_bound(horizons, 0.5, 1.5) * np.log(horizons), expected, atol=0.006)


# --- oracle


def test_enumeration_of_all_histories(oracle):
    for eta, other, n, arms, loss in ((0.3, 0.5, 8, 2, 1.0), (0.6, 0.4, 5, 3, 0.7), (1.1, 0.2, 7, 2, 0.3)):
        _, affinity, variation = oracle.ladder_enumerated(eta, other, n, arms, loss)
        assert ladder_affinity(n, eta, other, arms, loss) == pytest.approx(affinity, rel=1e-14)
        bound = two_point_bound(n, eta, other, arms, loss)
        assert bound <= (1.0 - variation) / 2.0  # the error of the best test
        assert bound == pytest.approx((1 - np.sqrt(1 - affinity**2)) / 2, rel=1e-12)


def test_every_horizon_and_pair_of_rates(oracle):
    bad = []
    box = itertools.product(
        (0.08, 0.4, 1.9), (1.0 + 1e-9, 1.001, 1.3, 8.0), (2, 1e5, 1e40, 1e300), ((2, 1.2), (5, 0.6))
    )
    for eta, ratio, n, (arms, loss) in box:
        affinity, lost = oracle.ladder_affinity(n, eta, eta * ratio, arms, loss)
        x, slope = ladder(eta * ratio, 60, arms, loss)
        with np.errstate(over="ignore"):
            steep = eta * slope[(x < np.log(n) + 14.0) & np.isfinite(slope)].max()
        tolerance = 20 * EPS * (10.0 + steep)  # log p of the level that is being left
        found = ladder_affinity(n, eta, eta * ratio, arms, loss)
        error = two_point_bound(n, eta, eta * ratio, arms, loss)
        expected = affinity**2 / (2.0 * (1.0 + np.sqrt(lost * (1.0 + affinity))))
        if affinity > 1e-20:
            good = found == pytest.approx(affinity, rel=tolerance) and error == pytest.approx(
                expected, rel=2 * tolerance
            )
        else:
            good = found < 2e-20
        bad += [] if good else [(eta, ratio, n, arms, loss, found, affinity, error, expected)]
    assert bad == []


def test_many_levels_round_by_round():
    """More than 48 levels, horizons before most of them are left: the chain itself in floats; what is lost counts."""
    for n, eta, other, loss in ((90, 0.006, 0.02, 0.8), (300, 0.004, 0.006, 0.8), (70, 0.006, 0.0061, 0.8)):
        p, q = (1.0 / (1.0 + np.exp(np.minimum(ladder(rate, n, 2, loss)[0], 700.0))) for rate in (eta, other))
        weight = np.eye(1, n + 1)[0]
        for _ in range(n):
            climb = np.concatenate(([0.0], (weight * np.sqrt(p * q))[:-1]))
            weight = weight * np.sqrt((1.0 - p) * (1.0 - q)) + climb
        assert ladder_affinity(n, eta, other, 2, loss) == pytest.approx(
            weight.sum(), rel=1e-12
        )  # hundreds of roundings


def test_no_estimator_beats_the_average_risk():
    """The exact Bayes risk under the cos^2 prior: posterior means over all histories, by Gauss quadrature."""
    nodes, parts = np.polynomial.legendre.leggauss(60)
    for low, high, rounds, arms, loss in ((0.5, 1.5, 6, 2, 1.0), (0.2, 0.5, 9, 2, 1.3), (0.3, 1.0, 7, 3, 0.6)):
        eta, part = low + (high - low) * (nodes + 1) / 2, (high - low) * parts / 2
        prior = part * 2.0 / (high - low) * np.cos(np.pi * (eta - (low + high) / 2) / (high - low)) ** 2
        assert prior.sum() == pytest.approx(1.0)
        joint = prior[:, None] * histories(eta, rounds, arms, loss)
        joint = joint[:, joint.sum(axis=0) > 0.0]  # the others are beyond float64
        risk = prior @ eta**2 - np.sum((eta @ joint) ** 2 / joint.sum(axis=0))
        bound = van_trees_bound(rounds, low, high, arms, loss)
        assert bound <= np.sqrt(risk)
        assert bound > 0.5 * np.sqrt(risk)  # and it says something
        mean = prior @ ladder_information(rounds, eta, arms, loss)
        assert bound == pytest.approx((mean + (2 * np.pi / (high - low)) ** 2) ** -0.5, rel=1e-9)


def test_quadrature_over_steep_levels():
    """Four thousand midpoints: the prior vanishes with its slope at the ends, and the levels' ends are 1e-4 wide."""
    for n, low, high in ((1e6, 0.5, 1.5), (1e40, 0.4, 0.9)):
        eta = low + (high - low) * (np.arange(4000) + 0.5) / 4000
        weight = 2.0 * np.sin(np.pi * (eta - low) / (high - low)) ** 2 / 4000
        mean = weight @ ladder_information(n, eta, 3, 0.8)
        expected = (mean + (2 * np.pi / (high - low)) ** 2) ** -0.5
        assert van_trees_bound(n, low, high, 3, 0.8) == pytest.approx(expected, rel=1e-6)


# --- properties


@rule
@given(st.floats(-1.3, 0.5), st.floats(-3, 0.5), st.integers(2, 6), st.floats(-1, 1), st.floats(0.4, 290))
def test_affinity_is_symmetric_falls_and_scales(log_rate, log_step, arms, log_loss, log_rounds):
    eta, loss, n = 10.0**log_rate, 10.0**log_loss, np.floor(10.0**log_rounds)
    other = eta * (1.0 + 10.0**log_step)
    rho = ladder_affinity([n, 2 * n], eta, other, arms, loss)
    assert 0.0 <= rho[1] <= rho[0] * (1 + 1e-11) <= 1.0 + 2e-11
    np.testing.assert_array_equal(rho, ladder_affinity([n, 2 * n], other, eta, arms, loss))
    # the rates' difference, not only the rates, is rounded: one part in eta/(other - eta) eps
    scaled = ladder_affinity([n, 2 * n], eta * loss, other * loss, arms)
    slack = 1e-9 * (1.0 - rho) + 1e-12
    assert (np.abs(scaled - rho) <= slack + 1e-9 * rho).all()
    error = two_point_bound([n, 2 * n], eta, other, arms, loss)
    np.testing.assert_allclose(2 * error, 1 - np.sqrt((1 - rho) * (1 + rho)), atol=1e-7)


def test_average_risk_has_the_unit_of_the_rate():
    """Rates times c and losses over c: c times the bound, also where the information is far from 1."""
    expected = van_trees_bound([40, 1e9], 0.5, 1.5, 3, 0.9)
    for unit in (1e-9, 1e9):
        found = van_trees_bound([40, 1e9], 0.5 * unit, 1.5 * unit, 3, 0.9 / unit)
        # roundings of eta l, at levels where eta dx/d eta is 1e4
        np.testing.assert_allclose(found, unit * expected, rtol=1e-8)


def test_gap_is_certified_and_cannot_be_stretched():
    found = indistinguishable_gap([30, 1e7, 1e90], 0.3, 1.1, 0.8, 3, 0.9, 9)
    rho = ladder_affinity([30, 1e7, 1e90], found.learning_rate, found.other, 3, 0.9)
    assert (rho >= 0.8).all()
    assert (found.gap == found.other - found.learning_rate).all()
    assert (np.diff(found.gap) < 0.0).all()
    wider = ladder_affinity([30, 1e7, 1e90], found.learning_rate - 1e-6, found.other, 3, 0.9)
    assert (wider < 0.8).all()


def test_broadcasting_equals_a_loop():
    rounds, eta, other = np.array([[4], [900], [10**12]]), np.array([0.2, 0.004, 0.7]), 0.31
    for function in (ladder_affinity, two_point_bound):
        together = function(rounds, eta, other, 3, 0.7)
        assert together.shape == (3, 3)
        for i, j in np.ndindex(3, 3):
            alone = function(int(rounds[i, 0]), eta[j], other, 3, 0.7)
            assert isinstance(alone, float)
            assert alone == pytest.approx(together[i, j], rel=1e-12)
    assert van_trees_bound([[3, 9]], 0.3, 0.9).shape == (1, 2)
    assert isinstance(van_trees_bound(9, 0.3, 0.9), float)
    assert indistinguishable_gap([3, 9], 0.3, 0.9, points=3).gap.shape == (2,)


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ladder_affinity(9, 0.3, 0.0), r"other must be > 0 .* got other=0\.0"),
        (lambda: ladder_affinity(9, "0.3", 0.1), r"learning_rate must be a real number"),
        (lambda: ladder_affinity([9, 8], [0.3, 0.1, 0.2], 0.5), r"rounds, learning_rate, other, loss must broadcast"),
        (lambda: two_point_bound(0.5, 0.3, 0.1), r"rounds must be >= 1"),
        (lambda: two_point_bound(9, 0.3, 0.1, 1), r"n_arms must be >= 2"),
        (lambda: two_point_bound(10**6, 1e-8, 1e-7), r"learning_rate \* loss must be larger"),
        (lambda: indistinguishable_gap(9, 0.5, 0.5), r"low must be < high, got low=0\.5 and high=0\.5"),
        (lambda: indistinguishable_gap(9, 0.5, 1.5, 1.0), r"affinity must be > 0 and < 1"),
        (lambda: indistinguishable_gap(9, 0.5, 1.5, points=1), r"points must be >= 2"),
        (lambda: van_trees_bound(9, 0.0, 1.5), r"low must be > 0"),
        (lambda: van_trees_bound(9, [0.1], 1.5), r"low must be a single real number"),
        (lambda: van_trees_bound(9, 0.5, 1.5, loss=-1.0), r"loss must be > 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
