"""Where every arm pays, a run depends on its learning rate exponentially, and double precision loses it."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from figures.exp3 import _shared as shared
from simulations.exp3 import rounding_errors
from theory.exp3 import ladder, mean_field_path

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

RATES = (0.5, 0.05)
CASES = {"losses 1, 0": ((1.0, 0.0), PALETTE[0]), "losses .8, .3": ((0.8, 0.3), PALETTE[1])}
DIGITS = 100
UNIT = np.log10(2.0**-53)
FACTOR = 2.5  # decades; the tangent takes the rounding for one error at the start: up to 1.8 decades off in 192 runs
LOST = 0.0  # log10 of the error from which nothing is predicted
GIVEN_UP = 99.0  # log10 of the error once doubles have given up an arm
TOPS = {0.5: (12.0, 20.0, 32.0), 0.05: (4.0, 7.0, 16.0)}  # of the axes above, decades
SHOWN = -15.5  # log10 of errors that are shown: smaller ones are the last digit of the log-odds


def times(scale: Scale) -> NDArray[np.int64]:
    """Rounds that are shown."""
    return np.arange(*shared.by_scale(scale, (15, 161, 15), (10, 601, 10), (10, 1001, 10)))


def experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each case and rate."""
    runs = shared.by_scale(scale, 2, 5, 20)
    at = [int(t) for t in times(scale)]
    plan = {}
    for rate in RATES:
        for name, (losses, _) in CASES.items():
            setting = {"learning_rate": rate, "mean_losses": losses, "times": at, "digits": DIGITS}
            plan[named(name, rate)] = shared.kept(rounding_errors, setting, seed, runs)
    return plan


def named(case: str, rate: float) -> str:
    """The name of an experiment."""
    return f"{case}, eta = {rate:g}"


def levels(rate: float) -> Array:
    """Return log10 of dx/d eta on the levels of the ladder from the first pull on: all values it can take."""
    _, slope = ladder(rate, 40)
    finite = np.asarray(slope)[1:]
    return np.log10(finite[np.isfinite(finite)])


def limit(rounds: Array, rate: float, losses: tuple[float, ...]) -> Array:
    """Return log10 of |dx/d eta| in the limit of small rates, |gamma_1 - gamma_2|/eta, nan where p is below eta."""
    path = mean_field_path(rate * rounds, losses)
    gap = np.abs(path.sensitivity[..., 1] - path.sensitivity[..., 0]) / rate
    return np.where(path.probability.min(axis=-1) > rate, np.log10(np.maximum(gap, 1e-20)), np.nan)


def draw(data: FigureData) -> Canvas:
    """Above: sensitivities; below: errors of the log-odds in double precision."""
    canvas = Canvas(2, len(RATES), size=(7.4, 6.4))
    last = float(times(data.scale)[-1])
    for k, rate in enumerate(RATES):
        lay: Any = {"scales": ("linear", "linear"), "xlim": (0.0, last * 1.02)}
        y = ("log₁₀ |dx/dη|", "log₁₀ error of x in double precision") if k == 0 else ("", "")
        title, reach = f"({'ab'[k]}) η = {rate:g}", shared.by_scale(data.scale, *TOPS[rate])
        top = canvas.panel(f"sensitivity, {rate:g}", (0, k), x="", y=y[0], title=title, ylim=(-0.5, reach), **lay)
        low = canvas.panel(f"error, {rate:g}", (1, k), x="round, t", y=y[1], ylim=(-16.0, reach - 16), **lay)
        for ax in (top, low):
            ax.yaxis.set_major_locator(MaxNLocator(7, integer=True))
        found = {name: shared.sampled(canvas, top, data, named(name, rate)) for name in CASES}
        _theory(canvas, top, rate, last)
        canvas.line(low, [0.0, last], [LOST, LOST], series="lost", role="guide", label="no digit left")
        for name, samples in found.items():
            if samples is not None:
                _runs(canvas, top, low, name, rate, samples, times(data.scale))
    return canvas


def _theory(canvas: Canvas, ax: Axes, rate: float, last: float) -> None:
    """The ladder's levels, of which some are shown, and the limits of small rates."""
    heights = levels(rate)
    for height in heights[heights < 12.0]:
        thin: Any = {"color": PALETTE[0], "lw": 0.5, "alpha": 0.6}
        label = "exact, losses 1, 0: the ladder's levels"
        canvas.line(ax, [0.0, last], [height] * 2, series="level", label=label, **thin)
    t = np.linspace(last / 400, last, 400)
    for name, (losses, color) in CASES.items():
        label, curve = f"limit of small rates, {name}, while p > η", limit(t, rate, losses)
        if np.isfinite(curve).any():
            canvas.line(ax, t, curve, series=f"limit, {name}", label=label, color=color)


def _runs(
    canvas: Canvas, top: Axes, low: Axes, name: str, rate: float, samples: Array, rounds: NDArray[np.int64]
) -> None:
    """Every run as small points; its predicted error as a thin line."""
    losses, color = CASES[name]
    every = np.tile(rounds.astype(float), len(samples))
    slope, _, error = np.moveaxis(samples, 1, 0)
    dots: Any = {"color": color, "ms": 2.0, "mew": 0.0}
    off = np.zeros(slope.shape, dtype=bool)
    if 0.0 in losses:
        off = np.abs(slope[..., None] - levels(rate)).min(axis=-1) > 1e-6
        off &= slope > 0  # before the first pull the rate does not matter
    known = slope.ravel() > 0
    canvas.points(
        top,
        every[known],
        slope.ravel()[known],
        series=name,
        label=f"simulated, {name}",
        crossed=off.ravel()[known],
        **dots,
    )
    predicted = np.log10(rate) + slope + UNIT
    bad = (np.maximum(error, SHOWN) > np.maximum(predicted, SHOWN) + FACTOR) & (predicted < LOST) & (error < GIVEN_UP)
    seen = (error.ravel() > SHOWN) & (error.ravel() < GIVEN_UP)
    canvas.points(low, every[seen], error.ravel()[seen], series=name, crossed=bad.ravel()[seen], **dots)
    for i, one in enumerate(predicted):
        label = f"predicted, 2⁻⁵³ |η dx/dη|, {name}"
        canvas.line(low, rounds, one, series=f"predicted, {name}, {i}", label=label, color=color, lw=0.6, alpha=0.6)


FIGURES = (
    FigureSpec(
        id="history-chaos",
        title="Chaos where every arm pays",
        caption="Derivative of the log-odds x of a run with two arms with respect to its learning rate (above), "
        f"computed with {DIGITS} digits, and the error of x in double precision on the same history (below), against "
        "the round. Points: simulated runs, each of them shown. Lines above: for losses (1, 0) the values on the "
        "ladder, the only ones possible (thin); for both the limit of small rates, as long as the smaller probability "
        "is above η. Lines below: what the derivative predicts, 2⁻⁵³ |η dx/dη|, for each run; points "
        "end where doubles give up an arm of probability below e⁻⁷⁰⁰. With a lossless arm the derivative rises by rare "
        "steps; where both arms pay it grows exponentially, and so do rounding errors; with it grows what is learned, "
        "so that the lower bound of constant rates does not carry over (ex.T1.positive). A red cross would be a "
        "derivative off the ladder, or an error three hundred times the predicted one.",
        claims=("ex.D11", "ex.D11.tangent", "ex.T1.positive"),
        experiments=experiments,
        draw=draw,
    ),
)
