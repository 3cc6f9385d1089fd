"""Figures of scalar networks at the edge of stability: the paper's, and maps, landings and chaos that go beyond it."""

from figures.scalar_networks import maps

__all__ = ["FIGURES"]

FIGURES = (*maps.FIGURES,)
