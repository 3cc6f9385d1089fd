"""What self-distillation does to each eigenvector: filters, their ratios, and the step at which ratios overshoot."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import ArrayLike, NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.self_distillation import _shared as shared
from figures.self_distillation._measures import pair_filters, toy_filters
from simulations.self_distillation import TOY_RIDGE, toy_kernel
from theory.self_distillation import constant_filter, filter_ratios, overshoot_step

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

SHOWN = (0.0, 0.25)
STEPS, LONG = 6, 20
FOLLOWED = (2, 5, 8, 9)  # modes k whose ratio to k + 1 is followed over steps
PAIR_RIDGE = 2.0
PAIR = (20.0, 8.0)  # eigenvalues of the pair whose ratio is followed
PAIR_ALPHAS = (0.05, 0.1, 0.2)
PAIR_STEPS = 40
STAIR_ALPHA, STAIR_STEPS = 0.1, 60


def eigenvalues() -> Array:
    """Eigenvalues of the toy's kernel, falling."""
    return np.asarray(np.linalg.eigvalsh(toy_kernel())[::-1], dtype=np.float64)


def filter_experiments(scale: Scale, seed: int) -> Plan:
    """The recursion on the toy's eigenvectors."""
    return {
        f"alpha = {alpha:g}": shared.experiment(
            toy_filters, {"alphas": (alpha,) * (LONG - 1), "ridge": TOY_RIDGE}, seed, 1
        )
        for alpha in SHOWN
    }


def draw_diagonals(data: FigureData) -> Canvas:
    """Filters by mode for steps 1 to 6 and the limit."""
    canvas = Canvas(1, 2, size=(7.2, 3.6))
    values = eigenvalues()
    modes = np.arange(1, values.size + 1)
    for column, alpha in enumerate(SHOWN):
        name = f"alpha = {alpha:g}"
        words: Any = {"x": "eigenvector k of the kernel", "y": "filter, $b_k$" if column == 0 else ""}
        title = f"({'ab'[column]}) α = {alpha:g}"
        ax = canvas.panel(name, (0, column), title=title, scales=("linear", "linear"), ylim=(-0.03, 1.05), **words)
        moments = shared.measured(canvas, ax, data, name)
        for step, color in enumerate(shades(STEPS), start=1):
            line, series = np.asarray(constant_filter(values, TOY_RIDGE, alpha, step)), f"step {step}"
            canvas.line(ax, modes, line, series=series, label=series, color=color, lw=1.2)
            if moments is not None:
                shared.exact(canvas, ax, modes, moments.select(step - 1), line, series=series, color=color)
        limit = constant_filter(values, TOY_RIDGE, alpha, np.inf)
        canvas.line(ax, modes, limit, series="limit", label="step ∞", color="black", ls=(0, (4, 2)), lw=1.3)
        ax.set_xticks(modes)
    canvas.key("literal refits", ls="", marker="o")
    return canvas


def draw_ratios(data: FigureData) -> Canvas:
    """Ratios of neighbouring filters by mode, and some of them over the steps with the step of overshoot."""
    canvas = Canvas(1, 3, size=(7.2, 3.6))
    values = eigenvalues()
    modes, pair = np.arange(1, values.size), (values[:-1], values[1:])
    for column, alpha in enumerate(SHOWN):
        name = f"alpha = {alpha:g}"
        words: Any = {"x": "eigenvector k", "y": "ratio of filters, $b_k / b_{k+1}$" if column == 0 else ""}
        title = f"({'ab'[column]}) α = {alpha:g}" + (": no finite limit" if alpha == 0 else "")
        ax = canvas.panel(name, (0, column), title=title, scales=("linear", "linear"), **words)
        lines = filter_ratios(*pair, TOY_RIDGE, (alpha,) * (STEPS - 1))
        moments = shared.measured(canvas, ax, data, name)
        for step, color in enumerate(shades(STEPS), start=1):
            line, series = lines[step - 1], f"step {step}"
            canvas.line(ax, modes, line, series=series, label=series, color=color, lw=1.2)
            if moments is not None:
                filters = moments.mean[step - 1]
                _ratio_points(canvas, ax, modes, filters[:-1] / filters[1:], line, series, color)
        if alpha > 0:
            limit = constant_filter(values, TOY_RIDGE, alpha, np.inf)
            look: Any = {"color": "black", "ls": (0, (4, 2)), "lw": 1.3}
            canvas.line(ax, modes, limit[:-1] / limit[1:], series="limit", label="step ∞", **look)
        ax.set_xticks(modes[::3])
    _draw_overshoot(canvas, data)
    canvas.key("literal refits", ls="", marker="o")
    canvas.key("overshoot step t*", ls="", marker="v", ms=5)
    return canvas


def _ratio_points(
    canvas: Canvas, ax: Axes, x: ArrayLike, measured: Array, theory: Array, series: str, color: Any
) -> None:
    """Points of exact ratios."""
    bad = np.abs(measured - theory) > shared.ROUNDING * np.abs(theory)
    canvas.points(ax, x, measured, series=series, color=color, crossed=bad)


