"""Drawn kernel problems on which the claims of self-distillation are tried."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations import self_distillation as simulation

__all__ = ["Problem", "drawn_problem"]

Array = NDArray[np.float64]


class Problem(NamedTuple):
    """Kernel matrix (n, n), noisy targets (n, outputs), kernel of new points (points, n), clean targets there."""

    kernel: Array
    targets: Array
    cross: Array
    clean: Array


def drawn_problem(
    draw: int, n: int, outputs: int = 1, points: int = 4, width: float = 3.0, noise: float = 0.5
) -> Problem:
    """Return the `Problem` number `draw`: `n` training points in the square, an RBF kernel, smooth functions of scale
    1.3 with `noise`."""
    rng = np.random.default_rng([draw, n, outputs])
    inputs = rng.uniform(-1.0, 1.0, (n + points, 2))
    waves, phases = rng.normal(scale=2.0, size=(2, outputs)), rng.uniform(0.0, 6.0, outputs)
    smooth = 1.3 * np.sin(inputs @ waves + phases)
    noisy = smooth[:n] + noise * rng.normal(size=(n, outputs))
    train, new = inputs[:n], inputs[n:]
    kernel, cross = (simulation.rbf_kernel(rows, train, width) for rows in (train, new))
    return Problem((kernel + kernel.T) / 2.0, noisy, cross, smooth[n:])
