"""Cliff, horizon and coverage: theory on the axes by another route, points against the moments of the store."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import rel_entr, spence

from assay.marks import Mark
from figures.exp3 import cliff, coverage, horizon
from simulations.exp3 import ESTIMATE_OUTPUTS, LADDER_OUTPUTS
from theory.exp3 import cliff_time


def find(result, panel: str, series: str, role: str) -> Mark:
    found = [m for m in result.canvas.marks if (m.panel, m.series, m.role) == (panel, series, role)]
    assert len(found) == 1, sorted({(m.panel, m.series, m.role) for m in result.canvas.marks})
    return found[0]


def information(eta: float, rounds: int) -> float:
    """I_n of losses (1, 0): the chances of the levels, round by round."""
    odds, slopes = [0.0], [0.0]
    while odds[-1] < 600:
        x, slope = odds[-1], slopes[-1]
        odds.append(x + eta * (1 + np.exp(x)))
        slopes.append(slope + (1 + np.exp(x)) + eta * np.exp(x) * slope)
    p, slope = 1 / (1 + np.exp(np.minimum(odds, 650.0))), np.array(slopes)
    chances, total = np.eye(len(p))[0], 0.0
    for _ in range(rounds):
        total += np.sum(chances * p * (1 - p) * np.where(p > 1e-200, slope, 0.0) ** 2)
        moved = chances * p
        chances = chances - moved
        chances[1:] += moved[:-1]
    return total


def limit_information(time: float) -> float:
    """J of losses (1, 0), in closed form."""
    v = 1 / (1 + np.exp(-time))
    rise = np.log(2 * v)
    return rise**2 * v / (1 - v) + 2 * rise * np.log(1 - v) + 2 * (spence(1 - v) - spence(0.5))


# --- identities and limits


@pytest.mark.parametrize("n_arms", [2, 5])
def test_the_cliff_of_a_candidate_stands_where_the_theory_has_it(n_arms):
    times = np.geomspace(0.01, 10.0, 13)
    # the inverse magnifies rounding by r/(r - 1) of a cliff time that is a logarithm of r - 1
    assert cliff_time(cliff.cliff_ratio(times, n_arms), n_arms) == pytest.approx(times, rel=1e-9)


def test_half_fallen_interpolates_between_candidates():
    count = len(cliff.LARGER)
    flags = np.zeros((4, count))
    flags[:, 50:] = 1.0
    flags[:1, 40:] = 1.0  # a quarter of the runs falls early
    place, error = cliff.half_fallen(np.hstack([np.zeros((4, count)), flags]))
    left, right = cliff.LARGER[49:51]
    assert place == pytest.approx(left + (right - left) / 3, rel=1e-12)  # from 1/4 to 1, a third of the way is 1/2
    assert error == pytest.approx(0.25 / 0.75 * (right - left), rel=1e-12)
    assert np.isnan(cliff.half_fallen(np.zeros((4, 2 * count)))).all()


def test_rates_fall_with_the_horizon_and_truncations_keep_their_scaled_time():
    for exponent in horizon.EXPONENTS:
        chosen = horizon.horizons("standard", exponent)
        rates, rounds, stops = (
            np.array([getattr(c, name) for c in chosen]) for name in ("rate", "rounds", "truncated")
        )
        assert np.diff(np.log(rates)) == pytest.approx(-exponent * np.diff(np.log(rounds)), rel=1e-12)
        assert np.all(np.abs(rates * stops - horizon.TIME) <= rates / 2 * (1 + 1e-12))


# --- oracle


@pytest.mark.parametrize("time", cliff.TIMES)
@pytest.mark.parametrize("kind", ["losses", "gains"])
def test_limits_are_divergences_of_the_paths(drawn, kind, time):
    mark = find(drawn["likelihood-cliff"], kind, f"S = {time:g}", "theory")
    sign = 1.0 if kind == "losses" else -1.0

    def divergence(s: float, ratio: float) -> float:
        p = 1 / (1 + np.exp(sign * s))
        q = 1 - 0.5 * (2 * (1 - p)) ** ratio
        return float(np.sum(rel_entr([p, 1 - p], [q, 1 - q])))

    for k in (3, 60, 110, 130):
        wanted = quad(divergence, 0, time, args=(mark.x[min(k, mark.x.size - 2)],), epsabs=1e-12)[0]
        # before the cliff the divergence is smooth; closed forms of size one are subtracted
        assert mark.y[min(k, mark.x.size - 2)] == pytest.approx(-wanted, rel=1e-6, abs=1e-11)
    assert mark.x[-1] == pytest.approx(cliff.cliff_ratio(time) if kind == "losses" else cliff.XLIM[1], rel=1e-8)


def test_bounds_are_those_of_the_levels_round_by_round(drawn):
    for exponent in horizon.EXPONENTS:
        panel = f"errors, {exponent:g}"
        dashes = find(drawn["full-horizon"], panel, "all", "theory")
        one = horizon.horizons("quick", exponent)[0]
        assert dashes.x[0] == one.rounds
        assert dashes.y[0] == pytest.approx(1 / (one.rate * information(one.rate, one.rounds) ** 0.5), rel=1e-10)
        line = find(drawn["full-horizon"], panel, "truncated", "theory")
        at = horizon.horizon(exponent, line.x[2])
        assert line.y[2] == pytest.approx(1 / (at.rate * information(at.rate, at.truncated) ** 0.5), rel=1e-10)
        law = find(drawn["full-horizon"], panel, "limit", "theory")
        rates = horizon.SCALE * law.x**-exponent
        assert law.y == pytest.approx(np.sqrt(rates / limit_information(horizon.TIME)), rel=1e-10)
        band = find(drawn["full-horizon"], panel, "all, nearby", "theory")
        assert np.all(band.low <= band.high)
        (slope, _) = np.polyfit(np.log(band.x), np.log(np.sqrt(band.low * band.high)), 1)
        assert -1.8 * exponent < slope < -0.8 * exponent  # a log-periodic factor that falls slowly; not half of it


def test_the_map_has_its_lines_where_the_limit_ends(drawn):
    result, panel = drawn["likelihood-ratio-coverage"], "best arm without loss"
    few, late = (find(result, panel, name, "theory") for name in ("too few rounds", "lossy arm gone"))
    assert few.x[::20] == pytest.approx([limit_information(s) for s in few.y[::20]], rel=1e-8)  # J ~ S^3/12 cancels
    assert np.log(late.x) == pytest.approx(-late.y, rel=1e-12)
    other = find(result, "both arms lossy", "lossy arm gone", "theory")
    assert np.log(other.x) == pytest.approx(-0.8 * other.y, rel=1e-12)


# --- properties


def test_points_of_the_cliff_are_the_means_of_the_store(drawn):
    result, count = drawn["likelihood-cliff"], len(cliff.RATIOS)
    for kind in ("losses", "gains"):
        for time in cliff.TIMES:
            mean = result.data.moments[cliff.curves(kind, time)].mean[:count]
            points = find(result, kind, f"means, S = {time:g}", "simulation")
            columns = [int(np.argmin(np.abs(np.array(cliff.RATIOS) - x))) for x in points.x]
            assert points.x.size >= 4
            assert points.y == pytest.approx(mean[columns] - mean[cliff.TRUTH], rel=1e-9)  # sums in another order
            runs = find(result, kind, f"runs, S = {time:g}", "simulation")
            first = result.data.samples[cliff.curves(kind, time)][0]
            assert runs.y[3] == first[3] - first[cliff.TRUTH]


def test_points_of_the_horizon_are_the_means_of_the_store(drawn):
    result = drawn["full-horizon"]
    square, ratio = (LADDER_OUTPUTS.index(name) for name in ("squared_error", "likelihood_ratio"))
    for exponent in horizon.EXPONENTS:
        chosen = horizon.horizons("quick", exponent)
        for which in horizon.LOOKS:
            moments = [result.data.moments[horizon.named(which, one)] for one in chosen]
            sizes = find(result, f"errors, {exponent:g}", f"{which}, root mean square", "simulation")
            means = find(result, f"ratios, {exponent:g}", which, "simulation")
            assert sizes.y**2 == pytest.approx([m.mean[square] for m in moments], rel=1e-9)
            assert means.y == pytest.approx([m.mean[ratio] for m in moments], rel=1e-9)
            bars = [m.standard_error[ratio] for m in moments]
            assert (means.high - means.low) / 2 == pytest.approx(bars, rel=1e-9)


def test_cells_of_the_map_are_the_means_of_the_store(drawn):
    result = drawn["likelihood-ratio-coverage"]
    index = ESTIMATE_OUTPUTS.index("covered")
    for panel in coverage.PANELS:
        mark = find(result, panel, "coverage", "simulation")
        for rate, time, z in zip(mark.x, mark.y, mark.z, strict=True):
            assert z == 100 * result.data.moments[coverage.named(panel, rate, time)].mean[index]
        words = {text.get_text() for text in result.canvas.axes[panel].texts}
        assert words == {f"{z:.0f}" for z in mark.z}


def test_wrong_theory_is_crossed_out(drawn, monkeypatch):
    right = cliff.limit
    monkeypatch.setattr(cliff, "limit", lambda time, ratios, gains: 1.5 * right(time, ratios, gains))
    assert cliff.draw(drawn["likelihood-cliff"].data).crossed[0] > 10
    monkeypatch.setattr(coverage, "NOMINAL", 0.5)
    assert coverage.draw(drawn["likelihood-ratio-coverage"].data).crossed[0] > 2


def test_a_likelihood_ratio_that_is_not_chi_square_is_crossed_out(drawn):
    data = drawn["full-horizon"].data
    index = LADDER_OUTPUTS.index("likelihood_ratio")
    copies = {name: samples.copy() for name, samples in data.samples.items()}
    try:
        for samples in data.samples.values():
            samples[:, index] += 3
        assert horizon.draw(data).crossed[0] > 5
    finally:
        for name, samples in data.samples.items():
            samples[:] = copies[name]
