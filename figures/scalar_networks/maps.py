"""Maps of starting points: which orbits stay bounded, which minimum they find, and how sharp it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import SMALL, Canvas, Layer
from assay.figure import FigureData, FigureSpec, Plan
from figures.scalar_networks import _shared as shared
from figures.scalar_networks._measures import ESCAPED, LEVELS, decoded, fates
from theory.scalar_networks import chaotic_boundary, depth_two_invariant, gfs_sharpness

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

WHOLE = {"step_size": 0.5, "rest": [], "centre": [0.0, 0.0], "half_width": 3.0, "steps": 2000}
ZOOM = {**WHOLE, "centre": [1.66, 2.56], "half_width": 0.2}
SLICES = {
    "depth 3": {"step_size": 0.5, "rest": [1.0], "centre": [0.0, 0.0], "half_width": 3.4, "steps": 1000},
    "depth 4": {"step_size": 0.375, "rest": [1.0, 1.0], "centre": [0.0, 0.0], "half_width": 3.4, "steps": 1000},
}
ESCAPE, OPEN, MINIMA = "escape time, steps", "bounded, not settled", "minima that attract"
MAIN = ("ηφ at (+, +)", "ηφ at (−, −)")
IVORY = "#F5E9B8"
ROUNDING = 1e-9  # starts with |N| below it are on the boundary
WEIGHTS = ("weight w₁ at the start", "weight w₂ at the start")


def half(name: str, upper: bool) -> Colormap:
    """One half of a diverging map of matplotlib, from its dark middle to its bright end."""
    positions = np.linspace(0.6, 1.0, 256) if upper else np.linspace(0.4, 0.0, 256)
    return ListedColormap(colormaps[name](positions))


# minima by the signs of (w1, w2): (+, +), (-, +), (+, -), (-, -)
KINDS = ("(+, +)", "(−, +)", "(+, −)", "(−, −)")
MAPS = (half("berlin", True), half("vanimo", True), half("vanimo", False), half("berlin", False))
GREYS = ListedColormap(colormaps["Greys"](np.linspace(0.04, 0.75, 256)))


def size(scale: Scale) -> int:
    """Starting points along each side."""
    return shared.by_scale(scale, 200, 2000, 4000)


def centres(setting: dict[str, Any], points: int) -> tuple[Array, Array]:
    """Coordinates of columns and rows."""
    offsets = setting["half_width"] * (2 * np.arange(points) + 1 - points) / points
    return setting["centre"][0] + offsets, setting["centre"][1] + offsets


def layers(codes: NDArray[np.uint8], setting: dict[str, Any]) -> list[Layer]:
    """Escape times and final sharpness at each kind of minimum, from the codes of `fates`."""
    depth, eta = 2 + len(setting["rest"]), setting["step_size"]
    escape = np.where(codes < ESCAPED - 1, codes, np.nan).astype(np.float32)
    found = [Layer(ESCAPE, escape, LogNorm(1, ESCAPED - 2), GREYS)]
    neither = np.where(codes == ESCAPED - 1, 1.0, np.nan).astype(np.float32)
    found.append(Layer(OPEN, neither, Normalize(0, 1), ListedColormap([IVORY])))
    part = (np.arange(LEVELS) + 0.5) / LEVELS
    values = (eta * depth + (2.0 - eta * depth) * part).astype(np.float32)
    for kind, (name, cmap) in enumerate(zip(KINDS, MAPS, strict=True)):
        level = codes.astype(int) - ESCAPED - LEVELS * kind
        inside = (level >= 0) & (level < LEVELS)
        if inside.any():
            z = np.where(inside, values[np.clip(level, 0, LEVELS - 1)], np.float32(np.nan))
            found.append(Layer(f"ηφ at {name}", z, Normalize(eta * depth, 2.0), cmap))
    return found


def plan_of(**settings: dict[str, Any]) -> Any:
    """The function of a figure that plans one map for each of `settings`."""

    def experiments(scale: Scale, seed: int) -> Plan:
        return {
            name: shared.deterministic(fates, {**setting, "points": size(scale)}, seed)
            for name, setting in settings.items()
        }

    return experiments


def draw_map(
    canvas: Canvas, ax: Axes, data: FigureData, name: str, setting: dict[str, Any]
) -> tuple[list[Layer], list[ScalarMappable]]:
    """Draw map `name` on `ax`; at depth two cross out starts whose fate the sign of N does not tell."""
    ax.set_box_aspect(1)
    moments = shared.measured(canvas, ax, data, name)
    if moments is None:
        return [], []
    points = size(data.scale)
    codes, (first, second) = decoded(moments.mean, points), centres(setting, points)
    wrong = np.zeros(codes.shape, dtype=bool)
    if not setting["rest"]:
        for row, height in enumerate(second):
            starts = np.column_stack([first, np.full(points, height)])
            inside = np.asarray(depth_two_invariant(starts, setting["step_size"]))
            wrong[row] = ((inside > 0) == (codes[row] < ESCAPED - 1)) & (np.abs(inside) > ROUNDING)
    found = layers(codes, setting)
    return found, canvas.map(ax, first, second, found, crossed=wrong)


def boundary(canvas: Canvas, ax: Axes, eta: float) -> None:
    """The exact ellipse N = 0."""
    ring = chaotic_boundary(eta, np.linspace(0.0, 2.0 * np.pi, 2001))
    canvas.line(ax, ring[:, 0], ring[:, 1], series="N = 0, rim", color="white", lw=2.6)
    canvas.line(ax, ring[:, 0], ring[:, 1], series="N = 0", label="exact boundary, N = 0", color="black", lw=1.1)


def limits(ax: Axes, setting: dict[str, Any]) -> None:
    """The square of the map, no more."""
    (x, y), reach = setting["centre"], setting["half_width"]
    ax.set(xlim=(x - reach, x + reach), ylim=(y - reach, y + reach))


def bars(canvas: Canvas, ax: Axes, found: list[Layer], meshes: list[ScalarMappable]) -> None:
    """Three short colour bars in one row below `ax`: escape, both main minima."""
    shown = [(la, me) for la, me in zip(found, meshes, strict=True) if la.series in (ESCAPE, *MAIN)]
    for k, (layer, mesh) in enumerate(shown):
        place = ax.inset_axes((0.01 + 0.36 * k, -0.165, 0.26, 0.02))
        bar = canvas.figure.colorbar(mesh, cax=place, orientation="horizontal")
        low, high = mesh.get_clim()
        ticks = [1, 3, 10, 30] if layer.series == ESCAPE else [low, (low + high) / 2, high]
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        bar.minorticks_off()
        bar.set_label(layer.series, fontsize=SMALL, labelpad=1)
        bar.ax.tick_params(labelsize=SMALL)


def draw_basin(data: FigureData, setting: dict[str, Any]) -> Canvas:
    """One map at depth two with the exact ellipse."""
    canvas = Canvas(1, 1, size=(7.2, 7.8), dpi=250)
    ax = canvas.panel("map", x=WEIGHTS[0], y=WEIGHTS[1], scales=("linear", "linear"))
    found, meshes = draw_map(canvas, ax, data, "map", setting)
    boundary(canvas, ax, setting["step_size"])
    limits(ax, setting)
    bars(canvas, ax, found, meshes)
    return canvas


def draw_whole(data: FigureData) -> Canvas:
    """All starting points."""
    return draw_basin(data, WHOLE)


def draw_zoom(data: FigureData) -> Canvas:
    """A detail at the boundary."""
    return draw_basin(data, ZOOM)


def draw_slices(data: FigureData) -> Canvas:
    """Two weights vary at depth three and four; the minima in the plane where they attract."""
    canvas = Canvas(1, 2, size=(7.2, 5.0), dpi=300)
    for column, (name, setting) in enumerate(SLICES.items()):
        depth = 2 + len(setting["rest"])
        title = f"({'ab'[column]}) depth {depth}, η = {setting['step_size']:g}"
        ax = canvas.panel(name, (0, column), title=title, x=WEIGHTS[0], y=WEIGHTS[1], scales=("linear", "linear"))
        found, meshes = draw_map(canvas, ax, data, name, setting)
        for sign in (1.0, -1.0):
            line = sign * minima(setting)
            canvas.line(ax, line[:, 0], line[:, 1], series="minima, rim", color="black", lw=2.6)
            canvas.line(ax, line[:, 0], line[:, 1], series="minima", color="white", lw=1.2)
        limits(ax, setting)
        bars(canvas, ax, found, meshes)
    for words, color in ((f"{KINDS[1]}, same scale", MAPS[1](0.7)), (f"{KINDS[2]}, same scale", MAPS[2](0.7))):
        canvas.key(f"ηφ at {words}", ls="", marker="s", color=color, ms=6)
    canvas.key(OPEN, ls="", marker="s", color=IVORY, ms=6, mec="0.5")
    canvas.key(MINIMA, color="white", lw=1.2, path_effects=[Stroke(linewidth=2.8, foreground="black"), Normal()])
    return canvas


def minima(setting: dict[str, Any]) -> Array:
    """Minima with positive w_1, w_2 in the plane of `setting` that attract under its step size, (points, 2)."""
    rest = np.asarray(setting["rest"])
    first = np.exp(np.linspace(-2.0, 2.0, 4001))
    points = np.column_stack([first, 1.0 / (first * rest.prod()), np.tile(rest, (first.size, 1))])
    return points[setting["step_size"] * np.asarray(gfs_sharpness(points)) < 2.0][:, :2]


STARTS = "4 million starting points at standard scale"

FIGURES = (
    FigureSpec(
        id="basin-map",
        title="Depth two: which starting points stay bounded, and which minimum they find",
        caption="Simulated gradient descent on (w₁w₂ − 1)²/2 with step size 0.5, from a square grid of starting points "
        f"({STARTS}), 2000 steps. Colour inside: final sharpness times step size, red at the minimum with two positive "
        "weights, blue at the one with two negative weights. Grey: escape time. Line: the ellipse N = 0, the exact "
        "boundary; gradient descent is chaotic on it, θ → π − 3θ. A red cross marks a start whose fate is not the one "
        "told by the sign of N.",
        claims=("sn.T6", "sn.T6.basin"),
        experiments=plan_of(map=WHOLE),
        draw=draw_whole,
    ),
    FigureSpec(
        id="basin-zoom",
        title="A detail of the boundary at depth two",
        caption="As the figure basin-map, around a fan of preimages of the line w₁ + w₂ = 0 of starts that run into "
        f"the saddle; simulated from {STARTS}. Colour: final sharpness times step size, red and blue as the signs of "
        "the minimum; grey: escape time; line: the exact boundary N = 0. A red cross marks a start whose fate is not "
        "the one told by the sign of N.",
        claims=("sn.T6",),
        experiments=plan_of(map=ZOOM),
        draw=draw_zoom,
    ),
    FigureSpec(
        id="basin-slices",
        title="Deeper networks: the bounded set has a fractal boundary",
        caption="Simulated gradient descent at depth three and four from a plane of starting points, the other weights "
        f"1 at the start ({STARTS} a panel), 1000 steps. Colour: final sharpness times step size, by the signs of w₁ "
        "and w₂ at the minimum; grey: escape time; ivory: neither settled nor escaped. Line: the "
        "minima that lie in the plane and attract at this step size. No closed form of the boundary is known.",
        claims=("sn.T11.rate",),
        experiments=plan_of(**SLICES),
        draw=draw_slices,
    ),
)
