"""Falling at every depth, and what happens when the conditions of the theorems fail."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.scalar_networks import _shared as shared
from figures.scalar_networks._measures import orbits, single_steps
from theory.scalar_networks import final_sharpness, gfs_sharpness, sharpness_decrement

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

DEPTHS = (2, 3, 8, 32)
DEPTH_EDGE, DEPTH_STEPS = 2.6, 3000
FAILURES = {  # one step from these weights
    "w = (0.02, 0.1)": (0.02, 0.1),
    "w = (0.05, 1.2)": (0.05, 1.2),
    "w = (0.05, 0.06, 2)": (0.05, 0.06, 2.0),
}
CLUSTER = (31.6, 31.8, 35.2)  # all weights near each other, at a large product


def depth_start(depth: int) -> tuple[Array, float]:
    """A spread-out minimum, and the step size of a quarter below the least sharpness."""
    direction = np.linspace(1.0, -1.0, depth)
    step_size = 1.7 / depth
    return shared.kick(shared.shape(direction, DEPTH_EDGE / step_size), 1e-3), step_size


def failure_steps(weights: tuple[float, ...], count: int) -> Array:
    """Step sizes up to eta phi = 5."""
    return np.linspace(1.0, 5.0, count) / float(np.asarray(gfs_sharpness(weights)))


def cluster_steps(count: int) -> Array:
    """Step sizes over which a^2/(u_1 u_2) goes to 2.4."""
    product = float(np.prod(CLUSTER))
    return np.sqrt(np.linspace(0.02, 2.4, count)) * CLUSTER[0] * CLUSTER[1] / ((product - 1) * product)


def depth_experiments(scale: Scale, seed: int) -> Plan:
    """Orbits at several depths, single steps from several points."""
    plan = {}
    for depth in DEPTHS:
        weights, step_size = depth_start(depth)
        setting = {"weights": shared.listed(weights), "step_size": step_size, "steps": DEPTH_STEPS}
        plan[f"depth {depth}"] = shared.deterministic(orbits, setting, seed)
    count = shared.by_scale(scale, 9, 33, 65)
    for name, weights in FAILURES.items():
        setting = {"weights": list(weights), "step_sizes": shared.listed(failure_steps(weights, count))}
        plan[name] = shared.deterministic(single_steps, setting, seed)
    setting = {"weights": list(CLUSTER), "step_sizes": shared.listed(cluster_steps(count))}
    plan["cluster"] = shared.deterministic(single_steps, setting, seed)
    return plan


def draw_depths(data: FigureData) -> Canvas:
    """Left: falling at every depth; middle: rising beyond the constant; right: the first condition is not enough."""
    canvas = Canvas(1, 3, size=(7.2, 3.9))
    scales: Any = ("log", "linear")
    left = canvas.panel("depths", (0, 0), title="(a) along orbits", x="step, from 1", y=shared.GFS, scales=scales)
    for depth, color in zip(DEPTHS, shades(len(DEPTHS)), strict=True):
        weights, step_size = depth_start(depth)
        landing = step_size * float(np.asarray(final_sharpness(weights, step_size)))
        canvas.line(left, [100, DEPTH_STEPS], [landing] * 2, series=f"landing, {depth}", color=color, lw=1.1)
        moments = shared.measured(canvas, left, data, f"depth {depth}")
        if moments is not None:
            flow = step_size * moments.mean[:, 3]
            rises = np.append(False, flow[1:] > flow[:-1] * (1 + shared.ROUNDING))
            at = np.unique(np.geomspace(1, len(flow), 150).astype(int)) - 1
            look: Any = {"color": color, "label": f"depth {depth}", "ms": 2.4}
            canvas.points(left, at + 1.0, flow[at], series=f"depth {depth}", crossed=rises[at], **look)
    canvas.line(left, [1, DEPTH_STEPS], [2, 2], series="edge", label=shared.EDGE, color="0.3", lw=1.0, zorder=1)
    canvas.key("predicted landing", color="0.4", lw=1.1)
    _draw_failures(canvas, data)
    _draw_cluster(canvas, data)
    return canvas


def _draw_failures(canvas: Canvas, data: FigureData) -> None:
    """Change of phi over one step against eta phi, in units of its largest fall."""
    ax = canvas.panel(
        "failures",
        (0, 1),
        title="(b) one step",
        x=shared.GFS,
        y="change of φ, by its largest fall",
        scales=("linear", "linear"),
    )
    ax.set_ylim(-1.1, 1.1)
    canvas.line(ax, [1, 5], [0, 0], series="zero", role="guide")
    canvas.line(ax, [shared.TOP] * 2, [-1.1, 1.1], series="constant", label="ηφ = 2√2", color="black", lw=1.0, ls="--")
    canvas.line(ax, [4.0] * 2, [-1.1, 1.1], series="four", label="ηφ = 4, refuted as a bound", color="0.6", ls=":")
    for (name, weights), color in zip(FAILURES.items(), (PALETTE[0], PALETTE[1], PALETTE[2]), strict=True):
        phi, steps = float(np.asarray(gfs_sharpness(weights))), failure_steps(weights, 241)
        change = -np.asarray(sharpness_decrement(weights, steps))
        unit = -float(change.min())
        canvas.line(ax, steps * phi, change / unit, series=name, label=f"theory, {name}", color=color, lw=1.2)
        moments = shared.measured(canvas, ax, data, name)
        if moments is not None:
            before, after = moments.mean[:, 0], moments.mean[:, 1]
            rates = failure_steps(weights, len(before))
            theory = -np.asarray(sharpness_decrement(weights, rates))
            wrong = np.abs(after - before - theory) > 1e-12 * phi + 1e-9 * np.abs(theory)
            canvas.points(ax, rates * phi, (after - before) / unit, series=name, color=color, crossed=wrong, ms=2.6)


def _draw_cluster(canvas: Canvas, data: FigureData) -> None:
    """phi after one step over phi before, along the first pair condition, from a cluster at a large product."""
    words = "a²/(u₁u₂)"
    ax = canvas.panel("cluster", (0, 2), title="(c) w = (31.6, 31.8, 35.2)", x=words, y="φ after / before one step")
    ax.set_xscale("linear")
    phi, color = float(np.asarray(gfs_sharpness(CLUSTER))), PALETTE[3]
    ratio = 1 - np.asarray(sharpness_decrement(CLUSTER, cluster_steps(400))) / phi
    canvas.line(ax, np.linspace(0.02, 2.4, 400), ratio, series="ratio", label="theory, (c)", color=color, lw=1.2)
    span = [5e-4, 30.0]
    ax.set_ylim(*span)
    canvas.line(ax, [0, 2.4], [1, 1], series="one", role="guide")
    canvas.line(ax, [2, 2], span, series="first", label="first condition alone, refuted", color="0.6", ls="-.", lw=1.0)
    both = CLUSTER[2] ** 2 / CLUSTER[1] ** 2  # a^2 = u_1 u_3
    canvas.line(ax, [both] * 2, span, series="both", label="both conditions", color="black", ls="-.", lw=1.0)
    moments = shared.measured(canvas, ax, data, "cluster")
    if moments is not None:
        before, after = moments.mean[:, 0], moments.mean[:, 1]
        rates = cluster_steps(len(before))
        theory = 1 - np.asarray(sharpness_decrement(CLUSTER, rates)) / phi
        wrong = np.abs(after / before / theory - 1) > 1e-6  # differences of squares near 1000 lose six digits
        at = np.linspace(0.02, 2.4, len(before))
        canvas.points(ax, at, after / before, series="ratio", color=color, crossed=wrong, ms=2.6)


FIGURES = (
    FigureSpec(
        id="sharpness-depths",
        title="Any depth, and where monotonicity ends",
        caption="(a) GFS sharpness times step size along simulated gradient descent (points) at several depths, with "
        "the predicted landing (short lines). (b) One step from small products: change of the GFS sharpness in theory "
        "(lines) and simulation (points). At depth two it turns positive beyond 2√2 (dashed), arbitrarily close to it "
        "for nearly equal weights; the wrong constant 4 (dotted) lies in the rising part. (c) Three nearly equal "
        "weights with a large product: below a² = 2u₁u₂ (dash-dotted, grey) all balances shrink and yet the GFS "
        "sharpness rises sevenfold; the second condition, a² ≤ u₁u₃ (black), prevents it.",
        claims=("sn.T1", "sn.T1.pair", "sn.T2", "sn.T2.four", "sn.T5"),
        experiments=depth_experiments,
        draw=draw_depths,
    ),
)
