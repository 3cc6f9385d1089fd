"""Claims ar.L1 to ar.L3: what separates instance level from bag level, for any predictor and any sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.aggregate_responses._paper import PAPER
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
Sample = tuple[Array, Array, NDArray[np.int64], Array]


def _sample(draw: int, bag_sizes: Any, low: float = -1.5, width: float = 3.0) -> Sample:
    """Labels, predictions in [low, low + width], bag of each sample and mean labels, drawn by number `draw`."""
    rng, bags = np.random.default_rng([draw, len(bag_sizes)]), np.repeat(np.arange(len(bag_sizes)), bag_sizes)
    labels, predictions = rng.uniform(-1, 2, bags.size), low + width * rng.random(bags.size)
    return labels, predictions, bags, np.bincount(bags, weights=labels) / np.asarray(bag_sizes)


def _gap(labels: Array, predictions: Array, bag_sizes: Any, loss: str) -> float:
    """L_ins - L_bag by the simulation."""
    bag, instance = simulation.bag_losses(labels, predictions, bag_sizes, loss)
    return float(instance - bag)


# ---------------------------------------------------------------- L1: square loss


def _square_gaps(*, draw: int, bag_sizes: Any, interpolation: float) -> Array:
    """[L_ins - L_bag, the same, L_int], from the losses alone."""
    labels, predictions, _, _ = _sample(draw, bag_sizes)
    bag, instance = simulation.bag_losses(labels, predictions, bag_sizes)
    gap = instance - bag
    return np.array([gap, gap, (1 - interpolation) * bag + interpolation * instance])


def _pair_sum(predictions: Array, bag_sizes: Any, power: float = -1.0) -> float:
    """Sum over bags of k_a^power times the sum of (f_i - f_j)^2 over ordered pairs."""
    parts = np.split(predictions, np.cumsum(bag_sizes)[:-1])
    return float(sum(part.size**power * np.sum((part[:, None] - part) ** 2) for part in parts))


def _square_spreads(which: str = "right", *, draw: int, bag_sizes: Any, interpolation: float) -> Array:
    """[spread, sum over pairs, interpolating loss] by the theory, or with a wrong weight of the pairs."""
    _, predictions, bags, means = _sample(draw, bag_sizes)
    n, m = predictions.size, len(bag_sizes)
    pairs = {
        "right": _pair_sum(predictions, bag_sizes) / (2 * n),
        "printed": _pair_sum(predictions, bag_sizes),
        "squared bag size": _pair_sum(predictions, bag_sizes, -2.0),
        "ordered pairs not halved": _pair_sum(predictions, bag_sizes) / n,
        "unordered pairs": _pair_sum(predictions, bag_sizes) / (4 * n),
        "mean over bags": _pair_sum(predictions, bag_sizes, -2.0) / (2 * m),
    }[which]
    mixed = theory.interpolating_loss(means, predictions, bags, interpolation)
    return np.array([theory.within_bag_spread(predictions, bags), pairs, mixed])


def _spread_about_zero(*, draw: int, bag_sizes: Any, interpolation: float) -> Array:
    """The mean square of predictions in place of their spread."""
    right = _square_spreads(draw=draw, bag_sizes=bag_sizes, interpolation=interpolation)
    return np.array([float(np.mean(_sample(draw, bag_sizes)[1] ** 2)), *right[1:]])


def _weights_exchanged(*, draw: int, bag_sizes: Any, interpolation: float) -> Array:
    """The interpolating loss with rho at bag level."""
    return _square_spreads(draw=draw, bag_sizes=bag_sizes, interpolation=1 - interpolation)


SAMPLES = (
    {"draw": 1, "bag_sizes": (2,), "interpolation": 0.3},
    {"draw": 2, "bag_sizes": (3, 3, 3, 3), "interpolation": 0.8},
    {"draw": 3, "bag_sizes": (1, 2, 5, 9, 3), "interpolation": 0.05},
    {"draw": 4, "bag_sizes": (7,) * 40, "interpolation": 0.6},
)

L1 = Claim(
    id="ar.L1",
    title="Instance level is bag level plus the spread within bags",
    statement=(
        r"L_{ins}-L_{bag}=\frac1n\sum_a\sum_{i\in a}(f_i-\bar f_a)^2"
        r"=\sum_a\frac{1}{2k_an}\sum_{i,j\in a}(f_i-f_j)^2,\qquad L_{int}=L_{bag}+\rho\,(L_{ins}-L_{bag})"
    ),
    source=f"{PAPER}, in the normalisation of its own losses; derived",
    provenance="reconstructed",
    assumptions=("square loss", "any predictions", "bags weighted by size"),
    proof="Expand (y_a - f_i)^2 about the bag's mean prediction: the cross term sums to zero.",
    equations={
        "theory.aggregate_responses.within_bag_spread": "first right side",
        "theory.aggregate_responses.interpolating_loss": "L_int",
        "simulations.aggregate_responses.bag_losses": "both losses",
    },
    kind="identity",
    margin=1e-12,
    predict=_square_spreads,
    measure=_square_gaps,
    settings=SAMPLES,
    outputs=("spread", "sum over pairs", "interpolating loss"),
    mutants=(
        Mutant(name="1/k for the pairs, as printed", predict=partial(_square_spreads, "printed")),
        Mutant(name="1/k^2 for the pairs", predict=partial(_square_spreads, "squared bag size")),
        Mutant(name="ordered pairs not halved", predict=partial(_square_spreads, "ordered pairs not halved")),
        Mutant(name="unordered pairs", predict=partial(_square_spreads, "unordered pairs")),
        Mutant(
            name="bags weighted alike", predict=partial(_square_spreads, "mean over bags"), settings=(2,)
        ),  # elsewhere the bags have one size
        Mutant(name="spread about zero", predict=_spread_about_zero),
        Mutant(name="weights rho and 1 - rho exchanged", predict=_weights_exchanged),
    ),
)

L1_PRINTED = Claim(
    id="ar.L1.printed",
    title="The regulariser with the printed factor 1/k (false)",
    statement=r"L_{ins}-L_{bag}=\frac1k\sum_a\sum_{i,j\in a}(f_i-f_j)^2",
    source=f"{PAPER}, regulariser as quoted in its reviews; 2mk times too large for the losses defined there",
    provenance="reconstructed",
    assumptions=("square loss", "equal bags"),
    expected="refuted",
    corrected_by="ar.L1",
    kind="identity",
    margin=1e-12,
    predict=partial(_square_spreads, "printed"),
    measure=_square_gaps,
    settings=SAMPLES[:2],
    outputs=L1.outputs,
)


# ---------------------------------------------------------------- L2: convex losses


def _curvatures(loss: str, low: float, width: float) -> tuple[float, float]:
    """Smallest and largest second derivative of the `loss` in the prediction on [low, low + width]."""
    if loss == "square":
        return 2.0, 2.0
    if loss == "huber":
        return 0.0, 1.0
    if loss == "poisson":
        return math.exp(low), math.exp(low + width)
    near, far = max(low, -low - width, 0.0), max(-low, low + width)  # |s| on the interval
    return (float(expit(far) * expit(-far)), float(expit(near) * expit(-near)))


def _searched_gap(*, loss: str, draw: int, bags: int, bag_size: int, low: float, width: float, **_: Any) -> float:
    """L_ins - L_bag of a drawn sample."""
    sizes = (bag_size,) * bags
    labels, predictions = _sample(draw, sizes, low, width)[:2]
    return _gap(labels, predictions, sizes, loss)


def _curved_spread(
    end: int,
    factor: float = 0.5,
    *,
    loss: str,
    draw: int,
    bags: int,
    bag_size: int,
    low: float,
    width: float,
    about_zero: bool = False,
) -> float:
    """`factor` times the smallest (`end` 0) or largest (1) curvature times the spread, or the mean square."""
    predictions, index = _sample(draw, (bag_size,) * bags, low, width)[1:3]
    spread = float(np.mean(predictions**2)) if about_zero else theory.within_bag_spread(predictions, index)
    return factor * _curvatures(loss, low, width)[end] * spread


L2_DOMAIN = {
    "draw": Range(0, 10**6, integer=True),
    "bags": Range(1, 5, integer=True),
    "bag_size": Range(2, 9, integer=True),
    "low": Range(-3.0, 3.0),
    "width": Range(0.02, 4.0, log=True),
}
L2_WORDS = (
    r"\mu\le\partial_s^2\ell(y,s)\le\Lambda\;\Rightarrow\;"
    r"\frac\mu2W\le L_{ins}-L_{bag}\le\frac\Lambda2W,\quad W=\frac1n\sum_a\sum_{i\in a}(f_i-\bar f_a)^2"
)
L2_PROOF = "Taylor's theorem about the bag's mean prediction, whose linear term sums to zero in each bag."
L2 = Claim(
    id="ar.L2",
    title="Instance level exceeds bag level by at most half the curvature times the spread",
    statement=L2_WORDS,
    source=f"{PAPER}, general losses (form seen, constants derived)",
    provenance="reconstructed",
    assumptions=("curvature at most Lambda on the range of the predictions", "any predictions and labels"),
    proof=L2_PROOF,
    equations={"theory.aggregate_responses.within_bag_spread": "W"},
    kind="bound",
    margin=1e-7,  # rounding of the difference of two losses of order 1 where W is smallest
    predict=partial(_curved_spread, 1),
    measure=_searched_gap,
    settings=tuple({"loss": loss} for loss in ("square", "logistic", "poisson", "huber")),
    domain=L2_DOMAIN,
    restarts=400,
    mutants=(
        Mutant(name="a quarter of Lambda W", predict=partial(_curved_spread, 1, 0.25)),
        Mutant(name="smallest curvature for largest", predict=partial(_curved_spread, 0), settings=(1, 2, 3)),
        Mutant(name="two percent smaller", predict=partial(_curved_spread, 1, 0.49)),
    ),
    scales={"quick": {"restarts": 100}, "paper": {"restarts": 10_000}},
)

L2_BELOW = Claim(
    id="ar.L2.below",
    title="Instance level exceeds bag level by at least half the least curvature times the spread",
    statement=L2_WORDS,
    source=f"{PAPER}, general losses (Jensen's inequality at mu = 0); constant derived",
    provenance="reconstructed",
    assumptions=("curvature at least mu on the range of the predictions", "any predictions and labels"),
    proof=L2_PROOF,
    equations={"theory.aggregate_responses.within_bag_spread": "W"},
    kind="bound",
    relative=False,  # Huber's mu is 0: the bound is then Jensen's inequality
    margin=1e-12,
    predict=_searched_gap,
    measure=partial(_curved_spread, 0),
    settings=L2.settings,
    domain=L2_DOMAIN,
    restarts=400,
    mutants=(
        Mutant(name="mu W", measure=partial(_curved_spread, 0, 1.0)),
        Mutant(name="largest curvature for smallest", measure=partial(_curved_spread, 1), settings=(1, 2, 3)),
        Mutant(name="mean square for spread", measure=partial(_curved_spread, 0, about_zero=True)),
        Mutant(name="two percent larger", measure=partial(_curved_spread, 0, 0.51)),
    ),
    scales={"quick": {"restarts": 100}, "paper": {"restarts": 10_000}},
)


def _clustered_ratio(*, loss: str, centre: float, width: float) -> float:
    """(L_ins - L_bag)/W for two predictions `centre` -+ width/2 in one bag, label 0.3."""
    pair = np.array([centre - width / 2, centre + width / 2])
    return _gap(np.full(2, 0.3), pair, (2,), loss) / theory.within_bag_spread(pair, np.zeros(2))


def _half_curvature(factor: float = 0.5, *, loss: str, centre: float, **_: Any) -> float:
    """`factor` times the second derivative of the loss at the centre."""
    return factor * _curvatures(loss, centre, 0.0)[1]


def _narrower(setting: Mapping[str, Any], size: float) -> dict[str, Any]:
    """The `setting` with predictions 1/size apart."""
    return {**setting, "width": 1 / size}


L2_SHARP = Claim(
    id="ar.L2.sharp",
    title="The constant one half is the best",
    statement=r"\frac{L_{ins}-L_{bag}}{W}\to\tfrac12\,\partial_s^2\ell(y,s)\quad\text{as predictions cluster at } s",
    source="derived",
    provenance="derived",
    assumptions=("a bag of two",),
    equations={"theory.aggregate_responses.within_bag_spread": "W"},
    kind="limit",
    deterministic=True,
    margin=1e-7,
    predict=_half_curvature,
    measure=_clustered_ratio,
    settings=(
        {"loss": "logistic", "centre": 0.0},
        {"loss": "logistic", "centre": 1.3},
        {"loss": "poisson", "centre": 0.4},
        {"loss": "huber", "centre": 0.5},
    ),
    sizes=(4, 8, 16, 32),
    powers=(2.0, 4.0),
    at_size=_narrower,
    mutants=(
        Mutant(name="Lambda W", predict=partial(_half_curvature, 1.0)),
        Mutant(name="a quarter", predict=partial(_half_curvature, 0.25)),
        Mutant(name="one percent too large", predict=partial(_half_curvature, 0.505)),
    ),
)


# ---------------------------------------------------------------- L3: canonical losses


LOSS_OF = {"gaussian": "square", "logistic": "logistic", "poisson": "poisson"}


def _canonical_gaps(*, family: str, draw: int, bag_sizes: Any) -> Array:
    """L_ins - L_bag with the sample's labels, and with others."""
    labels, predictions, _, _ = _sample(draw, bag_sizes)
    scale = 0.5 if family == "gaussian" else 1.0  # (y - s)^2/2 and s^2/2 - ys differ by a function of y
    chosen = (labels, np.abs(np.sin(37.0 * labels)))
    return np.array([scale * _gap(each, predictions, bag_sizes, LOSS_OF[family]) for each in chosen])


