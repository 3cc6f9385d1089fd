"""Claims ar.E3: every weight at finite size, through the eigenvalues of a matrix beta."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim
from claims.aggregate_responses._ensemble import expected_traces
from claims.aggregate_responses._paper import FINITE, GAUSSIAN
from claims.aggregate_responses._settings import SOURCE, sizes, wrong_versions
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


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
    return np.stack(np.broadcast_arrays(bias, variance), axis=-1).astype(float)


TRACES_TEX = (
    r"w=\frac{\rho(1-b)}{b+\rho(1-b)},\ g=\frac{b}{(b+\rho(1-b))^2}:\quad \frac{\mathbb E\,\mathrm{Bias}}{r^2}="
    r"\frac{(n-1)\,\mathbb E\sum w_i^2-\mathbb E(\sum w_i)^2}{d(n-d-1)},\quad "
    r"\frac{\mathbb E\,\mathrm{Var}}{\sigma^2}=\frac{\mathbb E\sum g_i}{n-d-1}"
)
LABELS = tuple(f"{part} at the {which} weight" for which in ("smaller", "larger") for part in ("bias", "variance"))
TRACE_MUTANTS = wrong_versions(
    _from_traces,
    "(sum w)^2 forgotten",
    "n - 1 forgotten (B taken for fixed)",
    "its cross terms forgotten",
    "n - d for n - d - 1",
    "g to the first power",
    "n for n - 1",
)
TRACE_SETTINGS = (  # as many eigenvalues inside as features, fewer bags than features, fewer within-bag rows
    sizes(40, 3, 10, 0.3, 1.5),
    sizes(24, 8, 3, 0.1, 0.8),
    sizes(22, 8, 19, 1.5, 8.0),
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
    settings=(sizes(24, 1, 8, 0.3, 2.5), sizes(60, 1, 24, 1.5, 6.0)),
    outputs=LABELS,
    margin=0.02,
    budget=80_000,
    block=256,
    mutants=wrong_versions(
        _one_feature, "bags and within-bag rows swapped", "weight 1/rho", "weight k rho", "n - 1 for n - 2"
    ),
    scales={"quick": {"margin": 0.06, "budget": 4000}, "paper": {"margin": 0.004, "budget": 800_000}},
)

CLAIMS = (E3, E3_BETA, E3_ONE)
