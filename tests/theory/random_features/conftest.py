"""The high-precision oracle of this folder, and its values on every nasty cell, computed once."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """Give tests the module `oracle.py` that lies beside them."""
    spec = importlib.util.spec_from_file_location("random_features_oracle", Path(__file__).with_name("oracle.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def nasty(oracle: ModuleType) -> list[tuple[tuple, tuple]]:
    """Give tests pairs (cell with target, (gamma, kappa, test error, train error)) for every nasty cell."""
    pairs = []
    for n, k, ridge, eigenvalues, noise in oracle.nasty_cells():
        cell = (n, k, ridge, eigenvalues, oracle.target_for(eigenvalues), noise)
        pairs.append((cell, oracle.brute_force(*cell)))
    return pairs