def _jensen_gaps(which: str = "right", *, family: str, draw: int, bag_sizes: Any) -> Array:
    """The Jensen gap for either labels, or a wrong version of it."""
    labels, predictions, bags, means = _sample(draw, bag_sizes)
    if which == "mean response":
        chosen = (means, np.bincount(bags, weights=np.abs(np.sin(37.0 * labels))) / np.asarray(bag_sizes))
        inside = [theory.bag_loss(y, predictions, bags, loss=family, average="response") for y in chosen]
        outer = [theory.instance_loss(y, predictions, bags, loss=family) for y in chosen]
        return np.array(outer) - np.array(inside)
    gap = theory.jensen_gap(predictions, bags, family=family)
    if which == "bags weighted alike":
        parts = np.split(predictions, np.cumsum(bag_sizes)[:-1])
        gap = float(np.mean([theory.jensen_gap(p, np.zeros(p.size), family=family) for p in parts]))
    elif which == "half the curvature at the mean":
        gap = 0.5 * _curvatures(LOSS_OF[family], float(predictions.mean()), 0.0)[1]
        gap *= theory.within_bag_spread(predictions, bags)
    elif which == "labels multiply":
        gap *= float(np.mean(means))
    elif which == "doubled":
        gap *= 2
    return np.full(2, gap)


