"""Equal weights: closed forms at depth two, the bifurcation conditions at 40 digits, worked constants."""

from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

from theory.scalar_networks import (
    balanced_two_cycle,
    crisis_step,
    first_doubling_step,
    second_doubling_step,
    zero_crossing_step,
)

EPS = np.finfo(float).eps
SECOND = {  # 30 to 40 digits, printed to 17
    2: 1.2360679774997897,
    3: 0.82973826189287827,
    4: 0.62358463621817206,
    6: 0.41635850279863241,
    8: 0.31246193395320790,
}
CROSSING = {
    2: 1.5980762113533159,
    3: 1.2203320920446470,
    4: 0.99464453851318115,
    6: 0.73782512809171131,
    8: 0.59391618113698316,
}
CRISIS = {2: 2.0, 4: 1.20453689746874, 6: 0.88234824900417, 8: 0.70486823490500}

# brentq ends within 4 eps of a root whose condition is a few units at small depth; powers cost depth eps
ACCURACY = 4e-14


def one_step(w, eta, depth):
    return w - eta * (w**depth - 1) * w ** (depth - 1)


# --- identities and limits


def test_cubic_in_symbols():
    y, w = sp.symbols("y w", positive=True)
    eta = y + 1 / y - 1
    lower, upper = 1 + (1 - y) / eta, 1 + (1 - 1 / y) / eta
    # products of a cycle: the weight is multiplied by 1 - eta (pi - 1), so pi by its square
    assert sp.simplify(lower * (1 - eta * (lower - 1)) ** 2 - upper) == 0
    assert sp.simplify(upper * (1 - eta * (upper - 1)) ** 2 - lower) == 0
    slope = sp.diff(one_step(w, eta, 2), w)
    multiplier = slope.subs(w, sp.sqrt(lower)) * slope.subs(w, sp.sqrt(upper))
    assert sp.simplify(multiplier - (9 - 2 * (1 + eta) ** 2)) == 0
    # at eta = 2 the map is -T_3 in w = sqrt(2) x
    x = sp.symbols("x")
    assert sp.expand(one_step(sp.sqrt(2) * x, 2, 2) / sp.sqrt(2) + sp.chebyshevt(3, x)) == 0


def test_closed_forms_at_depth_two():
    assert second_doubling_step(2) == pytest.approx(np.sqrt(5.0) - 1.0, rel=ACCURACY)
    assert zero_crossing_step(2) == pytest.approx(1.5 * np.sqrt(3.0) - 1.0, rel=ACCURACY)
    assert crisis_step(2) == pytest.approx(2.0, rel=ACCURACY)
    assert balanced_two_cycle(second_doubling_step(2)).multiplier == pytest.approx(-1.0, rel=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4, 6, 8])
def test_worked_values(depth):
    assert first_doubling_step(depth) == 2.0 / depth
    assert second_doubling_step(depth) == pytest.approx(SECOND[depth], rel=ACCURACY)
    assert zero_crossing_step(depth) == pytest.approx(CROSSING[depth], rel=ACCURACY)
    if depth in CRISIS:
        # printed to 15 digits
        assert crisis_step(depth) == pytest.approx(CRISIS[depth], rel=ACCURACY + 1e-14)


def test_no_cycle_below_its_birth():
    cycle = balanced_two_cycle([0.7, 1.0, 1.1])
    np.testing.assert_array_equal(np.isnan(cycle.lower), [True, True, False])
    near = balanced_two_cycle(1.0 + 1e-10)
    assert near.upper - near.lower == pytest.approx(2e-5 * np.sqrt(1.0), rel=1e-4)  # opens like 2 sqrt(eta - 1)


# --- oracle


