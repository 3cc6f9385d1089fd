"""Claims ex.T3, ex.T4, ex.D4.box and ex.D5: errors of the truncated maximum likelihood, their rates and their law."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import root_scalar
from scipy.special import erf

from assay.claim import Claim, Mutant
from claims.exp3._paper import ABSTRACT, DECREASING, DERIVED, LOSSES, MEAN_FIELD
from simulations.exp3 import candidate_measures, measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
COLUMN = {name: i for i, name in enumerate(measures.ESTIMATE_OUTPUTS)}
RATES_LOW, RATES_HIGH = 0.4, 2.5  # the set of candidates, in units of the true rate


# ---------------------------------------------------------------- T3, T4: rates


def decreasing_rate_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: float,
    exponent: float,
    scale: float,
    time: float,
    mean_losses: ArrayLike,
) -> Array:
    """Return [|theta-hat/theta - 1|, mean over the rounds used of |p^ - p|^2] at eta = `scale` n^-`exponent`.

    The likelihood of round(`time` `n`^`exponent`) rounds, maximised over the rates from 0.4 to 2.5 times the truth.
    `rng`, `replicates` and `mean_losses` as in `estimates`. The result has shape (replicates, 2).
    """
    setting = _one_run(n, exponent, scale, time)
    found = measures.estimates(rng, replicates, mean_losses=mean_losses, low=RATES_LOW, high=RATES_HIGH, **setting)
    chosen = found[:, [COLUMN["absolute_error"], COLUMN["squared_distance"]]]
    return chosen / np.array([1.0, setting["rounds"]])


def _one_run(n: float, exponent: float, scale: float, time: float) -> dict[str, Any]:
    """Learning rate and rounds at the horizon n."""
    return {"learning_rate": scale * n**-exponent, "rounds": max(1, round(time * n**exponent))}


def _error_exponent(factor: float = 1.0, *, exponent: float, **_: Any) -> float:
    """alpha/2 times a wrong `factor`."""
    return factor * exponent / 2


def _prediction_exponent(factor: float = 1.0, *, exponent: float, **_: Any) -> float:
    """alpha times a wrong `factor`."""
    return factor * exponent


WRONG_POWERS = {"no decrease": 0.0, "half the exponent": 0.5, "three halves of the exponent": 1.5, "twice it": 2.0}
RATE: dict[str, Any] = {
    "provenance": "reconstructed",
    "kind": "rate",
    "margin": 0.05,
    "measure": decreasing_rate_errors,
    "sizes": (3000.0, 30_000.0, 300_000.0),
    "block": 128,
}
ONE_ZERO_LOSS = (
    {"exponent": 0.5, "scale": 0.55, "time": 4.0, "mean_losses": (0.8, 0.0)},
    {"exponent": 0.6, "scale": 1.3, "time": 1.5, "mean_losses": (0.8, 0.0)},
)
SLOWER = "the law at fixed n has mean-field constants: ex.D4.box, ex.D5; a slower published rate would be a bound"

T4 = Claim(
    id="ex.T4",
    title="Two arms, one without loss: the estimation error falls like n^(-alpha/2)",
    statement=r"\hat\theta-\theta=O_P(n^{-\alpha/2}),\quad\eta=\theta n^{-\alpha},\ T=\lfloor\tau n^\alpha\rceil",
    source=f"{ABSTRACT}; the exponent is derived here",
    assumptions=(LOSSES, DECREASING, "K = 2, one arm pays nothing", "truncated at tau n^alpha rounds", SLOWER),
    predict=_error_exponent,
    settings=ONE_ZERO_LOSS,
    columns=(0,),
    outputs=("estimation error",),
    budget=20_000,
    mutants=tuple(Mutant(name=n, predict=partial(_error_exponent, f)) for n, f in WRONG_POWERS.items()),
    scales={
        "quick": {
            "settings": ONE_ZERO_LOSS[1:],
            "sizes": (1000.0, 10_000.0, 100_000.0),
            "margin": 0.06,
            "budget": 3000,
        }
    },
    **RATE,
)

THREE_ARMS = {"exponent": 0.5, "scale": 0.55, "time": 4.0, "mean_losses": (0.9, 0.5, 0.1)}

T3 = Claim(
    id="ex.T3",
    title="The prediction error falls like n^(-alpha)",
    statement=(
        r"\tfrac1T\sum_{t\le T}\|p_t(\hat\theta)-p_t(\theta)\|_2^2=O_P(n^{-\alpha}),\quad\eta=\theta n^{-\alpha},\ "
        r"T=\lfloor\tau n^\alpha\rceil"
    ),
    source=f"{ABSTRACT}; the exponent, and the squared norm for the error, are derived here",
    assumptions=(LOSSES, DECREASING, "truncated at tau n^alpha rounds", "the bound of ex.D8 has the same exponent"),
    predict=_prediction_exponent,
    settings=(ONE_ZERO_LOSS[0], THREE_ARMS),
    columns=(1,),
    outputs=("mean squared prediction error",),
    budget=20_000,
    mutants=tuple(Mutant(name=n, predict=partial(_prediction_exponent, f)) for n, f in WRONG_POWERS.items()),
    scales={
        "quick": {"settings": ONE_ZERO_LOSS[:1], "sizes": (500.0, 5000.0, 50_000.0), "margin": 0.15, "budget": 3000}
    },
    **{**RATE, "sizes": (1000.0, 10_000.0, 100_000.0), "margin": 0.08},
)


# ---------------------------------------------------------------- T4.equal: no consistency without a best arm


EQUAL = ({"exponent": 0.5, "scale": 0.8, "time": 2.0, "mean_losses": (0.6, 0.6)},)

T4_EQUAL = Claim(
    id="ex.T4.equal",
    title="The rate n^(-alpha/2) holds for any losses, equal ones too (false)",
    statement=r"\ell_1=\ell_2:\quad\hat\theta-\theta=O_P(n^{-\alpha/2})",
    source="the abstract's rate read without its condition; false",
    assumptions=(
        LOSSES,
        DECREASING,
        "counterexample: two arms with losses .6; the error does not fall, its information is O(1)",
    ),
    expected="refuted",
    corrected_by="ex.D7",
    predict=_error_exponent,
    settings=EQUAL,
    columns=(0,),
    outputs=("estimation error",),
    budget=4000,
    **{**RATE, "provenance": "derived", "sizes": (1000.0, 5000.0, 25_000.0)},
)


# ---------------------------------------------------------------- T4.exit: truncation at the learner's own exit


def own_exit_ratios(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    threshold: float,
) -> Array:
    """Return the estimate on [0.4, 2.5] times the truth, over the truth, (replicates, 1).

    From the rounds before the learner itself first gives some arm less than `threshold`. `rng`, `replicates` and the
    other arguments as in `estimates`.
    """
    found = measures.estimates(
        rng,
        replicates,
        learning_rate=learning_rate,
        mean_losses=mean_losses,
        rounds=rounds,
        threshold=threshold,
        low=RATES_LOW,
        high=RATES_HIGH,
    )
    return 1.0 + found[:, [COLUMN["error"]]]


def _most_likely(column: str, rng: np.random.Generator, replicates: int, setting: dict[str, Any]) -> Array:
    """The most likely of candidates from 0.1 to 10 times the truth, over the truth, (replicates, 1)."""
    ratios = tuple(np.geomspace(0.1, 10.0, 13))
    found = candidate_measures.estimates_candidate_truncation(rng, replicates, ratios=ratios, **setting)
    return found[:, [candidate_measures.TRUNCATION_OUTPUTS.index(column)]]


def exits_of_candidates(rng: np.random.Generator, replicates: int, **setting: Any) -> Array:
    """Return the same when every candidate stops at its own exit (M7), (replicates, 1).

    `rng`, `replicates` and `setting` as in `own_exit_ratios`.
    """
    return _most_likely("total", rng, replicates, setting)


def mean_exits_of_candidates(rng: np.random.Generator, replicates: int, **setting: Any) -> Array:
    """Return the same when every candidate's likelihood is divided by its number of terms, (replicates, 1).

    `rng`, `replicates` and `setting` as in `own_exit_ratios`.
    """
    return _most_likely("per_round", rng, replicates, setting)


def _consistent(value: float = 1.0, **_: Any) -> float:
    """The limit of the ratio of estimate and truth: 1, or a wrong `value`."""
    return value


T4_EXIT = Claim(
    id="ex.T4.exit",
    title="The estimate is consistent when the likelihood ends at the learner's own first exit",
    statement=(
        r"\mathbb E\,\hat\eta/\eta\to1,\quad T=\min\{t:\min_kp_{k,t}(\eta)<\varepsilon\}-1,\ "
        r"\text{the exit of the process, not of the candidate}"
    ),
    source=f"{DERIVED}; a truncation that only a simulation can use",
    provenance="derived",
    assumptions=(
        LOSSES,
        "eta -> 0 at fixed epsilon; here eta = 0.003",
        "the maximum over rates from 0.4 to 2.5 times the truth",
    ),
    proof="the exit is a stopping time, so the score identities of ex.D1 hold; the information grows like 1/eta^3",
    kind="limit",
    predict=_consistent,
    measure=own_exit_ratios,
    settings=(
        {"mean_losses": (0.8, 0.0), "threshold": 0.15, "learning_rate": 0.003, "rounds": 1500},
        {"mean_losses": (0.6, 0.0, 0.0), "threshold": 0.12, "learning_rate": 0.003, "rounds": 1500},
    ),
    outputs=("estimate over truth",),
    margin=0.03,  # the bias at eta = 0.003: -0.7 and -1.3 %
    budget=6000,
    block=64,
    mutants=(
        Mutant(name="M7: truncated at the candidate's own first exit", measure=exits_of_candidates),
        Mutant(name="M7: the same, divided by the number of terms", measure=mean_exits_of_candidates),
        Mutant(name="inconsistent by eight percent", predict=partial(_consistent, 1.08)),
        Mutant(name="inconsistent by minus eight percent", predict=partial(_consistent, 0.92)),
    ),
    scales={"quick": {"margin": 0.05}},
)


# ---------------------------------------------------------------- D4.box, D5: the law


def fitted_events(
    rng: np.random.Generator,
    replicates: int,
    *,
    learning_rate: float,
    mean_losses: ArrayLike,
    rounds: int,
    widths: ArrayLike,
    levels: ArrayLike,
    **other: Any,
) -> Array:
    """Return events of the maximum-likelihood estimate on [0.4, 2.5] times the truth, and its prediction error.

    1 where |error| <= w eta^(1/2) for every w of `widths`; 1 where 2 (L(estimate) - L(truth)) <= c for every c of
    `levels`; the same for 2 sum_t KL(p_t | p^_t); then sum_t |p^_t - p_t|^2. `rng`, `replicates`, `learning_rate`,
    `mean_losses`, `rounds` and `other` as in `estimates`. The result has shape (replicates, outputs).
    """
    found = measures.estimates(
        rng,
        replicates,
        learning_rate=learning_rate,
        mean_losses=mean_losses,
        rounds=rounds,
        low=RATES_LOW,
        high=RATES_HIGH,
        **other,
    )
    error, ratio, twice, squared = (
        found[:, [COLUMN[name]]]
        for name in ("absolute_error", "likelihood_ratio", "twice_divergence", "squared_distance")
    )
    box = error <= np.asarray(widths) * np.sqrt(learning_rate)
    below = np.asarray(levels)
    return np.hstack([box, ratio <= below, twice <= below, squared]).astype(np.float64)


def _at_rate(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A `setting` with a scaled time at the learning rate 1/`size`."""
    rest = {name: value for name, value in setting.items() if name != "scaled_time"}
    return {**rest, "learning_rate": 1 / size, "rounds": round(setting["scaled_time"] * size)}


