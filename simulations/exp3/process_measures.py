"""Measures on the course of Exp3 itself: exits, sensitivity to the rate, returns to a bad arm, least probabilities.

Measures and the settings that they share as in `measures`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_vector
from simulations.exp3._arguments import LARGEST, check_learning_rate, check_n_arms
from simulations.exp3._distances import spreads
from simulations.exp3._tasks import KEYS, check_task, evaluate_truth, parts
from simulations.exp3._threefry import BUFFER, fill_uniforms
from simulations.exp3._update import Options, step, two_arms
from simulations.exp3.simulation import exit_times
from simulations.exp3.variant import CLASSIC, Variant

__all__ = [
    "RETURN_OUTPUTS",
    "SENSITIVITY_OUTPUTS",
    "exit_rounds",
    "least_probabilities",
    "returning_pulls",
    "sensitivities",
]

Array = NDArray[np.float64]
SENSITIVITY_OUTPUTS = ("log_sensitivity", "log_information", "log_condition")
RETURN_OUTPUTS = ("probability", "squared_probability", "transform", "unfinished")
_LEAST = 1e-300  # logarithms of zero are those of this
_ASLEEP = -40.0  # log-odds at which an arm is not drawn: e^-40/(eta l) is the chance of an error
_ADVERSARIES = ("random", "greedy", "worst")


def exit_rounds(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    thresholds: Sequence[float],
    max_rounds: int,
    bernoulli: bool = False,
    **variant: Any,
) -> Array:
    """Return the first rounds 1, 2, ... with a probability below each of `thresholds`, then a flag for each of them.

    Shape (replicates, 2 thresholds). A run that has not got there by round `max_rounds` >= 1 returns max_rounds + 1
    with flag 1. The exits of one replicate belong to one run. `thresholds` in (0, 1], one or more; `rng`, `replicates`
    >= 1, `learning_rate`, `mean_losses` (or max_rounds rows), `bernoulli`, `variant` as in `measures`; for rates that
    fall from round to round rate_exponent and cumulative. Source: ex.D3, ex.E6.

    >>> setting = dict(learning_rate=0.3, mean_losses=(1.0, 1.0), thresholds=(0.6, 0.4, 0.01), max_rounds=2)
    >>> exit_rounds(np.random.default_rng(0), 1, **setting).tolist()
    [[1.0, 2.0, 3.0, 0.0, 0.0, 1.0]]
    """
    levels = check_vector("thresholds", thresholds, axis="thresholds", low=0.0, high=1.0, open_low=True)
    rounds, seed = check_integer("max_rounds", max_rounds, low=1), int(rng.integers(KEYS))
    how: dict[str, Any] = {"max_rounds": rounds, "bernoulli": bernoulli, "variant": Variant(**variant)}
    found = [exit_times(learning_rate, mean_losses, level, replicates, seed, **how) for level in levels.tolist()]
    exits = np.stack(found, axis=1)
    return np.column_stack([exits, exits > rounds]).astype(np.float64)


def sensitivities(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    bernoulli: bool = False,
    **variant: Any,
) -> Array:
    """Return decimal logarithms of how strongly a run depends on the rate, columns `SENSITIVITY_OUTPUTS`.

    log_sensitivity: of the largest less the smallest d log p_k/d(eta) over arms, in the last round, which for two arms
    is |dx/d(eta)|, x the log-odds; log_information: of sum_t sum_k p h^2; log_condition: of the largest |eta h|/max(1,
    -log p) of a drawn arm. Zeros count as 1e-300; values saturate at 1e130. Once the condition times 2^-52 is near 1,
    the run is that of Exp3 with rounding errors, not of exact Exp3; how fast the sensitivity grows stays the same
    (ex.D11).

    `rng`, `replicates`, `learning_rate`, `mean_losses`, `rounds`, `bernoulli` and `variant` as in `measures`. Source:
    ex.D11.

    >>> setting = dict(learning_rate=0.3, mean_losses=(5.0, 5.0), rounds=2)
    >>> sensitivities(np.random.default_rng(0), 1, **setting)[0, 0].item()
    1.0
    """
    task = check_task(learning_rate, mean_losses, rounds, bernoulli, None, variant)
    out = np.empty((check_integer("replicates", replicates, low=1), len(SENSITIVITY_OUTPUTS)))
    for runs in parts(rng, len(out), task):
        last = np.empty(len(runs.arms))
        spreads(task.learning_rate, runs.arms, runs.losses, task.n_arms, task.variant.options(), last)
        found = evaluate_truth(task, runs)
        out[runs.rows] = np.column_stack([last, found[3], found[4]])
    return np.log10(np.maximum(out, _LEAST))


def returning_pulls(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    losses: tuple[float, float],
    jump: float = 10.0,
    max_rounds: int = 10**7,
) -> Array:
    """Return the probability with which the lossier of two arms comes back after a large jump: `RETURN_OUTPUTS`.

    In a run with constant losses l1 > l2 > 0, wait for a draw of the lossier arm that moves the log-odds by `jump` or
    more; at its next draw it has probability p. Columns: u = p/(eta l2), u^2, e^-u; unfinished: 1 where that takes more
    than `max_rounds` >= 1 rounds (the others are 0 then). For a small rate u is exponential with mean 1 (ex.D11): means
    1, 2, 1/2. Rounds in which the arm has probability below e^-40 are passed over at once and not counted.

    `rng`, `replicates` >= 1; `learning_rate` > 0; `losses` = (l1, l2); `jump` > 0, in units of log-odds.

    >>> found = returning_pulls(np.random.default_rng(0), 500, learning_rate=0.02, losses=(2.0, 0.5))
    >>> bool(abs(np.mean(found[:, 2]) - 0.5) < 0.05), float(np.max(found[:, 3]))
    (True, 0.0)
    """
    eta = check_number("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    pair = check_vector("losses", losses, axis="arms", low=0.0, high=LARGEST, open_low=True)
    if pair.size != 2 or not pair[0] > pair[1]:
        raise ValueError(f"losses must be a pair (l1, l2) with l1 > l2 > 0, got losses={losses!r}")
    jump = check_number("jump", jump, low=0.0, open_low=True)
    rounds = check_integer("max_rounds", max_rounds, low=1)
    found = np.empty(check_integer("replicates", replicates, low=1))
    _returns(eta, pair, jump, int(rng.integers(KEYS)), rounds, CLASSIC.options(), found)
    done = found >= 0
    u = np.where(done, found, 0.0) / (eta * pair[1])
    return np.column_stack([u, u**2, np.where(done, np.exp(-u), 0.0), ~done]).astype(np.float64)


def least_probabilities(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    n_arms: int,
    rounds: int,
    adversary: str = "random",
    loss_max: float = 1.0,
) -> Array:
    """Return the smallest probability of every round against an adversary, (replicates, `rounds`): min_k p_{k,t}.

    `adversary`: "random", losses 0, `loss_max` or uniform in between, a third of them each, arms drawn by Exp3;
    "greedy", `loss_max` for the least probable arm (the first one of equals) and 0 for the others, arms drawn by Exp3;
    "worst", the same losses, and the least probable arm is drawn every time: the lowest probabilities that there are,
    with no chance in them. Compare with the sure bounds of ex.D3, which hold for every history.

    `rng`, `replicates` >= 1; `learning_rate` > 0; `n_arms` >= 1; `rounds` >= 1; `loss_max` > 0.

    >>> setting = dict(learning_rate=0.1, n_arms=2, rounds=2, adversary="worst", loss_max=2.5)
    >>> least_probabilities(np.random.default_rng(0), 1, **setting).round(6).tolist()
    [[0.5, 0.377541]]
    """
    eta, n_arms = float(check_learning_rate(check_number("learning_rate", learning_rate))), check_n_arms(n_arms)
    if adversary not in _ADVERSARIES:
        raise ValueError(f"adversary must be one of {', '.join(_ADVERSARIES)}, got adversary={adversary!r}")
    most = check_number("loss_max", loss_max, low=0.0, high=LARGEST, open_low=True)
    count, rounds = check_integer("replicates", replicates, low=1), check_integer("rounds", rounds, low=1)
    y, rows, out = np.zeros((count, n_arms)), np.arange(count), np.empty((count, rounds))
    for t in range(rounds):
        weights = np.exp(y - np.max(y, axis=1, keepdims=True))
        p = weights / np.sum(weights, axis=1, keepdims=True)
        least = np.argmin(p, axis=1)
        out[:, t] = p[rows, least]
        drawn = least
        if adversary != "worst":
            drawn = np.minimum(np.sum(np.cumsum(p, axis=1) < rng.random((count, 1)), axis=1), n_arms - 1)
        paid = np.where(drawn == least, most, 0.0)
        if adversary == "random":
            paid = most * np.clip(rng.uniform(-1.0, 2.0, count), 0.0, 1.0)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # a dead arm stays at -inf
            y[rows, drawn] -= np.where(paid > 0, eta * paid / p[rows, drawn], 0.0)
    return out


@njit(cache=True, error_model="numpy")
def _returns(eta: float, losses: Array, jump: float, seed: int, rounds: int, options: Options, found: Array) -> None:
    """Fill `found` (replicates,) with the lossier arm's probability at its first draw after a jump, -1 where none."""
    keys, uniforms = np.empty(2, np.uint64), np.empty(BUFFER)
    first, second = np.empty(BUFFER // 2, np.uint64), np.empty(BUFFER // 2, np.uint64)
    back = eta * losses[1]
    for i in range(found.size):
        keys[0], keys[1] = np.uint64(seed), np.uint64(i)
        found[i], x, jumped = -1.0, 0.0, False
        for t in range(rounds):
            if t % BUFFER == 0:
                fill_uniforms(keys, t, 0, first, second, uniforms)
            p, other = two_arms(x)
            if uniforms[t % BUFFER] >= p:
                x += eta * step(losses[1], other, 1.0, options)
            elif jumped:
                found[i] = p
                break
            else:
                change = eta * step(losses[0], p, 1.0, options)
                x -= change
                jumped = change >= jump
            if x < _ASLEEP - back:
                x += math.floor((_ASLEEP - x) / back) * back
