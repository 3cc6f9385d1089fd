"""Claims ar.X5: bags chosen by the expected label, their bias and the blocks that make it smallest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim
from assay.search import Range
from claims.aggregate_responses._settings import wrong_versions
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
PRIORBOOST = "Javanmard, Fahrbach, Mirrokni: PriorBoost (2024), abstract"


# ---------------------------------------------------------------- the bound


def _design(*, draw: int, features: int, per_feature: float, size: int, scale: float) -> tuple[Array, Array, int]:
    """A design, its coefficients and the number of bags: Gaussian columns from 1 to `scale`, bags of `size`."""
    rng = np.random.default_rng([draw, features, size])
    bags = max(int(np.ceil(per_feature * features / size)), 1)
    inputs = rng.standard_normal((bags * size, features)) * np.geomspace(1.0, scale, features)
    return inputs, rng.standard_normal(features), bags


def _squared_bias(**point: Any) -> float:
    """Squared bias of instance level with bags of consecutive rows."""
    inputs, truth, bags = _design(**point)
    return float(simulation.instance_bias(inputs, truth, np.full(bags, point["size"]))[0])


def _bias_bound(which: str = "right", **point: Any) -> float:
    """Within-bag spread of the expected labels over the smallest eigenvalue of the Gram matrix, or a wrong version."""
    inputs, truth, bags = _design(**point)
    spread = theory.bag_spread(inputs @ truth, np.repeat(np.arange(bags), point["size"]))
    if which == "largest eigenvalue":
        return spread / float(np.linalg.norm(inputs, 2)) ** 2
    bound = theory.instance_bias_bound(inputs, spread)
    return bound / {"mean square for sum": len(inputs), "spread of pairs, halved twice": 4.0}.get(which, 1.0)


X5 = Claim(
    id="ar.X5",
    title="The bias of instance level is bounded by the within-bag spread of expected labels",
    statement=(
        r"\|\mathbb E\hat\theta_{\mathrm{ins}}-\theta_0\|^2\le\frac{1}{\lambda_{\min}(X^\top X)}"
        r"\sum_a\sum_{i\in a}(\mathbb Ey_i-\overline{\mathbb Ey}_a)^2"
    ),
    source="derived: the bias is -X^+ (I - P) X theta0, P averaging within bags",
    provenance="derived",
    assumptions=("fixed design of full column rank, any bags",),
    equations={
        "theory.aggregate_responses.instance_bias_bound": "right side",
        "simulations.aggregate_responses.instance_bias": "left side",
    },
    proof="The norm of X^+ is 1/sqrt(lambda_min), and |(I - P) X theta0|^2 is the spread.",
    kind="bound",
    predict=_bias_bound,
    measure=_squared_bias,
    domain={
        "draw": Range(0, 10**6, integer=True),
        "features": Range(1, 6, integer=True),
        "per_feature": Range(1.0, 10.0, log=True),
        "size": Range(2, 8, integer=True),
        "scale": Range(0.05, 20.0, log=True),
    },
    restarts=1500,
    mutants=wrong_versions(_bias_bound, "largest eigenvalue", "mean square for sum", "spread of pairs, halved twice"),
    scales={"quick": {"restarts": 400}, "paper": {"restarts": 30_000}},
)


# ---------------------------------------------------------------- the best blocks


def _values(draw: int, n: int) -> Array:
    """Expected labels, of a heavy-tailed law."""
    return np.random.default_rng([draw, n]).standard_t(3, size=n)


def _spread(values: Array, bags: list[list[int]]) -> float:
    """Sum over bags of squares about the bag's mean, by definition."""
    return sum(float(np.sum((values[bag] - values[bag].mean()) ** 2)) for bag in bags)


