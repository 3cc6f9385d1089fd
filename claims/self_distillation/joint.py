"""Claims sd.O4 to sd.O6: the jointly best schedule, the trap of the training set, exact leave-one-out."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar, nnls

from assay.claim import Claim, Mutant
from assay.search import Range
from claims.self_distillation._problems import Problem, drawn_problem
from claims.self_distillation.algebra import RIDGE, wrong_predictions
from claims.self_distillation.schedules import VALIDATION, literal_loss, validated
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
STARTS = 5


# ---------------------------------------------------------------- O4: jointly best weights


def _pure_chain(problem: Problem, ridge: float, steps: int) -> Array:
    """G_0, ..., G_(T-1): the students without true targets at the validation points, (points, steps), by refits."""
    data = problem.kernel, problem.targets
    chain = simulation.literal_fits(*data, ridge, np.zeros(steps - 1), cross_gram=problem.cross)
    return chain[:, :, 0].T


def _searched_optima(*, draw: int, n: int, ridge: float, steps: int) -> Array:
    """[least loss over alphas in [0, 1], by descents over refits; over all alphas, by least squares in c]."""
    problem = validated(draw, n)

    def loss(alphas: Array) -> float:
        return literal_loss(problem, ridge, alphas)

    starts = np.random.default_rng(draw).random((STARTS, steps - 1))
    box = [(0.0, 1.0)] * (steps - 1)
    options = {"ftol": 1e-15, "gtol": 1e-11}
    inside = min(float(minimize(loss, x, bounds=box, method="L-BFGS-B", options=options).fun) for x in starts)
    basis = _pure_chain(problem, ridge, steps)
    aim, moves = problem.clean[:, 0] - basis[:, 0], basis[:, 1:] - basis[:, :1]
    tails = np.linalg.lstsq(moves, aim, rcond=None)[0]
    return np.array([inside, np.sum((moves @ tails - aim) ** 2)])


def _joint_optima(which: str = "right", *, draw: int, n: int, ridge: float, steps: int) -> Array:
    """The same by the suite's convex programme and QR; or by wrong readings of the constraint."""
    problem = validated(draw, n)
    data = (problem.kernel, problem.targets, ridge, steps, problem.cross, problem.clean)
    alphas, free = theory.optimal_schedule(*data, constrained=False)
    if which == "right":
        return np.array([theory.optimal_schedule(*data)[1], free])
    basis, clean = _pure_chain(problem, ridge, steps), problem.clean[:, 0]
    if which == "sum of c not constrained":
        return np.array([nnls(basis, clean)[1] ** 2, np.linalg.lstsq(basis, clean, rcond=None)[1][0]])
    if which == "free optimum clipped":
        return np.array([literal_loss(problem, ridge, np.clip(alphas, 0.0, 1.0)), free])
    if which == "one weight for all steps":
        best: Any = minimize_scalar(
            lambda alpha: literal_loss(problem, ridge, np.full(steps - 1, alpha)), bounds=(0.0, 1.0), method="bounded"
        )
        return np.array([best.fun, free])
    return np.array([theory.greedy_schedule(*data, constrained=c).losses[-1] for c in (True, False)])


O4 = Claim(
    id="sd.O4",
    title="The jointly best schedule is a convex problem",
    statement=(
        r"f^{(T)}=\sum_{j<T}c_jG_j,\ G_j=k(K+\lambda I)^{-1}L^jy,\ \sum_j c_j=1;\quad "
        r"\alpha\in[0,1]^{T-1}\iff c\in\text{simplex};\quad \min_\alpha\|\tilde y-f^{(T)}\|^2=\min_c\|\tilde y-Gc\|^2"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, VALIDATION, "the loss is not convex in the weights themselves"),
    equations={
        "theory.self_distillation.optimal_schedule": "both optima",
        "simulations.self_distillation.literal_fits": "the loss that is searched",
    },
    kind="identity",
    margin=1e-6,  # the search's own tolerance
    predict=_joint_optima,
    measure=_searched_optima,
    settings=(
        {"draw": 17, "n": 15, "ridge": 0.3, "steps": 3},
        {"draw": 81, "n": 12, "ridge": 0.05, "steps": 4},
        {"draw": 107, "n": 20, "ridge": 0.1, "steps": 3},
    ),
    outputs=("alphas in [0, 1]", "all alphas"),
    mutants=wrong_predictions(
        _joint_optima,
        "greedy",
        "sum of c not constrained",
        "free optimum clipped",
        "one weight for all steps",
    ),
)


def _mixture(*, draw: int, n: int, ridge: float, coefficients: Any) -> Array:
    """sum_j c_j G_j at the validation points."""
    return _pure_chain(validated(draw, n), ridge, len(coefficients)) @ np.asarray(coefficients)