def _draw_overshoot(canvas: Canvas, data: FigureData) -> None:
    """Ratios over steps at the larger of the two weights, relative to their limits, with a mark at t*."""
    alpha, values = SHOWN[1], eigenvalues()
    words: Any = {"x": "step, t", "y": "ratio / its limit", "scales": ("log", "linear")}
    ax = canvas.panel("overshoot", (0, 2), title=f"(c) α = {alpha:g}, over steps", **words)
    canvas.line(ax, (1, LONG), (1.0, 1.0), series="limit", role="guide")
    moments = shared.measured(canvas, ax, data, f"alpha = {alpha:g}")
    steps = np.arange(1, LONG + 1)
    for k, color in zip(FOLLOWED, (PALETTE[1], PALETTE[3], PALETTE[4], PALETTE[5]), strict=True):
        pair, series = (values[k - 1], values[k]), f"k = {k}"
        one, two = (constant_filter(value, TOY_RIDGE, alpha, np.inf) for value in pair)
        line = filter_ratios(*pair, TOY_RIDGE, (alpha,) * (LONG - 1)) / (one / two)
        canvas.line(ax, steps, line, series=series, label=series, color=color, lw=1.2)
        start = float(overshoot_step(*pair, TOY_RIDGE))
        mark: Any = {"fmt": "v", "ms": 5.5, "color": color, "mec": "black", "mew": 0.5, "zorder": 5}
        canvas.points(ax, start, 1.0, series=f"t*, {series}", role="theory", **mark)
        if moments is not None:
            filters = moments.mean[:, k - 1] / moments.mean[:, k]
            _ratio_points(canvas, ax, steps, filters * float(two / one), line, series, color)
    shared.step_axis(ax, (1, 2, 5, 10, 20))


# ---------------------------------------------------------------- the map of t*


def plane(scale: Scale) -> Array:
    """Eigenvalues over the ridge at which t* is mapped."""
    return np.geomspace(0.1, 50.0, shared.by_scale(scale, 15, 61, 201))


def stair_pairs(scale: Scale) -> tuple[tuple[float, float], ...]:
    """Pairs of eigenvalues, larger first, whose t* spreads over the stairs."""
    larger = np.geomspace(1.5, 30.0, shared.by_scale(scale, 8, 24, 60)) * PAIR_RIDGE
    return tuple((float(d), float(d * q)) for d in larger for q in (0.3, 0.75))


def overshoot_experiments(scale: Scale, seed: int) -> Plan:
    """One pair over the steps for several weights, and many pairs for one weight."""
    plan: dict[str, Any] = {}
    for alpha in PAIR_ALPHAS:
        setting = {"pairs": (PAIR,), "ridge": PAIR_RIDGE, "alphas": (alpha,) * (PAIR_STEPS - 1)}
        plan[f"alpha = {alpha:g}"] = shared.experiment(pair_filters, setting, seed, 1)
    many = {"pairs": stair_pairs(scale), "ridge": PAIR_RIDGE, "alphas": (STAIR_ALPHA,) * (STAIR_STEPS - 1)}
    plan["pairs"] = shared.experiment(pair_filters, many, seed, 1)
    return plan


def draw_overshoot_map(data: FigureData) -> Canvas:
    """The plane of t*, one pair for several weights, and first steps above the limit against t*."""
    canvas = Canvas(1, 3, size=(7.4, 3.5), ratios=(1.25, 1.0, 1.0))
    ax = canvas.panel(
        "map",
        (0, 0),
        title="(a) overshoot step t*",
        x="larger eigenvalue, $d_k$ / λ",
        y="smaller eigenvalue, $d_j$ / λ",
    )
    d = plane(data.scale)
    below = d[:, None] <= d
    star = np.where(below, overshoot_step(np.maximum(d, d[:, None]), np.minimum(d, d[:, None]), 1.0), np.nan)
    mesh = canvas.image(ax, d, d, star, series="t*", norm=LogNorm(1.0, 50.0), cmap="viridis")
    ax.text(0.05, 0.93, "$d_k < d_j$", transform=ax.transAxes, fontsize=8, color="0.3")
    canvas.contour(ax, d, d, star, [1.5, 2.0, 3.0, 5.0, 10.0, 20.0], series="t*, levels", colors="white")
    canvas.colorbar(mesh, [ax], "t*")
    _draw_pair(canvas, data)
    _draw_stairs(canvas, data)
    canvas.key("literal refits", ls="", marker="o")
    return canvas