def _partitions(items: list[int], least: int, most: int) -> Iterator[list[list[int]]]:
    """All partitions of `items` into bags of `least` to `most`."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for mask in range(2 ** len(rest)):
        chosen = [x for i, x in enumerate(rest) if mask >> i & 1]
        if least <= len(chosen) + 1 <= most:
            left = [x for i, x in enumerate(rest) if not mask >> i & 1]
            yield from ([[first, *chosen], *others] for others in _partitions(left, least, most))


def _least_spread(equal: bool, *, draw: int, n: int, size: int) -> float:
    """The least spread over all partitions into bags of `size`, or (not `equal`) of at least `size`."""
    values = _values(draw, n)
    return min(_spread(values, bags) for bags in _partitions(list(range(n)), size, size if equal else n))


def _blocks(which: str = "right", *, draw: int, n: int, size: int) -> float:
    """The spread of consecutive blocks of the sorted values, or of a wrong choice."""
    values, order = _values(draw, n), np.argsort(_values(draw, n))
    if which == "blocks in the order given":
        order = np.arange(n)
    if which == "every m-th of the sorted values":
        order = order.reshape(size, -1).T.ravel()
    if which == "sorted by absolute value":
        order = np.argsort(np.abs(values))
    if which == "right":
        return float(theory.consecutive_bags(values, size).spread)
    return _spread(values, [list(block) for block in order.reshape(-1, size)])


X5_BLOCKS = Claim(
    id="ar.X5.blocks",
    title="The best bags of one size are blocks of the sorted labels",
    statement=r"\min_{|a|=k}\sum_a\sum_{i\in a}(v_i-\bar v_a)^2\ \text{is reached by consecutive sorted values}",
    source=PRIORBOOST,
    provenance="reconstructed",
    assumptions=("bags of equal size", "against all partitions of 6, 8 or 9 values"),
    equations={"theory.aggregate_responses.consecutive_bags": "right side"},
    kind="identity",
    predict=_blocks,
    measure=partial(_least_spread, True),
    settings=tuple({"draw": draw, "n": n, "size": k} for n, k in ((6, 2), (6, 3), (8, 4), (9, 3)) for draw in range(3)),
    outputs=("spread",),
    mutants=wrong_versions(
        _blocks, "blocks in the order given", "every m-th of the sorted values", "sorted by absolute value"
    ),
)


def _programme(which: str = "right", *, draw: int, n: int, size: int) -> float:
    """The spread of the dynamic programme over blocks of k to 2k - 1 sorted values, or of a wrong choice."""
    values = _values(draw, n)
    ordered = np.sort(values)
    if which == "blocks of k, the rest in the last":
        starts = list(range(0, n - n % size, size))
        return _spread(ordered, [list(range(a, b)) for a, b in zip(starts, [*starts[1:], n], strict=True)])
    if which == "cut at the widest gaps":
        starts = [0]
        for cut in sorted(range(size, n - size + 1), key=lambda i: ordered[i - 1] - ordered[i]):
            if all(abs(cut - other) >= size for other in starts):
                starts.append(cut)
        starts.sort()
        return _spread(ordered, [list(range(a, b)) for a, b in zip(starts, [*starts[1:], n], strict=True)])
    return float(theory.smallest_spread_bags(values, size - 1 if which == "bags of k - 1" else size).spread)


X5_LEAST = Claim(
    id="ar.X5.least",
    title="With a least bag size: a dynamic programme over blocks of k to 2k - 1",
    statement=r"\min_{|a|\ge k}\sum_a\sum_{i\in a}(v_i-\bar v_a)^2=\min\{\text{sorted blocks of }k,\dots,2k-1\}",
    source="derived: larger blocks may be split; non-consecutive bags may be sorted",
    provenance="derived",
    assumptions=("against all partitions of 7 or 8 values",),
    equations={"theory.aggregate_responses.smallest_spread_bags": "right side"},
    kind="identity",
    predict=_programme,
    measure=partial(_least_spread, False),
    settings=tuple({"draw": draw, "n": n, "size": k} for n, k in ((7, 2), (8, 2), (8, 3)) for draw in range(4)),
    outputs=("spread",),
    mutants=wrong_versions(_programme, "blocks of k, the rest in the last", "cut at the widest gaps", "bags of k - 1"),
)

CLAIMS = (X5, X5_BLOCKS, X5_LEAST)
