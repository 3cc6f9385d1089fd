"""Claims ar.C1 to ar.C5: the corners of the limit theorem, where bias and variance have closed forms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.aggregate_responses._paper import GAUSSIAN, PAPER, PROPORTIONAL
from claims.aggregate_responses._wrong_limits import (
    QUICK_SIZES,
    SIZES,
    TASK,
    at_ratio,
    right,
    scaled,
    settings,
)
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


Pair = tuple[float, float]


def _instance(psi: float, k: float) -> Pair:
    return (k - 1) * ((k - 1) * (psi - 1) + 1) / (k**2 * (psi - 1)), 1 / (k * (psi - 1))


def _few_samples(psi: float, k: float) -> Pair:
    a1, a2 = psi / k, psi * (1 - 1 / k)
    return (1 - a1) ** 2 + (a1 * (1 - a1) ** 2 + a2 * a1**2) / (1 - psi), a1 / (1 - psi)


def _vanishing(psi: float, k: float) -> Pair:
    a1, a2 = psi / k, psi * (1 - 1 / k)
    return (1 - a1) * (a1 + psi - 1) / (psi - 1), a1 * a2 / ((1 - a1) * (psi - 1))


def _infinite(psi: float, k: float) -> Pair:
    a1, a2 = psi / k, psi * (1 - 1 / k)
    return a1 * a2 / (psi - 1), (1 - a2) / (psi - 1)


# bias/r^2 and variance/sigma^2 as functions of psi and k: the ledger's formulas, then wrong ones
CORNERS: dict[str, Callable[[float, float], Pair]] = {
    "C1": lambda psi, k: (0.0, 1 / (psi / k - 1)),
    "C2": _instance,
    "C3": lambda psi, k: (1 - psi / k, (psi / k) / (1 - psi / k)),
    "C3.few": _few_samples,
    "C4": _vanishing,
    "C5": _infinite,
    "variance k/(psi - 1)": lambda psi, k: (0.0, k / (psi - 1)),
    "variance 1/(psi - 1)": lambda psi, k: (0.0, 1 / (psi - 1)),
    "variance 1/(psi - k)": lambda psi, k: (0.0, 1 / (psi - k)),
    "bias (k - 1)^2/k^2 alone": lambda psi, k: ((k - 1) ** 2 / k**2, 1 / (k * (psi - 1))),
    "variance not divided by k": lambda psi, k: (_instance(psi, k)[0], 1 / (psi - 1)),
    "fluctuation over psi": lambda psi, k: ((k - 1) ** 2 / k**2 + (k - 1) / (k**2 * psi), 1 / (k * (psi - 1))),
    "bias of a projection, squared": lambda psi, k: ((1 - psi / k) ** 2, (psi / k) / (1 - psi / k)),
    "psi for psi/k": lambda psi, k: (1 - psi / k, psi / (k - psi) * k),
    "variance of the other side": lambda psi, k: (1 - psi / k, 1 / (1 - psi / k)),
    "bias (1 - alpha1)^2 alone": lambda psi, k: ((1 - psi / k) ** 2, psi / k / (1 - psi)),
    "all labels seen": lambda psi, k: (_few_samples(psi, k)[0], psi / (1 - psi)),
    "least norm": lambda psi, k: (1 - psi / k, (psi / k) / (1 - psi / k)),
    "bag rows for contrasts": lambda psi, k: (_vanishing(psi, k)[0], (psi / k) ** 2 / ((1 - psi / k) * (psi - 1))),
    "bias without psi - 1": lambda psi, k: (1 - psi / k, _vanishing(psi, k)[1]),
    "zero predictor": lambda psi, k: (1.0, _infinite(psi, k)[1]),
    "alpha2 for 1 - alpha2": lambda psi, k: (_infinite(psi, k)[0], psi * (1 - 1 / k) / (psi - 1)),
    "alpha2 squared": lambda psi, k: ((psi * (1 - 1 / k)) ** 2 / (psi - 1), _infinite(psi, k)[1]),
}


def _corner(name: str, *, n: int, d: int, bag_size: float, signal: float, noise_variance: float, **_: Any) -> Array:
    """[bias, variance] by the closed form `name`."""
    bias, variance = CORNERS[name](n / d, bag_size)
    return np.array([signal * bias, noise_variance * variance])


def _corner_claim(name: str, title: str, statement: str, **fields: Any) -> Claim:
    """A limit at one weight; `fields` with `wrong` (closed forms), `cells` and whatever differs from the defaults."""
    cells, names = settings(*fields.pop("cells")), fields.pop("wrong")
    broad = {
        "source": "derived",
        "provenance": "derived",
        "equations": {"theory.aggregate_responses.limit_risk": "both right sides"},
        "measure": simulation.jacobi_errors,
        "powers": (1.0, 2.0),
        "budget": 60_000,
        "block": 256,
        "predict": right,
    }
    slow = fields.get("measure") is not None
    quick = {"sizes": SIZES, "settings": cells[:1]} if slow else {"sizes": QUICK_SIZES}
    percent = Mutant(name="three percent too large", predict=partial(scaled, 1.03))
    return Claim(
        id=f"ar.{name}",
        title=title,
        statement=statement,
        kind="limit",
        settings=cells,
        outputs=("bias", "variance"),
        sizes=SIZES,
        at_size=at_ratio,
        mutants=(*(Mutant(name=each, predict=partial(_corner, each)) for each in names), percent),
        scales={"quick": {**quick, "margin": 0.05}, "paper": {"margin": 0.003, "budget": 2_000_000}},
        **{**broad, **fields},
    )


C1 = _corner_claim(
    "C1",
    "Bag level: unbiased, variance by the number of bags",
    r"\rho=0,\ \psi>k:\quad \text{Bias}=0,\qquad \text{Var}\to\frac{\sigma^2}{\psi/k-1}",
    source=f"{PAPER}, bag-level variance",
    provenance="reconstructed",
    assumptions=(GAUSSIAN, PROPORTIONAL, "more bags than features"),
    cells=((6, 3, (0.0,)), (7.5, 2.5, (0.0,))),
    wrong=("variance k/(psi - 1)", "variance 1/(psi - 1)", "variance 1/(psi - k)"),
)
C2 = _corner_claim(
    "C2",
    "Instance level",
    r"\rho=1:\quad \text{Bias}\to r^2\left\{\frac{(k-1)^2}{k^2}+\frac{k-1}{k^2(\psi-1)}\right\},\quad"
    r"\text{Var}\to\frac{\sigma^2}{k(\psi-1)}",
    source=f"{PAPER}, instance-level variance; bias derived",
    provenance="reconstructed",
    assumptions=(GAUSSIAN, PROPORTIONAL, "n > d"),
    cells=((3, 3, (1.0,)), (1.5, 7.5, (1.0,)), (4, 2, (1.0,))),
    wrong=("bias (k - 1)^2/k^2 alone", "variance not divided by k", "fluctuation over psi"),
)
C3 = _corner_claim(
    "C3",
    "Bag level of least norm",
    r"\rho=0,\ \psi<k:\quad \text{Bias}\to r^2(1-\psi/k),\qquad \text{Var}\to\frac{\sigma^2\,\psi/k}{1-\psi/k}",
    assumptions=(GAUSSIAN, PROPORTIONAL, "fewer bags than features", "the minimiser of least norm"),
    measure=simulation.conditional_errors,
    powers=(1.0,),
    budget=20_000,
    block=64,
    cells=((2.4, 6, (0.0,)), (0.5, 2.5, (0.0,))),
    wrong=("bias of a projection, squared", "psi for psi/k", "variance of the other side"),
)
C3_FEW = _corner_claim(
    "C3.few",
    "Fewer samples than features: every weight gives one interpolant",
    r"\psi<1,\ \rho>0:\quad \text{Bias}\to r^2\left\{(1-\alpha_1)^2+\frac{\alpha_1(1-\alpha_1)^2+\alpha_2\alpha_1^2}"
    r"{1-\psi}\right\},\qquad \text{Var}\to\frac{\sigma^2\alpha_1}{1-\psi}",
    assumptions=(GAUSSIAN, PROPORTIONAL, "n < d, weight > 0", "the minimiser of least norm"),
    measure=simulation.conditional_errors,
    powers=(1.0,),
    budget=20_000,
    block=64,
    cells=((0.6, 3, (0.3,)), (0.5, 2.5, (5.0,))),
    wrong=("bias (1 - alpha1)^2 alone", "all labels seen", "least norm"),
)
C4 = _corner_claim(
    "C4",
    "A vanishing weight is not weight zero",
    r"\rho\to0^+,\ 1<\psi<k:\quad \text{Bias}\to r^2\frac{(1-\alpha_1)(\alpha_1+\psi-1)}{\psi-1},\qquad "
    r"\text{Var}\to\frac{\sigma^2\alpha_1\alpha_2}{(1-\alpha_1)(\psi-1)}",
    assumptions=(GAUSSIAN, PROPORTIONAL, "fewer bags than features, n > d", "first weight -> 0, then d -> infinity"),
    equations={"theory.aggregate_responses.vanishing_interpolation_risk": "both right sides"},
    measure=simulation.conditional_errors,  # the eigenvalue route has no randomness left at the ends
    powers=(1.0,),
    budget=20_000,
    block=64,
    cells=((2.4, 6, ("0+",)), (1.8, 9, ("0+",))),
    wrong=("least norm", "bag rows for contrasts", "bias without psi - 1"),
)
C5 = _corner_claim(
    "C5",
    "Infinite weight",
    r"\rho\to\infty,\ \alpha_2<1<\psi:\quad \text{Bias}\to r^2\frac{\alpha_1\alpha_2}{\psi-1},\qquad "
    r"\text{Var}\to\sigma^2\frac{1-\alpha_2}{\psi-1}",
    assumptions=(GAUSSIAN, PROPORTIONAL, "fewer contrasts than features, n > d"),
    measure=simulation.conditional_errors,
    powers=(1.0,),
    budget=20_000,
    block=64,
    cells=((1.8, 1.5, ("inf",)), (2.5, 1.25, ("inf",))),
    wrong=("zero predictor", "alpha2 for 1 - alpha2", "alpha2 squared"),
)


def _near_corner(*, corner: str, psi: float, k: float, closeness: float) -> Array:
    """[bias, variance] by the spectral route at weight 1/closeness, closeness or, for C2, 1 + 1/closeness."""
    rho = {"C5": closeness, "C2": 1 + 1 / closeness}.get(corner, 1 / closeness)
    risk = theory.wachter_risk(psi, k, rho, **TASK)
    return np.array([risk.bias, risk.variance, risk.bias], dtype=float)[:2]


def _at_corner(name: str = "", *, corner: str, psi: float, k: float, closeness: float) -> Array:
    """[bias, variance] by the closed form of the corner, or by the form `name`."""
    return _corner(name or corner, n=psi, d=1, bag_size=k, **TASK)  # pyright: ignore[reportArgumentType]


def _closer(setting: Any, size: float) -> dict[str, Any]:
    """The `setting` with a weight nearer to the corner."""
    return {**setting, "closeness": size}


ENDS = Claim(
    id="ar.C.ends",
    title="The corners are the ends of the path of weights",
    statement=r"\rho\to0^+:\ \text{ar.C1, ar.C4};\quad\rho\to1:\ \text{ar.C2};\quad\rho\to\infty:\ \text{ar.C5}",
    source="derived; closed forms against averages over the Wachter law",
    provenance="derived",
    assumptions=("n > d",),
    equations={"theory.aggregate_responses.wachter_risk": "along the path"},
    kind="limit",
    deterministic=True,
    relative=False,
    margin=1e-6,
    predict=_at_corner,
    measure=_near_corner,
    settings=tuple(
        {"corner": corner, "psi": psi, "k": k}
        for corner, psi, k in (("C1", 7.5, 2.5), ("C2", 3, 3.3), ("C4", 2.4, 6), ("C5", 1.8, 1.5))
    ),
    outputs=("bias", "variance"),
    sizes=(500, 1000, 2000, 4000),
    powers=(1.0, 2.0),
    at_size=_closer,
    mutants=(
        Mutant(name="least norm for vanishing weight", predict=partial(_at_corner, "least norm"), settings=(2,)),
        Mutant(
            name="instance bias without fluctuation",
            predict=partial(_at_corner, "bias (k - 1)^2/k^2 alone"),
            settings=(1,),
        ),
        Mutant(name="alpha2 for 1 - alpha2", predict=partial(_at_corner, "alpha2 for 1 - alpha2"), settings=(3,)),
        Mutant(name="variance k/(psi - 1)", predict=partial(_at_corner, "variance k/(psi - 1)"), settings=(0,)),
    ),
)

CLAIMS = (C1, C2, C3, C3_FEW, C4, C5, ENDS)
