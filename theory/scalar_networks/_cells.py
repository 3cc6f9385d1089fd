"""Cells (weights, step size) in a row: reading, broadcasting, and products that can neither overflow nor underflow.

A product is carried as (mantissa, exponent), its value mantissa * 2^exponent, so that sixty weights of 1e8 are as
harmless as two of 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range

Array = NDArray[np.float64]
Exponents = NDArray[np.int64]
LARGEST = 1e150  # weights whose squares and differences of squares stay finite
CHUNK = 512  # mantissas multiplied before they are normalised again: 2^-512 is no underflow


def read_weights(weights: ArrayLike, name: str = "weights") -> Array:
    """Return the weights as a float64 array (..., depth) after checking depth >= 2, finite and |w| <= 1e150."""
    array = check_range(name, weights, low=-LARGEST, high=LARGEST)
    if array.ndim == 0 or array.shape[-1] < 2 or array.size == 0:
        raise ValueError(f"{name} must have shape (..., depth) with depth >= 2, got shape {array.shape}")
    return array


def read_pair(weights: ArrayLike) -> Array:
    """Return the weights of depth-two networks as an array (..., 2)."""
    array = read_weights(weights)
    if array.shape[-1] != 2:
        raise ValueError(f"weights must have shape (..., 2): depth two only, got shape {array.shape}")
    return array


def read_solution(solution: ArrayLike) -> Array:
    """Return minimisers as an array (..., depth) after checking that each product is 1 up to 1e-9."""
    array = read_weights(solution, "solution")
    mantissa, exponent = product_parts(array)
    bad = np.argwhere(np.abs(value_of(mantissa, exponent) - 1.0) > 1e-9)
    if len(bad):
        where = tuple(int(i) for i in bad[0])
        at = f" at solution[{', '.join(map(str, where))}]" if where else ""
        raise ValueError(f"solution must have product 1, got product {value_of(mantissa, exponent)[where]:.12g}{at}")
    return array


def read_step(step_size: ArrayLike) -> Array:
    """Return the step size as an array after checking 0 < step_size <= 1e150."""
    return check_range("step_size", check_range("step_size", step_size, low=0.0, open_low=True), high=LARGEST)


def in_rows(weights: Array, **others: Array) -> tuple[Array, list[Array], tuple[int, ...]]:
    """Broadcast `others` against the leading axes of `weights`.

    Returns the weights as (cells, depth), each of the others as (cells,), and the common leading shape.
    """
    try:
        shape = np.broadcast_shapes(weights.shape[:-1], *(other.shape for other in others.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {other.shape}" for name, other in others.items())
        raise ValueError(
            f"{', '.join(others)} must broadcast with the leading axes of the weights, "
            f"got shapes {shapes} and weights {weights.shape}"
        ) from error
    rows = np.broadcast_to(weights, (*shape, weights.shape[-1])).reshape(-1, weights.shape[-1])
    return rows, [np.broadcast_to(other, shape).ravel() for other in others.values()], shape


def as_given(row: Array, shape: tuple[int, ...]) -> float | Array:
    """Return a float where there is one cell without axes, else the array in the common leading shape."""
    return row.reshape(shape) if shape else float(row[0])


def flags(row: NDArray[np.bool_], shape: tuple[int, ...]) -> bool | NDArray[np.bool_]:
    """Return a bool where there is one cell without axes, else the array in the common leading shape."""
    return row.reshape(shape) if shape else bool(row[0])


def product_parts(factors: Array) -> tuple[Array, Exponents]:
    """Return (mantissa, exponent) of the products over the last axis; the mantissa is in +-[0.5, 1) or 0."""
    mantissas, exponents = np.frexp(factors)
    total = exponents.sum(axis=-1, dtype=np.int64)
    while mantissas.shape[-1] > 1:
        starts = np.arange(0, mantissas.shape[-1], CHUNK)
        mantissas, exponents = np.frexp(np.multiply.reduceat(mantissas, starts, axis=-1))
        total = total + exponents.sum(axis=-1, dtype=np.int64)
    return mantissas[..., 0], total


def value_of(mantissa: Array, exponent: Exponents) -> Array:
    """Return mantissa * 2^exponent, inf or 0 where that leaves the range of float64."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(mantissa, np.clip(exponent, -5000, 5000).astype(np.int32))


def product_of(factors: Array) -> Array:
    """Return the products over the last axis; no partial product overflows."""
    return value_of(*product_parts(factors))


def log_product(factors: Array) -> Array:
    """Return log |product over the last axis|, with the error of one rounding where the product is near 1."""
    mantissa, exponent = product_parts(factors)
    low = np.abs(mantissa) < np.sqrt(0.5)  # mantissa to [0.7, 1.41): log and exponent never cancel
    with np.errstate(divide="ignore"):
        return np.log(np.abs(np.where(low, 2.0 * mantissa, mantissa))) + (exponent - low) * np.log(2.0)


def excess_parts(weights: Array, factor: float = 1.0) -> tuple[Array, Exponents]:
    """Return (mantissa, exponent) of factor * (product of the weights) - 1."""
    mantissa, exponent = product_parts(weights)
    small, shift = np.frexp(factor * value_of(mantissa, np.minimum(exponent, 900)) - 1.0)
    vast = exponent > 900
    return np.where(vast, factor * mantissa, small), np.where(vast, exponent, shift)


def scaled_excess(weights: Array, step: Array, factors: Array) -> Array:
    """Return step * (product - 1) * (product of `factors` over the last axis), safe against overflow midway."""
    mantissa, exponent = excess_parts(weights)
    rest, shift = product_parts(np.concatenate([step[..., None], mantissa[..., None], factors], axis=-1))
    return value_of(rest, shift + exponent)


def others_parts(weights: Array) -> tuple[Array, Exponents]:
    """Return (mantissa, exponent) of the products of all weights but one, for each weight; exact at zero weights."""
    mantissas, exponents = np.frexp(weights)
    left, left_shift = _running(mantissas[..., :-1])
    right, right_shift = _running(mantissas[..., :0:-1])
    before = np.concatenate([np.ones_like(mantissas[..., :1]), left], axis=-1)
    after = np.concatenate([right[..., ::-1], np.ones_like(mantissas[..., :1])], axis=-1)
    none = np.zeros_like(left_shift[..., :1])
    shifts = np.concatenate([none, left_shift], axis=-1) + np.concatenate([right_shift[..., ::-1], none], axis=-1)
    total = exponents.sum(axis=-1, dtype=np.int64)[..., None] - exponents
    return before * after, total + shifts


def _running(mantissas: Array) -> tuple[Array, Exponents]:
    """Return running products of mantissas in [0.5, 1) as (mantissa, exponent), normalised at every factor."""
    products, shifts = np.empty_like(mantissas), np.empty(mantissas.shape, dtype=np.int64)
    product, shift = np.ones(mantissas.shape[:-1]), np.zeros(mantissas.shape[:-1], dtype=np.int64)
    for i in range(mantissas.shape[-1]):
        product, step = np.frexp(product * mantissas[..., i])
        shift = shift + step
        products[..., i], shifts[..., i] = product, shift
    return products, shifts
