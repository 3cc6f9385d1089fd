"""Proof by subdivision: a statement decided on a whole box, cell by cell, by interval arithmetic.

The judge of a cell sees intervals and answers with one letter: `t` true on the whole cell, `x` the cell lies outside
the hypotheses, `f` false on the whole cell, `o` open. Open cells are halved until none is left, one is false, or the
cells are used up. What remains is a certificate: the tree of halvings with the letter of every leaf, which can be
checked again without any search.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assay.search import Range

__all__ = ["Cell", "Certificate", "pack", "replay", "subdivide", "unpack"]

Cell = dict[str, tuple[float, float]]
LEAVES = "txfo"


@dataclass(frozen=True)
class Certificate:
    """The outcome of a subdivision.

    `tree` is the word of the tree in preorder: `s` for a halving, followed by the lower half's word and the upper
    half's, or a leaf's letter; `false` is the first cell on which the statement is false, None if none was found.
    """

    tree: str
    false: Cell | None = None

    def count(self, letter: str) -> int:
        """The number of leaves (or, for `s`, of halvings) with this `letter`."""
        return self.tree.count(letter)

    @property
    def complete(self) -> bool:
        """Whether the statement is proved: no leaf is false or open."""
        return not (self.count("f") or self.count("o"))


def subdivide(judge: Callable[[Cell], str], domain: Mapping[str, Range], cells: int) -> Certificate:
    """Decide a statement on the box `domain` with at most `cells` questions to `judge`.

    `judge(cell)` answers t, x, f or o for a cell, a mapping of argument names to (low, high). The search goes breadth
    first and stops at the first false cell; what it did not reach is open. Halves share their boundary, so that no
    point is lost to rounding.

    >>> at_most_half = lambda cell: "t" if cell["a"][1] <= 0.5 else "f" if cell["a"][0] >= 0.5 else "o"
    >>> subdivide(at_most_half, {"a": Range(0.0, 1.0)}, 100)
    Certificate(tree='stf', false={'a': (0.5, 1.0)})
    """
    letters: dict[str, str] = {}
    pending: deque[tuple[str, Cell]] = deque([("", _whole(domain))])
    asked, false = 0, None
    while pending:
        place, cell = pending.popleft()
        letter = "o" if false or asked >= cells else judge(cell)
        asked += not false
        if letter == "f":
            false = cell
        room = letter == "o" and false is None and asked + len(pending) + 2 <= cells
        halves = _halves(cell, domain) if room else None
        letters[place] = "s" if halves else letter
        pending.extend((place + side, half) for side, half in zip("01", halves or (), strict=False))
    return Certificate(_preorder(letters), false)


def _preorder(letters: Mapping[str, str]) -> str:
    """The word of a tree whose nodes are named by their way from the root, 0 for the lower half and 1 for the upper."""
    word, pending = [], [""]
    while pending:
        place = pending.pop()
        word.append(letters[place])
        if letters[place] == "s":
            pending.extend((place + "1", place + "0"))
    return "".join(word)


def replay(judge: Callable[[Cell], str], domain: Mapping[str, Range], tree: str) -> bool:
    """Whether `judge` confirms every leaf of the certificate `tree` over the box `domain`.

    Raises `ValueError` if `tree` is no word of a tree over this box.

    >>> replay(lambda cell: "t" if cell["a"][1] < 0.6 else "x", {"a": Range(0.0, 1.0)}, "stx")
    True
    """
    pending: list[Cell] = [_whole(domain)]
    agreed = True
    for letter in tree:
        if not pending:
            raise ValueError("tree goes on after its last leaf")
        cell = pending.pop()
        if letter == "s":
            halves = _halves(cell, domain)
            if halves is None:
                raise ValueError(f"tree halves a cell that no number divides: {cell}")
            pending.extend(reversed(halves))
        elif letter in LEAVES:
            agreed &= judge(cell) == letter
        else:
            raise ValueError(f"tree must consist of s, t, x, f and o, got {letter!r}")
    if pending:
        raise ValueError(f"tree ends with {len(pending)} cells to go")
    return agreed


def pack(tree: str) -> str:
    """The word `tree` as a short text.

    >>> unpack(pack("sstxt"))
    'sstxt'
    """
    return base64.b85encode(zlib.compress(tree.encode(), 9)).decode()


def unpack(text: str) -> str:
    """The word that `pack` made into `text`; raises `ValueError` if it is damaged."""
    try:
        return zlib.decompress(base64.b85decode(text)).decode()
    except zlib.error as error:
        raise ValueError(f"text is no packed certificate: {error}") from error


def _whole(domain: Mapping[str, Range]) -> Cell:
    return {name: (float(axis.low), float(axis.high)) for name, axis in domain.items()}


def _halves(cell: Cell, domain: Mapping[str, Range]) -> tuple[Cell, Cell] | None:
    """The two halves along the axis on which the cell is widest, as a share of the box; None if none can be halved."""
    widths = {name: _share(cell[name], domain[name]) for name in cell}
    for name in sorted(widths, key=lambda name: -widths[name]):
        low, high = cell[name]
        middle = math.sqrt(low) * math.sqrt(high) if domain[name].log else low + (high - low) / 2
        if low < middle < high:
            return {**cell, name: (low, middle)}, {**cell, name: (middle, high)}
    return None


def _share(interval: tuple[float, float], axis: Range) -> float:
    """Width of an interval as a share of its axis, in the axis' own measure."""
    if axis.high == axis.low:
        return 0.0
    if axis.log:
        return math.log(interval[1] / interval[0]) / math.log(axis.high / axis.low)
    return (interval[1] - interval[0]) / (axis.high - axis.low)
