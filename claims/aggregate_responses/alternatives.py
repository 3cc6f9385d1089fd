"""Claims ar.X3 and ar.X4: least squares on soft labels (EasyLLP), and the best factor on an estimate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from assay.claim import Claim
from claims.aggregate_responses._paper import GAUSSIAN, PROPORTIONAL
from claims.aggregate_responses._settings import POWERS, wrong_versions
from simulations import aggregate_responses as simulation
from simulations.aggregate_responses.literal import draw_direction, fit_aggregates
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
EASYLLP = "EasyLLP (Busa-Fekete, Choi, Dick, Gentile, Munoz Medina 2023), recalled"


# ---------------------------------------------------------------- X3: soft labels


def _soft_risk(
    which: str = "right", *, n: int, d: int, bag_size: float, signal: float, noise_variance: float, **_: Any
) -> Array:
    """[risk] of least squares on soft labels, or a wrong version of it."""
    psi, k = n / d, bag_size
    bias, variance, total = theory.easyllp_risk(psi, k, signal=signal, noise_variance=noise_variance)
    bias, variance, total = float(bias), float(variance), float(total)
    return np.array(
        [
            {
                "right": total,
                "k for k - 1": total + bias / (k - 1),
                "noise not multiplied by k": bias + variance / k,
                "psi for psi - 1": total * (psi - 1) / psi,
                "risk of instance level": float(
                    theory.limit_risk(psi, k, 1.0, signal=signal, noise_variance=noise_variance).total
                ),
                "three percent too large": 1.03 * total,
            }[which]
        ]
    )


def _at_gain(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A setting with d = `size`, n = psi d and the gain that EasyLLP amounts to, or the best one for its weight."""
    rest = {name: value for name, value in setting.items() if name not in ("psi", "rho")}
    psi, k, rho = setting["psi"], setting["bag_size"], setting.get("rho")
    if rho is None:
        rho, gain = 1.0, k
    else:
        powers = {"signal": setting["signal"], "noise_variance": setting["noise_variance"]}
        gain = float(theory.gain_corrected_risk(psi, k, rho, **powers).gain)
    return {**rest, "n": round(psi * size), "d": int(size), "interpolations": (rho,), "gains": (gain,)}


FAST = {
    "sizes": (20, 40, 80, 160),
    "powers": (1.0, 2.0),
    "at_size": _at_gain,
    "budget": 40_000,
    "block": 256,
    "scales": {
        "quick": {"sizes": (10, 20, 40, 80), "margin": 0.04, "budget": 20_000},
        "paper": {"sizes": (40, 80, 160, 320), "margin": 0.003, "budget": 200_000},
    },
}

X3 = Claim(
    id="ar.X3",
    title="EasyLLP for least squares",
    statement=r"\mathrm{Risk}\to\frac{(k-1)r^2+k\sigma^2}{\psi-1}",
    source="derived",
    provenance="derived",
    assumptions=(GAUSSIAN, PROPORTIONAL, "labels of mean 0; measured as k times instance level (ar.X3.same)"),
    equations={"theory.aggregate_responses.easyllp_risk": "right side"},
    kind="limit",
    predict=_soft_risk,
    measure=simulation.gain_errors,
    settings=(
        {"psi": 6.0, "bag_size": 3.0, **POWERS},
        {"psi": 8.0, "bag_size": 4.0, "signal": 0.6, "noise_variance": 1.3},
    ),
    outputs=("risk",),
    mutants=wrong_versions(
        _soft_risk,
        "k for k - 1",
        "noise not multiplied by k",
        "psi for psi - 1",
        "risk of instance level",
        "three percent too large",
    ),
    **FAST,
)


def _soft_fit(*, seed: int, n: int, d: int, bag_size: int) -> float:
    """Squared error of least squares on soft labels of prior 0, for one draw."""
    rng = np.random.default_rng(seed)
    return float(simulation.soft_label_errors(rng, 1, n=n, d=d, bag_size=bag_size, **POWERS)[0, 0])


