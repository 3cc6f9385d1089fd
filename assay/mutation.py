"""The fate of wrong formulas: how far a mutant lies from the claim, and whether the claim's own check refutes it.

A mutant of a claim with replicates is judged where it differs most, on the blocks of that setting. One whose effect
stays below twice the margin cannot be told apart at the scale at hand: it is reported as such, not as refuted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.evidence import runs
from assay.verdict import Verdict

__all__ = ["effect", "fate"]

RESOLUTION = 2.0  # in margins: a mutant that differs by more must be refuted
HOPELESS = 1.5  # in margins: one that differs by less is not tried


def fate(claim: Claim, mutant: Mutant, judge: Callable[[Claim], Verdict]) -> str:
    """What becomes of `mutant`: "refuted", "surviving", "equivalent: ..." or "below resolution: ...".

    `claim` is the claim at its scale; `judge` runs a claim's own check without mutants.
    """
    if mutant.equivalent:
        return f"equivalent: {mutant.equivalent}"
    wrong = claim.mutated(mutant)
    if claim.kind in ("exact", "limit") and not claim.deterministic and mutant.measure is None:
        effects = effect(claim, mutant)
        where = max(effects, key=lambda index: effects[index])
        if effects[where] == 0:
            return "surviving"  # not a mutant: it must be declared equivalent, with the reason
        small = f"below resolution: differs by {effects[where]:.2g} at most, margin {claim.tolerance:g}"
        if effects[where] <= HOPELESS * claim.tolerance:
            return small
        wrong = replace(wrong, settings=(claim.settings[where],))
        if judge(wrong).outcome == "refuted":
            return "refuted"
        return "surviving" if effects[where] > RESOLUTION * claim.tolerance else small
    return "refuted" if judge(wrong).outcome == "refuted" else "surviving"


def effect(claim: Claim, mutant: Mutant) -> dict[int, float]:
    """Largest deviation of `mutant` from `claim` at each admissible setting: of measured/predicted where relative.

    At several sizes, the deviation extrapolated to infinite size by the claim's own powers.
    """
    wrong = mutant.predict or claim.predict
    allowed = claim.admissible or (lambda **_: True)
    chosen = [i for i in mutant.settings or range(len(claim.settings)) if allowed(**claim.settings[i])]
    return {index: _deviation(claim, wrong, index) for index in chosen}


def _deviation(claim: Claim, wrong: Callable[..., object], index: int) -> float:
    per_size = [
        _relative(np.ravel(claim.predict(**kwargs)), np.ravel(np.asarray(wrong(**kwargs))), claim.relative)
        for kwargs in runs(claim, index)
    ]
    if len(per_size) == 1:
        return float(np.max(np.abs(per_size[0])))
    sizes = np.asarray(claim.sizes, dtype=float)
    design = np.column_stack([np.ones_like(sizes), *(sizes**-power for power in claim.powers)])
    intercept = np.linalg.lstsq(design, np.array(per_size), rcond=None)[0][0]
    return float(np.max(np.abs(intercept)))


def _relative(right: NDArray[np.float64], wrong: NDArray[np.float64], relative: bool) -> NDArray[np.float64]:
    """right/wrong - 1, as a check of the wrong formula would see it, or the difference; capped at 1e6."""
    difference = right - wrong
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(difference == 0, 0.0, difference / np.abs(wrong)) if relative else difference
    return np.clip(ratio, -1e6, 1e6)
