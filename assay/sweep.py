"""A sweep computes what the store does not hold, here, in workers or on a cluster, and keeps it block by block.

Results are merged in block order, whoever finished first: they are the same bits for any number of workers and after
any interruption. An interrupt cancels what waits, ends the workers and is raised again; completed blocks are in the
store already.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from assay.experiment import Block, Experiment, MeasureError, blocks_for, measure_name, run_block
from assay.fingerprint import source_fingerprint
from assay.moments import Moments, combine
from assay.pool import Cluster, Inline, Pool, limited, open_executor
from assay.seeds import check_count
from assay.store import Store, block_address

__all__ = ["Outcome", "Sweep"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one experiment: its `moments`, or None and the `error`; `replicates` in them (0 after an error),
    and how many of its blocks came `from_store`."""

    moments: Moments | None
    error: str | None
    replicates: int
    from_store: int


class Sweep:
    """Runs experiments over a store; use it as a context manager. Threads may share one.

    `store` keeps completed blocks (None: they are remembered only within this sweep); `workers` >= 0 is the number of
    spawned processes, 0 runs everything in this one; `cluster` is the address of a dask scheduler, instead of workers;
    `progress` draws a bar on standard error, or on the `rich.console.Console` that it is, when that is a terminal; what
    is to be printed above the bar must go through that console. Raises `ValueError` for a negative number of
    workers or for workers together with a cluster, `RuntimeError` when the extra for clusters is not installed.
    """

    def __init__(
        self,
        store: Store | None = None,
        workers: int = 0,
        cluster: str | None = None,
        progress: bool | Console = False,
    ) -> None:
        self.store = store
        self.workers = check_count("workers", workers)
        self.cluster = cluster
        if cluster is not None and self.workers:
            raise ValueError(f"workers must be 0 with a cluster, got workers={workers} and cluster={cluster!r}")
        self._executor: Inline | Pool | Cluster | None = None
        self._futures: dict[str, Future[Block]] = {}
        self._lock = threading.RLock()
        self._closed = False
        self._bar = _Bar(progress)

    def __enter__(self) -> Sweep:
        self._closed = False
        self._open()
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(cancel=kind is not None)

    def close(self, cancel: bool = False) -> None:
        """Wait for submitted work, or with `cancel` drop it; then end the workers. Entering again reopens it."""
        self._closed = True
        executor, self._executor = self._executor, None
        try:
            if executor is not None:
                executor.close(cancel)
        finally:
            self._bar.stop()

    def submit(self, experiment: Experiment, index: int) -> Future[Block]:
        """Return the future of block `index` >= 0 of `experiment`, loaded from the store or else computed and stored.

        Without workers it is complete on return. A failing measure is the future's exception, see
        `assay.experiment.run_block`; a block that is submitted twice is computed once.
        """
        address = block_address(experiment, index)
        with self._lock:
            known = self._futures.get(address)
            if known is not None and not known.cancelled():
                return known
            future = self._stored(experiment, index) or self._computed(experiment, index)
            self._futures[address] = future
        self._bar.expect()
        future.add_done_callback(functools.partial(self._completed, address))
        return future

    def call(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Return the future of ``function(*args)``, deterministic work computed on one BLAS thread.

        `function` must be importable and `args` picklable when there are workers. An exception becomes the future's.
        """
        return self._open().submit(_same, limited, function, *args)

    def moments(self, experiment: Experiment, replicates: int) -> Moments:
        """Return the moments of the first blocks of `experiment` that hold at least `replicates` >= 1 replicates.

        Raises `assay.experiment.MeasureError` when the measure fails.
        """
        return combine(block.moments for block in self._blocks(experiment, replicates))

    def samples(self, experiment: Experiment, replicates: int) -> NDArray[np.float64]:
        """Return the raw samples of an `experiment` that keeps them, shape (at least `replicates` >= 1, …), in block
        order.

        Raises `ValueError` when the experiment does not keep its samples.
        """
        if not experiment.keep_samples:
            raise ValueError("experiment must have keep_samples=True for its samples, got keep_samples=False")
        parts = [block.samples for block in self._blocks(experiment, replicates) if block.samples is not None]
        return np.concatenate(parts)

    def run(self, experiments: Iterable[tuple[Experiment, int]]) -> list[Outcome]:
        """Return one outcome for each (experiment, replicates) of `experiments`, in order; a failure is an outcome.

        All blocks are submitted first, so workers are busy across experiments.
        """
        started = [self._start(experiment, replicates) for experiment, replicates in experiments]
        return [_outcome(futures) for futures in started]

    def _blocks(self, experiment: Experiment, replicates: int) -> Iterator[Block]:
        for future in self._start(experiment, replicates):
            yield future.result()

    def _start(self, experiment: Experiment, replicates: int) -> Iterable[Future[Block]]:
        """Futures of the first blocks: all under way when there are workers, else each computed when asked for."""
        indices = range(blocks_for(experiment, replicates))
        futures = (self.submit(experiment, index) for index in indices)
        return futures if isinstance(self._open(), Inline) else list(futures)

    def _open(self) -> Inline | Pool | Cluster:
        if self._closed:
            raise RuntimeError("this sweep is closed; enter it again to go on")
        if self._executor is None:
            self._executor = open_executor(self.workers, self.cluster)
        return self._executor

    def _stored(self, experiment: Experiment, index: int) -> Future[Block] | None:
        block = self.store.load(experiment, index) if self.store is not None else None
        return None if block is None else Inline().submit(_same, _same, block)

    def _computed(self, experiment: Experiment, index: int) -> Future[Block]:
        finish = functools.partial(self._keep, experiment, index)
        fingerprint = source_fingerprint(experiment.measure)
        return self._open().submit(finish, _run_same_source, experiment, index, fingerprint)

    def _keep(self, experiment: Experiment, index: int, block: Block) -> Block:
        if self.store is not None:
            self.store.save(experiment, index, block)
        return block

    def _completed(self, address: str, future: Future[Block]) -> None:
        """Forget a block that the store holds, or that may be tried again."""
        self._bar.advance()
        if self.store is not None or future.cancelled() or future.exception() is not None:
            self._futures.pop(address, None)


def _outcome(futures: Iterable[Future[Block]]) -> Outcome:
    """Moments in block order; at the first failure the rest is cancelled."""
    parts, from_store = [], 0
    remaining = iter(futures)
    try:
        for future in remaining:
            block = future.result()
            parts.append(block.moments)
            from_store += block.stored
    except Exception as error:
        if isinstance(futures, list):
            for future in remaining:
                future.cancel()
        message = str(error) if isinstance(error, MeasureError) else f"{type(error).__name__}: {error}"
        return Outcome(None, message, 0, from_store)
    moments = combine(parts)
    return Outcome(moments, None, moments.count, from_store)


def _run_same_source(experiment: Experiment, index: int, fingerprint: str) -> Block:
    """A block, computed only if this process has the sources that the block will be filed under."""
    if source_fingerprint(experiment.measure) != fingerprint:
        raise MeasureError(
            f"{measure_name(experiment)}: its source differs between this process and the sweep's; restart"
        )
    return run_block(experiment, index)


def _same(value: Any) -> Any:
    return value


class _Bar:
    """A progress bar over all submitted blocks, on standard error or on the console that `wanted` is; silent unless
    wanted and a terminal is there."""

    def __init__(self, wanted: bool | Console) -> None:
        console = wanted if isinstance(wanted, Console) else Console(stderr=True)
        self._progress = _progress(console) if wanted and console.is_terminal else None
        self._task = self._progress.add_task("blocks", total=0) if self._progress else None
        self._expected = 0

    def start(self) -> None:
        if self._progress is not None:
            self._progress.start()

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()

    def expect(self) -> None:
        self._expected += 1
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, total=self._expected)

    def advance(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)


def _progress(console: Console) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    shared = sys.stdout.isatty()  # printed lines then scroll above the bar; elsewhere they must not be caught by it
    return Progress(TextColumn("{task.description}"), *columns, console=console, transient=True, redirect_stdout=shared)
