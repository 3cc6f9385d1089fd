"""A small network on digits: gradient descent, and gradient flow from its iterates.

A tanh network with one hidden layer tells threes from eights (scikit-learn's digits, pixels in [0, 1] less their mean
image, labels -1 and 1), L = mean (f(x) - y)^2 / 2, full batch, in double precision. The flow's limit interpolates, so
the Hessian there is J' J / n with J the Jacobian of the outputs, and its largest eigenvalue that of J J' / n (n x n).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from simulations import _networks as networks
from simulations._checks import check_integer, check_number
from simulations._jax import jax
from simulations.scalar_networks._arguments import check_record, check_schedule

__all__ = ["NetworkDescent", "network_descent", "network_flow_sharpness", "network_rises", "network_task"]

Array = NDArray[np.float64]
Task = tuple[Array, Array, Array]
_RECORDS = ("loss", "sharpness", "flow_sharpness")
_FITTED = 1e-6  # the flow is followed to this loss; the rest is its limit at a frozen Jacobian
_CHUNK = 32  # Runge-Kutta steps between two looks at the sharpness
_MOST_CHUNKS = 4000
_STABLE = 2.0  # the method's limit is 2.78; the sharpness may grow within a chunk
_ROUNDING = 3e-5  # a rise must exceed the error of the integration


@dataclass(frozen=True)
class NetworkDescent:
    """One orbit: the steps `times` (times,), the `records` name -> (times,), and the `step_size` that it was run with.

    An orbit whose loss is no longer finite ends before that; its `escape_time` is the first such recorded step, else
    -1.
    """

    times: NDArray[np.int64]
    records: dict[str, Array]
    step_size: float
    escape_time: int


def network_task(rng: np.random.Generator, *, samples: int = 24, hidden: int = 16) -> Task:
    """Return inputs (samples, 64), labels (samples,) and all parameters of a fresh network as one vector.

    `rng` draws `samples` >= 2 different threes and eights out of 357, and the weights, with variance 2 / inputs;
    `hidden` >= 1 tanh units; offsets start at 0. Source: sn.E2.

    >>> [part.shape for part in network_task(np.random.default_rng(0), samples=5, hidden=2)]
    [(5, 64), (5,), (133,)]
    """
    inputs, labels = _pool()
    samples = check_integer("samples", samples, low=2, high=len(labels))
    hidden = check_integer("hidden", hidden, low=1)
    chosen = rng.choice(len(labels), samples, replace=False)
    key = jax.random.key(int(rng.integers(2**31)))
    layers = networks.initialise(key, (inputs.shape[1], hidden, 1))
    flat = np.concatenate([np.ravel(part) for layer in layers for part in layer])
    return inputs[chosen], labels[chosen], flat


def network_descent(
    task: Task,
    edge: float,
    steps: int,
    *,
    every: int = 2,
    record: tuple[str, ...] = _RECORDS,
) -> NetworkDescent:
    """Return gradient descent on `task` with step size `edge` over the flow's sharpness at the start.

    `task` as from `network_task`; `edge` > 0; `steps` >= 0. `record` names what to keep every `every` steps: "loss";
    "sharpness", the largest Hessian eigenvalue at the point; "flow_sharpness", the same at the limit of gradient flow
    from there (about 0.1 s each). Source: sn.E2.

    >>> task = network_task(np.random.default_rng(0), samples=4, hidden=2)
    >>> bool(np.all(np.diff(network_descent(task, 0.5, 20, record=("loss",)).records["loss"]) < 0))
    True
    """
    edge = check_number("edge", edge, low=0.0, open_low=True)
    steps, _, every, times = check_schedule(steps, 0, every)
    names = check_record(record, _RECORDS)
    inputs, labels, start = task
    step_size = edge / network_flow_sharpness(task)
    path = np.asarray(_descend(inputs, labels, start, step_size, len(times), every))
    losses = np.array([float(_loss(point, inputs, labels)) for point in path])
    finite = int(np.argmin([*np.isfinite(losses) & (losses < 1e12), False]))
    measures: dict[str, Callable[[Array], float]] = {
        "sharpness": lambda point: _top(inputs, labels, point),
        "flow_sharpness": lambda point: network_flow_sharpness((inputs, labels, point)),
    }
    records = {
        name: losses[:finite] if name == "loss" else np.array([measures[name](point) for point in path[:finite]])
        for name in names
    }
    return NetworkDescent(times[:finite], records, step_size, int(times[finite]) if finite < len(times) else -1)


def network_flow_sharpness(task: Task, *, fraction: float = 0.125) -> float:
    """Return the largest Hessian eigenvalue at the limit of gradient flow from the parameters in `task`.

    `task` as from `network_task`. Classical Runge-Kutta steps of `fraction` (in (0, 2]) over the present sharpness at
    first, growing to 2 as the fast modes die, until the loss is 1e-6. What is left is the limit of the flow
    with the Jacobian of that point, J' (J J')^-1 residual; the relative error of all is about 5e-6. Raises
    `ArithmeticError` if the loss is still larger after 128 000 steps. Source: sn.E2.

    >>> task = network_task(np.random.default_rng(0), samples=4, hidden=2)
    >>> bool(network_flow_sharpness(task) > 0)
    True
    """
    fraction = check_number("fraction", fraction, low=0.0, open_low=True, high=2.0)
    inputs, labels, start = task
    value, sharpness = _flow(inputs, labels, start, fraction)
    if not float(value) <= _FITTED:
        raise ArithmeticError(f"gradient flow has loss {float(value):.2g} after {_CHUNK * _MOST_CHUNKS} steps")
    return float(sharpness)


def network_rises(
    rng: np.random.Generator,
    replicates: int,
    *,
    edge: float,
    steps: int = 60,
    every: int = 2,
    samples: int = 24,
    hidden: int = 16,
) -> Array:
    """Return counts along gradient descent of fresh networks on fresh digits, shape (replicates, 4).

    Columns: recorded points at which the sharpness of the flow's limit rose (by more than a relative 3e-5), the
    largest relative rise, recorded points at which the loss rose, the last value of step size times sharpness of the
    flow's limit. There are floor(`steps` / `every`) + 1 recorded points.

    `rng` is the only source of randomness; `replicates` >= 1; `edge` > 0 over the first flow sharpness is the step
    size; `steps`, `every` >= 1; `samples` >= 2 digits; `hidden` >= 1 units. Source: sn.E2.

    >>> setting = dict(edge=0.5, steps=4, samples=4, hidden=2)
    >>> network_rises(np.random.default_rng(0), 1, **setting)[0, [0, 2]].tolist()
    [0.0, 0.0]
    """
    count = check_integer("replicates", replicates, low=1)
    steps = check_integer("steps", steps, low=1)
    rows = []
    for _ in range(count):
        task = network_task(rng, samples=samples, hidden=hidden)
        run = network_descent(task, edge, steps, every=every, record=("loss", "flow_sharpness"))
        flow, loss = run.records["flow_sharpness"], run.records["loss"]
        growth = flow[1:] / flow[:-1] - 1
        rises = np.count_nonzero(growth > _ROUNDING)
        loss_rises = np.count_nonzero(loss[1:] > loss[:-1])
        rows.append([rises, np.max(growth, initial=0.0), loss_rises, run.step_size * flow[-1]])
    return np.array(rows, dtype=np.float64)


@lru_cache(maxsize=1)
def _pool() -> tuple[Array, Array]:
    """All threes and eights: centred inputs (points, 64), labels -1 for a three and 1 for an eight."""
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    images, digits = np.asarray(images), np.asarray(digits)
    chosen = np.isin(digits, (3, 8))
    inputs = images[chosen] / 16.0
    return inputs - inputs.mean(axis=0), np.where(digits[chosen] == 8, 1.0, -1.0)


def _outputs(flat: jax.Array, inputs: jax.Array) -> jax.Array:
    """Outputs (samples,) of the network whose parameters are `flat`: W (64, h), b (h,), w (h, 1), c (1,)."""
    features = inputs.shape[1]
    hidden = (flat.size - 1) // (features + 2)
    weights, offsets, last = jax.numpy.split(flat[:-1], (features * hidden, (features + 1) * hidden))
    return jax.numpy.tanh(inputs @ weights.reshape(features, hidden) + offsets) @ last + flat[-1]


@jax.jit
def _loss(flat: jax.Array, inputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Half the mean squared error."""
    return jax.numpy.mean((_outputs(flat, inputs) - labels) ** 2) / 2


