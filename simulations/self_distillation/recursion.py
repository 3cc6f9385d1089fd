"""Self-distillation as it is written down: the model is fitted anew at every step, by a fresh dense solve.

Step t fits kernel ridge regression to z_t = alpha_t y + (1 - alpha_t) y^(t-1), where y^(t-1) are the fits of the step
before at the training points and z_1 = y: coefficients (K + ridge I)^-1 z_t, fits K times these. Nothing is
decomposed or shared between steps: slow on purpose, the yardstick of everything faster.

`alphas` is (alpha_2, ..., alpha_t), any real numbers, empty for plain ridge regression; alpha_1 does not exist.
The ridge is added to the kernel matrix, without 1/n. Targets have shape (n,) or (n, outputs), and the outputs keep
the axis of the targets; steps are the first axis. Settings outside the stated domains raise `ValueError`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_matrix, check_number, check_vector
from simulations.self_distillation._arguments import check_alphas, check_problem, check_size, check_targets
from simulations.self_distillation._linear import solve

__all__ = [
    "left_out_predictions",
    "left_out_primal_predictions",
    "literal_coefficients",
    "literal_fits",
    "loss_weighted_fits",
    "settled_fits",
]

Array = NDArray[np.float64]


def literal_fits(
    gram: ArrayLike,
    targets: ArrayLike,
    ridge: float,
    alphas: ArrayLike = (),
    *,
    cross_gram: ArrayLike | None = None,
    sample_weights: ArrayLike | None = None,
) -> Array:
    """Return the predictions of every step, shape (steps, points[, outputs]), by one solve a step.

    `gram` (n, n) symmetric; `targets` (n,) or (n, outputs); `ridge` > 0 without 1/n; `alphas` the schedule;
    `cross_gram` (points, n) holds the kernel between the points of prediction and the training points, by default
    `gram`. `sample_weights` (n,) >= 0 weigh the squared losses of the samples, by default all 1: the solve then has
    ridge / weight on the diagonal, and samples of weight 0 are left out.

    One point, kernel 3, ridge 1: a = 3/4; then a (alpha + (1 - alpha) a) = 0.75 * 0.875.

    >>> literal_fits([[3.0]], [1.0], 1.0, (0.5,)).tolist()
    [[0.75], [0.65625]]
    """
    gram, truth, rows = check_problem(gram, targets, cross_gram)
    penalty, schedule = check_number("ridge", ridge, low=0.0, open_low=True), check_alphas(alphas)
    loads = np.ones(len(gram))
    if sample_weights is not None:
        loads = check_vector("sample_weights", sample_weights, axis="samples", low=0.0)
    if loads.size != len(gram):
        raise ValueError(f"sample_weights and gram must have as many samples, got {loads.size} and {len(gram)}")
    kept = loads > 0
    predictions, fits = [], truth
    for alpha in [1.0, *schedule]:
        target = alpha * truth + (1 - alpha) * fits
        dual = solve(gram[np.ix_(kept, kept)] + np.diag(penalty / loads[kept]), target[kept])
        fits = gram[:, kept] @ dual
        predictions.append(rows[:, kept] @ dual)
    return np.stack(predictions)


def literal_coefficients(design: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike = ()) -> Array:
    """Return the coefficients of the linear model at every step, (steps, features[, outputs]), by one solve a step.

    (X'X + ridge I)^-1 X' z_t, the primal form of `literal_fits` with kernel X X'. `design` X (samples, features);
    `targets` (samples,) or (samples, outputs); `ridge` > 0 without 1/n; `alphas` the schedule.

    >>> literal_coefficients([[1.0], [1.0]], [2.0, 4.0], 1.0, (0.0,)).round(12).tolist()
    [[2.0], [1.333333333333]]
    """
    inputs = check_matrix("design", design, axes=("samples", "features"))
    truth = check_targets(targets, len(inputs))
    penalty, schedule = check_number("ridge", ridge, low=0.0, open_low=True), check_alphas(alphas)
    coefficients, fits = [], truth
    for alpha in [1.0, *schedule]:
        target = alpha * truth + (1 - alpha) * fits
        gram = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
        coefficients.append(solve(gram, inputs.T @ target))
        fits = inputs @ coefficients[-1]
    return np.stack(coefficients)


def loss_weighted_fits(
    gram: ArrayLike, targets: ArrayLike, ridge: float, *, truth_weight: float, teacher_weight: float, steps: int
) -> Array:
    """Return the training fits (steps, n[, outputs]) when the two squared losses carry weights that need not sum to 1.

    Every step minimises truth_weight/2 |f - y|^2 + teacher_weight/2 |f - y^(t-1)|^2 + ridge/2 |f|^2_H with y^(0) = y,
    by a solve of its normal equations as they stand. `gram`, `targets`, `ridge` as in `literal_fits`;
    `truth_weight`, `teacher_weight` >= 0 with a sum > 0; `steps` >= 1.

    Weights 1 and 1 at kernel 3 and ridge 2 are those of the example of `literal_fits`:

    >>> loss_weighted_fits([[3.0]], [1.0], 2.0, truth_weight=1.0, teacher_weight=1.0, steps=2).tolist()
    [[0.75], [0.65625]]
    """
    gram, truth, _ = check_problem(gram, targets)
    penalty = check_number("ridge", ridge, low=0.0, open_low=True)
    own = check_number("truth_weight", truth_weight, low=0.0)
    other = check_number("teacher_weight", teacher_weight, low=0.0)
    if own + other == 0:
        raise ValueError("truth_weight and teacher_weight must not both be 0")
    fits = [truth]
    for _ in range(check_size("steps", steps)):
        normal = own * gram + other * gram + penalty * np.eye(len(gram))
        fits.append(gram @ solve(normal, own * truth + other * fits[-1]))
    return np.stack(fits[1:])


def settled_fits(
    gram: ArrayLike,
    targets: ArrayLike,
    ridge: float,
    alpha: float,
    *,
    tolerance: float = 1e-14,
    most_steps: int = 100_000,
) -> tuple[Array, int]:
    """Return the training fits (n[, outputs]) after so many steps that they stand still, and the number of steps.

    `gram`, `targets`, `ridge` as in `literal_fits`; the constant `alpha` may be any number for which the recursion
    settles. It stops when a step changes no fit by more than `tolerance` > 0 times the largest target, after at most
    `most_steps` >= 1 steps, beyond which `ArithmeticError` is raised.

    >>> fits, steps = settled_fits([[3.0]], [1.0], 1.0, 0.5)  # 3/(3 + 1/0.5)
    >>> round(float(fits[0]), 12), steps
    (0.6, 33)
    """
    gram, truth, _ = check_problem(gram, targets)
    penalty, share = check_number("ridge", ridge, low=0.0, open_low=True), check_number("alpha", alpha)
    limit = check_number("tolerance", tolerance, low=0.0, open_low=True) * np.abs(truth).max()
    fits, change = truth, np.inf
    for step in range(1, check_size("most_steps", most_steps) + 1):
        target = share * truth + (1 - share) * fits  # y at step 1
        before, fits = fits, gram @ solve(gram + penalty * np.eye(len(gram)), target)
        change = np.abs(fits - before).max()
        if change <= limit:
            return fits, step
        if change > 1e8 * np.abs(truth).max():
            break
    raise ArithmeticError(f"the recursion did not settle, its last change was {change:.3g}; use an alpha in (0, 1]")


def left_out_predictions(gram: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike = ()) -> Array:
    """Return the prediction at each training point by the whole recursion without that point, (steps, n[, outputs]).

    All steps are fitted anew on the other n - 1 points, n times, at the same `ridge`. `gram`, `targets`, `ridge`,
    `alphas` as in `literal_fits`; n >= 2.

    >>> left_out_predictions([[1.0, 1.0], [1.0, 1.0]], [3.0, 5.0], 1.0).tolist()
    [[2.5, 1.5]]
    """
    gram, truth, _ = check_problem(gram, targets)
    others = _others(len(gram))
    columns = [
        literal_fits(gram[np.ix_(rest, rest)], truth[rest], ridge, alphas, cross_gram=gram[i : i + 1, rest])[:, 0]
        for i, rest in enumerate(others)
    ]
    return np.stack(columns, axis=1)


def left_out_primal_predictions(design: ArrayLike, targets: ArrayLike, ridge: float, alphas: ArrayLike = ()) -> Array:
    """Return `left_out_predictions` for the kernel X X' by refits of the coefficients, (steps, samples[, outputs]).

    `design` X (samples, features), samples >= 2; `targets`, `ridge`, `alphas` as in `literal_coefficients`. Cheaper
    where there are fewer features than samples.

    >>> left_out_primal_predictions([[1.0], [1.0]], [3.0, 5.0], 1.0).tolist()
    [[2.5, 1.5]]
    """
    inputs = check_matrix("design", design, axes=("samples", "features"))
    truth = check_targets(targets, len(inputs))
    columns = [
        np.moveaxis(literal_coefficients(inputs[rest], truth[rest], ridge, alphas), 1, -1) @ inputs[i]
        for i, rest in enumerate(_others(len(inputs)))
    ]
    return np.stack(columns, axis=1)


def _others(count: int) -> list[NDArray[np.intp]]:
    """For each point the indices of all the others."""
    if count < 2:
        raise ValueError(f"targets must hold at least 2 samples to leave one out, got {count}")
    return [np.delete(np.arange(count), i) for i in range(count)]
