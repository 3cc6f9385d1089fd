"""Which points a line refutes, what a stamp says, what the table holds."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from assay.interval import ALPHA_REFUTED, half_width
from assay.marks import COLUMNS, Map, Mark, archive, refuted, stamp, table

LINE = {"id": "toy.mean", "verdict": "holds", "expected": "holds", "as_expected": True, "reason": ""}


def mark(**changes) -> Mark:
    columns = {"x": [1.0, 2.0], "y": [0.25, -3.5], "low": [np.nan] * 2, "high": [np.nan] * 2, "z": [np.nan] * 2}
    arrays = {name: np.array(changes.pop(name, values), dtype=float) for name, values in columns.items()}
    names = {"panel": "left", "series": "risk", "role": "theory", **changes}
    return Mark(**names, **arrays, crossed=np.zeros(2, dtype=bool))


# --- identities and limits


def test_a_point_on_its_line_is_not_refuted_even_without_spread():
    assert not refuted(3.7, 3.7, 0.0, 100).any()


def test_a_single_replicate_refutes_nothing():
    assert not refuted([9.0, 1.0], 3.7, 0.0, 1).any()


def test_slack_forgives_relative_to_the_line_and_not_to_the_point():
    # the interval is negligible: 3.7 (1 + 0.05) is the edge
    edge = 3.7 * 1.05
    assert refuted([edge - 1e-6, edge + 1e-6], 3.7, 1e-12, 100, slack=0.05).tolist() == [False, True]
    assert refuted([-edge - 1e-6, -edge + 1e-6], -3.7, 1e-12, 100, slack=0.05).tolist() == [True, False]


# --- oracle


@pytest.mark.parametrize("count", [2, 4, 9, 24, 300, 5000])
def test_the_width_is_the_wider_of_the_sequential_and_the_student_interval(count):
    def tail(width: float) -> float:  # P(|T| > width) by integrating the density, not by scipy's Student
        nu = count - 1
        constant = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(math.pi * nu)
        return 2 * constant * quad(lambda x: (1 + x * x / nu) ** (-(nu + 1) / 2), width, np.inf, epsrel=1e-11)[0]

    quantile = brentq(lambda w: tail(w) - ALPHA_REFUTED, 3.0, 1e4, xtol=1e-9)
    width = max(quantile, half_width(count, ALPHA_REFUTED, count / 2) * count**0.5)
    error = 0.21
    points = 3.7 + width * error * np.array([1 - 1e-6, 1 + 1e-6])  # the quadrature is good to about 1e-9
    assert refuted(points, 3.7, error, count).tolist() == [False, True]


def test_false_alarms_of_few_replicates_stay_rare():
    # level 1e-4 for each of 20 000 points: 2 expected, more than 12 has probability 2e-6
    samples = np.random.default_rng(5).normal(3.7, 0.22, (20_000, 4))
    error = samples.std(axis=1, ddof=1) / 2
    assert refuted(samples.mean(axis=1), 3.7, error, 4).sum() <= 12


# --- properties


@settings(derandomize=True, deadline=None)
@given(
    mean=st.floats(-5, 5),
    theory=st.floats(-5, 5),
    error=st.floats(0, 2),
    slack=st.floats(0, 0.5),
    unit=st.sampled_from([2.0**-20, 4.0, 2.0**30]),
)
def test_units_do_not_matter(mean, theory, error, slack, unit):
    scaled = refuted(mean * unit, theory * unit, error * unit, 24, slack)
    assert scaled == refuted(mean, theory, error, 24, slack)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"reason": "31 cases within 0.0081 (setting 3, test)"}, "toy.mean holds (31 cases within 0.0081)"),
        ({"reason": ""}, "toy.mean holds"),
        (
            {"reason": "not violated at 60 points; worst left/right - 1 = -0.2"},
            "toy.mean holds (not violated at 60 points)",
        ),
        ({"verdict": "refuted", "reason": "value off by +0.5"}, "toy.mean refuted, as expected (value off by +0.5)"),
        (
            {"verdict": "refuted", "as_expected": False, "reason": "value off by +0.5"},
            "toy.mean refuted, UNEXPECTED (value off by +0.5)",
        ),
        (
            {"verdict": "undecided", "as_expected": False, "reason": "2 of 3 cases undecided: more"},
            "toy.mean undecided (2 of 3 cases undecided)",
        ),
    ],
)
def test_a_stamp_says_what_the_ledger_says(changes, text):
    assert stamp({**LINE, **changes}).text == text


def test_stamps_of_different_outcomes_differ_in_shape_and_colour():
    unexpected = {"verdict": "refuted", "as_expected": False}
    stamps = [stamp({**LINE, **c}) for c in ({}, unexpected, {"verdict": "undecided", "as_expected": False})]
    assert len({s.marker for s in stamps}) == 3
    assert len({s.color for s in stamps}) == 3


def test_a_long_reason_is_cut():
    text = stamp({**LINE, "reason": "word " * 40}).text
    assert text.endswith("…)")
    assert len(text) < 90


def test_the_table_gives_back_what_was_drawn():
    marks = [mark(), mark(series='a, "b"', role="simulation", low=[0.2, -4.0], high=[0.3, -3.0], z=[7.0, np.inf])]
    rows = list(csv.DictReader(io.StringIO(table(marks))))
    assert tuple(rows[0]) == COLUMNS
    assert [float(r["y"]) for r in rows] == [0.25, -3.5, 0.25, -3.5]
    assert [r["z"] for r in rows] == ["", "", "7", "inf"]
    assert [r["y_low"] for r in rows] == ["", "", "0.2", "-4"]
    assert [r["y_high"] for r in rows] == ["", "", "0.3", "-3"]
    assert rows[2]["series"] == 'a, "b"'
    assert rows[2]["role"] == "simulation"


def test_the_table_keeps_nine_digits():
    assert ",0.123456789," in table([mark(y=[0.1234567891, 1.0])])


# --- bad input


def test_two_maps_of_one_name_on_a_panel_are_refused():
    one = Map(
        "left", "time", "simulation", np.arange(2.0), np.arange(1.0), np.ones((1, 2)), np.zeros((1, 2), dtype=bool)
    )
    with pytest.raises(ValueError, match="'time' twice on 'left'"):
        archive([one, one])
