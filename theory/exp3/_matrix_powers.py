"""Row vectors times powers of bidiagonal matrices with nonnegative entries, for exponents up to 1e300.

A chain starts at level 0; in a round at level m it stays with weight s_m, moves to level m + 1 with weight t_m, and is
lost with weight d_m. After n rounds v_m(n) is its weight at level m (level M, the last, is never left). Wanted are
sum_m v_m(n) w_m and what is lost. Squaring B repeatedly adds positive numbers only, and the diagonal, s_m^(2^k), is
put in afresh from log s_m each time: the relative error of an entry grows like M log2 n, not like n.

Where there are more than `BLOCK` levels the first rounds are followed one by one (level by level, each a recursive
filter in time), until no level but the last `BLOCK` holds anything.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Array = NDArray[np.float64]
BLOCK = 48  # levels in a matrix
NOTHING = 1e-100  # of a level's largest weight, at which it is taken to be empty
DECAY = -np.log(NOTHING)
CELLS = 2**21  # numbers per temporary array


class Chain(NamedTuple):
    """A chain: log s_m, t_m and d_m of the levels that are left, (M,) each, and w_m, (M + 1,)."""

    log_stay: Array
    move: Array
    lose: Array
    weight: Array


class Waiting(NamedTuple):
    """A chain with the weights `start` of its levels and the loss `lost` after `begin` rounds; `row` is its place."""

    row: int
    chain: Chain
    start: Array
    lost: float
    begin: float


def weighted_powers(chains: list[Chain], rounds: Array) -> tuple[Array, Array]:
    """Return (sum_m v_m(n) w_m, weight lost) of every chain for its row of `rounds`, shape (chains, horizons)."""
    values, lost = np.zeros(rounds.shape), np.zeros(rounds.shape)
    waiting = []
    for row, chain in enumerate(chains):
        if len(chain.move) <= BLOCK:
            waiting.append(Waiting(row, chain, np.eye(1, len(chain.weight))[0], 0.0, 0.0))
            continue
        begin = min(_settling_time(chain), float(np.max(rounds[row])))
        values[row], lost[row], final, gone = _follow(chain, rounds[row], int(begin))
        end = Chain(chain.log_stay[-BLOCK:], chain.move[-BLOCK:], chain.lose[-BLOCK:], chain.weight[-BLOCK - 1 :])
        waiting.append(Waiting(row, end, final[-BLOCK - 1 :], gone, begin))
    waiting = sorted(waiting, key=lambda item: len(item.start))  # chains of like length share a block
    size = max(1, CELLS // (BLOCK + 2) ** 2)
    for block in (waiting[first : first + size] for first in range(0, len(waiting), size)):
        rows = [item.row for item in block]
        left = rounds[rows] - np.array([item.begin for item in block])[:, None]
        if np.any(left > 0.0):
            found = _by_squaring([item.chain for item in block], [item.start for item in block], np.maximum(left, 0.0))
            values[rows] = np.where(left > 0.0, found[0], values[rows])
            lost[rows] = np.where(left > 0.0, found[1] + np.array([[item.lost] for item in block]), lost[rows])
    return values, lost


def _settling_time(chain: Chain) -> float:
    """Return rounds after which no level but the last `BLOCK` holds anything (each is left after 1/(1 - s) rounds)."""
    leave = -np.expm1(chain.log_stay[: len(chain.move) - BLOCK])
    return float(np.ceil(np.sum(1.0 / leave) + DECAY / leave.min()))


def _follow(chain: Chain, rounds: Array, end: int) -> tuple[Array, Array, Array, float]:
    """Return values and losses for the rounds up to `end`, the weights v_m(end), and the loss at `end`.

    Level by level: the arrivals at a level in rounds first, first + 1, ... give its weight by a recursive filter.
    """
    times = np.minimum(rounds, end).astype(np.int64)
    values, lost, final, gone = np.zeros(times.shape), np.zeros(times.shape), np.zeros(len(chain.weight)), 0.0
    first, arrivals = 0, np.ones(1)
    for level, weight in enumerate(chain.weight):
        last = level == len(chain.move)
        log_stay = 0.0 if last else chain.log_stay[level]
        tail = end if last else int(min(float(end), np.ceil(-DECAY / log_stay)))
        arrivals = np.pad(arrivals[: end + 1 - first], (0, tail))[: end + 1 - first]
        if not arrivals.any():  # none left, or underflown
            break
        held = np.asarray(lfilter([1.0], [1.0, -np.exp(log_stay)], arrivals))
        kept = np.flatnonzero(held > NOTHING * held.max())
        first, held = first + int(kept[0]), held[kept[0] : kept[-1] + 1]
        inside = (times >= first) & (times < first + len(held))
        values[inside] += weight * held[times[inside] - first]
        if first <= end < first + len(held):
            final[level] = held[end - first]
        if not last:
            total = chain.lose[level] * np.concatenate(([0.0], np.cumsum(held)))
            lost += total[np.clip(times - first, 0, len(held))]
            gone += float(total[min(end - first, len(held))])
            first, arrivals = first + 1, chain.move[level] * held
    return values, lost, final, gone


def _by_squaring(chains: list[Chain], starts: list[Array], rounds: Array) -> tuple[Array, Array]:
    """Return values and losses (chains, horizons) from the given starts; the chains are padded to equal length."""
    size = max(len(start) for start in starts)
    log_diagonal, matrix = np.zeros((len(chains), size + 1)), np.zeros((len(chains), size + 1, size + 1))
    weights, state = np.zeros((len(chains), size + 1)), np.zeros((*rounds.shape, size + 1))
    for row, (chain, start) in enumerate(zip(chains, starts, strict=True)):
        levels = np.arange(len(chain.move))
        log_diagonal[row, levels] = chain.log_stay
        matrix[row, levels, levels + 1] = chain.move
        matrix[row, levels, size] = chain.lose  # the last state collects what is lost
        weights[row, : len(start)] = chain.weight
        state[row, :, : len(start)] = start
    diagonal = np.arange(size + 1)
    bits, power = rounds, 1.0
    with np.errstate(under="ignore"):
        while True:
            matrix[:, diagonal, diagonal] = np.exp(power * log_diagonal)
            odd = np.fmod(bits, 2.0) == 1.0
            if odd.any():
                state = np.where(odd[..., None], state @ matrix, state)
            bits, power = np.floor(0.5 * bits), 2.0 * power
            if not bits.any():
                break
            matrix = matrix @ matrix
    return (state @ weights[..., None])[..., 0], state[..., size]
