"""Claim ar.T1: bias and variance in the proportional limit, against simulation and by three derivations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.aggregate_responses._paper import GAUSSIAN, PAPER, PROPORTIONAL
from claims.aggregate_responses._wrong_limits import (
    QUICK_SIZES,
    SIZES,
    TASK,
    at_ratio,
    mutants,
    right,
    scaled,
    settings,
    total,
    wrong,
)
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _labels(settings: tuple[dict[str, Any], ...]) -> tuple[str, ...]:
    """Names of the outputs of settings that have equally many weights."""
    numbers = range(1, len(settings[0]["interpolations"]) + 1)
    return tuple(f"{what} at weight {i}" for i in numbers for what in ("bias", "variance"))


# ---------------------------------------------------------------- T1: the theorem against simulation


T1_WORDS = (
    r"\frac{\alpha_1t}{1+t}+\frac{\alpha_2\rho t}{1+\rho t}=1,\ c=\frac{\alpha_1t}{1+t},\ "
    r"p_1=\frac{\alpha_1}{(1+t)^2},\ p_2=\frac{\alpha_2\rho}{(1+\rho t)^2}:\quad "
    r"\text{Bias}\to r^2\left\{(1-c)^2+t\,\frac{p_1(1-c)^2+\rho p_2c^2}{p_1+p_2}\right\},\quad "
    r"\text{Var}\to\sigma^2\frac{t\,p_1}{p_1+p_2}"
)
THEOREM = settings((6, 3, (0.03, 0.3)), (3, 2.5, (0.3, 3.0)), (1.5, 3, (0.1, 1.0)), (20, 5, (0.01, 0.1)))
BELOW_ONE = {"weight rho/(1 - rho)": (0,)}  # elsewhere a weight is 1 or more
T1_MUTANTS = mutants({"two percent": 1.02, "five percent": 1.05}, BELOW_ONE)

T1 = Claim(
    id="ar.T1",
    title="Bias and variance of the interpolating estimator",
    statement=T1_WORDS,
    source=f"{PAPER}, main theorem (two fixed-point systems), in a form derived here",
    provenance="reconstructed",
    assumptions=(GAUSSIAN, PROPORTIONAL, "n > d, weight > 0", "theta0 of uniform direction, averaged exactly"),
    equations={"theory.aggregate_responses.limit_risk": "both right sides"},
    kind="limit",
    predict=right,
    measure=simulation.conditional_errors,
    settings=THEOREM,
    outputs=_labels(THEOREM),
    sizes=SIZES,
    at_size=at_ratio,
    budget=6000,
    block=32,
    mutants=T1_MUTANTS,
    scales={
        "quick": {"settings": THEOREM[:2], "sizes": QUICK_SIZES, "margin": 0.04, "budget": 4000},
        "paper": {"sizes": (40, 80, 160, 320), "margin": 0.003, "budget": 60_000},
    },
)

WEIGHTS: tuple[float, ...] = (1e-3, 0.03, 0.3, 1.0, 3.0, 100.0)
REDUCED = settings((6, 3, WEIGHTS), (4, 2, WEIGHTS), (1.4, 7, WEIGHTS), (3, 1.25, WEIGHTS))

T1_SPECTRUM = Claim(
    id="ar.T1.spectrum",
    title="Bias and variance from matrix-beta eigenvalues",
    statement=T1_WORDS,
    source=f"{PAPER}, main theorem; measured on the eigenvalues alone, see ar.E3",
    provenance="reconstructed",
    assumptions=(GAUSSIAN, PROPORTIONAL, "n > d + 1, weight > 0"),
    equations={"theory.aggregate_responses.limit_risk": "both right sides"},
    kind="limit",
    predict=right,
    measure=simulation.jacobi_errors,
    settings=REDUCED,
    outputs=_labels(REDUCED),
    sizes=(40, 80, 160, 320),
    at_size=at_ratio,
    powers=(1.0, 2.0),
    margin=0.005,
    budget=200_000,
    block=512,
    mutants=tuple(m for m in mutants({"one percent": 1.01, "two percent": 1.02}) if "1 - rho)" not in m.name),
    scales={
        "quick": {"settings": REDUCED[:2], "sizes": (20, 40, 80, 160), "margin": 0.02},
        "paper": {"sizes": (100, 200, 400, 800), "margin": 0.001, "budget": 2_000_000},
    },
)

LITERAL = settings((6, 3, (0.03, 0.3, 1.0)))
GROSS = ("bias without its fluctuation", "bags and contrasts exchanged", "weight k rho", "every row a contrast")

T1_LITERAL = Claim(
    id="ar.T1.literal",
    title="The risk of the estimator, samples, bags and labels drawn",
    statement=r"\|\hat\theta-\theta_0\|^2\to\text{Bias}+\text{Var}\ \text{of ar.T1}",
    source=f"{PAPER}, main theorem and its simulation",
    provenance="reconstructed",
    assumptions=(GAUSSIAN, PROPORTIONAL, "n > d"),
    equations={"theory.aggregate_responses.limit_risk": "risk"},
    kind="limit",
    predict=total,
    measure=simulation.literal_errors,
    settings=LITERAL,
    outputs=("weight 0.03", "weight 0.3", "weight 1"),
    sizes=(10, 20, 40, 80),
    at_size=at_ratio,
    margin=0.02,
    budget=24_000,
    block=64,
    mutants=(
        *(Mutant(name=name, predict=partial(total, partial(wrong, name))) for name in GROSS),
        Mutant(name="six percent too large", predict=partial(scaled, 1.06, total)),
    ),
    scales={"quick": {"margin": 0.08, "budget": 6000}, "paper": {"margin": 0.01, "budget": 200_000}},
)


def _with_signs(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A `setting` of bags of one whole size with d = `size` features of +-1."""
    psi, k = setting["samples_per_feature"], setting["bag_size"]
    rest = {name: setting[name] for name in ("interpolations", "noise_variance")}
    scales = {"target_power": (setting["signal"],), "features": "signs"}
    return {**rest, **scales, "d": int(size), "bag_sizes": (k,), "bag_counts": (round(psi * size / k),)}


