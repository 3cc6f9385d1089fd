"""What the canvas draws is what it records, in a style that can be read."""

from __future__ import annotations

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import LogNorm, Normalize, to_rgba

from assay.drawing import EMPTY, MOST_CROSSES, PALETTE, REFUTED, Canvas, Layer, shades

SMALLEST_FONT = 8.0  # points, at final size


def simple(**panel) -> tuple[Canvas, object]:
    canvas = Canvas(size=(3.4, 2.8))
    return canvas, canvas.panel("only", x="samples, n", y="test MSE", **panel)


def texts(canvas: Canvas):
    """Every non-empty text on the figure once it is rendered."""
    canvas.figure.savefig(io.BytesIO(), format="png")
    return [t for t in canvas.figure.findobj(plt.Text) if t.get_visible() and t.get_text().strip()]


# --- identities and limits


def test_a_line_is_drawn_and_recorded_as_given():
    canvas, ax = simple()
    artist = canvas.line(ax, [1, 10, 100], [2.5, 0.5, 0.125], series="risk", label="theory")
    assert artist.get_xydata().tolist() == [[1, 2.5], [10, 0.5], [100, 0.125]]
    (mark,) = canvas.marks
    assert (mark.panel, mark.series, mark.role) == ("only", "risk", "theory")
    assert mark.y.tolist() == [2.5, 0.5, 0.125]
    assert np.isnan(mark.low).all()
    assert np.isnan(mark.z).all()


def test_points_carry_their_bars():
    canvas, ax = simple()
    canvas.points(ax, [1, 2], [3.0, 5.0], [0.25, 0.5], series="sim")
    (mark,) = canvas.marks
    assert mark.role == "simulation"
    assert mark.low.tolist() == [2.75, 4.5]
    assert mark.high.tolist() == [3.25, 5.5]
    segments = np.concatenate(ax.collections[0].get_segments())
    assert segments[:, 1].tolist() == [2.75, 3.25, 4.5, 5.5]


def test_refuted_points_become_red_crosses_and_are_counted():
    canvas, ax = simple()
    canvas.points(ax, [1, 2, 3], [3.0, 5.0, 7.0], [0.1] * 3, series="sim", crossed=[False, True, False], color="black")
    marks = {line.get_marker(): line for line in ax.lines if line.get_marker() in "ox"}
    assert marks["x"].get_xydata().tolist() == [[2, 5]]
    assert to_rgba(marks["x"].get_color()) == to_rgba(REFUTED)
    assert marks["o"].get_xydata().tolist() == [[1, 3], [3, 7]]
    assert canvas.crossed == (1, 3)
    canvas.finish()
    assert canvas.stamps[-1].text == "1 of 3 simulated points refuted"


def test_all_points_may_be_refuted():
    canvas, ax = simple()
    canvas.points(ax, [1, 2], [3.0, 5.0], series="sim", crossed=True, label="points")
    canvas.finish()
    assert canvas.crossed == (2, 2)


def test_published_data_are_open_and_are_not_judged():
    canvas, ax = simple()
    canvas.points(ax, [1], [3.0], [0.1], series="paper", role="data", color=PALETTE[0])
    assert ax.lines[0].get_markerfacecolor() == "white"
    assert canvas.crossed == (0, 0)


def test_cells_of_a_heat_map_meet_half_way_on_the_scale():
    canvas, ax = simple(scales=("log", "linear"))
    z = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]])
    mesh = canvas.image(ax, [1, 100, 10_000], [2.0, 4.0], z, series="risk", norm=Normalize(0, 6))
    corners = mesh.get_coordinates()
    assert np.allclose(corners[0, :, 0], [0.1, 10, 1000, 1e5])  # geometric middles of a geometric row, to rounding
    assert corners[:, 0, 1].tolist() == [1, 3, 5]
    (mark,) = canvas.marks
    assert mark.x.tolist() == [1, 100, 10_000] * 2
    assert mark.y.tolist() == [2, 2, 2, 4, 4, 4]
    assert mark.z.tolist()[:4] == [1, 2, 3, 4]
    assert np.isnan(mark.z[4])


def test_refuted_cells_are_crossed():
    canvas, ax = simple()
    look = {"norm": LogNorm(1, 9), "role": "simulation", "crossed": [[False, True], [False, False]]}
    canvas.image(ax, [1, 2], [3, 4], [[1.0, 2.0], [3.0, 4.0]], series="risk", **look)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert crosses[0].get_xydata().tolist() == [[2, 3]]
    assert canvas.crossed == (1, 4)


def pixels_of(ax) -> np.ndarray:
    """Colours of the only picture on the axes, rows from below."""
    (picture,) = ax.images
    return np.asarray(picture.get_array())


