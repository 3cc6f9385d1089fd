"""Ticks and titles can be read: few plain ticks on step axes, ∞ where the limits are, no title over its neighbour."""

from __future__ import annotations

from itertools import pairwise

import pytest


def rendered(result):
    """The canvas, drawn, so that places on the page are known."""
    result.canvas.figure.draw_without_rendering()
    return result.canvas


def ticks(axis) -> list[str]:
    """Labels of the major ticks within the axis' limits."""
    low, high = sorted(axis.get_view_interval())
    pairs = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
    return [label.get_text() for at, label in pairs if low <= at <= high]


# --- identities and limits


@pytest.mark.parametrize(
    ("figure", "panel", "last"),
    [
        ("toy-losses", "losses", "∞"),
        ("toy-losses", "published", "∞"),
        ("filter-ratios", "overshoot", "20"),
        ("overshoot-map", "pair", "40"),
        ("distillation-steps", "p = 2n", "∞"),
        ("distilled-digits", "test accuracy, ridge 0.5", "∞"),
    ],
)
def test_step_axes_start_at_one_and_end_where_they_should(drawn, figure, panel, last):
    labels = ticks(rendered(drawn[figure]).axes[panel].xaxis)
    assert labels[0] == "1"
    assert labels[-1] == last
    assert all(float(label) == int(label) for label in labels[:-1])


def test_weights_far_from_nought_have_plain_ticks(drawn):
    labels = ticks(rendered(drawn["distillation-risk-curves"]).axes["weight"].yaxis)
    assert sorted(float(label) for label in labels) == sorted([0.0, *(s * v for s in (-1, 1) for v in (1, 10, 100))])


# --- properties


def test_titles_do_not_run_into_each_other(drawn):
    for result in drawn.values():
        boxes = [
            text.get_window_extent() for ax in rendered(result).axes.values() for text in (ax.title, ax._left_title)
        ]
        boxes = sorted((box for box in boxes if box.width > 1), key=lambda box: (round(box.y0), box.x0))
        for one, other in pairwise(boxes):
            assert not one.overlaps(other)


def test_tick_labels_of_one_axis_do_not_overlap(drawn):
    for name, result in drawn.items():
        for panel, ax in rendered(result).axes.items():
            for axis in (ax.xaxis, ax.yaxis):
                low, high = sorted(axis.get_view_interval())
                shown = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
                boxes = [label.get_window_extent() for at, label in shown if low <= at <= high and label.get_text()]
                assert not any(a.overlaps(b) for a, b in pairwise(boxes)), (name, panel)
