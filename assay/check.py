"""Weigh one claim: gather its evidence, decide, try its mutants.

`check` is the only door. Claims with replicates are judged sequentially: at every look the undecided settings get
more blocks, until each is decided or the budget is spent; an apparent refutation must be confirmed on fresh seeds.
A mutant is the same claim with another formula, judged on the same stored blocks.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import SECOND_KEY_FACTOR, Claim, Scale, VacuousClaim
from assay.evidence import identity_cases, prove_bound, runs, search_bound
from assay.experiment import Experiment
from assay.extrapolation import extrapolate, fit_power
from assay.interval import clopper_pearson
from assay.moments import Moments
from assay.mutation import fate
from assay.sweep import Sweep
from assay.verdict import Case, Estimate, Verdict, counted, decide, deviation_estimates, make_case, overall

__all__ = ["check"]

LOOK_GROWTH = 1.25


def check(claim: Claim, sweep: Sweep, scale: Scale = "standard", seed: int = 0, mutants: bool = True) -> Verdict:
    """The verdict on `claim` at `scale`, with the fate of each of its mutants unless `mutants` is False.

    `sweep` runs and stores the blocks; `seed` is the suite seed from which every stream is derived. The outcome is
    "not run" if the claim requires published data that are absent. Raises `VacuousClaim` if no setting or searched
    point meets the hypotheses.
    """
    start = time.perf_counter()
    claim = claim.at(scale)
    if claim.requires is not None and not claim.requires():
        return Verdict("not run", "the published results it compares with are not at hand")

    def judge(version: Claim) -> Verdict:
        return _judge(version, sweep, seed)

    verdict = judge(claim)
    fates = {mutant.name: fate(claim, mutant, judge) for mutant in claim.mutants} if mutants else {}
    return replace(verdict, mutants=fates, wall_time=time.perf_counter() - start)


def _judge(claim: Claim, sweep: Sweep, seed: int) -> Verdict:
    """Dispatch on the kind of claim."""
    if claim.kind == "bound":
        return sweep.call(search_bound, claim, seed).result()
    if claim.kind == "proof":
        return sweep.call(prove_bound, claim).result()
    if claim.kind == "identity" or claim.deterministic:
        return sweep.call(identity_cases, claim).result()
    settings = _admissible(claim)
    if claim.kind == "tendency":
        return _judge_tendency(claim, settings, sweep, seed)
    if claim.kind == "probability":
        return _judge_probability(claim, settings, sweep, seed)
    return _judge_sequentially(claim, settings, sweep, seed)


def _admissible(claim: Claim) -> list[int]:
    """Indices of the settings that meet the claim's hypotheses; none is an error."""
    allowed = claim.admissible or (lambda **_: True)
    settings = [i for i, setting in enumerate(claim.settings) if allowed(**setting)]
    if not settings:
        raise VacuousClaim(f"claim {claim.id!r}: its hypotheses admit none of its {len(claim.settings)} settings")
    return settings


# ---------------------------------------------------------------- replicates, looked at again and again


def _judge_sequentially(claim: Claim, settings: list[int], sweep: Sweep, seed: int) -> Verdict:
    """First key on every setting; an apparent refutation is judged again on fresh seeds, which then have the last word.

    A case that its second key clears is settled, and the looks at the others go on.
    """
    settled: dict[tuple[int, str], Case] = {}
    while True:
        cases = _run_key(claim, settings, sweep, seed, key=0, settled=settled)
        names = {_name(case) for case in cases if case.outcome == "refuted" and case.keys == 1}
        if names:
            again = _run_key(claim, sorted({i for i, _ in names}), sweep, seed, key=1, only=names)
            settled |= {_name(case): replace(case, keys=2) for case in again if _name(case) in names}
            cases = [settled.get(_name(case), case) for case in cases]
        if not names or any(case.outcome == "refuted" for case in cases):
            outcome, reason = overall(cases)
            return Verdict(outcome, reason, tuple(cases), admissible=len(settings))


def _name(case: Case) -> tuple[int, str]:
    """What tells a case from the others of its claim."""
    return case.setting, case.label


