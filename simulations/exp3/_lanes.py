"""Two arms in lanes: 32 likelihoods or 32 runs at a time, whose inner loops become vector instructions.

Lane arithmetic is that of the scalar kernels, operation by operation (`_update`), so the bits are the same. Only the
plain forms run here: no mixing and one learning rate for all rounds.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulations.exp3._random import BUFFER, fill_uniforms
from simulations.exp3._update import LIMIT, Options, step, two_arms, two_laws, two_move

__all__ = ["LANES", "evaluate_lanes", "plain", "run_lanes"]

Array = NDArray[np.float64]
Arms = NDArray[np.int16]
LANES = 32
_RUN = 256  # rounds summed together
# rows of a tile, 32 numbers each
_X, _DX, _DDX, _P0, _LOG0, _H0, _K0, _P1, _LOG1, _H1, _K1, _FISHER = (LANES * i for i in range(12))
_ETA, _SIDE, _LOSS, _VALUE, _SCORE, _HESSIAN, _INFORMATION, _STEEPEST = (LANES * i for i in range(12, 20))
_ROWS = 20
_UNIFORM, _COIN = _DX, _DDX  # runs have no use for derivatives


@njit(cache=True, error_model="numpy")
def plain(options: Options) -> bool:
    """Whether lanes can be used: no mixing, one learning rate for all rounds."""
    return options.mixing == 0.0 and options.exponent == 0.0


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
        first = s[_SIDE + i] > 0.0
        log0, h0, k0 = s[_LOG0 + i], s[_H0 + i], s[_K0 + i]  # both, as a load under a condition is not vectorised
        log1, h1, k1 = s[_LOG1 + i], s[_H1 + i], s[_K1 + i]
        h = h0 if first else h1
        log_p = log0 if first else log1
        s[_VALUE + i] += log_p
        s[_SCORE + i] += h
        s[_HESSIAN + i] += k0 if first else k1
        s[_INFORMATION + i] += s[_FISHER + i]
        steepest = max(s[_STEEPEST + i], abs(h) / max(1.0, -log_p))
        s[_STEEPEST + i] = steepest
        over += s[_ETA + i] * steepest > LIMIT
    return over


@njit(cache=True, error_model="numpy")
def _move(s: Array, options: Options) -> None:
    """The update of all lanes after their draws."""
    for i in range(LANES):
        first = s[_SIDE + i] > 0.0
        p0, h0, k0 = s[_P0 + i], s[_H0 + i], s[_K0 + i]
        p1, h1, k1 = s[_P1 + i], s[_H1 + i], s[_K1 + i]
        p, h, k = p0 if first else p1, h0 if first else h1, k0 if first else k1
        r = step(s[_LOSS + i], p, 1.0, options)
        x, dx, ddx = two_move(s[_X + i], s[_DX + i], s[_DDX + i], s[_SIDE + i], s[_ETA + i], r, p, h, k, options)
        s[_X + i], s[_DX + i], s[_DDX + i] = x, dx, ddx


@njit(cache=True, error_model="numpy")
def _look(s: Array, arms: Arms, losses: Array, rows: NDArray[np.int64], shared: bool, t: int) -> bool:
    """Put draws and losses of round `t` into the lanes, from one history where `shared`; whether anything is paid."""
    if shared:
        side, loss = 1.0 if arms[rows[0], t] == 0 else -1.0, losses[rows[0], t]
        for i in range(LANES):
            s[_SIDE + i], s[_LOSS + i] = side, loss
        return loss != 0.0
    paid = 0
    for i in range(LANES):
        s[_SIDE + i], s[_LOSS + i] = 1.0 if arms[rows[i], t] == 0 else -1.0, losses[rows[i], t]
        paid += s[_LOSS + i] != 0.0
    return paid > 0


@njit(cache=True, error_model="numpy")
def evaluate_lanes(rates: Array, arms: Arms, losses: Array, start: int, options: Options, out: Array) -> None:
    """Evaluate the pairs (history, rate) number `start`, start + 1, ..., rates running fastest, as far as there are 32.

    `rates` (candidates,), `arms` and `losses` (histories, rounds); `out` (histories x candidates, 6) receives value,
    score, Hessian, information, condition and reliable rounds; nan where the value is not finite, as the lane has gone
    on after its end. Lanes without a pair repeat the last one.
    """
    pairs, rounds = out.shape[0], arms.shape[1]
    s, sums = np.zeros(_ROWS * LANES), np.zeros(4 * LANES)
    rows, reliable = np.empty(LANES, np.int64), np.full(LANES, rounds)
    for i in range(LANES):
        pair = min(start + i, pairs - 1)
        rows[i], s[_ETA + i] = pair // rates.size, rates[pair % rates.size]
    shared = rows[0] == rows[LANES - 1]
    _laws(s)
    for t in range(rounds):
        paid = _look(s, arms, losses, rows, shared, t)
        if _add(s):
            for i in range(LANES):
                if s[_ETA + i] * s[_STEEPEST + i] > LIMIT:
                    reliable[i] = min(reliable[i], t)
        if paid:
            _move(s, options)
            _laws(s)
        if t % _RUN == _RUN - 1 or t == rounds - 1:
            for i in range(4 * LANES):
                sums[i] += s[_VALUE + i]
                s[_VALUE + i] = 0.0
    for i in range(min(LANES, pairs - start)):
        for q in range(4):
            out[start + i, q] = sums[q * LANES + i] if sums[i] > -np.inf else np.nan
        out[start + i, 4], out[start + i, 5] = s[_ETA + i] * s[_STEEPEST + i], reliable[i]


# --- runs


@njit(cache=True, error_model="numpy")
def _draw(s: Array, uniforms: Array, coins: Array, place: int, first: float, second: float, bernoulli: bool) -> None:
    """Draw the arms of all lanes and look up what they pay: `first` or `second`, with `bernoulli` as probabilities."""
    for i in range(LANES):
        s[_UNIFORM + i], s[_COIN + i] = uniforms[i, place], coins[i, place]
    for i in range(LANES):
        p0, loss = s[_P0 + i], second
        side = 1.0 if s[_UNIFORM + i] < p0 else -1.0
        loss = first if side > 0.0 else second
        paid = 1.0 if s[_COIN + i] < loss else 0.0
        s[_SIDE + i], s[_LOSS + i] = side, paid if bernoulli else loss


@njit(cache=True, error_model="numpy")
def _pay(s: Array, eta: float, threshold: float, options: Options) -> int:
    """Update all lanes; how many now have a probability below `threshold`."""
    below = 0
    for i in range(LANES):
        p0, p1, side = s[_P0 + i], s[_P1 + i], s[_SIDE + i]
        x = s[_X + i] - side * (eta * step(s[_LOSS + i], p0 if side > 0.0 else p1, 1.0, options))
        p0, p1 = two_arms(x)
        s[_X + i], s[_P0 + i], s[_P1 + i] = x, p0, p1
        below += min(p0, p1) < threshold
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
    """Run the at most 32 replicates of `exits` (replicates,), into `arms` and `losses` unless these have no columns.

    `threshold` and `exits` as in the scalar run: the first round with a probability below it, or rounds + 1.
    """
    count = exits.size
    s, keys = np.zeros(_ROWS * LANES), np.empty(2, np.uint64)
    uniforms, coins = np.empty((2, LANES, BUFFER + 8))  # 8: rows do not share cache sets
    first, second = np.empty((2, BUFFER // 2), np.uint64)
    for i in range(LANES):
        s[_P0 + i], s[_P1 + i] = 0.5, 0.5
    exits[:] = rounds + 1 if threshold <= 0.5 else 1
    open_ = count if threshold <= 0.5 else 0
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
        _draw(s, uniforms, coins, place, table[row, 0], table[row, 1], bernoulli)
        for i in range(LANES):  # what is used up makes room for what is to be stored
            uniforms[i, place], coins[i, place] = s[_SIDE + i], s[_LOSS + i]
        if arms.shape[1] > 0 and (place == BUFFER - 1 or t == rounds - 1):
            for i in range(count):
                for j in range(place + 1):
                    arms[i, t - place + j], losses[i, t - place + j] = uniforms[i, j] < 0.0, coins[i, j]
        if _pay(s, eta, threshold, options) and t + 2 <= rounds:
            for i in range(count):
                if exits[i] > rounds and min(s[_P0 + i], s[_P1 + i]) < threshold:
                    exits[i] = t + 2
                    open_ -= 1