@pytest.mark.parametrize("depth", [2, 3, 5, 12, 64])
def test_second_doubling_at_forty_digits(depth):
    """At the returned step size, iterate to the cycle by Newton and compare its multiplier with -1."""
    with mp.workdps(40):

        def multiplier(eta):
            def twice(w):
                return one_step(one_step(w, eta, depth), eta, depth) - w

            # the lower weight of the cycle: where the twofold map changes sides, nearest to the fixed point 1
            grid = [mp.exp(-mp.mpf(k) / (50 * depth)) for k in range(5, 150)]
            high, low = next(pair for pair in pairwise(grid) if twice(pair[0]) * twice(pair[1]) < 0)
            w = mp.findroot(twice, (low, high), solver="anderson")
            return mp.diff(lambda v: one_step(one_step(v, eta, depth), eta, depth), w)

        eta = mp.mpf(second_doubling_step(depth))
        slope = (multiplier(eta * (1 + mp.mpf("1e-8"))) - multiplier(eta)) / mp.mpf("1e-8")
        off = (multiplier(eta) + 1) / slope  # relative distance to the exact step size
        assert abs(off) < depth * ACCURACY


@pytest.mark.parametrize("depth", [2, 3, 4, 7, 64])
def test_landmarks_of_the_critical_point_at_forty_digits(depth):
    def critical(eta):
        bottom = (mp.mpf(depth - 1) / (2 * depth - 1)) ** (mp.mpf(1) / depth)
        low, high = bottom, mp.mpf(1)
        for _ in range(130):  # the slope of f falls from 1 at the bottom to 1 - eta depth < 0
            middle = (low + high) / 2
            slope = 1 - eta * ((2 * depth - 1) * middle**depth - (depth - 1)) * middle ** (depth - 2)
            low, high = (middle, high) if slope > 0 else (low, middle)
        return one_step(low, eta, depth)

    with mp.workdps(40):
        for found, residual in (
            (zero_crossing_step, lambda eta: one_step(critical(eta), eta, depth)),
            (crisis_step, lambda eta: one_step(critical(eta), eta, depth) + critical(eta)),
        ):
            if found is crisis_step and depth % 2:
                continue
            eta = mp.mpf(found(depth))
            slope = (residual(eta * (1 + mp.mpf("1e-10"))) - residual(eta)) / mp.mpf("1e-10")
            assert abs(residual(eta) / slope) < depth * ACCURACY


# --- properties


def test_cycle_is_a_cycle():
    eta = np.linspace(1.01, 1.9, 50)
    cycle = balanced_two_cycle(eta)
    after = cycle.lower * (1.0 - eta * (cycle.lower - 1.0)) ** 2
    # the lower product is a difference of numbers of order 1
    np.testing.assert_allclose(after, cycle.upper, rtol=1e-12)
    assert np.all(cycle.lower < 1.0)
    assert np.all(cycle.upper > 1.0)


def test_landmarks_are_ordered_and_fall_with_depth():
    for depth in range(2, 40):
        steps = [first_doubling_step(depth), second_doubling_step(depth), zero_crossing_step(depth)]
        steps += [crisis_step(depth)] if depth % 2 == 0 else []
        assert steps == sorted(steps)
        assert second_doubling_step(depth + 1) < steps[1]
        assert 2.0 < depth * steps[1] < 2.51


def test_two_cycle_at_a_huge_step():
    cycle = balanced_two_cycle(1e300)  # y = 1 + eta + ...: products 1/eta and 1 + 1/eta
    assert (cycle.upper, cycle.multiplier) == (1.0, -np.inf)
    assert abs(cycle.lower) < 4 * EPS


def test_largest_depth():
    assert 2.5 < 1000 * second_doubling_step(1000) < 2.51
    assert zero_crossing_step(1000) < crisis_step(1000)


# --- bad input


@pytest.mark.parametrize("function", [first_doubling_step, second_doubling_step, zero_crossing_step, crisis_step])
@pytest.mark.parametrize(
    ("depth", "message"),
    [
        (1, r"depth must be >= 2 and <= 1000, got depth=1\.0"),
        (2000, r"depth must be >= 2 and <= 1000, got depth=2000\.0"),
        (2.5, r"depth must be an integer, got depth=2\.5"),
        ([2, 4], r"depth must be a single real number"),
        ("4", r"depth must be a real number"),
    ],
)
def test_bad_depths(function, depth, message):
    with pytest.raises(ValueError, match=message):
        function(depth)


def test_odd_depth_has_no_symmetric_cycle():
    with pytest.raises(ValueError, match=r"depth must be even: .*got depth=3"):
        crisis_step(3)


def test_bad_steps():
    with pytest.raises(ValueError, match=r"step_size must be > 0, got step_size=0\.0"):
        balanced_two_cycle(0.0)
