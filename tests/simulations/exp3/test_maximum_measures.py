"""How many maxima a likelihood has, and whether the search finds the highest: against plain grids of rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulations.exp3.likelihood import log_likelihood
from simulations.exp3.maximum_measures import MISSED_OUTPUTS, missed_maxima, several_modes
from simulations.exp3.simulation import simulate

WIDE: dict[str, Any] = {"learning_rate": 0.05, "mean_losses": (0.8, 0.3), "rounds": 40, "low": 0.05, "high": 20.0}


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


def test_one_lossy_arm_has_one_maximum() -> None:
    assert not np.any(several_modes(rng(), 500, **{**WIDE, "mean_losses": (0.9, 0.0)}))


def test_a_narrow_interval_has_fewer_maxima() -> None:
    """Some .15 on the wide interval, .005 on the narrow one: 500 runs tell these apart beyond doubt."""
    wide, narrow = several_modes(rng(), 500, **WIDE), several_modes(rng(), 500, **{**WIDE, "low": 1 / 3, "high": 3.0})
    assert np.mean(wide) > 0.08 > 0.05 > np.mean(narrow)


# --- oracle


def test_modes_counted_on_a_dense_grid() -> None:
    """Rises that turn into falls among 20 001 rates; parts more than 50 below the highest count as equally low."""
    arms, losses = simulate(0.05, (0.8, 0.3), 40, 60, int(rng().integers(2**53)))
    rates, expected = np.geomspace(0.0025, 1.0, 20_001), []
    for drawn, paid in zip(arms, losses, strict=True):
        value = log_likelihood(rates, drawn, paid, 2).value
        turns = np.sign(np.diff(np.maximum(value, value.max() - 50.0)))
        turns = turns[turns != 0]
        inside = np.count_nonzero((turns[:-1] > 0) & (turns[1:] < 0))
        expected.append(inside + (turns[0] < 0) + (turns[-1] > 0) > 1)
    assert 0 < sum(expected) < 60
    np.testing.assert_array_equal(several_modes(rng(), 60, **WIDE)[:, 0], expected)


# --- properties


def test_the_search_misses_nothing_and_a_poor_one_does() -> None:
    """A first grid alone misses a tenth of the maxima: none among 200 runs has a probability below 1e-9."""
    assert not np.any(missed_maxima(rng(), 200, tolerance=0.1, **WIDE))
    poor = missed_maxima(rng(), 200, tolerance=0.1, refinements=0, **WIDE)
    assert np.any(poor[:, MISSED_OUTPUTS.index("missed")])
    assert not np.any(poor[:, 1:])


def test_shapes_and_streams() -> None:
    assert several_modes(rng(), 3, **WIDE).shape == (3, 1)
    found = missed_maxima(rng(), 2, **{**WIDE, "mean_losses": (0.7, 0.4)}, bernoulli=True)
    assert found.shape == (2, len(MISSED_OUTPUTS))
    np.testing.assert_array_equal(several_modes(rng(), 50, **WIDE), several_modes(rng(), 50, **WIDE))


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": 2.0, "high": 1.0}, "low must be < high"),
        ({"low": 0.0}, "low must be > 0"),
        ({"learning_rate": 0.0}, "learning_rate must be > 0"),
        ({"rounds": 0}, "rounds must be"),
    ],
)
def test_bad_settings(change: dict[str, Any], message: str) -> None:
    for measure in (several_modes, missed_maxima):
        with pytest.raises(ValueError, match=message):
            measure(rng(), 2, **{**WIDE, **change})


def test_a_certificate_needs_two_arms() -> None:
    with pytest.raises(ValueError, match="mean_losses must be those of two arms, got 3"):
        missed_maxima(rng(), 2, **{**WIDE, "mean_losses": (0.8, 0.3, 0.1)})
