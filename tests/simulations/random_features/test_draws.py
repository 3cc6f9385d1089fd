"""Square roots of Wishart matrices, block sums and the argument checks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import digamma

from simulations.random_features._arguments import check_counts, check_ridges, check_size
from simulations.random_features._draws import batches, cholesky, normal_blocks, wishart_root

# --- identities and limits


@pytest.mark.parametrize(("size", "dof"), [(3, 3), (3, 4), (3, 11), (1, 1), (5, 2)])
def test_wishart_mean_and_covariance(size: int, dof: int, means_agree: Callable[..., None]) -> None:
    root = wishart_root(np.random.default_rng(5), 20_000, size, dof)
    gram = root @ root.swapaxes(-1, -2)
    means_agree(gram[:, 0, 0], dof)
    means_agree(gram[:, -1, -1] ** 2, dof * (dof + 2))
    if size > 1:
        means_agree(gram[:, 0, -1], 0.0)
        means_agree(gram[:, 0, -1] ** 2, dof)
        means_agree(gram[:, 0, 0] * gram[:, -1, -1], dof**2)


@pytest.mark.parametrize(("size", "dof"), [(3, 3), (4, 9), (1, 2)])
def test_wishart_determinant(size: int, dof: int, means_agree: Callable[..., None]) -> None:
    root = wishart_root(np.random.default_rng(6), 20_000, size, dof)
    log_det = 2 * np.sum(np.log(np.diagonal(root, axis1=1, axis2=2)), axis=1)
    means_agree(log_det, np.sum(digamma((dof - np.arange(size)) / 2)) + size * np.log(2))


def test_wishart_inverse_mean(means_agree: Callable[..., None]) -> None:
    root = wishart_root(np.random.default_rng(7), 20_000, 4, 15)
    inverse = np.linalg.inv(root @ root.swapaxes(-1, -2))
    means_agree(np.trace(inverse, axis1=1, axis2=2), 4 / (15 - 4 - 1))


def test_blocks_join_to_the_number_of_modes() -> None:
    shapes = [block.shape for block in normal_blocks(np.random.default_rng(0), 2, 3, 2500)]
    assert shapes == [(2, 3, 1024), (2, 3, 1024), (2, 3, 452)]


@pytest.mark.parametrize(("replicates", "size", "modes"), [(1, 1, 1), (10_000, 1, 1), (7, 256, 10_000), (5, 2000, 9)])
def test_batches_add_up(replicates: int, size: int, modes: int) -> None:
    steps = list(batches(replicates, size, modes))
    assert sum(steps) == replicates
    assert min(steps) >= 1
    assert max(steps) * size * max(size, min(modes, 1024)) * 8 <= max(2**23, size**2 * 8)


# --- bad input


def test_singular_gram_says_what_to_change() -> None:
    with pytest.raises(ArithmeticError, match=r"2 x 2 Gram matrix is singular in float64.*smaller exponent"):
        cholesky(np.zeros((1, 2, 2)))


@pytest.mark.parametrize(
    ("value", "allow_inf", "message"),
    [
        (0, False, r"n must be an integer >= 1, got n=0"),
        (2.5, False, r"got n=2\.5"),
        (float("nan"), True, r"n must be an integer >= 1 or inf, got n=nan"),
        (-np.inf, True, r"got n=-inf"),
        ("inf", False, r"n must be an integer >= 1, got n='inf'"),
        ("7", True, r"n must be an integer >= 1 or inf, got n='7'"),
        ([7], False, r"n must be an integer >= 1, got n=\[7\]"),
        (10**400, True, r"n must be an integer >= 1 or inf, got n=1000"),
        (1j, True, r"n must be an integer >= 1 or inf, got n=1j"),
        ("many", False, r"n must be an integer >= 1, got n='many'"),
    ],
)
def test_sizes(value: float | str, allow_inf: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_size("n", value, allow_inf=allow_inf)


def test_lists_of_sizes() -> None:
    with pytest.raises(ValueError, match=r"counts must be a non-empty list of sizes"):
        check_counts("counts", ())
    with pytest.raises(ValueError, match=r"counts must be a non-empty list of sizes"):
        check_counts("counts", 3)
    with pytest.raises(ValueError, match=r"counts\[1\] must be an integer >= 1, got counts\[1\]=0"):
        check_counts("counts", (4, 0))
    assert check_counts("counts", (4, "inf"), allow_inf=True) == [4, np.inf]


def test_ridges() -> None:
    with pytest.raises(ValueError, match=r"ridges must be >= 0, got ridges\[1\]=-0\.1"):
        check_ridges((0.2, -0.1))
    with pytest.raises(ValueError, match=r"ridges must have shape \(ridges,\)"):
        check_ridges(0.2)
