"""Who wins: bag level, instance level or EasyLLP; and what gains and ridges make of the double-descent peak."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import ArrayLike, NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.moments import Moments
from figures.aggregate_responses import _shared as shared
from simulations.aggregate_responses import bag_errors, conditional_errors, gain_errors
from theory.aggregate_responses import (
    crossover_snr,
    easyllp_crossover_snr,
    easyllp_risk,
    gain_corrected_risk,
    limit_risk,
    optimal_gain_interpolation,
    optimal_interpolation,
    ridge_risk,
    vanishing_interpolation_risk,
)

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

# ---------------------------------------------------------------- bag-winners

RATIO, D = 20, 100
SIZES = (2, 4, 5, 8, 10)
SLICE = 5  # bag size of panel (b)
RIVALS = ("bag level", "instance level", "EasyLLP")
COLORS = dict(zip(RIVALS, (PALETTE[0], PALETTE[1], PALETTE[2]), strict=True))
SHAPES = dict(zip(RIVALS, ("o", "s", "^"), strict=True))


def snrs(scale: Scale) -> Array:
    """Signal-to-noise ratios that are simulated."""
    return np.geomspace(0.07, 7.0, shared.by_scale(scale, 3, 9, 11))


def winner_experiments(scale: Scale, seed: int) -> Plan:
    """Risks of the three rivals on the same draws."""
    trials, plan = shared.by_scale(scale, 40, 400, 4000), {}
    for k in SIZES:
        for snr in shared.numbers(snrs(scale)):
            setting = {"n": RATIO * D, "d": D, "bag_size": k, "interpolations": (0.0, 1.0, 1.0)}
            powers = {"signal": shared.SIGNAL, "noise_variance": shared.SIGNAL / snr, "gains": (1.0, 1.0, float(k))}
            plan[f"k = {k}, SNR = {snr:.3g}"] = shared.experiment(gain_errors, {**setting, **powers}, seed, trials)
    return plan


def rival_risks(k: ArrayLike, snr: ArrayLike) -> list[Array]:
    """Limit risks per signal of the three rivals."""
    powers: Any = {"signal": 1.0, "noise_variance": 1 / np.asarray(snr)}
    bag, instance = (limit_risk(RATIO, k, rho, **powers).total for rho in (0.0, 1.0))
    return [np.asarray(risk) for risk in (bag, instance, easyllp_risk(RATIO, k, **powers).total)]


def draw_winners(data: FigureData) -> Canvas:
    """(a) the plane of bag size and SNR, with boundaries and simulated winners; (b) a cut at one bag size."""
    canvas = Canvas(1, 2, size=(7.2, 4.3), ratios=(1.15, 1.0))
    _draw_plane(canvas, data)
    grid = np.geomspace(0.05, 10.0, 120)
    right = canvas.panel(
        "cut", (0, 1), title=f"(b) cut at k = {SLICE}", x="signal-to-noise ratio, r²/σ²", y=shared.RISK
    )
    for name, line in zip(RIVALS, rival_risks(SLICE, grid), strict=True):
        canvas.line(right, grid, line, series=name, label=f"{name}, risk", color=COLORS[name])
    for snr in shared.numbers(snrs(data.scale)):
        moments = shared.measured(canvas, right, data, f"k = {SLICE}, SNR = {snr:.3g}")
        for place, name in enumerate(RIVALS):
            if moments is not None:
                there, values = rival_risks(SLICE, snr)[place], moments.select(([place],)).linear(1 / shared.SIGNAL)
                look = {"color": COLORS[name], "fmt": SHAPES[name]}
                forgiven = shared.slack(D, RATIO, SLICE)
                shared.simulated(canvas, right, [snr], values, there, forgiven, series=name, **look)
    for name in RIVALS[:2]:
        canvas.key(f"(a) {name} wins in simulation", ls="", marker=SHAPES[name], mfc=COLORS[name], mec="white", ms=6)
    return canvas


def _draw_plane(canvas: Canvas, data: FigureData) -> None:
    """Ratio of the two risks as colours, three boundaries, and the winner of each simulated setting."""
    cells = shared.by_scale(data.scale, 40, 80, 160)
    k, snr = np.geomspace(1.6, 12.0, cells), np.geomspace(0.05, 10.0, cells)
    ax = canvas.panel(
        "plane", (0, 0), title=f"(a) ψ = {RATIO}: who wins?", x="bag size, k", y="signal-to-noise ratio, r²/σ²"
    )
    bag, instance, _ = rival_risks(k, snr[:, None])
    mesh = canvas.image(ax, k, snr, bag / instance, series="ratio", norm=LogNorm(0.1, 10.0), cmap="PuOr_r")
    canvas.colorbar(mesh, [ax], "risk of bag level / instance level", extend="both")
    edges = easyllp_crossover_snr(RATIO, k)
    boundaries = (
        ("bag level = instance level", crossover_snr(RATIO, k), "-"),
        ("EasyLLP = bag level", edges.bag, (0, (5, 1.5))),
        ("EasyLLP = instance level", edges.instance, (0, (1, 1.2))),
    )
    for label, line, style in boundaries:
        canvas.line(ax, k, line, series=label, label=label, color="0.1", ls=style)
    for size in SIZES:
        for level in shared.numbers(snrs(data.scale)):
            moments = shared.measured(canvas, ax, data, f"k = {size}, SNR = {level:.3g}")
            if moments is not None:
                name = RIVALS[int(np.argmin(moments.mean))]
                look: Any = {"fmt": SHAPES[name], "mec": "white", "ms": 5.5, "mew": 0.9}
                canvas.points(ax, size, level, series=f"winner {name}", color=COLORS[name], **look)
    ax.set(xlim=(k[0], k[-1]), ylim=(snr[0], snr[-1]))


# ---------------------------------------------------------------- bag-peak

PEAK_BAG, SNR = 3, 2.0
PATHS = {
    "bag level, least norm (ρ = 0)": PALETTE[0],
    "limit ρ → 0": PALETTE[5],
    "best weight > 0": PALETTE[2],
    "best weight and gain": PALETTE[3],
    "best ridge on the bag means": "0.15",
}
SAMPLES = {
    "quick": (150, 240, 600),
    "standard": (120, 141, 180, 210, 240, 270, 330, 360, 450, 600, 900),
    "paper": (120, 129, 141, 159, 180, 210, 240, 270, 285, 315, 330, 360, 390, 450, 600, 750, 900),
}


def peak_theory(name: str, psi: ArrayLike) -> Array:
    """Limit risk per signal of one of `PATHS`, nan where infinite."""
    powers: Any = {"signal": 1.0, "noise_variance": 1 / SNR}
    if name == "best weight and gain":
        weight = optimal_gain_interpolation(psi, SNR)
        risk = gain_corrected_risk(psi, PEAK_BAG, weight, **powers).total
    elif name == "best weight > 0":
        risk = optimal_interpolation(psi, PEAK_BAG, SNR).total
    elif name.startswith("best ridge"):
        risk = ridge_risk(psi, PEAK_BAG, **powers)
    elif name.startswith("limit"):
        risk = vanishing_interpolation_risk(psi, PEAK_BAG, **powers).total
    else:
        risk = limit_risk(psi, PEAK_BAG, 0.0, **powers).total
    return np.where(np.isfinite(risk), risk, np.nan)


def peak_experiments(scale: Scale, seed: int) -> Plan:
    """For each number of samples: the path of weights, the least-norm solution, the ridge."""
    trials, plan = shared.by_scale(scale, 40, 400, 4000), {}
    few = max(16, trials // 4)
    powers = {"signal": shared.SIGNAL, "noise_variance": shared.SIGNAL / SNR}
    for n in SAMPLES[scale]:
        weight = float(np.asarray(optimal_gain_interpolation(n / D, SNR)))
        arguments: Any = {"signal": powers["signal"], "noise_variance": powers["noise_variance"]}
        gain = float(np.asarray(gain_corrected_risk(n / D, PEAK_BAG, weight, **arguments).gain))
        best = float(np.asarray(optimal_interpolation(n / D, PEAK_BAG, SNR).interpolation))
        setting = {"n": n, "d": D, "bag_size": PEAK_BAG, **powers}
        path = {**setting, "interpolations": ("0+", best, weight), "gains": (1.0, 1.0, gain)}
        plan[f"n = {n}, path"] = shared.experiment(gain_errors, path, seed, trials)
        least = {**setting, "interpolations": (0.0,)}
        plan[f"n = {n}, least norm"] = shared.experiment(conditional_errors, least, seed, few, keep=True)
        ridged = {"d": D, "bag_sizes": (PEAK_BAG,), "bag_counts": (n // PEAK_BAG,), "interpolations": (0.0,)}
        ridged |= {"ridges": (1 / SNR,), "target_power": (shared.SIGNAL,), "noise_variance": powers["noise_variance"]}
        plan[f"n = {n}, ridge"] = shared.experiment(bag_errors, ridged, seed, few, keep=True)
    return plan


def _peak_moments(canvas: Canvas, ax: Axes, data: FigureData, n: int) -> dict[str, Moments]:
    """Moments of the risk of each of `PATHS` at n samples, as far as they are there."""
    found: dict[str, Moments] = {}
    bag, near, best, gained, ridge = PATHS
    path = shared.measured(canvas, ax, data, f"n = {n}, path")
    if path is not None:
        found = {name: path.select(([i],)) for i, name in enumerate((near, best, gained))}
    for name, kind in ((bag, "least norm"), (ridge, "ridge")):
        if shared.measured(canvas, ax, data, f"n = {n}, {kind}") is not None:
            samples = data.samples[f"n = {n}, {kind}"]  # bias and variance given the samples, summed for each draw
            found[name] = Moments.of(samples.reshape(len(samples), -1).sum(axis=1, keepdims=True))
    return found


def draw_peak(data: FigureData) -> Canvas:
    """Risk against the samples per feature through the peak at psi = k."""
    canvas = Canvas(1, 1, size=(6.2, 4.4))
    title = f"bags of k = {PEAK_BAG}, SNR = {SNR:g}"
    ax = canvas.panel("peak", title=title, x="samples per feature, ψ = n/d", y=shared.RISK)
    away = np.geomspace(1e-3, 1.0, 80)
    grid = np.unique(np.concatenate([np.geomspace(1.1, 9.5, 240), PEAK_BAG - away, [PEAK_BAG], PEAK_BAG + away]))
    for name, color in PATHS.items():
        style: Any = {"ls": (0, (1, 1.5))} if name.startswith("best ridge") else {}
        canvas.line(ax, grid, peak_theory(name, grid), series=name, label=name, color=color, **style)
    for n in SAMPLES[data.scale]:
        for name, moments in _peak_moments(canvas, ax, data, n).items():
            there, forgiven = peak_theory(name, n / D), shared.slack(D, n / D, PEAK_BAG)
            values = moments.linear(1 / shared.SIGNAL)
            shared.simulated(canvas, ax, [n / D], values, there, forgiven, series=name, color=PATHS[name])
    ax.set(xlim=(1.08, 9.7), ylim=(0.08, 20.0))
    shared.vertical(canvas, ax, [float(PEAK_BAG)], series="psi = k", label="as many bags as features, ψ = k")
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


FIGURES = (
    FigureSpec(
        id="bag-winners",
        title="Who wins? EasyLLP never does",
        caption="Bag level, instance level and EasyLLP (least squares on soft labels) at psi = n/d = 20. (a) Colour: "
        "risk of bag level over that of instance level; lines: where two of the three are equal, closed forms. "
        "Instance level wins below the solid line and bag level above it; EasyLLP is second below the dashed and "
        "above the dotted line and last between them. Points: the winner of the three in simulation at d = 100. (b) "
        "The cut at k = 5; lines: proportional limit; points (triangles: EasyLLP): simulation, mean with bars of one "
        "standard error; a red cross "
        "deviates beyond its interval by more than the finite size explains, 1.5/(d gap), gap the distance of psi/k "
        "from 1, at most 1.",
        claims=("ar.T2", "ar.X3"),
        experiments=winner_experiments,
        draw=draw_winners,
    ),
    FigureSpec(
        id="bag-peak",
        title="A little weight on the within-bag spread removes the peak, a gain takes more, ridge takes most",
        caption="Excess risk per signal against samples per feature, through the double-descent peak of bag level at "
        "psi = k. Lines: proportional limit. Left of the peak, where many solutions fit the bag means, least norm "
        "(rho = 0) and least within-bag spread (rho -> 0) differ. Points: simulation at d = 100, mean with bars of one "
        "standard error; a red cross deviates beyond its interval by more than the finite size explains, 1.5/(d gap), "
        "gap the distance of psi or psi/k from 1, at most 1.",
        claims=("ar.C3", "ar.C4", "ar.T3", "ar.T4", "ar.X4"),
        experiments=peak_experiments,
        draw=draw_peak,
    ),
)
