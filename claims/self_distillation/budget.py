"""Claims sd.M1 to sd.M3: how long self-distillation under a residual budget survives, and its growing ridges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim
from assay.search import Range
from claims.self_distillation._paper import MOBAHI
from claims.self_distillation.algebra import wrong_predictions
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
CHAIN = "every step is the smoothest function with mean squared residual eps to the fits before; no true targets"
NORM = "s = ||y||/sqrt(n eps)"


def _drawn_chain(draw: int, n: int, squared: float, decades: float, equal: bool) -> tuple[Array, Array, float]:
    """Kernel, targets and budget with s^2 = `squared`, in the eigenbasis of the kernel (no restriction: both turn with
    it).

    Eigenvalues over so many `decades`; `equal` makes the targets' parts equally large.
    """
    rng = np.random.default_rng([draw, n])
    kernel = np.diag(10.0 ** (-decades * rng.random(n)))
    targets = rng.choice([-1.0, 1.0], n) if equal else rng.normal(size=n) * 10.0 ** rng.normal(scale=0.5, size=n)
    return kernel, targets, float(np.sum(targets**2)) / (n * squared)


def _literal_survivors(**point: Any) -> int:
    """How many fits are not 0, by root searches over refits."""
    kernel, targets, budget = _drawn_chain(**point)
    _, ridges = simulation.budget_fits(kernel, targets, budget, np.zeros(int(point["squared"]) + 2))
    return int(np.sum(np.isfinite(ridges)))


def _minus_survivors(**point: Any) -> float:
    return -float(_literal_survivors(**point))


def _survivors(**point: Any) -> float:
    return float(_literal_survivors(**point))


def _minus_least(which: str = "right", **point: Any) -> float:
    """Minus the least number of fits that are not 0, or minus wrong versions of it."""
    _, targets, budget = _drawn_chain(**point)
    s = np.sqrt(point["squared"])
    return -float(
        {
            "right": theory.collapse_bounds(targets, budget)[0],
            "one more": np.ceil(s),
            "s^2 for s": np.ceil(s**2) - 1,
            "n not in s": np.ceil(s * np.sqrt(point["n"])) - 1,
        }[which]
    )


def _most(which: str = "right", **point: Any) -> float:
    """The largest number of fits that are not 0, or wrong versions of it."""
    _, targets, budget = _drawn_chain(**point)
    s = np.sqrt(point["squared"])
    return float(
        {
            "right": theory.collapse_bounds(targets, budget)[1],
            "one less": np.ceil(s**2) - 2,
            "s for s^2": np.ceil(s) - 1,
            "half": np.ceil(s**2 / 2) - 1,
        }[which]
    )


CHAINS = tuple(
    {"n": n, "squared": squared, "equal": equal}
    for n, squared, equal in ((3, 3.9, True), (5, 5.9, True), (6, 11.5, False), (2, 7.3, False))
)
WORLD = {"draw": Range(0, 10**6, integer=True), "decades": Range(0.0, 9.0)}

M1 = Claim(
    id="sd.M1",
    title="Under a residual budget distillation survives at least so many steps",
    statement=r"\#\{t: f_t\ne 0\}\ \ge\ \lceil s\rceil-1\ \ge\ \frac{\|y\|}{\sqrt{n\varepsilon}}-1",
    source=f"{MOBAHI} (bound recalled, proof derived; sharper by the integer part)",
    provenance="reconstructed",
    assumptions=(CHAIN, NORM, "attained where all eigenvalues are equal"),
    proof="A step shortens the fits by at most sqrt(n eps), and they are not 0 while they are longer than that.",
    equations={
        "theory.self_distillation.collapse_bounds": "the bound",
        "simulations.self_distillation.budget_fits": "the chain by refits",
    },
    kind="bound",
    relative=False,
    margin=0.5,  # whole numbers
    predict=_minus_least,
    measure=_minus_survivors,
    settings=CHAINS,
    domain=WORLD,
    restarts=150,
    mutants=wrong_predictions(_minus_least, "one more", "s^2 for s", "n not in s"),
    scales={"quick": {"restarts": 20, "settings": CHAINS[1:3]}, "paper": {"restarts": 2000}},
)

M2 = Claim(
    id="sd.M2",
    title="Under a residual budget distillation collapses after so many steps",
    statement=r"\#\{t: f_t\ne 0\}\ \le\ \lceil s^2\rceil-1\ <\ \frac{\|y\|^2}{n\varepsilon}",
    source="derived",
    provenance="derived",
    assumptions=(CHAIN, NORM, "attained: equal parts of the targets in modes far apart"),
    proof="||z||^2 = ||f||^2 + ||z - f||^2 + 2 <f, z - f>, where <f, z - f> = sum a (1 - a) z^2 >= 0.",
    equations={
        "theory.self_distillation.collapse_bounds": "the bound",
        "simulations.self_distillation.budget_fits": "the chain by refits",
    },
    kind="bound",
    relative=False,
    margin=0.5,  # whole numbers
    predict=_most,
    measure=_survivors,
    settings=CHAINS,
    domain=WORLD,
    restarts=150,
    mutants=wrong_predictions(_most, "one less", "s for s^2", "half"),
    scales={"quick": {"restarts": 20, "settings": CHAINS[:2]}, "paper": {"restarts": 2000}},
)


# ---------------------------------------------------------------- M3: growing ridges


def _ridges_before(**point: Any) -> Array:
    """Ridges of the steps 1, ..., T - 1 by refits, T the last with a fit that is not 0; T >= 2 for s > 2 (sd.M1)."""
    kernel, targets, budget = _drawn_chain(**point)
    _, ridges = simulation.budget_fits(kernel, targets, budget, np.zeros(int(point["squared"]) + 2))
    return ridges[np.isfinite(ridges)][:-1]


def _ridges_after(which: str = "right", **point: Any) -> Array:
    """Ridges of the steps 2, ..., T, divided by the growth that is claimed."""
    kernel, targets, budget = _drawn_chain(**point)
    chain = theory.residual_budget_fits(kernel, targets, budget, np.zeros(int(point["squared"]) + 2))
    ridges = chain.ridges[: chain.survivors]
    lengths = np.linalg.norm(np.vstack([targets, chain.fits]), axis=1) / np.sqrt(len(targets) * budget)
    s = lengths[: chain.survivors - 1]
    growth = np.where(s >= 1 + np.sqrt(2), (s - 1) / np.maximum(s - 2, 0.4), 1.0)
    factor = {
        "right": growth,
        "doubles": 2.0,
        "squared": growth**2,
        "two percent more": 1.02 * growth,
    }
    if which == "falls":
        return chain.ridges[: chain.survivors - 1] * 0.999
    return ridges[1:] / factor[which]


M3 = Claim(
    id="sd.M3",
    title="Under a residual budget the ridge grows with every step",
    statement=(
        r"\lambda_{t+1}>\lambda_t;\qquad \frac{\lambda_{t+1}}{\lambda_t}\ge\frac{s_t-1}{s_t-2}\ \text{ if } "
        r"s_t=\frac{\|y^{(t-1)}\|}{\sqrt{n\varepsilon}}\ge 1+\sqrt2"
    ),
    source="derived",
    provenance="derived",
    assumptions=(CHAIN, "fits t and t + 1 are not 0", "equality where all eigenvalues are equal"),
    proof=(
        "At the ridge of step t the next residual is a_i times the present one in mode i: too short, and it grows with "
        "the ridge. For the bound let rho = lambda_(t+1)/lambda_t, u = 1/(1 - a), and E the mean weighted with the "
        "squared residuals: E u^2 = s^2 and E g^2 = 1, g = rho (u - 1)/(u + rho - 1). As a function of u^2, g^2 is "
        "convex and then concave from 0 at u = 1, and lies below its tangent at s^2 if s(s - 1) >= rho. If rho were "
        "smaller than the bound, that would hold for s >= 1 + sqrt(2), and 1 = E g^2 <= g(s)^2 < 1."
    ),
    equations={
        "theory.self_distillation.residual_budget_fits": "ridges of the later steps, s",
        "simulations.self_distillation.budget_fits": "ridges of the earlier steps, by refits",
    },
    kind="bound",
    margin=1e-8,  # the root searches' own tolerances
    predict=_ridges_after,
    measure=_ridges_before,
    settings=CHAINS[1:],
    domain=WORLD,
    restarts=150,
    mutants=wrong_predictions(_ridges_after, "falls", "doubles", "squared", "two percent more"),
    scales={"quick": {"restarts": 20, "settings": CHAINS[1:3]}, "paper": {"restarts": 2000}},
)

CLAIMS = (M1, M2, M3)
