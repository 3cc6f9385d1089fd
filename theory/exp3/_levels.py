"""The levels of the ladder, one after the other, in forms that neither cancel nor overflow early; readers of arguments.

With a = eta l and E = (K - 1) e^x: x' below is dx/da, and dx/d eta = l dx/da, so every ladder is one of loss 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_integer, check_range

Array = NDArray[np.float64]
LARGEST = 1e150  # learning rates and losses whose products stay finite
MOST_ROUNDS = 1e300
MOST_CLIMBED = 5_000_000  # levels followed one by one
MOST_LEVELS = 50_000  # in a chain
FLOOR = -46.0  # log of the relative size, 1e-20, below which a level is left out


def read_rate(learning_rate: ArrayLike, name: str = "learning_rate") -> Array:
    """Return the learning rate as an array after checking 0 < learning_rate <= 1e150."""
    return check_range(name, learning_rate, low=0.0, high=LARGEST, open_low=True)


def read_loss(loss: ArrayLike) -> Array:
    """Return the loss as an array after checking 0 < loss <= 1e150."""
    return check_range("loss", loss, low=0.0, high=LARGEST, open_low=True)


def read_arms(n_arms: int) -> int:
    """Return the number of arms after checking that it is a whole number from 2 to 1e15."""
    return check_integer("n_arms", n_arms, low=2, high=1e15)


def read_rounds(rounds: ArrayLike) -> Array:
    """Return the rounds as floats after checking that they are whole numbers from 1 to 1e300."""
    array = check_range("rounds", rounds, low=1.0, high=MOST_ROUNDS)
    bad = np.argwhere(array != np.floor(array))
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        index = f"[{', '.join(map(str, where))}]" if where else ""
        raise ValueError(f"rounds must be whole numbers, got rounds{index}={float(array[where])!r}")
    return array


def in_rows(**arguments: Array) -> tuple[list[Array], tuple[int, ...]]:
    """Return the arguments, broadcast against each other, as rows of cells, and their common shape."""
    try:
        shape = np.broadcast_shapes(*(value.shape for value in arguments.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {value.shape}" for name, value in arguments.items())
        raise ValueError(f"{', '.join(arguments)} must broadcast, got shapes {shapes}") from error
    return [np.broadcast_to(value, shape).ravel() for value in arguments.values()], shape


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
