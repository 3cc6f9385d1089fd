"""Claims ex.E2 to ex.E5: what boxplots of estimation and prediction errors show as the horizon grows."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.claim import Claim, Mutant
from claims.exp3._paper import DECREASING, LOSSES, PAPER
from simulations.exp3 import measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
COLUMN = {name: i for i, name in enumerate(measures.ESTIMATE_OUTPUTS)}


def boxes(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: float,
    exponent: float,
    scale: float,
    time: float,
    mean_losses: ArrayLike,
    runs: int,
) -> Array:
    """Return what boxplots of `runs` runs show at eta = `scale` n^-`exponent`, one box a replicate.

    [half the distance of the quartiles of theta-hat/theta, median of |theta-hat/theta - 1|, median of the mean over
    the rounds of |p^ - p|^2], the likelihood of round(`time` `n`^`exponent`) rounds maximised over the rates from 0.4
    to 2.5 times the truth. `rng` and `mean_losses` as in `estimates`. The result has shape (`replicates`, 3).
    """
    rounds = max(1, round(time * n**exponent))
    setting: dict[str, Any] = {"learning_rate": scale * n**-exponent, "mean_losses": mean_losses, "rounds": rounds}
    found = measures.estimates(rng, replicates * runs, low=0.4, high=2.5, **setting)
    error, squared = (found[:, COLUMN[name]].reshape(replicates, runs) for name in ("error", "squared_distance"))
    low, high = np.quantile(error, [0.25, 0.75], axis=1)
    middles = np.median(np.abs(error), axis=1), np.median(squared, axis=1) / rounds
    return np.column_stack([(high - low) / 2, *middles])


def _run(n: float, exponent: float, scale: float, time: float) -> tuple[float, int]:
    """Learning rate and rounds."""
    return scale * n**-exponent, max(1, round(time * n**exponent))


def _estimation(
    which: str = "right", *, n: float, exponent: float, scale: float, time: float, mean_losses: Any, **_: Any
) -> Array:
    """[half box, median error] of the Gaussian limit; or a wrong version."""
    rate, rounds = _run(n, exponent, scale, time)
    spread = float(theory.mle_standard_deviation(rate, rate * rounds, mean_losses))
    if which == "the same box at every n":
        spread = float(theory.mle_standard_deviation(scale * 3000.0**-exponent, rate * rounds, mean_losses))
    if which == "n^-alpha for n^(-alpha/2)":
        spread *= rate**0.5
    if which == "whole box for half":
        spread *= 2
    half = 1.0 if which == "standard deviation for quartile" else 0.6745
    return half * spread * np.ones(2)


def _prediction(
    which: str = "right", *, n: float, exponent: float, scale: float, time: float, mean_losses: Any, **_: Any
) -> float:
    """Median of the mean squared prediction error in the limit; or a wrong version."""
    rate, rounds = _run(n, exponent, scale, time)
    level = 0.75 if which == "upper quartile for median" else 0.5
    value = float(theory.prediction_quantile(level, rate * rounds, mean_losses)) / rounds
    if which == "mean for median":
        value = float(theory.mean_prediction_error(rate * rounds, mean_losses)) / rounds
    if which == "not divided by the rounds":
        value *= rounds
    if which == "n^(-alpha/2) for n^-alpha":
        value *= rounds**0.5
    return value


def _horizons(horizons: tuple[int, ...], runs: int, scale: float, time: float, *losses: Any) -> tuple[Any, ...]:
    """Settings of one figure."""
    common = {"exponent": 0.5, "scale": scale, "time": time, "runs": runs}
    return tuple({"n": n, "mean_losses": means, **common} for means in losses for n in horizons)


TWO_ARMS = _horizons((6400, 25_600, 102_400), 100, 1.1, 2.0, (0.9, 0.0))
FOUR_ARMS = _horizons((6400, 25_600), 40, 0.9, 2.4, (0.9, 0.6, 0.3, 0.0), (0.0, 0.9, 0.2, 0.5))
PARAMETERS = "n, theta, alpha = 1/2, losses and truncation chosen here: the figure's are not known"
FIGURE: dict[str, Any] = {
    "provenance": "reconstructed",
    "assumptions": (LOSSES, DECREASING, "truncated at tau n^alpha rounds", PARAMETERS, "a tendency: counted cases"),
    "kind": "tendency",
    "measure": boxes,
    "margin": 0.12,  # the limit's own error of order eta, some 5 %, and 2 % of noise
    "budget": 64,
    "block": 16,
}
ESTIMATION: dict[str, Any] = {
    "predict": _estimation,
    "equations": {"theory.exp3.mle_standard_deviation": "(eta/J)^(1/2)"},
    "columns": (0, 1),
    "outputs": ("half the box", "median error"),
    "mutants": tuple(
        Mutant(name=which, predict=partial(_estimation, which))
        for which in (
            "the same box at every n",
            "n^-alpha for n^(-alpha/2)",
            "whole box for half",
            "standard deviation for quartile",
        )
    ),
}
PREDICTION: dict[str, Any] = {
    "predict": _prediction,
    "equations": {"theory.exp3.prediction_quantile": "median of (Q/J) chi^2_1"},
    "columns": (2,),
    "outputs": ("median error",),
    "mutants": tuple(
        Mutant(name=which, predict=partial(_prediction, which))
        for which in (
            "mean for median",
            "upper quartile for median",
            "not divided by the rounds",
            "n^(-alpha/2) for n^-alpha",
        )
    ),
}
BOXES = (
    r"\text{half box of }\hat\theta/\theta\approx0.6745\sqrt{\eta/J(S)},\text{ so is the median }|\hat\theta/\theta-1|"
)
ERRORS = r"\text{median of }\tfrac1T\sum_{t\le T}\|\hat p_t-p_t\|_2^2\approx0.4549\,\tfrac{Q(S)/J(S)}T"

E2 = Claim(
    id="ex.E2",
    title="Two arms: the boxes of the estimates shrink like n^(-alpha/2)",
    statement=BOXES,
    source=f"{PAPER}, figure of estimation errors with two arms",
    settings=TWO_ARMS,
    scales={"quick": {"settings": TWO_ARMS[:2]}},
    **{**FIGURE, **ESTIMATION},
)
E3 = Claim(
    id="ex.E3",
    title="Two arms: the boxes of the prediction errors shrink like n^-alpha",
    statement=ERRORS,
    source=f"{PAPER}, figure of prediction errors with two arms",
    settings=TWO_ARMS,
    scales={"quick": {"settings": TWO_ARMS[:2]}},
    **{**FIGURE, **PREDICTION, "margin": 0.2},
)
E4 = Claim(
    id="ex.E4",
    title="Four arms: the boxes of the estimates shrink as with two",
    statement=BOXES,
    source=f"{PAPER}, figure of estimation errors with four arms",
    settings=FOUR_ARMS,
    scales={"quick": {"settings": FOUR_ARMS[:1]}},
    **{**FIGURE, **ESTIMATION},
)
E5 = Claim(
    id="ex.E5",
    title="Four arms: the boxes of the prediction errors shrink as with two",
    statement=ERRORS,
    source=f"{PAPER}, figure of prediction errors with four arms",
    settings=FOUR_ARMS,
    scales={"quick": {"settings": FOUR_ARMS[:1]}},
    **{**FIGURE, **PREDICTION, "margin": 0.2},
)

CLAIMS = (E2, E3, E4, E5)
