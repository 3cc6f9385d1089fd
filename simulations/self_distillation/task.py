"""The linear model of the proportional regime: the spectrum of the inputs and the signal, by name and numbers.

Rows x = Sigma^(1/2) g, g ~ N(0, I_p); y = x'beta + noise. The law of everything measured depends on Sigma and beta only
through the eigenvalues s_k of Sigma and the squared coefficients beta_k^2 of beta in its eigenvectors, k = 1..p, so the
experiments work in these coordinates: x_k = sqrt(s_k) g_k.

spectrum              s_k
("isotropic", c)      c
("power", a, c)       c k^-a
("spikes", l1, ...)   l1, l2, ..., then 1 for all other k
("ar1", r)            eigenvalues of the matrix r^|i - j|, decreasing

signal                beta_k^2, scaled such that they sum to `signal_power`
("isotropic",)        equal
("power", a)          proportional to k^-a
("top", f, h)         the first max(1, round(f p)) directions share h equally, the others 1 - h equally
("spikes", w1, ...)   the first directions have the shares w1, w2, ..., the others share the rest equally
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from simulations._checks import check_number, check_vector
from simulations.self_distillation._arguments import check_size

__all__ = ["LinearTask", "linear_task", "signal_squares", "spectrum_values"]

Array = NDArray[np.float64]
Named = Sequence[str | float]


@dataclass(frozen=True)
class LinearTask:
    """A linear model: `eigenvalues` s (features,) > 0, `squares` beta^2 (features,) >= 0, `noise_variance` >= 0."""

    eigenvalues: Array
    squares: Array
    noise_variance: float


def linear_task(
    features: int, spectrum: Named, signal: Named, signal_power: float, noise_variance: float
) -> LinearTask:
    """Return the task with p = `features` >= 1; `spectrum` and `signal` as in the tables of this module.

    `signal_power` >= 0 is |beta|^2, `noise_variance` >= 0 the variance of the label noise.

    >>> linear_task(2, ("power", 1.0, 3.0), ("isotropic",), 0.5, 0.25)
    LinearTask(eigenvalues=array([3. , 1.5]), squares=array([0.25, 0.25]), noise_variance=0.25)
    """
    noise = check_number("noise_variance", noise_variance, low=0.0)
    return LinearTask(spectrum_values(spectrum, features), signal_squares(signal, features, signal_power), noise)


def spectrum_values(spectrum: Named, features: int) -> Array:
    """Return the eigenvalues s_k of Sigma, shape (features,), in the order of the table of this module.

    `spectrum` is a name followed by its numbers, `features` >= 1.

    >>> spectrum_values(("spikes", 6.0), 3).tolist()
    [6.0, 1.0, 1.0]
    """
    count = check_size("features", features)
    name, numbers = _named(
        "spectrum", spectrum, {"isotropic": (1, 1), "power": (2, 2), "spikes": (1, count), "ar1": (1, 1)}
    )
    if name == "spikes":
        values = np.ones(count)
        values[: numbers.size] = numbers
    elif name == "power":
        values = numbers[1] * np.arange(1.0, count + 1) ** -numbers[0]
    elif name == "ar1":
        check_number("spectrum[1]", numbers[0], low=-1.0, high=1.0, open_low=True, open_high=True)
        values = np.linalg.eigvalsh(toeplitz(numbers[0] ** np.arange(float(count))))[::-1]
    else:
        values = np.full(count, numbers[0])
    return check_vector("the eigenvalues of spectrum", values, axis="features", low=0.0, open_low=True)


def signal_squares(signal: Named, features: int, signal_power: float) -> Array:
    """Return the squared coefficients beta_k^2, shape (features,), of sum `signal_power` >= 0.

    `signal` is a name followed by its numbers as in the table of this module, `features` >= 1.

    >>> signal_squares(("top", 0.5, 0.75), 4, 2.0).tolist()
    [0.75, 0.75, 0.25, 0.25]
    """
    count = check_size("features", features)
    name, numbers = _named(
        "signal", signal, {"isotropic": (0, 0), "power": (1, 1), "top": (2, 2), "spikes": (1, count)}
    )
    if name == "power":
        shares = np.arange(1.0, count + 1) ** -numbers[0]
        shares /= shares.sum()
    elif name == "isotropic":
        shares = np.full(count, 1 / count)
    else:
        if name == "top":
            first = max(1, round(check_number("signal[1]", numbers[0], low=0.0, high=1.0) * count))
            numbers = np.full(first, check_number("signal[2]", numbers[1], low=0.0, high=1.0) / first)
        rest = 1 - numbers.sum()
        if np.any(numbers < 0) or rest < -1e-12 or (numbers.size == count and abs(rest) > 1e-12):
            raise ValueError(f"the shares of signal must be >= 0 and sum to 1, got signal={tuple(signal)!r}")
        shares = np.full(count, max(rest, 0.0) / max(count - numbers.size, 1))
        shares[: numbers.size] = numbers
    return check_number("signal_power", signal_power, low=0.0) * shares


def _named(argument: str, value: Named, known: dict[str, tuple[int, int]]) -> tuple[str, Array]:
    """The name and the numbers of a spectrum or signal; `known` holds how many numbers each name takes."""
    given = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    name, numbers = given[0] if given else "", given[1:]
    if not isinstance(name, str) or name not in known:
        raise ValueError(f"{argument} must start with one of {', '.join(known)}, got {argument}={value!r}")
    low, high = known[name]
    if not low <= len(numbers) <= high:
        wanted = f"{low}" if low == high else f"{low} to {high}"
        raise ValueError(f"{argument} {name!r} takes {wanted} number(s), got {argument}={value!r}")
    array = np.array([check_number(f"{argument}[{i}]", number) for i, number in enumerate(numbers, start=1)])
    return name, array