def test_a_map_draws_its_layers_as_pixels_and_stays_out_of_the_marks():
    canvas, ax = simple(scales=("linear", "linear"))
    nan, cmap = np.nan, plt.get_cmap("viridis")
    first = Layer("time", np.array([[0.0, 4.0, nan], [nan, 2.0, nan]]), Normalize(0, 4), cmap)
    second = Layer("sharpness", np.array([[nan, 8.0, nan], [6.0, nan, nan]]), Normalize(6, 8), plt.get_cmap("magma"))
    bars = canvas.map(ax, [1.0, 2.0, 3.0], [5.0, 7.0], [first, second])
    grey = [round(255 * float(EMPTY))] * 3 + [255]
    expected = [
        [cmap(0.0, bytes=True), plt.get_cmap("magma")(1.0, bytes=True), grey],
        [plt.get_cmap("magma")(0.0, bytes=True), cmap(0.5, bytes=True), grey],
    ]
    assert np.array_equal(pixels_of(ax), np.array(expected, dtype=np.uint8))
    assert ax.images[0].get_extent() == [0.5, 3.5, 4.0, 8.0]
    assert (ax.images[0].origin, ax.get_aspect()) == ("lower", "auto")
    assert canvas.marks == []
    assert [one.series for one in canvas.maps] == ["time", "sharpness"]
    assert (canvas.maps[0].panel, canvas.maps[0].role, canvas.maps[0].z) == ("only", "simulation", first.z)
    assert [(bar.norm, bar.cmap) for bar in bars] == [(first.norm, cmap), (second.norm, second.cmap)]
    assert canvas.crossed == (0, 5)  # the cells that have a value


def test_refuted_cells_of_a_map_are_counted_and_some_are_crossed():
    canvas, ax = simple(scales=("linear", "linear"))
    z, bad = np.ones((50, 80)), np.zeros((50, 80), dtype=bool)
    bad[3, 7] = True
    canvas.map(
        ax, np.arange(80.0), np.arange(50.0), [Layer("one", z, Normalize(0, 1), plt.get_cmap("gray"))], crossed=bad
    )
    (cross,) = [line for line in ax.lines if line.get_marker() == "x"]
    assert cross.get_xydata().tolist() == [[7, 3]]
    assert canvas.crossed == (1, 4000)
    canvas.map(
        ax, np.arange(80.0), np.arange(50.0), [Layer("two", z, Normalize(0, 1), plt.get_cmap("gray"))], crossed=True
    )
    assert canvas.crossed == (4001, 8000)
    assert 0 < len(ax.lines[-1].get_xydata()) <= MOST_CROSSES


def test_a_map_needs_cells_of_one_size():
    canvas, ax = simple(scales=("linear", "linear"))
    layer = Layer("one", np.ones((2, 3)), Normalize(0, 1), plt.get_cmap("gray"))
    with pytest.raises(ValueError, match="x must be evenly spaced"):
        canvas.map(ax, [1.0, 2.0, 4.0], [0.0, 1.0], [layer])
    with pytest.raises(ValueError, match="role must be one of"):
        canvas.map(ax, [1.0, 2.0, 3.0], [0.0, 1.0], [layer], role="guess")


def test_a_band_records_both_edges():
    canvas, ax = simple()
    canvas.band(ax, [1, 2], [0.5, 0.25], [3.0, 4.0], series="bias", label="bias", color="0.5")
    (mark,) = canvas.marks
    assert mark.low.tolist() == [0.5, 0.25]
    assert mark.high.tolist() == mark.y.tolist() == [3.0, 4.0]


# --- properties


def test_nothing_touches_the_state_of_pyplot():
    before = plt.get_fignums(), dict(plt.rcParams)
    canvas, ax = simple(title="(a) a title")
    canvas.line(ax, [1, 10], [1.0, 2.0], series="risk", label="theory")
    canvas.finish()
    assert (plt.get_fignums(), dict(plt.rcParams)) == before


def test_text_is_large_enough_at_final_size():
    canvas, ax = simple(title="(a) a title", xlim=(10, 10_000), ylim=(0.1, 4))
    canvas.line(ax, [10, 10_000], [1.0, 2.0], series="risk", label="theory")
    canvas.line(ax, [10, 10_000], [3.0, 0.5], series="slope", role="guide", label="slope")
    canvas.text(ax, 100, 1, "words")
    canvas.note(ax, "missing")
    grid = np.array([[1.0, 2.0], [3.0, 4.0]])
    mesh = canvas.image(ax, [10, 1000], [0.1, 1.0], grid, series="map", norm=LogNorm(1, 4))
    canvas.contour(ax, [10, 1000], [0.1, 1.0], grid, [2.5], series="level")
    canvas.colorbar(mesh, [ax], "test MSE")
    canvas.finish()
    sizes = {t.get_text(): t.get_fontsize() for t in texts(canvas)}
    assert min(sizes.values()) >= SMALLEST_FONT
    assert {"samples, n", "test MSE", "theory", "words", "missing", "2.5"} <= set(sizes)


