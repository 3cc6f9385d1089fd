"""Beyond the paper: where the error comes from, what averaging buys, estimates from training data alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from figures.random_features import _shared as shared
from simulations.random_features import ensemble_errors, gcv_estimates, power_law_errors, variance_split
from theory.random_features import decomposition, ensemble_risk, implicit_regularization, power_law, risk

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

SPLIT = {"n": 50, "alpha": 1.5, "beta": 1.5, "modes": 600, "noise_variance": 0.3, "ridges": (0.02,)}
PARTS = ("squared_bias", "sample_variance", "feature_variance", "interaction")
WORDS = ("squared bias", "variance, samples", "variance, features", "interaction")
CROWD = {"n": 80, "alpha": 1.5, "beta": 1.5, "modes": 1000, "noise_variance": 0.5, "ridges": (0.05,)}
MEMBER_SIZES = (20, 60, 180)
GCV = {"alpha": 1.5, "beta": 1.5, "modes": 2000, "noise_variance": 0.5}
GCV_SIZES = ((100, "inf"), (100, 300), (100, 50))


def spectrum_of(setting: Mapping[str, Any]) -> tuple[Array, Array, float]:
    """Eigenvalues, target power and noise variance of a power-law `setting`, as the theory takes them."""
    values, power = power_law(setting["alpha"], setting["beta"], setting["modes"])
    return values, power, setting["noise_variance"]


# ---------------------------------------------------------------- variance split


def split_sizes(scale: Scale) -> tuple[int, ...]:
    """Numbers of features, that of the training samples among them, where the interaction peaks."""
    spread = shared.sizes(10, 400, shared.by_scale(scale, 5, 11, 20))
    return tuple(sorted({*spread, int(SPLIT["n"])}))


def split_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each number of features."""
    trials = shared.by_scale(scale, 16, 300, 8000)
    return {f"k = {k}": shared.experiment(variance_split, {**SPLIT, "k": k}, seed, trials) for k in split_sizes(scale)}


def draw_variance_split(data: FigureData) -> Canvas:
    """Left: the parts stacked, in theory; right: each part with its simulated points."""
    canvas = Canvas(1, 2, size=(7.2, 3.9))
    n, grid = SPLIT["n"], np.unique(np.append(np.geomspace(10, 400, 100), np.geomspace(40, 62, 45)))
    law, ridge = spectrum_of(SPLIT), SPLIT["ridges"][0]
    split = decomposition(n, grid, ridge, *law)
    title = f"n = {n}, ridge δ = {ridge:g}"
    words: Any = {"x": "random features, k", "y": "part of the test error", "scales": ("log", "linear")}
    left = canvas.panel("stacked", (0, 0), title=f"(a) stacked, {title}", **words)
    right = canvas.panel("parts", (0, 1), title="(b) part by part", **words)
    bottom = np.full(grid.shape, SPLIT["noise_variance"])
    canvas.band(left, grid, 0 * grid, bottom, series="noise", label="noise", color="0.8")
    for part, name, color in zip(PARTS, WORDS, PALETTE, strict=False):
        line = np.asarray(getattr(split, part))
        canvas.band(left, grid, bottom, bottom + line, series=name, color=color, alpha=0.75)
        canvas.line(right, grid, line, series=name, label=name, color=color)
        bottom = bottom + line
    canvas.line(left, grid, risk(n, grid, ridge, *law), series="test error", label="test error", color="black")
    _split_points(canvas, right, data)
    left.set_ylim(0.0, 1.05 * float(bottom.max()))
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


