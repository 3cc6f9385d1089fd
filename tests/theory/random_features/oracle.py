"""Independent high-precision values of the eigenframework, by brute force from the equations as the paper states them.

gamma is bisected on the pair of original equations, with kappa read off the second: n - z - ridge/kappa grows with
gamma (below the point where kappa would be negative gamma is too small). The errors are the textbook formula with its
cancellations, at 90 digits. ridge = 0 stands for the limit: a ridge of 1e-45 times the smallest positive eigenvalue.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np

DIGITS = 90
STEPS = 310  # halvings of ln gamma over [-1400, 1400]: to 1e-90
TINY = "1e-45"

POWER = tuple(float(i) ** -1.5 for i in range(1, 41))
ROUGH = tuple(float(10.0**x) for x in (0.3, -1.1, 0.0, -0.2, -2.5, -2.4, 0.9, -4.0))
DECADES = tuple(10.0**-i for i in range(31))
GAP = (1.0,) * 6 + (1e-30,) * 6
ZEROS = (1.0, 0.0, 0.5, 0.25, 0.0, 0.125)
FLAT = (1.0,) * 20


def _scaled(eigenvalues: tuple[float, ...], factor: float) -> tuple[float, ...]:
    return tuple(factor * value for value in eigenvalues)


def nasty_cells() -> list[tuple[float, float, float, tuple[float, ...], float]]:
    """Return cells (n, k, ridge, eigenvalues, noise_variance) at every edge that the solver knows, and between."""
    inf = np.inf
    cells = [
        # n = k from large to vanishing ridge, and one unit of either size away
        *((12.0, 12.0, ridge, POWER, 0.3) for ridge in (1e6, 10.0, 0.1, 1e-4, 1e-8, 1e-12, 1e-16, 1e-20)),
        *((12.0, 13.0, ridge, POWER, 0.3) for ridge in (0.1, 1e-8, 1e-20, 0.0)),
        *((13.0, 12.0, ridge, POWER, 0.3) for ridge in (0.1, 1e-8, 1e-20, 0.0)),
        # kernel ridge regression, and nearly
        *((12.0, inf, ridge, POWER, 0.3) for ridge in (1e6, 0.1, 1e-10, 1e-20, 0.0)),
        (12.0, 1e15, 0.1, POWER, 0.3),
        (1e12, 12.0, 0.1, POWER, 0.3),
        (12.0, 1e50, 0.1, POWER, 0.3),
        # sizes that are not whole, below 1, and close to the rank
        (0.3, 0.7, 0.05, POWER, 0.3),
        (0.3, inf, 1e-12, POWER, 0.3),
        (1e-3, 5.0, 0.0, POWER, 0.3),
        (7.25, 9.5, 1e-6, POWER, 0.3),
        (39.999, 52.5, 1e-9, POWER, 0.3),
        (40.0 - 2.0**-30, 80.0, 0.0, POWER, 0.3),
        # beyond the rank
        (40.0, 55.0, 1e-9, POWER, 0.3),
        (55.0, 40.0, 1e-9, POWER, 0.3),
        (40.0, 40.0, 1e-9, POWER, 0.3),
        (55.0, 70.0, 1e-20, POWER, 0.3),
        (55.0, 70.0, 0.0, POWER, 0.3),
        (55.0, 40.0, 0.0, POWER, 0.3),
        (70.0, inf, 0.0, POWER, 0.3),
        (70.0, inf, 1e-3, POWER, 0.0),
        (3.0, 2.0, 1e-5, (2.0,), 0.3),
        (0.5, 2.0, 0.0, (2.0,), 0.3),
        # zero eigenvalues
        (3.0, 2.0, 0.0, ZEROS, 0.3),
        (5.0, 9.0, 1e-13, ZEROS, 0.3),
        (5.0, 9.0, 0.0, ZEROS, 0.3),
        (2.0, inf, 0.2, ZEROS, 0.0),
        # spectra over 30 decades, and with a gap of 30 decades exactly at n
        (15.0, 20.0, 1e-20, DECADES, 0.3),
        (15.0, 15.0, 1e-20, DECADES, 0.3),
        (15.0, 15.0, 1e-33, DECADES, 0.3),
        (15.0, inf, 0.0, DECADES, 0.3),
        (25.5, 21.0, 1e-18, DECADES, 0.0),
        (6.0, 9.0, 0.0, GAP, 0.3),
        (9.0, 6.0, 0.0, GAP, 0.3),
        (6.0, 6.0, 1e-25, GAP, 0.3),
        (6.0, inf, 1e-15, GAP, 0.3),
        (8.0, 9.0, 1e-31, GAP, 0.3),
        # no order, and isotropic
        (4.0, 6.0, 0.02, ROUGH, 0.3),
        (6.0, 4.0, 0.0, ROUGH, 0.3),
        (5.0, 8.0, 0.0, FLAT, 0.3),
        (8.0, 5.0, 1e-7, FLAT, 0.3),
        # common scales
        *((8.0, 11.0, 0.02 * c, _scaled(ROUGH, c), 0.3) for c in (1e-100, 1e100)),
        *((8.0, 8.0, 0.02e-12 * c, _scaled(ROUGH, c), 0.3) for c in (1e-100, 1e100)),
        (4.0, inf, 0.0, _scaled(ROUGH, 1e-100), 0.3),
    ]
    return cells


def target_for(eigenvalues: tuple[float, ...]) -> tuple[float, ...]:
    """Return target powers of all sizes, unrelated to the eigenvalues; the last is 0 where there are several modes."""
    powers = [round(0.2 + 1.7 * ((7 * i + 3) % 11) / 11.0, 3) / (1.0 + 0.3 * i) for i in range(len(eigenvalues))]
    return (*powers[:-1], 0.0) if len(powers) > 1 else tuple(powers)


def brute_force(
    n: float, k: float, ridge: float, eigenvalues: tuple[float, ...], target_power: tuple[float, ...], noise: float
) -> tuple[float, float, float, float]:
    """Return (gamma, kappa, test error, train error), rounded once at the end."""
    with mp.workdps(DIGITS):
        lam = [mp.mpf(value) for value in eigenvalues]
        power, sigma = [mp.mpf(value) for value in target_power], mp.mpf(noise)
        delta = mp.mpf(ridge) if ridge > 0.0 else mp.mpf(TINY) * min(value for value in lam if value > 0)
        samples, features = mp.mpf(n), mp.mpf(k) if k < np.inf else None
        low, high = mp.mpf(-1400), mp.mpf(1400)
        for _ in range(STEPS):
            middle = (low + high) / 2
            gamma = mp.exp(middle)
            z = mp.fsum(value / (value + gamma) for value in lam)
            kappa = gamma if features is None else gamma * (features - z) / features
            too_small = kappa <= 0 or samples < z + delta / kappa
            low, high = (middle, high) if too_small else (low, middle)
        gamma = mp.exp((low + high) / 2)
        return tuple(float(value) for value in _textbook(samples, features, delta, gamma, lam, power, sigma))


def _textbook(n, k, delta, gamma, lam, power, sigma):
    """Return gamma, kappa, test and train error from gamma by the paper's formula."""
    z = mp.fsum(value / (value + gamma) for value in lam)
    q = mp.fsum((value / (value + gamma)) ** 2 for value in lam)
    kappa = gamma if k is None else gamma * (k - z) / k
    ratio = 1 if k is None else k / (k - q)
    bracket = q if k is None else (q * (k - 2 * z) + z * z) / (k - q)
    terms = (
        (gamma / (value + gamma) - kappa * value / (value + gamma) ** 2 * ratio) * weight
        for value, weight in zip(lam, power, strict=True)
    )
    test = (mp.fsum(terms) + sigma) / (1 - bracket / n)
    return gamma, kappa, test, (delta / (n * kappa)) ** 2 * test
