"""The report holds what the ledger says and the pictures on disk, and needs nothing else."""

from __future__ import annotations

import base64
import json
import math
import re
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from assay import discovery
from assay.cli import app
from assay.ledger import Ledger
from assay.report import bar, pictures, write_report
from assay.run import check_claims
from assay.sweep import Sweep
from tests.assay import toys

PIXEL = b"\x89PNG\r\n\x1a\n not a picture, but its bytes"


@pytest.fixture
def suite(monkeypatch, tmp_path):
    claims = (*toys.CLAIMS, toys.SURVIVED, toys.claim(id="toy.waiting", title="Not yet <judged>"))
    monkeypatch.setattr(discovery, "claims", lambda: {c.id: ("toy", c) for c in claims})
    monkeypatch.setattr(discovery, "figures", lambda: {f.id: ("toy", f) for f in (toys.FIGURE, toys.LOST_FIGURE)})
    ledger = Ledger(tmp_path / "ledger.jsonl")
    with Sweep() as sweep:
        check_claims([("toy", claim) for claim in claims[:-1]], sweep, ledger, "quick", 3)
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "toy-mean.png").write_bytes(PIXEL)
    (folder / "toy-mean.json").write_text(json.dumps({"title": "A mean", "caption": "Line & points"}))
    return tmp_path, ledger, folder


class Page(HTMLParser):
    """Text, pictures, links and ids of a page; an end without a beginning is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.images += [values["src"] or ""] if tag == "img" else []
        self.links += [values["href"] or ""] if "href" in values else []
        self.ids += [values["id"] or ""] if "id" in values else []
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


# --- identities and limits


def test_the_page_says_what_the_ledger_says(suite):
    folder, ledger, figures = suite
    text = write_report(ledger, figures, folder / "report.html").read_text()
    page = Page(text)
    words = " ".join(page.words.split())
    assert "5 claims: 3 hold, 1 refuted, 0 undecided; 3 as expected." in words
    for line in ledger.latest().values():
        assert line["reason"] in words
        assert all(name in words for name in line["mutants"])
    for claim in toys.CLAIMS:
        assert claim.statement in words
    assert "not as expected" in words
    assert "not judged" in words
    assert "corrected by toy.mean" in words
    assert "scale quick, seed 3" in words


def test_pictures_are_embedded_with_their_captions(suite):
    folder, ledger, figures = suite
    page = Page(write_report(ledger, figures, folder / "report.html").read_text())
    (image,) = page.images
    assert base64.b64decode(image.removeprefix("data:image/png;base64,")) == PIXEL
    assert "Line & points" in page.words
    assert "toy-lost: not drawn yet" in page.words


def test_nothing_is_loaded_from_elsewhere_and_links_lead_somewhere(suite):
    folder, ledger, figures = suite
    text = write_report(ledger, figures, folder / "report.html").read_text()
    assert not re.search(r"https?://|src=\"(?!data:)|@import|<script", text)
    page = Page(text)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_an_empty_ledger_gives_a_page(suite, tmp_path):
    page = Page(write_report(Ledger(tmp_path / "none.jsonl"), tmp_path / "nowhere", tmp_path / "r.html").read_text())
    assert "5 claims: 0 hold" in " ".join(page.words.split())


def test_the_command_prints_where_the_page_is(suite, monkeypatch):
    folder, _, _ = suite
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, ["report", "--out", "."])
    assert (result.exit_code, result.stdout.strip()) == (0, "report.html")
    assert (folder / "report.html").is_file()
    assert not list(folder.glob(".report*"))


# --- oracle


@pytest.mark.parametrize(
    ("interval", "left", "right"),
    [
        ((-0.03, 0.03), 80, 240),  # the margin is the middle half of 320 pixels
        ((0.0, 0.015), 160, 200),
        ((-1.0, -0.9), 0, 2),  # cut off, but never invisible
        (("-inf", "inf"), 0, 320),
        (("nan", 0.0), 160, 162),
    ],
)
def test_intervals_in_pixels(interval, left, right):
    drawn = bar(interval, 0.03)
    # pixels: rounding of a few products near 300
    assert drawn["left"] == pytest.approx(left, abs=1e-9)
    assert drawn["left"] + drawn["width"] == pytest.approx(right, abs=1e-9)
    assert math.isclose(drawn["zero"], 160)


# --- properties


def test_text_is_escaped(suite):
    folder, ledger, figures = suite
    text = write_report(ledger, figures, folder / "report.html").read_text()
    assert "Not yet &lt;judged&gt;" in text
    assert "<judged>" not in text


def test_png_wins_over_svg_over_pdf(tmp_path):
    for name in ("a.png", "a.svg", "a.pdf", "b.svg", "b.pdf", "c.pdf"):
        (tmp_path / name).write_bytes(b"x")
    kinds = {picture.id: picture.address.partition(";")[0] for picture in pictures(tmp_path)}
    assert kinds == {"a": "data:image/png", "b": "data:image/svg+xml", "c": ""}


# --- bad input


def test_a_record_that_is_damaged_costs_the_caption_only(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "a.json").write_text("{")
    (picture,) = pictures(tmp_path)
    assert (picture.title, picture.caption) == ("a", "")
