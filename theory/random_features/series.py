"""Sums over infinitely many power-law modes, for "More is Better" (Simon, Karkada, Ghosh, Belkin, ICLR 2024).

Model: eigenvalues i^-alpha and target powers i^-beta, i = 1, 2, ..., modes (modes = inf allowed). At the implicit
ridge gamma a mode is learned by the share e_i = 1/(1 + u_i) and missed by f_i = u_i/(1 + u_i), u_i = gamma i^alpha.
Every sum of the theory is  S = sum_i i^-beta f_i^a e_i^b  (beta = 0 for the unweighted ones).

=======  =================  =========================================================  ==========================
letter   argument           meaning                                                    domain
=======  =================  =========================================================  ==========================
gamma    gamma              implicit ridge, units of the eigenvalues                   0 or >= 1e-250; inf above 1e250
alpha    alpha              decay exponent of the eigenvalues                          1 < alpha <= 40
beta     beta               decay exponent of the target powers                        1 < beta < 2 alpha + 1, or 0
a, b     missed, learned    powers of f_i and e_i                                      whole numbers, 0..3
M        modes              number of modes                                            1 <= M <= 2^52 whole, or inf
=======  =================  =========================================================  ==========================

Conventions that bite: the first mode is i = 1 and nothing is normalised: sum_i i^-alpha is zeta(alpha), not 1.

Evaluation (exact up to rounding, no asymptotic series, no special case at the resonances (beta-1)/alpha = 1, 2 or at
zeros of zeta): the modes i <= h are added one by one; the rest is the midpoint form of the Abel-Plana formula
    sum_{i>h} g(i) = int_c^inf g(x) dx + 2 int_0^inf Im g(c + iy) / (exp(2 pi y) + 1) dy,      c = h + 1/2.
The second integral takes a Gauss rule for its own weight. It ignores the poles of g, x^alpha = -1/gamma, which is right
to exp(-2 pi d) when they lie d away from both the cut and the real axis beyond it; h is chosen so that d >= 7. The
first integral is an incomplete beta function with possibly negative parameters:
    gamma^w/alpha * int u^(p-1) (1+u)^-m du,  p = (alpha a + 1 - beta)/alpha,  m = a + b,  w = (beta-1)/alpha,
taken below u = 1/2 by the binomial series, whose terms (v^q - u^q)/q are written with expm1 so that q = 0 (the
resonance, a logarithm) is an ordinary point, and above by a hypergeometric series with positive terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import exprel, poch

from theory._checks import check_number, check_range

__all__ = ["PowerLawSums", "check_exponents", "power_law_sum", "power_law_sums", "read_modes"]

Array = NDArray[np.float64]

SMALLEST, LARGEST = 1e-250, 1e250  # range of gamma in which no power overflows; above it gamma counts as inf
STEEPEST = 40.0  # largest alpha: LARGEST * 17^40 < LARGEST_ODDS, 17 the furthest point at which a mode is evaluated
MOST_MODES = 2.0**52
LARGEST_ODDS = 1e300  # of gamma i^alpha
_HEAD = 10  # modes added one by one when no pole is near
_CLEARANCE = 7.0  # distance kept from the poles: exp(-2 pi 7) = 8e-20
_SPLIT = 0.5  # where the two series of the tail integral meet: ratios 1/2 below, 2/3 above
_LOWER_TERMS = 64  # 64^2 2^-64 < 1e-15 of the first term even for m = 3
_UPPER_TERMS = 112  # 112^2 (2/3)^112 < 1e-15
_CHUNK = 2048  # cells evaluated at once; bounds the scratch memory at a few MB


@dataclass(frozen=True)
class PowerLawSums:
    """The five sums over modes that the risk needs, at one gamma or an array of them.

    degrees_of_freedom: z = sum e_i; degrees_of_freedom_2: q = sum e_i^2; degrees_of_freedom_gap: s = sum e_i f_i,
    summed as such and not as z - q; missed_power: A = sum v_i^2 f_i^2; shared_power: B = sum v_i^2 e_i f_i.
    """

    degrees_of_freedom: Array
    degrees_of_freedom_2: Array
    degrees_of_freedom_gap: Array
    missed_power: Array
    shared_power: Array


def check_exponents(alpha: float, beta: float) -> tuple[float, float]:
    """Return (alpha, beta) as floats after checking 1 < alpha <= 40 and 1 < beta < 2 alpha + 1.

    `alpha` and `beta` are the decay exponents of eigenvalues and target powers. Beyond the upper bound on beta the sum
    of v_i^2 f_i^2 is set by the first modes (it falls like gamma^2) and no longer by the power law. Raises `ValueError`
    that names both arguments. Source: paper's task, bounds derived from the sums' leading terms (rf.T2).

    >>> check_exponents(1.5, 4.5)
    Traceback (most recent call last):
        ...
    ValueError: beta must be < 2*alpha + 1, got alpha=1.5, beta=4.5
    """
    a, b = check_decay(alpha), check_number("beta", beta, low=1.0, open_low=True)
    if b >= 2.0 * a + 1.0:
        raise ValueError(f"beta must be < 2*alpha + 1, got alpha={a!r}, beta={b!r}")
    return a, b


def check_decay(alpha: float) -> float:
    """Return `alpha`, the decay exponent of the eigenvalues, as a float after checking 1 < alpha <= 40.

    Steeper spectra exceed float64 after a few modes. Raises `ValueError`. Source: derived (rf.T2).

    >>> check_decay(1000)
    Traceback (most recent call last):
        ...
    ValueError: alpha must be <= 40, got alpha=1000.0
    """
    return check_number("alpha", check_number("alpha", alpha, low=1.0, open_low=True), high=STEEPEST)


def power_law_sum(
    gamma: ArrayLike, alpha: float, beta: float, missed: int, learned: int, modes: float = np.inf
) -> Array:
    """Return sum_i i^-beta f_i^a e_i^b, exact up to rounding (relative error below 1e-13).

    `gamma`: implicit ridge, array of any shape, units of the eigenvalues, >= 0 (0 and inf give the limits); `alpha`:
    eigenvalue exponent, > 1; `beta`: weight exponent, either 0 (no weight, then `learned` >= 1) or in
    (1, 2 alpha + 1); `missed`, `learned`: the powers a of f_i = gamma i^alpha/(1 + gamma i^alpha) and b of
    e_i = 1 - f_i, whole numbers 0..3; `modes`: number of modes, whole or inf.
    Limits: gamma = 0 makes e_i = 1, f_i = 0 (the sum of e_i^b is `modes`); gamma = inf the reverse.
    Raises `ValueError` for arguments outside these domains. Source: derived (rf.T2).

    With one mode and gamma = 1/4 the mode is learned by 4/5:

    >>> round(float(power_law_sum(0.25, 1.5, 0, 1, 1, modes=1)), 12)
    0.16
    """
    beta = check_number("beta", beta)
    alpha, beta = check_exponents(alpha, beta) if beta else (check_decay(alpha), 0.0)
    for name, power in (("missed", missed), ("learned", learned)):
        if power not in (0, 1, 2, 3):
            raise ValueError(f"{name} must be one of 0, 1, 2, 3, got {name}={power!r}")
    if beta == 0 and learned == 0:
        raise ValueError(f"learned must be >= 1 when beta is 0, got beta={beta:g}, learned={learned!r}")
    gammas = check_range("gamma", gamma, low=0.0, allow_inf=True)
    return _sums(gammas, alpha, ((float(beta), int(missed), int(learned)),), read_modes(modes))[0]


def power_law_sums(gamma: ArrayLike, alpha: float, beta: float, modes: float = np.inf) -> PowerLawSums:
    """Return the five sums (z, q, s, A, B) as a `PowerLawSums`, exact up to rounding (relative error below 1e-13).

    `gamma`: implicit ridge, array of any shape, units of the eigenvalues, >= 0; `alpha`: eigenvalue exponent, > 1;
    `beta`: target exponent, in (1, 2 alpha + 1); `modes`: number of modes, whole or inf.
    z = sum e_i, q = sum e_i^2, s = sum e_i f_i, A = sum i^-beta f_i^2, B = sum i^-beta e_i f_i.
    Limits: gamma = 0 gives z = q = modes and s = A = B = 0 (s = inf for modes = inf, where z - q diverges);
    gamma = inf gives A = zeta(beta) and zeros. Raises `ValueError` as `power_law_sum`. Source: derived (rf.T2).

    >>> sums = power_law_sums(0.25, 1.5, 1.5, modes=1)
    >>> [round(float(x), 12) for x in (sums.degrees_of_freedom, sums.degrees_of_freedom_gap, sums.missed_power)]
    [0.8, 0.16, 0.04]
    """
    alpha, beta = check_exponents(alpha, beta)
    gammas = check_range("gamma", gamma, low=0.0, allow_inf=True)
    powers = ((0.0, 0, 1), (0.0, 0, 2), (0.0, 1, 1), (beta, 2, 0), (beta, 1, 1))
    return PowerLawSums(*_sums(gammas, alpha, powers, read_modes(modes)))


def read_modes(modes: float) -> float:
    """Return `modes` as a whole number >= 1 or inf. Raises `ValueError` for anything else.

    Beyond 2^52 the mode between two floats no longer exists, so that there only inf is left. Source: derived (rf.T2).

    >>> read_modes(10), read_modes(float("inf"))
    (10.0, inf)
    """
    count = check_number("modes", modes, low=1.0, allow_inf=True)
    if np.isfinite(count) and count > MOST_MODES:
        raise ValueError(f"modes must be <= 2^52 or inf, got modes={count!r}")
    if np.isfinite(count) and count != np.floor(count):
        raise ValueError(f"modes must be a whole number or inf, got modes={modes!r}")
    return count


def _sums(gamma: Array, alpha: float, powers: tuple[tuple[float, int, int], ...], modes: float) -> list[Array]:
    """Every sum in `powers` (triples beta, a, b) at every gamma; the limits gamma = 0 and inf are set by hand."""
    flat = np.ravel(gamma)
    out = np.empty((len(powers), flat.size))
    inside = (flat > 0.0) & (flat <= LARGEST)
    odd = inside & (flat < SMALLEST)
    if np.any(odd):
        raise ValueError(f"gamma must be 0 or >= {SMALLEST:g}, got gamma={float(flat[odd][0])!r}")
    for row, (beta, a, b) in zip(out, powers, strict=True):
        row[flat == 0.0] = _all_modes(beta, modes) if a == 0 else (np.inf if modes == np.inf and beta == 0 else 0.0)
        row[flat > LARGEST] = _all_modes(beta, modes) if b == 0 else 0.0
    if np.isfinite(modes) and np.any(inside):
        steepest = np.log(float(np.max(flat[inside]))) + alpha * np.log(modes + 1.0)
        if steepest > np.log(LARGEST_ODDS):
            got = f"gamma={float(np.max(flat[inside]))!r}, alpha={alpha!r}, modes={modes!r}"
            raise ValueError(f"gamma*(modes + 1)^alpha must be <= {LARGEST_ODDS:g}, got {got}; use modes=inf")
    near = _pole_is_near(flat, alpha) & inside
    for group in (near, inside & ~near):
        where = np.flatnonzero(group)
        for start in range(0, where.size, _CHUNK):
            cells = where[start : start + _CHUNK]
            out[:, cells] = _evaluate(flat[cells], alpha, powers, modes)
    return [row.reshape(gamma.shape)[()] for row in out]


def _all_modes(beta: float, modes: float) -> float:
    """sum_{i <= modes} i^-beta, from the general sum at a gamma so large that every f_i is 1."""
    if beta == 0.0:
        return modes
    return float(_evaluate(np.array([1e30]), 2.0, ((beta, 1, 0),), modes)[0, 0])


def _pole_is_near(gamma: Array, alpha: float) -> NDArray[np.bool_]:
    """Whether the pole of the summand lies within the clearance of the default cut or of the axis beyond it."""
    with np.errstate(divide="ignore", over="ignore"):
        radius = gamma ** (-1.0 / alpha)
    angle = np.pi / alpha
    return (radius * np.cos(angle) > _HEAD - _CLEARANCE) & (radius * np.sin(angle) < _CLEARANCE)


def _evaluate(gamma: Array, alpha: float, powers: tuple[tuple[float, int, int], ...], modes: float) -> Array:
    """Head + tail integral + Abel-Plana correction, for cells that share one cut; shape (len(powers), cells)."""
    head = _HEAD
    if np.any(_pole_is_near(gamma, alpha)):
        head = int(np.ceil(np.max(gamma ** (-1.0 / alpha)) + _CLEARANCE)) + 1
    index = np.arange(1.0, min(head, modes) + 1.0)
    shares = _shares(gamma, alpha, index)
    cuts = [] if modes <= head else [(head + 0.5, 1.0)] if modes == np.inf else [(head + 0.5, 1.0), (modes + 0.5, -1.0)]
    height, weight = _abel_plana_rule()
    out = np.empty((len(powers), gamma.size))
    for row, (beta, a, b) in zip(out, powers, strict=True):
        row[:] = _product(*shares, a, b) @ index**-beta
        if cuts:
            row += _integral(gamma, alpha, beta, a, b, head + 0.5, modes + 0.5)
    for cut, sign in cuts:
        line = cut + 1j * height
        beyond = _shares(gamma, alpha, line)
        for row, (beta, a, b) in zip(out, powers, strict=True):
            row += sign * 2.0 * (np.imag(_product(*beyond, a, b) * line**-beta) @ weight)
    return out


def _shares(gamma: Array, alpha: float, points: NDArray) -> tuple[NDArray, NDArray]:
    """(f, e) at every gamma (rows) and real or complex mode index (columns), free of cancellation."""
    u = gamma[:, None] * points**alpha
    return 1.0 / (1.0 + 1.0 / u), 1.0 / (1.0 + u)


def _product(f: NDArray, e: NDArray, a: int, b: int) -> NDArray:
    """f^a e^b for small whole powers."""
    return f**a * e**b


@cache
def _abel_plana_rule() -> tuple[Array, Array]:
    """Gauss rule for int_0^inf G(y)/(exp(2 pi y)+1) dy with G odd: heights y_j and weights w_j, sum w_j G(y_j).

    G(y)/y is a function of v = y^2, so the rule is built in v for the measure y dy/(exp(2 pi y)+1), discretised on a
    fine Legendre rule, by the Stieltjes recurrence and the eigenvalues of its Jacobi matrix. Six nodes are exact up
    to y^23: the analogue of an Euler-Maclaurin formula with twelve terms.
    """
    nodes = 6
    x, w = np.polynomial.legendre.leggauss(400)
    y = 10.0 * (x + 1.0)
    v, mass = y * y, 10.0 * w * y / (np.exp(2.0 * np.pi * y) + 1.0)
    diagonal, off, total = np.empty(nodes), np.empty(nodes), float(np.sum(mass))
    previous, current = np.zeros_like(v), np.full_like(v, 1.0 / np.sqrt(total))
    for j in range(nodes):
        diagonal[j] = np.sum(mass * v * current**2)
        following = (v - diagonal[j]) * current - (off[j - 1] * previous if j else 0.0)
        off[j] = np.sqrt(np.sum(mass * following**2))
        previous, current = current, following / off[j]
    roots, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off[:-1], 1) + np.diag(off[:-1], -1))
    height = np.sqrt(roots)
    return height, total * vectors[0] ** 2 / height


def _integral(gamma: Array, alpha: float, beta: float, a: int, b: int, low: float, high: float) -> Array:
    """int_low^high x^-beta f^a e^b dx by the substitution u = gamma x^alpha."""
    p, d = (alpha * a + 1.0 - beta) / alpha, (alpha * b + beta - 1.0) / alpha
    u_low = gamma * low**alpha
    u_high = gamma * high**alpha if np.isfinite(high) else np.full_like(gamma, np.inf)
    integral = np.zeros_like(gamma)
    below, above = u_low < _SPLIT, u_high > _SPLIT
    integral[below] = _lower_integral(u_low[below], np.minimum(u_high[below], _SPLIT), p, a + b)
    integral[above] += _upper_integral(np.maximum(u_low[above], _SPLIT), p, d, a + b)
    if np.isfinite(high):
        integral[above] -= _upper_integral(u_high[above], p, d, a + b)
    return gamma ** ((beta - 1.0) / alpha) / alpha * integral


def _lower_integral(u: Array, v: Array, p: float, m: int) -> Array:
    """int_u^v t^(p-1) (1+t)^-m dt for u <= v <= 1/2, any real p > -3: term by term, expm1 where q = p+j is small."""
    step = np.log(v / u)
    j = np.arange(_LOWER_TERMS)
    coefficient = (-1.0) ** j * poch(float(m), j) / poch(1.0, j)
    total = np.zeros_like(u)
    for i in range(3):
        total += coefficient[i] * v ** (p + i) * step * exprel(-(p + i) * step)
    q, c = p + j[3:], coefficient[3:] / (p + j[3:])
    return total + (v[:, None] ** q - u[:, None] ** q) @ c


def _upper_integral(u: Array, p: float, d: float, m: int) -> Array:
    """int_u^inf t^(p-1) (1+t)^-m dt for u >= 1/2 and d = m - p > 0: y^d (1-y)^p/d 2F1(m, 1; d+1; y), y = 1/(1+u)."""
    y = 1.0 / (1.0 + u)
    j = np.arange(_UPPER_TERMS)
    ratio = np.concatenate(([1.0], np.cumprod((m + j[:-1]) / (d + 1.0 + j[:-1]))))
    return y**d * (u * y) ** p / d * (y[:, None] ** j @ ratio)
