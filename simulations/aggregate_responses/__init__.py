"""Learning from aggregate responses."""

from simulations.aggregate_responses.conditional import conditional_errors
from simulations.aggregate_responses.jacobi import jacobi_errors
from simulations.aggregate_responses.literal import literal_errors

__all__ = ["conditional_errors", "jacobi_errors", "literal_errors"]
