"""Comparison of sample means, shared by the tests of all experiments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

LIMIT = 4.9  # normal quantile: a true equality fails one comparison in 10^6, for the fixed seeds once and for all


def _means_agree(sample: NDArray[np.float64], expected: ArrayLike) -> None:
    """Assert that the mean over axis 0 of `sample` equals `expected`: a number, or a second independent sample."""
    other = np.asarray(expected, dtype=np.float64)
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    if other.ndim == sample.ndim:
        error = np.hypot(error, other.std(axis=0, ddof=1) / np.sqrt(len(other)))
        other = other.mean(axis=0)
    score = (sample.mean(axis=0) - other) / error
    assert np.all(np.abs(score) < LIMIT), f"means {sample.mean(axis=0)} against {other}: z = {score}"


@pytest.fixture
def means_agree() -> Callable[..., None]:
    """Give tests the comparison of means."""
    return _means_agree
