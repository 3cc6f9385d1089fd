"""Figures with the authors' result files at hand: made-up files of the published shape stand in for them."""

from __future__ import annotations

import numpy as np
import pytest

from assay.figure import FigureData
from assay.published import PublishedResult
from claims.random_features import published
from figures.random_features import _shared as shared
from figures.random_features import fitting, panels

SIZES = np.array([10.0, 100.0, 1000.0])
TRIALS = np.array([-0.25, 0.25])  # about the mean


def height(size, ridge):
    """A test error that tells sizes and ridges apart."""
    return 1.0 / np.sqrt(size) + ridge


def panel_file(name: str) -> PublishedResult:
    """Experiment (trial, size, ridge, result) or theory (size, ridge, result) of one panel."""
    vary, ridges = ("k" if "n256" in name else "n"), np.array(shared.RIDGES)
    test = height(SIZES[:, None], ridges)
    axes = {vary: SIZES, "ridge": ridges}
    if "theory" in name:
        arrays = np.stack([test, 0 * test, 0 * test], axis=-1)
        return PublishedResult(name, {**axes, "result": ("test_mse", "kappa", "gamma")}, {"results": arrays})
    test = test + TRIALS[:, None, None]
    arrays = np.stack([0 * test, test], axis=-1)
    axes = {"trial": np.arange(2), **axes, "result": ("train_mse", "test_mse")}
    return PublishedResult(name, axes, {"results": arrays})


def scan_file(name: str) -> PublishedResult:
    """Ridge scan (trial, noise, ridge, result) whose test error is least at the middle ridge."""
    ridges, noise = np.array([0.1, 1.0, 10.0]), np.array([0, 1, 5, 50])
    test = np.array([3.0, 2.0, 4.0]) + noise[:, None] + TRIALS[:, None, None]
    train = np.broadcast_to(np.array([0.25, 0.5, 0.75]) * np.array([3.0, 2.0, 4.0]), test.shape)
    axes = {"trial": np.arange(2), "noise": noise, "ridge": ridges, "result": ("train_mse", "test_mse")}
    return PublishedResult(name, axes, {"results": np.stack([train, test], axis=-1)})


@pytest.fixture
def at_hand(monkeypatch):
    """Every published file is at hand."""
    monkeypatch.setattr(published, "available", lambda name: True)
    monkeypatch.setattr(published, "load", lambda name: scan_file(name) if "optridge" in name else panel_file(name))


def mark_of(canvas, panel, series):
    (mark,) = [m for m in canvas.marks if (m.panel, m.series) == (panel, series)]
    return mark


# --- identities and limits


@pytest.mark.parametrize("vary", ["k", "n"])
def test_the_authors_experiment_takes_the_place_of_digits(at_hand, vary):
    canvas = panels.draw_traces(FigureData("quick", 1, {}))
    assert set(canvas.axes) == {"gaussian-k", "published-k", "gaussian-n", "published-n"}
    for index in panels.SHOWN:
        label = f"ridge δ = {shared.RIDGES[index]:.3g}"
        line = mark_of(canvas, f"published-{vary}", f"published theory, {label}")
        points = mark_of(canvas, f"published-{vary}", f"published experiment, {label}")
        expected = height(SIZES, shared.RIDGES[index])
        assert np.allclose(line.y, expected, rtol=1e-14, atol=0)
        assert np.allclose(points.y, expected, rtol=1e-14, atol=0)
        # two trials, 0.5 apart: the standard error is 0.25
        assert np.allclose(points.high - points.y, 0.25, rtol=1e-12, atol=0)
        assert line.role == points.role == "data"


@pytest.mark.parametrize("noise", fitting.NOISE)
def test_published_scans_stand_over_their_least_error(at_hand, noise):
    canvas = fitting.draw_fitting_ratio(FigureData("quick", 1, {}))
    (mark,) = [m for m in canvas.marks if (m.panel, m.series, m.role) == ("SVHN", f"noise {noise:g}", "data")]
    test, train = np.array([3.0, 2.0, 4.0]) + noise, np.array([0.75, 1.0, 3.0])
    assert np.allclose(mark.x, train / test, rtol=1e-14, atol=0)
    assert np.allclose(mark.y, test / test.min(), rtol=1e-14, atol=0)
    assert np.allclose(mark.high - mark.y, 0.25 / test.min(), rtol=1e-12, atol=0)


def test_the_legend_says_what_is_published(at_hand):
    for canvas in (
        panels.draw_n256(FigureData("quick", 1, {})),
        fitting.draw_fitting_ratio(FigureData("quick", 1, {})),
    ):
        canvas.finish()
        entries = [text.get_text() for legend in canvas.figure.legends for text in legend.get_texts()]
        assert any("published" in entry for entry in entries)
        assert len(entries) == len(set(entries))


# --- properties


def test_nothing_is_published_without_the_files(monkeypatch):
    monkeypatch.setattr(published, "available", lambda name: False)
    canvas = panels.draw_n256(FigureData("quick", 1, {}))
    assert set(canvas.axes) == {"gaussian-k", "digits-k"}
    assert not any(mark.role == "data" for mark in canvas.marks)
