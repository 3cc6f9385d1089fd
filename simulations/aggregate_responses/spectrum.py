"""Eigenvalues of bag means against within-bag rows, from samples: B = (A1 + A2)^(-1/2) A1 (A1 + A2)^(-1/2).

A1 = k Xbar'Xbar is the Gram matrix of the scaled bag means, A2 that of the rows less their bag means, A1 + A2 = X'X.
The ground truth for the beta variates of `jacobi`, and what its averages are taken over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from simulations._checks import check_vector
from simulations.aggregate_responses._arguments import check_setting
from simulations.aggregate_responses.bags import split_evenly, stacked_rows

__all__ = ["eigenvalue_density"]

Array = NDArray[np.float64]


def eigenvalue_density(
    rng: np.random.Generator, replicates: int, *, n: int, d: int, bag_size: float, edges: ArrayLike
) -> Array:
    """Return the share of eigenvalues of B in every bin over the bin's width, (replicates, bins).

    `rng` draws the samples x ~ N(0, I) of each of `replicates` >= 1; `n` >= `d` >= 1; `bag_size` >= 1 as in
    `literal.literal_errors`; `edges` (bins + 1,) in [0, 1] increase. Eigenvalues are clipped to [0, 1]: the
    d - m zeros of fewer bags than features fall in a bin that begins at 0, and in none if the first edge is above the
    rounding, 1e-10 say. Raises `ValueError` outside these domains.

    Source: derived (ar.E3).

    One sample in each bag: all eigenvalues are 1.

    >>> setting = dict(n=6, d=2, bag_size=1, edges=(0.0, 0.5, 1.0))
    >>> eigenvalue_density(np.random.default_rng(0), 1, **setting).tolist()
    [[0.0, 2.0]]
    """
    count, n, d, bags, _, _ = check_setting(replicates, n, d, bag_size, 1.0, 1.0)
    if n < d:
        raise ValueError(f"n must be >= d, got n={n} and d={d}")
    ends = check_vector("edges", edges, axis="bins + 1", low=0.0, high=1.0)
    if ends.size < 2 or np.any(np.diff(ends) <= 0):
        raise ValueError(f"edges must be at least two increasing numbers, got edges={ends.tolist()}")
    sizes, result = split_evenly(n, bags), np.empty((count, ends.size - 1))
    for row in result:
        inputs = rng.standard_normal((n, d))
        between = stacked_rows(inputs, sizes)[0]
        values = eigh(between.T @ between, inputs.T @ inputs, eigvals_only=True)
        row[:] = np.histogram(np.clip(values, 0.0, 1.0), ends)[0] / (d * np.diff(ends))
    return result
