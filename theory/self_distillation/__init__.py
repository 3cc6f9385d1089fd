"""Self-distillation in kernel ridge regression: K. Borup, L. N. Andersen, "Even your Teacher Needs Guidance:
Ground-Truth Targets Dampen Regularization Imposed by Self-Distillation", NeurIPS 2021, arXiv 2102.13088.

Model. Kernel ridge regression is refitted again and again, with the same kernel matrix K and the same ridge, to a
mixture of the true targets y and its own previous fits on the training points:

    y^(0) = y,    z_t = alpha_t y + (1 - alpha_t) y^(t-1),    y^(t) = K (K + lambda I)^-1 z_t,    z_1 = y
    f^(t)(x) = k(x) (K + lambda I)^-1 z_t
    K = V diag(d) V^T:    y^(t) = V diag(b^(t)) V^T y,    b^(t) = a [alpha_t + (1 - alpha_t) b^(t-1)],    b^(0) = 1

alpha = 0 is pure self-distillation (H. Mobahi, M. Farajtabar, P. L. Bartlett, NeurIPS 2020, arXiv 2002.05715).

=========  =====================  =======================================================  =======================
letter     argument               meaning                                                  domain
=========  =====================  =======================================================  =======================
K          gram                   kernel matrix of the training points (n, n)              symmetric, no negative
                                                                                           eigenvalues
k(x)       cross_gram             kernel between new and training points (m, n)            real
y, Y       targets                training targets (n,) or (n, outputs)                    real
lambda     ridge                  objective ... + (lambda/2) ||f||^2, not multiplied by n  >= 0
alpha_t    alphas                 weights of the true targets, (alpha_2, ..., alpha_t);    real
                                  empty is plain ridge regression
alpha      alpha                  the same weight at every step                            real
t          step                   1 is plain ridge regression; inf is the limit            1, 2, ..., inf
d_i        eigenvalues            eigenvalues of K, any order                              >= 0
a_i                               one-step filter d_i/(d_i + lambda)                       [0, 1]
q_i                               contraction (1 - alpha) a_i; the limit needs |q_i| < 1
b_i^(t)                           filter after t steps                                     [0, 1], alphas in [0, 1]
c_j        coefficients           y^(t) = sum_j c_j L^(j+1) y, L = K (K + lambda I)^-1     sum to 1
w_i        sample_weights         weights of the squared errors; 0 drops the point         >= 0
eps        budget                 admitted mean squared residual, Mobahi's form            > 0
=========  =====================  =======================================================  =======================

Conventions that bite. Steps count fits: step 1 is the ordinary ridge fit, "alpha_1" would have no effect and is not
part of a schedule. Filters are relative to the targets, not to the first fit. Nothing is centred and no intercept is
fitted. A validation loss here is a sum of squares over points and outputs, never a mean, and is not halved.

Exact and asymptotic. Everything about a given Gram matrix (filters, fits, schedules, leave-one-out) is exact algebra,
evaluated to a few units of float64 rounding times the condition that its docstring names.
"""

from theory.self_distillation.budget import (
    BudgetFits,
    collapse_bounds,
    residual_budget_fits,
)
from theory.self_distillation.effective_ridge import SolveError, effective_ridge, spectrum_edges
from theory.self_distillation.excess_risk import ExcessRisk, bayes_ridge, excess_risk, filter_risk, limit_excess_risk
from theory.self_distillation.filters import (
    constant_filter,
    constant_residual,
    convergence_interval,
    convergence_rate,
    from_loss_weights,
    spectral_filter,
    spectral_residual,
    steps_to_tolerance,
)
from theory.self_distillation.fits import (
    constant_fit,
    fits,
    pure_distillation_classes,
)
from theory.self_distillation.joint_optimum import BestRidge, best_joint_risk, joint_risk
from theory.self_distillation.leave_one_out import (
    corrected_gcv,
    corrected_gcv_alpha,
    leave_one_out,
    leave_one_out_alpha,
    naive_gcv,
    naive_gcv_alpha,
)
from theory.self_distillation.mixing import (
    Mixing,
    RiskTerms,
    isotropic_limits,
    naive_gcv_limits,
    optimal_mixing,
    risk_terms,
)
from theory.self_distillation.ratios import (
    filter_ratios,
    overshoot_step,
    ratio_bounds,
    ratio_growth_threshold,
)
from theory.self_distillation.schedules import (
    OptimalAlpha,
    Schedule,
    coefficients_to_schedule,
    greedy_schedule,
    iterated_tikhonov_schedule,
    optimal_alpha,
    optimal_schedule,
    schedule_to_coefficients,
)

__all__ = [
    "BestRidge",
    "BudgetFits",
    "ExcessRisk",
    "Mixing",
    "OptimalAlpha",
    "RiskTerms",
    "Schedule",
    "SolveError",
    "bayes_ridge",
    "best_joint_risk",
    "coefficients_to_schedule",
    "collapse_bounds",
    "constant_filter",
    "constant_fit",
    "constant_residual",
    "convergence_interval",
    "convergence_rate",
    "corrected_gcv",
    "corrected_gcv_alpha",
    "effective_ridge",
    "excess_risk",
    "filter_ratios",
    "filter_risk",
    "fits",
    "from_loss_weights",
    "greedy_schedule",
    "isotropic_limits",
    "iterated_tikhonov_schedule",
    "joint_risk",
    "leave_one_out",
    "leave_one_out_alpha",
    "limit_excess_risk",
    "naive_gcv",
    "naive_gcv_alpha",
    "naive_gcv_limits",
    "optimal_alpha",
    "optimal_mixing",
    "optimal_schedule",
    "overshoot_step",
    "pure_distillation_classes",
    "ratio_bounds",
    "ratio_growth_threshold",
    "residual_budget_fits",
    "risk_terms",
    "schedule_to_coefficients",
    "spectral_filter",
    "spectral_residual",
    "spectrum_edges",
    "steps_to_tolerance",
]
