"""Ridge regression at many ridges from one eigendecomposition of the smaller Gram matrix, batched.

With design F (samples x features), response y and ridge d the coefficients are
    a = F' (F F' + d)^-1 y = (F'F + d)^-1 F' y,
and with the eigenvalues D of the smaller of the two Gram matrices and the projections u'y on the left singular vectors
    |y - F a|^2 = rest + sum_i (d / (D_i + d))^2 (u_i'y)^2,    rest = |y|^2 - sum_i (u_i'y)^2.
No 1/n multiplies the loss: the ridge is added to the kernel matrix itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

__all__ = ["RidgePath", "ridge_path"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RidgePath:
    """Solutions of ridge regression on a batch of designs at a list of ridges.

    `ridges` (ridges,); `coefficients` (batch, features, ridges); `eigenvalues` (batch, r) of F F', positive, or 0
    where they fall under the rank tolerance; `energies` (batch, r) squared projections of the response on the left
    singular vectors, 0 where the eigenvalue is; `rest` (batch,) squared norm of the response outside the span of the
    design; `design` and `vectors` the matrices F and eigenvectors of its smaller Gram matrix.

    >>> path = ridge_path(np.array([[[2.0]]]), np.array([[3.0]]), np.array([0.0, 4.0]))
    >>> path.coefficients.tolist()
    [[[1.5, 0.75]]]
    """

    ridges: Array
    coefficients: Array
    eigenvalues: Array
    energies: Array
    rest: Array
    design: Array = field(repr=False)
    vectors: Array = field(repr=False)

    def residual(self) -> Array:
        """Return the residual sum of squares, shape (batch, ridges): exact, its limit at ridge 0.

        >>> path = ridge_path(np.array([[[2.0]]]), np.array([[3.0]]), np.array([0.0, 4.0]))
        >>> path.residual().tolist()
        [[0.0, 2.25]]
        """
        scale = np.where(self.eigenvalues > 0, self.eigenvalues, 1.0)  # where it is 0, so is the energy
        shrink = self.ridges / (scale[:, :, None] + self.ridges)
        return self.rest[:, None] + np.einsum("brd,br->bd", shrink**2, self.energies)

    def with_noise(self, variance: Array | float, samples: int) -> RidgePath:
        """Return the path with energies averaged over white noise in the response, of which `samples` are seen.

        `variance` is a number or (batch,). The coefficients stay those of the mean response.

        >>> path = ridge_path(np.array([[[2.0]]]), np.array([[3.0]]), np.array([0.0, 4.0]))
        >>> path.with_noise(0.5, 3).residual().tolist()
        [[1.0, 3.375]]
        """
        level = np.broadcast_to(variance, self.rest.shape)
        kept = self.eigenvalues > 0
        energies = np.where(kept, self.energies + level[:, None], 0.0)
        return replace(self, energies=energies, rest=self.rest + level * (samples - np.sum(kept, axis=1)))

    def directions(self) -> Array:
        """Return B (batch, features, r), B'B = diag(eigenvalues): the coefficients are B (projections / (D + ridge)).

        >>> ridge_path(np.array([[[2.0]]]), np.array([[3.0]]), np.array([4.0])).directions().round(12).tolist()
        [[[2.0]]]
        """
        samples, features = self.design.shape[-2:]
        if samples > features:
            return self.vectors * np.sqrt(self.eigenvalues)[:, None, :]
        return np.swapaxes(self.design, -1, -2) @ self.vectors

    def noise_gain(self, powers: Array) -> Array:
        """Return sum_i powers_i / (D_i + ridge)^2 (batch, ridges): what unit noise adds to a quadratic risk.

        `powers` (batch, r) is the quadratic form of the risk on each column of `directions`.

        >>> path = ridge_path(np.array([[[2.0]]]), np.array([[3.0]]), np.array([0.0, 4.0]))
        >>> path.noise_gain(np.array([[32.0]])).tolist()
        [[2.0, 0.5]]
        """
        kept = self.eigenvalues > 0
        scale = np.where(kept, self.eigenvalues, 1.0)[:, :, None] + self.ridges
        return np.einsum("brd,br->bd", scale**-2.0, np.where(kept, powers, 0.0))


def ridge_path(design: Array, response: Array, ridges: Array) -> RidgePath:
    """Return ridge regression of `response` on `design` for all ridges from one eigendecomposition per batch item.

    `design` has shape (batch, samples, features), `response` (batch, samples), `ridges` (ridges,) >= 0 in the units of
    F F'. At ridge 0 the solution is the one of least norm. Eigenvalues below max(samples, features) * eps * largest
    are dropped as rank deficiency; the relative error is about eps * largest / (smallest + ridge).

    >>> ridge_path(np.array([[[1.0, 1.0]]]), np.array([[3.0]]), np.array([0.0, 1.0])).coefficients[0].tolist()
    [[1.5, 1.0], [1.5, 1.0]]
    """
    samples, features = design.shape[-2:]
    transposed = np.swapaxes(design, -1, -2)
    wide = samples <= features
    values, vectors = np.linalg.eigh(design @ transposed if wide else transposed @ design)
    kept = values > max(samples, features) * np.finfo(np.float64).eps * values[:, -1:]
    values = np.where(kept, values, 0.0)
    floor = np.where(kept, values, 1.0)
    target = response if wide else _times(transposed, response)
    rotated = _times(np.swapaxes(vectors, -1, -2), target)
    weights = np.where(kept, rotated, 0.0)[:, :, None] / (floor[:, :, None] + ridges)
    coefficients = vectors @ weights
    if wide:
        energies, rest = np.where(kept, rotated, 0.0) ** 2, np.sum(np.where(kept, 0.0, rotated) ** 2, axis=-1)
        coefficients = transposed @ coefficients
    else:
        energies = np.where(kept, rotated, 0.0) ** 2 / floor
        rest = np.maximum(np.sum(response**2, axis=-1) - np.sum(energies, axis=-1), 0.0)
    return RidgePath(ridges, coefficients, values, energies, rest, design, vectors)


def _times(matrix: Array, vector: Array) -> Array:
    """Matrix times vector over the batch."""
    return np.matmul(matrix, vector[:, :, None])[:, :, 0]
