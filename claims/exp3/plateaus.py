"""Claims ex.D10: at a constant rate the information is a staircase, with plateaus that outlast any horizon."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.exp3 import _ladder as route
from claims.exp3._paper import CONSTANT, DERIVED, LADDER
from theory import exp3 as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


def _rounds(horizon: float) -> int:
    """The horizon, 10 to the power `horizon`, as a whole number up to 1e300."""
    return int(min(float(round(10.0**horizon)), 1e300))


# ---------------------------------------------------------------- D10: the staircase


def _staircase(which: str = "right", *, learning_rate: float, horizons: Any, n_arms: int, loss: float) -> Array:
    """The information at the horizons by the theory, or a wrong version."""
    rounds = np.array([float(_rounds(horizon)) for horizon in horizons])
    value = np.asarray(theory.ladder_information(rounds, learning_rate, n_arms, loss))
    if which == "right":
        return value
    p, slope = np.array(list(route.levels(learning_rate, n_arms, loss))).T
    gain = slope**2 * (1.0 - p)
    if which == "finished levels only":
        return np.array([np.sum(gain[np.cumsum(1.0 / p) <= n]) for n in rounds])
    if which == "M12: counted once per lossy pull":
        return np.array([np.sum((gain * p)[np.cumsum(1.0 / p) <= 3.0 * n]) for n in rounds])
    if which == "levels with weight p for 1 - p":
        return np.array([np.sum((slope**2 * p)[np.cumsum(1.0 / p) <= 3.0 * n]) for n in rounds])
    return value * {"grows with log n": np.log10(rounds), "one percent too large": 1.01}[which]


@cache
def _precise(learning_rate: float, horizon: float, n_arms: int, loss: float) -> float:
    """The information with 40 digits more than the horizon has."""
    return route.precise_information(learning_rate, _rounds(horizon), n_arms, loss, int(horizon) + 40)


def _staircase_again(*, learning_rate: float, horizons: Any, n_arms: int, loss: float) -> Array:
    """The same by powers of a matrix with many digits."""
    return np.array([_precise(learning_rate, float(h), n_arms, loss) for h in horizons])


D10 = Claim(
    id="ex.D10",
    title="At a constant rate the information is a staircase",
    statement=(
        r"\text{once level } m \text{ is finished, } I_n=\sum_{j\le m}x_j'^2(1-p_j) \text{ until } n\sim 1/p_{m+1}"
        r"\quad(\eta=\tfrac12:\ I_n=10165.9096 \text{ for } 10^{10}\le n\le10^{300})"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(CONSTANT, LADDER),
    equations={"theory.exp3.ladder_information": "I_n, up to n = 1e300"},
    kind="identity",
    margin=1e-9,  # rounding: as many additions as rounds, 3e-15 seen
    predict=_staircase,
    measure=_staircase_again,
    settings=(
        {"learning_rate": 0.5, "horizons": (2, 3, 4, 5, 6, 10, 40, 300), "n_arms": 2, "loss": 1.0},
        {"learning_rate": 1.0, "horizons": (1, 2, 3, 4, 5, 8, 80), "n_arms": 2, "loss": 1.0},
        {"learning_rate": 0.37, "horizons": (2, 5, 7, 9, 20, 100), "n_arms": 3, "loss": 0.8},
        {"learning_rate": 0.12, "horizons": (2, 3, 4), "n_arms": 5, "loss": 1.7},
    ),
    mutants=tuple(
        Mutant(name=name, predict=partial(_staircase, name))
        for name in (
            "finished levels only",
            "M12: counted once per lossy pull",
            "levels with weight p for 1 - p",
            "grows with log n",
            "one percent too large",
        )
    ),
    scales={
        "quick": {
            "settings": (
                {"learning_rate": 0.5, "horizons": (2, 4, 6, 10, 40), "n_arms": 2, "loss": 1.0},
                {"learning_rate": 0.37, "horizons": (2, 5, 20), "n_arms": 3, "loss": 0.8},
            )
        }
    },
)


# ---------------------------------------------------------------- D10.heights


def _heights(which: str = "right", *, learning_rate: float, horizon: float, n_arms: int, loss: float) -> Array:
    """[plateau's height at the horizon, lossy pulls] by the theory, or a wrong version of it."""
    found = theory.information_plateaus(learning_rate, n_arms, loss)
    here = int(np.flatnonzero((found.log10_start <= horizon) & (horizon <= found.log10_end))[0])
    height, pulls = float(found.information[here]), float(found.pulls[here])
    if which == "a level more":
        height, pulls = float(found.information[here + 1]), float(found.pulls[here + 1])
    if which == "one percent too high":
        height *= 1.01
    if which == "pulls counted from 0":
        pulls -= 1.0
    return np.array([height * (loss if which == "loss cubed" else 1.0), pulls])


def _flat(*, learning_rate: float, horizon: float, n_arms: int, loss: float) -> Array:
    """[I_n with many digits, E N_n] at the horizon; pulls are counted by the theory of their own."""
    pulls = float(theory.expected_pulls(float(_rounds(horizon)), learning_rate, n_arms, loss))
    return np.array([_precise(learning_rate, horizon, n_arms, loss), pulls])


D10_HEIGHTS = Claim(
    id="ex.D10.heights",
    title="Heights of the plateaus",
    statement=r"n\ \text{on the plateau after } M \text{ pulls}:\quad I_n=\sum_{j<M}x_j'^2(1-p_j),\quad\mathbb E N_n=M",
    source=DERIVED,
    provenance="derived",
    assumptions=(CONSTANT, LADDER, "horizons well inside a plateau"),
    equations={
        "theory.exp3.information_plateaus": "heights, beginnings and ends",
        "theory.exp3.expected_pulls": "E N_n",
    },
    kind="identity",
    margin=1e-9,  # rounding, 2e-15 seen
    predict=_heights,
    measure=_flat,
    settings=(
        {"learning_rate": 0.5, "horizon": 12, "n_arms": 2, "loss": 1.0},
        {"learning_rate": 0.5, "horizon": 290, "n_arms": 2, "loss": 1.0},
        {"learning_rate": 0.9, "horizon": 30, "n_arms": 2, "loss": 0.8},
        {"learning_rate": 0.37, "horizon": 40, "n_arms": 3, "loss": 0.8},
    ),
    outputs=("information", "pulls"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_heights, name))
        for name in ("a level more", "one percent too high", "pulls counted from 0", "loss cubed")
    ),
    scales={"quick": {"settings": ({"learning_rate": 0.9, "horizon": 30, "n_arms": 2, "loss": 0.8},)}},
)