def _run_key(
    claim: Claim,
    settings: list[int],
    sweep: Sweep,
    seed: int,
    key: int,
    only: Collection[tuple[int, str]] | None = None,
    settled: Mapping[tuple[int, str], Case] | None = None,
) -> list[Case]:
    """Sequential looks at one set of seeds, until every case is decided, one is refuted, or the budget is spent.

    With `only`, pairs of setting and label, nothing but those cases counts for stopping; `settled` cases keep what a
    second key said of them.
    """
    budget = claim.budget * (SECOND_KEY_FACTOR if key else 1)
    predictions = {i: [_predict(claim, kwargs) for kwargs in runs(claim, i)] for i in settings}
    decided: dict[int, list[Case]] = {}
    for target in _looks(claim.block, budget):
        pending = [i for i in settings if i not in decided or any(_open(c, settled) for c in decided[i])]
        plan = [(i, _experiment(claim, kwargs, seed, key)) for i in pending for kwargs in runs(claim, i)]
        outcomes = sweep.run([(experiment, target) for _, experiment in plan])
        for i in pending:
            results = [outcome for (j, _), outcome in zip(plan, outcomes, strict=True) if j == i]
            errors = [outcome.error for outcome in results if outcome.error]
            if errors:
                raise RuntimeError(f"claim {claim.id!r}, setting {i}: {errors[0]}")
            moments = [_chosen(claim, outcome.moments) for outcome in results if outcome.moments is not None]
            fresh = _cases(claim, i, moments, predictions[i], budget / 2, key + 1)
            fresh = [(settled or {}).get(_name(case), case) for case in fresh]
            decided[i] = _keep_decided(decided.get(i), fresh)
        cases = [case for i in settings for case in decided[i]]
        judged = [case for case in cases if only is None or _name(case) in only]
        refuted = any(case.outcome == "refuted" for case in judged)
        if refuted or not any(_open(case, settled) for case in judged):
            break
    return [case for i in settings for case in decided[i]]


def _open(case: Case, settled: Mapping[tuple[int, str], Case] | None) -> bool:
    """Whether more replicates may still decide a case."""
    return case.outcome == "undecided" and _name(case) not in (settled or {})


def _keep_decided(before: list[Case] | None, fresh: list[Case]) -> list[Case]:
    """A case decided at an earlier look keeps that look's record."""
    if before is None:
        return fresh
    return [old if old.outcome != "undecided" else new for old, new in zip(before, fresh, strict=True)]


def _looks(block: int, budget: int) -> Iterator[int]:
    """Replicate counts of the looks: from max(64, block), growing by 1.25, the last one the budget."""
    count = max(64, block)
    while count < budget:
        yield count
        count = int(np.ceil(count * LOOK_GROWTH))
    yield budget


def _experiment(claim: Claim, kwargs: dict[str, Any], seed: int, key: int) -> Experiment:
    return Experiment(claim.measure, kwargs, block=claim.block, seed=seed, key=key)


def _chosen(claim: Claim, moments: Moments) -> Moments:
    """The outputs that the claim is about, flattened."""
    flat = Moments(moments.count, *(np.ravel(m) for m in (moments.mean, moments.m2, moments.m3)))
    return flat.select(list(claim.columns)) if claim.columns else flat


def _predict(claim: Claim, kwargs: dict[str, Any]) -> NDArray[np.float64]:
    return np.ravel(np.asarray(claim.predict(**kwargs), dtype=float))


def _cases(
    claim: Claim,
    index: int,
    moments: list[Moments],
    predictions: list[NDArray[np.float64]],
    optimal_count: float,
    keys: int,
) -> list[Case]:
    """Judge every output of one setting from the moments of its experiments (one, or one per size)."""
    if claim.kind == "rate":
        estimates = _exponents(claim, moments, predictions)
    else:
        per_size = [deviation_estimates(m, p, claim.relative) for m, p in zip(moments, predictions, strict=True)]
        columns = list(zip(*per_size, strict=True))
        estimates = [column[0] if len(column) == 1 else _extrapolated(claim, list(column)) for column in columns]
    cases = []
    for output, estimate in enumerate(estimates):
        outcome = decide(estimate, claim.tolerance, claim.refutation_slack, optimal_count)
        label = _label(claim, index, output, len(estimates))
        cases.append(make_case(index, label, estimate, outcome, keys, claim.tolerance, optimal_count))
    return cases


def _extrapolated(claim: Claim, column: list[Estimate]) -> Estimate:
    """The deviation at infinite size from one output's deviations at all sizes."""
    errors = np.array([e.standard_error for e in column])
    floor = max(errors.max(), 1e-15) * 1e-3  # an output that is constant at some size must not get infinite weight
    fit = extrapolate(claim.sizes, [e.deviation for e in column], np.maximum(errors, floor), claim.powers)
    shape = " + ".join(["1", *(f"n^-{power:g}" for power in fit.powers)])
    return Estimate(
        deviation=fit.intercept,
        standard_error=fit.standard_error,
        skewness=max((e.skewness for e in column), key=abs),
        count=column[0].count,
        slope=fit.slopes[0],
        note=f"{shape}: chi-square {fit.chi_square:.1f} on {fit.degrees_of_freedom}",
        usable=fit.fits,
        inflation=fit.inflation,
    )


