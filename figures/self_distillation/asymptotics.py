"""The proportional limit: risk against ridge, step, aspect ratio and signal-to-noise ratio."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, PLAIN, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.self_distillation import _shared as shared
from simulations.self_distillation import distilled_risks, two_step_risks
from theory.self_distillation import bayes_ridge, excess_risk, limit_excess_risk, optimal_mixing, risk_terms

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

LAW: dict[str, Any] = {"spectrum": ("ar1", 0.25), "signal": ("top", 0.1, 0.9), "signal_power": 1.0}
SIZES = {"quick": (100, 50), "standard": (400, 200), "paper": (400, 200)}


def tuned(terms: Array) -> Array:
    """Risk of the best mixture from (..., [A, B, C, A - C, A + B - 2C])."""
    return terms[..., 0] - terms[..., 3] ** 2 / terms[..., 4]


def weight(terms: Array) -> Array:
    """Best mixing weight xi* of the same."""
    return terms[..., 3] / terms[..., 4]


# ---------------------------------------------------------------- risk against the ridge


def curve_setting(scale: Scale) -> dict[str, Any]:
    """One aspect ratio, all ridges."""
    samples, features = SIZES[scale]
    ridges = tuple(float(r) for r in np.geomspace(1e-3, 200.0, shared.by_scale(scale, 7, 17, 50)))
    return {**LAW, "noise_variance": 1.0, "samples": samples, "features": features, "ridges": ridges}


def curve_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for all ridges."""
    experiment, count = shared.experiment(
        two_step_risks, curve_setting(scale), seed, shared.by_scale(scale, 24, 100, 400)
    )
    return {"curves": (shared.kept(experiment), count)}


def draw_risk_curves(data: FigureData) -> Canvas:
    """Risks of ridge, pure and tuned student against the ridge, and the weight of the tuned one."""
    canvas = Canvas(1, 2, size=(7.2, 3.7))
    setting = curve_setting(data.scale)
    law, ridges = shared.population(setting), np.array(setting["ridges"])
    left = canvas.panel(
        "risk",
        (0, 0),
        title="(a) excess risk",
        x=shared.RIDGE,
        y="excess risk",
        scales=("log", "linear"),
        ylim=(0.25, 1.75),
    )
    right = canvas.panel(
        "weight",
        (0, 1),
        title="(b) best weight of the own fits",
        x=shared.RIDGE,
        y="ξ* = 1 − α*",
        scales=("log", "asinh"),
    )
    fine = np.geomspace(1e-3, 200.0, 161)

    def lines(at: Array) -> tuple[Array, ...]:
        terms, best = risk_terms(*law, at), optimal_mixing(*law, at)
        return tuple(np.asarray(v) for v in (terms.ridge, terms.distilled, best.excess_risk, best.mixing))

    panels = (left, left, left, right)
    names = ("ridge", "distilled without true targets", "distilled, best weight", "best weight")
    colors = ("0.3", PALETTE[1], PALETTE[0], PALETTE[0])
    parts = (lambda t: t[..., 0], lambda t: t[..., 1], tuned, weight)
    for ax, name, color, line in zip(panels, names, colors, lines(fine), strict=True):
        canvas.line(ax, fine, line, series=name, label=name if ax is left else "", color=color)
    canvas.line(right, (1e-3, 200.0), (0.0, 0.0), series="zero", role="guide")
    least = fine[np.argmin(lines(fine)[0])]
    canvas.line(right, (least, least), (-100.0, 200.0), series="best ridge", role="guide")
    canvas.line(left, (least, least), (0.25, 1.75), series="best ridge", label="best ridge", role="guide")
    right.set_ylim(-150.0, 300.0)
    ticks = [sign * size for size in (100.0, 10.0, 1.0) for sign in (-1, 1)]
    right.yaxis.set_major_locator(FixedLocator([*ticks, 0.0]))
    right.yaxis.set_major_formatter(PLAIN)
    right.yaxis.set_minor_locator(NullLocator())
    shared.measured(canvas, left, data, "curves")
    samples = data.samples.get("curves")
    if samples is not None:
        slack = shared.SLACK / setting["samples"]
        for ax, name, color, part, theory in zip(panels, names, colors, parts, lines(ridges), strict=True):
            allowed = slack if ax is left else slack * (1 + np.abs(theory)) / np.abs(theory)
            values = shared.jackknife(samples, part)
            shared.judged(canvas, ax, ridges, values, len(samples), theory, allowed, series=name, color=color)
    canvas.key(shared.SPREAD, ls="", marker="o")
    return canvas


# ---------------------------------------------------------------- risk against the step

STEP_RIDGE, STEP_NOISE = 0.05, 0.5
STEP_ALPHAS = (0.0, 0.02, 0.1, 0.3, 1.0)
LAST = 50
SHOWN = (1, 2, 3, 4, 6, 9, 13, 20, 32, 50)
WIDTHS = ("p = n/2", "p = 2n")


