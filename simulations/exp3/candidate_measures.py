"""Measures on candidate rates of Exp3: the likelihood's cliff, finite sets of candidates, a wrong rule of truncation.

Measures and the settings that they share as in `measures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_vector
from simulations.exp3._arguments import LARGEST
from simulations.exp3._distances import MOST, laws
from simulations.exp3._tasks import check_task, distances_from_truth, evaluate_truth, likelihoods, parts

__all__ = [
    "FINITE_SET_OUTPUTS",
    "TRUNCATION_OUTPUTS",
    "candidate_likelihoods",
    "estimates_candidate_truncation",
    "finite_set_errors",
    "finite_set_exceedances",
]

Array = NDArray[np.float64]
FINITE_SET_OUTPUTS = ("affinity", "squared_distance", "squared_l1_distance", "slack", "reversed_slack", "correct")
TRUNCATION_OUTPUTS = ("total", "per_round", "own_exit")


def estimates_candidate_truncation(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    threshold: float,
    ratios: Sequence[float],
    bernoulli: bool = False,
    **variant: Any,
) -> Array:
    """Return the most likely of the candidates `ratios` times the true rate, as a ratio, columns `TRUNCATION_OUTPUTS`.

    total: every candidate's likelihood ends at the first round whose smallest probability is below `threshold` in the
    candidate's own eyes, which is wrong: a large rate has few terms. per_round: the same divided by the number of
    terms. own_exit: all end where the learner's own probabilities do, which is right. The first one of equals counts;
    exits later than `rounds` end there.

    `ratios` > 0, one or more; `rng`, `replicates`, `learning_rate`, `mean_losses`, `bernoulli` and `variant` as in the
    head of the module. Source: derived, ex.D1 and the stopping rule of ex.T2.

    >>> setting = dict(learning_rate=0.1, mean_losses=(1.0, 0.0), rounds=99, threshold=0.1, ratios=(0.5, 1.0, 9.0))
    >>> np.median(estimates_candidate_truncation(np.random.default_rng(0), 99, **setting), axis=0)[::2].tolist()
    [9.0, 1.0]
    """
    task = check_task(learning_rate, mean_losses, rounds, bernoulli, threshold, variant)
    candidates = check_vector("ratios", ratios, axis="ratios", low=0.0, open_low=True)
    count = check_integer("replicates", replicates, low=1)
    total, per_round, right = np.empty((3, count, candidates.size))
    for runs in parts(rng, count, task):
        for j, ratio in enumerate(candidates):
            logs = laws(
                np.full(len(runs.arms), ratio * task.learning_rate), *runs[1:3], task.n_arms, task.variant.options()
            )
            below = np.min(logs, axis=2) < np.log(threshold)
            below[:, 0] = False  # the first law is uniform, up to rounding
            stops = np.where(np.any(below, axis=1), np.argmax(below, axis=1), task.rounds)
            own = np.cumsum(np.take_along_axis(logs, runs.arms[..., None].astype(np.int64), axis=2)[..., 0], axis=1)
            every = np.arange(len(own))
            total[runs.rows, j], right[runs.rows, j] = own[every, stops - 1], own[every, runs.stops - 1]
            per_round[runs.rows, j] = total[runs.rows, j] / stops
    return np.column_stack([candidates[np.argmax(values, axis=1)] for values in (total, per_round, right)])


def candidate_likelihoods(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    scaled_time: float,
    ratios: Sequence[float],
    bernoulli: bool = False,
    **variant: Any,
) -> Array:
    """Return learning_rate L(candidate) of the candidates `ratios` times the true rate, then a flag for each of them.

    L is the log-likelihood of the first round(`scaled_time`/`learning_rate`) rounds, one at least. Values below -10^6
    are returned as -10^6 with flag 1: beyond the cliff a dead arm was drawn, or nearly so (ex.D6). Shape (replicates,
    2 candidates). `scaled_time` > 0; `ratios` > 0, one or more; `rng`, `replicates`, `mean_losses`, `bernoulli` and
    `variant` (gains among them) as in the head of the module.

    >>> setting = dict(learning_rate=0.5, mean_losses=(1.0, 0.0), scaled_time=0.5, ratios=(1.0, 2.0))
    >>> candidate_likelihoods(np.random.default_rng(0), 1, **setting).round(6).tolist()
    [[-0.346574, -0.346574, 0.0, 0.0]]
    """
    scaled_time = check_number("scaled_time", scaled_time, low=0.0, open_low=True)
    eta = check_number("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    task = check_task(eta, mean_losses, max(1, round(scaled_time / eta)), bernoulli, None, variant)
    candidates = check_vector("ratios", ratios, axis="ratios", low=0.0, open_low=True)
    out = np.empty((check_integer("replicates", replicates, low=1), candidates.size))
    for runs in parts(rng, len(out), task):
        out[runs.rows] = eta * likelihoods(task, runs, eta * candidates)
    return np.column_stack([np.maximum(out, -MOST), (out < -MOST).astype(np.float64)])


def finite_set_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    ratios: Sequence[float],
    bernoulli: bool = False,
    **variant: Any,
) -> Array:
    """Return how far the most likely of finitely many candidates is from the truth, columns `FINITE_SET_OUTPUTS`.

    affinity, squared_distance and squared_l1_distance as in `estimates`: no truncation, any losses (ex.D8). slack =
    M - sum_t KL(p_t | p^_t), surely >= 0 up to rounding, where M = L(estimate) - L(truth) + sum_t KL(p_t | p^_t) is a
    martingale for a fixed candidate; reversed_slack: the same with KL(p^_t | p_t), which may be negative. correct: 1
    where the truth is the most likely. Sums stop at 10^6.

    `ratios` > 0 of the candidates to the true rate, 1 among them; `rng`, `replicates`, `learning_rate`, `mean_losses`,
    `rounds`, `bernoulli` and `variant` as in the head of the module. Raises `ValueError` where the truth is no
    candidate. Source: ex.D8.

    >>> setting = dict(learning_rate=0.3, mean_losses=(2.0, 0.0), rounds=20, ratios=(1.0,))
    >>> finite_set_errors(np.random.default_rng(0), 1, **setting).tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]]
    """
    task = check_task(learning_rate, mean_losses, rounds, bernoulli, None, variant)
    candidates = check_vector("ratios", ratios, axis="ratios", low=0.0, open_low=True)
    if not np.any(candidates == 1.0):
        raise ValueError(f"ratios must contain 1, the truth, got ratios={ratios!r}")
    out = np.empty((check_integer("replicates", replicates, low=1), len(FINITE_SET_OUTPUTS)))
    for runs in parts(rng, len(out), task):
        values = likelihoods(task, runs, task.learning_rate * candidates)
        chosen = np.argmax(values, axis=1)
        far = distances_from_truth(task, runs, task.learning_rate * candidates[chosen])
        gain = np.max(values, axis=1) - evaluate_truth(task, runs)[0]
        reverse = np.clip(gain + far.divergence - far.reversed_divergence, -MOST, MOST)
        right = candidates[chosen] == 1.0
        out[runs.rows] = np.column_stack([far.affinity, far.squared, far.squared_l1, gain, reverse, right])
    return out


def finite_set_exceedances(
    rng: np.random.Generator, replicates: int, *, levels: Sequence[float], **setting: Any
) -> Array:
    """Return 1 where the most likely of finitely many candidates is further from the truth than `levels`, else 0.

    `levels` >= 0: three, one for each of affinity, squared_distance and squared_l1_distance of `finite_set_errors`,
    whose `setting` this takes, as `rng` and `replicates`; shape (replicates, 3). Source: ex.D8.

    >>> setting = dict(learning_rate=0.3, mean_losses=(2.0, 0.0), rounds=20, ratios=(1.0,), levels=(0.0, 0.0, 0.0))
    >>> finite_set_exceedances(np.random.default_rng(0), 1, **setting).tolist()
    [[0.0, 0.0, 0.0]]
    """
    most = check_vector("levels", levels, axis="distances", low=0.0)
    if most.size != 3:
        raise ValueError(f"levels must be three numbers, got levels={levels!r}")
    return (finite_set_errors(rng, replicates, **setting)[:, :3] > most).astype(np.float64)