# ---------------------------------------------------------------- D10.plateaus


def _moved(
    which: str = "right", *, learning_rate: float, place: float, tolerance: float, n_arms: int, loss: float
) -> float:
    """The largest relative distance of I_n from a plateau's height in its stretch of horizons; or a wrong version.

    `place` in [0, 1) picks the plateau and, in the logarithm, the horizon within it, up to 1e30.
    """
    found = theory.information_plateaus(learning_rate, n_arms, loss, tolerance)
    reach = np.flatnonzero(found.log10_start < 29.0)
    which_one = int(reach[int(place * len(reach))])
    inside = place * len(reach) - int(place * len(reach))
    start, end = float(found.log10_start[which_one]), min(float(found.log10_end[which_one]), 30.0)
    if which == "stretches that begin and end outside":
        start, end = 0.6 * start, end + 0.4 * start
    if which == "a tenth of the beginning":
        start -= 1.0
    height = float(found.information[which_one]) * (1.03 if which == "three percent too high" else 1.0)
    horizon = np.clip(start + inside * (end - start), 0.5, 30.0)
    exact = route.precise_information(learning_rate, int(np.ceil(10.0**horizon)), n_arms, loss, int(horizon) + 30)
    return abs(exact / height - 1.0)


def _allowed(*, tolerance: float, **_: Any) -> float:
    """The admitted distance."""
    return tolerance


