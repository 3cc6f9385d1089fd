"""Score, estimates and the ladder's estimates: against enumeration, plain loops and brute-force maxima."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from simulations.exp3 import _tasks
from simulations.exp3._distances import laws
from simulations.exp3.enumeration import enumerate_histories
from simulations.exp3.jumps import simulate_ladder
from simulations.exp3.likelihood import PrecisionWarning
from simulations.exp3.maximum import maximum_likelihood
from simulations.exp3.measures import (
    ESTIMATE_OUTPUTS,
    LADDER_OUTPUTS,
    SCORE_OUTPUTS,
    estimates,
    information_samples,
    ladder_estimates,
    score_moments,
)
from simulations.exp3.process_measures import sensitivities
from simulations.exp3.simulation import simulate
from simulations.exp3.variant import CLASSIC, Variant

Array = NDArray[np.float64]


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def key(seed: int = 1) -> int:
    """The key that a measure draws from rng(seed) for its first part."""
    return int(rng(seed).integers(2**53))


def plain_laws(eta: float, arms: Array, losses: Array, n_arms: int) -> Array:
    """Probabilities of every round by the definition, in linear space, (rounds, n_arms)."""
    y, found = [0.0] * n_arms, []
    for arm, loss in zip(arms, losses.tolist(), strict=True):
        weights = [math.exp(value) for value in y]
        p = [weight / sum(weights) for weight in weights]
        found.append(p)
        y[arm] -= float(eta) * loss / p[arm]
    return np.array(found)


def plain_likelihood(eta: float, arms: Array, losses: Array, n_arms: int) -> float:
    try:
        p = plain_laws(eta, arms, losses, n_arms)
    except (ZeroDivisionError, OverflowError):
        return -math.inf
    own = p[np.arange(len(p)), arms]
    return float(np.sum(np.log(own))) if np.all(own > 0) else -math.inf


def brute_maximum(arms: Array, losses: Array, n_arms: int, low: float, high: float) -> tuple[float, float]:
    """The best of 400 rates and of a bounded search around it, with its likelihood."""
    grid = np.geomspace(low, high, 400)
    values = [plain_likelihood(eta, arms, losses, n_arms) for eta in grid]
    best = int(np.argmax(values))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, 399)]
    found = minimize_scalar(
        lambda eta: -plain_likelihood(eta, arms, losses, n_arms), bounds=ends, method="bounded", options={"xatol": 1e-9}
    )
    candidates = [(values[best], grid[best]), (-found.fun, found.x)]
    value, rate = max(candidates)
    return float(rate), float(value)


def column(table: Array, name: str, names: tuple[str, ...] = ESTIMATE_OUTPUTS) -> Array:
    return table[:, names.index(name)]


# --- identities and limits


def test_every_history_has_the_derivatives_of_the_enumeration() -> None:
    """Rows against all histories of a run, one by one: the same recursion by truncated power series."""
    setting: dict[str, Any] = {"learning_rate": 0.3, "mean_losses": (0.8, 0.3, 1.7), "rounds": 5}
    every = enumerate_histories(*setting.values())
    arms, _ = simulate(*setting.values(), 300, key())
    index = arms @ 3 ** np.arange(4, -1, -1)
    expected = np.stack([every.score, every.score**2, -every.hessian, every.information], axis=1)[index]
    np.testing.assert_allclose(score_moments(rng(), 300, **setting), expected, rtol=1e-10, atol=1e-11)  # 5 rounds


@pytest.mark.parametrize(
    ("setting", "information"),
    [
        ({"learning_rate": 0.3, "mean_losses": (0.8, 0.3), "rounds": 8}, 20.28932),
        ({"learning_rate": 0.3, "mean_losses": (1.0, 0.0), "rounds": 12}, 70.30294907960094),
        ({"learning_rate": 0.4, "mean_losses": (1.0, 0.0, 0.0), "rounds": 7}, 5.593641428625),
        ({"learning_rate": 0.3, "mean_losses": (0.8, 0.3), "rounds": 10, "threshold": 0.15}, 14.680501972342),
    ],
)
def test_score_identities(setting: dict[str, Any], information: float, means_agree: Callable[..., None]) -> None:
    """Mean 0 and three times the information, also up to the learner's own exit (ex.D1, ex.D2)."""
    moments = score_moments(rng(), 20_000, **setting)
    means_agree(moments, [0.0, information, information, information])
    assert len(SCORE_OUTPUTS) == moments.shape[1]


