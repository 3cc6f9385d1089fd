"""Box plots of estimates and predictions: lines by another route, points and boxes against the stored samples."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.stats import chi2

from assay.marks import Mark
from figures.exp3 import _runs as runs
from figures.exp3 import _shared as shared
from figures.exp3 import constant, estimation, prediction
from simulations.exp3 import ESTIMATE_OUTPUTS, FINITE_SET_OUTPUTS, LADDER_OUTPUTS

CURVES = (*estimation.TWO, *estimation.FOUR)
DIFFERENTIAL = 1e-7  # of the differential equations here, solved to 1e-10


def find(result, panel: str, series: str, role: str) -> Mark:
    """The one mark of this panel, series and role."""
    found = [m for m in result.canvas.marks if (m.panel, m.series, m.role) == (panel, series, role)]
    assert len(found) == 1, sorted({(m.panel, m.series, m.role) for m in result.canvas.marks})
    return found[0]


def figure_of(drawn, kind: str, curve: runs.Curve):
    """The figure of `kind`, learning-rate or prediction, with `curve`."""
    return drawn[f"{kind}-{'two' if len(curve.losses) == 2 else 'four'}-arms"]


def limits(losses: tuple[float, ...]) -> tuple[float, float]:
    """J and Q at scaled time 2 from the differential equation of the sensitivities."""
    cost, arms = np.array(losses), len(losses)

    def slope(s, state):
        p = np.exp(-s * cost)
        p /= p.sum()
        h = state[:arms] - p @ state[:arms]
        return [*(-cost * (1 - h)), p @ h**2, np.sum((p * h) ** 2)]

    end = solve_ivp(slope, (0.0, 2.0), np.zeros(arms + 2), rtol=1e-10, atol=1e-12).y[:, -1]
    return float(end[-2]), float(end[-1])


def rungs(rate: float, count: int) -> np.ndarray:
    """p and dx/d eta after 0, 1, ... lossy pulls, two arms and loss 1: (2, count)."""
    x, slope, rows = 0.0, 0.0, []
    for _ in range(count):
        rows.append((np.exp(-np.logaddexp(0.0, x)), slope))
        up = math.exp(min(x, 250.0))  # beyond it a probability is nothing in so few rounds
        x, slope = x + rate * (1 + up), min(slope + 1 + up + rate * up * slope, 1e150)
    return np.array(rows).T


def information(rate: float, rounds: int) -> float:
    """I_T round by round over the law of the number of pulls."""
    p, slope = rungs(rate, rounds + 1)
    weight, total = np.eye(1, rounds + 1)[0], 0.0
    for _ in range(rounds):
        total += np.sum((weight * slope**2 * p * (1 - p))[p > 1e-100])
        weight = weight * (1 - p) + np.concatenate(([0.0], (weight * p)[:-1]))
    return total


def affinity(rate: float, other: float, rounds: int) -> float:
    """sum sqrt(P P') round by round."""
    p, q = rungs(rate, 60)[0], rungs(other, 60)[0]
    weight = np.eye(1, 60)[0]
    for _ in range(rounds):
        weight = weight * np.sqrt((1 - p) * (1 - q)) + np.concatenate(([0.0], (weight * np.sqrt(p * q))[:-1]))
    return weight.sum()


# --- identities and limits


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_limits_of_the_spread(drawn, curve):
    line = find(figure_of(drawn, "learning-rate", curve), "spread", f"limit, {curve.name}", "theory")
    expected = np.sqrt(0.5 * line.x**-curve.exponent / limits(curve.losses)[0])
    assert np.allclose(line.y, expected, rtol=DIFFERENTIAL, atol=0)
    assert np.diff(np.log(line.y)) / np.diff(np.log(line.x)) == pytest.approx(-curve.exponent / 2, rel=1e-9)


def test_the_limit_of_two_arms_is_an_integral():
    assert limits((1.0, 0.0))[0] == pytest.approx(
        quad(lambda s: np.exp(s) * np.log(2 / (1 + np.exp(-s))) ** 2, 0, 2)[0], rel=DIFFERENTIAL
    )


@pytest.mark.parametrize("curve", estimation.TWO, ids=lambda curve: curve.name)
def test_exact_deviations_round_by_round(drawn, curve):
    result = drawn["learning-rate-two-arms"]
    line = find(result, "spread", f"exact, {curve.name}", "theory")
    for k in (0, 5, 11):
        rate = 0.5 * line.x[k] ** -curve.exponent
        assert 2 / rate == pytest.approx(round(2 / rate), rel=1e-9)
        expected = 1 / (rate * np.sqrt(information(rate, round(2 / rate))))
        assert line.y[k] == pytest.approx(expected, rel=1e-9)  # 1e3 rounds, eps each
    for series, z in (("quartile", chi2.ppf(0.5, 1) ** 0.5), ("5 %", chi2.ppf(0.9, 1) ** 0.5)):
        for sign in (-1, 1):
            quantile = find(result, f"errors, {curve.name}", f"{series}, {sign:+d}, {curve.name}", "theory")
            assert np.allclose(quantile.y, sign * z * line.y, rtol=1e-12, atol=0)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_the_limit_law_of_the_prediction_error(drawn, curve):
    result = figure_of(drawn, "prediction", curve)
    information_limit, prediction_limit = limits(curve.losses)
    mean, bound, median = (find(result, curve.name, name, "theory") for name in ("mean", "bound", "median"))
    rounds = 4 * mean.x**curve.exponent
    ratio = prediction_limit / information_limit
    assert np.allclose(mean.y, ratio / rounds, rtol=DIFFERENTIAL, atol=0)
    assert np.allclose(median.y, chi2.ppf(0.5, 1) * ratio / rounds, rtol=DIFFERENTIAL, atol=0)
    assert np.allclose(bound.y, 4 * np.log(41 / 0.05) / rounds, rtol=1e-12, atol=0)
    for series, level in (("5 % to 95 %", 0.05), ("quartiles", 0.25)):
        band = find(result, curve.name, series, "theory")
        assert np.allclose(band.low, chi2.ppf(level, 1) * ratio / rounds, rtol=DIFFERENTIAL, atol=0)
        assert np.allclose(band.high, chi2.ppf(1 - level, 1) * ratio / rounds, rtol=DIFFERENTIAL, atol=0)


@pytest.mark.parametrize("rate", constant.RATES)
def test_look_alikes_look_alike_and_rates_beyond_do_not(drawn, rate):
    result = drawn["learning-rate-constant"]
    band = find(result, f"estimates, {rate:g}", "look-alikes", "theory")
    few = np.flatnonzero(band.x < 2000)
    assert few.size >= 3
    for k in few:
        for edge in (1 + band.low[k], 1 + band.high[k]):
            assert affinity(rate, rate * edge, int(band.x[k])) >= 0.9 - 1e-9
            if 0.1 * (1 + 1e-9) < edge < 10 * (1 - 1e-9):
                beyond = edge * np.exp(2e-5 * np.sign(edge - 1))  # last step of the halving: log(10)/40/2^14 = 4e-6
                assert affinity(rate, rate * beyond, int(band.x[k])) < 0.9
    half = find(result, f"errors, {rate:g}", "two rates", "theory")
    assert np.allclose(half.y, np.maximum(band.high, -band.low) / 2, rtol=1e-12, atol=0)


@pytest.mark.parametrize("rate", constant.RATES)
def test_efficient_estimates_of_a_constant_rate(drawn, rate):
    result = drawn["learning-rate-constant"]
    upper = find(result, f"estimates, {rate:g}", "efficient, 95 %", "theory")
    size = find(result, f"errors, {rate:g}", "efficient", "theory")
    for k in np.flatnonzero(upper.x < 300):
        deviation = 1 / (rate * np.sqrt(information(rate, int(upper.x[k]))))
        assert upper.y[k] == pytest.approx(chi2.ppf(0.9, 1) ** 0.5 * deviation, rel=1e-9)
        share = (1 - np.sqrt(1 - 0.81)) / 2
        assert size.y[k] == pytest.approx(chi2.isf(share, 1) ** 0.5 * deviation, rel=1e-9)


def test_settings_of_look_alikes_keep_the_interval():
    for rate in constant.RATES:
        for n in constant.horizons("quick"):
            ratio = constant.look_alike(rate, n)
            setting = constant.setting(rate, n, ratio)
            ends = setting["learning_rate"] * setting["low"], setting["learning_rate"] * setting["high"]
            assert ends == pytest.approx((rate / 10, rate * 10), rel=1e-12)
            below, above = (float(side[0]) for side in constant.look_alikes(rate, np.array([float(n)])))
            far = max(above - 1, 1 - below)
            assert 0.99 * far < abs(ratio - 1) <= far * (1 + 1e-9)


# --- oracle


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_boxes_spreads_and_shares_are_those_of_the_samples(drawn, curve):
    result = figure_of(drawn, "learning-rate", curve)
    column = curve.name if len(curve.losses) == 2 else f"losses {curve.name[7:].split(', α')[0]}"
    boxes = find(result, f"errors, {column}", f"errors, {curve.name}", "simulation")
    spread = find(result, "spread", f"spread, {curve.name}", "simulation")
    places = ESTIMATE_OUTPUTS.index
    for k, n in enumerate(curve.horizons("quick")):
        samples = result.data.samples[curve.named(n)]
        ended = samples[:, [places("at_low"), places("at_high"), places("flat")]].any(axis=1)
        assert boxes.y[k] == pytest.approx(np.median(samples[~ended, 0]), rel=1e-12)
        assert (spread.x[k], boxes.x[k]) == (n, pytest.approx(n, rel=0.2))
        known = samples[samples[:, places("flat")] == 0, 0]
        assert spread.y[k] == pytest.approx(np.subtract(*np.percentile(known, [75, 25])) / 1.3489795, rel=1e-7)
        for name in ("at_low", "at_high", "flat"):
            share = find(result, f"ends, {column}", f"{curve.name}: {name}", "simulation")
            assert share.y[k] == pytest.approx(100 * samples[:, places(name)].mean(), rel=1e-12)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_prediction_errors_are_those_of_the_samples(drawn, curve):
    result = figure_of(drawn, "prediction", curve)
    mean = find(result, curve.name, "mean", "simulation")
    finite = find(result, curve.name, "finite set", "simulation")
    at, among = ESTIMATE_OUTPUTS.index("squared_distance"), FINITE_SET_OUTPUTS.index("squared_distance")
    for k, n in enumerate(curve.horizons("quick")):
        samples, rounds = result.data.samples[curve.named(n)], round(4 * n**curve.exponent)
        known = samples[samples[:, ESTIMATE_OUTPUTS.index("flat")] == 0, at]
        assert mean.y[k] == pytest.approx(known.mean() / rounds, rel=1e-12)
        others = result.data.samples[f"{curve.named(n)}, finite set"][:, among]
        assert finite.y[k] == pytest.approx(np.quantile(others, 0.95) / rounds, rel=1e-12)


@pytest.mark.parametrize("rate", constant.RATES)
def test_errors_of_a_constant_rate_are_those_of_the_samples(drawn, rate):
    result = drawn["learning-rate-constant"]
    level = 1 - (1 - np.sqrt(1 - 0.81)) / 2
    ours = find(result, f"errors, {rate:g}", "errors", "simulation")
    others = find(result, f"errors, {rate:g}", "errors at look-alikes", "simulation")
    boxes = find(result, f"estimates, {rate:g}", "estimates", "simulation")
    at, flat = LADDER_OUTPUTS.index("absolute_error"), LADDER_OUTPUTS.index("flat")
    for k, n in enumerate(constant.horizons("quick")):
        for mark, which, unit in ((ours, "eta", 1.0), (others, "look-alike of eta", constant.look_alike(rate, n))):
            samples = result.data.samples[constant.named(rate, n, which)]
            expected = unit * np.quantile(samples[samples[:, flat] == 0, at], level)
            assert mark.y[k] == pytest.approx(expected, rel=1e-12)
        samples = result.data.samples[constant.named(rate, n)]
        ended = samples[:, [LADDER_OUTPUTS.index(name) for name in ("at_low", "at_high", "flat")]].any(axis=1)
        assert boxes.y[k] == pytest.approx(np.median(samples[~ended, LADDER_OUTPUTS.index("error")]), rel=1e-12)


def test_errors_of_spreads_and_quantiles_of_normal_samples():
    rng = np.random.default_rng(11)
    draws = [(shared.spread(v), shared.quantile(v, 0.25)) for v in 3.0 * rng.standard_normal((400, 400))]
    for found in np.moveaxis(np.array(draws), 1, 0):
        # 400 draws: the deviation of the values is known to 4 %, and the error of order statistics is biased by less
        assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)
    assert np.mean([one[0][0] for one in draws]) == pytest.approx(3.0, rel=0.01)


