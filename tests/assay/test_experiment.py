"""Experiments, the ladder of blocks, and what a measure may return."""

from __future__ import annotations

import functools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from assay import experiment as module
from assay.experiment import (
    Experiment,
    MeasureError,
    block_size,
    blocks_for,
    coin,
    library_versions,
    measure_name,
    replicates_in,
    run_block,
)
from assay.moments import Moments
from assay.seeds import generator

# --- identities and limits


def test_blocks_come_in_fours_and_double():
    e = Experiment(coin, {}, block=10)
    assert [block_size(e, i) for i in range(13)] == [10] * 4 + [20] * 4 + [40] * 4 + [80]
    assert [replicates_in(e, i) for i in range(10)] == [0, 10, 20, 30, 40, 60, 80, 100, 120, 160]


def test_a_block_is_the_measure_on_its_own_stream(probe):
    setting = {"mean": 0.3, "width": 2.5}
    e = Experiment(probe.measures.normal, setting, block=6, seed=11, key=4, keep_samples=True)
    name = f"{probe.name}.measures.normal"
    assert measure_name(e) == name
    expected = probe.measures.normal(generator(11, name, setting, 5, key=4), 12, **setting)
    block = run_block(e, 5)
    assert block.samples is not None
    np.testing.assert_array_equal(block.samples, expected)
    np.testing.assert_array_equal(block.moments.m3, Moments.of(expected).m3)
    assert block.moments.count == 12
    assert block.moments.shape == (2,)
    assert not block.stored
    assert block.wall_time > 0
    assert block.info == library_versions()


@pytest.mark.parametrize("change", [{"seed": 12}, {"key": 5}, {"setting": {"width": 2.6}}])
def test_blocks_differ_by_address(probe, change):
    base = {"measure": probe.measures.normal, "setting": {"width": 2.5}, "block": 6, "seed": 11, "key": 4}
    means = [run_block(Experiment(**base), 0).moments.mean, run_block(Experiment(**{**base, **change}), 0).moments.mean]
    assert not np.array_equal(*means)
    assert not np.array_equal(means[0], run_block(Experiment(**base), 1).moments.mean)


def test_samples_are_kept_only_on_request():
    assert run_block(Experiment(coin, {}, block=5), 0).samples is None
    kept = run_block(Experiment(coin, {}, block=5, keep_samples=True), 0).samples
    assert kept is not None
    assert kept.shape == (5,)


@pytest.mark.parametrize("what", ["integers", "booleans"])
def test_counts_and_flags_are_numbers(probe, what):
    mean = run_block(Experiment(probe.measures.give, {"what": what}, block=9), 0).moments.mean
    assert float(mean) == {"integers": 4.0, "booleans": 5 / 9}[what]


def test_a_measure_runs_on_one_blas_thread(probe):
    with threadpool_limits(limits=2):
        before = {info["num_threads"] for info in threadpool_info()}
        mean = run_block(Experiment(probe.measures.threads, {}, block=2), 0).moments.mean
        assert {info["num_threads"] for info in threadpool_info()} == before
    assert float(mean) == 1.0


def test_an_experiment_keeps_its_own_setting_and_travels():
    setting = {"probability": 0.25}
    e = Experiment(coin, setting, block=np.int64(8), seed=3)
    setting["probability"] = 0.75
    assert e.setting == {"probability": 0.25}
    assert type(e.block) is int
    copy = pickle.loads(pickle.dumps(e))
    assert float(run_block(copy, 2).moments.mean) == float(run_block(e, 2).moments.mean)


def test_versions_name_what_is_missing(monkeypatch):
    monkeypatch.setattr(module, "LIBRARIES", ("numpy", "no-such-library"))
    versions = library_versions.__wrapped__()
    assert versions["numpy"] == np.__version__
    assert versions["no-such-library"] == "not installed"


# --- properties


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 100), st.integers(1, 10**6))
def test_the_fewest_blocks_that_suffice(block, replicates):
    e = Experiment(coin, {}, block=block)
    count = blocks_for(e, replicates)
    assert replicates_in(e, count) >= replicates > replicates_in(e, count - 1)
    assert replicates_in(e, count) == sum(block_size(e, i) for i in range(count))


