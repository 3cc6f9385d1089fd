"""Scalar networks: gradient descent on (w_1 ... w_D - 1)^2 / 2, gradient flow, and two settings beyond.

gradient_descent, loss, hessian, sharpness     many orbits at once, compiled
gradient_flow, flow_to_product                 the flow's limit by integration; points of given product on a flow line
quasi_static_descent                           gradient descent whose balances are held fixed
basin, bounded_orbits, lyapunov_exponents      bounded orbits and chaos
pair_starts, edge_starts                       random points for properties of one step
regression_...                                 squared regression, <x, u^2 - v^2>; its flow by n unknowns or integration
network_...                                    a tanh network on digits; loaded when first used, as it needs JAX
Measures, measure(rng, replicates, **setting) -> array (replicates, ...): bounded_orbits, lyapunov_exponents,
pair_starts, edge_starts, regression_rises, network_rises.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from simulations.scalar_networks.basin import Basin, basin, bounded_orbits, lyapunov_exponents
from simulations.scalar_networks.descent import Descent, gradient_descent, hessian, loss, sharpness
from simulations.scalar_networks.flow import QuasiStatic, flow_to_product, gradient_flow, quasi_static_descent
from simulations.scalar_networks.regression import (
    RegressionDescent,
    regression_descent,
    regression_flow,
    regression_flow_by_integration,
    regression_hessian,
    regression_rises,
)
from simulations.scalar_networks.starts import edge_starts, pair_starts

if TYPE_CHECKING:
    from simulations.scalar_networks.network import (
        NetworkDescent,
        network_descent,
        network_flow_sharpness,
        network_rises,
        network_task,
    )

__all__ = [
    "Basin",
    "Descent",
    "NetworkDescent",
    "QuasiStatic",
    "RegressionDescent",
    "basin",
    "bounded_orbits",
    "edge_starts",
    "flow_to_product",
    "gradient_descent",
    "gradient_flow",
    "hessian",
    "loss",
    "lyapunov_exponents",
    "network_descent",
    "network_flow_sharpness",
    "network_rises",
    "network_task",
    "pair_starts",
    "quasi_static_descent",
    "regression_descent",
    "regression_flow",
    "regression_flow_by_integration",
    "regression_hessian",
    "regression_rises",
    "sharpness",
]


def __getattr__(name: str) -> Any:
    """Load the network's module, and JAX with it, when one of its names is asked for."""
    if name in __all__:
        return getattr(importlib.import_module("simulations.scalar_networks.network"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