def _box(
    which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, widths: Any, **_: Any
) -> NDArray[Any]:
    """P(|error| <= w eta^(1/2)) of the Gaussian limit; or a wrong version."""
    time = learning_rate * rounds
    spread = float(theory.mle_standard_deviation(learning_rate, time, mean_losses)) / learning_rate**0.5
    if which == "J for its root":
        spread **= 2
    if which == "variance one over S":
        spread = time**-0.5
    spread *= {"half J": 2**0.5, "twice J": 0.5**0.5}.get(which, 1.0)
    return erf(np.asarray(widths) / spread / 2**0.5)


def _chance(level: float) -> float:
    """P(chi^2_1 <= `level`), by the quantiles of the theory."""
    found = root_scalar(
        lambda p: float(theory.likelihood_ratio_quantile(p)) - level, bracket=(1e-9, 1 - 1e-9), xtol=1e-14
    )
    return float(found.root)


def _wilks(which: str = "right", *, levels: Any, **_: Any) -> Array:
    """[P(2 (L - L) <= c), P(2 sum KL <= c)] of the limit; or a wrong version."""
    values = np.asarray(levels, dtype=float)
    if which == "two degrees of freedom":
        return np.tile(1 - np.exp(-values / 2), 2)
    values = values * {"not doubled": 2.0, "doubled twice": 0.5, "a quarter more": 1.25}.get(which, 1.0)
    return np.tile([_chance(value) for value in values], 2)


