"""Information about a small learning rate at fixed scaled time (after Aubert et al., 2023; derived).

For eta -> 0 at S = eta T the probabilities follow p(s) = softmax(-s l); sensitivities gamma_k = eta d y_k/d eta obey

    dgamma_k/ds = -l_k (1 - h_k),    h = gamma - sum_j p_j gamma_j,    gamma(0) = 0

(the term +l_k h_k is the feedback through the division by p), and h = eta d log p/d eta. Then

    eta^3 I_T -> J(S) = int_0^S sum_k p_k h_k^2 ds,    sd of the MLE of eta, relative to eta: sqrt(eta/J)
    eta sum_t |p_t(eta-hat) - p_t|^2 -> (relative error)^2 Q(S),    Q(S) = int_0^S sum_k (p_k h_k)^2 ds

Solved for any number of arms: sum_j p_j gamma_j = log(mean_k exp(-l_k s)), h_k = int_0^s exp(l_k (s - r)) (sum_j p_j(r)
l_j - l_k) dr. One lossy arm with loss 1, v = (K-1)/(K-1+exp(-S)), v_0 = (K-1)/K, L = log(v/v_0):

    J = L^2 v/(1 - v) + 2 L log(1 - v) + 2 (Li2(v) - Li2(v_0)) = int_0^S (K-1) e^s log^2(K/(K-1+e^-s)) ds

Limits: J ~ S^3 var(l)/3 and Q ~ S^3 var(l)/(3K) for small S, var over the arms; for large S, J of one lossy arm grows
like (K-1) log^2(K/(K-1)) e^S. Under J(S; c l) = J(c S; l)/c, and Q likewise, c > 0, losses are a unit of time; only
differences of losses do not determine J, because of the feedback. A gain is a negative loss. Equal losses have J = Q =
0: see `equal_losses_information`. As limits the relative error is of order eta exp(S max l); as functions accurate to
about 1e-13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory._checks import check_range
from theory.exp3._cells import Array, as_given, in_rows, read_arms, read_course, read_losses
from theory.exp3._course import course

__all__ = [
    "MeanFieldPath",
    "equal_losses_information",
    "mean_field_information",
    "mean_field_path",
    "mle_standard_deviation",
    "prediction_constant",
    "scaled_exit_time",
]


@dataclass(frozen=True)
class MeanFieldPath:
    """The mean-field path, arms on the last axis.

    probability: p_k = softmax(-s l)_k.
    score: h_k = eta d log p_k/d eta; sum_k p_k h_k = 0.
    sensitivity: gamma_k = eta d y_k/d eta, y the log weights; gamma = h + log(mean_k exp(-l_k s)).
    """

    probability: Array
    score: Array
    sensitivity: Array


def mean_field_information(scaled_time: ArrayLike, mean_losses: ArrayLike, gains: bool = False) -> float | Array:
    """Return J(S), the limit of eta^3 I_T for eta -> 0 at S = eta T (asymptotic in eta, relative error O(eta e^S)).

    J(S) = int_0^S sum_k p_k h_k^2 ds by the module's head. Information about log eta is J/eta; about theta in
    eta = theta n^-alpha it is J/(theta^2 eta). Random losses have the same J as deterministic ones with their means.

    scaled_time: S = eta T, >= 0, any shape; S max |mean_losses| <= 1e5.
    mean_losses: mean loss of each arm, shape (arms,), arms >= 2, real; negative ones are gains.
    gains: whether `mean_losses` holds gains instead, which enter as negative losses.

    A scalar gives a float, an array an array. Limits: 0 at S = 0 and for equal losses; inf where J exceeds float64.
    Raises `ValueError` outside the domain. Source: derived, claim ex.D4.

    >>> round(mean_field_information(0.0004, [0.25, 0.75]) / (0.0004**3 / 48), 3)  # S^3 var/3, var = 1/16
    1.0
    """
    times, losses, unit, shape = read_course(scaled_time, mean_losses, gains)
    with np.errstate(over="ignore", under="ignore"):
        return as_given(np.exp(course(times, losses).log_information - np.log(unit)), shape)


def prediction_constant(scaled_time: ArrayLike, mean_losses: ArrayLike, gains: bool = False) -> float | Array:
    """Return Q(S) = int_0^S sum_k (p_k h_k)^2 ds: a small relative error e of eta moves the probabilities by
    sum_t |p_t(eta (1 + e)) - p_t(eta)|^2 = e^2 Q/eta (asymptotic in eta).

    The prediction error of the MLE has the limit law (Q/J) chi^2_1: see `mean_prediction_error`.

    scaled_time: S = eta T, >= 0, any shape; S max |mean_losses| <= 1e5.
    mean_losses: mean loss of each arm, shape (arms,), arms >= 2, real; negative ones are gains.
    gains: whether `mean_losses` holds gains instead, which enter as negative losses.

    A scalar gives a float, an array an array. Limits: 0 at S = 0 and for equal losses; inf where Q exceeds float64.
    Raises `ValueError` outside the domain. Source: derived, claim ex.D5.

    >>> round(prediction_constant(0.0004, [0.25, 0.75]) / (0.0004**3 / 96), 3)  # S^3 var/(3K)
    1.0
    """
    times, losses, unit, shape = read_course(scaled_time, mean_losses, gains)
    with np.errstate(over="ignore", under="ignore"):
        return as_given(np.exp(course(times, losses).log_prediction - np.log(unit)), shape)


def mle_standard_deviation(
    learning_rate: ArrayLike, scaled_time: ArrayLike, mean_losses: ArrayLike, gains: bool = False
) -> float | Array:
    """Return sqrt(eta/J(S)), the standard deviation of the MLE's relative error from T = S/eta rounds (asymptotic).

    It is that of (eta-hat - eta)/eta, hence also of theta-hat/theta in eta = theta n^-alpha: with T = tau n^alpha it
    falls like n^(-alpha/2). Half the box between the quartiles is 0.6745 of it. The relative bias is of order eta.

    learning_rate: eta, > 0, any shape.
    scaled_time: S = eta T, >= 0, broadcast against `learning_rate`; S max |mean_losses| <= 1e5.
    mean_losses: mean loss of each arm, shape (arms,), arms >= 2, real; negative ones are gains.
    gains: whether `mean_losses` holds gains instead, which enter as negative losses.

    Scalars give a float, arrays an array. Limits: inf where J = 0 (S = 0 or equal losses); 0 where it underflows.
    Raises `ValueError` outside the domain. Source: derived, claim ex.D4.

    >>> round(mle_standard_deviation(4e-12, 0.0004, [0.25, 0.75]), 3)  # (eta 48/S^3)^0.5 = 3^0.5
    1.732
    """
    rate = check_range("learning_rate", learning_rate, low=0.0, open_low=True)
    times, losses, unit, shape = read_course(scaled_time, mean_losses, gains)
    log_information = course(times, losses).log_information.reshape(shape) - np.log(unit)
    (rates, logs), whole = in_rows(learning_rate=rate, scaled_time=log_information)
    with np.errstate(over="ignore", under="ignore"):
        return as_given(np.exp(0.5 * (np.log(rates) - logs)), whole)


def mean_field_path(scaled_time: ArrayLike, mean_losses: ArrayLike, gains: bool = False) -> MeanFieldPath:
    """Return probabilities p, scores h and sensitivities gamma at each scaled time (asymptotic, eta -> 0).

    They are limits of p_t, eta d log p_t/d eta and eta d y_t/d eta at t = s/eta; paths fluctuate around them by
    O(sqrt(eta)). To first order the probabilities of a candidate eta (1 + e) are p (1 + e h).

    scaled_time: s = eta t, >= 0, any shape; s max |mean_losses| <= 1e5.
    mean_losses: mean loss of each arm, shape (arms,), arms >= 2, real; negative ones are gains.
    gains: whether `mean_losses` holds gains instead, which enter as negative losses.

    The three arrays have the shape of `scaled_time` and a last axis of arms. Limits: p underflows to 0, and h of a
    lossy arm, which grows like e^(l s), overflows to -inf. Raises `ValueError` outside the domain.
    Source: derived, claim ex.D4.

    >>> path = mean_field_path(np.log(3), [1, 0])  # p = (1, 3)/4, gamma_2 = 0, gamma_1 = -log(2 (1 - p))/p
    >>> [[round(float(x), 6) + 0.0 for x in part] for part in (path.probability, path.sensitivity)]  # -4 log 1.5
    [[0.25, 0.75], [-1.62186, 0.0]]
    """
    times, losses, _, shape = read_course(scaled_time, mean_losses, gains)
    result = course(times, losses)
    with np.errstate(over="ignore", under="ignore"):
        growth = np.exp(times[:, None] * np.maximum(losses, 0.0))
        score = result.scaled_score * np.where(result.scaled_score == 0.0, 1.0, growth)
        mean = -times * losses.min() + np.log1p(np.expm1(-times[:, None] * (losses - losses.min())).mean(axis=-1))
        parts = (np.exp(result.log_probability), score, score + mean[:, None])
    return MeanFieldPath(*(part.reshape(*shape, len(losses)) for part in parts))


def scaled_exit_time(mean_losses: ArrayLike, threshold: ArrayLike, gains: bool = False) -> float | Array:
    """Return s_eps, the limit of eta T_eps: the s at which min_k softmax(-s l)_k = threshold (asymptotic, eta -> 0).

    T_eps is the first round whose smallest probability is below the threshold; eta T_eps differs from s_eps by O(eta).
    One lossy arm with loss 1: log((1 - threshold)/((K - 1) threshold)).

    mean_losses: mean loss of each arm, shape (arms,), arms >= 2, real; negative ones are gains.
    threshold: level eps of the smallest probability, in (0, 1), any shape.
    gains: whether `mean_losses` holds gains instead, which enter as negative losses.

    A scalar gives a float, an array an array. Limits: 0 where threshold > 1/K, which holds from the start; inf for
    equal losses. Raises `ValueError` outside the domain. Source: derived, claim ex.D3.

    >>> round(scaled_exit_time([0.5, 0], 0.1), 12)  # log(9)/0.5
    4.394449154672
    """
    losses = read_losses(mean_losses, gains)
    level = check_range("threshold", threshold, low=0.0, high=1.0, open_low=True, open_high=True)
    width = float(np.ptp(losses))
    goal = np.maximum(-np.log(len(losses) * level.ravel()), 0.0)
    early = len(losses) * level.ravel() > 1.0
    if width == 0.0:
        return as_given(np.where(early, 0.0, np.inf), level.shape)
    gaps = (losses.max() - losses) / width
    with np.errstate(over="ignore", under="ignore"):
        return as_given(np.where(early, 0.0, _rise_to(goal, gaps) / width), level.shape)


def equal_losses_information(scaled_time: ArrayLike, loss: ArrayLike, n_arms: int = 2) -> float | Array:
    """Return the limit of eta^2 I_T when all K arms have the same constant loss l (asymptotic, eta -> 0, S = eta T).

    (K - 1)/4 (e^x - 1 - x) with x = 2 l S; at two arms (l/2) [(e^(2 l S) - 1)/(2 l) - S]. The mean-field score is 0;
    the noise of l/p alone drives it: dh = l h ds + l sqrt(eta K) dW, W projected on sum 0. eta^2 I_T is the information
    about log eta: it stays bounded as eta -> 0, so under truncation the relative error does not vanish.

    scaled_time: S = eta T, >= 0, any shape.
    loss: the common loss l, real, broadcast against `scaled_time`; a gain is a negative loss.
    n_arms: K, 2, 3, ..., at most 1e15.

    Scalars give a float, arrays an array. Limits: (K - 1) (l S)^2/2 for small l S; inf where it exceeds float64. Raises
    `ValueError` outside the domain. Source: derived, claim ex.D7; three and more arms derived here.

    >>> round(equal_losses_information(2.0, 0.25), 12)  # (e - 2)/4
    0.179570457115
    """
    arms = read_arms(n_arms)
    (times, losses), shape = in_rows(
        scaled_time=check_range("scaled_time", scaled_time, low=0.0), loss=check_range("loss", loss)
    )
    with np.errstate(over="ignore", under="ignore"):
        x = np.minimum(2.0 * (times * losses), 1e300)
        near = np.clip(x, -1.0, 1.0)
        series = np.ones_like(near)
        for k in range(20, 2, -1):  # (e^x - 1 - x) 2/x^2 = 1 + x/3 (1 + x/4 (1 + ...)); the rest is below 1e-18
            series = 1.0 + near / k * series
        value = np.where(np.abs(x) < 1.0, 0.5 * near**2 * series, np.expm1(x) - x)
        return as_given(0.25 * (arms - 1) * value, shape)


def _rise_to(goal: Array, gaps: Array) -> Array:
    """Return s with log(mean_j exp(gaps_j s)) = goal >= 0, gaps in [0, 1]; convex, so Newton falls to the root."""
    place = np.minimum(goal + np.log(len(gaps)), goal / gaps.mean())
    for _ in range(200):
        lowered = np.exp(place[:, None] * (gaps - 1.0))
        small = np.log1p(np.expm1(np.minimum(place, 1.0)[:, None] * gaps).mean(axis=-1))
        rise = np.where(place < 1.0, small, place + np.log(lowered.mean(axis=-1)))
        step = (rise - goal) / ((gaps * lowered).sum(axis=-1) / lowered.sum(axis=-1))
        place = place - step
        if np.all(np.abs(step) <= 4e-16 * place):
            break
    return place
