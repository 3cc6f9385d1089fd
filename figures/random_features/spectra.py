"""Eigenvalues and target power of kernel matrices, and the proxies that their exponents should be read from."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from assay.claim import Scale
from assay.drawing import PALETTE, Canvas, shades
from assay.figure import FigureData, FigureSpec, Plan
from figures.random_features import _shared as shared
from simulations.random_features import digits_eigensystem, digits_proxies, digits_spectrum, proxy_statistics
from simulations.random_features.digits import POOL_SIZE
from theory.random_features import implicit_regularization, power_law, risk, train_error

__all__ = ["FIGURES"]

Array = NDArray[np.float64]

SLACK = 0.1  # the features of real data are not Gaussian: 5 % is expected, 10 % is forgiven
TASKS = ((1.22, 1.20), (1.5, 1.25), (1.8, 1.8))
FIT_FROM = 50  # smallest training set that an exponent is read from


def spectrum_sizes(scale: Scale) -> tuple[int, ...]:
    """Sizes of the kernel matrices."""
    return shared.by_scale(scale, (25, 100, 300), (50, 200, 800, POOL_SIZE), (50, 200, 800, POOL_SIZE))


def spectra_experiments(scale: Scale, seed: int) -> Plan:
    """One experiment for each size of kernel matrix; the whole pool needs one replicate."""
    trials = shared.by_scale(scale, 4, 16, 64)
    return {
        f"n = {n}": shared.experiment(digits_spectrum, {"n": n}, seed, 1 if n == POOL_SIZE else trials)
        for n in spectrum_sizes(scale)
    }


def octaves(values: Array, per_octave: int = 3) -> tuple[Array, Array]:
    """Mean index and mean value over geometric groups of modes, `per_octave` to an octave: single modes fluctuate."""
    edges = np.unique(np.round(2.0 ** np.arange(0, np.log2(values.size + 1) + 1e-9, 1 / per_octave)).astype(int))
    groups = [slice(a - 1, b - 1) for a, b in pairwise(edges)]
    index = np.arange(1, values.size + 1)
    return np.array([np.exp(np.mean(np.log(index[g]))) for g in groups]), np.array([values[g].mean() for g in groups])


def draw_eigenspectra(data: FigureData) -> Canvas:
    """Eigenvalues, and target power in groups of modes, of kernel matrices of several sizes."""
    canvas = Canvas(1, 2, size=(7.2, 3.7))
    sizes = spectrum_sizes(data.scale)
    left = canvas.panel("eigenvalues", (0, 0), title="(a) eigenvalues", x="mode, i", y="eigenvalue of K/n, λᵢ")
    right = canvas.panel(
        "target", (0, 1), title="(b) target, mean over groups of modes", x="mode, i", y="target power, vᵢ²"
    )
    for n, color in zip(sizes, shades(len(sizes)), strict=True):
        moments = shared.measured(canvas, left, data, f"n = {n}")
        if moments is None:
            continue
        label = f"n = {n}"
        values, power = moments.mean[:, 0], moments.mean[:, 1]
        dots = {"series": label, "color": color, "ms": 2.2, "zorder": 2 + 1 / n}
        canvas.points(left, np.arange(1, n + 1), np.maximum(values, 1e-300), label=label, **dots)
        canvas.points(right, *octaves(power), series=label, color=color)
    values, power = digits_eigensystem()
    index = np.arange(1, POOL_SIZE + 1)
    canvas.line(
        left, index, values, series="pool of 1797", label="eigensystem of the pool", color="0.2", lw=1.0, zorder=1
    )
    canvas.line(right, *octaves(np.asarray(power)), series="pool of 1797", color="0.2", lw=1.0, zorder=1)
    guides = ((left, values, 6.0, "α", _exponents()[0]), (right, power, 0.08, "β", _exponents()[1]))
    for ax, line, factor, name, exponent in guides:
        grid = np.geomspace(10, 1500, 20)
        level = factor * octaves(np.asarray(line))[1][-10] * (grid / octaves(np.asarray(line))[0][-10]) ** -exponent
        label = "slopes −α, −β by proxy"
        canvas.line(ax, grid, level, series=f"slope -{name}", label=label, role="guide")
        place = {"ha": "left", "va": "bottom"} if factor > 1 else {"ha": "right", "va": "top"}
        canvas.text(ax, grid[9], level[9], f"{name} = {exponent:.2f}", color="0.4", **place)
    left.set_ylim(1e-7, 1.0)
    right.set_ylim(1e-6, 1.0)
    return canvas


def _exponents() -> tuple[float, float]:
    """(alpha, beta) that the theory's own curves of the digits have between FIT_FROM and a third of the pool.

    Slopes of ln kappa and of ln test error in ln n: kappa ~ n^-alpha, clean test error ~ n^(1 - beta).
    """
    n = np.geomspace(FIT_FROM, POOL_SIZE / 3, 12)
    kappa, test = _pool_theory(n)
    slope = [float(np.polyfit(np.log(n), np.log(line), 1)[0]) for line in (kappa, test)]
    return -slope[0], 1.0 - slope[1]


def _pool_theory(n: Array) -> tuple[Array, Array]:
    """kappa and ridgeless test error on the pool's points outside the training set, in theory."""
    values, power = digits_eigensystem()
    kappa = np.asarray(implicit_regularization(n, np.inf, 0.0, values)[1])
    test, train = (np.asarray(f(n, np.inf, 0.0, values, power)) for f in (risk, train_error))
    return kappa, (POOL_SIZE * test - n * train) / (POOL_SIZE - n)


