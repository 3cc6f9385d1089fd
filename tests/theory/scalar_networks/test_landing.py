"""Landing below the edge: Lambert W at 40 digits, the slow system integrated, gradient descent itself."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theory.scalar_networks import (
    edge_constants,
    final_excess,
    final_sharpness,
    gfs_sharpness,
    gradient_flow_solution,
    landing_shape,
    normal_form,
    second_order_decrement,
)
from theory.scalar_networks._solver import balances_of, solve_level

EPS = np.finfo(float).eps
rule = settings(derandomize=True, deadline=None, max_examples=80)


def descend(w, eta):
    """Return the weights after gradient descent to |product - 1| < 1e-10."""
    for _ in range(100_000):
        product = np.prod(w)
        if abs(product - 1.0) < 1e-10:
            break
        w = w * (1.0 - eta * (product - 1.0) * product / w**2)
    return w


# --- identities and limits


def test_conserved_quantity_in_symbols():
    """d(delta)/dt = -c Q, dQ/dt = 2 Q (delta - kappa Q) keep (r kappa Q - r delta - 1) e^(-r delta)."""
    q, delta, kappa, c = sp.symbols("Q delta kappa c", positive=True)
    r = 2 * kappa / c
    kept = (r * kappa * q - r * delta - 1) * sp.exp(-r * delta)
    rate = sp.diff(kept, q) * 2 * q * (delta - kappa * q) + sp.diff(kept, delta) * (-c * q)
    assert sp.simplify(rate) == 0


@pytest.mark.parametrize("eta", [0.2, 0.5, 0.8])
def test_constants_at_depth_two(eta):
    b = np.sqrt((2 / eta) ** 2 - 4)
    s = np.sqrt([(2 / eta + b) / 2, 2 / (2 / eta + b)])
    edge = edge_constants(s)
    assert edge.kappa == pytest.approx(2 * eta**4, rel=1e-12)
    assert edge.decay == pytest.approx(2 * eta**2 * (1 - eta**2), rel=1e-12)
    assert edge.ratio == pytest.approx(2 * eta**2 / (1 - eta**2), rel=1e-12)


def test_constants_are_those_of_map_and_decrement():
    s = gradient_flow_solution([2.0, 1.3, 0.9, 0.6])
    eta = 2.0 / gfs_sharpness(s)
    edge = edge_constants(s)
    assert edge.kappa == pytest.approx(normal_form(s, eta).kappa, rel=1e-12)
    w = np.sqrt(solve_level(balances_of(s[None]), np.array([1.5])).squared[0])  # the same line, (pi - 1)^2 = 1/4
    assert edge.decay == pytest.approx(eta * second_order_decrement(w, eta) / 0.25, rel=1e-12)


def test_decay_has_its_largest_value_at_three_quarters():
    shares = np.array([0.75, *[0.25 / 4000] * 4000])
    s = shares**-0.5
    s /= np.exp(np.log(s).mean())
    assert edge_constants(s[:, None].T).decay[0] == pytest.approx(27 / 32, rel=1e-3)  # off by 1/4000
    rng = np.random.default_rng(0)
    for depth in (2, 3, 6):
        decay = edge_constants(gradient_flow_solution(np.exp(rng.normal(size=(2000, depth)) * 2))).decay
        assert decay.max() < 27 / 32


def test_equal_weights_have_no_decay():
    edge = edge_constants([1.0, 1.0, -1.0, -1.0])
    assert edge.decay == 0.0
    assert edge.ratio == np.inf
    assert final_sharpness([0.9, 0.9, 0.9, 0.9], 0.3) == pytest.approx(4.0, rel=10 * EPS)
    assert final_sharpness([0.3, 0.9, 1.9], 2.0 / 3.0) == pytest.approx(3.0, rel=10 * EPS)  # nothing else is stable
    np.testing.assert_array_equal(landing_shape([0.3, 0.9, -1.9], 2.0 / 3.0), [-1.0, 1.0, -1.0])


def test_limits_of_the_final_excess():
    assert final_excess(-0.3, 0.0, 0.7, 0.4) == pytest.approx(-0.3, rel=10 * EPS)  # below the edge, at rest
    assert final_excess(0.3, 0.2, 1e-12, 0.8) == pytest.approx(-np.sqrt(0.09 + 0.8 * 0.04), rel=1e-10)  # error r
    assert final_excess(0.5, 1e-9, 3.0, 1e-3) == pytest.approx(-1e-3 / 6.0, rel=1e-12)  # r delta = 3000
    assert final_excess(0.5, 0.1, 3.0, 0.0) == 0.0
    assert final_excess(-0.5, 0.1, 3.0, 0.0) == -0.5
    assert final_excess(-1.5, 0.2, 50.0, 0.01) <= -0.5  # r delta = -15000: no overflow


def test_landing_curve_is_a_fixed_point_on_the_edge():
    s = gradient_flow_solution([1.9, 1.2, 0.5])
    eta = 1.9 / gfs_sharpness(s)
    np.testing.assert_array_equal(landing_shape(s, eta), gradient_flow_solution(s))


# --- oracle


def test_lambert_at_forty_digits():
    bad = []
    with mp.workdps(60):
        for delta in (-3.0, -0.2, -1e-6, 0.0, 1e-6, 0.02, 0.5):
            for deviation in (1e-6, 1e-3, 0.2):
                for kappa, decay in ((1e-8, 0.5), (0.125, 0.375), (1.0, 1e-2), (2.0, 1e-6)):
                    r = 2 * mp.mpf(kappa) / mp.mpf(decay)
                    k = (r * kappa * mp.mpf(deviation) ** 2 - r * delta - 1) * mp.exp(-r * delta - 1)
                    expected = float(-(1 + mp.re(mp.lambertw(k))) / r)
                    value = final_excess(delta, deviation, kappa, decay)
                    # psi(y) near 1 is flat in y << -1 only; else some ten roundings with condition 2
                    if not abs(value - expected) <= 1e-13 * abs(expected):
                        bad.append((delta, deviation, kappa, decay, value, expected))
    assert not bad


@pytest.mark.parametrize(("kappa", "decay"), [(0.5, 0.3), (1.5, 0.05), (0.02, 0.4)])
def test_the_slow_system_integrated(kappa, decay):
    def speed(_, state):
        log_amplitude, excess = state
        return [2.0 * (excess - kappa * np.exp(log_amplitude)), -decay * np.exp(log_amplitude)]

    end = solve_ivp(speed, (0.0, 3000.0), [np.log(0.1**2), 0.15], method="LSODA", rtol=1e-11, atol=1e-12).y
    # integrated to a tolerance of 1e-11 over some ten times the unit of time
    assert final_excess(0.15, 0.1, kappa, decay) == pytest.approx(end[1, -1], rel=1e-8)


def test_landing_shape_by_small_steps():
    """Euler steps of dt_i/dtau = 1/t_i - q_2/q_1, extrapolated."""
    s = gradient_flow_solution([2.0, 1.1, 0.4])
    eta = 2.2 / gfs_sharpness(s)
    ends = []
    for steps in (4000, 8000):
        t, phi = s**2, (s**-2.0).sum()
        for level in np.linspace(phi, 2.0 / eta, steps + 1)[1:]:
            velocity = 1.0 / t - (t**-2.0).sum() / (1.0 / t).sum()
            t = t + velocity * ((1.0 / t).sum() - level) / (t**-2.0 * velocity).sum()
        ends.append(t)
    # Euler's error is linear in the step: what is left after extrapolation is quadratic, (1/4000)^2
    np.testing.assert_allclose(landing_shape(s, eta) ** 2, 2 * ends[1] - ends[0], rtol=1e-6)


@pytest.mark.parametrize("depth", [3, 4, 8, 16])
def test_gradient_descent_lands_there(depth):
    rng = np.random.default_rng(depth)
    done = 0
    while done < 2:
        s = gradient_flow_solution(np.exp(0.5 * rng.normal(size=depth)))
        w = s * 1.001 ** (1.0 / depth)
        eta = (2.0 + rng.uniform(0.05, 0.3)) / gfs_sharpness(w)
        if eta * depth > 1.98 or edge_constants(landing_shape(w, eta)).ratio < 250.0:
            continue
        excess = eta * gfs_sharpness(descend(w, eta)) - 2.0
        predicted = eta * final_sharpness(w, eta) - 2.0
        # leading order in an excess of at most .3; measured deviations for r > 250 stay below 1 %
        assert predicted == pytest.approx(excess, rel=0.01)
        start = edge_constants(s)
        wrong = final_excess(eta * gfs_sharpness(w) - 2.0, 1e-3, start.kappa, start.decay)
        assert abs(wrong / excess - 1.0) > abs(predicted / excess - 1.0)  # the shape at the start is no substitute
        done += 1


def test_reflection_at_depth_two():
    w = np.array([4.0, 0.25]) * 1.0001**0.5
    eta = 2.02 / gfs_sharpness(w)
    excess = eta * gfs_sharpness(descend(w, eta)) - 2.0
    # r = 0.03: reflection up to higher orders in the excess and up to the phase of the fast motion
    assert eta * final_sharpness(w, eta) - 2.0 == pytest.approx(excess, rel=0.1)
    assert excess == pytest.approx(-0.02, rel=0.1)


# --- properties


@rule
@given(
    delta=st.floats(-1.0, 1.0),
    deviation=st.just(0.0) | st.floats(1e-150, 0.5),  # its square is a normal number
    kappa=st.floats(-4.0, 0.3).map(lambda x: 10.0**x),
    decay=st.floats(-4.0, -0.1).map(lambda x: 10.0**x),
)
def test_final_excess_is_the_other_zero_of_the_amplitude(delta, deviation, kappa, decay):
    end = final_excess(delta, deviation, kappa, decay)
    r = 2 * kappa / decay
    assert end <= min(0.0, delta) + 1e-12
    assert end >= -np.hypot(delta, np.sqrt(decay) * deviation) * (1 + 1e-12)  # never beyond reflection
    if abs(r * delta) < 30 and abs(r * end) < 30:
        before = (r * kappa * deviation**2 - r * delta - 1) * np.exp(-r * delta)
        after = (-r * end - 1) * np.exp(-r * end)
        assert after == pytest.approx(before, rel=1e-11, abs=1e-13)


@rule
@given(w=st.lists(st.floats(-1.0, 1.0).map(np.exp), min_size=2, max_size=6), edge=st.floats(0.0, 1.0))
def test_landing_shape_is_a_minimum_on_the_edge(w, edge):
    phi = gfs_sharpness(w)
    eta = 2.0 / (len(w) + (0.05 + 0.9 * edge) * (phi - len(w)) + 1e-3)
    landed = landing_shape(w, eta)
    assert np.prod(landed) == pytest.approx(1.0, rel=1e-8)  # the flow is integrated to 1e-11 a step
    if eta * phi > 2.0:
        assert eta * (landed**-2.0).sum() == pytest.approx(2.0, rel=1e-12)


def test_broadcasting_and_saddles():
    w = np.random.default_rng(0).uniform(0.5, 1.5, size=(3, 1, 4))
    w[1, 0, :2] = 0.0
    eta = np.array([0.1, 0.45])
    value, shape = final_sharpness(w, eta), landing_shape(w, eta)
    assert value.shape == (3, 2)
    assert shape.shape == (3, 2, 4)
    assert np.isnan(value[1]).all()
    assert np.isnan(shape[1]).all()
    assert np.isfinite(value[[0, 2]]).all()
    assert final_sharpness(w[0, 0], 0.45) == pytest.approx(value[0, 1], rel=1e-12)
    assert isinstance(final_sharpness(w[0, 0], 0.45), float)
    assert final_excess([0.1, 0.2], [[0.1], [0.2]], 0.5, 0.1).shape == (2, 2)


# --- bad input


@pytest.mark.parametrize("function", [final_sharpness, landing_shape])
def test_bad_steps(function):
    with pytest.raises(
        ValueError, match=r"step_size must be <= 2/depth = 0\.666667, since phi >= depth .*step_size=0\.7"
    ):
        function([0.4, 1.3, 2.0], 0.7)
    with pytest.raises(ValueError, match=r"step_size must be > 0"):
        function([0.4, 1.3, 2.0], 0.0)
    with pytest.raises(ValueError, match=r"depth >= 2, got shape \(1,\)"):
        function([0.4], 0.1)


def test_bad_constants():
    with pytest.raises(ValueError, match=r"kappa must be > 0, got kappa=0\.0"):
        final_excess(0.1, 0.1, 0.0, 0.1)
    with pytest.raises(ValueError, match=r"decay must be >= 0, got decay=-0\.1"):
        final_excess(0.1, 0.1, 0.3, -0.1)
    with pytest.raises(ValueError, match=r"excess must be .*got excess=nan"):
        final_excess(np.nan, 0.1, 0.3, 0.1)
    with pytest.raises(ValueError, match=r"solution must have product 1, got product 1\.2"):
        edge_constants([2.0, 0.6])
