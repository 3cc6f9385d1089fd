"""Arithmetic of figures: plain numbers on short logarithmic axes, edges of a map's cells, quantiles of box plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

__all__ = ["PLAIN", "box_quantiles", "cell_edges", "plain_numbers"]

PLAIN_DECADES = 2.5  # a logarithmic axis over fewer decades has plain numbers
ROOM = 0.75  # inches that a decade needs for three of them
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


def plain_numbers(ax: Axes) -> None:
    """On logarithmic axes of few decades write 10, 20, 50 rather than powers of ten, or 10, 100 where room is short."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # a panel belongs to its canvas
    size = ax.get_position().size * figure.get_size_inches()
    for axis, limits, inches in zip((ax.xaxis, ax.yaxis), (ax.get_xlim(), ax.get_ylim()), size, strict=True):
        decades = abs(np.log10(limits[1] / limits[0])) if axis.get_scale() == "log" else np.inf
        if decades < PLAIN_DECADES:
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if inches > ROOM * decades else (1.0,)))
            axis.set_major_formatter(PLAIN)
            axis.set_minor_formatter(NullFormatter())


def cell_edges(centres: NDArray[np.float64], logarithmic: bool) -> NDArray[np.float64]:
    """Cell edges half-way between `centres`, on a logarithmic scale if asked; the outer ones mirror the inner."""
    u = np.log(centres) if logarithmic else centres
    if u.size == 1:
        u = np.array([u[0] - 0.5, u[0] + 0.5])
    else:
        middle = (u[1:] + u[:-1]) / 2
        u = np.concatenate([[2 * u[0] - middle[0]], middle, [2 * u[-1] - middle[-1]]])
    return np.exp(u) if logarithmic else u


def box_quantiles(x: ArrayLike, samples: Sequence[ArrayLike]) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
    """Places and quantiles .05, .25, .5, .75, .95, under matplotlib's names, of those `samples` that are not empty."""
    names = ("whislo", "q1", "med", "q3", "whishi")
    arrays = [np.asarray(values, dtype=float) for values in samples]
    full = [(place, values) for place, values in zip(np.ravel(x), arrays, strict=True) if values.size]
    stats = [dict(zip(names, np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), strict=True)) for _, values in full]
    return np.array([place for place, _ in full], dtype=float), [{**one} for one in stats]
