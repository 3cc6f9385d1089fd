"""Claims sn.T6 and sn.T7: depth two is exactly solvable."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.scalar_networks._points import flow_sharpness
from simulations import scalar_networks as simulation
from theory import scalar_networks as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- T6: identities


def _symbols() -> tuple[Any, Any, Any]:
    """w_1, w_2 and eta."""
    import sympy

    return sympy.symbols("w1 w2 eta", real=True)


def _invariant(w1: Any, w2: Any, eta: Any, power: int = 2) -> Any:
    """N at given weights and step size; another `power` of eta makes a wrong version."""
    return 4 + eta**power * (w1 * w2 - 1) - eta * (w1**2 + w2**2)


QUANTITIES = ("sum", "difference", "product", "balance", "invariant", "ellipse")


def _after_step(*, quantity: str) -> Any:
    """A `quantity` after one literal step, in symbols."""
    w1, w2, eta = _symbols()
    slope = eta * (w1 * w2 - 1)
    x, y = w1 - slope * w2, w2 - slope * w1
    return {
        "sum": x + y,
        "difference": x - y,
        "product": x * y,
        "balance": x**2 - y**2,
        "invariant": _invariant(x, y, eta),
        "ellipse": _invariant(x, y, eta),
    }[quantity].expand()


def _recursion(which: str = "right", *, quantity: str) -> Any:
    """The same from the quantities before the step, by the recursions; or a wrong version of one of them."""
    w1, w2, eta = _symbols()
    p = w1 * w2
    e = eta * (p - 1)
    factor = 1 + eta**2 * (p - 1) * (p - 1 if which == "factor with (pi - 1)^2" else p)
    shift = 1 if which == "1 + eta and 1 - eta in the ellipse" else 2
    ellipse = 1 - eta * ((w1 + w2) ** 2 / (shift + eta) + (w1 - w2) ** 2 / (shift - eta)) / 4
    return {
        "sum": (w1 + w2) * (1 - e),
        "difference": (w1 - w2) * (1 + e),
        "product": p * (1 + e**2) - e * (w1**2 + w2**2),
        "balance": (w1**2 - w2**2) * (1 - e if which == "e for its square" else 1 - e**2),
        "invariant": _invariant(w1, w2, eta, 1 if which == "eta for its square in N" else 2) * factor,
        "ellipse": (4 - eta**2) * ellipse * factor,
    }[quantity]


T6 = Claim(
    id="sn.T6",
    title="Depth two is exactly solvable",
    statement=(
        r"P\leftarrow P(1-e),\ Q\leftarrow Q(1+e),\ b\leftarrow b(1-e^2),\ \pi\leftarrow\pi(1+e^2)-e(w_1^2+w_2^2);\quad"
        r"N=4+\eta^2(\pi-1)-\eta(w_1^2+w_2^2)=(4-\eta^2)\Big(1-\frac{\eta P^2}{4(2+\eta)}-\frac{\eta Q^2}{4(2-\eta)}"
        r"\Big)\leftarrow N\,(1+\eta^2\pi(\pi-1))"
    ),
    source="derived",
    provenance="derived",
    assumptions=(
        "P = w_1 + w_2, Q = w_1 - w_2, b = w_1^2 - w_2^2, e = eta (pi - 1)",
        "for eta < 2 the factor of N is >= 1 - eta^2/4 > 0, so orbits with N >= 0 stay in the ellipse",
    ),
    proof="Polynomial identities, expanded symbolically.",
    kind="identity",
    predict=_recursion,
    measure=_after_step,
    settings=tuple({"quantity": quantity} for quantity in QUANTITIES),
    mutants=(
        Mutant(name="e for its square", predict=partial(_recursion, "e for its square"), settings=(3,)),
        Mutant(name="eta for its square in N", predict=partial(_recursion, "eta for its square in N"), settings=(4,)),
        Mutant(name="factor with (pi - 1)^2", predict=partial(_recursion, "factor with (pi - 1)^2"), settings=(4,)),
        Mutant(
            name="1 + eta and 1 - eta in the ellipse",
            predict=partial(_recursion, "1 + eta and 1 - eta in the ellipse"),
            settings=(5,),
        ),
    ),
)


def _orbit(*, weights: Any, step_size: float) -> Array:
    """[phi at the start, eta phi at the end of a literal orbit, the balance's final share], by simulation."""
    run = simulation.gradient_descent(weights, step_size, 5000, tolerance=1e-14)
    start, end = np.asarray(weights), run.weights
    balance = (end[0] ** 2 - end[1] ** 2) / (start[0] ** 2 - start[1] ** 2)
    return np.array([flow_sharpness(start), step_size * float(np.sum(end**-2.0)), balance])


def _telescoped(which: str = "right", *, weights: Any, step_size: float) -> Array:
    """The same by hypot(b, 2), 4 - N_0 prod_t (1 + eta^2 pi_t (pi_t - 1)) and prod_t (1 - e_t^2), or wrong versions."""
    run = simulation.gradient_descent(weights, step_size, 5000, record=("product",), tolerance=1e-14)
    products = run.records["product"]
    product, b = products[:-1], abs(weights[0] ** 2 - weights[1] ** 2)
    phi = {"sqrt(b^2 + 2)": math.sqrt(b * b + 2), "|b| + 2": b + 2}.get(which, float(theory.gfs_sharpness(weights)))
    factor = 1 + step_size**2 * (product - 1) * (product + (1 if which == "pi + 1 in the factor" else 0))
    power = 1 if which == "eta for its square" else 2
    final = 4 - float(theory.depth_two_invariant(weights, step_size)) * float(np.prod(factor))
    return np.array([phi, final, float(np.prod(1 - step_size**power * (product - 1) ** 2))])


T6_FINAL = Claim(
    id="sn.T6.final",
    title="Depth two: the final sharpness as a telescoped product",
    statement=(
        r"\varphi=\sqrt{b^2+4};\quad w_t\to w_\infty,\ \pi\to1:\ "
        r"\eta\varphi_\infty=4-N(w_0)\prod_t(1+\eta^2\pi_t(\pi_t-1)),\quad b_\infty=b_0\prod_t(1-e_t^2)"
    ),
    source="derived",
    provenance="derived",
    assumptions=("an orbit that converges to product 1",),
    equations={
        "theory.scalar_networks.gfs_sharpness": "phi",
        "theory.scalar_networks.depth_two_invariant": "N",
        "simulations.scalar_networks.gradient_descent": "the orbit",
        "simulations.scalar_networks.flow_to_product": "phi by a root finder",
    },
    kind="identity",
    margin=1e-9,  # the orbit's rounding, amplified while eta phi > 2
    predict=_telescoped,
    measure=_orbit,
    settings=(
        {"weights": (0.3, 2.1), "step_size": 0.3},
        {"weights": (2.6, 0.5), "step_size": 0.33},
        {"weights": (-1.9, 0.3), "step_size": 0.6},
    ),
    outputs=("phi", "eta phi at the end", "share of the balance left"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_telescoped, name))
        for name in ("sqrt(b^2 + 2)", "|b| + 2", "pi + 1 in the factor", "eta for its square")
    ),
)


