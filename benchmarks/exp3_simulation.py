"""Speed of Exp3 on one core: rounds of runs and of likelihoods, against plain Python over numpy vectors.

Ratios are formed within one run. The naive loops do what a reader would write first: a softmax, a draw and an update a
round; for the likelihood the same with the recursions of two derivatives. Losses are paid in every round where that is
said ("dense"), in a tenth to a third of the rounds on the ladder, where the law stays the same in between.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from benchmarks.timing import seconds
from simulations.exp3 import exit_times, log_likelihood, simulate

__all__ = ["benchmarks", "main", "naive_likelihood", "naive_run"]

ROUNDS = 400


def naive_run(learning_rate: float, mean_losses: ArrayLike, rounds: int, rng: np.random.Generator) -> list[int]:
    """Return the arms drawn in `rounds` rounds with `mean_losses` (n_arms,) at `learning_rate`, by `rng`."""
    losses = np.asarray(mean_losses)
    y, arms = np.zeros(losses.size), []
    for _ in range(rounds):
        p = np.exp(y - y.max())
        p /= p.sum()
        arm = int(rng.choice(losses.size, p=p))
        y[arm] -= learning_rate * losses[arm] / p[arm]
        arms.append(arm)
    return arms


def naive_likelihood(learning_rate: float, arms: ArrayLike, losses: ArrayLike, n_arms: int) -> tuple[float, ...]:
    """Return value, score and Hessian of one history, `arms` and `losses` (rounds,), at `learning_rate`."""
    y, g, c = np.zeros((3, n_arms))
    value = score = hessian = 0.0
    for arm, loss in zip(np.asarray(arms), np.asarray(losses), strict=True):
        p = np.exp(y - y.max())
        p /= p.sum()
        mean = p @ g
        h = g[arm] - mean
        h2 = c[arm] - p @ (c + g * g) + mean * mean
        value, score, hessian = value + math.log(p[arm]), score + h, hessian + h2
        r = loss / p[arm]
        y[arm] -= learning_rate * r
        g[arm] -= r * (1 - learning_rate * h)
        c[arm] -= r * (-2 * h + learning_rate * (h * h - h2))
    return value, score, hessian


# name, mean losses, rate; then required: ns a round and ratio to naive, of runs, then of likelihoods
_SETTINGS = (
    ("K = 2 ladder", [1.0, 0.0], 0.005, 25.0, 500.0, 10.0, 500.0),
    ("K = 2 dense", [0.8, 0.3], 0.005, 25.0, 500.0, 10.0, 500.0),
    ("K = 4", [0.9, 0.6, 0.3, 0.0], 0.005, 25.0, 500.0, 50.0, 200.0),
    ("K = 1000", np.linspace(0, 1, 1000), 0.001, 150.0, 150.0, 200.0, 60.0),
)


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    with threadpool_limits(1):
        results = [row for setting in _SETTINGS for row in _rows(*setting)]
        times = seconds(partial(exit_times, 0.02, [1.0, 0.0], 0.01, 2048, 1, max_rounds=10**6))
    return [*results, ("exit times, K = 2: 2048 runs of 236 rounds on average", times * 1e3, "ms", 60.0, "less")]


def _rows(
    name: str, losses: ArrayLike, rate: float, run: float, run_ratio: float, value: float, value_ratio: float
) -> list[tuple[str, float, str, float, str]]:
    """The four measurements of one setting: 512 runs of 400 rounds, and 32 rates on each of 32 histories."""
    rng, count = np.random.default_rng(1), len(np.asarray(losses))
    naive = seconds(partial(naive_run, rate, losses, ROUNDS, rng), 3) / ROUNDS
    fast = seconds(partial(simulate, rate, losses, ROUNDS, 512, 1)) / ROUNDS / 512
    arms, paid = simulate(rate, losses, ROUNDS, 32, 1)
    loop = seconds(partial(naive_likelihood, rate, arms[0], paid[0], count), 3) / ROUNDS
    grid = seconds(partial(log_likelihood, rate * np.linspace(0.6, 1.0, 32), arms, paid, count)) / ROUNDS / 1024
    return [
        (f"run, {name}: a round", fast * 1e9, "ns", run, "less"),
        (f"run, {name}: naive / compiled", naive / fast, "x", run_ratio, "more"),
        (f"two derivatives, {name}: a round", grid * 1e9, "ns", value, "less"),
        (f"two derivatives, {name}: naive / compiled", loop / grid, "x", value_ratio, "more"),
    ]


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
