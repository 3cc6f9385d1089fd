"""Exp3 and its likelihood written from the definition in plain Python loops: slow, and the yardstick of the fast code.

All log weights are 0 at first; each round draws an arm from p_t = softmax(weights), sees its loss l, and lowers the log
weight of that arm by eta l / p. A candidate's likelihood is the same recursion with the candidate's rate and the
candidate's probabilities on the recorded arms and losses. The derivatives come from arithmetic on series (`_series`),
not from recursions of their own. The numbers may be floats or of any precision (`precise`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_number, check_range
from simulations.exp3._arguments import LARGEST, check_history, check_mean_losses, check_n_arms
from simulations.exp3._series import Series, reciprocal, through
from simulations.exp3.variant import CLASSIC, Variant, check_variant

__all__ = ["FLOATS", "Arithmetic", "literal_log_likelihood", "literal_simulate", "play", "simulated", "total"]

Arms = NDArray[np.int16]
Array = NDArray[np.float64]
Logs = Sequence[Series | None]  # log probabilities of the arms; None is minus infinity


@dataclass(frozen=True)
class Arithmetic:
    """Functions of one kind of number: `exp`, `log`, `log1p`; `number` makes one from a float.

    An arm whose probability is below exp(-`limit`) when it pays a loss has probability zero from then on.
    """

    exp: Callable[[Any], Any]
    log: Callable[[Any], Any]
    log1p: Callable[[Any], Any]
    number: Callable[[float], Any]
    limit: Any


FLOATS = Arithmetic(math.exp, math.log, math.log1p, float, 700.0)


def literal_simulate(
    learning_rate: float,
    mean_losses: ArrayLike,
    uniforms: ArrayLike,
    *,
    loss_uniforms: ArrayLike | None = None,
    variant: Variant = CLASSIC,
) -> tuple[Arms, Array]:
    """Return the arms (rounds,) that Exp3 draws and the losses (rounds,) that it pays; exact up to rounding.

    `learning_rate` > 0; `mean_losses` (arms,) or (rounds, arms), any real numbers; `uniforms` (rounds,) in [0, 1) draw
    the arms: the first whose cumulated probability exceeds the uniform of the round. The losses are the mean losses, or
    with `loss_uniforms` (rounds,) in [0, 1) they are 1 where that is below the mean loss of the drawn arm, else 0.
    `variant`: see `Variant`. Raises `ValueError` outside these domains. The model of ex.D1.

    A loss of arm 0 at rate 0.5 makes the log-odds 0.5 / 0.5 = 1, the probabilities .27 and .73:

    >>> literal_simulate(0.5, [1.0, 0.0], [0.4, 0.3])[0].tolist()
    [0, 1]
    """
    return simulated(learning_rate, mean_losses, uniforms, loss_uniforms, variant, FLOATS)


def literal_log_likelihood(
    learning_rate: float,
    arms: ArrayLike,
    losses: ArrayLike,
    n_arms: int,
    *,
    stop: int | None = None,
    variant: Variant = CLASSIC,
) -> tuple[float, float, float]:
    """Return log-likelihood, score and Hessian of one history at a rate; exact up to rounding.

    `learning_rate` > 0, the candidate; `arms` (rounds,), whole numbers from 0 to `n_arms` - 1, and `losses` (rounds,),
    any real numbers, are the history; `stop` from 1 to rounds is the number of rounds used, all of them by default;
    `variant`: see `Variant`. A dead arm in the history makes value and derivatives -inf. Raises `ValueError` outside
    these domains. Sensitivities of ex.D1.

    After a loss 1 of arm 0 the log-odds x = 2 eta are 1, so log p = -log(1 + e) and d log p = -2 e / (1 + e):

    >>> value, score, _ = literal_log_likelihood(0.5, [0, 0], [1.0, 1.0], 2)
    >>> round(value, 6), round(score, 6)  # log(1/2) - log(1 + e)
    (-2.006409, -1.462117)
    """
    logs, drawn = replayed(learning_rate, arms, losses, n_arms, stop, variant, FLOATS)
    return total(logs, drawn, FLOATS)


# --- the same with numbers of any kind


def simulated(
    learning_rate: float,
    mean_losses: ArrayLike,
    uniforms: ArrayLike,
    loss_uniforms: ArrayLike | None,
    variant: Variant,
    arithmetic: Arithmetic,
) -> tuple[Arms, Array]:
    """Return what `literal_simulate` does, by numbers of the kind `arithmetic`.

    `learning_rate`, `mean_losses`, `uniforms`, `loss_uniforms` and `variant` are the ones there.

    >>> simulated(0.5, [1.0, 0.0], [0.4, 0.3], None, CLASSIC, FLOATS)[1].tolist()
    [1.0, 0.0]
    """
    draws = _check_uniforms("uniforms", uniforms, None)
    chances = None if loss_uniforms is None else _check_uniforms("loss_uniforms", loss_uniforms, draws.size)
    table = check_mean_losses(mean_losses, draws.size, bernoulli=chances is not None)
    means = np.broadcast_to(table, (draws.size, table.shape[1]))
    arms, losses = np.zeros(draws.size, np.int16), np.zeros(draws.size)

    def choose(t: int, logs: Logs) -> tuple[int, float]:
        arms[t] = _draw([0.0 if log is None else arithmetic.exp(log.value) for log in logs], draws[t])
        losses[t] = means[t, arms[t]] if chances is None else chances[t] < means[t, arms[t]]
        return int(arms[t]), float(losses[t])

    play(learning_rate, draws.size, means.shape[1], choose, variant, arithmetic)
    return arms, losses


def replayed(
    learning_rate: float,
    arms: ArrayLike,
    losses: ArrayLike,
    n_arms: int,
    stop: int | None,
    variant: Variant,
    arithmetic: Arithmetic,
) -> tuple[list[Logs], list[int]]:
    """Return log p of all arms before each round, (rounds, arms), as series in the rate, and the arms drawn (rounds,).

    By numbers of the kind `arithmetic`; the other arguments are those of `literal_log_likelihood`.

    >>> logs, _ = replayed(0.5, [0, 0], [1.0, 1.0], 2, None, CLASSIC, FLOATS)
    >>> round(math.exp(logs[1][0].value), 6), round(logs[1][0].first, 6)
    (0.268941, -1.462117)
    """
    n_arms = check_n_arms(n_arms)
    drawn, paid, shape = check_history(arms, losses, n_arms, stop)
    if shape:
        raise ValueError(f"arms must be one history of shape (rounds,), got shape {np.shape(arms)}")
    kept: list[Logs] = []

    def choose(t: int, logs: Logs) -> tuple[int, float]:
        kept.append(logs)
        return int(drawn[0, t]), float(paid[0, t])

    play(learning_rate, drawn.shape[1], n_arms, choose, variant, arithmetic)
    return kept, drawn[0].tolist()


def total(logs: Sequence[Logs], drawn: Sequence[int], arithmetic: Arithmetic) -> tuple[Any, Any, Any]:
    """Return value, score and Hessian of a history by `logs` and `drawn` as `replayed` gives them; for `arithmetic`.

    >>> total([[Series(-0.5, 1.0, 2.0), None]], [0], FLOATS), total([[Series(-0.5, 1.0, 2.0), None]], [1], FLOATS)
    ((-0.5, 1.0, 2.0), (-inf, -inf, -inf))
    """
    zero = arithmetic.number(0.0)
    result = Series(zero, zero, zero)
    for row, arm in zip(logs, drawn, strict=True):
        log = row[arm]
        if log is None:
            return (arithmetic.number(-math.inf),) * 3
        result = result + log
    return result.value, result.first, result.second


def play(
    learning_rate: float,
    rounds: int,
    n_arms: int,
    choose: Callable[[int, Logs], tuple[int, float]],
    variant: Variant,
    arithmetic: Arithmetic,
) -> None:
    """Run Exp3 with `n_arms` arms for `rounds` rounds at `learning_rate`, by numbers of the kind `arithmetic`.

    In each round `choose`(t, logs), t = 0, 1, ..., receives the log probabilities of the arms and returns the arm and
    its loss. `variant`: see `Variant`.

    >>> play(0.5, 1, 2, lambda t, logs: print(round(logs[0].value, 6)) or (0, 1.0), CLASSIC, FLOATS)
    -0.693147
    """
    number, variant = arithmetic.number, check_variant(variant)
    eta = check_number("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    rate = Series(number(eta), number(1.0), number(0.0))
    zero = Series(number(0.0), number(0.0), number(0.0))
    sums: list[Series | None] = [zero] * n_arms  # of estimates; times the multiplier of their round unless cumulative
    weights = list(sums)
    for t in range(rounds):
        logs = [_mixed(log, n_arms, variant, arithmetic) for log in _log_softmax(weights, arithmetic)]
        arm, loss = choose(t, logs)
        multiplier = number(1.0)
        if variant.rate_exponent:
            multiplier = arithmetic.exp(-number(variant.rate_exponent) * arithmetic.log(number(t + 1.0)))
        before, log = sums[arm], logs[arm]
        if loss and before is not None and log is not None:
            signed = number(-loss if variant.gains else loss)
            estimate = _estimate(signed, log, variant, arithmetic)
            if estimate is None and signed > 0:
                sums[arm] = None
            elif estimate is None:
                sums = [before if k == arm else None for k in range(n_arms)]
            else:
                sums[arm] = before + (estimate if variant.cumulative else estimate * multiplier)
        scale = multiplier if variant.cumulative else number(1.0)
        weights = [None if entry is None else -(entry * rate * scale) for entry in sums]


def _estimate(loss: Any, log: Series, variant: Variant, arithmetic: Arithmetic) -> Series | None:
    """The importance-weighted loss of an arm of log probability `log`; None where it counts as infinite."""
    if variant.implicit_exploration:
        chance = arithmetic.exp(log.value)
        bounded = through(log, chance, chance, chance) + arithmetic.number(variant.implicit_exploration)
        return reciprocal(bounded) * loss
    if log.value < -arithmetic.limit:
        return None
    weight = arithmetic.exp(-log.value)
    return through(log, weight, -weight, weight) * loss


def _log_softmax(weights: Logs, arithmetic: Arithmetic) -> Logs:
    """Logarithms of the softmax of log `weights`, relative to the largest so that nothing overflows."""
    alive = {k: weight for k, weight in enumerate(weights) if weight is not None}
    top = max(alive, key=lambda k: alive[k].value)
    rest = Series(arithmetic.number(0.0), arithmetic.number(0.0), arithmetic.number(0.0))
    for k, weight in alive.items():
        gap = weight - alive[top]
        odds = arithmetic.exp(gap.value)
        if k != top and odds:  # a zero may meet an infinite derivative
            rest = rest + through(gap, odds, odds, odds)
    share = 1 / (1 + rest.value)
    norm = alive[top] + through(rest, arithmetic.log1p(rest.value), share, -share * share)
    return [None if weight is None else weight - norm for weight in weights]


def _mixed(log: Series | None, n_arms: int, variant: Variant, arithmetic: Arithmetic) -> Series | None:
    """Logarithm of (1 - mixing) p + mixing / K, from that of p."""
    if not variant.mixing:
        return log
    floor, zero = arithmetic.number(variant.mixing) / n_arms, arithmetic.number(0.0)
    chance = Series(floor, zero, zero)
    if log is not None:
        p = arithmetic.exp(log.value)
        chance = chance + through(log, p, p, p) * (1 - arithmetic.number(variant.mixing))
    slope = 1 / chance.value
    return through(chance, arithmetic.log(chance.value), slope, -slope * slope)


def _draw(chances: Sequence[Any], uniform: float) -> int:
    """The first arm whose cumulated probability exceeds `uniform`."""
    for arm, cumulated in enumerate(accumulate(chances)):
        if uniform < cumulated:
            return arm
    return max(arm for arm, chance in enumerate(chances) if chance)  # rounding went past the end


def _check_uniforms(name: str, uniforms: ArrayLike, size: int | None) -> Array:
    """`uniforms` as an array (rounds,) of numbers in [0, 1), of length `size` if one is given."""
    draws = check_range(name, uniforms, low=0.0, high=1.0, open_high=True)
    if draws.ndim != 1 or (draws.size == 0 if size is None else draws.size != size):
        wanted = "(rounds,) with rounds >= 1" if size is None else f"({size},)"
        raise ValueError(f"{name} must have shape {wanted}, got shape {draws.shape}")
    return draws