# ---------------------------------------------------------------- T6: the basin


def _disagreements(threshold: float = 0.0, *, step_size: float, points: int, steps: int) -> float:
    """How many random points are bounded with N < `threshold` or unbounded with N > `threshold`, N near 0 left out."""
    reach = 1.3 * math.sqrt((2.0 + step_size) / step_size + (2.0 - step_size) / step_size)
    weights = np.random.default_rng(20).uniform(-reach, reach, (points, 2))
    invariant = np.asarray(theory.depth_two_invariant(weights, step_size))
    bounded = ~simulation.gradient_descent(weights, step_size, steps, tolerance=1e-12).escaped
    clear = np.abs(invariant) > 1e-9
    return float(np.count_nonzero(clear & (bounded != (invariant >= threshold))))


def _zero(**_: Any) -> float:
    """The number 0, for statements that something never happens."""
    return 0.0


def _disagreements_with_half_step(*, step_size: float, points: int, steps: int) -> float:
    """The same with N at half the step size."""
    weights = np.random.default_rng(20).uniform(-4.0, 4.0, (points, 2))
    invariant = np.asarray(theory.depth_two_invariant(weights, step_size / 2))
    bounded = ~simulation.gradient_descent(weights, step_size, steps, tolerance=1e-12).escaped
    return float(np.count_nonzero(bounded != (invariant >= 0)))


