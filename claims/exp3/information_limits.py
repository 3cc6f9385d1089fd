"""Claims ex.D4 and ex.D7: the information of a small learning rate, with distinct losses and with equal ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.claim import Claim, Mutant
from claims.exp3._mean_field_route import closed_information, information_and_prediction
from claims.exp3._paper import DERIVED, LOSSES, MEAN_FIELD
from simulations.exp3 import measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def at_rate(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A `setting` with a scaled time at the learning rate 1/`size`."""
    rest = {name: value for name, value in setting.items() if name != "scaled_time"}
    return {**rest, "learning_rate": 1 / size, "rounds": round(setting["scaled_time"] * size)}


# ---------------------------------------------------------------- D4: the limit of the information


D4_WORDS = (
    r"\eta^3I_T\to J(S)=\int_0^S\sum_kp_kh_k^2\,ds,\quad p=\mathrm{softmax}(-s\bar\ell),\ "
    r"\gamma_k'=-\bar\ell_k(1-h_k),\ h=\gamma-\sum_jp_j\gamma_j,\qquad S=\eta T"
)
ONLY_ODE = ("M1", "feedback twice", "feedback with the other sign", "score not squared", "p (1 - p) for p")
NAMES = {"M1": "M1: sensitivity without feedback"}


def _information(
    which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, gains: bool = False, **_: Any
) -> float:
    """J, or a wrong version of it."""
    time, losses = learning_rate * rounds, np.asarray(mean_losses, dtype=float)
    if which in ONLY_ODE:
        return float(information_and_prediction(time, -losses if gains else losses, which)[0])
    if which == "M5":
        return float(theory.mean_field_information(time, losses, not gains))
    if which == "half the time":
        time /= 2
    factor = {"three percent too large": 1.03, "five percent too large": 1.05}.get(which, 1.0)
    return factor * float(theory.mean_field_information(time, losses, gains))


def true_weights_information(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    bernoulli: bool = False,
) -> Array:
    """Return eta^3 sum_t sum_k p h^2 of a likelihood whose candidates divide by the learner's p, (replicates, 1): M2.

    `rng` is the only source of randomness; `learning_rate`, `mean_losses` (arms,), `rounds` and `bernoulli` as in
    `information_samples`.
    """
    means, rows = np.asarray(mean_losses, dtype=float), np.arange(replicates)
    weighted, total = np.zeros((replicates, means.size)), np.zeros(replicates)
    for _ in range(rounds):
        p = np.exp(-learning_rate * (weighted - np.min(weighted, axis=1, keepdims=True)))
        p /= np.sum(p, axis=1, keepdims=True)
        h = np.sum(p * weighted, axis=1, keepdims=True) - weighted
        total += np.sum(p * h**2, axis=1)
        arms = np.minimum(np.sum(np.cumsum(p, axis=1) < rng.random((replicates, 1)), axis=1), means.size - 1)
        paid = (rng.random(replicates) < means[arms]) if bernoulli else means[arms]
        weighted[rows, arms] += paid / p[rows, arms]
    return learning_rate**3 * total[:, None]


def _mutants(*which: str, **chosen: Any) -> tuple[Mutant, ...]:
    """The wrong versions `which` of the limit."""
    return tuple(Mutant(name=NAMES.get(w, w), predict=partial(_information, w), **chosen) for w in which)


M2 = Mutant(
    name="M2: importance weight of the candidate by the true p", measure=true_weights_information, settings=(0,)
)
NAMES["M5"] = "M5: gains and losses exchanged"
LIMIT: dict[str, Any] = {
    "source": DERIVED,
    "provenance": "derived",
    "kind": "limit",
    "predict": _information,
    "measure": measures.information_samples,
    "outputs": ("eta^3 I_T",),
    "at_size": at_rate,
}

