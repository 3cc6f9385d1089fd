"""All rounds or a truncation: two powers of the horizon in the error, and two laws of the likelihood ratio."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.exp3 import _shared as shared
from simulations.exp3 import LADDER_OUTPUTS, ladder_estimates
from theory.exp3 import full_horizon_standard_deviation, ladder_information, mle_standard_deviation

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

EXPONENTS = {0.25: ("1/4", "1/8"), 0.5: ("1/2", "1/4")}  # alpha -> itself and its half in words
SCALE, TIME = 0.8, 2.0  # eta = SCALE n^-exponent; the truncation at the scaled time TIME
LOW, HIGH = 0.2, 5.0  # ends of the interval of rates, in units of the true one
FIRST = 2  # decades
SLACK = 0.2  # relative, of the mean likelihood ratio: a truncated one still has the error of its limit
WINDOW = 12  # horizons nearby
LOOKS = {"all": (PALETTE[1], PALETTE[4], "D"), "truncated": (PALETTE[0], PALETTE[5], "o")}
WORDS = {"all": "all n rounds", "truncated": f"the first {TIME:g}/η rounds"}


class Horizon(NamedTuple):
    """One horizon: its rounds n, the learning rate, and how many rounds the truncated likelihood uses."""

    rounds: int
    rate: float
    truncated: int


# ---------------------------------------------------------------- theory


def horizon(exponent: float, rounds: float) -> Horizon:
    """The horizon of `rounds` at `exponent`."""
    rate = SCALE * rounds**-exponent
    return Horizon(int(rounds), rate, round(TIME / rate))


def exact_deviation(which: str, exponent: float, rounds: Array) -> Array:
    """1/(eta sqrt(I)), the Cramer-Rao bound on the relative error from all or from the first rounds."""
    if which == "all":
        return np.asarray(full_horizon_standard_deviation(rounds, exponent, SCALE))
    chosen = [horizon(exponent, n) for n in rounds]
    rates, stops = (np.array([getattr(one, name) for one in chosen]) for name in ("rate", "truncated"))
    return 1 / (rates * np.sqrt(np.asarray(ladder_information(stops, rates))))


# ---------------------------------------------------------------- simulation


def horizons(scale: Scale, exponent: float) -> list[Horizon]:
    """The horizons at `exponent`: longer ones where the rate falls slowly, which are as cheap."""
    last = 5 if exponent > 0.25 else 6
    decades = np.arange(FIRST, last + 0.01, shared.by_scale(scale, 1.5, 0.25, 0.125))
    return [horizon(exponent, round(10**k)) for k in decades]


def named(which: str, one: Horizon) -> str:
    """The name of an experiment; truncated ones of different exponents can be the same."""
    return f"{which}, eta = {one.rate:.6g}, n = {one.rounds if which == 'all' else one.truncated}"


def experiments(scale: Scale, seed: int) -> Plan:
    """Estimates from all and from the first rounds, at every horizon."""
    runs = shared.by_scale(scale, 60, 1000, 4000)
    plan: dict[str, Any] = {}
    for exponent in EXPONENTS:
        for one in horizons(scale, exponent):
            for which, used in (("all", one.rounds), ("truncated", one.truncated)):
                setting = {"learning_rate": one.rate, "rounds": used, "low": LOW, "high": HIGH}
                plan[named(which, one)] = shared.kept(ladder_estimates, setting, seed, runs)
    return plan


# ---------------------------------------------------------------- drawing


def draw(data: FigureData) -> Canvas:
    """Above: errors; below: means of the likelihood ratio; a column for each exponent."""
    canvas = Canvas(3, len(EXPONENTS), size=(7.2, 5.6))
    for k, (exponent, name) in enumerate(EXPONENTS.items()):
        chosen = [one.rounds for one in horizons(data.scale, exponent)]
        xlim = 0.6 * chosen[0], 1.7 * chosen[-1]
        words = ("relative error of η", "mean of\n2 (L(η̂) − L(η))") if k == 0 else ("", "")
        title = f"({'ab'[k]}) η = {SCALE:g} $n^{{-{name[0]}}}$"
        errors = canvas.panel(
            f"errors, {exponent:g}", (slice(0, 2), k), x="", y=words[0], title=title, xlim=xlim, ylim=(3e-4, 3.0)
        )
        below: Any = {"x": shared.ROUNDS, "xlim": xlim, "ylim": (0.0, 2.2)}
        ratios = canvas.panel(f"ratios, {exponent:g}", (2, k), y=words[1], scales=("log", "linear"), **below)
        windows = shared.geometric(*xlim, shared.by_scale(data.scale, 8, 40, 80))
        _theory(canvas, errors, exponent, windows, np.array(chosen, dtype=float))
        _slopes(canvas, errors, exponent, name, xlim)
        canvas.line(ratios, xlim, [1.0, 1.0], series="chi-square", label="mean of χ² with 1 d.o.f.", color="0.15")
        for which in LOOKS:
            _simulation(canvas, errors, ratios, data, which, exponent)
    for which, (color, light, fmt) in LOOKS.items():
        canvas.key(f"simulated, {WORDS[which]}", ls="", marker=fmt, color=color)
        canvas.key(f"{WORDS[which]}, by quartiles", ls="", marker=fmt, color=light)
    return canvas


def _theory(canvas: Canvas, ax: Axes, exponent: float, windows: Array, chosen: Array) -> None:
    """Cramer-Rao bounds over `windows` and at the `chosen` horizons; the limit law of the truncated estimate."""
    color, light, _ = LOOKS["all"]
    half = (windows[1] / windows[0]) ** 0.5
    near = np.round(windows[:, None] * shared.geometric(1 / half, half, WINDOW))
    bound = exact_deviation("all", exponent, near.ravel()).reshape(near.shape)
    style: Any = {"ls": "", "marker": "_", "ms": 7, "mew": 1.4, "color": color, "label": f"Cramér–Rao, {WORDS['all']}"}
    canvas.line(ax, chosen, exact_deviation("all", exponent, chosen), series="all", **style)
    style = {"color": light, "alpha": 0.35, "label": "the same, lowest to highest nearby"}
    canvas.band(ax, windows, bound.min(axis=1), bound.max(axis=1), series="all, nearby", **style)
    color = LOOKS["truncated"][0]
    style = {"color": color, "label": f"Cramér–Rao, {WORDS['truncated']}"}
    canvas.line(ax, windows, exact_deviation("truncated", exponent, windows), series="truncated", **style)
    law = mle_standard_deviation(SCALE * windows**-exponent, TIME, [1.0, 0.0])
    style = {"color": color, "ls": (0, (5, 1.5)), "label": "its limit √(η/J)"}
    canvas.line(ax, windows, law, series="limit", **style)


def _slopes(canvas: Canvas, ax: Axes, exponent: float, names: tuple[str, str], xlim: tuple[float, float]) -> None:
    """The two powers of the horizon, for the eye."""
    ends = np.array([xlim[0] ** 0.4 * xlim[1] ** 0.6, xlim[1] / 2])
    for power, name, height in ((exponent, names[0], 3.2), (exponent / 2, names[1], 2.2)):
        which = "all" if power == exponent else "truncated"
        start = exact_deviation(which, exponent, np.array([round(float(ends[0]))], dtype=float))[0]
        guide = height * start * (ends / ends[0]) ** -power
        canvas.line(ax, ends, guide, series=f"power {power:g}", role="guide")
        canvas.text(ax, ends[0], guide[0] * 1.1, f"$n^{{-{name}}}$", ha="right", va="bottom", color="0.4")


def _simulation(canvas: Canvas, errors: Axes, ratios: Axes, data: FigureData, which: str, exponent: float) -> None:
    """Root mean squares, quartiles and mean likelihood ratios of all horizons."""
    found = []
    for one in horizons(data.scale, exponent):
        samples = shared.sampled(canvas, errors, data, named(which, one))
        if samples is not None:
            found.append((one.rounds, *spreads(samples), len(samples)))
    if not found:
        return
    rounds, size, bars, width, width_bars, mean, mean_bars, counts = np.array(found).T
    color, light, fmt = LOOKS[which]
    looks: Any = {"fmt": fmt, "ms": 3.2}
    canvas.points(errors, rounds, width, width_bars, series=f"{which}, quartiles", color=light, **looks)
    canvas.points(errors, rounds, size, bars, series=f"{which}, root mean square", color=color, **looks)
    looks["crossed"] = refuted(mean, 1.0, mean_bars, int(counts.min()), slack=SLACK)
    canvas.points(ratios, rounds, mean, mean_bars, series=which, color=color, **looks)


def spreads(samples: Array) -> tuple[float, ...]:
    """Root mean square error, standard deviation by quartiles and mean likelihood ratio of `samples`, errors after."""
    squares, ratio = (shared.column(samples, LADDER_OUTPUTS, name) for name in ("squared_error", "likelihood_ratio"))
    size, root = np.sqrt(squares.mean()), np.sqrt(len(samples))
    width = shared.spread(shared.column(samples, LADDER_OUTPUTS, "error"))
    return size, squares.std(ddof=1) / root / (2 * size), *width, ratio.mean(), ratio.std(ddof=1) / root


FIGURES = (
    FigureSpec(
        id="full-horizon",
        title="All rounds instead of a truncation: a faster rate, and no chi-square",
        caption=f"Maximum-likelihood estimate of η = {SCALE:g} n^(−α), losses (1, 0), on the interval [η/5, 5 η]: from "
        f"all n rounds, and from the first {TIME:g}/η. Above: points are simulated root mean squares of the relative "
        "error, paler ones the standard deviation of a normal law with the same quartiles, bars one standard error. "
        "Solid line and dashes: the exact Cramér–Rao bounds (which biased estimators may beat); the one from all "
        "rounds swings with the place of the last few levels that carry the information: the band goes from the lowest "
        "to the highest nearby. Broken line: the limit √(η/J); thin lines: powers of n. Below: simulated mean of the "
        "likelihood ratio statistic and, as a line, that of chi-square. A red cross marks a mean that refutes it, "
        "beyond a fifth: expected of all rounds, where few levels decide (ex.D12.wilks).",
        claims=("ex.T4", "ex.D12", "ex.D12.wilks"),
        experiments=experiments,
        draw=draw,
    ),
)