STEPS = (0.1, 0.5, 0.9, 0.999, 1.3, 1.8, 1.99)
T6_BASIN = Claim(
    id="sn.T6.basin",
    title="Depth two: bounded orbits are those in the ellipse",
    statement=r"\eta<2:\quad\sup_t\|w_t\|<\infty\iff N(w_0)\ge0\quad\text{up to measure zero}",
    source="derived; that orbits inside stay is proved, that those outside diverge is numerical",
    provenance="derived",
    assumptions=("uniform points, those with |N| < 1e-9 left out; bounded for 5000 steps",),
    equations={
        "theory.scalar_networks.depth_two_invariant": "N",
        "simulations.scalar_networks.gradient_descent": "the orbits",
    },
    kind="identity",
    relative=False,
    margin=0.5,
    predict=_zero,
    measure=_disagreements,
    settings=tuple({"step_size": eta, "points": 50_000, "steps": 5000} for eta in STEPS),
    outputs=("disagreements",),
    mutants=(
        Mutant(name="N >= 0.1", measure=partial(_disagreements, 0.1)),
        Mutant(name="N >= -0.01", measure=partial(_disagreements, -0.01)),
        Mutant(name="N at half the step size", measure=_disagreements_with_half_step),
    ),
    scales={"quick": {"settings": tuple({"step_size": eta, "points": 4000, "steps": 1000} for eta in STEPS)}},
)


def _share_in_theory(which: str = "right", *, step_size: float, half_width: float, **_: Any) -> float:
    """Area of the bounded points over that of the square, or a wrong version."""
    area = {
        "right": float(theory.bounded_area(step_size)),
        "eta for its square": 2 * math.pi * math.sqrt(4 - step_size) / step_size,
        "half the area": math.pi * math.sqrt(4 - step_size**2) / step_size,
        "the circle's": 4 * math.pi / step_size,
    }[which]
    return area / (2 * half_width) ** 2


T6_AREA = Claim(
    id="sn.T6.area",
    title="Depth two: area of the bounded initialisations",
    statement=r"\operatorname{area}\{w:\sup_t\|w_t\|<\infty\}=2\pi\sqrt{4-\eta^2}/\eta",
    source="derived",
    provenance="derived",
    assumptions=("bounded for 500 steps",),
    equations={
        "theory.scalar_networks.bounded_area": "right side",
        "simulations.scalar_networks.bounded_orbits": "the share of a square",
    },
    kind="exact",
    predict=_share_in_theory,
    measure=simulation.bounded_orbits,
    settings=tuple(
        {"depth": 2, "step_size": eta, "half_width": width, "steps": 500} for eta, width in ((0.5, 3.2), (1.3, 2.0))
    ),
    budget=2**20,
    block=2**14,
    slack=0.002,  # orbits that escape later
    mutants=tuple(
        Mutant(name=name, predict=partial(_share_in_theory, name))
        for name in ("eta for its square", "half the area", "the circle's")
    ),
    scales={"quick": {"margin": 0.05}},
)


def _critical_by_bisection(*, weights: Any) -> float:
    """The largest step size below 2 with a bounded orbit, by bisection on literal orbits."""
    low, high = 0.0, 2.0
    for _ in range(34):
        middle = 0.5 * (low + high)
        run = simulation.gradient_descent(weights, middle, 4000, tolerance=1e-12)
        low, high = (low, middle) if run.escaped else (middle, high)
    return 0.5 * (low + high)