def test_information_is_scaled_by_a_power_of_the_rate() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.3, "mean_losses": (0.8, 0.3), "rounds": 8, "bernoulli": True}
    found = information_samples(rng(), 50, power=2.0, **setting)
    np.testing.assert_allclose(found[:, 0], 0.09 * score_moments(rng(), 50, **setting)[:, 3], rtol=1e-14)


def test_mean_field_information(means_agree: Callable[..., None]) -> None:
    """An independent run gave .4074(13) for losses (.8, .3) at eta = .0125, S = 2; the limit is .39807."""
    found = information_samples(rng(), 4000, learning_rate=0.0125, mean_losses=(0.8, 0.3), rounds=160)
    assert abs(found.mean() - 0.4074) < 4.9 * math.hypot(0.0013, found.std() / math.sqrt(4000))


def test_flat_histories_and_ends(means_agree: Callable[..., None]) -> None:
    """Six rounds, losses (1, 0): flat with probability 1/32; the upper end is best with probability .2272."""
    setting: dict[str, Any] = {"learning_rate": 0.4, "mean_losses": (1.0, 0.0), "rounds": 6}
    found = estimates(rng(), 20_000, low=0.125, high=12.5, **setting)
    means_agree(column(found, "flat"), 1 / 32)
    assert abs(np.mean(column(found, "at_high")) - 0.2272) < 4.9 * math.sqrt(0.2272 * 0.7728 / 20_000) + 5e-5
    flat = found[column(found, "flat") == 1]
    assert np.all(flat[:, ESTIMATE_OUTPUTS.index("covered")] == 1)
    assert np.all(np.delete(flat, [ESTIMATE_OUTPUTS.index(name) for name in ("flat", "covered")], axis=1) == 0)


def test_chi_squared_limits(means_agree: Callable[..., None]) -> None:
    """Ratio and divergence near chi^2_1, coverage near .952, squares near Q/J = .28836 at S = 2 (ex.D5)."""
    found = estimates(rng(), 2000, learning_rate=0.005, mean_losses=(1.0, 0.0), rounds=400, low=1 / 3, high=3.0)
    quantiles = np.quantile(column(found, "likelihood_ratio"), [0.5, 0.9])
    np.testing.assert_allclose(quantiles, [0.455, 2.706], rtol=0.2)  # sampling: 5 % and 4 %
    assert abs(np.mean(column(found, "covered")) - 0.95) < 0.025  # five standard errors
    assert abs(np.mean(column(found, "squared_distance")) - 0.28836) < 0.06  # 4.9 standard errors, and O(eta)
    assert abs(np.mean(column(found, "twice_divergence")) - 1) < 0.17


# --- oracle


@pytest.mark.parametrize(
    ("losses", "rate", "rounds"), [((1.3, 0.0), 0.11, 30), ((0.8, 0.3), 0.08, 30), ((0.9, 0.6, 0.3, 0.0), 0.1, 40)]
)
def test_estimates_by_brute_force(losses: tuple[float, ...], rate: float, rounds: int) -> None:
    setting: dict[str, Any] = {"learning_rate": rate, "mean_losses": losses, "rounds": rounds}
    found = estimates(rng(), 6, low=0.4, high=2.5, **setting)
    histories = simulate(rate, losses, rounds, 6, key())
    for row, arms, paid in zip(found, *histories, strict=True):
        best, value = brute_maximum(arms, paid, len(losses), 0.4 * rate, 2.5 * rate)
        outputs = dict(zip(ESTIMATE_OUTPUTS, row, strict=True))
        error, ratio = best / rate - 1, 2 * (value - plain_likelihood(rate, arms, paid, len(losses)))
        # a bounded search ends 1e-7 from the maximum
        np.testing.assert_allclose(list(row[:3]), [error, abs(error), error**2], rtol=1e-5, atol=1e-6)
        assert [outputs["at_low"], outputs["at_high"]] == [best < 0.401 * rate, best > 2.495 * rate]
        assert outputs["likelihood_ratio"] == pytest.approx(ratio, rel=1e-8, abs=1e-10)
        assert outputs["covered"] == (ratio < 3.8414588)
        hat = rate * (1 + row[0])
        p, q = (plain_laws(eta, arms, paid, len(losses)) for eta in (rate, hat))
        expected = {
            "twice_divergence": 2 * np.sum(p * np.log(p / q)),
            "squared_distance": np.sum((p - q) ** 2),
            "squared_l1_distance": np.sum(np.sum(np.abs(p - q), axis=1) ** 2),
            "affinity": -np.sum(np.log(np.sum(np.sqrt(p * q), axis=1))),
        }
        for name, number in expected.items():
            assert outputs[name] == pytest.approx(number, rel=1e-7, abs=1e-12), name  # differences of laws cancel


