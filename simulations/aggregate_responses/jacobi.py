"""Bias and variance for x ~ N(0, I) from the eigenvalues of a matrix-beta ensemble: no samples, no matrices.

B = (A1 + A2)^(-1/2) A1 (A1 + A2)^(-1/2) is independent of A1 + A2, whose moments are known; given B's eigenvalues b
and with w = rho (1 - b) / (b + rho (1 - b)), g = b / (b + rho (1 - b))^2 (n > d + 1):
    E bias / signal = ((n - 1) sum w^2 - (sum w)^2) / (d (n - d - 1)),  E variance / noise = sum g / (n - d - 1).
The b are those of the Jacobi ensemble: |d - m| (if m < d) zeros, |d - (n - m)| (if n - m < d) ones, the rest those of
R R' for a bidiagonal R made of independent beta variates (Edelman and Sutton). The sums take O(d) each by `_recursion`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations._checks import check_vector
from simulations.aggregate_responses._arguments import check_interpolations, check_setting
from simulations.aggregate_responses._recursion import shifted_traces, weighted_traces

__all__ = ["bidiagonal_squares", "draw_cosines", "gain_errors", "jacobi_errors", "jacobi_sums"]

Array = NDArray[np.float64]
_VALUES = 2**20  # beta variates drawn at a time


def draw_cosines(rng: np.random.Generator, count: int, n: int, d: int, bags: int) -> tuple[Array, Array]:
    """Return the squared cosines c^2 and c'^2 of `count` draws, (count, size) and (count, size - 1), k decreasing.

    c_k^2 ~ Beta((|d - m| + k)/2, (|n - m - d| + k)/2) for k = size..1, c'_k^2 ~ Beta(k/2, (|d - m| + |n - m - d| + 1
    + k)/2) for k = size - 1..1, where size = min(m, d, n - m, n - d) counts the eigenvalues other than 0 and 1; `rng`
    draws; `n`, `d` and `bags` = m as in `jacobi_errors`.

    >>> [part.shape for part in draw_cosines(np.random.default_rng(0), 3, n=10, d=4, bags=5)]
    [(3, 4), (3, 3)]
    """
    size = min(bags, d, n - bags, n - d)
    low, high = abs(d - bags), abs(n - bags - d)
    k = np.arange(size, 0, -1)
    outer = rng.beta((low + k) / 2, (high + k) / 2, size=(count, size))
    return outer, rng.beta(k[1:] / 2, (low + high + 1 + k[1:]) / 2, size=(count, max(size - 1, 0)))


def bidiagonal_squares(outer: Array, inner: Array) -> tuple[Array, Array, Array, Array]:
    """Return squared diagonal and superdiagonal of the roots of B, and of 1 - B in reversed order, (count, size) each.

    `outer` (count, size) and `inner` (count, size - 1) are the c^2 and c'^2 of `draw_cosines`. The last entry of a
    superdiagonal is 0.

    >>> [part.tolist() for part in bidiagonal_squares(np.array([[0.25]]), np.empty((1, 0)))]
    [[[0.25]], [[0.0]], [[0.75]], [[0.0]]]
    """
    count, size = outer.shape
    before, after = np.zeros((2, count, size))  # c'_k^2 and c'_(k-1)^2 beside c_k^2
    before[:, 1:], after[:, : size - 1] = inner, inner
    diagonal, superdiagonal = outer * (1 - before), (1 - outer) * after
    other, subdiagonal = (1 - outer) * (1 - after), outer * before
    return diagonal, superdiagonal, other[:, ::-1].copy(), subdiagonal[:, ::-1].copy()


@numba.njit(cache=True)
def _sums(diagonal, superdiagonal, other, subdiagonal, rho):
    """Sums of w, w^2 and g over the interior eigenvalues, by whichever of four forms does not cancel at this rho."""
    size = diagonal.size
    if rho <= 0.5:
        s = rho / (1 - rho)
        one, two = shifted_traces(diagonal, superdiagonal, s)
        w = s * ((1 + s) * one - size)
        return w, s * s * ((1 + s) ** 2 * two - 2 * (1 + s) * one + size), (1 + s) ** 2 * (one - s * two)
    if rho <= 1:
        one, two = weighted_traces(diagonal, superdiagonal, rho)
        return size - one, size - 2 * one + two, (one - (1 - rho) * two) / rho
    turned = 1 / rho
    if rho < 2:
        one, two = weighted_traces(other, subdiagonal, turned)
        return one, two, size - (2 - turned) * one + (1 - turned) * two
    s = turned / (1 - turned)
    one, two = shifted_traces(other, subdiagonal, s)
    w = (1 + s) * (size - s * one)
    return w, (1 + s) ** 2 * (size - 2 * s * one + s * s * two), s * s * ((1 + s) * two - one)


@numba.njit(cache=True)
def _all_sums(diagonal, superdiagonal, other, subdiagonal, rhos):
    """The sums of `_sums` for every draw and every rho: (draws, rhos, 3)."""
    result = np.empty((diagonal.shape[0], rhos.size, 3))
    for i in range(diagonal.shape[0]):
        for j in range(rhos.size):
            result[i, j] = _sums(diagonal[i], superdiagonal[i], other[i], subdiagonal[i], rhos[j])
    return result


def jacobi_sums(outer: Array, inner: Array, interpolations: Array) -> Array:
    """Return the sums of w, w^2 and g over the eigenvalues other than 0 and 1, (count, interpolations, 3).

    `outer` and `inner` as from `draw_cosines`; `interpolations` rho in [0, inf], 0 and `ALMOST_ZERO` being the same.

    >>> jacobi_sums(np.array([[0.25]]), np.empty((1, 0)), np.array([1.0])).tolist()
    [[[0.75, 0.5625, 0.25]]]
    """
    return _all_sums(*bidiagonal_squares(outer, inner), interpolations)


def jacobi_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    d: int,
    bag_size: float,
    interpolations: Iterable[float | str],
    signal: float,
    noise_variance: float,
) -> Array:
    """Return [bias, variance], (replicates, interpolations, 2), averaged over all but the eigenvalues b that are drawn.

    Its mean is that of `conditional.conditional_errors` at any size; its cost does not depend on n. `n` > d + 1, below
    which no mean exists or the answer has no randomness left; rho = 0 needs at least d bags ("0+" does not). Otherwise
    `rng`, `replicates`, `n`, `d`, `bag_size`, `interpolations`, `signal`, `noise_variance` are as there.

    Source: derived (ar.E3).

    With one sample in each bag it is least squares, variance d / (n - d - 1):

    >>> setting = dict(n=9, d=3, bag_size=1, interpolations=(0.0, "inf"), signal=2.0, noise_variance=0.5)
    >>> jacobi_errors(np.random.default_rng(0), 1, **setting).tolist()
    [[[0.0, 0.3], [0.0, 0.3]]]
    """
    setting = check_setting(replicates, n, d, bag_size, signal, noise_variance)
    moments = _moments(rng, setting, check_interpolations(interpolations, limits=True))
    return moments[..., 1:] * np.array(setting[4:])


def gain_errors(
    rng: np.random.Generator,
    replicates: int,
    *,
    n: int,
    d: int,
    bag_size: float,
    interpolations: Iterable[float | str],
    gains: ArrayLike,
    signal: float,
    noise_variance: float,
) -> Array:
    """Return the risk of gain * theta for pairs of rho and gain, (replicates, interpolations), averaged as above.

    `gains` (interpolations,) holds one real number for each of `interpolations`; `rng`, `replicates`, `n`, `d`,
    `bag_size`, `signal` and `noise_variance` as in `jacobi_errors`. Gain k at rho = 1 is least squares on the soft
    labels k ybar (EasyLLP with prior 0).

    Source: derived (ar.X4, ar.X3).

    >>> setting = dict(n=9, d=3, bag_size=1, interpolations=(0, 0), signal=2.0, noise_variance=0.5)
    >>> gain_errors(np.random.default_rng(0), 1, gains=(1.0, 0.0), **setting).tolist()
    [[0.3, 2.0]]
    """
    setting = check_setting(replicates, n, d, bag_size, signal, noise_variance)
    rhos, factors = check_interpolations(interpolations, limits=True), check_vector("gains", gains, axis="gains")
    if factors.size != rhos.size:
        raise ValueError(f"gains and interpolations must have the same length, got {factors.size} and {rhos.size}")
    deficit, bias, variance = np.moveaxis(_moments(rng, setting, rhos), -1, 0)
    missed = (1 - factors) ** 2 + 2 * factors * (1 - factors) * deficit + factors**2 * bias
    return setting[4] * missed + setting[5] * factors**2 * variance


def _moments(rng: np.random.Generator, setting: tuple[int, int, int, int, float, float], rhos: Array) -> Array:
    """Mean shrinkage deficit, bias per signal, variance per noise given the eigenvalues, (count, rhos, 3)."""
    count, n, d, bags = setting[:4]
    if n <= d + 1:
        raise ValueError(f"n must be > d + 1, got n={n} and d={d}")
    if bags < d and np.any(rhos == 0):
        raise ValueError(
            f"interpolations must be > 0 with fewer bags than features ('0+' is the limit), got {bags} bags and d={d}"
        )
    sums = np.concatenate([jacobi_sums(*draw_cosines(rng, part, n, d, bags), rhos) for part in _parts(count, d)])
    sums += np.array([1.0, 1.0, 0.0]) * max(d - bags, 0) + np.array([0.0, 0.0, 1.0]) * max(d - (n - bags), 0)
    w, squares, g = np.moveaxis(sums, -1, 0)
    return np.stack([w / d, ((n - 1) * squares - w**2) / (d * (n - d - 1)), g / (n - d - 1)], axis=-1)


def _parts(count: int, d: int) -> Iterator[int]:
    """Split `count` draws into parts of a few megabytes."""
    step = max(_VALUES // d, 1)
    for start in range(0, count, step):
        yield min(step, count - start)
