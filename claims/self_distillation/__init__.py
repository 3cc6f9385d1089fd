"""The ledger of "Even your Teacher Needs Guidance" (Borup, Andersen 2021): self-distillation, claims sd.A1 to sd.D3.

`CLAIMS` lists them in the order of the argument: algebra (A), sparsification (S), the toy (T), the best weights of the
true targets and how to estimate them (O), residual budgets (M), the proportional limit (R), networks and data (D).
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from claims.self_distillation._paper import PAPER

__all__ = ["CLAIMS", "PAPER"]

_MODULES = [f"{__name__}.{module.name}" for module in iter_modules(__path__) if not module.name.startswith("_")]


def _place(claim: Any) -> tuple[int, int]:
    """Where a claim stands in the argument: by the letter of its id, then by its number."""
    name = claim.id.split(".")[1]
    return "ASTOMRD".index(name[0]), int(name[1:])


CLAIMS = tuple(sorted((claim for name in _MODULES for claim in import_module(name).CLAIMS), key=_place))
