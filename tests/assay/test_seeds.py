"""Streams by address, and the text that addresses are made of."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.seeds import canonical_json, canonical_value, generator, parse_canonical

SETTING = {"n": 256, "k": math.inf, "ridge": (0.1, 2.5), "task": {"alpha": 1.5, "name": "power law"}}
ADDRESS = {"seed": 7, "experiment_id": "toy.risk", "setting": SETTING, "block": 3, "key": 2}


def draws(**changes):
    return generator(**{**ADDRESS, **changes}).standard_normal(5).tolist()


# --- identities and limits


def test_equal_settings_have_one_stream():
    reordered = {"task": {"name": "power law", "alpha": np.float64(1.5)}, "ridge": [0.1, 2.5], "k": np.inf, "n": 256}
    arrays = {**SETTING, "ridge": np.array([0.1, 2.5]), "n": np.int32(256)}
    assert draws() == draws(setting=reordered) == draws(setting=arrays)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"experiment_id": "toy.risks"},
        {"block": 4},
        {"key": 3},
        {"block": 2, "key": 3},  # the same numbers in other places
        {"seed": 3, "block": 7},
        {"setting": {**SETTING, "n": 257}},
        {"setting": {**SETTING, "k": 1e308}},
        {"setting": {**SETTING, "ridge": (2.5, 0.1)}},
        {"setting": {**SETTING, "n": 256.0}},
        {"setting": {**SETTING, "extra": None}},
    ],
)
def test_every_part_of_an_address_matters(change):
    assert draws() != draws(**change)


def test_blocks_are_unrelated():
    # 200 blocks x 200 normals: a correlation has standard deviation 200^-1/2 = 0.07, and among 19900 pairs 6 of them
    # are exceeded with probability 19900 * 2e-9 = 4e-5; streams that shared any stretch would have correlations near 1.
    table = np.array([generator(1, "toy", {}, block).standard_normal(200) for block in range(200)])
    correlation = np.corrcoef(table) - np.eye(200)
    assert np.abs(correlation).max() < 6 / math.sqrt(200)


# --- oracle


def test_the_stream_is_the_documented_one():
    setting = '{\\"a\\":0.1,\\"k\\":{\\"$float\\":\\"inf\\"}}'
    text = f'{{"block":3,"experiment":"toy","key":2,"seed":7,"setting":"{setting}"}}'
    entropy = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    expected = np.random.default_rng(entropy).random(4)
    assert generator(7, "toy", {"k": math.inf, "a": 0.1}, 3, key=2).random(4).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ({"b": 1, "a": True, "c": None}, '{"a":true,"b":1,"c":null}'),
        ({"x": 1.0}, '{"x":1.0}'),
        ({"x": "1"}, '{"x":"1"}'),
        ({"x": -math.inf}, '{"x":{"$float":"-inf"}}'),
        ({"x": "inf"}, '{"x":"inf"}'),
        ({"x": np.float32(0.1)}, '{"x":0.10000000149011612}'),
        ({"x": np.arange(4).reshape(2, 2)}, '{"x":[[0,1],[2,3]]}'),
        ({"x": np.bool_(False)}, '{"x":false}'),
        ({"x": "κ"}, '{"x":"\\u03ba"}'),
        ({"x": 10**30}, '{"x":1000000000000000000000000000000}'),
    ],
)
def test_canonical_text(value, text):
    assert canonical_json(value) == text


# --- properties

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text().filter(lambda s: s[:1] != "$"), inner),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None)
@given(VALUES)
def test_text_and_value_round_trip(value):
    text = canonical_json(value)
    again = parse_canonical(text)
    assert again == value
    assert canonical_json(again) == text
    assert canonical_value(value) == value


@settings(derandomize=True, deadline=None)
@given(VALUES, VALUES)
def test_different_values_have_different_text(a, b):
    if canonical_json(a) == canonical_json(b):
        assert a == b


# --- bad input


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"ridge": [0.1, math.nan]}, r"setting\['ridge'\]\[1\] must not be NaN, got setting\['ridge'\]\[1\]=nan"),
        ({"a": {"b": np.float64("nan")}}, r"setting\['a'\]\['b'\] must not be NaN"),
        ({"f": math.sin}, r"setting\['f'\] must be made of numbers.* builtin_function_or_method"),
        ({"z": 1j}, r"setting\['z'\] must be made of numbers.* of type complex"),
        ({"z": b"raw"}, r"setting\['z'\] must be made of numbers.* of type bytes"),
        ({"z": {1, 2}}, r"setting\['z'\] must be made of numbers.* of type set"),
        ({1: 2}, r"keys of setting must be strings .*, got key 1"),
        ({"a": {"$float": "inf"}}, r"keys of setting\['a'\] must be strings .*, got key '\$float'"),
    ],
)
def test_values_without_text_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        canonical_json(setting)
    with pytest.raises(ValueError, match=message):
        generator(7, "toy", setting, 0)


@pytest.mark.parametrize("name", ["seed", "block", "key"])
@pytest.mark.parametrize("value", [-1, 1.5, True, "3", None])
def test_numbers_of_an_address_are_counts(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be an integer >= 0, got {name}="):
        generator(**{**ADDRESS, name: value})