def _scaled_fit(which: str = "right", *, seed: int, n: int, d: int, bag_size: int) -> float:
    """Squared error of k times the instance-level fit for the same draw, or of a wrong multiple."""
    rng = np.random.default_rng(seed)
    inputs, truth = rng.standard_normal((n, d)), draw_direction(rng, d, POWERS["signal"])
    labels = inputs @ truth + math.sqrt(POWERS["noise_variance"]) * rng.standard_normal(n)
    sizes = np.full(n // bag_size, bag_size)
    means = labels.reshape(-1, bag_size).mean(axis=1)
    fit = fit_aggregates(inputs, means, sizes, 0.0 if which == "k times bag level" else 1.0)
    factor = {"instance level itself": 1, "k - 1 times instance level": bag_size - 1}.get(which, bag_size)
    return float(np.sum((factor * fit - truth) ** 2))


X3_SAME = Claim(
    id="ar.X3.same",
    title="Least squares on soft labels is k times instance level",
    statement=r"\tilde y=k\bar y:\quad\hat\theta_{\mathrm{EasyLLP}}=k\,\hat\theta_{\mathrm{ins}}\ \text{exactly}",
    source="derived: both solve the normal equations of X with constant labels in every bag",
    provenance="derived",
    assumptions=("prior p = 0",),
    equations={"simulations.aggregate_responses.soft_label_errors": "left side, on the same draw"},
    kind="identity",
    predict=_scaled_fit,
    measure=_soft_fit,
    settings=tuple(
        {"seed": seed, "n": n, "d": d, "bag_size": k}
        for seed, n, d, k in ((0, 24, 5, 3), (1, 40, 7, 8), (2, 12, 20, 4))
    ),
    outputs=("squared error",),
    mutants=wrong_versions(_scaled_fit, "instance level itself", "k - 1 times instance level", "k times bag level"),
)


def _soft_moments(which: str = "right", *, n: int, bag_size: int, probability: float, prior: float) -> Array:
    """Expected [s, (s - p)^2, (s - p)(y - p)] of soft labels s, or a wrong version of them."""
    p, spread = probability, probability * (1 - probability)
    variance = {
        "variance of a label": spread,
        "variance times k^2": bag_size**2 * spread,
        "k - 1 for k": (bag_size - 1) * spread,
    }.get(which, bag_size * spread)
    return np.array([p, variance, bag_size * spread if which == "slope k" else spread])


X3_UNBIASED = Claim(
    id="ar.X3.unbiased",
    title="Soft labels are unbiased, at k times the variance",
    statement=(
        r"\tilde y=k(\bar y-p)+p:\ \mathbb E\tilde y=p,\ \mathrm{Cov}(\tilde y,y)=p(1-p),\ "
        r"\mathrm{Var}\,\tilde y=\mathrm{Var}\,y+(k-1)p(1-p)"
    ),
    source=EASYLLP,
    provenance="reconstructed",
    assumptions=("labels of a bag independent, Bernoulli(p)", "p known"),
    equations={"simulations.aggregate_responses.soft_label_moments": "left sides"},
    kind="exact",
    predict=_soft_moments,
    measure=simulation.soft_label_moments,
    settings=(
        {"n": 600, "bag_size": 3, "probability": 0.7, "prior": 0.7},
        {"n": 3000, "bag_size": 10, "probability": 0.4, "prior": 0.4},
    ),
    outputs=("mean", "variance", "covariance with the label"),
    budget=20_000,
    mutants=wrong_versions(_soft_moments, "variance of a label", "variance times k^2", "k - 1 for k", "slope k"),
    scales={"quick": {"margin": 0.04, "budget": 4000}, "paper": {"margin": 0.003, "budget": 200_000}},
)


def _crossovers(which: str = "right", *, psi: float, k: float) -> Array:
    """SNRs at which EasyLLP meets bag level and instance level, in closed form; or wrong versions."""
    found = theory.easyllp_crossover_snr(psi, k)
    bag, instance = float(found.bag), float(found.instance)
    return {
        "right": np.array([bag, instance]),
        "reciprocals": np.array([1 / bag, 1 / instance]),
        "bias of EasyLLP k r^2": np.array([bag, instance]) * (k - 1) / k,
        "psi for psi - k": np.array([bag * (psi - k) / psi, instance]),
    }[which]


def _meeting_points(*, psi: float, k: float) -> Array:
    """The same by solving for equal risks."""

    def gap(log_snr: float, rho: float) -> float:
        powers = {"signal": math.exp(log_snr), "noise_variance": 1.0}
        soft, other = theory.easyllp_risk(psi, k, **powers), theory.limit_risk(psi, k, rho, **powers)
        return float(soft.total) / float(other.total) - 1

    roots = [brentq(gap, -8.0, 8.0, args=(rho,), xtol=1e-14) for rho in (0.0, 1.0)]
    return np.exp(np.array(roots, dtype=float))


X3_CROSSOVER = Claim(
    id="ar.X3.crossover",
    title="Where EasyLLP beats bag level, and where instance level",
    statement=(
        r"\text{EasyLLP wins against bag level iff SNR}<\frac k{\psi-k},\ "
        r"\text{against instance level iff SNR}>\frac{k(k+1)}{(k-1)(\psi-k-2)}"
    ),
    source="derived from ar.X3",
    provenance="derived",
    assumptions=(PROPORTIONAL, "psi > k + 2"),
    equations={
        "theory.aggregate_responses.easyllp_crossover_snr": "both thresholds",
        "theory.aggregate_responses.easyllp_risk": "its risk",
        "theory.aggregate_responses.limit_risk": "the others' risks",
    },
    kind="identity",
    predict=_crossovers,
    measure=_meeting_points,
    settings=tuple({"psi": psi, "k": k} for psi, k in ((10.0, 4.0), (6.5, 3.0), (40.0, 2.5), (300.0, 20.0))),
    outputs=("against bag level", "against instance level"),
    mutants=wrong_versions(_crossovers, "reciprocals", "bias of EasyLLP k r^2", "psi for psi - k"),
)


# ---------------------------------------------------------------- X4: the best gain


def _gained(
    which: str = "right",
    *,
    n: int,
    d: int,
    bag_size: float,
    interpolations: Any,
    signal: float,
    noise_variance: float,
    **_: Any,
) -> Array:
    """Risk of the estimate times its best gain, or a wrong version of it."""
    psi, k, rho = n / d, bag_size, float(interpolations[0])
    powers = {"signal": signal, "noise_variance": noise_variance}
    risk = float(theory.limit_risk(psi, k, rho, **powers).total)
    c = float(theory.shrinkage(psi, k, rho))
    scatter = risk - (1 - c) ** 2 * signal
    right = float(theory.gain_corrected_risk(psi, k, rho, **powers).total)
    return np.array(
        [
            {
                "right": right,
                "without the gain": risk,
                "c for c^2": signal * scatter / (c * signal + scatter),
                "the risk for its fluctuation": signal * risk / (c**2 * signal + risk),
                "ridge's risk": float(theory.ridge_risk(psi, k, **powers)),
                "three percent too large": 1.03 * right,
            }[which]
        ]
    )


X4 = Claim(
    id="ar.X4",
    title="The best factor on the interpolating estimate",
    statement=(
        r"\gamma=\frac{cr^2}{c^2r^2+S},\ S=\mathrm{Risk}-(1-c)^2r^2:\quad "
        r"\mathrm{Risk}(\gamma\hat\theta_\rho)\to\frac{r^2S}{c^2r^2+S}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(GAUSSIAN, PROPORTIONAL, "the gain of the limit, used at every size"),
    equations={
        "theory.aggregate_responses.gain_corrected_risk": "gain and risk",
        "theory.aggregate_responses.shrinkage": "c",
    },
    kind="limit",
    predict=_gained,
    measure=simulation.gain_errors,
    settings=(
        {"psi": 6.0, "bag_size": 3.0, "rho": 0.142857, "signal": 2.2, "noise_variance": 2.2},
        {"psi": 4.0, "bag_size": 5.0, "rho": 0.6, "signal": 1.7, "noise_variance": 0.9},
    ),
    outputs=("risk",),
    mutants=wrong_versions(
        _gained,
        "without the gain",
        "c for c^2",
        "the risk for its fluctuation",
        "ridge's risk",
        "three percent too large",
    ),
    **FAST,
)


def _best_gained(which: str = "right", *, psi: float, k: float, snr: float) -> float:
    """The least risk over weight and gain, at the closed form's weight or at a wrong one; r^2 = 1."""
    rho = {
        "right": float(theory.optimal_gain_interpolation(psi, snr)),
        "1/(1 + SNR)": 1 / (1 + snr),
        "1/(psi SNR)": 1 / (psi * snr),
        "the best weight without a gain": float(theory.optimal_interpolation(psi, k, snr=snr).interpolation),
    }[which]
    return float(theory.gain_corrected_risk(psi, k, rho, signal=1.0, noise_variance=1 / snr).total)


def _best_gained_by_search(*, psi: float, k: float, snr: float) -> float:
    """The same by a search over weights, risks taken from the saddle of the scalar min-max problem."""

    def risk(log_rho: float) -> float:
        point = theory.saddle_point(psi, k, math.exp(log_rho), signal=1.0, noise_variance=1 / snr)
        scatter = point.total - (1 - point.shrinkage) ** 2
        return scatter / (point.shrinkage**2 + scatter)

    found = minimize_scalar(risk, bounds=(-6.0, 3.0), method="bounded", options={"xatol": 1e-7})
    return float(found.fun)  # pyright: ignore[reportAttributeAccessIssue]


X4_BEST = Claim(
    id="ar.X4.best",
    title="With a gain the best weight does not depend on the bags",
    statement=r"\arg\min_\rho\mathrm{Risk}(\gamma\hat\theta_\rho)=\frac1{1+\psi\,\mathrm{SNR}}\quad\text{at every }k",
    source="derived: Q = S/(c^2 r^2) has the slope of psi rho - (1 - rho)/SNR",
    provenance="derived",
    assumptions=(PROPORTIONAL, "psi > 1"),
    equations={
        "theory.aggregate_responses.optimal_gain_interpolation": "the weight",
        "theory.aggregate_responses.gain_corrected_risk": "the risk there",
        "theory.aggregate_responses.saddle_point": "risks searched",
    },
    kind="identity",
    predict=_best_gained,
    measure=_best_gained_by_search,
    settings=tuple(
        {"psi": psi, "k": k, "snr": snr}
        for psi, k, snr in ((6.0, 3.0, 1.2), (6.0, 8.0, 1.2), (2.0, 4.0, 0.7), (30.0, 5.0, 3.0))
    ),
    outputs=("risk",),
    mutants=wrong_versions(_best_gained, "1/(1 + SNR)", "1/(psi SNR)", "the best weight without a gain"),
)

CLAIMS = (X3, X3_SAME, X3_UNBIASED, X3_CROSSOVER, X4, X4_BEST)
