"""Which weights of the true targets are best, judged on validation data (Borup, Andersen, 2021).

Model. f^(t) = alpha_t f^(1) + (1 - alpha_t) g^(t), g^(t) the student of step t that sees no true targets: affine in
alpha_t, so that a squared validation loss is a parabola in it. Over a whole schedule
    f^(T) = sum_j c_j G_j,   G_j = k (K + lambda I)^-1 L^j y,   sum_j c_j = 1,
    c_j + c_(j+1) + ... + c_(T-1) = (1 - alpha_T)(1 - alpha_(T-1)) ... (1 - alpha_(T-j+1)),
so the best schedule is linear least squares in c, and alphas in [0, 1] are exactly the c in the simplex: a convex
quadratic programme.

========  ==================  ========================================================  =========================
letter    argument            meaning                                                   domain
========  ==================  ========================================================  =========================
K         gram                kernel matrix of the training points (n, n)               symmetric, d >= 0
y         targets             training targets, (n,) or (n, outputs)                    real
lambda    ridge               ridge, not multiplied by n                                >= 0
T         steps               number of fits                                            >= 1
k(x)      cross_gram          kernel between validation and training points (m, n)      real
          validation_targets  targets at the validation points, (m,) or (m, outputs)    real
f^(1)     first               predictions of the first fit at the validation points     shape of the targets there
g^(t)     distilled           predictions of the student with alpha = 0                 likewise
alpha_t   alphas              (alpha_2, ..., alpha_T)                                   real
c_j       coefficients        weights of L^j, j = 0, ..., T - 1                         real, sum 1
========  ==================  ========================================================  =========================

Conventions that bite: a loss is the sum of squares over points and outputs, not their mean. alpha = 1 is no
distillation. Validation data equal to the training data always give alpha_2 >= 2. Exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_integer, check_range, check_vector
from theory.self_distillation._spectrum import (
    EPS,
    Modes,
    decompose,
    inverse,
    read_alphas,
    read_cross,
    read_gram,
    read_ridge,
    read_targets,
    split,
)

__all__ = [
    "OptimalAlpha",
    "Schedule",
    "coefficients_to_schedule",
    "greedy_schedule",
    "iterated_tikhonov_schedule",
    "optimal_alpha",
    "optimal_schedule",
    "schedule_to_coefficients",
]

Array = NDArray[np.float64]

_BARELY = 2.0**-26  # what stands for a product 0 that finite weights cannot leave again: costs 1e-8 of the fit
_STOP = 1e-13  # relative descent below which the active-set method ends


class OptimalAlpha(NamedTuple):
    """The best `alpha`, and whether the loss is `flat` in it; then alpha = 1, no distillation."""

    alpha: float
    flat: bool


class Schedule(NamedTuple):
    """Weights (alpha_2, ..., alpha_T), and the validation loss (sum of squares) of each step 1, ..., T."""

    alphas: Array
    losses: Array


def optimal_alpha(validation_targets: ArrayLike, first: ArrayLike, distilled: ArrayLike) -> OptimalAlpha:
    """Return (alpha, flat): the weight with the least squared error of alpha first + (1 - alpha) distilled (exact).

    alpha* = <y - g, f1 - g>/||f1 - g||^2, real; sums over points and outputs. The best weight in [0, 1] is alpha*
    clipped to it, as the loss is a parabola. For networks g is the student trained without true targets, and the
    interpolation holds approximately.

    validation_targets: y, shape (points,) or (points, outputs).
    first: f1, predictions of the first fit, same shape.
    distilled: g, predictions of the student with alpha = 0, same shape.

    Limits: where first equals distilled the loss is flat, and the answer is (1.0, True). Raises `ValueError` for empty
    or non-finite input and shapes that differ. Source: paper, abstract; derived (sd.O1).

    >>> optimal_alpha([1.0, 2.0], [2.0, 2.0], [0.0, 1.0])  # <(1, 1), (2, 1)>/5
    OptimalAlpha(alpha=0.6, flat=False)
    """
    arrays = {
        "validation_targets": check_range("validation_targets", validation_targets),
        "first": check_range("first", first),
        "distilled": check_range("distilled", distilled),
    }
    if len({array.shape for array in arrays.values()}) > 1 or arrays["first"].size == 0:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"predictions and targets must have one non-empty shape, got {shapes}")
    y, f, g = arrays.values()
    return parabola(y - g, f - g)


def parabola(missing: Array, change: Array, noise: float = 0.0) -> OptimalAlpha:
    """Return the alpha of least ||missing - alpha change||^2; flat where no entry of `change` exceeds `noise`."""
    unit = float(np.max(np.abs(change)))
    if unit <= noise:
        return OptimalAlpha(1.0, True)
    direction = change / unit
    return OptimalAlpha(float(np.sum(missing / unit * direction) / np.sum(direction * direction)), False)


def schedule_to_coefficients(alphas: ArrayLike) -> Array:
    """Return c with y^(T) = sum_j c_j L^(j+1) y, shape (T,) (exact).

    c_j = alpha_(T-j) (1 - alpha_(T-j+1)) ... (1 - alpha_T), alpha_1 := 1; sum 1; in the simplex for alphas in [0, 1].

    alphas: (alpha_2, ..., alpha_T), real; empty gives c = (1,).

    Raises `ValueError` for anything else. Source: paper, direct formula (reconstructed); derived (sd.A1).

    >>> schedule_to_coefficients([0.25, 0.5])  # 0.5, 0.5 * 0.25, 0.5 * 0.75
    array([0.5  , 0.125, 0.375])
    """
    weights = read_alphas(alphas)[::-1]
    return np.r_[weights, 1.0] * np.r_[1.0, np.cumprod(1.0 - weights)]


def coefficients_to_schedule(coefficients: ArrayLike) -> Array:
    """Return the schedule (alpha_2, ..., alpha_T) with these coefficients, the inverse of `schedule_to_coefficients`.

    alpha_(T-j+1) = 1 - s_j/s_(j-1), s_j = c_j + ... + c_(T-1) (exact). Singular where some s_(j-1) = 0: then
    1 - alpha = 0 at a later step has erased the earlier ones, whose weights are free and returned as 1. If coefficients
    that are not 0 follow such a zero, no finite schedule has them; the zero is replaced by 1.5e-8 of the largest |s|,
    which changes the coefficients by as much.

    coefficients: c, shape (T,), real, sum 1 (to 1e-9 of the largest).

    Raises `ValueError` outside this domain. Source: derived (sd.O4).

    >>> coefficients_to_schedule([0.5, 0.125, 0.375])
    array([0.25, 0.5 ])
    """
    c = check_vector("coefficients", coefficients, axis="steps")
    if abs(c.sum() - 1.0) > 1e-9 * max(1.0, float(np.max(np.abs(c)))):
        raise ValueError(f"coefficients must sum to 1, got sum {float(c.sum())!r}")
    return _from_tails(np.r_[1.0, np.cumsum(c[:0:-1])[::-1]])


def iterated_tikhonov_schedule(order: int) -> Array:
    """Return the schedule whose filter is that of iterated Tikhonov, 1 - (1 - a)^order (exact).

    alpha_t = order/(order - t + 1), t = 2, ..., order: twicing is (2,), the third order (3/2, 3).

    order: number of Tikhonov iterations and of distillation steps, in [1, 10000]; 1 is plain ridge regression.

    Raises `ValueError` outside this domain. Source: derived (sd.A6).

    >>> iterated_tikhonov_schedule(3)
    array([1.5, 3. ])
    """
    m = check_integer("order", order, low=1, high=10_000)
    return m / np.arange(m - 1.0, 0.0, -1.0)


def greedy_schedule(
    gram: ArrayLike,
    targets: ArrayLike,
    ridge: float,
    steps: int,
    cross_gram: ArrayLike,
    validation_targets: ArrayLike,
    constrained: bool = True,
) -> Schedule:
    """Return (alphas, losses): at each step the weight that is best for that step, earlier ones kept (exact).

    losses[t - 1] <= losses[0] at every step, but they need not fall with t. f1 - g is computed without subtraction.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.
    steps: T, number of fits, an integer in [1, 10000].
    cross_gram: kernel between m validation points and the training points, shape (m, n).
    validation_targets: shape (m,) or (m, outputs), as `targets`.
    constrained: clip each weight to [0, 1] before the next step is computed.

    Limits: where the loss is flat (ridge = 0 among them) the weight is 1. Raises `ValueError` outside these domains and
    for shapes that disagree. Source: paper, abstract; derived (sd.O1, sd.O3).

    >>> greedy_schedule([[1.0]], [1.0], 1.0, 2, [[1.0]], [0.4])  # alpha/2 + (1 - alpha)/4 = 0.4
    Schedule(alphas=array([0.6]), losses=array([0.01, 0.  ]))
    """
    count = check_integer("steps", steps, low=1, high=10_000)
    modes, lam, rows, y = _read(gram, targets, ridge, cross_gram, validation_targets)
    reach = rows @ modes.vectors
    learned, missed = (part[:, None] for part in split(modes.eigenvalues, lam))
    dual = inverse(modes.eigenvalues, lam)[:, None] * modes.coordinates
    first = reach @ dual
    gain, residual = np.ones_like(learned), missed
    alphas, losses = np.ones(count - 1), np.empty(count)
    losses[0] = np.sum((y - first) ** 2)
    for t in range(1, count):
        distilled, change = reach @ (learned * gain * dual), reach @ (residual * dual)
        best = parabola(y - distilled, change).alpha
        alphas[t - 1] = alpha = float(np.clip(best, 0.0, 1.0)) if constrained else best
        losses[t] = np.sum((y - distilled - alpha * change) ** 2)
        gain = alpha + (1.0 - alpha) * learned * gain
        residual = missed + (1.0 - alpha) * learned * residual
    return Schedule(alphas, losses)


def optimal_schedule(
    gram: ArrayLike,
    targets: ArrayLike,
    ridge: float,
    steps: int,
    cross_gram: ArrayLike,
    validation_targets: ArrayLike,
    constrained: bool = True,
) -> tuple[Array, float]:
    """Return (alphas, loss): the schedule (alpha_2, ..., alpha_T) with the least validation loss of step T (exact).

    Global although the loss is not convex in the alphas: in the coefficients it is linear least squares, over the
    simplex for alphas in [0, 1] (an active-set method ends at the exact minimum), free otherwise. The basis
    G_(j-1) - G_j is computed without subtraction and orthogonalised (QR); there are no normal equations. `loss` is the
    minimum over the coefficients; recomputing it from the alphas loses what the back-map loses.

    gram: K, shape (n, n), symmetric, without negative eigenvalues.
    targets: y, shape (n,) or (n, outputs).
    ridge: ridge, >= 0, not multiplied by n.
    steps: T, number of fits, an integer in [1, 10000]; the condition of the basis grows 5-8 times a step, so beyond 10
        little is gained.
    cross_gram: kernel between m validation points and the training points, shape (m, n).
    validation_targets: shape (m,) or (m, outputs), as `targets`.
    constrained: keep all alphas in [0, 1].

    Limits: the loss does not grow with T and is at most the greedy one. Steps whose weight does not matter have
    alpha = 1, see `coefficients_to_schedule`. Free, with T - 1 at least the number of distinct modes, every filter is
    reachable: the validation set is overfitted. Raises `ValueError` outside these domains and for shapes that disagree.
    Source: derived (sd.O4).

    >>> alphas, loss = optimal_schedule([[1.0]], [1.0], 1.0, 2, [[1.0]], [0.4])  # alpha/2 + (1 - alpha)/4 = 0.4
    >>> alphas.round(12), round(loss, 12)
    (array([0.6]), 0.0)
    """
    count = check_integer("steps", steps, low=1, high=10_000)
    modes, lam, rows, y = _read(gram, targets, ridge, cross_gram, validation_targets)
    learned, missed = (part[:, None] for part in split(modes.eigenvalues, lam))
    reach = rows @ modes.vectors
    dual = inverse(modes.eigenvalues, lam)[:, None] * modes.coordinates
    excess = (reach @ dual - y).ravel()
    if count == 1:
        return np.empty(0), float(excess @ excess)
    # sum_j c_j G_j = G_0 - sum_j s_j D_j with the tail sums s_j of c and D_j = G_(j-1) - G_j, j = 1, ..., T - 1
    basis = np.stack([(reach @ (missed * learned**j * dual)).ravel() for j in range(count - 1)], axis=1)
    size = np.linalg.norm(basis, axis=0)
    q, r = np.linalg.qr(basis / np.where(size > 0.0, size, 1.0))
    inside = q.T @ excess
    outside = excess - q @ inside
    triangle = r * size
    tails = _least_in_simplex(inside, triangle) if constrained else _least(inside, triangle)
    rest = inside - triangle @ tails
    return _from_tails(np.r_[1.0, tails]), float(outside @ outside + rest @ rest)


def _read(
    gram: ArrayLike, targets: ArrayLike, ridge: float, cross_gram: ArrayLike, validation_targets: ArrayLike
) -> tuple[Modes, float, Array, Array]:
    """Return modes, ridge, cross_gram and the validation targets as (m, outputs)."""
    kernel, lam = read_gram(gram), read_ridge(ridge)
    modes = decompose(kernel, targets, lam)
    rows = read_cross(cross_gram, kernel.shape[0])
    y, flat = read_targets("validation_targets", validation_targets, rows.shape[0], "cross_gram")
    if flat != modes.flat or y.shape[1] != modes.coordinates.shape[1]:
        got = f"{y.shape[1]} and {modes.coordinates.shape[1]}"
        raise ValueError(f"validation_targets and targets must have the same outputs, got {got}")
    return modes, lam, rows, y


def _least(goal: Array, columns: Array) -> Array:
    """Return x of least ||goal - columns x||, the shortest one (in scaled columns) if there are several."""
    size = np.linalg.norm(columns, axis=0)
    scale = np.where(size > 0.0, size, 1.0)
    return np.linalg.lstsq(columns / scale, goal, rcond=EPS)[0] / scale


def _least_in_simplex(goal: Array, columns: Array) -> Array:
    """Return s of least ||goal - columns s|| over 1 >= s_1 >= s_2 >= ... >= 0.

    Wolfe's method for the point of a polytope that is nearest to the origin. Its vertices are the partial sums of the
    columns, less the goal; `weights` (the coefficients c) mix them.
    """
    vertices = np.concatenate([np.zeros((goal.size, 1)), np.cumsum(columns, axis=1)], axis=1)
    weights = np.zeros(vertices.shape[1])
    weights[np.argmin(np.linalg.norm(vertices - goal[:, None], axis=0))] = 1.0
    while True:  # strictly downhill, hence finite
        rest = vertices @ weights - goal
        offsets = vertices - (vertices @ weights)[:, None]
        noise = _STOP * np.linalg.norm(rest) * np.linalg.norm(offsets, axis=0)
        descent = np.where(weights > 0.0, 0.0, rest @ offsets + noise)
        new = int(np.argmin(descent))
        if descent[new] >= 0.0:
            break
        moved = _exchange(weights, new, goal, vertices)
        if np.linalg.norm(vertices @ moved - goal) >= np.linalg.norm(rest):
            break
        weights = moved
    return np.cumsum(weights[::-1])[::-1][1:]


def _exchange(weights: Array, new: int, goal: Array, vertices: Array) -> Array:
    """Return the weights of the nearest point of a face, reached by adding vertex `new` and dropping others."""
    active = [*np.flatnonzero(weights > 0.0), new]
    while True:
        base, others = active[0], active[1:]
        mix = np.zeros_like(weights)
        mix[others] = _least(goal - vertices[:, base], vertices[:, others] - vertices[:, [base]])
        mix[base] = 1.0 - mix[others].sum()
        if np.all(mix[active] > 0.0) or not others:
            return mix
        falling = [j for j in active if mix[j] <= 0.0]
        shares = {j: weights[j] / (weights[j] - mix[j]) if weights[j] > mix[j] else 0.0 for j in falling}
        gone = min(falling, key=shares.__getitem__)
        weights = weights + shares[gone] * (mix - weights)
        weights[gone] = 0.0
        active = [j for j in active if j != gone]


def _from_tails(tails: Array) -> Array:
    """Return the schedule from s_0 = 1, s_1, ..., s_(T-1)."""
    s = tails.copy()
    lost = (s == 0.0) & (np.cumsum(np.abs(s[::-1]))[::-1] > 0.0)
    s[lost] = _BARELY * np.max(np.abs(s))
    share = np.divide(s[1:], s[:-1], out=np.zeros(s.size - 1), where=s[:-1] != 0.0)
    return (1.0 - share)[::-1]
