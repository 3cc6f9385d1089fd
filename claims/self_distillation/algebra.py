"""Claims sd.A1 and sd.A2: every step as a direct function of the first fit, in closed form for a constant weight."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim, Mutant
from claims.self_distillation._paper import PAPER
from claims.self_distillation._problems import drawn_problem
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS", "RIDGE", "wrong_predictions"]

Array = NDArray[np.float64]
RIDGE = "ridge > 0, not multiplied by n; any kernel matrix and targets"


def wrong_predictions(function: Callable[..., Any], *names: str) -> tuple[Mutant, ...]:
    """Mutants `names` of the prediction `function`, whose first argument names the version."""
    return tuple(Mutant(name=name, predict=partial(function, name)) for name in names)


# ---------------------------------------------------------------- A1: direct formula


def _literal(*, draw: int, n: int, outputs: int, ridge: float, alphas: Any) -> Array:
    """The last step's predictions at the training points and at new ones, refitted step by step."""
    kernel, targets, cross, _ = drawn_problem(draw, n, outputs)
    rows = np.concatenate([kernel, cross])
    return simulation.literal_fits(kernel, targets, ridge, alphas, cross_gram=rows)[-1].ravel()


def _powers_of_hat(which: str = "right", *, draw: int, n: int, outputs: int, ridge: float, alphas: Any) -> Array:
    """The same as one sum over powers of the hat matrix with the coefficients c; new points from the eigenbasis."""
    kernel, targets, cross, _ = drawn_problem(draw, n, outputs)
    hat = kernel @ np.linalg.inv(kernel + ridge * np.eye(n))
    alphas = np.asarray(alphas)
    chosen = {"alpha and 1 - alpha exchanged": 1.0 - alphas, "steps in reverse order": alphas[::-1]}.get(which, alphas)
    coefficients = theory.schedule_to_coefficients(chosen)
    if which == "last product dropped":
        coefficients[-1] = 0.0
    first = {"one power too few": 0, "one power too many": 2}.get(which, 1)
    terms = [c * np.linalg.matrix_power(hat, j) @ targets for j, c in enumerate(coefficients, start=first)]
    new = theory.fits(kernel, targets, ridge, chosen, cross_gram=cross)[-1]
    return np.concatenate([np.sum(terms, axis=0), new]).ravel()


A1 = Claim(
    id="sd.A1",
    title="Any step as a direct function of the first fit",
    statement=(
        r"y^{(t)}=\Big[\sum_{i=2}^{t}\alpha_i\prod_{j=i+1}^{t}(1-\alpha_j)\,L^{t-i+1}+\prod_{j=2}^{t}(1-\alpha_j)\,L^t"
        r"\Big]y,\qquad L=K(K+\lambda I)^{-1},\qquad f^{(t)}(x)=k(x)(K+\lambda I)^{-1}\sum_j c_jL^jy"
    ),
    source=f"{PAPER}, claimed in the abstract; formula derived",
    provenance="reconstructed",
    assumptions=(RIDGE, "any real weights of the true targets"),
    equations={
        "theory.self_distillation.schedule_to_coefficients": "c",
        "theory.self_distillation.fits": "f^(t)(x)",
        "simulations.self_distillation.literal_fits": "the recursion",
    },
    kind="identity",
    relative=False,
    margin=1e-11,
    predict=_powers_of_hat,
    measure=_literal,
    settings=(
        {"draw": 1, "n": 7, "outputs": 1, "ridge": 0.3, "alphas": (0.35,)},
        {"draw": 2, "n": 9, "outputs": 2, "ridge": 0.04, "alphas": (0.1, 0.35, 0.9, 0.2)},
        {"draw": 3, "n": 6, "outputs": 3, "ridge": 2.5, "alphas": (1.4, 0.0, -0.3, 0.7, 0.15)},
        {"draw": 4, "n": 5, "outputs": 1, "ridge": 0.7, "alphas": (0.0, 1.0, 0.25)},
    ),
    mutants=wrong_predictions(
        _powers_of_hat,
        "last product dropped",
        "one power too few",
        "one power too many",
        "alpha and 1 - alpha exchanged",
        "steps in reverse order",
    ),
)


def _symbols(steps: int) -> tuple[Any, list[Any]]:
    import sympy  # symbolic claims only

    return sympy.Symbol("a", positive=True), list(sympy.symbols(f"alpha2:{steps + 1}", real=True))


