"""The ledger of "Learning from Aggregate Responses" (Javanmard et al. 2024): bag-level and instance-level losses.

`CLAIMS` lists them in the order of the paper's argument: losses, the proportional limit and its corners, the best
weight, exact results at finite size, label privacy, extensions, experiments.
"""

from claims.aggregate_responses import (
    alternatives,
    bag_sizes,
    bayes_ridge,
    corners,
    crossover,
    curated,
    empirical,
    extensions,
    finite,
    limits,
    losses,
    matrix_beta,
    monotonicity,
    optimum,
    privacy,
    ridge_floor,
)
from claims.aggregate_responses._paper import PAPER

__all__ = ["CLAIMS", "PAPER"]

CLAIMS = (
    *losses.CLAIMS,
    *limits.CLAIMS,
    *corners.CLAIMS,
    *monotonicity.CLAIMS,
    *crossover.CLAIMS,
    *optimum.CLAIMS,
    *bayes_ridge.CLAIMS,
    *finite.CLAIMS,
    *matrix_beta.CLAIMS,
    *privacy.CLAIMS,
    *bag_sizes.CLAIMS,
    *ridge_floor.CLAIMS,
    *extensions.CLAIMS,
    *alternatives.CLAIMS,
    *curated.CLAIMS,
    *empirical.CLAIMS,
)
