"""Rows are found by name, ids are unique, unknown names get the nearest ones."""

from __future__ import annotations

import sys

import pytest

from assay import discovery
from assay.discovery import UnknownId, select

KNOWN = {"rf.T1": ("random_features", 1), "rf.F1": ("random_features", 2), "sd.T1": ("self_distillation", 3)}


@pytest.fixture
def column(tmp_path, monkeypatch):
    """Write a package `toy_column` of modules and return a function that fills it."""

    def fill(**modules: str) -> str:
        folder = tmp_path / "toy_column"
        folder.mkdir()
        for name, text in {"__init__": "", **modules}.items():
            (folder / f"{name}.py").write_text(text)
        return "toy_column"

    monkeypatch.syspath_prepend(tmp_path)
    yield fill
    for name in [name for name in sys.modules if name.split(".")[0] == "toy_column"]:
        del sys.modules[name]


RECORD = "from types import SimpleNamespace as R\nTHINGS = (R(id={!r}), R(id={!r}))\n"

# --- identities and limits


def test_rows_are_the_public_modules(column):
    name = column(beta="", alpha="", _private="")
    assert discovery.rows(name) == ("alpha", "beta")


def test_records_are_collected_in_order(column):
    name = column(b=RECORD.format("b.2", "b.1"), a=RECORD.format("a.9", "a.1"))
    found = discovery._collect(name, "THINGS")
    assert [(i, row, record.id) for i, (row, record) in found.items()] == [
        ("a.9", "a", "a.9"),
        ("a.1", "a", "a.1"),
        ("b.2", "b", "b.2"),
        ("b.1", "b", "b.1"),
    ]


def test_the_suite_is_found():
    assert set(discovery.rows("claims")) == set(discovery.rows("theory"))
    assert all(claim.id == claim_id for claim_id, (_, claim) in discovery.claims().items())
    assert all(spec.id == figure_id for figure_id, (_, spec) in discovery.figures().items())
    assert all(registry.files for registry in discovery.registries().values())


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], [1, 2, 3]),
        (["rf.T1"], [1]),
        (["sd.T1", "rf.T1"], [3, 1]),
        (["random_features"], [1, 2]),
        (["rf"], [1, 2]),
        (["rf.T1", "rf", "rf.T1"], [1, 2]),
        (["rf.T"], [1]),
        (["rf."], [1, 2]),
        (["s"], [3]),
    ],
)
def test_selection(wanted, found):
    assert [record for _, record in select(KNOWN, wanted)] == found


LONGER = {
    "rf.T1": ("rf.F", 1),
    "rf.T1.always": ("rf.F", 2),
    "rf.T1m": ("rf.F", 3),
    "rf.F1": ("b", 4),
    "b.rf.T1": ("b", 5),
}


@pytest.mark.parametrize(
    ("name", "found"), [("rf.T1", [1]), ("rf.T1.", [2]), ("rf.T", [1, 2, 3]), ("rf", [1, 2, 3, 4]), ("rf.F", [1, 2, 3])]
)
def test_an_id_wins_over_a_row_and_a_row_over_beginnings(name, found):
    assert [record for _, record in select(LONGER, [name])] == found


# --- bad input


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rf.T2", r"; did you mean rf\.T1"),
        ("RF.t1", r"; did you mean rf\.T1"),
        ("random_feature", r"; did you mean random_features\?"),
        ("zzzzzz", r" \(`assay list` shows all\)"),
        ("", r" \(`assay list` shows all\)"),
    ],
)
def test_unknown_names_offer_the_nearest(name, hint):
    with pytest.raises(UnknownId, match=f"^no row, claim or figure is called {name!r}.*{hint}"):
        select(KNOWN, ["rf.T1", name])


def test_an_id_may_be_declared_once_only(column):
    name = column(a=RECORD.format("x.1", "x.2"), b=RECORD.format("x.2", "x.3"))
    with pytest.raises(ValueError, match=r"id 'x\.2' is declared twice: in a and in b"):
        discovery._collect(name, "THINGS")


def test_a_row_without_its_list_is_an_error(column):
    with pytest.raises(AttributeError, match="THINGS"):
        discovery._collect(column(a="x = 1"), "THINGS")
