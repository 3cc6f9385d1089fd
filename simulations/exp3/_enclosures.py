"""Proven bounds on the log-likelihood of a two-armed history, for every rate in an interval at once.

Let z be the log-odds against the arm that is drawn. Its probability is 1/(1 + e^z), and paying l makes them
z + eta l (1 + e^z): increasing in z and, for l >= 0, in eta. The log-odds for the other arm are -z. So two scalar
recursions enclose z for every eta in an interval, whatever was drawn, and -log p = log(1 + e^z) with them. As no
log p is positive, the sum over the first rounds already bounds the whole from above (derived, ex.D11).

Rounding goes outward: exp, log and products of a few factors are right to 2^-48 relatively (libraries promise 4 units
in the last place, 2^-50), a sum to 2^-52 of its value, and each result is moved outward by that much. Nothing
underflows as long as rates and losses lie between 1e-50 and 1e20, or losses are 0; what overflows stays at 1e290 from
below and is inf from above.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["SMALLEST", "lower_bound", "upper_bound"]

Array = NDArray[np.float64]
SMALLEST = 1e-50  # of rates and positive losses
_PRODUCT = 2.0**-48
_SUM = 2.0**-52
_LARGE = 1e290
_FULL = 1e200  # a product of factors 1 + e^z is turned into a logarithm beyond it
_STEEP = 200.0  # beyond it log(1 + e^z) counts as z


@njit(cache=True, error_model="numpy", inline="always")
def _rise(z: float, step: float) -> float:
    """A bound from below on z + step (1 + e^z), given one on z and on `step` >= 0."""
    z = min(z + step * (1.0 + math.exp(min(z, 700.0))) * (1.0 - _PRODUCT), _LARGE)
    return z - abs(z) * _SUM


@njit(cache=True, error_model="numpy", inline="always")
def _rise_most(z: float, step: float) -> float:
    """A bound from above on z + step (1 + e^z), given one on z and on `step` > 0."""
    z += step * (1.0 + math.exp(z)) * (1.0 + _PRODUCT)
    return z + abs(z) * _SUM


@njit(cache=True, error_model="numpy")
def upper_bound(low: float, high: float, arms: NDArray[np.int16], losses: Array, limit: float) -> float:
    """An upper bound of the log-likelihood over all rates in [`low`, `high`].

    Ends early, with a bound below `limit`, as soon as the first rounds show one. The sum S of -log p is collected as a
    product of factors 1 + e^z; S (1 - slack) - slack is a proven lower bound of it, as every round adds a relative
    error below 2^-49 to the product and every logarithm one to the sum.
    """
    slack = (arms.size + 16) * 2.0**-49
    enough = (slack - limit) / (1.0 - slack)  # beyond it the sum proves a bound below `limit`
    least = most = 0.0  # the log-odds of arm 1 over arm 0
    total, product, roof = 0.0, 1.0, 0.0
    factors = np.empty(2)
    factors[:] = 2.0
    for t in range(arms.size):
        arm = arms[t]
        z = least if arm == 0 else -most
        if z > _STEEP:
            total += z
            roof = 0.0
        else:
            product *= factors[arm]
        if product >= roof:
            total += math.log(product)
            product = 1.0
            if total > enough:
                break
            roof = min(math.exp(min(enough - total, 700.0)), _FULL)
        loss = losses[t]
        if loss > 0.0:
            if arm == 0:
                least, most = _rise(least, low * loss), _rise_most(most, high * loss)
            else:
                least, most = -_rise_most(-least, high * loss), -_rise(-most, low * loss)
            factors[0] = 1.0 + math.exp(min(least, _STEEP))
            factors[1] = 1.0 + math.exp(min(-most, _STEEP))
    total += math.log(product)
    return slack - total * (1.0 - slack)


@njit(cache=True, error_model="numpy")
def lower_bound(rate: float, arms: NDArray[np.int16], losses: Array) -> float:
    """A lower bound of the log-likelihood at `rate`; -inf where double precision can give none."""
    slack = (arms.size + 16) * 2.0**-49
    least = most = total = 0.0
    for t in range(arms.size):
        arm, loss = arms[t], losses[t]
        z = most if arm == 0 else -least
        total += max(z, 0.0) + math.log1p(math.exp(-abs(z)))
        if loss > 0.0:
            if arm == 0:
                least, most = _rise(least, rate * loss), _rise_most(most, rate * loss)
            else:
                least, most = -_rise_most(-least, rate * loss), -_rise(-most, rate * loss)
    return -total * (1.0 + slack) - slack
