"""Claims without replicates: identities, deterministic limits, rates and tendencies, bounds under attack."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.evidence import identity_cases, search_bound, size_keywords
from assay.search import Range
from tests.assay import toys

SIZES = (10, 20, 40, 80)


def left(x: float) -> np.ndarray:
    return np.array([math.sin(2 * x), math.cos(2 * x)])


def right(x: float) -> np.ndarray:
    return np.array([2 * math.sin(x) * math.cos(x), 1 - 2 * math.sin(x) ** 2])


def right_wrong(x: float) -> np.ndarray:
    return np.array([2 * math.sin(x) * math.cos(x), 1 - math.sin(x) ** 2])


def approaching(scale: float, n: float) -> float:
    return scale * (1 + 0.6 / n)


def stuck(scale: float, n: float) -> float:
    return scale * (1.02 + 0.6 / n)


def its_limit(scale: float, n: float) -> float:
    return scale


def falling(power: float, n: float) -> list[float]:
    return [3 * n**-power, -0.2 * n**-power]


def power_of(power: float) -> float:
    return power


def infinite(x: float) -> float:
    return math.inf


def zero(x: float) -> float:
    return 0.0


def tiny(x: float) -> float:
    return 1e-300


# --- identities and limits


def test_equal_and_unequal_outputs():
    settings = ({"x": 0.4}, {"x": 2.0})
    claim = toys.claim(kind="identity", measure=left, predict=right, settings=settings, outputs=("sine", "cosine"))
    verdict = identity_cases(claim)
    assert (verdict.outcome, len(verdict.cases), verdict.admissible) == ("holds", 4, 2)
    assert verdict.cases[3].label == "setting 1, cosine"
    wrong = identity_cases(toys.claim(kind="identity", measure=left, predict=right_wrong, settings=settings))
    assert [case.outcome for case in wrong.cases] == ["holds", "refuted", "holds", "refuted"]
    assert wrong.worst["setting"] == {"x": 2.0}


@pytest.mark.parametrize(
    ("measure", "predict", "relative", "outcome"),
    [
        (infinite, infinite, True, "holds"),
        (zero, infinite, True, "refuted"),
        (infinite, zero, False, "refuted"),
        (zero, zero, True, "holds"),
        (tiny, zero, True, "refuted"),
        (tiny, zero, False, "holds"),
    ],
)
def test_zeros_and_infinities(measure, predict, relative, outcome):
    settings = ({"x": 1.5},)
    claim = toys.claim(kind="identity", measure=measure, predict=predict, settings=settings, relative=relative)
    assert identity_cases(claim).outcome == outcome


def test_a_deterministic_limit_is_its_intercept():
    changes = {"kind": "limit", "deterministic": True, "sizes": SIZES, "settings": ({"scale": 2.5},)}
    verdict = identity_cases(toys.claim(**changes, measure=approaching, predict=its_limit))
    assert verdict.outcome == "holds"
    assert verdict.cases[0].estimate.slope == pytest.approx(0.6, rel=1e-10)
    assert identity_cases(toys.claim(**changes, measure=stuck, predict=its_limit)).outcome == "refuted"


def test_a_deterministic_rate_is_its_exponent():
    changes = {"kind": "rate", "deterministic": True, "sizes": SIZES, "settings": ({"power": 1.7},), "margin": 0.01}
    verdict = identity_cases(toys.claim(**changes, measure=falling, predict=power_of))
    assert [case.outcome for case in verdict.cases] == ["holds", "holds"]
    assert verdict.cases[0].estimate.measured == pytest.approx(1.7, rel=1e-12)
    assert identity_cases(toys.claim(**changes, measure=falling, predict=one_point_seven_two)).outcome == "refuted"


def one_point_seven_two(power: float) -> float:
    return power + 0.02


def test_a_size_is_n_unless_the_claim_says_otherwise():
    assert size_keywords(toys.claim(), {"a": 1, "n": 5}, 40) == {"a": 1, "n": 40}
    claim = toys.claim(at_size=lambda setting, size: {**setting, "k": 3 * size})
    assert size_keywords(claim, {"a": 1}, 40) == {"a": 1, "k": 120}


# --- oracle


def squares(x: float, y: float, shift: float) -> float:
    return 2 * x * y + shift


def sum_of_squares(x: float, y: float, shift: float) -> float:
    return x * x + y * y + shift


def almost_sum_of_squares(x: float, y: float, shift: float) -> float:
    return 0.999 * (x * x + y * y) + shift


DOMAIN = {"x": Range(0.1, 10, log=True), "y": Range(0.1, 10, log=True)}


def bound(**changes):
    return toys.claim(kind="bound", measure=squares, domain=DOMAIN, settings=({"shift": 0.0},), **changes)


def test_a_true_bound_is_tight_where_it_should_be():
    verdict = search_bound(bound(predict=sum_of_squares), seed=1)
    assert verdict.outcome == "holds"
    assert verdict.worst["x"] == pytest.approx(verdict.worst["y"], rel=0.02)
    assert verdict.tightness == pytest.approx(1.0, abs=1e-4)
    assert verdict.worst["shift"] == 0.0


def test_a_bound_that_is_wrong_by_a_thousandth_is_broken():
    verdict = search_bound(bound(predict=almost_sum_of_squares), seed=1)
    assert verdict.outcome == "refuted"
    assert 0 < verdict.worst["score"] <= 1 / 0.999 - 1 + 1e-12
    assert "violated at" in verdict.reason
    assert "not violated" not in verdict.reason


def test_a_difference_has_no_tightness():
    verdict = search_bound(bound(predict=sum_of_squares, relative=False), seed=1)
    assert verdict.tightness is None
    assert "left - right" in verdict.reason
    assert verdict.worst["score"] == pytest.approx(0.0, abs=1e-3)


def minus_three(x: float) -> list[float]:
    return [-3.0 - x, -3.5]


def minus_two(x: float) -> list[float]:
    return [-2.0, -3.4]


def minus_four(x: float) -> list[float]:
    return [-2.0, -3.6]


@pytest.mark.parametrize(
    ("right", "outcome", "worst"), [(minus_two, "holds", -0.1 / 3.4), (minus_four, "refuted", 0.1 / 3.6)]
)
def test_negative_sides_and_the_worst_of_several_outputs(right, outcome, worst):
    claim = toys.claim(kind="bound", measure=minus_three, predict=right, domain={"x": Range(0, 1)}, settings=({},))
    verdict = search_bound(claim, seed=1)
    assert verdict.outcome == outcome
    assert verdict.worst["score"] == pytest.approx(worst, rel=1e-12)


@pytest.mark.parametrize(
    ("left", "right", "outcome"),
    [
        (1.0, math.inf, "holds"),
        (math.inf, math.inf, "holds"),
        (-1.0, 0.0, "holds"),
        (0.0, 0.0, "holds"),
        (math.inf, 2.0, "refuted"),
        (1e-300, 0.0, "refuted"),
        (2.0, -math.inf, "refuted"),
    ],
)
def test_bounds_at_infinity_and_zero(left, right, outcome):
    point = {"kind": "bound", "measure": first_of, "predict": second_of, "domain": {}}
    claim = toys.claim(**point, settings=({"left": left, "right": right},))
    assert search_bound(claim, seed=1).outcome == outcome


def first_of(left: float, right: float) -> float:
    return left


def second_of(left: float, right: float) -> float:
    return right


def test_nan_in_any_output_of_a_bound_is_an_error():
    claim = toys.claim(kind="bound", measure=half_nan, predict=zero, domain={"x": Range(0, 1)}, settings=({},))
    with pytest.raises(ArithmeticError, match="NaN"):
        search_bound(claim, seed=1)


def half_nan(x: float) -> list[float]:
    return [-0.5, math.nan]


# --- properties


def test_the_same_seed_finds_the_same_worst_case():
    first, second, other = (search_bound(bound(predict=sum_of_squares), seed) for seed in (1, 1, 2))
    assert first.worst == second.worst
    assert first.worst != other.worst


def test_inadmissible_points_are_not_tried():
    verdict = search_bound(bound(predict=almost_sum_of_squares, admissible=unequal), seed=1)
    assert verdict.outcome == "holds"


def unequal(x: float, y: float, shift: float) -> bool:
    return x > 1.2 * y  # 2xy/(x^2 + y^2) = 0.984 at most
