"""How often the 95 % likelihood-ratio interval contains the learning rate: a map over the rate and the scaled time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.exp3 import _shared as shared
from simulations.exp3 import ESTIMATE_OUTPUTS, estimates
from theory.exp3 import mean_field_information

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

NOMINAL = 0.95
LOW, HIGH = 0.1, 10.0  # ends of the interval of rates, in units of the true one
PANELS = {"best arm without loss": (1.0, 0.0), "both arms lossy": (0.8, 0.3)}
RATES = (0.512, 0.256, 0.128, 0.064, 0.032, 0.016, 0.008)
TIMES = {"quick": (0.5, 2.0, 8.0), "standard": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)}
# from 75 to 100 %, white at 95
COLORS = ListedColormap(colormaps["PuOr"](np.append(np.linspace(0.1, 0.5, 200), np.linspace(0.5, 0.7, 50))))
OUTLINE = [Stroke(linewidth=1.8, foreground="white", alpha=0.8), Normal()]
NUMBER: Any = {"ha": "center", "va": "center", "zorder": 6, "path_effects": OUTLINE}
COVERED = ESTIMATE_OUTPUTS.index("covered")


# ---------------------------------------------------------------- theory


def vague(times: Array, losses: tuple[float, ...]) -> Array:
    """The rate at which the estimate's relative standard deviation is 1 in the limit, (eta/J)^(1/2) = 1."""
    return np.asarray(mean_field_information(times, losses))


def gone(times: Array, losses: tuple[float, ...]) -> Array:
    """The rate eta = e^(-l S): above it the limit is off by all of itself, as sensitivities grow like e^(l s)."""
    return np.exp(-max(losses) * times)


# ---------------------------------------------------------------- simulation


def cells(scale: Scale) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rates and scaled times of the map, increasing."""
    return RATES[:: -2 if scale == "quick" else -1], TIMES["quick" if scale == "quick" else "standard"]


def named(panel: str, rate: float, time: float) -> str:
    """The name of an experiment."""
    return f"{panel}, eta = {rate:g}, S = {time:g}"


def experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each panel and cell."""
    runs = shared.by_scale(scale, 60, 600, 4000)
    plan: dict[str, Any] = {}
    rates, times = cells(scale)
    for panel, losses in PANELS.items():
        for rate in rates:
            for time in times:
                setting = {"learning_rate": rate, "mean_losses": losses, "rounds": max(1, round(time / rate))}
                wanted = {**setting, "low": LOW, "high": HIGH}
                plan[named(panel, rate, time)] = shared.experiment(estimates, wanted, seed, runs)
    return plan


# ---------------------------------------------------------------- drawing


def draw(data: FigureData) -> Canvas:
    """A map for each pair of losses, the simulated percentage in each cell, and lines between which it should be 95."""
    canvas = Canvas(1, len(PANELS), size=(7.4, 4.2))
    meshes: list[ScalarMappable] = []
    for k, (panel, losses) in enumerate(PANELS.items()):
        y = "scaled time S = ηT" if k == 0 else ""
        title = f"({'ab'[k]}) losses ({losses[0]:g}, {losses[1]:g}): {panel}"
        ax = canvas.panel(panel, (0, k), x="learning rate η", y=y, title=title)
        meshes += _map(canvas, ax, data, panel, losses)
        ends = ax.get_xlim(), ax.get_ylim()
        times = shared.geometric(*(ends[1] if meshes else (0.4, 22.0)), 200)
        style: Any = {"color": "black", "ls": (0, (1, 1.2)), "label": "√(η/J) = 1: too few rounds below"}
        canvas.line(ax, vague(times, losses), times, series="too few rounds", **style)
        style = {"color": "black", "label": "η = exp(−S max ℓ): no limit rules above"}
        canvas.line(ax, gone(times, losses), times, series="lossy arm gone", **style)
        if meshes:
            ax.set(xlim=ends[0], ylim=ends[1])
    if meshes:
        words = "intervals that contain η, % of simulated runs"
        ticks = [75, 80, 85, 90, 95, 100]
        canvas.colorbar(meshes[0], list(canvas.axes.values()), words, ticks=ticks, extend="min")
    return canvas


def _map(canvas: Canvas, ax: Axes, data: FigureData, panel: str, losses: tuple[float, ...]) -> list[ScalarMappable]:
    """Coverages in per cent as colours and numbers; crossed out where the limit rules and they are refuted."""
    rates, times = (np.array(values) for values in cells(data.scale))
    found = [[shared.measured(canvas, ax, data, named(panel, rate, time)) for rate in rates] for time in times]
    if not any(any(row) for row in found):
        return []
    z, bad = np.full((2, times.size, rates.size), np.nan)
    for i, row in enumerate(found):
        for j, moments in enumerate(row):
            if moments is not None:
                mean, error = (float(part[COVERED]) for part in (moments.mean, moments.standard_error))
                slack = rates[j] / gone(times[i], losses)
                z[i, j], bad[i, j] = 100 * mean, refuted(mean, NOMINAL, error, moments.count, slack)
                canvas.text(ax, rates[j], times[i], f"{100 * mean:.0f}", **NUMBER)
    looks: Any = {"norm": Normalize(75.0, 100.0), "cmap": COLORS, "role": "simulation", "crossed": bad == 1}
    return [canvas.image(ax, rates, times, z, series="coverage", **looks)]


FIGURES = (
    FigureSpec(
        id="likelihood-ratio-coverage",
        title="The 95 % likelihood-ratio interval: where it covers",
        caption="Interval of all rates in [η/10, 10 η] with a log-likelihood at most 3.84/2 below the maximum. Colours "
        "and numbers: per cent of simulated runs in which it contains the true η, over η and S = ηT; the chi-square "
        "limit says 95. Dotted line: the limit of the estimate's relative standard deviation is one; below it the "
        "rounds are too few, the likelihood is often flat and the interval too wide. Solid line: η exp(S max ℓ), the "
        "order of the relative error of the limit, is one; above it: (a) few pulls decide (ex.D12.wilks); (b) the "
        "likelihood has spikes far from the truth, so that the interval around its maximum misses it. A red cross "
        "would be a cell that refutes the limit beyond a relative error of η exp(S max ℓ).",
        claims=("ex.D5", "ex.D12.wilks"),
        experiments=experiments,
        draw=draw,
    ),
)
