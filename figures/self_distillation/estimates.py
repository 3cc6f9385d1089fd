"""The best weight and the student's error from training data alone: corrected and naive cross-validation, refits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.self_distillation import _shared as shared
from figures.self_distillation._measures import left_out_terms
from simulations.self_distillation import two_step_estimates
from theory.self_distillation import naive_gcv_limits, optimal_mixing, risk_terms

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

ISOTROPIC: dict[str, Any] = {"signal_power": 1.0, "noise_variance": 1.0}
WIDTHS = {"p = n/2": 0.5, "p = 2n": 2.0}
WAYS = ("truth", "corrected", "naive")  # in the order of the measure
COLORS = {"truth": "black", "corrected": PALETTE[0], "naive": PALETTE[1], "left out": PALETTE[2]}
HOLLOW: dict[str, Any] = {"fmt": "D", "ms": 4.5, "fillstyle": "none"}


def weight(terms: Array) -> Array:
    """xi* of (..., [A, B, C])."""
    a, b, c = np.moveaxis(terms, -1, 0)
    return (a - c) / (a + b - 2 * c)


def tuned(terms: Array) -> Array:
    """Risk at xi* of (..., [A, B, C])."""
    a, b, c = np.moveaxis(terms, -1, 0)
    return a - (a - c) ** 2 / (a + b - 2 * c)


def naive_limit(law: shared.Law, ridges: Array) -> Array:
    """Limits of the naive estimates of A, B, C, test noise included: (ridges, 3)."""
    return np.stack([np.asarray(term) for term in naive_gcv_limits(*law, ridges)], axis=-1)


# ---------------------------------------------------------------- the weight


def gcv_setting(scale: Scale, gamma: float) -> dict[str, Any]:
    """Isotropic inputs, the estimates that need no refits."""
    samples = shared.by_scale(scale, 100, 400, 1000)
    ridges = tuple(float(r) for r in np.geomspace(0.1, 10.0, shared.by_scale(scale, 4, 11, 21)))
    return {**ISOTROPIC, "samples": samples, "features": round(gamma * samples), "ridges": ridges}


def left_out_setting(scale: Scale, gamma: float) -> dict[str, Any]:
    """The same at a size at which every point can be left out."""
    samples = shared.by_scale(scale, 30, 40, 200)
    ridges = tuple(float(r) for r in np.geomspace(0.13, 8.0, shared.by_scale(scale, 2, 4, 9)))
    return {**ISOTROPIC, "samples": samples, "features": round(gamma * samples), "ridges": ridges}


def gcv_experiments(scale: Scale, seed: int) -> Plan:
    """Estimates, and refits without each point, for both aspect ratios."""
    trials, refits = shared.by_scale(scale, 16, 60, 200), shared.by_scale(scale, 16, 160, 200)
    plan: dict[str, Any] = {}
    for name, gamma in WIDTHS.items():
        experiment, count = shared.experiment(two_step_estimates, gcv_setting(scale, gamma), seed, trials)
        plan[name] = (shared.kept(experiment), count)
        experiment, count = shared.experiment(left_out_terms, left_out_setting(scale, gamma), seed, refits)
        plan[f"{name}, left out"] = (shared.kept(experiment), count)
    return plan


def draw_gcv(data: FigureData) -> Canvas:
    """The best weight against the ridge: limits of truth and of the naive form, and four simulations."""
    canvas = Canvas(1, 2, size=(7.2, 3.8))
    fine = np.geomspace(0.1, 10.0, 81)
    for column, (name, gamma) in enumerate(WIDTHS.items()):
        title = f"({'ab'[column]}) {name}"
        words: Any = {"x": shared.RIDGE, "y": "weight of the own fits, ξ*" if column == 0 else ""}
        ax = canvas.panel(name, (0, column), title=title, scales=("log", "linear"), **words)
        setting = gcv_setting(data.scale, gamma)
        law = shared.population(setting)

        def limit(way: str, at: Array, law: shared.Law = law) -> Array:
            return weight(naive_limit(law, at)) if way == "naive" else np.asarray(optimal_mixing(*law, at).mixing)

        canvas.line(ax, (0.1, 10.0), (0.0, 0.0), series="zero", role="guide")
        canvas.line(ax, fine, limit("truth", fine), series="truth", label="best weight", color="black")
        canvas.line(ax, fine, limit("naive", fine), series="naive", label="limit of the naive form", color=PALETTE[1])
        shared.measured(canvas, ax, data, name)
        shared.measured(canvas, ax, data, f"{name}, left out")
        samples, refits = data.samples.get(name), data.samples.get(f"{name}, left out")
        looks = {"truth": {"fmt": "s", "ms": 5.5, "fillstyle": "none"}, "corrected": {}, "naive": {"fmt": "D"}}
        for row, way in enumerate(WAYS):
            if samples is None:
                break
            ridges = np.array(setting["ridges"])
            theory = limit(way, ridges)
            # the weight is a ratio of small differences: its error is relative to 1 + |xi*|
            slack = shared.SLACK / setting["samples"] * (1 + np.abs(theory)) / np.abs(theory)
            values = shared.jackknife(samples, lambda mean, row=row: weight(mean[:, row]))
            look: Any = {"color": COLORS[way], **looks[way]}
            shared.judged(
                canvas,
                ax,
                ridges,
                values,
                len(samples),
                theory,
                slack,
                series=f"simulated, {way}",
                **look,
            )
        if refits is not None:
            small = left_out_setting(data.scale, gamma)
            ridges = np.array(small["ridges"])
            theory = limit("truth", ridges)
            slack = shared.SLACK / small["samples"] * (1 + np.abs(theory)) / np.abs(theory)
            values, series = shared.jackknife(refits, weight), "simulated, left out"
            style: Any = {"color": COLORS["left out"], "fmt": "^", "ms": 4.5, "zorder": 4}
            shared.judged(canvas, ax, ridges, values, len(refits), theory, slack, series=series, **style)
    canvas.key("simulated truth", ls="", marker="s", ms=5, mfc="white", color="black")
    canvas.key("corrected cross-validation", ls="", marker="o", color=COLORS["corrected"])
    canvas.key("naive cross-validation", ls="", marker="D", color=COLORS["naive"])
    canvas.key("refits without each point", ls="", marker="^", ms=4.5, color=COLORS["left out"])
    return canvas


# ---------------------------------------------------------------- the error of the tuned student

SPIKED: dict[str, Any] = {"spectrum": ("spikes", 5.0)}
NOISE = 0.5
RATIOS = (0.2, 0.5, 1.0, 3.0, 5.0)


def estimate_setting(scale: Scale, snr: float) -> dict[str, Any]:
    """One spike, isotropic signal of `snr` times the noise variance."""
    samples = shared.by_scale(scale, 60, 200, 200)
    ridges = tuple(float(r) for r in np.geomspace(0.01, 50.0, shared.by_scale(scale, 4, 11, 30)))
    sizes = {"samples": samples, "features": 2 * samples, "ridges": ridges}
    return {**SPIKED, **sizes, "signal_power": snr * NOISE, "noise_variance": NOISE}


def estimate_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each signal-to-noise ratio."""
    plan: dict[str, Any] = {}
    for snr in RATIOS:
        trials = shared.by_scale(scale, 16, 30, 30)
        experiment, count = shared.experiment(two_step_estimates, estimate_setting(scale, snr), seed, trials)
        plan[f"SNR = {snr:g}"] = (shared.kept(experiment), count)
    return plan


