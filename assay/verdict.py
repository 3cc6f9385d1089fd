"""From an estimate with its error to holds, refuted or undecided; the values that record it.

One `Estimate` per case (setting x output): how far the measurement lies from the prediction, with the standard
error of that deviation after `count` replicates. `decide` applies the suite's two intervals to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Outcome
from assay.interval import ALPHA_HOLDS, ALPHA_REFUTED, detectable_error, first_look, half_width, replicates_needed
from assay.moments import Moments

__all__ = [
    "Case",
    "Estimate",
    "Verdict",
    "counted",
    "decide",
    "deviation_estimates",
    "interval",
    "make_case",
    "overall",
]

BATCH = 16  # replicates a batch mean, for samples whose skewness exceeds BATCH_ABOVE
BATCH_ABOVE = 4.0


@dataclass(frozen=True)
class Estimate:
    """Deviation of measurement from prediction: value, its standard error and skewness after `count` replicates.

    `count` = 0 marks a deterministic comparison. `measured` and `predicted` are for display (nan where several
    sizes were combined); `slope`, `note` describe a finite-size fit. `usable` is False when that fit fails; `inflation`
    >= 1 is then the factor by which its residuals exceed their errors.
    """

    deviation: float
    standard_error: float
    skewness: float
    count: int
    measured: float = math.nan
    predicted: float = math.nan
    slope: float | None = None
    note: str = ""
    usable: bool = True
    inflation: float = 1.0


@dataclass(frozen=True)
class Case:
    """One judged comparison, with everything the ledger says of it."""

    setting: int
    label: str
    outcome: Outcome
    estimate: Estimate
    low: float
    high: float
    keys: int
    detectable: float
    missing: float


@dataclass(frozen=True)
class Verdict:
    """What was computed for one claim: the outcome, why, the cases behind it and the fate of its mutants.

    `admissible` counts the inputs that met the hypotheses; `worst` describes the worst case of a bound or identity
    and `tightness` the largest left/right met; `certificates` hold the packed trees of a proof;
    `mutants` maps a mutant's name to refuted, surviving or equivalent.
    """

    outcome: Outcome
    reason: str
    cases: tuple[Case, ...] = ()
    admissible: int = 0
    worst: Mapping[str, Any] = field(default_factory=dict)
    tightness: float | None = None
    certificates: tuple[str, ...] = ()
    mutants: Mapping[str, str] = field(default_factory=dict)
    wall_time: float = 0.0

    @property
    def replicates(self) -> int:
        """The largest number of replicates behind any case."""
        return max((case.estimate.count for case in self.cases), default=0)

    @property
    def keys(self) -> int:
        """Independent sets of seeds used: 2 where a refutation was confirmed."""
        return max((case.keys for case in self.cases), default=0)

    @property
    def surviving(self) -> tuple[str, ...]:
        """Names of mutants that the claim's own check failed to refute."""
        return tuple(name for name, fate in self.mutants.items() if fate == "surviving")


def interval(estimate: Estimate, alpha: float, optimal_count: float) -> float:
    """Half-width of the time-uniform interval around `estimate` at level `alpha`; 0 for a deterministic comparison.

    `optimal_count` is the replicate count at which the sequence is tightest. Strongly skewed samples are treated as
    means of batches of 16: same mean, variance / 16, skewness / 4.
    """
    if estimate.count == 0:
        return 0.0
    batch = BATCH if abs(estimate.skewness) > BATCH_ABOVE else 1
    batches = estimate.count / batch
    return half_width(batches, alpha, max(optimal_count / batch, 1.0)) * math.sqrt(batches) * estimate.standard_error


def decide(estimate: Estimate, margin: float, slack: float, optimal_count: float) -> Outcome:
    """holds, refuted (at this key) or undecided (so far) for one estimate; see `assay.interval` for the levels.

    `margin` certifies, `slack` forgives, `optimal_count` is where the interval is tightest (see `interval`); nothing
    is decided before the first look that the skewness allows. A finite-size fit that does not describe the data
    certifies nothing, and refutes only beyond its error times the inflation that its own residuals show.
    """
    if estimate.count and estimate.count < first_look(estimate.skewness):
        return "undecided"
    deviation = abs(estimate.deviation)
    if estimate.usable and deviation + interval(estimate, ALPHA_HOLDS, optimal_count) <= margin:
        return "holds"
    if deviation - estimate.inflation * interval(estimate, ALPHA_REFUTED, optimal_count) > slack:
        return "refuted"
    return "undecided"