def test_rounds_after_the_exit_do_not_count() -> None:
    """The estimate up to the learner's exit is that of the rounds before it, history by history."""
    setting: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (0.9, 0.2)}
    found = estimates(rng(), 12, rounds=90, low=0.3, high=4.0, threshold=0.1, **setting)
    arms, losses = simulate(*setting.values(), 90, 12, key())
    shorter = 0
    for row, drawn, paid in zip(found, arms, losses, strict=True):
        p = plain_laws(0.1, drawn, paid, 2)
        below = np.min(p, axis=1) < 0.1
        stop = int(np.argmax(below)) if np.any(below) else 90
        shorter += stop < 90
        best, _ = brute_maximum(drawn[:stop], paid[:stop], 2, 0.03, 0.4)
        assert row[0] == pytest.approx(best / 0.1 - 1, abs=1e-5)
        q = plain_laws(0.1 * (1 + row[0]), drawn, paid, 2)
        assert column(row[None], "squared_distance") == pytest.approx(np.sum((p - q)[:stop] ** 2), rel=1e-6, abs=1e-12)
    assert shorter > 6


@pytest.mark.parametrize(("n_arms", "loss"), [(2, 1.0), (4, 1.7)])
def test_ladder_estimates_by_brute_force(n_arms: int, loss: float) -> None:
    """The pulls written out as a history of drawn arms; the lossless arms are drawn in turn."""
    rate, rounds = 0.25, 60
    found = ladder_estimates(rng(), 6, learning_rate=rate, rounds=rounds, low=0.4, high=2.5, n_arms=n_arms, loss=loss)
    pulls = simulate_ladder(rate, rounds, 6, key(), n_arms=n_arms, loss=loss).pulls.astype(int)
    for row, mine in zip(found, pulls, strict=True):
        arms = np.arange(rounds) % (n_arms - 1) + 1
        arms[mine[mine > 0] - 1] = 0
        paid = np.where(arms == 0, loss, 0.0)
        best, value = brute_maximum(arms, paid, n_arms, 0.4 * rate, 2.5 * rate)
        outputs = dict(zip(LADDER_OUTPUTS, row, strict=True))
        assert outputs["error"] == pytest.approx(best / rate - 1, abs=1e-6)
        ratio = 2 * (value - plain_likelihood(rate, arms, paid, n_arms))
        assert outputs["likelihood_ratio"] == pytest.approx(ratio, rel=1e-8, abs=1e-10)
        p, q = (plain_laws(eta, arms, paid, n_arms) for eta in (rate, rate * (1 + row[0])))
        assert outputs["twice_divergence"] == pytest.approx(2 * np.sum(p * np.log(p / q)), rel=1e-7, abs=1e-12)


def test_both_routes_to_the_ladder_agree(means_agree: Callable[..., None]) -> None:
    setting: dict[str, Any] = {"learning_rate": 0.2, "rounds": 50, "low": 1 / 3, "high": 3.0}
    jumps = ladder_estimates(rng(1), 4000, n_arms=3, loss=0.7, **setting)
    rounds = estimates(rng(2), 4000, mean_losses=(0.7, 0.0, 0.0), **setting)
    shared = [name for name in LADDER_OUTPUTS if name not in ("at_low", "flat", "unresolved")]
    means_agree(*([table[:, [names.index(name) for name in shared]] for table, names in (
        (jumps, LADDER_OUTPUTS), (rounds, ESTIMATE_OUTPUTS))]))  # fmt: skip


def test_full_horizon_standard_deviations() -> None:
    """Relative standard deviations without truncation, as other code found them at theta = 1, alpha = 1/2 (ex.D12)."""
    for rounds, expected in ((400, 0.0238), (1600, 0.0121)):
        found = ladder_estimates(rng(), 2000, learning_rate=rounds**-0.5, rounds=rounds, low=1 / 3, high=3.0)
        assert np.std(column(found, "error", LADDER_OUTPUTS)) == pytest.approx(expected, rel=0.12)  # heavy tails


