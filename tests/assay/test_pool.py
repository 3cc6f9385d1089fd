"""The three executors: one shape, one behaviour."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import CancelledError, wait
from pathlib import Path

import pytest

from assay.pool import Inline, Pool, limited, open_executor

# --- identities and limits


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_finish_is_applied_here(workers):
    executor = open_executor(workers, None)
    here = []
    futures = [executor.submit(lambda value: here.append(os.getpid()) or value + 0.5, abs, -i) for i in range(7)]
    assert [future.result() for future in futures] == [i + 0.5 for i in range(7)]
    executor.close()
    assert set(here) == {os.getpid()}


def test_work_runs_elsewhere_with_workers():
    pool = Pool(2)
    processes = {pool.submit(int, os.getpid).result() for _ in range(4)}
    pool.close()
    assert os.getpid() not in processes
    assert 1 <= len(processes) <= 2
    assert Inline().submit(int, os.getpid).result() == os.getpid()


def test_workers_use_one_thread_in_libraries_loaded_later():
    pool = Pool(1)
    assert pool.submit(str, os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"
    assert pool.submit(str, os.getenv, "NUMBA_NUM_THREADS").result() == "1"
    pool.close()


def test_workers_leave_an_interrupt_to_the_parent(probe):
    pool = Pool(1)
    worker = pool.submit(int, os.getpid).result()
    future = pool.submit(float, probe.measures.slow, 0.3)
    time.sleep(0.1)
    os.kill(worker, signal.SIGINT)
    assert future.result() == 0.3
    assert pool.submit(int, os.getpid).result() == worker
    pool.close()


def test_limits_end_with_the_call(probe):
    before = probe.measures.threads_now()
    assert limited(probe.measures.threads_now) == 1
    assert probe.measures.threads_now() == before


# --- properties


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_of_the_call_and_of_finish_arrive(workers):
    executor = open_executor(workers, None)
    with pytest.raises(ZeroDivisionError):
        executor.submit(str, divmod, 3, 0).result()
    with pytest.raises(ValueError, match="invalid literal for int"):
        executor.submit(int, str, "three").result()
    assert executor.submit(int, str, 3).result() == 3  # and the next call is served
    executor.close()


def test_what_waits_can_be_cancelled(probe):
    pool = Pool(1)
    futures = [pool.submit(float, probe.measures.slow, 0.2) for _ in range(6)]
    assert futures[-1].cancel()
    pool.close()
    assert [future.cancelled() for future in futures] == [False] * 5 + [True]


def test_closing_with_cancel_drops_and_kills(probe):
    pool = Pool(1)
    worker = pool.submit(int, os.getpid).result()
    futures = [pool.submit(float, probe.measures.slow, 60.0) for _ in range(5)]
    begin = time.monotonic()
    pool.close(cancel=True)
    assert time.monotonic() - begin < 20
    assert not wait(futures, timeout=1).not_done
    for future in futures:
        with pytest.raises(CancelledError):
            future.result()
    status = Path(f"/proc/{worker}/stat")
    assert not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_an_interrupt_while_closing_drops_and_kills(probe):
    pool = Pool(1)
    pool.submit(int, os.getpid).result()
    futures = [pool.submit(float, probe.measures.slow, 60.0) for _ in range(3)]
    begin = time.monotonic()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        pool.close()
    assert time.monotonic() - begin < 20
    assert not wait(futures, timeout=1).not_done


def test_a_process_that_cannot_be_started_fails_its_call(monkeypatch):
    pool = Pool(1)
    with monkeypatch.context() as patch:
        patch.setattr(pool, "_processes", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pool.submit(str, abs, -3).result(timeout=20)
    assert pool.submit(str, abs, -3).result(timeout=20) == "3"
    pool.close()


def test_an_error_of_the_pool_itself_reaches_those_who_wait(probe, monkeypatch):
    pool = Pool(1)
    running = pool.submit(float, probe.measures.slow, 0.2)
    monkeypatch.setattr(pool, "_collect", lambda inner: 1 / 0)
    waiting = [pool.submit(str, abs, -3) for _ in range(3)]
    for future in [running, *waiting]:
        with pytest.raises((ZeroDivisionError, CancelledError)):
            future.result(timeout=20)
    with pytest.raises(RuntimeError, match="this pool is closed"):
        pool.submit(str, abs, -3)
    pool.close()


# --- bad input


def test_a_closed_pool_takes_nothing():
    pool = Pool(1)
    pool.close()
    with pytest.raises(RuntimeError, match="this pool is closed"):
        pool.submit(str, abs, -3)
