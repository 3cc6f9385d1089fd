"""Implicit regularisation of random-feature ridge regression: the fixed point of Simon et al. (2024).

The pair (gamma, kappa) solves n = z + ridge/kappa and k = z + k kappa/gamma with z = sum_i lambda_i/(lambda_i + gamma).
Eliminating kappa leaves one monotone equation, ridge = gamma (k - z) (n - z)/k, whose root exists and is unique on
z(gamma) < min(n, k). The equation is symmetric in n and k but for the 1/k: gamma(n, k, ridge) = gamma(k, n, ridge k/n).
Solutions are exact up to rounding; `_solver` says how. Symbols: see the head of the package.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.random_features._cells import as_given, blocks, in_a_row, read_ridge, read_sizes
from theory.random_features._solver import SolveError, inverse_of, read_spectrum, solve

__all__ = ["SolveError", "degrees_of_freedom", "implicit_regularization"]

Array = NDArray[np.float64]


def implicit_regularization(
    n: ArrayLike, k: ArrayLike, ridge: ArrayLike, eigenvalues: ArrayLike
) -> tuple[float | Array, float | Array]:
    """Return the implicit regularisers (gamma, kappa) of `n` samples and `k` features: the exact root of the equations.

    It is the unique non-negative solution of n = z + ridge/kappa, k = z + k kappa/gamma, where
    z = sum_i lambda_i/(lambda_i + gamma) is the number of learned modes. Relative accuracy about 1e-14.

    n: number of samples, real, > 0.
    k: number of random features, real, > 0, or inf for kernel ridge regression (then kappa = gamma).
    ridge: ridge, >= 0, in units of the eigenvalues, no 1/n; inf gives (inf, inf).
    eigenvalues: kernel eigenvalues, shape (modes,), >= 0, any order, any common scale.

    `n`, `k`, `ridge` broadcast; three scalars give two floats. Limits: at ridge = 0 gamma solves z(gamma) = min(n, k),
    with kappa = 0 when k <= n; both are 0 when min(n, k) >= rank. Eigenvalues and ridge/n below 2^-900 of the largest
    eigenvalue are taken as 0. Raises `ValueError` outside the domains, `SolveError` if the iteration does not settle.
    Source: paper, equations of the eigenframework, claim rf.F1; the solver is derived.

    >>> gamma, kappa = implicit_regularization(25, 50, 0.0, [1.0] * 100)  # 100/(1 + gamma) = 25, kappa = gamma/2
    >>> round(gamma, 12), round(kappa, 12)
    (3.0, 1.5)
    """
    (samples, features, ridges), shape = in_a_row(*read_sizes(n, k), read_ridge(ridge))
    solution = solve(samples, features, ridges, read_spectrum(eigenvalues))
    return as_given(solution.gamma, shape), as_given(solution.kappa, shape)


def degrees_of_freedom(gamma: ArrayLike, eigenvalues: ArrayLike) -> tuple[float | Array, float | Array]:
    """Return (z, q) = (sum_i e_i, sum_i e_i^2), e_i = lambda_i/(lambda_i + gamma): exact finite sums.

    Limits: gamma = 0 gives the rank twice, gamma = inf zeros; a mode with lambda_i = 0 counts 0 everywhere.

    gamma: implicit regulariser, any shape, in [0, inf], in units of the eigenvalues.
    eigenvalues: kernel eigenvalues, shape (modes,), >= 0.

    Raises `ValueError` outside the domains. Source: paper, notation of the eigenframework, claims rf.F1 and rf.F5.

    >>> degrees_of_freedom(1.0, [1.0, 3.0, 0.0])  # e = 1/2, 3/4, 0
    (1.25, 0.8125)
    """
    given = check_range("gamma", gamma, low=0.0, allow_inf=True)
    spectrum = read_spectrum(eigenvalues)
    inverse = inverse_of(given.ravel(), spectrum)
    first, second = np.empty_like(inverse), np.empty_like(inverse)
    for cells in blocks(np.arange(inverse.size), spectrum.rank):
        odds = np.minimum(inverse[cells, None], 2.0**1000) * spectrum.ascending
        learned = odds / (1.0 + odds)
        first[cells], second[cells] = learned.sum(axis=1), (learned * learned).sum(axis=1)
    return as_given(first, given.shape), as_given(second, given.shape)
