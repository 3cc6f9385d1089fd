"""All histories of a short run of Exp3 with their exact probabilities: expectations without sampling error.

The tree of histories is grown round by round, all its nodes at once, in the arithmetic of `_series`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number
from simulations.exp3._arguments import LARGEST, check_mean_losses
from simulations.exp3._series import Series, reciprocal, through
from simulations.exp3.literal import Arithmetic
from simulations.exp3.precise import precise_arithmetic
from simulations.exp3.variant import CLASSIC, Variant, check_variant

__all__ = ["Enumeration", "enumerate_histories"]

Numbers = NDArray[Any]
_MOST = 2**20  # histories
_LIMIT = 700.0  # an arm of lower log probability than minus this dies when it pays, as in the compiled kernels


@dataclass(frozen=True)
class Enumeration:
    """Every history of a run: what is drawn, how probable it is under the truth, what a candidate makes of it.

    `arms` and `losses` (histories, rounds), in lexicographic order of the arms; `probabilities` (histories,) under the
    true rate, with sum 1; `value`, `score`, `hessian` (histories,) of the candidate's log-likelihood and its
    derivatives; `information` (histories,), the candidate's sum over rounds and arms of p times d log p squared;
    `stops` (histories,), the number of rounds that these use, all of them unless there is a threshold. A history with a
    dead arm in it has value and derivatives -inf.
    """

    arms: NDArray[np.int16]
    losses: NDArray[np.float64]
    probabilities: Numbers
    value: Numbers
    score: Numbers
    hessian: Numbers
    information: Numbers
    stops: NDArray[np.int64]

    def mean(self, quantity: ArrayLike) -> Any:
        """Return the expectation under the truth of `quantity` (histories,) or (histories, ...).

        Histories of probability zero do not count, whatever their quantity.

        >>> histories = enumerate_histories(0.5, [1.0, 0.0], 2)
        >>> float(histories.mean(histories.arms[:, 0]))
        0.5
        """
        possible = self.probabilities > 0
        return self.probabilities[possible] @ np.asarray(quantity)[possible]


def enumerate_histories(
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    *,
    candidate: float | None = None,
    threshold: float = 0.0,
    digits: int | None = None,
    variant: Variant = CLASSIC,
) -> Enumeration:
    """Return all n_arms^rounds histories of a run as an `Enumeration`; exact up to rounding.

    `learning_rate` > 0, the truth; `mean_losses` (arms,) or (rounds, arms), any real numbers, paid as they are;
    `rounds` >= 1 with at most 2^20 histories. `candidate` > 0 is the rate whose likelihood is taken, the truth by
    default. `threshold` in [0, 1] stops each likelihood before the first round t whose smallest probability under the
    truth is below it: t - 1 rounds are used. `digits` asks for numbers of mpmath with so many decimal digits (arrays of
    objects, some 10^4 nodes a second) in place of floats. `variant`: see `Variant`, for truth and candidate alike.
    Raises `ValueError` outside these domains.

    The score has mean 0, and its square has the mean of the information (ex.D1); two arms with losses (1, 0) make the
    likelihood flat with probability 2^-(rounds - 1):

    >>> histories = enumerate_histories(0.3, [1.0, 0.0], 4)
    >>> bool(abs(histories.mean(histories.score)) < 1e-14)
    True
    >>> float(histories.mean(np.all(histories.arms[:, :3] == 1, axis=1)))
    0.125
    """
    rounds = check_integer("rounds", rounds, low=1)
    table = check_mean_losses(mean_losses, rounds, bernoulli=False)
    n_arms = table.shape[1]
    if rounds * np.log2(n_arms) > np.log2(_MOST) + 1e-9:
        raise ValueError(f"n_arms**rounds must be <= {_MOST}, got n_arms={n_arms} and rounds={rounds}")
    threshold = check_number("threshold", threshold, low=0.0, high=1.0)
    truth = _first_round("learning_rate", learning_rate, n_arms, digits)
    other = truth if candidate is None else _first_round("candidate", candidate, n_arms, digits)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        sums, stops = _grow(truth, other, table, rounds, threshold, check_variant(variant))
    chance, total, information = sums
    impossible = total.value == -np.inf
    score, hessian = (np.where(impossible, -np.inf, part) for part in (total.first, total.second))
    arms = np.indices((n_arms,) * rounds, dtype=np.int16).reshape(rounds, -1).T.copy()
    losses = np.broadcast_to(table, (rounds, n_arms))[np.arange(rounds), arms]
    return Enumeration(arms, losses, chance, total.value, score, hessian, information, stops)


@dataclass(frozen=True)
class _Nodes:
    """All nodes of one round under one rate: sums of estimates and whether arms are dead, both (nodes, arms)."""

    rate: Series
    sums: Series
    dead: NDArray[np.bool_]
    arithmetic: Arithmetic

    @property
    def zero(self) -> Any:
        """The number 0."""
        return self.arithmetic.number(0.0)


def _first_round(name: str, rate: float, n_arms: int, digits: int | None) -> _Nodes:
    """The root of the tree at `rate`, called `name` in messages."""
    arithmetic = Arithmetic(np.exp, np.log, np.log1p, float, _LIMIT)
    if digits is not None:
        exact = precise_arithmetic(digits)
        exp, log, log1p = (np.frompyfunc(function, 1, 1) for function in (exact.exp, exact.log, exact.log1p))
        arithmetic = Arithmetic(exp, log, log1p, exact.number, _LIMIT)
    number = arithmetic.number
    eta = number(check_number(name, rate, low=0.0, high=LARGEST, open_low=True))
    zeros = np.full((1, n_arms), number(0.0))
    return _Nodes(
        Series(eta, number(1.0), number(0.0)), Series(zeros, zeros, zeros), np.zeros((1, n_arms), bool), arithmetic
    )


def _grow(
    truth: _Nodes, other: _Nodes, table: Numbers, rounds: int, threshold: float, variant: Variant
) -> tuple[tuple[Numbers, Series, Numbers], NDArray[np.int64]]:
    """Probabilities, log-likelihood and information of all histories, and the rounds used of each."""
    n_arms = table.shape[1]
    start = np.full(1, truth.zero)
    log_chance, total, information, stops = start, Series(start, start, start), start, np.zeros(1, np.int64)
    exp = truth.arithmetic.exp
    multiplier = truth.zero + 1
    for t in range(rounds):
        before, multiplier = multiplier, truth.zero + 1
        if variant.rate_exponent:
            multiplier = (truth.zero + t + 1) ** -variant.rate_exponent
        scale = before if variant.cumulative else truth.zero + 1
        law = _law(truth, scale, variant)
        own = law if other is truth else _law(other, scale, variant)
        used = (stops == t) & (exp(law.value.min(axis=1)) >= threshold)
        carried = np.where(used, np.sum(exp(own.value) * own.first * own.first, axis=1), truth.zero)
        log_chance = (log_chance[:, None] + law.value).ravel()
        total = total.each(lambda part: part.repeat(n_arms)) + own.each(partial(_masked, used, truth.zero))
        information, stops = (information + carried).repeat(n_arms), (stops + used).repeat(n_arms)
        if t < rounds - 1:
            losses = table[t % len(table)]
            same = other is truth
            truth = _children(truth, law, losses, multiplier, variant)
            other = truth if same else _children(other, own, losses, multiplier, variant)
    return (exp(log_chance), total, information), stops


def _law(nodes: _Nodes, scale: Any, variant: Variant) -> Series:
    """Log probabilities (nodes, arms), -inf with derivatives 0 where an arm is dead."""
    zero, exp = nodes.zero, nodes.arithmetic.exp
    weights = -(nodes.sums * nodes.rate * scale)
    weights = _replaced(weights, nodes.dead, -np.inf, zero)
    top = np.argmax(weights.value, axis=1)[:, None]
    largest = weights.each(lambda part: np.take_along_axis(part, top, 1))
    gap = weights - largest
    odds = exp(gap.value)
    np.put_along_axis(odds, top, zero, 1)
    rest = _replaced(through(gap, odds, odds, odds), odds == 0, zero, zero)
    rest = rest.each(lambda part: part.sum(axis=1, keepdims=True))
    share = 1 / (1 + rest.value)
    logs = gap - through(rest, nodes.arithmetic.log1p(rest.value), share, -share * share)
    logs = _replaced(logs, nodes.dead, -np.inf, zero)
    if not variant.mixing:
        return logs
    p = exp(logs.value)
    chance = through(logs, p, p, p) * (zero + 1 - variant.mixing) + (zero + variant.mixing) / p.shape[1]
    slope = 1 / chance.value
    return through(chance, nodes.arithmetic.log(chance.value), slope, -slope * slope)


def _children(nodes: _Nodes, law: Series, losses: Numbers, multiplier: Any, variant: Variant) -> _Nodes:
    """The nodes after one more round: every arm has been drawn at every node."""
    count, n_arms = nodes.dead.shape
    exp, zero = nodes.arithmetic.exp, nodes.zero
    signed = np.where(variant.gains, -losses, losses) + zero
    p = exp(law.value)
    if variant.implicit_exploration:
        weight = reciprocal(through(law, p, p, p) + variant.implicit_exploration)
        lost = np.zeros_like(nodes.dead)
    else:
        weight = exp(-np.maximum(law.value, -nodes.arithmetic.limit))
        weight = through(law, weight, -weight, weight)
        lost = law.value < -nodes.arithmetic.limit
    estimates = weight * signed if variant.cumulative else weight * signed * multiplier
    estimates = _replaced(estimates, lost | (signed == 0), zero, zero)
    drawn = np.eye(n_arms, dtype=bool)[None]  # child of node i by arm a: row (i, a)
    sums = nodes.sums.each(lambda part: np.repeat(part, n_arms, axis=0)) + estimates.each(
        lambda part: np.where(drawn, part[:, None, :], zero).reshape(-1, n_arms)
    )
    falls, rises = (lost & (signed > 0))[:, :, None] & drawn, (lost & (signed < 0) & ~nodes.dead)[:, :, None] & ~drawn
    dead = np.repeat(nodes.dead, n_arms, axis=0) | (falls | rises).reshape(count * n_arms, n_arms)
    return _Nodes(nodes.rate, sums, dead, nodes.arithmetic)


def _masked(used: NDArray[np.bool_], zero: Any, part: Numbers) -> Numbers:
    """The entries of `part` (nodes, arms) at the nodes `used` and `zero` elsewhere, in one row."""
    return np.where(used[:, None], part, zero).ravel()


def _replaced(series: Series, where: NDArray[np.bool_], value: Any, derivative: Any) -> Series:
    """`series` with `value` and zero derivatives, given as `derivative`, at the entries `where`."""
    return Series(
        np.where(where, value, series.value),
        np.where(where, derivative, series.first),
        np.where(where, derivative, series.second),
    )
