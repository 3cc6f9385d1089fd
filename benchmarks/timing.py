"""Processor time of an action, which other work on the machine hardly enters, unlike wall time."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["processor_seconds", "seconds", "turns_of"]


def processor_seconds(action: Callable[[], object]) -> float:
    """Return the processor time of one call of `action`."""
    start = time.process_time()
    action()
    return time.process_time() - start


def turns_of(action: Callable[[], object], turns: int, warm: bool = True) -> list[float]:
    """Return the processor times of `turns` calls of `action`, after one that is not counted where `warm`."""
    if warm:
        action()
    return [processor_seconds(action) for _ in range(turns)]


def seconds(action: Callable[[], object], repeats: int = 5, warm: bool = True) -> float:
    """Return the least processor time of `action` over `repeats` calls, after one that is not counted where `warm`."""
    return min(turns_of(action, repeats, warm))