def _reachable(*, learning_rate: float, tolerance: float, n_arms: int, loss: float, **_: Any) -> bool:
    """Whether a plateau begins before 1e29."""
    return bool(np.any(theory.information_plateaus(learning_rate, n_arms, loss, tolerance).log10_start < 29.0))


D10_PLATEAUS = Claim(
    id="ex.D10.plateaus",
    title="Where the plateaus begin and end",
    statement=(
        r"|I_n/I^{(M)}-1|\le\delta\ \text{for } n_{\mathrm{start}}\le n\le n_{\mathrm{end}},\quad I^{(M)}=\sum_{j<M}"
        r"x_j'^2(1-p_j)"
    ),
    source=DERIVED,
    provenance="derived",
    assumptions=(CONSTANT, LADDER, "beginning and end are bounds and conservative; searched up to n = 1e30"),
    proof="Chernoff for the round of pull M with e^-theta = 1 - p_{M-1}/2; P(N_n > j) <= n p_j for later levels.",
    equations={"theory.exp3.information_plateaus": "height, beginning and end"},
    kind="bound",
    predict=_allowed,
    measure=_moved,
    admissible=_reachable,
    settings=({"tolerance": 0.01, "n_arms": 2, "loss": 1.0}, {"tolerance": 0.002, "n_arms": 3, "loss": 0.7}),
    domain={"learning_rate": Range(0.3, 1.4, log=True), "place": Range(0.0, 0.999999)},
    restarts=60,
    mutants=tuple(
        Mutant(name=name, measure=partial(_moved, name))
        for name in ("stretches that begin and end outside", "a tenth of the beginning", "three percent too high")
    ),
    scales={"quick": {"restarts": 20, "settings": ({"tolerance": 0.01, "n_arms": 2, "loss": 1.0},)}},
)


# ---------------------------------------------------------------- D10.growth


def _information(*, learning_rate: float, horizon: float, n_arms: int, loss: float) -> float:
    """(eta^2) I_n by the theory: the information about log eta."""
    return learning_rate**2 * float(theory.ladder_information(float(_rounds(horizon)), learning_rate, n_arms, loss))


def _polylog(which: str = "right", *, horizon: float, learning_rate: float, n_arms: int, loss: float) -> float:
    """A constant times (log n loglog n)^2, or a wrong version."""
    del learning_rate, n_arms, loss
    log = horizon * np.log(10.0)
    constant = CONSTANT_OF_GROWTH / (10.0 if which == "a tenth" else 1.0)
    power = {"log n for its square": 1.0, "loglog n": 0.0}.get(which, 2.0)
    return constant * log**power * np.log(log) ** 2


CONSTANT_OF_GROWTH = 15.0

D10_GROWTH = Claim(
    id="ex.D10.growth",
    title="The information grows no faster than a power of log n",
    statement=r"\eta^2I_n\le C(\log n\,\log\log n)^2,\quad C=15,\ \eta\ell\in[.3,2],\ 10^2\le n\le10^{300}",
    source=DERIVED,
    provenance="derived",
    assumptions=(CONSTANT, LADDER, "C for these rates and two to five arms; searched"),
    proof="The level on its riser has x_m ~ log n, x'_m ~ x_m x'_{m-1} and x_{m-1} ~ loglog n.",
    equations={"theory.exp3.ladder_information": "I_n"},
    kind="bound",
    predict=_polylog,
    measure=_information,
    settings=({"n_arms": 2, "loss": 1.0}, {"n_arms": 5, "loss": 1.0}),
    domain={"learning_rate": Range(0.3, 2.0, log=True), "horizon": Range(2.0, 300.0, log=True)},
    restarts=200,
    mutants=tuple(
        Mutant(name=name, predict=partial(_polylog, name)) for name in ("a tenth", "log n for its square", "loglog n")
    ),
    scales={"quick": {"restarts": 60, "settings": ({"n_arms": 2, "loss": 1.0},)}},
)

CLAIMS = (D10, D10_GROWTH, D10_HEIGHTS, D10_PLATEAUS)
