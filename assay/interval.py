"""Intervals behind every verdict: a time-uniform one for means, Clopper-Pearson for proportions.

The sequential half-width is Robbins' normal mixture as an asymptotic confidence sequence: for replicates
with standard deviation s, ``P(|mean_n - mean| > half_width(n, a, n_opt) * s for some n) <= a`` approximately,
so a run may stop at any look without a correction for having looked. ``n_opt`` is where the sequence is
tightest; the suite puts it at half the budget.
"""

from __future__ import annotations

import math

from scipy.stats import beta

__all__ = [
    "ALPHA_HOLDS",
    "ALPHA_REFUTED",
    "certifiable_margin",
    "clopper_pearson",
    "detectable_error",
    "first_look",
    "half_width",
    "replicates_needed",
]

ALPHA_HOLDS = 0.02  # two-sided level of the interval that must lie inside the margin
ALPHA_REFUTED = 1e-4  # level of the interval that must lie outside the slack, at each of two keys


def half_width(count: float, alpha: float, optimal_count: float) -> float:
    """Half-width, in standard deviations, of the time-uniform interval after `count` replicates.

    ``sqrt(2 (n r + 1)/(n^2 r) log(sqrt(n r + 1)/a))`` with ``r = (-2 log a + log(1 - 2 log a))/n_opt``.

    `count` n > 0 replicates seen; `alpha` a in (0, 1) the two-sided level; `optimal_count` n_opt > 0 the
    count at which the interval is tightest. Source: derived, Robbins' mixture with asymptotic normality.

    >>> round(half_width(1000, 0.02, 500) * 1000**0.5, 3)
    3.378
    """
    if not (count > 0 and optimal_count > 0):
        raise ValueError(f"count and optimal_count must be > 0, got count={count}, optimal_count={optimal_count}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be > 0 and < 1, got alpha={alpha}")
    rho = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / optimal_count
    spread = count * rho + 1
    return math.sqrt(2 * spread / (count**2 * rho) * math.log(math.sqrt(spread) / alpha))


def first_look(skewness: float) -> int:
    """Replicates before the first look: ``max(64, 64 skewness^2)``, where the normal limit can be trusted.

    `skewness` is the replicates' sample skewness (any sign).

    >>> first_look(0.3), first_look(-2.0)
    (64, 256)
    """
    return math.ceil(64 * max(1.0, skewness**2))


def certifiable_margin(cv: float, count: float) -> float:
    """Planning: the margin that `count` replicates with relative spread `cv` certify with probability 0.99.

    ``5.95 cv / sqrt(n)``, for a formula without error and a budget of `count`.

    >>> round(certifiable_margin(0.1, 3600), 5)
    0.00992
    """
    return 5.95 * cv / math.sqrt(count)


def detectable_error(cv: float, count: float) -> float:
    """Planning: the smallest relative error that `count` replicates with spread `cv` refute with probability 0.99.

    ``7.34 cv / sqrt(n)``.

    >>> round(detectable_error(0.1, 3600), 5)
    0.01223
    """
    return 7.34 * cv / math.sqrt(count)


def replicates_needed(deviation: float, cv: float, margin: float) -> float:
    """Replicates after which an observed `deviation` with spread `cv` would be certified inside `margin`, or inf.

    >>> round(replicates_needed(0.0, 0.1, 0.01))
    3540
    """
    room = margin - abs(deviation)
    if room <= 0:
        return math.inf
    return (5.95 * cv / room) ** 2


def clopper_pearson(events: int, trials: int, alpha: float) -> tuple[float, float]:
    """Exact two-sided confidence interval for a proportion, each tail at ``alpha / 2``.

    `events` in 0..`trials` successes among `trials` >= 1; `alpha` in (0, 1).
    Raises `ValueError` for counts outside these ranges.

    >>> low, high = clopper_pearson(0, 10, 0.1)
    >>> low, round(high, 4) == round(1 - 0.05 ** (1 / 10), 4)
    (0.0, True)
    """
    if not 0 <= events <= trials or trials < 1:
        raise ValueError(f"events must lie in 0..trials with trials >= 1, got events={events}, trials={trials}")
    low = 0.0 if events == 0 else float(beta.ppf(alpha / 2, events, trials - events + 1))
    high = 1.0 if events == trials else float(beta.ppf(1 - alpha / 2, events + 1, trials - events))
    return low, high