# --- properties


def test_candidates_are_geometric_about_the_truth():
    ratios = np.array(prediction.candidates())
    assert ratios.size == 41
    assert ratios[20] == 1.0
    assert np.allclose(np.diff(np.log(ratios)), np.log(9) / 40, rtol=1e-9)


@pytest.mark.parametrize("draw", [estimation.draw_two, estimation.draw_four])
def test_a_wrong_spread_is_crossed_out(drawn, monkeypatch, draw):
    right = estimation.mle_standard_deviation
    monkeypatch.setattr(estimation, "mle_standard_deviation", lambda *a: 5 * np.asarray(right(*a)))
    monkeypatch.setattr(estimation, "ladder_information", lambda n, rate: 1 / (25 * rate**3))
    estimation.exact_line.cache_clear()
    data = drawn["learning-rate-two-arms" if draw is estimation.draw_two else "learning-rate-four-arms"].data
    assert draw(data).crossed[0] >= 3
    estimation.exact_line.cache_clear()


def test_wrong_predictions_and_exceeded_bounds_are_crossed_out(drawn, monkeypatch):
    data = drawn["prediction-two-arms"].data
    right = prediction.mean_prediction_error
    monkeypatch.setattr(prediction, "mean_prediction_error", lambda *a: 4 * np.asarray(right(*a)))
    means = prediction.draw_two(data).crossed[0]
    assert means >= 4
    bound = prediction.prediction_bound(41, 0.95)
    low = dataclasses.replace(bound, squared_two_norm=0.1)
    monkeypatch.setattr(prediction, "prediction_bound", lambda *a: low)
    assert prediction.draw_two(data).crossed[0] >= means + 4


def test_an_estimator_better_than_possible_is_crossed_out(drawn, monkeypatch):
    monkeypatch.setattr(constant, "look_alike", lambda rate, n: 100.0)
    samples = {name: 0.001 * values for name, values in drawn["learning-rate-constant"].data.samples.items()}
    data = dataclasses.replace(drawn["learning-rate-constant"].data, samples=samples)
    assert constant.draw(data).crossed[0] == 2 * 3 * len(constant.horizons("quick"))
