"""Estimates into verdicts, by hand-made estimates whose fate is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.interval import half_width
from assay.moments import Moments
from assay.verdict import Case, Estimate, Verdict, counted, decide, deviation_estimates, interval, make_case, overall
from tests.assay import toys

MARGIN, BUDGET = 0.01, 1000


def estimate(deviation: float, cv: float = 0.05, skewness: float = 0.0, count: int = BUDGET, **more) -> Estimate:
    return Estimate(deviation, cv / math.sqrt(count), skewness, count, **more)


def case(outcome, deviation=0.001, missing=0.0, label="value", **more) -> Case:
    return Case(0, label, outcome, estimate(deviation, **more), deviation - 0.002, deviation + 0.002, 1, 0.01, missing)


# --- identities and limits


def test_both_intervals_decide():
    """At 1000 replicates, tightest at 500: half-widths 3.378 and 4.766 standard errors (cv 0.05: 0.0053 and 0.0075)."""
    assert decide(estimate(0.0046), MARGIN, 0.0, BUDGET / 2) == "holds"
    assert decide(estimate(0.0048), MARGIN, 0.0, BUDGET / 2) == "undecided"
    assert decide(estimate(-0.0074), MARGIN, 0.0, BUDGET / 2) == "undecided"
    assert decide(estimate(-0.0077), MARGIN, 0.0, BUDGET / 2) == "refuted"
    assert decide(estimate(-0.0077), MARGIN, MARGIN, BUDGET / 2) == "undecided"
    assert decide(estimate(-0.0170), MARGIN, MARGIN, BUDGET / 2) == "undecided"
    assert decide(estimate(-0.0177), MARGIN, MARGIN, BUDGET / 2) == "refuted"


def test_a_small_proven_error_inside_the_margin_holds():
    """Certified first: an error that matters to nobody does not refute, even where it is proven."""
    assert decide(estimate(0.004, cv=0.001), MARGIN, 0.0, BUDGET / 2) == "holds"


@pytest.mark.parametrize(("skewness", "first"), [(0.0, 64), (1.5, 144), (-2.0, 256), (3.0, 576)])
def test_nothing_is_decided_before_the_first_look(skewness, first):
    for deviation, outcome in ((0.0, "holds"), (0.9, "refuted")):
        early = estimate(deviation, cv=1e-4, skewness=skewness, count=first - 1)
        assert decide(early, MARGIN, 0.0, 500) == "undecided"
        assert decide(estimate(deviation, cv=1e-4, skewness=skewness, count=first), MARGIN, 0.0, 500) == outcome


def test_a_fit_that_failed_decides_nothing():
    assert decide(estimate(0.0, cv=1e-6, usable=False), MARGIN, 0.0, 500) == "undecided"
    assert decide(estimate(9.0, cv=1.0, usable=False, inflation=100.0), MARGIN, 0.0, 500) == "undecided"
    assert decide(estimate(9.0, cv=1.0, usable=False, inflation=2.0), MARGIN, 0.0, 500) == "refuted"


def test_deterministic_comparisons_have_no_interval():
    exact = Estimate(0.009, 0.5, 0.0, 0)
    assert interval(exact, 0.02, 1.0) == 0.0
    assert decide(exact, MARGIN, 0.0, 1.0) == "holds"
    assert decide(Estimate(0.011, 0.0, 0.0, 0), MARGIN, 0.0, 1.0) == "refuted"


# --- oracle


def test_batch_means_above_skewness_four():
    """Batches of 16: the same mean and standard error from n/16 values, tightest at n_opt/16."""
    plain, skewed = estimate(0.0, skewness=3.9, count=4096), estimate(0.0, skewness=-4.1, count=4096)
    s = 0.05
    assert interval(plain, 1e-4, 2048) == pytest.approx(half_width(4096, 1e-4, 2048) * s, rel=1e-14)
    assert interval(skewed, 1e-4, 2048) == pytest.approx(half_width(256, 1e-4, 128) * s / 4, rel=1e-14)
    assert interval(skewed, 1e-4, 3.0) == pytest.approx(half_width(256, 1e-4, 1.0) * s / 4, rel=1e-14)


def test_deviations_of_moments_against_the_definition():
    samples = np.random.default_rng(5).exponential(3.0, (500, 3))
    predicted = np.array([2.5, -4.0, 0.25])
    z = samples / np.abs(predicted)
    found = deviation_estimates(Moments.of(samples), predicted, relative=True)
    for j, e in enumerate(found):
        # 500 terms summed in either order: a few hundred eps of the largest term
        assert e.deviation == pytest.approx(z[:, j].mean() - np.sign(predicted[j]), rel=1e-12, abs=1e-13)
        assert e.standard_error == pytest.approx(z[:, j].std(ddof=1) / math.sqrt(500), rel=1e-12)
        centred = samples[:, j] - samples[:, j].mean()
        assert e.skewness == pytest.approx((centred**3).mean() / (centred**2).mean() ** 1.5, rel=1e-10)
        assert (e.count, e.predicted) == (500, predicted[j])
        assert e.measured == pytest.approx(samples[:, j].mean(), rel=1e-14)
    absolute = deviation_estimates(Moments.of(samples), predicted, relative=False)
    assert absolute[1].deviation == pytest.approx(samples[:, 1].mean() + 4.0, rel=1e-14)
    assert absolute[1].standard_error == pytest.approx(samples[:, 1].std(ddof=1) / math.sqrt(500), rel=1e-12)


def test_a_prediction_of_zero():
    moments = Moments.of([[0.0, 1.0], [0.0, 3.0]])
    zero, infinite = deviation_estimates(moments, np.zeros(2), relative=True)
    assert (zero.deviation, zero.standard_error) == (0.0, 0.0)
    assert (infinite.deviation, infinite.standard_error) == (math.inf, 0.0)
    assert [e.deviation for e in deviation_estimates(moments, np.zeros(2), relative=False)] == [0.0, 2.0]


def test_the_record_of_an_undecided_case_says_what_is_missing():
    """(5.95 cv / (margin - |deviation|))^2 replicates in all; detectable is 7.34 cv / sqrt(n)."""
    e = estimate(-0.004, cv=0.3, count=500)
    made = make_case(2, "risk", e, "undecided", 1, MARGIN, 250.0)
    assert made.missing == pytest.approx((5.95 * 0.3 / 0.006) ** 2 - 500, rel=1e-12)
    assert made.detectable == pytest.approx(7.34 * 0.3 / math.sqrt(500), rel=1e-12)
    half = half_width(500, 0.02, 250.0) * 0.3
    assert (made.low, made.high) == pytest.approx((-0.004 - half, -0.004 + half), rel=1e-12)
    assert make_case(2, "risk", e, "holds", 1, MARGIN, 250.0).missing == 0.0
    assert make_case(0, "risk", estimate(0.02), "undecided", 1, MARGIN, 250.0).missing == math.inf


def test_overall_words():
    assert overall([case("holds"), case("holds", -0.003, label="worse")]) == ("holds", "2 cases within 0.005 (worse)")
    refuted = [case("holds"), case("refuted", -0.2, label="a"), case("refuted", 0.1), case("undecided", missing=5)]
    assert overall(refuted) == ("refuted", "a off by -0.2")
    few = [case("holds"), case("undecided", missing=1234.5, label="b"), case("undecided", missing=7)]
    assert overall(few) == ("undecided", "2 of 3 cases undecided: b needs about 1.2e+03 more replicates")
    far = [case("undecided", 0.03, missing=math.inf, label="c")]
    assert overall(far) == ("undecided", "1 of 1 cases undecided: c deviates by +0.03")
    bent = [case("undecided", usable=False, note="chi-square 99 on 2", label="d")]
    assert overall(bent) == ("undecided", "1 of 1 cases undecided: d: chi-square 99 on 2")


def test_a_tendency_counts():
    cases = [case("holds"), case("holds"), case("refuted", 0.2, label="far")]
    outcome, reason = counted(toys.claim(kind="tendency", fraction=0.66), cases)
    assert (outcome, reason) == ("holds", "2 of 3 cases within 0.01 (66% asked); worst far: +0.2")
    assert counted(toys.claim(kind="tendency", fraction=0.67), cases)[0] == "refuted"


def test_a_verdict_sums_up_its_cases():
    verdict = Verdict("holds", "", (case("holds", count=64), case("holds", count=900)), mutants={"a": "surviving"})
    assert (verdict.replicates, verdict.keys, verdict.surviving) == (900, 1, ("a",))
    assert (Verdict("holds", "").replicates, Verdict("holds", "").keys) == (0, 0)


# --- properties


@settings(derandomize=True, deadline=None)
@given(st.floats(-0.1, 0.1), st.floats(1e-6, 2.0), st.integers(64, 10**6), st.floats(1e-4, 0.05), st.floats(0.0, 0.05))
def test_sign_and_scale_do_not_matter(deviation, cv, count, margin, slack):
    e = estimate(deviation, cv=cv, count=count)
    outcome = decide(e, margin, slack, count / 2)
    assert decide(estimate(-deviation, cv=cv, count=count), margin, slack, count / 2) == outcome
    doubled = estimate(2 * deviation, cv=2 * cv, count=count)
    assert decide(doubled, 2 * margin, 2 * slack, count / 2) == outcome


# --- bad input


def test_outputs_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="measure returned 2 outputs but predict 3"):
        deviation_estimates(Moments.of([[1.0, 2.0]]), np.ones(3), relative=True)
