"""Test and train error: identities by algebra, hand-solved spectra, limits, a brute-force oracle, decompositions."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.random_features import (
    at_gamma,
    decomposition,
    degrees_of_freedom,
    ensemble_risk,
    implicit_regularization,
    power_law,
    risk,
    train_error,
)

# Quotients of sums of non-negative terms, each with a relative error of some 10 eps (30 for 10^4 modes), at a gamma
# known to 100 eps on which every term depends with a logarithmic slope of at most 2: a few 100 eps in all.
ACCURACY = 400 * np.finfo(float).eps

WORKED = [  # eigenvalues = target power = i^-1.5, 10^4 modes, noise .5; 30-digit arithmetic, printed to 15
    (256, 100, 0.1, 1.19824929931741, 0.526551655086523),
    (256, 256, 0.1, 1.13346290714192, 0.222893637707861),
    (256, 1000, 0.001, 1.22435484972862, 5.19788366103147e-5),
    (256, 10000, 10, 1.06759813785664, 0.915325017785394),
    (1000, 256, 0.01, 0.935489497818479, 0.523675384525264),
    (256, np.inf, 0.1, 0.883987962287779, 0.0734320938581779),
]

sizes = st.floats(0.2, 60.0)
features = st.one_of(sizes, st.just(np.inf))
ridges = st.floats(-15.0, 5.0).map(lambda x: 10.0**x)
noises = st.sampled_from([0.0, 0.3, 7.0])
tasks = st.lists(
    st.tuples(st.floats(-10.0, 2.0).map(lambda x: 10.0**x), st.sampled_from([0.0, 0.02, 0.7, 4.0])),
    min_size=1,
    max_size=9,
)
hypothesis_settings = settings(derandomize=True, deadline=None, max_examples=60)


def split(task):
    """Return eigenvalues and target power from a list of pairs, never an all-zero target."""
    eigenvalues, target = zip(*task, strict=True)
    return eigenvalues, (target[0] + 0.1, *target[1:])


def explicit(e, v, n, k):
    """Return the sums of the theory from symbols e_i and v_i^2."""
    f = [1 - x for x in e]
    s = sum(x * y for x, y in zip(e, f, strict=True))
    q = sum(x * x for x in e)
    bias = sum(w * y * y for w, y in zip(v, f, strict=True))
    shared = sum(w * x * y for w, x, y in zip(v, e, f, strict=True))
    return f, s, q, bias, shared, n - sum(e), k - sum(e)


# --- identities and limits


@pytest.fixture(scope="module")
def symbols():
    """Give two modes with all sums in symbols."""
    e, v = sp.symbols("e1:3", positive=True), sp.symbols("w1:3", positive=True)
    n, k, noise = sp.symbols("n k sigma2", positive=True)
    return e, v, n, k, noise, explicit(e, v, n, k)


def recommended(symbols):
    _, _, n, _, noise, (_, s, _, bias, shared, p, r) = symbols
    return n * ((bias + noise) * (s + r) + shared * s) / (s * (p + r) + p * r)


def test_recommended_form_is_the_paper_s(symbols):
    e, v, n, k, noise, (f, _, q, *_) = symbols
    z = sum(e)
    # kappa lambda/(lambda + gamma)^2 = (kappa/gamma) e f with kappa/gamma = (k - z)/k
    biases = [y - (k - z) / k * x * y * k / (k - q) for x, y in zip(e, f, strict=True)]
    total = sum(b * w for b, w in zip(biases, v, strict=True)) + noise
    paper = total / (1 - (q * (k - 2 * z) + z**2) / (n * (k - q)))
    assert sp.cancel(sp.together(paper - recommended(symbols))) == 0


def test_bias_and_denominator_forms(symbols):
    e, _, n, k, _, (f, s, q, _, _, p, r) = symbols
    z = sum(e)
    for x, y in zip(e, f, strict=True):
        assert sp.cancel(y - x * y * (k - z) / (k - q) - (y**2 + x * y * s / (k - q))) == 0
    assert sp.expand((k - q) - (s + r)) == 0
    denominator = s * (p + r) + p * r
    assert sp.cancel((n - q - s**2 / (k - q)) * (s + r) - denominator) == 0
    assert sp.expand(denominator - denominator.subs({n: k, k: n}, simultaneous=True)) == 0


def test_decomposition_adds_up_in_symbols(symbols):
    _, _, n, _, noise, (_, s, q, bias, shared, p, r) = symbols
    unexplained, h, g = bias + noise, s / (s + r), r / (s + r)
    feature, sample = shared * h, unexplained * q / (p + s)
    interaction = (n * unexplained * s * h / (p + s) + shared * h * (q + s * h)) / (p + s * g)
    assert sp.cancel(sp.together(bias + feature + sample + interaction + noise - recommended(symbols))) == 0
    # the average of many members: kernel ridge regression at the same gamma
    assert sp.cancel(sp.together(bias + sample + noise - n * unexplained / (n - q))) == 0


@pytest.mark.parametrize(("n", "k", "ridge", "test", "train"), WORKED)
def test_worked_values(n, k, ridge, test, train):
    eigenvalues, target = power_law(1.5, 1.5, 10_000)
    # half a unit of the 15th printed digit is 5e-15 of a leading digit 1
    assert risk(n, k, ridge, eigenvalues, target, 0.5) == pytest.approx(test, rel=5e-15 + ACCURACY)
    assert train_error(n, k, ridge, eigenvalues, target, 0.5) == pytest.approx(train, rel=5e-15 + ACCURACY)


def test_isotropic_ridgeless_by_hand():
    task = ([0.3] * 100, [0.01] * 100, 0.25)
    # n < k: e = .3, q = 9, s = 21, p = 0, r = 30: 30 [(.49 + .25) 51 + .21 * 21]/(21 * 30)
    assert risk(30, 60, 0.0, *task) == pytest.approx(30 * (0.74 * 51 + 0.21 * 21) / 630, rel=ACCURACY)
    assert risk(60, 30, 0.0, *task) == pytest.approx(1.9, rel=ACCURACY)
    assert train_error(30, 60, 0.0, *task) == 0.0
    assert train_error(60, 30, 0.0, *task) == pytest.approx(1.9 / 4, rel=ACCURACY)


def test_first_correction_of_many_features():
    """k (E - E_inf) tends to a closed form: derivative of the equations at 1/k = 0."""
    eigenvalues, target = power_law(1.5, 1.5, 10_000)
    n, ridge, noise = 256, 0.1, 0.5
    gamma, _ = implicit_regularization(n, np.inf, ridge, eigenvalues)
    e = eigenvalues / (eigenvalues + gamma)
    _, s, _, bias, shared, p, _ = explicit(e, target, n, np.inf)
    f, z, total = 1 - e, e.sum(), bias + noise
    slope = n * (
        2 * (target * f * f * e).sum() / (s + p) - total * ((e * f * (2 * e - 1)).sum() + s) / (s + p) ** 2
    ) * z * p / (p + s) + n * s / (s + p) * (total * s / (s + p) + shared)
    assert slope == pytest.approx(68.5299, abs=5e-5)
    k = 1e7
    measured = k * (risk(n, k, ridge, eigenvalues, target, noise) - risk(n, np.inf, ridge, eigenvalues, target, noise))
    # next order: slope * (few times n)/k = 1e-4 relative; cancellation: k * 1e-14/68 = 2e-9
    assert measured == pytest.approx(slope, rel=1e-4)


def test_error_without_learning_is_the_total_power():
    task = ([1.3, 0.4], [0.5, 0.7], 0.25)
    parts = decomposition(3, 4, np.inf, *task)
    assert risk(3, 4, np.inf, *task) == train_error(3, 4, np.inf, *task) == pytest.approx(1.45, rel=ACCURACY)
    assert (parts.feature_variance, parts.sample_variance, parts.interaction) == (0.0, 0.0, 0.0)
    assert risk(3, np.inf, 2.0, [0.0, 0.0], *task[1:]) == pytest.approx(1.45, rel=ACCURACY)


def test_many_samples_project_on_the_features():
    eigenvalues, target = power_law(1.5, 1.2, 80)
    gamma, _ = implicit_regularization(1e12, 12, 0.1, eigenvalues)
    assert degrees_of_freedom(gamma, eigenvalues)[0] == pytest.approx(12, rel=1e-11)  # 12 - z = O(1/n)
    projected = (target * gamma / (eigenvalues + gamma)).sum() + 0.3
    assert risk(1e12, 12, 0.1, eigenvalues, target, 0.3) == pytest.approx(projected, rel=1e-9)  # corrections O(k/n)


@pytest.mark.parametrize("k", [6.0, 9.0, np.inf])
def test_beyond_the_rank_features_drop_out(k):
    eigenvalues, target = [1.3, 0.0, 0.2, 0.5], [0.5, 0.7, 0.9, 0.2]  # rank 3, unlearnable power .7
    assert risk(7, k, 0.0, eigenvalues, target, 0.25) == pytest.approx(7 / 4 * 0.95, rel=ACCURACY)
    assert train_error(7, k, 0.0, eigenvalues, target, 0.25) == pytest.approx(4 / 7 * 0.95, rel=ACCURACY)
    parts = decomposition(7, k, 0.0, eigenvalues, target, 0.25)
    assert parts.squared_bias == pytest.approx(0.7, rel=ACCURACY)
    assert parts.sample_variance == pytest.approx(0.95 * 3 / 4, rel=ACCURACY)


def test_interpolation_peak_diverges_like_the_root_of_the_ridge():
    eigenvalues, target = power_law(1.1, 1.4, 30)
    assert risk(9, 9, 0.0, eigenvalues, target, 0.3) == np.inf
    assert train_error(9, 9, 0.0, eigenvalues, target, 0.3) == 0.0
    parts = decomposition(9, 9, 0.0, eigenvalues, target, 0.3)
    assert parts.interaction == np.inf
    assert np.isfinite([parts.squared_bias, parts.feature_variance, parts.sample_variance]).all()
    ratio = risk(9, 9, 1e-20, eigenvalues, target, 0.3) / risk(9, 9, 1e-18, eigenvalues, target, 0.3)
    assert ratio == pytest.approx(10.0, rel=1e-6)  # corrections of relative order sqrt(ridge/gamma) = 1e-8
    assert risk(9, 9, 0.0, eigenvalues, np.zeros(30)) == 0.0
    many = ensemble_risk(9, 9, 0.0, eigenvalues, target, 0.3, members=np.inf)
    assert many == pytest.approx(parts.squared_bias + parts.sample_variance + 0.3, rel=ACCURACY)
    assert ensemble_risk(9, 9, 0.0, eigenvalues, target, 0.3, members=5) == np.inf


@pytest.mark.parametrize(
    ("k", "target", "noise"),
    [
        (3.0, (0.5, 0.7, 0.9, 0.0), 0.0),  # all equal: a finite limit
        (7.0, (0.5, 0.7, 0.9, 0.0), 0.0),  # 0
        (np.inf, (0.5, 0.7, 0.9, 0.0), 0.0),
        (3.0, (0.5, 0.7, 0.9, 0.0), 0.3),  # inf
        (7.0, (0.5, 0.7, 0.9, 0.0), 0.3),
        (np.inf, (0.5, 0.7, 0.9, 0.0), 0.3),
        (3.0, (0.5, 0.7, 0.9, 0.2), 0.0),  # unlearnable power acts like noise
        (7.0, (0.5, 0.7, 0.9, 0.2), 0.0),
    ],
)
def test_as_many_samples_as_rank(oracle, k, target, noise):
    eigenvalues = (2.0, 0.3, 0.6, 0.0)
    n = 3.0
    exact = oracle.brute_force(n, k, 1e-50, eigenvalues, target, noise)
    got = risk(n, k, 0.0, eigenvalues, target, noise)
    parts = decomposition(n, k, 0.0, eigenvalues, target, noise)
    total = sum((parts.squared_bias, parts.feature_variance, parts.sample_variance, parts.interaction, parts.noise))
    assert total == got or total == pytest.approx(got, rel=ACCURACY)
    assert train_error(n, k, 0.0, eigenvalues, target, noise) == 0.0
    assert exact[3] < 1e-10
    if exact[2] > 1e10:
        assert got == np.inf
    elif exact[2] < 1e-10:
        assert got == 0.0
    else:
        assert got == pytest.approx(exact[2], rel=1e-12)  # the oracle's ridge of 1e-50 shifts it by its cube root


def test_interaction_stays_finite_with_as_many_samples_as_rank():
    """With more features than rank the divergence at n = rank is the sample variance's alone."""
    task = ((2.0, 0.3, 0.6, 0.0), (0.5, 0.7, 0.9, 0.2), 0.3)
    limit = decomposition(3, 7, 0.0, *task)
    assert limit.sample_variance == np.inf
    assert limit.interaction == pytest.approx(3 * 0.5 / (4 * 4), rel=ACCURACY)  # n N/(4 (k - rank)), N = .2 + .3
    # gamma is of the order of the root of the ridge, 1e-15, and enters to first order
    assert decomposition(3, 7, 1e-30, *task).interaction == pytest.approx(limit.interaction, rel=1e-12)


