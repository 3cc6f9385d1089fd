"""From a figure's record to its files: run what is not stored, ask the ledger, draw, write picture, table and record.

A figure shows the same stored blocks that the claims are judged on, where measure and setting are the same. Nothing
that failed is dropped: a failed experiment leaves a red stamp on the picture and its error in the record.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from assay import discovery
from assay.check import check
from assay.claim import Scale
from assay.drawing import MISSING, STYLE, Canvas
from assay.experiment import Experiment, library_versions, measure_name
from assay.ledger import Ledger, entry
from assay.marks import Stamp, archive, table
from assay.moments import Moments
from assay.seeds import canonical_json
from assay.sweep import Outcome, Sweep

__all__ = ["FORMATS", "FigureData", "FigureResult", "FigureSpec", "Plan", "gather", "judge", "run_figure"]

FORMATS = ("png", "pdf", "svg")

Plan = Mapping[str, tuple[Experiment, int]]


@dataclass(frozen=True, eq=False)
class FigureData:
    """What a figure is drawn from: `scale` and suite `seed`; by experiment name the `moments` of the replicates, raw
    `samples` (replicates, …) where the experiment keeps them, and the errors of those that are `missing`; the ledger
    lines `verdicts` by claim id."""

    scale: Scale
    seed: int
    moments: Mapping[str, Moments]
    samples: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    verdicts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FigureSpec:
    """One figure: `id` (its file name), `title`, `caption` (what is line, what is point, what the bars are), the ids of
    the `claims` whose verdicts it shows, `experiments(scale, seed)` -> name -> (experiment, replicates), a module-level
    function, and `draw(data)` -> the canvas, not yet finished."""

    id: str
    title: str
    caption: str
    claims: tuple[str, ...] = ()
    experiments: Callable[[Scale, int], Plan]
    draw: Callable[[FigureData], Canvas]


@dataclass(frozen=True, eq=False)
class FigureResult:
    """What a run left: the paths of `figure`, `table`, `record` and, of large maps, `maps` (None where the figure has
    none), the `data` drawn, the finished `canvas`."""

    figure: Path
    table: Path
    record: Path
    data: FigureData
    canvas: Canvas
    maps: Path | None = None


def run_figure(
    spec: FigureSpec,
    sweep: Sweep,
    ledger: Ledger,
    *,
    scale: Scale = "standard",
    seed: int = 0,
    out: str | os.PathLike[str] = "figures",
    format: str = "png",
    claims: Mapping[str, tuple[str, Any]] | None = None,
) -> FigureResult:
    """Compute and draw `spec`, write ``<out>/<id>.<format>``, ``<id>.csv`` and ``<id>.json``; return where and what.

    Large maps on the canvas are written to ``<id>.npz`` (see `assay.marks.archive`), not to the table.

    `sweep` supplies the replicates at `scale` ("quick", "standard", "paper") and suite `seed` >= 0; `ledger` the
    verdicts: a claim without a current line is judged now and appended. `out` is a folder, made if needed; `format`
    one of png, pdf, svg; `claims` id -> (row, claim), by default every claim of the suite. Each file appears whole or
    not at all; the table's bytes depend on the numbers alone. Raises `ValueError` for another format,
    `assay.discovery.UnknownId` for a claim that does not exist.

    >>> run_figure(None, None, None, format="gif")
    Traceback (most recent call last):
        ...
    ValueError: format must be one of png, pdf, svg, got format='gif'
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got format={format!r}")
    plan = dict(spec.experiments(scale, seed))
    lines = judge(spec, sweep, ledger, scale=scale, seed=seed, claims=claims)
    data = gather(plan, sweep, scale, seed, lines)
    canvas = draw(spec, data)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {kind: folder / f"{spec.id}.{kind}" for kind in (format, "csv", "json", "npz")}
    _write(paths[format], _picture(canvas, format))
    _write(paths["csv"], table(canvas.marks).encode())
    _write(paths["json"], _record(spec, plan, data, canvas))
    if canvas.maps:
        _write(paths["npz"], archive(canvas.maps))
    maps = paths["npz"] if canvas.maps else None
    return FigureResult(paths[format], paths["csv"], paths["json"], data, canvas, maps)


