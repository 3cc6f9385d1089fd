"""Claims ar.M1 and ar.M2: how bias and variance move with the weight."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.aggregate_responses import _wachter_route as wachter
from claims.aggregate_responses._paper import GAUSSIAN, LIMIT, PROPORTIONAL
from claims.aggregate_responses._wrong_limits import at_ratio, right, settings
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _samples(k: float, above_k: float = 0.0, below_k: float = 0.0) -> float:
    """Samples per feature: k (1 + above_k), or between 1 and k where `below_k` in (0, 1) is given."""
    return 1 + below_k * (k - 1) if below_k else k * (1 + above_k)


def _part(name: str, last: bool, *, k: float, rho: float, step: float, noise: float = 0.7, **where: float) -> float:
    """The part `name` ("bias", "variance", "total") of the limit risk at weight `rho`, or `last`, at rho step."""
    weight = rho * step if last else rho
    risk = theory.limit_risk(_samples(k, **where), k, weight, signal=1.7, noise_variance=noise)
    return float(getattr(risk, name))


def _product(last: bool, **point: float) -> float:
    """Variance times weight at either end."""
    return _part("variance", last, **point) * point["rho"] * (point["step"] if last else 1.0)


def _fewer_percent(**point: float) -> float:
    """Variance at the first weight less one percent."""
    return 0.99 * _part("variance", False, **point)


def _never(name: str, falls: bool) -> Mutant:
    """The mutant that says of the part `name` that it never rises (`falls`), or never falls."""
    words = f"the {name.replace('total', 'risk')} never {'rises' if falls else 'falls'}"
    return Mutant(name=words, predict=partial(_part, name, not falls), measure=partial(_part, name, falls))


PATH = {"k": Range(1.02, 30, log=True), "rho": Range(1e-4, 1e3, log=True), "step": Range(1.001, 100, log=True)}
ABOVE = {**PATH, "above_k": Range(1e-3, 30, log=True)}
BELOW = {**PATH, "below_k": Range(0.01, 0.99)}

M1_PROOF = (
    "dVar/dc = 2 sigma^2 c (1 - u)/(alpha1 D^2) > 0, and c falls in rho because every term of the fixed-point equation "
    "rises in t and in rho."
)
M1 = Claim(
    id="ar.M1",
    title="The variance falls with the weight",
    statement=r"\rho'>\rho\;\Rightarrow\;\text{Var}(\rho')\le\text{Var}(\rho)\quad(\psi>1)",
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "n > d"),
    proof=M1_PROOF,
    equations={"theory.aggregate_responses.limit_risk": "Var"},
    kind="bound",
    predict=partial(_part, "variance", False),
    measure=partial(_part, "variance", True),
    settings=({},),
    domain={**PATH, "below_k": Range(0.01, 3.0, log=True)},  # beyond 1: psi > k
    restarts=1500,
    mutants=(
        _never("variance", falls=False),
        _never("total", falls=True),
        _never("bias", falls=True),
        Mutant(name="by one percent at least", predict=_fewer_percent),
        Mutant(name="variance times weight", predict=partial(_product, False), measure=partial(_product, True)),
    ),
    scales={"quick": {"restarts": 300}, "paper": {"restarts": 50_000}},
)

M2_PROOF = (
    "dBias/dx = 2 r^2 x P/(alpha1 alpha2^2 D^2) with P = P1 + (alpha1 - 1) G, P1 a quadratic of discriminant "
    "-4 alpha2 (1 - alpha2)^2 <= 0 and G falling to a non-negative end value; so P >= 0 where alpha1 >= 1."
)
M2 = Claim(
    id="ar.M2",
    title="The bias rises with the weight where bags outnumber features",
    statement=r"\psi\ge k,\ \rho'>\rho\;\Rightarrow\;\text{Bias}(\rho')\ge\text{Bias}(\rho)",
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "at least as many bags as features"),
    proof=M2_PROOF,
    equations={"theory.aggregate_responses.limit_risk": "Bias"},
    kind="bound",
    predict=partial(_part, "bias", True),
    measure=partial(_part, "bias", False),
    settings=({},),
    domain={**ABOVE, "above_k": Range(0.0, 30.0)},
    restarts=1500,
    mutants=(
        _never("bias", falls=True),
        _never("total", falls=False),
        _never("variance", falls=False),
        Mutant(name="in proportion to the weight", measure=partial(_product, False), predict=partial(_product, True)),
    ),
    scales={"quick": {"restarts": 300}, "paper": {"restarts": 50_000}},
)

M2_ALWAYS = Claim(
    id="ar.M2.always",
    title="The bias rises with the weight, whatever the sizes (false)",
    statement=r"\rho'>\rho\;\Rightarrow\;\text{Bias}(\rho')\ge\text{Bias}(\rho)\quad\text{for every }\psi>1",
    source="a common reading of regularisation; false for psi < k, where the bias falls first",
    provenance="derived",
    assumptions=(LIMIT, "fewer bags than features"),
    expected="refuted",
    corrected_by="ar.M2",
    kind="bound",
    predict=partial(_part, "bias", True),
    measure=partial(_part, "bias", False),
    settings=tuple(
        # psi = 1.2: bias/r^2 1.66 at weight 0.3, 1.50 at 3
        {"k": k, "below_k": psi_part, "rho": rho, "step": 10.0}
        for k, psi_part, rho in ((3.0, 0.1, 0.3), (5.0, 0.5, 0.001))
    ),
)


def _path_as_if(read: Callable[..., Array] = np.asarray, **setting: Any) -> Array:
    """The biases along increasing weights, or what `read` makes of them."""
    return read(right(**setting)[:, 0])


def _constant(biases: Array) -> Array:
    """The first of the biases at every weight."""
    return np.full_like(biases, biases[0])


M2_TURNS = Claim(
    id="ar.M2.turns",
    title="With fewer bags than features the bias falls with the weight and then rises",
    statement=(
        r"\psi=1.2,\ k=3:\ \text{Bias}/r^2\ \text{falls from}\ 1.74\ (\rho=0.1)\ \text{to}\ 1.50\ (\rho=3)"
        r"\ \text{and rises to}\ 1.57\ (\rho=100)"
    ),
    source="derived",
    provenance="derived",
    assumptions=(GAUSSIAN, PROPORTIONAL, "fewer bags than features, n > d"),
    equations={"theory.aggregate_responses.limit_risk": "Bias"},
    kind="limit",
    predict=_path_as_if,
    measure=simulation.jacobi_errors,
    settings=settings((1.2, 3, (0.1, 3.0, 100.0))),
    outputs=("bias at weight 0.1", "bias at weight 3", "bias at weight 100"),
    columns=(0, 2, 4),
    sizes=(80, 160, 320, 640),
    at_size=at_ratio,
    powers=(1.0, 2.0),
    budget=20_000,
    block=512,
    mutants=(
        Mutant(name="the bias never falls", predict=partial(_path_as_if, np.maximum.accumulate)),
        Mutant(name="the bias never rises", predict=partial(_path_as_if, np.minimum.accumulate)),
        Mutant(name="the bias does not depend on the weight", predict=partial(_path_as_if, _constant)),
    ),
    scales={"quick": {"sizes": (40, 80, 160, 320), "margin": 0.02}, "paper": {"margin": 0.003, "budget": 2_000_000}},
)


def _numerical_slopes(*, psi: float, k: float, rho: float) -> Array:
    """[dBias/drho, dVar/drho] per unit of signal and noise by averages over the Wachter law."""
    return np.array(wachter.slopes(psi, k, rho))


def _theory_slopes(which: str = "right", *, psi: float, k: float, rho: float) -> Array:
    """The same in closed form, or a wrong version of it."""
    slope = theory.risk_slope(psi, k, rho, signal=1.0, noise_variance=1.0)
    bias, variance = float(slope.bias), float(slope.variance)
    c = float(theory.shrinkage(psi, k, rho))
    a1, a2 = psi / k, psi * (1 - 1 / k)
    spread = 1 - c**2 / a1 - (1 - c) ** 2 / a2
    return {
        "right": np.array([bias, variance]),
        "factor 2 lost": np.array([bias, variance]) / 2,
        "slope in x": np.array(
            [2 * (1 - c) * float(theory.bias_slope_polynomial(psi, k, 1 - c)) / (a1 * a2**2 * spread**2), variance]
        ),
        "in the logarithm of the weight": rho * np.array([bias, variance]),
        "bias slope without the fluctuation": np.array([2 * (1 - c) * -variance, variance]),
    }[which]


SLOPE_CELLS = tuple(
    {"psi": psi, "k": k, "rho": rho}
    for psi, k, rho in ((6, 3, 0.3), (3, 2.5, 4.0), (1.2, 3, 0.3), (1.2, 3, 20.0), (1.5, 7, 0.02), (20, 5, 0.01))
)
M_SLOPE = Claim(
    id="ar.M.slope",
    title="Slopes of bias and variance in the weight",
    statement=(
        r"\frac{d\text{Bias}}{dx}=\frac{2r^2x\,P(x)}{\alpha_1\alpha_2^2D^2},\quad "
        r"\frac{d\text{Var}}{dc}=\frac{2\sigma^2c(1-u)}{\alpha_1D^2}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "n > d, 0 < weight < infinity"),
    equations={"theory.aggregate_responses.risk_slope": "both slopes, in rho"},
    kind="identity",
    margin=1e-9,
    predict=_theory_slopes,
    measure=_numerical_slopes,
    settings=SLOPE_CELLS,
    outputs=("bias", "variance"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_theory_slopes, name))
        for name in (
            "factor 2 lost",
            "slope in x",
            "in the logarithm of the weight",
            "bias slope without the fluctuation",
        )
    ),
)


def _turning_samples(*, k: float) -> float:
    """The samples per feature at which the bias has no slope at instance level, by bisection."""

    def slope(excess: float) -> float:
        return wachter.slopes(1 + excess, k, 1.0)[0]

    return 1 + float(brentq(slope, 1e-3, k, xtol=1e-14))  # pyright: ignore[reportArgumentType]


def _turning_form(scale: float = 1.0, shift: float = 1.0, *, k: float) -> float:
    """2 - scale/(k - shift)."""
    return 2 - scale / (k - shift)


M2_INSTANCE = Claim(
    id="ar.M2.instance",
    title="Where the bias turns at instance level",
    statement=r"\frac{d\text{Bias}}{d\rho}\Big|_{\rho=1}<0\iff\psi<2-\frac{1}{k-1}",
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "bag size > 2 (else the bias rises at instance level for every psi > 1)"),
    kind="identity",
    margin=1e-9,
    predict=_turning_form,
    measure=_turning_samples,
    settings=tuple({"k": k} for k in (2.5, 3.0, 4.7, 10.0)),
    mutants=(
        Mutant(name="2 - 1/k", predict=partial(_turning_form, 1.0, 0.0)),
        Mutant(name="2", predict=partial(_turning_form, 0.0)),
        Mutant(name="2 - 2/(k - 1)", predict=partial(_turning_form, 2.0)),
    ),
)

CLAIMS = (M1, M2, M2_ALWAYS, M2_TURNS, M_SLOPE, M2_INSTANCE)
