"""The definition of Exp3 by numbers of any precision: what is right where double precision has lost the trajectory.

Where the losses are positive, rounding grows by the factor 1 + eta l (1 - p)/p at every draw (ex.D11); where one arm is
lossless, probabilities of 1e-14000 are ordinary (ex.D2). Both are harmless here: `digits` decimal digits, exponents
without limit. The double kernels give up an arm whose probability is below exp(-700) when it pays, and say -inf if it
is drawn again. Here that happens at exp(-2^100000) only, so such a history has a finite, if enormous, value, and
comparisons with doubles agree wherever no arm below exp(-700) is drawn twice. The rate and the losses are the floats
given, to all digits. Numbers are returned as mpmath's, of a context of their own; float(...) rounds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer
from simulations.exp3.literal import Arithmetic, replayed, simulated, total
from simulations.exp3.variant import CLASSIC, Variant

__all__ = ["PreciseReplay", "precise_arithmetic", "precise_log_likelihood", "precise_replay", "precise_simulate"]

_BITS = 100_000  # logarithms of probabilities have exponents up to here
Numbers = NDArray[np.object_]


@dataclass(frozen=True)
class PreciseReplay:
    """A history round by round, in numbers of mpmath: `astype(float)` rounds the arrays.

    `log_probabilities` and `scores` = d log p / d rate, both (rounds, arms), of the arms before each round's draw;
    `information` (rounds,), sum over the arms of p times score squared. An arm of probability zero has log probability
    -inf and score 0.
    """

    log_probabilities: Numbers
    scores: Numbers
    information: Numbers


def precise_simulate(
    learning_rate: float,
    mean_losses: ArrayLike,
    uniforms: ArrayLike,
    *,
    digits: int,
    loss_uniforms: ArrayLike | None = None,
    variant: Variant = CLASSIC,
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Return the arms (rounds,) that Exp3 draws and the losses (rounds,) that it pays, with `digits` digits.

    `digits` from 15 to 10000; `learning_rate`, `mean_losses`, `uniforms`, `loss_uniforms`, `variant` and what is raised
    as in `literal_simulate`: the same uniforms give the same arms until double precision has lost the trajectory. With
    positive losses choose digits well above log10 of the sensitivity (ex.D11).

    >>> precise_simulate(0.5, [1.0, 0.0], [0.4, 0.3], digits=50)[0].tolist()
    [0, 1]
    """
    return simulated(learning_rate, mean_losses, uniforms, loss_uniforms, variant, precise_arithmetic(digits))


def precise_log_likelihood(
    learning_rate: float,
    arms: ArrayLike,
    losses: ArrayLike,
    n_arms: int,
    *,
    digits: int,
    stop: int | None = None,
    variant: Variant = CLASSIC,
) -> tuple[Any, Any, Any]:
    """Return log-likelihood, score and Hessian of one history at a rate, numbers with `digits` digits.

    `digits` from 15 to 10000; `learning_rate`, `arms`, `losses`, `n_arms`, `stop`, `variant` and what is raised as in
    `literal_log_likelihood`. Sensitivities of ex.D1.

    >>> value, _, _ = precise_log_likelihood(0.5, [0, 0], [1.0, 1.0], 2, digits=25)
    >>> str(value)  # log(1/2) - log(1 + e)
    '-2.006408868078168143466228'
    """
    arithmetic = precise_arithmetic(digits)
    logs, drawn = replayed(learning_rate, arms, losses, n_arms, stop, variant, arithmetic)
    return total(logs, drawn, arithmetic)


def precise_replay(
    learning_rate: float,
    arms: ArrayLike,
    losses: ArrayLike,
    n_arms: int,
    *,
    digits: int,
    stop: int | None = None,
    variant: Variant = CLASSIC,
) -> PreciseReplay:
    """Return log probabilities, scores and information of one history round by round, with `digits` digits.

    `digits` from 15 to 10000; `learning_rate`, `arms`, `losses`, `n_arms`, `stop`, `variant` and what is raised as in
    `literal_log_likelihood`. For two arms the log-odds are the difference of the two log probabilities and their
    sensitivity d x / d rate is that of the two scores (ex.D11).

    >>> replay = precise_replay(0.5, [0, 0], [1.0, 1.0], 2, digits=25)
    >>> str(replay.log_probabilities[1, 1] - replay.log_probabilities[1, 0])  # eta / p = 1
    '1.0'
    """
    arithmetic = precise_arithmetic(digits)
    logs, _ = replayed(learning_rate, arms, losses, n_arms, stop, variant, arithmetic)
    zero, never = arithmetic.number(0.0), arithmetic.number(-np.inf)
    values, scores = np.full((2, len(logs), int(n_arms)), zero, dtype=object)
    information = np.full(len(logs), zero, dtype=object)
    for t, row in enumerate(logs):
        for k, log in enumerate(row):
            values[t, k], scores[t, k] = (never, zero) if log is None else (log.value, log.first)
            information[t] += arithmetic.exp(values[t, k]) * scores[t, k] ** 2
    return PreciseReplay(values, scores, information)


def precise_arithmetic(digits: int) -> Arithmetic:
    """Return the functions of numbers with `digits` decimal digits, 15 to 10000, in a context of mpmath of their own.

    >>> str(precise_arithmetic(30).exp(precise_arithmetic(30).number(1.0)))
    '2.71828182845904523536028747135'
    """
    return _arithmetic(check_integer("digits", digits, low=15, high=10_000))


@cache
def _arithmetic(digits: int) -> Arithmetic:
    """`precise_arithmetic` of checked `digits`."""
    import mpmath

    context = mpmath.mp.clone()
    context.dps = digits

    def exp(x: Any) -> Any:
        return context.zero if x < 0 and context.mag(x) > _BITS else context.exp(x)

    return Arithmetic(exp, context.log, context.log1p, context.mpf, context.ldexp(context.one, _BITS - 2))
