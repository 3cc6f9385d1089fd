"""Where work runs: in this process, in worker processes, or on a cluster; three executors of one shape.

Each has ``submit(finish, function, *args) -> Future`` and ``close(cancel)``. `finish` is applied to the value in this
process before the future completes (the store saves there), so a completed future is a kept one. Worker processes are
spawned, ignore ctrl-C, which is the parent's to handle, and end when the parent is gone. A worker that dies (out of
memory, killed) takes down only the pool of processes: a new one is started, the calls that were running are tried once
more one at a time, and only the call that kills its worker again fails, with `WorkerError`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

from threadpoolctl import threadpool_limits

__all__ = ["Cluster", "Inline", "Pool", "WorkerError", "open_executor"]

Finish = Callable[[Any], Any]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class WorkerError(RuntimeError):
    """A worker process died twice on the same call."""


def open_executor(workers: int, cluster: str | None) -> Inline | Pool | Cluster:
    """Return the executor for `workers` >= 0 spawned processes (0 = this process) or the `cluster` at an address.

    Raises `RuntimeError` when `cluster` is given and the extra it needs is not installed.

    >>> open_executor(0, None).submit(str, abs, -3).result()
    '3'
    """
    if cluster is not None:
        return Cluster(cluster)
    return Pool(workers) if workers else Inline()


class Inline:
    """Runs every call at once in this process."""

    def submit(self, finish: Finish, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Return the completed future of ``finish(function(*args))``; an interrupt is not caught."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(finish(function(*args)))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self, cancel: bool = False) -> None:
        """Nothing is ever pending, so `cancel` has no effect."""


@dataclass(eq=False)
class _Task:
    finish: Finish
    function: Callable[..., Any]
    args: tuple[Any, ...]
    future: Future[Any] = field(default_factory=Future)
    suspect: bool = False


class Pool:
    """Runs calls in `workers` >= 1 spawned processes.

    One thread owns all state and is fed by a queue of events, so that completions, which arrive on threads of the
    executor, need no locks. At most one call more than there are workers is in flight.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._waiting: deque[_Task] = deque()
        self._suspects: deque[_Task] = deque()
        self._running: dict[Future[Any], _Task] = {}
        self._executor: ProcessPoolExecutor | None = None
        self._broken: list[ProcessPoolExecutor] = []
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="assay-pool", daemon=True)
        self._thread.start()

    def submit(self, finish: Finish, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Return the future of ``finish(function(*args))``, `function` running in a worker; cancellable while it
        waits."""
        if self._closing:
            raise RuntimeError("this pool is closed")
        task = _Task(finish, function, args)
        self._events.put(("submit", task))
        return task.future

    def close(self, cancel: bool = False) -> None:
        """Wait for all calls, or with `cancel` drop those that wait and kill those that run; then end the workers."""
        self._closing = True
        self._events.put(("close", cancel))
        try:
            self._thread.join()
        except BaseException:  # interrupted while waiting
            self._events.put(("close", True))
            self._thread.join()
            raise

    def _loop(self) -> None:
        """Take events until closed and idle; an error here would hang every waiter, so it fails them instead."""
        if hasattr(signal, "pthread_sigmask"):  # workers inherit this: ctrl-C cannot hit one that is still starting
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            closed = False
            while not (closed and not (self._waiting or self._suspects or self._running)):
                kind, item = self._events.get()
                if kind == "submit":
                    self._waiting.append(item)
                elif kind == "done":
                    self._collect(item)
                else:
                    closed = True
                    if item:
                        self._abort(CancelledError())
                self._dispatch()
        except BaseException as error:
            self._closing = True
            while not self._events.empty():
                kind, item = self._events.get()
                if kind == "submit":
                    self._waiting.append(item)
            self._abort(error)
        if self._executor is not None:
            self._executor.shutdown(wait=True)

    def _dispatch(self) -> None:
        """Start what may start: a suspect alone and only when nothing else runs, otherwise calls in order."""
        while task := self._next():
            if not task.suspect and not task.future.set_running_or_notify_cancel():
                continue
            try:
                inner = self._started(task)
            except Exception as error:  # no process could be started
                task.future.set_exception(error)
                continue
            self._running[inner] = task
            inner.add_done_callback(lambda done: self._events.put(("done", done)))

    def _started(self, task: _Task) -> Future[Any]:
        try:
            return self._processes().submit(task.function, *task.args)
        except BrokenProcessPool:  # a worker died while idle: no call is to blame
            self._retire()
            return self._processes().submit(task.function, *task.args)

    def _next(self) -> _Task | None:
        if self._suspects:
            return None if self._running else self._suspects.popleft()
        if any(task.suspect for task in self._running.values()) or len(self._running) > self._workers:
            return None
        return self._waiting.popleft() if self._waiting else None

    def _collect(self, inner: Future[Any]) -> None:
        """Hand a finished call's value or error on, or mark it as a suspect when its worker died."""
        task = self._running.pop(inner, None)
        if task is None:
            return
        error = CancelledError() if inner.cancelled() else inner.exception()
        if isinstance(error, BrokenProcessPool):
            self._retire()
            if not task.suspect:
                task.suspect = True
                self._suspects.append(task)
                return
            error = WorkerError(
                "the worker process died twice on this call (killed, or out of memory; a script that starts workers "
                "also needs the guard: if __name__ == '__main__')"
            )
        if error is None:
            try:
                task.future.set_result(task.finish(inner.result()))
                return
            except Exception as failure:
                error = failure
        task.future.set_exception(error)

    def _processes(self) -> ProcessPoolExecutor:
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._workers, mp_context=context, initializer=_initialise_worker)
        return self._executor

    def _retire(self) -> None:
        """Put a broken executor away; it is kept until the end because its own thread may still be using it."""
        if self._executor is not None:
            self._broken.append(self._executor)
            self._executor = None

    def _abort(self, error: BaseException) -> None:
        """Cancel what waits, kill the workers, and fail what runs with `error`."""
        for task in self._waiting:
            task.future.cancel()
            task.future.set_running_or_notify_cancel()  # without this concurrent.futures.wait would not notice
        started = [*self._suspects, *self._running.values()]
        self._waiting.clear()
        self._suspects.clear()
        self._running.clear()
        if self._executor is not None:
            for process in list((self._executor._processes or {}).values()):
                process.kill()
        for task in started:
            with contextlib.suppress(Exception):
                task.future.set_exception(error)


