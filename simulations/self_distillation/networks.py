"""Self-distillation of small networks on digits: every student is a fresh network trained on mixed targets.

Step 1 trains on one-hot labels; step t on alpha one-hot + (1 - alpha) softmax outputs of the network of step t - 1.
Loss: mean square between softmax outputs and targets over points and classes, plus weight_decay / 2 times the sum of
squared weights (a penalty, not decoupled: it holds the network back from learning wrong labels by heart). ReLU layers,
full-batch Adam, in single precision: that takes half the time, and rounding is far below the spread between seeds. Each
step starts from fresh random weights, or all from the same ones (`shared_start`): with fresh ones the difference of two
networks holds the noise of two initialisations, which draws estimates of alpha to 1/2.
Stand-in for the paper's residual networks on CIFAR-10: the same loss and recursion at a size that runs in seconds.

All weights alpha are trained at once, by one compiled program for a step that every step and replicate calls again.
Shared arguments: `rng` the only source of randomness; `replicates` >= 1; `label_noise` in [0, 1] the share of training
labels redrawn over all classes; `shared_start` as above; `samples` and `validation` points set aside of 1797, the
others are test points; `iterations` of training a step; `hidden` the widths of hidden layers; `learning_rate` > 0 and
`weight_decay` >= 0 of the loss. Settings outside the stated domains raise `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_number
from simulations.self_distillation._arguments import check_alphas, check_size
from simulations.self_distillation.data import data_pool, noisy_labels, one_hot, split
from simulations.self_distillation.kernel_data import best_alpha

__all__ = ["NetworkOutputs", "network_alphas", "network_errors", "network_outputs"]

Array = NDArray[np.float64]
_CLASSES = 10


@dataclass(frozen=True)
class NetworkOutputs:
    """Softmax outputs of one replicate on its validation and test points, and the one-hot truth there.

    `validation` and `test` (alphas, steps, points, 10), `validation_truth` and `test_truth` (points, 10).
    """

    validation: Array
    test: Array
    validation_truth: Array
    test_truth: Array


def network_outputs(
    rng: np.random.Generator,
    *,
    alphas: ArrayLike,
    steps: int,
    label_noise: float = 0.3,
    shared_start: bool = False,
    samples: int = 400,
    validation: int = 600,
    iterations: int = 600,
    hidden: tuple[int, ...] = (64, 64),
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-4,
) -> NetworkOutputs:
    """Return the outputs of every student of one replicate, for each constant weight in `alphas` and each step.

    `alphas` lists weights of the truth in [0, 1], each a case of its own; the first network (step 1) is the same in all
    of them. `steps` >= 1; `rng`, `label_noise`, `shared_start`, `samples`, `validation`, `iterations`, `hidden`,
    `learning_rate`, `weight_decay` as in the head of this module.

    >>> setting = dict(samples=20, validation=10, iterations=2, hidden=(4,))
    >>> network_outputs(np.random.default_rng(0), alphas=(0.0, 0.5), steps=2, **setting).validation.shape
    (2, 2, 10, 10)
    """
    constants, count = check_alphas(alphas), check_size("steps", steps)
    if constants.size == 0 or np.any((constants < 0) | (constants > 1)):
        raise ValueError(f"alphas must be a non-empty list of numbers in [0, 1], got alphas={constants.tolist()}")
    pool, classes = data_pool("digits")
    inputs = pool - 0.5  # pixels in [-1/2, 1/2]
    train, chosen, test = split(rng, len(inputs), samples, validation)
    truth = one_hot(classes, _CLASSES)
    labels = one_hot(noisy_labels(rng, classes[train], _CLASSES, label_noise), _CLASSES)
    seeds = np.repeat(rng.integers(2**31), count) if shared_start else rng.integers(2**31, size=count)
    if np.ndim(hidden) != 1:
        raise ValueError(f"hidden must be a tuple of widths, got hidden={hidden!r}")
    widths = (inputs.shape[1], *(check_size("hidden", width) for width in hidden), _CLASSES)
    rates = (
        check_number("learning_rate", learning_rate, low=0.0, open_low=True),
        check_number("weight_decay", weight_decay, low=0.0),
    )
    students = _compiled(widths, check_size("iterations", iterations), *rates)
    single = inputs[np.concatenate([train, chosen, test])].astype(np.float32)
    weights, teachers, outputs = constants[:, None, None], labels, []
    for seed in seeds:  # before the first step the teachers are the labels themselves
        mixed = weights * labels + (1 - weights) * teachers
        outputs.append(np.asarray(students(seed, single[: train.size], mixed.astype(np.float32), single)))
        teachers = outputs[-1][:, : train.size]
    outputs = np.stack(outputs, axis=1).astype(np.float64)
    _, held, others = np.split(outputs, np.cumsum([train.size, chosen.size]), axis=2)
    return NetworkOutputs(held, others, truth[chosen], truth[test])


def network_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    alphas: ArrayLike,
    steps: int,
    label_noise: float = 0.3,
    shared_start: bool = False,
    samples: int = 400,
    validation: int = 600,
    iterations: int = 600,
    hidden: tuple[int, ...] = (64, 64),
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-4,
) -> Array:
    """Return [test MSE, accuracy] of every student, shape (replicates, alphas, steps, 2).

    `rng`, `replicates`, `label_noise`, `shared_start`, `samples`, `validation`, `iterations`, `hidden`,
    `learning_rate`, `weight_decay` as in the head of this module, `alphas` and `steps` as in `network_outputs`.

    >>> setting = dict(samples=20, validation=10, iterations=2, hidden=(4,))
    >>> network_errors(np.random.default_rng(0), 1, alphas=(0.0, 0.5), steps=2, **setting).shape
    (1, 2, 2, 2)
    """
    setting = {"alphas": alphas, "steps": steps, "label_noise": label_noise, "shared_start": shared_start}
    setting |= {"samples": samples, "validation": validation, "iterations": iterations, "hidden": hidden}
    setting |= {"learning_rate": learning_rate, "weight_decay": weight_decay}
    count = check_size("replicates", replicates)
    return np.stack(
        [_scores(out.test, out.test_truth) for out in (network_outputs(rng, **setting) for _ in range(count))]
    )


def network_alphas(
    rng: np.random.Generator,
    replicates: int,
    *,
    alphas: ArrayLike,
    label_noise: float = 0.3,
    shared_start: bool = False,
    samples: int = 400,
    validation: int = 600,
    iterations: int = 600,
    hidden: tuple[int, ...] = (64, 64),
    learning_rate: float = 2e-3,
    weight_decay: float = 1e-4,
) -> Array:
    """Return [estimated alpha_2, best alpha of the grid, ...] and the errors they lead to, (replicates, 6).

    The estimate takes two networks only: f the first one, g the student with alpha = 0; it is the alpha for which
    alpha f + (1 - alpha) g is closest to the validation targets, not clipped. The grid `alphas` in [0, 1], which must
    hold 0, is trained in full. Columns: estimate; the alpha of the grid with the least validation MSE; test MSE of the
    student whose alpha of the grid is nearest to the estimate, of the best one, of the first network; mean square of
    f - g on the validation points. `rng`, `replicates`, `label_noise`, `shared_start`, `samples`, `validation`,
    `iterations`, `hidden`, `learning_rate`, `weight_decay` as in the head of this module.

    >>> setting = dict(samples=20, validation=10, iterations=2, hidden=(4,))
    >>> network_alphas(np.random.default_rng(0), 1, alphas=(0.0, 0.5), **setting).shape
    (1, 6)
    """
    setting = {"alphas": alphas, "steps": 2, "label_noise": label_noise, "shared_start": shared_start}
    setting |= {"samples": samples, "validation": validation, "iterations": iterations, "hidden": hidden}
    setting |= {"learning_rate": learning_rate, "weight_decay": weight_decay}
    grid = check_alphas(alphas)
    if not np.any(grid == 0):
        raise ValueError(f"alphas must hold 0, the student without truth, got alphas={grid.tolist()}")
    return np.array(
        [_estimate(network_outputs(rng, **setting), grid) for _ in range(check_size("replicates", replicates))]
    )


def _estimate(outputs: NetworkOutputs, grid: Array) -> list[float]:
    """The row of `network_alphas` for one replicate."""
    first, pure = outputs.validation[0, 0], outputs.validation[np.argmin(np.abs(grid)), 1]
    estimate = best_alpha(first, pure, outputs.validation_truth)
    held = np.mean((outputs.validation[:, 1] - outputs.validation_truth) ** 2, axis=(-2, -1))
    errors = np.mean((outputs.test - outputs.test_truth) ** 2, axis=(-2, -1))
    best, nearest = int(np.argmin(held)), int(np.argmin(np.abs(grid - estimate)))
    gap = float(np.mean((first - pure) ** 2))
    return [estimate, grid[best], errors[nearest, 1], errors[best, 1], errors[0, 0], gap]


def _scores(predictions: Array, truth: Array) -> Array:
    """MSE and accuracy of softmax outputs (..., points, 10): (..., 2)."""
    accuracy = np.mean(np.argmax(predictions, axis=-1) == np.argmax(truth, axis=-1), axis=-1)
    return np.stack([np.mean((predictions - truth) ** 2, axis=(-2, -1)), accuracy], axis=-1)


@lru_cache(maxsize=8)
def _compiled(
    widths: tuple[int, ...], iterations: int, learning_rate: float, weight_decay: float
) -> Callable[..., Any]:
    """One step: seed, training inputs, targets (alphas, samples, 10), points -> outputs (alphas, points, 10)."""
    from simulations import _networks  # JAX costs a second to import, and only networks need it
    from simulations._jax import jax

    def softmax(parameters: Any, inputs: Any) -> Any:
        return jax.nn.softmax(_networks.predict(parameters, inputs), axis=-1)

    def fit(seed: Any, inputs: Any, targets: Any) -> Any:
        def objective(parameters: Any) -> Any:
            penalty = sum(jax.numpy.sum(weights**2) for weights, _ in parameters)
            return jax.numpy.mean((softmax(parameters, inputs) - targets) ** 2) + weight_decay / 2 * penalty

        start = jax.tree.map(lambda array: array.astype("float32"), _networks.initialise(jax.random.key(seed), widths))
        return _networks.train(objective, start, iterations, learning_rate)

    @jax.jit
    def students(seed: Any, inputs: Any, targets: Any, points: Any) -> Any:
        networks = jax.vmap(lambda own: fit(seed, inputs, own))(targets)
        return jax.vmap(lambda network: softmax(network, points))(networks)

    return students
