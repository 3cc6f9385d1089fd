"""Bounded orbits, maps of starting points, Lyapunov exponents: against known sets, literal orbits, exact values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simulations.scalar_networks.basin import basin, bounded_orbits, lyapunov_exponents
from simulations.scalar_networks.descent import gradient_descent


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- identities and limits


def test_the_bounded_set_at_depth_two_is_an_ellipse() -> None:
    """Orbits are bounded where 4 + eta^2 (pi - 1) - eta (w_1^2 + w_2^2) >= 0 (sn.T6)."""
    eta = 0.9
    found = basin(eta, points=300, half_width=2.5, steps=4000)
    x, y = np.meshgrid(found.first, found.second)
    inside = 4 + eta**2 * (x * y - 1) - eta * (x**2 + y**2)
    clear = np.abs(inside) > 1e-9
    np.testing.assert_array_equal((found.escape_time < 0)[clear], (inside > 0)[clear])


def test_exponents_at_the_crisis_of_depth_two() -> None:
    """At step 2 the map is a Chebyshev polynomial: exponents log 3 and 0 (sn.T7); the error falls like 1/steps here."""
    means = lyapunov_exponents(rng(), 4, depth=2, step_size=2 - 1e-12, steps=200_000)
    np.testing.assert_allclose(means, np.broadcast_to([math.log(3), 0.0, 0.0], (4, 3)), atol=1e-3)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_exponents_at_the_attracting_minimum(depth: int) -> None:
    means = lyapunov_exponents(rng(), 2, depth=depth, step_size=1.4 / depth, steps=7)
    np.testing.assert_allclose(means, np.broadcast_to([math.log(0.4), 0, 0], (2, 3)), atol=1e-12)


# --- oracle


@pytest.mark.parametrize("rest", [(), (0.8,), (1.2, -0.7)])
def test_cells_are_orbits_of_their_centres(rest: tuple[float, ...]) -> None:
    found = basin(0.6, rest=rest, points=16, half_width=2.0, steps=300)
    np.testing.assert_allclose(found.first, np.linspace(-1.875, 1.875, 16), rtol=1e-15)
    for row, column in rng().integers(0, 16, (30, 2)):
        run = gradient_descent([found.first[column], found.second[row], *rest], 0.6, 300, tolerance=1e-12)
        assert found.escape_time[row, column] == run.escape_time
        assert found.settle_time[row, column] == run.settle_time
        assert found.signs[row, column] == sum(2**i for i, w in enumerate(run.weights) if w < 0)


@pytest.mark.parametrize(("depth", "step_size"), [(2, 1.3), (3, 0.8), (4, 0.66)])
def test_exponents_by_finite_differences(depth: int, step_size: float) -> None:
    """The same averages from the orbit itself, the derivative by differences, the transverse one by two weights."""
    steps = 400
    found = lyapunov_exponents(rng(5), 1, depth=depth, step_size=step_size, steps=steps)[0]
    start = np.full(depth, rng(5).uniform(0.2, 1.0))
    start = gradient_descent(start, step_size, 1000).weights
    path = gradient_descent(start, step_size, steps, record=("weights",)).records["weights"][:-1, :1]

    def step(shift: np.ndarray) -> np.ndarray:
        return gradient_descent(path + shift, step_size, 1).weights

    along = (step(np.full(depth, 1e-6)) - step(np.full(depth, -1e-6)))[:, 0] / 2e-6
    tilt = 1e-6 * np.array([1.0, -1.0] + [0.0] * (depth - 2))
    across = (step(tilt) - step(-tilt))[:, 0] / 2e-6
    size = step(np.zeros(depth))[:, 0] / path[:, 0]
    # differences err by 1e-10 / |factor|; in chaos the two orbits part, so only short memory or cycles are compared
    expected = [np.mean(np.log(np.abs(factor))) for factor in (along, across, size)]
    np.testing.assert_allclose(found, expected, atol=1e-6 if found[0] < 0 else 0.15)


# --- properties


def test_bounded_share_of_a_box() -> None:
    """Area 2 pi sqrt(4 - eta^2) / eta over 64 (sn.T6); 4.9 standard errors: one false alarm in 10^6."""
    share = bounded_orbits(rng(2), 20_000, depth=2, step_size=0.5, half_width=4.0)
    exact = 2 * math.pi * math.sqrt(4 - 0.25) / 0.5 / 64
    assert share.shape == (20_000, 1)
    assert abs(share.mean() - exact) < 4.9 * math.sqrt(exact * (1 - exact) / 20_000)


def test_maps_have_the_symmetries_of_the_loss() -> None:
    found = basin(1.1, points=60, half_width=1.7, steps=200)
    np.testing.assert_array_equal(found.escape_time, found.escape_time.T)
    np.testing.assert_array_equal(found.escape_time, found.escape_time[::-1, ::-1])


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step_size": 0.0}, r"step_size must be > 0"),
        ({"step_size": [0.1]}, r"step_size must be a single real number"),
        ({"points": 0}, r"points must be >= 1"),
        ({"half_width": 0.0}, r"half_width must be > 0"),
        ({"steps": -1}, r"steps must be >= 0"),
        ({"rest": [[1.0]]}, r"rest must have shape \(depth - 2,\), got shape \(1, 1\)"),
        ({"rest": (math.nan,)}, r"rest must be a number, got rest\[0\]=nan"),
    ],
)
def test_bad_maps(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        basin(**({"step_size": 0.5, "points": 4} | change))


def test_bad_measures() -> None:
    for measure, setting in (
        (bounded_orbits, {"step_size": 0.5, "half_width": 1.0}),
        (lyapunov_exponents, {"step_size": 0.5, "steps": 5}),
    ):
        with pytest.raises(ValueError, match=r"depth must be >= 2, got depth=1"):
            measure(rng(), 2, depth=1, **setting)
        with pytest.raises(ValueError, match=r"replicates must be >= 1"):
            measure(rng(), 0, depth=2, **setting)
        with pytest.raises(ValueError, match=r"step_size must be > 0"):
            measure(rng(), 2, depth=2, **(setting | {"step_size": -0.5}))
    with pytest.raises(ArithmeticError, match=r"escaped at depth=2, step_size=2\.3"):
        lyapunov_exponents(rng(), 2, depth=2, step_size=2.3, steps=50)
