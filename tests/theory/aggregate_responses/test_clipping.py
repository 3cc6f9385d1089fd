"""Moments of clipped labels: both tails against mpmath, integrals of the definition, monotonicity, messages."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.aggregate_responses import clipped_label_moments, clipping_threshold

EPS = np.finfo(float).eps
MOMENTS = 8 * EPS
# Below three standard deviations the distortion is a difference that loses at most a factor 1/0.0006 there; above,
# the exponent a^2/2 <= 700 of the density carries its own rounding.
DISTORTION = 2000 * EPS


# --- identities and limits


def test_wide_thresholds_clip_nothing():
    for threshold in (1e3, 1e300, np.inf):
        assert clipped_label_moments(threshold, 2.7) == (1.0, 2.7, 0.0)


@pytest.mark.parametrize("threshold", [1e-6, 1e-100, 1e-150])
def test_narrow_thresholds_keep_the_sign(threshold):
    gain, second, distortion = clipped_label_moments(threshold, 2.7)
    # the next order is a = 6e-7
    assert gain == pytest.approx(threshold * np.sqrt(2 / np.pi / 2.7), rel=1e-6)
    assert second == pytest.approx(threshold**2, rel=1e-6)
    assert distortion == pytest.approx((1 - 2 / np.pi) * threshold**2, rel=1e-6)


def test_threshold_of_the_mechanism():
    assert clipping_threshold(2000, 1.01 * np.sqrt(3)) == pytest.approx(1.01 * np.sqrt(3 * np.log(2000)), rel=4 * EPS)
    assert clipping_threshold([2, 2000], 1.5).shape == (2,)


# --- oracle


def by_definition(ratio, variance):
    """Return gain, second moment, distortion in the textbook form, at enough digits for what cancels."""
    with mp.workdps(40 + int(ratio * ratio) + int(abs(3 * np.log10(ratio)))):
        a = mp.mpf(ratio)
        gain = mp.erf(a / mp.sqrt(2))
        second = gain - 2 * a * mp.npdf(a) + a * a * mp.erfc(a / mp.sqrt(2))
        return float(gain), float(variance * second), float(variance * (second - gain**2))


def test_both_tails():
    bad = []
    for ratio in (1e-60, 1e-9, 1e-4, 0.02, 0.3, 0.9, 1.7, 2.6, 2.99, 3.01, 3.5, 5.0, 8.0, 14.0, 25.0, 36.0):
        got = clipped_label_moments(ratio, 1.0), clipped_label_moments(4.0 * ratio, 16.0)
        for scale, moments in zip((1.0, 16.0), got, strict=True):
            wanted = by_definition(ratio, scale)
            for value, truth, room in zip(moments, wanted, (MOMENTS, MOMENTS, DISTORTION), strict=True):
                if abs(value - truth) > room * truth:
                    bad.append((ratio, scale, value, truth))
    assert not bad


@pytest.mark.parametrize("threshold", [0.2, 1.9, 4.4])
def test_moments_as_integrals(threshold):
    variance = 2.7
    with mp.workdps(30):
        density = lambda y: mp.npdf(y, 0, mp.sqrt(variance))  # noqa: E731
        clip = lambda y: max(-threshold, min(threshold, y))  # noqa: E731
        edges = [-mp.inf, -threshold, 0, threshold, mp.inf]
        cross = mp.quad(lambda y: y * clip(y) * density(y), edges)
        second = mp.quad(lambda y: clip(y) ** 2 * density(y), edges)
    gain, got, distortion = clipped_label_moments(threshold, variance)
    assert gain == pytest.approx(float(cross / variance), rel=MOMENTS)
    assert got == pytest.approx(float(second), rel=MOMENTS)
    assert distortion == pytest.approx(float(second - cross**2 / variance), rel=DISTORTION)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=100)
@given(threshold=st.floats(-12, 3).map(np.exp), variance=st.floats(-8, 8).map(np.exp), shift=st.integers(-60, 60))
def test_bounds_and_scale(threshold, variance, shift):
    gain, second, distortion = clipped_label_moments(threshold, variance)
    assert 0.0 < gain <= 1.0
    assert 0.0 < second <= min(variance, threshold**2) * (1 + MOMENTS)
    assert 0.0 <= distortion < second
    assert clipped_label_moments(np.ldexp(threshold, shift), np.ldexp(variance, 2 * shift)) == pytest.approx(
        (gain, np.ldexp(second, 2 * shift), np.ldexp(distortion, 2 * shift)), rel=DISTORTION, abs=0.0
    )


def test_monotone_through_the_change_of_formula():
    ratios = np.linspace(2.9, 3.1, 401)
    gain, second, distortion = clipped_label_moments(ratios, 1.0)
    assert np.all(np.diff(gain) > 0) and np.all(np.diff(second) > 0) and np.all(np.diff(distortion) < 0)  # noqa: PT018


def test_broadcasting():
    moments = clipped_label_moments([[0.5], [4.0]], [1.0, 2.0, 3.0])
    assert moments.gain.shape == (2, 3)
    assert moments.distortion[1, 2] == clipped_label_moments(4.0, 3.0).distortion
    assert isinstance(clipped_label_moments(4.0, 3.0).distortion, float)


# --- bad input


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (clipped_label_moments, (0.0, 1.5), r"threshold must be > 0, got threshold=0\.0"),
        (clipped_label_moments, (1.0, [1.5, 0.0]), r"variance must be > 0, got variance\[1\]=0\.0"),
        (clipped_label_moments, (np.nan, 1.5), r"threshold must be"),
        (clipped_label_moments, ("1", 1.5), r"threshold must be a real number"),
        (clipping_threshold, (1, 1.5), r"samples must be > 1"),
        (clipping_threshold, (20, 0.0), r"clipping must be > 0"),
    ],
)
def test_bad_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)
