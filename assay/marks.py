"""What a figure shows, as data: marks and maps, refuted points, stamps of verdicts, the table as text."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from assay.interval import ALPHA_REFUTED, half_width

__all__ = ["COLUMNS", "Map", "Mark", "Role", "Stamp", "archive", "refuted", "stamp", "table"]

Role = Literal["theory", "simulation", "data", "guide"]
COLUMNS = ("panel", "series", "role", "x", "y", "y_low", "y_high", "z")
MARKERS = {"holds": "o", "refuted": "X", "undecided": "D", "not run": "s"}
GOOD, BAD, OPEN = "#009E73", "#D55E00", "0.55"
LONGEST_REASON = 60


@dataclass(frozen=True, eq=False)
class Mark:
    """One thing drawn: where (`panel`), its name (`series`), its `role`, and flat columns of one length.

    `x`, `y` are data coordinates; `low`, `high` the ends of error bars or bands and `z` the value of a heat map's cell,
    nan where there is none; `crossed` marks the points that are drawn as refuted.
    """

    panel: str
    series: str
    role: Role
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    z: NDArray[np.float64]
    crossed: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Map:
    """A map of many cells, drawn as pixels: `panel`, `series` and `role` as of a `Mark`, columns `x` and rows `y` of
    the cells' centres, values `z` (rows, columns), nan where there is none, and the cells found refuted, `crossed`."""

    panel: str
    series: str
    role: Role
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.floating[Any]]
    crossed: NDArray[np.bool_]


@dataclass(frozen=True)
class Stamp:
    """A verdict on a figure: its `text`, and the `marker` and `color` that go before it."""

    text: str
    marker: str
    color: str


def refuted(
    mean: ArrayLike, theory: ArrayLike, standard_error: ArrayLike, count: int, slack: ArrayLike = 0.0
) -> NDArray[np.bool_]:
    """Return where replicates refute a line: ``|mean - theory| - h sqrt(count) standard_error > slack |theory|``.

    h is the half-width at the level of a refutation: the wider of `assay.interval.half_width`, tightest at half of
    `count`, and Student's, which protects a figure of few replicates. `mean`, `theory` and `standard_error` >= 0
    broadcast and share a unit; `count` >= 1 replicates, of which one alone refutes nothing; `slack` >= 0 is the
    relative error forgiven. Source: derived, the rule of `assay.verdict` for one look.

    >>> refuted([1.0, 1.1], 1.0, 0.01, 100, slack=0.01).tolist()
    [False, True]
    """
    expected = np.asarray(theory, dtype=float)
    excess = np.abs(np.asarray(mean, dtype=float) - expected) - np.asarray(slack) * np.abs(expected)
    if count < 2:
        return np.zeros(np.broadcast_shapes(excess.shape, np.shape(standard_error)), dtype=bool)
    sequential = half_width(count, ALPHA_REFUTED, count / 2) * math.sqrt(count)
    width = max(sequential, float(student.isf(ALPHA_REFUTED / 2, count - 1)))
    return np.asarray(excess > width * np.asarray(standard_error, dtype=float))


def stamp(line: Mapping[str, Any]) -> Stamp:
    """Return the stamp of a claim's ledger `line`: id, verdict, whether it was expected, and the reason in brief.

    >>> line = {"id": "rf.F1", "verdict": "holds", "expected": "holds", "as_expected": True}
    >>> stamp({**line, "reason": "31 cases within 0.0081 (setting 3, test)"}).text
    'rf.F1 holds (31 cases within 0.0081)'
    """
    verdict = line["verdict"]
    words = [f"{line['id']} {verdict}"]
    if verdict == "refuted" and line.get("as_expected"):
        words.append("as expected")
    if not line.get("as_expected", True) and verdict != "undecided":
        words.append("UNEXPECTED")
    brief = _brief(str(line.get("reason", "")))
    color = OPEN if verdict in ("undecided", "not run") else GOOD if line.get("as_expected", True) else BAD
    return Stamp(", ".join(words) + (f" ({brief})" if brief else ""), MARKERS.get(verdict, "s"), color)


def _brief(reason: str) -> str:
    """The first clause of a ledger line's reason, without the case that it names last."""
    clause = reason.split(";")[0].split(": ")[0].partition(" (")[0]
    return clause if len(clause) <= LONGEST_REASON else clause[: LONGEST_REASON - 1].rstrip() + "…"


def table(marks: Iterable[Mark]) -> str:
    """Return what `marks` drew as comma-separated text, one row a point or cell in drawing order; empty where nan.

    Columns: panel, series, role, x, y, y_low, y_high, z. Nine significant digits, so that the bytes depend on the
    numbers and not on the last bits of a linear-algebra library.

    >>> table([])
    'panel,series,role,x,y,y_low,y_high,z\\n'
    """
    rows = [",".join(COLUMNS)]
    for mark in marks:
        head = ",".join(_quoted(text) for text in (mark.panel, mark.series, mark.role))
        columns = zip(mark.x, mark.y, mark.low, mark.high, mark.z, strict=True)
        rows.extend(f"{head},{','.join(_number(value) for value in row)}" for row in columns)
    return "\n".join(rows) + "\n"


def archive(maps: Iterable[Map]) -> bytes:
    """Return `maps` as the bytes of a compressed .npz file: arrays "<panel>: <series>" with " x", " y", " z" behind.

    Millions of cells are too many for a table of text. Equal maps give equal bytes.

    >>> one = Map("only", "time", "simulation", np.arange(2.0), np.arange(1.0), np.ones((1, 2)), np.zeros((1, 2), bool))
    >>> sorted(np.load(io.BytesIO(archive([one]))).files)
    ['only: time x', 'only: time y', 'only: time z']
    """
    arrays: dict[str, Any] = {}
    for one in maps:
        name = f"{one.panel}: {one.series}"
        if f"{name} z" in arrays:
            raise ValueError(f"maps of one panel must have different series, got {one.series!r} twice on {one.panel!r}")
        arrays |= {f"{name} x": one.x, f"{name} y": one.y, f"{name} z": one.z}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.9g}"
