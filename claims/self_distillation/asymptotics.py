"""Claims sd.R1 to sd.R3: the risks of linear self-distillation in the proportional limit, against simulation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.self_distillation._populations import (
    GAUSSIAN,
    QUICK_SIZES,
    SIZES,
    at_ratio,
    contour_parts,
    model,
    parts,
    times,
)
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS", "SETTINGS"]

Array = NDArray[np.float64]

SETTINGS = (
    {
        "ratio": 0.5,
        "ridges": (0.3,),
        "alphas": (0.2, 0.6, -0.3),
        "spectrum": ("ar1", 0.6),
        "signal": ("top", 0.125, 0.7),
        "signal_power": 1.3,
        "noise_variance": 0.7,
    },
    {
        "ratio": 2.5,
        "ridges": (0.05,),
        "alphas": (0.0, 0.5, -0.4),
        "spectrum": ("ar1", 0.4),
        "signal": ("top", 0.25, 0.6),
        "signal_power": 0.8,
        "noise_variance": 0.4,
    },
    {
        "ratio": 0.75,
        "ridges": (0.2,),
        "alphas": (-0.5, 0.3, 0.4),
        "spectrum": ("spikes", 5.0),
        "signal": ("spikes", 0.3),
        "signal_power": 1.7,
        "noise_variance": 0.5,
    },
)


# ---------------------------------------------------------------- R1: t steps


def _rescheduled(which: str, *, alphas: Any, ridges: Any, **population: Any) -> Array:
    """`parts` for the schedule or the ridge of a misreading."""
    weights = np.asarray(alphas)
    if which == "truth and teacher exchanged":
        return parts(alphas=1.0 - weights, ridges=ridges, **population)
    if which == "noise deviation for its variance":
        deviation = population["noise_variance"] ** 0.5
        return parts(alphas=weights, ridges=ridges, **{**population, "noise_variance": deviation})
    if which == "ridge divided by p":
        scale = population["samples"] / population["features"]
        return parts(alphas=weights, ridges=np.asarray(ridges) / scale, **population)
    return np.roll(parts(alphas=weights, ridges=ridges, **population), 1, axis=1)  # every student one step late


def _filtered_modes(*, ridges: Any, alphas: Any, **population: Any) -> Array:
    """The filter put on s/(s + kappa) with the one factor 1/(1 - df2) of ridge: right for the first student alone."""
    right = parts(ridges=ridges, alphas=alphas, **population)
    s, power, _, ratio = model(**population)
    for row, ridge in zip(right, ridges, strict=True):
        kept = s / (s + np.asarray(theory.effective_ridge(float(ridge), s, ratio), dtype=float))
        shared = 1 - ratio * np.mean(kept**2)
        gain = np.ones_like(s)
        row[0, 0] = np.sum(s * power * (1 - kept) ** 2) / shared
        for student, alpha in enumerate(alphas, start=1):
            gain = alpha + (1 - alpha) * kept * gain
            row[student, 0] = np.sum(s * power * (1 - kept * gain) ** 2) / shared
    return right


R1 = Claim(
    id="sd.R1",
    title="Risk of every student in the proportional limit",
    statement=(
        r"\text{bias}_t\to\sum_{jl}W_jW_l\,(1-B_t(m_j))(1-B_t(m_l))\,\frac{\kappa_j\kappa_l}{\mu_j\mu_l}"
        r"\frac{\sum_k s_k\beta_k^2/((s_k+\kappa_j)(s_k+\kappa_l))}{1-\mathrm{df}_2(\mu_j,\mu_l)},\quad "
        r"\text{variance}_t\to\sigma^2\sum_j W_j\,C_t(m_j)^2\,\frac{m_j(1-m_j)}{\lambda}"
        r"\Big(\frac{\kappa_j}{\mu_j}-1\Big)"
    ),
    source="derived; two-point deterministic equivalents under a contour integral",
    provenance="derived",
    assumptions=(GAUSSIAN, "sum_j is the trapezoidal rule on a circle around the spectrum of m = s/(s + lambda)"),
    equations={"theory.self_distillation.excess_risk": "bias and variance of students 1, ..., 4"},
    kind="limit",
    predict=parts,
    measure=simulation.distilled_risks,
    settings=SETTINGS,
    columns=(1, 2, 4, 5, 7, 8, 10, 11),
    outputs=tuple(f"{part}, step {step}" for step in range(1, 5) for part in ("bias", "variance")),
    sizes=SIZES,
    at_size=at_ratio,
    budget=12_000,
    mutants=(
        *(
            Mutant(name=name, predict=partial(contour_parts, name))
            for name in ("the ridge itself for kappa", "without 1/(1 - df2)", "C for C^2 in the variance")
        ),
        *(
            Mutant(name=name, predict=partial(_rescheduled, name))
            for name in (
                "truth and teacher exchanged",
                "noise deviation for its variance",
                "ridge divided by p",
                "one step late",
            )
        ),
        Mutant(name="filter put on s/(s + kappa)", predict=_filtered_modes),
        Mutant(name="four percent too large", predict=partial(times, 1.04, parts)),
        Mutant(name="twenty percent too large", predict=partial(times, 1.2, parts)),
    ),
    scales={"quick": {"sizes": QUICK_SIZES, "margin": 0.05, "budget": 4000}},
)


# ---------------------------------------------------------------- R2: infinitely many steps


def _settled(which: str = "right", *, alphas: Any, ridges: Any, **population: Any) -> Array:
    """[bias, variance] of the limit student for every weight and ridge, shape (alphas, ridges, 2), or a wrong one."""
    weight, lam = np.broadcast_arrays(np.asarray(alphas)[:, None], np.asarray(ridges)[None, :])
    wrong = {
        "ridge times alpha": lam * weight,
        "ridge over alpha squared": lam / weight**2,
        "ridge over 1 - alpha": lam / (1 - weight),
        "the first student": lam,
    }
    used = (lam, weight) if which == "right" else (wrong[which], 1.0)
    risk = theory.limit_excess_risk(*model(**population), *used)
    return np.stack([np.asarray(risk.bias), np.asarray(risk.variance)], axis=-1)


R2 = Claim(
    id="sd.R2",
    title="Infinitely many steps: the risk of ridge regression with the ridge amplified",
    statement=(
        r"t\to\infty,\ 0<\alpha\le 1:\quad \text{risk}=\frac{\kappa^2\sum_k s_k\beta_k^2/(s_k+\kappa)^2"
        r"+\sigma^2\mathrm{df}_2}{1-\mathrm{df}_2},\qquad \kappa=\kappa(\lambda/\alpha)"
    ),
    source="derived, sd.A3 and sd.R1",
    provenance="derived",
    assumptions=(GAUSSIAN,),
    equations={"theory.self_distillation.limit_excess_risk": "bias and variance at lambda/alpha"},
    kind="limit",
    predict=_settled,
    measure=simulation.settled_risks,
    settings=tuple({**setting, "alphas": (0.15, 0.4)} for setting in SETTINGS),
    columns=(1, 2, 4, 5),
    outputs=tuple(f"{part}, alpha = {alpha}" for alpha in (0.15, 0.4) for part in ("bias", "variance")),
    sizes=SIZES,
    at_size=at_ratio,
    budget=12_000,
    mutants=(
        *(
            Mutant(name=name, predict=partial(_settled, name))
            for name in ("ridge times alpha", "ridge over alpha squared", "ridge over 1 - alpha", "the first student")
        ),
        Mutant(name="four percent too large", predict=partial(times, 1.04, _settled)),
        Mutant(name="twenty percent too large", predict=partial(times, 1.2, _settled)),
    ),
    scales={"quick": {"sizes": QUICK_SIZES, "margin": 0.05, "budget": 4000}},
)


# ---------------------------------------------------------------- R3: the rate


def _beside_limit(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """The setting at n = `size`, with the limit values that the experiment is compared with."""
    keywords = at_ratio(setting, size)
    rest = {name: value for name, value in keywords.items() if name not in ("ridges", "alphas")}
    risk = theory.excess_risk(*model(**rest), np.asarray(keywords["ridges"]), keywords["alphas"])
    return {**keywords, "reference": np.asarray(risk.total).T.tolist()}


def _exponent(power: float = 1.0, **_: Any) -> float:
    """The exponent of 1/n."""
    return power


R3 = Claim(
    id="sd.R3",
    title="The limit is approached like 1/n",
    statement=r"\mathbb E[\text{risk}_t(n)]/\text{risk}_t(\infty)-1\sim c_t/n,\qquad p/n\ \text{fixed}",
    source="derived: the fluctuations of linear spectral statistics are of order 1/n",
    provenance="derived",
    assumptions=(GAUSSIAN, "signal spread evenly, so that the means can be measured to a few percent of c/n"),
    equations={"simulations.self_distillation.relative_deviations": "left side at size n"},
    kind="rate",
    predict=_exponent,
    measure=simulation.relative_deviations,
    settings=({**SETTINGS[0], "alphas": (0.2,), "signal": ("isotropic",)},),
    outputs=("step 1", "step 2"),
    sizes=(16, 24, 32, 48),
    at_size=_beside_limit,
    margin=0.15,
    budget=120_000,
    block=512,
    mutants=(
        Mutant(name="1/sqrt(n)", predict=partial(_exponent, 0.5)),
        Mutant(name="1/n^(3/2)", predict=partial(_exponent, 1.5)),
        Mutant(name="1/n^2", predict=partial(_exponent, 2.0)),
    ),
    scales={"quick": {"sizes": (8, 12, 16, 24), "margin": 0.3, "budget": 40_000}},
)

CLAIMS = (R1, R2, R3)
