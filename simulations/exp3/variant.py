"""Variants of Exp3: gains instead of losses, mixing, implicit exploration, rates that vary from round to round."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass

from simulations._checks import check_number
from simulations.exp3._update import Options

__all__ = ["CLASSIC", "Variant", "check_variant"]


@dataclass(frozen=True)
class Variant:
    """How a learner deviates from Exp3 on losses with one constant learning rate.

    `gains`: what is paid is a gain, so the sign of the update is plus. `mixing` gamma in [0, 1]: arms are drawn from
    (1 - gamma) softmax + gamma/K. `implicit_exploration` in [0, 1]: estimates are loss/(p + this). `rate_exponent` a
    in [0, 10]: after round t = 1, 2, ... the rate is learning_rate t^-a; each estimate has the rate of its own round,
    or, where `cumulative`, the sum of all estimates up to t has the rate of round t (no difference at a = 0).

    >>> Variant(mixing=0.1)
    Variant(gains=False, mixing=0.1, implicit_exploration=0.0, rate_exponent=0.0, cumulative=False)
    """

    gains: bool = False
    mixing: float = 0.0
    implicit_exploration: float = 0.0
    rate_exponent: float = 0.0
    cumulative: bool = False

    def __post_init__(self) -> None:
        for name in ("gains", "cumulative"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {name}={getattr(self, name)!r}")
        for name, high in (("mixing", 1.0), ("implicit_exploration", 1.0), ("rate_exponent", 10.0)):
            object.__setattr__(self, name, check_number(name, getattr(self, name), low=0.0, high=high))

    def options(self) -> Options:
        """Return what the compiled kernels take.

        >>> CLASSIC.options()
        Options(sign=1.0, mixing=0.0, exploration=0.0, exponent=0.0, cumulative=False)
        """
        return Options(
            -1.0 if self.gains else 1.0,
            self.mixing,
            self.implicit_exploration,
            self.rate_exponent,
            self.cumulative and self.rate_exponent > 0.0,
        )


CLASSIC = Variant()


def check_variant(variant: Variant) -> Variant:
    """Return `variant`, a `Variant`.

    >>> check_variant(CLASSIC) is CLASSIC
    True
    """
    if not isinstance(variant, Variant):
        raise ValueError(f"variant must be a Variant, got variant={reprlib.repr(variant)}")
    return variant
