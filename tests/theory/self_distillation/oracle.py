"""Independent values for self-distillation: recursions at high precision, literal refits, brute-force searches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# the eleven points of Mobahi et al. (2020): sin(2 pi x) + noise
TOY_INPUTS = np.arange(11) / 10
TOY_TARGETS = np.array(
    [
        0.38476636465198066,
        1.2333967683416893,
        1.33232242218057,
        0.6920159488889518,
        -0.29756145531871736,
        -0.24189291901377769,
        -0.7964485769175675,
        -0.9616480167034174,
        -0.49672509509916934,
        -0.3469066003991437,
        0.5589512650600734,
    ]
)
TOY_RIDGE = 0.2


def toy_kernel(left: Array, right: Array) -> Array:
    """Return exp(-80 (x - x')^2)."""
    return np.exp(-80.0 * (left[:, None] - right) ** 2)


def recursion(eigenvalue: float, ridge: float, alphas: Sequence[float], digits: int = 60) -> tuple[list, list]:
    """Return b and 1 - b of all steps as mpf, by b = a [alpha + (1 - alpha) b]; 0/0 counts as a = 0."""
    with mp.workdps(digits):
        d, lam = mp.mpf(eigenvalue), mp.mpf(ridge)
        a = d / (d + lam) if d > 0 else mp.mpf(0)
        steps = [a]
        for alpha in alphas:
            steps.append(a * (mp.mpf(alpha) + (1 - mp.mpf(alpha)) * steps[-1]))
        return steps, [1 - b for b in steps]


def refits(gram: Array, targets: Array, ridge: float, alphas: Sequence[float], cross: Array, weights=None) -> Array:
    """Return the fits at the rows of `cross`, each step solved from its normal equations as the recursion is stated."""
    keep = np.ones(len(gram), bool) if weights is None else np.asarray(weights) > 0.0
    w = np.ones(len(gram)) if weights is None else np.asarray(weights)
    kernel, y = gram[np.ix_(keep, keep)], targets[keep]
    system = kernel + ridge * np.diag(1.0 / w[keep])
    target, out = y, []
    for alpha in [*alphas, None]:
        dual = np.linalg.solve(system, target)
        out.append(cross[:, keep] @ dual)
        if alpha is not None:
            target = alpha * y + (1.0 - alpha) * (kernel @ dual)
    return np.stack(out)


def left_out(gram: Array, targets: Array, ridge: float, alphas: Sequence[float]) -> Array:
    """Return each point's predictions by the chain refitted without it."""
    points = np.arange(len(gram))
    rows = []
    for i in points:
        rest = points != i
        rows.append(refits(gram[np.ix_(rest, rest)], targets[rest], ridge, alphas, gram[i : i + 1, rest])[:, 0])
    return np.stack(rows, axis=1)


def coefficients(alphas: Sequence[float]) -> list[float]:
    """Return c by c <- (alpha, (1 - alpha) c)."""
    c = [1.0]
    for alpha in alphas:
        c = [alpha, *((1.0 - alpha) * value for value in c)]
    return c


def basis(gram: Array, targets: Array, ridge: float, steps: int, cross: Array) -> Array:
    """Return G_j = k (K + ridge)^-1 L^j y as columns."""
    inverse = np.linalg.inv(gram + ridge * np.eye(len(gram)))
    columns, target = [], targets
    for _ in range(steps):
        columns.append((cross @ inverse @ target).ravel())
        target = gram @ inverse @ target
    return np.stack(columns, axis=1)


def best_coefficients(columns: Array, goal: Array, constrained: bool, digits: int = 50) -> tuple[Array, float]:
    """Return (c, loss) of least ||columns c - goal||^2 with sum c = 1 [and c >= 0], trying every support."""
    steps = columns.shape[1]
    sizes = range(1, steps + 1) if constrained else [steps]
    best, loss = np.zeros(steps), np.inf
    with mp.workdps(digits):
        full, y = mp.matrix(columns.tolist()), mp.matrix(goal.tolist())
        for support in (list(s) for size in sizes for s in combinations(range(steps), size)):
            g = mp.matrix(len(goal), len(support))
            for k, j in enumerate(support):
                g[:, k] = full[:, j]
            c = _kkt(g, y)
            if constrained and min(c) < 0:
                continue
            rest = g * c - y
            value = float((rest.T * rest)[0])
            if value < loss:
                loss = value
                best = np.zeros(steps)
                best[support] = [float(x) for x in c]
    return best, loss


def _kkt(g, y):
    """Return c with sum 1 and the gradient of ||g c - y||^2 constant."""
    size = g.cols
    system, right = mp.matrix(size + 1, size + 1), mp.matrix(size + 1, 1)
    gram, inner = g.T * g, g.T * y
    for i in range(size):
        for j in range(size):
            system[i, j] = gram[i, j]
        system[i, size] = system[size, i] = 1
        right[i] = inner[i]
    right[size] = 1
    return mp.lu_solve(system, right)[:size]
