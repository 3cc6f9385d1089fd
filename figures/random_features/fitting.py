"""How well to fit: test error against the fitting ratio, against the train error and against the ridge.

The three figures draw the same experiments: kernel ridge regression on Gaussian data whose exponents are those that the
paper measured on three image sets, at four noise levels. The infinitely many modes of the task are simulated as the
first `MODES` ones; the rest, which no sample resolves, acts as a ridge (the sum of its eigenvalues) and as noise (the
sum of its target power), and is simulated as such. Published ridge scans are drawn too when they are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.special import zeta

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas
from assay.figure import FigureData, FigureSpec, Plan
from assay.moments import Moments
from claims.random_features import published
from figures.random_features import _shared as shared
from simulations.random_features import power_law_errors
from theory.random_features import (
    clean_ridgeless_risk,
    fitting_ratio_risk,
    optimal_fitting_ratio,
    power_law_risk,
    power_law_train_error,
)

__all__ = ["FIGURES", "NOISE", "TASKS", "Exponents", "samples"]

Array = NDArray[np.float64]

NOISE = (0.0, 1.0, 5.0, 50.0)  # label-noise variance over the clean ridgeless test error, the paper's
COLORS = PALETTE[:4]
RATIOS = np.square(1.0 - np.append(np.linspace(1.0, 0.02, 120), np.geomspace(0.019, 1e-13, 120)))  # steep towards 1
TOP = 1.75  # of the axis of relative test errors
LARGEST_RATIO = 0.97  # above it the few degrees of freedom left are far from any limit
DIAMONDS = {"fmt": "D", "ms": 2.6}


@dataclass(frozen=True)
class Exponents:
    """Decay of eigenvalues (`alpha`) and target power (`beta`) that the paper measured on image set `name`."""

    name: str
    alpha: float
    beta: float

    def clean(self, n: int) -> float:
        """Test error at `n` samples without ridge and noise."""
        return float(power_law_risk(n, np.inf, 0.0, self.alpha, self.beta))


TASKS = (Exponents("CIFAR10", 1.17, 1.14), Exponents("SVHN", 1.22, 1.20), Exponents("MNIST", 1.12, 1.36))


def samples(scale: Scale) -> int:
    """Number of training samples at `scale`."""
    return shared.by_scale(scale, 64, 256, 512)


def modes(scale: Scale) -> int:
    """Number of modes simulated one by one."""
    return shared.by_scale(scale, 2000, 10_000, 20_000)


def ridges(scale: Scale) -> Array:
    """Ridges of the experiments, the first one 0."""
    return np.append(0.0, np.geomspace(1e-2, 1e4, shared.by_scale(scale, 10, 25, 37)))


def name_of(task: Exponents, noise: float) -> str:
    """Key of an experiment."""
    return f"{task.name} noise {noise:g}"


def experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each task and noise level, all ridges at once."""
    n, count = samples(scale), modes(scale)
    plan = {}
    for task in TASKS:
        unresolved_ridge, unresolved_power = zeta(task.alpha, count + 1), zeta(task.beta, count + 1)
        for noise in NOISE:
            setting = {
                "n": n,
                "k": "inf",
                "ridges": tuple(float(r) for r in ridges(scale) + unresolved_ridge),
                "alpha": task.alpha,
                "beta": task.beta,
                "modes": count,
                "noise_variance": float(noise * task.clean(n) + unresolved_power),
            }
            trials = shared.by_scale(scale, 4, 24, 96)
            plan[name_of(task, noise)] = shared.experiment(power_law_errors, setting, seed, trials)
    return plan


def test_and_train(task: Exponents, moments: Moments, scale: Scale) -> tuple[Moments, Moments]:
    """Moments of the task's test and train errors: the residual of ridge r + t, t the unresolved part, is that of r
    times (r + t)/r, hence a factor (r/(r + t))^2 on the train error."""
    ridge = ridges(scale)
    share = ridge / (ridge + zeta(task.alpha, modes(scale) + 1))
    return moments.select((..., 0)), moments.select((..., 1)).linear(share**2)


@dataclass(frozen=True, eq=False)
class Scan:
    """A published ridge scan at one noise level: `ridge`, `test` and `train` errors with standard errors over
    trials."""

    ridge: Array
    test: Array
    train: Array
    test_error: Array


def scan(task: Exponents, noise: float) -> Scan | None:
    """The published ridge scan of a convolutional kernel on the image set itself; None if it is not at hand."""
    name = f"{task.name.lower()}/myrtle10-clean/optridge.expt"
    if not published.available(name):
        return None
    result = published.load(name)
    level = int(np.flatnonzero(np.asarray(result.axes["noise"], dtype=float) == noise)[0])
    values = np.asarray(result.arrays["results"], dtype=float)[:, level]
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(values.shape[0])
    order = [list(result.axes["result"]).index(name) for name in ("test_mse", "train_mse")]
    ridge = np.asarray(result.axes["ridge"], dtype=float)
    return Scan(ridge, mean[:, order[0]], mean[:, order[1]], error[:, order[0]])


