"""The regression task on Gaussian data: spectrum, target and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_number, check_vector
from simulations.random_features._arguments import check_size

__all__ = ["Task", "gaussian_task", "power_law_task"]

Array = NDArray[np.float64]
MOST_MODES = 1e9  # 8 GB for each vector


@dataclass(frozen=True)
class Task:
    """A regression task in mode space: `eigenvalues` (modes,) > 0, `target` (modes,) and `noise_variance` >= 0."""

    eigenvalues: Array
    target: Array
    noise_variance: float

    @property
    def modes(self) -> int:
        """Number of modes with positive eigenvalue."""
        return self.eigenvalues.size

    @property
    def power(self) -> float:
        """Target power, the test error of the zero predictor without noise."""
        return float(self.target @ self.target)


def gaussian_task(eigenvalues: ArrayLike, target_power: ArrayLike, noise_variance: float = 0.0) -> Task:
    """Return the task with the modes of eigenvalue 0 turned into noise (exact: no predictor sees them).

    `eigenvalues` (modes,) >= 0, at least one > 0; `target_power` (modes,) the squared coefficients v_i^2 >= 0;
    `noise_variance` >= 0 of the labels, test labels included.

    >>> gaussian_task([2.0, 0.0], [4.0, 0.5], 0.25)
    Task(eigenvalues=array([2.]), target=array([2.]), noise_variance=0.75)
    """
    spectrum = check_vector("eigenvalues", eigenvalues, low=0.0)
    power = check_vector("target_power", target_power, low=0.0)
    noise = check_number("noise_variance", noise_variance, low=0.0)
    if power.shape != spectrum.shape:
        raise ValueError(
            f"target_power and eigenvalues must have the same length, got {power.size} and {spectrum.size}"
        )
    seen = spectrum > 0
    if not np.any(seen):
        raise ValueError("eigenvalues must hold at least one value > 0, got none")
    return Task(spectrum[seen], np.sqrt(power[seen]), noise + float(np.sum(power[~seen])))


def power_law_task(
    alpha: float, beta: float, modes: int, noise_variance: float = 0.0, target_scale: float = 1.0
) -> Task:
    """Return the task with eigenvalues i^-alpha and target power target_scale * i^-beta, i = 1..modes.

    `alpha` >= 0 and `beta` >= 0 the exponents, 1 <= `modes` <= 1e9, `noise_variance` >= 0 of the labels,
    `target_scale` >= 0.

    >>> power_law_task(1.0, 2.0, 2, 0.5, 4.0)
    Task(eigenvalues=array([1. , 0.5]), target=array([2., 1.]), noise_variance=0.5)
    """
    count = int(check_number("modes", check_size("modes", modes), high=MOST_MODES))
    index = np.arange(1, count + 1, dtype=np.float64)
    decay, target_decay = (check_number(name, x, low=0.0) for name, x in (("alpha", alpha), ("beta", beta)))
    scale = check_number("target_scale", target_scale, low=0.0)
    return gaussian_task(index**-decay, scale * index**-target_decay, noise_variance)
