"""Squared regression: f(x) = <x, u^2 - v^2> fitted by gradient descent to fewer samples than features.

L(u, v) = |X (u^2 - v^2) - y|^2 / (2 n) with elementwise squares. With G = (2/n) X' residual, gradient descent is
u <- u (1 - eta G), v <- v (1 + eta G), so that u_i v_i <- u_i v_i (1 - eta^2 G_i^2); gradient flow keeps every u_i v_i.
Hence its limit is u exp(X' nu), v exp(-X' nu) with n unknowns nu, the minimiser of the convex function

    sum_i (u_i^2 exp(2 z_i) + v_i^2 exp(-2 z_i)) / 2 - <y, nu>,    z = X' nu,

whose gradient is the residual of the limit. Newton's method finds it in a few steps, without following the flow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from simulations._checks import check_integer, check_matrix, check_number, check_range, check_vector
from simulations.scalar_networks._arguments import check_record, check_schedule
from simulations.scalar_networks.descent import BOUND

__all__ = [
    "RegressionDescent",
    "regression_descent",
    "regression_flow",
    "regression_flow_by_integration",
    "regression_hessian",
    "regression_rises",
]

Array = NDArray[np.float64]
_RECORDS = ("loss", "sharpness", "flow_sharpness", "weights")
_EXACT = 1e-11  # a residual relative to the terms that it is a difference of; Newton's last step goes to 1e-15
_MOST_STEPS, _MOST_HALVINGS = 100, 60
_ROUNDING = 1e-9  # a rise must exceed what the Newton solves leave open


@dataclass(frozen=True)
class RegressionDescent:
    """One orbit: its last `weights` (2, features), u then v, and the `records`, name -> (times,), at steps `times`.

    `escape_time` is the first step at which a weight exceeded 1e8, -1 if none did; the orbit ends before it.
    """

    weights: Array
    times: NDArray[np.int64]
    records: dict[str, Array]
    escape_time: int


def regression_descent(
    inputs: ArrayLike,
    targets: ArrayLike,
    weights: ArrayLike,
    step_size: float,
    steps: int,
    *,
    record: tuple[str, ...] = ("loss",),
    every: int = 1,
) -> RegressionDescent:
    """Return the orbit of gradient descent on squared regression, as a `RegressionDescent`.

    `inputs` X (samples, features); `targets` y (samples,); `weights` (2, features), u then v; `step_size` > 0;
    `steps` >= 0. `record` names what to keep every `every` steps: "loss", "sharpness" (largest Hessian eigenvalue),
    "flow_sharpness" (the same at the limit of gradient flow from there), "weights" (times, 2, features).
    Raises `ValueError` outside these domains and `ArithmeticError` where the flow has no limit. Source: sn.E1.

    One sample, one feature: the residual is 4 - 1 - 1 = 2, G = 4, u <- 2 (1 - 0.4), v <- 1 (1 + 0.4).

    >>> regression_descent([[1.0]], [1.0], [[2.0], [1.0]], 0.1, 1).weights.round(12).tolist()
    [[1.2], [1.4]]
    """
    x, y, start = _check_task(inputs, targets, weights)
    rate = check_number("step_size", step_size, low=0.0, open_low=True)
    steps, _, every, times = check_schedule(steps, 0, every)
    names = check_record(record, _RECORDS)
    path = np.empty((len(times), 2, x.shape[1]))
    end = start.copy()
    escape = _descend(x, y, end, rate, steps, every, path)
    times = times if escape < 0 else times[times < escape]
    path = path[: len(times)]
    return RegressionDescent(end, times, {name: _derived(name, x, y, path) for name in names}, escape)


def regression_flow(inputs: ArrayLike, targets: ArrayLike, weights: ArrayLike) -> Array:
    """Return the limits of gradient flow from `weights` (..., 2, features), by Newton's method; same shape.

    `inputs` (samples, features) of full row rank and `targets` (samples,) as in `regression_descent`. The
    residual left is rounding: about 1e-15 of the terms that it is a difference of. Raises `ArithmeticError` where
    Newton's method does not converge: the flow has no interpolating limit (zero weights, rank-deficient inputs).
    Source: sn.E1.

    One feature: u v = 2 stays and u^2 - v^2 becomes 3, so u = 2, v = 1.

    >>> regression_flow([[1.0]], [3.0], [[1.0], [2.0]]).round(12).tolist()
    [[2.0], [1.0]]
    """
    x, y, points = _check_task(inputs, targets, weights, many=True)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            ends, residuals = _flow(x, y, points.reshape(-1, 2, x.shape[1]))
        worst = np.max(np.abs(residuals) / (np.abs(y) + np.sum(ends**2, axis=1) @ np.abs(x).T))
    except np.linalg.LinAlgError:
        worst = np.inf
    if not worst <= _EXACT:
        raise ArithmeticError(
            f"gradient flow finds no interpolating limit (relative residual {worst:.2g}): inputs need full row rank, "
            "weights must not be zero where they are needed"
        )
    return ends.reshape(points.shape)


def regression_flow_by_integration(inputs: ArrayLike, targets: ArrayLike, weights: ArrayLike) -> Array:
    """Return the limit of gradient flow from one point `weights` (2, features), by integrating its equation.

    The independent and slow route to `regression_flow`; `inputs` and `targets` as there. Relative error 1e-11 a step,
    until the residual is below 1e-11; raises `ArithmeticError` if it is not after time 1e5. Source: sn.E1.

    >>> regression_flow_by_integration([[1.0]], [3.0], [[1.0], [2.0]]).round(9).tolist()
    [[2.0], [1.0]]
    """
    x, y, start = _check_task(inputs, targets, weights)
    samples, features = x.shape

    def velocity(_time: float, point: Array) -> Array:
        u, v = point[:features], point[features:]
        slope = 2 / samples * x.T @ (x @ (u**2 - v**2) - y)
        return np.concatenate([-u * slope, v * slope])

    def unfitted(_time: float, point: Array) -> float:
        return float(np.max(np.abs(x @ (point[:features] ** 2 - point[features:] ** 2) - y))) - 1e-11

    unfitted.terminal = True  # pyright: ignore[reportFunctionMemberAccess]
    path = solve_ivp(velocity, (0.0, 1e5), start.ravel(), method="LSODA", rtol=1e-11, atol=1e-13, events=unfitted)
    if path.status != 1 and unfitted(0.0, path.y[:, -1]) > 1e-9:
        raise ArithmeticError(f"gradient flow has residual {unfitted(0.0, path.y[:, -1]):.2g} after time 1e5")
    return path.y[:, -1].reshape(2, features)


def regression_hessian(inputs: ArrayLike, targets: ArrayLike, weights: ArrayLike) -> Array:
    """Return the Hessian of the loss in (u, v) at one point, shape (2 features, 2 features).

    (4/n) J J' + diag(G, -G) with J = (u, -v) X'; `inputs` (samples, features), `targets` (samples,), `weights`
    (2, features) as in `regression_descent`.

    >>> regression_hessian([[1.0]], [1.0], [[2.0], [1.0]]).tolist()
    [[20.0, -8.0], [-8.0, 0.0]]
    """
    x, y, point = _check_task(inputs, targets, weights)
    return _hessian(x, y, point)


def regression_rises(
    rng: np.random.Generator,
    replicates: int,
    *,
    samples: int,
    features: int,
    edge: float,
    steps: int,
    target_scale: float = 1.0,
    weight_scale: float = 1.0,
    perturbation: float = 0.0,
) -> Array:
    """Return counts along gradient descent on random tasks, shape (replicates, 4).

    Columns: steps at which the sharpness of the flow's limit rose (by more than a relative 1e-9), the largest
    relative rise, steps at which the loss rose, and the last value of step size times sharpness of the flow's limit.
    Inputs are standard normal, targets normal with standard deviation `target_scale` > 0, weights u and v normal with
    standard deviation `weight_scale` > 0. With `perturbation` > 0 the start is near a minimum: the flow's limit from
    these weights, each one times 1 + `perturbation` times a standard normal. The step size is `edge` > 0 over the
    sharpness of the first point's limit.
    An orbit that escapes counts up to there.

    `rng` is the only source of randomness; `replicates` >= 1; 1 <= `samples` < `features`; `steps` >= 1. Source: sn.E1.

    >>> regression_rises(np.random.default_rng(0), 1, samples=1, features=2, edge=1.0, steps=9)[0, 2].item()
    0.0
    """
    count = check_integer("replicates", replicates, low=1)
    samples, steps = check_integer("samples", samples, low=1), check_integer("steps", steps, low=1)
    features = check_integer("features", features, low=1)
    if samples >= features:
        raise ValueError(f"samples must be < features, got samples={samples} and features={features}")
    edge = check_number("edge", edge, low=0.0, open_low=True)
    targets = check_number("target_scale", target_scale, low=0.0, open_low=True)
    scale = check_number("weight_scale", weight_scale, low=0.0, open_low=True)
    near = check_number("perturbation", perturbation, low=0.0)
    return np.array([_rises(rng, samples, features, edge, steps, (targets, scale, near)) for _ in range(count)])


def _rises(
    rng: np.random.Generator, samples: int, features: int, edge: float, steps: int, scales: tuple[float, float, float]
) -> list[float]:
    """The counts of one replicate; `scales` of targets, weights and the perturbation."""
    target_scale, scale, near = scales
    x, y = rng.standard_normal((samples, features)), target_scale * rng.standard_normal(samples)
    start = scale * rng.standard_normal((2, features))
    if near > 0:
        start = regression_flow(x, y, start) * (1 + near * rng.standard_normal((2, features)))
    rate = edge / float(_derived("flow_sharpness", x, y, start[None])[0])
    run = regression_descent(x, y, start, rate, steps, record=("loss", "flow_sharpness"))
    flow, loss = run.records["flow_sharpness"], run.records["loss"]
    growth = flow[1:] / flow[:-1] - 1
    rises = np.count_nonzero(growth > _ROUNDING)
    loss_rises = np.count_nonzero(loss[1:] > loss[:-1] * (1 + _ROUNDING) + 1e-25)
    return [float(rises), float(np.max(growth, initial=0.0)), float(loss_rises), rate * float(flow[-1])]


def _check_task(
    inputs: ArrayLike, targets: ArrayLike, weights: ArrayLike, *, many: bool = False
) -> tuple[Array, Array, Array]:
    """Arrays of agreeing shapes, contiguous."""
    x = np.ascontiguousarray(check_matrix("inputs", inputs, axes=("samples", "features")))
    y = np.ascontiguousarray(check_vector("targets", targets, axis="samples"))
    if len(y) != len(x):
        raise ValueError(f"inputs and targets must have the same number of samples, got {len(x)} and {len(y)}")
    points = np.ascontiguousarray(check_range("weights", weights))
    wanted = "(..., 2, features)" if many else "(2, features)"
    if points.shape[-2:] != (2, x.shape[1]) or (points.ndim != 2 and not many):
        raise ValueError(f"weights must have shape {wanted} with features={x.shape[1]}, got shape {points.shape}")
    return x, y, points


def _derived(name: str, x: Array, y: Array, path: Array) -> Array:
    """The recorded quantity `name` along `path` (times, 2, features)."""
    if name == "weights":
        return path
    if name == "loss":
        return np.mean(((path[:, 0] ** 2 - path[:, 1] ** 2) @ x.T - y) ** 2, axis=1) / 2
    if name == "sharpness":
        return np.array([np.linalg.eigvalsh(_hessian(x, y, point))[-1] for point in path])
    power = np.sum(regression_flow(x, y, path) ** 2, axis=1)  # u^2 + v^2 of every limit
    kernels: Array = 4 / len(y) * np.einsum("ij,tj,kj->tik", x, power, x, optimize=True)
    return np.asarray(np.linalg.eigvalsh(kernels)[:, -1], dtype=np.float64)


def _hessian(x: Array, y: Array, point: Array) -> Array:
    """Second derivatives at `point` (2, features)."""
    u, v = point
    slope = 2 / len(y) * x.T @ (x @ (u**2 - v**2) - y)
    jacobian = np.concatenate([x * u, -x * v], axis=1)
    curvature: Array = 4 / len(y) * jacobian.T @ jacobian
    return curvature + np.diag(np.concatenate([slope, -slope]))


def _descend(x: Array, y: Array, point: Array, rate: float, steps: int, every: int, path: Array) -> int:
    """Run gradient descent on `point` (2, features) in place, fill `path`; return the escape time or -1."""
    scale = 2 * rate / len(y)
    for t in range(steps + 1):
        if t % every == 0:
            path[t // every] = point
        if t < steps:
            slope = scale * (x.T @ (x @ (point[0] ** 2 - point[1] ** 2) - y))
            moved = point * np.array([1.0 - slope, 1.0 + slope])
            if not np.max(np.abs(moved)) <= BOUND:
                return t + 1
            point[:] = moved
    return -1


def _flow(x: Array, y: Array, points: Array) -> tuple[Array, Array]:
    """Limits of the flow from all `points` (points, 2, features) at once, and their residuals (points, samples)."""
    squares = points**2

    def grown(nu: Array) -> tuple[Array, Array, Array]:
        """Squared weights up, down at the duals `nu` (points, samples), and the value of the convex function."""
        growth = np.exp(2 * nu @ x)
        up, down = squares[:, 0] * growth, squares[:, 1] / growth
        return up, down, np.sum(up + down, axis=1) / 2 - nu @ y

    nu = np.zeros((len(points), len(y)))
    up, down, value = grown(nu)
    last = np.full(len(points), np.inf)
    for _ in range(_MOST_STEPS):
        slope = (up - down) @ x.T - y
        worst = np.max(np.abs(slope), axis=1)
        exact = _EXACT * np.max(np.abs(y) + (up + down) @ np.abs(x).T, axis=1)
        active = (worst > 0) & ((worst > exact) | (worst < last / 2))  # at rounding level there is no more progress
        if not np.any(active):
            break
        last = worst
        curvature = 2 * np.einsum("ij,tj,kj->tik", x, up + down, x, optimize=True)
        move = np.where(active[:, None], -np.linalg.solve(curvature, slope[..., None])[..., 0], 0.0)
        size, gain = np.ones(len(points)), np.sum(slope * move, axis=1)
        for _ in range(_MOST_HALVINGS):
            up, down, trial = grown(nu + size[:, None] * move)
            short = trial > value + 0.1 * size * gain + 1e-13 * np.abs(value)  # inf is too far as well
            if not np.any(short):
                break
            size[short] /= 2
        nu, value = nu + size[:, None] * move, trial
    z = nu @ x
    ends = np.stack([points[:, 0] * np.exp(z), points[:, 1] * np.exp(-z)], axis=1)
    return ends, (ends[:, 0] ** 2 - ends[:, 1] ** 2) @ x.T - y
