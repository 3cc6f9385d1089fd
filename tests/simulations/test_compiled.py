"""Compiled kernels on disk are those of the sources beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from simulations._compiled import forget_stale

INNER = "from numba import njit\n\n\n@njit(cache=True)\ndef inner(x):\n    return {factor} * x\n"
OUTER = "from numba import njit\nfrom inner import inner\n\n\n@njit(cache=True)\ndef outer(x):\n    return inner(x)\n"


def _outer_of_one(folder: Path) -> float:
    """outer(1.0), in a fresh process."""
    command = [sys.executable, "-c", "from outer import outer; print(outer(1.0))"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return float(subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True).stdout)


# --- identities and limits


def test_a_kernel_whose_callee_was_edited_in_another_file_is_compiled_anew(tmp_path):
    (tmp_path / "inner.py").write_text(INNER.format(factor=2.0))
    (tmp_path / "outer.py").write_text(OUTER)
    assert _outer_of_one(tmp_path) == 2.0
    (tmp_path / "inner.py").write_text(INNER.format(factor=3.0))
    assert _outer_of_one(tmp_path) == 2.0, "numba has learned to see this: forget_stale is no longer needed"
    assert forget_stale(tmp_path)
    assert _outer_of_one(tmp_path) == 3.0


# --- properties


def test_what_is_newer_than_every_source_stays(tmp_path):
    source, cached = tmp_path / "kernel.py", tmp_path / "__pycache__" / "kernel.outer.nbi"
    cached.parent.mkdir()
    for path in (source, cached):
        path.touch()
    os.utime(source, ns=(10, 10))
    os.utime(cached, ns=(11, 11))
    assert forget_stale(tmp_path) == []
    os.utime(source, ns=(12, 12))
    assert forget_stale(tmp_path) == [cached]
    assert not cached.exists()


def test_a_package_is_judged_by_its_own_sources_and_the_common_ones(tmp_path):
    common, own, other = (tmp_path / name for name in ("common.py", "row/kernel.py", "rest/kernel.py"))
    cached = tmp_path / "row" / "__pycache__" / "kernel.outer.nbc"
    for path in (common, own, other, cached):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for path, written in ((common, 10), (own, 11), (other, 15), (cached, 12)):
        os.utime(path, ns=(written, written))
    assert forget_stale(tmp_path) == []
    os.utime(common, ns=(13, 13))
    assert forget_stale(tmp_path) == [cached]