def _symbolic_recursion(*, steps: int) -> Any:
    """b^(t) from b <- a (alpha + (1 - alpha) b), b = 1 at first, with symbols for a and all alphas."""
    a, alphas = _symbols(steps)
    b = a
    for alpha in alphas:
        b = a * (alpha + (1 - alpha) * b)
    return b


def _symbolic_sum(which: str = "right", *, steps: int) -> Any:
    """b^(t) as the direct formula reads."""
    import sympy  # symbolic claims only

    a, alphas = _symbols(steps)
    shift = {"one power too few": 0, "one power too many": 2}.get(which, 1)
    from_next = 0 if which == "product from i" else 1
    terms = [
        alpha * sympy.prod([1 - later for later in alphas[i + from_next :]]) * a ** (steps - (i + 2) + shift)
        for i, alpha in enumerate(alphas)
    ]
    last = 0 if which == "last product dropped" else sympy.prod([1 - alpha for alpha in alphas]) * a**steps
    return sum(terms) + last


A1_SYMBOLS = Claim(
    id="sd.A1.symbols",
    title="The direct formula, for all filters and schedules of up to six steps",
    statement=(
        r"b^{(t)}=\sum_{i=2}^{t}\alpha_i\prod_{j=i+1}^{t}(1-\alpha_j)\,a^{t-i+1}+\prod_{j=2}^{t}(1-\alpha_j)\,a^t,"
        r"\qquad b^{(t)}=a\,(\alpha_t+(1-\alpha_t)b^{(t-1)}),\ b^{(1)}=a"
    ),
    source="derived; polynomial identity in a and all alphas",
    provenance="derived",
    kind="identity",
    predict=_symbolic_sum,
    measure=_symbolic_recursion,
    settings=tuple({"steps": steps} for steps in (2, 3, 4, 5, 6)),
    mutants=wrong_predictions(
        _symbolic_sum, "last product dropped", "one power too few", "one power too many", "product from i"
    ),
    scales={"quick": {"settings": tuple({"steps": steps} for steps in (2, 3, 4))}},
)


def _refitted_with_weights(*, draw: int, n: int, ridge: float, truth: float, teacher: float, steps: int) -> Array:
    """The fits when the two losses have weights, by their normal equations."""
    kernel, targets, _, _ = drawn_problem(draw, n)
    fits = simulation.loss_weighted_fits(
        kernel, targets, ridge, truth_weight=truth, teacher_weight=teacher, steps=steps
    )
    return fits[-1].ravel()


def _as_schedule(
    which: str = "right", *, draw: int, n: int, ridge: float, truth: float, teacher: float, steps: int
) -> Array:
    """The same by a schedule and a ridge of the plain problem."""
    kernel, targets, _, _ = drawn_problem(draw, n)
    alpha, scaled = theory.from_loss_weights(truth, teacher, ridge)
    if which == "ridge not divided by the sum":
        scaled = ridge
    elif which == "ridge multiplied by the sum":
        scaled = ridge * (truth + teacher)
    elif which == "weights exchanged":
        alpha = 1 - alpha
    return theory.fits(kernel, targets, float(scaled), np.full(steps - 1, alpha))[-1].ravel()


