"""Every figure of the row, drawn once at quick scale for all tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from assay.figure import FigureResult, run_figure
from assay.store import Store
from assay.sweep import Sweep
from claims.random_features import published
from figures.random_features import FIGURES


class Told:
    """A ledger that knows a line for every claim, so that figures are tested without judging."""

    def current(self, row: str, claim_id: str, scale: str, seed: int) -> dict[str, Any]:
        reason = f"{row} at {scale} with seed {seed}"
        return {"id": claim_id, "verdict": "holds", "expected": "holds", "as_expected": True, "reason": reason}

    def append(self, line: Mapping[str, Any]) -> None:
        raise AssertionError(f"{line['id']} was judged although the ledger has its line")


@pytest.fixture(scope="session")
def sweep(tmp_path_factory):
    """The sweep that all figures share."""
    with Sweep(Store(tmp_path_factory.mktemp("store"))) as shared:
        yield shared


@pytest.fixture(scope="session")
def drawn(sweep, tmp_path_factory) -> dict[str, FigureResult]:
    """Figure id -> result of its run."""
    out, ledger = tmp_path_factory.mktemp("figures"), Told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "available", lambda name: False)  # whatever this machine has downloaded
        return {spec.id: run_figure(spec, sweep, ledger, scale="quick", seed=1, out=out) for spec in FIGURES}
