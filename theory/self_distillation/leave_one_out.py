"""Leave-one-out errors of the whole chain of distillations, exactly, from one eigendecomposition.

Model. Leaving out point i and refitting all T steps equals keeping it with its target replaced, at each step s, by the
left-out prediction p_s itself. With e_s = t_s - p_s, t_1 = y_i, t_s = alpha_s y_i + (1 - alpha_s) p_(s-1):

    e_s = alpha_s rho_1 + (1 - alpha_s) [rho_s + sum_k c_(s-1,k) m_k/m_0],    rho_s = ((I - L) B_(s-1)(L) y)_i/m_0
    m_k = (L^k (I - L))_ii,   c_(s,1) = -e_s,   c_(s,k) = (1 - alpha_s) c_(s-1,k-1),   L = K (K + lambda I)^-1, B_0 = I

(derived; subtracting the equations for p_s and p_(s-1) removes every difference of near-equal numbers for small
lambda.) Generalised cross-validation replaces the diagonals m_k by their mean over points and works in the eigenbasis.

========  ===========  =====================================================  ==================
letter    argument     meaning                                                domain
========  ===========  =====================================================  ==================
K         gram         kernel matrix of the training points (n, n)            symmetric, d >= 0
y         targets      training targets, (n,) or (n, outputs)                 real
lambda    ridge        ridge, not multiplied by n: unchanged without a point  >= 0, see below
alpha_t   alphas       weights of the true targets from the second step       real
========  ===========  =====================================================  ==================

Conventions that bite: ridge = 0 needs a gram without zero eigenvalues. Scores are means of squares over points and
outputs and estimate the test error, noise of the test labels included.
Leave-one-out is exact algebra; the corrected cross-validation agrees with the test error as n -> inf (checked for
Gaussian features, not proved beyond), the naive one does not, except for plain ridge regression.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.self_distillation._spectrum import (
    EPS,
    Modes,
    decompose,
    gains,
    inverse,
    read_alphas,
    read_gram,
    read_ridge,
    residuals,
    split,
)
from theory.self_distillation.schedules import OptimalAlpha, parabola

__all__ = [
    "corrected_gcv",
    "corrected_gcv_alpha",
    "leave_one_out",
    "leave_one_out_alpha",
    "naive_gcv",
    "naive_gcv_alpha",
]

Array = NDArray[np.float64]


def leave_one_out(gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike) -> Array:
    """Return predictions p_1, ..., p_T of each point by the chain fitted without it, shape (T, n) or (T, n, outputs).

    Exact for the whole chain (every step is refitted without the point), at the cost of one eigendecomposition. The
    leave-one-out score of a step is the mean of (targets - p)^2.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n; the same when a point leaves.
    alphas: (alpha_2, ..., alpha_T), real; empty gives plain ridge regression.

    Limits: a point without relation to the others, n = 1 among them, is predicted as 0. Raises `ValueError` outside
    these domains, for shapes that disagree, and at ridge = 0 for a gram with a zero eigenvalue.
    Source: derived (sd.O6).

    >>> leave_one_out([[1.0, 0.5], [0.5, 1.0]], [2.0, 3.0], 1.0, [0.0])  # from the other: 3/2 * 0.5, then 3/4 * 0.5
    array([[0.75 , 0.5  ],
           [0.375, 0.25 ]])
    """
    modes, lam, schedule = _read(gram, targets, ridge, alphas)
    y = modes.vectors @ modes.coordinates
    weights = _weights(modes, lam, schedule)
    diagonals = weights @ (modes.vectors**2).T
    levels = np.stack([modes.vectors @ (row[:, None] * modes.coordinates) for row in _levels(modes, lam, schedule)])
    return modes.shaped(_left_out(y, levels, diagonals, schedule))


def leave_one_out_alpha(gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike = ()) -> OptimalAlpha:
    """Return (alpha, flat): the weight of the step after `alphas` with the least leave-one-out score (exact).

    The left-out predictions are affine in the last weight: alpha = <y - p(0), p(1) - p(0)>/||p(1) - p(0)||^2 with the
    values at alpha = 0 and 1. Any real number; clip it for the best weight in [0, 1].

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.
    alphas: the weights (alpha_2, ..., alpha_(t-1)) of the steps before; empty for the first distillation.

    Limits: alpha = 1 and flat where the weight moves no prediction by more than rounding (8 n eps of the largest
    target), as at ridge = 0. Raises `ValueError` as `leave_one_out`.
    Source: derived (sd.O6).

    >>> round(leave_one_out_alpha([[1.0, 0.5], [0.5, 1.0]], [2.0, 3.0], 1.0).alpha, 12)  # <(13, 22), (3, 2)>/13
    6.384615384615
    """
    y = _as_columns(targets)
    p = leave_one_out(gram, targets, ridge, np.r_[read_alphas(alphas), 0.0])
    p = p.reshape(p.shape[0], *y.shape)
    return parabola(y - p[-1], p[0] - p[-1], _noise(y))


def corrected_gcv(gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike) -> Array:
    """Return the generalised cross-validation score of steps 1, ..., T, shape (T,) (estimates the test error).

    The mean of (targets - p)^2, p by the recursion of the module head with (L^k (I - L))_ii replaced by its mean over
    points; rotation invariant. Step 1 is the classical score. Consistent as n -> inf for Gaussian-like features.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.
    alphas: (alpha_2, ..., alpha_T), real; empty gives the score of ridge regression.

    Raises `ValueError` as `leave_one_out`. Source: derived (sd.O7).

    >>> corrected_gcv([[1.0, 0.0], [0.0, 1.0]], [2.0, 4.0], 1.0, [0.3])  # points unrelated: all predictions are 0
    array([10., 10.])
    """
    return _score(_corrected(*_read(gram, targets, ridge, alphas)))


def corrected_gcv_alpha(gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike = ()) -> OptimalAlpha:
    """Return (alpha, flat): the weight of the step after `alphas` with the least `corrected_gcv` (estimate).

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.
    alphas: the weights (alpha_2, ..., alpha_(t-1)) of the steps before; empty for the first distillation.

    Limits and errors as in `leave_one_out_alpha`. Source: derived (sd.O7).

    >>> round(corrected_gcv_alpha([[1.0, 0.5], [0.5, 1.0]], [2.0, 3.0], 1.0).alpha, 12)  # as left out: equal points
    6.384615384615
    """
    modes, lam, schedule = _read(gram, targets, ridge, np.r_[read_alphas(alphas), 0.0])
    errors = _corrected(modes, lam, schedule)
    return parabola(errors[-1], errors[-1] - errors[0], _noise(modes.coordinates))


def naive_gcv(gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike) -> Array:
    """Return the naive score ||(I - B_t) y||^2/n/(1 - tr B_t/n)^2 of steps 1, ..., T, shape (T,): inconsistent.

    It treats the whole filter B_t(L) as one hat matrix. That is right for ridge regression (step 1) alone: without
    point i the later steps lose it twice. For comparison only; use `corrected_gcv`.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.
    alphas: (alpha_2, ..., alpha_T), real; empty gives the score of ridge regression.

    Limits: inf where tr B_t = n. Raises `ValueError` as `leave_one_out`. Source: the code beside H. Dang, P. Patil,
    A. Rinaldo 2026, arXiv 2602.17565; refuted (sd.O8).

    >>> naive_gcv([[1.0, 0.0], [0.0, 1.0]], [2.0, 4.0], 1.0, [0.0])  # filters 1/2, 1/4
    array([10., 10.])
    """
    modes, lam, schedule = _read(gram, targets, ridge, alphas)
    return _score(_naive(modes, _naive_residuals(modes, lam, schedule)))


def naive_gcv_alpha(gram: ArrayLike, targets: ArrayLike, ridge: float) -> OptimalAlpha:
    """Return (alpha, flat): the weight of the second step by the naive form, inconsistent (for comparison only).

    Minimises ||alpha e_1 + (1 - alpha) e_2||^2, e_1 = (I - L) y/(1 - tr L/n), e_2 = (I - L^2) y/(1 - tr L^2/n), that is
    with the naive cross term <e_1, e_2>.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.

    Limits: alpha = 1 and flat where e_1 = e_2. Raises `ValueError` as `leave_one_out`. Source: as `naive_gcv`; refuted
    (sd.O8).

    >>> naive_gcv_alpha([[1.0, 0.0], [0.0, 1.0]], [2.0, 4.0], 1.0).flat
    True
    """
    modes, lam, schedule = _read(gram, targets, ridge, [0.0])
    first, second = _naive(modes, _naive_residuals(modes, lam, schedule))
    return parabola(second, second - first, _noise(modes.coordinates))


def _read(gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike) -> tuple[Modes, float, Array]:
    """Return modes, ridge and schedule; refuse what makes I - L singular in the limit."""
    kernel, lam, schedule = read_gram(gram), read_ridge(ridge), read_alphas(alphas)
    modes = decompose(kernel, targets, lam)
    if lam == 0.0 and modes.eigenvalues[0] == 0.0:
        raise ValueError("ridge must be > 0 where gram has a zero eigenvalue, got ridge=0.0")
    return modes, lam, schedule


def _as_columns(targets: ArrayLike) -> Array:
    """Return checked targets as (n, outputs)."""
    y = np.asarray(targets, dtype=np.float64)
    return y[:, None] if y.ndim == 1 else y


def _noise(targets: Array) -> float:
    """Return the size of differences of predictions that is rounding."""
    return 8.0 * targets.shape[0] * EPS * float(np.max(np.abs(targets)))


def _weights(modes: Modes, ridge: float, schedule: Array) -> Array:
    """Return a^k/(d + ridge), proportional to a^k (1 - a), k = 0, ..., T - 1, also for ridge = 0; shape (T, n)."""
    powers = split(modes.eigenvalues, ridge)[0] ** np.arange(schedule.size + 1.0)[:, None]
    return powers * inverse(modes.eigenvalues, ridge) * modes.eigenvalues[-1]


def _levels(modes: Modes, ridge: float, schedule: Array) -> Array:
    """Return b_(s-1)/(d + ridge), proportional to (1 - a) b_(s-1), s = 1, ..., T; shape (T, n)."""
    learned = split(modes.eigenvalues, ridge)[0]
    filters = np.concatenate([np.ones((1, learned.size)), learned * gains(learned, schedule)[:-1]])  # b_0, ..., b_(T-1)
    return filters * inverse(modes.eigenvalues, ridge) * modes.eigenvalues[-1]


def _left_out(y: Array, levels: Array, diagonals: Array, schedule: Array) -> Array:
    """Return p_1, ..., p_T by the recursion of the module head.

    `y` (n, c); `levels` (T, n, c) and `diagonals` (T, n) are m_0 rho_s and m_k up to a common factor.
    """
    ratios = (diagonals / diagonals[0])[:, :, None]
    rho = levels / diagonals[0][:, None]
    predictions = np.empty_like(rho)
    error = rho[0]
    predictions[0] = y - error
    memory = [-error]  # c_(s,k), k = 1, 2, ...
    for s, alpha in enumerate(schedule, start=1):
        kept = sum((c * ratios[k] for k, c in enumerate(memory, start=1)), np.zeros_like(y))
        error = alpha * rho[0] + (1.0 - alpha) * (rho[s] + kept)
        predictions[s] = alpha * y + (1.0 - alpha) * predictions[s - 1] - error
        memory = [-error, *((1.0 - alpha) * c for c in memory)]
    return predictions


def _corrected(modes: Modes, ridge: float, schedule: Array) -> Array:
    """Return targets - p in the eigenbasis, diagonals replaced by their means; shape (T, n, outputs)."""
    means = _weights(modes, ridge, schedule).mean(axis=1)
    diagonals = np.broadcast_to(means[:, None], (means.size, modes.eigenvalues.size))
    levels = _levels(modes, ridge, schedule)[:, :, None] * modes.coordinates
    return modes.coordinates - _left_out(modes.coordinates, levels, diagonals, schedule)


def _naive_residuals(modes: Modes, ridge: float, schedule: Array) -> Array:
    """Return 1 - b_t up to a common factor, also for ridge = 0; shape (T, n)."""
    learned = split(modes.eigenvalues, ridge)[0]
    return residuals(learned, inverse(modes.eigenvalues, ridge) * modes.eigenvalues[-1], schedule)


def _naive(modes: Modes, missed: Array) -> Array:
    """Return (I - B_t) y/(1 - tr B_t/n) in the eigenbasis; shape (T, n, outputs)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return missed[:, :, None] * modes.coordinates / missed.mean(axis=1)[:, None, None]


def _score(errors: Array) -> Array:
    """Return the mean of squares of each step."""
    return (errors**2).mean(axis=(1, 2))
