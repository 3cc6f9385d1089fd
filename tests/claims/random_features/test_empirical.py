"""The claims on published and real data: what their statistics say of made-up files whose answer is known."""

import math

import numpy as np
import pytest

from assay.check import check
from assay.published import PublishedResult
from assay.sweep import Sweep
from claims.random_features import empirical
from simulations.random_features import digits_eigensystem
from theory import random_features as theory

# --- identities and limits


def test_the_pool_correction_is_the_mean_over_the_rest():
    """100 points, 20 of them trained on with error 0.1: 100 * 0.5 = 20 * 0.1 + 80 * 0.6."""
    assert empirical.corrected_for_pool(0.5, 0.1, 20, 100) == pytest.approx(0.6, rel=1e-15)


def test_predictions_are_the_chosen_columns():
    """Without a pool the theory's own two errors; with it the test error alone changes."""
    setting = {"n": 40, "k": 70, "ridges": (0.05, 0.3)}
    plain, pooled = (empirical.digits_predictions(pool=pool, **setting) for pool in (False, True))
    task = digits_eigensystem()
    assert plain[1] == pytest.approx([theory.risk(40, 70, 0.3, *task), theory.train_error(40, 70, 0.3, *task)])
    np.testing.assert_array_equal(pooled[:, 1], plain[:, 1])
    assert np.all(pooled[:, 0] > plain[:, 0])  # the rest of the pool is harder than the training set
    for error in (0, 1):
        np.testing.assert_array_equal(empirical.digits_predictions(errors=(error,), **setting)[:, 0], pooled[:, error])


# --- oracle


def scan(alpha: float, beta: float, bend: float):
    """A published scan that follows the fitting-ratio curve, up to a scale and a `bend`."""

    def load(name: str) -> PublishedResult:
        ratio = np.linspace(0.02, 0.98, 40)
        rows = []
        for noise in (0, 1, 5, 50):
            test = 0.3 * np.asarray(theory.fitting_ratio_cost(ratio, alpha, beta, float(noise))) * (1 + bend * ratio)
            rows.append(np.stack([ratio * test, test], axis=-1))
        axes = {"trial": np.arange(2), "noise": np.array([0, 1, 5, 50]), "ridge": ratio, "result": ("train", "test")}
        return PublishedResult(name, axes, {"results": np.stack([rows, rows])})

    return load


def test_a_scan_on_the_curve_does_not_deviate(monkeypatch):
    monkeypatch.setattr(empirical.published, "load", scan(1.12, 1.36, bend=0.0))
    deviation = empirical._scan_deviation(data="MNIST", relative_noise=5)
    assert np.all(deviation < 1e-12)  # the same formula up to its scale: rounding


def test_a_bent_scan_deviates_by_its_bend(monkeypatch):
    monkeypatch.setattr(empirical.published, "load", scan(1.12, 1.36, bend=0.2))
    median, largest = empirical._scan_deviation(data="MNIST", relative_noise=5)
    # 1 + bend R over its median for R in (0, .9): at most .2 * .45, in the middle half of that
    assert largest == pytest.approx(0.2 * 0.45 / (1 + 0.2 * 0.45), abs=0.01)
    assert median == pytest.approx(largest / 2, abs=0.01)


def spent(*, n: int, k: float, ridges: tuple[float, ...]) -> float:
    """z/n at the lowest ridge by way of the errors: E_tr/E_te = (1 - z/n)^2."""
    test, train = (float(f(n, k, min(ridges), *digits_eigensystem())) for f in (theory.risk, theory.train_error))
    return 1 - math.sqrt(train / test)


def test_half_of_the_samples_are_spare_where_the_degrees_of_freedom_say_so():
    for k in (30, 90, 400, math.inf):
        for ridge in (0.01, 0.1, 0.3, 1.0):
            setting = {"n": 100, "k": k, "ridges": (1.5, ridge)}
            assert empirical.half_spare(**setting) == (spent(**setting) <= 0.5)


def test_train_errors_are_admitted_away_from_interpolation_only():
    assert all(empirical.half_spare(**setting) for setting in empirical.E2_TRAIN.settings)
    assert not any(empirical.half_spare(**setting) for setting in empirical.MANY_FEATURES)
    assert [spent(**setting) for setting in empirical.NEAR_INTERPOLATION] == pytest.approx([0.93, 0.88, 0.81], abs=5e-3)


def panel(factor: float):
    """Published experiment = `factor` times published theory, on sizes of which only some agree."""

    def load(name: str) -> PublishedResult:
        size = "k" if "n256" in name else "n"
        ridges = np.array([0.1, 1.0, 10.0])
        if "theory" in name:
            sizes = np.array([10.0, 20.0, 40.0])
            values = (1 / sizes)[:, None] + ridges[None, :]
            labels = ("test_mse", "kappa")
            array = np.stack([values, 0 * values], axis=-1)
            axes = {size: sizes, "ridge": ridges, "result": labels}
        else:
            sizes = np.array([10.0, 15.0, 40.0])
            values = factor * ((1 / sizes)[:, None] + ridges[None, :])
            array = np.stack([np.stack([0 * values, values], axis=-1)] * 4)
            axes = {"trial": np.arange(4), size: sizes, "ridge": ridges, "result": ("train_mse", "test_mse")}
        return PublishedResult(name, axes, {"results": array})

    return load


@pytest.mark.parametrize(("factor", "median", "share"), [(1.0, 0.0, 0.0), (1.05, 0.05, 0.0), (1.2, 0.2, 1.0)])
def test_panels_are_compared_where_their_sizes_agree(monkeypatch, factor, median, share):
    monkeypatch.setattr(empirical.published, "load", panel(factor))
    for name in empirical.PANELS:
        assert empirical._published_panel(panel=name) == pytest.approx([median, share], abs=1e-12)  # rounding


def test_claims_without_their_data_are_not_run(monkeypatch):
    monkeypatch.setattr(empirical.published, "available", lambda name: False)
    claims = [claim for claim in empirical.CLAIMS if claim.requires is not None]
    with Sweep() as sweep:
        assert {check(claim, sweep, "quick").outcome for claim in claims} == {"not run"}


@pytest.mark.parametrize("seed", [7, 11])
def test_the_train_error_on_digits_does_not_hang_on_the_seed(seed):
    with Sweep() as sweep:
        assert check(empirical.E2_TRAIN, sweep, "quick", seed=seed, mutants=False).outcome == "holds"
        assert check(empirical.E2_INTERPOLATION, sweep, "quick", seed=seed, mutants=False).outcome == "refuted"


@pytest.mark.usefixtures("raw")
def test_the_published_scans_follow_the_curve():
    claim = next(claim for claim in empirical.CLAIMS if claim.id == "rf.E1.published")
    if not empirical._scans_at_hand():
        pytest.skip("the three ridge scans are not in ASSAY_DATA")
    with Sweep() as sweep:
        verdict = check(claim, sweep, "quick")
    assert verdict.outcome == "holds"
    assert set(verdict.mutants.values()) == {"refuted"}
