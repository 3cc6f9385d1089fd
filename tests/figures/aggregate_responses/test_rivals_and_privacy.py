"""Privacy, patients, rivals and eigenvalues: lines by another route, points against the store's moments."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad

from figures.aggregate_responses import competitors, diabetes, private, spectrum
from tests.figures.aggregate_responses.helpers import (
    CLOSE,
    bag,
    find,
    instance,
    is_ridge,
    points,
    probes,
    same,
    shrinkage,
)
from theory.aggregate_responses import limit_risk, wachter_risk

# --- identities and limits


def test_private_bag_sizes_by_trying_all(drawn):
    result = drawn["bag-private-size"]
    sizes = np.arange(1, len(private.size_experiments("quick", 1)) + 1)
    level = 1.01 * np.sqrt(3 * np.log(2520))
    for epsilon in private.EPSILONS:
        place = private.EPSILONS.index(epsilon)
        line = find(result, "best", f"n = 2520, ε = {epsilon:g}", "theory")
        noise = 0.5 + 2 * sizes * (level / (sizes * epsilon)) ** 2
        for rho, height in probes(line):
            totals = [float(np.asarray(limit_risk(20, k, rho, signal=1.0, noise_variance=v).total))
                      for k, v in zip(sizes, noise, strict=True)]  # fmt: skip
            assert round(height - 0.09 * (place - 1), 9) == sizes[int(np.argmin(totals))]
        found = find(result, "best", f"n = 2520, ε = {epsilon:g}", "simulation")
        means = np.array([result.data.moments[f"k = {k}"].mean for k in sizes])
        risks = means[:, :, 0] + noise[:, None] / 0.5 * means[:, :, 1]
        assert np.round(found.y - 0.09 * (place - 1), 9).tolist() == sizes[np.argmin(risks, axis=0)].tolist()
    for k in (1, 3, 5):
        for rho, height in probes(find(result, "limit", f"k = {k}", "theory")):
            spread = wachter_risk(20, k, rho, signal=0.0, noise_variance=1.0).variance
            assert height == pytest.approx(spread / k, rel=CLOSE)
    for largest in (2, 5, 10):
        line = find(result, "jump", f"jump 1 → {largest}", "theory")
        psi, rho = line.x[150], line.y[150]
        spread = wachter_risk(psi, largest, rho, signal=0.0, noise_variance=1.0).variance
        assert spread / largest == pytest.approx(1 / (psi - 1), rel=1e-9)


@pytest.mark.parametrize("rho", private.PANEL_WEIGHTS)
def test_private_risk_by_the_moments_of_clipped_labels(drawn, rho):
    result = drawn["bag-private-risk"]
    level, deviation = 1.01 * np.sqrt(3 * np.log(840)), np.sqrt(1.5)
    normal = lambda y: np.exp(-(y**2) / 3) / np.sqrt(3 * np.pi)  # noqa: E731
    ends = (-12 * deviation, 12 * deviation)
    clipped, options = lambda y: np.clip(y, -level, level), {"points": (-level, level), "epsabs": 1e-13}
    gain = quad(lambda y: y * clipped(y) * normal(y), *ends, **options)[0] / 1.5
    second = quad(lambda y: clipped(y) ** 2 * normal(y), *ends, **options)[0]
    for epsilon in private.LEVELS:
        line = find(result, f"rho {rho:g}", f"ε = {epsilon:g}", "theory")
        for k, height in list(probes(line))[1:]:
            risk = wachter_risk(20, k, rho, signal=1.0, noise_variance=1.0)
            state = limit_risk(20, k, rho, signal=1.0, noise_variance=1.0)
            c = shrinkage(20, k, rho)
            error = second - gain**2 + 2 * k * (level / (k * epsilon)) ** 2
            expected = (1 - gain * c) ** 2 + gain**2 * (risk.bias - (1 - c) ** 2) + error * risk.variance
            assert state.bias == pytest.approx(risk.bias, rel=CLOSE)
            assert height == pytest.approx(expected, rel=1e-8)
        column = private.PANEL_WEIGHTS.index(rho)
        for mark, k in zip(
            points(result, f"rho {rho:g}", f"ε = {epsilon:g}"), private.SMALL_SIZES["quick"], strict=True
        ):
            same(mark, k, result.data.moments[f"eps = {epsilon:g}, k = {k}"].select(column))


@pytest.mark.parametrize("k", private.BEST_SIZES)
def test_best_private_risks(drawn, k):
    result = drawn["bag-private-best"]
    level = 1.01 * np.sqrt(3 * np.log(1000))
    for epsilon, height in probes(find(result, "ridge", f"k = {k}", "theory")):
        assert is_ridge(height, 20, k, 0.5 + 2 * k * (level / (k * epsilon)) ** 2)
    for epsilon, height in probes(find(result, "weight", f"k = {k}", "theory")):
        noise = 0.5 + 2 * k * (level / (k * epsilon)) ** 2
        ladder = np.asarray(limit_risk(20, k, np.geomspace(1e-6, 1e6, 3000), signal=1.0, noise_variance=noise).total)
        assert height == pytest.approx(ladder.min(), rel=1e-4)  # 250 weights a decade
    for mark, epsilon in zip(points(result, "ridge", f"k = {k}"), private.budgets("quick"), strict=True):
        samples = result.data.samples[f"eps = {epsilon:.3g}, k = {k}, ridge"]
        assert mark.y[0] == pytest.approx(samples.sum(axis=-1).mean(), rel=1e-13)


def test_the_patients_signal_and_noise(drawn):
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import LinearRegression

    inputs, labels = load_diabetes(return_X_y=True)
    score = LinearRegression().fit(inputs, labels).score(inputs, labels)
    noise = (1 - score) * 442 / 431
    assert diabetes.label_noise() == pytest.approx(noise, rel=1e-10)
    result = drawn["bag-diabetes"]
    for k in diabetes.LINEAR_BAGS:
        line = find(result, "linear error", f"k = {k}", "theory")
        snr = (1 - noise) / noise
        assert line.y[-1] == pytest.approx(noise + (1 - noise) * instance(35.2, k, 1 / snr), rel=1e-10)
        same(find(result, "linear error", f"k = {k}", "simulation"), diabetes.weights("quick", "linear"),
             result.data.moments[f"linear, k = {k}"])  # fmt: skip
    for kind, bags in (("linear", diabetes.LINEAR_BAGS), ("network", diabetes.NETWORK_BAGS["quick"])):
        for k in bags:
            best = find(result, f"{kind} best", f"k = {k}", "simulation")
            means, tried = result.data.moments[f"{kind}, k = {k}"].mean, diabetes.weights("quick", kind)
            assert (best.x[0], best.y[0]) == (k, tried[int(np.argmin(means))])


def test_the_plane_of_winners(drawn):
    result = drawn["bag-winners"]
    image = find(result, "plane", "ratio", "theory")
    for cell in (0, 77, 801, image.x.size - 1):
        k, noise = image.x[cell], 1 / image.y[cell]
        assert image.z[cell] == pytest.approx(bag(20, k, noise) / instance(20, k, noise), rel=1e-10)
    risks: dict[str, Any] = {"bag level": bag, "instance level": instance}
    risks["EasyLLP"] = lambda psi, k, noise: (k - 1 + k * noise) / (psi - 1)
    for series in ("bag level = instance level", "EasyLLP = bag level", "EasyLLP = instance level"):
        one, two = (risks[name] for name in series.split(" = "))
        for k, snr in probes(find(result, "plane", series, "theory")):
            assert one(20, k, 1 / snr) == pytest.approx(two(20, k, 1 / snr), rel=1e-9)
    for name, function in risks.items():
        for snr, height in probes(find(result, "cut", name, "theory")):
            assert height == pytest.approx(function(20, competitors.SLICE, 1 / snr), rel=1e-10)
        column = competitors.RIVALS.index(name)
        for mark, snr in zip(points(result, "cut", name), competitors.snrs("quick"), strict=True):
            moments = result.data.moments[f"k = {competitors.SLICE}, SNR = {snr:.3g}"]
            same(mark, snr, moments.select(column).linear(1 / 1.7))
    assert not points(result, "plane", "winner EasyLLP")
    for name in competitors.RIVALS[:2]:
        for mark in points(result, "plane", f"winner {name}"):
            mean = result.data.moments[f"k = {mark.x[0]:g}, SNR = {mark.y[0]:.3g}"].mean
            assert competitors.RIVALS[int(np.argmin(mean))] == name


def test_paths_through_the_peak(drawn):
    result, k, noise = drawn["bag-peak"], 3, 0.5
    lines = {name: find(result, "peak", name, "theory") for name in competitors.PATHS}
    for i in (3, 60, 150, -1):
        psi = float(lines["limit ρ → 0"].x[i])
        a, w = psi / k, psi * (1 - 1 / k)
        heights = [float(line.y[i]) for line in lines.values()]
        near = (1 - a) * (a + psi - 1) / (psi - 1) + noise * a * w / ((1 - a) * (psi - 1)) if a < 1 else noise / (a - 1)
        assert heights[0] == pytest.approx(bag(psi, k, noise), rel=1e-9)
        assert heights[1] == pytest.approx(near, rel=1e-9)
        assert is_ridge(heights[4], psi, k, noise)
        gained = []
        for rho in np.geomspace(0.02, 2.0, 400):
            risk = float(np.asarray(limit_risk(psi, k, rho, signal=1.0, noise_variance=noise).total))
            c = shrinkage(psi, k, rho)
            scatter = risk - (1 - c) ** 2
            gained.append(scatter / (c**2 + scatter))
        assert heights[3] == pytest.approx(min(gained), rel=1e-4)  # 200 weights a decade
        assert heights[4] < heights[3] < heights[2]
    peak = lines["bag level, least norm (ρ = 0)"]
    assert np.isnan(peak.y[peak.x == 3.0]).all()
    for n in competitors.SAMPLES["quick"]:
        for name, kind in (("bag level, least norm (ρ = 0)", "least norm"), ("best ridge on the bag means", "ridge")):
            (mark,) = [m for m in points(result, "peak", name) if m.x[0] == n / 100]
            samples = result.data.samples[f"n = {n}, {kind}"]
            assert mark.y[0] == pytest.approx(samples.reshape(len(samples), -1).sum(axis=1).mean() / 1.7, rel=1e-13)


@pytest.mark.parametrize(("psi", "k"), spectrum.CASES)
def test_the_law_of_the_eigenvalues(drawn, psi, k):
    result, panel = drawn["bag-wachter"], f"psi {psi}, k {k}"
    line, a, w = find(result, panel, "density", "theory"), psi / k, psi * (1 - 1 / k)
    ends = [(np.sqrt(a * (psi - 1)) + sign * np.sqrt(w)) ** 2 / psi**2 for sign in (-1, 1)]

    def law(b: float) -> float:
        return psi * np.sqrt(max((ends[1] - b) * (b - ends[0]), 0.0)) / (2 * np.pi * b * (1 - b))

    for i in (40, 200, 333):
        assert line.y[i] == pytest.approx(law(line.x[i]), rel=1e-9)
    heights = spectrum.bin_heights(psi, k, spectrum.edges("quick"))
    cuts = np.clip(spectrum.edges("quick"), *ends)
    exact = [quad(law, low, high)[0] if high > low else 0.0 for low, high in pairwise(cuts)]
    # 4000 nodes, of which a bin's ends cut off one or two
    assert np.allclose(heights * np.diff(spectrum.edges("quick")), exact, rtol=0, atol=1e-3)
    assert np.sum(heights * np.diff(spectrum.edges("quick"))) == pytest.approx(min(1.0, a), abs=1e-3)
    centres = (spectrum.edges("quick")[1:] + spectrum.edges("quick")[:-1]) / 2
    same(find(result, panel, "density", "simulation"), centres, result.data.moments[f"psi = {psi}, k = {k}"])
    assert find(result, panel, "mean", "guide").x[0] == pytest.approx(1 / k, rel=1e-9)


@pytest.mark.parametrize("rho", spectrum.WEIGHTS)
def test_the_functions_that_are_averaged(drawn, rho):
    result = drawn["bag-wachter"]
    bias, spread = (
        find(result, "functions", f"{name}, ρ = {rho:g}", "theory") for name in ("w² (bias)", "g (variance)")
    )
    assert (bias.y[0], spread.y[-1]) == (1.0, pytest.approx(1.0))
    b = bias.x[200]
    assert bias.y[200] == pytest.approx((1 - b / (b + rho * (1 - b))) ** 2, rel=1e-12)
    assert spread.y[200] == pytest.approx(b / (b + rho * (1 - b)) ** 2, rel=1e-12)


# --- properties


@pytest.mark.parametrize("scale", ["quick", "standard", "paper"])
def test_private_bags_are_whole(scale):
    assert all(private.N % k == 0 for k in private.SIZES)
    assert all(private.SMALL_N % k == 0 for k in private.SMALL_SIZES[scale])
    assert all(private.BEST_N % k == 0 for k in private.BEST_SIZES)
    assert all(diabetes.TRAINING % k == 0 for k in (*diabetes.LINEAR_BAGS, *diabetes.NETWORK_BAGS[scale]))
