"""Implicit regularisation: hand-solved spectra, limits, a brute-force oracle, symmetries, messages."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.random_features import SolveError, _solver, degrees_of_freedom, implicit_regularization, power_law

# Every sum has positive terms (relative error <= 30 eps for 10^4 modes, pairwise), the residual is summed without
# cancellation and its logarithmic slope is at least half the size of its terms: 100 eps bounds root and ratios.
ACCURACY = 100 * np.finfo(float).eps

WORKED = [  # eigenvalues i^-1.5, 10^4 modes; 30-digit arithmetic, printed to 15
    (256, 100, 0.1, 0.004300612991853, 0.000589268377092606),
    (256, 256, 0.1, 0.00198641357669715, 0.000880876156674321),
    (256, 1000, 0.001, 0.000803997866476477, 0.000599515492042016),
    (256, 10000, 10, 0.0422669029289743, 0.042186769701163),
    (1000, 256, 0.01, 0.000816702418044012, 1.33655974890463e-5),
    (256, np.inf, 0.1, 0.00135531502905944, 0.00135531502905944),
]

sizes = st.floats(0.2, 60.0)
features = st.one_of(sizes, st.just(np.inf))
ridges = st.floats(-18.0, 5.0).map(lambda x: 10.0**x)
spectra = st.lists(st.floats(-12.0, 2.0).map(lambda x: 10.0**x), min_size=1, max_size=12)


# --- identities and limits


def test_eliminated_equation_is_the_paper_s_pair():
    z, gamma, kappa, n, k, ridge = sp.symbols("z gamma kappa n k delta", positive=True)
    solved = sp.solve([n - z - ridge / kappa, k - z - k * kappa / gamma], [kappa, ridge], dict=True)[0]
    assert sp.simplify(solved[ridge] - gamma * (k - z) * (n - z) / k) == 0
    assert sp.simplify(solved[kappa] - gamma * (k - z) / k) == 0


@pytest.mark.parametrize(("n", "k", "ridge", "gamma", "kappa"), WORKED)
def test_worked_values(n, k, ridge, gamma, kappa):
    eigenvalues, _ = power_law(1.5, 1.5, 10_000)
    # half a unit of the 15th printed digit is 5e-15 of a leading digit 1
    assert implicit_regularization(n, k, ridge, eigenvalues) == pytest.approx((gamma, kappa), rel=5e-15 + ACCURACY)


@pytest.mark.parametrize(("n", "k"), [(30, 60), (60, 30), (7.5, 90.25), (30, np.inf)])
def test_isotropic_ridgeless(n, k):
    gamma, kappa = implicit_regularization(n, k, 0.0, [0.7] * 100)
    expected = 0.7 * (100 / min(n, k) - 1)  # 100 * 0.7/(0.7 + gamma) = min(n, k)
    assert gamma == pytest.approx(expected, rel=ACCURACY)
    assert kappa == pytest.approx(expected * (1.0 if k == np.inf else max(k - n, 0.0) / k), rel=ACCURACY)


@pytest.mark.parametrize("ridge", [1e-20, 3e-4, 0.37, 50.0, 1e6])
@pytest.mark.parametrize("n", [0.4, 3.0, 12.5])
def test_one_mode_kernel_is_a_quadratic(n, ridge):
    top = 2.3  # n = top/(top + gamma) + ridge/gamma
    b, c = (n - 1) * top - ridge, top * ridge  # n gamma^2 + b gamma - c = 0
    root = np.sqrt(b * b + 4 * n * c)
    expected = (root - b) / (2 * n) if b < 0 else 2 * c / (b + root)
    # the quadratic is badly conditioned in b only where both of its terms cancel: not on this list
    assert implicit_regularization(n, np.inf, ridge, [top]) == pytest.approx((expected, expected), rel=ACCURACY)


def test_two_features_one_mode_is_a_cubic():
    # ridge = gamma (2 - z)(3 - z)/2 with z = 1/2 at gamma = top: ridge = top * 1.5 * 2.5/2, kappa = top * 1.5/2
    assert implicit_regularization(3, 2, 0.8 * 1.875, [0.8]) == pytest.approx((0.8, 0.6), rel=ACCURACY)


@pytest.mark.parametrize(
    ("n", "k", "expected"),
    [(5, 9, (0.0, 0.0)), (9, 5, (0.0, 0.0)), (4, 4, (0.0, 0.0)), (4, np.inf, (0.0, 0.0)), (6.5, 4, (0.0, 0.0))],
)
def test_rank_exhausted_without_ridge(n, k, expected):
    assert implicit_regularization(n, k, 0.0, [1.3, 0.0, 0.2, 0.2, 1e-9]) == expected


def test_no_eigenvalue_leaves_the_plain_ridge():
    assert implicit_regularization(4, 3, 0.6, [0.0, 0.0]) == pytest.approx((0.15, 0.15), rel=ACCURACY)
    assert implicit_regularization(4, np.inf, 0.0, [0.0]) == (0.0, 0.0)


def test_huge_ridge_is_shared_by_the_samples():
    assert implicit_regularization(4, 3, np.inf, [1.3, 0.2]) == (np.inf, np.inf)
    # gamma = ridge/n (1 + O(trace/ridge))
    assert implicit_regularization(4, 3, 1e30, [1.3, 0.2]) == pytest.approx((2.5e29, 2.5e29), rel=ACCURACY)
    assert implicit_regularization(4, 3, 1e200, [1.3e-200]) == pytest.approx((2.5e199, 2.5e199), rel=ACCURACY)


def test_kappa_counts_the_features_left_over():
    eigenvalues, _ = power_law(1.4, 1.0, 60)
    gamma, kappa = implicit_regularization(9, 14, 0.03, eigenvalues)
    z, _ = degrees_of_freedom(gamma, eigenvalues)
    assert kappa == pytest.approx(gamma * (14 - z) / 14, rel=ACCURACY)
    assert 0.03 / kappa == pytest.approx(9 - z, rel=ACCURACY)


def test_degrees_of_freedom_by_hand():
    z, q = degrees_of_freedom([0.0, 0.5, np.inf], [1.5, 0.5, 0.0])
    np.testing.assert_allclose(z, [2.0, 1.25, 0.0], rtol=ACCURACY)
    np.testing.assert_allclose(q, [2.0, 0.8125, 0.0], rtol=ACCURACY)


# --- oracle


def test_brute_force_on_nasty_cells(nasty):
    bad = []
    for (n, k, ridge, eigenvalues, *_), (gamma, kappa, _, _) in nasty:
        got = implicit_regularization(n, k, ridge, eigenvalues)
        for name, value, expected in zip(("gamma", "kappa"), got, (gamma, kappa), strict=True):
            # a limit 0 shows at the oracle's ridge of 1e-45 as at most its square root
            zero = value == 0.0 and ridge == 0.0 and expected < 1e-20 * max(eigenvalues)
            if not zero and not abs(value / expected - 1.0) <= ACCURACY:
                bad.append((name, n, k, ridge, eigenvalues[:3], value, expected))
    assert not bad


@pytest.mark.parametrize("long", [1, 10**6])
def test_cells_summed_one_by_one_or_together(nasty, monkeypatch, long):
    """Short spectra are summed for many cells at once, long ones cell by cell; either way serves any spectrum."""
    monkeypatch.setattr(_solver, "LONG", long)
    for (n, k, ridge, eigenvalues, *_), (gamma, _, _, _) in nasty:
        if gamma > 1e-20 * max(eigenvalues):
            assert implicit_regularization(n, k, ridge, eigenvalues)[0] == pytest.approx(gamma, rel=ACCURACY)
    for n, k, ridge, gamma, kappa in WORKED[:2]:
        got = implicit_regularization(n, k, ridge, power_law(1.5, 1.5, 10_000)[0])
        assert got == pytest.approx((gamma, kappa), rel=5e-15 + ACCURACY)


def test_oracle_has_converged(oracle, monkeypatch):
    cells = [cell for cell in oracle.nasty_cells() if cell[2] in (0.0, 1e-20, 1e-33)][::4]
    coarse = [oracle.brute_force(*cell[:4], oracle.target_for(cell[3]), cell[4]) for cell in cells]
    monkeypatch.setattr(oracle, "DIGITS", 130)
    monkeypatch.setattr(oracle, "STEPS", 440)
    fine = [oracle.brute_force(*cell[:4], oracle.target_for(cell[3]), cell[4]) for cell in cells]
    # rounded to double once each; values that stand for a limit 0 need only stay negligible
    np.testing.assert_allclose(coarse, fine, rtol=2 * np.finfo(float).eps, atol=1e-45)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(n=sizes, k=features, ridge=ridges, eigenvalues=spectra)
def test_conservation_of_learnability(n, k, ridge, eigenvalues):
    gamma, kappa = implicit_regularization(n, k, ridge, eigenvalues)
    z, q = degrees_of_freedom(gamma, eigenvalues)
    assert kappa <= gamma
    assert 0.0 <= q <= z <= min(n, k) * (1 + ACCURACY)
    assert z + ridge / kappa == pytest.approx(n, rel=ACCURACY)
    if k < np.inf:
        assert z + k * kappa / gamma == pytest.approx(k, rel=ACCURACY)
    else:
        assert kappa == gamma


@settings(derandomize=True, deadline=None, max_examples=60)
@given(n=sizes, k=sizes, ridge=ridges, eigenvalues=spectra)
def test_duality_of_samples_and_features(n, k, ridge, eigenvalues):
    gamma = implicit_regularization(n, k, ridge, eigenvalues)[0]
    swapped = implicit_regularization(k, n, ridge * k / n, eigenvalues)[0]
    assert swapped == pytest.approx(gamma, rel=ACCURACY)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(n=sizes, k=features, ridge=ridges, eigenvalues=spectra, shift=st.integers(-300, 300))
def test_powers_of_two_scale_exactly(n, k, ridge, eigenvalues, shift):
    gamma, kappa = implicit_regularization(n, k, ridge, eigenvalues)
    scaled = implicit_regularization(n, k, np.ldexp(ridge, shift), np.ldexp(eigenvalues, shift))
    assert scaled == (np.ldexp(gamma, shift), np.ldexp(kappa, shift))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(n=sizes, k=features, ridge=ridges, eigenvalues=spectra, factor=st.floats(1.01, 100.0))
def test_monotone_in_ridge_samples_and_features(n, k, ridge, eigenvalues, factor):
    gamma, kappa = implicit_regularization(n, k, ridge, eigenvalues)
    assert implicit_regularization(n, k, factor * ridge, eigenvalues)[0] > gamma
    assert implicit_regularization(n * factor, k, ridge, eigenvalues)[0] < gamma
    assert implicit_regularization(n, k * factor, ridge, eigenvalues)[0] <= gamma
    # kappa rises with k: fewer modes are missed for lack of features; up to rounding where k no longer matters
    assert implicit_regularization(n, k * factor, ridge, eigenvalues)[1] >= kappa * (1 - ACCURACY)


@settings(derandomize=True, deadline=None, max_examples=30)
@given(eigenvalues=spectra, seed=st.integers(0, 10**6))
def test_order_and_zero_modes_do_not_matter(eigenvalues, seed):
    shuffled = np.random.default_rng(seed).permutation([*eigenvalues, 0.0, 0.0])
    assert implicit_regularization(3.7, 5.2, 0.03, shuffled) == pytest.approx(
        implicit_regularization(3.7, 5.2, 0.03, eigenvalues), rel=ACCURACY
    )


def test_broadcasting_equals_a_loop():
    eigenvalues, _ = power_law(1.2, 1.0, 3000)  # more cells than one block holds
    n, k, ridge = np.array([[3.0], [40.0]]), np.array([2.0, 40.0, 5000.0, np.inf]), 0.02
    gamma, kappa = implicit_regularization(n, k, ridge, eigenvalues)
    assert gamma.shape == kappa.shape == (2, 4)
    for i, j in np.ndindex(2, 4):
        alone = implicit_regularization(n[i, 0], k[j], ridge, eigenvalues)
        assert isinstance(alone[0], float)
        assert (gamma[i, j], kappa[i, j]) == alone


def test_few_steps_even_where_the_spectrum_saturates(oracle, monkeypatch):
    monkeypatch.setattr(_solver, "MAX_STEPS", 25)  # 200 are allowed; plain steps would double t some 60 times
    for n, k, ridge, eigenvalues, _ in oracle.nasty_cells():
        implicit_regularization(n, k, ridge, eigenvalues)


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 3, 0.1, [1.3]), r"n must be > 0, got n=0\.0"),
        ((np.inf, 3, 0.1, [1.3]), r"n must be .*got n=inf"),
        ((1e80, 3, 0.1, [1.3]), r"n must be .*1e\+50, got n=1e\+80"),
        ((4, -1.0, 0.1, [1.3]), r"k must be > 0, got k=-1\.0"),
        ((4, 1e-70, 0.1, [1.3]), r"k must be >= 1e-50"),
        ((4, 3, [0.2, -0.1], [1.3]), r"ridge must be >= 0, got ridge\[1\]=-0\.1"),
        ((4, 3, np.nan, [1.3]), r"ridge must be >= 0, got ridge=nan"),
        ((4, 3, 0.1, [1.3, -1e-9]), r"eigenvalues must be >= 0, got eigenvalues\[1\]=-1e-09"),
        ((4, 3, 0.1, [np.inf]), r"eigenvalues must be .*got eigenvalues\[0\]=inf"),
        ((4, 3, 0.1, []), r"eigenvalues must have shape \(modes,\) with modes >= 1, got shape \(0,\)"),
        (([4, 5], [3, 4, 5], 0.1, [1.3]), r"must broadcast to one shape, got shapes \(2,\), \(3,\), \(\)"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        implicit_regularization(*arguments)


def test_bad_gamma():
    with pytest.raises(ValueError, match=r"gamma must be >= 0, got gamma=-2\.0"):
        degrees_of_freedom(-2.0, [1.3])


def test_failure_names_cell_bracket_residual_and_remedy(monkeypatch):
    monkeypatch.setattr(_solver, "MAX_STEPS", 1)
    with pytest.raises(
        SolveError, match=r"n, k\)=3, \|k - n\|=2, ridge=0\.01.*bracket \[0, .*residual -.*remedy:"
    ) as caught:
        implicit_regularization(3, 5, 0.01, power_law(1.5, 1.0, 50)[0])
    high = float(str(caught.value).split("bracket [0, ")[1].split("]")[0])
    monkeypatch.undo()
    assert high >= implicit_regularization(3, 5, 0.01, power_law(1.5, 1.0, 50)[0])[0]
