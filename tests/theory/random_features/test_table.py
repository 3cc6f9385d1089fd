"""Tabulated solver: against hand-solved spectra, the brute-force oracle, and the direct functions on grids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.random_features import (
    SolveError,
    implicit_regularization,
    power_law,
    risk,
    tabulate,
    tabulated_regularization,
    tabulated_risk,
    tabulated_train_error,
    train_error,
)
from theory.random_features import table as table_module

# As the direct functions (400 eps), plus interpolation: 13 nodes, conditioned by less than 4, of values good to 30 eps.
ACCURACY = 600 * np.finfo(float).eps


def assert_ratio(value, expected):
    """Assert equality to ACCURACY, with inf and 0 equal to themselves."""
    value, expected = np.asarray(value), np.asarray(expected)
    same = value == expected
    ratio = np.where(same, 1.0, value / np.where(same, 1.0, expected))
    np.testing.assert_allclose(ratio, 1.0, rtol=ACCURACY)


# --- identities and limits


def test_isotropic_ridgeless_by_hand():
    table = tabulate([0.3] * 100, [0.01] * 100)
    assert tabulated_risk(table, 60, 30, 0.0, 0.25) == pytest.approx(1.9, rel=ACCURACY)
    assert tabulated_train_error(table, 60, 30, 0.0, 0.25) == pytest.approx(1.9 / 4, rel=ACCURACY)
    assert tabulated_regularization(table, 25, 50, 0.0) == pytest.approx((0.9, 0.45), rel=ACCURACY)


def test_worked_value():
    table = tabulate(*power_law(1.5, 1.5, 10_000))
    assert tabulated_regularization(table, 256, 100, 0.1) == pytest.approx(
        (0.004300612991853, 0.000589268377092606), rel=ACCURACY
    )
    assert tabulated_risk(table, 256, 100, 0.1, 0.5) == pytest.approx(1.19824929931741, rel=ACCURACY)
    assert tabulated_train_error(table, 256, 100, 0.1, 0.5) == pytest.approx(0.526551655086523, rel=ACCURACY)


@pytest.mark.parametrize(
    ("n", "k", "ridge"),
    [(9, 9, 0.0), (70, 80, 0.0), (60, 90, 0.0), (9, 5, np.inf), (9, np.inf, 1e30), (70, 80, 1e-30), (9, 5, 1e-300)],
)
def test_limits_and_cells_outside_the_table(n, k, ridge):
    task = power_law(1.3, 1.1, 60)
    table = tabulate(*task)
    assert_ratio(tabulated_risk(table, n, k, ridge, 0.3), risk(n, k, ridge, *task, 0.3))
    assert_ratio(tabulated_train_error(table, n, k, ridge, 0.3), train_error(n, k, ridge, *task, 0.3))
    assert_ratio(tabulated_regularization(table, n, k, ridge), implicit_regularization(n, k, ridge, task[0]))


@pytest.mark.parametrize(("n", "k"), [(60, 60), (60, 90), (90, 60)])
def test_everything_learned_without_noise(n, k):
    task = power_law(1.3, 1.1, 60)
    expected = risk(n, k, 0.0, *task)
    assert (expected > 0.0) == (n == k)
    assert_ratio(tabulated_risk(tabulate(*task), n, k, [0.0, 0.0], 0.0), [expected, expected])


def test_no_eigenvalue():
    table = tabulate([0.0, 0.0], [0.5, 0.2])
    assert tabulated_risk(table, 4, 3, 0.6, 0.3) == pytest.approx(1.0, rel=ACCURACY)
    assert tabulated_regularization(table, 4, 3, 0.6) == pytest.approx((0.15, 0.15), rel=ACCURACY)


# --- oracle


def test_brute_force_on_nasty_cells(nasty):
    bad, tables = [], {}
    for (n, k, ridge, eigenvalues, target, noise), expected in nasty:
        table = tables.setdefault(eigenvalues, tabulate(eigenvalues, target))
        got = (
            *tabulated_regularization(table, n, k, ridge),
            tabulated_risk(table, n, k, ridge, noise),
            tabulated_train_error(table, n, k, ridge, noise),
        )
        units = (max(eigenvalues), max(eigenvalues), 1.0, expected[2])
        for value, exact, unit in zip(got, expected, units, strict=True):
            zero = value == 0.0 and ridge == 0.0 and exact < 1e-20 * unit  # a limit 0 at the oracle's ridge of 1e-45
            if not zero and not abs(value / exact - 1.0) <= ACCURACY:
                bad.append((n, k, ridge, eigenvalues[:3], value, exact))
    assert not bad


def test_grid_against_the_direct_functions():
    task = power_law(1.17, 1.14, 700)
    table = tabulate(*task)
    grid = np.meshgrid(np.geomspace(3, 2000, 9), [4.0, 50.0, 700.0, 5000.0, np.inf], 2.0 ** np.arange(-40, 9, 6))
    assert_ratio(tabulated_risk(table, *grid, 0.3), risk(*grid, *task, 0.3))
    assert_ratio(tabulated_train_error(table, *grid, 0.3), train_error(*grid, *task, 0.3))
    assert_ratio(tabulated_regularization(table, *grid), implicit_regularization(*grid, task[0]))


# --- properties


@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    logs=st.lists(st.floats(-15.0, 3.0), min_size=1, max_size=8),
    n=st.floats(0.3, 20.0),
    k=st.one_of(st.floats(0.3, 20.0), st.just(np.inf)),
    log_ridge=st.floats(-25.0, 8.0),
    noise=st.sampled_from([0.0, 0.3]),
)
def test_any_spectrum(logs, n, k, log_ridge, noise):
    eigenvalues, target = 10.0 ** np.array(logs), np.linspace(0.4, 1.9, len(logs))
    table = tabulate(eigenvalues, target)
    ridge = 10.0**log_ridge
    assert_ratio(tabulated_risk(table, n, k, ridge, noise), risk(n, k, ridge, eigenvalues, target, noise))
    assert_ratio(tabulated_regularization(table, n, k, ridge), implicit_regularization(n, k, ridge, eigenvalues))


def test_many_cells_keep_their_places(monkeypatch):
    task = power_law(1.3, 1.1, 60)
    table, ridges = tabulate(*task), np.geomspace(1e-30, 1e12, 50)  # both ends lie outside the table
    whole = tabulated_risk(table, 9.0, 13.0, ridges, 0.3)
    monkeypatch.setattr(table_module, "CELLS", 7)
    np.testing.assert_array_equal(tabulated_risk(table, 9.0, 13.0, ridges, 0.3), whole)
    assert [tabulated_risk(table, 9.0, 13.0, ridge, 0.3) for ridge in ridges] == whole.tolist()


# --- bad input


def test_bad_arguments():
    table = tabulate([1.3, 0.2], [0.5, 0.4])
    with pytest.raises(ValueError, match=r"got 1 in target_power, 2 in eigenvalues"):
        tabulate([1.3, 0.2], [0.5])
    with pytest.raises(ValueError, match=r"eigenvalues must be >= 0"):
        tabulate([1.3, -0.2], [0.5, 0.4])
    for function in (tabulated_regularization, tabulated_risk, tabulated_train_error):
        with pytest.raises(ValueError, match=r"table must come from tabulate, got list"):
            function([1.3, 0.2], 4, 3, 0.1)
    with pytest.raises(ValueError, match=r"n must be > 0, got n=0\.0"):
        tabulated_risk(table, 0.0, 3, 0.1)
    with pytest.raises(ValueError, match=r"ridge must be >= 0, got ridge=-0\.1"):
        tabulated_regularization(table, 4, 3, -0.1)
    with pytest.raises(ValueError, match=r"noise_variance must be >= 0, got noise_variance=-0\.2"):
        tabulated_train_error(table, 4, 3, 0.1, -0.2)


def test_failure_names_cell_bracket_and_remedy(monkeypatch):
    table = tabulate(*power_law(1.3, 1.1, 60))
    monkeypatch.setattr(table_module, "MAX_STEPS", 1)
    with pytest.raises(SolveError, match=r"n, k\)=9, \|k - n\|=4: bracket .*residual .*remedy:"):
        tabulated_risk(table, 9.0, 13.0, 0.1)
