"""Claims sn.T4, sn.T5 and sn.T9: how much a step lowers the GFS sharpness, and the quasi-static map near product 1."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.scalar_networks import _precise as precise
from claims.scalar_networks._points import GAPS, flow_sharpness, minimum, moved
from simulations import scalar_networks as simulation
from theory import scalar_networks as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
SHAPES = ((1.4, 0.9), (0.8, -0.3, -0.5), (0.9, 0.4, 0.1, -0.5, -0.9))  # log weights at the minimum


def _shape(logs: Any) -> Array:
    """The minimum with these `logs` of its weights, up to their mean."""
    return np.exp(np.asarray(logs) - np.mean(logs))


def _versions(function: Any, names: tuple[str, ...], settings: tuple[int, ...] = ()) -> tuple[Mutant, ...]:
    """Mutants of a prediction whose first argument names the version."""
    return tuple(Mutant(name=name, predict=partial(function, name), settings=settings) for name in names)


# ---------------------------------------------------------------- T4: second order


def _near_minimum(logs: Any, edge: float, n: float) -> tuple[Array, float]:
    """Weights of product 1 + 1/n on the flow line of a minimum, and a step size with eta phi = `edge`."""
    solution = _shape(logs)
    return simulation.flow_to_product(solution, 1.0 + 1.0 / n), edge / float(np.sum(solution**-2.0))


def _drop(*, logs: Any, edge: float, n: float) -> float:
    """phi before a literal step minus phi after it."""
    weights, step_size = _near_minimum(logs, edge, n)
    return flow_sharpness(weights) - flow_sharpness(moved(weights, step_size))


def _drop_to_second_order(which: str = "right", *, logs: Any, edge: float, n: float) -> float:
    """eta^2 (pi - 1)^2 (q_3 - q_2^2/q_1), or a wrong version."""
    weights, step_size = _near_minimum(logs, edge, n)
    if which == "right":
        return float(theory.second_order_decrement(weights, step_size))
    q1, q2, q3 = (float(np.sum(_shape(logs) ** (-2.0 * k))) for k in (1, 2, 3))
    bracket = {"q_3 alone": q3, "q_3 - q_2 q_1": q3 - q2 * q1, "q_2 for q_3": q2 - q2**2 / q1}.get(
        which, q3 - q2**2 / q1
    )
    return (step_size if which == "eta for its square" else step_size**2) * bracket / n**2


T4 = Claim(
    id="sn.T4",
    title="The decrement of the GFS sharpness near a minimum",
    statement=(
        r"\varphi(w)-\varphi(w')=\eta^2(\pi-1)^2\Big(q_3-\frac{q_2^2}{q_1}\Big)(1+O(\pi-1)),"
        r"\quad q_k=\sum_is_i^{-2k}"
    ),
    source="derived",
    provenance="derived",
    assumptions=("pi -> 1 at fixed balances; >= 0 by Cauchy-Schwarz, 0 only for equal weights",),
    equations={
        "theory.scalar_networks.second_order_decrement": "right side",
        "simulations.scalar_networks.gradient_descent": "the step",
        "simulations.scalar_networks.flow_to_product": "phi before and after",
    },
    kind="limit",
    deterministic=True,
    margin=1e-4,
    predict=_drop_to_second_order,
    measure=_drop,
    settings=tuple({"logs": logs, "edge": edge} for logs, edge in zip(SHAPES, (0.9, 2.3, 1.7), strict=True)),
    sizes=(100, 200, 400, 800, 1600),
    powers=(1.0, 2.0),
    mutants=_versions(_drop_to_second_order, ("q_3 alone", "q_3 - q_2 q_1", "q_2 for q_3", "eta for its square")),
)


# ---------------------------------------------------------------- T5: the exact path


def _path_by_differences(*, weights: Any, step_size: float, share: float) -> Array:
    """[slope of phi^2/2 at `share` of the way, its change over the step, the drop of phi], at fifty digits."""
    with precise.digits():
        end = [w**2 for w in precise.stepped(weights, step_size)]
        before, after = precise.sharpness([w**2 for w in precise.stepped(weights, 0)]), precise.sharpness(end)
        product = np.prod(precise.stepped(weights, 0))
        place = share * (step_size * (product - 1) * product) ** 2

        def half_square(path: Any) -> Any:
            return precise.sharpness([w**2 + path / w**2 for w in precise.stepped(weights, 0)]) ** 2 / 2

        slope = precise.derivative(half_square, place)
        return np.array([float(slope), float((after**2 - before**2) / 2), float(before - after)])


def _path_by_pairs(which: str = "right", *, weights: Any, step_size: float, share: float) -> Array:
    """The same by the sum over pairs, integrated by quadrature, and by the covariance; or a wrong version."""
    w = np.asarray(weights)
    product = float(np.prod(w))
    length = (step_size * (product - 1.0) * product) ** 2
    nodes, parts = np.polynomial.legendre.leggauss(100)
    places = np.append(share, 0.5 * (nodes + 1.0)) * length
    if which == "right":
        slopes = np.asarray(theory.sharpness_path_slope(w, places))
    else:
        slopes = np.array([_wrong_slope(which, w**2, place) for place in places])
    change = float(0.5 * length * parts @ slopes[1:])
    return np.array([slopes[0], change, float(theory.sharpness_decrement(w, step_size))])


def _wrong_slope(which: str, u: Array, place: float) -> float:
    """A wrong version of the sum over pairs for squares `u` at position `place`."""
    t = simulation.flow_to_product(np.sqrt(u + place / u)) ** 2
    t = t if which != "limits to the first power" else np.sqrt(t)
    total = 0.0
    for i in range(len(u)):
        for j in range(i):
            pair = u[i] * u[j]
            rest = 1.0 + place / pair if which == "plus sign in the bracket" else 1.0 - place / pair
            gap = abs(u[i] - u[j]) if which == "gap not squared" else (u[i] - u[j]) ** 2
            total -= gap * rest / (pair * (t[i] * t[j]) ** 2)
    return (2.0 if which == "every pair twice" else 1.0) * total


T5 = Claim(
    id="sn.T5",
    title="The exact path of the GFS sharpness over one step",
    statement=(
        r"\frac{d}{d\lambda}\frac{\varphi^2}2=-\sum_{i<j}\frac{(u_i-u_j)^2\,(1-\lambda/(u_iu_j))}{u_iu_j\,t_i^2t_j^2},"
        r"\qquad t(\lambda)=s^2\big(u+\lambda/u\big),\ \lambda\in[0,a^2]"
    ),
    source="derived",
    provenance="derived",
    equations={
        "theory.scalar_networks.sharpness_path_slope": "the slope",
        "theory.scalar_networks.sharpness_decrement": "the drop, by its own formula",
    },
    kind="identity",
    margin=1e-11,
    predict=_path_by_pairs,
    measure=_path_by_differences,
    settings=(
        {"weights": (1.3, 0.5), "step_size": 0.8, "share": 0.3},
        {"weights": (0.7, 1.2, 0.9), "step_size": 0.9, "share": 0.7},
        {"weights": (1.4, 1.1, 0.6, 1.3), "step_size": 1.1, "share": 1.0},
        {"weights": (0.8, 0.5, 1.4, 1.1, 1.7), "step_size": 1.2, "share": 0.1},
    ),
    outputs=("slope", "change of phi^2/2", "drop of phi"),
    mutants=_versions(
        _path_by_pairs,
        ("plus sign in the bracket", "gap not squared", "limits to the first power", "every pair twice"),
        (1, 2, 3),
    ),
)


# ---------------------------------------------------------------- T9: the quasi-static map


def _series(*, logs: Any, edge: float) -> Array:
    """[slope, alpha, gamma, alpha^2 + gamma] of g at product 1, by differences at fifty digits."""
    solution = _shape(logs)
    with precise.digits():
        squares = precise.levelled([w**2 for w in precise.stepped(solution, 0)])
        step_size = edge / sum(1 / t for t in squares)
        _, slope, alpha, gamma = precise.taylor(lambda p: precise.quasi_static(squares, p, step_size), 1, 3)
        return np.array([float(x) for x in (slope, alpha, gamma, alpha**2 + gamma)])


def _normal_form(which: str = "right", *, logs: Any, edge: float) -> Array:
    """The same in closed form, or a version with a wrong kappa (all of them at the edge)."""
    solution = _shape(logs)
    steep = solution**-2.0
    form = theory.normal_form(solution, edge / float(steep.sum()))
    shares = steep / steep.sum()
    two, three = (steep**2).sum() if which == "shares not normalised" else (shares**2).sum(), (shares**3).sum()
    kappa = {
        "right": form.kappa,
        "gamma minus alpha squared": form.gamma - form.alpha**2,
        "plus 2 rho_3": 4 / 3 * (6 * two**2 - 9 * two + 2 * three + 5),
        "4 for 5": 4 / 3 * (6 * two**2 - 9 * two - 2 * three + 4),
        "shares not normalised": 4 / 3 * (6 * two**2 - 9 * two - 2 * three + 5),
    }[which]
    return np.array([form.multiplier, form.alpha, form.gamma, kappa], dtype=float)


T9 = Claim(
    id="sn.T9",
    title="Normal form of the quasi-static map",
    statement=(
        r"g(1+x)=1+(1-E)x+\alpha x^2+\gamma x^3+\dots,\ E=\eta\varphi,\ \alpha=E(E-4)e_2,\ "
        r"\gamma=E[8e_2^2+(E-2)e_2-(E^2-6E+12)e_3];\quad E=2:\ \kappa=\alpha^2+\gamma="
        r"\tfrac43(6\rho_2^2-9\rho_2-2\rho_3+5)"
    ),
    source="derived; the map's name and role are recalled from the paper",
    provenance="derived",
    assumptions=("e_k, rho_k the symmetric and the power sums of p_i = s_i^-2/phi",),
    equations={"theory.scalar_networks.normal_form": "all coefficients"},
    kind="identity",
    margin=1e-11,
    predict=_normal_form,
    measure=_series,
    settings=tuple({"logs": logs, "edge": edge} for logs in SHAPES for edge in (2.0, 2.7)),
    outputs=("slope", "alpha", "gamma", "kappa"),
    mutants=(
        *_versions(_normal_form, ("plus 2 rho_3", "4 for 5", "shares not normalised"), (0, 2, 4)),
        *_versions(_normal_form, ("gamma minus alpha squared",)),
    ),
)


def _literal_map(*, logs: Any, edge: float, products: Any) -> Array:
    """The products after one step of quasi-static descent, from all `products` on one flow line."""
    solution = _shape(logs)
    points = simulation.flow_to_product(solution, np.asarray(products))
    rate = edge / float(np.sum(solution**-2.0))
    return simulation.quasi_static_descent(points, rate, 1).products[:, 1]


def _map(which: str = "right", *, logs: Any, edge: float, products: Any) -> Array:
    """The same by theory, or a wrong version of the formula."""
    solution, p = _shape(logs), np.asarray(products)
    rate = edge / float(np.sum(solution**-2.0))
    if which == "right":
        return np.asarray(theory.quasi_static_map(solution, p, rate))
    u = solution**2 + 0.0 * p[:, None]
    if which != "balances and squares confused":
        u = simulation.flow_to_product(solution, p) ** 2
    kick = rate * (p - 1.0) * (1.0 if which == "a without the product" else p)
    return (1.0 if which == "factor p dropped" else p) * np.prod(1.0 - kick[:, None] / u, axis=1)


T9_MAP = Claim(
    id="sn.T9.map",
    title="The quasi-static map",
    statement=(
        r"g(p)=p\prod_i\Big(1-\frac{\eta(p-1)p}{u_i}\Big),\quad u_i=s_i^2+\xi,\ \prod_iu_i=p^2;\qquad "
        r"D=2:\ g(p)=p(1+e^2)-e\sqrt{b^2+4p^2}"
    ),
    source="derived; the map's name and role are recalled from the paper",
    provenance="derived",
    equations={
        "theory.scalar_networks.quasi_static_map": "g",
        "simulations.scalar_networks.quasi_static_descent": "one step at fixed balances",
        "simulations.scalar_networks.flow_to_product": "the points with the given products",
    },
    kind="identity",
    margin=1e-11,
    predict=_map,
    measure=_literal_map,
    settings=tuple({"logs": logs, "edge": 1.9, "products": (0.03, 0.6, 1.0, 1.2)} for logs in SHAPES),
    mutants=_versions(_map, ("balances and squares confused", "a without the product", "factor p dropped")),
)


def _cycle_width(*, logs: Any, n: float) -> float:
    """Half the distance of the last two products of quasi-static descent at eta phi = 2 + 1/n."""
    solution = _shape(logs)
    rate = (2.0 + 1.0 / n) / float(np.sum(solution**-2.0))
    start, steps = simulation.flow_to_product(solution, 1.02), int(30 * n)
    last = simulation.quasi_static_descent(start, rate, steps, skip=steps - 1).products
    return 0.5 * float(abs(last[1] - last[0]))


def _cycle_width_in_theory(factor: float = 1.0, power: float = 0.5, *, logs: Any, n: float) -> float:
    """sqrt(delta/kappa) at delta = 1/n; a `factor` on kappa and another `power` of delta make wrong versions."""
    solution = _shape(logs)
    width = float(theory.two_cycle_half_width(solution, (2.0 + 1.0 / n) / float(np.sum(solution**-2.0))))
    return width * factor**-0.5 * n ** (0.5 - power)


T9_CYCLE = Claim(
    id="sn.T9.cycle",
    title="The product's two-cycle just beyond the edge",
    statement=r"\eta\varphi=2+\delta:\quad\tfrac12|\pi_+-\pi_-|=\sqrt{\delta/\kappa}\,(1+O(\delta))",
    source="derived",
    provenance="derived",
    assumptions=("quasi-static descent: the balances are kept", "delta -> 0"),
    equations={
        "theory.scalar_networks.two_cycle_half_width": "right side",
        "simulations.scalar_networks.quasi_static_descent": "the cycle",
        "simulations.scalar_networks.flow_to_product": "the start",
    },
    kind="limit",
    deterministic=True,
    margin=1e-4,
    predict=_cycle_width_in_theory,
    measure=_cycle_width,
    settings=tuple({"logs": logs} for logs in SHAPES),
    sizes=(50, 100, 200, 400, 800),
    powers=(1.0, 2.0),
    mutants=(
        Mutant(name="twice kappa", predict=partial(_cycle_width_in_theory, 2.0)),
        Mutant(name="delta for its root", predict=partial(_cycle_width_in_theory, 1.0, 1.0)),
        Mutant(name="kappa one percent too large", predict=partial(_cycle_width_in_theory, 1.01)),
    ),
)


def _kappa_bounds(lower: float = 80 / 3, upper: float = 32.0, *, depth: int, **gaps: float) -> Array:
    """[kappa, `upper` e_2^2] over [`lower` e_2^2, kappa]: both must be >= 1."""
    solution = minimum(depth, **gaps)
    shares = solution**-2.0 / np.sum(solution**-2.0)
    second = float(np.sum(np.outer(shares, shares) * (1.0 - np.eye(depth)))) / 2.0
    kappa = float(theory.edge_constants(solution).kappa)
    return np.array([lower * second**2 / kappa, kappa / (upper * second**2)])


def _ones(**_: Any) -> Array:
    """The bound 1 for both ratios."""
    return np.ones(2)


T9_KAPPA = Claim(
    id="sn.T9.supercritical",
    title="The period doubling at the edge is supercritical at every minimum",
    statement=r"\tfrac{80}3e_2^2\le\kappa=32e_2^2-8e_3\le32e_2^2,\qquad\text{so }\kappa>0",
    source="derived",
    provenance="derived",
    proof="e_1 = 1, and Newton's inequality e_2^2 (depth - 2) 2/3 >= (depth - 1) e_1 e_3 gives e_3 <= (2/3) e_2^2.",
    equations={"theory.scalar_networks.edge_constants": "kappa"},
    kind="bound",
    margin=1e-11,
    predict=_ones,
    measure=_kappa_bounds,
    settings=({"depth": 2}, {"depth": 3}, {"depth": 40}),
    domain=dict(GAPS),
    restarts=1000,
    mutants=(
        Mutant(name="lower constant 27.5", measure=partial(_kappa_bounds, 27.5), settings=(2,)),
        Mutant(name="upper constant 31", measure=partial(_kappa_bounds, 80 / 3, 31.0)),
        Mutant(name="lower constant 32", measure=partial(_kappa_bounds, 32.0)),
    ),
    scales={"quick": {"restarts": 200}},
)

CLAIMS = (T4, T5, T9, T9_MAP, T9_CYCLE, T9_KAPPA)
