"""Notebooks as they are committed: without outputs, without traces of a machine, one for `python3`.

That they run is tested by `make test` itself, which executes them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
MACHINE = re.compile(r"(?<![\w.])/(home|root|Users|work|tmp|mnt)/[\w.]|[A-Z]:\\\\Users")
notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text(encoding="utf8"))["cells"] if cell["cell_type"] == kind]


# --- identities and limits


def test_there_are_notebooks():
    assert NOTEBOOKS


@notebooks
def test_it_holds_no_outputs(path):
    code = cells(path, "code")
    assert code
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []
    assert [cell["id"] for cell in code if set(cell["metadata"]) - {"tags"}] == []  # no times of a run either


@notebooks
def test_it_names_no_machine(path):
    assert MACHINE.findall(path.read_text(encoding="utf8")) == []


@notebooks
def test_it_runs_on_any_python3(path):
    metadata = json.loads(path.read_text(encoding="utf8"))["metadata"]
    assert metadata["kernelspec"]["name"] == "python3"
    assert set(metadata) <= {"kernelspec", "language_info"}
    assert "version" not in metadata["language_info"]  # it would change with every run


# --- properties


@notebooks
def test_its_parameters_stand_first(path):
    """The first cell with code only gives numbers and names to parameters; it imports and computes nothing."""
    first = "".join(cells(path, "code")[0]["source"])
    assert re.search(r"^\w+ = ", first, re.M)
    assert not re.search(r"\bimport\b|\(", re.sub(r"#.*", "", first))


@notebooks
def test_it_types_no_verdict(path):
    """A verdict is printed after it was computed: no string or text of the notebook claims one."""
    typed = re.compile(r"\b(rf|sd|ar|exp3|sn)\.\w+\S*( \w+)? (holds|is refuted)\b")
    assert [
        cell["id"]
        for kind in ("code", "markdown")
        for cell in cells(path, kind)
        if typed.search("".join(cell["source"]))
    ] == []
