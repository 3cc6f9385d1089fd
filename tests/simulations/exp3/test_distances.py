"""Distances of the laws of two rates, summed over rounds: by the definition, and where laws vanish or nearly agree."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulations.exp3._distances import MOST, distances, ladder_divergence

# --- identities and limits


def test_distances_far_away() -> None:
    """Zeros of one law: an infinite divergence is `MOST`; of both: nothing. Laws 1e-9 apart keep their digits."""
    sure = np.log(np.array([[[0.5, 0.5, 1e-300]]]))
    sure[..., 2] = -np.inf
    other = np.array([[[0.0, -np.inf, -np.inf]]])
    assert [float(value[0]) for value in distances(sure, other)] == pytest.approx(
        [MOST, math.log(2), 0.5, 1.0, math.log(2) / 2]
    )
    apart = distances(np.array([[[-np.inf, 0.0]]]), np.array([[[0.0, -np.inf]]]))
    assert [float(value[0]) for value in apart] == [MOST, MOST, 2.0, 4.0, MOST]
    near = distances(np.log([[[0.5, 0.5]]]), np.log([[[0.5 + 1e-9, 0.5 - 1e-9]]]))
    assert near.affinity[0] == pytest.approx(0.5e-18, rel=1e-6)
    assert near.squared[0] == pytest.approx(2e-18, rel=1e-6)


# --- oracle


def test_distances_of_plain_laws() -> None:
    p, q = np.random.default_rng(1).dirichlet([0.3, 2.0, 1.0], (2, 5, 40))
    found = distances(np.log(p), np.log(q))
    expected = (
        np.sum(p * np.log(p / q), axis=(1, 2)),
        np.sum(q * np.log(q / p), axis=(1, 2)),
        np.sum((p - q) ** 2, axis=(1, 2)),
        np.sum(np.sum(np.abs(p - q), axis=2) ** 2, axis=1),
        -np.sum(np.log(np.sum(np.sqrt(p * q), axis=2)), axis=1),
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_ladder_divergence_over_a_vast_horizon() -> None:
    """After its first pull the arm has p = 1/(1 + e^2), after its second p = e^-18 or so: stays of 1e9 rounds count."""
    value = ladder_divergence(1.0, np.array([1.01]), np.array([[1.0, 2.0]]), 1e9, 2, 1.0)[0]
    x = [(0.0, 0.0), (2.0, 2.02)]
    x.append((2 + 1 + math.exp(2), 2.02 + 1.01 * (1 + math.exp(2.02))))
    expected = 0.0
    for (one, two), stay in zip(x, (1, 1, 1e9 - 2), strict=True):
        p, q = 1 / (1 + math.exp(one)), 1 / (1 + math.exp(two))
        expected += stay * (p * math.log(p / q) + (1 - p) * (math.log1p(-p) - math.log1p(-q)))
    assert value == pytest.approx(expected, rel=1e-9)
