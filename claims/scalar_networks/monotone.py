"""Claims sn.T1: what the GFS sharpness is, and the pair conditions under which one step cannot raise it."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.scalar_networks._paper import PAPER
from claims.scalar_networks._points import GAPS, ONE_STEP, after, before, below, flow_sharpness, moved, squares
from simulations import scalar_networks as simulation
from theory import scalar_networks as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- the quantity itself


def _by_flow(*, weights: Any, step_size: float) -> Array:
    """[phi, the end points, the balances after one step], the flow integrated, the step taken."""
    ends = simulation.gradient_flow(weights, tolerance=1e-13)
    point = simulation.gradient_descent(weights, step_size, 1).weights
    return np.array([np.sum(ends**-2.0), *ends, *(point[1:] ** 2 - point[0] ** 2)])


def _in_closed_form(which: str = "right", *, weights: Any, step_size: float) -> Array:
    """The same by the closed form and by the factors 1 - a^2/(u_i u_j), or a wrong version."""
    w = np.asarray(weights)
    product, u = np.prod(w), w**2
    kick = step_size * (product - 1.0) * (1.0 if which == "a without the product" else product)
    sign, power = (-1.0 if which == "balances grow" else 1.0), (2.0 if which == "squares of the squares" else 1.0)
    balances = (u[1:] - u[0]) * (1.0 - sign * kick**2 / (u[1:] * u[0]) ** power)
    phi = float(theory.sharpness(w) if which == "sharpness at the weights" else theory.gfs_sharpness(w))
    ends = np.asarray(theory.gradient_flow_solution(w))
    ends = np.abs(ends) * np.sign(w) if which == "all signs survive" else ends
    return np.array([phi, *ends, *balances])


T1_FLOW = Claim(
    id="sn.T1.flow",
    title="The GFS sharpness in closed form, and what a step does to the balances",
    statement=(
        r"\varphi(w)=\sum_i\frac1{z+B_i},\ B_i=w_i^2-\min_jw_j^2,\ \prod_i(z+B_i)=1;\qquad "
        r"b_{ij}\leftarrow b_{ij}\Big(1-\frac{a^2}{u_iu_j}\Big),\ a=\eta(\pi-1)\pi"
    ),
    source=f"definition of the quantity: {PAPER}; closed form and factors derived",
    provenance="derived",
    kind="identity",
    margin=1e-9,  # the integration of the flow, about 1e-11
    equations={
        "theory.scalar_networks.gfs_sharpness": "phi",
        "theory.scalar_networks.gradient_flow_solution": "the limit, with signs",
        "simulations.scalar_networks.gradient_flow": "the limit, by integration",
        "simulations.scalar_networks.gradient_descent": "the balances after a step",
    },
    predict=_in_closed_form,
    measure=_by_flow,
    settings=tuple(
        {"weights": w, "step_size": eta}
        for w, eta in (
            ((1.7, 0.4), 0.3),
            ((-0.3, 1.9), 0.4),  # the smaller weight changes sign
            ((2.1, -0.6, -1.3), 0.25),
            ((1.4, 0.9, -0.2, 1.1), 0.7),
            ((0.5, 1.3, 0.8, 1.6, 0.7), 0.35),
        )
    ),
    mutants=(
        Mutant(name="sharpness at the weights", predict=partial(_in_closed_form, "sharpness at the weights")),
        Mutant(name="all signs survive", predict=partial(_in_closed_form, "all signs survive"), settings=(1, 3)),
        Mutant(name="balances grow", predict=partial(_in_closed_form, "balances grow")),
        Mutant(name="squares of the squares", predict=partial(_in_closed_form, "squares of the squares")),
        Mutant(name="a without the product", predict=partial(_in_closed_form, "a without the product")),
    ),
)


# ---------------------------------------------------------------- T1: pair conditions


def _pair_point(
    first: float,
    third: float,
    *,
    depth: int,
    scale: float,
    gap2: float,
    gap3: float,
    gap4: float,
    share: float,
    negative: int,
) -> tuple[Array, float]:
    """Weights and the step size at `share` (or all, beyond 1) of a^2 <= `first` u_1 u_2 and a^2 <= `third` u_1 u_3."""
    u = squares(depth, gap2, gap3, gap4, scale)
    weights = np.sqrt(u)
    weights[-1] *= -1.0 if negative else 1.0
    limit = first * u[0] * u[1] if depth == 2 else min(first * u[0] * u[1], third * u[0] * u[2])
    product = float(np.prod(weights))
    return weights, below(share, 1.0) * math.sqrt(limit) / abs((product - 1.0) * product)


def _pair_before(**point: Any) -> float:
    """phi before the step."""
    return float(theory.gfs_sharpness(_pair_point(2.0, 1.0, **point)[0]))


def _pair_after(first: float = 2.0, third: float = 1.0, factor: float = 1.0, **point: Any) -> float:
    """`factor` times phi after one literal step."""
    return factor * flow_sharpness(moved(*_pair_point(first, third, **point)))


PAIR_WORDS = (
    r"a^2\le2u_{(1)}u_{(2)}\ \text{and}\ (D\ge3)\ a^2\le u_{(1)}u_{(3)}\;\Rightarrow\;\varphi(w')\le\varphi(w),"
    r"\qquad a=\eta(\pi-1)\pi"
)
T1_PROOF = (
    "Along l -> u + l/u from 0 to a^2, d(phi^2/2)/dl is minus a sum over pairs with the sign of 1 - l/(u_i u_j) "
    "(claim sn.T5). Where all pair factors are >= 0 every term lowers phi. Otherwise, as a^2 <= u_1 u_3, only the pair "
    "(1,2) raises it, for l in (u_1 u_2, a^2], and a^2 <= 2 u_1 u_2 lets each such l = u_1 u_2 + m be paired with "
    "u_1 u_2 - m >= 0: |t_1 - t_2| is the same at both, the signs are opposite, and t_1 t_2 is not smaller at the "
    "later one - if it were, both of t_1, t_2 would be smaller there, hence, as t_k - min(t_1, t_2) changes by "
    "m (2/u_k - 1/u_1 - 1/u_2) <= 0, every t_k, against product 1. So the integral is <= 0."
)
T1 = Claim(
    id="sn.T1",
    title="One step cannot raise the GFS sharpness: pair conditions",
    statement=PAIR_WORDS,
    source=f"derived; the paper's own condition was not seen ({PAPER})",
    provenance="derived",
    assumptions=(ONE_STEP, "u_(1) <= u_(2) <= u_(3) the smallest squared weights; any depth, any signs"),
    proof=T1_PROOF,
    equations={
        "theory.scalar_networks.gfs_sharpness": "phi before the step",
        "simulations.scalar_networks.gradient_descent": "the step",
        "simulations.scalar_networks.flow_to_product": "phi after the step",
    },
    kind="bound",
    margin=1e-9,  # float64: eps times the ratio of clustered squares to their minimum
    predict=_pair_before,
    measure=_pair_after,
    settings=tuple({"depth": depth} for depth in (2, 3, 4, 6, 10)),
    domain={
        "scale": Range(1e-4, 1e4, log=True),
        **GAPS,
        "share": Range(1e-3, 2.0),
        "negative": Range(0, 1, integer=True),
    },
    restarts=4000,
    mutants=(
        Mutant(name="4 u_1 u_2 for 2 u_1 u_2", measure=partial(_pair_after, 4.0)),
        Mutant(name="every step size", measure=partial(_pair_after, 1e6, 1e6)),
        Mutant(name="second condition dropped", measure=partial(_pair_after, 2.0, math.inf), settings=(1, 2)),
        Mutant(name="five percent beyond the first condition", measure=partial(_pair_after, 2.1), settings=(0,)),
        Mutant(name="falls by one percent", measure=partial(_pair_after, 2.0, 1.0, 1.01)),
    ),
    scales={"quick": {"restarts": 600}},
)


T1_PAIR = Claim(
    id="sn.T1.pair",
    title="It suffices that all balances shrink (false)",
    statement=r"a^2\le2u_{(1)}u_{(2)}\;\Rightarrow\;\varphi(w')\le\varphi(w)\quad\text{at every depth}",
    source="derived: all |w_i^2 - w_j^2| shrink exactly then; false from depth 3 on",
    provenance="derived",
    assumptions=(
        "counterexample: w = (31.6, 31.8, 35.2), eta = 1.1355e-6, where phi rises from 3049 to 21121",
        "numerically it needs products above 9",
    ),
    expected="refuted",
    corrected_by="sn.T1",
    kind="bound",
    predict=before,
    measure=after,
    settings=(
        {"weights": (1.7, 0.4, 1.1), "step_size": 0.4},
        {"weights": (31.6, 31.8, 35.2), "step_size": 1.1355e-6},
    ),
)


def _pair_of_weights(*, scale: float, gap2: float, kick: float, negative: int) -> tuple[Array, float]:
    """Two weights and the step size at which |eta (pi - 1)| = `kick`."""
    weights = np.sqrt(np.array([scale, scale * (1.0 + gap2)])) * np.array([-1.0 if negative else 1.0, 1.0])
    return weights, kick / abs(float(np.prod(weights)) - 1.0)


def _disagrees(**point: Any) -> float:
    """1 where the two sides of the equivalence differ, else 0."""
    weights, step_size = _pair_of_weights(**point)
    falls = flow_sharpness(moved(weights, step_size)) <= flow_sharpness(weights)
    return float(falls != theory.descent_condition(weights, step_size))


def _disagrees_with(limit: float, power: float, **point: Any) -> float:
    """1 where phi falls although |eta (pi - 1)| pi^`power` > `limit`, or the reverse, else 0."""
    weights, step_size = _pair_of_weights(**point)
    falls = flow_sharpness(moved(weights, step_size)) <= flow_sharpness(weights)
    return float(falls != (point["kick"] * abs(float(np.prod(weights))) ** power <= limit))


def _zero(**_: Any) -> float:
    """The number 0, for statements that something never happens."""
    return 0.0


def _off_boundary(*, kick: float, **_: Any) -> bool:
    """Whether rounding cannot decide: `kick` neither at sqrt(2) nor so small that phi does not change."""
    return abs(kick - math.sqrt(2.0)) > 1e-6 and kick > 1e-2


T1_TWO = Claim(
    id="sn.T1.two",
    title="At depth two the condition is an equivalence",
    statement=r"D=2,\ |w_1|\ne|w_2|:\quad\varphi(w')\le\varphi(w)\iff|\eta(\pi-1)|\le\sqrt2",
    source="derived: phi^2 = b^2 + 4 and b <- b (1 - e^2)",
    provenance="derived",
    assumptions=(ONE_STEP, "weights of different size"),
    proof="phi(w')^2 - phi(w)^2 = b^2 ((1 - e^2)^2 - 1) = b^2 e^2 (e^2 - 2), e = eta (pi - 1).",
    equations={
        "theory.scalar_networks.descent_condition": "right side",
        "simulations.scalar_networks.gradient_descent": "the step",
        "simulations.scalar_networks.flow_to_product": "phi before and after",
    },
    kind="bound",
    relative=False,
    margin=0.5,
    admissible=_off_boundary,
    predict=_zero,
    measure=_disagrees,
    domain={
        "scale": Range(0.05, 20.0, log=True),
        "gap2": Range(0.02, 50.0, log=True),
        "kick": Range(0.0, 3.0),
        "negative": Range(0, 1, integer=True),
    },
    restarts=3000,
    mutants=(
        Mutant(name="two for its root", measure=partial(_disagrees_with, 2.0, 0.0)),
        Mutant(name="one for the root of two", measure=partial(_disagrees_with, 1.0, 0.0)),
        Mutant(name="a for e", measure=partial(_disagrees_with, math.sqrt(2.0), 1.0)),
        Mutant(name="one percent too large", measure=partial(_disagrees_with, 1.01 * math.sqrt(2.0), 0.0)),
    ),
    scales={"quick": {"restarts": 800}},
)

CLAIMS = (T1_FLOW, T1, T1_TWO, T1_PAIR)
