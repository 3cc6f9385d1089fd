"""A figure run: replicates from the store, verdicts from the ledger, three files that say the same."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.colors import Normalize

from assay import figure
from assay.discovery import UnknownId
from assay.drawing import Canvas, Layer
from assay.experiment import Experiment
from assay.figure import FigureData, FigureSpec, gather, judge, run_figure
from assay.ledger import Ledger
from assay.store import Store
from assay.sweep import Sweep
from tests.assay import toys

CLAIMS = {claim.id: ("toys", claim) for claim in toys.CLAIMS}


@pytest.fixture
def bench(tmp_path):
    """A sweep over a store, an empty ledger, an output folder."""
    with Sweep(Store(tmp_path / "store")) as sweep:
        yield sweep, Ledger(tmp_path / "ledger.jsonl"), tmp_path / "out"


def run(bench, spec: FigureSpec = toys.FIGURE, **options):
    sweep, ledger, out = bench
    return run_figure(spec, sweep, ledger, out=out, claims=CLAIMS, seed=3, **options)


def wrong_line(data: FigureData) -> Canvas:
    """A line 2 % above the truth under points that can tell."""
    from assay.marks import refuted

    canvas = Canvas(size=(3.4, 2.6))
    ax = canvas.panel("only", x="x, unit", y="y, unit", scales=("linear", "linear"))
    moments, line = data.moments["mean"], 1.02 * toys.MEAN
    canvas.line(ax, [0, 1], [line, line], series="theory")
    bad = refuted(moments.mean, line, moments.standard_error, moments.count)
    canvas.points(ax, [0.5], moments.mean, moments.standard_error, series="simulation", crossed=bad)
    return canvas


def with_samples(scale, seed):
    setting = {"mean": toys.MEAN, "width": toys.WIDTH}
    return {"kept": (Experiment(toys.gaussian, setting, block=8, seed=seed, keep_samples=True), 16)}


# --- identities and limits


def test_the_three_files_say_the_same(bench):
    result = run(bench)
    moments = bench[0].moments(*toys.plan("standard", 3)["mean"])
    with result.table.open() as file:
        rows = list(csv.DictReader(file))
    point = next(r for r in rows if r["role"] == "simulation")
    # nine digits are written
    assert float(point["y"]) == pytest.approx(float(moments.mean), rel=1e-8)
    assert float(point["y_high"]) == pytest.approx(float(moments.mean + moments.standard_error), rel=1e-8)
    assert [float(r["y"]) for r in rows if r["role"] == "theory"] == [toys.MEAN] * 2
    record = json.loads(result.record.read_text())
    assert record["experiments"]["mean"] == {
        "measure": "tests.assay.toys.gaussian",
        "setting": {"mean": toys.MEAN, "width": toys.WIDTH},
        "block": 64,
        "seed": 3,
        "key": 0,
        "replicates_wanted": 256,
        "replicates": 256,
    }
    assert (record["scale"], record["seed"]) == ("standard", 3)
    assert {"python", "numpy", "matplotlib"} <= set(record["versions"])
    assert record["caption"] == "Line: theory."
    assert record["verdicts"]["toy.mean"]["verdict"] == "holds"
    assert record["stamps"] == result_stamps(result)
    assert result.figure.read_bytes().startswith(b"\x89PNG")


def mapped(data: FigureData) -> Canvas:
    """A map beside a line, at its own resolution."""
    canvas = Canvas(size=(3.0, 2.0), dpi=150)
    ax = canvas.panel("only", x="x, unit", y="y, unit", scales=("linear", "linear"))
    z = np.where(np.eye(40, 50) > 0, np.nan, np.arange(50.0))
    canvas.map(ax, np.arange(50.0), np.arange(40.0), [Layer("time", z, Normalize(0, 50), colormaps["magma"])])
    canvas.line(ax, [0, 1], [0, 1], series="theory")
    return canvas


def test_large_maps_go_to_a_file_of_their_own(bench):
    result = run(bench, replace(toys.FIGURE, draw=mapped))
    assert result.maps == bench[2] / f"{toys.FIGURE.id}.npz"
    with np.load(result.maps) as file:
        assert sorted(file.files) == ["only: time x", "only: time y", "only: time z"]
        assert np.array_equal(file["only: time z"], result.canvas.maps[0].z, equal_nan=True)
    assert len(result.table.read_text().splitlines()) == 3  # the header and the line
    width, height = np.frombuffer(result.figure.read_bytes()[16:24], dtype=">u4")
    assert (width, height) == (450, 300)
    first = result.maps.read_bytes()
    assert run(bench, replace(toys.FIGURE, draw=mapped)).maps.read_bytes() == first
    assert json.loads(result.record.read_text())["simulated_points"] == 1960


def test_a_figure_without_maps_has_no_such_file(bench):
    result = run(bench)
    assert result.maps is None
    assert not list(bench[2].glob("*.npz"))


def result_stamps(result):
    return [t.get_text() for t in result.canvas.figure.legends[-1].get_texts()]


def test_a_wrong_line_is_crossed_out(bench):
    result = run(bench, replace(toys.FIGURE, draw=wrong_line))
    assert result.canvas.crossed == (1, 1)
    assert "1 of 1 simulated points refuted" in result_stamps(result)
    assert json.loads(result.record.read_text())["refuted_points"] == 1


def test_samples_come_along_where_they_are_kept(bench):
    data = gather(with_samples("quick", 3), bench[0], "quick", 3)
    samples = data.samples["kept"]
    assert samples.shape == (16,)
    assert samples.mean() == pytest.approx(float(data.moments["kept"].mean), rel=1e-14)  # the same 16 numbers


# --- properties


def test_an_absent_verdict_is_computed_once_and_kept(bench):
    ledger = bench[1]
    first = run(bench)
    assert [line["id"] for line in ledger.lines()] == ["toy.mean"]
    second = run(bench)
    assert len(ledger.lines()) == 1
    assert first.data.verdicts == second.data.verdicts


def test_the_stamp_is_the_ledgers_and_not_a_fresh_verdict(bench):
    ledger = bench[1]
    run(bench)
    line = {**ledger.lines()[0], "verdict": "undecided", "as_expected": False, "reason": "told by the ledger"}
    ledger.append(line)
    assert result_stamps(run(bench)) == ["toy.mean undecided (told by the ledger)"]


def test_tables_of_two_runs_are_the_same_bytes(bench, tmp_path):
    first = run(bench).table.read_bytes()
    with Sweep() as sweep:
        again = run_figure(
            toys.FIGURE, sweep, Ledger(tmp_path / "other.jsonl"), out=tmp_path / "other", claims=CLAIMS, seed=3
        )
    assert again.table.read_bytes() == first


@pytest.mark.parametrize("format", ["png", "pdf", "svg"])
def test_pictures_carry_no_date(bench, format):
    first = run(bench, format=format).figure
    content = first.read_bytes()
    assert first.suffix == f".{format}"
    assert run(bench, format=format).figure.read_bytes() == content


def test_a_failed_experiment_is_shown_and_recorded(bench):
    result = run(bench, toys.LOST_FIGURE)
    record = json.loads(result.record.read_text())
    assert "lost" in record["missing"]
    assert record["experiments"]["lost"]["replicates"] == 0
    assert any(text.startswith("missing: lost") for text in result_stamps(result))


def test_a_claim_whose_experiment_fails_is_not_run_and_not_kept(bench):
    sweep, ledger, _ = bench
    broken = {toys.BROKEN.id: ("toys", toys.BROKEN)}
    lines = judge(replace(toys.FIGURE, claims=(toys.BROKEN.id,)), sweep, ledger, seed=3, claims=broken)
    assert lines[toys.BROKEN.id]["verdict"] == "not run"
    assert "toys.failing" in lines[toys.BROKEN.id]["reason"]
    assert ledger.lines() == []


def test_a_run_that_dies_leaves_the_old_file(bench, monkeypatch):
    result = run(bench)
    before = result.figure.read_bytes()

    def die(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(figure.os, "replace", die)
    with pytest.raises(OSError, match="disk full"):
        run(bench)
    assert result.figure.read_bytes() == before
    assert sorted(p.name for p in bench[2].iterdir()) == ["toy-mean.csv", "toy-mean.json", "toy-mean.png"]


def test_infinite_settings_are_recorded():
    plan = {"far": (Experiment(toys.gaussian, {"mean": np.inf, "width": 1.5}, seed=3), 64)}
    record = figure._experiment_record("far", *plan["far"], FigureData("quick", 3, {}))
    assert record["setting"]["mean"] == {"$float": "inf"}


# --- bad input


def test_other_formats_are_refused_before_any_work(bench):
    with pytest.raises(ValueError, match="format must be one of png, pdf, svg, got format='gif'"):
        run(bench, format="gif")
    assert not bench[2].exists()


def test_claims_that_do_not_exist_are_named(bench):
    with pytest.raises(UnknownId, match=r"toy\.men.*did you mean toy\.mean"):
        run(bench, replace(toys.FIGURE, claims=("toy.men",)))
