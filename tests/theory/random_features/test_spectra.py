"""Power-law spectra: by hand, and messages."""

import numpy as np
import pytest

from theory.random_features import power_law

# --- identities and limits


def test_by_hand():
    eigenvalues, target = power_law(1.5, 0.5, 4)
    np.testing.assert_allclose(eigenvalues, [1.0, 2.0**-1.5, 3.0**-1.5, 0.125], rtol=4 * np.finfo(float).eps)
    np.testing.assert_allclose(target, [1.0, 2.0**-0.5, 3.0**-0.5, 0.5], rtol=4 * np.finfo(float).eps)
    # total target power of the paper's task, printed to five digits
    assert power_law(1.5, 1.5, 10_000)[1].sum() == pytest.approx(2.5924, abs=5e-5)


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1, 1.5, 4), r"alpha must be >= 0, got alpha=-0\.1"),
        ((1.5, -0.1, 4), r"beta must be >= 0, got beta=-0\.1"),
        ((1.5, 1.5, 0), r"modes must be >= 1, got modes=0"),
        ((1.5, 1.5, 2.5), r"modes must be a whole number, got modes=2\.5"),
        ((1.5, 1.5, "7"), r"modes must be a real number or an array of them, got modes='7'"),
        ((1.5, 1.5, [7]), r"modes must be a single real number, got shape \(1,\)"),
        ((1.5, 1.5, 1e17), r"modes must be <= 1e\+09, got modes=1e\+17"),
        ((1.5, 1.5, 1e300), r"modes must be <= 1e\+09, got modes=1e\+300"),
        ((1.5, 1.5, 10**400), r"modes must be a real number or an array of them, got modes=1000"),
        (([1.5, 2.0], 1.5, 4), r"alpha must be a single real number, got shape \(2,\)"),
        ((1.5, [1.5], 4), r"beta must be a single real number, got shape \(1,\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        power_law(*arguments)
