"""The two proofs: their certificates can be replayed, damaged ones fail, the enclosures contain what they should."""

import numpy as np
import pytest

from assay.evidence import cell_judge, prove_bound
from assay.subdivision import replay, unpack
from claims.scalar_networks import _intervals as intervals
from claims.scalar_networks import rigorous
from simulations import scalar_networks as simulation
from theory import scalar_networks as theory

CLAIMS = {claim.id: claim for claim in rigorous.CLAIMS}


@pytest.fixture(scope="module", params=CLAIMS)
def proved(request):
    """A claim of kind proof and the word of its certificate."""
    claim = CLAIMS[request.param]
    verdict = prove_bound(claim)
    assert verdict.outcome == "holds"
    return claim, unpack(verdict.certificates[0])


# --- identities and limits


def test_the_certificate_replays(proved):
    claim, tree = proved
    assert set(tree) <= set("stx")
    assert replay(cell_judge(claim, {}), claim.domain, tree)


def test_depth_two_is_the_limit_of_an_infinite_third_weight():
    """tau = 0: a^2/(u_1 u_2) = e^2, and no pair (1, 3)."""
    first, second = intervals.pair_ratios(2.0, v=(0.25, 0.25), sigma=(1.0, 1.0), tau=(0.0, 0.0))
    assert first[0] <= (1.0 * (0.25 - 1.0)) ** 2 / 2 <= first[1]  # s = (1, 1), eta = 1, pi = 1/4
    assert second[0] <= 0.0 <= second[1] < 1e-15


# --- oracle: values of the weights themselves lie in the enclosures


@pytest.mark.parametrize("seed", range(40))
def test_pair_ratios_of_random_weights(seed):
    rng = np.random.default_rng(seed)
    weights = np.sort(rng.uniform(0.2, 1.4, 3))
    solution = theory.gradient_flow_solution(weights)
    phi, edge = theory.gfs_sharpness(weights), rng.uniform(0.5, 3.0)
    u, t, product = weights**2, solution**2, np.prod(weights)
    a = edge / phi * (product - 1) * product
    cell = {name: wide(x) for name, x in (("v", u[0] / t[0]), ("sigma", t[0] / t[1]), ("tau", t[1] / t[2]))}
    first, second = intervals.pair_ratios(edge, **cell)
    assert first[0] <= a**2 / (2 * u[0] * u[1]) <= first[1]
    assert second[0] <= a**2 / (u[0] * u[2]) <= second[1]
    low, high = intervals.product(**cell)
    assert low <= product <= high


@pytest.mark.parametrize("seed", range(40))
def test_invariant_ratio_of_random_weights(seed):
    rng = np.random.default_rng(seed)
    weights, eta = rng.uniform(-1.5, 1.5, 2), rng.uniform(0.1, 1.2)
    x = eta * (weights[0] + weights[1]) ** 2 / (4 * (2 + eta))
    y = eta * (weights[0] - weights[1]) ** 2 / (4 * (2 - eta))
    moved = simulation.gradient_descent(weights, eta, 1).weights
    ratio = theory.depth_two_invariant(moved, eta) / theory.depth_two_invariant(weights, eta)
    low, high = intervals.invariant_ratio(eta=wide(eta), rho=wide(x + y), tilt=wide((x - y) / (x + y)))
    assert low <= ratio <= high
    assert high - low < 1e-8


def wide(value: float) -> tuple[float, float]:
    """An interval of relative width 2e-11, far above the rounding of the weights' values."""
    return value - 1e-11 * abs(value), value + 1e-11 * abs(value)


# --- properties


@pytest.mark.parametrize("seed", range(20))
def test_enclosures_contain_the_values_inside_the_cell(seed):
    rng = np.random.default_rng(seed)
    cell = {
        name: tuple(sorted(rng.uniform(*ends, 2)))
        for name, ends in (("v", (0.01, 3.0)), ("sigma", (0, 1)), ("tau", (0, 1)))
    }
    whole = intervals.pair_ratios(2.5, **cell)
    for _ in range(20):
        point = {name: (x, x) for name, (low, high) in cell.items() for x in [rng.uniform(low, high)]}
        for outer, inner in zip(whole, intervals.pair_ratios(2.5, **point), strict=True):
            assert outer[0] <= inner[0]
            assert inner[1] <= outer[1]


# --- bad input


def test_a_tampered_certificate_fails(proved):
    """A leaf closed too early, one that claims another letter, and one cut short."""
    claim, tree = proved
    judge = cell_judge(claim, {})
    assert not replay(judge, claim.domain, "t")
    leaf = tree.index("t")
    assert not replay(judge, claim.domain, tree[:leaf] + "x" + tree[leaf + 1 :])
    with pytest.raises(ValueError, match="cells to go"):
        replay(judge, claim.domain, tree[:-1])
    with pytest.raises(ValueError, match="after its last leaf"):
        replay(judge, claim.domain, tree + "t")


def test_a_certificate_of_another_statement_fails(proved):
    claim, tree = proved
    for mutant in claim.mutants:
        assert not replay(cell_judge(claim.mutated(mutant), {}), claim.domain, tree)
