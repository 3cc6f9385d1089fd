"""Bias, variance and risk of bag, instance and interpolating losses in the proportional limit (Javanmard et al., 2024).

In every regime, with t, u, v, c, x, D of the package's head evaluated as sums of non-negative terms:

    psi > 1, rho > 0           bias/r^2 = x^2 + psi alpha1 alpha2 (u v)^2/D        variance/sigma^2 = alpha1 v^2/D
    psi > k, rho = 0           0                                                   1/(alpha1 - 1)
    psi < k, rho = 0           1 - alpha1                                          alpha1/(1 - alpha1)
    1 < psi < k, rho -> 0+     (1 - alpha1)(alpha1 + psi - 1)/(psi - 1)            alpha1 alpha2/[(1 - alpha1)(psi - 1)]
    alpha2 < 1 < psi, rho inf  alpha1 alpha2/(psi - 1)                             (1 - alpha2)/(psi - 1)
    alpha2 >= 1, rho inf       1                                                   0
    psi < 1, rho > 0           (1 - alpha1)^2 + alpha1 [(1 - alpha1)^2 + alpha1 alpha2]/(1 - psi)    alpha1/(1 - psi)

All are limits of the finite experiment (asymptotic, O(1/d)); symbols: see the head of the package.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.aggregate_responses._state import (
    State,
    evaluate,
    plain,
    read_bag_size,
    read_interpolation,
    read_samples,
    scaled,
)

__all__ = ["LimitRisk", "limit_risk", "shrinkage", "vanishing_interpolation_risk"]

Array = NDArray[np.float64]


class LimitRisk(NamedTuple):
    """Squared `bias`, `variance` and their sum `total`, the excess prediction risk; floats or arrays, >= 0."""

    bias: float | Array
    variance: float | Array
    total: float | Array


def limit_risk(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    interpolation: ArrayLike,
    *,
    signal: ArrayLike,
    noise_variance: ArrayLike,
    excess_samples: ArrayLike | None = None,
) -> LimitRisk:
    """Return bias, variance and risk of the interpolating estimator in the proportional limit, in every regime.

    The formulas stand in the module's head; asymptotic for the experiment (error O(1/d) at d features), as functions
    accurate to a few roundings, for weights from 1e-150 to 1e150 and beside psi = 1 and psi = k too.

    samples_per_feature: psi = n/d, > 0; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size n/m, real, >= 1; at 1 it is least squares and the weight does not matter.
    interpolation: weight rho of the within-bag spread, in [0, inf]: 0 bag level (of minimum norm), 1 instance level.
    signal: r^2, squared length of the coefficients, >= 0.
    noise_variance: sigma^2, variance of the label noise, >= 0.
    excess_samples: psi - 1, > -1, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give floats. Limits: inf at psi = 1 (k > 1 or noise) for a weight > 0; at weight 0 the
    variance is inf at psi = k and the bias 0 there. For the limit of weights -> 0 see
    `vanishing_interpolation_risk`. Raises `ValueError` outside the domains.
    Source: paper, theorem on the interpolating estimator, in a form derived here; claims ar.T1, ar.C1 to ar.C5.

    >>> risk = limit_risk(4, 2, 1.0, signal=3.0, noise_variance=0.6)  # instance level: 3 (1/4 + 1/12), 0.6/(2*3)
    >>> [round(float(x), 12) for x in risk]
    [1.0, 0.1, 1.1]
    """
    weight = read_interpolation(interpolation)
    state = evaluate(read_samples(samples_per_feature, excess_samples), read_bag_size(bag_size), weight)
    return risk_of(state, signal, noise_variance)


def vanishing_interpolation_risk(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    *,
    signal: ArrayLike,
    noise_variance: ArrayLike,
    excess_samples: ArrayLike | None = None,
) -> LimitRisk:
    """Return the limit of `limit_risk` as the weight falls to 0 from above.

    Among the many exact fits of the bag means at psi < k it picks the one of least within-bag spread, not the one of
    least norm: bias (1 - alpha1)(alpha1 + psi - 1)/(psi - 1), variance alpha1 alpha2/[(1 - alpha1)(psi - 1)] for
    1 < psi < k. Asymptotic in d like `limit_risk`, and equal to it at weight 0 where psi > k.

    samples_per_feature: psi = n/d, > 0; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size n/m, real, >= 1.
    signal: r^2, squared length of the coefficients, >= 0.
    noise_variance: sigma^2, variance of the label noise, >= 0.
    excess_samples: psi - 1, > -1, instead of `samples_per_feature` where psi is close to 1.

    All broadcast. Limits: inf at psi = 1 and (variance) at psi = k; for psi < 1 the value at every weight > 0.
    Raises `ValueError` outside the domains. Source: derived, claim ar.C4.

    >>> risk = vanishing_interpolation_risk(2, 4, signal=3.0, noise_variance=0.5)  # 3*.5*1.5, .5*.5*1.5/.5
    >>> [round(float(x), 12) for x in risk]
    [2.25, 0.75, 3.0]
    """
    samples = read_samples(samples_per_feature, excess_samples)
    state = evaluate(samples, read_bag_size(bag_size), np.zeros(()), minimum_norm=False)
    return risk_of(state, signal, noise_variance)


def shrinkage(
    samples_per_feature: ArrayLike | None,
    bag_size: ArrayLike,
    interpolation: ArrayLike,
    *,
    excess_samples: ArrayLike | None = None,
) -> float | Array:
    """Return c, the limit of the factor in E theta_hat = c theta0.

    c = alpha1 t/(1 + t) for psi > 1; psi/k for psi <= 1; min(1, psi/k) at weight 0. It falls from there
    to max(0, 1 - alpha2) at weight inf, and is 1/k at instance level. Asymptotic; c of the limit is exact.

    samples_per_feature: psi = n/d, > 0; None if `excess_samples` is given.
    bag_size: k, the (mean) bag size n/m, real, >= 1; c = min(1, psi) at 1.
    interpolation: weight rho of the within-bag spread, in [0, inf].
    excess_samples: psi - 1, > -1, instead of `samples_per_feature` where psi is close to 1.

    All broadcast; scalars give a float. Raises `ValueError` outside the domains. Source: derived, claim ar.T1.

    >>> round(shrinkage(6, 3, 1.0), 12)  # instance level: 1/k
    0.333333333333
    """
    samples = read_samples(samples_per_feature, excess_samples)
    return plain(evaluate(samples, read_bag_size(bag_size), read_interpolation(interpolation)).shrinkage)


def risk_of(state: State, signal: ArrayLike, noise_variance: ArrayLike) -> LimitRisk:
    """Return the risk of a state; checks the two scales."""
    bias = scaled(check_range("signal", signal, low=0.0), state.bias)
    variance = scaled(check_range("noise_variance", noise_variance, low=0.0), state.variance)
    return LimitRisk(*(plain(part) for part in np.broadcast_arrays(bias, variance, bias + variance)))
