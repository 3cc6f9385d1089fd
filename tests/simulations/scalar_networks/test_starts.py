"""Samplers of starting points: the conditions that they promise, and that they reach the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulations.scalar_networks.flow import flow_to_product
from simulations.scalar_networks.starts import edge_starts, pair_starts


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


@pytest.mark.parametrize("depth", [2, 3, 8])
def test_pairs_keep_their_conditions_and_reach_them(depth: int) -> None:
    starts = pair_starts(rng(depth), 4000, depth=depth, first=1.7, third=0.9)
    weights, eta = starts[:, :-1], starts[:, -1]
    product = np.prod(weights, axis=1)
    force, least = (eta * (product - 1) * product) ** 2, np.sort(weights**2, axis=1)
    share = force / (1.7 * least[:, 0] * least[:, 1])
    if depth > 2:
        share = np.maximum(share, force / (0.9 * least[:, 0] * least[:, 2]))
    assert np.max(share) <= 1
    assert np.count_nonzero(share > 1 - 1e-11) > 1800  # half of them, binomial, 6 standard errors below
    spread = least[:, -1] / least[:, 0]
    assert np.min(spread) < 1.01
    assert np.max(spread) > 1e6 if depth > 2 else np.max(spread) > 1e4
    assert {-1.0, 1.0} == set(np.sign(weights).ravel())


def test_dropping_the_third_weight() -> None:
    starts = pair_starts(rng(), 4000, depth=3, third=math.inf)
    weights, eta = starts[:, :-1], starts[:, -1]
    product, least = np.prod(weights, axis=1), np.sort(weights**2, axis=1)
    assert np.any((eta * (product - 1) * product) ** 2 > least[:, 0] * least[:, 2])


# --- oracle


@pytest.mark.parametrize("depth", [2, 3, 8])
def test_edges_and_products_are_those_asked_for(depth: int) -> None:
    starts = edge_starts(rng(depth), 3000, depth=depth, products=(1e-6, 1.6), edges=(2.1, 2.8), spread=8.0)
    weights, eta = starts[:, :-1], starts[:, -1]
    product = np.prod(weights, axis=1)
    edge = eta * np.sum(flow_to_product(weights) ** -2.0, axis=1)
    # logarithms of up to 14 to 1e-14, times the condition number depth of the root
    assert np.all((product > 1e-6 * (1 - 1e-10)) & (product < 1.6 * (1 + 1e-10)))
    assert np.all((edge > 2.1 * (1 - 1e-10)) & (edge < 2.8 * (1 + 1e-10)))
    assert np.min(product) < 1e-5
    assert np.count_nonzero(edge > 2.8 * (1 - 1e-9)) > 500
    least = np.sort(flow_to_product(weights) ** 2.0, axis=1)
    # half of the points have the second log square 10^(-4..0) above the first: an eighth within 1e-3
    assert np.count_nonzero(least[:, 1] < (1 + 1e-3) * least[:, 0]) > 250


# --- properties


def test_samplers_are_deterministic() -> None:
    setting = {"depth": 3, "products": (0.1, 1.5), "edges": (1.0, 2.5)}
    np.testing.assert_array_equal(edge_starts(rng(3), 9, **setting), edge_starts(rng(3), 9, **setting))
    np.testing.assert_array_equal(pair_starts(rng(3), 9, depth=4), pair_starts(rng(3), 9, depth=4))
    assert np.all(np.isfinite(pair_starts(rng(4), 5000, depth=20)))


# --- bad input


def test_bad_settings() -> None:
    for name, value, message in (
        ("depth", 1, r"depth must be >= 2, got depth=1"),
        ("decades", 0.0, r"decades must be > 0"),
        ("first", -1.0, r"first must be > 0"),
        ("third", 0.0, r"third must be > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            pair_starts(rng(), 3, **({"depth": 3} | {name: value}))
    setting = {"depth": 3, "products": (0.1, 1.5), "edges": (1.0, 2.5)}
    for name, value, message in (
        ("depth", 1, r"depth must be >= 2"),
        ("products", (0.0, 1.0), r"products\[0\] must be > 0"),
        ("products", (1.0, 0.5), r"products must be a pair \(lowest, highest\)"),
        ("edges", (1.0,), r"edges must be a pair \(lowest, highest\), got edges=\(1\.0,\)"),
        ("spread", 0.0, r"spread must be > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            edge_starts(rng(), 3, **(setting | {name: value}))
    with pytest.raises(ValueError, match=r"replicates must be >= 1"):
        edge_starts(rng(), 0, **setting)
