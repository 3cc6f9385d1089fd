"""The high-precision oracle beside the tests of each row."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@functools.cache
def load_oracle(folder: Path) -> ModuleType:
    """The module `oracle.py` in `folder`, loaded once."""
    spec = importlib.util.spec_from_file_location(f"{folder.name}_oracle", folder / "oracle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def oracle(request: pytest.FixtureRequest) -> ModuleType:
    """Give tests the module `oracle.py` that lies beside them."""
    return load_oracle(request.path.parent)
