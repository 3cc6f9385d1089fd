"""Claims sn.T2: below 2 sqrt(2)/eta the GFS sharpness never rises, and the constant is the best one."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.scalar_networks._paper import PAPER
from claims.scalar_networks._points import (
    EDGE,
    GAPS,
    ONE_STEP,
    after,
    before,
    below,
    flow_sharpness,
    minimum,
    moved,
)
from simulations import scalar_networks as simulation
from theory import scalar_networks as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _region_point(
    *, depth: int, above: bool, gap2: float, gap3: float, gap4: float, edge: float, share: float, most: float = EDGE
) -> tuple[Array, float]:
    """Weights of a product up to 1 or `above` it up to P_D, and a step size with eta phi = `edge` <= `most`."""
    solution = minimum(depth, gap2, gap3, gap4)
    largest = theory.maximal_product(depth)
    product = below(1.0 + (largest - 1.0) * share, largest) if above else 10.0 ** (8.0 * (share - 1.0))
    return simulation.flow_to_product(solution, product), below(edge, most) / float(np.sum(solution**-2.0))


def _inside(**point: Any) -> bool:
    """Whether theory agrees that the point lies in the region."""
    return bool(theory.monotone_region(*_region_point(**point)))


def _region_before(**point: Any) -> float:
    """phi before the step."""
    return float(theory.gfs_sharpness(_region_point(**point)[0]))


def _region_after(which: str = "right", **point: Any) -> float:
    """phi after one literal step; wrong versions take a larger step or start from a larger product."""
    weights, step_size = _region_point(**point)
    if which == "4 for 2 sqrt(2)":
        step_size *= 4.0 / EDGE
    elif which == "one percent more":
        step_size *= 1.01
    elif which == "any product":
        weights = simulation.flow_to_product(weights, 1.0 + 5.0 * point["share"])
    elif which == "sharpness at the weights":
        step_size = below(point["edge"], EDGE) / float(simulation.sharpness(weights))
    return flow_sharpness(moved(weights, step_size)) * (1.01 if which == "falls by one percent" else 1.0)


REGION = tuple({"depth": depth, "above": above} for depth in (2, 3, 4, 8) for above in (False, True))
T2_PROOF = (
    "The pair conditions of sn.T1 follow. With s_1 <= s_2 <= s_3: phi >= 2/(s_1 s_2) gives eta^2 <= 2 s_1^2 s_2^2, and "
    "phi s_1 s_3 >= t + 1/t + s_1 s_3/s_2^2 >= 2 t + 1/t >= 2 sqrt(2), t = s_1/s_3, gives eta <= s_1 s_3. As pi^2 is "
    "the product of the u_k and the s_k^2 have product 1, a^2/(u_i u_j) = eta^2/(s_i s_j)^2 (pi - 1)^2 times the "
    "product of u_k/s_k^2 over k other than i, j. For pi <= 1 all of these are <= 1. For pi > 1, R_k = u_k/s_k^2 falls "
    "with s_k and the R_k have product pi^2, so those without the two smallest weights have product <= pi^(2 - 4/D), "
    "those without the pair (1,3) likewise for D >= 4 and <= pi for D = 3; (P_D - 1)^2 times this bound is 1 at P_D."
)
T2 = Claim(
    id="sn.T2",
    title="Below 2 sqrt(2)/eta the GFS sharpness never rises",
    statement=(
        r"\varphi(w)\le2\sqrt2/\eta,\ 0<\pi\le P_D\;\Rightarrow\;\varphi(w')\le\varphi(w);\qquad "
        r"(P_D-1)P_D^{1-2/D}=1\ (D\ne3),\ P_3=P_4=1.7548"
    ),
    source=f"{PAPER}, main theorem (recalled in outline, with a condition on quasi-static descent for the one on pi)",
    provenance="derived",
    assumptions=(ONE_STEP, "positive product up to P_D; P_2 = 2, falling to the golden ratio"),
    proof=T2_PROOF,
    equations={
        "theory.scalar_networks.gfs_sharpness": "phi before the step",
        "theory.scalar_networks.maximal_product": "P_D",
        "simulations.scalar_networks.gradient_descent": "the step",
        "simulations.scalar_networks.flow_to_product": "phi after the step",
    },
    kind="bound",
    margin=1e-9,
    admissible=_inside,
    predict=_region_before,
    measure=_region_after,
    settings=REGION,
    domain={**GAPS, "edge": Range(0.5, 3.5), "share": Range(0.001, 1.0)},
    restarts=700,
    mutants=(
        Mutant(name="4 for 2 sqrt(2)", measure=partial(_region_after, "4 for 2 sqrt(2)")),
        Mutant(name="one percent more", measure=partial(_region_after, "one percent more"), settings=(0,)),
        Mutant(name="any product", measure=partial(_region_after, "any product"), settings=(1,)),
        Mutant(
            name="sharpness at the weights", measure=partial(_region_after, "sharpness at the weights"), settings=(0, 2)
        ),
        Mutant(name="falls by one percent", measure=partial(_region_after, "falls by one percent")),
    ),
    scales={"quick": {"restarts": 150}},
)


def _sharpest(depth: int, n: float) -> Array:
    """Weights of product 1/n whose flow limit has squares in the ratio 1 : 1 + 1/n : n^2 : ... : n^2."""
    logs = 0.5 * np.log(np.concatenate([[1.0, 1.0 + 1.0 / n], np.full(depth - 2, n * n)]))
    return simulation.flow_to_product(np.exp(logs - logs.mean()), 1.0 / n)


def _least_edge(*, depth: int, n: float) -> float:
    """The eta phi from which on one literal step raises phi, by bisection between 2 and 4."""
    weights = _sharpest(depth, n)
    start, low, high = flow_sharpness(weights), 2.0, 4.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        rises = flow_sharpness(moved(weights, middle / start)) > start
        low, high = (low, middle) if rises else (middle, high)
    return high


def _edge_constant(constant: float = float(EDGE), **_: Any) -> float:
    """2 sqrt(2), or a wrong `constant`."""
    return constant


T2_SHARP = Claim(
    id="sn.T2.sharp",
    title="The constant 2 sqrt(2) cannot be raised at any depth",
    statement=(
        r"\inf\{\etaarphi(w):\ arphi(w')>arphi(w),\ 0<\pi\le1\}=2\sqrt2\ 	ext{at every depth},\quad"
        r"	ext{approached for }s^2\propto(1,1+	frac1n,n^2,\dots,n^2),\ \pi=	frac1n,\ n	o\infty"
    ),
    source="derived; that the infimum is not smaller is sn.T2",
    provenance="derived",
    assumptions=(
        ONE_STEP,
        "the limit of the least eta phi at which phi rises, along the family; it is above 2 sqrt(2) at every n",
    ),
    proof=(
        "As pi -> 0 and u_1, u_2 leave the others behind, a^2/(u_1 u_2) -> (eta/(s_1 s_2))^2 -> (eta phi)^2/4, above 2 "
        "just beyond 2 sqrt(2): the smallest pair is turned over and grows. It is the smallest pair alone that counts: "
        "a^2/(u_1 u_3) is of order n^-3, the gap of the pair of order 1/n enters phi squared. At depth two the least "
        "eta phi is sqrt(2) phi/(1 - pi), by sn.T1.two."
    ),
    equations={
        "simulations.scalar_networks.gradient_descent": "the step",
        "simulations.scalar_networks.flow_to_product": "the family; phi before and after",
    },
    kind="limit",
    deterministic=True,
    margin=1e-4,
    predict=_edge_constant,
    measure=_least_edge,
    settings=tuple({"depth": depth} for depth in (2, 3, 4, 8)),
    sizes=(50, 100, 200, 400, 800),
    powers=(1.0, 2.0),
    mutants=(
        Mutant(name="two, the edge of stability", predict=partial(_edge_constant, 2.0)),
        Mutant(name="three", predict=partial(_edge_constant, 3.0)),
        Mutant(name="0.03 percent more", predict=partial(_edge_constant, 1.0003 * float(EDGE))),
        Mutant(name="0.03 percent less", predict=partial(_edge_constant, 0.9997 * float(EDGE))),
    ),
)


T2_FOUR = Claim(
    id="sn.T2.four",
    title="Below 4/eta the GFS sharpness never rises (false)",
    statement=r"\varphi(w)\le4/\eta,\ 0<\pi\le P_D\;\Rightarrow\;\varphi(w')\le\varphi(w)",
    source="derived: 4/eta is where quasi-static descent leaves the minimum's neighbourhood for good; false",
    provenance="derived",
    assumptions=("counterexample: D = 2, w = (0.05, 1.2), eta = 1.6: eta phi = 3.94, phi rises from 2.463 to 2.700",),
    expected="refuted",
    corrected_by="sn.T2",
    kind="bound",
    predict=before,
    measure=after,
    settings=({"weights": (0.9, 1.2), "step_size": 1.4}, {"weights": (0.05, 1.2), "step_size": 1.6}),
)

CLAIMS = (T2, T2_SHARP, T2_FOUR)
