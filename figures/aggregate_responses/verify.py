"""The literal experiment over the theory's lines, and how fast the finite experiment approaches the limit."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from figures.aggregate_responses import _shared as shared
from simulations.aggregate_responses import conditional_errors, jacobi_errors, literal_errors
from theory.aggregate_responses import exact_bag_risk, exact_instance_risk, limit_risk

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

D, BAG = 100, 3
POWERS: Any = {"signal": 2.0, "noise_variance": 0.8}
RATIO, WEIGHT = 6, 0.3  # where they do not vary
PARTS = ("bias", "variance", "risk")
COLORS = dict(zip(PARTS, (PALETTE[0], PALETTE[1], "0.15"), strict=True))
SHIFT_SETTING = (4, 2)  # samples per feature and bag size of the approach to the limit
SHIFTS = (("instance level, bias", 1, 0), ("instance level, variance", 1, 1), ("bag level, variance", 0, 1))


def weights(scale: Scale) -> Array:
    """Weights of panel (a)."""
    return np.geomspace(3e-3, 3.0, shared.by_scale(scale, 4, 8, 12))


def samples(scale: Scale) -> tuple[int, ...]:
    """Numbers of samples of panel (b)."""
    return shared.by_scale(
        scale, (180, 600), (150, 180, 240, 300, 420, 600, 900, 1500), (150, 180, 240, 300, 420, 600, 900, 1500, 2400)
    )


def features(scale: Scale) -> tuple[int, ...]:
    """Numbers of features of panel (c)."""
    return shared.by_scale(scale, (10, 40), (10, 20, 40, 80, 160), (10, 20, 40, 80, 160, 320))


def experiments(scale: Scale, seed: int) -> Plan:
    """Conditional and literal errors along both paths; many draws of the reduced experiment for the approach."""
    exact, literal = shared.by_scale(scale, (16, 24), (60, 120), (400, 2000))
    many = shared.by_scale(scale, 2000, 30000, 200000)
    setting = {"d": D, "bag_size": BAG, **POWERS}
    paths = {"rho": {"n": RATIO * D, "interpolations": shared.numbers(weights(scale))}}
    paths |= {f"n = {n}": {"n": n, "interpolations": (WEIGHT,)} for n in samples(scale)}
    plan: dict[str, Any] = {}
    for name, path in paths.items():
        plan[f"{name}, exact"] = shared.experiment(conditional_errors, {**setting, **path}, seed, exact)
        plan[f"{name}, literal"] = shared.experiment(literal_errors, {**setting, **path}, seed, literal)
    psi, k = SHIFT_SETTING
    for d in features(scale):
        reduced = {"n": psi * d, "d": d, "bag_size": k, "interpolations": (0.0, 1.0), **POWERS}
        plan[f"d = {d}"] = shared.experiment(jacobi_errors, reduced, seed, many)
    return plan


def draw_verify(data: FigureData) -> Canvas:
    """(a) against the weight, (b) against the samples, (c) deviation from the limit against the features."""
    canvas = Canvas(1, 3, size=(7.2, 3.7))
    words: Any = {"scales": ("log", "linear")}
    left = canvas.panel(
        "rho", (0, 0), title=f"(a) ψ = {RATIO}, k = {BAG}", x="weight, ρ", y="excess risk and its parts", **words
    )
    grid, at = np.geomspace(3e-3, 3.0, 120), weights(data.scale)
    _lines(canvas, left, grid, limit_risk(RATIO, BAG, grid, **POWERS))
    _points(canvas, left, data, "rho", at, limit_risk(RATIO, BAG, at, **POWERS), shared.slack(D, RATIO, BAG))
    middle = canvas.panel(
        "psi", (0, 1), title=f"(b) ρ = {WEIGHT:g}, k = {BAG}", x="samples per feature, ψ", y="", **words
    )
    grid = np.geomspace(1.4, 16.0, 150)
    _lines(canvas, middle, grid, limit_risk(grid, BAG, WEIGHT, **POWERS))
    for n in samples(data.scale):
        there = limit_risk([n / D], BAG, WEIGHT, **POWERS)
        forgiven = shared.SHIFT / D / min(1.0, n / D - 1.0)  # at weight 0.3 nothing happens at psi = k
        _points(canvas, middle, data, f"n = {n}", np.array([n / D]), there, forgiven)
    middle.set_ylim(bottom=0.0)
    left.set_ylim(bottom=0.0)
    _draw_shift(canvas, data)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


def _lines(canvas: Canvas, ax: Axes, grid: Array, risk: Any) -> None:
    """Bias, variance and risk as lines."""
    for part, line in zip(PARTS, risk, strict=True):
        canvas.line(ax, grid, line, series=part, label=part, color=COLORS[part])


def _points(canvas: Canvas, ax: Axes, data: FigureData, name: str, at: Array, there: Any, forgiven: Any) -> None:
    """Bias and variance given the samples, averaged over noise, and the risk of the literal experiment."""
    exact, literal = (shared.measured(canvas, ax, data, f"{name}, {kind}") for kind in ("exact", "literal"))
    for column, part in enumerate(PARTS):
        moments = literal if part == "risk" else exact
        if moments is not None:
            values = moments if part == "risk" else moments.select((..., column))
            allowed = forgiven if part == "risk" else 2 * np.asarray(forgiven)
            shared.simulated(canvas, ax, at, values, there[column], allowed, series=part, color=COLORS[part])


def _draw_shift(canvas: Canvas, data: FigureData) -> None:
    """Relative deviation of exact finite-size means from the limit, which falls as 1/d, and the simulated one."""
    psi, k = SHIFT_SETTING
    ax = canvas.panel("shift", (0, 2), title=f"(c) ψ = {psi}, k = {k}", x="features, d", y="mean / limit − 1")
    grid = np.unique(np.geomspace(10, 320, 40).astype(int))
    for (label, rho, part), color in zip(SHIFTS, (PALETTE[2], PALETTE[3], PALETTE[4]), strict=True):
        exact: Any = exact_instance_risk if rho == 1 else exact_bag_risk
        limit = float(np.asarray(limit_risk(psi, k, rho, **POWERS)[part]))
        line = np.asarray(exact(psi * grid, grid, psi * grid // k, **POWERS)[part]) / limit - 1
        canvas.line(ax, grid, line, series=label, label=f"{label}: exact − limit", color=color)
        for d in features(data.scale):
            moments = shared.measured(canvas, ax, data, f"d = {d}")
            if moments is not None:
                there = float(np.asarray(exact(psi * d, d, psi * d // k, **POWERS)[part])) / limit - 1
                values = moments.select(([rho], part)).linear(1 / limit, -1.0)
                shared.simulated(canvas, ax, [d], values, there, 0.0, series=label, color=color)
    ax.set_ylim(5e-4, 0.5)


FIGURES = (
    FigureSpec(
        id="bag-verify",
        title="The experiment lies on the theory, up to a shift that falls as 1/d",
        caption="(a, b) Lines: proportional limit of squared bias, variance and their sum, signal 2, noise variance "
        "0.8. Points: simulation at d = 100 with real bags: bias and variance given the samples, risk from the "
        "literal experiment (samples, bags, mean labels, least squares), mean with bars of one standard error; a red "
        "cross deviates beyond its interval by more than 1.5/(d min(1, psi - 1)), twice that for the parts. (c) What "
        "is left of that at d features. Lines: exact finite-size means over their limits; points: means of the "
        "reduced simulation, crossed out where they differ from the exact value beyond their interval.",
        claims=("ar.T1", "ar.P1", "ar.E0", "ar.E1"),
        experiments=experiments,
        draw=draw_verify,
    ),
)
