"""Independent values for Exp3: the mean-field equations by Taylor steps, closed forms and quadratures in mpmath."""

from __future__ import annotations

import mpmath as mp

ORDER = 30  # Taylor steps of an eighth of the radius of convergence at most, 0.4 of pi: 8^-30 = 1e-27
DIGITS = 40


def mean_field_course(scaled_time, mean_losses):
    """Return (J, Q, p, gamma, h) by dgamma_k/ds = -l_k (1 - gamma_k + sum_j p_j gamma_j), as mpf."""
    losses = [mp.mpf(float(loss)) for loss in mean_losses]
    time, unit = mp.mpf(float(scaled_time)), max(abs(a - b) for a in [*losses, 0] for b in losses)
    steps = max(1, int(mp.ceil(time * unit / mp.mpf("0.4"))))
    width = time / steps
    gamma, total, moved = [mp.mpf(0)] * len(losses), mp.mpf(0), mp.mpf(0)
    for step in range(steps):
        weights = [mp.exp(-loss * width * step) for loss in losses]
        series = [
            [w * (-loss) ** n / mp.factorial(n) for n in range(ORDER)] for w, loss in zip(weights, losses, strict=True)
        ]
        p = _shares(series)
        gammas, mean = [[g] for g in gamma], []
        for n in range(ORDER):
            mean.append(mp.fsum(mp.fdot(a[: n + 1], g[n::-1]) for a, g in zip(p, gammas, strict=True)))
            for g, loss in zip(gammas, losses, strict=True):
                g.append(-loss * ((n == 0) - g[n] + mean[n]) / (n + 1))
        scores = [[x - m for x, m in zip(g[:ORDER], mean, strict=True)] for g in gammas]
        products = [_times(a, h) for a, h in zip(p, scores, strict=True)]
        total += _integral([_times(a, h) for a, h in zip(products, scores, strict=True)], width)
        moved += _integral([_times(a, a) for a in products], width)
        gamma = [_value(g, width) for g in gammas]
    weights = [mp.exp(-loss * time) for loss in losses]
    shares = [w / mp.fsum(weights) for w in weights]
    mean = mp.fdot(shares, gamma)
    return total, moved, shares, gamma, [g - mean for g in gamma]


def mean_field_one_lossy(scaled_time, n_arms):
    """Return J of one arm with loss 1 by its dilogarithms, as an mpf."""
    with mp.workdps(60 + int(scaled_time)):
        v0 = mp.mpf(n_arms - 1) / n_arms
        v = (n_arms - 1) / (n_arms - 1 + mp.exp(-mp.mpf(float(scaled_time))))
        log = mp.log(v / v0)
        difference = mp.polylog(2, v) - mp.polylog(2, v0)
        return log**2 * v / (1 - v) + 2 * log * mp.log(1 - v) + 2 * difference


def mean_field_two_arms(scaled_time, first, second):
    """Return J of two arms by nested quadrature of the closed form, as an mpf."""
    time, low = mp.mpf(float(scaled_time)), mp.mpf(float(second))
    gap = mp.mpf(float(first)) - low

    def slope(s):
        inner = mp.quad(lambda r: mp.exp(-low * r) / (1 + mp.exp(gap * r)), [0, s])
        return gap * mp.exp(low * s) * (1 + mp.exp(gap * s)) * inner

    return mp.quad(lambda s: mp.exp(gap * s) / (1 + mp.exp(gap * s)) ** 2 * slope(s) ** 2, [0, time])


def candidate_probability(scaled_time, ratio, n_arms, gains=False):
    """Return (p, q) by the power law, as mpf; q = 0 behind the cliff."""
    time, ratio = mp.mpf(float(scaled_time)), mp.mpf(float(ratio))
    p = 1 / (1 + (n_arms - 1) * mp.exp(-time if gains else time))
    free = mp.mpf(n_arms - 1) / n_arms
    return p, max(mp.mpf(0), 1 - free * ((1 - p) / free) ** ratio)


