"""Published result files: where they come from, how they are checked, and what they hold.

A `Registry` lists files of one public GitHub repository at one commit, with their sha256. A file is taken from a folder
of the user's (environment variable ``ASSAY_DATA``, with the repository's tree or with every "/" of a path turned into
"_"), or else downloaded once into the user's cache (``ASSAY_CACHE``) from GitHub or a mirror (``ASSAY_DATA_URL``).
Whatever its origin it is read only when its sha256 is the listed one, and its pickle only by the reader for plain data
of `assay.unpickle`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.unpickle import Stub, UnsafePickleError, load_plain_pickle

__all__ = ["PublishedDataError", "PublishedFile", "PublishedResult", "Registry", "available", "fetch", "load"]

GITHUB = "https://raw.githubusercontent.com"
STUB = "ExperimentResults.ExperimentResults"


class PublishedDataError(RuntimeError):
    """A published file is absent, cannot be downloaded, is not the listed one, or does not hold what it should."""


@dataclass(frozen=True)
class PublishedFile:
    """One file of a repository: its `name` in the registry, its `path` in the repository, `sha256` in hex, `size` in
    bytes."""

    name: str
    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Registry:
    """Files of the GitHub `repository` ("owner/name") at one `commit` (40 hex digits), as `files`, a tuple of
    `PublishedFile`.

    Raises `ValueError` when two files have one name.

    >>> file = PublishedFile("risk", "results/risk.expt", "0" * 64, 10)
    >>> Registry("someone/paper", "1" * 40, (file,)).names
    ('risk',)
    """

    repository: str
    commit: str
    files: tuple[PublishedFile, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.files):
            raise ValueError(f"files must have distinct names, got {self.names}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all files, in order."""
        return tuple(file.name for file in self.files)

    def file(self, name: str) -> PublishedFile:
        """Return the file called `name`. Raises `KeyError` listing the names when there is none."""
        for file in self.files:
            if file.name == name:
                return file
        raise KeyError(f"no published file {name!r} in {self.repository}; there are {', '.join(self.names)}")


@dataclass(frozen=True, eq=False)
class PublishedResult:
    """What a file holds: `name`; `axes`, a mapping from axis name to its values in order (an array of numbers or a
    tuple of labels), empty when the file has none; `arrays` by name (one array "results" with these axes, or whatever
    the file's dictionary holds); `metadata` of the authors."""

    name: str
    axes: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def available(registry: Registry, name: str) -> bool:
    """Return whether file `name` of `registry` is at hand, with the listed sha256, without any download.

    >>> file = PublishedFile("risk", "results/no-such-file.expt", "0" * 64, 10)
    >>> available(Registry("someone/paper", "1" * 40, (file,)), "risk")
    False
    """
    file = registry.file(name)
    return any(path.is_file() and _sha256(path) == file.sha256 for path in _candidates(registry, file))


def fetch(registry: Registry, name: str, base_url: str | None = None) -> Path:
    """Return the path of file `name` of `registry` on this machine, downloading it into the cache when needed.

    `base_url` is the address of a mirror that holds ``<repository>/<commit>/<path>``; None takes the environment
    variable ``ASSAY_DATA_URL`` or GitHub. With ``ASSAY_DATA`` set, that folder is the only source and nothing is
    downloaded. Raises `KeyError` for an unknown name and `PublishedDataError`, with the remedy, when the file is
    absent, cannot be downloaded or does not have the listed sha256. Source: derived.

    >>> fetch(Registry("someone/paper", "1" * 40, ()), "risk")
    Traceback (most recent call last):
        ...
    KeyError: "no published file 'risk' in someone/paper; there are "
    """
    file = registry.file(name)
    folder = os.environ.get("ASSAY_DATA")
    if folder:
        return _local(registry, file, folder)
    return _download(registry, file, base_url or os.environ.get("ASSAY_DATA_URL") or GITHUB)


def load(registry: Registry, name: str, base_url: str | None = None) -> PublishedResult:
    """Return what file `name` of `registry` holds; `base_url` and errors as in `fetch`, which gets the file.

    Raises `PublishedDataError` also when the file's pickle is not plain data or not of a known form: a dictionary of
    arrays, or results with named axes. Source: derived.

    >>> load(Registry("someone/paper", "1" * 40, ()), "risk")
    Traceback (most recent call last):
        ...
    KeyError: "no published file 'risk' in someone/paper; there are "
    """
    path = fetch(registry, name, base_url)
    content = path.read_bytes()
    _check_content(path, content, registry.file(name))
    try:
        return _interpret(name, load_plain_pickle(content, {STUB}))
    except UnsafePickleError as error:
        raise PublishedDataError(f"{path}: {error}") from error


