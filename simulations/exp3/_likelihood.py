"""Compiled evaluation of one history at one candidate rate: log-likelihood, two derivatives, information, condition.

`evaluate` is the entry for searches over rates:
    evaluate(eta, arms, losses, n_arms, options, floor)
        -> (value, score, hessian, information, condition, reliable_rounds)
with `arms` int16 (rounds,), `losses` float64 (rounds,), both contiguous, `options` from `Variant.options()`. As every
term is <= 0, partial sums bound the value from above: the evaluation stops as soon as the value is below `floor`
(-inf: never), and what it then returns belongs to the rounds so far. Where a dead arm is drawn the value, the score and
the Hessian are -inf, by definition for the two derivatives. `information` is sum_t sum_k p h^2, `condition` the
largest |eta h|/max(1, -log p) of a drawn arm: the factor by which relative rounding errors of log p have grown.

`record` writes the law of every round instead. The rounds between two nonzero losses have the same law, which is
computed once. Sums are kept for 256 rounds at a time, so that rounding grows like the square root of their number.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._lanes import LANES, evaluate_lanes, plain
from simulations.exp3._many import (
    Moments,
    Weights,
    log_of,
    move,
    new_moments,
    new_weights,
    refresh,
    sensitive_law_of,
    spread,
)
from simulations.exp3._update import (
    LIMIT,
    Options,
    increment,
    mix,
    multiplier,
    saturate_c,
    saturate_g,
    step,
    two_laws,
    two_move,
)

__all__ = ["evaluate", "evaluate_all", "record"]

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
Evaluation = tuple[float, float, float, float, float, int]
_RUN = 256  # rounds summed together
_FEWEST = 16  # pairs for which lanes are worth their idle ones


# --- two arms: log-odds and their two derivatives


@njit(cache=True, error_model="numpy", forceinline=True)
def _two_laws(
    x: float, dx: float, ddx: float, options: Options
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """p, log p, h, h2 of arm 0, the same of arm 1, and sum p h^2."""
    laws = two_laws(x, dx, ddx)
    if options.mixing == 0.0:
        return laws
    p0, h0, k0 = mix(laws[0], laws[2], laws[3], 2, options)
    p1, h1, k1 = mix(laws[4], laws[6], laws[7], 2, options)
    return p0, math.log(p0), h0, k0, p1, math.log(p1), h1, k1, p0 * h0 * h0 + p1 * h1 * h1


@njit(cache=True, error_model="numpy", forceinline=True)
def _two_move(
    x: float, dx: float, ddx: float, arm: int, eta: float, loss: float, t: int, p: float, h: float, k: float,
    options: Options,
) -> tuple[float, float, float]:  # fmt: skip
    """x, dx, ddx after round `t` from 0."""
    factor = multiplier(t + 1, options)
    if options.cumulative and t > 0:
        ratio = factor / multiplier(t, options)
        x, dx, ddx = x * ratio, dx * ratio, ddx * ratio
    return two_move(x, dx, ddx, 1.0 if arm == 0 else -1.0, eta, step(loss, p, factor, options), p, h, k, options)


@njit(cache=True, error_model="numpy")
def _two_evaluate(eta: float, arms: Arms, losses: Array, options: Options, floor: float) -> Evaluation:
    """`evaluate` for two arms."""
    x, dx, ddx = 0.0, 0.0, 0.0
    value, score, hessian, information, steepest = 0.0, 0.0, 0.0, 0.0, 0.0
    reliable, t = -1, 0
    p0, log0, h0, k0, p1, log1, h1, k1, fisher = _two_laws(x, dx, ddx, options)
    while t < arms.size and value > floor:
        value_run, score_run, hessian_run, information_run = 0.0, 0.0, 0.0, 0.0
        end = min(t + _RUN, arms.size)
        while t < end and value + value_run > floor:
            arm, loss = arms[t], losses[t]
            p, h, k = (p0, h0, k0) if arm == 0 else (p1, h1, k1)
            value_run += log0 if arm == 0 else log1
            score_run += h
            hessian_run += k
            information_run += fisher
            steepness = abs(h) / max(1.0, -log0 if arm == 0 else -log1)
            if steepness > steepest:
                steepest = steepness
                if eta * steepest > LIMIT and reliable < 0:
                    reliable = t
            if loss != 0.0 or options.cumulative:
                x, dx, ddx = _two_move(x, dx, ddx, arm, eta, loss, t, p, h, k, options)
                p0, log0, h0, k0, p1, log1, h1, k1, fisher = _two_laws(x, dx, ddx, options)
            t += 1
        value += value_run
        score += score_run
        hessian += hessian_run
        information += information_run
    return value, score, hessian, information, eta * steepest, t if reliable < 0 else reliable


# --- any number of arms: laws kept until a loss is paid


@njit(cache=True, error_model="numpy", forceinline=True)
def _information(weights: Weights, moments: Moments, variance: float, options: Options) -> float:
    """Sum p h^2 of the round; `variance` that of g under the softmax."""
    if options.mixing == 0.0:
        return variance
    information, n_arms = 0.0, weights.y.size
    for k in range(n_arms):
        p, _, h, _ = sensitive_law_of(weights, moments, k)
        p, h, _ = mix(p, h, 0.0, n_arms, options)
        information += p * h * h
    return information


@njit(cache=True, error_model="numpy", forceinline=True)
def _many_law(
    weights: Weights, moments: Moments, variance: float, arm: int, options: Options
) -> tuple[float, float, float, float]:
    """p, log p, h, h2 of `arm`; `variance` that of g under the softmax."""
    p, odds_against, h, k = sensitive_law_of(weights, moments, arm)
    if options.mixing > 0.0:
        p, h, k = mix(p, h, k - variance, weights.y.size, options)
        return p, math.log(p), h, k
    return p, log_of(weights, arm, odds_against), h, k - variance


@njit(cache=True, error_model="numpy", forceinline=True)
def _many_move(
    weights: Weights, moments: Moments, arm: int, eta: float, loss: float, t: int, p: float, h: float, k: float,
    options: Options,
) -> float:  # fmt: skip
    """Bring weights and sensitivities to the round after round `t` from 0; the variance of g there."""
    g, c, _ = moments
    factor = multiplier(t + 1, options)
    ratio = factor / multiplier(t, options) if options.cumulative and t > 0 else 1.0
    if ratio != 1.0:
        for i in range(g.size):
            g[i] *= ratio
            c[i] *= ratio
    r = step(loss, p, factor, options)
    first, second = increment(eta, r, p, h, k, options)
    g[arm], c[arm] = saturate_g(g[arm] - first), saturate_c(c[arm] - second)
    everything = move(weights, arm, eta * r, ratio)
    refresh(weights, moments, arm, everything)
    return spread(weights, moments)


@njit(cache=True, error_model="numpy")
def _many_evaluate(eta: float, arms: Arms, losses: Array, n_arms: int, options: Options, floor: float) -> Evaluation:
    """`evaluate` for any number of arms."""
    weights, moments = new_weights(n_arms), new_moments(n_arms)
    laws, fresh = np.empty((n_arms, 4)), np.full(n_arms, -1)
    value, score, hessian, information, steepest = 0.0, 0.0, 0.0, 0.0, 0.0
    reliable, t, epoch, fisher, variance = -1, 0, 0, 0.0, 0.0
    while t < arms.size and value > floor:
        value_run, score_run, hessian_run, information_run = 0.0, 0.0, 0.0, 0.0
        end = min(t + _RUN, arms.size)
        while t < end and value + value_run > floor:
            arm, loss = arms[t], losses[t]
            law = laws[arm]
            if fresh[arm] != epoch:
                law[0], law[1], law[2], law[3] = _many_law(weights, moments, variance, arm, options)
                fresh[arm] = epoch
            value_run += law[1]
            score_run += law[2]
            hessian_run += law[3]
            information_run += fisher
            steepness = abs(law[2]) / max(1.0, -law[1])
            if steepness > steepest:
                steepest = steepness
                if eta * steepest > LIMIT and reliable < 0:
                    reliable = t
            if loss != 0.0 or options.cumulative:
                variance = _many_move(weights, moments, arm, eta, loss, t, law[0], law[2], law[3], options)
                fisher = _information(weights, moments, variance, options)
                epoch += 1
            t += 1
        value += value_run
        score += score_run
        hessian += hessian_run
        information += information_run
    return value, score, hessian, information, eta * steepest, t if reliable < 0 else reliable


# --- entries


@njit(cache=True, error_model="numpy")
def evaluate(eta: float, arms: Arms, losses: Array, n_arms: int, options: Options, floor: float) -> Evaluation:
    """Return (value, score, hessian, information, condition, reliable_rounds) of one history at rate `eta`.

    See the head of the module. A value at or below `floor` belongs to the first rounds only.
    """
    if n_arms == 2:
        found = _two_evaluate(eta, arms, losses, options, floor)
    else:
        found = _many_evaluate(eta, arms, losses, n_arms, options, floor)
    value, score, hessian, information, condition, reliable = found
    if value == -math.inf:
        return value, -math.inf, -math.inf, information, condition, reliable
    return value, score, hessian, information, condition, reliable


@njit(cache=True, error_model="numpy")
def evaluate_all(rates: Array, arms: Arms, losses: Array, n_arms: int, options: Options, out: Array) -> None:
    """Fill `out` (histories x rates, 6) with what `evaluate` returns; `arms` and `losses` (histories, rounds).

    Rates run fastest. Few arms go through lanes, 64 pairs at a time, where there are enough to fill some.
    """
    lanes = plain(options, n_arms)
    for start in range(0, out.shape[0], LANES):
        end = min(start + LANES, out.shape[0])
        filled = lanes and end - start >= _FEWEST
        if filled:
            evaluate_lanes(rates, arms, losses, start, options, out, n_arms)
        for pair in range(start, end):
            if not filled or math.isnan(out[pair, 0]):
                i, j = pair // rates.size, pair % rates.size
                found = evaluate(rates[j], arms[i], losses[i], n_arms, options, -math.inf)
                out[pair, 0], out[pair, 1], out[pair, 2] = found[0], found[1], found[2]
                out[pair, 3], out[pair, 4], out[pair, 5] = found[3], found[4], found[5]


@njit(cache=True, error_model="numpy")
def _two_record(
    eta: float, arms: Arms, losses: Array, options: Options, logs: Array, scores: Array, information: Array
) -> None:
    """`record` for two arms."""
    x, dx, ddx = 0.0, 0.0, 0.0
    for t in range(arms.size):
        p0, log0, h0, k0, p1, log1, h1, k1, information[t] = _two_laws(x, dx, ddx, options)
        logs[t, 0], logs[t, 1], scores[t, 0], scores[t, 1] = log0, log1, h0, h1
        p, h, k = (p0, h0, k0) if arms[t] == 0 else (p1, h1, k1)
        x, dx, ddx = _two_move(x, dx, ddx, arms[t], eta, losses[t], t, p, h, k, options)


@njit(cache=True, error_model="numpy")
def _many_record(
    eta: float, arms: Arms, losses: Array, options: Options, logs: Array, scores: Array, information: Array
) -> None:
    """`record` for any number of arms."""
    n_arms = logs.shape[1]
    weights, moments = new_weights(n_arms), new_moments(n_arms)
    fisher, variance = 0.0, 0.0
    for t in range(arms.size):
        arm = arms[t]
        information[t] = fisher
        for i in range(n_arms):
            _, logs[t, i], scores[t, i], _ = _many_law(weights, moments, variance, i, options)
        if losses[t] != 0.0 or options.cumulative:
            p, _, h, k = _many_law(weights, moments, variance, arm, options)
            variance = _many_move(weights, moments, arm, eta, losses[t], t, p, h, k, options)
            fisher = _information(weights, moments, variance, options)


@njit(cache=True, error_model="numpy")
def record(
    eta: float, arms: Arms, losses: Array, options: Options, logs: Array, scores: Array, information: Array
) -> None:
    """Fill `logs` and `scores` (rounds, n_arms) with log p and h of every arm, `information` (rounds,) with sum p h^2.

    With the operations of `evaluate`, so with its bits; an arm that is dead has log p = -inf.
    """
    if logs.shape[1] == 2:
        _two_record(eta, arms, losses, options, logs, scores, information)
    else:
        _many_record(eta, arms, losses, options, logs, scores, information)
