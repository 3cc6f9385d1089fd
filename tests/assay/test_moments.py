"""Moments of replicates against exact rational arithmetic, and the laws of merging."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.moments import Moments, combine, merge

EPS = np.finfo(np.float64).eps


def nasty() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20)
    return {
        "normal": rng.standard_normal(257),
        "large offset": 1e9 + rng.standard_normal(200),
        "negative offset, small spread": -3.7e5 + 1e-4 * rng.standard_normal(131),
        "log-normal": rng.lognormal(0.0, 2.0, 300),
        "tiny": 1e-90 * rng.exponential(2.5, 100),
        "huge": 1e90 * rng.standard_normal(100),
        "one outlier first": np.r_[1e8, rng.standard_normal(99)],
        "one outlier last": np.r_[rng.standard_normal(99), -1e8],
        "two values": np.array([0.1, 0.3] * 37),
        "ramp": np.linspace(-7.0, 11.0, 1001),
        "single": np.array([0.7]),
    }


def exact(x: np.ndarray) -> tuple[Fraction, Fraction, Fraction]:
    """Mean and central sums of the very floats in `x`, without rounding."""
    values = [Fraction(float(v)) for v in x]
    mean = sum(values, Fraction(0)) / len(values)
    return (
        mean,
        sum(((v - mean) ** 2 for v in values), Fraction(0)),
        sum(((v - mean) ** 3 for v in values), Fraction(0)),
    )


def assert_exact(m: Moments, x: np.ndarray, steps: float) -> None:
    """`steps` roundings, each amplified by the condition |x|max/spread of a deviation from the mean."""
    mean, m2, m3 = (float(v) for v in exact(x))
    size, spread = np.abs(x).max(), np.sqrt(m2 / len(x))
    cube = np.sum(np.abs(x - mean) ** 3)
    condition = 1 + (size / spread if spread else 0)
    assert m.count == len(x)
    assert abs(float(m.mean) - mean) <= 2 * steps * EPS * size
    assert abs(float(m.m2) - m2) <= steps * EPS * condition * m2
    assert abs(float(m.m3) - m3) <= steps * EPS * condition * cube


# --- identities and limits


def test_constant_samples_have_no_spread():
    for value in (0.1, -1e9 / 3, 1e-200, 0.0):
        for count in (1, 2, 3, 7, 64, 1000):
            whole = combine([Moments.of(np.full(count, value)), Moments.of(np.full(3, value))])
            assert float(whole.mean) == value
            assert float(whole.m2) == float(whole.m3) == float(whole.skewness) == 0.0


def test_a_single_replicate_says_nothing_about_the_spread():
    m = Moments.of([0.7])
    assert float(m.mean) == 0.7
    assert float(m.variance) == float(m.standard_deviation) == float(m.standard_error) == np.inf
    assert float(m.skewness) == 0.0


def test_known_numbers():
    # deviations of 1, 2, 6 from 3 are -2, -1, 3: squares 4 + 1 + 9, cubes -8 - 1 + 27
    m = Moments.of([1.0, 2.0, 6.0])
    assert (m.count, float(m.mean), float(m.m2), float(m.m3)) == (3, 3.0, 14.0, 18.0)
    assert float(m.variance) == 7.0
    assert float(m.standard_deviation) == np.sqrt(7.0)
    assert float(m.standard_error) == np.sqrt(7.0 / 3)
    assert float(m.skewness) == pytest.approx(6.0 / (14 / 3) ** 1.5, rel=4 * EPS)  # four roundings


def test_shapes_and_selection():
    x = np.random.default_rng(3).normal(2.0, 0.3, (50, 4, 3))
    m = Moments.of(x)
    assert m.shape == (4, 3)
    assert m.skewness.shape == m.standard_error.shape == (4, 3)
    for index in [(1, 2), (slice(None), 0), 3]:
        one, direct = m.select(index), Moments.of(x[(slice(None), *np.atleast_1d(np.array(index, dtype=object)))])
        assert one.count == 50
        # the axis of a sum is laid out differently, so its 50 roundings may differ
        np.testing.assert_allclose(one.m2, direct.m2, rtol=50 * EPS)


# --- oracle


@pytest.mark.parametrize("name", nasty())
def test_moments_against_rationals(name):
    x = nasty()[name]
    assert_exact(Moments.of(x), x, steps=16)


@pytest.mark.parametrize("name", [name for name in nasty() if name != "single"])
@pytest.mark.parametrize("cuts", [(1,), (2, 3), (13, 14, 60), tuple(range(1, 70, 3))])
def test_merged_moments_against_rationals(name, cuts):
    x = nasty()[name]
    parts = [part for part in np.split(x, cuts) if len(part)]
    # each merge rounds a few times more
    assert_exact(combine(Moments.of(part) for part in parts), x, steps=16 + 4 * len(parts))


@pytest.mark.parametrize("name", [name for name in nasty() if name != "single"])
def test_derived_statistics_against_scipy(name):
    x = nasty()[name]
    m = Moments.of(x)
    shifted = x - x.mean()
    condition = 1 + np.abs(x).max() / x.std()
    assert float(m.variance) == pytest.approx(shifted.var(ddof=1), rel=64 * EPS * condition)
    assert float(m.standard_error) == pytest.approx(scipy.stats.sem(shifted), rel=64 * EPS * condition)
    scaled = shifted / np.abs(shifted).max()  # scipy's own powers leave the float range
    assert float(m.skewness) == pytest.approx(
        scipy.stats.skew(scaled), rel=64 * EPS * condition, abs=64 * EPS * condition
    )


# --- properties

SAMPLES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40)


def close(a: Moments, b: Moments) -> bool:
    """Equal up to 100 roundings of terms of size 1e3, their squares and cubes, times up to 80 samples."""
    bounds = (1e3, 80 * 4e6, 80 * 8e9)
    pairs = zip((a.mean, a.m2, a.m3), (b.mean, b.m2, b.m3), strict=True)
    ok = [abs(float(p - q)) <= 100 * EPS * bound for (p, q), bound in zip(pairs, bounds, strict=True)]
    return a.count == b.count and all(ok)


@settings(derandomize=True, deadline=None)
@given(SAMPLES, SAMPLES, SAMPLES)
def test_merging_is_symmetric_and_associative(a, b, c):
    x, y, z = (Moments.of(part) for part in (a, b, c))
    assert close(merge(x, y), merge(y, x))
    assert close(merge(merge(x, y), z), merge(x, merge(y, z)))
    assert close(combine([x, y, z]), Moments.of(a + b + c))


@settings(derandomize=True, deadline=None)
@given(SAMPLES, st.floats(-2.0, 2.0), st.floats(-10.0, 10.0))
def test_affine_transformations(a, scale, offset):
    assert close(Moments.of(a).linear(scale, offset), Moments.of(np.array(a) * scale + offset).linear(1.0))


def test_affine_transformations_act_elementwise():
    x = np.random.default_rng(5).exponential(2.5, (400, 3))
    predicted = np.array([2.0, -3.0, 0.5])
    errors = Moments.of(x).linear(1 / predicted, -1.0)
    direct = Moments.of(x / predicted - 1)
    # 400 terms, a handful of roundings each
    for got, want in zip((errors.mean, errors.m2, errors.m3), (direct.mean, direct.m2, direct.m3), strict=True):
        np.testing.assert_allclose(got, want, rtol=1000 * EPS)
    assert Moments.of([1.0, 4.0]).linear(predicted).shape == (3,)
    assert float(Moments.of([1.0, 4.0]).linear(0.0, 2.5).variance) == 0.0


def test_spread_is_never_negative_and_order_does_not_matter():
    x = np.random.default_rng(9).standard_normal((128, 2)) * [1e-9, 1.0] + [1e7, 0.0]
    m, reverse = Moments.of(x), Moments.of(x[::-1])
    assert np.all(m.m2 >= 0)
    np.testing.assert_allclose(
        m.m2, reverse.m2, rtol=1e-6
    )  # condition 1e7/1e-9: most of the spread is rounding already


# --- bad input


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_counted(value):
    with pytest.raises(ValueError, match=r"samples must be finite, got 2 of 6 that are not"):
        Moments.of([[0.1, value], [0.2, 0.3], [value, 0.4]])


@pytest.mark.parametrize(("samples", "shape"), [(3.0, r"\(\)"), ([], r"\(0,\)"), (np.zeros((0, 2)), r"\(0, 2\)")])
def test_there_must_be_replicates(samples, shape):
    with pytest.raises(ValueError, match=rf"shape \(replicates, ...\) with replicates >= 1, got shape {shape}"):
        Moments.of(samples)


def test_overflow_is_an_error_and_not_an_infinity():
    with pytest.raises(OverflowError, match="central sums exceed the float range: rescale"):
        Moments.of([1e200, -1e200])
    with pytest.raises(OverflowError, match="rescale"):
        merge(Moments.of([1e120]), Moments.of([-1e120]))
    with pytest.raises(OverflowError, match="rescale"):
        Moments.of([1.0, 2.5, 7.0]).linear(1e150)


def test_groups_must_fit():
    with pytest.raises(ValueError, match=r"moments to merge must have one shape, got \(\) and \(2,\)"):
        merge(Moments.of([1.0]), Moments.of([[1.0, 2.0]]))
    with pytest.raises(ValueError, match="groups must hold at least one Moments, got none"):
        combine([])


@pytest.mark.parametrize(("scale", "offset", "name"), [(np.inf, 0.5, "scale"), (2.0, np.nan, "offset")])
def test_transformations_are_finite(scale, offset, name):
    with pytest.raises(ValueError, match=f"{name} must be finite, got {name}="):
        Moments.of([1.0, 2.0]).linear(scale, offset)
