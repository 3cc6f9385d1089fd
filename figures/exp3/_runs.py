"""The runs behind the box plots of decreasing learning rates: eta = theta n^-alpha, the first 2/eta rounds used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from assay.claim import Scale
from assay.drawing import Canvas
from assay.figure import FigureData, Plan
from figures.exp3 import _shared as shared
from simulations.exp3 import estimates

__all__ = ["HIGH", "HORIZON", "LOW", "SCALED", "Curve", "drawn", "experiments", "horizon", "learning_rate"]

Array = NDArray[np.float64]

SCALE = 0.5  # theta
SCALED = 2.0  # S = eta T
LOW, HIGH = 1 / 3, 3.0  # ends of the interval of rates, in units of the true one; beyond it likelihoods have spikes
FIRST = 100  # the least n; the others are 4, 16, ... times it
HORIZON = "horizon n"
# How many horizons at quick, standard, paper scale: the runs have 4 n^alpha rounds.
COUNTS = {0.25: (4, 6, 6), 0.5: (3, 5, 6), 0.75: (2, 4, 5)}


@dataclass(frozen=True)
class Curve:
    """One family of runs: `name`, mean losses of the arms, exponent alpha, colour."""

    name: str
    losses: tuple[float, ...]
    exponent: float
    color: str

    def horizons(self, scale: Scale) -> tuple[int, ...]:
        """The values of n."""
        count = shared.by_scale(scale, *COUNTS[self.exponent])
        return tuple(FIRST * 4**k for k in range(count))

    def setting(self, n: int) -> dict[str, Any]:
        """The setting of `estimates` at n."""
        rate, rounds = self.at(n)
        return {"learning_rate": rate, "mean_losses": self.losses, "rounds": rounds, "low": LOW, "high": HIGH}

    def at(self, n: float) -> tuple[float, int]:
        """Learning rate and number of rounds used at n."""
        rate = float(learning_rate(n, self.exponent))
        return rate, round(SCALED / rate)

    def named(self, n: int) -> str:
        """The name of an experiment."""
        return f"{self.name}, n = {n}"


def learning_rate(n: ArrayLike, exponent: float) -> Array:
    """Return eta = n^-exponent/2.

    >>> float(learning_rate(16, 0.5))
    0.125
    """
    return SCALE * np.asarray(n, dtype=float) ** -exponent


def horizon(rate: ArrayLike, exponent: float) -> Array:
    """Return n of the learning rate `rate`.

    >>> float(horizon(0.125, 0.5))
    16.0
    """
    return (np.asarray(rate, dtype=float) / SCALE) ** (-1 / exponent)


def experiments(scale: Scale, seed: int, curves: Sequence[Curve]) -> Plan:
    """Return one experiment for each horizon of `curves`."""
    runs = shared.by_scale(scale, 100, 1000, 4000)
    cases = [(curve, n) for curve in curves for n in curve.horizons(scale)]
    return {curve.named(n): shared.kept(estimates, curve.setting(n), seed, runs) for curve, n in cases}


def drawn(canvas: Canvas, ax: Axes, data: FigureData, curve: Curve) -> dict[int, Array]:
    """Return the samples of `curve` by n; on `ax` it says which are missing."""
    found = {n: shared.sampled(canvas, ax, data, curve.named(n)) for n in curve.horizons(data.scale)}
    return {n: samples for n, samples in found.items() if samples is not None}
