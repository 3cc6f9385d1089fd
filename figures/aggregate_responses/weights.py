"""What the weight of the within-bag spread does: risk, bias and variance along the path from bag to instance level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.aggregate_responses import _shared as shared
from simulations.aggregate_responses import gain_errors, jacobi_errors
from theory.aggregate_responses import limit_risk, optimal_interpolation, ridge_risk

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

D, SAMPLES = 100, 6  # features, samples per feature
BAGS = (2, 3, 5)
SNRS = (0.5, 2.0, 10.0)
LOW, HIGH = 1e-3, 3.0  # weights shown; bag level is 0, instance level 1
WEIGHT = "weight of the within-bag spread, ρ"

# ---------------------------------------------------------------- bag-weight


def weights(scale: Scale) -> Array:
    """Weights that are simulated."""
    return np.geomspace(LOW, HIGH, shared.by_scale(scale, 4, 9, 13))


def weight_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each bag size and SNR, and one of bias and variance for each bag size."""
    trials, plan = shared.by_scale(scale, 40, 400, 4000), {}
    for k in BAGS:
        setting = {"n": SAMPLES * D, "d": D, "bag_size": k, "interpolations": shared.numbers(weights(scale))}
        parts = {**setting, "signal": shared.SIGNAL, "noise_variance": shared.SIGNAL}
        plan[f"parts, k = {k}"] = shared.experiment(jacobi_errors, parts, seed, trials)
        for snr in SNRS:
            powers = {"signal": shared.SIGNAL, "noise_variance": shared.SIGNAL / snr}
            whole = {**setting, **powers, "gains": (1.0,) * weights(scale).size}
            plan[f"SNR = {snr:g}, k = {k}"] = shared.experiment(gain_errors, whole, seed, trials)
    return plan


def draw_weight(data: FigureData) -> Canvas:
    """Top: risk at three SNRs; bottom: bias and variance, which do not depend on the SNR in their own units."""
    canvas = Canvas(2, 6, size=(7.2, 5.8))
    for column, snr in enumerate(SNRS):
        _draw_risk(canvas, data, snr, column)
    grid, at = np.geomspace(LOW, HIGH, 160), weights(data.scale)
    for column, (part, words) in enumerate((("bias", "squared bias / r²"), ("variance", "variance / σ²"))):
        title = f"({'de'[column]}) {part}"
        scales = ("log", "linear" if part == "bias" else "log")
        ax = canvas.panel(part, (1, slice(3 * column, 3 * column + 3)), title=title, x=WEIGHT, y=words, scales=scales)
        for k, color in zip(BAGS, shades(len(BAGS)), strict=True):
            line, there = (
                np.asarray(limit_risk(SAMPLES, k, rho, signal=1.0, noise_variance=1.0))[column] for rho in (grid, at)
            )
            canvas.line(ax, grid, line, series=f"k = {k}", label=f"bags of k = {k}", color=color)
            moments = shared.measured(canvas, ax, data, f"parts, k = {k}")
            if moments is not None:
                values = moments.select((..., column)).linear(1 / shared.SIGNAL)
                forgiven = 2 * shared.slack(D, SAMPLES, k)  # either part deviates more than their sum
                shared.simulated(canvas, ax, at, values, there, forgiven, series=f"k = {k}", color=color)
    canvas.key("best weight", ls="", marker="*", ms=8, mfc="white")
    canvas.key("best ridge on the bag means", ls=(0, (1, 1.5)), lw=1.1)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


def _draw_risk(canvas: Canvas, data: FigureData, snr: float, column: int) -> None:
    """Risk against the weight at one SNR: lines, best weights, floors, points."""
    grid, at = np.geomspace(LOW, HIGH, 160), weights(data.scale)
    ax = canvas.panel(
        f"SNR {snr:g}",
        (0, slice(2 * column, 2 * column + 2)),
        title=f"({'abc'[column]}) SNR = {snr:g}",
        x="weight, ρ",
        y=shared.RISK if column == 0 else "",
    )
    for k, color in zip(BAGS, shades(len(BAGS)), strict=True):
        powers: Any = {"signal": 1.0, "noise_variance": 1 / snr}
        line, there = (np.asarray(limit_risk(SAMPLES, k, rho, **powers).total) for rho in (grid, at))
        canvas.line(ax, grid, line, series=f"k = {k}", color=color)
        floor = float(np.asarray(ridge_risk(SAMPLES, k, **powers)))
        canvas.line(ax, [LOW, HIGH], [floor] * 2, series=f"ridge, k = {k}", color=color, ls=(0, (1, 1.5)), lw=1.1)
        moments = shared.measured(canvas, ax, data, f"SNR = {snr:g}, k = {k}")
        if moments is not None:
            values, forgiven = moments.linear(1 / shared.SIGNAL), shared.slack(D, SAMPLES, k)
            shared.simulated(canvas, ax, at, values, there, forgiven, series=f"k = {k}", color=color)
        best = optimal_interpolation(SAMPLES, k, snr)
        star: Any = {"ls": "", "marker": "*", "ms": 8, "mfc": "white", "zorder": 4}
        place: Any = ([best.interpolation], [best.total])
        canvas.line(ax, *place, series=f"best, k = {k}", color=color, **star)


