"""Claim ar.T3: the best weight."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.aggregate_responses import _wachter_route as wachter
from claims.aggregate_responses._paper import LIMIT
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _quartic_weight(which: str, psi: float, k: float, snr: float) -> float:
    """The weight at the root of the quartic in x, by bisection, or of a wrong version of it; clipped if so called."""
    a1, a2 = psi / k, psi * (1 - 1 / k)
    noise = {"reciprocal": snr, "plus sign": -1 / snr}.get(which, 1 / snr)
    noise_factor = 1.0 if which == "alpha2 forgotten" else a2

    def quartic(x: float) -> float:
        cubic = (a1 + a2) * x**3 - 4 * a2 * x**2 + (a2**2 + 4 * a2 - 3 * a1 * a2) * x
        value = x * (cubic + a2 * (a1 * a2 + a1 - a2 - 1))
        return value - noise * noise_factor * (a2 - x) * (1 - x)

    low, high = max(0.0, 1 - a1), min(1.0, a2)
    if quartic(low) * quartic(high) > 0:
        return math.inf
    x = float(brentq(quartic, low, high, xtol=1e-16))  # pyright: ignore[reportArgumentType]
    v, u = (1 - x) / a1, x / a2
    weight = u * (1 - v) / (v * (1 - u))
    return min(weight, 1.0) if which == "clipped" else weight


def _optimum_form(which: str = "right", *, psi: float, k: float, snr: float) -> Array:
    """[best weight, risk there, root of the quartic], the first two by the theory or all by a wrong version."""
    if which == "right":
        best = theory.optimal_interpolation(psi, k, snr)
        return np.array([best.interpolation, best.total, _quartic_weight("right", psi, k, snr)], dtype=float)
    weight = _quartic_weight(which, psi, k, snr)
    risk = theory.limit_risk(psi, k, weight, signal=1.0, noise_variance=1 / snr)
    return np.array([weight, risk.total, weight], dtype=float)


def _optimum_root(*, psi: float, k: float, snr: float) -> Array:
    """The same from the slope of the risk, averaged over the Wachter law."""
    weight, risk = wachter.best_weight(psi, k, snr)
    return np.array([weight, risk, weight])


T3 = Claim(
    id="ar.T3",
    title="The best weight solves a quartic",
    statement=(
        r"x\,P(x)=\frac{\alpha_2(\alpha_2-x)(1-x)}{\text{SNR}},\quad P=(\alpha_1+\alpha_2)x^3-4\alpha_2x^2"
        r"+(\alpha_2^2+4\alpha_2-3\alpha_1\alpha_2)x+\alpha_2(\alpha_1\alpha_2+\alpha_1-\alpha_2-1)"
    ),
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "n > d, bag size > 1", "best among weights > 0"),
    equations={"theory.aggregate_responses.optimal_interpolation": "best weight and its risk"},
    kind="identity",
    margin=1e-8,  # the root in x is mapped to a weight through differences
    predict=_optimum_form,
    measure=_optimum_root,
    settings=tuple(
        {"psi": psi, "k": k, "snr": snr}
        for psi, k, snr in (
            (6, 2, 1),
            (6, 3, 10),
            (20, 5, 5),
            (2, 4, 1),
            (1.2, 3, 1),
            (3, 20, 10),
            (7, 2.5, 0.1),
            (1.5, 1.4, 0.3),
        )
    ),
    outputs=("best weight", "risk", "root of the quartic"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_optimum_form, which), settings=settings)
        for name, which, settings in (
            ("plus sign before the noise", "plus sign", ()),
            ("clipped to [0, 1]", "clipped", (3, 4, 6)),
            ("SNR for 1/SNR", "reciprocal", (1, 2, 5, 6)),
            ("factor alpha2 forgotten", "alpha2 forgotten", ()),
        )
    ),
)


def _balanced_risk(best: float, rho: float, psi: float, k: float) -> float:
    """The risk at weight `rho`, in units of the signal, at the SNR for which the weight `best` is stationary."""
    snr = float(theory.optimal_snr(psi, k, best))
    return float(theory.limit_risk(psi, k, rho, signal=1.0, noise_variance=1 / snr).total)


def _beyond(outer: bool, *, side: str, excess: float, k: float, best: float, near: float, far: float) -> float:
    """The risk `near` times off the stationary weight `best`, or `far` times further (`outer`), on a side of it."""
    step = near * (far if outer else 1.0)
    return _balanced_risk(best, best * step if side == "above" else best / step, 1 + excess, k)


def _beyond_instance(outer: bool, *, side: str, excess: float, k: float, best: float, near: float, far: float) -> float:
    """The same about weight 1, whatever the stationary weight."""
    step = near * (far if outer else 1.0)
    return _balanced_risk(best, step if side == "above" else 1 / step, 1 + excess, k)


def _part_beyond(
    name: str, outer: bool, *, side: str, excess: float, k: float, best: float, near: float, far: float
) -> float:
    """The part `name` of the risk in place of the whole."""
    step = near * (far if outer else 1.0)
    rho = best * step if side == "above" else best / step
    return float(getattr(theory.limit_risk(1 + excess, k, rho, signal=1.0, noise_variance=1.0), name))


def _balanced(*, excess: float, k: float, best: float, **_: Any) -> bool:
    """Whether some SNR makes `best` stationary: the bias must rise there."""
    return 0 < float(theory.optimal_snr(1 + excess, k, best)) < math.inf


T3_SINGLE = Claim(
    id="ar.T3.single",
    title="One minimum: the risk falls up to a stationary weight and rises beyond",
    statement=r"R'(\rho^*)=0\;\Rightarrow\;R\text{ falls on }(0,\rho^*)\text{ and rises on }(\rho^*,\infty)",
    source="derived: the signs at both ends; that they change once is not proved",
    provenance="derived",
    assumptions=(LIMIT, "n > d, bag size > 1"),
    equations={
        "theory.aggregate_responses.optimal_snr": "the SNR at which rho* is stationary",
        "theory.aggregate_responses.limit_risk": "R",
    },
    kind="bound",
    admissible=_balanced,
    predict=partial(_beyond, True),
    measure=partial(_beyond, False),
    settings=({"side": "below"}, {"side": "above"}),
    domain={
        "excess": Range(0.01, 100, log=True),
        "k": Range(1.02, 30, log=True),
        "best": Range(1e-3, 1e3, log=True),
        "near": Range(1.0, 30, log=True),
        "far": Range(1.0, 30, log=True),
    },
    restarts=3000,
    mutants=(
        Mutant(
            name="about weight 1", predict=partial(_beyond_instance, True), measure=partial(_beyond_instance, False)
        ),
        Mutant(name="the other way", predict=partial(_beyond, False), measure=partial(_beyond, True)),
        Mutant(
            name="for the variance",
            predict=partial(_part_beyond, "variance", True),
            measure=partial(_part_beyond, "variance", False),
        ),
        Mutant(
            name="for the bias",
            predict=partial(_part_beyond, "bias", True),
            measure=partial(_part_beyond, "bias", False),
        ),
    ),
    scales={"quick": {"restarts": 300}, "paper": {"restarts": 100_000}},
)


def _balancing_snr(*, psi: float, k: float, rho: float) -> float:
    """The SNR at which the risk has no slope at `rho`, by averages over the Wachter law; inf if the bias falls too."""
    bias, variance = wachter.slopes(psi, k, rho)
    return -variance / bias if bias > 0 else math.inf


def _optimal_snr(which: str = "right", *, psi: float, k: float, rho: float) -> float:
    """The same in closed form; the wrong versions are for instance level."""
    if which == "right":
        return float(theory.optimal_snr(psi, k, rho))
    below = (k - 1) * psi - 2 * k + 3
    return {
        "2k - 2": k / (below - 1),
        "k + 1": (k + 1) / below,
        "reciprocal": below / k,
        "closed form": k / below,
        "two percent": 1.02 * k / below,
    }[which]


INSTANCE_CELLS = tuple({"psi": p, "k": k, "rho": 1.0} for p, k in ((4, 3), (6, 2), (2.5, 2.5), (1.9, 7)))
T3_INSTANCE = Claim(
    id="ar.T3.instance",
    title="When instance level is the best weight",
    statement=(
        r"\rho^*=1\iff\text{SNR}=\frac{k}{(k-1)\psi-2k+3};\quad"
        r"\text{for }\psi\le2-\frac1{k-1}:\ \rho^*>1\text{ always}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "n > d, bag size > 1"),
    equations={"theory.aggregate_responses.optimal_snr": "the SNR, at other weights too"},
    kind="identity",
    margin=1e-9,
    predict=_optimal_snr,
    measure=_balancing_snr,
    settings=(
        *INSTANCE_CELLS,
        {"psi": 1.4, "k": 3.0, "rho": 1.0},  # psi < 2 - 1/(k - 1): no SNR
        {"psi": 6.0, "k": 3.0, "rho": 0.05},
        {"psi": 1.5, "k": 1.4, "rho": 8.0},
    ),
    mutants=tuple(
        Mutant(name=name, predict=partial(_optimal_snr, which), settings=(0, 1, 2, 3))
        for name, which in (
            ("2k - 2 for 2k - 3", "2k - 2"),
            ("k + 1 above", "k + 1"),
            ("reciprocal", "reciprocal"),
            ("two percent too large", "two percent"),
        )
    ),
)


def _unregularised(*, above_k: float, k: float, snr: float, below: bool = False) -> tuple[float, float]:
    """Samples per feature (a tenth of the way to k where `below`) and the smaller risk of bag level and, for
    alpha2 > 1, of the zero predictor."""
    psi = 1 + 0.1 * (k - 1) if below else k * (1 + above_k)
    bag = float(theory.limit_risk(psi, k, 0.0, signal=1.0, noise_variance=1 / snr).total)
    return psi, min(bag, 1.0) if below or psi * (1 - 1 / k) > 1 else bag


def _rivals(below: bool = False, factor: float = 1.0, **point: float) -> float:
    """`factor` times the risk of the better rival."""
    return factor * _unregularised(below=below, **point)[1]


def _interpolated(below: bool = False, *, above_k: float, k: float, snr: float) -> float:
    """The risk at the best weight."""
    psi = _unregularised(below=below, above_k=above_k, k=k, snr=snr)[0]
    return float(theory.optimal_interpolation(psi, k, snr).total)


def _instance_risk(*, above_k: float, k: float, snr: float) -> float:
    """The risk at instance level."""
    return float(theory.limit_risk(k * (1 + above_k), k, 1.0, signal=1.0, noise_variance=1 / snr).total)


RIVALS = {"above_k": Range(1e-3, 30, log=True), "k": Range(1.05, 30, log=True), "snr": Range(0.01, 100, log=True)}
T3_BEATS = Claim(
    id="ar.T3.beats",
    title="Some weight beats bag level, and the zero predictor",
    statement=r"\psi>k:\ \min_\rho R<R_{bag};\qquad \alpha_2>1:\ \min_\rho R<r^2",
    source="derived: signs of the slope at both ends",
    provenance="derived",
    assumptions=(LIMIT, "psi > k, noise", "neither holds outside: see ar.T3 at (1.2, 3, 1)"),
    equations={
        "theory.aggregate_responses.optimal_interpolation": "min R",
        "theory.aggregate_responses.limit_risk": "R at bag level",
    },
    kind="bound",
    predict=_rivals,
    measure=_interpolated,
    domain=RIVALS,
    restarts=600,
    mutants=(
        Mutant(
            name="for fewer bags than features",
            predict=partial(_rivals, True),
            measure=partial(_interpolated, True),
        ),
        Mutant(name="instance level beats them", measure=_instance_risk),
        Mutant(name="by ten percent at least", predict=partial(_rivals, False, 0.9)),
    ),
    scales={"quick": {"restarts": 50}, "paper": {"restarts": 20_000}},
)


def _scaled_weight(*, psi: float, k: float, snr: float) -> float:
    """The best weight times psi."""
    return psi * float(theory.optimal_interpolation(psi, k, snr).interpolation)


def _ridge_like(which: str = "right", *, psi: float, k: float, snr: float) -> float:
    """1/(SNR (1 - 1/k)), or a wrong version of it."""
    return {
        "right": 1 / (snr * (1 - 1 / k)),
        "by all samples": 1 / snr,
        "by the bags": k / snr,
        "SNR for its reciprocal": snr / (1 - 1 / k),
        "one percent": 1.01 / (snr * (1 - 1 / k)),
    }[which]


def _more_samples(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """The `setting` at `size` samples per feature."""
    return {**setting, "psi": size}


T3_LARGE = Claim(
    id="ar.T3.large",
    title="With many samples the spread within bags acts as ridge",
    statement=(
        r"\psi\to\infty:\quad\rho^*\sim\frac{1}{\text{SNR}\,\psi\,(1-1/k)},\ "
        r"\text{that is}\ \rho^*(n-m)\approx d\sigma^2/r^2"
    ),
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "fixed bag size and SNR"),
    equations={"theory.aggregate_responses.optimal_interpolation": "rho*"},
    kind="limit",
    deterministic=True,
    margin=1e-4,
    predict=_ridge_like,
    measure=_scaled_weight,
    settings=({"k": 5.0, "snr": 10.0}, {"k": 2.5, "snr": 0.3}),
    sizes=(1000, 2000, 4000, 8000),
    powers=(1.0, 2.0),
    at_size=_more_samples,
    mutants=tuple(
        Mutant(name=name, predict=partial(_ridge_like, which))
        for name, which in (
            ("all samples for contrasts", "by all samples"),
            ("bags for contrasts", "by the bags"),
            ("SNR for its reciprocal", "SNR for its reciprocal"),
            ("one percent too large", "one percent"),
        )
    ),
)

CLAIMS = (T3, T3_SINGLE, T3_INSTANCE, T3_BEATS, T3_LARGE)
