"""Claim sd.T1: the published losses of the eleven-point toy, to all printed digits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.self_distillation._paper import CODE, PAPER
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
STEPS = 6
FOREVER = 1500  # steps after which the toy's fits stand still even without true targets: 0.92^1500
PRINTED = {  # losses of f_1, ..., f_6 and f_inf, for the alpha that they belong to
    0.0: (0.16477, 0.15076, 0.14915, 0.15561, 0.16735, 0.18251, 0.49505),
    0.25: (0.16477, 0.15309, 0.14958, 0.14903, 0.14946, 0.15011, 0.15250),
    0.35: (0.16477, 0.15424, 0.15089, 0.14983, 0.14954, 0.14948, 0.14959),
}
HALF_A_DIGIT = 5.01e-6


def _losses(version: str = "right", *, alpha: float) -> Array:
    """Losses of six fits and of the limit: by refits, then by the eigenbasis and the closed form at step inf.

    Versions: a wrong `ridge`, a loss `against the training targets`, `steps counted from the second fit`.
    """
    ridge = simulation.TOY_RIDGE * (11 if version == "ridge times n" else 1)
    settled = simulation.toy_losses(np.full(FOREVER - 1, alpha), ridge)
    literal = [*settled[:STEPS], settled[-1]]
    grid, clean = simulation.toy_grid()
    kernel, cross, targets = simulation.toy_kernel(), simulation.toy_kernel(grid), simulation.TOY_TARGETS
    fits = theory.fits(kernel, targets, ridge, np.full(STEPS - 1, alpha), cross)
    limit = theory.constant_fit(kernel, targets, ridge, alpha, np.inf, cross)
    losses = np.mean((np.vstack([fits, limit]) - clean) ** 2, axis=1)
    if version == "against the training targets":
        losses = np.mean((np.vstack([fits, limit])[:, ::10] - targets) ** 2, axis=1)
        literal = losses
    elif version == "steps counted from the second fit":
        literal = [*settled[1 : STEPS + 1], settled[-1]]
    return np.concatenate([literal, losses])


def _printed(column: float | None = None, scale: float = 1.0, *, alpha: float) -> Array:
    """The printed column for `alpha`, or for another `column`, once for each route; times `scale`."""
    return scale * np.tile(PRINTED[alpha if column is None else column], 2)


FITS = (*(f"f_{t}" for t in range(1, STEPS + 1)), "f_inf")
T1 = Claim(
    id="sd.T1",
    title="The toy: first better, then collapse; true targets settle it",
    statement=(
        r"\tfrac1{101}\sum_x\big(f^{(t)}(x)-\sin 2\pi x\big)^2,\ x=0,0.01,\dots,1,\quad t=1,\dots,6,\infty,\quad "
        r"\alpha\in\{0,0.25,0.35\}:\ \text{the printed losses}"
    ),
    source=f"{PAPER}; {CODE}",
    provenance="paper",
    assumptions=(
        "11 points of Mobahi et al.; kernel exp(-80 (x - x')^2), ridge 0.2",
        "the column headed 0.25 in the README belongs to alpha = 0.35; alpha = 0.25 as in the notebook",
    ),
    equations={
        "theory.self_distillation.fits": "f_1, ..., f_6",
        "theory.self_distillation.constant_fit": "f_inf",
        "simulations.self_distillation.toy_losses": "losses by refits",
    },
    kind="identity",
    relative=False,
    margin=HALF_A_DIGIT,
    predict=_printed,
    measure=_losses,
    settings=tuple({"alpha": alpha} for alpha in PRINTED),
    outputs=tuple(f"{fit} {route}" for route in ("by refits", "in closed form") for fit in FITS),
    mutants=(
        Mutant(name="columns 0.25 and 0.35 exchanged", predict=partial(_printed, 0.35), settings=(1,)),
        Mutant(name="column without true targets for all", predict=partial(_printed, 0.0), settings=(1, 2)),
        Mutant(name="loss halved", predict=partial(_printed, None, 0.5)),
        Mutant(name="mean over 100 points", predict=partial(_printed, None, 1.01)),
        Mutant(name="ridge times n", measure=partial(_losses, "ridge times n")),
        Mutant(name="loss on the training targets", measure=partial(_losses, "against the training targets")),
        Mutant(name="steps counted from the second fit", measure=partial(_losses, "steps counted from the second fit")),
    ),
)


def _first_route(**setting: Any) -> Array:
    """Losses by refits alone."""
    return _losses(**setting)[: STEPS + 1]


def _mislabelled(*, alpha: float) -> Array:
    """The column that the README heads 0.25."""
    return np.array(PRINTED[0.35])


T1_MISLABELLED = Claim(
    id="sd.T1.mislabelled",
    title="The column printed for alpha = 0.25 (false: it is that of 0.35)",
    statement=r"\alpha=0.25:\ 0.16477,\ 0.15424,\ 0.15089,\ 0.14983,\ 0.14954,\ 0.14948,\ 0.14959",
    source=f"{CODE}: table of the README",
    provenance="paper",
    assumptions=("the numbers are those of alpha = 0.35; the README's pictures and the notebook are alpha = 0.25",),
    expected="refuted",
    corrected_by="sd.T1",
    equations={"simulations.self_distillation.toy_losses": "losses by refits"},
    kind="identity",
    relative=False,
    margin=HALF_A_DIGIT,
    predict=_mislabelled,
    measure=_first_route,
    settings=({"alpha": 0.25},),
    outputs=FITS,
)

CLAIMS = (T1, T1_MISLABELLED)
