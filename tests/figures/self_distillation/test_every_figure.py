"""The generic tests for the figures of this row, and that none is missing."""

from __future__ import annotations

from figures.self_distillation import FIGURES
from tests.figures.every_figure import *  # noqa: F403

# --- identities and limits


def test_the_row_has_its_figures():
    names = [spec.id for spec in FIGURES]
    paper = {"toy-fits", "toy-losses", "filter-diagonals", "filter-ratios", "optimal-alpha"}
    paper |= {"distilled-network", "distilled-digits", "distilled-tables"}
    later = {"distillation-risk-curves", "distillation-estimates", "distillation-gain-map"}
    beyond = {"distillation-steps", "distillation-schedules", "gcv-distilled", "overshoot-map"}
    assert set(names) == paper | later | beyond
    assert len(names) == len(set(names))
