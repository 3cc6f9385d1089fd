"""The intervals against their definitions: the mixture by quadrature, proportions by another library's test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binomtest, norm

from assay.interval import (
    ALPHA_HOLDS,
    ALPHA_REFUTED,
    certifiable_margin,
    clopper_pearson,
    detectable_error,
    first_look,
    half_width,
    replicates_needed,
)

# --- identities and limits


def test_levels():
    assert (ALPHA_HOLDS, ALPHA_REFUTED) == (0.02, 1e-4)


def test_first_look_grows_with_the_square_of_the_skewness():
    assert [first_look(g) for g in (0.0, 1.0, -1.0, 1.5, 2.0, -3.0)] == [64, 64, 64, 144, 256, 576]


def test_planning_numbers_come_from_the_two_widths():
    """At the budget, tightest at half of it: the width at .02 or 1e-4 plus the two-sided .99 point, to three digits."""
    widths = [half_width(5000, alpha, 2500) * math.sqrt(5000) for alpha in (ALPHA_HOLDS, ALPHA_REFUTED)]
    assert certifiable_margin(0.3, 900) == pytest.approx((widths[0] + norm.ppf(0.995)) * 0.3 / 30, rel=1e-3)
    assert detectable_error(0.3, 900) == pytest.approx((widths[1] + norm.ppf(0.995)) * 0.3 / 30, rel=1e-3)


def test_replicates_needed_inverts_the_certifiable_margin():
    assert certifiable_margin(0.4, replicates_needed(0.0, 0.4, 0.03)) == pytest.approx(0.03, rel=1e-12)
    assert replicates_needed(-0.02, 0.4, 0.03) == pytest.approx(replicates_needed(0.0, 0.4, 0.01), rel=1e-12)
    assert replicates_needed(0.03, 0.4, 0.03) == math.inf


def test_a_proportion_at_the_ends():
    low, high = clopper_pearson(0, 50, 0.02)
    assert (low, high) == (0.0, pytest.approx(1 - 0.01 ** (1 / 50), rel=1e-12))
    assert clopper_pearson(50, 50, 0.02) == (pytest.approx(0.01 ** (1 / 50), rel=1e-12), 1.0)


# --- oracle


@pytest.mark.parametrize(("count", "alpha", "optimal"), [(64, 0.02, 500), (777, 1e-4, 300), (4000, 0.3, 4000)])
def test_the_boundary_is_where_the_mixture_martingale_reaches_one_over_alpha(count, alpha, optimal):
    """exp(t S - n t^2 / 2) averaged over t ~ N(0, r) is the martingale; S = n h is where it equals 1/alpha."""
    r = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / optimal
    total = count * half_width(count, alpha, optimal)
    peak = total / (count + 1 / r)
    width = 1 / math.sqrt(count + 1 / r)

    def integrand(t: float) -> float:
        return math.exp(t * total - count * t * t / 2) * norm.pdf(t, scale=math.sqrt(r))

    mixture = quad(integrand, peak - 12 * width, peak + 12 * width, epsabs=0, epsrel=1e-11)[0]
    assert mixture == pytest.approx(1 / alpha, rel=1e-9)  # the quadrature's own tolerance with a reserve


@pytest.mark.parametrize("alpha", [0.02, 1e-4])
def test_the_sequence_is_tightest_where_it_is_asked_to_be(alpha):
    """The rule for r is the known approximation of the exact optimum: within 0.1 % of the best r of a fine grid."""
    best = min(half_width(1000, alpha, optimal) for optimal in np.geomspace(200, 5000, 400))
    assert half_width(1000, alpha, 1000) <= 1.001 * best


@pytest.mark.parametrize(("events", "trials"), [(0, 1), (1, 1), (3, 17), (50, 1000), (999, 1000)])
@pytest.mark.parametrize("alpha", [0.02, 2e-4])
def test_clopper_pearson_against_the_exact_binomial_test(events, trials, alpha):
    expected = binomtest(events, trials).proportion_ci(confidence_level=1 - alpha, method="exact")
    # the reference inverts the binomial by root finding with absolute tolerance 2e-12
    assert clopper_pearson(events, trials, alpha) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-11)


# --- properties


@settings(derandomize=True, deadline=None)
@given(st.floats(10, 1e6), st.floats(1e-6, 0.4), st.floats(10, 1e6))
def test_wider_when_surer_narrower_when_longer(count, alpha, optimal):
    here = half_width(count, alpha, optimal)
    assert half_width(count, alpha / 10, optimal) > here
    assert half_width(2 * count, alpha, optimal) < here
    assert here * math.sqrt(count) > norm.isf(alpha / 2)  # looking often must cost something


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 400), st.floats(0, 1), st.floats(1e-5, 0.3))
def test_a_proportion_lies_in_its_interval_and_mirrors(trials, fraction, alpha):
    events = round(fraction * trials)
    low, high = clopper_pearson(events, trials, alpha)
    assert 0 <= low <= events / trials <= high <= 1
    mirrored = clopper_pearson(trials - events, trials, alpha)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-11)  # quantiles of beta to 1e-12 near 0 and 1


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.1, 10), "count and optimal_count must be > 0, got count=0"),
        ((10, 0.1, -1), "got count=10, optimal_count=-1"),
        ((10, 0.0, 10), "alpha must be > 0 and < 1, got alpha=0.0"),
        ((10, 1.0, 10), "alpha must be > 0 and < 1, got alpha=1.0"),
    ],
)
def test_half_width_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        half_width(*arguments)


@pytest.mark.parametrize(("events", "trials"), [(-1, 4), (5, 4), (0, 0)])
def test_clopper_pearson_refuses(events, trials):
    with pytest.raises(ValueError, match=f"events must lie in 0..trials .* got events={events}, trials={trials}"):
        clopper_pearson(events, trials, 0.1)
