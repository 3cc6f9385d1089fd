"""Speed of Exp3 on one core: rounds of runs and of likelihoods, against plain Python over numpy vectors.

Ratios are formed within one run. The naive loops do what a reader would write first: a softmax, a draw and an update a
round; for the likelihood the same with the recursions of two derivatives. Losses are paid in every round where that is
said ("dense"), in a tenth to a third of the rounds on the ladder, where the law stays the same in between.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from benchmarks.timing import seconds
from simulations.exp3 import exit_times, log_likelihood, simulate

__all__ = ["benchmarks", "main", "naive_likelihood", "naive_run"]

Array = NDArray[np.float64]
ROUNDS, REPLICATES = 400, 512
FOUR = [0.9, 0.6, 0.3, 0.0]


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


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    results, rng = [], np.random.default_rng(1)
    many = np.linspace(0, 1, 1000)
    with threadpool_limits(1):
        for name, losses, rate in (
            ("K = 2 ladder", [1.0, 0.0], 0.005),
            ("K = 2 dense", [0.8, 0.3], 0.005),
            ("K = 4", FOUR, 0.005),
            ("K = 1000", many, 0.001),
        ):
            naive = seconds(lambda losses=losses, rate=rate: naive_run(rate, losses, ROUNDS, rng), 3) / ROUNDS
            action = lambda losses=losses, rate=rate: simulate(rate, losses, ROUNDS, REPLICATES, 1)  # noqa: E731
            fast = seconds(action) / ROUNDS / REPLICATES
            results.append((f"run, {name}: a round", fast * 1e9, "ns", 400.0 if len(losses) > 4 else 60.0, "less"))
            results.append(
                (f"run, {name}: naive / compiled", naive / fast, "x", 100.0 if len(losses) > 4 else 300.0, "more")
            )

            arms, paid = simulate(rate, losses, ROUNDS, 32, 1)
            rates, count = rate * np.linspace(0.6, 1.0, 32), len(losses)
            loop = lambda arms=arms, paid=paid, count=count, rate=rate: naive_likelihood(rate, arms[0], paid[0], count)  # noqa: E731
            grid = lambda arms=arms, paid=paid, count=count, rates=rates: log_likelihood(rates, arms, paid, count)  # noqa: E731
            naive, fast = seconds(loop, 3) / ROUNDS, seconds(grid) / ROUNDS / 1024
            bound = {2: 12.0, 4: 200.0}.get(count, 900.0)
            results.append((f"two derivatives, {name}: a round", fast * 1e9, "ns", bound, "less"))
            least = {2: 500.0, 4: 60.0}.get(count, 20.0)
            results.append((f"two derivatives, {name}: naive / compiled", naive / fast, "x", least, "more"))
        times = seconds(lambda: exit_times(0.02, [1.0, 0.0], 0.01, 2048, 1, max_rounds=10**6))
        results.append(("exit times, K = 2: 2048 runs of 236 rounds on average", times * 1e3, "ms", 60.0, "less"))
    return results


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