def _interpret(name: str, value: Any) -> PublishedResult:
    """A dictionary of arrays, or the attributes of a results object, as a `PublishedResult`."""
    if isinstance(value, dict):
        arrays = {str(key): array for key, item in value.items() if (array := _array(item)) is not None}
        return PublishedResult(name, {}, arrays)
    if not isinstance(value, Stub) or not isinstance(value.state.get("axes"), list):
        raise UnsafePickleError(f"the pickle holds a {type(value).__name__} instead of arrays or results with axes")
    try:
        axes = {str(axis): _axis(values) for axis, values in value.state["axes"]}
    except (TypeError, ValueError) as error:
        raise UnsafePickleError("axes are not (name, values) pairs") from error
    arrays = {key: array for key, item in value.state.items() if (array := _array(item)) is not None}
    results, shape = arrays.get("results"), tuple(len(values) for values in axes.values())
    if results is None or results.shape != shape:
        got = "none" if results is None else f"shape {results.shape}"
        raise UnsafePickleError(f"results must have the axes' shape {shape}, got {got}")
    metadata = value.state.get("metadata") or {}
    return PublishedResult(name, axes, arrays, metadata if isinstance(metadata, dict) else {"metadata": metadata})


def _array(value: Any) -> NDArray[Any] | None:
    """Numbers as an array; None for what is not numeric."""
    if isinstance(value, (bool, int, float, np.ndarray)):
        array = np.asarray(value)
        return array if array.dtype.kind in "biufc" else None
    return None


def _axis(values: Any) -> NDArray[Any] | tuple[Any, ...]:
    if isinstance(values, np.ndarray):
        return values
    values = tuple(values)
    return np.asarray(values) if all(isinstance(value, (int, float)) for value in values) else values


def _candidates(registry: Registry, file: PublishedFile) -> list[Path]:
    """Where the file may lie on this machine."""
    folder = os.environ.get("ASSAY_DATA")
    if folder:
        return [Path(folder, file.path), Path(folder, file.path.replace("/", "_"))]
    return [_cache(registry) / file.path]


def _cache(registry: Registry) -> Path:
    folder = os.environ.get("ASSAY_CACHE")
    if not folder:
        import pooch  # needed for the platform's cache folder and for downloads only

        folder = pooch.os_cache("assay")
    return Path(folder) / "published" / registry.repository.replace("/", "_") / registry.commit


def _local(registry: Registry, file: PublishedFile, folder: str) -> Path:
    """The user's copy; when both layouts hold the file, a sound one is preferred."""
    present = [path for path in _candidates(registry, file) if path.is_file()]
    if not present:
        raise PublishedDataError(
            f"{file.path} is not in ASSAY_DATA={folder}: put it there (under its path, or with '_' for '/'), "
            "or unset ASSAY_DATA to download it"
        )
    best = next((path for path in present if _sha256(path) == file.sha256), present[0])
    _check_content(best, best.read_bytes(), file)
    return best


def _download(registry: Registry, file: PublishedFile, base_url: str) -> Path:
    import pooch  # heavy, and needed for downloads only

    url = f"{base_url.rstrip('/')}/{registry.repository}/{registry.commit}/{file.path}"
    target = _cache(registry) / file.path
    try:
        pooch.retrieve(url, known_hash=f"sha256:{file.sha256}", fname=target.name, path=target.parent)
    except Exception as error:  # the network fails in many ways; each has the same remedy
        raise PublishedDataError(
            f"could not get {file.name} from {url}: {error}. Check the network, or download the file by other means "
            f"and set ASSAY_DATA to its folder; it must have sha256 {file.sha256}"
        ) from error
    return target


def _check_content(path: Path, content: bytes, file: PublishedFile) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        size = f"{len(content)} bytes" if len(content) == file.size else f"{len(content)} bytes instead of {file.size}"
        raise PublishedDataError(
            f"{path} is not the published file: sha256 {found}, {size}, expected {file.sha256}; delete it, get it again"
        )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
