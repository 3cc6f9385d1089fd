"""The loss of a scalar network and its product (Kreisler et al., 2023).

Symbols: see the head of the package. Exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory.scalar_networks._cells import as_given, product_of, read_weights

__all__ = ["loss", "network_product"]

Array = NDArray[np.float64]


def network_product(weights: ArrayLike) -> float | Array:
    """Return pi = w_1 ... w_D (exact); no partial product overflows or underflows.

    weights: the weights, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.

    One network gives a float, several an array over the leading axes. Limits: +-inf and 0 where the product itself
    leaves the range of float64. Raises `ValueError` outside the domain. Source: paper, the model; claim sn.T1.

    >>> network_product([0.5, -3.0, 4.0])
    -6.0
    """
    array = read_weights(weights)
    return as_given(product_of(array.reshape(-1, array.shape[-1])), array.shape[:-1])


def loss(weights: ArrayLike) -> float | Array:
    """Return L = (pi - 1)^2/2, pi the product of the weights (exact).

    weights: the weights, shape (..., depth), depth >= 2, any signs, at most 1e150 in size.

    One network gives a float, several an array over the leading axes. Limit: inf where the square overflows. At a
    product within eps of 1 the loss is rounding. Raises `ValueError` outside the domain.
    Source: paper, the model; claim sn.T1.

    >>> loss([[2.0, 3.0], [-1.0, 0.5]])  # products 6 and -0.5
    array([12.5  ,  1.125])
    """
    array = read_weights(weights)
    with np.errstate(over="ignore"):
        value = 0.5 * np.square(product_of(array.reshape(-1, array.shape[-1])) - 1.0)
    return as_given(value, array.shape[:-1])