A1_WEIGHTS = Claim(
    id="sd.A1.weights",
    title="Weights of the two losses that do not sum to one divide the ridge",
    statement=(
        r"\tfrac{w_y}2|f-y|^2+\tfrac{w_d}2|f-y^{(t-1)}|^2+\tfrac\lambda2\|f\|^2:\quad "
        r"\alpha=\frac{w_y}{w_y+w_d},\ \lambda\to\frac{\lambda}{w_y+w_d}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, "w_y + w_d > 0; y^(0) = y"),
    equations={
        "theory.self_distillation.from_loss_weights": "alpha and ridge",
        "simulations.self_distillation.loss_weighted_fits": "the minimisers as they stand",
    },
    kind="identity",
    relative=False,
    margin=1e-11,
    predict=_as_schedule,
    measure=_refitted_with_weights,
    settings=(
        {"draw": 11, "n": 8, "ridge": 0.3, "truth": 0.5, "teacher": 1.2, "steps": 2},
        {"draw": 12, "n": 6, "ridge": 1.7, "truth": 0.3, "teacher": 0.1, "steps": 5},
    ),
    mutants=wrong_predictions(
        _as_schedule, "ridge not divided by the sum", "ridge multiplied by the sum", "weights exchanged"
    ),
)


def _reweighted(*, draw: int, n: int, ridge: float, weights: Any, alphas: Any) -> Array:
    """The last step's fits with weighted samples, refitted: ridge/weight on the diagonal, weight 0 left out."""
    kernel, targets, _, _ = drawn_problem(draw, n)
    return simulation.literal_fits(kernel, targets, ridge, alphas, sample_weights=weights)[-1].ravel()


def _in_weighted_basis(which: str = "right", *, draw: int, n: int, ridge: float, weights: Any, alphas: Any) -> Array:
    """The same in the eigenbasis of sqrt(w) K sqrt(w), or with wrong weights."""
    kernel, targets, _, _ = drawn_problem(draw, n)
    w = np.asarray(weights)
    loads = {
        "roots of the weights": np.sqrt(w),
        "weights squared": w**2,
        "weights with mean 1": w / w.mean(),
        "no weights": np.ones(n),
    }.get(which, w)
    return theory.fits(kernel, targets, ridge, alphas, sample_weights=loads)[-1].ravel()


A1_SAMPLES = Claim(
    id="sd.A1.samples",
    title="Weighted samples: the same recursion with another hat matrix",
    statement=(
        r"\textstyle\sum_i w_i\,(\dots)_i^2:\quad L=K(K+\lambda W^{-1})^{-1},\ "
        r"\text{similar to } W^{1/2}KW^{1/2}(W^{1/2}KW^{1/2}+\lambda I)^{-1}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, "weights >= 0; weight 0 drops the point"),
    equations={
        "theory.self_distillation.fits": "in the weighted eigenbasis",
        "simulations.self_distillation.literal_fits": "by refits",
    },
    kind="identity",
    relative=False,
    margin=1e-11,
    predict=_in_weighted_basis,
    measure=_reweighted,
    settings=(
        {"draw": 13, "n": 5, "ridge": 0.3, "weights": (0.3, 2.5, 1.1, 0.04, 7.0), "alphas": (0.35, 0.1)},
        {"draw": 14, "n": 6, "ridge": 1.2, "weights": (0.6, 0.0, 3.0, 0.2, 0.0, 1.7), "alphas": (0.2, 0.9, -0.4)},
    ),
    mutants=wrong_predictions(
        _in_weighted_basis, "roots of the weights", "weights squared", "weights with mean 1", "no weights"
    ),
)


def _primal_predictions(*, draw: int, n: int, features: int, ridge: float, alphas: Any) -> Array:
    """The last step's predictions of the linear model at new points, from coefficients refitted step by step."""
    design, targets, new = _drawn_design(draw, n, features)
    return new @ simulation.literal_coefficients(design, targets, ridge, alphas)[-1]


def _drawn_design(draw: int, n: int, features: int) -> tuple[Array, Array, Array]:
    """Design, targets, three new rows."""
    rng = np.random.default_rng([draw, n, features])
    rows = rng.normal(size=(n + 3, features)) * np.linspace(0.5, 2.0, features)
    return rows[:n], rows[:n] @ rng.normal(size=features) + 0.7 * rng.normal(size=n), rows[n:]


def _dual_predictions(which: str = "right", *, draw: int, n: int, features: int, ridge: float, alphas: Any) -> Array:
    """The same by the kernel X X^T, or by wrong translations."""
    design, targets, new = _drawn_design(draw, n, features)
    penalty = {"ridge times n": ridge * n, "ridge over n": ridge / n}.get(which, ridge)
    gram, cross = design @ design.T, new @ design.T
    if which == "kernel divided by the features":
        gram, cross = gram / features, cross / features
    fits = theory.fits(gram, targets, penalty, alphas, cross)
    return fits[0] if which == "first fit" else fits[-1]


A1_PRIMAL = Claim(
    id="sd.A1.primal",
    title="Linear models: the recursion of the coefficients",
    statement=(
        r"K=XX^\top:\quad \beta^{(t)}=\alpha_t\beta^{(1)}+(1-\alpha_t)\,(X^\top X+\lambda I)^{-1}X^\top X\,"
        r"\beta^{(t-1)},\quad f^{(t)}(x)=x^\top\beta^{(t)}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, "more samples than features or fewer"),
    equations={
        "theory.self_distillation.fits": "by the kernel",
        "simulations.self_distillation.literal_coefficients": "by the coefficients",
    },
    kind="identity",
    relative=False,
    margin=1e-10,
    predict=_dual_predictions,
    measure=_primal_predictions,
    settings=(
        {"draw": 15, "n": 12, "features": 4, "ridge": 1.3, "alphas": (0.3, 0.05, 0.6)},
        {"draw": 16, "n": 5, "features": 11, "ridge": 4.0, "alphas": (0.0, -0.8)},
    ),
    mutants=wrong_predictions(
        _dual_predictions, "ridge times n", "ridge over n", "kernel divided by the features", "first fit"
    ),
)


# ---------------------------------------------------------------- A2: constant alpha


def _filter_step_by_step(*, eigenvalues: Any, ridge: float, alpha: float, step: int) -> Array:
    """[b, 1 - b]: b refitted with a diagonal kernel, 1 - b by the recursion in rational numbers."""
    schedule = np.full(step - 1, alpha)
    kept = simulation.literal_fits(np.diag(eigenvalues), np.ones(len(eigenvalues)), ridge, schedule)[-1]
    lost = []
    for eigenvalue in eigenvalues:
        a = Fraction(eigenvalue) / (Fraction(eigenvalue) + Fraction(ridge))
        b = a
        for _ in range(step - 1):
            b = a * (Fraction(alpha) + (1 - Fraction(alpha)) * b)
        lost.append(float(1 - b))
    return np.concatenate([kept, lost])


def _filter_closed(which: str = "right", *, eigenvalues: Any, ridge: float, alpha: float, step: int) -> Array:
    """[b, 1 - b] in closed form."""
    d = np.asarray(eigenvalues)
    if which == "right":
        kept, lost = (f(d, ridge, alpha, step) for f in (theory.constant_filter, theory.constant_residual))
        return np.concatenate([kept, lost])
    share = 1 - alpha if which == "alpha and 1 - alpha exchanged" else alpha
    power = {"q^(t - 1)": step - 1, "q^(t + 1)": step + 1}.get(which, step)
    weight = 0.0 if which == "limit at every step" else ridge
    q = (1 - share) * (1.0 if which == "rate without a" else d / (d + ridge))
    kept = (share * d + weight * q**power) / (share * d + ridge)
    return np.concatenate([kept, 1 - kept])


SPECTRUM = (1e-9, 1e-3, 0.2, 1.7, 40.0, 1e6)
A2 = Claim(
    id="sd.A2",
    title="Constant weight: the filter in closed form",
    statement=(
        r"b^{(t)}=\frac{\alpha d+\lambda q^t}{\alpha d+\lambda},\quad "
        r"1-b^{(t)}=\frac{\lambda(1-q^t)}{\alpha d+\lambda},\quad q=\frac{(1-\alpha)d}{d+\lambda}"
    ),
    source=f"derived; the case alpha = 0 in {PAPER}",
    provenance="derived",
    assumptions=(RIDGE, "alpha in [0, 1], both ends included (0^t = 0)"),
    equations={
        "theory.self_distillation.constant_filter": "b",
        "theory.self_distillation.constant_residual": "1 - b",
        "simulations.self_distillation.literal_fits": "b by refits",
    },
    kind="identity",
    margin=1e-12,
    predict=_filter_closed,
    measure=_filter_step_by_step,
    settings=tuple(
        {"eigenvalues": SPECTRUM, "ridge": ridge, "alpha": alpha, "step": step}
        for ridge, alpha, step in (
            (0.2, 0.35, 2),
            (3.0, 0.1, 3),
            (0.2, 0.05, 1),
            (1e-6, 0.02, 6),
            (700.0, 0.9, 3),
            (0.4, 0.0, 7),
            (0.4, 1.0, 5),
            (5.0, 1e-7, 60),
        )
    ),
    mutants=wrong_predictions(
        _filter_closed,
        "q^(t - 1)",
        "q^(t + 1)",
        "alpha and 1 - alpha exchanged",
        "limit at every step",
        "rate without a",
    ),
)

CLAIMS = (A1, A1_SYMBOLS, A1_WEIGHTS, A1_SAMPLES, A1_PRIMAL, A2)
