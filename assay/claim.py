"""The record of one claim: what a paper says, what would confirm it, and wrong versions that must not pass.

A claim joins two callables. `predict` is the theory, `measure` the experiment (or, for claims without
randomness, an independent second route). What the engine does with the two depends on `kind`:

identity     `measure(**setting)` and `predict(**setting)`, numbers or sympy expressions by two routes;
             holds when equal within `margin` (relative) at every setting.
exact        `measure(rng, replicates, **setting)` -> samples, axis 0 the replicates; `predict(**setting)` ->
             their expectation; holds when mean/predicted - 1 lies inside `margin`; any proven error refutes.
limit        as exact, but at infinite size: the intercept over `sizes` must lie inside `margin` (or, at one size,
             the deviation itself, the finite-size error being declared as `slack`).
bound        `measure(**point)` <= `predict(**point)` (1 + `margin`) at every point that a search reaches.
proof        the same on the whole `domain`, rigorously, without a margin: both functions and `admissible` get an
             interval (low, high) for every argument of the domain; the two return enclosures, pairs (low, high) or
             arrays of shape (outputs, 2), and `admissible` True or False where that is sure, None where it is not. The
             box is subdivided into at most `budget` cells; see `assay.subdivision`.
probability  `measure(rng, replicates, **setting)` -> events (0/1); `predict(**setting)` -> largest probability.
rate         the exponent a of |measure| = c size^-a, fitted over `sizes`, within `margin` (absolute) of `predict`.
tendency     as exact at the whole budget; holds when a `fraction` of the cases lies within `margin`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from assay.search import Range

__all__ = ["Claim", "Kind", "Mutant", "Outcome", "Provenance", "Scale", "VacuousClaim"]

Kind = Literal["identity", "exact", "limit", "bound", "proof", "probability", "rate", "tendency"]
Outcome = Literal["holds", "refuted", "undecided", "not run"]
Provenance = Literal["paper", "reconstructed", "derived"]
Scale = Literal["quick", "standard", "paper"]

SECOND_KEY_FACTOR = 4  # fresh-seed budget over the first one
DEFAULT_MARGIN = {"identity": 1e-10, "bound": 1e-9, "proof": 1e-9, "rate": 0.05}


class VacuousClaim(ValueError):
    """The hypotheses of a claim admitted no input at all: an error, never a pass."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A wrong version of a claim's formula, which the claim's own check must refute.

    `name` says what is wrong; `predict` and/or `measure` replace the claim's (None keeps it); `settings` indexes
    the claim's settings at which the two versions differ (empty = all); `equivalent` is the reason why this
    version cannot be told apart, in which case it is reported and not judged.
    """

    name: str
    predict: Callable[..., Any] | None = None
    measure: Callable[..., Any] | None = None
    settings: tuple[int, ...] = ()
    equivalent: str = ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement and everything needed to weigh it; see the module's table for `predict` and `measure`.

    Identification: `id` (row prefix, dot, name), `title`, `statement` (LaTeX), `source`, `provenance`, `assumptions`,
    `equations` (qualified function name -> equation or statement it computes), `corrected_by` (id of the true
    version beside a false one), `proof` (a sketch, where there is one).
    Judgement: `kind`, `expected` outcome, `margin` (relative; absolute for rates and where `relative` is False),
    `slack` (the error that does not refute: None = 0 for exact, `margin` otherwise), `mutants`.
    Evidence: `settings` (keyword arguments; JSON-able), `columns` (which of the measure's flattened outputs are
    judged; empty = all) and `outputs` (their labels), `admissible` (a predicate on settings or points), `budget`
    (replicates per setting, or cells), `block` (replicates in the first stored block), `sizes` and `at_size` (setting
    and size -> keyword arguments; by default n = size), `powers` of 1/size in the extrapolation, `domain` (searches
    and proofs) and `restarts` (searches), `deterministic` (limits, rates and tendencies whose measure takes no rng),
    `fraction` (tendencies), `requires` (predicate: are the published data it needs at hand?).
    `scales` holds overrides of any field per scale.
    """

    id: str
    title: str
    statement: str
    source: str
    provenance: Provenance
    kind: Kind
    predict: Callable[..., Any]
    measure: Callable[..., Any]
    assumptions: tuple[str, ...] = ()
    equations: Mapping[str, str] = field(default_factory=dict)
    proof: str = ""
    expected: Outcome = "holds"
    corrected_by: str = ""
    margin: float | None = None
    slack: float | None = None
    relative: bool = True
    settings: tuple[Mapping[str, Any], ...] = ({},)
    outputs: tuple[str, ...] = ()
    columns: tuple[int, ...] = ()
    admissible: Callable[..., bool] | None = None
    budget: int = 4096
    block: int = 64
    sizes: tuple[float, ...] = ()
    at_size: Callable[[Mapping[str, Any], float], Mapping[str, Any]] | None = None
    powers: tuple[float, ...] = (1.0,)
    domain: Mapping[str, Range] = field(default_factory=dict)
    restarts: int = 200
    deterministic: bool = False
    fraction: float = 1.0
    requires: Callable[[], bool] | None = None
    mutants: tuple[Mutant, ...] = ()
    scales: Mapping[Scale, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.margin is None:
            object.__setattr__(self, "margin", DEFAULT_MARGIN.get(self.kind, 0.01))
        _validate(self)

    def at(self, scale: Scale) -> Claim:
        """This claim with the overrides of `scale` ("quick", "standard" or "paper") applied."""
        if scale not in get_args(Scale):
            raise ValueError(f"scale must be one of {', '.join(get_args(Scale))}, got scale={scale!r}")
        return replace(self, **{**self.scales.get(scale, {}), "scales": {}})

    def mutated(self, mutant: Mutant) -> Claim:
        """This claim with the formula of `mutant` in place of its own."""
        chosen = tuple(self.settings[i] for i in mutant.settings) or self.settings
        return replace(
            self,
            predict=mutant.predict or self.predict,
            measure=mutant.measure or self.measure,
            settings=chosen,
            mutants=(),
        )

    @property
    def origin(self) -> str:
        """The source with the provenance, said once."""
        return self.source if self.source.startswith(self.provenance) else f"{self.source} ({self.provenance})"

    @property
    def tolerance(self) -> float:
        """The margin, as a float: the largest error under which the claim still counts as true."""
        assert self.margin is not None  # set in __post_init__
        return self.margin

    @property
    def refutation_slack(self) -> float:
        """The largest error that does not refute the claim."""
        if self.slack is not None:
            return self.slack
        return 0.0 if self.kind == "exact" else self.tolerance


def _validate(claim: Claim) -> None:
    """Refuse records that could not be judged; the message names the claim and the field."""

    def require(condition: bool, message: str) -> None:
        if not condition:
            raise ValueError(f"claim {claim.id!r}: {message}")

    require("." in claim.id and " " not in claim.id, "id must look like 'row.name'")
    require(claim.kind in get_args(Kind), f"kind must be one of {', '.join(get_args(Kind))}, got {claim.kind!r}")
    require(claim.provenance in get_args(Provenance), f"unknown provenance {claim.provenance!r}")
    require(claim.expected in ("holds", "refuted"), f"expected must be holds or refuted, got {claim.expected!r}")
    require(claim.tolerance > 0, f"margin must be > 0, got margin={claim.margin}")
    require(claim.refutation_slack >= 0, f"slack must be >= 0, got slack={claim.slack}")
    require(claim.budget >= 64, f"budget must be >= 64 replicates, got budget={claim.budget}")
    require(0 < claim.fraction <= 1, f"fraction must be in (0, 1], got fraction={claim.fraction}")
    require(bool(claim.settings), "settings must hold at least one setting")
    require(not claim.sizes or claim.kind in ("limit", "rate"), "sizes are for limits and rates only")
    require(not claim.domain or claim.kind in ("bound", "proof"), "a domain is for bounds and proofs only")
    require(bool(claim.domain) or claim.kind != "proof", "a proof needs a domain")
    integer = any(axis.integer for axis in claim.domain.values())
    require(claim.kind != "proof" or not integer, "the domain of a proof has no integers")
    require(claim.kind != "rate" or len(claim.sizes) >= 3, f"a rate needs >= 3 sizes, got {len(claim.sizes)}")
    if claim.kind == "limit" and claim.sizes:
        need = len(claim.powers) + 2
        require(len(claim.sizes) >= need, f"a limit needs >= {need} sizes, got {len(claim.sizes)}")
        require(max(claim.sizes) >= 8 * min(claim.sizes), f"sizes must span a factor >= 8, got {claim.sizes}")
    for mutant in claim.mutants:
        changed = mutant.predict or mutant.measure or mutant.equivalent
        require(bool(changed), f"mutant {mutant.name!r} changes nothing")
        require(all(0 <= i < len(claim.settings) for i in mutant.settings), f"mutant {mutant.name!r}: no such setting")
