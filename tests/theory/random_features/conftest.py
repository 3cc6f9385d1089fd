"""The oracle's values on every nasty cell, computed once."""

from __future__ import annotations

import functools
from types import ModuleType

import pytest


@functools.cache
def brute_forced(oracle: ModuleType) -> list[tuple[tuple, tuple]]:
    pairs = []
    for n, k, ridge, eigenvalues, noise in oracle.nasty_cells():
        cell = (n, k, ridge, eigenvalues, oracle.target_for(eigenvalues), noise)
        pairs.append((cell, oracle.brute_force(*cell)))
    return pairs


@pytest.fixture(scope="module")
def nasty(oracle: ModuleType) -> list[tuple[tuple, tuple]]:
    """Give tests pairs (cell with target, (gamma, kappa, test error, train error)) for every nasty cell."""
    return brute_forced(oracle)
