"""Points of the searches, from a handful of numbers each, and what one literal step of gradient descent makes of them.

Squares are given by ratios: u_1 = scale, u_2 = u_1 (1 + gap2), u_3 = u_2 (1 + gap3), and from the fourth on evenly
spaced up to u_3 (1 + gap4). Small gaps make clusters, large ones orders of magnitude.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.search import Range
from simulations import scalar_networks as simulation
from theory import scalar_networks as theory

__all__ = ["EDGE", "GAPS", "ONE_STEP", "after", "before", "below", "flow_sharpness", "minimum", "moved", "squares"]

Array = NDArray[np.float64]
EDGE = 2.0 * np.sqrt(2.0)
GAPS = {name: Range(1e-4, 1e3, log=True) for name in ("gap2", "gap3", "gap4")}
ONE_STEP = "one step of gradient descent on (pi - 1)^2/2; the minimum that gradient flow reaches exists"
_INSIDE = 1.0 - 1e-12  # a boundary stays inside its condition after rounding


def squares(depth: int, gap2: float, gap3: float, gap4: float, scale: float = 1.0) -> Array:
    """Squared weights (`depth`,), rising from `scale` by the gaps `gap2`, `gap3`, `gap4`."""
    rest = 1.0 + gap4 * np.arange(1, max(depth - 2, 1)) / max(depth - 3, 1)
    factors = np.concatenate([[1.0, 1.0 + gap2, (1.0 + gap2) * (1.0 + gap3)], (1.0 + gap2) * (1.0 + gap3) * rest])
    return scale * factors[:depth]


def minimum(depth: int, gap2: float, gap3: float, gap4: float) -> Array:
    """Positive weights (`depth`,) of product 1 whose squares rise by the gaps `gap2`, `gap3`, `gap4`."""
    logs = 0.5 * np.log(squares(depth, gap2, gap3, gap4))
    return np.exp(logs - logs.mean())


def below(value: float, limit: float) -> float:
    """`value`, but at most just inside `limit`: part of a search's points lie on the boundary of a condition."""
    return min(value, limit * _INSIDE)


def moved(weights: Array, step_size: float) -> Array:
    """The weights after one literal step of gradient descent with `step_size`; `weights` (..., depth)."""
    return simulation.gradient_descent(weights, step_size, 1, bound=1e100).weights


def flow_sharpness(weights: Array) -> float:
    """The sharpness at the gradient-flow limit of `weights` (depth,), by the simulation's own root finder.

    It depends on the squares only, so the signs are dropped.
    """
    return float(np.sum(simulation.flow_to_product(np.abs(weights)) ** -2.0))


def before(*, weights: Any, step_size: float) -> float:
    """phi at given `weights`; the `step_size` does not enter."""
    return float(theory.gfs_sharpness(weights))


def after(*, weights: Any, step_size: float) -> float:
    """phi after one literal step from given `weights`."""
    return flow_sharpness(moved(np.asarray(weights), step_size))
