"""Claims sn.T7 and sn.T8: equal weights, a map of the line with two-cycles, chaos and a crisis."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.scalar_networks import _precise as precise
from simulations import scalar_networks as simulation
from theory import scalar_networks as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- T7: depth two


def _cycle_by_descent(*, step_size: float) -> Array:
    """[lower product, upper product, multiplier] of the cycle of literal descent, slopes from the Hessian."""
    run = simulation.gradient_descent([0.9, 0.9], step_size, 20_000, record=("weights",), skip=19_999)
    points = run.records["weights"][-2:]
    along = np.array([1.0, 1.0]) / math.sqrt(2.0)
    slopes = [1.0 - step_size * float(along @ simulation.hessian(point) @ along) for point in points]
    return np.array([*sorted(np.prod(points, axis=1)), slopes[0] * slopes[1]])


def _cycle(which: str = "right", *, step_size: float) -> Array:
    """The same in closed form, or a wrong version."""
    cycle = theory.balanced_two_cycle(step_size)
    lower, upper, multiplier = cycle.lower, cycle.upper, cycle.multiplier
    if which == "products inverse to each other":
        upper = 1.0 / lower
    elif which == "centred on 1":
        upper = 2.0 - lower
    elif which == "9 - (1 + eta)^2":
        multiplier = 9.0 - (1.0 + step_size) ** 2
    return np.array([lower, upper, multiplier], dtype=float)


T7 = Claim(
    id="sn.T7",
    title="Equal weights, depth two: the two-cycle",
    statement=(
        r"y+1/y=1+\eta,\ \eta>1:\quad\pi_\pm=1+\frac{1-y^{\mp1}}\eta,\qquad"
        r"\text{multiplier }9-2(1+\eta)^2,\ \text{stable for }1<\eta<\sqrt5-1"
    ),
    source="derived",
    provenance="derived",
    equations={
        "theory.scalar_networks.balanced_two_cycle": "both products, the multiplier",
        "simulations.scalar_networks.gradient_descent": "the cycle",
        "simulations.scalar_networks.hessian": "the slope along equal weights",
    },
    kind="identity",
    margin=1e-9,
    predict=_cycle,
    measure=_cycle_by_descent,
    settings=tuple({"step_size": eta} for eta in (1.02, 1.1, 1.2, 1.23)),
    outputs=("lower product", "upper product", "multiplier"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_cycle, name))
        for name in ("products inverse to each other", "centred on 1", "9 - (1 + eta)^2")
    ),
)


def _exponents(which: str = "right", *, depth: int, step_size: float, steps: int) -> Array:
    """[Lyapunov exponent, transverse exponent, growth] at the crisis of depth two, or wrong ones."""
    crisis = float(theory.crisis_step(depth))
    along = {"right": math.log(3.0), "log 2": math.log(2.0), "log 3/2": math.log(1.5)}.get(which, math.log(3.0))
    across = math.log(crisis / step_size) + (0.01 if which == "transverse exponent 0.01" else 0.0)
    return np.array([along, across, 0.0])


T7_CHAOS = Claim(
    id="sn.T7.chaos",
    title="Equal weights, depth two, step size 2: chaos with exponents log 3 and 0",
    statement=(
        r"\eta=2:\quad\langle\log|1+\eta-3\eta w^2|\rangle=\log3,\quad\langle\log|1+e|\rangle=0,\quad"
        r"\langle\log|1-e|\rangle=0"
    ),
    source="derived: the map is minus the third Chebyshev polynomial",
    provenance="derived",
    assumptions=("eta = 2 - 1e-12, so that rounding does not eject the orbit",),
    equations={
        "theory.scalar_networks.crisis_step": "the step size 2",
        "simulations.scalar_networks.lyapunov_exponents": "time averages",
    },
    kind="exact",
    relative=False,
    margin=1e-3,
    slack=1e-4,
    predict=_exponents,
    measure=simulation.lyapunov_exponents,
    settings=({"depth": 2, "step_size": 2.0 - 1e-12, "steps": 30_000},),
    outputs=("along", "across", "growth"),
    budget=4096,
    mutants=tuple(
        Mutant(name=name, predict=partial(_exponents, name))
        for name in ("log 2", "log 3/2", "transverse exponent 0.01")
    ),
    scales={"quick": {"settings": ({"depth": 2, "step_size": 2.0 - 1e-12, "steps": 3000},), "margin": 4e-3}},
)


# ---------------------------------------------------------------- T8: landmarks at any depth


def _doubling_equations(depth: int, multiplier: float) -> Any:
    """The literal conditions of a two-cycle (a, b) of w <- w - eta (w^D - 1) w^(D-1) with a given multiplier."""

    def equations(a: Any, b: Any, eta: Any) -> list[Any]:
        def force(w: Any) -> Any:
            return (w**depth - 1) * w ** (depth - 1)

        def slope(w: Any) -> Any:
            return 1 - eta * ((2 * depth - 1) * w ** (2 * depth - 2) - (depth - 1) * w ** (depth - 2))

        return [a - eta * force(a) - b, b - eta * force(b) - a, slope(a) * slope(b) - multiplier]

    return equations


def _critical_equations(depth: int, passes: int, sign: int) -> Any:
    """f'(w_c) = 0 and: the `passes`-th iterate of w_c is 0 (`sign` 0), or f(w_c) is mapped to its negative."""

    def equations(critical: Any, eta: Any) -> list[Any]:
        value = critical
        for _ in range(passes):
            before, value = value, value - eta * (value**depth - 1) * value ** (depth - 1)
        slope = 1 - eta * ((2 * depth - 1) * critical ** (2 * depth - 2) - (depth - 1) * critical ** (depth - 2))
        return [slope, value + sign * before]

    return equations


