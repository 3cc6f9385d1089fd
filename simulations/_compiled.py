"""Compiled kernels on disk: never older than the sources that they were made from."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

__all__ = ["forget_stale"]


def forget_stale(folder: Path) -> list[Path]:
    """Remove what numba compiled and cached under `folder` before its newest source was written; return what it was.

    numba compiles a kernel anew when the kernel's own file changes, but not when a kernel that it calls has changed in
    another file. The next call compiles, once. Each package inside `folder` is judged by its own sources and by those
    directly in `folder`. Files that cannot be removed are left: numba cannot have written them.

    >>> forget_stale(Path("no such folder"))
    []
    """
    common = _newest(folder.glob("*.py"))
    packages = sorted(path.parent for path in folder.glob("*/__pycache__"))
    stale: list[Path] = []
    for package in (folder, *packages):
        newest = max(common, _newest(package.glob("*.py")))
        stale += [path for path in sorted(package.glob("__pycache__/*.nb[ic]")) if _older(path, newest)]
    for path in stale:
        with suppress(OSError):
            path.unlink()
    return stale


def _newest(sources: Iterable[Path]) -> int:
    """When the newest of `sources` was written, in nanoseconds; 0 for none."""
    return max((path.stat().st_mtime_ns for path in sources), default=0)


def _older(path: Path, newest: int) -> bool:
    """Whether `path` was written before `newest`; not if it has vanished."""
    with suppress(OSError):
        return path.stat().st_mtime_ns < newest
    return False
