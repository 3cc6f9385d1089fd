"""Box plots of the estimate when the learning rate decreases with the horizon: an error of n^(-alpha/2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
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
from simulations.exp3 import ESTIMATE_OUTPUTS
from theory.exp3 import ladder_information, mle_standard_deviation

__all__ = ["FIGURES", "FOUR", "LOSSES", "TWO", "XLIM"]

Array = NDArray[np.float64]

# The spread of the estimate exceeds what the information says by up to 6 eta of it (measured at eta = .16 to .02, 1000
# runs): likelihoods are skewed, and the information differs from run to run.
SLACK = 6.0
HOLLOW: dict[str, Any] = {"fmt": "D", "ms": 4.0, "fillstyle": "none"}
XLIM = (55.0, 190_000.0)
TWO = tuple(
    Curve(f"α = {name}", (1.0, 0.0), exponent, color)
    for name, exponent, color in zip(("1/4", "1/2", "3/4"), (0.25, 0.5, 0.75), PALETTE, strict=False)
)
LOSSES = {"(0.9, 0.6, 0.3, 0)": (0.9, 0.6, 0.3, 0.0), "(0.2, 0.4, 0.6, 0.8)": (0.2, 0.4, 0.6, 0.8)}
FOUR = tuple(
    Curve(f"losses {words}, α = {name}", losses, exponent, color)
    for words, losses in LOSSES.items()
    for name, exponent, color in (("1/4", 0.25, PALETTE[0]), ("1/2", 0.5, PALETTE[1]))
)


# ---------------------------------------------------------------- theory


def limit(curve: Curve, n: Array) -> Array:
    """sqrt(eta/J), the limit of the relative standard deviation."""
    return np.asarray(mle_standard_deviation(runs.learning_rate(n, curve.exponent), runs.SCALED, curve.losses))


def exact(curve: Curve, n: Array) -> Array:
    """1/(eta sqrt(I_T)) with the exact information of one lossy arm."""
    rate, rounds = np.array([curve.at(one) for one in n]).T
    return 1 / (rate * np.sqrt(np.asarray(ladder_information(rounds, rate))))


@lru_cache(maxsize=16)
def exact_line(curve: Curve, last: float) -> tuple[Array, Array]:
    """n and `exact` up to n = `last`, at values of n for which eta T is 2 with a whole number T of rounds."""
    first, final = (runs.SCALED / float(runs.learning_rate(n, curve.exponent)) for n in (XLIM[0], last))
    rounds = np.unique(np.round(shared.geometric(first, final, 20)))
    rate = runs.SCALED / rounds
    deviation = 1 / (rate * np.sqrt(np.asarray(ladder_information(rounds, rate))))
    return runs.horizon(rate, curve.exponent), deviation


def is_ladder(curve: Curve) -> bool:
    """Whether one arm pays 1 and one nothing, so that there is an exact information."""
    return curve.losses == (1.0, 0.0)


# ---------------------------------------------------------------- drawing


def columns(canvas: Canvas, titles: Sequence[str], high: float) -> list[tuple[Axes, Axes]]:
    """A panel of boxes, up to errors `high`, over one of shares, for each of `titles`, in one row."""
    found = []
    for k, title in enumerate(titles):
        words = ("relative error, θ̂/θ − 1", "no estimate, %") if k == 0 else ("", "")
        linear: Any = {"scales": ("log", "linear"), "xlim": XLIM}
        boxes: Any = {"x": "", "y": words[0], "title": f"({'abc'[k]}) {title}", "ylim": (-0.72, high)}
        above = canvas.panel(f"errors, {title}", (slice(0, 3), k), **linear, **boxes)
        below = canvas.panel(f"ends, {title}", (3, k), x=runs.HORIZON, y=words[1], **linear)
        found.append((above, below))
        for ax in (above, below):
            ax.set_xticks([1e2, 1e3, 1e4, 1e5])
    return found


def draw_boxes(canvas: Canvas, panels: tuple[Axes, Axes], data: FigureData, curve: Curve, shift: float = 1.0) -> None:
    """Boxes of the errors of `curve` between quantiles of the normal law, shares of fits that are no estimates.

    A `shift` other than 1 moves them by that factor, beside those of another curve; then they have the curve's colour.
    """
    n, deviation = shared.geometric(*XLIM, 60), limit(curve, shared.geometric(*XLIM, 60))
    if is_ladder(curve):
        n, deviation = exact_line(curve, 1.5 * curve.horizons(data.scale)[-1])
    for z, words, dashes in ((shared.NORMAL_QUARTILE, "quartile", "-"), (shared.NORMAL_WHISKER, "5 %", (0, (1, 1.2)))):
        for sign in (-1, 1):
            style: Any = {"color": curve.color, "lw": 1.1, "ls": dashes}
            canvas.line(panels[0], n, sign * z * deviation, series=f"{words}, {sign:+d}, {curve.name}", **style)
    canvas.line(panels[0], XLIM, (0.0, 0.0), series=f"truth, {curve.name}", role="guide")
    found = runs.drawn(canvas, panels[0], data, curve)
    places, samples = shift * np.array(list(found), dtype=float), list(found.values())
    inner = [one[shared.inside(one, ESTIMATE_OUTPUTS)] for one in samples]
    errors = [shared.column(one, ESTIMATE_OUTPUTS, "error") for one in inner]
    style = {"color": "0.2", "width": 0.5} if shift == 1.0 else {"color": curve.color, "width": 0.38}
    canvas.boxes(panels[0], places, errors, series=f"errors, {curve.name}", **style)
    if found:
        apart = 1.2 if shift == 1.0 else 1.1
        shared.draw_ends(canvas, panels[1], places, samples, ESTIMATE_OUTPUTS, apart=apart, name=f"{curve.name}: ")


def draw_spread(canvas: Canvas, ax: Axes, data: FigureData, curve: Curve, **style: Any) -> None:
    """Spread of the errors of `curve` against its limit and, with one lossy arm, the exact information."""
    n, last = shared.geometric(*XLIM, 60), curve.horizons(data.scale)[-1]
    canvas.line(ax, n, limit(curve, n), series=f"limit, {curve.name}", color=curve.color, lw=1.1)
    if is_ladder(curve):
        dashed: Any = {"color": curve.color, "ls": (0, (4, 1.2)), "lw": 1.8}
        canvas.line(ax, *exact_line(curve, 1.5 * last), series=f"exact, {curve.name}", **dashed)
    found = runs.drawn(canvas, ax, data, curve)
    if not found:
        return
    places = np.array(list(found), dtype=float)
    known = [samples[shared.column(samples, ESTIMATE_OUTPUTS, "flat") == 0] for samples in found.values()]
    values = [shared.spread(shared.column(samples, ESTIMATE_OUTPUTS, "error")) for samples in known]
    mean, error = np.array(values).T
    theory = exact(curve, places) if is_ladder(curve) else limit(curve, places)
    slack = SLACK * runs.learning_rate(places, curve.exponent)
    bad = refuted(mean, theory, error, len(known[0]), slack)
    canvas.points(ax, places, mean, error, series=f"spread, {curve.name}", crossed=bad, color=curve.color, **style)


def keys(canvas: Canvas) -> None:
    """What the lines and boxes are."""
    canvas.key("normal law, quartiles", lw=1.1)
    canvas.key("normal law, 5 % and 95 %", lw=1.1, ls=(0, (1, 1.2)))
    canvas.key("simulated estimates inside the interval", ls="", marker="s", ms=6.0, mfc="none", color="0.2")


# ---------------------------------------------------------------- two arms


def experiments_two(scale: Scale, seed: int) -> Plan:
    """Two arms, three exponents."""
    return runs.experiments(scale, seed, TWO)


def draw_two(data: FigureData) -> Canvas:
    """A column for each exponent; right: the spread."""
    canvas = Canvas(4, 4, size=(7.6, 4.5), ratios=(1, 1, 1, 1.15))
    keys(canvas)
    words: Any = {"x": runs.HORIZON, "y": "spread of θ̂/θ", "title": "(d) all three"}
    ax = canvas.panel("spread", (slice(0, 4), 3), **words, xlim=XLIM, ylim=(0.015, 1.2))
    for curve, panels in zip(TWO, columns(canvas, [curve.name for curve in TWO], 1.6), strict=True):
        draw_boxes(canvas, panels, data, curve)
        draw_spread(canvas, ax, data, curve)
    for words, place in (("−1/8", (6e3, 0.3)), ("−1/4", (6.5e3, 0.096)), ("−3/8", (62, 0.0225))):
        canvas.text(ax, *place, f"slope {words}")
    canvas.key("limit √(η/J)", lw=1.1)
    canvas.key("1/(η√I), exact", ls=(0, (4, 1.2)), lw=1.8)
    canvas.key("simulated", ls="", marker="o")
    return canvas


# ---------------------------------------------------------------- four arms


def experiments_four(scale: Scale, seed: int) -> Plan:
    """Four arms, two sets of losses, two exponents."""
    return runs.experiments(scale, seed, FOUR)


def draw_four(data: FigureData) -> Canvas:
    """A column for each set of losses; right: the spread."""
    canvas = Canvas(4, 3, size=(7.6, 4.5), ratios=(1.3, 1.3, 1.1))
    keys(canvas)
    words: Any = {"x": runs.HORIZON, "y": "spread of θ̂/θ", "title": "(c) both"}
    ax = canvas.panel("spread", (slice(0, 4), 2), **words, xlim=XLIM)
    for k, (losses, panels) in enumerate(
        zip(LOSSES, columns(canvas, [f"losses {w}" for w in LOSSES], 2.05), strict=True)
    ):
        for curve in FOUR:
            if curve.losses == LOSSES[losses]:
                draw_boxes(canvas, panels, data, curve, shift=0.84 if curve.exponent < 0.5 else 1.19)
                draw_spread(canvas, ax, data, curve, **(HOLLOW if k else {}))
    canvas.key("α = 1/4", color=FOUR[0].color, lw=3.0)
    canvas.key("α = 1/2", color=FOUR[1].color, lw=3.0)
    for words, style in zip(LOSSES, ({"marker": "o"}, {"marker": "D", "mfc": "white"}), strict=True):
        canvas.key(f"simulated, {words}", ls="", **style)
    return canvas


INTERVAL = (
    "Boxes (quartiles, median, whiskers from 5 % to 95 %) of relative errors of the simulated maximum-likelihood "
    "estimate from the first 2/η rounds, η = n^−α/2, on the interval [θ/3, 3 θ], ends left out; below, the share of "
    "fits that are at an end, or whose likelihood is the same for every rate. "
)
FIGURES = (
    FigureSpec(
        id="learning-rate-two-arms",
        title="Estimating a learning rate that decreases with the horizon, two arms",
        caption=INTERVAL + "Losses (1, 0). Lines in (a) to (c): normal law with one over the exact Fisher information "
        "as its variance. (d) Points: distance of the simulated quartiles, ends included, over that of the standard "
        "normal law, with bars of one standard error; broken lines: from the exact information; thin lines: the limit "
        "√(η/J(2)), of slope −α/2. A point is crossed out if it is off by more than noise and 6 η of its value.",
        claims=("ex.E2", "ex.T4", "ex.D4"),
        experiments=experiments_two,
        draw=draw_two,
    ),
    FigureSpec(
        id="learning-rate-four-arms",
        title="Estimating a learning rate that decreases with the horizon, four arms",
        caption=INTERVAL
        + "Four arms, two sets of losses (a, b), two exponents α (colours; 1/4 left of 1/2). Lines: normal law with "
        "the limit √(η/J(2)) of small learning rates as its standard deviation, J from a differential equation. (c) "
        "Points: distance of the simulated quartiles, ends included, over that of the standard normal law, with bars "
        "of one standard error; lines: the limit. A point is crossed out if it is off by more than noise and 6 η of "
        "its value.",
        claims=("ex.E4", "ex.D4"),
        experiments=experiments_four,
        draw=draw_four,
    ),
)
