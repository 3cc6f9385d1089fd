"""Test and train error of random-feature ridge regression, and where the error comes from (Simon et al., 2024).

With e_i = lambda_i/(lambda_i + gamma), f_i = 1 - e_i, the slacks p = n - z and r = k - z, and the sums s = sum e_i f_i,
q = sum e_i^2, A = sum v_i^2 f_i^2, B = sum v_i^2 e_i f_i, N = A + sigma^2, every quantity is a ratio of sums of
non-negative terms, so nothing cancels:

    h = s/(s + r),   g = r/(s + r),   test = n (N + B h)/(p + s g),   train = (p/n)^2 test.

k = inf is h = 0, g = 1. The first form is symmetric in its slacks: with D = s (p + r) + p r, the test error is
n [N (s + r) + B s]/D. All are deterministic equivalents (asymptotic); the finite experiment's mean differs by a
relative O(1/n). Symbols: see the head of the package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.random_features._cells import as_given, in_a_row, read_noise, read_ridge, read_sizes, read_target
from theory.random_features._solver import inverse_of, read_spectrum, share_of_features
from theory.random_features._state import State, evaluate, parts_of, risk_of, slacks_at, state_at, train_error_of

__all__ = ["Decomposition", "OperatingPoint", "at_gamma", "decomposition", "ensemble_risk", "risk", "train_error"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Decomposition:
    """Parts of the test error; they sum to it. Each is a float or an array in the broadcast shape, >= 0.

    squared_bias: A, error of the predictor averaged over data and features.
    feature_variance: B s/(k - q), variance from the features after averaging over the data; 0 at k = inf.
    sample_variance: (A + sigma^2) q/(n - q), variance of the feature-averaged predictor from samples and noise.
    interaction: variance that needs both sources of randomness; 0 at k = inf.
    noise: sigma^2, the noise of the test labels.
    """

    squared_bias: float | Array
    feature_variance: float | Array
    sample_variance: float | Array
    interaction: float | Array
    noise: float | Array


@dataclass(frozen=True)
class OperatingPoint:
    """What belongs to one gamma: `ridge`, `kappa`, test error `risk`, `train_error`; floats or arrays."""

    ridge: float | Array
    kappa: float | Array
    risk: float | Array
    train_error: float | Array


def risk(
    n: ArrayLike,
    k: ArrayLike,
    ridge: ArrayLike,
    eigenvalues: ArrayLike,
    target_power: ArrayLike,
    noise_variance: ArrayLike = 0.0,
) -> float | Array:
    """Return the test mean squared error, label noise included: a deterministic equivalent of the finite experiment.

    E = n [(A + sigma^2)(s + r) + B s]/[s (p + r) + p r] in the letters of the module head; the mean of the experiment
    differs by O(1/n). The value of the formula has relative accuracy about 1e-14.

    n: number of samples, real, > 0.
    k: number of random features, real, > 0; inf is kernel ridge regression, n (A + sigma^2)/(n - q).
    ridge: ridge, in [0, inf], in units of the eigenvalues, no 1/n.
    eigenvalues: kernel eigenvalues, shape (modes,), >= 0, any order.
    target_power: squared target coefficients v_i^2, shape (modes,), >= 0, in the order of the eigenvalues.
    noise_variance: variance sigma^2 of the label noise, >= 0, in training and test labels.

    `n`, `k`, `ridge`, `noise_variance` broadcast; scalars give a float. Limits: inf at ridge 0 and n = k < rank, or
    n = rank <= k with unexplained power; at ridge inf the total power. Raises `ValueError` outside the domains.
    Source: paper, eigenframework, claims rf.F1, rf.F2, rf.F3.

    >>> round(risk(30, 60, 0.0, [1.0] * 100, [0.01] * 100, 0.25), 10)  # gamma = 7/3, q = 9, s = 21
    2.0071428571
    """
    state, shape = _read(n, k, ridge, eigenvalues, target_power, noise_variance)
    return as_given(risk_of(state), shape)


def train_error(
    n: ArrayLike,
    k: ArrayLike,
    ridge: ArrayLike,
    eigenvalues: ArrayLike,
    target_power: ArrayLike,
    noise_variance: ArrayLike = 0.0,
) -> float | Array:
    """Return the train mean squared error (p/n)^2 E = (ridge/(n kappa))^2 E, with E the test error of `risk`.

    A deterministic equivalent like `risk` (asymptotic for an experiment, exact as a function); digits
    are kept where the train error is far below the test error.

    n: number of samples, real, > 0.
    k: number of random features, real, > 0, or inf.
    ridge: ridge, in [0, inf], in units of the eigenvalues, no 1/n.
    eigenvalues: kernel eigenvalues, shape (modes,), >= 0, any order.
    target_power: squared target coefficients, shape (modes,), >= 0.
    noise_variance: label-noise variance, >= 0.

    `n`, `k`, `ridge`, `noise_variance` broadcast. Limits: ridge 0 gives 0 for n <= k (n <= rank), (1 - k/n)^2 E for
    k < n (k <= rank), (1 - rank/n)^2 E beyond the rank. Raises `ValueError` outside the domains.
    Source: paper, eigenframework, claim rf.F1.

    >>> round(train_error(60, 30, 0.0, [1.0] * 100, [0.01] * 100, 0.25), 12)  # (1 - 30/60)^2 of the test error 1.9
    0.475
    """
    state, shape = _read(n, k, ridge, eigenvalues, target_power, noise_variance)
    return as_given(train_error_of(state, risk_of(state)), shape)


def decomposition(
    n: ArrayLike,
    k: ArrayLike,
    ridge: ArrayLike,
    eigenvalues: ArrayLike,
    target_power: ArrayLike,
    noise_variance: ArrayLike = 0.0,
) -> Decomposition:
    """Return the test error split into bias, the variances of features and samples, their interaction, and noise.

    Deterministic equivalents: A, B h, N q/(p + s), [n N s h/(p + s) + B h (q + s h)]/(p + s g), sigma^2 in the letters
    of the module head; all >= 0, computed without subtraction, adding up to `risk`.

    n: number of samples, real, > 0.
    k: number of random features, real, > 0, or inf (feature_variance and interaction are then 0).
    ridge: ridge, in [0, inf], in units of the eigenvalues, no 1/n.
    eigenvalues: kernel eigenvalues, shape (modes,), >= 0, any order.
    target_power: squared target coefficients, shape (modes,), >= 0.
    noise_variance: label-noise variance, >= 0.

    `n`, `k`, `ridge`, `noise_variance` broadcast. Limit: at ridge 0 and n = k < rank only the interaction is inf.
    Raises `ValueError` outside the domains. Source: derived, claim rf.F7.

    >>> parts = decomposition(30, 60, 0.0, [1.0] * 100, [0.01] * 100, 0.25)  # e = 0.3, f = 0.7, q = 9
    >>> [round(float(x), 6) for x in (parts.squared_bias, parts.feature_variance, parts.sample_variance, parts.noise)]
    [0.49, 0.086471, 0.317143, 0.25]
    """
    state, shape = _read(n, k, ridge, eigenvalues, target_power, noise_variance)
    bias, feature, sample, interaction, noise = (as_given(part, shape) for part in parts_of(state))
    return Decomposition(bias, feature, sample, interaction, noise)


def ensemble_risk(
    n: ArrayLike,
    k: ArrayLike,
    ridge: ArrayLike,
    eigenvalues: ArrayLike,
    target_power: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    members: ArrayLike,
) -> float | Array:
    """Return the test error of the average of `members` predictors with independent features and the same data.

    A deterministic equivalent: E_m = E/m + (1 - 1/m) n (A + sigma^2)/(n - q), summed from the parts of `decomposition`.
    At members = inf it is kernel ridge regression with the ridge gamma (n - z), which is >= the given one.

    n: number of samples, real, > 0.
    k: number of random features of one member, real, > 0, or inf.
    ridge: ridge of each member, in [0, inf], in units of the eigenvalues, no 1/n.
    eigenvalues: kernel eigenvalues, shape (modes,), >= 0, any order.
    target_power: squared target coefficients, shape (modes,), >= 0.
    noise_variance: label-noise variance, >= 0.
    members: number m of predictors, >= 1, or inf.

    All but the spectrum broadcast. Limit: at ridge 0 and n = k < rank it is inf for finite m and finite for m = inf.
    Raises `ValueError` outside the domains. Source: derived, claim rf.F7.

    >>> round(ensemble_risk(30, 60, 0.0, [1.0] * 100, [0.01] * 100, 0.25, members=np.inf), 9)  # 30 (0.49 + 0.25)/21
    1.057142857
    """
    crowd = check_range("members", members, low=1.0, allow_inf=True)
    (samples, features, ridges, noise, count), shape = in_a_row(
        *read_sizes(n, k), read_ridge(ridge), read_noise(noise_variance), crowd
    )
    spectrum = read_spectrum(eigenvalues)
    target = read_target(target_power, spectrum.scaled.size)
    state = evaluate(samples, features, ridges, noise, spectrum, target)
    bias, feature, sample, interaction, noise = parts_of(state)
    divided = np.divide(feature + interaction, count, out=np.zeros_like(bias), where=np.isfinite(count))
    return as_given(bias + sample + noise + divided, shape)


def at_gamma(
    gamma: ArrayLike,
    n: ArrayLike,
    k: ArrayLike,
    eigenvalues: ArrayLike,
    target_power: ArrayLike,
    noise_variance: ArrayLike = 0.0,
) -> OperatingPoint:
    """Return ridge, kappa, test and train error at a chosen gamma: the whole ridge curve without solving anything.

    ridge = gamma (k - z)(n - z)/k and kappa = gamma (k - z)/k, exact; the errors are those of `risk`, `train_error`.

    gamma: implicit regulariser, in [0, inf], in units of the eigenvalues, with z(gamma) <= min(n, k).
    n: number of samples, real, > 0.
    k: number of random features, real, > 0, or inf.
    eigenvalues: kernel eigenvalues, shape (modes,), >= 0, any order.
    target_power: squared target coefficients, shape (modes,), >= 0.
    noise_variance: label-noise variance, >= 0.

    All but the spectrum broadcast. The smallest admissible gamma is `implicit_regularization` at ridge 0.
    Raises `ValueError` outside the domains, also when gamma would need a negative ridge.
    Source: derived from the paper's equations, claim rf.F1.

    >>> point = at_gamma(9.0, 30, 60, [1.0] * 100, [0.01] * 100, 0.25)  # z = 10
    >>> round(point.ridge, 10), round(point.kappa, 10)  # 9 * 50 * 20/60 and 9 * 50/60
    (150.0, 7.5)
    """
    given = check_range("gamma", gamma, low=0.0, allow_inf=True)
    (gammas, samples, features, noise), shape = in_a_row(given, *read_sizes(n, k), read_noise(noise_variance))
    spectrum = read_spectrum(eigenvalues)
    target = read_target(target_power, spectrum.scaled.size)
    inverse = inverse_of(gammas, spectrum)
    p, r = slacks_at(inverse, samples, features, spectrum)
    bad = np.flatnonzero(np.isnan(p))
    if bad.size:
        cell = bad[0]
        raise ValueError(
            f"gamma must be large enough that z(gamma) <= min(n, k) (a smaller one needs ridge < 0), "
            f"got gamma={gammas[cell]:g} with n={samples[cell]:g}, k={features[cell]:g}"
        )
    kappa = gammas * share_of_features(r, features)
    state = state_at(samples, p, r, noise, inverse, spectrum, target)
    test = risk_of(state)
    ridge = np.multiply(kappa, p, out=np.zeros_like(p), where=p > 0.0)
    return OperatingPoint(*(as_given(row, shape) for row in (ridge, kappa, test, train_error_of(state, test))))


def _read(
    n: ArrayLike, k: ArrayLike, ridge: ArrayLike, eigenvalues: ArrayLike, target_power: ArrayLike, noise: ArrayLike
) -> tuple[State, tuple[int, ...]]:
    """Check the common arguments, solve, and return the state with the broadcast shape."""
    (samples, features, ridges, variance), shape = in_a_row(*read_sizes(n, k), read_ridge(ridge), read_noise(noise))
    spectrum = read_spectrum(eigenvalues)
    target = read_target(target_power, spectrum.scaled.size)
    return evaluate(samples, features, ridges, variance, spectrum, target), shape
