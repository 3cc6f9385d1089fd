"""Other targets and data: every squared loss of a product is the unit problem in other units (exact).

With w = |y|^(1/D) v, the sign of one weight turned if y < 0, the loss c (pi(w) - y)^2/2 is c y^2 (pi(v) - 1)^2/2, and
gradient descent on w with step size eta is gradient descent on v with step size c eta |y|^(2 - 2/D). Sharpness and
GFS sharpness of w are those of v times c |y|^(2 - 2/D), so that eta phi is the same. Data (x_k, y_k) with the loss
mean_k (x_k pi - y_k)^2/2 have c = mean x^2, y = mean(x y)/mean(x^2), and a constant in addition.

Symbols: see the head of the package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory._checks import check_range, check_vector
from theory.scalar_networks._cells import Array, as_given, in_rows, read_step, read_weights

__all__ = ["DataProblem", "UnitProblem", "data_problem", "unit_problem"]


@dataclass(frozen=True)
class UnitProblem:
    """Weights and step size in the units of the problem (pi - 1)^2/2, and the factors that lead back.

    weights: v, shape (..., depth).
    step_size: step size for v, float or array in the leading shape.
    sharpness_factor: sharpness (and GFS sharpness) of w divided by that of v.
    loss_factor: loss of w, without the constant of the data, divided by that of v.
    """

    weights: Array
    step_size: float | Array
    sharpness_factor: float | Array
    loss_factor: float | Array


@dataclass(frozen=True)
class DataProblem:
    """The loss mean_k (x_k pi - y_k)^2/2 written as curvature (pi - target)^2/2 + floor.

    curvature: mean x^2.
    target: mean(x y)/mean(x^2).
    floor: the smallest loss that any product reaches.
    """

    curvature: float
    target: float
    floor: float


def unit_problem(
    weights: ArrayLike, step_size: ArrayLike, target: ArrayLike, curvature: ArrayLike = 1.0
) -> UnitProblem:
    """Return the weights and step size of the problem (pi - 1)^2/2 equivalent to c (pi - y)^2/2 (exact).

    v = w/|y|^(1/D), the first weight's sign turned if y < 0; eta_v = c eta |y|^(2 - 2/D).

    weights: the weights w, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.
    step_size: the step size eta for w, > 0, broadcast against the leading axes of `weights`.
    target: the target y of the product, real, not 0, broadcast likewise.
    curvature: the factor c of the loss, > 0, broadcast likewise.

    Factors that leave the range of float64 are inf or 0. Raises `ValueError` outside the domain. Source: derived, claim
    sn.T1.

    >>> unit = unit_problem([4.0, 3.0], 0.1, 4.0)  # w = 2 v
    >>> unit.weights, unit.step_size, unit.sharpness_factor, unit.loss_factor
    (array([2. , 1.5]), 0.4, 4.0, 16.0)
    """
    goal = check_range("target", target)
    if np.any(goal == 0.0):
        raise ValueError("target must not be 0: the minimum would be degenerate, got target=0.0")
    rows, (step, aim, bend), shape = in_rows(
        read_weights(weights),
        step_size=read_step(step_size),
        target=goal,
        curvature=check_range("curvature", curvature, low=0.0, open_low=True),
    )
    depth = rows.shape[-1]
    unit = rows / np.abs(aim[:, None]) ** (1.0 / depth)
    unit[:, 0] = np.where(aim < 0.0, -unit[:, 0], unit[:, 0])
    with np.errstate(over="ignore"):
        factor = bend * np.abs(aim) ** (2.0 - 2.0 / depth)
        parts = (step * factor, factor, bend * aim**2)
    return UnitProblem(unit.reshape(*shape, depth), *(as_given(part, shape) for part in parts))


def data_problem(inputs: ArrayLike, labels: ArrayLike) -> DataProblem:
    """Return curvature, target and floor of the loss mean_k (x_k pi - y_k)^2/2 of a product pi on data (exact).

    c = mean x^2, y = mean(x y)/mean(x^2), floor = mean (y_k - y x_k)^2/2.

    inputs: x, shape (samples,), real, not all 0.
    labels: y, shape (samples,), real.

    inf or 0 where a number leaves the range of float64. Raises `ValueError` outside the domain and where the lengths
    differ. Source: derived, claim sn.T1.

    >>> data_problem([1.0, 2.0], [2.0, 1.5])  # mean x^2 = 2.5, mean x y = 2.5; residuals 1 and -1/2
    DataProblem(curvature=2.5, target=1.0, floor=0.3125)
    """
    x, y = check_vector("inputs", inputs, axis="samples"), check_vector("labels", labels, axis="samples")
    if x.size != y.size:
        raise ValueError(f"labels must have one entry for each of the inputs: got {y.size} labels, {x.size} inputs")
    if not np.any(x):
        raise ValueError("inputs must not all be 0: the loss would not depend on the product")
    shift_x, shift_y = (int(np.frexp(np.abs(part).max())[1]) for part in (x, y))
    x, y = np.ldexp(x, -shift_x), np.ldexp(y, -shift_y)  # at most 1: squares cannot overflow
    square = float(np.mean(x * x))
    slope = float(np.mean(x * y)) / square
    floor = 0.5 * float(np.mean((y - slope * x) ** 2))
    with np.errstate(over="ignore", under="ignore"):
        parts = np.ldexp((square, slope, floor), (2 * shift_x, shift_y - shift_x, 2 * shift_y))
    return DataProblem(*parts.tolist())
