"""Effective ridge of the proportional regime, the one unknown of every limit risk of self-distillation (claim sd.R1).

With n rows x = Sigma^(1/2) g, S = X^T X/n, gamma = p/n and the eigenvalues s_k of Sigma, kappa(mu) solves

    mu = kappa [1 - (gamma/p) sum_k s_k/(s_k + kappa)],    mu (S + mu)^-1 ~ kappa (Sigma + kappa)^-1.

It is `implicit_regularization` of ridge regression: with modes eta_k = s_k and n samples, sum_k eta_k/(eta_k + kappa) +
n mu/kappa = n. Symbols: see `excess_risk` and the head of the package.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theory._checks import check_range
from theory.self_distillation._population import SolveError, complex_kappa, read_population, real_kappa

__all__ = ["SolveError", "effective_ridge", "spectrum_edges"]


def effective_ridge(ridge: ArrayLike, spectrum: ArrayLike, aspect_ratio: ArrayLike) -> float | complex | NDArray:
    """Return the effective ridge kappa(ridge), real or complex; exact up to rounding (relative error about 1e-14).

    kappa [1 - (gamma/p) sum_k s_k/(s_k + kappa)] = ridge, on the branch with kappa ~ ridge at infinity: Im kappa has
    the sign of Im ridge, and for ridge > 0 it is the root in [ridge, ridge + gamma mean(s)].

    ridge: ridge divided by n, in units of the spectrum, any shape; real or complex, off minus the limit spectrum of S,
        that is not in [-s_+, -s_-] of `spectrum_edges`.
    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, any order, not all 0.
    aspect_ratio: gamma = p/n, features per sample, > 0; p counts the entries of `spectrum`.

    Limits: at ridge = 0 it is 0 when gamma times the share of positive eigenvalues is at most 1, else the positive root
    of gamma mean(s/(s + kappa)) = 1. A real ridge gives a float (or float array), a complex one complex values.
    Raises `ValueError` outside these domains, `SolveError` if the iteration does not settle.
    Source: standard equivalent (claim sd.R1); the solver is derived.

    >>> round(effective_ridge(0.5, [1.0, 1.0], 2.0), 12)  # kappa (kappa - 1)/(1 + kappa) = 1/2: kappa = (3 + 17^0.5)/4
    1.780776406404
    >>> effective_ridge(0.0, [3.0], 2.0)  # 2 * 3/(3 + kappa) = 1
    3.0
    """
    model = read_population(spectrum, aspect_ratio)
    given = np.asarray(ridge)
    if given.dtype.kind != "c":
        real = check_range("ridge", ridge)
        inside = (real <= -model.lower) & (real >= -model.upper) & (real < 0.0)
        if inside.any():
            raise ValueError(
                f"ridge must be off minus the sample spectrum [{-model.upper:.6g}, {-model.lower:.6g}], "
                f"got ridge={real[inside].flat[0]:g}"
            )
        roots = [real_kappa(float(value), model) for value in real.flat]
        return roots[0] if real.ndim == 0 else np.array(roots).reshape(real.shape)
    if not np.isfinite(given).all():
        raise ValueError(f"ridge must be finite, got ridge={given[~np.isfinite(given)].flat[0]}")
    flat = given.astype(np.complex128).ravel()
    kappa = np.empty_like(flat)
    on_axis = flat.imag == 0.0
    kappa[on_axis] = effective_ridge(flat[on_axis].real, spectrum, aspect_ratio)
    kappa[~on_axis] = complex_kappa(flat[~on_axis], model)
    return complex(kappa[0]) if given.ndim == 0 else kappa.reshape(given.shape)


def spectrum_edges(spectrum: ArrayLike, aspect_ratio: ArrayLike) -> tuple[float, float]:
    """Return (s_-, s_+), the outer edges of the positive limit spectrum of S = X^T X/n (asymptotic, n -> infinity).

    They are -mu at the two outer zeros of mu'(kappa) = 1 - gamma mean(s^2/(s + kappa)^2); a mass 1 - 1/gamma at 0 comes
    on top when gamma > 1. With infinitely many steps, weights alpha in (-ridge/s_+, 2 + ridge/s_+) converge.

    spectrum: eigenvalues s_k of the population covariance, shape (modes,), >= 0, not all 0.
    aspect_ratio: gamma = p/n, > 0.

    Limit: s_- = 0 at gamma = 1. Raises `ValueError` outside these domains. Source: derived (sd.R1).

    >>> [round(edge, 12) for edge in spectrum_edges([2.0], 0.25)]  # Marchenko-Pastur: 2 (1 -+ 1/2)^2
    [0.5, 4.5]
    """
    model = read_population(spectrum, aspect_ratio)
    return model.lower, model.upper
