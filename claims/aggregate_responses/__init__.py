"""The ledger of "Learning from Aggregate Responses" (Javanmard et al. 2024): bag-level and instance-level losses.

`CLAIMS` lists them in the order of the paper's argument: losses, the proportional limit and its corners, the best
weight, exact results at finite size, label privacy, extensions, experiments.
"""

from claims.aggregate_responses import finite, privacy
from claims.aggregate_responses._paper import PAPER

__all__ = ["CLAIMS", "PAPER"]

CLAIMS = (
    *finite.CLAIMS,
    *privacy.CLAIMS,
)
