"""The ledger of "Even your Teacher Needs Guidance" (Borup, Andersen 2021): self-distillation, claims sd.A1 to sd.D3.

`CLAIMS` lists them in the order of the argument: algebra (A), sparsification (S), the toy (T), the best weights of the
true targets and how to estimate them (O), residual budgets (M), the proportional limit (R), networks and data (D).
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from claims.self_distillation._paper import PAPER

__all__ = ["CLAIMS", "PAPER"]

_MODULES = (
    "algebra",
    "limits",
    "relatives",
    "sparsification",
    "toy",
    "schedules",
    "joint",
    "estimates",
    "networks",
    "plateau",
    "budget",
    "asymptotics",
    "real_data",
)
_FOUND = [f"{__name__}.{name}" for name in _MODULES if find_spec(f"{__name__}.{name}")]


def _place(claim: Any) -> tuple[int, int]:
    """Where a claim stands in the argument: by the letter of its id, then by its number."""
    name = claim.id.split(".")[1]
    return "ASTOMRD".index(name[0]), int(name[1:])


CLAIMS = tuple(sorted((claim for name in _FOUND for claim in import_module(name).CLAIMS), key=_place))
