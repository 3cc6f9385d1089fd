"""Run every benchmark of this folder, print one table, exit 1 if a required value is missed.

A module that offers ``benchmarks()`` returns tuples (name, value, unit, required, better): `value` as measured,
`required` the least ("more" is better) or the largest ("less") value that passes. Values are ratios measured in one
run, or absolute times where a user feels them; everything runs on one core.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["Result", "collect", "main", "passes"]

Result = tuple[str, float, str, float, str]


def passes(result: Result) -> bool:
    """Whether the measured value of `result` meets the required one.

    >>> passes(("speed-up", 60.0, "x", 50.0, "more")), passes(("time", 0.6, "s", 0.5, "less"))
    (True, False)
    """
    name, value, _, required, better = result
    if better not in ("more", "less"):
        raise ValueError(f"benchmark {name!r}: better must be 'more' or 'less', got {better!r}")
    return value >= required if better == "more" else value <= required


def collect(wanted: Iterable[str] = ()) -> Iterator[tuple[str, Result]]:
    """(module, result) of every benchmark module, or of the `wanted` ones, as they are measured."""
    wanted = set(wanted)
    for info in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if info.name == "run" or (wanted and info.name not in wanted):
            continue
        module = importlib.import_module(f"benchmarks.{info.name}")
        for result in module.benchmarks() if hasattr(module, "benchmarks") else ():
            yield info.name, tuple(result)


def main(arguments: list[str]) -> int:
    """Print the table for the modules named in `arguments` (all if none); return the exit code."""
    print(f"{'module':<30} {'benchmark':<66} {'measured':>12} {'required':>14}")
    missed = 0
    for module, result in collect(arguments):
        name, value, unit, required, better = result
        good = passes(result)
        missed += not good
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(
            f"{module:<30} {name:<66} {f'{value:.3g} {unit}':>12} {bound:>14}{'' if good else '  MISSED'}", flush=True
        )
    print(f"{missed} missed" if missed else "all met")
    return 1 if missed else 0


if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = "1"  # before any library is loaded
    sys.exit(main(sys.argv[1:]))
