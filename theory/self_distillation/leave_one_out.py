"""Leave-one-out errors of the whole chain of distillations, exactly, from one eigendecomposition.

Model. Leaving out point i and refitting all T steps equals keeping it with its target replaced, at each step s, by the
left-out prediction p_s itself. With e_s = t_s - p_s, t_1 = y_i, t_s = alpha_s y_i + (1 - alpha_s) p_(s-1), and
L = K (K + lambda I)^-1, B_0 = I, all predictions follow from small differences v_s:

    p_s = p_1 + E_s,   E_s = (1 - alpha_s) v_s,   E_1 = 0
    e_1 = rho_1,   e_s = alpha_s e_1 + (1 - alpha_s) (E_(s-1) - v_s)
    v_s = ((I - L)(I - B_(s-1)) y)_i/m_0 + sum_k c_(s-1,k) h_k = E_(s-1) - rho_s - sum_k c_(s-1,k) m_k/m_0
    rho_s = ((I - L) B_(s-1) y)_i/m_0,   m_k = (L^k (I - L))_ii,   h_k = ((I - L)(I - L^k))_ii/m_0 = 1 - m_k/m_0
    c_(s,1) = -e_s,   c_(s,k) = (1 - alpha_s) c_(s-1,k-1)

(derived.) The first form of v_s has the size of a small ridge, the second that of one over a large ridge: each is taken
where it subtracts no near-equal numbers. Generalised cross-validation replaces the diagonals by their mean over points
and works in the eigenbasis.

========  ==============  =====================================================  ==================
letter    argument        meaning                                                domain
========  ==============  =====================================================  ==================
K         gram            kernel matrix of the training points (n, n)            symmetric, d >= 0
y         targets         training targets, (n,) or (n, outputs)                 real
lambda    ridge           ridge, not multiplied by n: unchanged without a point  >= 0, see below
alpha_t   alphas          weights of the true targets from the second step       real
w_i       sample_weights  weights of the squared errors (n,); 0 drops the point  >= 0
========  ==============  =====================================================  ==================

Conventions that bite: ridge = 0 needs a gram without zero eigenvalues. Scores are means of squares over points and
outputs and estimate the test error, noise of the test labels included.
Leave-one-out is exact algebra; the corrected cross-validation agrees with the test error as n -> inf (checked for
Gaussian features, not proved beyond), the naive one does not, except for plain ridge regression.
"""

from __future__ import annotations

from typing import NamedTuple

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
from theory.self_distillation.fits import fits
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


class _Chain(NamedTuple):
    """e_1 (n, c); E_1, ..., E_T (T, n, c); v_(T+1), the effect of one more weight, and the size of its terms (n, c)."""

    first: Array
    moved: Array
    change: Array
    size: Array


def leave_one_out(
    gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike, sample_weights: ArrayLike | None = None
) -> Array:
    """Return predictions p_1, ..., p_T of each point by the chain fitted without it, shape (T, n) or (T, n, outputs).

    Exact for the whole chain (every step is refitted without the point), at the cost of one eigendecomposition. The
    leave-one-out score of a step is the mean of (targets - p)^2.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n; the same when a point leaves; inf predicts 0.
    alphas: (alpha_2, ..., alpha_T), real; empty gives plain ridge regression.
    sample_weights: weights of the squared errors, shape (n,), >= 0; a point of weight 0 is in no fit, and predicted
        like a new point; none means 1 each.

    Limits: a point without relation to the others, n = 1 among them, is predicted as 0. Raises `ValueError` outside
    these domains, for shapes that disagree, and at ridge = 0 for a gram (points of weight 0 made zero) with a zero
    eigenvalue. Source: derived (sd.O6).

    >>> leave_one_out([[1.0, 0.5], [0.5, 1.0]], [2.0, 3.0], 1.0, [0.0])  # from the other: 3/2 * 0.5, then 3/4 * 0.5
    array([[0.75 , 0.5  ],
           [0.375, 0.25 ]])
    """
    modes, lam, schedule = _read(gram, targets, ridge, alphas, sample_weights)
    chain = _chain(modes, lam, schedule)
    predictions = modes.shaped(_as_columns(targets) - chain.first + chain.moved)
    if sample_weights is not None and not np.all(sample_weights):
        dropped = np.flatnonzero(np.asarray(sample_weights) == 0.0)
        predictions[:, dropped] = fits(gram, targets, lam, schedule, np.asarray(gram)[dropped], sample_weights)
    return predictions


