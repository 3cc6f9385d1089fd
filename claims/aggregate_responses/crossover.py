"""Claim ar.T2: which of bag level and instance level wins."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.aggregate_responses import _wachter_route as wachter
from claims.aggregate_responses._paper import LIMIT, PAPER
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _crossover_form(which: str = "right", *, psi: float, k: float) -> float:
    """The SNR below which instance level wins, or a wrong version of it."""
    value = float(theory.crossover_snr(psi, k))
    variance = 1 / (psi / k - 1) if psi > k else psi / (k - psi)
    bias = 0.0 if psi > k else 1 - psi / k
    instance = (k - 1) ** 2 / k**2 + (k - 1) / (k**2 * (psi - 1))
    return {
        "right": value,
        "reciprocal": 1 / value if value else math.inf,
        "variance of instance level dropped": variance / (instance - bias),
        "bias of instance level without fluctuation": (variance - 1 / (k * (psi - 1))) / ((k - 1) ** 2 / k**2 - bias),
        "bias of bag level dropped": (variance - 1 / (k * (psi - 1))) / instance,
        "two percent too large": 1.02 * value,
    }[which]


def _crossover_root(*, psi: float, k: float) -> float:
    """The SNR of equal risks by bisection on averages over the Wachter law."""
    return wachter.crossover(psi, k)


T2 = Claim(
    id="ar.T2",
    title="Bag level or instance level: the signal-to-noise ratio decides",
    statement=(
        r"\psi>k:\ \text{instance level wins iff}\ \text{SNR}<\frac{k((k+1)\psi-k)}{(\psi-k)((k-1)(\psi-1)+1)};\quad "
        r"1<\psi<k:\ \text{iff}\ \text{SNR}<\left[\frac{\psi}{k-\psi}-\frac{1}{k(\psi-1)}\right]"
        r"\frac{k^2(\psi-1)}{k(\psi^2-3\psi+3)+\psi-2}"
    ),
    source=f"{PAPER}, lemma on the signal-to-noise threshold (existence seen, formula derived)",
    provenance="reconstructed",
    assumptions=(LIMIT, "n > d", "for psi < k: bag level of least norm", "never where the bracket is negative"),
    proof="Both risks are linear in r^2 and sigma^2; equate ar.C2 with ar.C1 or ar.C3.",
    equations={"theory.aggregate_responses.crossover_snr": "both thresholds"},
    kind="identity",
    margin=1e-10,
    predict=_crossover_form,
    measure=_crossover_root,
    settings=tuple(
        {"psi": psi, "k": k}
        for psi, k in ((6, 2), (6, 5), (3.5, 3), (50, 10), (7, 2.5), (2, 4), (3, 10), (1.5, 3), (1.1, 3))
    ),
    mutants=tuple(
        Mutant(name=name, predict=partial(_crossover_form, name), settings=settings)
        for name, settings in (
            ("reciprocal", (0, 1, 2, 3, 4, 5, 6, 7)),
            ("variance of instance level dropped", ()),
            ("bias of instance level without fluctuation", ()),
            ("bias of bag level dropped", (5, 6, 7)),
            ("two percent too large", (0, 1, 2, 3, 4, 5, 6, 7)),
        )
    ),
)


def _winner_loses(side: str, level: str, *, above_k: float, k: float, far: float) -> float:
    """Risk of "bag" or "instance" `level` in units of the signal at an SNR `far` times below or above the threshold."""
    psi = k * (1 + above_k)
    snr = float(theory.crossover_snr(psi, k)) * (far if side == "above" else 1 / far)
    risk = theory.limit_risk(psi, k, 0.0 if level == "bag" else 1.0, signal=1.0, noise_variance=1 / snr)
    return float(risk.total)


SIDES = {"above_k": Range(1e-3, 30, log=True), "k": Range(1.02, 30, log=True), "far": Range(1.0001, 100, log=True)}


def _sided(level: str, *, side: str, **point: float) -> float:
    """The risk of the `level` said to win ("winner") or to lose ("loser") on a side of the threshold."""
    bag = (side == "above") == (level == "winner")
    return _winner_loses(side, "bag" if bag else "instance", **point)


def _same_level(level: str, *, side: str, **point: float) -> float:
    """As if one level won on both sides."""
    return _winner_loses(side, level, **point)


T2_SIDES = Claim(
    id="ar.T2.sides",
    title="Below the threshold instance level wins, above it bag level",
    statement=(
        r"\text{SNR}<\text{SNR}^*\Rightarrow R_{ins}\le R_{bag};\quad "
        r"\text{SNR}>\text{SNR}^*\Rightarrow R_{bag}\le R_{ins}"
    ),
    source=f"{PAPER}, lemma on the signal-to-noise threshold",
    provenance="reconstructed",
    assumptions=(LIMIT, "psi > k"),
    equations={
        "theory.aggregate_responses.crossover_snr": "SNR*",
        "theory.aggregate_responses.limit_risk": "both risks",
    },
    kind="bound",
    predict=partial(_sided, "loser"),
    measure=partial(_sided, "winner"),
    settings=({"side": "below"}, {"side": "above"}),
    domain=SIDES,
    restarts=400,
    mutants=(
        Mutant(name="the other way", predict=partial(_sided, "winner"), measure=partial(_sided, "loser")),
        Mutant(
            name="instance level always wins",
            predict=partial(_same_level, "bag"),
            measure=partial(_same_level, "instance"),
        ),
        Mutant(
            name="bag level always wins",
            predict=partial(_same_level, "instance"),
            measure=partial(_same_level, "bag"),
        ),
    ),
    scales={"quick": {"restarts": 100}, "paper": {"restarts": 10_000}},
)

CLAIMS = (T2, T2_SIDES)