# --- oracle


def test_brute_force_on_nasty_cells(nasty):
    bad = []
    for cell, (_, _, test, train) in nasty:
        value = risk(*cell)
        if not abs(value / test - 1.0) <= ACCURACY:
            bad.append(("test", cell[:3], value, test))
        value = train_error(*cell)
        zero = value == 0.0 and cell[2] == 0.0 and train < 1e-50 * test  # the limit, at the oracle's ridge of 1e-45
        if not zero and not abs(value / train - 1.0) <= ACCURACY:
            bad.append(("train", cell[:3], value, train))
    assert not bad


def test_ensemble_is_the_textbook_mixture(nasty):
    bad = []
    for (n, k, ridge, eigenvalues, target, noise), (gamma, _, test, _) in nasty:
        with mp.workdps(60):
            lam, g = [mp.mpf(x) for x in eigenvalues], mp.mpf(gamma)
            q = mp.fsum((x / (x + g)) ** 2 for x in lam)
            bias = mp.fsum(w * (g / (x + g)) ** 2 for x, w in zip(lam, target, strict=True))
            many = float(n / (n - q) * (bias + noise))
        for members, expected in ((3, test / 3 + many * 2 / 3), (1, test), (np.inf, many)):
            value = ensemble_risk(n, k, ridge, eigenvalues, target, noise, members=members)
            # gamma is rounded here: n - q and the bias of a flat tail move by 2 eps of their slopes, <= ACCURACY
            if not abs(value / expected - 1.0) <= 2 * ACCURACY:
                bad.append((n, k, ridge, members, value, expected))
    assert not bad


