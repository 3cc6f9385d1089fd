"""The ledger: what a line says, that lines survive a crash, and when a line is still current."""

from __future__ import annotations

import json
import math
import threading

import pytest

from assay import ledger as module
from assay.check import check
from assay.ledger import Ledger, counts, entry, row_fingerprint
from assay.sweep import Sweep
from assay.verdict import Verdict
from tests.assay import toys


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "deep" / "ledger.jsonl")


@pytest.fixture(scope="module")
def line():
    with Sweep() as sweep:
        verdict = check(toys.TRUE, sweep, "quick", 5)
    return entry("toy", toys.TRUE, verdict, "quick", 5)


# --- identities and limits


def test_a_line_says_everything(line):
    assert {name: line[name] for name in ("id", "row", "kind", "provenance", "verdict", "expected", "as_expected")} == {
        "id": "toy.mean",
        "row": "toy",
        "kind": "exact",
        "provenance": "derived",
        "verdict": "holds",
        "expected": "holds",
        "as_expected": True,
    }
    assert (line["margin"], line["slack"], line["scale"], line["seed"], line["keys"]) == (0.01, 0.0, "quick", 5, 1)
    assert line["settings"] == [{"mean": toys.MEAN, "width": toys.WIDTH}]
    (case,) = line["cases"]
    assert case["replicates"] == line["replicates"] > 1000
    assert case["interval"][0] < case["deviation"] < case["interval"][1]
    # the sample's cv: 1000 replicates or more, so its error is below 2.3 %; five of them
    assert case["cv"] == pytest.approx(toys.WIDTH / toys.MEAN, rel=0.12)
    assert line["smallest_detectable_error"] == pytest.approx(7.34 * case["cv"] / math.sqrt(case["replicates"]))
    assert line["mutants"]["five per cent"] == "refuted"
    assert {"python", "numpy"} <= set(line["versions"])
    assert len(line["fingerprint"]) == 16
    assert line["wall_time"] > 0


def test_a_line_is_plain_json(line, ledger):
    ledger.append(line)
    assert ledger.lines() == [line]
    assert "NaN" not in ledger.path.read_text()


def test_infinities_are_words():
    settings = ({"k": math.inf, "n": (1, 2)},)
    claim = toys.claim(settings=settings)
    text = json.dumps(entry("toy", claim, Verdict("undecided", ""), "quick", 0), allow_nan=False)
    assert json.loads(text)["settings"] == [{"k": "inf", "n": [1, 2]}]


@pytest.mark.parametrize(
    ("outcome", "expected", "fates", "good"),
    [
        ("holds", "holds", {}, True),
        ("refuted", "refuted", {}, True),
        ("refuted", "holds", {}, False),
        ("holds", "refuted", {}, False),
        ("undecided", "holds", {}, False),
        ("not run", "holds", {}, True),
        ("holds", "holds", {"a": "refuted", "b": "equivalent: why"}, True),
        ("holds", "holds", {"a": "surviving"}, False),
    ],
)
def test_what_counts_as_expected(outcome, expected, fates, good):
    claim = toys.claim(expected=expected)
    assert entry("toy", claim, Verdict(outcome, "", mutants=fates), "quick", 0)["as_expected"] is good


def test_counts():
    lines = [{"verdict": v, "as_expected": e} for v, e in (("holds", True), ("holds", False), ("undecided", False))]
    assert counts(lines) == {"holds": 2, "refuted": 0, "undecided": 1, "not run": 0, "as expected": 1}
    assert sum(counts([]).values()) == 0


# --- properties


def test_no_file_is_an_empty_ledger(ledger):
    assert (ledger.lines(), ledger.latest()) == ([], {})


def test_the_newest_line_wins(ledger):
    for value in (1, 2):
        ledger.append({"id": "a.b", "value": value})
    ledger.append({"id": "a.c", "value": 3})
    assert {name: line["value"] for name, line in ledger.latest().items()} == {"a.b": 2, "a.c": 3}


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_torn_last_line_is_skipped_and_does_not_spoil_the_next(ledger, cut):
    ledger.append({"id": "a.b", "reason": "an umlaut: ä"})
    ledger.append({"id": "a.c", "reason": "torn"})
    ledger.path.write_bytes(ledger.path.read_bytes()[:-cut])
    ledger.append({"id": "a.d"})
    intact = cut == 1  # only the line's end is lost
    if intact:
        assert [line["id"] for line in ledger.lines()] == ["a.b", "a.c", "a.d"]
    else:
        with pytest.warns(RuntimeWarning, match=r"ledger\.jsonl: line 2 is damaged and was skipped"):
            assert [line["id"] for line in ledger.lines()] == ["a.b", "a.d"]


@pytest.mark.parametrize("damage", [b"\xff\xfe\n", b"[1, 2]\n", b'{"no": "id"}\n', b"{\n"])
def test_lines_that_are_no_record_are_reported(ledger, damage):
    ledger.append({"id": "a.b"})
    with ledger.path.open("ab") as file:
        file.write(damage)
    with pytest.warns(RuntimeWarning, match="line 2 is damaged"):
        assert [line["id"] for line in ledger.lines()] == ["a.b"]


def test_threads_may_append_together(ledger):
    def write(name):
        for i in range(20):
            ledger.append({"id": f"{name}.{i}", "filling": "x" * 20000})

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({line["id"] for line in ledger.lines()}) == 60


def test_a_line_is_current_for_the_same_scale_seed_and_sources(ledger, line, monkeypatch):
    ledger.append(line)
    assert ledger.current("toy", "toy.mean", "quick", 5) == line
    assert ledger.current("toy", "toy.mean", "standard", 5) is None
    assert ledger.current("toy", "toy.mean", "quick", 6) is None
    assert ledger.current("toy", "toy.other", "quick", 5) is None
    monkeypatch.setattr(module, "row_fingerprint", lambda row: "changed")
    assert ledger.current("toy", "toy.mean", "quick", 5) is None


def test_the_fingerprint_follows_every_source_of_a_row(tmp_path, monkeypatch):
    folder = tmp_path / "row_of_files"
    folder.mkdir()
    for name in ("__init__.py", "part.py"):
        (folder / name).write_text("x = 1\n")
    monkeypatch.setattr(module, "_sources", lambda name: sorted(folder.rglob("*.py")))
    before = row_fingerprint("toy")
    (folder / "part.py").write_text("x = 2\n")
    changed = row_fingerprint("toy")
    (folder / "part.py").write_text("x = 1\n")
    assert changed != before == row_fingerprint("toy")


def test_rows_have_different_fingerprints_only_through_their_sources():
    assert row_fingerprint("no_such_row") == row_fingerprint("no_other_row")
    assert row_fingerprint("random_features") != row_fingerprint("no_such_row")
