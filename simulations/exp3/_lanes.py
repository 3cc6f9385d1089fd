"""Likelihoods and runs in lanes: 64 at a time, whose inner loops become vector instructions; two to eight arms.

Lane arithmetic is that of the scalar kernels, operation by operation (`_update`), so the bits are the same. Only the
plain forms run here: no mixing and one learning rate for all rounds.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._few import (
    ARM,
    ETA,
    FEW,
    HESSIAN,
    INFORMATION,
    LANES,
    LOSS,
    SCORE,
    STEEPEST,
    VALUE,
    add_few,
    draw_few,
    move_few,
    new_tile,
    pay_few,
)
from simulations.exp3._threefry import BUFFER, fill_uniforms
from simulations.exp3._update import LIMIT, Options, step, two_arms, two_laws, two_move

__all__ = ["LANES", "evaluate_lanes", "plain", "run_lanes"]

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
_RUN = 256  # rounds summed together
# rows of two arms' tiles behind those that all tiles share; ARM is 1 - 2 arm
_X, _DX, _DDX, _P0, _LOG0, _H0, _K0, _P1, _LOG1, _H1, _K1, _FISHER = (LANES * i for i in range(8, 20))
_ROWS = 20
_UNIFORM, _COIN = _DX, _DDX  # runs have no use for derivatives


@njit(cache=True, error_model="numpy")
def plain(options: Options, n_arms: int = 2) -> bool:
    """Whether lanes can be used: two to eight arms, no mixing, one learning rate for all rounds."""
    return 2 <= n_arms <= FEW and options.mixing == 0.0 and options.exponent == 0.0


@njit(cache=True, error_model="numpy")
def _laws(s: Array) -> None:
    """The laws of all lanes from their log-odds and derivatives."""
    for i in range(LANES):
        p0, log0, h0, k0, p1, log1, h1, k1, fisher = two_laws(s[_X + i], s[_DX + i], s[_DDX + i])
        s[_P0 + i], s[_LOG0 + i], s[_H0 + i], s[_K0 + i] = p0, log0, h0, k0
        s[_P1 + i], s[_LOG1 + i], s[_H1 + i], s[_K1 + i] = p1, log1, h1, k1
        s[_FISHER + i] = fisher


@njit(cache=True, error_model="numpy")
def _add(s: Array) -> int:
    """Add the round of all lanes to their sums; how many lanes have lost more digits than they may."""
    over = 0
    for i in range(LANES):
        first = s[ARM + i] > 0.0
        log0, h0, k0 = s[_LOG0 + i], s[_H0 + i], s[_K0 + i]  # both, as a load under a condition is not vectorised
        log1, h1, k1 = s[_LOG1 + i], s[_H1 + i], s[_K1 + i]
        h = h0 if first else h1
        log_p = log0 if first else log1
        s[VALUE + i] += log_p
        s[SCORE + i] += h
        s[HESSIAN + i] += k0 if first else k1
        s[INFORMATION + i] += s[_FISHER + i]
        steepest = max(s[STEEPEST + i], abs(h) / max(1.0, -log_p))
        s[STEEPEST + i] = steepest
        over += s[ETA + i] * steepest > LIMIT
    return over


@njit(cache=True, error_model="numpy")
def _move(s: Array, options: Options) -> None:
    """The update of all lanes after their draws."""
    for i in range(LANES):
        first = s[ARM + i] > 0.0
        p0, h0, k0 = s[_P0 + i], s[_H0 + i], s[_K0 + i]
        p1, h1, k1 = s[_P1 + i], s[_H1 + i], s[_K1 + i]
        p, h, k = p0 if first else p1, h0 if first else h1, k0 if first else k1
        r = step(s[LOSS + i], p, 1.0, options)
        x, dx, ddx = two_move(s[_X + i], s[_DX + i], s[_DDX + i], s[ARM + i], s[ETA + i], r, p, h, k, options)
        s[_X + i], s[_DX + i], s[_DDX + i] = x, dx, ddx


@njit(cache=True, error_model="numpy")
def _look(s: Array, arms: Arms, losses: Array, rows: NDArray[np.int64], t: int, n_arms: int) -> bool:
    """Put draws and losses of round `t` into the lanes, from their `rows`; whether anything is paid."""
    paid = 0
    if rows[0] == rows[LANES - 1]:
        arm, loss = float(arms[rows[0], t]), losses[rows[0], t]
        for i in range(LANES):
            s[ARM + i], s[LOSS + i] = arm, loss
        paid = loss != 0.0
    else:
        for i in range(LANES):
            s[ARM + i], s[LOSS + i] = arms[rows[i], t], losses[rows[i], t]
            paid += s[LOSS + i] != 0.0
    if n_arms == 2:
        for i in range(LANES):
            s[ARM + i] = 1.0 - 2.0 * s[ARM + i]
    return paid > 0


@njit(cache=True, error_model="numpy")
def evaluate_lanes(
    rates: Array, arms: Arms, losses: Array, start: int, options: Options, out: Array, n_arms: int = 2
) -> None:
    """Evaluate the pairs (history, rate) number `start`, start + 1, ..., rates running fastest, as far as there are 64.

    `rates` (candidates,), `arms` and `losses` (histories, rounds), `options` and `n_arms` that `plain` allows; `out`
    (histories x candidates, 6) receives value, score, Hessian, information, condition and reliable rounds; nan where
    the value is not finite, as the lane has gone on after its end. Lanes without a pair repeat the last one.
    """
    pairs, rounds = out.shape[0], arms.shape[1]
    two, sums = n_arms == 2, np.zeros(4 * LANES)
    s = np.zeros(_ROWS * LANES) if two else new_tile(n_arms)
    rows, reliable = np.empty(LANES, np.int64), np.full(LANES, rounds)
    for i in range(LANES):
        pair = min(start + i, pairs - 1)
        rows[i], s[ETA + i] = pair // rates.size, rates[pair % rates.size]
    if two:
        _laws(s)
    for t in range(rounds):
        paid = _look(s, arms, losses, rows, t, n_arms)
        if _add(s) if two else add_few(s, n_arms):
            for i in range(LANES):
                if s[ETA + i] * s[STEEPEST + i] > LIMIT:
                    reliable[i] = min(reliable[i], t)
        if paid and two:
            _move(s, options)
            _laws(s)
        elif paid:
            move_few(s, n_arms, options)
        if t % _RUN == _RUN - 1 or t == rounds - 1:
            for i in range(4 * LANES):
                sums[i] += s[VALUE + i]
                s[VALUE + i] = 0.0
    for i in range(min(LANES, pairs - start)):
        for q in range(4):
            out[start + i, q] = sums[q * LANES + i] if sums[i] > -np.inf else np.nan
        out[start + i, 4], out[start + i, 5] = s[ETA + i] * s[STEEPEST + i], reliable[i]


# --- runs


@njit(cache=True, error_model="numpy")
def _draw(s: Array, uniforms: Array, coins: Array, place: int, losses: Array, bernoulli: bool) -> None:
    """Draw the arms of all lanes and look up what they pay in `losses` (2,), probabilities where `bernoulli`."""
    first, second = losses[0], losses[1]
    for i in range(LANES):
        s[_UNIFORM + i], s[_COIN + i] = uniforms[i, place], coins[i, place]
    for i in range(LANES):
        p0 = s[_P0 + i]
        side = 1.0 if s[_UNIFORM + i] < p0 else -1.0
        loss = first if side > 0.0 else second
        paid = 1.0 if s[_COIN + i] < loss else 0.0
        s[ARM + i], s[LOSS + i] = side, paid if bernoulli else loss


@njit(cache=True, error_model="numpy")
def _pay(s: Array, eta: float, threshold: float, options: Options) -> int:
    """Update all lanes; how many now have a probability below `threshold`, left in the rows of `SCORE`."""
    below = 0
    for i in range(LANES):
        p0, p1, side = s[_P0 + i], s[_P1 + i], s[ARM + i]
        x = s[_X + i] - side * (eta * step(s[LOSS + i], p0 if side > 0.0 else p1, 1.0, options))
        p0, p1 = two_arms(x)
        s[_X + i], s[_P0 + i], s[_P1 + i] = x, p0, p1
        smallest = min(p0, p1)
        s[SCORE + i] = smallest
        below += smallest < threshold
    return below


@njit(cache=True, error_model="numpy")
def run_lanes(
    eta: float,
    table: Array,
    bernoulli: bool,
    options: Options,
    seed: int,
    first_replicate: int,
    rounds: int,
    threshold: float,
    arms: Arms,
    losses: Array,
    exits: NDArray[np.int64],
) -> None:
    """Run the at most 64 replicates of `exits` (replicates,), into `arms` and `losses` unless these have no columns.

    `threshold` and `exits` as in the scalar run: the first round with a probability below it, or rounds + 1.
    """
    count, n_arms, keys = exits.size, table.shape[1], np.empty(2, np.uint64)
    two = n_arms == 2
    s = np.zeros(_ROWS * LANES) if two else new_tile(n_arms)
    uniforms, coins = np.empty((2, LANES, BUFFER + 8))  # 8: rows do not share cache sets
    first, second = np.empty((2, BUFFER // 2), np.uint64)
    if two:
        _laws(s)
    exits[:] = rounds + 1 if threshold <= 1.0 / n_arms else 1
    open_ = count if threshold <= 1.0 / n_arms else 0
    for t in range(rounds):
        place, row = t % BUFFER, t % table.shape[0]
        if open_ == 0:
            break
        if place == 0:
            for i in range(count):
                keys[0], keys[1] = np.uint64(seed), np.uint64(first_replicate + i)
                fill_uniforms(keys, t, 0, first, second, uniforms[i])
                if bernoulli:
                    fill_uniforms(keys, t, 1, first, second, coins[i])
        if two:
            _draw(s, uniforms, coins, place, table[row], bernoulli)
        else:
            draw_few(s, n_arms, uniforms, coins, place, table[row], bernoulli)
        for i in range(LANES):  # what is used up makes room for what is to be stored
            uniforms[i, place], coins[i, place] = (1.0 - s[ARM + i]) / 2.0 if two else s[ARM + i], s[LOSS + i]
        if arms.shape[1] > 0 and (place == BUFFER - 1 or t == rounds - 1):
            for i in range(count):
                for j in range(place + 1):
                    arms[i, t - place + j], losses[i, t - place + j] = np.int16(uniforms[i, j]), coins[i, j]
        below = _pay(s, eta, threshold, options) if two else pay_few(s, n_arms, eta, threshold, options)
        if below and t + 2 <= rounds:
            for i in range(count):
                if exits[i] > rounds and s[SCORE + i] < threshold:
                    exits[i] = t + 2
                    open_ -= 1