def curve(task: Exponents, ratio: Array, n: int, noise: float) -> Array:
    """Test error over the clean ridgeless one at fitting ratio `ratio`, as n -> inf."""
    clean = clean_ridgeless_risk(n, task.alpha, task.beta, half_sample_shift=False)
    return np.asarray(fitting_ratio_risk(ratio, n, task.alpha, task.beta, noise, half_sample_shift=False) / clean)


def panels(
    canvas: Canvas, data: FigureData, x: str, y: str, scales: tuple[str, str]
) -> Iterator[tuple[Axes, Exponents]]:
    """Three axes, one for each task."""
    for column, task in enumerate(TASKS):
        title = f"({'abc'[column]}) {task.name}: α = {task.alpha:g}, β = {task.beta:g}"
        yield canvas.panel(task.name, (0, column), title=title, x=x, y=y if column == 0 else "", scales=scales), task


def noise_label(noise: float) -> str:
    """Legend entry of a noise level."""
    return rf"noise $\sigma_{{\mathrm{{rel}}}}^2$ = {noise:g}"


def draw_fitting_ratio(data: FigureData) -> Canvas:
    """Test error against train error/test error, in units of the least test error of the limit."""
    canvas = Canvas(1, 3, size=(7.2, 3.7))
    for ax, task in panels(
        canvas, data, "fitting ratio R (train / test error)", "test error / least", ("linear", "linear")
    ):
        ax.set(xlim=(-0.15, 1.15), ylim=(0.94, TOP))
        for low, high in ((-0.15, 0.0), (1.0, 1.15)):
            ax.axvspan(low, high, color="0.92", lw=0, zorder=0)
        for noise, color in zip(NOISE, COLORS, strict=True):
            _fitting_curve(canvas, ax, data, task, noise, color)
    explain(canvas, f"limit of many samples, points at n = {samples(data.scale)}")
    canvas.key("best ratio in the limit", ls="", marker="|", ms=9, mew=1.6)
    return canvas


def _fitting_curve(canvas: Canvas, ax: Axes, data: FigureData, task: Exponents, noise: float, color: str) -> None:
    """One noise level: the limit's curve, its best ratio, simulated and published points."""
    n, grid = samples(data.scale), RATIOS
    best = float(optimal_fitting_ratio(task.alpha, task.beta, noise))
    least = float(curve(task, np.array(best), n, noise))
    series = f"noise {noise:g}"
    canvas.line(ax, grid, curve(task, grid, n, noise) / least, series=series, label=noise_label(noise), color=color)
    stub = {"color": color, "lw": 1.8, "zorder": 4}
    canvas.line(ax, [best, best], [0.945, 0.985], series=f"best ratio, {series}", **stub)
    moments = shared.measured(canvas, ax, data, name_of(task, noise))
    if moments is not None:
        test, train = test_and_train(task, moments, data.scale)
        ratio = train.mean / test.mean
        keep = ratio < LARGEST_RATIO
        slack = 3.0 / (n * (1.0 - np.sqrt(ratio[keep])))  # the limit is approached like 1/z, z = n (1 - sqrt R)
        relative = test.linear(1.0 / (task.clean(n) * least)).select(keep)
        expected = curve(task, ratio[keep], n, noise) / least
        shared.simulated(canvas, ax, ratio[keep], relative, expected, slack, series=series, color=color)
    seen = scan(task, noise)
    if seen is not None:
        ratio, scale = seen.train / seen.test, seen.test.min()
        keep = ratio < LARGEST_RATIO
        height, bar = seen.test[keep] / scale, seen.test_error[keep] / scale
        canvas.points(ax, ratio[keep], height, bar, series=series, role="data", color=color, **DIAMONDS)


def explain(canvas: Canvas, line: str) -> None:
    """Legend entries for what is line and what is point."""
    canvas.key(f"theory, {line}", lw=1.5)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    if any(mark.role == "data" for mark in canvas.marks):
        canvas.key("published scan, over its least", ls="", marker="D", mfc="white", ms=2.6)


def draw_train_vs_test(data: FigureData) -> Canvas:
    """Test against train error along the ridge path, between interpolation and no learning."""
    canvas = Canvas(1, 3, size=(7.2, 3.7))
    n = samples(data.scale)
    for ax, task in panels(canvas, data, "train mean squared error", shared.MSE_TEST, ("log", "log")):
        unit = task.clean(n)
        ax.set(xlim=(1e-3 * unit, 300 * unit), ylim=(0.5 * unit, 150 * unit))
        for ratio in (1.0, 1e-2):
            everything = np.geomspace(0.5, 150.0, 40) * unit
            canvas.line(ax, everything * ratio, everything, series=f"guide, R = {ratio:g}", role="guide")
            canvas.text(ax, 0.85 * unit * ratio, 0.53 * unit, f"R = {ratio:g}", color="0.45", va="bottom")
        for noise, color in zip(NOISE, COLORS, strict=True):
            series, law = f"noise {noise:g}", (task.alpha, task.beta, noise * unit)
            path = np.geomspace(1e-2, 1e5, 120)
            line = [np.asarray(f(n, np.inf, path, *law)) for f in (power_law_train_error, power_law_risk)]
            canvas.line(ax, line[0], line[1], series=series, label=noise_label(noise), color=color)
            moments = shared.measured(canvas, ax, data, name_of(task, noise))
            if moments is not None:
                test, train = (m.select(np.s_[1:]) for m in test_and_train(task, moments, data.scale))
                expected = power_law_risk(n, np.inf, ridges(data.scale)[1:], *law)
                slack = shared.TEST_SLACK / n
                shared.simulated(canvas, ax, train.mean, test, expected, slack, series=series, color=color)
    explain(canvas, f"n = {n}")
    return canvas


