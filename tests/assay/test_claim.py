"""Records of claims: defaults, overrides per scale, mutants, and what is refused."""

from __future__ import annotations

import dataclasses

import pytest

from assay.claim import Mutant
from assay.search import Range
from tests.assay import toys

# --- identities and limits


@pytest.mark.parametrize(
    ("kind", "margin", "slack"),
    [
        ("exact", 0.01, 0.0),
        ("limit", 0.01, 0.01),
        ("probability", 0.01, 0.01),
        ("tendency", 0.01, 0.01),
        ("identity", 1e-10, 1e-10),
        ("bound", 1e-9, 1e-9),
        ("rate", 0.05, 0.05),
    ],
)
def test_margin_and_slack_by_kind(kind, margin, slack):
    sizes = (10, 20, 80) if kind == "rate" else ()
    claim = toys.claim(kind=kind, sizes=sizes)
    assert (claim.tolerance, claim.refutation_slack) == (margin, slack)


def test_a_declared_slack_and_margin_win():
    claim = toys.claim(margin=0.03, slack=0.02)
    assert (claim.tolerance, claim.refutation_slack) == (0.03, 0.02)
    assert toys.claim(kind="limit", margin=0.03).refutation_slack == 0.03


def test_a_scale_overrides_what_it_names_and_nothing_else():
    claim = toys.claim(budget=9000, scales={"quick": {"budget": 100, "margin": 0.2}, "paper": {"block": 7}})
    quick, standard, paper = claim.at("quick"), claim.at("standard"), claim.at("paper")
    assert (quick.budget, quick.margin, quick.block, dict(quick.scales)) == (100, 0.2, 256, {})
    assert dataclasses.replace(standard, scales=claim.scales) == claim
    assert (paper.budget, paper.block) == (9000, 7)


def test_a_mutant_replaces_formulas_and_chooses_settings():
    settings = tuple({"mean": m, "width": 0.3} for m in (2.0, 3.0, 4.0))
    mutant = Mutant(name="half", predict=toys.off_by_half, settings=(2, 0))
    claim = toys.claim(settings=settings, mutants=(mutant,))
    changed = claim.mutated(mutant)
    assert (changed.predict, changed.measure, changed.mutants) == (toys.off_by_half, toys.gaussian, ())
    assert [s["mean"] for s in changed.settings] == [4.0, 2.0]
    other = claim.mutated(Mutant(name="measure", measure=toys.sized))
    assert (other.predict, other.measure, other.settings) == (toys.mean_of, toys.sized, settings)


# --- bad input


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "nodot"}, "claim 'nodot': id must look like 'row.name'"),
        ({"id": "a. b"}, "id must look like"),
        ({"kind": "guess"}, "kind must be one of identity, exact, .* got 'guess'"),
        ({"provenance": "hearsay"}, "unknown provenance 'hearsay'"),
        ({"expected": "undecided"}, "expected must be holds or refuted, got 'undecided'"),
        ({"margin": 0.0}, r"margin must be > 0, got margin=0\.0"),
        ({"slack": -0.1}, r"slack must be >= 0, got slack=-0\.1"),
        ({"budget": 63}, "budget must be >= 64 replicates, got budget=63"),
        ({"fraction": 1.5}, r"fraction must be in \(0, 1\], got fraction=1\.5"),
        ({"fraction": 0.0}, "fraction must be in"),
        ({"settings": ()}, "settings must hold at least one setting"),
        ({"sizes": (1, 2, 8)}, "sizes are for limits and rates only"),
        ({"domain": {"x": Range(0, 1)}}, "a domain is for bounds and proofs only"),
        ({"kind": "rate", "sizes": (1, 2)}, "a rate needs >= 3 sizes, got 2"),
        ({"kind": "limit", "sizes": (1, 8)}, "a limit needs >= 3 sizes, got 2"),
        ({"kind": "limit", "sizes": (1, 4, 8), "powers": (0.5, 1)}, "a limit needs >= 4 sizes, got 3"),
        ({"kind": "limit", "sizes": (1, 2, 7)}, "sizes must span a factor >= 8"),
        ({"mutants": (Mutant(name="idle"),)}, "mutant 'idle' changes nothing"),
        ({"mutants": (Mutant(name="far", predict=toys.negated, settings=(1,)),)}, "mutant 'far': no such setting"),
    ],
)
def test_a_claim_that_could_not_be_judged_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        toys.claim(**changes)


def test_an_unknown_scale_is_refused():
    with pytest.raises(ValueError, match="scale must be one of quick, standard, paper, got scale='huge'"):
        toys.claim().at("huge")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("source", "origin"), [("derived; not in the paper", "derived; not in the paper"), ("a toy", "a toy (derived)")]
)
def test_the_provenance_is_said_once(source, origin):
    assert toys.claim(source=source, provenance="derived").origin == origin
