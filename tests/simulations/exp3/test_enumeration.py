"""All histories of short runs: probabilities, the score identities, values known to many digits, mutants told apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from simulations.exp3 import Variant, enumerate_histories, literal_log_likelihood, log_likelihood, replay

EPS = float(np.finfo(float).eps)
VARIANTS = [
    Variant(),
    Variant(gains=True),
    Variant(mixing=0.2),
    Variant(implicit_exploration=0.05),
    Variant(rate_exponent=0.5),
    Variant(gains=True, mixing=0.1, implicit_exploration=0.03, rate_exponent=0.3, cumulative=True),
]

# --- identities and limits


@pytest.mark.parametrize("variant", VARIANTS, ids=repr)
@pytest.mark.parametrize(
    ("means", "rounds"), [((0.8, 0.3), 8), ((0.5, 0.5), 7), ((-0.4, 0.7), 7), ((1.0, 0.2, 0.0), 5)]
)
def test_score_identities(means: Sequence[float], rounds: int, variant: Variant) -> None:
    """E score = 0 and E score^2 = -E Hessian = information."""
    found = enumerate_histories(0.3, means, rounds, variant=variant)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-14)
    information = found.mean(found.information)
    assert information > 1e-3
    assert found.mean(found.score) == pytest.approx(0, abs=1e-12 * math.sqrt(information))
    # terms up to 1e3 times the mean cancel in the Hessian
    np.testing.assert_allclose([found.mean(found.score**2), -found.mean(found.hessian)], information, rtol=1e-11)


def test_many_digits_satisfy_them_to_many_digits() -> None:
    found = enumerate_histories(0.3, [0.8, 0.3], 6, digits=40)
    assert abs(sum(found.probabilities) - 1) < 1e-38
    assert abs(found.mean(found.score)) < 1e-36
    assert abs(found.mean(found.score**2) + found.mean(found.hessian)) < 1e-35
    double = enumerate_histories(0.3, [0.8, 0.3], 6)
    for name in ("probabilities", "value", "score", "hessian", "information"):
        np.testing.assert_allclose(getattr(double, name), getattr(found, name).astype(float), rtol=1e-11, atol=1e-12)


def test_expected_likelihood_ratio_of_any_candidate_is_one() -> None:
    found = enumerate_histories(0.3, [0.8, 0.3], 8, candidate=0.42)
    truth = enumerate_histories(0.3, [0.8, 0.3], 8)
    np.testing.assert_array_equal(found.probabilities, truth.probabilities)
    possible = truth.value > -np.inf
    ratio = np.exp(found.value[possible] - truth.value[possible])
    assert truth.probabilities[possible] @ ratio == pytest.approx(1, abs=1e-13)
    assert found.mean(found.value) < truth.mean(truth.value)


def test_no_pull_before_the_last_round_has_probability_one_over_two_to_the_rest() -> None:
    found = enumerate_histories(0.3, [1.0, 0.0], 6)
    flat = np.all(found.arms[:, :5] == 1, axis=1)
    assert found.mean(flat) == pytest.approx(2.0**-5, rel=4 * EPS)
    np.testing.assert_array_equal(found.score[flat], 0.0)


# --- oracle


@pytest.mark.parametrize(
    ("rate", "means", "rounds", "expected"),
    [
        (0.3, (0.8, 0.3), 8, 20.28932),
        (0.3, (1.0, 0.0), 12, 70.30294907960094),
        (0.4, (1.0, 0.0, 0.0), 7, 5.593641428625),
    ],
)
def test_information_of_reference(rate: float, means: Sequence[float], rounds: int, expected: float) -> None:
    found = enumerate_histories(rate, means, rounds)
    assert found.mean(found.information) == pytest.approx(expected, abs=5.1e-6 if expected == 20.28932 else 1e-11)


def test_likelihood_up_to_a_first_exit_of_the_truth() -> None:
    """Losses (.8, .3), rate .3, ten rounds, stopped where a probability falls below .15."""
    found = enumerate_histories(0.3, [0.8, 0.3], 10, threshold=0.15)
    assert found.mean(found.score) == pytest.approx(0, abs=1e-14)
    expected = pytest.approx(14.680501972342, abs=1e-11)
    assert found.mean(found.score**2) == expected
    assert found.mean(found.information) == expected
    assert np.unique(found.stops).size > 3
    for arms, losses, stop, value in list(zip(found.arms, found.losses, found.stops, found.value, strict=True))[::37]:
        smallest = np.exp(replay(0.3, arms, losses, 2).log_probabilities.min(axis=1))
        below = np.flatnonzero(smallest < 0.15)
        assert stop == (below[0] if below.size else 10)
        assert value == pytest.approx(log_likelihood(0.3, arms, losses, 2, stop=int(stop)).value, rel=1e-12)


def test_stopping_at_the_exit_of_the_candidate_is_no_likelihood() -> None:
    """Expected score of a likelihood stopped by another rate than the one evaluated, by its own, by the truth."""
    own = enumerate_histories(0.3, [0.8, 0.3], 9, threshold=0.15)
    step = 1e-6
    values = [
        enumerate_histories(rate, [0.8, 0.3], 9, threshold=0.15).value for rate in (0.3 - step, 0.3 + step)
    ]  # each stops by its own exit
    assert abs(own.mean(own.score)) < 1e-14
    moved = np.abs(values[1] - values[0]) > 1e-3  # a stop that jumps is infinitely steep
    differences = (values[1] - values[0]) / (2 * step)
    np.testing.assert_allclose(differences[~moved], own.score[~moved], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS, ids=repr)
def test_every_history_is_what_the_literal_loop_says(variant: Variant) -> None:
    table = np.array([[0.5, 0.2, 0.0], [-0.3, 0.9, 0.4], [0.1, 0.0, 0.7], [0.6, 0.6, 0.6]])
    found = enumerate_histories(0.2, table, 4, candidate=0.3, variant=variant)
    for i in range(0, 81, 4):
        history = found.arms[i], found.losses[i], 3
        literal = literal_log_likelihood(0.3, *history, variant=variant)
        np.testing.assert_allclose((found.value[i], found.score[i], found.hessian[i]), literal, rtol=1e-12, atol=1e-13)
        truth = math.exp(literal_log_likelihood(0.2, *history, variant=variant)[0])
        assert found.probabilities[i] == pytest.approx(truth, rel=1e-13)
        seen = replay(0.3, *history, variant=variant)
        assert found.information[i] == pytest.approx(seen.information.sum(), rel=1e-12)


@pytest.mark.parametrize("first", [345.0, 352.5])
@pytest.mark.parametrize("second", [1.0, -1.0, 0.0])
def test_arms_die_as_in_the_literal_loop(first: float, second: float) -> None:
    """Log odds of 690 and 705 on both sides of the limit; then a loss, a gain or nothing, and a gain of a dead arm."""
    found = enumerate_histories(1.0, [[first, 0.0], [second, 0.0], [-1.0, 0.3], [0.0, 0.0]], 4)
    assert found.probabilities.sum() == pytest.approx(1, abs=4 * EPS)
    assert np.count_nonzero(found.value == -np.inf) == {345.0: 1, 352.5: 4}[first] - (
        {345.0: 1, 352.5: 2}[first] if second == 0.0 else 0
    )
    assert np.all(np.isfinite(found.information))
    for i in range(16):
        literal = literal_log_likelihood(1.0, found.arms[i], found.losses[i], 2)
        # values up to e^690, and the exponential turns a last bit of 690 into 1e-13
        np.testing.assert_allclose((found.value[i], found.score[i], found.hessian[i]), literal, rtol=1e-12, atol=1e-13)


def mutant(true_weights: bool = False, late: bool = False, per_pull: bool = False) -> float:
    """Information, or total probability where `late`, of a wrong model: rate .3, losses (.8, .3), 8 rounds.

    The candidate's weights have the true p in them; a draw has the probabilities of the next round; information is
    counted once for a loss of the lossier arm.
    """
    rate, losses, total = 0.3, (0.8, 0.3), 0.0

    def grow(t: int, x: float, g: float, chance: float) -> None:  # x = y_0 - y_1, g its derivative
        nonlocal total
        x = min(max(x, -600.0), 600.0)
        p = (1 / (1 + math.exp(-x)), 1 / (1 + math.exp(x)))
        if t == 8:
            total += chance if late else 0.0
            return
        if not late:
            total += chance * p[0] * p[1] * g * g * (p[0] if per_pull else 1.0)
        for arm, sign in ((0, 1), (1, -1)):
            slope = sign * p[1 - arm] * g
            r = losses[arm] / p[arm]
            new = x - sign * rate * r
            after = 1 / (1 + math.exp(min(-sign * new, 600.0)))
            change = r if true_weights else r * (1 - rate * slope)
            grow(t + 1, new, g - sign * change, chance * (after if late else p[arm]))

    grow(0, 0.0, 0.0, 1.0)
    return total


def test_wrong_models_have_other_values() -> None:
    right = enumerate_histories(0.3, [0.8, 0.3], 8)
    assert mutant() == pytest.approx(right.mean(right.information), rel=1e-12)
    assert mutant(true_weights=True) == pytest.approx(9.2053, abs=5e-5)
    assert mutant(late=True) == pytest.approx(0.24717, abs=5e-6)
    assert mutant(per_pull=True) == pytest.approx(3.91448, abs=5e-6)


# --- properties


def test_histories_are_all_there_in_order() -> None:
    found = enumerate_histories(0.3, [0.8, 0.3, 0.1], 4)
    codes = found.arms @ [27, 9, 3, 1]
    np.testing.assert_array_equal(codes, range(81))
    np.testing.assert_array_equal(found.losses, np.array([0.8, 0.3, 0.1])[found.arms])
    np.testing.assert_array_equal(found.stops, 4)


def test_impossible_histories_have_no_weight() -> None:
    """At rate 1 the arm dies with its fourth loss, after which lossless draws are certain."""
    found = enumerate_histories(1.0, [1.0, 0.0], 7)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-14)
    assert np.any(found.value == -np.inf)
    assert not np.any(np.isnan(found.score))
    assert not np.any(np.isnan(found.information))
    assert np.isfinite(found.mean(found.hessian))
    exact = enumerate_histories(1.0, [1.0, 0.0], 7, digits=30)
    assert found.mean(found.information) == pytest.approx(float(exact.mean(exact.information)), rel=1e-9)


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rounds": 21}, r"n_arms\*\*rounds must be <= 1048576, got n_arms=2 and rounds=21"),
        ({"rounds": 0}, r"rounds must be >= 1, got rounds=0"),
        ({"learning_rate": 0.0}, r"learning_rate must be > 0"),
        ({"candidate": -0.1}, r"candidate must be > 0 and <= 1e\+20, got candidate=-0\.1"),
        ({"threshold": 1.5}, r"threshold must be >= 0 and <= 1, got threshold=1\.5"),
        ({"digits": 5}, r"digits must be >= 15"),
        ({"digits": [30]}, r"digits must be a single real number, got shape \(1,\)"),
        ({"variant": "gains"}, r"variant must be a Variant, got variant='gains'"),
        ({"mean_losses": [[1.0, 0.0]]}, r"mean_losses must have shape \(n_arms,\) or \(rounds, n_arms\)"),
        ({"mean_losses": [1.0, math.inf]}, r"mean_losses must be .*got mean_losses\[1\]=inf"),
    ],
)
def test_bad_arguments(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        enumerate_histories(**({"learning_rate": 0.3, "mean_losses": [1.0, 0.0], "rounds": 3} | change))
