"""How often the verdicts of the engine are wrong: many simulated runs with all their looks, for three laws.

The rule of `assay.verdict.decide` is repeated here on arrays, so that tens of thousands of runs take seconds; one test
compares it with `decide` itself. `pytest -s` prints the measured rates.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom

from assay.check import _looks
from assay.interval import ALPHA_HOLDS, ALPHA_REFUTED, certifiable_margin, detectable_error, half_width
from assay.moments import Moments
from assay.verdict import BATCH, BATCH_ABOVE, decide, deviation_estimates

pytestmark = pytest.mark.slow

BUDGET = 1024
COUNT = 30_000
RESERVE = 18  # how much worse tails may make the alarm rate of one key: 300 claims then stay at 300 (18e-4)^2 = 1e-3
LOOKS = list(_looks(64, BUDGET))
CV = 0.37  # of the normal replicates; the others have the cv of their law
LAWS = {
    "normal": lambda rng, shape: 1 + CV * rng.standard_normal(shape),
    "exponential": lambda rng, shape: rng.standard_exponential(shape),  # skewness 2
    "log-normal": lambda rng, shape: rng.lognormal(-0.125, 0.5, shape),  # skewness 1.75
    "heavy log-normal": lambda rng, shape: rng.lognormal(-0.5, 1.0, shape),  # skewness 6.2: batch means
}


@dataclass(frozen=True)
class Runs:
    """Deviation, standard error and skewness of many runs (axis 0) at every look (axis 1)."""

    deviation: np.ndarray
    error: np.ndarray
    skewness: np.ndarray

    def shifted(self, error: float) -> Runs:
        """The same runs of a formula that is off by `error`."""
        return Runs(self.deviation + error, self.error, self.skewness)

    def half(self, alpha: float) -> np.ndarray:
        """The half-width that `decide` uses, at every look."""
        counts = np.array(LOOKS)
        plain = [half_width(n, alpha, BUDGET / 2) * math.sqrt(n) for n in counts]
        batched = [half_width(n / BATCH, alpha, BUDGET / 2 / BATCH) * math.sqrt(n / BATCH) for n in counts]
        return np.where(np.abs(self.skewness) > BATCH_ABOVE, batched, plain) * self.error

    @property
    def open(self) -> np.ndarray:
        """Whether the skewness allows a decision at this look."""
        return np.array(LOOKS) >= np.ceil(64 * np.maximum(1, self.skewness**2))

    def refuted(self, slack: float = 0.0) -> np.ndarray:
        return self.open & (np.abs(self.deviation) - self.half(ALPHA_REFUTED) > slack)

    def holds(self, margin: float) -> np.ndarray:
        return self.open & (np.abs(self.deviation) + self.half(ALPHA_HOLDS) <= margin)


@functools.cache
def simulate(law: str) -> Runs:
    """`COUNT` runs of replicates with mean 1, compared with 1; sums are taken about 1, which costs no digits."""
    rng = np.random.default_rng(11)
    n = np.array(LOOKS)
    starts = np.array([0, *LOOKS[:-1]])
    parts = []
    for _ in range(0, COUNT, 1000):
        x = LAWS[law](rng, (1000, BUDGET)) - 1
        powers = (x, x * x, x * x * x)
        first, second, third = (np.cumsum(np.add.reduceat(p, starts, axis=1), axis=1) / n for p in powers)
        variance = second - first**2
        skewness = (third - 3 * first * second + 2 * first**3) / variance**1.5
        parts.append((first, np.sqrt(variance / (n - 1)), skewness))
    return Runs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def at_most(rate: float, count: int) -> int:
    """The number of events in `count` runs that a true `rate` exceeds once in a million experiments."""
    return int(binom.isf(1e-6, count, rate))


# --- identities and limits


@pytest.mark.parametrize("law", LAWS)
def test_this_rule_is_the_engines(law):
    """The same runs through `Moments` and `decide`, at a margin at which some are decided and some are not."""
    runs, margin = simulate(law), {"normal": 0.06, "log-normal": 0.08}.get(law, 0.15)
    x = LAWS[law](np.random.default_rng(11), (1000, BUDGET))[:25]
    holds, refuted = runs.holds(margin), runs.shifted(0.2).refuted(margin)
    seen = set()
    for i, run in enumerate(x):
        for j, n in enumerate(LOOKS):
            (estimate,) = deviation_estimates(Moments.of(run[:n] * 1.07), np.array([1.07]), relative=True)
            outcome = decide(estimate, margin, 9.0, BUDGET / 2)
            assert (outcome == "holds") == holds[i, j]
            shifted = dataclasses.replace(estimate, deviation=estimate.deviation + 0.2)
            assert (decide(shifted, 1e-9, margin, BUDGET / 2) == "refuted") == refuted[i, j]
            seen.add(outcome)
    assert "undecided" in seen


# --- oracle


@pytest.mark.parametrize(("law", "reserve"), [("normal", 1), ("exponential", RESERVE), ("log-normal", RESERVE)])
def test_a_true_claim_is_refuted_at_one_key_as_seldom_as_promised(law, reserve):
    """One key at 1e-4, after all looks. Both keys must agree, so a claim's level is the square of this rate."""
    alarms = int(simulate(law).refuted().any(axis=1).sum())
    print(f"{law}: refuted at one key in {alarms} of {COUNT} runs, {alarms / COUNT:.1e} (nominal 1e-4)")
    assert alarms <= at_most(reserve * ALPHA_REFUTED, COUNT)


