"""Gradient-flow limits: closed forms at depth two, signs and saddles, bisection at 120 digits, the flow itself."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theory.scalar_networks import gfs_sharpness, gradient_flow_solution, network_product, reaches_minimum

# The balances are known to 3 eps, the root has a condition of at most depth <= 64 with respect to them, and the product
# of up to 64 factors costs 64 eps: 260 eps at depth 64 if all roundings add up, a few eps at depth two. Roundings of
# both signs leave less: 90 eps is ten times the largest error measured.
ACCURACY = 2e-14

magnitudes = st.floats(-6.0, 6.0).map(lambda x: 10.0**x)
signed = st.tuples(magnitudes, st.sampled_from([-1.0, 1.0])).map(lambda pair: pair[0] * pair[1])
networks = st.lists(signed, min_size=2, max_size=9)
rule = settings(derandomize=True, deadline=None, max_examples=80)


# --- identities and limits


@pytest.mark.parametrize("w", [(2.0, 0.5), (0.05, 1.2), (1e8, 1e-8), (3.0, 3.0), (0.0, 0.7), (-0.3, 4.0), (-2.0, -5.0)])
def test_depth_two_in_closed_form(w):
    b = (w[0] - w[1]) * (w[0] + w[1])
    phi = np.hypot(b, 2.0)
    assert gfs_sharpness(w) == pytest.approx(phi, rel=ACCURACY)
    s = gradient_flow_solution(w)
    small = 2.0 / (phi + abs(b))  # the smaller square, without cancellation
    np.testing.assert_allclose(np.sort(s**2), [small, 1.0 / small], rtol=ACCURACY)
    assert np.argmax(np.abs(s)) == np.argmax(np.abs(w))


def test_worked_values():
    # 50-digit arithmetic, printed to 6 and 4 digits after the point
    assert gfs_sharpness([0.05, 1.2]) == pytest.approx(2.4630, abs=5e-5)
    assert gfs_sharpness([31.6, 31.8, 35.2]) == pytest.approx(3049.45, abs=5e-3)


@pytest.mark.parametrize("depth", [2, 3, 10, 64, 700])
def test_equal_weights_end_at_one(depth):
    assert gfs_sharpness(np.full(depth, 0.3)) == pytest.approx(depth, rel=ACCURACY)
    np.testing.assert_allclose(gradient_flow_solution(np.full(depth, 30.0)), 1.0, rtol=ACCURACY)


def test_signs_of_the_limit():
    # negative product: the smallest weight crosses 0; a zero weight takes the sign that makes the product positive
    weights = np.array([[-0.1, 2.0, 3.0], [-3.0, 0.1, 2.0], [-3.0, 0.1, -2.0], [0.0, -2.0, 3.0], [-0.0, -2.0, 3.0]])
    signs = np.sign(gradient_flow_solution(weights))
    expected = [[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [-1, -1, 1], [-1, -1, 1]]
    np.testing.assert_array_equal(signs, expected)


def test_saddles_are_flagged_and_only_they():
    weights = [
        [0.0, 0.0, 2.0],
        [1.0, -1.0, 2.0],
        [-1.0, -1.0, -1.0],
        [-1.0, 2.0, 2.0],
        [1.0, 1.0, 2.0],
        [0.0, 3.0, 3.0],
    ]
    expected = [False, False, False, True, True, True]
    np.testing.assert_array_equal(reaches_minimum(weights), expected)
    np.testing.assert_array_equal(np.isfinite(gfs_sharpness(weights)), expected)
    np.testing.assert_array_equal(np.isfinite(gradient_flow_solution(weights)).all(axis=-1), expected)
    assert reaches_minimum([1.0, 2.0]) is True


def test_underflow_and_overflow_are_limits():
    # the smallest weight of a limit is 1/prod of the others: 1e-150 * 1e-150 = 1e-300 is a float, its square is not
    assert gradient_flow_solution([0.0, 1e150, 1e150])[0] == pytest.approx(
        1e-300, rel=1e-12
    )  # exp(log z/2), |log z| eps
    assert gfs_sharpness([0.0, 1e150, 1e150]) == np.inf
    assert gradient_flow_solution([0.0, *[1e150] * 4])[0] == 0.0


# --- oracle


def test_bisection_at_every_scale(oracle):
    bad = []
    with mp.workdps(oracle.DIGITS):
        for w in oracle.networks():
            squares = oracle.level(w)
            expected = [float(mp.sqrt(t)) for t in squares], float(mp.fsum(1 / t for t in squares))
            if expected[1] == np.inf:
                assert not gfs_sharpness(w) < np.inf
            elif reaches_minimum(w):
                wrong = np.max(np.abs(np.abs(gradient_flow_solution(w)) / expected[0] - 1.0))
                off = abs(gfs_sharpness(w) / expected[1] - 1.0)
                if not (wrong <= ACCURACY and off <= ACCURACY):  # NaN is bad too
                    bad.append((w[:4], len(w), wrong, off))
    assert not bad


@pytest.mark.parametrize(
    "w",
    [[1.7, 0.4], [-0.3, 0.9], [0.2, 1.1, 1.9], [-0.4, 0.6, 1.5], [0.3, 0.5, 0.9, 1.3, 1.6], [-0.5, 0.7, 0.9, 1.2, 1.1]],
)
def test_the_flow_itself(w):
    def speed(_, state):
        excess = np.prod(state) - 1.0
        return [-excess * np.prod(np.delete(state, i)) for i in range(len(state))]

    # rates near the minimum are phi >= 2: by time 60 the distance is below e^-120
    end = solve_ivp(speed, (0.0, 60.0), w, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    # local errors of 1e-11 relative accumulate over some hundred steps
    np.testing.assert_allclose(gradient_flow_solution(w), end, rtol=1e-9)


# --- properties


@rule
@given(w=networks)
def test_product_one_and_same_balances(w):
    w = np.array(w)
    if reaches_minimum(w):
        s = gradient_flow_solution(w)
        assert network_product(s) == pytest.approx(1.0, rel=len(w) * ACCURACY)
        scale = max(np.max(w**2), np.max(s**2))  # differences of squares keep the rounding of the largest
        np.testing.assert_allclose(s**2 - s[0] ** 2, w**2 - w[0] ** 2, atol=8e-16 * scale, rtol=ACCURACY)
        assert gfs_sharpness(w) >= len(w) * (1.0 - ACCURACY)
        assert gfs_sharpness(w) == pytest.approx((s**-2.0).sum(), rel=ACCURACY)


@rule
@given(w=networks, seed=st.integers(0, 10**6))
def test_order_and_signs_do_not_matter(w, seed):
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(np.abs(w))
    assert gfs_sharpness(shuffled) == pytest.approx(gfs_sharpness(np.abs(w)), rel=ACCURACY)
    flips = rng.choice([-1.0, 1.0], len(w))
    if reaches_minimum(w * flips):
        assert gfs_sharpness(w * flips) == gfs_sharpness(np.abs(w))


@rule
@given(w=networks)
def test_the_limit_is_its_own_limit(w):
    s = gradient_flow_solution(np.abs(w))
    # squares of s carry an error of eps times the largest square, felt relative to the smallest
    assert gfs_sharpness(s) == pytest.approx(gfs_sharpness(np.abs(w)), rel=len(w) * ACCURACY)


def test_broadcasting_equals_a_loop():
    weights = np.random.default_rng(3).normal(size=(3, 4, 5))
    together, limits, flags = gfs_sharpness(weights), gradient_flow_solution(weights), reaches_minimum(weights)
    assert together.shape == flags.shape == (3, 4)
    assert limits.shape == (3, 4, 5)
    for cell in np.ndindex(3, 4):
        assert isinstance(gfs_sharpness(weights[cell]), float)
        # the last step is shared by all cells: some of them take a further one
        assert gfs_sharpness(weights[cell]) == pytest.approx(together[cell], rel=ACCURACY)
        np.testing.assert_allclose(gradient_flow_solution(weights[cell]), limits[cell], rtol=ACCURACY)


# --- bad input


@pytest.mark.parametrize("function", [gfs_sharpness, gradient_flow_solution, reaches_minimum])
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (2.0, r"weights must have shape \(\.\.\., depth\) with depth >= 2, got shape \(\)"),
        ([2.0], r"depth >= 2, got shape \(1,\)"),
        ([], r"depth >= 2, got shape \(0,\)"),
        (np.ones((0, 3)), r"got shape \(0, 3\)"),
        ([1.0, np.nan], r"weights must be .*got weights\[1\]=nan"),
        ([1.0, np.inf], r"weights must be .*got weights\[1\]=inf"),
        ([1.0, 1e151], r"weights must be >= -1e\+150 and <= 1e\+150, got weights\[1\]=1e\+151"),
        ("12", r"weights must be a real number or an array"),
        ([1.0, 2.0j], r"weights must be a real number or an array"),
    ],
)
def test_bad_weights(function, weights, message):
    with pytest.raises(ValueError, match=message):
        function(weights)


def test_failure_says_how_far_and_what_to_do(monkeypatch):
    from theory.scalar_networks import _solver

    monkeypatch.setattr(_solver, "MAX_STEPS", 1)
    with pytest.raises(RuntimeError, match=r"no convergence in 1 steps; last step .*remedy:"):
        gfs_sharpness([3.0, 0.2, 1.0])
