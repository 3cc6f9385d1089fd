"""What the figures of this row share: populations, steps on an axis that ends at infinity, how points are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

from assay.drawing import Canvas
from assay.experiment import Experiment
from assay.marks import refuted
from assay.moments import Moments
from figures._shared import by_scale, experiment, geometric, measured, simulated
from simulations.self_distillation import signal_squares, spectrum_values

__all__ = [
    "KERNEL_RIDGE",
    "RIDGE",
    "SLACK",
    "SPREAD",
    "Law",
    "by_scale",
    "exact",
    "experiment",
    "geometric",
    "jackknife",
    "judged",
    "kept",
    "measured",
    "population",
    "simulated",
    "step_axis",
]

Array = NDArray[np.float64]

RIDGE = "ridge λ, divided by n"
KERNEL_RIDGE = "ridge λ, without 1/n"
SPREAD = "simulation ± 1 s.e."
# The theory is a limit: at n samples the mean risk of a student is off by 0.7/n to 3/n, more where the ridge is small
# (measured at n = 24 to 400). Only what exceeds it refutes.
SLACK = 4.0
ROUNDING = 1e-8  # between two exact routes in float64: eps times the condition of the solves, 1e7 at the least ridge


Law = tuple[Array, Array, float, float]


def population(setting: Mapping[str, Any]) -> Law:
    """Return (spectrum, signal power, noise variance, aspect ratio) of a `setting` as the theory takes them.

    >>> population({"features": 2, "samples": 4, "signal_power": 0.5, "noise_variance": 0.25})
    (array([1., 1.]), array([0.25, 0.25]), 0.25, 0.5)
    """
    features = setting["features"]
    values = spectrum_values(setting.get("spectrum", ("isotropic", 1.0)), features)
    power = signal_squares(setting.get("signal", ("isotropic",)), features, setting["signal_power"])
    return values, power, setting["noise_variance"], features / setting["samples"]


def jackknife(samples: Array, function: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Return `function` of the mean of `samples` (replicates, …), and its standard error by leaving each one out.

    >>> value, error = jackknife(np.array([[1.0], [3.0]]), lambda mean: mean**2)
    >>> value.tolist(), error.tolist()
    ([4.0], [4.0])
    """
    count = len(samples)
    others = [function((samples.sum(axis=0) - one) / (count - 1)) for one in samples]
    return function(samples.mean(axis=0)), np.std(others, axis=0) * np.sqrt(count - 1)


def kept(experiment: Experiment) -> Experiment:
    """Return `experiment` with its raw samples stored, for functions of several means (see `jackknife`)."""
    return replace(experiment, keep_samples=True)


def judged(
    canvas: Canvas,
    ax: Axes,
    x: ArrayLike,
    values: tuple[Array, Array],
    count: int,
    theory: ArrayLike,
    slack: ArrayLike,
    *,
    series: str,
    **style: Any,
) -> None:
    """Draw `values` = (estimates, standard errors) of `count` replicates at `x`; cross out those that refute `theory`.

    `canvas`, `ax`, `series`, `style` as in `assay.drawing.Canvas.points`; `theory` the line's values at `x`; `slack`
    the relative deviation that is forgiven.
    """
    mean, error = values
    bad = refuted(mean, theory, error, count, slack)
    canvas.points(ax, x, mean, error, series=series, crossed=bad, **style)


def exact(
    canvas: Canvas, ax: Axes, x: ArrayLike, moments: Moments, theory: ArrayLike, *, series: str, **style: Any
) -> None:
    """Draw means at `x`, of which every replicate should equal `theory` up to rounding; cross out those that do not.

    `moments` of the literal computation, with bars of one standard error where there are several replicates; `theory`
    the closed form for the same data; `canvas`, `ax`, `series`, `style` as in `assay.drawing.Canvas.points`.
    """
    line = np.asarray(theory, dtype=float)
    bad = np.abs(moments.mean - line) > ROUNDING * np.max(np.abs(line))
    error = moments.standard_error if moments.count > 1 else None
    canvas.points(ax, x, moments.mean, error, series=series, crossed=bad, **style)


def step_axis(ax: Axes, steps: ArrayLike, infinity: float | None = None) -> None:
    """Put plain ticks on the x-axis of `ax` at whole `steps` and, if given, ∞ at the place `infinity`.

    An axis that was logarithmic becomes one that the canvas leaves its ticks.
    """
    places = [float(step) for step in np.ravel(steps)]
    if ax.get_xscale() == "log":
        limits = ax.get_xlim()
        ax.set_xscale("symlog", linthresh=places[0] / 2)  # logarithmic from half of the first step on
        ax.set_xlim(*limits)
    words = {infinity: "∞"}
    ax.xaxis.set_major_locator(FixedLocator(places if infinity is None else [*places, infinity]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.get(value, f"{value:g}")))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
