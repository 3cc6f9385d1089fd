"""Claims ex.D6: a candidate with a wrong rate, what it believes, how likely it is, and where it falls off the cliff."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.claim import Claim, Mutant
from claims.exp3._mean_field_route import candidate_course
from claims.exp3._paper import DERIVED, LADDER, LOSSES, MEAN_FIELD
from simulations.exp3 import candidate_measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- D6.path: two routes to the limit


def _closed(which: str = "right", *, scaled_time: float, ratio: float, n_arms: int, gains: bool = False) -> Array:
    """[q, limit of eta L] by the theory; or a wrong version."""
    if which == "M5":
        gains = not gains
    if which == "K - 1 for K":
        n_arms -= 1
    if which == "ratio for its square":
        ratio = ratio**2
    return np.array(
        [
            theory.candidate_probability(scaled_time, ratio, n_arms, gains),
            theory.candidate_log_likelihood(scaled_time, ratio, n_arms, gains),
        ]
    )


def _integrated(which: str = "right", *, scaled_time: float, ratio: float, n_arms: int, gains: bool = False) -> Array:
    """The same by differential equations; or a wrong version."""
    return np.array(candidate_course(scaled_time, ratio, n_arms, gains, which))


D6_PATH = Claim(
    id="ex.D6.path",
    title="Probabilities and likelihood of a wrong candidate in closed form",
    statement=(
        r"1-q=\tfrac{K-1}K\Bigl[\tfrac{K(1-p)}{K-1}\Bigr]^r,\quad "
        r"\eta L_T(r\eta)\to\int_0^S\Bigl[p\log q+(1-p)\log\tfrac{1-q}{K-1}\Bigr]ds;\quad"
        r"\text{gains: the same with }s\to-s"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=("one arm with mean loss (gain) 1, the others nothing", "S before the cliff"),
    proof="dx/ds = 1 and dz/ds = r p/q for the log-odds x, z of truth and candidate, hence int q dz = r int p dx",
    equations={
        "theory.exp3.candidate_probability": "q",
        "theory.exp3.candidate_log_likelihood": "limit of eta L",
    },
    kind="identity",
    margin=1e-8,  # the differential equations are solved to 1e-12 a step, and steep before the cliff
    predict=_closed,
    measure=_integrated,
    settings=(
        {"scaled_time": 1.7, "ratio": 0.6, "n_arms": 3},
        {"scaled_time": 0.8, "ratio": 1.9, "n_arms": 2},
        {"scaled_time": 1.1, "ratio": 1.3, "n_arms": 5},
        {"scaled_time": 2.1, "ratio": 1.7, "n_arms": 3, "gains": True},
        {"scaled_time": 1.4, "ratio": 0.4, "n_arms": 4, "gains": True},
    ),
    outputs=("probability", "log-likelihood"),
    mutants=(
        Mutant(name="M2: weights of the candidate by the true p", measure=partial(_integrated, "M2")),
        Mutant(name="M5: gains and losses exchanged", predict=partial(_closed, "M5")),
        Mutant(name="weights turned over", measure=partial(_integrated, "weights turned over")),
        Mutant(name="K - 1 for K", predict=partial(_closed, "K - 1 for K"), settings=(0, 2, 3, 4)),
        Mutant(name="ratio for its square", predict=partial(_closed, "ratio for its square"), settings=(0, 2, 3, 4)),
    ),
)


# ---------------------------------------------------------------- D6: simulated likelihoods


def _limits(
    which: str = "right", *, mean_losses: Any, scaled_time: float, ratios: Any, gains: bool = False, **_: Any
) -> Array:
    """Limits of eta (L of the truth - L of the candidates); or a wrong version."""
    loss, n_arms = mean_losses[0], len(mean_losses)
    time = scaled_time * (1.0 if which == "loss left out of the time" else loss)
    unit = 1.0 if which == "not divided by the loss" else loss
    rates, gains = np.array([*ratios, 1.0]), gains ^ (which == "M5")
    if which == "M2":
        values = np.array([candidate_course(time, ratio, n_arms, gains, "M2")[1] for ratio in rates])
    else:
        values = np.asarray(theory.candidate_log_likelihood(time, rates, n_arms, gains))
    if which == "parabola at the truth":
        means = np.zeros(n_arms)
        means[0] = 1.0
        values = -0.5 * (rates - 1.0) ** 2 * float(theory.mean_field_information(time, means, gains))
    return (values[-1] - values[:-1]) / unit * (1.08 if which == "eight percent too large" else 1.0)


def drops_of_candidates(rng: np.random.Generator, replicates: int, *, ratios: ArrayLike, **setting: Any) -> Array:
    """Return learning_rate (L(truth) - L(candidate)) of the candidates, at most 1/2, (replicates, candidates).

    Without that end one run in 10^5 or so that falls off the cliff too early, to -infinity, would have the whole mean.
    `rng`, `replicates`, `ratios` and `setting` as in `candidate_likelihoods`.
    """
    both = [*np.asarray(ratios).tolist(), 1.0]
    found = candidate_measures.candidate_likelihoods(rng, replicates, ratios=both, **setting)[:, : len(both)]
    return np.minimum(found[:, -1:] - found[:, :-1], 0.5)


def _at_rate(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A `setting` at a learning rate near 1/`size` of which the scaled time is a multiple."""
    return {**setting, "learning_rate": setting["scaled_time"] / round(setting["scaled_time"] * size)}


