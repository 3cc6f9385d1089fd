"""Every claim that a docstring of `theory` or `simulations` cites is on the ledger."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assay import discovery

ROOT = Path(__file__).resolve().parents[2]
KNOWN = discovery.claims()
PREFIX = "|".join(sorted({claim_id.partition(".")[0] for claim_id in KNOWN}))
FILES = [file for column in ("theory", "simulations") for file in sorted((ROOT / column).rglob("*.py"))]


# --- identities and limits


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_cited_claims_exist(file: Path) -> None:
    cited = re.findall(rf"\b(?:{PREFIX})\.[A-Z]\w*(?:\.[a-z][\w-]*)?", file.read_text(encoding="utf-8"))
    assert set(cited) <= set(KNOWN)


def test_something_is_cited() -> None:
    assert len(FILES) > 20
    assert sum("rf." in file.read_text(encoding="utf-8") for file in FILES) > 10
