"""What the figures of this row share: kept samples by the names of a measure's outputs, words on axes, box series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.drawing import Canvas
from assay.experiment import Experiment
from assay.figure import FigureData
from figures._shared import by_scale, experiment, geometric, measured, numbers, simulated

__all__ = [
    "ROUNDS",
    "SCALED_TIME",
    "by_scale",
    "column",
    "experiment",
    "geometric",
    "kept",
    "measured",
    "numbers",
    "sampled",
    "simulated",
]

Array = NDArray[np.float64]

ROUNDS = "rounds n"
SCALED_TIME = "scaled time ηt"


def kept(
    measure: Callable[..., Any], setting: Mapping[str, Any], seed: int, replicates: int
) -> tuple[Experiment, int]:
    """Return `measure` at `setting` with `replicates`, raw samples stored: for quantiles, boxes, scatter."""
    return experiment(measure, setting, seed, replicates, keep=True)


def sampled(canvas: Canvas, ax: Axes, data: FigureData, name: str) -> Array | None:
    """Return the kept samples of experiment `name` in `data`; if it failed, say so on `ax` and return None."""
    return data.samples.get(name) if measured(canvas, ax, data, name) is not None else None


def column(samples: Array, outputs: Sequence[str], name: str) -> Array:
    """Return the column `name` of `samples` (replicates, outputs), the names of all being `outputs`.

    >>> column(np.array([[1.0, 2.0], [3.0, 4.0]]), ("error", "flat"), "flat").tolist()
    [2.0, 4.0]
    """
    return samples[:, list(outputs).index(name)]