def _of_bags(
    predict: Callable[..., Array] = right, *, d: int, bag_sizes: Any, bag_counts: Any, target_power: Any, **rest: Any
) -> Array:
    """[bias, variance] by `predict` for the arguments of the simulation of bags of given sizes."""
    rest.pop("features")
    return predict(n=bag_sizes[0] * bag_counts[0], d=d, bag_size=bag_sizes[0], signal=target_power[0], **rest)


SIGNS = settings((6, 3, (0.03, 0.3)), (10, 5, (0.1, 1.0)))  # with fewer samples some draws are degenerate

T1_SIGNS = Claim(
    id="ar.T1.signs",
    title="The same limit for features of +-1",
    statement=T1_WORDS,
    source="derived; universality checked, not proved",
    provenance="derived",
    assumptions=("features independent +-1", PROPORTIONAL, "n > d, weight > 0", "signs of theta0 averaged exactly"),
    equations={"theory.aggregate_responses.limit_risk": "both right sides"},
    kind="limit",
    predict=_of_bags,
    measure=simulation.bag_errors,
    settings=SIGNS,
    outputs=_labels(SIGNS),
    sizes=(10, 20, 40, 80),
    at_size=_with_signs,
    margin=0.02,
    budget=8000,
    block=32,
    mutants=(
        *(Mutant(name=name, predict=partial(_of_bags, partial(wrong, name))) for name in GROSS),
        Mutant(name="five percent too large", predict=partial(scaled, 1.05, _of_bags)),
    ),
    scales={"quick": {"settings": SIGNS[:1], "margin": 0.08}, "paper": {"margin": 0.005, "budget": 100_000}},
)


# ---------------------------------------------------------------- T1: three derivations, one number


def _by_fixed_point(which: str = "right", *, psi: float, k: float, rho: float) -> Array:
    """[bias, variance, risk, shrinkage] by the theorem or a version that is wrong throughout."""
    if which != "right":
        setting = {"n": psi, "d": 1, "bag_size": k, "interpolations": (rho,), **TASK}
        bias, variance = wrong(which, **setting)[0]
        return np.array([bias, variance, bias + variance, theory.shrinkage(psi, k, rho)])
    risk = theory.limit_risk(psi, k, rho, **TASK)
    return np.array([*risk, theory.shrinkage(psi, k, rho)], dtype=float)


