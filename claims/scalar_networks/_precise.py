"""Scalar networks at fifty digits: the gradient-flow level, one literal step and the quasi-static map, by mpmath.

An independent and slow route. Arguments are sequences of numbers; results are mpmath numbers. Call within `digits()`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["derivative", "digits", "levelled", "quasi_static", "sharpness", "stepped", "taylor"]

DIGITS = 50


def digits() -> Any:
    """A context in which mpmath computes with fifty digits."""
    import mpmath

    return mpmath.workdps(DIGITS)


def levelled(squares: Sequence[Any], product: Any = 1) -> list[Any]:
    """The squares of the same differences as `squares` whose product is `product`^2, by Newton's method."""
    import mpmath

    low = min(squares)
    excess, goal = [u - low for u in squares], 2 * mpmath.log(product)
    y = max(goal, mpmath.mpf(0))
    for _ in range(500):
        z = mpmath.exp(y)
        change = (sum(mpmath.log(z + b) for b in excess) - goal) / sum(z / (z + b) for b in excess)
        y -= change
        if abs(change) < mpmath.mpf(10) ** (5 - mpmath.mp.dps):
            return [mpmath.exp(y) + b for b in excess]
    raise ArithmeticError(f"no level of product {product} found for squares {squares}")


def sharpness(squares: Sequence[Any]) -> Any:
    """The GFS sharpness of weights with these `squares`."""
    return sum(1 / t for t in levelled(squares))


def stepped(weights: Iterable[Any], step_size: Any) -> list[Any]:
    """The `weights` after one step of gradient descent with `step_size`, by products of the other weights."""
    import mpmath

    w = [mpmath.mpf(value) for value in weights]
    slope = mpmath.mpf(step_size) * (mpmath.fprod(w) - 1)
    return [value - slope * mpmath.fprod(w[:i] + w[i + 1 :]) for i, value in enumerate(w)]


def quasi_static(squares: Sequence[Any], product: Any, step_size: Any) -> Any:
    """The product after one step with `step_size` from the level of `squares` with this `product` > 0."""
    import mpmath

    return mpmath.fprod(stepped([mpmath.sqrt(u) for u in levelled(squares, product)], step_size))


def derivative(function: Any, place: Any) -> Any:
    """The first derivative of `function` at `place`."""
    import mpmath

    return mpmath.diff(function, place)


def taylor(function: Any, place: Any, order: int) -> list[Any]:
    """The Taylor coefficients of `function` at `place` up to `order`."""
    import mpmath

    return mpmath.taylor(function, place, order)
