"""Figures of the learning rate of Exp3: the paper's box plots, and staircase, chaos and cliff beyond it."""

from figures.exp3 import (
    chaos,
    cliff,
    constant,
    coverage,
    differences,
    estimation,
    exits,
    horizon,
    prediction,
    staircase,
)

__all__ = ["FIGURES"]

FIGURES = (
    *constant.FIGURES,
    *estimation.FIGURES,
    *prediction.FIGURES,
    *exits.FIGURES,
    *differences.FIGURES,
    *staircase.FIGURES,
    *chaos.FIGURES,
    *cliff.FIGURES,
    *horizon.FIGURES,
    *coverage.FIGURES,
)
