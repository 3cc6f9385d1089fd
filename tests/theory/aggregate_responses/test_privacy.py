"""Label privacy: the exact loss by scanning neighbours, risks rebuilt from the definition, mutants, messages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf, roots_hermitenorm
from scipy.stats import norm

from theory.aggregate_responses import (
    Group,
    clipping_threshold,
    group_risk,
    laplace_scale,
    limit_risk,
    privacy_loss,
    private_limit_risk,
    private_risk,
    shrinkage,
)

EPS = np.finfo(float).eps
RISK = 400 * EPS  # the fixed point's and the moments' rounding, a few dozen operations each
LABELS = {"signal": 2.3, "noise_variance": 0.6}


# --- identities and limits


def test_no_privacy_and_no_clipping_is_the_plain_limit():
    for psi, k, rho in ((6, 3, 0.3), (2, 4, 0.0), (0.6, 2, 1.0), (1.2, 3, 4.0)):
        got = private_risk(psi, k, rho, epsilon=np.inf, threshold=1e4, **LABELS)
        assert got == pytest.approx(limit_risk(psi, k, rho, **LABELS), rel=RISK)


def test_without_clipping_privacy_is_label_noise():
    """ar.D5: the risk with sigma^2 + 2 k b_L^2 in place of sigma^2."""
    scale = laplace_scale(3.1, 5, 0.7)
    got = private_risk(8, 5, 0.4, epsilon=0.7, threshold=3.1, clipped=False, **LABELS)
    noisy = limit_risk(8, 5, 0.4, signal=2.3, noise_variance=0.6 + 2 * 5 * scale**2)
    assert got == pytest.approx(noisy, rel=RISK)


@pytest.mark.parametrize("adjacency", ["replace", "zero-out"])
def test_limit_is_the_leading_order_in_ln_n(adjacency):
    """(risk at n)/ln n falls to `private_limit_risk` like 1/ln n, and clipping stops to matter."""
    limit = private_limit_risk(8, 5, 0.4, epsilon=0.7, clipping=3.0, adjacency=adjacency)
    for n in (1e100, 1e200, 1e300):
        level = clipping_threshold(n, 3.0)
        full = private_risk(8, 5, 0.4, epsilon=0.7, threshold=level, adjacency=adjacency, **LABELS).total
        rest = full - limit * np.log(n)
        assert rest == pytest.approx(limit_risk(8, 5, 0.4, **LABELS).total, rel=1e-9)  # (1e4 * eps of the difference)


def test_bag_and_instance_level_limits():
    assert private_limit_risk(8, 5, 0.0, epsilon=0.7, clipping=3.0) == pytest.approx(
        2 * 4 * 9 / (5 * 0.49) / (8 / 5 - 1), rel=RISK
    )
    assert private_limit_risk(8, 5, 1.0, epsilon=0.7, clipping=3.0, adjacency="zero-out") == pytest.approx(
        2 * 9 / (5 * 0.49) / (5 * 7), rel=RISK
    )


# --- oracle


@pytest.mark.parametrize(("adjacency", "levels"), [("replace", 2), ("zero-out", 1)])
def test_exact_privacy_loss_by_scanning_neighbours(adjacency, levels):
    """The log-likelihood ratio of Laplace releases over all neighbours of clipped labels on a grid, and all outputs."""
    threshold, k, epsilon = 1.5, 3, 0.8
    scale = laplace_scale(threshold, k, epsilon, adjacency=adjacency)
    grid = np.linspace(-threshold, threshold, 31)
    before = grid[:, None, None] / k
    after = (grid[:, None] if adjacency == "replace" else np.zeros((1, 1))) / k
    released = np.linspace(-4.0, 4.0, 401)
    loss = (np.abs(released - after) - np.abs(released - before)) / scale
    assert np.abs(loss).max() == pytest.approx(epsilon, rel=1e-12)  # tight: reached beyond the means
    assert privacy_loss(threshold, k, scale, adjacency=adjacency) == pytest.approx(epsilon, rel=4 * EPS)
    assert scale == pytest.approx(levels * 1.5 / (3 * 0.8), rel=4 * EPS)


def test_printed_scale_is_twice_as_loose_for_replaced_labels():
    printed = laplace_scale(1.5, 3, 0.8, adjacency="zero-out")
    assert privacy_loss(1.5, 3, printed, adjacency="replace") == pytest.approx(1.6, rel=4 * EPS)


def moments_by_quadrature(threshold, variance):
    """Return gain and second moment of a clipped Gaussian by Gauss-Legendre inside and closed tails outside."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    s = np.sqrt(variance)
    inside = threshold * nodes
    density = norm.pdf(inside, scale=s) * weights * threshold
    tail = norm.sf(threshold / s)
    cross = (inside**2 * density).sum() + 2 * threshold * s * norm.pdf(threshold / s)  # int_T^inf y phi = s phi(T/s)
    return cross / variance, (inside**2 * density).sum() + 2 * threshold**2 * tail


