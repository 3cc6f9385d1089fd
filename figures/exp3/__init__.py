"""Figures of the learning rate of Exp3: the paper's box plots, and staircase, chaos and cliff beyond it."""

from figures.exp3 import constant, estimation, prediction

__all__ = ["FIGURES"]

FIGURES = (
    *constant.FIGURES,
    *estimation.FIGURES,
    *prediction.FIGURES,
)
