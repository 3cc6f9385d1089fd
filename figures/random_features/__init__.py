"""Figures of random-feature regression: the paper's, and five that go beyond it."""

from figures.random_features import beyond, fitting, grids, limits, panels, spectra

__all__ = ["FIGURES"]

FIGURES = (
    *panels.FIGURES,
    *grids.FIGURES,
    *fitting.FIGURES,
    *spectra.FIGURES,
    *beyond.FIGURES,
    *limits.FIGURES,
)
