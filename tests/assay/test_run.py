"""Many claims at once: order, failures that stay alone, current lines, interruptions that lose nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from assay.ledger import Ledger
from assay.run import available_cores, check_claims, start_experiments
from assay.store import Store
from assay.sweep import Sweep
from tests.assay import toys

ROOT = Path(__file__).parents[2]
VOLATILE = {"time", "wall_time"}


def pairs(*claims):
    return [("toy", claim) for claim in claims or toys.CLAIMS]


def steady(lines):
    return [{name: value for name, value in line.items() if name not in VOLATILE} for line in lines]


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.jsonl")


# --- identities and limits


def test_lines_come_in_the_order_asked_for_and_are_in_the_ledger(ledger):
    seen = []
    with Sweep() as sweep:
        lines = check_claims(pairs(), sweep, ledger, "quick", 3, seen.append)
    assert [line["id"] for line in lines] == ["toy.mean", "toy.half", "toy.sine"]
    assert [line["verdict"] for line in lines] == ["holds", "refuted", "holds"]
    assert all(line["as_expected"] and line["row"] == "toy" and line["seed"] == 3 for line in lines)
    assert ledger.lines() == lines
    assert [(line["id"], line["recorded"]) for line in seen] == [(line["id"], False) for line in lines]


def test_no_claims_no_lines(ledger):
    with Sweep() as sweep:
        assert check_claims([], sweep, ledger) == []
    assert not ledger.path.exists()


def test_cores():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


# --- oracle


def test_workers_change_nothing_but_the_time(tmp_path, ledger):
    with Sweep() as sweep:
        alone = check_claims(pairs(), sweep, ledger, "quick", 3)
    with Sweep(Store(tmp_path / "store"), workers=2) as sweep:
        together = check_claims(pairs(), sweep, Ledger(tmp_path / "other.jsonl"), "quick", 3)
    assert steady(together) == steady(alone)
    assert len(Ledger(tmp_path / "other.jsonl").lines()) == 3


def test_experiments_started_early_are_in_the_store_when_asked_for(tmp_path):
    store = Store(tmp_path / "store")
    with Sweep(store, workers=1) as sweep:
        start_experiments([toys.plan("quick", 0)], sweep)
    assert store.verify().blocks == 4
    with Sweep(store) as sweep:
        start_experiments([toys.plan("quick", 1)], sweep)  # without workers: when it is asked for
        assert store.verify().blocks == 4
        (outcome,) = sweep.run(toys.plan("quick", 0).values())
    assert outcome.from_store == 4


# --- properties


def test_a_current_line_is_not_judged_again(ledger):
    seen = []
    with Sweep() as sweep:
        first = check_claims(pairs(), sweep, ledger, "quick", 3, fresh=False)
        again = check_claims(pairs(), sweep, ledger, "quick", 3, seen.append, fresh=False)
        assert again == first
        assert all(line["recorded"] for line in seen)
        assert len(ledger.lines()) == 3
        check_claims(pairs(), sweep, ledger, "quick", 4, fresh=False)
        check_claims(pairs(), sweep, ledger, "quick", 3, fresh=True)
    assert len(ledger.lines()) == 9


@pytest.mark.parametrize(
    "changes", [{"versions": {"numpy": "0.1"}}, {"verdict": "not run"}, {"reason": "error: of the machine"}]
)
def test_a_line_that_could_come_out_otherwise_is_judged_again(ledger, changes):
    with Sweep() as sweep:
        (line,) = check_claims(pairs(toys.EQUAL), sweep, ledger, "quick", 3)
        ledger.append({**line, **changes})
        check_claims(pairs(toys.EQUAL), sweep, ledger, "quick", 3, fresh=False)
    assert len(ledger.lines()) == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_a_claim_that_fails_does_not_take_the_others_along(tmp_path, ledger, workers):
    vacuous = toys.claim(id="toy.nothing", admissible=toys.never)
    with Sweep(Store(tmp_path / "store"), workers=workers) as sweep:
        lines = check_claims(pairs(toys.BROKEN, vacuous, toys.TRUE), sweep, ledger, "quick", 3)
    assert [line["verdict"] for line in lines] == ["undecided", "undecided", "holds"]
    assert [line["as_expected"] for line in lines] == [False, False, True]
    assert lines[0]["reason"].startswith("error: RuntimeError: claim 'toy.broken', setting 0")
    assert "the solve did not converge" in lines[0]["reason"]
    assert lines[1]["reason"].startswith("error: VacuousClaim: claim 'toy.nothing'")


# --- bad input

SCRIPT = """
from pathlib import Path

from assay.ledger import Ledger
from assay.run import check_claims
from assay.store import Store
from assay.sweep import Sweep
from tests.assay import toys

if __name__ == "__main__":
    settings = ({"mean": 3.7, "width": 9.0},)
    slow = toys.claim(id="toy.slow", measure=toys.slow, budget=1 << 20, settings=settings, block=64)
    pairs = [("toy", c) for c in (toys.EQUAL, slow, slow, slow)]
    with Sweep(Store("store"), workers=WORKERS) as sweep:
        check_claims(pairs, sweep, Ledger(Path("ledger.jsonl")), "quick")
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupt_ends_the_run_at_once_and_keeps_what_is_finished(tmp_path, workers):
    script = tmp_path / "interrupted.py"
    script.write_text(textwrap.dedent(SCRIPT).replace("WORKERS", str(workers)))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    ledger = Ledger(tmp_path / "ledger.jsonl")
    deadline = time.monotonic() + 60
    while not (ledger.lines() and list((tmp_path / "store").glob("*/*.npz"))):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)  # the whole run would take hours
    assert process.returncode not in (0, None)
    assert b"KeyboardInterrupt" in errors
    assert [line["id"] for line in ledger.lines()] == ["toy.sine"]
    assert Store(tmp_path / "store").verify().damaged == ()
