"""The shared network: its layers by hand, its training on a problem with a known answer."""

from __future__ import annotations

import numpy as np

from simulations import _networks as networks
from simulations._jax import jax

KEY = jax.random.key(3)

# --- identities and limits


def test_shapes_and_precision():
    parameters = networks.initialise(KEY, (5, 7, 2))
    assert [(w.shape, b.shape) for w, b in parameters] == [((5, 7), (7,)), ((7, 2), (2,))]
    assert all(w.dtype == np.float64 for w, _ in parameters)


# --- oracle


def test_layers_are_products_with_relu_between():
    (w1, b1), (w2, b2) = networks.initialise(KEY, (3, 4, 2))
    b1, b2 = b1 + 0.3, b2 - 0.2
    inputs = np.linspace(-1, 1, 6).reshape(2, 3)
    expected = np.maximum(inputs @ np.asarray(w1) + np.asarray(b1), 0) @ np.asarray(w2) + np.asarray(b2)
    np.testing.assert_allclose(networks.predict([(w1, b1), (w2, b2)], inputs), expected, rtol=1e-14)


def test_the_first_weights_have_variance_two_over_inputs():
    ((weights, _),) = networks.initialise(KEY, (400, 500))
    # the mean of 2e5 squares has a relative standard error of sqrt(2/2e5) = .3 %
    assert abs(np.var(np.asarray(weights)) * 400 / 2 - 1) < 0.015


def test_training_finds_least_squares():
    """A linear layer on three points with two unknowns and an offset passes through all of them."""
    inputs, targets = np.array([[0.0, 1.0], [2.0, 1.0], [1.0, -1.0]]), np.array([[0.5], [1.5], [-2.0]])
    start = networks.initialise(KEY, (2, 1))

    def objective(parameters):
        return jax.numpy.mean((networks.predict(parameters, inputs) - targets) ** 2)

    trained = networks.train(objective, start, 3000, 0.02)
    assert float(objective(trained)) < 1e-6 * float(objective(start))
    kept = networks.train(objective, start, 3000, 0.02, weight_decay=0.5)
    assert float(jax.numpy.sum(kept[0][0] ** 2)) < float(jax.numpy.sum(trained[0][0] ** 2))
