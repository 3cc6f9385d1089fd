"""Claims ex.D11: where every arm pays, a run depends exponentially on its rate; and the floor of ex.T1 is not one."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.exp3._paper import ABSTRACT, CONSTANT, DERIVED, LOSSES
from simulations import exp3 as simulation
from simulations.exp3 import candidate_measures, process_measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
ALL_PAY = "two or more arms, all with losses bounded away from 0"


# ---------------------------------------------------------------- D11: growth of the information


def _grown(exponent: float = -1.0, *, learning_rate: float, mean_losses: Any, rounds: int = 0) -> Array:
    """The exponents with which the logarithms of sensitivity and information fall with the rounds."""
    del learning_rate, mean_losses, rounds
    return np.full(2, exponent)


def _for_rounds(setting: Any, size: float) -> dict[str, Any]:
    """The `setting` with `size` rounds."""
    return {**setting, "rounds": int(size)}


def _zero_loss(rng: np.random.Generator, replicates: int, *, mean_losses: Any, **setting: Any) -> Array:
    """The same measure where the best arm pays nothing."""
    free = (*mean_losses[:-1], 0.0)
    return process_measures.sensitivities(rng, replicates, mean_losses=free, **setting)


D11 = Claim(
    id="ex.D11",
    title="Every arm pays: the information grows exponentially with the rounds, at a constant rate",
    statement=(
        r"\eta\text{ constant},\ \min_k\ell_k>0:\quad \mathbb E\log\Bigl|\frac{\partial x_n}{\partial\eta}\Bigr|,\ "
        r"\mathbb E\log\sum_{t\le n}\sum_kp_{k,t}h_{k,t}^2\ \propto\ n^{1-o(1)}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(
        LOSSES,
        ALL_PAY,
        CONSTANT,
        "the time between two pulls has a tail so heavy that its mean may grow like a logarithm: an exponent below 1 "
        "by as much is counted as 1, hence the margin",
    ),
    proof=(
        "After a jump of x the paying best arm brings it back at speed eta l_2 a round, so lossy pulls recur; at each "
        "the tangent is multiplied by 1 + eta l (1 - p)/p, which is large where p is of order eta."
    ),
    equations={"simulations.exp3.process_measures.sensitivities": "log10 of sensitivity and information along runs"},
    kind="rate",
    margin=0.12,  # the exponent's slow approach to 1, see the assumptions
    predict=_grown,
    measure=process_measures.sensitivities,
    settings=(
        {"learning_rate": 0.5, "mean_losses": (0.8, 0.6)},
        {"learning_rate": 0.4, "mean_losses": (0.9, 0.7, 0.6)},
    ),
    outputs=("log10 sensitivity", "log10 information"),
    columns=(0, 1),
    sizes=(100, 200, 400, 800),
    at_size=_for_rounds,
    budget=1024,
    block=64,
    mutants=(
        Mutant(name="information a power of n: logarithm constant", predict=partial(_grown, 0.0)),
        Mutant(name="stretched exponential exp(sqrt n)", predict=partial(_grown, -0.5)),
        Mutant(name="exp(n^2)", predict=partial(_grown, -2.0)),
        Mutant(name="best arm without loss", measure=_zero_loss),
    ),
    scales={"quick": {"margin": 0.2, "budget": 768}},
)


# ---------------------------------------------------------------- D11.returns: the law of returning pulls


def _returned(which: str = "right", *, learning_rate: float, losses: tuple[float, float], jump: float = 10.0) -> Array:
    """E p and E exp(-p/(eta l2)) in units of eta l2 for p exponential with mean eta l2; or wrong versions."""
    del jump
    if which == "uniform with the same mean":
        return np.array([1.0, (1.0 - np.exp(-2.0)) / 2.0])
    if which == "always at the mean":
        return np.array([1.0, np.exp(-1.0)])
    mean = {"right": 1.0, "mean eta l1": losses[0] / losses[1], "mean eta": 1.0 / losses[1], "mean 2 eta l2": 2.0}[
        which
    ]
    return np.array([mean, 1.0 / (1.0 + mean)])


D11_RETURNS = Claim(
    id="ex.D11.returns",
    title="At which probability the bad arm comes back",
    statement=(
        r"\ell_1>\ell_2>0,\ \text{after a large jump of }x:\quad \frac p{\eta\ell_2}\text{ at the next pull}"
        r"\ \to\ \mathrm{Exponential}(1)\quad(\eta\to0);\qquad"
        r"\text{the next jump }\eta\ell_1/p\text{ has infinite mean}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "eta -> 0; at finite eta the mean is too small by some 0.3 eta", "jumps of x by 10 or more"),
    proof=(
        "p grows by the factor e^(eta l_2) a round, and p is the hazard: P(no pull until p) = exp(-p/(eta l_2)). "
        "The density at 0 is positive, hence 1/p has no mean; weighed are mean and Laplace transform of p."
    ),
    equations={"simulations.exp3.process_measures.returning_pulls": "p at the pull after a jump, in units of eta l2"},
    kind="limit",
    margin=0.06,  # the error of some 0.3 eta, and noise
    predict=_returned,
    measure=process_measures.returning_pulls,
    settings=(
        {"learning_rate": 0.05, "losses": (1.0, 0.5)},
        {"learning_rate": 0.06, "losses": (0.8, 0.3)},
    ),
    outputs=("mean", "Laplace transform at 1"),
    columns=(0, 2),
    budget=30_000,
    block=512,
    mutants=tuple(
        Mutant(name=name, predict=partial(_returned, name))
        for name in ("mean eta l1", "mean eta", "mean 2 eta l2", "uniform with the same mean", "always at the mean")
    ),
    scales={"quick": {"margin": 0.12, "budget": 6000}},
)


# ---------------------------------------------------------------- D11.tangent: how fast, path by path


@cache
def _history(learning_rate: float, mean_losses: Any, rounds: int, seed: int, digits: int) -> tuple[Any, Any]:
    """Arms and losses of one run with `digits` digits."""
    uniforms = np.random.default_rng(seed).random(rounds)
    return simulation.precise_simulate(learning_rate, mean_losses, uniforms, digits=digits)


def _log_odds(rate: Any, arms: Any, losses: Any, context: Any) -> Any:
    """The log-odds of arm 0 after a history, by their own recursion."""
    x = context.mpf(0)
    for arm, loss in zip(arms.tolist(), losses.tolist(), strict=True):
        x += rate * loss * (1 + context.exp(x)) if arm == 1 else -rate * loss * (1 + context.exp(-x))
    return x


def _tangent(*, learning_rate: float, mean_losses: Any, rounds: int, seed: int, digits: int) -> float:
    """log10 |dx/d eta| after a run by a difference with many digits."""
    import mpmath

    context = mpmath.mp.clone()
    context.dps = digits
    arms, losses = _history(learning_rate, mean_losses, rounds, seed, digits)
    step, eta = context.mpf(10) ** (-digits // 2), context.mpf(learning_rate)
    ends = [_log_odds(eta + sign * step, arms, losses, context) for sign in (1, -1)]
    return float(context.log10(abs(ends[0] - ends[1]) / (2 * step)))


def _product(
    which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, seed: int, digits: int
) -> float:
    """The same by the tangent's recursion along the run's own probabilities; or a wrong version."""
    arms, losses = _history(learning_rate, mean_losses, rounds, seed, digits)
    logs = simulation.precise_replay(learning_rate, arms, losses, 2, digits=digits).log_probabilities
    import mpmath

    context = mpmath.mp.clone()
    context.dps = digits
    tangent, eta = context.mpf(0), context.mpf(learning_rate)
    for row, arm, loss in zip(logs, arms.tolist(), losses.tolist(), strict=True):
        odds, sign = context.exp(row[1 - arm] - row[arm]), (-1 if arm == 0 else 1)  # (1 - p)/p of the drawn arm
        growth = 1 + (0 if which == "no feedback" else eta * loss * odds)
        if which == "1/p for (1 - p)/p":
            growth += eta * loss
        if which == "loss squared":
            growth = 1 + eta * loss**2 * odds
        tangent = growth * tangent + sign * loss * (1 + odds)
    return float(context.log10(abs(tangent)))


D11_TANGENT = Claim(
    id="ex.D11.tangent",
    title="The tangent of one run",
    statement=(
        r"\frac{\partial x}{\partial\eta}\leftarrow"
        r"\Bigl(1+\eta\ell_a\frac{1-p_a}{p_a}\Bigr)\frac{\partial x}{\partial\eta}"
        r"\pm\frac{\ell_a}{p_a}:\quad\log_{10}\Bigl|\frac{\partial x}{\partial\eta}\Bigr|\text{ after }n\text{ rounds}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, "two arms, numbers with so many digits that rounding cannot matter"),
    equations={
        "simulations.exp3.precise_replay": "probabilities along the run",
        "simulations.exp3.precise_simulate": "the run",
    },
    kind="identity",
    margin=1e-9,  # two routes with 120 digits; equal in double precision as seen
    predict=_product,
    measure=_tangent,
    settings=(
        {"learning_rate": 0.5, "mean_losses": (0.8, 0.3), "rounds": 100, "seed": 3, "digits": 120},
        {"learning_rate": 0.3, "mean_losses": (0.6, 0.5), "rounds": 150, "seed": 4, "digits": 120},
    ),
    mutants=tuple(
        Mutant(name=name, predict=partial(_product, name))
        for name in ("no feedback", "1/p for (1 - p)/p", "loss squared")
    ),
)


# ---------------------------------------------------------------- D11.digits: double precision and tiny errors


@cache
def _value(error: float, learning_rate: float, mean_losses: Any, rounds: int, seed: int, digits: int) -> float:
    """Log-likelihood of a candidate off by a relative `error`, with many digits, at least -10^6."""
    arms, losses = _history(learning_rate, mean_losses, rounds, seed, digits)
    candidate = learning_rate * (1.0 + error)
    return max(-1e6, float(simulation.precise_log_likelihood(candidate, arms, losses, 2, digits=digits)[0]))


def _truth(**setting: Any) -> float:
    """Log-likelihood of the true rate."""
    return _value(0.0, **setting)


def _loss_of_likelihood(part: float = 1.0, free: bool = False, **setting: Any) -> float:
    """Log-likelihood of a candidate off by 1e-12, less that of the truth, plus 20.

    With `part` < 1 after this part of the rounds only; with `free` where the second arm pays nothing.
    """
    setting["rounds"] = int(part * setting["rounds"])
    if free:
        setting["mean_losses"] = (setting["mean_losses"][0], 0.0)
    return _value(1e-12, **setting) - _truth(**setting) + 20.0


def _no_loss(**setting: Any) -> float:
    """0."""
    del setting
    return 0.0


D11_DIGITS = Claim(
    id="ex.D11.digits",
    title="A rate wrong in the twelfth digit is excluded",
    statement=(
        r"L_n\bigl(\eta(1+10^{-12})\bigr)\le L_n(\eta)-20\quad\text{along runs of some hundred rounds in which every "
        r"arm pays}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, ALL_PAY, "the runs named in the settings, with 80 digits"),
    equations={"simulations.exp3.precise_log_likelihood": "likelihoods with many digits"},
    kind="bound",
    relative=False,
    predict=_no_loss,
    measure=_loss_of_likelihood,
    settings=(
        {"learning_rate": 0.5, "mean_losses": (0.8, 0.6), "rounds": 250, "seed": 0, "digits": 80},
        {"learning_rate": 0.4, "mean_losses": (0.6, 0.5), "rounds": 250, "seed": 1, "digits": 80},
    ),
    mutants=(
        Mutant(name="best arm without loss", measure=partial(_loss_of_likelihood, free=True)),
        Mutant(name="after half of the rounds", measure=partial(_loss_of_likelihood, 0.5)),
        Mutant(name="after a sixth of the rounds", measure=partial(_loss_of_likelihood, 1 / 6)),
    ),
)


# ---------------------------------------------------------------- T1.positive


def _floor(*, learning_rate: float, mean_losses: Any, rounds: int, ratios: Any) -> float:
    """The largest probability of telling the two rates apart if the ladder's two-point bound held here too."""
    other = learning_rate * float(np.prod(ratios))
    return 1.0 - float(theory.two_point_bound(rounds, learning_rate, other, len(mean_losses), max(mean_losses)))


