"""Box plots of the estimate of a constant learning rate: they stop shrinking, as information and look-alikes demand."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.stats import norm

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.exp3 import _shared as shared
from simulations.exp3 import LADDER_OUTPUTS, ladder_estimates
from theory.exp3 import ladder_affinity, ladder_information

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

RATES = (0.1, 0.5, 1.0)
LOW, HIGH = 0.1, 10.0  # ends of the interval of rates, in units of the rate of the panel
AFFINITY = 0.9
EXCEEDED = (1 - np.sqrt(1 - AFFINITY**2)) / 2  # no estimator keeps errors of half a look-alike's distance below this
BEYOND = float(norm.isf(EXCEEDED / 2))  # the size that a normal variable exceeds with that probability
GRID, HALVINGS = 40, 14
LINEAR = 0.02  # errors up to this size are drawn to scale, larger ones logarithmically
TICKS = (-0.5, -0.1, -0.02, 0.0, 0.02, 0.1, 0.5, 2.0)


class Panels(NamedTuple):
    """The three panels of one rate."""

    estimates: Axes
    errors: Axes
    ends: Axes


# ---------------------------------------------------------------- theory


def relative_deviation(rate: float, rounds: Array) -> Array:
    """1/(eta sqrt(I_n)), the standard deviation of an efficient estimator of log eta."""
    return 1 / (rate * np.sqrt(np.asarray(ladder_information(rounds, rate))))


def look_alikes(rate: float, rounds: Array) -> tuple[Array, Array]:
    """Smallest and largest rate, over `rate`, whose histories have affinity >= .9 with those of `rate`; in [.1, 10].

    From the farthest of a grid of 40 rates a side that has it, halving.
    """
    return _farthest(rate, rounds, LOW), _farthest(rate, rounds, HIGH)


def _farthest(rate: float, rounds: Array, end: float) -> Array:
    """The farthest towards `end`."""
    logs = np.linspace(0.0, np.log(end), GRID + 1)

    def alike(places: Array) -> NDArray[np.bool_]:
        return np.asarray(ladder_affinity(rounds, rate, rate * np.exp(places))) >= AFFINITY

    last = GRID - np.argmax(alike(logs[::-1, None]), axis=0)
    good, bad = logs[last], logs[np.minimum(last + 1, GRID)]
    for _ in range(HALVINGS):
        middle = (good + bad) / 2
        right = alike(middle)
        good, bad = np.where(right, middle, good), np.where(right, bad, middle)
    return np.exp(good)


@lru_cache(maxsize=256)
def look_alike(rate: float, rounds: int) -> float:
    """The farther of the two look-alikes, over `rate`; its distance rounded down to three digits, for a setting."""
    below, above = (float(side[0]) for side in look_alikes(rate, np.array([float(rounds)])))
    distance = max(above - 1, 1 - below)
    unit = 10.0 ** (np.floor(np.log10(distance)) - 2)
    distance = float(np.floor(distance / unit) * unit)
    return round(1 + distance if above - 1 >= 1 - below else 1 - distance, 9)


# ---------------------------------------------------------------- simulation


def horizons(scale: Scale) -> tuple[int, ...]:
    """Numbers of rounds of the boxes."""
    exponents = shared.by_scale(scale, (1, 2, 3, 5, 12), range(1, 13), range(1, 13))
    return tuple(10**k for k in exponents)


def setting(rate: float, rounds: int, ratio: float = 1.0) -> dict[str, Any]:
    """Losses (1, 0), all rounds used, true rate `ratio` times `rate`, the interval of `rate`."""
    return {"learning_rate": rate * ratio, "rounds": rounds, "low": LOW / ratio, "high": HIGH / ratio}


def named(rate: float, rounds: int, which: str = "eta") -> str:
    """The name of an experiment."""
    return f"{which} = {rate:g}, n = {rounds}"


def experiments(scale: Scale, seed: int) -> Plan:
    """Two experiments for each rate and horizon: at the rate and at the farther of its look-alikes."""
    runs = shared.by_scale(scale, 200, 1000, 4000)
    plan: dict[str, Any] = {}
    for rate in RATES:
        for n in horizons(scale):
            other = setting(rate, n, look_alike(rate, n))
            plan[named(rate, n)] = shared.kept(ladder_estimates, setting(rate, n), seed, runs)
            plan[named(rate, n, "look-alike of eta")] = shared.kept(ladder_estimates, other, seed, runs)
    return plan


def error_size(samples: Array) -> tuple[float, float]:
    """The size that 28 % of the errors of `samples` exceed, in units of the true rate, and its standard error."""
    known = samples[shared.column(samples, LADDER_OUTPUTS, "flat") == 0]
    return shared.quantile(shared.column(known, LADDER_OUTPUTS, "absolute_error"), 1 - EXCEEDED)


# ---------------------------------------------------------------- drawing


def draw(data: FigureData) -> Canvas:
    """Above: errors of the estimates; below them: what 28 % of errors exceed; last: fits that are no estimates."""
    canvas = Canvas(5, len(RATES), size=(7.4, 6.8))
    ends = horizons(data.scale)[0], horizons(data.scale)[-1]
    rounds = np.unique(np.round(shared.geometric(*ends, shared.by_scale(data.scale, 16, 61, 121))))
    for k, rate in enumerate(RATES):
        panels = _panels(canvas, k, rate, (0.4 * ends[0], 3.0 * ends[1]))
        _theory(canvas, panels, rate, rounds)
        _estimates(canvas, panels, data, rate)
        _errors(canvas, panels, data, rate)
    return canvas


def _panels(canvas: Canvas, k: int, rate: float, xlim: tuple[float, float]) -> Panels:
    """Column `k`, for `rate`."""
    words = ("error, η̂/η − 1", "size that 28 % of errors\nexceed, |η̂ − η|/η", "no estimate, %") if k == 0 else [""] * 3
    title = f"({'abc'[k]}) η = {rate:g}"
    above: Any = {"title": title, "xlim": xlim, "ylim": (LOW - 1, HIGH - 1), "scales": ("log", "linear")}
    estimates = canvas.panel(f"estimates, {rate:g}", (slice(0, 2), k), x="", y=words[0], **above)
    estimates.set_yscale("symlog", linthresh=LINEAR, linscale=0.6)
    estimates.set_yticks(TICKS, [f"{tick:g}".replace("-", "−") for tick in TICKS])
    estimates.set_yticks([], minor=True)
    errors = canvas.panel(f"errors, {rate:g}", (slice(2, 4), k), x="", y=words[1], xlim=xlim)
    linear = ("log", "linear")
    ends = canvas.panel(f"ends, {rate:g}", (4, k), x=shared.ROUNDS, y=words[2], scales=linear, xlim=xlim)
    return Panels(estimates, errors, ends)


def _theory(canvas: Canvas, panels: Panels, rate: float, rounds: Array) -> None:
    """What the information and the look-alikes say of `rate` at `rounds`."""
    deviation, (below, above) = relative_deviation(rate, rounds), look_alikes(rate, rounds)
    words = "rates that look like η: affinity ≥ 0.9"
    canvas.band(panels.estimates, rounds, below - 1, above - 1, series="look-alikes", label=words, color="0.87")
    canvas.line(panels.estimates, rounds, np.zeros(rounds.size), series="truth", role="guide")
    for name, sign in (("5 %", -1), ("95 %", 1)):
        ends = sign * shared.NORMAL_WHISKER * deviation
        style: Any = {"label": "efficient: 5 % and 95 %", "color": PALETTE[0]}
        canvas.line(panels.estimates, rounds, ends, series=f"efficient, {name}", **style)
    style = {"label": "efficient: 28 % beyond", "color": PALETTE[0], "ls": (0, (5, 1.5))}
    canvas.line(panels.errors, rounds, BEYOND * deviation, series="efficient", **style)
    style = {"label": "least possible at η or at its look-alike", "color": PALETTE[1]}
    canvas.line(panels.errors, rounds, np.maximum(above - 1, 1 - below) / 2, series="two rates", **style)


def _estimates(canvas: Canvas, panels: Panels, data: FigureData, rate: float) -> None:
    """Boxes of the estimates inside the interval, shares of the others."""
    found = {n: shared.sampled(canvas, panels.estimates, data, named(rate, n)) for n in horizons(data.scale)}
    drawn = {n: samples for n, samples in found.items() if samples is not None}
    if drawn:
        inner = [samples[shared.inside(samples, LADDER_OUTPUTS)] for samples in drawn.values()]
        errors = [shared.column(samples, LADDER_OUTPUTS, "error") for samples in inner]
        style: Any = {"label": "estimates inside the interval, simulated", "width": 0.9}
        canvas.boxes(panels.estimates, list(drawn), errors, series="estimates", **style)
        shared.draw_ends(canvas, panels.ends, list(drawn), list(drawn.values()), LADDER_OUTPUTS, apart=1.7)


def _errors(canvas: Canvas, panels: Panels, data: FigureData, rate: float) -> None:
    """Error sizes at the rate and at its look-alikes; crossed out where both are less than is possible."""
    found = []
    for n in horizons(data.scale):
        ratio, pair = look_alike(rate, n), (named(rate, n), named(rate, n, "look-alike of eta"))
        samples = [shared.sampled(canvas, panels.errors, data, name) for name in pair]
        if samples[0] is not None and samples[1] is not None:
            at, other = np.array(error_size(samples[0])), ratio * np.array(error_size(samples[1]))
            size, bar = np.stack([at, other], axis=-1)
            short = refuted(size, np.maximum(size, abs(ratio - 1) / 2), bar, len(samples[0]))
            found.append((n, at, other, bool(short.all())))
    if found:
        places, at, other, crossed = (np.array(values) for values in zip(*found, strict=True))
        style: Any = {"crossed": crossed, "label": "errors at η, simulated"}
        canvas.points(panels.errors, places, *at.T, series="errors", **style)
        style = {
            "crossed": crossed,
            "label": "at its look-alike, simulated",
            "color": PALETTE[1],
            "fmt": "D",
            "ms": 2.8,
        }
        canvas.points(panels.errors, places, *other.T, series="errors at look-alikes", **style)


FIGURES = (
    FigureSpec(
        id="learning-rate-constant",
        title="A constant learning rate: the estimate stops improving",
        caption="Maximum-likelihood estimate of a constant learning rate η from n rounds with losses (1, 0), on the "
        "interval [η/10, 10 η]. Above: boxes (quartiles, median, whiskers from 5 % to 95 %) of the relative errors of "
        "the simulated estimates inside the interval, on an axis that is linear up to 0.02; lines: 5 % and 95 % of a "
        "normal law with variance one over the exact Fisher information; grey: rates whose histories have affinity 0.9 "
        "or more with those of η. Middle: points are sizes that 28 % of the simulated errors exceed, at η and at the "
        "farther of its look-alikes, in units of η, with bars of one standard error; broken line: the same for the "
        "normal law; solid line: half the distance of the look-alike, which at one of the two rates every estimator "
        "exceeds in 28 % of all runs. Below: simulated share of fits at an end of the interval, or with a likelihood "
        "that is the same for every rate.",
        claims=("ex.E1", "ex.T1", "ex.D9", "ex.D10"),
        experiments=experiments,
        draw=draw,
    ),
)
