"""Finding what was drawn, and closed forms of the risks written out by hand, for the figures of this row."""

from __future__ import annotations

import numpy as np
import pytest

from assay.marks import Mark

PROBES = (0, 0.31, 0.5, 0.83, 1)  # places along a line
CLOSE = 1e-10  # the quadrature promises 1e-12 times 1/(psi - 1)


def find(result, panel: str, series: str, role: str) -> Mark:
    """The one mark of this panel, series and role."""
    found = [m for m in result.canvas.marks if (m.panel, m.series, m.role) == (panel, series, role)]
    assert len(found) == 1, [(m.panel, m.series, m.role) for m in result.canvas.marks]
    return found[0]


def points(result, panel: str, series: str) -> list[Mark]:
    """All simulated marks of this panel and series, in drawing order."""
    return [m for m in result.canvas.marks if (m.panel, m.series, m.role) == (panel, series, "simulation")]


def probes(mark: Mark):
    index = [round(place * (mark.x.size - 1)) for place in PROBES]
    return zip(mark.x[index], mark.y[index], strict=True)


def same(mark: Mark, x, moments) -> None:
    """Points at `x` are the means of `moments` with bars of one standard error, exactly."""
    assert mark.x.tolist() == np.atleast_1d(np.asarray(x, dtype=float)).tolist()
    assert mark.y.tolist() == np.ravel(moments.mean).tolist()
    assert np.array_equal(mark.high, np.ravel(moments.mean + moments.standard_error))


def bag(psi: float, k: float, noise: float) -> float:
    """Risk per signal at bag level, ar.C1 and ar.C3."""
    a = psi / k
    return noise / (a - 1) if a > 1 else 1 - a + noise * a / (1 - a)


def instance(psi: float, k: float, noise: float) -> float:
    """Risk per signal at instance level, ar.C2."""
    return (k - 1) * ((k - 1) * (psi - 1) + 1) / (k**2 * (psi - 1)) + noise / (k * (psi - 1))


def is_ridge(risk: float, psi: float, k: float, noise: float) -> bool:
    """Whether a risk per signal solves the equation of the best ridge on the bag means."""
    return risk + psi / k * risk / (noise + risk) == pytest.approx(1.0, rel=1e-12)


def shrinkage(psi: float, k: float, rho: float) -> float:
    """c by bisection of the fixed point alpha1 t/(1 + t) + alpha2 rho t/(1 + rho t) = 1."""
    first, second = psi / k, psi * (1 - 1 / k)
    low, high = 0.0, 1e6
    for _ in range(200):
        t = (low + high) / 2
        low, high = (t, high) if first * t / (1 + t) + second * rho * t / (1 + rho * t) < 1 else (low, t)
    return first * low / (1 + low)
