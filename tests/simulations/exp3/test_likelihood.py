"""Likelihood of a learning rate: an mpmath recursion differentiated by differences, dead arms, chaos, shapes."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from simulations.exp3 import _likelihood
from simulations.exp3.likelihood import LogLikelihood, PrecisionWarning, log_likelihood, replay
from simulations.exp3.simulation import simulate
from simulations.exp3.variant import CLASSIC, Variant

EPS = float(np.finfo(float).eps)
LOSSES = {
    2: [0.8, 0.3],
    3: [0.9, -0.4, 0.2],
    4: [0.9, 0.6, 0.3, 0.0],
    35: np.linspace(0, 1.3, 35).tolist(),  # five leaves, three levels
}
VARIANTS = [
    CLASSIC,
    Variant(gains=True),
    Variant(mixing=0.1),
    Variant(implicit_exploration=0.05),
    Variant(rate_exponent=0.3),
    Variant(rate_exponent=0.3, cumulative=True),
    Variant(True, 0.05, 0.02, 0.4, True),
]


def recursion(eta: Any, arms: Any, losses: Any, n_arms: int, variant: Variant = CLASSIC) -> Any:
    """The log-likelihood from the definition."""
    y, total, gamma = [mpf(0)] * n_arms, mpf(0), mpf(variant.mixing)
    for t, (arm, loss) in enumerate(zip(arms, losses, strict=True), 1):
        top = max(y)
        shares = [mpmath.exp(value - top) for value in y]
        p = (1 - gamma) * shares[arm] / mpmath.fsum(shares) + gamma / n_arms
        total += mpmath.log(p)
        estimate = (-1 if variant.gains else 1) * mpf(float(loss)) / (p + mpf(variant.implicit_exploration))
        power = -mpf(variant.rate_exponent)
        if variant.cumulative and t > 1:
            y = [value * (mpf(t) / (t - 1)) ** power for value in y]
        y[arm] -= eta * mpf(t) ** power * estimate
    return total


def precise(eta: float, arms: Any, losses: Any, n_arms: int, variant: Variant = CLASSIC, digits: int = 120) -> list:
    """Value, score and Hessian: differences over a step of 10^(-digits/4), relative."""
    with mpmath.workdps(digits):
        step = mpf(eta) * mpf(10) ** (-digits // 4)
        low, middle, high = (recursion(mpf(eta) + k * step, arms, losses, n_arms, variant) for k in (-1, 0, 1))
        return [middle, (high - low) / (2 * step), (high - 2 * middle + low) / step**2]


def quiet(*arguments: Any, **options: Any) -> LogLikelihood:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrecisionWarning)
        return log_likelihood(*arguments, **options)


def agree(found: LogLikelihood, expected: list, slack: float = 1.0) -> None:
    """Within 1e-12 relative, 1e-10 for the Hessian, times `slack`."""
    for value, exact, tolerance in zip(found, expected, (1e-12, 1e-12, 1e-10), strict=True):
        assert abs(mpf(value) - exact) <= slack * tolerance * abs(exact)


# --- identities and limits


def test_first_factor_is_uniform_and_a_lossy_pull_moves_only_the_next() -> None:
    value, score, hessian = log_likelihood([0.05, 3.0], [2], [0.7], 5)
    np.testing.assert_allclose(value, -math.log(5), rtol=EPS)
    np.testing.assert_array_equal([score, hessian], 0.0)


def test_one_arm_has_nothing_to_say() -> None:
    found = log_likelihood(0.4, [0, 0, 0], [1.0, -3.0, 0.2], 1)
    assert (*found, found.information, found.condition) == (0.0, 0.0, 0.0, 0.0, 0.0)


def test_no_loss_is_flat() -> None:
    value, score, hessian = log_likelihood(0.4, [0, 1, 2, 2], [0.0, 0.0, 0.0, 0.9], 3)
    assert (value, score, hessian) == (pytest.approx(-4 * math.log(3), rel=2 * EPS), 0.0, 0.0)


@pytest.mark.parametrize(
    ("losses", "rounds", "eta", "variant"),
    [
        ([0.8, 0.3], 8, 0.3, CLASSIC),
        ([0.8, -0.3], 7, 0.3, CLASSIC),
        ([0.8, 0.3], 7, 0.3, Variant(mixing=0.2, implicit_exploration=0.1, rate_exponent=0.3)),
        ([0.9, 0.5, 0.0], 5, 0.4, CLASSIC),
        ([0.9, 0.5, 0.0], 5, 0.4, Variant(gains=True, mixing=0.2, rate_exponent=0.3, cumulative=True)),
    ],
)
def test_score_identities_over_all_histories(losses: list[float], rounds: int, eta: float, variant: Variant) -> None:
    """Probabilities sum to 1, E score = 0, E score^2 = - E Hessian = E information (ex.D1)."""
    n = len(losses)
    arms = np.array(list(itertools.product(range(n), repeat=rounds)))
    found = log_likelihood(eta, arms, np.array(losses)[arms], n, variant=variant)
    p, seen = np.exp(found.value), np.isfinite(found.value)  # the others have probability zero
    information = p @ found.information
    assert np.sum(p) == pytest.approx(1, abs=1e-13)  # K^n terms of relative error 1e-15
    assert p[seen] @ found.score[seen] == pytest.approx(0, abs=1e-12 * information)
    assert p[seen] @ found.score[seen] ** 2 == pytest.approx(information, rel=1e-12)
    assert -p[seen] @ found.hessian[seen] == pytest.approx(information, rel=1e-12)
    if losses == [0.8, 0.3] and variant == CLASSIC:
        assert information == pytest.approx(20.28932, rel=1e-6)  # not 9.2053, the true p in the weights; nor 3.91448


# --- oracle


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("n_arms", sorted(LOSSES))
def test_likelihood_of_runs(n_arms: int, variant: Variant) -> None:
    arms, losses = simulate(0.05, LOSSES[n_arms], 60, 2, seed=n_arms, variant=variant)
    for rate, drawn, paid in zip((0.05, 0.03), arms, losses, strict=True):
        found = quiet(rate, drawn, paid, n_arms, variant=variant)
        # errors grow with the condition, which is below 100 in most of these runs
        agree(found, precise(rate, drawn, paid, n_arms, variant), max(1.0, found.condition / 100))


@pytest.mark.parametrize(
    ("eta", "arms", "losses", "n_arms"),
    [
        (0.3, [0, 0, 1], [1.0, 1.0, 0.0], 2),
        (1.0, [0, 0, 0, 1, 1], [1.0, 1.0, 1.0, 0.0, 0.0], 2),  # probability 10^-10 after three pulls
        (1.0, [0, 0, 0, 1, 0], [1.0, 1.0, 1.0, 0.0, 0.0], 3),
        (0.9, [1, 1, 1, 0, 1], [1.0, 1.0, 1.1, 0.0, 0.0], 2),
        (1.0, [0, 0], [15000.0, 0.0], 2),  # drawn at log-probability -30000, 10^-13029
        (1.0, [0, 0, 1], [10000.0, 0.0, 1.0], 3),
        (0.7, [0, 1, 2, 0, 1], [1.5, -2.0, 0.3, -1e-3, 0.0], 3),
        (1.0, [0, 1, 0, 0, 1], [1.5, -2.0, 0.3, -1e-3, 0.0], 2),
        (1e-9, [0, 1, 1, 0], [0.4, 0.9, -0.2, 0.4], 2),
        (0.3, [0, 49, 7, 8, 49, 0, 20, 7], [1.0, 0.9, -0.3, 0.7, 0.0, 0.0, -0.6, -0.2], 50),
        (0.01, [500, 500, 499, 500, 3, 999, 500], [-1.0, -0.5, 0.7, 0.3, 0.2, 0.0, 0.9], 1000),  # one has 96 %
        (0.5, [10, 10, 600], [0.3, 0.0, 0.4], 1000),  # drawn at probability e^-157
    ],
)
def test_nasty_histories(eta: float, arms: list[int], losses: list[float], n_arms: int) -> None:
    found = quiet(eta, arms, losses, n_arms)
    expected = precise(eta, arms, losses, n_arms, digits=14000 if max(losses) > 1e3 else 400)
    for value, exact, tolerance in zip(found, expected, (1e-12, 1e-12, 1e-10), strict=True):
        assert abs(mpf(value) - exact) <= max(tolerance * abs(exact), mpf(10) ** -300)  # below, doubles end


def test_probabilities_far_below_the_smallest_number() -> None:
    """Drawn once more after a fall to log-odds -700 / 0.02: alive, as nothing was paid there."""
    found = quiet(0.02, [0, 1, 0, 1], [1.75e6, 0.0, 0.0, 1.0], 2)
    assert found.value == pytest.approx(-math.log(2) - 2 * 1.75e6 * 0.02, rel=1e-15)
    assert found.score == pytest.approx(-2 * 1.75e6, rel=1e-15)


def test_second_sensitivity_on_one_history() -> None:
    """[0, 0, 1] at 0.3 has Hessian -2.8033; without the term -2h it would be -3.8304 (ex.D1)."""
    assert log_likelihood(0.3, [0, 0, 1], [0.8, 0.8, 0.3], 2).hessian == pytest.approx(-2.8033, abs=5e-5)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("n_arms", [1, 2, 4, 35])
def test_replay_adds_up_to_the_likelihood(n_arms: int, variant: Variant) -> None:
    arms, losses = simulate(0.05, LOSSES.get(n_arms, [0.4]), 90, 3, seed=5, variant=variant)
    rates = [0.02, 0.05]
    found = quiet(rates, arms, losses, n_arms, stop=80, variant=variant)
    seen = replay(rates, arms, losses, n_arms, stop=80, variant=variant)
    assert seen.log_probabilities.shape == (3, 2, 80, n_arms)
    index = np.broadcast_to(arms[:, None, :80, None].astype(int), (3, 2, 80, 1))
    own = [np.take_along_axis(q, index, axis=-1)[..., 0] for q in (seen.log_probabilities, seen.scores)]
    np.testing.assert_allclose(np.sum(own[0], axis=-1), found.value, rtol=1e-13)  # 80 terms in another order
    scale = np.sum(np.abs(own[1]), axis=-1)
    assert np.all(np.abs(np.sum(own[1], axis=-1) - found.score) <= 1e-13 * scale)
    np.testing.assert_allclose(np.sum(seen.information, axis=-1), found.information, rtol=1e-12)
    np.testing.assert_array_equal(seen.condition[..., -1], found.condition)
    p = np.exp(seen.log_probabilities)
    np.testing.assert_allclose(np.sum(p, axis=-1), 1, rtol=1e-12)
    spread = np.sum(p * seen.scores**2, axis=-1)
    np.testing.assert_allclose(seen.information, spread, rtol=1e-9, atol=1e-12 * np.max(spread, initial=1.0))
    assert np.all(np.abs(np.sum(p * seen.scores, axis=-1)) <= 1e-12 * (1 + np.max(np.abs(seen.scores))))


# --- properties


@pytest.mark.parametrize("n_arms", [2, 3, 4, 5, 8])
def test_lanes_have_the_bits_of_single_evaluations(n_arms: int) -> None:
    """Grids run 64 at a time; some candidates are past the cliff, some histories chaotic, some weights renewed."""
    table = {2: LOSSES[2], 4: LOSSES[4]}.get(n_arms, np.linspace(1.1, 0.1, n_arms))
    explored = Variant(implicit_exploration=0.03)
    for rate, variant in itertools.product((0.02, 0.4), (CLASSIC, Variant(gains=True), explored)):
        arms, losses = simulate(rate, table, 250, 7, seed=3, variant=variant)
        rates = np.geomspace(rate / 40, 4 * rate, 11)
        together = quiet(rates, arms, losses, n_arms, variant=variant)
        assert rate > 0.1 or np.mean(np.isfinite(together.value)) > 0.5
        for i, j in itertools.product(range(7), range(11)):
            alone = _likelihood.evaluate(rates[j], arms[i], losses[i], n_arms, variant.options(), -math.inf)
            names = ("value", "score", "hessian", "information", "condition", "reliable_rounds")
            assert [getattr(together, name)[i, j] for name in names] == list(alone)


def test_many_arms_and_two_arms_agree() -> None:
    """A third arm that is never worth a draw: one enormous loss in the first round."""
    arms, losses = simulate(0.05, LOSSES[2], 60, 5, seed=8)
    two = log_likelihood([0.02, 0.05], arms, losses, 2)
    third = np.concatenate([np.full((5, 1), 2), arms], axis=1), np.concatenate([np.full((5, 1), 1e6), losses], axis=1)
    three = quiet([0.02, 0.05], *third, 3)
    for name in ("value", "score", "hessian"):
        start = -math.log(3) if name == "value" else 0.0
        np.testing.assert_allclose(getattr(three, name), getattr(two, name) + start, rtol=1e-9)


def test_a_floor_ends_the_evaluation_early() -> None:
    arms, losses = simulate(0.05, LOSSES[4], 400, 1, seed=2)
    for n_arms in (2, 4):
        drawn = np.minimum(arms[0], n_arms - 1)
        full = _likelihood.evaluate(0.02, drawn, losses[0], n_arms, CLASSIC.options(), -math.inf)
        part = _likelihood.evaluate(0.02, drawn, losses[0], n_arms, CLASSIC.options(), -30.0)
        assert full[0] < part[0] <= -30.0
        logs = replay(0.02, drawn, losses[0], n_arms).log_probabilities[np.arange(400), drawn]
        assert part[0] == pytest.approx(np.cumsum(logs)[np.argmax(np.cumsum(logs) <= -30.0)], rel=1e-13)
        assert part[5] < 400


@pytest.mark.parametrize("n_arms", [2, 3])
def test_an_arm_that_pays_at_no_probability_is_dead(n_arms: int) -> None:
    history = [0, 0, 1, 1], [15000.0, 1.0, 0.0, 0.0]
    alive = quiet(0.1, *history, n_arms)
    assert alive.value == pytest.approx(-15000 * 0.1 * n_arms - math.log(n_arms) - 3 * math.log(n_arms - 1), rel=1e-14)
    dead = quiet(0.1, [*history[0], 0], [*history[1], 0.0], n_arms)
    assert (dead.value, dead.score, dead.hessian) == (-math.inf,) * 3
    assert np.isfinite(dead.information)
    assert replay(0.1, *history, n_arms).log_probabilities[2, 0] == -math.inf
    gains = quiet(0.1, [0, 0, 0, 1], [-15000.0, -1.0, 0.0, 0.0], n_arms, variant=Variant(gains=True))
    assert gains.value == -math.inf or gains.value < -1e300  # the sign of both: the same death
    bounded = quiet(0.1, [*history[0], 0], [*history[1], 0.0], n_arms, variant=Variant(implicit_exploration=0.01))
    assert np.isfinite(bounded.value)


def test_extreme_input_gives_no_nan() -> None:
    rng = np.random.default_rng(4)
    for n_arms, variant in itertools.product((1, 2, 3, 40), VARIANTS):
        arms = rng.integers(0, n_arms, (6, 200))
        losses = rng.choice([-1.0, 1.0], (6, 200)) * 10.0 ** rng.uniform(-20, 20, (6, 200))
        found = quiet([1e-20, 0.3, 1e20], arms, losses, n_arms, variant=variant)
        for name in ("value", "score", "hessian", "information", "condition"):
            assert not np.any(np.isnan(getattr(found, name)))
        assert np.all(found.value <= 0.0)


def test_chaos_is_flagged() -> None:
    """Losses (0.8, 0.3) at 0.5: six digits are gone within some hundred rounds, and only there (ex.D11)."""
    arms, losses = simulate(0.5, LOSSES[2], 500, 1, seed=0)
    with pytest.warns(PrecisionWarning, match=r"1 of 1 likelihoods have lost more than ten digits to chaos"):
        found = log_likelihood(0.5, arms[0], losses[0], 2)
    assert not found.reliable
    assert 50 < found.reliable_rounds < 500
    first = log_likelihood(0.5, arms[0], losses[0], 2, stop=found.reliable_rounds)
    assert first.reliable
    assert first.reliable_rounds == found.reliable_rounds
    assert first.condition * 2.0**-52 <= 1e-6 < found.condition * 2.0**-52
    stop = min(int(found.reliable_rounds), 120)
    cut = log_likelihood(0.5, arms[0], losses[0], 2, stop=stop)
    expected = precise(0.5, arms[0, :stop], losses[0, :stop], 2, digits=400)
    assert abs(mpf(cut.value) / expected[0] - 1) <= cut.condition * 100 * EPS
    ladder = simulate(0.5, [1.0, 0.0], 20_000, 3, seed=0)
    assert np.all(log_likelihood(0.5, *ladder, 2).reliable)  # the lossless arm goes on, and nothing is lost


def test_shapes_and_numbers() -> None:
    arms, losses = simulate(0.1, LOSSES[3], 12, 6, seed=1)
    found = log_likelihood([[0.1, 0.2]], arms.reshape(2, 3, 12), losses.reshape(2, 3, 12), 3)
    assert found.value.shape == found.reliable.shape == (2, 3, 1, 2)
    one = log_likelihood(0.2, arms[4], losses[4], 3)
    assert one.value == found.value[1, 1, 0, 1]
    assert [type(item) for item in (*one, one.reliable, one.reliable_rounds)] == [float, float, float, bool, int]
    assert replay(0.2, arms[4], losses[4], 3).information.shape == (12,)
    short = log_likelihood(0.2, arms[4], losses[4], 3, stop=7)
    assert list(short) == list(log_likelihood(0.2, arms[4, :7], losses[4, :7], 3))


# --- bad input


@pytest.mark.parametrize("function", [log_likelihood, replay])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arms": [0, 2, 1]}, r"arms must be >= 0 and <= 1, got arms\[1\]=2\.0"),
        ({"arms": [0, -1, 1]}, r"arms must be >= 0 and <= 1, got arms\[1\]=-1\.0"),
        ({"arms": [0, 0.5, 1]}, r"arms must be integers, got arms\[1\]=0\.5"),
        ({"arms": ["a", "b", "c"]}, r"arms must be a real number or an array of them"),
        ({"arms": [0, 1]}, r"arms and losses must have the same shape, got \(2,\) and \(3,\)"),
        ({"arms": [], "losses": []}, r"arms must have shape \(\.\.\., rounds\) with rounds >= 1, got shape \(0,\)"),
        ({"arms": 1, "losses": 0.3}, r"arms must have shape .*got shape \(\)"),
        ({"losses": [0.1, math.nan, 0.2]}, r"losses must be .*got losses\[1\]=nan"),
        ({"losses": [0.1, math.inf, 0.2]}, r"losses must be .*got losses\[1\]=inf"),
        ({"losses": [0.1, 1e21, 0.2]}, r"losses must be >= -1e\+20 and <= 1e\+20, got losses\[1\]=1e\+21"),
        ({"learning_rate": 0.0}, r"learning_rate must be > 0 and <= 1e\+20, got learning_rate=0\.0"),
        ({"learning_rate": [0.1, -0.2]}, r"learning_rate must be > 0 .*got learning_rate\[1\]=-0\.2"),
        ({"learning_rate": math.nan}, r"learning_rate must be > 0 .*got learning_rate=nan"),
        ({"learning_rate": []}, r"learning_rate must not be empty"),
        ({"n_arms": 0}, r"n_arms must be >= 1 and <= 32767, got n_arms=0"),
        ({"n_arms": 2.5}, r"n_arms must be an integer, got n_arms=2\.5"),
        ({"n_arms": 40_000}, r"n_arms must be >= 1 and <= 32767"),
        ({"stop": 0}, r"stop must be >= 1 and <= 3, got stop=0"),
        ({"stop": 4}, r"stop must be >= 1 and <= 3, got stop=4"),
        ({"stop": 1.5}, r"stop must be an integer, got stop=1\.5"),
        ({"variant": None}, r"variant must be a Variant, got variant=None"),
    ],
)
def test_bad_arguments(function: Any, change: dict[str, Any], message: str) -> None:
    good = {"learning_rate": 0.1, "arms": [0, 1, 1], "losses": [0.3, 0.1, 0.2], "n_arms": 2}
    with pytest.raises(ValueError, match=message):
        function(**(good | change))
