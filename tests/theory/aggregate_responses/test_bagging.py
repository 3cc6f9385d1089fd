"""Bags chosen from expected labels: all partitions by brute force, the bias they bound by algebra, messages."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.aggregate_responses import bag_spread, consecutive_bags, instance_bias_bound, smallest_spread_bags

EPS = np.finfo(float).eps


# --- identities and limits


def test_ends():
    values = [3.0, -1.0, 4.0, 1.5]
    assert consecutive_bags(values, 1).spread == 0.0
    assert consecutive_bags(values, 1).bags.tolist() == [2, 0, 3, 1]
    assert smallest_spread_bags(values, 1).bags.tolist() == [2, 0, 3, 1]
    everything = np.var(values) * 4
    for bagging in (consecutive_bags(values, 4), smallest_spread_bags(values, 3)):
        assert bagging.bags.tolist() == [0, 0, 0, 0]
        assert bagging.spread == pytest.approx(everything, rel=8 * EPS)


def test_equal_values_have_no_spread():
    assert smallest_spread_bags([0.1] * 9, 2).spread == 0.0
    assert bag_spread([0.1] * 9, range(9)) == 0.0


def test_bias_bound_at_dependent_columns():
    assert instance_bias_bound([[1.0, 2.0]], 0.0) == np.inf
    assert instance_bias_bound([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], 0.3) == np.inf


# --- oracle


def partitions(items, smallest, largest):
    """Yield all partitions of `items` into sets of smallest..largest items."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for size in range(smallest - 1, largest):
        for others in combinations(rest, size):
            left = [item for item in rest if item not in others]
            for tail in partitions(left, smallest, largest):
                yield [(first, *others), *tail]


def least_spread(values, smallest, largest):
    return min(
        sum(((values[list(bag)] - values[list(bag)].mean()) ** 2).sum() for bag in bags)
        for bags in partitions(list(range(values.size)), smallest, largest)
    )


@pytest.mark.parametrize(("n", "size"), [(6, 2), (6, 3), (9, 3), (8, 2)])
def test_equal_bags_against_all_partitions(n, size):
    rng = np.random.default_rng(n)
    for _ in range(3 if n > 6 else 20):
        values = np.round(rng.standard_cauchy(n), 1)  # outliers and ties
        assert consecutive_bags(values, size).spread == pytest.approx(least_spread(values, size, size), rel=1e-12)


@pytest.mark.parametrize(("n", "smallest"), [(7, 2), (7, 3), (8, 3), (5, 1)])
def test_smallest_bags_against_all_partitions(n, smallest):
    """All set partitions with at least `smallest` in a bag, sizes beyond 2 k - 1 included."""
    rng = np.random.default_rng([n, smallest])
    for _ in range(12):
        values = np.round(rng.standard_cauchy(n), 1)
        bagging = smallest_spread_bags(values, smallest)
        best = least_spread(values, smallest, n)
        assert bagging.spread == pytest.approx(best, rel=1e-12, abs=1e-28)
        assert np.bincount(bagging.bags).min() >= smallest


@pytest.mark.parametrize("smallest", [2, 5])
def test_bias_of_the_instance_level_estimate_is_below_the_bound(smallest):
    """-X^+ (I - S'S) X theta_0 is the literal mean error, and the bound holds without being vacuous."""
    rng = np.random.default_rng(3)
    x, theta = rng.normal(size=(60, 4)), np.array([1.0, -2.0, 0.5, 0.3])
    expected = x @ theta
    bags, spread = smallest_spread_bags(expected, smallest)
    share = (bags[:, None] == bags) / np.bincount(bags)[bags][:, None]
    estimate = np.linalg.lstsq(x, share @ expected, rcond=None)[0]
    bias = ((estimate - theta) ** 2).sum()
    bound = instance_bias_bound(x, spread)
    assert bias <= bound < 1e3 * bias
    assert bound == pytest.approx(spread / np.linalg.eigvalsh(x.T @ x)[0], rel=1e-10)
    assert bag_spread(expected, bags) == pytest.approx(((expected - share @ expected) ** 2).sum(), rel=1e-12)
    direct = -np.linalg.pinv(x) @ ((np.eye(60) - share) @ expected)
    assert estimate - theta == pytest.approx(direct, rel=1e-10)


# --- properties


numbers = st.lists(st.integers(-1000, 1000).map(lambda x: x / 8.0), min_size=2, max_size=24)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(values=numbers, smallest=st.integers(1, 6), shift=st.sampled_from([0.0, 2.0**20]), seed=st.integers(0, 99))
def test_order_and_offset_do_not_matter(values, smallest, shift, seed):
    values = np.array(values)
    smallest = min(smallest, values.size)
    bagging = smallest_spread_bags(values, smallest)
    order = np.random.default_rng(seed).permutation(values.size)
    moved = smallest_spread_bags(values[order] + shift, smallest)
    # the offset costs eps times offset squared at worst beside exact eighths
    assert moved.spread == pytest.approx(bagging.spread, rel=1e-9, abs=1e-9)
    assert np.bincount(bagging.bags).min() >= smallest
    assert bagging.spread == bag_spread(values, bagging.bags)
    sizes = np.bincount(bagging.bags)
    assert sizes.max() <= max(2 * smallest - 1, 1)
    # bags are intervals, numbered upwards
    assert np.all(np.diff(bagging.bags[np.argsort(values, kind="stable")]) >= 0)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(values=numbers, smallest=st.integers(1, 5))
def test_smaller_bags_and_free_sizes_have_less_spread(values, smallest):
    smallest = min(smallest, len(values) - 1)
    free = smallest_spread_bags(values, smallest).spread
    assert free <= smallest_spread_bags(values, smallest + 1).spread + 1e-9
    if len(values) % smallest == 0:
        assert free <= consecutive_bags(values, smallest).spread + 1e-9


# --- bad input


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (consecutive_bags, ([1.0, 2.0, 3.0], 2), r"size must divide the number of values, got size=2 with 3 values"),
        (consecutive_bags, ([1.0, 2.0], 0), r"size must be >= 1"),
        (consecutive_bags, ([[1.0, 2.0]], 1), r"values must have shape \(n,\)"),
        (consecutive_bags, ([1.0, np.nan], 1), r"values must be"),
        (smallest_spread_bags, ([1.0, 2.0], 3), r"smallest must be <= the number of values, got smallest=3 with 2"),
        (smallest_spread_bags, ([1.0, 2.0], 1.5), r"smallest must be an integer"),
        (smallest_spread_bags, ([], 1), r"values must have shape"),
        (bag_spread, ([1.0, 2.0], [0]), r"bags must have one entry for each of values: got 1 and 2"),
        (bag_spread, ([1.0, 2.0], [0, 0.5]), r"bags must be whole numbers, got bags=0\.5"),
        (bag_spread, ([1.0, 2.0], [0, -1]), r"bags must be >= 0"),
        (instance_bias_bound, ([1.0, 2.0], 0.5), r"features must have shape"),
        (instance_bias_bound, ([[1.0], [2.0]], -0.5), r"spread must be >= 0, got spread=-0\.5"),
    ],
)
def test_bad_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)
