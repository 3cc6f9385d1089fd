"""What the figures of this row share: scales, experiments, what the finite size explains, points and guides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from assay.claim import Scale
from assay.drawing import Canvas
from assay.experiment import Experiment
from assay.figure import FigureData
from assay.marks import refuted
from assay.moments import Moments

__all__ = ["RISK", "SIGNAL", "by_scale", "experiment", "measured", "numbers", "simulated", "slack"]

Array = NDArray[np.float64]

SIGNAL = 1.7  # r^2 of the simulations whose errors are shown per r^2
RISK = "excess risk / signal, R / r²"
# At d features the mean risk is off its limit by about 1/(d gap), gap the distance of psi from 1 or of psi/k from 1,
# at most 1 (measured: 0.9 % at (psi, k) = (6, 3), 5 % at (6, 5), 4 % at (1.2, 3), all at d = 100).
SHIFT = 1.5


def by_scale(scale: Scale, quick: Any, standard: Any, paper: Any) -> Any:
    """Return the one of `quick`, `standard`, `paper` that `scale` names.

    >>> by_scale("standard", 1, 2, 3)
    2
    """
    return {"quick": quick, "standard": standard, "paper": paper}[scale]


def numbers(values: ArrayLike) -> tuple[float, ...]:
    """Return `values` as a tuple of plain numbers, fit for the setting of an experiment.

    >>> numbers(np.array([0.5, 2.0]))
    (0.5, 2.0)
    """
    return tuple(np.asarray(values, dtype=float).tolist())


def experiment(
    measure: Callable[..., Any], setting: Mapping[str, Any], seed: int, replicates: int, *, keep: bool = False
) -> tuple[Experiment, int]:
    """Return `measure` at `setting` on streams of suite `seed`, in four blocks, with the `replicates` wanted.

    With `keep` the raw samples are stored as well, for sums of outputs.
    """
    return Experiment(measure, setting, block=max(1, replicates // 4), seed=seed, keep_samples=keep), replicates


def measured(canvas: Canvas, ax: Axes, data: FigureData, name: str) -> Moments | None:
    """Return the moments of experiment `name` in `data`; if it failed, say so on `ax` of `canvas` and return None."""
    moments = data.moments.get(name)
    if moments is None:
        canvas.note(ax, f"{name} is missing: {data.missing.get(name, 'no such experiment')[:80]}")
    return moments


def slack(d: int, samples_per_feature: ArrayLike, bag_size: ArrayLike) -> Array:
    """Return the relative deviation from the limit that `d` features explain: 1.5/(d gap).

    The gap is min(1, |psi - 1|, |psi/k - 1|), psi = `samples_per_feature`, k = `bag_size`.

    >>> float(slack(100, 6.0, 3.0)), round(float(slack(100, 6.0, 5.0)), 6)
    (0.015, 0.075)
    """
    psi, k = np.asarray(samples_per_feature, dtype=float), np.asarray(bag_size, dtype=float)
    gap = np.minimum(1.0, np.minimum(np.abs(psi - 1.0), np.abs(psi / k - 1.0)))
    return np.asarray(SHIFT / (d * gap))


def simulated(
    canvas: Canvas,
    ax: Axes,
    x: ArrayLike,
    moments: Moments,
    theory: ArrayLike,
    forgiven: ArrayLike,
    *,
    series: str,
    **style: Any,
) -> None:
    """Draw the means of `moments` at `x` with bars of one standard error; cross out those that refute `theory`.

    `canvas`, `ax`, `series` and `style` as in `assay.drawing.Canvas.points`; `theory` the line's values at `x`;
    `forgiven` the relative deviation that the finite size explains. A single replicate has no bar.
    """
    error = moments.standard_error if moments.count > 1 else None
    bad = refuted(moments.mean, theory, 0.0 if error is None else error, moments.count, forgiven)
    canvas.points(ax, x, moments.mean, error, series=series, crossed=bad, **style)


def vertical(canvas: Canvas, ax: Axes, places: Iterable[float], *, series: str, label: str) -> None:
    """Draw guides across `ax` of `canvas` at the `places` on its abscissa, without moving its limits.

    `series` and `label` as in `assay.drawing.Canvas.line`.
    """
    limits = ax.get_ylim()
    for place in places:
        canvas.line(ax, [place, place], limits, series=series, label=label, role="guide")
    ax.set_ylim(*limits)