# --- properties


@hypothesis_settings
@given(n=sizes, k=features, ridge=ridges, task=tasks, noise=noises)
def test_parts_add_up_and_are_not_negative(n, k, ridge, task, noise):
    eigenvalues, target = split(task)
    parts = decomposition(n, k, ridge, eigenvalues, target, noise)
    values = (parts.squared_bias, parts.feature_variance, parts.sample_variance, parts.interaction, parts.noise)
    assert min(values) >= 0.0
    assert sum(values) == pytest.approx(risk(n, k, ridge, eigenvalues, target, noise), rel=ACCURACY)
    assert parts.noise == noise
    if k == np.inf:
        assert parts.feature_variance == parts.interaction == 0.0


@hypothesis_settings
@given(n=sizes, k=sizes, ridge=ridges, task=tasks, noise=noises)
def test_duality_of_test_errors(n, k, ridge, task, noise):
    """E(n, k)/E(k, n) is n [(A + noise)(k - q) + B s] over the same with n and k exchanged."""
    eigenvalues, target = split(task)
    gamma, _ = implicit_regularization(n, k, ridge, eigenvalues)
    e = np.array(eigenvalues) / (np.array(eigenvalues) + gamma)
    _, s, q, bias, shared, _, _ = explicit(e, target, n, k)
    swapped = decomposition(k, n, ridge * k / n, eigenvalues, target, noise)
    assert swapped.squared_bias == pytest.approx(bias, rel=1e-9)  # 1 - e loses digits here: e is 1 - 1e-7 at most
    here = risk(n, k, ridge, eigenvalues, target, noise)
    there = risk(k, n, ridge * k / n, eigenvalues, target, noise)
    if there == 0.0:  # no noise, and nothing to learn or all of it learned
        assert here == 0.0
    elif min(n, k) - q > 1e-3:  # else k - q cancels in this reference
        first, second = (bias + noise) * (k - q) + shared * s, (bias + noise) * (n - q) + shared * s
        assert here / there == pytest.approx(n * first / (k * second), rel=1e-9)


