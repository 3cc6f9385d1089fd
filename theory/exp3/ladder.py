"""The exact ladder of Exp3 with one lossy arm, its first exit times, and sure bounds of the probabilities.

One arm pays the constant loss l, the other K - 1 nothing. The probability p of the lossy arm depends only on the number
m of its pulls:

    x_0 = 0,  x_{m+1} = x_m + eta l/p_m,  p_m = 1/(1 + (K - 1) e^{x_m})

and level m lasts a geometric number of rounds with mean 1/p_m, independent of the others. Each step is about
eta l (K - 1) e^x: a tower of exponentials, which passes float64 a few levels after p has fallen below eta l.

No sequence of losses in [0, l] and of draws pushes any probability down faster than pulling one arm in every round at
loss l does: log((1 - p)/p) -> log((1 - p)/p) + eta l/p is increasing, and arms that are not drawn gain. So the ladder
bounds all of them.

Symbols: see the head of the package. Everything here is exact.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from theory._checks import check_integer, check_range
from theory.exp3._cells import Array, as_given, in_rows, read_arms, read_loss, read_rate, read_rounds
from theory.exp3._levels import MOST_CLIMBED, probability, rungs, too_long

__all__ = [
    "ExitTime",
    "Truncation",
    "admissible_truncation",
    "exit_time",
    "ladder",
    "sharp_probability_bound",
    "sure_probability_bound",
]

WHOLE = 1e-12  # a quotient this close below a whole number counts as whole


class ExitTime(NamedTuple):
    """Mean and variance of the first round with min p < threshold, and the rounds below which it never lies."""

    mean: float | Array
    variance: float | Array
    sure_lower_bound: float | Array


class Truncation(NamedTuple):
    """Largest truncations with min p >= threshold for every history, by the linear bound and by the ladder."""

    linear: float | Array
    sharp: float | Array


def ladder(
    learning_rate: ArrayLike, levels: int, n_arms: int = 2, loss: ArrayLike = 1.0
) -> tuple[float | Array, float | Array]:
    """Return (x_m, dx_m/d eta) for m = 0, ..., levels: log-odds against the lossy arm and their sensitivity (exact).

    x_m = log of the odds of any lossless arm over the lossy one after m pulls of the lossy one; its probability is
    1/(1 + (K - 1) e^{x_m}). x'_{m+1} = x'_m + l/p_m + eta l (1 - p_m)/p_m x'_m.

    learning_rate: eta, > 0, at most 1e150.
    levels: the last m, a whole number >= 0, at most 5e6.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the lossy arm, > 0, at most 1e150, broadcast against `learning_rate`.

    Two arrays of shape (levels + 1,), after the axes of `learning_rate` and `loss` if they have any. inf beyond
    float64: the log-odds soon after they pass 700 and the sensitivity one level earlier at the latest (see
    `ladder_information` for products with p, which stay finite). Raises `ValueError` outside the domain.
    Source: derived, claim ex.D2.

    >>> log_odds, sensitivity = ladder(0.5, 2)  # x_1 = 2 eta; x_2 = x_1 + eta (1 + e); x'_2 = 2 + (1 + e) + eta e 2
    >>> log_odds.round(6), sensitivity.round(6)
    (array([0.      , 1.      , 2.859141]), array([0.      , 2.      , 8.436564]))
    """
    last = check_integer("levels", levels, low=0, high=MOST_CLIMBED)
    arms = read_arms(n_arms)
    (rate, paid), shape = in_rows(learning_rate=read_rate(learning_rate), loss=read_loss(loss))
    steps = [list(itertools.islice(rungs(float(a), arms), last + 1)) for a in rate * paid]
    table = np.array(steps).reshape(len(steps), last + 1, 2)
    with np.errstate(over="ignore"):
        slopes = paid[:, None] * table[..., 1]
    return table[..., 0].reshape(*shape, last + 1), slopes.reshape(*shape, last + 1)


def exit_time(learning_rate: ArrayLike, threshold: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0) -> ExitTime:
    """Return (mean, variance, sure lower bound) of T_eps, the first round t with min_k p_{k,t} < threshold (exact).

    With m = min{m : p_m < threshold}: T_eps = 1 + the sum of m independent geometric times, so that
    E T_eps = 1 + x_m/(eta l), Var T_eps = sum_{j<m} (1 - p_j)/p_j^2, and T_eps >= m + 1 in every history.

    learning_rate: eta, > 0, at most 1e150.
    threshold: epsilon, > 0 and <= 1, broadcast against `learning_rate`.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the lossy arm, > 0, at most 1e150, broadcast likewise.

    Floats for single numbers, else arrays. Limits: (1, 0, 1) for thresholds above 1/K; inf where a moment is beyond
    float64. Costs a microsecond a level, of which there are at most about 1/(eta l). Raises `ValueError` outside the
    domain and for ladders of more than 5e6 levels (eta l below about 1e-7). Source: derived, claims ex.D2 and ex.D3.

    >>> [round(value, 6) for value in exit_time(0.5, 0.1)]  # p = 1/2, 1/(1 + e): 1 + 2 + (1 + e); 2 + e (1 + e)
    [6.718282, 12.107338, 3.0]
    """
    rate, arms = read_rate(learning_rate), read_arms(n_arms)
    level = check_range("threshold", threshold, low=0.0, high=1.0, open_low=True)
    cells, shape = in_rows(learning_rate=rate, threshold=level, loss=read_loss(loss))
    rows = np.array([_exit(float(a * l), float(e), arms) for a, e, l in zip(*cells, strict=True)]).reshape(-1, 3)
    return ExitTime(*(as_given(column, shape) for column in rows.T))


def sure_probability_bound(
    rounds: ArrayLike, learning_rate: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> float | Array:
    """Return max(0, 1/K - eta l (t - 1)), below which no probability lies in round t = `rounds` (exact bound).

    For every sequence of losses in [0, loss] and every history. A draw lowers the drawn arm's probability by at most
    eta l, since e^-u >= 1 - u, and raises the others. `sharp_probability_bound` is the best bound of this kind.

    rounds: the round t, 1, 2, ..., at most 1e300; before it t - 1 arms were drawn.
    learning_rate: eta, > 0, at most 1e150, broadcast against `rounds`.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: the largest loss, > 0, at most 1e150, broadcast likewise.

    A float for single numbers, else an array. Raises `ValueError` outside the domain. Source: derived, claim ex.D3.

    >>> sure_probability_bound([1, 3, 30], 0.1)  # 1/2 - 0.1 (t - 1)
    array([0.5, 0.3, 0. ])
    """
    cells = {"rounds": read_rounds(rounds), "learning_rate": read_rate(learning_rate), "loss": read_loss(loss)}
    (time, rate, most), shape = in_rows(**cells)
    with np.errstate(over="ignore"):
        return as_given(np.maximum(0.0, 1.0 / read_arms(n_arms) - rate * most * (time - 1.0)), shape)


def sharp_probability_bound(
    rounds: ArrayLike, learning_rate: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> float | Array:
    """Return p_{t-1} of the ladder, below which no probability lies in round t = `rounds` (exact, attained).

    For every sequence of losses in [0, loss] and every history; equality where one arm is drawn in every round and
    pays `loss`.

    rounds: the round t, 1, 2, ..., at most 1e300; before it t - 1 arms were drawn.
    learning_rate: eta, > 0, at most 1e150, broadcast against `rounds`.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: the largest loss, > 0, at most 1e150, broadcast likewise.

    A float for single numbers, else an array. Limit: 0 where the bound is below float64. Costs a microsecond a level,
    one for each round. Raises `ValueError` outside the domain and for ladders of more than 5e6 levels. Source: derived,
    claim ex.D3.

    >>> sharp_probability_bound([1, 2, 3], 0.5).round(6)  # 1/2, 1/(1 + e), 1/(1 + e^(1 + (1 + e)/2))
    array([0.5     , 0.268941, 0.054211])
    """
    cells = {"rounds": read_rounds(rounds), "learning_rate": read_rate(learning_rate), "loss": read_loss(loss)}
    (time, rate, most), shape = in_rows(**cells)
    arms, rates = read_arms(n_arms), rate * most
    bound = np.zeros(time.shape)
    for a in np.unique(rates):
        here = rates == a
        levels = _probabilities(float(a), arms, float(time[here].max()))
        with_end = np.append(levels, 0.0)  # beyond the end of the tower
        bound[here] = with_end[np.minimum(time[here] - 1.0, len(levels)).astype(np.int64)]
    return as_given(bound, shape)


def admissible_truncation(
    learning_rate: ArrayLike, threshold: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> Truncation:
    """Return the largest truncations with min_k p_{k,t} >= threshold up to and in that round, surely (exact).

    linear = floor((1/K - epsilon)/(eta l)) + 1 from `sure_probability_bound`, sharp = m_eps = min{m : p_m < epsilon}
    from the ladder, for all rates up to `learning_rate`, all losses in [0, loss] and all histories. No larger number
    than the sharp one has the property.

    learning_rate: the largest rate of the class, R n^-alpha for rates theta n^-alpha with theta <= R; > 0, <= 1e150.
    threshold: epsilon, > 0 and <= 1, broadcast against `learning_rate`.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: the largest loss, > 0, at most 1e150, broadcast likewise.

    Whole numbers as floats for single arguments, else arrays. Limits: 0 for thresholds above 1/K (no round has the
    property); quotients within 1e-12 of a whole number count as whole. Raises `ValueError` outside the domain and for
    ladders of more than 5e6 levels. Source: paper, reconstructed, claim ex.T2; derived, claim ex.D3.

    >>> admissible_truncation(0.1, 0.05)  # 0.45/0.1 = 4.5; the ladder stays above 0.05 for longer
    Truncation(linear=5.0, sharp=8.0)
    """
    rate, arms, most = read_rate(learning_rate), read_arms(n_arms), read_loss(loss)
    level = check_range("threshold", threshold, low=0.0, high=1.0, open_low=True)
    sharp = np.asarray(exit_time(rate, level, arms, most).sure_lower_bound) - 1.0
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        quotient = np.where(level > 1.0 / arms, -0.5, (1.0 / arms - level) / rate / most)
        linear = np.floor(quotient * (1.0 + WHOLE)) + 1.0
    return Truncation(as_given(linear, linear.shape), as_given(sharp, sharp.shape))


def _exit(rate: float, threshold: float, n_arms: int) -> tuple[float, float, float]:
    """Return mean, variance and sure lower bound of the exit time for eta l = `rate`."""
    most = np.inf if threshold < 1.0 / n_arms else 1.0  # however little p_1 is below 1/K
    levels = _probabilities(rate, n_arms, most, threshold)
    with np.errstate(over="ignore"):
        mean, variance = 1.0 + np.sum(1.0 / levels), np.sum((1.0 - levels) / levels / levels)
    return float(mean), float(variance), len(levels) + 1.0


def _probabilities(rate: float, n_arms: int, most: float, threshold: float = 0.0) -> Array:
    """Return p_0, p_1, ..., at most `most` of them, up to the last that is >= threshold and above 0."""
    if min(most * rate, 1.0 / n_arms - threshold) > MOST_CLIMBED * rate:  # a level lowers p by `rate` at most
        raise too_long(rate, MOST_CLIMBED)
    levels = []
    for log_odds, _ in rungs(rate, n_arms):
        p = probability(log_odds, n_arms)
        if len(levels) >= most or p < threshold or p == 0.0:
            break
        if len(levels) == MOST_CLIMBED:
            raise too_long(rate, MOST_CLIMBED)
        levels.append(p)
    return np.array(levels)
