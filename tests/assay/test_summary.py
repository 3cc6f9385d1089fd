"""The table of papers: counts per row, and its place between two comments of a file."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from assay.summary import BEGIN, END, RowSummary, markdown, rewrite_between_markers, row_title, summarize

KNOWN = {name: (name.split(".")[0], None) for name in ("b.1", "b.2", "b.3", "b.4", "b.5", "a.1")}
FIGURES = {"f1": ("b", None), "f2": ("b", None)}


def line(verdict, good=True, scale="quick"):
    return {"verdict": verdict, "as_expected": good, "scale": scale}


# --- identities and limits


def test_every_row_is_counted_by_itself():
    lines = {
        "b.1": line("holds"),
        "b.2": line("refuted", scale="paper"),
        "b.3": line("undecided", good=False),
        "b.4": line("not run"),
        "a.1": line("holds", good=False),
        "gone.1": line("holds"),
    }
    b, a = summarize(KNOWN, FIGURES, lines)
    assert b == RowSummary(
        "b", "B", 5, held=1, refuted=1, undecided=1, not_run=2, as_expected=3, figures=2, scale="mixed"
    )
    assert a == RowSummary(
        "a", "A", 1, held=1, refuted=0, undecided=0, not_run=0, as_expected=0, figures=0, scale="quick"
    )


def test_no_claims_no_rows():
    assert summarize({}, FIGURES, {}) == []
    assert markdown([]).splitlines()[2:3] == [""]


@pytest.mark.parametrize(
    ("scales", "words"),
    [
        ([], "No verdicts yet. "),
        (["-"], "No verdicts yet. "),
        (["paper", "-"], "Counts at paper scale. "),
        (["paper", "quick"], "Counts at mixed scales. "),
        (["mixed"], "Counts at mixed scales. "),
    ],
)
def test_the_scale_is_stated_below_the_table(scales, words):
    summaries = [RowSummary("b", "B", 5, 1, 1, 1, 2, 3, 2, scale) for scale in scales]
    assert markdown(summaries).splitlines()[-1].startswith(words)


def test_a_row_has_the_title_that_its_claims_give_it(monkeypatch):
    monkeypatch.setattr("importlib.import_module", {"claims.toy": SimpleNamespace(PAPER="A toy, 2024")}.__getitem__)
    assert row_title("toy") == "A toy, 2024"


# --- properties


@pytest.mark.parametrize("old", ["", "old\n", "| a | table |\n| --- | --- |\n"])
def test_only_what_is_between_the_comments_changes(tmp_path, old):
    path = tmp_path / "README.md"
    path.write_text(f"é before\n\n{BEGIN}\n{old}{END}\n\nafter", encoding="utf8")
    assert rewrite_between_markers(path, "| new |")
    assert path.read_text(encoding="utf8") == f"é before\n\n{BEGIN}\n| new |\n{END}\n\nafter"
    assert not rewrite_between_markers(path, "| new |")


# --- bad input


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}", f"{BEGIN}{END}{END}"])
def test_a_file_without_both_comments_once_is_left_alone(tmp_path, text):
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"README\.md must hold the lines .* once each, in this order"):
        rewrite_between_markers(path, "| new |")
    assert path.read_text() == text
