"""Groups of rows: bags as two groups, ridge over Marchenko-Pastur, worked numbers under covariance, literal draws."""

from itertools import product

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from theory.aggregate_responses import (
    Group,
    bag_groups,
    group_risk,
    limit_risk,
    private_ridge_floor,
    vanishing_interpolation_risk,
)

EPS = np.finfo(float).eps
SOLVED = 1e-13  # the root of the fixed point to a few eps in ln t (|ln t| < 50 here), a few dozen operations after it
TWO_ATOMS = {"spectrum": [1.9, 0.1], "spectrum_weights": [0.5, 0.5]}


def bags(psi, k, rho, noise):
    return [Group(psi / k, 1.0, 1.0, noise), Group(psi * (k - 1) / k, rho, 0.0, 0.0)]


# --- identities and limits


@pytest.mark.parametrize(
    ("psi", "k"), [(6.0, 3.0), (4.0, 2.0), (1.05, 5.0), (20.0, 2.5), (1.5, 3.0), (2.0, 4.0), (0.6, 2.0), (0.95, 10.0)]
)
def test_bags_are_two_groups(psi, k):
    for rho in (1e-6, 0.03, 0.3, 1.0, 3.0, 1e3):
        got = group_risk(bags(psi, k, rho, 0.3), signal_power=[2.5])
        assert got == pytest.approx(limit_risk(psi, k, rho, signal=2.5, noise_variance=0.3), rel=20 * SOLVED)


def test_weight_zero_and_towards_zero():
    for psi, k in ((6.0, 3.0), (2.0, 4.0), (0.6, 2.0)):
        bag_level = limit_risk(psi, k, 0.0, signal=2.5, noise_variance=0.3)
        assert group_risk(bags(psi, k, 0.0, 0.3), signal_power=[2.5]) == pytest.approx(
            bag_level, rel=SOLVED, abs=SOLVED
        )
    vanishing = vanishing_interpolation_risk(2, 4, signal=2.5, noise_variance=0.3)
    assert group_risk(bags(2, 4, 1e-12, 0.3), signal_power=[2.5]) == pytest.approx(vanishing, rel=1e-11)  # O(rho)


@pytest.mark.parametrize(("psi", "k", "rho"), [(6, 3, 0.3), (1.2, 2, 2.0)])
def test_covariance_drops_out_without_ridge(psi, k, rho):
    spectrum, power = np.array([3.0, 0.2, 1.1]), np.array([0.7, 2.0, 0.4])
    got = group_risk(bags(psi, k, rho, 0.3), spectrum, [0.2, 0.5, 0.3], power)
    flat = limit_risk(psi, k, rho, signal=float(spectrum @ power), noise_variance=0.3)
    assert got == pytest.approx(flat, rel=20 * SOLVED)


def test_as_many_rows_as_features():
    assert group_risk([Group(1.0, 2.0, 1.0, 0.3)], signal_power=[2.5]) == (0.0, np.inf, np.inf)
    assert group_risk([Group(1.0, 2.0, 1.0, 0.0)], signal_power=[2.5]) == (0.0, 0.0, 0.0)
    assert group_risk([Group(0.5, 1.0, 1.0, 0.3), Group(0.5, 1.0, 0.0, 0.0)]) == (np.inf, np.inf, np.inf)


def test_nothing_is_learned_from_weight_zero_or_an_infinite_penalty():
    power = {"spectrum": [1.9, 0.1], "spectrum_weights": [0.5, 0.5], "signal_power": [0.4, 3.0]}
    for rows, ridge in (([Group(3.0, 0.0, 1.0, 0.7)], 0.0), ([Group(0.0, 1.0, 1.0, 0.7)], 0.2)):
        assert group_risk(rows, ridge=ridge, **power) == pytest.approx((1.06, 0.0, 1.06), rel=SOLVED)
    faint = group_risk([Group(3.0, 1.0, 1.0, 0.7)], ridge=1e200, **power)
    assert faint == pytest.approx((1.06, 0.0, 1.06), rel=SOLVED)


