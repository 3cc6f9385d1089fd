"""Sharpness at any weights: symbolic Hessian, saddles, mpmath eigenvalues, relation to the GFS sharpness."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.scalar_networks import gfs_sharpness, gradient_flow_solution, sharpness

# entries to depth eps; the solver adds depth eps of the norm, which is below (depth - 1) times the largest eigenvalue
ACCURACY = 2e-14


def brute_force(weights):
    """Return the largest eigenvalue of p_i p_j + (pi - 1) p_ij at 60 digits, every product formed naively."""
    with mp.workdps(60):
        w = [mp.mpf(x) for x in weights]
        depth = len(w)

        def without(*indices):
            return mp.fprod(x for k, x in enumerate(w) if k not in indices)

        matrix = mp.matrix(depth, depth)
        for i in range(depth):
            for j in range(depth):
                bend = 0 if i == j else (without() - 1) * without(i, j)
                matrix[i, j] = without(i) * without(j) + bend
        return float(max(mp.eigsy(matrix, eigvals_only=True)))


# --- identities and limits


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_entries_are_second_derivatives(depth):
    w = sp.symbols(f"w1:{depth + 1}")
    product = sp.prod(w)
    hessian = sp.hessian((product - 1) ** 2 / 2, w)
    for i in range(depth):
        for j in range(depth):
            entry = (product / w[i]) ** 2 if i == j else (2 * product - 1) * product / (w[i] * w[j])
            assert sp.expand(hessian[i, j] - entry) == 0


def test_saddles_and_a_zero_weight():
    assert sharpness([0.0, 0.0]) == pytest.approx(1.0, rel=ACCURACY)  # eigenvalues +-1
    assert sharpness([0.0, 0.0, 7.0]) == pytest.approx(7.0, rel=ACCURACY)  # +-(product of the others)
    assert sharpness([0.0, 0.0, 0.0]) == 0.0
    # (0, w): [[w^2, -1], [-1, 0]]
    assert sharpness([0.0, 1.3]) == pytest.approx((1.69 + np.sqrt(1.69**2 + 4)) / 2, rel=ACCURACY)


def test_extreme_scales():
    assert sharpness([1e8, 1e-8] * 8) == pytest.approx(8e16, rel=ACCURACY)
    assert sharpness([1e100, 1e-100, 1.0]) == pytest.approx(1e200, rel=ACCURACY)
    assert sharpness(np.full(40, 1e8)) == np.inf
    # far from the minimum all entries are products: 2 (w1 w2)^2-like; depth two at (a, a), a large: 3 a^2
    assert sharpness([1e100, 1e100]) == pytest.approx(3e200, rel=ACCURACY)
    assert sharpness([1e-120, 1e-120]) == pytest.approx(1.0, rel=ACCURACY)


# --- oracle


def test_eigenvalues_at_sixty_digits():
    rng = np.random.default_rng(5)
    bad = []
    for depth in (2, 3, 5, 8):
        for width in (0.1, 1.0, 6.0):
            for zeros in (0, 1, 2):
                w = 10.0 ** rng.uniform(-width, width, depth) * rng.choice([-1.0, 1.0], depth)
                w[:zeros] = 0.0
                value, expected = sharpness(w), brute_force(w)
                if abs(value - expected) > ACCURACY * depth * expected:
                    bad.append((w, value, expected))
        half = np.ones(depth)
        half[-1] = 0.5  # product 1/2: the off-diagonal factor 2 pi - 1 vanishes
        assert sharpness(half) == pytest.approx(brute_force(half), rel=ACCURACY * depth)
    assert not bad


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(w=st.lists(st.floats(-3.0, 3.0).map(lambda x: 10.0**x), min_size=2, max_size=8))
def test_at_the_limit_of_the_flow_it_is_the_gfs_sharpness(w):
    s = gradient_flow_solution(w)
    # the product of the limit is 1 up to rounding, which the Hessian sees with condition depth
    assert sharpness(s) == pytest.approx(gfs_sharpness(w), rel=10 * len(w) * ACCURACY)


def test_broadcasting_equals_a_loop():
    weights = np.random.default_rng(6).normal(size=(2, 3, 4))
    together = sharpness(weights)
    assert together.shape == (2, 3)
    for cell in np.ndindex(2, 3):
        assert isinstance(sharpness(weights[cell]), float)
        assert sharpness(weights[cell]) == pytest.approx(together[cell], rel=ACCURACY)


# --- bad input


def test_bad_weights():
    with pytest.raises(ValueError, match=r"depth >= 2, got shape \(1,\)"):
        sharpness([0.3])
    with pytest.raises(ValueError, match=r"weights\[1\]=inf"):
        sharpness([0.3, np.inf])
