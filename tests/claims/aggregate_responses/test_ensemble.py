"""The quadrature behind the claims on every weight: ensembles whose traces are known otherwise."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta

from claims.aggregate_responses._ensemble import expected_traces
from theory import aggregate_responses as theory

QUADRATURE = 1e-11  # 28 nodes an eigenvalue leave 1e-13, the reference formulas some roundings

# --- identities and limits


def test_a_huge_weight_misses_everything():
    squares, squared, gain = expected_traces(40, 3, 10, 1e14)
    assert (squares, squared) == pytest.approx((3.0, 9.0), rel=1e-9)  # w = 1 but for 1e-14/(1 - b), seldom large
    assert gain == pytest.approx(0.0, abs=1e-9)


# --- oracle


@pytest.mark.parametrize(("n", "d", "bags"), [(40, 3, 10), (24, 8, 3), (22, 8, 19), (20, 2, 5)])
def test_weight_one_is_the_closed_form_of_instance_level(n, d, bags):
    squares, squared, gain = expected_traces(n, d, bags, 1.0)
    traces = {"missed_squares": squares, "missed_squared": squared, "gain": gain}
    powers = {"signal": 1.7, "noise_variance": 0.3}
    found = theory.exact_risk_from_traces(n, d, **traces, **powers)
    assert tuple(found) == pytest.approx(tuple(theory.exact_instance_risk(n, d, bags, **powers)), rel=QUADRATURE)


@pytest.mark.parametrize("rho", [0.1, 0.7, 10.0])
def test_one_feature_is_a_beta_variate(rho):
    def density(b: float) -> float:
        return float(beta.pdf(b, 5.0, 15.0))

    squares, squared, gain = expected_traces(40, 1, 10, rho)
    expected = quad(lambda b: density(b) * (rho * (1 - b) / (b + rho * (1 - b))) ** 2, 0, 1, epsrel=1e-12)[0]
    assert squares == pytest.approx(expected, rel=QUADRATURE)
    assert squared == pytest.approx(squares, rel=QUADRATURE)
    expected = quad(lambda b: density(b) * b / (b + rho * (1 - b)) ** 2, 0, 1, epsrel=1e-12)[0]
    assert gain == pytest.approx(expected, rel=QUADRATURE)


# --- properties


def test_exchanging_bag_and_within_bag_rows_inverts_the_weight():
    """b -> 1 - b: then w at rho becomes 1 - w at 1/rho."""
    squares, squared, _gain = expected_traces(22, 3, 6, 0.4)
    turned = expected_traces(22, 3, 16, 2.5)
    mean = (np.sqrt(squared), np.sqrt(turned[1]))  # above the mean of sum w, by Jensen
    assert squares < squared < 3 * squares
    assert mean[0] + mean[1] == pytest.approx(3.0, rel=0.02)  # sum w + sum of the turned w = d, but for the spread


# --- bad input


@pytest.mark.parametrize(("n", "d", "bags"), [(40, 8, 15), (40, 3, 11)])
def test_sizes_without_quadrature_are_refused(n, d, bags):
    with pytest.raises(ValueError, match=f"n={n}, d={d}, bags={bags}"):
        expected_traces(n, d, bags, 0.5)
