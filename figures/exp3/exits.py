"""First rounds in which some arm has become rare: exact law on the ladder, sure bounds, limit of small rates."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.exp3 import _shared as shared
from simulations.exp3 import exit_rounds
from theory.exp3 import admissible_truncation, exit_time, scaled_exit_time

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

THRESHOLDS = (0.2, 0.05, 0.01)
CASES: dict[str, tuple[float, ...]] = {
    "losses 1, 0": (1.0, 0.0),
    "losses 1, 0, 0, 0": (1.0, 0.0, 0.0, 0.0),
    "losses .9, .6, .3, 0": (0.9, 0.6, 0.3, 0.0),
}
LOW, HIGH = 0.01, 0.5
LEVELS = (0.05, 0.95)
DASHES = {"limit of small rates, s/η": "--", "sure lower bound, by the ladder": ":", "sure lower bound, linear": "-."}
# The limit of small rates has a relative error of order eta, of either sign where several arms pay; measured 6.5 eta
LIMIT_SLACK = 10.0


def rates(scale: Scale) -> Array:
    """The learning rates of the points."""
    return shared.geometric(LOW, HIGH, shared.by_scale(scale, 4, 9, 17))


def is_ladder(name: str) -> bool:
    """Whether only one arm pays, so that everything is known exactly."""
    return np.count_nonzero(CASES[name]) == 1


def experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each case and rate; the thresholds share its runs."""
    runs = shared.by_scale(scale, 1000, 4000, 20_000)
    plan = {}
    for name, losses in CASES.items():
        for rate in rates(scale).tolist():
            setting = {"mean_losses": losses, "thresholds": THRESHOLDS, "max_rounds": 10**6, "learning_rate": rate}
            plan[named(name, rate)] = shared.kept(exit_rounds, setting, seed, runs)
    return plan


def named(case: str, rate: float) -> str:
    """The name of an experiment."""
    return f"{case}, eta = {rate:.4g}"


def draw(data: FigureData) -> Canvas:
    """Above: rounds; in the middle: rounds times the rate, with its bounds; below: standard deviations."""
    canvas = Canvas(3, len(CASES), size=(7.4, 7.4))
    for k, (name, losses) in enumerate(CASES.items()):
        title = f"({'abc'[k]}) losses ({name.removeprefix('losses ')})"
        below: Any = (slice(1, 3), k) if not is_ladder(name) else (1, k)
        words = "learning rate, η"
        span: Any = {"xlim": (LOW / 1.2, HIGH * 1.2)}
        top = canvas.panel(
            f"rounds, {name}", (0, k), x="", y="exit round, T" if k == 0 else "", title=title, ylim=(1.5, 2e3), **span
        )
        scaled = canvas.panel(
            f"scaled, {name}",
            below,
            x="" if is_ladder(name) else words,
            y="" if k > 0 and is_ladder(name) else "mean, η E[T]",
            ylim=(0.05, 70.0),
            **span,
        )
        spread = None
        if is_ladder(name):
            y = "standard deviation, η sd(T)" if k == 0 else ""
            spread = canvas.panel(f"spread, {name}", (2, k), x=words, y=y, ylim=(0.07, 50.0), **span)
        for threshold, color in zip(THRESHOLDS, shades(len(THRESHOLDS)), strict=True):
            _lines(canvas, (top, scaled, spread), losses, threshold, color)
        _points(canvas, (top, scaled, spread), data, name)
    for label, dashes in DASHES.items():
        canvas.key(label, ls=dashes, lw=1.0)
    canvas.key("simulated mean or sd ± 1 s.e.", ls="", marker="o")
    canvas.key("simulated quantiles, 5 % and 95 %", ls="", marker="_", ms=5)
    return canvas


