"""Claims rf.F1 and rf.F2: the eigenframework against simulation, sizes extrapolated to infinity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from assay.claim import Claim, Mutant
from claims.random_features.wrong_formulas import mutants, risks, train_errors
from simulations import random_features as simulation

__all__ = ["CLAIMS", "GAUSSIAN", "PAPER", "QUICK_SIZES", "SIZES", "at_ratio"]

PAPER = "Simon, Karkada, Ghosh, Belkin: More is Better in Modern Machine Learning (ICLR 2024, arXiv 2311.14646)"
GAUSSIAN = "Gaussian data and Gaussian random features (elsewhere: universality ansatz)"
RIDGES = (0.05, 0.5)
SIZES = (24, 48, 96, 192)
QUICK_SIZES = (12, 24, 48, 96)
QUICK = {"sizes": QUICK_SIZES, "margin": 0.04, "budget": 4000}
LARGE = {"sizes": (48, 96, 192, 384), "margin": 0.002, "budget": 100_000}
TASK_1 = {"alpha": 1.5, "beta": 1.5, "modes": 2000, "noise_variance": 0.5, "noise": "averaged"}
TASK_2 = {"alpha": 1.3, "beta": 1.8, "modes": 2000, "noise_variance": 0.2, "noise": "averaged"}
RATIOS = (
    {"ratio": 0.5, "ridges": RIDGES, **TASK_1},
    {"ratio": 1.0, "ridges": RIDGES, **TASK_1},
    {"ratio": 4.0, "ridges": RIDGES, **TASK_2},
)
KERNELS = ({"ratio": math.inf, "ridges": RIDGES, **TASK_1}, {"ratio": math.inf, "ridges": RIDGES, **TASK_2})


def at_ratio(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """A setting with n = `size` samples and k = ratio n features."""
    rest = {name: value for name, value in setting.items() if name != "ratio"}
    ratio = setting["ratio"]
    return {**rest, "n": int(size), "k": math.inf if math.isinf(ratio) else round(ratio * size)}


def _labels(quantity: str, count: int = len(RIDGES)) -> tuple[str, ...]:
    return tuple(f"{quantity} at ridge {ridge:g}" for ridge in RIDGES[:count])


# ---------------------------------------------------------------- F1, F2: the framework against simulation


FRAMEWORK_TEX = (
    r"n = \sum_i \frac{\lambda_i}{\lambda_i+\gamma} + \frac{\delta}{\kappa},\quad "
    r"k = \sum_i \frac{\lambda_i}{\lambda_i+\gamma} + \frac{k\kappa}{\gamma},\quad "
    r"E_{te} = \frac{\sum_i\left(\frac{\gamma}{\lambda_i+\gamma} - \frac{\kappa\lambda_i}{(\lambda_i+\gamma)^2}"
    r"\frac{k}{k-q}\right)v_i^2 + \sigma^2}{1-\frac{q(k-2z)+z^2}{n(k-q)}}"
)

F1 = Claim(
    id="rf.F1",
    title="Eigenframework: test error of random-feature regression",
    statement=FRAMEWORK_TEX,
    source=f"{PAPER}; formula as in the authors' published code",
    provenance="paper",
    assumptions=(GAUSSIAN, "n, k -> infinity at fixed n/k; at finite size the mean differs by O(1/n)"),
    equations={"theory.random_features.risk": "E_te, solving both equations (see also rf.F5)"},
    kind="limit",
    predict=risks,
    measure=simulation.power_law_errors,
    settings=RATIOS,
    columns=(0, 2),
    outputs=_labels("test error"),
    sizes=SIZES,
    at_size=at_ratio,
    budget=12000,
    block=64,
    mutants=mutants("risk"),
    scales={"quick": QUICK, "paper": LARGE},
)

F1_TRAIN = Claim(
    id="rf.F1.train",
    title="Eigenframework: train error of random-feature regression",
    statement=r"E_{tr} = \left(\frac{\delta}{n\kappa}\right)^2 E_{te} = \left(1-\frac{z}{n}\right)^2 E_{te}",
    source=f"{PAPER}; formula as in the authors' published code",
    provenance="paper",
    assumptions=(GAUSSIAN, "n, k -> infinity at fixed n/k; at finite size the mean differs by O(1/n)"),
    equations={"theory.random_features.train_error": "E_tr"},
    kind="limit",
    predict=train_errors,
    measure=simulation.power_law_errors,
    settings=RATIOS,
    columns=(1, 3),
    outputs=_labels("train error"),
    sizes=SIZES,
    at_size=at_ratio,
    budget=12000,
    block=64,
    # at n = k (setting 1) one slack is as good as the other
    mutants=tuple(
        Mutant(name=m.name, predict=m.predict, settings=(0, 2) if "z/k" in m.name else ()) for m in mutants("train")
    ),
    scales={"quick": QUICK, "paper": LARGE},
)

F2 = Claim(
    id="rf.F2",
    title="Infinitely many features: kernel ridge regression",
    statement=r"k=\infty:\quad n = z + \delta/\kappa,\quad \gamma=\kappa,\quad E_{te} = \frac{n}{n-q}(A+\sigma^2)",
    source=f"{PAPER}; formula as in the authors' published code",
    provenance="paper",
    assumptions=(GAUSSIAN, "n -> infinity; at finite size the mean differs by O(1/n)"),
    equations={"theory.random_features.risk": "E_te at k = inf"},
    kind="limit",
    predict=risks,
    measure=simulation.power_law_errors,
    settings=KERNELS,
    columns=(0, 2),
    outputs=_labels("test error"),
    sizes=SIZES,
    at_size=at_ratio,
    budget=8000,
    mutants=mutants("kernel"),
    scales={"quick": QUICK, "paper": LARGE},
)


CLAIMS = (F1, F1_TRAIN, F2)
