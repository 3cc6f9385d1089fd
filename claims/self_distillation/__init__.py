"""The ledger of "Even your Teacher Needs Guidance" (Borup, Andersen 2021): self-distillation, claims sd.A1 to sd.D3.

`CLAIMS` lists them in the order of the argument: the recursion and its limit, sparsification, the toy, the best
weights of the true targets and how to estimate them, residual budgets, the proportional limit, networks and real data.
"""

from importlib import import_module
from importlib.util import find_spec

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
    "budget",
    "asymptotics",
    "real_data",
)
_FOUND = [f"{__name__}.{name}" for name in _MODULES if find_spec(f"{__name__}.{name}")]

CLAIMS = tuple(claim for name in _FOUND for claim in import_module(name).CLAIMS)
