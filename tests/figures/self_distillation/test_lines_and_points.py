"""Theory on the axes against another route to the same numbers, points against the moments of the store."""

from __future__ import annotations

import numpy as np
import pytest

from assay.marks import Mark
from figures.self_distillation import _shared as shared
from figures.self_distillation import asymptotics, estimates, real, schedules, spectrum, toy
from figures.self_distillation._measures import smooth_problem
from simulations.self_distillation import TOY_RIDGE, TOY_TARGETS, toy_grid, toy_kernel
from theory.self_distillation import filter_risk, naive_gcv_limits, risk_terms

EXACT = 1e-9  # eps times the condition of the toy's solves (1e2) and of ratios of filters (1e3), with room
LIMIT = 1e-8  # contour integrals promise 1e-13 of the first risk; the best weight divides by their differences, >= 1e-4


def find(result, panel: str, series: str, role: str) -> Mark:
    """The one mark of this panel, series and role."""
    found = [m for m in result.canvas.marks if (m.panel, m.series, m.role) == (panel, series, role)]
    assert len(found) == 1, [(m.panel, m.series, m.role) for m in result.canvas.marks]
    return found[0]


def by_hand(kernel, targets, ridge, alphas, cross) -> np.ndarray:
    """Predictions of every step, (steps, points), with the inverse written out."""
    inverse = np.linalg.inv(kernel + ridge * np.eye(len(kernel)))
    fits, rows = targets, []
    for alpha in (1.0, *alphas):
        dual = inverse @ (alpha * targets + (1 - alpha) * fits)
        fits = kernel @ dual
        rows.append(cross @ dual)
    return np.array(rows)


# --- identities and limits


@pytest.mark.parametrize("alpha", toy.SHOWN)
def test_fits_of_the_toy_and_their_limit(drawn, alpha):
    result, name = drawn["toy-fits"], f"alpha = {alpha:g}"
    kernel, cross = toy_kernel(), toy_kernel(toy_grid()[0])
    steps = by_hand(kernel, np.array(TOY_TARGETS), TOY_RIDGE, (alpha,) * 400, cross)
    for t in range(1, toy.SHORT + 1):
        assert np.allclose(find(result, name, f"step {t}", "theory").y, steps[t - 1], rtol=0, atol=EXACT)
        points = find(result, name, f"step {t}", "simulation")
        assert points.y.tolist() == result.data.moments[name].mean[t - 1, ::5].tolist()
    # 0.91^400 < 1e-15 is left of the largest mode
    assert np.allclose(find(result, name, "limit", "theory").y, steps[-1], rtol=0, atol=EXACT)


def test_published_losses_lie_on_the_lines_except_for_the_label(drawn):
    result = drawn["toy-losses"]
    for series, alpha in (("alpha = 0", 0.0), ("notebook, alpha = 0.25", 0.25), ("README, headed 0.25", 0.35)):
        printed = find(result, "published", series, "data")
        line = find(result, "published", f"alpha = {alpha:g}", "theory")
        assert printed.x.tolist() == line.x.tolist()
        assert np.abs(printed.y - line.y).max() < 5.5e-6  # five digits are printed
    other = find(result, "published", "alpha = 0.25", "theory").y
    assert np.abs(find(result, "published", "README, headed 0.25", "data").y - other).max() > 1e-3


@pytest.mark.parametrize("alpha", spectrum.SHOWN)
def test_filters_and_ratios_by_their_recursion(drawn, alpha):
    values = np.linalg.eigvalsh(toy_kernel())[::-1]
    one_step = values / (values + TOY_RIDGE)
    b, name = np.ones(11), f"alpha = {alpha:g}"
    for t in range(1, spectrum.STEPS + 1):
        b = one_step * ((alpha if t > 1 else 1.0) + (1 - alpha if t > 1 else 0.0) * b)
        line = find(drawn["filter-diagonals"], name, f"step {t}", "theory")
        assert np.allclose(line.y, b, rtol=EXACT, atol=0)
        assert find(drawn["filter-diagonals"], name, f"step {t}", "simulation").y == pytest.approx(b, rel=EXACT)
        ratio = find(drawn["filter-ratios"], name, f"step {t}", "theory")
        assert np.allclose(ratio.y, b[:-1] / b[1:], rtol=EXACT, atol=0)
    limit = values / (values + TOY_RIDGE / alpha) if alpha > 0 else 0 * values
    assert np.allclose(find(drawn["filter-diagonals"], name, "limit", "theory").y, limit, rtol=EXACT, atol=0)


