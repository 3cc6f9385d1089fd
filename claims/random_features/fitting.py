"""Claims rf.T2, rf.C1 and rf.S: the optimal fitting ratio of power-law tasks, and the cost of any other."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from scipy.optimize import brentq

from assay.claim import Claim, Mutant
from claims.random_features.framework import PAPER
from theory import random_features as theory

__all__ = ["CLAIMS", "POWER_LAW", "variants"]

POWER_LAW = "lambda_i = i^-alpha, v_i^2 = i^-beta, alpha > 1, 1 < beta < 2 alpha + 1, infinitely many modes, k = inf"
NOISE = "noise variance = relative noise times the clean ridgeless test error at the same n"


# ---------------------------------------------------------------- T2: the optimal fitting ratio


def _ratio_gap(*, n: float, alpha: float, beta: float, relative_noise: float) -> float:
    """R_n - R*: train/test error at the best ridge for n samples, less its limit."""
    best = theory.power_law_fitting_ratio(n, alpha, beta, relative_noise)
    return float(best) - float(theory.optimal_fitting_ratio(alpha, beta, relative_noise))


def _wrong_ratio_gap(which: str, *, n: float, alpha: float, beta: float, relative_noise: float) -> float:
    """R_n less a wrong limit: its equation without one factor alpha, with exponents exchanged, the root not squared, or
    the exponent beta - 1; or R_n with a noise variance that does not fall with n."""
    a, b, noise = alpha, beta, relative_noise

    def equation(r: float) -> float:
        if which == "alpha and beta exchanged":
            return b - a - (b - 1) * a * r + b * (b - 1) * noise * (1 - r) ** a
        power = b - 1 if which == "exponent beta - 1" else b
        factor = (a - 1) if which == "noise without alpha" else a * (a - 1)
        return a - b - (a - 1) * b * r + factor * noise * (1 - r) ** power

    if which == "noise fixed in n":  # then its share of the falling test error grows
        grown = noise * (n / 1000) ** (b - 1)
        limit = float(theory.optimal_fitting_ratio(a, b, noise))
        return float(theory.power_law_fitting_ratio(n, a, b, grown)) - limit
    root = float(brentq(equation, 0.0, 1.0)) if equation(0.0) > 0 else 0.0  # pyright: ignore[reportArgumentType]
    limit = root if which == "the root for the ratio" else root**2
    return float(theory.power_law_fitting_ratio(n, alpha, beta, noise)) - limit


def _ratio_exponent(*, alpha: float, beta: float, relative_noise: float) -> float:
    """The power of 1/n at which R_n approaches R*."""
    return float(theory.convergence_exponent(alpha, beta))


T2_SETTINGS = (
    {"alpha": 1.5, "beta": 1.25, "relative_noise": 0.4},
    {"alpha": 1.3, "beta": 1.2, "relative_noise": 2.0},
    {"alpha": 1.17, "beta": 1.14, "relative_noise": 0.0},
    {"alpha": 1.5, "beta": 3.5, "relative_noise": 6.0},
)
T2_TEX = (
    r"R^*=r^2,\quad \alpha-\beta-(\alpha-1)\beta r+\alpha(\alpha-1)\sigma_{rel}^2(1-r)^\beta=0,\quad "
    r"R_n-R^*=O(n^{-\min(1,2\alpha+1-\beta)})"
)
T2 = Claim(
    id="rf.T2",
    title="Theorem 2: the optimal fitting ratio",
    statement=T2_TEX,
    source=f"{PAPER}, Theorem 2 (wording recalled; equation derived, equal to the curve in the authors' notebook)",
    provenance="reconstructed",
    assumptions=(POWER_LAW, NOISE, "the left side is > 0 at r = 0 (else R* = 0, see rf.C1)"),
    equations={
        "theory.random_features.optimal_fitting_ratio": "R*",
        "theory.random_features.power_law_fitting_ratio": "R_n, by minimising over infinite sums",
        "theory.random_features.convergence_exponent": "the exponent",
    },
    kind="rate",
    deterministic=True,
    predict=_ratio_exponent,
    measure=_ratio_gap,
    settings=T2_SETTINGS,
    sizes=(1000, 3000, 10_000, 30_000),
    margin=0.03,
    mutants=tuple(
        Mutant(name=name, measure=partial(_wrong_ratio_gap, name), settings=(0, 1))
        for name in (
            "noise without alpha",
            "alpha and beta exchanged",
            "the root for the ratio",
            "exponent beta - 1",
            "noise fixed in n",
        )
    ),
)


def _risk_at_ratio(*, n: float, ratio: float, alpha: float, beta: float, relative_noise: float) -> float:
    """The exact infinite-sum test error at fitting ratio `ratio`, over its n^(1 - beta)."""
    learned = n * (1 - math.sqrt(ratio))
    gamma, _ = theory.power_law_regularization(learned, math.inf, 0.0, alpha)
    ridge = float(gamma) * (n - learned)
    clean = theory.power_law_risk(n, math.inf, 0.0, alpha, beta)
    return float(theory.power_law_risk(n, math.inf, ridge, alpha, beta, relative_noise * clean)) * n ** (beta - 1)


def _predicted_at_ratio(
    which: str = "right", *, n: float, ratio: float, alpha: float, beta: float, relative_noise: float
) -> float:
    """P F(r), r = sqrt(ratio), by the suite's function, or a wrong version of it; `n` is not used."""
    if which == "right":
        return float(theory.fitting_ratio_risk(ratio, 1.0, alpha, beta, relative_noise, half_sample_shift=False))
    r = ratio if which == "ratio for its root" else math.sqrt(ratio)
    weight = 1.0 if which == "noise without alpha" else alpha
    slope = alpha if which == "alpha for alpha - 1" else alpha - 1
    prefactor = theory.clean_risk_prefactor(alpha, beta) * (1.01 if which == "one percent" else 1.0)
    return prefactor * ((1 - r) ** (1 - beta) + weight * relative_noise) / (1 + slope * r)