def _split_points(canvas: Canvas, ax: Axes, data: FigureData) -> None:
    """Simulated parts against the number of features; parts are judged relative to the whole error."""
    n, law, ridge = SPLIT["n"], spectrum_of(SPLIT), SPLIT["ridges"][0]
    order = (0, 2, 1, 3)  # of the measure's columns in the order of PARTS
    for k in split_sizes(data.scale):
        moments = shared.measured(canvas, ax, data, f"k = {k}")
        if moments is None:
            continue
        expected, whole = decomposition(n, k, ridge, *law), float(np.asarray(risk(n, k, ridge, *law)))
        for part, name, color, column in zip(PARTS, WORDS, PALETTE, order, strict=False):
            theory = float(np.asarray(getattr(expected, part)))
            slack = shared.TEST_SLACK / min(n, k) * whole / theory
            values = moments.select((0, [column]))
            shared.simulated(canvas, ax, [k], values, theory, slack, series=name, color=color)


# ---------------------------------------------------------------- ensembles


def members_of(k: int, scale: Scale) -> tuple[int, ...]:
    """Ensemble sizes of members with `k` features."""
    most = shared.by_scale(scale, 4, 16, 32)
    return tuple(m for m in (1, 2, 4, 8, 16, 32) if m <= most)


def single_sizes(scale: Scale) -> tuple[int, ...]:
    """Numbers of features of one big model."""
    return shared.sizes(20, 3000, shared.by_scale(scale, 5, 13, 20))


def crowd_experiments(scale: Scale, seed: int) -> Plan:
    """Ensembles of small models, and one model of each total size."""
    trials = shared.by_scale(scale, 16, 160, 4000)
    plan = {}
    for k in MEMBER_SIZES:
        setting = {**CROWD, "k": k, "members": members_of(k, scale)}
        plan[f"members of {k}"] = shared.experiment(ensemble_errors, setting, seed, trials)
    for k in single_sizes(scale):
        plan[f"one of {k}"] = shared.experiment(power_law_errors, {**CROWD, "k": k}, seed, trials)
    return plan


def draw_ensembles(data: FigureData) -> Canvas:
    """Test error against the total number of features: one model, and averages of smaller ones with their limits."""
    canvas = Canvas(1, 1, size=(5.6, 4.2))
    n, ridge, law = CROWD["n"], CROWD["ridges"][0], spectrum_of(CROWD)
    title = f"n = {n}, ridge δ = {ridge:g}"
    ax = canvas.panel(
        "total", title=title, x="random features in total, m·k", y=shared.MSE_TEST, scales=("log", "linear")
    )
    grid = np.unique(np.append(np.geomspace(20, 6000, 120), np.geomspace(60, 110, 41)))
    canvas.line(
        ax, grid, risk(n, grid, ridge, *law), series="one model", label="one model of m·k features", color="0.3"
    )
    for k in single_sizes(data.scale):
        moments = shared.measured(canvas, ax, data, f"one of {k}")
        if moments is not None:
            expected, slack = risk(n, k, ridge, *law), shared.TEST_SLACK / min(n, k)
            values = moments.select(([0], 0))
            shared.simulated(canvas, ax, [k], values, expected, slack, series="one model", color="0.3")
    for k, color in zip(MEMBER_SIZES, PALETTE, strict=False):
        label = f"average of m models, k = {k}"
        crowd = np.geomspace(1, 6000 / k, 60)
        line = ensemble_risk(n, k, ridge, *law, members=crowd)
        canvas.line(ax, crowd * k, line, series=label, label=label, color=color)
        limit = float(np.asarray(ensemble_risk(n, k, ridge, *law, members=np.inf)))
        canvas.line(ax, [k, 6000], [limit, limit], series=f"m = inf, k = {k}", color=color, ls=":", lw=1.0)
        moments = shared.measured(canvas, ax, data, f"members of {k}")
        if moments is not None:
            m = np.array(members_of(k, data.scale), dtype=float)
            expected, slack = ensemble_risk(n, k, ridge, *law, members=m), shared.TEST_SLACK / min(n, k)
            shared.simulated(canvas, ax, m * k, moments.select((..., 0)), expected, slack, series=label, color=color)
    canvas.key("m → ∞", ls=":", lw=1.0)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


# ---------------------------------------------------------------- generalised cross-validation


def gcv_ridges(scale: Scale) -> tuple[float, ...]:
    """Ridges of the estimates."""
    return tuple(float(r) for r in np.geomspace(1e-3, 30.0, shared.by_scale(scale, 5, 12, 24)))


