"""The command line on a real terminal: result lines and the progress bar share it and must not overwrite each other."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
from tests.assay import toys
CLAIMS, FIGURES = toys.CLAIMS, toys.FIGURES
"""
SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


def screen(text):
    """The lines of a wide terminal after it was sent `text`, which may move up, erase and overwrite."""
    lines, row, column = [""], 0, 0
    for count, letter, back, down, words in SEQUENCE.findall(text):
        if letter == "A":
            row = max(0, row - int(count or 1))
        elif letter == "K":
            lines[row] = "" if count == "2" else lines[row][:column]
        elif back:
            column = 0
        elif down:
            row += 1
            lines += [""] * (row == len(lines))
        elif words:
            lines[row] = lines[row][:column].ljust(column) + words + lines[row][column + len(words) :]
            column += len(words)
    return [line.rstrip() for line in lines if line.strip()]


def terminal(tmp_path, *arguments, stdout=None):
    """What a terminal of 300 columns shows and was sent by `assay`, whose standard output may go to a file instead."""
    for column in ("claims", "figures"):
        (tmp_path / column).mkdir()
        (tmp_path / column / "__init__.py").write_text("")
        (tmp_path / column / "toy.py").write_text(SUITE)
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 300, 0, 0))
    drop = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    environment = {name: value for name, value in os.environ.items() if name not in drop}
    environment |= {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "assay.cli", *arguments]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=stdout or slave, stderr=slave)
    os.close(slave)
    sent = b""
    try:
        while part := os.read(master, 1 << 16):
            sent += part
    except OSError:  # how Linux says that the other side has closed
        pass
    finally:
        os.close(master)
    assert process.wait(timeout=60) == 0, sent
    text = sent.decode()
    return screen(text), text


# --- identities and limits


def test_every_result_line_stands_alone_above_the_bar(tmp_path):
    shown, sent = terminal(tmp_path, "check", "--scale", "quick", "--workers", "2")
    assert "blocks" in sent  # the bar was there
    assert sorted(line.split()[0] for line in shown[:-1]) == ["toy.half", "toy.mean", "toy.sine"]
    assert shown[-1].startswith("3 claims in ")
    assert all("mutants" in line for line in shown)
    assert not any("blocks" in line for line in shown)


def test_figure_lines_stand_alone_too(tmp_path):
    (line,), sent = terminal(tmp_path, "figure", "--scale", "quick", "--workers", "2")
    assert "blocks" in sent
    assert line.startswith("results/figures/toy-mean.png")


def test_lines_in_a_file_are_free_of_the_bar(tmp_path):
    target = tmp_path / "lines.txt"
    with target.open("w") as file:
        shown, sent = terminal(tmp_path, "check", "--scale", "quick", "--workers", "0", stdout=file)
    assert "blocks" in sent
    assert shown == []
    lines = target.read_text().splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["toy.mean", "toy.half", "toy.sine"]
    assert "blocks" not in target.read_text()
    assert "\x1b" not in target.read_text()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("one\r\n\x1b[32mtwo\x1b[0m", ["one", "two"]),
        ("one\r\ntwo\r\x1b[2K\x1b[1A\x1b[2Kthree", ["three"]),
        ("abcdef\rxy", ["xycdef"]),
    ],
)
def test_the_screen_is_read_as_a_terminal_shows_it(sent, shown):
    assert screen(sent) == shown
