"""Beyond scalar networks: squared regression and a tanh network on digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from figures.scalar_networks import _shared as shared
from figures.scalar_networks._measures import network_traces, regression_traces, rise_shares

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

# ---------------------------------------------------------------- squared regression

SIZE = {"samples": 5, "features": 20}
STARTS: dict[str, dict[str, float]] = {
    "near a minimum": {"perturbation": 0.01},
    "small normal weights": {"weight_scale": 0.3},
}
TRACE_EDGES = (1.0, 2.2, 2.8)
SHARE_EDGES = (0.5, 1.0, 1.5, 1.9, 2.2, 2.5, 2.8, 3.1, 3.4)


def regression_steps(scale: Scale) -> int:
    """Steps of every run."""
    return shared.by_scale(scale, 60, 300, 400)


def share_edges(scale: Scale) -> tuple[float, ...]:
    """First values of eta phi at which runs with a rise are counted."""
    return SHARE_EDGES[1::3] if scale == "quick" else SHARE_EDGES


def regression_experiments(scale: Scale, seed: int) -> Plan:
    """Traces of one task, and counts over many, for both kinds of starts."""
    plan, steps = {}, regression_steps(scale)
    runs = shared.by_scale(scale, 8, 48, 400)
    for name, start in STARTS.items():
        setting = {**SIZE, **start, "steps": steps}
        plan[name] = shared.deterministic(regression_traces, {**setting, "edges": list(TRACE_EDGES)}, seed)
        for edge in share_edges(scale):
            plan[f"{name}, {edge:g}"] = shared.experiment(rise_shares, {**setting, "edge": edge}, seed, runs)
    return plan


def draw_regression(data: FigureData) -> Canvas:
    """Loss and GFS sharpness for both starts, and the share of runs in which it ever rises."""
    canvas = Canvas(2, 3, size=(7.2, 4.6))
    for column, name in enumerate(STARTS):
        words: Any = {"scales": ("linear", "log"), "x": ""}
        top = canvas.panel(f"loss, {name}", (0, column), title=f"({'ab'[column]}) {name}", y="loss", **words)
        words = {"scales": ("linear", "linear"), "x": "step of gradient descent"}
        low = canvas.panel(f"sharpness, {name}", (1, column), y="step size × sharpness", **words)
        low.set_ylim(0.4, 3.6)
        steps = regression_steps(data.scale)
        canvas.line(low, [0, steps], [2, 2], series="edge", label=shared.EDGE, color="0.3", lw=1.0)
        moments = shared.measured(canvas, low, data, name)
        if moments is None:
            continue
        t = np.arange(steps + 1.0)
        for run, edge, color in zip(moments.mean, TRACE_EDGES, PALETTE, strict=False):
            look: Any = {"ms": 2.0, "mew": 0.0, "color": color, "series": f"ηφ = {edge:g} at the start"}
            on = (run[0] != run[0][-1]) | (run[0][-1] < 1.0)  # an orbit that escaped repeats its last point
            seen = on & (run[0] > 1e-25)
            canvas.points(top, t[seen], run[0][seen], **look)
            words = {**look, "series": f"{look['series']}, iterate", "alpha": 0.3}
            canvas.points(low, t[on], run[1][on], **words)
            canvas.points(low, t[on], run[2][on], label=f"simulation: GFS sharpness, ηφ₀ = {edge:g}", **look)
    canvas.key("sharpness at the iterate (pale)", ls="", marker="o", alpha=0.3)
    _draw_shares(canvas, data)
    return canvas


def _draw_shares(canvas: Canvas, data: FigureData) -> None:
    """Share of runs with at least one rise against eta phi at the start."""
    words: Any = {"x": "ηφ at the start", "y": "share of runs in which φ ever rises", "scales": ("linear", "linear")}
    ax = canvas.panel("shares", (slice(None), 2), title="(c) it is no theorem here", **words)
    ax.set_ylim(-0.04, 1.04)
    canvas.line(ax, [2, 2], [0, 1], series="edge", color="0.3", lw=1.0)
    for name, color in zip(STARTS, (PALETTE[3], PALETTE[4]), strict=True):
        found = [shared.measured(canvas, ax, data, f"{name}, {edge:g}") for edge in share_edges(data.scale)]
        known = [(edge, m) for edge, m in zip(share_edges(data.scale), found, strict=True) if m is not None]
        if known:
            x = [edge for edge, _ in known]
            mean, error = (np.array([getattr(m, part)[0] for _, m in known]) for part in ("mean", "standard_error"))
            canvas.points(ax, x, mean, error, series=name, label=f"simulation: {name}", color=color, ms=4)


# ---------------------------------------------------------------- networks

NETWORK_EDGES = (1.0, 2.2, 2.8)


def network_setting(scale: Scale) -> dict[str, Any]:
    """A smaller and shorter network for a quick look."""
    size = shared.by_scale(scale, (6, 4, 8, 4), (24, 16, 60, 3), (24, 16, 120, 2))
    return {"edges": list(NETWORK_EDGES), **dict(zip(("samples", "hidden", "steps", "every"), size, strict=True))}


def network_experiments(scale: Scale, seed: int) -> Plan:
    """The same networks at every step size."""
    replicates = shared.by_scale(scale, 2, 4, 16)
    return {"networks": shared.experiment(network_traces, network_setting(scale), seed, replicates)}


def draw_networks(data: FigureData) -> Canvas:
    """Loss, sharpness and GFS sharpness, mean over networks."""
    canvas = Canvas(1, 3, size=(7.2, 3.5))
    setting = network_setting(data.scale)
    t = np.arange(0, setting["steps"] + 1, setting["every"])
    titles = ("(a) loss", "(b) at the iterate", "(c) at the flow's end")
    labels = ("mean squared error / 2", "step size × sharpness", shared.GFS)
    panels = []
    for column, (title, y) in enumerate(zip(titles, labels, strict=True)):
        scales: Any = ("linear", "log" if column == 0 else "linear")
        x = "step of gradient descent"
        panels.append(canvas.panel(f"panel {column}", (0, column), title=title, x=x, y=y, scales=scales))
        if column:
            panels[-1].set_ylim(0.4, 4.4)
            canvas.line(panels[-1], [0, t[-1]], [2, 2], series="edge", label=shared.EDGE, color="0.3", lw=1.0)
    moments = shared.measured(canvas, panels[0], data, "networks")
    if moments is not None:
        for k, (edge, color) in enumerate(zip(NETWORK_EDGES, PALETTE, strict=False)):
            for column, ax in enumerate(panels):
                values = moments.select((k, column))
                look: Any = {"series": f"ηφ = {edge:g}", "label": f"simulation, ηφ = {edge:g} at the start"}
                canvas.points(ax, t, values.mean, values.standard_error, color=color, ms=2.6, **look)
    return canvas


FIGURES = (
    FigureSpec(
        id="squared-regression",
        title="Squared regression: the GFS sharpness falls near minima, not from everywhere",
        caption="Gradient descent on the regression ⟨x, u² − v²⟩, 5 normal samples, 20 features. Simulated points, "
        "one a step, for three step sizes: loss, sharpness at the iterate (pale) and where gradient flow would end. "
        "(a) From a minimum perturbed by 1 %. (b) From normal weights of size 0.3. Line: edge of stability. (c) Share "
        "of random tasks in which the GFS sharpness rises at any step, with bars of one standard error.",
        claims=("sn.E1", "sn.E1.far"),
        experiments=regression_experiments,
        draw=draw_regression,
    ),
    FigureSpec(
        id="network-sharpness",
        title="A tanh network on digits: the GFS sharpness falls while the sharpness climbs and the loss oscillates",
        caption="Gradient descent on 64-16-1 tanh networks, 24 images of threes and eights, mean squared error; step "
        "sizes by the first GFS sharpness. Points: simulation, mean over networks with bars of one standard error: "
        "(a) loss, (b) step size times sharpness at the iterate, (c) the same where gradient flow from the iterate "
        "would end. Line: edge of stability.",
        claims=("sn.E2",),
        experiments=network_experiments,
        draw=draw_networks,
    ),
)
