"""Settings of finite size and the wrong versions of a formula, shared by the claims about them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from assay.claim import Mutant

__all__ = ["POWERS", "SOURCE", "sizes", "wrong_versions"]

POWERS = {"signal": 1.7, "noise_variance": 0.3}
SOURCE = "derived: Wishart and matrix-beta moments"


def wrong_versions(formula: Callable[..., Any], *names: str) -> tuple[Mutant, ...]:
    """One mutant for each of `names`, the wrong versions that `formula` takes as its first argument."""
    return tuple(Mutant(name=name, predict=partial(formula, name)) for name in names)


def sizes(n: int, d: int, m: int, *interpolations: float) -> dict[str, Any]:
    """A setting with `n` samples, `d` features, `m` bags and the weights `interpolations`."""
    return {"n": n, "d": d, "bag_size": n / m, "interpolations": interpolations, **POWERS}
