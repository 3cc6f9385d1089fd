"""Exits, differences, staircase and chaos: lines by another route, points against the stored samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.marks import Mark
from figures.exp3 import chaos, differences, exits, staircase
from simulations.exp3 import ROUNDING_OUTPUTS


def find(result, panel: str, series: str, role: str) -> Mark:
    """The one mark of this panel, series and role."""
    found = [m for m in result.canvas.marks if (m.panel, m.series, m.role) == (panel, series, role)]
    assert len(found) == 1, sorted({(m.panel, m.series, m.role) for m in result.canvas.marks})
    return found[0]


def climb(rate: float, others: int) -> list[tuple[float, float, float]]:
    """p, x and dx/d eta after 0, 1, ... lossy pulls with loss 1, as long as p is a float."""
    x, slope, rows = 0.0, 0.0, []
    while x < 600:
        odds = others * math.exp(x)
        rows.append((1 / (1 + odds), x, slope))
        x, slope = x + rate * (1 + odds), slope + 1 + odds + rate * odds * slope
    return rows


def softmax(losses: tuple[float, ...], s: float) -> np.ndarray:
    weights = np.exp(-s * np.array(losses))
    return weights / weights.sum()


# --- identities and limits


@pytest.mark.parametrize("threshold", exits.THRESHOLDS)
@pytest.mark.parametrize("name", [name for name in exits.CASES if exits.is_ladder(name)])
def test_exact_exits_are_sums_of_waiting_times(drawn, name, threshold):
    result, others = drawn["exit-times"], len(exits.CASES[name]) - 1
    top, scaled, spread = (
        find(result, f"{panel}, {name}", f"exact, {threshold:g}", "theory") for panel in ("rounds", "scaled", "spread")
    )
    sure = find(result, f"scaled, {name}", f"sure bound, {threshold:g}", "theory")
    linear = find(result, f"scaled, {name}", f"linear bound, {threshold:g}", "theory")
    for k in range(0, top.x.size, 37):
        rate = top.x[k]
        p = np.array([row[0] for row in climb(rate, others)])
        before = p[: np.argmax(p < threshold)]
        mean = 1 + np.sum(1 / before)
        assert top.y[k] == pytest.approx(mean, rel=1e-10)
        assert scaled.y[k] == pytest.approx(rate * mean, rel=1e-10)
        assert spread.y[k] == pytest.approx(rate * np.sqrt(np.sum((1 - before) / before**2)), rel=1e-10)
        assert sure.y[k] == pytest.approx(rate * (before.size + 1), rel=1e-12)
        worst = [t for t in range(1, 2000) if 1 / (others + 1) - rate * (t - 1) >= threshold - 1e-12]
        assert linear.y[k] == pytest.approx(rate * (worst[-1] + 1), rel=1e-12)


@pytest.mark.parametrize("threshold", exits.THRESHOLDS)
@pytest.mark.parametrize("name", exits.CASES)
def test_limits_of_exits_are_where_the_softmax_crosses(drawn, name, threshold):
    line = find(drawn["exit-times"], f"scaled, {name}", f"limit, {threshold:g}", "theory")
    assert np.ptp(line.y) == 0
    assert softmax(exits.CASES[name], line.y[0]).min() == pytest.approx(threshold, rel=1e-9)


@pytest.mark.parametrize("ratio", differences.RATIOS)
def test_differences_follow_the_candidate_s_differential_equation(drawn, ratio):
    line = find(drawn["probability-difference"], "eta = 0.01", f"r = {ratio:g}", "theory")
    # Euler's method for dz/ds = r p(s)/q(z), q the candidate's probability, in 40000 steps; first order
    z, h = 0.0, differences.END / 40_000
    wanted = np.empty(40_001)
    for k in range(40_001):
        p, q = 1 / (1 + math.exp(k * h)), 1 / (1 + math.exp(min(z, 700.0)))
        wanted[k] = p - q
        z += h * ratio * p / q if z < 700 else 0.0
    nodes = np.linspace(0.0, differences.END, 40_001)
    cliff = -math.log(2 ** (1 - 1 / ratio) - 1) if ratio > 1 else np.inf
    clear = np.abs(line.x - cliff) > 0.05  # where Euler's method has no steps to spare
    assert line.y[clear] == pytest.approx(np.interp(line.x[clear], nodes, wanted), abs=1e-3)
    if ratio > 1:
        end = find(drawn["probability-difference"], "eta = 0.01", f"cliff, r = {ratio:g}", "theory")
        assert (end.x[0], end.y[0]) == pytest.approx((cliff, 1 / (1 + math.exp(cliff))), rel=1e-9)


@pytest.mark.parametrize("ratio", [0.9, 1.1])
def test_first_order_is_the_tangent_at_the_truth(drawn, ratio):
    line = find(drawn["probability-difference"], "eta = 0.01", f"tangent, r = {ratio:g}", "theory")
    near = 1e-6
    slope = (differences.difference(line.x, 1 + near) - differences.difference(line.x, 1 - near)) / (2 * near)
    # a central difference: rounding 1e-16/1e-6, and 1e-12 of the third derivative
    assert line.y == pytest.approx((ratio - 1) * slope, abs=1e-9)


@pytest.mark.parametrize("rate", staircase.RATES)
def test_the_staircase_is_the_sum_over_rounds(drawn, rate):
    result = drawn["information-staircase"]
    line = find(result, "staircase", f"exact, {rate:g}", "theory")
    for k in np.flatnonzero(line.x < 2.5)[::9]:
        rounds = round(float(10 ** line.x[k]))
        p, _, slope = np.array(climb(rate, 1)).T
        weight, total = np.zeros(p.size), 0.0
        weight[0] = 1.0
        for _ in range(rounds):
            total += weight @ (slope**2 * p * (1 - p))
            weight = weight * (1 - p) + np.concatenate([[0.0], (weight * p)[:-1]])
        # 300 rounds; the levels beyond the range of floats are never reached
        assert line.y[k] == pytest.approx(total, rel=1e-9)
    p, _, slope = np.array(climb(rate, 1)).T
    heights = np.cumsum(slope**2 * (1 - p))
    plateaus = [m for m in result.canvas.marks if m.series == f"plateau, {rate:g}"]
    assert plateaus
    for mark in plateaus:
        assert np.abs(heights / mark.y[0] - 1).min() < 1e-9
        inside = (line.x > mark.x[0]) & (line.x < mark.x[1])
        assert line.y[inside] == pytest.approx(mark.y[0], rel=0.0101)


def test_bounds_of_the_staircase_fall(drawn):
    gap, average = (find(drawn["information-staircase"], "bounds", s, "theory") for s in ("gap", "van Trees"))
    assert gap.y[-1] == pytest.approx(0.0494 / 2, rel=0.03)  # a search; known to three digits
    assert np.all(np.diff(average.y) < 0)
    assert np.all(gap.y > average.y)


@pytest.mark.parametrize("rate", chaos.RATES)
def test_levels_and_limits_of_the_sensitivity(drawn, rate):
    result, panel = drawn["history-chaos"], f"sensitivity, {rate:g}"
    p, _, last = climb(rate, 1)[-1]
    steep = [row[2] for row in climb(rate, 1)[1:]] + [last + 1 / p + rate * (1 - p) / p * last]
    slopes = [math.log10(value) for value in steep]
    shown = sorted(m.y[0] for m in result.canvas.marks if (m.panel, m.series) == (panel, "level"))
    assert shown == pytest.approx([v for v in slopes if v < 12], rel=1e-10)
    for name, (losses, _) in chaos.CASES.items():
        if rate == max(chaos.RATES):  # p is below it from the start
            assert not any(m.series == f"limit, {name}" for m in result.canvas.marks if m.panel == panel)
            continue
        line = find(result, panel, f"limit, {name}", "theory")
        # d gamma/ds = -l (1 - h) by small steps of the second order
        gamma, s, h = np.zeros(2), 0.0, 1e-3

        def slope(gamma, s, losses=losses):
            return -np.array(losses) * (1 - gamma + softmax(losses, s) @ gamma)

        known = np.isfinite(line.y)
        assert np.all(np.diff(known.astype(int)) <= 0)
        end = rate * line.x[known][-1]
        steps = math.ceil(end / h)
        h = end / steps
        for _ in range(steps):
            middle = gamma + h / 2 * slope(gamma, s)
            gamma, s = gamma + h * slope(middle, s + h / 2), s + h
        assert 10 ** line.y[known][-1] * rate == pytest.approx(abs(gamma[0] - gamma[1]), rel=1e-4)
        assert softmax(losses, end).min() > rate


# --- oracle


def test_exit_points_are_moments_of_the_samples(drawn):
    result = drawn["exit-times"]
    for name in exits.CASES:
        for j, threshold in enumerate(exits.THRESHOLDS):
            mark = find(result, f"rounds, {name}", f"ε = {threshold:g}", "simulation")
            for rate, mean in zip(mark.x, mark.y, strict=True):
                samples = result.data.samples[exits.named(name, rate)][:, j]
                assert mean == pytest.approx(samples.mean(), rel=1e-12)
            assert result.data.moments[exits.named(name, mark.x[0])].mean[len(exits.THRESHOLDS) :].tolist() == [0] * 3


def test_points_of_the_staircase_are_moments(drawn):
    result = drawn["information-staircase"]
    for rate in staircase.RATES:
        mark = find(result, "staircase", f"simulated, {rate:g}", "simulation")
        assert mark.y.tolist() == result.data.moments[staircase.named(rate)].mean.tolist()


def test_points_of_differences_and_chaos_are_the_samples(drawn):
    result = drawn["probability-difference"]
    for rate in differences.RATES:
        for j, ratio in enumerate(differences.RATIOS):
            samples = result.data.samples[differences.named(rate)][:, j]
            few = find(result, differences.named(rate), f"single runs, r = {ratio:g}", "simulation")
            assert few.y.tolist() == samples[: differences.PATHS].ravel().tolist()
            mean = find(result, differences.named(rate), f"mean, r = {ratio:g}", "simulation")
            assert np.isin(mean.y.round(12), samples.mean(axis=0).round(12)).all()
    result = drawn["history-chaos"]
    for rate in chaos.RATES:
        for name in chaos.CASES:
            row = ROUNDING_OUTPUTS.index("log_error")
            errors = result.data.samples[chaos.named(name, rate)][:, row].ravel()
            mark = find(result, f"error, {rate:g}", name, "simulation")
            kept = (errors > chaos.SHOWN) & (errors < chaos.GIVEN_UP)
            assert mark.y.tolist() == errors[kept].tolist()


# --- properties


def test_a_limit_without_the_overshoot_is_crossed_out(drawn, monkeypatch):
    right = exits.exit_time

    def wrong(rate, threshold, arms, most):
        exact = right(rate, threshold, arms, most)
        log_odds = np.log((1 - threshold) / (threshold * (arms - 1)))
        return exact._replace(mean=1 + log_odds / np.asarray(rate))

    monkeypatch.setattr(exits, "exit_time", wrong)
    assert exits.draw(drawn["exit-times"].data).crossed[0] > 10


def test_a_bound_that_is_not_sure_is_crossed_out(drawn, monkeypatch):
    right = exits.exit_time

    def wrong(*given):
        exact = right(*given)
        return exact._replace(sure_lower_bound=np.asarray(exact.mean))

    monkeypatch.setattr(exits, "exit_time", wrong)
    assert exits.draw(drawn["exit-times"].data).crossed[0] > 10


def test_first_order_in_place_of_the_difference_is_crossed_out(drawn, monkeypatch):
    monkeypatch.setattr(differences, "difference", differences.tangent)
    assert differences.draw(drawn["probability-difference"].data).crossed[0] > 5


def test_half_as_much_information_again_is_crossed_out(drawn, monkeypatch):
    right = staircase.ladder_information
    monkeypatch.setattr(staircase, "ladder_information", lambda n, rate: 1.5 * np.asarray(right(n, rate)))
    assert staircase.draw(drawn["information-staircase"].data).crossed[0] > 20


def test_a_wrong_ladder_or_unit_of_rounding_is_crossed_out(drawn, monkeypatch):
    data = drawn["history-chaos"].data
    monkeypatch.setattr(chaos, "UNIT", chaos.UNIT - 4)
    assert chaos.draw(data).crossed[0] > 5
    right = chaos.ladder
    monkeypatch.setattr(chaos, "ladder", lambda rate, levels: right(1.01 * rate, levels))
    assert chaos.draw(data).crossed[0] > 30
