"""The store against damage, interruption, full disks and copying."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import pickle
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay import store as module
from assay.experiment import Block, Experiment, coin, run_block
from assay.moments import Moments
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


# --- identities and limits


@pytest.mark.parametrize("keep", [True, False])
def test_a_block_comes_back_bit_for_bit(store, experiment, keep):
    e = replace(experiment, keep_samples=keep)
    block = run_block(e, 4)
    assert store.load(e, 4) is None
    assert store.save(e, 4, block)
    again = Store(store.path).load(e, 4)
    assert_same(again, block)
    assert again is not None
    assert again.stored
    assert (again.samples is not None) == keep
    assert again.wall_time == block.wall_time
    assert again.info == block.info
    assert store.load(e, 3) is None


def test_single_numbers_keep_their_shape(store, probe):
    e = Experiment(probe.measures.give, {"what": "integers"}, block=6)
    store.save(e, 0, run_block(e, 0))
    block = store.load(e, 0)
    assert block is not None
    assert block.moments.shape == ()
    assert isinstance(block.moments.mean, np.ndarray)


def test_the_side_file_says_what_the_block_is(store, experiment):
    store.save(experiment, 5, run_block(experiment, 5))
    arrays, side = files(store, experiment, 5)
    content = json.loads(side.read_text())
    assert content["identity"]["setting"] == SETTING
    assert content["identity"]["measure"].endswith(".measures.normal")
    assert (content["identity"]["seed"], content["identity"]["index"], content["identity"]["block"]) == (11, 5, 6)
    assert content["replicates"] == 12
    assert content["versions"]["numpy"] == np.__version__
    assert content["sha256"] == hashlib.sha256(arrays.read_bytes()).hexdigest()
    assert arrays.parent.name == arrays.name[:2]
    assert {path.suffix for path in store.path.rglob("*") if path.is_file()} == {".npz", ".json"}


@pytest.mark.parametrize(
    "change",
    [
        {"setting": {"mean": 0.3, "width": 2.6}},
        {"setting": {"mean": 0.3}},
        {"block": 7},
        {"seed": 12},
        {"key": 1},
        {"keep_samples": False},
    ],
)
def test_every_part_of_an_experiment_is_in_the_address(experiment, change):
    assert block_address(experiment, 2) != block_address(replace(experiment, **change), 2)
    assert block_address(experiment, 2) != block_address(experiment, 3)


def test_the_measure_and_its_source_are_in_the_address(experiment, probe, monkeypatch):
    before = block_address(experiment, 2)
    assert block_address(replace(experiment, measure=probe.measures.spectrum), 2) != before
    monkeypatch.setattr(module, "source_fingerprint", lambda function: "another text")
    assert block_address(experiment, 2) != before


def test_the_order_of_a_setting_is_not_in_the_address(experiment):
    assert block_address(experiment, 2) == block_address(replace(experiment, setting={"width": 2.5, "mean": 0.3}), 2)


def test_saving_twice_gives_the_same_bytes(tmp_path, experiment):
    # two processes that compute one block may both write it: whichever arrays' file stays fits either side file
    blocks = [run_block(experiment, 0), run_block(experiment, 0)]
    stores = [Store(tmp_path / name) for name in "ab"]
    for store, block in zip(stores, blocks, strict=True):
        store.save(experiment, 0, block)
    assert files(stores[0], experiment, 0)[0].read_bytes() == files(stores[1], experiment, 0)[0].read_bytes()


def test_copying_two_stores_together_merges_them(tmp_path, experiment):
    a, b = Store(tmp_path / "a"), Store(tmp_path / "b")
    blocks = [run_block(experiment, index) for index in range(6)]
    for index, block in enumerate(blocks):
        for store in {0: [a], 1: [b], 2: [a, b]}[index % 3]:
            store.save(experiment, index, block)
    a.save_record({"bound": "x"}, {"worst": 0.9})
    b.save_record({"bound": "y"}, {"worst": 0.8})
    merged = Store(tmp_path / "merged")
    for store in (a, b):
        shutil.copytree(store.path, merged.path, dirs_exist_ok=True)
    report = merged.verify()
    assert (report.blocks, report.records, report.damaged) == (6, 2, ())
    for index, block in enumerate(blocks):
        assert_same(merged.load(experiment, index), block)
    assert merged.load_record({"bound": "y"}) == {"worst": 0.8}


def test_records_round_trip(store):
    key = {"claim": "toy.B1", "box": [0.1, (2, math.inf)]}
    assert store.load_record(key) is None
    assert store.save_record(key, {"worst": -math.inf, "at": (0.5, 2), "name": "κ", "n": 3})
    expected = {"worst": -math.inf, "at": [0.5, 2], "name": "κ", "n": 3}
    assert Store(store.path).load_record({"box": (0.1, [2, math.inf]), "claim": "toy.B1"}) == expected
    assert store.load_record({**key, "claim": "toy.B2"}) is None
    store.save_record(key, {"worst": 0.25})
    assert store.load_record(key) == {"worst": 0.25}


def test_an_absent_store_is_empty(store):
    assert store.verify().blocks == 0
    assert not store.path.exists()


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


def test_stored_files_are_readable_by_others(store, experiment):
    store.save(experiment, 0, run_block(experiment, 0))
    mask = os.umask(0)
    os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in files(store, experiment, 0)} == {0o666 & ~mask}


def test_the_store_travels_without_pickle(store, experiment):
    store.save(experiment, 0, run_block(experiment, 0))
    with np.load(files(store, experiment, 0)[0], allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["count", "m2", "m3", "mean", "samples"]
    assert pickle.loads(pickle.dumps(store)).path == store.path


# --- bad input


def test_records_need_canonical_text(store):
    with pytest.raises(ValueError, match=r"key_parts\['parts'\]\['x'\] must not be NaN"):
        store.save_record({"x": math.nan}, {})
    with pytest.raises(ValueError, match=r"payload\['x'\] must not be NaN"):
        store.save_record({"x": 0.5}, {"x": math.nan})
    with pytest.raises(ValueError, match="index must be an integer >= 0, got index=-1"):
        store.load(Experiment(coin, {}), -1)


def test_blocks_are_not_confused_with_other_sizes(store, experiment):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        store.save(experiment, 0, Block(Moments.of(np.ones((12, 2))), None, 0.5))
        assert store.load(experiment, 0) is None
    assert "holds 12 replicates instead of 6" in str(seen[0].message)
