"""Checks of histories, losses and learning rates shared by the experiments of this row."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_range

__all__ = ["LARGEST", "check_arms", "check_history", "check_learning_rate", "check_mean_losses", "check_n_arms"]

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
LARGEST = 1e20  # of learning rates and losses in magnitude: products with saturated sensitivities stay finite
_MOST_ARMS = 2**15 - 1  # arms are stored as int16


def check_n_arms(n_arms: int) -> int:
    """Return `n_arms`, a whole number from 1 to 32767.

    >>> check_n_arms(2.0)
    2
    """
    return check_integer("n_arms", n_arms, low=1, high=_MOST_ARMS)


def check_learning_rate(learning_rate: ArrayLike) -> Array:
    """Return `learning_rate` as a float64 array of any shape, > 0 and <= 1e20, not empty.

    >>> check_learning_rate(0.5)
    array(0.5)
    """
    rates = check_range("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    if rates.size == 0:
        raise ValueError(f"learning_rate must not be empty, got shape {rates.shape}")
    return rates


def check_arms(arms: ArrayLike, n_arms: int) -> Arms:
    """Return `arms` (..., rounds), whole numbers from 0 to n_arms - 1, as int16; rounds >= 1.

    >>> check_arms([0, 1.0], 2)
    array([0, 1], dtype=int16)
    """
    given = np.asarray(arms)
    if given.dtype.kind not in "iu" or (given.size and (given.min() < 0 or given.max() >= n_arms)):
        given = check_range("arms", arms, low=0, high=n_arms - 1)
        if np.any(given != np.floor(given)):
            where = tuple(int(i) for i in np.argwhere(given != np.floor(given))[0])
            raise ValueError(f"arms must be integers, got arms[{', '.join(map(str, where))}]={float(given[where])!r}")
    if given.ndim == 0 or given.size == 0:
        raise ValueError(f"arms must have shape (..., rounds) with rounds >= 1, got shape {given.shape}")
    return np.ascontiguousarray(given, dtype=np.int16)


def check_history(
    arms: ArrayLike, losses: ArrayLike, n_arms: int, stop: int | None
) -> tuple[Arms, Array, tuple[int, ...]]:
    """Return `arms` and `losses` as (histories, stop), int16 and float64, and the shape of histories.

    Both (..., rounds) alike; `arms` from 0 to `n_arms` - 1; 1 <= `stop` <= rounds, all rounds where None.

    >>> check_history([0, 1, 1], [0.5, 0.0, 1.0], 2, 2)
    (array([[0, 1]], dtype=int16), array([[0.5, 0. ]]), ())
    """
    drawn = check_arms(arms, n_arms)
    paid = check_range("losses", losses, low=-LARGEST, high=LARGEST)
    if drawn.shape != paid.shape:
        raise ValueError(f"arms and losses must have the same shape, got {drawn.shape} and {paid.shape}")
    rounds = drawn.shape[-1]
    used = rounds if stop is None else check_integer("stop", stop, low=1, high=rounds)
    shape = drawn.shape[:-1]
    count = math.prod(shape)
    return (
        np.ascontiguousarray(drawn.reshape(count, rounds)[:, :used]),
        np.ascontiguousarray(paid.reshape(count, rounds)[:, :used]),
        shape,
    )


def check_mean_losses(mean_losses: ArrayLike, rounds: int, *, bernoulli: bool) -> Array:
    """Return `mean_losses` (n_arms,) or (rounds, n_arms) as (1 or rounds, n_arms); in [0, 1] if `bernoulli`.

    >>> check_mean_losses([1.0, 0.5], 9, bernoulli=False)
    array([[1. , 0.5]])
    """
    if not isinstance(bernoulli, bool):
        raise ValueError(f"bernoulli must be True or False, got bernoulli={bernoulli!r}")
    low, high = (0.0, 1.0) if bernoulli else (-LARGEST, LARGEST)
    table = np.atleast_2d(check_range("mean_losses", mean_losses, low=low, high=high))
    by_round = np.ndim(mean_losses) == 2
    if np.ndim(mean_losses) not in (1, 2) or table.size == 0 or (by_round and len(table) != rounds):
        raise ValueError(
            f"mean_losses must have shape (n_arms,) or (rounds, n_arms) with rounds={rounds} and n_arms >= 1, "
            f"got shape {np.shape(mean_losses)}"
        )
    check_n_arms(table.shape[1])
    return np.ascontiguousarray(table)