D4 = Claim(
    id="ex.D4",
    title="Information of a small learning rate, losses that do not vary",
    statement=D4_WORDS,
    assumptions=(LOSSES, MEAN_FIELD, "T fixed beforehand"),
    proof=(
        "E[loss estimate] = loss, so y_k follows -s l_k with fluctuations of order eta^(1/2); the sensitivity of the "
        "drawn arm moves by -(l/p)(1 - eta h), of mean -l_k (1 - h_k) for arm k."
    ),
    equations={
        "theory.exp3.mean_field_information": "J(S)",
        "simulations.exp3.measures.information_samples": "information of paths, no score in it",
    },
    settings=(
        {"mean_losses": (0.9, 0.2), "scaled_time": 2.0},
        {"mean_losses": (0.9, 0.6, 0.3, 0.0), "scaled_time": 2.0},
        {"mean_losses": (0.1, 0.9, 0.5, 0.7, 0.0), "scaled_time": 1.5},
    ),
    sizes=(50, 100, 200, 400),
    budget=120_000,
    block=256,
    mutants=(*_mutants(*ONLY_ODE, "M5", "half the time", "three percent too large"), M2),
    scales={"quick": {"margin": 0.05, "budget": 40_000}},
    **LIMIT,
)

D4_RANDOM = Claim(
    id="ex.D4.random",
    title="Random losses have the information of their means",
    statement=D4_WORDS + r",\quad\ell_{k,t}\sim\mathrm{Bernoulli}(\bar\ell_k)",
    assumptions=(LOSSES, MEAN_FIELD, "losses independent of the draw"),
    equations={"theory.exp3.mean_field_information": "J(S) of the means"},
    settings=(
        {"mean_losses": (0.7, 0.1), "scaled_time": 2.5, "bernoulli": True},
        {"mean_losses": (0.9, 0.5, 0.1), "scaled_time": 2.0, "bernoulli": True},
    ),
    sizes=(50, 100, 200, 400),
    margin=0.015,  # noise, of which random losses add some to that of ex.D4
    budget=120_000,
    block=256,
    mutants=(*_mutants("M1", "feedback twice", "M5", "half the time", "five percent too large"), M2),
    scales={"quick": {"margin": 0.06, "budget": 40_000}},
    **LIMIT,
)

D4_GAINS = Claim(
    id="ex.D4.gains",
    title="Information when gains are paid in place of losses",
    statement=D4_WORDS + r",\quad\bar\ell=-\text{gains}",
    assumptions=("gains: y_a rises by eta g/p_a", MEAN_FIELD),
    equations={"theory.exp3.mean_field_information": "J(S) with gains"},
    settings=(
        {"mean_losses": (0.9, 0.0), "scaled_time": 2.0, "gains": True},
        {"mean_losses": (0.9, 0.2, 0.4), "scaled_time": 2.0, "gains": True},
    ),
    sizes=(25, 50, 100, 200),
    margin=0.01,  # noise and the fit over rates
    budget=120_000,
    block=256,
    mutants=_mutants("M1", "M5", "half the time", "score not squared", "three percent too large"),
    scales={"quick": {"margin": 0.05, "budget": 20_000}},
    **LIMIT,
)


# ---------------------------------------------------------------- D4.ladder: the exact information at small rates


def _reduced(*, learning_rate: float, loss: float, scaled_time: float, n_arms: int) -> float:
    """eta^3 l I_T at S = eta l T by the exact ladder."""
    rounds = round(scaled_time / (learning_rate * loss))
    return learning_rate**3 * loss * float(theory.ladder_information(rounds, learning_rate, n_arms, loss))


def _limit(which: str = "right", *, learning_rate: float, loss: float, scaled_time: float, n_arms: int) -> float:
    """J of one lossy arm with loss 1; or a wrong version."""
    time = round(scaled_time / (learning_rate * loss)) * learning_rate * loss
    means = np.zeros(n_arms - (which == "K - 1 for K"))
    means[0] = 1.0
    if which == "M1":
        return float(information_and_prediction(time, means, which)[0])
    if which == "loss left out":
        return float(theory.mean_field_information(time / loss, means))
    value = float(theory.mean_field_information(time, means))
    return value * {"power 2 of the loss": loss, "half a percent too large": 1.005}.get(which, 1.0)