def test_legend_entries_are_unique_and_stand_outside_the_panels():
    canvas, ax = simple()
    for _ in range(2):
        canvas.line(ax, [1, 10], [1.0, 2.0], series="risk", label="theory")
    canvas.key("simulation", ls="", marker="o")
    canvas.verdict({"id": "toy.mean", "verdict": "holds", "as_expected": True, "reason": "1 case within 0.1"})
    canvas.finish()
    canvas.figure.savefig(io.BytesIO(), format="png")
    below, above = canvas.figure.legends
    assert [t.get_text() for t in below.get_texts()] == ["theory", "simulation"]
    assert [t.get_text() for t in above.get_texts()] == ["toy.mean holds (1 case within 0.1)"]
    panel = ax.get_window_extent()
    assert below.get_window_extent().y1 <= panel.y0
    assert above.get_window_extent().y0 >= panel.y1


def test_handles_are_long_enough_for_dashes_beside_a_marker():
    canvas, ax = simple()
    canvas.line(ax, [1, 10], [1.0, 2.0], series="risk", label="limit", ls="--", marker="D", ms=3.0)
    canvas.finish()
    (legend,) = canvas.figure.legends
    (handle,) = legend.legend_handles
    # matplotlib's "--" is a dash of 3.7 widths and a gap of 1.6; one of each beyond the marker
    assert (legend.handlelength * SMALLEST_FONT - 3.0) / 2 > (3.7 + 1.6) * handle.get_linewidth()


def test_long_legends_take_the_columns_that_fit():
    canvas, ax = simple()
    for index in range(6):
        canvas.line(ax, [1, 10], [1.0, 2.0 + index], series=f"{index}", label=f"a rather long legend entry {index}")
    canvas.finish()
    (legend,) = canvas.figure.legends
    assert legend.get_window_extent().width <= canvas.figure.bbox.width


@pytest.mark.parametrize(
    ("limits", "labels"),
    [((10, 630), {"10", "20", "50", "100", "200", "500"}), ((0.5, 5), {"0.5", "1", "2", "5"})],
)
def test_short_logarithmic_axes_have_plain_numbers(limits, labels):
    canvas = Canvas(size=(7.0, 3.0))
    ax = canvas.panel("only", x="samples, n", y="test MSE", xlim=limits)
    canvas.finish()
    canvas.figure.savefig(io.BytesIO(), format="png")
    shown = {t.get_text() for t in ax.get_xticklabels() if limits[0] <= t.get_position()[0] <= limits[1]}
    assert shown == labels


def test_long_logarithmic_axes_keep_powers_of_ten():
    canvas, ax = simple(xlim=(1e-4, 1e4))
    canvas.finish()
    canvas.figure.savefig(io.BytesIO(), format="png")
    assert any("10^" in t.get_text() for t in ax.get_xticklabels())


def test_families_run_from_dark_to_light():
    brightness = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in shades(7)]
    assert brightness == sorted(brightness)
    assert len(set(shades(7))) == 7


# --- bad input


def test_two_panels_of_one_name_are_refused():
    canvas, _ = simple()
    with pytest.raises(ValueError, match="panel names must differ, got 'only' twice"):
        canvas.panel("only", x="x", y="y")


def test_axes_of_another_canvas_are_refused():
    canvas, _ = simple()
    _, stranger = simple()
    with pytest.raises(ValueError, match="ax must be a panel of this canvas"):
        canvas.line(stranger, [1, 2], [1.0, 2.0], series="risk")


def test_unknown_roles_are_refused():
    canvas, ax = simple()
    with pytest.raises(ValueError, match="role must be one of theory, simulation, data, guide, got role='guess'"):
        canvas.line(ax, [1, 2], [1.0, 2.0], series="risk", role="guess")


@pytest.mark.parametrize(("scale", "wide"), [("log", 0.5 * 4.0), ("linear", 0.5)])
def test_boxes_show_quartiles_and_whiskers_of_what_is_there(scale, wide):
    canvas = Canvas()
    ax = canvas.panel("only", x="n", y="estimate", scales=(scale, "linear"))
    canvas.boxes(ax, [2.0, 4.0], [[], np.arange(101.0) ** 2], series="estimate", label="runs", width=0.5)
    box, whiskers = canvas.marks
    assert (box.x, box.y, box.low, box.high) == (4.0, 50.0**2, 25.0**2, 75.0**2)
    assert (whiskers.series, whiskers.low, whiskers.high) == ("estimate, 5 % to 95 %", 5.0**2, 95.0**2)
    assert box.role == whiskers.role == "simulation"
    assert max(np.ptp(line.get_xdata()) for line in ax.lines) == pytest.approx(wide)


def test_boxes_without_samples_draw_nothing():
    canvas = Canvas()
    canvas.boxes(canvas.panel("only", x="n", y="estimate"), [2.0], [[]], series="estimate")
    assert canvas.marks == []
