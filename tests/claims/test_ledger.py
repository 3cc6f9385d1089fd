"""Every claim of the suite, judged once at quick scale, reaches its expected verdict, and every mutant is refuted.

Whatever needs that run is in this file: test processes get whole files, so that only one of them waits for it.
"""

from __future__ import annotations

import re

import pytest

from assay import discovery, summary
from tests.test_house import code_block, readme

pytestmark = pytest.mark.slow

CLAIMS = discovery.claims()
WITHOUT_FORMULA = ("tendency",)  # nothing to mutate: a count of what was published or measured

# --- identities and limits


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_a_claim_reaches_its_expected_verdict(quick_run, claim_id):
    line = quick_run.lines[claim_id]
    assert line["verdict"] in (line["expected"], "not run"), line["reason"]


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_only_claims_about_published_data_are_not_run(quick_run, claim_id):
    """The run of the tests has no published data at hand, wherever it is."""
    missing = quick_run.lines[claim_id]["verdict"] == "not run"
    assert missing == (CLAIMS[claim_id][1].requires is not None)


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_every_mutant_is_refuted_or_spared_for_a_reason(quick_run, claim_id):
    line, claim = quick_run.lines[claim_id], CLAIMS[claim_id][1]
    if line["verdict"] != "not run":
        assert set(line["mutants"]) == {mutant.name for mutant in claim.mutants}
    spared = ("equivalent: ", "below resolution: ")
    assert {n: f for n, f in line["mutants"].items() if f != "refuted" and not f.startswith(spared)} == {}
    assert not line["mutants"] or "refuted" in line["mutants"].values()


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_every_formula_has_three_mutants(claim_id):
    claim = CLAIMS[claim_id][1]
    if claim.expected == "holds" and claim.kind not in WITHOUT_FORMULA:
        assert len({mutant.name for mutant in claim.mutants}) >= 3


def test_the_run_ends_as_its_lines_say(quick_run):
    good = all(line["as_expected"] for line in quick_run.lines.values())
    assert quick_run.code == (0 if good else 1), quick_run.printed
    assert f"{len(CLAIMS)} claims in " in quick_run.printed


def test_a_false_claim_names_the_true_one_beside_it():
    for claim_id, (_, claim) in CLAIMS.items():
        if claim.expected == "refuted":
            assert claim.corrected_by in CLAIMS, claim_id
            assert CLAIMS[claim.corrected_by][1].expected == "holds"


def test_every_claim_says_what_it_computes():
    for claim_id, (row, claim) in CLAIMS.items():
        assert claim.statement, claim_id
        assert claim.source, claim_id
        assert claim.title, claim_id
        assert "." in claim_id, row


# --- oracle: what the README says


def test_the_readmes_last_comment_is_the_computed_verdict(quick_run):
    last = code_block().splitlines()[-1]
    claim_id, verdict = re.fullmatch(r"# (\S+), .*: (holds|refuted|undecided)", last).groups()
    assert quick_run.lines[claim_id]["verdict"] == verdict


def test_the_readmes_table_is_current(quick_run, tmp_path):
    copy = tmp_path / "README.md"
    copy.write_text(readme(), encoding="utf8")
    table = summary.markdown(summary.summarize(discovery.claims(), discovery.figures(), quick_run.lines))
    summary.rewrite_between_markers(copy, table)
    assert copy.read_text(encoding="utf8") == readme(), "run: assay ledger --readme README.md"
