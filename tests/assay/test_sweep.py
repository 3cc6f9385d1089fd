"""Sweeps: the same bits for any number of workers and after any interruption, and nothing lost on the way."""

from __future__ import annotations

import os
import signal
import sys
import time
import types
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from assay import store as store_module
from assay.experiment import Experiment, MeasureError, blocks_for, coin, run_block
from assay.moments import combine
from assay.pool import WorkerError
from assay.store import Store, StoreWarning
from assay.sweep import Sweep


def bits(moments) -> tuple[bytes, ...]:
    return tuple(np.asarray(part).tobytes() for part in (moments.count, moments.mean, moments.m2, moments.m3))


def logged(probe, log: Path, pause: float = 0.0) -> Experiment:
    return Experiment(probe.measures.logged, {"log": str(log), "pause": pause}, block=3)


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


# --- identities and limits


def test_the_same_bits_for_any_number_of_workers(probe, tmp_path):
    experiments = [
        (Experiment(probe.measures.normal, {"mean": 0.3, "width": 2.5}, block=5, seed=2), 50),
        (Experiment(probe.measures.spectrum, {"size": 120}, block=1, seed=2), 8),
        (Experiment(coin, {"probability": 0.3}, block=4), 40),
    ]
    found = []
    for workers in (0, 1, 2):
        with Sweep(Store(tmp_path / str(workers)), workers) as sweep:
            outcomes = sweep.run(experiments)
        assert [(o.error, o.from_store) for o in outcomes] == [(None, 0)] * 3
        assert [o.replicates for o in outcomes] == [50, 8, 40]
        found.append([bits(o.moments) for o in outcomes])
    assert found[0] == found[1] == found[2]
    direct = [combine(run_block(e, i).moments for i in range(blocks_for(e, n))) for e, n in experiments]
    assert [bits(m) for m in direct] == found[0]


def test_blocks_merge_in_order_whoever_finishes_first(probe, tmp_path):
    e = Experiment(probe.measures.normal, {"mean": 1e9}, block=7)
    blocks = [run_block(e, i) for i in range(8)]
    forward, backward = (combine(b.moments for b in order) for order in (blocks, blocks[::-1]))
    assert bits(forward) != bits(backward)  # so the order can be seen at all

    class Reluctant:
        """Completes its futures in reverse order, when the last one has been submitted."""

        def __init__(self):
            self.calls = []

        def submit(self, finish, function, *args):
            self.calls.append((Future(), finish, function, args))
            if len(self.calls) == len(blocks):
                for future, done, call, arguments in reversed(self.calls):
                    future.set_result(done(call(*arguments)))
            return self.calls[-1][0]

        def close(self, cancel):
            pass

    with Sweep() as sweep:
        sweep._executor = Reluctant()  # pyright: ignore[reportAttributeAccessIssue]
        assert bits(sweep.moments(e, 7 * 12)) == bits(forward)


@pytest.mark.parametrize("with_store", [True, False])
def test_nothing_is_computed_twice(probe, tmp_path, with_store):
    log = tmp_path / "log"
    e = logged(probe, log)
    with Sweep(Store(tmp_path / "store") if with_store else None) as sweep:
        first = sweep.moments(e, 6)
        assert len(lines(log)) == 2
        (outcome,) = sweep.run([(e, 12)])
        assert len(lines(log)) == 4
        assert outcome.from_store == (2 if with_store else 0)
        assert bits(sweep.moments(e, 6)) == bits(first)
    with Sweep(Store(tmp_path / "store")) as sweep:
        again = sweep.run([(e, 12)])[0]
    assert len(lines(log)) == (4 if with_store else 8)
    assert bits(again.moments) == bits(outcome.moments)


def test_a_block_wanted_twice_at_once_is_computed_once(probe, tmp_path):
    log = tmp_path / "log"
    with Sweep(Store(tmp_path / "store"), workers=1) as sweep:
        futures = [sweep.submit(logged(probe, log, pause=0.2), 0) for _ in range(3)]
        assert len({id(future.result()) for future in futures}) == 1
    assert len(lines(log)) == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_threads_may_share_a_sweep(probe, tmp_path, workers):
    log = tmp_path / "log"
    e = logged(probe, log, pause=0.02)
    with Sweep(workers=workers) as sweep, ThreadPoolExecutor(6) as threads:
        results = list(threads.map(lambda _: bits(sweep.moments(e, 12)), range(6)))
    assert len(set(results)) == 1
    assert len(lines(log)) == 4


def test_samples_come_in_block_order(probe, tmp_path):
    e = Experiment(probe.measures.normal, {"width": 2.5}, block=3, keep_samples=True)
    with Sweep(Store(tmp_path / "store"), workers=2) as sweep:
        samples = sweep.samples(e, 14)
    expected = [np.asarray(run_block(e, i).samples) for i in range(5)]
    np.testing.assert_array_equal(samples, np.concatenate(expected))
    assert samples.shape == (18, 2)


