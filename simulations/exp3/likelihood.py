"""The likelihood of a learning rate given drawn arms and paid losses: value, score, Hessian, path information.

A candidate's likelihood is the recursion of the learner with the candidate's rate, also inside the importance weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.exp3._arguments import check_history, check_learning_rate, check_n_arms
from simulations.exp3._likelihood import evaluate_all, record
from simulations.exp3._update import LIMIT
from simulations.exp3.variant import CLASSIC, Variant, check_variant

__all__ = ["LogLikelihood", "PrecisionWarning", "Replay", "log_likelihood", "replay", "warn_of"]

Array = NDArray[np.float64]


class PrecisionWarning(UserWarning):
    """A likelihood in double precision has lost more digits than it may: the recursion is chaotic (ex.D11)."""


@dataclass(frozen=True)
class LogLikelihood:
    """A log-likelihood `value` with `score` and `hessian`, its first two derivatives; unpacks as these three.

    `information`: sum over rounds and arms of p h^2, h = d log p/d(learning_rate), along this history. `condition`:
    the largest |learning_rate h|/max(1, -log p) of a drawn arm, the factor by which relative rounding errors have
    grown. `reliable`: whether condition 2^-52 <= 1e-6; `reliable_rounds`: how many first rounds are. Then the relative
    error of `value` is below 1e-6, while the derivatives lose more: where the condition is large, score and Hessian
    have been found off by up to 1000 and 100 times condition 2^-52, so ask for condition <= 1e6 to have six digits of
    them too; at values beyond -1e100, where sensitivities saturate, they mean nothing. Each of shape arms.shape[:-1] +
    learning_rate.shape, a number where that is ().
    """

    value: Any
    score: Any
    hessian: Any
    information: Any
    condition: Any
    reliable: Any
    reliable_rounds: Any

    def __iter__(self) -> Iterator[Any]:
        return iter((self.value, self.score, self.hessian))


@dataclass(frozen=True)
class Replay:
    """A history seen by a candidate, round by round; shapes are preceded by those of histories and rates.

    `log_probabilities` (rounds, n_arms), -inf for dead arms; `scores` (rounds, n_arms): their derivatives;
    `information` (rounds,): sum_k p h^2 of the round; `condition` (rounds,): that of `LogLikelihood` for the rounds so
    far, of which double precision leaves six digits where it is <= 4.5e9.
    """

    log_probabilities: Array
    scores: Array
    information: Array
    condition: Array


def log_likelihood(
    learning_rate: ArrayLike,
    arms: ArrayLike,
    losses: ArrayLike,
    n_arms: int,
    *,
    stop: int | None = None,
    variant: Variant = CLASSIC,
) -> LogLikelihood:
    """Return sum over rounds of log p of the drawn arm at candidate rates, with two derivatives; exact up to rounding.

    `learning_rate` > 0, any shape; `arms` and `losses` (..., rounds), arms drawn, from 0 to `n_arms` - 1, and losses
    paid, any real numbers (at most 1e20 in magnitude, like rates); `stop`: use the first so many rounds, 1 <= stop <=
    rounds, all where None; `variant` what deviates from Exp3 on losses.

    The first term is log(1/n_arms) whatever the rate. Limits: an arm with -log p > 700 that pays is dead (paid in
    gains, the others are); where a dead arm is drawn the value is -inf, and so are, by definition, both derivatives.
    With one arm everything is 0. Sensitivities saturate at 1e130. Where the condition leaves fewer than six digits of
    the value a `PrecisionWarning` is issued: the recursion is chaotic where losses are positive (ex.D11). Raises
    `ValueError` outside the domains. The model of ex.D1.

    A loss of arm 0 at rate 0.5 makes the log-odds 0.5/0.5 = 1; then arm 1 has probability 1/(1 + 1/e):

    >>> value, score, hessian = log_likelihood(0.5, [0, 1], [1.0, 0.0], 2)
    >>> round(float(np.exp(value)), 6), round(float(0.5 / (1 + np.exp(-1))), 6)
    (0.365529, 0.365529)
    """
    rates = check_learning_rate(learning_rate)
    n_arms = check_n_arms(n_arms)
    drawn, paid, shape = check_history(arms, losses, n_arms, stop)
    out = np.empty((len(drawn) * rates.size, 6))
    evaluate_all(rates.ravel(), drawn, paid, n_arms, check_variant(variant).options(), out)
    columns = [column.reshape(shape + rates.shape) for column in np.moveaxis(out, -1, 0)]
    reliable = columns[4] <= LIMIT
    warn_of(columns[4])
    every = [*columns[:5], reliable, columns[5].astype(np.int64)]
    return LogLikelihood(*(column if column.ndim else column.item() for column in every))


def replay(
    learning_rate: ArrayLike,
    arms: ArrayLike,
    losses: ArrayLike,
    n_arms: int,
    *,
    stop: int | None = None,
    variant: Variant = CLASSIC,
) -> Replay:
    """Return the law of every round as candidates recompute it: log-probabilities, scores, information, condition.

    Arguments as in `log_likelihood`, which sums the drawn arms' entries; all laws have the bits of the simulator's
    where the rate is the true one. Memory is histories x rates x `stop` x `n_arms`. No warning is issued: see the
    condition. `learning_rate`, `arms`, `losses`, `variant` as there. Exact up to rounding; ex.D1, ex.D11.

    >>> found = replay(0.5, [0, 1], [1.0, 0.0], 2)
    >>> np.exp(found.log_probabilities).round(3).tolist(), found.scores[1].round(3).tolist()
    ([[0.5, 0.5], [0.269, 0.731]], [-1.462, 0.538])
    """
    rates = check_learning_rate(learning_rate)
    n_arms = check_n_arms(n_arms)
    drawn, paid, shape = check_history(arms, losses, n_arms, stop)
    rounds, options = drawn.shape[1], check_variant(variant).options()
    logs, scores = np.empty((2, len(drawn), rates.size, rounds, n_arms))
    information = np.empty((len(drawn), rates.size, rounds))
    for i in range(len(drawn)):
        for j, rate in enumerate(rates.ravel()):
            record(rate, drawn[i], paid[i], options, logs[i, j], scores[i, j], information[i, j])
    index = np.broadcast_to(drawn[:, None, :, None].astype(np.int64), (*information.shape, 1))
    own, own_log = (np.take_along_axis(each, index, axis=-1)[..., 0] for each in (scores, logs))
    steepest = np.maximum.accumulate(np.abs(own) / np.maximum(1.0, -own_log), axis=-1)
    condition = rates.reshape(1, -1, 1) * steepest
    shape = (*shape, *rates.shape, rounds)
    return Replay(
        logs.reshape(*shape, n_arms),
        scores.reshape(*shape, n_arms),
        information.reshape(shape),
        condition.reshape(shape),
    )


def warn_of(condition: Array) -> None:
    """Issue a `PrecisionWarning` if some likelihoods, of which `condition` holds those numbers, are not reliable.

    >>> warn_of(np.array([1e9, 3.0]))
    """
    if np.all(condition <= LIMIT):
        return
    bad, worst = np.count_nonzero(condition > LIMIT), float(np.max(condition))
    warnings.warn(
        f"{bad} of {condition.size} likelihoods have lost more than ten digits to chaos: the largest condition is "
        f"{worst:.1e}, {LIMIT:.1e} leaves six digits. Stop at reliable_rounds, or compute with more digits",
        PrecisionWarning,
        stacklevel=3,
    )
