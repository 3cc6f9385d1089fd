"""Claims sd.O9 and sd.D1: small networks on digits, as counted cases over many starts and splits."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.self_distillation._paper import PAPER
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS", "TENDENCY", "signs"]

Array = NDArray[np.float64]

NETWORK = {"samples": 200, "validation": 400, "iterations": 150, "hidden": (32,), "learning_rate": 5e-3}
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
TENDENCY = "a tendency: no inference beyond the counted cases; the seeds are part of the settings"


# ---------------------------------------------------------------- O9: the estimate from two networks


@lru_cache(maxsize=4)
def _second_students(seed: int, label_noise: float, shared: bool, trials: int) -> list[Any]:
    """Outputs of the networks of two steps for all weights of the grid, `trials` times; trained once."""
    return [
        simulation.network_outputs(
            np.random.default_rng([seed, trial]),
            alphas=GRID,
            steps=2,
            label_noise=label_noise,
            shared_start=shared,
            **NETWORK,
        )
        for trial in range(trials)
    ]


def _squares(predictions: Array, truth: Array) -> float:
    return float(np.mean((predictions - truth) ** 2))


def _trained(*, seed: int, label_noise: float, shared: bool, trials: int) -> Array:
    """Mean validation error of the trained students of the inner grid, and the least test error on the grid."""
    runs = _second_students(seed, label_noise, shared, trials)
    held = [[_squares(run.validation[i, 1], run.validation_truth) for i in (1, 2, 3)] for run in runs]
    best = [min(_squares(run.test[i, 1], run.test_truth) for i in range(len(GRID))) for run in runs]
    return np.array([*np.mean(held, axis=0), np.mean(best)], dtype=float)


def _estimated(which: str = "right", *, seed: int, label_noise: float, shared: bool, trials: int) -> Array:
    """The same from two networks: errors of alpha f1 + (1 - alpha) g, and the test error at the estimated alpha."""
    rows = []
    for run in _second_students(seed, label_noise, shared, trials):
        first, pure, truth = run.validation[0, 0], run.validation[0, 1], run.validation_truth
        if which == "f1 and g exchanged":
            first, pure = pure, first
        elif which == "the first network for every alpha":
            pure = first
        elif which == "the pure student for every alpha":
            first = pure
        alpha = theory.optimal_alpha(truth.ravel(), first.ravel(), pure.ravel()).alpha
        nearest = int(np.argmin(np.abs(np.array(GRID) - alpha)))
        held = [_squares(weight * first + (1 - weight) * pure, truth) for weight in GRID[1:4]]
        rows.append([*held, _squares(run.test[nearest, 1], run.test_truth)])
    return np.asarray(np.mean(rows, axis=0), dtype=float)


def _settings(trials: int) -> tuple[dict[str, Any], ...]:
    cases = ((11, 0.0, True), (12, 0.3, True), (13, 0.3, False))
    return tuple({"seed": s, "label_noise": noise, "shared": shared, "trials": trials} for s, noise, shared in cases)


O9 = Claim(
    id="sd.O9",
    title="Two networks tell which weight of the truth is best",
    statement=(
        r"\text{loss of the network trained with }\alpha\approx\|\alpha f_1+(1-\alpha)g-\tilde y\|^2,\qquad "
        r"\hat\alpha=\frac{\langle\tilde y-g,f_1-g\rangle}{\|f_1-g\|^2}\ \text{(clipped) as good as the best of a grid}"
    ),
    source=f"{PAPER}, abstract: an estimate for deep networks without a grid search",
    provenance="reconstructed",
    assumptions=(
        "ReLU network 64-32-10 on digits, 200 training points, Adam",
        "test error at the weight of the grid nearest to the estimate",
        TENDENCY,
    ),
    equations={
        "theory.self_distillation.optimal_alpha": "the estimate",
        "simulations.self_distillation.network_outputs": "trained students",
    },
    kind="tendency",
    deterministic=True,
    margin=0.025,  # 2 % is what the interpolation of networks with starts of their own is worth
    predict=_estimated,
    measure=_trained,
    settings=_settings(48),
    outputs=("validation, alpha = 0.25", "validation, alpha = 0.5", "validation, alpha = 0.75", "test, best alpha"),
    mutants=tuple(
        Mutant(name=name, predict=partial(_estimated, name))
        for name in (
            "f1 and g exchanged",
            "the first network for every alpha",
            "the pure student for every alpha",
        )
    ),
    scales={"quick": {"settings": _settings(8), "margin": 0.04}},
)


# ---------------------------------------------------------------- D1: five steps


def signs(*values: float) -> Array:
    """+1 or -1 for each of `values`, 0 for 0."""
    return np.sign(np.asarray(values, dtype=float))


def _changes(*, seed: int, label_noise: float, shared: bool, trials: int) -> Array:
    """Signs: of the change of the mean test MSE from step 1 to 2 and to 5 at alpha = 0, and to 5 at alpha = 0.3; of
    how much more the pure student moves in one step than the one with alpha = 0.3, and that one in five than with 1."""
    setting = {"label_noise": label_noise, "shared_start": shared, **NETWORK}
    errors = simulation.network_errors(np.random.default_rng(seed), trials, alphas=(0.0, 0.3, 1.0), steps=5, **setting)
    pure, mixed, truth = errors[..., 0].mean(axis=0)
    pure, mixed, truth = (row - row[0] for row in (pure, mixed, truth))
    return signs(pure[1], pure[4], mixed[4], abs(pure[1]) - abs(mixed[1]), abs(mixed[4]) - abs(truth[4]))


def _regularised(which: str = "right", *, label_noise: float, **_: Any) -> Array:
    """What regularisation would do: lower the error of a network that learned wrong labels, raise it otherwise, and
    less so with more truth; or another reading."""
    change = {"always helps": -1.0, "always hurts": 1.0}.get(which, -1.0 if label_noise > 0 else 1.0)
    damped = -1.0 if which == "truth amplifies" else 1.0
    return np.array([change, change, change, damped, damped])


def _five_steps(trials: int) -> tuple[dict[str, Any], ...]:
    cases = ((21, 0.0, True), (22, 0.3, True), (23, 0.3, False))
    return tuple({"seed": s, "label_noise": noise, "shared": shared, "trials": trials} for s, noise, shared in cases)


D1 = Claim(
    id="sd.D1",
    title="Networks: distillation regularises, and the truth dampens it",
    statement=(
        r"\text{test error over steps: falls with 30 \% wrong labels, rises with clean ones;}\quad "
        r"|\text{change}|\ \text{at }\alpha=0>\alpha=0.3>\alpha=1"
    ),
    source=f"{PAPER}; there residual networks on CIFAR-10, here a small network on digits",
    provenance="reconstructed",
    assumptions=("ReLU network 64-32-10 on digits, 200 training points, Adam; mean test error over trials", TENDENCY),
    equations={"simulations.self_distillation.network_errors": "test error of every step"},
    kind="tendency",
    deterministic=True,
    relative=False,
    margin=0.5,  # the cases are signs
    predict=_regularised,
    measure=_changes,
    settings=_five_steps(24),
    outputs=(
        "step 2, alpha = 0",
        "step 5, alpha = 0",
        "step 5, alpha = 0.3",
        "dampening, alpha = 0.3",
        "dampening, alpha = 1",
    ),
    mutants=tuple(
        Mutant(name=name, predict=partial(_regularised, name), settings=(setting,))
        for name, setting in (("always helps", 0), ("always hurts", 1), ("truth amplifies", 1))
    ),
    scales={"quick": {"settings": _five_steps(5)}},
)

CLAIMS = (O9, D1)
