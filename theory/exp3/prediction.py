"""How well the fitted learning rate predicts the arms: a bound without assumptions and the limit law (derived).

Prediction error of an estimate: sum_{t <= T} |p_t(eta-hat) - p_t(eta)|^2, squared norms over the arms.

Bound. With the affinity rho_t = sum_k sqrt(p_{k,t}(eta) p_{k,t}(eta')) and L the log-likelihood,
E exp((L(eta') - L(eta))/2)/prod_t rho_t = 1. Markov's inequality, a union over the set G of candidates (eta among them)
and L(eta-hat) >= L(eta) for the maximiser over G give, for every adversary, number of arms and of rounds,

    P(sum_t -log rho_t <= log(|G|/delta)) >= 1 - delta,    -log rho >= 1 - rho >= |.|_1^2/8 >= |.|_2^2/4.

Limit law. In the regime of `mean_field` (S = eta T fixed, eta -> 0) the MLE is Gaussian, so twice the log-likelihood
ratio L(eta-hat) - L(eta) and twice the sum of the divergences KL(p_t, p_t(eta-hat)) tend to chi^2 with one degree of
freedom, and the prediction error to (Q/J) chi^2. Mean squared error per round: (Q/J)/T, of order n^-alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv

from theory._checks import check_integer, check_range
from theory.exp3._cells import Array, as_given, in_rows, read_course
from theory.exp3._course import course

__all__ = [
    "PredictionBound",
    "likelihood_ratio_quantile",
    "mean_prediction_error",
    "prediction_bound",
    "prediction_quantile",
]


@dataclass(frozen=True)
class PredictionBound:
    """Bounds that hold together with the stated confidence, sums over all rounds.

    hellinger: of sum_t -log rho_t, log(|G|/delta).
    squared_two_norm: of sum_t |p_t(eta-hat) - p_t(eta)|_2^2, 4 log(|G|/delta).
    squared_one_norm: of sum_t |p_t(eta-hat) - p_t(eta)|_1^2, 8 log(|G|/delta).
    """

    hellinger: float | Array
    squared_two_norm: float | Array
    squared_one_norm: float | Array


def prediction_bound(candidates: int, confidence: ArrayLike) -> PredictionBound:
    """Return bounds on the prediction error of the maximiser of the likelihood over a finite set (exact, any T).

    log(|G|/delta), 4 log(|G|/delta) and 8 log(|G|/delta) with delta = 1 - confidence; no truncation, any losses.

    candidates: |G|, the number of candidate rates, the true one among them; an integer >= 1.
    confidence: 1 - delta, probability with which the bounds hold, in [0, 1), any shape.

    A scalar confidence gives floats, an array arrays. Raises `ValueError` outside the domain.
    Source: derived, claim ex.D8.

    >>> bound = prediction_bound(20, 0.5)  # log(40)
    >>> round(bound.hellinger, 12), round(bound.squared_two_norm / bound.hellinger, 12)
    (3.688879454114, 4.0)
    """
    size = check_integer("candidates", candidates, low=1)
    level = check_range("confidence", confidence, low=0.0, high=1.0, open_high=True)
    log = math.log(size) - np.log1p(-level)
    return PredictionBound(*(as_given(factor * log, level.shape) for factor in (1.0, 4.0, 8.0)))


def likelihood_ratio_quantile(probability: ArrayLike) -> float | Array:
    """Return the quantile of chi^2 with one degree of freedom, the limit law of 2 (L(eta-hat) - L(eta)) (asymptotic).

    The rates whose likelihood is within half of it from the maximum are a confidence interval for eta.

    probability: level of the quantile, in [0, 1], any shape.

    A scalar gives a float, an array an array. Limits: 0 at 0, inf at 1. Raises `ValueError` outside the domain.
    Source: derived, claim ex.D5.

    >>> round(likelihood_ratio_quantile(0.95), 6)  # 1.959964^2
    3.841459
    """
    level = check_range("probability", probability, low=0.0, high=1.0)
    with np.errstate(under="ignore"):
        return as_given(2.0 * gammaincinv(0.5, level), level.shape)


def mean_prediction_error(scaled_time: ArrayLike, mean_losses: ArrayLike, gains: bool = False) -> float | Array:
    """Return Q/J, the limit of E sum_t |p_t(eta-hat) - p_t(eta)|^2 for the MLE from T = S/eta rounds (asymptotic).

    Stays finite where J and Q exceed float64.

    scaled_time: S = eta T, >= 0, any shape; S max |mean_losses| <= 1e5.
    mean_losses: mean loss of each arm, shape (arms,), arms >= 2, real; negative ones are gains.
    gains: whether `mean_losses` holds gains instead, which enter as negative losses.

    A scalar gives a float, an array an array. Limits: 1/K as S -> 0 or as the losses become equal; returned at S = 0
    and for equal losses too, though the MLE is then not consistent. Raises `ValueError` outside the domain.
    Source: derived, claim ex.D5.

    >>> round(mean_prediction_error(1e-4, [0.9, 0.6, 0.3, 0.0]), 3)
    0.25
    """
    times, losses, _, shape = read_course(scaled_time, mean_losses, gains)
    logs = course(times, losses)
    known = np.isfinite(logs.log_prediction) & np.isfinite(logs.log_information)
    log_ratio = np.where(known, logs.log_prediction, 0.0) - np.where(known, logs.log_information, np.log(len(losses)))
    with np.errstate(under="ignore"):
        return as_given(np.exp(log_ratio), shape)


def prediction_quantile(
    probability: ArrayLike, scaled_time: ArrayLike, mean_losses: ArrayLike, gains: bool = False
) -> float | Array:
    """Return the quantile of the limit law (Q/J) chi^2_1 of sum_t |p_t(eta-hat) - p_t(eta)|^2 for the MLE (asymptotic).

    Divide by T for the mean over rounds.

    probability: level of the quantile, in [0, 1], any shape.
    scaled_time: S = eta T, >= 0, broadcast against `probability`; S max |mean_losses| <= 1e5.
    mean_losses: mean loss of each arm, shape (arms,), arms >= 2, real; negative ones are gains.
    gains: whether `mean_losses` holds gains instead, which enter as negative losses.

    Scalars give a float, arrays an array. Limits: 0 at probability 0, inf at 1; at S = 0 and equal losses see
    `mean_prediction_error`. Raises `ValueError` outside the domain. Source: derived, claim ex.D5.

    >>> round(prediction_quantile(0.95, 1e-4, [0.9, 0.6, 0.3, 0.0]), 3)  # 3.841/4
    0.96
    """
    level = np.asarray(likelihood_ratio_quantile(probability))
    error = np.asarray(mean_prediction_error(scaled_time, mean_losses, gains))
    (levels, errors), shape = in_rows(probability=level, scaled_time=error)
    sure = np.isinf(levels)
    return as_given(np.where(sure, np.inf, np.where(sure, 0.0, levels) * errors), shape)
