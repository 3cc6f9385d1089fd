"""Settings that measures share: whose runs, how long, which rounds count; and the runs, a part of them at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number
from simulations.exp3._arguments import LARGEST, check_mean_losses
from simulations.exp3._distances import Distances, distances, evaluate_each, laws
from simulations.exp3._likelihood import evaluate_all
from simulations.exp3.simulation import exit_times, simulate
from simulations.exp3.variant import Variant

__all__ = [
    "KEYS",
    "Runs",
    "Task",
    "check_task",
    "distances_from_truth",
    "evaluate_truth",
    "interval",
    "likelihoods",
    "parts",
]

Array = NDArray[np.float64]
_CELLS = 1_000_000  # numbers in one array; some ten such arrays live at once
KEYS = 2**53  # seeds below it are exact as floats


@dataclass(frozen=True)
class Task:
    """A checked setting: whose runs, how long, and which of their rounds count."""

    learning_rate: float
    mean_losses: Array
    rounds: int
    bernoulli: bool
    threshold: float | None
    variant: Variant

    @property
    def n_arms(self) -> int:
        return self.mean_losses.shape[-1]


class Runs(NamedTuple):
    """Part of the replicates, `rows` of all: `arms`, `losses` (replicates, rounds), `stops` (replicates,)."""

    rows: slice
    arms: NDArray[np.int16]
    losses: Array
    stops: NDArray[np.int64]


def check_task(
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    bernoulli: bool,
    threshold: float | None,
    variant: dict[str, Any],
) -> Task:
    """The setting, checked."""
    eta = check_number("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    rounds = check_integer("rounds", rounds, low=1)
    check_mean_losses(mean_losses, rounds, bernoulli=bernoulli)
    means = np.asarray(mean_losses, dtype=np.float64)
    if threshold is not None:
        threshold = check_number("threshold", threshold, low=0.0, high=1 / means.shape[-1], open_low=True)
    return Task(eta, means, rounds, bernoulli, threshold, Variant(**variant))


def interval(learning_rate: float, low: float, high: float) -> tuple[float, float]:
    """The interval of rates from `low` to `high` times `learning_rate`, checked."""
    low = check_number("low", low, low=0.0, open_low=True)
    high = check_number("high", high, low=0.0, open_low=True)
    if not low < high:
        raise ValueError(f"low must be < high, got low={low!r} and high={high!r}")
    return low * learning_rate, high * learning_rate


def parts(rng: np.random.Generator, count: int, task: Task) -> Iterator[Runs]:
    """All replicates, as many at a time as fit into memory."""
    part = max(1, _CELLS // (task.rounds * task.n_arms))
    for start in range(0, count, part):
        size, seed = min(part, count - start), int(rng.integers(KEYS))
        law = (task.learning_rate, task.mean_losses)
        how: dict[str, Any] = {"bernoulli": task.bernoulli, "variant": task.variant}
        arms, losses = simulate(*law, task.rounds, size, seed, **how)
        stops = np.full(size, task.rounds)
        if task.threshold is not None:
            exits = exit_times(*law, task.threshold, size, seed, max_rounds=task.rounds, **how)
            stops = np.maximum(exits - 1, 1)  # the first law is uniform, in mixtures up to rounding
        yield Runs(slice(start, start + size), arms, losses, stops)


def evaluate_truth(task: Task, runs: Runs) -> Array:
    """Value, score, Hessian, information, condition and reliable rounds at the true rate, (6, replicates)."""
    rates = np.full(len(runs.arms), task.learning_rate)
    if task.threshold is None:
        return _evaluate(task, runs, rates[:1]).T
    out = np.empty((len(rates), 6))
    evaluate_each(rates, runs.arms, runs.losses, runs.stops, task.n_arms, task.variant.options(), out)
    return out.T


def _evaluate(task: Task, runs: Runs, rates: Array) -> Array:
    """The same of all rounds, (replicates x rates, 6); several at a time, which is faster than `evaluate_each`."""
    out = np.empty((len(runs.arms) * len(rates), 6))
    evaluate_all(rates, runs.arms, runs.losses, task.n_arms, task.variant.options(), out)
    return out


def likelihoods(task: Task, runs: Runs, rates: Array) -> Array:
    """Log-likelihoods of all rounds, (replicates, rates)."""
    return _evaluate(task, runs, rates)[:, 0].reshape(len(runs.arms), len(rates))


def distances_from_truth(task: Task, runs: Runs, rates: Array) -> Distances:
    """Distances of the laws at the true rate and at `rates` (replicates,), over the rounds that count."""
    given = runs.arms, runs.losses, task.n_arms, task.variant.options()
    log_p, log_q = laws(np.full(len(rates), task.learning_rate), *given), laws(rates, *given)
    beyond = np.arange(task.rounds) >= runs.stops[:, None]
    log_q[beyond] = log_p[beyond]
    return distances(log_p, log_q)