def test_batch_means_keep_heavy_tails_within_the_reserve():
    alarms = int(simulate("heavy log-normal").refuted().any(axis=1).sum())
    print(f"heavy log-normal: refuted at one key in {alarms} of {COUNT} runs, {alarms / COUNT:.1e} (nominal 1e-4)")
    assert alarms <= at_most(RESERVE * ALPHA_REFUTED, COUNT)


@pytest.mark.parametrize("law", ["normal", "exponential", "log-normal"])
def test_the_interval_misses_the_truth_at_any_look_as_seldom_as_its_level(law):
    runs = simulate(law)
    misses = int((runs.open & (np.abs(runs.deviation) > runs.half(ALPHA_HOLDS))).any(axis=1).sum())
    print(f"{law}: the interval of level 0.02 misses at some look in {misses / COUNT:.4f} of {COUNT} runs")
    assert misses <= at_most(ALPHA_HOLDS, COUNT)
    assert misses >= COUNT * ALPHA_HOLDS / 5  # an interval far too wide would pass the line above


@pytest.mark.parametrize("law", ["normal", "exponential", "log-normal"])
def test_an_error_beyond_the_margin_is_certified_as_seldom_as_promised(law):
    """A false "holds" needs an error beyond the margin and one side of the .02 interval to fail: 1 %."""
    margin = 0.1
    for error in (margin, -margin):
        wrong = int(simulate(law).shifted(error).holds(margin * (1 - 1e-9)).any(axis=1).sum())
        print(f"{law}: an error of {error:+g}, the margin, is certified in {wrong / COUNT:.4f} of {COUNT} runs")
        assert wrong <= at_most(ALPHA_HOLDS / 2, COUNT)


# --- properties


def test_the_planning_numbers_are_kept():
    """With the planned budget 99 % of true claims are certified and 99 % of errors of the planned size are refuted."""
    margin, error = certifiable_margin(CV, BUDGET), detectable_error(CV, BUDGET)
    certified = simulate("normal").holds(margin).any(axis=1).mean()
    detected = simulate("normal").shifted(error).refuted().any(axis=1).mean()
    print(f"certified {certified:.4f}, detected {detected:.4f} of {COUNT} runs (planned 0.99)")
    slack = 5 * math.sqrt(0.99 * 0.01 / COUNT)  # five standard errors
    assert certified > 0.99 - slack
    assert detected > 0.99 - slack


def test_without_the_delay_skewness_would_cost_too_much():
    """Why the first look waits: looked at from 64 replicates on, an exponential alarms about twice as often."""
    runs = simulate("exponential")
    hasty = int((np.abs(runs.deviation) > runs.half(ALPHA_REFUTED)).any(axis=1).sum())
    patient = int(runs.refuted().any(axis=1).sum())
    print(f"exponential: {hasty / COUNT:.1e} without the delay, {patient / COUNT:.1e} with it (nominal 1e-4)")
    assert hasty > 1.5 * patient  # the runs are the same in both counts, and fixed
