"""Figures of self-distillation: the toy of the paper's authors, real data, and the proportional limit."""

from figures.self_distillation import asymptotics, estimates, real, schedules, spectrum, toy

__all__ = ["FIGURES"]

FIGURES = (
    *toy.FIGURES,
    *spectrum.FIGURES,
    *schedules.FIGURES,
    *real.FIGURES,
    *asymptotics.FIGURES,
    *estimates.FIGURES,
)