@pytest.mark.parametrize("k", spectrum.FOLLOWED)
def test_ratios_cross_their_limit_at_the_triangle(drawn, k):
    result = drawn["filter-ratios"]
    line, mark = (find(result, "overshoot", s, "theory") for s in (f"k = {k}", f"t*, k = {k}"))
    above = line.x[np.argmax(line.y > 1 + 1e-12)]
    assert above - 1 <= mark.x[0] <= above
    assert mark.y[0] == 1
    d = np.linalg.eigvalsh(toy_kernel())[::-1][k - 1 : k + 1]
    a = d / (d + TOY_RIDGE)
    assert mark.x[0] == pytest.approx(np.log(d[0] / d[1]) / np.log(a[0] / a[1]), rel=EXACT)


def test_the_map_of_overshoots_has_the_larger_eigenvalue_to_the_right(drawn):
    mark = find(drawn["overshoot-map"], "map", "t*", "theory")
    shown = np.isfinite(mark.z)
    assert np.array_equal(shown, mark.y <= mark.x)
    x, y = mark.x[shown], mark.y[shown]
    apart = x > y
    by_formula = np.log(x / y)[apart] / np.log(x * (y + 1) / (y * (x + 1)))[apart]
    assert np.allclose(mark.z[shown][apart], by_formula, rtol=1e-8, atol=0)  # neighbours cancel to 1e-2 of their logs
    assert np.allclose(mark.z[shown][~apart], 1 + x[~apart], rtol=1e-9, atol=0)


@pytest.mark.parametrize("step", range(2, schedules.PARABOLAS + 1))
def test_stars_are_the_feet_of_the_simulated_parabolas(drawn, step):
    result, series = drawn["optimal-alpha"], f"step {step}"
    points = find(result, "parabolas", series, "simulation")
    square, slope, _ = np.polyfit(points.x, points.y, 2)
    star = find(result, "parabolas", f"best, {series}", "theory")
    assert star.x[0] == pytest.approx(-slope / (2 * square), rel=1e-8)  # a fit of 13 points, condition 1e2
    assert star.y[0] <= points.y.min()


@pytest.mark.parametrize("kind", schedules.KINDS)
def test_losses_of_schedules_are_those_of_their_refits(drawn, kind):
    result = drawn["distillation-schedules"]
    kernel, targets, cross, clean = smooth_problem(schedules.DRAW)
    line = find(result, "problem", kind, "theory")
    for count, alphas in enumerate(schedules.schedules(smooth_problem(schedules.DRAW), schedules.RIDGE, kind), start=1):
        fit = by_hand(kernel, targets, schedules.RIDGE, alphas, cross)[-1]
        # free weights of up to 1e3 in size lose as many digits
        assert line.y[count - 1] == pytest.approx(np.mean((fit - clean) ** 2), rel=1e-7)
    falls = bool(np.all(np.diff(line.y) <= 1e-12))
    assert falls == kind.startswith("joint")