def test_matched_ridge_is_the_bayes_floor():
    """ar.T4 and ar.D6: ridge sigma^2/r^2 on bag means alone."""
    floor = private_ridge_floor(6, 3, epsilon=np.inf, threshold=1.0, signal=2.5, noise_variance=0.3)
    got = group_risk([Group(2.0, 1.0, 1.0, 0.3)], signal_power=[2.5], ridge=0.3 / 2.5)
    assert got.total == pytest.approx(floor, rel=SOLVED)


# --- oracle


@pytest.mark.parametrize(("alpha", "weight", "ridge"), [(2.0, 1.0, 0.4), (0.5, 1.7, 0.01), (1.0, 0.3, 0.2)])
def test_ridge_over_the_marchenko_pastur_law(alpha, weight, ridge):
    """bias = r^2 E [lambda/(w e + lambda)]^2, variance = sigma^2 E [w^2 e/(w e + lambda)^2], e eigenvalues of Z'Z/d."""
    with mp.workdps(25):
        low, high = (1 - mp.sqrt(alpha)) ** 2, (1 + mp.sqrt(alpha)) ** 2

        def mean(function):
            def inner(angle):
                e = (low + high) / 2 + (high - low) / 2 * mp.sin(angle)
                density = ((high - low) / 2 * mp.cos(angle)) ** 2 / (2 * mp.pi * e) if e > 0 else 0
                return density * function(e)

            return mp.quad(inner, [-mp.pi / 2, 0, mp.pi / 2]) + max(0, 1 - alpha) * function(mp.mpf(0))

        bias = mean(lambda e: (ridge / (weight * e + ridge)) ** 2)
        variance = mean(lambda e: weight**2 * e / (weight * e + ridge) ** 2)
    got = group_risk([Group(alpha, weight, 1.0, 0.3)], signal_power=[2.5], ridge=ridge)
    # alpha = 1 puts a root singularity at the end of the integral
    assert got[:2] == pytest.approx((2.5 * float(bias), 0.3 * float(variance)), rel=1e-9)


def textbook(groups, atoms, fractions, powers, ridge):
    """Return the risk from the formulas with their subtractions, t by bisection, all at 40 digits."""
    with mp.workdps(40):
        atoms, fractions, powers = ([mp.mpf(float(x)) for x in row] for row in (atoms, fractions, powers))
        rows = [[mp.mpf(x) for x in (g.rows_per_feature, g.weight, g.target_gain, g.noise_variance)] for g in groups]

        def pull(t, target=False):
            return mp.fsum(al * w / (1 + w * t) * (eta if target else 1) for al, w, eta, _ in rows)

        low, high = mp.mpf(-120), mp.mpf(120)
        for _ in range(150):
            t = mp.exp((low + high) / 2)
            short = mp.fsum(f * s / (pull(t) * s + ridge) for f, s in zip(fractions, atoms, strict=True)) > t
            low, high = ((low + high) / 2, high) if short else (low, (low + high) / 2)
        a, towards = pull(t), pull(t, target=True)
        mean = [towards * s / (a * s + ridge) for s in atoms]
        error = lambda eta: mp.fsum(p * s * (eta - mu) ** 2 for p, s, mu in zip(powers, atoms, mean, strict=True))  # noqa: E731
        k2 = mp.fsum(f * s**2 / (a * s + ridge) ** 2 for f, s in zip(fractions, atoms, strict=True))
        kappa = [al * w**2 / (1 + w * t) ** 2 for al, w, _, _ in rows]
        scale = k2 / (1 - k2 * mp.fsum(kappa))
        bias = error(1) + scale * mp.fsum(x * error(row[2]) for x, row in zip(kappa, rows, strict=True))
        return float(bias), float(scale * mp.fsum(x * row[3] for x, row in zip(kappa, rows, strict=True)))


GROUPS = [Group(0.7, 1.0, 1.0, 0.3), Group(1.9, 0.2, -0.4, 1.7), Group(0.3, 5.0, 2.0, 0.0)]


