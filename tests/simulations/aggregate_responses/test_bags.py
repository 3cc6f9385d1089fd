"""Bags and losses: sums over bags by hand, the identities between the losses, the bounds of their difference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.aggregate_responses._arguments import check_bags
from simulations.aggregate_responses.bags import (
    LOSSES,
    bag_losses,
    bag_means,
    pairwise_spread,
    split_evenly,
    stacked_rows,
    within_bag_spread,
)

SIZES = (3, 1, 4, 2)
seeds = st.integers(0, 10**6)


def drawn(seed: int, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(10) * 1.7, scale * rng.standard_normal(10)


# --- identities and limits


@given(seeds)
def test_instance_loss_is_bag_loss_plus_spread(seed: int) -> None:
    labels, predictions = drawn(seed, 2.3)
    bag, instance = bag_losses(labels, predictions, SIZES)
    np.testing.assert_allclose(instance - bag, within_bag_spread(predictions, SIZES), rtol=1e-12)  # sums of 10 squares
    np.testing.assert_allclose(pairwise_spread(predictions, SIZES), within_bag_spread(predictions, SIZES), rtol=1e-12)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
def test_the_difference_of_canonical_losses_ignores_the_labels(loss: str) -> None:
    labels, predictions = drawn(1, 2.3)
    first, second = (np.diff(bag_losses(y, predictions, SIZES, loss)) for y in (labels, 3.0 - 0.4 * labels))
    np.testing.assert_allclose(first, second, rtol=1e-12)


def test_bags_of_one_leave_no_spread() -> None:
    labels, predictions = drawn(2)
    assert within_bag_spread(predictions, np.ones(10)) == 0.0
    for loss in LOSSES:
        assert np.ptp(bag_losses(labels, predictions, np.ones(10), loss)) < 1e-15


# --- oracle


@pytest.mark.parametrize("loss", list(LOSSES))
def test_losses_by_loops(loss: str) -> None:
    labels, predictions = drawn(3, 1.9)
    bag = instance = 0.0
    start = 0
    for size in SIZES:
        members = range(start, start + size)
        mean_label, mean_score = (sum(v[i] for i in members) / size for v in (labels, predictions))
        bag += size / 10 * float(LOSSES[loss](np.array(mean_label), np.array(mean_score)))
        instance += sum(float(LOSSES[loss](np.array(mean_label), np.array(predictions[i]))) for i in members) / 10
        start += size
    np.testing.assert_allclose(bag_losses(labels, predictions, SIZES, loss), [bag, instance], rtol=1e-13)


@pytest.mark.parametrize(
    ("loss", "value"),
    [("square", 2.25), ("logistic", np.log1p(np.exp(-1.0)) + 0.5), ("poisson", np.exp(-1.0) + 0.5), ("huber", 1.0)],
)
def test_loss_values_by_hand(loss: str, value: float) -> None:
    np.testing.assert_allclose(LOSSES[loss](np.array(0.5), np.array(-1.0)), value, rtol=1e-15)


def test_rows_hold_the_gram_matrix_of_the_samples() -> None:
    inputs = np.random.default_rng(4).standard_normal((10, 3))
    between, within = stacked_rows(inputs, np.array(SIZES))
    np.testing.assert_allclose(between.T @ between + within.T @ within, inputs.T @ inputs, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(bag_means(inputs, np.array(SIZES))[1], inputs[3], rtol=1e-15)
    assert np.linalg.matrix_rank(within.T) == 3  # of n - m = 6 there are only 3 features


# --- properties


@given(seeds, st.sampled_from([("logistic", 0.25), ("huber", 1.0), ("square", 2.0)]), st.floats(0.01, 20.0))
def test_the_difference_lies_between_zero_and_half_the_curvature(seed: int, case: tuple[str, float], scale: float):
    loss, curvature = case
    labels, predictions = drawn(seed, scale)
    gap = float(np.diff(bag_losses(np.tanh(labels), predictions, SIZES, loss))[0])
    # losses of size up to 400 are subtracted: 400 eps, with a factor of 100
    assert -1e-11 <= gap <= curvature / 2 * within_bag_spread(predictions, SIZES) + 1e-11


@given(st.integers(1, 40), st.integers(1, 40))
def test_even_split(n: int, bags: int) -> None:
    if bags <= n:
        sizes = split_evenly(n, bags)
        assert sizes.sum() == n
        assert len(sizes) == bags
        assert np.ptp(sizes) <= 1


# --- bad input


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"bag_sizes must sum to the number of labels, got 3 and 2"):
        bag_losses([1.0, 2.0], [1.0, 2.0], (3,))
    with pytest.raises(ValueError, match=r"bag_sizes must sum to the number of predictions, got 2 and 1"):
        bag_losses([1.0, 2.0], [1.0], (2,))
    with pytest.raises(ValueError, match=r"loss must be one of square, logistic, poisson, huber, got loss='hinge'"):
        bag_losses([1.0], [1.0], (1,), "hinge")
    with pytest.raises(ValueError, match=r"bag_sizes must be >= 1, got bag_sizes\[1\]=0\.0"):
        within_bag_spread([1.0], (1, 0))
    with pytest.raises(ValueError, match=r"bag_sizes must be whole numbers, got bag_sizes=\[1\.5\]"):
        pairwise_spread([1.0], (1.5,))
    with pytest.raises(ValueError, match=r"bags must be >= 1 and <= 2, got bags=3\.0"):
        split_evenly(2, 3)
    with pytest.raises(ValueError, match=r"loss must be one of square"):
        bag_losses([1.0], [1.0], (1,), ["square"])


@pytest.mark.parametrize(("n", "size"), [(1000, 2.001), (1000, 3), (10, 4), (3, 7), (10**6, 2.000001)])
def test_bags_that_do_not_come_out_even(n: int, size: float) -> None:
    with pytest.raises(ValueError, match="bag_size must divide n into a whole number of bags"):
        check_bags(n, size)
