"""The store: what has been computed, as files that can be copied, merged, checked and thrown away.

A block is two files named by its address: ``<address>.npz`` (arrays, no pickle) and ``<address>.json`` (what the
address was made of, sha256 of the arrays' file, versions, wall time). A record, a small JSON result of deterministic
work, is one ``<address>.record.json``. The address is the sha256 of the canonical text of everything that decides the
content, so copying two stores into one folder merges them. Files are written under a temporary name, synced and
renamed, arrays before the side file: an interruption leaves no half-written block. Every read is checked; a damaged
file is moved aside, reported and computed again. Folders are sharded by the first two hex digits of the address.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.experiment import Block, Experiment, block_size, measure_name
from assay.fingerprint import source_fingerprint
from assay.moments import Moments
from assay.seeds import canonical_json, check_count, parse_canonical

__all__ = ["Damage", "Report", "Store", "StoreWarning", "block_address"]

TEMPORARY = ".writing-"
ASIDE = "damaged"
RECORD = ".record.json"


class StoreWarning(UserWarning):
    """A stored file was damaged, or the store cannot be written."""


class _DamageError(Exception):
    """A stored file does not hold what its name says."""


@dataclass(frozen=True)
class Damage:
    """A file of the store that is not usable: its `path` and the `reason`."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Report:
    """What a walk over a store found: numbers of sound `blocks` and `records`, and the `damaged` files."""

    blocks: int
    records: int
    damaged: tuple[Damage, ...]


def block_identity(experiment: Experiment, index: int) -> dict[str, Any]:
    """Return everything that decides the content of block `index` >= 0 of `experiment`, as a JSON-able mapping.

    >>> from assay.experiment import coin
    >>> sorted(block_identity(Experiment(coin, {"a": 1}), 0))
    ['block', 'fingerprint', 'index', 'keep_samples', 'key', 'kind', 'measure', 'seed', 'setting']
    """
    return {
        "kind": "block",
        "measure": measure_name(experiment),
        "setting": experiment.setting,
        "fingerprint": source_fingerprint(experiment.measure),
        "seed": experiment.seed,
        "key": experiment.key,
        "index": check_count("index", index),
        "block": experiment.block,
        "keep_samples": experiment.keep_samples,
    }


def block_address(experiment: Experiment, index: int) -> str:
    """Return the address, 64 hex digits, of block `index` >= 0 of `experiment`.

    >>> from assay.experiment import coin
    >>> a, b = Experiment(coin, {"x": 1, "y": 2}), Experiment(coin, {"y": 2, "x": 1})
    >>> block_address(a, 0) == block_address(b, 0), block_address(a, 0) == block_address(a, 1)
    (True, False)
    """
    return _hash(canonical_json(block_identity(experiment, index), "address"))


