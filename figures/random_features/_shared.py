"""What the figures of this row share: sizes and ridges per scale, experiments, grids, how points are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

__all__ = [
    "MSE_TEST",
    "POWER_LAW",
    "RIDGES",
    "TEST_SLACK",
    "TRAIN_SLACK",
    "by_scale",
    "experiment",
    "geometric",
    "measured",
    "ridge_label",
    "simulated",
    "sizes",
]

Array = NDArray[np.float64]

RIDGES = tuple(float(r) for r in np.logspace(-3, 2, 31))  # the paper's
POWER_LAW = {"alpha": 1.5, "beta": 1.5, "noise_variance": 0.5}  # the paper's Gaussian task
# The theory is a limit: at finite size the mean test error is off by up to 2/min(n, k), most beside n = k at a small
# ridge, and the train error, which can be tiny, by up to 10/min(n, k) (measured at 8 to 256). Only the excess refutes.
TEST_SLACK, TRAIN_SLACK = 2.0, 10.0
MSE_TEST = "test mean squared error"


def by_scale(scale: Scale, quick: Any, standard: Any, paper: Any) -> Any:
    """Return the one of `quick`, `standard`, `paper` that `scale` names.

    >>> by_scale("standard", 1, 2, 3)
    2
    """
    return {"quick": quick, "standard": standard, "paper": paper}[scale]


def sizes(low: float, high: float, count: int) -> tuple[int, ...]:
    """Return at most `count` integers, geometrically spaced from `low` to `high` inclusive, strictly increasing.

    >>> sizes(10, 1000, 5)
    (10, 31, 100, 316, 1000)
    """
    return tuple(int(v) for v in np.unique(np.floor(np.geomspace(low, high, count) * (1 + 1e-12))))


def geometric(low: float, high: float, count: int) -> Array:
    """Return `count` real numbers, geometrically spaced from `low` to `high`: the grid of a theory line.

    >>> geometric(1.0, 4.0, 3).tolist()
    [1.0, 2.0, 4.0]
    """
    return np.geomspace(low, high, count)


def experiment(
    measure: Callable[..., Any], setting: Mapping[str, Any], seed: int, replicates: int
) -> tuple[Experiment, int]:
    """Return `measure` at `setting` on streams of suite `seed`, in four blocks, with the `replicates` wanted."""
    return Experiment(measure, setting, block=max(1, replicates // 4), seed=seed), replicates


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


def ridge_label(ridge: float) -> str:
    """Return the legend entry of a `ridge` in the units of the eigenvalues.

    >>> ridge_label(0.0215443), ridge_label(21.544)
    ('ridge δ = 0.0215', 'ridge δ = 21.5')
    """
    return f"ridge δ = {ridge:.3g}"


def smallest(n: ArrayLike, k: ArrayLike) -> Array:
    """Return min(n, k), broadcast: the size that governs how far the experiment is from the theory's limit.

    >>> smallest(256, [10, 1000]).tolist()
    [10.0, 256.0]
    """
    return np.minimum(np.asarray(n, dtype=float), np.asarray(k, dtype=float))


def closest(values: Sequence[float], wanted: Sequence[float]) -> list[int]:
    """Return the indices of those of `values` > 0 that are closest, as ratios, to each of `wanted` > 0.

    >>> closest([0.1, 1.0, 10.0], [0.9, 5.0])
    [1, 2]
    """
    return [int(np.argmin(np.abs(np.log(np.asarray(values) / w)))) for w in wanted]
