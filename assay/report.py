"""The report: one HTML file that needs nothing else, made from the ledger and the figures on disk.

Verdicts, intervals and mutants are what the ledger's newest lines say; statements and sources come from the claims;
pictures are embedded, with the captions that their own records hold.
"""

from __future__ import annotations

import base64
import json
import math
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import discovery
from assay.display import fates, mutant_score, widest_case
from assay.ledger import Ledger, counts
from assay.summary import row_title, summarize

__all__ = ["Picture", "bar", "pictures", "write_report"]

MEDIA = {".png": "image/png", ".svg": "image/svg+xml"}
WIDTH = 320.0  # of an interval's drawing, in pixels


@dataclass(frozen=True)
class Picture:
    """A figure on disk: its `id`, `title`, `caption`, and its bytes as a data address, "" for formats that cannot be
    embedded."""

    id: str
    title: str
    caption: str
    address: str


def write_report(ledger: Ledger, figures: Path, target: Path) -> Path:
    """Write the page for the newest lines of `ledger` and the pictures in the folder `figures` to `target`; return it.

    Claims without a line are listed as not judged, figures without a picture as not drawn. The file appears whole.
    """
    import jinja2  # the only user of templates

    loader = jinja2.PackageLoader("assay", "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["count"] = lambda number: f"{number:,}"
    text = environment.get_template("report.html.j2").render(**_content(ledger.latest(), figures))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf8")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _content(lines: Mapping[str, Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """What the template prints."""
    claims, figures = discovery.claims(), discovery.figures()
    summaries = summarize(claims, figures, lines)
    drawn = {picture.id: picture for picture in pictures(folder)}
    rows = [
        {
            "row": summary.row,
            "title": row_title(summary.row),
            "summary": summary,
            "claims": [
                _claim(claim, lines.get(claim_id)) for claim_id, (row, claim) in claims.items() if row == summary.row
            ],
            "figures": [(spec, drawn.get(spec.id)) for row, spec in figures.values() if row == summary.row],
        }
        for summary in summaries
    ]
    judged = [lines[claim_id] for claim_id in claims if claim_id in lines]
    mutants = dict(zip(("mutants_refuted", "mutants_surviving", "mutants_below"), fates(judged), strict=True))
    return {
        "rows": rows,
        "totals": {**counts(judged), **mutants, "claims": len(claims)},
        "runs": sorted({(line["scale"], line["seed"]) for line in judged}),
        "versions": max(judged, key=lambda line: line["time"])["versions"] if judged else {},
        "newest": max((line["time"] for line in judged), default=""),
    }


def _claim(claim: Any, line: Mapping[str, Any] | None) -> dict[str, Any]:
    """One claim's part of the page."""
    if line is None:
        return {"claim": claim, "line": None}
    margin = float(line["margin"])
    return {
        "claim": claim,
        "line": line,
        "widest": widest_case(line),
        "mutants": mutant_score(line),
        "bars": [{"case": case, **bar(case["interval"], margin)} for case in line["cases"][:40]],
        "hidden": max(0, len(line["cases"]) - 40),
    }


def bar(interval: Iterable[float | str], margin: float) -> dict[str, float]:
    """Pixels of one interval's drawing, `WIDTH` wide, whose middle half is the margin: `left`, `width`, `zero`.

    `interval` is (low, high) as in the ledger, where infinity may be a string; `margin` > 0. Beyond twice the margin
    the drawing is cut off.

    >>> bar((-0.01, 0.02), 0.01)
    {'left': 80.0, 'width': 240.0, 'zero': 160.0}
    """
    low, high = (float(end) for end in interval)

    def place(value: float) -> float:
        if math.isnan(value):
            return WIDTH / 2
        return WIDTH / 2 * (1 + min(1.0, max(-1.0, value / (2 * margin))))

    left, right = place(low), place(high)
    return {"left": left, "width": max(right - left, 2.0), "zero": WIDTH / 2}


def pictures(folder: Path) -> list[Picture]:
    """The figures in `folder`, by name, with the captions of their records; png wins over svg over pdf."""
    found: dict[str, Picture] = {}
    for suffix in (".pdf", ".svg", ".png"):
        for path in sorted(folder.glob(f"*{suffix}")):
            found[path.stem] = _picture(path)
    return [found[name] for name in sorted(found)]


def _picture(path: Path) -> Picture:
    record = path.with_suffix(".json")
    try:
        words = json.loads(record.read_text(encoding="utf8"))
    except (OSError, ValueError):
        words = {}
    address = ""
    if path.suffix in MEDIA:
        address = f"data:{MEDIA[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
    return Picture(path.stem, str(words.get("title", path.stem)), str(words.get("caption", "")), address)
