"""Independent values of the limit risks: three routes that share nothing with the contour of the package.

1. `closed_terms`: ridge, pure two-step student and their cross term by closed sums of fourth order, at 60 digits.
2. `schedule_parts`: any schedule and spectrum, by Cauchy's formula on a small circle around mu = lam, where the filter
   has its pole, with the two-point equivalent in its textbook form; 60 digits absorb the amplification.
3. `marchenko_pastur`: equal eigenvalues, an integral over the sample spectrum itself, in float64; the midpoint rule in
   the angle converges geometrically.

The effective ridge is a root of a polynomial, chosen by its imaginary part.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np

DIGITS = 60
NODES, RADIUS = 44, mp.mpf(1) / 4  # error RADIUS^(NODES - 6) = 1e-23 for up to six steps


def kappa(mu, spectrum, gamma):
    """The effective ridge at `mu`, off the negative real half-line, among the roots of its polynomial."""
    with mp.workdps(DIGITS):
        s, share = [mp.mpf(x) for x in spectrum], mp.mpf(gamma) / len(spectrum)

        def product(values):
            coefficients = [mp.mpf(1)]
            for value in values:  # times (k + value), highest power first
                shifted = [*coefficients, mp.mpf(0)]
                coefficients = [a + value * b for a, b in zip(shifted, [mp.mpf(0), *coefficients], strict=True)]
            return coefficients

        whole = product(s)
        # (k - mu) prod(k + s) - k share sum_j s_j prod_{i != j}(k + s_i)
        total = [a - mu * b for a, b in zip([*whole, mp.mpf(0)], [mp.mpf(0), *whole], strict=True)]
        for j, value in enumerate(s):
            rest = [mp.mpf(0), *product(s[:j] + s[j + 1 :]), mp.mpf(0)]
            total = [a - share * value * b for a, b in zip(total, rest, strict=True)]
        roots = mp.polyroots(total, maxsteps=500, extraprec=400)
        if mp.im(mu) == 0:
            return max(mp.re(root) for root in roots if abs(mp.im(root)) < mp.mpf(10) ** (-DIGITS // 2))
        (root,) = [root for root in roots if mp.im(root) / mp.im(mu) > 0.999]  # Im kappa >= Im mu
        return root


def closed_terms(spectrum, power, noise, gamma, lam):
    """(A, B, C, xi*, R*): excess risks of ridge, pure student, cross term, optimal mixing and its risk."""
    with mp.workdps(DIGITS):
        s, b2 = [mp.mpf(x) for x in spectrum], [mp.mpf(x) for x in power]
        sig2, gamma, lam = mp.mpf(noise), mp.mpf(gamma), mp.mpf(lam)
        k = kappa(lam, spectrum, gamma)
        t = {j: gamma * sum(x * x / (x + k) ** j for x in s) / len(s) for j in (2, 3, 4)}
        q = {j: sum(w * x / (x + k) ** j for x, w in zip(s, b2, strict=True)) for j in (2, 3, 4)}
        b = 1 / (1 - t[2])
        e = k - b * lam + b**2 * k * lam * t[3]
        q2 = k**2 * b * q[2]
        q3 = 2 * k * b * e * q[2] + 2 * k**2 * b**2 * lam * q[3]
        q4 = (b * e**2 + b**4 * k**2 * lam**2 * t[4] + b**5 * k**2 * lam**2 * t[3] ** 2) * q[2]
        q4 += 2 * b**2 * k * lam * e * q[3] + b**3 * k**2 * lam**2 * q[4]
        u2, u3, u4 = t[2] * b, t[3] * b**3, t[4] * b**4 + 2 * t[3] ** 2 * b**5
        first = q2 + sig2 * u2
        cross = 2 * q2 - q3 / 2 + sig2 * (u2 - lam * u3)
        second = 4 * q2 - 2 * q3 + q4 + sig2 * (u2 - 2 * lam * u3 + lam**2 * u4)
        curvature = first + second - 2 * cross
        xi = (first - cross) / curvature
        return tuple(float(x) for x in (first, second, cross, xi, first - (first - cross) ** 2 / curvature))


def schedule_parts(spectrum, power, gamma, lam, schedules):
    """(bias, variance at unit noise) of the last student of every schedule (alpha_2, ..., alpha_T)."""
    with mp.workdps(DIGITS):
        s, b2, lam = [mp.mpf(x) for x in spectrum], [mp.mpf(x) for x in power], mp.mpf(lam)
        share, half = mp.mpf(gamma) / len(s), NODES // 2
        upper = [lam * (1 + RADIUS * mp.expjpi((2 * j + 1) / mp.mpf(NODES))) for j in range(half)]
        kappas = [kappa(mu, spectrum, gamma) for mu in upper]
        nodes = [*zip(upper, kappas, strict=True)]
        nodes += [(mp.conj(mu), mp.conj(k)) for mu, k in nodes]
        forms = [[_two_point(s, b2, share, k1, k2) for _, k2 in nodes] for k1 in kappas]  # other half: the conjugate
        parts = []
        for alphas in schedules:
            variance, weights = mp.mpf(0), []
            for mu, k in nodes:
                m, gain = mu / (mu - lam), mp.mpf(1)
                for alpha in alphas:
                    gain = mp.mpf(alpha) + (1 - mp.mpf(alpha)) * m * gain
                step = (mu - lam) / NODES  # dmu/(2 pi i)
                weights.append(-step * (1 - m * gain) * k / mu)
                variance -= mp.re(step * gain**2 * m * (1 - m) / lam * (k / mu - 1))
            rows = [mp.fdot(row, weights) for row in forms]
            parts.append((float(2 * mp.re(mp.fdot(weights[:half], rows))), float(variance)))
        return parts


def _two_point(s, b2, share, k1, k2):
    """sum s beta^2/((s + k1)(s + k2))/(1 - df2)."""
    ratios = [(x, 1 / ((x + k1) * (x + k2))) for x in s]
    df2 = share * sum(x * x * r for x, r in ratios)
    return sum(w * x * r for w, (x, r) in zip(b2, ratios, strict=True)) / (1 - df2)


def marchenko_pastur(signal, gamma, residual, shrinkage, points=40_000):
    """(bias, variance at unit noise) for Sigma = I, as integrals over the Marchenko-Pastur distribution."""
    half = (np.arange(points) + 0.5) * np.pi / points / 2
    x = (1 - np.sqrt(gamma)) ** 2 + 4 * np.sqrt(gamma) * np.cos(half) ** 2
    density = 8 / points * (np.sin(half) * np.cos(half)) ** 2 / x
    bias = (density * residual(x) ** 2).sum()
    if gamma > 1:
        bias += (1 - 1 / gamma) * residual(np.zeros(1))[0] ** 2
    return signal * bias, gamma * (density * shrinkage(x) ** 2 * x).sum()
