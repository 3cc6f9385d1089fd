"""Learning from aggregate responses: A. Javanmard, L. Chen, V. Mirrokni, A. Badanidiyuru, G. Fu, ICLR 2024.

Model. n rows x ~ N(0, I_d) with responses y = x.theta0 + noise lie in m = n/k bags; the learner sees every x, but of y
only the mean of each bag. The interpolating loss (1 - rho) L_bag + rho L_ins is bag level plus rho times the within-bag
spread of the predictions. Rotating each bag splits the rows into Z1 (m scaled bag means) and Z2 (n - m contrasts), and

    theta_hat = (Z1'Z1 + rho Z2'Z2)^-1 Z1'(Z1 theta0 + w),    w of variance sigma^2.

As n, d -> infinity with alpha1 = psi/k, alpha2 = psi (1 - 1/k), psi = n/d > 1, t = lim tr (Z1'Z1 + rho Z2'Z2)^-1 solves

    alpha1 v + alpha2 u = 1,   v = t/(1 + t),   u = rho t/(1 + rho t);   c = alpha1 v,  x = alpha2 u = 1 - c,
    D = c (1 - v) + x (1 - u),   bias = r^2 [x^2 + psi x^2 c^2/(alpha1 alpha2 D)],   variance = sigma^2 c^2/(alpha1 D).

=============  ====================  ========================================================  ==================
letter         argument              meaning                                                   domain
=============  ====================  ========================================================  ==================
psi            samples_per_feature   n/d, samples per feature (not features per sample)        > 0
psi - 1        excess_samples        the same, keeping its digits near psi = 1                 > -1
k              bag_size              (mean) bag size n/m                                       real, >= 1
rho            interpolation         weight of within-bag spread; 0 bag, 1 instance level      [0, inf]
r^2            signal                squared length of theta0                                  >= 0
sigma^2        noise_variance        variance of the label noise                               >= 0
SNR            snr                   r^2/sigma^2                                               (0, inf]
alpha1         --                    rows of bag means per feature, psi/k                      > 0
alpha2         --                    within-bag rows per feature, psi (1 - 1/k)                >= 0
c, x           --                    shrinkage E theta_hat = c theta0, its deficit 1 - c       [0, 1]
b              --                    eigenvalue of (Z1'Z1 + Z2'Z2)^-1/2 Z1'Z1 (same)           [0, 1]
=============  ====================  ========================================================  ==================

Conventions that bite. Errors are |theta_hat - theta0|^2, the excess prediction risk: sigma^2 of a fresh label is not
included. The bias is |E[theta_hat given X] - theta0|^2, so it contains what X alone scatters. interpolation = 0 is the
minimum-norm minimiser of the bag loss, which for psi < k differs from the limit interpolation -> 0+
(`vanishing_interpolation_risk`). A bag mean has noise sigma^2/k, but it counts k times in the loss.

Exact and asymptotic. Risks at a ratio psi are limits; at finite size the mean differs by O(1/d) (0.4 % of the risk
at d = 100, psi = 4, k = 2; more towards psi = 1). As functions of their arguments they are accurate to a few
roundings; samples per feature and bag sizes beyond 1e100 are refused.
"""

from theory.aggregate_responses.alternatives import (
    EasyLLPCrossover,
    GainCorrection,
    easyllp_crossover_snr,
    easyllp_risk,
    gain_corrected_risk,
    optimal_gain_interpolation,
    ridge_risk,
)
from theory.aggregate_responses.bagging import (
    Bagging,
    bag_spread,
    consecutive_bags,
    instance_bias_bound,
    smallest_spread_bags,
)
from theory.aggregate_responses.clipping import ClippedMoments, clipped_label_moments, clipping_threshold
from theory.aggregate_responses.finite import (
    ExpectedRisk,
    exact_bag_risk,
    exact_instance_risk,
    exact_one_feature_risk,
    exact_risk_from_traces,
)
from theory.aggregate_responses.groups import Group, bag_groups, group_risk
from theory.aggregate_responses.limits import LimitRisk, limit_risk, shrinkage, vanishing_interpolation_risk
from theory.aggregate_responses.losses import bag_loss, instance_loss, interpolating_loss, jensen_gap, within_bag_spread
from theory.aggregate_responses.optimum import (
    OptimalInterpolation,
    bias_slope_polynomial,
    crossover_snr,
    optimal_interpolation,
    optimal_snr,
    risk_slope,
)
from theory.aggregate_responses.privacy import laplace_scale, privacy_loss, private_limit_risk, private_risk
from theory.aggregate_responses.private_optimum import (
    OptimalBagSize,
    bag_size_threshold,
    optimal_bag_size,
    optimal_bag_size_limit,
    private_ridge_balance,
    private_ridge_floor,
)
from theory.aggregate_responses.saddle import SaddlePoint, saddle_point
from theory.aggregate_responses.wachter import (
    wachter_atoms,
    wachter_average,
    wachter_density,
    wachter_edges,
    wachter_risk,
)

__all__ = [
    "Bagging",
    "ClippedMoments",
    "EasyLLPCrossover",
    "ExpectedRisk",
    "GainCorrection",
    "Group",
    "LimitRisk",
    "OptimalBagSize",
    "OptimalInterpolation",
    "SaddlePoint",
    "bag_groups",
    "bag_loss",
    "bag_size_threshold",
    "bag_spread",
    "bias_slope_polynomial",
    "clipped_label_moments",
    "clipping_threshold",
    "consecutive_bags",
    "crossover_snr",
    "easyllp_crossover_snr",
    "easyllp_risk",
    "exact_bag_risk",
    "exact_instance_risk",
    "exact_one_feature_risk",
    "exact_risk_from_traces",
    "gain_corrected_risk",
    "group_risk",
    "instance_bias_bound",
    "instance_loss",
    "interpolating_loss",
    "jensen_gap",
    "laplace_scale",
    "limit_risk",
    "optimal_bag_size",
    "optimal_bag_size_limit",
    "optimal_gain_interpolation",
    "optimal_interpolation",
    "optimal_snr",
    "privacy_loss",
    "private_limit_risk",
    "private_ridge_balance",
    "private_ridge_floor",
    "private_risk",
    "ridge_risk",
    "risk_slope",
    "saddle_point",
    "shrinkage",
    "smallest_spread_bags",
    "vanishing_interpolation_risk",
    "wachter_atoms",
    "wachter_average",
    "wachter_density",
    "wachter_edges",
    "wachter_risk",
    "within_bag_spread",
]
