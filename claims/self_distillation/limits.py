"""Claims sd.A3 to sd.A5: the limit of infinitely many steps, the rate of approach, bounds and monotonicity."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.claim import Claim
from assay.search import Range
from claims.self_distillation._paper import PAPER
from claims.self_distillation._problems import drawn_problem
from claims.self_distillation.algebra import RIDGE, wrong_predictions
from simulations import self_distillation as simulation
from theory import self_distillation as theory

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]


# ---------------------------------------------------------------- A3, A4: the limit and the way there


def _settled(*, draw: int, n: int, ridge: float, alpha: float) -> Array:
    """Training fits when the recursion stands still, and predictions at new points after as many steps."""
    kernel, targets, cross, _ = drawn_problem(draw, n)
    fits, steps = simulation.settled_fits(kernel, targets, ridge, alpha)
    new = simulation.literal_fits(kernel, targets, ridge, np.full(steps - 1, alpha), cross_gram=cross)[-1]
    return np.concatenate([fits, new]).ravel()


def _amplified(which: str = "right", *, draw: int, n: int, ridge: float, alpha: float) -> Array:
    """Ridge regression with ridge/alpha: training fits by one solve, new points from the closed form at step inf."""
    kernel, targets, cross, _ = drawn_problem(draw, n)
    scale = {
        "ridge times alpha": alpha,
        "ridge/(1 - alpha)": 1 / (1 - alpha) if alpha != 1 else np.inf,
        "ridge/alpha^2": alpha**-2 if alpha else np.inf,
        "alpha times the first fit": 1.0,
    }.get(which, 1 / alpha if alpha else np.inf)
    dual = np.linalg.solve(kernel + ridge * scale * np.eye(n), targets) if np.isfinite(scale) else 0.0 * targets
    if which == "alpha times the first fit":
        dual = alpha * dual
    new = theory.constant_fit(kernel, targets, ridge, alpha, np.inf, cross) if which == "right" else cross @ dual
    return np.concatenate([kernel @ dual, new]).ravel()


A3 = Claim(
    id="sd.A3",
    title="Infinitely many steps: ridge regression with an amplified ridge",
    statement=(
        r"\alpha\in(0,1]:\ y^{(\infty)}=K\big(K+\tfrac{\lambda}{\alpha}I\big)^{-1}y,\quad "
        r"f^{(\infty)}(x)=\alpha\,k(x)(\alpha K+\lambda I)^{-1}y;\qquad \alpha=0:\ y^{(\infty)}=0"
    ),
    source=f"{PAPER}, abstract; formula as in the authors' notebook",
    provenance="paper",
    assumptions=(RIDGE, "also for alpha < 0 and alpha > 1 with |1 - alpha| d_max < d_max + ridge"),
    equations={
        "theory.self_distillation.constant_fit": "f at step inf",
        "simulations.self_distillation.settled_fits": "the recursion until it stands still",
    },
    kind="identity",
    relative=False,
    margin=1e-11,
    predict=_amplified,
    measure=_settled,
    settings=tuple(
        {"draw": 20 + i, "n": 8, "ridge": ridge, "alpha": alpha}
        for i, (ridge, alpha) in enumerate(((0.2, 0.1), (0.2, 0.35), (1.3, 0.9), (0.5, 0.0), (4.0, -0.2), (0.3, 1.6)))
    ),
    mutants=wrong_predictions(
        _amplified, "ridge times alpha", "ridge/(1 - alpha)", "ridge/alpha^2", "alpha times the first fit"
    ),
)


def _distances(*, draw: int, n: int, ridge: float, alpha: float, step: int, aligned: float) -> Array:
    """[||y^(t) - y^(inf)||/||y - y^(inf)||, ||y^(t) - y^(inf)||/||y^(t-1) - y^(inf)||], refitted; the limit by one
    solve."""
    kernel, targets = _partly_aligned(draw, n, aligned)
    limit = kernel @ np.linalg.solve(alpha * kernel + ridge * np.eye(n), alpha * targets)
    fits = simulation.literal_fits(kernel, targets, ridge, np.full(step - 1, alpha))
    before = targets if step == 1 else fits[-2]
    start, previous, now = (float(np.linalg.norm(values - limit)) for values in (targets, before, fits[-1]))
    return np.array([now / start, now / previous if previous else 0.0])


def _partly_aligned(draw: int, n: int, aligned: float) -> tuple[Array, Array]:
    """The kernel of a drawn problem; its targets moved towards the top eigenvector by the share `aligned`."""
    kernel, targets, _, _ = drawn_problem(draw, n)
    top = np.linalg.eigh(kernel)[1][:, -1:]
    mixed = (1 - aligned) * targets + aligned * np.linalg.norm(targets) * top
    return kernel, mixed


def _rate(which: str, kernel: Array, ridge: float, alpha: float) -> float:
    """The contraction factor of a step, or a wrong version of it."""
    d = np.linalg.eigvalsh(kernel)
    top, mean = float(d[-1]), float(d.mean())
    learned = top / (top + ridge)
    return {
        "right": float(theory.convergence_rate(top, ridge, alpha)),
        "without d_max": 1 - alpha,
        "alpha for 1 - alpha": alpha * learned,
        "mean eigenvalue": (1 - alpha) * mean / (mean + ridge),
        "ridge doubled": (1 - alpha) * top / (top + 2 * ridge),
        "filter squared": (1 - alpha) * learned**2,
    }[which]


def _distance_bounds(
    which: str = "right", *, draw: int, n: int, ridge: float, alpha: float, step: int, aligned: float
) -> Array:
    """[r^t, r]."""
    kernel, _ = _partly_aligned(draw, n, aligned)
    rate = _rate("right" if which == "r^(t + 1)" else which, kernel, ridge, alpha)
    return np.array([rate ** (step + 1 if which == "r^(t + 1)" else step), rate])


def _above_rounding(*, draw: int, n: int, ridge: float, alpha: float, step: int, aligned: float) -> bool:
    """Whether the distances are far above rounding."""
    return _distances(draw=draw, n=n, ridge=ridge, alpha=alpha, step=step, aligned=aligned)[0] > 1e-3


A4 = Claim(
    id="sd.A4",
    title="Linear convergence",
    statement=(
        r"b^{(t)}-b^{(\infty)}=\frac{\lambda q^t}{\alpha d+\lambda}\;\Rightarrow\; "
        r"\|y^{(t)}-y^{(\infty)}\|\le r\,\|y^{(t-1)}-y^{(\infty)}\|\le r^t\,\|y-y^{(\infty)}\|,\quad "
        r"r=\frac{(1-\alpha)d_{\max}}{d_{\max}+\lambda}<1-\alpha"
    ),
    source=f"{PAPER}, linear rate stated in the authors' README; constant derived",
    provenance="reconstructed",
    assumptions=(RIDGE, "alpha in [0, 1]"),
    proof="The error of mode i shrinks by exactly q_i = (1 - alpha) d_i/(d_i + lambda) <= r in every step.",
    equations={
        "theory.self_distillation.convergence_rate": "r",
        "simulations.self_distillation.literal_fits": "the distances",
    },
    kind="bound",
    margin=1e-8,  # rounding, eps times condition 1e3, over distances of at least 1e-3
    admissible=_above_rounding,
    predict=_distance_bounds,
    measure=_distances,
    domain={
        "draw": Range(0, 10**6, integer=True),
        "n": Range(1, 12, integer=True),
        "ridge": Range(0.02, 20.0, log=True),
        "alpha": Range(0.02, 0.95),
        "step": Range(1, 12, integer=True),
        "aligned": Range(0.0, 1.0),
    },
    mutants=wrong_predictions(_distance_bounds, "r^(t + 1)", "alpha for 1 - alpha", "mean eigenvalue", "ridge doubled"),
    restarts=1000,
    scales={"quick": {"restarts": 100}, "paper": {"restarts": 10_000}},
)


def _last_quotient(*, draw: int, n: int, ridge: float, alpha: float, step: int) -> float:
    """||y^(t) - y^(inf)||/||y^(t-1) - y^(inf)|| at a late step."""
    return float(_distances(draw=draw, n=n, ridge=ridge, alpha=alpha, step=step, aligned=0.0)[1])


def _late_rate(which: str = "right", *, draw: int, n: int, ridge: float, alpha: float, step: int) -> float:
    """r; the step is not used."""
    return _rate(which, drawn_problem(draw, n).kernel, ridge, alpha)


A4_TIGHT = Claim(
    id="sd.A4.tight",
    title="The linear rate is attained",
    statement=(
        r"\|y^{(t+1)}-y^{(\infty)}\|\,/\,\|y^{(t)}-y^{(\infty)}\|\to "
        r"r=\frac{(1-\alpha)d_{\max}}{d_{\max}+\lambda}"
    ),
    source="derived",
    provenance="derived",
    assumptions=(RIDGE, "targets with weight on the top mode; late steps, where the next mode has died out"),
    equations={"theory.self_distillation.convergence_rate": "r"},
    kind="identity",
    margin=1e-4,
    predict=_late_rate,
    measure=_last_quotient,
    settings=(
        {"draw": 31, "n": 9, "ridge": 1.5, "alpha": 0.1, "step": 30},
        {"draw": 32, "n": 12, "ridge": 4.0, "alpha": 0.35, "step": 25},
    ),
    mutants=wrong_predictions(_late_rate, "without d_max", "alpha for 1 - alpha", "mean eigenvalue", "filter squared"),
)


# ---------------------------------------------------------------- A5: bounds and monotonicity


def _one_mode(d: float, ridge: float, alphas: Any) -> Array:
    """b^(1), b^(2), ... of one mode by refits: one training point of kernel d and target 1."""
    return simulation.literal_fits([[d]], [1.0], ridge, alphas)[:, 0]


def _smaller_filters(*, d: float, ridge: float, alpha: float, more: float, step: int) -> Array:
    """What must not exceed `_larger_filters`, by refits: b_(t+1), b_t, a^t, b_t, 0."""
    b = _one_mode(d, ridge, np.full(step, alpha))
    pure = _one_mode(d, ridge, np.zeros(step - 1))
    return np.array([b[step], b[step - 1], pure[-1], b[step - 1], -b[step - 1]])


def _larger_filters(which: str = "right", *, d: float, ridge: float, alpha: float, more: float, step: int) -> Array:
    """b_t, b_t at a larger alpha, b_t, a, 0 in closed form; or wrong versions."""
    now, fuller = (
        float(theory.constant_filter(d, ridge, value, step)) for value in (alpha, alpha + more * (1 - alpha))
    )
    first = d / (d + ridge)
    if which == "alpha lowers the filter":
        fuller = now - (fuller - now)
    upper = first**step if which == "at most a^t" else first
    below = now
    if which == "falls by one percent a step":
        now = 0.99 * now
    elif which == "at least a^(t - 1)":
        return _larger_filters(d=d, ridge=ridge, alpha=alpha, more=more, step=step + 1)
    return np.array([now, fuller, below, upper, 0.0])


A5 = Claim(
    id="sd.A5",
    title="The true targets dampen, every step shrinks",
    statement=(
        r"\alpha\in[0,1]\ \text{constant}:\quad 0\le a^t\le b^{(t)}\le a<1,\quad b^{(t+1)}\le b^{(t)},\quad "
        r"\alpha\le\alpha'\Rightarrow b^{(t)}(\alpha)\le b^{(t)}(\alpha')"
    ),
    source=f"{PAPER}, dampening as in the title; derived",
    provenance="derived",
    assumptions=(RIDGE, "alpha in [0, 1], the same at every step"),
    proof="b -> a (alpha + (1 - alpha) b) rises in b and in alpha (b <= 1), and b^(1) = a <= 1 = b^(0).",
    equations={
        "theory.self_distillation.constant_filter": "right sides",
        "simulations.self_distillation.literal_fits": "left sides",
    },
    kind="bound",
    predict=_larger_filters,
    measure=_smaller_filters,
    margin=1e-12,
    domain={
        "d": Range(1e-3, 1e3, log=True),
        "ridge": Range(1e-3, 1e3, log=True),
        "alpha": Range(0.0, 1.0),
        "more": Range(0.0, 1.0),
        "step": Range(1, 20, integer=True),
    },
    mutants=wrong_predictions(
        _larger_filters,
        "alpha lowers the filter",
        "at most a^t",
        "falls by one percent a step",
        "at least a^(t - 1)",
    ),
    restarts=1000,
    scales={"quick": {"restarts": 100}, "paper": {"restarts": 10_000}},
)


def _next_filter(*, d: float, ridge: float, alphas: Any) -> float:
    """The last b of a schedule, by refits."""
    return float(_one_mode(d, ridge, alphas)[-1])


def _filter_before(*, d: float, ridge: float, alphas: Any) -> float:
    """The last but one b."""
    return float(theory.spectral_filter(d, ridge, alphas)[-2])


A5_SCHEDULE = Claim(
    id="sd.A5.schedule",
    title="Every step shrinks, whatever the schedule (false)",
    statement=r"\alpha_t\in[0,1]\;\Rightarrow\; b^{(t+1)}\le b^{(t)}",
    source="a common reading of the dampening; false where the weight of the true targets grows",
    provenance="derived",
    assumptions=("counterexample: alphas 0.1, 0.9",),
    expected="refuted",
    corrected_by="sd.A5",
    equations={"theory.self_distillation.spectral_filter": "b^(t)"},
    kind="bound",
    predict=_filter_before,
    measure=_next_filter,
    settings=({"d": 0.7, "ridge": 0.3, "alphas": (0.1, 0.9)}, {"d": 0.7, "ridge": 0.3, "alphas": (0.9, 0.1)}),
)

CLAIMS = (A3, A4, A4_TIGHT, A5, A5_SCHEDULE)
