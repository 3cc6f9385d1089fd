"""Fits of self-distillation in the eigenbasis of the Gram matrix (Borup, Andersen, 2021).

Model. y^(t) = V diag(b^(t)) V^T y on the training points; at new points f^(t)(x) = k(x) V diag(C_t/(d + lambda)) V^T y,
C_t = b^(t)/a. With weights w_i of the squared errors K becomes sqrt(w) K sqrt(w), y becomes sqrt(w) y.

========  ==============  =====================================================  ==========================
letter    argument        meaning                                                domain
========  ==============  =====================================================  ==========================
K         gram            kernel matrix of the training points (n, n)            symmetric, d >= 0
y, Y      targets         training targets, (n,) or (n, outputs)                 real
lambda    ridge           ridge, not multiplied by n                             >= 0
alpha_t   alphas          weights of the true targets from the second step       real
alpha     alpha           the same weight at all steps                           real
t         step            number of fits                                         1, 2, ..., inf
k(x)      cross_gram      kernel between new and training points (m, n)          real
w_i       sample_weights  weights of the squared errors (n,); 0 drops the point  >= 0
========  ==============  =====================================================  ==========================

Conventions that bite: nothing is centred; step 1 is plain ridge regression; ridge 0 is the minimum-norm fit.
Exact, one eigendecomposition for all steps; errors of about eps times (largest eigenvalue)/(ridge) at new points,
of about n eps at the training points of an unweighted problem.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.self_distillation._spectrum import (
    EPS,
    Modes,
    decompose,
    gains,
    inverse,
    read_alphas,
    read_cross,
    read_gram,
    read_ridge,
    split,
)
from theory.self_distillation.filters import constant_filter

__all__ = ["constant_fit", "fits", "pure_distillation_classes"]

Array = NDArray[np.float64]
Labels = NDArray[np.intp]


def fits(
    gram: ArrayLike,
    targets: ArrayLike,
    ridge: float,
    alphas: ArrayLike,
    cross_gram: ArrayLike | None = None,
    sample_weights: ArrayLike | None = None,
) -> Array:
    """Return the fits of steps 1, ..., T, first axis step, shape (T, n) or (T, n, outputs), or m for n (exact).

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n; inf gives 0.
    alphas: (alpha_2, ..., alpha_T), real; empty gives plain ridge regression.
    cross_gram: kernel between m new points and the training points, shape (m, n); without it the fits are those at the
        training points.
    sample_weights: weights of the squared errors, shape (n,), >= 0; 0 drops the point; none means 1 each.

    Limits: ridge = 0 is the minimum-norm interpolant, the same at all steps. Raises `ValueError` outside these domains
    and for shapes that disagree. Source: paper (reconstructed), derived (sd.A1).

    >>> fits([[3.0]], [2.0], 1.0, [0.2])  # a = 3/4; 3/4 (0.2 * 2 + 0.8 * 1.5)
    array([[1.5],
           [1.2]])
    """
    kernel, lam, schedule = read_gram(gram), read_ridge(ridge), read_alphas(alphas)
    modes = decompose(kernel, targets, lam, sample_weights)
    gain = gains(split(modes.eigenvalues, lam)[0], schedule)
    return modes.shaped(_predict(kernel, modes, lam, gain, cross_gram, sample_weights is None))


def constant_fit(
    gram: ArrayLike,
    targets: ArrayLike,
    ridge: float,
    alpha: float,
    step: float,
    cross_gram: ArrayLike | None = None,
    sample_weights: ArrayLike | None = None,
) -> Array:
    """Return the fit of one step for a constant alpha, by the closed form, also at step inf (exact).

    At step inf: ridge regression with ridge/alpha; 0 for alpha = 0.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n; inf gives 0.
    alpha: weight of the true targets at every step after the first, a number.
    step: t, a whole number >= 1, or inf.
    cross_gram: kernel between m new points and the training points, shape (m, n); without it the fit is that at the
        training points.
    sample_weights: weights of the squared errors, shape (n,), >= 0; 0 drops the point; none means 1 each.

    Limits: ridge = 0 is the minimum-norm interpolant at every step. Raises `ValueError` outside these domains, for
    shapes that disagree, at step inf for alpha outside (-ridge/d, 2 + ridge/d), d the largest eigenvalue, and for an
    alpha so far outside that the filters exceed float64.
    Source: paper, abstract; derived (sd.A2, sd.A3).

    >>> constant_fit([[6.0]], [2.0], 1.0, 0.5, float("inf"))  # 6/(6 + 1/0.5) * 2
    array([1.5])
    """
    kernel, lam = read_gram(gram), read_ridge(ridge)
    modes = decompose(kernel, targets, lam, sample_weights)
    weight, t = _number("alpha", alpha), _number("step", step)
    top_first = modes.eigenvalues[::-1]  # so that an error about the interval of alpha names the largest eigenvalue
    b = constant_filter(top_first, lam, weight, t)[::-1]
    if not np.all(np.isfinite(b)):
        raise ValueError(f"alpha must keep the filters within float64, got alpha={weight!r} at step={t:g}")
    at_zero = np.full_like(b, 1.0 if t == 1.0 or lam == 0.0 else weight)  # C_t of a mode with d = 0
    learned = split(modes.eigenvalues, lam)[0]
    gain = np.divide(b, learned, out=at_zero, where=learned > 0.0)
    return modes.shaped(_predict(kernel, modes, lam, gain[None], cross_gram, sample_weights is None))[0]


def pure_distillation_classes(
    gram: ArrayLike, targets: ArrayLike, ridge: float, step: float, cross_gram: ArrayLike | None = None
) -> Labels:
    """Return the predicted classes after t steps without true targets (alpha = 0), shape (n,) or (m,) (exact).

    argmax over outputs of k(x) V diag((a/a_max)^(t-1)/(d + ridge)) V^T Y: filters relative to the largest, so that
    nothing underflows however large t. At step inf only the top mode is left, argmax of (k(x) v_1)(v_1^T Y): one class
    where k(x) v_1 > 0 and one where it is < 0; a kernel with positive entries keeps a single class.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: Y, shape (n, classes), for instance one-hot, classes >= 2.
    ridge: ridge, >= 0, not multiplied by n.
    step: t, a whole number >= 1, or inf.
    cross_gram: kernel between m new points and the training points, shape (m, n); without it the training points.

    Limits: ridge = 0 keeps the interpolant's classes; top eigenvalues that agree to 8 n eps count as one;
    equal scores give the first class. Raises `ValueError` outside these domains. Source: derived (sd.A7).

    >>> pure_distillation_classes([[2.0, 1.0], [1.0, 2.0]], [[1.0, 0.0], [0.0, 1.2]], 1.0, 2)
    array([0, 1])
    >>> pure_distillation_classes([[2.0, 1.0], [1.0, 2.0]], [[1.0, 0.0], [0.0, 1.2]], 1.0, float("inf"))
    array([1, 1])
    """
    kernel, lam, t = read_gram(gram), read_ridge(ridge), _number("step", step)
    modes = decompose(kernel, targets, lam)
    if modes.flat or modes.coordinates.shape[1] < 2:
        raise ValueError("targets must have shape (points, classes) with classes >= 2")
    d, top = modes.eigenvalues, modes.eigenvalues[-1]
    constant_filter(top, lam, 0.0, t)  # checks the step
    if top == 0.0:
        return np.zeros(
            kernel.shape[0] if cross_gram is None else read_cross(cross_gram, d.size).shape[0], dtype=np.intp
        )
    below = (top - d) / top * split(d, lam)[1]  # 1 - a/a_max
    below = np.where(top - d <= 8.0 * d.size * EPS * top, 0.0, below)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(below > 0.0, np.exp((t - 1.0) * np.log1p(-below)), 1.0)
    scores = _predict(kernel, modes, lam, gain[None], cross_gram, True)[0]
    return np.argmax(scores, axis=1)


def _number(name: str, value: float) -> float:
    """Return a single number, inf admitted."""
    array = check_range(name, value, allow_inf=True)
    if array.ndim:
        raise ValueError(f"{name} must be a single real number, got shape {array.shape}")
    return float(array)


def _predict(
    kernel: Array, modes: Modes, ridge: float, gain: Array, cross_gram: ArrayLike | None, unweighted: bool
) -> Array:
    """Return f^(t) for `gain` C_t (T, n), shape (T, rows, outputs), at the training points without `cross_gram`."""
    if cross_gram is None and unweighted:
        reach, scale = modes.vectors, split(modes.eigenvalues, ridge)[0]
    else:
        rows = kernel if cross_gram is None else read_cross(cross_gram, kernel.shape[0])
        reach, scale = rows @ modes.vectors, inverse(modes.eigenvalues, ridge)
    return reach @ ((gain * scale)[:, :, None] * modes.coordinates)
