"""Error against the number of features or of samples: the paper's first figure and its companion.

Both figures draw the same stored experiments: one training set (or one draw of features) per replicate and all sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from assay.published import PublishedResult
from claims.random_features import published
from figures.random_features import _shared as shared
from simulations.random_features import (
    digits_eigensystem,
    digits_grid_errors,
    fixed_features_panel,
    fixed_samples_panel,
)
from simulations.random_features.digits import POOL_SIZE
from theory.random_features import optimal_ridge, power_law, tabulate, tabulated_risk, tabulated_train_error
from theory.random_features.table import Table

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

SHOWN = (4, 8, 12, 20, 26)  # of the 31 ridges, the paper's choice
OPTIMUM = PALETTE[5]
DIGITS_SLACK = 0.1  # the features of real data are not Gaussian: 5 % is expected, 10 % is forgiven


@dataclass(frozen=True, eq=False)
class Task:
    """A spectrum with its target and noise; `pool` is the number of points it was taken from, 0 for a Gaussian law."""

    eigenvalues: Array
    target_power: Array
    noise_variance: float
    pool: int

    @cached_property
    def table(self) -> Table:
        """The sums behind every error of this task."""
        return tabulate(self.eigenvalues, self.target_power)

    def errors(self, n: ArrayLike, k: ArrayLike, ridge: ArrayLike) -> tuple[Array, Array]:
        """Test and train error in theory; on a pool, tested on its points outside the training set.

        Eigenvalues of a pool of N points predict the mean error over the whole pool, the n training points included,
        hence test = (N E - n T)/(N - n) with E, T the theory's test and train errors.
        """
        cell = (self.table, n, k, ridge, self.noise_variance)
        test, train = np.asarray(tabulated_risk(*cell)), np.asarray(tabulated_train_error(*cell))
        if not self.pool:
            return test, train
        return (self.pool * test - np.asarray(n) * train) / (self.pool - np.asarray(n)), train

    def optimum(self, n: ArrayLike, k: ArrayLike) -> Array:
        """Test error at the ridge that the theory finds best, which on a pool is the best for the pool as a whole."""
        ridge = optimal_ridge(n, k, self.eigenvalues, self.target_power, self.noise_variance)[0]
        return self.errors(n, k, ridge)[0]


def gaussian_setting(scale: Scale) -> dict[str, Any]:
    """Exponents, noise and number of modes of the Gaussian task at `scale`."""
    return {**shared.POWER_LAW, "modes": shared.by_scale(scale, 1000, 10_000, 10_000)}


@cache
def gaussian_task(scale: Scale) -> Task:
    """The Gaussian task at `scale` as the theory sees it."""
    setting = gaussian_setting(scale)
    spectrum = power_law(setting["alpha"], setting["beta"], setting["modes"])
    return Task(*spectrum, noise_variance=setting["noise_variance"], pool=0)


@cache
def digits_task() -> Task:
    """Odd against even digits under the limit kernel of ReLU features."""
    return Task(*digits_eigensystem(), noise_variance=0.0, pool=POOL_SIZE)


def fixed_size(scale: Scale) -> int:
    """The size that a panel holds fixed."""
    return shared.by_scale(scale, 64, 256, 256)


def gaussian_sizes(scale: Scale) -> tuple[int, ...]:
    """Sizes that vary on Gaussian data."""
    return shared.by_scale(scale, shared.sizes(10, 630, 10), shared.sizes(10, 10_000, 31), shared.sizes(10, 10_000, 31))


def digits_sizes(scale: Scale, vary: str) -> tuple[int, ...]:
    """Sizes that vary on digits; a pool's eigensystem says little about training sets above a third of the pool."""
    top = {"k": shared.by_scale(scale, 300, 3162, 10_000), "n": POOL_SIZE // 3}[vary]
    return shared.sizes(10, top, shared.by_scale(scale, 6, 22, 28))


def experiments(scale: Scale, seed: int) -> Plan:
    """The four panels' experiments: "gaussian k" varies k at fixed n, and so on."""
    fixed, trials = fixed_size(scale), shared.by_scale(scale, 4, 24, 48)
    law, varied = gaussian_setting(scale), gaussian_sizes(scale)
    ridges = {"ridges": shared.RIDGES}
    plans = {
        "gaussian k": (fixed_samples_panel, {"n": fixed, "feature_counts": varied, **ridges, **law}),
        "gaussian n": (fixed_features_panel, {"k": fixed, "sample_counts": varied, **ridges, **law}),
        "digits k": (
            digits_grid_errors,
            {"sample_counts": (fixed,), "feature_counts": digits_sizes(scale, "k"), **ridges},
        ),
        "digits n": (
            digits_grid_errors,
            {"sample_counts": digits_sizes(scale, "n"), "feature_counts": (fixed,), **ridges},
        ),
    }
    return {name: shared.experiment(measure, setting, seed, trials) for name, (measure, setting) in plans.items()}


def experiments_n256(scale: Scale, seed: int) -> Plan:
    """The two panels that vary k."""
    return {name: plan for name, plan in experiments(scale, seed).items() if name.endswith("k")}


def trace_panel(canvas: Canvas, ax: Axes, data: FigureData, name: str) -> None:
    """Fill `ax` with theory lines and simulated points for experiment `name`: five ridges and the best ridge."""
    source, vary = name.split()
    task = gaussian_task(data.scale) if source == "gaussian" else digits_task()
    varied = np.array(gaussian_sizes(data.scale) if source == "gaussian" else digits_sizes(data.scale, vary))
    fixed = fixed_size(data.scale)
    grid = np.unique(np.append(shared.geometric(varied[0], varied[-1], 90), shared.geometric(fixed / 2, fixed * 2, 31)))
    grid = grid[(grid >= varied[0]) & (grid <= varied[-1])]

    def cell(size: Array) -> tuple[Any, Any]:
        return (fixed, size) if vary == "k" else (size, fixed)

    moments = shared.measured(canvas, ax, data, name)
    slack = shared.smallest(fixed, varied)
    allowed = DIGITS_SLACK if source == "digits" else 0.0
    for color, index in zip(shades(len(SHOWN)), SHOWN, strict=True):
        ridge = shared.RIDGES[index]
        label = shared.ridge_label(ridge)
        test, train = task.errors(*cell(grid), ridge)
        canvas.line(ax, grid, test, series=f"test, {label}", label=label, color=color)
        canvas.line(ax, grid, train, series=f"train, {label}", color=color, ls=(0, (1, 1.5)), lw=1.0, alpha=0.75)
        if moments is None:
            continue
        at_points = task.errors(*cell(varied), ridge)
        for part, shape, constant in ((0, {}, shared.TEST_SLACK), (1, {"ms": 1.8, "alpha": 0.6}, shared.TRAIN_SLACK)):
            values = moments.select((..., index, part)).select(np.s_[:] if source == "gaussian" else _flat(vary))
            series = f"{('test', 'train')[part]}, {label}"
            tolerance = np.maximum(constant / slack, allowed)
            shared.simulated(
                canvas, ax, varied, values, at_points[part], tolerance, series=series, color=color, **shape
            )
    rough = shared.geometric(varied[0], varied[-1], shared.by_scale(data.scale, 15, 40, 60))
    best = {"color": OPTIMUM, "ls": (0, (5, 2)), "lw": 1.8, "zorder": 4}
    canvas.line(ax, rough, task.optimum(*cell(rough)), series="test, best ridge", label="best ridge (theory)", **best)


def _flat(vary: str) -> Any:
    """The varied axis of a digits grid, whose other axis has one entry."""
    return np.s_[0, :] if vary == "k" else np.s_[:, 0]


TITLES = {"gaussian": "Gaussian features, power-law task", "digits": "ReLU features, handwritten digits"}
LIMITS = {"gaussian": (0.35, 6.0), "digits": (0.09, 2.5), "published": (0.2, 4.0)}


def _axes(canvas: Canvas, name: str, title: str, place: tuple[int, int], ylim: tuple[float, float]) -> Axes:
    """One panel's axes, labelled."""
    x = "random features, k" if name.endswith("k") else "training samples, n"
    letter = "abcd"[len(canvas.axes)]
    words = f"({letter}) {title}"
    return canvas.panel(name.replace(" ", "-"), place, title=words, x=x, y="mean squared error", ylim=ylim)


def _draw(canvas: Canvas, data: FigureData, name: str, place: tuple[int, int]) -> None:
    """Panel `name`: Gaussian data, or the published experiment where it is at hand, or digits."""
    source, vary = name.split()
    if source == "digits" and published_at_hand(vary):
        fixed = "n = 256" if vary == "k" else "k = 256"
        title = f"ReLU features, CIFAR10, {fixed}"
        published_panel(canvas, _axes(canvas, f"published {vary}", title, place, LIMITS["published"]), vary)
        return
    fixed = f"{'n' if vary == 'k' else 'k'} = {fixed_size(data.scale)}"
    trace_panel(canvas, _axes(canvas, name, f"{TITLES[source]}, {fixed}", place, LIMITS[source]), data, name)


def _files(vary: str) -> tuple[str, str]:
    """Published experiment and theory of the panel whose features or samples `vary`."""
    panel = "n256" if vary == "k" else "k256"
    return f"cifar10/fc1-nngpk/expt-{panel}.expt", f"cifar10/fc1-nngpk/theory-{panel}.expt"


def published_at_hand(vary: str) -> bool:
    """Whether the published experiment and theory of this panel are at hand."""
    return all(published.available(name) for name in _files(vary))


def published_panel(canvas: Canvas, ax: Axes, vary: str) -> None:
    """Fill `ax` with the authors' own experiment and theory on CIFAR10 at the five ridges, test error only."""
    trials, theory = (published.load(name) for name in _files(vary))
    for color, index in zip(shades(len(SHOWN)), SHOWN, strict=True):
        label = shared.ridge_label(shared.RIDGES[index])
        lines, points = (
            np.asarray(result.arrays["results"], dtype=float)[..., _ridge(result, index), _column(result)]
            for result in (theory, trials)
        )
        sizes = np.asarray(theory.axes[vary], dtype=float)
        canvas.line(ax, sizes, lines, series=f"published theory, {label}", label=label, color=color, role="data")
        mean, error = points.mean(axis=0), points.std(axis=0, ddof=1) / np.sqrt(points.shape[0])
        at = np.asarray(trials.axes[vary], dtype=float)
        canvas.points(ax, at, mean, error, series=f"published experiment, {label}", role="data", color=color)
    canvas.key("published experiment, mean ± 1 s.e.", ls="", marker="o", mfc="white")


def _ridge(result: PublishedResult, index: int) -> int:
    """Place of the ridge of this index in a published file."""
    return shared.closest(list(result.axes["ridge"]), [shared.RIDGES[index]])[0]


def _column(result: PublishedResult) -> int:
    """Place of the test error in a published file."""
    return list(result.axes["result"]).index("test_mse")


def _explain(canvas: Canvas) -> None:
    """Legend entries for what is line and what is point."""
    canvas.key("test error, theory", lw=1.5)
    canvas.key("train error, theory", lw=1.0, ls=(0, (1, 1.5)))
    canvas.key("simulation, mean ± 1 s.e.", ls="", marker="o")


def draw_n256(data: FigureData) -> Canvas:
    """Two panels that vary k."""
    canvas = Canvas(1, 2, size=(7.2, 3.9))
    for column, name in enumerate(("gaussian k", "digits k")):
        _draw(canvas, data, name, (0, column))
    _explain(canvas)
    return canvas


def draw_traces(data: FigureData) -> Canvas:
    """Rows vary k and n, columns are Gaussian data and digits."""
    canvas = Canvas(2, 2, size=(7.2, 6.6))
    for place, name in enumerate(("gaussian k", "digits k", "gaussian n", "digits n")):
        _draw(canvas, data, name, divmod(place, 2))
    _explain(canvas)
    return canvas


CAPTION = """Mean squared error of random-feature ridge regression. Solid lines: theory for the test error; dotted:
train error; dashed: test error at the best ridge. Points: simulation, mean over independent trials with bars of one
standard error (often smaller than the point). Left: Gaussian features on Gaussian data, eigenvalues and target power
i^-1.5, noise variance 0.5. Right: ReLU features on handwritten digits, odd against even; the theory takes the
eigensystem of the limit kernel on the pool of 1797 points, with the correction for testing on the pool's points
outside the training set. A red cross is a point that deviates beyond its interval by more than the finite size
explains: 2/min(n, k) for test, 10/min(n, k) for train errors, and 10 % on digits, whose features are not Gaussian.
Where the authors' result files are at hand, their CIFAR10 experiment (open points) and theory replace the digits."""

FIGURES = (
    FigureSpec(
        id="rf-n256",
        title="More features help at the best ridge; at a fixed small ridge the error peaks where k = n",
        caption=" ".join(CAPTION.split()),
        claims=("rf.F1", "rf.F1.train", "rf.E2", "rf.E2.train"),
        experiments=experiments_n256,
        draw=draw_n256,
    ),
    FigureSpec(
        id="rf-nk-traces",
        title="Features and samples play nearly the same part",
        caption=" ".join(CAPTION.split()) + " Top row: k varies at fixed n; bottom row: n varies at fixed k.",
        claims=("rf.F1", "rf.F1.train", "rf.F4", "rf.E2", "rf.E2.train"),
        experiments=experiments,
        draw=draw_traces,
    ),
)
