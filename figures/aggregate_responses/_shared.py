"""What the figures of this row share: scales, experiments, what the finite size explains, points and guides."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from assay.drawing import Canvas
from figures._shared import by_scale, experiment, measured, numbers, simulated

__all__ = [
    "RISK",
    "SIGNAL",
    "by_scale",
    "experiment",
    "measured",
    "numbers",
    "simulated",
    "slack",
]

Array = NDArray[np.float64]

SIGNAL = 1.7  # r^2 of the simulations whose errors are shown per r^2
RISK = "excess risk / signal, R / r²"
# At d features the mean risk is off its limit by about 1/(d gap), gap the distance of psi from 1 or of psi/k from 1,
# at most 1 (measured: 0.9 % at (psi, k) = (6, 3), 5 % at (6, 5), 4 % at (1.2, 3), all at d = 100).
SHIFT = 1.5


def slack(d: int, samples_per_feature: ArrayLike, bag_size: ArrayLike) -> Array:
    """Return the relative deviation from the limit that `d` features explain: 1.5/(d gap).

    The gap is min(1, |psi - 1|, |psi/k - 1|), psi = `samples_per_feature`, k = `bag_size`.

    >>> float(slack(100, 6.0, 3.0)), round(float(slack(100, 6.0, 5.0)), 6)
    (0.015, 0.075)
    """
    psi, k = np.asarray(samples_per_feature, dtype=float), np.asarray(bag_size, dtype=float)
    gap = np.minimum(1.0, np.minimum(np.abs(psi - 1.0), np.abs(psi / k - 1.0)))
    return np.asarray(SHIFT / (d * gap))


def vertical(canvas: Canvas, ax: Axes, places: Iterable[float], *, series: str, label: str) -> None:
    """Draw guides across `ax` of `canvas` at the `places` on its abscissa, without moving its limits.

    `series` and `label` as in `assay.drawing.Canvas.line`.
    """
    limits = ax.get_ylim()
    for place in places:
        canvas.line(ax, [place, place], limits, series=series, label=label, role="guide")
    ax.set_ylim(*limits)
