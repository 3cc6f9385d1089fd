"""Candidates' likelihoods, finite sets, truncation by the candidate: against the laws of every round, one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulations.exp3.candidate_measures import (
    FINITE_SET_OUTPUTS,
    TRUNCATION_OUTPUTS,
    candidate_likelihoods,
    estimates_candidate_truncation,
    finite_set_errors,
    finite_set_exceedances,
)
from simulations.exp3.likelihood import replay
from simulations.exp3.literal import literal_log_likelihood
from simulations.exp3.simulation import simulate

GRID = tuple(np.geomspace(0.1, 10.0, 61).round(6))


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def key(seed: int = 1) -> int:
    """The key that a measure draws from rng(seed) for its first part."""
    return int(rng(seed).integers(2**53))


# --- identities and limits


@pytest.mark.parametrize(
    ("losses", "ratio", "scaled_time", "expected"),
    [((1.0, 0.0), 0.5, 0.5, -0.34296), ((1.0, 0.0), 1.5, 0.5, -0.3435), ((1.0, 0.0), 2.0, 0.5, -0.3501)],
)
def test_limit_of_candidates(losses: tuple[float, ...], ratio: float, scaled_time: float, expected: float) -> None:
    """Integral of p log q + (1 - p) log(1 - q) with 1 - q = (2 (1 - p))^ratio / 2 (ex.D6), here by a sum."""
    s = (np.arange(20_000) + 0.5) * scaled_time / 20_000
    p = 1 / (1 + np.exp(s))
    q = 1 - 0.5 * (2 * (1 - p)) ** ratio
    limit = np.mean(p * np.log(q) + (1 - p) * np.log(1 - q)) * scaled_time
    assert limit == pytest.approx(expected, abs=1e-3)
    found = candidate_likelihoods(
        rng(), 100, learning_rate=1e-3, mean_losses=losses, scaled_time=scaled_time, ratios=(ratio,)
    )
    assert abs(found[:, 0].mean() - limit) < 4.9 * found[:, 0].std() / 10 + 1e-3  # the limit errs by O(rate)
    assert np.all(found[:, 1] == 0)


def test_beyond_the_cliff() -> None:
    """At ratio 2 the likelihood collapses at scaled time .8814, at ratio 1 it does not; gains know no cliff."""
    setting: dict[str, Any] = {"learning_rate": 0.002, "mean_losses": (1.0, 0.0), "scaled_time": 2.0}
    losses = candidate_likelihoods(rng(), 50, ratios=(1.0, 2.0), **setting)
    gains = candidate_likelihoods(rng(), 50, ratios=(1.0, 2.0), gains=True, **setting)
    assert losses[:, 3].tolist() == [1.0] * 50
    assert losses[:, 1].tolist() == [-1e6] * 50
    assert np.all(losses[:, 0] > -2)
    assert np.all(gains[:, :2] > -2)
    assert not np.any(losses[:, 2])
    assert not np.any(gains[:, 2:])


def test_the_truth_alone_is_right() -> None:
    found = finite_set_errors(rng(), 5, learning_rate=0.2, mean_losses=(0.8, 0.3), rounds=9, ratios=(1.0,))
    np.testing.assert_array_equal(found, np.tile([0.0, 0.0, 0.0, 0.0, 0.0, 1.0], (5, 1)))


def test_truncation_by_the_candidate_runs_to_the_edge() -> None:
    """Medians: far too large, biased downwards, right."""
    setting: dict[str, Any] = {"learning_rate": 0.02, "mean_losses": (1.0, 0.0), "rounds": 300, "threshold": 0.05}
    total, per_round, own = np.median(estimates_candidate_truncation(rng(), 100, ratios=GRID, **setting), axis=0)
    assert len(TRUNCATION_OUTPUTS) == 3
    assert total > 7
    assert 0.7 < per_round < 0.9
    assert own == pytest.approx(1.0, abs=0.04)  # half of the grid's spacing


# --- oracle


def test_candidates_by_the_definition() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (0.9, 0.2, 0.5)}
    found = candidate_likelihoods(rng(), 8, scaled_time=1.46, ratios=(0.3, 1.0, 1.4), bernoulli=True, **setting)
    arms, losses = simulate(*setting.values(), 15, 8, key(), bernoulli=True)  # round(14.6) rounds
    for row, drawn, paid in zip(found, arms, losses, strict=True):
        expected = [0.1 * literal_log_likelihood(rate, drawn, paid, 3)[0] for rate in (0.03, 0.1, 0.14)]
        np.testing.assert_allclose(row[:3], expected, rtol=1e-9)


def test_finite_sets_by_the_laws_of_every_round() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.05, "mean_losses": (0.9, 0.6, 0.3, 0.0), "rounds": 40}
    ratios = (3.0, 0.2, 1.0, 0.7, 1.5)
    found = finite_set_errors(rng(), 20, ratios=ratios, **setting)
    rates = 0.05 * np.array(ratios)
    wrong = 0
    for row, arms, losses in zip(found, *simulate(*setting.values(), 20, key()), strict=True):
        logs = replay(rates, arms, losses, 4).log_probabilities
        values = np.sum(logs[:, np.arange(40), arms], axis=1)
        chosen = int(np.argmax(values))
        wrong += chosen != 2
        log_p, log_q = logs[2], logs[chosen]
        p, q = np.exp(log_p), np.exp(log_q)
        divergence, reversed_one = np.sum(p * (log_p - log_q)), np.sum(q * (log_q - log_p))
        martingale = np.sum((log_q - log_p)[np.arange(40), arms]) + divergence
        expected = [
            -np.sum(np.log(np.sum(np.sqrt(p * q), axis=1))),
            np.sum((p - q) ** 2),
            np.sum(np.sum(np.abs(p - q), axis=1) ** 2),
            martingale - divergence,
            martingale - reversed_one,
            chosen == 2,
        ]
        np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-12)
    assert 0 < wrong < 20
    assert len(FINITE_SET_OUTPUTS) == found.shape[1]


@pytest.mark.parametrize(("losses", "threshold"), [((1.2, 0.1), 0.1), ((0.9, 0.7), 0.25)])
def test_truncations_by_the_laws_of_every_round(losses: tuple[float, float], threshold: float) -> None:
    """Close losses: runs leave and come back, and some never leave."""
    setting: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": losses}
    ratios = np.geomspace(0.3, 2.0, 41)
    found = estimates_candidate_truncation(rng(), 100, rounds=30, threshold=threshold, ratios=tuple(ratios), **setting)
    for row, arms, paid in zip(found, *simulate(*setting.values(), 30, 100, key()), strict=True):
        logs = replay(0.1 * ratios, arms, paid, 2).log_probabilities
        truth = np.exp(replay(0.1, arms, paid, 2).log_probabilities.min(axis=1))
        total, mean, own = [], [], []
        learner = next((t for t in range(30) if truth[t] < threshold), 30)
        for law in logs:
            stop = next((t for t in range(30) if np.exp(law[t].min()) < threshold), 30)
            terms = law[np.arange(30), arms]
            total.append(np.sum(terms[:stop]))
            mean.append(np.mean(terms[:stop]))
            own.append(np.sum(terms[:learner]))
        assert row.tolist() == [ratios[np.argmax(values)] for values in (total, mean, own)]


# --- properties


def test_bound_and_sure_inequality(means_agree: Callable[..., None]) -> None:
    """The affinity exceeds log(|G|/delta) with probability delta at most; the slack is >= 0, the reversed one not."""
    setting: dict[str, Any] = {"learning_rate": 0.05, "mean_losses": (0.9, 0.6, 0.3, 0.0), "rounds": 60}
    found = finite_set_errors(rng(), 1000, ratios=tuple(np.geomspace(0.1, 10, 41).round(9)), **setting)
    affinity, squared, squared_l1, slack, reversed_slack, _ = found.T
    assert np.mean(affinity > math.log(41 / 0.5)) <= 0.5
    assert np.all(squared <= 4 * affinity * (1 + 1e-12))
    assert np.all(squared_l1 <= 8 * affinity * (1 + 1e-12))
    assert np.all(slack >= -1e-12)
    assert 3 < np.count_nonzero(reversed_slack < -1e-9) < 80
    assert np.all(np.isfinite(found))


def test_shapes_and_repetition() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.4, "mean_losses": (0.9, 0.3), "ratios": (0.5, 1.0, 8.0)}
    for measure, rest in (
        (candidate_likelihoods, {"scaled_time": 9.0}),
        (finite_set_errors, {"rounds": 30}),
        (estimates_candidate_truncation, {"rounds": 30, "threshold": 0.1}),
    ):
        found = measure(rng(), 12, **setting, **rest)
        assert found.shape == (12, 3 if measure is estimates_candidate_truncation else 6)
        assert np.all(np.isfinite(found))
        np.testing.assert_array_equal(found, measure(rng(), 12, **setting, **rest))


def test_exceedances_are_counted_from_the_errors() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (0.8, 0.3), "ratios": (0.3, 1.0, 3.0), "rounds": 20}
    errors = finite_set_errors(rng(), 40, **setting)[:, :3]
    levels = (0.3, 0.2, 0.6)
    found = finite_set_exceedances(rng(), 40, levels=levels, **setting)
    assert 0 < np.sum(found[:, 0]) < 40
    np.testing.assert_array_equal(found, errors > levels)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ratios": (0.5, 2.0)}, r"ratios must contain 1, the truth, got ratios=\(0\.5, 2\.0\)"),
        ({"ratios": (1.0, 0.0)}, r"ratios must be > 0, got ratios\[1\]=0\.0"),
        ({"ratios": 1.0}, r"ratios must have shape \(ratios,\)"),
        ({"learning_rate": math.nan}, r"learning_rate must be > 0"),
        ({"rounds": 1.5}, r"rounds must be an integer"),
        ({"gains": 1}, r"gains must be True or False"),
    ],
)
def test_bad_finite_sets(change: dict[str, Any], message: str) -> None:
    setting = {"learning_rate": 0.1, "mean_losses": (1.0, 0.0), "rounds": 9, "ratios": (0.5, 1.0)} | change
    with pytest.raises(ValueError, match=message):
        finite_set_errors(rng(), 3, **setting)


def test_bad_candidates() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (1.0, 0.0), "ratios": (1.0,)}
    with pytest.raises(ValueError, match=r"scaled_time must be > 0, got scaled_time=0\.0"):
        candidate_likelihoods(rng(), 3, scaled_time=0.0, **setting)
    with pytest.raises(ValueError, match=r"threshold must be > 0 and <= 0\.5"):
        estimates_candidate_truncation(rng(), 3, rounds=9, threshold=0.0, **setting)
    with pytest.raises(ValueError, match=r"replicates must be >= 1"):
        candidate_likelihoods(rng(), 0, scaled_time=1.0, **setting)


def test_bad_levels() -> None:
    setting: dict[str, Any] = {"learning_rate": 0.1, "mean_losses": (1.0, 0.0), "rounds": 9, "ratios": (1.0,)}
    with pytest.raises(ValueError, match=r"levels must be three numbers, got levels=\(1\.0, 2\.0\)"):
        finite_set_exceedances(rng(), 3, levels=(1.0, 2.0), **setting)
    with pytest.raises(ValueError, match=r"levels must be >= 0, got levels\[1\]=-2\.0"):
        finite_set_exceedances(rng(), 3, levels=(1.0, -2.0, 3.0), **setting)
