"""What a wrong learning rate expects: probabilities under the truth less those under a candidate, on one history."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.exp3 import _shared as shared
from simulations.exp3 import probability_differences
from theory.exp3 import candidate_probability, cliff_time, mean_field_path

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

LOSSES = (1.0, 0.0)
RATIOS = (0.5, 0.9, 1.1, 1.5, 2.5)
COLORS = dict(zip(RATIOS, (PALETTE[0], PALETTE[5], PALETTE[2], PALETTE[4], PALETTE[1]), strict=True))
RATES = (0.05, 0.01, 0.001)
END = 4.0  # scaled time
PATHS = 3
# Means are off their limit by numbers of order eta, measured up to 0.9 eta; at the cliff, which the runs reach at times
# spread by sqrt(eta), by up to 0.1 sqrt(eta)
SLACK, CLIFF_SLACK, CLIFF_WIDTH = 2.0, 0.3, 8.0


def times(rate: float, scale: Scale) -> NDArray[np.int64]:
    """Rounds that are shown, from the second on."""
    shown = np.linspace(0.0, END / rate, shared.by_scale(scale, 11, 41, 81))[1:]
    return np.unique(np.maximum(2, np.round(shown).astype(np.int64)))


def experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each rate."""
    runs = shared.by_scale(scale, 40, 200, 1000)
    plan = {}
    for rate in RATES:
        rounds = [int(t) for t in times(rate, scale)]
        setting = {"learning_rate": rate, "mean_losses": LOSSES, "ratios": RATIOS, "times": rounds}
        plan[named(rate)] = shared.kept(probability_differences, setting, seed, runs)
    return plan


def named(rate: float) -> str:
    """The name of an experiment."""
    return f"eta = {rate:g}"


def difference(scaled_time: Array, ratio: float) -> Array:
    """Return p - q, 1 - q = (2 (1 - p))^r/2 before the cliff and q = 0 behind it."""
    return np.asarray(candidate_probability(scaled_time, 1.0)) - np.asarray(candidate_probability(scaled_time, ratio))


def tangent(scaled_time: Array, ratio: float) -> Array:
    """Return -(r - 1) p eta h: the difference to first order in the ratio."""
    path = mean_field_path(scaled_time, LOSSES)
    return -(ratio - 1.0) * (path.probability * path.score)[..., 0]


def allowance(scaled_time: Array, ratio: float, rate: float) -> Array:
    """What a mean at small rates may be off its limit, more within 8 sqrt(eta) of the cliff."""
    cliff = float(np.asarray(cliff_time(ratio)))
    near = np.abs(scaled_time - cliff) < CLIFF_WIDTH * np.sqrt(rate)
    return SLACK * rate + np.where(near, CLIFF_SLACK * np.sqrt(rate), 0.0)


def draw(data: FigureData) -> Canvas:
    """A panel for each rate."""
    canvas = Canvas(1, len(RATES), size=(7.4, 4.2))
    s = np.union1d(np.linspace(0.0, END, 400), [float(np.asarray(cliff_time(r))) for r in RATIOS if r > 1])
    for k, rate in enumerate(RATES):
        y = "p(η) − p(rη) of the lossy arm" if k == 0 else ""
        lay: Any = {"scales": ("linear", "linear"), "xlim": (0.0, 1.02 * END), "ylim": (-0.35, 0.45)}
        ax = canvas.panel(named(rate), (0, k), x=shared.SCALED_TIME, y=y, title=f"({'abc'[k]}) η = {rate:g}", **lay)
        p = np.asarray(candidate_probability(s, 1.0))
        canvas.line(ax, s, p, series="p", role="guide", label="p(η): nothing left of the candidate's p")
        for ratio, color in COLORS.items():
            canvas.line(ax, s, difference(s, ratio), series=f"r = {ratio:g}", label=f"r = {ratio:g}", color=color)
            first = tangent(s, ratio)
            looks: Any = {"color": color, "lw": 0.9, "ls": ":"}
            canvas.line(ax, s, np.where(np.abs(first) < 0.5, first, np.nan), series=f"tangent, r = {ratio:g}", **looks)
            if ratio > 1:
                cliff = float(np.asarray(cliff_time(ratio)))
                end: Any = {"ls": "", "marker": "v", "ms": 5, "mfc": "white"}
                at = [float(difference(np.array(cliff), ratio))]
                canvas.line(ax, [cliff], at, series=f"cliff, r = {ratio:g}", color=color, zorder=4, **end)
        samples = shared.sampled(canvas, ax, data, named(rate))
        if samples is not None:
            _simulated(canvas, ax, samples, rate, times(rate, data.scale))
    canvas.key("first order, −(r − 1) η p h", ls=":", lw=0.9)
    canvas.key("cliff: the candidate's p is 0 from here on", ls="", marker="v", ms=5, mfc="white")
    return canvas


def _simulated(canvas: Canvas, ax: Any, samples: Array, rate: float, rounds: NDArray[np.int64]) -> None:
    """Means of all runs, and the first few runs as small dots."""
    s = rate * (rounds.astype(np.float64) - 1.0)
    for j, (ratio, color) in enumerate(COLORS.items()):
        few = samples[:PATHS, j]
        canvas.points(
            ax,
            np.tile(s, len(few)),
            few.ravel(),
            series=f"single runs, r = {ratio:g}",
            color=color,
            ms=1.6,
            mew=0.0,
            alpha=0.6,
        )
        mean, error = samples[:, j].mean(axis=0), samples[:, j].std(axis=0, ddof=1) / np.sqrt(len(samples))
        wanted = difference(s, ratio)
        slack = allowance(s, ratio, rate) / np.abs(wanted)
        bad = refuted(mean, wanted, error, len(samples), slack) & (rate == min(RATES))
        every = slice(len(s) // 10 - 1, None, max(1, len(s) // 10))
        canvas.points(
            ax,
            s[every],
            mean[every],
            error[every],
            series=f"mean, r = {ratio:g}",
            color=color,
            crossed=bad[every],
            ms=3.4,
        )
    canvas.key("simulated, mean ± 1 s.e.", ls="", marker="o", ms=3.4)
    canvas.key(f"simulated, {PATHS} single runs", ls="", marker="o", ms=1.6, mew=0.0)


FIGURES = (
    FigureSpec(
        id="probability-difference",
        title="What a wrong learning rate expects",
        caption="Two arms, losses (1, 0): probability of the lossy arm under the learner's rate η less that under the "
        "candidate rη, recomputed on the same history, against scaled time. Solid lines: limit of small rates, "
        "1 − q = ½(2(1 − p))^r, up to the cliff (triangles), where a candidate with r > 1 finds probability 0 and the "
        "difference is all of p (dashed grey line). Dotted lines: first order in r − 1. Large points: simulated means "
        "with bars of one standard error; small ones: single simulated runs. The smaller the rate, the closer to the "
        "limit; the points at the smallest rate are judged, and a red cross would be one off its line.",
        claims=("ex.D6", "ex.D6.path", "ex.D6.cliff"),
        experiments=experiments,
        draw=draw,
    ),
)
