"""Scalar networks at the edge of stability: I. Kreisler, M. Shpigel Nacson, D. Soudry, Y. Carmon, "Gradient Descent
Monotonically Decreases the Sharpness of Gradient Flow Solutions in Scalar Networks and Beyond", ICML 2023,
arXiv 2305.13064.

Model. A network of D weights multiplies its input by their product pi = w_1 ... w_D; the target is 1:

    L(w) = (pi - 1)^2/2
    gradient descent   w_i <- w_i - eta (pi - 1) prod_{j != i} w_j
    gradient flow      dw_i/dt = -(pi - 1) prod_{j != i} w_j,   keeps all w_i^2 - w_j^2,   ends at s(w)
    GFS sharpness      phi(w) = sum_i 1/s_i^2, the top eigenvalue of the Hessian at s(w)

=========  =============  ================================================================  ======================
letter     argument       meaning                                                           domain
=========  =============  ================================================================  ======================
D          depth          number of weights, the last axis of `weights`                     2, 3, ...
w          weights        weights, shape (..., depth)                                       real, |w| <= 1e150
s          solution       a minimum, usually a gradient-flow limit, shape (..., depth)      product 1 up to 1e-9
eta        step_size      step size of gradient descent                                     (0, 1e150]
pi, p      product        product of the weights                                            real
x          deviation      pi - 1                                                            real
phi        (sharpness)    GFS sharpness                                                     >= D
a                         eta (pi - 1) pi, the kick of u_i                                  real
e                         eta (pi - 1)                                                      real
u_i, t_i                  squares w_i^2 and s_i^2                                           >= 0
B_i, b                    w_i^2 - min w^2; at depth two w_1^2 - w_2^2                       >= 0; real
q_k                       sum_i s_i^(-2k); q_1 = phi                                        > 0
p_i                       shares s_i^-2/phi                                                 (0, 1), sum 1
rho_k                     sum_i p_i^k                                                       (0, 1]
e_2, e_3                  elementary symmetric sums of the p_i                              [0, 1/2), [0, 1/6)
delta      excess         eta phi - 2, distance to the edge of stability                    real
kappa, c   kappa, decay   restoring strength of the product, fall of eta phi per (pi-1)^2   >= 0
B          bound          bound of the product in the invariant set                         (1, 2]
P_D                       largest product of the theorem, `maximal_product`                 (1.618, 2]
=========  =============  ================================================================  ======================

Conventions that bite. The loss is halved. A minimum has product 1, whatever its signs; other targets and data are the
same problem in other units (`unit_problem`). phi depends on the squares of the weights only. It is undefined, and
returned as NaN, where gradient flow reaches no minimum: from two or more zero weights, or from a negative product with
an exact tie for the smallest |w| (`reaches_minimum`). "Decrement" is positive when phi falls.

Exact and asymptotic. Gradient-flow limits, sharpness, conditions, depth two and equal weights are exact, evaluated to
about 1e-14. Asymptotic are `second_order_decrement` (relative error of order pi - 1), `two_cycle_half_width` (of order
delta), and the landing value `final_sharpness` (small excess and amplitude; see `landing`).
"""

from theory.scalar_networks.balanced import (
    BalancedCycle,
    balanced_two_cycle,
    crisis_step,
    first_doubling_step,
    second_doubling_step,
    zero_crossing_step,
)
from theory.scalar_networks.decrement import second_order_decrement, sharpness_decrement, sharpness_path_slope
from theory.scalar_networks.depth_two import bounded_area, chaotic_boundary, critical_step_size, depth_two_invariant
from theory.scalar_networks.flow import gfs_sharpness, gradient_flow_solution, reaches_minimum
from theory.scalar_networks.hessian import sharpness
from theory.scalar_networks.invariant import invariant_set
from theory.scalar_networks.landing import (
    EdgeConstants,
    edge_constants,
    final_excess,
    final_sharpness,
    landing_shape,
)
from theory.scalar_networks.losses import loss, network_product
from theory.scalar_networks.monotone import descent_condition, maximal_product, monotone_region
from theory.scalar_networks.quasi_static import NormalForm, normal_form, quasi_static_map, two_cycle_half_width
from theory.scalar_networks.rescaling import DataProblem, UnitProblem, data_problem, unit_problem

__all__ = [
    "BalancedCycle",
    "DataProblem",
    "EdgeConstants",
    "NormalForm",
    "UnitProblem",
    "balanced_two_cycle",
    "bounded_area",
    "chaotic_boundary",
    "crisis_step",
    "critical_step_size",
    "data_problem",
    "depth_two_invariant",
    "descent_condition",
    "edge_constants",
    "final_excess",
    "final_sharpness",
    "first_doubling_step",
    "gfs_sharpness",
    "gradient_flow_solution",
    "invariant_set",
    "landing_shape",
    "loss",
    "maximal_product",
    "monotone_region",
    "network_product",
    "normal_form",
    "quasi_static_map",
    "reaches_minimum",
    "second_doubling_step",
    "second_order_decrement",
    "sharpness",
    "sharpness_decrement",
    "sharpness_path_slope",
    "two_cycle_half_width",
    "unit_problem",
    "zero_crossing_step",
]
