"""Words and tables for the terminal: what a ledger line looks like when a person reads it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from assay.ledger import counts
from assay.summary import RowSummary

__all__ = [
    "claim_line",
    "claims_table",
    "explanation",
    "figure_line",
    "figures_table",
    "ledger_table",
    "mutant_score",
    "summary_line",
    "summary_table",
    "verdict_text",
    "widest_case",
]

COLOURS = {"holds": "green", "refuted": "magenta", "undecided": "yellow", "not run": "dim"}


def mutant_score(line: Mapping[str, Any]) -> str:
    """How many judged mutants of a ledger `line` were refuted, "3/3"; "-" where there were none to judge.

    >>> mutant_score({"mutants": {"sign": "refuted", "half": "surviving", "same": "equivalent: by symmetry"}})
    '1/2'
    """
    judged = [fate for fate in line["mutants"].values() if fate in ("refuted", "surviving")]
    return f"{judged.count('refuted')}/{len(judged)}" if judged else "-"


def widest_case(line: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The case of a ledger `line` whose interval reaches furthest from zero; None if it has no cases.

    >>> widest_case({"cases": [{"interval": [-1, 2]}, {"interval": [-3.0, 0]}]})
    {'interval': [-3.0, 0]}
    """
    return max(line["cases"], key=lambda case: max(abs(float(x)) for x in case["interval"]), default=None)


def verdict_text(line: Mapping[str, Any]) -> Text:
    """The verdict of a ledger `line` in its colour, marked where it is not the expected one."""
    text = Text(line["verdict"], style=COLOURS[line["verdict"]])
    return text if line["as_expected"] else text + Text(" !", style="bold red")


def claim_line(line: Mapping[str, Any], width: int) -> Text:
    """One finished claim on one line: id, verdict, expected or not, mutants, replicates, seconds, reason.

    `line` is a ledger line, `width` the columns to give to the id.
    """
    good = line["as_expected"]
    text = Text(f"{line['id']:<{width}}  ") + Text(f"{line['verdict']:<9}", style=COLOURS[line["verdict"]])
    text.append("  as expected" if good else "  UNEXPECTED ", style="" if good else "bold red")
    seconds = "recorded" if line.get("recorded") else f"{line['wall_time']:6.1f} s"
    text.append(f"  mutants {mutant_score(line):>5}  {line['replicates']:>9,} replicates  {seconds}  {line['reason']}")
    return text if good else text.append(_complaint(line), style="bold red")


def _complaint(line: Mapping[str, Any]) -> str:
    """Why a line is not as expected: its verdict, or mutants that survive."""
    words = f"; should be {line['expected']}" if line["verdict"] not in (line["expected"], "not run") else ""
    survivors = [name for name, fate in line["mutants"].items() if fate == "surviving"]
    return words + (f"; surviving mutants: {', '.join(survivors)}" if survivors else "")


def summary_line(lines: Sequence[Mapping[str, Any]], seconds: float) -> str:
    """The closing words of a run over the ledger `lines` that took `seconds`.

    >>> summary_line([{"verdict": "holds", "as_expected": True, "mutants": {"sign": "refuted"}}], 2.0)
    '1 claims in 2.0 s: 1 hold, 0 refuted, 0 undecided, 0 not run; 1 of 1 as expected; 1 mutants refuted, 0 surviving'
    """
    tally = counts(lines)
    fates = [fate for line in lines for fate in line["mutants"].values()]
    return (
        f"{len(lines)} claims in {seconds:.1f} s: {tally['holds']} hold, {tally['refuted']} refuted, "
        f"{tally['undecided']} undecided, {tally['not run']} not run; {tally['as expected']} of {len(lines)} as "
        f"expected; {fates.count('refuted')} mutants refuted, {fates.count('surviving')} surviving"
    )


def figure_line(done: Any, seconds: float) -> Text:
    """One drawn figure on one line: where it is, the `seconds` it took, the verdicts it shows, what is missing.

    `done` is a `FigureResult`.
    """
    text = Text(f"{done.figure}  {seconds:.1f} s  ")
    for claim_id, line in done.data.verdicts.items():
        text.append(f" {claim_id} ").append(verdict_text(line))
    for name in done.data.missing:
        text.append(f"  MISSING {name}", style="bold red")
    return text


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def claims_table(known: Mapping[str, tuple[str, Any]], lines: Mapping[str, Mapping[str, Any]]) -> Table:
    """The claims of the suite with their newest verdicts: `known` as discovered, `lines` by claim id."""
    table = _table("Claims", "id", "paper", "kind", "provenance", "expected", "last verdict", "title")
    for claim_id, (row, claim) in known.items():
        last = verdict_text(lines[claim_id]) if claim_id in lines else Text("-")
        table.add_row(claim_id, row, claim.kind, claim.provenance, claim.expected, last, escape(claim.title))
    return table


