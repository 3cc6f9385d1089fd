"""Curated bags: the bias of a fixed design by definition, and the best blocks against every partition."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from simulations.aggregate_responses.curated import best_block_sizes, curated_errors, instance_bias
from simulations.aggregate_responses.literal import fit_aggregates


def partitions(items: tuple[int, ...], least: int) -> Iterator[list[tuple[int, ...]]]:
    """Every partition of `items` into sets of at least `least`."""
    if not items:
        yield []
        return
    head, rest = items[0], items[1:]
    for mask in range(2 ** len(rest)):
        block = (head, *(x for i, x in enumerate(rest) if mask >> i & 1))
        if len(block) >= least:
            left = tuple(x for i, x in enumerate(rest) if not mask >> i & 1)
            yield from ([block, *others] for others in partitions(left, least))


def spread(values: np.ndarray, blocks: list[tuple[int, ...]]) -> float:
    return sum(float(np.sum((values[list(b)] - values[list(b)].mean()) ** 2)) for b in blocks)


def consecutive(values: np.ndarray, sizes: np.ndarray) -> float:
    order, ends = np.argsort(values), np.cumsum(sizes)
    return spread(values, [tuple(order[end - size : end]) for size, end in zip(sizes, ends, strict=True)])


# --- identities and limits


def test_bias_is_that_of_the_literal_fit_on_expected_labels() -> None:
    rng = np.random.default_rng(1)
    inputs, truth, sizes = rng.standard_normal((10, 3)), rng.standard_normal(3), np.array([3, 1, 4, 2])
    expected = inputs @ truth
    means = np.array([part.mean() for part in np.split(expected, np.cumsum(sizes)[:-1])])
    missed = fit_aggregates(inputs, means, sizes, 1.0) - truth
    bias, bound = instance_bias(inputs, truth, sizes)
    np.testing.assert_allclose(bias, missed @ missed, rtol=1e-11)
    blocks = [(0, 1, 2), (3,), (4, 5, 6, 7), (8, 9)]
    smallest = np.linalg.eigvalsh(inputs.T @ inputs)[0]
    np.testing.assert_allclose(bound, spread(expected, blocks) / smallest, rtol=1e-11)


def test_blocks_of_one_have_no_spread() -> None:
    assert best_block_sizes([3.0, 1.0, 2.0], 1).tolist() == [1, 1, 1]
    assert best_block_sizes([3.0, 1.0, 2.0], 3).tolist() == [3]


# --- oracle


@pytest.mark.parametrize(("n", "least"), [(6, 2), (7, 2), (7, 3), (8, 4)])
def test_best_blocks_among_all_partitions(n: int, least: int) -> None:
    rng = np.random.default_rng(2)
    every = list(partitions(tuple(range(n)), least))
    for _ in range(4):
        values = rng.standard_normal(n) ** 3
        best = min(spread(values, blocks) for blocks in every)
        np.testing.assert_allclose(consecutive(values, best_block_sizes(values, least)), best, rtol=1e-10)


def test_equal_sizes_are_best_as_consecutive_blocks() -> None:
    rng = np.random.default_rng(3)
    pairs = [blocks for blocks in partitions(tuple(range(6)), 2) if all(len(b) == 2 for b in blocks)]
    assert len(pairs) == 15
    for _ in range(20):
        values = rng.standard_normal(6)
        best = min(spread(values, blocks) for blocks in pairs)
        np.testing.assert_allclose(consecutive(values, np.full(3, 2)), best, rtol=1e-12)


# --- properties


def test_blocks_hold_their_sizes_and_shift_with_the_values() -> None:
    values = np.random.default_rng(4).standard_normal(60)
    for least in (2, 3, 7):
        sizes = best_block_sizes(values, least)
        assert sizes.sum() == 60
        assert sizes.min() >= least
        assert sizes.max() < 2 * least
        np.testing.assert_array_equal(best_block_sizes(1e8 + values, least), sizes)


def test_measure_obeys_the_bound_and_sorting_helps() -> None:
    setting = {"n": 40, "d": 4, "bag_size": 4, "signal": 1.7, "noise_variance": 0.3}
    errors = curated_errors(np.random.default_rng(5), 100, **setting)
    assert errors.shape == (100, 2, 3)
    assert np.all(errors[..., 0] <= errors[..., 2])
    assert np.mean(errors[:, 1, 0] < errors[:, 0, 0]) > 0.9


# --- bad input


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"inputs must have shape \(sum of bag_sizes, coefficients\) = \(3, 1\)"):
        instance_bias([[1.0], [2.0]], [1.0], (3,))
    with pytest.raises(ValueError, match=r"least must be >= 1 and <= 2, got least=3\.0"):
        best_block_sizes([1.0, 2.0], 3)
    with pytest.raises(ValueError, match=r"n must be >= d, got n=4 and d=5"):
        curated_errors(np.random.default_rng(0), 1, n=4, d=5, bag_size=2, signal=1.7, noise_variance=0.3)
