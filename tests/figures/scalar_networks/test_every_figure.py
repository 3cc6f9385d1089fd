"""The generic tests for the figures of this row, and that none is missing."""

from __future__ import annotations

from figures.scalar_networks import FIGURES
from tests.figures.every_figure import *  # noqa: F403

# --- identities and limits


def test_the_row_has_its_figures():
    names = [spec.id for spec in FIGURES]
    paper = {"edge-of-stability", "gfs-plane", "gfs-portrait", "gfs-bifurcation", "final-sharpness"}
    paper |= {"squared-regression", "network-sharpness", "sharpness-depths"}
    beyond = {"basin-map", "basin-zoom", "basin-slices", "landing-collapse", "sharp-constant", "lyapunov"}
    assert set(names) == paper | beyond
    assert len(names) == len(set(names))
