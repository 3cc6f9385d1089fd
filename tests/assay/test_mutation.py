"""How far a wrong formula lies from the claim, and what is said of one that cannot be told apart."""

from __future__ import annotations

import math

import pytest

from assay.claim import Claim, Mutant
from assay.mutation import effect, fate
from assay.verdict import Verdict
from tests.assay import toys

SETTINGS = tuple({"mean": mean, "width": 0.3} for mean in (2.0, -3.0, 0.5))


class Judge:
    """Records what it is asked to judge and always gives one outcome."""

    def __init__(self, outcome) -> None:
        self.outcome, self.asked = outcome, []

    def __call__(self, version: Claim) -> Verdict:
        self.asked.append(version)
        return Verdict(self.outcome, "")


def larger(mean: float, width: float) -> float:
    return mean + 0.1


def slowly_wrong(mean: float, width: float, n: float = math.inf) -> float:
    return mean * (1 + 0.5 / n)


def wrong_at_infinity(mean: float, width: float, n: float = math.inf) -> float:
    return mean * 1.04 / (1 + 0.5 / n)


# --- identities and limits


def test_the_effect_is_what_a_check_of_the_wrong_formula_would_see():
    claim, mutant = toys.claim(settings=SETTINGS), Mutant(name="more", predict=larger)
    expected = {0: 0.1 / 2.1, 1: 0.1 / 2.9, 2: 0.1 / 0.6}
    assert effect(claim, mutant) == pytest.approx(expected, rel=1e-12)
    assert effect(toys.claim(settings=SETTINGS, relative=False), mutant) == pytest.approx(dict.fromkeys(range(3), 0.1))
    assert set(effect(claim, Mutant(name="more", predict=larger, settings=(2, 0)))) == {0, 2}
    assert set(effect(toys.claim(settings=SETTINGS, admissible=positive), mutant)) == {0, 2}


def positive(mean: float, width: float) -> bool:
    return mean > 0


def test_at_several_sizes_only_the_limit_counts():
    claim = toys.claim(kind="limit", predict=toys.sized_limit, measure=toys.sized, sizes=(100, 200, 400, 800))
    vanishing = effect(claim, Mutant(name="finite size", predict=slowly_wrong))
    assert vanishing[0] < 1e-4  # 1/(1 + x) - 1 = -x + x^2, and x^2 = 2.5e-5 is all that a line leaves
    lasting = effect(claim, Mutant(name="limit", predict=wrong_at_infinity))
    assert lasting[0] == pytest.approx(1 - 1 / 1.04, rel=1e-12)


@pytest.mark.parametrize(
    ("predict", "outcome", "said", "tried"),
    [
        (toys.off_by_five_percent, "refuted", "refuted", 1),
        (toys.off_by_five_percent, "holds", "surviving", 1),
        (toys.off_by_five_percent, "undecided", "surviving", 1),
        (toys.off_by_three_percent, "undecided", "surviving", 1),
        (toys.off_by_two_percent, "refuted", "refuted", 1),
        (toys.off_by_two_percent, "undecided", "below resolution: differs by 0.02 at most, margin 0.01", 1),
        (toys.off_by_one_percent, "refuted", "below resolution: differs by 0.0099 at most, margin 0.01", 0),
        (toys.sized_limit, "refuted", "surviving", 0),
    ],
)
def test_what_is_said_of_a_mutant(predict, outcome, said, tried):
    judge = Judge(outcome)
    assert fate(toys.claim(), Mutant(name="wrong", predict=predict), judge) == said
    assert len(judge.asked) == tried


def test_it_is_judged_where_it_differs_most():
    judge = Judge("refuted")
    fate(toys.claim(settings=SETTINGS), Mutant(name="more", predict=larger), judge)
    (asked,) = judge.asked
    assert asked.settings == (SETTINGS[2],)
    assert asked.predict is larger


def test_a_declared_equivalent_is_not_judged():
    judge = Judge("holds")
    mutant = Mutant(name="same", predict=toys.negated, equivalent="by symmetry")
    assert (fate(toys.claim(), mutant, judge), judge.asked) == ("equivalent: by symmetry", [])


@pytest.mark.parametrize("kind", ["identity", "tendency", "probability"])
def test_other_kinds_are_judged_whatever_their_effect(kind):
    judge = Judge("refuted")
    assert fate(toys.claim(kind=kind), Mutant(name="same", predict=toys.sized_limit), judge) == "refuted"
    assert len(judge.asked) == 1
