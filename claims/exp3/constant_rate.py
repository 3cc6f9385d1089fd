"""Claims ex.E1 and ex.E6: the paper's figures of a constant rate and of exit times."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.exp3._paper import CONSTANT, DECREASING, LADDER, LOSSES
from simulations.exp3 import measures, process_measures
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
FIGURES = "the paper's figure of this name; its parameters were not seen, those here are ours"


# ---------------------------------------------------------------- E1: constant rate


def _at_horizon(setting: Any, size: float) -> dict[str, Any]:
    """The `setting` with `size` rounds."""
    return {**setting, "rounds": float(size)}


def _no_fall(exponent: float = 0.0, **setting: Any) -> float:
    """The exponent with which the mean absolute error falls."""
    del setting
    return exponent


WIDE = {"low": 0.3, "high": 3.0}

E1 = Claim(
    id="ex.E1",
    title="Constant rate: boxes of the estimator stand still from 1e9 to 1e15 rounds",
    statement=(r"\eta\text{ constant, on a plateau of }I_n:\quad \mathbb E|\hat\eta_n-\eta|\ \propto\ n^{0}"),
    source="figure Boxplot_etaconstant: " + FIGURES,
    provenance="reconstructed",
    assumptions=(LOSSES, LADDER, CONSTANT, "horizons from 1e9 to 1e15, between levels (ex.D10)"),
    proof="The next lossy pull has a probability below e^(-60000) a round: the data are the same at all horizons.",
    equations={"simulations.exp3.measures.ladder_estimates": "errors of the maximum-likelihood estimate"},
    kind="rate",
    margin=0.02,  # an exponent from noisy means; 0.05, n^(-1/20), is refuted
    predict=_no_fall,
    measure=measures.ladder_estimates,
    settings=(
        {"learning_rate": 0.625, "loss": 0.8, **WIDE},
        {"learning_rate": 0.4, "loss": 0.75, "n_arms": 3, **WIDE},
    ),
    outputs=("absolute error",),
    columns=(1,),
    sizes=(1e9, 1e11, 1e13, 1e15),
    at_size=_at_horizon,
    budget=16384,
    block=512,
    mutants=(
        Mutant(name="regular model, n^(-1/2)", predict=partial(_no_fall, 0.5)),
        Mutant(name="n^(-1/4)", predict=partial(_no_fall, 0.25)),
        Mutant(name="n^(-1/20)", predict=partial(_no_fall, 0.05)),
    ),
    scales={"quick": {"budget": 4096, "margin": 0.04}},
)

E1_NEVER = Claim(
    id="ex.E1.never",
    title="Constant rate: the boxes do not shrink at all, whatever the horizons (false)",
    statement=r"\eta\text{ constant}:\quad \mathbb E|\hat\eta_n-\eta|\propto n^0\quad\text{for }n=10^2,\dots,10^4",
    source="reading figure Boxplot_etaconstant, of which the parameters were not seen, at any rate and horizon",
    provenance="reconstructed",
    assumptions=(LOSSES, LADDER, CONSTANT),
    equations={"simulations.exp3.measures.ladder_estimates": "errors of the maximum-likelihood estimate"},
    kind="rate",
    expected="refuted",
    corrected_by="ex.E1",
    margin=0.05,  # half of the slope that refutes it
    predict=_no_fall,
    measure=measures.ladder_estimates,
    settings=({"learning_rate": 0.25, "loss": 0.8, **WIDE},),
    outputs=("absolute error",),
    columns=(1,),
    sizes=(1e2, 1e3, 1e4),
    at_size=_at_horizon,
    budget=4096,
    block=512,
)


# ---------------------------------------------------------------- E6: exits

SCALE, ALPHA = 0.3, 0.5


def _for_horizon(setting: Any, size: float) -> dict[str, Any]:
    """The `setting` with the rate 0.3 size^-1/2."""
    return {**setting, "learning_rate": SCALE * float(size) ** -ALPHA}


def _growth(exponent: float = -ALPHA, *, thresholds: Any, **setting: Any) -> Array:
    """The exponent with which the exit times fall (grow where negative)."""
    del setting
    return np.full(len(thresholds), exponent)


def _by_increments(
    rng: np.random.Generator, replicates: int, *, learning_rate: float, cumulative: bool = False, **setting: Any
) -> Array:
    """Exits where the rate is theta t^-alpha in round t, the same for every horizon."""
    del learning_rate
    how: dict[str, Any] = {"learning_rate": SCALE, "rate_exponent": ALPHA, "cumulative": cumulative}
    return process_measures.exit_rounds(rng, replicates, **how, **setting)


def _by_sums(rng: np.random.Generator, replicates: int, **setting: Any) -> Array:
    """The same where the rate of the round multiplies the sum of all estimates."""
    return _by_increments(rng, replicates, cumulative=True, **setting)


E6 = Claim(
    id="ex.E6",
    title="The first round with a probability below a threshold grows like n^alpha",
    statement=(
        r"\eta=\theta n^{-\alpha},\ T_\varepsilon=\min\{t:\min_kp_{k,t}<\varepsilon\}:\quad "
        r"\mathbb ET_\varepsilon\propto n^{\alpha}"
    ),
    source="figure Tmax_plot: " + FIGURES,
    provenance="reconstructed",
    assumptions=(LOSSES, DECREASING, "alpha = 1/2; overshoot shifts the exponent by less than the margin"),
    proof="eta T_eps tends to the time at which min softmax(-s l) = eps (ex.D3).",
    equations={"simulations.exp3.process_measures.exit_rounds": "first rounds below the thresholds"},
    kind="rate",
    margin=0.03,  # T is a whole number: steps of the ladder in a fitted exponent
    predict=_growth,
    measure=process_measures.exit_rounds,
    settings=(
        {"mean_losses": (0.8, 0.3), "thresholds": (0.05, 0.02), "max_rounds": 100_000},
        {"mean_losses": (0.9, 0.6, 0.3, 0.0), "thresholds": (0.05, 0.02), "max_rounds": 100_000},
    ),
    outputs=("threshold .05", "threshold .02"),
    columns=(0, 1),
    sizes=(1_000, 4_000, 16_000, 64_000),
    at_size=_for_horizon,
    budget=4096,
    block=256,
    mutants=(
        Mutant(
            name="M6: rate theta t^-alpha in round t, increments",
            measure=_by_increments,
        ),
        Mutant(
            name="M6: rate theta t^-alpha in round t, times the sum of all estimates",
            measure=_by_sums,
        ),
        Mutant(name="n^(alpha/2)", predict=partial(_growth, -ALPHA / 2)),
        Mutant(name="n^(1 - alpha/2)", predict=partial(_growth, ALPHA / 2 - 1.0)),
    ),
    scales={"quick": {"margin": 0.05, "budget": 1024}},
)


def _mean_exits(
    which: str = "right", *, learning_rate: float, mean_losses: Any, thresholds: Any, max_rounds: int
) -> Array:
    """Exact means of the exit times, or a wrong version."""
    del max_rounds
    arms, loss, levels = len(mean_losses), mean_losses[0], np.asarray(thresholds)
    if which == "M9":
        return np.log((1.0 - levels) / ((arms - 1) * levels)) / (learning_rate * loss)
    if which == "loss left out":
        loss = 1.0
    exact = theory.exit_time(learning_rate, levels, arms, loss)
    if which == "smallest value":
        return np.asarray(exact.sure_lower_bound)
    return np.asarray(exact.mean) - (which == "off by one") * 1.0


E6_MEAN = Claim(
    id="ex.E6.mean",
    title="The curves of the exit figure with one lossy arm, exactly",
    statement=r"\mathbb ET_\varepsilon=1+\frac{x_{m_\varepsilon}}{\eta\ell},\ m_\varepsilon=\min\{m:p_m<\varepsilon\}",
    source="figure Tmax_plot: " + FIGURES,
    provenance="reconstructed",
    assumptions=(LOSSES, LADDER),
    proof="Level m lasts 1/p_m rounds on average and x_{m+1} - x_m = eta l/p_m.",
    equations={
        "theory.exp3.exit_time": "mean, variance and smallest value",
        "simulations.exp3.process_measures.exit_rounds": "first rounds below the thresholds",
    },
    kind="exact",
    predict=_mean_exits,
    measure=process_measures.exit_rounds,
    settings=(
        {"learning_rate": 0.1, "mean_losses": (0.7, 0.0), "thresholds": (0.1, 0.05), "max_rounds": 20_000},
        {"learning_rate": 0.04, "mean_losses": (0.9, 0.0, 0.0, 0.0), "thresholds": (0.05, 0.02), "max_rounds": 20_000},
    ),
    outputs=("larger threshold", "smaller threshold"),
    columns=(0, 1),
    budget=100_000,
    block=1024,
    mutants=(
        Mutant(name="no overshoot, s/eta (M9)", predict=partial(_mean_exits, "M9")),
        *(
            Mutant(name=name, predict=partial(_mean_exits, name))
            for name in ("loss left out", "smallest value", "off by one")
        ),
        Mutant(name="M6: rate theta t^-alpha in round t", measure=_by_increments),
    ),
    scales={"quick": {"margin": 0.05, "budget": 12_000}},
)

CLAIMS = (E1, E1_NEVER, E6, E6_MEAN)
