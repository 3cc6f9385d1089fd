"""Box plots of how well the estimate predicts the arms: mean squared errors of order n^-alpha, a chi-squared law."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.exp3 import _runs as runs
from figures.exp3 import _shared as shared
from figures.exp3._runs import Curve
from figures.exp3.estimation import FOUR, TWO, XLIM
from simulations.exp3 import ESTIMATE_OUTPUTS, FINITE_SET_OUTPUTS, finite_set_errors
from theory.exp3 import mean_prediction_error, prediction_bound, prediction_quantile

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

CANDIDATES, CONFIDENCE = 41, 0.95
# The mean squared error is off its limit by up to 3 eta of it (measured at eta = .16 to .05, 1000 runs).
SLACK = 4.0
YLIM = (2e-7, 9.0)


def candidates() -> tuple[float, ...]:
    """Ratios of the finite set to the true rate: geometric, the truth in the middle."""
    half = CANDIDATES // 2
    return tuple(round(float(runs.HIGH ** (k / half)), 12) for k in range(-half, half + 1))


def finite_named(curve: Curve, n: int) -> str:
    """The name of the experiment on the finite set."""
    return f"{curve.named(n)}, finite set"


def experiments(scale: Scale, seed: int, curves: Sequence[Curve]) -> Plan:
    """The runs of the estimate, and the most likely of finitely many candidates on as many runs."""
    plan = dict(runs.experiments(scale, seed, curves))
    replicates = shared.by_scale(scale, 100, 400, 4000)
    for curve in curves:
        for n in curve.horizons(scale):
            rate, rounds = curve.at(n)
            law = {"learning_rate": rate, "mean_losses": curve.losses, "rounds": rounds, "ratios": candidates()}
            plan[finite_named(curve, n)] = shared.kept(finite_set_errors, law, seed, replicates)
    return plan


# ---------------------------------------------------------------- drawing


def draw_limit(canvas: Canvas, ax: Axes, data: FigureData, curve: Curve) -> None:
    """Quantiles and mean of the limit law over the number of rounds, and the bound for finite sets."""
    n = shared.geometric(*XLIM, 40)
    rounds = runs.SCALED / runs.learning_rate(n, curve.exponent)
    low, first, middle, third, high = (
        np.asarray(prediction_quantile(level, runs.SCALED, curve.losses)) / rounds
        for level in (0.05, 0.25, 0.5, 0.75, 0.95)
    )
    canvas.band(ax, n, low, high, series="5 % to 95 %", label="limit law, 5 % to 95 %", color="#DDE9F3")
    canvas.band(ax, n, first, third, series="quartiles", label="its quartiles", color="#B5D0E6")
    canvas.line(ax, n, middle, series="median", label="its median", color=PALETTE[0], lw=1.0)
    mean = mean_prediction_error(runs.SCALED, curve.losses) / rounds
    canvas.line(ax, n, mean, series="mean", label="its mean, (Q/J)/T", color="black", lw=1.3)
    bound = prediction_bound(CANDIDATES, CONFIDENCE).squared_two_norm / rounds
    words = f"bound for 95 % of runs, {CANDIDATES} candidates"
    canvas.line(ax, n, bound, series="bound", label=words, color=PALETTE[1])


def draw_simulated(canvas: Canvas, ax: Axes, data: FigureData, curve: Curve) -> None:
    """Boxes and means of the error per round; .95 quantiles of the error over the finite set."""
    found = runs.drawn(canvas, ax, data, curve)
    errors = {n: per_round(samples, curve, n) for n, samples in found.items()}
    style: Any = {"label": "simulated", "width": 0.5}
    canvas.boxes(ax, list(errors), list(errors.values()), series="errors", **style)
    if errors:
        places = np.array(list(errors), dtype=float)
        rounds = np.array([curve.at(n)[1] for n in errors])
        mean = np.array([np.mean(values) for values in errors.values()])
        bars = np.array([np.std(values, ddof=1) / np.sqrt(values.size) for values in errors.values()])
        theory = mean_prediction_error(runs.SCALED, curve.losses) / rounds
        least = min(values.size for values in errors.values())
        bad = refuted(mean, theory, bars, least, SLACK * runs.learning_rate(places, curve.exponent))
        style = {"crossed": bad, "color": "black", "zorder": 4, "label": "simulated mean"}
        canvas.points(ax, places, mean, bars, series="mean", **style)
    draw_finite(canvas, ax, data, curve)


def per_round(samples: Array, curve: Curve, n: int) -> Array:
    """Squared prediction error over the rounds, of the fits whose likelihood is not flat."""
    known = samples[shared.column(samples, ESTIMATE_OUTPUTS, "flat") == 0]
    return shared.column(known, ESTIMATE_OUTPUTS, "squared_distance") / curve.at(n)[1]


def draw_finite(canvas: Canvas, ax: Axes, data: FigureData, curve: Curve) -> None:
    """The .95 quantile over the finite set; crossed out where it is above the bound."""
    found = {n: shared.sampled(canvas, ax, data, finite_named(curve, n)) for n in curve.horizons(data.scale)}
    known = {
        n: shared.column(one, FINITE_SET_OUTPUTS, "squared_distance") for n, one in found.items() if one is not None
    }
    if known:
        value, bar = np.array([shared.quantile(sums, CONFIDENCE) for sums in known.values()]).T
        bound = prediction_bound(CANDIDATES, CONFIDENCE).squared_two_norm
        bad = refuted(value, np.minimum(value, bound), bar, min(sums.size for sums in known.values()))
        rounds = np.array([curve.at(n)[1] for n in known])
        style: Any = {"crossed": bad, "color": PALETTE[1], "fmt": "D", "ms": 3.0}
        words = f"simulated 95 % quantile, {CANDIDATES} candidates"
        canvas.points(ax, list(known), value / rounds, bar / rounds, series="finite set", label=words, **style)


def panel(
    canvas: Canvas, data: FigureData, curve: Curve, place: tuple[int, int], title: str, words: tuple[str, str]
) -> None:
    """The panel of one curve at `place`, with `words` on its axes."""
    limits: Any = {"xlim": XLIM, "ylim": YLIM}
    ax = canvas.panel(curve.name, place, x=words[0], y=words[1], title=title, **limits)
    ax.set_xticks([1e2, 1e3, 1e4, 1e5])
    draw_limit(canvas, ax, data, curve)
    draw_simulated(canvas, ax, data, curve)


ERROR = "prediction error per round,\nΣ|p̂ − p|²/T"


def experiments_two(scale: Scale, seed: int) -> Plan:
    """Two arms, three exponents."""
    return experiments(scale, seed, TWO)


def draw_two(data: FigureData) -> Canvas:
    """A panel for each exponent."""
    canvas = Canvas(1, 3, size=(7.6, 4.0))
    for k, curve in enumerate(TWO):
        words = (runs.HORIZON, ERROR if k == 0 else "")
        panel(canvas, data, curve, (0, k), f"({'abc'[k]}) {curve.name}: slope −{curve.name[4:]}", words)
    return canvas


def experiments_four(scale: Scale, seed: int) -> Plan:
    """Four arms, two sets of losses, two exponents."""
    return experiments(scale, seed, FOUR)


def draw_four(data: FigureData) -> Canvas:
    """A row for each set of losses, a column for each exponent."""
    canvas = Canvas(2, 2, size=(7.4, 6.0))
    for k, curve in enumerate(FOUR):
        words = (runs.HORIZON if k > 1 else "", ERROR if k % 2 == 0 else "")
        panel(canvas, data, curve, (k // 2, k % 2), f"({'abcd'[k]}) {curve.name}", words)
    return canvas


CAPTION = (
    "Squared error of the predicted probabilities of the arms, a mean over the first T = 2/η rounds, η = n^−α/2. Boxes "
    "(quartiles, median, whiskers from 5 % to 95 %) and means with bars of one standard error: simulated "
    "maximum-likelihood estimate on [η/3, 3 η], ends included. Bands and lines: the limit law (Q/J) χ²/T with one "
    "degree of freedom, of slope −α, Q and J from differential equations. Above, line: what 95 % of all runs do not "
    "exceed if the most likely of 41 candidates is taken, whatever the losses; points: the simulated quantile. A mean "
    "is crossed out if it is off by more than noise and 4 η of its value, a quantile if it exceeds the bound. "
)
FIGURES = (
    FigureSpec(
        id="prediction-two-arms",
        title="Predicting the arms with the estimated learning rate, two arms",
        caption=CAPTION + "Losses (1, 0).",
        claims=("ex.E3", "ex.T3", "ex.D5", "ex.D8"),
        experiments=experiments_two,
        draw=draw_two,
    ),
    FigureSpec(
        id="prediction-four-arms",
        title="Predicting the arms with the estimated learning rate, four arms",
        caption=CAPTION + "Four arms, two sets of losses (rows), two exponents (columns).",
        claims=("ex.E5", "ex.D5", "ex.D8"),
        experiments=experiments_four,
        draw=draw_four,
    ),
)