def figures_table(known: Mapping[str, tuple[str, Any]]) -> Table:
    """The figures of the suite, `known` as discovered."""
    table = _table("Figures", "id", "paper", "title")
    for figure_id, (row, spec) in known.items():
        table.add_row(figure_id, row, escape(str(getattr(spec, "title", ""))))
    return table


def summary_table(summaries: Iterable[RowSummary]) -> Table:
    """The README's table for the terminal: one line per paper from `summaries`."""
    table = _table("Papers", "paper", "claims", "held", "refuted", "undecided", "not run", "as expected", "figures")
    for s in summaries:
        numbers = (s.claims, s.held, s.refuted, s.undecided, s.not_run, s.as_expected, s.figures)
        table.add_row(s.title, *(str(number) for number in numbers))
    return table


def ledger_table(lines: Iterable[Mapping[str, Any]]) -> Table:
    """The newest verdicts: `lines` are ledger lines."""
    headers = ("id", "verdict", "expected", "scale", "margin", "interval", "replicates", "mutants", "reason")
    table = _table("Ledger", *headers)
    for line in lines:
        facts = (line["expected"], line["scale"], f"{line['margin']:g}", _interval(widest_case(line)))
        numbers = (f"{line['replicates']:,}", mutant_score(line))
        table.add_row(line["id"], verdict_text(line), *facts, *numbers, escape(line["reason"]))
    return table


def _interval(case: Mapping[str, Any] | None) -> str:
    if case is None:
        return "-"
    low, high = (float(x) for x in case["interval"])
    return f"{low:+.2g}" if low == high else f"{low:+.2g} .. {high:+.2g}"


def explanation(row: str, claim: Any, line: Mapping[str, Any] | None) -> Group:
    """Everything known of `claim` of `row`: what it says, its source, how it is weighed, its last ledger `line`."""
    facts = _table("", "", "")
    facts.show_header = False

    def fact(name: str, value: RenderableType | str) -> None:
        if value:
            facts.add_row(Text(name, style="bold"), Text(value) if isinstance(value, str) else value)

    fact("statement", claim.statement)
    fact("source", f"{claim.source} ({claim.provenance})")
    fact("assumptions", "\n".join(f"- {assumption}" for assumption in claim.assumptions))
    fact("proof", claim.proof)
    fact("weighed as", f"{claim.kind}, margin {claim.tolerance:g}, {len(claim.settings)} settings; {_routes(claim)}")
    fact("expected", claim.expected)
    fact("corrected by", claim.corrected_by)
    fact("equations", "\n".join(f"{name}  <->  {equation}" for name, equation in claim.equations.items()))
    if line is None:
        fact("last verdict", f"none yet: assay check {claim.id}")
    else:
        fact("last verdict", verdict_text(line) + Text(f": {line['reason']}"))
        fact("evidence", _evidence(line))
    fact("mutants", _fates(claim, line))
    return Group(Text(f"{claim.id}  {claim.title}  ({row})", style="bold"), facts)


def _routes(claim: Any) -> str:
    """The names of the two functions that a claim compares."""
    return f"{_name(claim.predict)} against {_name(claim.measure)}"


def _name(function: Any) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"


def _evidence(line: Mapping[str, Any]) -> str:
    """Interval, replicates, keys, scale, seed and time of a ledger line."""
    widest = widest_case(line)
    where = f"{widest['label']}: {_interval(widest)}" if widest else "no case"
    replicates = f"{line['replicates']:,} replicates, {line['keys']} key(s)" if line["replicates"] else "no randomness"
    return (
        f"widest interval {where} (margin {line['margin']:g}); {replicates}; {line['admissible_inputs']} admissible "
        f"inputs; scale {line['scale']}, seed {line['seed']}, {line['wall_time']:.1f} s, {line['time']}"
    )


def _fates(claim: Any, line: Mapping[str, Any] | None) -> str:
    """Each mutant and what became of it."""
    fates = line["mutants"] if line else {}
    return "\n".join(f"- {m.name}: {fates.get(m.name, m.equivalent or 'not tried yet')}" for m in claim.mutants)
