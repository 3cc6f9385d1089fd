"""The store: what comes back is what was saved, under an address made of all that decides it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import pickle
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assay import store as module
from assay.experiment import Block, Experiment, coin, run_block
from assay.moments import Moments
from assay.store import Store, block_address

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