@hypothesis_settings
@given(n=sizes, k=features, ridge=ridges, task=tasks, noise=noises)
def test_infinite_ensemble_is_kernel_regression_with_more_ridge(n, k, ridge, task, noise):
    eigenvalues, target = split(task)
    gamma, kappa = implicit_regularization(n, k, ridge, eigenvalues)
    effective = ridge * (gamma / kappa)  # gamma (n - z), as n - z = ridge/kappa
    assert effective >= ridge
    assert ensemble_risk(n, k, ridge, eigenvalues, target, noise, members=np.inf) == pytest.approx(
        risk(n, np.inf, effective, eigenvalues, target, noise), rel=ACCURACY
    )


@hypothesis_settings
@given(n=sizes, k=features, ridge=ridges, task=tasks, noise=noises)
def test_chosen_gamma_returns_the_cell(n, k, ridge, task, noise):
    eigenvalues, target = split(task)
    gamma, kappa = implicit_regularization(n, k, ridge, eigenvalues)
    z, q = degrees_of_freedom(gamma, eigenvalues)
    point = at_gamma(gamma, n, k, eigenvalues, target, noise)
    # from gamma the slack n - z is known to some eps of s = z - q (plus that of gamma), not of itself
    loss = 300 * np.finfo(float).eps * (1 + (z - q) / min(ridge / kappa, k * kappa / gamma))
    if loss < 1e-3:
        assert point.ridge == pytest.approx(ridge, rel=2 * loss)
        assert point.kappa == pytest.approx(kappa, rel=2 * loss)
        assert point.risk == pytest.approx(risk(n, k, ridge, eigenvalues, target, noise), rel=2 * loss)
        assert point.train_error == pytest.approx(train_error(n, k, ridge, eigenvalues, target, noise), rel=4 * loss)


