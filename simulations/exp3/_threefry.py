"""Counter-based uniform numbers in compiled code: Threefry-2x64 with 20 rounds.

A number is a function of (seed, replicate, stream, round): it depends neither on threads nor on how many rounds or
replicates are drawn, and two runs with the same seed see the same numbers. 32 blocks at a time, the twenty rounds
outermost, so that the inner loops become vector instructions.

J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC 2011.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["BUFFER", "fill_uniforms", "threefry"]

Words = NDArray[np.uint64]
_LANES = 32
BUFFER = 2 * _LANES  # uniform numbers made at a time
_ROTATIONS = np.array([16, 42, 12, 31, 16, 32, 24, 21], dtype=np.uint64)
_PARITY = np.uint64(0x1BD11BDAA9FC1A22)
_WORD = np.uint64(64)


@njit(cache=True, error_model="numpy")
def threefry(keys: Words, first: Words, second: Words) -> None:
    """Replace the counters (`first`, `second`), vectors of equal length, by their random words under `keys` (2,)."""
    schedule = (keys[0], keys[1], keys[0] ^ keys[1] ^ _PARITY)
    for i in range(first.size):
        first[i] += schedule[0]
        second[i] += schedule[1]
    for round_ in range(20):
        left = _ROTATIONS[round_ % 8]
        right = _WORD - left
        for i in range(first.size):
            first[i] += second[i]
            second[i] = ((second[i] << left) | (second[i] >> right)) ^ first[i]
        if round_ % 4 == 3:
            injection = round_ // 4 + 1
            one, two = schedule[injection % 3], schedule[(injection + 1) % 3] + np.uint64(injection)
            for i in range(first.size):
                first[i] += one
                second[i] += two


@njit(cache=True, error_model="numpy")
def fill_uniforms(keys: Words, start: int, stream: int, first: Words, second: Words, out: NDArray[np.float64]) -> None:
    """Write the uniforms of rounds start, ..., start + 63 to `out` (64,); `start` a multiple of 64.

    They lie strictly between 0 and 1, on the odd multiples of 2^-53. `keys` = (seed, replicate); `stream` tells
    independent uses of a round apart; `first` and `second` (32,) are scratch.
    """
    for i in range(_LANES):
        first[i] = np.uint64(start // 2 + i)
        second[i] = np.uint64(stream)
    threefry(keys, first, second)
    for i in range(_LANES):
        out[2 * i] = (np.float64(first[i] >> np.uint64(12)) + 0.5) * 2.0**-52
        out[2 * i + 1] = (np.float64(second[i] >> np.uint64(12)) + 0.5) * 2.0**-52
