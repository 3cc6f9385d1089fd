"""Speed of self-distillation on one core: one eigendecomposition against a refit at every step.

Every pair of times comes from one run on the same kernel matrix. A refit per step solves with K + ridge I anew for
each (ridge, alpha, step); one such step is timed and multiplied by their number, so the total is an extrapolation and
is named so (every step costs the same). The fast way returns the predictions at 100 points of all of them.
Leaving one out of a chain literally is timed on a few points and multiplied likewise.
"""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.timing import seconds
from simulations.self_distillation import all_predictions, left_out_risks, literal_fits, rbf_kernel
from simulations.self_distillation.estimates import cross_validation_risks
from theory.self_distillation import fits, leave_one_out

__all__ = ["benchmarks", "main"]

SAMPLES, POINTS, STEPS = 2000, 100, 20
RIDGES = tuple(float(ridge) for ridge in np.logspace(-3, 3, 50))
ALPHAS = tuple(float(alpha) for alpha in np.linspace(0, 1, 21))
LEFT_SAMPLES, LEFT_STEPS, LEFT_SLICE = 300, 5, 10


def problem(samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return kernel, targets and cross kernel of `samples` points in five dimensions."""
    rng = np.random.default_rng(2024)
    inputs, others = rng.standard_normal((samples, 5)), rng.standard_normal((POINTS, 5))
    targets = np.sin(inputs.sum(axis=1)) + 0.3 * rng.standard_normal(samples)
    return rbf_kernel(inputs, inputs, 0.2), targets, rbf_kernel(others, inputs, 0.2)


def grid() -> tuple[float, float, float]:
    """Return times of the whole grid by one decomposition, of one refit, of one chain of 20."""
    kernel, targets, cross = problem(SAMPLES)
    schedules = np.repeat(np.array(ALPHAS)[:, None], STEPS - 1, axis=1)
    whole = seconds(lambda: all_predictions(kernel, targets, RIDGES, schedules, cross_gram=cross), 1, warm=False)
    step = seconds(lambda: np.linalg.solve(kernel + 0.1 * np.eye(SAMPLES), targets), 2, warm=False)
    chain = seconds(lambda: fits(kernel, targets, 0.1, [0.3] * (STEPS - 1), cross_gram=cross), 1, warm=False)
    return whole, step, chain


def left_out() -> tuple[float, float]:
    """Return times of all left-out predictions of a chain by its formula, and by refits (extrapolated)."""
    kernel, targets, _ = problem(LEFT_SAMPLES)
    alphas = [0.3] * (LEFT_STEPS - 1)
    fast = seconds(lambda: leave_one_out(kernel, targets, 0.1, alphas), 3, warm=False)
    rest = kernel[1:, 1:]
    refits = seconds(
        lambda: [literal_fits(rest, targets[1:], 0.1, alphas, cross_gram=kernel[:1, 1:]) for _ in range(LEFT_SLICE)],
        1,
        warm=False,
    )
    return fast, refits * LEFT_SAMPLES / LEFT_SLICE


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    setting = {"samples": 100, "features": 50, "ridges": (0.1,), "alphas": (0.0, 0.3)}
    setting |= {"signal_power": 1.3, "noise_variance": 0.6}
    with threadpool_limits(1):
        whole, step, chain = grid()
        formula, refits = left_out()
        averaged = seconds(lambda: cross_validation_risks(np.random.default_rng(1), 64, **setting), 2, warm=False) / 64
        literal = seconds(lambda: left_out_risks(np.random.default_rng(1), 1, **setting), 1, warm=False)
    count = len(RIDGES) * len(ALPHAS) * STEPS
    return [
        ("50 ridges x 21 alphas x 20 steps, n=2000", whole, "s", 10.0, "less"),
        ("a solve at every step (extrapolated) / that grid", count * step / whole, "x", 500.0, "more"),
        ("a solve a step, chain of 20 (extrapolated) / one eigh", STEPS * step / chain, "x", 2.0, "more"),
        ("left-out chain of 5, n=300: refits (extrap.) / formula", refits / formula, "x", 50.0, "more"),
        ("left-out estimate by refits / corrected GCV, n=100", literal / averaged, "x", 20.0, "more"),
    ]


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