_gradient = jax.grad(_loss)


@jax.jit
def _product(flat: jax.Array, inputs: jax.Array, labels: jax.Array, direction: jax.Array) -> jax.Array:
    """The Hessian times `direction`."""
    return jax.jvp(lambda point: _gradient(point, inputs, labels), (flat,), (direction,))[1]


def _top(inputs: Array, labels: Array, point: Array) -> float:
    """Largest Hessian eigenvalue at `point`, by Lanczos' method from a fixed start."""

    def times(direction: Array) -> Array:
        return np.asarray(_product(point, inputs, labels, direction))

    operator = LinearOperator((point.size, point.size), matvec=times, dtype=np.float64)  # pyright: ignore[reportCallIssue]
    start = np.asarray(_gradient(point, inputs, labels)) + 1e-3
    top = eigsh(operator, k=1, which="LA", v0=start, return_eigenvectors=False)
    return float(top[0])


@partial(jax.jit, static_argnames=("count", "every"))
def _descend(
    inputs: jax.Array, labels: jax.Array, start: jax.Array, step_size: jax.Array, count: int, every: int
) -> jax.Array:
    """Points (count, parameters) of gradient descent, `every` steps apart."""

    def advance(point: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        ahead = jax.lax.fori_loop(0, every, lambda _, p: p - step_size * _gradient(p, inputs, labels), point)
        return ahead, point

    return jax.lax.scan(advance, start, None, length=count)[1]


@jax.jit
def _flow(inputs: jax.Array, labels: jax.Array, start: jax.Array, fraction: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Loss and sharpness at the end of the flow from `start`."""

    def velocity(point: jax.Array) -> jax.Array:
        return -_gradient(point, inputs, labels)

    def sharpness(point: jax.Array) -> jax.Array:
        jacobian = jax.jacrev(_outputs)(point, inputs)
        return jax.numpy.linalg.eigvalsh(jacobian @ jacobian.T)[-1] / len(labels)

    def step(point: jax.Array, size: jax.Array) -> jax.Array:
        first = velocity(point)
        second = velocity(point + size / 2 * first)
        third = velocity(point + size / 2 * second)
        fourth = velocity(point + size * third)
        return point + size / 6 * (first + 2 * second + 2 * third + fourth)

    def chunk(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        point, number = state
        size = jax.numpy.minimum(fraction * 1.1**number, _STABLE) / sharpness(point)
        return jax.lax.fori_loop(0, _CHUNK, lambda _, p: step(p, size), point), number + 1

    def unfitted(state: tuple[jax.Array, jax.Array]) -> jax.Array:
        point, number = state
        return (_loss(point, inputs, labels) > _FITTED) & (number < _MOST_CHUNKS)

    point, _ = jax.lax.while_loop(unfitted, chunk, (start, jax.numpy.array(0)))
    jacobian = jax.jacrev(_outputs)(point, inputs)
    residual = _outputs(point, inputs) - labels
    point = point - jacobian.T @ jax.numpy.linalg.solve(jacobian @ jacobian.T, residual)
    return _loss(point, inputs, labels), sharpness(point)
