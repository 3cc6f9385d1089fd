"""Runs of Exp3: their law by enumeration and on the ladder, their random numbers, and the bits of their likelihood."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from simulations.exp3 import simulation
from simulations.exp3._threefry import BUFFER, fill_uniforms
from simulations.exp3.likelihood import log_likelihood, replay
from simulations.exp3.literal import literal_simulate
from simulations.exp3.simulation import Histories, exit_times, simulate
from simulations.exp3.variant import CLASSIC, Variant

VARIANTS = [
    CLASSIC,
    Variant(gains=True),
    Variant(mixing=0.1),
    Variant(implicit_exploration=0.05),
    Variant(rate_exponent=0.3),
    Variant(True, 0.05, 0.02, 0.4, True),
]
LIMIT = 4.9  # normal quantile: one false alarm in 10^6, for the fixed seeds once and for all


def mean_losses(n_arms: int) -> list[float]:
    return {1: [0.4], 2: [0.8, 0.3], 4: [0.9, 0.6, 0.3, 0.0]}.get(n_arms, np.linspace(0, 1.3, n_arms).tolist())


def uniforms(seed: int, replicate: int, rounds: int, stream: int = 0) -> np.ndarray:
    first, second = np.empty((2, BUFFER // 2), np.uint64)
    out = np.empty((-(-rounds // BUFFER), BUFFER))
    for i, row in enumerate(out):
        fill_uniforms(np.array([seed, replicate], np.uint64), i * BUFFER, stream, first, second, row)
    return out.ravel()[:rounds]


def literal_run(
    eta: float, table: np.ndarray, draws: np.ndarray, coins: np.ndarray | None = None
) -> tuple[list[int], list[float]]:
    """The definition with probabilities in linear space."""
    weights, arms, losses = np.ones(table.shape[-1]), [], []
    for t, uniform in enumerate(draws):
        p = weights / weights.sum()
        arm = min(int(np.searchsorted(np.cumsum(p), uniform, side="right")), p.size - 1)
        loss = float(table[t, arm] if table.ndim == 2 else table[arm])
        loss = loss if coins is None else float(coins[t] < loss)
        weights[arm] *= math.exp(-eta * loss / p[arm])
        arms.append(arm)
        losses.append(loss)
    return arms, losses


def ladder_exit(eta: float, threshold: float, n_arms: int) -> tuple[float, float]:
    """Mean and variance of the exit time with one lossy arm: 1 + a sum of geometric waiting times (ex.D3)."""
    x, mean, variance = 0.0, 1.0, 0.0
    while (p := 1 / (1 + (n_arms - 1) * math.exp(x))) >= threshold:
        mean, variance = mean + 1 / p, variance + (1 - p) / p**2
        x += eta / p
    assert mean == pytest.approx(1 + x / eta, rel=1e-12)
    return mean, variance


# --- identities and limits


def test_one_arm() -> None:
    arms, losses = simulate(0.3, [0.7], 5, 2, seed=1)
    np.testing.assert_array_equal(arms, 0)
    np.testing.assert_array_equal(losses, 0.7)
    assert exit_times(0.3, [0.7], 0.9, 2, seed=1, max_rounds=4).tolist() == [5, 5]


def test_what_is_stored() -> None:
    found = simulate(0.3, [0.7, 0.2, 0.1], 9, 4, seed=1)
    assert isinstance(found, Histories)
    assert (found.arms.dtype, found.losses.dtype) == (np.int16, np.float64)
    np.testing.assert_array_equal(found.losses, np.array([0.7, 0.2, 0.1])[found.arms])


def test_exit_at_once_and_never() -> None:
    for n_arms in (2, 3):
        assert exit_times(0.3, [0.5] * n_arms, 1 / n_arms + 1e-9, 2, seed=1, max_rounds=4).tolist() == [1, 1]
        assert exit_times(0.3, [0.0] * n_arms, 1 / n_arms, 2, seed=1, max_rounds=4).tolist() == [5, 5]
    mixed = exit_times(0.3, [1.0, 0.0], 0.09, 50, seed=1, max_rounds=3000, variant=Variant(mixing=0.2))
    assert np.all(mixed == 3001)  # no probability is below 0.1


# --- oracle


@pytest.mark.parametrize("n_arms", [2, 4, 50])
def test_runs_are_the_definition(n_arms: int) -> None:
    losses = np.array(mean_losses(n_arms))
    drift = losses * np.linspace(1.0, 0.2, 150)[:, None]
    for table, bernoulli in ((losses, False), (drift, False), (drift / 1.4, True)):
        found = simulate(0.02, table, 150, 40, seed=9, bernoulli=bernoulli)
        for i in range(40):
            coins = uniforms(9, i, 150, stream=1) if bernoulli else None
            arms, paid = literal_run(0.02, table, uniforms(9, i, 150), coins)
            assert found.arms[i].tolist() == arms  # a uniform within 1e-13 of a boundary: once in 10^8
            np.testing.assert_array_equal(found.losses[i], paid)


@pytest.mark.parametrize("variant", [CLASSIC, *VARIANTS[2:]], ids=str)
@pytest.mark.parametrize(("n_arms", "rounds"), [(2, 6), (4, 3)])
def test_histories_have_their_likelihood_as_probability(n_arms: int, rounds: int, variant: Variant) -> None:
    replicates = 60_000
    table = np.array(mean_losses(n_arms))
    arms = simulate(0.3, table, rounds, replicates, seed=2, variant=variant).arms
    every = np.array(list(itertools.product(range(n_arms), repeat=rounds)))
    p = np.exp(log_likelihood(0.3, every, table[every], n_arms, variant=variant).value)
    counts = np.bincount(arms @ n_arms ** np.arange(rounds)[::-1], minlength=n_arms**rounds)
    common = replicates * p > 25
    z = (counts - replicates * p)[common] / np.sqrt(replicates * (p * (1 - p))[common])
    assert np.max(np.abs(z)) < 5.7  # of at most 64 numbers: one false alarm in 10^6
    rare = replicates * np.sum(p[~common])
    assert abs(np.sum(counts[~common]) - rare) < LIMIT * math.sqrt(rare) + 10


@pytest.mark.parametrize(
    ("n_arms", "eta", "threshold"), [(2, 0.1, 0.05), (2, 0.5, 0.1), (4, 0.02, 0.02), (40, 0.05, 0.01)]
)
def test_exit_times_on_the_ladder(n_arms: int, eta: float, threshold: float) -> None:
    mean, variance = ladder_exit(eta, threshold, n_arms)
    times = exit_times(eta, [1.0] + [0.0] * (n_arms - 1), threshold, 20_000, seed=14, max_rounds=10**6)
    assert abs(times.mean() - mean) < LIMIT * math.sqrt(variance / 20_000)
    assert times.var() == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("n_arms", [2, 4, 50])
def test_exit_times_are_those_of_the_replayed_runs(n_arms: int, variant: Variant) -> None:
    table, rounds, threshold = mean_losses(n_arms), 90, 0.3 / n_arms
    for bernoulli in (False, True):
        losses = np.array(table) / 1.4
        arms, paid = simulate(0.05, losses, rounds, 40, seed=3, bernoulli=bernoulli, variant=variant)
        smallest = np.exp(replay(0.05, arms, paid, n_arms, variant=variant).log_probabilities).min(axis=-1)
        expected = [int(np.argmax(row < threshold)) + 1 if np.any(row < threshold) else rounds + 1 for row in smallest]
        times = exit_times(0.05, losses, threshold, 40, seed=3, max_rounds=rounds, bernoulli=bernoulli, variant=variant)
        assert times.tolist() == expected


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("n_arms", [2, 5])
def test_runs_and_exits_of_every_variant_are_the_literal_ones(n_arms: int, variant: Variant) -> None:
    """Losses that change by round, of both signs or none at all, so that the least likely arm falls and rises."""
    rng, rounds, count, threshold = np.random.default_rng(3), 80, 12, 0.8 / n_arms
    signed = rng.uniform(-0.6, 0.6, (rounds, n_arms)) * (rng.random((rounds, n_arms)) < 0.7)
    for table, bernoulli in ((signed, False), (np.abs(signed), True)):
        arms, paid = simulate(0.2, table, rounds, count, seed=8, bernoulli=bernoulli, variant=variant)
        for i in range(count if variant.mixing == 0.0 or n_arms == 2 else 0):  # else uniforms are used in another way
            coins = uniforms(8, i, rounds, stream=1) if bernoulli else None
            drawn, losses = literal_simulate(
                0.2, table, uniforms(8, i, rounds), loss_uniforms=coins, variant=variant
            )  # a uniform within 1e-12 of a boundary: once in 10^9
            np.testing.assert_array_equal(drawn, arms[i])
            np.testing.assert_array_equal(losses, paid[i])
        below = np.exp(replay(0.2, arms, paid, n_arms, variant=variant).log_probabilities).min(axis=-1) < threshold
        expected = np.where(below.any(axis=1), below.argmax(axis=1), rounds) + 1
        times = exit_times(0.2, table, threshold, count, 8, max_rounds=rounds, bernoulli=bernoulli, variant=variant)
        assert variant.cumulative or len(set(times.tolist())) > 1
        np.testing.assert_array_equal(times, expected)


# --- properties


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("n_arms", [2, 4, 50])
def test_the_likelihood_at_the_true_rate_sees_the_probabilities_of_the_run(n_arms: int, variant: Variant) -> None:
    """Bit by bit, also in chaos, where any other order of operations has diverged (ex.D11)."""
    table, rounds = np.array(mean_losses(n_arms)) + 0.1, 600
    arms, losses = simulate(0.5, table, rounds, 3, seed=6, variant=variant)
    trace, exits = np.empty((3, rounds)), np.empty(3, np.int64)
    again = np.empty_like(arms), np.empty_like(losses)
    simulation.run_histories(
        0.5, table[None], False, variant.options(), 6, 0, rounds, -1.0, again[0], again[1], trace, exits
    )
    np.testing.assert_array_equal(again[0], arms)
    logs = replay(0.5, arms, losses, n_arms, variant=variant).log_probabilities
    np.testing.assert_array_equal(np.take_along_axis(logs, arms[..., None].astype(int), axis=-1)[..., 0], trace)


@pytest.mark.filterwarnings("ignore::simulations.exp3.likelihood.PrecisionWarning")
def test_chaotic_runs_have_a_finite_likelihood_at_their_rate_and_none_beside_it() -> None:
    arms, losses = simulate(0.5, [0.8, 0.3], 3000, 40, seed=6)
    value = log_likelihood([0.5, 0.5 * (1 + 1e-12)], arms, losses, 2).value
    assert np.all(np.isfinite(value[:, 0]))
    assert np.mean(value[:, 1] == -np.inf) > 0.8  # the others have not diverged yet


@pytest.mark.parametrize("n_arms", [2, 4, 50])
@pytest.mark.parametrize("bernoulli", [False, True])
def test_replicates_are_addressed(n_arms: int, bernoulli: bool) -> None:
    """Neither the number of rounds nor of replicates nor the first of them changes a run."""
    losses = np.array(mean_losses(n_arms)) / 1.4
    arms, paid = simulate(0.05, losses, 200, 70, seed=5, bernoulli=bernoulli)
    short = simulate(0.05, losses, 90, 3, seed=5, bernoulli=bernoulli, first_replicate=40)
    np.testing.assert_array_equal(short.arms, arms[40:43, :90])
    np.testing.assert_array_equal(short.losses, paid[40:43, :90])
    other = simulate(0.05, losses, 200, 70, seed=6, bernoulli=bernoulli).arms
    assert np.mean(other == arms) < 0.9
    assert len({row.tobytes() for row in arms}) == 70


def test_two_rates_share_their_uniform_numbers() -> None:
    one, two = (simulate(rate, [1.0, 0.0], 40, 200, seed=5).arms for rate in (0.05, 0.0500001))
    assert np.mean(np.any(one != two, axis=1)) < 0.01
    np.testing.assert_array_equal(simulate(3.0, [1.0, 0.0], 1, 200, seed=5).arms, one[:, :1])


def test_gains_are_losses_with_the_other_sign() -> None:
    for n_arms in (2, 4):
        gains = simulate(0.1, mean_losses(n_arms), 60, 5, seed=1, variant=Variant(gains=True))
        losses = simulate(0.1, -np.array(mean_losses(n_arms)), 60, 5, seed=1)
        np.testing.assert_array_equal(gains.arms, losses.arms)
        np.testing.assert_array_equal(gains.losses, -losses.losses)


def test_rates_that_fall_within_a_run() -> None:
    """Exit from 0.05 with losses (1, 0) and rate t^(-1/2): within a dozen rounds, whatever the horizon (ex.T3)."""
    increment, cumulative = (
        exit_times(1.0, [1.0, 0.0], 0.05, 4000, 3, max_rounds=9999, variant=Variant(rate_exponent=0.5, cumulative=form))
        for form in (False, True)
    )
    assert np.median(increment) < np.median(cumulative) <= 12


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, r"learning_rate must be > 0 and <= 1e\+20, got learning_rate=0\.0"),
        ({"learning_rate": [0.1, 0.2]}, r"learning_rate must be a single real number, got shape \(2,\)"),
        ({"mean_losses": [0.3, math.nan]}, r"mean_losses must be .*got mean_losses\[1\]=nan"),
        (
            {"mean_losses": [0.3, 1.2], "bernoulli": True},
            r"mean_losses must be >= 0 and <= 1, got mean_losses\[1\]=1\.2",
        ),
        ({"mean_losses": 0.3}, r"mean_losses must have shape \(n_arms,\) or \(rounds, n_arms\) .*got shape \(\)"),
        ({"mean_losses": []}, r"mean_losses must have shape .*n_arms >= 1, got shape \(0,\)"),
        ({"mean_losses": [[0.1, 0.2]] * 3}, r"mean_losses must have shape .*with rounds=4 .*got shape \(3, 2\)"),
        ({"mean_losses": [0.1] * 32_768}, r"n_arms must be >= 1 and <= 32767"),
        ({"rounds": 0}, r"rounds must be >= 1, got rounds=0"),
        ({"rounds": 2.5}, r"rounds must be an integer, got rounds=2\.5"),
        ({"replicates": 0}, r"replicates must be >= 1, got replicates=0"),
        ({"seed": -1}, r"seed must be >= 0 and <= .*got seed=-1"),
        ({"first_replicate": -1}, r"first_replicate must be >= 0"),
        ({"bernoulli": 1}, r"bernoulli must be True or False, got bernoulli=1"),
        ({"variant": None}, r"variant must be a Variant, got variant=None"),
        ({"rounds": 10**6, "replicates": 10**6}, r"replicates times rounds must be <= .*got replicates=1000000"),
        ({"rounds": 1e300}, r"replicates times rounds must be <="),
    ],
)
def test_bad_runs(change: dict[str, Any], message: str) -> None:
    good = {"learning_rate": 0.1, "mean_losses": [0.3, 0.1], "rounds": 4, "replicates": 2, "seed": 0}
    with pytest.raises(ValueError, match=message):
        simulate(**(good | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 0.0}, r"threshold must be > 0 and <= 1, got threshold=0\.0"),
        ({"threshold": 1.1}, r"threshold must be > 0 and <= 1, got threshold=1\.1"),
        ({"threshold": [0.1]}, r"threshold must be a single real number"),
        ({"max_rounds": 0}, r"max_rounds must be >= 1 and <= .*, got max_rounds=0"),
        ({"max_rounds": 1e300}, r"max_rounds must be >= 1 and <= .*, got max_rounds=1e\+300"),
        ({"replicates": 10**10}, r"replicates must be >= 1 and <="),
        ({"variant": None}, r"variant must be a Variant"),
        ({"mean_losses": [[0.1, 0.2]] * 3}, r"mean_losses must have shape .*with rounds=4"),
    ],
)
def test_bad_exits(change: dict[str, Any], message: str) -> None:
    good = {
        "learning_rate": 0.1,
        "mean_losses": [0.3, 0.1],
        "threshold": 0.2,
        "replicates": 2,
        "seed": 0,
        "max_rounds": 4,
    }
    with pytest.raises(ValueError, match=message):
        exit_times(**(good | change))
