"""An experiment is a measure at one setting, replicated in blocks: the units of work, of storage and of resumption.

A measure is a module-level function ``measure(rng, replicates, **setting)`` that returns an array whose first axis
counts the replicates. Blocks come in fours of one size, then double: with block = 64 the sizes are 64, 64, 64, 64, 128,
… so that looks after every block grow by a quarter or so. A block's random stream depends on its address only, and it
runs on one BLAS thread: its bits depend neither on the worker count nor on the load of the machine.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay.moments import Moments
from assay.seeds import canonical_json, check_count, generator

__all__ = [
    "Block",
    "Experiment",
    "MeasureError",
    "block_size",
    "blocks_for",
    "coin",
    "library_versions",
    "measure_name",
    "replicates_in",
    "run_block",
]

BLOCKS_PER_SIZE = 4
LIBRARIES = ("assay-theory", "numpy", "scipy", "numba", "jax", "scikit-learn")


class MeasureError(RuntimeError):
    """A measure raised, or returned something that is not an array of finite replicates."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """A measure at one setting, with the address of its random streams.

    `measure` is an importable module-level function ``measure(rng, replicates, **setting)`` returning an array of shape
    (replicates, …); `setting` holds its keyword arguments, made of what JSON can hold and infinities; `block` >= 1 is
    the size of the first blocks (choose it so that a block takes at least 0.1 s); `seed` >= 0 is the suite's seed;
    `key` >= 0 tells apart runs on fresh streams; `keep_samples` keeps the raw samples of each block beside its moments.
    Raises `ValueError` for a measure that workers could not import and for a setting without canonical text.

    >>> Experiment(coin, {}, block=0)
    Traceback (most recent call last):
        ...
    ValueError: block must be an integer >= 1, got block=0
    """

    measure: Callable[..., Any]
    setting: Mapping[str, Any]
    block: int = 64
    seed: int = 0
    key: int = 0
    keep_samples: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.setting, Mapping):
            raise ValueError(f"setting must be a mapping of keyword arguments, got setting={self.setting!r}")
        canonical_json(self.setting)
        _check_importable(self.measure)
        for name, low in (("block", 1), ("seed", 0), ("key", 0)):
            object.__setattr__(self, name, check_count(name, getattr(self, name), low))
        object.__setattr__(self, "setting", dict(self.setting))


@dataclass(frozen=True, eq=False)
class Block:
    """What one block gave: `moments`, the raw `samples` (replicates, …) or None, the `wall_time` of the measure in
    seconds, `info` about where it was computed, and whether it was `stored` before rather than computed now."""

    moments: Moments
    samples: NDArray[np.float64] | None
    wall_time: float
    info: Mapping[str, Any] = field(default_factory=dict)
    stored: bool = False


def measure_name(experiment: Experiment) -> str:
    """Return the dotted name of the measure of `experiment`, such as "simulations.random_features.risk_samples".

    >>> measure_name(Experiment(coin, {}))
    'assay.experiment.coin'
    """
    return f"{experiment.measure.__module__}.{experiment.measure.__qualname__}"


def block_size(experiment: Experiment, index: int) -> int:
    """Return the number of replicates in block `index` >= 0 of `experiment`: block · 2^⌊index/4⌋.

    >>> [block_size(Experiment(coin, {}, block=10), i) for i in range(9)]
    [10, 10, 10, 10, 20, 20, 20, 20, 40]
    """
    return experiment.block << (check_count("index", index) // BLOCKS_PER_SIZE)


def replicates_in(experiment: Experiment, blocks: int) -> int:
    """Return the number of replicates in the first `blocks` >= 0 blocks of `experiment`.

    >>> replicates_in(Experiment(coin, {}, block=10), 6)
    80
    """
    full, rest = divmod(check_count("blocks", blocks), BLOCKS_PER_SIZE)
    return experiment.block * (BLOCKS_PER_SIZE * ((1 << full) - 1) + (rest << full))


def blocks_for(experiment: Experiment, replicates: int) -> int:
    """Return the least number of first blocks of `experiment` that hold at least `replicates` >= 1 replicates together.

    >>> [blocks_for(Experiment(coin, {}, block=10), n) for n in (1, 40, 41, 60, 61)]
    [1, 4, 5, 5, 6]
    """
    wanted, blocks = check_count("replicates", replicates, 1), 0
    while replicates_in(experiment, blocks) < wanted:
        blocks += 1
    return blocks


def coin(rng: np.random.Generator, replicates: int, probability: float = 0.5) -> NDArray[np.float64]:
    """Return `replicates` tosses of a coin drawn from `rng`, 1 with the given `probability` and else 0: an example
    measure.

    Raises `ValueError` when `probability` is not in [0, 1].

    >>> coin(np.random.default_rng(1), 3, probability=0.0).tolist()
    [0.0, 0.0, 0.0]
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability must be in [0, 1], got probability={probability!r}")
    return (rng.random(replicates) < probability).astype(np.float64)


