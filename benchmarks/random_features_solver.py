"""Speed of the random-feature theory on one core: the direct solver and the table against the usual ways to solve.

Task: eigenvalues and target power i^-1.5, 10 000 modes; the cells of one panel, n = 256 against 31 numbers of features
and three ridges. The direct solver takes them in one call. Its rivals take cell after cell, in float64 numpy:

nested bisection: the way of the paper's public code. kappa is bisected in log10 over 1e-15..1e15; for each kappa, gamma
    is bisected over the absolute bracket 1e-15..1e15 until the samples' equation holds to 1e-5 (200 steps at most); the
    features' equation decides about kappa, to the same 1e-5. Timed on every ninth cell.
plain brentq: the eliminated equation gamma (k - z)(n - z)/k = ridge over ln gamma in the same bracket, to 1e-14.
brentq in logarithms: the same after taking logarithms of both sides, which makes it nearly a straight line.

Times are processor times of one thread; the ways take turns, and each ratio is the median over the turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from threadpoolctl import threadpool_limits

from benchmarks.timing import processor_seconds
from theory.random_features import implicit_regularization, optimal_ridge, power_law, tabulate, tabulated_risk

__all__ = ["benchmarks", "main", "nested_bisection", "plain_brentq", "straight_brentq"]

MODES, NOISE = 10_000, 0.5
SIZES = np.floor(np.logspace(1, 4, 31))
CELLS = [(256.0, float(k), ridge) for ridge in (1e-3, 0.1, 10.0) for k in SIZES]
TOLERANCE, LIMIT = 1e-5, 200
Array = NDArray[np.float64]


def bisect(function: Callable[[float], float], low: float, high: float, falls: bool) -> float:
    """Return the root of a monotone `function` in [`low`, `high`], halving until it is within TOLERANCE of 0."""
    middle = 0.5 * (low + high)
    for _ in range(LIMIT):
        value = function(middle)
        if abs(value) <= TOLERANCE:
            break
        if (value > 0.0) == falls:
            low = middle
        else:
            high = middle
        middle = 0.5 * (low + high)
    return middle


def nested_bisection(n: float, k: float, ridge: float, eigenvalues: Array) -> tuple[float, float]:
    """Return (gamma, kappa) by one bisection inside another."""

    def learned(gamma: float) -> float:
        return float((eigenvalues / (eigenvalues + gamma)).sum())

    def gamma_at(kappa: float) -> float:
        return bisect(lambda gamma: learned(gamma) + ridge / kappa - n, 1e-15, 1e15, falls=True)

    def features_at(log_kappa: float) -> float:
        kappa = 10.0**log_kappa
        gamma = gamma_at(kappa)
        return learned(gamma) + k * kappa / gamma - k

    kappa = 10.0 ** bisect(features_at, -15.0, 15.0, falls=False)
    return gamma_at(kappa), kappa


def plain_brentq(n: float, k: float, ridge: float, eigenvalues: Array) -> float:
    """Return gamma from the eliminated equation."""

    def excess(log_gamma: float) -> float:
        gamma = math.exp(log_gamma)
        z = (eigenvalues / (eigenvalues + gamma)).sum()
        return -ridge if z >= min(n, k) else gamma * (k - z) * (n - z) / k - ridge

    return _brentq(excess)


def straight_brentq(n: float, k: float, ridge: float, eigenvalues: Array) -> float:
    """Return gamma from the logarithm of the eliminated equation."""

    def excess(log_gamma: float) -> float:
        z = (eigenvalues / (eigenvalues + math.exp(log_gamma))).sum()
        return -100.0 if z >= min(n, k) else log_gamma + math.log((n - z) * (k - z) / (k * ridge))

    return _brentq(excess)


def _brentq(excess: Callable[[float], float]) -> float:
    """Return gamma where `excess`, a function of its logarithm, is 0."""
    root = brentq(excess, math.log(1e-15), math.log(1e15), xtol=1e-14)
    return math.exp(root)  # pyright: ignore[reportArgumentType]


def times(actions: list[Callable[[], object]], turns: int) -> Array:
    """Return processor times, shape (turns, actions), the actions taking turns after one round that is not counted."""
    for action in actions:
        action()
    return np.array([[processor_seconds(action) for action in actions] for _ in range(turns)])


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    eigenvalues, target = power_law(1.5, 1.5, MODES)
    n, k, ridge = np.array(CELLS).T
    grid = np.meshgrid(SIZES, SIZES, 2.0 ** np.arange(-12, 5))
    with threadpool_limits(1):
        actions = [
            lambda: implicit_regularization(n, k, ridge, eigenvalues),
            lambda: [plain_brentq(*cell, eigenvalues) for cell in CELLS],
            lambda: [straight_brentq(*cell, eigenvalues) for cell in CELLS],
        ]
        direct, plain, straight = times(actions, 15).T / len(CELLS)
        nested = times([*actions[:1], lambda: [nested_bisection(*cell, eigenvalues) for cell in CELLS[::9]]], 3)
        table = tabulate(eigenvalues, target)
        cells = np.median(times([lambda: tabulated_risk(table, *grid, NOISE)], 7)) / grid[0].size
        preparation = np.median(times([lambda: tabulate(eigenvalues, target)], 5))
        best = np.median(times([lambda: optimal_ridge(256, 1000, eigenvalues, target, NOISE)], 5))
    ratio = np.median(nested[:, 1] / len(CELLS[::9]) / (nested[:, 0] / len(CELLS)))
    return [
        ("nested bisection / direct solver, 10^4 modes", float(ratio), "x", 50.0, "more"),
        ("plain brentq / direct solver, 10^4 modes", float(np.median(plain / direct)), "x", 1.5, "more"),
        ("brentq in logarithms / direct solver", float(np.median(straight / direct)), "x", 1.0, "more"),
        ("direct solver, per cell of a panel", float(np.median(direct)) * 1e6, "us", 1000.0, "less"),
        ("tabulated test error, per cell of a 31 x 31 x 17 grid", float(cells) * 1e6, "us", 20.0, "less"),
        ("table for 10^4 modes", float(preparation), "s", 0.5, "less"),
        ("optimal ridge of one cell, 10^4 modes", float(best), "s", 0.3, "less"),
    ]


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
