"""Bag level, instance level and the best weight against bag size, samples per feature and signal-to-noise ratio."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.moments import Moments
from figures.aggregate_responses import _shared as shared
from simulations.aggregate_responses import conditional_errors, gain_errors
from theory.aggregate_responses import crossover_snr, limit_risk, optimal_interpolation, ridge_risk

__all__ = ["FIGURES", "Cell", "bag_level", "cell_experiments", "crossings"]

Array = NDArray[np.float64]
Cell = tuple[int, int, float]  # samples n, bag size k, SNR

D = 100
KINDS = ("bag level", "instance level", "best weight")
COLORS: dict[str, str] = dict(zip(KINDS, PALETTE, strict=False))

SIZES = {"quick": (2, 4, 10), "standard": (1, 2, 3, 4, 5, 8, 10, 12, 20), "paper": (1, 2, 3, 4, 5, 8, 10, 12, 15, 20)}
SAMPLES = {
    "quick": (141, 240, 450, 1200),
    "standard": (120, 141, 180, 210, 240, 270, 360, 450, 600, 900, 1500, 1998),
    "paper": (120, 141, 180, 210, 240, 270, 330, 360, 390, 450, 600, 900, 1200, 1500, 1998),
}
PANELS = {"bag-size": (0.5, 5.0), "bag-samples": (0.5, 5.0), "bag-snr": (6.0, 2.0)}  # SNR, SNR, psi of each panel
BAG = {"bag-samples": (3, 3), "bag-snr": (3, 4)}  # bag size of each panel
SIZE_RATIO = 6  # samples per feature where the bag size varies


def snrs(scale: Scale) -> Array:
    """Signal-to-noise ratios that are simulated."""
    return np.geomspace(0.1, 30.0, shared.by_scale(scale, 3, 9, 13))


def cells(figure: str, panel: int, scale: Scale) -> list[Cell]:
    """The settings simulated in a panel."""
    value = PANELS[figure][panel]
    if figure == "bag-size":
        return [(SIZE_RATIO * D, k, value) for k in SIZES[scale]]
    if figure == "bag-samples":
        return [(n, BAG[figure][panel], value) for n in SAMPLES[scale]]
    return [(round(value * D), BAG[figure][panel], snr) for snr in shared.numbers(snrs(scale))]


def best_weight(cell: Cell) -> float:
    """The weight that the theory calls best."""
    return float(np.asarray(optimal_interpolation(cell[0] / D, cell[1], cell[2]).interpolation))


def cell_experiments(cell: Cell, seed: int, trials: int) -> Plan:
    """Risk at instance level and the best weight, and at bag level: with fewer bags than features by least norm.

    `cell` is (n, bag size, SNR), `seed` the suite's, `trials` the replicates.
    """
    n, k, snr = cell
    setting = {"n": n, "d": D, "bag_size": k, "signal": shared.SIGNAL, "noise_variance": shared.SIGNAL / snr}
    enough = n // k > D
    rhos = (1.0, best_weight(cell), *((0.0,) if enough else ()))
    path = {**setting, "interpolations": rhos, "gains": (1.0,) * len(rhos)}
    plan = {f"{cell}": shared.experiment(gain_errors, path, seed, trials)}
    if not enough:
        least = {**setting, "interpolations": (0.0,)}
        plan[f"{cell}, least norm"] = shared.experiment(conditional_errors, least, seed, max(16, trials // 4))
    return plan


def bag_level(data: FigureData, cell: Cell) -> Moments | None:
    """Risk at bag level in `cell` from `data`: last weight, or least-norm solution, whose bias has no spread."""
    if cell[0] // cell[1] > D:
        whole = data.moments.get(f"{cell}")
        return None if whole is None else whole.select(([2],))
    parts = data.moments.get(f"{cell}, least norm")
    return None if parts is None else parts.select(([0], 1)).linear(1.0, float(parts.mean[0, 0]))


def experiments(figure: str, scale: Scale, seed: int) -> Plan:
    """The experiments of both panels."""
    trials, plan = shared.by_scale(scale, 40, 400, 4000), {}
    for panel in (0, 1):
        for cell in cells(figure, panel, scale):
            plan.update(cell_experiments(cell, seed, trials))
    return plan


def theory(kind: str, psi: ArrayLike, k: ArrayLike, snr: ArrayLike) -> Array:
    """Limit risk per signal of one of `KINDS`; nan where it is infinite, so that a line breaks there."""
    if kind == "best weight":
        return np.asarray(optimal_interpolation(psi, k, snr).total)
    noise = 1 / np.asarray(snr)
    risk = np.asarray(limit_risk(psi, k, float(kind == "instance level"), signal=1.0, noise_variance=noise).total)
    return np.where(np.isfinite(risk), risk, np.nan)


def crossings(gap: Callable[[float], float], grid: Array) -> list[float]:
    """Return the places on `grid` where `gap` goes through 0, by bisection; jumps to or from infinity are none."""
    values, found = np.array([gap(x) for x in grid]), []
    for (a, b), (u, v) in zip(pairwise(grid), pairwise(values), strict=True):
        if np.isfinite(u) and np.isfinite(v) and u * v < 0 and abs(u - v) < 10.0:
            root: Any = brentq(gap, a, b)
            found.append(float(root))
    return found


def draw(figure: str, data: FigureData) -> Canvas:
    """Two panels, lines and points of the three estimators, and where bag and instance level change places."""
    canvas = Canvas(1, 2, size=(7.2, 3.9))
    for panel in (0, 1):
        _draw_panel(canvas, data, figure, panel)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


def _draw_panel(canvas: Canvas, data: FigureData, figure: str, panel: int) -> None:
    """One panel of a figure."""
    value = PANELS[figure][panel]
    k = BAG.get(figure, (0, 0))[panel]
    head, words, grid, place = {
        "bag-size": (f"SNR = {value:g}, ψ = {SIZE_RATIO}", "bag size, k", np.geomspace(1.0, 20.0, 301),
                     lambda x: (float(SIZE_RATIO), x, value)),
        "bag-samples": (f"SNR = {value:g}, k = {k}", "samples per feature, ψ = n/d", np.geomspace(1.2, 20.0, 301),
                        lambda x: (x, float(k), value)),
        "bag-snr": (f"ψ = {value:g}, k = {k}", "signal-to-noise ratio, r²/σ²", np.geomspace(0.1, 30.0, 121),
                    lambda x: (value, float(k), x)),
    }[figure]  # fmt: skip
    ax = canvas.panel(f"{panel}", (0, panel), title=f"({'ab'[panel]}) {head}", x=words, y=shared.RISK)
    for kind, color in COLORS.items():
        canvas.line(ax, grid, theory(kind, *place(grid)), series=kind, label=kind, color=color)
    psi, size, snr = place(grid)
    floor = np.broadcast_to(ridge_risk(psi, size, signal=1.0, noise_variance=1 / np.asarray(snr)), grid.shape)
    label = "best ridge on the bag means"
    canvas.line(ax, grid, floor, series=label, label=label, color="0.2", ls=(0, (1, 1.5)), lw=1.1)
    for cell in cells(figure, panel, data.scale):
        axis = {"bag-size": cell[1], "bag-samples": cell[0] / D, "bag-snr": cell[2]}[figure]
        _draw_cell(canvas, ax, data, cell, axis)
    ax.set_ylim(0.8 * float(floor.min()), 5.0 * max(1.0, float(theory("instance level", *place(grid)).max())))

    def gap(x: float) -> float:
        psi, size, snr = place(x)
        return float(np.asarray(crossover_snr(psi, max(size, 1 + 1e-9)))) - snr

    shared.vertical(canvas, ax, crossings(gap, grid), series="crossover", label="bag and instance level equal")


def _draw_cell(canvas: Canvas, ax: Axes, data: FigureData, cell: Cell, at: float) -> None:
    """The three points of one setting."""
    n, k, snr = cell
    whole = shared.measured(canvas, ax, data, f"{cell}")
    if n // k < D:
        shared.measured(canvas, ax, data, f"{cell}, least norm")
    found: dict[str, Any] = {"bag level": bag_level(data, cell)}
    if whole is not None:
        found |= {"instance level": whole.select(([0],)), "best weight": whole.select(([1],))}
    for kind, moments in found.items():
        if moments is not None:
            there, forgiven = theory(kind, n / D, k, snr), shared.slack(D, n / D, k)
            values = moments.linear(1 / shared.SIGNAL)
            shared.simulated(canvas, ax, [at], values, there, forgiven, series=kind, color=COLORS[kind])


CAPTION = """Excess risk per signal of bag level (of least norm where bags are fewer than features), instance level and
the best weight between and beyond them. Lines: proportional limit; dotted: the best ridge on the bag means; dashed
grey: where bag and instance level change places in theory. Points: simulation at d = 100, mean with bars of one
standard error; a red cross deviates beyond its interval by more than the finite size explains, 1.5/(d gap) with gap
the distance of psi or psi/k from 1, at most 1."""

TITLES = {
    "bag-size": ("Larger bags: bag level fails where bags are as many as features", ("ar.C1", "ar.C2", "ar.T2")),
    "bag-samples": ("More samples: bag level peaks at psi = k", ("ar.C1", "ar.C2", "ar.C3", "ar.T2")),
    "bag-snr": ("More signal: bag level wins beyond an exact threshold", ("ar.T2", "ar.T3")),
}

FIGURES = tuple(
    FigureSpec(
        id=figure,
        title=title,
        caption=" ".join(CAPTION.split()),
        claims=claims,
        experiments=partial(experiments, figure),
        draw=partial(draw, figure),
    )
    for figure, (title, claims) in TITLES.items()
)
