"""The generic tests for the figures of this row, and that none is missing."""

from __future__ import annotations

from figures.exp3 import FIGURES
from tests.figures.every_figure import *  # noqa: F403

# --- identities and limits


def test_the_row_has_its_figures():
    names = [spec.id for spec in FIGURES]
    paper = {"learning-rate-constant", "learning-rate-two-arms", "prediction-two-arms", "learning-rate-four-arms"}
    paper |= {"prediction-four-arms", "exit-times", "probability-difference"}
    beyond = {"information-staircase", "history-chaos", "likelihood-cliff", "full-horizon", "likelihood-ratio-coverage"}
    assert set(names) == paper | beyond
    assert len(names) == len(set(names))