@pytest.mark.parametrize("ridge", [1e-8, 1e-3, 0.2, 30.0])
@pytest.mark.parametrize("members", [1, 2, 3])
def test_textbook_formulas(members, ridge):
    spectrum, fractions, power = [2.5, 0.8, 0.003], [0.2, 0.5, 0.3], [0.5, 1.3, 40.0]
    got = group_risk(GROUPS[:members], spectrum, fractions, power, ridge)
    expected = textbook(GROUPS[:members], spectrum, fractions, power, ridge)
    assert got[:2] == pytest.approx(expected, rel=10 * SOLVED)


def test_worked_optima_under_covariance():
    """alpha = (2, 2), half of the eigenvalues 1.9, half 0.1, unit noise and theta_0' Sigma theta_0 = 1."""

    def total(ridge, rho, powers):
        rows = [Group(2.0, 1.0, 1.0, 1.0), Group(2.0, rho, 0.0, 0.0)]
        return group_risk(rows, **TWO_ATOMS, signal_power=powers, ridge=ridge).total

    even, white = [0.5, 0.5], [0.5 / 1.9, 0.5 / 0.1]
    assert total(1.0, 0.0, even) == pytest.approx(0.283054, abs=5e-7)
    for ridge, rho in ((1.01, 0.0), (0.99, 0.0), (1.0, 0.01)):
        assert total(ridge, rho, even) > total(1.0, 0.0, even)
    alone = minimize(lambda x: total(np.exp(x[0]), 0.0, white), [-1.0], method="Nelder-Mead")
    assert alone.fun == pytest.approx(0.581666, abs=5e-7)
    both = minimize(lambda x: total(*np.exp(x), white), [-2.5, -1.0], method="Nelder-Mead")
    assert both.fun == pytest.approx(0.457216, abs=5e-7)
    assert np.exp(both.x) == pytest.approx([0.0639, 0.3694], abs=1e-4)