class Store:
    """A folder of blocks and records.

    `path` is the folder; it is made when something is first saved. `damaged` counts the damaged files met so far.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.damaged = 0
        self._complained = False

    def load(self, experiment: Experiment, index: int) -> Block | None:
        """Return block `index` >= 0 of `experiment` as stored, or None when it is absent or damaged.

        A damaged block is moved to the folder ``damaged`` and reported by a `StoreWarning`.
        """
        address = block_address(experiment, index)
        arrays, side = self._file(address, ".npz"), self._file(address, ".json")
        if not (arrays.is_file() and side.is_file()):
            return None
        try:
            return _read_block(arrays, side, block_size(experiment, index))
        except _DamageError as error:
            self._set_aside(str(error), arrays, side)
            return None

    def save(self, experiment: Experiment, index: int, block: Block) -> bool:
        """Keep `block` as block `index` >= 0 of `experiment`; return whether it was written.

        When the folder cannot be written (full disk, no permission) nothing half-written remains, a `StoreWarning` is
        given once, and False is returned: the caller still has the block in memory.
        """
        identity = canonical_json(block_identity(experiment, index), "address")
        payload = _pack(block)
        side = {
            "identity": json.loads(identity),
            "sha256": hashlib.sha256(payload).hexdigest(),
            "replicates": block.moments.count,
            "wall_time": block.wall_time,
            "versions": dict(block.info),
        }
        address = _hash(identity)
        return self._write((self._file(address, ".npz"), payload), (self._file(address, ".json"), _text(side)))

    def load_record(self, key_parts: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the record saved under `key_parts`, or None when it is absent or damaged (reported as in `load`).

        `key_parts` is a mapping with canonical text (see `assay.seeds`) naming everything that decides the payload.
        """
        path = self._file(_hash(_record_identity(key_parts)), RECORD)
        if not path.is_file():
            return None
        try:
            return _read_record(path)
        except _DamageError as error:
            self._set_aside(str(error), path)
            return None

    def save_record(self, key_parts: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
        """Keep `payload`, a mapping with canonical text, under `key_parts`; return whether it was written (see
        `save`)."""
        identity, text = _record_identity(key_parts), canonical_json(payload, "payload")
        record = {"identity": json.loads(identity), "sha256": _hash(text), "payload": json.loads(text)}
        return self._write((self._file(_hash(identity), RECORD), _text(record)))

    def verify(self) -> Report:
        """Return what a walk over every file of the store finds; nothing is moved or changed."""
        blocks, records, damaged = 0, 0, []
        for path in self._files():
            try:
                kind = _check_file(path)
            except _DamageError as error:
                damaged.append(Damage(path, str(error)))
                continue
            blocks, records = blocks + (kind == "block"), records + (kind == "record")
        return Report(blocks, records, tuple(damaged))

    def _files(self) -> Iterator[Path]:
        """All files in the shards, sorted."""
        for shard in sorted(self.path.glob("[0-9a-f][0-9a-f]")):
            yield from sorted(p for p in shard.iterdir() if p.is_file())

    def _file(self, address: str, suffix: str) -> Path:
        return self.path / address[:2] / f"{address}{suffix}"

    def _set_aside(self, reason: str, *paths: Path) -> None:
        self.damaged += 1
        for path in paths:
            with contextlib.suppress(OSError):
                (self.path / ASIDE).mkdir(exist_ok=True)
                os.replace(path, self.path / ASIDE / path.name)
        warnings.warn(f"{reason}; moved aside and computed again", StoreWarning, stacklevel=3)

    def _write(self, *contents: tuple[Path, bytes]) -> bool:
        try:
            for path, content in contents:
                _write_atomically(path, content)
        except OSError as error:
            if not self._complained:
                self._complained = True
                message = (
                    f"cannot write to the store {self.path}: {error}; results stay in memory and are lost at the end"
                )
                warnings.warn(message, StoreWarning, stacklevel=3)
            return False
        return True


def _write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name beside `path`, sync, rename; leave nothing behind on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _pack(block: Block) -> bytes:
    """The block's arrays as the bytes of an .npz file; equal arrays give equal bytes."""
    m = block.moments
    arrays = {"count": np.int64(m.count), "mean": m.mean, "m2": m.m2, "m3": m.m3}
    if block.samples is not None:
        arrays["samples"] = block.samples
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _unpack(payload: bytes, path: Path) -> tuple[Moments, np.ndarray | None]:
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        moments = Moments(int(arrays["count"]), arrays["mean"], arrays["m2"], arrays["m3"])
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, TypeError, ValueError) as error:
        raise _DamageError(f"{path} does not hold the arrays of a block ({error})") from error
    return moments, arrays.get("samples")


def _read_block(arrays: Path, side: Path, replicates: int | None = None) -> Block:
    """The block in these two files after all checks; `replicates` is how many it must hold, None when not known."""
    info = _read_side(side)
    payload = _read(arrays)
    if hashlib.sha256(payload).hexdigest() != info["sha256"]:
        raise _DamageError(f"{arrays} is damaged (its bytes do not have the recorded sha256)")
    moments, samples = _unpack(payload, arrays)
    if replicates is not None and moments.count != replicates:
        raise _DamageError(f"{arrays} holds {moments.count} replicates instead of {replicates}")
    return Block(moments, samples, float(info["wall_time"]), dict(info["versions"]), stored=True)


def _read_side(path: Path) -> dict[str, Any]:
    """The JSON object in `path`, with an identity that matches the file's name."""
    try:
        content = json.loads(_read(path))
        address = _hash(json.dumps(content["identity"], sort_keys=True, separators=(",", ":")))
        complete = isinstance(content["sha256"], str) and (
            path.name.endswith(RECORD)
            or (isinstance(content["wall_time"], (int, float)) and isinstance(content["versions"], dict))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _DamageError(f"{path} is damaged ({type(error).__name__}: {error})") from error
    if not complete or address != path.name.partition(".")[0]:
        raise _DamageError(f"{path} describes something other than its name says")
    return content


def _read_record(path: Path) -> dict[str, Any]:
    content = _read_side(path)
    text = json.dumps(content.get("payload"), sort_keys=True, separators=(",", ":"))
    if _hash(text) != content["sha256"]:
        raise _DamageError(f"{path} is damaged (its payload does not have the recorded sha256)")
    return parse_canonical(text)


def _check_file(path: Path) -> str | None:
    """What the file is, "block" for a side file with its arrays, "record", or None for arrays with a side file."""
    if path.name.startswith(TEMPORARY):
        raise _DamageError(f"{path} was left by an interrupted write; it can be deleted")
    if path.name.endswith(RECORD):
        _read_record(path)
        return "record"
    arrays, side = path.with_suffix(".npz"), path.with_suffix(".json")
    if not (arrays.is_file() and side.is_file()):
        raise _DamageError(f"{path} has lost its other half; the block will be computed again")
    if path == side:
        _read_block(arrays, side)
        return "block"
    return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _DamageError(f"{path} cannot be read ({error})") from error


def _record_identity(key_parts: Mapping[str, Any]) -> str:
    return canonical_json({"kind": "record", "parts": key_parts}, "key_parts")


def _text(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n").encode("ascii")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
