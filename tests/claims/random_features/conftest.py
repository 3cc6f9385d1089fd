"""Where the tests find the authors' files, which the suite does not redistribute."""

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[4] / "shared" / "data" / "more_is_better" / "raw"


@pytest.fixture
def raw(monkeypatch):
    """A folder with at least one of the authors' files."""
    folder = os.environ.get("ASSAY_DATA") or (str(BESIDE) if BESIDE.is_dir() else None)
    if folder is None:
        pytest.skip("the authors' files are not redistributed: set ASSAY_DATA to a folder that holds some of them")
    monkeypatch.setenv("ASSAY_DATA", folder)
