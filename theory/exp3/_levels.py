"""The levels of the ladder, one after the other, in forms that neither cancel nor overflow early.

With a = eta l and E = (K - 1) e^x: x' below is dx/da, and dx/d eta = l dx/da, so every ladder is one of loss 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_CLIMBED = 5_000_000  # levels followed one by one
MOST_LEVELS = 50_000  # in a chain
FLOOR = -46.0  # log of the relative size, 1e-20, below which a level is left out


def by_ladder(keys: Array, rounds: Array) -> tuple[Array, Array, tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the distinct rows of `keys`, the horizons asked of each (padded with 0), and where each cell went."""
    distinct, which = np.unique(keys, axis=0, return_inverse=True)
    which = which.ravel()
    counts = np.bincount(which, minlength=len(distinct))
    column = np.empty(len(which), dtype=np.intp)
    column[np.argsort(which, kind="stable")] = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.zeros((len(distinct), int(counts.max(initial=1))))
    table[which, column] = rounds
    return distinct, table, (which, column)


def rungs(rate: float, n_arms: int) -> Iterator[tuple[float, float]]:
    """Yield (x_m, dx_m/da), m = 0, 1, ..., for a = `rate`; inf, inf for ever beyond float64."""
    others = n_arms - 1.0
    log_odds = slope = 0.0
    while True:
        yield log_odds, slope
        root = math.exp(0.5 * log_odds) if log_odds < 1400.0 else math.inf  # e^x may overflow where a e^x does not
        log_odds, slope = (
            log_odds + rate + rate * others * root * root,
            slope + 1.0 + others * (1.0 + rate * slope) * root * root,
        )


def too_long(rate: float, levels: int) -> ValueError:
    """Return the error for a ladder of more than `levels` levels."""
    return ValueError(
        f"learning_rate * loss must be larger, got {rate!r}: the ladder has more than {levels} levels before it ends; "
        "the limit of small learning rates (mean_field_information, scaled_exit_time) holds there"
    )


def probability(log_odds: float, n_arms: int) -> float:
    """Return p = 1/(1 + (K - 1) e^x), exactly 1/K at x = 0 and 0 where it is below float64."""
    rarity = math.exp(-log_odds)
    return rarity / (rarity + (n_arms - 1.0))


def log_probability(log_odds: Array, n_arms: int) -> Array:
    """Return log p = -log(1 + (K - 1) e^x), -inf at x = inf."""
    return -np.logaddexp(0.0, log_odds + math.log(n_arms - 1.0))


def log_complement(log_odds: Array, n_arms: int) -> Array:
    """Return log(1 - p) = -log(1 + e^-x/(K - 1))."""
    with np.errstate(under="ignore"):
        return -np.log1p(np.exp(-log_odds) / (n_arms - 1.0))
