"""Exits, sensitivities, returns and least probabilities: against the laws of every round, differences, plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulations.exp3.likelihood import log_likelihood, replay
from simulations.exp3.process_measures import (
    RETURN_OUTPUTS,
    SENSITIVITY_OUTPUTS,
    exit_rounds,
    least_probabilities,
    returning_pulls,
    sensitivities,
)
from simulations.exp3.simulation import simulate


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def key(seed: int = 1) -> int:
    """The key that a measure draws from rng(seed) for its first part."""
    return int(rng(seed).integers(2**53))


def ladder(rate: float, n_arms: int, loss: float, rounds: int) -> list[float]:
    """Probability of the lossy arm after 0, 1, ... pulls."""
    x, found = 0.0, []
    for _ in range(rounds):
        found.append(1 / (1 + (n_arms - 1) * math.exp(x)) if x < 700 else 0.0)
        x += rate * loss / found[-1] if found[-1] else 0.0
    return found


# --- identities and limits


@pytest.mark.parametrize(
    ("n_arms", "rate", "threshold", "mean"),
    [(2, 0.1, 0.05, 39.836), (2, 0.02, 0.01, 236.174), (4, 0.02, 0.02, 160.18), (2, 0.5, 0.1, 6.7183)],
)
def test_mean_exit_of_the_ladder(
    n_arms: int, rate: float, threshold: float, mean: float, means_agree: Callable[..., None]
) -> None:
    """1 + x_m/eta exactly, m the first level below the threshold (ex.D3)."""
    levels = ladder(rate, n_arms, 1.0, 200)
    first = next(m for m, p in enumerate(levels) if p < threshold)
    exact = 1 + math.log((1 / levels[first] - 1) / (n_arms - 1)) / rate
    assert exact == pytest.approx(mean, abs=5e-4 * mean)
    losses = (1.0,) + (0.0,) * (n_arms - 1)
    found = exit_rounds(rng(), 4000, learning_rate=rate, mean_losses=losses, thresholds=(threshold,), max_rounds=10**5)
    means_agree(found[:, 0], exact)
    assert found[:, 0].min() >= first + 1
    assert not np.any(found[:, 1])


def test_rates_that_fall_exit_early() -> None:
    """Medians 8 and 11 for eta_t = t^-1/2, increments or the sum at the newest rate (ex.E6)."""
    setting: dict[str, Any] = {"learning_rate": 1.0, "mean_losses": (1.0, 0.0), "thresholds": (0.05,)}
    for cumulative, median in ((False, 8), (True, 11)):
        found = exit_rounds(rng(), 1001, max_rounds=999, rate_exponent=0.5, cumulative=cumulative, **setting)
        assert abs(np.median(found[:, 0]) - median) <= 1


def test_chance_of_a_return_is_exponential() -> None:
    """u has moments 1, 2 and transform 1/2 for a small rate; O(rate) off (ex.D11)."""
    found = returning_pulls(rng(), 4000, learning_rate=0.05, losses=(1.0, 0.5))
    assert len(RETURN_OUTPUTS) == 4
    margin = 4.9 * found[:, :3].std(axis=0) / math.sqrt(4000) + 0.02
    assert np.all(np.abs(found[:, :3].mean(axis=0) - [1, 2, 0.5]) < margin)
    np.testing.assert_allclose(np.quantile(found[:, 0], [0.1, 0.5, 0.9]), [0.105, 0.693, 2.303], rtol=0.15)
    assert not np.any(found[:, 3])


@pytest.mark.parametrize(("n_arms", "rate", "most"), [(2, 0.07, 1.0), (3, 0.3, 0.7)])
def test_the_worst_history_is_the_ladder(n_arms: int, rate: float, most: float) -> None:
    """After the first m losses on arm 0 the least arm stays the same one: ex.D3's bound is attained."""
    setting: dict[str, Any] = {"learning_rate": rate, "n_arms": n_arms, "rounds": 6, "loss_max": most}
    found = least_probabilities(rng(), 2, adversary="worst", **setting)
    np.testing.assert_allclose(found, np.tile(ladder(rate, n_arms, most, 6), (2, 1)), rtol=1e-12)


# --- oracle


