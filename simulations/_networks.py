"""A small fully connected network and its full-batch training, shared by the rows that need one.

Pure functions of a parameter list, so that a row may vectorise them over seeds, weights and targets with `jax.vmap`
and compile the whole experiment once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import optax

from simulations._jax import jax

__all__ = ["initialise", "predict", "train"]

Parameters = list[tuple[jax.Array, jax.Array]]


def initialise(key: jax.Array, widths: tuple[int, ...]) -> Parameters:
    """Return weights with variance 2/inputs (He et al. 2015) and zero offsets.

    `key` is a JAX random key; `widths` the numbers of units, from the inputs to the outputs.
    """
    keys = jax.random.split(key, len(widths) - 1)
    sizes = itertools.pairwise(widths)
    return [
        ((2.0 / rows) ** 0.5 * jax.random.normal(key, (rows, columns)), jax.numpy.zeros(columns))
        for key, (rows, columns) in zip(keys, sizes, strict=True)
    ]


def predict(parameters: Parameters, inputs: jax.Array) -> jax.Array:
    """Return the outputs of the last, linear layer, shape (samples, outputs); ReLU units between the layers.

    `parameters` as from `initialise`; `inputs` has shape (samples, features).
    """
    for weights, offsets in parameters[:-1]:
        inputs = jax.nn.relu(inputs @ weights + offsets)
    weights, offsets = parameters[-1]
    return inputs @ weights + offsets


def train(
    objective: Callable[[Parameters], jax.Array],
    parameters: Parameters,
    steps: int,
    learning_rate: float,
    weight_decay: float = 0.0,
) -> Parameters:
    """Return the parameters after `steps` full-batch steps of AdamW on `objective`.

    `objective` maps parameters to a scalar; `parameters` are the first ones; `learning_rate` and `weight_decay`
    (decoupled, 0 gives Adam) as in optax.
    """
    optimizer = optax.adamw(learning_rate, weight_decay=weight_decay)

    def step(carry: tuple[Parameters, Any], _: None) -> tuple[tuple[Parameters, Any], None]:
        parameters, state = carry
        updates, state = optimizer.update(jax.grad(objective)(parameters), state, parameters)
        return (optax.apply_updates(parameters, updates), state), None  # pyright: ignore[reportReturnType]

    (parameters, _), _ = jax.lax.scan(step, (parameters, optimizer.init(parameters)), length=steps)
    return parameters
