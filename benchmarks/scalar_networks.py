"""Speed of the scalar networks on one core: blocked gradient descent, and limits of gradient flow without the flow.

Ratios are formed within one run. The yardstick of a step is what the step would cost if the machine did nothing but
its multiplications and additions: 3 depth + 2 operations an orbit, half as many fused ones, in a loop that numba
compiles over a row that stays in cache. Integration of a flow is the generic way; what replaces it is exact.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import brentq
from threadpoolctl import threadpool_limits

from benchmarks.timing import seconds
from simulations.scalar_networks import (
    flow_to_product,
    gradient_descent,
    regression_flow,
    regression_flow_by_integration,
)
from theory.scalar_networks import gfs_sharpness

__all__ = ["benchmarks", "main", "vectorised_descent"]

Array = NDArray[np.float64]
DEPTH, ORBITS, STEPS = 4, 6400, 1000
OPERATIONS = 3 * DEPTH + 2


def vectorised_descent(weights: Array, step_size: Array, steps: int) -> Array:
    """Return the points after `steps` steps from `weights` (orbits, depth), in numpy over all orbits at once.

    `step_size` (orbits,); weights must not be zero.
    """
    weights = np.array(weights.T)
    for _ in range(steps):
        product = np.prod(weights, axis=0)
        weights -= step_size * (product - 1) * product / weights
    return weights.T


@njit(error_model="numpy", fastmath=True)
def _multiply_add(values: Array, factors: Array, terms: Array, rounds: int) -> None:
    """The yardstick: `rounds` multiplications and additions of every entry of a short row."""
    for _ in range(rounds):
        for i in range(64):
            values[i] = values[i] * factors[i] + terms[i]


def _flow_sharpness_by_bracketing(point: Array) -> float:
    """Sharpness of the flow's limit from one point, by Brent's method in log z."""
    squares = point**2
    excess = squares - squares.min()
    log_least = brentq(lambda y: np.sum(np.log(np.exp(y) + excess)), -float(np.sum(np.log1p(excess))) - 1e-9, 1e-9)
    return float(np.sum(1 / (np.exp(log_least) + excess)))


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    with threadpool_limits(1):
        rng = np.random.default_rng(2024)
        points = np.exp(0.3 * rng.standard_normal((ORBITS, DEPTH)))
        points *= (1.01 / np.prod(points, axis=1, keepdims=True)) ** (1 / DEPTH)
        rates = 1.9 / np.sum(points**-2.0, axis=1)
        step = seconds(lambda: gradient_descent(points, rates, STEPS)) / (ORBITS * STEPS)
        numpy_step = seconds(lambda: vectorised_descent(points, rates, 100), 3) / (ORBITS * 100)
        row, factors, terms = np.ones(64), np.full(64, 0.5), np.full(64, 0.3)
        plain = seconds(lambda: _multiply_add(row, factors, terms, 1_000_000)) / 64e6 * OPERATIONS / 2
        pairs = points[:, :2]
        two = seconds(lambda: gradient_descent(pairs, 0.1, STEPS)) / (ORBITS * STEPS)
        numpy_two = seconds(lambda: vectorised_descent(pairs, np.full(ORBITS, 0.1), 100), 3) / (ORBITS * 100)

        flow = seconds(lambda: gfs_sharpness(points)) / ORBITS
        compiled = seconds(lambda: flow_to_product(points)) / ORBITS
        bracketing = seconds(lambda: [_flow_sharpness_by_bracketing(point) for point in points[:200]], 3) / 200

        inputs, targets = rng.standard_normal((5, 20)), rng.standard_normal(5)
        starts = rng.standard_normal((400, 2, 20))
        newton = seconds(lambda: regression_flow(inputs, targets, starts)) / 400
        single = seconds(lambda: [regression_flow(inputs, targets, start) for start in starts[:20]]) / 20
        ode = seconds(lambda: [regression_flow_by_integration(inputs, targets, s) for s in starts[:10]], 2) / 10
    return [
        ("depth 4: numpy over all orbits / step", numpy_step / step, "x", 5.0, "more"),
        ("depth 4: step / its multiply-adds alone", step / plain, "x", 4.0, "less"),
        ("depth 4: step of one orbit", step * 1e9, "ns", 10.0, "less"),
        ("depth 2: numpy over all orbits / step", numpy_two / two, "x", 10.0, "more"),
        ("flow limit: Brent in a tight bracket / compiled Newton", bracketing / compiled, "x", 50.0, "more"),
        ("flow sharpness: Brent in a tight bracket / numpy Newton", bracketing / flow, "x", 30.0, "more"),
        ("squared regression: integrated flow / Newton, 400 points", ode / newton, "x", 100.0, "more"),
        ("squared regression: integrated flow / Newton, one point", ode / single, "x", 4.0, "more"),
    ]


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
