"""What the ledger of scalar networks cites."""

from __future__ import annotations

__all__ = ["PAPER"]

PAPER = (
    "Kreisler, Shpigel Nacson, Soudry, Carmon: Gradient Descent Monotonically Decreases the Sharpness of Gradient Flow "
    "Solutions in Scalar Networks and Beyond (ICML 2023, arXiv 2305.13064)"
)