def _by_other_routes(*, psi: float, k: float, rho: float) -> Array:
    """[bias, variance] by averages over the Wachter law, [risk, shrinkage] by the scalar min-max problem."""
    law, saddle = theory.wachter_risk(psi, k, rho, **TASK), theory.saddle_point(psi, k, rho, **TASK)
    return np.array([law.bias, law.variance, saddle.total, saddle.shrinkage], dtype=float)


CELLS = tuple(
    {"psi": psi, "k": k, "rho": rho}
    for psi, k, rho in (
        (6, 3, 0.3),
        (6, 3, 5.0),
        (3, 2.5, 0.02),
        (1.5, 3, 0.7),
        (1.05, 10, 0.3),
        (20, 5, 0.01),
        (2, 1.2, 30.0),
    )
)
ROUTES = Claim(
    id="ar.T1.routes",
    title="Three derivations of the theorem agree",
    statement=(
        r"\text{leave-one-out}=\left(\frac{\psi\langle w^2\rangle-\langle w\rangle^2}{\psi-1},"
        r"\frac{\langle g\rangle}{\psi-1}\right)_{\text{Wachter}}=\text{saddle of Gordon's scalar problem}"
    ),
    source="derived",
    provenance="derived",
    assumptions=("n > d, 0 < weight < infinity",),
    equations={
        "theory.aggregate_responses.limit_risk": "by the fixed point",
        "theory.aggregate_responses.shrinkage": "c",
        "theory.aggregate_responses.wachter_risk": "by the spectrum",
        "theory.aggregate_responses.saddle_point": "by the min-max theorem",
    },
    kind="identity",
    margin=1e-10,
    predict=_by_fixed_point,
    measure=_by_other_routes,
    settings=CELLS,
    outputs=("bias", "variance", "risk", "shrinkage"),
    mutants=tuple(
        Mutant(name=m.name, predict=partial(_by_fixed_point, m.name), settings=m.settings)
        for m in mutants({}, BELOW_ONE)
    ),
)


def _theorem_symbols() -> Any:
    """Bias and variance of the theorem as one combination, in the two saturations v = t/(1 + t), u and in s."""
    import sympy

    v, u, a1, a2, s = sympy.symbols("v u alpha1 alpha2 s", positive=True)
    t, rho = v / (1 - v), u * (1 - v) / (v * (1 - u))
    p1, p2, c = a1 * (1 - v) ** 2, a2 * rho * (1 - u) ** 2, a1 * v
    bias = (1 - c) ** 2 + t * (p1 * (1 - c) ** 2 + rho * p2 * c**2) / (p1 + p2)
    variance = t * p1 / (p1 + p2)
    return (bias + s * variance).subs(u, (1 - c) / a2)  # the fixed point


def _one_parameter_symbols(fall: int = 2, over: str = "alpha1", deficit: int = 1) -> Any:
    """The same by the deficit x = 1 - c alone; the arguments spoil a coefficient or a denominator."""
    import sympy

    v, a1, a2, s = sympy.symbols("v alpha1 alpha2 s", positive=True)
    c, x = a1 * v, 1 - a1 * v
    spread = 1 - c**2 / a1 - deficit * x**2 / a2
    return (x**2 * (1 + (1 - fall * x) / a2) + s * c**2 / (a1 if over == "alpha1" else a2)) / spread


FORM = Claim(
    id="ar.T1.form",
    title="The theorem in one parameter",
    statement=(
        r"x=1-c,\ D=1-\frac{c^2}{\alpha_1}-\frac{x^2}{\alpha_2}:\quad \text{Bias}=\frac{r^2x^2}{D}"
        r"\left(1+\frac{1-2x}{\alpha_2}\right),\quad \text{Var}=\frac{\sigma^2c^2}{\alpha_1D}"
    ),
    source="derived; symbolic",
    provenance="derived",
    assumptions=("bag size > 1", "Bias + s Var for a free symbol s"),
    kind="identity",
    predict=_one_parameter_symbols,
    measure=_theorem_symbols,
    mutants=(
        Mutant(name="1 - x for 1 - 2x", predict=partial(_one_parameter_symbols, 1)),
        Mutant(name="variance over alpha2", predict=partial(_one_parameter_symbols, 2, "alpha2")),
        Mutant(name="D without x", predict=partial(_one_parameter_symbols, 2, "alpha1", 0)),
    ),
)

CLAIMS = (T1, T1_SPECTRUM, T1_LITERAL, T1_SIGNS, ROUTES, FORM)
