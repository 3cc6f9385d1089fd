"""The ledger of "More is Better" (Simon et al. 2024): random-feature regression, claims rf.F1 to rf.E2.

`CLAIMS` lists them in the order of the paper's argument: the eigenframework and its limits, more is better, the
optimal fitting ratio of power laws, real data.
"""

from claims.random_features import continuum, empirical, estimators, fitting, framework, identities, monotonicity
from claims.random_features.framework import PAPER

__all__ = ["CLAIMS", "PAPER"]

CLAIMS = (
    *framework.CLAIMS,
    *identities.CLAIMS,
    *estimators.CLAIMS,
    *monotonicity.CLAIMS,
    *fitting.CLAIMS,
    *continuum.CLAIMS,
    *empirical.CLAIMS,
)