T1_POSITIVE = Claim(
    id="ex.T1.positive",
    title="At a constant rate no estimator is fast, even when every arm pays (false)",
    statement=(
        r"\text{for all losses in }[0,\ell]\text{ and every estimator: }"
        r"\min_{i}P_{\eta_i}\bigl(|\hat\eta-\eta_i|<\tfrac12|\eta_1-\eta_2|\bigr)\le1-\tfrac12\bigl(1-\sqrt{1-\rho_n^2}\bigr)"
        r",\ \rho_n\text{ the affinity with one lossy arm}"
    ),
    source="reading the constant-rate statement without its condition on the losses; " + ABSTRACT,
    provenance="reconstructed",
    assumptions=(
        LOSSES,
        CONSTANT,
        "the estimator: the likelier of the two rates; both are tried as the truth",
        "rounds in which double precision is reliable",
    ),
    equations={
        "theory.exp3.two_point_bound": "the floor with one lossy arm",
        "simulations.exp3.candidate_measures.finite_set_errors": "how often the likelier rate is the truth",
    },
    kind="probability",
    expected="refuted",
    corrected_by="ex.D11",
    predict=_floor,
    measure=candidate_measures.finite_set_errors,
    settings=(
        {"learning_rate": 0.5, "mean_losses": (0.8, 0.3), "rounds": 150, "ratios": (1.0, 1.3)},
        {"learning_rate": 0.65, "mean_losses": (0.8, 0.3), "rounds": 150, "ratios": (1.0, 1 / 1.3)},
    ),
    outputs=("told apart",),
    columns=(5,),
    budget=1024,
    block=256,
)

CLAIMS = (D11, D11_RETURNS, D11_TANGENT, D11_DIGITS, T1_POSITIVE)