def variants(function: Any, *names: str) -> tuple[Mutant, ...]:
    """One mutant of a prediction for each of the `names` of wrong versions that `function` knows."""
    return tuple(Mutant(name=name, predict=partial(function, name)) for name in names)


T2_RISK = Claim(
    id="rf.T2.risk",
    title="Test error as a function of the fitting ratio",
    statement=(
        r"E_{te}(r)=P\,n^{1-\beta}F(r),\quad F(r)=\frac{(1-r)^{1-\beta}+\alpha\sigma_{rel}^2}{1+(\alpha-1)r},"
        r"\quad P=\left(\frac{\pi}{\alpha\sin(\pi/\alpha)}\right)^{\beta-1}\frac{\pi(1-w)}{\sin\pi w},"
        r"\ w=\frac{\beta-1}{\alpha}"
    ),
    source=f"{PAPER}; derived, equal to the curve in the authors' notebook",
    provenance="derived",
    assumptions=(POWER_LAW, NOISE, "n -> infinity at fixed r = sqrt(train/test)"),
    equations={
        "theory.random_features.fitting_ratio_risk": "P n^(1-beta) F, at n = 1",
        "theory.random_features.power_law_risk": "E_te at finite n, infinite sums",
    },
    kind="limit",
    deterministic=True,
    predict=_predicted_at_ratio,
    measure=_risk_at_ratio,
    settings=tuple(
        {"ratio": ratio, "alpha": a, "beta": b, "relative_noise": noise}
        for ratio, a, b, noise in (
            (0.1, 1.5, 1.25, 0.4),
            (0.5, 1.12, 1.36, 5.0),
            (0.3, 2.0, 2.5, 0.6),
            (0.02, 1.5, 2.5, 0.2),
        )
    ),
    sizes=(1000, 4000, 16_000, 64_000),
    powers=(1.0, 2.0),
    margin=1e-4,
    mutants=variants(
        _predicted_at_ratio, "noise without alpha", "ratio for its root", "alpha for alpha - 1", "one percent"
    ),
)


# ---------------------------------------------------------------- C1, S: when interpolation is best, what it costs


def _overfits(*, alpha: float, beta: float, relative_noise: float) -> float:
    """1 if the exact infinite-sum optimum at a million samples has a fitting ratio above 0, else 0."""
    return float(theory.power_law_fitting_ratio(1e6, alpha, beta, relative_noise) > 1e-7)


