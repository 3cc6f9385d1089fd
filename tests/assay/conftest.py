"""A small package of measures, written to disk so that spawned workers can import it and tests can edit it."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

COUNTER = itertools.count()

KERNELS = """
def widen(draws, width):
    return width * draws
"""

MEASURES = """
import os
import signal
import time

import numpy as np
from threadpoolctl import threadpool_info

from .kernels import widen


def normal(rng, replicates, mean=0.0, width=1.0):
    return mean + widen(rng.standard_normal((replicates, 2)), width)


def spectrum(rng, replicates, size):
    draws = rng.standard_normal((replicates, size, size))
    return np.stack([np.linalg.eigvalsh(a @ a.T) for a in draws])


def logged(rng, replicates, log, pause=0.0):
    draws = rng.standard_normal(replicates)
    time.sleep(pause)
    with open(log, "a") as file:
        file.write(f"{os.getpid()} {replicates} {draws[0]!r}\\n")
    return draws


def threads(rng, replicates):
    return np.full(replicates, max(info["num_threads"] for info in threadpool_info()))


def give(rng, replicates, what):
    return {
        "short": np.zeros(replicates - 1),
        "long": np.zeros((replicates + 1, 2)),
        "number": 3.0,
        "none": None,
        "nan": np.where(np.arange(replicates) == 1, np.nan, 0.5),
        "inf": np.where(np.arange(replicates) < 2, np.inf, 0.5),
        "text": np.full(replicates, "0.5"),
        "complex": np.full(replicates, 1j),
        "ragged": [[0.5]] * (replicates - 1) + [[0.5, 0.5]],
        "huge": np.where(np.arange(replicates) < 2, 1e200, 0.5),
        "integers": list(range(replicates)),
        "booleans": np.arange(replicates) % 2 == 0,
    }[what]


class Unpicklable(Exception):
    def __init__(self, a, b):
        super().__init__("cannot travel")
        self.handle = lambda: (a, b)


def fail(rng, replicates, how="value", after=0):
    if replicates <= after:
        return np.zeros(replicates)
    if how == "unpicklable":
        raise Unpicklable(1, 2)
    raise ValueError("the solve did not converge")


def die(rng, replicates, marker, always=True):
    if always or not os.path.exists(marker):
        open(marker, "a").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return rng.standard_normal(replicates)


def slow(seconds):
    time.sleep(seconds)
    return seconds


def threads_now():
    return max(info["num_threads"] for info in threadpool_info())
"""


@dataclass(frozen=True)
class Probe:
    """A package on disk: its `name`, its `folder`, and its `measures` module as imported."""

    name: str
    folder: Path
    measures: ModuleType

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which a new process finds the package and this checkout."""
        paths = [str(self.folder.parent), str(Path(__file__).parents[2])]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A fresh package with the modules ``measures`` and ``kernels``, under a name of its own."""
    name = f"probe_package_{next(COUNTER)}"
    folder = tmp_path / "packages" / name
    folder.mkdir(parents=True)
    for file, text in {"__init__.py": "", "kernels.py": KERNELS, "measures.py": MEASURES}.items():
        (folder / file).write_text(text)
    monkeypatch.syspath_prepend(folder.parent)
    yield Probe(name, folder, importlib.import_module(f"{name}.measures"))
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]
