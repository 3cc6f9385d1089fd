"""Exact Fisher information of Exp3 with one lossy arm, at any horizon up to 1e300, and its plateaus.

Level m of the ladder (m pulls of the lossy arm done, p_m its probability, x_m the log-odds) has score variance
x'_m^2 p_m (1 - p_m) a round and lasts 1/p_m rounds on average. The expected number of its rounds up to n times p_m is
P(N_n > m), the probability that it is left within n rounds, N_n the number of lossy pulls. Hence

    I_n = sum_m x'_m^2 (1 - p_m) P(N_n > m),    E N_n = sum_m P(N_n > m),

sums of positive terms. A finished level has contributed exactly x'_m^2 (1 - p_m): between the end of one level and the
opening of the next, which may be e^88380 rounds away, I_n stands still.

Symbols: see the head of the package. Everything here is exact; the relative rounding error is about 1e-13, times
eta dx/d eta of the level that is just being left when the horizon falls on a riser (log p_m is no better known).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_number, check_range
from theory.exp3._cells import Array, as_given, in_rows, read_arms, read_loss, read_rate, read_rounds
from theory.exp3._levels import (
    FLOOR,
    MOST_LEVELS,
    by_ladder,
    log_complement,
    log_probability,
    probability,
    rungs,
    too_long,
)
from theory.exp3._matrix_powers import Chain, weighted_powers

__all__ = ["Plateaus", "exit_information", "expected_pulls", "information_plateaus", "ladder_information"]

DEEPEST = 1500.0  # log-odds beyond which 1e300 rounds add nothing that float64 holds
FAINT = -650.0  # log p below which p is scaled up, and the gain down: p may be below float64 where n p is not
TALLEST = 1e290  # log-odds up to which plateaus are followed


class Plateaus(NamedTuple):
    """Plateaus of I_n: lossy pulls done, height, and log10 of the first and last horizon, one entry a plateau."""

    pulls: NDArray[np.int64]
    information: Array
    log10_start: Array
    log10_end: Array


def ladder_information(
    rounds: ArrayLike, learning_rate: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> float | Array:
    """Return I_n = sum_m x'_m^2 (1 - p_m) P(N_n > m), the Fisher information about eta in n rounds (exact).

    About theta in eta = theta n^-alpha multiply by n^(-2 alpha).

    rounds: n, whole numbers from 1 to 1e300.
    learning_rate: eta, > 0, at most 1e150, broadcast against `rounds`.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150, broadcast likewise; the other arms pay nothing.

    A float for single numbers, else an array. Limits: 0 for one round; constant over astronomical ranges of n (see
    `information_plateaus`). Costs min(levels, 48)^3 log2 n, and about levels^2 more for ladders of more than 48 levels.
    Raises `ValueError` outside the domain and for ladders of more than 50 000 levels (eta l below about 2e-5 and as
    many rounds). Source: derived, claims ex.D2 and ex.D10.

    >>> round(ladder_information(2, 0.3), 6)  # x'_1 = 2, p_1 = 1/(1 + e^0.6): (1/2) 4 p_1 (1 - p_1)
    0.457568
    """
    cells, shape = _read(rounds, learning_rate, loss)
    time, rate, paid = cells
    value = _over_ladders(time, rate * paid, read_arms(n_arms), True)
    with np.errstate(over="ignore", under="ignore"):
        return as_given(value * paid * paid, shape)


def expected_pulls(
    rounds: ArrayLike, learning_rate: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> float | Array:
    """Return E N_n, the expected number of pulls of the lossy arm in n rounds (exact).

    It is the expected regret in units of the loss, and sum_m P(N_n > m).

    rounds: n, whole numbers from 1 to 1e300.
    learning_rate: eta, > 0, at most 1e150, broadcast against `rounds`.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150, broadcast likewise; the other arms pay nothing.

    A float for single numbers, else an array. Raises `ValueError` outside the domain and for ladders of more than
    50 000 levels. Source: derived, claims ex.D2 and ex.D10.

    >>> round(expected_pulls(2, 0.3), 6)  # 1/2 + (1/2) (1/2 + 1/(1 + e^0.6))
    0.927172
    """
    (time, rate, paid), shape = _read(rounds, learning_rate, loss)
    return as_given(_over_ladders(time, rate * paid, read_arms(n_arms), False), shape)


def exit_information(
    learning_rate: ArrayLike, threshold: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> float | Array:
    """Return sum_{m < m_eps} x'_m^2 (1 - p_m), the information in the rounds before the first exit T_eps (exact).

    T_eps is the first round whose smallest true probability is below the threshold, m_eps = min{m : p_m < threshold}.

    learning_rate: eta, > 0, at most 1e150.
    threshold: epsilon, > 0 and <= 1, broadcast against `learning_rate`.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150, broadcast likewise; the other arms pay nothing.

    A float for single numbers, else an array. Limits: 0 for thresholds above p_1. Raises `ValueError` outside the
    domain and for ladders of more than 50 000 levels. Source: derived, claim ex.D2.

    >>> round(exit_information(0.5, 0.1), 6)  # levels 0 and 1: x' = 0 and 2, 1 - p_1 = e/(1 + e)
    2.924234
    """
    level = check_range("threshold", threshold, low=0.0, high=1.0, open_low=True)
    arms = read_arms(n_arms)
    (rate, bar, paid), shape = in_rows(learning_rate=read_rate(learning_rate), threshold=level, loss=read_loss(loss))
    total = np.array([_before_exit(float(a), float(e), arms) for a, e in zip(rate * paid, bar, strict=True)])
    with np.errstate(over="ignore", under="ignore"):
        return as_given(total * paid * paid, shape)


def information_plateaus(learning_rate: float, n_arms: int = 2, loss: float = 1.0, tolerance: float = 0.01) -> Plateaus:
    """Return the plateaus of the information: where I_n stands still up to a relative `tolerance` (exact bounds).

    With m lossy pulls done the height is sum_{j<m} x'_j^2 (1 - p_j), and for all n from 10^log10_start to 10^log10_end
    I_n lies within `tolerance` of it. Proof: P(N_n < m) <= e^(-theta n) E e^(theta S_m) with e^-theta = 1 - p_{m-1}/2
    and S_m the round of pull m; and P(N_n > j) <= n p_j for the levels j >= m. Both ends are therefore conservative.

    learning_rate: eta, > 0, at most 1e150.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150; the other arms pay nothing.
    tolerance: the admitted relative change, in (0, 1).

    Arrays (plateaus,), in order; the last plateau within reach ends at inf, and plateaus whose start is beyond
    10^(1e290) are left out, so the arrays may be empty. The height is inf beyond float64. Raises `ValueError` outside
    the domain and for ladders of more than 50 000 levels. Source: derived, claim ex.D10.

    >>> found = information_plateaus(0.5)  # 4 pulls: sum of x'^2 (1 - p) up to x_3 = 12.08; p_4 = e^-88380
    >>> found.pulls, found.information[:1].round(4), found.log10_start[:1].round(), found.log10_end[:1].round(-2)
    (array([4, 5]), array([10165.9096]), array([6.]), array([38400.]))
    """
    rate, arms = check_number("learning_rate", read_rate(learning_rate)), read_arms(n_arms)
    paid = check_number("loss", read_loss(loss))
    allowed = check_number("tolerance", tolerance, low=0.0, high=1.0, open_low=True, open_high=True)
    log_odds, log_slope = _tower(rate * paid, arms)
    log_p, log_q = log_probability(log_odds, arms), log_complement(log_odds, arms)
    log_height = np.logaddexp.accumulate(2.0 * log_slope + log_q)  # of m + 1 pulls
    with np.errstate(under="ignore"):
        threat = np.logaddexp.accumulate((2.0 * log_slope + log_p + log_q)[::-1])[::-1]
        decay = log_p + np.log(_half_rate(log_p))
        start = math.log(-math.log(allowed)) - decay  # without what the levels before take
        end = np.append(math.log(allowed) + log_height[:-1] - threat[1:], np.inf)
        for m in np.flatnonzero(start <= end):
            slack = -np.sum(np.log1p(-0.5 * np.exp(log_p[m] - log_p[: m + 1])))
            start[m] = math.log(slack - math.log(allowed)) - decay[m]
    found = np.flatnonzero(np.isfinite(log_height) & (start <= end))
    with np.errstate(over="ignore", under="ignore"):
        height = np.exp(log_height[found] + 2.0 * math.log(paid))
    return Plateaus(found + 1, height, start[found] / math.log(10.0), end[found] / math.log(10.0))


def _half_rate(log_p: Array) -> Array:
    """Return -log(1 - p/2)/p, 1/2 where p is below float64."""
    half = 0.5 * np.exp(log_p)
    return np.where(half > 0.0, -np.log1p(-half) / np.where(half > 0.0, 2.0 * half, 1.0), 0.5)


def _read(rounds: ArrayLike, learning_rate: ArrayLike, loss: ArrayLike) -> tuple[list[Array], tuple[int, ...]]:
    return in_rows(rounds=read_rounds(rounds), learning_rate=read_rate(learning_rate), loss=read_loss(loss))


def _over_ladders(time: Array, rate: Array, n_arms: int, scores: bool) -> Array:
    """Return I_n for loss 1 (or E N_n without `scores`) for cells of n and eta l; equal rates share a chain."""
    keys, table, cells = by_ladder(rate[:, None], time)
    chains = [_chain(float(a), n_arms, float(row.max()), scores) for (a,), row in zip(keys, table, strict=True)]
    return weighted_powers(chains, table)[0][cells]


def _chain(rate: float, n_arms: int, rounds: float, scores: bool) -> Chain:
    """Return the chain of the levels that matter in `rounds` rounds: a level adds at most n x'^2 p, relatively."""
    steps: list[tuple[float, float]] = []
    log_rounds = math.log(rounds)
    for log_odds, slope in rungs(rate, n_arms):
        if len(steps) >= rounds or log_odds > DEEPEST:
            break
        size = log_rounds - log_odds - math.log(n_arms) + 2.0 * math.log(max(slope / n_arms, 1.0))
        if len(steps) > 1 and size < FLOOR:
            break
        if len(steps) == MOST_LEVELS:
            raise too_long(rate, MOST_LEVELS)
        steps.append((log_odds, slope))
    log_odds, slope = np.array(steps).T
    log_stay, log_move = log_complement(log_odds, n_arms), log_probability(log_odds, n_arms)
    gain = slope * slope * np.exp(log_stay) if scores else np.ones(len(steps))
    weight = np.concatenate(([0.0], np.cumsum(gain)))
    shift = max(0.0, FAINT - float(log_move[-1]))  # only the last level can be that deep
    log_move[-1] += shift
    weight[-1] *= math.exp(-shift)
    return Chain(log_stay, np.exp(log_move), np.zeros(len(steps)), weight)


