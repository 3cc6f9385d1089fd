"""The ledger: one JSON line per claim and run, appended as soon as the verdict stands.

Report, README table, figures and notebooks read their verdicts here; nobody types one. A line whose sources
have changed since is kept but no longer current.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.claim import Claim, Scale
from assay.experiment import library_versions
from assay.verdict import Case, Verdict

__all__ = ["Ledger", "counts", "entry", "row_fingerprint"]

VERDICT_MODULES = (
    "check",
    "claim",
    "evidence",
    "experiment",
    "extrapolation",
    "interval",
    "moments",
    "mutation",
    "published",
    "search",
    "seeds",
    "subdivision",
    "sweep",
    "unpickle",
    "verdict",
)


def row_fingerprint(row: str) -> str:
    """Hash of every source file behind the claims of `row`, and of the modules that turn evidence into verdicts."""
    digest = hashlib.sha256()
    modules = [f"{column}.{row}" for column in ("theory", "simulations", "claims")]
    modules += ["theory._checks", "simulations._checks"]
    for name in [*modules, *(f"assay.{module}" for module in VERDICT_MODULES)]:
        for path in _sources(name):
            digest.update(f"{name}/{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _sources(module: str) -> list[Path]:
    """The source files of a module or package; none if it does not exist."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    origin = Path(spec.origin)
    return sorted(origin.parent.rglob("*.py")) if spec.submodule_search_locations else [origin]


def entry(row: str, claim: Claim, verdict: Verdict, scale: Scale, seed: int) -> dict[str, Any]:
    """The ledger line of one run: `claim` of `row` as judged by `verdict` at `scale` with suite `seed`."""
    at_scale = claim.at(scale)
    estimates = [case.estimate for case in verdict.cases]
    return _plain(
        {
            "id": claim.id,
            "row": row,
            "title": claim.title,
            "source": claim.source,
            "provenance": claim.provenance,
            "kind": claim.kind,
            "verdict": verdict.outcome,
            "expected": claim.expected,
            "as_expected": verdict.outcome in (claim.expected, "not run") and not verdict.surviving,
            "reason": verdict.reason,
            "margin": at_scale.tolerance,
            "slack": at_scale.refutation_slack,
            "scale": scale,
            "seed": seed,
            "settings": [dict(setting) for setting in at_scale.settings],
            "sizes": list(at_scale.sizes),
            "replicates": verdict.replicates,
            "keys": verdict.keys,
            "cases": [_case_line(case) for case in verdict.cases],
            "smallest_detectable_error": max((case.detectable for case in verdict.cases), default=0.0),
            "finite_size_slopes": [e.slope for e in estimates if e.slope is not None],
            "worst_case": dict(verdict.worst),
            "tightness": verdict.tightness,
            "certificates": list(verdict.certificates),
            "admissible_inputs": verdict.admissible,
            "mutants": dict(verdict.mutants),
            "wall_time": round(verdict.wall_time, 3),
            "versions": library_versions(),
            "fingerprint": row_fingerprint(row),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


def _case_line(case: Case) -> dict[str, Any]:
    """One case: mean deviation, its interval, spread and shape."""
    e = case.estimate
    return {
        "setting": case.setting,
        "label": case.label,
        "outcome": case.outcome,
        "deviation": e.deviation,
        "interval": [case.low, case.high],
        "cv": e.standard_error * math.sqrt(e.count),
        "skewness": e.skewness,
        "replicates": e.count,
        "measured": e.measured,
        "predicted": e.predicted,
        "note": e.note,
    }


def _plain(value: Any) -> Any:
    """JSON without surprises: numpy scalars to Python, non-finite floats to the strings nan, inf, -inf."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


@dataclass(frozen=True)
class Ledger:
    """An append-only file of JSON lines at `path`; a torn line (a run that was killed) is skipped with a warning."""

    path: Path

    def append(self, line: Mapping[str, Any]) -> None:
        """Add one line and flush it to disk; several processes may append to one ledger."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        data = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        torn = self.path.exists() and self.path.stat().st_size > 0 and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("ab") as file:
            file.write(b"\n" + data if torn else data)
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> list[dict[str, Any]]:
        """All readable lines, oldest first; unreadable ones are reported and skipped."""
        if not self.path.exists():
            return []
        found = []
        for number, text in enumerate(self.path.read_text(encoding="utf8", errors="replace").splitlines(), start=1):
            if not text.strip():
                continue
            try:
                line = json.loads(text)
            except json.JSONDecodeError:
                line = None
            if isinstance(line, dict) and "id" in line:
                found.append(line)
            else:
                warnings.warn(f"{self.path}: line {number} is damaged and was skipped", RuntimeWarning, stacklevel=2)
        return found

    def latest(self) -> dict[str, dict[str, Any]]:
        """The newest line of every claim id."""
        return {line["id"]: line for line in self.lines()}

    def current(self, row: str, claim_id: str, scale: Scale, seed: int) -> dict[str, Any] | None:
        """The newest line of `claim_id` if `scale`, `seed` and the sources of `row` are still the same, else None."""
        wanted = (claim_id, scale, seed, row_fingerprint(row))
        for line in reversed(self.lines()):
            if (line["id"], line.get("scale"), line.get("seed"), line.get("fingerprint")) == wanted:
                return line
        return None


def counts(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many of the `lines` hold, are refuted, undecided or not run, and how many came out as expected."""
    lines = list(lines)
    tally = dict.fromkeys(("holds", "refuted", "undecided", "not run"), 0)
    for line in lines:
        tally[line["verdict"]] += 1
    return {**tally, "as expected": sum(bool(line["as_expected"]) for line in lines)}