@pytest.mark.parametrize("threshold", [0.4, 1.5, 4.0])
@pytest.mark.parametrize(("psi", "k", "rho"), [(6, 3, 0.3), (4, 2, 1.0), (2, 5, 0.0), (2, 5, 0.1), (0.7, 2, 1.0)])
def test_clipped_risk_from_quadrature_and_groups(psi, k, rho, threshold):
    """Clipped labels are g x.theta_0 plus noise; with such targets the risk is that of two groups of rows."""
    gain, second = moments_by_quadrature(threshold, 2.3 + 0.6)
    error = second - gain**2 * 2.3 + 2 * k * laplace_scale(threshold, k, 1.3, adjacency="zero-out") ** 2
    rows = [Group(psi / k, 1.0, gain, error), Group(psi * (1 - 1 / k), rho, 0.0, 0.0)]
    got = private_risk(psi, k, rho, epsilon=1.3, threshold=threshold, adjacency="zero-out", **LABELS)
    # quadrature to 1e-14, the small distortion loses two more digits
    assert got == pytest.approx(group_risk(rows, signal_power=[2.3]), rel=1e-11)


def test_clipped_risk_in_terms_of_plain_limits():
    """(1 - g c)^2 r^2 + g^2 (bias/r^2 - (1 - c)^2) r^2 + sigma_e^2 V; three plausible errors are seen."""
    psi, k, rho, level, epsilon = 6, 3, 0.3, 1.2, 2.0
    gain, second = moments_by_quadrature(level, 2.9)
    c, unit = shrinkage(psi, k, rho), limit_risk(psi, k, rho, signal=1.0, noise_variance=1.0)
    scale = laplace_scale(level, k, epsilon)
    total = private_risk(psi, k, rho, epsilon=epsilon, threshold=level, **LABELS).total

    def assembled(signal_in_noise=2.3, private=2 * k * scale**2):
        bias = (1 - gain * c) ** 2 * 2.3 + gain**2 * (unit.bias - (1 - c) ** 2) * 2.3
        return bias + (second - gain**2 * signal_in_noise + private) * unit.variance

    assert total == pytest.approx(assembled(), rel=1e-12)
    for mutant in (assembled(2.9), assembled(private=k * scale**2), assembled(private=2 * scale**2)):
        assert abs(mutant / total - 1) > 0.02


def test_clipping_by_literal_labels():
    """Gain and error variance of literal clipped labels; 4.5 standard errors, false alarm 7e-6 each."""
    rng = np.random.default_rng(7)
    signal = np.sqrt(2.3) * rng.normal(size=400_000)
    clipped = np.clip(signal + np.sqrt(0.6) * rng.normal(size=signal.size), -1.2, 1.2)
    nodes, weights = roots_hermitenorm(40)
    assert (weights * nodes**2).sum() / weights.sum() == pytest.approx(1.0)
    gain = erf(1.2 / np.sqrt(2 * 2.9))
    product = signal * clipped / 2.3
    assert abs(product.mean() - gain) < 4.5 * product.std() / np.sqrt(signal.size)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    psi=st.floats(1.05, 40.0),
    k=st.floats(1.0, 12.0),
    rho=st.floats(-6, 4).map(np.exp),
    epsilon=st.floats(-3, 3).map(np.exp),
    level=st.floats(-2, 2).map(np.exp),
)
def test_privacy_costs(psi, k, rho, epsilon, level):
    arguments = {"threshold": level, **LABELS}
    risk = private_risk(psi, k, rho, epsilon=[epsilon, 1.1 * epsilon], **arguments)
    assert risk.total[1] < risk.total[0]
    strict = private_risk(psi, k, rho, epsilon=epsilon, **arguments)
    printed = private_risk(psi, k, rho, epsilon=epsilon / 2, adjacency="zero-out", **arguments)
    assert strict == pytest.approx(printed, rel=RISK)
    assert isinstance(strict.total, float)
    scaled = private_risk(psi, k, rho, epsilon=epsilon, threshold=2 * level, signal=9.2, noise_variance=2.4)
    assert scaled == pytest.approx([4 * part for part in strict], rel=RISK)