@hypothesis_settings
@given(n=sizes, k=features, ridge=ridges, task=tasks, noise=noises)
def test_train_error_is_the_fitting_ratio_of_the_test_error(n, k, ridge, task, noise):
    eigenvalues, target = split(task)
    _, kappa = implicit_regularization(n, k, ridge, eigenvalues)
    test = risk(n, k, ridge, eigenvalues, target, noise)
    train = train_error(n, k, ridge, eigenvalues, target, noise)
    assert train == pytest.approx((ridge / (n * kappa)) ** 2 * test, rel=ACCURACY)
    assert train <= test


@hypothesis_settings
@given(n=sizes, k=features, ridge=ridges, task=tasks, noise=noises, shift=st.integers(-300, 300))
def test_errors_do_not_depend_on_the_scale_of_the_kernel(n, k, ridge, task, noise, shift):
    eigenvalues, target = split(task)
    scaled = risk(n, k, np.ldexp(ridge, shift), np.ldexp(eigenvalues, shift), target, noise)
    assert scaled == risk(n, k, ridge, eigenvalues, target, noise)


@hypothesis_settings
@given(n=sizes, k=features, task=tasks, noise=noises, more=st.floats(1.05, 3.0), gamma=st.floats(0.05, 20.0))
def test_more_is_better_at_fixed_gamma(n, k, task, noise, more, gamma):
    eigenvalues, target = split(task)
    least, _ = implicit_regularization(n, k, 0.0, eigenvalues)
    gamma = 1.01 * least + gamma
    here = at_gamma(gamma, n, k, eigenvalues, target, noise).risk
    _, q = degrees_of_freedom(gamma, eigenvalues)
    if q / (n * more) > 1e-12:  # the gain is of relative order q/n: below rounding it cannot be seen
        assert at_gamma(gamma, n * more, k, eigenvalues, target, noise).risk < here
    assert at_gamma(gamma, n, k * more, eigenvalues, target, noise).risk <= here * (1 + ACCURACY)


