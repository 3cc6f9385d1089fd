"""Eigenvalues between bag means and within-bag rows over their law, and what bias and variance take from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from figures.aggregate_responses import _shared as shared
from simulations.aggregate_responses import eigenvalue_density
from theory.aggregate_responses import wachter_atoms, wachter_average, wachter_density, wachter_edges

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

D = 120
CASES = ((6, 3), (2, 4))  # samples per feature, bag size
WEIGHTS = (0.1, 1.0)
TINY = 1e-6  # eigenvalues nearer to 0 or 1 belong to the atoms
# Ten per cent of the height: the eigenvalues of a finite matrix spread by d^(-2/3) of the law's width at its ends.
SLACK = 0.1


def edges(scale: Scale) -> Array:
    """Ends of the bins of the histogram."""
    return np.linspace(TINY, 1 - TINY, shared.by_scale(scale, 17, 33, 65))


def experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each case, eigenvalues of matrices made of samples and bags."""
    trials = shared.by_scale(scale, 8, 300, 3000)
    setting = {"d": D, "edges": shared.numbers(edges(scale))}
    return {
        f"psi = {psi}, k = {k}": shared.experiment(
            eigenvalue_density, {**setting, "n": psi * D, "bag_size": k}, seed, trials
        )
        for psi, k in CASES
    }


def bin_heights(psi: float, k: float, ends: Array) -> Array:
    """Mean density of the law in every bin, by the midpoint rule in the angle of b = middle + half cos(angle)."""
    low, high = (float(np.asarray(edge)) for edge in wachter_edges(psi, k))
    angle = np.pi * (np.arange(4000) + 0.5) / 4000
    b = low + (high - low) * np.cos(angle / 2) ** 2
    weight = np.asarray(wachter_density(b, psi, k)) * (high - low) / 2 * np.sin(angle) * np.pi / 4000
    return np.histogram(b, ends, weights=weight)[0] / np.diff(ends)


def draw_wachter(data: FigureData) -> Canvas:
    """(a, b) densities with histograms; (c) the functions of b whose averages are bias and variance."""
    canvas = Canvas(1, 3, size=(7.2, 3.6))
    for column, (psi, k) in enumerate(CASES):
        title = f"({'ab'[column]}) ψ = {psi}, k = {k}"
        words: Any = {"x": "eigenvalue, b", "y": "density" if column == 0 else "", "scales": ("linear", "linear")}
        ax = canvas.panel(f"psi {psi}, k {k}", (0, column), title=title, xlim=(0.0, 1.0), **words)
        _draw_density(canvas, ax, data, psi, k)
    ax = canvas.panel(
        "functions", (0, 2), title="(c) averaged over the law", x="eigenvalue, b", y="", scales=("linear", "log"),
        xlim=(0.0, 1.0),
    )  # fmt: skip
    b = np.linspace(0.0, 1.0, 300)
    for rho, style in zip(WEIGHTS, ("-", (0, (4, 1.5))), strict=True):
        mixed = b + rho * (1 - b)
        for name, line, color in (("w²", (rho * (1 - b) / mixed) ** 2, PALETTE[0]), ("g", b / mixed**2, PALETTE[1])):
            label = f"{name} ({'bias' if name == 'w²' else 'variance'}), ρ = {rho:g}"
            canvas.line(ax, b, np.where(line > 0, line, np.nan), series=label, label=label, color=color, ls=style)
    ax.set_ylim(1e-3, 5.0)
    canvas.key("simulated histogram ± 1 s.e.", ls="", marker="o")
    return canvas


def _draw_density(canvas: Canvas, ax: Axes, data: FigureData, psi: int, k: int) -> None:
    """The law's density, its atom as an arrow of words, the simulated histogram."""
    low, high = (float(np.asarray(edge)) for edge in wachter_edges(psi, k))
    angle = np.linspace(0.0, np.pi, 400)
    b = low + (high - low) * np.sin(angle / 2) ** 2
    density = np.asarray(wachter_density(b, psi, k))
    canvas.line(ax, b, density, series="density", label="limit law (Wachter)", color="0.2")
    height = 1.25 * float(density.max())
    atoms = wachter_atoms(psi, k)
    for place, mass in zip((0.0, 1.0), atoms, strict=True):
        if mass > 0:
            spike: Any = {"color": PALETTE[3], "lw": 3.0, "clip_on": False}
            canvas.line(ax, [place] * 2, [0.0, height], series="atom", label="atom", **spike)
            canvas.text(ax, 0.04, 0.93 * height, f"mass {float(np.asarray(mass)):.2g}", color=PALETTE[3])
    middle = wachter_average(lambda b: b, psi, k)
    ax.set_ylim(0.0, height)
    canvas.line(ax, [middle] * 2, [0.0, 0.85 * height], series="mean", label="mean, 1/k", role="guide")
    moments = shared.measured(canvas, ax, data, f"psi = {psi}, k = {k}")
    if moments is not None:
        ends = edges(data.scale)
        there = bin_heights(psi, k, ends)
        forgiven = SLACK * there.max() / np.maximum(there, 1e-9)
        centres = (ends[1:] + ends[:-1]) / 2
        shared.simulated(canvas, ax, centres, moments, there, forgiven, series="density", color=PALETTE[2], ms=2.8)


FIGURES = (
    FigureSpec(
        id="bag-wachter",
        title="Bias comes from directions that bag means miss, variance from those that they hardly see",
        caption="(a, b) Eigenvalues b of (A1 + A2)^(-1/2) A1 (A1 + A2)^(-1/2), with Gram matrices A1 of bag means "
        "and A2 of within-bag rows. Lines: limit law, with an atom at 0 where bags are fewer than features; points: "
        "histogram of simulated matrices at d = 120, mean with bars of one standard error; a red cross differs from "
        "the law's mean over its bin beyond its interval by more than a tenth of the greatest height. (c) Bias per "
        "signal is (psi <w^2> - <w>^2)/(psi - 1), variance per noise <g>/(psi - 1), averages over the law: w = 1 at b "
        "= 0 falls with b, g = 1 at b = 1 peaks at b = rho/(1 - rho) if rho < 1/2.",
        claims=("ar.E3",),
        experiments=experiments,
        draw=draw_wachter,
    ),
)
