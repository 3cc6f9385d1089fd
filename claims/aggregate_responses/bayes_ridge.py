"""Claim ar.T4: no weight beats ridge on the bag means."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.aggregate_responses._paper import LIMIT
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _ridge_floor(factor: float = 1.0, *, psi: float, k: float, snr: float, rho: float) -> float:
    """`factor` times the risk of Bayes ridge on the bag means, in units of the signal; `rho` is not used."""
    return factor * float(theory.ridge_risk(psi, k, signal=1.0, noise_variance=1 / snr))


def _any_weight(*, psi: float, k: float, snr: float, rho: float) -> float:
    """The risk at weight `rho` in units of the signal, of least norm for fewer samples than features."""
    return float(theory.limit_risk(psi, k, rho, signal=1.0, noise_variance=1 / snr).total)


def _fewer_rows(*, psi: float, k: float, snr: float, rho: float) -> float:
    """Ridge on the contrasts only, as many rows as contrasts: the roles exchanged."""
    return _ridge_floor(psi=psi, k=k / (k - 1), snr=snr, rho=rho)


def _noise_per_bag(*, psi: float, k: float, snr: float, rho: float) -> float:
    """Ridge with the penalty and noise of a bag of one row."""
    return _ridge_floor(psi=psi, k=k, snr=snr / k, rho=rho)


T4 = Claim(
    id="ar.T4",
    title="No weight beats ridge on the bag means",
    statement=(
        r"R_{ridge}=\frac{2\sigma^2}{b+\sqrt{b^2+4\lambda}}\le R(\rho)\ \text{for every }\rho,\qquad "
        r"\lambda=\frac{\sigma^2}{r^2},\ b=\frac{\psi}{k}-1+\lambda"
    ),
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "isotropic features"),
    proof=(
        "For theta0 ~ N(0, r^2 I/d) ridge with penalty sigma^2/r^2 is the posterior mean given the bag means, and the "
        "contrasts, independent of bag means and labels, tell nothing of theta0."
    ),
    equations={
        "theory.aggregate_responses.ridge_risk": "left side",
        "theory.aggregate_responses.limit_risk": "right side",
    },
    kind="bound",
    predict=_any_weight,
    measure=_ridge_floor,
    domain={
        "psi": Range(0.1, 100, log=True),
        "k": Range(1.02, 30, log=True),
        "snr": Range(0.01, 100, log=True),
        "rho": Range(1e-4, 1e3, log=True),
    },
    restarts=2000,
    mutants=(
        Mutant(name="some weight does better", predict=_ridge_floor, measure=_any_weight),
        Mutant(name="five percent too large", measure=partial(_ridge_floor, 1.05)),
        Mutant(name="contrasts for bag means", measure=_fewer_rows),
        Mutant(name="noise multiplied by k", measure=_noise_per_bag),
    ),
    scales={"quick": {"restarts": 500}, "paper": {"restarts": 50_000}},
)


def _posterior_trace(*, psi: float, k: float, snr: float) -> float:
    """E 1/(SNR s + 1) over the Marchenko-Pastur law of the eigenvalues s of A1/d, by quadrature."""
    bags = psi / k
    low, high = (math.sqrt(bags) - 1) ** 2, (math.sqrt(bags) + 1) ** 2
    angle = np.pi * (np.arange(4000) + 0.5) / 4000
    s = 0.5 * (low + high) - 0.5 * (high - low) * np.cos(angle)
    density = 0.5 * (high - low) * np.sin(angle) / (2 * np.pi * s)
    inner = float(np.sum(density * 0.5 * (high - low) * np.sin(angle) / (snr * s + 1)) * np.pi / 4000)
    return inner + max(0.0, 1 - bags)


def _ridge_form(which: str = "right", *, psi: float, k: float, snr: float) -> float:
    """Bayes ridge risk in units of the signal, or a wrong version of its closed form."""
    if which == "right":
        return float(theory.ridge_risk(psi, k, signal=1.0, noise_variance=1 / snr))
    lam = snr if which == "penalty r^2/sigma^2" else 1 / snr
    bags = psi if which == "every sample labelled" else psi / k
    b = bags - 1 + (0.0 if which == "penalty missing in b" else lam)
    value = 2 / (b + math.sqrt(b**2 + 4 * lam)) / snr
    return 1.02 * value if which == "two percent too large" else value


RIDGE_CELLS = tuple(
    {"psi": psi, "k": k, "snr": snr} for psi, k, snr in ((6, 3, 1), (2, 4, 1), (20, 2.5, 0.05), (0.5, 3, 8), (9, 2, 30))
)
T4_RIDGE = Claim(
    id="ar.T4.ridge",
    title="The risk of Bayes ridge is the posterior variance",
    statement=(
        r"\frac{2}{b+\sqrt{b^2+4\lambda}}=\lim\operatorname{tr}(A_1+\lambda dI)^{-1}"
        r"=\int\frac{\mu_{MP}(ds)}{s+\lambda}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(LIMIT, "isotropic features"),
    equations={"theory.aggregate_responses.ridge_risk": "left side"},
    kind="identity",
    margin=1e-10,
    predict=_ridge_form,
    measure=_posterior_trace,
    settings=RIDGE_CELLS,
    mutants=tuple(
        Mutant(name=name, predict=partial(_ridge_form, name), settings=(2, 3, 4))
        for name in ("penalty r^2/sigma^2", "every sample labelled", "penalty missing in b", "two percent too large")
    ),
)

CLAIMS = (T4, T4_RIDGE)
