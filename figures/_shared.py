"""What the figures of all rows share: scales, experiments, grids, how points are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

__all__ = ["by_scale", "experiment", "geometric", "measured", "numbers", "simulated"]

Array = NDArray[np.float64]


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


def geometric(low: float, high: float, count: int) -> Array:
    """Return `count` real numbers, geometrically spaced from `low` to `high`: the grid of a theory line.

    >>> geometric(1.0, 4.0, 3).tolist()
    [1.0, 2.0, 4.0]
    """
    return np.geomspace(low, high, count)


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


def simulated(
    canvas: Canvas,
    ax: Axes,
    x: ArrayLike,
    moments: Moments,
    theory: ArrayLike,
    slack: ArrayLike,
    *,
    series: str,
    **style: Any,
) -> None:
    """Draw the means of `moments` at `x` with bars of one standard error; cross out those that refute `theory`.

    `canvas`, `ax`, `series` and `style` as in `assay.drawing.Canvas.points`; `theory` the line's values at `x`; `slack`
    the relative deviation that is forgiven, finite size included. A single replicate has no bar.
    """
    error = moments.standard_error if moments.count > 1 else None
    bad = refuted(moments.mean, theory, 0.0 if error is None else error, moments.count, slack)
    canvas.points(ax, x, moments.mean, error, series=series, crossed=bad, **style)
