"""Bag-level and instance-level losses of any predictor, and what separates them (Javanmard et al., 2024).

For rows i in bags a of size k_a, n rows in all, bag means y_a of the responses and predictions f_i,

    L_ins = (1/n) sum_i loss(y_a(i), f_i),   L_bag = (1/n) sum_a k_a loss(y_a, mean of f over a),
    L_int = (1 - rho) L_bag + rho L_ins,     W = (1/n) sum_i (f_i - mean of f over a(i))^2.

Square loss: L_ins - L_bag = W. A loss with curvature in [mu, Lambda]: (mu/2) W <= L_ins - L_bag <= (Lambda/2) W.
Canonical losses A(s) - y s: the difference is the Jensen gap of A and does not contain the responses.

=========  =============  =====================================================  ===============
letter     argument       meaning                                                domain
=========  =============  =====================================================  ===============
y_a        bag_responses  mean response of each bag, shape (bags,)               real
f_i        predictions    prediction (score) for each row, shape (n,)            real
a(i)       bags           bag of each row, 0, 1, ..., shape (n,)                 every bag in use
rho        interpolation  weight of instance level                               >= 0
=========  =============  =====================================================  ===============

Bags of equal size give the plain mean over bags. Bag level puts the mean inside the loss: of the scores, or of the mean
responses A'(score), which differ. Everything here is exact for any sample (nothing is asymptotic).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_expit

from theory._checks import check_number, check_vector

__all__ = [
    "FAMILIES",
    "bag_loss",
    "instance_loss",
    "interpolating_loss",
    "jensen_gap",
    "within_bag_spread",
]

Array = NDArray[np.float64]
Loss = Callable[[Array, Array], ArrayLike]

LARGEST_RATE = 700.0  # score of a Poisson prediction whose rate is still a float64

# A(s) of the canonical losses A(s) - y s
FAMILIES: dict[str, Callable[[Array], Array]] = {
    "gaussian": lambda score: 0.5 * score**2,
    "logistic": lambda score: -log_expit(-score),
    "poisson": lambda score: np.exp(score),
}


def instance_loss(
    bag_responses: ArrayLike, predictions: ArrayLike, bags: ArrayLike, *, loss: str | Loss = "square"
) -> float:
    """Return L_ins, the mean loss of each row's prediction against the mean response of its bag; exact.

    bag_responses: mean response of each bag, shape (bags,).
    predictions: prediction of each row, shape (n,); a score for the canonical families, <= 700 for "poisson".
    bags: bag of each row, whole numbers 0, 1, ..., shape (n,); no bag may be empty.
    loss: "square" is (y - f)^2; "gaussian", "logistic", "poisson" are A(f) - y f; or a function of arrays (y, f).

    Raises `ValueError` for other names and for shapes or bags that disagree, naming them. Source: paper (losses).

    >>> instance_loss([1.0, 4.0], [0.0, 2.0, 3.0, 5.0], [0, 0, 1, 1])
    1.0
    """
    means, scores, index, _ = _read(bag_responses, predictions, bags, loss)
    return float(np.mean(np.asarray(_loss(loss)(means[index], scores))))


def bag_loss(
    bag_responses: ArrayLike,
    predictions: ArrayLike,
    bags: ArrayLike,
    *,
    loss: str | Loss = "square",
    average: str = "score",
) -> float:
    """Return L_bag, the loss of each bag's mean prediction against its mean response, bags weighted by size; exact.

    bag_responses: mean response of each bag, shape (bags,).
    predictions: prediction of each row, shape (n,); a score for the canonical families.
    bags: bag of each row, whole numbers 0, 1, ..., shape (n,); no bag may be empty.
    loss: as in `instance_loss`.
    average: "score" averages the predictions themselves; "response", for a canonical family, averages the mean
        responses A'(f) (probabilities, rates) and applies the loss at the score that has that mean response.

    Raises `ValueError` for other names, for shapes or bags that disagree, and for "response" without a family.
    Source: paper (losses); the second average is the label-proportion classifier's.

    >>> bag_loss([1.0, 4.0], [0.0, 2.0, 3.0, 6.0], [0, 0, 1, 1])
    0.125
    """
    means, scores, index, sizes = _read(bag_responses, predictions, bags, loss)
    if average == "response":
        if not isinstance(loss, str) or loss not in FAMILIES:
            raise ValueError(f"average='response' needs loss among {sorted(FAMILIES)}, got loss={loss!r}")
        middle = _score_of_mean_response(loss, scores, index, sizes)
    elif average == "score":
        middle = _means(scores, index, sizes)
    else:
        raise ValueError(f"average must be 'score' or 'response', got average={average!r}")
    return float(np.sum(sizes * np.asarray(_loss(loss)(means, middle))) / scores.size)


def interpolating_loss(
    bag_responses: ArrayLike,
    predictions: ArrayLike,
    bags: ArrayLike,
    interpolation: float,
    *,
    loss: str | Loss = "square",
) -> float:
    """Return (1 - rho) L_bag + rho L_ins = L_bag + rho (L_ins - L_bag); exact.

    bag_responses: mean response of each bag, shape (bags,).
    predictions: prediction of each row, shape (n,).
    bags: bag of each row, whole numbers 0, 1, ..., shape (n,).
    interpolation: weight rho of instance level, in [0, inf), a number; beyond 1 the spread weighs more than in L_ins.
    loss: as in `instance_loss`.

    Raises `ValueError` as `instance_loss`. Source: paper (losses), claim ar.L1.

    >>> interpolating_loss([1.0, 4.0], [0.0, 2.0, 3.0, 5.0], [0, 0, 1, 1], 0.3)  # L_bag = 0, L_ins = 1
    0.3
    """
    weight = check_number("interpolation", interpolation, low=0.0)
    bag = bag_loss(bag_responses, predictions, bags, loss=loss)
    return bag + weight * (instance_loss(bag_responses, predictions, bags, loss=loss) - bag)


def within_bag_spread(predictions: ArrayLike, bags: ArrayLike) -> float:
    """Return W = (1/n) sum_i (f_i - mean of f over the bag of i)^2; exact.

    For the square loss it is L_ins - L_bag; with equal bags also (1/(2 m k^2)) times the sum of (f_i - f_j)^2 over
    ordered pairs in a bag. A loss whose curvature in the prediction lies in [mu, Lambda] has L_ins - L_bag between
    (mu/2) W and (Lambda/2) W: Lambda = 2 square, 1/4 logistic, 1 Huber with unit threshold.

    predictions: prediction of each row, shape (n,).
    bags: bag of each row, whole numbers 0, 1, ..., shape (n,); no bag may be empty.

    Raises `ValueError` for shapes or bags that disagree. Source: derived (the printed factor of the pair sum is 2 m k
    times too large), claims ar.L1, ar.L2.

    >>> within_bag_spread([0.0, 2.0, 3.0, 6.0], [0, 0, 1, 1])  # (1 + 1 + 2.25 + 2.25)/4
    1.625
    """
    scores, index, sizes = _read_rows(predictions, bags)
    return float(np.mean((scores - _means(scores, index, sizes)[index]) ** 2))


def jensen_gap(predictions: ArrayLike, bags: ArrayLike, *, family: str) -> float:
    """Return (1/n) sum_i [A(f_i) - A(mean of f over the bag of i)], which is L_ins - L_bag of a canonical loss; exact.

    The responses do not enter. A = s^2/2 (gaussian), log(1 + e^s) (logistic), e^s (poisson); >= 0 up to rounding of A.

    predictions: score of each row, shape (n,); <= 700 for "poisson".
    bags: bag of each row, whole numbers 0, 1, ..., shape (n,); no bag may be empty.
    family: "gaussian", "logistic" or "poisson".

    Raises `ValueError` for other families and for shapes or bags that disagree. Source: derived, claim ar.L3.

    >>> round(jensen_gap([0.0, np.log(4.0)], [0, 0], family="poisson"), 12)  # (1 + 4)/2 - sqrt(4)
    0.5
    """
    if not isinstance(family, str) or family not in FAMILIES:
        raise ValueError(f"family must be one of {sorted(FAMILIES)}, got family={family!r}")
    scores, index, sizes = _read_rows(predictions, bags, family)
    potential = FAMILIES[family]
    return float(np.mean(potential(scores) - potential(_means(scores, index, sizes))[index]))


def _loss(loss: str | Loss) -> Loss:
    """Return the loss as a function of (y, f)."""
    if callable(loss):
        return loss
    if isinstance(loss, str) and loss == "square":
        return lambda y, f: (y - f) ** 2
    if not isinstance(loss, str) or loss not in FAMILIES:
        raise ValueError(f"loss must be a function or one of {['square', *sorted(FAMILIES)]}, got loss={loss!r}")
    potential = FAMILIES[loss]
    return lambda y, f: potential(f) - y * f


def _score_of_mean_response(family: str, scores: Array, index: NDArray[np.intp], sizes: Array) -> Array:
    """Return, for each bag, the score whose mean response is the bag's average of A'(f)."""
    if family == "logistic":
        return _log_means(log_expit(scores), index, sizes) - _log_means(log_expit(-scores), index, sizes)
    return _log_means(scores, index, sizes) if family == "poisson" else _means(scores, index, sizes)


def _log_means(logs: Array, index: NDArray[np.intp], sizes: Array) -> Array:
    """Return the logarithm of the mean of exp(logs) over each bag."""
    top = np.full(sizes.size, -np.inf)
    np.maximum.at(top, index, logs)
    return top + np.log(_means(np.exp(logs - top[index]), index, sizes))


def _means(values: Array, index: NDArray[np.intp], sizes: Array) -> Array:
    """Return the mean of `values` over each bag."""
    return np.bincount(index, weights=values) / sizes


def _read(
    bag_responses: ArrayLike, predictions: ArrayLike, bags: ArrayLike, loss: str | Loss
) -> tuple[Array, Array, NDArray[np.intp], Array]:
    """Return mean responses, predictions, bag of each row and bag sizes, checked against each other."""
    means = check_vector("bag_responses", bag_responses, axis="bags")
    scores, index, sizes = _read_rows(predictions, bags, loss)
    if sizes.size != means.size:
        raise ValueError(f"bag_responses must have one entry per bag, got {means.size} for {sizes.size} in bags")
    return means, scores, index, sizes


def _read_rows(
    predictions: ArrayLike, bags: ArrayLike, loss: str | Loss = "square"
) -> tuple[Array, NDArray[np.intp], Array]:
    """Return predictions, bag of each row and bag sizes, checked against each other."""
    high = LARGEST_RATE if isinstance(loss, str) and loss == "poisson" else np.inf
    scores = check_vector("predictions", predictions, axis="n", high=high)
    given = check_vector("bags", bags, axis="n", low=0.0)
    if given.size != scores.size:
        raise ValueError(f"predictions and bags must have one entry per row, got {scores.size} and {given.size}")
    if np.any(given != np.floor(given)) or given.max() >= given.size:
        raise ValueError("bags must hold whole numbers 0, 1, ... with no bag empty")
    index = given.astype(np.intp)
    sizes = np.bincount(index).astype(float)
    if np.any(sizes == 0.0):
        raise ValueError(f"bags must leave no bag empty, got none in bag {int(np.argmin(sizes))}")
    return scores, index, sizes
