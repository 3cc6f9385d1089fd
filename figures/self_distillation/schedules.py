"""Which weight of the true targets is best at each step: greedy and joint schedules, and what a ridge alone can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.self_distillation import _shared as shared
from figures.self_distillation._measures import problem_losses, smooth_problem, toy_schedule_losses
from simulations.self_distillation import TOY_RIDGE, TOY_TARGETS, distilled_risks, toy_grid, toy_kernel
from theory.self_distillation import (
    best_joint_risk,
    fits,
    greedy_schedule,
    joint_risk,
    optimal_mixing,
    optimal_schedule,
    risk_terms,
)

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

STEPS = 8
PARABOLAS = 4  # the last step whose parabola is drawn
PROBES = tuple(float(a) for a in np.linspace(-1.0, 2.0, 13))
DRAW, RIDGE = 6, 0.3  # a problem whose greedy schedule turns up
KINDS = ("greedy, any α", "greedy, α in [0, 1]", "joint, α in [0, 1]", "joint, any α")
COLORS = (PALETTE[5], PALETTE[0], PALETTE[2], PALETTE[1])
SPIKE: dict[str, Any] = {
    "spectrum": ("spikes", 6.0),
    "signal": ("spikes", 0.8),
    "signal_power": 1.0,
    "noise_variance": 0.5,
}
FITS = 5  # the most fits of the plateaus


def toy_problem() -> tuple[Array, Array, Array, Array]:
    """Kernel, targets, kernel to the grid, clean sine there."""
    grid, sine = toy_grid()
    return toy_kernel(), np.array(TOY_TARGETS), toy_kernel(grid), sine


def schedules(problem: tuple[Array, Array, Array, Array], ridge: float, kind: str) -> list[list[float]]:
    """The schedule of each of 1 to STEPS fits, chosen in the way `kind`."""
    kernel, targets, cross, clean = problem
    way, free = kind.split(",")[0], "any" in kind
    if way == "greedy":
        alphas = greedy_schedule(kernel, targets, ridge, STEPS, cross, clean, constrained=not free).alphas
        return [alphas[:t].tolist() for t in range(STEPS)]
    return [
        optimal_schedule(kernel, targets, ridge, t, cross, clean, constrained=not free)[0].tolist()
        for t in range(1, STEPS + 1)
    ]


def predicted(problem: tuple[Array, Array, Array, Array], ridge: float, kind: str) -> Array:
    """The theory's mean squared errors of these schedules, without forming a fit where a closed form exists."""
    kernel, targets, cross, clean = problem
    way, free = kind.split(",")[0], "any" in kind
    if way == "greedy":
        losses = greedy_schedule(kernel, targets, ridge, STEPS, cross, clean, constrained=not free).losses
    else:
        given = (cross, clean, not free)
        losses = np.array([optimal_schedule(kernel, targets, ridge, t, *given)[1] for t in range(1, STEPS + 1)])
    return losses / clean.size


def best_ridge(problem: tuple[Array, Array, Array, Array]) -> float:
    """The least mean squared error of plain ridge regression over a fine grid of ridges."""
    kernel, targets, cross, clean = problem
    grid = np.geomspace(1e-3, 1e2, 400)
    return min(float(np.mean((fits(kernel, targets, ridge, [], cross)[0] - clean) ** 2)) for ridge in grid)


# ---------------------------------------------------------------- the toy, step by step


def greedy() -> list[float]:
    """The toy's greedy weights, clipped."""
    kernel, targets, cross, sine = toy_problem()
    return greedy_schedule(kernel, targets, TOY_RIDGE, STEPS, cross, sine).alphas.tolist()


def alpha_experiments(scale: Scale, seed: int) -> Plan:
    """Step t at each of the probed weights, after greedy steps; and the schedules of the other panels."""
    past = greedy()
    plan: dict[str, Any] = {}
    for step in range(2, PARABOLAS + 1):
        rows = tuple((*past[: step - 2], alpha) for alpha in PROBES)
        setting = {"schedules": rows, "ridge": TOY_RIDGE}
        plan[f"step {step}"] = shared.experiment(toy_schedule_losses, setting, seed, 1)
    for kind in KINDS[:3]:
        found = schedules(toy_problem(), TOY_RIDGE, kind)
        rows = tuple(tuple([1.0] * (STEPS - 1 - len(row)) + row) for row in found)  # steps of weight 1 change nothing
        setting = {"schedules": rows, "ridge": TOY_RIDGE}
        plan[kind] = shared.experiment(toy_schedule_losses, setting, seed, 1)
    return plan


