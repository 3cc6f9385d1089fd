"""Claims ex.D1: the score identities."""

from __future__ import annotations

from assay.claim import Claim

__all__ = ["CLAIMS"]

CLAIMS: tuple[Claim, ...] = ()