def reached(terms: Array, way: str) -> Array:
    """True test error at the weight picked in the `way`, in noise variances, from (..., ways, [A, B, C])."""
    a, b, c = np.moveaxis(terms[..., 0, :], -1, 0)
    xi = weight(terms[..., WAYS.index(way), :])
    return (a - 2 * xi * (a - c) + xi**2 * (a + b - 2 * c)) / NOISE


def reached_limit(law: shared.Law, ridges: Array) -> Array:
    """The limit of the same for the naive way: the optimum, and the parabola's rise up to the weight picked."""
    best, terms = optimal_mixing(*law, ridges), risk_terms(*law, ridges)
    curvature = np.asarray(terms.ridge) + np.asarray(terms.distilled) - 2 * np.asarray(terms.cross)
    rise = curvature * (weight(naive_limit(law, ridges)) - np.asarray(best.mixing)) ** 2
    return (np.asarray(best.excess_risk) + rise + NOISE) / NOISE


def draw_estimates(data: FigureData) -> Canvas:
    """Left: the tuned student's error as estimated; right: as it is, at the weights picked in two ways."""
    canvas = Canvas(1, 2, size=(7.2, 3.9))
    fine = np.geomspace(0.01, 50.0, 101)
    titles = ("(a) estimate, corrected", "(b) true error, weights as picked")
    for column, title in enumerate(titles):
        words: Any = {"x": shared.RIDGE, "y": "test error / noise variance" if column == 0 else ""}
        ax = canvas.panel(title, (0, column), title=title, scales=("log", "linear"), **words)
        for snr, color in zip(RATIOS, shades(len(RATIOS)), strict=True):
            name = f"SNR = {snr:g}"
            setting = estimate_setting(data.scale, snr)
            law, ridges = shared.population(setting), np.array(setting["ridges"])
            truth = [(np.asarray(optimal_mixing(*law, at).excess_risk) + NOISE) / NOISE for at in (fine, ridges)]
            canvas.line(ax, fine, truth[0], series=f"truth, {name}", label=name, color=color)
            if column == 1:
                dotted: Any = {"color": color, "ls": (0, (1, 1.5)), "lw": 1.3}
                canvas.line(ax, fine, reached_limit(law, fine), series=f"naive, {name}", **dotted)
            shared.measured(canvas, ax, data, name)
            if name not in data.samples:
                continue
            samples, slack = data.samples[name], shared.SLACK / setting["samples"]
            cases = [(f"corrected, {name}", truth[1], lambda mean: tuned(mean[:, 1]) / NOISE, {})]
            if column == 1:
                cases = [
                    (f"corrected, {name}", truth[1], lambda mean: reached(mean, "corrected"), {}),
                    (f"naive, {name}", reached_limit(law, ridges), lambda mean: reached(mean, "naive"), HOLLOW),
                ]
            for series, theory, function, look in cases:
                values = shared.jackknife(samples, function)
                shared.judged(
                    canvas, ax, ridges, values, len(samples), theory, slack, series=series, color=color, **look
                )
    canvas.key("naive weight, limit", ls=(0, (1, 1.5)), lw=1.3)
    canvas.key("corrected, simulated", ls="", marker="o")
    canvas.key("naive, simulated", ls="", **{"marker": "D", "ms": 4.0, "mfc": "white"})
    return canvas


