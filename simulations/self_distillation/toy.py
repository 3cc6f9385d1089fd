"""The eleven-point toy of the paper's authors: a noisy sine on a line, an RBF kernel, losses against the clean sine.

Inputs 0, 0.1, ..., 1; the targets are the fixed noisy values of Mobahi, Farajtabar and Bartlett (2020) (sine plus noise
of standard deviation 0.5); kernel exp(-80 (x - x')^2), ridge 0.2; the loss is the mean of (f - sin 2 pi x)^2 over
x = 0, 0.01, ..., 1. Published losses: the README of the authors' repository (its column headed 0.25 is 0.35).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_matrix, check_number, check_vector
from simulations.self_distillation._arguments import check_size, frozen
from simulations.self_distillation.recursion import literal_fits

__all__ = ["TOY_INPUTS", "TOY_RIDGE", "TOY_TARGETS", "TOY_WIDTH", "rbf_kernel", "toy_grid", "toy_kernel", "toy_losses"]

Array = NDArray[np.float64]
TOY_WIDTH = 80.0
TOY_RIDGE = 0.2
TOY_INPUTS = frozen(np.arange(11) / 10)
TOY_TARGETS = frozen(
    [
        0.38476636465198066,
        1.2333967683416893,
        1.33232242218057,
        0.6920159488889518,
        -0.29756145531871736,
        -0.24189291901377769,
        -0.7964485769175675,
        -0.9616480167034174,
        -0.49672509509916934,
        -0.3469066003991437,
        0.5589512650600734,
    ]
)


def rbf_kernel(left: ArrayLike, right: ArrayLike, width: float) -> Array:
    """Return exp(-width |x - x'|^2), shape (rows of left, rows of right).

    `left` and `right` hold inputs in rows, (any, d) each; `width` >= 0 has the unit of an inverse square.

    >>> float(rbf_kernel([[0.0, 0.0]], [[0.6, 0.8]], 2.0)[0, 0] * np.exp(2))
    1.0
    """
    first, second = check_matrix("left", left), check_matrix("right", right)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"left and right must have the same width, got {first.shape} and {second.shape}")
    centre = first.mean(axis=0)  # distances by products lose digits to a common offset
    first, second = first - centre, second - centre
    square = np.sum(first**2, axis=1)[:, None] + np.sum(second**2, axis=1) - 2 * first @ second.T
    return np.exp(-check_number("width", width, low=0.0) * np.maximum(square, 0.0))


def toy_grid(points: int = 101) -> tuple[Array, Array]:
    """Return the grid on which the loss is taken and the clean sine there, (points,) each; `points` >= 2 on [0, 1]."""
    grid = np.linspace(0, 1, check_size("points", points, low=2))
    return grid, np.sin(2 * np.pi * grid)


def toy_kernel(points: ArrayLike | None = None) -> Array:
    """Return the kernel between `points` (any,) and the toy's inputs, shape (any, 11); by default the inputs, (11, 11).

    >>> toy_kernel().shape, toy_kernel([0.5]).shape
    ((11, 11), (1, 11))
    """
    rows = TOY_INPUTS if points is None else check_vector("points", points, axis="any")
    return np.exp(-TOY_WIDTH * (rows[:, None] - TOY_INPUTS) ** 2)


def toy_losses(alphas: ArrayLike = (), ridge: float = TOY_RIDGE) -> Array:
    """Return the loss of every step on the toy, (steps,), by the literal recursion.

    `alphas` is the schedule (alpha_2, ..., alpha_t), `ridge` > 0. Published: 0.16477, 0.15076, 0.14915 for alpha = 0.

    >>> toy_losses((0.0, 0.0)).round(5).tolist()
    [0.16477, 0.15076, 0.14915]
    """
    grid, sine = toy_grid()
    fits = literal_fits(toy_kernel(), TOY_TARGETS, ridge, alphas, cross_gram=toy_kernel(grid))
    return np.mean((fits - sine) ** 2, axis=1)