@pytest.mark.parametrize("workers", [0, 1])
def test_deterministic_calls(probe, workers):
    with Sweep(workers=workers) as sweep:
        assert sweep.call(pow, 3, 4).result() == 81
        with threadpool_limits(limits=2):
            assert sweep.call(probe.measures.threads_now).result() == 1
        with pytest.raises(ZeroDivisionError):
            sweep.call(divmod, 3, 0).result()


def test_a_block_is_stored_as_soon_as_it_is_complete(probe, tmp_path):
    store = Store(tmp_path / "store")
    with Sweep(store, workers=1) as sweep:
        sweep.submit(logged(probe, tmp_path / "log"), 0).result()
        assert store.verify().blocks == 1


# --- properties: failures


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("how", ["value", "unpicklable"])
def test_a_measure_that_raises_is_an_outcome(probe, tmp_path, workers, how):
    good = Experiment(probe.measures.normal, {}, block=4)
    bad = Experiment(probe.measures.fail, {"how": how, "after": 4}, block=4)
    with Sweep(Store(tmp_path / "store"), workers) as sweep:
        outcomes = sweep.run([(good, 16), (bad, 100), (good, 8)])
        with pytest.raises(MeasureError, match="block 4: raised"):
            sweep.moments(bad, 100)
    assert [o.moments is None for o in outcomes] == [False, True, False]
    reason = {"value": "ValueError: the solve did not converge", "unpicklable": "Unpicklable: cannot travel"}[how]
    assert outcomes[1].error is not None
    assert outcomes[1].error.endswith(f"block 4: raised {reason}")
    assert outcomes[1].replicates == 0
    assert outcomes[0].replicates == 16


@pytest.mark.parametrize("workers", [0, 1])
def test_a_measure_of_the_wrong_shape_is_an_outcome(probe, workers):
    with Sweep(workers=workers) as sweep:
        (outcome,) = sweep.run([(Experiment(probe.measures.give, {"what": "short"}, block=4), 8)])
    assert "must return an array of shape (replicates, ...) = (4, ...), got shape (3,)" in str(outcome.error)


def test_the_first_failure_ends_an_experiment(probe, tmp_path):
    with Sweep() as sweep:
        sweep.run([(Experiment(probe.measures.fail, {}, block=2), 1000)])
        assert sweep._bar._expected == 1


def test_a_call_that_kills_its_worker_fails_alone(probe, tmp_path):
    killer = Experiment(probe.measures.die, {"marker": str(tmp_path / "marker")}, block=4)
    good = Experiment(probe.measures.logged, {"log": str(tmp_path / "log"), "pause": 0.05}, block=4)
    with Sweep(workers=2) as sweep:
        before, after = [sweep.submit(good, i) for i in range(2)], sweep.run([(killer, 4), (good, 24)])
        with pytest.raises(WorkerError, match="the worker process died twice on this call"):
            sweep.submit(killer, 0).result()
    assert after[0].error is not None
    assert after[0].error.startswith("WorkerError: the worker process died twice on this call")
    assert bits(after[1].moments) == bits(combine(run_block(good, i).moments for i in range(5)))
    assert all(future.exception() is None for future in before)


def test_a_neighbour_of_a_killer_is_not_blamed(probe, tmp_path):
    # the neighbour is still running when its pool dies, and would be again if both were retried together
    killer = Experiment(probe.measures.die, {"marker": str(tmp_path / "marker")}, block=4)
    neighbour = logged(probe, tmp_path / "log", pause=0.6)
    with Sweep(workers=2) as sweep:
        futures = [sweep.submit(neighbour, 0), sweep.submit(killer, 0)]
    assert [future.exception() is None for future in futures] == [True, False]


def test_a_worker_that_dies_once_is_replaced(probe, tmp_path):
    setting = {"marker": str(tmp_path / "marker"), "always": False}
    e = Experiment(probe.measures.die, setting, block=4)
    with Sweep(workers=1) as sweep:
        (outcome,) = sweep.run([(e, 8)])
    assert outcome.error is None
    assert bits(outcome.moments) == bits(combine(run_block(e, i).moments for i in range(2)))


def test_an_idle_worker_that_dies_is_replaced(probe, tmp_path):
    e = logged(probe, tmp_path / "log")
    with Sweep(workers=1) as sweep:
        sweep.submit(e, 0).result()
        os.kill(int(lines(tmp_path / "log")[0].split()[0]), signal.SIGKILL)
        assert sweep.submit(e, 1).result().moments.count == 3


def test_what_cannot_travel_is_an_error_and_not_a_hang(probe):
    with Sweep(workers=1) as sweep:
        with pytest.raises(Exception, match="pickle"):
            sweep.call(lambda: 3).result(timeout=30)
        assert sweep.call(pow, 2, 3).result(timeout=30) == 8


def test_workers_with_other_sources_are_refused(probe):
    e = Experiment(probe.measures.normal, {}, block=4)
    with Sweep(workers=1) as sweep:
        store_module.block_address(e, 0)  # the sources of this process are read here
        (probe.folder / "kernels.py").write_text("def widen(draws, width):\n    return 1.02 * width * draws\n")
        (outcome,) = sweep.run([(e, 4)])
    assert "its source differs between this process and the sweep's; restart" in str(outcome.error)


