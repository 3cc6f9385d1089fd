"""The command line as a user meets it: what is printed, what is written, how it exits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay import discovery, summary
from assay.claim import Mutant
from assay.cli import app
from tests.assay import toys

ROOT = Path(__file__).parents[2]


@pytest.fixture
def suite(monkeypatch, tmp_path):
    """Let the suite consist of toys and run in an empty folder; returns a function that swaps the toys."""

    def hold(claims=toys.CLAIMS, figures=toys.FIGURES):
        monkeypatch.setattr(discovery, "claims", lambda: {c.id: ("toy", c) for c in claims})
        monkeypatch.setattr(discovery, "figures", lambda: {f.id: ("toy", f) for f in figures})

    hold()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return hold


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def check(*arguments):
    return run("check", "--scale", "quick", "--workers", 0, *arguments)


def one_line(result):
    (line,) = result.stderr.strip().splitlines()
    return line


CLOSE = toys.claim(
    id="toy.close",
    mutants=(
        Mutant(name="half", predict=toys.off_by_half),
        Mutant(name="one per cent", predict=toys.off_by_one_percent),
    ),
)

# --- identities and limits


def test_check_prints_a_line_a_claim_and_a_summary(suite):
    result = check("--seed", 3)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["toy.mean", "toy.half", "toy.sine"]
    assert all("as expected" in line for line in lines[:3])
    assert "holds" in lines[0]
    assert "mutants   3/3" in lines[0]
    assert "replicates" in lines[0]
    assert "refuted" in lines[1]
    assert lines[3].startswith("3 claims in ")
    assert "2 hold, 1 refuted, 0 undecided, 0 not run; 3 of 3 as expected; mutants: 4 refuted, 0 surviving" in lines[3]
    recorded = [json.loads(text) for text in Path("results/ledger.jsonl").read_text().splitlines()]
    assert {(line["scale"], line["seed"]) for line in recorded} == {("quick", 3)}
    assert list(Path("results/store").glob("*/*.npz"))


def test_the_second_run_takes_the_recorded_lines_and_fresh_does_not(suite):
    check()
    again = check()
    assert again.stdout.count("recorded") == 3
    assert len(Path("results/ledger.jsonl").read_text().splitlines()) == 3
    assert check("--fresh").stdout.count("recorded") == 0
    assert len(Path("results/ledger.jsonl").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (toys.claim(predict=toys.off_by_two_percent), "; should be holds"),
        (toys.claim(expected="refuted"), "; should be refuted"),
        (toys.SURVIVED, "; surviving mutants: no change"),
        (toys.BROKEN, "error: RuntimeError"),
        (toys.claim(budget=64, settings=({"mean": 1.0, "width": 5.0},)), "undecided"),
    ],
)
def test_what_is_not_as_expected_exits_with_one(suite, claim, words):
    suite(claims=(claim, toys.EQUAL))
    result = check()
    assert result.exit_code == 1
    assert words in result.stdout
    assert result.stdout.count("UNEXPECTED") == 1
    assert "1 of 2 as expected" in result.stdout


def test_only_the_claims_asked_for_are_judged(suite):
    assert check("toy.half", "toy.sine").stdout.splitlines()[-1].startswith("2 claims in ")
    assert check("toy").stdout.splitlines()[-1].startswith("3 claims in ")


def test_figures_are_drawn_with_the_verdicts_they_show(suite):
    result = run("figure", "--scale", "quick", "--workers", 0, "--out", "elsewhere", "--format", "svg")
    assert result.exit_code == 0, result.output
    assert {path.name for path in Path("elsewhere/figures").iterdir()} == {
        "toy-mean.svg",
        "toy-mean.csv",
        "toy-mean.json",
    }
    assert "toy-mean.svg" in result.stdout
    assert "toy.mean holds" in result.stdout
    assert [json.loads(t)["id"] for t in Path("elsewhere/ledger.jsonl").read_text().splitlines()] == ["toy.mean"]


def test_a_figure_that_lacks_something_exits_with_one(suite):
    suite(figures=(toys.FIGURE, toys.LOST_FIGURE))
    result = run("figure", "--scale", "quick", "--workers", 0)
    assert result.exit_code == 1
    assert "MISSING lost" in result.stdout
    assert Path("results/figures/toy-mean.png").is_file()
    assert Path("results/figures/toy-lost.png").is_file()


def test_a_figure_of_a_claim_with_a_wrong_verdict_is_drawn_and_exits_with_one(suite):
    suite(claims=(toys.claim(predict=toys.off_by_two_percent),))
    assert run("figure", "--scale", "quick", "--workers", 0).exit_code == 1
    assert Path("results/figures/toy-mean.png").is_file()


def test_explain_says_all_that_is_known(suite):
    before = run("explain", "toy.mean").stdout
    assert "none yet: assay check toy.mean" in before
    check()
    text = run("explain", "toy.mean").stdout
    for words in (
        toys.TRUE.statement,
        "a toy (derived)",
        "X is normal",
        "By definition.",
        "tests.assay.toys.mean_of against tests.assay.toys.gaussian",
        "tests.assay.toys.mean_of  <->  the mean",
        "holds: 1 case within",
        "margin 0.01",
        "- five per cent: refuted",
        "- the same: equivalent: it is the same formula",
    ):
        assert words in text, words
    assert "corrected by" in run("explain", "toy.half").stdout


def test_list_shows_papers_claims_and_figures(suite):
    check("toy.half")
    text = run("list").stdout
    for words in ("Toy", "toy.mean", "An identity", "toy-mean", "verdicts at quick scale", "exact"):
        assert words in text, words
    (line,) = [line for line in text.splitlines() if line.startswith("toy.half")]
    assert line.split()[2:4] == ["refuted", "refuted"]


LONG = toys.claim(id="toy.longest.of.all-ids", title="A title that is too long for what is left of a narrow terminal")


def test_tables_can_be_read_at_eighty_columns(suite, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    suite(claims=(toys.claim(predict=toys.off_by_two_percent), CLOSE, LONG))
    check()
    for command in ("list", "ledger"):
        lines = run(command).stdout.splitlines()
        assert max(map(len, lines)) <= 80
        (long,) = [line for line in lines if line.startswith(LONG.id)]
        assert "holds" in long.split()
        (wrong,) = [line for line in lines if line.startswith("toy.mean")]
        assert "refuted !" in wrong
    assert run("ledger").stdout.count("! toy.mean: ") == 1
    assert run("list").stdout.count("Claims: Toy") == 1


@pytest.mark.parametrize("command", ["list", "ledger"])
def test_tables_say_at_which_scale_their_verdicts_stand(suite, command):
    check()
    assert "verdicts at quick scale" in run(command).stdout
    run("check", "toy.sine", "--scale", "standard", "--workers", 0)
    text = run(command).stdout
    assert "verdicts at mixed scales" in text
    assert "verdicts at quick" not in text
    assert command == "list" or [line.split()[2] for line in text.splitlines()[2:5]] == ["quick", "quick", "standard"]


def test_mutants_below_resolution_are_counted_wherever_a_score_stands(suite):
    suite(claims=(CLOSE, toys.EQUAL))
    result = check()
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "mutants 1/2 (1 below resolution)  " in lines[0]
    assert lines[-1].endswith("mutants: 2 refuted, 0 surviving, 1 below resolution")
    assert "refuted: 1/2 (1 below resolution)" in run("explain", "toy.close").stdout
    assert "1/2 (1 below resolution)" in run("ledger").stdout
    run("report")
    page = Path("results/report.html").read_text()
    assert "refuted: 1/2 (1 below resolution)" in page
    assert "Mutants: 2 refuted, 0 surviving,\n1 below resolution." in page


def test_the_ledger_as_table_and_as_json(suite):
    assert "run `assay check`" in run("ledger").stdout
    check()
    table = run("ledger").stdout
    assert "toy.sine" in table
    assert "3/3" in table
    lines = json.loads(run("ledger", "--json").stdout)
    assert [line["verdict"] for line in lines] == ["holds", "refuted", "holds"]


def test_the_readmes_table_is_rewritten_between_its_comments(suite):
    check()
    readme = Path("README.md")
    readme.write_text(f"before\n{summary.BEGIN}\nold\n{summary.END}\nafter\n")
    result = run("ledger", "--readme", readme)
    assert (result.exit_code, result.stdout.strip()) == (0, "README.md: table rewritten")
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "| Toy | 3 | 2 | 1 | 0 | 0 | 3 of 3 | 1 |" in text
    assert "old" not in text
    assert "already current" in run("ledger", "--readme", readme).stdout


def test_the_version_is_the_distributions():
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"assay {version('assay-theory')}\n")
    assert "Weigh the claims" in run("--help").stdout


# --- properties


def test_help_and_list_load_no_heavy_library():
    code = (
        "import sys; from typer.testing import CliRunner; from assay.cli import app;"
        "r = CliRunner().invoke(app, ['--help']); assert r.exit_code == 0;"
        "print([m for m in ('numpy', 'scipy', 'numba', 'jax', 'matplotlib', 'sympy', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("workers", "processes"), [("2", 2), ("1", 0), ("0", 0)])
def test_workers_reach_the_sweep(suite, monkeypatch, workers, processes):
    seen = []

    def record(pairs, sweep, *rest):
        seen.append(sweep.workers)
        return []

    monkeypatch.setattr("assay.run.check_claims", record)
    assert run("check", "--workers", workers).exit_code == 0
    assert seen == [processes]


# --- bad input


@pytest.mark.parametrize("command", [["check"], ["figure"], ["explain"]])
def test_an_unknown_id_offers_the_nearest(suite, command):
    result = run(*command, "toy.maen" if command != ["figure"] else "toy-maen")
    assert result.exit_code == 2
    assert one_line(result).startswith("assay: no row, claim or figure is called 'toy")
    assert "did you mean toy" in one_line(result)
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figure", "toy.half"], "'toy.half' names a claim, not a figure: run `assay check toy.half`"),
        (["figure", "toy-mean", "toy."], "'toy.' names claims, not figures: run `assay check toy.`"),
        (["check", "toy-mean"], "'toy-mean' names a figure, not a claim: run `assay figure toy-mean`"),
        (["explain", "toy-"], "'toy-' names a figure, not a claim: run `assay figure toy-`"),
    ],
)
def test_an_id_of_the_other_kind_names_its_command(suite, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, one_line(result)) == (2, f"assay: {message}")
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--scale", "huge"], "'huge' is not one of 'quick', 'standard', 'paper'"),
        (["check", "--seed", "-1"], "Invalid value for '--seed'"),
        (["check", "--workers", "-2"], "Invalid value for '--workers'"),
        (["figure", "--format", "gif"], "'gif' is not one of 'png', 'pdf', 'svg'"),
        (["judge"], "No such command 'judge'"),
        (["explain"], "Missing argument"),
        (["check", "--cluster", "tcp:1", "--workers", "2"], "--workers and --cluster exclude each other"),
        (["data", "steal"], "the only action on data is 'fetch', got 'steal'"),
        (["ledger", "--readme", "absent.md"], "No such file or directory"),
    ],
)
def test_usage_errors_exit_with_two_and_no_traceback(suite, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["check", "figure", "report"])
def test_a_folder_that_cannot_be_written_is_one_line(suite, command):
    Path("taken").write_text("a file")
    result = run(command, "--out", "taken/results")
    assert result.exit_code == 2
    assert one_line(result) == "assay: cannot write to --out taken/results: Not a directory"


def test_a_readme_without_the_comments_is_refused(suite):
    Path("README.md").write_text("nothing\n")
    result = run("ledger", "--readme", "README.md")
    assert result.exit_code == 2
    assert "README.md must hold the lines" in one_line(result)


SUITE = """
from tests.assay import toys
SLOW = toys.claim(id="toy.slow", measure=toys.slow, budget=1 << 20, settings=({"mean": 3.7, "width": 9.0},), block=64)
CLAIMS = (toys.EQUAL, SLOW)
FIGURES = ()
"""


def test_an_interrupt_exits_with_130_and_says_how_to_resume(tmp_path):
    for column in ("claims", "figures"):
        (tmp_path / column).mkdir()
        (tmp_path / column / "__init__.py").write_text("")
        (tmp_path / column / "toy.py").write_text(SUITE)
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "assay.cli", "check", "--scale", "quick", "--workers", "2"]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("results/store/*/*.npz")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip() == "assay: interrupted; finished work is kept, run the same command again to resume"
