"""What the ledger of self-distillation cites."""

from __future__ import annotations

__all__ = ["CODE", "MOBAHI", "PAPER"]

PAPER = "Borup, Andersen: Even your Teacher Needs Guidance (NeurIPS 2021, arXiv 2102.13088)"
CODE = "README and notebook of the authors' repository (Kennethborup/self_distillation)"
MOBAHI = "Mobahi, Farajtabar, Bartlett: Self-Distillation Amplifies Regularization (NeurIPS 2020, arXiv 2002.05715)"
