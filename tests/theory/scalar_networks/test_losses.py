"""Loss and product: exact small cases, products whose parts overflow, an exact oracle."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.scalar_networks import loss, network_product

EPS = np.finfo(float).eps

factors = st.lists(st.floats(-50.0, 50.0).map(lambda x: 10.0**x), min_size=2, max_size=40)


# --- identities and limits


def test_by_hand():
    assert loss([2.0, -1.5]) == 8.0
    assert loss([0.0, 7.0, 3.0]) == 0.5
    assert loss([4.0, 0.25]) == 0.0
    np.testing.assert_array_equal(network_product([[2.0, 3.0], [-1.0, 0.5]]), [6.0, -0.5])


def test_no_partial_product_overflows():
    # powers of two are exact
    assert network_product([2.0**400] * 3 + [2.0**-400] * 3) == 1.0
    assert network_product([2.0**-400] * 30 + [2.0**400] * 30 + [0.75]) == 0.75
    assert network_product([1e150] * 3) == np.inf
    assert network_product([1e-150] * 2 + [-1e-150]) == 0.0
    assert loss([1e150, 1e150]) == np.inf
    assert network_product(np.full(5000, 0.5)) == 0.0


# --- oracle


def test_rational_arithmetic():
    rng = np.random.default_rng(0)
    for depth in (2, 3, 17, 64, 1200):
        w = rng.uniform(0.5, 1.9, depth) * rng.choice([-1.0, 1.0], depth)
        w[::2] = 1.0 / w[1::2] if depth % 2 == 0 else w[::2]
        exact = Fraction(1)
        for weight in w:
            exact *= Fraction(float(weight))
        # one rounding for each factor
        assert network_product(w) == pytest.approx(float(exact), rel=depth * EPS)
        expected = float((exact - 1) ** 2 / 2)
        # the product's rounding is amplified by the condition pi/(pi - 1) of the difference, squared
        condition = 1.0 + abs(float(exact / (exact - 1)))
        assert loss(w) == pytest.approx(expected, rel=2 * depth * EPS * condition)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(w=factors, seed=st.integers(0, 10**6))
def test_order_does_not_matter(w, seed):
    shuffled = np.random.default_rng(seed).permutation(w)
    assert network_product(shuffled) == pytest.approx(network_product(w), rel=len(w) * EPS, abs=1e-307)


# --- bad input


@pytest.mark.parametrize("function", [loss, network_product])
def test_bad_weights(function):
    with pytest.raises(ValueError, match=r"depth >= 2, got shape \(1,\)"):
        function([0.3])
    with pytest.raises(ValueError, match=r"weights\[0, 1\]=nan"):
        function([[0.3, np.nan]])