CANONICAL = tuple(
    {"family": family, "draw": draw, "bag_sizes": sizes}
    for family in LOSS_OF
    for draw, sizes in ((5, (2, 2, 2)), (6, (1, 4, 2, 8)))
)
L3 = Claim(
    id="ar.L3",
    title="Canonical losses: the difference does not contain the labels",
    statement=r"\ell(y,s)=A(s)-ys:\quad L_{ins}-L_{bag}=\frac1n\sum_a\sum_{i\in a}\left[A(f_i)-A(\bar f_a)\right]",
    source="derived",
    provenance="derived",
    assumptions=("bag level takes the mean score (not the mean probability)", "bags weighted by size"),
    proof="Within a bag the label is constant, so the terms y f_i and y f_a cancel.",
    equations={"theory.aggregate_responses.jensen_gap": "right side"},
    kind="identity",
    margin=1e-11,
    predict=_jensen_gaps,
    measure=_canonical_gaps,
    settings=CANONICAL,
    outputs=("own labels", "other labels"),
    mutants=(
        Mutant(name="bags weighted alike", predict=partial(_jensen_gaps, "bags weighted alike"), settings=(1, 3, 5)),
        Mutant(
            name="half the curvature at the mean",
            predict=partial(_jensen_gaps, "half the curvature at the mean"),
            settings=(2, 3, 4, 5),
        ),
        Mutant(name="multiplied by the mean label", predict=partial(_jensen_gaps, "labels multiply")),
        Mutant(name="doubled", predict=partial(_jensen_gaps, "doubled")),
    ),
)

L3_RESPONSE = Claim(
    id="ar.L3.response",
    title="Canonical losses with the mean probability inside the bag loss (false)",
    statement=(
        r"L_{ins}-L_{bag}=\frac1n\sum_a\sum_{i\in a}\left[A(f_i)-A(\bar f_a)\right]"
        r"\quad\text{with } L_{bag}\text{ at the mean response } \overline{A'(f)}_a"
    ),
    source="a common reading of bag level for classifiers; false: the labels do not cancel",
    provenance="derived",
    assumptions=("bag level takes the mean response A'(f)",),
    expected="refuted",
    corrected_by="ar.L3",
    kind="identity",
    margin=1e-11,
    predict=_canonical_gaps,
    measure=partial(_jensen_gaps, "mean response"),
    settings=CANONICAL[2:],
    outputs=L3.outputs,
)

CLAIMS = (L1, L1_PRINTED, L2, L2_BELOW, L2_SHARP, L3, L3_RESPONSE)
