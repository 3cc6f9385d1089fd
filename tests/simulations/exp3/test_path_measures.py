"""Differences of candidates, information of the ladder and rounding: against replays, enumeration, other digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulations.exp3.jumps import simulate_ladder
from simulations.exp3.likelihood import log_likelihood, replay
from simulations.exp3.path_measures import (
    ROUNDING_OUTPUTS,
    ladder_path_information,
    probability_differences,
    rounding_errors,
)
from simulations.exp3.precise import precise_replay, precise_simulate
from simulations.exp3.simulation import simulate


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def key(seed: int = 1) -> int:
    """The key that a measure draws from rng(seed) for its first part."""
    return int(rng(seed).integers(2**53))


# --- identities and limits


def test_the_truth_does_not_differ_from_itself_and_round_one_says_nothing() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.2, "mean_losses": (0.9, 0.2, 0.4), "times": (1, 3, 20)}
    found = probability_differences(rng(), 5, ratios=(1.0, 0.5), **setting)
    assert np.all(found[:, 0] == 0)
    assert np.all(found[..., 0] == 0)
    assert np.all(found[:, 1, 2] != 0)


def test_limit_of_the_differences() -> None:
    """1 - q = (2 (1 - p))^r/2 (ex.D6), with p = 1/(1 + e^s)."""
    eta, s, ratio = 2e-4, 0.6, 1.4
    setting: dict[str, Any] = {"learning_rate": eta, "mean_losses": (1.0, 0.0), "times": (round(s / eta),)}
    found = probability_differences(rng(), 150, ratios=(ratio,), **setting)
    p = 1 / (1 + np.exp(s))
    wanted = p - 1 + (2 * (1 - p)) ** ratio / 2
    # 5 standard errors: false alarm 6e-7; the next order is eta times a number of order 1
    assert found.mean() == pytest.approx(wanted, abs=5 * found.std() / np.sqrt(150) + 4 * eta)
    assert abs(wanted) > 0.03


@pytest.mark.parametrize(
    ("n_arms", "rate", "rounds", "exact"), [(2, 0.3, 12, 70.30294907960094), (3, 0.4, 7, 5.593641428625)]
)
def test_mean_information_is_that_of_enumeration(
    n_arms: int, rate: float, rounds: int, exact: float, means_agree: Callable[..., None]
) -> None:
    found = ladder_path_information(rng(), 20_000, learning_rate=rate, horizons=(rounds,), n_arms=n_arms)
    means_agree(found[:, 0], exact)


def test_information_stands_still_on_a_plateau() -> None:
    found = ladder_path_information(rng(), 2000, learning_rate=0.5, horizons=(1e12, 1e100, 1e300))
    assert np.array_equal(found[:, 0], found[:, 2])
    assert np.ptp(found[:, 1]) > 0


# --- oracle


def test_differences_are_those_of_replays() -> None:
    times, ratios, eta = (1, 4, 9), (0.7, 1.3), 0.15
    setting: dict[str, Any] = {"mean_losses": (0.8, 0.3), "times": times, "ratios": ratios, "bernoulli": True}
    found = probability_differences(rng(), 6, learning_rate=eta, **setting)
    runs = simulate(eta, (0.8, 0.3), 9, 6, key(), bernoulli=True)
    p, *others = (np.exp(replay(eta * r, *runs, 2).log_probabilities)[:, [0, 3, 8], 0] for r in (1.0, *ratios))
    assert np.array_equal(found, np.stack([p - q for q in others], axis=1))


@pytest.mark.parametrize(("n_arms", "rate", "loss"), [(2, 0.3, 1.0), (4, 0.15, 1.7)])
def test_information_by_jumps_is_that_of_the_rounds(n_arms: int, rate: float, loss: float) -> None:
    rounds = 60
    runs = simulate_ladder(rate, rounds, 20, key(), n_arms=n_arms, loss=loss)
    arms, losses = np.ones((20, rounds), np.int16), np.zeros((20, rounds))
    for i, pulls in enumerate(runs.pulls):
        at = pulls[pulls > 0].astype(int) - 1
        arms[i, at], losses[i, at] = 0, loss
    setting: dict[str, Any] = {"learning_rate": rate, "n_arms": n_arms, "loss": loss}
    found = ladder_path_information(rng(), 20, horizons=(17, rounds), **setting)
    for j, stop in enumerate((17, rounds)):
        # sums of 60 terms by another order of operations, the sensitivity is at most 1e3
        assert found[:, j] == pytest.approx(log_likelihood(rate, arms, losses, n_arms, stop=stop).information, rel=1e-9)


def test_rounding_against_other_digits() -> None:
    eta, losses, times = 0.4, (0.8, 0.3), (2, 25, 60)
    found = rounding_errors(rng(3), 2, learning_rate=eta, mean_losses=losses, times=times, digits=40)
    more = rounding_errors(rng(3), 2, learning_rate=eta, mean_losses=losses, times=times, digits=80)
    assert found == pytest.approx(more, abs=1e-12)
    source, step = rng(3), 2.0**-45
    for i in range(2):
        arms, paid = precise_simulate(eta, losses, source.random(60), digits=60)
        exact, moved = (precise_replay(r, arms, paid, 2, digits=60).log_probabilities for r in (eta, eta + step))
        near = replay(eta, arms, paid, 2).log_probabilities
        x, y, z = (found_[[1, 24, 59], 1] - found_[[1, 24, 59], 0] for found_ in (exact, moved, near))
        slope = np.abs((y - x).astype(float)) / step
        # the next order: step times the sensitivity, 1e5 at most
        assert 10 ** found[i, 0] == pytest.approx(slope, rel=1e-6)
        assert found[i, 1] == pytest.approx(found[i, 0], abs=1e-6)  # doubles have not lost it yet
        assert 10 ** found[i, 2] == pytest.approx(np.abs((z - x).astype(float)), rel=1e-9, abs=1e-20)


# --- properties


def test_rounding_follows_the_sensitivity() -> None:
    found = rounding_errors(rng(), 3, learning_rate=0.5, mean_losses=(0.8, 0.3), times=range(40, 201, 20))
    sensitivity, _, error = np.moveaxis(found, 1, 0)
    predicted = np.log10(0.5) + sensitivity + np.log10(2.0**-53)
    far = sensitivity > 4
    assert far.any()
    assert np.all(error[far] < predicted[far] + 2.5)
    assert ROUNDING_OUTPUTS[2] == "log_error"


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": (0,)}, r"times must be >= 1, got times\[0\]=0"),
        ({"times": (1.5,)}, "times must be an integer"),
        ({"times": ()}, "times must have shape"),
        ({"ratios": (0.0,)}, r"ratios must be > 0"),
    ],
)
def test_bad_settings_of_differences(change: dict[str, Any], message: str) -> None:
    setting: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (1.0, 0.0), "ratios": (1.0,), "times": (2,)}
    with pytest.raises(ValueError, match=message):
        probability_differences(rng(), 1, **{**setting, **change})


def test_bad_settings_of_the_others() -> None:
    with pytest.raises(ValueError, match="mean_losses must be those of two arms, got 3"):
        rounding_errors(rng(), 1, learning_rate=0.1, mean_losses=(1, 0, 0), times=(2,))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"rounds must be an integer, got rounds=2\.5"):
        ladder_path_information(rng(), 1, learning_rate=0.1, horizons=(2.5,))
    with pytest.raises(ValueError, match="replicates must be >= 1"):
        ladder_path_information(rng(), 0, learning_rate=0.1, horizons=(2.0,))
