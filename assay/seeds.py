"""Random streams addressed by what they are for, and the canonical text that such addresses are made of.

A stream is the hash of (seed, experiment, setting, block, key): it does not depend on who draws it, on how many workers
there are, on the order of the work or on an interruption. Canonical text is JSON with sorted keys and without spaces; a
tuple is a list, a numpy scalar the Python number, an array nested lists, infinity ``{"$float":"inf"}``. Equal settings
have equal text whatever the order of their keys; 1 and 1.0 differ, because an experiment may treat them differently.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["canonical_json", "canonical_value", "generator", "parse_canonical"]

INFINITIES = {math.inf: "inf", -math.inf: "-inf"}


def canonical_json(setting: Any, name: str = "setting") -> str:
    """Return the one JSON text of `setting`.

    `setting` is a mapping with string keys, or any nesting of mappings, lists, tuples, arrays, numbers, strings,
    booleans and None; floats round-trip, +-inf is kept. `name` is what messages call it. Raises `ValueError`, naming
    the key, for NaN, for a mapping key that is not a string or begins with "$" (kept for infinities), and for anything
    that JSON cannot hold. Source: derived.

    >>> canonical_json({"n": 256, "k": float("inf"), "ridge": (0.1, 2)})
    '{"k":{"$float":"inf"},"n":256,"ridge":[0.1,2]}'
    """
    return json.dumps(_encode(setting, name), sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_value(setting: Any, name: str = "setting") -> Any:
    """Return `setting` as it will come back from its canonical text: tuples and arrays as lists, Python numbers.

    `setting` and `name` as in `canonical_json`, which also says what is refused. Source: derived.

    >>> canonical_value({"ridge": (0.5, 2)})
    {'ridge': [0.5, 2]}
    """
    return parse_canonical(canonical_json(setting, name))


def parse_canonical(text: str) -> Any:
    """Return the value that the canonical JSON `text` was made from, lists in place of tuples and arrays.

    `text` is a string made by `canonical_json`. Raises `ValueError` when it is not JSON. Source: derived.

    >>> parse_canonical('{"k":{"$float":"inf"},"n":256}')
    {'k': inf, 'n': 256}
    """
    return json.loads(text, object_hook=_decode)


def generator(seed: int, experiment_id: str, setting: Any, block: int, key: int = 0) -> np.random.Generator:
    """Return the random generator (PCG64) at one address; the same address always gives the same stream.

    `seed` >= 0 is the suite's seed; `experiment_id` names the experiment; `setting` is its mapping of arguments, see
    `canonical_json`; `block` >= 0 counts the blocks of replicates; `key` >= 0 separates the first run from confirming
    runs on fresh streams. The stream is `numpy.random.SeedSequence` of the sha256 of the address: distinct addresses
    give independent streams up to collisions of probability 2**-256. Raises `ValueError` for a negative or fractional
    number. Source: derived.

    >>> a = generator(7, "toy", {"n": 3, "ridge": 0.1}, 0).standard_normal()
    >>> a == generator(7, "toy", {"ridge": 0.1, "n": 3}, 0).standard_normal()
    True
    >>> a == generator(7, "toy", {"n": 3, "ridge": 0.1}, 1).standard_normal()
    False
    """
    numbers = {"seed": check_count("seed", seed), "block": check_count("block", block), "key": check_count("key", key)}
    address = canonical_json({"experiment": experiment_id, "setting": _encode_once(setting), **numbers}, "address")
    entropy = int.from_bytes(hashlib.sha256(address.encode("ascii")).digest(), "big")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def check_count(name: str, value: Any, low: int = 0) -> int:
    """Return the integer `value` as a Python int, or raise `ValueError` when it is below `low`; `name` is for messages.

    >>> check_count("block", -1)
    Traceback (most recent call last):
        ...
    ValueError: block must be an integer >= 0, got block=-1
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < low:
        raise ValueError(f"{name} must be an integer >= {low}, got {name}={value!r}")
    return int(value)


def _encode_once(setting: Any) -> str:
    """The setting's own canonical text, so that messages about it begin with its own name."""
    return canonical_json(setting, "setting")


def _encode(value: Any, path: str) -> Any:
    """`value` in the types that JSON has; `path` is where it stands, for messages."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {_check_key(key, path): _encode(item, f"{path}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, float):
        return _encode_float(value, path)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise ValueError(
        f"{path} must be made of numbers, strings, booleans, None, lists and mappings, got {path}={value!r} "
        f"of type {type(value).__name__}"
    )


def _encode_float(value: float, path: str) -> Any:
    if math.isnan(value):
        raise ValueError(f"{path} must not be NaN, got {path}=nan")
    return {"$float": INFINITIES[value]} if math.isinf(value) else float(value)


def _check_key(key: Any, path: str) -> str:
    if not isinstance(key, str) or key.startswith("$"):
        raise ValueError(f"keys of {path} must be strings that do not begin with '$', got key {key!r}")
    return str(key)


def _decode(mapping: dict[str, Any]) -> Any:
    return float(mapping["$float"]) if mapping.keys() == {"$float"} else mapping