def _landmarks_by_search(*, depth: int) -> Array:
    """[second doubling, f(f(w_c)) = 0, crisis at even depth], the literal equations solved at fifty digits."""
    import mpmath

    guesses = 2.494 / depth, (3.1 + 0.25 * depth - 0.008 * depth**2) / depth, (3.4 + 0.4 * depth - 0.014 * depth**2)
    wc = ((depth - 1) / (2 * depth - 1) + 0.3 / depth) ** (1 / depth)
    with precise.digits():
        spread = 0.6 / depth
        two = mpmath.findroot(_doubling_equations(depth, -1.0), (1 + spread / 2, 1 - spread, guesses[0]))[2]
        zero = mpmath.findroot(_critical_equations(depth, 2, 0), (wc, guesses[1]))[1]
        values = [two, zero]
        if depth % 2 == 0:
            values.append(mpmath.findroot(_critical_equations(depth, 2, 1), (wc, guesses[2] / depth))[1])
        return np.array([float(value) for value in values])


def _landmarks(which: str = "right", *, depth: int) -> Array:
    """The same by theory, or a wrong version."""
    at = depth + 1 if which == "depth off by one" else depth
    values = [theory.second_doubling_step(at), theory.zero_crossing_step(at)]
    if depth % 2 == 0:
        values.append(theory.crisis_step(at + at % 2))
    if which == "first for second doubling":
        values[0] = theory.first_doubling_step(depth)
    elif which == "product 5/2 at the second doubling":
        values[0] = 2.5 / depth
    elif which == "scaled from depth two":
        values = [theory.second_doubling_step(2) * 2 / depth, theory.zero_crossing_step(2) * 2 / depth, *values[2:]]
    return np.array(values)


T8 = Claim(
    id="sn.T8",
    title="Equal weights at any depth: second doubling, passage through zero, crisis",
    statement=(
        r"f(w)=w-\eta(w^D-1)w^{D-1}:\ f'(a)f'(b)=-1\text{ on the two-cycle};\ f(f(w_c))=0;\ f(f(w_c))=-f(w_c)\ "
        r"(D\text{ even});\quad D=2:\ \eta=\sqrt5-1,\ \tfrac{3\sqrt3}2-1,\ 2"
    ),
    source="derived",
    provenance="derived",
    assumptions=("f'(w_c) = 0", "the first doubling is at eta = 2/D"),
    equations={
        "theory.scalar_networks.second_doubling_step": "second doubling",
        "theory.scalar_networks.zero_crossing_step": "f(f(w_c)) = 0",
        "theory.scalar_networks.crisis_step": "crisis",
    },
    kind="identity",
    margin=1e-12,
    predict=_landmarks,
    measure=_landmarks_by_search,
    settings=tuple({"depth": depth} for depth in (2, 3, 4, 6, 8)),
    outputs=("second doubling", "f(f(w_c)) = 0", "crisis"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_landmarks, name), settings=(1, 2, 3, 4))
        for name in (
            "depth off by one",
            "first for second doubling",
            "product 5/2 at the second doubling",
            "scaled from depth two",
        )
    ),
)


def _closed_constants(**_: Any) -> Array:
    """sqrt(5) - 1, 3 sqrt(3)/2 - 1 and 2."""
    return np.array([math.sqrt(5.0) - 1.0, 1.5 * math.sqrt(3.0) - 1.0, 2.0])


def _constants_in_theory(shift: int = 0, factor: float = 1.0) -> Array:
    """The landmarks of depth two, or those of another depth, `shift` deeper, times a `factor`."""
    depth = 2 + shift
    steps = theory.second_doubling_step(depth), theory.zero_crossing_step(depth), theory.crisis_step(depth)
    return factor * np.array(steps)


T7_CONSTANTS = Claim(
    id="sn.T7.constants",
    title="Equal weights, depth two: landmarks in closed form",
    statement=r"\eta=\sqrt5-1\ (\text{second doubling}),\ \tfrac{3\sqrt3}2-1\ (f(f(w_c))=0),\ 2\ (\text{crisis})",
    source="derived",
    provenance="derived",
    equations={
        "theory.scalar_networks.second_doubling_step": "second doubling",
        "theory.scalar_networks.zero_crossing_step": "f(f(w_c)) = 0",
        "theory.scalar_networks.crisis_step": "crisis",
    },
    kind="identity",
    margin=1e-13,
    predict=_closed_constants,
    measure=_constants_in_theory,
    outputs=("second doubling", "f(f(w_c)) = 0", "crisis"),
    mutants=(
        Mutant(name="constants of depth four", measure=partial(_constants_in_theory, 2)),
        Mutant(name="constants of depth four, rescaled", measure=partial(_constants_in_theory, 2, 2.0)),
        Mutant(name="one millionth too large", measure=partial(_constants_in_theory, 0, 1.000001)),
    ),
)

CLAIMS = (T7, T7_CONSTANTS, T7_CHAOS, T8)