FIGURES = (
    FigureSpec(
        id="gcv-distilled",
        title="Which weight cross-validation picks: corrected, naive, and by refits",
        caption="Best weight ξ* = 1 − α* of the student's own fits in one distillation, against the ridge (divided "
        "by n); isotropic inputs, signal power and noise variance 1, n = 400 (100 at quick scale). Lines: limits of "
        "many samples, of the truth and of the naive estimate, which treats the twice-applied hat matrix as one. "
        "Points: simulation, ratios of means with bars of one standard error: the truth (open squares), corrected "
        "and naive estimates, and refits of both steps without each point at n = 40 (30).",
        claims=("sd.O6", "sd.O7", "sd.O8.naive"),
        experiments=gcv_experiments,
        draw=draw_gcv,
    ),
    FigureSpec(
        id="distillation-estimates",
        title="The tuned student's error from its training data, and what a wrong estimate costs",
        caption="Test error of the optimally weighted student against the ridge (divided by n), in units of the "
        "noise variance, for several signal-to-noise ratios; covariance with one spike of 5, p = 2n, n = 200 (60 at "
        "quick scale). Solid lines: limit of many samples at the best weight. (a) Points: simulation, its corrected "
        "estimate from training data. (b) Points: true error at the weight picked by corrected (filled) and by naive "
        "(open) cross-validation; dotted: limit of the latter. Bars of one standard error.",
        claims=("sd.O7", "sd.O8.naive", "sd.O2"),
        experiments=estimate_experiments,
        draw=draw_estimates,
    ),
)