def leave_one_out_alpha(
    gram: ArrayLike,
    targets: ArrayLike,
    ridge: float,
    alphas: ArrayLike = (),
    sample_weights: ArrayLike | None = None,
) -> OptimalAlpha:
    """Return (alpha, flat): the weight of the step after `alphas` with the least leave-one-out score (exact).

    The left-out predictions are affine in the last weight: alpha = <y - p(0), p(1) - p(0)>/||p(1) - p(0)||^2 with the
    values at alpha = 0 and 1, whose difference is computed without subtraction at small and at large ridge. Any real
    number; clip it for the best weight in [0, 1].

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.
    alphas: the weights (alpha_2, ..., alpha_(t-1)) of the steps before; empty for the first distillation.
    sample_weights: weights of the squared errors, in the fits and in the score, shape (n,), >= 0; none means 1 each.

    Limits: alpha = 1 and flat where the weight moves no prediction by more than rounding (8 n eps of the terms that
    make up the move), as at ridge = 0 and inf. Raises `ValueError` as `leave_one_out`.
    Source: derived (sd.O6).

    >>> round(leave_one_out_alpha([[1.0, 0.5], [0.5, 1.0]], [2.0, 3.0], 1.0).alpha, 12)  # <(13, 22), (3, 2)>/13
    6.384615384615
    """
    modes, lam, schedule = _read(gram, targets, ridge, alphas, sample_weights)
    root = 1.0 if sample_weights is None else np.sqrt(np.asarray(sample_weights, dtype=np.float64))[:, None]
    return _best(_chain(modes, lam, schedule), root)


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
    chain = _chain(*_read(gram, targets, ridge, alphas), averaged=True)
    return _score(chain.first - chain.moved)


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
    return _best(_chain(*_read(gram, targets, ridge, alphas), averaged=True))


def naive_gcv(gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike) -> Array:
    """Return the naive score ||(I - B_t) y||^2/n/(1 - tr B_t/n)^2 of steps 1, ..., T, shape (T,): inconsistent.

    It treats the whole filter B_t(L) as one hat matrix. That is right for ridge regression (step 1) alone: without
    point i the later steps lose it twice. For comparison only; use `corrected_gcv`.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.
    alphas: (alpha_2, ..., alpha_T), real; empty gives the score of ridge regression.

    Limits: inf where tr B_t = n. Raises `ValueError` as `leave_one_out`. Source: the code beside H. Dang, P. Patil,
    A. Rinaldo 2026, arXiv 2602.17565; refuted (sd.O8.naive).

    >>> naive_gcv([[1.0, 0.0], [0.0, 1.0]], [2.0, 4.0], 1.0, [0.0])  # filters 1/2, 1/4
    array([10., 10.])
    """
    modes, lam, schedule = _read(gram, targets, ridge, alphas)
    missed = residuals(split(modes.eigenvalues, lam)[0], _base(modes, lam), schedule)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _score(missed[:, :, None] * modes.coordinates / missed.mean(axis=1)[:, None, None])


def naive_gcv_alpha(gram: ArrayLike, targets: ArrayLike, ridge: float) -> OptimalAlpha:
    """Return (alpha, flat): the weight of the second step by the naive form, inconsistent (for comparison only).

    Minimises ||alpha e_1 + (1 - alpha) e_2||^2, e_1 = (I - L) y/(1 - tr L/n), e_2 = (I - L^2) y/(1 - tr L^2/n), that is
    with the naive cross term <e_1, e_2>.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.

    Limits: alpha = 1 and flat where e_1 = e_2. Raises `ValueError` as `leave_one_out`. Source: as `naive_gcv`; refuted
    (sd.O8.naive).

    >>> naive_gcv_alpha([[1.0, 0.0], [0.0, 1.0]], [2.0, 4.0], 1.0).flat
    True
    """
    modes, lam, _ = _read(gram, targets, ridge, [0.0])
    learned, missed = split(modes.eigenvalues, lam)
    base = _base(modes, lam)
    kept, lost = (np.sum(base * part) / base.sum() for part in (learned, missed))
    gap = lost - missed if lost < kept else learned - kept  # the same number
    first = (base / base.mean())[:, None] * modes.coordinates
    change = first * gap[:, None] / (1.0 + kept)  # e_2 - e_1
    noise = 8.0 * base.size * EPS * float(np.max(np.abs(first)) * min(lost, kept))
    return parabola(first + change, change, noise)


