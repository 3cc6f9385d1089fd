"""The sharp constant of the theorem over the product, and the exponents of chaos with equal weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from assay.marks import refuted
from figures.scalar_networks import _shared as shared
from figures.scalar_networks._measures import least_edges
from simulations.scalar_networks import lyapunov_exponents
from theory.scalar_networks import balanced_two_cycle, crisis_step, second_doubling_step, zero_crossing_step

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

# ---------------------------------------------------------------- the constant

DEPTHS = (2, 3, 4, 8)


def products(scale: Scale) -> Array:
    """Products on both sides of 1."""
    below, above = shared.by_scale(scale, (3, 2), (8, 5), (19, 13))
    return np.concatenate([np.linspace(0.02, 0.9, below), np.linspace(1.15, 2.0, above)])


def constant_experiments(scale: Scale, seed: int) -> Plan:
    """One search a depth."""
    samples, rounds, replicates = shared.by_scale(scale, (100, 20, 2), (300, 50, 2), (1000, 400, 8))
    setting: dict[str, Any] = {"products": shared.listed(products(scale)), "samples": samples, "rounds": rounds}
    return {
        f"depth {depth}": shared.experiment(least_edges, {**setting, "depth": depth}, seed, replicates)
        for depth in DEPTHS
    }


def guaranteed(product: Array, depth: int) -> Array:
    """Return eta phi up to which no step from this product can raise phi: sharp below 1, and at depth two.

    2 sqrt(2)/|pi - 1|, above 1 divided by P^e with the exponent of `theory.scalar_networks.maximal_product`.

    >>> guaranteed(np.array([0.5, 1.5]), 2).round(9).tolist()
    [5.656854249, 5.656854249]
    """
    exponent = 0.5 if depth == 3 else 1.0 - 2.0 / depth
    with np.errstate(divide="ignore"):
        return shared.TOP / np.abs(product - 1.0) * np.where(product > 1.0, product**-exponent, 1.0)


def draw_constant(data: FigureData) -> Canvas:
    """Least eta phi of a rise, guaranteed and found."""
    canvas = Canvas(1, 1, size=(5.6, 4.4))
    y = "least ηφ at which φ rises"
    ax = canvas.panel("least", x="product at the start, π", y=y, scales=("linear", "log"), ylim=(2.0, 40.0))
    canvas.line(
        ax, [0, 2], [shared.TOP] * 2, series="theorem", label="2√2, the theorem", color="black", lw=1.0, ls="--"
    )
    grid = np.concatenate([np.linspace(0.0, 0.95, 120), [np.nan], np.linspace(1.05, 2.0, 120)])
    for depth, color in zip(DEPTHS, shades(len(DEPTHS)), strict=True):
        label = f"no rise below, depth {depth}"
        canvas.line(ax, grid, guaranteed(grid, depth), series=f"depth {depth}", label=label, color=color)
        moments = shared.measured(canvas, ax, data, f"depth {depth}")
        if moments is not None:
            at = products(data.scale)
            # no search can fall below the line, so neither can their mean
            wrong = moments.mean < guaranteed(at, depth) * (1 - 1e-9)
            shift = 0.006 * (DEPTHS.index(depth) - 1.5)
            canvas.points(
                ax,
                at + shift,
                moments.mean,
                moments.standard_error,
                series=f"depth {depth}",
                color=color,
                crossed=wrong,
            )
    canvas.key("simulation: least found ± 1 s.e.", ls="", marker="o")
    return canvas


# ---------------------------------------------------------------- chaos

CHAOS_DEPTHS = (2, 4)
NAMES = ("along equal weights", "transverse to them", "growth of w")
# The mean over T steps has an error of order T^-1/2 or 1/T, and stable orbits approach their cycle in the dropped steps
EXPONENT_SLACK = 0.02


def chaos_steps(depth: int, scale: Scale) -> Array:
    """Step sizes from a stable minimum to the crisis, none of them superstable."""
    count = shared.by_scale(scale, 12, 90, 400)
    return np.append(np.linspace(1.137 / depth, 0.9957 * crisis_step(depth), count), crisis_step(depth) * (1 - 1e-12))


def chaos_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment a step size."""
    steps, replicates = shared.by_scale(scale, (2000, 2), (40_000, 4), (2_000_000, 8))
    plan = {}
    for depth in CHAOS_DEPTHS:
        for k, step in enumerate(chaos_steps(depth, scale)):
            setting = {"depth": depth, "step_size": float(step), "steps": steps}
            plan[f"depth {depth}, {k}"] = shared.experiment(lyapunov_exponents, setting, seed, replicates)
    return plan


def exact_exponents(step: float, depth: int) -> tuple[float, float] | None:
    """Return the exact Lyapunov and transverse exponents, None where none is known.

    At a stable minimum log |1 - eta D| and 0; on the stable two-cycle at depth two half of log |9 - 2 (1 + eta)^2| and
    of log |3 - 2 eta|; at the crisis at depth two, the Chebyshev map, log 3 and 0.

    >>> exact_exponents(2.0, 2)
    (1.0986122886681098, 0.0)
    """
    if step * depth < 2.0:
        return float(np.log(abs(1.0 - step * depth))), 0.0
    if depth == 2 and step < second_doubling_step(2):
        multiplier = float(np.asarray(balanced_two_cycle(step).multiplier))
        return 0.5 * float(np.log(abs(multiplier))), 0.5 * float(np.log(abs(3.0 - 2.0 * step)))
    if depth == 2 and abs(step / crisis_step(2) - 1.0) < 1e-9:
        return float(np.log(3.0)), 0.0
    return None


