"""Claims ar.E0 to ar.E3: expected bias and variance at finite size, against simulations of the same small size."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.aggregate_responses._ensemble import expected_traces
from claims.aggregate_responses._paper import FINITE, GAUSSIAN
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
POWERS = {"signal": 1.7, "noise_variance": 0.3}
SOURCE = "derived: Wishart and matrix-beta moments"


def _interleaved(bias: Any, variance: Any) -> Array:
    """[bias, variance] in the order of the simulations."""
    return np.stack(np.broadcast_arrays(bias, variance), axis=-1).astype(float)


def _mutants(formula: Any, names: tuple[str, ...], settings: tuple[int, ...] = ()) -> tuple[Mutant, ...]:
    """One mutant for every name of a wrong version of `formula`, at `settings`."""
    return tuple(Mutant(name=name, predict=partial(formula, name), settings=settings) for name in names)


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


def _sizes(n: int, d: int, m: int, *interpolations: float) -> dict[str, Any]:
    """A setting with m bags."""
    return {"n": n, "d": d, "bag_size": n / m, "interpolations": interpolations, **POWERS}


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
    settings=(_sizes(66, 5, 22, 0.0), _sizes(75, 8, 30, 0.0)),
    outputs=("bias", "variance"),
    budget=70_000,
    block=256,
    mutants=_mutants(_bag_level, BAG_MUTANTS),
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
    mutants=_mutants(_least_norm, (*BAG_MUTANTS, "bias 1 - n/d")),
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
    settings=(_sizes(20, 3, 4, 1.0), _sizes(24, 8, 8, 1.0), _sizes(18, 5, 12, 1.0), _sizes(26, 12, 10, 1.0)),
    outputs=("bias", "variance"),
    budget=70_000,
    block=256,
    mutants=_mutants(
        _instance_level,
        (
            "the limit's bias",
            "squared mean alone for the bias",
            "bias of its limit one sample short",
            "the limit's denominator |n - d|",
            "variance without 1/k",
            "variance with 1/k^2",
            "noise standard deviation for its variance",
            "three percent too large",
        ),
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
    settings=(_sizes(10, 20, 4, 0.4), _sizes(8, 20, 5, 3.0), _sizes(20, 40, 4, 1.0)),
    outputs=("bias", "variance"),
    budget=80_000,
    block=512,
    mutants=_mutants(
        _instance_level,
        (
            "least norm: bias of bag level",
            "least norm: bias of interpolation with labels",
            "least norm: n for the bags",
            "the limit's denominator |n - d|",
            "noise standard deviation for its variance",
            "three percent too large",
        ),
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
    mutants=_mutants(_correction, ("bias with psi - 1 for its square", "bias with k for k^2", "variance with 1/psi")),
)


# ---------------------------------------------------------------- E3: every weight


def _from_traces(
    which: str = "right",
    *,
    n: int,
    d: int,
    bag_size: float,
    interpolations: Any,
    signal: float,
    noise_variance: float,
) -> Array:
    """[bias, variance] at every weight from the matrix beta's expected traces, or a wrong version."""
    values = []
    for rho in interpolations:
        squares, squared, gain = expected_traces(n, d, round(n / bag_size), float(rho))
        traces = {"missed_squares": squares, "missed_squared": squared, "gain": gain}
        right = theory.exact_risk_from_traces(n, d, **traces, signal=signal, noise_variance=noise_variance)
        bias, variance = float(right.bias), float(right.variance)
        scale = signal / (d * (n - d - 1))
        extra = {"n for n - 1": squares, "(sum w)^2 forgotten": squared, "its cross terms forgotten": squared - squares}
        bias += extra.get(which, 0.0) * scale
        if which == "n - 1 forgotten (B taken for fixed)":
            bias = signal * squares / d
        if which == "n - d for n - d - 1":
            bias, variance = (part * (n - d - 1) / (n - d) for part in (bias, variance))
        if which == "g to the first power":
            variance *= squares / gain
        values.append([bias, variance])
    return np.array(values)


def _one_feature(
    which: str = "right",
    *,
    n: int,
    bag_size: float,
    interpolations: Any,
    signal: float,
    noise_variance: float,
    **_: Any,
) -> Array:
    """[bias, variance] at every weight with one feature, by quadrature; or a wrong version."""
    m, rho = round(n / bag_size), np.asarray(interpolations, dtype=float)
    if which == "bags and within-bag rows swapped":
        m = n - m
    if which == "weight 1/rho":
        rho = 1 / rho
    if which == "weight k rho":
        rho = bag_size * rho
    bias, variance, _total = theory.exact_one_feature_risk(n, m, rho, signal=signal, noise_variance=noise_variance)
    variance = np.asarray(variance) * ((n - 2) / (n - 1) if which == "n - 1 for n - 2" else 1.0)
    return _interleaved(bias, variance)


