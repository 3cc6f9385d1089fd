"""The store against damage, interruption and full disks."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from assay import store as module
from assay.experiment import Block, Experiment, run_block
from assay.store import Store, StoreWarning, block_address

SETTING = {"mean": 0.3, "width": 2.5}


@pytest.fixture
def experiment(probe) -> Experiment:
    return Experiment(probe.measures.normal, SETTING, block=6, seed=11, keep_samples=True)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "store")


def files(store: Store, experiment: Experiment, index: int) -> tuple[Path, Path]:
    address = block_address(experiment, index)
    base = store.path / address[:2] / address
    return base.with_suffix(".npz"), base.with_suffix(".json")


def assert_same(a: Block | None, b: Block) -> None:
    assert a is not None
    assert a.moments.count == b.moments.count
    for name in ("mean", "m2", "m3"):
        np.testing.assert_array_equal(getattr(a.moments, name), getattr(b.moments, name))
        assert getattr(a.moments, name).dtype == np.float64
    np.testing.assert_array_equal(np.asarray(a.samples), np.asarray(b.samples))


# --- properties: every kind of damage is detected, reported, counted and repaired


def truncate(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    arrays.write_bytes(arrays.read_bytes()[:-30])


def flip_bit(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    content = bytearray(arrays.read_bytes())
    content[len(content) // 2] ^= 4
    arrays.write_bytes(content)


def empty_arrays(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    arrays.write_bytes(b"")


def truncate_side(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    side.write_bytes(side.read_bytes()[:100])


def empty_side(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    side.write_bytes(b"")


def garbage_side(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    side.write_bytes(b"\xff\xfe\x00")


def list_side(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    side.write_text("[1, 2]")


def edit_side(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    side.write_text(side.read_text().replace('"width": 2.5', '"width": 2.0'))


def forget_wall_time(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    content = json.loads(side.read_text())
    side.write_text(json.dumps({**content, "wall_time": None}))


def forget_hash(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    content = json.loads(side.read_text())
    del content["sha256"]
    side.write_text(json.dumps(content))


def swap_arrays(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    shutil.copy(other[0], arrays)


def swap_both(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    shutil.copy(other[0], arrays)
    shutil.copy(other[1], side)


def not_a_zip(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    forge(arrays, side, b"not a zip file")


def pickled_arrays(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, count=np.int64(6), mean=np.array([print], dtype=object), m2=np.zeros(2), m3=np.zeros(2))
    forge(arrays, side, buffer.getvalue())


def missing_array(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, count=np.int64(6), mean=np.zeros(2), m2=np.zeros(2))
    forge(arrays, side, buffer.getvalue())


def wrong_count(arrays: Path, side: Path, other: tuple[Path, Path]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, count=np.int64(5), mean=np.zeros(2), m2=np.zeros(2), m3=np.zeros(2))
    forge(arrays, side, buffer.getvalue())


def forge(arrays: Path, side: Path, payload: bytes) -> None:
    """Put `payload` in place of the arrays, with a side file that fits it."""
    arrays.write_bytes(payload)
    content = json.loads(side.read_text())
    side.write_text(json.dumps({**content, "sha256": hashlib.sha256(payload).hexdigest()}))


DAMAGE = [
    truncate,
    flip_bit,
    empty_arrays,
    truncate_side,
    empty_side,
    garbage_side,
    list_side,
    edit_side,
    forget_wall_time,
    forget_hash,
    swap_arrays,
    swap_both,
    not_a_zip,
    pickled_arrays,
    missing_array,
    wrong_count,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damage_is_found_reported_and_repaired(store, experiment, damage):
    blocks = [run_block(experiment, index) for index in (0, 1)]
    for index, block in enumerate(blocks):
        store.save(experiment, index, block)
    damage(*files(store, experiment, 0), files(store, experiment, 1))
    if damage is not wrong_count:  # a walk does not know the experiment, so it cannot know its count
        report = store.verify()
        assert report.blocks == 1
        assert len(report.damaged) >= 1
        assert {d.path.stem for d in report.damaged} == {block_address(experiment, 0)}
    with pytest.warns(StoreWarning, match="moved aside and computed again"):
        assert store.load(experiment, 0) is None
    assert store.damaged == 1
    assert not any(path.exists() for path in files(store, experiment, 0))
    assert len(list((store.path / "damaged").iterdir())) == 2
    assert store.load(experiment, 0) is None  # absent now, without another warning
    store.save(experiment, 0, blocks[0])
    assert_same(store.load(experiment, 0), blocks[0])
    assert_same(store.load(experiment, 1), blocks[1])
    assert store.verify().damaged == ()


@pytest.mark.parametrize("lost", [0, 1])
def test_half_a_block_is_no_block(store, experiment, lost):
    store.save(experiment, 0, run_block(experiment, 0))
    files(store, experiment, 0)[lost].unlink()
    assert store.load(experiment, 0) is None
    report = store.verify()
    assert report.blocks == 0
    assert [d.reason.endswith("lost its other half; the block will be computed again") for d in report.damaged] == [
        True
    ]
    store.save(experiment, 0, run_block(experiment, 0))
    assert store.verify().blocks == 1


@pytest.mark.parametrize(
    ("old", "new"), [('"worst": 0.9', '"worst": 0.8'), ('"claim": "a"', '"claim": "b"'), ("payload", "pay"), ("{", "")]
)
def test_damaged_records_are_found(store, old, new):
    store.save_record({"claim": "a"}, {"worst": 0.9})
    (path,) = store.path.rglob("*.record.json")
    path.write_text(path.read_text().replace(old, new))
    assert len(store.verify().damaged) == 1
    with pytest.warns(StoreWarning, match=r"\.record\.json .*; moved aside and computed again"):
        assert store.load_record({"claim": "a"}) is None
    assert store.damaged == 1
    assert store.load_record({"claim": "a"}) is None


@pytest.mark.parametrize("failing", ["fsync", "replace", "open"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_full_disk_leaves_nothing_half_written(store, experiment, monkeypatch, failing, at):
    calls = []
    genuine = open if failing == "open" else getattr(os, failing)

    def full(*args, **kwargs):
        calls.append(args)
        if len(calls) > at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return genuine(*args, **kwargs)

    block = run_block(experiment, 0)
    with monkeypatch.context() as patch, warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        if failing == "open":
            patch.setattr(module, "open", full, raising=False)
        else:
            patch.setattr(module.os, failing, full)
        assert not store.save(experiment, 0, block)
        assert not store.save(experiment, 1, block)
        assert not store.save_record({"claim": "a"}, {"worst": 0.9})
    assert [warning.category for warning in seen] == [StoreWarning]
    assert re.search(r"cannot write to the store .*: \[Errno 28\] No space left on device", str(seen[0].message))
    assert not list(store.path.rglob(".*"))
    assert store.load(experiment, 0) is None
    assert store.verify().blocks == 0
    assert store.save(experiment, 0, block)
    assert_same(store.load(experiment, 0), block)


def test_an_interrupted_write_leaves_nothing(store, experiment, monkeypatch):
    block = run_block(experiment, 0)
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", lambda descriptor: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.save(experiment, 0, block)
    assert [path for path in store.path.rglob("*") if path.is_file()] == []


def test_what_a_killed_write_leaves_is_reported_and_harmless(store, experiment):
    store.save(experiment, 0, run_block(experiment, 0))
    left = files(store, experiment, 0)[0].with_name(".writing-0123456789abcdef")
    left.write_bytes(b"half a block")
    report = store.verify()
    assert report.blocks == 1
    assert [(d.path, "can be deleted" in d.reason) for d in report.damaged] == [(left, True)]
    assert store.load(experiment, 0) is not None


def test_a_file_in_place_of_the_folder(tmp_path, experiment):
    path = tmp_path / "file"
    path.write_text("in the way")
    with pytest.warns(StoreWarning, match="cannot write to the store"):
        assert not Store(path).save(experiment, 0, run_block(experiment, 0))
    assert Store(path).load(experiment, 0) is None
