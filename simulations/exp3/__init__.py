"""Exp3 and the likelihood of its learning rate: simulation, likelihood with two derivatives, its maximum, oracles.

Variant, CLASSIC                                     gains, mixing, implicit exploration, rates that vary by round
simulate, exit_times                                 many runs, compiled; first rounds below a threshold
log_likelihood, replay                               value, score, Hessian; probabilities and scores round by round
maximum_likelihood, certified_maximum                the maximum over an interval; with a proof for two arms
simulate_ladder, ladder_log_likelihood,
ladder_maximum_likelihood                            one lossy arm by waiting times, a cost per pull and none per round
enumerate_histories                                  every history with its probability, exact expectations
literal_simulate, literal_log_likelihood             the definition in plain Python loops, slow
precise_simulate, precise_log_likelihood,
precise_replay                                       the same with any number of digits
Measures, measure(rng, replicates, **setting) -> array (replicates, outputs), columns named by ..._OUTPUTS:
score_moments, information_samples                   the score identities; information times a power of the rate
several_modes, missed_maxima                         how many maxima there are, whether the highest is found
estimates, ladder_estimates                          errors, ratios and distances of the maximum over an interval
candidate_likelihoods, finite_set_errors,
finite_set_exceedances,
estimates_candidate_truncation                       candidates: the cliff, finite sets, a wrong rule of truncation
exit_moments, recovered_rates                        against bounds: moments of exits, telling two rates apart
exit_rounds, sensitivities, returning_pulls,
least_probabilities                                  the run itself: exits, chaos, returns, worst histories
probability_differences, ladder_path_information,
rounding_errors                                      along a run: candidates against the truth, information, rounding
"""

from __future__ import annotations

from simulations.exp3.bound_measures import EXIT_OUTPUTS, RECOVERY_OUTPUTS, exit_moments, recovered_rates
from simulations.exp3.branch_and_bound import CertifiedMaximum, certified_maximum
from simulations.exp3.candidate_measures import (
    FINITE_SET_OUTPUTS,
    TRUNCATION_OUTPUTS,
    candidate_likelihoods,
    estimates_candidate_truncation,
    finite_set_errors,
    finite_set_exceedances,
)
from simulations.exp3.enumeration import Enumeration, enumerate_histories
from simulations.exp3.jumps import (
    LadderEstimate,
    LadderHistories,
    ladder_log_likelihood,
    ladder_maximum_likelihood,
    simulate_ladder,
)
from simulations.exp3.likelihood import LogLikelihood, PrecisionWarning, Replay, log_likelihood, replay
from simulations.exp3.literal import literal_log_likelihood, literal_simulate
from simulations.exp3.maximum import Estimate, maximum_likelihood
from simulations.exp3.maximum_measures import MISSED_OUTPUTS, missed_maxima, several_modes
from simulations.exp3.measures import (
    ESTIMATE_OUTPUTS,
    LADDER_OUTPUTS,
    SCORE_OUTPUTS,
    estimates,
    information_samples,
    ladder_estimates,
    score_moments,
)
from simulations.exp3.path_measures import (
    ROUNDING_OUTPUTS,
    ladder_path_information,
    probability_differences,
    rounding_errors,
)
from simulations.exp3.precise import PreciseReplay, precise_log_likelihood, precise_replay, precise_simulate
from simulations.exp3.process_measures import (
    RETURN_OUTPUTS,
    SENSITIVITY_OUTPUTS,
    exit_rounds,
    least_probabilities,
    returning_pulls,
    sensitivities,
)
from simulations.exp3.simulation import Histories, exit_times, simulate
from simulations.exp3.variant import CLASSIC, Variant

__all__ = [
    "CLASSIC",
    "ESTIMATE_OUTPUTS",
    "EXIT_OUTPUTS",
    "FINITE_SET_OUTPUTS",
    "LADDER_OUTPUTS",
    "MISSED_OUTPUTS",
    "RECOVERY_OUTPUTS",
    "RETURN_OUTPUTS",
    "ROUNDING_OUTPUTS",
    "SCORE_OUTPUTS",
    "SENSITIVITY_OUTPUTS",
    "TRUNCATION_OUTPUTS",
    "CertifiedMaximum",
    "Enumeration",
    "Estimate",
    "Histories",
    "LadderEstimate",
    "LadderHistories",
    "LogLikelihood",
    "PreciseReplay",
    "PrecisionWarning",
    "Replay",
    "Variant",
    "candidate_likelihoods",
    "certified_maximum",
    "enumerate_histories",
    "estimates",
    "estimates_candidate_truncation",
    "exit_moments",
    "exit_rounds",
    "exit_times",
    "finite_set_errors",
    "finite_set_exceedances",
    "information_samples",
    "ladder_estimates",
    "ladder_log_likelihood",
    "ladder_maximum_likelihood",
    "ladder_path_information",
    "least_probabilities",
    "literal_log_likelihood",
    "literal_simulate",
    "log_likelihood",
    "maximum_likelihood",
    "missed_maxima",
    "precise_log_likelihood",
    "precise_replay",
    "precise_simulate",
    "probability_differences",
    "recovered_rates",
    "replay",
    "returning_pulls",
    "rounding_errors",
    "score_moments",
    "sensitivities",
    "several_modes",
    "simulate",
    "simulate_ladder",
]
