"""Claims ar.X1 and ar.X2: groups of rows under any covariance with ridge, bags of unequal sizes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from assay.claim import Claim, Mutant
from claims.aggregate_responses._paper import GAUSSIAN, PROPORTIONAL
from claims.aggregate_responses._settings import wrong_versions
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
TWO_ATOMS = {"eigenvalues": (1.9, 0.1)}
WHITENED = (0.5 / 1.9, 0.5 / 0.1)  # theta0 as Sigma^(-1/2) makes it, theta0' Sigma theta0 = 1


# ---------------------------------------------------------------- X1: groups, covariance, ridge


def _groups(
    which: str = "right",
    *,
    d: int,
    group_rows: Any,
    weights: Any,
    gains: Any,
    noise_variances: Any,
    ridges: Any,
    eigenvalues: Any,
    target_power: Any,
) -> Array:
    """[bias, variance] at every ridge, or a wrong version of them."""
    rows = np.asarray(group_rows) / d
    weights, gains, noises = (np.asarray(column, dtype=float) for column in (weights, gains, noise_variances))
    atoms, power = np.asarray(eigenvalues, dtype=float), np.asarray(target_power, dtype=float)
    if which == "weights squared":
        weights = weights**2
    if which == "signs of the gains forgotten":
        gains = np.abs(gains)
    if which == "noise standard deviation for its variance":
        noises = np.sqrt(noises)
    if which == "average covariance":
        power, atoms = power * atoms / atoms.mean(), np.full_like(atoms, atoms.mean())
    if which == "eigenvalues of the inverse covariance":
        atoms = 1 / atoms
    ridges = np.asarray(ridges, dtype=float) * (2 if which == "ridge of twice the size" else 1)
    groups = [theory.Group(*(float(x) for x in row)) for row in zip(rows, weights, gains, noises, strict=True)]
    share = np.full(atoms.size, 1 / atoms.size)
    risks = [theory.group_risk(groups, atoms, share, power, float(ridge)) for ridge in ridges]
    return np.array([[risk.bias, risk.variance] for risk in risks]) * (
        1.03 if which == "three percent too large" else 1
    )


def _rows_at(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A setting with d = `size` features and its `rows` per feature in every group."""
    rest = {name: value for name, value in setting.items() if name != "rows"}
    return {**rest, "d": int(size), "group_rows": tuple(round(share * size) for share in setting["rows"])}


def _bags_with_ridge(rho: float, ridges: tuple[float, float], power: tuple[float, float]) -> dict[str, Any]:
    """Bags of two at psi = 4: groups (2, 1, 1, 1) and (2, rho, 0, 0)."""
    groups = {"rows": (2.0, 2.0), "weights": (1.0, rho), "gains": (1.0, 0.0), "noise_variances": (1.0, 0.0)}
    return {**groups, "ridges": ridges, **TWO_ATOMS, "target_power": power}


X1 = Claim(
    id="ar.X1",
    title="Groups of rows, any covariance, ridge",
    statement=(
        r"\tfrac1d\mathrm{tr}\,\Sigma(a\Sigma+\lambda)^{-1}=t,\ a=\sum\tfrac{\alpha_gw_g}{1+w_gt},\ "
        r"\mu=a_\eta(a\Sigma+\lambda)^{-1}\Sigma\theta_0,\ \nu=\frac{\sum\kappa_g(e_g+\sigma_g^2)}{1-K_2\sum\kappa_g}:"
        r"\ \mathrm{Risk}\to(\theta_0-\mu)^\top\Sigma(\theta_0-\mu)+\nu K_2"
    ),
    source="derived: leave one row out; in the letters of theory.aggregate_responses.groups",
    provenance="derived",
    assumptions=("rows x ~ N(0, Sigma), target eta_g x'theta0 + N(0, sigma_g^2), weight w_g", PROPORTIONAL),
    equations={"theory.aggregate_responses.group_risk": "right side, bias and variance apart"},
    kind="limit",
    predict=_groups,
    measure=simulation.group_errors,
    settings=(
        {
            "rows": (2.0, 1.5, 1.0),
            "weights": (1.0, 0.5, 2.0),
            "gains": (1.0, 0.4, -0.3),
            "noise_variances": (0.5, 1.2, 0.2),
            "ridges": (0.0, 0.3),
            **TWO_ATOMS,
            "target_power": (0.6, 2.4),
        },
        _bags_with_ridge(0.3694, (0.0639, 0.5), WHITENED),
        _bags_with_ridge(0.0, (0.1401, 0.5), WHITENED),
    ),
    outputs=tuple(f"{part} at the {which} ridge" for which in ("smaller", "larger") for part in ("bias", "variance")),
    sizes=(8, 16, 32, 64),
    powers=(1.0, 2.0),
    at_size=_rows_at,
    budget=20_000,
    mutants=(
        *wrong_versions(
            _groups,
            "noise standard deviation for its variance",
            "average covariance",
            "eigenvalues of the inverse covariance",
            "ridge of twice the size",
            "three percent too large",
        ),
        *(
            Mutant(name=name, predict=partial(_groups, name), settings=(0,))
            for name in ("weights squared", "signs of the gains forgotten")
        ),
    ),
    scales={
        "quick": {"sizes": (4, 8, 16, 32), "powers": (1.0,), "margin": 0.08, "budget": 4000},
        "paper": {"sizes": (16, 32, 64, 128), "margin": 0.005, "budget": 40_000},
    },
)


