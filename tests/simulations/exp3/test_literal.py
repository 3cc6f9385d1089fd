"""The literal Exp3: against the recursion in many digits, derivatives by differences, and the compiled simulator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from simulations.exp3 import CLASSIC, Variant, literal_log_likelihood, literal_simulate, log_likelihood, simulate
from simulations.exp3._threefry import BUFFER, fill_uniforms
from simulations.exp3.literal import _draw

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
VARIANTS = [
    CLASSIC,
    Variant(gains=True),
    Variant(mixing=0.2),
    Variant(implicit_exploration=0.05),
    Variant(rate_exponent=0.5),
    Variant(rate_exponent=0.5, cumulative=True),
    Variant(gains=True, mixing=0.1, implicit_exploration=0.03, rate_exponent=0.3, cumulative=True),
]


def written_down(eta: Any, arms: list[int], losses: list[float], n_arms: int, variant: Variant) -> Any:
    """The log-likelihood as a function of a number of mpmath, from the definition and nothing else."""
    estimates, weights, value = [mpmath.mpf(0)] * n_arms, [mpmath.mpf(0)] * n_arms, mpmath.mpf(0)
    for t, (arm, loss) in enumerate(zip(arms, losses, strict=True), 1):
        odds = [mpmath.exp(weight) for weight in weights]
        p = (1 - mpmath.mpf(variant.mixing)) * odds[arm] / sum(odds) + mpmath.mpf(variant.mixing) / n_arms
        value += mpmath.log(p)
        estimate = (loss if variant.gains else -loss) / (p + mpmath.mpf(variant.implicit_exploration))
        rate = eta * mpmath.mpf(t) ** -mpmath.mpf(variant.rate_exponent)
        estimates[arm] += estimate
        if variant.cumulative:
            weights = [rate * total for total in estimates]
        else:
            weights[arm] += rate * estimate
    return value


def random_history(seed: int, rounds: int, n_arms: int) -> tuple[list[int], list[float]]:
    rng = np.random.default_rng(seed)
    arms = rng.integers(0, n_arms, rounds)
    return arms.tolist(), (rng.uniform(-0.3, 1.0, rounds) * (rng.random(rounds) < 0.8)).tolist()


# --- identities and limits


def test_the_first_factor_is_one_over_the_arms_and_a_history_without_losses_is_flat() -> None:
    for rate in (1e-6, 0.3, 40.0):
        value, score, hessian = literal_log_likelihood(rate, [2, 0, 1], [0.0, 0.0, 0.7], 3)
        assert value == pytest.approx(-3 * math.log(3), abs=4 * EPS)
        assert (score, hessian) == (0.0, 0.0)


def test_one_arm_is_certain() -> None:
    assert literal_log_likelihood(0.3, [0, 0], [0.5, 0.4], 1) == (0.0, 0.0, 0.0)
    assert literal_simulate(0.3, [0.5], [0.1, 0.99])[0].tolist() == [0, 0]


def test_a_dead_arm_is_never_drawn_again() -> None:
    """At rate 1, x = 2, 10.4, 32869: the fourth pull still has a finite logarithm, the fifth has none."""
    value, _, _ = literal_log_likelihood(1.0, [0] * 4, [1.0] * 4, 2)
    x = 3 + math.exp(2)
    assert value == pytest.approx(-math.log(2) - math.log1p(math.exp(2)) - x - (x + 1 + math.exp(x)), rel=1e-9)
    assert literal_log_likelihood(1.0, [0] * 5, [1.0] * 5, 2) == (-math.inf,) * 3
    gains = Variant(gains=True)
    assert literal_log_likelihood(1.0, [0] * 4 + [1], [-1.0] * 5, 2, variant=gains)[0] == pytest.approx(value)
    assert literal_log_likelihood(1.0, [0] * 5, [-1.0] * 5, 2, variant=gains) == (-math.inf,) * 3


def test_an_arm_dies_or_wins_beyond_a_log_probability_of_minus_700() -> None:
    """A loss l leaves log-odds 2 l: at 705 a second loss kills the arm and a gain kills the other, at 690 neither."""
    assert literal_log_likelihood(1.0, [0, 0, 0], [345.0, 1.0, 0.0], 2)[0] > -math.inf
    assert literal_log_likelihood(1.0, [0, 0, 0], [352.5, 1.0, 0.0], 2) == (-math.inf,) * 3
    assert literal_log_likelihood(1.0, [0, 0, 1], [352.5, -1.0, 0.0], 2) == (-math.inf,) * 3
    value, score, _ = literal_log_likelihood(1.0, [0, 0, 0], [352.5, -1.0, 0.0], 2)
    assert (value, score) == (pytest.approx(-math.log(2) - 705), pytest.approx(-705))
    # the second derivative of the estimate overflows, but the other arm has probability 1 for all that
    with np.errstate(over="ignore"):
        found = literal_log_likelihood(1.0, [0, 0, 1], [349.5, 1.0, 0.0], 2)
    assert found[:2] == (pytest.approx(-math.log(2) - 699), pytest.approx(-699))
    assert math.isfinite(found[2])


def test_uniforms_on_a_boundary_and_past_the_end() -> None:
    """An arm needs a cumulated probability above the uniform; past the end by rounding the last arm that lives wins."""
    assert _draw([0.5, 0.5], 0.5) == 1
    assert _draw([0.25, 0.75 - 1e-15, 0.0], 1 - 2**-53) == 1
    assert literal_simulate(0.3, [0.0, 0.0], [0.1], loss_uniforms=[0.0])[1].tolist() == [0.0]
    assert literal_simulate(0.3, [1.0, 1.0], [0.1], loss_uniforms=[1 - 2**-53])[1].tolist() == [1.0]


def test_scaling_losses_up_and_the_rate_down_changes_nothing() -> None:
    arms, losses = random_history(3, 12, 3)
    value, score, hessian = literal_log_likelihood(0.08, arms, losses, 3)
    other = literal_log_likelihood(0.02, arms, [4 * loss for loss in losses], 3)
    np.testing.assert_allclose(other, [value, 4 * score, 16 * hessian], rtol=1e-11)  # conditions of 1e3 or so


# --- oracle


@pytest.mark.parametrize("variant", VARIANTS, ids=repr)
@pytest.mark.parametrize(("n_arms", "rounds", "rate"), [(2, 9, 0.25), (3, 14, 0.04), (5, 8, 1.1), (2, 20, 1e-4)])
def test_value_and_derivatives_are_those_of_the_definition(
    n_arms: int, rounds: int, rate: float, variant: Variant
) -> None:
    arms, losses = random_history(10 * n_arms + rounds, rounds, n_arms)
    found = literal_log_likelihood(rate, arms, losses, n_arms, variant=variant)
    with mpmath.workdps(80):  # a third of them is lost in second differences
        exact = mpmath.mpf(rate)
        expected = [
            float(mpmath.diff(lambda eta: written_down(eta, arms, losses, n_arms, variant), exact, order))
            for order in (0, 1, 2)
        ]
    condition = max(1.0, abs(rate * expected[1]))
    np.testing.assert_allclose(found, expected, rtol=200 * EPS * condition, atol=200 * EPS)
    # the compiled likelihood, whose derivatives are recursions of their own
    np.testing.assert_allclose(
        list(log_likelihood(rate, arms, losses, n_arms, variant=variant)),
        expected,
        rtol=200 * EPS * condition,
        atol=200 * EPS,
    )


def test_the_curvature_needs_the_product_of_sensitivities() -> None:
    """Without the term -2h of the second sensitivity the Hessian of the history 0, 0, 1 would be -3.8304."""
    _, score, hessian = literal_log_likelihood(0.3, [0, 0, 1], [0.8, 0.8, 0.3], 2)
    assert hessian == pytest.approx(-2.8032855305, abs=1e-9)
    up, down = (literal_log_likelihood(0.3 + step, [0, 0, 1], [0.8, 0.8, 0.3], 2) for step in (1e-5, -1e-5))
    assert hessian == pytest.approx((up[1] - down[1]) / 2e-5, abs=1e-7)
    assert score == pytest.approx((up[0] - down[0]) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("n_arms", [2, 4])
@pytest.mark.parametrize("variant", [CLASSIC, Variant(gains=True), Variant(rate_exponent=0.4, cumulative=True)])
def test_the_compiled_simulator_draws_the_same_arms(n_arms: int, variant: Variant) -> None:
    means = [0.9, 0.6, 0.3, 0.1][:n_arms]
    for replicate in range(5):
        arms, losses = simulate(0.06, means, BUFFER, 1, 7, variant=variant, first_replicate=replicate)
        uniforms, scratch = np.empty(BUFFER), np.empty((2, BUFFER // 2), np.uint64)
        fill_uniforms(np.array([7, replicate], dtype=np.uint64), 0, 0, scratch[0], scratch[1], uniforms)
        again = literal_simulate(0.06, means, uniforms, variant=variant)
        np.testing.assert_array_equal(again[0], arms[0])
        np.testing.assert_array_equal(again[1], losses[0])


# --- properties


def test_bernoulli_losses_are_drawn_by_their_means(means_agree: Callable[..., None]) -> None:
    rng, count = np.random.default_rng(4), 1500
    first = [
        literal_simulate(0.4, [0.7, 0.2], rng.random(2), loss_uniforms=rng.random(2)) for _ in range(count)
    ]  # after a loss of the first arm, 0.4 / 0.5 against it
    drawn, paid = (np.array([run[i] for run in first]) for i in (0, 1))
    means_agree(paid[:, :1], [(0.7 + 0.2) / 2])
    lower, upper = 1 / (1 + math.exp(0.8)), 1 / (1 + math.exp(-0.8))
    means_agree((drawn[:, 1:] == 0).astype(float), [0.35 * lower + 0.1 * upper + 0.55 / 2])


def test_losses_may_differ_from_round_to_round_and_the_likelihood_may_stop() -> None:
    table = np.array([[0.5, 0.2], [-0.3, 0.9], [0.1, 0.0]])
    arms, losses = literal_simulate(0.3, table, [0.1, 0.9, 0.4])
    np.testing.assert_array_equal(losses, table[range(3), arms])
    stopped = literal_log_likelihood(0.3, arms, losses, 2, stop=2)
    assert stopped == literal_log_likelihood(0.3, arms[:2], losses[:2], 2)


def test_rates_that_fall_within_a_run_cross_a_threshold_at_a_fixed_time() -> None:
    """Median first round with a probability below .05 at theta = 1, exponent 1/2: 8 or 11 by form."""
    rng = np.random.default_rng(5)
    for cumulative, expected in ((False, 8), (True, 11)):
        variant, times = Variant(rate_exponent=0.5, cumulative=cumulative), []
        for _ in range(401):
            _, losses = literal_simulate(1.0, [1.0, 0.0], rng.random(40), variant=variant)
            x, total, t = 0.0, 0.0, 0
            while t < 40 and 1 / (1 + math.exp(x)) >= 0.05:
                t += 1
                estimate = losses[t - 1] * (1 + math.exp(x))
                total += estimate
                x = total / math.sqrt(t) if cumulative else x + estimate / math.sqrt(t)
            times.append(t + 1)
        assert abs(np.median(times) - expected) <= 1  # the median of 401 waits of mean 10 or so


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, r"learning_rate must be > 0 and <= 1e\+20, got learning_rate=0\.0"),
        ({"learning_rate": [0.1, 0.2]}, r"learning_rate must be a single real number, got shape \(2,\)"),
        ({"arms": [0, 2]}, r"arms must be >= 0 and <= 1, got arms\[1\]=2\.0"),
        ({"arms": [0, 0.5]}, r"arms must be integers, got arms\[1\]=0\.5"),
        (
            {"arms": [[0, 1]], "losses": [[1.0, 0.0]]},
            r"arms must be one history of shape \(rounds,\), got shape \(1, 2\)",
        ),
        ({"losses": [1.0]}, r"arms and losses must have the same shape, got \(2,\) and \(1,\)"),
        ({"losses": [1.0, math.nan]}, r"losses must be .*got losses\[1\]=nan"),
        ({"n_arms": 0}, r"n_arms must be >= 1 and <= 32767, got n_arms=0\.0"),
        ({"stop": 3}, r"stop must be >= 1 and <= 2, got stop=3\.0"),
        ({"variant": 0.1}, r"variant must be a Variant, got variant=0\.1"),
    ],
)
def test_bad_histories(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        literal_log_likelihood(**({"learning_rate": 0.3, "arms": [0, 1], "losses": [1.0, 0.0], "n_arms": 2} | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uniforms": [0.5, 1.0]}, r"uniforms must be >= 0 and < 1, got uniforms\[1\]=1\.0"),
        ({"uniforms": 0.5}, r"uniforms must have shape \(rounds,\) with rounds >= 1, got shape \(\)"),
        ({"uniforms": []}, r"uniforms must have shape \(rounds,\) with rounds >= 1, got shape \(0,\)"),
        ({"loss_uniforms": [0.5]}, r"loss_uniforms must have shape \(2,\), got shape \(1,\)"),
        ({"mean_losses": [1.0, 2.0], "loss_uniforms": [0.5, 0.5]}, r"mean_losses must be >= 0 and <= 1"),
        ({"mean_losses": [[1.0, 0.0]]}, r"mean_losses must have shape \(n_arms,\) or \(rounds, n_arms\) with rounds=2"),
        ({"learning_rate": -1.0}, r"learning_rate must be > 0"),
    ],
)
def test_bad_runs(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        literal_simulate(**({"learning_rate": 0.3, "mean_losses": [1.0, 0.0], "uniforms": [0.2, 0.7]} | change))
