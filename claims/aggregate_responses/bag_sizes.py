"""Claims ar.D4: which bag size to use under label privacy, in the limit where its noise is all that counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

from scipy.optimize import brentq

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.aggregate_responses._paper import PAPER
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

UNIT = {"epsilon": math.sqrt(2.0), "clipping": 1.0, "adjacency": "zero-out"}  # then 2 f^2 C^2/eps^2 = 1
SECOND_HAND = f"{PAPER}, optimal bag size under label privacy (as quoted in its public reviews)"
LIMIT = "the limit in which the noise of privacy alone counts (ar.D2): V(rho, k)/k, V the variance per noise variance"


# ---------------------------------------------------------------- D4: bag sizes in the limit of ar.D2


def _per_bag(*, psi: float, k: float, rho: float, **_: Any) -> float:
    """V(rho, k)/k."""
    return float(theory.private_limit_risk(psi, k, rho, **UNIT))


def _best_end(*, psi: float, largest: int, rho: float, **_: Any) -> float:
    """The smaller of V/k at bags of 1 and of the largest size."""
    ends = [_per_bag(psi=psi, k=k, rho=rho) for k in (1, largest)]
    return min(ends)


def _end(first: bool, *, psi: float, largest: int, rho: float, **_: Any) -> float:
    """V/k at bags of 1 (`first`) or of the largest size."""
    return _per_bag(psi=psi, k=1 if first else largest, rho=rho)


def _variance_without_division(*, psi: float, k: float, rho: float, **_: Any) -> float:
    """V(rho, k) without the 1/k that larger bags gain."""
    return k * _per_bag(psi=psi, k=k, rho=rho)


def _best_end_without_division(*, psi: float, largest: int, rho: float, **_: Any) -> float:
    """The larger of the two ends, each without its division by k."""
    return max(k * _per_bag(psi=psi, k=k, rho=rho) for k in (1, largest))


def _between(*, k: int, largest: int, **_: Any) -> bool:
    """Whether a bag size lies strictly between 1 and the largest."""
    return 1 < k < largest


D4 = Claim(
    id="ar.D4",
    title="The best bag size under privacy is 1 or the largest",
    statement=(
        r"\min\Big(\frac{V(\rho,1)}1,\frac{V(\rho,K)}K\Big)\le\frac{V(\rho,k)}k,\quad 1\le k\le K;\qquad "
        r"\frac{V(0,k)}k=\frac1{\psi-k},\quad \frac{V(1,k)}k=\frac1{k^2(\psi-1)}"
    ),
    source=f"{SECOND_HAND}: the jump for bags of 1 to 5; for every size derived",
    provenance="reconstructed",
    assumptions=(LIMIT, "psi > 1, the same weight for every bag size; searched, not proved"),
    equations={"theory.aggregate_responses.private_limit_risk": "V/k, up to a constant"},
    kind="bound",
    predict=_per_bag,
    measure=_best_end,
    admissible=_between,
    domain={
        "psi": Range(1.01, 200.0, log=True),
        "rho": Range(1e-5, 100.0, log=True),
        "k": Range(2, 39, log=True, integer=True),
        "largest": Range(3, 40, log=True, integer=True),
    },
    restarts=2000,
    mutants=(
        Mutant(name="always bags of 1", measure=partial(_end, True)),
        Mutant(name="always the largest bags", measure=partial(_end, False)),
        Mutant(
            name="without the division by k", measure=_best_end_without_division, predict=_variance_without_division
        ),
        Mutant(name="the ends are worst", predict=_best_end, measure=_per_bag),
    ),
    scales={"quick": {"restarts": 300}, "paper": {"restarts": 50_000}},
)


def _threshold(which: str = "right", *, psi: float, largest: float) -> float:
    """The weight at which the best bag size jumps, in closed form; or a wrong version."""
    if which == "its limit 1/(2 psi)":
        return 0.5 / psi
    if which == "of the next bag size":
        return float(theory.bag_size_threshold(psi, largest + 1))
    if which == "of psi - 1":
        return float(theory.bag_size_threshold(psi - 1, largest))
    return float(theory.bag_size_threshold(psi, largest))


def _balance(divided: bool, *, psi: float, largest: float) -> float:
    """The weight at which V(rho, K)/K meets 1/(psi - 1), by averages over the Wachter law; or without the 1/K."""
    divisor = largest if divided else 1.0

    def excess(log_rho: float) -> float:
        risk = theory.wachter_risk(psi, largest, math.exp(log_rho), signal=0.0, noise_variance=1.0)
        return math.log(float(risk.variance) / divisor * (psi - 1))

    return math.exp(float(brentq(excess, math.log(1e-6), math.log(50.0), xtol=1e-13)))  # pyright: ignore[reportArgumentType]


JUMPS = tuple({"psi": psi, "largest": k} for psi, k in ((6, 2), (6, 5), (10, 2), (20, 5), (50, 2), (2.3, 3), (7, 3.5)))
D4_JUMP = Claim(
    id="ar.D4.jump",
    title="The weight at which the best bag size jumps, in closed form",
    statement=(
        r"\frac{V(\rho_c,K)}K=\frac1{\psi-1}:\ A=1+\tfrac{K-1}\psi,\ B=\tfrac1{\alpha_2},\ "
        r"x=\frac{A-1}{A+\sqrt{1-(A-1)(B-1)}},\ \rho_c=\frac{x(\alpha_1-1+x)}{(1-x)(\alpha_2-x)}"
    ),
    source=f"{SECOND_HAND}: that there is a jump; its place derived",
    provenance="derived",
    assumptions=(LIMIT,),
    equations={
        "theory.aggregate_responses.bag_size_threshold": "rho_c",
        "theory.aggregate_responses.wachter_risk": "V by quadrature",
    },
    kind="identity",
    predict=_threshold,
    measure=partial(_balance, True),
    settings=JUMPS,
    outputs=("rho_c",),
    mutants=(
        *(
            Mutant(name=name, predict=partial(_threshold, name))
            for name in ("its limit 1/(2 psi)", "of the next bag size", "of psi - 1")
        ),
        Mutant(name="variances compared without 1/K", measure=partial(_balance, False), settings=(5,)),
    ),
)


def _half(which: str = "right", *, largest: float, **_: Any) -> float:
    """The limit of psi rho_c, or a wrong version of it."""
    return {"right": 0.5, "1": 1.0, "1/K": 1 / largest, "1/2 + 1/1000": 0.501}[which]


def _scaled_threshold(*, largest: float, psi: float) -> float:
    """psi rho_c."""
    return psi * float(theory.bag_size_threshold(psi, largest))


def _at_psi(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    return {**setting, "psi": size}


D4_HALF = Claim(
    id="ar.D4.half",
    title="With many samples the jump is at 1/(2 psi), whatever the bags",
    statement=r"\psi\rho_c(\psi,K)\to\tfrac12\quad(\psi\to\infty)",
    source="derived",
    provenance="derived",
    assumptions=(LIMIT,),
    equations={"theory.aggregate_responses.bag_size_threshold": "rho_c"},
    kind="limit",
    deterministic=True,
    margin=1e-4,
    predict=_half,
    measure=_scaled_threshold,
    settings=tuple({"largest": k} for k in (2, 5, 20)),
    outputs=("psi rho_c",),
    sizes=(1000, 2000, 4000, 8000),
    powers=(1.0, 2.0),
    at_size=_at_psi,
    mutants=(
        Mutant(name="1", predict=partial(_half, "1")),
        Mutant(name="1/2 + 1/1000", predict=partial(_half, "1/2 + 1/1000")),
        Mutant(name="1/K", predict=partial(_half, "1/K"), settings=(1, 2)),
    ),
)


def _joint_optimum(which: str = "right", *, psi: float, largest: int, **_: Any) -> float:
    """V/k at weight 1 and the largest bags, in closed form; or a wrong version."""
    return {
        "right": 1 / (largest**2 * (psi - 1)),
        "1/k for 1/k^2": 1 / (largest * (psi - 1)),
        "with psi for psi - 1": 1 / (largest**2 * psi) * 1.5,
        "at bags of 1": 1 / (psi - 1),
    }[which]


def _chosen(*, psi: float, k: int, rho: float, bag_level: bool, **_: Any) -> float:
    """V/k at a bag size, at a weight or at bag level."""
    return _per_bag(psi=psi, k=k, rho=0.0 if bag_level else rho)


def _no_larger(*, k: int, largest: int, **_: Any) -> bool:
    """Whether a bag size is at most the largest."""
    return k <= largest


def _joint_condition(*, psi: float, k: int, largest: int, bag_level: bool, **_: Any) -> bool:
    """The sizes at which weight 1 and the largest bags are best, bag level included."""
    return k <= largest and (not bag_level or psi * (psi - 1) >= 1 - psi / largest)


JOINT_DOMAIN = {
    "psi": Range(1.02, 100.0, log=True),
    "rho": Range(1e-4, 1.0, log=True),
    "k": Range(1, 60, log=True, integer=True),
    "largest": Range(2, 60, log=True, integer=True),
}
D4_JOINT = Claim(
    id="ar.D4.joint",
    title="Weight and bag size together: instance level and the largest bags",
    statement=(
        r"\frac{V(\rho,k)}k\ge\frac{V(1,K)}K=\frac1{K^2(\psi-1)},\quad k\le K,\ 0<\rho\le1;\quad "
        r"\rho=0\ \text{too iff}\ \psi(\psi-1)\ge1-\tfrac\psi K"
    ),
    source=f"{SECOND_HAND}: best at rho = 1, k = 5; the condition derived",
    provenance="reconstructed",
    assumptions=(LIMIT, "weights in [0, 1]: beyond 1 V falls to 0", "bag level is of least norm where psi < k"),
    equations={"theory.aggregate_responses.private_limit_risk": "V/k, up to a constant"},
    proof=(
        "V falls in rho > 0, so rho = 1 is best in (0, 1] and there k = K. At rho = 0 and k > psi the least-norm "
        "variance gives V/k = psi/(k (k - psi)), falling in k; at k = K it undercuts 1/(K^2 (psi - 1)) iff "
        "psi (psi - 1) < 1 - psi/K, which needs psi < (1 + sqrt 5)/2 and large K."
    ),
    kind="bound",
    predict=_chosen,
    measure=_joint_optimum,
    settings=({"bag_level": False}, {"bag_level": True}),
    domain=JOINT_DOMAIN,
    admissible=_joint_condition,
    restarts=1500,
    mutants=tuple(
        Mutant(name=name, measure=partial(_joint_optimum, name))
        for name in ("1/k for 1/k^2", "with psi for psi - 1", "at bags of 1")
    ),
    scales={"quick": {"restarts": 300}, "paper": {"restarts": 20_000}},
)

D4_ALWAYS = Claim(
    id="ar.D4.always",
    title="Instance level and the largest bags are jointly best without a condition (false)",
    statement=r"\min_{k\le K,\,0\le\rho\le1}\frac{V(\rho,k)}k=\frac1{K^2(\psi-1)}\quad\text{for all } \psi>1,\ K",
    source=f"{SECOND_HAND}, read for every psi and K",
    provenance="reconstructed",
    assumptions=(LIMIT, "false: at psi = 1.3 bag level of least norm with bags of 20 has less than half of it"),
    equations={"theory.aggregate_responses.private_limit_risk": "V/k, up to a constant"},
    kind="bound",
    expected="refuted",
    corrected_by="ar.D4.joint",
    predict=_chosen,
    measure=_joint_optimum,
    admissible=_no_larger,
    settings=({"psi": 1.3, "k": 20, "largest": 20, "rho": 1.0, "bag_level": True},),
)


CLAIMS = (D4, D4_JUMP, D4_HALF, D4_JOINT, D4_ALWAYS)
