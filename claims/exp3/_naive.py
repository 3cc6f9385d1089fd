"""Exp3 once more, from its definition and by means as plain as possible: the second route of the claims about it.

Everything is written in probabilities, not in log-odds; derivatives come from steps in the complex plane or from
differences with many digits, never from a recursion of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "all_arms",
    "laws",
    "precise_derivatives",
    "pulled_information",
    "score_and_hessian",
    "score_of",
    "seen_probability",
]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
STEP = 1e-100  # into the complex plane: no difference is taken, so nothing cancels
NEVER = 1e-280  # an arm of smaller probability than this is not drawn in practice, and keeps its weight


def all_arms(n_arms: int, rounds: int) -> NDArray[np.int16]:
    """Return all sequences of drawn arms, (n_arms^rounds, rounds)."""
    return np.array(list(itertools.product(range(n_arms), repeat=rounds)), np.int16)


def laws(rate: complex, arms: ArrayLike, losses: ArrayLike, n_arms: int) -> Complex:
    """Return p of all arms at the beginning of every round and after the last one, (histories, rounds + 1, n_arms).

    `arms` and `losses` (histories, rounds), drawn and paid.
    """
    drawn, paid = np.asarray(arms), np.asarray(losses, dtype=float)
    rows, shape = np.arange(len(drawn)), (len(drawn), n_arms)
    weights: Complex = np.zeros(shape, np.complex128)
    out = np.empty((len(drawn), drawn.shape[1] + 1, n_arms), np.complex128)
    for t in range(drawn.shape[1] + 1):
        scaled = np.exp(weights - np.max(weights.real, axis=1, keepdims=True))
        out[:, t] = scaled / np.sum(scaled, axis=1, keepdims=True)
        if t < drawn.shape[1]:
            own = out[:, t][rows, drawn[:, t]]
            alive = np.abs(own) > NEVER
            weights[rows, drawn[:, t]] -= np.where(alive, rate * paid[:, t] / np.where(alive, own, 1.0), 0.0)
    return out


def seen_probability(law: Complex, arms: ArrayLike, stops: ArrayLike, late: bool = False) -> Complex:
    """Return the probability of what was drawn in the first `stops` rounds, (histories,), under the laws of `laws`.

    With `late`, each draw is charged to the law of the round after it, which is wrong.
    """
    drawn = np.asarray(arms)
    used = law[:, 1:] if late else law[:, :-1]
    own = np.take_along_axis(used, drawn[:, :, None].astype(np.int64), axis=2)[:, :, 0]
    own = np.where(np.arange(drawn.shape[1]) < np.asarray(stops)[:, None], own, 1.0)
    return np.prod(np.where(np.abs(own) > NEVER, own, 0.0), axis=1)


def score_of(seen: Complex) -> Array:
    """Return d log P/d eta of `seen`, probabilities at eta + i `STEP`; 0 where nothing can be seen."""
    possible = np.abs(seen) > NEVER
    return np.where(possible, (seen.imag / STEP) / np.where(possible, seen.real, 1.0), 0.0)


def pulled_information(rate: float, arms: ArrayLike, losses: ArrayLike, stops: ArrayLike, n_arms: int) -> Array:
    """Return sum_k p h^2 summed over the rounds that draw arm 0 only, (histories,): once a pull, which is wrong."""
    drawn = np.asarray(arms)
    law = laws(rate + 1j * STEP, drawn, losses, n_arms)[:, :-1]
    alive = np.abs(law) > NEVER
    score = np.where(alive, law.imag / STEP / np.where(alive, law.real, 1.0), 0.0)
    used = (np.arange(drawn.shape[1]) < np.asarray(stops)[:, None]) & (drawn == 0)
    return np.sum(np.where(used, np.sum(law.real * score**2, axis=2), 0.0), axis=1)


def precise_derivatives(rate: float, arms: Sequence[int], losses: Sequence[float], n_arms: int) -> Array:
    """Return [L, L', L''] of one history by differences of its probability, with 80 digits."""
    import mpmath

    context = mpmath.mp.clone()
    context.dps = 80

    def value(eta: Any) -> Any:
        weights, total = [context.mpf(0)] * n_arms, context.mpf(0)
        for arm, loss in zip(arms, losses, strict=True):
            scaled = [context.exp(y) for y in weights]
            p = scaled[arm] / sum(scaled)
            total += context.log(p)
            weights[arm] -= eta * context.mpf(loss) / p
        return total

    step, eta = context.mpf(10) ** -25, context.mpf(rate)
    low, middle, high = value(eta - step), value(eta), value(eta + step)
    return np.array([float(middle), float((high - low) / (2 * step)), float((high - 2 * middle + low) / step**2)])


def score_and_hessian(
    which: str, rate: float, arms: Sequence[int], losses: Sequence[float], n_arms: int
) -> tuple[float, float, float]:
    """Return (L, L', L'') of one history by recursions for the sensitivities that lack a term, as `which` says."""
    y, g, c = np.zeros((3, n_arms))
    value = score = hessian = 0.0
    for arm, loss in zip(arms, losses, strict=True):
        p = np.exp(y - np.max(y))
        p /= np.sum(p)
        h = float(g[arm] - p @ g)
        h2 = float(c[arm] - p @ (c + g**2) + (p @ g) ** 2)
        value, score = value + float(np.log(p[arm])), score + h
        hessian += float(c[arm] - p @ c) if which == "Hessian without the variance of g" else h2
        r = loss / p[arm]
        y[arm] -= rate * r
        g[arm] -= r * (1.0 - (0.0 if which == "no feedback in the score" else rate * h))
        twice = {"M8": 0.0, "h once": 1.0}.get(which, 2.0)
        c[arm] -= r * (-twice * h + rate * (h**2 - h2))
    return value, score, hessian