def test_looks_grow_by_a_quarter_or_so():
    e = Experiment(coin, {}, block=64)
    growth = [replicates_in(e, i + 1) / replicates_in(e, i) for i in range(4, 60)]
    assert min(growth) > 1.14
    assert max(growth) <= 1.5
    assert np.mean(growth) == pytest.approx(1.25, abs=0.05)  # eight blocks in two sizes per factor near 4


# --- bad input


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("short", r"must return an array of shape \(replicates, ...\) = \(8, ...\), got shape \(7,\)"),
        ("long", r"= \(8, ...\), got shape \(9, 2\)"),
        ("number", r"= \(8, ...\), got shape \(\)"),
        ("none", "returned something that is not an array of real numbers: dtype object"),
        ("nan", "returned 1 of 8 values that are not finite"),
        ("inf", "returned 2 of 8 values that are not finite"),
        ("huge", "central sums exceed the float range: rescale the outputs"),
        ("text", "not an array of real numbers: dtype <U3"),
        ("complex", "not an array of real numbers: dtype complex128"),
        ("ragged", "not an array of real numbers: setting an array element with a sequence"),
    ],
)
def test_what_a_measure_must_not_return(probe, what, reason):
    e = Experiment(probe.measures.give, {"what": what}, block=8)
    with pytest.raises(MeasureError, match=rf'measures.give at {{"what":"{what}"}} block 1: .*{reason}'):
        run_block(e, 1)


def test_a_measure_that_raises_is_named(probe):
    with pytest.raises(
        MeasureError, match=r"measures.fail at {} block 0: raised ValueError: the solve did not converge"
    ):
        run_block(Experiment(probe.measures.fail, {}), 0)


def test_a_measure_must_be_found_by_name(probe, monkeypatch):
    def inner(rng, replicates):
        return rng.random(replicates)

    for bad in (lambda rng, replicates: rng.random(replicates), inner):
        with pytest.raises(ValueError, match="measure must be found again under its own name"):
            Experiment(bad, {})
    for bad in (functools.partial(coin, probability=0.2), "coin", None):
        with pytest.raises(ValueError, match="measure must be a function defined in a module, got measure="):
            Experiment(bad, {})  # pyright: ignore[reportArgumentType]
    replaced = probe.measures.normal
    monkeypatch.setattr(probe.measures, "normal", probe.measures.give)
    with pytest.raises(ValueError, match="measure must be found again under its own name"):
        Experiment(replaced, {})
    monkeypatch.setattr(probe.measures.give, "__module__", "__main__")
    with pytest.raises(ValueError, match="importable module, got give defined in a script or notebook"):
        Experiment(probe.measures.give, {})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"block": 0}, "block must be an integer >= 1, got block=0"),
        ({"block": 2.5}, "block must be an integer >= 1, got block=2.5"),
        ({"seed": -1}, "seed must be an integer >= 0, got seed=-1"),
        ({"key": -3}, "key must be an integer >= 0, got key=-3"),
        ({"setting": [("n", 3)]}, "setting must be a mapping of keyword arguments"),
        ({"setting": {"n": np.nan}}, r"setting\['n'\] must not be NaN"),
        ({"setting": {"n": coin}}, r"setting\['n'\] must be made of numbers"),
    ],
)
def test_experiments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        Experiment(**{"measure": coin, "setting": {}, **arguments})


@pytest.mark.parametrize(
    ("function", "value", "name"),
    [(block_size, -1, "index"), (run_block, -1, "index"), (blocks_for, 0, "replicates"), (replicates_in, -1, "blocks")],
)
def test_counts_are_checked(function, value, name):
    with pytest.raises(ValueError, match=f"{name} must be an integer >= [01], got {name}={value}"):
        function(Experiment(coin, {}), value)


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan")])
def test_coins_have_probabilities(probability):
    with pytest.raises(ValueError, match=r"probability must be in \[0, 1\], got probability="):
        coin(np.random.default_rng(2), 3, probability)
