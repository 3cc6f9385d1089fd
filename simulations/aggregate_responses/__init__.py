"""Learning from mean labels of bags: the literal experiment, exact averages of it, private and real data.

Measures, measure(rng, replicates, **setting) -> array (replicates, ...):
literal_errors                     bags, mean labels and one least-squares solve per rho, slow
conditional_errors                 [bias, variance] given the samples, every rho, its limits too
jacobi_errors, gain_errors         the same means from beta variates, O(d) a value; the fit times a gain
bag_errors, group_errors           ridge, anisotropic or +-1 features, unequal bags; general groups of rows
soft_label_errors, soft_label_moments      least squares on soft labels (EasyLLP) and their unbiasedness
private_literal_errors, private_errors     clipped labels and Laplace noise on the bag means
curated_errors                     bags sorted by expected label against random ones
eigenvalue_density                 histogram of the eigenvalues that bias and variance are averages over
diabetes_errors, diabetes_network_errors, classification_accuracy      real data
Single results: bag_losses, within_bag_spread, pairwise_spread; privacy_loss, laplace_scale; instance_bias,
best_block_sizes. `interpolations` are the weights rho of the within-bag spread: 0 bag level, 1 instance level.
"""

from simulations.aggregate_responses.bags import bag_losses, pairwise_spread, within_bag_spread
from simulations.aggregate_responses.conditional import conditional_errors
from simulations.aggregate_responses.curated import best_block_sizes, curated_errors, instance_bias
from simulations.aggregate_responses.jacobi import gain_errors, jacobi_errors
from simulations.aggregate_responses.linear import bag_errors, group_errors
from simulations.aggregate_responses.literal import literal_errors
from simulations.aggregate_responses.privacy import (
    laplace_scale,
    privacy_loss,
    private_errors,
    private_literal_errors,
)
from simulations.aggregate_responses.real_data import (
    classification_accuracy,
    diabetes_errors,
    diabetes_network_errors,
)
from simulations.aggregate_responses.soft_labels import soft_label_errors, soft_label_moments
from simulations.aggregate_responses.spectrum import eigenvalue_density

__all__ = [
    "bag_errors",
    "bag_losses",
    "best_block_sizes",
    "classification_accuracy",
    "conditional_errors",
    "curated_errors",
    "diabetes_errors",
    "diabetes_network_errors",
    "eigenvalue_density",
    "gain_errors",
    "group_errors",
    "instance_bias",
    "jacobi_errors",
    "laplace_scale",
    "literal_errors",
    "pairwise_spread",
    "privacy_loss",
    "private_errors",
    "private_literal_errors",
    "soft_label_errors",
    "soft_label_moments",
    "within_bag_spread",
]
