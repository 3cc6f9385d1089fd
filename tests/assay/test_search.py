"""The search that attacks bounds: does it find what is there?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.search import Range, maximize

CUBE = {"a": Range(0, 1), "b": Range(-2, 2)}


def search(score, domain, restarts=50, seed=0, **more):
    return maximize(score, domain, np.random.default_rng(seed), restarts, **more)


# --- identities and limits


def test_ranges_at_their_ends_and_middle():
    assert [Range(2, 6).at(u) for u in (0, 0.25, 1)] == [2, 3, 6]
    decades = Range(1e-20, 1e6, log=True)
    assert [decades.at(u) for u in (0, 0.5, 1)] == pytest.approx(
        [1e-20, 1e-7, 1e6], rel=1e-12
    )  # 60 eps of the exponent
    assert (decades.at(0), decades.at(1)) >= (1e-20, 1e6 * (1 - 1e-12))
    whole = Range(1, 400, log=True, integer=True).at(0.5)
    assert (whole, type(whole)) == (20, int)
    assert isinstance(Range(0, 1).at(np.float64(0.3)), float)
    assert not isinstance(Range(0, 1).at(np.float64(0.3)), np.floating)


def test_an_empty_domain_is_one_point():
    found = search(lambda point: 0.25, {}, restarts=1, steps=0)
    assert (found.score, found.point, found.admissible) == (0.25, {}, 1)


# --- oracle


@pytest.mark.parametrize("seed", range(5))
def test_smooth_peaks_corners_and_needles(seed):
    peak = search(lambda p: -((p["a"] - 0.3) ** 2) - (p["b"] - 1.1) ** 2, CUBE, seed=seed)
    assert peak.point["a"] == pytest.approx(0.3, abs=0.02)  # 60 steps of a shrinking strategy
    assert peak.point["b"] == pytest.approx(1.1, abs=0.08)
    corner = search(lambda p: p["a"] - p["b"], CUBE, seed=seed)
    assert corner.score == pytest.approx(3.0, abs=1e-3)
    needle = search(lambda p: 1.0 if abs(p["a"] - 0.7) < 0.02 else 0.0, CUBE, restarts=400, seed=seed)
    assert needle.score == 1.0  # missed with probability 0.96^400 = 8e-8


def test_ascent_beats_sampling():
    def score(p):
        return -math.hypot(p["a"] - 0.123, p["b"] - 0.456)

    assert search(score, CUBE, ascents=4).score > search(score, CUBE, ascents=0).score


# --- properties


def test_only_admissible_points_count():
    found = search(lambda p: p["a"] if p["b"] > 0 else None, CUBE, ascents=0, restarts=300)
    assert found.evaluations == 300
    assert found.point["b"] > 0
    assert 100 < found.admissible < 200  # 150 expected, standard deviation 9: five of them
    nothing = search(lambda p: None, CUBE, restarts=7)
    assert (nothing.score, nothing.point, nothing.admissible, nothing.evaluations) == (-math.inf, {}, 0, 7)


def test_a_violation_ends_the_search():
    found = search(lambda p: p["a"], CUBE, restarts=1000, stop_above=0.5)
    assert found.score > 0.5
    assert found.evaluations < 40
    climbing = search(lambda p: min(p["a"], 0.0) - (p["b"] - 2) ** 2, CUBE, restarts=2, stop_above=-1e-3)
    assert climbing.score > -1e-3
    assert climbing.evaluations < 2 + 4 * 60


@settings(derandomize=True, deadline=None)
@given(st.floats(1e-12, 1e3), st.floats(1, 1e9), st.floats(0, 1), st.booleans(), st.booleans())
def test_values_stay_inside(low, factor, fraction, log, integer):
    inside = Range(low, low * factor, log=log, integer=integer).at(fraction)
    slack = 0.5 if integer else 0.0
    assert low - slack <= inside <= low * factor + slack


# --- bad input


@pytest.mark.parametrize("arguments", [{"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True}])
def test_empty_ranges_are_refused(arguments):
    with pytest.raises(ValueError, match="a Range needs low <= high, and low > 0 where log: got low="):
        Range(**arguments)


def test_a_nan_is_an_error_with_its_point():
    with pytest.raises(ArithmeticError, match=r"the score is NaN at \{'a': 0\."):
        search(lambda p: math.nan, CUBE)
