"""Evidence without replicates: two routes to one number, fits to deterministic values, bounds attacked or proved.

These functions take a claim and return its verdict; they run in worker processes, so they touch no store.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from assay import seeds
from assay.claim import Claim, VacuousClaim
from assay.extrapolation import extrapolate, fit_power
from assay.search import maximize
from assay.subdivision import Cell, Certificate, pack, subdivide
from assay.verdict import Case, Estimate, Verdict, counted, make_case, overall

__all__ = ["cell_judge", "identity_cases", "prove_bound", "runs", "search_bound", "size_keywords"]


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


def cell_judge(claim: Claim, setting: Mapping[str, Any]) -> Callable[[Cell], str]:
    """The judge of cells for a proof `claim` at one `setting`, as `assay.subdivision` asks for it."""

    def judge(cell: Cell) -> str:
        point = {**setting, **cell}
        inside = True if claim.admissible is None else claim.admissible(**point)
        if inside is False:
            return "x"
        left = np.reshape(np.asarray(claim.measure(**point), dtype=float), (-1, 2))
        right = np.reshape(np.asarray(claim.predict(**point), dtype=float), (-1, 2))
        if np.all(left[:, 1] <= right[:, 0]):
            return "t"
        return "f" if inside is True and np.any(left[:, 0] > right[:, 1]) else "o"

    return judge


def prove_bound(claim: Claim) -> Verdict:
    """Verdict on a proof `claim`: its box subdivided at every setting, in at most `claim.budget` cells each.

    The verdict carries the packed certificates, one a setting, and counts the cells on which left <= right was proved.
    Raises `VacuousClaim` if there were none, every cell lying outside the hypotheses.
    """
    found = [subdivide(cell_judge(claim, setting), claim.domain, claim.budget) for setting in claim.settings]
    proved, left_open = (sum(c.count(letter) for c in found) for letter in "to")
    false = next((i for i, c in enumerate(found) if c.false is not None), None)
    if false is None and not proved and not left_open:
        raise VacuousClaim(f"claim {claim.id!r}: the whole box lies outside its hypotheses")
    estimate = Estimate(0.0 if false is None else math.inf, 0.0, 0.0, 0)
    outcome = "refuted" if false is not None else "undecided" if left_open else "holds"
    case = make_case(false or 0, "every cell", estimate, outcome, 1, claim.tolerance, 1.0)
    worst = {} if false is None else {**claim.settings[false], **(found[false].false or {})}
    certificates = tuple(pack(c.tree) for c in found)
    reason = _proof_words(outcome, proved, left_open, found)
    return Verdict(outcome, reason, (case,), admissible=proved, worst=worst, certificates=certificates)


def _proof_words(outcome: str, proved: int, left_open: int, found: list[Certificate]) -> str:
    """What a subdivision came to."""
    if outcome == "refuted":
        return "false on a whole cell, by interval arithmetic"
    if outcome == "undecided":
        return f"{left_open} cells remain open after {proved} were proved: a larger budget of cells is needed"
    outside = sum(c.count("x") for c in found)
    return f"proved on {proved} cells by interval arithmetic, {outside} more lie outside the hypotheses"
