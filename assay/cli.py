"""The command line `assay`: list, check, figure, explain, ledger, report, data.

Exit codes: 0 as expected; 1 a verdict differs from the expected one, or a mutant survives; 2 usage; 130 interrupted.
The engine and the rows are imported by the commands that need them, so that help is there at once.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from assay.ledger import Ledger
    from assay.sweep import Sweep

__all__ = ["app", "main"]

UNEXPECTED, USAGE, INTERRUPTED = 1, 2, 130


class ScaleName(StrEnum):
    """The three sizes of a run."""

    quick = "quick"
    standard = "standard"
    paper = "paper"


class FormatName(StrEnum):
    """The formats of a figure."""

    png = "png"
    pdf = "pdf"
    svg = "svg"


class UserError(Exception):
    """A mistake that one line explains."""


app = typer.Typer(
    help="Weigh the claims of machine-learning theory papers against independent simulation.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Ids, names of rows, or beginnings of ids such as rf.T; all if none."),
]
ScaleOption = Annotated[ScaleName, typer.Option("--scale", help="Size of the run.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Suite seed; verdicts must not depend on it.")]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=0, help="Processes; 0 or 1: this one only.", show_default="all cores"),
]
ClusterOption = Annotated[
    str | None, typer.Option("--cluster", metavar="ADDRESS", help="A dask scheduler, instead of workers.")
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of store, ledger, figures and report.")]
FormatOption = Annotated[FormatName, typer.Option("--format", help="Format of the figures.")]
OUT = Path("results")


def main() -> None:
    """Run the command line; the console script `assay`."""
    app(prog_name="assay")


def _command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose user errors are one line and whose interrupt says how to resume."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> None:
            from assay.discovery import UnknownId

            try:
                function(*args, **kwargs)
            except (UserError, UnknownId) as error:
                _fail(str(error), USAGE)
            except KeyboardInterrupt:
                _fail("interrupted; finished work is kept, run the same command again to resume", INTERRUPTED)

        return app.command(name)(guarded)

    return register


def _fail(message: str, code: int) -> None:
    """One line on standard error, then the exit code."""
    typer.echo(f"assay: {' '.join(message.split())}", err=True)
    raise typer.Exit(code)


def _print_version(wanted: bool) -> None:
    """Print the version and end, if that is `wanted`."""
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"assay {version('assay-theory')}")
        except PackageNotFoundError:
            typer.echo("assay, not installed")
        raise typer.Exit


# ---------------------------------------------------------------- commands


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before the commands."""


@_command("list")
def list_suite(out: OutOption = OUT) -> None:
    """List the papers, claims and figures, with the last verdicts."""
    from assay import discovery, display
    from assay.summary import summarize

    claims, figures, lines = discovery.claims(), discovery.figures(), _ledger(out).latest()
    console = Console()
    console.print(display.summary_table(summarize(claims, figures, lines)), "")
    console.print(display.claims_table(claims, lines), "")
    console.print(display.figures_table(figures))


@_command("check")
def judge_claims(
    ids: Ids = None,
    scale: ScaleOption = ScaleName.standard,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    out: OutOption = OUT,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Judge again even what the ledger holds for these sources.")
    ] = False,
) -> None:
    """Judge claims, print a line as each is finished, and record the verdicts in the ledger."""
    from assay import display
    from assay.run import check_claims

    pairs = _select("claim", ids or [])
    _writable(out)
    width = max(len(claim.id) for _, claim in pairs) if pairs else 0
    console = Console()
    start = time.perf_counter()

    def show(line: Mapping[str, Any]) -> None:
        console.print(display.claim_line(line, width), soft_wrap=True)

    with _sweep(out, workers, cluster, console) as sweep:
        lines = check_claims(pairs, sweep, _ledger(out), scale.value, seed, show, fresh)
    console.print(display.summary_line(lines, time.perf_counter() - start), soft_wrap=True, highlight=False)
    _exit_unless(all(line["as_expected"] for line in lines))


