"""Every kind of claim: a true one is not refuted, one that is 2 % wrong is; keys, mutants, vacuity, missing budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from assay.check import check
from assay.claim import Mutant, VacuousClaim
from assay.experiment import Experiment, coin
from assay.interval import half_width
from assay.moments import Moments
from assay.pool import Inline
from assay.search import Range
from assay.sweep import Outcome, Sweep
from assay.verdict import Verdict
from tests.assay import toys

SETTING = {"mean": toys.MEAN, "width": toys.WIDTH}
SIZES = (8, 16, 32, 64)


def judged(seed: int = 3, **changes: Any) -> Verdict:
    with Sweep() as sweep:
        return check(toys.claim(**changes), sweep, "standard", seed)


KINDS: dict[str, tuple[dict[str, Any], Callable[..., Any], Callable[..., Any]]] = {
    "exact": ({"kind": "exact"}, toys.mean_of, toys.off_by_two_percent),
    "limit": (
        {"kind": "limit", "measure": toys.sized, "sizes": SIZES, "budget": 16384},
        toys.sized_limit,
        toys.sized_limit_wrong,
    ),
    "limit at one size": ({"kind": "limit"}, toys.mean_of, toys.off_by_two_percent),
    "rate": (
        {"kind": "rate", "measure": toys.decaying, "sizes": SIZES, "settings": ({"power": 1.3},), "margin": 0.01},
        toys.its_power,
        toys.its_power_wrong,
    ),
    "probability": (
        {"kind": "probability", "measure": toys.tosses, "settings": ({"chance": 0.7},), "budget": 40000},
        toys.chance_raised,
        toys.chance_lowered,
    ),
    "tendency": ({"kind": "tendency"}, toys.mean_of, toys.off_by_two_percent),
    "identity": (
        {"kind": "identity", "measure": toys.line, "settings": ({"x": 0.3},)},
        toys.line,
        toys.line_lowered,
    ),
    "bound": (
        {"kind": "bound", "measure": toys.sine, "settings": ({},), "domain": {"x": Range(1e-6, 3, log=True)}},
        toys.line,
        toys.line_lowered,
    ),
}


class TwoKeys:
    """A sweep whose two keys measure different means: what one unlucky set of seeds does."""

    def __init__(self, by_key: tuple[float, float]) -> None:
        self.by_key = by_key
        self.asked: dict[int, int] = {}

    def run(self, experiments: Iterable[tuple[Experiment, int]]) -> list[Outcome]:
        return [self._outcome(experiment, replicates) for experiment, replicates in experiments]

    def call(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        return Inline().submit(lambda value: value, function, *args)

    def _outcome(self, experiment: Experiment, replicates: int) -> Outcome:
        self.asked[experiment.key] = max(replicates, self.asked.get(experiment.key, 0))
        mean, variance = np.array(self.by_key[experiment.key]), toys.WIDTH**2
        return Outcome(Moments(replicates, mean, replicates * np.array(variance), np.zeros(())), None, replicates, 0)


# --- identities and limits


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", KINDS)
def test_a_true_claim_holds_and_a_wrong_one_is_refuted(name, seed):
    changes, true, wrong = KINDS[name]
    holds = judged(seed, **changes, predict=true)
    assert holds.outcome == "holds", holds.reason
    refuted = judged(seed, **changes, predict=wrong)
    assert refuted.outcome == "refuted", refuted.reason


@pytest.mark.parametrize("name", ["exact", "limit", "limit at one size", "rate", "probability"])
def test_a_refutation_by_replicates_takes_two_keys(name):
    changes, true, wrong = KINDS[name]
    assert judged(**changes, predict=wrong).keys == 2
    assert judged(**changes, predict=true).keys == 1


@pytest.mark.parametrize(
    ("means", "outcome", "keys"),
    [
        ((1.1 * toys.MEAN, 1.1 * toys.MEAN), "refuted", 2),
        ((1.1 * toys.MEAN, toys.MEAN), "holds", 2),
        ((toys.MEAN, 1.1 * toys.MEAN), "holds", 1),
        ((1.1 * toys.MEAN, 1.012 * toys.MEAN), "undecided", 2),
    ],
)
def test_one_unlucky_set_of_seeds_refutes_nothing(means, outcome, keys):
    sweep = TwoKeys(means)
    claim = toys.claim(kind="limit", budget=2048)  # slack = margin = 1 %: an error of 1.2 % is neither
    verdict = check(claim, sweep)  # pyright: ignore[reportArgumentType]
    assert (verdict.outcome, verdict.keys) == (outcome, keys)


def test_the_second_key_may_spend_four_times_the_budget():
    sweep = TwoKeys((1.1 * toys.MEAN, 1.012 * toys.MEAN))
    check(toys.claim(kind="limit", budget=2048), sweep)  # pyright: ignore[reportArgumentType]
    assert sweep.asked == {0: 256, 1: 4 * 2048}  # the first key is done at its first look


@pytest.mark.parametrize(("mean", "keys", "budget"), [(1.0001, 1, 2048), (1.1, 2, 8192)])
def test_the_interval_is_tightest_at_half_the_budget_of_its_key(mean, keys, budget):
    (case,) = check(toys.claim(budget=2048), TwoKeys((mean * toys.MEAN,) * 2)).cases  # pyright: ignore
    n, cv = case.estimate.count, toys.WIDTH / toys.MEAN
    assert case.keys == keys
    # the stub's variance is for n, the estimate's for n - 1: 0.2 % at 256 replicates
    assert case.high - case.estimate.deviation == pytest.approx(half_width(n, 0.02, budget / 2) * cv, rel=3e-3)


@pytest.mark.parametrize(
    ("standard_errors", "outcome"), [(-2.7, "holds"), (-2.1, "undecided"), (3.3, "undecided"), (4.0, "refuted")]
)
def test_a_frequency_is_judged_by_its_exact_limits(standard_errors, outcome):
    """One-sided levels 1 % (2.33 standard errors) to hold and 1e-4 (3.72) to refute, as the normal law has it."""
    frequency = 0.7 + standard_errors * math.sqrt(0.7 * 0.3 / 40000)
    changes = {**KINDS["probability"][0], "predict": toys.chance_itself}
    sweep = TwoKeys((frequency, frequency))
    assert check(toys.claim(**changes), sweep).outcome == outcome  # pyright: ignore


def test_looks_grow_by_a_quarter_and_end_at_the_budget():
    sweep = TwoKeys((1.012 * toys.MEAN, toys.MEAN))
    seen = []
    run = sweep.run
    sweep.run = lambda experiments: seen.extend(n for _, n in experiments) or run(experiments)
    check(toys.claim(kind="limit", budget=1000, block=16), sweep)  # pyright: ignore[reportArgumentType]
    assert seen == [64, 80, 100, 125, 157, 197, 247, 309, 387, 484, 605, 757, 947, 1000]


def test_a_budget_that_is_too_small_is_undecided_and_says_what_is_missing():
    """Certifying 1 % takes (5.95 cv/(0.01 - deviation))^2 replicates, with cv = 0.9/3.7 and the luck of the draw."""
    verdict = judged(settings=({"mean": 3.7, "width": 0.9},), budget=512)
    (case,) = verdict.cases
    needed = (5.95 * 0.9 / 3.7 / (0.01 - abs(case.estimate.deviation))) ** 2
    assert verdict.outcome == "undecided"
    assert case.estimate.count == 512
    assert case.missing == pytest.approx(needed - 512, rel=0.1)  # the sample's cv in place of the true one
    assert f"needs about {case.missing:.2g} more replicates" in verdict.reason


def test_the_whole_budget_may_be_needed_by_one_setting_only():
    """A setting that is decided early takes no more replicates."""
    wide = {"mean": toys.MEAN, "width": 2 * toys.WIDTH}
    verdict = judged(settings=(SETTING, wide), budget=16384)
    first, second = verdict.cases
    assert verdict.outcome == "holds"
    assert first.estimate.count < second.estimate.count <= 16384


def test_finite_size_is_extrapolated_and_its_slope_reported():
    verdict = judged(**KINDS["limit"][0], predict=toys.sized_limit)
    (case,) = verdict.cases
    # the slope's standard error is about 0.06 (4 sizes, 16,000 replicates at most): five of them
    assert case.estimate.slope == pytest.approx(0.7, abs=0.3)
    assert abs(case.estimate.deviation) < 0.01


def test_sizes_that_no_fit_describes_decide_nothing():
    verdict = judged(kind="limit", measure=toys.oscillating, predict=toys.sized_limit, sizes=SIZES)
    assert verdict.outcome == "undecided"
    assert "chi-square" in verdict.reason


def test_only_the_chosen_outputs_are_judged():
    changes = {"measure": pair, "settings": ({"mean": 2.0},), "outputs": ("second",)}
    assert judged(**changes, predict=scalar_four, columns=(1,)).outcome == "holds"
    assert judged(**changes, predict=scalar_four, columns=(0,)).outcome == "refuted"


def pair(rng: np.random.Generator, replicates: int, mean: float) -> np.ndarray:
    return np.array([mean, 2 * mean]) + 0.1 * rng.standard_normal((replicates, 2))


def scalar_four(mean: float) -> float:
    return 4.0


def test_a_mean_that_meets_the_prediction_by_chance_is_no_certificate():
    """Means of coin tosses equal 0.5 exactly now and then, though the coin is biased by 10 %."""
    coins = {"kind": "exact", "measure": coin, "predict": half, "settings": ({"probability": 0.55},), "budget": 60_000}
    assert all(judged(seed, **coins, outputs=()).outcome == "refuted" for seed in range(12))


def half(probability: float) -> float:
    return 0.5


class UnluckyFirst(TwoKeys):
    """Two outputs of mean 1: a narrow one that the first key alone puts 3 % too high, and a wide one."""

    def _outcome(self, experiment: Experiment, replicates: int) -> Outcome:
        mean = np.array([1.03 if experiment.key == 0 else 1.0, 1.0])
        squares = replicates * np.array([0.02, 0.15]) ** 2
        return Outcome(Moments(replicates, mean, squares, 0 * squares), None, replicates, 0)


def test_a_case_that_its_second_key_clears_does_not_stop_the_others():
    claim = toys.claim(settings=({},), outputs=("narrow", "wide"), predict=ones, budget=16_384)
    verdict = check(claim, UnluckyFirst((0.0, 0.0)))  # pyright: ignore[reportArgumentType]
    assert verdict.outcome == "holds", verdict.reason
    assert {case.label: case.keys for case in verdict.cases} == {"narrow": 2, "wide": 1}


def ones() -> list[float]:
    return [1.0, 1.0]


def test_a_decay_that_is_no_power_law_does_not_certify_an_exponent():
    """Values 1, 1.35, 1.35, 1 over n give a fitted exponent of 1 exactly, and a hopeless fit."""
    changes = {"kind": "rate", "measure": arched, "predict": one, "sizes": SIZES, "settings": ({},), "margin": 0.01}
    assert judged(**changes).outcome == "undecided"


def arched(rng: np.random.Generator, replicates: int, n: int) -> np.ndarray:
    return (1.35 if n in (16, 32) else 1.0) / n * (1 + 1e-3 * rng.standard_normal(replicates))


def one(n: int) -> float:
    return 1.0


# --- oracle


def test_the_verdict_is_reproducible_and_the_seed_moves_it():
    a, b, c = judged(5), judged(5), judged(6)
    assert a.cases == b.cases
    assert a.cases[0].estimate.deviation != c.cases[0].estimate.deviation


def test_mutants_meet_the_claims_own_check():
    mutants = (
        *toys.MUTANTS,
        Mutant(name="two per cent", predict=toys.off_by_two_percent),
        Mutant(name="too close", predict=toys.off_by_one_percent),
        Mutant(name="no change", measure=toys.gaussian_again),
        Mutant(name="measure", measure=shifted),
    )
    verdict = judged(mutants=mutants)
    assert verdict.outcome == "holds"
    assert dict(verdict.mutants) == {
        "five per cent": "refuted",
        "half": "refuted",
        "sign": "refuted",
        "the same": "equivalent: it is the same formula",
        "two per cent": "refuted",
        "too close": "below resolution: differs by 0.0099 at most, margin 0.01",
        "no change": "surviving",
        "measure": "refuted",
    }
    assert verdict.surviving == ("no change",)


def shifted(rng: np.random.Generator, replicates: int, mean: float, width: float) -> np.ndarray:
    return 0.97 * toys.gaussian(rng, replicates, mean, width)


def test_a_mutant_is_judged_at_the_settings_where_it_differs():
    settings = (SETTING, {"mean": 1.0, "width": 0.05})
    blind = Mutant(name="square", predict=toys.squared, settings=(1,))  # 1 squared is 1
    seeing = Mutant(name="square elsewhere", predict=toys.squared)
    fates = judged(settings=settings, mutants=(blind, seeing)).mutants
    assert dict(fates) == {"square": "surviving", "square elsewhere": "refuted"}


@pytest.mark.parametrize("name", ["rate", "probability", "identity", "bound"])
def test_mutants_of_every_kind_are_refuted(name):
    changes, true, wrong = KINDS[name]
    mutants = (Mutant(name="wrong", predict=wrong), Mutant(name="right", predict=true))
    assert dict(judged(**changes, predict=true, mutants=mutants).mutants) == {"wrong": "refuted", "right": "surviving"}


def test_mutants_can_be_left_out():
    with Sweep() as sweep:
        assert check(toys.TRUE, sweep, mutants=False).mutants == {}


def test_the_worst_case_of_a_bound_and_its_tightness():
    """sin x / x on (0, 3] is largest at the left end, where 1 - sin x / x = x^2 / 6."""
    verdict = judged(**KINDS["bound"][0], predict=toys.line)
    assert verdict.worst["x"] < 1e-5
    assert verdict.tightness == pytest.approx(1.0, abs=1e-10)
    assert verdict.admissible >= 200
    broken = judged(**KINDS["bound"][0], predict=toys.line_lowered)
    assert math.sin(broken.worst["x"]) > 0.98 * broken.worst["x"]


def test_symbolic_identities():
    changes = {"kind": "identity", "settings": ({"power": 2}, {"power": 3})}
    assert judged(**changes, measure=symbolic_power, predict=symbolic_product).outcome == "holds"
    assert judged(**changes, measure=symbolic_power, predict=symbolic_sum).outcome == "refuted"


def symbolic_power(power: int) -> Any:
    import sympy

    return (1 + sympy.Symbol("x")) ** power


def symbolic_product(power: int) -> Any:
    import sympy

    return sympy.expand(symbolic_power(power))


def symbolic_sum(power: int) -> Any:
    return symbolic_product(power) + 1


def test_published_data_that_are_absent_are_said_so():
    verdict = judged(requires=toys.never)
    assert (verdict.outcome, verdict.cases) == ("not run", ())


# --- properties


@pytest.mark.parametrize("wrong", [0.98, 1.02])
@pytest.mark.parametrize("seed", range(6))
def test_two_per_cent_either_way_is_always_seen(wrong, seed):
    settings = ({"mean": toys.MEAN * wrong, "width": toys.WIDTH},)
    assert judged(seed, settings=settings, predict=always_the_mean).outcome == "refuted"


def always_the_mean(mean: float, width: float) -> float:
    return toys.MEAN


# --- bad input


@pytest.mark.parametrize("name", KINDS)
def test_hypotheses_that_admit_nothing_are_an_error(name):
    changes, true, _ = KINDS[name]
    with pytest.raises(VacuousClaim, match=r"claim 'toy\.mean'"):
        judged(**changes, predict=true, admissible=toys.never)


def test_settings_outside_the_hypotheses_are_left_out_and_counted():
    settings = (SETTING, {"mean": -3.7, "width": 0.2})
    verdict = judged(settings=settings, predict=abs_mean, admissible=positive)
    assert (verdict.outcome, verdict.admissible) == ("holds", 1)


def abs_mean(mean: float, width: float) -> float:
    return abs(mean)


def positive(mean: float, width: float) -> bool:
    return mean > 0


def test_a_measure_that_fails_is_an_error_with_its_setting():
    with pytest.raises(RuntimeError, match=r"claim 'toy\.mean', setting 0: .*the solve did not converge"):
        judged(measure=toys.failing)
