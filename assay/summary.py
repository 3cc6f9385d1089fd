"""What the ledger says in one table: a row per paper, its claims held, refuted and undecided, its figures.

The table in README.md is written from here, between two comment lines, and never by hand.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.ledger import counts

__all__ = ["RowSummary", "common_scale", "markdown", "rewrite_between_markers", "row_title", "summarize"]

BEGIN = "<!-- ledger: begin (written by `assay ledger --readme README.md`) -->"
END = "<!-- ledger: end -->"
HEADER = ("paper", "claims", "held", "refuted", "undecided", "not run", "as expected", "figures")


@dataclass(frozen=True)
class RowSummary:
    """One paper: its `row` and `title`, its number of `claims`, how the judged ones came out, its `figures`.

    `not_run` counts claims without a verdict, for want of a run or of published data; `scale` is the scale of the
    judged ones, "mixed" if they have several, "-" if none is judged.
    """

    row: str
    title: str
    claims: int
    held: int
    refuted: int
    undecided: int
    not_run: int
    as_expected: int
    figures: int
    scale: str = "-"


def summarize(
    known: Mapping[str, tuple[str, Any]],
    figures: Mapping[str, tuple[str, Any]],
    lines: Mapping[str, Mapping[str, Any]],
) -> list[RowSummary]:
    """Return one summary per row, in the order of `known`.

    `known` and `figures` are the suite's claims and figures as `assay.discovery` returns them; `lines` the newest
    ledger line of every claim id (lines of ids that are not known are left out).
    """
    summaries = []
    for row in dict.fromkeys(row for row, _ in known.values()):
        ids = [claim_id for claim_id, (its_row, _) in known.items() if its_row == row]
        judged = [lines[claim_id] for claim_id in ids if claim_id in lines]
        tally = counts(judged)
        summaries.append(
            RowSummary(
                row=row,
                title=row_title(row),
                claims=len(ids),
                held=tally["holds"],
                refuted=tally["refuted"],
                undecided=tally["undecided"],
                not_run=len(ids) - tally["holds"] - tally["refuted"] - tally["undecided"],
                as_expected=tally["as expected"],
                figures=sum(its_row == row for its_row, _ in figures.values()),
                scale=common_scale(line["scale"] for line in judged),
            )
        )
    return summaries


def common_scale(scales: Iterable[str]) -> str:
    """The one scale of all `scales`, "mixed" if there are several; "-" (nothing judged) counts for none.

    >>> common_scale(["quick", "-", "quick"]), common_scale(["quick", "paper"]), common_scale([])
    ('quick', 'mixed', '-')
    """
    found = set(scales) - {"-"}
    return "mixed" if len(found) > 1 else next(iter(found), "-")


def row_title(row: str) -> str:
    """The paper of a `row`: what its claims module calls `PAPER`, else the row's name in words.

    >>> row_title("no_such_row")
    'No such row'
    """
    try:
        module = importlib.import_module(f"claims.{row}")
    except ModuleNotFoundError:
        module = None
    return str(getattr(module, "PAPER", row.replace("_", " ").capitalize()))


def markdown(summaries: Iterable[RowSummary]) -> str:
    """Return `summaries` as a Markdown table, one line per paper, and a sentence that states the scale.

    >>> text = markdown([RowSummary("toy", "A toy", 3, 2, 1, 0, 0, 3, 4, "quick")]).splitlines()
    >>> print(text[2])
    | A toy | 3 | 2 | 1 | 0 | 0 | 3 of 3 | 4 |
    >>> print(text[-1])
    Counts at quick scale. The tests regenerate this table at quick scale; `make figures` judges at standard scale.
    """
    summaries = list(summaries)
    rows = [
        (s.title, s.claims, s.held, s.refuted, s.undecided, s.not_run, f"{s.as_expected} of {s.claims}", s.figures)
        for s in summaries
    ]
    cells = [HEADER, ("---", *["---:"] * (len(HEADER) - 1)), *rows]
    table = "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in cells)
    scale = common_scale(s.scale for s in summaries)
    words = {"-": "No verdicts yet", "mixed": "Counts at mixed scales"}.get(scale, f"Counts at {scale} scale")
    again = "The tests regenerate this table at quick scale; `make figures` judges at standard scale."
    return f"{table}\n\n{words}. {again}"


def rewrite_between_markers(path: Path, table: str) -> bool:
    """Put `table` between the two ledger comments of the file at `path`; return whether that changed the file.

    Raises `ValueError` if the file does not hold both comments, in this order, once each.
    """
    text = path.read_text(encoding="utf8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end) or BEGIN in after or END in after:
        raise ValueError(f"{path} must hold the lines {BEGIN!r} and {END!r} once each, in this order")
    changed = f"{before}{BEGIN}\n{table}\n{END}{after}"
    if changed != text:
        path.write_text(changed, encoding="utf8")
    return changed != text
