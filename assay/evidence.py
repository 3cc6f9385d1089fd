"""Evidence without replicates: two routes to one number, fits to deterministic values, bounds attacked by search.

These functions take a claim and return its verdict; they run in worker processes, so they touch no store.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from assay import seeds
from assay.claim import Claim, VacuousClaim
from assay.extrapolation import extrapolate, fit_power
from assay.search import maximize
from assay.verdict import Case, Estimate, Verdict, counted, make_case, overall

__all__ = ["identity_cases", "runs", "search_bound", "size_keywords"]


def size_keywords(claim: Claim, setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """Keyword arguments of a `setting` of `claim` at `size`: ``claim.at_size(setting, size)``, by default n = size."""
    return dict(claim.at_size(setting, size)) if claim.at_size else {**setting, "n": size}


def runs(claim: Claim, index: int) -> list[dict[str, Any]]:
    """Keyword arguments of the experiments behind setting `index` of `claim`: one, or one per size."""
    setting = claim.settings[index]
    return [size_keywords(claim, setting, size) for size in claim.sizes] or [dict(setting)]


def identity_cases(claim: Claim) -> Verdict:
    """Verdict on a deterministic `claim`: an identity, or a limit or rate whose measure takes no random numbers.

    Raises `VacuousClaim` if the hypotheses admit no setting.
    """
    judge = {"limit": _limit_estimates, "rate": _rate_estimates}.get(claim.kind, _identity_estimates)
    cases: list[Case] = []
    admitted = 0
    for index, setting in enumerate(claim.settings):
        if claim.admissible is not None and not claim.admissible(**setting):
            continue
        admitted += 1
        for output, estimate in enumerate(judge(claim, setting)):
            good = abs(estimate.deviation) <= claim.tolerance
            label = claim.outputs[output] if output < len(claim.outputs) else f"output {output}"
            label = f"setting {index}, {label}" if len(claim.settings) > 1 else label
            outcome = "holds" if good else "refuted"
            cases.append(make_case(index, label, estimate, outcome, 1, claim.tolerance, 1.0))
    if not cases:
        raise VacuousClaim(f"claim {claim.id!r}: its hypotheses admit none of its {len(claim.settings)} settings")
    outcome, reason = counted(claim, cases) if claim.kind == "tendency" else overall(cases)
    worst = max(cases, key=lambda case: abs(case.estimate.deviation))
    record = {"setting": dict(claim.settings[worst.setting]), "label": worst.label, "error": worst.estimate.deviation}
    return Verdict(outcome, reason, tuple(cases), admissible=admitted, worst=record)


def _identity_estimates(claim: Claim, setting: Mapping[str, Any]) -> list[Estimate]:
    """Deviation of every output of the one route from the other's."""
    left, right = claim.measure(**setting), claim.predict(**setting)
    if hasattr(left, "free_symbols") or hasattr(right, "free_symbols"):
        import sympy  # symbolic claims only

        remainder = sympy.simplify(sympy.sympify(left) - sympy.sympify(right))
        return [Estimate(0.0 if remainder == 0 else math.inf, 0.0, 0.0, 0)]
    measured, predicted = np.broadcast_arrays(np.asarray(left, dtype=float), np.asarray(right, dtype=float))
    pairs = zip(np.ravel(measured), np.ravel(predicted), strict=True)
    return [Estimate(_deviation(m, p, claim.relative), 0.0, 0.0, 0, float(m), float(p)) for m, p in pairs]


def _deviation(measured: float, predicted: float, relative: bool) -> float:
    """measured/predicted - 1 or the difference; equal values (infinite ones too) deviate by 0."""
    if measured == predicted:
        return 0.0
    if not relative:
        return float(measured - predicted)
    if predicted == 0 or not math.isfinite(predicted):
        return math.inf
    return float((measured - predicted) / abs(predicted))


