"""Claims ar.D5 and ar.D6: the best bag size under privacy at finite n, and why ridge needs no bags at all."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.aggregate_responses._paper import PAPER, PROPORTIONAL
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- D5: bag sizes at finite n


DATA = {"noise_variance": 0.5, "threshold": float(theory.clipping_threshold(2000, 1.01 * math.sqrt(3.0)))}
LARGEST = 12


def _best_bags(
    which: str = "right", *, epsilon: float, rho: float | None, noise_variance: float, threshold: float
) -> Array:
    """[bag size, risk] of the best bags at psi = 20, at a weight or at the best one; or a wrong version of it."""
    powers = {"epsilon": epsilon, "threshold": threshold, "noise_variance": noise_variance}
    if which == "the other scale":
        best = theory.optimal_bag_size(20.0, LARGEST, rho, **powers, adjacency="replace", clipped=False)
    elif which == "label noise forgotten":
        powers["noise_variance"] = 0.0
        best = theory.optimal_bag_size(20.0, LARGEST, rho, **powers, adjacency="zero-out", clipped=False)
    elif which == "at an end point":
        ends = theory.optimal_bag_size_limit(20.0, LARGEST, rho)
        size = int(np.asarray(ends.bag_size))
        weight = float(np.asarray(ends.interpolation))
        risk = theory.private_risk(20.0, size, weight, **powers, adjacency="zero-out", clipped=False)
        return np.array([size, float(risk.total)])
    else:
        best = theory.optimal_bag_size(20.0, LARGEST, rho, **powers, adjacency="zero-out", clipped=False)
    return np.array([int(np.asarray(best.bag_size)), float(best.total)])


def _best_bags_by_trial(*, epsilon: float, rho: float | None, noise_variance: float, threshold: float) -> Array:
    """[bag size, risk] by trying every bag size and searching weights; risks are averages over the Wachter law."""
    risks = []
    for k in range(1, LARGEST + 1):
        noise = noise_variance + 2 * k * (threshold / (k * epsilon)) ** 2

        def risk(log_rho: float, k: int = k, noise: float = noise) -> float:
            return theory.wachter_risk(20.0, k, math.exp(log_rho), signal=1.0, noise_variance=noise).total  # pyright: ignore[reportReturnType]

        if rho is None and k > 1:
            found = minimize_scalar(risk, bounds=(-6.0, 5.0), method="bounded", options={"xatol": 1e-9})
            risks.append(float(found.fun))  # pyright: ignore[reportAttributeAccessIssue]
        else:
            risks.append(risk(math.log(rho or 1.0)))
    best = int(np.argmin(risks))
    return np.array([best + 1, risks[best]])


D5_SETTINGS = tuple(
    {"epsilon": epsilon, "rho": rho, **DATA}
    for rho, levels in ((None, (0.5, 1.0, 2.0, 5.0)), (1.0, (0.5, 1.0, 2.0, 3.0)))
    for epsilon in levels
)

D5 = Claim(
    id="ar.D5",
    title="At finite n the best bags lie between the ends",
    statement=(
        r"\mathrm{Risk}=\mathrm{Bias}+(\sigma^2+2kb_L^2)\frac{\mathrm{Var}}{\sigma^2}:\ n=2000,\ \psi=20,\ "
        r"\sigma^2=\tfrac12,\ C=1.01\sqrt3,\ \text{printed scale}:\ k^*=4,2,2,1\ \text{at }\varepsilon=.5,1,2,5"
    ),
    source="derived; at weight 1 the sizes are 11, 4, 2, 1 at epsilon = .5, 1, 2, 3",
    provenance="derived",
    assumptions=(PROPORTIONAL, "clipping left out, noise for it not (with clipping: ar.D3)", "bags of at most 12"),
    equations={
        "theory.aggregate_responses.optimal_bag_size": "k* and its risk",
        "theory.aggregate_responses.wachter_risk": "bias and variance by quadrature",
    },
    kind="identity",
    predict=_best_bags,
    measure=_best_bags_by_trial,
    settings=D5_SETTINGS,
    outputs=("bag size", "risk"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_best_bags, name))
        for name in ("the other scale", "label noise forgotten", "at an end point")
    ),
    scales={"quick": {"settings": D5_SETTINGS[1:6:4]}},
)


def _best_risk(more: int, *, psi: float, k: int, epsilon: float, **_: Any) -> float:
    """The risk at the best weight for bags of exactly k + `more`."""
    noise = DATA["noise_variance"] + 2 * (k + more) * (DATA["threshold"] / ((k + more) * epsilon)) ** 2
    best = theory.optimal_interpolation(psi, k + more, snr=1 / noise)
    return float(theory.limit_risk(psi, k + more, best.interpolation, signal=1.0, noise_variance=noise).total)


D5_LARGER = Claim(
    id="ar.D5.larger",
    title="Under label privacy larger bags always help (false)",
    statement=r"\min_\rho\mathrm{Risk}(\rho,k+1)\le\min_\rho\mathrm{Risk}(\rho,k)\quad\text{at every }\varepsilon",
    source=f"{PAPER}, optimal bag size under label privacy, the joint optimum of its limit read at finite n",
    provenance="reconstructed",
    assumptions=(PROPORTIONAL, "false: from k = 2 on at psi = 20, epsilon = 1, and from k = 1 on at epsilon = 5"),
    equations={"theory.aggregate_responses.limit_risk": "risk with the noise of privacy"},
    kind="bound",
    expected="refuted",
    corrected_by="ar.D5",
    predict=partial(_best_risk, 0),
    measure=partial(_best_risk, 1),
    settings=({"psi": 20.0, "k": 1, "epsilon": 5.0}, {"psi": 20.0, "k": 2, "epsilon": 1.0}),
)


# ---------------------------------------------------------------- D6: ridge needs no bags


RIDGE_DOMAIN = {
    "psi": Range(0.3, 200.0, log=True),
    "noise_variance": Range(1e-3, 10.0, log=True),
    "epsilon": Range(0.05, 50.0, log=True),
    "k": Range(1.0, 30.0, log=True),
    "times": Range(1.01, 10.0, log=True),
}
RELEASE = {"threshold": 3.0, "adjacency": "zero-out"}


def _floor(larger: bool, *, psi: float, k: float, times: float, epsilon: float, noise_variance: float) -> float:
    """The risk of ridge on private means of bags of k, or (`larger`) of `times` k."""
    powers = {"signal": 1.7, "noise_variance": noise_variance, "epsilon": epsilon}
    return float(theory.private_ridge_floor(psi, times * k if larger else k, **powers, **RELEASE))


def _floor_one_percent_less(**point: Any) -> float:
    """1.01 times the risk with smaller bags, as if they gained one percent at least."""
    return 1.01 * _floor(False, **point)


def _at_weight(
    rho: float, larger: bool, *, psi: float, k: float, times: float, epsilon: float, noise_variance: float
) -> float:
    """The risk at a fixed weight in place of ridge."""
    powers = {"signal": 1.7, "noise_variance": noise_variance, "epsilon": epsilon}
    size = times * k if larger else k
    return float(theory.private_risk(psi, size, rho, **powers, **RELEASE, clipped=False).total)


D6 = Claim(
    id="ar.D6",
    title="With ridge, aggregation buys nothing under label privacy",
    statement=(
        r"R_{\mathrm{ridge}}(k)\le R_{\mathrm{ridge}}(k')\ \ (k\le k'),\ \text{noise }\sigma^2+s/k\text{ per label, "
        r"every } s=2T^2/\varepsilon^2"
    ),
    source="derived",
    provenance="derived",
    assumptions=(PROPORTIONAL, "ridge with its best penalty", "one privacy budget epsilon, any bag size"),
    equations={"theory.aggregate_responses.private_ridge_floor": "R_ridge"},
    proof=(
        "R solves R/r^2 + kappa R/(1 + R/v) = 1 with kappa = psi/(k sigma^2 + s), v = sigma^2 + s/k (ar.D6.balance); "
        "the left side increases in R, kappa and v, and both kappa and v fall with k."
    ),
    kind="bound",
    predict=partial(_floor, True),
    measure=partial(_floor, False),
    domain=RIDGE_DOMAIN,
    restarts=2000,
    mutants=(
        Mutant(name="larger bags are better", predict=partial(_floor, False), measure=partial(_floor, True)),
        Mutant(name="by one percent at least", measure=_floor_one_percent_less),
        Mutant(
            name="instance level in place of ridge",
            predict=partial(_at_weight, 1.0, True),
            measure=partial(_at_weight, 1.0, False),
        ),
    ),
    scales={"quick": {"restarts": 400}, "paper": {"restarts": 50_000}},
)


def _ridge_risk(which: str = "right", *, psi: float, k: float, signal: float, noise_variance: float, s: float) -> float:
    """The closed form of the ridge risk with noise of privacy s = 2 T^2/epsilon^2, or a wrong version of it."""
    scale = {"Laplace variance b^2": 0.5, "noise of privacy per bag mean, not per label": 1 / k}.get(which, 1.0)
    level = math.sqrt(s * scale / 2)
    powers = {"signal": signal, "noise_variance": noise_variance, "threshold": level, "adjacency": "zero-out"}
    size = 1.0 if which == "bags of 1" else k
    return float(theory.private_ridge_floor(psi, size, epsilon=1.0, **powers))


def _balanced_risk(*, psi: float, k: float, signal: float, noise_variance: float, s: float) -> float:
    """The root R of R/r^2 + kappa R/(1 + R/v) = 1, by bracketing."""
    kappa, v = psi / (k * noise_variance + s), noise_variance + s / k

    def excess(risk: float) -> float:
        return risk / signal + kappa * risk / (1 + risk / v) - 1

    return float(brentq(excess, 0.0, signal, xtol=1e-15, rtol=1e-14))  # pyright: ignore[reportArgumentType]


D6_BALANCE = Claim(
    id="ar.D6.balance",
    title="The information rate behind it",
    statement=(
        r"\frac R{r^2}+\frac{\kappa R}{1+R/v}=1,\quad \kappa=\frac{\alpha_1}{v}=\frac\psi{k\sigma^2+s},\ "
        r"v=\sigma^2+\frac sk,\ s=\frac{2T^2}{\varepsilon^2}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(PROPORTIONAL,),
    equations={"theory.aggregate_responses.private_ridge_floor": "R"},
    kind="identity",
    predict=_ridge_risk,
    measure=_balanced_risk,
    settings=tuple(
        {"psi": psi, "k": k, "signal": r2, "noise_variance": noise, "s": s}
        for psi, k, r2, noise, s in (
            (20.0, 2.0, 1.0, 0.5, 50.0),
            (20.0, 10.0, 1.0, 0.5, 50.0),
            (3.0, 7.5, 2.2, 0.04, 1.3),
            (0.7, 3.0, 0.6, 1.4, 9.0),
        )
    ),
    outputs=("risk",),
    mutants=tuple(
        Mutant(name=name, predict=partial(_ridge_risk, name))
        for name in ("Laplace variance b^2", "noise of privacy per bag mean, not per label", "bags of 1")
    ),
)


def _ridge_below(*, rho: float, factor: float = 1.0, **point: Any) -> float:
    """The ridge risk, times a factor."""
    return factor * _floor(False, times=1.0, **point)


def _any_weight(*, rho: float, **point: Any) -> float:
    """The risk at a weight, without ridge."""
    return _at_weight(rho, False, times=1.0, **point)


def _ridge_of_single_labels(*, rho: float, k: float, **point: Any) -> float:
    """The ridge risk with bags of 50 k."""
    return _floor(True, k=k, times=50.0, **point)


D6_FLOOR = Claim(
    id="ar.D6.floor",
    title="No weight beats ridge on the same private means",
    statement=r"R_{\mathrm{ridge}}(k)\le\mathrm{Risk}(\rho,k)\quad\text{for every weight }\rho\ge0",
    source="derived: ridge is the posterior mean for Gaussian coefficients (ar.T4)",
    provenance="derived",
    assumptions=(PROPORTIONAL, "isotropic features"),
    equations={
        "theory.aggregate_responses.private_ridge_floor": "left side",
        "theory.aggregate_responses.private_risk": "right side",
    },
    kind="bound",
    predict=_any_weight,
    measure=_ridge_below,
    domain={
        **{name: RIDGE_DOMAIN[name] for name in ("psi", "noise_variance", "epsilon", "k")},
        "rho": Range(1e-4, 1e4, log=True),
    },
    restarts=2000,
    mutants=(
        Mutant(name="by five percent at least", measure=partial(_ridge_below, factor=1.05)),
        Mutant(name="some weight beats ridge", predict=_ridge_below, measure=_any_weight),
        Mutant(name="ridge on fifty times larger bags", measure=_ridge_of_single_labels),
    ),
    scales={"quick": {"restarts": 400}, "paper": {"restarts": 50_000}},
)

CLAIMS = (D5, D5_LARGER, D6, D6_BALANCE, D6_FLOOR)
