"""Errors over the plane of samples and features: the paper's heat maps, and Theorem 1 in one picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.random_features import _shared as shared
from simulations.random_features import fixed_samples_panel, size_grid_errors
from theory.random_features import (
    optimal_ridge,
    power_law,
    risk,
    tabulate,
    tabulated_risk,
    tabulated_train_error,
)

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

GRID_RIDGES = (2.0**-9, 2.0**-5, 2.0**-1, 2.0**3)  # the paper's
MORE = {"alpha": 1.5, "beta": 1.5, "modes": 1000, "noise_variance": 0.1}  # the ridge peak stands out on this task
SMALL_RIDGE = 1e-3
TRAIN_FLOOR = 0.01  # a train error below the colour range is drawn as its end


def grid_setting(scale: Scale) -> dict[str, Any]:
    """Setting of the grid experiment: the same sizes for samples and features."""
    low = shared.by_scale(scale, 10, 10, 10)
    counts = shared.sizes(low, shared.by_scale(scale, 100, 630, 2000), shared.by_scale(scale, 5, 13, 24))
    return {
        **shared.POWER_LAW,
        "modes": shared.by_scale(scale, 1000, 10_000, 10_000),
        "sample_counts": counts,
        "feature_counts": counts,
        "ridges": GRID_RIDGES,
    }


def grid_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment fills all cells."""
    return {"grid": shared.experiment(size_grid_errors, grid_setting(scale), seed, shared.by_scale(scale, 4, 8, 45))}


def draw_gaussian_grid(data: FigureData) -> Canvas:
    """Rows: test theory, test simulation, train theory, train simulation; columns: ridges."""
    canvas = Canvas(4, 4, size=(7.2, 6.9))
    setting = grid_setting(data.scale)
    table = tabulate(*power_law(setting["alpha"], setting["beta"], setting["modes"]))
    counts = np.array(setting["sample_counts"], dtype=float)
    fine = np.geomspace(counts[0], counts[-1], 41)
    norms = (LogNorm(0.6, 10.0), LogNorm(TRAIN_FLOOR, 3.0))
    moments, meshes = data.moments.get("grid"), []
    for column, ridge in enumerate(GRID_RIDGES):
        for part, function in enumerate((tabulated_risk, tabulated_train_error)):
            kind, noise = ("test", "train")[part], setting["noise_variance"]
            ax = _cell(canvas, 2 * part, column, f"{kind} theory", ridge)
            drawn = np.asarray(function(table, fine[:, None], fine, ridge, noise))
            mesh = canvas.image(ax, fine, fine, drawn, series=kind, norm=norms[part], cmap="magma")
            meshes.append((part, mesh))
            ax = _cell(canvas, 2 * part + 1, column, f"{kind} simulation", ridge)
            if moments is None:
                shared.measured(canvas, ax, data, "grid")
                continue
            values = moments.select((..., column, part))
            expected = np.asarray(function(table, counts[:, None], counts, ridge, noise))
            slack = (shared.TEST_SLACK, shared.TRAIN_SLACK)[part] / shared.smallest(counts[:, None], counts)
            bad = refuted(values.mean, expected, values.standard_error, values.count, slack)
            look: Any = {"norm": norms[part], "cmap": "magma", "role": "simulation"}
            canvas.image(ax, counts, counts, values.mean, series=kind, crossed=bad, **look)
    for part, label in enumerate(("test mean squared error", "train mean squared error")):
        mesh = next(m for p, m in meshes if p == part)
        axes = [ax for name, ax in canvas.axes.items() if name.startswith(("test", "train")[part])]
        canvas.colorbar(mesh, axes, label, extend="both" if part == 0 else "min")
    return canvas


def _cell(canvas: Canvas, row: int, column: int, name: str, ridge: float) -> Axes:
    """Axes of one heat map; labels stand at the left and at the bottom only."""
    ax = canvas.panel(
        f"{name}, ridge {ridge:.4g}",
        (row, column),
        title=f"ridge δ = {ridge:.3g}" if row == 0 else "",
        x="features, k" if row == 3 else "",
        y=f"{name}\nsamples, n" if column == 0 else "",
    )
    ax.set_box_aspect(1)
    ax.tick_params(labelbottom=row == 3, labelleft=column == 0)
    return ax


def plane(scale: Scale) -> Array:
    """Sizes of the theory's plane."""
    return np.geomspace(5.0, 500.0, shared.by_scale(scale, 11, 25, 61))


def slice_setting(scale: Scale) -> dict[str, Any]:
    """A line through the plane at fixed n: features vary."""
    counts = shared.sizes(5, 500, shared.by_scale(scale, 7, 17, 31))
    n = 50
    best = best_ridges(n, counts)
    return {**MORE, "n": n, "feature_counts": counts, "ridges": (SMALL_RIDGE, *(float(b) for b in best))}


def best_ridges(n: int, counts: tuple[int, ...]) -> Array:
    """The theory's best ridge at `n` samples for each number of features."""
    spectrum = power_law(MORE["alpha"], MORE["beta"], int(MORE["modes"]))
    return np.asarray(optimal_ridge(n, np.array(counts, dtype=float), *spectrum, MORE["noise_variance"])[0])


