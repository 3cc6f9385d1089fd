"""Beyond the paper: when interpolation is best, and how fast finite training sets get there."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from figures.random_features import _shared as shared
from figures.random_features import fitting
from theory.random_features import (
    clean_ridgeless_risk,
    optimal_fitting_ratio,
    overfitting_threshold,
    power_law_fitting_ratio,
    power_law_risk,
    shifted_fitting_ratio,
)

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

ALPHA = 1.17  # of the map; the threshold does not depend on it in the map's coordinates
FEW = 30  # samples at which the finite-size boundary is drawn
PAIRS = ((1.5, 1.25), (1.17, 1.14), (2.0, 2.5))
MARKERS = (("o", 6.0, 5), ("s", 9.0, 4), ("^", 8.0, 3))  # shape, points, order: neighbours lie on each other
TINY = 1e-4  # a fitting ratio up to this counts as none on the finite-size boundary


def scaled(alpha: float, noise: float) -> float:
    """Noise in the units in which the threshold of every alpha is beta - alpha."""
    return alpha * (alpha - 1) * noise


def draw_phases(data: FigureData) -> Canvas:
    """Best fitting ratio over target exponent and noise, with the threshold, and the tasks of the image sets."""
    canvas = Canvas(1, 1, size=(5.8, 4.6))
    gaps = np.linspace(-0.15, 0.6, shared.by_scale(data.scale, 26, 76, 151))
    units = np.linspace(0.0, 1.1, shared.by_scale(data.scale, 23, 67, 133))
    words: Any = {"x": "target minus kernel exponent, β − α", "y": r"scaled noise, α (α − 1) $\sigma_{\mathrm{rel}}^2$"}
    ax = canvas.panel("phases", scales=("linear", "linear"), **words)
    noise = units / scaled(ALPHA, 1.0)
    ratio = np.asarray(optimal_fitting_ratio(ALPHA, ALPHA + gaps, noise[:, None]))
    norm = Normalize(0.0, 0.8)
    mesh = canvas.image(ax, gaps, units, ratio, series="best fitting ratio", norm=norm, cmap="cividis")
    canvas.colorbar(mesh, [ax], "best fitting ratio R* (train / test error)", extend="max")
    edge = np.linspace(0.0, 0.6, 40)
    threshold = scaled(ALPHA, 1.0) * np.asarray(overfitting_threshold(ALPHA, ALPHA + edge))
    canvas.line(ax, edge, threshold, series="threshold", label="interpolate below", color=PALETTE[1], lw=2.0)
    _finite_boundary(canvas, data, scaled(ALPHA, 1.0))
    for task, (marker, size, order) in zip(fitting.TASKS, MARKERS, strict=True):
        for level in fitting.NOISE:
            height = scaled(task.alpha, level)
            if height > units[-1]:
                continue
            moments = shared.measured(canvas, ax, data, fitting.name_of(task, level))
            if moments is None:
                continue
            color = mesh.cmap(norm(_simulated_best(task, moments, data.scale)))
            look = {"fmt": marker, "ms": size, "mec": "white", "mew": 1.2, "zorder": order, "clip_on": False}
            series = f"{task.name}, noise {level:g}"
            canvas.points(ax, task.beta - task.alpha, height, series=series, color=color, **look)
        canvas.key(f"{task.name}, simulated R*", ls="", marker=marker, ms=0.75 * size)
    ax.set(xlim=(-0.15, 0.6), ylim=(-units[1] / 2, 1.1))  # from the lower edge of the cells
    return canvas


def _finite_boundary(canvas: Canvas, data: FigureData, unit: float) -> None:
    """Noise above which a few samples are best fitted with a ridge, by bisection for each target exponent."""
    gaps = np.linspace(0.05, 0.6, shared.by_scale(data.scale, 5, 10, 20))
    edge = []
    for gap in gaps:
        low, high = 0.0, 2.0 * float(overfitting_threshold(ALPHA, ALPHA + gap)) + 0.5
        for _ in range(12):
            middle = (low + high) / 2
            overfits = float(power_law_fitting_ratio(float(FEW), ALPHA, ALPHA + gap, middle)) < TINY
            low, high = (middle, high) if overfits else (low, middle)
        edge.append(unit * low)
    outline = [Stroke(linewidth=3.5, foreground="0.25"), Normal()]  # white shows on dark cells and in the legend
    style: Any = {"ls": (0, (2, 1.5)), "lw": 1.8, "color": "white", "path_effects": outline}
    label = f"the same at n = {FEW}"
    canvas.line(canvas.axes["phases"], gaps, edge, series="boundary, finite n", label=label, **style)


def _simulated_best(task: fitting.Exponents, moments: fitting.Moments, scale: Scale) -> float:
    """Fitting ratio of the simulated mean errors at the ridge with the least test error."""
    test, train = fitting.test_and_train(task, moments, scale)
    best = int(np.argmin(test.mean))
    return float(train.mean[best] / test.mean[best])


def no_experiments(scale: Scale, seed: int) -> Plan:
    """Nothing is random in a comparison of two closed forms."""
    return {}


def draw_half_sample(data: FigureData) -> Canvas:
    """Distance of the asymptotic forms from the exact sums, with and without the half-sample shift."""
    canvas = Canvas(1, 2, size=(7.2, 3.8))
    n = np.geomspace(10.0, 1e4, shared.by_scale(data.scale, 5, 9, 13))
    label: Any = {"x": "training samples, n"}
    left = canvas.panel(
        "risk", (0, 0), title="(a) clean ridgeless test error", y="relative error of the limit", **label
    )
    right = canvas.panel("ratio", (0, 1), title="(b) best fitting ratio", y="|R of the limit − R at n|", **label)
    for (alpha, beta), color in zip(PAIRS, PALETTE, strict=False):
        exact = np.asarray(power_law_risk(n, np.inf, 0.0, alpha, beta))
        level = 0.0 if beta < alpha else 2.0 * float(overfitting_threshold(alpha, beta))
        best = np.asarray(power_law_fitting_ratio(n, alpha, beta, level))
        for shift, style in ((False, {"ls": "-", "marker": "o"}), (True, {"ls": "--", "marker": "D"})):
            look = {"color": color, "ms": 3.0, **style}
            series = f"alpha {alpha:g}, beta {beta:g}, {'shifted' if shift else 'plain'}"
            words = "" if shift else f"α = {alpha:g}, β = {beta:g}, relative noise {level:g}"
            clean = np.asarray(clean_ridgeless_risk(n, alpha, beta, half_sample_shift=shift))
            canvas.line(left, n, _seen(clean / exact - 1.0), series=series, label=words, **look)
            limit = shifted_fitting_ratio(n, alpha, beta, level) if shift else optimal_fitting_ratio(alpha, beta, level)
            canvas.line(right, n, _seen(np.asarray(limit) - best), series=series, **look)
    for ax, anchor in ((left, 5.0), (right, 0.6)):
        canvas.line(ax, n, anchor / n, series="slope -1", label="slope −1", role="guide")
    canvas.key("limit", ls="-", marker="o")
    canvas.key("limit with n + ½ for n", ls="--", marker="D")
    return canvas


def _seen(error: Array) -> Array:
    """Absolute errors, nan where rounding is all that is left."""
    return np.where(np.abs(error) > 1e-13, np.abs(error), np.nan)


FIGURES = (
    FigureSpec(
        id="overfitting-phase-diagram",
        title="Where interpolation is best",
        caption="Best fitting ratio R* in the limit of many samples (colour) against the target exponent beta minus "
        "the kernel exponent alpha = 1.17 and the relative noise in units of 1/(alpha (alpha - 1)). Below the solid "
        "line interpolation is best; dashed: the same boundary at 30 samples. Markers: power-law tasks with exponents "
        "measured on image sets, each at its own alpha and filled with the colour of the simulated fitting ratio at "
        "the ridge of least mean test error; as the minimum is flat, that ratio scatters more than the error. Of the "
        "noise levels 0, 1, 5 and 50 those that lie above the axis are left out.",
        claims=("rf.C1", "rf.T2"),
        experiments=fitting.experiments,
        draw=draw_phases,
    ),
    FigureSpec(
        id="half-sample-shift",
        title="Counting half a sample more makes the limit sharp at tens of samples",
        caption="Distance between the closed forms of the limit and the exact sums over infinitely many modes, for the "
        "clean ridgeless test error (a) and the best fitting ratio (b). Solid: the limit; dashed: the limit with n + "
        "1/2 in place of n. Nothing is simulated here; both routes are deterministic.",
        claims=("rf.H", "rf.T2"),
        experiments=no_experiments,
        draw=draw_half_sample,
    ),
)