def _prediction(which: str = "right", *, learning_rate: float, mean_losses: Any, rounds: int, **_: Any) -> float:
    """Q/J, or a wrong version of it."""
    time = learning_rate * rounds
    right = float(theory.mean_prediction_error(time, mean_losses))
    information = float(theory.mean_field_information(time, mean_losses))
    wrong = {"1/K": 1 / len(mean_losses), "Q": right * information, "chi^2 for its share": 1.0, "Q/(2 J)": right / 2}
    return wrong.get(which, right)


TWO_ARMS = {"mean_losses": (0.7, 0.0), "scaled_time": 2.0, "widths": (0.85,), "levels": (2.0, 3.84)}
FITTED = (TWO_ARMS, {"mean_losses": (0.9, 0.3), "scaled_time": 1.8, "widths": (1.05,), "levels": (2.0, 3.84)})
LAW: dict[str, Any] = {
    "source": DERIVED,
    "provenance": "derived",
    "assumptions": (LOSSES, MEAN_FIELD, "the maximum over rates from 0.4 to 2.5 times the truth"),
    "kind": "limit",
    "measure": fitted_events,
    "settings": FITTED,
    "at_size": _at_rate,
    "sizes": (40, 80, 160, 320),
    "block": 256,
    "budget": 40_000,
}

