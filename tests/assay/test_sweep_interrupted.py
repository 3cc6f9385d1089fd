"""Sweeps that are killed or interrupted: nothing is lost but the blocks in flight, and resuming gives the same bits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from assay.experiment import Experiment, run_block
from assay.moments import combine
from assay.store import Store
from assay.sweep import Sweep

# A sweep in a process of its own, which the tests kill: argv = package, store, log, workers
SCRIPT = """
import importlib
import sys

from assay.experiment import Experiment
from assay.store import Store
from assay.sweep import Sweep

if __name__ == "__main__":
    package, store, log, workers = sys.argv[1:]
    measures = importlib.import_module(package + ".measures")
    experiment = Experiment(measures.logged, {"log": log, "pause": 0.1}, block=3)
    with Sweep(Store(store), workers=int(workers)) as sweep:
        print(sweep.moments(experiment, 12 * 3).count, flush=True)
"""


def bits(moments) -> tuple[bytes, ...]:
    return tuple(np.asarray(part).tobytes() for part in (moments.count, moments.mean, moments.m2, moments.m3))


def logged(probe, log: Path, pause: float = 0.0) -> Experiment:
    return Experiment(probe.measures.logged, {"log": str(log), "pause": pause}, block=3)


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def eventually(condition, seconds: float = 20.0) -> bool:
    """Whether `condition` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_gone(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


# --- properties


def start(probe, tmp_path: Path, workers: int) -> subprocess.Popen[str]:
    script = tmp_path / "sweep_script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), probe.name, str(tmp_path / "store"), str(tmp_path / "log"), str(workers)]
    pipe = subprocess.PIPE
    # its own process group, to which a terminal would send ctrl-C
    return subprocess.Popen(
        command, env=probe.environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True, cwd=tmp_path
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_sweep_resumes_without_loss(probe, tmp_path, how, workers):
    store, log = Store(tmp_path / "store"), tmp_path / "log"
    process = start(probe, tmp_path, workers)
    assert eventually(lambda: store.verify().blocks >= 3), process.communicate(timeout=5)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # ctrl-C reaches the workers as well
    else:
        os.kill(process.pid, how)
    output, errors = process.communicate(timeout=20)
    assert output == ""
    assert process.returncode != 0
    assert ("KeyboardInterrupt" in errors) == (how == signal.SIGINT)
    assert errors.count("Traceback") <= 1  # the workers are silent
    assert eventually(lambda: all(is_gone(int(line.split()[0])) for line in lines(log)))

    report, before = store.verify(), len(lines(log))
    assert 3 <= report.blocks < 8
    assert report.blocks <= before <= report.blocks + max(1, workers + 1)  # at most the blocks in flight are lost
    e = logged(probe, log, pause=0.1)
    with Sweep(store) as sweep:
        (outcome,) = sweep.run([(e, 36)])
    assert outcome.from_store == report.blocks
    assert len(lines(log)) - before == 8 - report.blocks
    assert store.damaged == 0
    fresh = combine(run_block(e, index).moments for index in range(8))
    assert bits(outcome.moments) == bits(fresh)


def test_an_interrupt_here_ends_the_workers_at_once(probe, tmp_path):
    log = tmp_path / "log"
    begin = time.monotonic()

    def sweep_and_be_interrupted():
        with Sweep(Store(tmp_path / "store"), workers=1) as sweep:
            sweep.submit(logged(probe, log), 0).result()
            futures.extend(sweep.submit(logged(probe, log, pause=60.0), index) for index in range(4))
            assert eventually(lambda: futures[0].running())
            raise KeyboardInterrupt

    futures = []
    with pytest.raises(KeyboardInterrupt):
        sweep_and_be_interrupted()
    assert time.monotonic() - begin < 20  # not the sixty seconds of a block
    assert all(future.done() for future in futures)
    assert Store(tmp_path / "store").verify().blocks == 1
    assert is_gone(int(lines(log)[0].split()[0]))


@pytest.mark.parametrize("workers", [0, 1])
def test_leaving_normally_waits_for_what_was_submitted(probe, tmp_path, workers):
    with Sweep(Store(tmp_path / "store"), workers) as sweep:
        futures = [sweep.submit(logged(probe, tmp_path / "log", pause=0.05), index) for index in range(3)]
    assert [future.done() for future in futures] == [True] * 3
    assert Store(tmp_path / "store").verify().blocks == 3