def test_broadcasting_equals_a_loop():
    k, epsilon = np.array([[2.0], [5.0]]), np.array([0.5, 1.0, np.inf])
    together = private_risk(8, k, 0.4, epsilon=epsilon, threshold=2.0, **LABELS)
    for i, j in np.ndindex(2, 3):
        alone = private_risk(8, k[i, 0], 0.4, epsilon=epsilon[j], threshold=2.0, **LABELS)
        assert alone == pytest.approx(tuple(np.broadcast_to(part, (2, 3))[i, j] for part in together), rel=RISK)


def test_noise_beyond_floats_is_infinite():
    setting = {"threshold": 2.0, **LABELS}
    assert laplace_scale(2.0, 3, 1e-320) == np.inf
    assert private_risk(6, 3, 0.3, epsilon=1e-160, **setting).total == np.inf
    assert private_limit_risk(6, 3, 0.3, epsilon=1e-160, clipping=3.0) == np.inf
    # the estimate that vanishes (weight inf, alpha2 >= 1) is not moved by any noise: bias r^2
    for epsilon in (1.0, 1e-160):
        assert private_risk(6, 3, np.inf, epsilon=epsilon, **setting)[1:] == pytest.approx((0.0, 2.3), rel=RISK)
        assert private_limit_risk(6, 3, np.inf, epsilon=epsilon, clipping=3.0) == 0.0


# --- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epsilon": 0.0}, r"epsilon must be > 0, got epsilon=0\.0"),
        ({"epsilon": [0.5, -1.0]}, r"epsilon must be > 0, got epsilon\[1\]=-1\.0"),
        ({"threshold": 0.0}, r"threshold must be > 0, got threshold=0\.0"),
        ({"threshold": np.inf}, r"threshold must be > 0 and finite"),
        ({"adjacency": "add"}, r"adjacency must be 'replace' or 'zero-out', got adjacency='add'"),
        ({"adjacency": 2}, r"adjacency must be 'replace' or 'zero-out', got adjacency=2"),
        ({"signal": -1.0}, r"signal must be >= 0"),
        ({"signal": 0.0, "noise_variance": 0.0}, r"signal and noise_variance must not both be 0"),
        ({"bag_size": 0.5}, r"bag_size must be >= 1, got bag_size=0\.5"),
        ({"interpolation": -0.1}, r"interpolation must be >= 0, got interpolation=-0\.1"),
        ({"samples_per_feature": 0.0}, r"samples_per_feature must be > 0"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"samples_per_feature": 6, "bag_size": 3, "interpolation": 0.3, "epsilon": 1.0, "threshold": 2.0}
    with pytest.raises(ValueError, match=message):
        private_risk(**{**arguments, **LABELS, **change})


def test_bad_scale():
    with pytest.raises(ValueError, match=r"scale must be > 0, got scale=0\.0"):
        privacy_loss(2.0, 3, 0.0)
    with pytest.raises(ValueError, match=r"clipping must be > 0"):
        private_limit_risk(6, 3, 0.3, epsilon=1.0, clipping=-2.0)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1e-150, 1e151, np.inf, np.nan, "2"])
def test_bad_threshold(threshold):
    with pytest.raises(ValueError, match="threshold must be"):
        laplace_scale(threshold, 3, 0.5)
    with pytest.raises(ValueError, match="threshold must be"):
        private_risk(6, 3, 0.3, epsilon=1.0, threshold=threshold, **LABELS)
