"""Random designs of the proportional regime, reduced to what the risk of any spectral filter needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.self_distillation.task import LinearTask

__all__ = ["Designs", "batches", "draw_designs", "draw_inputs"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Designs:
    """A batch of designs X of `samples` n rows, through the nonzero eigenvalues of S = X'X/n, v_i their eigenvectors.

    An estimate with filter b has the error (I - V diag(b) V') beta, beta with independent random signs. `values` d
    (batch, modes) of S; `pairs` (batch, modes, modes) = (V' diag(s) V) * (V' diag(beta^2) V), entry by entry; `joint`
    (batch, modes) and `unseen` (batch,) the part of the risk that directions outside the row space of X have with each
    mode and among themselves; `shift` v'diag(s)v and `power` v'diag(beta^2)v (batch, modes).
    """

    samples: int
    values: Array
    pairs: Array
    joint: Array
    unseen: Array
    shift: Array
    power: Array

    def bias(self, left: Array, right: Array, blind: tuple[int, int] = (1, 1)) -> Array:
        """Return the mean over the signs of <e, Sigma e'>, e = V diag(left) V' beta and e' likewise by `right`.

        Shape (batch, ...) for `left` and `right` (batch, ..., modes); `blind` tells of each whether it holds beta's
        part outside the row space of X as well (1), as the errors of estimates do, or not (0), as differences do.
        """
        batch, modes = self.values.shape
        flat = np.broadcast_arrays(left, right)
        first, second = (array.reshape(batch, -1, modes) for array in flat)
        result = np.sum((first @ self.pairs) * second, axis=-1) + blind[0] * blind[1] * self.unseen[:, None]
        result += ((blind[1] * first + blind[0] * second) @ self.joint[:, :, None])[:, :, 0]
        return result.reshape(flat[0].shape[:-1])

    def variance(self, left: Array, right: Array) -> Array:
        """Return the covariance that unit label noise gives two estimates, summed against Sigma: (batch, ...).

        `left` and `right` (batch, ..., modes) are the factors on X'y/n, so gain / (d + ridge) for a filter.
        """
        weight = (self.shift * self.values / self.samples)[:, :, None]
        flat = np.broadcast_arrays(left, right)
        first, second = (array.reshape(len(weight), -1, weight.shape[1]) for array in flat)
        return ((first * second) @ weight)[:, :, 0].reshape(flat[0].shape[:-1])

    def response_power(self, noise_variance: float) -> Array:
        """Return the mean square of u_i'y, u_i = X v_i / |X v_i|, over signs and label noise, shape (batch, modes)."""
        return self.samples * self.values * self.power + noise_variance


def draw_inputs(rng: np.random.Generator, batch: int, samples: int, task: LinearTask) -> Array:
    """Return inputs X, shape (batch, samples, features), x_k = sqrt(s_k) g_k."""
    return rng.standard_normal((batch, samples, task.eigenvalues.size)) * np.sqrt(task.eigenvalues)


def draw_designs(rng: np.random.Generator, batch: int, samples: int, task: LinearTask) -> Designs:
    """Return `batch` independent designs, by the eigenvectors of the smaller of X'X and XX'."""
    inputs = draw_inputs(rng, batch, samples, task)
    spectrum, squares = task.eigenvalues, task.squares
    if samples >= spectrum.size:
        values, vectors = np.linalg.eigh(inputs.swapaxes(1, 2) @ inputs / samples)
    else:
        values, left = np.linalg.eigh(inputs @ inputs.swapaxes(1, 2) / samples)
        vectors = inputs.swapaxes(1, 2) @ left
        vectors /= np.linalg.norm(vectors, axis=1)[:, None, :]
    values = np.maximum(values, 0.0)
    transposed = vectors.swapaxes(1, 2)
    shift, power = (transposed @ (diagonal[:, None] * vectors) for diagonal in (spectrum, squares))
    pairs, joint, unseen = shift * power, np.zeros(values.shape), np.zeros(batch)
    if samples < spectrum.size:
        outside = spectrum[:, None] * vectors - vectors @ shift  # (I - V V') Sigma V
        joint = np.sum(vectors * squares[:, None] * outside, axis=1)
        both = np.sum(squares * spectrum) - np.sum((squares * spectrum)[:, None] * vectors**2, axis=(1, 2))
        unseen = np.maximum(both - joint.sum(axis=1), 0.0)
    diagonals = (np.diagonal(matrix, axis1=1, axis2=2).copy() for matrix in (shift, power))
    return Designs(samples, values, pairs, joint, unseen, *diagonals)


def batches(replicates: int, samples: int, features: int) -> Iterator[int]:
    """Split `replicates` into batches whose arrays take a few megabytes."""
    step = int(np.clip(2**19 // (max(samples, features) * features), 1, 1024))
    for start in range(0, replicates, step):
        yield min(step, replicates - start)
