"""The mean-field course of the scores, for any number of arms and any losses, by quadrature only. Not public.

The limit eta -> 0 of gamma_k = eta d y_k/d eta is dgamma_k/ds = -l_k (1 - h_k), h = gamma - sum_j p_j gamma_j. With
Z = sum_j exp(-l_j s) and mu = sum_j p_j l_j = -Z'/Z, the mean m = sum_j p_j gamma_j solves (m Z)' = Z' (1 + m), so

    m = log(Z/K),    h_k' = l_k h_k + mu - l_k,    h_k(s) = int_0^s exp(l_k (s - r)) (mu(r) - l_k) dr:

the arms are coupled by mu alone, and p_k h_k = (1/Z(s)) int_0^s Z dp_k. Carried is v_k = exp(-max(l_k, 0) s) h_k,
which never overflows. Z has no zero with |Im s| < pi/(max l - min l), since there all its terms lie in a half plane. On
panels of width 1/scale, scale = max(max |l|, max l - min l), interpolation on 16 Gauss nodes converges like rho^-16
with rho >= 12.6 (a panel reaches 1/2 from its centre, the zeros are at least pi away), that is to rounding. Nothing
cancels: mu - l_k are differences of losses, and all terms of J and Q are positive. J and Q are carried as logarithms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

Array = NDArray[np.float64]
NODES = 16
BLOCK = 200_000  # entries (panels * nodes * arms) worked on at once


@dataclass(frozen=True)
class Course:
    """At each time: log J and log Q, shape (times,); log p and v, shape (times, arms)."""

    log_information: Array
    log_prediction: Array
    log_probability: Array
    scaled_score: Array


def _collocation() -> tuple[Array, Array, Array]:
    """Return Gauss nodes and weights on [0, 1] and the matrix of integrals from 0 to each node and, last row, to 1."""
    roots, weights = legendre.leggauss(NODES)
    ends = np.append(roots, 1.0)
    degree = np.arange(NODES)
    to_series = (degree[:, None] + 0.5) * weights * legendre.legvander(roots, NODES - 1).T
    values = legendre.legvander(ends, NODES)
    integrals = np.empty((NODES + 1, NODES))
    integrals[:, 0] = ends + 1.0
    integrals[:, 1:] = (values[:, 2:] - values[:, :-2]) / (2 * degree[1:] + 1)
    return 0.5 * (roots + 1.0), 0.5 * weights, 0.5 * integrals @ to_series


ROOTS, WEIGHTS, INTEGRALS = _collocation()
PLACES = np.append(ROOTS, 1.0)


def log_probability(times: Array, losses: Array) -> Array:
    """Return log softmax(-times losses), arms on a new last axis; times * range of the losses must be finite."""
    fall = -times[..., None] * (losses - losses.min())
    with np.errstate(under="ignore"):
        return fall - np.log(np.exp(fall).sum(axis=-1, keepdims=True))


def course(times: Array, losses: Array) -> Course:
    """Return the course at `times`, shape (times,), >= 0, for losses of shape (arms,)."""
    scale = max(np.abs(losses).max(), float(np.ptp(losses)))
    grid = np.arange(1.0, np.ceil(times.max(initial=0.0) * scale)) / scale if scale else np.empty(0)
    edges, place = np.unique(np.concatenate([[0.0], grid, times]), return_inverse=True)
    block = max(1, BLOCK // (NODES * len(losses)))
    scores, logs = [np.zeros((1, len(losses)))], [np.full((1, 2), -np.inf)]
    for first in range(0, len(edges) - 1, block):
        score, panel_logs = _panels(edges[first : first + block + 1], losses, scores[-1][-1])
        scores.append(score)
        logs.append(panel_logs)
    at = place[len(place) - len(times) :]
    totals, score = np.logaddexp.accumulate(np.concatenate(logs))[at], np.concatenate(scores)[at]
    return Course(totals[:, 0], totals[:, 1], log_probability(times, losses), score)


def _panels(edges: Array, losses: Array, start: Array) -> tuple[Array, Array]:
    """Return v at the right ends, shape (panels, arms), and the logs of the panels' parts of J and Q, (panels, 2)."""
    begin, width = edges[:-1], np.diff(edges)
    steps = width[:, None] * PLACES
    times = begin[:, None] + steps
    logs = log_probability(times, losses)
    excess = losses - losses.min()
    with np.errstate(under="ignore", divide="ignore"):
        pull = (np.exp(logs) * excess).sum(axis=-1, keepdims=True) - excess  # mu - l_k
        forced = width[:, None, None] * (INTEGRALS @ (np.exp(-steps[..., None] * losses) * pull)[:, :-1])
        keep = np.exp(steps[..., None] * np.minimum(losses, 0.0))
        forced *= keep * np.exp(-begin[:, None, None] * np.maximum(losses, 0.0))
        starts = np.empty((len(width) + 1, len(losses)))
        starts[0] = start
        for i in range(len(width)):
            starts[i + 1] = keep[i, -1] * starts[i] + forced[i, -1]
        score = (keep * starts[:-1, None] + forced)[:, :-1]
        growth = logs[:, :-1] + 2.0 * times[:, :-1, None] * np.maximum(losses, 0.0)
        parts = [_log_integral(exponent, score, width) for exponent in (growth, growth + logs[:, :-1])]
    return starts[1:], np.stack(parts, axis=-1)


def _log_integral(exponent: Array, score: Array, width: Array) -> Array:
    """Return log int sum_k exp(exponent_k) score_k^2 ds over each panel."""
    top = exponent.max(axis=(1, 2), keepdims=True)
    total = ((np.exp(exponent - top) * score**2).sum(axis=-1) * WEIGHTS).sum(axis=-1)
    return top[:, 0, 0] + np.log(total) + np.log(width)