def _at_ladder_rate(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A `setting` at the learning rate 1/`size`."""
    return {**setting, "learning_rate": 1 / size}


D4_LADDER = Claim(
    id="ex.D4.ladder",
    title="One lossy arm: the exact information tends to the closed form",
    statement=(
        r"\eta^3\ell I_T\to J_K(S)=\Lambda^2\tfrac v{1-v}+2\Lambda\log(1-v)+2[\mathrm{Li}_2(v)-\mathrm{Li}_2(v_0)],"
        r"\quad S=\eta\ell T,\ v,\Lambda\text{ as in ex.D4.closed}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=("one arm pays the constant loss l, the others nothing", "eta -> 0 at fixed S"),
    equations={"theory.exp3.mean_field_information": "J_K(S)"},
    kind="limit",
    deterministic=True,
    predict=_limit,
    measure=_reduced,
    settings=(
        {"loss": 0.7, "scaled_time": 1.4, "n_arms": 2},
        {"loss": 1.6, "scaled_time": 2.4, "n_arms": 3},
        {"loss": 0.4, "scaled_time": 0.8, "n_arms": 5},
    ),
    outputs=("eta^3 l I_T",),
    sizes=(100, 200, 400, 800),
    at_size=_at_ladder_rate,
    powers=(1.0, 2.0),
    margin=0.001,  # terms beyond the fit in eta; 2.4e-4 seen
    mutants=tuple(
        Mutant(name=NAMES.get(which, which), predict=partial(_limit, which), settings=(1, 2))
        for which in ("M1", "loss left out", "power 2 of the loss", "K - 1 for K", "half a percent too large")
    ),
)


# ---------------------------------------------------------------- D4.closed: the closed forms


def _theory_values(*, scaled_time: float, mean_losses: Any, unit: float) -> Array:
    """[J, Q, J with gains] of the losses times `unit`, by its covariance J(S; c l) = J(c S; l)/c."""
    time = unit * scaled_time
    values = (
        theory.mean_field_information(time, mean_losses),
        theory.prediction_constant(time, mean_losses),
        theory.mean_field_information(time, mean_losses, True),
    )
    return np.array(values) / unit


def _integrated(which: str = "right", *, scaled_time: float, mean_losses: Any, unit: float) -> Array:
    """The same by differential equations; or a wrong version."""
    losses = unit * np.asarray(mean_losses, dtype=float)
    found = information_and_prediction(scaled_time, losses, which)
    return np.array([*found, information_and_prediction(scaled_time, -losses, which)[0]])


def _unscaled(power: float, *, scaled_time: float, mean_losses: Any, unit: float) -> Array:
    """The right side with the wrong power of the unit."""
    return _theory_values(scaled_time=scaled_time, mean_losses=mean_losses, unit=unit) * unit**power


D4_PATH = Claim(
    id="ex.D4.path",
    title="J and Q by differential equations; losses are a unit of time",
    statement=r"J(S;c\bar\ell)=J(cS;\bar\ell)/c,\quad J=\int\sum_kp_kh_k^2,\ Q=\int\sum_k(p_kh_k)^2",
    source=DERIVED,
    provenance="derived",
    equations={
        "theory.exp3.mean_field_information": "J, with losses and gains",
        "theory.exp3.prediction_constant": "Q",
    },
    kind="identity",
    margin=1e-8,  # the differential equations are solved to 1e-12 a step
    predict=_theory_values,
    measure=_integrated,
    settings=(
        {"scaled_time": 2.0, "mean_losses": (0.8, 0.3), "unit": 1.7},
        {"scaled_time": 1.3, "mean_losses": (0.9, 0.6, 0.3, 0.0), "unit": 0.6},
        {"scaled_time": 2.6, "mean_losses": (0.2, -0.5, 0.9, 0.1, 0.4), "unit": 0.8},
    ),
    outputs=("J", "Q", "J with gains"),
    mutants=(
        *(Mutant(name=NAMES.get(w, w), measure=partial(_integrated, w)) for w in (*ONLY_ODE, "score not centred")),
        Mutant(name="not divided by the unit", predict=partial(_unscaled, 1.0)),
        Mutant(name="divided by its square", predict=partial(_unscaled, -1.0)),
    ),
)


def _one_lossy(*, scaled_time: float, n_arms: int) -> float:
    """J by the theory."""
    return float(theory.mean_field_information(scaled_time, [0.0] * (n_arms - 1) + [1.0]))


def _dilogarithm(which: str = "right", *, scaled_time: float, n_arms: int) -> float:
    """J by the dilogarithm with 40 digits; or a wrong version."""
    return closed_information(scaled_time, n_arms, which)


WRONG_FORMS = {
    "M13: without - Li2(v_0)": "M13",
    "K - 1 for K": "K - 1 for K",
    "S/2 for S": "S/2 for S",
    "log for its square": "log for its square",
}

D4_CLOSED = Claim(
    id="ex.D4.closed",
    title="One lossy arm: J by the dilogarithm",
    statement=(
        r"J_K(S)=\Lambda^2\tfrac v{1-v}+2\Lambda\log(1-v)+2[\mathrm{Li}_2(v)-\mathrm{Li}_2(v_0)],\quad"
        r"v=\tfrac{K-1}{K-1+e^{-S}},\ v_0=\tfrac{K-1}K,\ \Lambda=\log\tfrac v{v_0}"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=("one arm with mean loss 1, the others nothing",),
    proof="J = int (K-1) e^s Lambda^2 ds = int Lambda^2/(1-v)^2 dv from v_0 to v, as dv/ds = v (1-v); then by parts",
    equations={"theory.exp3.mean_field_information": "J"},
    kind="identity",
    margin=1e-11,  # rounding, 5e-15 seen
    predict=_one_lossy,
    measure=_dilogarithm,
    settings=tuple(
        {"scaled_time": time, "n_arms": n_arms} for n_arms in (2, 3, 5, 40) for time in (1e-3, 0.2, 1.7, 6.0, 35.0)
    ),
    mutants=tuple(Mutant(name=name, measure=partial(_dilogarithm, which)) for name, which in WRONG_FORMS.items()),
)


# ---------------------------------------------------------------- D7: equal losses


def _equal(
    which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, power: float, **_: Any
) -> float:
    """The limit for equal losses; or a wrong version."""
    time, loss, arms = learning_rate * rounds, mean_losses[0], len(mean_losses)
    if which == "S for 2 S":
        time /= 2
    if which == "losses squared":
        time *= loss
    arms += {"K for K - 1": 1, "two arms": 2 - arms}.get(which, 0)
    factor = {"ten percent too large": 1.1, "half": 0.5}.get(which, 1.0)
    return factor * float(theory.equal_losses_information(time, loss, arms))


D7 = Claim(
    id="ex.D7",
    title="Equal losses: the information about the relative rate stays bounded",
    statement=r"\ell_1=\dots=\ell_K=\ell:\quad\eta^2I_T\to\tfrac{K-1}4\bigl(e^x-1-x\bigr),\ x=2\ell S",
    source=DERIVED,
    provenance="derived",
    assumptions=(LOSSES, MEAN_FIELD, "the same constant loss for every arm"),
    proof=(
        "The mean-field score is 0; the noise of the importance weights drives dh = l h ds + l (eta K)^(1/2) dW, W "
        "projected on sum 0, so that E sum_k p_k h_k^2 = eta (K-1)(e^(2 l s) - 1) l/2 at p = 1/K."
    ),
    equations={
        "theory.exp3.equal_losses_information": "limit",
        "simulations.exp3.measures.information_samples": "eta^2 times the information of paths",
    },
    kind="limit",
    predict=_equal,
    measure=measures.information_samples,
    settings=(
        {"mean_losses": (0.6, 0.6), "scaled_time": 1.3, "power": 2.0},
        {"mean_losses": (0.7, 0.7, 0.7), "scaled_time": 1.0, "power": 2.0},
        {"mean_losses": (0.4, 0.4, 0.4, 0.4, 0.4), "scaled_time": 1.5, "power": 2.0},
    ),
    outputs=("eta^2 I_T",),
    sizes=(50, 100, 200, 400),
    at_size=at_rate,
    margin=0.025,  # noise: the information itself is one of noise here
    budget=200_000,
    block=512,
    mutants=tuple(
        Mutant(name=which, predict=partial(_equal, which))
        for which in ("S for 2 S", "losses squared", "K for K - 1", "two arms", "half", "ten percent too large")
    ),
    scales={"quick": {"sizes": (20, 40, 80, 160), "margin": 0.1, "budget": 40_000}},
)

CLAIMS = (D4, D4_RANDOM, D4_GAINS, D4_LADDER, D4_PATH, D4_CLOSED, D7)