class Cluster:
    """Runs calls on the `dask.distributed` cluster whose scheduler listens at `address` ("tcp://host:8786")."""

    def __init__(self, address: str) -> None:
        try:
            from dask.distributed import Client  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise RuntimeError(
                f"cluster={address!r} needs dask.distributed, not installed here: pip install 'assay-theory[cluster]'"
            ) from error
        self._client = Client(address)
        self._pending: dict[Future[Any], Any] = {}

    def submit(self, finish: Finish, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Return the future of ``finish(function(*args))``, `function` running on the cluster."""
        outer: Future[Any] = Future()
        outer.set_running_or_notify_cancel()
        remote = self._client.submit(function, *args, pure=False)
        self._pending[outer] = remote  # the cluster forgets work that nobody refers to

        def done(remote: Any) -> None:
            self._pending.pop(outer, None)
            try:
                outer.set_result(finish(remote.result()))
            except BaseException as error:
                outer.set_exception(error)

        remote.add_done_callback(done)
        return outer

    def close(self, cancel: bool = False) -> None:
        """Wait for all calls, or `cancel` them; then leave the cluster, which goes on running."""
        if cancel:
            self._client.cancel(list(self._pending.values()))
        else:
            wait(list(self._pending))
        self._client.close()


def limited(function: Callable[..., Any], *args: Any) -> Any:
    """Return ``function(*args)`` computed on one BLAS thread; `function` must be importable for workers to find it.

    >>> limited(abs, -3)
    3
    """
    with threadpool_limits(limits=1):
        return function(*args)


def _initialise_worker() -> None:
    """Leave ctrl-C to the parent, use one thread in whatever is loaded later, and end when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
