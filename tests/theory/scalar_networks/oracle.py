"""Independent high-precision values for scalar networks: bisection and naive products in mpmath, and random inputs.

The gradient-flow limit is bisected on prod (z + B_i) = p^2 in log2 z over a bracket that holds every float64 input of
the tests; squares and differences are formed naively, the digits make up for their cancellation.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np

DIGITS = 120
HALVINGS = 110  # of log2 z over [-8000, 2000]: to 1e-29
FINE = 380  # to 1e-110, for differences


def level(weights, product=1, halvings=HALVINGS):
    """Return the squared weights with the given product on the gradient-flow line of `weights`."""
    squares = [mp.mpf(w) ** 2 for w in weights]
    low_square = min(squares)
    balances = [u - low_square for u in squares]
    low, high = mp.mpf(-8000), mp.mpf(2000)
    for _ in range(halvings):
        middle = (low + high) / 2
        z = mp.power(2, middle)
        low, high = (low, middle) if mp.fprod(z + b for b in balances) > mp.mpf(product) ** 2 else (middle, high)
    return [mp.power(2, (low + high) / 2) + b for b in balances]


def sharpness(weights, halvings=HALVINGS):
    """Return sum 1/t_i at the gradient-flow limit, as an mpf."""
    return mp.fsum(1 / t for t in level(weights, halvings=halvings))


def step(weights, step_size):
    """Return the weights after one step of gradient descent, as mpf."""
    w, eta = [mp.mpf(x) for x in weights], mp.mpf(step_size)
    excess = mp.fprod(w) - 1
    return [x - eta * excess * mp.fprod(w[:i] + w[i + 1 :]) for i, x in enumerate(w)]


def drop(weights, step_size):
    """Return phi(w) - phi(w'), rounded once."""
    with mp.workdps(DIGITS):
        return float(sharpness(weights, FINE) - sharpness(step(weights, step_size), FINE))


def quasi_static(solution, product, step_size):
    """Return the product after one step from the given product on the line of `solution`, as an mpf."""
    return mp.fprod(step([mp.sqrt(u) for u in level(solution, product, FINE)], step_size))


def networks(seed: int = 0) -> list[list[float]]:
    """Return weights of many depths and scales: over 16 decades, clustered, tied, with a zero, negative, tiny, huge."""
    rng = np.random.default_rng(seed)
    cases = []
    for depth in (2, 3, 4, 7, 16, 64):
        for width in (0.01, 1.0, 8.0):
            base = 10.0 ** rng.uniform(-width, width, depth)
            if depth > 16 and width > 2.0:  # keep the sharpness below 1e290
                base = 10.0 ** np.concatenate([rng.uniform(-8.0, 8.0, 8), rng.uniform(-2.0, 2.0, depth - 8)])
            signs = rng.choice([-1.0, 1.0], depth)
            near = np.repeat(base[:1], depth) * (1.0 + 1e-13 * rng.integers(1, 9, depth))
            near[-1] = base[1]
            zero = base.copy()
            zero[rng.integers(depth)] = 0.0
            cases += [base, base * signs, near, zero, np.where(np.arange(depth) < depth // 2, base[0], base[1])]
        cases += [1e-100 * rng.uniform(1.0, 9.0, depth), np.full(depth, 1.7), 10.0 ** rng.uniform(-1, 1, depth) * 300.0]
    cases += [np.array([3e149, 1e-140]), np.array([2e100, 3e-60, 0.2]), np.array([0.0, 1e-60, 5e3])]
    return [list(case) for case in cases]
