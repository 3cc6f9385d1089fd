"""Risk of self-distilled linear ridge regression in the proportional limit (sd.R1, sd.R2, sd.R4; derived).

Model. n rows x = Sigma^(1/2) g with standard normal g, y = X beta + noise of variance sigma^2, n and p -> infinity with
p/n = gamma. Student t minimises the weighted loss with the ridge lambda = n lam:

    beta^(1) = (S + lam)^-1 X^T y/n,    beta^(t) = alpha_t beta^(1) + (1 - alpha_t) M beta^(t-1),
    S = X^T X/n,    M = S (S + lam)^-1,    beta^(t) = C_t(M) beta^(1),    C_t(m) = alpha_t + (1 - alpha_t) m C_(t-1)(m)
    excess risk (b - beta)^T Sigma (b - beta) = bias + variance;  the test error adds sigma^2

=========  ================  ==========================================================  ===================
letter     argument          meaning                                                     domain
=========  ================  ==========================================================  ===================
s_k        spectrum          eigenvalues of Sigma, any order                             >= 0, not all 0
beta_k^2   signal_power      squared coefficients of beta in the eigenbasis of Sigma     >= 0
sigma^2    noise_variance    variance of the label noise                                 >= 0
gamma      aspect_ratio      p/n                                                         > 0
lam        ridge             ridge divided by n: lam = lambda/n                          >= 0
alpha_t    alphas            weights of the true targets (alpha_2, ..., alpha_T)         real
kappa      effective ridge   kappa [1 - gamma mean s/(s + kappa)] = lam                  > 0
=========  ================  ==========================================================  ===================

Conventions that bite. The ridge is divided by n here (lambda of the finite-sample functions is n times it).
signal_power holds squares and is not multiplied by the eigenvalues. The excess risk leaves out sigma^2.

Exact and asymptotic. All values are deterministic equivalents; the finite experiment's mean differs by about 0.7/n
relatively. As functions of their arguments they are evaluated to about 1e-13 of the total, for any number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_number, check_range
from theory.self_distillation._contour import forms
from theory.self_distillation._population import Population, read_population, real_kappa
from theory.self_distillation._spectrum import read_alphas

__all__ = ["ExcessRisk", "bayes_ridge", "excess_risk", "filter_risk", "limit_excess_risk"]

Array = NDArray[np.float64]
Spectral = Callable[[NDArray], NDArray]


class ExcessRisk(NamedTuple):
    """Excess risk and its parts, floats or arrays: total = bias + variance, all >= 0, without the label noise."""

    bias: float | Array
    variance: float | Array
    total: float | Array


def excess_risk(
    spectrum: ArrayLike,
    signal_power: ArrayLike,
    noise_variance: ArrayLike,
    aspect_ratio: ArrayLike,
    ridge: ArrayLike,
    alphas: ArrayLike = (),
) -> ExcessRisk:
    """Return the limit excess risks of students 1, ..., T of a schedule; arrays whose first axis is the step.

    bias = beta^T (I - B) Sigma (I - B) beta with B = M C_t(M), variance = sigma^2 tr[Sigma C_t(M)^2 M (I - M)]/(n lam)
    as n -> infinity with p/n = gamma (asymptotic; finite n differs by O(1/n)). A contour integral, absolute error about
    1e-14 of the first student's risk, and relative error of about 1e-13 for each part unless it is far below that.

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0, any order.
    signal_power: squared coefficients beta_k^2, shape (modes,), >= 0, in the order of `spectrum`.
    noise_variance: variance sigma^2 of the label noise, >= 0, a single number.
    aspect_ratio: gamma = p/n, > 0, a single number.
    ridge: ridge divided by n, lam = lambda/n, >= 0, in units of the spectrum; any shape.
    alphas: weights of the true targets from the second step, (alpha_2, ..., alpha_T), any real; empty is ridge
        regression alone.

    Fields have shape (T, *shape of ridge). Limits: at ridge = 0 all students are the interpolator of least norm (least
    squares for gamma < 1), with variance inf at gamma = 1. Infinitely many steps: `limit_excess_risk`.
    Raises `ValueError` outside these domains. Source: derived (sd.R1).

    >>> excess_risk([2.0], [0.3], 0.5, 0.25, 0.0).total  # least squares: 0.5 * 0.25/(1 - 0.25)
    array([0.16666667])
    >>> two = excess_risk([2.0], [0.3], 0.5, 0.25, 1.5, [1.0]).total  # alpha = 1 repeats the first student
    >>> bool(abs(two[1] - two[0]) < 1e-15)
    True
    """
    model = read_population(spectrum, aspect_ratio, signal_power)
    noise = check_number("noise_variance", noise_variance, low=0.0)
    ridges = check_range("ridge", ridge, low=0.0)
    weights = read_alphas(alphas)
    bias, variance = (np.empty((weights.size + 1, ridges.size)) for _ in range(2))
    for i, lam in enumerate(ridges.flat):
        if lam == 0.0:
            bias[:, i], variance[:, i] = ridge_parts(model, 0.0)
            continue
        both = forms(model, lam, lambda x, lam=lam: students(x, lam, weights), diagonal=True)
        bias[:, i], variance[:, i] = (np.maximum(part, 0.0) for part in both)
    return _assemble(bias.reshape(-1, *ridges.shape), variance.reshape(-1, *ridges.shape), noise)


def limit_excess_risk(
    spectrum: ArrayLike,
    signal_power: ArrayLike,
    noise_variance: ArrayLike,
    aspect_ratio: ArrayLike,
    ridge: ArrayLike,
    alpha: ArrayLike,
) -> ExcessRisk:
    """Return the limit excess risk after infinitely many steps with one weight: ridge regression at ridge/alpha.

    bias = kappa^2 sum_k s_k beta_k^2/(s_k + kappa)^2/(1 - df2), variance = sigma^2 df2/(1 - df2), with
    df2 = gamma mean(s^2/(s + kappa)^2) and kappa the effective ridge at ridge/alpha (asymptotic in n; closed form).

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0.
    signal_power: squared coefficients beta_k^2, shape (modes,), >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    aspect_ratio: gamma = p/n, > 0.
    ridge: ridge divided by n, >= 0; broadcasts with `alpha`.
    alpha: weight of the true targets at every step, in the interval of convergence (-ridge/s_+, 2 + ridge/s_+), s_+ the
        upper edge of `spectrum_edges`; a negative one gives an effective ridge below -max(s).

    Two scalars give floats. Limits: alpha = 0 unlearns everything (bias sum_k s_k beta_k^2, variance 0); alpha = 1 is
    plain ridge; ridge = 0 (alpha in (0, 2)) is the interpolator of least norm, with variance inf at gamma = 1.
    Raises `ValueError` outside these domains. Source: derived (sd.A3, sd.R2).

    >>> limit_excess_risk([2.0], [0.3], 0.5, 0.25, 1.5, 0.0)
    ExcessRisk(bias=0.6, variance=0.0, total=0.6)
    """
    model = read_population(spectrum, aspect_ratio, signal_power)
    noise = check_number("noise_variance", noise_variance, low=0.0)
    ridges, alphas = np.broadcast_arrays(check_range("ridge", ridge, low=0.0), check_range("alpha", alpha))
    reach = ridges / model.upper
    bad = (alphas <= -reach) | (alphas >= 2.0 + reach)
    if bad.any():
        lam, al = float(ridges[bad].flat[0]), float(alphas[bad].flat[0])
        raise ValueError(
            f"alpha must be in ({-lam / model.upper:.6g}, {2.0 + lam / model.upper:.6g}) "
            f"for infinitely many steps at ridge={lam:g}, got alpha={al:g}"
        )
    parts = [_amplified(model, float(lam), float(al)) for lam, al in zip(ridges.flat, alphas.flat, strict=True)]
    bias, variance = np.array(parts).reshape(-1, 2).T
    return _assemble(bias.reshape(ridges.shape)[()], variance.reshape(ridges.shape)[()], noise)


def filter_risk(
    spectrum: ArrayLike,
    signal_power: ArrayLike,
    noise_variance: ArrayLike,
    aspect_ratio: ArrayLike,
    shrinkage: Spectral,
    residual: Spectral,
    *,
    margin: float,
) -> ExcessRisk:
    """Return the limit excess risk of the estimator phi(S) X^T y/n for an analytic filter phi (asymptotic in n).

    bias = beta^T r(S) Sigma r(S) beta with r(x) = 1 - x phi(x), variance = sigma^2 tr[Sigma phi(S)^2 S]/n. Examples:
    gradient flow until time tau has r = exp(-tau x); iterated Tikhonov r = (lam/(x + lam))^t.

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0.
    signal_power: squared coefficients beta_k^2, shape (modes,), >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    aspect_ratio: gamma = p/n, > 0.
    shrinkage: phi, maps a complex array of eigenvalues x to values of the same shape.
    residual: r = 1 - x phi(x), likewise, to be given without cancellation.
    margin: > 0; phi and r are analytic for Re x > -margin/2 and off the real half-line x <= -margin, and moderate
        there (lam for ridge-type filters, 1/tau for gradient flow); in units of the spectrum.

    Returns floats. Raises `ValueError` outside these domains, `SolveError` if the integral does not settle.
    Source: derived (sd.R1).

    >>> ridge = lambda x: 1.0 / (x + 1.5)
    >>> risk = filter_risk([2.0], [0.3], 0.5, 0.25, ridge, lambda x: 1.5 * ridge(x), margin=1.5)
    >>> round(risk.total - float(excess_risk([2.0], [0.3], 0.5, 0.25, 1.5).total[0]), 14)
    0.0
    """
    model = read_population(spectrum, aspect_ratio, signal_power)
    noise = check_number("noise_variance", noise_variance, low=0.0)
    room = check_number("margin", margin, low=0.0, open_low=True)

    def filters(x: NDArray) -> tuple[NDArray, NDArray]:
        return residual(x)[None], shrinkage(x)[None]

    bias, variance = (max(0.0, float(part[0])) for part in forms(model, room, filters, diagonal=True))
    return _assemble(bias, variance, noise)


def bayes_ridge(signal: ArrayLike, noise_variance: ArrayLike, aspect_ratio: ArrayLike) -> float | Array:
    """Return the ridge, divided by n, that no self-distillation improves under an isotropic prior on beta: exact.

    lam* = gamma sigma^2/r^2 for beta ~ N(0, (r^2/p) I) and any Sigma: ridge regression is then the posterior mean.

    signal: r^2, expected squared norm of beta (sum of `signal_power`), >= 0.
    noise_variance: variance sigma^2 of the label noise, >= 0.
    aspect_ratio: gamma = p/n, > 0.

    The arguments broadcast. Limits: inf at signal 0 (0 if the noise is 0 as well).
    Raises `ValueError` outside these domains. Source: derived (sd.R4).

    >>> bayes_ridge(2.0, 0.5, 0.4)
    0.1
    """
    r2, noise, gamma = np.broadcast_arrays(
        check_range("signal", signal, low=0.0),
        check_range("noise_variance", noise_variance, low=0.0),
        check_range("aspect_ratio", aspect_ratio, low=0.0, open_low=True),
    )
    top = gamma * noise
    best = np.divide(top, r2, out=np.where(top > 0.0, np.inf, 0.0), where=r2 > 0.0)
    return best if best.ndim else float(best)


def students(x: NDArray, lam: float, alphas: Array) -> tuple[NDArray, NDArray]:
    """Residual filters 1 - m C_t(m) and shrinkages C_t(m)/(x + lam) of students 1, ..., T at eigenvalues x."""
    kept, missed = x / (x + lam), lam / (x + lam)  # m and 1 - m
    gains, errors = [np.ones_like(x)], [np.ones_like(x)]  # C_t and (1 - m C_t)/(1 - m)
    for alpha in alphas:
        gains.append(alpha + (1.0 - alpha) * kept * gains[-1])
        errors.append(1.0 + (1.0 - alpha) * kept * errors[-1])
    return missed * np.array(errors), np.array(gains) / (x + lam)


def ridge_parts(model: Population, mu: float) -> tuple[float, float]:
    """Bias, and variance at unit noise, of plain ridge regression at a real ridge mu off minus the spectrum."""
    kappa = real_kappa(mu, model)
    slope = float(model.slope(kappa))
    ratio = model.s / (model.s + kappa)
    freedom = float((model.shares * ratio * ratio).sum())
    if slope <= 0.0:  # ridge 0 and as many samples as features
        return 0.0, np.inf
    missed = kappa / (model.s + kappa)
    return float((model.s * model.power * missed * missed).sum()) / slope, freedom / slope


def _amplified(model: Population, lam: float, alpha: float) -> tuple[float, float]:
    """Bias, and variance at unit noise, at the ridge lam/alpha."""
    if alpha == 0.0:
        return float((model.s * model.power).sum()), 0.0
    return ridge_parts(model, lam / alpha)


def _assemble(bias: float | Array, variance: float | Array, noise: float) -> ExcessRisk:
    """The parts with the noise put in (0 times an infinite variance is 0) and their sum."""
    scaled = variance * noise if noise else np.zeros_like(variance)
    parts = bias, scaled, bias + scaled
    return ExcessRisk(*(part if np.ndim(part) else float(part) for part in parts))
