"""Real data: a kernel on noisy digits, tuned students on small tables, small networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from assay.moments import Moments
from figures.self_distillation import _shared as shared
from figures.self_distillation._measures import digits_both, network_paths, tables_both

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

DIGITS_RIDGES = (0.02, 0.5)
DIGITS_ALPHAS = (0.0, 0.1, 0.25, 1.0)
DIGITS_STEPS = 8
INFINITY = 9.6  # where the axis of eight steps ends
SCORES = ("test mean squared error", "test accuracy")


def digits_experiments(scale: Scale, seed: int) -> Plan:
    """Both ridges."""
    shape = {"alphas": DIGITS_ALPHAS, "steps": DIGITS_STEPS, "width": 0.05, "label_noise": 0.4}
    shape["samples"] = shared.by_scale(scale, 100, 600, 600)
    trials = shared.by_scale(scale, 3, 8, 40)
    return {
        f"ridge {ridge:g}": shared.experiment(digits_both, {**shape, "ridge": ridge}, seed, trials)
        for ridge in DIGITS_RIDGES
    }


def draw_digits(data: FigureData) -> Canvas:
    """Rows: error, accuracy; columns: a fitting ridge and one that is too large."""
    canvas = Canvas(2, 2, size=(7.2, 5.2))
    places = np.append(np.arange(1.0, DIGITS_STEPS + 1), INFINITY)
    for column, ridge in enumerate(DIGITS_RIDGES):
        name = f"ridge {ridge:g}"
        for row, score in enumerate(SCORES):
            title = f"({'ab'[column]}) λ = {ridge:g}, without 1/n" if row == 0 else ""
            words: Any = {"x": "step, t" if row else "", "y": score if column == 0 else ""}
            panel = f"{score}, {name}"
            ax = canvas.panel(panel, (row, column), title=title, scales=("linear", "linear"), **words)
            moments = shared.measured(canvas, ax, data, name)
            for i, alpha in enumerate(DIGITS_ALPHAS):
                color, series = (*PALETTE[:3], "0.3")[i], f"alpha = {alpha:g}"
                canvas.key(f"α = {alpha:g}", color=color, lw=1.5)
                if moments is not None:
                    _digits_case(canvas, ax, places, moments.select((..., i, slice(None), row)), series, color)
            shared.step_axis(ax, range(1, DIGITS_STEPS + 1), INFINITY)
    canvas.key("ridge regression at λ/α", ls=(0, (4, 2)), lw=1.1)
    canvas.key("literal refits ± 1 s.e.", ls="", marker="o")
    return canvas


def _digits_case(canvas: Canvas, ax: Axes, places: Array, both: Moments, series: str, color: Any) -> None:
    """One weight: closed form as line, recursion as points, the limit dashed."""
    closed = both.mean[1]
    canvas.line(ax, places[:-1], closed[:-1], series=series, color=color, lw=1.2)
    if series != "alpha = 0":
        look: Any = {"color": color, "ls": (0, (4, 2)), "lw": 1.1}
        canvas.line(ax, (places[-2], places[-1]), (closed[-1],) * 2, series=f"limit, {series}", **look)
    literal = both.select((0, slice(None, -1)))
    shared.exact(canvas, ax, places[:-1], literal, closed[:-1], series=series, color=color)


# ---------------------------------------------------------------- tables

TABLES = {"diabetes": 110, "breast_cancer": 110, "wine": 60}
VALIDATION = 40
PREDICTORS = {
    "one fit": (0, "0.65"),
    "student, best on the test points": (1, PALETTE[2]),
    "student, tuned by leave-one-out": (2, PALETTE[0]),
    "student, tuned on 40 points, α in [0, 1]": (4, PALETTE[1]),
}


def table_ridges(scale: Scale) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Ridges of the refits, and the finer ones of the closed forms, which hold them."""
    count = shared.by_scale(scale, 3, 7, 13)
    fine = np.geomspace(3e-3, 100.0, 2 * count - 1 if scale == "quick" else 3 * count - 2)
    return tuple(float(r) for r in fine[:: 2 if scale == "quick" else 3]), tuple(float(r) for r in fine)