def test_laws_are_each_their_own() -> None:
    rates = np.array([0.05, 0.2, 0.3])
    arms, losses = simulate(0.2, (0.8, 0.3, 0.5), 12, 3, 5)
    found = np.exp(laws(rates, arms, losses, 3, CLASSIC.options()))
    for law, rate, drawn, paid in zip(found, rates, arms, losses, strict=True):
        np.testing.assert_allclose(law, plain_laws(rate, drawn, paid, 3), rtol=1e-11)  # 12 rounds of chaos


# --- properties


def test_rates_and_losses_scale_against_each_other() -> None:
    """Only the product of rate and loss matters; the estimates are those of the same uniform numbers."""
    one = estimates(rng(), 40, learning_rate=0.1, mean_losses=(1.0, 0.25), rounds=40, low=0.5, high=2.0)
    two = estimates(rng(), 40, learning_rate=0.4, mean_losses=(0.25, 0.0625), rounds=40, low=0.5, high=2.0)
    np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-9)  # the maximum is flat: half of the digits


@pytest.mark.parametrize("name", ["estimates", "score_moments"])
def test_parts_fill_every_row(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fits into memory: all rows are written, none twice, and the same generator gives the same rows."""
    setting: dict[str, Any] = {"learning_rate": 0.2, "mean_losses": (0.8, 0.1), "rounds": 20}
    measure = {"estimates": estimates, "score_moments": score_moments}[name]
    if name == "estimates":
        setting |= {"low": 0.5, "high": 2.0}
    np.testing.assert_array_equal(measure(rng(), 30, **setting), measure(rng(), 30, **setting))
    monkeypatch.setattr(_tasks, "_CELLS", 7 * 40)
    found = measure(rng(), 30, **setting)
    assert found.shape[0] == 30
    assert np.all(np.isfinite(found))
    assert len(np.unique(found[:, :1])) > 20


@pytest.mark.parametrize(
    "change",
    [
        {"gains": True},
        {"mixing": 0.2},
        {"implicit_exploration": 0.1},
        {"rate_exponent": 0.5},
        {"bernoulli": True},
        {"mean_losses": np.linspace(0.0, 1.0, 60).reshape(20, 3)},
        {"threshold": 0.2},
        {"learning_rate": 30.0, "low": 0.001, "high": 1000.0},
        {"mean_losses": (0.5,), "threshold": None},
    ],
)
def test_everything_is_finite(change: dict[str, Any]) -> None:
    setting = {"learning_rate": 0.2, "mean_losses": (0.8, 0.1, 0.4), "rounds": 20, "low": 0.5, "high": 2.0} | change
    found = estimates(rng(), 20, **setting)
    assert found.shape == (20, len(ESTIMATE_OUTPUTS))
    assert np.all(np.isfinite(found))
    assert np.all(column(found, "likelihood_ratio") > -1e-7) or setting["learning_rate"] == 30.0
    del setting["low"], setting["high"]
    assert np.all(np.isfinite(score_moments(rng(), 20, **setting)))


def test_flags_are_those_of_the_maximum() -> None:
    """Far above the true rate cells stay unresolved and digits are lost: the columns say so, row by row."""
    setting: dict[str, Any] = {"learning_rate": 0.3, "mean_losses": (0.9, 0.5), "rounds": 120}
    found = estimates(rng(), 40, low=0.02, high=50.0, **setting)
    fit = maximum_likelihood(*simulate(*setting.values(), 40, key()), 2, (0.02 * 0.3, 50.0 * 0.3))
    np.testing.assert_array_equal(column(found, "unresolved"), fit.unresolved > 0)
    np.testing.assert_array_equal(column(found, "unreliable"), ~fit.reliable)
    assert np.any(fit.unresolved > 0)


def test_a_truth_outside_the_interval_is_likelier_than_the_estimate() -> None:
    """The statistic is then negative in some runs, and such intervals contain the truth."""
    found = estimates(rng(), 60, learning_rate=0.1, mean_losses=(0.8, 0.1), rounds=40, low=3.0, high=4.0)
    ratio = column(found, "likelihood_ratio")
    assert np.min(ratio) < -1
    np.testing.assert_array_equal(column(found, "covered"), ratio <= 3.841458820694124)


def test_flat_ladders_say_nothing() -> None:
    """Two rounds: flat unless the first one is a pull, an event of probability 1/3; nothing is left unresolved."""
    found = ladder_estimates(rng(), 300, learning_rate=0.3, rounds=2, low=0.2, high=5.0, n_arms=3, loss=0.7)
    flat = column(found, "flat", LADDER_OUTPUTS) == 1
    assert abs(np.mean(flat) - 2 / 3) < 0.14  # five standard errors
    expected = np.array([float(name in ("flat", "covered")) for name in LADDER_OUTPUTS])
    np.testing.assert_array_equal(found[flat], np.tile(expected, (np.count_nonzero(flat), 1)))
    assert not np.any(column(found, "unresolved", LADDER_OUTPUTS))


def test_moments_of_chaotic_runs_come_with_a_warning() -> None:
    """Not so those of a stable run, nor the sensitivities, which have a column for the condition."""
    setting: dict[str, Any] = {"learning_rate": 0.5, "mean_losses": (0.8, 0.3), "rounds": 600}
    with pytest.warns(PrecisionWarning, match=r"of 5 likelihoods have lost more than ten digits to chaos"):
        score_moments(rng(), 5, **setting)
    assert np.all(np.isfinite(sensitivities(rng(), 5, **setting)))
    score_moments(rng(), 5, **{**setting, "rounds": 10})


def test_a_threshold_at_the_uniform_law_keeps_the_first_round() -> None:
    """Mixing makes the first law uniform up to rounding: that is no exit."""
    setting: dict[str, Any] = {"learning_rate": 0.2, "mean_losses": (0.8, 0.1, 0.4), "rounds": 6}
    for mixing in (0.1, 0.3, 0.7, 0.9):
        found = estimates(rng(), 9, low=0.5, high=2.0, threshold=1 / 3, mixing=mixing, **setting)
        assert np.all(column(found, "flat") == 1)


def test_variants_reach_the_likelihood(means_agree: Callable[..., None]) -> None:
    """Score identities of each variant: simulator and likelihood must both know it."""
    for change in ({"gains": True}, {"mixing": 0.3}, {"implicit_exploration": 0.2}, {"rate_exponent": 0.7}):
        setting: dict[str, Any] = {"learning_rate": 0.3, "mean_losses": (0.8, 0.3), "rounds": 7}
        every = enumerate_histories(*setting.values(), variant=Variant(**change))
        information = float(every.mean(every.information))
        means_agree(score_moments(rng(), 6000, **setting, **change), [0.0, information, information, information])


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, r"learning_rate must be > 0"),
        ({"learning_rate": [0.1]}, r"learning_rate must be a single real number"),
        ({"mean_losses": ((1.0, 0.0),)}, r"mean_losses must have shape"),
        ({"rounds": 0}, r"rounds must be >= 1, got rounds=0"),
        ({"low": 0.0}, r"low must be > 0"),
        ({"low": 3.0}, r"low must be < high, got low=3\.0 and high=2\.0"),
        ({"threshold": 0.6}, r"threshold must be > 0 and <= 0\.5, got threshold=0\.6"),
        ({"bernoulli": 1}, r"bernoulli must be True or False"),
        ({"mixing": 2.0}, r"mixing must be >= 0 and <= 1"),
        ({"replicates": 0}, r"replicates must be >= 1"),
    ],
)
def test_bad_estimates(change: dict[str, Any], message: str) -> None:
    setting = {"learning_rate": 0.1, "mean_losses": (1.0, 0.0), "rounds": 9, "low": 0.5, "high": 2.0} | change
    with pytest.raises(ValueError, match=message):
        estimates(rng(), setting.pop("replicates", 3), **setting)


def test_bad_moments_and_ladders() -> None:
    with pytest.raises(ValueError, match=r"power must be a number, got power=nan"):
        information_samples(rng(), 2, learning_rate=0.1, mean_losses=(1.0, 0.0), rounds=3, power=math.nan)
    setting: dict[str, Any] = {"learning_rate": 0.1, "rounds": 9, "low": 0.5, "high": 2.0}
    for change, message in (
        ({"rounds": 2.5}, r"rounds must be an integer"),
        ({"n_arms": 1}, r"n_arms must be >= 2"),
        ({"loss": 0.0}, r"loss must be > 0"),
        ({"high": 0.1}, r"low must be < high"),
        ({"learning_rate": -1.0}, r"learning_rate must be > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            ladder_estimates(rng(), 3, **(setting | change))
