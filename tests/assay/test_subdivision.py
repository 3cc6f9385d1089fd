"""Proofs by subdivision: what is true is proved, what is false is found, and a certificate can be checked again."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.check import check
from assay.claim import Claim, Mutant, VacuousClaim
from assay.evidence import cell_judge, prove_bound
from assay.search import Range
from assay.subdivision import Certificate, pack, replay, subdivide, unpack
from assay.sweep import Sweep

BOX = {"a": Range(0.0, 1.0), "b": Range(1e-3, 1e3, log=True)}


def _up(x: float) -> float:
    return math.nextafter(x, math.inf)


def _down(x: float) -> float:
    return math.nextafter(x, -math.inf)


def parabola(*, a, b):
    """An enclosure of a (1 - a), which is at most 1/4 (written so that intervals overestimate it)."""
    products = [x * (1 - y) for x in a for y in a]
    return _down(_down(min(products))), _up(_up(max(products)))


def level(height: float = 0.26, *, a, b):
    return height, height


def only_small_b(*, a, b):
    return True if b[1] <= 1 else False if b[0] > 1 else None


def wrong_level(*, a, b):
    return level(0.24, a=a, b=b)


def close_level(*, a, b):
    return level(0.25, a=a, b=b)


def claim(**changes) -> Claim:
    base = {
        "id": "toy.proof", "title": "t", "statement": "s", "source": "derived", "provenance": "derived",
        "kind": "proof", "predict": level, "measure": parabola, "domain": BOX, "budget": 2000,
        "mutants": (Mutant(name="too low", predict=wrong_level),),
    }  # fmt: skip
    return Claim(**{**base, **changes})


# --- identities and limits


def test_a_true_bound_is_proved_and_its_mutant_refuted():
    with Sweep() as sweep:
        verdict = check(claim(), sweep, "quick")
    assert verdict.outcome == "holds"
    assert verdict.mutants == {"too low": "refuted"}
    (certificate,) = verdict.certificates
    tree = unpack(certificate)
    assert verdict.admissible == tree.count("t")
    assert set(tree) <= {"s", "t"}
    assert replay(cell_judge(claim(), {}), BOX, tree)
    assert not replay(cell_judge(claim(predict=wrong_level), {}), BOX, tree)


def test_a_false_bound_names_a_whole_cell():
    verdict = prove_bound(claim(predict=wrong_level))
    assert verdict.outcome == "refuted"
    low, high = verdict.worst["a"]
    for a in np.linspace(low, high, 5):
        assert a * (1 - a) > 0.24


def test_a_sharp_bound_stays_open_and_says_what_is_missing():
    verdict = prove_bound(claim(predict=close_level, budget=64))
    assert verdict.outcome == "undecided"
    assert "cells remain open" in verdict.reason


def test_hypotheses_exclude_cells_and_are_never_all_of_the_box():
    verdict = prove_bound(claim(admissible=only_small_b))
    assert verdict.outcome == "holds"
    assert unpack(verdict.certificates[0]).count("x") > 0
    with pytest.raises(VacuousClaim, match="outside its hypotheses"):
        prove_bound(claim(admissible=never))


def never(*, a, b):
    return False


# --- oracle


def test_leaves_tile_the_box():
    """The measures of all cells asked about at the leaves add up to that of the box; halves meet at one number."""
    seen = []

    def judge(cell):
        small = cell["a"][1] - cell["a"][0] <= 0.25
        if small:
            seen.append(cell)
        return "t" if small else "o"

    subdivide(judge, BOX, 10_000)
    areas = [(c["a"][1] - c["a"][0]) * math.log(c["b"][1] / c["b"][0]) for c in seen]
    # a hundred terms of relative error 1e-16 each
    assert sum(areas) == pytest.approx(math.log(1e6), rel=1e-13)
    ends = sorted({end for c in seen for end in c["a"]})
    assert ends == [0.0, 0.25, 0.5, 0.75, 1.0]


# --- properties


@pytest.mark.parametrize("cells", [1, 2, 3, 7, 50])
def test_no_more_questions_than_allowed(cells):
    asked = []

    def judge(cell):
        asked.append(cell)
        return "o"

    certificate = subdivide(judge, BOX, cells)
    assert 1 <= len(asked) <= cells
    assert not certificate.complete
    assert certificate.count("o") == certificate.count("s") + 1  # a binary tree


def test_a_cell_that_no_number_divides_stays_open():
    point = {"a": Range(0.5, 0.5)}
    assert subdivide(lambda cell: "o", point, 100) == Certificate("o")


# --- bad input


@pytest.mark.parametrize(
    ("tree", "message"),
    [("st", "1 cells to go"), ("tt", "after its last leaf"), ("q", "must consist of"), ("", "1 cells to go")],
)
def test_words_that_are_no_tree(tree, message):
    with pytest.raises(ValueError, match=message):
        replay(lambda cell: "t", BOX, tree)


def test_a_tree_that_divides_a_point():
    with pytest.raises(ValueError, match="no number divides"):
        replay(lambda cell: "t", {"a": Range(0.5, 0.5)}, "stt")


def test_a_damaged_certificate():
    with pytest.raises(ValueError, match="packed"):
        unpack(pack("stt")[:-3] + "000")


@pytest.mark.parametrize("domain", [{}, {"a": Range(1, 5, integer=True)}])
def test_proofs_need_a_box_of_reals(domain):
    with pytest.raises(ValueError, match="proof"):
        claim(domain=domain)