def test_each_plateau_passes_through_the_minimum_of_the_one_before(drawn):
    result = drawn["distillation-schedules"]
    for count in (1, 2, 4):  # of three fits the last is idle at the best ridge, and a fourth does help there
        name, after = (f"{c} fit" + "s" * (c > 1) for c in (count, count + 1))
        star = find(result, "plateau", f"best, {name}", "theory")
        line = find(result, "plateau", after, "theory")
        here = np.interp(np.log(star.x[0]), np.log(line.x), line.y)
        assert here == pytest.approx(star.y[0], rel=1e-3)  # linear between 121 ridges
    two, three = (find(result, "plateau", f"best, {count} fits", "theory") for count in (2, 3))
    assert three.y[0] == pytest.approx(two.y[0], rel=1e-9)  # minima, flat to second order
    assert three.x[0] == pytest.approx(two.x[0], rel=1e-4)


@pytest.mark.parametrize("ridge", real.DIGITS_RIDGES)
def test_digits_agree_with_the_closed_form_on_the_same_splits(drawn, ridge):
    result = drawn["distilled-digits"]
    both = result.data.moments[f"ridge {ridge:g}"]
    assert np.allclose(both.mean[0], both.mean[1], rtol=1e-8, atol=0)  # condition of the kernel over the ridge, 1e5
    for row, score in enumerate(real.SCORES):
        points = find(result, f"{score}, ridge {ridge:g}", "alpha = 0.25", "simulation")
        assert points.y.tolist() == both.mean[0, 2, :-1, row].tolist()


@pytest.mark.parametrize("name", real.TABLES)
def test_tables_agree_with_the_closed_forms_on_the_same_splits(drawn, name):
    moments = drawn["distilled-tables"].data.moments[name]
    ridges, fine = real.table_ridges("quick")
    assert fine[::2] == ridges
    closed = moments.mean[len(ridges) :][::2]
    assert np.allclose(moments.mean[: len(ridges)], closed, rtol=1e-8, atol=0)  # condition of 110 points at 0.003: 1e5
    assert np.all(closed[:, 1] <= closed[:, [0, 2, 3, 4]].T * (1 + 1e-12))  # nothing beats the best on the test points


@pytest.mark.parametrize("name", real.NOISES)
def test_networks_are_shown_as_changes_and_the_mixture_meets_its_ends(drawn, name):
    result = drawn["distilled-network"]
    samples = result.data.samples[name]
    points = find(result, f"{name}, 0", "alpha = 0", "simulation")
    change = (samples[:, 0, :-1, 0] - samples[:, 0, :1, 0]).mean(axis=0)
    assert np.allclose(points.y, change, rtol=0, atol=1e-15)
    curve, trained = (
        find(result, f"{name}, 2", "mixture", "theory"),
        find(result, f"{name}, 2", "trained", "simulation"),
    )
    # at alpha = 0 and 1 the mixture is a network, trained in single precision
    assert curve.y[[0, -1]] == pytest.approx(trained.y[[0, -1]], abs=1e-6)


def test_limits_of_steps_by_their_filters(drawn):
    """The risk of a filter written as a function of the eigenvalue, by the integral for any analytic filter."""
    result, ridge = drawn["distillation-steps"], asymptotics.STEP_RIDGE
    for name, wide in zip(asymptotics.WIDTHS, (False, True), strict=True):
        law = shared.population(asymptotics.step_setting("quick", wide))
        for alpha in (0.0, 0.3):
            for t in (1, 3):

                def gain(x, t=t, alpha=alpha):
                    value, kept = 1.0 + 0 * x, x / (x + ridge)
                    for _ in range(t - 1):
                        value = alpha + (1 - alpha) * kept * value
                    return value / (x + ridge)

                risk = filter_risk(*law, gain, lambda x, gain=gain: 1 - x * gain(x), margin=ridge)
                line = find(result, name, f"alpha = {alpha:g}", "theory")
                assert line.y[t - 1] == pytest.approx(risk.total, rel=1e-9)


