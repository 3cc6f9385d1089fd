"""Claims ar.E0 to ar.E2: expected bias and variance at finite size, against simulations of the same small size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim
from claims.aggregate_responses._paper import FINITE, GAUSSIAN
from claims.aggregate_responses._settings import POWERS, SOURCE, sizes, wrong_versions
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- E0: bag level


def _bag_level(
    which: str = "right", *, n: int, d: int, bag_size: float, signal: float, noise_variance: float, **_: Any
) -> Array:
    """[bias, variance] of bag level, or a wrong version of it."""
    m = round(n / bag_size)
    bias, variance, _total = theory.exact_bag_risk(n, d, m, signal=signal, noise_variance=noise_variance)
    if which == "bias 1 - n/d":
        bias = signal * max(1 - n / d, 0.0)
    slack = abs(m - d) - 1
    factor = {
        "the limit's denominator |m - d|": slack / (slack + 1),
        "noise of a bag mean, not scaled by the bag size": m / n,
        "noise standard deviation for its variance": noise_variance**-0.5,
        "bags and features swapped in the numerator": max(m, d) / min(m, d),
        "three percent too large": 1.03,
    }
    return np.array([[float(bias), float(variance) * factor.get(which, 1.0)]])


def _least_norm(
    which: str = "right", *, d: int, bag_sizes: Any, bag_counts: Any, noise_variance: float, target_power: Any, **_: Any
) -> Array:
    """[bias, variance] of bag level for bags listed by size, or a wrong version of it."""
    n, m = int(np.dot(bag_sizes, bag_counts)), int(np.sum(bag_counts))
    powers = {"signal": float(np.sum(target_power)), "noise_variance": noise_variance}
    return _bag_level(which, n=n, d=d, bag_size=n / m, **powers)


def _listed(d: int, sizes: tuple[int, ...], counts: tuple[int, ...]) -> dict[str, Any]:
    """A setting with `counts` bags of the `sizes`, at weight 0."""
    bags = {"d": d, "bag_sizes": sizes, "bag_counts": counts, "interpolations": (0.0,)}
    return {**bags, "noise_variance": POWERS["noise_variance"], "target_power": (POWERS["signal"],)}


BAG_MUTANTS = (
    "the limit's denominator |m - d|",
    "noise of a bag mean, not scaled by the bag size",
    "noise standard deviation for its variance",
    "bags and features swapped in the numerator",
    "three percent too large",
)

E0 = Claim(
    id="ar.E0",
    title="Bag level at finite size",
    statement=r"m>d+1:\ \mathbb E\,\mathrm{Bias}=0,\ \mathbb E\,\mathrm{Var}=\frac{\sigma^2d}{m-d-1}",
    source=SOURCE,
    provenance="derived",
    assumptions=(GAUSSIAN, FINITE, "bags of any sizes, weighted by size"),
    equations={"theory.aggregate_responses.exact_bag_risk": "m > d + 1"},
    kind="exact",
    predict=_bag_level,
    measure=simulation.conditional_errors,
    settings=(sizes(66, 5, 22, 0.0), sizes(75, 8, 30, 0.0)),
    outputs=("bias", "variance"),
    budget=70_000,
    block=256,
    mutants=wrong_versions(_bag_level, *BAG_MUTANTS),
    scales={"quick": {"margin": 0.05, "budget": 4000}, "paper": {"margin": 0.004, "budget": 400_000}},
)

E0_NORM = Claim(
    id="ar.E0.norm",
    title="Bag level with fewer bags than features, at finite size",
    statement=(
        r"m<d-1\ \text{(least norm)}:\ \mathbb E\,\mathrm{Bias}=r^2(1-\tfrac md),\ "
        r"\mathbb E\,\mathrm{Var}=\frac{\sigma^2m}{d-m-1}"
    ),
    source=SOURCE,
    provenance="derived",
    assumptions=(GAUSSIAN, FINITE, "bags of any sizes, weighted by size"),
    equations={"theory.aggregate_responses.exact_bag_risk": "m < d - 1"},
    kind="exact",
    predict=_least_norm,
    measure=simulation.bag_errors,
    settings=(_listed(20, (2,), (6,)), _listed(24, (2, 4), (5, 4))),
    outputs=("bias", "variance"),
    slack=1e-12,  # the bias is the same for every sample, but for rounding
    budget=70_000,
    block=256,
    mutants=wrong_versions(_least_norm, *BAG_MUTANTS, "bias 1 - n/d"),
    scales={"quick": {"margin": 0.05, "budget": 4000}, "paper": {"margin": 0.004, "budget": 400_000}},
)


# ---------------------------------------------------------------- E1, E2: instance level


def _instance_level(
    which: str = "right", *, n: int, d: int, bag_size: float, signal: float, noise_variance: float, **_: Any
) -> Array:
    """[bias, variance] of instance level, or a wrong version of it."""
    m = round(n / bag_size)
    bias, variance, _total = theory.exact_instance_risk(n, d, m, signal=signal, noise_variance=noise_variance)
    bias, variance = float(bias), float(variance)
    psi, k = n / d, n / m
    if which == "the limit's bias":
        bias = signal * ((k - 1) ** 2 / k**2 + (k - 1) / (k**2 * (psi - 1)))
    if which == "squared mean alone for the bias":
        bias = signal * (1 - m / n) ** 2
    if which == "bias of its limit one sample short":
        bias *= (n + 2) / n
    if which == "least norm: bias of bag level":
        bias = signal * (1 - m / d)
    if which == "least norm: bias of interpolation with labels":
        bias = signal * (1 - n / d)
    if which == "least norm: n for the bags":
        variance *= n / m
    factor = {
        "the limit's denominator |n - d|": (abs(n - d) - 1) / abs(n - d),
        "variance without 1/k": k,
        "variance with 1/k^2": 1 / k,
        "noise standard deviation for its variance": noise_variance**-0.5,
        "three percent too large": 1.03,
    }
    return np.array([[bias, variance * factor.get(which, 1.0)]])


E1 = Claim(
    id="ar.E1",
    title="Instance level at finite size",
    statement=(
        r"n>d+1:\quad \mathbb E\,\mathrm{Var}=\frac{\sigma^2md}{n(n-d-1)},\quad \frac{\mathbb E\,\mathrm{Bias}}{r^2}="
        r"\frac{(n-m)[n^3-(m+d)n^2+2dmn+(m-d-3)n+2(d-m+1)]}{n(n-1)(n+2)(n-d-1)}"
    ),
    source=SOURCE,
    provenance="derived",
    assumptions=(GAUSSIAN, FINITE),
    equations={"theory.aggregate_responses.exact_instance_risk": "n > d + 1"},
    kind="exact",
    predict=_instance_level,
    measure=simulation.conditional_errors,
    settings=(sizes(20, 3, 4, 1.0), sizes(24, 8, 8, 1.0), sizes(30, 10, 20, 1.0)),
    outputs=("bias", "variance"),
    budget=120_000,
    block=256,
    mutants=wrong_versions(
        _instance_level,
        "the limit's bias",
        "squared mean alone for the bias",
        "bias of its limit one sample short",
        "the limit's denominator |n - d|",
        "variance without 1/k",
        "variance with 1/k^2",
        "noise standard deviation for its variance",
        "three percent too large",
    ),
    scales={"quick": {"margin": 0.05, "budget": 4000}, "paper": {"margin": 0.004, "budget": 400_000}},
)

E2 = Claim(
    id="ar.E2",
    title="Fewer samples than features, at finite size",
    statement=(
        r"n<d-1,\ \text{every } \rho>0:\quad \mathbb E\,\mathrm{Var}=\frac{\sigma^2m}{d-n-1},\quad "
        r"\frac{\mathbb E\,\mathrm{Bias}}{r^2}=\frac{d^2-dm-dn-d-m^2+2mn+m}{d(d-n-1)}"
    ),
    source=SOURCE,
    provenance="derived",
    assumptions=(GAUSSIAN, FINITE, "of all minimisers the one of least norm; it does not depend on rho > 0"),
    equations={"theory.aggregate_responses.exact_instance_risk": "n < d - 1"},
    kind="exact",
    predict=_instance_level,
    measure=simulation.conditional_errors,
    settings=(sizes(10, 20, 4, 0.4), sizes(8, 20, 5, 3.0), sizes(20, 40, 4, 1.0)),
    outputs=("bias", "variance"),
    budget=80_000,
    block=512,
    mutants=wrong_versions(
        _instance_level,
        "least norm: bias of bag level",
        "least norm: bias of interpolation with labels",
        "least norm: n for the bags",
        "the limit's denominator |n - d|",
        "noise standard deviation for its variance",
        "three percent too large",
    ),
    scales={"quick": {"margin": 0.05, "budget": 4000}, "paper": {"margin": 0.004, "budget": 500_000}},
)


def _correction(which: str = "right", *, psi: float, k: float, **_: Any) -> Array:
    """First corrections of bias and variance of instance level, d (E - limit), per unit power; or wrong versions."""
    bias = (k - 1) * (psi**2 - 2 * psi + 2) / (k**2 * psi * (psi - 1) ** 2)
    variance = 1 / (k * (psi - 1) ** 2)
    if which == "bias with psi - 1 for its square":
        bias *= psi - 1
    if which == "bias with k for k^2":
        bias *= k
    if which == "variance with 1/psi":
        variance *= (psi - 1) / psi
    return np.array([bias, variance])


def _excess_over_limit(*, psi: float, k: float, d: int) -> Array:
    """d times what exact bias and variance of instance level exceed their limits by."""
    n = round(psi * d)
    powers = {"signal": 1.0, "noise_variance": 1.0}
    exact = theory.exact_instance_risk(n, d, round(n / k), **powers)
    limit = theory.limit_risk(psi, k, 1.0, **powers)
    return d * np.array([float(exact.bias) - float(limit.bias), float(exact.variance) - float(limit.variance)])


def _at_features(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    return {**setting, "d": int(size)}


E1_RATE = Claim(
    id="ar.E1.correction",
    title="How far finite sizes are from the limit: order 1/d, with its constant",
    statement=(
        r"\rho=1:\quad d\,(\mathbb E\,\mathrm{Bias}-\lim)/r^2\to\frac{(k-1)(\psi^2-2\psi+2)}{k^2\psi(\psi-1)^2},\quad "
        r"d\,(\mathbb E\,\mathrm{Var}-\lim)/\sigma^2\to\frac1{k(\psi-1)^2}"
    ),
    source="derived from ar.E1",
    provenance="derived",
    assumptions=("n = psi d, m = psi d/k exactly",),
    equations={
        "theory.aggregate_responses.exact_instance_risk": "finite d",
        "theory.aggregate_responses.limit_risk": "the limit",
    },
    kind="limit",
    deterministic=True,
    predict=_correction,
    measure=_excess_over_limit,
    margin=1e-5,
    settings=({"psi": 4.0, "k": 2.0}, {"psi": 6.0, "k": 3.0}, {"psi": 1.5, "k": 3.0}),
    outputs=("bias", "variance"),
    sizes=(200, 400, 800, 1600),
    powers=(1.0, 2.0),
    at_size=_at_features,
    mutants=wrong_versions(
        _correction, "bias with psi - 1 for its square", "bias with k for k^2", "variance with 1/psi"
    ),
)


CLAIMS = (E0, E0_NORM, E1, E1_RATE, E2)
