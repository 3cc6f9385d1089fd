"""Moments of exits and how often two rates are told apart."""

import numpy as np
import pytest

from simulations.exp3 import enumerate_histories
from simulations.exp3.bound_measures import exit_moments, recovered_rates
from simulations.exp3.process_measures import exit_rounds

EXIT = {"learning_rate": 0.3, "mean_losses": (0.7, 0.0), "threshold": 0.1, "max_rounds": 2000}
PAIR = {"learning_rate": 0.4, "other": 0.7, "rounds": 8, "low": 0.1, "high": 2.0, "n_arms": 3, "loss": 0.6}

# --- identities and limits


def test_exits_are_those_of_the_other_measure():
    setting = {k: v for k, v in EXIT.items() if k != "threshold"}
    moments = exit_moments(np.random.default_rng(4), 50, **EXIT)
    exits = exit_rounds(np.random.default_rng(4), 50, thresholds=(0.1,), **setting)[:, 0]
    assert np.array_equal(moments, np.column_stack([exits, exits**2]))


def test_one_round_is_a_coin():
    found = recovered_rates(np.random.default_rng(0), 4000, **{**PAIR, "rounds": 1})
    assert abs(np.mean(found[:, 1]) - 0.5) < 0.04  # five standard errors: one alarm in 2e6 seeds


# --- oracle


def test_the_likelier_rate_is_right_as_often_as_enumeration_says():
    losses = [PAIR["loss"], 0.0, 0.0]
    one = enumerate_histories(PAIR["learning_rate"], losses, 8, candidate=PAIR["other"])
    expected = 0.5 * np.sum(np.maximum(one.probabilities, np.exp(one.value)))
    found = np.mean(recovered_rates(np.random.default_rng(1), 40_000, **PAIR)[:, 1])
    assert abs(found - expected) < 0.0125  # five standard errors of a coin


def test_two_rounds_by_hand():
    """Flat counts as the first rate, a lone first pull makes the upper end likeliest, two pulls the lower one.

    Both ends are nearer than half the distance to one rate, and nearer than the distance to the other.
    """
    setting = {**PAIR, "rounds": 2, "low": 0.5, "high": 0.65}
    again = [1 / (1 + 2 * np.exp(3 * rate * PAIR["loss"])) for rate in (0.4, 0.7)]
    expected = 0.5 * (2 / 3 + again[0] / 3) + 0.5 * (1 - again[1]) / 3
    found = recovered_rates(np.random.default_rng(3), 20_000, **setting)
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 0.018)  # five standard errors of a coin
    np.testing.assert_array_equal(found[:, 0], found[:, 1])


# --- properties


def test_the_coin_is_thrown_in_every_row():
    """With one round a row says which rate the coin chose; 40 rows are alike in one seed out of 1e9."""
    found = recovered_rates(np.random.default_rng(0), 400, **{**PAIR, "rounds": 1})
    for rows in (found[:40, 1], found[180:220, 1], found[-40:, 1]):
        assert 0 < np.sum(rows) < 40


def test_close_rates_are_harder():
    far = recovered_rates(np.random.default_rng(2), 4000, **{**PAIR, "other": 1.6, "rounds": 1e6})
    near = recovered_rates(np.random.default_rng(2), 4000, **{**PAIR, "other": 0.41, "rounds": 1e6})
    assert np.all(np.mean(far, axis=0) > np.mean(near, axis=0) + 0.05)
    assert np.all((far == 0) | (far == 1))


# --- bad input


def test_runs_that_have_not_left_are_refused():
    with pytest.raises(ValueError, match="max_rounds must be larger, got max_rounds=3: 5 of 5 runs"):
        exit_moments(np.random.default_rng(0), 5, **{**EXIT, "threshold": 1e-3, "max_rounds": 3})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"other": 0.4}, "learning_rate and other must differ"),
        ({"other": -1.0}, "other must be > 0"),
        ({"low": 3.0}, "bounds must be"),
        ({"rounds": 2.5}, "rounds must be an integer"),
    ],
)
def test_bad_rates_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        recovered_rates(np.random.default_rng(0), 5, **{**PAIR, **change})