def test_risk_curves_by_the_three_terms(drawn):
    result = drawn["distillation-risk-curves"]
    law = shared.population(asymptotics.curve_setting("quick"))
    line = find(result, "risk", "distilled, best weight", "theory")
    a, b, c = (np.asarray(term) for term in risk_terms(*law, line.x))
    some = (line.x > 0.05) & (line.x < 20)  # where the subtractions keep 1e-10
    assert np.allclose(line.y[some], (a - (a - c) ** 2 / (a + b - 2 * c))[some], rtol=LIMIT, atol=0)
    weight = find(result, "weight", "best weight", "theory")
    assert np.allclose(weight.y[some], ((a - c) / (a + b - 2 * c))[some], rtol=LIMIT, atol=LIMIT)
    points = find(result, "risk", "ridge", "simulation")
    assert np.allclose(points.y, result.data.samples["curves"].mean(axis=0)[:, 0], rtol=1e-14, atol=0)


def test_the_map_of_gains_against_marchenko_and_pastur(drawn):
    mark = find(drawn["distillation-gain-map"], "theory, ridge 1e+06", "lost", "theory")
    for cell in (0, 20, 44, 80):
        gamma, snr = mark.x[cell], mark.y[cell]
        signal, noise = snr * asymptotics.MAP_NOISE, asymptotics.MAP_NOISE
        # infinite ridge: the best multiple of X'y; best ridge: root of a quadratic for the resolvent's mean
        multiple = signal * gamma * (signal + noise) / (signal * (1 + gamma) + noise * gamma)
        best = gamma * noise / signal
        kappa = (best + gamma - 1 + np.sqrt((best + gamma - 1) ** 2 + 4 * best)) / 2
        df2 = gamma / (1 + kappa) ** 2
        risk = (kappa**2 * signal / (1 + kappa) ** 2 + noise * df2) / (1 - df2)
        assert 1 + mark.z[cell] == pytest.approx(multiple / risk, rel=2e-5)  # the ridge is 1e6, with room for 10/1e6


@pytest.mark.parametrize("name", estimates.WIDTHS)
def test_weights_picked_by_cross_validation(drawn, name):
    result, gamma = drawn["gcv-distilled"], estimates.WIDTHS[name]
    line = find(result, name, "naive", "theory")
    a, b, c = (np.asarray(term) for term in naive_gcv_limits([1.0], [1.0], 1.0, gamma, line.x))
    assert np.allclose(line.y, (a - c) / (a + b - 2 * c), rtol=LIMIT, atol=LIMIT)
    means = result.data.samples[name].mean(axis=0)
    for row, way in enumerate(estimates.WAYS):
        a, b, c = means[:, row].T
        points = find(result, name, f"simulated, {way}", "simulation")
        assert np.allclose(points.y, (a - c) / (a + b - 2 * c), rtol=1e-10, atol=0)


def test_what_a_wrong_weight_costs(drawn):
    result, panel = drawn["distillation-estimates"], "(b) true error, weights as picked"
    for snr in estimates.RATIOS:
        name = f"SNR = {snr:g}"
        best, naive = (find(result, panel, f"{word}, {name}", "theory").y for word in ("truth", "naive"))
        assert np.all(naive >= best * (1 - 1e-12))
        assert naive[0] > 1.02 * best[0]
        a, b, c = result.data.samples[name].mean(axis=0)[:, 0].T
        one, two, cross = result.data.samples[name].mean(axis=0)[:, 2].T
        xi = (one - cross) / (one + two - 2 * cross)
        risk = (1 - xi) ** 2 * a + xi**2 * b + 2 * xi * (1 - xi) * c
        points = find(result, panel, f"naive, {name}", "simulation")
        # the three parts, up to xi^2 = 1e4 in size, cancel
        assert np.allclose(points.y, risk / estimates.NOISE, rtol=1e-8, atol=0)


# --- properties


def test_the_jackknife_is_the_standard_error_for_a_mean():
    x = np.random.default_rng(0).normal(2.5, 0.7, (20, 3))
    value, error = shared.jackknife(x, lambda mean: 3 * mean)
    assert np.allclose(value, 3 * x.mean(axis=0), rtol=1e-14, atol=0)
    assert np.allclose(error, 3 * x.std(axis=0, ddof=1) / np.sqrt(20), rtol=1e-12, atol=0)
