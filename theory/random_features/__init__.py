"""Random-feature ridge regression: J. B. Simon, D. Karkada, N. Ghosh, M. Belkin, "More is Better", ICLR 2024.

Model. n samples x with labels y = f*(x) + noise; k random features whose infinite-k limit is a kernel with eigenvalues
lambda_i; f* has squared coefficients v_i^2 in the kernel's eigenfunctions. Ridge regression predicts with
K_x (K + ridge I)^-1 y, K the n x n matrix of inner products of features. The eigenframework, with
z = sum_i lambda_i/(lambda_i + gamma):

    n = z + ridge/kappa,    k = z + k kappa/gamma    (unique non-negative gamma, kappa)
    test error  E = n [(A + sigma^2)(s + r) + B s]/[s (p + r) + p r],    train error = (p/n)^2 E

=========  =================  ===========================================================  ================
letter     argument           meaning                                                      domain
=========  =================  ===========================================================  ================
n          n                  number of samples                                            real, > 0
k          k                  number of random features; inf is kernel ridge regression    real, > 0, or inf
delta      ridge              ridge, in units of the eigenvalues                           [0, inf]
lambda_i   eigenvalues        kernel eigenvalues, any order, any common scale              >= 0
v_i^2      target_power       squared target coefficients                                  >= 0
sigma^2    noise_variance     variance of the label noise                                  >= 0
gamma      gamma              implicit regulariser of the kernel's modes                   [0, inf]
kappa      kappa              implicit regulariser of the features; kappa <= gamma         [0, inf]
e_i, f_i                      learned share lambda_i/(lambda_i + gamma), missed 1 - e_i    [0, 1]
z, q, s                       sum e_i, sum e_i^2, sum e_i f_i
p, r                          slacks n - z = ridge/kappa and k - z = k kappa/gamma         >= 0
A, B                          sum v_i^2 f_i^2, sum v_i^2 e_i f_i                           >= 0
m          members            predictors averaged in an ensemble                           >= 1 or inf
alpha      alpha              exponent of power-law eigenvalues i^-alpha
beta       beta               exponent of power-law target power i^-beta
=========  =================  ===========================================================  ================

Conventions that bite. The ridge is added to K without any 1/n. Errors are means of squares, not halves. The noise
variance is part of the test error (test labels are noisy too). Eigenvalues and target power are not normalised, and
target_power holds squares. The ridge and gamma, kappa scale with the eigenvalues; errors do not. Sizes need not be
whole; finite ones lie between 1e-50 and 1e50.

Exact and asymptotic. gamma, kappa and the errors are deterministic equivalents: the mean over data and features of the
Gaussian model differs from them by a relative O(1/n) (c/n with c below 1, up to 2 beside n = k at small ridge; more for
the train error at small ridge). As functions of their arguments all are evaluated to about 1e-13, the limits included.
"""

from theory.random_features.continuum import (
    clean_ridgeless_risk,
    clean_risk_prefactor,
    continuum_risk,
    convergence_exponent,
    leading_constants,
    proxy_exponents,
)
from theory.random_features.errors import (
    Decomposition,
    OperatingPoint,
    at_gamma,
    decomposition,
    ensemble_risk,
    risk,
    train_error,
)
from theory.random_features.fitting import (
    fitting_ratio_cost,
    fitting_ratio_risk,
    optimal_fitting_ratio,
    overfitting_threshold,
    power_law_fitting_ratio,
    power_law_overfitting_threshold,
    shifted_fitting_ratio,
)
from theory.random_features.fixed_point import SolveError, degrees_of_freedom, implicit_regularization
from theory.random_features.infinite_modes import power_law_regularization, power_law_risk, power_law_train_error
from theory.random_features.optimum import optimal_ridge
from theory.random_features.series import PowerLawSums, power_law_sum, power_law_sums
from theory.random_features.spectra import power_law
from theory.random_features.table import (
    Table,
    tabulate,
    tabulated_regularization,
    tabulated_risk,
    tabulated_train_error,
)

__all__ = [
    "Decomposition",
    "OperatingPoint",
    "PowerLawSums",
    "SolveError",
    "Table",
    "at_gamma",
    "clean_ridgeless_risk",
    "clean_risk_prefactor",
    "continuum_risk",
    "convergence_exponent",
    "decomposition",
    "degrees_of_freedom",
    "ensemble_risk",
    "fitting_ratio_cost",
    "fitting_ratio_risk",
    "implicit_regularization",
    "leading_constants",
    "optimal_fitting_ratio",
    "optimal_ridge",
    "overfitting_threshold",
    "power_law",
    "power_law_fitting_ratio",
    "power_law_overfitting_threshold",
    "power_law_regularization",
    "power_law_risk",
    "power_law_sum",
    "power_law_sums",
    "power_law_train_error",
    "proxy_exponents",
    "risk",
    "shifted_fitting_ratio",
    "tabulate",
    "tabulated_regularization",
    "tabulated_risk",
    "tabulated_train_error",
    "train_error",
]