def measure_sizes(scale: Scale) -> tuple[int, ...]:
    """Training sets of digits."""
    return shared.sizes(8, shared.by_scale(scale, 200, POOL_SIZE // 3, 1500), shared.by_scale(scale, 6, 14, 20))


def noise_sizes(scale: Scale) -> tuple[int, ...]:
    """Training sets of the power-law tasks."""
    return shared.sizes(8, shared.by_scale(scale, 64, 256, 512), shared.by_scale(scale, 4, 8, 10))


def noise_setting(alpha: float, beta: float, scale: Scale) -> dict[str, object]:
    """A power-law task: its exponents, sizes and number of modes."""
    modes = shared.by_scale(scale, 2000, 10_000, 40_000)
    return {"sample_counts": noise_sizes(scale), "alpha": alpha, "beta": beta, "modes": modes}


def measure_experiments(scale: Scale, seed: int) -> Plan:
    """Proxies on the digits, and on power-law tasks of known exponents."""
    trials = shared.by_scale(scale, 4, 24, 96)
    plan = {"digits": shared.experiment(digits_proxies, {"sample_counts": measure_sizes(scale)}, seed, trials)}
    for alpha, beta in TASKS:
        setting = noise_setting(alpha, beta, scale)
        plan[f"alpha {alpha:g}"] = shared.experiment(proxy_statistics, setting, seed, trials)
    return plan


def draw_eigenmeasure(data: FigureData) -> Canvas:
    """kappa and test error of digits with the slopes that define the exponents; test error on pure noise."""
    canvas = Canvas(1, 3, size=(7.2, 3.6))
    sizes = np.array(measure_sizes(data.scale), dtype=float)
    n = np.geomspace(sizes[0], sizes[-1], 60)
    alpha, beta = _exponents()
    parts = (
        ("kappa", "(a) digits: regulariser", "1 / tr K⁻¹, estimate of κ", -alpha, f"slope −α = −{alpha:.2f}"),
        ("test", "(b) digits: ridgeless error", "test mean squared error", 1 - beta, f"slope 1−β = −{beta - 1:.2f}"),
    )
    theory, at_points = _pool_theory(n), _pool_theory(sizes)
    for column, (name, title, words, slope, guide) in enumerate(parts):
        ax = canvas.panel(name, (0, column), title=title, x="training samples, n", y=words)
        canvas.line(ax, n, theory[column], series=name, label="theory", color=PALETTE[0])
        anchor = float(np.interp(FIT_FROM, n, theory[column]))
        reach = np.array([FIT_FROM, sizes[-1]])
        line = 0.75 * anchor * (reach / FIT_FROM) ** slope
        canvas.line(ax, reach, line, series=guide, label="slopes by proxy", role="guide")
        middle = np.sqrt(reach.prod()), np.sqrt(line.prod())
        canvas.text(ax, 0.93 * middle[0], 0.95 * middle[1], guide, color="0.4", va="top", ha="right")
        moments = shared.measured(canvas, ax, data, "digits")
        if moments is not None:
            values, slack = moments.select((..., column)), np.maximum(SLACK, shared.TEST_SLACK / sizes)
            shared.simulated(canvas, ax, sizes, values, at_points[column], slack, series=name, color=PALETTE[0])
    _draw_noise(canvas, data)
    canvas.key("simulation ± 1 s.e.", ls="", marker="o")
    return canvas


def _draw_noise(canvas: Canvas, data: FigureData) -> None:
    """Test error of labels that are noise of variance 1, which tends to alpha."""
    sizes = np.array(noise_sizes(data.scale), dtype=float)
    n = np.geomspace(sizes[0], sizes[-1], 40)
    words = "test error / noise variance"
    ax = canvas.panel(
        "noise", (0, 2), title="(c) pure noise: α", x="training samples, n", y=words, scales=("log", "linear")
    )
    for (alpha, beta), color in zip(TASKS, PALETTE[1:], strict=False):
        setting, label = noise_setting(alpha, beta, data.scale), f"α = {alpha:g}"
        spectrum, nothing = power_law(alpha, beta, int(str(setting["modes"])))[0], np.zeros(int(str(setting["modes"])))
        canvas.line(ax, n, risk(n, np.inf, 0.0, spectrum, nothing, 1.0), series=label, label=label, color=color)
        canvas.line(ax, [n[0], n[-1]], [alpha, alpha], series=f"limit, {label}", role="guide", color=color)
        moments = shared.measured(canvas, ax, data, f"alpha {alpha:g}")
        if moments is not None:
            expected = risk(sizes, np.inf, 0.0, spectrum, nothing, 1.0)
            slack = shared.TEST_SLACK / sizes
            shared.simulated(canvas, ax, sizes, moments.select((..., 2)), expected, slack, series=label, color=color)


FIGURES = (
    FigureSpec(
        id="eigenspectra",
        title="Spectra of kernel matrices do not show the exponents that govern learning",
        caption="Eigenvalues (a) and target power (b, mean over geometric groups of modes) of n x n kernel matrices of "
        "random subsets of the digits, mean over subsets: points. Line: the whole pool of 1797 points. Dashed: the "
        "slopes that the proxies of the companion figure give; fits to the eigenvalues themselves depend on n.",
        claims=("rf.P",),
        experiments=spectra_experiments,
        draw=draw_eigenspectra,
    ),
    FigureSpec(
        id="eigenmeasure",
        title="Exponents by proxy: regulariser, ridgeless error, error on pure noise",
        caption="Ridgeless kernel regression. (a, b) Digits: 1 / tr K^-1 and test error; lines: theory from the pool's "
        "eigensystem, with the correction for testing on the pool's points outside the training set; dashed: slopes "
        "that the lines have between 50 samples and a third of the pool, which define alpha and beta. (c) Gaussian "
        "power-law tasks, labels of pure noise: the error over the noise variance tends to alpha (dashed). Points: "
        "simulation, mean with bars of one standard error; a red cross deviates beyond its interval by more than "
        "10 % (digits) and 2/n: the eigenvalues of a pool no longer give kappa for training sets of a third of it. "
        "In (c) the error first approaches alpha and then, where the number of modes is felt, exceeds it.",
        claims=("rf.P", "rf.P.noise"),
        experiments=measure_experiments,
        draw=draw_eigenmeasure,
    ),
)
