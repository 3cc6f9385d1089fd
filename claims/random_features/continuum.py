"""Claims rf.H, rf.L and rf.P: sums over power-law modes as integrals, and measurements that reveal the exponents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.random_features.fitting import POWER_LAW, variants
from claims.random_features.framework import GAUSSIAN, PAPER
from simulations import random_features as simulation
from theory import random_features as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _clean_risk_error(shift: float = 0.5, *, n: float, alpha: float, beta: float) -> float:
    """Relative error of P n (n + shift)^-beta against infinite sums; by the suite's function at the right `shift`."""
    exact = float(theory.power_law_risk(n, math.inf, 0.0, alpha, beta))
    if shift == 0.5:
        return float(theory.clean_ridgeless_risk(n, alpha, beta)) / exact - 1
    return theory.clean_risk_prefactor(alpha, beta) * n * (n + shift) ** -beta / exact - 1


def _shifted_exponent(*, alpha: float, beta: float) -> float:
    """The power of 1/n of the error that the shift leaves."""
    return min(alpha + 1, 2 * alpha + 1 - beta)


H = Claim(
    id="rf.H",
    title="The half-sample shift",
    statement=(
        r"z=C_\alpha\kappa^{-1/\alpha}-\tfrac12+O(\kappa)\;\Rightarrow\; "
        r"E_0=P\,n\,(n+\tfrac12)^{-\beta}\left(1+O(n^{-\min(\alpha+1,\,2\alpha+1-\beta)})\right)"
    ),
    source="derived; without the shift the error is O(1/n)",
    provenance="derived",
    assumptions=(POWER_LAW, "no noise, no ridge"),
    equations={"theory.random_features.clean_ridgeless_risk": "right side"},
    kind="rate",
    deterministic=True,
    predict=_shifted_exponent,
    measure=_clean_risk_error,
    settings=tuple({"alpha": a, "beta": b} for a, b in ((1.5, 1.25), (1.17, 1.14), (2.0, 3.2), (1.5, 3.5))),
    sizes=(1000, 2000, 4000, 8000),
    margin=0.02,
    mutants=(
        Mutant(name="no shift", measure=partial(_clean_risk_error, 0.0), settings=(0, 1, 2)),
        Mutant(name="shift by minus one half", measure=partial(_clean_risk_error, -0.5), settings=(0, 1, 2)),
        Mutant(name="shift by one", measure=partial(_clean_risk_error, 1.0), settings=(0, 1, 2)),
    ),
)


def _continuum_errors(which: str = "right", *, n: float, alpha: float, beta: float) -> Array:
    """Relative errors of the integrals for z, s, A and B at kappa = (C/n)^alpha."""
    constant, missed = theory.leading_constants(alpha, beta)
    kappa = (constant / n) ** alpha
    exact = theory.power_law_sums(kappa, alpha, beta)
    z = constant * kappa ** (-1 / alpha)
    bias = missed * kappa ** ((beta - 1) / alpha)
    s = z * (1 - 1 / alpha) if which == "s = q" else z / alpha
    shared = bias * (beta - 1) / (alpha if which == "B without 1 - beta" else alpha - beta + 1)
    bias = 1.01 * bias if which == "one percent in A" else bias
    sums = (exact.degrees_of_freedom, exact.degrees_of_freedom_gap, exact.missed_power, exact.shared_power)
    return np.array([z, s, bias, shared]) / np.array([float(x) for x in sums]) - 1


def _continuum_exponents(*, alpha: float, beta: float) -> Array:
    """The powers of 1/n at which the four errors fall."""
    return np.array([1.0, 1 + alpha, 2 * alpha + 1 - beta, alpha + 1 - beta])


