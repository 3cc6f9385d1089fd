"""The eleven-point toy of the paper's authors: fits, losses, and the published table."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.self_distillation import _shared as shared
from figures.self_distillation._measures import toy_recursion
from simulations.self_distillation import TOY_INPUTS, TOY_RIDGE, TOY_TARGETS, toy_grid, toy_kernel
from theory.self_distillation import constant_fit

__all__ = ["FIGURES", "PUBLISHED"]

Array = NDArray[np.float64]

SHOWN = (0.0, 0.25)  # the weights of the pictures in the repository
ALPHAS = (0.0, 0.1, 0.25, 0.35, 1.0)
SHORT, LONG = 6, 30
STEPS = (1, 2, 3, 4, 5, 6, 8, 11, 15, 21, 30)
# Losses at steps 1 to 6 and in the limit, as printed in the authors' README and, for 0.25, notebook.
PUBLISHED = {
    "alpha = 0": (0.16477, 0.15076, 0.14915, 0.15561, 0.16735, 0.18251, 0.49505),
    "notebook, alpha = 0.25": (0.16477, 0.15309, 0.14958, 0.14903, 0.14946, 0.15011, 0.15250),
    "README, headed 0.25": (0.16477, 0.15424, 0.15089, 0.14983, 0.14954, 0.14948, 0.14959),
}
INFINITY = 7.2  # where the axis of steps 1 to 6 ends


def fit_on_grid(alpha: float, step: float) -> NDArray[Any]:
    """The theory's fit of one step on the toy's grid."""
    cross = toy_kernel(toy_grid()[0])
    fit: NDArray[Any] = constant_fit(toy_kernel(), TOY_TARGETS, TOY_RIDGE, alpha, step, cross)
    return np.array(fit, dtype=np.float64)


def losses(alpha: float, steps: Any) -> Array:
    """The theory's losses at `steps`, inf among them."""
    sine = toy_grid()[1]
    return np.array([float(np.mean((fit_on_grid(alpha, step) - sine) ** 2)) for step in steps])


def plan(alphas: tuple[float, ...], steps: int, seed: int) -> Plan:
    """One literal recursion of `steps` steps for each weight."""
    return {
        f"alpha = {alpha:g}": shared.experiment(
            toy_recursion, {"alphas": (alpha,) * (steps - 1), "ridge": TOY_RIDGE}, seed, 1
        )
        for alpha in alphas
    }


def fit_experiments(scale: Scale, seed: int) -> Plan:
    """The weights of the published pictures."""
    return plan(SHOWN, SHORT, seed)


def draw_fits(data: FigureData) -> Canvas:
    """Fits of steps 1 to 6 and the limit, without and with true targets."""
    canvas = Canvas(1, 2, size=(7.2, 3.7))
    grid, sine = toy_grid()
    some = slice(0, None, 5)
    for column, alpha in enumerate(SHOWN):
        name = f"alpha = {alpha:g}"
        title = f"({'ab'[column]}) α = {alpha:g}" + (", own fits only" if alpha == 0 else ", dampened")
        words: Any = {"x": "input, x", "y": "fit, f(x)" if column == 0 else "", "scales": ("linear", "linear")}
        ax = canvas.panel(name, (0, column), title=title, ylim=(-1.5, 1.5), **words)
        canvas.line(ax, grid, sine, series="clean sine", label="clean sine", role="guide")
        moments = shared.measured(canvas, ax, data, name)
        for step, color in enumerate(shades(SHORT), start=1):
            line, series = fit_on_grid(alpha, step), f"step {step}"
            canvas.line(ax, grid, line, series=series, label=series, color=color, lw=1.2)
            if moments is not None:
                values = moments.select((step - 1, some))
                shared.exact(canvas, ax, grid[some], values, line[some], series=series, color=color, ms=2.2)
        limit = fit_on_grid(alpha, np.inf)
        canvas.line(ax, grid, limit, series="limit", label="step ∞", color="black", ls=(0, (4, 2)), lw=1.3)
        look: Any = {"fmt": "X", "ms": 5.5, "mew": 0.6, "color": PALETTE[1], "zorder": 4}
        canvas.points(ax, TOY_INPUTS, TOY_TARGETS, series="targets", label="targets", role="data", **look)
    canvas.key("literal refits", ls="", marker="o")
    return canvas


def loss_experiments(scale: Scale, seed: int) -> Plan:
    """All weights, for as many steps as are drawn."""
    return plan(ALPHAS, LONG, seed)


