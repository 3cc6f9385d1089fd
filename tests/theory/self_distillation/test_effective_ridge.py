"""Effective ridge and edges of the sample spectrum: quadratics by hand, roots of a polynomial, the solved equation."""

import importlib.util
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.random_features import implicit_regularization
from theory.self_distillation.effective_ridge import effective_ridge, spectrum_edges

# Newton's last step is below 1e-15; the equation's terms carry some eps each, with logarithmic slopes of order 1.
ACCURACY = 1e-13
SPECTRUM = [0.7, 2.3, 0.11, 0.4]

spectra = st.lists(st.floats(-4.0, 2.0).map(lambda x: 10.0**x), min_size=1, max_size=7)
aspects = st.sampled_from([0.05, 0.5, 0.97, 1.0, 1.3, 2.5, 9.0])
ridges = st.floats(-8.0, 4.0).map(lambda x: 10.0**x)
hypothesis_settings = settings(derandomize=True, deadline=None, max_examples=60)


def equation(kappa, spectrum, gamma):
    """The ridge that belongs to kappa, as the definition has it."""
    s = np.asarray(spectrum)
    return kappa * (1 - gamma * np.mean(s / (s + kappa)))


@pytest.fixture(scope="module")
def limits():
    """Give tests the module `oracle_asymptotics.py` that lies beside them."""
    path = Path(__file__).with_name("oracle_asymptotics.py")
    spec = importlib.util.spec_from_file_location("self_distillation_oracle_asymptotics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- identities and limits


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("ridge", [1e-12, 0.3, 40.0, -60.0, 0.2 + 0.7j, -1.0 + 1e-9j])
def test_equal_eigenvalues_solve_a_quadratic(gamma, ridge):
    s = 1.7
    b = ridge + s * (gamma - 1.0)
    roots = np.roots([1.0, -b, -s * ridge])
    kappa = effective_ridge(ridge, [s, s], gamma)
    assert np.min(np.abs(roots / kappa - 1.0)) < 1e-9  # np.roots keeps half of the digits at worst
    if np.isreal(ridge):
        assert isinstance(kappa, float)
    else:
        assert np.imag(kappa) > 0.0


@pytest.mark.parametrize(("gamma", "edges"), [(0.25, (0.5, 4.5)), (1.0, (0.0, 8.0)), (4.0, (2.0, 18.0))])
def test_edges_of_marchenko_pastur(gamma, edges):
    assert spectrum_edges([2.0, 2.0], gamma) == pytest.approx(edges, rel=ACCURACY, abs=1e-15)


def test_ridge_zero():
    assert effective_ridge(0.0, SPECTRUM, 1.0) == 0.0
    assert effective_ridge(0.0, [*SPECTRUM, 0.0, 0.0, 0.0, 0.0], 2.0) == 0.0  # gamma counts modes without variance
    kappa = effective_ridge(0.0, SPECTRUM, 2.5)
    assert 2.5 * np.mean(1.0 / (1.0 + kappa / np.array(SPECTRUM))) == pytest.approx(1.0, rel=ACCURACY)


def test_small_and_large_ridge():
    assert effective_ridge(1e-12, SPECTRUM, 0.4) == pytest.approx(1e-12 / 0.6, rel=1e-10)  # correction 1e-12/s
    assert effective_ridge(1e9, SPECTRUM, 0.4) - 1e9 == pytest.approx(0.4 * np.mean(SPECTRUM), rel=1e-6)  # eps 1e9
    # gamma = 1: kappa^2 mean(1/s) = ridge
    expected = np.sqrt(1e-14 / np.mean(1 / np.array(SPECTRUM)))
    assert effective_ridge(1e-14, SPECTRUM, 1.0) == pytest.approx(expected, rel=1e-5)  # correction kappa/s


# --- oracle


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("ridge", [1e-8, 1e-3, 0.3, 50.0, 1e-3 + 1e-6j, -0.4 + 0.3j, -3.0 - 1e-3j, 2e4j])
def test_roots_of_the_polynomial(limits, gamma, ridge):
    expected = complex(limits.kappa(mp.mpmathify(ridge), SPECTRUM, gamma))
    assert effective_ridge(ridge, SPECTRUM, gamma) == pytest.approx(expected, rel=ACCURACY)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("ridge", [1e-6, 0.02, 3.0])
def test_is_the_implicit_regularisation_of_kernel_ridge_regression(gamma, ridge):
    samples = len(SPECTRUM) / gamma
    expected, _ = implicit_regularization(samples, np.inf, samples * ridge, SPECTRUM)
    assert effective_ridge(ridge, SPECTRUM, gamma) == pytest.approx(expected, rel=ACCURACY)


@pytest.mark.parametrize("gamma", [0.3, 0.9, 2.5, 9.0])
@pytest.mark.parametrize(
    "spectrum", [[5.0, 5.0, 5.0, 1.0, 0.3, 0.3, 0.3, 0.3], [0.2, 7.0, 7.0, 7.0, 2.0], [3.0, 0.1, 0.0]]
)
def test_edges_are_the_outer_turns(gamma, spectrum):
    """The zeros of mu'(kappa) on either side of -s, by bisection; unequal multiplicities, modes without variance."""
    s = np.array(spectrum)
    low, high = min(s[s > 0]), max(s)

    def turn(near, far):
        for _ in range(200):
            middle = 0.5 * (near + far)
            rising = gamma * np.mean((s / (s + middle)) ** 2) < 1
            near, far = (near, middle) if rising else (middle, far)
        return near

    below, above = turn(-low, 1e3), turn(-high, -1e3)
    expected = max(0.0, -equation(below, spectrum, gamma)), -equation(above, spectrum, gamma)
    assert spectrum_edges(spectrum, gamma) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("ridge", [1e-3, 0.7, 40.0])
def test_modes_without_variance_count(ridge):
    spectrum = [3.0, 0.4, 0.0, 0.0, 0.0]
    for gamma in (0.5, 2.4, 7.0):
        kappa = effective_ridge(ridge, spectrum, gamma)
        assert equation(kappa, spectrum, gamma) == pytest.approx(ridge, rel=1e-11)


# --- properties


@given(spectra, aspects, ridges)
@hypothesis_settings
def test_solves_its_equation_inside_the_bracket(spectrum, gamma, ridge):
    kappa = effective_ridge(ridge, spectrum, gamma)
    assert ridge * (1 - 1e-14) <= kappa <= (ridge + gamma * np.mean(spectrum)) * (1 + 1e-14)
    # the equation subtracts two numbers of the size of kappa (gamma > 1: of gamma kappa)
    assert equation(kappa, spectrum, gamma) == pytest.approx(ridge, rel=ACCURACY, abs=1e-14 * kappa * (1 + gamma))
    assert effective_ridge(1.1 * ridge, spectrum, gamma) > kappa


@given(spectra, aspects, ridges, st.floats(1e-3, 3.1))
@hypothesis_settings
def test_complex_ridges(spectrum, gamma, size, angle):
    ridge = size * np.exp(1j * angle)
    kappa = effective_ridge(ridge, spectrum, gamma)
    assert kappa.imag >= ridge.imag * (1 - 1e-12)
    assert equation(kappa, spectrum, gamma) == pytest.approx(ridge, rel=1e-12, abs=1e-13 * abs(kappa) * (1 + gamma))
    assert effective_ridge(ridge.conjugate(), spectrum, gamma) == kappa.conjugate()


@given(spectra, aspects, st.floats(1.01, 100.0))
@hypothesis_settings
def test_beyond_the_upper_edge(spectrum, gamma, factor):
    _, upper = spectrum_edges(spectrum, gamma)
    assert upper <= max(spectrum) * (1 + np.sqrt(gamma)) ** 2 * (1 + 1e-12)
    kappa = effective_ridge(-factor * upper, spectrum, gamma)
    assert kappa < -max(spectrum)
    assert equation(kappa, spectrum, gamma) == pytest.approx(-factor * upper, rel=1e-12)


@given(spectra, aspects, ridges)
@hypothesis_settings
def test_scales_with_the_spectrum(spectrum, gamma, ridge):
    scaled = effective_ridge(1e5 * ridge, 1e5 * np.array(spectrum), gamma)
    assert scaled == pytest.approx(1e5 * effective_ridge(ridge, spectrum, gamma), rel=1e-12)


def test_arrays_keep_their_shape():
    real = effective_ridge([[0.1, 0.2], [0.3, 0.0]], SPECTRUM, 0.5)
    mixed = effective_ridge(np.array([[0.1, 0.2j]]), SPECTRUM, 0.5)
    assert real.shape == (2, 2)
    assert mixed.shape == (1, 2)
    assert mixed[0, 0] == real[0, 0]


# --- bad input


@pytest.mark.parametrize(
    ("ridge", "spectrum", "gamma", "message"),
    [
        (-1.0, [1.0], 0.5, r"ridge must be off minus the sample spectrum \[-2.91421, -0.0857864\], got ridge=-1"),
        (np.array([0.1j, -1.0]), [1.0], 0.5, "ridge must be off minus the sample spectrum"),
        (np.nan, [1.0], 0.5, "ridge must be"),
        (complex(1.0, np.inf), [1.0], 0.5, "ridge must be finite"),
        ("1", [1.0], 0.5, "ridge must be a real number"),
        (0.1, [], 0.5, "spectrum must have shape"),
        (0.1, [[1.0]], 0.5, "spectrum must have shape"),
        (0.1, [0.0], 0.5, "spectrum must have a positive entry"),
        (0.1, [1.0], 0.0, "aspect_ratio must be > 0"),
        (0.1, [1.0], -2.0, "aspect_ratio must be > 0"),
    ],
)
def test_bad_arguments(ridge, spectrum, gamma, message):
    with pytest.raises(ValueError, match=message):
        effective_ridge(ridge, spectrum, gamma)
