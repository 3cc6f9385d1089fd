"""Bag and instance losses: the spread identity in exact rationals, Jensen gaps, curvature bounds, both bag averages."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.aggregate_responses import bag_loss, instance_loss, interpolating_loss, jensen_gap, within_bag_spread

EPS = np.finfo(float).eps
# means of at most 30 terms of order 1..100
ROUNDING = {"rel": 64 * EPS, "abs": 1e4 * EPS}


def draw(seed, sizes, spread=1.3):
    """Return (mean responses, predictions, bag of each row) for bags of the given sizes, rows shuffled."""
    rng = np.random.default_rng(seed)
    bags = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return rng.normal(0.4, 1.1, len(sizes)), spread * rng.normal(size=bags.size), bags


bag_sizes = st.lists(st.integers(1, 6), min_size=1, max_size=5)
seeds = st.integers(0, 10**6)


def huber(y, f):
    residual = np.abs(y - f)
    return np.where(residual < 1.0, 0.5 * residual**2, residual - 0.5)


# --- identities and limits


def test_two_points():
    """One bag of two predictions 0 and 2: spread 1, so that half, twice, 1/k or 1/k^2 of it would show."""
    assert within_bag_spread([0.0, 2.0], [0, 0]) == 1.0
    assert instance_loss([0.5], [0.0, 2.0], [0, 0]) == 1.25
    assert bag_loss([0.5], [0.0, 2.0], [0, 0]) == 0.25
    assert interpolating_loss([0.5], [0.0, 2.0], [0, 0], 0.25) == 0.5


def test_spread_identity_in_exact_rationals():
    """L_ins - L_bag = W = sum_a (1/(2 k_a n)) sum over ordered pairs; all inputs are dyadic, so floats are exact."""
    rng = np.random.default_rng(3)
    for sizes in [(4, 4, 4), (1, 2, 8, 4), (8,)]:
        bags = np.repeat(np.arange(len(sizes)), sizes)
        n = len(bags)
        means, scores = rng.integers(-64, 64, len(sizes)) / 16, rng.integers(-64, 64, n) / 16
        pairs = sum(
            (Fraction(scores[i]) - Fraction(scores[j])) ** 2 / (2 * sizes[bags[i]] * n)
            for i in range(n)
            for j in range(n)
            if bags[i] == bags[j]
        )
        literal = sum((Fraction(means[a]) - Fraction(f)) ** 2 for a, f in zip(bags, scores, strict=True)) / n
        middles = [sum(map(Fraction, scores[bags == a])) / size for a, size in enumerate(sizes)]
        bag = sum(size * (Fraction(y) - f) ** 2 for size, y, f in zip(sizes, means, middles, strict=True)) / n
        assert literal - bag == pairs
        assert within_bag_spread(scores, bags) == pytest.approx(float(pairs), rel=4 * EPS)
        assert instance_loss(means, scores, bags) == pytest.approx(float(literal), rel=4 * EPS)
        assert bag_loss(means, scores, bags) == pytest.approx(float(bag), rel=4 * EPS)


def test_equal_predictions_in_every_bag():
    means, bags = [0.3, -1.2], [1, 0, 1, 0, 0]
    scores = np.array([0.7, -2.0])[bags]
    assert within_bag_spread(scores, bags) == pytest.approx(0.0, abs=EPS**2)  # the mean of three 0.7 rounds
    for loss in ("square", "gaussian", "logistic", "poisson", huber):
        assert instance_loss(means, scores, bags, loss=loss) == pytest.approx(bag_loss(means, scores, bags, loss=loss))
    for loss in ("gaussian", "logistic", "poisson"):
        assert jensen_gap(scores, bags, family=loss) == pytest.approx(0.0, abs=8 * EPS)
        both = [bag_loss(means, scores, bags, loss=loss, average=average) for average in ("score", "response")]
        assert both[0] == pytest.approx(both[1], rel=16 * EPS)


def test_averages_of_score_and_response_differ():
    """Scores 0 and log 3: mean score log(3)/2, mean probability 5/8 (logit log(5/3)), mean rate 2."""
    scores, bags, y = [0.0, np.log(3.0)], [0, 0], 0.25
    by_score = np.log1p(np.sqrt(3.0)) - y * np.log(3.0) / 2
    assert bag_loss([y], scores, bags, loss="logistic") == pytest.approx(by_score, rel=8 * EPS)
    by_response = -y * np.log(5 / 8) - (1 - y) * np.log(3 / 8)
    assert bag_loss([y], scores, bags, loss="logistic", average="response") == pytest.approx(by_response, rel=8 * EPS)
    assert bag_loss([y], scores, bags, loss="poisson", average="response") == pytest.approx(2 - y * np.log(2.0))
    assert bag_loss([y], scores, bags, loss="poisson") == pytest.approx(np.sqrt(3.0) - y * np.log(3.0) / 2)


def test_extreme_scores_stay_finite():
    scores, bags = [-800.0, 800.0, -800.0, -801.0], [0, 0, 1, 1]
    for average in ("score", "response"):
        assert np.isfinite(bag_loss([0.5, 0.0], scores, bags, loss="logistic", average=average))
    assert bag_loss([0.0], [-800.0, -801.0], [0, 0], loss="logistic", average="response") == 0.0
    assert jensen_gap([-800.0, 800.0], [0, 0], family="logistic") == pytest.approx(400 - np.log(2.0), rel=4 * EPS)


# --- oracle


@pytest.mark.parametrize("loss", ["square", "gaussian", "logistic", "poisson"])
def test_losses_by_loops(loss):
    single = {
        "square": lambda y, f: (y - f) ** 2,
        "gaussian": lambda y, f: f * f / 2 - y * f,
        "logistic": lambda y, f: np.log(1 + np.exp(f)) - y * f,
        "poisson": lambda y, f: np.exp(f) - y * f,
    }[loss]
    for seed, sizes in enumerate([(3, 3, 3), (1, 4, 2), (7,), (1, 1)]):
        means, scores, bags = draw(seed, sizes)
        members = [scores[bags == a] for a in range(len(sizes))]
        literal = [single(y, f) for y, fs in zip(means, members, strict=True) for f in fs]
        assert instance_loss(means, scores, bags, loss=loss) == pytest.approx(np.mean(literal), **ROUNDING)
        middle = sum(len(fs) * single(y, np.mean(fs)) for y, fs in zip(means, members, strict=True)) / len(scores)
        assert bag_loss(means, scores, bags, loss=loss) == pytest.approx(middle, **ROUNDING)
        assert bag_loss(means, scores, bags, loss=single) == pytest.approx(middle, **ROUNDING)


# --- properties


@settings(derandomize=True, deadline=None, max_examples=80)
@given(seed=seeds, sizes=bag_sizes, weight=st.floats(0.0, 3.0))
def test_square_loss_is_bag_level_plus_spread(seed, sizes, weight):
    means, scores, bags = draw(seed, sizes)
    bag, spread = bag_loss(means, scores, bags), within_bag_spread(scores, bags)
    assert instance_loss(means, scores, bags) == pytest.approx(bag + spread, **ROUNDING)
    assert interpolating_loss(means, scores, bags, weight) == pytest.approx(bag + weight * spread, **ROUNDING)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(seed=seeds, sizes=bag_sizes, family=st.sampled_from(["gaussian", "logistic", "poisson"]))
def test_canonical_losses_differ_by_a_gap_without_responses(seed, sizes, family):
    means, scores, bags = draw(seed, sizes)
    for y in (means, np.zeros(len(sizes)), -3.0 * means):
        difference = instance_loss(y, scores, bags, loss=family) - bag_loss(y, scores, bags, loss=family)
        assert difference == pytest.approx(jensen_gap(scores, bags, family=family), **ROUNDING)
    assert jensen_gap(scores, bags, family="gaussian") == pytest.approx(within_bag_spread(scores, bags) / 2, **ROUNDING)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(seed=seeds, sizes=bag_sizes, spread=st.sampled_from([1e-3, 0.3, 5.0]))
@pytest.mark.parametrize(("loss", "low", "high"), [("square", 2.0, 2.0), ("logistic", 0.0, 0.25), (huber, 0.0, 1.0)])
def test_curvature_bounds(loss, low, high, seed, sizes, spread):
    means, scores, bags = draw(seed, sizes, spread)
    difference = instance_loss(means, scores, bags, loss=loss) - bag_loss(means, scores, bags, loss=loss)
    w = within_bag_spread(scores, bags)
    slack = 1e3 * EPS * (1 + spread) ** 2
    assert 0.5 * low * w - slack <= difference <= 0.5 * high * w + slack


def test_curvature_bounds_are_reached():
    """Half the curvature, not the whole: ratios come within 1e-3 of Lambda/2 as predictions cluster."""
    close = np.array([-0.01, 0.0, 0.01])
    bags, w = [0, 0, 0], within_bag_spread([-0.01, 0.0, 0.01], [0, 0, 0])
    assert jensen_gap(close, bags, family="logistic") / w == pytest.approx(1 / 8, rel=1e-3)
    gap = instance_loss([0.1], close, bags, loss=huber) - bag_loss([0.1], close, bags, loss=huber)
    assert gap / w == pytest.approx(1 / 2, rel=1e-3)


# --- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: instance_loss([1.0], [0.2, 0.3], [0, 0, 0]),
            r"predictions and bags must have one entry per row, got 2 and 3",
        ),
        (
            lambda: instance_loss([1.0, 2.0], [0.2, 0.3], [0, 0]),
            r"bag_responses must have one entry per bag, got 2 for 1",
        ),
        (lambda: instance_loss([1.0], [0.2, np.nan], [0, 0]), r"predictions must be .*, got predictions\[1\]=nan"),
        (lambda: within_bag_spread([0.2, 0.3], [0, 0.5]), r"bags must hold whole numbers"),
        (lambda: within_bag_spread([0.2, 0.3, 0.4], [0, 2, 2]), r"bags must leave no bag empty, got none in bag 1"),
        (lambda: within_bag_spread([0.2, 0.3], [0, 10**15]), r"bags must hold whole numbers"),
        (lambda: within_bag_spread([0.2, 0.3], [-1, 0]), r"bags must be >= 0, got bags\[0\]=-1\.0"),
        (lambda: within_bag_spread([], []), r"predictions must have shape \(n,\)"),
        (lambda: bag_loss([1.0], [0.2], [0], loss="hinge"), r"loss must be a function or one of .*, got loss='hinge'"),
        (lambda: bag_loss([1.0], [0.2], [0], average="median"), r"average must be 'score' or 'response'"),
        (lambda: bag_loss([1.0], [0.2], [0], average="response"), r"average='response' needs loss among"),
        (lambda: interpolating_loss([1.0], [0.2], [0], -0.5), r"interpolation must be >= 0, got interpolation=-0\.5"),
        (lambda: jensen_gap([0.2], [0], family="probit"), r"family must be one of .*, got family='probit'"),
        (
            lambda: jensen_gap([800.0], [0], family="poisson"),
            r"predictions must be <= 700, got predictions\[0\]=800\.0",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", [[], {}, 3, "hinge", np.array(["square"])])
def test_names_that_are_none(name):
    with pytest.raises(ValueError, match="loss must be a function or one of"):
        instance_loss([1.0], [2.0], [0], loss=name)
    with pytest.raises(ValueError, match="family must be one of"):
        jensen_gap([1.0], [0], family=name)