def draw_losses(data: FigureData) -> Canvas:
    """Left: losses over 30 steps with their limits; right: the published tables on the theory of 0.25 and of 0.35."""
    canvas = Canvas(1, 2, size=(7.2, 3.7))
    words: Any = {"x": "step, t", "y": "mean squared error against the sine"}
    left = canvas.panel("losses", (0, 0), title="(a) losses and their limits", scales=("log", "linear"), **words)
    _, sine = toy_grid()
    for alpha, color in zip(ALPHAS, (*PALETTE[:4], "0.3"), strict=True):
        name = f"alpha = {alpha:g}"
        line = losses(alpha, (*range(1, LONG + 1), np.inf))
        canvas.line(left, range(1, LONG + 1), line[:-1], series=name, label=f"α = {alpha:g}", color=color)
        dashed: Any = {"color": color, "ls": (0, (4, 2)), "lw": 1.1}
        canvas.line(left, (LONG, 2 * LONG), (line[-1],) * 2, series=f"limit, {name}", **dashed)
        moments = shared.measured(canvas, left, data, name)
        if moments is not None:
            measured = np.mean((moments.mean - sine) ** 2, axis=1)[np.array(STEPS) - 1]
            theory = line[np.array(STEPS) - 1]
            bad = np.abs(measured - theory) > shared.ROUNDING * theory
            canvas.points(left, STEPS, measured, series=name, color=color, crossed=bad)
    shared.step_axis(left, (1, 2, 4, 8, 16, 30), 2.0 * LONG)
    _draw_published(canvas, words)
    canvas.key("limit, t → ∞", ls=(0, (4, 2)), lw=1.1)
    canvas.key("literal refits", ls="", marker="o")
    return canvas


def _draw_published(canvas: Canvas, words: Any) -> None:
    """The printed numbers: the README's column lies on the line of 0.35."""
    ax = canvas.panel(
        "published",
        (0, 1),
        title="(b) the published tables",
        scales=("linear", "linear"),
        ylim=(0.1475, 0.1665),
        **words,
    )
    steps, places = (*range(1, SHORT + 1), np.inf), (*range(1, SHORT + 1), INFINITY)
    for alpha, color in zip(ALPHAS[:4], PALETTE, strict=False):
        if alpha != 0.1:
            canvas.line(ax, places, losses(alpha, steps), series=f"alpha = {alpha:g}", color=color, lw=1.2)
    looks = ((PALETTE[0], "D"), (PALETTE[2], "D"), (PALETTE[3], "s"))
    labels = ("printed, α = 0", "printed in the notebook, α = 0.25", "printed in the README under “0.25”")
    for (series, numbers), (color, marker), label in zip(PUBLISHED.items(), looks, labels, strict=True):
        look: Any = {"fmt": marker, "ms": 5.0, "color": color, "zorder": 4}
        canvas.points(ax, places, numbers, series=series, label=label, role="data", **look)
    shared.step_axis(ax, range(1, SHORT + 1), INFINITY)


FIGURES = (
    FigureSpec(
        id="toy-fits",
        title="Own fits alone collapse; a share of the true targets settles",
        caption="Kernel ridge regression on eleven points of a noisy sine (crosses), refitted to the share α of the "
        "true targets and 1 − α of its own previous fits; RBF kernel exp(−80 r²), ridge λ = 0.2 without 1/n. Lines: "
        "closed form of each step, dark to light, and of infinitely many steps (dashed), which is ridge regression "
        "with λ/α and nothing at all for α = 0. Points: simulation, one dense solve a step. Grey: the clean sine.",
        claims=("sd.A2", "sd.A3", "sd.T1"),
        experiments=fit_experiments,
        draw=draw_fits,
    ),
    FigureSpec(
        id="toy-losses",
        title="The toy's losses, and a column of the published table that is mislabelled",
        caption="Mean squared error against the clean sine at each step on the eleven-point toy. Lines: closed "
        "form; dashes on the right: infinitely many steps. Points: simulation, one dense solve a step. (b) "
        "Open symbols: numbers printed in the authors' repository. The column that its README heads 0.25 lies on the "
        "line of α = 0.35; the pictures there and the notebook are at 0.25 itself. The limit for α = 0, 0.495, is off "
        "the panel.",
        claims=("sd.T1", "sd.T1.mislabelled", "sd.A3", "sd.A4"),
        experiments=loss_experiments,
        draw=draw_losses,
    ),
)
