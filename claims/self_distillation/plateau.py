"""Claims sd.O10 and sd.O10.limit: at the best ridge of T fits, all in use, one more with that ridge gains nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from assay.claim import Claim, Mutant
from claims.self_distillation._populations import model
from claims.self_distillation._problems import drawn_problem
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

# With one spike the third fit is idle at lambda_3 = lambda_2, and a fourth then gains.
LAST = "the best schedule uses its last fit: c_(T-1) is not 0"


def _bottom(value: Any, low: float, high: float) -> float:
    """Where `value` of the log ridge is least between the logs of `low` and `high`: inside, or an error."""
    found: Any = minimize_scalar(value, bounds=(np.log(low), np.log(high)), method="bounded", options={"xatol": 1e-9})
    if not np.log(low) + 1e-3 < found.x < np.log(high) - 1e-3:
        raise ArithmeticError(f"the least loss lies at an end of the ridges {low:g} to {high:g}")
    return float(found.x)


def _least_loss(*, draw: int, n: int, steps: int, low: float, high: float) -> float:
    """min over the ridge of the least validation loss of `steps` fits, over all real schedules."""
    problem = drawn_problem(draw, n, points=60)
    data = problem.kernel, problem.targets

    def loss(log_ridge: float) -> float:
        lam = float(np.exp(log_ridge))
        return theory.optimal_schedule(*data, lam, steps, problem.cross, problem.clean, constrained=False)[1]

    return loss(_bottom(loss, low, high))


def _longer_loss(
    more: int = 1, shift: float = 1.0, taken: int = 0, *, draw: int, n: int, steps: int, low: float, high: float
) -> float:
    """Least loss of `steps` + `more` fits at the ridge where that of `steps` fits is least, by refits and lstsq.

    Spoiled by a ridge `shift` times that, or by the ridge where `taken` fits are best.
    """
    problem = drawn_problem(draw, n, points=60)

    def loss(log_ridge: float, count: int = taken or steps) -> float:
        lam, chain = float(np.exp(log_ridge)), [0.0] * (count - 1)
        fits = simulation.literal_fits(problem.kernel, problem.targets, lam, chain, cross_gram=problem.cross)
        rest = (problem.clean - fits[0]).ravel()
        moves = (fits[1:] - fits[0]).reshape(count - 1, rest.size).T
        if count > 1:
            rest = rest - moves @ np.linalg.lstsq(moves, rest, rcond=1e-14)[0]
        return float(rest @ rest)

    best = _bottom(loss, low, high)
    return loss(best + float(np.log(shift)), steps + more)


O10 = Claim(
    id="sd.O10",
    title="The plateau: at the best ridge of T fits one more fit gains nothing",
    statement=(
        r"\lambda_T=\arg\min_\lambda\rho_T(\lambda)\ \text{inside}:\quad "
        r"\rho_{T+1}(\lambda_T)=\rho_T(\lambda_T),\qquad "
        r"\rho_T(\lambda)=\min_{\alpha_2,\dots,\alpha_T}\text{loss of fit }T"
    ),
    source="derived",
    provenance="derived",
    assumptions=(
        "any squared loss, here on validation points",
        "lambda_T an interior minimiser",
        LAST,
        "any real weights",
    ),
    proof=(
        r"$\partial_\lambda\sum_jc_jx^j/(x+\lambda)^{j+1}=-\frac{1-m}{\lambda}\sum_j(j+1)c_jm^j/(x+\lambda)$: "
        r"with $m=x/(x+\lambda)$ and $c_{T-1}\ne0$ the one direction that fit $T+1$ adds to the first $T$."
    ),
    equations={
        "theory.self_distillation.optimal_schedule": "rho_T",
        "simulations.self_distillation.literal_fits": "the students of rho_(T+1)",
    },
    kind="identity",
    margin=1e-8,
    predict=_least_loss,
    measure=_longer_loss,
    settings=(
        {"draw": 1, "n": 15, "steps": 1, "low": 1e-3, "high": 1e2},
        {"draw": 1, "n": 15, "steps": 2, "low": 1e-3, "high": 1e2},
        {"draw": 2, "n": 25, "steps": 3, "low": 1e-3, "high": 1e2},
    ),
    mutants=(
        Mutant(name="at half as much ridge again", measure=partial(_longer_loss, 1, 1.5)),
        Mutant(name="two more fits", measure=partial(_longer_loss, 2)),
        Mutant(name="at the best ridge of plain ridge", measure=partial(_longer_loss, 1, 1.0, 1), settings=(1, 2)),
    ),
)

SPIKES = {  # bulk eigenvalues 1; the share of the spikes among the directions tends to 0
    "one": ((6.0,), (0.8,)),
    "two": ((6.0, 20.0), (0.2, 0.7)),
}


def _spiked(which: str) -> tuple[Array, Array, float, float]:
    """4000 directions, p/n = 0.5, sigma^2 = 0.5, |beta|^2 = 1, with the named spikes."""
    spikes, shares = SPIKES[which]
    population = {"spectrum": ("spikes", *spikes), "signal": ("spikes", *shares)}
    return model(features=4000, samples=8000, signal_power=1.0, noise_variance=0.5, **population)


def _least_risk(*, spikes: str, steps: int) -> float:
    """rho_T at its best ridge, in the limit."""
    return theory.best_joint_risk(*_spiked(spikes), steps).excess_risk


def _longer_risk(more: int = 1, shift: float = 1.0, taken: int = 0, *, spikes: str, steps: int) -> float:
    """rho_(T + `more`) at `shift` times the ridge that is best for `taken` fits, for T if that is 0."""
    arguments = _spiked(spikes)
    ridge = shift * theory.best_joint_risk(*arguments, taken or steps).ridge
    return float(theory.joint_risk(*arguments, ridge, steps + more))


O10_LIMIT = Claim(
    id="sd.O10.limit",
    title="The plateau in the proportional limit with spikes",
    statement=r"\rho_{T+1}(\lambda_T)=\rho_T(\lambda_T):\ \text{0.2056, 0.1538, 0.1538 for one spike}",
    source="derived",
    provenance="derived",
    assumptions=("proportional limit; spikes among 4000 directions", "lambda_T an interior minimiser", LAST),
    proof="As sd.O10, for the population's inner product.",
    equations={
        "theory.self_distillation.best_joint_risk": "lambda_T and rho_T",
        "theory.self_distillation.joint_risk": "rho_(T+1)",
    },
    kind="identity",
    margin=1e-9,
    predict=_least_risk,
    measure=_longer_risk,
    settings=({"spikes": "one", "steps": 1}, {"spikes": "one", "steps": 2}, {"spikes": "two", "steps": 3}),
    mutants=(
        Mutant(name="at half as much ridge again", measure=partial(_longer_risk, 1, 1.5), settings=(0,)),
        Mutant(name="two more fits", measure=partial(_longer_risk, 2), settings=(0,)),
        Mutant(name="at the best ridge of plain ridge", measure=partial(_longer_risk, 1, 1.0, 1), settings=(1,)),
    ),
)

CLAIMS = (O10, O10_LIMIT)
