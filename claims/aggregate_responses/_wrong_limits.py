"""Limit risks per setting of a simulation, right and wrong: one wrong version per way in which they are miswritten.

Functions take the keyword arguments of the simulation's measures (`n`, `d`, `bag_size`, `interpolations`, `signal`,
`noise_variance`) and return [bias, variance] for every weight. Letters as in the theory: t, p1 = alpha1/(1 + t)^2,
p2 = alpha2 rho/(1 + rho t)^2, c = alpha1 t/(1 + t).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from assay.claim import Mutant
from theory import aggregate_responses as theory

__all__ = [
    "QUICK_SIZES",
    "SIZES",
    "TASK",
    "WRONG",
    "Cell",
    "at_ratio",
    "cell",
    "mutants",
    "right",
    "scaled",
    "settings",
    "total",
    "wrong",
]

Array = NDArray[np.float64]
TASK = {"signal": 1.7, "noise_variance": 0.6}
SIZES = (20, 40, 80, 160)
QUICK_SIZES = (10, 20, 40, 80)


def settings(*cells: tuple[float, float, tuple[float | str, ...]]) -> tuple[dict[str, Any], ...]:
    """Settings of (samples per feature, bag size, weights)."""
    return tuple({"samples_per_feature": p, "bag_size": k, "interpolations": rhos, **TASK} for p, k, rhos in cells)


def at_ratio(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A `setting` with d = `size` features and n = samples_per_feature d samples."""
    rest = {name: value for name, value in setting.items() if name != "samples_per_feature"}
    return {**rest, "n": round(setting["samples_per_feature"] * size), "d": int(size)}


def right(*, n: int, d: int, bag_size: float, interpolations: Any, signal: float, noise_variance: float) -> Array:
    """[bias, variance] by the theory at every weight, the words "0+" and "inf" of the simulation included."""
    scales, rows = {"signal": signal, "noise_variance": noise_variance}, []
    for rho in interpolations:
        if rho == "0+":
            rows.append(theory.vanishing_interpolation_risk(n / d, bag_size, **scales)[:2])
        else:
            rows.append(theory.limit_risk(n / d, bag_size, float(rho), **scales)[:2])
    return np.array(rows, dtype=float)


def total(predict: Callable[..., Array] = right, **setting: Any) -> Array:
    """The risks, bias plus variance, of [bias, variance] by `predict` at the `setting`."""
    return np.sum(predict(**setting), axis=-1)


def scaled(factor: float, predict: Callable[..., Array] = right, **setting: Any) -> Array:
    """`factor` times `predict` at the `setting`."""
    return factor * predict(**setting)


# ---------------------------------------------------------------- T1 and its wrong versions


@dataclass(frozen=True)
class Cell:
    """What the limit is made of: rows of bag means and contrasts per feature, weight, trace t, signal, noise."""

    bags: float
    contrasts: float
    rho: float
    t: float
    signal: float
    noise: float

    @property
    def p1(self) -> float:
        return self.bags / (1 + self.t) ** 2

    @property
    def p2(self) -> float:
        return self.contrasts * self.rho / (1 + self.rho * self.t) ** 2

    @property
    def c(self) -> float:
        return self.bags * self.t / (1 + self.t)


def cell(bags: float, contrasts: float, rho: float, signal: float, noise: float) -> Cell:
    """The cell with its trace, the root of the fixed-point equation found by bisection in the logarithm."""

    def equation(log_t: float) -> float:
        t = math.exp(log_t)
        return bags * t / (1 + t) + contrasts * rho * t / (1 + rho * t) - 1

    root = float(brentq(equation, -60.0, 60.0, xtol=1e-14))  # pyright: ignore[reportArgumentType]
    return Cell(bags, contrasts, rho, math.exp(root), signal, noise)


Pair = tuple[float, float]


def _textbook(x: Cell, *, fluctuation: float = 1.0, weight: float | None = None, exchange: bool = False) -> Pair:
    """Bias and variance as the theorem states them, with switches on the fluctuation of the bias."""
    missed, kept = (1 - x.c) ** 2, x.c**2
    if exchange:
        missed, kept = kept, missed
    share = x.p1 * missed + (x.rho if weight is None else weight) * x.p2 * kept
    bias = (1 - x.c) ** 2 + fluctuation * x.t * share / (x.p1 + x.p2)
    return x.signal * bias, x.noise * x.t * x.p1 / (x.p1 + x.p2)


def _trace(x: Cell) -> Pair:
    return _textbook(x)[0], x.noise * x.t


def _noise_per_bag(x: Cell) -> Pair:
    bias, variance = _textbook(x)
    return bias, variance * x.bags / (x.bags + x.contrasts)


FORMULAS: dict[str, Callable[[Cell], Pair]] = {
    "right": _textbook,
    "bias without its fluctuation": partial(_textbook, fluctuation=0.0),
    "rho missing from the fluctuation": partial(_textbook, weight=1.0),
    "c and 1 - c exchanged in the fluctuation": partial(_textbook, exchange=True),
    "variance is the trace": _trace,
    "noise of a bag mean not multiplied by k": _noise_per_bag,
}
# alpha1, alpha2, rho, signal, noise -> the same, misread
READINGS: dict[str, Callable[[float, float, float, float, float], tuple[float, float, float, float, float]]] = {
    "every row a contrast": lambda b, c, rho, s, e: (b, b + c, rho, s, e),
    "bags and contrasts exchanged": lambda b, c, rho, s, e: (c, b, rho, s, e),
    "weight rho/(1 - rho)": lambda b, c, rho, s, e: (b, c, rho / (1 - rho), s, e),
    "weight k rho": lambda b, c, rho, s, e: (b, c, rho * (b + c) / b, s, e),
    "length of theta0 for its square": lambda b, c, rho, s, e: (b, c, rho, math.sqrt(s), e),
    "deviation of the noise for its variance": lambda b, c, rho, s, e: (b, c, rho, s, math.sqrt(e)),
}


def wrong(
    name: str, *, n: int, d: int, bag_size: float, interpolations: Any, signal: float, noise_variance: float
) -> Array:
    """[bias, variance] at every weight by the version `name` of `FORMULAS` or `READINGS`; weights are > 0 and finite.

    The remaining arguments as in `right`; "right" is the theorem by an independent root of its equation.
    """
    rows = []
    for rho in interpolations:
        given = (n / d / bag_size, n / d * (1 - 1 / bag_size), float(rho), signal, noise_variance)
        if name == "features per sample":
            rows.append(
                theory.limit_risk(d / n, bag_size, float(rho), signal=signal, noise_variance=noise_variance)[:2]
            )
            continue
        read = READINGS[name](*given) if name in READINGS else given
        rows.append(FORMULAS.get(name, _textbook)(cell(*read)))
    return np.array(rows, dtype=float)


WRONG = (*(name for name in FORMULAS if name != "right"), *READINGS, "features per sample")


def mutants(factors: Mapping[str, float], narrow: Mapping[str, tuple[int, ...]] | None = None) -> tuple[Mutant, ...]:
    """Every wrong version, and the right one times each of `factors` (words -> factor); `narrow` limits settings."""
    chosen = narrow or {}
    return (
        *(Mutant(name=name, predict=partial(wrong, name), settings=chosen.get(name, ())) for name in WRONG),
        *(Mutant(name=f"{words} too large", predict=partial(scaled, factor)) for words, factor in factors.items()),
    )
