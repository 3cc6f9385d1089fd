"""The table of the published files, and the four that the tests can be given."""

from __future__ import annotations

import re

import numpy as np
import pytest

from claims.random_features.published import REGISTRY, available, load

RIDGE_SCANS = {"cifar10": 0.4814, "svhn": 0.4412, "mnist": 0.0404}  # clean ridgeless test errors that the paper quotes


# --- identities and limits


def test_the_table():
    assert len(REGISTRY.files) == 22
    assert re.fullmatch("[0-9a-f]{40}", REGISTRY.commit)
    for file in REGISTRY.files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.path == f"results/{file.name}"
        assert file.name.endswith((".expt", ".file"))
        assert file.size > 4000
    assert len({file.sha256 for file in REGISTRY.files}) == 22


# --- oracle


@pytest.mark.parametrize("dataset", RIDGE_SCANS)
def test_ridge_scans(raw, dataset):
    name = f"{dataset}/myrtle10-clean/optridge.expt"
    if not available(name):
        pytest.skip(f"results/{name} is not in ASSAY_DATA")
    scan = load(name)
    assert list(scan.axes) == ["trial", "noise", "ridge", "result"]
    assert scan.axes["result"] == ("train_mse", "test_mse")
    np.testing.assert_array_equal(scan.axes["noise"], [0, 1, 5, 50])
    # documented as 50 ridges from 1e-6 to 1e4; their logarithms carry a few roundings
    np.testing.assert_allclose(scan.axes["ridge"], np.logspace(-6, 4, 50), rtol=1e-13)
    results = scan.arrays["results"]
    assert results.shape == (5, 4, 50, 2)
    assert np.all(results > 0)
    assert float(scan.metadata["base_mse"]) == pytest.approx(RIDGE_SCANS[dataset], abs=5e-5)  # four digits are quoted
    test = results[..., 1].mean(axis=0)
    assert np.all(np.diff(test.min(axis=-1)) > 0)  # more noise, more error at the best ridge
    train = results[..., 0].mean(axis=0)
    assert np.all(np.diff(train, axis=-1) > 0)  # more ridge, more training error


def test_kernel_statistics(raw):
    name = "mnist/myrtle10-clean/eigstats.file"
    if not available(name):
        pytest.skip(f"results/{name} is not in ASSAY_DATA")
    arrays = load(name).arrays
    eigenvalues, sizes = arrays["eigvals"], arrays["sizes"]
    assert eigenvalues.shape == (30000,)
    assert np.all(np.diff(np.sort(eigenvalues)) >= 0)
    assert (sizes[0], sizes[-1], len(sizes)) == (1, 28999, 80)
    assert arrays["test_mses"].shape == arrays["train_mses"].shape == (10, 80)
    # the documented fit: kappa falls like n^-1.127 between 1000 and 29000 samples, windows shift it by 0.02
    window = sizes >= 1000
    slope = np.polyfit(np.log(sizes[window]), np.log(arrays["kappa_estimates"][window]), 1)[0]
    assert slope == pytest.approx(-1.127, abs=0.02)


# --- bad input


def test_unknown_files():
    with pytest.raises(KeyError, match="no published file 'optridge' in dkarkada/more-is-better; there are cifar10/"):
        available("optridge")
