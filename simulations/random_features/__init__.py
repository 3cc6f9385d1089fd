"""Random-feature regression: the literal experiment, exact-in-law fast ones, and ReLU features on digits.

Measures, measure(rng, replicates, **setting) -> array (replicates, ...):
power_law_errors, spectrum_errors      [test, train] at one (n, k), many ridges, exact in law and fast
fixed_samples_panel, fixed_features_panel, size_grid_errors      the same for many sizes
literal_errors                         the experiment as written down, slow
gcv_estimates, ensemble_errors, variance_split, ridgeless_anchor, proxy_statistics
digits_errors, digits_grid_errors      ReLU features on scikit-learn's digits
digits_spectrum, digits_proxies        their limit kernel on subsets: eigensystem, 1 / tr K^-1, ridgeless error
Ridges are added to the kernel matrix, which carries 1/k and no 1/n; k = inf is kernel ridge regression.
"""

from simulations.random_features.digits import (
    arc_cosine_kernel,
    digits_eigensystem,
    digits_errors,
    digits_grid_errors,
    digits_pool,
    relu_features,
)
from simulations.random_features.digits_spectrum import digits_proxies, digits_spectrum
from simulations.random_features.estimators import (
    gcv_estimates,
    proxy_statistics,
    ridgeless_anchor,
)
from simulations.random_features.gaussian import gaussian_errors
from simulations.random_features.literal import literal_errors
from simulations.random_features.power_law import (
    fixed_features_panel,
    fixed_samples_panel,
    power_law_errors,
    size_grid_errors,
    spectrum_errors,
)
from simulations.random_features.task import gaussian_task, power_law_task
from simulations.random_features.variance import ensemble_errors, variance_split

__all__ = [
    "arc_cosine_kernel",
    "digits_eigensystem",
    "digits_errors",
    "digits_grid_errors",
    "digits_pool",
    "digits_proxies",
    "digits_spectrum",
    "ensemble_errors",
    "fixed_features_panel",
    "fixed_samples_panel",
    "gaussian_errors",
    "gaussian_task",
    "gcv_estimates",
    "literal_errors",
    "power_law_errors",
    "power_law_task",
    "proxy_statistics",
    "relu_features",
    "ridgeless_anchor",
    "size_grid_errors",
    "spectrum_errors",
    "variance_split",
]
