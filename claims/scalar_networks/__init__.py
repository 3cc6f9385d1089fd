"""The ledger of "Gradient Descent Monotonically Decreases the Sharpness of Gradient Flow Solutions in Scalar Networks
and Beyond" (Kreisler et al. 2023), claims sn.T1 to sn.E2.

`CLAIMS` lists them in the order of the argument: one step, the invariant set, local expansions, depth two, equal
weights, the landing below the edge, and what is seen beyond scalar networks.
"""

from claims.scalar_networks import (
    balanced,
    depth_two,
    empirical,
    invariance,
    landing,
    local,
    monotone,
    region,
    rigorous,
)
from claims.scalar_networks._paper import PAPER

__all__ = ["CLAIMS", "PAPER"]

CLAIMS = (
    *monotone.CLAIMS,
    *region.CLAIMS,
    *invariance.CLAIMS,
    *local.CLAIMS,
    *depth_two.CLAIMS,
    *rigorous.CLAIMS,
    *balanced.CLAIMS,
    *landing.CLAIMS,
    *empirical.CLAIMS,
)