def draw_optimal_alpha(data: FigureData) -> Canvas:
    """Parabolas with their minima, the weights found, and the losses they lead to."""
    canvas = Canvas(1, 3, size=(7.4, 3.6))
    error = "validation mean squared error"
    ax = canvas.panel(
        "parabolas", (0, 0), title="(a) loss of step t", x="weight $α_t$", y=error, scales=("linear", "linear")
    )
    past = greedy()
    kernel, targets, cross, sine = toy_problem()
    fine = np.linspace(PROBES[0], PROBES[-1], 91)
    for step, color in zip(range(2, PARABOLAS + 1), shades(PARABOLAS - 1), strict=True):
        series = f"step {step}"
        first, pure = (fits(kernel, targets, TOY_RIDGE, (*past[: step - 2], last), cross)[-1] for last in (1.0, 0.0))

        def parabola(alpha: Array, first: Array = first, pure: Array = pure) -> Array:
            return np.mean((alpha[:, None] * first + (1 - alpha[:, None]) * pure - sine) ** 2, axis=1)

        canvas.line(ax, fine, parabola(fine), series=series, label=series, color=color)
        best = float((sine - pure) @ (first - pure) / np.sum((first - pure) ** 2))
        star: Any = {"fmt": "*", "ms": 8.0, "mec": "black", "mew": 0.4, "zorder": 6, "color": color}
        canvas.points(ax, best, parabola(np.array([best])), series=f"best, {series}", role="theory", **star)
        moments = shared.measured(canvas, ax, data, series)
        if moments is not None:
            shared.exact(canvas, ax, PROBES, moments, parabola(np.array(PROBES)), series=series, color=color)
    ax.axvspan(0.0, 1.0, color="0.94", zorder=0)
    _draw_weights(canvas)
    _draw_toy_losses(canvas, data, error)
    canvas.key("best weight α*", ls="", marker="*", ms=7)
    canvas.key("literal refits", ls="", marker="o")
    return canvas


def _draw_weights(canvas: Canvas) -> None:
    """The weights of each kind of schedule; the joint one is that of the last step."""
    words: Any = {"x": "step, t", "y": "weight $α_t$", "scales": ("linear", "linear")}
    ax = canvas.panel("weights", (0, 1), title="(b) weights chosen", **words)
    steps = np.arange(2, STEPS + 1)
    for kind, color in zip(KINDS[:3], COLORS, strict=False):
        weights = schedules(toy_problem(), TOY_RIDGE, kind)[-1]
        look: Any = {"marker": ".", "ms": 5, "lw": 1.2, "color": color}
        canvas.line(ax, steps, weights, series=kind, label=kind, **look)
    shared.step_axis(ax, range(2, STEPS + 1))


def _draw_toy_losses(canvas: Canvas, data: FigureData, error: str) -> None:
    """The losses that the schedules lead to."""
    words: Any = {"x": "fits, T", "y": error, "scales": ("linear", "linear")}
    ax = canvas.panel("losses", (0, 2), title="(c) loss reached", **words)
    _loss_lines(canvas, ax, data, toy_problem(), TOY_RIDGE, KINDS[:3])


def _loss_lines(
    canvas: Canvas,
    ax: Axes,
    data: FigureData,
    problem: tuple[Array, Array, Array, Array],
    ridge: float,
    kinds: Sequence[str],
) -> None:
    """Loss against the number of fits for each kind of schedule, and the best plain ridge."""
    counts = np.arange(1, STEPS + 1)
    for kind, color in zip(kinds, COLORS, strict=False):
        line = predicted(problem, ridge, kind)
        canvas.line(ax, counts, line, series=kind, label=kind, color=color, lw=1.3)
        moments = shared.measured(canvas, ax, data, kind)
        if moments is not None:
            shared.exact(canvas, ax, counts, moments, line, series=kind, color=color)
    level = best_ridge(problem)
    look: Any = {"color": "black", "ls": (0, (4, 2)), "lw": 1.1}
    canvas.line(ax, (1, STEPS), (level, level), series="best ridge", label="one fit, best ridge", **look)
    shared.step_axis(ax, counts)


# ---------------------------------------------------------------- schedules and plateaus


def spike_setting(scale: Scale) -> dict[str, Any]:
    """The spiked population, one ridge in each column and its best weight as one schedule."""
    features = shared.by_scale(scale, 100, 200, 1000)
    ridges = tuple(float(r) for r in np.geomspace(0.03, 30.0, shared.by_scale(scale, 5, 11, 21)))
    setting = {**SPIKE, "features": features, "samples": 2 * features, "ridges": ridges}
    xi = np.asarray(optimal_mixing(*shared.population(setting), ridges).mixing)
    return {**setting, "alphas": tuple((float(1 - x),) for x in xi)}