def _read(
    gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike, sample_weights: ArrayLike | None = None
) -> tuple[Modes, float, Array]:
    """Return modes, ridge and schedule; refuse what makes I - L singular in the limit."""
    kernel, lam, schedule = read_gram(gram), read_ridge(ridge), read_alphas(alphas)
    modes = decompose(kernel, targets, lam, sample_weights)
    if lam == 0.0 and modes.eigenvalues[0] == 0.0:
        raise ValueError("ridge must be > 0 where gram has a zero eigenvalue, got ridge=0.0")
    return modes, lam, schedule


def _as_columns(targets: ArrayLike) -> Array:
    """Return checked targets as (n, outputs)."""
    y = np.asarray(targets, dtype=np.float64)
    return y[:, None] if y.ndim == 1 else y


def _base(modes: Modes, ridge: float) -> Array:
    """Return 1 - a up to a common factor, neither all 0 nor overflowing, also for ridge = 0 and inf; shape (n,)."""
    top = float(modes.eigenvalues[-1])
    return split(modes.eigenvalues, ridge)[1] if ridge >= top else inverse(modes.eigenvalues, ridge) * top


def _chain(modes: Modes, ridge: float, schedule: Array, averaged: bool = False) -> _Chain:
    """Return the left-out chain at the points, or in the eigenbasis with diagonals `averaged` over points.

    Points of weight 0, where both m_0 and what it divides vanish, get zeros.
    """
    learned, missed = split(modes.eigenvalues, ridge)
    base, one = _base(modes, ridge), np.ones((1, learned.size))
    kept = base * np.concatenate([one, learned * gains(learned, schedule)])  # b_0, ..., b_T, times 1 - a
    lost = base * np.concatenate([0.0 * one, residuals(learned, missed, schedule)])
    powers = base * learned ** np.arange(schedule.size + 2.0)[:, None]
    others = base * np.concatenate([0.0 * one, residuals(learned, missed, np.zeros(schedule.size))])
    if averaged:
        levels = [rows[:, :, None] * modes.coordinates for rows in (kept, lost)]
        diagonals = [rows.mean(axis=1)[:, None, None] for rows in (powers, others)]
    else:
        levels = [
            np.stack([modes.vectors @ (row[:, None] * modes.coordinates) for row in rows]) for rows in (kept, lost)
        ]
        diagonals = [(rows @ (modes.vectors**2).T)[:, :, None] for rows in (powers, others)]
    unit = np.where(diagonals[0][0] > 0.0, diagonals[0][0], 1.0)
    rho, rest, ratios, h = (part / unit for part in (*levels, *diagonals))
    return _left_out(rho, rest, ratios, h, schedule)


def _left_out(rho: Array, lost: Array, ratios: Array, h: Array, schedule: Array) -> _Chain:
    """Run the recursion of the module head.

    `rho` and `lost`, its terms with B and with I - B, (T + 1, n, c); `ratios` m_k/m_0 and `h` (T + 1, n or 1, 1).
    """
    near = h[1] < ratios[1]  # a small ridge
    first = error = rho[0]
    memory = [-error]  # c_(s,k), k = 1, 2, ...
    moved = [np.zeros_like(first)]
    for s in range(1, schedule.size + 2):
        terms = [np.where(near, lost[s], moved[-1] - rho[s])]
        terms += [c * np.where(near, h[k], -ratios[k]) for k, c in enumerate(memory, start=1)]
        change = np.sum(terms, axis=0)
        if s > schedule.size:
            break
        alpha = schedule[s - 1]
        error = alpha * first + (1.0 - alpha) * (moved[-1] - change)
        moved.append((1.0 - alpha) * change)
        memory = [-error, *((1.0 - alpha) * c for c in memory)]
    return _Chain(first, np.stack(moved), change, np.sum(np.abs(terms), axis=0))


def _best(chain: _Chain, root: Array | float = 1.0) -> OptimalAlpha:
    """Return the best weight of one more step, errors times `root`: p(1) = p_1 and p(0) = p_1 + v."""
    noise = 8.0 * chain.size.shape[0] * EPS * float(np.max(root * chain.size))
    return parabola(root * (chain.first - chain.change), -root * chain.change, noise)


def _score(errors: Array) -> Array:
    """Return the mean of squares of each step."""
    return (errors**2).mean(axis=(1, 2))
