"""Single orbits: the headline, the plane of two weights, the plane of product and sharpness, depths and failures."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from figures.scalar_networks import _shared as shared
from figures.scalar_networks._cycles import two_cycle
from figures.scalar_networks._measures import orbits
from theory.scalar_networks import (
    chaotic_boundary,
    final_sharpness,
    gfs_sharpness,
    gradient_flow_solution,
    landing_shape,
    maximal_product,
)

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

# ---------------------------------------------------------------- the headline

NEAR_EQUAL, SPREAD = (0.8, 0.1, -0.3, -0.6), (2.0, 1.0, 0.0, -3.0)  # log s^2 at the start, up to a factor
SCENES = {  # direction, first sharpness, eta phi at the start, steps
    "adiabatic": (NEAR_EQUAL, 4.526, 2.1, 5000),
    "reflected": (SPREAD, 21.59, 2.3, 400),
}


def scene(name: str) -> tuple[Array, float, int]:
    """Weights, step size and number of steps of a scene."""
    direction, sharpness, edge, steps = SCENES[name]
    return shared.kick(shared.shape(direction, sharpness), 1e-3), edge / sharpness, steps


def headline_experiments(scale: Scale, seed: int) -> Plan:
    """One orbit a scene."""
    plan = {}
    for name in SCENES:
        weights, step_size, steps = scene(name)
        setting = {"weights": shared.listed(weights), "step_size": step_size, "steps": steps}
        plan[name] = shared.deterministic(orbits, setting, seed)
    return plan


def draw_headline(data: FigureData) -> Canvas:
    """Loss above, sharpness and GFS sharpness below, for a slow and a quick landing."""
    canvas = Canvas(2, 2, size=(7.2, 5.2))
    for column, name in enumerate(SCENES):
        weights, step_size, steps = scene(name)
        words: Any = {"x": "", "scales": ("log", "log"), "xlim": (0.8, 1.3 * steps)}
        title = f"({'ab'[column]}) depth 4, η = {step_size:.3g}"
        top = canvas.panel(f"loss, {name}", (0, column), title=title, y="loss, (π − 1)²/2", **words)
        words |= {"x": shared.STEPS, "scales": ("log", "linear")}
        low = canvas.panel(f"sharpness, {name}", (1, column), y="step size × sharpness", **words)
        landing = step_size * float(np.asarray(final_sharpness(weights, step_size)))
        ends = np.array([1.0, steps + 1.0])
        canvas.line(low, ends, [2.0, 2.0], series="edge", label=shared.EDGE, color="0.3", lw=1.0)
        canvas.line(low, ends, [landing] * 2, series="landing", label="predicted landing", color=PALETTE[1], ls="--")
        moments = shared.measured(canvas, low, data, name)
        if moments is not None:
            _headline_points(canvas, top, low, moments.mean, step_size)
    canvas.key("red cross: a rise of the GFS sharpness", ls="", marker="x", color="#E00000")
    return canvas


def _headline_points(canvas: Canvas, top: Axes, low: Axes, run: Array, step_size: float) -> None:
    """Points of one orbit (times, columns), and the exact rate at which the loss falls in the end."""
    loss, sharp, flow = run[:, 1], step_size * run[:, 2], step_size * run[:, 3]
    known = loss > 1e-26  # rounding of the product
    t = np.arange(1.0, len(run) + 1)[known]
    small: Any = {"ms": 1.8, "mew": 0.0}
    canvas.points(top, t, loss[known], series="loss", label="simulation: loss", color="0.25", **small)
    last = int(np.flatnonzero(known)[-1])
    end = flow[last]
    start = int(np.flatnonzero(loss > 1e-5)[-1])
    tail = np.arange(start, last + 1)
    falling = loss[last] * np.exp(2 * np.log(abs(1 - end)) * (tail - last))
    label = "exact final rate, 2 log |1 − ηφ| a step"
    canvas.line(top, tail + 1.0, falling, series="rate", label=label, color=PALETTE[4], lw=1.2, zorder=4)
    words = "simulation: sharpness at the iterate"
    canvas.points(low, t, sharp[known], series="sharpness", label=words, color=PALETTE[5], **small)
    rises = np.append(False, flow[1:] > flow[:-1] * (1 + shared.ROUNDING))
    canvas.points(
        low,
        t,
        flow[known],
        series="GFS sharpness",
        label="simulation: GFS sharpness",
        color=PALETTE[0],
        crossed=rises[known],
        **small,
    )


# ---------------------------------------------------------------- the plane of two weights

PLANE_ETA, PLANE_SHARPNESS, PLANE_STEPS = 0.5, 5.0, 40


def plane_start() -> Array:
    """A start off the minima, on the flow line that ends at sharpness 5."""
    wide, narrow = shared.shape((1.0, -1.0), PLANE_SHARPNESS) ** 2
    raised = np.sqrt(1.45**2 + (wide - narrow) ** 2 / 4)  # squares raised + - (wide - narrow)/2: product 1.45
    return np.sqrt(raised + np.array([0.5, -0.5]) * (wide - narrow))


def plane_experiments(scale: Scale, seed: int) -> Plan:
    """One orbit."""
    setting = {"weights": shared.listed(plane_start()), "step_size": PLANE_ETA, "steps": PLANE_STEPS}
    return {"orbit": shared.deterministic(orbits, setting, seed)}


def draw_plane(data: FigureData) -> Canvas:
    """Orbit, flow lines, minima and the exact boundary."""
    canvas = Canvas(1, 1, size=(5.6, 5.2))
    limits: Any = {"xlim": (1.3, 2.95), "ylim": (-0.3, 1.15)}
    title = f"depth two, η = {PLANE_ETA:g}"
    ax = canvas.panel("plane", title=title, x="weight w₁", y="weight w₂", scales=("linear", "linear"), **limits)
    ring = chaotic_boundary(PLANE_ETA, np.linspace(-np.pi, np.pi, 4001))
    canvas.line(ax, ring[:, 0], ring[:, 1], series="N = 0", label="exact boundary of bounded orbits", color=PALETTE[3])
    first = np.geomspace(0.9, 3.0, 400)
    stable = PLANE_ETA * np.asarray(gfs_sharpness(np.column_stack([first, 1 / first]))) <= 2.0
    hyperbola = np.where(stable, 1 / first, np.nan)
    canvas.line(ax, first, hyperbola, series="stable minima", label="minima, ηφ ≤ 2", color="black", lw=2.2)
    unstable = np.where(stable, np.nan, 1 / first)
    canvas.line(ax, first, unstable, series="sharp minima", label="minima, ηφ > 2", color="black", lw=1.0, ls=":")
    moments = shared.measured(canvas, ax, data, "orbit")
    if moments is not None:
        _plane_orbit(canvas, ax, moments.mean[:, 4:])
    return canvas


def _plane_orbit(canvas: Canvas, ax: Axes, path: Array) -> None:
    """The iterates, the flow lines of the first ones, and the points where the flow ends."""
    canvas.line(ax, path[:, 0], path[:, 1], series="path", role="guide", color="0.7", lw=0.7, ls="-")
    solutions = gradient_flow_solution(path)
    for k, (w, s) in enumerate(zip(path[:14], solutions[:14], strict=True)):
        second = np.linspace(w[1], s[1], 40)
        along = np.sqrt(second**2 + (w[0] - s[0]) * (w[0] + s[0]) + s[0] ** 2 - w[1] ** 2)
        look: Any = {"label": "gradient flow from an iterate"} if k == 0 else {}
        canvas.line(ax, along, second, series=f"flow {k}", color=PALETTE[2], lw=1.1, **look)
    ends = np.sqrt(
        np.stack([_plus(path), _plus(path[:, ::-1])], axis=-1)  # s^2 = (phi + - b)/2
    )
    wrong = np.abs(ends - solutions).max(axis=-1) > 1e-12
    label = "its end: GFS sharpness"
    canvas.line(ax, solutions[:, 0], solutions[:, 1], series="ends", color=PALETTE[2], ls="", marker="D", ms=3.5)
    canvas.key(label, ls="", marker="D", color=PALETTE[2], ms=3.5)
    words = "simulation: gradient descent"
    canvas.points(ax, path[:, 0], path[:, 1], series="descent", label=words, color=PALETTE[0], crossed=wrong, ms=4)


def _plus(path: Array) -> Array:
    """(phi + b)/2 with b the difference of squares."""
    b = path[:, 0] ** 2 - path[:, 1] ** 2
    return (np.hypot(b, 2.0) + b) / 2


# ---------------------------------------------------------------- product and sharpness

PORTRAITS = {  # direction, step size times depth
    "depth 2": ((1.0, -1.0), 1.7),
    "depth 4": (NEAR_EQUAL, 1.9),
}
PORTRAIT_STARTS = ((2.8, 0.02), (2.5, -0.35), (2.2, 0.5), (1.98, -0.75))  # eta phi, deviation of the product


def portrait_weights(name: str) -> tuple[Array, float]:
    """Starts (orbits, depth) and the step size of a portrait."""
    direction, whole = PORTRAITS[name]
    step_size = whole / len(direction)
    minima = [shared.shape(direction, edge / step_size) for edge, _ in PORTRAIT_STARTS]
    return np.array([shared.kick(s, x) for s, (_, x) in zip(minima, PORTRAIT_STARTS, strict=True)]), step_size


def portrait_experiments(scale: Scale, seed: int) -> Plan:
    """All orbits of a portrait at once."""
    plan = {}
    for name in PORTRAITS:
        weights, step_size = portrait_weights(name)
        steps = shared.by_scale(scale, 60, 300, 300)
        setting = {"weights": shared.listed(weights), "step_size": step_size, "steps": steps}
        plan[name] = shared.deterministic(orbits, setting, seed)
    return plan


def draw_portrait(data: FigureData) -> Canvas:
    """Orbits over the region of the theorem and the two-cycle of the quasi-static map."""
    canvas = Canvas(1, 2, size=(7.2, 4.4))
    for column, (name, (direction, whole)) in enumerate(PORTRAITS.items()):
        step_size = whole / len(direction)
        title = f"({'ab'[column]}) {name}, η = {step_size:g}"
        limits: Any = {"xlim": (0.0, 2.05), "ylim": (1.68, 2.95)}
        ax = canvas.panel(
            name, (0, column), title=title, x="product, π", y=shared.GFS, scales=("linear", "linear"), **limits
        )
        most = maximal_product(len(direction))
        label = "φ cannot rise (theorem)"
        canvas.band(ax, [0.0, most], [1.68] * 2, [shared.TOP] * 2, series="theorem", label=label, color="0.92")
        canvas.line(ax, [0, 2.05], [2, 2], series="edge", label=shared.EDGE, color="0.3", lw=1.0)
        start = shared.shape(direction, 2.9 / step_size)
        edges = np.append(np.geomspace(0.002, 0.1, 10), np.linspace(0.12, 0.82, 36)) + 2.0
        minima = np.array([landing_shape(start, 2.0 * step_size / edge) for edge in edges])
        for branch in two_cycle(minima, step_size):
            look: Any = {"color": "black", "lw": 1.6, "zorder": 4}
            canvas.line(ax, branch, edges, series="two-cycle", label="two-cycle at fixed balances", **look)
        moments = shared.measured(canvas, ax, data, name)
        if moments is not None:
            _portrait_points(canvas, ax, moments.mean, step_size)
    canvas.key("red cross: a rise of φ inside the region", ls="", marker="x", color="#E00000")
    return canvas


def _portrait_points(canvas: Canvas, ax: Axes, runs: Array, step_size: float) -> None:
    """Orbits (orbits, times, columns) in the plane; a rise is crossed where the theorem forbids it."""
    most = maximal_product(runs.shape[-1] - 4)
    for k, (run, color) in enumerate(zip(runs, (PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[3]), strict=True)):
        product, flow = run[:, 0], step_size * run[:, 3]
        rises = np.append(flow[1:] > flow[:-1] * (1 + shared.ROUNDING), False)
        inside = (flow <= shared.TOP) & (product > 0) & (product <= most)
        path: Any = {"role": "guide", "color": color, "lw": 0.35, "ls": "-", "alpha": 0.5}
        canvas.line(ax, product, flow, series=f"path {k}", **path)
        look: Any = {"color": color, "ms": 2.2, "mew": 0.0, "label": f"simulation from ηφ = {flow[0]:.3g}"}
        canvas.points(ax, product, flow, series=f"orbit {k}", crossed=rises & inside, **look)


FIGURES = (
    FigureSpec(
        id="edge-of-stability",
        title="Loss and sharpness oscillate, the GFS sharpness only falls, to a predicted value below the edge",
        caption="Simulated gradient descent on (w₁w₂w₃w₄ − 1)²/2 as points, one a step. Above: loss, with the exact "
        "rate of its final fall as a line. Below: step size times the sharpness at the iterate, and times GFS "
        "sharpness, the sharpness where gradient flow from the iterate would end. Solid line: edge of stability; "
        "dashed: the final value predicted from the start. (a) Nearly equal weights: the loss stays on its two-cycle "
        "and the GFS sharpness creeps to the edge. (b) Unequal weights: reflected at the edge.",
        claims=("sn.T1", "sn.T10", "sn.T11"),
        experiments=headline_experiments,
        draw=draw_headline,
    ),
    FigureSpec(
        id="gfs-plane",
        title="The definition in the plane of two weights",
        caption="Depth two. Points: simulated gradient descent, zigzagging across the minima w₁w₂ = 1 (black line, "
        "solid where they attract). Green lines: gradient flow from each iterate, along w₁² − w₂² = const, to the "
        "minimum that defines its GFS sharpness (diamonds), which moves towards smaller sharpness at every step. "
        "Violet line: the exact boundary of bounded orbits.",
        claims=("sn.T6", "sn.T1"),
        experiments=plane_experiments,
        draw=draw_plane,
    ),
    FigureSpec(
        id="gfs-portrait",
        title="Product and GFS sharpness: orbits follow the two-cycle down to the edge",
        caption="Simulated orbits of gradient descent (points; thin lines join successive steps) in the plane of "
        "product and GFS sharpness times step size. Black line: the two-cycle of the product at fixed balances "
        "(quasi-static map), along the landing curve. Grey: where the theorem forbids a rise; a red cross would be "
        "one. (a) At depth two the plane is the whole dynamics, and orbits are reflected. (b) With four nearly equal "
        "weights they follow the two-cycle.",
        claims=("sn.T2", "sn.T3", "sn.T9"),
        experiments=portrait_experiments,
        draw=draw_portrait,
    ),
)
