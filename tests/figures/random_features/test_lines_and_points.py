"""Theory on the axes against the theory's functions by another route, points against the moments of the store."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from assay.marks import Mark
from figures.random_features import _shared as shared
from figures.random_features import beyond, fitting, grids, limits, panels, spectra
from simulations.random_features import digits_eigensystem
from theory.random_features import (
    decomposition,
    ensemble_risk,
    implicit_regularization,
    optimal_fitting_ratio,
    optimal_ridge,
    power_law,
    power_law_fitting_ratio,
    power_law_risk,
    power_law_train_error,
    risk,
    train_error,
)

PROBES = (0, 0.31, 0.5, 0.83, 1)  # places along a line
TABLE = 1e-11  # the tabulated solver promises 1e-13; a hundred times that for a division by n - z


def find(result, panel: str, series: str, role: str) -> Mark:
    """The one mark of this panel, series and role."""
    found = [m for m in result.canvas.marks if (m.panel, m.series, m.role) == (panel, series, role)]
    assert len(found) == 1, [(m.panel, m.series, m.role) for m in result.canvas.marks]
    return found[0]


def probes(mark: Mark):
    index = [round(place * (mark.x.size - 1)) for place in PROBES]
    return zip(mark.x[index], mark.y[index], strict=True)


def same(mark: Mark, x, moments) -> None:
    """Points at `x` are the means of `moments` with bars of one standard error, exactly."""
    assert mark.x.tolist() == np.asarray(x, dtype=float).tolist()
    assert mark.y.tolist() == moments.mean.tolist()
    assert np.array_equal(mark.high, moments.mean + moments.standard_error)


def held_out(n, k, ridge, values, power) -> float:
    """Mean error of a pool's points outside the training set: all points' error is a mixture of both parts."""
    everywhere, inside = (f(n, k, ridge, values, power) for f in (risk, train_error))
    pool = values.size
    return float((everywhere - n / pool * inside) / (1 - n / pool))


# --- identities and limits


@pytest.mark.parametrize("vary", ["k", "n"])
@pytest.mark.parametrize("index", panels.SHOWN)
def test_traces_of_gaussian_data(drawn, vary, index):
    result, ridge = drawn["rf-nk-traces"], shared.RIDGES[index]
    values, power = power_law(1.5, 1.5, 1000)
    label = f"ridge δ = {ridge:.3g}"
    for kind, function in (("test", risk), ("train", train_error)):
        for size, height in probes(find(result, f"gaussian-{vary}", f"{kind}, {label}", "theory")):
            n, k = (64, size) if vary == "k" else (size, 64)
            assert height == pytest.approx(function(n, k, ridge, values, power, 0.5), rel=TABLE)
        moments = result.data.moments[f"gaussian {vary}"].select((..., index, ("test", "train").index(kind)))
        points = find(result, f"gaussian-{vary}", f"{kind}, {label}", "simulation")
        same(points, panels.gaussian_sizes("quick"), moments)


@pytest.mark.parametrize("vary", ["k", "n"])
def test_traces_of_digits_are_corrected_for_the_pool(drawn, vary):
    result, index = drawn["rf-nk-traces"], panels.SHOWN[1]
    ridge, (values, power) = shared.RIDGES[index], digits_eigensystem()
    label = f"ridge δ = {ridge:.3g}"
    for size, height in probes(find(result, f"digits-{vary}", f"test, {label}", "theory")):
        n, k = (64, size) if vary == "k" else (size, 64)
        assert height == pytest.approx(held_out(n, k, ridge, values, power), rel=TABLE)
    for size, height in probes(find(result, f"digits-{vary}", f"train, {label}", "theory")):
        n, k = (64, size) if vary == "k" else (size, 64)
        assert height == pytest.approx(train_error(n, k, ridge, values, power), rel=TABLE)
    moments = result.data.moments[f"digits {vary}"].select(
        (*((0, np.s_[:]) if vary == "k" else (np.s_[:], 0)), index, 0)
    )
    same(find(result, f"digits-{vary}", f"test, {label}", "simulation"), panels.digits_sizes("quick", vary), moments)


def test_the_dashed_line_is_the_best_ridge_and_lies_below_every_other(drawn):
    result, (values, power) = drawn["rf-n256"], power_law(1.5, 1.5, 1000)
    best = find(result, "gaussian-k", "test, best ridge", "theory")
    for k, height in probes(best):
        assert height == pytest.approx(optimal_ridge(64, k, values, power, 0.5)[1], rel=TABLE)
    for index in panels.SHOWN:
        other = risk(64, best.x, shared.RIDGES[index], values, power, 0.5)
        assert np.all(best.y <= other * (1 + TABLE))


def test_both_panel_figures_show_the_same_experiments(drawn):
    one, two = drawn["rf-n256"], drawn["rf-nk-traces"]
    for name in ("gaussian k", "digits k"):
        assert np.array_equal(one.data.moments[name].mean, two.data.moments[name].mean)


@pytest.mark.parametrize("kind", ["test", "train"])
def test_heat_maps_have_samples_upwards_and_features_to_the_right(drawn, kind):
    result, (values, power) = drawn["rf-gaussian-grid"], power_law(1.5, 1.5, 1000)
    function = risk if kind == "test" else train_error
    counts = np.array(grids.grid_setting("quick")["sample_counts"], dtype=float)
    for column, ridge in enumerate(grids.GRID_RIDGES):
        theory = find(result, f"{kind} theory, ridge {ridge:.4g}", kind, "theory")
        for cell in (0, 17, 700, 1234, theory.x.size - 1):
            k, n = theory.x[cell], theory.y[cell]
            assert theory.z[cell] == pytest.approx(function(n, k, ridge, values, power, 0.5), rel=TABLE)
        points = find(result, f"{kind} simulation, ridge {ridge:.4g}", kind, "simulation")
        mean = result.data.moments["grid"].mean[:, :, column, ("test", "train").index(kind)]
        assert points.z.tolist() == mean.ravel().tolist()
        assert points.x[:3].tolist() == counts[:3].tolist()
        assert points.y[:: counts.size].tolist() == counts.tolist()


def test_more_is_better_maps_and_slice(drawn):
    result = drawn["more-is-better"]
    law = (*power_law(1.5, 1.5, 1000), 0.1)
    best = find(result, "best-ridge", "test error, best ridge", "theory")
    ridge = find(result, "best-ridge", "best ridge", "theory")
    fixed = find(result, "fixed-ridge", "test error, fixed ridge", "theory")
    for cell in (0, 37, 60, 119):
        k, n = best.x[cell], best.y[cell]
        where, least = optimal_ridge(n, k, *law)
        assert best.z[cell] == pytest.approx(least, rel=TABLE)
        assert ridge.z[cell] == pytest.approx(where, rel=1e-5)  # the minimum is flat: sqrt of the error's accuracy
        assert fixed.z[cell] == pytest.approx(risk(n, k, grids.SMALL_RIDGE, *law), rel=TABLE)
    moments = result.data.moments["slice"]
    counts = grids.slice_setting("quick")["feature_counts"]
    diagonal = np.arange(len(counts))
    same(find(result, "slice", "fixed ridge δ = 0.001", "simulation"), counts, moments.select((diagonal, 0, 0)))
    at_best = moments.select((diagonal, diagonal + 1, 0))
    same(find(result, "slice", "best ridge δ*(n, k)", "simulation"), counts, at_best)
    ridges = grids.slice_setting("quick")["ridges"]
    for j, k in enumerate(counts):
        assert ridges[j + 1] == pytest.approx(float(optimal_ridge(50, k, *law)[0]), rel=1e-5)


@pytest.mark.parametrize("task", fitting.TASKS, ids=[t.name for t in fitting.TASKS])
@pytest.mark.parametrize("noise", fitting.NOISE)
def test_fitting_curves(drawn, task, noise):
    result, a, b = drawn["fitting-ratio"], task.alpha, task.beta

    def shape(r: float) -> float:
        return ((1 - r) ** (1 - b) + a * noise) / (1 + (a - 1) * r)

    star = float(optimal_fitting_ratio(a, b, noise))
    line = find(result, task.name, f"noise {noise:g}", "theory")
    for ratio, height in probes(line):
        # both routes round the same square root of the same R, so 1 - sqrt R has no error of its own
        assert height == pytest.approx(shape(ratio**0.5) / shape(star**0.5), rel=1e-11)
    assert line.x[0] == 0
    assert line.y[-1] > drawn["fitting-ratio"].canvas.axes[task.name].get_ylim()[1]  # leaves the frame at R = 1
    steps = np.diff(line.y[line.y < fitting.TOP])
    assert np.abs(steps).max() < 0.1  # of a frame 0.8 high: smooth up to its edge
    assert find(result, task.name, f"best ratio, noise {noise:g}", "theory").x.tolist() == [star, star]
    test, train = fitting.test_and_train(task, result.data.moments[f"{task.name} noise {noise:g}"], "quick")
    points = find(result, task.name, f"noise {noise:g}", "simulation")
    keep = train.mean / test.mean < fitting.LARGEST_RATIO
    clean = float(power_law_risk(64, np.inf, 0.0, a, b))
    assert np.allclose(points.x, (train.mean / test.mean)[keep], rtol=1e-12, atol=0)
    assert np.allclose(points.y, test.mean[keep] / (clean * shape(star**0.5)), rtol=1e-12, atol=0)


@pytest.mark.parametrize("task", fitting.TASKS, ids=[t.name for t in fitting.TASKS])
def test_ridge_curves_and_paths(drawn, task):
    noise = 5.0
    clean = float(power_law_risk(64, np.inf, 0.0, task.alpha, task.beta))
    law = (task.alpha, task.beta, noise * clean)
    result = drawn["mse-vs-ridge"]
    for kind, function in (("test", power_law_risk), ("train", power_law_train_error)):
        for ridge, height in probes(find(result, task.name, f"{kind}, noise 5", "theory")):
            assert height == pytest.approx(function(64, np.inf, ridge, *law), rel=1e-12)
    star = find(result, task.name, "least test, noise 5", "theory")
    line = find(result, task.name, "test, noise 5", "theory")
    assert star.y.tolist() == [line.y.min()]
    path = find(drawn["train-vs-test"], task.name, "noise 5", "theory")
    ridge = np.geomspace(1e-2, 1e5, path.x.size)
    assert np.allclose(path.y, power_law_risk(64, np.inf, ridge, *law), rtol=1e-12, atol=0)
    assert np.allclose(path.x, power_law_train_error(64, np.inf, ridge, *law), rtol=1e-12, atol=0)


def test_spectra_are_those_of_the_store_and_of_the_pool(drawn):
    result = drawn["eigenspectra"]
    for n in spectra.spectrum_sizes("quick"):
        moments = result.data.moments[f"n = {n}"]
        assert find(result, "eigenvalues", f"n = {n}", "simulation").y.tolist() == moments.mean[:, 0].tolist()
    assert find(result, "eigenvalues", "pool of 1797", "theory").y.tolist() == digits_eigensystem()[0].tolist()


def test_groups_of_modes_keep_the_mean_of_a_constant_and_the_slope_of_a_power_law():
    index, height = spectra.octaves(np.full(500, 0.37))
    assert np.allclose(height, 0.37, rtol=1e-14, atol=0)
    i = np.arange(1, 4001.0)
    index, height = spectra.octaves(i**-1.3)
    slope = np.polyfit(np.log(index[9:]), np.log(height[9:]), 1)[0]
    assert slope == pytest.approx(-1.3, abs=0.01)  # arithmetic means in groups of a third of an octave: below 0.01


def test_proxies_of_digits(drawn):
    result, (values, power) = drawn["eigenmeasure"], digits_eigensystem()
    for n, height in probes(find(result, "kappa", "kappa", "theory")):
        assert height == pytest.approx(implicit_regularization(n, np.inf, 0.0, values)[1], rel=1e-12)
    for n, height in probes(find(result, "test", "test", "theory")):
        assert height == pytest.approx(held_out(n, np.inf, 0.0, values, power), rel=1e-12)
    sizes, moments = spectra.measure_sizes("quick"), result.data.moments["digits"]
    same(find(result, "kappa", "kappa", "simulation"), sizes, moments.select((..., 0)))
    same(find(result, "test", "test", "simulation"), sizes, moments.select((..., 1)))


@pytest.mark.parametrize(("alpha", "beta"), spectra.TASKS)
def test_pure_noise_proxy_tends_to_alpha(drawn, alpha, beta):
    result = drawn["eigenmeasure"]
    line = find(result, "noise", f"α = {alpha:g}", "theory")
    values = np.arange(1, 2001.0) ** -alpha
    for n, height in probes(line):
        gamma = float(implicit_regularization(n, np.inf, 0.0, values)[0])
        q = float(np.sum((values / (values + gamma)) ** 2))
        assert height == pytest.approx(n / (n - q), rel=1e-11)
    assert find(result, "noise", f"limit, α = {alpha:g}", "guide").y.tolist() == [alpha, alpha]
    moments = result.data.moments[f"alpha {alpha:g}"].select((..., 2))
    same(find(result, "noise", f"α = {alpha:g}", "simulation"), spectra.noise_sizes("quick"), moments)


def test_the_split_stacks_up_to_the_test_error(drawn):
    result, law, ridge = drawn["variance-split"], beyond.spectrum_of(beyond.SPLIT), beyond.SPLIT["ridges"][0]
    bands = [m for m in result.canvas.marks if m.panel == "stacked" and m.series != "test error"]
    assert [m.series for m in bands] == ["noise", *beyond.WORDS]
    assert np.all(bands[0].low == 0)
    for lower, upper in pairwise(bands):
        assert np.array_equal(lower.high, upper.low)
    top = find(result, "stacked", "test error", "theory")
    assert np.allclose(bands[-1].high, top.y, rtol=1e-12, atol=0)
    for k, height in probes(top):
        assert height == pytest.approx(risk(50, k, ridge, *law), rel=1e-12)


def test_each_part_of_the_split_has_its_own_points(drawn):
    result, law, ridge = drawn["variance-split"], beyond.spectrum_of(beyond.SPLIT), beyond.SPLIT["ridges"][0]
    columns = {"squared bias": 0, "variance, features": 1, "variance, samples": 2, "interaction": 3}
    fields = dict(zip(beyond.WORDS, beyond.PARTS, strict=True))
    for name, column in columns.items():
        for k, height in probes(find(result, "parts", name, "theory")):
            assert height == pytest.approx(getattr(decomposition(50, k, ridge, *law), fields[name]), rel=1e-12)
        points = [m for m in result.canvas.marks if (m.panel, m.series, m.role) == ("parts", name, "simulation")]
        means = [float(result.data.moments[f"k = {k}"].mean[0, column]) for k in beyond.split_sizes("quick")]
        assert [float(m.y[0]) for m in points] == means


@pytest.mark.parametrize("scale", ["quick", "standard", "paper"])
def test_the_split_is_simulated_at_its_peak(scale):
    counts = beyond.split_sizes(scale)
    assert beyond.SPLIT["n"] in counts
    assert list(counts) == sorted(set(counts))
    assert (counts[0], counts[-1]) == (10, 400)


@pytest.mark.parametrize("k", beyond.MEMBER_SIZES)
def test_ensembles_stand_at_their_total_size(drawn, k):
    result, law = drawn["ensembles"], beyond.spectrum_of(beyond.CROWD)
    series = f"average of m models, k = {k}"
    for total, height in probes(find(result, "total", series, "theory")):
        assert height == pytest.approx(ensemble_risk(80, k, 0.05, *law, members=total / k), rel=1e-11)
    limit = find(result, "total", f"m = inf, k = {k}", "theory")
    # infinitely many members are kernel regression with the ridge gamma (n - z)
    gamma = float(implicit_regularization(80, k, 0.05, law[0])[0])
    z = float(np.sum(law[0] / (law[0] + gamma)))
    assert limit.y[0] == pytest.approx(risk(80, np.inf, gamma * (80 - z), *law), rel=1e-11)
    members = np.array(beyond.members_of(k, "quick"), dtype=float)
    moments = result.data.moments[f"members of {k}"].select((..., 0))
    same(find(result, "total", series, "simulation"), members * k, moments)


@pytest.mark.parametrize(("n", "k"), beyond.GCV_SIZES)
def test_gcv_against_kappa_and_risk(drawn, n, k):
    result, law = drawn["gcv"], beyond.spectrum_of(beyond.GCV)
    series, moments = f"n = {n}, k = {'∞' if k == 'inf' else k}", result.data.moments[f"n = {n}, k = {k}"]
    for ridge, height in probes(find(result, "kappa", series, "theory")):
        gamma, kappa = implicit_regularization(n, float(k), ridge, law[0])
        assert height == pytest.approx(kappa, rel=1e-12)
        # kappa from its own equation, n = z + ridge/kappa
        z = float(np.sum(law[0] / (law[0] + float(gamma))))
        assert height == pytest.approx(ridge / (n - z), rel=1e-7)  # n - z loses up to six digits at a small ridge
    for ridge, height in probes(find(result, "test", series, "theory")):
        assert height == pytest.approx(risk(n, float(k), ridge, *law), rel=1e-12)
    for column, panel in enumerate(("kappa", "test")):
        same(find(result, panel, series, "simulation"), beyond.gcv_ridges("quick"), moments.select((..., column)))


def test_phases(drawn):
    result, alpha = drawn["overfitting-phase-diagram"], limits.ALPHA
    image = find(result, "phases", "best fitting ratio", "theory")
    for cell in (0, 100, 333, image.x.size - 1):
        gap, unit = image.x[cell], image.y[cell]
        expected = optimal_fitting_ratio(alpha, alpha + gap, unit / (alpha * (alpha - 1)))
        assert image.z[cell] == pytest.approx(float(expected), rel=1e-12)
    threshold = find(result, "phases", "threshold", "theory")
    assert np.allclose(threshold.x, threshold.y, rtol=1e-12, atol=1e-15)
    boundary = find(result, "phases", "boundary, finite n", "theory")
    for gap, unit in zip(boundary.x, boundary.y, strict=True):
        noise = unit / (alpha * (alpha - 1))
        below, above = (float(power_law_fitting_ratio(30.0, alpha, alpha + gap, noise * f)) for f in (0.98, 1.1))
        assert below < limits.TINY < above
    mnist = find(result, "phases", "MNIST, noise 5", "simulation")
    assert mnist.x[0] == pytest.approx(1.36 - 1.12)
    assert mnist.y[0] == pytest.approx(1.12 * 0.12 * 5)


@pytest.mark.parametrize(("alpha", "beta"), limits.PAIRS)
def test_the_half_sample_shift_steepens_the_approach(drawn, alpha, beta):
    result = drawn["half-sample-shift"]
    names = [f"alpha {alpha:g}, beta {beta:g}, {kind}" for kind in ("plain", "shifted")]
    slopes = []
    for name in names:
        mark = find(result, "risk", name, "theory")
        slopes.append(np.polyfit(np.log(mark.x), np.log(mark.y), 1)[0])
    # plain: 1/n; shifted: n^-min(2 alpha + 1 - beta, alpha + 1); a fit over three decades from n = 10 is good to 0.15
    assert slopes[0] == pytest.approx(-1.0, abs=0.15)
    assert slopes[1] == pytest.approx(-min(2 * alpha + 1 - beta, alpha + 1), abs=0.15)


# --- oracle


def test_unresolved_modes_as_a_ridge_leave_the_residual_of_the_smaller_ridge():
    rng = np.random.default_rng(8)
    task, scale = fitting.TASKS[0], "quick"
    tail = sum(i**-task.alpha for i in range(fitting.modes(scale) + 1, 400_000))
    tail += 399_999.5 ** (1 - task.alpha) / (task.alpha - 1)  # midpoint rule for the rest, to 1e-10 relative
    root = rng.standard_normal((7, 9))
    kernel, labels = root @ root.T, rng.standard_normal(7)
    for ridge, share in zip(fitting.ridges(scale), _shares(task, scale), strict=True):
        whole = kernel + tail * np.eye(7)
        residual = labels - whole @ np.linalg.solve(whole + ridge * np.eye(7), labels)
        larger = ridge + tail
        simulated = labels - kernel @ np.linalg.solve(kernel + larger * np.eye(7), labels)
        # the solves have condition below 1e3
        assert np.mean(residual**2) == pytest.approx(share * np.mean(simulated**2), rel=1e-8, abs=1e-20)


def _shares(task, scale):
    """The factor that `test_and_train` puts on the simulated train error at each ridge."""
    from assay.moments import Moments

    ones = Moments.of(np.ones((2, fitting.ridges(scale).size, 2)))
    return fitting.test_and_train(task, ones, scale)[1].mean


# --- properties


def test_a_wrong_theory_is_crossed_out(drawn, monkeypatch):
    right = panels.tabulated_risk
    monkeypatch.setattr(panels, "tabulated_risk", lambda *cell: 3.0 * np.asarray(right(*cell)))
    canvas = panels.draw_n256(drawn["rf-n256"].data)
    crossed = [m.crossed for m in canvas.marks if m.role == "simulation" and m.series.startswith("test")]
    assert np.concatenate(crossed).any()
    assert not any(m.crossed.any() for m in canvas.marks if m.panel == "gaussian-k" and m.series.startswith("train"))
    canvas.finish()
    assert canvas.stamps[-1].text.endswith("simulated points refuted")
