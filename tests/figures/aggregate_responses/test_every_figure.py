"""The generic tests for the figures of this row, and that none is missing."""

from __future__ import annotations

from figures.aggregate_responses import FIGURES
from tests.figures.every_figure import *  # noqa: F403

# --- identities and limits


def test_the_row_has_its_figures():
    names = [spec.id for spec in FIGURES]
    paper = {"bag-weight", "bag-size", "bag-samples", "bag-snr", "bag-verify"}
    paper |= {"bag-private-size", "bag-private-risk", "bag-diabetes"}
    beyond = {"bag-winners", "bag-peak", "bag-private-best", "bag-wachter", "bag-bias"}
    assert set(names) == paper | beyond
    assert len(names) == len(set(names))