def test_exits_by_the_laws_of_every_round() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (0.9, 0.4, 0.1)}
    found = exit_rounds(rng(), 30, thresholds=(0.3, 0.1, 0.02), max_rounds=50, **setting)
    arms, losses = simulate(*setting.values(), 50, 30, key())
    least = np.exp(replay(0.1, arms, losses, 3).log_probabilities).min(axis=2)
    for j, threshold in enumerate((0.3, 0.1, 0.02)):
        below = least < threshold
        expected = np.where(below.any(axis=1), below.argmax(axis=1) + 1, 51)
        np.testing.assert_array_equal(found[:, j], expected)
        np.testing.assert_array_equal(found[:, 3 + j], expected == 51)
    assert found[:, 5].any()


def test_sensitivities_by_differences() -> None:
    """d log-odds/d(eta) by central differences of the laws; information from the likelihood of each history."""
    setting: dict[str, Any] = {"learning_rate": 0.2, "mean_losses": (0.8, 0.3), "rounds": 40}
    found = sensitivities(rng(), 15, **setting)
    for row, arms, losses in zip(found, *simulate(*setting.values(), 15, key()), strict=True):
        logs = replay([0.2 * (1 - 1e-8), 0.2 * (1 + 1e-8)], arms, losses, 2).log_probabilities[:, -1]
        odds = logs[:, 0] - logs[:, 1]
        # differences of step 2e-8 of numbers near 1 err by 1e-8 relatively, chaos adds its part
        assert 10 ** row[0] == pytest.approx(abs(odds[1] - odds[0]) / 0.4e-8, rel=1e-4)
        at = log_likelihood(0.2, arms, losses, 2)
        np.testing.assert_allclose(row[1:], np.log10([at.information, at.condition]), rtol=1e-12)
    assert len(SENSITIVITY_OUTPUTS) == found.shape[1]


def test_returns_by_a_plain_loop(means_agree: Callable[..., None]) -> None:
    """No rounds passed over, another generator; a small rate would make this slow, so u is not exponential here."""
    rate, (first, second), jump = 0.4, (1.5, 0.7), 5.0
    numbers, plain = rng(7), []
    while len(plain) < 400:
        x, jumped = 0.0, False
        while True:
            p = 1 / (1 + math.exp(-x)) if x > -700 else 0.0
            if numbers.random() >= p:
                x += rate * second / (1 - p)
            elif jumped:
                plain.append([p / (rate * second), math.exp(-p / (rate * second))])
                break
            else:
                x, jumped = x - rate * first / p, rate * first / p >= jump
    found = returning_pulls(rng(), 4000, learning_rate=rate, losses=(first, second), jump=jump)
    means_agree(found[:, [0, 2]], np.array(plain))


def test_greedy_adversary_by_a_plain_loop(means_agree: Callable[..., None]) -> None:
    rate, most, rounds = 0.15, 1.3, 8
    numbers, plain = rng(7), []
    for _ in range(1500):
        y, row = np.zeros(3), []
        for _ in range(rounds):
            p = np.exp(y) / np.exp(y).sum()
            row.append(p.min())
            arm = numbers.choice(3, p=p)
            y[arm] -= rate * most * (arm == p.argmin()) / p[arm]
        plain.append(row)
    setting: dict[str, Any] = {"learning_rate": rate, "n_arms": 3, "rounds": rounds, "loss_max": most}
    means_agree(least_probabilities(rng(), 3000, adversary="greedy", **setting)[:, 1:], np.array(plain)[:, 1:])


def test_random_adversary_in_two_rounds() -> None:
    """Losses are 0 or 2.2 in a third of the runs each: the second round's probabilities are 1/2 and the ladder's."""
    found = least_probabilities(rng(), 9000, learning_rate=0.2, n_arms=2, rounds=2, loss_max=2.2)[:, 1]
    for value in (0.5, 1 / (1 + math.exp(0.88))):
        share = np.mean(np.isclose(found, value, rtol=1e-12))
        assert abs(share - 1 / 3) < 4.9 * math.sqrt(2 / 9 / 9000)
    assert np.all((found <= 0.5) & (found >= 1 / (1 + math.exp(0.88)) - 1e-15))


# --- properties


