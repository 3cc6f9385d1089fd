"""Many runs of Exp3, compiled: histories of drawn arms and paid losses, and first rounds below a threshold."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number
from simulations.exp3._arguments import LARGEST, check_mean_losses
from simulations.exp3._lanes import LANES, plain, run_lanes
from simulations.exp3._many import draw, law_of, log_of, move, new_weights
from simulations.exp3._threefry import BUFFER, fill_uniforms
from simulations.exp3._update import (
    Options,
    mix,
    multiplier,
    step,
    two_arms,
    two_arms_log,
)
from simulations.exp3.variant import CLASSIC, Variant, check_variant

__all__ = ["Histories", "exit_times", "simulate"]

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
_MOST = 2**62  # seeds and replicates are 64-bit keys, rounds are counters
_MOST_NUMBERS = 2**32  # 40 GiB of arms and losses


class Histories(NamedTuple):
    """What an observer sees: `arms` (replicates, rounds), int16 from 0; `losses` (replicates, rounds) as paid."""

    arms: Arms
    losses: Array


@njit(cache=True, error_model="numpy")
def _two_arms_run(
    eta: float,
    table: Array,
    bernoulli: bool,
    options: Options,
    keys: NDArray[np.uint64],
    rounds: int,
    threshold: float,
    arms: Arms,
    losses: Array,
    trace: Array,
) -> int:
    """One run with two arms; return the first round whose smaller probability is below `threshold`, or rounds + 1.

    Rounds are stored as far as `arms` and `losses` reach, the logarithm of the drawn arm's probability in `trace`.
    """
    uniforms, coins = np.empty(BUFFER), np.empty(BUFFER)
    first, second = np.empty(BUFFER // 2, np.uint64), np.empty(BUFFER // 2, np.uint64)
    x, p0, p1 = 0.0, 0.5, 0.5
    for t in range(rounds):
        if min(p0, p1) < threshold:
            return t + 1
        place = t % BUFFER
        if place == 0:
            fill_uniforms(keys, t, 0, first, second, uniforms)
            if bernoulli:
                fill_uniforms(keys, t, 1, first, second, coins)
        arm = 0 if uniforms[place] < p0 else 1
        loss = table[t % table.shape[0], arm]
        if bernoulli:
            loss = 1.0 if coins[place] < loss else 0.0
        if t < arms.size:
            arms[t], losses[t] = arm, loss
        if t < trace.size:
            logs = two_arms_log(x)
            own = logs[0] if arm == 0 else logs[1]
            trace[t] = own if options.mixing == 0.0 else math.log(p0 if arm == 0 else p1)
        factor = multiplier(t + 1, options)
        if options.cumulative and t > 0:
            x *= factor / multiplier(t, options)
        if loss != 0.0:
            change = eta * step(loss, p0 if arm == 0 else p1, factor, options)
            x = x - change if arm == 0 else x + change
        if loss != 0.0 or options.cumulative:
            p0, p1 = two_arms(x)
            p0, p1 = mix(p0, 0.0, 0.0, 2, options)[0], mix(p1, 0.0, 0.0, 2, options)[0]
    return rounds + 1


@njit(cache=True, error_model="numpy")
def _lowest(y: Array, lowest: int, moved: int, fell: bool) -> int:
    """The arm of the smallest of log weights `y`, given which it was before that of `moved` changed, and if it fell."""
    if moved != lowest:
        return moved if y[moved] < y[lowest] else lowest
    if fell:
        return lowest
    for k in range(y.size):
        if y[k] < y[lowest]:
            lowest = k
    return lowest


@njit(cache=True, error_model="numpy")
def _many_arms_run(
    eta: float,
    table: Array,
    bernoulli: bool,
    options: Options,
    keys: NDArray[np.uint64],
    rounds: int,
    threshold: float,
    arms: Arms,
    losses: Array,
    trace: Array,
) -> int:
    """One run with any number of arms; arguments and result as those of `_two_arms_run`."""
    n_arms = table.shape[1]
    uniforms, coins = np.empty(BUFFER), np.empty(BUFFER)
    first, second = np.empty(BUFFER // 2, np.uint64), np.empty(BUFFER // 2, np.uint64)
    weights, lowest, row = new_weights(n_arms), 0, -1
    for t in range(rounds):
        if threshold > 0.0 and mix(weights.w[lowest] / weights.sums[1], 0.0, 0.0, n_arms, options)[0] < threshold:
            return t + 1
        place = t % BUFFER
        if place == 0:
            fill_uniforms(keys, t, 0, first, second, uniforms)
            if bernoulli:
                fill_uniforms(keys, t, 1, first, second, coins)
        row = row + 1 if row + 1 < table.shape[0] else 0
        arm = draw(weights, uniforms[place], options)
        loss = table[row, arm]
        if bernoulli:
            loss = 1.0 if coins[place] < loss else 0.0
        if t < arms.size:
            arms[t], losses[t] = arm, loss
        if loss == 0.0 and not options.cumulative and t >= trace.size:
            continue
        p, odds_against = law_of(weights, arm)
        p = mix(p, 0.0, 0.0, n_arms, options)[0]
        if t < trace.size:
            trace[t] = log_of(weights, arm, odds_against) if options.mixing == 0.0 else math.log(p)
        factor = multiplier(t + 1, options)
        ratio = factor / multiplier(t, options) if options.cumulative and t > 0 else 1.0
        change = eta * step(loss, p, factor, options) if loss != 0.0 else 0.0
        if change != 0.0 or ratio != 1.0:
            move(weights, arm, change, ratio)
            if threshold > 0.0:
                lowest = _lowest(weights.y, lowest, arm, change >= 0.0)
    return rounds + 1


@njit(cache=True, error_model="numpy")
def run_histories(
    eta: float,
    table: Array,
    bernoulli: bool,
    options: Options,
    seed: int,
    first_replicate: int,
    rounds: int,
    threshold: float,
    arms: Arms,
    losses: Array,
    trace: Array,
    exits: NDArray[np.int64],
) -> None:
    """Run the replicates of `exits` (replicates,) and store what `arms`, `losses` and `trace` have columns for."""
    keys = np.empty(2, np.uint64)
    if plain(options, table.shape[1]) and trace.shape[1] == 0:
        for i in range(0, exits.size, LANES):
            part = slice(i, min(i + LANES, exits.size))
            settings = eta, table, bernoulli, options, seed, first_replicate + i, rounds, threshold
            run_lanes(*settings, arms[part], losses[part], exits[part])
        return
    for i in range(exits.size):
        keys[0], keys[1] = np.uint64(seed), np.uint64(first_replicate + i)
        out = arms[i], losses[i], trace[i]
        if table.shape[1] == 2:
            exits[i] = _two_arms_run(eta, table, bernoulli, options, keys, rounds, threshold, *out)
        else:
            exits[i] = _many_arms_run(eta, table, bernoulli, options, keys, rounds, threshold, *out)


def simulate(
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    replicates: int,
    seed: int,
    *,
    bernoulli: bool = False,
    variant: Variant = CLASSIC,
    first_replicate: int = 0,
) -> Histories:
    """Return the drawn arms and paid losses of independent runs of Exp3, (arms, losses).

    All log weights start at 0; in each round an arm is drawn from their softmax, its loss l is paid, and its log
    weight falls by learning_rate l/p, p being its probability.

    `learning_rate` > 0; `mean_losses` (n_arms,) or (rounds, n_arms), any real numbers, paid as they are, or, where
    `bernoulli`, in [0, 1] and the probabilities of paying 1; `rounds`, `replicates` >= 1, their product <= 2^32; `seed`
    and `first_replicate` whole numbers in [0, 2^62]; `variant` what deviates from the above. Replicate i is a function
    of seed and first_replicate + i alone: its first rounds do not depend on `rounds`, and two learning rates see the
    same uniform numbers. Limits: learning rates and losses are at most 1e20 in magnitude.

    >>> arms, losses = simulate(0.3, [1.0, 0.0], 6, 2, seed=1)
    >>> bool((losses == (arms == 0)).all()), arms.shape
    (True, (2, 6))
    """
    rounds = check_integer("rounds", rounds, low=1)
    count = check_integer("replicates", replicates, low=1)
    if rounds * count > _MOST_NUMBERS:
        raise ValueError(
            f"replicates times rounds must be <= {_MOST_NUMBERS}, got replicates={count} and rounds={rounds}; "
            f"ask for fewer at a time by first_replicate"
        )
    arms, losses = np.empty((count, rounds), np.int16), np.empty((count, rounds))
    table = check_mean_losses(mean_losses, rounds, bernoulli=bernoulli)
    _run(learning_rate, table, bernoulli, variant, seed, first_replicate, rounds, -1.0, arms, losses)
    return Histories(arms, losses)


def exit_times(
    learning_rate: float,
    mean_losses: ArrayLike,
    threshold: float,
    replicates: int,
    seed: int,
    *,
    max_rounds: int,
    bernoulli: bool = False,
    variant: Variant = CLASSIC,
) -> NDArray[np.int64]:
    """Return the first round t = 1, 2, ... whose smallest probability is below `threshold`, shape (replicates,).

    A run that has not got there by round `max_rounds` >= 1 returns max_rounds + 1. Nothing else is stored. `threshold`
    in (0, 1]; above 1/n_arms every run returns 1. `learning_rate`, `mean_losses` (per round: max_rounds rows),
    `replicates`, `seed`, `bernoulli` and `variant` as in `simulate`, whose runs these are.

    >>> exit_times(0.5, [1.0, 0.0], 0.3, 3, seed=0, max_rounds=1).tolist()
    [2, 2, 2]
    """
    rounds = check_integer("max_rounds", max_rounds, low=1, high=_MOST)
    count = check_integer("replicates", replicates, low=1, high=_MOST_NUMBERS)
    threshold = check_number("threshold", threshold, low=0.0, high=1.0, open_low=True)
    table = check_mean_losses(mean_losses, rounds, bernoulli=bernoulli)
    empty = np.empty((count, 0), np.int16), np.empty((count, 0))
    return _run(learning_rate, table, bernoulli, variant, seed, 0, rounds, threshold, *empty)


def _run(
    learning_rate: float,
    table: Array,
    bernoulli: bool,
    variant: Variant,
    seed: int,
    first_replicate: int,
    rounds: int,
    threshold: float,
    arms: Arms,
    losses: Array,
    traced: int = 0,
) -> NDArray[np.int64]:
    """Check what is left to check and run; exit times, and log-probabilities of drawn arms where `traced`."""
    eta = check_number("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    seed = check_integer("seed", seed, low=0, high=_MOST)
    first = check_integer("first_replicate", first_replicate, low=0, high=_MOST)
    options = check_variant(variant).options()
    trace, exits = np.empty((len(arms), 0)), np.empty(len(arms), np.int64)
    run_histories(eta, table, bernoulli, options, seed, first, rounds, threshold, arms, losses, trace, exits)
    return exits