def _before_exit(rate: float, threshold: float, n_arms: int) -> float:
    if threshold >= 1.0 / n_arms:
        return 0.0  # the first pull ends it, however little p_1 is below 1/K
    total = 0.0
    for level, (log_odds, slope) in enumerate(rungs(rate, n_arms)):
        p = probability(log_odds, n_arms)
        if p < threshold:
            break
        if level == MOST_LEVELS:
            raise too_long(rate, MOST_LEVELS)
        total += slope * slope * (1.0 - p)
    return total


def _tower(rate: float, n_arms: int) -> tuple[Array, Array]:
    """Return x_m and log dx_m/da up to x = 1e290."""
    steps: list[tuple[float, float]] = []
    log_slope = -math.inf
    for log_odds, slope in rungs(rate, n_arms):
        if log_odds > TALLEST:
            break
        if len(steps) == MOST_LEVELS:
            raise too_long(rate, MOST_LEVELS)
        if slope < TALLEST:
            log_slope = math.log(slope) if slope > 0.0 else -math.inf
        else:  # only the last level or two: its p is nothing, and x' = (1/p)(1 + a x') of the level before
            before = steps[-1]
            log_slope = before[0] + math.log(n_arms - 1.0) + float(np.logaddexp(0.0, math.log(rate) + before[1]))
        steps.append((log_odds, log_slope))
    log_odds, log_slopes = np.array(steps).T
    return log_odds, log_slopes
