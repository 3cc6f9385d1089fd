"""Threefry-2x64 in compiled code: known answers, a literal version, uniform numbers made from their addresses."""

from __future__ import annotations

import numpy as np
import pytest

from simulations.exp3._threefry import BUFFER, fill_uniforms, threefry

MASK = 2**64 - 1


def literal_threefry(keys: tuple[int, int], counters: tuple[int, int]) -> tuple[int, int]:
    """The definition in Python's integers."""
    schedule = (*keys, keys[0] ^ keys[1] ^ 0x1BD11BDAA9FC1A22)
    a, b = (counters[0] + schedule[0]) & MASK, (counters[1] + schedule[1]) & MASK
    for i in range(20):
        turn = (16, 42, 12, 31, 16, 32, 24, 21)[i % 8]
        a = (a + b) & MASK
        b = (((b << turn) | (b >> (64 - turn))) & MASK) ^ a
        if i % 4 == 3:
            n = i // 4 + 1
            a = (a + schedule[n % 3]) & MASK
            b = (b + schedule[(n + 1) % 3] + n) & MASK
    return a, b


def words(keys: tuple[int, int], counters: tuple[int, int]) -> tuple[int, int]:
    first, second = np.array([counters[0]], np.uint64), np.array([counters[1]], np.uint64)
    threefry(np.array(keys, np.uint64), first, second)
    return int(first[0]), int(second[0])


def uniforms(seed: int, replicate: int, start: int = 0, stream: int = 0) -> np.ndarray:
    first, second, out = np.empty(BUFFER // 2, np.uint64), np.empty(BUFFER // 2, np.uint64), np.empty(BUFFER)
    fill_uniforms(np.array([seed, replicate], np.uint64), start, stream, first, second, out)
    return out


# --- identities and limits


@pytest.mark.parametrize(
    ("keys", "counters", "answer"),
    [  # the generator's published test vectors
        ((0, 0), (0, 0), (0xC2B6E3A8C2C69865, 0x6F81ED42F350084D)),
        ((MASK, MASK), (MASK, MASK), (0xE02CB7C4D95D277A, 0xD06633D0893B8B68)),
        (
            (0xA4093822299F31D0, 0x082EFA98EC4E6C89),
            (0x243F6A8885A308D3, 0x13198A2E03707344),
            (0x263C7D30BB0F0AF1, 0x56BE8361D3311526),
        ),
    ],
)
def test_known_answers(keys: tuple[int, int], counters: tuple[int, int], answer: tuple[int, int]) -> None:
    assert words(keys, counters) == answer
    assert literal_threefry(keys, counters) == answer


# --- oracle


def test_uniforms_are_the_words_of_their_address() -> None:
    for seed, replicate, start, stream in ((7, 3, 0, 0), (2**62, 5, 6 * BUFFER, 1), (0, 2**62, BUFFER, 1)):
        found = uniforms(seed, replicate, start, stream)
        expected = [
            ((word >> 12) + 0.5) * 2.0**-52
            for block in range(start // 2, (start + BUFFER) // 2)
            for word in literal_threefry((seed, replicate), (block, stream))
        ]
        np.testing.assert_array_equal(found, expected)


# --- properties


def test_uniforms_are_uniform_and_uncorrelated() -> None:
    sample = np.concatenate([uniforms(11, i, stream=i % 2) for i in range(2000)])
    assert np.all((sample > 0) & (sample < 1))
    n = sample.size
    # each of the numbers below is standard normal: beyond 4.9 once in 10^6
    assert abs(sample.mean() - 0.5) * np.sqrt(12 * n) < 4.9
    assert abs(np.mean(sample**2) - 1 / 3) / np.sqrt(4 / 45 / n) < 4.9
    for lag in (1, 2, BUFFER // 2, BUFFER):
        assert abs(np.mean((sample[:-lag] - 0.5) * (sample[lag:] - 0.5))) * 12 * np.sqrt(n - lag) < 4.9
    assert np.unique(sample).size == n


# --- bad input


def test_different_addresses_share_nothing() -> None:
    """There is no door here that checks; what goes wrong is two addresses with the same numbers."""
    base = uniforms(1, 2, BUFFER, 0)
    for other in (uniforms(2, 1, BUFFER), uniforms(1, 3, BUFFER), uniforms(1, 2, 0), uniforms(1, 2, BUFFER, 1)):
        assert not np.any(base == other)
