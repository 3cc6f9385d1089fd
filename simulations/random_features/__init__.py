"""Random-feature regression: the literal experiment, exact-in-law fast ones, and ReLU features on digits."""

from simulations.random_features.gaussian import gaussian_errors
from simulations.random_features.power_law import (
    fixed_features_panel,
    fixed_samples_panel,
    power_law_errors,
    size_grid_errors,
    spectrum_errors,
)
from simulations.random_features.task import gaussian_task, power_law_task

__all__ = [
    "fixed_features_panel",
    "fixed_samples_panel",
    "gaussian_errors",
    "gaussian_task",
    "power_law_errors",
    "power_law_task",
    "size_grid_errors",
    "spectrum_errors",
]