def draw_chaos(data: FigureData) -> Canvas:
    """Exponents against eta times depth, exact where known."""
    canvas = Canvas(2, 1, size=(6.2, 6.4))
    for row, depth in enumerate(CHAOS_DEPTHS):
        title = f"({'ab'[row]}) depth {depth}"
        x = "step size × depth, ηD" if row == 1 else ""
        ax = canvas.panel(
            f"depth {depth}", (row, 0), title=title, x=x, y="exponent, per step", scales=("linear", "linear")
        )
        ax.set_ylim(-2.2, 1.3)
        canvas.line(ax, [1.1, depth * crisis_step(depth)], [0, 0], series="zero", role="guide")
        for name, step in (("π reaches 0", zero_crossing_step(depth)), ("crisis", crisis_step(depth))):
            dashes = ":" if name == "crisis" else "-."
            canvas.line(ax, [step * depth] * 2, [-2.2, 1.3], series=name, label=name, color="0.4", lw=0.9, ls=dashes)
        _exact_lines(canvas, ax, depth)
        _chaos_points(canvas, ax, data, depth)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


def _exact_lines(canvas: Canvas, ax: Axes, depth: int) -> None:
    """Exact exponents in the stable windows, and the exact values at the crisis of depth two."""
    edges = np.linspace(1.05, 2 * second_doubling_step(2) if depth == 2 else 2.0, 900)
    values = [exact_exponents(edge / depth, depth) for edge in edges]
    known = [(edge, value) for edge, value in zip(edges, values, strict=True) if value is not None]
    x, pairs = np.array([edge for edge, _ in known]), np.array([value for _, value in known])
    for column, color in ((0, PALETTE[0]), (1, PALETTE[1])):
        look: Any = {"series": f"exact {NAMES[column]}", "label": f"exact, {NAMES[column]}", "color": color}
        canvas.line(ax, x, pairs[:, column], **look)
    if depth == 2:
        ends = exact_exponents(2.0, 2)
        assert ends is not None
        look = {"ls": "", "marker": "*", "color": "black", "ms": 9, "label": "exact at η = 2: log 3 and 0"}
        canvas.line(ax, [4.0, 4.0], list(ends), series="Chebyshev", **look)


def _chaos_points(canvas: Canvas, ax: Axes, data: FigureData, depth: int) -> None:
    """Measured exponents; crossed where an exact one is known and refuted."""
    x, means, errors, crossed = [], [], [], []
    for k, step in enumerate(chaos_steps(depth, data.scale)):
        moments = shared.measured(canvas, ax, data, f"depth {depth}, {k}")
        if moments is None:
            return
        exact = exact_exponents(float(step), depth)
        bad = np.zeros(2, dtype=bool)
        if exact is not None:
            off = np.abs(moments.mean[:2] - exact) > EXPONENT_SLACK
            bad = refuted(moments.mean[:2], exact, moments.standard_error[:2], moments.count) & off
        x.append(step * depth)
        means.append(moments.mean[:2])
        errors.append(moments.standard_error[:2])
        crossed.append(bad)
    for column, color in ((0, PALETTE[0]), (1, PALETTE[1])):
        at = [np.array(part)[:, column] for part in (means, errors, crossed)]
        canvas.points(ax, x, at[0], at[1], series=NAMES[column], color=color, crossed=at[2], ms=2.4)


FIGURES = (
    FigureSpec(
        id="sharp-constant",
        title="The constant 2√2 is sharp at every depth",
        caption="Least step size times GFS sharpness at which one step of gradient descent raises the GFS sharpness, "
        "against the product at the start. Lines: below them no rise is possible at that depth (sharp below product 1, "
        "and everywhere at depth two); dashed: the theorem's constant, reached as the product goes to 0. Points: the "
        "least value found by a random search in simulation, mean over searches with bars of one standard error, those "
        "of several depths slightly shifted; they "
        "must lie on or above their line, and a red cross would lie below. Above product 1 the searches at more depth "
        "come down to the line of depth two only: what is guaranteed there is not sharp.",
        claims=("sn.T2", "sn.T2.four"),
        experiments=constant_experiments,
        draw=draw_constant,
    ),
    FigureSpec(
        id="lyapunov",
        title="Equal weights: doubling, chaos, and an exactly neutral balance at the crisis",
        caption="Exponents of gradient descent with equal weights against step size times depth. Blue: Lyapunov "
        "exponent; orange: transverse exponent, the growth of small differences between the weights. Lines: exact on "
        "stable minima and, at depth two, on the stable two-cycle; stars: exact at η = 2, where the map is Chebyshev's "
        "of degree 3; vertical lines: where the product reaches 0, and the crisis, beyond "
        "which orbits escape. At depth 4 orbits that pass 0 linger there, where the map is neutral. "
        "Points: simulated time averages, mean over orbits with bars of one standard error.",
        claims=("sn.T7", "sn.T8"),
        experiments=chaos_experiments,
        draw=draw_chaos,
    ),
)