@pytest.mark.parametrize("adversary", ["random", "greedy", "worst"])
@pytest.mark.parametrize(("n_arms", "rate", "most"), [(2, 0.05, 1.0), (4, 0.6, 0.5), (1, 0.3, 2.0)])
def test_sure_bounds(adversary: str, n_arms: int, rate: float, most: float) -> None:
    found = least_probabilities(
        rng(), 200, learning_rate=rate, n_arms=n_arms, rounds=40, adversary=adversary, loss_max=most
    )
    assert np.all(np.isfinite(found))
    assert np.all(found >= np.array(ladder(rate, n_arms, most, 40)) - 1e-14 if n_arms > 1 else found == 1)
    assert np.all(found >= 1 / n_arms - rate * most * np.arange(40) - 1e-14)


def test_finite_where_arms_die() -> None:
    found = least_probabilities(rng(), 20, learning_rate=50.0, n_arms=3, rounds=30, adversary="worst")
    assert np.all(np.isfinite(found))
    values = sensitivities(rng(), 20, learning_rate=50.0, mean_losses=(1.0, 1.0), rounds=30)
    assert np.all(np.isfinite(values))


def test_sensitivity_explodes_where_losses_are_positive() -> None:
    """Growth without end for (.8, .3), hardly any for (1, 0) between 100 and 500 rounds (ex.D11)."""
    setting: dict[str, Any] = {"learning_rate": 0.5}
    medians = [
        np.median(sensitivities(rng(), 50, mean_losses=losses, rounds=rounds, **setting)[:, 0])
        for losses in ((0.8, 0.3), (1.0, 0.0))
        for rounds in (100, 500)
    ]
    assert medians[1] - medians[0] > 4
    assert abs(medians[3] - medians[2]) < 1


def test_nothing_to_learn_and_nothing_reached() -> None:
    values = sensitivities(rng(), 3, learning_rate=0.1, mean_losses=(1.0, 1.0), rounds=1)
    np.testing.assert_array_equal(values, -300.0)
    found = returning_pulls(rng(), 3, learning_rate=0.1, losses=(1.0, 0.5), max_rounds=1)
    np.testing.assert_array_equal(found, np.tile([0.0, 0.0, 0.0, 1.0], (3, 1)))


# --- bad input


def test_bad_input() -> None:
    for measure, setting, change, message in (
        (exit_rounds, EXITS, {"thresholds": (1.5,)}, r"thresholds must be > 0 and <= 1, got thresholds\[0\]=1\.5"),
        (exit_rounds, EXITS, {"thresholds": 0.5}, r"thresholds must have shape \(thresholds,\)"),
        (exit_rounds, EXITS, {"max_rounds": 0}, r"max_rounds must be >= 1"),
        (exit_rounds, EXITS, {"learning_rate": 0.0}, r"learning_rate must be > 0"),
        (exit_rounds, EXITS, {"rate_exponent": -1.0}, r"rate_exponent must be >= 0"),
        (returning_pulls, RETURNS, {"losses": (0.5, 1.0)}, r"losses must be a pair \(l1, l2\) with l1 > l2 > 0"),
        (returning_pulls, RETURNS, {"losses": (1.0, 0.0)}, r"losses must be > 0"),
        (returning_pulls, RETURNS, {"jump": 0.0}, r"jump must be > 0"),
        (returning_pulls, RETURNS, {"max_rounds": 0}, r"max_rounds must be >= 1"),
        (least_probabilities, LEAST, {"adversary": "kind"}, r"adversary must be one of random, greedy, worst, got"),
        (least_probabilities, LEAST, {"n_arms": 0}, r"n_arms must be >= 1"),
        (least_probabilities, LEAST, {"loss_max": 0.0}, r"loss_max must be > 0"),
        (least_probabilities, LEAST, {"learning_rate": -1.0}, r"learning_rate must be > 0"),
        (sensitivities, SENSITIVITY, {"rounds": 0}, r"rounds must be >= 1"),
    ):
        with pytest.raises(ValueError, match=message):
            measure(rng(), 3, **(setting | change))
        with pytest.raises(ValueError, match=r"replicates must be >= 1"):
            measure(rng(), 0, **setting)


EXITS: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (1.0, 0.0), "thresholds": (0.1,), "max_rounds": 9}
RETURNS: dict[str, Any] = {"learning_rate": 0.1, "losses": (1.0, 0.5)}
LEAST: dict[str, Any] = {"learning_rate": 0.1, "n_arms": 2, "rounds": 9}
SENSITIVITY: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (1.0, 0.5), "rounds": 9}