def _two_atom_risk(rho: float, ridge: float) -> float:
    """The limit risk of bags of two under the two-atom covariance and a whitened theta0."""
    groups = [theory.Group(2.0, 1.0, 1.0, 1.0), theory.Group(2.0, rho, 0.0, 0.0)]
    return float(theory.group_risk(groups, (1.9, 0.1), (0.5, 0.5), WHITENED, ridge).total)


def _best_ridge_alone(*, rho: float, ridge: float) -> float:
    """The least risk over ridges at bag level; arguments as in `_mixed`, not used."""
    found = minimize_scalar(partial(_two_atom_risk, 0.0), bounds=(1e-3, 2.0), method="bounded")
    return float(found.fun)  # pyright: ignore[reportAttributeAccessIssue]


def _mixed(*, rho: float, ridge: float) -> float:
    """The risk at a weight and a ridge together."""
    return _two_atom_risk(rho, ridge)


X1_RIDGE = Claim(
    id="ar.X1.ridge",
    title="Nothing beats ridge on the bag means, whatever the covariance (false)",
    statement=r"\min_\lambda R(\lambda,\rho=0)\le R(\lambda,\rho)\quad\text{for every covariance }\Sigma",
    source="ar.T4, true for isotropic features, read for all",
    provenance="derived",
    assumptions=(
        "false: within-bag rows estimate Sigma, which the prior theta0 ~ N(0, Sigma^-1) needs",
        "two-atom Sigma (1.9, 0.1), psi = 4, k = 2, unit noise: ridge alone .5817, with weight .4572",
    ),
    equations={"theory.aggregate_responses.group_risk": "both risks"},
    kind="bound",
    expected="refuted",
    corrected_by="ar.X1",
    predict=_mixed,
    measure=_best_ridge_alone,
    settings=({"rho": 0.3694, "ridge": 0.0639},),
)


# ---------------------------------------------------------------- X2: bags of unequal sizes


def _unequal(
    which: str = "right",
    *,
    d: int,
    bag_sizes: Any,
    bag_counts: Any,
    interpolations: Any,
    noise_variance: float,
    target_power: Any,
    weighting: str,
) -> Array:
    """[bias, variance] for bags of several sizes at every weight, or a wrong version of them."""
    n, m = int(np.dot(bag_sizes, bag_counts)), int(np.sum(bag_counts))
    signal = float(np.sum(target_power))
    if which == "the mean bag size" or (weighting == "samples" and which == "right"):
        powers = {"signal": signal, "noise_variance": noise_variance}
        bias, variance, _total = theory.limit_risk(n / d, n / m, np.asarray(interpolations), **powers)
        return np.stack([np.asarray(bias), np.asarray(variance)], axis=-1)
    if which == "the sizes' plain mean":
        powers = {"signal": signal, "noise_variance": noise_variance}
        bias, variance, _total = theory.limit_risk(n / d, np.mean(bag_sizes), np.asarray(interpolations), **powers)
        return np.stack([np.asarray(bias), np.asarray(variance)], axis=-1)
    chosen = "samples" if which == "bags weighted by size" else "bags"
    sizes, counts = np.asarray(bag_sizes, dtype=float), np.asarray(bag_counts, dtype=float)
    risks = []
    for rho in interpolations:
        groups = theory.bag_groups(n / d, sizes, counts, float(rho), noise_variance=noise_variance, weighting=chosen)
        if which == "weights k/mean for mean/k":
            mean = n / m
            groups = [
                theory.Group(g.rows_per_feature, w * (1 if g.target_gain else rho), g.target_gain, g.noise_variance)
                for g, w in zip(groups, np.tile(sizes / mean, 2), strict=True)
            ]
        risk = theory.group_risk(groups, signal_power=(signal,))
        risks.append([risk.bias, risk.variance])
    return np.array(risks) * (1.03 if which == "three percent too large" else 1)


