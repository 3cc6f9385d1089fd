"""Words, markers and keys can be read: nothing lies on the data, is hidden, cut off or invisible."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.text
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patheffects import Stroke

from figures.random_features import FIGURES, fitting


def rendered(result):
    """The canvas, drawn, so that places on the page are known."""
    result.canvas.figure.draw_without_rendering()
    return result.canvas


def places(ax, x, y) -> np.ndarray:
    """Pixels along a line or at points given in data units, dense enough not to jump over a word."""
    shown = ax.transData.transform(np.column_stack([x, y]))
    steps = [np.linspace(a, b, 40) for a, b in pairwise(shown)]
    return np.concatenate([shown, *steps])


def plain_ticks(axis) -> list[str]:
    """Labels of the major ticks within the axis' limits."""
    low, high = sorted(axis.get_view_interval())
    ticks = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
    return [label.get_text() for at, label in ticks if low <= at <= high]


# --- identities and limits


@pytest.mark.parametrize("figure", ["train-vs-test", "eigenmeasure"])
def test_words_lie_inside_the_panel_and_beside_the_data(drawn, figure):
    canvas = rendered(drawn[figure])
    count = 0
    for name, ax in canvas.axes.items():
        frame = ax.get_window_extent()
        for text in ax.texts:
            count += 1
            box = text.get_window_extent()
            assert frame.x0 <= box.x0
            assert box.x1 <= frame.x1
            assert frame.y0 <= box.y0
            assert box.y1 <= frame.y1
            for mark in canvas.marks:
                if mark.panel != name:
                    continue
                x, y = places(ax, mark.x, mark.y).T
                over = (x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1)
                assert not over.any(), (text.get_text(), mark.series, mark.role)
    assert count == (6 if figure == "train-vs-test" else 2)


def test_slopes_are_named_beside_the_middle_of_their_guides(drawn):
    canvas = rendered(drawn["eigenmeasure"])
    for name in ("kappa", "test"):
        ax = canvas.axes[name]
        (guide,) = [m for m in canvas.marks if m.panel == name and m.role == "guide"]
        (text,) = ax.texts
        assert text.get_text() == guide.series
        middle = ax.transData.transform((np.sqrt(guide.x.prod()), np.sqrt(guide.y.prod())))
        box, inch = text.get_window_extent(), canvas.figure.dpi
        assert 0 < middle[0] - box.x1 < 0.15 * inch
        assert abs(middle[1] - box.y1) < 0.15 * inch


def test_ratios_are_named_at_the_lower_end_of_their_guides(drawn):
    canvas = rendered(drawn["train-vs-test"])
    for ax in canvas.axes.values():
        frame = ax.get_window_extent()
        for text, ratio in zip(ax.texts, (1.0, 1e-2), strict=True):
            assert text.get_text() == f"R = {ratio:g}"
            box = text.get_window_extent()
            assert box.y1 < frame.y0 + 0.12 * frame.height
            foot = ax.transData.transform((ratio * ax.get_ylim()[0], ax.get_ylim()[0]))
            assert 0 < box.x0 - foot[0] < 0.2 * frame.width


def test_every_marker_of_the_phases_is_seen_whole_or_on_top(drawn):
    canvas = rendered(drawn["overfitting-phase-diagram"])
    ax = canvas.axes["phases"]
    markers = [line for line in ax.lines if line.get_marker() in ("o", "s", "^")]
    assert len(markers) == sum(mark.role == "simulation" for mark in canvas.marks)
    point = canvas.figure.dpi / 72
    for i, one in enumerate(markers):
        assert not one.get_clip_on()  # those without noise lie on the axis' lower edge
        for other in markers[:i]:
            a, b = (ax.transData.transform(line.get_xydata()[0]) for line in (one, other))
            if np.abs(a - b).max() < (one.get_markersize() + other.get_markersize()) / 2 * point:
                small, large = sorted((one, other), key=lambda line: line.get_markersize())
                assert small.get_markersize() < large.get_markersize()
                assert small.get_zorder() > large.get_zorder()


def test_the_phases_fill_the_panel_from_its_lower_edge(drawn):
    canvas = rendered(drawn["overfitting-phase-diagram"])
    ax = canvas.axes["phases"]
    (mesh,) = ax.collections[:1]
    assert mesh.get_coordinates()[0, 0, 1] == pytest.approx(ax.get_ylim()[0], rel=1e-12)


def test_the_caption_of_the_phases_names_the_levels_left_out(drawn):
    (spec,) = [s for s in FIGURES if "phase" in s.id]
    for level in fitting.NOISE:
        assert f"{level:g}" in spec.caption
    assert "above the axis are left out" in spec.caption


def test_white_lines_have_a_dark_outline_in_panel_and_legend(drawn):
    canvas = rendered(drawn["overfitting-phase-diagram"])
    handles = [h for legend in canvas.figure.legends for h in legend.legend_handles]
    lines = [a for a in (*canvas.axes["phases"].lines, *handles) if hasattr(a, "get_linestyle")]
    white = [a for a in lines if a.get_linestyle() != "None" and to_rgba(a.get_color())[:3] == (1, 1, 1)]
    assert len(white) == 2  # drawn, and explained
    for line in white:
        (stroke,) = [e for e in line.get_path_effects() if isinstance(e, Stroke)]
        assert stroke._gc["linewidth"] >= line.get_linewidth() + 1.5
        assert max(to_rgba(stroke._gc["foreground"])[:3]) < 0.4


def test_the_legend_of_the_half_sample_shift_shows_dashes_and_says_what_the_noise_is(drawn):
    canvas = rendered(drawn["half-sample-shift"])
    (legend,) = [one for one in canvas.figure.legends if "slope −1" in [t.get_text() for t in one.get_texts()]]
    named = dict(zip([t.get_text() for t in legend.get_texts()], legend.legend_handles, strict=True))
    dashed = named["limit with n + ½ for n"]
    # half the handle beyond the marker holds a dash and a gap of matplotlib's "--", 3.7 and 1.6 widths long
    free = (legend.handlelength * legend._fontsize - dashed.get_markersize()) / 2
    assert free > (3.7 + 1.6) * dashed.get_linewidth()
    assert sum("relative noise" in words for words in named) == 3


@pytest.mark.parametrize(("figure", "panel"), [("ensembles", "total"), ("more-is-better", "slice")])
def test_axes_of_errors_have_several_plain_ticks(drawn, figure, panel):
    labels = plain_ticks(rendered(drawn[figure]).axes[panel].yaxis)
    assert len(labels) >= 3
    assert all(float(label) > 0 for label in labels)


def test_the_colour_bar_has_few_plain_decimals(drawn):
    figure = rendered(drawn["more-is-better"]).figure
    (bar,) = [ax for ax in figure.axes if ax.get_label() == "<colorbar>"]
    labels = plain_ticks(bar.yaxis)
    assert [float(label) for label in labels] == [0.5, 1.0, 2.0, 5.0]
    minor = [t.get_text() for t in bar.get_yticklabels(minor=True)]
    assert not any(minor)


# --- properties


@pytest.mark.parametrize("figure", ["train-vs-test", "eigenmeasure", "overfitting-phase-diagram"])
def test_no_words_lie_on_each_other(drawn, figure):
    for ax in rendered(drawn[figure]).axes.values():
        boxes = [t.get_window_extent() for t in ax.texts if isinstance(t, matplotlib.text.Text)]
        for i, one in enumerate(boxes):
            assert not any(one.overlaps(other) for other in boxes[:i])
