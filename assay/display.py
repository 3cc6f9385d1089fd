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
from assay.summary import RowSummary, common_scale, row_title

__all__ = [
    "claim_line",
    "claims_table",
    "explanation",
    "fates",
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
    """How many mutants of a ledger `line` were refuted, "3/3"; "-" where there were none to judge.

    Those that the run could not tell apart count among all and are named; equivalent ones do not count.

    >>> mutant_score({"mutants": {"sign": "refuted", "half": "surviving", "same": "equivalent: by symmetry"}})
    '1/2'
    >>> mutant_score({"mutants": {"sign": "refuted", "near": "below resolution: differs by 0.01 at most"}})
    '1/2 (1 below resolution)'
    """
    refuted, surviving, below = fates([line])
    judged = refuted + surviving + below
    score = f"{refuted}/{judged}" if judged else "-"
    return f"{score} ({below} below resolution)" if below else score


def fates(lines: Iterable[Mapping[str, Any]]) -> tuple[int, int, int]:
    """How many mutants of the ledger `lines` were refuted, survived, or lay below the resolution of the run.

    >>> fates([{"mutants": {"sign": "refuted", "near": "below resolution: differs by 0.01 at most"}}])
    (1, 0, 1)
    """
    words = [fate for line in lines for fate in line["mutants"].values()]
    below = sum(fate.startswith("below resolution") for fate in words)
    return words.count("refuted"), words.count("surviving"), below


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
    '1 claim in 2.0 s: 1 hold, 0 refuted, 0 undecided, 0 not run; 1 of 1 as expected; mutants: 1 refuted, 0 surviving'
    """
    tally = counts(lines)
    refuted, surviving, below = fates(lines)
    return (
        f"{len(lines)} claim{'' if len(lines) == 1 else 's'} in {seconds:.1f} s: {tally['holds']} hold, "
        f"{tally['refuted']} refuted, {tally['undecided']} undecided, {tally['not run']} not run; "
        f"{tally['as expected']} of {len(lines)} as expected; mutants: {refuted} refuted, {surviving} surviving"
        + (f", {below} below resolution" if below else "")
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


WHOLE = ("id", "kind", "expected", "verdict", "scale", "paper")  # columns that are read at a glance: never broken


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in WHOLE)
    return table


def _at_scale(words: str, scales: Iterable[str]) -> str:
    """A title that says at which scale the verdicts below it stand."""
    scale = common_scale(scales)
    return {"-": words, "mixed": f"{words}, verdicts at mixed scales"}.get(scale, f"{words}, verdicts at {scale} scale")


def _by_row(known: Mapping[str, tuple[str, Any]]) -> dict[str, dict[str, Any]]:
    """Row -> id -> record, in order."""
    rows: dict[str, dict[str, Any]] = {}
    for record_id, (row, record) in known.items():
        rows.setdefault(row, {})[record_id] = record
    return rows


def claims_table(known: Mapping[str, tuple[str, Any]], lines: Mapping[str, Mapping[str, Any]]) -> Group:
    """The claims of the suite with their newest verdicts, a table per paper: `known` as discovered, `lines` by id."""
    tables = []
    for row, claims in _by_row(known).items():
        title = _at_scale(f"Claims: {row_title(row)}", (lines[i]["scale"] for i in claims if i in lines))
        table = _table(escape(title), "id", "kind", "expected", "verdict", "title")
        for claim_id, claim in claims.items():
            last = verdict_text(lines[claim_id]) if claim_id in lines else Text("-")
            table.add_row(claim_id, claim.kind, claim.expected, last, escape(claim.title))
        tables.append(table)
    return Group(*tables)


def figures_table(known: Mapping[str, tuple[str, Any]]) -> Group:
    """The figures of the suite, `known` as discovered, a table per paper."""
    tables = []
    for row, specs in _by_row(known).items():
        table = _table(escape(f"Figures: {row_title(row)}"), "id", "title")
        for figure_id, spec in specs.items():
            table.add_row(figure_id, escape(str(getattr(spec, "title", ""))))
        tables.append(table)
    return Group(*tables)


def summary_table(summaries: Iterable[RowSummary]) -> Table:
    """The README's table for the terminal: one line per paper from `summaries`, under the short names of the papers."""
    summaries = list(summaries)
    title = _at_scale("Papers", (s.scale for s in summaries))
    table = _table(title, "paper", "claims", "held", "refuted", "undecided", "not run", "as expected", "figures")
    for s in summaries:
        numbers = (s.claims, s.held, s.refuted, s.undecided, s.not_run, s.as_expected, s.figures)
        table.add_row(s.row, *(str(number) for number in numbers))
    return table


def ledger_table(lines: Iterable[Mapping[str, Any]]) -> Group:
    """The newest verdicts: `lines` are ledger lines; the reasons of those that are not as expected stand below."""
    lines = list(lines)
    scales = [line["scale"] for line in lines]
    mixed = common_scale(scales) == "mixed"
    headers = ("id", "verdict", *(("scale",) if mixed else ()), "interval", "margin", "mutants")
    table = _table(_at_scale("Ledger", scales), *headers)
    for line in lines:
        facts = (*((line["scale"],) if mixed else ()), _interval(widest_case(line)), f"{line['margin']:g}")
        table.add_row(line["id"], verdict_text(line), *facts, mutant_score(line))
    bad = [line for line in lines if not line["as_expected"]]
    return Group(table, *(Text(f"! {line['id']}: {line['reason']}{_complaint(line)}", style="red") for line in bad))


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
    fact("source", claim.origin)
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
    known = line["mutants"] if line else {}
    score = [f"refuted: {mutant_score(line)}"] if line and known else []
    return "\n".join(
        [*score, *(f"- {m.name}: {known.get(m.name, m.equivalent or 'not tried yet')}" for m in claim.mutants)]
    )