L = Claim(
    id="rf.L",
    title="Sums over modes as integrals",
    statement=(
        r"z=C_\alpha\kappa^{-1/\alpha}+O(1),\ s=z/\alpha+O(\kappa),\ "
        r"A=\frac{\pi(1-w)}{\alpha\sin\pi w}\kappa^w+O(\kappa^2),\ B=\frac{\pi w}{\alpha\sin\pi w}\kappa^w+O(\kappa)"
    ),
    source=f"{PAPER}, lemmas on the continuum approximation (existence seen, content derived)",
    provenance="reconstructed",
    assumptions=(POWER_LAW, "beta < alpha + 1, so that the integral dominates B"),
    equations={
        "theory.random_features.power_law_sums": "z, s, A, B",
        "theory.random_features.leading_constants": "C, D",
    },
    kind="rate",
    deterministic=True,
    predict=_continuum_exponents,
    measure=_continuum_errors,
    settings=tuple({"alpha": a, "beta": b} for a, b in ((1.5, 1.25), (1.4, 1.8), (1.7, 1.9))),
    outputs=("z", "s", "A", "B"),
    sizes=(100, 200, 400, 800),
    mutants=tuple(
        Mutant(name=name, measure=partial(_continuum_errors, name))
        for name in ("s = q", "B without 1 - beta", "one percent in A")
    ),
)


# ---------------------------------------------------------------- P: exponents by proxy


PROXY_TASK = {"alpha": 1.8, "beta": 2.2, "modes": 20_000}


def _one_size(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """The `setting` with the single sample count `size`."""
    return {**setting, "sample_counts": (int(size),)}


def _proxy_slopes(which: str = "right", *, alpha: float, beta: float, **_: Any) -> Array:
    """[exponent of kappa, exponent of the clean risk], or wrong versions."""
    kappa, clean, _noise = theory.proxy_exponents(alpha, beta)
    return {
        "right": np.array([-kappa, -clean]),
        "alpha - 1 for kappa": np.array([alpha - 1, beta - 1]),
        "beta for the clean risk": np.array([alpha, beta]),
        "exchanged": np.array([beta - 1, alpha]),
    }[which]


P = Claim(
    id="rf.P",
    title="Exponents by proxy",
    statement=r"1/\mathrm{tr}K_n^{-1}\propto n^{-\alpha},\qquad E_{te}(\sigma=\delta=0)\propto n^{-(\beta-1)}",
    source=f"{PAPER}, as on the axes of the authors' notebook; derived",
    provenance="paper",
    assumptions=(GAUSSIAN, POWER_LAW, "n far below the number of modes"),
    equations={"theory.random_features.proxy_exponents": "both slopes"},
    kind="rate",
    predict=_proxy_slopes,
    measure=simulation.proxy_statistics,
    settings=(PROXY_TASK,),
    columns=(0, 1),
    outputs=("kappa", "clean test error"),
    sizes=(24, 48, 96, 192),
    at_size=_one_size,
    budget=2000,
    block=32,
    mutants=variants(_proxy_slopes, "alpha - 1 for kappa", "beta for the clean risk", "exchanged"),
    scales={"quick": {"settings": ({**PROXY_TASK, "modes": 6000},), "sizes": (16, 32, 64), "margin": 0.1}},
)


def _amplification(which: str = "right", *, alpha: float, beta: float, **_: Any) -> float:
    """The limit of the test error on pure unit noise, or wrong versions."""
    limit = float(theory.proxy_exponents(alpha, beta)[2])
    return {
        "right": limit,
        "alpha/(alpha - 1)": alpha / (alpha - 1),
        "alpha - 1": alpha - 1,
        "alpha + 1": alpha + 1,
    }[which]


P_NOISE = Claim(
    id="rf.P.noise",
    title="Noise amplification reveals the eigenvalue exponent",
    statement=r"\text{labels pure noise of variance 1, }\delta=0:\quad E_{te}\to\frac{n}{n-q}\to\alpha",
    source=f"{PAPER}, overfitting coefficient; derived",
    provenance="derived",
    assumptions=(GAUSSIAN, POWER_LAW, "n far below the number of modes"),
    equations={"theory.random_features.proxy_exponents": "the limit"},
    kind="limit",
    predict=_amplification,
    measure=simulation.proxy_statistics,
    settings=(PROXY_TASK,),
    columns=(2,),
    outputs=("test error on noise",),
    sizes=(16, 32, 64, 128),
    at_size=_one_size,
    budget=6000,
    block=32,
    margin=0.02,
    mutants=variants(_amplification, "alpha/(alpha - 1)", "alpha - 1", "alpha + 1"),
    scales={"quick": {"settings": ({**PROXY_TASK, "modes": 6000},), "sizes": (8, 16, 32, 64), "margin": 0.08}},
)

CLAIMS = (H, L, P, P_NOISE)
