"""Scalar networks: gradient descent on (w_1 ... w_D - 1)^2 / 2, gradient flow, and two settings beyond.

gradient_descent, loss, hessian, sharpness     many orbits at once, compiled
gradient_flow, flow_to_product                 the flow's limit by integration; points of given product on a flow line
quasi_static_descent                           gradient descent whose balances are held fixed
basin, bounded_orbits, lyapunov_exponents      bounded orbits and chaos
pair_starts, edge_starts                       random points for properties of one step
"""

from simulations.scalar_networks.basin import Basin, basin, bounded_orbits, lyapunov_exponents
from simulations.scalar_networks.descent import Descent, gradient_descent, hessian, loss, sharpness
from simulations.scalar_networks.flow import QuasiStatic, flow_to_product, gradient_flow, quasi_static_descent
from simulations.scalar_networks.starts import edge_starts, pair_starts

__all__ = [
    "Basin",
    "Descent",
    "QuasiStatic",
    "basin",
    "bounded_orbits",
    "edge_starts",
    "flow_to_product",
    "gradient_descent",
    "gradient_flow",
    "hessian",
    "loss",
    "lyapunov_exponents",
    "pair_starts",
    "quasi_static_descent",
    "sharpness",
]
