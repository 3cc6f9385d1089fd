"""Words and markers can be read: inside their panels, off the data, and explained in the legend."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.text
import numpy as np
import pytest


def rendered(result):
    """The canvas, drawn, so that places on the page are known."""
    result.canvas.figure.draw_without_rendering()
    return result.canvas


def entries(canvas) -> list[str]:
    """The words of all legends."""
    return [text.get_text() for legend in canvas.figure.legends for text in legend.get_texts()]


# --- identities and limits


def test_the_atom_is_named_inside_the_panel_and_off_the_lines(drawn):
    canvas = rendered(drawn["bag-wachter"])
    (ax,) = [ax for ax in canvas.axes.values() if ax.texts]
    (text,) = ax.texts
    box, frame = text.get_window_extent(), ax.get_window_extent()
    assert text.get_text() == "mass 0.5"
    assert frame.x0 <= box.x0 < box.x1 <= frame.x1
    assert frame.y0 <= box.y0 < box.y1 <= frame.y1
    panel = next(name for name, known in canvas.axes.items() if known is ax)
    for mark in (m for m in canvas.marks if m.panel == panel):
        shown = ax.transData.transform(np.column_stack([mark.x, mark.y]))
        path = np.concatenate([np.linspace(a, b, 40) for a, b in pairwise(shown)])
        over = (path[:, 0] > box.x0) & (path[:, 0] < box.x1) & (path[:, 1] > box.y0) & (path[:, 1] < box.y1)
        assert not over.any(), mark.series


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("bag-weight", ("best weight", "best ridge on the bag means")),
        ("bag-bias", ("least bias", "instance level, ρ = 1")),
        ("bag-size", ("bag and instance level equal",)),
        ("bag-private-risk", ("best whole bag size",)),
        ("bag-private-size", ("limit ln n → ∞", "k = 5 overtakes k = 1", "jump 1 → 5")),
        ("bag-winners", ("(a) bag level wins in simulation", "EasyLLP = bag level")),
        ("bag-peak", ("as many bags as features, ψ = k", "best weight and gain")),
    ],
)
def test_the_legend_explains_what_is_marked(drawn, figure, words):
    assert set(words) <= set(entries(drawn[figure].canvas))


@pytest.mark.parametrize("figure", ["bag-size", "bag-samples", "bag-snr", "bag-peak", "bag-private-best"])
def test_most_points_are_inside_the_axes(drawn, figure):
    """Beside the peak a few may leave; the others are seen."""
    canvas = drawn[figure].canvas
    inside = []
    for mark in (m for m in canvas.marks if m.role == "simulation"):
        (left, right), (low, high) = canvas.axes[mark.panel].get_xlim(), canvas.axes[mark.panel].get_ylim()
        inside.extend((mark.x >= left) & (mark.x <= right) & (mark.y >= low) & (mark.y <= high))
    assert np.mean(inside) > 0.8


def test_markers_on_the_plane_have_an_edge(drawn):
    canvas = drawn["bag-winners"].canvas
    markers = [line for line in canvas.axes["plane"].lines if line.get_marker() in ("o", "s", "^")]
    assert len(markers) == sum(m.series.startswith("winner") for m in canvas.marks)
    assert all(line.get_markeredgecolor() == "white" for line in markers)


# --- properties


def test_no_two_titles_of_a_figure_overlap(drawn):
    for name, result in drawn.items():
        canvas = rendered(result)
        titles = [ax._left_title for ax in canvas.axes.values() if ax._left_title.get_text()]
        assert all(isinstance(title, matplotlib.text.Text) for title in titles)
        boxes = [title.get_window_extent() for title in titles]
        for i, one in enumerate(boxes):
            assert not any(one.overlaps(other) for other in boxes[:i]), name
