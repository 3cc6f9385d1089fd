"""Figures of learning from aggregate responses: the paper's, and five that go beyond it."""

from figures.aggregate_responses import competitors, diabetes, levels, private, spectrum, verify, weights

__all__ = ["FIGURES"]

FIGURES = (
    *weights.FIGURES,
    *levels.FIGURES,
    *verify.FIGURES,
    *private.FIGURES,
    *diabetes.FIGURES,
    *competitors.FIGURES,
    *spectrum.FIGURES,
)