def gcv_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each pair of sizes."""
    trials = shared.by_scale(scale, 16, 200, 4000)
    return {
        f"n = {n}, k = {k}": shared.experiment(
            gcv_estimates, {**GCV, "n": n, "k": k, "ridges": gcv_ridges(scale)}, seed, trials
        )
        for n, k in GCV_SIZES
    }


def draw_gcv(data: FigureData) -> Canvas:
    """kappa and test error in theory; estimates of both from training data as points."""
    canvas = Canvas(1, 2, size=(7.2, 3.7))
    grid, at = np.geomspace(1e-3, 30.0, 80), np.array(gcv_ridges(data.scale))
    words = "ridge δ, in units of λ₁"
    left = canvas.panel(
        "kappa", (0, 0), title="(a) implicit regulariser", x=words, y="κ, estimated by 1 / tr (K + δ)⁻¹"
    )
    right = canvas.panel(
        "test", (0, 1), title="(b) test error", x=words, y="test MSE, estimated by GCV", scales=("log", "linear")
    )
    law = spectrum_of(GCV)
    for (n, k), color in zip(GCV_SIZES, PALETTE, strict=False):
        label = f"n = {n}, k = {'∞' if k == 'inf' else k}"
        functions = (
            (left, 0, lambda d, n=n, k=k: implicit_regularization(n, float(k), d, law[0])[1]),
            (right, 1, lambda d, n=n, k=k: risk(n, float(k), d, *law)),
        )
        moments = data.moments.get(f"n = {n}, k = {k}")
        for ax, column, function in functions:
            canvas.line(ax, grid, function(grid), series=label, label=label, color=color)
            if moments is None:
                shared.measured(canvas, ax, data, f"n = {n}, k = {k}")
                continue
            slack = shared.TRAIN_SLACK / min(n, float(k))
            values = moments.select((..., column))
            shared.simulated(canvas, ax, at, values, function(at), slack, series=label, color=color)
    canvas.key("simulated estimate ± 1 s.e.", ls="", marker="o")
    return canvas


CROSS = "a red cross deviates beyond its interval by more than"

FIGURES = (
    FigureSpec(
        id="variance-split",
        title="The peak at k = n is an interaction of samples and features",
        caption="Test error of random-feature ridge regression split into squared bias, the variances due to samples "
        "(with their noise) and to features, their interaction, and noise. Eigenvalues and target power i^-1.5, 600 "
        "modes, noise variance 0.3. Bands and lines: theory; points: simulation with two training sets and two feature "
        f"draws per trial, mean with bars of one standard error; {CROSS} 2/min(n, k) of the whole error.",
        claims=("rf.F7.split",),
        experiments=split_experiments,
        draw=draw_variance_split,
    ),
    FigureSpec(
        id="ensembles",
        title="One model of mk features against the average of m models of k features",
        caption="Test error against the total number of features at one ridge, eigenvalues and target power i^-1.5, "
        "1000 modes, noise variance 0.5. Lines: theory; dotted: infinitely many members, which is kernel ridge "
        "regression at a larger ridge. Points: simulation, mean with bars of one standard error; members share the "
        f"training set; {CROSS} 2/min(n, k).",
        claims=("rf.F7", "rf.F1"),
        experiments=crowd_experiments,
        draw=draw_ensembles,
    ),
    FigureSpec(
        id="gcv",
        title="Regulariser and test error can be read from training data",
        caption="Lines: theory for the regulariser kappa and for the test error, eigenvalues and target power i^-1.5, "
        "2000 modes, noise variance 0.5. Points: their estimates 1 / tr (K + ridge)^-1 and generalised "
        "cross-validation from training data alone, mean over simulated training sets with bars of one standard "
        f"error; {CROSS} 10/min(n, k).",
        claims=("rf.F6",),
        experiments=gcv_experiments,
        draw=draw_gcv,
    ),
)
