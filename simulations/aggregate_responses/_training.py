"""Gradient training on bag-level, instance-level and interpolating losses, compiled once for all splits and weights."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from simulations import _networks as networks
from simulations._jax import jax

__all__ = ["fit_classifiers", "fit_networks"]

Array = NDArray[np.float64]
jnp = jax.numpy


@partial(jax.jit, static_argnames=("bag_size", "widths", "steps"))
def _networks(keys, inputs, means, tests, rhos, rate, *, bag_size: int, widths: tuple[int, ...], steps: int):
    """Test predictions (splits, rhos, points) of networks trained on the interpolating square loss."""

    def one(key, inputs, means, tests, rho):
        def objective(parameters):
            bags = networks.predict(parameters, inputs)[:, 0].reshape(-1, bag_size)
            level = bags.mean(axis=1)
            return jnp.mean((means - level) ** 2) + rho * jnp.mean((bags - level[:, None]) ** 2)

        start = networks.initialise(key, (inputs.shape[1], *widths, 1))
        return networks.predict(networks.train(objective, start, steps, rate), tests)[:, 0]

    over_rhos = jax.vmap(one, in_axes=(None, None, None, None, 0))
    return jax.vmap(over_rhos, in_axes=(0, 0, 0, 0, None))(keys, inputs, means, tests, rhos)


def fit_networks(
    seed: int,
    inputs: Array,
    means: Array,
    tests: Array,
    rhos: Array,
    *,
    bag_size: int,
    widths: tuple[int, ...],
    steps: int,
    learning_rate: float,
) -> Array:
    """Return test predictions (splits, rhos, points) of one network for each split and rho, all rho from one start.

    `seed` gives the first weights; `inputs` (splits, n, d), `means` (splits, bags) the mean labels of bags of
    `bag_size` consecutive rows, `tests` (splits, points, d); `rhos` (rhos,) weigh the within-bag spread; `widths` of
    the hidden layers; `steps` and `learning_rate` of Adam on the whole sample.
    """
    keys = jax.random.split(jax.random.key(seed), len(inputs))
    fitted = _networks(keys, inputs, means, tests, rhos, learning_rate, bag_size=bag_size, widths=widths, steps=steps)
    return np.asarray(fitted)


@partial(jax.jit, static_argnames=("bag_size", "pooling", "steps"))
def _classifiers(inputs, means, tests, rhos, rate, decay, *, bag_size: int, pooling: str, steps: int):
    """Test scores (splits, rhos, points) of logistic regression on mean labels."""

    def one(inputs, means, tests, rho):
        def objective(parameters):
            scores = networks.predict(parameters, inputs)[:, 0].reshape(-1, bag_size)
            instance = jnp.mean(jax.nn.softplus(scores) - means[:, None] * scores)
            if pooling == "score":
                level = scores.mean(axis=1)
                return (1 - rho) * jnp.mean(jax.nn.softplus(level) - means * level) + rho * instance
            # logarithms of the mean probabilities of the two classes, from scores, without overflow
            yes = jax.nn.logsumexp(-jax.nn.softplus(-scores), axis=1) - jnp.log(bag_size)
            no = jax.nn.logsumexp(-jax.nn.softplus(scores), axis=1) - jnp.log(bag_size)
            return (1 - rho) * -jnp.mean(means * yes + (1 - means) * no) + rho * instance

        start = [(jnp.zeros((inputs.shape[1], 1)), jnp.zeros(1))]
        return networks.predict(networks.train(objective, start, steps, rate, decay), tests)[:, 0]

    over_rhos = jax.vmap(one, in_axes=(None, None, None, 0))
    return jax.vmap(over_rhos, in_axes=(0, 0, 0, None))(inputs, means, tests, rhos)


def fit_classifiers(
    inputs: Array,
    means: Array,
    tests: Array,
    rhos: Array,
    *,
    bag_size: int,
    pooling: str,
    steps: int,
    learning_rate: float,
    weight_decay: float,
) -> Array:
    """Return test scores (splits, rhos, points) of linear classifiers started at zero.

    `pooling` "score" puts the mean score into the bag's logistic loss, "probability" the mean probability;
    `weight_decay` of AdamW; `inputs`, `means`, `tests`, `rhos`, `bag_size`, `steps` and `learning_rate` as in
    `fit_networks`.
    """
    options = {"bag_size": bag_size, "pooling": pooling, "steps": steps}
    return np.asarray(_classifiers(inputs, means, tests, rhos, learning_rate, weight_decay, **options))
