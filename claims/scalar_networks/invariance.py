"""Claim sn.T3: the set in which gradient descent stays and the GFS sharpness falls."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.scalar_networks._paper import PAPER
from claims.scalar_networks._points import EDGE, GAPS, below, flow_sharpness, minimum, moved
from simulations import scalar_networks as simulation
from theory import scalar_networks as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
FALLING, RISING = np.geomspace(1e-9, 1.0, 200), np.linspace(0.0, 1.0, 20)


def _set_point(
    *, depth: int, gap2: float, gap3: float, gap4: float, edge: float, bound: float, share: float
) -> tuple[Array, float]:
    """Weights with product `share` * `bound` and a step size with eta phi = `edge`, at most 2 sqrt(2)."""
    solution = minimum(depth, gap2, gap3, gap4)
    return simulation.flow_to_product(solution, share * bound), below(edge, EDGE) / float(np.sum(solution**-2.0))


def _member(**point: Any) -> bool:
    """Whether theory counts the point to the set."""
    return bool(theory.invariant_set(*_set_point(**point), point["bound"]))


def _violations(weights: Array, step_size: float, bound: float) -> Array:
    """By how much each condition of the set is missed at `weights`, as a share; <= 0 where it is met.

    In order: 2 sqrt(2)/eta, the upper and the lower limit of the product, no turned sign, g <= `bound`; the last two on
    a grid of products at the same balances, by literal steps.
    """
    product = float(np.prod(weights))
    path = np.concatenate([FALLING, 1.0 + (bound - 1.0) * RISING])
    points = simulation.flow_to_product(np.abs(weights), path)
    kick = step_size * (path - 1.0) * path
    return np.array(
        [
            step_size * flow_sharpness(weights) / EDGE - 1.0,
            product / bound - 1.0,
            -product,
            np.max(kick / np.min(points**2, axis=1)) - 1.0,
            np.max(np.prod(moved(points, step_size), axis=1)) / bound - 1.0,
        ]
    )


def _after_one_step(factor: float = 1.0, larger: float = 1.0, smaller: float = 1.0, **point: Any) -> Array:
    """[rise of phi, violations of the set] after one literal step.

    `factor` on phi, a step size `larger` than the set's, a `smaller` bound: for wrong versions.
    """
    weights, step_size = _set_point(**point)
    end = moved(weights, larger * step_size)
    rise = factor * flow_sharpness(end) / flow_sharpness(weights) - 1.0
    return np.array([rise, *_violations(end, larger * step_size, smaller * point["bound"])])


def _none(**_: Any) -> Array:
    """No rise and no violation."""
    return np.zeros(6)


SET_WORDS = (
    r"S(B)=\{\varphi\le2\sqrt2/\eta,\ 0<\pi\le B;\ \eta(p-1)p\le u_{\min}(p),\ g(p)\le B\ \forall p\in(0,B]\},"
    r"\ 1<B\le2"
)
T3 = Claim(
    id="sn.T3",
    title="A set that gradient descent does not leave and in which the GFS sharpness falls",
    statement=SET_WORDS + r":\qquad w\in S(B)\Rightarrow w'\in S(B),\ \varphi(w')\le\varphi(w)",
    source=f"{PAPER}, main theorem (recalled in outline; its exact condition on B was not seen)",
    provenance="reconstructed",
    assumptions=(
        "g the product after one step, as a function of the product at fixed balances",
        "the same B before and after; no proof here",
    ),
    equations={
        "simulations.scalar_networks.gradient_descent": "the step, and g on a grid of 220 products",
        "simulations.scalar_networks.flow_to_product": "points of equal balances",
    },
    kind="bound",
    relative=False,
    margin=1e-9,
    admissible=_member,
    predict=_none,
    measure=_after_one_step,
    settings=tuple({"depth": depth} for depth in (2, 3, 5, 8)),
    domain={**GAPS, "edge": Range(1.0, 3.0), "bound": Range(1.05, 2.0), "share": Range(1e-3, 1.0)},
    restarts=2500,
    mutants=(
        Mutant(name="at a step size ten percent larger", measure=partial(_after_one_step, 1.0, 1.1)),
        Mutant(name="for a bound ten percent smaller", measure=partial(_after_one_step, 1.0, 1.0, 0.9)),
        Mutant(name="phi falls by one percent", measure=partial(_after_one_step, 1.01)),
    ),
    scales={"quick": {"restarts": 250}, "paper": {"restarts": 30_000}},
)


def _smallest_bound(weights: Array, step_size: float) -> float:
    """The largest product after one step from products up to 1 at the balances of `weights`, on a grid."""
    points = simulation.flow_to_product(np.abs(weights), FALLING)
    return float(np.max(np.prod(moved(points, step_size), axis=1)))


def _product_after(*, weights: Any, step_size: float) -> float:
    """The product after one literal step."""
    return float(np.prod(moved(np.asarray(weights), step_size)))


def _bound_after(*, weights: Any, step_size: float) -> float:
    """The smallest bound for the balances after one literal step."""
    return _smallest_bound(moved(np.asarray(weights), step_size), step_size)


def _in_smallest(*, weights: Any, step_size: float) -> bool:
    """Whether the weights lie in the set with their own smallest bound (enlarged by 1e-4, the grid's resolution)."""
    bound = _smallest_bound(np.asarray(weights), step_size) * (1.0 + 1e-4)
    return bool(theory.invariant_set(weights, step_size, bound))


T3_RECOMPUTED = Claim(
    id="sn.T3.recomputed",
    title="The set with the smallest bound, recomputed at every step, is invariant (false)",
    statement=SET_WORDS + r",\ B=B(w)=\max_{p\le1}g(p):\qquad w\in S(B(w))\Rightarrow w'\in S(B(w'))",
    source="derived: a reading of the set in which B is not part of the statement; false",
    provenance="derived",
    assumptions=("counterexamples: the balances shrink, so B(w') falls below the product just reached",),
    expected="refuted",
    corrected_by="sn.T3",
    kind="bound",
    admissible=_in_smallest,
    predict=_bound_after,
    measure=_product_after,
    settings=(
        {"weights": (0.0746, 1.4192), "step_size": 0.8243},
        {"weights": (0.0626, 0.8178, 0.8222, 4.6368), "step_size": 0.164},
    ),
)

CLAIMS = (T3, T3_RECOMPUTED)