def step_setting(scale: Scale, wide: bool) -> dict[str, Any]:
    """All weights at once, at an aspect ratio of 1/2 or 2."""
    samples, features = SIZES[scale]
    schedules = tuple((alpha,) * (LAST - 1) for alpha in STEP_ALPHAS)
    sizes = {"samples": samples, "features": 4 * features if wide else features}
    return {**LAW, **sizes, "noise_variance": STEP_NOISE, "ridges": (STEP_RIDGE,), "alphas": schedules}


def step_experiments(scale: Scale, seed: int) -> Plan:
    """Both aspect ratios."""
    trials = shared.by_scale(scale, 8, 40, 200)
    return {
        name: shared.experiment(distilled_risks, step_setting(scale, wide), seed, trials)
        for name, wide in zip(WIDTHS, (False, True), strict=True)
    }


def draw_steps(data: FigureData) -> Canvas:
    """Excess risk against the step for several weights, with the limits."""
    canvas = Canvas(1, 2, size=(7.2, 3.7))
    steps, shown = np.arange(1, LAST + 1), np.array(SHOWN)
    for column, (name, wide) in enumerate(zip(WIDTHS, (False, True), strict=True)):
        setting = step_setting(data.scale, wide)
        law = shared.population(setting)
        title = f"({'ab'[column]}) {name}, λ = {STEP_RIDGE:g}, divided by n"
        words: Any = {"x": "step, t", "y": "excess risk" if column == 0 else "", "scales": ("log", "linear")}
        ax = canvas.panel(name, (0, column), title=title, **words)
        moments = shared.measured(canvas, ax, data, name)
        for row, (alpha, color) in enumerate(zip(STEP_ALPHAS, (*PALETTE[:4], "0.3"), strict=True)):
            series = f"alpha = {alpha:g}"
            line = np.asarray(excess_risk(*law, STEP_RIDGE, (alpha,) * (LAST - 1)).total)
            canvas.line(ax, steps, line, series=series, label=f"α = {alpha:g}", color=color)
            if alpha > 0:
                level = float(limit_excess_risk(*law, STEP_RIDGE, alpha).total)
                look: Any = {"color": color, "ls": (0, (4, 2)), "lw": 1.1}
                canvas.line(ax, (LAST, 2 * LAST), (level, level), series=f"limit, {series}", **look)
            if moments is not None:
                values, slack = moments.select((row, 0, shown - 1, 0)), shared.SLACK / setting["samples"]
                shared.simulated(canvas, ax, shown, values, line[shown - 1], slack, series=series, color=color)
        shared.step_axis(ax, (1, 2, 5, 10, 20, 50), 2.0 * LAST)
    canvas.key("ridge regression at λ/α", ls=(0, (4, 2)), lw=1.1)
    canvas.key(shared.SPREAD, ls="", marker="o")
    return canvas


# ---------------------------------------------------------------- the map of gains

MAP_RIDGES = (1e-3, 1e6)
MAP_NOISE = 0.5
MAP_SAMPLES = {"quick": 60, "standard": 200, "paper": 200}


def map_axis(scale: Scale) -> Array:
    """Aspect ratios and signal-to-noise ratios of the theory."""
    return np.geomspace(0.1, 10.0, shared.by_scale(scale, 9, 31, 50))


def cell_axis(scale: Scale) -> tuple[float, ...]:
    """Those of the simulation."""
    return tuple(float(v) for v in np.geomspace(0.1, 10.0, shared.by_scale(scale, 3, 7, 9)))


def map_setting(scale: Scale, gamma: float, snr: float) -> dict[str, Any]:
    """One cell: the two fixed ridges, and the best one between them."""
    samples = MAP_SAMPLES[scale]
    sizes = {"samples": samples, "features": round(gamma * samples)}
    best = float(bayes_ridge(snr * MAP_NOISE, MAP_NOISE, sizes["features"] / samples))
    ridges = (MAP_RIDGES[0], best, MAP_RIDGES[1])
    return {**sizes, "signal_power": snr * MAP_NOISE, "noise_variance": MAP_NOISE, "ridges": ridges}