def draw_mse_vs_ridge(data: FigureData) -> Canvas:
    """Test error against the ridge, solid, and train error, dotted."""
    canvas = Canvas(1, 3, size=(7.2, 3.7))
    n = samples(data.scale)
    for ax, task in panels(canvas, data, "ridge δ, in units of λ₁", "mean squared error", ("log", "log")):
        ax.set_ylim(0.1 * task.clean(n), 100 * task.clean(n))
        for noise, color in zip(NOISE, COLORS, strict=True):
            moments = shared.measured(canvas, ax, data, name_of(task, noise))
            parts = test_and_train(task, moments, data.scale) if moments is not None else (None, None)
            for kind, part in zip(("test", "train"), parts, strict=True):
                _ridge_curve(canvas, ax, data, task, noise, color, kind, part)
    canvas.key("train error", lw=1.0, ls=(0, (1, 1.5)))
    canvas.key("least test error", ls="", marker="*", ms=7)
    explain(canvas, f"n = {n}")
    return canvas


def _ridge_curve(
    canvas: Canvas,
    ax: Axes,
    data: FigureData,
    task: Exponents,
    noise: float,
    color: str,
    kind: str,
    moments: Moments | None,
) -> None:
    """Theory and simulation of the test or train error at one noise level."""
    n, grid = samples(data.scale), np.geomspace(1e-2, 1e4, 181)
    law = (task.alpha, task.beta, noise * task.clean(n))
    series = f"{kind}, noise {noise:g}"
    if kind == "test":
        function, slack, shape = power_law_risk, shared.TEST_SLACK / n, {}
        line = np.asarray(function(n, np.inf, grid, *law))
        canvas.line(ax, grid, line, series=series, label=noise_label(noise), color=color)
        best = int(np.argmin(line))
        star = {"fmt": "*", "ms": 7.0, "mec": "white", "mew": 0.5, "zorder": 6}
        canvas.points(ax, grid[best], line[best], series=f"least {series}", role="theory", color=color, **star)
    else:
        function, slack, shape = power_law_train_error, shared.TRAIN_SLACK / n, {"ms": 1.8, "alpha": 0.6}
        line = np.asarray(function(n, np.inf, grid, *law))
        canvas.line(ax, grid, line, series=series, color=color, ls=(0, (1, 1.5)), lw=1.0)
    if moments is not None:
        at, part = ridges(data.scale)[1:], moments.select(np.s_[1:])
        expected = function(n, np.inf, at, *law)
        shared.simulated(canvas, ax, at, part, expected, slack, series=series, color=color, **shape)


COMMON = """Kernel ridge regression on Gaussian data with eigenvalues i^-alpha and target power i^-beta, the exponents
being those measured on three image sets; noise variance in units of the test error without noise and ridge. Points:
simulation, mean over independent trials with bars of one standard error; a red cross is a point that deviates beyond
its interval by more than the finite size explains. Modes beyond those simulated enter by the sums of their eigenvalues
(ridge) and target power (noise)."""

FIGURES = (
    FigureSpec(
        id="fitting-ratio",
        title="The best fit leaves a train error far below the test error",
        caption=" ".join(
            f"""{COMMON} Lines: the limit of many samples as a function of the fitting ratio, without free parameters;
            stubs below: the best ratio. Errors are in units of the least test error of the limit. Open diamonds,
            where published data are at hand: ridge scans of a convolutional kernel on the image sets, scaled to the
            same minimum.""".split()
        ),
        claims=("rf.T2", "rf.C1", "rf.E1"),
        experiments=experiments,
        draw=draw_fitting_ratio,
    ),
    FigureSpec(
        id="train-vs-test",
        title="Train error can fall to nothing while the test error stays near its best",
        caption=" ".join(
            f"{COMMON} Lines: theory along the ridge path; dashed grey: fitting ratios 1 and 0.01.".split()
        ),
        claims=("rf.F2", "rf.T2.risk"),
        experiments=experiments,
        draw=draw_train_vs_test,
    ),
    FigureSpec(
        id="mse-vs-ridge",
        title="The best ridge grows with the noise",
        caption=" ".join(
            f"""{COMMON} Solid lines: theory, test error; dotted: train error. Stars: the least test error in theory, at
            the left edge where no ridge is best.""".split()
        ),
        claims=("rf.F2",),
        experiments=experiments,
        draw=draw_mse_vs_ridge,
    ),
)