def _bags_at(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A setting with d = `size` features and its `bags` per feature of every size."""
    rest = {name: value for name, value in setting.items() if name != "bags"}
    return {**rest, "d": int(size), "bag_counts": tuple(round(share * size) for share in setting["bags"])}


def _two_sizes(sizes: tuple[int, int], bags: tuple[float, float], weighting: str) -> dict[str, Any]:
    """Bags of two sizes, so many of each per feature, at weights .2 and 1."""
    powers = {"noise_variance": 0.6, "target_power": (1.7,)}
    return {"bag_sizes": sizes, "bags": bags, "interpolations": (0.2, 1.0), **powers, "weighting": weighting}


LABELS = tuple(f"{part} at rho = {rho:g}" for rho in (0.2, 1.0) for part in ("bias", "variance"))
SIZES = {
    "sizes": (8, 16, 32, 64),
    "powers": (1.0, 2.0),
    "at_size": _bags_at,
    "budget": 12_000,
    "scales": {
        "quick": {"sizes": (4, 8, 16, 32), "powers": (1.0,), "margin": 0.08, "budget": 3000},
        "paper": {"sizes": (16, 32, 64, 128), "margin": 0.005, "budget": 40_000},
    },
}

X2 = Claim(
    id="ar.X2",
    title="Bags of unequal sizes that count the same",
    statement=(
        r"\text{every bag of weight }1:\ \text{groups }(\alpha_j,\tfrac{\bar k}{k_j},1,\sigma^2),\ "
        r"(\alpha_j(k_j-1),\rho\tfrac{\bar k}{k_j},0,0)\ \text{of ar.X1},\ \alpha_j=\tfrac{m_j}d"
    ),
    source="derived from ar.X1",
    provenance="derived",
    assumptions=(GAUSSIAN, PROPORTIONAL),
    equations={
        "theory.aggregate_responses.bag_groups": "the groups",
        "theory.aggregate_responses.group_risk": "their risk",
    },
    kind="limit",
    predict=_unequal,
    measure=simulation.bag_errors,
    settings=(_two_sizes((2, 8), (1.5, 0.5), "bags"),),
    outputs=LABELS,
    mutants=wrong_versions(
        _unequal, "the mean bag size", "bags weighted by size", "weights k/mean for mean/k", "three percent too large"
    ),
    **SIZES,
)

X2_MEAN = Claim(
    id="ar.X2.mean",
    title="Bags of unequal sizes that count by size: only their mean size matters",
    statement=r"\text{bag of }k_a\text{ samples, weight }k_a:\quad\text{all limits with }k=\tfrac nm",
    source="derived: after rotating each bag its mean and contrasts are rows of unit variance",
    provenance="derived",
    assumptions=(GAUSSIAN, PROPORTIONAL),
    equations={"theory.aggregate_responses.limit_risk": "at k = n/m"},
    kind="limit",
    predict=_unequal,
    measure=simulation.bag_errors,
    settings=(_two_sizes((2, 8), (1.5, 0.5), "samples"),),
    outputs=LABELS,
    mutants=wrong_versions(_unequal, "the sizes' plain mean", "weights k/mean for mean/k", "each bag the same weight"),
    **SIZES,
)

CLAIMS = (X1, X1_RIDGE, X2, X2_MEAN)