def _lines(
    canvas: Canvas, panels: tuple[Axes, Axes, Axes | None], losses: tuple[float, ...], threshold: float, color: Any
) -> None:
    """Exact mean and standard deviation, sure bounds, limit."""
    top, scaled, spread = panels
    eta = shared.geometric(LOW, HIGH, 600)
    most, arms = max(losses), len(losses)
    exact = exit_time(eta, threshold, arms, most)
    limit = float(np.asarray(scaled_exit_time(losses, threshold)))
    least = np.asarray(admissible_truncation(eta, threshold, arms, most).linear) + 1.0
    series, words = f"exact, {threshold:g}", f"exact, ε = {threshold:g}"
    thin: Any = {"color": color, "lw": 1.0}
    if spread is not None:
        mean = np.asarray(exact.mean)
        canvas.line(top, eta, mean, series=series, label=words, **thin)
        canvas.line(scaled, eta, eta * mean, series=series, **thin)
        canvas.line(spread, eta, eta * np.sqrt(exact.variance), series=series, **thin)
    else:
        canvas.line(top, eta, limit / eta, series=f"limit, {threshold:g}", color=color, ls="--")
    canvas.line(scaled, eta, np.full(eta.size, limit), series=f"limit, {threshold:g}", ls="--", **thin)
    sure = np.asarray(exact.sure_lower_bound)
    canvas.line(scaled, eta, eta * sure, series=f"sure bound, {threshold:g}", ls=":", **thin)
    canvas.line(scaled, eta, eta * least, series=f"linear bound, {threshold:g}", ls="-.", **{**thin, "lw": 0.8})


def _points(canvas: Canvas, panels: tuple[Axes, Axes, Axes | None], data: FigureData, name: str) -> None:
    """Simulated means with their quantiles, and standard deviations."""
    top, scaled, spread = panels
    found = [
        (rate, one)
        for rate in rates(data.scale).tolist()
        if (one := shared.sampled(canvas, top, data, named(name, rate))) is not None
    ]
    if not found:
        return
    eta, samples = np.array([rate for rate, _ in found]), np.stack([one for _, one in found], axis=1)
    count, losses = len(samples), CASES[name]
    for j, (threshold, color) in enumerate(zip(THRESHOLDS, shades(len(THRESHOLDS)), strict=True)):
        exits = samples[:, :, j]
        mean, error = exits.mean(axis=0), exits.std(axis=0, ddof=1) / np.sqrt(count)
        exact = exit_time(eta, threshold, len(losses), max(losses))
        if spread is not None:
            wanted, slack = np.asarray(exact.mean), np.zeros(eta.size)
        else:
            wanted, slack = np.asarray(scaled_exit_time(losses, threshold)) / eta, LIMIT_SLACK * eta
        early = exits.min(axis=0) < np.asarray(exact.sure_lower_bound)
        bad = refuted(mean, wanted, error, count, slack) | early
        low, high = np.quantile(exits, LEVELS, axis=0)
        looks: Any = {"series": f"ε = {threshold:g}", "color": color, "crossed": bad}
        canvas.points(top, eta, mean, error, **looks)
        for end in (low, high):
            canvas.points(top, eta, end, series=f"quantile, ε = {threshold:g}", color=color, fmt="_", ms=5)
        canvas.points(scaled, eta, eta * mean, eta * error, **looks)
        if spread is not None:
            _spread_points(canvas, spread, eta, exits, wanted, np.asarray(exact.variance), looks)


def _spread_points(
    canvas: Canvas, ax: Axes, eta: Array, exits: Array, mean: Array, variance: Array, looks: dict[str, Any]
) -> None:
    """Standard deviations about the exact mean, judged by squares."""
    squares = (exits - mean) ** 2
    value, error = squares.mean(axis=0), squares.std(axis=0, ddof=1) / np.sqrt(len(exits))
    bad = refuted(value, variance, error, len(exits))
    canvas.points(ax, eta, eta * np.sqrt(value), eta * error / (2 * np.sqrt(value)), **{**looks, "crossed": bad})


FIGURES = (
    FigureSpec(
        id="exit-times",
        title="When the first arm becomes rare",
        caption="First round T in which some arm has probability below ε, against the learning rate η, two or four "
        "arms. Above: simulated means (points, with bars of one standard error) and 5 % and 95 % quantiles (dashes) "
        "over the exact mean 1 + x/η of the ladder (solid lines), or over the limit of small rates s/η where several "
        "arms pay (dashed lines). Middle: η times the mean, with the limit s, and η times the rounds before which no "
        "history exits: the ladder climbed in every round (dotted), and the linear bound (1/K − ε)/η (dash-dotted). On "
        "the ladder the limit is reached from above, since the last step overshoots; a rate at which the number of "
        "steps changes makes the exact line jump. Below: η times the standard deviation, exact lines and simulated "
        "points. A red cross would be a mean off its line, or a single run below the sure bound.",
        claims=("ex.E6", "ex.D2.exit", "ex.D3", "ex.D3.law", "ex.D3.limit"),
        experiments=experiments,
        draw=draw,
    ),
)
