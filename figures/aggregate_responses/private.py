"""Label privacy: which bag size is best, what clipping and noise cost, and what ridge regression makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from assay.moments import Moments
from figures.aggregate_responses import _shared as shared
from simulations.aggregate_responses import bag_errors, gain_errors, jacobi_errors, private_errors
from theory.aggregate_responses import (
    bag_size_threshold,
    clipping_threshold,
    laplace_scale,
    limit_risk,
    optimal_bag_size,
    optimal_bag_size_limit,
    optimal_interpolation,
    private_ridge_floor,
    private_risk,
)

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

RATIO = 20  # samples per feature in all figures
POWERS: Any = {"signal": 1.0, "noise_variance": 0.5}
CLIPPING = 1.01 * 3**0.5  # C, just above the square root of 2 (r^2 + sigma^2)
ADJACENCY = "zero-out"  # the printed scale of the noise


def level(n: int) -> float:
    """Clipping level T = C sqrt(ln n)."""
    return float(np.asarray(clipping_threshold(n, CLIPPING)))


def noise_per_label(k: Any, epsilon: Any, n: int) -> Array:
    """Label noise with that of privacy, sigma^2 + 2 k b^2 with the Laplace scale b."""
    scale = np.asarray(laplace_scale(level(n), k, epsilon, adjacency=ADJACENCY))
    return np.asarray(POWERS["noise_variance"] + 2 * np.asarray(k) * scale**2)


# ---------------------------------------------------------------- bag-private-size

FEW, LARGEST = 5, 10  # bag sizes compared in the limit and at finite n
N, D = 2520, 126
SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)  # they all divide n
EPSILONS = (0.5, 1.0, 2.0)
LOW, HIGH = 1e-3, 10.0


def weights(scale: Scale) -> Array:
    """Weights that are simulated."""
    return np.geomspace(2e-3, 5.0, shared.by_scale(scale, 5, 12, 18))


def size_experiments(scale: Scale, seed: int) -> Plan:
    """Bias and variance for every bag size: the noise of privacy only scales the variance."""
    trials, setting = shared.by_scale(scale, 40, 400, 4000), {"n": N, "d": D, "signal": 1.0, "noise_variance": 0.5}
    setting |= {"interpolations": shared.numbers(weights(scale))}
    return {
        f"k = {k}": shared.experiment(jacobi_errors, {**setting, "bag_size": k}, seed, trials)
        for k in (SIZES[:FEW] if scale == "quick" else SIZES)
    }


def draw_private_size(data: FigureData) -> Canvas:
    """(a) risk in the limit, (b) the best bag size against the weight, (c) where it jumps against the samples."""
    canvas = Canvas(1, 3, size=(7.2, 4.5), ratios=(1.0, 1.0, 0.9))
    grid, at = np.geomspace(LOW, HIGH, 240), weights(data.scale)
    left = canvas.panel(
        "limit", (0, 0), title=f"(a) limit, ψ = {RATIO}", x="weight, ρ", y="risk / privacy noise, V / k"
    )
    for k, color in zip(SIZES[:FEW], shades(FEW), strict=True):
        line, there = (
            np.asarray(limit_risk(RATIO, k, rho, signal=0.0, noise_variance=1 / k).variance) for rho in (grid, at)
        )
        canvas.line(left, grid, line, series=f"k = {k}", label=f"k = {k}", color=color)
        moments = shared.measured(canvas, left, data, f"k = {k}")
        if moments is not None:
            values = moments.select((..., 1)).linear(1 / (k * POWERS["noise_variance"]))
            forgiven = 2 * shared.slack(D, RATIO, k)
            shared.simulated(canvas, left, at, values, there, forgiven, series=f"k = {k}", color=color, ms=2.6)
    edge = float(np.asarray(bag_size_threshold(RATIO, FEW)))
    left.set_ylim(5e-4, 0.12)
    shared.vertical(canvas, left, [edge], series="jump", label=f"k = {FEW} overtakes k = 1")
    _draw_best_size(canvas, data, grid)
    _draw_jump(canvas)
    return canvas


def best_sizes(data: FigureData, epsilon: float) -> Array | None:
    """The bag size of least mean simulated risk at each weight; None if an experiment is missing."""
    names = list(size_experiments(data.scale, data.seed))
    if any(name not in data.moments for name in names):
        return None
    sizes = np.arange(1, len(names) + 1)
    noise = noise_per_label(sizes, epsilon, N) / POWERS["noise_variance"]
    means = [data.moments[name].mean for name in names]
    risks = np.array([mean[:, 0] + factor * mean[:, 1] for mean, factor in zip(means, noise, strict=True)])
    return sizes[np.argmin(risks, axis=0)].astype(float)


def _draw_best_size(canvas: Canvas, data: FigureData, grid: Array) -> None:
    """Steps of the best bag size, in the limit and at finite n."""
    largest = len(size_experiments(data.scale, data.seed))
    scales = ("log", "linear")
    title = f"(b) best of k = 1 … {largest}"
    ax = canvas.panel("best", (0, 1), title=title, x="weight, ρ", y="best bag size, k", scales=scales)
    limit = np.asarray(optimal_bag_size_limit(RATIO, largest, grid).bag_size, dtype=float)
    canvas.line(ax, grid, limit, series="limit", label="limit ln n → ∞", color="0.15", lw=2.0, drawstyle="steps-mid")
    for place, (epsilon, color) in enumerate(zip(EPSILONS, PALETTE, strict=False)):
        label, lift = f"n = {N}, ε = {epsilon:g}", 0.09 * (place - 1)  # steps of two lines may share a height
        sizes = optimal_bag_size(
            RATIO, largest, grid, epsilon=epsilon, threshold=level(N), adjacency=ADJACENCY, clipped=False, **POWERS
        ).bag_size
        steps = np.asarray(sizes, dtype=float)
        canvas.line(ax, grid, steps + lift, series=label, label=label, color=color, drawstyle="steps-mid")
        found = best_sizes(data, epsilon)
        if found is not None:
            canvas.points(ax, weights(data.scale), found + lift, series=label, color=color)
    if best_sizes(data, EPSILONS[0]) is None:
        for name in size_experiments(data.scale, data.seed):
            shared.measured(canvas, ax, data, name)
    canvas.key("simulation: (a) ± 1 s.e., (b) best k", ls="", marker="o")


def _draw_jump(canvas: Canvas) -> None:
    """Weight at which bags of K overtake bags of 1 in the limit."""
    psi = np.geomspace(2.0, 200.0, 200)
    ax = canvas.panel("jump", (0, 2), title="(c) place of the jump", x="samples per feature, ψ", y="weight at the jump")
    for largest, style in ((2, (0, (5, 1.5))), (FEW, "-"), (LARGEST, (0, (1, 1.2)))):
        line = np.asarray(bag_size_threshold(psi, largest))
        label = f"jump 1 → {largest}"
        canvas.line(ax, psi, np.where(line > 0, line, np.nan), series=label, label=label, color=PALETTE[3], ls=style)
    canvas.line(ax, psi, 1 / (2 * psi), series="1/(2ψ)", label="1/(2ψ)", role="guide")
    ax.set_ylim(1e-3, 0.3)


# ---------------------------------------------------------------- bag-private-risk

SMALL_N, SMALL_D = 840, 42
SMALL_SIZES = {"quick": (1, 4, 12), "standard": (1, 2, 3, 4, 5, 6, 8, 12), "paper": (1, 2, 3, 4, 5, 6, 7, 8, 10, 12)}
PANEL_WEIGHTS = (0.1, 1.0)
LEVELS = (0.5, 1.0, 2.0, 5.0)


def risk_experiments(scale: Scale, seed: int) -> Plan:
    """Clipped labels and Laplace noise, for every privacy level and bag size."""
    trials, plan = shared.by_scale(scale, 12, 80, 1000), {}
    for epsilon in LEVELS:
        for k in SMALL_SIZES[scale]:
            setting = {"n": SMALL_N, "d": SMALL_D, "bag_size": k, "interpolations": PANEL_WEIGHTS, **POWERS}
            private = {"epsilon": epsilon, "threshold": level(SMALL_N), "adjacency": ADJACENCY}
            name = f"eps = {epsilon:g}, k = {k}"
            plan[name] = shared.experiment(private_errors, {**setting, **private}, seed, trials)
    return plan


def private_line(k: Any, rho: Any, epsilon: float, n: int) -> Array:
    """Limit risk with clipped labels at the printed scale."""
    arguments: Any = {"epsilon": epsilon, "threshold": level(n), "adjacency": ADJACENCY, **POWERS}
    return np.asarray(private_risk(RATIO, k, rho, **arguments).total)


def draw_private_risk(data: FigureData) -> Canvas:
    """Risk against bag size at two weights, one colour a privacy level; stars mark the best whole bag size."""
    canvas = Canvas(1, 2, size=(7.2, 3.8))
    grid, whole = np.geomspace(1.0, 12.0, 120), np.arange(1.0, 13.0)
    for column, rho in enumerate(PANEL_WEIGHTS):
        title = f"({'ab'[column]}) ρ = {rho:g}{' (instance level)' if rho == 1 else ''}"
        ax = canvas.panel(f"rho {rho:g}", (0, column), title=title, x="bag size, k", y="excess risk, R")
        for epsilon, color in zip(LEVELS, shades(len(LEVELS)), strict=True):
            series = f"ε = {epsilon:g}"
            canvas.line(ax, grid, private_line(grid, rho, epsilon, SMALL_N), series=series, label=series, color=color)
            heights = private_line(whole, rho, epsilon, SMALL_N)
            best = int(np.argmin(heights))
            star: Any = {"ls": "", "marker": "*", "ms": 9, "mfc": "white", "zorder": 4}
            canvas.line(ax, [whole[best]], [heights[best]], series=f"best, {series}", color=color, **star)
            for k in SMALL_SIZES[data.scale]:
                moments = shared.measured(canvas, ax, data, f"eps = {epsilon:g}, k = {k}")
                if moments is not None:
                    there, forgiven = private_line(k, rho, epsilon, SMALL_N), shared.slack(SMALL_D, RATIO, k)
                    values = moments.select(([column],))
                    shared.simulated(canvas, ax, [k], values, there, forgiven, series=series, color=color)
    canvas.key("best whole bag size", ls="", marker="*", ms=8, mfc="white")
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


# ---------------------------------------------------------------- bag-private-best

BEST_N, BEST_D = 1000, 50
BEST_SIZES = (1, 2, 4, 10)


def budgets(scale: Scale) -> Array:
    """Privacy levels that are simulated."""
    return np.geomspace(0.3, 20.0, shared.by_scale(scale, 3, 7, 11))


def best_weight(k: int, epsilon: Any) -> Array:
    """The weight of least risk under the noise of privacy."""
    snr = POWERS["signal"] / noise_per_label(k, epsilon, BEST_N)
    return np.asarray(optimal_interpolation(RATIO, k, snr).interpolation)


def best_risk(k: int, epsilon: Any) -> Array:
    """Least limit risk over the weights under the noise of privacy, labels not clipped."""
    noise = noise_per_label(k, epsilon, BEST_N)
    return np.asarray(
        limit_risk(RATIO, k, best_weight(k, epsilon), signal=POWERS["signal"], noise_variance=noise).total
    )


def ridge_line(k: int, epsilon: Any) -> Array:
    """Limit risk of the best ridge on the private bag means."""
    arguments: Any = {"threshold": level(BEST_N), "adjacency": ADJACENCY, **POWERS}
    return np.asarray(private_ridge_floor(RATIO, k, epsilon=epsilon, **arguments))


def best_experiments(scale: Scale, seed: int) -> Plan:
    """The best weight, and the matched ridge, for every privacy level and bag size."""
    trials, plan = shared.by_scale(scale, 40, 400, 4000), {}
    for epsilon in shared.numbers(budgets(scale)):
        for k in BEST_SIZES:
            noise = float(noise_per_label(k, epsilon, BEST_N))
            weighted = {"n": BEST_N, "d": BEST_D, "bag_size": k, "signal": 1.0, "noise_variance": noise}
            weighted |= {"interpolations": (float(best_weight(k, epsilon)),), "gains": (1.0,)}
            ridged = {"d": BEST_D, "bag_sizes": (k,), "bag_counts": (BEST_N // k,), "interpolations": (0.0,)}
            ridged |= {"noise_variance": noise, "ridges": (noise,)}
            name = f"eps = {epsilon:.3g}, k = {k}"
            plan[f"{name}, weight"] = shared.experiment(gain_errors, weighted, seed, trials)
            plan[f"{name}, ridge"] = shared.experiment(bag_errors, ridged, seed, max(16, trials // 8), keep=True)
    return plan


def draw_private_best(data: FigureData) -> Canvas:
    """Best achievable risk against the privacy level, (a) over weights, (b) over ridges, one colour a bag size."""
    canvas = Canvas(1, 2, size=(7.2, 3.8))
    grid = np.geomspace(0.25, 25.0, 100)
    kinds = (("weight", "(a) best weight ρ", best_risk), ("ridge", "(b) best ridge at bag level", ridge_line))
    for column, (kind, title, function) in enumerate(kinds):
        ax = canvas.panel(kind, (0, column), title=title, x="privacy level, ε", y="excess risk / signal, R / r²")
        for k, color in zip(BEST_SIZES, shades(len(BEST_SIZES)), strict=True):
            series = f"k = {k}"
            canvas.line(ax, grid, function(k, grid), series=series, label=series, color=color)
            _best_points(canvas, ax, data, kind, k, function, color)
        if kind == "weight":
            floor = ridge_line(1, grid)
            style: Any = {"color": "0.2", "ls": (0, (1, 1.5)), "lw": 1.2}
            canvas.line(ax, grid, floor, series="floor", label="k = 1 with the best ridge", **style)
        ax.set_ylim(0.02, 4.0)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


def _best_points(canvas: Canvas, ax: Axes, data: FigureData, kind: str, k: int, function: Any, color: Any) -> None:
    """Simulated risks at one bag size."""
    for epsilon in shared.numbers(budgets(data.scale)):
        name = f"eps = {epsilon:.3g}, k = {k}, {kind}"
        moments = shared.measured(canvas, ax, data, name)
        if moments is None:
            continue
        if kind == "ridge":  # bias and variance given the samples, summed for each draw
            moments = Moments.of(data.samples[name].sum(axis=-1)[:, 0])
        there, forgiven = function(k, epsilon), shared.slack(BEST_D, RATIO, k)
        shared.simulated(canvas, ax, [epsilon], moments, there, forgiven, series=f"k = {k}", color=color)


SCALE = "The Laplace scale is the printed one, T/(k eps): eps-private if neighbours differ by setting a label to zero, "
SCALE += "2 eps-private if a label may become any other."

FIGURES = (
    FigureSpec(
        id="bag-private-size",
        title="Under label privacy the best bag size jumps in the limit, and climbs stairs at finite n",
        caption="(a) Risk per privacy noise in the limit of many samples, V(rho, k)/k, psi = 20: lines; points: "
        "simulation at d = 126, mean with bars of one standard error; a red cross deviates beyond its interval by "
        "more than 3/(d gap), gap the distance of psi/k from 1, at most 1. (b) Best bag size: lines, theory in the "
        "limit (thick) and at n = 2520 with noise variance 0.5 and signal 1, slightly shifted against each other; "
        "points: bag size of least mean risk in simulation. (c) Weight at which bags of K overtake single labels in "
        f"the limit. {SCALE}",
        claims=("ar.D2", "ar.D4", "ar.D5", "ar.D5.larger"),
        experiments=size_experiments,
        draw=draw_private_size,
    ),
    FigureSpec(
        id="bag-private-risk",
        title="The less privacy, the smaller the best bag",
        caption="Excess risk of the fit to private bag means against the bag size, n = 840, psi = 20, signal 1, noise "
        "variance 0.5, labels clipped at C sqrt(ln n), C = 1.75. Lines: proportional limit with clipping, one colour "
        "a privacy level; stars: best whole bag size. Points: simulation at d = 42 with clipped labels and Laplace "
        "noise, mean with bars of one standard error; a red cross deviates beyond its interval by more than "
        f"1.5/(d gap), gap the distance of psi/k from 1, at most 1. {SCALE}",
        claims=("ar.D1", "ar.D1.printed", "ar.D3", "ar.D5"),
        experiments=risk_experiments,
        draw=draw_private_risk,
    ),
    FigureSpec(
        id="bag-private-best",
        title="With ridge at hand, single private labels are best at every privacy level",
        caption="Least excess risk against the privacy level, psi = 20, noise variance 0.5, labels not clipped. (a) "
        "Over the weights of the within-bag spread: single labels (k = 1) cannot be shrunk and lose at strong "
        "privacy. (b) Over ridges on the private bag means: smaller bags are always better; dotted in (a) the best "
        "of (b). Lines: proportional limit; points: simulation at n = 1000, d = 50, mean with bars of one standard "
        "error; a red cross deviates beyond its interval by more than 1.5/(d gap), gap the distance of psi/k from 1, "
        f"at most 1. {SCALE}",
        claims=("ar.D6", "ar.D5.larger"),
        experiments=best_experiments,
        draw=draw_private_best,
    ),
)
