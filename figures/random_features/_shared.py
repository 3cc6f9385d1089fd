"""What the figures of this row share: sizes and ridges per scale, experiments, grids, how points are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from figures._shared import by_scale, experiment, geometric, measured, simulated

__all__ = [
    "MSE_TEST",
    "POWER_LAW",
    "RIDGES",
    "TEST_SLACK",
    "TRAIN_SLACK",
    "by_scale",
    "experiment",
    "geometric",
    "measured",
    "ridge_label",
    "simulated",
    "sizes",
]

Array = NDArray[np.float64]

RIDGES = tuple(float(r) for r in np.logspace(-3, 2, 31))  # the paper's
POWER_LAW = {"alpha": 1.5, "beta": 1.5, "noise_variance": 0.5}  # the paper's Gaussian task
# The theory is a limit: at finite size the mean test error is off by up to 2/min(n, k), most beside n = k at a small
# ridge, and the train error, which can be tiny, by up to 10/min(n, k) (measured at 8 to 256). Only the excess refutes.
TEST_SLACK, TRAIN_SLACK = 2.0, 10.0
MSE_TEST = "test mean squared error"


def sizes(low: float, high: float, count: int) -> tuple[int, ...]:
    """Return at most `count` integers, geometrically spaced from `low` to `high` inclusive, strictly increasing.

    >>> sizes(10, 1000, 5)
    (10, 31, 100, 316, 1000)
    """
    return tuple(int(v) for v in np.unique(np.floor(np.geomspace(low, high, count) * (1 + 1e-12))))


def ridge_label(ridge: float) -> str:
    """Return the legend entry of a `ridge` in the units of the eigenvalues.

    >>> ridge_label(0.0215443), ridge_label(21.544)
    ('ridge δ = 0.0215', 'ridge δ = 21.5')
    """
    return f"ridge δ = {ridge:.3g}"


def smallest(n: ArrayLike, k: ArrayLike) -> Array:
    """Return min(n, k), broadcast: the size that governs how far the experiment is from the theory's limit.

    >>> smallest(256, [10, 1000]).tolist()
    [10.0, 256.0]
    """
    return np.minimum(np.asarray(n, dtype=float), np.asarray(k, dtype=float))


def closest(values: Sequence[float], wanted: Sequence[float]) -> list[int]:
    """Return the indices of those of `values` > 0 that are closest, as ratios, to each of `wanted` > 0.

    >>> closest([0.1, 1.0, 10.0], [0.9, 5.0])
    [1, 2]
    """
    return [int(np.argmin(np.abs(np.log(np.asarray(values) / w)))) for w in wanted]