def _by_schedule(which: str = "right", *, draw: int, n: int, ridge: float, coefficients: Any) -> Array:
    """The last fit of the schedule with these coefficients, by refits; or of wrong schedules."""
    problem, c = validated(draw, n), np.asarray(coefficients)
    kept = 1 - np.concatenate([[0.0], np.cumsum(c)])[: c.size - 1]
    alphas = {
        "right": theory.coefficients_to_schedule(c),
        "steps in reverse order": theory.coefficients_to_schedule(c)[::-1],
        "not divided by what is left": c[:-1][::-1],
        "coefficients in reverse order": theory.coefficients_to_schedule(c[::-1]),
        "divided by the next sum": (c[:-1] / np.append(kept[1:], c[-1]))[::-1],
    }[which]
    fits = simulation.literal_fits(problem.kernel, problem.targets, ridge, alphas, cross_gram=problem.cross)
    return fits[-1, :, 0]


O4_MAP = Claim(
    id="sd.O4.map",
    title="From coefficients back to the schedule",
    statement=r"\alpha_T=c_0,\quad \alpha_{T-1}=\frac{c_1}{1-c_0},\quad \alpha_{T-2}=\frac{c_2}{1-c_0-c_1},\ \dots",
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, "no partial sum of c equals 1 before the last"),
    equations={"theory.self_distillation.coefficients_to_schedule": "the schedule"},
    kind="identity",
    relative=False,
    margin=1e-11,
    predict=_mixture,
    measure=_by_schedule,
    settings=(
        {"draw": 82, "n": 9, "ridge": 0.3, "coefficients": (0.2, 0.5, 0.3)},
        {"draw": 83, "n": 7, "ridge": 0.05, "coefficients": (0.1, 0.15, 0.05, 0.45, 0.25)},
        {"draw": 84, "n": 11, "ridge": 1.9, "coefficients": (1.6, -0.9, 0.7, -0.4)},
    ),
    mutants=tuple(
        Mutant(name=name, measure=partial(_by_schedule, name))
        for name in (
            "steps in reverse order",
            "not divided by what is left",
            "coefficients in reverse order",
            "divided by the next sum",
        )
    ),
)


def _best_filter(*, draw: int, n: int, ridge: float) -> float:
    """The least validation loss over all filters of the eigenvectors, by least squares."""
    problem = validated(draw, n)
    vectors = np.linalg.eigh(problem.kernel)[1]
    columns = (problem.cross @ vectors) * (vectors.T @ problem.targets).T
    return float(np.linalg.lstsq(columns, problem.clean, rcond=None)[1][0])


def _free_optimum(
    extra: int = 1, constrained: bool = False, factor: float = 1.0, *, draw: int, n: int, ridge: float
) -> float:
    """The jointly best loss of n + `extra` steps over all weights (or `constrained` to [0, 1]), times `factor`."""
    problem = validated(draw, n)
    data = (problem.kernel, problem.targets, ridge, n + extra, problem.cross, problem.clean)
    return factor * theory.optimal_schedule(*data, constrained=constrained)[1]


O4_REACH = Claim(
    id="sd.O4.reach",
    title="With one step more than modes, free weights reach every filter",
    statement=(
        r"T-1\ge\#\{\text{distinct } d_i>0\}:\quad \min_{\alpha\in\mathbb R^{T-1}}\|\tilde y-f^{(T)}\|^2="
        r"\min_{b}\|\tilde y-k\,V\,\mathrm{diag}(b/d)\,V^\top y\|^2"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, VALIDATION, "then the schedule merely overfits the validation points"),
    proof="sum_j c_j a^j is any polynomial of degree T - 1 with value 1 at a = 1: it takes any values at T - 1 others.",
    equations={"theory.self_distillation.optimal_schedule": "the free optimum"},
    kind="identity",
    margin=1e-8,
    predict=_free_optimum,
    measure=_best_filter,
    settings=({"draw": 85, "n": 3, "ridge": 0.3}, {"draw": 86, "n": 4, "ridge": 0.6}),
    mutants=(
        Mutant(name="as many steps as modes", predict=partial(_free_optimum, 0)),
        Mutant(name="alphas in [0, 1]", predict=partial(_free_optimum, 1, True)),
        Mutant(name="mean over the points", predict=partial(_free_optimum, 1, False, 1 / 12)),
    ),
)


# ---------------------------------------------------------------- O5: the trap of the training set


def _least_weight(which: str = "right", *, draw: int, n: int, ridge: float) -> float:
    """2 + ridge/d_max, which the training set's weight is said to exceed; or wrong versions."""
    d = np.linalg.eigvalsh(drawn_problem(draw, n).kernel)
    return float(
        {
            "right": 2 + ridge / d[-1],
            "3": 3.0,
            "mean eigenvalue": 2 + ridge / d.mean(),
            "twice the ridge": 2 + 2 * ridge / d[-1],
        }[which]
    )


def _training_weight(points: str = "training", *, draw: int, n: int, ridge: float) -> float:
    """alpha*_2 judged on the training points (or on new ones, for a wrong version)."""
    kernel, targets, cross, clean = drawn_problem(draw, n)
    rows, truth = (kernel, targets) if points == "training" else (cross, clean)
    first, student = simulation.literal_fits(kernel, targets, ridge, (0.0,), cross_gram=rows)
    return theory.optimal_alpha(truth, first, student).alpha