TRACES_TEX = (
    r"w=\frac{\rho(1-b)}{b+\rho(1-b)},\ g=\frac{b}{(b+\rho(1-b))^2}:\quad \frac{\mathbb E\,\mathrm{Bias}}{r^2}="
    r"\frac{(n-1)\,\mathbb E\sum w_i^2-\mathbb E(\sum w_i)^2}{d(n-d-1)},\quad "
    r"\frac{\mathbb E\,\mathrm{Var}}{\sigma^2}=\frac{\mathbb E\sum g_i}{n-d-1}"
)
WEIGHTS = (0.3, 2.5)
LABELS = tuple(f"{part} at the {which} weight" for which in ("smaller", "larger") for part in ("bias", "variance"))
TRACE_MUTANTS = _mutants(
    _from_traces,
    (
        "(sum w)^2 forgotten",
        "n - 1 forgotten (B taken for fixed)",
        "its cross terms forgotten",
        "n - d for n - d - 1",
        "g to the first power",
        "n for n - 1",
    ),
)
TRACE_SETTINGS = (  # as many eigenvalues inside as features, fewer bags than features, fewer within-bag rows
    _sizes(40, 3, 10, 0.3, 1.5),
    _sizes(24, 8, 3, 0.1, 0.8),
    _sizes(22, 8, 19, 1.5, 8.0),
)

E3 = Claim(
    id="ar.E3",
    title="Every weight at finite size, from the eigenvalues of a matrix beta",
    statement=TRACES_TEX,
    source=SOURCE,
    provenance="derived",
    assumptions=(GAUSSIAN, FINITE, "n > d + 1", "traces by quadrature over the Jacobi density"),
    equations={"theory.aggregate_responses.exact_risk_from_traces": "both sides of the reduction"},
    kind="exact",
    predict=_from_traces,
    measure=simulation.conditional_errors,
    settings=TRACE_SETTINGS,
    outputs=LABELS,
    margin=0.015,
    budget=60_000,
    block=256,
    mutants=TRACE_MUTANTS,
    scales={"quick": {"margin": 0.05, "budget": 5000}, "paper": {"margin": 0.004, "budget": 800_000}},
)

E3_BETA = Claim(
    id="ar.E3.beta",
    title="Every weight at finite size, from beta variates alone",
    statement=r"b_1,\dots,b_d:\ \text{eigenvalues of a bidiagonal matrix of independent beta variates}",
    source="derived; the bidiagonal model is Edelman and Sutton's",
    provenance="derived",
    assumptions=(GAUSSIAN, FINITE, "n > d + 1"),
    equations={"theory.aggregate_responses.exact_risk_from_traces": "right side"},
    kind="exact",
    predict=_from_traces,
    measure=simulation.jacobi_errors,
    settings=TRACE_SETTINGS,
    outputs=LABELS,
    budget=200_000,
    block=1024,
    mutants=TRACE_MUTANTS,
    scales={"quick": {"margin": 0.03, "budget": 20_000}, "paper": {"margin": 0.003, "budget": 2_000_000}},
)

E3_ONE = Claim(
    id="ar.E3.one",
    title="One feature: the anchor of all finite sizes",
    statement=r"d=1:\ b\sim\mathrm{Beta}(\tfrac m2,\tfrac{n-m}2),\ \mathbb E\,\mathrm{Bias}=r^2\,\mathbb E w^2,\ "
    r"\mathbb E\,\mathrm{Var}=\sigma^2\,\mathbb E g/(n-2)",
    source=SOURCE,
    provenance="derived",
    assumptions=(GAUSSIAN, "one feature, any n and number of bags"),
    equations={"theory.aggregate_responses.exact_one_feature_risk": "by quadrature over b"},
    kind="exact",
    predict=_one_feature,
    measure=simulation.conditional_errors,
    settings=(_sizes(40, 1, 10, *WEIGHTS), _sizes(30, 1, 20, *WEIGHTS)),
    outputs=LABELS,
    budget=100_000,
    block=256,
    mutants=_mutants(
        _one_feature,
        ("bags and within-bag rows swapped", "weight 1/rho", "weight k rho", "n - 1 for n - 2"),
    ),
    scales={"quick": {"margin": 0.06, "budget": 4000}, "paper": {"margin": 0.004, "budget": 800_000}},
)

CLAIMS = (E0, E0_NORM, E1, E1_RATE, E2, E3, E3_BETA, E3_ONE)
