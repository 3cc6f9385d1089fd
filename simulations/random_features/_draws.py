"""Random matrices and the linear algebra on batches of them that the experiments of this row share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["batches", "cholesky", "normal_blocks", "solve", "wishart_root"]

Array = NDArray[np.float64]
_BLOCK = 1024  # modes drawn at a time: the block stays in cache and memory does not grow with the number of modes


def wishart_root(rng: np.random.Generator, batch: int, size: int, dof: int) -> Array:
    """Return T, shape (batch, size, min(size, dof)), with T T' ~ Wishart_size(dof, I), exact for any integer dof >= 1.

    `rng` is the source of randomness, `batch` the number of independent draws, `size` the number of rows. For
    dof >= size T is Bartlett's lower triangle: T_ii^2 ~ chi^2 with dof - i degrees of freedom (i = 0, 1, ...), N(0, 1)
    below it. For dof < size T is the Gaussian matrix itself.

    >>> wishart_root(np.random.default_rng(0), 1, 3, 7).shape
    (1, 3, 3)
    """
    if dof < size:
        return rng.standard_normal((batch, size, dof))
    root = np.tril(rng.standard_normal((batch, size, size)), -1)
    index = np.arange(size)
    root[:, index, index] = np.sqrt(rng.chisquare(dof - index, size=(batch, size)))
    return root


def normal_blocks(rng: np.random.Generator, batch: int, rows: int, modes: int) -> Iterator[Array]:
    """Yield N(0, 1) blocks of shape (batch, rows, <= _BLOCK) that together have `modes` columns."""
    for start in range(0, modes, _BLOCK):
        yield rng.standard_normal((batch, rows, min(_BLOCK, modes - start)))


def batches(replicates: int, size: int, modes: int) -> Iterator[int]:
    """Split `replicates` into batches whose arrays, matrices of `size` and blocks of `modes`, take a few megabytes."""
    step = int(np.clip(2**20 // (size * max(size, min(_BLOCK, modes))), 1, 4096))
    for start in range(0, replicates, step):
        yield min(step, replicates - start)


def cholesky(gram: Array) -> Array:
    """Lower root of positive definite matrices; says what to change when the spectrum is too steep."""
    try:
        return np.asarray(np.linalg.cholesky(gram), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        size = gram.shape[-1]
        raise ArithmeticError(
            f"the {size} x {size} Gram matrix is singular in float64: the spectrum falls too fast for this size; "
            "use fewer samples and features or a smaller exponent"
        ) from error


def solve(matrix: Array, right: Array) -> Array:
    """Solve `matrix` x = `right` over the batch."""
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
