"""Independent high-precision values of the proportional limit, by brute force from the textbook formulas.

The resolvent trace is bisected on its defining equation, and the risks are the formulas in p1 = alpha1/(1 + t)^2 and
p2 = alpha2 rho/(1 + rho t)^2, cancellations and all, at 60 digits; the best weight comes from the roots of the quartic.
Arguments are exact float64 numbers: `excess` is psi - 1.
"""

from __future__ import annotations

import mpmath as mp

DIGITS = 60
STEPS = 210  # halvings of ln t over [-90, 90]: to 1e-61


def rows(excess: float, k: float) -> tuple[mp.mpf, mp.mpf]:
    """Return alpha1, alpha2."""
    psi = 1 + mp.mpf(excess)
    return psi / mp.mpf(k), psi * (1 - 1 / mp.mpf(k))


def trace(alpha1: mp.mpf, alpha2: mp.mpf, rho: mp.mpf, weight: mp.mpf | int = 1) -> mp.mpf:
    """Return t with alpha1 w t/(1 + w t) + alpha2 rho t/(1 + rho t) = 1, by bisection."""
    low, high = mp.mpf(-90), mp.mpf(90)
    for _ in range(STEPS):
        middle = (low + high) / 2
        t = mp.exp(middle)
        found = alpha1 * weight * t / (1 + weight * t) + alpha2 * rho * t / (1 + rho * t)
        low, high = (middle, high) if found < 1 else (low, middle)
    return mp.exp((low + high) / 2)


def unit_risks(excess: float, k: float, rho: float) -> tuple[float, float, float]:
    """Return (bias/r^2, variance/sigma^2, c) for excess > 0 and a finite weight > 0, rounded once at the end."""
    with mp.workdps(DIGITS):
        fluctuation, variance, c = _textbook(excess, k, rho)
        return float((1 - c) ** 2 + fluctuation), float(variance), float(c)


def unit_variance_by_response(excess: float, k: float, rho: float) -> float:
    """Return variance/sigma^2 as -dT/dw1 at w1 = 1, T(w1, w2) the limit of tr (w1 A1 + w2 A2)^-1."""
    with mp.workdps(DIGITS):
        alpha1, alpha2 = rows(excess, k)
        step = mp.mpf(10) ** -25  # central difference: error step^2
        up, down = (trace(alpha1, alpha2, mp.mpf(rho), 1 + sign * step) for sign in (1, -1))
        return float((down - up) / (2 * step))


def best_weights(excess: float, k: float, snr: float) -> list[tuple[float, float]]:
    """Return (weight, risk/r^2) for every root of the quartic x P(x) = alpha2 (alpha2 - x)(1 - x)/SNR on the path."""
    with mp.workdps(DIGITS):
        a, b = rows(excess, k)
        noise = 1 / mp.mpf(snr)
        quartic = [
            a + b,
            -4 * b,
            b**2 + 4 * b - 3 * a * b - noise * b,
            b * (a * b + a - b - 1) + noise * b * (1 + b),
            -noise * b**2,
        ]
        found = []
        for x in mp.polyroots(quartic, maxsteps=500, extraprec=400):
            if abs(mp.im(x)) > mp.mpf(10) ** -40 or not max(0, 1 - a) < mp.re(x) < min(1, b):
                continue
            x = mp.re(x)
            c, u, v = 1 - x, x / b, (1 - x) / a
            spread = 1 - c**2 / a - x**2 / b
            risk = (x**2 * (1 + (1 - 2 * x) / b) + noise * c**2 / a) / spread
            found.append((float(u * (1 - v) / (v * (1 - u))), float(risk)))
        return found


def gain_corrected(excess: float, k: float, rho: float, noise: float) -> tuple[float, float]:
    """Return (gain, risk) after the best factor, for r^2 = 1, from bias and variance."""
    with mp.workdps(DIGITS):
        fluctuation, variance, c = _textbook(excess, k, rho)
        scatter = fluctuation + mp.mpf(noise) * variance
        return float(c / (c**2 + scatter)), float(scatter / (c**2 + scatter))


def _textbook(excess: float, k: float, rho: float) -> tuple[mp.mpf, mp.mpf, mp.mpf]:
    """Return bias/r^2 - (1 - c)^2, variance/sigma^2 and c, unrounded."""
    alpha1, alpha2 = rows(excess, k)
    weight = mp.mpf(rho)
    t = trace(alpha1, alpha2, weight)
    p1, p2 = alpha1 / (1 + t) ** 2, alpha2 * weight / (1 + weight * t) ** 2
    c = alpha1 * t / (1 + t)
    return t * (p1 * (1 - c) ** 2 + weight * p2 * c**2) / (p1 + p2), t * p1 / (p1 + p2), c
