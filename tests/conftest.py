"""What the whole suite of tests shares: how hypothesis runs, one quick run of every claim."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from assay.ledger import Ledger

ROOT = Path(__file__).parents[1]

settings.register_profile("suite", derandomize=True, deadline=None)  # the same examples everywhere, on any machine
settings.load_profile("suite")


@dataclass(frozen=True)
class QuickRun:
    """The folder `out` of a quick `assay check`, its exit `code`, what it `printed`, the newest line of every claim."""

    out: Path
    code: int
    printed: str
    lines: dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def quick_run(tmp_path_factory: pytest.TempPathFactory) -> QuickRun:
    """Judge every claim once at quick scale, in two processes; the test processes of one session share the run.

    Tests that ask for it belong in one file, so that one test process waits and the others go on.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # one folder for all test processes of the session
    out, printed = base / "quick", base / "quick.txt"
    with (base / "quick.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.exists():
            command = [sys.executable, "-m", "assay.cli", "check", "--scale", "quick", "--workers", "2", "--out", out]
            environment = {**os.environ, "COLUMNS": "200", "ASSAY_DATA": str(base / "no-data")}  # the same everywhere
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
            printed.write_text(f"{done.returncode}\n{done.stdout}{done.stderr}")
    code, _, text = printed.read_text().partition("\n")
    return QuickRun(out, int(code), text, Ledger(out / "ledger.jsonl").latest())