@_command("figure")
def draw_figures(
    ids: Ids = None,
    scale: ScaleOption = ScaleName.standard,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    cluster: ClusterOption = None,
    out: OutOption = OUT,
    format: FormatOption = FormatName.png,
) -> None:
    """Draw figures: theory over simulation, with the data behind them and the verdicts of the claims they show."""
    from assay import discovery, display
    from assay.figure import run_figure
    from assay.run import check_claims, start_experiments

    specs = [spec for _, spec in _select("figure", ids or [])]
    claims = discovery.claims()
    shown = {claim_id: claims[claim_id] for spec in specs for claim_id in spec.claims}
    _writable(out)
    ledger, console, good = _ledger(out), Console(), True
    with _sweep(out, workers, cluster, console) as sweep:
        check_claims(shown.values(), sweep, ledger, scale.value, seed, fresh=False)
        start_experiments((spec.experiments(scale.value, seed) for spec in specs), sweep)
        for spec in specs:
            start = time.perf_counter()
            options = {"scale": scale.value, "seed": seed, "out": out / "figures", "format": format.value}
            done = run_figure(spec, sweep, ledger, **options, claims=claims)
            console.print(display.figure_line(done, time.perf_counter() - start), soft_wrap=True, highlight=False)
            good &= not done.data.missing and all(line["as_expected"] for line in done.data.verdicts.values())
    _exit_unless(good)


@_command("explain")
def explain_claim(
    id: Annotated[
        str,
        typer.Argument(metavar="ID", help="A claim's id; the name of a row or the beginning of ids explains several."),
    ],
    out: OutOption = OUT,
) -> None:
    """Explain a claim: what it says, its source, how it is weighed, its last verdict, the fate of its mutants."""
    from assay import display

    lines, console = _ledger(out).latest(), Console()
    for row, claim in _select("claim", [id]):
        console.print(display.explanation(row, claim, lines.get(claim.id)), "")


@_command("ledger")
def print_ledger(
    out: OutOption = OUT,
    json: Annotated[bool, typer.Option("--json", help="The newest line of every claim, as a JSON list.")] = False,
    readme: Annotated[
        Path | None, typer.Option("--readme", metavar="PATH", help="Rewrite the table between the comments of PATH.")
    ] = None,
) -> None:
    """Print the newest verdict of every claim."""
    from assay import discovery, display
    from assay.summary import markdown, rewrite_between_markers, summarize

    lines = _ledger(out).latest()
    if readme is not None:
        table = markdown(summarize(discovery.claims(), discovery.figures(), lines))
        try:
            changed = rewrite_between_markers(readme, table)
        except (OSError, ValueError) as error:
            raise UserError(str(error)) from error
        typer.echo(f"{readme}: {'table rewritten' if changed else 'already current'}")
    elif json:
        from json import dumps

        typer.echo(dumps([*lines.values()], ensure_ascii=False, indent=1))
    elif lines:
        Console().print(display.ledger_table(lines.values()))
    else:
        typer.echo(f"no verdicts in {out / 'ledger.jsonl'} yet: run `assay check`")


@_command("report")
def make_report(out: OutOption = OUT) -> None:
    """Write one self-contained HTML page: claims, verdicts, intervals, mutants and the figures drawn so far."""
    from assay.report import write_report

    _writable(out)
    typer.echo(f"{write_report(_ledger(out), out / 'figures', out / 'report.html')}")