def _limit_estimates(claim: Claim, setting: Mapping[str, Any]) -> list[Estimate]:
    """Intercept at infinite size of deterministic deviations, one per output."""
    per_size = [_identity_estimates(claim, size_keywords(claim, setting, size)) for size in claim.sizes]
    estimates = []
    for column in zip(*per_size, strict=True):
        fit = extrapolate(claim.sizes, [e.deviation for e in column], np.ones(len(column)), claim.powers)
        misfit = math.sqrt(fit.chi_square / fit.degrees_of_freedom)
        note = f"rms misfit {misfit:.1g} of the fit in 1/n"
        estimates.append(Estimate(fit.intercept, 0.0, 0.0, 0, slope=fit.slopes[0], note=note))
    return estimates


def _rate_estimates(claim: Claim, setting: Mapping[str, Any]) -> list[Estimate]:
    """Fitted minus predicted exponent of deterministic values, one per output."""
    runs = [size_keywords(claim, setting, size) for size in claim.sizes]
    values = np.array([np.atleast_1d(claim.measure(**run)) for run in runs], dtype=float)
    exponents = np.broadcast_to(np.asarray(claim.predict(**setting), dtype=float), values.shape[1:])
    fits = [fit_power(claim.sizes, values[:, j]) for j in range(values.shape[1])]
    return [
        Estimate(fit.exponent - float(a), 0.0, 0.0, 0, fit.exponent, float(a), note=f"misfit {fit.standard_error:.1g}")
        for fit, a in zip(fits, exponents, strict=True)
    ]


def search_bound(claim: Claim, seed: int) -> Verdict:
    """Verdict on a bound: at every setting of `claim`, search its domain for left > right (1 + margin).

    `seed` is the suite seed. The verdict carries the worst point, the tightness (largest left/right, where the
    bound is relative) and the number of admissible points. Raises `VacuousClaim` if there were none.
    """
    best, admitted, tried = None, 0, 0
    for index, setting in enumerate(claim.settings):
        rng = seeds.generator(seed, claim.id, dict(setting), index)
        restarts = claim.restarts if claim.domain else 1

        def score(point: dict[str, Any], setting: Mapping[str, Any] = setting) -> float | None:
            return _excess(claim, {**setting, **point})

        found = maximize(score, claim.domain, rng, restarts, stop_above=claim.tolerance)
        admitted, tried = admitted + found.admissible, tried + found.evaluations
        if found.admissible and (best is None or found.score > best[0]):
            best = (found.score, {**setting, **found.point}, index)
    if best is None:
        raise VacuousClaim(f"claim {claim.id!r}: none of the {tried} points tried meets its hypotheses")
    excess, point, index = best
    outcome = "refuted" if excess > claim.tolerance else "holds"
    words = "violated" if outcome == "refuted" else "not violated"
    reason = f"{words} at {admitted} admissible points; worst left/right - 1 = {excess:.3g}"
    if not claim.relative:
        reason = reason.replace("left/right - 1", "left - right")
    estimate = Estimate(excess, 0.0, 0.0, 0)
    case = make_case(index, "worst case", estimate, outcome, 1, claim.tolerance, 1.0)
    tightness = 1 + excess if claim.relative else None
    return Verdict(outcome, reason, (case,), admissible=admitted, worst={**point, "score": excess}, tightness=tightness)


def _excess(claim: Claim, point: dict[str, Any]) -> float | None:
    """How far left exceeds right at a point (the largest of several outputs); None if it is not admissible."""
    if claim.admissible is not None and not claim.admissible(**point):
        return None
    left = np.atleast_1d(np.asarray(claim.measure(**point), dtype=float))
    right = np.atleast_1d(np.asarray(claim.predict(**point), dtype=float))
    left, right = np.broadcast_arrays(left, right)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = (left - right) / (np.abs(right) if claim.relative else 1.0)
    nowhere = np.isnan(left) | np.isnan(right)
    meaningless = np.isnan(excess) & ~nowhere  # inf against inf, 0 against 0
    excess = np.where(meaningless, np.where(left > right, np.inf, np.where(left == right, 0.0, -np.inf)), excess)
    return float(np.max(excess))