def run_block(experiment: Experiment, index: int) -> Block:
    """Return block `index` >= 0 of `experiment`, computed now on one BLAS thread.

    Raises `MeasureError`, naming measure, setting and block, when the measure raises, when its output's first axis is
    not the number of replicates, or when it is not finite. Source: derived.

    >>> float(run_block(Experiment(coin, {"probability": 1.0}), 0).moments.mean)
    1.0
    >>> run_block(Experiment(coin, {"probability": 2}), 0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    assay.experiment.MeasureError: assay.experiment.coin at {"probability":2} block 0: raised ValueError: ...
    """
    replicates = block_size(experiment, index)
    rng = generator(experiment.seed, measure_name(experiment), experiment.setting, index, experiment.key)
    start = time.perf_counter()
    try:
        with threadpool_limits(limits=1):
            output = experiment.measure(rng, replicates, **experiment.setting)
    except Exception as error:
        raise _failure(experiment, index, f"raised {type(error).__name__}: {error}") from error
    wall_time = time.perf_counter() - start
    samples = _checked_output(experiment, index, output, replicates)
    try:
        moments = Moments.of(samples)
    except OverflowError as error:
        raise _failure(experiment, index, str(error)) from error
    return Block(moments, samples if experiment.keep_samples else None, wall_time, library_versions())


@functools.cache
def library_versions() -> Mapping[str, str]:
    """Return the versions of Python, of the engine and of the libraries that simulations stand on.

    >>> library_versions()["python"] == platform.python_version()
    True
    """
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _checked_output(experiment: Experiment, index: int, output: Any, replicates: int) -> NDArray[np.float64]:
    """The measure's output as float64 (replicates, …), or a failure that says what came instead."""
    try:
        samples = np.asarray(output)
        if samples.dtype.kind not in "biuf":
            raise TypeError(f"dtype {samples.dtype}")
        samples = np.array(samples, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise _failure(
            experiment, index, f"returned something that is not an array of real numbers: {error}"
        ) from error
    if samples.ndim == 0 or samples.shape[0] != replicates:
        reason = f"must return an array of shape (replicates, ...) = ({replicates}, ...), got shape {samples.shape}"
        raise _failure(experiment, index, reason)
    bad = int(np.count_nonzero(~np.isfinite(samples)))
    if bad:
        raise _failure(experiment, index, f"returned {bad} of {samples.size} values that are not finite")
    return samples


def _failure(experiment: Experiment, index: int, reason: str) -> MeasureError:
    return MeasureError(f"{measure_name(experiment)} at {canonical_json(experiment.setting)} block {index}: {reason}")


def _check_importable(measure: Any) -> None:
    """Refuse lambdas, closures, partials, methods and functions of a script: a worker could not find them by name."""
    module, name = getattr(measure, "__module__", None), getattr(measure, "__qualname__", None)
    if not callable(measure) or not module or not name:
        raise ValueError(f"measure must be a function defined in a module, got measure={measure!r}")
    if module == "__main__":
        raise ValueError(f"measure must be defined in an importable module, got {name} defined in a script or notebook")
    try:
        found = sys.modules.get(module) or importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        found = None
    if found is not measure:
        raise ValueError(
            f"measure must be found again under its own name, got {measure!r} which is not {module}.{name}"
        )
