"""Speed of the limit risk of self-distillation on one core: the contour evaluator at 100 distinct eigenvalues.

Task: eigenvalues k^-1.2 and signal power 1/(k + 2), k = 1..100, p/n = 1/2 and 2.5. Times are the median of the
processor times of one thread; the accuracy is settled in the same call, by comparing each rule with half of its nodes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.timing import turns_of
from theory.self_distillation.excess_risk import excess_risk
from theory.self_distillation.joint_optimum import best_joint_risk
from theory.self_distillation.mixing import optimal_mixing

__all__ = ["benchmarks", "main"]

ORDER = np.arange(1, 101)
SPECTRUM, POWER, NOISE = ORDER**-1.2, 1.0 / (ORDER + 2.0), 0.5
RIDGES = (1e-4, 0.05, 5.0)


def milliseconds(action: Callable[[], object], turns: int = 21) -> float:
    """Return the median processor time of `action`, in milliseconds, after one call that is not counted."""
    return 1e3 * float(np.median(turns_of(action, turns)))


def slowest(action: Callable[[float, float], object]) -> float:
    """Return the largest of the times of `action` over aspect ratios and ridges, in milliseconds."""
    return max(milliseconds(lambda g=g, r=r: action(g, r)) for g in (0.5, 2.5) for r in RIDGES)


def benchmarks() -> list[tuple[str, float, str, float, str]]:
    """Return (name, value, unit, required, better) of every measurement, on one core."""
    task = SPECTRUM, POWER, NOISE
    with threadpool_limits(1):
        mixed = slowest(lambda g, r: excess_risk(*task, g, r, np.full(19, 0.3)))
        pure = slowest(lambda g, r: excess_risk(*task, g, r, np.zeros(19)))
        single = slowest(lambda g, r: excess_risk(*task, g, r, (0.2, 0.6, -0.3)))
        mixing = slowest(lambda g, r: optimal_mixing(*task, g, r))
        best = milliseconds(lambda: best_joint_risk(*task, 0.5, 4), 5)
    return [
        ("limit risk of steps 1..20, alpha = 0.3, p = 100", mixed, "ms", 10.0, "less"),
        ("limit risk of steps 1..20, alpha = 0, p = 100", pure, "ms", 10.0, "less"),
        ("limit risk of steps 1..4, p = 100", single, "ms", 5.0, "less"),
        ("optimal mixing in the limit, p = 100", mixing, "ms", 5.0, "less"),
        ("best ridge of the joint optimum of four steps", best, "ms", 500.0, "less"),
    ]


def main() -> None:
    """Print the table of measurements."""
    for name, value, unit, required, better in benchmarks():
        bound = f"{'>=' if better == 'more' else '<='} {required:g} {unit}"
        print(f"{name:<58} {f'{value:.3g} {unit}':>12} {bound:>14}")


if __name__ == "__main__":
    main()