def table_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each data set."""
    ridges, fine = table_ridges(scale)
    shape = {"ridges": ridges, "fine": fine, "validation": VALIDATION}
    trials = shared.by_scale(scale, 3, 24, 100)
    return {
        name: shared.experiment(tables_both, {**shape, "data": name, "samples": samples}, seed, trials)
        for name, samples in TABLES.items()
    }


def draw_tables(data: FigureData) -> Canvas:
    """Test error against the ridge of one fit and of the tuned students."""
    canvas = Canvas(1, 3, size=(7.4, 3.7))
    ridges, fine = table_ridges(data.scale)
    stride = (len(fine) - 1) // (len(ridges) - 1)
    for column, name in enumerate(TABLES):
        words: Any = {"x": shared.RIDGE, "y": "test mean squared error" if column == 0 else ""}
        title = f"({'abc'[column]}) {name.replace('_', ' ')}"
        ax = canvas.panel(name, (0, column), title=title, scales=("log", "log"), **words)
        moments = shared.measured(canvas, ax, data, name)
        for label, (index, color) in PREDICTORS.items():
            canvas.key(label, color=color, lw=4.0 if index == 0 else 1.5)
            if moments is not None:
                closed = moments.mean[len(ridges) :, index]
                wide = 4.0 if index == 0 else 1.3  # other lines lie on it
                canvas.line(ax, fine, closed, series=label, color=color, lw=wide)
                literal = moments.select((slice(len(ridges)), index))
                shared.exact(
                    canvas,
                    ax,
                    ridges,
                    literal,
                    closed[::stride],
                    series=label,
                    color=color,
                    ms=6.0 if index == 0 else 3.0,
                )
    canvas.key("literal refits ± 1 s.e.", ls="", marker="o")
    return canvas


# ---------------------------------------------------------------- networks

NOISES = {"clean labels": 0.0, "30 % noisy labels": 0.3}
NETWORK_ALPHAS = (0.0, 0.2, 0.5, 0.8, 1.0)


def network_experiments(scale: Scale, seed: int) -> Plan:
    """Clean and noisy labels."""
    shape: dict[str, Any] = {"samples": 400, "validation": 600, "iterations": 600, "hidden": (64, 64), "steps": 4}
    if scale == "quick":
        shape = {"samples": 100, "validation": 100, "iterations": 150, "hidden": (32,), "steps": 3}
    trials = shared.by_scale(scale, 3, 3, 20)
    plan: dict[str, Any] = {}
    for name, noise in NOISES.items():
        setting = {**shape, "alphas": NETWORK_ALPHAS, "label_noise": noise}
        experiment, count = shared.experiment(network_paths, setting, seed, trials)
        plan[name] = (shared.kept(experiment), count)
    return plan


def draw_network(data: FigureData) -> Canvas:
    """Rows: clean and noisy labels; columns: error and accuracy over steps, error of step 2 over the weight."""
    canvas = Canvas(2, 3, size=(7.4, 5.4))
    error, accuracy = "test MSE − that of step 1", "accuracy − that of step 1"
    words = (("step, t", error), ("step, t", accuracy), ("weight α", error))
    for row, name in enumerate(NOISES):
        samples = data.samples.get(name)
        titles = (f"({'ab'[row]}) {name}", "", "step 2")
        if samples is not None:
            start = samples.mean(axis=0)[0, 0]
            titles = (titles[0], f"step 1: {start[0]:.4f}, {100 * start[1]:.1f} %", "step 2")
        axes = [
            canvas.panel(
                f"{name}, {column}",
                (row, column),
                title=titles[column],
                x=x if row else "",
                y=y,
                scales=("linear", "linear"),
            )
            for column, (x, y) in enumerate(words)
        ]
        shared.measured(canvas, axes[0], data, name)
        if samples is not None:
            _network_row(canvas, axes, samples - samples[:, :1, :1])
    return canvas


def _network_row(canvas: Canvas, axes: list[Axes], gains: Array) -> None:
    """Gains over the first network of the same run (runs, alphas, steps + 1, 2), the mixture last."""
    moments, steps = Moments.of(gains), np.arange(1, gains.shape[2])
    for column in (0, 1):
        shared.step_axis(axes[column], steps)
        for i, (alpha, color) in enumerate(zip(NETWORK_ALPHAS, shades(len(NETWORK_ALPHAS)), strict=True)):
            values, series = moments.select((i, slice(None, -1), column)), f"alpha = {alpha:g}"
            look: Any = {"color": color, "fmt": "o-", "lw": 1.0, "label": f"α = {alpha:g}"}
            canvas.points(axes[column], steps, values.mean, values.standard_error, series=series, **look)
    fine = np.linspace(0.0, 1.0, 51)
    mixed, trained = (moments.select((slice(None), place, 0)) for place in (-1, 1))
    curve = np.polyval(np.polyfit(NETWORK_ALPHAS, mixed.mean, 2), fine)  # exact: squares of what is linear in alpha
    canvas.line(axes[2], fine, curve, series="mixture", label="mixture of two networks", color=PALETTE[1])
    look = {"series": "trained", "color": "black", "label": "trained at this α"}
    canvas.points(axes[2], NETWORK_ALPHAS, trained.mean, trained.standard_error, **look)


FIGURES = (
    FigureSpec(
        id="distilled-network",
        title="Networks on digits: own outputs help when labels are noisy, and two networks tell the weight",
        caption="Networks with two hidden layers of 64 (one of 32 at quick scale) on 400 (100) digits, each step a "
        "fresh training on α one-hot + (1 − α) outputs of the step before, all from the same start. Points: "
        "simulation, what error and accuracy on test points change from step 1 of the same run, means with bars of one "
        "standard error, joined for the eye; above the middle panels error and accuracy of step 1; right: of step 2 "
        "against α. Line, right: the parabola of mixed outputs "
        "α f + (1 − α) g of the first network and its student without true targets, from which α is estimated "
        "without a grid; for networks it need not agree.",
        claims=("sd.D1", "sd.O9"),
        experiments=network_experiments,
        draw=draw_network,
    ),
    FigureSpec(
        id="distilled-digits",
        title="Noisy digits: distillation cleans labels at a small ridge and only hurts at a large one",
        caption="Kernel ridge regression (RBF, 0.05) on 600 (100 at quick scale) digits with 40 % of the labels "
        "redrawn, refitted to the share α of the labels; test error against clean labels, and accuracy. Lines: "
        "closed form on the same splits; dashed: infinitely many steps, which is ridge regression with λ/α (for α = "
        "0 nothing is left). Points: simulation, the recursion refitted step by step, means over splits with bars of "
        "one standard error.",
        claims=("sd.D2", "sd.A3", "sd.A7"),
        experiments=digits_experiments,
        draw=draw_digits,
    ),
    FigureSpec(
        id="distilled-tables",
        title="Small tables: one tuned distillation repairs an over-regularised fit, and gains nothing elsewhere",
        caption="Linear ridge regression on standardised features, ridge divided by n: test error of one fit and of "
        "students of one distillation whose weight is the best on the test points themselves (a bound), tuned by "
        "exact leave-one-out, or tuned on 40 validation points within [0, 1]. Training points: 110 of diabetes and "
        "breast cancer, 60 of wine. Lines: closed forms on the same splits. Points: simulation, literal refits, "
        "means over splits with bars of one standard error.",
        claims=("sd.D3", "sd.O1", "sd.O6"),
        experiments=table_experiments,
        draw=draw_tables,
    ),
)
