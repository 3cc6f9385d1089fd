"""Wrong versions of the eigenframework, one per way in which it could be miswritten, and the right ones per setting.

Predictions take the keyword arguments of the simulation's measures: `n`, `k`, `ridges`, `noise_variance` and the
task's `alpha`, `beta`, `modes`. A wrong version returns what the right one returns, so that a claim's own check can
be run on it. Letters as in the paper: z, q, s and the bias sums A, B at gamma; p = n - z, r = k - z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Mutant
from theory import random_features as theory

__all__ = ["Sums", "mutants", "risks", "sums", "task_of", "train_errors", "wrong"]

Array = NDArray[np.float64]
Task = tuple[Array, Array]


@dataclass(frozen=True)
class Sums:
    """Everything the risk formula is made of, at one cell; `p` and `r` are the slacks in samples and features."""

    n: float
    k: float
    z: float
    q: float
    s: float
    A: float
    B: float
    noise: float

    @property
    def p(self) -> float:
        return self.n - self.z

    @property
    def r(self) -> float:
        return self.k - self.z


def task_of(alpha: float, beta: float, modes: int, target_scale: float = 1.0, noise: str = "drawn") -> Task:
    """Eigenvalues i^-`alpha` and target power `target_scale` i^-`beta`, i = 1..`modes` (alpha = 0: isotropic).

    `noise` says how a simulation treats the label noise; expectations do not depend on it.
    """
    index = np.arange(1, modes + 1, dtype=float)
    return index**-alpha, target_scale * index**-beta


def sums(n: float, k: float, gamma: float, task: Task, noise: float) -> Sums:
    """The `Sums` of a `task` at (`n`, `k`), implicit regulariser `gamma` and `noise` variance."""
    eigenvalues, power = task
    learned, missed = eigenvalues / (eigenvalues + gamma), gamma / (eigenvalues + gamma)
    z, q, s = float(learned.sum()), float((learned**2).sum()), float((learned * missed).sum())
    return Sums(n, k, z, q, s, float((power * missed**2).sum()), float((power * learned * missed).sum()), noise)


def risks(*, n: float, k: float, ridges: Any, noise_variance: float, **task: Any) -> Array:
    """The theory's test errors at all `ridges`, for a simulation's arguments `n`, `k`, `noise_variance`, `task`."""
    return np.asarray(theory.risk(n, k, np.asarray(ridges), *task_of(**task), noise_variance))


def train_errors(*, n: float, k: float, ridges: Any, noise_variance: float, **task: Any) -> Array:
    """The theory's train errors at all `ridges`; arguments `n`, `k`, `noise_variance` and `task` as in `risks`."""
    return np.asarray(theory.train_error(n, k, np.asarray(ridges), *task_of(**task), noise_variance))


def _risk(x: Sums) -> float:
    """The right formula, rearranged; finite k."""
    return x.n * ((x.A + x.noise) * (x.s + x.r) + x.B * x.s) / (x.s * (x.p + x.r) + x.p * x.r)


def _textbook(x: Sums, cross: float = 1.0, square: float = 1.0, gap: float | None = None) -> float:
    """The paper's arrangement with factors on its two corrections and something else for k - q on request."""
    gap = x.k - x.q if gap is None else gap
    return (x.A + cross * x.B * x.s / gap + x.noise) * x.n / (x.n - x.q - square * x.s**2 / gap)


Formula = Callable[[float, float, float, Task, float], float]


def _at_solution(formula: Callable[[Sums], float]) -> Formula:
    """A formula of the sums, evaluated at the right gamma."""

    def evaluate(n: float, k: float, ridge: float, task: Task, noise: float) -> float:
        gamma, _ = theory.implicit_regularization(n, k, ridge, task[0])
        return formula(sums(n, k, float(gamma), task, noise))

    return evaluate


def _kappa_for_gamma(n: float, k: float, ridge: float, task: Task, noise: float) -> float:
    _, kappa = theory.implicit_regularization(n, k, ridge, task[0])
    return _risk(sums(n, k, float(kappa), task, noise))


def _swapped(n: float, k: float, ridge: float, task: Task, noise: float) -> float:
    return float(theory.risk(k, n, ridge, *task, noise))


def _scaled_ridge(n: float, k: float, ridge: float, task: Task, noise: float) -> float:
    return float(theory.risk(n, k, ridge * n, *task, noise))


RISK: dict[str, Formula] = {
    "drop the term B s/(k - q)": _at_solution(lambda x: _textbook(x, cross=0.0)),
    "drop s^2/(k - q) from the denominator": _at_solution(lambda x: _textbook(x, square=0.0)),
    "k - z for k - q": _at_solution(lambda x: _textbook(x, gap=x.r)),
    "noise added after the bracket": _at_solution(lambda x: _risk(replace(x, noise=0.0)) + x.noise),
    "noise missing from the test labels": _at_solution(lambda x: _risk(x) - x.noise),
    "noise standard deviation for its variance": _at_solution(lambda x: _risk(replace(x, noise=x.noise**0.5))),
    "ten percent too large": _at_solution(lambda x: 1.1 * _risk(x)),
    "three percent too large": _at_solution(lambda x: 1.03 * _risk(x)),
    "kappa for gamma in the learnabilities": _kappa_for_gamma,
    "n and k swapped": _swapped,
    "ridge multiplied by n": _scaled_ridge,
}
TRAIN: dict[str, Formula] = {
    "p/n not squared": _at_solution(lambda x: x.p / x.n * _risk(x)),
    "q for z": _at_solution(lambda x: (1 - x.q / x.n) ** 2 * _risk(x)),
    "1 - z/k for 1 - z/n": _at_solution(lambda x: (1 - x.z / x.k) ** 2 * _risk(x)),
    "twenty percent too large": _at_solution(lambda x: 1.2 * (x.p / x.n) ** 2 * _risk(x)),
    "five percent too large": _at_solution(lambda x: 1.05 * (x.p / x.n) ** 2 * _risk(x)),
}
KERNEL: dict[str, Formula] = {
    "n - z for n - q": _at_solution(lambda x: x.n * (x.A + x.noise) / x.p),
    "noise added after the factor n/(n - q)": _at_solution(lambda x: x.n * x.A / (x.n - x.q) + x.noise),
    "bias unlearned once, not squared": _at_solution(lambda x: x.n * (x.A + x.B + x.noise) / (x.n - x.q)),
    "ten percent too large": _at_solution(lambda x: 1.1 * x.n * (x.A + x.noise) / (x.n - x.q)),
    "three percent too large": _at_solution(lambda x: 1.03 * x.n * (x.A + x.noise) / (x.n - x.q)),
    "ridge multiplied by n": _scaled_ridge,
}
TABLES = {"risk": RISK, "train": TRAIN, "kernel": KERNEL}


def wrong(table: str, name: str, *, n: float, k: float, ridges: Any, noise_variance: float, **task: Any) -> Array:
    """Predictions at all `ridges` by the version `name` of `table` ("risk", "train", "kernel").

    `n`, `k`, `noise_variance` and `task` as in `risks`.
    """
    formula, spectrum = TABLES[table][name], task_of(**task)
    return np.array([formula(n, k, ridge, spectrum, noise_variance) for ridge in ridges])


def mutants(table: str, blind: Iterable[str] = ()) -> tuple[Mutant, ...]:
    """Every wrong version of `table`, except those named `blind`: coinciding with the right one at the settings."""
    return tuple(Mutant(name=name, predict=partial(wrong, table, name)) for name in TABLES[table] if name not in blind)
