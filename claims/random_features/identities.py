"""Claims rf.F1.form and rf.F2.correction to rf.F5: consequences of the eigenframework, checked without randomness."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.random_features.wrong_formulas import sums
from theory import random_features as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _framework_symbols() -> dict[str, Any]:
    """The letters as positive sympy symbols; A and B stand for the sums over modes."""
    import sympy

    names = ("n", "k", "z", "q", "A", "B", "noise")
    return dict(zip(names, sympy.symbols(" ".join(names), positive=True), strict=True))


def _textbook_form() -> Any:
    """E_te as published, its sums expressed by A = sum v^2 f^2 and B = sum v^2 e f (so that sum v^2 f = A + B)."""
    x = _framework_symbols()
    n, k, z, q = x["n"], x["k"], x["z"], x["q"]
    # kappa = gamma (k - z)/k, and gamma lambda/(lambda + gamma)^2 = e f
    bracket = (x["A"] + x["B"]) - (k - z) / k * x["B"] * k / (k - q) + x["noise"]
    return bracket / (1 - (q * (k - 2 * z) + z**2) / (n * (k - q)))


def _stable_form(cross: int = 1, square: int = 1, noise_outside: bool = False, slack: str = "z") -> Any:
    """E_te rearranged without cancellation, with switches for wrong versions."""
    x = _framework_symbols()
    s, p, r = x["z"] - x["q"], x["n"] - x["z"], x["k"] - x[slack]
    inside = x["A"] if noise_outside else x["A"] + x["noise"]
    value = x["n"] * (inside * (s + r) + cross * x["B"] * s) / (s * (p + r) + square * p * r)
    return value + x["noise"] if noise_outside else value


F1_FORM = Claim(
    id="rf.F1.form",
    title="The two arrangements of the test error are one",
    statement=r"E_{te} = n\,\frac{(A+\sigma^2)(s+r)+Bs}{s(p+r)+pr},\qquad s=z-q,\ p=n-z,\ r=k-z",
    source="derived; equals the published arrangement identically",
    provenance="derived",
    kind="identity",
    predict=_stable_form,
    measure=_textbook_form,
    mutants=(
        Mutant(name="cross term dropped", predict=partial(_stable_form, cross=0)),
        Mutant(name="product of slacks doubled", predict=partial(_stable_form, square=2)),
        Mutant(name="noise outside the fraction", predict=partial(_stable_form, noise_outside=True)),
        Mutant(name="k - q for k - z", predict=partial(_stable_form, slack="q")),
    ),
)


def _finite_width_gap(
    *, n: float, k: float, ridge: float, alpha: float, beta: float, modes: int, noise: float
) -> float:
    """k (E(k) - E(infinity)): how far `k` features are from infinitely many, times k."""
    task = theory.power_law(alpha, beta, modes)
    return float(k * (theory.risk(n, k, ridge, *task, noise) - theory.risk(n, math.inf, ridge, *task, noise)))


def _first_correction(
    cross: float = 1.0,
    shift: float = 1.0,
    *,
    n: float,
    k: float,
    ridge: float,
    alpha: float,
    beta: float,
    modes: int,
    noise: float,
) -> float:
    """The coefficient of 1/k in the test error at fixed ridge; `k` is not used, `cross` and `shift` spoil two terms."""
    eigenvalues, power = theory.power_law(alpha, beta, modes)
    gamma, _ = theory.implicit_regularization(n, math.inf, ridge, eigenvalues)
    x = sums(n, math.inf, float(gamma), (eigenvalues, power), noise)
    learned, missed = eigenvalues / (eigenvalues + gamma), gamma / (eigenvalues + gamma)
    a1 = float((power * missed**2 * learned).sum())
    s1 = float((learned * missed * (2 * learned - 1)).sum())
    gap = x.s + x.p
    direct = n * x.s / gap * ((x.A + noise) * x.s / gap + cross * x.B)
    moved = n * (2 * a1 / gap - (x.A + noise) * (s1 + x.s) / gap**2) * x.z * x.p / gap
    return direct + shift * moved


def _at_width(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """The `setting` with k = `size` features."""
    return {**setting, "k": size}


CORRECTION = {"n": 256, "ridge": 0.1, "alpha": 1.5, "beta": 1.5, "modes": 10_000, "noise": 0.5}
F2_CORRECTION = Claim(
    id="rf.F2.correction",
    title="First correction of finite width at fixed ridge",
    statement=(
        r"k\,(E-E_\infty) \to \frac{ns}{s+p}\left[\frac{(A+\sigma^2)s}{s+p}+B\right]"
        r" + n\left[\frac{2A_1}{s+p}-\frac{(A+\sigma^2)(s_1+s)}{(s+p)^2}\right]\frac{zp}{p+s}"
    ),
    source="derived",
    provenance="derived",
    assumptions=("fixed ridge, k -> infinity",),
    equations={"theory.random_features.risk": "E at finite and infinite k"},
    kind="limit",
    deterministic=True,
    predict=_first_correction,
    measure=_finite_width_gap,
    settings=(CORRECTION, {**CORRECTION, "beta": 1.9, "noise": 0.07, "ridge": 1.3}),
    sizes=(16_000, 32_000, 64_000, 128_000),
    at_size=_at_width,
    powers=(1.0, 2.0),
    margin=1e-5,
    mutants=(
        Mutant(name="B dropped", predict=partial(_first_correction, 0.0)),
        Mutant(name="shift of gamma ignored", predict=partial(_first_correction, 1.0, 0.0)),
        Mutant(name="shift of gamma with the wrong sign", predict=partial(_first_correction, 1.0, -1.0)),
    ),
)


def _isotropic_risk(*, n: float, k: float, modes: int, power: float, noise: float) -> float:
    """The suite's ridgeless test error for `modes` equal eigenvalues and equal target `power` per mode."""
    return float(theory.risk(n, k, 0.0, np.ones(modes), np.full(modes, power), noise))