def more_experiments(scale: Scale, seed: int) -> Plan:
    """The slice, at the small ridge and at the best ridge of every cell."""
    trials = shared.by_scale(scale, 8, 200, 2000)
    return {"slice": shared.experiment(fixed_samples_panel, slice_setting(scale), seed, trials)}


def draw_more_is_better(data: FigureData) -> Canvas:
    """Best ridge with its contours, fixed small ridge, and a slice through both with simulated points."""
    canvas = Canvas(2, 2, size=(7.2, 6.2))
    sizes = plane(data.scale)
    spectrum, noise = power_law(MORE["alpha"], MORE["beta"], int(MORE["modes"])), MORE["noise_variance"]
    ridge, best = (np.asarray(v) for v in optimal_ridge(sizes[:, None], sizes, *spectrum, noise))
    fixed = np.asarray(risk(sizes[:, None], sizes, SMALL_RIDGE, *spectrum, noise))
    words: Any = {"x": "random features, k", "y": "training samples, n"}
    norm = LogNorm(0.3, 6.0)
    ax = canvas.panel("best-ridge", (0, 0), title="(a) best ridge, δ* on the lines", **words)
    canvas.image(ax, sizes, sizes, best, series="test error, best ridge", norm=norm, cmap="magma")
    levels = [0.11, 0.15, 0.2, 0.3, 0.5]
    canvas.contour(ax, sizes, sizes, ridge, levels, series="best ridge", colors="white", fmt="%g")
    other = canvas.panel("fixed-ridge", (0, 1), title=f"(b) fixed ridge, δ = {SMALL_RIDGE:g}", **words)
    mesh = canvas.image(other, sizes, sizes, fixed, series="test error, fixed ridge", norm=norm, cmap="magma")
    for axes in (ax, other):
        axes.set_box_aspect(0.8)
    canvas.colorbar(mesh, [ax, other], shared.MSE_TEST, extend="max")
    _draw_slice(canvas, data)
    return canvas


def _draw_slice(canvas: Canvas, data: FigureData) -> None:
    """Test error against k at fixed n: the peak at the fixed ridge, and none at the best one."""
    setting = slice_setting(data.scale)
    n, counts = setting["n"], np.array(setting["feature_counts"], dtype=float)
    title = f"(c) a slice at n = {n}: more features help at the best ridge only"
    ax = canvas.panel("slice", (1, slice(None)), title=title, x="random features, k", y=shared.MSE_TEST)
    spectrum, noise = power_law(MORE["alpha"], MORE["beta"], int(MORE["modes"])), MORE["noise_variance"]
    grid = np.unique(np.concatenate([np.geomspace(5.0, 500.0, 80), np.geomspace(35.0, 70.0, 41)]))
    lines = (
        (f"fixed ridge δ = {SMALL_RIDGE:g}", PALETTE[1], risk(n, grid, SMALL_RIDGE, *spectrum, noise)),
        ("best ridge δ*(n, k)", PALETTE[0], optimal_ridge(n, grid, *spectrum, noise)[1]),
    )
    for label, color, line in lines:
        canvas.line(ax, grid, line, series=label, label=f"theory, {label}", color=color)
    moments = shared.measured(canvas, ax, data, "slice")
    if moments is None:
        return
    diagonal = np.arange(counts.size)
    chosen = (moments.select((diagonal, 0, 0)), moments.select((diagonal, diagonal + 1, 0)))
    expected = (risk(n, counts, SMALL_RIDGE, *spectrum, noise), optimal_ridge(n, counts, *spectrum, noise)[1])
    slack = shared.TEST_SLACK / shared.smallest(n, counts)
    for (label, color, _), values, theory in zip(lines, chosen, expected, strict=True):
        shared.simulated(canvas, ax, counts, values, theory, slack, series=label, color=color)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")


FIGURES = (
    FigureSpec(
        id="rf-gaussian-grid",
        title="Theory and simulation over the plane of samples and features",
        caption="Mean squared error of random-feature ridge regression on the Gaussian power-law task, eigenvalues and "
        "target power i^-1.5, noise variance 0.5, over the numbers of samples and features. Rows: test error in theory "
        "and in simulation (mean over trials), train error in theory and in simulation; columns: ridges. A red cross "
        "marks a simulated cell that deviates beyond its interval by more than 2/min(n, k) (test) or 10/min(n, k) "
        "(train). Train errors below the colour range have its darkest colour.",
        claims=("rf.F1", "rf.F1.train"),
        experiments=grid_experiments,
        draw=draw_gaussian_grid,
    ),
    FigureSpec(
        id="more-is-better",
        title="More samples and more features help at the best ridge, not at a fixed one",
        caption="Test error over the plane of samples and features in theory, eigenvalues and target power i^-1.5 with "
        "1000 modes, noise variance 0.1. (a) At the best ridge of each cell, whose values stand on the white lines, "
        "the error falls in both directions. (b) At a fixed small ridge it peaks along n = k. (c) Slice at fixed n. "
        "Points: simulation, mean over trials with bars of one standard error; a red cross deviates beyond its "
        "interval by more than 2/min(n, k).",
        claims=("rf.T1", "rf.T1.fixed-ridge", "rf.T1m"),
        experiments=more_experiments,
        draw=draw_more_is_better,
    ),
)
