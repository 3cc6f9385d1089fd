"""All n rounds instead of a truncation, when eta = theta n^-alpha: the error falls like n^-alpha (derived, ex.D12).

One arm with constant loss l, the others free. A truncation at S = eta T = O(1) leaves the information J/eta about
log eta; all n rounds give about C/eta^2, C log-periodic in eta and slowly rising, hence relative error ~ eta = theta
n^-alpha in place of eta^(1/2). The reason is the end of the ladder. Where p << 1 its step log p -> log p - eta l/p has
no parameter left in y = p/(eta l) and D = d log p/d log eta:

    y <- y e^(-1/y),    D <- D + (D - 1)/y,    a finished level adds D^2/(1 - p) to the information about log eta.

D enters with about -log(K/(K-1))/p, of order 1/eta, so that D^2 is of order 1/eta^2; below y = 1, p and D run off like
a tower. The few last levels carry all the information, and the MLE is not Gaussian: twice the log-likelihood ratio is
not chi^2 with one degree of freedom. The phase (where y crosses 1) comes from the exact ladder; the map alone, started
at large y, loses it. Letters: head of the package.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from theory._checks import check_integer, check_range
from theory.exp3._cells import LARGEST, Array, as_given, in_rows, read_loss, read_rounds
from theory.exp3.information import ladder_information

__all__ = ["ParameterFreeLadder", "full_horizon_standard_deviation", "parameter_free_ladder"]


@dataclass(frozen=True)
class ParameterFreeLadder:
    """The end of the ladder, levels on the first axis, the start included.

    reduced_probability: y = p/(eta l) at each level.
    sensitivity: D = d log p/d log eta at each level; once finished it adds D^2 to the information about log eta.
    """

    reduced_probability: Array
    sensitivity: Array


def full_horizon_standard_deviation(
    rounds: ArrayLike, exponent: ArrayLike, scale: ArrayLike, n_arms: int = 2, loss: ArrayLike = 1.0
) -> float | Array:
    """Return 1/(eta sqrt(I_n)), the Cramer-Rao bound on the relative error of eta from all n rounds (exact).

    eta = scale n^-exponent; I_n of `ladder_information`. Times n^exponent it is log-periodic in n and falls slowly.
    Biased estimators may lie below it, and the MLE, which is not Gaussian, need not attain it.

    rounds: n, whole numbers from 1 to 1e300.
    exponent: alpha, >= 0, broadcast against `rounds`.
    scale: theta, > 0, broadcast likewise; eta must be a positive float of at most 1e150.
    n_arms: K, 2, 3, ..., at most 1e15.
    loss: l of the one lossy arm, > 0, at most 1e150, broadcast likewise; the other arms pay nothing.

    Scalars give a float, arrays an array. Limits: inf at n = 1, where nothing is learnt. Raises `ValueError` outside
    the domain. Source: derived, claim ex.D12.

    >>> round(full_horizon_standard_deviation(2, 0.0, np.log(3) / 2), 12)  # p = 1/4, I = 2^2/2 (3/16): (8/3)^0.5/eta
    2.972828865468
    """
    (n, power, factor, cost), shape = in_rows(
        rounds=read_rounds(rounds),
        exponent=check_range("exponent", exponent, low=0.0),
        scale=check_range("scale", scale, low=0.0, open_low=True),
        loss=read_loss(loss),
    )
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        rate = factor * n**-power
        check_range("scale * rounds**-exponent", rate.reshape(shape), low=0.0, high=LARGEST, open_low=True)
        unit = np.clip(rate * cost, np.nextafter(0.0, 1.0), LARGEST)  # relative errors depend on eta l alone
        information = np.asarray(ladder_information(n, unit, n_arms))
        return as_given(1.0 / (unit * np.sqrt(information)), shape)


def parameter_free_ladder(reduced_probability: ArrayLike, sensitivity: ArrayLike, levels: int) -> ParameterFreeLadder:
    """Return y and D over the last levels of the ladder, from any start with p << 1 (asymptotic, relative error O(p)).

    y <- y e^(-1/y), D <- D + (D - 1)/y. Start from the exact ladder at y of a few units: y = p_m/(eta l),
    D = -eta x'_m (1 - p_m) with (x_m, x'_m) of `ladder`.

    reduced_probability: y = p/(eta l) at the start, > 0, any shape.
    sensitivity: D = d log p/d log eta at the start, <= 0, broadcast against `reduced_probability`.
    levels: number of steps, an integer >= 0.

    Both results have shape (levels + 1, ...). Limits: y underflows to 0 and D overflows to -inf, some five levels below
    y = 1. Raises `ValueError` outside the domain. Source: derived, claim ex.D12.

    >>> end = parameter_free_ladder(1.0, -3.0, 2)  # y: 1, e^-1, e^(-1-e); D: -3, -7, -7 - 8 e
    >>> end.reduced_probability.round(6).tolist(), end.sensitivity.round(6).tolist()
    ([1.0, 0.367879, 0.024276], [-3.0, -7.0, -28.746255])
    """
    steps = check_integer("levels", levels, low=0)
    (place, slope), shape = in_rows(
        reduced_probability=check_range("reduced_probability", reduced_probability, low=0.0, open_low=True),
        sensitivity=check_range("sensitivity", sensitivity, high=0.0),
    )
    path = [(place, slope)]
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        for _ in range(steps):
            inverse = 1.0 / place
            place, slope = place * np.exp(-inverse), slope + (slope - 1.0) * inverse
            path.append((place, slope))
    places, slopes = (np.array(part).reshape(steps + 1, *shape) for part in zip(*path, strict=True))
    return ParameterFreeLadder(places, slopes)