def gather(
    plan: Plan, sweep: Sweep, scale: Scale, seed: int, verdicts: Mapping[str, Mapping[str, Any]] | None = None
) -> FigureData:
    """Return the moments and samples of the experiments of `plan` as `sweep` has or computes them, failures as missing.

    `scale` and `seed` are those that `plan` was made with; `verdicts` the ledger lines to go with them.
    """
    outcomes: dict[str, Outcome] = dict(zip(plan, sweep.run(plan.values()), strict=True))
    moments = {name: o.moments for name, o in outcomes.items() if o.moments is not None}
    kept = [name for name in moments if plan[name][0].keep_samples]
    return FigureData(
        scale,
        seed,
        moments,
        samples={name: sweep.samples(*plan[name]) for name in kept},
        verdicts=verdicts or {},
        missing={name: o.error or "no result" for name, o in outcomes.items() if o.moments is None},
    )


def judge(
    spec: FigureSpec,
    sweep: Sweep,
    ledger: Ledger,
    *,
    scale: Scale = "standard",
    seed: int = 0,
    claims: Mapping[str, tuple[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the ledger line of each claim that `spec` shows: the current one, or a new one, computed and appended.

    `sweep`, `ledger`, `scale`, `seed` and `claims` as in `run_figure`. A claim whose experiment fails gets the
    verdict "not run" with the error as reason; that line is shown and not kept.
    """
    known = discovery.claims() if claims is None and spec.claims else claims or {}
    lines = {}
    for claim_id in spec.claims:
        ((row, claim),) = discovery.select(known, [claim_id])
        line = ledger.current(row, claim_id, scale, seed)
        if line is None:
            try:
                line = entry(row, claim, check(claim, sweep, scale, seed), scale, seed)
                ledger.append(line)
            except RuntimeError as error:
                line = {"id": claim_id, "verdict": "not run", "as_expected": False, "reason": str(error)}
        lines[claim_id] = line
    return lines


def draw(spec: FigureSpec, data: FigureData) -> Canvas:
    """Return the finished canvas of `spec` for `data`: drawn, stamped with verdicts and with whatever is missing.

    Theory runs on one BLAS thread: then its last bits do not depend on the cores at hand, nor its speed on their load.
    """
    with mpl.rc_context(STYLE), threadpool_limits(limits=1):
        canvas = spec.draw(data)
        for line in data.verdicts.values():
            canvas.verdict(line)
        for name, error in data.missing.items():
            canvas.stamps.append(Stamp(f"missing: {name} ({error[:60]})", "x", MISSING))
        canvas.finish()
    return canvas


def _picture(canvas: Canvas, format: str) -> bytes:
    """The file's bytes, without a date in them."""
    buffer = BytesIO()
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
    with mpl.rc_context(STYLE):
        canvas.figure.savefig(buffer, format=format, metadata=dateless, dpi=canvas.dpi or STYLE["savefig.dpi"])
    return buffer.getvalue()


def _record(spec: FigureSpec, plan: Plan, data: FigureData, canvas: Canvas) -> bytes:
    """Everything needed to say how the figure came about, as JSON text."""
    bad, total = canvas.crossed
    record = {
        "id": spec.id,
        "title": spec.title,
        "caption": spec.caption,
        "scale": data.scale,
        "seed": data.seed,
        "experiments": {name: _experiment_record(name, *wanted, data) for name, wanted in plan.items()},
        "missing": dict(data.missing),
        "refuted_points": bad,
        "simulated_points": total,
        "stamps": [stamp.text for stamp in canvas.stamps],
        "verdicts": {claim_id: dict(line) for claim_id, line in data.verdicts.items()},
        "versions": {**library_versions(), "matplotlib": mpl.__version__},
    }
    return (json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _experiment_record(name: str, experiment: Experiment, replicates: int, data: FigureData) -> dict[str, Any]:
    """Address and outcome of one experiment."""
    moments = data.moments.get(name)
    return {
        "measure": measure_name(experiment),
        "setting": json.loads(canonical_json(experiment.setting)),
        "block": experiment.block,
        "seed": experiment.seed,
        "key": experiment.key,
        "replicates_wanted": replicates,
        "replicates": moments.count if moments is not None else 0,
    }


def _write(path: Path, content: bytes) -> None:
    """Write under a temporary name and rename, so that a reader never meets half a file."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