def _critical(which: str = "right", *, weights: Any) -> float:
    """eta_c in closed form, or a wrong version."""
    total, product = float(np.sum(np.square(weights))), float(np.prod(weights))
    return {
        "right": float(theory.critical_step_size(weights)),
        "4/phi at the weights' limit": 4 / float(theory.gfs_sharpness(weights)),
        "2/phi": 2 / float(theory.gfs_sharpness(weights)),
        "pi for pi - 1": 8 / (total + math.sqrt(total**2 - 16 * product)) if total**2 > 16 * product else 0.0,
        "8/(2 S)": 4 / total,
    }[which]


T6_STEP = Claim(
    id="sn.T6.step",
    title="Depth two: the critical step size of an initialisation",
    statement=r"\eta_c=\frac8{S+\sqrt{S^2-16(\pi-1)}},\ S=w_1^2+w_2^2:\quad\text{bounded for }\eta<\eta_c\le2",
    source="derived; an exact critical step size is also announced by Liang and Montufar (2025)",
    provenance="derived",
    assumptions=("bisection between bounded and unbounded orbits of 4000 steps",),
    equations={
        "theory.scalar_networks.critical_step_size": "eta_c",
        "simulations.scalar_networks.gradient_descent": "the orbits",
    },
    kind="identity",
    margin=1e-7,
    predict=_critical,
    measure=_critical_by_bisection,
    settings=tuple({"weights": w} for w in ((2.0, 0.7), (-1.3, 2.2), (3.1, 1.9), (0.4, 1.6))),
    mutants=tuple(
        Mutant(name=name, predict=partial(_critical, name))
        for name in ("4/phi at the weights' limit", "2/phi", "pi for pi - 1", "8/(2 S)")
    ),
)


def _boundary_after_step(*, step_size: float, angles: Any) -> Array:
    """The points after one literal step from those of the ellipse at all `angles`, flattened."""
    points = theory.chaotic_boundary(step_size, angles)
    return simulation.gradient_descent(points, step_size, 1).weights.ravel()


def _boundary_at(which: str = "right", *, step_size: float, angles: Any) -> Array:
    """The ellipse's points at pi - 3 theta, or at a wrong angle."""
    theta = np.asarray(angles)
    ends = {
        "right": math.pi - 3 * theta,
        "3 theta": 3 * theta,
        "pi - 2 theta": math.pi - 2 * theta,
        "pi + 3 theta": math.pi + 3 * theta,
    }
    return theory.chaotic_boundary(step_size, ends[which]).ravel()


T6_CHAOS = Claim(
    id="sn.T6.chaos",
    title="Depth two: gradient descent on the boundary triples the angle",
    statement=(
        r"N=0:\ P=2\sqrt{(2+\eta)/\eta}\cos\theta,\ Q=2\sqrt{(2-\eta)/\eta}\sin\theta,\quad"
        r"\theta\leftarrow\pi-3\theta\ (\text{Lyapunov exponent }\log3)"
    ),
    source="derived",
    provenance="derived",
    proof="e = 2 cos(2 theta), and (1 - e) cos(theta) = -cos(3 theta), (1 + e) sin(theta) = sin(3 theta).",
    equations={
        "theory.scalar_networks.chaotic_boundary": "the points at the angles",
        "simulations.scalar_networks.gradient_descent": "the step",
    },
    kind="identity",
    relative=False,
    margin=1e-12,
    predict=_boundary_at,
    measure=_boundary_after_step,
    settings=tuple({"step_size": eta, "angles": (0.1, 0.9, 2.3, 4.0, 5.5)} for eta in (0.3, 1.1, 1.9)),
    mutants=tuple(
        Mutant(name=name, predict=partial(_boundary_at, name)) for name in ("3 theta", "pi - 2 theta", "pi + 3 theta")
    ),
)

CLAIMS = (T6, T6_FINAL, T6_BASIN, T6_AREA, T6_STEP, T6_CHAOS)
