"""A dense solve with real numbers in and out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["solve"]

Array = NDArray[np.float64]


def solve(matrix: Array, right: Array) -> Array:
    """Solve `matrix` x = `right`."""
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
