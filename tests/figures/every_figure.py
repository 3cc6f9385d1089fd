"""What holds for every figure: labels, legends, files, verdicts, missing experiments.

The folder of each row imports these tests, which then run for the figures of that row.
"""

from __future__ import annotations

import csv
import json

import matplotlib.text
import numpy as np
import pytest

from assay import discovery
from assay.figure import FigureData
from assay.seeds import canonical_json

SMALLEST_FONT = 8.0  # points, at final size


# --- identities and limits


def test_the_table_is_what_was_drawn(drawn, spec):
    result = drawn[spec.id]
    with result.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    marks = result.canvas.marks
    assert len(rows) == sum(mark.x.size for mark in marks)
    assert [r["series"] for r in rows] == [mark.series for mark in marks for _ in mark.x]
    for column, name in (("x", "x"), ("y", "y"), ("y_low", "low"), ("y_high", "high"), ("z", "z")):
        written = np.array([float(r[column] or "nan") for r in rows])
        exact = np.concatenate([getattr(mark, name) for mark in marks])
        # nine digits are written
        assert np.allclose(written, exact, rtol=1e-8, atol=0, equal_nan=True)


def test_the_record_names_seeds_versions_and_verdicts(drawn, spec):
    record = json.loads(drawn[spec.id].record.read_text())
    assert (record["scale"], record["seed"], record["missing"]) == ("quick", 1, {})
    assert set(record["verdicts"]) == set(spec.claims)
    assert {"numpy", "scipy", "matplotlib", "assay-theory"} <= set(record["versions"])
    plan = spec.experiments("quick", 1)
    assert set(record["experiments"]) == set(plan)
    for name, (experiment, replicates) in plan.items():
        written = record["experiments"][name]
        assert written["setting"] == json.loads(canonical_json(experiment.setting))
        assert written["replicates"] >= replicates
        assert written["seed"] == 1


def test_stamps_repeat_the_ledger(drawn, row, spec):
    expected = [f"{claim_id} holds ({row} at quick with seed 1)" for claim_id in spec.claims]
    assert [stamp.text for stamp in drawn[spec.id].canvas.stamps] == expected


# --- properties


def test_claims_exist_and_captions_say_what_is_what(spec):
    assert set(spec.claims) <= set(discovery.claims())
    assert spec.claims
    assert spec.title
    words = spec.caption.lower()
    assert "line" in words or "colour" in words or "solid" in words or "rows" in words
    plan = spec.experiments("quick", 1)
    assert not plan or "point" in words or "simulat" in words


def test_every_axis_is_labelled_and_every_legend_entry_is_unique(drawn, spec):
    canvas = drawn[spec.id].canvas
    axes = list(canvas.axes.values())
    for ax in axes:
        row, column = ax.get_subplotspec().rowspan, ax.get_subplotspec().colspan
        below = [o for o in axes if o.get_subplotspec().colspan == column and o.get_xlabel()]
        beside = [o for o in axes if o.get_subplotspec().rowspan == row and o.get_ylabel()]
        assert below, ax
        assert beside, ax
    entries = [text.get_text() for legend in canvas.figure.legends for text in legend.get_texts()]
    assert len(entries) == len(set(entries))
    assert all(entries)


def test_text_is_large_enough_and_inside_the_figure(drawn, spec):
    figure = drawn[spec.id].canvas.figure
    shown = [t for t in figure.findobj(matplotlib.text.Text) if t.get_visible() and t.get_text().strip()]
    # exponents of powers of ten are set smaller by the typesetter; the text itself is not
    assert min(t.get_fontsize() for t in shown) >= SMALLEST_FONT
    box = figure.bbox
    for legend in figure.legends:
        extent = legend.get_window_extent()
        assert extent.x0 >= box.x0 - 2
        assert extent.x1 <= box.x1 + 2
        assert extent.y0 >= box.y0 - 2
        assert extent.y1 <= box.y1 + 2


def test_theory_is_lines_and_nothing_is_refuted_at_this_scale(drawn, spec):
    canvas = drawn[spec.id].canvas
    assert any(mark.role == "theory" for mark in canvas.marks)
    assert canvas.crossed[0] == 0
    if spec.experiments("quick", 1):
        assert canvas.crossed[1] > 0


@pytest.mark.usefixtures("without_published_data")
def test_failed_experiments_are_noted_where_they_should_be(spec):
    plan = spec.experiments("quick", 1)
    lost = FigureData("quick", 1, {}, missing=dict.fromkeys(plan, "out of memory"))
    canvas = spec.draw(lost)
    assert not any(mark.role == "simulation" for mark in canvas.marks)
    notes = [t.get_text() for ax in canvas.axes.values() for t in ax.texts]
    assert not plan or any("out of memory" in note for note in notes)


def test_plans_differ_by_scale_and_seed_only_as_they_should(spec):
    for scale in ("quick", "standard", "paper"):
        plan = spec.experiments(scale, 5)
        assert all(experiment.seed == 5 for experiment, _ in plan.values())
        assert all(replicates >= 1 for _, replicates in plan.values())
        texts = [canonical_json(e.setting) + e.measure.__name__ for e, _ in plan.values()]
        assert len(texts) == len(set(texts))
