"""Expected traces of small matrix-beta ensembles, by quadrature over their joint eigenvalue density.

The eigenvalues of B other than 0 and 1, r = min(m, d, n - m, n - d) of them, have the density (up to a constant)

    prod b_i^((|d - m| - 1)/2) (1 - b_i)^((|n - m - d| - 1)/2) prod_{i<j} |b_i - b_j|,

besides (d - m)_+ zeros and (d - n + m)_+ ones. Ordered, and with b_i = b_(i+1) u_i, the integrand is smooth on the unit
cube wherever both exponents are whole, and Gauss-Legendre nodes give it to rounding.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["expected_traces"]

Array = NDArray[np.float64]
NODES = 28  # per eigenvalue: 1e-13 for weights from 0.1 to 10


@lru_cache(maxsize=64)
def expected_traces(n: int, d: int, bags: int, rho: float) -> tuple[float, float, float]:
    """E [sum w^2, (sum w)^2, sum g] at weight `rho` > 0 for `n` samples, `d` features, `bags` = m; r <= 3.

    |d - m| and |n - m - d| must be odd (whole exponents).
    """
    size, low, high = min(bags, d, n - bags, n - d), abs(d - bags), abs(n - bags - d)
    if size > 3 or low % 2 == 0 or high % 2 == 0:
        raise ValueError(f"no quadrature for n={n}, d={d}, bags={bags}")
    b, mass = _ordered_nodes(size)
    mass = mass * np.prod(b ** ((low - 1) // 2) * (1 - b) ** ((high - 1) // 2), axis=1)
    for i in range(size):
        for j in range(i):
            mass = mass * (b[:, i] - b[:, j])
    level = b + rho * (1 - b)
    w, g = rho * (1 - b) / level, b / level**2
    zeros, ones = max(d - bags, 0), max(d - n + bags, 0)
    sums = (w**2).sum(axis=1) + zeros, (w.sum(axis=1) + zeros) ** 2, g.sum(axis=1) + ones
    squares, squared, gain = (float(mass @ values / mass.sum()) for values in sums)
    return squares, squared, gain


def _ordered_nodes(size: int) -> tuple[Array, Array]:
    """Nodes (nodes, size) with b_1 < ... < b_size < 1 and their weights (nodes,)."""
    x, weight = (np.asarray(part, dtype=np.float64) for part in np.polynomial.legendre.leggauss(NODES))
    axes = np.meshgrid(*[(1 + x) / 2] * size, indexing="ij")
    u = np.stack([axis.ravel() for axis in axes], axis=1)
    b = np.cumprod(u[:, ::-1], axis=1)[:, ::-1]
    mass = np.ones(len(u))
    for axis in np.meshgrid(*[weight / 2] * size, indexing="ij"):
        mass = mass * axis.ravel()
    return np.asarray(b, dtype=np.float64), mass * np.prod(b[:, 1:], axis=1)  # the Jacobian of b_i = b_(i+1) u_i