D6 = Claim(
    id="ex.D6",
    title="How much less likely a wrong candidate is",
    statement=(
        r"\eta\,[L_T(\eta)-L_T(r\eta)]\to\tfrac1\ell\int_0^{\ell S}\Bigl[p\log\tfrac pq+(1-p)\log\tfrac{1-p}{1-q}\Bigr]"
        r"ds,\quad S=\eta T"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER, MEAN_FIELD, "before the cliff; ends at 1/2", "one setting with gains"),
    equations={"theory.exp3.candidate_log_likelihood": "right side"},
    kind="limit",
    predict=_limits,
    measure=drops_of_candidates,
    settings=(
        {"mean_losses": (0.7, 0.0), "scaled_time": 1.3, "ratios": (0.4, 1.5)},
        {"mean_losses": (0.8, 0.0, 0.0), "scaled_time": 1.2, "ratios": (0.3, 1.4)},
        {"mean_losses": (0.9, 0.0, 0.0), "scaled_time": 2.0, "ratios": (0.3, 2.7), "gains": True},
    ),
    outputs=("lower rate", "higher rate"),
    sizes=(100, 200, 400, 800),
    at_size=_at_rate,
    margin=0.03,  # noise at the sizes that can be afforded
    budget=100_000,
    block=256,
    mutants=(
        Mutant(name="M2: weights of the candidate by the true p", predict=partial(_limits, "M2")),
        Mutant(name="M5: gains and losses exchanged", predict=partial(_limits, "M5"), settings=(0, 1)),
        *(
            Mutant(name=which, predict=partial(_limits, which))
            for which in (
                "loss left out of the time",
                "not divided by the loss",
                "parabola at the truth",
                "eight percent too large",
            )
        ),
    ),
    scales={"quick": {"margin": 0.12, "sizes": (50, 100, 200, 400)}},
)


# ---------------------------------------------------------------- D6.cliff


def _fallen(
    which: str = "right", *, mean_losses: Any, scaled_time: float, ratios: Any, gains: bool = False, **_: Any
) -> Array:
    """1 for candidates whose cliff lies before the end; or a wrong version."""
    loss, n_arms, rate = mean_losses[0], len(mean_losses), np.asarray(ratios)
    if which in ("M2", "M5"):
        return np.zeros(rate.size) if not gains else np.ones(rate.size)
    if which == "exponent 1/r for 1 - 1/r":
        ends = -np.log1p(n_arms * np.expm1(np.log1p(-1 / n_arms) * (1 - 1 / rate)))
    else:
        ends = np.asarray(theory.cliff_time(rate, n_arms))
    time = scaled_time * (1.0 if which == "loss left out of the time" else loss)
    return np.asarray((time > ends) & (not gains), dtype=float)