def schedule_experiments(scale: Scale, seed: int) -> Plan:
    """The found schedules refitted literally, and the spiked population."""
    plan: dict[str, Any] = {}
    for kind in KINDS:
        setting = {"draw": DRAW, "ridge": RIDGE, "schedules": schedules(smooth_problem(DRAW), RIDGE, kind)}
        plan[kind] = shared.experiment(problem_losses, setting, seed, 1)
    plan["spike"] = shared.experiment(distilled_risks, spike_setting(scale), seed, shared.by_scale(scale, 16, 80, 100))
    return plan


def draw_schedules(data: FigureData) -> Canvas:
    """Left: a problem on which greedy turns up; right: joint optima over the ridge and their plateaus."""
    canvas = Canvas(1, 2, size=(7.2, 4.0))
    words: Any = {"x": "fits, T", "y": "validation mean squared error", "scales": ("linear", "linear")}
    left = canvas.panel("problem", (0, 0), title=f"(a) 60 points, λ = {RIDGE:g} without 1/n", **words)
    _loss_lines(canvas, left, data, smooth_problem(DRAW), RIDGE, KINDS)
    right = canvas.panel(
        "plateau", (0, 1), title="(b) one spike, p/n = 1/2", x=shared.RIDGE, y="excess risk", scales=("log", "linear")
    )
    right.set(xlim=(0.02, 40.0), ylim=(0.14, 0.46))
    setting = spike_setting(data.scale)
    law = shared.population(setting)
    fine = np.geomspace(0.02, 40.0, 121)
    for count, color in zip(range(1, FITS + 1), shades(FITS), strict=True):
        series = f"{count} fit" + "s" * (count > 1)
        line = joint_risk(*law, fine, count)
        canvas.line(right, fine, line, series=series, label=f"{series}, best weights", color=color)
        best = best_joint_risk(*law, count)
        mark: Any = {"fmt": "*", "ms": 8.0, "mec": "black", "mew": 0.4, "zorder": 6, "color": color}
        canvas.points(right, best.ridge, best.excess_risk, series=f"best, {series}", role="theory", **mark)
    moments = shared.measured(canvas, right, data, "spike")
    if moments is not None:
        ridges = np.array(setting["ridges"])
        own, slack = np.arange(ridges.size), shared.SLACK / setting["samples"]
        expected = (risk_terms(*law, ridges).ridge, optimal_mixing(*law, ridges).excess_risk)
        for step, (theory, color) in enumerate(zip(expected, shades(FITS), strict=False)):
            values, series = moments.select((own, own, step, 0)), ("1 fit", "2 fits")[step]
            shared.simulated(canvas, right, ridges, values, theory, slack, series=series, color=color)
    canvas.key("best ridge of each T", ls="", marker="*", ms=7)
    canvas.key("literal refits; right, simulation ± 1 s.e.", ls="", marker="o")
    return canvas


FIGURES = (
    FigureSpec(
        id="optimal-alpha",
        title="The best weight at each step is the foot of a parabola",
        caption="The toy, λ = 0.2 without 1/n, validated on the clean sine. (a) Lines: loss of step t against its "
        "weight, a parabola through the first fit (α = 1) and the student without true targets (α = 0), earlier "
        "weights being greedy in [0, 1]; stars: closed form of its foot; shaded: weights in [0, 1]. (b) Lines: the "
        "weights chosen one by one (greedy) or together for the last step (joint). (c) Lines: closed form of the "
        "loss; dashed: the best plain ridge. Points: simulation, one dense solve a step with the weights given.",
        claims=("sd.O1", "sd.O4"),
        experiments=alpha_experiments,
        draw=draw_optimal_alpha,
    ),
    FigureSpec(
        id="distillation-schedules",
        title="Greedy weights may turn up; joint ones cannot, and stand still at the best ridge",
        caption="(a) Validation loss against the number of fits on a drawn problem of 60 points. Lines: closed form "
        "for weights chosen greedily or jointly, in [0, 1] or free; dashed: the best plain ridge. Free joint weights "
        "fit the validation points themselves. Points: literal refits with the weights found. (b) Excess risk of the "
        "best free weights against the ridge, spiked covariance (6; 80 % of the signal), noise variance 0.5. Lines: "
        "limit of many samples; stars: best ridge of each number of fits, through which the next line passes where "
        "the last fit is used (of three it is idle there, and they share the star of two). Points: simulation, one "
        "and two fits at the limit's weights, with bars of one standard error.",
        claims=("sd.O3", "sd.O3.monotone", "sd.O4", "sd.O10"),
        experiments=schedule_experiments,
        draw=draw_schedules,
    ),
)
