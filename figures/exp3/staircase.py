"""Information about a constant learning rate over three hundred decades: a staircase, and what it leaves open."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.exp3 import _shared as shared
from simulations.exp3 import ladder_path_information
from theory.exp3 import indistinguishable_gap, information_plateaus, ladder_information, van_trees_bound

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

RATES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
POWERS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 60, 100, 150, 200, 300)  # horizons of the points, 10^this
LOW, HIGH = 0.5, 1.5  # the class of rates of the lower bounds
AFFINITY = 0.9
FIRST, LAST = 1.0, 300.0  # log10 n


def experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each rate; all horizons share its runs."""
    runs = shared.by_scale(scale, 400, 4000, 40_000)
    horizons = [10.0**k for k in POWERS]
    return {
        named(rate): shared.kept(ladder_path_information, {"learning_rate": rate, "horizons": horizons}, seed, runs)
        for rate in RATES
    }


def named(rate: float) -> str:
    """The name of an experiment."""
    return f"eta = {rate:g}"


def whole(powers: Array) -> Array:
    """Return whole numbers near 10^powers, all of them floats."""
    return np.asarray(np.minimum(np.power(10.0, powers), 1e300).round(), dtype=np.float64)


def draw(data: FigureData) -> Canvas:
    """Left: the staircases; right: lower bounds over a class of rates."""
    canvas = Canvas(1, 2, size=(7.4, 4.6), ratios=(1.25, 1.0))
    words = "log₁₀ of the horizon n"
    lay: Any = {"x": words, "xlim": (0.93, 330.0)}
    ax = canvas.panel("staircase", (0, 0), y="information on η, I(n)", title="(a) constant rates", **lay)
    powers = shared.geometric(FIRST, LAST, shared.by_scale(data.scale, 80, 500, 1000))
    for rate, color in zip(RATES, shades(len(RATES)), strict=True):
        height = np.asarray(ladder_information(whole(powers), rate))
        canvas.line(ax, powers, height, series=f"exact, {rate:g}", label=f"exact, η = {rate:g}", color=color)
        known = information_plateaus(rate)
        for level, start, end in zip(known.information, known.log10_start, known.log10_end, strict=True):
            if start < LAST:
                at = [max(start, FIRST), min(end, LAST)]
                wide: Any = {"color": color, "lw": 5.0, "alpha": 0.3, "solid_capstyle": "butt"}
                canvas.line(ax, at, [level, level], series=f"plateau, {rate:g}", **wide)
        moments = shared.measured(canvas, ax, data, named(rate))
        if moments is not None:
            expected = np.asarray(ladder_information([10.0**k for k in POWERS], rate))
            looks: Any = {"series": f"simulated, {rate:g}", "color": color}
            shared.simulated(canvas, ax, POWERS, moments, expected, 1e-9, **looks)
    canvas.key("plateau, within 1 %", lw=5.0, alpha=0.3, ls="-")
    canvas.key("simulated ± 1 s.e.", ls="", marker="o")
    _bounds(canvas, data.scale, lay)
    return canvas


def _bounds(canvas: Canvas, scale: Scale, lay: dict[str, Any]) -> None:
    """What no estimator can do over all rates from 1/2 to 3/2."""
    ax = canvas.panel("bounds", (0, 1), y="error that no estimator avoids", title="(b) rates from ½ to 3/2", **lay)
    powers = shared.geometric(FIRST, LAST, shared.by_scale(scale, 4, 24, 60))
    gap = np.asarray(indistinguishable_gap(whole(powers), LOW, HIGH, AFFINITY).gap)
    average = np.asarray(van_trees_bound(whole(powers), LOW, HIGH))
    label = "worst case: half the largest gap of look-alikes"
    canvas.line(ax, powers, gap / 2, series="gap", label=label, color=PALETTE[1])
    label = "average: root mean square, van Trees"
    canvas.line(ax, powers, average, series="van Trees", label=label, color=PALETTE[0])
    logs = powers * np.log(10.0)
    middle = int(np.searchsorted(powers, 20.0))
    for series, shape, words in (("1/log n", 1 / logs, "∝ 1/log n"), ("1/loglog n", 1 / np.log(logs), "∝ 1/loglog n")):
        curve = average if series == "1/log n" else gap / 2
        dashes: Any = {"ls": ":" if series == "1/log n" else (0, (4, 3))}
        canvas.line(
            ax, powers, curve[middle] * shape / shape[middle], series=series, role="guide", label=words, **dashes
        )


FIGURES = (
    FigureSpec(
        id="information-staircase",
        title="Information about a constant learning rate is a staircase",
        caption="One arm with loss 1 and one with loss 0, horizons n from 10 to 10³⁰⁰, on an axis of the logarithm of "
        "log n. Left: exact Fisher information about η (lines), its plateaus (thick pale lines, where the information "
        "stays within 1 %), and simulated means of the path information (points, with bars of one standard "
        "error): once a level of the ladder is left, nothing is learned until the next one opens, up to hundreds of "
        "decades later. Right: lower bounds for every estimator when η may be anything from ½ to 3/2: half the "
        "distance of two rates with affinity 0.9 or more, by which an estimate errs with probability .28 under one of "
        "them, and van Trees' bound on the root mean squared error, averaged over the rates; thin grey lines have the "
        "slopes 1/log n (the paper's) and 1/loglog n: the bound of the average falls faster "
        "than the former, the gap more slowly, so that 1/log n is not its exact order (ex.T1.sharp).",
        claims=("ex.D10", "ex.D10.plateaus", "ex.T1", "ex.T1.sharp"),
        experiments=experiments,
        draw=draw,
    ),
)
