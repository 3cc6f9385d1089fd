"""Every figure of a row, drawn once at quick scale for all tests of that row.

The row is the name of the folder in which the tests lie.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import pytest

from assay import discovery
from assay.figure import FigureResult, run_figure
from assay.store import Store
from assay.sweep import Sweep


class Told:
    """A ledger that knows a line for every claim, so that figures are tested without judging."""

    def current(self, row: str, claim_id: str, scale: str, seed: int) -> dict[str, Any]:
        reason = f"{row} at {scale} with seed {seed}"
        return {"id": claim_id, "verdict": "holds", "expected": "holds", "as_expected": True, "reason": reason}

    def append(self, line: Mapping[str, Any]) -> None:
        raise AssertionError(f"{line['id']} was judged although the ledger has its line")


def figures_of(row: str) -> tuple[Any, ...]:
    return importlib.import_module(f"figures.{row}").FIGURES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `spec` runs for every figure of its row."""
    if "spec" in metafunc.fixturenames:
        specs = figures_of(metafunc.definition.path.parent.name)
        metafunc.parametrize("spec", specs, ids=[spec.id for spec in specs])


@pytest.fixture
def row(request: pytest.FixtureRequest) -> str:
    """The row whose folder the test lies in."""
    return request.path.parent.name


@pytest.fixture(scope="session")
def sweep(tmp_path_factory):
    """The sweep that all figures share."""
    with Sweep(Store(tmp_path_factory.mktemp("store"))) as shared:
        yield shared


@pytest.fixture
def without_published_data(monkeypatch):
    """No file of a paper's authors is at hand, whatever this machine has downloaded."""
    for row in discovery.registries():
        monkeypatch.setattr(f"claims.{row}.published.available", lambda name: False)


@pytest.fixture(scope="session")
def gallery() -> dict[str, dict[str, FigureResult]]:
    """What was drawn so far: row -> figure id -> result."""
    return {}


@pytest.fixture
def drawn(row, gallery, sweep, tmp_path_factory, without_published_data) -> dict[str, FigureResult]:
    """Figure id -> result of its run."""
    if row not in gallery:
        out = tmp_path_factory.mktemp("figures")
        gallery[row] = {
            spec.id: run_figure(spec, sweep, Told(), scale="quick", seed=1, out=out) for spec in figures_of(row)
        }
    return gallery[row]