O5 = Claim(
    id="sd.O5",
    title="The training set always asks for alpha above 2",
    statement=(
        r"\tilde y=y:\quad \alpha^*_2=1+\frac{\sum_i z_i^2a_i(1-a_i)^2}{\sum_i z_i^2a_i^2(1-a_i)^2}"
        r"\ge 1+\frac1{a_{\max}}=2+\frac{\lambda}{d_{\max}}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, "z = V^T y"),
    proof="a_i >= a_i^2/a_max in every term of the numerator.",
    equations={
        "theory.self_distillation.optimal_alpha": "alpha*_2",
        "simulations.self_distillation.literal_fits": "both fits",
    },
    kind="bound",
    margin=1e-7,  # f_1 - g by subtraction loses about 1/ridge digits
    predict=_training_weight,
    measure=_least_weight,
    domain={
        "draw": Range(0, 10**6, integer=True),
        "n": Range(1, 20, integer=True),
        "ridge": Range(1e-3, 1e3, log=True),
    },
    mutants=(
        *(
            Mutant(name=name, measure=partial(_least_weight, name))
            for name in ("3", "mean eigenvalue", "twice the ridge")
        ),
        Mutant(name="on new points too", predict=partial(_training_weight, "new")),
    ),
    restarts=1000,
    scales={"quick": {"restarts": 60}, "paper": {"restarts": 10_000}},
)


# ---------------------------------------------------------------- O6: leave-one-out of the whole chain


def _refitted_without_each(*, draw: int, n: int, outputs: int, ridge: float, alphas: Any) -> Array:
    """Left-out predictions after the last step by n chains of refits, then the best next weight for them."""
    kernel, targets, _, _ = drawn_problem(draw, n, outputs)
    chain = simulation.left_out_predictions(kernel, targets, ridge, (*alphas, 0.0))
    return np.append(chain[-2], simulation.best_alpha(chain[0], chain[-1], targets))


def _at_once(which: str = "right", *, draw: int, n: int, outputs: int, ridge: float, alphas: Any) -> Array:
    """The same from one eigendecomposition; or with only the last step left out, and other shortcuts."""
    kernel, targets, _, _ = drawn_problem(draw, n, outputs)
    shrunk = ridge * (n - 1) / n if which == "ridge times (n - 1)/n" else ridge
    predictions = theory.leave_one_out(kernel, targets, shrunk, alphas)[-1]
    alpha = theory.leave_one_out_alpha(kernel, targets, shrunk, alphas).alpha
    fits = theory.fits(kernel, targets, ridge, alphas)
    hats = theory.fits(kernel, np.eye(n), ridge, alphas)
    if which == "nothing left out":
        predictions = fits[-1]
    elif which == "diagonal of the whole filter":
        predictions = targets - (targets - fits[-1]) / (1 - np.diag(hats[-1]))[:, None]
    elif which == "teacher keeps the point":
        aim = alphas[-1] * targets + (1 - alphas[-1]) * fits[-2]
        predictions = aim - (aim - fits[-1]) / (1 - np.diag(hats[0]))[:, None]
    return np.append(predictions, alpha)


O6 = Claim(
    id="sd.O6",
    title="Leave-one-out of all steps from one decomposition",
    statement=(
        r"p_s(1-l_1)=(B_s(L)y)_i-l_1t_s+\sum_{k\ge2}c_{s,k}\,l_k,\quad l_k=(L^k)_{ii},\quad "
        r"t_s=\alpha_sy_i+(1-\alpha_s)p_{s-1},\quad c_{s,1}=p_s-t_s,\ c_{s,k}=(1-\alpha_s)c_{s-1,k-1}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, "the ridge stays the same without a point", "any real weights"),
    proof="Leaving i out of every step equals replacing its target by its own left-out prediction at every step.",
    equations={
        "theory.self_distillation.leave_one_out": "p",
        "theory.self_distillation.leave_one_out_alpha": "the weight of the next step with the least score",
        "simulations.self_distillation.left_out_predictions": "n chains of refits",
    },
    kind="identity",
    relative=False,
    margin=1e-9,
    predict=_at_once,
    measure=_refitted_without_each,
    settings=(
        {"draw": 91, "n": 9, "outputs": 1, "ridge": 0.3, "alphas": (0.35,)},
        {"draw": 92, "n": 12, "outputs": 2, "ridge": 0.05, "alphas": (0.1, 0.8, -0.4, 1.7)},
        {"draw": 93, "n": 7, "outputs": 1, "ridge": 2.2, "alphas": (0.0, 0.0, 0.0)},
    ),
    mutants=wrong_predictions(
        _at_once,
        "diagonal of the whole filter",
        "teacher keeps the point",
        "nothing left out",
        "ridge times (n - 1)/n",
    ),
)

CLAIMS = (O4, O4_MAP, O4_REACH, O5, O6)