def test_broadcasting_equals_a_loop():
    eigenvalues, target = power_law(1.2, 1.1, 3000)  # more cells than one block holds
    k, noise = np.array([2.0, 40.0, 5000.0, np.inf]), np.array([[0.0], [0.3], [2.5]])
    grid = risk(40.0, k, 0.02, eigenvalues, target, noise)
    crowd = ensemble_risk(40.0, k, 0.02, eigenvalues, target, noise, members=2)
    parts = decomposition(40.0, k, 0.02, eigenvalues, target, noise)
    assert grid.shape == crowd.shape == parts.noise.shape == (3, 4)
    for i, j in np.ndindex(3, 4):
        alone = risk(40.0, k[j], 0.02, eigenvalues, target, noise[i, 0])
        assert isinstance(alone, float)
        assert grid[i, j] == alone
        assert crowd[i, j] == ensemble_risk(40.0, k[j], 0.02, eigenvalues, target, noise[i, 0], members=2)


# --- bad input


@pytest.mark.parametrize("function", [risk, train_error, decomposition])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 3, 0.1, [1.3], [0.5], 0.2), r"n must be > 0, got n=0\.0"),
        ((4, -3, 0.1, [1.3], [0.5], 0.2), r"k must be > 0, got k=-3\.0"),
        ((4, 3, -0.1, [1.3], [0.5], 0.2), r"ridge must be >= 0, got ridge=-0\.1"),
        ((4, 3, 0.1, [-1.3], [0.5], 0.2), r"eigenvalues must be >= 0, got eigenvalues\[0\]=-1\.3"),
        ((4, 3, 0.1, [1.3], [-0.5], 0.2), r"target_power must be >= 0, got target_power\[0\]=-0\.5"),
        ((4, 3, 0.1, [1.3], [0.5, 0.1], 0.2), r"got 2 in target_power, 1 in eigenvalues"),
        ((4, 3, 0.1, [1.3], [0.5], -0.2), r"noise_variance must be >= 0, got noise_variance=-0\.2"),
        ((4, 3, 0.1, [1.3], [0.5], [0.2, np.nan]), r"noise_variance must be >= 0, got noise_variance\[1\]=nan"),
        (([4, 5], 3, 0.1, [1.3], [0.5], [0.2, 0.1, 0.3]), r"must broadcast to one shape"),
    ],
)
def test_bad_arguments(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_bad_members():
    with pytest.raises(ValueError, match=r"members must be >= 1, got members=0\.5"):
        ensemble_risk(4, 3, 0.1, [1.3], [0.5], 0.2, members=0.5)


def test_gamma_that_needs_a_negative_ridge():
    with pytest.raises(ValueError, match=r"z\(gamma\) <= min\(n, k\).*got gamma=2 with n=30, k=60"):
        at_gamma([3.0, 2.0], 30, 60, [1.0] * 100, [0.01] * 100, 0.25)  # z = 100/3 > 30
    with pytest.raises(ValueError, match=r"got gamma=0 with n=30"):
        at_gamma(0.0, 30, np.inf, [1.0] * 100, [0.01] * 100, 0.25)
