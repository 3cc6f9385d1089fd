"""Experiments of the figures alone: orbits, landings and maps out of the row's simulations.

Each is a measure(rng, replicates, **setting) -> array (replicates, ...). Those without randomness repeat one result.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations import scalar_networks as simulation

__all__ = [
    "ESCAPED",
    "LEVELS",
    "branches",
    "decoded",
    "fates",
    "landings",
    "least_edges",
    "network_traces",
    "orbits",
    "quasi_static",
    "regression_traces",
    "rise_shares",
    "single_steps",
]

Array = NDArray[np.float64]
ESCAPED, LEVELS = 32, 56  # codes of a map: escape times below 31, 31 neither, then 4 kinds of minima of 56 levels
PACKED = 6  # codes of 8 bits in one number: 48 bits are exact in a float64
AT_ONCE = 2**18


def _repeated(result: ArrayLike, replicates: int) -> Array:
    """The same result for each replicate."""
    array = np.asarray(result, dtype=float)
    return np.repeat(array[None], replicates, axis=0)


def _flow_sharpness(weights: Array) -> Array:
    """Sharpness of the gradient-flow limits of `weights` (..., depth); it depends on their sizes alone."""
    return np.sum(simulation.flow_to_product(np.abs(weights)) ** -2.0, axis=-1)


# ---------------------------------------------------------------- orbits


def orbits(
    rng: np.random.Generator, replicates: int, *, weights: ArrayLike, step_size: ArrayLike, steps: int, every: int = 1
) -> Array:
    """Return product, loss, sharpness, GFS sharpness and the weights along orbits: (replicates, ..., times, 4 + depth).

    `weights` (..., depth), `step_size` (...), every `every` steps up to `steps`.
    """
    names = ("product", "loss", "sharpness", "weights")
    run = simulation.gradient_descent(weights, step_size, steps, record=names, every=every)
    records = run.records
    columns = [records["product"], records["loss"], records["sharpness"], _flow_sharpness(records["weights"])]
    return _repeated(np.concatenate([np.stack(columns, axis=-1), records["weights"]], axis=-1), replicates)


def single_steps(rng: np.random.Generator, replicates: int, *, weights: ArrayLike, step_sizes: ArrayLike) -> Array:
    """Return the GFS sharpness before and after one step from `weights` (depth,): (replicates, step sizes, 2)."""
    start = np.asarray(weights, dtype=float)
    rates = np.asarray(step_sizes, dtype=float)
    ends = simulation.gradient_descent(start, rates, 1).weights
    before = np.full(rates.shape, _flow_sharpness(start))
    return _repeated(np.stack([before, _flow_sharpness(ends)], axis=-1), replicates)


def landings(
    rng: np.random.Generator, replicates: int, *, weights: ArrayLike, step_size: ArrayLike, steps: int
) -> Array:
    """Return eta times the last GFS sharpness of each orbit, and the step at which it had settled, -1 if it had not.

    `weights` (orbits, depth), `step_size` (orbits,): (replicates, orbits, 2).
    """
    run = simulation.gradient_descent(weights, step_size, steps, tolerance=1e-12)
    last = np.asarray(step_size, dtype=float) * _flow_sharpness(run.weights)
    return _repeated(np.stack([last, run.settle_time], axis=-1), replicates)


def quasi_static(
    rng: np.random.Generator, replicates: int, *, weights: ArrayLike, step_size: ArrayLike, steps: int, kept: int
) -> Array:
    """Return the last `kept` products of quasi-static descent: (replicates, orbits, kept); 0 where it left (0, 1e8)."""
    run = simulation.quasi_static_descent(weights, step_size, steps, skip=steps - kept + 1)
    return _repeated(np.where((run.escape_time >= 0)[..., None], 0.0, run.products), replicates)


def branches(
    rng: np.random.Generator,
    replicates: int,
    *,
    weights: ArrayLike,
    step_size: float,
    times: ArrayLike,
    steps: int,
    kept: int,
) -> Array:
    """Return what quasi-static descent does at the balances that an orbit of gradient descent has at `times`.

    `weights` (depth,); `times` increasing, from 0. Columns: eta times the GFS sharpness at that time, the products of
    two successive iterates of gradient descent there, then the last `kept` products of `steps` of quasi-static descent
    with those balances (0 where it left (0, 1e8)): (replicates, times, 3 + kept).
    """
    at = np.asarray(times, dtype=int)
    run = simulation.gradient_descent(weights, step_size, int(at[-1]) + 1, record=("weights", "product"))
    points = np.abs(run.records["weights"][at])
    near = simulation.flow_to_product(points, 1.001)
    products = quasi_static(rng, 1, weights=near, step_size=step_size, steps=steps, kept=kept)[0]
    pairs = np.stack([run.records["product"][at], run.records["product"][at + 1]], axis=-1)
    return _repeated(np.column_stack([step_size * _flow_sharpness(points), pairs, products]), replicates)


# ---------------------------------------------------------------- searches


def least_edges(
    rng: np.random.Generator, replicates: int, *, depth: int, products: ArrayLike, samples: int, rounds: int
) -> Array:
    """Return the least eta phi found at which one step raises the GFS sharpness: (replicates, products).

    For each of `products` > 0 a random search in `rounds` of `samples` points of that product: first anywhere, then
    around the best one, with eta phi between nine tenths of the best one and it.
    """
    found = np.empty((replicates, np.size(products)))
    for row in found:
        for j, product in enumerate(np.asarray(products, dtype=float)):
            row[j] = _least_edge(rng, depth, float(product), samples, rounds)
    return found


def _least_edge(rng: np.random.Generator, depth: int, product: float, samples: int, rounds: int) -> float:
    """The search for one product."""
    best, logs = np.inf, np.zeros(depth)
    for turn in range(rounds):
        reach = 10.0 ** rng.uniform(-3.0, 0.5, (samples, 1))
        trial = logs + (3.0 if turn == 0 else reach) * rng.standard_normal((samples, depth))
        trial -= trial.mean(axis=1, keepdims=True)
        edges = rng.uniform(2.0, 200.0, samples) if turn == 0 else best * rng.uniform(0.9, 1.0, samples)
        minima = np.exp(trial / 2)
        rises = _rises(minima, product, edges / np.sum(minima**-2.0, axis=1))
        if np.any(rises):
            chosen = np.flatnonzero(rises)[np.argmin(edges[rises])]
            best, logs = float(edges[chosen]), trial[chosen]
    return best


def _rises(minima: Array, product: float, step_size: Array) -> NDArray[np.bool_]:
    """Whether one step from `product` on the flow lines of `minima` raises the GFS sharpness beyond rounding."""
    weights = simulation.flow_to_product(minima, product)
    after = simulation.gradient_descent(weights, step_size, 1).weights
    return _flow_sharpness(after) > _flow_sharpness(weights) * (1.0 + 1e-10)


def rise_shares(
    rng: np.random.Generator,
    replicates: int,
    *,
    samples: int,
    features: int,
    edge: float,
    steps: int,
    weight_scale: float = 1.0,
    perturbation: float = 0.0,
) -> Array:
    """Return 1 for runs of squared regression in which the GFS sharpness rose at some step, else 0: (replicates, 1)."""
    counts = simulation.regression_rises(
        rng,
        replicates,
        samples=samples,
        features=features,
        edge=edge,
        steps=steps,
        weight_scale=weight_scale,
        perturbation=perturbation,
    )
    return (counts[:, :1] > 0).astype(float)


# ---------------------------------------------------------------- beyond scalar networks


def regression_traces(
    rng: np.random.Generator,
    replicates: int,
    *,
    samples: int,
    features: int,
    edges: ArrayLike,
    steps: int,
    weight_scale: float = 1.0,
    perturbation: float = 0.0,
) -> Array:
    """Return loss, eta times sharpness, eta times GFS sharpness along squared regression.

    The same task and start for every one of `edges`, eta times the first GFS sharpness: (replicates, edges, 3, times).
    `perturbation`: relative distance of the start from a minimum, 0 for a normal start of size `weight_scale`.
    """
    return np.array(
        [
            _regression_runs(rng, samples, features, np.asarray(edges), steps, weight_scale, perturbation)
            for _ in range(replicates)
        ]
    )


def _regression_runs(
    rng: np.random.Generator,
    samples: int,
    features: int,
    edges: Array,
    steps: int,
    weight_scale: float,
    perturbation: float,
) -> list[Array]:
    """One task, one run for each of `edges`; one that escapes repeats its last point."""
    inputs, targets = rng.standard_normal((samples, features)), rng.standard_normal(samples)
    start = weight_scale * rng.standard_normal((2, features))
    if perturbation > 0:
        minimum = simulation.regression_flow(inputs, targets, start)
        start = minimum * (1 + perturbation * rng.standard_normal((2, features)))
    minimum = simulation.regression_flow(inputs, targets, start)
    sharpness = float(np.linalg.eigvalsh(simulation.regression_hessian(inputs, targets, minimum))[-1])
    names = ("loss", "sharpness", "flow_sharpness")
    runs = []
    for edge in edges:
        eta = float(edge) / sharpness
        records = simulation.regression_descent(inputs, targets, start, eta, steps, record=names).records
        run = np.stack([records["loss"], eta * records["sharpness"], eta * records["flow_sharpness"]])
        runs.append(np.pad(run, ((0, 0), (0, steps + 1 - run.shape[1])), mode="edge"))
    return runs


def network_traces(
    rng: np.random.Generator,
    replicates: int,
    *,
    edges: ArrayLike,
    steps: int,
    every: int,
    samples: int,
    hidden: int,
) -> Array:
    """Return loss, eta times sharpness, eta times GFS sharpness of tanh networks on digits.

    Each replicate is a fresh network on fresh digits, run with every one of `edges`: (replicates, edges, 3, times).
    """
    results = []
    for _ in range(replicates):
        task = simulation.network_task(rng, samples=samples, hidden=hidden)
        runs = [simulation.network_descent(task, float(edge), steps, every=every) for edge in np.asarray(edges)]
        results.append(
            [
                [r.records["loss"], *(r.step_size * r.records[name] for name in ("sharpness", "flow_sharpness"))]
                for r in runs
            ]
        )
    return np.array(results)


# ---------------------------------------------------------------- maps


def fates(
    rng: np.random.Generator,
    replicates: int,
    *,
    step_size: float,
    rest: ArrayLike,
    points: int,
    centre: tuple[float, float],
    half_width: float,
    steps: int,
) -> Array:
    """Return what becomes of gradient descent from `points` x `points` starts, packed: (replicates, numbers).

    The starts are the centres of the cells of a square around `centre` = (w_1, w_2) with sides 2 `half_width`, row by
    row of increasing w_2; `rest` are the other weights. `decoded` unpacks. A start has one code of 8 bits: its escape
    time, at most 30; 31 if it neither escaped nor settled in `steps` steps; or `ESCAPED` + `LEVELS` kind + level of the
    minimum where it settled. The kind has bit i set where w_i < 0 there, i = 1, 2; the level is eta phi in equal
    parts of [eta depth, 2].
    """
    others = np.asarray(rest, dtype=float)
    offsets = half_width * (2 * np.arange(points) + 1 - points) / points
    codes = np.empty((points, points), dtype=np.uint8)
    height = max(1, AT_ONCE // points)
    for top in range(0, points, height):
        rows = offsets[top : top + height]
        weights = np.empty((rows.size, points, 2 + others.size))
        weights[..., 0], weights[..., 1] = centre[0] + offsets, centre[1] + rows[:, None]
        weights[..., 2:] = others
        codes[top : top + height] = _codes(weights, step_size, steps)
    return _repeated(_packed(codes), replicates)


def _codes(weights: Array, step_size: float, steps: int) -> NDArray[np.uint8]:
    """The codes of starts `weights` (rows, columns, depth)."""
    run = simulation.gradient_descent(weights, step_size, steps, tolerance=1e-12)
    code = np.where(run.escaped, np.clip(run.escape_time, 0, ESCAPED - 2), ESCAPED - 1)
    settled = run.settle_time >= 0
    ends = np.where(settled[..., None], run.weights, 1.0)
    lowest = step_size * weights.shape[-1]
    part = (step_size * np.sum(ends**-2.0, axis=-1) - lowest) / (2.0 - lowest)
    level = np.clip(np.floor(LEVELS * part), 0, LEVELS - 1)
    kind = np.signbit(ends[..., 0]) + 2 * np.signbit(ends[..., 1])
    return np.where(settled, ESCAPED + LEVELS * kind + level, code).astype(np.uint8)


def _packed(codes: NDArray[np.uint8]) -> Array:
    """Six codes in one float64, exactly."""
    flat = np.zeros(-(-codes.size // PACKED) * PACKED, dtype=np.int64)
    flat[: codes.size] = codes.ravel()
    return (flat.reshape(-1, PACKED) @ (256 ** np.arange(PACKED, dtype=np.int64))).astype(np.float64)


def decoded(numbers: ArrayLike, points: int) -> NDArray[np.uint8]:
    """Return the codes (points, points) that `fates` packed into `numbers`.

    >>> decoded(_packed(np.arange(4, dtype=np.uint8).reshape(2, 2)), 2)
    array([[0, 1],
           [2, 3]], dtype=uint8)
    """
    whole = np.asarray(numbers).astype(np.int64)
    codes = (whole[:, None] >> (8 * np.arange(PACKED))) & 255
    return codes.ravel()[: points * points].reshape(points, points).astype(np.uint8)
