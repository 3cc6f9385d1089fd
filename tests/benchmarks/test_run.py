"""The table of benchmarks: what passes, what is missed, and the exit code."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from benchmarks import run

# --- identities and limits


@pytest.mark.parametrize(
    ("value", "required", "better", "good"),
    [
        (60.0, 50.0, "more", True),
        (50.0, 50.0, "more", True),
        (49.0, 50.0, "more", False),
        (0.4, 0.5, "less", True),
        (0.5, 0.5, "less", True),
        (0.6, 0.5, "less", False),
    ],
)
def test_what_passes(value, required, better, good):
    assert run.passes(("speed", value, "x", required, better)) is good


@pytest.mark.parametrize(("value", "code", "last"), [(60.0, 0, "all met"), (40.0, 1, "1 missed")])
def test_the_table_and_the_exit_code(monkeypatch, capsys, value, code, last):
    results = [("solver", value, "x", 50.0, "more"), ("cell", 18.0, "µs", 20.0, "less")]
    modules = {"benchmarks.toy": SimpleNamespace(benchmarks=lambda: results), "benchmarks.tools": SimpleNamespace()}
    monkeypatch.setattr(run.importlib, "import_module", modules.__getitem__)
    infos = [SimpleNamespace(name=name) for name in ("run", "tools", "toy")]
    monkeypatch.setattr(run.pkgutil, "iter_modules", lambda path: infos)
    assert run.main([]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == last
    assert lines[1].endswith("MISSED") is bool(code)
    assert ">= 50 x" in lines[1]
    assert "<= 20 µs" in lines[2]


CORES = """
import os, runpy, sys
sys.argv = ["run", "none"]
try:
    runpy.run_module("benchmarks.run", run_name="__main__")
finally:
    print(os.environ["OMP_NUM_THREADS"], os.environ["NUMBA_NUM_THREADS"])
"""


def test_benchmarks_run_on_one_core():
    done = subprocess.run([sys.executable, "-c", CORES], capture_output=True, text=True)
    assert done.stdout.splitlines()[-2:] == ["all met", "1 1"], done.stderr


# --- bad input


def test_a_direction_that_is_neither_is_refused():
    with pytest.raises(ValueError, match="benchmark 'speed': better must be 'more' or 'less', got 'faster'"):
        run.passes(("speed", 1.0, "x", 1.0, "faster"))
