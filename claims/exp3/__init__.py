"""The ledger of "On the convergence of the MLE as an estimator of the learning rate in the Exp3 algorithm" (Aubert et
al. 2023), claims ex.T1 to ex.E6.

`CLAIMS` lists the paper's theorems (T) first, then what is derived here (D), then the paper's figures (E), each beside
the common readings of it that are false.
"""

from __future__ import annotations

from claims.exp3 import (
    affinity,
    candidates,
    chaos,
    constant_rate,
    estimation,
    figures_shown,
    finite_sets,
    full_horizon,
    information_limits,
    ladder,
    lower_bounds,
    maxima,
    plateaus,
    score,
    sure_bounds,
)
from claims.exp3._paper import PAPER

__all__ = ["CLAIMS", "PAPER"]


def _place(claim_id: str) -> tuple[int, int, str]:
    """Where a claim stands: by the letter of its kind, by number, a statement before what belongs to it."""
    name = claim_id.split(".")[1]
    return "TDE".index(name[0]), int(name[1:]), claim_id


CLAIMS = tuple(
    sorted(
        (
            *affinity.CLAIMS,
            *candidates.CLAIMS,
            *chaos.CLAIMS,
            *constant_rate.CLAIMS,
            *estimation.CLAIMS,
            *figures_shown.CLAIMS,
            *finite_sets.CLAIMS,
            *full_horizon.CLAIMS,
            *information_limits.CLAIMS,
            *ladder.CLAIMS,
            *lower_bounds.CLAIMS,
            *maxima.CLAIMS,
            *plateaus.CLAIMS,
            *score.CLAIMS,
            *sure_bounds.CLAIMS,
        ),
        key=lambda claim: _place(claim.id),
    )
)