@_command("data")
def published_data(
    action: Annotated[str, typer.Argument(metavar="[fetch]", help="fetch: download what is missing.")] = "",
) -> None:
    """List the published result files that claims and figures can use, where they are searched, which are at hand.

    They are searched in the folder ASSAY_DATA if that is set, under their path in the repository (results/...) or with
    "_" for every "/" of it; else in the cache that fetch fills.
    """
    from assay import discovery, published

    if action not in ("", "fetch"):
        raise UserError(f"the only action on data is 'fetch', got {action!r}")
    folder = os.environ.get("ASSAY_DATA")
    if folder and not Path(folder).is_dir():
        message = f"ASSAY_DATA={folder} is not a folder: make it one that holds the files, or unset it"
        _fail(message, USAGE) if action else typer.echo(f"assay: warning: {message}", err=True)
    if action:
        import pooch

        pooch.get_logger().setLevel("WARNING")  # the lines below say what it would say
    missing = 0
    for row, registry in discovery.registries().items():
        typer.echo(f"{row}  searched in {os.path.abspath(folder) if folder else published._cache(registry)}")
        for file in registry.files:
            try:
                state = str(published.fetch(registry, file.name)) if action else None
            except published.PublishedDataError as error:
                _stop_if_offline(error)
                typer.echo(f"assay: {error}", err=True)
                missing, state = missing + 1, "missing"
            state = state or ("present" if published.available(registry, file.name) else "absent")
            typer.echo(f"{row}  {file.name}  {file.size:,} bytes  {registry.repository}:{file.path}  {state}")
    _exit_unless(not missing)


# ---------------------------------------------------------------- what commands share


def _stop_if_offline(error: Exception) -> None:
    """End after a download that failed because nobody answered: the next one would fail too."""
    from requests.exceptions import ConnectionError, Timeout

    from assay.published import GITHUB

    if isinstance(error.__cause__, (ConnectionError, Timeout)):
        where, kind = os.environ.get("ASSAY_DATA_URL") or GITHUB, type(error.__cause__).__name__
        remedy = "check the network, or put the files into a folder and set ASSAY_DATA to it"
        _fail(f"cannot reach {where} ({kind}), no file is tried after this one: {remedy}", UNEXPECTED)


def _exit_unless(good: bool) -> None:
    if not good:
        raise typer.Exit(UNEXPECTED)


def _select(kind: str, wanted: list[str]) -> list[tuple[str, Any]]:
    """The claims or figures that `wanted` names; where it names one of the other kind, its command is the message."""
    from assay import discovery

    known = {"claim": discovery.claims, "figure": discovery.figures}
    try:
        return discovery.select(known[kind](), wanted)
    except discovery.UnknownId as error:
        other, command = ("figure", "figure") if kind == "claim" else ("claim", "check")
        try:
            found = discovery.select(known[other](), [error.name])
        except discovery.UnknownId:
            raise error from None
        names = f"a {other}, not a {kind}" if len(found) == 1 else f"{other}s, not {kind}s"
        raise UserError(f"{error.name!r} names {names}: run `assay {command} {error.name}`") from None


def _ledger(out: Path) -> Ledger:
    from assay.ledger import Ledger

    return Ledger(out / "ledger.jsonl")


def _writable(out: Path) -> None:
    """Make the folder `out`, or explain in one line why results cannot go there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise UserError(f"cannot write to --out {out}: {error.strerror or error}") from error


@contextmanager
def _sweep(out: Path, workers: int | None, cluster: str | None, console: Console) -> Iterator[Sweep]:
    """The sweep over the store in `out`; user errors of its options are one line.

    Where `console` is a terminal its lines and the progress bar share it, so that neither overwrites the other.
    """
    from assay.run import available_cores
    from assay.store import Store
    from assay.sweep import Sweep

    count = available_cores() if workers is None and cluster is None else workers or 0
    if cluster is not None and count:
        raise UserError("--workers and --cluster exclude each other")
    bar = console if sys.stdout.isatty() else True  # else the bar is on standard error, if that is a terminal
    with ExitStack() as stack:
        try:
            store = Store(out / "store")
            sweep = Sweep(store, workers=0 if count == 1 else count, cluster=cluster, progress=bar)
            stack.enter_context(sweep)
        except (OSError, RuntimeError) as error:
            raise UserError(str(error)) from error
        yield sweep


if __name__ == "__main__":
    main()
