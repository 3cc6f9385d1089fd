"""Finite-size fits against a general least-squares solver and against data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.stats import chi2

from assay.extrapolation import extrapolate, fit_power

SIZES = np.array([10.0, 20.0, 40.0, 80.0, 160.0])

# --- identities and limits


@pytest.mark.parametrize("powers", [(1.0,), (0.5,), (0.5, 1.0)])
def test_data_of_the_form_that_is_fitted_come_back(powers):
    slopes = [0.7, -1.9][: len(powers)]
    data = 0.013 + sum(c * SIZES**-p for c, p in zip(slopes, powers, strict=True))
    fit = extrapolate(SIZES, data, np.linspace(0.01, 0.03, 5), powers)
    assert fit.intercept == pytest.approx(0.013, abs=1e-14)  # a few eps of data of size 1, condition below 100
    assert fit.slopes == pytest.approx(slopes, rel=1e-12)
    assert (fit.powers, fit.degrees_of_freedom, fit.fits) == (powers, 4 - len(powers), True)
    assert fit.chi_square < 1e-20


def test_a_pure_power_comes_back():
    fit = fit_power(SIZES, -0.37 * SIZES**-1.4, 0.01 * SIZES**-1.4)
    assert fit.exponent == pytest.approx(1.4, rel=1e-13)
    assert fit.degrees_of_freedom == 3


# --- oracle


@pytest.mark.parametrize("powers", [(1.0,), (0.5, 1.0)])
def test_against_a_general_solver(powers):
    rng = np.random.default_rng(3)
    errors = np.array([0.04, 0.03, 0.02, 0.01, 0.005])
    data = 0.02 + 0.6 / SIZES + errors * rng.standard_normal(5)
    fit = extrapolate(SIZES, data, errors, powers)

    def model(n, *c):
        return c[0] + sum(slope * n**-p for slope, p in zip(c[1:], powers, strict=True))

    start = np.zeros(1 + len(powers))
    best, covariance = curve_fit(
        model, SIZES, data, p0=start, sigma=errors, absolute_sigma=True, xtol=1e-15, ftol=1e-15
    )
    # the reference differentiates numerically: about 1e-8 relative in the covariance
    assert (fit.intercept, *fit.slopes) == pytest.approx(best, rel=1e-6)
    assert fit.standard_error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-6)
    residual = (data - model(SIZES, *best)) / errors
    assert fit.chi_square == pytest.approx(residual @ residual, rel=1e-6)


def test_the_fitted_exponent_and_its_error_against_a_general_solver():
    rng = np.random.default_rng(4)
    errors = 0.02 * SIZES**-0.8
    data = 1.7 * SIZES**-0.8 + errors * rng.standard_normal(5)
    fit = fit_power(SIZES, data, errors)
    line = (np.log(SIZES), np.log(data))
    best, covariance = curve_fit(lambda x, c, a: c - a * x, *line, p0=[0, 1], sigma=errors / data, absolute_sigma=True)
    assert fit.exponent == pytest.approx(best[1], rel=1e-6)
    assert fit.standard_error == pytest.approx(np.sqrt(covariance[1, 1]), rel=1e-6)


def test_without_errors_the_misfit_is_the_error():
    """Equal weights: the standard error of a least-squares slope with the residual variance, from the textbook."""
    data = np.array([0.31, 0.148, 0.083, 0.039, 0.0201])
    fit = fit_power(SIZES, data)
    x, y = np.log(SIZES), np.log(data)
    slope = np.cov(x, y, ddof=0)[0, 1] / np.var(x)
    residual = y - y.mean() - slope * (x - x.mean())
    assert fit.exponent == pytest.approx(-slope, rel=1e-12)
    expected = np.sqrt(residual @ residual / 3 / ((x - x.mean()) @ (x - x.mean())))
    assert fit.standard_error == pytest.approx(expected, rel=1e-10)


# --- properties


def test_the_residual_check_turns_at_its_quantile():
    """A residual orthogonal to [1, 1/n] leaves the fit alone and sets chi-square at will."""
    design = np.column_stack([np.ones(5), 1 / SIZES])
    bend = np.linalg.svd(design)[0][:, 3]
    limit = chi2.ppf(0.999, 3)
    for factor, fits in ((0.99, True), (1.01, False)):
        fit = extrapolate(SIZES, 0.3 / SIZES + 0.1 * bend * np.sqrt(factor * limit), np.full(5, 0.1))
        assert fit.chi_square == pytest.approx(factor * limit, rel=1e-10)
        assert fit.fits is fits


def test_a_wrong_power_does_not_fit_and_the_right_one_does():
    data, errors = 0.9 * SIZES**-0.5, np.full(5, 1e-3)
    assert not extrapolate(SIZES, data, errors).fits
    assert extrapolate(SIZES, data, errors, (0.5,)).fits


def test_the_intercept_covers_the_truth_as_often_as_its_error_says():
    rng = np.random.default_rng(8)
    errors = np.array([0.05, 0.04, 0.03, 0.02, 0.01])
    fits = [extrapolate(SIZES, 0.4 / SIZES + errors * rng.standard_normal(5), errors) for _ in range(4000)]
    z = np.array([fit.intercept / fit.standard_error for fit in fits])
    # 4000 draws of N(0, 1): the mean has standard error 0.016, the variance 0.022; five of them
    assert abs(z.mean()) < 0.08
    assert abs(z.var() - 1) < 0.11
    assert np.mean([fit.fits for fit in fits]) > 0.996  # nominal 0.999, five standard errors of 0.0005


# --- bad input


@pytest.mark.parametrize(
    ("sizes", "powers", "message"),
    [
        ((10, 80), (1.0,), r"sizes must number at least 3 for powers=\(1\.0,\), got 2"),
        ((10, 20, 80), (0.5, 1.0), "sizes must number at least 4"),
        ((10, 20, 79), (1.0,), r"sizes must span a factor >= 8, got 10\.\.79"),
    ],
)
def test_too_few_sizes_are_refused(sizes, powers, message):
    with pytest.raises(ValueError, match=message):
        extrapolate(sizes, np.ones(len(sizes)), np.ones(len(sizes)), powers)


def test_power_fits_refuse():
    with pytest.raises(ValueError, match="sizes must number at least 3, got 2"):
        fit_power([1, 2], [1, 2])
    with pytest.raises(ValueError, match="values must be nonzero to fit a power, got 0 at size 20"):
        fit_power([10, 20, 40], [1, 0, 1])


@pytest.mark.parametrize("bad", [0.0, -0.1, np.inf])
def test_errors_that_give_no_weight_are_refused(bad):
    with pytest.raises(ValueError, match="standard_errors must be > 0 and finite, got standard_errors="):
        extrapolate([10, 20, 80], [1, 1, 1], [0.1, bad, 0.1])
