"""Claims ar.T1 and ar.C1 to ar.C5: bias and variance in the proportional limit, and the corners of the theorem."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.aggregate_responses._paper import GAUSSIAN, PAPER, PROPORTIONAL
from claims.aggregate_responses._wrong_limits import at_ratio, mutants, right, scaled, total, wrong
from simulations import aggregate_responses as simulation
from theory import aggregate_responses as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
TASK = {"signal": 1.7, "noise_variance": 0.6}
SIZES = (20, 40, 80, 160)
QUICK_SIZES = (10, 20, 40, 80)


def _settings(*cells: tuple[float, float, tuple[float | str, ...]]) -> tuple[dict[str, Any], ...]:
    """Settings of (samples per feature, bag size, weights)."""
    return tuple({"samples_per_feature": p, "bag_size": k, "interpolations": rhos, **TASK} for p, k, rhos in cells)


def _labels(settings: tuple[dict[str, Any], ...]) -> tuple[str, ...]:
    """Names of the outputs of settings that have equally many weights."""
    numbers = range(1, len(settings[0]["interpolations"]) + 1)
    return tuple(f"{what} at weight {i}" for i in numbers for what in ("bias", "variance"))


# ---------------------------------------------------------------- T1: the theorem against simulation


T1_WORDS = (
    r"\frac{\alpha_1t}{1+t}+\frac{\alpha_2\rho t}{1+\rho t}=1,\ c=\frac{\alpha_1t}{1+t},\ "
    r"p_1=\frac{\alpha_1}{(1+t)^2},\ p_2=\frac{\alpha_2\rho}{(1+\rho t)^2}:\quad "
    r"\text{Bias}\to r^2\left\{(1-c)^2+t\,\frac{p_1(1-c)^2+\rho p_2c^2}{p_1+p_2}\right\},\quad "
    r"\text{Var}\to\sigma^2\frac{t\,p_1}{p_1+p_2}"
)
THEOREM = _settings((6, 3, (0.03, 0.3)), (3, 2.5, (0.3, 3.0)), (1.5, 3, (0.1, 1.0)), (20, 5, (0.01, 0.1)))
BELOW_ONE = {"weight rho/(1 - rho)": (0,)}  # elsewhere a weight is 1 or more
T1_MUTANTS = mutants({"two percent": 1.02, "five percent": 1.05}, BELOW_ONE)

T1 = Claim(
    id="ar.T1",
    title="Bias and variance of the interpolating estimator",
    statement=T1_WORDS,
    source=f"{PAPER}, main theorem (two fixed-point systems), in a form derived here",
    provenance="reconstructed",
    assumptions=(GAUSSIAN, PROPORTIONAL, "n > d, weight > 0", "theta0 of uniform direction, averaged exactly"),
    equations={"theory.aggregate_responses.limit_risk": "both right sides"},
    kind="limit",
    predict=right,
    measure=simulation.conditional_errors,
    settings=THEOREM,
    outputs=_labels(THEOREM),
    sizes=SIZES,
    at_size=at_ratio,
    budget=6000,
    block=32,
    mutants=T1_MUTANTS,
    scales={
        "quick": {"settings": THEOREM[:2], "sizes": QUICK_SIZES, "margin": 0.04, "budget": 4000},
        "paper": {"sizes": (40, 80, 160, 320), "margin": 0.003, "budget": 60_000},
    },
)

WEIGHTS: tuple[float, ...] = (1e-3, 0.03, 0.3, 1.0, 3.0, 100.0)
REDUCED = _settings((6, 3, WEIGHTS), (4, 2, WEIGHTS), (1.4, 7, WEIGHTS), (3, 1.25, WEIGHTS))

T1_SPECTRUM = Claim(
    id="ar.T1.spectrum",
    title="Bias and variance from matrix-beta eigenvalues",
    statement=T1_WORDS,
    source=f"{PAPER}, main theorem; measured on the eigenvalues alone, see ar.E3",
    provenance="reconstructed",
    assumptions=(GAUSSIAN, PROPORTIONAL, "n > d + 1, weight > 0"),
    equations={"theory.aggregate_responses.limit_risk": "both right sides"},
    kind="limit",
    predict=right,
    measure=simulation.jacobi_errors,
    settings=REDUCED,
    outputs=_labels(REDUCED),
    sizes=(40, 80, 160, 320),
    at_size=at_ratio,
    powers=(1.0, 2.0),
    margin=0.005,
    budget=200_000,
    block=512,
    mutants=tuple(m for m in mutants({"one percent": 1.01, "two percent": 1.02}) if "1 - rho)" not in m.name),
    scales={
        "quick": {"settings": REDUCED[:2], "sizes": (20, 40, 80, 160), "margin": 0.02},
        "paper": {"sizes": (100, 200, 400, 800), "margin": 0.001, "budget": 2_000_000},
    },
)

LITERAL = _settings((6, 3, (0.03, 0.3, 1.0)))
GROSS = ("bias without its fluctuation", "bags and contrasts exchanged", "weight k rho", "every row a contrast")

T1_LITERAL = Claim(
    id="ar.T1.literal",
    title="The risk of the estimator, samples, bags and labels drawn",
    statement=r"\|\hat\theta-\theta_0\|^2\to\text{Bias}+\text{Var}\ \text{of ar.T1}",
    source=f"{PAPER}, main theorem and its simulation",
    provenance="reconstructed",
    assumptions=(GAUSSIAN, PROPORTIONAL, "n > d"),
    equations={"theory.aggregate_responses.limit_risk": "risk"},
    kind="limit",
    predict=total,
    measure=simulation.literal_errors,
    settings=LITERAL,
    outputs=("weight 0.03", "weight 0.3", "weight 1"),
    sizes=(10, 20, 40, 80),
    at_size=at_ratio,
    margin=0.02,
    budget=24_000,
    block=64,
    mutants=(
        *(Mutant(name=name, predict=partial(total, partial(wrong, name))) for name in GROSS),
        Mutant(name="six percent too large", predict=partial(scaled, 1.06, total)),
    ),
    scales={"quick": {"margin": 0.06, "budget": 6000}, "paper": {"margin": 0.01, "budget": 200_000}},
)


# ---------------------------------------------------------------- T1: three derivations, one number


def _by_fixed_point(which: str = "right", *, psi: float, k: float, rho: float) -> Array:
    """[bias, variance, risk, shrinkage] by the theorem or a version that is wrong throughout."""
    if which != "right":
        setting = {"n": psi, "d": 1, "bag_size": k, "interpolations": (rho,), **TASK}
        bias, variance = wrong(which, **setting)[0]
        return np.array([bias, variance, bias + variance, theory.shrinkage(psi, k, rho)])
    risk = theory.limit_risk(psi, k, rho, **TASK)
    return np.array([*risk, theory.shrinkage(psi, k, rho)], dtype=float)


def _by_other_routes(*, psi: float, k: float, rho: float) -> Array:
    """[bias, variance] by averages over the Wachter law, [risk, shrinkage] by the scalar min-max problem."""
    law, saddle = theory.wachter_risk(psi, k, rho, **TASK), theory.saddle_point(psi, k, rho, **TASK)
    return np.array([law.bias, law.variance, saddle.total, saddle.shrinkage], dtype=float)


CELLS = tuple(
    {"psi": psi, "k": k, "rho": rho}
    for psi, k, rho in (
        (6, 3, 0.3),
        (6, 3, 5.0),
        (3, 2.5, 0.02),
        (1.5, 3, 0.7),
        (1.05, 10, 0.3),
        (20, 5, 0.01),
        (2, 1.2, 30.0),
    )
)
ROUTES = Claim(
    id="ar.T1.routes",
    title="Three derivations of the theorem agree",
    statement=(
        r"\text{leave-one-out}=\left(\frac{\psi\langle w^2\rangle-\langle w\rangle^2}{\psi-1},"
        r"\frac{\langle g\rangle}{\psi-1}\right)_{\text{Wachter}}=\text{saddle of Gordon's scalar problem}"
    ),
    source="derived",
    provenance="derived",
    assumptions=("n > d, 0 < weight < infinity",),
    equations={
        "theory.aggregate_responses.limit_risk": "by the fixed point",
        "theory.aggregate_responses.shrinkage": "c",
        "theory.aggregate_responses.wachter_risk": "by the spectrum",
        "theory.aggregate_responses.saddle_point": "by the min-max theorem",
    },
    kind="identity",
    margin=1e-10,
    predict=_by_fixed_point,
    measure=_by_other_routes,
    settings=CELLS,
    outputs=("bias", "variance", "risk", "shrinkage"),
    mutants=tuple(
        Mutant(name=m.name, predict=partial(_by_fixed_point, m.name), settings=m.settings)
        for m in mutants({}, BELOW_ONE)
    ),
)


def _theorem_symbols() -> Any:
    """Bias and variance of the theorem as one combination, in the two saturations v = t/(1 + t), u and in s."""
    import sympy

    v, u, a1, a2, s = sympy.symbols("v u alpha1 alpha2 s", positive=True)
    t, rho = v / (1 - v), u * (1 - v) / (v * (1 - u))
    p1, p2, c = a1 * (1 - v) ** 2, a2 * rho * (1 - u) ** 2, a1 * v
    bias = (1 - c) ** 2 + t * (p1 * (1 - c) ** 2 + rho * p2 * c**2) / (p1 + p2)
    variance = t * p1 / (p1 + p2)
    return (bias + s * variance).subs(u, (1 - c) / a2)  # the fixed point


def _one_parameter_symbols(fall: int = 2, over: str = "alpha1", deficit: int = 1) -> Any:
    """The same by the deficit x = 1 - c alone; the arguments spoil a coefficient or a denominator."""
    import sympy

    v, a1, a2, s = sympy.symbols("v alpha1 alpha2 s", positive=True)
    c, x = a1 * v, 1 - a1 * v
    spread = 1 - c**2 / a1 - deficit * x**2 / a2
    return (x**2 * (1 + (1 - fall * x) / a2) + s * c**2 / (a1 if over == "alpha1" else a2)) / spread


FORM = Claim(
    id="ar.T1.form",
    title="The theorem in one parameter",
    statement=(
        r"x=1-c,\ D=1-\frac{c^2}{\alpha_1}-\frac{x^2}{\alpha_2}:\quad \text{Bias}=\frac{r^2x^2}{D}"
        r"\left(1+\frac{1-2x}{\alpha_2}\right),\quad \text{Var}=\frac{\sigma^2c^2}{\alpha_1D}"
    ),
    source="derived; symbolic",
    provenance="derived",
    assumptions=("bag size > 1", "Bias + s Var for a free symbol s"),
    kind="identity",
    predict=_one_parameter_symbols,
    measure=_theorem_symbols,
    mutants=(
        Mutant(name="1 - x for 1 - 2x", predict=partial(_one_parameter_symbols, 1)),
        Mutant(name="variance over alpha2", predict=partial(_one_parameter_symbols, 2, "alpha2")),
        Mutant(name="D without x", predict=partial(_one_parameter_symbols, 2, "alpha1", 0)),
    ),
)


# ---------------------------------------------------------------- C1 to C5: corners


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
    settings, names = _settings(*fields.pop("cells")), fields.pop("wrong")
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
    quick = {"sizes": SIZES if slow else QUICK_SIZES, "margin": 0.05}
    percent = Mutant(name="three percent too large", predict=partial(scaled, 1.03))
    return Claim(
        id=f"ar.{name}",
        title=title,
        statement=statement,
        kind="limit",
        settings=settings,
        outputs=("bias", "variance"),
        sizes=SIZES,
        at_size=at_ratio,
        mutants=(*(Mutant(name=each, predict=partial(_corner, each)) for each in names), percent),
        scales={"quick": quick, "paper": {"margin": 0.003, "budget": 2_000_000}},
        **{**broad, **fields},
    )


C1 = _corner_claim(
    "C1",
    "Bag level: unbiased, variance by the number of bags",
    r"\rho=0,\ \psi>k:\quad \text{Bias}=0,\qquad \text{Var}\to\frac{\sigma^2}{\psi/k-1}",
    source=f"{PAPER}, bag-level variance",
    provenance="paper",
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
    relative=False,
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

CLAIMS = (T1, T1_SPECTRUM, T1_LITERAL, ROUTES, FORM, C1, C2, C3, C3_FEW, C4, C5, ENDS)
