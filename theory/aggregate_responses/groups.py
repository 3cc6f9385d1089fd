"""Groups of rows with their own weight, gain and noise, any feature covariance, a ridge: the general limit risk.

Group g has alpha_g rows per feature, x ~ N(0, Sigma), targets eta_g x.theta_0 + N(0, sigma_g^2) and weight w_g in the
loss sum_g w_g sum (target - x.theta)^2 + lambda d |theta|^2. With h_g = w_g t/(1 + w_g t), A = sum alpha_g h_g,
A_eta = sum alpha_g h_g eta_g and <.> the mean over the eigenvalues s of Sigma, t solves

    <s/(A s + lambda t)> = 1.

The mean estimate in direction s is mu = A_eta s/(A s + lambda t) times theta_0; with Q = <s^2/(A s + lambda t)^2>,
e_g = sum over directions of (power in theta_0) s (eta_g - mu)^2 and b_0 the same sum with 1 for eta_g,

    risk = b_0 + Q sum alpha_g h_g^2 (e_g + sigma_g^2)/[Q sum alpha_g h_g (1 - h_g) + lambda t <s/(A s + lambda t)^2>],

whose denominator is 1 - Q sum alpha_g h_g^2 without the subtraction. `bias` holds b_0 and the terms e_g, `variance` the
terms sigma_g^2. Bags are two groups: (alpha1, 1, 1, sigma^2) and (alpha2, rho, 0, 0); bags of several sizes give two
groups for each size. The limit lambda -> 0+ is taken where lambda = 0: least squares, or of the exact fits the one of
least norm (then t = inf). All are limits in d (asymptotic, O(1/d)); as functions accurate to about 1e-13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

from theory._checks import check_number, check_vector
from theory.aggregate_responses.limits import LimitRisk

__all__ = ["Group", "bag_groups", "group_risk"]

Array = NDArray[np.float64]
LARGEST_LOG = 3000.0  # |ln t| searched: ratios of any two floats squared
LARGEST_LEVEL = 700.0  # logarithm
SMALLEST_DENOMINATOR = 1e-290  # below it F is infinite in effect


@dataclass(frozen=True)
class Group:
    """One group of rows: `rows_per_feature` alpha_g >= 0, loss `weight` w_g >= 0, `target_gain` eta_g (any sign),
    `noise_variance` sigma_g^2 >= 0 of its targets; all finite single numbers."""

    rows_per_feature: float
    weight: float
    target_gain: float
    noise_variance: float

    def __post_init__(self) -> None:
        for name in ("rows_per_feature", "weight", "noise_variance"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), low=0.0))
        object.__setattr__(self, "target_gain", check_number("target_gain", self.target_gain))


@dataclass(frozen=True)
class Rows:
    """The groups that count as columns: alpha_g, w_g, eta_g, sigma_g^2."""

    share: Array
    weight: Array
    gain: Array
    noise: Array


def group_risk(
    groups: Sequence[Group],
    spectrum: ArrayLike = (1.0,),
    spectrum_weights: ArrayLike = (1.0,),
    signal_power: ArrayLike = (1.0,),
    ridge: float = 0.0,
) -> LimitRisk:
    """Return (bias, variance, total): the limit of (theta - theta_0)' Sigma (theta - theta_0), by the module's head.

    Asymptotic for the experiment (O(1/d)); the fixed point is solved to rounding.

    groups: sequence of `Group`, at least one.
    spectrum: eigenvalues s of the feature covariance, shape (atoms,), > 0, any order.
    spectrum_weights: fraction of the features at each eigenvalue, shape (atoms,), >= 0, sum 1.
    signal_power: part of |theta_0|^2 in the eigenspace of each eigenvalue, shape (atoms,), >= 0.
    ridge: lambda, >= 0, for the penalty lambda d |theta|^2 beside weighted sums of squares; a single number.

    Limits: at ridge 0 with fewer rows than features the fit of least norm; with as many rows as features inf.
    Without ridge and with more rows than features only the sum of spectrum * signal_power matters. Raises `ValueError`
    outside the domains. Source: derived, claim ar.X1.

    >>> bags = [Group(2, 1.0, 1.0, 0.6), Group(2, 1.0, 0.0, 0.0)]  # psi = 4, k = 2, instance level: 1/4 + 1/12, 0.6/6
    >>> [round(part, 12) for part in group_risk(bags)]
    [0.333333333333, 0.1, 0.433333333333]
    """
    rows, atoms, fractions, powers = _read(groups, spectrum, spectrum_weights, signal_power)
    largest = float(atoms.max())
    penalty = check_number("ridge", ridge, low=0.0) / largest
    atoms, powers = atoms / largest, powers * largest
    learned, missed, level = _solve(rows, atoms, fractions, penalty)
    pulled = float((rows.share * learned).sum())
    resolvent = 1.0 / (pulled * atoms + level)
    # eta - mu for every group and for eta = 1, all differences of gains
    gains = np.append(rows.gain, 1.0)
    differences = ((rows.share * learned) * (gains[:, None] - rows.gain)).sum(axis=1)
    deviation = (differences[:, None] * atoms + gains[:, None] * level) * resolvent
    errors = (powers * atoms * deviation**2).sum(axis=1)
    q = float((fractions * (atoms * resolvent) ** 2).sum())
    slack = q * float((rows.share * learned * missed).sum()) + level * float((fractions * atoms * resolvent**2).sum())
    strength = q * rows.share * learned**2
    bias = float(errors[-1]) + _over(float((strength * errors[:-1]).sum()), slack)
    variance = _over(float((strength * rows.noise).sum()), slack)
    return LimitRisk(bias, variance, bias + variance)


def bag_groups(
    samples_per_feature: float,
    bag_sizes: ArrayLike,
    bag_counts: ArrayLike,
    interpolation: float,
    *,
    noise_variance: float,
    weighting: str = "samples",
) -> list[Group]:
    """Return the groups of bags of several sizes, for `group_risk`: exact.

    Bags of size k_j, a fraction f_j of all bags, mean size K = sum f_j k_j, give bag rows (psi f_j/K, w_j, 1, sigma^2)
    and within-bag rows (psi f_j (k_j - 1)/K, rho w_j, 0, 0). Where each bag weighs as its samples w_j = 1, and the risk
    is that of equal bags of the mean size; where all bags weigh the same w_j = K/k_j.

    samples_per_feature: psi = n/d, > 0, a single number.
    bag_sizes: sizes k_j, shape (sizes,), >= 1.
    bag_counts: numbers of bags of each size, or anything proportional to them, shape (sizes,), > 0.
    interpolation: weight rho of the within-bag spread, in [0, inf), a single number.
    noise_variance: variance sigma^2 of the label noise, >= 0, a single number.
    weighting: "samples" (loss of a bag times its size) or "bags" (equal weights).

    Limit: sizes of 1 have no within-bag rows. Raises `ValueError` outside the domains. Source: derived, claim ar.X2.

    >>> for group in bag_groups(6, [1, 3], [1, 1], 0.5, noise_variance=0.2, weighting="bags"):
    ...     print(group.rows_per_feature, round(group.weight, 6), group.target_gain, group.noise_variance)
    1.5 2.0 1.0 0.2
    1.5 0.666667 1.0 0.2
    3.0 0.333333 0.0 0.0
    """
    psi = check_number("samples_per_feature", samples_per_feature, low=0.0, open_low=True)
    sizes = check_vector("bag_sizes", bag_sizes, axis="sizes", low=1.0)
    counts = check_vector("bag_counts", bag_counts, axis="sizes", low=0.0, open_low=True)
    rho, noise = check_number("interpolation", interpolation, low=0.0), check_number("noise_variance", noise_variance)
    if counts.size != sizes.size:
        raise ValueError(
            f"bag_counts must have one entry for each of bag_sizes: got {counts.size} in bag_counts, "
            f"{sizes.size} in bag_sizes"
        )
    if weighting not in ("samples", "bags"):
        raise ValueError(f"weighting must be 'samples' or 'bags', got weighting={weighting!r}")
    fractions = counts / counts.sum()
    mean = float((fractions * sizes).sum())
    weights = np.ones_like(sizes) if weighting == "samples" else mean / sizes
    rows = psi * fractions / mean
    bags = [Group(row, weight, 1.0, noise) for row, weight in zip(rows, weights, strict=True)]
    within = zip(rows * (sizes - 1.0), rho * weights, strict=True)
    return bags + [Group(row, weight, 0.0, 0.0) for row, weight in within if row > 0.0]


def _read(
    groups: Sequence[Group], spectrum: ArrayLike, spectrum_weights: ArrayLike, signal_power: ArrayLike
) -> tuple[Rows, Array, Array, Array]:
    """Return groups as columns, eigenvalues, their fractions and powers, after checks."""
    members = list(groups) if isinstance(groups, Iterable) else []
    if not members or not all(isinstance(group, Group) for group in members):
        raise ValueError(f"groups must be a non-empty sequence of Group, got groups={groups!r}")
    atoms = check_vector("spectrum", spectrum, axis="atoms", low=0.0, open_low=True)
    fractions = check_vector("spectrum_weights", spectrum_weights, axis="atoms", low=0.0)
    powers = check_vector("signal_power", signal_power, axis="atoms", low=0.0)
    for name, values in (("spectrum_weights", fractions), ("signal_power", powers)):
        if values.size != atoms.size:
            raise ValueError(
                f"{name} must have one entry for each of spectrum: got {values.size} in {name}, "
                f"{atoms.size} in spectrum"
            )
    if abs(fractions.sum() - 1.0) > 1e-9:
        raise ValueError(f"spectrum_weights must have sum 1, got sum {fractions.sum():g}")
    columns = ("rows_per_feature", "weight", "target_gain", "noise_variance")
    rows = Rows(*(np.array([getattr(group, name) for group in members]) for name in columns))
    return rows, atoms, fractions / fractions.sum(), powers


def _solve(rows: Rows, atoms: Array, fractions: Array, ridge: float) -> tuple[Array, Array, float]:
    """Return h_g, 1 - h_g and lambda t at the fixed point, for eigenvalues of at most 1.

    All scales of weights and ridge enter as logarithms, relative to the largest weight.
    """
    live = rows.weight > 0.0
    total = float(rows.share[live].sum())
    if ridge == 0.0 and total <= 1.0:  # exact fit: t = inf, and lambda t takes the place of the unknown
        level = 0.0 if total == 1.0 else np.exp(_root(lambda log: _gap(total, total - 1.0, log, atoms, fractions)))
        return np.where(live, 1.0, 0.0), np.where(live, 0.0, 1.0), float(level)
    with np.errstate(divide="ignore"):
        logs, penalty = np.log(rows.weight), np.log(ridge)
    if np.any(live):
        penalty, logs = penalty - logs.max(), logs - logs.max()

    def excess(log_t: float) -> float:
        learned, missed = expit(logs + log_t), expit(-logs - log_t)
        ahead = (total - 1.0) - float((rows.share * missed)[live].sum())
        return _gap(float((rows.share * learned).sum()), ahead, penalty + log_t, atoms, fractions)

    log_t = _root(excess)
    return expit(logs + log_t), expit(-logs - log_t), float(np.exp(penalty + log_t))


def _gap(pulled: float, ahead: float, log_level: float, atoms: Array, fractions: Array) -> float:
    """Return (1 - F)/(1 + F), F = <s/(A s + level)>, from A and A - 1, each with its digits; it lies in [-1, 1]."""
    level = np.exp(min(log_level, LARGEST_LEVEL))
    denominator = pulled * atoms + level
    if not np.all(denominator > SMALLEST_DENOMINATOR):
        return -1.0
    gap = float((fractions * ((ahead * atoms + level) / denominator)).sum())  # 1 - F
    return gap / (2.0 - gap)


def _root(increasing: Callable[[float], float]) -> float:
    """Return the root of an increasing function on the range of all logarithms of ratios of floats."""
    return float(brentq(increasing, -LARGEST_LOG, LARGEST_LOG, xtol=1e-15, rtol=8.9e-16, maxiter=400))  # pyright: ignore[reportArgumentType]


def _over(numerator: float, slack: float) -> float:
    """Return the quotient; over 0 it is inf, or 0 where the numerator is 0 too."""
    if slack > 0.0:
        return numerator / slack
    return np.inf if numerator > 0.0 else 0.0
