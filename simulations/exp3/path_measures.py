"""Measures along a run of Exp3: a candidate's probabilities against the truth, information of the ladder, rounding.

Measures and the settings that they share as in `measures`. `times` are rounds 1, 2, ... in which something is looked
at, before the draw of that round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number, check_vector
from simulations.exp3._arguments import LARGEST
from simulations.exp3._distances import laws
from simulations.exp3._tasks import KEYS, check_task, parts
from simulations.exp3.jumps import check_ladder, simulate_ladder
from simulations.exp3.likelihood import replay
from simulations.exp3.precise import precise_replay, precise_simulate

__all__ = ["ROUNDING_OUTPUTS", "ladder_path_information", "probability_differences", "rounding_errors"]

Array = NDArray[np.float64]
ROUNDING_OUTPUTS = ("log_sensitivity", "log_double_sensitivity", "log_error")
_LEAST, _MOST = 1e-20, 1e100  # logarithms of numbers beyond are those of these
_GONE = 700.0  # log-odds from which a lossy arm is not drawn again within 1e300 rounds


def probability_differences(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    ratios: Sequence[float],
    times: Sequence[int],
    bernoulli: bool = False,
    **variant: Any,
) -> Array:
    """Return p(true rate) - p(candidate) of arm 0 on the same history, in round t: (replicates, ratios, times).

    The history is the learner's; candidates `ratios` > 0 times the true rate recompute the law of each round, dividing
    by their own probabilities. Rounds `times` >= 1, the last one sets the length of the runs. `rng`, `replicates` >= 1,
    `learning_rate`, `mean_losses`, `bernoulli`, `variant` as in `measures`. Limit for small rates: ex.D6.

    With losses 1 for both arms either draw of the first round moves the odds to e^(2 eta), so |1/2 - p| is the same:

    >>> setting = dict(learning_rate=0.5, mean_losses=(1.0, 1.0), ratios=(1.0, 2.0), times=(1, 2))
    >>> np.abs(probability_differences(np.random.default_rng(0), 1, **setting)).round(6).tolist()
    [[[0.0, 0.0], [0.0, 0.149738]]]
    """
    rounds = _check_times(times)
    task = check_task(learning_rate, mean_losses, int(rounds.max()), bernoulli, None, variant)
    candidates = check_vector("ratios", ratios, axis="ratios", low=0.0, high=LARGEST, open_low=True)
    out = np.empty((check_integer("replicates", replicates, low=1), candidates.size, rounds.size))

    def law(runs: Any, rate: float) -> Array:
        logs = laws(np.full(len(runs.arms), rate), runs.arms, runs.losses, task.n_arms, task.variant.options())
        return np.exp(logs[:, rounds - 1, 0])

    for runs in parts(rng, len(out), task):
        truth = law(runs, task.learning_rate)
        for j, ratio in enumerate(candidates):
            out[runs.rows, j] = truth - law(runs, ratio * task.learning_rate)
    return out


def ladder_path_information(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    horizons: Sequence[float],
    n_arms: int = 2,
    loss: float = 1.0,
) -> Array:
    """Return the path information sum_t sum_k p h^2 of the first n rounds with one lossy arm, (replicates, horizons).

    Runs by geometric jumps, one for all `horizons`, whole numbers n from 1 to 1e300; its mean is the Fisher
    information, a staircase in n (ex.D2, ex.D10). `learning_rate` > 0; `n_arms` >= 2, of which one pays `loss` > 0;
    `rng`, `replicates` >= 1.

    After a lossy first round, else 0: x = 2 eta, dx/d(eta) = 2 and p = 1/(1 + e):

    >>> setting = dict(learning_rate=0.5, horizons=(1.0, 2.0))
    >>> found = ladder_path_information(np.random.default_rng(0), 9, **setting)
    >>> p = 1 / (1 + np.e)
    >>> bool(np.all(found[:, 0] == 0)), sorted(set(found[:, 1].round(9).tolist())) == [0.0, round(4 * p * (1 - p), 9)]
    (True, True)
    """
    ends = check_vector("horizons", horizons, axis="horizons", low=1.0)
    for n in ends:
        eta, _, n_arms = check_ladder(learning_rate, float(n), n_arms, loss)
    count = check_integer("replicates", replicates, low=1)
    runs = simulate_ladder(
        learning_rate, float(ends.max()), count, int(rng.integers(KEYS)), n_arms=n_arms, loss=float(loss)
    )
    pulls = np.where(runs.pulls > 0, runs.pulls, np.inf)
    pulls = np.column_stack([np.zeros(count), pulls, np.full(count, np.inf)])
    total, x, slope = np.zeros((count, ends.size)), 0.0, 0.0
    for level in range(pulls.shape[1] - 1):
        log_others = math.log(n_arms - 1) + x
        spent = np.minimum(ends, pulls[:, level + 1, None]) - np.minimum(ends, pulls[:, level, None])
        if slope > 0:
            log_gain = 2 * math.log(slope) - np.logaddexp(0.0, log_others) - np.logaddexp(0.0, -log_others)
            total += np.where(spent > 0, np.exp(np.log(np.maximum(spent, 1.0)) + log_gain), 0.0)
        if log_others > _GONE:
            break
        odds = math.exp(log_others)
        x, slope = x + eta * (1 + odds), slope + 1 + odds + eta * odds * slope
    return total * loss**2


def rounding_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: tuple[float, float],
    times: Sequence[int],
    digits: int = 100,
) -> Array:
    """Return how far double precision is from exact Exp3 with two arms: decimal logarithms, (replicates, 3, times).

    Rows `ROUNDING_OUTPUTS`: |dx/d(eta)| of the log-odds x with `digits` digits, the same in doubles, and |x - x| of the
    two, along a history that was itself drawn with `digits` digits (15 to 10000; 20 more than the first row's largest
    are enough). To first order the error is |eta dx/d(eta)| 2^-53 (ex.D11). Numbers below 1e-20 count as 1e-20, those
    beyond 1e100 as that: so does the error once doubles have given up an arm of probability below e^-700.

    `times` >= 1, rounds; `learning_rate` > 0; `mean_losses` of two arms, paid as they are; `rng`, `replicates` >= 1.
    A plain loop of numbers of many digits: about a millisecond a round.

    After a first loss of 5 the log-odds are 10 eta, whichever arm was drawn:

    >>> setting = dict(learning_rate=0.25, mean_losses=(5.0, 5.0), times=(1, 2))
    >>> rounding_errors(np.random.default_rng(0), 1, **setting).tolist()
    [[[-20.0, 1.0], [-20.0, 1.0], [-20.0, -20.0]]]
    """
    eta = check_number("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    losses = check_vector("mean_losses", mean_losses, axis="arms", low=-LARGEST, high=LARGEST)
    if losses.size != 2:
        raise ValueError(f"mean_losses must be those of two arms, got {losses.size} of them")
    rounds = _check_times(times)
    out = np.empty((check_integer("replicates", replicates, low=1), len(ROUNDING_OUTPUTS), rounds.size))
    for i in range(len(out)):
        arms, paid = precise_simulate(eta, losses, rng.random(int(rounds.max())), digits=digits)
        exact, double = precise_replay(eta, arms, paid, 2, digits=digits), replay(eta, arms, paid, 2)
        (x, slope), (near, near_slope) = (
            (values[rounds - 1, 1] - values[rounds - 1, 0] for values in (found.log_probabilities, found.scores))
            for found in (exact, double)
        )
        out[i] = [[min(abs(v), _MOST) for v in row] for row in (slope, near_slope, x - near)]
    return np.log10(np.maximum(out, _LEAST))


def _check_times(times: Sequence[int]) -> NDArray[np.int64]:
    """Rounds as whole numbers >= 1."""
    given = check_vector("times", times, axis="times", low=1.0)
    return np.array([check_integer("times", float(t), low=1) for t in given])
