"""The canvas that figures are drawn on: one house style, and a record of everything drawn.

Theory is drawn as lines, simulation as filled points with error bars, published data as open points, guides for the eye
thin and grey. A point that the interval refutes against the line under it becomes an open red cross and is counted in
the stamps. Every call keeps what it drew as an `assay.marks.Mark`: the figure's table and its tests are made of those.
Maps of very many cells are kept apart, as `assay.marks.Map`, and go to an .npz file beside the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from assay._axes import PLAIN, box_quantiles, cell_edges, plain_numbers
from assay.marks import Map, Mark, Role, Stamp, stamp

__all__ = ["MISSING", "PALETTE", "REFUTED", "STYLE", "Canvas", "Layer", "shades"]

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
REFUTED = "#E00000"  # of crosses on refuted points
MISSING = "#B00000"  # of notes about what is missing
GUIDE = "0.6"
EMPTY = "0.85"  # of cells without a value
MOST_CROSSES = 1000  # on one map, evenly chosen among the refuted cells
TEXT, SMALL = 9.0, 8.0  # points at final size
HANDLE = 2.5  # letters: dashes show on both sides of a marker
STYLE: Any = {
    "font.size": SMALL,
    "mathtext.fontset": "dejavusans",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.dpi": 200,
    "svg.hashsalt": "assay",
    "pdf.fonttype": 42,
}


def shades(count: int) -> list[tuple[float, float, float]]:
    """Return `count` >= 1 colours for a family ordered by a parameter: perceptually uniform, dark to light.

    >>> len(shades(5))
    5
    """
    colors = mpl.colormaps["viridis"](np.linspace(0.0, 0.88, count))
    return [(float(r), float(g), float(b)) for r, g, b, _ in colors]


@dataclass(frozen=True, eq=False)
class Layer:
    """One quantity of a map: its name `series`, its values `z` (rows, columns), nan where another layer shows, and
    `norm` and `cmap` that turn them into colours."""

    series: str
    z: NDArray[np.floating[Any]]
    norm: Normalize
    cmap: Colormap


class Canvas:
    """A figure under construction: `rows` x `columns` panels on `size` = (width, height) in inches at final size.

    `ratios` are the relative widths of the columns; `dpi` the pixels per inch of a saved PNG, None for the house's 200.
    `figure` is the matplotlib figure, made without pyplot's global state; `axes` its panels by name; `marks` what was
    drawn, `maps` the large maps among it. Call `finish` once, before saving.

    >>> canvas = Canvas(size=(3.4, 2.6))
    >>> ax = canvas.panel("a", x="samples, n", y="test MSE")
    >>> _ = canvas.line(ax, [1, 10], [2.0, 0.5], series="risk")
    >>> canvas.marks[0].role, canvas.marks[0].y.tolist()
    ('theory', [2.0, 0.5])
    """

    def __init__(
        self,
        rows: int = 1,
        columns: int = 1,
        size: tuple[float, float] = (7.0, 3.4),
        ratios: Sequence[float] | None = None,
        dpi: float | None = None,
    ) -> None:
        with mpl.rc_context(STYLE):
            self.figure = Figure(figsize=size, layout="constrained", facecolor="white")
            FigureCanvasAgg(self.figure)
            self._grid = self.figure.add_gridspec(rows, columns, width_ratios=ratios)
        self.axes: dict[str, Axes] = {}
        self.marks: list[Mark] = []
        self.maps: list[Map] = []
        self.dpi = dpi
        self.stamps: list[Stamp] = []
        self._keys: dict[str, Any] = {}
        self._notes: dict[Axes, Text] = {}

    def panel(
        self,
        name: str,
        place: tuple[Any, Any] = (0, 0),
        *,
        x: str,
        y: str,
        title: str = "",
        scales: tuple[str, str] = ("log", "log"),
        xlim: tuple[float, float] | None = None,
        ylim: tuple[float, float] | None = None,
    ) -> Axes:
        """Return new axes called `name` at `place` = (row, column) of the grid, integers or slices.

        `x`, `y` label the axes in words and symbols; `title` stands above; `scales` are matplotlib's names for the two
        scales; `xlim`, `ylim` fix limits in data units (None: what is drawn decides). Raises `ValueError` for a name
        in use.
        """
        if name in self.axes:
            raise ValueError(f"panel names must differ, got {name!r} twice")
        with mpl.rc_context(STYLE):
            ax = self.figure.add_subplot(self._grid[place])
        ax.set_title(title, fontsize=TEXT, loc="left")
        ax.set_xlabel(x, fontsize=TEXT)
        ax.set_ylabel(y, fontsize=TEXT)
        ax.set(xscale=scales[0], yscale=scales[1])
        ax.set(**{name: limits for name, limits in (("xlim", xlim), ("ylim", ylim)) if limits is not None})
        ax.tick_params(which="both", labelsize=SMALL, width=0.7)
        self.axes[name] = ax
        return ax

    def line(
        self, ax: Axes, x: ArrayLike, y: ArrayLike, *, series: str, label: str = "", role: Role = "theory", **style: Any
    ) -> Line2D:
        """Draw `y` against `x` on `ax` as a line, broken at nan, and return it.

        `series` is its name in the table, `label` its legend entry ("" for none); `role` "theory", or "guide" for a
        thin grey dashed line; `style` goes to matplotlib.
        """
        thin = {"color": GUIDE, "lw": 0.9, "ls": (0, (4, 3)), "zorder": 1}
        (artist,) = ax.plot(x, y, **{**(thin if role == "guide" else {"lw": 1.5, "zorder": 2}), **style})
        self._keep(ax, series, role, x, y)
        self._key(label, artist)
        return artist

    def band(
        self, ax: Axes, x: ArrayLike, low: ArrayLike, high: ArrayLike, *, series: str, label: str = "", **style: Any
    ) -> None:
        """Fill from `low` to `high` over `x` on `ax`; `series`, `label`, `style` as in `line`, the role is theory."""
        ends = [np.asarray(v, dtype=float) for v in (x, low, high)]
        looks: Any = {"lw": 0, "zorder": 1, **style}
        artist = ax.fill_between(ends[0], ends[1], ends[2], **looks)
        self._keep(ax, series, "theory", x, high, low, high)
        self._key(label, artist)

    def points(
        self,
        ax: Axes,
        x: ArrayLike,
        y: ArrayLike,
        error: ArrayLike | None = None,
        *,
        series: str,
        label: str = "",
        role: Role = "simulation",
        color: Any = "0.2",
        crossed: ArrayLike = False,
        **style: Any,
    ) -> None:
        """Draw points (`x`, `y`) on `ax` with bars of half-length `error` (None: none), open ones for the role data.

        `crossed` flags the points found by `assay.marks.refuted`, which become open red crosses; `series`, `label`,
        `role`, `style` as in `line`; `color` of points and bars.
        """
        x, y, bars, bad = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(v, dtype=float)) for v in (x, y, np.nan if error is None else error)),
            np.asarray(crossed, dtype=bool),
        )
        style = {"fmt": "o", "ms": 3.2, "mew": 0.8, "elinewidth": 0.9, "zorder": 3, **style}
        face = "white" if role == "data" else color
        artist = None
        for chosen, extra in (
            (~bad, {"color": color, "mfc": face}),
            (bad, {"color": REFUTED, "fmt": "x", "ms": 6.5, "mew": 1.5, "zorder": 5}),
        ):
            if chosen.any():
                height = None if error is None else bars[chosen]
                artist = ax.errorbar(x[chosen], y[chosen], height, **{**style, **extra})
        self._keep(ax, series, role, x, y, y - bars, y + bars, crossed=bad)
        self._key(label, artist)

    def boxes(
        self,
        ax: Axes,
        x: ArrayLike,
        samples: Sequence[ArrayLike],
        *,
        series: str,
        label: str = "",
        color: Any = "0.2",
        width: float = 0.2,
    ) -> None:
        """Draw a box plot of each of `samples` on `ax`: quartiles, median, whiskers from the 5 % to the 95 % quantile.

        `x` (boxes,) are the places, `samples` one array of replicates each, left out where empty; `width` of a box as a
        share of `x` on a logarithmic axis, in data units otherwise; `series`, `label`, `color` as in `points`. Kept in
        the table twice: medians between quartiles, and, as "`series`, 5 % to 95 %", between the whiskers' ends.
        """
        at, stats = box_quantiles(x, samples)
        if not stats:
            return
        line = {"color": color, "lw": 0.9}
        looks: Any = {"boxprops": line, "whiskerprops": line, "capprops": line, "medianprops": {**line, "lw": 1.6}}
        wide = width * at if ax.get_xscale() == "log" else np.full(at.size, width)
        ax.bxp(stats, positions=at, widths=wide, showfliers=False, manage_ticks=False, zorder=3, **looks)
        low, first, middle, third, high = np.array([list(one.values()) for one in stats]).T
        self._keep(ax, series, "simulation", at, middle, first, third)
        self._keep(ax, f"{series}, 5 % to 95 %", "simulation", at, middle, low, high)
        self._key(label, Patch(facecolor="none", edgecolor=color, lw=0.9))

    def image(
        self,
        ax: Axes,
        x: ArrayLike,
        y: ArrayLike,
        z: ArrayLike,
        *,
        series: str,
        norm: Normalize,
        role: Role = "theory",
        cmap: str = "viridis",
        crossed: ArrayLike = False,
    ) -> QuadMesh:
        """Draw z[i, j] at (x[j], y[i]) on `ax` as a heat map and return it; cells whose `z` is nan stay grey.

        `x`, `y` are the cells' centres, increasing; cells meet half-way on the axes' scales. `norm` maps values to the
        colours of `cmap`; `crossed` flags refuted cells, which get a red cross; `series`, `role` as in `line`.
        """
        axes = ((x, ax.xaxis), (y, ax.yaxis))
        edges = [cell_edges(np.asarray(v, dtype=float), axis.get_scale() == "log") for v, axis in axes]
        ax.set_facecolor(EMPTY)
        mesh = ax.pcolormesh(*edges, np.ma.masked_invalid(z), norm=norm, cmap=cmap, rasterized=True)
        columns, rows = np.meshgrid(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
        bad = np.broadcast_to(np.asarray(crossed, dtype=bool), columns.shape)
        if bad.any():
            ax.plot(columns[bad], rows[bad], ls="", marker="x", color=REFUTED, ms=5, mew=1.5)
        self._keep(ax, series, role, columns, rows, z=z, crossed=bad)
        return mesh

    def map(
        self,
        ax: Axes,
        x: ArrayLike,
        y: ArrayLike,
        layers: Sequence[Layer],
        *,
        role: Role = "simulation",
        crossed: ArrayLike = False,
    ) -> list[ScalarMappable]:
        """Draw `layers` of a map over the even grid of centres (`x`[j], `y`[i]) on `ax` as pixels, later ones on top.

        For maps of many cells: these are kept in `maps`, not in `marks`, so that they go to the .npz file and not to
        the table. Cells without a value stay grey. `crossed` flags refuted cells (rows, columns); of those a thousand
        at most get a red cross. Returns what `colorbar` needs for each layer; `role` as in `line`. Raises `ValueError`
        for centres that are not evenly spaced.
        """
        columns, rows = (np.asarray(v, dtype=float) for v in (x, y))
        for name, centres in (("x", columns), ("y", rows)):
            if not np.allclose(np.diff(centres), np.diff(centres)[:1], rtol=1e-6):
                raise ValueError(f"{name} must be evenly spaced: the cells of a map are pixels of one size")
        pixels = np.full((rows.size, columns.size, 4), round(255 * float(EMPTY)), dtype=np.uint8)
        bad = np.broadcast_to(np.asarray(crossed, dtype=bool), pixels.shape[:2])
        panel = self._panel_of(ax, role)
        for layer in layers:
            known = np.isfinite(layer.z)
            pixels[known] = layer.cmap(layer.norm(layer.z[known]), bytes=True)
            self.maps.append(Map(panel, layer.series, role, columns, rows, layer.z, bad & known))
        pixels[..., 3] = 255
        across, up = (cell_edges(v, False) for v in (columns, rows))
        frame = (across[0], across[-1], up[0], up[-1])
        ax.imshow(pixels, origin="lower", extent=frame, aspect=ax.get_aspect(), interpolation="auto")
        refuted = np.argwhere(bad)
        refuted = refuted[:: max(1, -(-len(refuted) // MOST_CROSSES))]
        if len(refuted):
            ax.plot(columns[refuted[:, 1]], rows[refuted[:, 0]], ls="", marker="x", color=REFUTED, ms=5, mew=1.5)
        return [ScalarMappable(layer.norm, layer.cmap) for layer in layers]

    def contour(
        self, ax: Axes, x: ArrayLike, y: ArrayLike, z: ArrayLike, levels: ArrayLike, *, series: str, **style: Any
    ) -> None:
        """Draw labelled lines of equal z at `levels` on `ax`, z[i, j] given at (x[j], y[i]).

        `series` names the values in the table; `style` goes to matplotlib, `fmt` in it writes the labels.
        """
        label = style.pop("fmt", "%g")
        drawn = ax.contour(x, y, np.ma.masked_invalid(z), levels=levels, **{"linewidths": 0.9, **style})
        ax.clabel(drawn, fmt=label, fontsize=SMALL, inline_spacing=2)
        columns, rows = np.meshgrid(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
        self._keep(ax, series, "theory", columns, rows, z=z)

    def colorbar(self, mesh: ScalarMappable, panels: Sequence[Axes], label: str, **style: Any) -> None:
        """Put a colour bar of `mesh` beside `panels`; `label` says quantity and unit, `style` goes to matplotlib."""
        if isinstance(mesh.norm, LogNorm):
            style = {"ticks": LogLocator(subs=(1.0, 2.0, 5.0)), "format": PLAIN, **style}
        bar = self.figure.colorbar(mesh, ax=list(panels), **{"pad": 0.02, "aspect": 30, **style})
        if isinstance(mesh.norm, LogNorm):
            bar.ax.yaxis.set_minor_formatter(NullFormatter())
        bar.set_label(label, fontsize=TEXT)
        bar.ax.tick_params(which="both", labelsize=SMALL)

    def text(self, ax: Axes, x: float, y: float, words: str, **style: Any) -> None:
        """Write `words` on `ax` at data coordinates (`x`, `y`); `style` goes to matplotlib."""
        ax.text(x, y, words, **{"fontsize": SMALL, **style})

    def note(self, ax: Axes, words: str) -> None:
        """Write `words` across `ax`, in red: what should be there and is missing. Further notes go below the first."""
        known = self._notes.get(ax)
        if known is not None:
            known.set_text(f"{known.get_text()}\n{words}")
            return
        middle = {"transform": ax.transAxes, "ha": "center", "va": "center", "wrap": True, "zorder": 6}
        self._notes[ax] = ax.text(0.5, 0.5, words, fontsize=SMALL, color=MISSING, **middle)

    def key(self, label: str, **style: Any) -> None:
        """Add a legend entry `label` that explains a `style`, given as matplotlib properties of a line."""
        self._key(label, Line2D([], [], **{"color": "0.35", "ms": 3.2, **style}))

    def verdict(self, line: Mapping[str, Any]) -> None:
        """Stamp the figure with the ledger `line` of a claim that it shows."""
        self.stamps.append(stamp(line))

    @property
    def crossed(self) -> tuple[int, int]:
        """How many simulated points are drawn as refuted, and how many there are."""
        flags = [mark.crossed for mark in self.marks if mark.role == "simulation"]
        maps = [one for one in self.maps if one.role == "simulation"]
        bad = sum(int(f.sum()) for f in flags) + sum(int(one.crossed.sum()) for one in maps)
        return bad, sum(f.size for f in flags) + sum(int(np.isfinite(one.z).sum()) for one in maps)

    def finish(self) -> None:
        """Draw the legend below and the stamps above the panels, in as many columns as the width holds."""
        for ax in self.axes.values():
            plain_numbers(ax)
        bad, total = self.crossed
        if bad:
            self.stamps.append(Stamp(f"{bad} of {total} simulated points refuted", "x", REFUTED))
        dots = [Line2D([], [], ls="", marker=s.marker, color=s.color, ms=5, mew=1.4) for s in self.stamps]
        self._outside("outside lower center", list(self._keys.values()), list(self._keys), HANDLE)
        self._outside("outside upper left", dots, [s.text for s in self.stamps], 1.8)

    def _outside(self, place: str, handles: list[Any], labels: list[str], length: float) -> None:
        """A legend beyond the panels with the most columns that fit; its handles are `length` letters long."""
        style: Any = {"loc": place, "fontsize": SMALL, "frameon": False, "handlelength": length, "handletextpad": 0.5}
        for columns in range(min(6, len(labels)), 0, -1):
            legend = self.figure.legend(handles, labels, ncols=columns, columnspacing=1.4, **style)
            if columns == 1 or legend.get_window_extent().width <= self.figure.bbox.width:
                return
            legend.remove()

    def _key(self, label: str, artist: Any) -> None:
        if label and artist is not None:
            self._keys.setdefault(label, artist)

    def _panel_of(self, ax: Axes, role: Role) -> str:
        """The name of the panel `ax`, after checking it and the `role` of what is drawn there."""
        if role not in get_args(Role):
            raise ValueError(f"role must be one of {', '.join(get_args(Role))}, got role={role!r}")
        panel = next((name for name, known in self.axes.items() if known is ax), None)
        if panel is None:
            raise ValueError("ax must be a panel of this canvas, as its method panel returns")
        return panel

    def _keep(
        self,
        ax: Axes,
        series: str,
        role: Role,
        x: ArrayLike,
        y: ArrayLike,
        low: ArrayLike = np.nan,
        high: ArrayLike = np.nan,
        z: ArrayLike = np.nan,
        crossed: ArrayLike = False,
    ) -> None:
        """Record what was just drawn, broadcast to flat columns of one length."""
        panel = self._panel_of(ax, role)
        numbers = [np.asarray(v, dtype=float) for v in (x, y, low, high, z)]
        *columns, flags = (np.ravel(v).copy() for v in np.broadcast_arrays(*numbers, np.asarray(crossed, dtype=bool)))
        self.marks.append(Mark(panel, series, role, *columns, crossed=flags))
