"""Effects of weight, bag size, samples and signal: lines by another route, points against the store's moments."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from figures.aggregate_responses import _shared as shared
from figures.aggregate_responses import levels, verify, weights
from tests.figures.aggregate_responses.helpers import CLOSE, bag, find, instance, is_ridge, points, probes, same
from theory.aggregate_responses import limit_risk, wachter_risk

# --- identities and limits


@pytest.mark.parametrize("k", weights.BAGS)
@pytest.mark.parametrize("snr", weights.SNRS)
def test_risk_along_the_weights(drawn, k, snr):
    result, panel = drawn["bag-weight"], f"SNR {snr:g}"
    line = find(result, panel, f"k = {k}", "theory")
    for rho, height in probes(line):
        expected = wachter_risk(6, k, rho, signal=3.0, noise_variance=3.0 / snr).total / 3.0
        assert height == pytest.approx(expected, rel=CLOSE)
    floor, best = (find(result, panel, f"{name}, k = {k}", "theory") for name in ("ridge", "best"))
    assert is_ridge(floor.y[0], 6, k, 1 / snr)
    assert floor.y[0] < best.y[0] <= line.y.min() * (1 + 1e-12)
    assert best.y[0] == pytest.approx(line.y.min(), rel=1e-3)  # the line's grid has 160 points over 3.5 decades
    moments = result.data.moments[f"SNR = {snr:g}, k = {k}"].linear(1 / shared.SIGNAL)
    same(find(result, panel, f"k = {k}", "simulation"), weights.weights("quick"), moments)


@pytest.mark.parametrize("k", weights.BAGS)
def test_bias_and_variance_along_the_weights(drawn, k):
    result = drawn["bag-weight"]
    for column, part in enumerate(("bias", "variance")):
        for rho, height in probes(find(result, part, f"k = {k}", "theory")):
            expected = wachter_risk(6, k, rho, signal=1.0, noise_variance=1.0)[column]
            assert height == pytest.approx(expected, rel=CLOSE)
        moments = result.data.moments[f"parts, k = {k}"].select((..., column)).linear(1 / shared.SIGNAL)
        same(find(result, part, f"k = {k}", "simulation"), weights.weights("quick"), moments)


@pytest.mark.parametrize("psi", weights.RATIOS)
def test_bias_falls_first_below_the_bag_size(drawn, psi):
    result, series = drawn["bag-bias"], f"ψ = {psi:g}"
    line = find(result, "bias", series, "theory")
    for rho, height in probes(line):
        assert height == pytest.approx(wachter_risk(psi, 3, rho, signal=1.0, noise_variance=0.0).bias, rel=CLOSE)
    lowest = [m for m in result.canvas.marks if m.series == f"least, {series}"]
    assert bool(lowest) == bool(line.y[1] < line.y[0]) == (psi < 3)
    if psi == 1.2:
        assert lowest[0].x[0] == pytest.approx(5.086, rel=0.03)  # the grid has 50 points a decade
        assert np.interp(10.0, line.x, line.y) == pytest.approx(1.50235, abs=1e-4)  # linear between points
    moments = result.data.moments[f"psi = {psi:g}"].select((..., 0)).linear(1 / shared.SIGNAL)
    same(find(result, "bias", series, "simulation"), weights.bias_weights("quick"), moments)


@pytest.mark.parametrize("figure", list(levels.PANELS))
@pytest.mark.parametrize("panel", [0, 1])
def test_levels_by_their_closed_forms(drawn, figure, panel):
    result, value = drawn[figure], levels.PANELS[figure][panel]

    def setting(x: float) -> tuple[float, float, float]:
        k = levels.BAG.get(figure, (0, 0))[panel]
        return {"bag-size": (6.0, x, value), "bag-samples": (x, k, value), "bag-snr": (value, k, x)}[figure]

    lines = {kind: find(result, f"{panel}", kind, "theory") for kind in levels.KINDS}
    for i in (0, 60, 120, -1):
        psi, k, snr = setting(float(lines["bag level"].x[i]))
        assert lines["bag level"].y[i] == pytest.approx(bag(psi, k, 1 / snr), rel=1e-10)
        assert lines["instance level"].y[i] == pytest.approx(instance(psi, k, 1 / snr), rel=1e-10)
        ladder = np.append(np.geomspace(1e-6, 1e6, 3000), np.inf)
        brute = np.asarray(limit_risk(psi, k, ladder, signal=1.0, noise_variance=1 / snr).total).min()
        assert lines["best weight"].y[i] == pytest.approx(brute, rel=1e-4)  # 250 weights a decade
        floor = find(result, f"{panel}", "best ridge on the bag means", "theory")
        assert is_ridge(floor.y[i], psi, k, 1 / snr)
    for guide in (m for m in result.canvas.marks if (m.panel, m.series) == (f"{panel}", "crossover")):
        psi, k, snr = setting(float(guide.x[0]))
        assert bag(psi, k, 1 / snr) == pytest.approx(instance(psi, k, 1 / snr), rel=1e-9)


@pytest.mark.parametrize(("figure", "counts"), [("bag-size", (0, 2)), ("bag-samples", (2, 2)), ("bag-snr", (1, 1))])
@pytest.mark.parametrize("panel", [0, 1])
def test_every_crossing_has_its_guide(drawn, figure, panel, counts):
    result = drawn[figure]
    guides = [m for m in result.canvas.marks if (m.panel, m.series) == (f"{panel}", "crossover")]
    lines = [find(result, f"{panel}", kind, "theory").y for kind in levels.KINDS[:2]]
    gap = np.log(lines[0] / lines[1])
    turns = [i for i in range(gap.size - 1) if gap[i] * gap[i + 1] < 0]
    assert len(guides) == len(turns) == counts[panel]


@pytest.mark.parametrize("figure", list(levels.PANELS))
def test_points_of_levels_stand_where_they_were_simulated(drawn, figure):
    result = drawn[figure]
    for panel in (0, 1):
        cells = levels.cells(figure, panel, "quick")
        marks = {kind: points(result, f"{panel}", kind) for kind in levels.KINDS}
        for i, (n, k, snr) in enumerate(cells):
            at = {"bag-size": k, "bag-samples": n / 100, "bag-snr": snr}[figure]
            whole = result.data.moments[f"{(n, k, snr)}"]
            same(marks["instance level"][i], at, whole.select(0).linear(1 / 1.7))
            same(marks["best weight"][i], at, whole.select(1).linear(1 / 1.7))
            level = marks["bag level"][i]
            if n / k > 100:
                same(level, at, whole.select(2).linear(1 / 1.7))
            else:
                parts = result.data.moments[f"{(n, k, snr)}, least norm"].mean[0]
                assert level.y[0] == pytest.approx(parts.sum() / 1.7, rel=1e-14)


def test_shifts_are_those_of_the_exact_expectations(drawn):
    result = drawn["bag-verify"]
    lines = {label: find(result, "shift", label, "theory") for label, _, _ in verify.SHIFTS}
    for i in (0, 13, -1):
        d = int(lines["bag level, variance"].x[i])
        n, m = 4 * d, 2 * d
        assert lines["bag level, variance"].y[i] == pytest.approx(d / (m - d - 1) - 1, rel=1e-10)
        spread = Fraction(m * d, n * (n - d - 1))
        assert lines["instance level, variance"].y[i] == pytest.approx(float(6 * spread - 1), rel=1e-9)
        inner = n**3 - (m + d) * n**2 + 2 * d * m * n + (m - d - 3) * n + 2 * (d - m + 1)
        missed = Fraction((n - m) * inner, n * (n - 1) * (n + 2) * (n - d - 1))
        assert lines["instance level, bias"].y[i] == pytest.approx(float(3 * missed - 1), rel=1e-9)


def test_verification_shows_real_bags(drawn):
    result = drawn["bag-verify"]
    for column, part in enumerate(verify.PARTS):
        for rho, height in probes(find(result, "rho", part, "theory")):
            expected = wachter_risk(6, 3, rho, signal=2.0, noise_variance=0.8)[column]
            assert height == pytest.approx(expected, rel=CLOSE)
        for psi, height in probes(find(result, "psi", part, "theory")):
            expected = wachter_risk(psi, 3, 0.3, signal=2.0, noise_variance=0.8)[column]
            assert height == pytest.approx(expected, rel=CLOSE)
        name = "rho, literal" if part == "risk" else "rho, exact"
        moments = result.data.moments[name]
        moments = moments if part == "risk" else moments.select((..., column))
        same(find(result, "rho", part, "simulation"), verify.weights("quick"), moments)
    plan = verify.experiments("quick", 1)
    assert plan["rho, literal"][0].measure.__name__ == "literal_errors"


# --- properties


@pytest.mark.parametrize("scale", ["quick", "standard", "paper"])
def test_bags_are_whole_and_never_as_many_as_features(scale):
    for figure in levels.PANELS:
        for panel in (0, 1):
            for n, k, _ in levels.cells(figure, panel, scale):
                assert n % k == 0
                assert abs(n // k - levels.D) > 1


def test_a_wrong_theory_is_crossed_out(drawn, monkeypatch):
    right = weights.limit_risk

    def wrong(psi, k, rho, *, signal, noise_variance):
        return right(psi, k, rho, signal=signal, noise_variance=1.3 * noise_variance)

    monkeypatch.setattr(weights, "limit_risk", wrong)
    canvas = weights.draw_weight(drawn["bag-weight"].data)
    by_panel = {
        name: [m.crossed.any() for m in canvas.marks if (m.panel, m.role) == (name, "simulation")]
        for name in canvas.axes
    }
    assert all(by_panel["variance"])
    assert all(by_panel["SNR 0.5"])
    assert not any(by_panel["bias"])