def literal(groups, spectrum, powers, ridge, d, draws):
    """Return conditional (bias, variance) of drawn designs; even fractions of d features per eigenvalue."""
    rng = np.random.default_rng(11)
    roots = np.sqrt(np.repeat(spectrum, d // len(spectrum)))
    energies = np.repeat(np.asarray(powers) / (d // len(spectrum)), d // len(spectrum))
    results = []
    for _ in range(draws):
        gram, toward, noisy = ridge * d * np.eye(d), np.zeros((d, d)), np.zeros((d, d))
        for group in groups:
            x = rng.normal(size=(round(group.rows_per_feature * d), d)) * roots
            square = x.T @ x
            gram += group.weight * square
            toward += group.weight * group.target_gain * square
            noisy += group.weight**2 * group.noise_variance * square
        inverse = np.linalg.inv(gram)
        miss = roots[:, None] * (inverse @ toward - np.eye(d))
        noise = np.einsum("i,ij,jk,ik->", roots**2, inverse, noisy, inverse, optimize=True)
        results.append((energies @ (miss**2).sum(axis=0), noise))
    return np.mean(results, axis=0), np.std(results, axis=0) / np.sqrt(draws)


def test_literal_draws_under_covariance():
    rows = [Group(1.5, 1.0, 1.0, 0.8), Group(1.0, 0.4, -0.3, 0.2), Group(0.5, 2.0, 0.0, 0.0)]
    mean, error = literal(rows, [1.9, 0.1], [0.6, 2.0], 0.15, d=100, draws=60)
    got = group_risk(rows, **TWO_ATOMS, signal_power=[0.6, 2.0], ridge=0.15)
    # 4.5 standard errors, and the O(1/d) distance of the limit, below 0.5/d here
    assert np.all(np.abs(mean - got[:2]) < 4.5 * error + 0.005 * np.array(got[:2])), (mean, error, got)


def test_literal_unequal_bags():
    """Bags of 1, 2 and 5, means and contrasts formed literally, both ways to weigh them."""
    d, psi, sizes, counts, rho = 60, 5.0, [1, 2, 5], [30, 25, 44], 0.4  # 300 samples in 99 bags
    layout = np.repeat(np.arange(99), np.repeat(sizes, counts))
    size = np.bincount(layout)
    rng = np.random.default_rng(5)
    for weighting, weight in (("samples", np.ones(99)), ("bags", (300 / 99) / size)):
        results = []
        for _ in range(80):
            x = rng.normal(size=(300, d))
            means = np.zeros((99, d))
            np.add.at(means, layout, x)
            means /= size[:, None]
            within = x - means[layout]
            inverse = np.linalg.inv(
                means.T @ (means * (weight * size)[:, None]) + rho * within.T @ (within * weight[layout][:, None])
            )
            solve = inverse @ (means * (weight * size)[:, None]).T
            results.append((2.5 * ((solve @ means - np.eye(d)) ** 2).sum() / d, 0.3 * (solve**2 / size).sum()))
        mean, error = np.mean(results, axis=0), np.std(results, axis=0) / np.sqrt(80)
        got = group_risk(
            bag_groups(psi, sizes, counts, rho, noise_variance=0.3, weighting=weighting), signal_power=[2.5]
        )
        # 4.5 standard errors, and an O(1/d) distance of at most 0.6/d
        assert np.all(np.abs(mean - got[:2]) < 4.5 * error + 0.01 * np.array(got[:2])), (weighting, mean, error, got)


# --- properties


rows_of = st.builds(
    Group,
    st.floats(0.01, 5.0),
    st.floats(-6, 4).map(np.exp),
    st.sampled_from([1.0, 0.0, -0.7, 2.0]),
    st.sampled_from([0.0, 0.3, 4.0]),
)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    groups=st.lists(rows_of, min_size=1, max_size=4),
    ridge=st.sampled_from([0.0, 1e-6, 0.2, 40.0]),
    shift=st.integers(-30, 30),
)
def test_scales(groups, ridge, shift):
    """Weights and ridge have a common scale; eigenvalues scale with the ridge, and the risk with s |theta_0|^2."""
    spectrum, power = np.array([1.9, 0.3]), np.array([0.4, 3.0])
    risk = group_risk(groups, spectrum, [0.25, 0.75], power, ridge)
    assert all(part >= 0.0 for part in risk)
    heavier = [Group(g.rows_per_feature, np.ldexp(g.weight, shift), g.target_gain, g.noise_variance) for g in groups]
    assert group_risk(heavier, spectrum, [0.25, 0.75], power, np.ldexp(ridge, shift)) == pytest.approx(risk, rel=1e-9)
    larger, smaller = np.ldexp(spectrum, shift), np.ldexp(power, -shift)
    assert group_risk(groups, larger, [0.25, 0.75], smaller, np.ldexp(ridge, shift)) == pytest.approx(risk, rel=1e-9)


def test_split_groups_and_atoms_change_nothing():
    split = [Group(0.3, 1.0, 1.0, 0.3), Group(0.4, 1.0, 1.0, 0.3), *GROUPS[1:], Group(4.0, 0.0, 3.0, 9.0)]
    whole = group_risk(GROUPS, [1.9, 0.1], [0.5, 0.5], [0.6, 2.0], 0.15)
    got = group_risk(split, [0.1, 1.9, 0.1], [0.2, 0.5, 0.3], [0.7, 0.6, 1.3], 0.15)
    assert got == pytest.approx(whole, rel=SOLVED)


@pytest.mark.parametrize(("psi", "rho"), [(6.0, 0.3), (1.2, 2.0)])
def test_only_the_mean_size_counts_where_bags_weigh_as_their_samples(psi, rho):
    sizes, counts = [1, 2, 3.5, 8], [4, 1, 2, 3]
    mean = np.dot(sizes, counts) / 10
    got = group_risk(bag_groups(psi, sizes, counts, rho, noise_variance=0.3), signal_power=[2.5])
    assert got == pytest.approx(limit_risk(psi, mean, rho, signal=2.5, noise_variance=0.3), rel=20 * SOLVED)
    equal = [group_risk(bag_groups(psi, [3], [7], rho, noise_variance=0.3, weighting=w)) for w in ("samples", "bags")]
    assert equal[0] == pytest.approx(equal[1], rel=SOLVED)


def test_extreme_scales_of_weights():
    one = group_risk([Group(3.0, 1.0, 1.0, 0.3)], signal_power=[2.5])
    for weight in (1e-308, 1e308):
        assert group_risk([Group(3.0, weight, 1.0, 0.3)], signal_power=[2.5]) == pytest.approx(one, rel=SOLVED)


def test_boxes_of_weights():
    """No NaN and no negative part over many orders of magnitude."""
    for first, second, ridge in product((1e-100, 1e-3, 1e100), (0.0, 1e-100, 1.0, 1e100), (0.0, 1e-50, 1.0)):
        risk = group_risk([Group(2.0, first, 1.0, 0.3), Group(1.5, second, 0.0, 0.0)], ridge=ridge)
        assert all(part >= 0.0 for part in risk), (first, second, ridge, risk)


def test_weights_of_the_spectrum_are_normalised():
    """Sums are taken as 1 if they are within 1e-9; the difference does not enter the risk."""
    rounded = group_risk(GROUPS, [1.9, 0.1], [0.5 + 4e-10, 0.5 + 4e-10], [0.4, 3.0], 0.2)
    assert rounded == pytest.approx(group_risk(GROUPS, [1.9, 0.1], [0.5, 0.5], [0.4, 3.0], 0.2), rel=1e-14)


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), r"groups must be a non-empty sequence of Group"),
        (([(1.0, 1.0, 1.0, 0.3)],), r"groups must be a non-empty sequence of Group"),
        ((GROUPS, [1.0, 2.0]), r"got 1 in spectrum_weights, 2 in spectrum"),
        ((GROUPS, [1.0, 2.0], [0.5, 0.5]), r"got 1 in signal_power, 2 in spectrum"),
        ((GROUPS, [1.0, 2.0], [0.5, 0.6], [1.0, 1.0]), r"spectrum_weights must have sum 1, got sum 1\.1"),
        ((GROUPS, [0.0]), r"spectrum must be > 0, got spectrum\[0\]=0\.0"),
        ((GROUPS, [1.0], [1.0], [-2.0]), r"signal_power must be >= 0"),
        ((GROUPS, [1.0], [1.0], [2.0], -0.1), r"ridge must be >= 0, got ridge=-0\.1"),
        ((GROUPS, [1.0], [1.0], [2.0], [0.1]), r"ridge must be a single real number"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        group_risk(*arguments)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-1.0, 1.0, 1.0, 0.3), r"rows_per_feature must be >= 0"),
        ((1.0, np.inf, 1.0, 0.3), r"weight must be >= 0 and finite"),
        ((1.0, 1.0, np.nan, 0.3), r"target_gain must be finite|target_gain must be a number"),
        ((1.0, 1.0, 1.0, [0.3]), r"noise_variance must be a single real number"),
    ],
)
def test_bad_groups(values, message):
    with pytest.raises(ValueError, match=message):
        Group(*values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bag_sizes": [0.5]}, r"bag_sizes must be >= 1"),
        ({"bag_counts": [1, 2]}, r"got 2 in bag_counts, 1 in bag_sizes"),
        ({"bag_counts": [0]}, r"bag_counts must be > 0"),
        ({"interpolation": -1.0}, r"interpolation must be >= 0"),
        ({"noise_variance": -1.0}, r"noise_variance must be >= 0"),
        ({"samples_per_feature": 0.0}, r"samples_per_feature must be > 0"),
        ({"weighting": "rows"}, r"weighting must be 'samples' or 'bags', got weighting='rows'"),
    ],
)
def test_bad_bags(change, message):
    arguments = {"samples_per_feature": 6, "bag_sizes": [3], "bag_counts": [4], "interpolation": 0.5}
    with pytest.raises(ValueError, match=message):
        bag_groups(**{**arguments, "noise_variance": 0.3, **change})


def test_groups_that_are_none():
    for groups in (3.0, None, [], "ab", [(1, 2, 3, 4)]):
        with pytest.raises(ValueError, match="groups must be a non-empty sequence of Group"):
            group_risk(groups)
    with pytest.raises(ValueError, match=r"spectrum_weights must have sum 1, got sum 1\.001"):
        group_risk(GROUPS, [1.0, 2.0], [0.5, 0.501], [1.0, 1.0])
