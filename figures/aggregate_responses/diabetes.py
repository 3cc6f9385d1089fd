"""Real data: which weight is best for bags of patients, for a linear model and for a network."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.aggregate_responses import _shared as shared
from simulations.aggregate_responses import diabetes_errors, diabetes_network_errors
from theory.aggregate_responses import limit_risk, optimal_interpolation

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

TRAINING, FEATURES = 352, 10
LINEAR_BAGS = (2, 8, 16, 32)
NETWORK_BAGS = {"quick": (4, 88), "standard": (4, 16, 44, 88), "paper": (4, 8, 16, 22, 32, 44, 88)}
SLACK = 0.15  # ten features are few, and patients are not Gaussian: 5 % is usual, 15 % is forgiven


def weights(scale: Scale, kind: str) -> Array:
    """Weights of the within-bag spread that are tried."""
    if kind == "linear":
        return np.geomspace(1e-3, 1.0, shared.by_scale(scale, 4, 10, 19))
    return np.geomspace(1e-3, 1.0, shared.by_scale(scale, 2, 4, 7))


def network(scale: Scale) -> dict[str, Any]:
    """Shape and training of the network."""
    wide, tall = shared.by_scale(scale, 8, 32, 64), shared.by_scale(scale, 60, 300, 600)
    return {"widths": (wide,) * 3, "steps": tall, "learning_rate": shared.by_scale(scale, 1e-2, 1e-3, 1e-3)}


def experiments(scale: Scale, seed: int) -> Plan:
    """Random splits for every bag size and model."""
    trials, few = shared.by_scale(scale, 40, 200, 2000), shared.by_scale(scale, 4, 16, 40)
    plan = {}
    for k in LINEAR_BAGS:
        setting: dict[str, Any] = {"bag_size": k, "interpolations": shared.numbers(weights(scale, "linear"))}
        plan[f"linear, k = {k}"] = shared.experiment(diabetes_errors, setting, seed, trials)
    for k in NETWORK_BAGS[scale]:
        setting = {"bag_size": k, "interpolations": shared.numbers(weights(scale, "network")), **network(scale)}
        plan[f"network, k = {k}"] = shared.experiment(diabetes_network_errors, setting, seed, few)
    return plan


@cache
def label_noise() -> float:
    """Residual variance of least squares on all patients, in units of the variance of their labels, unbiased."""
    from sklearn.datasets import load_diabetes  # imported here: it costs most of a second

    inputs, labels = load_diabetes(return_X_y=True)
    design = np.column_stack([np.ones(len(labels)), inputs])
    rest = labels - design @ np.linalg.lstsq(design, labels, rcond=None)[0]
    return float(rest @ rest / (len(labels) - design.shape[1]) / np.var(labels))


def linear_theory(k: float, rho: Any) -> Array:
    """Test error of the Gaussian linear model with the patients' signal and noise, in units of the label variance."""
    noise = label_noise()
    risk = limit_risk(TRAINING / FEATURES, k, rho, signal=1 - noise, noise_variance=noise).total
    return noise + np.asarray(risk)


def draw_diabetes(data: FigureData) -> Canvas:
    """Top: linear model, bottom: network; left: test error against the weight, right: best weight against bag size."""
    canvas = Canvas(2, 2, size=(7.2, 6.2), ratios=(1.25, 1.0))
    for row, (kind, bags) in enumerate((("linear", LINEAR_BAGS), ("network", NETWORK_BAGS[data.scale]))):
        title = f"({'ac'[row]}) {'linear model' if kind == 'linear' else 'network'}"
        words: Any = {"x": "weight, ρ", "y": "test MSE / label variance", "scales": ("log", "linear")}
        left = canvas.panel(f"{kind} error", (row, 0), title=title, **words)
        title, words = f"({'bd'[row]}) best weight", {"x": "bag size, k", "y": "best weight tried, ρ"}
        right = canvas.panel(f"{kind} best", (row, 1), title=title, ylim=(6e-4, 1.7), **words)
        for k, color in zip(bags, shades(len(bags)), strict=True):
            _draw_bags(canvas, (left, right), data, kind, k, color)
        left.set_ylim(*((0.4, 1.3) if kind == "linear" else (0.6, 1.7)))
    sizes = np.geomspace(LINEAR_BAGS[0], LINEAR_BAGS[-1], 100)
    best = optimal_interpolation(TRAINING / FEATURES, sizes, (1 - label_noise()) / label_noise()).interpolation
    label = "theory: Gaussian features, the patients' SNR"
    canvas.line(canvas.axes["linear best"], sizes, best, series="theory", label=label, color="0.2")
    canvas.key("mean over splits ± 1 s.e.", ls="", marker="o")
    return canvas


def _draw_bags(canvas: Canvas, panels: tuple[Axes, Axes], data: FigureData, kind: str, k: int, color: Any) -> None:
    """Points of one bag size: errors with theory where there is one, and the weight of least mean error."""
    left, right = panels
    at, series, shape = weights(data.scale, kind), f"k = {k}", "o" if kind == "linear" else "s"
    label = f"({'a, b' if kind == 'linear' else 'c, d'}) {series}"
    moments = shared.measured(canvas, left, data, f"{kind}, k = {k}")
    if kind == "linear":
        grid = np.geomspace(1e-3, 1.0, 120)
        canvas.line(left, grid, linear_theory(k, grid), series=series, color=color)
    if moments is None:
        return
    if kind == "linear":
        there = linear_theory(k, at)
        shared.simulated(canvas, left, at, moments, there, SLACK, series=series, label=label, color=color)
    else:
        canvas.line(left, at, moments.mean, series=f"{series}, joined", role="guide", color=color, ls="-", lw=0.8)
        look: Any = {"label": label, "color": color, "fmt": shape}
        canvas.points(left, at, moments.mean, moments.standard_error, series=series, **look)
    canvas.points(right, k, at[int(np.argmin(moments.mean))], series=series, color=color, fmt=shape, ms=5)


FIGURES = (
    FigureSpec(
        id="bag-diabetes",
        title="Real data: a small weight helps a linear model, a large one a network with large bags",
        caption="Diabetes of scikit-learn (442 patients, 10 features, 352 for training), for Boston housing. "
        "Test error in units of the label variance (1 is predicting the mean) against the weight of the within-bag "
        "spread, one colour a bag size. Points: mean over random splits with bars of one standard error, thin lines "
        "join them for the network; right: the weight tried that has least mean error. Lines in (a, b): proportional "
        "limit for Gaussian features with the signal and noise of least squares on all patients; a red cross deviates "
        "beyond its interval by more than 15 %.",
        claims=("ar.P2",),
        experiments=experiments,
        draw=draw_diabetes,
    ),
)