def map_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment a cell."""
    plan = {}
    for gamma in cell_axis(scale):
        for snr in cell_axis(scale):
            trials = shared.by_scale(scale, 8, 8, 100)
            experiment, count = shared.experiment(two_step_risks, map_setting(scale, gamma, snr), seed, trials)
            plan[f"p/n = {gamma:.3g}, SNR = {snr:.3g}"] = (shared.kept(experiment), count)
    return plan


def lost(terms: Array, column: int) -> Array:
    """Relative excess of the tuned student at ridge `column` of a cell over the best ridge, from its terms."""
    return tuned(terms[column]) / terms[1, 0] - 1


def lost_limit(gamma: float, snr: float) -> Array:
    """The same in the limit, for both ridges."""
    law = ([1.0], [snr * MAP_NOISE], MAP_NOISE, gamma)
    best = float(bayes_ridge(snr * MAP_NOISE, MAP_NOISE, gamma))
    risk = float(np.asarray(risk_terms(*law, best).ridge))
    return np.asarray(optimal_mixing(*law, np.array(MAP_RIDGES)).excess_risk) / risk - 1


def draw_gain_map(data: FigureData) -> Canvas:
    """Rows: theory, simulation; columns: the two ridges."""
    canvas = Canvas(2, 2, size=(6.4, 5.6))
    axis, cells = map_axis(data.scale), np.array(cell_axis(data.scale))
    theory = np.array([[lost_limit(gamma, snr) for gamma in axis] for snr in axis])
    exact = np.array([[lost_limit(gamma, snr) for gamma in cells] for snr in cells])
    norm, meshes = LogNorm(1e-3, 1.0), []
    for column, ridge in enumerate(MAP_RIDGES):
        look: Any = {"norm": norm, "cmap": "magma"}
        words = ("tiny ridge, λ = 0.001", "huge ridge, λ = 10⁶")[column]
        for row, kind in enumerate(("theory", "simulation")):
            ax = canvas.panel(
                f"{kind}, ridge {ridge:g}",
                (row, column),
                title=f"({'ab'[column]}) {words}" if row == 0 else "",
                x="features per sample, p/n" if row else "",
                y=f"{kind}\nsignal-to-noise ratio" if column == 0 else "",
            )
            if row == 0:
                meshes.append(canvas.image(ax, axis, axis, theory[..., column], series="lost", **look))
                continue
            values, bad = _cells(canvas, ax, data, column, exact[..., column])
            if np.isfinite(values).any():
                canvas.image(ax, cells, cells, values, series="lost", role="simulation", crossed=bad, **look)
            ax.set(xlim=canvas.axes[f"theory, ridge {ridge:g}"].get_xlim())
            ax.set(ylim=canvas.axes[f"theory, ridge {ridge:g}"].get_ylim())
    words = "excess risk of the tuned student over that of the best ridge, − 1"
    canvas.colorbar(meshes[0], list(canvas.axes.values()), words, extend="both")
    return canvas


def _cells(canvas: Canvas, ax: Any, data: FigureData, column: int, expected: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Simulated cells of one ridge, and which of them refute."""
    cells = cell_axis(data.scale)
    values, bad = np.full(expected.shape, np.nan), np.zeros(expected.shape, dtype=bool)
    for i, snr in enumerate(cells):
        for j, gamma in enumerate(cells):
            name = f"p/n = {gamma:.3g}, SNR = {snr:.3g}"
            samples = data.samples.get(name)
            if samples is None:
                shared.measured(canvas, ax, data, name)
                continue
            values[i, j], error = shared.jackknife(samples, lambda terms: lost(terms, 2 * column))
            sizes = map_setting(data.scale, gamma, snr)
            slack = shared.SLACK / min(sizes["samples"], sizes["features"])  # of the risk, so of 1 + what is lost
            bad[i, j] = refuted(1 + values[i, j], 1 + expected[i, j], error, len(samples), slack)
    return values, bad


AVERAGED = """Points: simulation, the noise averaged over, means with bars of one standard error; a red cross would be a
point beyond its interval by more than the finite size explains."""
TASK = "Linear regression on Gaussian inputs, AR(1) covariance 0.25^|i−j|, the top tenth of the directions having nine \
tenths of the signal."

FIGURES = (
    FigureSpec(
        id="distillation-risk-curves",
        title="One distillation with the best weight repairs a wrong ridge",
        caption=" ".join(
            f"""{TASK} n = 400, p = 200 (100, 50 at quick scale), noise variance 1, signal power 1. Lines: the limit of
            many samples; the tuned student mixes ridge regression and its student without true targets with the weight
            ξ* of (b), which is far outside [0, 1] where the ridge is far from the best (dashed). {AVERAGED}""".split()
        ),
        claims=("sd.O2", "sd.R1", "sd.R5"),
        experiments=curve_experiments,
        draw=draw_risk_curves,
    ),
    FigureSpec(
        id="distillation-steps",
        title="Own fits help for a few steps and then unlearn; a share of true targets stops that",
        caption=" ".join(
            f"""{TASK} n = 400 (100 at quick scale), noise variance {STEP_NOISE:g}. Lines: the limit of many samples at
            each step, for several weights α of the true targets; dashes: infinitely many steps, ridge regression
            with λ/α. {AVERAGED}""".split()
        ),
        claims=("sd.R1", "sd.R2", "sd.R3"),
        experiments=step_experiments,
        draw=draw_steps,
    ),
    FigureSpec(
        id="distillation-gain-map",
        title="How close one tuned distillation at an absurd ridge comes to the best ridge",
        caption="Isotropic inputs and signal: relative excess of the risk of the optimally weighted student, at a "
        "tiny and at a huge ridge (divided by n), over that of the best ridge, which no student beats here. Rows: "
        "theory in the limit of many samples, and simulation at n = 200 (60 at quick scale) on a coarser grid; a red "
        "cross would be a cell that refutes the limit. Colours are logarithmic and end at 0.001.",
        claims=("sd.R4", "sd.R6"),
        experiments=map_experiments,
        draw=draw_gain_map,
    ),
)
