"""Claims sn.T2.rigorous and sn.T6.rigorous: proved on whole boxes by interval arithmetic."""

from __future__ import annotations

import math
from functools import partial

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.scalar_networks import _intervals as intervals
from claims.scalar_networks._points import EDGE

__all__ = ["CLAIMS"]

Interval = tuple[float, float]
LARGEST_PRODUCT = 1.75
WHOLE_EDGE = math.nextafter(float(EDGE), math.inf)  # 2 sqrt(2), rounded up


def _ratios(
    edge: float = WHOLE_EDGE, first: float = 1.0, second: float = 1.0, **cell: Interval
) -> tuple[Interval, Interval]:
    """Enclosures of a^2/(2 u_1 u_2) and a^2/(u_1 u_3) at eta phi = `edge`, times two powers of two (wrong versions)."""
    one, two = intervals.pair_ratios(edge, **cell)
    return (one[0] * first, one[1] * first), (two[0] * second, two[1] * second)


def _ones(**_: Interval) -> tuple[Interval, Interval]:
    """The bound 1 for both ratios."""
    return (1.0, 1.0), (1.0, 1.0)


def _moderate(**cell: Interval) -> bool | None:
    """Whether the product is at most 1.75 on the cell; None where that is not sure."""
    low, high = intervals.product(**cell)
    return True if high <= LARGEST_PRODUCT else False if low > LARGEST_PRODUCT else None


T2_RIGOROUS = Claim(
    id="sn.T2.rigorous",
    title="The region 2 sqrt(2)/eta implies the pair conditions: proved at depths two and three",
    statement=(
        r"D\in\{2,3\},\ \eta\varphi\le2\sqrt2,\ \pi\le\tfrac74,\ u_{(1)}\ge10^{-3}s_{(1)}^2\;\Rightarrow\;"
        r"a^2\le2u_{(1)}u_{(2)},\ a^2\le u_{(1)}u_{(3)}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(
        "positive product; every imbalance, infinite ones included",
        "what is proved on the box are the two inequalities; that they imply phi(w') <= phi(w) is sn.T1",
        "eta phi = 2 sqrt(2) is the worst case, as a is proportional to eta",
        "depth two is tau = 0, where u_3 is infinite",
        "weaker than sn.T2 in two ways: the product stops at 7/4, below P_3 = 1.7548 and P_2 = 2, and away from 0",
    ),
    proof=(
        "With sigma = s_1^2/s_2^2 and tau = s_2^2/s_3^2 in [0, 1] and v = u_1/s_1^2 all quantities are elementary "
        "functions; ball arithmetic on a subdivision of the box. It covers the region: u_1/s_1^2 >= 1 gives "
        "u_k/s_k^2 >= 1, so that pi <= 7/4 leaves u_1/s_1^2 <= pi^2 < 3.1."
    ),
    kind="proof",
    predict=_ones,
    measure=_ratios,
    admissible=_moderate,  # pyright: ignore[reportArgumentType]  # None: not sure
    domain={"v": Range(0.00099, 3.1), "sigma": Range(0.0, 1.0), "tau": Range(0.0, 1.0)},
    budget=20_000,
    mutants=(
        Mutant(name="4 for 2 sqrt(2)", measure=partial(_ratios, 4.0)),
        Mutant(name="2.9 for 2 sqrt(2)", measure=partial(_ratios, 2.9)),
        Mutant(name="u_1 u_2 for 2 u_1 u_2", measure=partial(_ratios, WHOLE_EDGE, 2.0)),
        Mutant(name="u_1 u_3/2 for u_1 u_3", measure=partial(_ratios, WHOLE_EDGE, 1.0, 2.0)),
    ),
)


def _at_least(level: float = 1e-3, **cell: Interval) -> Interval:
    """A lower `level` for N'/N; the cell does not enter."""
    return level, level


T6_RIGOROUS = Claim(
    id="sn.T6.rigorous",
    title="Depth two: the sign of the invariant is kept, proved without its closed form",
    statement=(
        r"\eta\in[0.05,1.25],\ N(w)\ge-\tfrac14(4-\eta^2),\ N(w)\ne0:\quad N(w')/N(w)\ge10^{-3},"
        r"\qquad N=4+\eta^2(\pi-1)-\eta(w_1^2+w_2^2)"
    ),
    source="derived",
    provenance="derived",
    assumptions=(
        "all weights in the ellipse N >= 0 and in a margin around it",
        "N'/N is the slope of the ellipse's equation after the step, between a point and the boundary on its ray",
        "that N'/N = 1 + eta^2 pi (pi - 1) is sn.T6",
    ),
    proof="Slope arithmetic with balls on a subdivision of the box of step size, radius and direction.",
    kind="proof",
    predict=intervals.invariant_ratio,
    measure=_at_least,
    domain={"eta": Range(0.049, 1.25), "rho": Range(0.0, 1.25), "tilt": Range(-1.0, 1.0)},
    budget=20_000,
    mutants=(
        Mutant(name="N'/N >= 9/10", measure=partial(_at_least, 0.9)),
        Mutant(name="|N| never shrinks", measure=partial(_at_least, 1.0)),
        Mutant(name="|N| never grows", predict=partial(_at_least, 1.0), measure=intervals.invariant_ratio),
    ),
)

CLAIMS = (T2_RIGOROUS, T6_RIGOROUS)
