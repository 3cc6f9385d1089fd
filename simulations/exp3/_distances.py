"""Histories seen by candidates, each history by its own one, and how far apart two candidates' laws are along them.

Distances start from logarithms of probabilities, so that those far below the smallest float and 0 count.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._likelihood import evaluate, record
from simulations.exp3._update import Options

__all__ = ["MOST", "Distances", "distances", "evaluate_each", "ladder_divergence", "laws", "spreads"]

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
MOST = 1e6  # a measure returns this for sums beyond it, infinite ones included


class Distances(NamedTuple):
    """Sums over rounds, each (histories,), at most `MOST`: `divergence` KL(p | q), `reversed_divergence` KL(q | p),
    `squared` |q - p|_2^2, `squared_l1` |q - p|_1^2 and `affinity` -log sum_k sqrt(p_k q_k)."""

    divergence: Array
    reversed_divergence: Array
    squared: Array
    squared_l1: Array
    affinity: Array


@njit(cache=True, error_model="numpy")
def evaluate_each(
    rates: Array, arms: Arms, losses: Array, stops: NDArray[np.int64], n_arms: int, options: Options, out: Array
) -> None:
    """Fill `out` (histories, 6) with what `evaluate` returns at the history's own rate.

    `rates` and `stops` (histories,), the rounds that count; `arms` and `losses` (histories, rounds), n_arms the arms.
    """
    for i in range(arms.shape[0]):
        stop = stops[i]
        found = evaluate(rates[i], arms[i, :stop], losses[i, :stop], n_arms, options, -math.inf)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3], out[i, 4], out[i, 5] = found


@njit(cache=True, error_model="numpy")
def _record_each(rates: Array, arms: Arms, losses: Array, options: Options, logs: Array) -> None:
    """Fill `logs` (histories, rounds, n_arms)."""
    scores, information = np.empty(logs.shape[1:]), np.empty(logs.shape[1])
    for i in range(arms.shape[0]):
        record(rates[i], arms[i], losses[i], options, logs[i], scores, information)


@njit(cache=True, error_model="numpy")
def spreads(rate: float, arms: Arms, losses: Array, n_arms: int, options: Options, out: Array) -> None:
    """Fill `out` (histories,) with the largest less the smallest d log p/d(rate) of an arm in the last round.

    `arms` and `losses` (histories, rounds), `n_arms` the arms; all at the same `rate`.
    """
    rounds = arms.shape[1]
    logs, scores, information = np.empty((rounds, n_arms)), np.empty((rounds, n_arms)), np.empty(rounds)
    for i in range(arms.shape[0]):
        record(rate, arms[i], losses[i], options, logs, scores, information)
        out[i] = np.max(scores[rounds - 1]) - np.min(scores[rounds - 1])


def laws(rates: Array, arms: Arms, losses: Array, n_arms: int, options: Options) -> Array:
    """Return log p of every arm and round as candidates compute it, each history at its own rate.

    `rates` (histories,), `arms` and `losses` (histories, rounds); the result (histories, rounds, `n_arms`).

    >>> history = np.array([[0, 1]], np.int16), np.array([[1.0, 0.0]])
    >>> logs = laws(np.array([0.5]), *history, 2, Options(1.0, 0.0, 0.0, 0.0, False))
    >>> np.exp(logs).round(3).tolist()
    [[[0.5, 0.5], [0.269, 0.731]]]
    """
    logs = np.empty((*arms.shape, n_arms))
    _record_each(np.ascontiguousarray(rates), arms, losses, options, logs)
    return logs


def distances(log_p: Array, log_q: Array) -> Distances:
    """Return the `Distances` of the laws exp(`log_p`) and exp(`log_q`), both (histories, rounds, n_arms).

    >>> far = distances(np.log([[[0.5, 0.5]]]), np.log([[[0.8, 0.2]]]))
    >>> [round(float(value[0]), 4) for value in far]
    [0.2231, 0.1927, 0.18, 0.36, 0.0527]
    """
    p, q = np.exp(log_p), np.exp(log_q)
    gap = np.abs(q - p)
    with np.errstate(divide="ignore"):  # disjoint laws have no affinity
        affinity = -np.log1p(-np.minimum(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2, axis=2) / 2, 1.0))
    terms = (
        _divergence(p, log_p, log_q),
        _divergence(q, log_q, log_p),
        np.sum(gap**2, axis=2),
        np.sum(gap, axis=2) ** 2,
        affinity,
    )
    return Distances(*(np.minimum(np.sum(term, axis=1), MOST) for term in terms))


def _divergence(p: Array, log_p: Array, log_q: Array) -> Array:
    """KL of the last axis; where p is 0 a term is 0."""
    ratio = np.zeros_like(p)
    np.subtract(log_p, log_q, out=ratio, where=p > 0)
    terms = np.multiply(p, ratio, out=ratio, where=p > 0)
    return np.maximum(np.sum(terms, axis=-1), 0.0)  # rounding can make it negative


def ladder_divergence(rate: float, others: Array, pulls: Array, rounds: float, n_arms: int, loss: float) -> Array:
    """Return sum_t KL(p_t(`rate`) | p_t(other)) along runs with one lossy arm, (replicates,), at most `MOST`.

    `others` (replicates,); `pulls` (replicates, levels) the rounds 1, 2, ... in which the arm with loss `loss` was
    drawn, then zeros. Between pulls the laws are constant: a level counts its rounds.

    >>> ladder_divergence(0.5, np.array([0.5, 1.0]), np.array([[1.0, 3.0], [2.0, 0.0]]), 3, 2, 1.0).round(4).tolist()
    [0.0, 0.0826]
    """
    ends = np.where(pulls > 0, pulls, rounds)
    stays = np.diff(ends, axis=1, prepend=0.0, append=float(rounds))
    total, mine, theirs = np.zeros(len(others)), np.zeros(len(others)), np.zeros(len(others))
    rates = np.full(len(others), rate)
    for level in range(stays.shape[1]):
        log_p, log_q = _ladder_law(mine, n_arms), _ladder_law(theirs, n_arms)
        here = stays[:, level] > 0
        total[here] += (stays[:, level] * np.minimum(_divergence(np.exp(log_p), log_p, log_q), MOST))[here]
        mine, theirs = (_climb(x, eta * loss, n_arms) for x, eta in ((mine, rates), (theirs, others)))
    return np.minimum(total, MOST)


def _climb(x: Array, step: Array, n_arms: int) -> Array:
    """The log-odds of one lossless arm over the lossy one after another pull; infinite once exp overflows."""
    with np.errstate(over="ignore"):
        return x + step * (1 + (n_arms - 1) * np.exp(x))


def _ladder_law(x: Array, n_arms: int) -> Array:
    """Logarithms of the probabilities of the lossy arm and of the others together, (replicates, 2)."""
    others = np.log1p(np.exp(-x) / (n_arms - 1))
    return -np.stack([np.log(n_arms - 1) + x + others, others], axis=1)
