"""Claims with known answers: small enough to judge in milliseconds, importable by name so that workers find them."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from assay.claim import Claim, Mutant, Scale
from assay.drawing import Canvas
from assay.experiment import Experiment
from assay.figure import FigureData, FigureSpec, Plan

MEAN, WIDTH = 3.7, 0.22  # cv 0.06: 1 % is certified after (5.95 cv / 0.01)^2 = 1252 replicates


def gaussian(rng: np.random.Generator, replicates: int, mean: float, width: float) -> np.ndarray:
    return mean + width * rng.standard_normal(replicates)


def mean_of(mean: float, width: float) -> float:
    return mean


def off_by_two_percent(mean: float, width: float) -> float:
    return 1.02 * mean


def off_by_five_percent(mean: float, width: float) -> float:
    return 1.05 * mean


def off_by_three_percent(mean: float, width: float) -> float:
    return 1.03 * mean


def off_by_one_percent(mean: float, width: float) -> float:
    return 1.01 * mean


def gaussian_again(rng: np.random.Generator, replicates: int, mean: float, width: float) -> np.ndarray:
    return gaussian(rng, replicates, mean, width)


def off_by_half(mean: float, width: float) -> float:
    return mean / 2


def negated(mean: float, width: float) -> float:
    return -mean


def squared(mean: float, width: float) -> float:
    return mean**2


def sized(rng: np.random.Generator, replicates: int, mean: float, width: float, n: float) -> np.ndarray:
    return mean * (1 + 0.7 / n) + width * rng.standard_normal(replicates)


def sized_limit(mean: float, width: float, n: float = math.inf) -> float:
    return mean


def sized_limit_wrong(mean: float, width: float, n: float = math.inf) -> float:
    return 1.02 * mean


def oscillating(rng: np.random.Generator, replicates: int, mean: float, width: float, n: float) -> np.ndarray:
    bump = 0.04 * (-1) ** round(math.log2(n))
    return mean * (1 + bump) + width * rng.standard_normal(replicates)


def decaying(rng: np.random.Generator, replicates: int, power: float, n: float) -> np.ndarray:
    return 2.5 * n**-power * (1 + 0.05 * rng.standard_normal(replicates))


def its_power(power: float, n: float = math.inf) -> float:
    return power


def its_power_wrong(power: float, n: float = math.inf) -> float:
    return 1.02 * power


def tosses(rng: np.random.Generator, replicates: int, chance: float) -> np.ndarray:
    return rng.random(replicates) < chance


def chance_raised(chance: float) -> float:
    return 1.02 * chance


def chance_itself(chance: float) -> float:
    return chance


def chance_lowered(chance: float) -> float:
    return 0.98 * chance


def sine(x: float) -> float:
    return math.sin(x)


def line(x: float) -> float:
    return x


def line_lowered(x: float) -> float:
    return 0.98 * x


def never(**_: Any) -> bool:
    return False


def failing(rng: np.random.Generator, replicates: int, mean: float, width: float) -> np.ndarray:
    raise ArithmeticError("the solve did not converge")


def slow(rng: np.random.Generator, replicates: int, mean: float, width: float) -> np.ndarray:
    time.sleep(0.2)
    return gaussian(rng, replicates, mean, width)


def claim(**changes: Any) -> Claim:
    """A true claim about a mean, with any field changed."""
    fields: dict[str, Any] = {
        "id": "toy.mean",
        "title": "The mean of a Gaussian",
        "statement": r"$\mathbb{E}X = \mu$",
        "source": "a toy",
        "provenance": "derived",
        "kind": "exact",
        "predict": mean_of,
        "measure": gaussian,
        "settings": ({"mean": MEAN, "width": WIDTH},),
        "budget": 4096,
        "block": 256,
    }
    return Claim(**{**fields, **changes})


MUTANTS = (
    Mutant(name="five per cent", predict=off_by_five_percent),
    Mutant(name="half", predict=off_by_half),
    Mutant(name="sign", predict=negated),
    Mutant(name="the same", predict=sized_limit, equivalent="it is the same formula"),
)
TRUE = claim(
    mutants=MUTANTS,
    assumptions=("X is normal",),
    equations={"tests.assay.toys.mean_of": "the mean"},
    proof="By definition.",
)
FALSE = claim(id="toy.half", title="Half of it", predict=off_by_half, expected="refuted", corrected_by="toy.mean")
EQUAL = claim(
    id="toy.sine",
    title="An identity",
    kind="identity",
    predict=line,
    measure=line,
    settings=({"x": 0.3}, {"x": 11.0}),
    mutants=(Mutant(name="two per cent", predict=line_lowered),),
)
SURVIVED = claim(id="toy.blind", title="A blind check", mutants=(Mutant(name="no change", measure=gaussian_again),))
BROKEN = claim(id="toy.broken", title="A measure that fails", measure=failing)
CLAIMS = (TRUE, FALSE, EQUAL)


def plan(scale: Scale, seed: int) -> Plan:
    return {"mean": (Experiment(gaussian, {"mean": MEAN, "width": WIDTH}, block=64, seed=seed), 256)}


def plan_that_fails(scale: Scale, seed: int) -> Plan:
    return {"lost": (Experiment(failing, {"mean": MEAN, "width": WIDTH}, block=64, seed=seed), 256)}


def draw(data: FigureData) -> Canvas:
    canvas = Canvas(size=(3.0, 2.0))
    ax = canvas.panel("only", x="x", y="y", scales=("linear", "linear"))
    canvas.line(ax, [0, 1], [MEAN, MEAN], series="theory")
    for moments in data.moments.values():
        canvas.points(ax, [0.5], [float(moments.mean)], [float(moments.standard_error)], series="simulation")
    return canvas


FIGURE = FigureSpec(
    id="toy-mean", title="A mean", caption="Line: theory.", claims=("toy.mean",), experiments=plan, draw=draw
)
LOST_FIGURE = FigureSpec(id="toy-lost", title="A failure", caption="Nothing.", experiments=plan_that_fails, draw=draw)
FIGURES = (FIGURE,)
