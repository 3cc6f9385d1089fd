"""Speed of the ladder on one core: waiting times against rounds one by one, compiled and in Python, in one run.

One lossy arm out of two, rate 0.01, 1e4 rounds: 73 pulls a run. The round loop of `simulate` draws a random number for
each of the 1e4 rounds; the plain loop is the same in Python, with the random numbers made beforehand.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.timing import seconds
from simulations.exp3 import (
    ladder_log_likelihood,
    ladder_maximum_likelihood,
    log_likelihood,
    maximum_likelihood,
    simulate,
    simulate_ladder,
)

__all__ = ["benchmarks", "main", "plain_run"]

RATE, ROUNDS, RUNS = 0.01, 10_000, 200
BOUNDS = (RATE / 10, RATE * 10)


def plain_run(rate: float, uniforms: list[float]) -> list[int]:
    """Return the rounds of the lossy pulls of one run at `rate` by a loop over `uniforms`, one for each round."""
    x, p, pulls = 0.0, 0.5, []
    for t, uniform in enumerate(uniforms, 1):
        if uniform < p:
            x += rate / p
            p = 1.0 / (1.0 + math.exp(x))
            pulls.append(t)
    return pulls


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    with threadpool_limits(1):
        uniforms = np.random.default_rng(1).random(ROUNDS).tolist()
        jumps = seconds(lambda: simulate_ladder(RATE, ROUNDS, 20 * RUNS, 1)) / (20 * RUNS)
        compiled = seconds(lambda: simulate(RATE, [1.0, 0.0], ROUNDS, RUNS, 1)) / RUNS
        plain = seconds(lambda: plain_run(RATE, uniforms))
        drawn = simulate_ladder(RATE, ROUNDS, RUNS, 1)
        histories = simulate(RATE, [1.0, 0.0], ROUNDS, RUNS, 1)
        short = seconds(lambda: ladder_log_likelihood(RATE, drawn.pulls, ROUNDS)) / RUNS
        long = seconds(lambda: log_likelihood(RATE, *histories, 2)) / RUNS
        fit = seconds(lambda: ladder_maximum_likelihood(drawn.pulls, ROUNDS, BOUNDS)) / RUNS
        first = [part[:10] for part in histories]
        search = seconds(partial(maximum_likelihood, *first, 2, BOUNDS), 2) / 10
        far = simulate_ladder(RATE, 1e15, RUNS, 1).pulls
        distant = seconds(lambda: ladder_maximum_likelihood(far, 1e15, BOUNDS)) / RUNS
    return [
        ("1e4 rounds: compiled round loop / jumps", compiled / jumps, "x", 10.0, "more"),
        ("1e4 rounds: Python loop / jumps", plain / jumps, "x", 80.0, "more"),
        ("jumps, per round they stand for", jumps / ROUNDS * 1e9, "ns", 1.5, "less"),
        ("jumps, per pull", jumps / drawn.counts.mean() * 1e9, "ns", 100.0, "less"),
        ("two derivatives: compiled round loop / pulls", long / short, "x", 10.0, "more"),
        ("maximum: grid and Newton over rounds / bounds over pulls", search / fit, "x", 4.0, "more"),
        ("maximum, 1e4 rounds", fit * 1e3, "ms", 2.0, "less"),
        ("maximum: 1e15 rounds / 1e4 rounds", distant / fit, "x", 3.0, "less"),
    ]


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