def falls_of_candidates(rng: np.random.Generator, replicates: int, **setting: Any) -> Array:
    """Return 1 for candidates whose likelihood has collapsed, learning_rate L < -10^6, (replicates, candidates).

    `rng`, `replicates` and `setting` as in `candidate_likelihoods`.
    """
    found = candidate_measures.candidate_likelihoods(rng, replicates, **setting)
    return found[:, found.shape[1] // 2 :]


def true_weights_falls(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    scaled_time: float,
    ratios: ArrayLike,
) -> Array:
    """Return the same when candidates divide by the learner's p (M2), (replicates, candidates).

    `rng`, `replicates` and the other arguments as in `candidate_likelihoods`.
    """
    means, rates = np.asarray(mean_losses, dtype=float), learning_rate * np.asarray(ratios)
    rows, weighted = np.arange(replicates), np.zeros((replicates, means.size))
    value = np.zeros((replicates, rates.size))
    for _ in range(round(scaled_time / learning_rate)):
        logs = -np.multiply.outer(np.array([learning_rate, *rates]), weighted)
        logs -= np.log(np.sum(np.exp(logs - np.max(logs, axis=2, keepdims=True)), axis=2, keepdims=True)) + np.max(
            logs, axis=2, keepdims=True
        )
        p = np.exp(logs[0])
        arms = np.minimum(np.sum(np.cumsum(p, axis=1) < rng.random((replicates, 1)), axis=1), means.size - 1)
        value += logs[1:, rows, arms].T
        weighted[rows, arms] += means[arms] / p[rows, arms]
    return (learning_rate * value < -1e6).astype(np.float64)


D6_CLIFF = Claim(
    id="ex.D6.cliff",
    title="Behind the cliff a larger candidate is impossible",
    statement=(
        r"P(L_T(r\eta)\approx-\infty)\to\mathbf 1\{S>s_c/\ell\},\quad "
        r"e^{-s_c}=1-K\Bigl(1-\bigl(\tfrac{K-1}K\bigr)^{1/r}\Bigr);\quad\text{gains: no cliff}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, LADDER, "eta = 0.0004; S at least a fifth away from the cliff"),
    equations={"theory.exp3.cliff_time": "s_c"},
    kind="limit",
    relative=False,
    predict=_fallen,
    measure=falls_of_candidates,
    settings=(
        {"mean_losses": (0.7, 0.0), "scaled_time": 2.2, "ratios": (0.5, 1.25, 2.5), "learning_rate": 0.0004},
        {"mean_losses": (0.9, 0.0, 0.0, 0.0), "scaled_time": 1.9, "ratios": (0.7, 1.1, 1.6), "learning_rate": 0.0004},
        {"mean_losses": (0.7, 0.0), "scaled_time": 3.0, "ratios": (2.0, 9.0), "learning_rate": 0.002, "gains": True},
    ),
    margin=0.02,  # a share of runs: 0 or 1 in the limit
    budget=4000,
    block=128,
    mutants=(
        Mutant(name="M2: weights of the candidate by the true p", measure=true_weights_falls, settings=(0,)),
        Mutant(name="M5: gains and losses exchanged", predict=partial(_fallen, "M5")),
        Mutant(name="exponent 1/r for 1 - 1/r", predict=partial(_fallen, "exponent 1/r for 1 - 1/r")),
        Mutant(name="loss left out of the time", predict=partial(_fallen, "loss left out of the time")),
    ),
)

CLAIMS = (D6, D6_CLIFF, D6_PATH)
