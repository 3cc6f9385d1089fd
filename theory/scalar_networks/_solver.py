"""The one equation behind the gradient-flow limit: Newton in the logarithm, its last step free of logarithms.

With balances B_i >= 0, the smallest 0, find z > 0 with prod_i (z + B_i) = p^2. In y = log z the function
G(y) = sum_i log(e^y + B_i) - 2 log p is increasing and convex with slopes in [1, depth], and G >= 0 at y = max(0,
2 log p): Newton's method from there falls to the root without overshooting. Since G'' <= G', a step e leaves an error
below e^2/2. An error of eps |y| in y would be one of eps |y| in z; one more step on prod_i (z + B_i)/p^2, evaluated as
a product, removes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.scalar_networks._cells import log_product

Array = NDArray[np.float64]
MAX_STEPS = 2000
STEP_TOLERANCE = 1e-8
UNDERFLOW = -690.0  # below this log z, z is not a normal float with digits to spare


@dataclass(frozen=True)
class Level:
    """The point with product p on the lines of constant balances: squared weights t = z + B, with log z."""

    squared: Array
    log_lowest: Array

    def sizes(self) -> Array:
        """Return the absolute weights sqrt(t), from log z where z itself underflows."""
        low = np.exp(0.5 * self.log_lowest)[:, None]
        return np.where(self.squared < np.exp(UNDERFLOW), low, np.sqrt(self.squared))


def balances_of(weights: Array) -> Array:
    """Return B_i = w_i^2 - min_j w_j^2 without cancellation, shape (cells, depth)."""
    sizes = np.abs(weights)
    low = sizes.min(axis=-1, keepdims=True)
    return (sizes - low) * (sizes + low)


def solve_level(balances: Array, product: Array | None = None) -> Level:
    """Return the level with the given product (default 1) for balances of shape (cells, depth), the smallest 0."""
    goal = np.ones(balances.shape[0]) if product is None else product
    inverse = np.repeat(1.0 / goal[:, None], 2, axis=1)
    tied = balances == 0.0
    ties = tied.sum(axis=-1)
    y = 2.0 * np.log(np.maximum(goal, 1.0))
    for _ in range(MAX_STEPS):
        with np.errstate(under="ignore"):
            z = np.exp(y)[:, None]
        raised = np.where(tied, 1.0, z + balances)
        rise = ties * y + log_product(np.concatenate([raised, inverse], axis=-1))
        slope = ties + np.where(tied, 0.0, z / raised).sum(axis=-1)
        step = rise / slope
        y = y - step
        # the rounding of y itself bounds what a further step can mend
        if np.all(np.abs(step) <= STEP_TOLERANCE + 1e-14 * np.abs(y)):
            return _polished(balances, inverse, y)
    raise RuntimeError(
        f"gradient-flow limit: no convergence in {MAX_STEPS} steps; last step {np.max(np.abs(step)):.3g} in log z; "
        "remedy: bring the weights closer to 1 in size"
    )


def _polished(balances: Array, inverse: Array, y: Array) -> Level:
    """Return the level after one Newton step on the product itself, where z is a normal number."""
    with np.errstate(under="ignore"):
        z = np.exp(y)[:, None]
    squared = z + balances
    usable = y > UNDERFLOW
    safe = np.where(usable[:, None], squared, 1.0)
    rise = log_product(np.concatenate([safe, inverse], axis=-1))
    slope = np.where(usable[:, None], z / safe, 1.0).sum(axis=-1)
    step = np.where(usable, rise / slope, 0.0)
    with np.errstate(under="ignore"):
        return Level(z * np.exp(-step)[:, None] + balances, y - step)
