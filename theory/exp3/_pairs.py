"""Affinities of two ladders: the chain in their place, without cancellation for rates that are close.

With z_m, z'_m the log odds against the lossy arm on the two ladders, z the lower of the two, D_m = z'_m - z_m >= 0 (a
sum of positive terms, followed on its own) and M their mean, what is lost at level m in a round is

    1 - sqrt(p p') - sqrt((1 - p)(1 - p')) = u^2/(r (1 + r)),   r = sqrt(1 + u^2),
    u = sinh(D/4)/cosh(M/2) = e^(-z/2) (1 - e^(-D/2))/(1 + e^-M).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from theory.exp3._cells import Array, in_rows, read_arms, read_loss, read_rate, read_rounds
from theory.exp3._levels import MOST_LEVELS, by_ladder, too_long
from theory.exp3._matrix_powers import Chain, weighted_powers

UNREACHED = -80.0  # log of the weight, 1e-35, below which what is left out does not show in sqrt(1 - rho)


def affinity_rows(
    rounds: ArrayLike, learning_rate: ArrayLike, other: ArrayLike, n_arms: int, loss: ArrayLike
) -> tuple[Array, Array, tuple[int, ...]]:
    """Return rho_n and 1 - rho_n, each from whichever is the smaller, for rows of cells, and the cells' shape."""
    (time, one, two, paid), shape = in_rows(
        rounds=read_rounds(rounds),
        learning_rate=read_rate(learning_rate),
        other=read_rate(other, "other"),
        loss=read_loss(loss),
    )
    arms = read_arms(n_arms)
    rate, step = np.minimum(one, two) * paid, np.abs(two - one) * paid
    keys, table, cells = by_ladder(np.stack((rate, step), axis=-1), time)
    chains = [_chain(float(a), float(d), arms, float(row.max())) for (a, d), row in zip(keys, table, strict=True)]
    kept, lost = (values[cells] for values in weighted_powers(chains, table))
    near = lost < 0.5
    return np.where(near, 1.0 - lost, kept), np.where(near, lost, 1.0 - kept), shape


def _chain(rate: float, step: float, n_arms: int, rounds: float) -> Chain:
    """Return the chain of the ladders of `rate` and `rate` + `step`, as far as it is reached and left in the rounds."""
    start, log_rounds, others = math.log(n_arms - 1.0), math.log(rounds), n_arms - 1.0
    log_odds = ahead = 0.0
    rows: list[tuple[float, float, float]] = []
    while len(rows) < rounds:
        low, far = log_odds + start, log_odds + ahead + start  # log odds against the lossy arm
        move = math.exp(-0.5 * (float(np.logaddexp(0.0, low)) + float(np.logaddexp(0.0, far))))
        stay = -0.5 * (math.log1p(math.exp(-low)) + math.log1p(math.exp(-far)))
        u = -math.exp(-0.5 * low) * math.expm1(-0.5 * ahead) / (1.0 + math.exp(-0.5 * (low + far)))
        root = math.sqrt(1.0 + u * u)
        lose = u * u / (root * (1.0 + root))
        if move + lose == 0.0 or log_rounds + math.log(move + lose) < UNREACHED:
            break
        rows.append((stay, move, lose))
        if move == 0.0 or log_rounds + math.log(move) < UNREACHED:
            break
        if len(rows) > MOST_LEVELS:
            raise too_long(rate, MOST_LEVELS)
        near, wide = (math.exp(0.5 * x) if x < 1400.0 else math.inf for x in (log_odds, log_odds + ahead))
        ahead += step + step * others * wide * wide - rate * others * wide * math.expm1(-ahead) * wide
        log_odds += rate + rate * others * near * near
    stay, move, lose = np.array(rows).reshape(-1, 3).T
    return Chain(stay, move, lose, np.ones(len(rows) + 1))
