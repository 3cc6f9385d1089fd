"""Speed of the aggregate-response experiments on one core: beta variates against samples, bags and solves.

One replicate gives bias and variance at 100 values of rho for d = 400 features, six samples a feature, bags of three.
The literal way is the vectorised one, and is run in full: draw samples and labels, form both Gram matrices once, solve
once per rho. Its error of one draw of noise and target also scatters more than an exact average does, so it needs
more replicates for the same standard error: a ratio of sample variances at rho = 0.3, known to about 15 %.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.timing import seconds
from simulations.aggregate_responses import conditional_errors, jacobi_errors
from simulations.aggregate_responses.bags import bag_means, split_evenly, stacked_rows
from simulations.aggregate_responses.literal import draw_direction

__all__ = ["benchmarks", "main", "vectorised_errors"]

Array = NDArray[np.float64]
D, BAG_SIZE, SIGNAL, NOISE = 400, 3, 1.0, 0.5
SETTING = {"n": 6 * D, "d": D, "bag_size": BAG_SIZE, "signal": SIGNAL, "noise_variance": NOISE}
RHOS = tuple(float(rho) for rho in np.logspace(-3, 1, 100))
REPLICATES = 80  # behind the literal variance


def vectorised_errors(
    rng: np.random.Generator, *, n: int, d: int, bags: int, rhos: tuple[float, ...], signal: float, noise: float
) -> Array:
    """Return |theta - theta0|^2 for every rho from one draw of samples, target and label noise, (rhos,).

    `rng` draws `n` samples of `d` features in `bags` bags; `signal` is |theta0|^2, `noise` the label variance.
    """
    inputs, truth, sizes = rng.standard_normal((n, d)), draw_direction(rng, d, signal), split_evenly(n, bags)
    means = bag_means(inputs @ truth + math.sqrt(noise) * rng.standard_normal(n), sizes)
    between, within = stacked_rows(inputs, sizes)
    first, second, target = between.T @ between, within.T @ within, between.T @ (np.sqrt(sizes) * means)
    return np.array([np.sum((np.linalg.solve(first + rho * second, target) - truth) ** 2) for rho in rhos])


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    with threadpool_limits(1):
        rng = np.random.default_rng(2024)
        sizes = {"n": 6 * D, "d": D, "bags": 6 * D // BAG_SIZE, "signal": SIGNAL, "noise": NOISE}
        literal = seconds(lambda: vectorised_errors(rng, rhos=RHOS, **sizes), 1)
        exact = seconds(lambda: conditional_errors(rng, 1, interpolations=RHOS, **SETTING), 2)
        fast = seconds(lambda: jacobi_errors(rng, 40, interpolations=RHOS, **SETTING)) / 40
        one_draw = np.var([vectorised_errors(rng, rhos=(0.3,), **sizes) for _ in range(REPLICATES)], ddof=1)
        averaged = jacobi_errors(rng, 4000, interpolations=(0.3,), **SETTING).sum(axis=-1).var(ddof=1)
    fewer = one_draw / averaged
    return [
        ("replicate of 100 rho at d=400, beta variates", 1e3 * fast, "ms", 2.0, "less"),
        ("vectorised literal replicate / beta variates", literal / fast, "x", 100.0, "more"),
        ("averaged given samples, one eigensystem / beta variates", exact / fast, "x", 50.0, "more"),
        ("literal replicates for the same standard error", fewer, "x", 500.0, "more"),
        ("literal time for the same standard error", literal / fast * fewer, "x", 5e4, "more"),
    ]


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
