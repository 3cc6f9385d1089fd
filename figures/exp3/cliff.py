"""Log-likelihoods of wrong candidates: single runs over the mean-field limit, and the cliff that they fall off."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.exp3 import _shared as shared
from simulations.exp3 import candidate_likelihoods
from theory.exp3 import candidate_log_likelihood

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

TIMES = (0.8, 1.3, 2.0)
RATE = 0.001  # of the runs shown one by one
RATIOS = shared.numbers(2.0 ** (np.arange(-26, 35) / 20))
TRUTH = RATIOS.index(1.0)
MEANS = slice(2, None, 6)  # candidates whose means are drawn
XLIM = (RATIOS[0], RATIOS[-1])
LOWEST = {"losses": -0.2, "gains": -0.17}
CLIFF: Any = {"ls": (0, (2, 1.5)), "lw": 1.2}
SLACK = 0.05  # relative, at RATE: the limit's own error is of order the rate over the smallest probability

RATES = (0.03, 0.003, 0.0003)
LARGER = shared.numbers(2.0 ** (np.arange(91) / 30))
ENDS = (0.55, 3.2)  # of the scaled time at which cliffs are sought


# ---------------------------------------------------------------- theory


def cliff_ratio(scaled_time: ArrayLike, n_arms: int = 2) -> Array:
    """The candidate, over the true rate, whose cliff stands at `scaled_time`; inverse of `theory.exp3.cliff_time`.

    >>> round(float(cliff_ratio(-np.log(np.sqrt(2) - 1))), 12)
    2.0
    """
    end = -np.log1p(-1 / n_arms)
    return end / (end - np.log1p(np.exp(-np.asarray(scaled_time, dtype=float)) / (n_arms - 1)))


def limit(scaled_time: float, ratios: ArrayLike, gains: bool) -> Array:
    """Limit of eta (L(r eta) - L(eta)): minus what the candidate loses to the truth; nan behind the cliff."""
    truth = candidate_log_likelihood(scaled_time, 1.0, gains=gains)
    values = np.asarray(candidate_log_likelihood(scaled_time, ratios, gains=gains)) - truth
    return np.where(np.isfinite(values), values, np.nan)


# ---------------------------------------------------------------- simulation


def times(scale: Scale) -> tuple[float, ...]:
    """Scaled times at which cliffs are sought."""
    return shared.numbers(shared.geometric(*ENDS, shared.by_scale(scale, 4, 9, 17)).round(3))


def setting(time: float, rate: float, ratios: tuple[float, ...], **other: Any) -> dict[str, Any]:
    """Candidates `ratios` on data of `rate`, losses (or gains) 1 and 0, up to `time`."""
    return {"learning_rate": rate, "mean_losses": (1.0, 0.0), "scaled_time": time, "ratios": ratios, **other}


def curves(kind: str, time: float) -> str:
    """The name of an experiment with runs shown one by one."""
    return f"{kind}, S = {time:g}"


def falls(rate: float, time: float) -> str:
    """The name of an experiment that seeks a cliff."""
    return f"cliff, eta = {rate:g}, S = {time:g}"


def experiments(scale: Scale, seed: int) -> Plan:
    """Candidates on the data of losses and gains at three times; larger candidates at many times, for three rates."""
    plan: dict[str, Any] = {}
    runs = shared.by_scale(scale, 50, 200, 1000)
    for time in TIMES:
        for kind, other in (("losses", {}), ("gains", {"gains": True})):
            wanted = setting(time, RATE, RATIOS, **other)
            plan[curves(kind, time)] = shared.kept(candidate_likelihoods, wanted, seed, runs)
    for rate in RATES[: shared.by_scale(scale, 2, 3, 3)]:
        for time in times(scale):
            wanted = setting(time, rate, LARGER)
            plan[falls(rate, time)] = shared.kept(candidate_likelihoods, wanted, seed, runs)
    return plan


def lost(samples: Array) -> Array:
    """eta (L(r eta) - L(eta)) of every run and candidate in `samples` of curves, nan where the latter is impossible."""
    values, flags = np.split(samples, 2, axis=1)
    return np.where(flags > 0, np.nan, values - values[:, [TRUTH]])


def half_fallen(samples: Array) -> tuple[float, float]:
    """The candidate, over the true rate, that half of the runs in `samples` find impossible, and its standard error.

    Between two candidates by a line; nan where none is.
    """
    share = np.maximum.accumulate(np.mean(samples[:, len(LARGER) :], axis=0))
    above = int(np.argmax(share >= 0.5))
    if share[above] < 0.5 or above == 0:
        return np.nan, np.nan
    (left, right), (low, high) = LARGER[above - 1 : above + 1], share[above - 1 : above + 1]
    slope = (high - low) / (right - left)
    return left + (0.5 - low) / slope, 0.5 / np.sqrt(len(samples)) / slope


# ---------------------------------------------------------------- drawing


def draw(data: FigureData) -> Canvas:
    """Left: runs, their means and limits for losses; right: the same for gains, and where the cliffs stand."""
    canvas = Canvas(2, 2, size=(7.4, 5.0), ratios=(1.35, 1.0))
    words: Any = {"y": "η (L(rη) − L(η))", "scales": ("log", "linear"), "xlim": XLIM}
    axis = "candidate over true rate, r"
    panels = {
        "losses": canvas.panel("losses", (slice(0, 2), 0), x=axis, title="(a) losses: cliffs", **words),
        "gains": canvas.panel("gains", (0, 1), x=axis, title="(b) gains: no cliff", **words),
    }
    words = {"x": "scaled time S = ηT", "y": "cliff at r", "title": "(c) where the cliff stands"}
    cliffs = canvas.panel("cliffs", (1, 1), xlim=(0.5, 3.5), ylim=(0.95, 6.5), **words)
    for kind, ax in panels.items():
        ax.set_ylim(LOWEST[kind], -0.08 * LOWEST[kind])
        for time, color in zip(TIMES, PALETTE, strict=False):
            _theory(canvas, ax, kind, time, color)
        for time, color in zip(TIMES, PALETTE, strict=False):
            _runs(canvas, ax, data, kind, time, color)
    _cliffs(canvas, cliffs, data)
    canvas.key("cliff: −∞ from here on", color="0.35", **CLIFF)
    return canvas


def _theory(canvas: Canvas, ax: Axes, kind: str, time: float, color: str) -> None:
    """The limit at one time, and its cliff."""
    cliff, name = float(cliff_ratio(time)), f"S = {time:g}"
    grid = shared.geometric(*XLIM, 200)
    if kind == "losses":
        grid = np.append(grid[grid < cliff], cliff * (1 - 1e-9))
        fall = [float(limit(time, grid[-1:], False)[0]), LOWEST[kind]]
        canvas.line(ax, [cliff, cliff], fall, series=f"cliff, {name}", color=color, zorder=4, **CLIFF)
    values = limit(time, grid, kind == "gains")
    canvas.line(ax, grid, values, series=name, label=f"limit η → 0, {name}", color=color, lw=1.8, zorder=4)


def _runs(canvas: Canvas, ax: Axes, data: FigureData, kind: str, time: float, color: str) -> None:
    """Fifty runs one by one, and the means of all candidates that no run finds impossible."""
    samples = shared.sampled(canvas, ax, data, curves(kind, time))
    if samples is None:
        return
    values, ratios = lost(samples), np.array(RATIOS)
    some = np.column_stack([values[:50], np.full(50, np.nan)])  # one curve, broken between the runs
    style: Any = {"color": color, "fmt": "-", "lw": 0.35, "alpha": 0.45, "zorder": 2}
    places = np.tile(np.append(ratios, np.nan), 50)
    label = "50 simulated runs, η = 0.001" if color == PALETTE[0] else ""
    canvas.points(ax, places, some.ravel(), series=f"runs, S = {time:g}", label=label, **style)
    chosen = np.zeros(ratios.size, bool)
    chosen[MEANS] = True
    chosen &= np.all(np.isfinite(values), axis=0) & (values.min(axis=0) > 4 * LOWEST[kind])
    chosen[TRUTH] = False
    means = values[:, chosen].mean(axis=0)
    errors = values[:, chosen].std(axis=0, ddof=1) / np.sqrt(len(values))
    theory = limit(time, ratios[chosen], kind == "gains")
    bad = refuted(means, theory, errors, len(values), SLACK) | np.isnan(theory)
    style = {"color": color, "mec": "white", "mew": 0.5, "ms": 4.2, "zorder": 5, "crossed": bad}
    label = "mean of all runs ± 1 s.e." if color == PALETTE[0] else ""
    canvas.points(ax, ratios[chosen], means, errors, series=f"means, S = {time:g}", label=label, **style)


def _cliffs(canvas: Canvas, ax: Axes, data: FigureData) -> None:
    """The candidate that half of the runs find impossible, against the line on which its cliff stands."""
    grid = shared.geometric(0.5, 3.5, 200)
    canvas.line(ax, grid, cliff_ratio(grid), series="cliff", label="cliff in the limit η → 0", color="0.15")
    for rate, color, marker in zip(RATES, shades(3), "vso", strict=True):
        found = []
        for time in times(data.scale):
            if falls(rate, time) in data.moments or falls(rate, time) in data.missing:
                samples = shared.sampled(canvas, ax, data, falls(rate, time))
                found += [] if samples is None else [(time, *half_fallen(samples))]
        if found:
            style: Any = {"color": color, "fmt": marker, "label": f"half of the runs fell, η = {rate:g}"}
            places = np.array(found).T
            canvas.points(ax, *places[:, np.isfinite(places[1])], series=f"η = {rate:g}", **style)


FIGURES = (
    FigureSpec(
        id="likelihood-cliff",
        title="The log-likelihood falls off a cliff, and where",
        caption="Log-likelihood of the candidate rη on T = S/η rounds of a learner with rate η, against that of the "
        "truth. (a) Losses (1, 0), (b) gains (1, 0): thin curves are single simulated runs, which end where the "
        "candidate finds the run impossible, points are means over all runs with bars of one standard error, where "
        "every run is possible; thick lines: the limit η → 0 in closed form; dashed: the cliff, behind which it is −∞. "
        "A candidate that learns too fast believes that it would not draw the lossy arm any more; gains correct such "
        "an error. (c) Points: the candidate that half of the simulated runs find impossible; line: where the cliff "
        "stands in the limit, which smaller rates are closer to. A red cross marks a refuted mean.",
        claims=("ex.D6", "ex.D6.cliff"),
        experiments=experiments,
        draw=draw,
    ),
)