D4_BOX = Claim(
    id="ex.D4.box",
    title="The estimate's error is Gaussian with variance eta/J",
    statement=r"P\bigl(|\hat\eta/\eta-1|\le w\sqrt\eta\bigr)\to\mathrm{erf}\bigl(w\sqrt{J(S)/2}\bigr),\quad S=\eta T",
    equations={"theory.exp3.mle_standard_deviation": "(eta/J)^(1/2)"},
    predict=_box,
    columns=(0,),
    outputs=("share in the box",),
    margin=0.05,  # noise: a share of runs, extrapolated over four rates
    mutants=tuple(
        Mutant(name=which, predict=partial(_box, which))
        for which in ("J for its root", "variance one over S", "half J", "twice J")
    ),
    scales={"quick": {"settings": FITTED[:1], "sizes": (20, 40, 80, 160), "margin": 0.1, "budget": 8000}},
    **LAW,
)

D5 = Claim(
    id="ex.D5",
    title="Likelihood ratio and divergence of predictions are chi-square",
    statement=(r"2[L_T(\hat\eta)-L_T(\eta)]\to\chi^2_1,\quad 2\sum_{t\le T}\mathrm{KL}(p_t\|\hat p_t)\to\chi^2_1"),
    equations={"theory.exp3.likelihood_ratio_quantile": "quantiles of chi^2 with one degree of freedom"},
    predict=_wilks,
    columns=(1, 2, 3, 4),
    outputs=("ratio below 2", "ratio below 3.84", "divergence below 2", "divergence below 3.84"),
    margin=0.025,  # noise, as in ex.D4.box
    mutants=tuple(
        Mutant(name=which, predict=partial(_wilks, which))
        for which in ("two degrees of freedom", "not doubled", "doubled twice", "a quarter more")
    ),
    scales={"quick": {"settings": FITTED[:1], "sizes": (20, 40, 80, 160), "margin": 0.05, "budget": 8000}},
    **LAW,
)

D5_PREDICTION = Claim(
    id="ex.D5.prediction",
    title="Squared prediction error of the estimate",
    statement=r"\mathbb E\sum_{t\le T}\|\hat p_t-p_t\|_2^2\to Q(S)/J(S)",
    equations={"theory.exp3.mean_prediction_error": "Q/J"},
    predict=_prediction,
    columns=(5,),
    outputs=("summed squared distance",),
    margin=0.08,  # noise: heavy tails of a squared error, extrapolated
    mutants=tuple(
        Mutant(name=which, predict=partial(_prediction, which))
        for which in ("1/K", "Q", "chi^2 for its share", "Q/(2 J)")
    ),
    scales={"quick": {"settings": FITTED[:1], "sizes": (20, 40, 80, 160), "margin": 0.2, "budget": 8000}},
    **LAW,
)

CLAIMS = (T3, T4, T4_EQUAL, T4_EXIT, D4_BOX, D5, D5_PREDICTION)
