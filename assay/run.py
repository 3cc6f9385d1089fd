"""Judge many claims: one after the other in this process, or side by side over a pool of workers.

`assay.check.check` waits for its own blocks. With workers every claim therefore gets a thread that only coordinates, so
that the pool has work while one claim takes its looks. A verdict enters the ledger the moment it stands.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from assay.check import check
from assay.claim import Claim, Scale
from assay.experiment import Experiment, blocks_for, library_versions
from assay.ledger import Ledger, entry
from assay.sweep import Sweep
from assay.verdict import Verdict

__all__ = ["available_cores", "check_claims", "start_experiments"]

Line = dict[str, Any]
FAILED = "error: "  # how the reason of a claim that could not be judged begins


def available_cores() -> int:
    """The number of cores this process may use, >= 1.

    >>> available_cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_claims(
    pairs: Iterable[tuple[str, Claim]],
    sweep: Sweep,
    ledger: Ledger,
    scale: Scale = "standard",
    seed: int = 0,
    progress: Callable[[Mapping[str, Any]], None] | None = None,
    fresh: bool = True,
) -> list[Line]:
    """Judge every claim of `pairs` and return the ledger's lines in the same order.

    `pairs` holds (row, claim); `sweep` runs the blocks and, by its number of workers, says how many claims are judged
    at a time; `ledger` receives each line as soon as the verdict stands; `scale` and `seed` as in `check`; `progress`
    is called with each line when it is ready (one taken from the ledger has ``"recorded": True``); `fresh` = False
    takes the line of an earlier run where sources, scale, seed and library versions are still the same.
    A claim that cannot be judged (a measure that fails, hypotheses that admit nothing) does not stop the others: its
    verdict is undecided, never as expected, and its reason says what went wrong. An interrupt is raised again after the
    waiting claims were dropped; what was finished is in the ledger.
    """
    pairs = list(pairs)
    lines: dict[int, Line] = {}

    def finish(index: int, line: Line, recorded: bool = False) -> None:
        lines[index] = line
        if not recorded:
            ledger.append(line)
        if progress is not None:
            progress({**line, "recorded": recorded})

    waiting = []
    for index, (row, claim) in enumerate(pairs):
        known = None if fresh else _recorded(ledger, row, claim, scale, seed)
        if known is None:
            waiting.append(index)
        else:
            finish(index, known, recorded=True)
    side_by_side = sweep.workers + 1 if sweep.workers or sweep.cluster else 1
    for index, line in _judged(pairs, waiting, sweep, scale, seed, side_by_side):
        finish(index, line)
    return [lines[index] for index in range(len(pairs))]


def start_experiments(plans: Iterable[Mapping[str, tuple[Experiment, int]]], sweep: Sweep) -> None:
    """Give the workers of `sweep` every block of `plans` at once, so that none idles while a figure is being drawn.

    `plans` are mappings name -> (experiment, replicates), as figures ask for them. Without workers nothing is done:
    each block is computed when it is asked for.
    """
    if not (sweep.workers or sweep.cluster):
        return
    for plan in plans:
        for experiment, replicates in plan.values():
            for index in range(blocks_for(experiment, replicates)):
                sweep.submit(experiment, index)


def _recorded(ledger: Ledger, row: str, claim: Claim, scale: Scale, seed: int) -> Line | None:
    """The line of an earlier run that would come out the same now, else None."""
    line = ledger.current(row, claim.id, scale, seed)
    if line is None or line["verdict"] == "not run" or str(line["reason"]).startswith(FAILED):
        return None
    return line if line.get("versions") == dict(library_versions()) else None


def _judged(
    pairs: list[tuple[str, Claim]], waiting: list[int], sweep: Sweep, scale: Scale, seed: int, side_by_side: int
) -> Iterator[tuple[int, Line]]:
    """(index, line) of the waiting claims as they finish."""
    if side_by_side == 1:
        for index in waiting:
            yield index, _line(*pairs[index], sweep, scale, seed)
        return
    threads = ThreadPoolExecutor(side_by_side, thread_name_prefix="claim")
    try:
        futures = {threads.submit(_line, *pairs[index], sweep, scale, seed): index for index in waiting}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:  # after an interrupt the sweep cancels its blocks and takes no more, which ends the threads
        threads.shutdown(wait=False, cancel_futures=True)


def _line(row: str, claim: Claim, sweep: Sweep, scale: Scale, seed: int) -> Line:
    """Judge one claim; what goes wrong becomes its reason."""
    start = time.perf_counter()
    try:
        verdict = check(claim, sweep, scale, seed)
    except Exception as error:  # a failure of one claim must leave the others' verdicts alone
        words = " ".join(f"{type(error).__name__}: {error}".split())
        verdict = Verdict("undecided", FAILED + words, wall_time=time.perf_counter() - start)
    return entry(row, claim, verdict, scale, seed)
