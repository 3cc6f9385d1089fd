"""Figures of scalar networks at the edge of stability: the paper's, and maps, landings and chaos that go beyond it."""

from figures.scalar_networks import beyond, depths, edge, limits, maps, orbits

__all__ = ["FIGURES"]

FIGURES = (
    *orbits.FIGURES,
    *edge.FIGURES,
    *beyond.FIGURES,
    *depths.FIGURES,
    *maps.FIGURES,
    *limits.FIGURES,
)
