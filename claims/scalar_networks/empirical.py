"""Claims sn.E1 and sn.E2: what is seen beyond scalar networks, in squared regression and in a network on digits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.scalar_networks._paper import PAPER
from simulations import scalar_networks as simulation

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- E1: squared regression


def _task(draw: int, samples: int, features: int) -> tuple[Array, Array, Array]:
    """Inputs, targets and weights of the random task number `draw`."""
    rng = np.random.default_rng(draw)
    inputs, targets = rng.standard_normal((samples, features)), 1.5 * rng.standard_normal(samples)
    return inputs, targets, 0.8 * rng.standard_normal((2, features))


def _by_integration(*, draw: int, samples: int, features: int, step_size: float) -> Array:
    """[the flow's limit, its sharpness, the products u v after a step], integrated, by the Hessian, stepped."""
    inputs, targets, start = _task(draw, samples, features)
    end = simulation.regression_flow_by_integration(inputs, targets, start)
    top = float(np.linalg.eigvalsh(simulation.regression_hessian(inputs, targets, end))[-1])
    u, v = simulation.regression_descent(inputs, targets, start, step_size, 1).weights
    return np.array([*end.ravel(), top, *(u * v)])


def _by_duality(which: str = "right", *, draw: int, samples: int, features: int, step_size: float) -> Array:
    """The same by n unknowns, an n x n matrix and the factors 1 - eta^2 G_i^2; or a wrong version."""
    inputs, targets, (u, v) = _task(draw, samples, features)
    end = simulation.regression_flow(inputs, targets, np.array([u, v]))
    power = end[0] * np.abs(end[1]) if which == "2 u v for u^2 + v^2" else np.sum(end**2, axis=0)
    scale = 1.0 if which == "1/n for 4/n" else 4.0
    kernel = scale / samples * (inputs * power) @ inputs.T
    slope = 2 / samples * inputs.T @ (inputs @ (u**2 - v**2) - targets)
    shrink = 1.0 - step_size * slope if which == "G for its square" else 1.0 - (step_size * slope) ** 2
    return np.array([*end.ravel(), float(np.linalg.eigvalsh(kernel)[-1]), *(u * v * shrink)])


E1_FLOW = Claim(
    id="sn.E1.flow",
    title="Squared regression: the flow's limit by n unknowns, its sharpness, and contracting balances",
    statement=(
        r"u=u_0e^{X^\top\nu},\ v=v_0e^{-X^\top\nu};\quad"
        r"\lambda_{\max}\Big(\tfrac4nX\operatorname{diag}(u^2+v^2)X^\top\Big);\quad "
        r"u_iv_i\leftarrow u_iv_i(1-\eta^2G_i^2),\ G=\tfrac2nX^\top r"
    ),
    source="derived",
    provenance="derived",
    assumptions=("f(x) = <x, u^2 - v^2>, fewer samples than features",),
    equations={
        "simulations.scalar_networks.regression_flow": "the limit by Newton's method",
        "simulations.scalar_networks.regression_flow_by_integration": "the limit by integration",
        "simulations.scalar_networks.regression_hessian": "the sharpness there",
        "simulations.scalar_networks.regression_descent": "one step",
    },
    kind="identity",
    margin=1e-8,  # the integration stops at a residual of 1e-11
    predict=_by_duality,
    measure=_by_integration,
    settings=tuple(
        {"draw": draw, "samples": n, "features": d, "step_size": 0.02} for draw, n, d in ((1, 3, 7), (2, 5, 20))
    ),
    mutants=tuple(
        Mutant(name=name, predict=partial(_by_duality, name))
        for name in ("2 u v for u^2 + v^2", "1/n for 4/n", "G for its square")
    ),
)


def _rises(count: float = 0.0, size: float = 0.0, **_: Any) -> Array:
    """[rising steps of a run, largest relative rise]: 0, or wrong values."""
    return np.array([count, size])


def _none(**_: Any) -> float:
    """No rising step."""
    return 0.0


REGRESSION = {"samples": 5, "features": 20, "steps": 150}
E1 = Claim(
    id="sn.E1",
    title="Squared regression: the GFS sharpness never rises near a minimum",
    statement=r"\varphi(w_{t+1})\le\varphi(w_t)\ \text{at all of 150 steps},\quad\eta\varphi(w_0)\in\{1,1.9,2.1,2.4\}",
    source=f"{PAPER}, experiment in squared regression (its dimensions and data are not known)",
    provenance="reconstructed",
    assumptions=(
        "five standard normal samples, twenty features",
        "start: a minimum with weights of order one, every weight changed by one percent",
        "a tendency, not a theorem: farther from minima it rises at times, see sn.E1.far",
    ),
    equations={"simulations.scalar_networks.regression_rises": "counts of rising steps"},
    kind="tendency",
    relative=False,
    margin=0.02,
    predict=_rises,
    measure=simulation.regression_rises,
    settings=tuple({**REGRESSION, "edge": edge, "perturbation": 0.01} for edge in (1.0, 1.9, 2.1, 2.4)),
    columns=(0, 1),
    outputs=("rising steps a run", "largest rise"),
    budget=256,
    block=32,
    mutants=(
        Mutant(name="one rise in ten runs", predict=partial(_rises, 0.1)),
        Mutant(name="a rise of five percent", predict=partial(_rises, 0.0, 0.05)),
        Mutant(name="rises as often as it falls", predict=partial(_rises, 75.0)),
    ),
    scales={"quick": {"budget": 64}},
)

E1_FAR = Claim(
    id="sn.E1.far",
    title="Squared regression: the GFS sharpness never rises, wherever the start (false)",
    statement=r"\eta\varphi(w_0)\le2\sqrt2\;\Rightarrow\;\varphi(w_{t+1})\le\varphi(w_t)",
    source="derived: sn.T2 carried over to squared regression; false",
    provenance="derived",
    assumptions=("counterexamples: random starts, small weights at eta phi = 1 and weights of order one at 2.4",),
    expected="refuted",
    corrected_by="sn.E1",
    kind="tendency",
    relative=False,
    margin=0.02,
    predict=_none,
    measure=simulation.regression_rises,
    settings=(
        {**REGRESSION, "edge": 1.0, "weight_scale": 0.2},
        {**REGRESSION, "edge": 2.4},
    ),
    columns=(0,),
    outputs=("rising steps a run",),
    budget=256,
    block=32,
    scales={"quick": {"budget": 64}},
)


# ---------------------------------------------------------------- E2: a network


def _network_counts(*, edge: float, draw: int) -> Array:
    """[points at which the flow's sharpness rose, 1 if it fell over all], one network by literal descent."""
    rises, _, _, last = simulation.network_rises(np.random.default_rng(draw), 1, edge=edge, steps=24, every=4)[0]
    return np.array([rises, float(last < edge)])


def _no_rise(rises: float = 0.0, falls: float = 1.0, **_: Any) -> Array:
    """No rise and a fall, or wrong counts."""
    return np.array([rises, falls])


E2 = Claim(
    id="sn.E2",
    title="A tanh network on digits: the GFS sharpness falls",
    statement=r"\varphi(w_{t+4})\le\varphi(w_t)\ \text{at all recorded points},\quad\eta\varphi(w_0)\in\{1,2.2\}",
    source=f"{PAPER}, experiments on networks (architectures and data recalled; this is a stand-in)",
    provenance="reconstructed",
    assumptions=("64-16-1 units, 24 digits, squared loss, every fourth of 24 steps", "a tendency, not a theorem"),
    equations={"simulations.scalar_networks.network_rises": "counts of rising points"},
    kind="tendency",
    deterministic=True,
    relative=False,
    margin=0.5,
    predict=_no_rise,
    measure=_network_counts,
    settings=tuple({"edge": edge, "draw": draw} for edge in (1.0, 2.2) for draw in range(6)),
    outputs=("rising points", "falls over all"),
    mutants=(
        Mutant(name="it rises at a point", predict=partial(_no_rise, 1.0)),
        Mutant(name="it does not fall over all", predict=partial(_no_rise, 0.0, 0.0)),
        Mutant(name="it rises at every point", predict=partial(_no_rise, 6.0)),
    ),
    scales={"quick": {"settings": ({"edge": 1.0, "draw": 0}, {"edge": 2.2, "draw": 1})}},
)

CLAIMS = (E1_FLOW, E1, E1_FAR, E2)