def _isotropic_rational(
    swap: bool = False, dof: float = 2, *, n: float, k: float, modes: int, power: float, noise: float
):
    """The same by hand: z = min(n, k), e = z/modes, every sum a product; switches make wrong versions."""
    n, k = (k, n) if swap else (n, k)
    z = min(n, k)
    e = z / modes
    q, a, b = modes * e**dof, power * modes * (1 - e) ** 2, power * modes * e * (1 - e)
    s, p, r = z - q, n - z, k - z
    return n * ((a + noise) * (s + r) + b * s) / (s * (p + r) + p * r)


def _below_rank(*, n: float, k: float, modes: int, **_: Any) -> bool:
    """Whether the ridgeless isotropic error is finite and not noise-free: `n` != `k`, both not beyond `modes`."""
    return n != k and min(n, k) < modes


ISOTROPIC = tuple(
    {"n": n, "k": k, "modes": m, "power": v, "noise": s}
    for n, k, m, v, s in ((30, 60, 100, 0.01, 0.25), (60, 30, 100, 0.01, 0.25), (7.5, 80.0, 90, 0.3, 0.04))
)
F3 = Claim(
    id="rf.F3",
    title="Isotropic linear regression, ridgeless",
    statement=r"\lambda_i=1,\ \delta=0:\quad z=\min(n,k)=\frac{M}{1+\gamma},\quad q=z^2/M",
    source="derived",
    provenance="derived",
    assumptions=("all M eigenvalues equal", "no ridge", "min(n, k) < M, n != k"),
    equations={"theory.random_features.risk": "equal eigenvalues, ridge 0"},
    kind="identity",
    admissible=_below_rank,
    predict=_isotropic_rational,
    measure=_isotropic_risk,
    settings=ISOTROPIC,
    mutants=(
        Mutant(name="n and k swapped", predict=partial(_isotropic_rational, True)),
        Mutant(name="q = z^1.5/M^0.5", predict=partial(_isotropic_rational, False, 1.5)),
        Mutant(name="q = z^3/M^2", predict=partial(_isotropic_rational, False, 3)),
    ),
)


F4_SETTINGS = tuple(
    {"n": n, "k": k, "ridge": d, "noise": 0.3}
    for n, k, d in ((40.0, 90.0, 0.02), (300.5, 20.0, 1e-6), (12.0, 12.5, 3.0), (150.0, 700.0, 1e-9))
)


