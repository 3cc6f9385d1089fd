"""The beta-variate route: traces against eigenvalues, its law against explicit matrices, its means against samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.linalg import eigvalsh
from scipy.stats import ks_2samp

from simulations.aggregate_responses._arguments import ALMOST_ZERO
from simulations.aggregate_responses._recursion import shifted_traces, weighted_traces
from simulations.aggregate_responses.conditional import conditional_errors, spectral_weights
from simulations.aggregate_responses.jacobi import (
    bidiagonal_squares,
    draw_cosines,
    gain_errors,
    jacobi_errors,
    jacobi_sums,
)
from simulations.aggregate_responses.literal import draw_direction, fit_aggregates

SHAPES = [(30, 8, 15), (30, 8, 5), (30, 8, 25), (30, 8, 2), (30, 20, 15), (11, 8, 5), (30, 8, 29), (700, 150, 233)]
RHOS = np.array([1e-9, 1e-3, 0.3, 0.5, 0.500001, 0.999999, 1.0, 1.000001, 1.0001, 1.9999, 2.0, 30.0, 1e9])


def tridiagonal(diagonal: np.ndarray, superdiagonal: np.ndarray, sign: float = 1.0) -> np.ndarray:
    """R R' from the squares of R's entries."""
    off = sign * np.sqrt(superdiagonal[:-1] * diagonal[1:])
    return np.diag(diagonal + superdiagonal) + np.diag(off, 1) + np.diag(off, -1)


# --- identities and limits


@pytest.mark.parametrize(("n", "d", "bags"), SHAPES)
def test_the_two_roots_complement_each_other(n: int, d: int, bags: int) -> None:
    roots = [part[0] for part in bidiagonal_squares(*draw_cosines(np.random.default_rng(1), 1, n, d, bags))]
    total = tridiagonal(*roots[:2]) + tridiagonal(*roots[2:], sign=-1.0)[::-1, ::-1]
    np.testing.assert_allclose(total, np.eye(len(total)), atol=1e-14)


@pytest.mark.parametrize(("n", "d", "bags"), SHAPES)
def test_sums_equal_sums_over_eigenvalues(n: int, d: int, bags: int) -> None:
    cosines = draw_cosines(np.random.default_rng(2), 1, n, d, bags)
    roots = [part[0] for part in bidiagonal_squares(*cosines)]
    values = np.linalg.eigvalsh(tridiagonal(*roots[:2]))
    w, g = spectral_weights(values, 1 - values, RHOS)
    expected = np.stack([w.sum(axis=1), (w**2).sum(axis=1), g.sum(axis=1)], axis=-1)
    np.testing.assert_allclose(jacobi_sums(*cosines, RHOS)[0], expected, rtol=1e-11)


@pytest.mark.parametrize("shift", [1e-6, 0.2, 1.0, 40.0])
def test_traces(shift: float) -> None:
    roots = bidiagonal_squares(*draw_cosines(np.random.default_rng(3), 1, 60, 20, 24))
    diagonal, superdiagonal = roots[0][0], roots[1][0]
    values = np.linalg.eigvalsh(tridiagonal(diagonal, superdiagonal))
    expected = [np.sum((values + shift) ** -1), np.sum((values + shift) ** -2)]
    np.testing.assert_allclose(shifted_traces(diagonal, superdiagonal, shift), expected, rtol=1e-11)
    if shift <= 1:
        parts = values / (shift + (1 - shift) * values)
        expected = [np.sum(parts), np.sum(parts**2)]
        np.testing.assert_allclose(weighted_traces(diagonal, superdiagonal, shift), expected, rtol=1e-11)


def test_the_forms_meet_where_they_take_over() -> None:
    cosines = draw_cosines(np.random.default_rng(4), 3, 60, 20, 24)
    for edge in (0.5, 1.0, 2.0):
        below, above = (jacobi_sums(*cosines, np.array([edge * (1 + step)])) for step in (-1e-12, 1e-12))
        np.testing.assert_allclose(below, above, rtol=1e-10)  # the step itself, and conditions of order 20


def test_bag_level_and_the_end_points() -> None:
    cosines = draw_cosines(np.random.default_rng(5), 1, 60, 10, 20)
    zero, almost, infinite = jacobi_sums(*cosines, np.array([0.0, ALMOST_ZERO, math.inf]))[0]
    np.testing.assert_allclose(almost, zero, rtol=1e-14, atol=1e-290)
    np.testing.assert_array_equal(zero[:2], [0.0, 0.0])
    np.testing.assert_allclose(infinite, [10.0, 10.0, 0.0], rtol=1e-14)


# --- oracle


@pytest.mark.parametrize(("n", "d", "bags"), [(12, 3, 6), (12, 3, 2), (12, 5, 9), (9, 3, 4)])
def test_extreme_eigenvalues_in_law(n: int, d: int, bags: int) -> None:
    """Two-sample Kolmogorov-Smirnov on smallest and largest eigenvalue; each comparison fails once in 10^5."""
    rng = np.random.default_rng(6)
    roots = bidiagonal_squares(*draw_cosines(rng, 2000, n, d, bags))
    reduced = np.array([np.linalg.eigvalsh(tridiagonal(x, y)) for x, y in zip(*roots[:2], strict=True)])
    direct = np.empty_like(reduced)
    for row in direct:
        inputs = rng.standard_normal((n, d))
        first = inputs[:bags].T @ inputs[:bags]
        values = eigvalsh(first, inputs.T @ inputs)
        row[:] = values[max(d - bags, 0) : d - max(d - (n - bags), 0)]
    for column in (0, -1):
        assert ks_2samp(reduced[:, column], direct[:, column]).pvalue > 1e-5  # pyright: ignore


SETTINGS = [(36, 8, 3), (36, 16, 3), (36, 8, 6), (36, 8, 1.2), (20, 14, 2)]


@pytest.mark.parametrize(("n", "d", "k"), SETTINGS)
def test_same_means_as_samples(n: int, d: int, k: float, means_agree: Callable[..., None]) -> None:
    setting = {"n": n, "d": d, "bag_size": k, "signal": 1.7, "noise_variance": 0.3}
    rhos = (1e-3, 0.3, 1.0, 1.5, 3.0)
    direct = conditional_errors(np.random.default_rng(7), 1500, interpolations=rhos, **setting)
    reduced = jacobi_errors(np.random.default_rng(8), 6000, interpolations=rhos, **setting)
    means_agree(direct, reduced)


@pytest.mark.parametrize(("n", "d", "k"), [(24, 6, 3), (24, 12, 4), (40, 9, 2)])
def test_instance_level_has_known_mean(n: int, d: int, k: int, means_agree: Callable[..., None]) -> None:
    m = n // k
    top = (n - m) * (n**3 - (m + d) * n**2 + 2 * d * m * n + (m - d - 3) * n + 2 * (d - m + 1))
    exact = [1.7 * top / (n * (n - 1) * (n + 2) * (n - d - 1)), 0.3 * m * d / (n * (n - d - 1))]
    setting = {"n": n, "d": d, "bag_size": k, "signal": 1.7, "noise_variance": 0.3}
    means_agree(jacobi_errors(np.random.default_rng(9), 8000, interpolations=(1.0,), **setting)[:, 0], exact)


def test_bag_level_has_known_variance(means_agree: Callable[..., None]) -> None:
    setting = {"n": 60, "d": 5, "bag_size": 3, "signal": 1.7, "noise_variance": 0.3}
    errors = jacobi_errors(np.random.default_rng(10), 8000, interpolations=(0.0,), **setting)[:, 0]
    assert np.all(errors[:, 0] == 0)
    means_agree(errors[:, 1:], [0.3 * 5 / 14])


def test_gain_against_the_literal_fit(means_agree: Callable[..., None]) -> None:
    rng, pairs, sizes = np.random.default_rng(11), ((0.1, 1.3), (1.0, 3.0), (0.4, 0.5)), np.full(10, 3)
    literal = np.empty((2000, 3))
    for row in literal:
        inputs, truth = rng.standard_normal((30, 6)), draw_direction(rng, 6, 1.7)
        labels = inputs @ truth + math.sqrt(0.3) * rng.standard_normal(30)
        means = labels.reshape(10, 3).mean(axis=1)
        row[:] = [np.sum((gain * fit_aggregates(inputs, means, sizes, rho) - truth) ** 2) for rho, gain in pairs]
    rhos, gains = zip(*pairs, strict=True)
    setting = {"n": 30, "d": 6, "bag_size": 3, "signal": 1.7, "noise_variance": 0.3}
    means_agree(literal, gain_errors(rng, 6000, interpolations=rhos, gains=gains, **setting))


# --- properties


def test_gain_one_is_no_gain_and_draws_do_not_depend_on_rho() -> None:
    setting = {"n": 30, "d": 6, "bag_size": 3, "signal": 1.7, "noise_variance": 0.3}
    for rhos in itertools.pairwise((0.2, 0.9, 1.0, "inf")):
        errors = jacobi_errors(np.random.default_rng(12), 3, interpolations=rhos, **setting)
        gained = gain_errors(np.random.default_rng(12), 3, interpolations=rhos, gains=(1.0, 1.0), **setting)
        np.testing.assert_allclose(gained, errors.sum(axis=-1), rtol=1e-14)
        alone = jacobi_errors(np.random.default_rng(12), 3, interpolations=rhos[1:], **setting)
        np.testing.assert_array_equal(alone[:, 0], errors[:, 1])


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d": 11}, r"n must be > d \+ 1, got n=12 and d=11"),
        ({"bag_size": 6, "interpolations": (0.0,)}, r"interpolations must be > 0 with fewer bags than features"),
        ({"bag_size": 7}, r"bag_size must divide n into a whole number of bags, got bag_size=7\.0 and n=12"),
        ({"interpolations": (-2.0,)}, r"interpolations must be >= 0, got interpolations\[0\]=-2\.0"),
        ({"gains": (1.0, 2.0)}, r"gains and interpolations must have the same length, got 2 and 1"),
        ({"gains": ("1",)}, r"gains must be a real number or an array"),
    ],
)
def test_bad_settings(change: dict, message: str) -> None:
    setting = {"replicates": 1, "n": 12, "d": 3, "bag_size": 2, "interpolations": (0.1,), "gains": (1.0,)}
    with pytest.raises(ValueError, match=message):
        gain_errors(np.random.default_rng(0), **(setting | {"signal": 1.7, "noise_variance": 0.3} | change))
