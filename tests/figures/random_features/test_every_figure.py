"""The generic tests for the figures of this row, and that none is missing."""

from __future__ import annotations

from figures.random_features import FIGURES
from tests.figures.every_figure import *  # noqa: F403

# --- identities and limits


def test_the_row_has_its_figures():
    names = [spec.id for spec in FIGURES]
    paper = {"rf-n256", "rf-nk-traces", "rf-gaussian-grid", "fitting-ratio", "train-vs-test", "mse-vs-ridge"}
    paper |= {"eigenspectra", "eigenmeasure"}
    beyond = {"variance-split", "overfitting-phase-diagram", "more-is-better", "ensembles", "half-sample-shift", "gcv"}
    assert set(names) == paper | beyond
    assert len(names) == len(set(names))
