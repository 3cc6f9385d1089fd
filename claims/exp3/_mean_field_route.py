"""The mean-field limits once more, by integrating differential equations and by closed forms with many digits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

__all__ = ["candidate_course", "closed_information", "information_and_prediction"]

Array = NDArray[np.float64]
EXACT: dict[str, Any] = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-13}


def information_and_prediction(scaled_time: float, mean_losses: ArrayLike, which: str = "right") -> Array:
    """Return [J, Q] by integrating dgamma/ds = -l (1 - h) from 0 to `scaled_time`; or what `which` says, wrong.

    `mean_losses` (arms,), negative for gains.
    """
    losses = np.asarray(mean_losses, dtype=float)
    feedback = {"M1": 0.0, "feedback twice": 2.0, "feedback with the other sign": -1.0}.get(which, 1.0)

    def slope(s: float, state: Array) -> Array:
        p = np.exp(-s * (losses - losses.min()))
        p /= np.sum(p)
        gamma = state[2:]
        h = gamma - p @ gamma
        if which == "score not centred":
            h = gamma
        weight = p * (1 - p) if which == "p (1 - p) for p" else p
        power = 1 if which == "score not squared" else 2
        return np.array([weight @ np.abs(h) ** power, p**2 @ h**2, *(-losses * (1 - feedback * h))])

    return solve_ivp(slope, (0.0, scaled_time), np.zeros(2 + losses.size), **EXACT).y[:2, -1]


def closed_information(scaled_time: float, n_arms: int, which: str = "right") -> float:
    """Return J for one lossy arm with loss 1 among `n_arms` by the dilogarithm, with 40 digits; or a wrong version."""
    import mpmath

    context = mpmath.mp.clone()
    context.dps = 40
    arms = context.mpf(n_arms - 1 if which == "K - 1 for K" else n_arms)
    if arms == 1:
        return 0.0
    time = context.mpf(scaled_time) / (2 if which == "S/2 for S" else 1)
    start = (arms - 1) / arms
    v = (arms - 1) / (arms - 1 + context.exp(-time))
    rise = context.log(v / start)
    power = 1 if which == "log for its square" else 2
    value = rise**power * v / (1 - v) + 2 * rise * context.log(1 - v) + 2 * context.polylog(2, v)
    if which != "M13":
        value -= 2 * context.polylog(2, start)
    return float(context.re(value))


def candidate_course(
    scaled_time: float, ratio: float, n_arms: int, gains: bool = False, which: str = "right"
) -> tuple[float, float]:
    """Return (q, limit of the log-likelihood) of the candidate `ratio` at `scaled_time`; or a wrong version.

    By integrating dz/ds = ratio p/q, z the log-odds of another arm over the one lossy arm.
    """
    sign = -1.0 if gains else 1.0

    def slope(s: float, state: Array) -> Array:
        p = 1 / (1 + (n_arms - 1) * np.exp(sign * s))
        q = 1 / (1 + (n_arms - 1) * np.exp(sign * state[0]))
        pace = {"M2": ratio, "weights turned over": ratio * q / p}.get(which, ratio * p / q)
        return np.array([pace, p * np.log(q) + (1 - p) * np.log((1 - q) / (n_arms - 1))])

    place, value = solve_ivp(slope, (0.0, scaled_time), np.zeros(2), **EXACT).y[:, -1]
    return float(1 / (1 + (n_arms - 1) * np.exp(sign * place))), float(value)
