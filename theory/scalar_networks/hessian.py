"""The sharpness of the loss at any weights: the largest eigenvalue of the Hessian (Kreisler et al., 2023).

With p_i and p_ij the products of all weights but one and but two,

    H_ii = p_i^2,    H_ij = (2 pi - 1) p_ij

since p_i p_j = pi p_ij. Products of other weights instead of quotients make zero weights exact, and a common power of
two taken out of the matrix keeps it finite. The trace is >= 0, so the largest eigenvalue is at least 1/(depth - 1)
times the norm: the symmetric eigenvalue solver delivers it with a relative accuracy of about depth * eps.

Symbols: see the head of the package. Exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from theory.scalar_networks._cells import (
    Array,
    Exponents,
    as_given,
    excess_parts,
    others_parts,
    read_weights,
    value_of,
)

__all__ = ["sharpness"]


def sharpness(weights: ArrayLike) -> float | Array:
    """Return the largest eigenvalue of the Hessian of L = (pi - 1)^2/2 at the weights (exact).

    At a minimum it is sum_i 1/w_i^2, the GFS sharpness. It is never negative.

    weights: the weights, shape (..., depth), depth >= 2, any signs, zeros included, at most 1e150 in size.

    One network gives a float, several an array over the leading axes. Limits: at three or more zero weights the
    Hessian is 0; inf where the eigenvalue overflows. Raises `ValueError` outside the domain.
    Source: derived, claim sn.T1.

    >>> round(sharpness([2.0, 0.5]), 12)  # a minimum: 1/4 + 4
    4.25
    >>> round(sharpness([0.0, 0.0]), 12)  # a saddle: eigenvalues +-1
    1.0
    """
    array = read_weights(weights)
    rows = array.reshape(-1, array.shape[-1])
    mantissas, exponents = _hessian_parts(rows)
    used = np.where(mantissas == 0.0, np.iinfo(np.int64).min, exponents)
    top = used.max(axis=(-2, -1))
    top = np.where(top == np.iinfo(np.int64).min, 0, top)
    eigenvalues: Array = np.linalg.eigvalsh(value_of(mantissas, exponents - top[:, None, None]))  # pyright: ignore[reportAssignmentType]
    return as_given(value_of(eigenvalues[:, -1], top), array.shape[:-1])


def _hessian_parts(rows: Array) -> tuple[Array, Exponents]:
    """Return (mantissa, exponent) of the Hessians of rows (cells, depth)."""
    depth = rows.shape[-1]
    factor, factor_shift = excess_parts(rows, 2.0)
    mantissas, exponents = np.empty((*rows.shape, depth)), np.empty((*rows.shape, depth), dtype=np.int64)
    for i in range(depth):
        without = rows.copy()
        without[:, i] = 1.0
        product, shift = others_parts(without)
        mantissas[:, i] = factor[:, None] * product
        exponents[:, i] = factor_shift[:, None] + shift
        mantissas[:, i, i], exponents[:, i, i] = product[:, i] ** 2, 2 * shift[:, i]
    return mantissas, exponents
