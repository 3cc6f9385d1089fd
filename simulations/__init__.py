"""Independent experiments, one module a paper; blind to the theory they test."""

from pathlib import Path

from simulations._compiled import forget_stale

__all__: list[str] = []

forget_stale(Path(__file__).parent)