def candidate_log_likelihood(scaled_time, ratio, n_arms, gains=False):
    """Return int p log q + (1 - p) log((1 - q)/(K - 1)) by unit panels, ever smaller towards a cliff at the end."""

    def part(s):
        p, q = candidate_probability(s, ratio, n_arms, gains)
        return p * mp.log(q) + (1 - p) * mp.log((1 - q) / (n_arms - 1))

    time = mp.mpf(float(scaled_time))
    panels = mp.linspace(0, time, int(mp.ceil(time)) + 1)
    if ratio > 1 and not gains:
        width = time - panels[-2]
        panels[-1:] = [time - width / mp.mpf(4) ** j for j in range(1, 26)] + [time]
    return mp.quad(part, panels, method="gauss-legendre")


def _shares(series):
    """Return the series of w_k/sum w."""
    whole = [mp.fsum(column) for column in zip(*series, strict=True)]
    shares = []
    for top in series:
        share = []
        for n in range(ORDER):
            share.append((top[n] - mp.fdot(share, whole[n:0:-1])) / whole[0])
        shares.append(share)
    return shares


def _times(a, b):
    return [mp.fdot(a[: n + 1], b[n::-1]) for n in range(ORDER)]


def _integral(series, width):
    return mp.fsum(c * width ** (n + 1) / (n + 1) for terms in series for n, c in enumerate(terms))


def _value(series, width):
    return mp.fsum(c * width**n for n, c in enumerate(series))


# --- the ladder: one lossy arm


def settled(function, digits=60):
    """Return the numbers of function(), digits doubled until all agree to 1e-18, each rounded once."""
    last = None
    while digits < 20_000:
        with mp.workdps(digits):
            try:
                values = function()
            except ZeroDivisionError:  # two levels alike at these digits
                last, digits = None, 2 * digits
                continue
            pairs = [] if last is None else list(zip(values, last, strict=True))
            if pairs and all(abs(a - b) <= mp.mpf(10) ** -18 * abs(a) for a, b in pairs):
                return [float(value) for value in values]
        last, digits = values, 2 * digits
    raise AssertionError("no digits settle the value")


def ladder_log_odds(eta, levels, n_arms, loss):
    """Return x_0, ..., x_levels (mpf, at most to 1e400) by the importance-weighted update of the lossy arm's -x."""
    y, path = mp.mpf(0), []
    for _ in range(levels + 1):
        path.append(-y)
        if -y > mp.mpf(10) ** 400:
            break
        p = mp.exp(y) / (mp.exp(y) + n_arms - 1)
        y -= mp.mpf(eta) * mp.mpf(loss) / p
    return path