def test_a_damaged_block_is_computed_again(probe, tmp_path):
    e, store = logged(probe, tmp_path / "log"), Store(tmp_path / "store")
    with Sweep(store) as sweep:
        before = sweep.moments(e, 12)
        next(store.path.rglob("*.npz")).write_bytes(b"")
        with pytest.warns(StoreWarning, match="moved aside and computed again"):
            (outcome,) = sweep.run([(e, 12)])
    assert outcome.from_store == 3
    assert bits(outcome.moments) == bits(before)
    assert len(lines(tmp_path / "log")) == 5


def test_a_full_disk_costs_the_store_and_not_the_result(probe, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    e = logged(probe, tmp_path / "log")
    monkeypatch.setattr(store_module.os, "fsync", full)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with Sweep(Store(tmp_path / "store")) as sweep:
            (outcome,) = sweep.run([(e, 12)])
    assert outcome.error is None
    assert bits(outcome.moments) == bits(combine(run_block(e, i).moments for i in range(4)))
    assert [str(w.message).startswith("cannot write to the store") for w in seen] == [True]


def test_a_sweep_can_be_used_again(probe):
    sweep = Sweep(workers=1)
    for base in (2, 3):
        with sweep:
            assert sweep.call(pow, base, 2).result() == base**2


def test_a_closed_sweep_starts_nothing(probe, tmp_path):
    # a thread that is late must not open a new pool after an interrupt has closed this one
    with Sweep(workers=1) as sweep:
        pass
    for start in (sweep.submit, sweep.moments):
        with pytest.raises(RuntimeError, match="this sweep is closed"):
            start(logged(probe, tmp_path / "log"), 1)
    with pytest.raises(RuntimeError, match="this sweep is closed"):
        sweep.call(pow, 2, 3)


# --- properties: progress and clusters


@pytest.mark.parametrize(("wanted", "terminal"), [(True, True), (True, False), (False, True)])
def test_the_bar_is_drawn_on_a_terminal_only(probe, tmp_path, capsys, monkeypatch, wanted, terminal):
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if terminal else "0")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with Sweep(progress=wanted) as sweep:
        sweep.moments(logged(probe, tmp_path / "log"), 12)
        if wanted and terminal:
            time.sleep(0.25)  # the bar is redrawn ten times a second
    output, errors = capsys.readouterr()
    assert output == ""
    assert ("4/4" in errors) == (wanted and terminal)
    assert bool(errors) == (wanted and terminal)


class _Client:
    """The part of a cluster's client that is used, running everything at once."""

    def __init__(self, address):
        self.address, self.closed, self.cancelled = address, False, None
        CLIENTS.append(self)

    def submit(self, function, *args, pure):
        assert pure is False  # equal calls are not to be shared: blocks have addresses of their own
        future = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def cancel(self, futures):
        self.cancelled = futures

    def close(self):
        self.closed = True


CLIENTS: list[_Client] = []


def test_a_cluster_gives_the_same_bits(probe, tmp_path, monkeypatch):
    package = types.ModuleType("dask.distributed")
    package.Client = _Client  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "dask", types.ModuleType("dask"))
    monkeypatch.setitem(sys.modules, "dask.distributed", package)
    e, store = logged(probe, tmp_path / "log"), Store(tmp_path / "store")
    with Sweep(store, cluster="tcp://head:8786") as sweep:
        outcomes = sweep.run([(e, 12), (Experiment(probe.measures.fail, {}), 5)])
    assert bits(outcomes[0].moments) == bits(combine(run_block(e, i).moments for i in range(4)))
    assert "the solve did not converge" in str(outcomes[1].error)
    assert (CLIENTS[-1].address, CLIENTS[-1].closed, CLIENTS[-1].cancelled) == ("tcp://head:8786", True, None)
    assert store.verify().blocks == 4


# --- bad input


def test_a_cluster_needs_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    message = (
        r"cluster='tcp://head:8786' needs dask.distributed, not installed here: pip install 'assay-theory\[cluster\]'"
    )
    with pytest.raises(RuntimeError, match=message):
        Sweep(cluster="tcp://head:8786").__enter__()


@pytest.mark.parametrize("workers", [-1, 1.5, None])
def test_workers_are_a_count(workers):
    with pytest.raises(ValueError, match="workers must be an integer >= 0, got workers="):
        Sweep(workers=workers)


def test_workers_or_a_cluster():
    with pytest.raises(ValueError, match="workers must be 0 with a cluster, got workers=2 and cluster='tcp://head:1'"):
        Sweep(workers=2, cluster="tcp://head:1")


def test_what_is_asked_for_must_make_sense(probe):
    e = Experiment(coin, {})
    with Sweep() as sweep:
        with pytest.raises(ValueError, match="replicates must be an integer >= 1, got replicates=0"):
            sweep.run([(e, 0)])
        with pytest.raises(ValueError, match="index must be an integer >= 0, got index=-1"):
            sweep.submit(e, -1)
        with pytest.raises(ValueError, match="experiment must have keep_samples=True for its samples"):
            sweep.samples(e, 10)
