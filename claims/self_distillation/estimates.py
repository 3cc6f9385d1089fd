"""Claims sd.O2, sd.O7 and sd.O8: what the best weight of the truth is made of, and how training data estimate it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.self_distillation._populations import DANG, GAUSSIAN, QUICK_SIZES, SIZES, at_ratio, model, times, totals
from claims.self_distillation._problems import drawn_problem
from claims.self_distillation.asymptotics import SETTINGS
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

STENCIL = np.array([5 / 6, -5 / 21, 5 / 84, -5 / 504, 1 / 1260])  # first derivative, tenth order
WIDTH = 0.08  # in log lambda: the fits are analytic within pi of the real line


# ---------------------------------------------------------------- O2: the student moves along the ridge path


def _student_losses(*, draw: int, n: int, outputs: int, ridge: float, alpha: float) -> Array:
    """[alpha*, least loss, loss at `alpha`] of the two-step student on new points, from its fits."""
    problem = drawn_problem(draw, n, outputs, points=30)
    first, pure = theory.fits(problem.kernel, problem.targets, ridge, [0.0], problem.cross)
    best = theory.optimal_alpha(problem.clean, first, pure).alpha
    students = [w * first + (1 - w) * pure for w in (best, alpha)]
    return np.array([best, *(np.sum((student - problem.clean) ** 2) for student in students)])


def _path_losses(which: str = "right", *, draw: int, n: int, outputs: int, ridge: float, alpha: float) -> Array:
    """The same from the path of ridge regression alone: its loss, its slope and its speed in log lambda."""
    problem = drawn_problem(draw, n, outputs, points=30)

    def fit(shift: float) -> Array:
        lam = ridge * float(np.exp(shift))
        return simulation.literal_fits(problem.kernel, problem.targets, lam, cross_gram=problem.cross)[0]

    steps = WIDTH * np.arange(1, STENCIL.size + 1)
    pairs = zip(STENCIL, steps, strict=True)
    speed = sum(weight * (fit(step) - fit(-step)) for weight, step in pairs) / WIDTH
    speed = speed / ridge if which == "slope in lambda" else speed
    residual = fit(0.0) - problem.clean
    slope, curvature = 2 * np.sum(residual * speed), np.sum(speed**2)
    if which == "speed not squared":
        curvature = np.sqrt(curvature)
    mixing = -slope / (2 * curvature)
    mixing = {"sign of xi*": -mixing, "factor 2": 2 * mixing, "f1 and g exchanged": 1 - mixing}.get(which, mixing)
    mixing = mixing + 1 if which == "y - f1 for y - g" else mixing
    others = (mixing, 1 - alpha)
    return np.array([1 - mixing, *(np.sum(residual**2) + xi * slope + xi**2 * curvature for xi in others)])


O2 = Claim(
    id="sd.O2",
    title="The two-step student moves along the tangent of the ridge path",
    statement=(
        r"g-f_1=\lambda\,\partial_\lambda f_\lambda,\quad "
        r"R(\xi)=R+\xi\lambda R'+\xi^2\lambda^2\|f'\|^2,\quad \xi^*=1-\alpha^*=-\frac{R'(\lambda)}{2\lambda\|f'\|^2}"
    ),
    source=f"derived; agrees with the abstract of {DANG}",
    provenance="derived",
    assumptions=("any data, kernel and validation points", "R any squared loss, here a sum over points and outputs"),
    proof=r"$\partial_\lambda K(K+\lambda)^{-1}y=-K(K+\lambda)^{-2}y$ and $g-f_1=-\lambda k(x)(K+\lambda)^{-2}y$.",
    equations={
        "theory.self_distillation.fits": "f_1 and g",
        "theory.self_distillation.optimal_alpha": "alpha^*",
        "simulations.self_distillation.literal_fits": "the path of ridge regression",
    },
    kind="identity",
    margin=1e-8,  # the stencil: rounding over its width, times the condition of alpha*
    predict=_student_losses,
    measure=_path_losses,
    settings=(
        {"draw": 3, "n": 12, "outputs": 1, "ridge": 0.05, "alpha": 0.3},
        {"draw": 4, "n": 25, "outputs": 3, "ridge": 0.7, "alpha": -0.6},
        {"draw": 5, "n": 18, "outputs": 2, "ridge": 6.0, "alpha": 1.8},
    ),
    outputs=("alpha*", "least loss", "loss at alpha"),
    mutants=tuple(
        Mutant(name=name, measure=partial(_path_losses, name))
        for name in (
            "slope in lambda",
            "speed not squared",
            "sign of xi*",
            "factor 2",
            "f1 and g exchanged",
            "y - f1 for y - g",
        )
    ),
)


def _path_risks(sign: float = 1.0, factor: float = 0.5, *, ridges: Any, **population: Any) -> Array:
    """[A - C, A + B - 2C] at each ridge from the slope of the limit risk of ridge regression and from xi*."""
    arguments = model(**population)
    lam = np.asarray(ridges, dtype=float)
    steps = WIDTH * np.arange(1, STENCIL.size + 1)[:, None]
    up, down = (np.asarray(theory.limit_excess_risk(*arguments, lam * np.exp(s * steps), 1.0).total) for s in (1, -1))
    descent = -sign * factor * STENCIL @ (up - down) / WIDTH
    return np.stack([descent, descent / np.asarray(theory.optimal_mixing(*arguments, lam).mixing)], axis=-1)


O2_LIMIT = Claim(
    id="sd.O2.limit",
    title="The tangent of the ridge path in the proportional limit",
    statement=r"A-C=-\tfrac12\lambda R'(\lambda),\qquad A+B-2C=-\frac{\lambda R'(\lambda)}{2\xi^*}",
    source="derived, sd.O2 and sd.R1",
    provenance="derived",
    assumptions=(GAUSSIAN, "A, B excess risks of ridge and of its pure student, C their cross term"),
    equations={
        "theory.self_distillation.limit_excess_risk": "R of plain ridge",
        "theory.self_distillation.optimal_mixing": "xi^*",
    },
    kind="limit",
    predict=_path_risks,
    measure=simulation.two_step_risks,
    settings=(
        {**{k: v for k, v in SETTINGS[0].items() if k != "alphas"}, "ridges": (1.4,)},
        {**{k: v for k, v in SETTINGS[1].items() if k != "alphas"}, "ridges": (0.05,)},
    ),
    columns=(3, 4),
    outputs=("A - C", "A + B - 2C"),
    sizes=SIZES,
    at_size=at_ratio,
    budget=16_000,
    mutants=(
        Mutant(name="without the half", predict=partial(_path_risks, 1.0, 1.0)),
        Mutant(name="other sign", predict=partial(_path_risks, -1.0)),
        Mutant(name="four percent too large", predict=partial(_path_risks, 1.0, 0.52)),
        Mutant(name="twenty percent too large", predict=partial(_path_risks, 1.0, 0.6)),
    ),
    scales={"quick": {"sizes": QUICK_SIZES, "margin": 0.05, "budget": 4000}},
)


# ---------------------------------------------------------------- O7, O8: cross-validation without a left-out refit


def _miscounted(which: str, *, alphas: Any, noise_variance: float, **rest: Any) -> Array:
    """`totals` of a misread experiment."""
    if which == "noise of the test labels left out":
        return totals(alphas=alphas, noise_variance=noise_variance, **rest) - noise_variance
    if which == "truth and teacher exchanged":
        return totals(alphas=1 - np.asarray(alphas), noise_variance=noise_variance, **rest)
    return np.roll(totals(alphas=alphas, noise_variance=noise_variance, **rest), 1, axis=1)  # one step late


O7 = Claim(
    id="sd.O7",
    title="Corrected generalised cross-validation estimates every student's test error",
    statement=(
        r"(L^k)_{ii}\to\tfrac1n\mathrm{tr}L^k\ \text{in the exact leave-one-out of all steps (sd.O6)}:\quad "
        r"\tfrac1n\|y-p_t\|^2\ \to\ \text{risk}_t+\sigma^2"
    ),
    source="derived",
    provenance="derived",
    assumptions=(GAUSSIAN, "leave-one-out diagonals concentrate at their mean"),
    equations={"theory.self_distillation.excess_risk": "risk_t, t = 1, ..., 4"},
    kind="limit",
    predict=totals,
    measure=simulation.cross_validation_risks,
    settings=SETTINGS,
    columns=(1, 4, 7, 10),
    outputs=tuple(f"step {step}" for step in range(1, 5)),
    sizes=SIZES,
    at_size=at_ratio,
    budget=12_000,
    mutants=(
        *(
            Mutant(name=name, predict=partial(_miscounted, name))
            for name in ("noise of the test labels left out", "truth and teacher exchanged", "one step late")
        ),
        Mutant(name="four percent too large", predict=partial(times, 1.04, totals)),
        Mutant(name="twenty percent too large", predict=partial(times, 1.2, totals)),
    ),
    scales={"quick": {"sizes": QUICK_SIZES, "margin": 0.05, "budget": 4000}},
)

TWO_STEPS = (
    {
        "ratio": 2.0,
        "ridges": (0.1,),
        "spectrum": ("isotropic", 1.0),
        "signal": ("isotropic",),
        "signal_power": 1.3,
        "noise_variance": 0.8,
    },
    {**{k: v for k, v in SETTINGS[0].items() if k != "alphas"}, "ridges": (0.9,)},
)
LETTERS = ("A, ridge", "B, pure student", "C, cross term")


def _true_terms(*, ridges: Any, noise_variance: float, **rest: Any) -> Array:
    """Test errors A, B and cross term C at each ridge, shape (ridges, 3)."""
    terms = theory.risk_terms(*model(noise_variance=noise_variance, **rest), np.asarray(ridges))
    return np.stack([np.asarray(term) for term in terms], axis=-1) + noise_variance


def _naive_terms(*, ridges: Any, **population: Any) -> Array:
    """What the naive estimates of A, B, C tend to, shape (ridges, 3)."""
    terms = theory.naive_gcv_limits(*model(**population), np.asarray(ridges))
    return np.stack([np.asarray(term) for term in terms], axis=-1)


def _without_noise(*, noise_variance: float, **rest: Any) -> Array:
    """The naive terms less the noise variance."""
    return _naive_terms(noise_variance=noise_variance, **rest) - noise_variance


def _crossed(**setting: Any) -> Array:
    """The naive terms with the cross term in the student's place."""
    return _naive_terms(**setting)[:, [0, 2, 1]]


