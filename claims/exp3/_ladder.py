"""The ladder of Exp3 with one lossy arm, once more: level by level and round by round, or with many digits.

Nothing is shared with the theory: no sum over levels, no cut-off, no logarithms of probabilities.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["affinity", "by_rounds", "levels", "precise_affinity", "precise_information", "precise_levels"]

Array = NDArray[np.float64]
DEEPEST = 1e5  # log-odds of a level that no horizon reaches


def levels(rate: float, n_arms: int, loss: float, least: float = 1e-250) -> Iterator[tuple[float, float]]:
    """Yield (p_m, dx_m/d eta), m = 0, 1, ..., while p_m >= `least`, from x_{m+1} = x_m + eta l/p_m."""
    x = slope = 0.0
    while True:
        p = 1.0 / (1.0 + (n_arms - 1) * float(np.exp(min(x, 700.0))))
        if p < least:
            return
        yield p, slope
        # d(1/p)/dx = (1 - p)/p
        x, slope = x + rate * loss / p, slope + loss / p + rate * loss * (1.0 - p) / p * slope


def by_rounds(stay: Array, gain: Array, rounds: int) -> float:
    """Return sum_{t <= rounds} sum_m P(level m in round t) gain_m, round by round; level m is kept with `stay`_m."""
    weight, total = np.zeros(len(stay)), 0.0
    weight[0] = 1.0
    for _ in range(rounds):
        total += float(weight @ gain)
        moved = weight * (1.0 - stay)
        weight = weight * stay
        weight[1:] += moved[:-1]
    return total


def affinity(rate: float, other: float, rounds: int, n_arms: int, loss: float) -> float:
    """Return rho_n round by round: the total weight of a chain with the square roots of both laws' probabilities."""
    ladders = [[p for p, _ in levels(eta, n_arms, loss)] for eta in (rate, other)]
    p, q = np.array([*itertools.zip_longest(*ladders, fillvalue=0.0), (0.0, 0.0)]).T
    weight = np.zeros(len(p))
    weight[0] = 1.0
    for _ in range(rounds):
        moved = weight * np.sqrt(p * q)
        weight = weight * np.sqrt((1.0 - p) * (1.0 - q))
        weight[1:] += moved[:-1]
    return float(np.sum(weight))


# ---------------------------------------------------------------- many digits, any horizon


@cache
def _context(digits: int) -> Any:
    """Numbers with so many decimal digits, of a context of their own."""
    import mpmath

    context = mpmath.mp.clone()
    context.dps = digits
    return context


def precise_levels(rate: float, n_arms: int, loss: float, digits: int) -> list[tuple[Any, Any]]:
    """Return (p_m, dx_m/d eta) with `digits` digits, by the definition, while p_m is above e^-100000."""
    context = _context(digits)
    eta, paid = context.mpf(rate), context.mpf(loss)
    x = slope = context.mpf(0)
    found = []
    while x < DEEPEST:
        p = 1 / (1 + (n_arms - 1) * context.exp(x))
        found.append((p, slope))
        x, slope = x + eta * paid / p, slope + paid / p + eta * paid * (1 - p) / p * slope
    return found


def _total_after(stay: list[Any], move: list[Any], rounds: int, context: Any) -> tuple[Any, list[Any]]:
    """Return sums of the row vector e_0 B^rounds, B bidiagonal with `stay` and `move`: (total, entries)."""
    size = len(stay)
    state = [context.mpf(1)] + [context.mpf(0)] * (size - 1)
    matrix = [[context.mpf(0)] * size for _ in range(size)]
    for m in range(size):
        matrix[m][m] = stay[m]
        if m + 1 < size:
            matrix[m][m + 1] = move[m]
    while rounds:
        if rounds & 1:
            state = [sum(state[i] * matrix[i][j] for i in range(j + 1)) for j in range(size)]
        rounds >>= 1
        if rounds:
            matrix = [
                [sum((matrix[i][k] * matrix[k][j] for k in range(i, j + 1)), context.mpf(0)) for j in range(size)]
                for i in range(size)
            ]
    return sum(state), state


def precise_affinity(rate: float, other: float, rounds: int, n_arms: int, loss: float, digits: int) -> Any:
    """Return rho_n with `digits` digits, by powers of a matrix; levels that no horizon reaches are never left."""
    context = _context(digits)
    ladders = [[p for p, _ in precise_levels(eta, n_arms, loss, digits)] for eta in (rate, other)]
    both = [*itertools.zip_longest(*ladders, fillvalue=context.mpf(0)), (context.mpf(0), context.mpf(0))]
    stay = [context.sqrt((1 - p) * (1 - q)) for p, q in both]
    return _total_after(stay, [context.sqrt(p * q) for p, q in both], rounds, context)[0]


def precise_information(rate: float, rounds: int, n_arms: int, loss: float, digits: int) -> float:
    """Return I_n = sum_t sum_m P(level m in round t) x'_m^2 p_m (1 - p_m) with `digits` digits.

    A level gains what it gains a round times its expected rounds; these are P(N_n > m)/p_m, N_n the number of lossy
    pulls, of which the probabilities come from powers of a matrix.
    """
    context = _context(digits)
    steps = precise_levels(rate, n_arms, loss, digits)
    stay, move = [1 - p for p, _ in steps] + [context.mpf(1)], [p for p, _ in steps] + [context.mpf(0)]
    state = _total_after(stay, move, rounds, context)[1]
    past = list(itertools.accumulate(reversed(state)))[::-1][1:]  # P(N_n > m)
    return float(sum(past_m * slope**2 * (1 - p) for past_m, (p, slope) in zip(past, steps, strict=True)))
