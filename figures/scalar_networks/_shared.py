"""What the figures of this row share: shapes of given sharpness, starts on their flow lines, sure experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from assay.experiment import Experiment
from figures._shared import by_scale, experiment, measured

__all__ = [
    "EDGE",
    "GFS",
    "ROUNDING",
    "STEPS",
    "TOP",
    "by_scale",
    "deterministic",
    "experiment",
    "kick",
    "listed",
    "measured",
    "shape",
]

Array = NDArray[np.float64]

ROUNDING = 1e-11  # relative; a rise of the GFS sharpness must exceed it
TOP = 2.0 * np.sqrt(2.0)  # largest eta phi at which a step can never raise phi
EDGE = "edge of stability, ηφ = 2"
GFS = "GFS sharpness, ηφ"
STEPS = "step of gradient descent, counted from 1"


def deterministic(measure: Callable[..., Any], setting: Mapping[str, Any], seed: int) -> tuple[Experiment, int]:
    """Return `measure` at `setting` as an experiment of one replicate: it draws nothing from the streams of `seed`."""
    return Experiment(measure, setting, block=1, seed=seed), 1


def listed(values: ArrayLike) -> Any:
    """Return `values` as nested lists, which a setting can hold.

    >>> listed(np.eye(2))
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.asarray(values, dtype=float).tolist()


def shape(direction: ArrayLike, sharpness: float) -> Array:
    """Return the minimum s with log s^2 along `direction` (of mean 0, not constant) and sum 1/s_i^2 = `sharpness`.

    `sharpness` >= the number of weights, at which all weights are 1.

    >>> np.round(shape([1.0, -1.0], 4.25) ** 2, 9)
    array([4.  , 0.25])
    """
    along = np.asarray(direction, dtype=float)
    along = along - along.mean()

    def excess(size: float) -> float:
        return float(np.sum(np.exp(-size * along))) - sharpness

    top = 1.0
    while excess(top) < 0.0:
        top *= 2.0
    size = float(brentq(excess, 0.0, top, xtol=1e-14)) if sharpness > along.size else 0.0  # pyright: ignore[reportArgumentType]
    return np.exp(0.5 * size * along)


def kick(solution: Array, deviation: float) -> Array:
    """Return the weights with product 1 + `deviation` on the flow lines that end at minima `solution` (..., depth).

    All squares move by one amount, found by bisection; so the GFS sharpness is still that of `solution`.

    >>> kick(np.array([2.0, 0.5]), 1.0).round(6)  # (4 + x)(1/4 + x) = 2^2
    array([2.148596, 0.93084 ])
    """
    squares = solution**2
    low, high = -squares.min(axis=-1, keepdims=True), np.full((*solution.shape[:-1], 1), 4.0)
    for _ in range(100):
        middle = (low + high) / 2
        short = np.prod(squares + middle, axis=-1, keepdims=True) < (1.0 + deviation) ** 2
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.sqrt(squares + high)