O8_NAIVE = Claim(
    id="sd.O8.naive",
    title="Naive generalised cross-validation of the students (false)",
    statement=(
        r"\frac{\langle r_a,r_b\rangle/n}{(1-\mathrm{tr}L_a/n)(1-\mathrm{tr}L_b/n)}\to A,B,C,\qquad "
        r"L_a,L_b\in\{L,L^2\}\quad\text{(false but for }A)"
    ),
    source=f"the code beside {DANG}; false for every student but the first",
    provenance="paper",
    assumptions=(GAUSSIAN,),
    equations={"theory.self_distillation.risk_terms": "A, B, C, sigma^2 added"},
    expected="refuted",
    corrected_by="sd.O7",
    kind="limit",
    predict=_true_terms,
    measure=simulation.two_step_estimates,
    settings=TWO_STEPS,
    columns=(6, 7, 8),
    outputs=LETTERS,
    sizes=SIZES,
    at_size=at_ratio,
    budget=12_000,
    scales={"quick": {"sizes": QUICK_SIZES, "margin": 0.015, "budget": 4000}},
)

O8_LIMIT = Claim(
    id="sd.O8.limit",
    title="What naive generalised cross-validation tends to",
    statement=(
        r"\text{naive }(a,b)\to\frac{\beta^T\mathbb E[S(1-M^a)(1-M^b)]\beta+\sigma^2(1-\tau_a-\tau_b+\tau_{a+b})}"
        r"{(1-\tau_a)(1-\tau_b)},\qquad \tau_k=\lim\tfrac1n\mathrm{tr}L^k"
    ),
    source="derived",
    provenance="derived",
    assumptions=(GAUSSIAN, "limits by contour integrals"),
    equations={"theory.self_distillation.naive_gcv_limits": "the three limits"},
    kind="limit",
    predict=_naive_terms,
    measure=simulation.two_step_estimates,
    settings=TWO_STEPS,
    columns=(6, 7, 8),
    outputs=LETTERS,
    sizes=SIZES,
    at_size=at_ratio,
    budget=12_000,
    mutants=(
        Mutant(name="the test errors themselves", predict=_true_terms),
        Mutant(name="noise of the test labels left out", predict=_without_noise),
        Mutant(name="student and cross term exchanged", predict=_crossed),
        Mutant(name="twenty percent too large", predict=partial(times, 1.2, _naive_terms)),
    ),
    scales={"quick": {"sizes": QUICK_SIZES, "margin": 0.015, "budget": 4000}},
)


CLAIMS = (O2, O2_LIMIT, O7, O8_NAIVE, O8_LIMIT)