def ladder_rungs(eta, levels, n_arms, loss):
    """Return (x_m, dx_m/d eta) for m = 0, ..., the slope by a central difference at a third of the digits."""
    h = mp.mpf(eta) * mp.mpf(10) ** (-(mp.mp.dps // 3))
    path, up, down = (ladder_log_odds(e, levels, n_arms, loss) for e in (mp.mpf(eta), mp.mpf(eta) + h, mp.mpf(eta) - h))
    return [(x, (a - b) / (2 * h)) for x, a, b in zip(path, up, down, strict=False)]


def ladder_probability(log_odds, n_arms):
    """Return the probability of the lossy arm as an mpf."""
    return 1 / (1 + (n_arms - 1) * mp.exp(log_odds))


def ladder_depth(eta, rounds, n_arms, loss):
    """Return how many levels are reached in the rounds and left with a chance above e^-200."""
    with mp.workdps(30):
        x, levels, deepest = mp.mpf(0), 0, mp.log(rounds) + 200
        while (x < deepest or levels < 2) and levels < rounds:
            x, levels = x + mp.mpf(eta) * loss / ladder_probability(x, n_arms), levels + 1
    return levels


def ladder_left(p, rounds):
    """Return P(S_{m+1} <= n), the chance that level m is left within n rounds, for all m, by partial fractions.

    P(S > n) = sum_j (1 - p_j)^n prod_{i != j} p_i/(p_i - p_j) for a sum of geometric times.
    """
    parts, left = [], []
    powers = [mp.exp(mp.mpf(rounds) * mp.log(1 - q)) for q in p]
    for m, new in enumerate(p):
        parts = [c * new / (new - old) for c, old in zip(parts, p[:m], strict=True)]
        parts.append(mp.fprod(old / (old - new) for old in p[:m]))
        left.append(1 - mp.fdot(parts, powers[: m + 1]))
    return left


def ladder_information(rounds, eta, n_arms=2, loss=1.0):
    """Return [information, expected pulls] after `rounds` rounds."""
    levels = ladder_depth(eta, rounds, n_arms, loss)

    def values():
        rungs = ladder_rungs(eta, levels - 1, n_arms, loss)
        p = [ladder_probability(x, n_arms) for x, _ in rungs]
        left = ladder_left(p, rounds)
        return [mp.fsum(s**2 * (1 - q) * f for (_, s), q, f in zip(rungs, p, left, strict=True)), mp.fsum(left)]

    return settled(values, 60 + 2 * int(mp.log10(rounds)))  # n p counts down to p = 1/n^2 at least


def ladder_affinity(rounds, eta, other, n_arms=2, loss=1.0):
    """Return [rho_n, 1 - rho_n] from the complete symmetric polynomials of the weights of staying."""
    levels = min(ladder_depth(e, rounds, n_arms, loss) for e in (eta, other))

    def values():
        ladders = [ladder_log_odds(e, levels, n_arms, loss) for e in (eta, other)]
        one, two = ([ladder_probability(x, n_arms) for x in path] for path in ladders)
        stay = [mp.sqrt((1 - a) * (1 - b)) for a, b in zip(one, two, strict=False)]
        climb = [mp.sqrt(a * b) for a, b in zip(one, two, strict=False)]
        powers = [mp.exp(mp.mpf(rounds) * mp.log(s)) for s in stay]
        total, parts, reach = mp.mpf(0), [], mp.mpf(1)
        for m, new in enumerate(stay):
            parts = [c / (old - new) for c, old in zip(parts, stay[:m], strict=True)]
            parts.append(1 / mp.fprod(new - old for old in stay[:m]))
            total += reach * mp.fdot(parts, powers[: m + 1])
            reach *= climb[m]
        return [total, 1 - total]

    return settled(values, 60 + 2 * int(mp.log10(rounds)))  # n p counts down to p = 1/n^2 at least


def ladder_histories(eta, rounds, n_arms, loss):
    """Return the probabilities (mpf) of all K^n histories of Exp3 itself, arm 0 lossy, in a fixed order."""
    found = []

    def draw(y, chance, left):
        if not left:
            found.append(chance)
            return
        total = mp.fsum(mp.exp(v) for v in y)
        for arm in range(n_arms):
            p = mp.exp(y[arm]) / total
            after = [v - (mp.mpf(eta) * loss / p if k == arm == 0 else 0) for k, v in enumerate(y)]
            after[0] = max(after[0], -(mp.mpf(10) ** 5))  # where nothing with a weight of e^-1e5 is seen
            draw(after, chance * p, left - 1)

    draw([mp.mpf(0)] * n_arms, mp.mpf(1), rounds)
    return found


def ladder_enumerated(eta, other, rounds, n_arms, loss):
    """Return [information at eta, affinity, total variation] by enumeration; scores by central differences."""
    with mp.workdps(50):
        h = mp.mpf(10) ** -15  # error h^2, relatively
        rates = (mp.mpf(eta), mp.mpf(eta) + h, mp.mpf(eta) - h, mp.mpf(other))
        here, up, down, there = (ladder_histories(e, rounds, n_arms, loss) for e in rates)
        information = mp.fsum(p * (mp.log(a / b) / (2 * h)) ** 2 for p, a, b in zip(here, up, down, strict=True))
        affinity = mp.fsum(mp.sqrt(p * q) for p, q in zip(here, there, strict=True))
        variation = mp.fsum(abs(p - q) for p, q in zip(here, there, strict=True)) / 2
        return [float(information), float(affinity), float(variation)]
