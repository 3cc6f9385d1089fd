"""Figures of scalar networks at the edge of stability: the paper's, and maps, landings and chaos that go beyond it."""

from figures.scalar_networks import depths, maps, orbits

__all__ = ["FIGURES"]

FIGURES = (*orbits.FIGURES, *depths.FIGURES, *maps.FIGURES)
