"""The learning rate of Exp3: J. Aubert, L. Lehericy, P. Reynaud-Bouret, "On the convergence of the MLE as an estimator
of the learning rate in the Exp3 algorithm", ICML 2023, arXiv 2305.06660.

Model. A learner plays K arms; an observer sees the arms drawn and the losses paid, and wants the learning rate eta.

    p_t = softmax(y_t), y_1 = 0;    draw A_t ~ p_t, pay l_t = l_{A_t,t};    y_{A_t} <- y_{A_t} - eta l_t/p_{A_t,t}
    likelihood of a candidate eta'  L_T(eta') = sum_{t <= T} log p_{A_t,t}(eta'): the same recursion with eta'
                                    throughout, the division by p included
    score of an arm                 h_{k,t} = d log p_{k,t}/d eta
    information                     I_T = E sum_{t <= T} sum_k p_{k,t} h_{k,t}^2

==========  ==============  ==================================================================  ====================
letter      argument        meaning                                                             domain
==========  ==============  ==================================================================  ====================
eta         learning_rate   learning rate of the learner, constant within one run               (0, inf)
eta'        other           a second learning rate                                              (0, inf)
K           n_arms          number of arms                                                      2, 3, ...
n, T        rounds          rounds observed, or used by a truncated likelihood                  1, 2, ...
S, s        scaled_time     eta T, the scale on which the probabilities move                    [0, inf)
l_k         mean_losses     mean loss of each arm, shape (K,), the last axis                    real
l           loss            loss of the one lossy arm                                           (0, inf)
r           ratio           eta'/eta, candidate over true learning rate                         (0, inf)
epsilon     threshold       level of the smallest probability                                   (0, 1)
alpha       exponent        eta = theta n^-alpha when the rate shrinks with the horizon         [0, inf)
theta       scale           eta n^alpha                                                         (0, inf)
p, q        (probability)   probability of the lossy arm under truth and candidate              [0, 1/K]
x_m, x'_m   (log-odds)      log-odds of a lossless arm over the lossy one after m pulls of      [0, inf]
                            it, and their derivative in eta: the ladder
gamma_k     (sensitivity)   eta d y_k/d eta in the limit of small eta                           real
J           (information)   limit of eta^3 I_T                                                  [0, inf]
Q           (constant)      limit of eta^3 sum_t sum_k (p_k h_k)^2                               [0, inf]
T_eps       (exit time)     first round t whose smallest probability is below epsilon           2, 3, ..., inf
rho         (affinity)      sum over histories of sqrt(P(history) P'(history))                  [0, 1]
G, delta    candidates,     size of the set of candidates, and 1 - delta the confidence         1, 2, ...; (0, 1)
            confidence
==========  ==============  ==================================================================  ====================

Conventions that bite. Losses, no mixing with uniform exploration: a lossy pull makes the arm rarer, and rarer arms pay
dearer (l/p). With gains the sign flips and so does the feedback. A candidate divides by its own probabilities, not by
the learner's. eta_n = theta n^-alpha is one number per run, not a schedule theta t^-alpha within it. The truncation
T is fixed beforehand, never the candidate's own exit time. "Scaled time" is eta T, so that a loss l enters as l S.

Exact and asymptotic. The ladder (one lossy arm with constant loss l, the others free), its exit times, information,
affinity and lower bounds, and the prediction bound are exact for every eta and n. Mean-field quantities are limits
eta -> 0 at fixed S = eta T; their relative error is of order eta over the smallest probability reached.
"""

from theory.exp3.candidate import (
    candidate_log_likelihood,
    candidate_probability,
    cliff_time,
)
from theory.exp3.full_horizon import (
    ParameterFreeLadder,
    full_horizon_standard_deviation,
    parameter_free_ladder,
)
from theory.exp3.information import (
    Plateaus,
    exit_information,
    expected_pulls,
    information_plateaus,
    ladder_information,
)
from theory.exp3.ladder import (
    ExitTime,
    Truncation,
    admissible_truncation,
    exit_time,
    ladder,
    sharp_probability_bound,
    sure_probability_bound,
)
from theory.exp3.lower_bounds import (
    Gap,
    indistinguishable_gap,
    ladder_affinity,
    two_point_bound,
    van_trees_bound,
)
from theory.exp3.mean_field import (
    MeanFieldPath,
    equal_losses_information,
    mean_field_information,
    mean_field_path,
    mle_standard_deviation,
    prediction_constant,
    scaled_exit_time,
)
from theory.exp3.prediction import (
    PredictionBound,
    likelihood_ratio_quantile,
    mean_prediction_error,
    prediction_bound,
    prediction_quantile,
)

__all__ = [
    "ExitTime",
    "Gap",
    "MeanFieldPath",
    "ParameterFreeLadder",
    "Plateaus",
    "PredictionBound",
    "Truncation",
    "admissible_truncation",
    "candidate_log_likelihood",
    "candidate_probability",
    "cliff_time",
    "equal_losses_information",
    "exit_information",
    "exit_time",
    "expected_pulls",
    "full_horizon_standard_deviation",
    "indistinguishable_gap",
    "information_plateaus",
    "ladder",
    "ladder_affinity",
    "ladder_information",
    "likelihood_ratio_quantile",
    "mean_field_information",
    "mean_field_path",
    "mean_prediction_error",
    "mle_standard_deviation",
    "parameter_free_ladder",
    "prediction_bound",
    "prediction_constant",
    "prediction_quantile",
    "scaled_exit_time",
    "sharp_probability_bound",
    "sure_probability_bound",
    "two_point_bound",
    "van_trees_bound",
]
