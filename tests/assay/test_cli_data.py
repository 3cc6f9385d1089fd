"""The command `assay data`: where published files are searched, which are at hand, and what stops a download."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay import discovery
from assay.cli import app
from assay.published import PublishedFile, Registry

CONTENT = b"numbers"
SOUND = PublishedFile("risk", "results/risk.expt", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
OTHER = PublishedFile("scan", "results/deep/scan.expt", "0" * 64, 1234)


@pytest.fixture(autouse=True)
def empty(monkeypatch, tmp_path):
    """A suite with two published files, an empty cache, and nobody who answers a download."""
    monkeypatch.setattr(discovery, "registries", lambda: {"toy": Registry("a/paper", "1" * 40, (SOUND, OTHER))})
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ASSAY_DATA_URL", "http://127.0.0.1:9")  # the discard port: nobody answers
    monkeypatch.setenv("NO_PROXY", "*")


def run(*arguments):
    return CliRunner().invoke(app, ["data", *arguments])


# --- identities and limits


@pytest.mark.parametrize("name", ["results/risk.expt", "results_risk.expt"])
def test_files_are_listed_with_the_folder_that_was_searched(monkeypatch, tmp_path, name):
    path = tmp_path / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    monkeypatch.setenv("ASSAY_DATA", "mine")
    result = run()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"toy  searched in {tmp_path / 'mine'}",
        "toy  risk  7 bytes  a/paper:results/risk.expt  present",
        "toy  scan  1,234 bytes  a/paper:results/deep/scan.expt  absent",
    ]
    fetched = run("fetch")
    assert fetched.exit_code == 1
    assert f"results/risk.expt  mine/{name}" in fetched.stdout
    (line,) = fetched.stderr.splitlines()
    assert line.startswith("assay: results/deep/scan.expt is not in ASSAY_DATA=mine")


def test_without_a_folder_the_cache_is_searched(tmp_path):
    folder = tmp_path / "cache" / "published" / "a_paper" / ("1" * 40)
    assert run().stdout.splitlines()[0] == f"toy  searched in {folder}"
    (folder / "results").mkdir(parents=True)
    (folder / "results/risk.expt").write_bytes(CONTENT)
    assert "results/risk.expt  present" in run().stdout


# --- bad input


def test_a_download_stops_where_nobody_answers():
    result = run("fetch")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        "assay: cannot reach http://127.0.0.1:9 (ConnectionError), no file is tried after this one: "
    )
    assert len(line) < 200
    assert "scan" not in result.output


def test_a_download_goes_on_after_a_wrong_file(monkeypatch):
    def refuse(url, **_):
        raise ValueError("not the listed sha256")

    monkeypatch.setattr("pooch.retrieve", refuse)
    result = run("fetch")
    assert result.exit_code == 1
    assert [line.split()[4] for line in result.stderr.splitlines()] == ["risk", "scan"]


@pytest.mark.parametrize("kind", ["absent", "file"])
def test_a_folder_that_is_none_is_said_once(monkeypatch, kind):
    Path("file").write_text("")
    monkeypatch.setenv("ASSAY_DATA", kind)
    listed, fetched = run(), run("fetch")
    words = f"ASSAY_DATA={kind} is not a folder: make it one that holds the files, or unset it\n"
    assert (listed.exit_code, listed.stderr) == (0, f"assay: warning: {words}")
    assert listed.stdout.count("absent\n") >= 2
    assert (fetched.exit_code, fetched.stderr, fetched.stdout) == (2, f"assay: {words}", "")
