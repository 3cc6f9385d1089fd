"""Measures on the likelihood of Exp3's learning rate: derivatives, and errors of its maximum over an interval.

Every function is a measure(rng, replicates, **setting) -> array (replicates, outputs) of finite numbers; the names of
the outputs stand beside it. `rng` draws only keys of the counter-based generator, one for each part of the replicates
that fits into memory. What most settings share, by keyword:

`learning_rate` the true rate, > 0; `mean_losses` (n_arms,) or (rounds, n_arms) and `bernoulli` as in `simulate`;
`rounds` >= 1 of every history; `variant` stands for the fields of `Variant`: gains, mixing, implicit_exploration,
rate_exponent, cumulative. `threshold` says which rounds count: all of them where None; else those before the first one
in which the learner itself, never a candidate, gives some arm a probability below `threshold` in (0, 1/n_arms].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_integer, check_number
from simulations.exp3._arguments import LARGEST
from simulations.exp3._distances import MOST, ladder_divergence
from simulations.exp3._tasks import KEYS, check_task, distances_from_truth, evaluate_truth, interval, parts
from simulations.exp3.jumps import ladder_log_likelihood, ladder_maximum_likelihood, simulate_ladder
from simulations.exp3.likelihood import warn_of
from simulations.exp3.maximum import maximum_likelihood

__all__ = [
    "ESTIMATE_OUTPUTS",
    "LADDER_OUTPUTS",
    "SCORE_OUTPUTS",
    "estimates",
    "information_samples",
    "ladder_estimates",
    "score_moments",
]

Array = NDArray[np.float64]
SCORE_OUTPUTS = ("score", "squared_score", "observed_information", "path_information")
_ERRORS = ("error", "absolute_error", "squared_error", "at_low", "at_high", "flat", "unresolved")
_TESTS = ("likelihood_ratio", "covered", "twice_divergence")
ESTIMATE_OUTPUTS = (*_ERRORS, "unreliable", *_TESTS, "squared_distance", "squared_l1_distance", "affinity")
LADDER_OUTPUTS = (*_ERRORS, *_TESTS)
_QUANTILE = 3.841458820694124  # .95 quantile of chi^2 with one degree of freedom


def score_moments(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    bernoulli: bool = False,
    threshold: float | None = None,
    **variant: Any,
) -> Array:
    """Return what the score identities are about, at the true rate: columns `SCORE_OUTPUTS`.

    The score L', its square, -L'' and the path information sum_t sum_k p h^2. Their means are 0 and three times the
    Fisher information (ex.D1), for any number of rounds. A `PrecisionWarning` says how many runs are chaotic: their
    moments are those of Exp3 with rounding errors (ex.D11). Arguments: `rng`, `replicates` >= 1, and `learning_rate`,
    `mean_losses`, `rounds`, `bernoulli`, `threshold`, `variant` as in the head of the module.

    In two rounds with losses (2, 0) at rate 0.3 only a first draw of arm 0 is informative; then dx/d(eta) = 4:

    >>> setting = dict(learning_rate=0.3, mean_losses=(2.0, 0.0), rounds=2)
    >>> found = score_moments(np.random.default_rng(0), 100, **setting)[:, 3]
    >>> p = 1 / (1 + np.exp(1.2))
    >>> bool(np.all(np.isclose(found, 0) | np.isclose(found, 16 * p * (1 - p)))), bool(np.ptp(found) > 0)
    (True, True)
    """
    task = check_task(learning_rate, mean_losses, rounds, bernoulli, threshold, variant)
    out = np.empty((check_integer("replicates", replicates, low=1), len(SCORE_OUTPUTS)))
    for runs in parts(rng, len(out), task):
        _, score, hessian, information, condition, _ = evaluate_truth(task, runs)
        warn_of(condition)
        out[runs.rows] = np.column_stack([score, score**2, -hessian, information])
    return out


def information_samples(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    power: float = 3.0,
    bernoulli: bool = False,
    threshold: float | None = None,
    **variant: Any,
) -> Array:
    """Return learning_rate^`power` times the path information at the true rate, (replicates, 1).

    Its mean tends to J(learning_rate `rounds`) at power 3 (ex.D4); where all losses are equal power 2 has a limit
    (ex.D7). Less noisy than the squared score by far. `rng`, `replicates`, `learning_rate`, `mean_losses`, `bernoulli`,
    `threshold` and `variant` as in `score_moments`.

    >>> information_samples(np.random.default_rng(0), 2, learning_rate=0.3, mean_losses=(2.0, 0.0), rounds=1).tolist()
    [[0.0], [0.0]]
    """
    power = check_number("power", power)
    setting: dict[str, Any] = {"bernoulli": bernoulli, "threshold": threshold, **variant}
    moments = score_moments(
        rng, replicates, learning_rate=learning_rate, mean_losses=mean_losses, rounds=rounds, **setting
    )
    return learning_rate**power * moments[:, 3:]


def estimates(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    low: float,
    high: float,
    bernoulli: bool = False,
    threshold: float | None = None,
    **variant: Any,
) -> Array:
    """Return errors of the maximum-likelihood estimate on [`low`, `high`] times the true rate: `ESTIMATE_OUTPUTS`.

    error = estimate/truth - 1, absolute_error, squared_error; at_low, at_high, flat: 1 where the estimate is that end,
    or where no rate is more likely than another (then all errors and distances count 0 and covered 1); unresolved,
    unreliable: 1 where `maximum_likelihood` says that a spike may have been missed, or that digits are lost;
    likelihood_ratio = 2 (L(estimate) - L(truth)); covered: 1 where it is at most 3.841, so that the 95 % interval
    contains the truth; twice_divergence = 2 sum_t KL(p_t | p^_t); squared_distance = sum_t |p^_t - p_t|_2^2;
    squared_l1_distance = sum_t |p^_t - p_t|_1^2; affinity = sum_t -log sum_k sqrt(p p^). Ratios and sums are cut at
    10^6: a divergence may be infinite.

    0 < `low` < `high`, without unit; `rng`, `replicates`, `learning_rate`, `mean_losses`, `rounds`, `bernoulli`,
    `threshold` and `variant` as in the head of the module. Sources: ex.D4 (errors), ex.D5 (ratios, divergences).

    A single round says nothing about the rate:

    >>> setting = dict(learning_rate=0.3, mean_losses=(2.0, 0.0), low=0.1, high=10.0)
    >>> found = estimates(np.random.default_rng(0), 1, rounds=1, **setting)[0]
    >>> [name for name, value in zip(ESTIMATE_OUTPUTS, found) if value]
    ['flat', 'covered']
    """
    task = check_task(learning_rate, mean_losses, rounds, bernoulli, threshold, variant)
    bounds = interval(task.learning_rate, low, high)
    out = np.empty((check_integer("replicates", replicates, low=1), len(ESTIMATE_OUTPUTS)))
    for runs in parts(rng, len(out), task):
        fit = maximum_likelihood(runs.arms, runs.losses, task.n_arms, bounds, runs.stops, variant=task.variant)
        rate, columns = _errors(task.learning_rate, fit, fit.unresolved > 0)
        ratio = np.where(fit.flat, 0.0, _ratio(fit.log_likelihood, evaluate_truth(task, runs)[0]))
        far = distances_from_truth(task, runs, rate)
        tests = ratio, ratio <= _QUANTILE, np.minimum(2 * far.divergence, MOST)
        out[runs.rows] = np.column_stack([*columns, ~fit.reliable, *tests, far.squared, far.squared_l1, far.affinity])
    return out


def ladder_estimates(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    rounds: float,
    low: float,
    high: float,
    n_arms: int = 2,
    loss: float = 1.0,
) -> Array:
    """Return errors of the maximum-likelihood estimate from all rounds with one lossy arm: columns `LADDER_OUTPUTS`.

    As in `estimates`, by geometric jumps: the cost is that of the lossy pulls, whatever the rounds, up to 1e300.
    `learning_rate` > 0; `low` < `high` the interval in units of it; `n_arms` >= 2, of which one pays `loss` > 0;
    `rng`, `replicates` as in `estimates`. Source: ex.D2, ex.D12.

    >>> setting = dict(learning_rate=1.0, rounds=1e15, low=0.3, high=3.0)
    >>> ladder_estimates(np.random.default_rng(0), 200, **setting)[:, 5:7].tolist() == [[0.0, 0.0]] * 200
    True
    """
    eta = check_number("learning_rate", learning_rate, low=0.0, high=LARGEST, open_low=True)
    bounds, count = interval(eta, low, high), check_integer("replicates", replicates, low=1)
    arms: dict[str, Any] = {"n_arms": n_arms, "loss": loss}
    pulls = simulate_ladder(eta, rounds, count, int(rng.integers(KEYS)), **arms).pulls
    fit = ladder_maximum_likelihood(pulls, rounds, bounds, **arms)
    rate, columns = _errors(eta, fit, ~fit.resolved)
    ratio = np.where(fit.flat, 0.0, _ratio(fit.log_likelihood, ladder_log_likelihood(eta, pulls, rounds, **arms)[0]))
    twice = np.minimum(2 * ladder_divergence(eta, rate, pulls, rounds, n_arms, loss), MOST)
    return np.column_stack([*columns, ratio, ratio <= _QUANTILE, twice]).astype(np.float64)


def _errors(eta: float, fit: Any, unresolved: NDArray[np.bool_]) -> tuple[Array, list[NDArray[Any]]]:
    """The estimates, the truth where flat, and the columns `_ERRORS`."""
    rate = np.where(fit.flat, eta, fit.learning_rate)
    error = rate / eta - 1
    ends = fit.at_bound == -1, fit.at_bound == 1
    return rate, [error, np.abs(error), error**2, *ends, fit.flat, unresolved]


def _ratio(value: Array, truth: Array) -> Array:
    """The likelihood ratio statistic, within +-`MOST`."""
    return np.clip(2 * (value - truth), -MOST, MOST)