def _above_threshold(which: str = "right", *, alpha: float, beta: float, relative_noise: float) -> float:
    """1 if the relative noise exceeds the threshold, else 0; or by a wrong threshold."""
    threshold = {
        "right": float(theory.overfitting_threshold(alpha, beta)),
        "threshold without alpha": (beta - alpha) / (alpha - 1),
        "threshold without alpha - 1": (beta - alpha) / alpha,
        "alpha and beta exchanged": (alpha - beta) / (beta * (beta - 1)),
    }[which]
    return float(relative_noise > threshold)


C1 = Claim(
    id="rf.C1",
    title="Corollary 1: when interpolation is optimal",
    statement=r"R^*=0 \iff \sigma_{rel}^2\le\frac{\beta-\alpha}{\alpha(\alpha-1)}",
    source=f"{PAPER}, Corollary 1 (condition derived; a published review speaks of a simple condition)",
    provenance="reconstructed",
    assumptions=(POWER_LAW, NOISE, "n -> infinity (checked at 10^6 samples, 1 % off the threshold)"),
    equations={
        "theory.random_features.overfitting_threshold": "right side",
        "theory.random_features.power_law_fitting_ratio": "R at finite n",
    },
    kind="identity",
    predict=_above_threshold,
    measure=_overfits,
    settings=tuple(
        {"alpha": a, "beta": b, "relative_noise": noise}
        for a, b, noise in (
            (2.0, 2.5, 0.2475),
            (2.0, 2.5, 0.2525),
            (1.12, 1.36, 1.768),
            (1.12, 1.36, 1.804),
            (1.5, 1.25, 0.0),
            (1.5, 1.9, 0.0),
            (1.5, 1.9, 0.528),
            (1.5, 1.9, 0.539),
        )
    ),
    mutants=variants(
        _above_threshold, "threshold without alpha", "threshold without alpha - 1", "alpha and beta exchanged"
    ),
)


def _measured_cost(*, n: float, ratio: float, alpha: float, beta: float, relative_noise: float) -> float:
    """E(ratio)/E(best ratio) from infinite sums at n samples."""
    best = float(theory.power_law_fitting_ratio(n, alpha, beta, relative_noise))
    common = {"n": n, "alpha": alpha, "beta": beta, "relative_noise": relative_noise}
    return _risk_at_ratio(ratio=ratio, **common) / _risk_at_ratio(ratio=best, **common)


def _predicted_cost(which: str = "right", *, n: float, ratio: float, alpha: float, beta: float, relative_noise: float):
    """F(sqrt(ratio))/F(r*), or wrong versions; `n` is not used."""
    if which == "ratio for its root":
        ratio = ratio**2
    if which == "noise without alpha":
        relative_noise = relative_noise / alpha
    cost = float(theory.fitting_ratio_cost(ratio, alpha, beta, relative_noise))
    return {"squared": cost**2, "one in a thousand": 1.001 * cost}.get(which, cost)


S = Claim(
    id="rf.S",
    title="The cost of fitting too little or too much",
    statement=r"\frac{E(R)}{E(R^*)}\to\frac{F(\sqrt R)}{F(r^*)}\ge 1,\quad \to\infty \text{ as } R\to1",
    source="derived",
    provenance="derived",
    assumptions=(POWER_LAW, NOISE, "n -> infinity at fixed ratio"),
    equations={"theory.random_features.fitting_ratio_cost": "F(sqrt R)/F(r*)"},
    kind="limit",
    deterministic=True,
    predict=_predicted_cost,
    measure=_measured_cost,
    settings=tuple(
        {"ratio": ratio, "alpha": a, "beta": b, "relative_noise": noise}
        for ratio, a, b, noise in (
            (0.02, 1.5, 1.25, 0.1),
            (0.5, 1.5, 1.25, 0.4),
            (0.04, 1.12, 1.36, 5.0),
            (0.3, 1.5, 2.5, 0.1),
        )
    ),
    sizes=(1000, 4000, 16_000, 64_000),
    powers=(1.0, 2.0),
    margin=1e-4,
    mutants=variants(_predicted_cost, "ratio for its root", "noise without alpha", "squared", "one in a thousand"),
)

CLAIMS = (T2, T2_RISK, C1, S)
