"""Claims sd.D2 and sd.D3 (sd.D1 in `networks`): self-distillation of kernels on digits, of ridge regression on tables.

Counted cases over random splits; the seeds are part of the settings.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.self_distillation._paper import PAPER
from claims.self_distillation.networks import TENDENCY, signs
from simulations import self_distillation as simulation

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- D2: digits with wrong labels


def _digits_signs(*, seed: int, ridge: float, splits: int) -> Array:
    """Signs of what happens to the mean test MSE and accuracy from step 1 on, for alpha = 0, 0.25 and 0.6."""
    errors = simulation.digits_errors(
        np.random.default_rng(seed), splits, ridge=ridge, alphas=(0.0, 0.25, 0.6), steps=8
    ).mean(axis=0)
    pure, mixed, truer = errors[..., 0] - errors[:, :1, 0]
    right = errors[0, 7, 1] - errors[0, 0, 1]
    collapse = pure[8] - pure[:8].max()
    return signs(pure[1], right, collapse, mixed[8], truer[8], abs(mixed[8]) - abs(truer[8]))


def _digits_words(which: str = "right", *, ridge: float, **_: Any) -> Array:
    """The signs for a ridge below 0.1, too small for wrong labels, or above; or those of another reading."""
    change = {"always helps": -1.0, "always hurts": 1.0}.get(which, -1.0 if ridge < 0.1 else 1.0)
    collapse = -1.0 if which == "no collapse" else 1.0
    damped = -1.0 if which == "truth amplifies" else 1.0
    return np.array([change, -change, collapse, change, change, damped])


def _ridges(splits: int) -> tuple[dict[str, Any], ...]:
    return tuple({"seed": seed, "ridge": ridge, "splits": splits} for seed, ridge in ((31, 0.02), (32, 0.5)))


D2 = Claim(
    id="sd.D2",
    title="Digits with wrong labels: distillation helps where the ridge is too small",
    statement=(
        r"\lambda=0.02:\ \text{error falls, accuracy rises};\quad \lambda=0.5:\ \text{the reverse};\quad "
        r"\alpha=0:\ \text{collapse as }t\to\infty;\quad \alpha>0:\ \text{settles, and the less far the larger }\alpha"
    ),
    source=f"{PAPER}; here kernel ridge regression on scikit-learn's digits",
    provenance="reconstructed",
    assumptions=("RBF kernel, 600 training points, 40 % of the labels redrawn; means over splits", TENDENCY),
    equations={"simulations.self_distillation.digits_errors": "test MSE and accuracy of every step and the limit"},
    kind="tendency",
    deterministic=True,
    relative=False,
    margin=0.5,  # the cases are signs
    predict=_digits_words,
    measure=_digits_signs,
    settings=_ridges(12),
    outputs=(
        "MSE at step 2, alpha = 0",
        "accuracy at step 8, alpha = 0",
        "MSE at infinity, alpha = 0",
        "MSE at infinity, alpha = 0.25",
        "MSE at infinity, alpha = 0.6",
        "dampening",
    ),
    mutants=tuple(
        Mutant(name=name, predict=partial(_digits_words, name), settings=(setting,))
        for name, setting in (("always helps", 1), ("always hurts", 0), ("no collapse", 0), ("truth amplifies", 1))
    ),
    scales={"quick": {"settings": _ridges(4)}},
)


# ---------------------------------------------------------------- D3: small tables

LAMBDAS = (0.03, 0.3, 3.0, 30.0)
TABLES = {"diabetes": (41, 110, 100), "breast_cancer": (42, 100, 100), "wine": (43, 60, 40)}
REPAIRED = 0.85


def _repaired(student: int = 2, *, data: str, splits: int) -> Array:
    """[student's error over that of the best ridge, at the ridges but the last; the share of the last one's excess over
    the best that the student undoes]. `student`: column of the simulation, 2 tuned by leave-one-out."""
    seed, samples, validation = TABLES[data]
    errors = simulation.table_errors(
        np.random.default_rng(seed), splits, data=data, ridges=LAMBDAS, samples=samples, validation=validation
    )
    plain, tuned = errors[..., 0].mean(axis=0)[:, [0, student]].T
    best = plain.min()
    return np.r_[tuned[:-1] / best, (plain[-1] - tuned[-1]) / (plain[-1] - best)]


def _full_repair(**_: Any) -> Array:
    """As good as the best ridge, and 85 % of the excess undone at the largest ridge."""
    return np.r_[np.ones(len(LAMBDAS) - 1), REPAIRED]


def _no_repair(**_: Any) -> Array:
    """As good as the best ridge, and nothing undone."""
    return np.r_[np.ones(len(LAMBDAS) - 1), 0.0]


def _tables(splits: int) -> tuple[dict[str, Any], ...]:
    return tuple({"data": data, "splits": splits} for data in TABLES)


D3 = Claim(
    id="sd.D3",
    title="Tables: one tuned distillation makes up for too much ridge",
    statement=(
        r"\text{test MSE of the two-step student, }\alpha\text{ by leave-one-out:}\quad "
        r"\approx\min_\lambda\text{ridge for }\lambda\le 3,\quad "
        r"\approx 85\,\%\ \text{of the excess undone at }\lambda=30"
    ),
    source="derived, sd.O2 and sd.O6; scikit-learn's diabetes, breast cancer and wine",
    provenance="derived",
    assumptions=(
        "features standardised, ridge divided by n; alpha far above 1 is allowed; means over splits",
        TENDENCY,
    ),
    equations={"simulations.self_distillation.table_errors": "test MSE of ridge and of tuned students"},
    kind="tendency",
    deterministic=True,
    relative=False,
    margin=0.1,
    fraction=0.9,
    predict=_full_repair,
    measure=_repaired,
    settings=_tables(30),
    outputs=(*(f"over the best ridge at {ridge:g}" for ridge in LAMBDAS[:-1]), "undone at 30"),
    mutants=(
        Mutant(name="plain ridge", measure=partial(_repaired, 0), settings=(2,)),
        Mutant(name="alpha moved into [0, 1]", measure=partial(_repaired, 4), settings=(2,)),
        Mutant(name="nothing undone", predict=_no_repair, settings=(2,)),
    ),
    scales={"quick": {"settings": _tables(8)}},
)

CLAIMS = (D2, D3)