def _draw_pair(canvas: Canvas, data: FigureData) -> None:
    """All weights cross the limit at one step."""
    title = f"(b) $d_k$ = {PAIR[0] / PAIR_RIDGE:g} λ, $d_j$ = {PAIR[1] / PAIR_RIDGE:g} λ"
    ax = canvas.panel(
        "pair", (0, 1), title=title, x="step, t", y="$b_k / b_j$ over its limit", scales=("log", "linear")
    )
    steps = np.arange(1, PAIR_STEPS + 1)
    canvas.line(ax, (1, PAIR_STEPS), (1.0, 1.0), series="limit", role="guide")
    for alpha, color in zip(PAIR_ALPHAS, PALETTE, strict=False):
        name = f"alpha = {alpha:g}"
        one, two = (constant_filter(value, PAIR_RIDGE, alpha, np.inf) for value in PAIR)
        line = filter_ratios(*PAIR, PAIR_RIDGE, (alpha,) * (PAIR_STEPS - 1)) * float(two / one)
        canvas.line(ax, steps, line, series=name, label=f"α = {alpha:g}", color=color)
        moments = shared.measured(canvas, ax, data, name)
        if moments is not None:
            ratio = moments.mean[0, :, 0] / moments.mean[0, :, 1] * float(two / one)
            some = np.unique(np.round(np.geomspace(1, PAIR_STEPS, 16)).astype(int)) - 1
            _ratio_points(canvas, ax, steps[some], ratio[some], line[some], name, color)
    start = float(overshoot_step(*PAIR, PAIR_RIDGE))
    look: Any = {"color": "black", "ls": (0, (1, 1.5)), "lw": 1.2}
    low, high = ax.get_ylim()
    canvas.line(ax, (start, start), (low, high), series="t*", label="t*, whatever α", **look)
    ax.set_ylim(low, high)
    shared.step_axis(ax, (1, 2, 5, 10, 20, 40))


def _draw_stairs(canvas: Canvas, data: FigureData) -> None:
    """The first step above the limit is the next whole number after t*."""
    title = f"(c) α = {STAIR_ALPHA:g}, many pairs"
    ax = canvas.panel("stairs", (0, 2), title=title, x="t*", y="first step above the limit")
    pairs = np.array(stair_pairs(data.scale))
    star = np.asarray(overshoot_step(pairs[:, 0], pairs[:, 1], PAIR_RIDGE))
    whole = np.arange(1, 41)
    stairs = np.repeat(whole, 2)
    canvas.line(ax, stairs[1:-1], stairs[:-2] + 1.0, series="stairs", label="next whole step after t*", color="0.3")
    moments = shared.measured(canvas, ax, data, "pairs")
    if moments is not None:
        limits = constant_filter(pairs, PAIR_RIDGE, STAIR_ALPHA, np.inf)
        above = moments.mean[..., 0] / moments.mean[..., 1] > (limits[:, 0] / limits[:, 1])[:, None]
        first = np.argmax(above, axis=1) + 1.0
        bad = first != np.floor(star) + 1
        canvas.points(ax, star, first, series="first step above", color=PALETTE[1], crossed=bad)
    ax.set(xlim=(1.0, 30.0), ylim=(1.7, 34.0))


RECURSION = "Lines: closed form; points: simulation, one dense solve a step, ridge λ without 1/n."

FIGURES = (
    FigureSpec(
        id="filter-diagonals",
        title="Self-distillation filters weak eigenvectors out; true targets keep a part of them",
        caption="Factor b_k by which step t multiplies the part of the targets along eigenvector k of the toy's "
        f"kernel, k by falling eigenvalue. {RECURSION} Dashed: infinitely many steps, d/(d + λ/α), and 0 for α = 0.",
        claims=("sd.A2", "sd.A5"),
        experiments=filter_experiments,
        draw=draw_diagonals,
    ),
    FigureSpec(
        id="filter-ratios",
        title="The filters' ratios overshoot their limit",
        caption="Ratios of neighbouring filters on the toy, a measure of sparsification. (a) Own fits only: every "
        "step sparsifies more, without bound (the limit is infinite, not 0). (b) With a quarter of true targets the "
        "limit (dashed) is finite. (c) There each ratio exceeds its limit from step t* = log(d_k/d_j)/log(a_k/a_j) "
        f"on (triangles) and comes down to it, so the steps do not sparsify more and more. {RECURSION}",
        claims=("sd.S1", "sd.S2", "sd.S3", "sd.S4", "sd.S4.increasing"),
        experiments=filter_experiments,
        draw=draw_ratios,
    ),
    FigureSpec(
        id="overshoot-map",
        title="When sparsification turns: a step that does not depend on the weight of the true targets",
        caption="(a) Colour and white lines: the step t* beyond which the ratio of two filters lies above its "
        "limit, over the two eigenvalues in units of the ridge. (b) Lines: the ratio over its limit for one pair; "
        "all weights cross 1 at the same t* (dotted). (c) Points: first step above the limit for many pairs; line: "
        "the next whole number after t*. Points are simulation, one dense solve a step on a diagonal kernel.",
        claims=("sd.S4", "sd.S4.increasing"),
        experiments=overshoot_experiments,
        draw=draw_overshoot_map,
    ),
)