def _exponents(claim: Claim, moments: list[Moments], predictions: list[NDArray[np.float64]]) -> list[Estimate]:
    """Fitted minus predicted exponent for every output."""
    means = np.array([np.ravel(m.mean) for m in moments])
    errors = np.array([np.ravel(m.standard_error) for m in moments])
    skewness = np.array([np.ravel(m.skewness) for m in moments])
    exponents = np.ravel(np.broadcast_to(predictions[0], means.shape[1:]))
    estimates = []
    for j, predicted in enumerate(exponents):
        fit = fit_power(claim.sizes, means[:, j], errors[:, j])
        skew = float(max(skewness[:, j], key=abs))
        deviation = fit.exponent - float(predicted)
        estimates.append(
            Estimate(
                deviation,
                fit.standard_error,
                skew,
                moments[0].count,
                fit.exponent,
                float(predicted),
                note=f"power law: chi-square {fit.chi_square:.1f} on {fit.degrees_of_freedom}",
                usable=fit.fits,
                inflation=fit.inflation,
            )
        )
    return estimates


def _label(claim: Claim, index: int, output: int, outputs: int) -> str:
    """Which case: the setting's number where there are several, and the output's name."""
    name = claim.outputs[output] if len(claim.outputs) == outputs else f"output {output}" if outputs > 1 else "value"
    return f"setting {index}, {name}" if len(claim.settings) > 1 else name


# ---------------------------------------------------------------- one look at a fixed budget


def _fixed_budget(
    claim: Claim, settings: list[int], sweep: Sweep, seed: int, key: int = 0
) -> list[tuple[int, Moments, NDArray[np.float64]]]:
    """Moments and predictions at every setting after the whole budget."""
    budget = claim.budget * (SECOND_KEY_FACTOR if key else 1)
    runs = [dict(claim.settings[i]) for i in settings]
    outcomes = sweep.run([(_experiment(claim, kwargs, seed, key), budget) for kwargs in runs])
    for i, outcome in zip(settings, outcomes, strict=True):
        if outcome.error or outcome.moments is None:
            raise RuntimeError(f"claim {claim.id!r}, setting {i}: {outcome.error}")
    return [
        (i, _chosen(claim, outcome.moments), _predict(claim, kwargs))
        for i, outcome, kwargs in zip(settings, outcomes, runs, strict=True)
        if outcome.moments is not None
    ]


def _judge_tendency(claim: Claim, settings: list[int], sweep: Sweep, seed: int) -> Verdict:
    """Count the cases whose mean lies within the margin; no inference beyond the count."""
    cases = []
    for index, moments, predicted in _fixed_budget(claim, settings, sweep, seed):
        estimates = deviation_estimates(moments, predicted, claim.relative)
        for output, estimate in enumerate(estimates):
            outcome = "holds" if abs(estimate.deviation) <= claim.tolerance else "refuted"
            label = _label(claim, index, output, len(estimates))
            cases.append(make_case(index, label, estimate, outcome, 1, claim.tolerance, claim.budget / 2))
    outcome, reason = counted(claim, cases)
    return Verdict(outcome, reason, tuple(cases), admissible=len(settings))


def _judge_probability(claim: Claim, settings: list[int], sweep: Sweep, seed: int) -> Verdict:
    """Clopper-Pearson at the full budget; a violation must be seen at both keys."""

    def judged(chosen: list[int], key: int) -> list[Case]:
        evidence = _fixed_budget(claim, chosen, sweep, seed, key)
        return [case for i, moments, p in evidence for case in _event_cases(claim, i, moments, p, key + 1)]

    cases = judged(settings, 0)
    suspects = sorted({case.setting for case in cases if case.outcome == "refuted"})
    if suspects:
        second = {_name(case): replace(case, keys=2) for case in judged(suspects, 1)}
        cases = [second[_name(case)] if case.outcome == "refuted" else case for case in cases]
    outcome, reason = overall(cases)
    return Verdict(outcome, reason, tuple(cases), admissible=len(settings))


def _event_cases(claim: Claim, index: int, moments: Moments, bound: NDArray[np.float64], keys: int) -> list[Case]:
    """One case per event: its frequency's confidence limits against the claimed probability."""
    frequencies = np.ravel(moments.mean)
    bounds = np.ravel(np.broadcast_to(bound, frequencies.shape))
    cases = []
    for j, (frequency, p) in enumerate(zip(frequencies, bounds, strict=True)):
        events = round(float(frequency) * moments.count)
        low = clopper_pearson(events, moments.count, 2e-4)[0]
        high = clopper_pearson(events, moments.count, 2e-2)[1]
        outcome = "holds" if high <= p else "refuted" if low > p else "undecided"
        error = float(np.sqrt(frequency * (1 - frequency) / moments.count))
        estimate = Estimate(float(frequency - p), error, 0.0, moments.count, float(frequency), float(p))
        case = make_case(index, _label(claim, index, j, frequencies.size), estimate, outcome, keys, 1.0, claim.budget)
        cases.append(replace(case, low=low - float(p), high=high - float(p)))
    return cases
