"""Claims sd.A6 and sd.A7: iterated Tikhonov by weights beyond one, and pure distillation in the long run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim
from claims.self_distillation._problems import drawn_problem
from claims.self_distillation.algebra import RIDGE, wrong_predictions
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- A6: iterated Tikhonov


def _residuals_fitted_again(*, draw: int, n: int, ridge: float, order: int) -> Array:
    """Ridge regression fitted again and again to what is left of the targets, the fits added up."""
    kernel, targets, _, _ = drawn_problem(draw, n)
    total = np.zeros_like(targets)
    for _ in range(order):
        total = total + simulation.literal_fits(kernel, targets - total, ridge)[-1]
    return total.ravel()


def _large_weights(which: str = "right", *, draw: int, n: int, ridge: float, order: int) -> Array:
    """The last step of the schedule of that order, or of a wrong one."""
    kernel, targets, _, _ = drawn_problem(draw, n)
    schedule = theory.iterated_tikhonov_schedule(order)
    chosen = {
        "steps in reverse order": schedule[::-1],
        "order at every step": np.full(order - 1, float(order)),
        "weights less 1": schedule - 1,
        "one order too high": theory.iterated_tikhonov_schedule(order + 1),
    }.get(which, schedule)
    return theory.fits(kernel, targets, ridge, chosen)[-1].ravel()


A6 = Claim(
    id="sd.A6",
    title="Weights beyond one: self-distillation contains iterated Tikhonov",
    statement=(
        r"\alpha_t=\frac{m}{m-t+1},\ t=2,\dots,m\;\Rightarrow\; b^{(m)}=1-(1-a)^m;\quad "
        r"m=2:\ \alpha_2=2,\ \text{Tukey's twicing}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE,),
    equations={
        "theory.self_distillation.iterated_tikhonov_schedule": "the schedule",
        "simulations.self_distillation.literal_fits": "fits of the residuals",
    },
    kind="identity",
    relative=False,
    margin=1e-11,
    predict=_large_weights,
    measure=_residuals_fitted_again,
    settings=tuple(
        {"draw": 40 + order, "n": 7, "ridge": ridge, "order": order}
        for order, ridge in ((2, 0.4), (3, 1.1), (5, 0.05), (7, 3.0))
    ),
    mutants=wrong_predictions(
        _large_weights, "steps in reverse order", "order at every step", "weights less 1", "one order too high"
    ),
)


# ---------------------------------------------------------------- A7: pure distillation for long


def _classes_by_refits(*, draw: int, n: int, classes: int, ridge: float, steps: Any) -> Array:
    """Predicted classes at new points without true targets, after each number of `steps`."""
    kernel, labels, cross = _labelled(draw, n, classes)
    fits = simulation.literal_fits(kernel, labels, ridge, np.zeros(max(steps) - 1), cross_gram=cross)
    return np.concatenate([np.argmax(fits[step - 1], axis=1) for step in steps]).astype(float)


def _labelled(draw: int, n: int, classes: int) -> tuple[Array, Array, Array]:
    """Kernel, one-hot labels (the largest of `classes` noisy smooth functions), kernel of new points."""
    kernel, values, cross, _ = drawn_problem(draw, n, classes, points=12, width=0.7)
    return kernel, np.eye(classes)[np.argmax(values, axis=1)], cross


def _classes_predicted(which: str = "right", *, draw: int, n: int, classes: int, ridge: float, steps: Any) -> Array:
    """The same from the eigenbasis, the largest number of steps taken as infinite."""
    kernel, labels, cross = _labelled(draw, n, classes)
    steps = [*steps[:-1], np.inf]
    right = [theory.pure_distillation_classes(kernel, labels, ridge, step, cross) for step in steps]
    vectors = np.linalg.eigh(kernel)[1]
    scores = {
        "the commonest label survives": labels.sum(axis=0),
        "the second mode survives": np.abs(vectors[:, -2]) @ labels,
        "the least score survives": -np.abs(vectors[:, -1]) @ labels,
    }
    if which in scores:
        right[-1] = np.full(len(cross), np.argmax(scores[which]))
    elif which == "the first classes stay":
        right[-1] = right[0]
    return np.concatenate(right).astype(float)


A7 = Claim(
    id="sd.A7",
    title="Pure distillation in the long run: a single class survives",
    statement=(
        r"\alpha=0:\quad y^{(t)}/a_{\max}^t\to v_1v_1^\top Y,\qquad \text{class}\to\arg\max_c "
        r"\,(k(x)v_1)\,(v_1^\top Y)_c;\quad K>0\ \text{entrywise}:\ \arg\max_c(v_1^\top Y)_c\ \text{everywhere}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, "one-hot targets without centring; simple top eigenvalue"),
    proof="Perron: an entrywise positive kernel matrix has v_1 > 0.",
    equations={
        "theory.self_distillation.pure_distillation_classes": "classes, also at step inf",
        "simulations.self_distillation.literal_fits": "classes by refits",
    },
    kind="identity",
    relative=False,
    predict=_classes_predicted,
    measure=_classes_by_refits,
    settings=(
        {"draw": 59, "n": 20, "classes": 4, "ridge": 0.5, "steps": (2, 8, 300)},
        {"draw": 75, "n": 15, "classes": 3, "ridge": 1.4, "steps": (1, 5, 300)},
    ),
    mutants=wrong_predictions(
        _classes_predicted,
        "the commonest label survives",
        "the second mode survives",
        "the least score survives",
        "the first classes stay",
    ),
)


def _surviving(which: str = "right", *, steps: Any, **_: Any) -> Array:
    """How many classes are predicted at the first and at the last of `steps`."""
    return np.array(
        {
            "right": [10.0, 1.0],
            "one class on either side of the top mode": [10.0, 2.0],
            "all classes survive": [10.0, 10.0],
            "one class from the start": [1.0, 1.0],
        }[which]
    )


DIGITS = {"ridge": 0.5, "steps": (1, 20_000), "samples": 300, "width": 0.05}
A7_DIGITS = Claim(
    id="sd.A7.digits",
    title="Pure distillation on digits: ten classes, then one",
    statement=r"\alpha=0:\quad\#\{\arg\max_c f^{(t)}_c(x)\}=10\text{ at }t=1,\quad 1\text{ at }t=20\,000",
    source="derived, sd.A7; digits of scikit-learn",
    provenance="derived",
    assumptions=("RBF kernel, positive entries", "random splits; a tendency: no inference beyond the counted cases"),
    equations={"simulations.self_distillation.digits_classes": "classes on the test points"},
    kind="tendency",
    predict=_surviving,
    measure=simulation.digits_classes,
    settings=(DIGITS, {**DIGITS, "label_noise": 0.4}),
    outputs=("first fit", "20 000 steps"),
    budget=128,
    block=16,
    mutants=wrong_predictions(
        _surviving, "one class on either side of the top mode", "all classes survive", "one class from the start"
    ),
    scales={"quick": {"budget": 64, "settings": ({**DIGITS, "samples": 150},)}},
)

CLAIMS = (A6, A7, A7_DIGITS)