# ---------------------------------------------------------------- bag-bias

FEATURES, BAG = 300, 3
RATIOS = (1.2, 1.5, 2.0, 4.0)


def bias_weights(scale: Scale) -> Array:
    """Weights that are simulated."""
    return np.geomspace(1e-3, 1e3, shared.by_scale(scale, 5, 13, 19))


def bias_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each number of samples per feature."""
    trials = shared.by_scale(scale, 40, 400, 4000)
    setting = {"d": FEATURES, "bag_size": BAG, "interpolations": shared.numbers(bias_weights(scale))}
    powers = {"signal": shared.SIGNAL, "noise_variance": 0.4}
    return {
        f"psi = {psi:g}": shared.experiment(
            jacobi_errors, {**setting, **powers, "n": round(psi * FEATURES)}, seed, trials
        )
        for psi in RATIOS
    }


def draw_bias(data: FigureData) -> Canvas:
    """Squared bias against the weight, below and above as many samples per feature as there are in a bag."""
    canvas = Canvas(1, 1, size=(5.8, 4.0))
    title = f"bags of k = {BAG}"
    ax = canvas.panel("bias", title=title, x=WEIGHT, y="squared bias / signal, B / r²", scales=("log", "linear"))
    grid, at = np.geomspace(1e-3, 1e3, 300), bias_weights(data.scale)
    for psi, color in zip(RATIOS, PALETTE, strict=False):
        label = f"ψ = {psi:g} {'<' if psi < BAG else '>'} k"
        line, there = (np.asarray(limit_risk(psi, BAG, rho, signal=1.0, noise_variance=0.0).bias) for rho in (grid, at))
        canvas.line(ax, grid, line, series=f"ψ = {psi:g}", label=label, color=color)
        low = int(np.argmin(line))
        if 0 < low < grid.size - 1:
            lowest: Any = {"ls": "", "marker": "v", "ms": 6, "mfc": "white", "zorder": 4}
            canvas.line(ax, [grid[low]], [line[low]], series=f"least, ψ = {psi:g}", color=color, **lowest)
        moments = shared.measured(canvas, ax, data, f"psi = {psi:g}")
        if moments is not None:
            values, forgiven = moments.select((..., 0)).linear(1 / shared.SIGNAL), shared.slack(FEATURES, psi, BAG)
            shared.simulated(canvas, ax, at, values, there, 2 * forgiven, series=f"ψ = {psi:g}", color=color)
    canvas.line(ax, [1.0, 1.0], [0.0, 2.0], series="instance level", label="instance level, ρ = 1", role="guide")
    ax.set_ylim(-0.04, 1.95)
    canvas.key("least bias", ls="", marker="v", ms=6, mfc="white")
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


FIGURES = (
    FigureSpec(
        id="bag-weight",
        title="More weight on the within-bag spread: variance falls, bias rises, a weight in between is best",
        caption="Excess risk of the interpolating estimator against its weight (0 is bag level, 1 instance level), "
        "psi = n/d = 6 samples per feature. Lines: proportional limit, one colour a bag size; stars: best weight; "
        "dotted: the best ridge on the bag means, which no weight beats. Points: simulation at d = 100, mean with bars "
        "of one standard error; a red cross deviates beyond its interval by more than the finite size explains, "
        "1.5/(d gap) with gap the distance of psi/k from 1 (at most 1), twice that for bias or variance alone.",
        claims=("ar.M1", "ar.M2", "ar.T3", "ar.T4"),
        experiments=weight_experiments,
        draw=draw_weight,
    ),
    FigureSpec(
        id="bag-bias",
        title="More regularisation, less bias: with fewer samples per feature than in a bag the bias falls first",
        caption="Squared bias of the interpolating estimator against its weight, bags of 3. Lines: proportional limit; "
        "triangles: least bias. For psi = n/d >= k the bias only rises; for psi < k it falls first. Points: "
        "simulation at d = 300, mean with bars of one standard error, which lie above the lines by up to 1.5 % near "
        "psi = 1; a red cross deviates beyond its interval by more than 3/(d gap), gap the distance of psi or psi/k "
        "from 1, at most 1.",
        claims=("ar.M2", "ar.M2.always"),
        experiments=bias_experiments,
        draw=draw_bias,
    ),
)
