"""Lower bounds for every estimator of a constant learning rate in Exp3 with one lossy arm.

Two rates eta, eta' and their ladders p_m, p'_m: the affinity of the two laws of a history of n rounds,
rho_n = sum over histories of sqrt(P P'), is the total weight after n rounds of a chain that

    stays at level m with sqrt((1 - p_m)(1 - p'_m)), climbs with sqrt(p_m p'_m), and is lost with the rest.

What is lost, 1 - rho_n, is added up by itself, so that nothing cancels for rates that are close (see `_pairs`).

Symbols: see the head of the package. The affinity and what follows from it are exact; `indistinguishable_gap` is a
search, whose result is certified but may not be the largest; `van_trees_bound` contains a quadrature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_integer, check_number
from theory.exp3._cells import LARGEST, Array, as_given, read_arms, read_loss, read_rounds
from theory.exp3._pairs import affinity_rows
from theory.exp3._quadrature import integrate
from theory.exp3.information import ladder_information

__all__ = ["Gap", "indistinguishable_gap", "ladder_affinity", "two_point_bound", "van_trees_bound"]

CANDIDATES = 32  # second rates tried for each first one
HALVINGS = 24


class Gap(NamedTuple):
    """Largest distance found of two rates with the asked affinity, and the two rates."""

    gap: float | Array
    learning_rate: float | Array
    other: float | Array


def ladder_affinity(
    rounds: ArrayLike, learning_rate: ArrayLike, other: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> float | Array:
    """Return rho_n, the sum over histories of sqrt(P P'), between the laws of n rounds under two rates (exact).

    1 - rho_n is the squared Hellinger distance (with the factor 1/2). The relative error of rho_n is about 1e-13, times
    eta dx/d eta on a riser, where rho_n > 1e-20.

    rounds: n, whole numbers from 1 to 1e300.
    learning_rate: eta, > 0, at most 1e150, broadcast against `rounds`.
    other: eta', the second rate, > 0, at most 1e150, broadcast likewise.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150, broadcast likewise; the other arms pay nothing.

    A float for single numbers, else an array. Limits: 1 for one round or equal rates. Raises `ValueError` outside the
    domain and for ladders of more than 50 000 levels. Source: derived, claim ex.D9.

    >>> p, q = 1 / (1 + np.exp(0.6)), 1 / (1 + np.exp(1.0))  # after a lossy first round; else nothing is learned
    >>> bool(np.isclose(ladder_affinity(2, 0.3, 0.5), 0.5 + 0.5 * (np.sqrt(p * q) + np.sqrt((1 - p) * (1 - q)))))
    True
    """
    affinity, _, shape = affinity_rows(rounds, learning_rate, other, n_arms, loss)
    return as_given(affinity, shape)


def two_point_bound(
    rounds: ArrayLike, learning_rate: ArrayLike, other: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> float | Array:
    """Return (1 - sqrt(1 - rho_n^2))/2, a probability of error that no estimator from n rounds avoids (exact bound).

    For every estimator, under one of the two rates at least, P(|estimate - rate| >= |eta - eta'|/2) is no smaller.

    rounds: n, whole numbers from 1 to 1e300.
    learning_rate: eta, > 0, at most 1e150, broadcast against `rounds`.
    other: eta', the second rate, > 0, at most 1e150, broadcast likewise.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150, broadcast likewise; the other arms pay nothing.

    A float for single numbers, else an array. Limits: 1/2 for one round or equal rates. Raises `ValueError` outside
    the domain and for ladders of more than 50 000 levels. Source: derived, claim ex.D9.

    >>> rho = ladder_affinity(2, 0.3, 0.5)
    >>> bool(np.isclose(two_point_bound(2, 0.3, 0.5), (1 - np.sqrt(1 - rho**2)) / 2))
    True
    """
    affinity, lost, shape = affinity_rows(rounds, learning_rate, other, n_arms, loss)
    distance = np.sqrt(lost * (1.0 + affinity))  # sqrt(1 - rho^2)
    with np.errstate(under="ignore"):
        tail = 0.5 * affinity * affinity / (1.0 + distance)
    return as_given(np.where(affinity < 0.5, tail, 0.5 - 0.5 * distance), shape)


def indistinguishable_gap(
    rounds: ArrayLike,
    low: float,
    high: float,
    affinity: float = 0.9,
    n_arms: int = 2,
    loss: float = 1.0,
    points: int = 21,
) -> Gap:
    """Return the largest |eta - eta'| found in [low, high] with rho_n >= `affinity`, and the pair (a search).

    For every estimator P(|estimate - rate| >= gap/2) >= (1 - sqrt(1 - affinity^2))/2 at one of the two rates; .282 for
    0.9. The pair has the affinity, so the bound is valid whatever the search missed. For each of `points` equidistant
    eta the largest of 32 larger eta' that has it is taken, and the way to the next one halved 24 times; then the eta of
    the best pair is lowered likewise.

    rounds: n, whole numbers from 1 to 1e300.
    low: the smallest rate, > 0.
    high: the largest rate, > low, at most 1e150.
    affinity: the least admitted rho_n, in (0, 1).
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150; the other arms pay nothing.
    points: number of equidistant first rates, at least 2.

    Floats for a single horizon, else arrays. Limit: (high - low, low, high) where no two rates can be told apart.
    Raises `ValueError` outside the domain and for ladders of more than 50 000 levels. Source: derived, claim ex.D9.

    >>> indistinguishable_gap(1, 0.5, 1.5)  # the first round says nothing
    Gap(gap=1.0, learning_rate=0.5, other=1.5)
    """
    time, (bottom, top) = read_rounds(rounds), _read_interval(low, high)
    least = check_number("affinity", affinity, low=0.0, high=1.0, open_low=True, open_high=True)
    count = check_integer("points", points, low=2, high=10_000)
    arms, paid = read_arms(n_arms), check_number("loss", read_loss(loss))
    pairs = [_search(float(n), bottom, top, least, count, arms, paid) for n in time.ravel()]
    first, second = np.array(pairs).T
    return Gap(*(as_given(values, time.shape) for values in (second - first, first, second)))


def van_trees_bound(rounds: ArrayLike, low: float, high: float, n_arms: int = 2, loss: float = 1.0) -> float | Array:
    """Return (integral of I_n pi + 4 pi^2/(high - low)^2)^(-1/2), below which no average risk lies (quadrature).

    For every estimator from n rounds the root of the integral of E(estimate - eta)^2 pi(eta) over [low, high], hence
    also the largest root mean squared error there, is no smaller (van Trees' inequality); pi is the density
    2 cos^2(pi (eta - mid)/(high - low))/(high - low), which vanishes at the ends and has information
    (2 pi/(high - low))^2. The integral is taken in panels of 10 Gauss points, halved until the estimated relative error
    is below 1e-9.

    rounds: n, whole numbers from 1 to 1e300.
    low: the smallest rate, > 0.
    high: the largest rate, > low, at most 1e150.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150; the other arms pay nothing.

    Slow rates have long ladders: below 0.1 it takes minutes.

    A float for a single horizon, else an array. Limit: (high - low)/(2 pi) for one round. Raises `ValueError` outside
    the domain and for ladders of more than 50 000 levels. Source: derived, claims ex.D9 and ex.T1.

    >>> round(van_trees_bound(1, 0.5, 1.5) * 2 * np.pi, 12)  # nothing is learned from the first round
    1.0
    """
    time, (bottom, top) = read_rounds(rounds), _read_interval(low, high)
    arms, paid, width = read_arms(n_arms), check_number("loss", read_loss(loss)), top - bottom

    def weighted(rate: Array, n: float) -> Array:
        density = 2.0 / width * np.sin(np.pi * (rate - bottom) / width) ** 2
        return np.asarray(ladder_information(n, rate, arms, paid)) * density

    total = [integrate(lambda rate, n=n: weighted(rate, n), bottom, top) for n in time.ravel()]
    return as_given((np.array(total) + (2.0 * np.pi / width) ** 2) ** -0.5, time.shape)


def _read_interval(low: float, high: float) -> tuple[float, float]:
    """Return the ends of the set of rates after checking 0 < low < high <= 1e150."""
    bottom = check_number("low", low, low=0.0, high=LARGEST, open_low=True)
    top = check_number("high", high, low=0.0, high=LARGEST, open_low=True)
    if not bottom < top:
        raise ValueError(f"low must be < high, got low={bottom!r} and high={top!r}")
    return bottom, top


def _search(
    rounds: float, low: float, high: float, least: float, points: int, n_arms: int, loss: float
) -> tuple[float, float]:
    """Return the pair of rates farthest apart with the affinity, over a grid of first rates."""

    def told_apart(first: Array, second: Array) -> NDArray[np.bool_]:
        return np.asarray(ladder_affinity(rounds, first, second, n_arms, loss)) < least

    first = np.linspace(low, high, points)[:-1]
    steps = np.linspace(0.0, 1.0, CANDIDATES + 1)
    tried = first[:, None] + steps * (high - first)[:, None]
    tried[:, -1] = high
    apart = told_apart(first[:, None], tried)
    best = CANDIDATES - np.argmin(apart[:, ::-1], axis=1)  # column 0, the rate itself, is never told apart
    rows = np.arange(len(first))
    near, far = tried[rows, best], tried[rows, np.minimum(best + 1, CANDIDATES)]
    near = _halve(near, far, lambda second: told_apart(first, second))
    row = int(np.argmax(near - first))
    below = np.maximum(first[row : row + 1] - (high - low) / (points - 1), low)
    lowest = _halve(first[row : row + 1], below, lambda one: told_apart(one, near[row : row + 1]))
    return float(lowest[0]), float(near[row])


def _halve(good: Array, bad: Array, fails: Callable[[Array], NDArray[np.bool_]]) -> Array:
    """Return `good` moved towards `bad` as far as halving finds that it does not fail."""
    for _ in range(HALVINGS):
        middle = 0.5 * (good + bad)
        failed = fails(middle)
        good, bad = np.where(failed, good, middle), np.where(failed, middle, bad)
    return good
