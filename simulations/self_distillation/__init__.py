"""Self-distillation in ridge regression: the recursion refitted step by step, fast risks, real data, small networks.

The literal recursion:
literal_fits, literal_coefficients, loss_weighted_fits, settled_fits       one dense solve a step
left_out_predictions, left_out_primal_predictions                          refits of all steps without each point
budget_fits                                                                a residual budget in place of the ridge
toy_losses, toy_kernel, toy_grid, TOY_INPUTS, TOY_TARGETS                  the eleven-point toy
all_predictions                     all schedules, ridges and steps from one eigendecomposition

Measures, measure(rng, replicates, **setting) -> array (replicates, ...):
distilled_risks, settled_risks, two_step_risks        proportional regime, noise integrated out
relative_deviations                                   the first of these beside given values
cross_validation_risks, two_step_estimates            test error beside corrected and naive cross-validation
literal_risks, left_out_risks                         the same with everything drawn and refitted
digits_errors, digits_greedy_errors, digits_classes   RBF kernel on digits with noisy labels
table_errors                                          tuned students on diabetes, breast cancer, wine
network_errors, network_alphas                        multi-layer networks on digits

Schedules `alphas` are (alpha_2, ..., alpha_t), empty for plain ridge. Ridges of kernels carry no 1/n; those of the
proportional regime and of tables are divided by n.
"""

from simulations.self_distillation.budget import budget_fits
from simulations.self_distillation.estimates import cross_validation_risks, two_step_estimates
from simulations.self_distillation.filters import all_predictions
from simulations.self_distillation.kernel_data import (
    best_alpha,
    digits_classes,
    digits_errors,
    digits_greedy_errors,
    table_errors,
)
from simulations.self_distillation.literal import left_out_risks, literal_risks
from simulations.self_distillation.networks import NetworkOutputs, network_alphas, network_errors, network_outputs
from simulations.self_distillation.proportional import (
    distilled_risks,
    relative_deviations,
    settled_risks,
    two_step_risks,
)
from simulations.self_distillation.recursion import (
    left_out_predictions,
    left_out_primal_predictions,
    literal_coefficients,
    literal_fits,
    loss_weighted_fits,
    settled_fits,
)
from simulations.self_distillation.task import linear_task, signal_squares, spectrum_values
from simulations.self_distillation.toy import (
    TOY_INPUTS,
    TOY_RIDGE,
    TOY_TARGETS,
    TOY_WIDTH,
    rbf_kernel,
    toy_grid,
    toy_kernel,
    toy_losses,
)

__all__ = [
    "TOY_INPUTS",
    "TOY_RIDGE",
    "TOY_TARGETS",
    "TOY_WIDTH",
    "NetworkOutputs",
    "all_predictions",
    "best_alpha",
    "budget_fits",
    "cross_validation_risks",
    "digits_classes",
    "digits_errors",
    "digits_greedy_errors",
    "distilled_risks",
    "left_out_predictions",
    "left_out_primal_predictions",
    "left_out_risks",
    "linear_task",
    "literal_coefficients",
    "literal_fits",
    "literal_risks",
    "loss_weighted_fits",
    "network_alphas",
    "network_errors",
    "network_outputs",
    "rbf_kernel",
    "relative_deviations",
    "settled_fits",
    "settled_risks",
    "signal_squares",
    "spectrum_values",
    "table_errors",
    "toy_grid",
    "toy_kernel",
    "toy_losses",
    "two_step_estimates",
    "two_step_risks",
]
