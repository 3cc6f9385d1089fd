"""Spectra for the random-feature row: the finite power law of Simon, Karkada, Ghosh and Belkin (2024).

Symbols: see the head of the package. Exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory._checks import check_number

__all__ = ["power_law"]

MOST_MODES = 1e9  # 8 GB for each vector


def power_law(alpha: float, beta: float, modes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the eigenvalues i^-alpha and the target power i^-beta of modes i = 1, ..., `modes` (exact).

    Nothing is normalised: the top eigenvalue and the top target power are 1, the total power is the sum of i^-beta.
    The limit of infinitely many modes is treated without truncation by the `power_law_*` functions.

    alpha: exponent of the eigenvalues, real, >= 0 (infinitely many modes would need alpha > 1).
    beta: exponent of the target power v_i^2, real, >= 0.
    modes: number of modes M, an integer from 1 to 1e9.

    Raises `ValueError` for exponents below 0 and for `modes` outside its domain or not whole.
    Source: the synthetic task of the paper (lambda_i = i^-alpha, v_i^2 = i^-beta), claim rf.F1.

    >>> eigenvalues, target_power = power_law(1.0, 2.0, modes=4)
    >>> eigenvalues.tolist(), target_power.tolist()
    ([1.0, 0.5, 0.3333333333333333, 0.25], [1.0, 0.25, 0.1111111111111111, 0.0625])
    """
    alpha, beta = check_number("alpha", alpha, low=0.0), check_number("beta", beta, low=0.0)
    count = check_number("modes", check_number("modes", modes, low=1.0), high=MOST_MODES)
    if count != np.floor(count):
        raise ValueError(f"modes must be a whole number, got modes={modes!r}")
    index = np.arange(1.0, count + 1.0)
    return index**-alpha, index**-beta
