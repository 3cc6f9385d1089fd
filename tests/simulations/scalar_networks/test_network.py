"""The network on digits: derivatives by differences, the flow against a general integrator, the counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from simulations import scalar_networks
from simulations.scalar_networks import network
from simulations.scalar_networks.network import (
    network_descent,
    network_flow_sharpness,
    network_rises,
    network_task,
)

SMALL = network_task(np.random.default_rng(1), samples=4, hidden=3)
INPUTS, LABELS, START = SMALL


def output(flat: np.ndarray) -> np.ndarray:
    weights, offsets, last = flat[:192].reshape(64, 3), flat[192:195], flat[195:198]
    return np.tanh(INPUTS @ weights + offsets) @ last + flat[198]


def gradient(flat: np.ndarray) -> np.ndarray:
    """By hand: back through the two layers."""
    weights, offsets, last = flat[:192].reshape(64, 3), flat[192:195], flat[195:198]
    units = np.tanh(INPUTS @ weights + offsets)
    residual = (units @ last + flat[198] - LABELS) / len(LABELS)
    back = residual[:, None] * last * (1 - units**2)
    return np.concatenate([(INPUTS.T @ back).ravel(), back.sum(axis=0), residual @ units, [residual.sum()]])


# --- identities and limits


def test_the_digits_are_centred_threes_and_eights() -> None:
    inputs, labels, parameters = network_task(np.random.default_rng(3), samples=357)
    assert sorted(set(labels)) == [-1.0, 1.0]
    assert np.count_nonzero(labels == 1) == 174
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-15)
    assert parameters.shape == (64 * 16 + 16 + 16 + 1,)


def test_the_row_offers_the_network_without_loading_it() -> None:
    assert scalar_networks.network_rises is network_rises
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'"):
        scalar_networks.nothing  # noqa: B018


# --- oracle


def test_descent_is_the_literal_recursion() -> None:
    run = network_descent(SMALL, 1.2, 12, every=3, record=("loss",))
    point, losses = START.copy(), []
    for t in range(13):
        if t % 3 == 0:
            losses.append(np.mean((output(point) - LABELS) ** 2) / 2)
        point = point - run.step_size * gradient(point)
    np.testing.assert_allclose(run.records["loss"], losses, rtol=1e-10)  # 12 steps, each stable up to a factor 1.2
    assert run.times.tolist() == [0, 3, 6, 9, 12]


def test_sharpness_is_the_top_of_the_hessian_by_differences() -> None:
    numeric = np.array([(gradient(START + h) - gradient(START - h)) / 2e-5 for h in 1e-5 * np.eye(len(START))])
    found = network_descent(SMALL, 1.0, 0, record=("sharpness",)).records["sharpness"]
    assert found[0] == pytest.approx(np.linalg.eigvalsh((numeric + numeric.T) / 2)[-1], rel=1e-7)


def test_flow_sharpness_by_a_general_integrator() -> None:
    path = solve_ivp(lambda _, p: -gradient(p), (0, 2000), START, method="LSODA", rtol=1e-10, atol=1e-12)
    end = path.y[:, -1]
    assert np.max(np.abs(output(end) - LABELS)) < 1e-8
    jacobian = np.array([(output(end + h) - output(end - h)) / 2e-6 for h in 1e-6 * np.eye(len(end))]).T
    expected = np.linalg.eigvalsh(jacobian @ jacobian.T)[-1] / len(LABELS)
    assert network_flow_sharpness(SMALL) == pytest.approx(expected, rel=1e-5)  # its stated accuracy: 5e-6
    assert network_flow_sharpness(SMALL, fraction=0.02) == pytest.approx(expected, rel=5e-6)


# --- properties


def test_counts_at_a_small_step() -> None:
    counts = network_rises(np.random.default_rng(4), 1, edge=1.0, steps=12, every=4)
    assert counts.shape == (1, 4)
    assert counts[0, 0] == 0
    assert counts[0, 2] == 0
    assert 0.8 < counts[0, 3] <= 1


def test_a_diverging_orbit_ends() -> None:
    run = network_descent(SMALL, 400.0, 60, record=("loss",))
    assert run.escape_time > 0
    assert run.times[-1] < run.escape_time
    assert np.all(np.isfinite(run.records["loss"]))


# --- bad input


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"samples must be >= 2 and <= 357, got samples=358"):
        network_task(np.random.default_rng(), samples=358)
    with pytest.raises(ValueError, match=r"hidden must be >= 1"):
        network_task(np.random.default_rng(), hidden=0)
    with pytest.raises(ValueError, match=r"edge must be > 0"):
        network_descent(SMALL, 0.0, 3)
    with pytest.raises(ValueError, match=r"steps must be >= 0"):
        network_descent(SMALL, 1.0, -3)
    with pytest.raises(ValueError, match=r"record must be distinct names out of loss, sharpness, flow_sharpness"):
        network_descent(SMALL, 1.0, 3, record=("weights",))
    with pytest.raises(ValueError, match=r"fraction must be > 0 and <= 2"):
        network_flow_sharpness(SMALL, fraction=2.5)
    with pytest.raises(ValueError, match=r"replicates must be >= 1"):
        network_rises(np.random.default_rng(), 0, edge=1.0)


def test_a_flow_that_does_not_arrive_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_FITTED", 1e-40)
    with pytest.raises(ArithmeticError, match=r"gradient flow has loss"):
        network_flow_sharpness(SMALL)
