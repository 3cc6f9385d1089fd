"""What a claim's record says of itself is true: it calls the functions it names, the ids it cites exist."""

import importlib

import pytest

from assay import discovery
from assay.evidence import runs

CLAIMS = {claim_id: claim.at("quick") for claim_id, (_, claim) in discovery.claims().items()}


def keywords(claim):
    """One admissible set of keyword arguments of the claim's two functions."""
    point = {name: interval.at(0.5) for name, interval in claim.domain.items()}
    if claim.kind == "proof":
        point = {name: (value, value) for name, value in point.items()}
    for index in range(len(claim.settings)):
        chosen = {**runs(claim, index)[-1], **point}
        if claim.admissible is None or claim.admissible(**chosen):
            return chosen
    raise AssertionError(f"{claim.id}: no admissible setting")


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_the_functions_named_are_called(claim_id, monkeypatch):
    claim = CLAIMS[claim_id]
    if claim.requires is not None and not claim.requires():
        pytest.skip("the published results it compares with are not at hand")
    called = set()
    for name in claim.equations:
        module, _, function = name.rpartition(".")
        original = getattr(importlib.import_module(module), function)
        if original is claim.measure:
            called.add(name)

        def spy(*args, original=original, name=name, **keys):
            called.add(name)
            return original(*args, **keys)

        monkeypatch.setattr(module + "." + function, spy)
    random = claim.kind in ("exact", "limit", "rate", "tendency", "probability") and not claim.deterministic
    chosen = keywords(claim)
    settings = dict(claim.settings[0])
    claim.predict(**(settings if claim.kind == "rate" and claim.deterministic else chosen))
    if not random:
        claim.measure(**chosen)
    assert called == set(claim.equations)


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_a_false_statement_names_the_true_one(claim_id):
    claim = CLAIMS[claim_id]
    if claim.expected == "refuted":
        assert CLAIMS[claim.corrected_by].expected == "holds"
    else:
        assert not claim.corrected_by


@pytest.mark.parametrize("claim_id", [i for i, claim in CLAIMS.items() if claim.expected == "holds"])
def test_a_true_statement_has_three_wrong_versions(claim_id):
    claim = CLAIMS[claim_id]
    if claim.kind == "tendency" and claim.deterministic:
        assert claim.mutants
    else:
        assert len({mutant.name for mutant in claim.mutants}) >= 3
