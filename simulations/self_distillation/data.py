"""The real data of this row, all bundled with scikit-learn: digits, diabetes, breast cancer, wine; and their splits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulations._checks import check_number
from simulations.self_distillation._arguments import check_size, frozen

__all__ = ["DATA_SETS", "data_pool", "noisy_labels", "one_hot", "split"]

Array = NDArray[np.float64]
DATA_SETS = ("digits", "diabetes", "breast_cancer", "wine")


@lru_cache(maxsize=len(DATA_SETS))
def data_pool(name: str) -> tuple[Array, Array]:
    """Return inputs (points, features) and targets of the data set `name`, one of `DATA_SETS`; read-only arrays.

    Digits: 1797 x 64 pixels divided by 16; inputs of the others as they are. Targets are class numbers 0, 1, ... as
    floats, (points,), or the disease score of diabetes.

    >>> inputs, classes = data_pool("digits")
    >>> inputs.shape, float(inputs.max()), classes[:3].tolist()
    ((1797, 64), 1.0, [0.0, 1.0, 2.0])
    """
    if name not in DATA_SETS:
        raise ValueError(f"data must be one of {', '.join(DATA_SETS)}, got data={name!r}")
    from sklearn import datasets  # imported here: it costs most of a second, and only real data need it

    inputs, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
    return frozen(inputs / 16 if name == "digits" else inputs), frozen(targets)


def one_hot(classes: Array, count: int) -> Array:
    """Return one row per entry of `classes` (points,) with a 1 in that column of `count`, 0 elsewhere.

    >>> one_hot(np.array([2.0, 0.0]), 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    return np.eye(count)[np.asarray(classes, dtype=np.intp)]


def noisy_labels(rng: np.random.Generator, classes: Array, count: int, label_noise: float) -> Array:
    """Return `classes` with each label redrawn with probability `label_noise` in [0, 1], uniformly over all `count`.

    A redrawn label may turn out right, so (1 - 1/count) label_noise of them are wrong; `rng` draws.

    >>> noisy_labels(np.random.default_rng(0), np.array([2.0, 0.0]), 3, 0.0).tolist()
    [2.0, 0.0]
    """
    share = check_number("label_noise", label_noise, low=0.0, high=1.0)
    redrawn = rng.random(classes.shape) < share
    return np.where(redrawn, rng.integers(count, size=classes.shape), classes).astype(np.float64)


def split(rng: np.random.Generator, points: int, *sizes: int) -> list[NDArray[np.intp]]:
    """Return disjoint random index sets of the given `sizes` out of `points`, and one with all that remain (>= 1).

    `sizes` are counts >= 1 of points; `rng` draws.

    >>> [part.size for part in split(np.random.default_rng(0), 10, 3, 2)]
    [3, 2, 5]
    """
    counts = [check_size("the size of a split", size) for size in sizes]
    if sum(counts) >= points:
        raise ValueError(f"samples and validation must leave a test point out of {points}, got {sum(counts)} of them")
    return np.split(rng.permutation(points), np.cumsum(counts))
