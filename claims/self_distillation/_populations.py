"""What the claims on the proportional limit predict from: spectra and signals by name, and wrong risks.

A population is described as the simulations describe it: `spectrum` ("ar1", r), ("spikes", l1, ...) or
("isotropic", c), `signal` ("isotropic",), ("top", f, h) or ("spikes", w1, ...), with |beta|^2 = `signal_power`. The
arrays are built here once more, so that the two sides share words only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from theory import self_distillation as theory

__all__ = [
    "DANG",
    "GAUSSIAN",
    "QUICK_SIZES",
    "SIZES",
    "at_ratio",
    "contour_parts",
    "model",
    "parts",
    "times",
    "totals",
]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Named = Sequence[Any]

DANG = "Dang, Patil, Rinaldo (2026, arXiv 2602.17565)"
GAUSSIAN = "rows Sigma^(1/2) g with standard normal g; n, p -> infinity at fixed p/n; finite means differ by O(1/n)"
SIZES = (16, 32, 64, 128)
QUICK_SIZES = (12, 24, 48, 96)
NODES = 160  # enough for eight digits of four students


def at_ratio(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A setting with n = `size` samples and p = ratio n features."""
    rest = {name: value for name, value in setting.items() if name != "ratio"}
    return {**rest, "samples": int(size), "features": round(setting["ratio"] * size)}


def times(factor: float, predict: Callable[..., Any], **setting: Any) -> Array:
    """The prediction of `predict` at `setting`, multiplied by `factor`."""
    return factor * np.asarray(predict(**setting))


def model(
    *, features: int, samples: int, spectrum: Named, signal: Named, signal_power: float, noise_variance: float
) -> tuple[Array, Array, float, float]:
    """Eigenvalues, squared coefficients, noise variance and p/n: the first arguments of the theory's functions."""
    name, *numbers = spectrum
    if name == "ar1":
        eigenvalues = np.linalg.eigvalsh(toeplitz(numbers[0] ** np.arange(features)))[::-1].copy()
    elif name == "spikes":
        eigenvalues = np.r_[numbers, np.ones(features - len(numbers))]
    else:
        eigenvalues = np.full(features, float(numbers[0]))
    name, *numbers = signal
    if name == "top":
        first = max(1, round(numbers[0] * features))
        numbers = [numbers[1] / first] * first
    rest = features - len(numbers)
    shares = np.r_[numbers, np.full(rest, (1.0 - sum(numbers)) / rest)]
    return eigenvalues, signal_power * shares, noise_variance, features / samples


def parts(*, ridges: Any, alphas: Any, **population: Any) -> Array:
    """[bias, variance] of every student in the limit, shape (ridges, steps, 2), for a simulation's arguments."""
    risk = theory.excess_risk(*model(**population), np.asarray(ridges), alphas)
    return np.stack([np.asarray(risk.bias).T, np.asarray(risk.variance).T], axis=-1)


def totals(*, ridges: Any, alphas: Any, **population: Any) -> Array:
    """Test error of every student in the limit, label noise included, shape (ridges, steps)."""
    risk = theory.excess_risk(*model(**population), np.asarray(ridges), alphas)
    return np.asarray(risk.total).T + population["noise_variance"]


# ---------------------------------------------------------------- the same by plain contour sums, and miswritten


def contour_parts(which: str = "right", *, ridges: Any, alphas: Any, **population: Any) -> Array:
    """`parts` by the trapezoidal rule on one circle in m = s/(s + ridge), or a wrong version named by `which`."""
    arguments = model(**population)
    return np.stack([_contour(which, *arguments, float(ridge), tuple(alphas)) for ridge in ridges])


def _contour(
    which: str, s: Array, power: Array, noise: float, ratio: float, ridge: float, alphas: tuple[float, ...]
) -> Array:
    """[bias, variance] of every student at one ridge, (steps, 2)."""
    top = float(s.max()) * (1 + ratio**0.5) ** 2
    half = top / (top + ridge) / 2
    m: Complex = half + (half + 0.1) * np.exp(2j * np.pi * (np.arange(NODES) + 0.5) / NODES)
    weight: Complex = (half - m) * ridge / (NODES * (1 - m) ** 2)
    mu: Complex = m * ridge / (m - 1)
    kappa = mu if which == "the ridge itself for kappa" else _kappa(mu, s, ratio)
    lost: Complex = 1 / (s + kappa[:, None])
    form: Complex = np.outer(kappa / mu, kappa / mu) * ((lost * (s * power)) @ lost.T)
    shared: Complex = 1 - ratio / s.size * ((lost * s**2) @ lost.T)
    if which != "without 1/(1 - df2)":
        form = form / shared
    steps: list[Complex] = [np.ones_like(m)]
    for alpha in alphas:
        steps.append(alpha + (1 - alpha) * m * steps[-1])
    rows = []
    for gain in steps:
        missed = weight * (1 - m * gain)
        square = gain if which == "C for C^2 in the variance" else gain**2
        variance = noise * np.sum(weight * square * m * (1 - m) / ridge * (kappa / mu - 1))
        rows.append([(missed @ form @ missed).real, variance.real])
    return np.array(rows)


def _kappa(mu: Complex, s: Array, ratio: float) -> Complex:
    """The solution of kappa (1 - ratio mean s/(s + kappa)) = mu, by Newton's method."""
    kappa: Complex = mu + ratio * s.mean()
    for _ in range(60):
        lost: Complex = 1 / (s + kappa[:, None])
        value: Complex = kappa * (1 - ratio * np.mean(s * lost, axis=1)) - mu
        kappa = kappa - value / (1 - ratio * np.mean((s * lost) ** 2, axis=1))
    return kappa
