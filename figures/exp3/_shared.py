"""What the figures of this row share: kept samples by the names of outputs, robust spreads, shares, words on axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from assay.drawing import PALETTE, Canvas
from assay.experiment import Experiment
from assay.figure import FigureData
from figures._shared import by_scale, experiment, geometric, measured, numbers, simulated

__all__ = [
    "NORMAL_QUARTILE",
    "NORMAL_WHISKER",
    "ROUNDS",
    "SCALED_TIME",
    "by_scale",
    "column",
    "draw_ends",
    "experiment",
    "geometric",
    "inside",
    "kept",
    "measured",
    "numbers",
    "quantile",
    "sampled",
    "simulated",
    "spread",
]

Array = NDArray[np.float64]

ROUNDS = "horizon n, rounds"
SCALED_TIME = "scaled time ηt"
NORMAL_QUARTILE, NORMAL_WHISKER = 0.6744897501960817, 1.6448536269514722  # quantiles .75 and .95 of N(0, 1)
ENDS = {  # outputs of a fit that is no estimate -> words, colour, marker
    "at_high": ("upper end of the interval", PALETTE[1], "^"),
    "at_low": ("lower end of the interval", PALETTE[0], "v"),
    "flat": ("flat likelihood", "0.45", "s"),
}


def kept(measure: Callable[..., Any], setting: Mapping[str, Any], seed: int, replicates: int) -> tuple[Experiment, int]:
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


def inside(samples: Array, outputs: Sequence[str]) -> NDArray[np.bool_]:
    """Return which fits of `samples` (replicates, `outputs`) are neither flat nor at an end of the interval of rates.

    >>> inside(np.array([[0.1, 0.0, 0.0, 0.0], [9.0, 0.0, 1.0, 0.0]]), ("error", "at_low", "at_high", "flat")).tolist()
    [True, False]
    """
    return ~np.any([column(samples, outputs, name) > 0 for name in ENDS], axis=0)


def quantile(values: ArrayLike, level: float) -> tuple[float, float]:
    """Return the quantile of `values` (replicates,) at `level` in (0, 1), and its standard error from order statistics.

    Half the distance of the quantiles one binomial standard error below and above `level`.

    >>> tuple(round(x, 6) for x in quantile(np.arange(101.0), 0.5))  # sqrt(1/4/101) of 100 steps
    (50.0, 4.975186)
    """
    sample = np.asarray(values, dtype=float)
    reach = np.sqrt(level * (1 - level) / sample.size)
    low, middle, high = np.quantile(sample, np.clip([level - reach, level, level + reach], 0.0, 1.0))
    return float(middle), float(high - low) / 2


def spread(values: ArrayLike) -> tuple[float, float]:
    """Return the distance of the quartiles of `values` (replicates,) over that of N(0, 1), and its standard error.

    The standard deviation of a normal sample, without what the tails do. Errors of the quartiles correlate by 1/3.

    >>> round(spread(np.arange(101.0))[0] * 1.349, 2)
    50.0
    """
    (low, low_error), (high, high_error) = quantile(values, 0.25), quantile(values, 0.75)
    error = np.sqrt(low_error**2 + high_error**2 - 2 / 3 * low_error * high_error)
    return (high - low) / (2 * NORMAL_QUARTILE), float(error) / (2 * NORMAL_QUARTILE)


def draw_ends(
    canvas: Canvas,
    ax: Axes,
    x: ArrayLike,
    samples: Sequence[Array],
    outputs: Sequence[str],
    *,
    apart: float = 1.2,
    name: str = "",
) -> None:
    """Draw on `ax` which per cent of the fits in each of `samples` are at an end of the interval of rates, or flat.

    At `x`, and a factor `apart` before and after it; bars of one binomial standard error. `outputs` names the columns
    of `samples` (replicates, outputs); `name` goes before the names of the series.
    """
    top = 5.0
    for k, (output, (label, color, marker)) in enumerate(ENDS.items()):
        shares = np.array([np.mean(column(one, outputs, output)) for one in samples])
        errors = np.sqrt(shares * (1 - shares) / [len(one) for one in samples])
        looks: Any = {"color": color, "fmt": marker, "ms": 3.2}
        places = np.asarray(x, dtype=float) * apart ** (k - 1)
        canvas.points(ax, places, 100 * shares, 100 * errors, series=f"{name}{output}", label=label, **looks)
        top = max(top, 110 * float(np.max(shares + errors)))
    ax.set_ylim(-0.07 * top, max(top, ax.get_ylim()[1]))