def _dual_values(*, n: float, k: float, ridge: float, noise: float) -> Array:
    """[gamma(n, k, ridge), E(n, k, ridge)/E(k, n, ridge k/n)] from the solver."""
    task = theory.power_law(1.4, 1.7, 500)
    gamma, _ = theory.implicit_regularization(n, k, ridge, task[0])
    other = theory.risk(k, n, ridge * k / n, *task, noise)
    return np.array([gamma, theory.risk(n, k, ridge, *task, noise) / other])


def _dual_predictions(
    scaling: float = 1.0, same_error: bool = False, *, n: float, k: float, ridge: float, noise: float
) -> Array:
    """[gamma(k, n, ridge k/n), the ratio of test errors]; `scaling` and `same_error` make wrong versions."""
    task = theory.power_law(1.4, 1.7, 500)
    gamma, _ = theory.implicit_regularization(k, n, ridge * (k / n) ** scaling, task[0])
    x = sums(n, k, float(gamma), task, noise)
    ratio = n * ((x.A + noise) * (k - x.q) + x.B * x.s) / (k * ((x.A + noise) * (n - x.q) + x.B * x.s))
    return np.array([gamma, 1.0 if same_error else ratio])


F4 = Claim(
    id="rf.F4",
    title="Duality of samples and features",
    statement=(
        r"\gamma(n,k,\delta)=\gamma(k,n,\delta k/n),\qquad "
        r"\frac{E(n,k)}{E(k,n)}=\frac{n[(A+\sigma^2)(k-q)+Bs]}{k[(A+\sigma^2)(n-q)+Bs]}"
    ),
    source="derived",
    provenance="derived",
    equations={"theory.random_features.implicit_regularization": "gamma at both cells"},
    kind="identity",
    predict=_dual_predictions,
    measure=_dual_values,
    settings=F4_SETTINGS,
    outputs=("gamma", "ratio of test errors"),
    mutants=(
        Mutant(name="ridge not rescaled", predict=partial(_dual_predictions, 0.0)),
        Mutant(name="ridge rescaled by n/k", predict=partial(_dual_predictions, -1.0)),
        Mutant(name="test errors equal", predict=partial(_dual_predictions, 1.0, True)),
    ),
)


def _learned_modes(power: int = 1, *, n: float, k: float, ridge: float, noise: float) -> Array:
    """The sum of learnabilities (to a `power`), summed over modes at the solver's gamma, twice."""
    eigenvalues = np.arange(1, 501) ** -1.4
    gamma, _ = theory.implicit_regularization(n, k, ridge, eigenvalues)
    return np.repeat(np.sum((eigenvalues / (eigenvalues + gamma)) ** power), 2)


def _budgets(swap: bool = False, no_k: bool = False, *, n: float, k: float, ridge: float, noise: float) -> Array:
    """[n - ridge/kappa, k - k kappa/gamma]; the switches make wrong versions."""
    gamma, kappa = theory.implicit_regularization(n, k, ridge, np.arange(1, 501) ** -1.4)
    if swap:
        gamma, kappa = kappa, gamma
    return np.array([n - ridge / kappa, k - (1 if no_k else k) * kappa / gamma])


F5 = Claim(
    id="rf.F5",
    title="Conservation of learnability",
    statement=r"\sum_i e_i = n-\frac{\delta}{\kappa} = k-\frac{k\kappa}{\gamma} \le \min(n,k)",
    source="derived; for kernel ridge regression the conservation law of the eigenlearning framework",
    provenance="derived",
    equations={"theory.random_features.implicit_regularization": "both equations"},
    kind="identity",
    predict=_budgets,
    measure=_learned_modes,
    settings=F4_SETTINGS[:3],
    outputs=("samples", "features"),
    mutants=(
        Mutant(name="kappa and gamma exchanged", predict=partial(_budgets, True)),
        Mutant(name="kappa/gamma without k", predict=partial(_budgets, False, True)),
        Mutant(name="squared learnabilities", measure=partial(_learned_modes, 2)),
    ),
)


CLAIMS = (F1_FORM, F2_CORRECTION, F3, F4, F5)