def deviation_estimates(moments: Moments, predicted: NDArray[np.float64], relative: bool) -> list[Estimate]:
    """One estimate per output of `moments` against `predicted` (same size): measured/predicted - 1, or the difference.

    A relative deviation from a prediction of zero is 0 where the measurement is exactly zero, infinite otherwise.
    """
    mean = np.ravel(moments.mean)
    target = np.ravel(np.asarray(predicted, dtype=float))
    if mean.shape != target.shape:
        raise ValueError(f"measure returned {mean.size} outputs but predict {target.size}")
    scale = np.abs(target) if relative else np.ones_like(target)
    difference = mean - target
    with np.errstate(divide="ignore", invalid="ignore"):
        deviation = np.where(difference == 0, 0.0, difference / scale)
        error = np.where(scale == 0, 0.0, np.ravel(moments.standard_error) / scale)
    skewness = np.ravel(moments.skewness)
    return [
        Estimate(float(d), float(e), float(g), moments.count, float(m), float(p))
        for d, e, g, m, p in zip(deviation, error, skewness, mean, target, strict=True)
    ]


def make_case(
    setting: int, label: str, estimate: Estimate, outcome: Outcome, keys: int, margin: float, optimal_count: float
) -> Case:
    """The record of a judged `estimate`, with its interval, smallest detectable error and missing replicates.

    `setting` and `label` say which case it is, `outcome` how it was judged with `margin` at which of the `keys`,
    `optimal_count` as for `interval`.
    """
    half = interval(estimate, ALPHA_HOLDS, optimal_count)
    spread = estimate.standard_error * math.sqrt(estimate.count)
    needed = replicates_needed(estimate.deviation, spread, margin) if outcome == "undecided" else 0.0
    return Case(
        setting=setting,
        label=label,
        outcome=outcome,
        estimate=estimate,
        low=estimate.deviation - half,
        high=estimate.deviation + half,
        keys=keys,
        detectable=detectable_error(spread, estimate.count) if estimate.count else 0.0,
        missing=max(0.0, needed - estimate.count),
    )


def overall(cases: Sequence[Case]) -> tuple[Outcome, str]:
    """The claim's outcome from its cases: any confirmed refutation refutes, all must hold for it to hold."""
    refuted = [case for case in cases if case.outcome == "refuted"]
    if refuted:
        worst = max(refuted, key=lambda case: abs(case.estimate.deviation))
        return "refuted", f"{worst.label} off by {worst.estimate.deviation:+.3g}"
    open_cases = [case for case in cases if case.outcome != "holds"]
    if open_cases:
        worst = max(open_cases, key=lambda case: case.missing)
        return "undecided", _why_undecided(worst, len(open_cases), len(cases))
    worst = max(cases, key=lambda case: max(abs(case.low), abs(case.high)))
    largest = max(abs(worst.low), abs(worst.high))
    count = "1 case" if len(cases) == 1 else f"{len(cases)} cases"
    return "holds", f"{count} within {largest:.2g} ({worst.label})"


def counted(claim: Claim, cases: Sequence[Case]) -> tuple[Outcome, str]:
    """A tendency's outcome: the fraction of `cases` within the margin against the fraction that `claim` asks for."""
    good = sum(case.outcome == "holds" for case in cases)
    worst = max(cases, key=lambda case: abs(case.estimate.deviation))
    reason = f"{good} of {len(cases)} cases within {claim.tolerance:g} ({claim.fraction:.0%} asked); "
    reason += f"worst {worst.label}: {worst.estimate.deviation:+.3g}"
    return "holds" if good >= claim.fraction * len(cases) else "refuted", reason


def _why_undecided(case: Case, count: int, total: int) -> str:
    """Words for the budget that is missing, or for the fit that failed."""
    if not case.estimate.usable:
        return f"{count} of {total} cases undecided: {case.label}: {case.estimate.note}"
    if math.isinf(case.missing):
        return f"{count} of {total} cases undecided: {case.label} deviates by {case.estimate.deviation:+.3g}"
    return f"{count} of {total} cases undecided: {case.label} needs about {case.missing:.2g} more replicates"
